//! What would help against a cause, in Kafka's terms.

use super::super::rebalance::Eviction;
use super::super::summary::Summary;
use super::super::words::{counted, grouped, short, span};
use super::{
    Culprit, Stop, cause, dead_letter, failing, orphaned, outage, outlook, retention, scaling, skew,
};
use crate::kafka::parallel::ProcessingOrder;
use crate::kafka::{GroupProtocol, RebalanceProtocol, ReconcilesFrom};
use crate::platform::Deployment;
use crate::scenario::{
    CommitPolicy, OnError, Processing, RetryBy, Scenario, Settings, WhenLimited,
};

/// The remedies against `culprits`, then against loss; none twice.
pub fn all(culprits: &[Culprit], scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let mut told: Vec<String> = culprits
        .iter()
        .filter(|culprit| !answered_by_another(**culprit, culprits, scenario, summary))
        .filter_map(|culprit| of(*culprit, scenario, summary))
        .collect();
    told.extend(loss(scenario, summary));
    told
}

/// Whether the remedy against `culprit` is that against another that the verdict names.
fn answered_by_another(
    culprit: Culprit,
    culprits: &[Culprit],
    scenario: &Scenario,
    summary: &Summary,
) -> bool {
    let breached = |e: &Eviction| e.reason == "max-poll-interval";
    let stuck = summary.partitions.iter().any(|own| own.poison.is_some());
    match culprit {
        // Processes that exit because of a record are the record's story.
        Culprit::Evictions | Culprit::Orphaned | Culprit::Rebalancing if summary.crashes > 0 => {
            true
        }
        // Records are given up, if the dead-letter topic lets them.
        Culprit::Poison => culprits.contains(&Culprit::DeadLetterTopic),
        // A handler that never returns is the poison record's story.
        Culprit::Evictions if stuck && retries_in_place(scenario) => true,
        Culprit::Evictions if summary.evictions.iter().any(breached) => {
            let (stops, down) = (outage::stops(scenario), dead_letter::down(scenario));
            let of_stops = culprits.contains(&Culprit::Outage).then_some(stops);
            let stretches: Vec<Stop> = of_stops.into_iter().flatten().chain(down).collect();
            let mut breaches = summary.evictions.iter().filter(|e| breached(e));
            breaches.all(|e| outage::explains(e, &stretches, scenario))
        }
        // A crash that is noticed late is one story.
        Culprit::Evictions => culprits.contains(&Culprit::Orphaned) || pods_die(culprits, scenario),
        Culprit::Throttled => {
            let slowest = scenario.downstreams.get(cause::slowest(scenario, summary));
            let told = [Culprit::Outage, Culprit::Breakers];
            let told = told.iter().any(|own| culprits.contains(own));
            told && slowest.is_some_and(|own| own.limit.is_none())
        }
        // The barrier waited for members that hung in their calls.
        Culprit::Rebalancing => culprits.contains(&Culprit::Outage),
        Culprit::Orphaned => culprits.contains(&Culprit::Outage) || pods_die(culprits, scenario),
        _ => false,
    }
}

/// Whether it is the flapping autoscaler whose pods die without a word.
fn pods_die(culprits: &[Culprit], scenario: &Scenario) -> bool {
    let dies = |own: &Deployment| !own.graceful;
    culprits.contains(&Culprit::Flapping) && scenario.deployment.as_ref().is_some_and(dies)
}

fn retries_in_place(scenario: &Scenario) -> bool {
    let in_place = |handling: &OnError| *handling == OnError::RetryForever(RetryBy::InPlace);
    scenario
        .settings
        .iter()
        .flat_map(|own| &own.on_error)
        .any(in_place)
}

/// The remedy against `culprit`.
pub(super) fn of(culprit: Culprit, scenario: &Scenario, summary: &Summary) -> Option<String> {
    Some(match culprit {
        Culprit::Flapping => return scaling::remedy(scenario, summary),
        Culprit::DeadLetterTopic => dead_letter::remedy(scenario),
        Culprit::Poison => poison(summary),
        Culprit::Outage => return outage::remedy(scenario),
        Culprit::Breakers => return failing::remedy_of_breakers(scenario),
        Culprit::GivenUp => return failing::remedy_of_given_up(scenario, summary),
        Culprit::Evictions => evictions(scenario, summary),
        Culprit::Saturated => saturated(scenario, summary),
        Culprit::Throttled => throttled(scenario, summary),
        Culprit::Rebalancing => rebalancing(scenario),
        Culprit::Orphaned => orphaned::remedy(scenario, summary),
        Culprit::Frozen => "Frozen members: find what stops the process (garbage collection, CPU limits, a \
             paused machine); as long as it lasts nothing in Kafka helps but more members to share the work."
            .to_owned(),
        Culprit::Starting => starting(scenario),
    })
}

fn starting(scenario: &Scenario) -> String {
    match scenario.group_protocol() {
        GroupProtocol::Classic => {
            "Start-up: start members before the traffic; group.initial.rebalance.delay.ms adds to every start of an \
             empty group."
        }
        GroupProtocol::Consumer => "Start-up: start members before the traffic.",
    }
    .to_owned()
}

fn loss(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let losses = outlook::losses(scenario, summary);
    let mut told = Vec::new();
    if losses.deleted > 0 {
        told.push(retention::remedy(scenario, summary));
    }
    if losses.uncommitted > 0 {
        told.push(
            "Loss of what was there at the start: auto.offset.reset = earliest reads a partition without a committed offset \
             from its beginning."
                .to_owned(),
        );
    }
    if losses.added > 0 {
        let sooner = match scenario.group_protocol() {
            GroupProtocol::Classic => {
                ", and a shorter metadata.max.age.ms so that the group notices new partitions earlier"
            }
            GroupProtocol::Consumer => "",
        };
        told.push(format!(
            "Loss at new partitions: auto.offset.reset = earliest{sooner}."
        ));
    }
    if losses.ahead > 0 {
        told.push(
            "Loss: commit after processing instead of auto-commit (commit = \"after-batch\"), or at least finish \
             the batch before the consumer is closed (on-stop = \"finish-batch\")."
                .to_owned(),
        );
    }
    told
}

fn poison(summary: &Summary) -> String {
    let stuck = summary.partitions.iter().any(|own| own.poison.is_some());
    if summary.crashes > 0 {
        "Poison record: handle it in the application instead of exiting: a few retries, then a dead-letter topic \
         (or skip). A restart brings the process back to the same record, and the rebalances of each crash stop the \
         partitions that have none."
    } else if stuck {
        "Poison record: a few retries, then a dead-letter topic (or skip); the partition then moves at once, and \
         its backlog drains like any other."
    } else {
        "Poison record: fewer attempts and shorter pauses, or a retry topic, so that a record that fails does not \
         hold up those behind it."
    }
    .to_owned()
}

fn evictions(scenario: &Scenario, summary: &Summary) -> String {
    let breached = summary
        .evictions
        .iter()
        .any(|eviction| eviction.reason == "max-poll-interval");
    if !breached && !summary.evictions.is_empty() {
        if orphaned::kills(scenario) || summary.crashes > 0 {
            return orphaned::remedy(scenario, summary);
        }
        let thirds = match scenario.group_protocol() {
            GroupProtocol::Classic => ", with heartbeat.interval.ms at a third of it",
            GroupProtocol::Consumer => "",
        };
        let longest = match orphaned::restarts(scenario) && all_static(scenario) {
            true => {
                "time that a member is away when it restarts (a static member sends no LeaveGroup)"
            }
            false => "longest pause that is normal",
        };
        return format!(
            "Evictions: {} above the {longest}{thirds}.",
            cause::session_timeout(scenario)
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
    let runs = scenario
        .meant_to_run()
        .last()
        .map_or(0, |last| last.1 as u64);
    // An autoscaler that runs fewer now has had as many.
    let replicas = summary.replicas.as_ref().map(|own| own.max.into());
    let members = replicas.unwrap_or(runs);
    let now = if replicas.is_some() { "at most" } else { "now" };
    let several = more_at_once(scenario);
    if let Some(failing) = failing::remedy(scenario, summary, &several) {
        return failing;
    }
    let more = format!(
        "more members ({} for {} {now})",
        counted(members, "member", "members"),
        counted(partitions, "partition", "partitions")
    );
    let alone = members >= partitions;
    if let Some(hot) = skew::remedy(scenario, summary, (!alone).then_some(&more), &several) {
        return hot;
    }
    let per_record = |own: &Settings| own.processing.commit == CommitPolicy::PerRecord;
    if scenario.settings.first().is_some_and(per_record) {
        let commit = scenario.cluster.round_trip + scenario.cluster.commit_latency;
        return format!(
            "Commits: one per batch instead of one per record; each record waits {} for its commit.",
            span(commit.as_secs_f64())
        );
    }
    if !alone {
        return format!("No parallelism left: {more}, or {several}.");
    }
    format!(
        "No parallelism left: {several}, make a record cheaper, or more partitions and as many members ({} now; \
         new partitions take new records only, a backlog stays where it is).",
        counted(partitions, "partition", "partitions")
    )
}

/// How a member works on more records at the same time than it does.
fn more_at_once(scenario: &Scenario) -> String {
    match scenario
        .settings
        .first()
        .map(|settings| &settings.processing)
    {
        Some(Processing {
            order: Some(order),
            concurrency,
            ..
        }) => match order {
            ProcessingOrder::Partition => {
                "let only records of one key wait for each other".to_owned()
            }
            ProcessingOrder::Key | ProcessingOrder::Unordered => {
                format!("more than {concurrency} threads")
            }
        },
        Some(Processing { concurrency: 1, .. }) | None => {
            "process several records of a batch at the same time".to_owned()
        }
        Some(processing) => {
            format!(
                "more than {} records of a batch at the same time",
                processing.concurrency
            )
        }
    }
}

fn throttled(scenario: &Scenario, summary: &Summary) -> String {
    let Some(downstream) = scenario.downstreams.get(cause::slowest(scenario, summary)) else {
        return "Dependency: a higher limit, or fewer calls per record.".to_owned();
    };
    let limit = match (downstream.limit, downstream.concurrency) {
        (Some(limit), _) => format!("a higher limit ({}/s now)", short(limit.rate)),
        (None, _) if !downstream.load.is_flat() => {
            "fewer calls in flight if it slows down faster than they get more (concurrency), or a dependency that bears \
             more of them"
                .to_owned()
        }
        (None, Some(calls)) => format!("more calls in flight ({calls} now)"),
        (None, None) => "a faster dependency".to_owned(),
    };
    if downstream.limit.is_some() && downstream.when_limited == WhenLimited::Reject {
        return format!(
            "{}: {limit}, a shorter back-off than {} after a refusal, or a rate limiter of one's own in front of the \
             calls, so that they wait for their turn; batched or cached calls.",
            downstream.name,
            span(downstream.on_outage.back_off.as_secs_f64())
        );
    }
    let polls_on = outage::polls_on(downstream);
    let breaker = if polls_on {
        "cached calls"
    } else {
        "cached calls, or calls outside the poll loop behind a circuit breaker"
    };
    let or = if polls_on { " or " } else { ", " };
    format!(
        "{}: {limit}, batched{or}{breaker}; more partitions or members do not help.",
        downstream.name
    )
}

fn rebalancing(scenario: &Scenario) -> String {
    let mut told = match scenario.group_protocol() {
        GroupProtocol::Classic => classic_rebalancing(scenario),
        GroupProtocol::Consumer => consumer_rebalancing(scenario),
    };
    if !all_static(scenario) {
        told.push_str(
            "; static members (static = true: each has a group.instance.id) restart without a rebalance",
        );
    }
    told + "."
}

/// What moves waits for a heartbeat of its old owner, then for one of its new one.
fn consumer_rebalancing(scenario: &Scenario) -> String {
    let interval = scenario.cluster.properties.consumer_heartbeat_interval;
    let mut told = format!(
        "Rebalances: what moves waits for heartbeats: a shorter group.consumer.heartbeat.interval.ms ({} now)",
        span(interval.as_secs_f64())
    );
    let in_poll = |own: &Settings| {
        own.client.consumer_protocol == Some(ReconcilesFrom::NextPoll)
            || own.processing.commit == CommitPolicy::Auto
    };
    if scenario.settings.first().is_some_and(in_poll) {
        let records = properties(scenario, |p| grouped(p.max_poll_records));
        told.push_str(&format!(
            "; smaller batches let members give it up sooner (max.poll.records = {records} now)"
        ));
    }
    told
}

fn classic_rebalancing(scenario: &Scenario) -> String {
    let records = properties(scenario, |p| grouped(p.max_poll_records));
    let mut told = format!(
        "Rebalances: smaller batches let members rejoin sooner (max.poll.records = {records} now)"
    );
    let eager = |own: &Settings| own.properties.assignor.protocol() == RebalanceProtocol::Eager;
    let could = |own: &Settings| eager(own) && own.client.cooperative;
    if scenario.settings.first().is_some_and(could) {
        told.push_str(
            "; with partition.assignment.strategy = cooperative-sticky members read on but for what moves",
        );
    }
    let speaks = |own: &Settings| own.client.consumer_protocol.is_some();
    if scenario.settings.first().is_some_and(speaks) {
        told.push_str("; with group.protocol = consumer they commit meanwhile, too");
    }
    told
}

/// Whether every member is a static one.
pub fn all_static(scenario: &Scenario) -> bool {
    let mut processes = scenario.group.processes.iter();
    processes.all(|process| process.instance_id.is_some())
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

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::kafka::Assignor;
    use crate::scenario::Client;

    #[test]
    fn what_a_group_does_already_is_no_remedy() {
        let mut scenario = fixture::scenario(4, 4, 60, 1);
        let (read_on, stay) = ("cooperative-sticky", "group.instance.id");
        let told = rebalancing(&scenario);
        assert!(told.contains(read_on) && told.contains(stay), "{told}");
        scenario.settings[0].client = Client::by_name("aiokafka").expect("a profile").profile;
        assert!(!rebalancing(&scenario).contains(read_on));
        scenario.settings[0].client = Client::by_name("java").expect("a profile").profile;
        scenario.settings[0].properties.assignor = Assignor::CooperativeSticky;
        assert!(!rebalancing(&scenario).contains(read_on));
        for process in &mut scenario.group.processes {
            process.instance_id = Some(process.name.clone());
        }
        let told = rebalancing(&scenario);
        assert!(!told.contains(read_on) && !told.contains(stay), "{told}");
    }

    /// No barrier, no initial delay, no leader, and the brokers say the times.
    #[test]
    fn a_consumer_group_is_advised_in_its_own_terms() {
        let mut scenario = fixture::scenario(4, 4, 60, 1);
        let classic = [rebalancing(&scenario), starting(&scenario)].concat();
        assert!(classic.contains("group.protocol = consumer") && classic.contains("initial"));
        scenario.settings[0].properties.group_protocol = GroupProtocol::Consumer;
        scenario.settings[0].processing.commit = CommitPolicy::AfterBatch;
        let told = rebalancing(&scenario);
        assert!(told.contains("group.consumer.heartbeat.interval.ms (5s now)"));
        assert!(told.contains("group.instance.id"), "{told}");
        for classic in [
            "max.poll.records",
            "rejoin",
            "cooperative",
            "group.protocol",
        ] {
            assert!(!told.contains(classic), "{told}");
        }
        assert!(!starting(&scenario).contains("initial"));
        assert_eq!(
            cause::session_timeout(&scenario),
            "group.consumer.session.timeout.ms (45s)"
        );
        // What waits for poll() waits for the batch.
        scenario.settings[0].client = Client::by_name("librdkafka").expect("one").profile;
        assert!(rebalancing(&scenario).contains("max.poll.records"));
    }
}
