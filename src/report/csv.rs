//! `events.csv`: rows in order of time; and how numbers are written in tables of time.

use super::{RenderError, Results};
use crate::kafka::GroupProtocol;
use crate::measure::{AlertEpisode, Outcome};
use crate::sim::{Fact, Fate, StopReason};
use crate::units::{PartitionId, SimTime};
use crate::workload::BreakerState;

/// A row of `events.csv`, without its time.
#[derive(Default)]
struct Row {
    event: &'static str,
    member: String,
    partition: Option<u32>,
    generation: Option<u32>,
    detail: String,
}

/// One row per event.
pub fn events(results: &Results) -> Result<Vec<u8>, RenderError> {
    let outcome = results.first()?;
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "time_s",
        "event",
        "member",
        "partition",
        "generation",
        "detail",
    ])?;
    let facts = outcome
        .events
        .iter()
        .map(|(at, fact)| (at.as_secs_f64(), row(results, fact)));
    let mut rows: Vec<(f64, Row)> = facts.collect();
    rows.extend(alerts(outcome));
    // Stable: at one instant the facts come first and in the order they were told.
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at, row) in rows {
        let number = |number: Option<u32>| number.map_or_else(String::new, |n| n.to_string());
        table.write_record([
            format!("{at:.3}").as_str(),
            row.event,
            &row.member,
            &number(row.partition),
            &number(row.generation),
            &row.detail,
        ])?;
    }
    finish(table)
}

/// The bytes of a table.
pub fn finish(table: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, RenderError> {
    table
        .into_inner()
        .map_err(|error| RenderError::Csv(error.into_error().into()))
}

/// Seconds, rounded down to milliseconds as a clock shows them.
pub fn seconds(at: SimTime) -> String {
    let mut text = String::new();
    push_decimals(&mut text, at.as_nanos() / 1_000_000);
    text
}

/// Appends milliseconds as seconds with exactly three decimals.
pub fn push_decimals(text: &mut String, millis: u64) {
    let mut number = itoa::Buffer::new();
    text.push_str(number.format(millis / 1_000));
    text.push('.');
    // The last three of four digits.
    text.push_str(&number.format(1_000 + millis % 1_000)[1..]);
}

fn alerts(outcome: &Outcome) -> impl Iterator<Item = (f64, Row)> + '_ {
    let row = |event, episode: &AlertEpisode| Row {
        event,
        partition: episode.partition,
        detail: format!("{} ({})", episode.name, episode.severity),
        ..Row::default()
    };
    outcome.summary.alerts.iter().flat_map(move |episode| {
        [
            ("alert-pending", Some(episode.pending_at_s)),
            ("alert-firing", episode.firing_at_s),
            ("alert-resolved", episode.resolved_at_s),
        ]
        .into_iter()
        .filter_map(move |(event, at)| Some((at?, row(event, episode))))
    })
}

/// `0 3 5`.
fn partitions(partitions: &[PartitionId]) -> String {
    let numbers: Vec<String> = partitions
        .iter()
        .map(|partition| partition.0.to_string())
        .collect();
    numbers.join(" ")
}

fn ended(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Closed => "closed",
        StopReason::Killed => "killed",
        StopReason::Refused => "unreleased-instance-id",
    }
}

fn row(results: &Results, fact: &Fact) -> Row {
    let about = |event, process: &crate::units::ProcessId| Row {
        event,
        member: results.process(*process).to_owned(),
        ..Row::default()
    };
    match fact {
        Fact::ProcessStarted { process } => about("process-started", process),
        Fact::ProcessStopped { process, reason } => Row {
            detail: ended(*reason).to_owned(),
            ..about("process-stopped", process)
        },
        Fact::MemberJoined { process, member_id } => Row {
            detail: member_id.clone(),
            ..about("member-joined", process)
        },
        Fact::MemberEvicted { process, removal } => Row {
            detail: removal.map_or_else(|| "max.poll.interval.ms exceeded".to_owned(), words),
            ..about(
                match removal {
                    Some(_) if speaks_consumer(results) => "member-fenced",
                    _ => "member-evicted",
                },
                process,
            )
        },
        Fact::MemberResumed { process, since } => Row {
            detail: format!("stood still since {}", seconds(*since)),
            ..about("member-resumed", process)
        },
        Fact::CommitFailed {
            process,
            error,
            records,
        } => Row {
            detail: format!(
                "{}, {records} records",
                error.map_or_else(|| "CommitFailedException".to_owned(), words)
            ),
            ..about("commit-failed", process)
        },
        Fact::Crashed {
            process,
            partition,
            offset,
            restarts_at,
        } => Row {
            partition: Some(partition.0),
            detail: restarts_at.map_or_else(
                || format!("at offset {offset}"),
                |at| format!("at offset {offset}, restarted at {}", seconds(at)),
            ),
            ..about("crashed", process)
        },
        Fact::BreakerTurned { process, state } => about(
            match state {
                BreakerState::Closed => "breaker-closed",
                BreakerState::Open { .. } => "breaker-open",
                BreakerState::HalfOpen => "breaker-half-open",
            },
            process,
        ),
        Fact::Frozen { process } => about("frozen", process),
        Fact::Thawed { process } => about("thawed", process),
        _ => group_or_partition(results, fact),
    }
}

/// Whether there are epochs and targets instead of generations.
fn speaks_consumer(results: &Results) -> bool {
    results.scenario.group_protocol() == GroupProtocol::Consumer
}

fn group_or_partition(results: &Results, fact: &Fact) -> Row {
    let member = |process| results.process(process).to_owned();
    match fact {
        Fact::RebalanceStarted {
            generation,
            reason,
            process,
        } => Row {
            event: "rebalance-started",
            member: process.map_or_else(String::new, member),
            generation: Some(*generation),
            detail: words(reason)
                .split('(')
                .next()
                .unwrap_or_default()
                .to_owned(),
            ..Row::default()
        },
        Fact::GenerationStarted {
            generation,
            members,
        } => Row {
            event: match speaks_consumer(results) {
                true => "target-assigned",
                false => "generation-started",
            },
            generation: Some(*generation),
            detail: format!("{members} members"),
            ..Row::default()
        },
        Fact::GroupStable { generation } => Row {
            event: "group-stable",
            generation: Some(*generation),
            ..Row::default()
        },
        Fact::PartitionsAssigned {
            process,
            generation,
            partitions: assigned,
        } => Row {
            event: "partitions-assigned",
            member: member(*process),
            generation: Some(*generation),
            detail: partitions(assigned),
            ..Row::default()
        },
        Fact::PartitionsRevoked {
            process,
            generation,
            partitions: revoked,
            lost,
        } => Row {
            event: if *lost {
                "partitions-lost"
            } else {
                "partitions-revoked"
            },
            member: member(*process),
            generation: Some(*generation),
            detail: partitions(revoked),
            ..Row::default()
        },
        _ => record(results, fact),
    }
}

/// What became of records.
fn record(results: &Results, fact: &Fact) -> Row {
    let member = |process| results.process(process).to_owned();
    match fact {
        Fact::PoisonMet {
            process,
            partition,
            offset,
        } => Row {
            event: "poison-met",
            member: process.map_or_else(String::new, member),
            partition: Some(partition.0),
            detail: format!("offset {offset}"),
            ..Row::default()
        },
        Fact::PoisonGivenUp {
            process,
            partition,
            offset,
            fate,
        } => Row {
            event: match fate {
                Fate::Skipped => "poison-skipped",
                Fate::Undelivered => "poison-undelivered",
                Fate::DeadLettered => "poison-dead-lettered",
                Fate::PassedOn => "poison-retried",
            },
            member: member(*process),
            partition: Some(partition.0),
            detail: format!("offset {offset}"),
            ..Row::default()
        },
        Fact::OffsetReset {
            process,
            partition,
            from,
            to,
        } => Row {
            event: "offset-reset",
            member: member(*process),
            partition: Some(partition.0),
            detail: format!("{from} is out of range, on to {to}"),
            ..Row::default()
        },
        Fact::RecordsLost {
            partition,
            from,
            to,
        } => Row {
            event: "records-lost",
            partition: Some(partition.0),
            detail: format!("offsets {from} to {}", to.saturating_sub(1)),
            ..Row::default()
        },
        _ => timeline(results, fact),
    }
}

/// What was done to the group from outside.
fn timeline(results: &Results, fact: &Fact) -> Row {
    match fact {
        Fact::Scaled {
            from,
            to,
            reason,
            lag,
        } => {
            let lag = lag.map_or_else(String::new, |lag| format!(", lag {lag}"));
            Row {
                event: "scaled",
                detail: format!("{from} to {to}: {}{lag}", reason.name()),
                ..Row::default()
            }
        }
        Fact::Timeline { entry } => Row {
            event: "timeline",
            detail: results
                .scenario
                .timeline
                .get(*entry)
                .map_or_else(String::new, |entry| entry.label.clone()),
            ..Row::default()
        },
        _ => Row {
            event: "group-empty",
            ..Row::default()
        },
    }
}

/// `SessionExpired` as `session-expired`.
fn words(name: impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for letter in format!("{name:?}").chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() && !text.ends_with('(') {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
