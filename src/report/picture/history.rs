//! What happened beside the curves: stretches of time and instants, by kind.

use super::scene::{Ink, palette};
use crate::measure::{AlertRule, Outcome, stops};
use crate::report::Results;
use crate::sim::{Fact, PartitionState};

/// Rules that get a lane of their own; if more have fired, the others share one.
const MOST_RULES: usize = 3;

/// Something that happened, in a lane of its own below the panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Its name, with how often it happened.
    pub label: String,
    /// Its colour, in the lane and in the panels.
    pub ink: Ink,
    /// When (s), merged where they overlap; an instant ends where it begins.
    pub spans: Vec<Happening>,
    /// How the panels show it.
    pub shown: Shown,
    /// Strokes of its vertical lines, so that kinds differ without colour too.
    pub dash: Option<(f64, f64)>,
}

/// A stretch of time or an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// From (s).
    pub from: f64,
    /// To (s).
    pub to: f64,
    /// Its name, if it has one.
    pub label: String,
}

/// How panels show what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As shaded bands.
    Bands,
    /// As vertical lines where it begins.
    Marks,
    /// Not at all, the lane says it.
    LaneOnly,
}

/// Every kind of thing that happened in the first outcome.
pub fn lanes(results: &Results, outcome: &Outcome) -> Vec<Lane> {
    let end = outcome.summary.horizon_s;
    let mut lanes = vec![
        rebalances(outcome, end),
        standstill(results, outcome, end),
        poison(outcome, end),
        evictions(outcome),
        changes(results, outcome),
    ];
    let rules = outcome.summary.alert_rules.iter();
    let fired = rules.map(|rule| firing(rule, outcome, end));
    let fired = fired.filter(|lane| !lane.spans.is_empty());
    lanes.extend(together(fired.collect()));
    lanes.retain(|lane| !lane.spans.is_empty());
    lanes
}

fn happening(from: f64, to: f64) -> Happening {
    Happening {
        from,
        to,
        label: String::new(),
    }
}

/// Overlapping or touching stretches become one.
fn merged(mut spans: Vec<Happening>) -> Vec<Happening> {
    spans.sort_by(|a, b| a.from.total_cmp(&b.from).then(a.to.total_cmp(&b.to)));
    let mut union: Vec<Happening> = Vec::new();
    for span in spans {
        match union.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => union.push(span),
        }
    }
    union
}

fn rebalances(outcome: &Outcome, end: f64) -> Lane {
    let all = &outcome.summary.rebalances;
    let spans = all
        .iter()
        .map(|one| happening(one.started_at_s, one.ended_at_s.unwrap_or(end)));
    Lane {
        label: format!("rebalances ({})", all.len()),
        ink: palette::GREY,
        spans: merged(spans.collect()),
        shown: Shown::Bands,
        dash: None,
    }
}

/// Frozen members, and a dependency that is stopped.
fn standstill(results: &Results, outcome: &Outcome, end: f64) -> Lane {
    let mut spans = Vec::new();
    let mut frozen: Vec<(crate::units::ProcessId, f64)> = Vec::new();
    for (at, fact) in &outcome.events {
        let at = at.as_secs_f64();
        match fact {
            Fact::Frozen { process } => frozen.push((*process, at)),
            Fact::Thawed { process } => {
                if let Some(ix) = frozen.iter().position(|(other, _)| other == process) {
                    spans.push(happening(frozen.remove(ix).1, at));
                }
            }
            _ => {}
        }
    }
    spans.extend(frozen.into_iter().map(|(_, since)| happening(since, end)));
    for stop in stops(results.scenario)
        .iter()
        .filter(|stop| stop.from <= end)
    {
        spans.push(happening(stop.from, stop.to.map_or(end, |to| to.min(end))));
    }
    Lane {
        label: "outage or freeze".to_owned(),
        ink: palette::ORANGE,
        spans: merged(spans),
        shown: Shown::Bands,
        dash: None,
    }
}

/// When some partition was blocked by a poison record.
fn poison(outcome: &Outcome, end: f64) -> Lane {
    let mut spans = Vec::new();
    for told in &outcome.segments {
        for (ix, segment) in told.iter().enumerate() {
            if segment.state == PartitionState::Blocked {
                let until = told
                    .get(ix + 1)
                    .map_or(end, |next| next.since.as_secs_f64());
                spans.push(happening(segment.since.as_secs_f64(), until));
            }
        }
    }
    Lane {
        label: "blocked by poison".to_owned(),
        ink: palette::PURPLE,
        spans: merged(spans),
        shown: Shown::LaneOnly,
        dash: None,
    }
}

fn evictions(outcome: &Outcome) -> Lane {
    let all = &outcome.summary.evictions;
    Lane {
        label: format!("evictions ({})", all.len()),
        ink: palette::VERMILLION,
        spans: all
            .iter()
            .map(|one| happening(one.time_s, one.time_s))
            .collect(),
        shown: Shown::Marks,
        dash: Some((2.0, 4.0)),
    }
}

/// Deploys, crashes, scaling: what the timeline did.
fn changes(results: &Results, outcome: &Outcome) -> Lane {
    let spans: Vec<Happening> = outcome
        .events
        .iter()
        .filter_map(|(at, fact)| {
            let Fact::Timeline { entry } = fact else {
                return None;
            };
            let label = results.scenario.timeline.get(*entry)?.label.clone();
            let at = at.as_secs_f64();
            Some(Happening {
                from: at,
                to: at,
                label,
            })
        })
        .collect();
    Lane {
        label: format!("changes ({})", spans.len()),
        ink: palette::BLUE,
        spans,
        shown: Shown::Marks,
        dash: Some((9.0, 5.0)),
    }
}

/// Puts what is too much for lanes of their own into the last one.
fn together(mut fired: Vec<Lane>) -> Vec<Lane> {
    if fired.len() > MOST_RULES + 1 {
        let others = fired.split_off(MOST_RULES);
        let label = format!("{} other alerts", others.len());
        let spans = others.iter().flat_map(|lane| lane.spans.iter().cloned());
        fired.push(Lane {
            label,
            spans: merged(spans.collect()),
            ..others[0].clone()
        });
    }
    fired
}

fn firing(rule: &AlertRule, outcome: &Outcome, end: f64) -> Lane {
    let spans = outcome
        .summary
        .alerts
        .iter()
        .filter(|episode| episode.name == rule.name && episode.severity == rule.severity)
        .filter_map(|episode| {
            Some(happening(
                episode.firing_at_s?,
                episode.resolved_at_s.unwrap_or(end),
            ))
        })
        .collect();
    Lane {
        label: rule.name.clone(),
        ink: palette::GREEN,
        spans: merged(spans),
        shown: Shown::Marks,
        dash: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_fired_is_in_a_lane() {
        let fired = |from: u32| Lane {
            label: format!("rule-{from}"),
            ink: palette::GREEN,
            spans: vec![happening(f64::from(from), f64::from(from + 2))],
            shown: Shown::Marks,
            dash: None,
        };
        let labels = |rules: u32| -> Vec<(String, usize)> {
            let lanes = together((0..rules).map(fired).collect());
            let told = lanes.into_iter().map(|lane| (lane.label, lane.spans.len()));
            told.collect()
        };
        let own = |rule: u32| (format!("rule-{rule}"), 1);
        assert_eq!(labels(4), [own(0), own(1), own(2), own(3)]);
        let others = ("3 other alerts".to_owned(), 1);
        assert_eq!(labels(6), [own(0), own(1), own(2), others]);
    }
}
