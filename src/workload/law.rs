//! Laws of service times and latencies. Not samplers: those stand with what they measure.

use std::sync::Arc;

/// The law of a time, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always the same.
    Constant(f64),
    /// Exponential by its mean.
    Exponential {
        /// Mean, in seconds.
        mean: f64,
    },
    /// Gamma by mean and shape (shape 1 is exponential).
    Gamma {
        /// Mean, in seconds.
        mean: f64,
        /// Shape, dimensionless.
        shape: f64,
    },
    /// Lognormal by mean and 99th percentile.
    Lognormal {
        /// Mean, in seconds.
        mean: f64,
        /// 99th percentile, in seconds.
        p99: f64,
    },
    /// Usually `fast`, with probability `share` `slow`.
    Bimodal {
        /// The usual time, in seconds.
        fast: f64,
        /// The rare time, in seconds.
        slow: f64,
        /// Probability of the rare time.
        share: f64,
    },
    /// Measured times, in seconds, ascending; each equally likely.
    Empirical(Arc<[f64]>),
}

/// The 99 % quantile of the standard normal law.
const Z99: f64 = 2.326_347_874_040_841;

/// Why a law cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LawError {
    /// A time, shape or share that is negative, not finite, or zero where it must not be.
    #[error("{what} must be {must}, not {is}")]
    OutOfRange {
        /// Which parameter.
        what: &'static str,
        /// What it must be.
        must: &'static str,
        /// What it is.
        is: f64,
    },
    /// No lognormal law has this mean and this 99th percentile.
    #[error(
        "no lognormal law has p99 = {ratio:.2} times its mean: it must be more than 1 and at most {:.2} times",
        Law::LOGNORMAL_P99_AT_MOST
    )]
    Lognormal {
        /// p99 / mean.
        ratio: f64,
    },
    /// An empirical law without times.
    #[error("an empirical law needs at least one time")]
    Empty,
}

impl Law {
    /// The largest p99 / mean a lognormal law can have: exp(z^2 / 2) with z its 99 % normal quantile, at sigma = z.
    pub const LOGNORMAL_P99_AT_MOST: f64 = 14.968_5;

    /// Whether such a law exists.
    ///
    /// # Errors
    /// What is impossible about it.
    pub fn check(&self) -> Result<(), LawError> {
        let positive = |what, is: f64| in_range(what, "more than zero", is, is > 0.0);
        let at_least_zero = |what, is: f64| in_range(what, "at least zero", is, is >= 0.0);
        match self {
            Law::Constant(secs) => at_least_zero("the time", *secs),
            Law::Exponential { mean } => at_least_zero("the mean", *mean),
            Law::Gamma { mean, shape } => {
                at_least_zero("the mean", *mean)?;
                in_range("the shape", "at least 0.001", *shape, *shape >= 0.001)
            }
            Law::Lognormal { mean, p99 } => {
                positive("the mean", *mean)?;
                positive("p99", *p99)?;
                match Law::lognormal_sigma(*mean, *p99) {
                    Some(_) => Ok(()),
                    None => Err(LawError::Lognormal { ratio: p99 / mean }),
                }
            }
            Law::Bimodal { fast, slow, share } => {
                at_least_zero("the usual time", *fast)?;
                at_least_zero("the rare time", *slow)?;
                in_range(
                    "the share",
                    "between 0 and 1",
                    *share,
                    (0.0..=1.0).contains(share),
                )
            }
            Law::Empirical(times) if times.is_empty() => Err(LawError::Empty),
            Law::Empirical(times) => times
                .iter()
                .try_for_each(|secs| at_least_zero("a time", *secs)),
        }
    }

    /// Whether it has no memory.
    pub fn is_exponential(&self) -> bool {
        matches!(self, Law::Exponential { .. })
    }

    /// Mean, in seconds.
    pub fn mean(&self) -> f64 {
        match self {
            Law::Constant(mean)
            | Law::Exponential { mean }
            | Law::Gamma { mean, .. }
            | Law::Lognormal { mean, .. } => *mean,
            Law::Bimodal { fast, slow, share } => fast + (slow - fast) * share,
            Law::Empirical(times) => times.iter().sum::<f64>() / times.len().max(1) as f64,
        }
    }

    /// Squared coefficient of variation, variance / mean^2: 0 of a constant, 1 of an exponential law.
    pub fn scv(&self) -> f64 {
        let mean = self.mean();
        let relative = |variance: f64| {
            if mean > 0.0 {
                variance / (mean * mean)
            } else {
                0.0
            }
        };
        match self {
            Law::Constant(_) => 0.0,
            Law::Exponential { .. } => 1.0,
            Law::Gamma { shape, .. } => 1.0 / shape,
            Law::Lognormal { mean, p99 } => {
                let sigma = Law::lognormal_sigma(*mean, *p99).unwrap_or(0.0);
                (sigma * sigma).exp_m1()
            }
            Law::Bimodal { fast, slow, share } => {
                relative(share * (1.0 - share) * (slow - fast) * (slow - fast))
            }
            Law::Empirical(times) => {
                let squares: f64 = times.iter().map(|secs| (secs - mean) * (secs - mean)).sum();
                relative(squares / times.len().max(1) as f64)
            }
        }
    }

    /// The law of `factor` times this time.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Law {
        match self {
            Law::Constant(secs) => Law::Constant(secs * factor),
            Law::Exponential { mean } => Law::Exponential {
                mean: mean * factor,
            },
            Law::Gamma { mean, shape } => Law::Gamma {
                mean: mean * factor,
                shape: *shape,
            },
            Law::Lognormal { mean, p99 } => Law::Lognormal {
                mean: mean * factor,
                p99: p99 * factor,
            },
            Law::Bimodal { fast, slow, share } => Law::Bimodal {
                fast: fast * factor,
                slow: slow * factor,
                share: *share,
            },
            Law::Empirical(times) => {
                Law::Empirical(times.iter().map(|secs| secs * factor).collect())
            }
        }
    }

    /// Standard deviation of the logarithm, from p99 / mean = exp(z sigma - sigma^2 / 2). Two may fit: the smaller is
    /// meant, the other's 99th percentile says nothing about its tail.
    pub(super) fn lognormal_sigma(mean: f64, p99: f64) -> Option<f64> {
        let log_ratio = (p99 / mean).ln();
        let discriminant = Z99 * Z99 - 2.0 * log_ratio;
        (log_ratio > 0.0 && discriminant >= 0.0).then(|| Z99 - discriminant.sqrt())
    }
}

fn in_range(what: &'static str, must: &'static str, is: f64, holds: bool) -> Result<(), LawError> {
    if holds && is.is_finite() {
        Ok(())
    } else {
        Err(LawError::OutOfRange { what, must, is })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lognormal_law_has_the_mean_and_percentile_it_was_given() {
        for p99 in [1.01, 2.0, 5.0, 14.96] {
            let sigma = Law::lognormal_sigma(1.0, p99).unwrap_or_default();
            assert!(((Z99 * sigma - sigma * sigma / 2.0).exp() / p99 - 1.0).abs() < 1e-12);
            assert!(sigma > 0.0 && sigma <= Z99, "the smaller solution");
        }
        assert!(((Z99 * Z99 / 2.0).exp() - Law::LOGNORMAL_P99_AT_MOST).abs() < 1e-3);
    }

    #[test]
    fn impossible_laws_are_refused_with_the_reason() {
        let lognormal = |p99| Law::Lognormal { mean: 1.0, p99 }.check();
        assert_eq!(lognormal(14.96), Ok(()));
        assert_eq!(lognormal(15.0), Err(LawError::Lognormal { ratio: 15.0 }));
        assert_eq!(lognormal(0.9), Err(LawError::Lognormal { ratio: 0.9 }));
        let text = lognormal(15.0).map_err(|error| error.to_string());
        assert_eq!(
            text,
            Err("no lognormal law has p99 = 15.00 times its mean: \
                 it must be more than 1 and at most 14.97 times"
                .to_owned())
        );
        assert!(Law::Constant(-1.0).check().is_err());
        assert!(Law::Exponential { mean: f64::NAN }.check().is_err());
        assert!(
            Law::Gamma {
                mean: 1.0,
                shape: 0.0
            }
            .check()
            .is_err()
        );
        assert_eq!(Law::Empirical(Arc::new([])).check(), Err(LawError::Empty));
        let bimodal = |share| {
            Law::Bimodal {
                fast: 1.0,
                slow: 2.0,
                share,
            }
            .check()
        };
        assert_eq!(bimodal(1.0), Ok(()));
        assert!(bimodal(1.1).is_err());
    }

    #[test]
    fn scaling_moves_the_mean_and_not_the_shape() {
        let laws = [
            Law::Constant(2.0),
            Law::Exponential { mean: 2.0 },
            Law::Gamma {
                mean: 2.0,
                shape: 3.0,
            },
            Law::Lognormal {
                mean: 2.0,
                p99: 9.0,
            },
            Law::Bimodal {
                fast: 1.0,
                slow: 3.0,
                share: 0.5,
            },
            Law::Empirical(Arc::new([1.0, 3.0])),
        ];
        let scvs = [0.0, 1.0, 1.0 / 3.0, 0.825_9, 0.25, 0.25];
        for (law, scv) in laws.iter().zip(scvs) {
            assert_eq!(law.mean(), 2.0, "{law:?}");
            assert!((law.scv() - scv).abs() < 1e-3, "{law:?}: {}", law.scv());
            let scaled = law.scaled(2.5);
            assert!((scaled.mean() - 5.0).abs() < 1e-12);
            assert!((scaled.scv() - law.scv()).abs() < 1e-12);
        }
    }
}
