use super::*;
use crate::engine::Purpose;

fn costs(law: &Law) -> RecordCosts {
    RecordCosts::new(Address::new(3, 0, Purpose::Work, "orders-0"), law)
}

fn laws() -> Vec<Law> {
    vec![
        Law::Constant(0.0123),
        Law::Exponential { mean: 0.004 },
        Law::Gamma {
            mean: 0.004,
            shape: 0.3,
        },
        Law::Gamma {
            mean: 0.004,
            shape: 7.0,
        },
        Law::Lognormal {
            mean: 0.004,
            p99: 0.02,
        },
        Law::Bimodal {
            fast: 0.001,
            slow: 0.5,
            share: 0.01,
        },
        Law::Empirical(vec![0.001, 0.002, 0.007].into()),
    ]
}

#[test]
fn work_is_the_same_however_a_range_is_cut() {
    for law in laws() {
        let mut one = costs(&law);
        let mut other = costs(&law);
        let mut from = 18_443_201;
        for step in 0..3000_u64 {
            let to = from + step * 7919 % 1000 * if step % 50 == 0 { 30 } else { 1 };
            let middle = from + (to - from) * (step % 7) / 7;
            let whole = one.work(from, to);
            assert_eq!(
                other.work(from, middle) + other.work(middle, to),
                whole,
                "{law:?}"
            );
            from = if step % 11 == 0 { from - 500 } else { to };
        }
    }
}

#[test]
fn the_cost_of_a_record_has_the_mean_and_variance_of_its_law() {
    for law in laws() {
        let mut costs = costs(&law);
        let n = 200_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for offset in 0..n {
            let relative = costs.record(offset).as_secs_f64() / law.mean();
            sum += relative;
            squares += relative * relative;
        }
        let n = n as f64;
        let z = (sum / n - 1.0) / (law.scv() / n).sqrt().max(1e-9);
        assert!(z.abs() < 4.0, "{law:?}: mean off by {z} standard errors");
        let scv = squares / n - (sum / n) * (sum / n);
        assert!(
            (scv - law.scv()).abs() <= 0.08 * law.scv() + 1e-9,
            "{law:?}: {scv}"
        );
    }
}
