//! Laws of service times and latencies.

use std::sync::Arc;

/// The law of a time [s].
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always the same.
    Constant(f64),
    /// Exponential by its mean.
    Exponential {
        /// Mean [s].
        mean: f64,
    },
    /// Gamma by mean and shape (shape 1 is exponential).
    Gamma {
        /// Mean [s].
        mean: f64,
        /// Shape, dimensionless.
        shape: f64,
    },
    /// Lognormal by mean and 99th percentile.
    Lognormal {
        /// Mean [s].
        mean: f64,
        /// 99th percentile [s].
        p99: f64,
    },
    /// Usually `fast`, with probability `share` `slow`.
    Bimodal {
        /// The usual time [s].
        fast: f64,
        /// The rare time [s].
        slow: f64,
        /// Probability of the rare time.
        share: f64,
    },
    /// Measured times [s], ascending; each equally likely.
    Empirical(Arc<[f64]>),
}
