//! Reconciliations of the consumer protocol (KIP-848) whose every instant is known: no latency, no records. A has three of
//! seven partitions, B and C two each; they beat at [`T0`] + 1 s, 2 s and 4 s and every 5 s before and after.

use lagsim::kafka::GroupProtocol;
use lagsim::scenario::Scenario;
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::{PartitionId, ProcessId, SimDuration, SimTime};
use lagsim::workload::Law;

use crate::oracles::{A, B, C, D, freeze, start, stop};
use crate::statics::states;
use crate::systems::{self, Told, at_ms, run, secs};

/// The trigger of every scenario.
const T0: u64 = 60_000;

/// A, B and C are Stable. D has not started.
fn three_members() -> Scenario {
    let mut scenario = systems::system(7, 3, 0.0, Law::Constant(0.001));
    scenario.horizon = secs(400);
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    scenario.settings[0].properties.group_protocol = GroupProtocol::Consumer;
    scenario.group.processes.push(systems::process(D, None));
    for (process, thaws) in [(A, T0 - 4_000), (B, T0 - 3_000), (C, T0 - 1_000)] {
        scenario = freeze(scenario, process, thaws - 100, thaws);
    }
    scenario.timeline.sort_by_key(|entry| entry.at);
    // The first seed by which A has three partitions.
    while assigned(&run(&scenario), A)
        .last()
        .map(|(_, own)| own.len())
        != Some(3)
    {
        scenario.seed += 1;
    }
    scenario
}

/// The assignments of a process.
fn assigned(told: &Told, process: u32) -> Vec<(SimTime, Vec<PartitionId>)> {
    told.find(|fact| match fact {
        Fact::PartitionsAssigned {
            process: who,
            partitions,
            ..
        } if *who == ProcessId(process) => Some(partitions.clone()),
        _ => None,
    })
}

/// What was given up after the trigger, by whom and when.
fn revoked(told: &Told) -> Vec<(SimTime, (u32, Vec<PartitionId>))> {
    let mut revoked = told.find(|fact| match fact {
        Fact::PartitionsRevoked {
            process,
            partitions,
            ..
        } => Some((process.0, partitions.clone())),
        _ => None,
    });
    revoked.retain(|(at, _)| *at >= at_ms(T0));
    revoked
}

/// When a process got what it has in the end, and that.
fn last(told: &Told, process: u32) -> (SimTime, Vec<PartitionId>) {
    assigned(told, process).pop().expect("an assignment")
}

/// What a process had at the trigger.
fn last_before(told: &Told, process: u32) -> Vec<PartitionId> {
    let mut before = assigned(told, process);
    before.retain(|(at, _)| *at < at_ms(T0));
    before.pop().expect("an assignment").1
}

#[test]
fn a_join_takes_one_partition_from_its_owner_at_its_beat_and_gets_it_at_its_own() {
    let mut scenario = start(three_members(), D, T0);
    // Who gets one partition only depends on the member ids: here D does, and A alone gives one up.
    let fits = |told: &Told| {
        last(told, D).1.len() == 1 && revoked(told)[0].1.0 == A && last_before(told, A).len() == 3
    };
    while !fits(&run(&scenario)) {
        scenario.seed += 1;
    }
    let told = run(&scenario);
    let (at, moved) = last(&told, D);
    assert_eq!((at, moved.len()), (at_ms(T0 + 5_000), 1));
    assert_eq!(revoked(&told), [(at_ms(T0 + 1_000), (A, moved.clone()))]);
    for id in (0..7).map(PartitionId) {
        let expected = [
            (at_ms(T0 + 1_000), PartitionState::Rebalancing),
            (at_ms(T0 + 5_000), PartitionState::KeepingUp),
        ];
        let expected = if moved.contains(&id) {
            &expected[..]
        } else {
            &[]
        };
        assert_eq!(states(&told, id, T0), expected, "{id:?}");
    }
}

#[test]
fn what_a_clean_leave_frees_its_gainers_get_at_their_own_beats() {
    let scenario = stop(three_members(), B, T0, true);
    let told = run(&scenario);
    let [(at, (B, freed))] = &revoked(&told)[..] else {
        panic!("B alone gives up");
    };
    assert_eq!(*at, at_ms(T0));
    let mut gains = Vec::new();
    for id in freed {
        let states = states(&told, *id, T0);
        assert_eq!(states[0], (at_ms(T0), PartitionState::Rebalancing));
        assert_eq!(states[1].1, PartitionState::KeepingUp);
        gains.push(states[1].0);
    }
    gains.sort_unstable();
    assert_eq!(gains, [at_ms(T0 + 1_000), at_ms(T0 + 4_000)]);
}

/// B's last beat is 2.0 s before the crash, so its session of 45 s ends 43.0 s after it.
#[test]
fn what_a_crash_orphans_is_free_when_the_session_ends() {
    let crash = T0 - 1_000;
    let told = run(&stop(three_members(), B, crash, false));
    let (_, own) = last(&told, B);
    let mut gains = Vec::new();
    for id in own {
        let states = states(&told, id, crash);
        assert_eq!(states[0], (at_ms(crash), PartitionState::Orphaned));
        assert_eq!(
            states[1],
            (at_ms(crash + 43_000), PartitionState::Rebalancing)
        );
        gains.push(states[2].0);
    }
    gains.sort_unstable();
    // A beats at T0 + 46 s, C at T0 + 44 s.
    assert_eq!(gains, [at_ms(T0 + 44_000), at_ms(T0 + 46_000)]);
    assert_eq!(last(&told, C).0, at_ms(T0 + 44_000));
}

/// There is no initial delay: the first has all at once, the others get what it gives up at its beat at their own.
#[test]
fn the_first_of_many_starters_owns_everything_until_its_beat() {
    let mut scenario = three_members();
    scenario.timeline.clear();
    for (process, starts) in [(A, 0), (B, 1_000), (C, 2_000)] {
        scenario.group.processes[process as usize].start = Some(at_ms(starts));
    }
    let told = run(&scenario);
    let first = (SimTime::ZERO, (0..7).map(PartitionId).collect());
    assert_eq!(assigned(&told, A)[0], first);
    let got = [A, B, C].map(|process| last(&told, process).0);
    assert_eq!(got, [5_000, 6_000, 7_000].map(at_ms));
    assert_eq!(told.stable_at().last(), Some(&at_ms(7_000)));
}
