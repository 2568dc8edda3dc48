//! Rebalances of Kafka's eager protocol whose every instant is known. No latency, no records: what is left is the
//! phases of the heartbeats, the rest of a batch, and the coordinator's timers.
//!
//! Three members share seven partitions; their next heartbeats after the trigger at [`T0`] are 0.5 s, 1.5 s and 2.5 s
//! later. Phases start at the answer of a JoinGroup, so a freeze of a member sets its own: it beats as it thaws.

use lagsim::kafka::RebalanceReason;
use lagsim::scenario::{Action, Scenario};
use lagsim::sim::Fact;
use lagsim::units::{ProcessId, SimDuration, SimTime};
use lagsim::workload::Law;

use crate::systems::{self, Told, at_ms, ms, run, secs, with};

pub const A: u32 = 0;
pub const B: u32 = 1;
pub const C: u32 = 2;
pub const D: u32 = 3;

/// The trigger of every scenario.
pub const T0: u64 = 10_000;

/// A, B and C are Stable; they beat at T0 + 0.5 s, 1.5 s and 2.5 s and every 3 s before and after. D has not started.
pub fn three_members() -> Scenario {
    let mut scenario = systems::system(7, 3, 0.0, Law::Constant(0.001));
    scenario.horizon = secs(400);
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    scenario.settings[0].properties.retry_backoff = SimDuration::ZERO;
    scenario.group.processes.push(systems::process(D, None));
    for (process, thaws) in [(A, 7_500), (B, 8_500), (C, 6_500)] {
        scenario = freeze(scenario, process, thaws - 100, thaws);
    }
    scenario.timeline.sort_by_key(|entry| entry.at);
    scenario
}

pub fn freeze(scenario: Scenario, process: u32, from: u64, to: u64) -> Scenario {
    let processes = vec![ProcessId(process)];
    let length = ms(to - from);
    with(scenario, at_ms(from), Action::Freeze { processes, length })
}

pub fn start(scenario: Scenario, process: u32, at: u64) -> Scenario {
    let processes = vec![ProcessId(process)];
    let start_up = SimDuration::ZERO;
    with(
        scenario,
        at_ms(at),
        Action::Start {
            processes,
            start_up,
        },
    )
}

pub fn stop(scenario: Scenario, process: u32, at: u64, graceful: bool) -> Scenario {
    let processes = vec![ProcessId(process)];
    with(
        scenario,
        at_ms(at),
        Action::Stop {
            processes,
            graceful,
        },
    )
}

/// When a process gave its partitions up, after `after`.
pub fn stopped(told: &Told, process: u32, after: u64) -> Option<SimTime> {
    let stops = told.find(|fact| match fact {
        Fact::PartitionsRevoked { process: who, .. } if *who == ProcessId(process) => Some(()),
        _ => None,
    });
    let mut stops = stops.into_iter().map(|(at, ())| at);
    stops.find(|at| *at >= at_ms(after))
}

/// When a process read again, after `after`, and how long it had stood still.
pub fn resumed(told: &Told, process: u32, after: u64) -> Option<(SimTime, SimDuration)> {
    let resumptions = told.resumptions(process);
    let mut resumptions = resumptions.into_iter();
    let found = resumptions.find(|(at, _)| *at >= at_ms(after));
    found.map(|(at, since)| (at, at.since(since)))
}

pub fn generations_after(told: &Told, after: u64) -> usize {
    let started = told.find(|fact| matches!(fact, Fact::GenerationStarted { .. }).then_some(()));
    started.iter().filter(|(at, ())| *at > at_ms(after)).count()
}

/// At `at` [ms], with a pause of `pause` [ms].
pub fn resumes_at(at: u64, pause: u64) -> Option<(SimTime, SimDuration)> {
    Some((at_ms(at), ms(pause)))
}

#[test]
fn the_three_members_are_stable_and_share_seven_partitions_before_the_trigger() {
    let told = run(&three_members());
    assert_eq!(told.stable_at(), [SimTime::ZERO]);
    let group = told.group.expect("a view");
    let mut sizes: Vec<usize> = group.members.iter().map(|m| m.partitions.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 2, 2, 3][1..]);
}

/// Everyone stops at its own beat and waits for the last one.
#[test]
fn a_join_stops_each_member_at_its_beat_until_the_last_beat() {
    let told = run(&start(three_members(), D, T0));
    assert_eq!(stopped(&told, A, T0), Some(at_ms(T0 + 500)));
    assert_eq!(stopped(&told, B, T0), Some(at_ms(T0 + 1_500)));
    assert_eq!(stopped(&told, C, T0), Some(at_ms(T0 + 2_500)));
    assert_eq!(resumed(&told, A, T0), resumes_at(T0 + 2_500, 2_000));
    assert_eq!(resumed(&told, B, T0), resumes_at(T0 + 2_500, 1_000));
    assert_eq!(resumed(&told, C, T0), resumes_at(T0 + 2_500, 0));
    assert_eq!(resumed(&told, D, T0), resumes_at(T0 + 2_500, 2_500));
    assert_eq!(generations_after(&told, 1_000), 1);
}

/// The batch in hand decides when a member is back at poll(): the slow one does not wait at all.
#[test]
fn a_join_waits_for_the_rest_of_a_batch() {
    let mut scenario = start(three_members(), D, T0);
    // One record for B alone: the batch that has 20 s left at the trigger.
    let owned = run(&three_members()).find(|fact| match fact {
        Fact::PartitionsAssigned {
            process: ProcessId(B),
            partitions,
            ..
        } => partitions.first().copied(),
        _ => None,
    });
    let partition = owned[0].1;
    scenario.topic.partitions[partition.ix()].log_end = 1;
    // It begins at zero and stands still for 0.1 s of B's freeze.
    scenario.settings[0].processing.time = Law::Constant((T0 + 20_000 - 100) as f64 / 1_000.0);
    let told = run(&scenario);
    assert_eq!(stopped(&told, A, T0), Some(at_ms(T0 + 500)));
    assert_eq!(stopped(&told, B, T0), Some(at_ms(T0 + 20_000)));
    assert_eq!(stopped(&told, C, T0), Some(at_ms(T0 + 2_500)));
    assert_eq!(resumed(&told, A, T0), resumes_at(T0 + 20_000, 19_500));
    assert_eq!(resumed(&told, B, T0), resumes_at(T0 + 20_000, 0));
    assert_eq!(resumed(&told, C, T0), resumes_at(T0 + 20_000, 17_500));
}

#[test]
fn a_clean_leave_stops_the_others_until_the_last_beat() {
    let told = run(&stop(three_members(), B, T0, true));
    assert_eq!(stopped(&told, A, T0), Some(at_ms(T0 + 500)));
    assert_eq!(stopped(&told, C, T0), Some(at_ms(T0 + 2_500)));
    assert_eq!(resumed(&told, A, T0), resumes_at(T0 + 2_500, 2_000));
    assert_eq!(resumed(&told, C, T0), resumes_at(T0 + 2_500, 0));
    assert_eq!(generations_after(&told, 1_000), 1);
}

/// B's last beat is 1.0 s before the crash, so its session of 45 s ends 44.0 s after it.
#[test]
fn a_crash_goes_unnoticed_for_the_rest_of_the_session() {
    let crash = T0 - 1_500 + 1_000;
    let told = run(&stop(three_members(), B, crash, false));
    let started = told.find(|fact| match fact {
        Fact::RebalanceStarted {
            reason: reason @ RebalanceReason::SessionExpired(_),
            ..
        } => Some(*reason),
        _ => None,
    });
    let expired = crash + 44_000;
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].0, at_ms(expired));
    // A beats at T0 + 0.5 s and C at T0 + 2.5 s modulo 3 s.
    let next = |phase: u64| (T0 + phase..).step_by(3_000).find(|at| *at >= expired);
    let (a, c) = (next(500).unwrap_or(0), next(2_500).unwrap_or(0));
    let barrier = a.max(c);
    assert_eq!(stopped(&told, A, T0), Some(at_ms(a)));
    assert_eq!(stopped(&told, C, T0), Some(at_ms(c)));
    assert_eq!(resumed(&told, A, T0), resumes_at(barrier, barrier - a));
    assert_eq!(resumed(&told, C, T0), resumes_at(barrier, barrier - c));
}

/// The new process' join starts a barrier that waits for the dead one's session: a fast restart makes it worse.
#[test]
fn a_quick_restart_after_a_crash_stops_everyone_until_the_dead_member_expires() {
    // Killed 1.0 s after its last beat; A's next beat comes 6 s and C's 7 s after the kill.
    let mut scenario = systems::system(7, 3, 0.0, Law::Constant(0.001));
    scenario.horizon = secs(400);
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    scenario.settings[0].properties.retry_backoff = SimDuration::ZERO;
    for (process, thaws) in [(B, T0 - 1_000), (A, T0 - 3_000), (C, T0 - 2_000)] {
        scenario = freeze(scenario, process, thaws - 100, thaws);
    }
    scenario.timeline.sort_by_key(|entry| entry.at);
    let crash = Action::Crash {
        processes: vec![ProcessId(B)],
        restart_after: Some(secs(5)),
    };
    let told = run(&with(scenario, at_ms(T0), crash));
    assert_eq!(stopped(&told, A, T0), Some(at_ms(T0 + 6_000)));
    assert_eq!(stopped(&told, C, T0), Some(at_ms(T0 + 7_000)));
    assert_eq!(resumed(&told, A, T0), resumes_at(T0 + 44_000, 38_000));
    assert_eq!(resumed(&told, C, T0), resumes_at(T0 + 44_000, 37_000));
    assert_eq!(resumed(&told, B, T0), resumes_at(T0 + 44_000, 39_000));
}

/// The heartbeat thread leaves at max.poll.interval.ms; the application's next poll joins as a new member.
#[test]
fn a_breach_of_the_poll_interval_is_a_leave_and_then_a_join() {
    let mut scenario = three_members();
    scenario.horizon = secs(900);
    let owned = run(&scenario).find(|fact| match fact {
        Fact::PartitionsAssigned {
            process: ProcessId(B),
            partitions,
            ..
        } => partitions.first().copied(),
        _ => None,
    });
    scenario.topic.partitions[owned[0].1.ix()].log_end = 1;
    scenario.settings[0].processing.time = Law::Constant(400.0);
    let told = run(&scenario);
    let left = told.find(|fact| match fact {
        Fact::MemberEvicted {
            process: ProcessId(B),
            removal: None,
        } => Some(()),
        _ => None,
    });
    // Polled at zero.
    assert_eq!(left[0].0, SimTime::from_secs(300));
    let failed = told.find(|fact| match fact {
        Fact::CommitFailed {
            process: ProcessId(B),
            error: None,
            records: 1,
        } => Some(()),
        _ => None,
    });
    // 400 s of work, and 0.1 s of standing still.
    assert_eq!(failed[0].0, at_ms(400_100));
    let reasons = told.find(|fact| match fact {
        Fact::RebalanceStarted {
            reason,
            process: Some(ProcessId(B)),
            ..
        } => Some(*reason),
        _ => None,
    });
    let leaves = |reason: &RebalanceReason| matches!(reason, RebalanceReason::MemberLeft(_));
    let after: Vec<_> = reasons.iter().filter(|(at, _)| *at > at_ms(1)).collect();
    assert!(leaves(&after[0].1) && after[0].0 == SimTime::from_secs(300));
    assert!(!leaves(&after[1].1) && after[1].0 == at_ms(400_100));
}

/// group.initial.rebalance.delay.ms is extended window by window while members keep coming.
#[test]
fn joins_of_an_empty_group_at_0_1_4_and_8_s_complete_at_12_s() {
    let mut scenario = systems::system(7, 0, 0.0, Law::Constant(0.001));
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    scenario.cluster.properties.initial_rebalance_delay = secs(3);
    for (index, start) in [0, 1_000, 4_000, 8_000].into_iter().enumerate() {
        let process = systems::process(index as u32, Some(at_ms(start)));
        scenario.group.processes.push(process);
    }
    let told = run(&scenario);
    assert_eq!(told.stable_at(), [at_ms(12_000)]);
    for process in 0..4 {
        assert_eq!(told.resumptions(process).len(), 1);
    }
}

#[test]
fn a_single_member_of_an_empty_group_starts_after_one_delay() {
    let mut scenario = systems::system(7, 1, 0.0, Law::Constant(0.001));
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    scenario.cluster.properties.initial_rebalance_delay = secs(3);
    assert_eq!(run(&scenario).stable_at(), [at_ms(3_000)]);
}

/// Each restart is a leave and a join, and with aligned beats nobody stands still for either.
#[test]
fn a_rolling_restart_of_three_members_makes_six_generations() {
    let told = run(&systems::restarted_in_turn());
    let barriers = told.find(|fact| matches!(fact, Fact::GenerationStarted { .. }).then_some(()));
    let barriers: Vec<SimTime> = barriers.into_iter().map(|(at, ())| at).collect();
    // 1.5 s after a leave; 0.5 s after the join 10 s later.
    let expected = [0, 33_000, 42_000, 54_000, 63_000, 75_000, 84_000];
    assert_eq!(barriers, expected.map(at_ms));
    let pauses = told.find(|fact| match fact {
        Fact::MemberResumed { since, .. } => Some(*since),
        _ => None,
    });
    let stood: Vec<_> = pauses
        .iter()
        .filter(|(at, since)| at != since && *at > at_ms(1_000))
        .map(|(at, since)| at.since(*since))
        .collect();
    // Only the restarted ones wait, from their start on.
    assert_eq!(stood, [ms(500); 3]);
}
