use super::*;

const RATES: [f64; 5] = [0.001, 0.05, 0.3, 0.9, 0.99];

fn retries(failure_rate: f64) -> Option<Retries> {
    Some(Retries {
        failure_rate,
        back_off: SimDuration::from_millis(20),
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
