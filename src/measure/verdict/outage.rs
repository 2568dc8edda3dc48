//! Outages of dependencies: from when to when, what their callers did meanwhile, and what would have helped.

use super::super::rebalance::Eviction;
use super::super::summary::Summary;
use super::super::words::{counted, listed, span};
use crate::scenario::{Action, Downstream, DownstreamChange, GiveUp, GivesUp, Scenario, WhileOpen};

/// A time in which a dependency, or the dead-letter topic, is of no use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Index of the dependency; 0 for the dead-letter topic.
    pub which: usize,
    /// Its beginning (s).
    pub from: f64,
    /// Its end (s); none if it does not come back.
    pub to: Option<f64>,
    /// It refuses at once what is asked of it, instead of saying nothing.
    pub refuses: bool,
}

impl Stop {
    /// Whether an instant lies within it (s).
    pub fn is_during(&self, now: f64) -> bool {
        self.from <= now && self.to.is_none_or(|to| now < to)
    }
}

/// All of them, in the order in which they begin.
pub fn stops(scenario: &Scenario) -> Vec<Stop> {
    let mut found: Vec<Stop> = Vec::new();
    for entry in &scenario.timeline {
        let Action::Downstream(which, change) = &entry.action else {
            continue;
        };
        let (which, from) = (*which, entry.at.as_secs_f64());
        let mut open = found.iter_mut().filter(|stop| stop.to.is_none());
        match (change, open.find(|stop| stop.which == which)) {
            (DownstreamChange::Stop | DownstreamChange::Fail, None) => {
                found.push(Stop {
                    which,
                    from,
                    to: None,
                    refuses: *change == DownstreamChange::Fail,
                });
            }
            (DownstreamChange::Resume, Some(stop)) => stop.to = Some(from),
            _ => {}
        }
    }
    found
}

/// Whether an outage cost records, or processes.
pub fn cost(scenario: &Scenario, summary: &Summary) -> bool {
    let mut all = 0..scenario.downstreams.len();
    let lost = summary.given_up() + summary.crashes;
    all.any(|which| gives_up(scenario, which).is_some()) && lost > summary.calls_given_up()
}

/// When records are given up whose call of a dependency fails, if calls of it fail at all.
fn gives_up(scenario: &Scenario, which: usize) -> Option<GivesUp> {
    let on_outage = &scenario.downstreams.get(which)?.on_outage;
    let refuses = Action::Downstream(which, DownstreamChange::Fail);
    let mut entries = scenario.timeline.iter();
    let fails = on_outage.timeout.is_some() || entries.any(|entry| entry.action == refuses);
    on_outage.gives_up.filter(|_| fails)
}

/// What becomes of a record whose call fails.
pub(super) fn giving_up(gives_up: GivesUp, summary: &Summary) -> String {
    let attempts = counted(u64::from(gives_up.attempts), "attempt", "attempts");
    match gives_up.then {
        GiveUp::Skip => format!("a record whose call fails is skipped after {attempts}"),
        GiveUp::DeadLetter { .. } => {
            format!("a record whose call fails goes to the dead-letter topic after {attempts}")
        }
        GiveUp::RetryTopic { .. } => {
            format!("a record whose call fails goes to the next retry topic after {attempts}")
        }
        GiveUp::Crash { .. } => format!(
            "whoever has a record whose call fails exits after {attempts} and is started again, {} in all",
            counted(summary.crashes, "time", "times")
        ),
    }
}

/// Of each dependency that stops, its stops.
fn by_dependency(scenario: &Scenario) -> Vec<(&Downstream, Vec<Stop>)> {
    let all = stops(scenario);
    let each = scenario.downstreams.iter().enumerate();
    let each = each.map(|(which, own)| {
        let stops = all.iter().filter(|stop| stop.which == which);
        (own, stops.copied().collect::<Vec<_>>())
    });
    each.filter(|(_, stops)| !stops.is_empty()).collect()
}

/// A sentence on each dependency that stops.
pub fn sentences(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let each = by_dependency(scenario).into_iter();
    each.map(|(downstream, stops)| sentence(downstream, &stops, scenario, summary))
        .collect()
}

fn sentence(
    downstream: &Downstream,
    stops: &[Stop],
    scenario: &Scenario,
    summary: &Summary,
) -> String {
    let which = stops[0].which;
    let (refused, silent): (Vec<Stop>, Vec<Stop>) = stops.iter().partition(|stop| stop.refuses);
    let kinds = [
        ("answers nothing", &silent),
        ("refuses every call", &refused),
    ];
    let kinds = kinds.into_iter().filter(|(_, stops)| !stops.is_empty());
    let away: Vec<String> = kinds
        .map(|(does, stops)| format!("{does} {}", during(stops)))
        .collect();
    let breaker = downstream.on_outage.breaker;
    let meanwhile = gives_up(scenario, which).map(|gives_up| giving_up(gives_up, summary));
    let meanwhile = meanwhile.unwrap_or_else(|| match breaker {
        Some((_, WhileOpen::Buffer { records: 0 })) => {
            "circuit breakers open, members pause their partitions and poll on".to_owned()
        }
        Some((_, WhileOpen::Buffer { records })) => format!(
            "circuit breakers open, members keep up to {} each and poll on",
            counted(records, "record", "records")
        ),
        Some((_, WhileOpen::Block)) if summary.breakers.is_some() => {
            "circuit breakers open, and members wait for them and do not poll".to_owned()
        }
        Some((_, WhileOpen::Block)) | None if silent.is_empty() => {
            "members make the same calls again and again and do not poll".to_owned()
        }
        Some((_, WhileOpen::Block)) | None => {
            "members wait in their calls and do not poll".to_owned()
        }
    });
    format!("{} {}: {meanwhile}.", downstream.name, listed(&away))
}

/// `from 10m to 30m, and 2 times more`: when something is away.
pub fn during(stops: &[Stop]) -> String {
    let Some(Stop { from, to, .. }) = stops.first() else {
        return String::new();
    };
    let until = to.map_or("to the end".to_owned(), |to| format!("to {}", span(to)));
    let more = match stops.len() {
        1 => String::new(),
        all => format!(", and {} more", counted(all as u64 - 1, "time", "times")),
    };
    format!("from {} {until}{more}", span(*from))
}

/// Whether a member ran into max.poll.interval.ms during one of these, or right after.
pub fn explains(eviction: &Eviction, stops: &[Stop], scenario: &Scenario) -> bool {
    let longest = scenario
        .settings
        .iter()
        .map(|own| own.properties.max_poll_interval.as_secs_f64())
        .fold(0.0, f64::max);
    stops.iter().any(|stop| {
        let until = stop.to.map_or(f64::INFINITY, |to| to + longest);
        (stop.from..=until).contains(&eviction.time_s)
    })
}

/// Whether its callers poll on while it is away: behind an open circuit breaker, or because they give up what fails.
pub fn polls_on(downstream: &Downstream) -> bool {
    let outage = &downstream.on_outage;
    matches!(outage.breaker, Some((_, WhileOpen::Buffer { .. })))
        || outage.gives_up.is_some_and(|own| !own.then.crashes())
}

/// What would help against those whose callers do not poll on. A breaker goes with what callers share, or without.
pub fn remedy(scenario: &Scenario) -> Option<String> {
    let stop = by_dependency(scenario).into_iter();
    let blocking = stop.map(|(own, _)| own).filter(|own| !polls_on(own));
    let blocking: Vec<&Downstream> = blocking.collect();
    if blocking.is_empty() {
        return None;
    }
    let beside = |own: &Downstream| own.is_shared() && !blocking.contains(&own);
    let remedy = if scenario.downstreams.iter().any(beside) {
        "records given up while it is away, to a dead-letter topic (on-error)"
    } else if blocking.iter().any(|own| own.on_outage.breaker.is_some()) {
        "a circuit breaker that pauses the partitions (while-open = \"pause\") and keeps polling, instead of one that blocks"
    } else {
        "a circuit breaker that pauses the partitions (consumer.pause()) and keeps polling while it is away"
    };
    let names: Vec<String> = blocking.iter().map(|own| own.name.clone()).collect();
    Some(format!(
        "{}: {remedy}; then nobody exceeds max.poll.interval.ms and the group stays as it is.",
        listed(&names)
    ))
}
