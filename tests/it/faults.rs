//! Faults and changes of the timeline, each rule by itself. Not the instants of a rebalance: those are the oracles.

use lagsim::kafka::{ClientProfile, KafkaError, RemovalReason};
use lagsim::scenario::{
    Action, BackOff, CommitPolicy, Downstream, DownstreamChange, GiveUp, OnError, OnStop,
    RateLimit, RetryBy, Scenario, WhenLimited,
};
use lagsim::sim::{Fact, PartitionState, StopReason};
use lagsim::units::{PartitionId, ProcessId, SimDuration, SimTime};
use lagsim::workload::{Law, LoadCurve};

use crate::systems::{
    self, Told, at_ms, at_offset, ms, run, secs, with, with_backlog, with_poison,
};

/// One partition, two members, 20 records per second of 10 ms each.
fn pair(client: ClientProfile, commit: CommitPolicy) -> Scenario {
    let mut scenario = systems::system(1, 2, 20.0, Law::Constant(0.01));
    scenario.horizon = secs(300);
    let settings = &mut scenario.settings[0];
    settings.client = client;
    settings.processing.commit = commit;
    settings.properties.enable_auto_commit = commit == CommitPolicy::Auto;
    settings.properties.session_timeout = secs(10);
    scenario
}

/// Who reads partition 0 at `at` [ms].
fn owner(told: &Told, at: u64) -> ProcessId {
    let owners = told.find(|fact| match fact {
        Fact::PartitionsAssigned {
            process,
            partitions,
            ..
        } if partitions.contains(&PartitionId(0)) => Some(*process),
        _ => None,
    });
    let before = owners.into_iter().rfind(|(when, _)| *when < at_ms(at));
    before.expect("an owner").1
}

fn freeze(scenario: Scenario, who: ProcessId, at: u64, length: u64) -> Scenario {
    let processes = vec![who];
    let length = ms(length);
    with(scenario, at_ms(at), Action::Freeze { processes, length })
}

fn stop(scenario: Scenario, who: Vec<ProcessId>, at: u64, graceful: bool) -> Scenario {
    let processes = who;
    with(
        scenario,
        at_ms(at),
        Action::Stop {
            processes,
            graceful,
        },
    )
}

fn start(scenario: Scenario, who: Vec<ProcessId>, at: u64) -> Scenario {
    let (processes, start_up) = (who, SimDuration::ZERO);
    with(
        scenario,
        at_ms(at),
        Action::Start {
            processes,
            start_up,
        },
    )
}

fn evictions(told: &Told, of: ProcessId) -> Vec<(SimTime, Option<RemovalReason>)> {
    told.find(|fact| match fact {
        Fact::MemberEvicted { process, removal } if *process == of => Some(*removal),
        _ => None,
    })
}

/// The states that partition 0 is told to be in, with their times.
fn states(told: &Told) -> Vec<(SimTime, PartitionState)> {
    told.find(|fact| match fact {
        Fact::State {
            partition: PartitionId(0),
            state,
            ..
        } => Some(*state),
        _ => None,
    })
}

#[test]
fn a_member_that_thaws_after_its_session_commits_nothing() {
    for client in [systems::profile("java"), systems::profile("aiokafka")] {
        for commit in [CommitPolicy::Auto, CommitPolicy::AfterBatch] {
            let scenario = pair(client, commit);
            let who = owner(&run(&scenario), 30_000);
            let told = run(&freeze(scenario, who, 30_000, 60_000));
            assert_eq!(evictions(&told, who).len(), 1, "{client:?} {commit:?}");
            let mut last = 0;
            for (at, samples) in &told.samples {
                let committed = samples[0].committed.expect("a commit");
                assert!(
                    committed >= last,
                    "{client:?} {commit:?}: back to {committed} at {at}"
                );
                last = committed;
            }
        }
    }
}

/// Nobody is thrown out twice, and what is not done while a process stands still is not what it does in vain.
#[test]
fn who_stands_still_beyond_its_session_and_its_poll_interval_is_thrown_out_once() {
    let mut scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    scenario.settings[0].processing.time = Law::Constant(2.0);
    scenario.settings[0].properties.max_poll_records = 1;
    scenario.settings[0].properties.max_poll_interval = secs(50);
    let who = owner(&run(&scenario), 30_000);
    let told = run(&freeze(scenario, who, 30_000, 60_000));
    let evicted = evictions(&told, who);
    assert_eq!(evicted.len(), 1, "{evicted:?}");
    assert_eq!(evicted[0].1, Some(RemovalReason::SessionExpired));
    let in_vain = told.find(|fact| match fact {
        Fact::State {
            state: PartitionState::Evicted,
            since,
            ..
        } => Some(*since),
        _ => None,
    });
    let early: Vec<_> = in_vain
        .into_iter()
        .filter(|(_, since)| *since < at_ms(90_000))
        .collect();
    assert!(early.is_empty(), "{early:?}");
}

#[test]
fn the_broker_refuses_the_commit_of_a_member_that_it_has_removed() {
    let mut scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    scenario.settings[0].processing.time = Law::Constant(2.0);
    scenario.settings[0].properties.max_poll_records = 1;
    // Its batch ends within the round trip of its first heartbeat after the freeze.
    scenario.cluster.round_trip = secs(3);
    let who = owner(&run(&scenario), 40_000);
    let told = run(&freeze(scenario, who, 40_000, 60_000));
    let refused = told.find(|fact| match fact {
        Fact::CommitFailed {
            process,
            error: Some(error),
            ..
        } if *process == who => Some(*error),
        _ => None,
    });
    assert_eq!(
        refused.first().map(|(_, error)| *error),
        Some(KafkaError::UnknownMemberId)
    );
}

#[test]
fn a_frozen_member_that_is_killed_is_missed_from_its_last_heartbeat() {
    let scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    let who = owner(&run(&scenario), 30_000);
    let frozen = evictions(&run(&freeze(scenario.clone(), who, 30_000, 100_000)), who);
    let scenario = freeze(scenario, who, 30_000, 100_000);
    let killed = evictions(&run(&stop(scenario, vec![who], 36_000, false)), who);
    assert_eq!(frozen[0], killed[0]);
}

#[test]
fn the_longer_of_two_freezes_counts() {
    let scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    let who = owner(&run(&scenario), 30_000);
    let scenario = freeze(freeze(scenario, who, 30_000, 2_000), who, 31_000, 4_000);
    let told = run(&freeze(scenario, who, 32_000, 1_000));
    let thawed = told.find(|fact| matches!(fact, Fact::Thawed { .. }).then_some(()));
    assert_eq!(thawed, [(at_ms(35_000), ())]);
}

#[test]
fn who_is_told_to_stop_while_frozen_heeds_it_as_it_goes_on() {
    for on_stop in [OnStop::FinishRecord, OnStop::FinishBatch] {
        let mut scenario = with_backlog(
            pair(systems::profile("java"), CommitPolicy::AfterBatch),
            9_000,
        );
        scenario.settings[0].processing.on_stop = on_stop;
        let who = owner(&run(&scenario), 30_000);
        let scenario = freeze(scenario, who, 30_000, 5_000);
        let told = run(&stop(scenario, vec![who], 31_000, true));
        let gone = told.find(|fact| match fact {
            Fact::ProcessStopped { process, reason } if *process == who => Some(*reason),
            _ => None,
        });
        assert_eq!(gone.len(), 1);
        let (at, reason) = gone[0];
        assert_eq!(reason, StopReason::Closed);
        let takes = at.since(at_ms(35_000));
        let longest = if on_stop == OnStop::FinishRecord {
            ms(50)
        } else {
            secs(6)
        };
        assert!(takes < longest, "{on_stop:?} takes {takes}");
    }
}

#[test]
fn a_batch_frozen_while_its_dependency_stands_still_goes_on() {
    let mut scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    scenario.settings[0].processing.calls = vec![1];
    scenario.downstreams = vec![Downstream::new("bank", Law::Constant(0.001))];
    let everyone = vec![ProcessId(0), ProcessId(1)];
    let change = |scenario, at, change| with(scenario, at_ms(at), Action::Downstream(0, change));
    let scenario = change(scenario, 30_000, DownstreamChange::Stop);
    let freeze = Action::Freeze {
        processes: everyone,
        length: secs(6),
    };
    let scenario = with(scenario, at_ms(31_000), freeze);
    let told = run(&change(scenario, 33_000, DownstreamChange::Resume));
    let last = told.total_lags().pop().expect("samples");
    assert!(last < 50, "{last} records behind");
}

#[test]
fn callers_that_become_slower_than_the_limit_no_longer_reach_it() {
    let limit = Some(RateLimit {
        rate: 200.0,
        burst: 1.0,
    });
    let mut scenario = with_backlog(systems::system(4, 4, 0.0, Law::Constant(0.001)), 50_000);
    scenario.horizon = secs(240);
    scenario.settings[0].processing.calls = vec![1];
    scenario.settings[0].properties.max_poll_records = 50;
    scenario.downstreams = vec![Downstream {
        limit,
        ..Downstream::new("bank", Law::Constant(0.001))
    }];
    let mut slow = scenario.settings[0].clone();
    slow.processing.time = Law::Constant(0.099);
    scenario.settings.push(slow);
    let told = run(&with(
        scenario,
        at_ms(120_000),
        Action::Adopt { settings: 1 },
    ));
    let lags = told.total_lags();
    let before = (lags[60] - lags[110]) as f64 / 50.0;
    let after = (lags[150] - lags[230]) as f64 / 80.0;
    assert!(
        (before - 200.0).abs() < 6.0,
        "{before} per second at the limit"
    );
    assert!(
        (after - 40.0).abs() < 3.0,
        "{after} per second of four callers of 100 ms"
    );
}

/// Raised, removed, set again and lowered: each time as if it had always been so.
#[test]
fn a_limit_that_refuses_can_change() {
    let limit = |rate: f64| (rate > 0.0).then_some(RateLimit { rate, burst: 5.0 });
    let limited = |rate| {
        let mut scenario = with_backlog(systems::system(4, 4, 0.0, Law::Constant(0.0)), 100_000);
        scenario.horizon = secs(500);
        scenario.settings[0].processing.calls = vec![1];
        scenario.settings[0].properties.max_poll_records = 50;
        let mut downstream = Downstream::new("bank", Law::Exponential { mean: 0.01 });
        downstream.limit = limit(rate);
        downstream.when_limited = WhenLimited::Reject;
        downstream.on_outage.back_off = SimDuration::from_millis(40);
        scenario.downstreams = vec![downstream];
        scenario
    };
    let rates = [100.0, 200.0, 0.0, 300.0, 50.0];
    let mut scenario = limited(rates[0]);
    for (index, rate) in rates.into_iter().enumerate().skip(1) {
        let change = Action::Downstream(0, DownstreamChange::Limit(limit(rate)));
        scenario = with(scenario, at_ms(100_000 * index as u64), change);
    }
    let speed = |told: &Told, from: usize| {
        let lags = told.total_lags();
        (lags[from + 10] - lags[from + 90]) as f64 / 80.0
    };
    let changing = run(&scenario);
    for (index, rate) in rates.into_iter().enumerate() {
        let (found, expected) = (
            speed(&changing, 100 * index),
            speed(&run(&limited(rate)), 100),
        );
        assert!(
            (found - expected).abs() < 3.0 + 0.02 * expected,
            "{found} with {rate}, {expected} if always so"
        );
    }
    let free = run(&limited(0.0)).totals;
    assert_eq!((free.calls_refused, free.calls_refused_per_s_max), (0, 0.0));
}

/// With and without a limit, now more of the attempts fail and now fewer: each time as if it had always been so.
#[test]
fn a_failure_rate_can_change() {
    let rates = [0.0, 0.3, 0.02, 0.0];
    for limit in [None, Some(150.0)] {
        let failing = |rate| {
            let system = systems::system(4, 4, 0.0, Law::Constant(0.001));
            let mut scenario = with_backlog(system, 100_000);
            scenario.horizon = secs(400);
            scenario.settings[0].processing.calls = vec![2];
            scenario.settings[0].properties.max_poll_records = 50;
            let mut bank = Downstream::new("bank", Law::Exponential { mean: 0.01 });
            bank.limit = limit.map(|rate| RateLimit { rate, burst: 5.0 });
            (bank.failure_rate, bank.on_outage.back_off) = (rate, ms(100));
            scenario.downstreams = vec![bank];
            scenario
        };
        let mut scenario = failing(rates[0]);
        for (index, rate) in rates.into_iter().enumerate().skip(1) {
            let change = Action::Downstream(0, DownstreamChange::FailureRate(rate));
            scenario = with(scenario, at_ms(100_000 * index as u64), change);
        }
        let speed = |told: &Told, from: usize| {
            let lags = told.total_lags();
            (lags[from + 10] - lags[from + 90]) as f64 / 80.0
        };
        let changing = run(&scenario);
        for (index, rate) in rates.into_iter().enumerate() {
            let found = speed(&changing, 100 * index);
            let always = speed(&run(&failing(rate)), 100);
            let call = (0.01 + 0.1 * rate) / (1.0 - rate);
            let free = 4.0 / (0.001 + 2.0 * call);
            let alone = limit.map_or(free, |limit| free.min(limit * (1.0 - rate) / 2.0));
            assert!(
                (found - always).abs() < 4.0 + 0.03 * always && (always / alone - 1.0).abs() < 0.1,
                "{found} with {rate}, {always} if always so, {alone} by the closed form"
            );
        }
    }
}

/// Partitions that come later are called for like the others, whatever has become of the dependency meanwhile.
#[test]
fn records_of_new_partitions_call_the_dependency_as_it_is_by_then() {
    let slow = |latency: f64| {
        let mut scenario = systems::system(1, 1, 20.0, Law::Constant(0.0));
        scenario.horizon = secs(400);
        scenario.settings[0].processing.calls = vec![1];
        scenario.settings[0].properties.max_poll_records = 10;
        scenario.settings[0].properties.metadata_max_age = secs(1);
        scenario.downstreams = vec![Downstream::new("bank", Law::Constant(latency))];
        let more = Action::AddPartitions { to: 2 };
        let mut scenario = with(scenario, at_ms(100_000), more);
        scenario.production.shares.push(lagsim::workload::Shares {
            from: at_ms(100_000),
            of: vec![0.0, 1.0],
        });
        scenario
    };
    let change = DownstreamChange::Latency(Law::Constant(0.1));
    let changed = with(slow(0.001), at_ms(50_000), Action::Downstream(0, change));
    let growth = |told: &Told| {
        let lags = told.total_lags();
        lags[390] as f64 - lags[190] as f64
    };
    // Of 20 records a second 10 get done.
    let (found, always) = (growth(&run(&changed)), growth(&run(&slow(0.1))));
    assert!((found / 2_000.0 - 1.0).abs() < 0.1, "{found}");
    assert!(
        (found - always).abs() < 20.0,
        "{found}, {always} if always so"
    );
}

/// A slower answer, and a limit that holds back what would collapse: each time as if it had always been so.
#[test]
fn latency_and_limit_change_under_load() {
    let crowded = |latency: f64, rate: f64| {
        let mut scenario = with_backlog(systems::system(8, 8, 0.0, Law::Constant(0.0)), 100_000);
        scenario.horizon = secs(400);
        scenario.settings[0].processing.calls = vec![1];
        scenario.settings[0].properties.max_poll_records = 50;
        scenario.downstreams = vec![Downstream {
            limit: (rate > 0.0).then_some(RateLimit { rate, burst: 5.0 }),
            load: LoadCurve::from_knots(vec![(2, 1.0), (8, 6.0)]),
            ..Downstream::new("bank", Law::Exponential { mean: latency })
        }];
        scenario
    };
    let stages = [(0.01, 0.0), (0.02, 0.0), (0.02, 60.0), (0.01, 60.0)];
    let mut scenario = crowded(stages[0].0, stages[0].1);
    for (index, (latency, rate)) in stages.into_iter().enumerate().skip(1) {
        let at = at_ms(100_000 * index as u64);
        let limit = crowded(latency, rate).downstreams[0].limit;
        let slower = DownstreamChange::Latency(Law::Exponential { mean: latency });
        for change in [slower, DownstreamChange::Limit(limit)] {
            scenario = with(scenario, at, Action::Downstream(0, change));
        }
    }
    let speed = |told: &Told, from: usize| {
        let lags = told.total_lags();
        (lags[from + 10] - lags[from + 90]) as f64 / 80.0
    };
    let changing = run(&scenario);
    // Eight callers are all in flight: 8 / (6 x 10 ms), half of it, the limit, and the limit.
    for (index, expected) in [133.3, 66.7, 60.0, 60.0].into_iter().enumerate() {
        let (latency, rate) = stages[index];
        let (found, always) = (
            speed(&changing, 100 * index),
            speed(&run(&crowded(latency, rate)), 100),
        );
        assert!(
            (found - always).abs() < 3.0 + 0.02 * always
                && (always - expected).abs() < 0.08 * expected,
            "{found} at stage {index}, {always} if always so, {expected} by the curve"
        );
    }
}

#[test]
fn auto_commit_without_an_interval_lets_time_pass() {
    for client in [systems::profile("java"), systems::profile("aiokafka")] {
        let mut scenario = pair(client, CommitPolicy::Auto);
        scenario.settings[0].properties.auto_commit_interval = SimDuration::ZERO;
        scenario.cluster.round_trip = SimDuration::ZERO;
        let told = run(&scenario);
        assert!(told.total_lags().pop().expect("samples") < 50, "{client:?}");
    }
}

#[test]
fn metadata_that_is_never_too_young_shows_new_partitions_at_once() {
    let mut scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    scenario.settings[0].properties.metadata_max_age = SimDuration::ZERO;
    let told = run(&with(
        scenario,
        at_ms(30_000),
        Action::AddPartitions { to: 2 },
    ));
    let rebalanced = told.stable_at();
    let after = rebalanced
        .iter()
        .find(|at| **at >= at_ms(30_000))
        .expect("a rebalance");
    assert!(after.since(at_ms(30_000)) < secs(4));
}

/// A batch of 100 s, under a max.poll.interval.ms of `before` that becomes `after` at 50 s.
fn with_another_interval(before: u64, after: u64) -> Vec<SimTime> {
    let mut scenario = with_backlog(
        pair(systems::profile("java"), CommitPolicy::AfterBatch),
        5_000,
    );
    scenario.settings[0].processing.time = Law::Constant(0.2);
    scenario.settings[0].properties.max_poll_interval = secs(before);
    let mut other = scenario.settings[0].clone();
    other.properties.max_poll_interval = secs(after);
    scenario.settings.push(other);
    let told = run(&with(
        scenario,
        at_ms(50_000),
        Action::Adopt { settings: 1 },
    ));
    let evicted = told.find(|fact| matches!(fact, Fact::MemberEvicted { .. }).then_some(()));
    evicted.into_iter().map(|(at, ())| at).collect()
}

#[test]
fn max_poll_interval_taken_up_at_once_counts_for_the_batch_in_hand() {
    assert_eq!(with_another_interval(300, 300), []);
    assert_eq!(with_another_interval(80, 300), [], "longer: spared");
    let shorter = with_another_interval(300, 20);
    assert_eq!(shorter.first(), Some(&at_ms(50_000)), "shorter: overdue");
}

#[test]
fn a_batch_that_outlives_a_background_rejoin_is_evicted_all_the_same() {
    let mut scenario = with_backlog(
        pair(systems::profile("aiokafka"), CommitPolicy::AfterBatch),
        900,
    );
    scenario.settings[0].processing.time = Law::Constant(0.5);
    scenario.settings[0].properties.max_poll_interval = secs(60);
    scenario
        .group
        .processes
        .push(systems::process(2, Some(at_ms(58_500))));
    let who = owner(&run(&scenario), 30_000);
    let told = run(&scenario);
    let (at, reason) = evictions(&told, who)[0];
    assert_eq!(reason, None);
    assert!(at.since(at_ms(60_000)) < secs(8), "at {at}");
}

#[test]
fn a_process_wanted_again_while_it_stops_starts_once_it_is_gone() {
    let scenario = with_backlog(
        pair(systems::profile("java"), CommitPolicy::AfterBatch),
        9_000,
    );
    let everyone = vec![ProcessId(0), ProcessId(1)];
    let scenario = stop(scenario, everyone.clone(), 30_000, true);
    let told = run(&start(scenario, everyone, 30_100));
    assert_eq!(told.group.expect("a group").members.len(), 2);
}

#[test]
fn a_scale_down_calls_off_a_start_that_is_still_to_come() {
    let scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    let crash = Action::Crash {
        processes: vec![ProcessId(0)],
        restart_after: Some(secs(20)),
    };
    let scenario = with(scenario, at_ms(30_000), crash);
    let told = run(&stop(scenario, vec![ProcessId(0)], 40_000, true));
    let starts = told.find(|fact| match fact {
        Fact::ProcessStarted { process } => Some(*process),
        _ => None,
    });
    assert_eq!(
        starts
            .iter()
            .filter(|(_, who)| *who == ProcessId(0))
            .count(),
        1
    );
}

#[test]
fn a_rolling_restart_goes_on_when_the_process_it_waits_for_is_taken_away() {
    let scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    let restart = Action::Restart {
        processes: vec![ProcessId(0), ProcessId(1)],
        gap: secs(30),
        start_up: SimDuration::ZERO,
        graceful: true,
        rolling: true,
        settings: None,
    };
    let scenario = with(scenario, at_ms(30_000), restart);
    let told = run(&stop(scenario, vec![ProcessId(0)], 40_000, true));
    let group = told.group.clone().expect("a group");
    assert_eq!(group.members.len(), 1);
    let starts = told.find(|fact| match fact {
        Fact::ProcessStarted { process } => Some(*process),
        _ => None,
    });
    assert_eq!(
        starts
            .iter()
            .filter(|(_, who)| *who == ProcessId(1))
            .count(),
        2
    );
}

#[test]
fn a_batch_in_hand_at_a_background_rejoin_is_no_duplicate_if_its_client_committed_it() {
    let mut scenario = with_backlog(
        pair(systems::profile("aiokafka"), CommitPolicy::Auto),
        9_000,
    );
    scenario.settings[0].properties.max_poll_records = 500;
    scenario
        .group
        .processes
        .push(systems::process(2, Some(at_ms(52_000))));
    let told = run(&scenario);
    assert!(told.stable_at().len() > 1);
    assert_eq!(told.totals.partitions[0].duplicates, 0);
    assert_eq!(told.totals.partitions[0].lost, 0);
}

#[test]
fn what_was_sought_back_to_is_not_lost_when_its_consumer_closes() {
    let scenario = pair(systems::profile("java"), CommitPolicy::Auto);
    let seek = OnError::RetryForever(RetryBy::Seek { back_off: ms(100) });
    let scenario = with_poison(with_backlog(scenario, 2_000), at_offset(0, 70), None, seek);
    let told = run(&stop(
        scenario,
        vec![ProcessId(0), ProcessId(1)],
        30_000,
        true,
    ));
    assert_eq!(told.totals.partitions[0].lost, 0);
}

#[test]
fn a_poison_record_is_met_once_by_each_owner() {
    let scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    let seek = OnError::RetryForever(RetryBy::Seek { back_off: ms(100) });
    let told = run(&with_poison(
        with_backlog(scenario, 2_000),
        at_offset(0, 70),
        None,
        seek,
    ));
    let met = told.find(|fact| matches!(fact, Fact::PoisonMet { .. }).then_some(()));
    assert_eq!(met.len(), 1);
}

/// One thread serves both partitions: what is behind in the other one is the poison record's doing.
#[test]
fn a_poison_record_holds_up_the_other_partitions_of_its_thread() {
    for seeks in [false, true] {
        let mut scenario = systems::system(2, 1, 400.0, Law::Constant(0.001));
        scenario.horizon = secs(120);
        let handling = OnError::Retry {
            attempts: 4,
            back_off: BackOff {
                first: secs(10),
                multiplier: 1.0,
                max: secs(10),
            },
            then: GiveUp::Skip,
            seeks,
        };
        let scenario = with_poison(scenario, at_offset(0, 4_000), Some(ms(1)), handling);
        let told = run(&scenario);
        let states = |from: usize, to: usize| {
            let samples = told.samples[from..to].iter();
            samples
                .map(|(_, samples)| samples[1].state)
                .collect::<Vec<_>>()
        };
        // It comes after some 20 s. After 3 s there is more than a poll to be read.
        assert!(
            states(10, 18)
                .iter()
                .all(|state| *state == PartitionState::KeepingUp)
        );
        let stands = states(26, 48);
        let blocked = stands
            .iter()
            .filter(|state| **state == PartitionState::Blocked);
        assert!(blocked.count() >= 19, "{seeks}: {stands:?}");
    }
}

#[test]
fn partitions_are_orphaned_while_nobody_runs_and_rebalancing_once_somebody_does() {
    let scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    let everyone = vec![ProcessId(0), ProcessId(1)];
    for graceful in [true, false] {
        let scenario = stop(scenario.clone(), everyone.clone(), 30_000, graceful);
        let told = run(&start(scenario, vec![ProcessId(0)], 100_000));
        let states = states(&told);
        let at = |when: u64| {
            states
                .iter()
                .rfind(|(at, _)| *at <= at_ms(when))
                .map(|(_, s)| *s)
        };
        assert_eq!(
            at(60_000),
            Some(PartitionState::Orphaned),
            "graceful: {graceful}"
        );
        assert_eq!(
            at(100_001),
            Some(PartitionState::Rebalancing),
            "graceful: {graceful}"
        );
        let last = states.last().map(|(_, state)| *state);
        assert_eq!(
            last,
            Some(PartitionState::KeepingUp),
            "graceful: {graceful}"
        );
    }
}

#[test]
fn a_dead_process_sends_nothing_that_was_still_to_be_sent() {
    let mut scenario = pair(systems::profile("java"), CommitPolicy::AfterBatch);
    scenario.cluster.round_trip = ms(200);
    scenario
        .group
        .processes
        .push(systems::process(2, Some(at_ms(30_000))));
    // It dies while it looks for its coordinator, three round trips before its JoinGroup.
    let told = run(&stop(scenario, vec![ProcessId(2)], 30_100, false));
    let joined = told.find(|fact| match fact {
        Fact::RebalanceStarted { process, .. } => *process,
        _ => None,
    });
    assert!(
        joined.iter().all(|(_, who)| *who != ProcessId(2)),
        "{joined:?}"
    );
    let rebalances = told
        .stable_at()
        .iter()
        .filter(|at| **at > at_ms(20_000))
        .count();
    assert_eq!(rebalances, 0);
}
