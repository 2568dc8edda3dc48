use super::*;

const RATES: [f64; 5] = [0.001, 0.05, 0.3, 0.9, 0.99];

fn retries(failure_rate: f64) -> Option<Retries> {
    Some(Retries {
        failure_rate,
        back_off: BackOff::constant(SimDuration::from_millis(20)),
        attempts: None,
    })
}

/// Given up after so many attempts, with pauses of 20, 40, 80 and then 100 ms.
fn given_up(failure_rate: f64, attempts: u32) -> Option<Retries> {
    Some(Retries {
        failure_rate,
        back_off: BackOff {
            first: SimDuration::from_millis(20),
            multiplier: 2.0,
            max: SimDuration::from_millis(100),
        },
        attempts: Some(attempts),
    })
}

fn costs(law: &Law, retries: Option<Retries>) -> CallCosts {
    let address = |purpose| Address::new(3, 0, purpose, "orders-0");
    CallCosts::new(
        address,
        &CallLaw {
            latency: law.clone(),
            retries,
        },
    )
}

fn laws() -> [Law; 4] {
    let mean = 0.004;
    [
        Law::Constant(mean),
        Law::Exponential { mean },
        Law::Gamma { mean, shape: 0.3 },
        Law::Lognormal { mean, p99: 0.02 },
    ]
}

#[test]
fn calls_take_the_same_however_a_range_is_cut() {
    for (law, rate) in laws().iter().flat_map(|law| RATES.map(|rate| (law, rate))) {
        let mut one = costs(law, retries(rate));
        let mut other = costs(law, retries(rate));
        let mut from = 18_443_201;
        for step in 0..600_u64 {
            let to = from + step * 7919 % 1000 * if step % 50 == 0 { 30 } else { 1 };
            let middle = from + (to - from) * (step % 7) / 7;
            let cut = other.work(from, middle) + other.work(middle, to);
            assert_eq!(one.work(from, to), cut, "{law:?} {rate}");
            let failed = other.failed(from, middle) + other.failed(middle, to);
            assert_eq!(one.failed(from, to), failed, "{law:?} {rate}");
            from = if step % 11 == 0 { from - 500 } else { to };
        }
    }
}

#[test]
fn a_range_is_its_calls_one_by_one() {
    for (law, rate) in laws().iter().flat_map(|law| RATES.map(|rate| (law, rate))) {
        let mut one = costs(law, retries(rate));
        let (mut work, mut failed) = (SimDuration::ZERO, 0);
        for call in 4_000..4_300 {
            work += one.work(call, call + 1);
            failed += one.failed(call, call + 1);
        }
        let mut other = costs(law, retries(rate));
        assert_eq!(other.work(4_000, 4_300), work, "{law:?} {rate}");
        assert_eq!(other.failed(4_000, 4_300), failed, "{law:?} {rate}");
    }
}

/// p^n of the calls fail n times or more, and one call's failures say nothing about the next one's.
#[test]
fn failures_of_a_call_are_geometric() {
    for rate in RATES {
        let calls = 200_000_u64;
        let mut costs = costs(&Law::Constant(0.0), retries(rate));
        let failed: Vec<f64> = (0..calls)
            .map(|call| costs.failed(call, call + 1) as f64)
            .collect();
        for n in [1, 2, 3, 10, 100] {
            let expected = rate.powi(n);
            let found = failed.iter().filter(|own| **own >= f64::from(n)).count() as f64;
            let deviation = (calls as f64 * expected * (1.0 - expected)).sqrt();
            let off = (found - calls as f64 * expected).abs();
            assert!(off <= 4.0 * deviation + 1.0, "{rate} {n}: {found}");
        }
        let (mean, variance) = (rate / (1.0 - rate), rate / (1.0 - rate).powi(2));
        let products = failed
            .windows(2)
            .map(|two| (two[0] - mean) * (two[1] - mean));
        let correlation = products.sum::<f64>() / calls as f64 / variance;
        assert!(correlation.abs() < 0.01, "{rate}: {correlation}");
    }
}

/// Mean latency / (1 - p) + back-off p / (1 - p), and the variance of a sum of so many terms as chance has it.
#[test]
fn a_call_takes_its_attempts_and_the_pauses_between_them() {
    let (latency, pause) = (0.004, 0.020);
    for (law, rate) in laws().iter().flat_map(|law| RATES.map(|rate| (law, rate))) {
        let calls = 200_000_u64;
        let mut costs = costs(law, retries(rate));
        let times: Vec<f64> = (0..calls)
            .map(|call| costs.work(call, call + 1).as_secs_f64())
            .collect();
        let mean = (latency + pause * rate) / (1.0 - rate);
        let of_attempts = rate / (1.0 - rate).powi(2) * (latency + pause).powi(2);
        let variance = law.scv() * latency * latency / (1.0 - rate) + of_attempts;
        let found = times.iter().sum::<f64>() / calls as f64;
        let error = (variance / calls as f64).sqrt();
        assert!(
            (found - mean).abs() < 4.0 * error + 1e-12,
            "{law:?} {rate}: {found} for {mean}"
        );
        let squares = times.iter().map(|time| (time - mean).powi(2));
        let found = squares.sum::<f64>() / calls as f64;
        // The fourth moment of rare failures is large.
        let bound = if rate < 0.01 { 0.3 } else { 0.05 };
        assert!(
            (found / variance - 1.0).abs() < bound,
            "{law:?} {rate}: variance {found} for {variance}"
        );
    }
}

/// p^n of the calls are given up, the same ones whoever asks for them and in whatever pieces.
#[test]
fn calls_are_given_up_that_fail_as_often_as_they_may() {
    for (rate, attempts) in [(0.3, 1), (0.3, 3), (0.9, 20), (0.001, 1), (0.05, 2)] {
        let calls = 400_000_u64;
        let mut one = costs(&Law::Constant(0.0), given_up(rate, attempts));
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(call) = one.given_up_in(from, calls) {
            found.push(call);
            from = call + 1;
        }
        let share = rate.powi(attempts as i32);
        let deviation = (calls as f64 * share * (1.0 - share)).sqrt();
        let off = (found.len() as f64 - calls as f64 * share).abs();
        assert!(off <= 4.0 * deviation, "{rate} {attempts}: {}", found.len());
        let mut other = costs(&Law::Constant(0.0), given_up(rate, attempts));
        for step in 0..3_000_u64 {
            let from = step * 7919 % (calls - 5_000);
            let to = from + step * 31 % 5_000;
            let first = found.iter().copied().find(|call| (from..to).contains(call));
            assert_eq!(other.given_up_in(from, to), first, "{rate} {attempts}");
        }
        for call in found.into_iter().take(100) {
            assert!(other.failed(call, call + 1) >= u64::from(attempts));
        }
    }
}

/// Of calls that are given up too, mean and variance are those of their draws.
#[test]
fn a_call_that_may_be_given_up_takes_a_truncated_number_of_attempts() {
    for (rate, attempts) in [(0.3, 1), (0.3, 3), (0.9, 20), (0.5, 4)] {
        let latency = Law::Exponential { mean: 0.004 };
        let retries = given_up(rate, attempts);
        let mut costs = costs(&latency, retries);
        let calls = 200_000_u64;
        let times: Vec<f64> = (0..calls)
            .map(|call| match costs.given_up_in(call, call + 1) {
                Some(call) => costs.giving_up(call).1.as_secs_f64(),
                None => costs.work(call, call + 1).as_secs_f64(),
            })
            .collect();
        let law = CallLaw { latency, retries };
        let mean = times.iter().sum::<f64>() / calls as f64;
        let squares = times.iter().map(|time| (time - mean).powi(2));
        let variance = squares.sum::<f64>() / calls as f64;
        let error = (law.variance() / calls as f64).sqrt();
        assert!(
            (mean - law.mean()).abs() < 4.0 * error,
            "{rate} {attempts}: {mean}"
        );
        assert!(
            (variance / law.variance() - 1.0).abs() < 0.03,
            "{rate} {attempts}"
        );
        // By hand: 1 + p + p^2 attempts, and pauses of 20 and 40 ms after the first two failures.
        if (rate, attempts) == (0.3, 3) {
            assert!((law.attempts() - 1.39).abs() < 1e-12);
            assert!((law.mean() - (1.39 * 0.004 + 0.3 * 0.020 + 0.09 * 0.040)).abs() < 1e-12);
            assert!((law.given_up() - 0.027).abs() < 1e-12);
        }
    }
}

/// A record that starts anew has new luck, and only that one.
#[test]
fn a_call_that_is_made_anew_fails_as_often_as_chance_has_it() {
    let mut costs = costs(&Law::Constant(0.004), given_up(0.5, 2));
    let all: Vec<u64> = (0..20_000)
        .filter(|call| costs.given_up_in(*call, call + 1).is_some())
        .collect();
    let (mut again, mut others) = (0, 0);
    for call in &all {
        costs.draw_anew(*call, call + 1);
        again += u64::from(costs.given_up_in(*call, call + 1).is_some());
        let next = call + 1 < 20_000 && costs.given_up_in(call + 1, call + 2).is_some();
        others += u64::from(next);
    }
    let share = again as f64 / all.len() as f64;
    assert!((share - 0.25).abs() < 0.03, "{share}");
    let next = all.iter().filter(|call| all.contains(&(*call + 1))).count() as u64;
    assert_eq!(others, next);
    let law = CallLaw {
        latency: Law::Constant(0.004),
        retries: given_up(0.6, 2),
    };
    let address = |purpose| Address::new(3, 0, purpose, "orders-0");
    let mut changed = CallCosts::new(address, &law).succeeding(&costs);
    let left = all
        .iter()
        .filter(|call| changed.given_up_in(**call, *call + 1).is_some());
    let share = left.count() as f64 / all.len() as f64;
    assert!(
        (share - 0.36).abs() < 0.03,
        "another rate keeps it anew: {share}"
    );
}

#[test]
fn the_attempt_that_succeeds_takes_what_it_takes_without_failures() {
    for law in laws() {
        let mut plain = costs(&law, None);
        let mut failing = costs(&law, retries(0.3));
        let mut untouched = 0;
        for call in 0..10_000 {
            let (alone, work) = (plain.work(call, call + 1), failing.work(call, call + 1));
            match failing.failed(call, call + 1) {
                0 => {
                    untouched += 1;
                    assert_eq!(work, alone, "{law:?} {call}");
                }
                failed => assert!(work >= alone + SimDuration::from_millis(20) * failed),
            }
        }
        assert!((6_500..7_500).contains(&untouched), "{untouched}");
        assert_eq!(plain.failed(0, 10_000), 0);
    }
}

/// Two rates have the same luck: what fails at the lower one fails at the higher one at least as often.
#[test]
fn no_call_fails_less_often_at_a_higher_rate() {
    let of = |rate| costs(&Law::Constant(0.0), retries(rate));
    for pair in RATES.windows(2) {
        let (mut low, mut high) = (of(pair[0]), of(pair[1]));
        for call in 0..20_000 {
            assert!(
                low.failed(call, call + 1) <= high.failed(call, call + 1),
                "{pair:?} {call}"
            );
        }
    }
}

/// A chunk's failed attempts do not reach into the room of the next one's, whose latencies would be theirs.
#[test]
fn every_failed_attempt_has_a_latency_of_its_own() {
    for rate in [0.001, 0.1, 0.2, 0.43, 0.64, 0.99, 0.999] {
        let mut failed = costs(&Law::Constant(0.0), retries(rate));
        let own = failed.failed.as_mut().map(|own| {
            let most = (0..20_000).map(|chunk| own.part(chunk, 0, CHUNK).attempts);
            (most.max().unwrap_or(0), 1 << own.room_bits)
        });
        assert!(
            own.is_some_and(|(most, room)| most <= room),
            "{rate}: {own:?}"
        );
    }
}

/// A dependency that changes its algorithm would move every result without a word.
#[test]
fn failures_stay_what_they_are() {
    let mut costs = costs(&Law::Exponential { mean: 0.004 }, retries(0.05));
    let found = [(0, 100), (17, 517), (1_000_000_000, 1_000_010_000)]
        .map(|(from, to)| (costs.failed(from, to), costs.work(from, to).as_nanos()));
    let expected = [(4, 450_486_698), (25, 2_571_198_151), (521, 52_991_860_702)];
    assert_eq!(found, expected);
}
