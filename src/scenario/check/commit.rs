//! When offsets are committed, and by whom.

use super::super::model::CommitPolicy;
use super::super::raw::{self, CommitEvery, Either, Text};
use super::client::Client;
use super::judge::{Judge, Place};
use super::properties::{AllGiven, place_of};
use crate::kafka::{AutoCommitFrom, ConsumerProperties};
use crate::units::SimDuration;

const COMMITS: [(&str, CommitPolicy); 4] = [
    ("auto", CommitPolicy::Auto),
    ("after-batch", CommitPolicy::AfterBatch),
    ("per-record", CommitPolicy::PerRecord),
    ("async", CommitPolicy::Async),
];

impl<T> Either<Text, T> {
    pub(super) fn place(&self) -> &Place {
        match self {
            Either::Plain(word) => &word.0.span,
            Either::Table(table) => &table.span,
        }
    }
}

impl Judge<'_> {
    /// When offsets are committed, as a model or a profile writes it.
    pub(super) fn commit_policy(
        &mut self,
        written: &Either<Text, CommitEvery>,
    ) -> Option<CommitPolicy> {
        let table = match written {
            Either::Plain(word) => {
                let before = self.found.len();
                let policy = self.choice(word, &COMMITS);
                for one in &mut self.found[before..] {
                    one.help.push_str(r#", or a table as in { every = "5s" }"#);
                }
                return policy;
            }
            Either::Table(table) => table,
        };
        let CommitEvery {
            every,
            every_records,
        } = &table.value;
        if every.is_none() && every_records.is_none() {
            let help = r#"write { every = "5s" }, { every-records = 100 }, or both"#;
            return self.error(&table.span, "this table does not say when to commit", help);
        }
        let time = match every {
            Some(time) => self.positive(time, "the time between two commits"),
            None => Some(SimDuration::FOREVER),
        };
        let records = match every_records {
            Some(count) => self.count_within(
                count,
                "the records between two commits",
                1,
                1_000_000_000_000,
            ),
            None => Some(u64::MAX),
        };
        Some(CommitPolicy::Every {
            records: records?,
            time: time?,
        })
    }

    /// When offsets are committed; makes enable.auto.commit follow it where it was not given.
    pub(super) fn commit(
        &mut self,
        value: &raw::Processing,
        properties: &mut ConsumerProperties,
        given: &AllGiven,
        client: &Client,
    ) -> Option<CommitPolicy> {
        let commit = match &value.commit {
            Some(written) => self.commit_policy(written)?,
            None => client.commit,
        };
        let by_client = commit == CommitPolicy::Auto;
        if let Some(at) = place_of(given, "enable.auto.commit")
            && properties.enable_auto_commit != by_client
        {
            let known = COMMITS.iter().find(|(_, policy)| *policy == commit);
            let word = known.map_or("{ every = ... }".to_owned(), |(word, _)| {
                format!("\"{word}\"")
            });
            let (message, help) = if by_client {
                (
                    "enable.auto.commit is false, but `commit` says that the client commits".to_owned(),
                    r#"say under [processing] when the application commits: commit = "after-batch", "per-record" or "async""#.to_owned(),
                )
            } else {
                (
                    format!("enable.auto.commit is true, but commit = {word} commits by itself"),
                    format!(
                        r#"leave enable.auto.commit out (commit = {word} turns it off), or write commit = "auto""#
                    ),
                )
            };
            return match &value.commit {
                Some(written) => self.clash(at, message, (written.place(), "who commits"), help),
                None => self.error(at, message, help),
            };
        }
        properties.enable_auto_commit = by_client;
        let after_batch = client.profile.auto_commit_from == AutoCommitFrom::AfterBatch;
        Some(if by_client && after_batch {
            CommitPolicy::AfterBatch
        } else {
            commit
        })
    }

    /// Whether the application also commits when partitions are taken from it.
    pub(super) fn commit_on_revoke(
        &mut self,
        value: &raw::Processing,
        commit: Option<CommitPolicy>,
        client: &Client,
    ) -> Option<bool> {
        let by_client = commit == Some(CommitPolicy::Auto);
        let Some(flag) = &value.commit_on_revoke else {
            return Some(client.commit_on_revoke && !by_client);
        };
        let on_revoke = self.flag(flag)?;
        if on_revoke && by_client {
            let help = r#"say when the application commits, commit = "after-batch", or leave it to the client"#;
            return self.error(
                &flag.0.span,
                "the client commits by itself, also when partitions are taken from it",
                help,
            );
        }
        Some(on_revoke)
    }
}
