//! Costs drawn record by record, for laws whose sums have no closed form. Not for laws that can be split.

use std::sync::Arc;

use rand_distr::{Distribution, StandardNormal};

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
    pub(super) fn new(address: Address, law: &Law) -> Self {
        SingleCosts {
            address,
            sampler: Sampler::of(law),
            chunk: u64::MAX,
            prefix: [0; CHUNK + 1],
            sums: vec![(0, 0); REMEMBERED],
        }
    }

    #[inline]
    pub(super) fn work(&mut self, from: u64, to: u64) -> u64 {
        let (first, last) = (from >> CHUNK_BITS, to >> CHUNK_BITS);
        let (skipped, taken) = (from as usize % CHUNK, to as usize % CHUNK);
        let mut sum = 0_u64;
        let mut whole = first;
        if skipped > 0 {
            self.move_to(first);
            let before = self.prefix[skipped];
            if first == last {
                return self.prefix[taken] - before;
            }
            sum = self.prefix[CHUNK] - before;
            whole += 1;
        }
        for chunk in whole..last {
            sum = sum.saturating_add(self.chunk_sum(chunk));
        }
        if taken > 0 {
            self.move_to(last);
            sum = sum.saturating_add(self.prefix[taken]);
        }
        sum
    }

    fn chunk_sum(&mut self, chunk: u64) -> u64 {
        if chunk == self.chunk {
            return self.prefix[CHUNK];
        }
        let place = chunk as usize % REMEMBERED;
        if self.sums[place].0 == chunk + 1 {
            return self.sums[place].1;
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
