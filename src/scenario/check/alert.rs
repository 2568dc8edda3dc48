//! Monitoring and alert rules.

use std::collections::BTreeSet;

use super::super::document::{list, nearest};
use super::super::model::{Alert, Compare, Condition, Gauge, Monitoring};
use super::super::raw::{self, Spot};
use super::judge::Judge;
use crate::units::{SimDuration, parse_count, parse_duration};

/// Prometheus' defaults of scrape_interval and evaluation_interval.
const MINUTE: SimDuration = SimDuration::from_secs(60);

/// The unit of Prometheus' durations.
const UNIT: SimDuration = SimDuration::from_millis(1);

const GAUGES: [(&str, Gauge); 5] = [
    ("lag", Gauge::Lag),
    ("sum", Gauge::SumLag),
    ("max", Gauge::MaxLag),
    ("age", Gauge::Age),
    ("max-age", Gauge::MaxAge),
];

const WHEN: &str = r#"write a gauge, a comparison and a threshold: "lag > 10000", "sum > 50k", "max >= 1000", "age > 5m" or "max-age > 5m""#;

impl Judge<'_> {
    pub(super) fn monitoring(&mut self, section: Option<&Spot<raw::Monitoring>>) -> Monitoring {
        let written = section.map(|section| &section.value);
        let mut interval = |value: Option<&raw::Time>, what: &str| {
            value.map_or(MINUTE, |time| {
                self.prometheus_interval(time, what).unwrap_or(MINUTE)
            })
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

    fn prometheus_interval(&mut self, time: &raw::Time, what: &str) -> Option<SimDuration> {
        let length = self.positive(time, what)?;
        if length < UNIT {
            let message = format!("{what} of {length} is shorter than {UNIT}");
            let help = format!("write {UNIT} or more: Prometheus counts in whole milliseconds");
            return self.error(&time.0.span, message, help);
        }
        Some(length)
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
                let help = if threshold.is_empty() {
                    WHEN.to_owned()
                } else if !ages && parse_duration(threshold).is_ok() {
                    format!(r#"write a number of records, or watch the age: "age > {threshold}""#)
                } else {
                    fault.remedy
                };
                self.error(place, message, help)
            }
        }
    }
}
