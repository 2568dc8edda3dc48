//! Static members (KIP-345). The three members of the oracles, but for what the group is told of them.

use lagsim::kafka::{RebalanceReason, RemovalReason};
use lagsim::scenario::{Action, Scenario};
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::{PartitionId, ProcessId, SimDuration, SimTime};
use lagsim::workload::Law;

use crate::oracles::{
    A, B, C, D, T0, generations_after, resumed, resumes_at, start, stop, stopped, three_members,
};
use crate::systems::{Told, all_static, at_ms, ms, run, secs, with};

fn three_static_members() -> Scenario {
    all_static(three_members())
}

pub fn owned_by(told: &Told, process: u32) -> Vec<PartitionId> {
    let owned = told.find(|fact| match fact {
        Fact::PartitionsAssigned {
            process: who,
            partitions,
            ..
        } if *who == ProcessId(process) => Some(partitions.clone()),
        _ => None,
    });
    owned[0].1.clone()
}

/// States of a partition and when each began, from `after` [ms] on.
pub fn states(told: &Told, of: PartitionId, after: u64) -> Vec<(SimTime, PartitionState)> {
    let mut states = told.find(|fact| match fact {
        Fact::State {
            partition,
            state,
            since,
            ..
        } if *partition == of => Some((*since, *state)),
        _ => None,
    });
    states.retain(|(_, (since, _))| *since >= at_ms(after));
    let mut states: Vec<_> = states.into_iter().map(|(_, told)| told).collect();
    states.dedup_by_key(|(_, state)| *state);
    states
}

pub fn rebalances_after(told: &Told, after: u64) -> Vec<(SimTime, RebalanceReason)> {
    let mut started = told.find(|fact| match fact {
        Fact::RebalanceStarted { reason, .. } => Some(*reason),
        _ => None,
    });
    started.retain(|(at, _)| *at > at_ms(after));
    started
}

fn crash(scenario: Scenario, process: u32, at: u64, restart_after: SimDuration) -> Scenario {
    let crash = Action::Crash {
        processes: vec![ProcessId(process)],
        restart_after: Some(restart_after),
    };
    with(scenario, at_ms(at), crash)
}

/// The row of a static member in the table of rebalances: A and C untouched, B's partitions down as long as B is.
#[test]
fn a_static_member_back_within_its_session_stops_nobody_else() {
    let told = run(&crash(three_static_members(), B, T0, secs(5)));
    assert_eq!(rebalances_after(&told, 1_000), []);
    assert_eq!(generations_after(&told, 1_000), 0);
    for other in [A, C] {
        assert_eq!(stopped(&told, other, T0), None);
    }
    assert_eq!(resumed(&told, B, T0), resumes_at(T0 + 5_000, 0));
    let owned = owned_by(&told, B);
    assert!(!owned.is_empty());
    for partition in owned {
        assert_eq!(
            states(&told, partition, T0),
            [
                (at_ms(T0), PartitionState::Orphaned),
                (at_ms(T0 + 5_000), PartitionState::KeepingUp)
            ]
        );
    }
}

/// ApiVersions, Metadata, FindCoordinator, JoinGroup and its write, SyncGroup, OffsetFetch.
#[test]
fn a_static_restart_costs_its_gap_and_six_round_trips_and_a_write() {
    let mut scenario = three_static_members();
    scenario.cluster.round_trip = ms(10);
    scenario.cluster.commit_latency = ms(7);
    let restart = Action::Restart {
        processes: vec![ProcessId(B)],
        gap: secs(4),
        start_up: secs(1),
        graceful: true,
        rolling: true,
        settings: None,
    };
    let told = run(&with(scenario, at_ms(T0), restart));
    assert_eq!(rebalances_after(&told, 1_000), []);
    let back = T0 + 5_000;
    assert_eq!(resumed(&told, B, T0), resumes_at(back + 67, 67));
}

#[test]
fn no_leave_group_is_sent_so_a_static_member_that_stops_is_missed_at_the_end_of_its_session() {
    // It beats at T0 + 1.5 s modulo 3 s, so 1.5 s before T0 the last time.
    let told = run(&stop(three_static_members(), B, T0, true));
    let missed = T0 - 1_500 + 45_000;
    let rebalances = rebalances_after(&told, 1_000);
    assert!(matches!(
        rebalances[..],
        [(at, RebalanceReason::SessionExpired(_))] if at == at_ms(missed)
    ));
    for partition in owned_by(&told, B) {
        let states = states(&told, partition, T0);
        assert_eq!(states[0], (at_ms(T0), PartitionState::Orphaned));
        assert_eq!(states[1], (at_ms(missed), PartitionState::Rebalancing));
    }
}

/// A restart that takes longer than the session is a crash and a join.
#[test]
fn a_static_member_back_after_its_session_joins_anew() {
    let told = run(&crash(three_static_members(), B, T0, secs(60)));
    let reasons = rebalances_after(&told, 1_000);
    assert!(matches!(
        reasons[..],
        [
            (_, RebalanceReason::SessionExpired(_)),
            (at, RebalanceReason::MemberJoined(_))
        ] if at == at_ms(T0 + 60_000)
    ));
}

/// Eager: the whole group stands still until the missing one is back.
#[test]
fn a_join_while_a_static_member_is_away_waits_for_it() {
    let scenario = crash(three_static_members(), B, T0, secs(20));
    let told = run(&start(scenario, D, T0));
    assert_eq!(stopped(&told, A, T0), Some(at_ms(T0 + 500)));
    assert_eq!(stopped(&told, C, T0), Some(at_ms(T0 + 2_500)));
    assert_eq!(resumed(&told, A, T0), resumes_at(T0 + 20_000, 19_500));
    assert_eq!(resumed(&told, C, T0), resumes_at(T0 + 20_000, 17_500));
    assert_eq!(resumed(&told, B, T0), resumes_at(T0 + 20_000, 0));
    assert_eq!(generations_after(&told, 1_000), 1);
}

/// With a session longer than the rebalance timeout it is kept, with partitions that nobody reads.
#[test]
fn a_static_member_that_misses_the_barrier_keeps_partitions_that_nobody_reads() {
    let mut scenario = three_static_members();
    scenario.settings[0].properties.session_timeout = secs(200);
    scenario.settings[0].properties.max_poll_interval = secs(60);
    let scenario = start(stop(scenario, B, T0, false), D, T0 + 1_000);
    let told = run(&scenario);
    let barrier = at_ms(T0 + 61_000);
    for process in [A, C, D] {
        let (at, _) = resumed(&told, process, T0).expect("a resumption");
        assert_eq!(at, barrier);
    }
    let stable = told.samples.iter().find(|(at, _)| *at > barrier);
    let (_, samples) = stable.expect("a sample");
    let orphans = |sample: &&lagsim::sim::Sample| sample.state == PartitionState::Orphaned;
    // Seven partitions over four members.
    let count = samples.iter().filter(orphans).count();
    assert!((1..=2).contains(&count), "{count} orphans");
    // It has not synced either, which is the end of it after another rebalance timeout.
    let removed = told.find(|fact| match fact {
        Fact::MemberEvicted {
            removal: Some(reason),
            ..
        } => Some(*reason),
        _ => None,
    });
    assert_eq!(removed, [(at_ms(T0 + 121_000), RemovalReason::SyncTimeout)]);
}

/// One record of B's takes `length` seconds.
fn a_long_record(length: f64) -> (Scenario, PartitionId) {
    let mut scenario = three_static_members();
    scenario.horizon = secs(500);
    let partition = owned_by(&run(&scenario), B)[0];
    scenario.topic.partitions[partition.ix()].log_end = 1;
    scenario.settings[0].processing.time = Law::Constant(length);
    (scenario, partition)
}

fn evictions(told: &Told) -> Vec<(SimTime, Option<RemovalReason>)> {
    told.find(|fact| match fact {
        Fact::MemberEvicted { process, removal } if *process == ProcessId(B) => Some(*removal),
        _ => None,
    })
}

/// Heartbeats stop at max.poll.interval.ms, the group learns of it by the session.
#[test]
fn a_static_member_that_breaches_the_poll_interval_is_missed_a_session_later() {
    let (scenario, partition) = a_long_record(400.0);
    let told = run(&scenario);
    // One story, although the session ends too.
    assert_eq!(evictions(&told), [(SimTime::from_secs(300), None)]);
    // Polled at zero; it beats at T0 + 1.5 s = 11.5 s modulo 3 s, so at 299.5 s the last time.
    let missed = at_ms(299_500 + 45_000);
    let rebalances = rebalances_after(&told, 1_000);
    assert!(matches!(
        rebalances[..],
        [
            (at, RebalanceReason::SessionExpired(_)),
            (back, RebalanceReason::MemberJoined(_))
        ] if at == missed && back == at_ms(400_100)
    ));
    let idle = states(&told, partition, 0);
    assert!(idle.contains(&(SimTime::ZERO, PartitionState::Evicted)));
    assert!(idle.contains(&(missed, PartitionState::Rebalancing)));
}

/// It reads from the commit again, and nobody else notices.
#[test]
fn a_static_member_that_polls_again_within_its_session_takes_its_own_place() {
    let (mut scenario, partition) = a_long_record(320.0);
    scenario.horizon = secs(700);
    let told = run(&scenario);
    assert_eq!(evictions(&told)[0], (SimTime::from_secs(300), None));
    let back = at_ms(320_100);
    let before: Vec<_> = rebalances_after(&told, 1_000);
    assert_eq!(before, []);
    let lost = told.find(|fact| match fact {
        Fact::PartitionsRevoked { lost: true, .. } => Some(()),
        _ => None,
    });
    assert_eq!(lost[0].0, SimTime::from_secs(300));
    let (at, _) = resumed(&told, B, 310_000).expect("a resumption");
    assert_eq!(at, back);
    assert!(told.totals.partitions[partition.ix()].duplicates > 0);
}

/// KIP-814: it takes what it knows as it comes back for assigned, so what was added while it was away is missed until
/// something else rebalances the group.
#[test]
fn partitions_that_come_while_a_static_leader_is_away_are_nobodys() {
    let added = with(
        three_static_members(),
        at_ms(T0 + 1_000),
        Action::AddPartitions { to: 8 },
    );
    let mut scenario = added;
    scenario.settings[0].properties.metadata_max_age = secs(5);
    let new = |told: &Told| {
        let samples = told.samples.last().expect("samples");
        samples.1[7].state
    };
    // A joined first, so it leads; without its restart it sees the eighth partition within 5 s.
    assert_eq!(new(&run(&scenario)), PartitionState::KeepingUp);
    let away = |who| run(&crash(scenario.clone(), who, T0, secs(5)));
    assert_eq!(new(&away(A)), PartitionState::Starting);
    assert_eq!(new(&away(B)), PartitionState::KeepingUp);
    // Another trigger helps.
    let told = run(&start(
        crash(scenario.clone(), A, T0, secs(5)),
        D,
        T0 + 30_000,
    ));
    assert_eq!(new(&told), PartitionState::KeepingUp);
}
