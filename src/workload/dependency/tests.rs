use rand::Rng;

use super::*;
use crate::engine::Purpose;
use crate::workload::{BackOff, CallLaw};

fn closed_loop(
    limit: Option<(f64, f64)>,
    concurrency: Option<u32>,
    latency: &Law,
    local: &Law,
) -> ClosedLoop {
    let address = Address::new(7, 0, Purpose::Limiter, "bank-api");
    let bucket = limit.map(|(rate, burst)| TokenBucket {
        rate,
        burst,
        back_off: None,
    });
    ClosedLoop::new(address, bucket, concurrency, latency, local)
}

#[test]
fn without_a_limit_callers_do_not_feel_each_other() {
    let (latency, local) = (Law::Exponential { mean: 0.09 }, Law::Constant(0.01));
    assert_eq!(
        closed_loop(None, None, &latency, &local).flow(7).calls,
        70.0
    );
    assert_eq!(
        closed_loop(None, Some(7), &latency, &local).flow(7).calls,
        70.0
    );
    assert_eq!(closed_loop(None, None, &latency, &local).flow(0).calls, 0.0);
}

#[test]
fn constant_times_give_the_smallest_bound() {
    let (latency, local) = (Law::Constant(0.25), Law::Constant(0.75));
    let mut limited = closed_loop(Some((20.0, 5.0)), Some(4), &latency, &local);
    assert_eq!(limited.flow(10).calls, 10.0);
    assert_eq!(limited.flow(100).calls, 16.0);
    let mut limited = closed_loop(Some((12.0, 5.0)), Some(4), &latency, &local);
    assert_eq!(limited.flow(100).calls, 12.0);
}

/// The machine repair model M/M/1//N: throughput is the service rate times the probability that anybody is there.
#[test]
fn one_place_and_exponential_times_are_the_machine_repair_model() {
    let (latency, local) = (
        Law::Exponential { mean: 0.1 },
        Law::Exponential { mean: 0.5 },
    );
    let mut limited = closed_loop(None, Some(1), &latency, &local);
    for callers in 1..=12_u32 {
        let (mut weight, mut sum) = (1.0, 1.0);
        for there in 0..callers {
            weight *= f64::from(callers - there) * 0.1 / 0.5;
            sum += weight;
        }
        let exact = (1.0 - 1.0 / sum) / 0.1;
        let found = limited.flow(callers).calls;
        assert!(
            (found / exact - 1.0).abs() < 0.01,
            "{callers}: {found} for {exact}"
        );
    }
}

const LATENCY: f64 = 0.05;
const LOCAL: f64 = 0.02;

fn exponentials() -> (Law, Law) {
    let law = |mean| Law::Exponential { mean };
    (law(LATENCY), law(LOCAL))
}

/// One attempt after another in order of asking, with its own draws and a bucket counted in tokens.
fn naive(callers: usize, bucket: TokenBucket, places: usize) -> Flow {
    naive_failing(callers, bucket, places, None)
}

/// The same, of attempts that fail by chance.
fn naive_failing(
    callers: usize,
    bucket: TokenBucket,
    places: usize,
    retries: Option<Retries>,
) -> Flow {
    let mut chance = Address::new(11, 0, Purpose::Limiter, "chance").generator(0, 0);
    let mut fails = move |rate: f64| {
        let uniform = (chance.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
        uniform < rate
    };
    let mut random = Address::new(11, 0, Purpose::Limiter, "naive").generator(0, 0);
    let mut jitter = Address::new(11, 0, Purpose::Limiter, "jitter").generator(0, 0);
    let mut exponential = move |mean: f64| {
        let uniform = (random.next_u64() >> 11) as f64 + 0.5;
        -mean * (uniform / 9_007_199_254_740_992.0).ln()
    };
    let mut asking: Vec<f64> = (0..callers).map(|_| exponential(LOCAL)).collect();
    let mut failed = vec![0_u32; callers];
    let places = places.min(callers);
    let mut free = vec![0.0_f64; places];
    let (mut tokens, mut counted_at) = (1.0_f64, 0.0_f64);
    let calls = match (bucket.back_off, retries) {
        (None, None) => 200_000,
        (_, None) => 50_000,
        (_, Some(_)) => 400_000,
    };
    let skipped = calls / 10;
    let (mut call, mut refused, mut begun) = (0, 0, 0.0);
    while call < calls {
        let first = (0..callers)
            .min_by(|a, b| asking[*a].total_cmp(&asking[*b]))
            .unwrap_or(0);
        let asked = asking[first].max(counted_at);
        tokens = (tokens + (asked - counted_at) * bucket.rate).min(bucket.burst);
        counted_at = asked;
        if let Some(back_off) = bucket.back_off.filter(|_| tokens < 1.0) {
            let uniform = (jitter.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
            asking[first] = asked + back_off * (0.8 + 0.4 * uniform);
            refused += u32::from(call > skipped);
            continue;
        }
        let wait = ((1.0 - tokens) / bucket.rate).max(0.0);
        counted_at += wait;
        tokens += wait * bucket.rate - 1.0;
        let place = (0..places)
            .min_by(|a, b| free[*a].total_cmp(&free[*b]))
            .unwrap_or(0);
        let end = free[place].max(counted_at) + exponential(LATENCY);
        free[place] = end;
        asking[first] = end
            + match retries {
                Some(own) if fails(own.failure_rate) => {
                    failed[first] += 1;
                    match Some(failed[first]) == own.attempts {
                        true => {
                            failed[first] = 0;
                            exponential(LOCAL)
                        }
                        false => own.back_off.after(failed[first]).as_secs_f64(),
                    }
                }
                _ => {
                    failed[first] = 0;
                    exponential(LOCAL)
                }
            };
        if call == skipped {
            begun = counted_at;
        }
        call += 1;
    }
    let elapsed = counted_at - begun;
    Flow {
        calls: f64::from(calls - skipped - 1) / elapsed,
        refused: f64::from(refused) / elapsed,
        in_flight: 0.0,
    }
}

#[test]
fn the_throughput_is_that_of_a_long_naive_simulation() {
    let (latency, local) = exponentials();
    for (limit, places) in [
        ((200.0, 1.0), 1000),
        ((200.0, 20.0), 1000),
        ((200.0, 5.0), 11),
    ] {
        let concurrency = Some(places).filter(|places| *places < 1000);
        let mut limited = closed_loop(Some(limit), concurrency, &latency, &local);
        let bucket = TokenBucket {
            rate: limit.0,
            burst: limit.1,
            back_off: None,
        };
        for callers in [1, 4, 10, 13, 14, 15, 18, 25, 60] {
            let expected = naive(callers as usize, bucket, places as usize).calls;
            let found = limited.flow(callers).calls;
            let error = found / expected - 1.0;
            assert!(
                error.abs() < 0.01,
                "{limit:?} {places} {callers}: {found} for {expected}"
            );
        }
    }
}

fn retries(failure_rate: f64, millis: u64) -> Option<Retries> {
    let back_off = crate::units::SimDuration::from_millis(millis);
    Some(Retries {
        failure_rate,
        back_off: BackOff::constant(back_off),
        attempts: None,
    })
}

/// The same, given up after so many, with pauses that double.
fn given_up(failure_rate: f64, millis: u64, attempts: u32) -> Option<Retries> {
    retries(failure_rate, millis).map(|own| Retries {
        back_off: BackOff {
            multiplier: 2.0,
            max: own.back_off.first * 100,
            ..own.back_off
        },
        attempts: Some(attempts),
        ..own
    })
}

/// Without a limit nobody waits: an attempt in each cycle of a latency and what comes after it.
#[test]
fn without_a_limit_attempts_that_fail_take_their_time() {
    let (latency, local) = exponentials();
    for (rate, millis) in [(0.01, 500), (0.3, 20), (0.999, 1)] {
        let mut free = closed_loop(None, None, &latency, &local).retrying(retries(rate, millis));
        let cycle = LATENCY + (1.0 - rate) * LOCAL + rate * millis as f64 / 1e3;
        let found = free.flow(7).calls;
        assert!((found * cycle / 7.0 - 1.0).abs() < 1e-12, "{rate}: {found}");
    }
}

/// Each attempt takes a token and a place, those that fail too: by more and fewer callers than the limit bears.
#[test]
fn attempts_that_fail_are_those_of_a_long_naive_simulation() {
    let (latency, local) = exponentials();
    for (retries, burst, places) in [
        (retries(0.05, 500), 1.0, 1000),
        (retries(0.05, 500), 20.0, 1000),
        (retries(0.3, 5), 1.0, 1000),
        (retries(0.3, 200), 5.0, 11),
        (retries(0.9, 50), 5.0, 1000),
        (given_up(0.3, 50, 1), 1.0, 1000),
        (given_up(0.3, 50, 3), 1.0, 1000),
        (given_up(0.7, 20, 4), 5.0, 11),
    ] {
        for back_off in [None, Some(0.05)] {
            let concurrency = Some(places).filter(|places| *places < 1000);
            let bucket = TokenBucket {
                rate: 200.0,
                burst,
                back_off,
            };
            let address = Address::new(7, 0, Purpose::Limiter, "bank-api");
            let mut limited = ClosedLoop::new(address, Some(bucket), concurrency, &latency, &local)
                .retrying(retries);
            for callers in [1, 10, 16, 20, 40] {
                let expected = naive_failing(callers as usize, bucket, places as usize, retries);
                let found = limited.flow(callers);
                let calls = found.calls / expected.calls - 1.0;
                let refused = (found.refused - expected.refused).abs();
                assert!(
                    calls.abs() < 0.015 && refused < 0.03 * (found.calls + found.refused),
                    "{retries:?} {bucket:?} {places} {callers}: {found:?} for {expected:?}"
                );
            }
        }
    }
}

/// Callers of a bucket that refuses, of so many tokens per second.
fn refusing(
    rate: f64,
    burst: f64,
    back_off: f64,
    places: Option<u32>,
    laws: &(Law, Law),
) -> ClosedLoop {
    let address = Address::new(7, 0, Purpose::Limiter, "bank-api");
    let bucket = TokenBucket {
        rate,
        burst,
        back_off: Some(back_off),
    };
    ClosedLoop::new(address, Some(bucket), places, &laws.0, &laws.1)
}

#[test]
fn refusals_are_those_of_a_long_naive_simulation() {
    for (burst, back_off, places) in [
        (1.0, 0.5, 1000),
        (1.0, 0.002, 1000),
        (3.0, 0.05, 1000),
        (20.0, 0.5, 1000),
        (1.0, 0.05, 11),
    ] {
        let concurrency = Some(places).filter(|places| *places < 1000);
        let mut limited = refusing(200.0, burst, back_off, concurrency, &exponentials());
        let bucket = TokenBucket {
            rate: 200.0,
            burst,
            back_off: Some(back_off),
        };
        for callers in [1, 4, 14, 18, 40] {
            let expected = naive(callers as usize, bucket, places as usize);
            let found = limited.flow(callers);
            let calls = found.calls / expected.calls - 1.0;
            let refused = (found.refused - expected.refused).abs();
            assert!(
                calls.abs() < 0.015 && refused < 0.03 * (found.calls + found.refused),
                "{bucket:?} {places} {callers}: {found:?} for {expected:?}"
            );
        }
    }
}

/// One that is refused once per call loses a back-off, one that asks all the time what is left of it when the token comes.
#[test]
fn one_caller_whose_calls_are_refused_loses_what_is_left_of_its_back_off() {
    let laws = (Law::Constant(0.003), Law::Constant(0.001));
    let flow = refusing(200.0, 1.0, 0.5, None, &laws).flow(1);
    assert!((flow.calls * 0.504 - 1.0).abs() < 0.002, "{flow:?}");
    assert!((flow.refused / flow.calls - 1.0).abs() < 0.001, "{flow:?}");
    // Residual of a back-off that is uniform from 0.8 to 1.2 of its mean: E[x^2] / 2 E[x].
    let flow = refusing(50.0, 1.0, 0.001, None, &laws).flow(1);
    let left = 0.001 * (1.0 + 0.04 / 3.0) / 2.0;
    assert!(
        (flow.calls * (0.020 + left) - 1.0).abs() < 0.002,
        "{flow:?}"
    );
    let asked = (0.020 + left - 0.004) / 0.001;
    assert!(
        (flow.refused / flow.calls / asked - 1.0).abs() < 0.005,
        "{flow:?}"
    );
    // Slower than the tokens: nothing is refused.
    let flow = refusing(260.0, 1.0, 0.5, None, &laws).flow(1);
    assert!(
        (flow.calls / 250.0 - 1.0).abs() < 1e-4 && flow.refused == 0.0,
        "{flow:?}"
    );
}

/// A bucket that has filled up while its caller backs off is emptied in one go: 50 tokens and those that come meanwhile.
#[test]
fn a_burst_makes_up_for_the_back_off() {
    let laws = (Law::Constant(0.003), Law::Constant(0.0));
    let mut few = refusing(200.0, 50.0, 0.5, None, &laws);
    let run = 49.0 / (1.0 - 0.003 * 200.0); // Calls until the tokens are gone, but for the last one.
    let expected = run / (run * 0.003 + 0.5);
    let found = few.flow(1).calls;
    assert!(
        (found / expected - 1.0).abs() < 0.02,
        "{found} for {expected}"
    );
    // One that never fills up loses nothing.
    let found = refusing(200.0, 200.0, 0.5, None, &laws).flow(1).calls;
    assert!((found / 200.0 - 1.0).abs() < 0.01, "{found}");
}

/// Who is not busy is waiting (Little): each of them asks once per back-off.
#[test]
fn many_callers_get_the_limit_and_are_refused_the_rest_of_their_time() {
    let laws = exponentials();
    let mut last = 0.0;
    for callers in [20, 50, 128, 256, 1024, 8192] {
        let flow = refusing(200.0, 1.0, 0.1, None, &laws).flow(callers);
        let refused = (f64::from(callers) - flow.calls * (LATENCY + LOCAL)) / 0.1;
        assert!(
            (flow.refused / refused - 1.0).abs() < 0.02,
            "{callers}: {flow:?} for {refused}"
        );
        assert!(
            flow.calls > last && flow.calls <= 200.0,
            "{callers}: {flow:?}"
        );
        last = flow.calls;
    }
    assert!(last > 199.0, "{last}");
    let burst = refusing(200.0, 2.0, 0.1, None, &laws).flow(1024).calls;
    assert_eq!(burst, 200.0);
}

/// Where the closed form takes over from the simulation, they agree.
#[test]
fn the_closed_form_of_many_callers_is_what_the_simulation_tends_to() {
    for burst in [1.0, 1.03] {
        let mut refused = refusing(200.0, burst, 0.05, None, &exponentials());
        let callers = 520;
        let (exact, measured) = (refused.flow(callers), refused.measured(callers));
        assert!(
            refused.closed_form(callers).is_some() && refused.closed_form(callers - 10).is_none()
        );
        assert!(
            (exact.calls / measured.calls - 1.0).abs() < 0.005,
            "{exact:?} {measured:?}"
        );
        assert!(
            (exact.refused / measured.refused - 1.0).abs() < 0.005,
            "{exact:?} {measured:?}"
        );
    }
}

#[test]
fn one_more_caller_never_makes_it_slower() {
    for (burst, back_off) in [(1.0, 0.5), (1.0, 0.01), (10.0, 0.2)] {
        let mut refused = refusing(200.0, burst, back_off, None, &exponentials());
        let mut most = 0.0_f64;
        for callers in 1..=128 {
            let calls = refused.flow(callers).calls;
            assert!(
                calls > most * 0.99,
                "{burst} {back_off} {callers}: {calls} after {most}"
            );
            most = most.max(calls);
        }
    }
}

#[test]
fn many_callers_are_interpolated_between_measured_numbers() {
    let (latency, local) = (Law::Exponential { mean: 0.5 }, Law::Constant(0.0));
    let mut limited = closed_loop(Some((2000.0, 10.0)), None, &latency, &local);
    let mut direct = closed_loop(Some((2000.0, 10.0)), None, &latency, &local);
    for callers in [700, 963, 995, 1001, 1030, 1100, 3000] {
        let (found, exact) = (limited.flow(callers).calls, direct.at(callers).calls);
        assert!(
            (found / exact - 1.0).abs() < 0.005,
            "{callers}: {found} for {exact}"
        );
    }
}

#[test]
fn the_answer_does_not_depend_on_what_was_asked_before() {
    let (latency, local) = (Law::Exponential { mean: 0.5 }, Law::Constant(0.1));
    let mut one = closed_loop(Some((20.0, 3.0)), None, &latency, &local);
    let mut other = closed_loop(Some((20.0, 3.0)), None, &latency, &local);
    let up: Vec<f64> = (1..40).map(|callers| one.flow(callers).calls).collect();
    let mut down: Vec<f64> = (1..40)
        .rev()
        .map(|callers| other.flow(callers).calls)
        .collect();
    down.reverse();
    assert_eq!(up, down);
}

fn elsewhere(latency: Law, retries: Option<Retries>, calls: u32, per: u32) -> Elsewhere {
    Elsewhere {
        law: CallLaw { latency, retries },
        calls,
        per,
        share: f64::from(calls) / f64::from(per),
    }
}

/// What a caller calls elsewhere is to the loop what as much local work is.
#[test]
fn calls_elsewhere_are_time_away() {
    let (latency, nothing) = (Law::Exponential { mean: LATENCY }, Law::Constant(0.0));
    let local = Law::Exponential { mean: 0.08 };
    let whole = elsewhere(local.clone(), None, 1, 1);
    // Three calls of a gamma law's third for two of the loop.
    let third = Law::Gamma {
        mean: 0.08 * 2.0 / 3.0,
        shape: 1.0 / 3.0,
    };
    let shares = elsewhere(third, None, 3, 2);
    for (limit, places) in [
        (Some((100.0, 1.0)), None),
        (None, Some(5)),
        (Some((60.0, 9.0)), Some(4)),
    ] {
        for callers in [1, 7, 13, 30] {
            let expected = closed_loop(limit, places, &latency, &local)
                .flow(callers)
                .calls;
            let mut loops = [&whole, &shares].map(|own| {
                closed_loop(limit, places, &latency, &nothing).calling(std::slice::from_ref(own))
            });
            for found in loops.iter_mut().map(|own| own.flow(callers).calls) {
                assert!(
                    (found / expected - 1.0).abs() < 0.01,
                    "{limit:?} {places:?} {callers}: {found} for {expected}"
                );
            }
        }
    }
}

/// The mean of what is done elsewhere is that of all attempts and their pauses.
#[test]
fn without_a_limit_calls_elsewhere_take_their_means() {
    let retries = retries(0.2, 40);
    let (latency, local) = (Law::Exponential { mean: 0.03 }, Law::Constant(0.01));
    let errands = [
        elsewhere(Law::Exponential { mean: 0.016 }, retries, 2, 1),
        elsewhere(Law::Constant(0.06), None, 1, 3),
    ];
    // 30 and 10 ms, two of (16 + 8) / 0.8, a third of 60.
    let each = 0.030 + 0.010 + 0.060 + 0.020;
    let found = closed_loop(None, None, &latency, &local)
        .calling(&errands)
        .flow(6)
        .calls;
    assert!((found - 6.0 / each).abs() < 1e-9, "{found}");
    assert!((errands[0].law.attempts() - 1.25).abs() < 1e-12);
}
