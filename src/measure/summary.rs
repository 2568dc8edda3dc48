//! A run in figures: what `summary.json` holds. Not the curves, and not how the figures are shown.

use serde::Serialize;

use super::alert::{AlertEpisode, AlertRule};
use super::attribution::Cause;
use super::breaker::Breakers;
use super::expect::{self, Judged};
use super::lag::{AgeFigures, LagFigures};
use super::rebalance::{Eviction, Rebalance};
use super::replicas::Replicas;
use super::retry::RetryTopicFigures;
use super::unread::Unread;
use super::verdict::{self, Verdict};
use crate::scenario::Scenario;
use crate::sim::Causes;

/// Version of [`Summary`]'s shape. Adding a field keeps it.
pub const SCHEMA_VERSION: u32 = 1;

/// A run in figures. Records unless a name ends in `_s` (seconds).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the simulator.
    pub lagsim_version: &'static str,
    /// Stem of the model's file name.
    pub model: String,
    /// The model's title.
    pub title: String,
    /// Name of the topic.
    pub topic: String,
    /// group.id.
    pub group: String,
    /// Seed of every draw.
    pub seed: u64,
    /// Which replication this is, from 0.
    pub replication: u32,
    /// Length of the run (s).
    pub horizon_s: f64,
    /// Distance of the samples (s).
    pub sample_s: f64,
    /// What happened, why and what would help, in words.
    pub verdict: Verdict,
    /// Whether every expectation was met.
    pub passed: bool,
    /// The model's expectations.
    pub expectations: Vec<Judged>,
    /// Accounts of all partitions together, and what its retry topics sent to the dead-letter topic.
    #[serde(flatten)]
    pub accounts: Accounts,
    /// Non-empty polls.
    pub polls: u64,
    /// Commit requests that were accepted.
    pub commits: u64,
    /// Commit requests that were refused.
    pub commits_failed: u64,
    /// Attempts at poison records.
    pub poison_attempts: u64,
    /// How often a process exited because it could not process a record.
    pub crashes: u64,
    /// Produces to the dead-letter topic that failed, those of its retry topics among them.
    pub dead_letters_failed: u64,
    /// Attempts at dependency calls that failed by chance, of records that were processed or given up.
    pub calls_failed: u64,
    /// Calls that failed by chance as often as they may, of each dependency that has any: their records were given up, or
    /// started anew.
    pub calls_given_up: Vec<CallsGivenUp>,
    /// Circuit breakers, if one of them opened.
    pub breakers: Option<Breakers>,
    /// Calls that the dependency refused because of its limit.
    pub calls_refused: u64,
    /// The same, at most (calls/s).
    pub calls_refused_per_s_max: f64,
    /// Lag of all partitions together.
    pub lag: LagFigures,
    /// The same, had retention deleted nothing.
    #[serde(skip)]
    pub unread: Unread,
    /// Age of the oldest record of any partition that is not committed (s).
    pub age_s: AgeFigures,
    /// First sample at which a partition that was not `keeping-up` had more lag than a poll takes, or all such had more than four
    /// polls of each member take (s).
    pub behind_from_s: Option<f64>,
    /// First sample at which nothing was behind and all was committed that was there at the highest lag (s); none if never, or never
    /// behind.
    pub drained_at_s: Option<f64>,
    /// Lag by cause, all partitions together.
    pub attribution: Vec<Cause>,
    /// Each partition.
    pub partitions: Vec<PartitionSummary>,
    /// How many rebalances began.
    pub rebalance_count: u64,
    /// Longest time a member stood still for one rebalance (s).
    pub pause_max_s: f64,
    /// Longest time that the group left a partition without a reader, `rebalancing` or `orphaned` (s).
    pub down_max_s: f64,
    /// Members that had no partition after the last rebalance.
    pub idle_members: u64,
    /// Every rebalance.
    pub rebalances: Vec<Rebalance>,
    /// What the autoscaler did, if there is one.
    pub replicas: Option<Replicas>,
    /// How many members were evicted.
    pub eviction_count: u64,
    /// Every eviction.
    pub evictions: Vec<Eviction>,
    /// Every episode of an alert that fired, or is pending at the end.
    pub alerts: Vec<AlertEpisode>,
    /// Every alert rule.
    pub alert_rules: Vec<AlertRule>,
    /// Every retry topic, in order.
    pub retry_topics: Vec<RetryTopicFigures>,
}

/// Calls of one dependency that failed by chance as often as they may.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallsGivenUp {
    /// Its index.
    #[serde(skip)]
    pub which: usize,
    /// Its name.
    pub dependency: String,
    /// Calls.
    pub calls: u64,
}

/// What became of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Accounts {
    /// Appended during the run.
    pub produced: u64,
    /// Processed, repetitions included.
    pub processed: u64,
    /// Committed at the end less committed at the start.
    pub committed: u64,
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
    /// Records that were given up and skipped.
    pub skipped: u64,
    /// Records that were given up and produced to a dead-letter topic.
    pub dead_lettered: u64,
    /// Records that were given up and produced to a retry topic.
    pub retried: u64,
    /// Of those that were given up, read again after they had been dealt with.
    pub given_up_again: u64,
}

/// One partition in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartitionSummary {
    /// Its number.
    pub partition: u32,
    /// What became of its records.
    #[serde(flatten)]
    pub accounts: Accounts,
    /// Its lag.
    pub lag: LagFigures,
    /// Age of its oldest record that is not committed (s).
    pub age_s: AgeFigures,
    /// Its state at the end.
    pub state: &'static str,
    /// Since when it is in this state (s).
    pub state_since_s: f64,
    /// Lag gained since then (records).
    #[serde(skip)]
    pub state_gained: u64,
    /// The poison record it cannot get past at the end.
    pub poison: Option<OpenPoison>,
    /// Its lag by cause.
    pub attribution: Vec<Cause>,
}

/// A poison record that is not given up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OpenPoison {
    /// Its offset.
    pub offset: u64,
    /// When it was first met (s).
    pub met_at_s: f64,
}

impl Summary {
    /// Judges the expectations of its scenario and says in words what happened: the last to be done.
    pub(super) fn conclude(&mut self, scenario: &Scenario) {
        self.expectations = expect::judge(&scenario.expectations, self);
        self.passed = self.expectations.iter().all(|judged| judged.passed);
        self.verdict = verdict::verdict(scenario, self);
    }

    /// Records of its own topic that were given up, whatever became of them.
    pub fn given_up(&self) -> u64 {
        let own = self.partitions.iter().map(|own| own.accounts);
        own.map(|own| own.skipped + own.dead_lettered + own.retried)
            .sum()
    }

    /// Calls that failed by chance as often as they may, of all dependencies.
    pub fn calls_given_up(&self) -> u64 {
        self.calls_given_up.iter().map(|own| own.calls).sum()
    }

    /// Records that are left in retry topics at the end.
    pub fn retry_lag(&self) -> u64 {
        self.retry_topics.iter().map(|own| own.lag_final).sum()
    }

    /// When nothing is left in any retry topic any more (s); 0 if nothing ever was, infinite if something is at the end.
    pub fn retries_through_at_s(&self) -> f64 {
        if self.retry_lag() > 0 {
            return f64::INFINITY;
        }
        let through = self.retry_topics.iter().filter_map(|own| own.through_at_s);
        through.fold(0.0, f64::max)
    }

    /// Rebalances per minute over the run.
    pub fn rebalances_per_minute(&self) -> f64 {
        if self.horizon_s > 0.0 {
            self.rebalance_count as f64 * 60.0 / self.horizon_s
        } else {
            0.0
        }
    }

    /// Share of the lag gained that the state called `name` made, from 0 to 1.
    pub fn share_of(&self, name: &str) -> f64 {
        self.attribution
            .iter()
            .find(|cause| cause.state == name)
            .map_or(0.0, |c| c.share_of_gained)
    }

    /// Time that partitions spent in the state called `name`, added up (s).
    pub fn time_in(&self, name: &str) -> f64 {
        let state = self.attribution.iter().find(|cause| cause.state == name);
        state.map_or(0.0, |cause| cause.seconds)
    }
}
