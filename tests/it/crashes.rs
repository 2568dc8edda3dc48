//! Processes that exit because of a record they cannot process, and the supervisor that starts them again.

use lagsim::platform::RestartPolicy;
use lagsim::scenario::{Action, BackOff, CommitPolicy, GiveUp, OnError, OnStop, Scenario};
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::{ProcessId, SimTime};
use lagsim::workload::Law;

use crate::systems::{self, Told, at_ms, at_offset, ms, run, secs, with, with_poison};

/// The process exits after the first attempt.
fn crash(closes: bool) -> OnError {
    OnError::once(GiveUp::Crash { closes })
}

/// `partitions` with a record per second and partition, of 1 ms each, and a poison record at offset 20 of the first.
fn system(partitions: usize, members: u32, closes: bool, commit: CommitPolicy) -> Scenario {
    let rate = partitions as f64;
    let mut scenario = systems::system(partitions, members, rate, Law::Constant(0.001));
    scenario.production.pattern = lagsim::workload::Pattern::Constant;
    scenario.horizon = secs(1_500);
    scenario.settings[0].processing.commit = commit;
    scenario.settings[0].properties.enable_auto_commit = commit == CommitPolicy::Auto;
    with_poison(scenario, at_offset(0, 20), Some(ms(10)), crash(closes))
}

/// Who exits when, and when it is started again [s].
fn exits(told: &Told) -> Vec<(ProcessId, f64, Option<f64>)> {
    let found = told.find(|fact| match fact {
        Fact::Crashed {
            process,
            restarts_at,
            ..
        } => Some((*process, restarts_at.map(SimTime::as_secs_f64))),
        _ => None,
    });
    let timed = found.into_iter();
    timed
        .map(|(at, (who, again))| (who, at.as_secs_f64(), again))
        .collect()
}

fn pauses(told: &Told) -> Vec<u64> {
    let exits = exits(told).into_iter();
    exits
        .map(|(_, at, again)| (again.expect("a restart") - at).round() as u64)
        .collect()
}

/// Subscribe at the restart: 3 round trips of 2 ms to find the coordinator, JoinGroup twice (MEMBER_ID_REQUIRED), SyncGroup
/// and its write of 2 ms, OffsetFetch, a fetch, and the attempt of 10 ms.
const REACHES_THE_RECORD: f64 = 0.006 + 0.004 + 0.002 + 0.002 + 0.002 + 0.002 + 0.010;

#[test]
fn a_process_that_closes_its_consumer_meets_the_record_again_as_soon_as_it_is_back() {
    let told = run(&system(1, 1, true, CommitPolicy::PerRecord));
    let exits = exits(&told);
    assert_eq!(pauses(&told)[..8], [0, 10, 20, 40, 80, 160, 300, 300]);
    for pair in exits.windows(2) {
        let (restarted, next) = (pair[0].2.expect("a restart"), pair[1].1);
        let took = next - restarted;
        assert!(
            (took - REACHES_THE_RECORD).abs() < 0.005,
            "{took} s after its restart"
        );
    }
    assert_eq!(told.totals.crashes, exits.len() as u64);
    assert_eq!(told.totals.poison_attempts, exits.len() as u64);
    let (_, last) = told.samples.last().expect("samples");
    assert_eq!(last[0].committed, Some(20), "the commit stays where it was");
    assert_eq!(last[0].state, PartitionState::Blocked);
}

/// The member that died is in the group until its session is over, and the join barrier waits for it: 45 s each time.
#[test]
fn a_process_that_dies_without_a_word_is_waited_for_until_its_session_is_over() {
    let mut scenario = system(1, 1, false, CommitPolicy::PerRecord);
    scenario.settings[0].properties.session_timeout = secs(45);
    let told = run(&scenario);
    let exits = exits(&told);
    // 20 s, 45 s later without a pause, 45 s later after 10 s of it, ...; a heartbeat of 3 s may have been the last.
    let gaps: Vec<f64> = exits.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    assert!((gaps[0] - 43.5).abs() < 1.6, "{gaps:?}");
    assert!((gaps[1] - 45.0).abs() < 3.1, "{gaps:?}");
    assert!(
        (gaps[6] - 300.0).abs() < 0.1,
        "the pause is longer than the session: {gaps:?}"
    );
}

#[test]
fn a_batch_that_is_not_committed_is_repeated_before_every_crash() {
    let mut scenario = system(1, 1, true, CommitPolicy::AfterBatch);
    scenario.topic.partitions[0].log_end = 25;
    let told = run(&scenario);
    let (_, last) = told.samples.last().expect("samples");
    assert_eq!(last[0].committed, Some(0), "nothing is ever committed");
    let totals = told.totals.partitions[0];
    assert_eq!(totals.processed, 20 * told.totals.crashes);
    assert_eq!(totals.duplicates, 20 * (told.totals.crashes - 1));
}

/// `KafkaConsumer#close` commits the positions, and they are beyond the record.
#[test]
fn closing_with_auto_commit_loses_the_record_and_the_rest_of_its_batch() {
    let mut scenario = system(1, 1, true, CommitPolicy::Auto);
    scenario.topic.partitions[0].log_end = 25;
    let told = run(&scenario);
    let totals = told.totals.partitions[0];
    assert_eq!(told.totals.crashes, 1);
    assert_eq!((totals.lost, totals.lost_by.revocation), (5, 5));
    assert!(told.total_lags().pop().expect("samples") < 10);
    // Without the close the next process begins at the committed offset.
    let mut scenario = system(1, 1, false, CommitPolicy::Auto);
    scenario.topic.partitions[0].log_end = 25;
    let told = run(&scenario);
    assert!(told.totals.crashes > 5);
    assert_eq!(told.totals.partitions[0].lost, 0);
}

/// Whoever takes the partition over exits too, and every time the whole group stands still.
#[test]
fn a_poison_record_migrates_and_partitions_without_one_suffer() {
    let scenario = system(4, 2, false, CommitPolicy::AfterBatch);
    let told = run(&scenario);
    for process in [ProcessId(0), ProcessId(1)] {
        assert!(exits(&told).iter().any(|(who, _, _)| *who == process));
    }
    let waited = |told: &Told| {
        let samples = told.samples.iter();
        samples
            .map(|(_, all)| all[3].log_end - all[3].committed.unwrap_or(0))
            .sum::<u64>()
    };
    let mut healthy = scenario;
    healthy.poison.clear();
    healthy.settings[0].on_error.clear();
    let healthy = run(&healthy);
    assert!(
        waited(&told) > 10 * waited(&healthy),
        "{} and {}",
        waited(&told),
        waited(&healthy)
    );
    let stable = told.stable_at().len();
    assert!(
        stable > 2 * healthy.stable_at().len(),
        "{stable} generations"
    );
}

#[test]
fn a_static_member_that_is_back_within_its_session_costs_no_rebalance() {
    let scenario = systems::all_static(system(2, 2, false, CommitPolicy::AfterBatch));
    let told = run(&scenario);
    let crashes = exits(&told);
    // A pause of 40 s is within session.timeout.ms, one of 80 s is not.
    let before = crashes
        .iter()
        .position(|(_, at, again)| again.expect("one") - at > 45.0);
    let late = crashes[before.expect("a long pause")].1;
    let early: Vec<SimTime> = told
        .stable_at()
        .into_iter()
        .filter(|at| at.as_secs_f64() < late)
        .collect();
    assert_eq!(early.len(), 1, "{early:?}");
    assert!(told.stable_at().len() > 1);
}

#[test]
fn who_runs_long_enough_between_two_crashes_is_restarted_at_once() {
    let mut scenario = system(1, 1, true, CommitPolicy::PerRecord);
    scenario.settings[0].processing.restart = RestartPolicy {
        back_off: secs(5),
        max_back_off: secs(7),
        reset_after: secs(30),
        start_up: secs(2),
    };
    let told = run(&scenario);
    assert_eq!(pauses(&told)[..5], [0, 5, 7, 7, 7]);
    let exits = exits(&told);
    let took = exits[1].1 - exits[0].1;
    assert!(
        (took - 2.0 - REACHES_THE_RECORD).abs() < 0.005,
        "start-up counts: {took}"
    );
}

#[test]
fn a_process_that_was_told_to_stop_is_not_started_again() {
    let mut scenario = system(1, 1, true, CommitPolicy::AfterBatch);
    scenario.settings[0].processing.on_stop = OnStop::FinishBatch;
    scenario.poison[0].attempt = Some(secs(10));
    let stop = Action::Stop {
        processes: vec![ProcessId(0)],
        graceful: true,
    };
    let told = run(&with(scenario, at_ms(25_000), stop));
    let exits = exits(&told);
    assert_eq!(exits.len(), 1);
    assert_eq!(exits[0].2, None);
}

#[test]
fn attempts_come_before_the_crash() {
    let mut scenario = system(1, 1, true, CommitPolicy::PerRecord);
    let retry = |seeks| OnError::Retry {
        seeks,
        attempts: 4,
        back_off: BackOff {
            first: secs(1),
            multiplier: 2.0,
            max: secs(30),
        },
        then: GiveUp::Crash { closes: true },
    };
    for seeks in [false, true] {
        scenario.settings[0].on_error = vec![retry(seeks)];
        let told = run(&scenario);
        let first = exits(&told)[0].1;
        // The record of 21 s, four attempts of 10 ms, and pauses of 1, 2 and 4 s between them.
        assert!(
            (first - (21.0 + 0.04 + 7.0)).abs() < 0.05,
            "{seeks}: {first}"
        );
        assert_eq!(told.totals.poison_attempts, 4 * told.totals.crashes);
    }
}

/// librdkafka's timer commits every 5 s what has been handed out, while the application is at it too
/// (`rd_kafka_cgrp_offset_commit_tmr_cb`): the next process begins behind the record.
#[test]
fn a_timer_commits_under_a_long_attempt_and_the_record_is_lost_with_the_rest_of_its_batch() {
    let mut scenario = system(1, 1, false, CommitPolicy::Auto);
    scenario.topic.partitions[0].log_end = 25;
    scenario.settings[0].client = systems::profile("librdkafka");
    let attempt = |scenario: &Scenario, takes| {
        let mut scenario = scenario.clone();
        scenario.poison.clear();
        scenario.settings[0].on_error.clear();
        with_poison(scenario, at_offset(0, 20), Some(takes), crash(false))
    };
    let told = run(&attempt(&scenario, secs(30)));
    let totals = told.totals.partitions[0];
    assert_eq!(told.totals.crashes, 1);
    assert_eq!(totals.lost, 5, "{totals:?}");
    assert_eq!(totals.duplicates, 0, "{totals:?}");
    assert!(told.total_lags().pop().expect("samples") < 10);
    // Shorter than the timer, it comes again until a timer falls into it.
    let told = run(&attempt(&scenario, ms(10)));
    assert!(told.totals.crashes > 5, "{}", told.totals.crashes);
    // What polls before the last one have returned is committed, the batch in hand is not.
    scenario.settings[0].client = systems::profile("franz-go");
    let told = run(&attempt(&scenario, secs(30)));
    assert!(told.totals.crashes > 5, "{}", told.totals.crashes);
    assert_eq!(told.totals.partitions[0].lost, 0);
}
