//! The sentences that name a cause.

use super::super::summary::{PartitionSummary, Summary};
use super::super::words::{counted, grouped, listed, percent, short, span};
use super::Culprit;
use crate::scenario::Scenario;

/// More blocked partitions than this are told in one sentence.
const MOST_NAMED: usize = 3;

/// What `culprit` did.
pub fn sentences(culprit: Culprit, scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let one = |text: String| vec![text];
    match culprit {
        Culprit::Poison => poison(summary),
        Culprit::Evictions => evictions(scenario, summary),
        Culprit::Saturated => one(format!(
            "No parallelism is left: members work all the time and still fall behind; {}.",
            gained_and_lost(summary, "saturated")
        )),
        Culprit::Throttled => one(throttled(scenario, summary)),
        Culprit::Rebalancing => one(rebalancing(summary)),
        Culprit::Orphaned => one(format!(
            "Partitions have no living owner for {} in all (their member is dead and not yet missed, or none runs); {}.",
            partition_time(summary, "orphaned"),
            gained(summary, "orphaned")
        )),
        Culprit::Frozen => one(format!(
            "Members stand still, {} of partition time in all; {}.",
            partition_time(summary, "frozen"),
            gained(summary, "frozen")
        )),
        Culprit::Starting => one(format!(
            "Until the group has started nobody reads; {}.",
            gained(summary, "starting")
        )),
    }
}

/// When nothing is to blame.
pub fn none(summary: &Summary) -> String {
    if !super::keeps_up(summary) {
        return format!(
            "The lag was there at the start, {}; nothing that happens adds much to it.",
            counted(summary.lag.initial, "record", "records")
        );
    }
    format!(
        "Nothing holds the group up: it is never further behind than {} (at {}), the oldest {} old.",
        counted(summary.lag.max, "record", "records"),
        span(summary.lag.max_at_s),
        span(summary.age_s.max)
    )
}

fn poison(summary: &Summary) -> Vec<String> {
    let blocked: Vec<&PartitionSummary> = summary
        .partitions
        .iter()
        .filter(|partition| partition.poison.is_some())
        .collect();
    let mut told = match blocked.len() {
        0 => vec![format!(
            "Poison records block partitions for {} in all until they are given up; {}.",
            partition_time(summary, "blocked"),
            gained(summary, "blocked")
        )],
        1..=MOST_NAMED => blocked
            .iter()
            .map(|partition| one_blocked(partition, summary))
            .collect(),
        _ => vec![many_blocked(&blocked, summary)],
    };
    let beside: Vec<&PartitionSummary> = summary
        .partitions
        .iter()
        .filter(|partition| partition.poison.is_none() && partition.state == "blocked")
        .collect();
    if !beside.is_empty() {
        let verb = if beside.len() == 1 { "stands" } else { "stand" };
        told.push(format!(
            "{} {verb} still with it, because the same poll loop retries without polling: {}.",
            capital(&named(&beside)),
            of_the_lag(&beside, summary)
        ));
    }
    told
}

fn one_blocked(partition: &PartitionSummary, summary: &Summary) -> String {
    let Some(poison) = partition.poison else {
        return String::new();
    };
    format!(
        "Partition {} is blocked by a poison record at offset {} since {}: {}.",
        partition.partition,
        grouped(poison.offset),
        span(poison.met_at_s),
        of_the_lag(&[partition], summary)
    )
}

fn many_blocked(blocked: &[&PartitionSummary], summary: &Summary) -> String {
    let first = blocked
        .iter()
        .filter_map(|partition| partition.poison)
        .map(|poison| poison.met_at_s)
        .fold(f64::INFINITY, f64::min);
    format!(
        "{} are blocked by poison records, the first since {}: {}.",
        capital(&named(blocked)),
        span(first),
        of_the_lag(blocked, summary)
    )
}

fn evictions(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let count = |reason: &str| {
        summary
            .evictions
            .iter()
            .filter(|e| e.reason == reason)
            .count()
    };
    let breaches = count("max-poll-interval");
    let silent = count("session-expired");
    let late = summary.evictions.len() - breaches - silent;
    let mut told = Vec::new();
    if breaches > 0 {
        told.push(format!(
            "Members exceed max.poll.interval.ms ({}){}: {}, {}; {}.",
            interval(scenario),
            period(summary),
            counted(breaches as u64, "eviction", "evictions"),
            rebalances(summary),
            gained(summary, "evicted")
        ));
    }
    if silent > 0 {
        told.push(format!(
            "{} after session.timeout.ms of silence.",
            capital(&counted(
                silent as u64,
                "member was evicted",
                "times a member was evicted"
            ))
        ));
    }
    if late > 0 {
        told.push(format!(
            "{} because it did not rejoin in time.",
            counted(
                late as u64,
                "member was removed",
                "times a member was removed"
            )
        ));
    }
    if told.is_empty() {
        told.push(format!(
            "Work of evicted members does not count; {}.",
            gained(summary, "evicted")
        ));
    }
    told
}

fn interval(scenario: &Scenario) -> String {
    let mut lengths: Vec<_> = scenario
        .settings
        .iter()
        .map(|settings| settings.properties.max_poll_interval)
        .collect();
    lengths.dedup();
    let texts: Vec<String> = lengths
        .iter()
        .map(|length| span(length.as_secs_f64()))
        .collect();
    texts.join(", later ")
}

/// ` every 5m 10s`: the median time between two breaches of the same member.
fn period(summary: &Summary) -> String {
    let breaches: Vec<_> = summary
        .evictions
        .iter()
        .filter(|e| e.reason == "max-poll-interval")
        .collect();
    let mut gaps: Vec<f64> = breaches
        .iter()
        .enumerate()
        .filter_map(|(ix, eviction)| {
            let next = breaches[ix + 1..]
                .iter()
                .find(|later| later.member == eviction.member)?;
            Some(next.time_s - eviction.time_s)
        })
        .collect();
    gaps.sort_by(f64::total_cmp);
    match gaps.get(gaps.len() / 2) {
        Some(gap) => format!(", each about every {}", span(*gap)),
        None => String::new(),
    }
}

fn rebalances(summary: &Summary) -> String {
    let count = counted(summary.rebalance_count, "rebalance", "rebalances");
    let rate = summary.rebalances_per_minute();
    if summary.rebalance_count < 10 {
        count
    } else if rate >= 0.95 {
        format!(
            "{count} (about {} a minute)",
            short((rate * 10.0).round() / 10.0)
        )
    } else {
        format!("{count} (about one every {})", span(60.0 / rate))
    }
}

fn throttled(scenario: &Scenario, summary: &Summary) -> String {
    let who = match &scenario.downstream {
        Some(downstream) => match downstream.limit {
            Some(limit) => format!("{} (limit {}/s)", downstream.name, short(limit.rate)),
            None => downstream.name.clone(),
        },
        None => "A dependency".to_owned(),
    };
    format!(
        "{who} is slower than the traffic: members wait for it; {}.",
        gained_and_lost(summary, "throttled")
    )
}

fn rebalancing(summary: &Summary) -> String {
    let longest = if summary.pause_max_s > 0.0 {
        format!(
            ", a member stands still for up to {}",
            span(summary.pause_max_s)
        )
    } else {
        String::new()
    };
    format!(
        "Rebalances stop the group: {}{longest}; {}.",
        rebalances(summary),
        gained(summary, "rebalancing")
    )
}

/// `12,000 records, 61 % of the lag gained`.
fn gained(summary: &Summary, state: &str) -> String {
    let cause = summary
        .attribution
        .iter()
        .find(|cause| cause.state == state);
    match cause {
        Some(cause) if cause.lag_gained > 0 => format!(
            "{}, {} of the lag gained",
            counted(cause.lag_gained, "record", "records"),
            percent(cause.share_of_gained)
        ),
        _ => "no lag gained by it".to_owned(),
    }
}

/// The same for states in which lag is also worked off, if it was.
fn gained_and_lost(summary: &Summary, state: &str) -> String {
    let lost = summary
        .attribution
        .iter()
        .find(|c| c.state == state)
        .map_or(0, |c| c.lag_lost);
    let gained = gained(summary, state);
    if lost == 0 {
        gained
    } else {
        format!("{gained}, and {} worked off", grouped(lost))
    }
}

/// `551,200 records, 26 % of the lag`: what is there at the end.
fn of_the_lag(partitions: &[&PartitionSummary], summary: &Summary) -> String {
    let own: u64 = partitions.iter().map(|partition| partition.lag.last).sum();
    let share = if summary.lag.last > 0 {
        own as f64 / summary.lag.last as f64
    } else {
        0.0
    };
    format!(
        "{}, {} of the lag",
        counted(own, "record", "records"),
        percent(share)
    )
}

fn partition_time(summary: &Summary, state: &str) -> String {
    let seconds = summary
        .attribution
        .iter()
        .find(|c| c.state == state)
        .map_or(0.0, |c| c.seconds);
    span(seconds)
}

/// `partition 2`, `partitions 0 and 1`; more than eight are counted.
fn named(partitions: &[&PartitionSummary]) -> String {
    let numbers: Vec<String> = partitions.iter().map(|p| p.partition.to_string()).collect();
    match numbers.len() {
        1 => format!("partition {}", numbers[0]),
        2..=8 => format!("partitions {}", listed(&numbers)),
        many => format!("{many} partitions"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
