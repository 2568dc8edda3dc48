//! Outages of the dependency: attempts that fail, circuit breakers, and what members do while one is open.

use lagsim::scenario::{
    Action, CommitPolicy, Downstream, DownstreamChange, OnOutage, Scenario, WhileOpen,
};
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::{ProcessId, SimDuration, SimTime};
use lagsim::workload::{BreakerConfig, BreakerState, Law};

use crate::systems::{self, Told, at_ms, run, secs, with};

const PAUSE: WhileOpen = WhileOpen::Buffer { records: 0 };
const BUFFER: WhileOpen = WhileOpen::Buffer { records: 1_000 };

/// One partition and one member, 20 records per second of 11 ms each, and an outage from 100 s to 600 s.
fn system(outage: DownstreamChange, on_outage: OnOutage) -> Scenario {
    let mut scenario = systems::system(1, 1, 20.0, Law::Constant(0.01));
    scenario.horizon = secs(1_200);
    scenario.settings[0].processing.calls = vec![1];
    scenario.downstreams = vec![Downstream {
        on_outage,
        ..Downstream::new("bank", Law::Constant(0.001))
    }];
    let scenario = with(scenario, at_ms(100_000), Action::Downstream(0, outage));
    let resume = Action::Downstream(0, DownstreamChange::Resume);
    with(scenario, at_ms(600_000), resume)
}

/// Calls that hang time out after 2 s and are tried again 1 s later.
fn timing_out(while_open: Option<WhileOpen>) -> OnOutage {
    let config = BreakerConfig {
        sliding_window_size: 10,
        minimum_number_of_calls: 10,
        permitted_number_of_calls_in_half_open_state: 2,
        ..BreakerConfig::default()
    };
    OnOutage {
        timeout: Some(secs(2)),
        back_off: secs(1),
        gives_up: None,
        breaker: while_open.map(|while_open| (config, while_open)),
    }
}

fn hanging(while_open: Option<WhileOpen>) -> Scenario {
    system(DownstreamChange::Stop, timing_out(while_open))
}

fn committing(mut scenario: Scenario, commit: CommitPolicy) -> Scenario {
    scenario.settings[0].processing.commit = commit;
    scenario.settings[0].properties.enable_auto_commit = commit == CommitPolicy::Auto;
    scenario
}

fn turns(told: &Told) -> Vec<(f64, BreakerState)> {
    let found = told.find(|fact| match fact {
        Fact::BreakerTurned { state, .. } => Some(*state),
        _ => None,
    });
    let timed = found.into_iter();
    timed.map(|(at, state)| (at.as_secs_f64(), state)).collect()
}

fn evictions(told: &Told) -> usize {
    let evicted = told.find(|fact| matches!(fact, Fact::MemberEvicted { .. }).then_some(()));
    evicted.len()
}

/// Records handed out and not committed at a full second.
fn in_hand(told: &Told, at: usize) -> u64 {
    let sample = &told.samples[at].1[0];
    sample.position - sample.committed.unwrap_or(0)
}

#[test]
fn a_breaker_opens_with_the_failures_its_window_allows_and_tries_again_after_its_wait() {
    for while_open in [WhileOpen::Block, PAUSE] {
        let told = run(&hanging(Some(while_open)));
        let turns = turns(&told);
        // Five of ten calls fail: the first after 2 s, each further one 3 s later.
        let opened = turns[0].0;
        assert!((114.0..114.3).contains(&opened), "opened at {opened}");
        assert!(matches!(turns[0].1, BreakerState::Open { .. }));
        // 60 s later two calls are let through, which fail after 2 s and 5 s.
        assert_eq!(turns[1], (opened + 60.0, BreakerState::HalfOpen));
        assert!(matches!(turns[2].1, BreakerState::Open { .. }));
        let again = turns[2].0 - turns[1].0;
        assert!(
            (again - 5.0).abs() < 1e-6,
            "{while_open:?}: again after {again}"
        );
        let last = turns.last().expect("turns");
        assert_eq!(last.1, BreakerState::Closed);
        assert!(last.0 > 600.0 && last.0 < 680.0, "closed at {}", last.0);
        assert_eq!(
            turns.len() % 2,
            1,
            "{while_open:?}: every wait is told: {turns:?}"
        );
    }
}

#[test]
fn a_member_that_waits_for_its_dependency_is_evicted_and_one_that_polls_on_is_not() {
    assert_eq!(evictions(&run(&hanging(None))), 1);
    assert_eq!(evictions(&run(&hanging(Some(WhileOpen::Block)))), 1);
    assert_eq!(evictions(&run(&hanging(Some(PAUSE)))), 0);
    assert_eq!(evictions(&run(&hanging(Some(BUFFER)))), 0);
}

/// Whether its attempts are made again and again, or wait for its breaker.
#[test]
fn a_client_that_beats_between_records_is_missed_a_session_after_its_last_heartbeat() {
    for while_open in [None, Some(WhileOpen::Block)] {
        for outage in [DownstreamChange::Stop, DownstreamChange::Fail] {
            let mut scenario = system(outage.clone(), timing_out(while_open));
            scenario.settings[0].client = systems::profile("kafkajs");
            scenario.settings[0].properties.session_timeout = secs(30);
            if let Some((config, _)) = &mut scenario.downstreams[0].on_outage.breaker {
                config.wait_duration_in_open_state = secs(5); // It tries again before the session is over.
            }
            let second = systems::process(1, Some(SimTime::ZERO));
            scenario.group.processes.push(second);
            scenario.topic.partitions.push(scenario.topic.partitions[0]);
            scenario.production.shares[0].of = vec![0.5, 0.5];
            let told = run(&scenario);
            let evicted =
                told.find(|fact| matches!(fact, Fact::MemberEvicted { .. }).then_some(()));
            let evicted: Vec<f64> = evicted.iter().map(|(at, ())| at.as_secs_f64()).collect();
            // Its last commit renews its session as its last heartbeat does, at most 3 s before.
            let first: Vec<&f64> = evicted.iter().take(2).collect();
            let in_time = first.iter().all(|at| (127.0..131.0).contains(*at));
            assert!(
                first.len() == 2 && in_time,
                "{while_open:?} {outage:?}: {evicted:?}"
            );
        }
    }
}

#[test]
fn an_outage_leaves_no_record_behind_and_repeats_none_of_those_kept() {
    for while_open in [PAUSE, BUFFER] {
        for commit in [
            CommitPolicy::Auto,
            CommitPolicy::AfterBatch,
            CommitPolicy::PerRecord,
            CommitPolicy::Async,
        ] {
            let told = run(&committing(hanging(Some(while_open)), commit));
            let totals = told.totals.partitions[0];
            let last = told.total_lags().pop().expect("samples");
            assert!(last < 200, "{while_open:?} {commit:?}: {last} behind");
            assert_eq!(totals.duplicates, 0, "{while_open:?} {commit:?}");
            assert_eq!(totals.lost, 0, "{while_open:?} {commit:?}");
            assert!(totals.produced - totals.processed < 200);
        }
    }
}

#[test]
fn while_a_breaker_is_open_a_pause_reads_nothing_and_a_buffer_up_to_its_bound() {
    assert!(in_hand(&run(&hanging(Some(PAUSE))), 170) < 20);
    let reads_on = in_hand(&run(&hanging(Some(BUFFER))), 140);
    assert!((700..900).contains(&reads_on), "{reads_on} in 40 s at 20/s");
    assert_eq!(in_hand(&run(&hanging(Some(BUFFER))), 500), 1_000);
}

#[test]
fn a_crash_loses_what_is_in_the_buffer_if_the_client_has_committed_it_and_repeats_it_otherwise() {
    for (commit, loses) in [
        (CommitPolicy::Auto, true),
        (CommitPolicy::AfterBatch, false),
    ] {
        let scenario = committing(hanging(Some(BUFFER)), commit);
        let crash = Action::Crash {
            processes: vec![ProcessId(0)],
            restart_after: Some(secs(5)),
        };
        let told = run(&with(scenario, at_ms(400_000), crash));
        let totals = told.totals.partitions[0];
        let lost = totals.lost;
        if loses {
            assert_eq!(lost, 1_000, "the whole buffer");
        } else {
            assert_eq!(lost, 0);
            assert!(totals.produced - totals.processed < 200);
        }
    }
}

#[test]
fn a_rebalance_does_not_wait_for_a_member_that_polls_on() {
    let joined = |while_open| {
        let mut scenario = hanging(while_open);
        let start = Some(SimTime::ZERO + secs(300));
        scenario.group.processes.push(systems::process(1, start));
        let stable = run(&scenario).stable_at();
        stable[1].as_secs_f64() - 300.0
    };
    assert!(
        joined(Some(PAUSE)) < 4.0,
        "a heartbeat and a few round trips"
    );
    assert!(joined(Some(BUFFER)) < 4.0);
    // Its batch in hand keeps it from rejoining until max.poll.interval.ms evicts it.
    assert!(joined(None) > 90.0);
    assert!(joined(Some(WhileOpen::Block)) > 90.0);
}

#[test]
fn a_refused_call_is_made_again_after_its_back_off() {
    let on_outage = OnOutage {
        back_off: secs(40),
        ..OnOutage::default()
    };
    let mut scenario = system(DownstreamChange::Fail, on_outage);
    let resume = scenario.timeline.last_mut().expect("the end of the outage");
    resume.at = at_ms(150_000);
    let told = run(&scenario);
    let committed = |at: usize| told.samples[at].1[0].committed;
    // Refused at 100 s and at 140 s; the attempt at 180 s succeeds.
    assert_eq!(committed(101), committed(179));
    assert!(committed(182) > committed(179));
}

#[test]
fn a_call_that_hangs_when_the_dependency_is_back_goes_on() {
    let mut scenario = system(
        DownstreamChange::Stop,
        OnOutage {
            timeout: Some(secs(60)),
            back_off: secs(60),
            ..OnOutage::default()
        },
    );
    scenario.timeline[1].at = at_ms(150_000);
    let told = run(&scenario);
    let committed = |at: usize| told.samples[at].1[0].committed;
    assert_eq!(committed(101), committed(149));
    assert!(committed(152) > committed(149), "it has not timed out yet");
    scenario.timeline[1].at = at_ms(170_000);
    let told = run(&scenario);
    let committed = |at: usize| told.samples[at].1[0].committed;
    assert_eq!(
        committed(101),
        committed(218),
        "it waits for its next attempt"
    );
    assert!(committed(223) > committed(218));
}

#[test]
fn lag_behind_an_open_breaker_is_throttled() {
    for while_open in [WhileOpen::Block, PAUSE, BUFFER] {
        let mut scenario = hanging(Some(while_open));
        scenario.timeline[1].at = at_ms(120_000);
        // The dependency is back, and the breaker still open.
        let told = run(&scenario);
        let state = told.samples[160].1[0].state;
        assert_eq!(state, PartitionState::Throttled, "{while_open:?}");
    }
}

#[test]
fn members_of_a_shared_limit_come_back_from_an_outage_each_by_its_own_breaker() {
    for client in [systems::profile("java"), systems::profile("aiokafka")] {
        let mut scenario = hanging(Some(BUFFER));
        scenario.settings[0].client = client;
        scenario.settings[0].processing.concurrency = 4;
        scenario
            .group
            .processes
            .push(systems::process(1, Some(SimTime::ZERO)));
        if let Some(downstream) = scenario.downstreams.first_mut() {
            downstream.limit = Some(lagsim::scenario::RateLimit {
                rate: 100.0,
                burst: 1.0,
            });
        }
        let told = run(&scenario);
        let last = told.total_lags().pop().expect("samples");
        assert!(last < 200, "{client:?}: {last} behind");
        assert_eq!(evictions(&told), 0);
    }
}

#[test]
fn a_refusal_without_a_pause_between_attempts_lets_time_pass() {
    let on_outage = OnOutage {
        back_off: SimDuration::from_nanos(1),
        ..OnOutage::default()
    };
    let told = run(&system(DownstreamChange::Fail, on_outage));
    assert!(told.total_lags().pop().expect("samples") < 200);
}

/// While a breaker is open lag grows at the rate of production; afterwards it drains at what is left of the capacity.
#[test]
fn lag_grows_with_the_rate_behind_an_open_breaker_and_drains_with_the_rest_of_the_capacity() {
    let mut scenario = hanging(Some(PAUSE));
    scenario.settings[0].properties.max_poll_records = 50;
    let told = run(&scenario);
    let lags = told.total_lags();
    let grown = lags[580] as f64 - lags[180] as f64;
    let deviation = (20.0_f64 * 400.0).sqrt();
    assert!((grown - 20.0 * 400.0).abs() < 4.0 * deviation, "{grown}");
    // 50 records of 11 ms and a commit of 4 ms: 90.3/s, of which 20/s are new.
    let closed = turns(&told).last().expect("turns").0 as usize + 5;
    let drained = lags[closed] as f64 - lags[closed + 60] as f64;
    let rate = drained / 60.0;
    assert!((rate - 70.3).abs() < 3.0, "{rate}/s drained");
}
