//! What the calls of records take: attempts that fail by chance, pauses, and the one that succeeds. Not who makes them, nor
//! what holds them back.

use super::{Law, RecordCosts};
use crate::engine::{Address, Purpose};
use crate::units::SimDuration;

const CHUNK_BITS: u32 = 6;
const CHUNK: usize = 1 << CHUNK_BITS;
/// Chunk sums remembered, so that records read again after a rebalance cost little.
const REMEMBERED: usize = 256;

/// Attempts at calls fail by chance, each for itself, and are made again until one succeeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retries {
    /// Share of the attempts that fail, above 0 and below 1.
    pub failure_rate: f64,
    /// From the end of a failed attempt to the next.
    pub back_off: SimDuration,
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

    /// From a failed attempt to the next (s).
    fn back_off(&self) -> f64 {
        let back_off = self.retries.map(|retries| retries.back_off);
        back_off.unwrap_or_default().as_secs_f64()
    }

    /// Attempts that it takes on average.
    pub fn attempts(&self) -> f64 {
        1.0 / (1.0 - self.failure_rate())
    }

    /// Mean time from its first attempt until one has succeeded (s).
    pub fn mean(&self) -> f64 {
        (self.latency.mean() + self.failure_rate() * self.back_off()) * self.attempts()
    }

    /// The variance of that time (s^2).
    pub fn variance(&self) -> f64 {
        let latency = self.latency.mean();
        let again = latency + self.back_off();
        let attempts = self.attempts();
        let of_attempts = self.failure_rate() * attempts * attempts;
        attempts * self.latency.scv() * latency * latency + of_attempts * again * again
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
    /// the range is cut.
    #[inline]
    pub fn work(&mut self, from: u64, to: u64) -> SimDuration {
        let succeeded = self.succeeded.work(from, to);
        match &mut self.failed {
            None => succeeded,
            Some(failed) => succeeded + failed.sum(from, to).time,
        }
    }

    /// How many attempts at the calls [`from`, `to`) fail.
    #[inline]
    pub fn failed(&mut self, from: u64, to: u64) -> u64 {
        let failed = self.failed.as_mut();
        failed.map_or(0, |failed| failed.sum(from, to).attempts)
    }
}

/// Failed attempts: how many, and their latencies with the pauses after them.
#[derive(Clone, Copy, Debug, Default)]
struct Failed {
    attempts: u64,
    time: SimDuration,
}

/// How often each call fails before it succeeds, in chunks of 64 that share an address: a geometric number, by one draw that
/// does not fall as the failure rate rises.
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
    back_off: SimDuration,
    chunk: u64,
    /// Failed attempts of the chunk before each of its calls, and of all of them.
    before: [u64; CHUNK + 1],
    /// (chunk + 1, its sum) at the chunk's number modulo the size.
    sums: Vec<(u64, Failed)>,
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
            chunk: u64::MAX,
            before: [0; CHUNK + 1],
            sums: vec![(0, Failed::default()); REMEMBERED],
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
        let place = chunk as usize % REMEMBERED;
        if self.sums[place].0 != chunk + 1 {
            self.sums[place] = (chunk + 1, self.part(chunk, 0, CHUNK));
        }
        self.sums[place].1
    }

    fn part(&mut self, chunk: u64, from: usize, to: usize) -> Failed {
        self.move_to(chunk);
        let (low, high) = (self.before[from], self.before[to]);
        if low == high {
            return Failed::default();
        }
        let room = chunk << self.room_bits;
        let attempts = high - low;
        Failed {
            attempts,
            time: self.latencies.work(room + low, room + high) + self.back_off * attempts,
        }
    }

    fn move_to(&mut self, chunk: u64) {
        if chunk == self.chunk {
            return;
        }
        self.chunk = chunk;
        let mut words = self.address.words(0, chunk);
        let mut sum = 0;
        for slot in &mut self.before[1..] {
            let word = words.word();
            if word < self.threshold {
                // Of a uniform U below the rate p: at least n failures where U is below p^n.
                let uniform = (word as f64 + 0.5) / 18_446_744_073_709_551_616.0;
                sum += ((uniform.ln() / self.log_rate) as u64).max(1);
            }
            *slot = sum;
        }
    }
}

#[cfg(test)]
mod tests;
