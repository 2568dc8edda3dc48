//! Poison records in words: partitions that cannot get past one, and the time that attempts at the others take.

use super::super::summary::{PartitionSummary, Summary};
use super::super::words::{capital, counted, grouped, percent, span};
use super::cause::{gained, named, of_the_lag, partition_time};
use crate::scenario::{OnError, Scenario};

/// More blocked partitions than this are told in one sentence.
const MOST_NAMED: usize = 3;
/// Attempts that take less than this share of the members' time are not worth a sentence.
const SMALLEST_SHARE: f64 = 0.05;

/// Whether poison records are worth a sentence.
pub fn matters(scenario: &Scenario, summary: &Summary) -> bool {
    let blocked = |partition: &PartitionSummary| partition.poison.is_some();
    tells_exits(scenario, summary)
        || summary.partitions.iter().any(blocked)
        || summary.share_of("blocked") >= super::SMALLEST_SHARE
        || share_of_time(scenario, summary) >= SMALLEST_SHARE
}

/// Whether it is told that processes exited because of one, and what waited for an owner meanwhile.
pub fn tells_exits(scenario: &Scenario, summary: &Summary) -> bool {
    summary.crashes > 0 && exits(scenario)
}

/// Whether processes exit because of one.
fn exits(scenario: &Scenario) -> bool {
    let mut handlings = scenario.settings.iter().flat_map(|own| &own.on_error);
    handlings.any(OnError::may_crash)
}

/// Pauses (s) that the poison records that were given up took in their handlers.
/// With several kinds of handling it is their shortest, so that nothing is blamed for what it may not have done.
fn paused_s(scenario: &Scenario, summary: &Summary) -> f64 {
    if scenario.gives_up().next().is_some() {
        return 0.0; // Who knows what made whom give up.
    }
    let records = summary.given_up();
    let handlings = scenario.settings.iter().flat_map(|own| &own.on_error);
    let shortest = handlings
        .filter_map(|handling| match handling {
            OnError::Retry {
                attempts, back_off, ..
            } => {
                let pause = |nth: u32| {
                    let power = back_off.multiplier.powi(nth as i32);
                    (back_off.first.as_secs_f64() * power).min(back_off.max.as_secs_f64())
                };
                // More pauses than anyone sets are not added up one by one.
                Some((0..attempts.saturating_sub(1).min(1_000)).map(pause).sum())
            }
            OnError::RetryForever(_) => None,
        })
        .fold(f64::INFINITY, f64::min);
    if shortest.is_finite() {
        records as f64 * shortest
    } else {
        0.0
    }
}

/// The same as a share of all members' time.
fn share_of_time(scenario: &Scenario, summary: &Summary) -> f64 {
    let group = &scenario.group.processes;
    let members = group.iter().filter(|p| p.start.is_some()).count().max(1);
    paused_s(scenario, summary) / (members as f64 * summary.horizon_s.max(1e-9))
}

/// No partition is stuck at the end.
fn given_up(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let mut told = Vec::new();
    let share = share_of_time(scenario, summary);
    if share >= SMALLEST_SHARE {
        told.push(format!(
            "Poison records hold up what comes behind them: {} and the pauses between them take {}, {} of the \
             members' time, until {} given up.",
            counted(summary.poison_attempts, "attempt", "attempts"),
            span(paused_s(scenario, summary)),
            percent(share.min(1.0)),
            counted(summary.given_up(), "record is", "records are"),
        ));
    }
    if summary.share_of("blocked") >= super::SMALLEST_SHARE || told.is_empty() {
        told.push(format!(
            "Poison records block partitions for {} in all until they are {}; {}.",
            partition_time(summary, "blocked"),
            if summary.given_up() > 0 {
                "given up"
            } else {
                "passed"
            },
            gained(summary, "blocked")
        ));
    }
    told
}

/// What poison records did.
pub fn sentences(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let blocked: Vec<&PartitionSummary> = summary
        .partitions
        .iter()
        .filter(|partition| partition.poison.is_some())
        .collect();
    let mut told = match blocked.len() {
        0 => given_up(scenario, summary),
        1..=MOST_NAMED => blocked
            .iter()
            .map(|partition| one_blocked(partition, summary))
            .collect(),
        _ => vec![many_blocked(&blocked, summary)],
    };
    if tells_exits(scenario, summary) {
        told.push(crashes(scenario, summary, !blocked.is_empty()));
    }
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

/// Processes that exit because of one, which is still in the way or not.
fn crashes(scenario: &Scenario, summary: &Summary, blocked: bool) -> String {
    let times = match summary.crashes {
        1 => "once".to_owned(),
        many => format!("{} times", grouped(many)),
    };
    let again = match blocked {
        true => "is started again and meets it once more",
        false => "is started again and in the end begins behind it",
    };
    let group = gained(summary, "rebalancing");
    let nobody = gained(summary, "orphaned");
    let mut handlings = scenario.settings.iter().flat_map(|own| &own.on_error);
    let silent = handlings.any(OnError::dies_silently);
    // Who closes its consumer is missed at once.
    let until = match silent {
        true => "until a crash is noticed",
        false => "while nobody runs",
    };
    format!(
        "Whoever gets to the record exits, {times}, {again}: {}; rebalancing: {group}; \
         {until}: {nobody}.",
        counted(summary.rebalance_count, "rebalance", "rebalances"),
    )
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
