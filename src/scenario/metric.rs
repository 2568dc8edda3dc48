//! What expectations, sweeps and comparisons may ask of a run. Not the values: those are measured.

use serde::{Deserialize, Serialize};

use crate::units::PartitionId;

/// Something the file says must come out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation<B = f64> {
    /// What is judged.
    pub metric: Metric,
    /// `above`: strictly.
    pub above: Option<B>,
    /// `below`: strictly.
    pub below: Option<B>,
    /// As the file writes it, for people: `max-lag below 50000`.
    pub text: String,
}

impl Expectation {
    /// Whether `value` is as expected. Bounds are strict, and what is not a number is neither above nor below anything.
    pub fn holds(&self, value: f64) -> bool {
        let above = self.above.is_none_or(|bound| value > bound);
        let below = self.below.is_none_or(|bound| value < bound);
        above && below && !value.is_nan()
    }
}

/// A figure of the summary, by its name in an expectation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Metric {
    /// A figure of all partitions, or of one.
    Lag(LagMetric, Option<PartitionId>),
    /// A count over the whole run.
    Count(CountMetric),
    /// `drain`: when, after the highest lag, no partition is behind any more (s from the start); 0 if none ever was,
    /// infinite if one still is at the end.
    Drain,
    /// `retry-drain`: when nothing is left in any retry topic (s from the start); 0 if nothing ever was, infinite if something
    /// is at the end.
    RetryDrain,
    /// Longest time a member stood still for one rebalance (s).
    PauseMax,
    /// Longest time that the group left a partition without a reader (s).
    DownMax,
    /// When an alert first fires [s from the start]; infinite if never.
    AlertFiring(String),
    /// Share of the lag gained that one cause made, from 0 to 1; the name is a state's.
    Cause(String),
    /// Time that partitions spent in one state, added up (s).
    CauseTime(String),
    /// Members without a partition after the last rebalance.
    IdleMembers,
    /// Rebalances per minute over the run.
    RebalancesPerMinute,
}

/// Figures of lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LagMetric {
    /// `max-lag` (records).
    MaxLag,
    /// `mean-lag` (records).
    MeanLag,
    /// `final-lag` (records).
    FinalLag,
    /// `max-age` (s).
    MaxAge,
    /// `mean-age`, over time (s).
    MeanAge,
    /// `final-age` (s).
    FinalAge,
    /// `lag-growth`: final less initial lag (records).
    LagGrowth,
    /// `committed`: committed at the end less at the start (records).
    Committed,
}

impl Metric {
    /// Whether it is told from the ages of records, or may be: an alert may watch them.
    pub fn needs_ages(&self) -> bool {
        use LagMetric::{FinalAge, MaxAge, MeanAge};
        matches!(
            self,
            Metric::Lag(MaxAge | MeanAge | FinalAge, _) | Metric::AlertFiring(_)
        )
    }

    /// Whether it is a figure of retry topics.
    pub fn needs_retry_topics(&self) -> bool {
        use CountMetric::{Retried, RetryLag};
        matches!(self, Metric::RetryDrain | Metric::Count(Retried | RetryLag))
    }
}

impl CountMetric {
    /// Whether it is a figure of the autoscaler.
    pub fn needs_autoscaler(self) -> bool {
        use CountMetric::{MaxReplicas, ReplicaChanges, ScaleDownsTakenBack};
        matches!(self, MaxReplicas | ReplicaChanges | ScaleDownsTakenBack)
    }
}

/// Counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CountMetric {
    /// `produced`
    Produced,
    /// `processed`
    Processed,
    /// `duplicates`
    Duplicates,
    /// `lost`
    Lost,
    /// `skipped`
    Skipped,
    /// `dead-lettered`: by the topic and its retry topics.
    DeadLettered,
    /// `retried`: given up to the first retry topic.
    Retried,
    /// `retry-lag`: left in retry topics at the end.
    RetryLag,
    /// `rebalances`
    Rebalances,
    /// `evictions`
    Evictions,
    /// `crashes`: of processes that could not process a record.
    Crashes,
    /// `dead-letters-failed`: produces to the dead-letter topic.
    DeadLettersFailed,
    /// `calls-failed`: by chance.
    CallsFailed,
    /// `calls-refused`: by the dependency, above its limit.
    CallsRefused,
    /// `commits-failed`
    CommitsFailed,
    /// `polls`
    Polls,
    /// `max-replicas`: most that the autoscaler wanted.
    MaxReplicas,
    /// `replica-changes`
    ReplicaChanges,
    /// `scale-downs-taken-back`
    ScaleDownsTakenBack,
}
