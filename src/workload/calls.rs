//! What the calls of records take: attempts that fail by chance, pauses, and the one that succeeds. Not who makes them, nor
//! what holds them back.

use std::collections::BTreeMap;

use super::{BackOff, Law, RecordCosts};
use crate::engine::{Address, Purpose};
use crate::units::SimDuration;

const CHUNK_BITS: u32 = 6;
const CHUNK: usize = 1 << CHUNK_BITS;
/// Chunk sums remembered, so that records read again after a rebalance cost little.
const REMEMBERED: usize = 256;

/// Shares of calls smaller than this count as none.
const NEGLIGIBLE: f64 = 1e-15;

/// Attempts at calls fail by chance, each for itself, and are made again until one succeeds, or so many have failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retries {
    /// Share of the attempts that fail, above 0 and below 1.
    pub failure_rate: f64,
    /// From the end of a failed attempt to the next.
    pub back_off: BackOff,
    /// After so many failed attempts a call is given up, at least 1; without, never.
    pub attempts: Option<u32>,
}

impl Retries {
    /// Share of the calls that are given up.
    pub fn given_up(&self) -> f64 {
        let attempts = self.attempts.map_or(f64::INFINITY, f64::from);
        self.failure_rate.powf(attempts)
    }

    /// The pauses of calls: each with the share of calls that come to it (s).
    pub fn pauses(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let last = self.attempts.unwrap_or(u32::MAX);
        let mut share = 1.0;
        let mut pause = SimDuration::ZERO;
        let shares = (1..last).map(move |failed| {
            share *= self.failure_rate;
            pause = match failed {
                1 => self.back_off.after(1),
                _ => self.back_off.longer(pause),
            };
            (share, pause.as_secs_f64())
        });
        shares.take_while(|(share, _)| *share > NEGLIGIBLE)
    }
}

/// What a call takes while nothing holds it back.
#[derive(Clone, Debug, PartialEq)]
pub struct CallLaw {
    /// Latency of an attempt.
    pub latency: Law,
    /// How attempts that fail by chance are made again, if any do.
    pub retries: Option<Retries>,
}

impl CallLaw {
    fn failure_rate(&self) -> f64 {
        self.retries.map_or(0.0, |retries| retries.failure_rate)
    }

    /// Share of the calls that are given up.
    pub fn given_up(&self) -> f64 {
        self.retries.map_or(0.0, |retries| retries.given_up())
    }

    /// Attempts that it takes on average.
    pub fn attempts(&self) -> f64 {
        (1.0 - self.given_up()) / (1.0 - self.failure_rate())
    }

    /// Mean pause after an attempt; none after the last (s).
    pub fn pause(&self) -> f64 {
        let Some(retries) = &self.retries else {
            return 0.0;
        };
        match retries.attempts {
            None => self.failure_rate() * retries.back_off.first.as_secs_f64(),
            Some(_) => {
                let pauses = retries.pauses().map(|(share, pause)| share * pause);
                pauses.sum::<f64>() / self.attempts()
            }
        }
    }

    /// Mean time from its first attempt until one has succeeded, or the last has failed (s).
    pub fn mean(&self) -> f64 {
        (self.latency.mean() + self.pause()) * self.attempts()
    }

    /// The variance of that time (s^2).
    pub fn variance(&self) -> f64 {
        let latency = self.latency.mean();
        let of_latencies = self.attempts() * self.latency.scv() * latency * latency;
        let Some(retries) = &self.retries else {
            return of_latencies;
        };
        // E[T^2] = sum over k of P(more than k attempts) (t_{k+1}^2 - t_k^2), where t_k is what k attempts take on average.
        let (mut takes, mut squares) = (latency, latency * latency);
        for (share, pause) in retries.pauses() {
            let longer = takes + pause + latency;
            squares += share * (longer * longer - takes * takes);
            takes = longer;
        }
        of_latencies + squares - self.mean() * self.mean()
    }
}

/// The calls of one partition's records, numbered in the order of the records. Asking never changes an answer; `&mut` only
/// moves a cache.
#[derive(Clone, Debug)]
pub struct CallCosts {
    /// Latency of the attempt that succeeds: the same however many fail before.
    succeeded: RecordCosts,
    failed: Option<Box<FailedAttempts>>,
}

impl CallCosts {
    /// Calls of a law, with their draws at the addresses of their purposes.
    pub fn new(address: impl Fn(Purpose) -> Address, law: &CallLaw) -> Self {
        let CallLaw { latency, retries } = law;
        CallCosts {
            succeeded: RecordCosts::new(address(Purpose::Latency), latency),
            failed: retries.map(|retries| {
                let latencies = RecordCosts::new(address(Purpose::FailedLatency), latency);
                Box::new(FailedAttempts::new(
                    address(Purpose::Attempt),
                    latencies,
                    retries,
                ))
            }),
        }
    }

    /// The latencies of the attempts that succeed.
    pub fn latencies(&mut self) -> &mut RecordCosts {
        &mut self.succeeded
    }

    /// What the calls [`from`, `to`) take one after another, attempts that fail and pauses among it: exactly the same however
    /// the range is cut. None of them is [given up](Self::given_up_in).
    #[inline]
    pub fn work(&mut self, from: u64, to: u64) -> SimDuration {
        let succeeded = self.succeeded.work(from, to);
        match &mut self.failed {
            None => succeeded,
            Some(failed) => succeeded + failed.sum(from, to).time,
        }
    }

    /// How many attempts at the calls [`from`, `to`) fail before one succeeds, or would.
    #[inline]
    pub fn failed(&mut self, from: u64, to: u64) -> u64 {
        let failed = self.failed.as_mut();
        failed.map_or(0, |failed| failed.sum(from, to).attempts)
    }

    /// The first of the calls [`from`, `to`) that is given up.
    #[inline]
    pub fn given_up_in(&mut self, from: u64, to: u64) -> Option<u64> {
        self.failed.as_mut()?.given_up_in(from, to)
    }

    /// How many attempts at a call that is given up fail, and what they take with the pauses between them.
    pub fn giving_up(&mut self, call: u64) -> (u64, SimDuration) {
        let failed = self.failed.as_mut();
        failed.map_or((0, SimDuration::ZERO), |failed| failed.giving_up(call))
    }

    /// The calls [`from`, `to`) are made anew from now on: how often they fail is drawn again.
    pub fn draw_anew(&mut self, from: u64, to: u64) {
        if let Some(failed) = &mut self.failed {
            failed.draw_anew(from, to);
        }
    }

    /// Calls that `before` this law were made anew are so with it.
    #[must_use]
    pub fn succeeding(mut self, before: &CallCosts) -> Self {
        if let (Some(own), Some(before)) = (&mut self.failed, &before.failed) {
            own.anew.clone_from(&before.anew);
        }
        self
    }
}

/// Failed attempts: how many, and their latencies with the pauses after them.
#[derive(Clone, Copy, Debug, Default)]
struct Failed {
    attempts: u64,
    time: SimDuration,
}

/// How often each call fails before it would succeed, in chunks of 64 that share an address: a geometric number, by one draw
/// that does not fall as the failure rate rises.
#[derive(Clone, Debug)]
struct FailedAttempts {
    address: Address,
    /// A call fails at least once where its random word is below this.
    threshold: u64,
    /// Logarithm of the failure rate.
    log_rate: f64,
    /// Latencies of failed attempts, those of a chunk from its own room on.
    latencies: RecordCosts,
    /// Room for 2^bits failed attempts per chunk, of which it is twice as many as its mean and then some: next to never more.
    room_bits: u32,
    back_off: BackOff,
    /// A call that fails so often is given up.
    most: Option<u32>,
    /// How often calls were made anew.
    anew: BTreeMap<u64, u64>,
    chunk: u64,
    /// Failed attempts of the chunk before each of its calls, and of all of them.
    before: [u64; CHUNK + 1],
    /// The pauses after them [ns].
    pauses: [u64; CHUNK + 1],
    /// What is known of a chunk, at its number modulo the size.
    known: Vec<Known>,
}

/// What is known of a chunk of calls.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Its number and 1; 0 of none.
    chunk: u64,
    /// The calls that are given up, by a bit each.
    given_up: u64,
    sum: Option<Failed>,
}

impl FailedAttempts {
    fn new(address: Address, latencies: RecordCosts, retries: Retries) -> Self {
        let rate = retries.failure_rate;
        let mean = CHUNK as f64 * rate / (1.0 - rate);
        FailedAttempts {
            address,
            threshold: (rate * 18_446_744_073_709_551_616.0) as u64,
            log_rate: rate.ln(),
            latencies,
            room_bits: (2.0 * mean + 32.0).log2().ceil() as u32,
            back_off: retries.back_off,
            most: retries.attempts,
            anew: BTreeMap::new(),
            chunk: u64::MAX,
            before: [0; CHUNK + 1],
            pauses: [0; CHUNK + 1],
            known: vec![Known::default(); REMEMBERED],
        }
    }

    fn sum(&mut self, from: u64, to: u64) -> Failed {
        let mut sum = Failed::default();
        let mut at = from;
        while at < to {
            let chunk = at >> CHUNK_BITS;
            let end = to.min((chunk + 1) << CHUNK_BITS);
            let Failed { attempts, time } = self.within(chunk, at, end);
            sum.attempts += attempts;
            sum.time += time;
            at = end;
        }
        sum
    }

    /// The sum of calls of one chunk.
    fn within(&mut self, chunk: u64, from: u64, to: u64) -> Failed {
        if to - from < CHUNK as u64 {
            let low = (from - (chunk << CHUNK_BITS)) as usize;
            return self.part(chunk, low, low + (to - from) as usize);
        }
        let known = self.known[chunk as usize % REMEMBERED];
        if let Some(sum) = known.sum.filter(|_| known.chunk == chunk + 1) {
            return sum;
        }
        let sum = self.part(chunk, 0, CHUNK);
        self.known[chunk as usize % REMEMBERED].sum = Some(sum);
        sum
    }

    fn part(&mut self, chunk: u64, from: usize, to: usize) -> Failed {
        self.move_to(chunk);
        let (low, high) = (self.before[from], self.before[to]);
        if low == high {
            return Failed::default();
        }
        let pauses = SimDuration::from_nanos(self.pauses[to] - self.pauses[from]);
        Failed {
            attempts: high - low,
            time: self.latencies_of(chunk, low, high) + pauses,
        }
    }

    /// What failed attempts of a chunk take.
    fn latencies_of(&mut self, chunk: u64, low: u64, high: u64) -> SimDuration {
        let room = chunk << self.room_bits;
        self.latencies.work(room + low, room + high)
    }

    fn given_up_in(&mut self, from: u64, to: u64) -> Option<u64> {
        self.most?;
        let mut at = from;
        while at < to {
            let chunk = at >> CHUNK_BITS;
            let place = chunk as usize % REMEMBERED;
            if self.known[place].chunk != chunk + 1 {
                self.move_to(chunk);
            }
            let first = chunk << CHUNK_BITS;
            let left = self.known[place].given_up >> (at - first);
            if left != 0 {
                let call = at + u64::from(left.trailing_zeros());
                return (call < to).then_some(call);
            }
            at = first + CHUNK as u64;
        }
        None
    }

    fn giving_up(&mut self, call: u64) -> (u64, SimDuration) {
        let (chunk, most) = (call >> CHUNK_BITS, self.most.unwrap_or(0));
        self.move_to(chunk);
        let low = self.before[call as usize % CHUNK];
        let time = self.latencies_of(chunk, low, low + u64::from(most));
        (u64::from(most), time + self.back_off.all_between(most))
    }

    fn draw_anew(&mut self, from: u64, to: u64) {
        for call in from..to {
            *self.anew.entry(call).or_insert(0) += 1;
            self.known[(call >> CHUNK_BITS) as usize % REMEMBERED] = Known::default();
        }
        self.chunk = u64::MAX;
    }

    fn move_to(&mut self, chunk: u64) {
        if chunk == self.chunk {
            return;
        }
        self.chunk = chunk;
        let (mut words, first) = (self.address.words(0, chunk), chunk << CHUNK_BITS);
        let (mut sum, mut pauses, mut given_up) = (0, 0, 0);
        for inside in 0..CHUNK {
            let mut word = words.word();
            if let Some(times) = self.anew.get(&(first + inside as u64)) {
                word = self.address.bits(*times, first + inside as u64);
            }
            if word < self.threshold {
                // Of a uniform U below the rate p: at least n failures where U is below p^n.
                let uniform = (word as f64 + 0.5) / 18_446_744_073_709_551_616.0;
                let failed = ((uniform.ln() / self.log_rate) as u64).max(1);
                sum += failed;
                let after = u32::try_from(failed + 1).unwrap_or(u32::MAX);
                let own = self.back_off.all_between(after).as_nanos();
                pauses = u64::saturating_add(pauses, own);
                let lost = self.most.is_some_and(|most| failed >= u64::from(most));
                given_up |= u64::from(lost) << inside;
            }
            self.before[inside + 1] = sum;
            self.pauses[inside + 1] = pauses;
        }
        let known = &mut self.known[chunk as usize % REMEMBERED];
        if known.chunk != chunk + 1 {
            *known = Known {
                chunk: chunk + 1,
                given_up,
                sum: None,
            };
        }
    }
}

#[cfg(test)]
mod tests;
