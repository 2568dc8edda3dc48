//! A Poisson process of rate one over operational time, drawn top-down from one root so that any part can be had alone.
//! Not aware of rates: the clock is.

use rand_distr::{Binomial, Distribution, StandardNormal};

use super::clock::FRACTION_BITS;
use crate::engine::{Address, Words};

/// The root covers 2^40 expected records, all that a clock can count.
const ROOT_LEVEL: u32 = 63 - FRACTION_BITS;
/// A leaf covers 2^3 expected records: few enough to sort at once, enough to pay for the way to it.
const LEAF_LEVEL: u32 = 3;
/// Kind of the address of a leaf; the kind of an inner node is its level, and that of the root's count 0.
const LEAF: u64 = 64;
const WIDTH_BITS: u32 = LEAF_LEVEL + FRACTION_BITS;
/// A leaf of up to 2^5 marks is sorted by ranks.
const RANK_BITS: u32 = 5;
const RANKED: usize = 1 << RANK_BITS;
/// Splits of this many records or fewer count random bits, larger ones ask for a binomial draw.
const BITS_AT_MOST: u64 = 1024;

/// Marks of a unit-rate Poisson process on (0, 2^63].
///
/// A node of level l covers 2^l expected records. Its count splits between its halves by Binomial(n, 1/2), which is the
/// law of a Poisson process given its count; a leaf's marks are uniform. All draws are addressed by (level, index).
#[derive(Clone, Debug)]
pub(super) struct PoissonMarks {
    address: Address,
    records: u64,
    /// One for questions about the log's end, one for questions about a record: they may be far apart.
    counting: Cursor,
    finding: Cursor,
}

/// Inner nodes above a leaf.
const DEPTH: usize = (ROOT_LEVEL - LEAF_LEVEL) as usize;

/// The way from the root to one leaf.
#[derive(Clone, Debug)]
struct Cursor {
    /// All nodes above the leaf, the lowest first.
    path: Box<[Node; DEPTH]>,
    leaf: Leaf,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Records before it.
    first: u64,
    count: u64,
    /// Records in its left half.
    left: u64,
}

#[derive(Clone, Debug)]
struct Leaf {
    index: u64,
    /// Records before it.
    first: u64,
    count: usize,
    /// Marks as they were drawn: their places in the leaf, each with its number below, which makes all of them different. They
    /// are enough to count; what follows is above all of them.
    keys: [i32; RANKED],
    /// Whether they have been put in order.
    ranked: bool,
    /// If so, the marks, ascending up to `count`; what follows means nothing.
    marks: Vec<u64>,
    /// Marks at or before the last position asked for.
    passed: usize,
}

impl PoissonMarks {
    pub(super) fn new(address: Address) -> Self {
        // Poisson with mean 2^40: its skewness is 2^-20, and a normal draw is nearer to it than any sampler that
        // subtracts logarithms of factorials of such numbers.
        let mean = (1_u64 << ROOT_LEVEL) as f64;
        let normal: f64 = StandardNormal.sample(&mut address.words(0, 0));
        let records = (mean + mean.sqrt() * normal).round() as u64;
        let cursor = Cursor::at_start(address, records);
        PoissonMarks {
            address,
            records,
            counting: cursor.clone(),
            finding: cursor,
        }
    }

    /// How many marks are at or before `position`.
    #[inline]
    pub(super) fn count_by(&mut self, position: u64) -> u64 {
        let Some(before) = position.checked_sub(1) else {
            return 0;
        };
        let index = before >> WIDTH_BITS;
        if self.counting.leaf.index == index {
            return self.counting.leaf.count_by(position);
        }
        if self.finding.leaf.index == index {
            return self.finding.leaf.count_by(position);
        }
        self.counting.move_to_index(self.address, index);
        self.counting.leaf.count_by(position)
    }

    /// The mark of record `n`.
    #[inline]
    pub(super) fn mark_of(&mut self, n: u64) -> Option<u64> {
        if let Some(mark) = self.finding.leaf.mark_of(n) {
            return Some(mark);
        }
        if let Some(mark) = self.counting.leaf.mark_of(n) {
            return Some(mark);
        }
        if n >= self.records {
            return None;
        }
        self.finding.move_to_record(self.address, n);
        self.finding.leaf.mark_of(n)
    }
}

impl Cursor {
    fn at_start(address: Address, records: u64) -> Self {
        let mut cursor = Cursor {
            path: Box::new([Node::default(); DEPTH]),
            leaf: Leaf {
                index: 0,
                first: 0,
                count: 0,
                keys: [i32::MAX; RANKED],
                ranked: false,
                marks: vec![0; RANKED],
                passed: 0,
            },
        };
        cursor.path[DEPTH - 1] = Node::new(address, ROOT_LEVEL, 0, 0, records);
        cursor.descend(address, DEPTH - 1, |_, _| false);
        cursor
    }

    /// Goes to the leaf `index`, which is another.
    fn move_to_index(&mut self, address: Address, index: u64) {
        // How many levels above both leaves the lowest node above both is.
        let apart = u64::BITS - (self.leaf.index ^ index).leading_zeros();
        let place = apart as usize - 1;
        self.descend(address, place, |_, place| index >> place & 1 == 1);
    }

    /// Goes to the leaf of record `n`, which exists.
    fn move_to_record(&mut self, address: Address, n: u64) {
        let above = self.path.iter().position(|node| node.contains(n));
        let place = above.unwrap_or(DEPTH - 1);
        self.descend(address, place, |node, _| n >= node.first + node.left);
    }

    /// From a node of the path down to a leaf, right wherever `goes_right(node, its place)`.
    #[inline(always)]
    fn descend(
        &mut self,
        address: Address,
        mut place: usize,
        goes_right: impl Fn(&Node, usize) -> bool,
    ) {
        let mut node = self.path[place];
        let mut index = self.leaf.index >> (place + 1);
        loop {
            let right = goes_right(&node, place);
            let (first, count) = if right {
                (node.first + node.left, node.count - node.left)
            } else {
                (node.first, node.left)
            };
            index = index * 2 + u64::from(right);
            if place == 0 {
                return self.leaf.fill(address, index, first, count);
            }
            place -= 1;
            let level = LEAF_LEVEL + 1 + place as u32;
            node = Node::new(address, level, index, first, count);
            self.path[place] = node;
        }
    }
}

impl Node {
    #[inline(always)]
    fn new(address: Address, level: u32, index: u64, first: u64, count: u64) -> Self {
        Node {
            first,
            count,
            left: half_of(count, address, u64::from(level), index),
        }
    }

    fn contains(&self, n: u64) -> bool {
        self.first <= n && n - self.first < self.count
    }
}

/// Binomial(`count`, 1/2).
#[inline(always)]
fn half_of(count: u64, address: Address, level: u64, index: u64) -> u64 {
    if count > 64 {
        return half_of_many(count, address, level, index);
    }
    let coins = address.bits(level, index);
    u64::from(coins.unbounded_shr(64 - count as u32).count_ones())
}

#[inline(never)]
fn half_of_many(count: u64, address: Address, level: u64, index: u64) -> u64 {
    let mut words = address.words(level, index);
    if count <= BITS_AT_MOST {
        let mut heads = words
            .word()
            .unbounded_shr(64 - (count % 64) as u32)
            .count_ones();
        for _ in 0..count / 64 {
            heads += words.word().count_ones();
        }
        return u64::from(heads);
    }
    // One half is a probability.
    Binomial::new(count, 0.5).map_or(count / 2, |binomial| binomial.sample(&mut words))
}

impl Leaf {
    fn fill(&mut self, address: Address, index: u64, first: u64, count: u64) {
        let words = address.words(LEAF, index);
        self.index = index;
        self.first = first;
        self.count = count as usize;
        self.passed = 0;
        self.ranked = self.count > RANKED;
        if self.ranked {
            self.sort(words);
        } else {
            self.draw(words);
        }
    }

    /// Marks lie in (start, start + width]: where that begins.
    fn start(&self) -> u64 {
        (self.index << WIDTH_BITS) + 1
    }

    /// A word serves two marks.
    #[inline]
    fn draw(&mut self, mut words: Words) {
        self.keys = [i32::MAX; RANKED];
        let pairs = self.keys.chunks_exact_mut(2).enumerate();
        for (pair, keys) in pairs.take(self.count.div_ceil(2)) {
            let word = words.word();
            let key = |position: u64, place| (position << RANK_BITS | place as u64) as i32;
            keys[0] = key(word >> (64 - WIDTH_BITS), 2 * pair);
            keys[1] = key((word & 0xFFFF_FFFF) >> (32 - WIDTH_BITS), 2 * pair + 1);
        }
        if self.count < RANKED {
            self.keys[self.count] = i32::MAX;
        }
    }

    #[inline(never)]
    fn put_in_order(&mut self) {
        self.ranked = true;
        match self.count {
            0..=8 => self.rank::<8>(),
            9..=12 => self.rank::<12>(),
            13..=16 => self.rank::<16>(),
            _ => self.rank::<RANKED>(),
        }
    }

    /// Puts each mark at its rank, without a branch that could be mispredicted.
    #[inline]
    fn rank<const N: usize>(&mut self) {
        let start = self.start();
        let keys = self.keys.first_chunk::<N>().copied();
        let keys = keys.unwrap_or([i32::MAX; N]); // N <= RANKED
        let mut ranks = [0_i32; N];
        for other in keys {
            for (rank, key) in ranks.iter_mut().zip(&keys) {
                *rank += i32::from(other < *key);
            }
        }
        for (rank, key) in ranks.iter().zip(&keys) {
            self.marks[*rank as usize] = start + (*key >> RANK_BITS) as u64;
        }
    }

    /// What a leaf of mean 8 needs once in 10^10.
    #[cold]
    fn sort(&mut self, mut words: Words) {
        let start = self.start();
        self.marks.resize(self.count, 0);
        for mark in &mut self.marks {
            *mark = start + (words.word() >> (64 - WIDTH_BITS));
        }
        self.marks.sort_unstable();
    }

    #[inline]
    fn count_by(&mut self, position: u64) -> u64 {
        self.passed = if self.ranked {
            self.count_ranked(position)
        } else {
            let within = position.saturating_sub(self.start());
            let within = within.min((1 << WIDTH_BITS) - 1);
            let last = (within << RANK_BITS | ((1 << RANK_BITS) - 1)) as i32;
            let passed: i32 = self.keys.iter().map(|key| i32::from(*key <= last)).sum();
            (passed as usize).min(self.count)
        };
        self.first + self.passed as u64
    }

    /// Questions come one after another, mostly.
    #[inline]
    fn count_ranked(&self, position: u64) -> usize {
        let marks = &self.marks[..self.count];
        let mut passed = self.passed;
        while passed < marks.len() && marks[passed] <= position {
            passed += 1;
        }
        while passed > 0 && marks[passed - 1] > position {
            passed -= 1;
        }
        passed
    }

    #[inline(always)]
    fn mark_of(&mut self, n: u64) -> Option<u64> {
        let place = n.checked_sub(self.first)?;
        if place >= self.count as u64 {
            return None;
        }
        if !self.ranked {
            self.put_in_order();
        }
        self.marks.get(place as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Purpose;

    fn address() -> Address {
        Address::new(1, 0, Purpose::Arrival, "orders-0")
    }

    #[test]
    fn a_leaf_of_any_size_lists_ascending_marks_inside_it() {
        let mut cursor = Cursor::at_start(address(), 0);
        for count in [0, 1, 2, 7, 8, 9, 12, 13, 16, 17, 31, 32, 33, 100, 5] {
            cursor.leaf.fill(address(), 11, 1000, count);
            let marks: Vec<u64> = (0..count)
                .filter_map(|n| cursor.leaf.mark_of(1000 + n))
                .collect();
            assert_eq!(marks.len() as u64, count);
            assert!(marks.is_sorted());
            assert!(marks.iter().all(|mark| (*mark - 1) >> WIDTH_BITS == 11));
            assert_eq!(cursor.leaf.mark_of(1000 + count), None);
            assert_eq!(cursor.leaf.count_by(u64::MAX), 1000 + count);
        }
    }

    #[test]
    fn marks_are_counted_before_they_are_in_order_as_afterwards() {
        let mut cursor = Cursor::at_start(address(), 0);
        for (index, count) in [1, 2, 8, 9, 12, 16, 17, 31, 32].into_iter().enumerate() {
            let leaf = &mut cursor.leaf;
            leaf.fill(address(), index as u64, 1000, count);
            let mut ranked = leaf.clone();
            let marks: Vec<u64> = (0..count)
                .filter_map(|n| ranked.mark_of(1000 + n))
                .collect();
            let start = leaf.start();
            let ends = [start, start + (1 << WIDTH_BITS) - 1];
            for mark in marks.into_iter().chain(ends).rev() {
                for position in [mark - 1, mark, mark + 1] {
                    let position = position.clamp(ends[0], ends[1]);
                    assert!(!leaf.ranked && ranked.ranked);
                    assert_eq!(leaf.count_by(position), ranked.count_by(position));
                }
            }
        }
    }

    #[test]
    fn a_node_splits_like_tossed_coins() {
        for count in [1_u64, 5, 63, 64, 65, 127, 128, 200, 1024, 1025, 1_000_000] {
            let (mut sum, mut squares) = (0.0, 0.0);
            let tosses = 20_000;
            for index in 0..tosses {
                let left = half_of(count, address(), 9, index);
                assert!(left <= count);
                let off = left as f64 - count as f64 / 2.0;
                sum += off;
                squares += off * off;
            }
            let (n, variance) = (tosses as f64, count as f64 / 4.0);
            let z = sum / (variance * n).sqrt();
            assert!(z.abs() < 4.0, "{count}: mean z = {z}");
            let error = squares / n / variance - 1.0;
            assert!(
                error.abs() < 4.0 * (2.0 / n).sqrt(),
                "{count}: variance off by {error}"
            );
        }
    }
}
