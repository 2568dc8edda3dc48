//! How records are processed.

use super::super::document::{list, nearest};
use super::super::downstream::Downstream;
use super::super::model::{OnStop, Processing};
use super::super::raw::{self, Either, Named, Spot};
use super::client::Client;
use super::judge::Judge;
use super::properties::AllGiven;
use crate::kafka::ConsumerProperties;
use crate::units::SimDuration;

pub(super) const ON_STOPS: [(&str, OnStop); 2] = [
    ("finish-record", OnStop::FinishRecord),
    ("finish-batch", OnStop::FinishBatch),
];

/// Most dependency calls of one record, one after another.
const MOST_CALLS: u64 = 10_000;

impl Judge<'_> {
    /// How records are processed; makes enable.auto.commit follow `commit` where it was not given.
    pub(super) fn processing(
        &mut self,
        section: Option<&Spot<raw::Processing>>,
        properties: &mut ConsumerProperties,
        given: &AllGiven,
        downstreams: Option<&[Downstream]>,
        client: &Client,
    ) -> Option<Processing> {
        let Some(Spot { span, value }) = section else {
            return self.missing(
                &(0..0),
                "processing",
                r#"add a section: [processing] with time = "4ms""#,
            );
        };
        let time = match &value.time {
            Some(law) => self.law(law),
            None => self.missing(span, "time", r#"write what a record costs: time = "4ms""#),
        };
        let all = downstreams.unwrap_or(&[]);
        let calls = match &value.calls {
            Some(calls) => self.calls(calls, downstreams),
            None => Some(vec![1; all.len()]),
        };
        let concurrency = self.concurrency(value.concurrency.as_ref(), client.concurrency);
        let order = self.order(value, client);
        let commit = self.commit(value, properties, given, client);
        let commit_on_revoke = self.commit_on_revoke(value, commit, client);
        let on_stop = match &value.on_stop {
            Some(word) => self.choice(word, &ON_STOPS),
            None => Some(client.on_stop),
        };
        // Kubernetes: terminationGracePeriodSeconds is 30 by default.
        let grace = self.duration_or(&value.grace, SimDuration::from_secs(30));
        let restart = self.supervisor(value.restart.as_ref());
        let processing = Processing {
            time: time?,
            calls: calls?,
            concurrency: concurrency?,
            order: order?,
            commit: commit?,
            commit_on_revoke: commit_on_revoke?,
            on_stop: on_stop?,
            grace,
            restart: restart?,
        };
        self.limit_of_nothing(value, &processing, all);
        Some(processing)
    }

    /// How many records are worked on at once.
    pub(super) fn concurrency(&mut self, value: Option<&raw::Count>, default: u32) -> Option<u32> {
        let Some(count) = value else {
            return Some(default);
        };
        let count = self.count_within(count, "the records worked on at once", 1, 1_000_000);
        count.map(|count| count as u32)
    }

    /// What takes no time has no rate either that a limit could bring down.
    fn limit_of_nothing(
        &mut self,
        section: &raw::Processing,
        processing: &Processing,
        downstreams: &[Downstream],
    ) {
        let mut called = processing.called(downstreams).map(|(own, _)| own);
        let timeless = called.all(|own| own.latency.mean() == 0.0);
        let timeless = timeless && processing.time.mean() == 0.0;
        let Some(written) = section.time.as_ref().filter(|_| timeless) else {
            return;
        };
        let place = match written {
            Either::Plain(time) => &time.0.span,
            Either::Table(law) => &law.span,
        };
        let mut called = processing.called(downstreams).map(|(own, _)| own);
        if let Some(downstream) = called.find(|own| own.limit.is_some()) {
            let help = format!(
                "write how long a call takes, under [downstream.{}]: latency = \"1ms\"",
                downstream.name
            );
            let message = "neither a record's work nor its call takes any time, so no limit would hold them back";
            self.error::<()>(place, message, help);
        }
    }

    /// Calls of each dependency; of none where they could not be read.
    fn calls(
        &mut self,
        value: &Either<raw::Count, Named<raw::Count>>,
        downstreams: Option<&[Downstream]>,
    ) -> Option<Vec<u32>> {
        let (place, counts) = match value {
            Either::Plain(count) => (&count.0.span, vec![count]),
            Either::Table(table) => {
                let counts = table.value.0.iter().map(|(_, count)| count);
                (&table.span, counts.collect())
            }
        };
        let counts: Vec<Option<u32>> = counts
            .into_iter()
            .map(|count| self.calls_of_one(count))
            .collect();
        let Some(all) = downstreams else {
            return Some(Vec::new());
        };
        match (value, all) {
            (Either::Plain(_), []) if counts != [Some(0)] => self.error(
                place,
                "there is no dependency to call",
                "describe the dependency in a section [downstream.NAME], or write calls = 0",
            ),
            (Either::Plain(_), []) => Some(Vec::new()),
            (Either::Plain(_), [_]) => counts.into_iter().collect(),
            (Either::Plain(count), _) => {
                let each = all.iter();
                let each = each.map(|own| format!("{} = {}", own.name, count.0.value.plain()));
                let each = each.collect::<Vec<_>>().join(", ");
                self.error(
                    place,
                    "there are several dependencies: this does not say how often each is called",
                    format!("write a table that says it of each: calls = {{ {each} }}"),
                )
            }
            (Either::Table(table), _) => self.calls_by_name(table, &counts, all),
        }
    }

    fn calls_by_name(
        &mut self,
        table: &Spot<Named<raw::Count>>,
        counts: &[Option<u32>],
        all: &[Downstream],
    ) -> Option<Vec<u32>> {
        let mut calls = vec![None; all.len()];
        let mut known = true;
        for ((name, _), count) in table.value.0.iter().zip(counts) {
            match self.called_so(name, all) {
                Some(which) => calls[which] = Some(*count),
                None => known = false,
            }
        }
        for (own, said) in all.iter().zip(&calls) {
            // Where a name is unknown, it may be this one.
            if said.is_none() && known {
                let message = format!("`calls` does not say how often {} is called", own.name);
                let help = format!("add it, with 0 if it is not called: {} = 1", own.name);
                self.error::<()>(&table.span, message, help);
            }
        }
        let calls: Option<Vec<u32>> = calls.into_iter().map(Option::flatten).collect();
        calls.filter(|_| known)
    }

    /// The dependency that is called so.
    pub(super) fn called_so(&mut self, name: &Spot<String>, all: &[Downstream]) -> Option<usize> {
        let known = all.iter().position(|own| own.name == name.value);
        if known.is_some() {
            return known;
        }
        let names: Vec<&str> = all.iter().map(|own| own.name.as_str()).collect();
        let help = match (nearest(&name.value, names.iter().copied()), names.len()) {
            (Some(name), _) => format!("write `{name}`"),
            (None, 0) => "describe it in a section [downstream.NAME]".to_owned(),
            (None, _) => format!("there are {}", list(&names)),
        };
        let message = format!("there is no dependency `{}`", name.value);
        self.error(&name.span, message, help)
    }

    fn calls_of_one(&mut self, value: &raw::Count) -> Option<u32> {
        let calls = self.count(value)?;
        if calls > MOST_CALLS {
            let help = "write fewer calls and a latency that stands for several of them";
            return self.error(
                &value.0.span,
                format!("{calls} dependency calls per record are more than {MOST_CALLS}"),
                help,
            );
        }
        Some(calls as u32)
    }
}
