//! The sentences that name a cause.

use super::super::attribution::Wait;
use super::super::summary::{PartitionSummary, Summary};
use super::super::words::{counted, grouped, listed, percent, short, span};
use super::{
    Culprit, SMALLEST_SHARE, dead_letter, failing, orphaned, outage, poison, scaling, skew, stops,
};
use crate::kafka::{ConsumerProperties, GroupProtocol, RebalanceProtocol};
use crate::scenario::{Called, Scenario, Settings};
use crate::units::SimDuration;

/// What `culprit` did, beside what the other `culprits` are told to have done.
pub fn sentences(
    culprit: Culprit,
    culprits: &[Culprit],
    scenario: &Scenario,
    summary: &Summary,
) -> Vec<String> {
    let one = |text: String| vec![text];
    // What waits for an owner is told once.
    let told = culprits.contains(&Culprit::Flapping)
        || culprits.contains(&Culprit::Poison) && poison::tells_exits(scenario, summary);
    match culprit {
        Culprit::DeadLetterTopic => one(dead_letter::sentence(scenario, summary)),
        Culprit::Poison => poison::sentences(scenario, summary),
        Culprit::Outage => outage::sentences(scenario, summary),
        Culprit::GivenUp => failing::given_up(scenario, summary),
        Culprit::Breakers => failing::breakers(scenario, summary).into_iter().collect(),
        Culprit::Flapping => scaling::flapping(summary).into_iter().collect(),
        Culprit::Evictions => evictions(scenario, summary),
        Culprit::Saturated => saturated(scenario, summary),
        Culprit::Throttled => one(throttled(scenario, summary)),
        Culprit::Rebalancing if told => Vec::new(),
        Culprit::Rebalancing => one(rebalancing(scenario, summary)),
        Culprit::Orphaned => orphaned::sentence(summary, told).into_iter().collect(),
        Culprit::Frozen => one(format!(
            "Members stand still, for {} of their partitions' time in all; {}.",
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
    let there = counted(summary.lag.initial, "record", "records");
    if super::commits_nothing(summary) && summary.lag.initial < summary.lag.last {
        return "No commit is accepted within the run: simulate longer to see how it goes on."
            .to_owned();
    }
    if !super::keeps_up(summary) && summary.lag.last < summary.lag.initial {
        return format!(
            "The lag was there at the start, {there}; members work it off faster than new records come."
        );
    }
    if !super::keeps_up(summary) {
        return format!(
            "The lag was there at the start, {there}; nothing that happens adds much to it."
        );
    }
    if summary.lag.max == 0 {
        return "Nothing is produced, and nothing was waiting.".to_owned();
    }
    format!(
        "Nothing holds the group up: it is never further behind than {} (at {}), the oldest {} old.",
        counted(summary.lag.max, "record", "records"),
        span(summary.lag.max_at_s),
        span(summary.age_s.max)
    )
}

fn saturated(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let how = if summary.drained_at_s.is_some() {
        "fall behind for a while"
    } else {
        "still fall behind"
    };
    let mut told = vec![format!(
        "No parallelism is left: members work all the time and {how}; {}.",
        gained_and_lost(summary, "saturated")
    )];
    told.extend(failing::sentence(scenario, summary));
    told.extend(skew::sentence(summary));
    told
}

pub fn lag_gained(summary: &Summary, state: &str) -> u64 {
    let mut causes = summary.attribution.iter();
    let cause = causes.find(|cause| cause.state == state);
    cause.map_or(0, |cause| cause.lag_gained)
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
            lengths(scenario, |p| p.max_poll_interval),
            period(summary),
            counted(breaches as u64, "eviction", "evictions"),
            rebalances(summary),
            gained(summary, "evicted")
        ));
    }
    if silent > 0 {
        told.push(format!(
            "{} after {} of silence.",
            counted(
                silent as u64,
                "member is removed",
                "times a member is removed"
            ),
            session_timeout(scenario)
        ));
    }
    if late > 0 {
        let why = match scenario.group_protocol() {
            GroupProtocol::Classic => "does not rejoin in time",
            GroupProtocol::Consumer => "does not give up in time what moves",
        };
        told.push(format!(
            "{} because it {why}.",
            counted(
                late as u64,
                "member is removed",
                "times a member is removed"
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

/// What says how long a silent member is waited for, and how long that is: `session.timeout.ms (45s)`.
pub fn session_timeout(scenario: &Scenario) -> String {
    match scenario.group_protocol() {
        GroupProtocol::Classic => format!(
            "session.timeout.ms ({})",
            lengths(scenario, |p| p.session_timeout)
        ),
        GroupProtocol::Consumer => format!(
            "group.consumer.session.timeout.ms ({})",
            span(
                scenario
                    .cluster
                    .properties
                    .consumer_session_timeout
                    .as_secs_f64()
            )
        ),
    }
}

/// A time of the properties, of all settings that come up: `5m`, `5m, later 10m`.
pub fn lengths(scenario: &Scenario, of: impl Fn(&ConsumerProperties) -> SimDuration) -> String {
    let mut lengths: Vec<_> = scenario
        .settings
        .iter()
        .map(|settings| of(&settings.properties))
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

/// A dependency with its limit: `bank-api (limit 200/s)`.
pub fn dependency(scenario: &Scenario, which: usize) -> String {
    let Some(downstream) = scenario.downstreams.get(which) else {
        return "a dependency".to_owned();
    };
    let settings = scenario.settings.first();
    let calls = settings.map_or(1, |settings| settings.processing.calls_of(which));
    let limit = match downstream.limit {
        Some(limit) if calls > 1 || downstream.failure_rate > 0.0 => {
            let fail = match downstream.failure_rate {
                0.0 => String::new(),
                rate => format!(", of which {} % fail,", short(100.0 * rate)),
            };
            let all = settings.map_or(Vec::new(), |own| own.processing.calls.clone());
            let called = Called::all(&scenario.downstreams, &all);
            let made = called.get(which).map_or(f64::from(calls), |own| own.calls);
            let attempts = made * downstream.call().attempts();
            format!(
                " (limit {}/s; at {}{fail} {} records/s)",
                short(limit.rate),
                counted(u64::from(calls), "call a record", "calls a record"),
                short(limit.rate / attempts)
            )
        }
        Some(limit) => format!(" (limit {}/s)", short(limit.rate)),
        None => String::new(),
    };
    format!("{}{limit}", downstream.name)
}

/// Those of several dependencies that members waited for noteworthily, the one first that made most of the lag.
pub fn waited_for<'s>(scenario: &Scenario, summary: &'s Summary) -> Vec<&'s Wait> {
    let throttled = summary
        .attribution
        .iter()
        .find(|own| own.state == "throttled");
    let waits = throttled.map_or(&[][..], |own| &own.dependencies);
    let all: u64 = waits.iter().map(|own| own.lag_gained).sum();
    let least = (SMALLEST_SHARE * all as f64).max(1.0);
    let known = waits
        .iter()
        .filter(|own| own.which < scenario.downstreams.len());
    let mut waits: Vec<&Wait> = known.filter(|own| own.lag_gained as f64 >= least).collect();
    waits.sort_by_key(|own| std::cmp::Reverse(own.lag_gained));
    waits
}

/// The dependency that members waited for most.
pub fn slowest(scenario: &Scenario, summary: &Summary) -> usize {
    let waits = waited_for(scenario, summary);
    waits.first().map_or(scenario.shared(), |own| own.which)
}

fn throttled(scenario: &Scenario, summary: &Summary) -> String {
    let lag = gained_and_lost(summary, "throttled");
    if scenario.downstreams.is_empty() {
        return format!("A dependency is slower than the traffic: members wait for it; {lag}.");
    }
    let which = match waited_for(scenario, summary).as_slice() {
        [] => scenario.shared(),
        [only] => only.which,
        several => {
            let name = |own: &&Wait| {
                let gained = counted(own.lag_gained, "record", "records");
                format!("{} ({gained})", own.dependency)
            };
            let names: Vec<String> = several.iter().map(name).collect();
            return format!("Members wait for {}; {lag}.", listed(&names));
        }
    };
    let stops = stops(scenario);
    let open = failing::open(summary).is_some();
    if open || stops.iter().any(|stop| stop.which == which) {
        let name = &scenario.downstreams[which].name;
        return format!("Members wait for {name}; {lag}.");
    }
    let name = dependency(scenario, which);
    let when = if summary.drained_at_s.is_some() {
        "at times "
    } else {
        ""
    };
    let refused = match summary.calls_refused {
        0 => String::new(),
        calls => format!(
            "; it refuses {}, up to {} a second beside those it accepts",
            counted(calls, "call", "calls"),
            short(summary.calls_refused_per_s_max.round())
        ),
    };
    let failed = match summary.calls_failed {
        0 => String::new(),
        calls => format!("; {} by chance", counted(calls, "call fails", "calls fail")),
    };
    format!("{name} is {when}slower than the traffic: members wait for it{refused}{failed}; {lag}.")
}

fn rebalancing(scenario: &Scenario, summary: &Summary) -> String {
    let cooperative =
        |own: &Settings| own.properties.assignor.protocol() == RebalanceProtocol::Cooperative;
    let consumer = scenario.group_protocol() == GroupProtocol::Consumer;
    let (what, who) = if consumer || scenario.settings.first().is_some_and(cooperative) {
        (
            "the partitions that move",
            "a member waits for its first one",
        )
    } else {
        ("the group", "a member stands still")
    };
    let longest = if summary.pause_max_s > 0.0 {
        format!(", {who} for up to {}", span(summary.pause_max_s))
    } else {
        String::new()
    };
    format!(
        "Rebalances stop {what}: {}{longest}; {}.",
        rebalances(summary),
        gained(summary, "rebalancing")
    )
}

/// `12,000 records, 61 % of the lag gained`.
pub fn gained(summary: &Summary, state: &str) -> String {
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
    // Retention deletes in whatever state a partition is.
    let how = match summary.accounts.lost_to_retention {
        0 => "worked off",
        _ => "worked off or deleted by retention",
    };
    if lost == 0 {
        gained
    } else {
        format!("{gained}, and {} {how}", grouped(lost))
    }
}

/// `551,200 records, 26 % of the lag`: what is there at the end.
pub fn of_the_lag(partitions: &[&PartitionSummary], summary: &Summary) -> String {
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

pub fn partition_time(summary: &Summary, state: &str) -> String {
    let seconds = summary
        .attribution
        .iter()
        .find(|c| c.state == state)
        .map_or(0.0, |c| c.seconds);
    span(seconds)
}

/// `partition 2`, `partitions 0 and 1`; more than eight are counted.
pub fn named(partitions: &[&PartitionSummary]) -> String {
    let numbers: Vec<String> = partitions.iter().map(|p| p.partition.to_string()).collect();
    match numbers.len() {
        1 => format!("partition {}", numbers[0]),
        2..=8 => format!("partitions {}", listed(&numbers)),
        many => format!("{many} partitions"),
    }
}
