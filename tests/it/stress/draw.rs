//! Scenarios drawn at random.

use lagsim::kafka::parallel::ProcessingOrder;
use lagsim::kafka::{
    Assignor, AutoCommitFrom, ClientProfile, GroupProtocol, Heartbeats, OffsetReset,
    ReconcilesFrom, ServerAssignor,
};
use lagsim::platform::{Behavior, KafkaTrigger, ScaledObject};
use lagsim::scenario::{
    Action, Client, CommitPolicy, DownstreamChange, OnError, OnOutage, OnStop, RetryBy, Scenario,
    Settings, WhenLimited,
};
use lagsim::units::{ProcessId, SimDuration, SimTime};
use lagsim::workload::{Keys, Law, LoadCurve};

use super::AT_LENGTH;
use super::trouble::{breaking_off, downstream, giving_up, limit, poisoned, with_ledger};
use crate::systems::{self, ms, secs, with};

/// Draws in a fixed order: splitmix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    pub(super) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    pub(super) fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// When the last entry of a timeline takes effect at the latest [ms].
pub(super) const DISTURBED: u64 = 60_000;

/// A scenario whose group can carry its load once it is left alone, if `calm`.
pub(super) fn draw(seed: u64, calm: bool) -> Scenario {
    let mut dice = Dice(seed.wrapping_mul(2).wrapping_add(u64::from(calm)));
    let partitions = 1 + dice.below(6) as usize;
    let members = 1 + dice.below(4) as u32;
    let rate = dice.of(&[0.0, 1.0, 20.0, if calm { 40.0 } else { 400.0 }]);
    let mut scenario = systems::system(partitions, members, rate, Law::Constant(0.001));
    scenario.seed = seed;
    scenario.horizon = secs(500);
    scenario.sample = ms(dice.of(&[500, 1_000, 7_001]));
    scenario.cluster.brokers = 1 + dice.below(3) as u32;
    scenario.cluster.round_trip = ms(dice.of(&[0, 2, if calm { 1 } else { 20 }]));
    scenario.cluster.commit_latency = ms(dice.of(&[0, 2, if calm { 5 } else { 50 }]));
    scenario.cluster.properties.initial_rebalance_delay = ms(dice.of(&[0, 3_000]));
    if dice.once_in(4) {
        let topic = &mut scenario.topic.properties;
        topic.retention_ms = dice.of(&[None, Some(1_000), Some(60_000)]);
        topic.retention_bytes = dice.of(&[None, Some(100 * 1_024)]);
        topic.segment_ms = dice.of(&[1_000, 20_000]);
        topic.segment_bytes = dice.of(&[10 * 1_024, 1 << 30]);
        scenario.cluster.properties.retention_check_interval = ms(dice.of(&[1_000, 30_000]));
    }
    for start in &mut scenario.topic.partitions {
        start.committed = dice.of(&[Some(0), Some(0), None]);
        start.log_end = dice.of(&[0, 0, 300]);
    }
    for index in 0..members {
        let start = SimTime::from_millis(dice.of(&[0, 0, 1_234]));
        scenario.group.processes[index as usize].start = Some(start);
    }
    for index in members..members + 2 {
        scenario.group.processes.push(systems::process(index, None));
    }
    let clients: Vec<ClientProfile> = Client::names().map(systems::profile).collect();
    let client = dice.of(&clients);
    let first = settings(&mut dice, client, calm);
    scenario.settings = vec![first];
    for _ in 0..2 {
        let other = settings(&mut dice, client, calm);
        scenario.settings.push(other);
    }
    let pools = scenario.settings[0].processing.order.is_some();
    if pools {
        scenario.production.keys = Keys::Hot(vec![0.2, 0.1]);
    }
    if dice.once_in(2) {
        let mut downstream = downstream(&mut dice, calm);
        if pools {
            downstream.on_outage = OnOutage::default();
        }
        if downstream.on_outage.breaker.is_none() && seed.is_multiple_of(3) {
            downstream.when_limited = WhenLimited::Reject;
            if calm {
                // A refusal costs a whole back-off: nobody catches up with one that is as long as a batch may take.
                downstream.on_outage.back_off = ms(1);
            }
        } else if seed.is_multiple_of(2) {
            downstream.load = LoadCurve::from_knots(vec![(1, 1.0), (4, 3.0)]);
        }
        if seed % 5 < 2 {
            downstream.failure_rate = if calm { 0.1 } else { 0.3 };
            if calm {
                downstream.on_outage.back_off = ms(1);
                if let Some((config, _)) = &mut downstream.on_outage.breaker {
                    // Chance opens it again and again.
                    config.wait_duration_in_open_state = ms(1);
                }
            }
        }
        scenario.downstreams = vec![downstream];
    } else {
        for settings in &mut scenario.settings {
            settings.processing.calls = vec![0];
        }
    }
    for _ in 0..dice.below(3) {
        scenario = poisoned(scenario, &mut dice, calm);
    }
    for _ in 0..dice.below(9) {
        let at = SimTime::from_millis(dice.below(DISTURBED));
        let action = action(&scenario, &mut dice);
        scenario = with(scenario, at, action);
    }
    let mut all = scenario.downstreams.iter();
    if all.any(|own| own.failure_rate > 0.0) {
        for (at, rate) in [(17_000, 0.0), (23_000, 0.6), (DISTURBED, 0.1)] {
            let change = Action::Downstream(0, DownstreamChange::FailureRate(rate));
            scenario = with(scenario, SimTime::from_millis(at), change);
        }
    }
    scenario.timeline.sort_by_key(|entry| entry.at);
    grow(&mut scenario);
    if !scenario.downstreams.is_empty() {
        let resume = Action::Downstream(0, DownstreamChange::Resume);
        scenario = with(scenario, SimTime::from_millis(DISTURBED), resume);
    }
    scenario = breaking_off(grouped(scenario, &mut dice), seed);
    scenario = giving_up(scenario, seed, calm);
    scenario = with_ledger(scenario, seed, calm);
    if seed >= AT_LENGTH.start && !seed.is_multiple_of(8) {
        slow_down(&mut scenario);
    }
    if scenario.settings[0].client == systems::profile("java") && dice.once_in(2) {
        scenario = with_consumer_protocol(scenario, &mut dice);
    }
    if !calm && dice.once_in(3) {
        return with_autoscaler(scenario, &mut dice);
    }
    scenario
}

/// Nothing is done every millisecond for minutes.
fn slow_down(scenario: &mut Scenario) {
    for settings in &mut scenario.settings {
        let properties = &mut settings.properties;
        properties.heartbeat_interval = properties.heartbeat_interval.max(ms(40));
        properties.auto_commit_interval = properties.auto_commit_interval.max(ms(60));
        for handling in &mut settings.on_error {
            if let OnError::RetryForever(RetryBy::Seek { back_off }) = handling {
                *back_off = ms(40).max(*back_off);
            }
        }
    }
}

/// All members of one assignor, some of them static.
fn grouped(mut scenario: Scenario, dice: &mut Dice) -> Scenario {
    let mut assignors = vec![Assignor::Range, Assignor::RoundRobin, Assignor::Sticky];
    if scenario.settings[0].client.cooperative {
        assignors.extend([Assignor::CooperativeSticky; 3]);
    }
    let assignor = dice.of(&assignors);
    for settings in &mut scenario.settings {
        settings.properties.assignor = assignor;
    }
    let one_in = dice.of(&[1, 2, u64::MAX]);
    for process in &mut scenario.group.processes {
        process.instance_id = dice.once_in(one_in).then(|| process.name.clone());
    }
    scenario
}

/// The group speaks the consumer protocol, its members with or without a listener.
fn with_consumer_protocol(mut scenario: Scenario, dice: &mut Dice) -> Scenario {
    let brokers = &mut scenario.cluster.properties;
    // Kafka has no less than 5 s. A heartbeat that is due before the one before is answered may say that a member owns
    // nothing of what it is just being told, and the coordinator then gives that to others.
    let (session, beats) = dice.of(&[
        (2_000, 500),
        (6_000, 100),
        (6_000, 1_900),
        (45_000, 1_900),
        (45_000, 5_000),
    ]);
    brokers.consumer_session_timeout = ms(session);
    brokers.consumer_heartbeat_interval = ms(beats);
    let reconciles = dice.of(&[ReconcilesFrom::Background, ReconcilesFrom::NextPoll]);
    for settings in &mut scenario.settings {
        settings.client.consumer_protocol = Some(reconciles);
        settings.properties.group_protocol = GroupProtocol::Consumer;
        settings.properties.remote_assignor = dice.of(&[
            None,
            Some(ServerAssignor::Uniform),
            Some(ServerAssignor::Range),
        ]);
    }
    scenario
}

/// An autoscaler at its fastest, with every flag; who runs is its affair then, not the timeline's.
fn with_autoscaler(mut scenario: Scenario, dice: &mut Dice) -> Scenario {
    scenario.timeline.retain(|entry| {
        let stays_away = |restart_after: &Option<SimDuration>| restart_after.is_none();
        !match &entry.action {
            Action::Crash { restart_after, .. } => stays_away(restart_after),
            action => matches!(action, Action::Start { .. } | Action::Stop { .. }),
        }
    });
    let least = dice.below(3) as u32;
    let mut behavior = Behavior::default();
    behavior.scale_down.stabilization_window = ms(dice.of(&[0, 5_000, 60_000]));
    behavior.scale_up.stabilization_window = ms(dice.of(&[0, 5_000]));
    let spec = ScaledObject {
        polling_interval: ms(dice.of(&[200, 1_000, 30_000])),
        cooldown_period: ms(dice.of(&[0, 10_000])),
        min_replica_count: least,
        max_replica_count: least.max(1) + dice.below(9) as u32,
        idle_replica_count: (least > 0 && dice.once_in(2)).then_some(0),
        trigger: KafkaTrigger {
            lag_threshold: dice.of(&[1, 100]),
            allow_idle_consumers: dice.once_in(2),
            exclude_persistent_lag: dice.once_in(2),
            ensure_even_distribution_of_partitions: dice.once_in(2),
            scale_to_zero_on_invalid_offset: dice.once_in(2),
            ..KafkaTrigger::default()
        },
        use_cached_metrics: dice.once_in(2),
        behavior: dice.of(&[None, Some(behavior)]),
        sync_period: ms(dice.of(&[100, 1_000, 15_000])),
        ..ScaledObject::default()
    };
    let start_up = ms(dice.of(&[0, 3_000]));
    let mut scenario = systems::autoscaled(scenario, spec, start_up);
    scenario.deployment.as_mut().expect("one").graceful = dice.once_in(2);
    scenario
}

pub(super) fn settings(dice: &mut Dice, client: ClientProfile, calm: bool) -> Settings {
    let mut settings = systems::settings(dice.of(&[
        Law::Constant(0.001),
        Law::Exponential { mean: 0.002 },
        Law::Constant(if calm { 0.0 } else { 0.05 }),
        Law::Bimodal {
            fast: 0.001,
            slow: if calm { 0.02 } else { 4.0 },
            share: 0.05,
        },
    ]));
    settings.client = client;
    let properties = &mut settings.properties;
    properties.session_timeout = ms(dice.of(&[2_000, 6_000, 45_000]));
    properties.heartbeat_interval = ms(dice.of(&[1, 500, 1_900]));
    properties.max_poll_interval = ms(dice.of(&[300_000, if calm { 100_000 } else { 1_000 }]));
    properties.max_poll_records = dice.of(&[if calm { 20 } else { 1 }, 10, 500, 100_000]);
    properties.fetch_min_bytes = dice.of(&[0, 1, 5_000]);
    properties.fetch_max_wait = ms(dice.of(&[0, 100, 500]));
    properties.max_partition_fetch_bytes =
        dice.of(&[if calm { 10_240 } else { 1 }, 20_000, 1 << 20]);
    properties.fetch_max_bytes = dice.of(&[if calm { 20_000 } else { 1 }, 30_000, 50 << 20]);
    properties.retry_backoff = ms(dice.of(&[0, 100]));
    properties.metadata_max_age = ms(dice.of(&[0, 1_000, 30_000]));
    properties.auto_commit_interval = ms(dice.of(&[0, 1, 700, 5_000]));
    properties.auto_offset_reset = dice.of(&[OffsetReset::Earliest, OffsetReset::Latest]);
    let processing = &mut settings.processing;
    processing.calls = vec![dice.below(3) as u32];
    processing.concurrency = dice.of(&[1, 1, 4]);
    let (records, time) = (dice.of(&[30, u64::MAX]), dice.of(&[ms(1), secs(3)]));
    processing.commit = dice.of(&[
        CommitPolicy::Auto,
        CommitPolicy::AfterBatch,
        CommitPolicy::PerRecord,
        CommitPolicy::Async,
        CommitPolicy::Every { records, time },
    ]);
    let by_client = processing.commit == CommitPolicy::Auto;
    processing.commit_on_revoke = dice.of(&[false, true]) && !by_client;
    if client.heartbeats == Heartbeats::BetweenRecords {
        processing.concurrency = 1;
    }
    if client.auto_commit_from == AutoCommitFrom::Completed {
        processing.concurrency = dice.of(&[1, 4, 16]);
        processing.order = Some(dice.of(&[
            ProcessingOrder::Key,
            ProcessingOrder::Partition,
            ProcessingOrder::Unordered,
        ]));
        (processing.commit, processing.commit_on_revoke) = (CommitPolicy::Auto, false);
    }
    let after_batch = client.auto_commit_from == AutoCommitFrom::AfterBatch;
    if after_batch && processing.commit == CommitPolicy::Auto {
        processing.commit = CommitPolicy::AfterBatch;
    }
    properties.enable_auto_commit = processing.commit == CommitPolicy::Auto;
    processing.on_stop = dice.of(&[OnStop::FinishBatch, OnStop::FinishRecord]);
    processing.grace = ms(dice.of(&[0, 1_000, 30_000]));
    settings
}

pub(super) fn some(scenario: &Scenario, dice: &mut Dice) -> Vec<ProcessId> {
    let all = scenario.group.processes.len() as u64;
    let chosen = (0..all).filter(|_| dice.once_in(2));
    let chosen: Vec<ProcessId> = chosen.map(|index| ProcessId(index as u32)).collect();
    if chosen.is_empty() {
        vec![ProcessId(0)]
    } else {
        chosen
    }
}

fn action(scenario: &Scenario, dice: &mut Dice) -> Action {
    let processes = some(scenario, dice);
    let settings = dice.below(scenario.settings.len() as u64) as usize;
    let start_up = ms(dice.of(&[0, 500, 5_000]));
    match dice.below(10) {
        0 => Action::Crash {
            processes,
            restart_after: dice.of(&[None, Some(SimDuration::ZERO), Some(ms(5_000))]),
        },
        1 | 2 => Action::Restart {
            processes,
            gap: ms(dice.of(&[0, 3_000])),
            start_up,
            graceful: dice.once_in(2),
            rolling: dice.once_in(2),
            settings: dice.of(&[None, Some(settings)]),
        },
        3 => Action::Start {
            processes,
            start_up,
        },
        4 => Action::Stop {
            processes,
            graceful: dice.once_in(2),
        },
        5 => Action::AddPartitions {
            to: scenario.topic.partitions.len() as u32 + 1 + dice.below(3) as u32,
        },
        6 => Action::Freeze {
            processes: dice.of(&[processes, Vec::new()]),
            length: ms(dice.of(&[1, 3_000, 20_000, 70_000])),
        },
        7 => Action::Downstream(
            0,
            match dice.below(5) {
                0 => DownstreamChange::Stop,
                4 => DownstreamChange::Fail,
                1 => DownstreamChange::Resume,
                2 => DownstreamChange::Latency(Law::Constant(0.003)),
                _ => DownstreamChange::Limit(limit(dice, true)),
            },
        ),
        8 => Action::Adopt { settings },
        _ => Action::AdoptAtRestart { settings },
    }
}

/// The check draws up the shares of the partitions that come; here they take an even part.
fn grow(scenario: &mut Scenario) {
    let mut most = scenario.topic.partitions.len();
    let mut shares = scenario.production.shares.clone();
    for entry in &mut scenario.timeline {
        if let Action::AddPartitions { to } = &mut entry.action {
            most = most.max(*to as usize);
            *to = most as u32;
            shares.push(lagsim::workload::Shares {
                from: entry.at,
                of: vec![1.0 / most as f64; most],
            });
        }
    }
    scenario.production.shares = shares;
}

/// Who is meant to run at the end.
pub(super) fn wanted(scenario: &Scenario) -> Vec<ProcessId> {
    let processes = scenario.group.processes.iter();
    let mut wanted: Vec<bool> = processes.map(|process| process.start.is_some()).collect();
    // A process that only starts later cannot be stopped, restarted or crashed before.
    for entry in &scenario.timeline {
        let (who, runs) = match &entry.action {
            Action::Crash {
                processes,
                restart_after: None,
            }
            | Action::Stop { processes, .. } => (processes, false),
            Action::Start { processes, .. } => (processes, true),
            _ => continue,
        };
        for process in who {
            wanted[process.ix()] = runs;
        }
    }
    let all = (0..wanted.len()).filter(|&index| wanted[index]);
    all.map(|index| ProcessId(index as u32)).collect()
}
