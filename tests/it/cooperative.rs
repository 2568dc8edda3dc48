//! Rebalances of the cooperative protocol (KIP-429): the scenarios of the eager oracles, and what only members that read
//! on can meet. In the oracles A has three of the seven partitions, B and C two each.

use lagsim::kafka::{Assignor, KafkaError, RebalanceReason, RemovalReason};
use lagsim::scenario::{Action, CommitPolicy, Scenario};
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::{PartitionId, ProcessId, SimDuration, SimTime};
use lagsim::workload::{Law, Pattern};

use crate::oracles::{A, B, C, D, T0, resumed, resumes_at, start, stop, three_members};
use crate::statics::{owned_by, rebalances_after, states};
use crate::systems::{self, Told, all_static, at_ms, ms, run, secs, with};

fn cooperative(mut scenario: Scenario) -> Scenario {
    for settings in &mut scenario.settings {
        settings.properties.assignor = Assignor::CooperativeSticky;
    }
    scenario
}

/// The three members of the eager oracles with the first seed by which A has three partitions.
fn three_cooperative_members() -> Scenario {
    let mut scenario = cooperative(three_members());
    while owned_by(&run(&scenario), A).len() != 3 {
        scenario.seed += 1;
    }
    scenario
}

/// What a process gave up after `after` [ms], and when.
fn revoked(told: &Told, process: u32, after: u64) -> Vec<(SimTime, Vec<PartitionId>)> {
    let mut revoked = told.find(|fact| match fact {
        Fact::PartitionsRevoked {
            process: who,
            partitions,
            ..
        } if *who == ProcessId(process) => Some(partitions.clone()),
        _ => None,
    });
    revoked.retain(|(at, _)| *at > at_ms(after));
    revoked
}

/// When the barriers after `after` [ms] completed.
fn generations(told: &Told, after: u64) -> Vec<SimTime> {
    let started = told.find(|fact| matches!(fact, Fact::GenerationStarted { .. }).then_some(()));
    let started = started.into_iter().map(|(at, ())| at);
    started.filter(|at| *at > at_ms(after)).collect()
}

/// The last assignment of a process.
fn owned_last(told: &Told, process: u32) -> Vec<PartitionId> {
    let owned = told.find(|fact| match fact {
        Fact::PartitionsAssigned {
            process: who,
            partitions,
            ..
        } if *who == ProcessId(process) => Some(partitions.clone()),
        _ => None,
    });
    owned.last().expect("an assignment").1.clone()
}

/// Whether none of a process' own partitions had another state than keeping up after `after` [ms].
fn never_stopped(told: &Told, process: u32, after: u64) -> bool {
    let own = owned_last(told, process);
    own.iter().all(|id| states(told, *id, after).is_empty())
}

/// When a process' commits were refused because the group rebalanced.
fn refusals(told: &Told, process: u32) -> Vec<SimTime> {
    let refused = told.find(|fact| match fact {
        Fact::CommitFailed {
            process: who,
            error: Some(KafkaError::RebalanceInProgress),
            ..
        } if *who == ProcessId(process) => Some(()),
        _ => None,
    });
    refused.into_iter().map(|(at, ())| at).collect()
}

/// Two rounds: at the sync A drops one partition and rejoins, the others notice a heartbeat interval later.
#[test]
fn a_join_takes_two_rounds_and_only_the_partition_that_moves_is_down() {
    let told = run(&start(three_cooperative_members(), D, T0));
    let (first, second) = (at_ms(T0 + 2_500), at_ms(T0 + 5_500));
    assert_eq!(generations(&told, 1_000), [first, second]);
    let dropped = revoked(&told, A, 1_000);
    assert_eq!(dropped.len(), 1);
    let (at, moved) = &dropped[0];
    assert_eq!((*at, moved.len()), (first, 1));
    assert_eq!(owned_last(&told, D), *moved);
    assert_eq!(
        states(&told, moved[0], T0),
        [
            (first, PartitionState::Rebalancing),
            (second, PartitionState::KeepingUp)
        ]
    );
    for other in [B, C] {
        assert_eq!(revoked(&told, other, 1_000), []);
    }
    for process in [A, B, C] {
        assert!(never_stopped(&told, process, T0));
        assert_eq!(resumed(&told, process, T0), None);
    }
    assert_eq!(resumed(&told, D, T0), resumes_at(T0 + 5_500, 5_500));
    let reasons = rebalances_after(&told, 1_000);
    assert!(matches!(
        reasons[..],
        [
            (_, RebalanceReason::MemberJoined(_)),
            (at, RebalanceReason::MemberRejoined(_))
        ] if at == first
    ));
}

/// Refused: A 0.5 s to 2.5 s and, as it rejoins at once, to 5.5 s; B 1.5 s to 2.5 s; C not at all.
#[test]
fn members_read_on_in_a_rebalance_and_cannot_commit() {
    let mut scenario = start(three_cooperative_members(), D, T0);
    scenario.production = systems::system(7, 3, 700.0, Law::Constant(0.001)).production;
    // Batches of 1 ms; nothing may be left of one when a beat comes.
    let told = run(&scenario);
    let within =
        |at: &SimTime, from: u64, to: u64| (at_ms(T0 + from)..at_ms(T0 + to + 5)).contains(at);
    let of_a = refusals(&told, A);
    assert!(of_a.iter().all(|at| within(at, 500, 5_500)), "{of_a:?}");
    for (from, to) in [(500, 600), (2_400, 2_500), (2_600, 2_700), (5_400, 5_500)] {
        assert!(of_a.iter().any(|at| within(at, from, to)), "{from} to {to}");
    }
    let of_b = refusals(&told, B);
    assert!(of_b.iter().all(|at| within(at, 1_500, 2_500)), "{of_b:?}");
    assert!(of_b.len() > 100, "{of_b:?}");
    assert!(refusals(&told, C).iter().all(|at| within(at, 2_500, 2_500)));
    // It reads on: what it has processed by the end of the first round, but not committed.
    let before = told.samples.iter().find(|(at, _)| *at == at_ms(T0 + 2_000));
    let (_, samples) = before.expect("a sample every second");
    let kept = owned_last(&told, A)[0];
    let sample = &samples[kept.ix()];
    assert!(sample.position > sample.committed.unwrap_or(0) + 100);
    assert!(sample.log_end < sample.position + 50);
    // In the end everything is committed, once only but for the partition that moved.
    let (_, last) = told.samples.last().expect("samples");
    assert!(
        last.iter()
            .all(|sample| sample.log_end - sample.committed.unwrap_or(0) < 50)
    );
    let moved = owned_last(&told, D)[0];
    for (partition, totals) in told.totals.partitions.iter().enumerate() {
        let again = totals.duplicates > 0;
        assert_eq!(again, partition == moved.ix(), "{partition}: {totals:?}");
    }
}

/// Nobody stands still for the one that is busy, but the first round ends with its batch.
#[test]
fn a_join_waits_for_the_rest_of_a_batch_and_nobody_stops() {
    let mut scenario = start(three_cooperative_members(), D, T0);
    let partition = owned_by(&run(&scenario), B)[0];
    scenario.topic.partitions[partition.ix()].log_end = 1;
    // It begins at zero and stands still for 0.1 s of B's freeze.
    scenario.settings[0].processing.time = Law::Constant((T0 + 20_000 - 100) as f64 / 1_000.0);
    let told = run(&scenario);
    assert_eq!(
        generations(&told, 1_000),
        [at_ms(T0 + 20_000), at_ms(T0 + 23_000)]
    );
    for process in [A, B, C] {
        assert!(never_stopped(&told, process, T0));
    }
    assert_eq!(resumed(&told, D, T0), resumes_at(T0 + 23_000, 23_000));
}

#[test]
fn a_clean_leave_takes_one_round_and_stops_nobody_else() {
    let scenario = three_cooperative_members();
    let orphans = owned_by(&run(&scenario), B);
    let told = run(&stop(scenario, B, T0, true));
    assert_eq!(generations(&told, 1_000), [at_ms(T0 + 2_500)]);
    for orphan in orphans {
        assert_eq!(
            states(&told, orphan, T0),
            [
                (at_ms(T0), PartitionState::Rebalancing),
                (at_ms(T0 + 2_500), PartitionState::KeepingUp)
            ]
        );
    }
    for process in [A, C] {
        assert_eq!(revoked(&told, process, 1_000), []);
        assert!(
            owned_by(&told, process)
                .iter()
                .all(|id| states(&told, *id, T0).is_empty())
        );
    }
}

/// B's last beat is 1.0 s before the crash: 44 s, and then as a leave.
#[test]
fn a_crash_goes_unnoticed_as_long_as_in_an_eager_group_and_stops_nobody_else() {
    let crash = T0 - 1_500 + 1_000;
    let scenario = three_cooperative_members();
    let orphans = owned_by(&run(&scenario), B);
    let told = run(&stop(scenario, B, crash, false));
    let expired = crash + 44_000;
    let next = |phase: u64| (T0 + phase..).step_by(3_000).find(|at| *at >= expired);
    let barrier = next(500).max(next(2_500)).unwrap_or(0);
    assert_eq!(generations(&told, 1_000), [at_ms(barrier)]);
    for orphan in orphans {
        assert_eq!(
            states(&told, orphan, crash),
            [
                (at_ms(crash), PartitionState::Orphaned),
                (at_ms(expired), PartitionState::Rebalancing),
                (at_ms(barrier), PartitionState::KeepingUp)
            ]
        );
    }
    for process in [A, C] {
        assert_eq!(revoked(&told, process, 1_000), []);
    }
}

/// The barrier waits for the dead one's session all the same, but nobody stands still; the orphans go straight to its
/// successor.
#[test]
fn a_quick_restart_after_a_crash_leaves_only_the_orphans_down() {
    // Killed 1.0 s after its last beat; A's next beat comes 6 s and C's 7 s after the kill.
    let mut scenario = three_cooperative_members();
    scenario.timeline.clear();
    for (process, thaws) in [(B, T0 - 1_000), (A, T0 - 3_000), (C, T0 - 2_000)] {
        scenario = crate::oracles::freeze(scenario, process, thaws - 100, thaws);
    }
    scenario.timeline.sort_by_key(|entry| entry.at);
    let orphans = owned_by(&run(&scenario), B);
    let crash = Action::Crash {
        processes: vec![ProcessId(B)],
        restart_after: Some(secs(5)),
    };
    let told = run(&with(scenario, at_ms(T0), crash));
    assert_eq!(generations(&told, 1_000), [at_ms(T0 + 44_000)]);
    assert_eq!(owned_last(&told, B), orphans);
    for orphan in orphans {
        let states = states(&told, orphan, T0);
        assert_eq!(states[0], (at_ms(T0), PartitionState::Orphaned));
        let up = (at_ms(T0 + 44_000), PartitionState::KeepingUp);
        assert_eq!(states.last(), Some(&up));
    }
    for process in [A, C] {
        assert_eq!(revoked(&told, process, 1_000), []);
    }
}

#[test]
fn a_static_member_back_within_its_session_stops_nobody_else() {
    let restart = Action::Crash {
        processes: vec![ProcessId(B)],
        restart_after: Some(secs(5)),
    };
    let scenario = all_static(three_cooperative_members());
    let told = run(&with(scenario, at_ms(T0), restart));
    assert_eq!(rebalances_after(&told, 1_000), []);
    assert_eq!(resumed(&told, B, T0), resumes_at(T0 + 5_000, 0));
}

/// The heartbeat thread leaves at max.poll.interval.ms, as in an eager group.
#[test]
fn a_breach_of_the_poll_interval_is_a_leave_and_then_a_join() {
    let mut scenario = three_cooperative_members();
    scenario.horizon = secs(500);
    let partition = owned_by(&run(&scenario), B)[0];
    scenario.topic.partitions[partition.ix()].log_end = 1;
    scenario.settings[0].processing.time = Law::Constant(400.0);
    let told = run(&scenario);
    let reasons = rebalances_after(&told, 1_000);
    assert!(matches!(
        reasons[..2],
        [
            (left, RebalanceReason::MemberLeft(_)),
            (joined, RebalanceReason::MemberJoined(_))
        ] if left == SimTime::from_secs(300) && joined == at_ms(400_100)
    ));
    // What it had is lost at the breach, all of it.
    assert_eq!(revoked(&told, B, 1_000)[0].0, SimTime::from_secs(300));
    assert_eq!(revoked(&told, C, 1_000), []);
}

/// One for the leave and two for the join, three times; the new one is idle for 3.5 s.
#[test]
fn a_rolling_restart_of_three_members_makes_nine_generations() {
    let told = run(&cooperative(systems::restarted_in_turn()));
    let expected = [
        33_000, 42_000, 45_000, 54_000, 63_000, 66_000, 75_000, 84_000, 87_000,
    ];
    assert_eq!(generations(&told, 1_000), expected.map(at_ms));
    for (process, back) in [(A, 41_500), (B, 62_500), (C, 83_500)] {
        assert_eq!(
            resumed(&told, process, 30_000),
            resumes_at(back + 3_500, 3_500)
        );
    }
}

/// A and B, of which `busy` has records of a second and batches of `batch` of them; D joins at [`T0`]. No latencies.
fn one_is_busy(busy: u32, batch: u64) -> (Scenario, u64) {
    let mut scenario = cooperative(systems::system(4, 2, 0.0, Law::Constant(1.0)));
    scenario.horizon = secs(400);
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    scenario.settings[0].properties.retry_backoff = SimDuration::ZERO;
    scenario.settings[0].properties.max_poll_records = batch;
    while scenario.group.processes.len() < 4 {
        let index = scenario.group.processes.len() as u32;
        scenario.group.processes.push(systems::process(index, None));
    }
    let partition = owned_by(&run(&scenario), busy)[0];
    scenario.topic.partitions[partition.ix()].log_end = 1_000;
    // Its batches begin at zero, so this is the first poll after the join and a heartbeat.
    let polls = (T0 + 3_000).div_ceil(batch * 1_000) * batch * 1_000;
    (start(scenario, D, T0), polls)
}

/// Each step is taken at a member's next poll, and the assignment at the leader's.
#[test]
fn the_batch_of_the_leader_delays_the_assignment_of_everybody() {
    let stable = |told: &Told| told.stable_at()[1];
    // A joined first, so it leads.
    let (scenario, polls) = one_is_busy(A, 20);
    assert_eq!(stable(&run(&scenario)), at_ms(polls + 20_000));
    let (scenario, polls) = one_is_busy(B, 20);
    let told = run(&scenario);
    assert_eq!(stable(&told), at_ms(polls));
    // B reads that it is in the generation in its next poll, and what it is assigned in the one after.
    let own = told.find(|fact| match fact {
        Fact::PartitionsAssigned {
            process: ProcessId(B),
            generation: 2,
            ..
        } => Some(()),
        _ => None,
    });
    assert_eq!(own[0].0, at_ms(polls + 40_000));
}

/// While its JoinGroup is in flight no heartbeat goes out, and nothing is read until the next poll.
#[test]
fn a_member_that_works_longer_than_its_session_after_the_barrier_is_expired_though_alive() {
    let (scenario, polls) = one_is_busy(B, 60);
    let told = run(&scenario);
    let expired = told.find(|fact| match fact {
        Fact::MemberEvicted {
            process: ProcessId(B),
            removal,
        } => Some(*removal),
        _ => None,
    });
    let session = at_ms(polls + 45_000);
    assert_eq!(expired[0], (session, Some(RemovalReason::SessionExpired)));
    // It polls and syncs, and learns from the answer.
    let lost = told.find(|fact| match fact {
        Fact::PartitionsRevoked {
            process: ProcessId(B),
            lost: true,
            ..
        } => Some(()),
        _ => None,
    });
    assert!(lost[0].0 > at_ms(polls + 60_000) && lost[0].0 <= at_ms(polls + 120_000));
    // Of 40 s after the barrier a heartbeat is in time.
    let (scenario, _) = one_is_busy(B, 40);
    let evictions = run(&scenario).find(|fact| {
        let evicted = matches!(fact, Fact::MemberEvicted { .. });
        evicted.then_some(())
    });
    assert_eq!(evictions, []);
}

/// A commit per record takes its round trip and its write, but while the member joins the client refuses it at once.
#[test]
fn commits_that_are_refused_take_no_time() {
    let (mut scenario, _) = one_is_busy(B, 10);
    scenario.cluster.commit_latency = secs(3);
    scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
    let told = run(&scenario);
    let synced = told.find(|fact| match fact {
        Fact::PartitionsAssigned {
            process: ProcessId(B),
            ..
        } => Some(()),
        _ => None,
    });
    // The first assignment is stored in 3 s. Batches take 40 s, but 10 s from the join on: a batch later B reads that it is
    // in the generation, another one later what it is assigned.
    let (first, join) = (3_000, 3_000 + 40_000);
    assert_eq!(synced[0].0, at_ms(first));
    assert_eq!(synced[1].0, at_ms(join + 20_000));
}

/// onJoinPrepare looks for the answer to its commit without waiting; what is buffered is returned before.
#[test]
fn with_auto_commit_the_join_goes_out_a_batch_later() {
    let (mut scenario, polls) = one_is_busy(B, 20);
    scenario.cluster.round_trip = ms(10);
    scenario.cluster.commit_latency = ms(5);
    let barrier = |scenario: &Scenario| generations(&run(scenario), T0)[0];
    let by_hand = barrier(&scenario);
    scenario.settings[0].processing.commit = CommitPolicy::Auto;
    scenario.settings[0].properties.enable_auto_commit = true;
    let by_client = barrier(&scenario);
    let waits = by_client.since(at_ms(polls));
    assert!(by_hand < at_ms(polls + 1_000), "{by_hand}");
    assert!(waits >= secs(20) && waits < secs(21), "{by_client}");
}

/// The positions of what is to be given up were committed before the join; what was returned of it since is read again.
#[test]
fn with_auto_commit_the_records_of_the_join_are_read_again_where_partitions_move() {
    let mut scenario = cooperative(systems::system(4, 1, 200.0, Law::Constant(0.001)));
    scenario.horizon = secs(60);
    scenario.settings[0].processing.commit = CommitPolicy::Auto;
    scenario.settings[0].properties.enable_auto_commit = true;
    scenario
        .group
        .processes
        .push(systems::process(1, Some(at_ms(T0))));
    let told = run(&scenario);
    let moved = owned_last(&told, 1);
    assert_eq!(moved.len(), 2);
    for (partition, totals) in told.totals.partitions.iter().enumerate() {
        let again = totals.duplicates > 0;
        let moves = moved.contains(&PartitionId(partition as u32));
        assert_eq!(again, moves, "{partition}: {totals:?}");
        assert_eq!(totals.lost, 0);
    }
}

/// A partition that gets no more records after its commit was refused is committed with the next batch of another.
#[test]
fn the_next_commit_brings_what_was_refused() {
    let (mut scenario, polls) = one_is_busy(B, 10);
    // B alone, before D comes.
    scenario.group.processes[0].start = None;
    for partition in &mut scenario.topic.partitions {
        partition.log_end = 0;
    }
    let kept = owned_last(&run(&scenario), B);
    let [quiet, lively] = kept[..] else {
        panic!("{kept:?}")
    };
    // Its last five records are worked on while B joins; the other one gets a record every 20 s.
    scenario.topic.partitions[quiet.ix()].log_end = polls / 1_000 + 5;
    scenario.production = systems::system(4, 2, 0.05, Law::Constant(1.0)).production;
    scenario.production.pattern = Pattern::Constant;
    scenario.production.shares[0].of = vec![0.0; 4];
    scenario.production.shares[0].of[lively.ix()] = 1.0;
    let told = run(&scenario);
    assert!(!refusals(&told, B).is_empty());
    let (_, last) = told.samples.last().expect("samples");
    assert_eq!(last[quiet.ix()].committed, Some(polls / 1_000 + 5));
}

/// The sticky assignor of the eager protocol remembers what members had, although they gave it up.
#[test]
fn eager_sticky_members_get_back_what_they_had() {
    let mut scenario = start(three_members(), D, T0);
    scenario.settings[0].properties.assignor = Assignor::Sticky;
    let told = run(&scenario);
    assert_eq!(generations(&told, 1_000), [at_ms(T0 + 2_500)]);
    let mut moved = Vec::new();
    for process in [A, B, C] {
        let before = owned_by(&told, process);
        let after = owned_last(&told, process);
        assert!(after.iter().all(|id| before.contains(id)));
        moved.extend(before.into_iter().filter(|id| !after.contains(id)));
    }
    assert_eq!(moved, owned_last(&told, D));
    assert_eq!(resumed(&told, A, T0), resumes_at(T0 + 2_500, 2_000));
}

/// A hot spare has waited for the group, not for its partitions.
#[test]
fn the_pause_of_a_spare_counts_from_the_rebalance_that_gives_it_something() {
    let mut scenario = cooperative(systems::system(1, 2, 0.0, Law::Constant(0.001)));
    scenario.horizon = secs(100);
    let told = run(&scenario);
    let owner = if owned_last(&told, A).is_empty() {
        B
    } else {
        A
    };
    let spare = A + B - owner;
    let told = run(&stop(scenario, owner, 50_000, true));
    let (at, pause) = resumed(&told, spare, 50_000).expect("a resumption");
    assert!(at > at_ms(50_000) && pause < secs(4), "{at} after {pause}");
}
