//! What would help against a cause, in Kafka's terms.

use super::super::summary::Summary;
use super::super::words::{counted, grouped, short, span};
use super::Culprit;
use crate::scenario::{Processing, Scenario};

/// The remedy against `culprit`.
pub fn of(culprit: Culprit, scenario: &Scenario, summary: &Summary) -> String {
    match culprit {
        Culprit::Poison => poison(summary),
        Culprit::Evictions => evictions(scenario, summary),
        Culprit::Saturated => saturated(scenario, summary),
        Culprit::Throttled => throttled(scenario),
        Culprit::Rebalancing => rebalancing(scenario),
        Culprit::Orphaned => format!(
            "Orphaned partitions: close the consumer on stop (LeaveGroup at once), and a shorter \
             session.timeout.ms ({} now) so that a crash is noticed earlier.",
            properties(scenario, |p| span(p.session_timeout.as_secs_f64()))
        ),
        Culprit::Frozen => "Frozen members: find what stops the process (garbage collection, CPU limits, a \
             paused machine); as long as it lasts nothing in Kafka helps but more members to share the work."
            .to_owned(),
        Culprit::Starting => "Start-up: start members before the traffic; group.initial.rebalance.delay.ms \
             adds to every start of an empty group."
            .to_owned(),
    }
}

fn poison(summary: &Summary) -> String {
    let scope = if summary
        .partitions
        .iter()
        .any(|partition| partition.poison.is_some())
    {
        "the partition then moves at once, and its backlog drains like any other"
    } else {
        "fewer attempts and shorter pauses block the partition for less"
    };
    format!("Poison record: a few retries, then a dead-letter topic (or skip); {scope}.")
}

fn evictions(scenario: &Scenario, summary: &Summary) -> String {
    let breached = summary
        .evictions
        .iter()
        .any(|eviction| eviction.reason == "max-poll-interval");
    if !breached && !summary.evictions.is_empty() {
        return format!(
            "Evictions: close the consumer on stop instead of killing it, keep session.timeout.ms ({} now) \
             above the longest pause, and heartbeat.interval.ms at a third of it.",
            properties(scenario, |p| span(p.session_timeout.as_secs_f64()))
        );
    }
    let records = properties(scenario, |p| grouped(p.max_poll_records));
    let interval = properties(scenario, |p| span(p.max_poll_interval.as_secs_f64()));
    let budget = properties(scenario, |p| {
        span(p.max_poll_interval.as_secs_f64() / p.max_poll_records.max(1) as f64)
    });
    format!(
        "Evictions: a batch must fit into the poll interval. With max.poll.records = {records} and \
         max.poll.interval.ms = {interval} a record may take {budget} on average: lower the first, raise the \
         second, or make the slow call asynchronous."
    )
}

fn saturated(scenario: &Scenario, summary: &Summary) -> String {
    let partitions = summary.partitions.len() as u64;
    let members = scenario
        .group
        .processes
        .iter()
        .filter(|p| p.start.is_some())
        .count() as u64;
    let several = match scenario
        .settings
        .first()
        .map(|settings| &settings.processing)
    {
        Some(Processing { concurrency: 1, .. }) | None => {
            "process several records of a batch at the same time".to_owned()
        }
        Some(processing) => {
            format!(
                "more than {} records of a batch at the same time",
                processing.concurrency
            )
        }
    };
    if members < partitions {
        return format!(
            "No parallelism left: more members ({} for {} now), or {several}.",
            counted(members, "member", "members"),
            counted(partitions, "partition", "partitions")
        );
    }
    format!(
        "No parallelism left: {several}, make a record cheaper, or more partitions and as many members ({} now; \
         new partitions take new records only, a backlog stays where it is).",
        counted(partitions, "partition", "partitions")
    )
}

fn throttled(scenario: &Scenario) -> String {
    let Some(downstream) = &scenario.downstream else {
        return "Dependency: a higher limit, or fewer calls per record.".to_owned();
    };
    let limit = match (downstream.limit, downstream.concurrency) {
        (Some(limit), _) => format!("a higher limit ({}/s now)", short(limit.rate)),
        (None, Some(calls)) => format!("more calls in flight ({calls} now)"),
        (None, None) => "a faster dependency".to_owned(),
    };
    format!(
        "{}: {limit}, batched or cached calls, or calls outside the poll loop behind a circuit breaker; more \
         partitions or members do not help.",
        downstream.name
    )
}

fn rebalancing(scenario: &Scenario) -> String {
    let records = properties(scenario, |p| grouped(p.max_poll_records));
    format!(
        "Rebalances: smaller batches let members rejoin sooner (max.poll.records = {records} now); cooperative \
         rebalancing keeps the partitions that stay, static membership (group.instance.id) avoids a rebalance \
         per restart."
    )
}

/// A property of the settings the processes start with.
fn properties(
    scenario: &Scenario,
    show: impl Fn(&crate::kafka::ConsumerProperties) -> String,
) -> String {
    scenario
        .settings
        .first()
        .map_or_else(String::new, |settings| show(&settings.properties))
}
