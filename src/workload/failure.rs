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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Purpose;

    fn address() -> Address {
        Address::new(5, 0, Purpose::Poison, "orders-2")
    }

    fn all_in(failures: &mut Failures, mut from: u64, to: u64) -> Vec<u64> {
        let mut found = Vec::new();
        while let Some(offset) = failures.first_in(from, to) {
            found.push(offset);
            from = offset + 1;
        }
        found
    }

    #[test]
    fn named_offsets_are_poison_and_no_others() {
        let mut failures = Failures::new(address(), &[900, 0, 17], 0.0);
        assert_eq!(all_in(&mut failures, 0, u64::MAX), [0, 17, 900]);
        assert_eq!(failures.first_in(1, 17), None);
        assert_eq!(failures.first_in(17, 17), None);
        assert_eq!(failures.first_in(17, 18), Some(17));
    }

    #[test]
    fn a_share_of_the_records_is_poison_with_geometric_gaps() {
        for share in [0.9, 0.3, 0.01, 0.000_01] {
            let mut failures = Failures::new(address(), &[], share);
            let records = (20_000.0 / share) as u64;
            let found = all_in(&mut failures, 0, records);
            let expected = records as f64 * share;
            let z = (found.len() as f64 - expected) / (expected * (1.0 - share)).sqrt();
            assert!(z.abs() < 4.0, "{share}: {z}");
            // A gap of one record has probability `share`, and the mean of the squared gaps is (2 - share) / share^2.
            let gaps: Vec<f64> = found
                .windows(2)
                .map(|pair| (pair[1] - pair[0]) as f64)
                .collect();
            let squares = gaps.iter().map(|gap| gap * gap).sum::<f64>() / gaps.len() as f64;
            let ratio = squares * share * share / (2.0 - share);
            assert!((ratio - 1.0).abs() < 0.08, "{share}: {ratio}");
        }
    }

    #[test]
    fn what_is_poison_does_not_depend_on_the_question() {
        let mut failures = Failures::new(address(), &[33_333], 0.002);
        let all = all_in(&mut failures, 0, 300_000);
        for step in 0..3000_u64 {
            let from = step * 7919 % 250_000;
            let to = from + step * 31 % 5000;
            let expected = all
                .iter()
                .copied()
                .find(|offset| (from..to).contains(offset));
            assert_eq!(failures.first_in(from, to), expected);
        }
        assert!(all.contains(&33_333));
    }

    #[test]
    fn a_share_of_one_is_every_record_and_a_tiny_one_costs_no_walk() {
        assert_eq!(
            Failures::new(address(), &[], 1.0).first_in(12, 13),
            Some(12)
        );
        let first = Failures::new(address(), &[], 1e-12).first_in(0, u64::MAX);
        assert!(first.is_some_and(|offset| offset > 1_000_000_000));
    }
}
