//! Calls of a shared dependency, each an event of the twin, beside the engine's flow-equivalent shortcut: the same lag
//! and the same throughput within a stated distance.

use std::sync::Arc;

use lagsim::scenario::{Downstream, RateLimit, Scenario, WhenLimited};
use lagsim::units::SimTime;
use lagsim::workload::{Knot, Law, LoadCurve, RateCurve};

use super::world::World;
use super::{both, ownership};
use crate::systems::{self, ms, secs, system};

const CALL: Law = Law::Exponential { mean: 0.015 };

/// `members` members of two partitions each that call a dependency for every record.
pub(super) fn calling(members: u32, rate: f64, limit: Option<(f64, f64)>) -> Scenario {
    let partitions = 2 * members as usize;
    let mut scenario = system(partitions, members, rate, Law::Constant(0.0));
    scenario.horizon = secs(400);
    scenario.sample = secs(5);
    scenario.settings[0].processing.calls = vec![1];
    scenario.settings[0].properties.max_poll_records = 50;
    scenario.downstreams = vec![Downstream {
        limit: limit.map(|(rate, burst)| RateLimit { rate, burst }),
        ..Downstream::new("bank-api", CALL)
    }];
    scenario
}

/// How far the two are apart.
#[derive(Debug)]
struct Apart {
    /// Records committed at the end, the engine's relative to the twin's, less 1.
    throughput: f64,
    /// Largest distance of the total lag at any sample [records].
    lag_records: f64,
    /// Mean lag of the engine and of the twin [records].
    mean_lags: (f64, f64),
}

fn apart(scenario: &Scenario) -> Apart {
    let (told, twin) = both(scenario);
    let lags = told.total_lags();
    let twin_lags: Vec<u64> = twin
        .iter()
        .map(|(_, curves)| {
            curves
                .iter()
                .map(|c| c.log_end - c.committed.unwrap_or(0))
                .sum()
        })
        .collect();
    let committed = |lags: &[u64]| {
        let produced: u64 = told.samples.last().map_or(0, |(_, samples)| {
            samples.iter().map(|sample| sample.log_end).sum()
        });
        (produced - lags.last().copied().unwrap_or(0)) as f64
    };
    let mean = |lags: &[u64]| lags.iter().sum::<u64>() as f64 / lags.len() as f64;
    let distance = lags
        .iter()
        .zip(&twin_lags)
        .map(|(a, b)| a.abs_diff(*b) as f64);
    Apart {
        throughput: committed(&lags) / committed(&twin_lags) - 1.0,
        lag_records: distance.fold(0.0, f64::max),
        mean_lags: (mean(&lags), mean(&twin_lags)),
    }
}

/// The engine is within `share` of the twin's throughput, and its lag within `records` at every sample.
pub(super) fn assert_near(name: &str, scenario: &Scenario, share: f64, records: f64) {
    let apart = apart(scenario);
    assert!(
        apart.throughput.abs() <= share && apart.lag_records <= records,
        "{name}: {apart:?}"
    );
}

/// Batches of 50 in the hands of each member are committed at other instants: one batch each is noise.
pub(super) fn batches(scenario: &Scenario) -> f64 {
    50.0 * scenario.group.processes.len() as f64
}

#[test]
fn a_saturated_limit_is_shared_by_all_who_wait() {
    for members in [6, 12] {
        let scenario = calling(members, 300.0, Some((200.0, 1.0)));
        assert_near(&format!("{members}"), &scenario, 0.01, batches(&scenario));
    }
}

/// Four callers of 15 ms ask for 266.7/s; the law of the latency decides what 200/s lets through.
#[test]
fn near_the_knee_the_law_of_the_latency_shows() {
    let scenario = calling(4, 300.0, Some((200.0, 1.0)));
    assert_near("exponential", &scenario, 0.02, 0.02 * 80_000.0);
    let mut scenario = calling(4, 300.0, Some((200.0, 1.0)));
    if let Some(downstream) = scenario.downstreams.first_mut() {
        downstream.latency = Law::Constant(0.015);
    }
    assert_near("constant", &scenario, 0.02, 0.02 * 80_000.0);
    let scenario = calling(3, 300.0, Some((200.0, 1.0)));
    assert_near("three callers", &scenario, 0.03, 0.03 * 80_000.0);
}

/// Two callers cannot ask for more than 133.3/s: nobody waits long, and hardly ever.
#[test]
fn an_unsaturated_limit_changes_next_to_nothing() {
    let scenario = calling(2, 300.0, Some((2_000.0, 100.0)));
    assert_near("overrun callers", &scenario, 0.01, 0.01 * 80_000.0);
    let scenario = calling(4, 100.0, Some((200.0, 100.0)));
    let apart = apart(&scenario);
    assert!(apart.throughput.abs() < 0.002, "{apart:?}");
    let (engine, twin) = apart.mean_lags;
    assert!((engine / twin - 1.0).abs() < 0.15, "{apart:?}");
}

#[test]
fn a_burst_is_spent_and_saved_up_again() {
    let mut scenario = calling(8, 0.0, Some((200.0, 3_000.0)));
    let knot = |at, rate| Knot {
        at: SimTime::from_secs(at),
        rate,
    };
    let peaks = [(0, 400.0), (60, 50.0), (200, 400.0), (260, 50.0)];
    let mut knots = Vec::new();
    for (at, rate) in peaks {
        knots.push(knot(at, knots.last().map_or(rate, |last: &Knot| last.rate)));
        knots.push(knot(at, rate));
    }
    scenario.production.curve = Arc::new(RateCurve::from_knots(knots));
    let (told, _) = both(&scenario);
    let lags = told.total_lags();
    // 400/s for 60 s against 3,000 saved and 200/s: 9,000 left at the end of each peak.
    assert!(
        lags.iter()
            .max()
            .is_some_and(|most| (8_500..9_800).contains(most))
    );
    assert_near(
        "bursts",
        &scenario,
        0.01,
        batches(&scenario) + 0.03 * 9_000.0,
    );
}

#[test]
fn places_bound_the_calls_in_flight() {
    let mut scenario = calling(6, 300.0, None);
    if let Some(downstream) = scenario.downstreams.first_mut() {
        downstream.concurrency = Some(2);
    }
    assert_near("two places", &scenario, 0.02, 0.02 * 80_000.0);
}

#[test]
fn members_with_several_calls_in_flight() {
    let mut scenario = calling(2, 300.0, Some((200.0, 1.0)));
    scenario.settings[0].processing.concurrency = 8;
    assert_near("saturated", &scenario, 0.02, 0.02 * 80_000.0);
    let mut scenario = calling(2, 300.0, Some((1_000.0, 1.0)));
    scenario.settings[0].processing.concurrency = 8;
    let apart = apart(&scenario);
    assert!(apart.throughput.abs() < 0.01, "keeping up: {apart:?}");
}

/// Local work first, then each call takes a token of its own.
#[test]
fn a_record_that_makes_several_calls() {
    let mut scenario = calling(6, 60.0, Some((200.0, 20.0)));
    scenario.settings[0].processing.calls = vec![5];
    scenario.settings[0].processing.time = Law::Constant(0.002);
    scenario.settings[0].properties.max_poll_records = 10;
    assert_near("five calls", &scenario, 0.01, 10.0 * 6.0 + 0.01 * 8_000.0);
    // Without a limit every call is a step of the record, and nothing is approximate.
    let mut scenario = calling(2, 20.0, None);
    scenario.settings[0].processing.calls = vec![3];
    assert_near("no limit", &scenario, 0.0, 0.0);
}

/// Local work before each call, and a limit that is saturated by some hours only.
#[test]
fn local_work_and_a_rate_that_comes_and_goes() {
    let mut scenario = calling(6, 0.0, Some((200.0, 50.0)));
    scenario.settings[0].processing.time = Law::Exponential { mean: 0.004 };
    let knot = |at, rate| Knot {
        at: SimTime::from_secs(at),
        rate,
    };
    let knots = vec![knot(0, 80.0), knot(150, 290.0), knot(250, 50.0)];
    scenario.production.curve = Arc::new(RateCurve::from_knots(knots));
    let apart = apart(&scenario);
    assert!(apart.throughput.abs() < 0.01, "{apart:?}");
    let most = systems::run(&scenario)
        .total_lags()
        .into_iter()
        .max()
        .unwrap_or(0) as f64;
    assert!(most > 2_000.0, "{most}");
    assert!(
        apart.lag_records < batches(&scenario) + 0.05 * most,
        "{apart:?} of {most}"
    );
}

/// The same, refused above the limit and made again after `back_off` ms.
fn refused(mut scenario: Scenario, back_off: u64) -> Scenario {
    if let Some(downstream) = scenario.downstreams.first_mut() {
        downstream.when_limited = WhenLimited::Reject;
        downstream.on_outage.back_off = ms(back_off);
    }
    scenario
}

/// The engine refuses as many calls as the twin, within 3 %.
fn assert_refusals(name: &str, scenario: &Scenario) {
    let told = systems::run(scenario);
    let mut twin = World::new(scenario, ownership(scenario, &told));
    twin.run();
    let (engine, twin) = (told.totals.calls_refused as f64, twin.refused() as f64);
    assert!(
        (engine / twin - 1.0).abs() < 0.03,
        "{name}: {engine} refused, {twin} by the twin"
    );
}

/// The fewer the callers, the longer the back-off and the smaller the burst, the more of the limit is left.
#[test]
fn a_limit_that_refuses_is_used_up_by_those_who_come_back_in_time() {
    for (members, burst, back_off) in [(4, 1.0, 500), (4, 1.0, 20), (12, 1.0, 20), (6, 50.0, 500)] {
        let name = format!("{members} members, burst {burst}, back-off {back_off} ms");
        let scenario = refused(calling(members, 300.0, Some((200.0, burst))), back_off);
        assert_near(&name, &scenario, 0.015, batches(&scenario) + 300.0);
        assert_refusals(&name, &scenario);
    }
}

/// Below the limit too a call is refused by chance: where two come at the same time.
#[test]
fn refused_by_chance() {
    for (rate, back_off) in [(150.0, 50), (50.0, 500)] {
        let scenario = refused(calling(6, rate, Some((200.0, 1.0))), back_off);
        assert_near(
            &format!("{rate}"),
            &scenario,
            0.01,
            batches(&scenario) + 100.0,
        );
        assert_refusals(&format!("{rate}"), &scenario);
    }
    let scenario = refused(calling(6, 150.0, Some((200.0, 20.0))), 500);
    assert_near("saved tokens", &scenario, 0.0, 10.0);
}

/// The last call of a batch that is refused makes all its callers wait.
#[test]
fn refused_members_with_several_calls_in_flight() {
    for (members, burst, back_off, share) in [
        (12, 1.0, 100, 0.02),
        (2, 1.0, 500, 0.02),
        (2, 20.0, 100, 0.01),
        (6, 1.0, 500, 0.04),
    ] {
        let mut scenario = refused(calling(members, 300.0, Some((200.0, burst))), back_off);
        scenario.settings[0].processing.concurrency = 8;
        scenario.settings[0].properties.max_poll_records = 500;
        let name = format!("{members} members, burst {burst}, back-off {back_off} ms");
        assert_near(&name, &scenario, share, 500.0 * f64::from(members));
        assert_refusals(&name, &scenario);
    }
}

/// The same, of whose attempts this share fails by chance and is made again after `back_off` ms.
fn failing(mut scenario: Scenario, rate: f64, back_off: u64) -> Scenario {
    if let Some(downstream) = scenario.downstreams.first_mut() {
        downstream.failure_rate = rate;
        downstream.on_outage.back_off = ms(back_off);
    }
    scenario
}

/// Without a limit each attempt is a step of its record, and nothing is approximate but the latency of those that fail.
#[test]
fn attempts_that_fail_of_members_that_nothing_holds_back() {
    let mut scenario = failing(calling(2, 20.0, None), 0.2, 100);
    scenario.settings[0].processing.calls = vec![3];
    if let Some(downstream) = scenario.downstreams.first_mut() {
        downstream.latency = Law::Constant(0.015);
    }
    assert_near("constant", &scenario, 0.0, 0.0);
    let told = systems::run(&scenario);
    let mut twin = World::new(&scenario, ownership(&scenario, &told));
    twin.run();
    // Of the batches in hand as the run ends the twin counts what has failed so far.
    let (engine, more) = (
        told.totals.calls_failed,
        twin.failed() - told.totals.calls_failed,
    );
    assert!(engine > 4_000 && more < 100, "{engine}, {more} more");
}

/// Failed attempts take their tokens: what is left of the limit for records is what does not fail.
#[test]
fn attempts_that_fail_at_a_limit() {
    for (members, rate, back_off) in [(6, 0.05, 500), (12, 0.05, 500), (12, 0.5, 20), (6, 0.3, 20)]
    {
        let name = format!("{members} members, {rate} fail, back-off {back_off} ms");
        let scenario = failing(calling(members, 300.0, Some((200.0, 1.0))), rate, back_off);
        assert_near(&name, &scenario, 0.02, batches(&scenario) + 0.02 * 80_000.0);
        let mut scenario = refused(scenario, back_off);
        assert_near(
            &format!("{name}, refused"),
            &scenario,
            0.03,
            0.03 * 120_000.0,
        );
        scenario.settings[0].processing.concurrency = 4;
        scenario.downstreams[0].when_limited = WhenLimited::Block;
        assert_near(
            &format!("{name}, 4 each"),
            &scenario,
            0.03,
            0.03 * 120_000.0,
        );
    }
}

/// Calls of a dependency that slows down under load: members, calls in flight of each, records of a poll, how much slower it
/// is with twelve calls in flight, and what else holds its callers back.
struct Crowd {
    members: u32,
    concurrency: u32,
    records: u64,
    factor: f64,
    rate: f64,
    limit: Option<(f64, f64)>,
    places: Option<u32>,
    share: f64,
}

const CROWD: Crowd = Crowd {
    members: 8,
    concurrency: 1,
    records: 50,
    factor: 2.0,
    rate: 800.0,
    limit: None,
    places: None,
    share: 1e-4,
};

impl Crowd {
    fn scenario(&self, latency: Law) -> Scenario {
        let mut scenario = calling(self.members, self.rate, self.limit);
        let settings = &mut scenario.settings[0];
        settings.processing.concurrency = self.concurrency;
        settings.properties.max_poll_records = self.records;
        if let Some(downstream) = scenario.downstreams.first_mut() {
            downstream.latency = latency;
            downstream.load = LoadCurve::from_knots(vec![(3, 1.0), (12, self.factor)]);
            downstream.concurrency = self.places;
        }
        scenario
    }

    fn apart(&self, latency: Law) -> (Apart, bool) {
        let scenario = self.scenario(latency);
        let apart = apart(&scenario);
        let noise = (self.records * u64::from(self.members)) as f64;
        let most = noise + self.share * self.rate * scenario.horizon.as_secs_f64();
        let near = apart.throughput.abs() <= self.share && apart.lag_records <= most;
        (apart, near)
    }
}

fn assert_crowd(name: &str, crowd: &Crowd) {
    let (apart, near) = crowd.apart(CALL);
    assert!(near, "{name}: {apart:?}");
}

/// One call in flight of each member, and nothing local: nothing is approximate but the clock.
#[test]
fn calls_that_slow_each_other_down() {
    for members in [3, 8, 12, 20] {
        for factor in [2.0, 4.0, 10.0] {
            let crowd = Crowd {
                members,
                factor,
                ..CROWD
            };
            assert_crowd(&format!("{members} members, factor {factor}"), &crowd);
        }
    }
    let (apart, near) = CROWD.apart(Law::Constant(0.015));
    assert!(near, "constant: {apart:?}");
}

#[test]
fn slower_calls_of_a_group_that_keeps_up() {
    for (rate, factor) in [(150.0, 2.0), (250.0, 4.0), (350.0, 2.0)] {
        let crowd = Crowd {
            rate,
            factor,
            ..CROWD
        };
        assert_crowd(&format!("{rate}/s, factor {factor}"), &crowd);
    }
}

/// Towards the end of a batch fewer are in flight. The longer the batch, and the more members are at other points of theirs,
/// the less it matters.
#[test]
fn slower_calls_of_members_with_several_in_flight() {
    for (members, records, share) in [
        (1, 50, 0.10),
        (1, 500, 0.03),
        (2, 50, 0.12),
        (2, 500, 0.02),
        (6, 50, 0.01),
        (6, 500, 0.005),
    ] {
        for factor in [2.0, 4.0, 10.0] {
            let crowd = Crowd {
                members,
                records,
                concurrency: 8,
                factor,
                share,
                ..CROWD
            };
            let name = format!("{members} members, {records} records, factor {factor}");
            assert_crowd(&name, &crowd);
        }
    }
}

/// Fewer places than callers: the calls that wait for one slow nobody down.
#[test]
fn slower_calls_behind_a_limit_or_in_few_places() {
    for (limit, places) in [
        (None, Some(5)),
        (Some((300.0, 10.0)), None),
        (Some((450.0, 1.0)), Some(6)),
    ] {
        for (members, concurrency, share) in [
            (1, 8, 0.08),
            (2, 8, 0.09),
            (6, 8, 0.01),
            (8, 1, 0.005),
            (8, 4, 0.01),
        ] {
            let crowd = Crowd {
                members,
                concurrency,
                limit,
                places,
                factor: 4.0,
                share,
                ..CROWD
            };
            let name = format!("{limit:?}, {places:?}, {members} x {concurrency} in flight");
            assert_crowd(&name, &crowd);
        }
    }
}
