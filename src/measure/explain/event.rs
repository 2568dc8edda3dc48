//! What happened to a partition, one sentence per event.

use serde::Serialize;

use super::Story;
use crate::measure::verdict::session_timeout;
use crate::measure::words::{counted, grouped, span};
use crate::sim::{Fact, Fate, PartitionState, StopReason};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};
use crate::workload::BreakerState;

/// A pause that is worth a word.
const LONG_PAUSE: SimDuration = SimDuration::from_millis(1_000);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// When (s).
    pub time_s: f64,
    /// What.
    pub what: String,
}

/// Everything that has to do with the partition of `story` since it last kept up, in order of time.
pub fn all(story: &Story) -> Vec<Event> {
    // How its owner's work goes shows at the next point of the grid only.
    let sample = story.scenario.sample;
    let first = &story.stretches[0];
    let since = match first.state {
        PartitionState::KeepingUp => first.since,
        _ => (first.since.checked_sub(sample)).unwrap_or(SimTime::ZERO),
    };
    let mut begun = 0;
    let counted = story.outcome.events.iter().map(|(when, fact)| {
        begun += usize::from(matches!(fact, Fact::RebalanceStarted { .. }));
        (when, fact, begun)
    });
    let told = counted.filter(|(when, ..)| (since..=story.at).contains(when));
    told.filter_map(|(when, fact, begun)| {
        let what = group(story, fact, begun)
            .or_else(|| partition(story, *when, fact))
            .or_else(|| member(story, *when, fact))?;
        Some(Event {
            time_s: when.as_secs_f64(),
            what,
        })
    })
    .collect()
}

/// Why the last of the first `begun` rebalances began, as a clause: `order-processor-1 left`.
pub fn cause_of_rebalance(story: &Story, begun: usize) -> Option<String> {
    let rebalances = &story.outcome.summary.rebalances;
    let found = rebalances.get(begun.checked_sub(1)?)?;
    let member = found.member.as_deref().unwrap_or("a member");
    Some(match found.cause {
        "member-joined" => format!("{member} joins"),
        "member-left" => format!("{member} leaves"),
        "max-poll-interval" => format!("{member} exceeds max.poll.interval.ms and leaves"),
        "session-expired" => format!(
            "{member} is missed after {} of silence",
            session_timeout(story.scenario)
        ),
        "metadata-changed" => "the topic has other partitions".to_owned(),
        "member-rejoined" => format!("{member} joins again"),
        other => format!("{member}: {other}"),
    })
}

/// Whether a rebalance that `process` is behind begins at about that time: it tells the same.
fn rebalances(story: &Story, when: SimTime, process: ProcessId) -> bool {
    story.outcome.events.iter().any(|(at, fact)| {
        let own =
            matches!(fact, Fact::RebalanceStarted { process: Some(one), .. } if *one == process);
        own && (*at).max(when).since((*at).min(when)) < LONG_PAUSE
    })
}

/// What happened to the whole group, of which so many rebalances have begun.
fn group(story: &Story, fact: &Fact, begun: usize) -> Option<String> {
    match fact {
        Fact::RebalanceStarted { .. } => Some(format!(
            "a rebalance begins: {}",
            cause_of_rebalance(story, begun)?
        )),
        Fact::GroupEmpty => Some("the last member of the group is gone".to_owned()),
        Fact::Timeline { entry } => story
            .scenario
            .timeline
            .get(*entry)
            .map(|entry| entry.label.to_string()),
        Fact::Scaled { from, to, .. } => Some(format!("the autoscaler goes from {from} to {to}")),
        _ => None,
    }
}

/// What happened to the partition.
fn partition(story: &Story, when: SimTime, fact: &Fact) -> Option<String> {
    let id = PartitionId(story.partition as u32);
    match fact {
        Fact::PartitionsAssigned {
            process,
            partitions,
            ..
        } if partitions.contains(&id) => {
            let mut so_far = story.tenures.iter().filter(|own| own.since < when);
            let again = so_far
                .next_back()
                .is_some_and(|own| own.process == *process);
            (!again).then(|| format!("{} gets the partition", story.name(*process)))
        }
        Fact::PoisonMet {
            process,
            partition,
            offset,
        } if *partition == id => {
            let who = process.map_or_else(|| "the group".to_owned(), |one| story.name(one));
            let offset = grouped(*offset);
            Some(format!("{who} meets the poison record at offset {offset}"))
        }
        Fact::PoisonGivenUp {
            process,
            partition,
            offset,
            fate,
        } if *partition == id => {
            let how = match fate {
                Fate::Skipped => "skips",
                Fate::Undelivered => "cannot dead-letter and skips",
                Fate::DeadLettered => "dead-letters",
                Fate::PassedOn => "sends to a retry topic",
            };
            let (who, offset) = (story.name(*process), grouped(*offset));
            Some(format!("{who} {how} the poison record at offset {offset}"))
        }
        Fact::OffsetReset {
            partition,
            from,
            to,
            ..
        } if *partition == id => Some(format!(
            "offset {} is out of range: auto.offset.reset goes on at {}",
            grouped(*from),
            grouped(*to)
        )),
        Fact::RecordsLost {
            partition,
            from,
            to,
        } if *partition == id => {
            let lost = counted(to - from, "record is", "records are");
            Some(format!("{lost} lost: nobody will process them"))
        }
        _ => None,
    }
}

/// What happened to the member that reads it, or did last.
fn member(story: &Story, when: SimTime, fact: &Fact) -> Option<String> {
    let reads = |process: &ProcessId| {
        let mut so_far = story.tenures.iter().filter(|own| own.since <= when);
        let last = so_far.next_back();
        last.filter(|own| own.process == *process)
            .map(|own| story.name(own.process))
    };
    match fact {
        Fact::ProcessStarted { process } => reads(process).map(|who| format!("{who} starts")),
        Fact::ProcessStopped { process, reason } => {
            let how = match reason {
                StopReason::Closed => "has closed its consumer and ends",
                StopReason::Killed => "is dead: nothing tells the group",
                StopReason::Refused => "is refused (UNRELEASED_INSTANCE_ID) and exits",
            };
            reads(process).map(|who| format!("{who} {how}"))
        }
        Fact::MemberEvicted { process, removal } if !rebalances(story, when, *process) => {
            let how = match removal {
                None => "exceeds max.poll.interval.ms and drops out of the group",
                Some(_) => "is removed from the group",
            };
            reads(process).map(|who| format!("{who} {how}"))
        }
        Fact::MemberResumed { process, since } if when.since(*since) >= LONG_PAUSE => {
            let still = span(when.since(*since).as_secs_f64());
            reads(process).map(|who| format!("{who} fetches again, after a pause of {still}"))
        }
        Fact::CommitFailed {
            process, records, ..
        } => {
            let records = counted(*records, "processed record", "processed records");
            reads(process).map(|who| format!("a commit of {who} is refused: {records}"))
        }
        Fact::Frozen { process } => reads(process).map(|who| format!("{who} stands still")),
        Fact::Thawed { process } => reads(process).map(|who| format!("{who} goes on")),
        Fact::BreakerTurned { process, state } => {
            let how = match state {
                BreakerState::Closed => "closes",
                BreakerState::Open { .. } => "opens",
                BreakerState::HalfOpen => "is half-open",
            };
            reads(process).map(|who| format!("the circuit breaker of {who} {how}"))
        }
        _ => None,
    }
}
