//! Expectations: which figure, and its bounds in the figure's unit.

use super::super::document::{list, nearest};
use super::super::figure::{FIGURES, Figure, FigureKind, Unit};
use super::super::metric::{Expectation, Metric};
use super::super::raw::{self, FigureTable, Model, Scalar, Spot};
use super::judge::{Judge, Place};
use super::relation::relative;
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

/// What figures may be told of.
pub(super) struct System<'m> {
    /// How many partitions there will be; 0 if that is not known.
    pub(super) partitions: u32,
    /// Names of the alerts.
    pub(super) alerts: Vec<&'m str>,
    /// Whether there is an autoscaler.
    pub(super) autoscaler: bool,
    /// Whether there may be retry topics.
    pub(super) retry_topics: bool,
}

impl Judge<'_> {
    pub(super) fn expectations(
        &mut self,
        entries: &[Spot<raw::Expect>],
        model: &Model,
        partitions: u32,
    ) -> Vec<Expectation> {
        let alerts: Vec<String> = model
            .alert
            .iter()
            .flatten()
            .filter_map(|alert| Some(alert.value.name.as_ref()?.0.value.plain()))
            .collect();
        let system = System {
            partitions,
            alerts: alerts.iter().map(String::as_str).collect(),
            autoscaler: model.autoscaler.is_some(),
            retry_topics: model.retry_topic.is_some(),
        };
        entries
            .iter()
            .filter_map(|entry| self.expectation(entry, &system))
            .collect()
    }

    /// A figure with bounds.
    pub(super) fn expectation(
        &mut self,
        entry: &Spot<impl FigureTable>,
        system: &System<'_>,
    ) -> Option<Expectation> {
        self.bounded(entry, system, ("50000", Judge::bound))
    }

    /// A figure with bounds, which `read` makes of what is written; `example` is how one is written.
    pub(super) fn bounded<B: PartialOrd>(
        &mut self,
        entry: &Spot<impl FigureTable>,
        system: &System<'_>,
        (example, read): (&str, impl Fn(&mut Self, &raw::Bound, Figure) -> Option<B>),
    ) -> Option<Expectation<B>> {
        let expect = entry.value.figure();
        let figure = self.figure(expect.metric.as_ref(), &entry.span)?;
        let metric = self.metric(&expect, &entry.span, figure, system);
        self.superfluous(&expect, figure.kind);
        let above = expect.above.as_ref().map(|bound| read(self, bound, figure));
        let below = expect.below.as_ref().map(|bound| read(self, bound, figure));
        let bounds = match (above, below) {
            (None, None) => {
                let help = format!("write what it must be: below = {example}, or above, or both");
                return self.missing(&entry.span, "below", help);
            }
            (Some(None), _) | (_, Some(None)) => None,
            (above, below) => Some((above.flatten(), below.flatten())),
        };
        let (above, below) = bounds?;
        if let (Some(least), Some(most), Some(at)) = (&above, &below, &expect.above)
            && least >= most
        {
            return self.error(
                &at.0.span,
                "nothing is above this and below that",
                "make `above` smaller than `below`",
            );
        }
        let metric = metric?;
        let mut text = metric.name();
        for (key, bound) in [("above", &expect.above), ("below", &expect.below)] {
            if let Some(bound) = bound {
                text.push_str(&format!(" {key} {}", bound.0.value.plain()));
            }
        }
        Some(Expectation {
            metric,
            above,
            below,
            text,
        })
    }

    /// The figure that `word` names in what stands at `place`.
    pub(super) fn figure(&mut self, word: Option<&raw::Text>, place: &Place) -> Option<Figure> {
        let Some(word) = word else {
            return self.missing(place, "metric", r#"say what is judged: metric = "max-lag""#);
        };
        let choices = FIGURES.map(|figure| (figure.name, figure));
        self.choice(word, &choices)
    }

    /// The figure, and of what, without its bounds.
    pub(super) fn metric(
        &mut self,
        expect: &raw::Expect,
        place: &Place,
        figure: Figure,
        system: &System<'_>,
    ) -> Option<Metric> {
        let metric = match figure.kind {
            FigureKind::Lag(metric) => {
                let partition = match &expect.partition {
                    Some(value) => Some(self.partition(value, system.partitions)?),
                    None => None,
                };
                Metric::Lag(metric, partition)
            }
            FigureKind::Count(metric) => {
                if metric.needs_autoscaler() && !system.autoscaler {
                    let message = format!("`{}` needs an autoscaler", figure.name);
                    let help = "add a section [autoscaler], or judge another figure";
                    let place = expect.metric.as_ref().map_or(place, |word| &word.0.span);
                    return self.error(place, message, help);
                }
                Metric::Count(metric)
            }
            FigureKind::Drain => Metric::Drain,
            FigureKind::RetryDrain => Metric::RetryDrain,
            FigureKind::MaxPause => Metric::PauseMax,
            FigureKind::MaxDown => Metric::DownMax,
            FigureKind::IdleMembers => Metric::IdleMembers,
            FigureKind::RebalancesPerMinute => Metric::RebalancesPerMinute,
            FigureKind::Cause => Metric::Cause(self.cause(expect, place)?),
            FigureKind::CauseTime => Metric::CauseTime(self.cause(expect, place)?),
            FigureKind::AlertFiring => Metric::AlertFiring(self.alert_name(expect, place, system)?),
        };
        if metric.needs_retry_topics() && !system.retry_topics {
            let message = format!("`{}` needs a retry topic", figure.name);
            let help = "add a section [[retry-topic]], or judge another figure";
            let place = expect.metric.as_ref().map_or(place, |word| &word.0.span);
            return self.error(place, message, help);
        }
        Some(metric)
    }

    fn cause(&mut self, expect: &raw::Expect, place: &Place) -> Option<String> {
        let Some(value) = &expect.cause else {
            let causes = list(&CAUSES);
            let help = format!("say which cause: cause = \"blocked\"; the causes are {causes}");
            return self.missing(place, "cause", help);
        };
        let causes = CAUSES.map(|cause| (cause, cause));
        self.choice(value, &causes).map(str::to_owned)
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

    fn alert_name(
        &mut self,
        expect: &raw::Expect,
        place: &Place,
        system: &System<'_>,
    ) -> Option<String> {
        let Some(value) = &expect.alert else {
            let help = r#"say which alert: alert = "lag-critical""#;
            return self.missing(place, "alert", help);
        };
        let name = self.text(value)?;
        let known = &system.alerts;
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        let help = match (known.is_empty(), nearest(&name, known.iter().copied())) {
            (true, _) => "the model has no alerts: add a section [[alert]] of this name".to_owned(),
            (_, Some(near)) => format!("write \"{near}\""),
            (_, None) => format!("the alerts are {}", list(known)),
        };
        self.error(&value.0.span, format!("there is no alert `{name}`"), help)
    }

    pub(super) fn superfluous(&mut self, expect: &raw::Expect, kind: FigureKind) {
        let keys = [
            (
                expect.partition.as_ref().map(|one| &one.0),
                matches!(kind, FigureKind::Lag(_)),
                "partition",
                "figures of lag and age",
            ),
            (
                expect.alert.as_ref().map(|one| &one.0),
                matches!(kind, FigureKind::AlertFiring),
                "alert",
                "alert-firing",
            ),
            (
                expect.cause.as_ref().map(|one| &one.0),
                matches!(kind, FigureKind::Cause | FigureKind::CauseTime),
                "cause",
                "cause and cause-time",
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

    /// A bound in the figure's unit.
    pub(super) fn bound(&mut self, bound: &raw::Bound, figure: Figure) -> Option<f64> {
        let value = &bound.0;
        if let Scalar::Text(text) = &value.value
            && relative(text).is_some()
        {
            let message = format!("`{text}` is relative, and nothing says to what");
            let help = "write the bound itself; in an [[expect]] of an experiment `against` names another case";
            return self.error(&value.span, message, help);
        }
        if figure.unit == Unit::Seconds {
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
                if figure.unit == Unit::Share && !(0.0..=1.0).contains(&number) {
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
