//! Means over replications with their 95 % confidence intervals (Student's t).

use serde::Serialize;

/// Two-sided 95 % quantiles of Student's t by degrees of freedom 1 to 30 (Abramowitz and Stegun, table 26.10).
const T_975: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// The same quantile of the normal distribution.
const Z_975: f64 = 1.959_963_985;

/// The 97.5 % quantile of Student's t. Beyond 30 degrees of freedom by the Cornish-Fisher expansion
/// (Abramowitz and Stegun 26.7.5), within 0.0001; infinite for none.
pub fn t_quantile_975(degrees: usize) -> f64 {
    match degrees {
        0 => f64::INFINITY,
        1..=30 => T_975[degrees - 1],
        _ => {
            let (z, n) = (Z_975, degrees as f64);
            z + (z.powi(3) + z) / (4.0 * n)
                + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
        }
    }
}

/// A mean over replications and how far off it may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Replications in which the figure exists.
    pub n: usize,
    /// Their mean; none without any.
    pub mean: Option<f64>,
    /// Lower end of the 95 % interval; none below two replications.
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
}

impl Interval {
    /// Of the finite ones among `values`; what never happened in a replication is left out, and `n` says so.
    pub fn of(values: &[f64]) -> Interval {
        let moments = Moments::of(values);
        let half = moments
            .deviation()
            .map(|deviation| t_quantile_975(moments.n - 1) * deviation / (moments.n as f64).sqrt());
        Interval {
            n: moments.n,
            mean: (moments.n > 0).then_some(moments.mean),
            low: half.map(|half| moments.mean - half),
            high: half.map(|half| moments.mean + half),
        }
    }
}

/// Count, mean and spread of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// How many are finite; the others are left out.
    pub(super) n: usize,
    /// Their mean; 0 without any.
    pub(super) mean: f64,
    squares: f64,
}

impl Moments {
    /// Of the finite ones among `values`.
    pub(super) fn of(values: &[f64]) -> Moments {
        // In index order: the same sums whatever the number of threads.
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let n = finite().count();
        let mean = finite().sum::<f64>() / n.max(1) as f64;
        let squares = finite().map(|value| (value - mean).powi(2)).sum();
        Moments { n, mean, squares }
    }

    /// The standard deviation of what they are a sample of; none below two.
    pub(super) fn deviation(self) -> Option<f64> {
        (self.n > 1).then(|| (self.squares / (self.n - 1) as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_the_printed_table() {
        let cases = [
            (1, 12.706),
            (9, 2.262),
            (30, 2.042),
            (31, 2.0395),
            (60, 2.0003),
            (120, 1.9799),
        ];
        for (degrees, quantile) in cases {
            assert!(
                (t_quantile_975(degrees) - quantile).abs() < 5e-4,
                "{degrees}"
            );
        }
    }

    #[test]
    fn an_interval_leaves_out_what_never_happened() {
        let interval = Interval::of(&[1.0, 2.0, f64::INFINITY, 3.0]);
        assert_eq!((interval.n, interval.mean), (3, Some(2.0)));
        let half = 4.303 / 3.0_f64.sqrt();
        assert!((interval.high.unwrap() - 2.0 - half).abs() < 1e-9);
        assert_eq!(Interval::of(&[5.0]).low, None);
        assert_eq!(Interval::of(&[]).mean, None);
    }
}
