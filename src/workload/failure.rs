//! Which records are poison, as a function of their offset. Not what becomes of them.

use crate::engine::Address;

/// Poison records expected in a block, about: enough that hardly a block without any is crossed in vain, few enough to
/// be listed at once.
const PER_BLOCK: f64 = 64.0;
const BLOCK_BITS_AT_MOST: u32 = 48;

/// The poison records of one partition, given by offset or by rate.
#[derive(Clone, Debug)]
pub struct Failures {
    address: Address,
    /// Ascending.
    offsets: Vec<u64>,
    share: Share,
    /// The block listed last, and its poison offsets.
    block: u64,
    listed: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Share {
    None,
    All,
    /// ln(1 - share), and 2^bits records per block.
    Some {
        log_good: f64,
        block_bits: u32,
    },
}

impl Failures {
    /// Poison at each of `offsets` (any order), and besides with probability `share` at every other offset.
    pub fn new(address: Address, offsets: &[u64], share: f64) -> Self {
        let mut offsets = offsets.to_vec();
        offsets.sort_unstable();
        let share = if share >= 1.0 {
            Share::All
        } else if share > 0.0 {
            let wanted = (PER_BLOCK / share).log2().ceil() as u32;
            Share::Some {
                log_good: (-share).ln_1p(),
                block_bits: wanted.min(BLOCK_BITS_AT_MOST),
            }
        } else {
            Share::None
        };
        Failures {
            address,
            offsets,
            share,
            block: u64::MAX,
            listed: Vec::new(),
        }
    }

    /// The first poison offset in [`from`, `to`). The cost does not grow with the good records crossed.
    pub fn first_in(&mut self, from: u64, to: u64) -> Option<u64> {
        if from >= to {
            return None;
        }
        let place = self.offsets.partition_point(|offset| *offset < from);
        let named = self
            .offsets
            .get(place)
            .copied()
            .filter(|offset| *offset < to);
        let end = named.unwrap_or(to);
        let drawn = match self.share {
            Share::None => None,
            Share::All => Some(from),
            Share::Some {
                log_good,
                block_bits,
            } => self.first_drawn(from, end, log_good, block_bits),
        };
        drawn.or(named)
    }

    fn first_drawn(&mut self, from: u64, to: u64, log_good: f64, block_bits: u32) -> Option<u64> {
        if from >= to {
            return None;
        }
        for block in from >> block_bits..=(to - 1) >> block_bits {
            if block != self.block {
                self.list(block, log_good, block_bits);
            }
            let place = self.listed.partition_point(|offset| *offset < from);
            if let Some(offset) = self.listed.get(place) {
                return (*offset < to).then_some(*offset);
            }
        }
        None
    }

    /// Lists the poison of a block: gaps between two are geometric, which is Bernoulli for every record.
    fn list(&mut self, block: u64, log_good: f64, block_bits: u32) {
        let mut words = self.address.words(u64::from(block_bits), block);
        let start = block << block_bits;
        let size = 1_u64 << block_bits;
        self.block = block;
        self.listed.clear();
        let mut place = 0_u64;
        loop {
            // `as` saturates where the gap is beyond every block.
            let gap = (words.uniform().ln() / log_good) as u64;
            place = place.saturating_add(gap);
            if place >= size {
                return;
            }
            self.listed.push(start + place);
            place += 1;
        }
    }
}
