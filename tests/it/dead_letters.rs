//! A dead-letter topic that is down: produces that time out or are refused, and what becomes of their records.

use lagsim::scenario::{
    Action, BackOff, CommitPolicy, DeadLetterTopic, Downstream, DownstreamChange, GiveUp, GivesUp,
    OnError, OnFailure, OnOutage, Produce, Scenario,
};
use lagsim::sim::{Fact, Fate, PartitionState};
use lagsim::units::{PartitionId, ProcessId, SimTime};
use lagsim::workload::Law;

use crate::systems::{
    self, Told, at_ms, at_offset, ms, run, secs, with, with_backlog, with_poison, without_latencies,
};

use DeadLetterTopic::{Failing, Stopped, Up};

/// A produce of a second, given up after twenty.
fn produce(on_failure: OnFailure) -> Produce {
    Produce {
        takes: secs(1),
        timeout: secs(20),
        on_failure,
    }
}

/// Three attempts, a second apart, then the dead-letter topic.
fn thrice(on_failure: OnFailure, seeks: bool) -> OnError {
    OnError::Retry {
        attempts: 3,
        back_off: BackOff {
            first: secs(1),
            multiplier: 1.0,
            max: secs(1),
        },
        then: GiveUp::DeadLetter(produce(on_failure)),
        seeks,
    }
}

/// A backlog of records of 10 ms, ten in a poll, committed one by one; without latencies. The record at offset 100 fails, each
/// attempt after a second, and is the first of its poll.
fn system(on_failure: OnFailure, seeks: bool, turns: &[(u64, DeadLetterTopic)]) -> Scenario {
    let scenario = without_latencies(systems::system(1, 1, 0.0, Law::Constant(0.01)));
    let mut scenario = with_backlog(scenario, 2_000);
    scenario.horizon = secs(200);
    scenario.sample = ms(100);
    scenario.settings[0].properties.max_poll_records = 10;
    scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
    let attempt = Some(secs(1));
    let on_error = thrice(on_failure, seeks);
    down(
        with_poison(scenario, at_offset(0, 100), attempt, on_error),
        turns,
    )
}

/// How the dead-letter topic answers from when on [ms].
fn down(mut scenario: Scenario, turns: &[(u64, DeadLetterTopic)]) -> Scenario {
    for (at, answers) in turns {
        scenario = with(scenario, at_ms(*at), Action::DeadLetter(*answers));
    }
    scenario
}

/// When its record is met: from then on time counts here.
fn met(on_failure: OnFailure, seeks: bool) -> u64 {
    let told = run(&system(on_failure, seeks, &[]));
    let met = told.find(|fact| matches!(fact, Fact::PoisonMet { .. }).then_some(()));
    met[0].0.as_nanos() / 1_000_000
}

/// What became of its record, and when [ms after it was met].
fn given_up(told: &Told, met: u64) -> Vec<(u64, Fate)> {
    let found = told.find(|fact| match fact {
        Fact::PoisonGivenUp { fate, .. } => Some(*fate),
        _ => None,
    });
    let found = found.into_iter();
    found
        .map(|(at, fate)| (at.as_nanos() / 1_000_000 - met, fate))
        .collect()
}

/// One round of which the topic answers as it does: when the record is through [ms after it was met], after how many attempts
/// and failed produces.
type Row = (&'static [(u64, DeadLetterTopic)], u64, u64, u64);

fn come_to(rows: &[Row], on_failure: OnFailure) {
    for seeks in [false, true] {
        let met = met(on_failure, seeks);
        for (turns, through, attempts, failed) in rows {
            let later: Vec<_> = turns.iter().map(|(at, to)| (met + at, *to)).collect();
            let told = run(&system(on_failure, seeks, &later));
            let name = format!("seeks: {seeks}, {turns:?}");
            let found = given_up(&told, met);
            assert_eq!(found, [(*through, Fate::DeadLettered)], "{name}");
            assert_eq!(told.totals.poison_attempts, *attempts, "{name}");
            assert_eq!(told.totals.dead_letters_failed, *failed, "{name}");
            let totals = told.totals.partitions[0];
            assert_eq!((totals.processed, totals.dead_lettered), (1_999, 1));
            assert_eq!((totals.skipped, totals.duplicates), (0, 0), "{name}");
        }
    }
}

/// Five seconds of attempts, then a produce of one second that is given up after twenty.
#[test]
fn a_record_starts_anew_until_the_dead_letter_topic_is_back() {
    let rows: [Row; 11] = [
        // It is back in an attempt of the first round,
        (&[(0, Stopped), (2_500, Up)], 6_000, 3, 0),
        // in the produce, which is tried again and acknowledged, just in time,
        (&[(0, Stopped), (10_000, Up)], 11_000, 3, 0),
        (&[(0, Stopped), (23_900, Up)], 24_900, 3, 0),
        // or too late;
        (&[(0, Stopped), (24_500, Up)], 31_000, 6, 1),
        // in an attempt of the second round, in the produce of the third, too late in that.
        (&[(0, Stopped), (27_500, Up)], 31_000, 6, 1),
        (&[(0, Stopped), (62_000, Up)], 63_000, 9, 2),
        (&[(0, Stopped), (74_500, Up)], 81_000, 12, 3),
        // It goes as the answer is on its way, or has come, or before anything is produced.
        (&[(5_500, Stopped), (60_000, Up)], 61_000, 9, 2),
        (&[(6_001, Stopped), (60_000, Up)], 6_000, 3, 0),
        (&[(3_500, Stopped), (4_500, Up)], 6_000, 3, 0),
        // It comes and goes under one produce.
        (
            &[(4_000, Stopped), (7_000, Up), (7_500, Stopped), (9_000, Up)],
            10_000,
            3,
            0,
        ),
    ];
    come_to(&rows, OnFailure::Retry);
}

#[test]
fn a_produce_is_refused_when_it_would_have_been_acknowledged() {
    let rows: [Row; 6] = [
        (&[(0, Failing), (2_500, Up)], 6_000, 3, 0),
        // The answer says how the topic is as it comes.
        (&[(0, Failing), (5_500, Up)], 6_000, 3, 0),
        (&[(5_500, Failing), (6_500, Up)], 12_000, 6, 1),
        (&[(0, Failing), (6_001, Up)], 12_000, 6, 1),
        (&[(0, Failing), (5_500, Stopped), (8_000, Up)], 9_000, 3, 0),
        // Refused once it answers again, and at the end of the next round.
        (
            &[(0, Stopped), (10_000, Failing), (20_000, Up)],
            23_000,
            9,
            2,
        ),
    ];
    come_to(&rows, OnFailure::Retry);
}

#[test]
fn what_cannot_be_produced_is_skipped_where_the_application_does_so() {
    for seeks in [false, true] {
        let met = met(OnFailure::Skip, seeks);
        for (answers, through) in [(Stopped, 25_000), (Failing, 6_000)] {
            let told = run(&system(OnFailure::Skip, seeks, &[(0, answers)]));
            let found = given_up(&told, met);
            assert_eq!(found, [(through, Fate::Undelivered)]);
            let totals = told.totals.partitions[0];
            assert_eq!((totals.skipped, totals.dead_lettered), (1, 0));
            assert_eq!(told.totals.dead_letters_failed, 1);
            assert_eq!(told.totals.poison_attempts, 3);
        }
    }
}

#[test]
fn a_process_exits_at_what_it_cannot_produce_until_the_topic_is_back() {
    let met = met(OnFailure::Crash, false);
    let mut scenario = system(
        OnFailure::Crash,
        false,
        &[(0, Stopped), (met + 300_000, Up)],
    );
    scenario.horizon = secs(1_500);
    let told = run(&scenario);
    let exits = told.find(|fact| match fact {
        Fact::Crashed { offset, .. } => Some(*offset),
        _ => None,
    });
    assert_eq!(exits[0], (at_ms(met + 25_000), 100));
    assert!(exits.len() > 2 && exits.iter().all(|(_, offset)| *offset == 100));
    assert_eq!(told.totals.dead_letters_failed, exits.len() as u64);
    assert_eq!(told.totals.poison_attempts, 3 * (exits.len() as u64 + 1));
    let totals = told.totals.partitions[0];
    assert_eq!((totals.dead_lettered, totals.skipped), (1, 0));
    assert_eq!(totals.lost, 0);
}

/// Whatever the topic does while nothing is on its way there.
#[test]
fn an_outage_that_nobody_meets_costs_nothing() {
    let met = met(OnFailure::Crash, false);
    for commit in [CommitPolicy::PerRecord, CommitPolicy::AfterBatch] {
        let came_to = |turns: &[(u64, DeadLetterTopic)]| {
            let mut scenario = system(OnFailure::Crash, false, turns);
            scenario.settings[0].processing.commit = commit;
            let told = run(&scenario);
            let curves = told.samples.iter().map(|(_, own)| {
                let (committed, position) = (own[0].committed, own[0].position);
                (committed, position)
            });
            (
                given_up(&told, met),
                told.totals.clone(),
                curves.collect::<Vec<_>>(),
            )
        };
        for (goes, comes) in [
            (0, met - 333),
            (met + 1_234, met + 4_321),
            (met + 7_777, 99_999),
        ] {
            let found = came_to(&[(goes, Stopped), (comes, Up)]);
            assert_eq!(found, came_to(&[]), "{goes} to {comes}");
        }
    }
}

#[test]
fn lag_behind_it_is_blocked_by_the_record() {
    for (on_failure, seeks) in [
        (OnFailure::Retry, false),
        (OnFailure::Retry, true),
        (OnFailure::Skip, false),
    ] {
        let met = met(on_failure, seeks);
        let turns = [(met + 5_500, Stopped), (met + 24_500, Up)];
        let told = run(&system(on_failure, seeks, &turns));
        let state = |after: u64| {
            let at = at_ms(met + after);
            let sample = told.samples.iter().find(|(time, _)| *time >= at);
            sample.expect("a sample").1[0].state
        };
        assert_eq!(state(10_000), PartitionState::Blocked, "{on_failure:?}");
        assert_ne!(state(33_000), PartitionState::Blocked, "{on_failure:?}");
    }
}

/// Two members, and a dead-letter topic that is away for twenty minutes.
fn away_for_long(seeks: bool) -> Told {
    let scenario = systems::system(2, 2, 10.0, Law::Constant(0.01));
    let on_error = thrice(OnFailure::Retry, seeks);
    let scenario = with_poison(scenario, at_offset(0, 100), Some(secs(1)), on_error);
    let mut scenario = down(scenario, &[(0, Stopped), (1_200_000, Up)]);
    scenario.horizon = secs(3_600);
    run(&scenario)
}

#[test]
fn a_handler_that_starts_records_anew_outlasts_the_poll_interval() {
    let evicted = |told: &Told| {
        let evicted = told.find(|fact| matches!(fact, Fact::MemberEvicted { .. }).then_some(()));
        evicted.len()
    };
    let told = away_for_long(false);
    // The first after 300 s, then the one that takes its partition over; both stay in their handlers.
    assert_eq!(evicted(&told), 2);
    let totals = told.totals.partitions[0];
    assert_eq!(
        totals.dead_lettered, 3,
        "each of them, and whoever reads it then"
    );
    assert_eq!(totals.lost, 0);
    assert!(told.total_lags().last() < Some(&50));
    // Whoever seeks polls once a round.
    let told = away_for_long(true);
    assert_eq!(evicted(&told), 0);
    let totals = told.totals.partitions[0];
    assert_eq!((totals.dead_lettered, totals.duplicates), (1, 0));
    assert_eq!(told.totals.dead_letters_failed, 1_199 / 25);
}

/// One member, a call of 1 ms and 10 ms of work per record; calls hang from 100 s to 600 s, and time out after 2 s.
fn calling(on_failure: OnFailure, turns: &[(u64, DeadLetterTopic)]) -> Scenario {
    let scenario = systems::system(1, 1, 20.0, Law::Constant(0.01));
    let mut scenario = with_backlog(scenario, 50_000);
    scenario.horizon = secs(700);
    scenario.settings[0].processing.calls = vec![1];
    scenario.settings[0].properties.max_poll_records = 10;
    scenario.downstreams = vec![Downstream {
        on_outage: OnOutage {
            timeout: Some(secs(2)),
            gives_up: Some(GivesUp {
                attempts: 1,
                back_off: BackOff::NONE,
                then: GiveUp::DeadLetter(produce(on_failure)),
            }),
            ..OnOutage::default()
        },
        ..Downstream::new("bank", Law::Constant(0.001))
    }];
    let stop = Action::Downstream(0, DownstreamChange::Stop);
    let scenario = with(scenario, at_ms(100_000), stop);
    let resume = Action::Downstream(0, DownstreamChange::Resume);
    let scenario = with(scenario, at_ms(600_000), resume);
    let mut scenario = down(scenario, turns);
    scenario.timeline.sort_by_key(|entry| entry.at);
    scenario
}

#[test]
fn a_record_whose_calls_fail_starts_anew_until_either_is_back() {
    // 10 ms, a timeout and a produce that fails; then, once it is taken, the next.
    let told = run(&calling(OnFailure::Retry, &[(0, Stopped), (400_000, Up)]));
    let failed = told.totals.dead_letters_failed as f64;
    assert!((failed - 300.0 / 22.01).abs() <= 1.0, "{failed}");
    let through = told.totals.partitions[0].dead_lettered as f64;
    assert!((through - 200.0 / 3.01).abs() <= 2.0, "{through}");
    // Its calls succeed once the dependency is back, and none is lost.
    let told = run(&calling(OnFailure::Retry, &[(0, Stopped)]));
    let totals = told.totals.partitions[0];
    assert_eq!(
        (totals.dead_lettered, totals.skipped, totals.lost),
        (0, 0, 0)
    );
    let failed = told.totals.dead_letters_failed as f64;
    assert!((failed - 500.0 / 22.01).abs() <= 1.0, "{failed}");
    let at = |second: usize| told.samples[second].1[0].committed.unwrap_or(0);
    // The tenth of its poll may be the last that was done before.
    assert!(at(599) <= at(101) + 10 && at(650) > at(599) + 1_000);
}

#[test]
fn records_whose_calls_fail_are_skipped_or_make_their_process_exit() {
    let told = run(&calling(OnFailure::Skip, &[(0, Failing), (400_000, Up)]));
    let totals = told.totals.partitions[0];
    let (skipped, through) = (totals.skipped as f64, totals.dead_lettered as f64);
    assert!((skipped - 300.0 / 3.01).abs() <= 2.0, "{skipped}");
    assert!((through - 200.0 / 3.01).abs() <= 2.0, "{through}");
    assert_eq!(told.totals.dead_letters_failed, totals.skipped);
    let told = run(&calling(OnFailure::Crash, &[(0, Stopped), (400_000, Up)]));
    assert!(told.totals.crashes > 2);
    assert_eq!(told.totals.dead_letters_failed, told.totals.crashes);
    assert!(told.totals.partitions[0].dead_lettered > 0);
}

#[test]
fn a_member_frozen_as_the_topic_comes_back_learns_of_it_as_it_goes_on() {
    let met = met(OnFailure::Retry, false);
    let turns = [(0, Stopped), (met + 12_000, Up)];
    let freeze = Action::Freeze {
        processes: vec![ProcessId(0)],
        length: secs(5),
    };
    let mut scenario = system(OnFailure::Retry, false, &turns);
    scenario = with(scenario, at_ms(met + 10_000), freeze);
    scenario.timeline.sort_by_key(|entry| entry.at);
    // Five of the producer's twenty seconds are left out, too: it stands still with its process.
    let found = given_up(&run(&scenario), met);
    assert_eq!(found, [(16_000, Fate::DeadLettered)]);
}

/// What fails in the last retry topic goes there; the topic itself notices nothing.
#[test]
fn a_dead_letter_topic_behind_retry_topics_holds_up_the_last_of_them() {
    let scenario = systems::system(1, 1, 10.0, Law::Constant(0.01));
    let passed_on = |on_failure| {
        let then = GiveUp::RetryTopic(produce(on_failure));
        let scenario = with_poison(
            scenario.clone(),
            at_offset(0, 40),
            None,
            OnError::once(then),
        );
        systems::with_retry_topics(scenario, &[secs(1), secs(5)])
    };
    let up = systems::run_chain(&passed_on(OnFailure::Retry));
    let resumes = at_ms(50_000);
    for (on_failure, skipped) in [(OnFailure::Retry, 0), (OnFailure::Skip, 1)] {
        let scenario = down(passed_on(on_failure), &[(0, Stopped), (50_000, Up)]);
        let links = systems::run_chain(&scenario);
        for index in 0..2 {
            assert_eq!(links[index].told.totals, up[index].told.totals);
        }
        let totals = &links[2].told.totals;
        let own = totals.partitions[0];
        assert_eq!((own.skipped, own.dead_lettered), (skipped, 1 - skipped));
        assert!(totals.dead_letters_failed > 0);
        let through = links[2].told.samples.iter();
        let mut through = through.filter(|(_, own)| own[0].committed == Some(1));
        let first: SimTime = through.next().expect("a commit").0;
        assert_eq!(first > resumes, on_failure == OnFailure::Retry, "{first}");
    }
}

/// One whose records go there is not in the way of a partition that nobody else reads by now.
#[test]
fn a_partition_that_is_free_again_is_not_told_to_be_blocked() {
    let mut scenario = system(OnFailure::Retry, true, &[(0, Stopped), (60_000, Up)]);
    scenario.poison[0].which = lagsim::scenario::PoisonRecords::Share(0.001);
    let told = run(&scenario);
    let met = told.find(|fact| match fact {
        Fact::PoisonMet {
            partition, offset, ..
        } => Some((*partition, *offset)),
        _ => None,
    });
    let given_up = told.find(|fact| match fact {
        Fact::PoisonGivenUp {
            partition, offset, ..
        } => Some((*partition, *offset)),
        _ => None,
    });
    let (_, (partition, offset)) = met[0];
    assert_eq!(partition, PartitionId(0));
    let told = given_up.iter().map(|(_, record)| *record);
    assert!(told.into_iter().any(|record| record == (partition, offset)));
}
