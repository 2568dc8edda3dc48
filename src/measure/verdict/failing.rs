//! What calls that fail by chance cost the members: how much longer they make a record. Not what they cost a limit.

use super::super::summary::Summary;
use super::super::words::{counted, short, span};
use crate::scenario::{Downstream, Scenario};

/// A record that takes less than so many times as long is none of anybody's trouble.
const NOTEWORTHY: f64 = 1.25;

/// The dependency whose failing calls make a record noteworthily longer, and how many times as long it takes.
fn longer<'s>(scenario: &'s Scenario, summary: &Summary) -> Option<(&'s Downstream, f64)> {
    let processing = &scenario.settings.first()?.processing;
    let called = || processing.called(&scenario.downstreams);
    // Which of several they fail at is not counted: it is told of the one at which most of them do by its rate.
    let failures =
        |(own, calls): &(&Downstream, u32)| f64::from(*calls) * (own.call().attempts() - 1.0);
    let (downstream, _) = called().max_by(|a, b| failures(a).total_cmp(&failures(b)))?;
    let latency = downstream.latency.mean();
    let calls = called().map(|(own, calls)| f64::from(calls) * own.latency.mean());
    let alone = processing.time.mean() + calls.sum::<f64>();
    let failed = summary.calls_failed as f64 / summary.accounts.processed.max(1) as f64;
    let again = latency + downstream.on_outage.back_off.as_secs_f64();
    let times = 1.0 + failed * again / alone;
    (alone > 0.0 && times >= NOTEWORTHY).then_some((downstream, times))
}

/// How much longer a record takes because of calls that fail.
pub(super) fn sentence(scenario: &Scenario, summary: &Summary) -> Option<String> {
    let (downstream, times) = longer(scenario, summary)?;
    Some(format!(
        "{} by chance at {}, {} before the next attempt: a record takes {} times as long as without.",
        counted(summary.calls_failed, "call fails", "calls fail"),
        downstream.name,
        span(downstream.on_outage.back_off.as_secs_f64()),
        short((times * 10.0).round() / 10.0)
    ))
}

/// What would help, besides `several` records at a time.
pub(super) fn remedy(scenario: &Scenario, summary: &Summary, several: &str) -> Option<String> {
    let (downstream, _) = longer(scenario, summary)?;
    Some(format!(
        "Failing calls: a shorter pause than {} before the next attempt, or {several}, so that others go on meanwhile.",
        span(downstream.on_outage.back_off.as_secs_f64())
    ))
}
