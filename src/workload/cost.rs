//! The work of records as an additive random measure over offsets. Not aware of who does the work or when.

mod gamma;
mod known;
mod single;

use self::gamma::GammaMeasure;
use self::single::SingleCosts;
use super::Law;
use crate::engine::Address;
use crate::units::SimDuration;

/// The work of one partition's records. Asking never changes an answer; `&mut` only moves a cache.
#[derive(Clone, Debug)]
pub struct RecordCosts {
    measure: Measure,
}

#[derive(Clone, Debug)]
enum Measure {
    /// Work per record: whole nanoseconds, and the rest in 2^-32 ns.
    Constant {
        whole: u64,
        fraction: u64,
    },
    Gamma(Box<GammaMeasure>),
    Single(Box<SingleCosts>),
}

/// Binary places of the fraction of [`Measure::Constant`].
const CONSTANT_BITS: u32 = 32;

impl RecordCosts {
    /// The measure of `law` at `address` (one per partition and purpose).
    pub fn new(address: Address, law: &Law) -> Self {
        RecordCosts::learning(address, law, 0)
    }

    /// The same, that keeps what it has worked out, up to so many `bytes`: for many runs over the same records.
    pub(super) fn learning(address: Address, law: &Law, bytes: usize) -> Self {
        let measure = match law {
            Law::Constant(secs) => {
                let scaled = secs.max(0.0) * 1e9 * 2.0_f64.powi(CONSTANT_BITS as i32);
                let each = (scaled.round() as u128).min(u128::from(u64::MAX) << CONSTANT_BITS);
                Measure::Constant {
                    whole: (each >> CONSTANT_BITS) as u64,
                    fraction: each as u64 & ((1 << CONSTANT_BITS) - 1),
                }
            }
            Law::Exponential { mean } => gamma(address, *mean, 1.0, bytes),
            Law::Gamma { mean, shape } => gamma(address, *mean, *shape, bytes),
            Law::Lognormal { .. } | Law::Bimodal { .. } | Law::Empirical(_) => {
                Measure::Single(Box::new(SingleCosts::new(address, law, bytes)))
            }
        };
        RecordCosts { measure }
    }

    /// Work of the records with offsets in [`from`, `to`), one after another: exactly the same however the range is cut.
    #[inline]
    pub fn work(&mut self, from: u64, to: u64) -> SimDuration {
        if from >= to {
            return SimDuration::ZERO;
        }
        SimDuration::from_nanos(match &mut self.measure {
            Measure::Constant { whole, fraction: 0 } => whole.saturating_mul(to - from),
            Measure::Constant { whole, fraction } => {
                let part =
                    |offset: u64| (u128::from(offset) * u128::from(*fraction)) >> CONSTANT_BITS;
                let parts = (part(to) - part(from)) as u64;
                whole.saturating_mul(to - from).saturating_add(parts)
            }
            Measure::Gamma(measure) => measure.work(from, to),
            Measure::Single(costs) => costs.work(from, to),
        })
    }

    /// How much of what it has worked out it keeps (B).
    pub(super) fn bytes_known(&self) -> usize {
        match &self.measure {
            Measure::Constant { .. } => 0,
            Measure::Gamma(measure) => measure.bytes_known(),
            Measure::Single(costs) => costs.bytes_known(),
        }
    }

    /// Work of the record at `offset`.
    pub fn record(&mut self, offset: u64) -> SimDuration {
        self.work(offset, offset + 1)
    }
}

fn gamma(address: Address, mean: f64, shape: f64, bytes: usize) -> Measure {
    Measure::Gamma(Box::new(GammaMeasure::new(address, mean, shape, bytes)))
}

#[cfg(test)]
mod tests;
