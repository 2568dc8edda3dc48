//! Monitoring, alert rules, expectations, and doubts about the whole.

use std::collections::BTreeSet;

use super::super::document::{list, nearest};
use super::super::model::{
    Alert, Compare, Condition, CountMetric, Downstream, Expectation, Gauge, LagMetric, Metric,
    Monitoring, Settings, Topic,
};
use super::super::raw::{self, Model, Scalar, Spot};
use super::judge::Judge;
use super::law::mean_of;
use super::timeline::Walked;
use crate::kafka::UNLIMITED_RECORDS;
use crate::units::{PartitionId, SimDuration, parse_count, parse_duration};

/// Prometheus' defaults of scrape_interval and evaluation_interval.
const MINUTE: SimDuration = SimDuration::from_secs(60);

const GAUGES: [(&str, Gauge); 5] = [
    ("lag", Gauge::Lag),
    ("sum", Gauge::SumLag),
    ("max", Gauge::MaxLag),
    ("age", Gauge::Age),
    ("max-age", Gauge::MaxAge),
];

const WHEN: &str = r#"write a gauge, a comparison and a threshold: "lag > 10000", "sum > 50k", "max >= 1000", "age > 5m" or "max-age > 5m""#;

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
    AlertFiring,
    Cause,
    RebalancesPerMinute,
}

const METRICS: [(&str, Kind); 22] = [
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
    ("commits-failed", Kind::Count(CountMetric::CommitsFailed)),
    ("polls", Kind::Count(CountMetric::Polls)),
    ("drain", Kind::Drain),
    ("max-pause", Kind::MaxPause),
    ("alert-firing", Kind::AlertFiring),
    ("cause", Kind::Cause),
    ("rebalances-per-minute", Kind::RebalancesPerMinute),
];

impl Judge<'_> {
    pub(super) fn monitoring(&mut self, section: Option<&Spot<raw::Monitoring>>) -> Monitoring {
        let written = section.map(|section| &section.value);
        let mut interval = |value: Option<&raw::Time>, what: &str| match value {
            Some(time) => self.positive(time, what).unwrap_or(MINUTE),
            None => MINUTE,
        };
        let scrape_interval = interval(
            written.and_then(|one| one.scrape_interval.as_ref()),
            "the scrape interval",
        );
        let evaluation_interval = interval(
            written.and_then(|one| one.evaluation_interval.as_ref()),
            "the evaluation interval",
        );
        let offset = written.and_then(|one| one.evaluation_offset.as_ref());
        let evaluation_offset = offset
            .and_then(|time| self.duration(time))
            .unwrap_or(SimDuration::ZERO);
        if evaluation_offset >= evaluation_interval
            && let Some(at) = offset
        {
            let message = format!(
                "the phase {evaluation_offset} is not within the interval of {evaluation_interval}"
            );
            self.error::<()>(
                &at.0.span,
                message,
                "write a phase shorter than evaluation-interval",
            );
        }
        Monitoring {
            scrape_interval,
            evaluation_interval,
            evaluation_offset,
        }
    }

    pub(super) fn alerts(&mut self, entries: &[Spot<raw::Alert>]) -> Vec<Alert> {
        let mut names = BTreeSet::new();
        let mut alerts = Vec::new();
        for entry in entries {
            if let Some(alert) = self.alert(entry) {
                if !names.insert(alert.name.clone()) {
                    let at = entry
                        .value
                        .name
                        .as_ref()
                        .map_or(&entry.span, |name| &name.0.span);
                    let message = format!("two alerts are called `{}`", alert.name);
                    self.error::<()>(at, message, "give each alert a name of its own");
                }
                alerts.push(alert);
            }
        }
        alerts
    }

    fn alert(&mut self, entry: &Spot<raw::Alert>) -> Option<Alert> {
        let alert = &entry.value;
        let name = match &alert.name {
            Some(name) => self.text(name),
            None => self.missing(
                &entry.span,
                "name",
                r#"give it a name: name = "lag-critical""#,
            ),
        };
        let severity = match &alert.severity {
            Some(text) => self.text(text),
            None => Some("warning".to_owned()),
        };
        let when = match &alert.when {
            Some(text) => self.condition(text),
            None => self.missing(&entry.span, "when", WHEN),
        };
        let pending_for = self.duration_or(&alert.pending_for, SimDuration::ZERO);
        let keep_firing_for = self.duration_or(&alert.keep_firing_for, SimDuration::ZERO);
        Some(Alert {
            name: name?,
            severity: severity?,
            when: when?,
            pending_for,
            keep_firing_for,
        })
    }

    fn condition(&mut self, value: &raw::Text) -> Option<Condition> {
        let text = self.text(value)?;
        let place = &value.0.span;
        let Some(at) = text.find(['<', '>']) else {
            return self.error(place, "this compares nothing", WHEN);
        };
        let word = text[..at].trim();
        let rest = &text[at..];
        let (compare, threshold) = match (
            rest.strip_prefix(">="),
            rest.strip_prefix("<="),
            rest.strip_prefix('>'),
        ) {
            (Some(rest), ..) => (Compare::AtLeast, rest),
            (_, Some(rest), _) => (Compare::AtMost, rest),
            (.., Some(rest)) => (Compare::Above, rest),
            _ => (Compare::Below, &rest[1..]),
        };
        let Some((_, gauge)) = GAUGES.iter().find(|(name, _)| *name == word) else {
            let names = GAUGES.map(|(name, _)| name);
            let help = match nearest(word, names) {
                Some(name) => format!("write `{name}`; the gauges are {}", list(&names)),
                None => WHEN.to_owned(),
            };
            return self.error(place, format!("there is no gauge `{word}`"), help);
        };
        let threshold = threshold.trim();
        let ages = matches!(gauge, Gauge::Age | Gauge::MaxAge);
        let number = if ages {
            parse_duration(threshold).map(SimDuration::as_secs_f64)
        } else {
            parse_count(threshold).map(|count| count as f64)
        };
        match number {
            Ok(threshold) => Some(Condition {
                gauge: *gauge,
                compare,
                threshold,
            }),
            Err(fault) => {
                let unit = if ages {
                    "a time"
                } else {
                    "a number of records"
                };
                let message = format!(
                    "the threshold of `{word}` must be {unit}: {}",
                    fault.problem
                );
                self.error(
                    place,
                    message,
                    if threshold.is_empty() {
                        WHEN.to_owned()
                    } else {
                        fault.remedy
                    },
                )
            }
        }
    }

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
            Kind::Count(metric) => Metric::Count(metric),
            Kind::Drain => Metric::Drain,
            Kind::MaxPause => Metric::PauseMax,
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

    /// What runs, but probably does not say what was meant.
    pub(super) fn doubts(
        &mut self,
        model: &Model,
        topic: Option<&Topic>,
        walked: &Walked,
        settings: Option<&Settings>,
        downstream: Option<&Downstream>,
    ) {
        let (Some(topic), Some(group)) = (topic, &model.group) else {
            return;
        };
        let partitions = walked.partitions.max(topic.partitions.len() as u32) as usize;
        if walked.members > partitions {
            let place = group
                .value
                .members
                .as_ref()
                .map_or(&group.span, |members| &members.0.span);
            let message = format!(
                "{} members share {partitions} partitions: {} of them have nothing to do",
                walked.members,
                walked.members - partitions
            );
            self.warn(
                place,
                message,
                "a partition is read by one member: more members than partitions do not help",
            );
        }
        let Some(settings) = settings else {
            return;
        };
        let calls = f64::from(settings.processing.calls);
        let call = downstream.map_or(0.0, |downstream| mean_of(&downstream.latency)) * calls;
        let record = mean_of(&settings.processing.time) + call;
        let records = settings.properties.max_poll_records;
        let batch = record * records as f64 / f64::from(settings.processing.concurrency);
        let most = settings.properties.max_poll_interval.as_secs_f64();
        if records < UNLIMITED_RECORDS && batch >= most {
            let place = model
                .processing
                .as_ref()
                .map_or(&group.span, |section| &section.span);
            let message = format!(
                "a full batch of {records} records takes {batch:.0} s on average, longer than max.poll.interval.ms allows ({most:.0} s)"
            );
            let fits = (most / record * f64::from(settings.processing.concurrency) / 2.0).floor();
            let help = format!(
                "if this is not the point of the model: max.poll.records = {fits:.0} leaves twice the time"
            );
            self.warn(place, message, help);
        }
    }
}
