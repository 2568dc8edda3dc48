//! Expectations: which figure, and its bounds in the figure's unit.

use super::super::document::{list, nearest};
use super::super::model::{CountMetric, Expectation, LagMetric, Metric};
use super::super::raw::{self, Model, Scalar, Spot};
use super::judge::Judge;
use crate::units::{PartitionId, parse_count};

/// States of a partition that a cause of lag can be.
const CAUSES: [&str; 9] = [
    "starting",
    "keeping-up",
    "saturated",
    "throttled",
    "blocked",
    "rebalancing",
    "orphaned",
    "evicted",
    "frozen",
];

/// What a metric needs to be judged.
#[derive(Clone, Copy)]
enum Kind {
    Lag(LagMetric),
    Count(CountMetric),
    Drain,
    MaxPause,
    MaxDown,
    AlertFiring,
    Cause,
    RebalancesPerMinute,
}

const METRICS: [(&str, Kind); 27] = [
    ("max-lag", Kind::Lag(LagMetric::MaxLag)),
    ("mean-lag", Kind::Lag(LagMetric::MeanLag)),
    ("final-lag", Kind::Lag(LagMetric::FinalLag)),
    ("max-age", Kind::Lag(LagMetric::MaxAge)),
    ("final-age", Kind::Lag(LagMetric::FinalAge)),
    ("lag-growth", Kind::Lag(LagMetric::LagGrowth)),
    ("committed", Kind::Lag(LagMetric::Committed)),
    ("produced", Kind::Count(CountMetric::Produced)),
    ("processed", Kind::Count(CountMetric::Processed)),
    ("duplicates", Kind::Count(CountMetric::Duplicates)),
    ("lost", Kind::Count(CountMetric::Lost)),
    ("skipped", Kind::Count(CountMetric::Skipped)),
    ("dead-lettered", Kind::Count(CountMetric::DeadLettered)),
    ("rebalances", Kind::Count(CountMetric::Rebalances)),
    ("evictions", Kind::Count(CountMetric::Evictions)),
    ("crashes", Kind::Count(CountMetric::Crashes)),
    ("commits-failed", Kind::Count(CountMetric::CommitsFailed)),
    ("polls", Kind::Count(CountMetric::Polls)),
    ("max-replicas", Kind::Count(CountMetric::MaxReplicas)),
    ("replica-changes", Kind::Count(CountMetric::ReplicaChanges)),
    (
        "scale-downs-taken-back",
        Kind::Count(CountMetric::ScaleDownsTakenBack),
    ),
    ("drain", Kind::Drain),
    ("max-pause", Kind::MaxPause),
    ("max-down", Kind::MaxDown),
    ("alert-firing", Kind::AlertFiring),
    ("cause", Kind::Cause),
    ("rebalances-per-minute", Kind::RebalancesPerMinute),
];

impl Judge<'_> {
    pub(super) fn expectations(
        &mut self,
        entries: &[Spot<raw::Expect>],
        model: &Model,
        partitions: u32,
    ) -> Vec<Expectation> {
        entries
            .iter()
            .filter_map(|entry| self.expectation(entry, model, partitions))
            .collect()
    }

    fn expectation(
        &mut self,
        entry: &Spot<raw::Expect>,
        model: &Model,
        partitions: u32,
    ) -> Option<Expectation> {
        let expect = &entry.value;
        let Some(word) = &expect.metric else {
            return self.missing(
                &entry.span,
                "metric",
                r#"say what is judged: metric = "max-lag""#,
            );
        };
        let kind = self.choice(word, &METRICS)?;
        let mut name = word.0.value.plain();
        let metric = self.metric(entry, kind, model, partitions, &mut name);
        self.superfluous(expect, kind);
        let above = expect.above.as_ref().map(|bound| self.bound(bound, kind));
        let below = expect.below.as_ref().map(|bound| self.bound(bound, kind));
        let bounds = match (above, below) {
            (None, None) => {
                return self.missing(
                    &entry.span,
                    "below",
                    "write what it must be: below = 50000, or above, or both",
                );
            }
            (Some(None), _) | (_, Some(None)) => None,
            (above, below) => Some((above.flatten(), below.flatten())),
        };
        let (above, below) = bounds?;
        if let (Some(least), Some(most), Some(at)) = (above, below, &expect.above)
            && least >= most
        {
            return self.error(
                &at.0.span,
                "nothing is above this and below that",
                "make `above` smaller than `below`",
            );
        }
        for (key, bound) in [("above", &expect.above), ("below", &expect.below)] {
            if let Some(bound) = bound {
                name.push_str(&format!(" {key} {}", bound.0.value.plain()));
            }
        }
        Some(Expectation {
            metric: metric?,
            above,
            below,
            text: name,
        })
    }

    fn metric(
        &mut self,
        entry: &Spot<raw::Expect>,
        kind: Kind,
        model: &Model,
        partitions: u32,
        name: &mut String,
    ) -> Option<Metric> {
        Some(match kind {
            Kind::Lag(metric) => {
                let partition = match &entry.value.partition {
                    Some(value) => Some(self.partition(value, partitions)?),
                    None => None,
                };
                if let Some(partition) = partition {
                    name.push_str(&format!(" of partition {}", partition.0));
                }
                Metric::Lag(metric, partition)
            }
            Kind::Count(metric) => {
                if metric.needs_autoscaler() && model.autoscaler.is_none() {
                    let message = format!("`{name}` needs an autoscaler");
                    let help = "add a section [autoscaler], or judge another figure";
                    let place = entry
                        .value
                        .metric
                        .as_ref()
                        .map_or(&entry.span, |word| &word.0.span);
                    return self.error(place, message, help);
                }
                Metric::Count(metric)
            }
            Kind::Drain => Metric::Drain,
            Kind::MaxPause => Metric::PauseMax,
            Kind::MaxDown => Metric::DownMax,
            Kind::RebalancesPerMinute => Metric::RebalancesPerMinute,
            Kind::Cause => {
                let Some(value) = &entry.value.cause else {
                    return self.missing(
                        &entry.span,
                        "cause",
                        format!(
                            "say which cause: cause = \"blocked\"; the causes are {}",
                            list(&CAUSES)
                        ),
                    );
                };
                let causes = CAUSES.map(|cause| (cause, cause));
                let cause = self.choice(value, &causes)?;
                name.push_str(&format!(" {cause}"));
                Metric::Cause(cause.to_owned())
            }
            Kind::AlertFiring => {
                let alert = self.alert_name(entry, model)?;
                name.push_str(&format!(" of {alert}"));
                Metric::AlertFiring(alert)
            }
        })
    }

    fn partition(&mut self, value: &raw::Count, partitions: u32) -> Option<PartitionId> {
        let index = self.count(value)?;
        if partitions > 0 && index >= u64::from(partitions) {
            let help = format!("the partitions are numbered 0 to {}", partitions - 1);
            return self.error(
                &value.0.span,
                format!("there is no partition {index}"),
                help,
            );
        }
        Some(PartitionId(index as u32))
    }

    fn alert_name(&mut self, entry: &Spot<raw::Expect>, model: &Model) -> Option<String> {
        let Some(value) = &entry.value.alert else {
            return self.missing(
                &entry.span,
                "alert",
                r#"say which alert: alert = "lag-critical""#,
            );
        };
        let name = self.text(value)?;
        let known: Vec<String> = model
            .alert
            .iter()
            .flatten()
            .filter_map(|alert| Some(alert.value.name.as_ref()?.0.value.plain()))
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        let help = match (known.is_empty(), nearest(&name, known.iter().copied())) {
            (true, _) => "the model has no alerts: add a section [[alert]] of this name".to_owned(),
            (_, Some(near)) => format!("write \"{near}\""),
            (_, None) => format!("the alerts are {}", list(&known)),
        };
        self.error(&value.0.span, format!("there is no alert `{name}`"), help)
    }

    fn superfluous(&mut self, expect: &raw::Expect, kind: Kind) {
        let keys = [
            (
                expect.partition.as_ref().map(|one| &one.0),
                matches!(kind, Kind::Lag(_)),
                "partition",
                "figures of lag and age",
            ),
            (
                expect.alert.as_ref().map(|one| &one.0),
                matches!(kind, Kind::AlertFiring),
                "alert",
                "alert-firing",
            ),
            (
                expect.cause.as_ref().map(|one| &one.0),
                matches!(kind, Kind::Cause),
                "cause",
                "cause",
            ),
        ];
        for (value, fits, key, with) in keys {
            if let Some(value) = value
                && !fits
            {
                let message = format!("`{key}` says nothing about this metric");
                self.error::<()>(
                    &value.span,
                    message,
                    format!("leave it out; it goes with {with}"),
                );
            }
        }
    }

    fn bound(&mut self, bound: &raw::Bound, kind: Kind) -> Option<f64> {
        let times = matches!(
            kind,
            Kind::Drain
                | Kind::MaxPause
                | Kind::MaxDown
                | Kind::AlertFiring
                | Kind::Lag(LagMetric::MaxAge | LagMetric::FinalAge)
        );
        let value = &bound.0;
        if times {
            return self.seconds(&raw::Time(value.clone()));
        }
        match &value.value {
            Scalar::Text(text) => match parse_count(text) {
                Ok(count) => Some(count as f64),
                Err(_) => self.error(
                    &value.span,
                    format!("`{text}` is no number, and this metric is one"),
                    "write, say, 50000 or \"50k\"",
                ),
            },
            _ => {
                let number = self.number(&raw::Number(value.clone()))?;
                if matches!(kind, Kind::Cause) && !(0.0..=1.0).contains(&number) {
                    let help = format!(
                        "a share is between 0 and 1: for {number} % write {}",
                        number / 100.0
                    );
                    return self.error(
                        &value.span,
                        format!("a cause has no share of {number}"),
                        help,
                    );
                }
                Some(number)
            }
        }
    }
}
