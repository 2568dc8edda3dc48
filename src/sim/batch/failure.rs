//! Poison records of a batch: what becomes of them in it, and how often they failed in earlier ones.

use super::super::giving_up::{give_up, last_attempts};
use super::letter::{Letter, Tried};
use super::{Batch, Kind, Stage};
use crate::kafka::Run;
use crate::scenario::{OnError, RetryBy};
use crate::units::{PartitionId, SimDuration};

impl Batch {
    /// How long a poison record keeps the batch, what is done with it, and how it goes to the dead-letter topic if it does.
    pub(super) fn fate(
        &self,
        (partition, offset): (PartitionId, u64),
        on_error: &OnError,
        attempt: SimDuration,
        named: bool,
    ) -> (SimDuration, Kind, Option<Letter>) {
        let tried = self.tried(partition, offset).unwrap_or(0);
        if let Some((after, attempts, then)) = last_attempts(on_error, attempt, tried) {
            let (takes, end) = give_up(self.dead_letter, then);
            let tried = Tried {
                attempts,
                named,
                seeks: on_error.seeks(),
            };
            let letter = Letter::of(then, tried, (after, takes));
            return (after + takes, tried.kind(end), letter);
        }
        let (back_off, rest_too) = match on_error {
            OnError::RetryForever(RetryBy::Seek { back_off }) => (*back_off, false),
            OnError::Retry { back_off, .. } => (back_off.after(tried + 1), true),
            OnError::RetryForever(RetryBy::InPlace) => {
                return (SimDuration::FOREVER, Kind::Stuck, None);
            }
        };
        (attempt, Kind::SoughtBack { back_off, rest_too }, None)
    }

    /// How often a poison record that the member has met before failed since it last started anew.
    pub fn tried(&self, partition: PartitionId, offset: u64) -> Option<u32> {
        let known = |entry: &&(PartitionId, u64, u32)| (entry.0, entry.1) == (partition, offset);
        self.failed.iter().find(known).map(|entry| entry.2)
    }

    /// So often a poison record has failed by now; `None` if the member is done with it.
    pub fn note_tried(&mut self, partition: PartitionId, offset: u64, tried: Option<u32>) {
        self.failed
            .retain(|entry| (entry.0, entry.1) != (partition, offset));
        self.failed
            .extend(tried.map(|tried| (partition, offset, tried)));
    }

    /// Forgets what failed before: the process is gone.
    pub fn forget_failures(&mut self) {
        self.failed.clear();
    }

    #[inline]
    pub(super) fn leaves_the_rest(&self) -> bool {
        let last = self.stages.last().map(|stage| stage.kind);
        matches!(
            last,
            Some(
                Kind::SoughtBack { rest_too: true, .. }
                    | Kind::Anew { .. }
                    | Kind::Crash { .. }
                    | Kind::Exit { .. }
                    | Kind::Opens(_)
                    | Kind::Stands { .. }
            )
        )
    }

    /// The record because of which the process exits at the end of the batch.
    pub fn crash(&self) -> Option<Stage> {
        let exits = |stage: &&Stage| matches!(stage.kind, Kind::Crash { .. } | Kind::Exit { .. });
        self.stages.last().filter(exits).copied()
    }

    /// Runs that nothing has been done with, last first.
    pub fn left(&self) -> impl Iterator<Item = Run> + '_ {
        let left = self.runs.get(self.left_from..).unwrap_or(&[]);
        left.iter().rev().copied()
    }
}
