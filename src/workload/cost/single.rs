//! Costs drawn record by record, for laws whose sums have no closed form. Not for laws that can be split.

use std::sync::Arc;

use rand_distr::{Distribution, StandardNormal};

use super::known::Known;
use crate::engine::{Address, Words};
use crate::workload::Law;

const CHUNK: usize = 64;
const CHUNK_BITS: u32 = 6;
/// Chunk sums remembered, so that records read again after a rebalance cost little.
const REMEMBERED: usize = 256;

/// One draw per record, in chunks of 64 that share an address.
#[derive(Clone, Debug)]
pub(super) struct SingleCosts {
    address: Address,
    sampler: Sampler,
    chunk: u64,
    /// Work of the chunk before each of its records, and of all of them [ns].
    prefix: [u64; CHUNK + 1],
    /// (chunk + 1, its sum [ns]) at the chunk's number modulo the size.
    sums: Vec<(u64, u64)>,
    known: Known<CHUNK>,
}

#[derive(Clone, Debug)]
enum Sampler {
    /// exp(`location` + `spread` z) [ns].
    Lognormal { location: f64, spread: f64 },
    /// `slow` [ns] where a random word is below `threshold`, else `fast` [ns].
    Bimodal {
        fast: u64,
        slow: u64,
        threshold: u64,
    },
    /// One of these [ns], at least one.
    Empirical(Arc<[u64]>),
}

impl SingleCosts {
    /// Keeps up to so many `bytes` of what it works out.
    pub(super) fn new(address: Address, law: &Law, bytes: usize) -> Self {
        SingleCosts {
            address,
            sampler: Sampler::of(law),
            chunk: u64::MAX,
            prefix: [0; CHUNK + 1],
            sums: vec![(0, 0); REMEMBERED],
            known: Known::within(bytes),
        }
    }

    pub(super) fn bytes_known(&self) -> usize {
        self.known.bytes()
    }

    #[inline]
    pub(super) fn work(&mut self, from: u64, to: u64) -> u64 {
        let (first, last) = (from >> CHUNK_BITS, to >> CHUNK_BITS);
        let (skipped, taken) = (from as usize % CHUNK, to as usize % CHUNK);
        let mut sum = 0_u64;
        let mut whole = first;
        if skipped > 0 {
            let before = self.before(first, skipped);
            if first == last {
                return self.before(first, taken) - before;
            }
            sum = self.before(first, CHUNK) - before;
            whole += 1;
        }
        for chunk in whole..last {
            sum = sum.saturating_add(self.chunk_sum(chunk));
        }
        if taken > 0 {
            sum = sum.saturating_add(self.before(last, taken));
        }
        sum
    }

    /// Work of a chunk before its record `inside`, up to all of it [ns].
    #[inline]
    fn before(&mut self, chunk: u64, inside: usize) -> u64 {
        if chunk != self.chunk
            && self.known.keeps()
            && let Some(before) = self.known.before(chunk, inside)
        {
            return before;
        }
        self.move_to(chunk);
        self.prefix[inside]
    }

    fn chunk_sum(&mut self, chunk: u64) -> u64 {
        if chunk == self.chunk {
            return self.prefix[CHUNK];
        }
        let place = chunk as usize % REMEMBERED;
        if self.sums[place].0 == chunk + 1 {
            return self.sums[place].1;
        }
        if self.known.keeps() {
            return self.before(chunk, CHUNK); // All of it is worth working out: others will want parts.
        }
        let mut words = self.address.words(0, chunk);
        let mut sum = 0_u64;
        self.sampler
            .each(&mut words, |nanos| sum = sum.saturating_add(nanos));
        self.sums[place] = (chunk + 1, sum);
        sum
    }

    #[inline]
    fn move_to(&mut self, chunk: u64) {
        if chunk == self.chunk {
            return;
        }
        self.chunk = chunk;
        let mut words = self.address.words(0, chunk);
        let mut sum = 0_u64;
        let mut slots = self.prefix[1..].iter_mut();
        self.sampler.each(&mut words, |nanos| {
            sum = sum.saturating_add(nanos);
            if let Some(slot) = slots.next() {
                *slot = sum;
            }
        });
        self.sums[chunk as usize % REMEMBERED] = (chunk + 1, sum);
        if self.known.keeps() {
            self.known.learn(chunk, 0, &self.prefix[1..]);
        }
    }
}

impl Sampler {
    fn of(law: &Law) -> Self {
        match law {
            Law::Lognormal { mean, p99 } => {
                let spread = Law::lognormal_sigma(*mean, *p99).unwrap_or(0.0);
                Sampler::Lognormal {
                    location: (mean * 1e9).ln() - spread * spread / 2.0,
                    spread,
                }
            }
            Law::Bimodal { fast, slow, share } => Sampler::Bimodal {
                fast: nanos(*fast),
                slow: nanos(*slow),
                threshold: (share * 18_446_744_073_709_551_616.0) as u64,
            },
            Law::Empirical(times) if !times.is_empty() => {
                Sampler::Empirical(times.iter().map(|secs| nanos(*secs)).collect())
            }
            other => Sampler::Empirical(Arc::new([nanos(other.mean())])),
        }
    }

    /// Hands out the costs of a chunk's records, one after another.
    #[inline]
    fn each(&self, words: &mut Words, mut take: impl FnMut(u64)) {
        match self {
            Sampler::Lognormal { location, spread } => {
                for _ in 0..CHUNK {
                    let normal: f64 = StandardNormal.sample(words);
                    take(((location + spread * normal).exp() + 0.5) as i64 as u64);
                }
            }
            Sampler::Bimodal {
                fast,
                slow,
                threshold,
            } => {
                for _ in 0..CHUNK {
                    take(if words.word() < *threshold {
                        *slow
                    } else {
                        *fast
                    });
                }
            }
            Sampler::Empirical(times) => {
                for _ in 0..CHUNK {
                    let place = (u128::from(words.word()) * times.len() as u128) >> 64;
                    take(times[place as usize]);
                }
            }
        }
    }
}

fn nanos(secs: f64) -> u64 {
    (secs * 1e9).round() as u64
}
