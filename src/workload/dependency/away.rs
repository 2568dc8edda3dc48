//! What a caller does between two attempts: the local work before the next call if one has succeeded, a back-off if it has
//! failed by chance.

use super::{BACK_OFFS_MEASURED, ClosedLoop, MEASURED, MEASURED_PER_CALLER, scaled_draws};
use crate::workload::Retries;

/// Where the draws of failures begin.
const FAILURES: u64 = 1 << 42;
/// A measurement is longer by at most so many times because of back-offs.
const MOST_FOR_BACK_OFFS: usize = 5;

impl ClosedLoop {
    /// The same, of calls whose attempts fail by chance. Each attempt is one of the loop's calls then: it takes a token and a
    /// place, and all flows are of attempts.
    #[must_use]
    pub fn retrying(mut self, retries: Option<Retries>) -> Self {
        self.retries = retries;
        self
    }

    /// Mean time from an attempt of a caller to its next one, while nobody waits (s).
    pub fn cycle(&self) -> f64 {
        self.latency.mean() + self.away()
    }

    /// Mean time between two attempts (s).
    pub(super) fn away(&self) -> f64 {
        let local = self.local.mean();
        self.retries.map_or(local, |retries| {
            let failed = retries.failure_rate;
            failed * retries.back_off.as_secs_f64() + (1.0 - failed) * local
        })
    }

    /// Its squared coefficient of variation.
    pub(super) fn away_scv(&self) -> f64 {
        let Some(retries) = self.retries else {
            return self.local.scv();
        };
        let (mean, local) = (self.away(), self.local.mean());
        let back_off = retries.back_off.as_secs_f64();
        let squares = retries.failure_rate * back_off * back_off
            + (1.0 - retries.failure_rate) * local * local * (1.0 + self.local.scv());
        squares / (mean * mean) - 1.0
    }

    /// Calls of a measurement: enough for some back-offs of each caller.
    pub(super) fn enough(&self, callers: u32) -> usize {
        let calls = MEASURED.max(callers as usize * MEASURED_PER_CALLER);
        self.retries.map_or(calls, |retries| {
            let a_back_off = retries.back_off.as_secs_f64() * self.bound(callers);
            let wanted = (BACK_OFFS_MEASURED * a_back_off) as usize;
            wanted.clamp(calls, calls * MOST_FOR_BACK_OFFS)
        })
    }

    /// Draws of what follows each attempt of a simulation (units, of which a second has `unit`). Of each group of attempts the
    /// share fails that is meant to, which takes most of the noise out.
    pub(super) fn away_draws(&mut self, counts: [usize; 2], unit: f64) -> Vec<u64> {
        let local = self.local.mean() * unit;
        let mut draws = scaled_draws(&mut self.locals, 0, counts, local);
        let Some(retries) = self.retries else {
            return draws;
        };
        let back_off = (retries.back_off.as_secs_f64() * unit) as u64;
        let mut first = 0;
        for count in counts {
            let mut attempts: Vec<usize> = (first..first + count).collect();
            attempts.sort_by_key(|attempt| self.address.bits(FAILURES, *attempt as u64));
            let failed = (count as f64 * retries.failure_rate).round() as usize;
            for attempt in &attempts[..failed] {
                draws[*attempt] = back_off;
            }
            first += count;
        }
        draws
    }
}
