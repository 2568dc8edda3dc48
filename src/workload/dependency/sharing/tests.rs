use rand::Rng;

use super::*;
use crate::engine::{Address, Purpose};
use crate::units::SimDuration;
use crate::workload::{BackOff, Law, LoadCurve, Retries, TokenBucket};

const LATENCY: f64 = 0.05;
const LOCAL: f64 = 0.02;

/// Twice as slow with ten calls in flight, and then much worse: the more calls, the fewer of them get through.
fn collapsing() -> LoadCurve {
    LoadCurve::from_knots(vec![(4, 1.0), (10, 2.0), (20, 8.0)])
}

/// Factor n: a server that does one call's work at a time.
fn single_server(callers: u32) -> LoadCurve {
    LoadCurve::from_knots(vec![(1, 1.0), (callers.max(2), f64::from(callers.max(2)))])
}

fn exponential(mean: f64) -> Law {
    Law::Exponential { mean }
}

#[derive(Clone, Debug)]
struct Setting {
    latency: Law,
    local: Law,
    load: LoadCurve,
    places: Option<u32>,
    limit: Option<(f64, f64)>,
    retries: Option<Retries>,
}

impl Setting {
    fn of(latency: Law, load: LoadCurve) -> Self {
        Setting {
            latency,
            local: exponential(LOCAL),
            load,
            places: None,
            limit: None,
            retries: None,
        }
    }

    fn closed_loop(&self) -> ClosedLoop {
        let address = Address::new(7, 0, Purpose::Limiter, "bank-api");
        let bucket = self.limit.map(|(rate, burst)| TokenBucket {
            rate,
            burst,
            back_off: None,
        });
        ClosedLoop::new(address, bucket, self.places, &self.latency, &self.local)
            .under_load(&self.load)
            .retrying(self.retries)
    }
}

/// What a caller is at.
#[derive(Clone, Copy)]
enum At {
    /// Local work, or a back-off, until then.
    Works(f64),
    /// It has a token from then on, the n-th of all.
    Waits(f64, u64),
    /// So much of its call is left, as time alone.
    Calls(f64),
}

/// Every call by itself, its rest brought up to date at every step of anybody, with draws of its own and a bucket counted in
/// tokens. Returns calls per second, and calls in flight.
fn naive(setting: &Setting, callers: usize, calls: u32) -> (f64, f64) {
    let mut random = Address::new(11, 0, Purpose::Limiter, "naive").generator(0, 0);
    let mut draw = |law: &Law| match law {
        Law::Constant(secs) => *secs,
        Law::Exponential { mean } => {
            let uniform = (random.next_u64() >> 11) as f64 + 0.5;
            -mean * (uniform / 9_007_199_254_740_992.0).ln()
        }
        Law::Bimodal { fast, slow, share } => {
            let uniform = (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
            if uniform < *share { *slow } else { *fast }
        }
        other => panic!("{other:?}"),
    };
    let mut chances = Address::new(11, 0, Purpose::Limiter, "chance").generator(0, 0);
    let mut chance = |rate: f64| {
        let uniform = (chances.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
        uniform < rate
    };
    let places = setting.places.map_or(callers, |places| places as usize);
    let mut at: Vec<At> = (0..callers)
        .map(|_| At::Works(draw(&setting.local)))
        .collect();
    let (mut now, mut next_token, mut served) = (0.0_f64, 0.0_f64, 0);
    let burst = setting.limit.map_or(0.0, |(_, burst)| burst);
    let gap = setting.limit.map_or(0.0, |(rate, _)| 1.0 / rate);
    let (mut ended, mut begun, mut held) = (0, 0.0, 0.0);
    while ended < calls {
        let in_flight = at.iter().filter(|one| matches!(one, At::Calls(_))).count();
        let factor = setting.load.factor(in_flight as u32);
        let first_waiting = at
            .iter()
            .filter_map(|one| match one {
                At::Waits(_, turn) => Some(*turn),
                _ => None,
            })
            .min();
        let time = |one: &At| match one {
            At::Works(until) => *until,
            At::Waits(from, turn) if in_flight < places && Some(*turn) == first_waiting => {
                from.max(now)
            }
            At::Waits(..) => f64::INFINITY,
            At::Calls(left) => now + left * factor,
        };
        let who = (0..callers)
            .min_by(|a, b| time(&at[*a]).total_cmp(&time(&at[*b])))
            .unwrap_or(0);
        let then = time(&at[who]);
        for one in &mut at {
            if let At::Calls(left) = one {
                *left -= (then - now) / factor;
            }
        }
        if ended > calls / 10 {
            held += (then - now) * in_flight as f64;
        }
        now = then;
        at[who] = match at[who] {
            At::Works(_) => {
                // The bucket is full at next_token + (burst - 1) gaps: never earlier than that before now.
                next_token = next_token.max(now - (burst - 1.0).max(0.0) * gap);
                let granted = now.max(next_token);
                next_token += gap;
                served += 1;
                At::Waits(granted, served)
            }
            At::Waits(..) => At::Calls(draw(&setting.latency)),
            At::Calls(_) => {
                ended += 1;
                if ended == calls / 10 + 1 {
                    begun = now;
                }
                let after = match setting.retries {
                    Some(own) if chance(own.failure_rate) => own.back_off.first.as_secs_f64(),
                    _ => draw(&setting.local),
                };
                At::Works(now + after)
            }
        };
    }
    let elapsed = now - begun;
    (f64::from(calls - calls / 10 - 1) / elapsed, held / elapsed)
}

/// M/M/1//N, computed by its own formula, and whatever the law of the latency.
#[test]
fn a_factor_of_n_is_the_machine_repair_model() {
    for callers in 1..=40_u32 {
        let (mut weight, mut sum) = (1.0, 1.0);
        for there in 0..callers {
            weight *= f64::from(callers - there) * LATENCY / LOCAL;
            sum += weight;
        }
        let exact = (1.0 - 1.0 / sum) / LATENCY;
        for latency in [exponential(LATENCY), Law::Constant(LATENCY)] {
            let setting = Setting::of(latency, single_server(callers));
            let found = setting.closed_loop().flow(callers).calls;
            assert!(
                (found / exact - 1.0).abs() < 1e-9,
                "{callers}: {found} for {exact}"
            );
        }
    }
}

/// Nothing is local: all callers are in flight, and there is nothing to be random.
#[test]
fn callers_that_do_nothing_else_are_all_in_flight() {
    let mut setting = Setting::of(Law::Constant(LATENCY), collapsing());
    setting.local = Law::Constant(0.0);
    for (callers, factor) in [(1, 1.0), (4, 1.0), (10, 2.0), (15, 5.0), (40, 8.0)] {
        let flow = setting.closed_loop().flow(callers);
        let expected = f64::from(callers) / (LATENCY * factor);
        assert!(
            (flow.calls / expected - 1.0).abs() < 1e-12,
            "{callers}: {flow:?}"
        );
        assert_eq!(flow.in_flight, f64::from(callers));
    }
    setting.places = Some(10);
    let flow = setting.closed_loop().flow(40);
    assert!((flow.calls / 100.0 - 1.0).abs() < 1e-12, "{flow:?}");
}

#[test]
fn many_callers_do_not_overflow_the_product_form() {
    let mut setting = Setting::of(exponential(LATENCY), collapsing());
    setting.local = exponential(20.0);
    let flow = setting.closed_loop().flow(100_000);
    // So many are in flight that the factor is 8 all the time, and a cycle takes 20.4 s.
    assert!(
        (flow.calls / (100_000.0 / 20.4) - 1.0).abs() < 1e-9,
        "{flow:?}"
    );
    // Who is not in flight works.
    let working = flow.calls * 20.0;
    assert!(
        ((working + flow.in_flight) / 100_000.0 - 1.0).abs() < 1e-9,
        "{flow:?}"
    );
}

/// Within 1.5 % of the naive calls per second, and within `held` of its calls in flight.
fn assert_naive(setting: &Setting, callers: &[u32], held: f64) {
    for &callers in callers {
        let (calls, in_flight) = naive(setting, callers as usize, 60_000);
        let found = setting.closed_loop().flow(callers);
        assert!(
            (found.calls / calls - 1.0).abs() < 0.015
                && (found.in_flight / in_flight - 1.0).abs() < held,
            "{setting:?} {callers}: {found:?} for {calls} with {in_flight} in flight"
        );
    }
}

#[test]
fn the_flow_under_load_is_that_of_a_long_naive_simulation() {
    let laws = [
        exponential(LATENCY),
        Law::Constant(LATENCY),
        Law::Bimodal {
            fast: 0.02,
            slow: 0.32,
            share: 0.1,
        },
    ];
    for latency in laws {
        let setting = Setting::of(latency, collapsing());
        assert_naive(&setting, &[1, 4, 7, 12, 25], 0.03);
    }
}

#[test]
fn places_under_load_are_those_of_a_long_naive_simulation() {
    for latency in [exponential(LATENCY), Law::Constant(LATENCY)] {
        for places in [3, 9] {
            let mut setting = Setting::of(latency.clone(), collapsing());
            setting.places = Some(places);
            assert_naive(&setting, &[4, 12, 25], 0.03);
        }
    }
}

/// Near the collapse calls are few for a while and many for a while: their number in flight is known less well.
#[test]
fn a_limit_before_calls_under_load_is_that_of_a_long_naive_simulation() {
    for (limit, places) in [
        ((80.0, 1.0), None),
        ((80.0, 10.0), None),
        ((95.0, 5.0), Some(9)),
        ((1_000.0, 50.0), None),
    ] {
        let mut setting = Setting::of(exponential(LATENCY), collapsing());
        (setting.limit, setting.places) = (Some(limit), places);
        assert_naive(&setting, &[3, 6, 10, 14, 25], 0.12);
    }
}

/// Attempts that fail are in flight as the others are, and their back-offs are not.
#[test]
fn attempts_that_fail_under_load_are_those_of_a_long_naive_simulation() {
    for (limit, places) in [(None, None), (None, Some(9)), (Some((80.0, 10.0)), None)] {
        let mut setting = Setting::of(exponential(LATENCY), collapsing());
        (setting.limit, setting.places) = (limit, places);
        setting.retries = Some(Retries {
            failure_rate: 0.2,
            back_off: BackOff::constant(SimDuration::from_millis(100)),
            attempts: None,
        });
        assert_naive(&setting, &[3, 7, 12, 25], 0.12);
    }
}

/// Where the simulation is not needed it comes to the same.
#[test]
fn the_simulation_tends_to_the_product_form() {
    let setting = Setting::of(exponential(LATENCY), collapsing());
    for places in [None, Some(6)] {
        let setting = Setting {
            places,
            ..setting.clone()
        };
        for callers in [2, 9, 15, 40] {
            let exact = setting.closed_loop().flow(callers);
            let measured = setting.closed_loop().measured_sharing(callers);
            assert!(
                (measured.calls / exact.calls - 1.0).abs() < 0.01
                    && (measured.in_flight / exact.in_flight - 1.0).abs() < 0.02,
                "{places:?} {callers}: {measured:?} for {exact:?}"
            );
        }
    }
}

/// Factors that rise as the calls do leave the dependency as much to do; faster, and it gets less done.
#[test]
fn more_callers_get_more_done_just_as_long_as_factors_rise_no_faster_than_calls() {
    let calls = |load: &LoadCurve| {
        let mut own = Setting::of(exponential(LATENCY), load.clone()).closed_loop();
        (1..=200)
            .map(|callers| own.flow(callers).calls)
            .collect::<Vec<f64>>()
    };
    let proportional = LoadCurve::from_knots(vec![(20, 1.0), (80, 4.0), (320, 16.0)]);
    let rising = calls(&proportional);
    let increases = rising
        .windows(2)
        .all(|pair| pair[1] >= pair[0] * (1.0 - 1e-9));
    assert!(increases, "{rising:?}");
    let collapsed = calls(&collapsing());
    let each: Vec<f64> = (1_u32..)
        .zip(&collapsed)
        .map(|(callers, calls)| calls / f64::from(callers))
        .collect();
    assert!(
        each.windows(2)
            .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-9))
    );
    let (best, worst) = (collapsed[9], collapsed[22]);
    assert!(
        worst < 0.6 * best,
        "{best} with 10 callers, {worst} with 23"
    );
}

#[test]
fn a_curve_that_is_flat_changes_nothing() {
    let flat = LoadCurve::from_knots(vec![(1, 1.0), (50, 1.0)]);
    for places in [None, Some(6)] {
        let mut setting = Setting::of(exponential(LATENCY), flat.clone());
        (setting.places, setting.limit) = (places, Some((150.0, 4.0)));
        let without = Setting {
            load: LoadCurve::default(),
            ..setting.clone()
        };
        for callers in [1, 9, 30] {
            let (found, expected) = (setting.closed_loop(), without.closed_loop());
            let (mut found, mut expected) = (found, expected);
            assert_eq!(found.flow(callers), expected.flow(callers));
        }
    }
}
