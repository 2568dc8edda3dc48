//! Exact tails of the binomial distribution.

/// The chance of at least `k` successes in `n` trials that succeed with chance `p` each.
pub(super) fn at_least(k: u32, n: u32, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    // From the largest term of the sum outwards, each from its neighbour by their ratio: no factorial overflows.
    let start = k.max((f64::from(n + 1) * p) as u32).min(n);
    let odds = p / (1.0 - p);
    let ratio = |successes: u32| f64::from(n - successes) / f64::from(successes + 1) * odds;
    let first = log_chance(start, n, p).exp();
    let (mut sum, mut term) = (first, first);
    for successes in start..n {
        term *= ratio(successes);
        sum += term;
    }
    term = first;
    for successes in (k..start).rev() {
        term /= ratio(successes);
        sum += term;
    }
    sum.min(1.0)
}

/// The logarithm of the chance of exactly `k` successes.
fn log_chance(k: u32, n: u32, p: f64) -> f64 {
    let choices: f64 = (1..=k)
        .map(|i| (f64::from(n - k + i) / f64::from(i)).ln())
        .sum();
    choices + f64::from(k) * p.ln() + f64::from(n - k) * (1.0 - p).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_the_sums_of_their_terms() {
        let cases = [
            (0, 5, 0.3, 1.0),
            (5, 5, 0.5, 1.0 / 32.0),
            (4, 5, 0.5, 6.0 / 32.0),
            (1, 10, 0.05, 1.0 - 0.95_f64.powi(10)),
            (6, 5, 0.5, 0.0),
            (3, 4, 1.0, 1.0),
        ];
        for (k, n, p, tail) in cases {
            assert!((at_least(k, n, p) - tail).abs() < 1e-12, "{k} of {n}");
        }
    }

    #[test]
    fn a_tail_and_the_other_one_make_one() {
        for (n, p) in [(40, 0.1), (1_000, 0.95), (100_000, 0.5)] {
            let lower = |k: u32| at_least(n - k + 1, n, 1.0 - p);
            for k in [1, n / 10, n / 2, n * 19 / 20, n] {
                assert!(
                    (at_least(k, n, p) + lower(k) - 1.0).abs() < 1e-7,
                    "{k} of {n}"
                );
            }
        }
    }
}
