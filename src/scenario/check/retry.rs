//! Retry topics: what goes with them, and what does not.

use super::super::downstream::Downstream;
use super::super::model::{Settings, Topic};
use super::super::on_error::GiveUp;
use super::super::raw::{self, Model, Spot};
use super::super::retry::RetryTopic;
use super::judge::{Judge, Place};
use super::timeline::Walked;
use super::topic::MOST_PARTITIONS;

/// Most retry topics of a model: each is a run of its own.
const MOST_TOPICS: usize = 100;
/// Longest name of a topic (`org.apache.kafka.common.internals.Topic`).
const LONGEST_NAME: usize = 249;

/// A place where the model says what giving up means, and what.
pub(super) type Handling<'m> = (&'m Place, GiveUp);

impl Judge<'_> {
    /// The retry topics, in order.
    pub(super) fn retry_topics(
        &mut self,
        model: &Model,
        topic: Option<&Topic>,
        (first, walked): (Option<&Settings>, &Walked),
        downstreams: Option<&[Downstream]>,
    ) -> Option<Vec<RetryTopic>> {
        let written = model.retry_topic.as_deref().unwrap_or(&[]);
        // What could not be read may be what gives up.
        let unread = first.is_none() || downstreams.is_none();
        let handlings = handlings(model, first, walked, downstreams.unwrap_or(&[]));
        let mut passing = handlings.iter().filter(|(_, then)| then.passes_on());
        let Some(first) = written.first() else {
            for (place, _) in passing {
                let help = "add one that says how long it waits there: [[retry-topic]] with delay = \"1m\"";
                self.error::<()>(place, "there is no retry topic to produce it to", help);
            }
            return Some(Vec::new());
        };
        if passing.next().is_none() && !unread {
            let help = r#"let something be given up to it: on-error = "retry-topic" of a [[poison]] or of the dependency; or leave it out"#;
            self.error::<()>(&first.span, "nothing is produced to this retry topic", help);
        }
        self.beside_retry_topics(model, &first.span, &handlings);
        if let Some(beyond) = written.get(MOST_TOPICS) {
            let message = format!("more than {MOST_TOPICS} retry topics");
            self.error::<()>(
                &beyond.span,
                message,
                "each of them is a run of its own: write fewer",
            );
        }
        let mut topics: Vec<RetryTopic> = Vec::new();
        for (index, section) in written.iter().enumerate().take(MOST_TOPICS) {
            if let Some(own) = self.retry_topic(section, index, topic, &topics) {
                topics.push(own);
            }
        }
        (topics.len() == written.len()).then_some(topics)
    }

    fn retry_topic(
        &mut self,
        section: &Spot<raw::RetryTopic>,
        index: usize,
        topic: Option<&Topic>,
        before: &[RetryTopic],
    ) -> Option<RetryTopic> {
        let Spot { span, value } = section;
        let delay = match &value.delay {
            Some(delay) => self.duration(delay),
            None => self.missing(
                span,
                "delay",
                r#"write how long a record waits in it: delay = "1m""#,
            ),
        };
        let partitions = match &value.partitions {
            Some(count) => self
                .count_within(count, "the partitions of a topic", 1, MOST_PARTITIONS)
                .map(|count| count as u32),
            None => topic.map(|topic| topic.partitions.len() as u32),
        };
        let (name, place) = match &value.name {
            Some(name) => (self.text(name), &name.0.span),
            None => (
                topic.map(|topic| format!("{}-retry-{index}", topic.name)),
                span,
            ),
        };
        let name = name?;
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !name.chars().all(legal) || name == "." || name == ".." || name.len() > LONGEST_NAME {
            return self.error(
                place,
                format!("`{name}` cannot be the name of a topic"),
                r#"write a name of at most 249 letters, digits, dots, underscores and hyphens: name = "orders-retry-0""#,
            );
        }
        let main = topic.map(|topic| topic.name.as_str());
        if main == Some(&name) || before.iter().any(|other| other.name == name) {
            return self.error(
                place,
                format!("there is a topic `{name}` already"),
                "write another name: each topic is read by a group of its own",
            );
        }
        Some(RetryTopic {
            name,
            delay: delay?,
            partitions: partitions?,
        })
    }

    /// What retry topics do not go with: what the members of all their groups, being the same processes, would share.
    fn beside_retry_topics(&mut self, model: &Model, retries: &Place, handlings: &[Handling<'_>]) {
        let mut refuse = |at: &Place, message: &str, help: &str| {
            self.clash::<()>(at, message, (retries, "the first retry topic"), help);
        };
        if let Some(section) = &model.autoscaler {
            refuse(
                &section.span,
                "that an autoscaler decides on processes that read retry topics too is not modelled",
                "leave one of them out",
            );
        }
        for (at, then) in handlings.iter().filter(|(_, then)| then.may_crash()) {
            refuse(
                at,
                "processes that exit because of a record, and take the readers of retry topics along, are not modelled",
                match then.crashes() {
                    true => r#"write "skip", "dead-letter" or "retry-topic""#,
                    false => r#"write on-failure = "retry" or "skip""#,
                },
            );
        }
        for (name, section) in model.downstreams() {
            for at in section.value.shared() {
                refuse(
                    at,
                    "a dependency that the readers of the topic and of its retry topics have to share is not modelled",
                    "leave it out, or the retry topics: outages and latencies go with them, limits, load and breakers do not",
                );
            }
            let later = model.changes_of(&name.value);
            for limit in later.filter_map(|change| change.rate_limit.as_ref()) {
                refuse(
                    &limit.0.span,
                    "a dependency that the readers of the topic and of its retry topics have to share is not modelled",
                    "leave the limit out, or the retry topics",
                );
            }
        }
    }

    /// A client with a pool of threads does not go with retry topics.
    pub(super) fn retry_topics_beside_a_pool(&mut self, model: &Model, client: &str) {
        if let Some(first) = model.retry_topic.iter().flatten().next() {
            self.error::<()>(
                &first.span,
                format!("retry topics behind the pool of {client} are not modelled"),
                r#"leave them out: its own retries, by = "seek", leave the thread to others meanwhile; or write another client"#,
            );
        }
    }
}

/// Every place where the model says what giving up means.
pub(super) fn handlings<'m>(
    model: &'m Model,
    first: Option<&Settings>,
    walked: &'m Walked,
    downstreams: &[Downstream],
) -> Vec<Handling<'m>> {
    let mut found: Vec<Handling<'m>> = Vec::new();
    let entries = model.poison.iter().flatten();
    for (entry, handling) in entries.zip(first.iter().flat_map(|own| &own.on_error)) {
        let written = entry.value.on_error.as_ref();
        let place = written.map_or(&entry.span, |written| written.place());
        found.extend(handling.then().map(|then| (place, then)));
    }
    for (place, own) in walked.set_at.iter().zip(&walked.settings) {
        // What is set otherwise than it was at the start.
        let before = first.into_iter().flat_map(|first| &first.on_error);
        let set = own.on_error.iter().zip(before);
        let set = set.filter(|(now, before)| now != before);
        found.extend(set.filter_map(|(now, _)| Some((place, now.then()?))));
    }
    for ((_, section), own) in model.downstreams().zip(downstreams) {
        let written = section.value.on_error.as_ref();
        if let (Some(written), Some(gives_up)) = (written, own.on_outage.gives_up) {
            found.push((written.place(), gives_up.then));
        }
    }
    found
}
