//! Calls that fail by chance, in words: how much longer they make a record, and what becomes of it where it is given up. Not
//! what they cost a limit.

use super::super::breaker::Breakers;
use super::super::summary::{CallsGivenUp, Summary};
use super::super::words::{counted, grouped, percent, short, span};
use super::outage;
use crate::scenario::{Downstream, Scenario, WhileOpen};
use crate::workload::BreakerConfig;

/// A record that takes less than so many times as long is none of anybody's trouble.
const NOTEWORTHY: f64 = 1.25;

/// From a failed attempt to the next, where pauses grow the first of them (s).
fn pause_s(own: &Downstream) -> f64 {
    let gives_up = own.on_outage.gives_up;
    let pause = gives_up.map_or(own.on_outage.back_off, |own| own.back_off.after(1));
    pause.as_secs_f64()
}

/// What a failed attempt takes with the pause after it, on average (s).
fn again_s(own: &Downstream) -> f64 {
    let call = own.call();
    let failed = call.attempts() - 1.0 + call.given_up();
    let pause = match failed > 0.0 && own.on_outage.gives_up.is_some() {
        true => call.pause() * call.attempts() / failed,
        false => pause_s(own),
    };
    own.latency.mean() + pause
}

/// The dependency whose failing calls make a record noteworthily longer, and how many times as long it takes.
fn longer<'s>(scenario: &'s Scenario, summary: &Summary) -> Option<(&'s Downstream, f64)> {
    let processing = &scenario.settings.first()?.processing;
    let called = || processing.called(&scenario.downstreams);
    // Which of several they fail at is not counted: it is told of the one at which most of them do by its rate.
    let failures =
        |(own, calls): &(&Downstream, u32)| f64::from(*calls) * (own.call().attempts() - 1.0);
    let (downstream, _) = called().max_by(|a, b| failures(a).total_cmp(&failures(b)))?;
    let calls = called().map(|(own, calls)| f64::from(calls) * own.latency.mean());
    let alone = processing.time.mean() + calls.sum::<f64>();
    let records = summary.accounts.processed + summary.given_up();
    let failed = summary.calls_failed as f64 / records.max(1) as f64;
    let times = 1.0 + failed * again_s(downstream) / alone;
    (alone > 0.0 && times >= NOTEWORTHY).then_some((downstream, times))
}

/// How much longer a record takes because of calls that fail.
pub fn sentence(scenario: &Scenario, summary: &Summary) -> Option<String> {
    let (downstream, times) = longer(scenario, summary)?;
    Some(format!(
        "{} by chance at {}, {} before the next attempt: a record takes {} times as long as without.",
        counted(summary.calls_failed, "call fails", "calls fail"),
        downstream.name,
        span(pause_s(downstream)),
        short((times * 10.0).round() / 10.0)
    ))
}

/// What becomes of records whose calls fail by chance as often as they may, a sentence on each dependency.
pub(super) fn given_up(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let each = summary.calls_given_up.iter().filter_map(|own| {
        let gives_up = scenario.downstreams.get(own.which)?.on_outage.gives_up?;
        let records = match gives_up.then.crashes() {
            true => String::new(),
            false => format!(
                ": {}, {} of all",
                counted(own.calls, "record", "records"),
                percent(share_of_records(own, summary))
            ),
        };
        Some(format!(
            "Calls of {} fail by chance, and {}{records}.",
            own.dependency,
            outage::giving_up(gives_up, summary)
        ))
    });
    each.collect()
}

/// Which share of the records came to that.
fn share_of_records(own: &CallsGivenUp, summary: &Summary) -> f64 {
    let records = summary.accounts.processed + summary.given_up();
    own.calls as f64 / records.max(1) as f64
}

/// What would help against that, at the dependency where it happens most.
pub(super) fn remedy_of_given_up(scenario: &Scenario, summary: &Summary) -> Option<String> {
    let most = summary.calls_given_up.iter().max_by_key(|own| own.calls)?;
    let downstream = scenario.downstreams.get(most.which)?;
    let gives_up = downstream.on_outage.gives_up?;
    if gives_up.then.crashes() {
        return Some(remedy_of_exits(downstream, gives_up.attempts));
    }
    // A rate of the timeline alone is told by what came of it.
    let rate = match downstream.failure_rate > 0.0 {
        true => downstream.failure_rate,
        false => share_of_records(most, summary).powf(1.0 / f64::from(gives_up.attempts)),
    };
    let fewer = (most.calls as f64 * rate.min(1.0)).round() as u64;
    Some(format!(
        "Calls given up at {}: an attempt more, {} in all, makes about {} of {}.",
        most.dependency,
        u64::from(gives_up.attempts) + 1,
        grouped(fewer),
        grouped(most.calls)
    ))
}

/// How often processes exit is up to the pauses before their restarts: what an attempt more does to one call is known.
fn remedy_of_exits(downstream: &Downstream, attempts: u32) -> String {
    let share = |attempts: u32| {
        let percent = 100.0 * downstream.failure_rate.powi(attempts as i32);
        format!("{} %", short(percent))
    };
    let more = match downstream.failure_rate > 0.0 {
        true => format!(
            "; with an attempt more, {} in all, {} of the calls end so instead of {}",
            u64::from(attempts) + 1,
            share(attempts.saturating_add(1)),
            share(attempts)
        ),
        false => String::new(),
    };
    format!(
        "Calls given up at {}: a dead-letter topic instead of the exit lets the process go on with what comes behind{more}.",
        downstream.name
    )
}

/// Circuit breakers that are open noteworthily long, and calls do fail by chance.
pub(super) fn open(summary: &Summary) -> Option<Breakers> {
    let noteworthy = |own: &Breakers| own.open_share >= super::SMALLEST_SHARE;
    summary
        .breakers
        .filter(|own| summary.calls_failed > 0 && noteworthy(own))
}

/// The dependency with the breakers.
fn watched(scenario: &Scenario) -> Option<(&Downstream, BreakerConfig, WhileOpen)> {
    let mut all = scenario.downstreams.iter();
    all.find_map(|own| {
        let (config, while_open) = own.on_outage.breaker?;
        Some((own, config, while_open))
    })
}

/// What failing calls do to circuit breakers, and these to the members.
pub(super) fn breakers(scenario: &Scenario, summary: &Summary) -> Option<String> {
    let (own, config, while_open) = watched(scenario)?;
    let open = open(summary)?;
    let meanwhile = match while_open {
        WhileOpen::Block => "members wait in their calls and do not poll",
        WhileOpen::Buffer { .. } => "members poll on and process nothing",
    };
    Some(format!(
        "The circuit breakers before {} are open {} of the members' time, in which {meanwhile}: {} by chance, {} of the last {} \
         open one, and that happens {}.",
        own.name,
        percent(open.open_share),
        counted(summary.calls_failed, "call fails", "calls fail"),
        percent(config.failure_rate_threshold),
        grouped(u64::from(config.sliding_window_size)),
        counted(open.opened_count, "time", "times"),
    ))
}

/// What would help against breakers that chance opens.
pub(super) fn remedy_of_breakers(scenario: &Scenario) -> Option<String> {
    let (own, config, _) = watched(scenario)?;
    let wait = config.wait_duration_in_open_state.as_secs_f64();
    Some(format!(
        "Circuit breakers of {}: a failure-rate-threshold well above the share of calls that fails anyway, a larger \
         sliding-window-size if chance alone gets there, or a shorter wait-duration-in-open-state than {}.",
        own.name,
        span(wait)
    ))
}

/// What would help, besides `several` records at a time.
pub(super) fn remedy(scenario: &Scenario, summary: &Summary, several: &str) -> Option<String> {
    let (downstream, _) = longer(scenario, summary)?;
    Some(format!(
        "Failing calls: a shorter pause than {} before the next attempt, or {several}, so that others go on meanwhile.",
        span(pause_s(downstream))
    ))
}
