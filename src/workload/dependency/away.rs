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
    /// How many are made, one after another, for so many calls of the loop if none is given up.
    pub calls: u32,
    /// At least 1.
    pub per: u32,
    /// How many are made for each call of the loop, on average.
    pub share: f64,
}

/// The same with its draws: each call of the loop is followed by its share of them.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    elsewhere: Elsewhere,
    costs: CallCosts,
}

impl Errand {
    /// Mean time for each call of the loop (s).
    fn mean(&self) -> f64 {
        self.elsewhere.share * self.elsewhere.law.mean()
    }

    /// The variance of that time (s^2).
    fn variance(&self) -> f64 {
        self.elsewhere.share * self.elsewhere.law.variance() / f64::from(self.elsewhere.per)
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
        let pauses = self.pauses();
        let pauses: f64 = pauses.iter().map(|(share, pause)| share * pause).sum();
        pauses + self.last() * local
    }

    /// The pauses that follow attempts, each with its share of the attempts (s).
    fn pauses(&self) -> Vec<(f64, f64)> {
        let Some(retries) = &self.retries else {
            return Vec::new();
        };
        match retries.attempts {
            None => vec![(retries.failure_rate, retries.back_off.first.as_secs_f64())],
            Some(_) => {
                let each = retries.pauses();
                each.map(|(share, pause)| (share * self.last(), pause))
                    .collect()
            }
        }
    }

    /// The longest pause after an attempt (s).
    pub(super) fn longest_pause(&self) -> f64 {
        let pauses = self.pauses().into_iter();
        pauses.map(|(_, pause)| pause).fold(0.0, f64::max)
    }

    /// Share of the attempts that are the last of their call.
    fn last(&self) -> f64 {
        self.retries.map_or(1.0, |retries| {
            (1.0 - retries.failure_rate) / (1.0 - retries.given_up())
        })
    }

    /// Mean time from the end of a call to the next (s).
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
        if self.retries.is_none() {
            return self.before_a_call_scv();
        }
        let (mean, local) = (self.away(), self.before_a_call());
        let pauses = self.pauses();
        let pauses: f64 = pauses
            .iter()
            .map(|(share, pause)| share * pause * pause)
            .sum();
        let squares = pauses + self.last() * local * local * (1.0 + self.before_a_call_scv());
        squares / (mean * mean) - 1.0
    }

    /// Calls of a measurement: enough for some back-offs of each caller.
    pub(super) fn enough(&self, callers: u32) -> usize {
        let calls = MEASURED.max(callers as usize * MEASURED_PER_CALLER);
        let a_back_off = self.longest_pause() * self.bound(callers);
        let wanted = (BACK_OFFS_MEASURED * a_back_off) as usize;
        wanted.clamp(calls, calls * MOST_FOR_BACK_OFFS)
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
        let pauses = self.pauses();
        if pauses.is_empty() {
            return draws;
        }
        let mut first = 0;
        for count in counts {
            let mut attempts: Vec<usize> = (first..first + count).collect();
            attempts.sort_by_key(|attempt| self.address.bits(FAILURES, *attempt as u64));
            let (mut share, mut from) = (0.0, 0);
            for (own, pause) in &pauses {
                share += own;
                let to = (count as f64 * share).round() as usize;
                for attempt in &attempts[from..to] {
                    draws[*attempt] = (pause * unit) as u64;
                }
                from = to;
            }
            first += count;
        }
        draws
    }
}
