//! Clients that hand the records of their polls to a pool of threads: what goes with one, and what does not.

use super::super::on_error::OnError;
use super::super::raw::{self, CommitEvery, Either, Model, Text};
use super::client::Client;
use super::judge::{Judge, Place};
use crate::kafka::parallel::ProcessingOrder;
use crate::kafka::{AutoCommitFrom, ClientProfile};

const ORDERS: [(&str, ProcessingOrder); 3] = [
    ("key", ProcessingOrder::Key),
    ("partition", ProcessingOrder::Partition),
    ("unordered", ProcessingOrder::Unordered),
];

const BY_ITSELF: &str = "a client with a pool commits what that has completed";

fn is_auto(written: &Either<Text, CommitEvery>) -> bool {
    matches!(written, Either::Plain(word) if word.0.value.plain() == "auto")
}

impl Judge<'_> {
    /// Which records of a profile's pool wait for each other, if it has one: it then commits what is done, and nobody else
    /// can.
    pub(super) fn pool_of_profile(
        &mut self,
        at: &Place,
        written: &raw::Client,
        profile: ClientProfile,
    ) -> Option<Option<ProcessingOrder>> {
        let completed = profile.auto_commit_from == AutoCommitFrom::Completed;
        if let Some(commit) = written.commit.as_ref().filter(|_| completed)
            && !is_auto(commit)
        {
            let help = r#"leave `commit` out, or write commit = "auto""#;
            return self.error(commit.place(), BY_ITSELF, help);
        }
        match &written.order {
            None if completed => self.missing(
                at,
                "order",
                r#"write which records of its pool wait for each other: order = "key""#,
            ),
            None => Some(None),
            Some(word) if completed => self.choice(word, &ORDERS).map(Some),
            Some(word) => self.error(
                &word.0.span,
                BY_ITSELF,
                r#"write auto-commit = "completed", or leave `order` out"#,
            ),
        }
    }

    /// Which records wait for each other in the pool of a model's client, if it has one.
    pub(super) fn order(
        &mut self,
        value: &raw::Processing,
        client: &Client,
    ) -> Option<Option<ProcessingOrder>> {
        match (&value.order, client.order) {
            (None, own) => Some(own),
            (Some(word), Some(_)) => self.choice(word, &ORDERS).map(Some),
            (Some(word), None) => self.error(
                &word.0.span,
                format!(
                    "{} has no pool of threads: the application works on one batch after another",
                    client.name
                ),
                r#"leave `order` out, or write client = "parallel-consumer" under [group]"#,
            ),
        }
    }

    /// What a pool does not go with.
    pub(super) fn beside_a_pool(
        &mut self,
        model: &Model,
        client: &Client,
        on_error: &[Option<OnError>],
    ) {
        let processing = model.processing.as_ref();
        let written = processing.and_then(|section| section.value.commit.as_ref());
        if let Some(written) = written.filter(|written| !is_auto(written)) {
            self.error::<()>(
                written.place(),
                format!("{} commits by itself what its threads have completed", client.name),
                "leave `commit` out: only the client knows how far that is; auto.commit.interval.ms says how often it commits",
            );
        }
        let poison = model.poison.as_deref().unwrap_or(&[]);
        for (entry, own) in poison.iter().zip(on_error) {
            let crashes = own.as_ref().is_some_and(OnError::crashes);
            if crashes {
                let written = entry.value.on_error.as_ref();
                self.error::<()>(
                    written.map_or(&entry.span, |written| written.place()),
                    format!("{} catches what its threads throw", client.name),
                    r#"write "retry-forever" or "skip", or a table such as { retry = { attempts = 3, by = "seek", then = "skip" } }"#,
                );
            }
        }
        for (_, section) in model.downstreams() {
            let own = &section.value;
            let timeout = own.timeout.as_ref().map(|time| &time.0.span);
            let refused = own.when_limited.is_some();
            let back_off = own.retry_back_off.as_ref().filter(|_| !refused);
            let back_off = back_off.map(|time| &time.0.span);
            let breaker = own.circuit_breaker.as_ref().map(|table| &table.span);
            let on_error = own.on_error.as_ref().map(Either::place);
            let given = timeout.into_iter().chain(back_off);
            for at in given.chain(breaker).chain(on_error) {
                self.error::<()>(
                    at,
                    format!(
                        "what the threads of {} make of an outage is not modelled",
                        client.name
                    ),
                    "leave it out: their calls wait until the dependency works again",
                );
            }
        }
    }
}
