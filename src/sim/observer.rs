//! Who may watch a run.

use serde::Serialize;

use super::{Fact, PartitionState};
use crate::kafka::GroupState;
use crate::units::{ProcessId, SimTime};

/// Watches a run. Gets no access to state, agenda or draws, so watching cannot change what happens.
pub trait Observer {
    /// `fact` became true at `at`; times never decrease.
    fn observe(&mut self, at: SimTime, fact: &Fact);
    /// The curves at a point of the sample grid, or at the horizon, one entry per partition that exists; times increase,
    /// and every fact of that instant has been told.
    fn sample(&mut self, at: SimTime, partitions: &[Sample]);
    /// Offsets and ages at a scrape of the monitoring that is no point of the grid: for alerts, and none of the curves.
    fn scrape(&mut self, _at: SimTime, _partitions: &[Sample]) {}
    /// Whether it looks at ages: they take as long to find as all else that a sample shows.
    fn looks_at_ages(&self) -> bool {
        true
    }
    /// The run reached its horizon.
    fn finish(&mut self, at: SimTime, totals: &Totals, group: &GroupView);
}

/// A partition at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Log-end offset.
    pub log_end: u64,
    /// Committed offset, if there is one.
    pub committed: Option<u64>,
    /// What poll has handed out to the owner; the committed offset without an owner.
    pub position: u64,
    /// Age of the oldest record that is not committed (s); `None` if there is none, or if the observer does not
    /// look at ages.
    pub age_s: Option<f64>,
    /// Its state.
    pub state: PartitionState,
}

/// Accounts of a whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// By partition.
    pub partitions: Vec<PartitionTotals>,
    /// Non-empty polls.
    pub polls: u64,
    /// Commit requests that were accepted.
    pub commits: u64,
    /// Commit requests that were refused, here or at the broker.
    pub commits_failed: u64,
    /// Attempts at poison records.
    pub poison_attempts: u64,
    /// How often a process exited because it could not process a record.
    pub crashes: u64,
    /// Produces to the dead-letter topic that failed.
    pub dead_letters_failed: u64,
    /// Attempts at dependency calls that failed by chance, of records that were processed or given up.
    pub calls_failed: u64,
    /// Calls that failed by chance as often as they may, by dependency: their records were given up, or started anew.
    pub calls_given_up: Vec<u64>,
    /// Calls that the dependency refused because of its limit.
    pub calls_refused: u64,
    /// The same, at most (calls/s).
    pub calls_refused_per_s_max: f64,
}

/// How a member dropped out of what it read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Its process died, or was killed.
    Crash,
    /// The group went on without it: max.poll.interval.ms, its session, or a generation that it missed.
    Eviction,
    /// It gave the partition up to a rebalance, or closed.
    Revocation,
    /// It did not: an offset was reset, or a record was retried.
    #[default]
    Other,
}

/// Records by how the member dropped out that had them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Causes {
    /// Its process died, or was killed.
    pub crash: u64,
    /// The group went on without it.
    pub eviction: u64,
    /// It gave the partition up to a rebalance, or closed.
    pub revocation: u64,
    /// No member dropped out: an offset was reset, the log's start went past it, or a record was retried.
    pub other: u64,
}

impl Causes {
    /// Adds `records` to those of a cause.
    pub fn add(&mut self, cause: Cause, records: u64) {
        *(match cause {
            Cause::Crash => &mut self.crash,
            Cause::Eviction => &mut self.eviction,
            Cause::Revocation => &mut self.revocation,
            Cause::Other => &mut self.other,
        }) += records;
    }

    /// Both together.
    pub fn plus(self, more: Causes) -> Causes {
        Causes {
            crash: self.crash + more.crash,
            eviction: self.eviction + more.eviction,
            revocation: self.revocation + more.revocation,
            other: self.other + more.other,
        }
    }

    /// Over all causes.
    pub fn sum(self) -> u64 {
        self.crash + self.eviction + self.revocation + self.other
    }
}

/// Accounts of one partition, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionTotals {
    /// Appended during the run.
    pub produced: u64,
    /// Processed, repetitions included.
    pub processed: u64,
    /// Processed again.
    pub duplicates: u64,
    /// The same, by how the member dropped out that had them before.
    pub duplicates_by: Causes,
    /// Committed or jumped over without ever having been processed.
    pub lost: u64,
    /// The same, by how the member dropped out that had them.
    pub lost_by: Causes,
    /// Of these, deleted by retention before anybody read them.
    pub lost_to_retention: u64,
    /// Given up and skipped.
    pub skipped: u64,
    /// Given up and dead-lettered.
    pub dead_lettered: u64,
    /// Given up and produced to the next retry topic.
    pub retried: u64,
    /// Of those given up, read again after they had been dealt with.
    pub given_up_again: u64,
    /// Committed at the end less committed at the start.
    pub committed: u64,
}

/// The group as an admin client sees it at the end of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Its state.
    pub state: GroupState,
    /// Its generation.
    pub generation: u32,
    /// Its members, in member id order, with what they are assigned (nothing unless Stable).
    pub members: Vec<MemberView>,
}

/// A member as an admin client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The process behind it.
    pub process: ProcessId,
    /// `<client.id>-<uuid>`, or `<group.instance.id>-<uuid>`.
    pub member_id: String,
    /// `<client.id>`.
    pub client_id: String,
    /// `/10.0.0.1`: as the broker prints it, with a leading slash.
    pub host: String,
    /// Assigned partitions, ascending.
    pub partitions: Vec<crate::units::PartitionId>,
}
