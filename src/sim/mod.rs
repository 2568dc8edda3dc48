//! A run: the world's state and the events that change it.

mod fact;
mod observer;

pub use fact::{Fact, PartitionState, StopReason};
pub use observer::{GroupView, MemberView, Observer, PartitionTotals, Sample, Totals};

use crate::scenario::Scenario;

/// Runs `scenario` once; `replication` addresses its draws.
pub fn run(_scenario: &Scenario, _replication: u32, _observer: &mut dyn Observer) {
    unimplemented!()
}
