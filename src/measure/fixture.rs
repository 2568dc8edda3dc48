//! Scenarios and runs made by hand, for the tests of the reports.

use std::sync::Arc;

use super::{Keep, Outcome, Recorder};
use crate::kafka::{BrokerProperties, GroupState, MemberId, RebalanceReason};
use crate::platform::{Deployment, ScaleReason, ScaledObject};
use crate::scenario::{
    Action, Alert, Client, Cluster, CommitPolicy, Compare, Condition, Gauge, Group, Monitoring,
    OnStop, PartitionStart, Process, Processing, Scenario, Settings, TimelineEntry, Topic,
};
use crate::sim::{
    Fact, GroupView, MemberView, Observer, PartitionState, PartitionTotals, Sample, Totals,
};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};
use crate::workload::{Keys, Law, Pattern, Production, RateCurve, Shares};

fn java() -> Client {
    match Client::by_name("java") {
        Some(client) => client,
        None => unreachable!("it comes along"),
    }
}

fn processing() -> Processing {
    Processing {
        time: Law::Constant(0.62),
        calls: Vec::new(),
        concurrency: 1,
        order: None,
        commit: CommitPolicy::AfterBatch,
        commit_on_revoke: false,
        on_stop: OnStop::FinishBatch,
        grace: SimDuration::from_secs(30),
        restart: Default::default(),
    }
}

/// Nothing was ever produced, and the group has committed that.
const EMPTY: PartitionStart = PartitionStart {
    committed: Some(0),
    log_end: 0,
};

fn process(number: u32) -> Process {
    Process {
        name: format!("order-processor-{number}"),
        start: Some(SimTime::ZERO),
        client_id: None,
        instance_id: None,
    }
}

/// A group of `members` on a topic of `partitions`, sampled every `sample` seconds for `horizon` seconds.
pub fn scenario(partitions: usize, members: u32, horizon: u64, sample: u64) -> Scenario {
    let client = java();
    Scenario {
        name: "orders".into(),
        title: "orders: two million behind".into(),
        seed: 7,
        horizon: SimDuration::from_secs(horizon),
        sample: SimDuration::from_secs(sample),
        topic: Topic {
            name: "orders".into(),
            partitions: vec![EMPTY; partitions],
            record_bytes: 1_024,
            properties: Default::default(),
        },
        production: Production {
            curve: Arc::new(RateCurve::constant(600.0)),
            pattern: Pattern::Poisson,
            shares: vec![Shares {
                from: SimTime::ZERO,
                of: vec![1.0 / partitions as f64; partitions],
            }],
            keys: Keys::Even,
        },
        cluster: Cluster {
            brokers: 3,
            round_trip: SimDuration::from_millis(1),
            commit_latency: SimDuration::from_millis(5),
            commit_law: None,
            properties: BrokerProperties::default(),
        },
        group: Group {
            name: "order-processor".into(),
            static_members: false,
            start_up: None,
            processes: (0..members).map(process).collect(),
        },
        deployment: None,
        settings: vec![Settings {
            client: client.profile,
            properties: client.properties,
            processing: processing(),
            on_error: Vec::new(),
        }],
        downstreams: Vec::new(),
        poison: Vec::new(),
        retry_topics: Vec::new(),
        stage: None,
        timeline: Vec::new(),
        monitoring: Monitoring {
            scrape_interval: SimDuration::from_secs(15),
            evaluation_interval: SimDuration::from_secs(30),
            evaluation_offset: SimDuration::ZERO,
        },
        alerts: Vec::new(),
        expectations: Vec::new(),
        leaps: true,
    }
}

/// An alert on the lag of each partition.
pub fn alert(name: &str, severity: &str, threshold: f64, minutes: u64) -> Alert {
    Alert {
        name: name.into(),
        severity: severity.into(),
        when: Condition {
            gauge: Gauge::Lag,
            compare: Compare::Above,
            threshold,
        },
        pending_for: SimDuration::from_secs(60 * minutes),
        keep_firing_for: SimDuration::ZERO,
    }
}

/// An entry of the timeline that only has a mark.
pub fn mark(at: u64, label: &str) -> TimelineEntry {
    TimelineEntry {
        at: SimTime::from_secs(at),
        action: Action::RateChange,
        label: label.into(),
    }
}

/// The lag of partition `p` at a second, and its state.
pub type Curve<'a> = &'a dyn Fn(usize, u64) -> (u64, PartitionState);

/// Feeds a recorder with curves and facts (by second) as a run would, and finishes it.
pub fn outcome(scenario: &Scenario, curve: Curve, facts: &[(u64, Fact)]) -> Outcome {
    let mut recorder = Recorder::new(scenario, 0, Keep::ALL);
    let partitions = scenario.topic.partitions.len();
    let horizon = scenario.horizon.as_nanos() / 1_000_000_000;
    let sample = scenario.sample.as_nanos() / 1_000_000_000;
    let mut facts = facts.iter().peekable();
    let mut states = vec![None; partitions];
    let produced = |second: u64| 100 * second;
    for second in (0..=horizon).step_by(sample as usize) {
        let at = SimTime::from_secs(second);
        while let Some((when, fact)) = facts.next_if(|(when, _)| *when <= second) {
            recorder.observe(SimTime::from_secs(*when), fact);
        }
        let mut samples = Vec::new();
        for (partition, told) in states.iter_mut().enumerate() {
            let (lag, state) = curve(partition, second);
            let log_end = 3_000_000 + produced(second);
            let committed = log_end - lag;
            if told.replace(state) != Some(state) {
                recorder.observe(
                    at,
                    &Fact::State {
                        partition: PartitionId(partition as u32),
                        state,
                        since: at,
                        log_end,
                        committed,
                        waits_for: None,
                    },
                );
            }
            samples.push(Sample {
                log_end,
                committed: Some(committed),
                position: committed,
                age_s: (lag > 0).then_some(lag as f64 / 100.0),
                state,
            });
        }
        recorder.sample(at, &samples);
    }
    let totals = Totals {
        partitions: vec![
            PartitionTotals {
                produced: produced(horizon),
                processed: produced(horizon),
                committed: produced(horizon),
                ..PartitionTotals::default()
            };
            partitions
        ],
        ..Totals::default()
    };
    recorder.finish(SimTime::from_secs(horizon), &totals, &group(scenario));
    recorder.into_outcome()
}

/// A Stable group in which the first member owns everything.
fn group(scenario: &Scenario) -> GroupView {
    let partitions = 0..scenario.topic.partitions.len() as u32;
    GroupView {
        state: GroupState::Stable,
        generation: 1,
        members: vec![MemberView {
            process: ProcessId(0),
            member_id: "order-processor-0-9f3c".into(),
            client_id: "order-processor-0".into(),
            host: "/10.0.0.1".into(),
            partitions: partitions.map(PartitionId).collect(),
        }],
    }
}

/// A member that leaves at its max.poll.interval.ms, the rebalance that follows, and its return.
pub fn eviction(second: u64, process: u32, pause: u64) -> Vec<(u64, Fact)> {
    let process = ProcessId(process);
    let member = MemberId {
        random: 1,
        serial: 0,
    };
    vec![
        (
            second,
            Fact::MemberEvicted {
                process,
                removal: None,
            },
        ),
        (
            second,
            Fact::RebalanceStarted {
                generation: 1,
                reason: RebalanceReason::MemberLeft(member),
                process: Some(process),
            },
        ),
        (second + pause, Fact::GroupStable { generation: 2 }),
        (
            second + pause,
            Fact::MemberResumed {
                process,
                since: SimTime::from_secs(second),
            },
        ),
    ]
}

/// A poison record is met at the start of `partition`.
pub fn poison(second: u64, partition: u32) -> (u64, Fact) {
    (
        second,
        Fact::PoisonMet {
            process: Some(ProcessId(0)),
            partition: PartitionId(partition),
            offset: 0,
        },
    )
}

/// A change of the number of replicas.
pub fn scaled(second: u64, from: u32, to: u32, lag: i64) -> (u64, Fact) {
    let reason = if to > from {
        ScaleReason::AboveTarget
    } else {
        ScaleReason::BelowTarget
    };
    let lag = Some(lag);
    (
        second,
        Fact::Scaled {
            from,
            to,
            reason,
            lag,
        },
    )
}

/// An autoscaler that takes every scale-down back 15 s later, by hand: one hour, a cycle of 330 s, partitions orphaned
/// in between.
pub fn flapping() -> (Scenario, Outcome) {
    let mut scenario = scenario(2, 2, 3_600, 5);
    scenario.settings[0].properties.max_poll_records = 10;
    scenario.deployment = Some(Deployment {
        scaled_object: ScaledObject {
            min_replica_count: 1,
            ..ScaledObject::default()
        },
        start_up: SimDuration::from_secs(30),
        graceful: false,
    });
    let cycles = (0..10).map(|cycle| 330 * cycle + 300);
    let facts: Vec<_> = cycles
        .flat_map(|at| [scaled(at, 2, 1, 0), scaled(at + 15, 1, 2, 55)])
        .collect();
    let curve = |_: usize, second: u64| match (second + 30) % 330 {
        from @ 0..15 if second > 200 => (from * 10, PartitionState::Orphaned),
        _ => (0, PartitionState::KeepingUp),
    };
    let outcome = outcome(&scenario, &curve, &facts);
    (scenario, outcome)
}

/// The orders incident by hand: partition 2 blocked from the start, members evicted every 310 s, the others falling
/// further behind, three hours.
pub fn incident() -> (Scenario, Outcome) {
    let mut scenario = scenario(4, 3, 10_800, 10);
    scenario.alerts = vec![
        alert("lag-warning", "warning", 1_000.0, 5),
        alert("lag-critical", "critical", 2e6, 5),
    ];
    scenario.timeline = vec![mark(3_600, "deploy 1.4"), mark(7_200, "deploy 1.5")];
    let mut facts = vec![poison(0, 2)];
    for round in 0..60 {
        for process in 0..3 {
            let second = 60 + round * 178 + u64::from(process) * 59;
            facts.extend(eviction(second, process, 9));
        }
    }
    for (entry, second) in [(0, 3_600), (1, 7_200)] {
        facts.push((second, Fact::Timeline { entry }));
    }
    facts.sort_by_key(|(second, _)| *second);
    let curve = |partition: usize, second: u64| {
        if partition == 2 {
            return (551_200 + second * 40, PartitionState::Blocked);
        }
        let start = [447_801, 547_093, 0, 541_002][partition];
        let saw = (second + 50 * partition as u64) % 178;
        let state = match saw {
            0..20 => PartitionState::Rebalancing,
            20..140 => PartitionState::Evicted,
            _ => PartitionState::Saturated,
        };
        let grown = second * (20 + 10 * partition as u64);
        (start + grown + if saw < 140 { saw * 30 } else { 0 }, state)
    };
    let outcome = outcome(&scenario, &curve, &facts);
    (scenario, outcome)
}
