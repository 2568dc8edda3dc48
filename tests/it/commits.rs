//! When an application commits: every so often, and as it gives partitions up. Not what the broker makes of it.

use lagsim::kafka::{Assignor, KafkaError, RebalanceTimeout};
use lagsim::scenario::{Action, CommitPolicy, Scenario};
use lagsim::sim::Fact;
use lagsim::units::{ProcessId, SimDuration, SimTime};
use lagsim::workload::{Law, Pattern};

use crate::systems::{
    Told, at_ms, ms, profile, run, secs, system, with, with_backlog, without_latencies,
};

/// One member at a backlog: polls of ten records, 40 ms each, no latency anywhere.
fn alone(records: u64, time: SimDuration) -> Scenario {
    let mut scenario =
        without_latencies(with_backlog(system(1, 1, 0.0, Law::Constant(0.004)), 3_000));
    scenario.horizon = secs(9);
    scenario.sample = ms(10);
    scenario.settings[0].properties.max_poll_records = 10;
    scenario.settings[0].properties.max_partition_fetch_bytes = 4 << 20;
    scenario.settings[0].processing.commit = CommitPolicy::Every { records, time };
    scenario
}

/// Committed offsets, each with the first sample that shows it.
fn commits(told: &Told) -> Vec<(SimTime, u64)> {
    let mut seen: Vec<(SimTime, u64)> = Vec::new();
    for (at, samples) in &told.samples {
        let committed = samples[0].committed.unwrap_or(0);
        if seen.last().is_none_or(|(_, last)| *last != committed) {
            seen.push((*at, committed));
        }
    }
    seen.split_off(1)
}

/// `ListenerConsumer#processCommits` looks after a poll's records, and begins to count anew.
#[test]
fn a_commit_every_so_many_records_comes_after_the_batch_by_which_they_are_done() {
    let told = run(&alone(25, SimDuration::FOREVER));
    let offsets: Vec<u64> = commits(&told).iter().map(|(_, offset)| *offset).collect();
    assert!(offsets.len() > 60);
    for (number, offset) in offsets.iter().enumerate() {
        assert_eq!(*offset, 30 * (number as u64 + 1));
    }
    assert_eq!(told.totals.commits, told.totals.polls / 3);
}

/// Elapsed since the last commit must be more than the time: 26 batches of 40 ms are the first to exceed a second.
#[test]
fn a_commit_every_so_much_time_comes_after_the_batch_by_which_it_has_passed() {
    let told = run(&alone(u64::MAX, secs(1)));
    let seen = commits(&told);
    assert!(seen.len() > 7);
    for (number, (_, offset)) in seen.iter().enumerate() {
        assert_eq!(*offset, 260 * (number as u64 + 1));
    }
    // With both, whichever comes first.
    assert_eq!(
        commits(&run(&alone(25, secs(1)))),
        commits(&run(&alone(25, secs(9))))
    );
    assert_eq!(commits(&run(&alone(9_000, secs(1)))), seen);
}

/// An idle consumer looks as its poll() returns, which is every pollTimeout.
#[test]
fn what_is_done_is_committed_by_an_idle_consumer_too() {
    let mut scenario = alone(u64::MAX, secs(2));
    scenario.topic.partitions[0].log_end = 100;
    scenario.settings[0].client.poll_timeout = ms(700);
    // 100 records take 400 ms; after 2 s the next poll() to return is that of 400 ms + 3 x 700 ms.
    assert_eq!(commits(&run(&scenario)), [(at_ms(2_500), 100)]);
    scenario.settings[0].client.poll_timeout = secs(5);
    assert_eq!(commits(&run(&scenario)), [(at_ms(5_400), 100)]);
    scenario.settings[0].processing.commit = CommitPolicy::Every {
        records: 101,
        time: SimDuration::FOREVER,
    };
    assert_eq!(commits(&run(&scenario)), []);
}

#[test]
fn a_process_that_stops_commits_what_is_left_and_one_that_dies_does_not() {
    let scenario = |action| {
        let scenario = alone(u64::MAX, secs(100));
        with(scenario, at_ms(2_002), action)
    };
    let processes = vec![ProcessId(0)];
    let stop = Action::Stop {
        processes: processes.clone(),
        graceful: true,
    };
    let told = run(&scenario(stop));
    let totals = told.totals.partitions[0];
    assert_eq!(totals.committed, totals.processed);
    assert_eq!(totals.committed, 510);
    let crash = Action::Crash {
        processes,
        restart_after: None,
    };
    let totals = run(&scenario(crash)).totals.partitions[0];
    assert_eq!((totals.committed, totals.processed), (0, 500));
}

/// A cooperative group into which another member comes. One of its two members keeps up, and has to wait for the other,
/// whose batches take two seconds.
fn joined_late(client: &str, commit: CommitPolicy) -> Scenario {
    let mut scenario = system(6, 3, 400.0, Law::Constant(0.004));
    let share = |partition: usize| {
        if partition.is_multiple_of(2) {
            0.05
        } else {
            0.85 / 3.0
        }
    };
    scenario.production.shares[0].of = (0..6).map(share).collect();
    scenario.horizon = secs(60);
    scenario.group.processes[2].start = Some(at_ms(21_500));
    let settings = &mut scenario.settings[0];
    settings.client = profile(client);
    settings.properties.assignor = Assignor::CooperativeSticky;
    settings.properties.enable_auto_commit = commit == CommitPolicy::Auto;
    settings.processing.commit = commit;
    scenario
}

/// Records done again because of a revocation, over several draws.
fn repeated_after_revocation(scenario: &Scenario) -> u64 {
    let with_seed = |seed| {
        let mut scenario = scenario.clone();
        scenario.seed = seed;
        repeated_once(&scenario)
    };
    (1..6).map(with_seed).sum()
}

fn repeated_once(scenario: &Scenario) -> u64 {
    let told = run(scenario);
    let revoked = told.find(|fact| match fact {
        Fact::PartitionsRevoked { lost: false, .. } => Some(()),
        _ => None,
    });
    assert!(!revoked.is_empty(), "partitions move");
    let partitions = told.totals.partitions.iter();
    for totals in told.totals.partitions.iter() {
        assert_eq!(totals.lost, 0);
    }
    partitions.map(|own| own.duplicates_by.revocation).sum()
}

/// While it joins a cooperative member's commits are refused: what it has done meanwhile of a partition that moves is
/// committed in onPartitionsRevoked, or done again.
#[test]
fn a_commit_in_on_partitions_revoked_saves_a_cooperative_group_its_repetitions() {
    let every = CommitPolicy::Every {
        records: 10,
        time: SimDuration::FOREVER,
    };
    for commit in [CommitPolicy::AfterBatch, CommitPolicy::Async, every] {
        let mut scenario = joined_late("java", commit);
        let repeated = repeated_after_revocation(&scenario);
        assert!(repeated > 0, "{commit:?}: {repeated}");
        scenario.settings[0].processing.commit_on_revoke = true;
        assert_eq!(repeated_after_revocation(&scenario), 0, "{commit:?}");
    }
}

/// An eager member commits in onJoinPrepare, before it gives everything up.
#[test]
fn a_commit_in_on_partitions_revoked_saves_an_eager_group_what_is_not_committed_yet() {
    let mut scenario = joined_late(
        "java",
        CommitPolicy::Every {
            records: 10_000,
            time: SimDuration::FOREVER,
        },
    );
    scenario.settings[0].properties.assignor = Assignor::Range;
    assert!(repeated_after_revocation(&scenario) >= 1_000);
    scenario.settings[0].processing.commit_on_revoke = true;
    assert_eq!(repeated_after_revocation(&scenario), 0);
}

/// What auto-commit commits of partitions that a member gives up while it reads on: nothing in Java's
/// `#onJoinComplete`, the stored offsets in librdkafka, those of earlier polls in franz-go.
#[test]
fn clients_differ_in_whether_they_commit_what_they_give_up() {
    let mut java = joined_late("java", CommitPolicy::Auto);
    java.settings[0].properties.auto_commit_interval = secs(60);
    assert!(repeated_after_revocation(&java) > 0);
    for client in ["librdkafka", "franz-go"] {
        let mut scenario = joined_late(client, CommitPolicy::Auto);
        scenario.settings[0].properties.auto_commit_interval = secs(60);
        let committed = repeated_after_revocation(&scenario);
        scenario.settings[0].client.commits_revoked = false;
        let not = repeated_after_revocation(&scenario);
        assert!(committed < not, "{client}: {committed}, {not}");
    }
}

/// A member that commits by itself, every 5 s from its assignment on, and has nothing to read for a minute.
fn idle(client: &str) -> Told {
    let mut scenario = without_latencies(system(3, 1, 0.0, Law::Constant(0.001)));
    commits_by_itself(&mut scenario, client);
    run(&scenario)
}

fn commits_by_itself(scenario: &mut Scenario, client: &str) {
    let settings = &mut scenario.settings[0];
    settings.client = profile(client);
    settings.properties.enable_auto_commit = true;
    settings.processing.commit = CommitPolicy::Auto;
}

/// Java says all positions each time (`SubscriptionState#allConsumed`), aiokafka too (`Assignment.all_consumed_offsets`);
/// librdkafka says what was stored beyond its last commit (`rd_kafka_topic_partition_list_set_offsets`), franz-go likewise
/// (`getUncommittedLocked`).
#[test]
fn clients_differ_in_whether_they_commit_what_has_not_moved() {
    for (client, commits) in [
        ("java", 12),
        ("aiokafka", 12),
        ("librdkafka", 0),
        ("franz-go", 0),
    ] {
        assert_eq!(idle(client).totals.commits, commits, "{client}");
    }
}

/// Records come every 3.5 s, and members commit every 5 s. One of two stands still from just after its commit of 20 s on,
/// and goes on at 91 s: by then the other has its partition, and has read on in it and committed that.
fn evicted_while_it_stood_still(client: &str) -> Told {
    let mut scenario = without_latencies(system(2, 2, 2.0 / 7.0, Law::Constant(0.001)));
    scenario.production.pattern = Pattern::Constant;
    scenario.horizon = secs(100);
    commits_by_itself(&mut scenario, client);
    let (processes, length) = (vec![ProcessId(0)], ms(70_900));
    run(&with(
        scenario,
        at_ms(20_100),
        Action::Freeze { processes, length },
    ))
}

/// What another member has committed meanwhile it does not know: its own position is all that its commit is about.
#[test]
fn a_commit_of_an_evicted_member_is_about_what_it_knows() {
    let refused = |client| {
        let told = evicted_while_it_stood_still(client);
        let evicted = told.find(|fact| matches!(fact, Fact::MemberEvicted { .. }).then_some(()));
        assert_eq!(evicted.len(), 1, "{client}");
        told.find(|fact| match fact {
            Fact::CommitFailed { error, .. } => Some(*error),
            _ => None,
        })
    };
    let unknown = [(SimTime::from_secs(91), Some(KafkaError::UnknownMemberId))];
    assert_eq!(refused("java"), unknown);
    assert_eq!(refused("librdkafka"), []);
}

/// A handler that blocks aiokafka for a minute costs its session, and the group goes on without it. Its commit() returns
/// with the coordinator's answer, a round trip later, as does the heartbeat that went out with it: it rejoins and reads the
/// record again, and not the next one before.
#[test]
fn a_commit_that_the_coordinator_refuses_takes_its_answer() {
    let mut scenario = with_backlog(system(1, 1, 0.0, Law::Constant(60.0)), 2);
    scenario.cluster.round_trip = ms(100);
    scenario.horizon = secs(125);
    let settings = &mut scenario.settings[0];
    settings.client = profile("aiokafka-blocking");
    settings.properties.session_timeout = secs(10);
    settings.properties.max_poll_records = 1;
    let told = run(&scenario);
    let refused = told.find(|fact| match fact {
        Fact::CommitFailed { error, .. } => *error,
        _ => None,
    });
    assert_eq!(refused[0].1, KafkaError::UnknownMemberId);
    let lost = told.find(|fact| match fact {
        Fact::PartitionsRevoked { lost: true, .. } => Some(()),
        _ => None,
    });
    assert_eq!(lost[0].0, refused[0].0 + ms(100));
    let totals = told.totals.partitions[0];
    assert_eq!((totals.processed, totals.duplicates), (2, 1));
}

/// A rebalance waits 5 s for members, and one that works 20 s on a record misses it. Its poll() commits, finds nothing to
/// read, and hears with the answer that it is no member any more: long before its heartbeat of every 40 s, which has to say
/// so to a client that only logs what became of the commit.
#[test]
fn a_commit_of_poll_that_is_refused_is_heard_while_poll_waits() {
    let first_lost = |rejoins| {
        let mut scenario = with_backlog(system(2, 3, 0.0, Law::Constant(20.0)), 1);
        scenario.horizon = secs(60);
        scenario.group.processes[2].start = Some(SimTime::from_secs(10));
        commits_by_itself(&mut scenario, "java");
        let settings = &mut scenario.settings[0];
        settings.client.rebalance_timeout = RebalanceTimeout::Fixed(secs(5));
        settings.client.refused_commit_rejoins = rejoins;
        settings.properties.heartbeat_interval = secs(40);
        let trip = scenario.cluster.round_trip;
        let told = run(&scenario);
        let refused = told.find(|fact| matches!(fact, Fact::CommitFailed { .. }).then_some(()));
        let lost = told.find(|fact| match fact {
            Fact::PartitionsRevoked { lost: true, .. } => Some(()),
            _ => None,
        });
        (lost[0].0, refused[0].0 + trip)
    };
    let (lost, answered) = first_lost(true);
    assert_eq!(lost, answered);
    assert!(lost < SimTime::from_secs(30), "{lost}");
    let (lost, _) = first_lost(false);
    assert!(lost > SimTime::from_secs(40), "{lost}");
}
