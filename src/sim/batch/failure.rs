//! Poison records of a batch: what becomes of them in it, and how often they failed in earlier ones.

use super::super::topic::last_attempts;
use super::{Batch, Fate, Kind, Stage};
use crate::kafka::Run;
use crate::scenario::{GiveUp, OnError, RetryBy};
use crate::units::{PartitionId, SimDuration};

impl Batch {
    /// How long a poison record keeps the batch, what is done with it, and from which offset on work goes on.
    pub(super) fn fate(
        &self,
        partition: PartitionId,
        offset: u64,
        on_error: &OnError,
        attempt: SimDuration,
        named: bool,
    ) -> (SimDuration, Kind, u64) {
        let tried = self.tried(partition, offset);
        if let Some((length, attempts, then)) = last_attempts(on_error, attempt, tried) {
            if let GiveUp::Crash { closes } = then {
                return (length, Kind::Crash { closes, attempts }, offset);
            }
            let kind = Kind::GivenUp {
                fate: Fate::of(then),
                attempts,
                named,
            };
            return (length, kind, offset + 1);
        }
        let (back_off, rest_too) = match on_error {
            OnError::RetryForever(RetryBy::Seek { back_off }) => (*back_off, false),
            OnError::Retry { back_off, .. } => (back_off.after(tried + 1), true),
            OnError::RetryForever(RetryBy::InPlace) => {
                return (SimDuration::FOREVER, Kind::Stuck, offset);
            }
        };
        (attempt, Kind::SoughtBack { back_off, rest_too }, offset)
    }

    /// How often a poison record failed in earlier batches.
    fn tried(&self, partition: PartitionId, offset: u64) -> u32 {
        let known = |entry: &&(PartitionId, u64, u32)| (entry.0, entry.1) == (partition, offset);
        self.failed.iter().find(known).map_or(0, |entry| entry.2)
    }

    /// A poison record failed once more, or is done with.
    pub fn note_failure(&mut self, partition: PartitionId, offset: u64, done_with: bool) {
        let tried = self.tried(partition, offset);
        self.failed
            .retain(|entry| (entry.0, entry.1) != (partition, offset));
        if !done_with {
            self.failed.push((partition, offset, tried + 1));
        }
    }

    /// Forgets what failed before: the process is gone.
    pub fn forget_failures(&mut self) {
        self.failed.clear();
    }

    pub(super) fn leaves_the_rest(&self) -> bool {
        let last = self.stages.last().map(|stage| stage.kind);
        matches!(
            last,
            Some(Kind::SoughtBack { rest_too: true, .. } | Kind::Crash { .. } | Kind::Exit { .. })
        )
    }

    /// The record because of which the process exits at the end of the batch.
    pub fn crash(&self) -> Option<Stage> {
        let last = self.stages.last().copied();
        last.filter(|stage| matches!(stage.kind, Kind::Crash { .. } | Kind::Exit { .. }))
    }

    /// Runs that nothing has been done with, last first.
    pub fn left(&self) -> impl Iterator<Item = Run> + '_ {
        let left = self.runs.get(self.left_from..).unwrap_or(&[]);
        left.iter().rev().copied()
    }
}
