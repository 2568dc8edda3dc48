use super::*;
use crate::engine::Purpose;

fn costs(law: &Law) -> RecordCosts {
    RecordCosts::new(Address::new(3, 0, Purpose::Work, "orders-0"), law)
}

/// With the tolerated relative error of the variance of 200,000 records, four standard errors or more.
fn laws() -> Vec<(Law, f64)> {
    let mean = 0.004;
    vec![
        (Law::Constant(0.0123), 0.0),
        (Law::Exponential { mean }, 0.03),
        (Law::Gamma { mean, shape: 0.01 }, 0.25),
        (Law::Gamma { mean, shape: 0.3 }, 0.05),
        (Law::Gamma { mean, shape: 7.0 }, 0.02),
        (Law::Lognormal { mean, p99: 0.02 }, 0.15),
        (
            Law::Bimodal {
                fast: 0.001,
                slow: 0.5,
                share: 0.01,
            },
            0.1,
        ),
        (Law::Empirical(vec![0.001, 0.002, 0.007].into()), 0.01),
    ]
}

#[test]
fn work_is_the_same_however_a_range_is_cut() {
    for (law, _) in laws() {
        let mut one = costs(&law);
        let mut other = costs(&law);
        let mut from = 18_443_201;
        for step in 0..3000_u64 {
            let to = from + step * 7919 % 1000 * if step % 50 == 0 { 30 } else { 1 };
            let middle = from + (to - from) * (step % 7) / 7;
            let whole = one.work(from, to);
            let cut = other.work(from, middle) + other.work(middle, to);
            assert_eq!(cut, whole, "{law:?}");
            from = if step % 11 == 0 { from - 500 } else { to };
        }
    }
}

/// In any order, with a jump too far to be kept, and records too long for it.
#[test]
fn costs_that_are_kept_are_the_same() {
    let slow = [
        Law::Exponential { mean: 3.0 },
        Law::Lognormal {
            mean: 3.0,
            p99: 20.0,
        },
    ];
    let laws = laws().into_iter().map(|(law, _)| law).chain(slow);
    for law in laws {
        let address = Address::new(3, 0, Purpose::Work, "orders-0");
        let mut plain = costs(&law);
        let mut learning = RecordCosts::learning(address, &law, 100_000);
        for step in 0..6_000_u64 {
            let from = match step % 5 {
                0 => 18_443_201 - step,
                1 => 18_443_201 + step * 7_919 % 5_000_000,
                _ => 18_443_201 + step * 7_919 % 9_000,
            };
            let to = from + step * 31 % 700;
            assert_eq!(
                learning.work(from, to),
                plain.work(from, to),
                "{law:?} {from}"
            );
        }
        assert!(learning.bytes_known() <= 100_000);
        let kept = matches!(law, Law::Constant(_)) || law.mean() > 1.0;
        assert!(kept || learning.bytes_known() > 10_000, "{law:?}");
    }
}

#[test]
fn a_constant_cost_is_exact_however_long_and_however_far() {
    for secs in [0.0, 1e-9, 0.62, 4.3, 3600.0, 86_400.0] {
        let each = SimDuration::from_secs_f64(secs);
        let mut costs = costs(&Law::Constant(secs));
        for from in [0, 18_443_201, 1 << 40] {
            assert_eq!(
                costs.work(from, from + 1000),
                each * 1000,
                "{secs} s at {from}"
            );
        }
    }
    // A quarter of a nanosecond is kept.
    assert_eq!(
        costs(&Law::Constant(0.25e-9)).work(0, 4_000_000).as_nanos(),
        1_000_000
    );
}

#[test]
fn a_range_costs_what_its_records_cost_one_by_one() {
    for (law, _) in laws() {
        let mut one = costs(&law);
        let mut other = costs(&law);
        let records = (4000..4300).fold(SimDuration::ZERO, |sum, offset| sum + one.record(offset));
        assert_eq!(other.work(4000, 4300), records, "{law:?}");
    }
}

#[test]
fn the_cost_of_a_record_has_the_mean_and_variance_of_its_law() {
    for (law, tolerance) in laws() {
        let mut costs = costs(&law);
        let n = 200_000;
        let (mut sum, mut squares, mut neighbours) = (0.0, 0.0, 0.0);
        let mut last = 0.0;
        for offset in 0..n {
            let off = costs.record(offset).as_secs_f64() / law.mean() - 1.0;
            sum += off;
            squares += off * off;
            neighbours += off * last;
            last = off;
        }
        let n = n as f64;
        let z = sum / (law.scv() * n).sqrt().max(1e-3);
        assert!(z.abs() < 4.0, "{law:?}: mean off by {z} standard errors");
        let scv = squares / n;
        let error = (scv - law.scv()).abs();
        assert!(error <= tolerance * law.scv() + 1e-9, "{law:?}: {scv}");
        let z = neighbours / n.sqrt() / law.scv().max(1e-3);
        assert!(
            z.abs() < 4.0,
            "{law:?}: neighbours depend on each other, {z}"
        );
    }
}

/// The Kolmogorov-Smirnov distance of `values` to `law`, times the square root of their number: above 2.3 once in 25,000.
fn distance(mut values: Vec<f64>, law: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let farthest = values
        .iter()
        .enumerate()
        .map(|(rank, value)| (law(*value) - (rank as f64 + 0.5) / n).abs())
        .fold(0.0, f64::max);
    farthest * n.sqrt()
}

/// The error function, to 1.5e-7 (Abramowitz and Stegun 7.1.26).
fn erf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let series = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let sum = series.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    (1.0 - sum * (-x * x).exp()).copysign(x)
}

fn normal(z: f64) -> f64 {
    0.5 + 0.5 * erf(z / 2.0_f64.sqrt())
}

#[test]
fn the_cost_of_a_record_follows_its_law() {
    let records = |law: &Law| -> Vec<f64> {
        let mut costs = costs(law);
        (0..100_000)
            .map(|offset| costs.record(offset).as_secs_f64())
            .collect()
    };
    let exponential = distance(records(&Law::Exponential { mean: 1.0 }), |x| {
        1.0 - (-x).exp()
    });
    assert!(exponential < 2.3, "{exponential}");
    let half = Law::Gamma {
        mean: 0.5,
        shape: 0.5,
    };
    let half = distance(records(&half), |x| erf(x.sqrt()));
    assert!(half < 2.3, "{half}");
    let erlang = Law::Gamma {
        mean: 3.0,
        shape: 3.0,
    };
    let erlang = distance(records(&erlang), |x| {
        1.0 - (-x).exp() * (1.0 + x + x * x / 2.0)
    });
    assert!(erlang < 2.3, "{erlang}");
    let lognormal = Law::Lognormal {
        mean: 1.0,
        p99: 5.0,
    };
    let sigma = Law::lognormal_sigma(1.0, 5.0).unwrap_or_default();
    let lognormal = distance(records(&lognormal), |x| {
        normal((x.ln() + sigma * sigma / 2.0) / sigma)
    });
    assert!(lognormal < 2.3, "{lognormal}");
}

#[test]
fn five_hundred_exponential_records_cost_a_gamma_of_shape_500() {
    let mut costs = costs(&Law::Exponential { mean: 1.0 });
    let n = 20_000;
    let sums: Vec<f64> = (0..n)
        .map(|batch| costs.work(batch * 500, batch * 500 + 500).as_secs_f64())
        .collect();
    let n = n as f64;
    let z = (sums.iter().sum::<f64>() / n - 500.0) / (500.0 / n).sqrt();
    assert!(z.abs() < 4.0, "{z}");
    let variance = sums
        .iter()
        .map(|sum| (sum - 500.0) * (sum - 500.0))
        .sum::<f64>()
        / n;
    let z = (variance / 500.0 - 1.0) / (2.0 / n).sqrt();
    assert!(z.abs() < 4.0, "{z}");
    // Wilson and Hilferty 1931: good to 1e-4 at this shape.
    let gamma = |x: f64| {
        let ninth: f64 = 1.0 / (9.0 * 500.0);
        normal(((x / 500.0).cbrt() - (1.0 - ninth)) / ninth.sqrt())
    };
    let distance = distance(sums, gamma);
    assert!(distance < 2.3, "{distance}");
}

#[test]
fn what_a_law_says_about_shares_holds() {
    let law = Law::Bimodal {
        fast: 0.001,
        slow: 0.5,
        share: 0.01,
    };
    let mut bimodal = costs(&law);
    let slow = SimDuration::from_millis(500);
    let found = (0..100_000)
        .filter(|offset| bimodal.record(*offset) == slow)
        .count();
    let z = (found as f64 - 1000.0) / 990.0_f64.sqrt();
    assert!(z.abs() < 4.0, "{z}");
    let always = Law::Bimodal {
        fast: 0.001,
        slow: 0.5,
        share: 1.0,
    };
    assert_eq!(costs(&always).work(0, 1000), slow * 1000);
}

/// A dependency that changes its algorithm would move every result without a word.
#[test]
fn costs_stay_what_they_are() {
    let of = |law: Law| {
        let mut costs = costs(&law);
        [(0, 1), (17, 517), (1_000_000_000, 1_000_010_000)]
            .map(|(from, to)| costs.work(from, to).as_nanos())
    };
    let mean = 0.004;
    assert_eq!(
        of(Law::Exponential { mean }),
        [7_186_596, 2_003_790_431, 39_685_355_665]
    );
    assert_eq!(
        of(Law::Gamma { mean, shape: 0.04 }),
        [13_357, 2_234_189_586, 38_428_987_160]
    );
    assert_eq!(
        of(Law::Lognormal { mean, p99: 0.02 }),
        [1_196_674, 2_072_215_518, 40_356_169_972]
    );
    assert_eq!(
        of(Law::Empirical(vec![0.1, 0.2].into())),
        [100_000_000, 75_100_000_000, 1_494_900_000_000]
    );
}
