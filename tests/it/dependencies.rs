//! Records that call several dependencies: which outage of which of them stops whom, and what of one is the other's affair.

use lagsim::engine::{Address, Purpose};
use lagsim::kafka::parallel::ProcessingOrder;
use lagsim::scenario::{
    Action, BackOff, CommitPolicy, Downstream, DownstreamChange, GiveUp, GivesUp, OnOutage,
    Produce, RateLimit, Scenario, WhileOpen,
};
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::{ProcessId, SimDuration};
use lagsim::workload::{BreakerConfig, Law};

use crate::systems::{self, Told, at_ms, ms, profile, run, secs, with, with_backlog};

const BANK: usize = 0;
const LEDGER: usize = 1;

const fn constant(millis: u64) -> Law {
    Law::Constant(millis as f64 / 1e3)
}

/// One member and one partition with a backlog: records of 10 ms, a call of the bank of 20 ms and one of the ledger of
/// 30 ms, each committed by itself in no time.
fn system() -> Scenario {
    let mut scenario = with_backlog(systems::system(1, 1, 0.0, constant(10)), 50_000);
    scenario.horizon = secs(900);
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    scenario.downstreams = vec![
        Downstream::new("bank", constant(20)),
        Downstream::new("ledger", constant(30)),
    ];
    scenario.settings[0].processing.calls = vec![1, 1];
    scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
    scenario.settings[0].properties.max_poll_records = 20;
    scenario
}

fn changes(scenario: Scenario, second: u64, which: usize, change: DownstreamChange) -> Scenario {
    let action = Action::Downstream(which, change);
    let mut scenario = with(scenario, at_ms(second * 1_000), action);
    scenario.timeline.sort_by_key(|entry| entry.at);
    scenario
}

fn stops(scenario: Scenario, from: u64, to: u64, which: usize) -> Scenario {
    let scenario = changes(scenario, from, which, DownstreamChange::Stop);
    changes(scenario, to, which, DownstreamChange::Resume)
}

fn fails(scenario: Scenario, from: u64, to: u64, which: usize) -> Scenario {
    let scenario = changes(scenario, from, which, DownstreamChange::Fail);
    changes(scenario, to, which, DownstreamChange::Resume)
}

fn committed(told: &Told, second: usize) -> u64 {
    told.samples[second].1[0].committed.unwrap_or(0)
}

/// Records committed between two seconds.
fn between(told: &Told, from: usize, to: usize) -> u64 {
    committed(told, to) - committed(told, from)
}

fn thrice(then: GiveUp) -> OnOutage {
    let second = secs(1);
    OnOutage {
        timeout: Some(secs(2)),
        gives_up: Some(GivesUp {
            attempts: 3,
            back_off: BackOff {
                first: second,
                multiplier: 1.0,
                max: second,
            },
            then,
        }),
        ..OnOutage::default()
    }
}

fn skipped(told: &Told) -> u64 {
    told.totals.partitions[0].skipped
}

#[test]
fn a_record_takes_its_local_work_and_all_its_calls() {
    let told = run(&system());
    let expected = 200.0 / 0.060;
    assert!((between(&told, 100, 300) as f64 - expected).abs() <= 1.0);
    let mut scenario = system();
    scenario.settings[0].processing.calls = vec![3, 2];
    let expected = 200.0 / 0.130;
    assert!((between(&run(&scenario), 100, 300) as f64 - expected).abs() <= 1.0);
}

#[test]
fn a_dependency_that_nobody_calls_changes_nothing() {
    let mut lone = system();
    lone.downstreams.truncate(1);
    lone.downstreams[0] = Downstream {
        limit: Some(RateLimit {
            rate: 30.0,
            burst: 100.0,
        }),
        failure_rate: 0.1,
        ..Downstream::new("bank", Law::Exponential { mean: 0.02 })
    };
    lone.settings[0].processing.calls = vec![1];
    let mut beside = stops(lone.clone(), 100, 200, BANK);
    beside
        .downstreams
        .push(Downstream::new("ledger", constant(30)));
    beside.settings[0].processing.calls = vec![1, 0];
    assert_eq!(
        run(&stops(lone, 100, 200, BANK)).samples,
        run(&fails(beside.clone(), 300, 400, LEDGER)).samples,
        "its draws are its own"
    );
    beside.settings[0].processing.calls = vec![1, 1];
    assert_ne!(
        run(&beside).samples,
        run(&fails(beside, 300, 400, LEDGER)).samples
    );
}

#[test]
fn an_outage_of_either_stops_all_and_what_is_left_goes_on() {
    for which in [BANK, LEDGER] {
        let told = run(&stops(system(), 100, 150, which));
        assert_eq!(between(&told, 101, 149), 0, "{which}");
        assert!(between(&told, 151, 161) > 160, "{which}");
        assert_eq!(told.samples[120].1[0].state, PartitionState::Throttled);
        assert_eq!(told.totals.partitions[0].duplicates, 0);
    }
}

#[test]
fn two_outages_that_overlap_stop_from_the_first_to_the_last() {
    for (bank, ledger) in [
        ((100, 200), (150, 250)),
        ((150, 250), (100, 200)),
        ((100, 300), (150, 200)),
    ] {
        let scenario = stops(system(), bank.0, bank.1, BANK);
        let told = run(&fails(scenario, ledger.0, ledger.1, LEDGER));
        let (from, to) = (bank.0.min(ledger.0), bank.1.max(ledger.1));
        assert_eq!(between(&told, from as usize + 1, to as usize - 1), 0);
        assert!(between(&told, to as usize + 2, to as usize + 12) > 160);
        assert!(between(&told, from as usize - 12, from as usize - 2) > 160);
    }
}

/// Whoever waits for the ledger makes its next attempt after the ledger's pause, not the bank's.
#[test]
fn each_dependency_has_its_own_pauses() {
    let mut scenario = system();
    scenario.downstreams[BANK].on_outage.back_off = secs(7);
    scenario.downstreams[LEDGER].on_outage.back_off = secs(40);
    // Refused at 100 s and at 140 s; the attempt at 180 s succeeds.
    let told = run(&fails(scenario.clone(), 100, 150, LEDGER));
    assert_eq!(committed(&told, 101), committed(&told, 179));
    assert!(committed(&told, 182) > committed(&told, 179));
    let told = run(&fails(scenario, 100, 150, BANK));
    assert_eq!(committed(&told, 101), committed(&told, 155));
    assert!(committed(&told, 158) > committed(&told, 155));
}

/// Up to the call that fails: 10 ms of local work, 20 ms of the bank; then three timeouts and two pauses.
#[test]
fn a_record_whose_second_call_fails_takes_the_first_and_its_attempts() {
    for (which, before) in [(BANK, 0.01), (LEDGER, 0.03)] {
        let mut scenario = system();
        scenario.downstreams[which].on_outage = thrice(GiveUp::Skip);
        let told = run(&stops(scenario, 100, 600, which));
        let expected = 500.0 / (before + 8.0);
        let found = skipped(&told) as f64;
        assert!(found <= expected + 1.0 && found > expected - 2.0, "{found}");
    }
    let told = |calls: [u32; 2]| {
        let mut scenario = system();
        scenario.downstreams[BANK] = Downstream::new("bank", constant(2_000));
        scenario.downstreams[LEDGER].on_outage = thrice(GiveUp::Skip);
        scenario.settings[0].processing.calls = calls.to_vec();
        skipped(&run(&stops(scenario, 100, 600, LEDGER)))
    };
    assert!((49..=51).contains(&told([1, 1])), "a call of 2 s before it");
    assert!((62..=63).contains(&told([0, 1])), "none before it");
    assert_eq!(told([1, 0]), 0, "none of it");
}

/// What is given up at the ledger has called the bank before: no more of it than the bank's limit lets through.
#[test]
fn records_that_fail_at_the_second_take_their_tokens_of_the_first() {
    for (members, attempts) in [(1, 1), (6, 1), (40, 1), (40, 3)] {
        let partitions = members as usize;
        let mut scenario = with_backlog(
            systems::system(partitions, members, 0.0, constant(5)),
            60_000,
        );
        scenario.horizon = secs(600);
        scenario.downstreams = system().downstreams;
        scenario.downstreams[BANK].limit = Some(RateLimit {
            rate: 100.0,
            burst: 1.0,
        });
        scenario.settings[0].processing.calls = vec![4, 1];
        scenario.settings[0].properties.max_poll_records = 5;
        let on_outage = thrice(GiveUp::Skip);
        let gives_up = on_outage.gives_up.map(|own| GivesUp { attempts, ..own });
        scenario.downstreams[LEDGER].on_outage = OnOutage {
            gives_up,
            ..on_outage
        };
        let told = run(&fails(scenario, 100, 500, LEDGER));
        let skipped: u64 = told.totals.partitions.iter().map(|own| own.skipped).sum();
        // 85 ms of each record are spent before the ledger, and two pauses of a second if it is tried three times.
        let alone = f64::from(members) / (0.085 + f64::from(attempts - 1) + 0.004 / 5.0);
        let (found, expected) = (skipped as f64 / 400.0, alone.min(25.0));
        assert!(
            (found / expected - 1.0).abs() < 0.03,
            "{members}: {found}/s for {expected}/s"
        );
    }
}

/// The bank is the first: while it is out nothing is given up at the ledger, whoever was out before.
#[test]
fn where_both_are_out_the_first_decides() {
    let mut scenario = system();
    scenario.downstreams[LEDGER].on_outage = thrice(GiveUp::Skip);
    let both = fails(fails(scenario.clone(), 200, 300, BANK), 100, 400, LEDGER);
    let told = run(&both);
    let expected = 200.0 / 2.03;
    let found = skipped(&told) as f64;
    assert!((found - expected).abs() < 4.0, "{found} for {expected}");
    assert_eq!(between(&told, 203, 299), 0, "waits for the bank");
    // The other way round: what is given up at the bank never gets to the ledger.
    scenario.downstreams.swap(BANK, LEDGER);
    scenario.downstreams[BANK].name = "bank".into();
    let both = stops(fails(scenario, 200, 300, BANK), 100, 400, LEDGER);
    let told = run(&both);
    let expected = 100.0 / 2.01;
    let found = skipped(&told) as f64;
    assert!((found - expected).abs() < 4.0, "{found} for {expected}");
    assert_eq!(between(&told, 101, 199), 0);
    assert_eq!(between(&told, 305, 399), 0);
}

/// The record in hand stands at the ledger; where its outage ends it is tried there, and not at the bank again.
#[test]
fn the_record_in_hand_is_tried_where_it_stands() {
    let mut scenario = system();
    scenario.downstreams[BANK] = Downstream::new("bank", constant(1_000));
    scenario.downstreams[LEDGER].on_outage = thrice(GiveUp::Skip);
    let told = run(&stops(scenario, 100, 109, LEDGER));
    // Attempts until 102 s, from 103 to 105 s and from 106 to 108 s, give or take the second in which it began.
    assert_eq!(skipped(&told), 1);
    assert!(
        between(&told, 109, 112) >= 2,
        "{}",
        between(&told, 109, 112)
    );
}

#[test]
fn an_outage_that_goes_over_from_one_to_the_other_leaves_nothing_behind() {
    for commit in [
        CommitPolicy::PerRecord,
        CommitPolicy::AfterBatch,
        CommitPolicy::Auto,
    ] {
        for concurrency in [1, 4] {
            let mut scenario = systems::system(2, 2, 10.0, constant(5));
            scenario.horizon = secs(900);
            scenario.downstreams = system().downstreams;
            for own in &mut scenario.downstreams {
                own.on_outage = thrice(GiveUp::DeadLetter(Produce::taking(ms(10))));
            }
            let processing = &mut scenario.settings[0].processing;
            (processing.calls, processing.commit) = (vec![1, 2], commit);
            processing.concurrency = concurrency;
            scenario.settings[0].properties.enable_auto_commit = commit == CommitPolicy::Auto;
            let scenario = stops(scenario, 100, 160, LEDGER);
            let scenario = fails(scenario, 130, 200, BANK);
            let told = run(&stops(scenario, 190, 260, LEDGER));
            let mut lags = told.total_lags();
            assert!(lags.pop() < Some(100), "{commit:?}");
            for totals in &told.totals.partitions {
                assert!(totals.dead_lettered > 10, "{commit:?}: {totals:?}");
                let done = totals.processed + totals.dead_lettered;
                assert!(totals.produced - done < 100, "{commit:?}: {totals:?}");
                assert_eq!(totals.duplicates + totals.lost, 0, "{commit:?}");
            }
        }
    }
}

/// From when to when a dependency is out, and whether it hangs.
type Outage = (f64, f64, bool);

/// One record after another, as a handler makes its calls: how many are processed and how many skipped by the end.
fn by_hand(scenario: &Scenario, outages: &[Vec<Outage>; 2]) -> (u64, u64) {
    let (mut now, mut processed, mut skipped) = (0.0, 0, 0);
    let end = scenario.horizon.as_secs_f64();
    loop {
        now += scenario.settings[0].processing.time.mean();
        let mut given_up = false;
        for (own, outages) in scenario.downstreams.iter().zip(outages) {
            match called(own, outages, now) {
                Ok(answered) => now = answered,
                Err(failed) => {
                    (now, given_up) = (failed, true);
                    break;
                }
            }
        }
        if now > end {
            return (processed, skipped);
        }
        *(if given_up {
            &mut skipped
        } else {
            &mut processed
        }) += 1;
    }
}

/// When a call that is made at an instant is answered, or its record given up.
fn called(own: &Downstream, outages: &[Outage], made: f64) -> Result<f64, f64> {
    let on_outage = &own.on_outage;
    let (mut at, mut failed) = (made, 0);
    loop {
        let answered = at + own.latency.mean();
        let meets = |(from, to, _): &&Outage| *from < answered && at < *to;
        let Some((from, to, hangs)) = outages.iter().find(meets) else {
            return Ok(answered);
        };
        at = at.max(*from);
        let after = match (hangs, on_outage.timeout) {
            (false, _) => 0.0,
            (true, Some(timeout)) => timeout.as_secs_f64(),
            (true, None) => f64::INFINITY,
        };
        if at + after >= *to {
            at = *to; // It is answered as the dependency is back.
            continue;
        }
        failed += 1;
        if on_outage.gives_up.is_some_and(|own| own.attempts == failed) {
            return Err(at + after);
        }
        let pause = on_outage
            .gives_up
            .map_or(on_outage.back_off, |own| own.back_off.first);
        at += after + pause.as_secs_f64();
    }
}

/// What an outage does to the record in hand as it begins and as it ends is all that is not told record by record.
#[test]
fn outages_at_random_come_to_what_they_do_record_by_record() {
    let address = Address::new(7, 0, Purpose::Sample, "outages");
    for seed in 0..60 {
        let mut words = address.words(0, seed);
        let mut below = |n: u64| words.word() % n;
        let mut scenario = system();
        let mut outages = [Vec::new(), Vec::new()];
        for which in [BANK, LEDGER] {
            let own = &mut scenario.downstreams[which].on_outage;
            if below(2) == 0 {
                *own = thrice(GiveUp::Skip);
                own.gives_up = own.gives_up.map(|own| GivesUp {
                    attempts: 1 + below(3) as u32,
                    ..own
                });
            } else {
                own.timeout = [None, Some(secs(2)), Some(secs(30))][below(3) as usize];
                own.back_off = ms([500, 7_000][below(2) as usize]);
            }
            let mut from = 30_000;
            for _ in 0..1 + below(3) {
                // No attempt of a record falls on the end of an outage, give or take the record.
                from += 1_000 * (1 + below(120));
                let (begins, ends) = (from + 137, from + 1_000 * (3 + below(100)) + 600);
                let hangs = below(2) == 0;
                let out = match hangs {
                    true => DownstreamChange::Stop,
                    false => DownstreamChange::Fail,
                };
                for (at, change) in [(begins, out), (ends, DownstreamChange::Resume)] {
                    scenario = with(scenario, at_ms(at), Action::Downstream(which, change));
                }
                outages[which].push((begins as f64 / 1e3, ends as f64 / 1e3, hangs));
                from = ends - 600;
            }
        }
        scenario.timeline.sort_by_key(|entry| entry.at);
        let totals = run(&scenario).totals.partitions[0];
        let (processed, skipped) = by_hand(&scenario, &outages);
        let turns = (2 * (outages[0].len() + outages[1].len())) as f64;
        // Where both are out at once, the record in hand may make its next attempt a pause earlier or later.
        let meets = |one: &Outage| {
            outages[1]
                .iter()
                .filter(|own| one.0 < own.1 && own.0 < one.1)
                .count()
        };
        let both = outages[0].iter().map(meets).sum::<usize>() as f64;
        let pauses = scenario.downstreams.iter().map(|own| {
            let OnOutage {
                timeout,
                back_off,
                gives_up,
                ..
            } = own.on_outage;
            let pause = gives_up.map_or(back_off, |own| own.back_off.first);
            (timeout.unwrap_or_default() + pause).as_secs_f64()
        });
        let doubtful = both * pauses.fold(0.0, f64::max);
        let apart = |a: u64, b: u64| a.abs_diff(b) as f64;
        assert!(
            apart(totals.processed, processed) <= turns + doubtful / 0.06
                && apart(totals.skipped, skipped) <= turns + doubtful / 0.01,
            "{seed}: {} processed for {processed}, {} skipped for {skipped}",
            totals.processed,
            totals.skipped
        );
    }
}

/// Each process has one breaker, before the calls of one dependency.
#[test]
fn a_breaker_sees_the_calls_of_its_own_dependency_alone() {
    let config = BreakerConfig {
        sliding_window_size: 10,
        minimum_number_of_calls: 10,
        ..BreakerConfig::default()
    };
    let mut scenario = system();
    scenario.downstreams[BANK].on_outage = OnOutage {
        timeout: Some(secs(2)),
        breaker: Some((config, WhileOpen::Buffer { records: 0 })),
        ..OnOutage::default()
    };
    scenario.downstreams[LEDGER].on_outage.timeout = Some(secs(2));
    let turns = |scenario: Scenario| {
        let told = run(&scenario);
        let turns = told.find(|fact| matches!(fact, Fact::BreakerTurned { .. }).then_some(()));
        (turns.len(), told)
    };
    let (opened, _) = turns(stops(scenario.clone(), 100, 200, BANK));
    assert!(opened >= 3, "{opened}");
    let (opened, told) = turns(stops(scenario.clone(), 100, 200, LEDGER));
    assert_eq!(opened, 0);
    assert_eq!(between(&told, 101, 199), 0);
    // An outage of the ledger while the bank's breaker is open: it closes later, by calls of the bank.
    let (opened, told) = turns(fails(stops(scenario, 100, 150, BANK), 140, 300, LEDGER));
    assert_eq!(opened % 2, 1, "closed again");
    assert!(between(&told, 890, 899) > 100);
}

#[test]
fn members_whose_settings_do_not_call_what_is_out_go_on() {
    let mut scenario = with_backlog(systems::system(2, 2, 0.0, constant(10)), 50_000);
    scenario.horizon = secs(600);
    scenario.downstreams = system().downstreams;
    scenario.settings[0].processing.calls = vec![1, 1];
    let mut without = scenario.settings[0].clone();
    without.processing.calls = vec![1, 0];
    scenario.settings.push(without);
    let restart = Action::Restart {
        processes: vec![ProcessId(1)],
        gap: secs(1),
        start_up: SimDuration::ZERO,
        graceful: true,
        rolling: false,
        settings: Some(1),
    };
    scenario.downstreams[BANK].limit = Some(RateLimit {
        rate: 20.0,
        burst: 1.0,
    });
    let mut scenario = with(scenario, at_ms(50_000), restart);
    scenario = stops(scenario, 200, 400, LEDGER);
    let told = run(&scenario);
    let moved = |from: usize, to: usize| {
        let at = |second: usize, id: usize| told.samples[second].1[id].committed.unwrap_or(0);
        let mut moved = [0, 1].map(|id| at(to, id) - at(from, id));
        moved.sort_unstable();
        moved
    };
    // All that the limit has goes to the one that goes on.
    let [stands, goes_on] = moved(230, 390);
    assert_eq!(stands, 0);
    assert!((3_050..3_250).contains(&goes_on), "{goes_on}");
    let [one, _] = moved(430, 590);
    assert!(one > 900, "both call again: {one}");
}

#[test]
fn each_can_become_slower_or_fail_more_often() {
    for which in [BANK, LEDGER] {
        let slower = DownstreamChange::Latency(Law::Exponential { mean: 0.15 });
        let mut scenario = changes(system(), 300, which, slower);
        scenario.downstreams[which].on_outage.back_off = ms(100);
        let scenario = changes(scenario, 600, which, DownstreamChange::FailureRate(0.5));
        let told = run(&scenario);
        let other = [0.03, 0.02][which];
        // An attempt in two fails: two of 150 ms, and a pause.
        for (from, each) in [(310, 0.01 + other + 0.15), (610, 0.01 + other + 0.4)] {
            let expected = 280.0 / each;
            let found = between(&told, from, from + 280) as f64;
            assert!(
                (found / expected - 1.0).abs() < 0.1,
                "{which}: {found} for {expected}"
            );
        }
        assert!(told.totals.calls_failed > 500);
    }
}

/// Also in the middle of a batch: the record in hand has been under way for so long, and those after it take what their calls
/// take now.
#[test]
fn a_slower_call_makes_each_record_from_the_one_in_hand_on_as_long_as_it_is() {
    let (slower, changes_at) = (DownstreamChange::Latency(constant(100)), at_ms(30_023));
    let mut scenario = with(system(), changes_at, Action::Downstream(LEDGER, slower));
    (scenario.horizon, scenario.sample) = (secs(34), ms(1));
    let told = run(&scenario);
    let (mut commits, mut before) = (Vec::new(), 0);
    for (at, partitions) in &told.samples {
        let committed = partitions[0].committed.unwrap_or(0);
        assert!(
            committed == before || committed == before + 1,
            "{before} and then {committed} at {at}"
        );
        if committed > before {
            commits.push(*at);
        }
        before = committed;
    }
    let after = commits.partition_point(|at| *at <= changes_at);
    let in_hand = changes_at.since(commits[after - 1]);
    assert!(in_hand > ms(5) && in_hand < ms(55), "{in_hand}");
    for (index, pair) in commits.windows(2).enumerate().skip(50) {
        let each = pair[1].since(pair[0]);
        let expected = if index + 1 < after { ms(60) } else { ms(130) };
        // Sampled each millisecond, and polls take no time.
        assert!(
            each >= expected.saturating_sub(ms(1)) && each <= expected + ms(1),
            "record {index} took {each}"
        );
    }
    assert!(commits.len() > after + 20, "more than a batch");
}

/// What is done at the ledger is time away: the limit is used up all the same, whatever the ledger takes, until there are
/// too few callers for it.
#[test]
fn a_slower_second_dependency_costs_nothing_while_the_first_is_the_limit() {
    let per_second = |ledger: u64| {
        let mut scenario = with_backlog(systems::system(8, 8, 0.0, constant(0)), 100_000);
        scenario.horizon = secs(600);
        scenario.downstreams = system().downstreams;
        scenario.downstreams[BANK].limit = Some(RateLimit {
            rate: 100.0,
            burst: 1.0,
        });
        scenario.settings[0].processing.calls = vec![1, 1];
        scenario.settings[0].properties.max_poll_records = 5;
        let slower = DownstreamChange::Latency(constant(ledger));
        let told = run(&changes(scenario, 300, LEDGER, slower));
        let lags = told.total_lags();
        (lags[350] - lags[550]) as f64 / 200.0
    };
    for (ledger, expected) in [(30, 100.0), (50, 100.0), (180, 40.0)] {
        let found = per_second(ledger);
        assert!(
            (found / expected - 1.0).abs() < 0.02,
            "{ledger} ms: {found}/s"
        );
    }
}

#[test]
fn the_threads_of_a_pool_call_all_of_them() {
    let mut scenario = with_backlog(systems::system(2, 1, 0.0, constant(10)), 50_000);
    scenario.horizon = secs(600);
    scenario.downstreams = system().downstreams;
    let settings = &mut scenario.settings[0];
    settings.client = profile("parallel-consumer");
    settings.processing.calls = vec![1, 1];
    settings.processing.concurrency = 6;
    settings.processing.order = Some(ProcessingOrder::Unordered);
    settings.processing.commit = CommitPolicy::Auto;
    let processed = |scenario: &Scenario| {
        let told = run(scenario);
        told.totals
            .partitions
            .iter()
            .map(|own| own.processed)
            .sum::<u64>() as f64
    };
    let all = processed(&scenario);
    assert!((all / (600.0 * 6.0 / 0.06) - 1.0).abs() < 0.03, "{all}");
    for which in [BANK, LEDGER] {
        let less = processed(&stops(scenario.clone(), 100, 400, which));
        assert!((less / all - 0.5).abs() < 0.02, "{less} of {all}");
    }
    scenario.settings[0].processing.calls = vec![1, 0];
    let all = processed(&scenario);
    let same = processed(&stops(scenario, 100, 400, LEDGER));
    assert_eq!(all, same);
}
