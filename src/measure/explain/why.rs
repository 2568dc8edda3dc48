//! Why a partition is in the state it is in, and which rule makes it so.

use super::event::cause_of_rebalance;
use super::{Story, Tenure, orphaned};
use crate::kafka::{ConsumerProperties, GroupProtocol, RebalanceProtocol, RemovalReason};
use crate::measure::poison::Poisons;
use crate::measure::verdict::{dependency, down, failing_calls, lengths, session_timeout, stops};
use crate::measure::words::{capital, grouped, listed, short, span};
use crate::sim::{Fact, PartitionState};
use crate::units::{ProcessId, SimDuration, SimTime};
use crate::workload::BreakerState;

/// Why the partition of `story` is where it is.
pub fn sentences(story: &Story) -> Vec<String> {
    let Some(stretch) = story.stretches.last() else {
        return Vec::new();
    };
    let mut told = match stretch.state {
        PartitionState::Starting => starting(story),
        PartitionState::KeepingUp => vec![keeping_up(story)],
        PartitionState::Saturated => saturated(story),
        PartitionState::Throttled => throttled(story),
        PartitionState::Blocked => blocked(story),
        PartitionState::Rebalancing => rebalancing(story, stretch.since),
        PartitionState::Orphaned => orphaned::sentences(story),
        PartitionState::Evicted => evicted(story, stretch.since),
        PartitionState::Frozen => vec![format!(
            "{} stands still: it processes nothing, sends no heartbeat, and is missed once {} are over.",
            reader(story),
            session_timeout(story.scenario)
        )],
    };
    told.extend(alerts(story));
    told
}

fn keeping_up(story: &Story) -> String {
    let poll = settings(story).properties.max_poll_records;
    let (who, one) = (
        reader(story),
        format!("one poll takes (max.poll.records = {})", grouped(poll)),
    );
    match story.lag <= poll {
        true => format!("{who} keeps up: what is behind is no more than {one}."),
        false => format!(
            "{who} keeps up: what is behind is in its hands already, but for no more than {one}."
        ),
    }
}

fn settings<'s>(story: &'s Story) -> &'s crate::scenario::Settings {
    &story.scenario.settings[0]
}

/// Who reads it, or did last.
fn reader(story: &Story) -> String {
    let last = story.tenures.last();
    last.map_or_else(|| "its member".to_owned(), |own| story.name(own.process))
}

pub(super) fn at(time: SimTime) -> String {
    span(time.as_secs_f64())
}

fn starting(story: &Story) -> Vec<String> {
    let events = story.outcome.events.iter();
    let mut started = events.filter_map(|(when, fact)| match fact {
        Fact::ProcessStarted { process } if *when <= story.at => Some((*when, *process)),
        _ => None,
    });
    let Some((when, process)) = started.next() else {
        return vec!["No member has started yet.".to_owned()];
    };
    let broker = &story.scenario.cluster.properties;
    vec![format!(
        "Nobody has read it yet: {} was the first to start, at {}, and the first join of an empty group waits \
         group.initial.rebalance.delay.ms ({}) for others, again while they keep coming.",
        story.name(process),
        at(when),
        span(broker.initial_rebalance_delay.as_secs_f64())
    )]
}

fn saturated(story: &Story) -> Vec<String> {
    let mut told = vec![format!(
        "{} works all the time and still has not got through what there is{}.",
        reader(story),
        rates(story)
    )];
    told.extend(failing_calls(story.scenario, &story.outcome.summary));
    if let Some(own) = story.owner() {
        let others = shares_with(story, own);
        if others > 0 {
            told.push(format!(
                "It reads {} other {} in the same poll loop; a partition has one reader, so only cheaper records, more of \
                 them at a time or fewer partitions per member help.",
                others,
                if others == 1 { "partition" } else { "partitions" }
            ));
        }
    }
    told
}

fn throttled(story: &Story) -> Vec<String> {
    let now = story.at.as_secs_f64();
    let stretch = story.stretches.last();
    let shared = story.scenario.shared();
    let which = stretch.and_then(|own| own.waits_for).unwrap_or(shared);
    let name = dependency(story.scenario, which);
    let mut out = stops(story.scenario).into_iter();
    let out = out.find(|stop| stop.which == which && stop.is_during(now));
    vec![match out {
        Some(stop) => format!(
            "{} waits for {name}, which {} since {}{}.",
            reader(story),
            if stop.refuses {
                "refuses every call"
            } else {
                "has answered nothing"
            },
            span(stop.from),
            rates(story)
        ),
        None if breaker_open(story).is_some() => format!(
            "{} waits for {name}: its circuit breaker is open until {}{}.",
            reader(story),
            at(breaker_open(story).unwrap_or(story.at)),
            rates(story)
        ),
        None if which != shared => format!(
            "{} waits for its next attempt at {name}{}.",
            reader(story),
            rates(story)
        ),
        None => format!(
            "{} waits for {name}, which all members share{}.",
            reader(story),
            rates(story)
        ),
    }]
}

/// Until when the circuit breaker of its reader lets no call through.
fn breaker_open(story: &Story) -> Option<SimTime> {
    let reader = story.tenures.last()?.process;
    let events = story.outcome.events.iter();
    let so_far = events.take_while(|(when, _)| *when <= story.at);
    let turns = so_far.filter_map(|(_, fact)| match fact {
        Fact::BreakerTurned { process, state } if *process == reader => Some(*state),
        _ => None,
    });
    match turns.last()? {
        BreakerState::Open { until } if until > story.at => Some(until),
        _ => None,
    }
}

fn blocked(story: &Story) -> Vec<String> {
    let mut poisons = Poisons::default();
    for (when, fact) in &story.outcome.events {
        if *when <= story.at {
            poisons.observe(*when, fact);
        }
    }
    if let Some(poison) = poisons.open(story.partition) {
        let mut told = vec![format!(
            "The record at offset {} is in the way since {}: it can neither be processed nor is it given up, and the committed \
             offset stays in front of it, so what comes behind waits, whoever reads the partition.",
            grouped(poison.offset),
            span(poison.met_at_s)
        )];
        let now = story.at.as_secs_f64();
        let mut out = down(story.scenario).into_iter();
        told.extend(out.find(|stop| stop.is_during(now)).map(|stop| {
            format!(
                "The dead-letter topic takes nothing since {}: what is given up does not get there.",
                span(stop.from)
            )
        }));
        return told;
    }
    let others = 0..story.outcome.last.len();
    let other = others
        .filter_map(|other| Some((other, poisons.open(other)?)))
        .next();
    let record = other.map_or_else(String::new, |(other, poison)| {
        let offset = grouped(poison.offset);
        format!(" (partition {other}, offset {offset})")
    });
    vec![format!(
        "{} cannot get past a poison record{record} and does not poll meanwhile: one poll loop serves all its partitions.",
        reader(story)
    )]
}

fn rebalancing(story: &Story, since: SimTime) -> Vec<String> {
    let begun = story.outcome.events.iter();
    let begun = begun
        .filter(|(when, fact)| *when <= story.at && matches!(fact, Fact::RebalanceStarted { .. }));
    let all: Vec<SimTime> = begun.map(|(when, _)| *when).collect();
    let Some(begun) = all.last().copied() else {
        return vec!["It has no reader until the group has assigned it.".to_owned()];
    };
    let cause = cause_of_rebalance(story, all.len()).unwrap_or_default();
    let mut told = vec![format!("A rebalance began at {}: {cause}.", at(begun))];
    let properties = &settings(story).properties;
    if properties.group_protocol == GroupProtocol::Consumer {
        told.push(
            "In the consumer protocol only what moves stands still: its member gives it up as it hears of its new target \
             assignment, and the next one gets it with the heartbeat after that."
                .to_owned(),
        );
        return told;
    }
    if properties.assignor.protocol() == RebalanceProtocol::Cooperative {
        told.push(
            "In a cooperative group it moves in two steps: its member gives it up in one rebalance, and the next one assigns \
             it; either waits for a poll of the members."
                .to_owned(),
        );
        return told;
    }
    told.push(barrier(story, begun.min(since)));
    told
}

/// Whom the join barrier waits for, or waited for.
fn barrier(story: &Story, begun: SimTime) -> String {
    let events = story.outcome.events.iter();
    let during = || {
        let within = events
            .clone()
            .filter(|(when, _)| (begun..=story.at).contains(when));
        within.map(|(when, fact)| (*when, fact))
    };
    let through = during().any(|(_, fact)| matches!(fact, Fact::GenerationStarted { .. }));
    let mut last = during().filter_map(|(when, fact)| match fact {
        Fact::PartitionsRevoked { process, .. } => Some((when, *process)),
        _ => None,
    });
    let last = last.next_back();
    let rule = "an eager group gives everything up and waits for every member to call poll() again";
    match (through, last) {
        (true, Some((when, process))) => format!(
            "{}: {} did so last, {} after it began.",
            capital(rule),
            story.name(process),
            span(when.since(begun).as_secs_f64())
        ),
        (true, None) => format!("{}.", capital(rule)),
        (false, _) => {
            let missing = missing(story, begun);
            let whom = match missing.len() {
                0 => String::new(),
                1..=5 => format!("; {} not yet done so", have(&missing)),
                many => format!("; {many} have not yet done so"),
            };
            format!(
                "{}, at most max.poll.interval.ms ({}){whom}.",
                capital(rule),
                lengths(story.scenario, |own| own.max_poll_interval)
            )
        }
    }
}

/// Members that had partitions when the rebalance began and have not given them up.
fn missing(story: &Story, begun: SimTime) -> Vec<String> {
    let mut having: Vec<ProcessId> = Vec::new();
    for (when, fact) in &story.outcome.events {
        if *when > story.at {
            break;
        }
        match fact {
            Fact::PartitionsAssigned {
                process,
                partitions,
                ..
            } if *when < begun && !partitions.is_empty() && !having.contains(process) => {
                having.push(*process);
            }
            Fact::PartitionsRevoked { process, .. }
            | Fact::ProcessStopped { process, .. }
            | Fact::MemberEvicted { process, .. } => having.retain(|own| own != process),
            _ => {}
        }
    }
    having.sort();
    having.into_iter().map(|own| story.name(own)).collect()
}

fn have(names: &[String]) -> String {
    let verb = if names.len() == 1 { "has" } else { "have" };
    format!("{} {verb}", listed(names))
}

fn evicted(story: &Story, since: SimTime) -> Vec<String> {
    // One stretch may be of several readers, one after the other: it is told of the last, from when it had the partition.
    let last = story.tenures.last();
    let owner = last.map(|own| own.process);
    let since = last.map_or(since, |own| own.since.max(since));
    let dropped = story
        .outcome
        .events
        .iter()
        .find_map(|(when, fact)| match fact {
            Fact::MemberEvicted { process, removal }
                if Some(*process) == owner && *when >= since =>
            {
                Some((*when, *removal))
            }
            _ => None,
        });
    let who = owner.map_or_else(|| "its member".to_owned(), |own| story.name(own));
    let of = |of: fn(&ConsumerProperties) -> SimDuration| lengths(story.scenario, of);
    let rule = match dropped {
        Some((when, None)) => format!(
            "{who} does not poll again within max.poll.interval.ms ({}) and drops out of the group at {}",
            of(|own| own.max_poll_interval),
            at(when)
        ),
        Some((when, Some(RemovalReason::SessionExpired))) => format!(
            "{who} sends no heartbeat for {} and is removed from the group at {}",
            session_timeout(story.scenario),
            at(when)
        ),
        Some((when, Some(_))) => format!(
            "{who} does not join in time and is removed from the group at {}",
            at(when)
        ),
        None => format!("{who} is a member no more"),
    };
    vec![format!(
        "{rule}: its commit is refused, and the next reader starts at the committed offset again, so that nothing it has \
         done here since {} counts.",
        at(since)
    )]
}

/// How many other partitions the owner has.
fn shares_with(story: &Story, own: Tenure) -> usize {
    let assigned = story
        .outcome
        .events
        .iter()
        .rev()
        .find_map(|(when, fact)| match fact {
            Fact::PartitionsAssigned {
                process,
                partitions,
                ..
            } if *process == own.process && *when <= story.at => Some(partitions.len()),
            _ => None,
        });
    assigned.unwrap_or(1).saturating_sub(1)
}

/// `: in the last 1m 60/s arrived and 50/s were committed`, over the state it is in, but not longer than five minutes.
fn rates(story: &Story) -> String {
    let curves = &story.outcome.curves;
    let since = story.stretches.last().map_or(story.at, |own| own.since);
    let from = curves.times().partition_point(|time| *time < since);
    let to = curves.times().partition_point(|time| *time <= story.at);
    let times = &curves.times()[from..to];
    let longest = 300.0;
    let recent = times.partition_point(|time| story.at.since(*time).as_secs_f64() > longest);
    let Some(first) = times.get(recent) else {
        return String::new();
    };
    let length = story.at.since(*first).as_secs_f64();
    let (Some(before), true) = (curves.point(story.partition, from + recent), length > 0.0) else {
        return String::new();
    };
    let per_second = |after: u64, before: u64| short(after.saturating_sub(before) as f64 / length);
    format!(
        ": in the last {} {}/s arrived here and {}/s were committed",
        span(length),
        per_second(story.point.log_end, before.log_end),
        per_second(
            story.point.committed.unwrap_or(0),
            before.committed.unwrap_or(0)
        )
    )
}

/// Alerts that are about it, or about all partitions, and pending or firing.
fn alerts(story: &Story) -> Vec<String> {
    let now = story.at.as_secs_f64();
    let episodes = story.outcome.summary.alerts.iter();
    let about = episodes.filter(|own| {
        own.partition
            .is_none_or(|partition| partition as usize == story.partition)
            && own.pending_at_s <= now
            && own.resolved_at_s.is_none_or(|end| now < end)
    });
    about
        .map(|own| match own.firing_at_s.filter(|from| *from <= now) {
            Some(from) => format!(
                "{} ({}) fires since {}.",
                own.name,
                own.severity,
                span(from)
            ),
            None => format!(
                "{} ({}) is pending since {}.",
                own.name,
                own.severity,
                span(own.pending_at_s)
            ),
        })
        .collect()
}
