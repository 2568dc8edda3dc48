//! Outages of the dependency whose callers give up: after so many attempts a record is skipped, dead-lettered, or the
//! process exits.

use lagsim::scenario::{
    Action, BackOff, CommitPolicy, Downstream, DownstreamChange, GiveUp, GivesUp, OnError,
    OnOutage, Produce, Scenario,
};
use lagsim::sim::{Fact, StopReason};
use lagsim::units::{ProcessId, SimDuration};
use lagsim::workload::Law;

use crate::systems::{self, Told, at_ms, at_offset, run, secs, with, with_poison};

const DEAD_LETTER: GiveUp = GiveUp::DeadLetter(Produce::taking(SimDuration::from_millis(10)));
const CRASH: GiveUp = GiveUp::Crash { closes: false };

/// Three attempts, one second apart.
fn thrice(then: GiveUp) -> GivesUp {
    GivesUp {
        attempts: 3,
        back_off: BackOff {
            first: secs(1),
            multiplier: 1.0,
            max: secs(1),
        },
        then,
    }
}

fn once(then: GiveUp) -> GivesUp {
    GivesUp {
        attempts: 1,
        ..thrice(then)
    }
}

/// One partition and one member, 20 records per second of 10 ms and a call of 1 ms each, ten of them in a poll. From 100 s
/// to 600 s calls hang, and time out after 2 s, or are refused.
fn system(outage: DownstreamChange, gives_up: GivesUp) -> Scenario {
    let mut scenario = systems::system(1, 1, 20.0, Law::Constant(0.01));
    scenario.horizon = secs(1_200);
    scenario.settings[0].processing.calls = vec![1];
    scenario.settings[0].properties.max_poll_records = 10;
    scenario.downstreams = vec![Downstream {
        on_outage: OnOutage {
            timeout: Some(secs(2)),
            gives_up: Some(gives_up),
            ..OnOutage::default()
        },
        ..Downstream::new("bank", Law::Constant(0.001))
    }];
    let scenario = with(scenario, at_ms(100_000), Action::Downstream(0, outage));
    let resume = Action::Downstream(0, DownstreamChange::Resume);
    with(scenario, at_ms(600_000), resume)
}

fn hanging(gives_up: GivesUp) -> Scenario {
    system(DownstreamChange::Stop, gives_up)
}

fn refusing(gives_up: GivesUp) -> Scenario {
    system(DownstreamChange::Fail, gives_up)
}

fn committing(mut scenario: Scenario, commit: CommitPolicy) -> Scenario {
    scenario.settings[0].processing.commit = commit;
    scenario.settings[0].properties.enable_auto_commit = commit == CommitPolicy::Auto;
    scenario
}

/// So many records wait that one is in hand at any time.
fn backlogged(scenario: &mut Scenario) {
    scenario.topic.partitions[0].committed = Some(0);
    scenario.topic.partitions[0].log_end = 50_000;
}

fn given_up(told: &Told) -> u64 {
    let totals = told.totals.partitions[0];
    totals.skipped + totals.dead_lettered
}

#[test]
fn each_record_takes_its_attempts_their_pauses_and_its_produce() {
    // 10 ms, three timeouts, two pauses; with a produce another 10 ms.
    for (then, each) in [(GiveUp::Skip, 8.01), (DEAD_LETTER, 8.02)] {
        let told = run(&hanging(thrice(then)));
        let totals = told.totals.partitions[0];
        let expected = 500.0 / each;
        let found = given_up(&told) as f64;
        assert!(found <= expected + 1.0 && found > expected - 2.0, "{found}");
        assert_eq!(totals.skipped > 0, then == GiveUp::Skip);
        let last = told.total_lags().pop().expect("samples");
        assert!(last < 200, "{last} behind");
        assert_eq!(totals.duplicates + totals.lost, 0);
        assert!(totals.produced - totals.processed - given_up(&told) < 200);
    }
}

#[test]
fn whoever_skips_at_once_what_is_refused_keeps_up_and_processes_nothing() {
    let told = run(&refusing(once(GiveUp::Skip)));
    let skipped = told.totals.partitions[0].skipped as f64;
    let deviation = (20.0_f64 * 500.0).sqrt();
    assert!((skipped - 10_000.0).abs() < 4.0 * deviation, "{skipped}");
    assert!(told.total_lags().into_iter().max() < Some(60));
}

/// From the facts of the timeline alone: which attempt of the record in hand comes after the outage.
#[test]
fn the_record_in_hand_as_the_outage_ends_is_tried_again_at_its_next_attempt() {
    let first_after = |resumes: u64| {
        let mut scenario = committing(hanging(thrice(GiveUp::Skip)), CommitPolicy::PerRecord);
        scenario.timeline[1].at = at_ms(resumes);
        backlogged(&mut scenario);
        let told = run(&scenario);
        (told.totals.partitions[0].skipped, told)
    };
    // The record in hand begins to fail at 100 s: attempts until 102, 103 to 105, 106 to 108 s.
    let at = |told: &Told, second: usize| told.samples[second].1[0].committed.unwrap_or(0);
    let (skipped, told) = first_after(101_500);
    assert_eq!(skipped, 0, "its first attempt hung, and goes on");
    assert!(at(&told, 102) > at(&told, 101));
    let (skipped, told) = first_after(102_500);
    assert_eq!(skipped, 0, "it waits for its second attempt");
    assert_eq!(at(&told, 101), at(&told, 103));
    assert!(at(&told, 104) > at(&told, 103));
    let (skipped, _) = first_after(107_950);
    assert_eq!(skipped, 0, "its third attempt is under way");
    let (skipped, told) = first_after(108_050);
    assert_eq!(skipped, 1);
    assert!(
        at(&told, 109) > at(&told, 108) + 50,
        "the next one did not fail"
    );
    let (skipped, told) = first_after(110_500);
    assert_eq!(skipped, 1, "the second attempt of the next one is to come");
    assert_eq!(at(&told, 109), at(&told, 111));
}

#[test]
fn a_produce_that_is_under_way_when_the_outage_ends_is_finished() {
    let mut scenario = hanging(thrice(GiveUp::DeadLetter(Produce::taking(secs(5)))));
    scenario.timeline[1].at = at_ms(110_000);
    backlogged(&mut scenario);
    let scenario = committing(scenario, CommitPolicy::PerRecord);
    let told = run(&scenario);
    assert_eq!(told.totals.partitions[0].dead_lettered, 1);
    let at = |second: usize| told.samples[second].1[0].committed.unwrap_or(0);
    assert_eq!(at(101), at(112));
    assert!(at(115) > at(112) + 50);
}

/// Commits take a second: three attempts until 108 s, a produce of 5 s and one commit, then a record a second.
#[test]
fn the_record_in_hand_as_the_outage_ends_is_committed_once() {
    let mut scenario = hanging(thrice(GiveUp::DeadLetter(Produce::taking(secs(5)))));
    scenario.timeline[1].at = at_ms(110_000);
    scenario.cluster.commit_latency = secs(1);
    backlogged(&mut scenario);
    let told = run(&committing(scenario, CommitPolicy::PerRecord));
    let at = |second: usize| told.samples[second].1[0].committed.unwrap_or(0);
    assert_eq!(at(113), at(101));
    assert_eq!(at(117), at(113) + 3);
}

#[test]
fn several_records_at_a_time_are_given_up_together() {
    let mut scenario = hanging(thrice(GiveUp::Skip));
    scenario.settings[0].processing.concurrency = 5;
    backlogged(&mut scenario);
    let told = run(&scenario);
    // Batches of ten by five: two rounds.
    let found = given_up(&told) as f64;
    assert!((found - 5.0 * 500.0 / 8.01).abs() <= 12.0, "{found}");
    assert_eq!(told.totals.partitions[0].duplicates, 0);
}

#[test]
fn a_process_that_exits_is_started_again_until_the_outage_is_over() {
    let told = run(&refusing(once(CRASH)));
    let stops = told.find(|fact| match fact {
        Fact::ProcessStopped { reason, .. } => Some(*reason),
        _ => None,
    });
    assert!(
        stops
            .iter()
            .all(|(_, reason)| *reason == StopReason::Killed)
    );
    // At once, then after 10, 20, 40, 80, 160 and 300 s: the seventh start is after the outage. Each start takes its time
    // to join: a member that died without a word has to be missed first.
    assert!((4..=7).contains(&stops.len()), "{} exits", stops.len());
    let totals = told.totals.partitions[0];
    assert_eq!(given_up(&told) + totals.lost, 0);
    let last = told.total_lags().pop().expect("samples");
    assert!(last < 200, "{last} behind");
}

#[test]
fn nothing_is_left_behind_whatever_the_policy_of_commits() {
    let policies = [
        CommitPolicy::Auto,
        CommitPolicy::AfterBatch,
        CommitPolicy::PerRecord,
        CommitPolicy::Async,
    ];
    for commit in policies {
        for gives_up in [thrice(DEAD_LETTER), once(GiveUp::Skip), thrice(CRASH)] {
            for outage in [DownstreamChange::Stop, DownstreamChange::Fail] {
                let scenario = committing(system(outage, gives_up), commit);
                let told = run(&scenario);
                let totals = told.totals.partitions[0];
                let dealt_with = totals.processed + given_up(&told) + totals.lost;
                let left = totals.produced + totals.duplicates - dealt_with;
                assert!(left < 200, "{commit:?} {gives_up:?}: {left} left");
                let last = told.total_lags().pop().expect("samples");
                assert!(last < 200, "{commit:?} {gives_up:?}: {last} behind");
            }
        }
    }
}

/// Two seconds per record, and 500 of them in a poll: nobody polls within max.poll.interval.ms.
#[test]
fn a_batch_of_failing_records_outlasts_the_poll_interval() {
    let mut scenario = hanging(GivesUp {
        attempts: 1,
        ..thrice(GiveUp::Skip)
    });
    scenario.settings[0].properties.max_poll_records = 500;
    scenario.timeline[1].at = at_ms(900_000);
    backlogged(&mut scenario);
    let told = run(&scenario);
    let evicted = told.find(|fact| matches!(fact, Fact::MemberEvicted { .. }).then_some(()));
    assert!(!evicted.is_empty());
}

#[test]
fn an_outage_that_turns_from_hanging_to_refusing_is_felt_at_once() {
    let scenario = hanging(thrice(GiveUp::Skip));
    let refuses = Action::Downstream(0, DownstreamChange::Fail);
    let mut scenario = with(scenario, at_ms(300_000), refuses);
    scenario.timeline.sort_by_key(|entry| entry.at);
    let told = run(&scenario);
    // 200 s by 8.01 s each, then 300 s by 2.01 s each.
    let expected = 200.0 / 8.01 + 300.0 / 2.01;
    let found = given_up(&told) as f64;
    assert!((found - expected).abs() < 4.0, "{found} for {expected}");
}

#[test]
fn a_member_frozen_through_the_end_of_an_outage_learns_of_it_as_it_goes_on() {
    let freeze = Action::Freeze {
        processes: vec![ProcessId(0)],
        length: secs(30),
    };
    let mut scenario = with(hanging(thrice(GiveUp::Skip)), at_ms(590_000), freeze);
    scenario.timeline.sort_by_key(|entry| entry.at);
    let told = run(&scenario);
    let last = told.total_lags().pop().expect("samples");
    assert!(last < 200, "{last} behind");
}

/// A curve of many points looks into the batch while its records are committed one by one.
#[test]
fn what_is_given_up_is_told_however_often_the_curve_is_sampled() {
    let given_up = |sample| {
        let scenario = systems::system(1, 1, 10.0, Law::Constant(0.5));
        let skip = OnError::Retry {
            seeks: false,
            attempts: 1,
            back_off: thrice(GiveUp::Skip).back_off,
            then: GiveUp::Skip,
        };
        let scenario = with_poison(scenario, at_offset(0, 40), None, skip);
        let mut scenario = committing(scenario, CommitPolicy::PerRecord);
        scenario.horizon = secs(600);
        scenario.sample = secs(sample);
        let told = run(&scenario);
        told.find(|fact| matches!(fact, Fact::PoisonGivenUp { .. }).then_some(()))
    };
    assert_eq!(given_up(1).len(), 1);
    assert_eq!(given_up(1), given_up(100));
}
