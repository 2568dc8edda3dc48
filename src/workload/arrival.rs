//! Production as a function of time: how many records a partition has by an instant, and when its n-th record came.

use std::sync::Arc;

use super::RateCurve;
use crate::units::{PartitionId, SimTime};

/// How records are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Evenly: record n of the topic at the instant the integrated rate reaches n + 1.
    Constant,
    /// Poisson with the given rate.
    Poisson,
}

/// From an instant on, which share of the records each partition gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// First instant of these shares.
    pub from: SimTime,
    /// Share by partition; sums to 1. May grow with a partition increase, never shrink.
    pub of: Vec<f64>,
}

/// What producers do to the topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Production {
    /// Total rate of the topic.
    pub curve: Arc<RateCurve>,
    /// Spacing.
    pub pattern: Pattern,
    /// Shares in order of time; the first starts at zero.
    pub shares: Vec<Shares>,
}

impl Production {
    /// The production of one partition in one replication.
    pub fn of_partition(
        &self,
        _seed: u64,
        _replication: u32,
        _topic: &str,
        _partition: PartitionId,
    ) -> Arrivals {
        unimplemented!()
    }
}

/// The production of one partition. Asking never changes an answer; `&mut` only moves a cache.
#[derive(Clone, Debug)]
pub struct Arrivals {}

impl Arrivals {
    /// How many records have been appended at or before `at`.
    pub fn count_by(&mut self, _at: SimTime) -> u64 {
        unimplemented!()
    }

    /// When record `n` (from 0) is appended; [`SimTime::NEVER`] if the rate ends before.
    /// `count_by(time_of(n)) > n` and `count_by(time_of(n) - 1 ns) <= n`, exactly.
    pub fn time_of(&mut self, _n: u64) -> SimTime {
        unimplemented!()
    }
}
