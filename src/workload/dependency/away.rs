//! What a caller does between two attempts: the local work before the next call and what it calls elsewhere if one has
//! succeeded, a back-off if it has failed by chance.

use super::{BACK_OFFS_MEASURED, ClosedLoop, MEASURED, MEASURED_PER_CALLER, scaled_draws};
use crate::engine::Address;
use crate::workload::{CallCosts, CallLaw, Retries};

/// Where the draws of failures begin.
const FAILURES: u64 = 1 << 42;
/// Where those of calls elsewhere do.
const ELSEWHERE: u64 = 1 << 43;
/// A measurement is longer by at most so many times because of back-offs.
const MOST_FOR_BACK_OFFS: usize = 5;

/// Calls of something else, where nobody is in anybody's way.
#[derive(Clone, Debug, PartialEq)]
pub struct Elsewhere {
    /// What one takes.
    pub law: CallLaw,
    /// How many are made, one after another, for so many calls of the loop.
    pub calls: u32,
    /// At least 1.
    pub per: u32,
}

/// The same with its draws: each call of the loop is followed by its share of them.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    elsewhere: Elsewhere,
    costs: CallCosts,
}

impl Errand {
    /// Calls elsewhere for each call of the loop.
    fn share(&self) -> f64 {
        f64::from(self.elsewhere.calls) / f64::from(self.elsewhere.per)
    }

    /// Mean time for each call of the loop (s).
    fn mean(&self) -> f64 {
        self.share() * self.elsewhere.law.mean()
    }

    /// The variance of that time (s^2).
    fn variance(&self) -> f64 {
        self.share() * self.elsewhere.law.variance() / f64::from(self.elsewhere.per)
    }
}

impl ClosedLoop {
    /// The same, of callers that call these too.
    #[must_use]
    pub fn calling(mut self, elsewhere: &[Elsewhere]) -> Self {
        let address = self.address.within(ELSEWHERE);
        let errand = |(index, elsewhere): (usize, &Elsewhere)| {
            let own = address.within(index as u64);
            let address = |purpose| -> Address { own.within(purpose as u64) };
            Errand {
                elsewhere: elsewhere.clone(),
                costs: CallCosts::new(address, &elsewhere.law),
            }
        };
        self.errands = elsewhere.iter().enumerate().map(errand).collect();
        self
    }

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
        let local = self.before_a_call();
        self.retries.map_or(local, |retries| {
            let failed = retries.failure_rate;
            failed * retries.back_off.as_secs_f64() + (1.0 - failed) * local
        })
    }

    /// Mean time from a call that has succeeded to the next (s).
    fn before_a_call(&self) -> f64 {
        let elsewhere = self.errands.iter().map(Errand::mean);
        self.local.mean() + elsewhere.sum::<f64>()
    }

    /// Its squared coefficient of variation.
    fn before_a_call_scv(&self) -> f64 {
        let mean = self.before_a_call();
        if self.errands.is_empty() || mean == 0.0 {
            return self.local.scv();
        }
        let local = self.local.mean();
        let elsewhere = self.errands.iter().map(Errand::variance);
        (self.local.scv() * local * local + elsewhere.sum::<f64>()) / (mean * mean)
    }

    /// The squared coefficient of variation of what is between two attempts.
    pub(super) fn away_scv(&self) -> f64 {
        let Some(retries) = self.retries else {
            return self.before_a_call_scv();
        };
        let (mean, local) = (self.away(), self.before_a_call());
        let back_off = retries.back_off.as_secs_f64();
        let squares = retries.failure_rate * back_off * back_off
            + (1.0 - retries.failure_rate) * local * local * (1.0 + self.before_a_call_scv());
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
        let mut draws = scaled_draws(counts, local, |from, to| self.locals.work(from, to));
        for errand in &mut self.errands {
            let (mean, calls) = (errand.mean() * unit, u64::from(errand.elsewhere.calls));
            let costs = &mut errand.costs;
            let more = scaled_draws(counts, mean, |from, to| {
                costs.work(from * calls, to * calls)
            });
            for (draw, more) in draws.iter_mut().zip(more) {
                *draw += more;
            }
        }
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
