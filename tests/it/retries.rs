//! Retry topics: records that are given up are produced to one, read again after a delay by a group of their own in the same
//! processes, and end up in the dead-letter topic if nothing helps.

use lagsim::experiment::{run_once, run_replications};
use lagsim::kafka::OffsetReset;
use lagsim::measure::{Keep, KeptCurves, Outcome};
use lagsim::scenario::{
    Action, BackOff, CommitPolicy, Downstream, DownstreamChange, GiveUp, GivesUp, OnError,
    OnOutage, PassedOn, PoisonRecords, Produce, Scenario,
};
use lagsim::units::{SimDuration, SimTime};
use lagsim::workload::{Law, Pattern};

use crate::systems::{
    self, Link, as_dead_lettered, at_ms, at_offset, lag_records, ms, run_chain, secs, with,
    with_backlog, with_poison, with_retry_topics,
};

const PRODUCE: SimDuration = SimDuration::from_millis(10);
const RETRY: GiveUp = GiveUp::RetryTopic(Produce::taking(PRODUCE));
const DEAD_LETTER: GiveUp = GiveUp::DeadLetter(Produce::taking(PRODUCE));

/// The dependency refuses all calls from 10 to 20 min; whoever is refused gives the record up at once.
fn outage(mut scenario: Scenario, then: GiveUp) -> Scenario {
    scenario.horizon = secs(3_600);
    for settings in &mut scenario.settings {
        settings.processing.calls = vec![1];
    }
    scenario.downstreams = vec![Downstream {
        on_outage: OnOutage {
            timeout: Some(secs(2)),
            gives_up: Some(GivesUp {
                attempts: 1,
                back_off: BackOff::NONE,
                then,
            }),
            ..OnOutage::default()
        },
        ..Downstream::new("bank", Law::Constant(0.005))
    }];
    let fail = Action::Downstream(0, DownstreamChange::Fail);
    let resume = Action::Downstream(0, DownstreamChange::Resume);
    with(
        with(scenario, at_ms(600_000), fail),
        at_ms(1_200_000),
        resume,
    )
}

/// 20 records a second, evenly, on four partitions.
fn even(then: GiveUp) -> Scenario {
    let mut scenario = systems::system(4, 2, 20.0, Law::Constant(0.001));
    scenario.production.pattern = Pattern::Constant;
    outage(scenario, then)
}

/// One partition and one member with ten poison records in its first batch; each takes 100 ms to fail and 10 to be produced.
fn ten_poisoned(then: GiveUp) -> Scenario {
    let scenario = with_backlog(systems::system(1, 1, 0.0, Law::Constant(0.001)), 10);
    let handling = OnError::once(then);
    with_poison(scenario, PoisonRecords::Share(1.0), Some(ms(100)), handling)
}

fn about(found: u64, expected: u64) {
    // What is in hand as the outage begins and ends: a record or two of each partition.
    assert!(found.abs_diff(expected) <= 16, "{found}, not {expected}");
}

fn of_topics<T>(
    outcome: &Outcome,
    figure: impl Fn(&lagsim::measure::RetryTopicFigures) -> T,
) -> Vec<T> {
    outcome.summary.retry_topics.iter().map(figure).collect()
}

fn instants(passed_on: &[Vec<PassedOn>]) -> Vec<SimTime> {
    passed_on.iter().flatten().map(|record| record.at).collect()
}

/// A record given up at t is tried again at t plus the delays before: it fails while that is within the outage of 600 s.
#[test]
fn an_outage_sends_to_the_dead_letter_topic_what_all_delays_together_do_not_carry_past_its_end() {
    // After 1, 3 and 6 minutes: what came in the first 9, 7 and 4 minutes fails again.
    let scenario = with_retry_topics(even(RETRY), &[secs(60), secs(120), secs(180)]);
    let outcome = run_once(&scenario, 0, Keep::SUMMARY);
    for (found, expected) in of_topics(&outcome, |own| own.produced)
        .into_iter()
        .zip([12_000, 10_800, 8_400])
    {
        about(found, expected);
    }
    about(outcome.summary.accounts.retried, 12_000);
    about(outcome.summary.accounts.dead_lettered, 4_800);
    let processed = of_topics(&outcome, |own| own.processed);
    about(processed.iter().sum(), 7_200);
    // The last that each got: given up at 20 min; at 10 + 9 min and a minute later; at 10 + 7 and 3 minutes later.
    let through = of_topics(&outcome, |own| own.through_at_s.expect("through"));
    for (found, expected) in through.into_iter().zip([1_260.0, 1_320.0, 1_380.0]) {
        assert!((found - expected).abs() <= 3.0, "{found}, not {expected}");
    }
    assert_eq!(outcome.summary.retry_lag(), 0);
}

#[test]
fn delays_that_outlast_the_outage_lose_nothing() {
    let scenario = with_retry_topics(even(RETRY), &[secs(60), secs(300), secs(900)]);
    let outcome = run_once(&scenario, 0, Keep::SUMMARY);
    assert_eq!(outcome.summary.accounts.dead_lettered, 0);
    for (found, expected) in of_topics(&outcome, |own| own.produced)
        .into_iter()
        .zip([12_000, 10_800, 4_800])
    {
        about(found, expected);
    }
    // The last to fail thrice was given up at 14 min, and is tried again 21 min later.
    let through = of_topics(&outcome, |own| own.through_at_s.expect("through"));
    assert!((through[2] - 2_100.0).abs() <= 3.0, "{through:?}");
    assert_eq!(outcome.summary.retries_through_at_s(), through[2]);
}

#[test]
fn the_topic_itself_runs_as_with_a_dead_letter_topic() {
    let poisoned = |then| {
        let handling = OnError::Retry {
            seeks: true,
            attempts: 3,
            back_off: BackOff {
                first: ms(500),
                multiplier: 2.0,
                max: secs(5),
            },
            then,
        };
        with_poison(
            even(then),
            PoisonRecords::Share(0.01),
            Some(ms(30)),
            handling,
        )
    };
    let retried = run_chain(&with_retry_topics(poisoned(RETRY), &[secs(30)])).remove(0);
    assert!(retried.told.totals.partitions[0].retried > 3_000);
    let dead = systems::run(&poisoned(DEAD_LETTER));
    assert_eq!(as_dead_lettered(retried.told), dead);
}

/// Of records that were given up to it, each is processed, given up or still there.
fn conserves(links: &[Link]) {
    for pair in links.windows(2) {
        let [before, after] = pair else { continue };
        let given: u64 = before
            .told
            .totals
            .partitions
            .iter()
            .map(|own| own.retried)
            .sum();
        let came: u64 = after
            .told
            .totals
            .partitions
            .iter()
            .map(|own| own.produced)
            .sum();
        assert_eq!(given, came);
        assert_eq!(instants(&before.passed_on).len() as u64, came);
        let (_, last) = after.told.samples.last().expect("samples");
        for (own, sample) in after.told.totals.partitions.iter().zip(last) {
            let given_up = own.dead_lettered + own.retried + own.skipped;
            let done = own.processed - own.duplicates + given_up + own.lost;
            assert!(
                own.produced <= done + lag_records(sample),
                "{own:?} {sample:?}"
            );
        }
    }
}

#[test]
fn every_record_that_is_given_up_is_in_the_next_topic_and_every_one_there_is_accounted_for() {
    let poisoned = with_poison(
        even(RETRY),
        PoisonRecords::Share(0.02),
        None,
        OnError::once(RETRY),
    );
    let links = run_chain(&with_retry_topics(poisoned, &[secs(60), secs(200)]));
    conserves(&links);
    let dead: u64 = links[2]
        .told
        .totals
        .partitions
        .iter()
        .map(|own| own.dead_lettered)
        .sum();
    // A fiftieth of all, since poison stays poison, but for what still waits; and 340 s of the outage.
    assert!((7_700..8_300).contains(&dead), "{dead}");
    let poison = links[1]
        .passed_on
        .iter()
        .flatten()
        .filter(|own| own.poison == Some(0))
        .count();
    assert!((1_100..1_700).contains(&poison), "{poison}");
}

#[test]
fn a_record_is_tried_again_its_delay_after_its_produce_and_waits_in_the_lag_until_then() {
    let scenario = with_backlog(systems::system(1, 1, 0.0, Law::Constant(0.001)), 1);
    let mut scenario = with_poison(
        scenario,
        at_offset(0, 0),
        Some(ms(100)),
        OnError::once(RETRY),
    );
    scenario.horizon = secs(120);
    let links = run_chain(&with_retry_topics(scenario, &[secs(60), secs(20)]));
    let first = instants(&links[0].passed_on)[0];
    let again = instants(&links[1].passed_on)[0];
    // The long poll is answered as it is due: half a round trip, its attempt and its produce.
    let took = again.since(first + secs(60));
    assert_eq!(took, ms(1) + ms(100) + PRODUCE);
    for (at, samples) in &links[1].told.samples {
        let waits = *at >= first && *at <= again;
        assert_eq!(lag_records(&samples[0]), u64::from(waits), "{at}");
        let age = samples[0].age_s;
        assert_eq!(age, waits.then(|| at.since(first).as_secs_f64()), "{at}");
    }
    let last = links[2].told.totals.partitions[0];
    assert_eq!((last.produced, last.dead_lettered, last.retried), (1, 1, 0));
}

#[test]
fn what_was_done_before_a_freeze_was_produced_before_it() {
    let freeze = Action::Freeze {
        processes: Vec::new(),
        length: secs(20),
    };
    let scenario = with(ten_poisoned(RETRY), at_ms(500), freeze);
    let link = run_chain(&scenario).remove(0);
    let at = instants(&link.passed_on);
    let gaps: Vec<f64> = at
        .windows(2)
        .map(|pair| pair[1].since(pair[0]).as_secs_f64())
        .collect();
    assert_eq!(gaps.len(), 9);
    let frozen = gaps
        .iter()
        .filter(|gap| (**gap - 20.11).abs() < 1e-6)
        .count();
    let others = gaps
        .iter()
        .filter(|gap| (**gap - 0.11).abs() < 1e-6)
        .count();
    assert_eq!((frozen, others), (1, 8), "{gaps:?}");
    assert!(at.iter().all(|at| *at <= at_ms(500) || *at > at_ms(20_500)));
}

#[test]
fn what_was_done_before_calls_became_slower_was_produced_before_that() {
    let scenario = with_backlog(systems::system(1, 1, 0.0, Law::Constant(0.001)), 50);
    let mut scenario = with_poison(
        scenario,
        at_offset(0, 3),
        Some(ms(100)),
        OnError::once(RETRY),
    );
    scenario.settings[0].processing.calls = vec![1];
    scenario.downstreams = vec![Downstream::new("bank", Law::Constant(0.1))];
    let before = instants(&run_chain(&scenario)[0].passed_on);
    let slower = Action::Downstream(0, DownstreamChange::Latency(Law::Constant(1.0)));
    let late = with(scenario.clone(), at_ms(2_000), slower.clone());
    assert_eq!(instants(&run_chain(&late)[0].passed_on), before);
    let early = with(scenario, at_ms(200), slower);
    assert!(instants(&run_chain(&early)[0].passed_on)[0] > before[0] + secs(1));
}

#[test]
fn records_that_are_given_up_side_by_side_are_produced_over_the_time_that_takes() {
    let mut scenario = with_backlog(even(RETRY), 100);
    scenario.timeline[0].at = SimTime::ZERO;
    scenario.timeline[0].action = Action::Downstream(0, DownstreamChange::Stop);
    scenario.production.curve = std::sync::Arc::new(lagsim::workload::RateCurve::constant(0.0));
    scenario.settings[0].processing.concurrency = 10;
    let link = run_chain(&scenario).remove(0);
    for passed_on in &link.passed_on[..1] {
        // Ten at a time take 1 ms, 2 s and 10 ms: 100 in ten such times, or 200 of two partitions in twenty.
        let at: Vec<SimTime> = passed_on.iter().map(|own| own.at).collect();
        assert_eq!(at.len(), 100);
        assert!(at.is_sorted());
        let took = at[99].since(at[0]).as_secs_f64();
        assert!((19.0..=20.2).contains(&took), "{took}");
    }
}

#[test]
fn whenever_the_curves_are_looked_at_records_are_produced_at_the_same_instants() {
    let mut scenario = systems::system(2, 1, 30.0, Law::Exponential { mean: 0.01 });
    scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
    let scenario = with_poison(
        scenario,
        PoisonRecords::Share(0.2),
        None,
        OnError::once(RETRY),
    );
    let passed_on = |sample| {
        let mut scenario = scenario.clone();
        scenario.sample = sample;
        run_chain(&scenario).remove(0).passed_on
    };
    let seldom = passed_on(secs(1));
    assert!(instants(&seldom).len() > 200);
    assert_eq!(seldom, passed_on(ms(7)));
}

#[test]
fn what_a_crash_makes_be_done_twice_is_produced_twice() {
    let crash = Action::Crash {
        processes: vec![lagsim::units::ProcessId(0)],
        restart_after: Some(secs(1)),
    };
    let scenario = with(ten_poisoned(RETRY), at_ms(500), crash);
    let links = run_chain(&with_retry_topics(scenario, &[secs(5)]));
    let offsets: Vec<u64> = links[0].passed_on[0].iter().map(|own| own.offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(links[1].told.totals.partitions[0].produced, 14);
    conserves(&links);
}

/// Records that retention deletes while they wait: the position goes past what may be read, or stays before it.
#[test]
fn records_that_retention_deletes_before_they_are_due_are_lost() {
    for reset in [OffsetReset::Latest, OffsetReset::Earliest] {
        let scenario = systems::system(2, 1, 20.0, Law::Constant(0.001));
        let mut scenario = with_poison(
            scenario,
            PoisonRecords::Share(1.0),
            None,
            OnError::once(RETRY),
        );
        scenario.horizon = secs(200);
        scenario.settings[0].properties.auto_offset_reset = reset;
        scenario.topic.properties.retention_ms = Some(20_000);
        scenario.topic.properties.segment_ms = 1_000;
        scenario.cluster.properties.retention_check_interval = secs(5);
        let links = run_chain(&with_retry_topics(scenario, &[secs(60)]));
        let lost: u64 = links[1]
            .told
            .totals
            .partitions
            .iter()
            .map(|own| own.lost_to_retention)
            .sum();
        assert!(lost > 2_000, "{lost} by {reset:?}");
        assert_eq!(links[0].told.totals.partitions[0].lost, 0);
        for (at, samples) in &links[1].told.samples {
            assert!(
                samples.iter().all(|own| own.position <= own.log_end),
                "{at}"
            );
        }
        conserves(&links);
    }
}

#[test]
fn chains_of_replications_are_the_same_on_any_number_of_cores() {
    let mut scenario = with_retry_topics(
        outage(
            systems::system(3, 2, 20.0, Law::Exponential { mean: 0.004 }),
            RETRY,
        ),
        &[secs(60), secs(300)],
    );
    scenario.cluster.commit_law = Some(Law::Exponential { mean: 0.002 });
    // Ages of the curves are not numbers where there is none, and those equal nothing.
    let keep = Keep {
        curves: KeptCurves::None,
        events: true,
    };
    let on = |cores| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build();
        pool.expect("threads")
            .install(|| run_replications(&scenario, 3, keep))
    };
    let one = on(1);
    assert!(one == on(3));
    assert!(one[0] == run_once(&scenario, 0, keep));
    assert_ne!(one[1].retries[1].summary.lag, one[2].retries[1].summary.lag);
}
