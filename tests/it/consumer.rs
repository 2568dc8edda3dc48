//! Groups of the consumer protocol (KIP-848) whose every instant is known, as models say them: no latency, no records. A
//! has three of seven partitions, B and C two each; they beat at [`T0`] + 1 s, 2 s and 4 s and every 5 s before and after.

use lagsim::kafka::{KafkaError, RemovalReason};
use lagsim::scenario::{Override, Scenario, Source, check};
use lagsim::sim::{Fact, PartitionState, StopReason};
use lagsim::units::{PartitionId, ProcessId, SimTime};

use crate::oracles::{A, B, C, D};
use crate::statics::{rebalances_after, states};
use crate::systems::{Told, at_ms, ms, run};

/// The trigger of every scenario.
const T0: u64 = 60_000;

const MODEL: &str = r#"
horizon = "400s"
topic = { name = "orders", partitions = 7 }
produce = { rate = "0/s" }
cluster = { round-trip = "0s", commit-latency = "0s" }
processing = { time = "1ms", commit = "after-batch" }
[group]
name = "order-processor"
member = [{ name = "a", start = "1s" }, { name = "b", start = "2s" }, { name = "c", start = "4s" }]
properties = { group.protocol = "consumer" }
"#;

const LEAVES: &str = "at.0={ time = '60s', restart = { members = ['b'], gap = '10m' } }";
const BACK_AT_65S: &str = "at.0={ time = '60s', restart = { members = ['b'], gap = '5s' } }";
const CRASHES_AT_59S: &str = "at.0={ time = '59s', crash = { members = ['b'] } }";
const STATIC: &str = "group.static=true";
const FOURTH: &str = "group.member.3={ name = 'd', start = '60s' }";
/// One record that takes 400 s, which A, the first, polls at 1 s.
const LONG_RECORD: [&str; 2] = [
    "topic={ name = 'orders', partitions = 7, backlog = [1, 0, 0, 0, 0, 0, 0] }",
    "processing={ time = '400s', commit = 'after-batch' }",
];

/// The model with these settings.
fn model(settings: &[&str]) -> Scenario {
    let source = Source {
        name: "consumer.toml".into(),
        stem: "consumer".into(),
        text: MODEL.into(),
    };
    let overrides: Vec<Override> = settings
        .iter()
        .map(|text| Override {
            text: (*text).into(),
        })
        .collect();
    let read = |_: &str| Err("there is no such file".to_owned());
    match check(&source, &overrides, &read) {
        Ok(checked) => checked.scenario,
        Err(found) => panic!("{settings:?} refused:\n{found}"),
    }
}

/// What happens with these settings: with the first seed by which A has three partitions at the trigger, and that fits.
fn told_where(settings: &[&str], fits: impl Fn(&Told) -> bool) -> Told {
    let mut scenario = model(settings);
    loop {
        let told = run(&scenario);
        if before(&told, A).len() == 3 && fits(&told) {
            return told;
        }
        scenario.seed += 1;
        assert!(scenario.seed < 100, "no seed fits {settings:?}");
    }
}

fn told(settings: &[&str]) -> Told {
    told_where(settings, |_| true)
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

/// What was given up after `after` [ms], by whom and when.
fn revoked(told: &Told, after: u64) -> Vec<(SimTime, (u32, Vec<PartitionId>))> {
    let mut revoked = told.find(|fact| match fact {
        Fact::PartitionsRevoked {
            process,
            partitions,
            ..
        } => Some((process.0, partitions.clone())),
        _ => None,
    });
    revoked.retain(|(at, _)| *at >= at_ms(after));
    revoked
}

/// When a process got what it has in the end, and that.
fn last(told: &Told, process: u32) -> (SimTime, Vec<PartitionId>) {
    assigned(told, process).pop().expect("an assignment")
}

/// What a process had just before the trigger.
fn before(told: &Told, process: u32) -> Vec<PartitionId> {
    let mut before = assigned(told, process);
    before.retain(|(at, _)| *at < at_ms(T0 - 1_000));
    before.pop().expect("an assignment").1
}

/// When the partitions of `of` were somebody's again, after each had been through `way`, each from its instant [ms] on.
fn gained(told: &Told, of: &[PartitionId], way: &[(u64, PartitionState)]) -> Vec<SimTime> {
    let mut gains = Vec::new();
    for id in of {
        let states = states(told, *id, way[0].0);
        let way: Vec<_> = way.iter().map(|(at, state)| (at_ms(*at), *state)).collect();
        assert_eq!(states[..way.len()], way, "{id:?}");
        assert_eq!(states[way.len()].1, PartitionState::KeepingUp, "{id:?}");
        assert_eq!(states.len(), way.len() + 1, "{id:?}: {states:?}");
        gains.push(states[way.len()].0);
    }
    gains.sort_unstable();
    gains
}

fn evicted(told: &Told) -> Vec<(SimTime, (u32, Option<RemovalReason>))> {
    told.find(|fact| match fact {
        Fact::MemberEvicted { process, removal } => Some((process.0, *removal)),
        _ => None,
    })
}

/// When the process was refused for good.
fn refused(told: &Told, process: u32) -> Vec<SimTime> {
    let reason = StopReason::Refused;
    let process = ProcessId(process);
    let found = told.find(|fact| (*fact == Fact::ProcessStopped { process, reason }).then_some(()));
    found.into_iter().map(|(at, ())| at).collect()
}

fn joined(told: &Told, process: u32) -> Vec<SimTime> {
    let found = told.find(|fact| match fact {
        Fact::MemberJoined { process: who, .. } if *who == ProcessId(process) => Some(()),
        _ => None,
    });
    found.into_iter().map(|(at, ())| at).collect()
}

#[test]
fn a_join_takes_one_partition_from_its_owner_at_its_beat_and_gets_it_at_its_own() {
    // Who gets one partition only depends on the member ids: here D does, and A alone gives one up.
    let one_of_a = |told: &Told| {
        let revoked = revoked(told, T0);
        last(told, D).1.len() == 1 && revoked.len() == 1 && revoked[0].1.0 == A
    };
    let told = told_where(&[FOURTH], one_of_a);
    let (at, moved) = last(&told, D);
    assert_eq!((at, moved.len()), (at_ms(T0 + 5_000), 1));
    assert_eq!(
        revoked(&told, T0),
        [(at_ms(T0 + 1_000), (A, moved.clone()))]
    );
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
    let told = told(&[LEAVES]);
    let freed = before(&told, B);
    assert_eq!(revoked(&told, T0), [(at_ms(T0), (B, freed.clone()))]);
    let gains = gained(&told, &freed, &[(T0, PartitionState::Rebalancing)]);
    assert_eq!(gains, [at_ms(T0 + 1_000), at_ms(T0 + 4_000)]);
}

/// B's last beat is 2.0 s before the crash, so its session of 45 s ends 43.0 s after it.
#[test]
fn what_a_crash_orphans_is_free_when_the_session_ends() {
    let told = told(&[CRASHES_AT_59S]);
    let crash = T0 - 1_000;
    let way = [
        (crash, PartitionState::Orphaned),
        (crash + 43_000, PartitionState::Rebalancing),
    ];
    let gains = gained(&told, &before(&told, B), &way);
    // A beats at T0 + 46 s, C at T0 + 44 s.
    assert_eq!(gains, [at_ms(T0 + 44_000), at_ms(T0 + 46_000)]);
    let fenced = (B, Some(RemovalReason::SessionExpired));
    assert_eq!(evicted(&told), [(at_ms(crash + 43_000), fenced)]);
}

/// There is no barrier: it reads what it was given before the session of its predecessor ends, and goes on when it does.
#[test]
fn what_a_restarted_process_reads_is_not_what_its_predecessor_leaves() {
    let back = "at.0={ time = '59s', crash = { members = ['b'], restart-after = '5s' } }";
    let told = told(&[back]);
    let fenced = T0 - 1_000 + 43_000;
    let own: Vec<PartitionId> = assigned(&told, B)
        .into_iter()
        .filter(|(at, _)| (at_ms(T0)..at_ms(fenced)).contains(at))
        .flat_map(|(_, partitions)| partitions)
        .collect();
    assert!(!own.is_empty(), "it is given something");
    for partition in own {
        assert_eq!(states(&told, partition, fenced), [], "{partition:?}");
    }
    let orphans = before(&told, B);
    let read = |id: &PartitionId| states(&told, *id, fenced).pop().map(|(_, state)| state);
    let read: Vec<_> = orphans.iter().map(read).collect();
    assert_eq!(read, vec![Some(PartitionState::KeepingUp); orphans.len()]);
}

#[test]
fn the_brokers_say_how_long_a_crash_goes_unnoticed_and_how_late_a_member_learns() {
    let session = "cluster.properties.group.consumer.session.timeout.ms=60000";
    let beats = "cluster.properties.group.consumer.heartbeat.interval.ms=10000";
    let told = run(&model(&[CRASHES_AT_59S, session, beats]));
    // It beats at 2 s modulo 10 s.
    assert_eq!(evicted(&told)[0].0, at_ms(52_000 + 60_000));
    let phases: Vec<u64> = assigned(&told, C)
        .into_iter()
        .map(|(at, _)| at.since(at_ms(4_000)).as_nanos() % 10_000_000_000)
        .collect();
    assert!(phases.len() > 1 && phases.iter().all(|phase| *phase == 0));
}

/// There is no initial delay: the first has all at once, the others get what it gives up at its beat at their own.
#[test]
fn the_first_of_many_starters_owns_everything_until_its_beat() {
    let told = run(&model(&[
        "group={ name = 'g', members = 3, start-times = ['0s', '1s', '2s'] }",
        "group.properties.group.protocol='consumer'",
    ]));
    let first = (SimTime::ZERO, (0..7).map(PartitionId).collect());
    assert_eq!(assigned(&told, A)[0], first);
    let got = [A, B, C].map(|process| last(&told, process).0);
    assert_eq!(got, [5_000, 6_000, 7_000].map(at_ms));
    assert_eq!(told.stable_at().last(), Some(&at_ms(7_000)));
}

/// A's record is through at 401 s: it is out at 301 s, and joins again with the poll after it.
#[test]
fn a_breach_of_the_poll_interval_frees_partitions_at_once() {
    let told = run(&model(&[LONG_RECORD[0], LONG_RECORD[1], "horizon='450s'"]));
    assert_eq!(evicted(&told), [(at_ms(301_000), (A, None))]);
    let mut gains = Vec::new();
    for id in before(&told, A) {
        let states = states(&told, id, 301_000);
        assert_eq!(states[0], (at_ms(301_000), PartitionState::Rebalancing));
        assert_eq!(states[1].1, PartitionState::KeepingUp);
        gains.push(states[1].0);
    }
    gains.sort_unstable();
    // B and C had got their parts of what A gave up in mid-batch, and now get the rest.
    assert_eq!(gains, [302_000, 304_000, 304_000].map(at_ms));
    assert_eq!(joined(&told, A), [1_000, 401_000].map(at_ms));
    assert_eq!(last(&told, A).0, at_ms(406_000));
}

/// What auto-commit commits before a revocation waits for poll(); so do others, until the one that does not is out.
#[test]
fn with_auto_commit_a_member_that_works_gives_nothing_up() {
    let waits = told_of_a_busy_member("processing={ time = '400s', commit = 'auto' }", "java");
    assert_eq!(waits, at_ms(302_000));
    let at_once = told_of_a_busy_member(
        "processing={ time = '400s', commit = 'after-batch' }",
        "java",
    );
    assert_eq!(at_once, at_ms(7_000));
}

/// A rebalance callback runs in poll().
#[test]
fn a_client_with_a_listener_gives_nothing_up_while_it_works() {
    let processing = "processing={ time = '400s', commit = 'after-batch' }";
    assert_eq!(
        told_of_a_busy_member(processing, "spring-kafka"),
        at_ms(302_000)
    );
}

/// When B gets its first partition, with a record of 400 s in A's hand.
fn told_of_a_busy_member(processing: &str, client: &str) -> SimTime {
    let client = format!("group.client='{client}'");
    let told = run(&model(&[LONG_RECORD[0], processing, &client]));
    let mut got = assigned(&told, B).into_iter();
    got.find(|(_, own)| !own.is_empty()).expect("a partition").0
}

/// A background thread looks at its settings all the time: A, told at 6 s, gives up at once what waited for poll().
#[test]
fn other_settings_are_heard_at_once() {
    let auto = "processing={ time = '400s', commit = 'auto' }";
    let change =
        "at.0={ time = '100s', set = { processing.commit = 'after-batch' }, takes-effect = 'now' }";
    let told = run(&model(&[LONG_RECORD[0], auto, change]));
    assert_eq!(revoked(&told, 0)[0].0, at_ms(100_000));
}

/// The next heartbeat says what has changed. An assignor counts from the next epoch on.
#[test]
fn another_remote_assignor_is_told_with_the_next_heartbeat() {
    let change = |at: &str| {
        format!(
            "at.0={{ time = '{at}', set = {{ group.properties.group.remote.assignor = 'range' }}, takes-effect = 'now' }}"
        )
    };
    // A clean leave: range deals anew in the order of member ids, uniform leaves what is there where it is.
    let leave = LEAVES.replace("at.0", "at.1");
    let moves = |settings: &[&str]| {
        let told = run(&model(settings));
        let by_others = revoked(&told, T0)
            .into_iter()
            .filter(|(_, (who, _))| *who != B);
        by_others.count()
    };
    assert_eq!(moves(&[LEAVES]), 0);
    assert!(moves(&[&change("50s"), &leave]) > 0);
    // B is gone at 60 s, and A's heartbeat at 61 s makes the target: what that says counts, what comes later does not.
    assert!(moves(&[&change("60500ms"), &leave]) > 0);
    assert_eq!(moves(&[&change("61500ms"), &leave]), 0);
}

/// A heartbeat of anybody raises the epoch; nobody gives anything up.
#[test]
fn added_partitions_are_read_after_a_heartbeat() {
    let told = run(&model(&["at.0={ time = '60s', add-partitions = 9 }"]));
    assert_eq!(revoked(&told, T0), []);
    for id in [7, 8].map(PartitionId) {
        let states = states(&told, id, T0);
        let (at, state) = states[1];
        assert_eq!(
            (states[0].1, state),
            (PartitionState::Starting, PartitionState::KeepingUp)
        );
        assert!(
            [1_000, 2_000, 4_000]
                .map(|beat| at_ms(T0 + beat))
                .contains(&at),
            "{at}"
        );
    }
}

/// It is fenced while it stands still, finds out with its first heartbeat, and has lost everything.
#[test]
fn a_freeze_beyond_the_session_loses_all_partitions_and_rejoins_at_once() {
    let told = told(&["at.0={ time = '60s', freeze = { members = ['b'], length = '50s' } }"]);
    let fenced = (B, Some(RemovalReason::SessionExpired));
    assert_eq!(evicted(&told), [(at_ms(57_000 + 45_000), fenced)]);
    let thaws = at_ms(T0 + 50_000);
    assert!(revoked(&told, T0 + 50_000).contains(&(thaws, (B, before(&told, B)))));
    assert_eq!(joined(&told, B), [at_ms(2_000), thaws]);
}

#[test]
fn a_freeze_within_the_session_moves_nothing() {
    let told = told(&["at.0={ time = '60s', freeze = { members = ['b'], length = '40s' } }"]);
    assert_eq!((evicted(&told), revoked(&told, T0)), (vec![], vec![]));
    assert_eq!(rebalances_after(&told, T0), []);
}

/// It says that it leaves for a while, and takes its place again under another member id: no epoch.
#[test]
fn a_static_member_that_closes_is_back_where_it_was() {
    let told = told(&[STATIC, BACK_AT_65S]);
    assert_eq!(rebalances_after(&told, T0 - 1), []);
    let way = [(T0, PartitionState::Orphaned)];
    let gains = gained(&told, &before(&told, B), &way);
    assert_eq!(gains, [at_ms(T0 + 5_000); 2]);
    assert_eq!((evicted(&told), refused(&told, B)), (vec![], vec![]));
}

/// The session goes on from its last heartbeat before it left, at 57 s.
/// Both join at once; the first polls all four partitions, works for 15 s on what it got, and does not give up what the other is
/// to have: it is fenced 10 s after it was told, which is just before its poll interval of 10 s is over.
#[test]
fn a_member_that_was_fenced_in_its_batch_leaves_once_its_poll_interval_is_over_and_joins_with_its_next_poll()
 {
    let told = run(&model(&[
        "horizon='16s'",
        "topic={ name = 'orders', partitions = 4, backlog = 2000 }",
        "cluster={ round-trip = '2ms', commit-latency = '2ms' }",
        "group={ name = 'g', members = 2, properties = { group.protocol = 'consumer', max.poll.interval.ms = 10000 } }",
        "processing={ time = '30ms', commit = 'auto' }",
    ]));
    let [(fenced, of), (left, of_the_same)] = evicted(&told)[..] else {
        panic!("{:?}", evicted(&told));
    };
    assert_eq!(of, (A, Some(RemovalReason::RebalanceTimeout)));
    assert_eq!(of_the_same, (A, None));
    assert!(fenced < left && left.since(fenced) < ms(10));
    // It has joined again meanwhile, as it still is in its batch, and does so once more as it polls.
    let polls = left + ms(5_000);
    let [_, again, last] = joined(&told, A)[..] else {
        panic!("{:?}", joined(&told, A));
    };
    assert!(again > fenced && again <= left, "{again:?}");
    assert!(last >= polls && last.since(polls) < ms(10), "{last:?}");
}

#[test]
fn a_static_member_that_stays_away_is_fenced_by_its_session() {
    let told = told(&[STATIC, LEAVES]);
    let fenced = (B, Some(RemovalReason::SessionExpired));
    assert_eq!(evicted(&told), [(at_ms(57_000 + 45_000), fenced)]);
}

/// UNRELEASED_INSTANCE_ID ends the application. It is started again at once, and 10, 20 and 40 s later: the session of
/// the one that crashed ends at 102 s.
#[test]
fn a_static_member_that_crashes_is_refused_until_its_session_has_ended() {
    let crash = "at.0={ time = '60s', crash = { members = ['b'], restart-after = '5s' } }";
    let told = told(&[STATIC, crash]);
    assert_eq!(
        refused(&told, B),
        [65_000, 65_000, 75_000, 95_000].map(at_ms)
    );
    assert_eq!(joined(&told, B), [2_000, 135_000].map(at_ms));
    let way = [
        (T0, PartitionState::Orphaned),
        (57_000 + 45_000, PartitionState::Rebalancing),
    ];
    for id in before(&told, B) {
        assert_eq!(
            states(&told, id, T0)[..2],
            way.map(|(at, state)| (at_ms(at), state))
        );
    }
    assert!(!last(&told, B).1.is_empty());
    // Its supervisor may be in less of a hurry, and its application slow.
    let restart = "processing.restart={ back-off = '20s', start-up = '3s' }";
    let told = run(&model(&[STATIC, crash, restart]));
    assert_eq!(refused(&told, B), [65_000, 68_000, 91_000].map(at_ms));
}

/// ApiVersions, Metadata, FindCoordinator, the heartbeat and its write, OffsetFetch: no SyncGroup.
#[test]
fn a_static_restart_costs_its_gap_and_five_round_trips_and_a_write() {
    let told = told(&[
        "cluster={ round-trip = '10ms', commit-latency = '7ms' }",
        STATIC,
        BACK_AT_65S,
    ]);
    let (at, since) = *told.resumptions(B).last().expect("a resumption");
    // The process before is gone a round trip after it was told to stop.
    assert_eq!((at, at.since(since)), (at_ms(T0 + 5_010 + 57), ms(57)));
}

/// Nobody but those that are restarted ever stands still, and what stays with its owner is never `rebalancing`.
#[test]
fn in_a_rolling_restart_only_what_moves_stands_still() {
    let told = run(&model(&[
        "cluster={ round-trip = '4ms', commit-latency = '5ms' }",
        "produce={ rate = '70/s' }",
        "at.0={ time = '60s', deploy = { gap = '10s', start-up = '5s' } }",
    ]));
    for process in [A, B, C] {
        // Its start, and its restart.
        assert_eq!(told.resumptions(process).len(), 2, "{process}");
    }
    let given_up = revoked(&told, T0);
    let moves: usize = given_up.iter().map(|(_, (_, ids))| ids.len()).sum();
    assert!(moves >= 7, "{moves} moves");
    for id in (0..7).map(PartitionId) {
        for (since, state) in states(&told, id, T0) {
            let moved = given_up
                .iter()
                .any(|(at, (_, ids))| *at == since && ids.contains(&id));
            assert!(
                state != PartitionState::Rebalancing || moved,
                "{id:?} at {since}"
            );
        }
    }
}

/// The coordinator has given it another epoch, and it commits before it knows: half a round trip and a write.
#[test]
fn a_commit_in_the_epoch_before_is_stale() {
    let told = run(&model(&[
        "cluster={ round-trip = '200ms', commit-latency = '300ms' }",
        "produce={ rate = '700/s' }",
        FOURTH,
    ]));
    let stale = told.find(|fact| match fact {
        Fact::CommitFailed { process, error, .. } => Some((*process, *error)),
        _ => None,
    });
    assert!(!stale.is_empty());
    for (at, (process, error)) in &stale {
        assert_eq!(
            *error,
            Some(KafkaError::StaleMemberEpoch),
            "{process:?} at {at}"
        );
    }
    // Whoever was refused commits with its next batch: nothing is done twice but what moved in mid-batch.
    let last = told.samples.last().expect("samples");
    let lag: u64 = last.1.iter().map(crate::systems::lag_records).sum();
    assert!(lag < 3_000, "{lag} behind");
    let told = run(&model(&["produce={ rate = '700/s' }", FOURTH]));
    assert_eq!(told.totals.commits_failed, 0);
}
