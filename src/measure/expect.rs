//! Expectations of a model, judged by the summary of a run.

use serde::Serialize;

use super::lag::{AgeFigures, LagFigures};
use super::replicas::Replicas;
use super::summary::{Accounts, Summary};
use super::words;
use crate::scenario::{CountMetric, Expectation, LagMetric, Metric, Unit};

/// An expectation and what came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// As the model's file writes it.
    pub text: String,
    /// The figure; none where there is no finite one ("never").
    pub value: Option<f64>,
    /// The figure as people read it.
    pub measured: String,
    /// Whether it is as expected.
    pub passed: bool,
}

/// Judges each of `expectations`. A bound is strict; what never happens is later than every bound.
pub fn judge(expectations: &[Expectation], summary: &Summary) -> Vec<Judged> {
    expectations
        .iter()
        .map(|expectation| {
            let value = measure(&expectation.metric, summary);
            Judged {
                text: expectation.text.clone(),
                value: value.is_finite().then_some(value),
                measured: in_words(&expectation.metric, value),
                passed: expectation.holds(value),
            }
        })
        .collect()
}

/// The figure behind `metric`: infinite for what never happens, not a number for a partition that does not exist.
pub fn measure(metric: &Metric, summary: &Summary) -> f64 {
    match metric {
        Metric::Lag(which, None) => {
            lag_figure(*which, &summary.lag, &summary.age_s, &summary.accounts)
        }
        Metric::Lag(which, Some(partition)) => summary
            .partitions
            .get(partition.ix())
            .map_or(f64::NAN, |own| {
                lag_figure(*which, &own.lag, &own.age_s, &own.accounts)
            }),
        Metric::Count(which) => count(*which, summary) as f64,
        Metric::Drain => match (summary.behind_from_s, summary.drained_at_s) {
            (None, _) => 0.0,
            (Some(_), drained) => drained.unwrap_or(f64::INFINITY),
        },
        Metric::RetryDrain => summary.retries_through_at_s(),
        Metric::PauseMax => summary.pause_max_s,
        Metric::DownMax => summary.down_max_s,
        Metric::AlertFiring(name) => summary
            .alert_rules
            .iter()
            .filter(|rule| rule.name == *name)
            .filter_map(|rule| rule.first_firing_at_s)
            .fold(f64::INFINITY, f64::min),
        Metric::Cause(name) => summary.share_of(name),
        Metric::CauseTime(name) => summary.time_in(name),
        Metric::IdleMembers => summary.idle_members as f64,
        Metric::RebalancesPerMinute => summary.rebalances_per_minute(),
    }
}

fn lag_figure(which: LagMetric, lag: &LagFigures, age: &AgeFigures, accounts: &Accounts) -> f64 {
    match which {
        LagMetric::MaxLag => lag.max as f64,
        LagMetric::MeanLag => lag.mean,
        LagMetric::FinalLag => lag.last as f64,
        LagMetric::MaxAge => age.max,
        LagMetric::MeanAge => age.mean,
        LagMetric::FinalAge => age.last,
        LagMetric::LagGrowth => lag.last as f64 - lag.initial as f64,
        LagMetric::Committed => accounts.committed as f64,
    }
}

fn count(which: CountMetric, summary: &Summary) -> u64 {
    let accounts = &summary.accounts;
    let replicas = |figure: fn(&Replicas) -> u64| summary.replicas.as_ref().map_or(0, figure);
    match which {
        CountMetric::Produced => accounts.produced,
        CountMetric::Processed => accounts.processed,
        CountMetric::Duplicates => accounts.duplicates,
        CountMetric::Lost => accounts.lost,
        CountMetric::Skipped => accounts.skipped,
        CountMetric::DeadLettered => accounts.dead_lettered,
        CountMetric::Retried => accounts.retried,
        CountMetric::RetryLag => summary.retry_lag(),
        CountMetric::Rebalances => summary.rebalance_count,
        CountMetric::Evictions => summary.eviction_count,
        CountMetric::Crashes => summary.crashes,
        CountMetric::DeadLettersFailed => summary.dead_letters_failed,
        CountMetric::CallsFailed => summary.calls_failed,
        CountMetric::CallsRefused => summary.calls_refused,
        CountMetric::CommitsFailed => summary.commits_failed,
        CountMetric::Polls => summary.polls,
        CountMetric::MaxReplicas => replicas(|own| own.max.into()),
        CountMetric::ReplicaChanges => replicas(|own| own.change_count),
        CountMetric::ScaleDownsTakenBack => replicas(|own| own.taken_back_count),
    }
}

/// A figure as people read it.
pub fn in_words(metric: &Metric, value: f64) -> String {
    if value.is_nan() {
        return "no such partition".to_owned();
    }
    match (metric, metric.figure().unit) {
        (Metric::Drain, _) if value == 0.0 => "never behind".to_owned(),
        (Metric::RetryDrain, _) if value == 0.0 => "nothing retried".to_owned(),
        (Metric::Lag(LagMetric::LagGrowth, _), _) => words::signed(value as i64),
        (_, Unit::Seconds) => words::span(value),
        (_, Unit::Share) => words::percent(value),
        (_, Unit::Records | Unit::Count) => words::short(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::incident;
    use super::*;
    use crate::units::PartitionId;

    fn judged(metric: Metric, above: Option<f64>, below: Option<f64>) -> Judged {
        let expectation = Expectation {
            metric,
            above,
            below,
            text: String::new(),
        };
        judge(&[expectation], &incident().1.summary).remove(0)
    }

    #[test]
    fn figures_are_judged_strictly_and_told_in_words() {
        let lag = |which, partition: Option<u32>| Metric::Lag(which, partition.map(PartitionId));
        let cases = [
            (
                lag(LagMetric::FinalLag, None),
                None,
                Some(3_605_456.0),
                "3,605,456",
                false,
            ),
            (
                lag(LagMetric::LagGrowth, None),
                Some(1.0),
                None,
                "+1,516,860",
                true,
            ),
            (
                lag(LagMetric::MaxLag, Some(2)),
                Some(983_199.0),
                Some(983_201.0),
                "983,200",
                true,
            ),
            (
                lag(LagMetric::MaxAge, Some(9)),
                None,
                None,
                "no such partition",
                false,
            ),
            (
                Metric::Count(CountMetric::Evictions),
                Some(179.0),
                None,
                "180",
                true,
            ),
            (Metric::RebalancesPerMinute, Some(0.9), Some(1.1), "1", true),
            (Metric::PauseMax, None, Some(10.0), "9s", true),
            (Metric::DownMax, None, Some(10.0), "20s", false),
            (
                Metric::Cause("evicted".into()),
                Some(0.58),
                Some(0.59),
                "58 %",
                true,
            ),
        ];
        for (metric, above, below, measured, passed) in cases {
            let one = judged(metric, above, below);
            assert_eq!(
                (one.measured.as_str(), one.passed),
                (measured, passed),
                "{one:?}"
            );
        }
    }

    #[test]
    fn what_never_happens_is_later_than_every_bound() {
        let never = judged(Metric::Drain, None, Some(1e12));
        assert_eq!(
            (never.value, never.measured.as_str(), never.passed),
            (None, "never", false)
        );
        let critical = || Metric::AlertFiring("lag-critical".into());
        assert!(judged(critical(), Some(10_800.0), None).passed);
        let warning = judged(Metric::AlertFiring("lag-warning".into()), None, Some(900.0));
        assert_eq!((warning.value, warning.passed), (Some(300.0), true));
    }
}
