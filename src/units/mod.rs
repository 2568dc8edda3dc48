//! Quantities with their units in the type. Not for anything that knows what a topic is.

mod parse;
mod time;

use serde::{Deserialize, Serialize};

pub use parse::{ParseError, parse_bytes, parse_count, parse_duration, parse_rate};
pub use time::{SimDuration, SimTime};

/// Index of a partition of the simulated topic, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartitionId(pub u32);

impl PartitionId {
    /// As an index into per-partition vectors.
    pub fn ix(self) -> usize {
        self.0 as usize
    }
}

/// Index of a consumer process of the model, in the order the model names them; the same before and after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessId(pub u32);

impl ProcessId {
    /// As an index into per-process vectors.
    pub fn ix(self) -> usize {
        self.0 as usize
    }
}
