//! What the application does with records that a pool hands to it. Not when.

use crate::units::{PartitionId, SimDuration, SimTime};

/// What an attempt at a record comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is processed.
    Done,
    /// It has failed for good.
    GivenUp {
        /// Produced to the dead-letter topic instead of skipped.
        dead_lettered: bool,
        /// How often it was tried in this attempt.
        attempts: u32,
    },
    /// It has failed, and is tried again after a pause.
    Failed {
        /// How long the pause is.
        back_off: SimDuration,
    },
}

/// What the application does with records.
pub trait Handler {
    /// How long the attempt at a record takes that begins at `at` and what it comes to, where so many have failed before.
    fn attempt(
        &mut self,
        at: SimTime,
        partition: PartitionId,
        offset: u64,
        failed: u32,
    ) -> (SimDuration, Outcome);
    /// The key of a record among those of its partition; `None` if no other record has the same.
    fn key(&mut self, partition: PartitionId, offset: u64) -> Option<u32>;
    /// An attempt has ended; `live` unless its partition has been given up since the record was polled.
    fn ended(
        &mut self,
        at: SimTime,
        partition: PartitionId,
        offset: u64,
        outcome: Outcome,
        live: bool,
    );
}
