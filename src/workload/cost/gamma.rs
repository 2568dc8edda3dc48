//! Gamma-distributed costs, drawn top-down: a sum of any number of records costs a few draws. Not for other laws.

use rand_distr::{Distribution, Exp1, Gamma};

use super::known::Known;
use crate::engine::{Address, Words};

/// A block has 2^12 records, a leaf of its tree 2^4.
const BLOCK_BITS: u32 = 12;
const LEAF_BITS: u32 = 4;
const BLOCK: u64 = 1 << BLOCK_BITS;
const LEAF: usize = 1 << LEAF_BITS;
const DEPTH: usize = (BLOCK_BITS - LEAF_BITS) as usize;

/// Kinds of addresses.
const TOTAL: u64 = 0;
const SPLIT: u64 = 1;
const INSIDE: u64 = 2;

/// An additive Gamma measure over offsets in nanoseconds.
///
/// A block's total is one Gamma draw; halves of a node share its mass by a symmetric Beta, which is the law of two equal
/// sums of Gamma variables given their total; a leaf's mass is shared by Gamma variables of its records (a Dirichlet).
/// Nodes hold the two ends of their mass within the block, so that neighbours agree on them to the bit, and every
/// prefix is rounded to the nanosecond once: sums do not depend on how a range is cut.
#[derive(Clone, Debug)]
pub(super) struct GammaMeasure {
    address: Address,
    /// Of one record, up to scale; none if exponential.
    single: Option<Gamma<f64>>,
    total: Option<Gamma<f64>>,
    halves: [Halves; DEPTH],
    block: u64,
    block_nanos: u64,
    /// From the block down; the node at depth d covers 2^(12 - d) records.
    path: Vec<Node>,
    leaf: u64,
    /// Work of the block before each record of the leaf, and before the next leaf [ns].
    prefix: [u64; LEAF + 1],
    known: Known<LEAF>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// 1 for the block, 2i and 2i + 1 for the halves of i.
    id: u64,
    low: f64,
    high: f64,
    middle: f64,
}

/// How the halves of a node share its mass.
#[derive(Clone, Copy, Debug)]
enum Halves {
    /// Beta(s, s) by its polar form; holds 1 / (s - 1/2).
    Polar(f64),
    /// Beta(s, s) of a small s as the ratio of two Gamma variables taken by their logarithms.
    Ratio(f64),
}

impl GammaMeasure {
    /// Keeps up to so many `bytes` of what it works out.
    pub(super) fn new(address: Address, mean: f64, shape: f64, bytes: usize) -> Self {
        let shape = shape.max(1e-6);
        let scale = mean.max(0.0) * 1e9 / shape;
        let halves = std::array::from_fn(|depth| Halves::of((BLOCK >> (depth + 1)) as f64 * shape));
        GammaMeasure {
            address,
            single: Gamma::new(shape, 1.0).ok().filter(|_| shape != 1.0),
            total: Gamma::new(BLOCK as f64 * shape, scale).ok(),
            halves,
            block: u64::MAX,
            block_nanos: 0,
            path: Vec::with_capacity(DEPTH),
            leaf: u64::MAX,
            prefix: [0; LEAF + 1],
            known: Known::within(bytes),
        }
    }

    pub(super) fn bytes_known(&self) -> usize {
        self.known.bytes()
    }

    #[inline]
    pub(super) fn work(&mut self, from: u64, to: u64) -> u64 {
        let (first, last) = (from >> BLOCK_BITS, to >> BLOCK_BITS);
        let before = self.prefix(from);
        if first == last {
            return self.prefix(to) - before;
        }
        let mut sum = self.block_total(first) - before;
        for block in first + 1..last {
            sum = sum.saturating_add(self.block_total(block));
        }
        if to.is_multiple_of(BLOCK) {
            return sum;
        }
        sum.saturating_add(self.prefix(to))
    }

    /// Work of the block of `offset` before `offset` [ns].
    #[inline]
    fn prefix(&mut self, offset: u64) -> u64 {
        if offset.is_multiple_of(BLOCK) {
            return 0;
        }
        let leaf = offset >> LEAF_BITS;
        let inside = offset as usize % LEAF;
        if leaf == self.leaf {
            return self.prefix[inside];
        }
        if inside == 0 && leaf == self.leaf.wrapping_add(1) {
            return self.prefix[LEAF];
        }
        if self.known.keeps()
            && let Some(before) = self.known.before(leaf, inside)
        {
            return before;
        }
        self.move_to(leaf);
        if self.known.keeps() {
            self.known.learn(leaf, self.prefix[0], &self.prefix[1..]);
        }
        self.prefix[inside]
    }

    /// Work of a whole block [ns].
    fn block_total(&self, block: u64) -> u64 {
        if block == self.block {
            return self.block_nanos;
        }
        rounded(self.mass(block))
    }

    fn mass(&self, block: u64) -> f64 {
        let mut words = self.address.words(TOTAL, block);
        self.total.map_or(0.0, |total| total.sample(&mut words))
    }

    fn move_to(&mut self, leaf: u64) {
        let block = leaf >> (BLOCK_BITS - LEAF_BITS);
        if block != self.block {
            let mass = self.mass(block);
            self.block = block;
            self.block_nanos = rounded(mass);
            self.path.clear();
            let root = self.node(1, 0, 0.0, mass);
            self.path.push(root);
        } else {
            let apart = u64::BITS - (self.leaf ^ leaf).leading_zeros();
            self.path.truncate(DEPTH - apart as usize + 1);
        }
        self.leaf = leaf;
        let target = leaf % (1 << DEPTH) + (1 << DEPTH);
        let mut node = self.path[self.path.len() - 1];
        loop {
            let depth = self.path.len();
            let id = target >> (DEPTH - depth);
            let (low, high) = if id == node.id * 2 {
                (node.low, node.middle)
            } else {
                (node.middle, node.high)
            };
            if depth == DEPTH {
                return self.fill(low, high);
            }
            node = self.node(id, depth, low, high);
            self.path.push(node);
        }
    }

    fn node(&self, id: u64, depth: usize, low: f64, high: f64) -> Node {
        let mut words = self.address.words(SPLIT, (self.block << DEPTH) + id);
        let share = self.halves[depth].sample(&mut words);
        Node {
            id,
            low,
            high,
            middle: (low + (high - low) * share).min(high),
        }
    }

    /// Shares the mass of the current leaf among its records.
    fn fill(&mut self, low: f64, high: f64) {
        let mut words = self.address.words(INSIDE, self.leaf);
        let mut sums = [0.0; LEAF];
        let mut sum = 0.0;
        match &self.single {
            None => {
                for slot in &mut sums {
                    let draw: f64 = Exp1.sample(&mut words);
                    sum += draw;
                    *slot = sum;
                }
            }
            Some(single) => {
                for slot in &mut sums {
                    sum += single.sample(&mut words);
                    *slot = sum;
                }
            }
        }
        if sum <= 0.0 {
            // Shapes so small that every draw underflowed: all the mass sits on one record, any of them.
            let only = words.word() as usize % LEAF;
            for (place, slot) in sums.iter_mut().enumerate() {
                *slot = if place < only { 0.0 } else { 1.0 };
            }
            sum = 1.0;
        }
        let per_unit = (high - low) / sum;
        self.prefix[0] = rounded(low);
        for (prefix, sum) in self.prefix[1..LEAF].iter_mut().zip(&sums) {
            *prefix = rounded((low + sum * per_unit).min(high));
        }
        self.prefix[LEAF] = rounded(high);
    }
}

/// To the nearest integer, of what is not negative; processors convert to signed integers in one step.
#[inline]
fn rounded(nanos: f64) -> u64 {
    ((nanos + 0.5) as i64).cast_unsigned()
}

impl Halves {
    fn of(shape: f64) -> Self {
        if shape > 1.0 {
            Halves::Polar(1.0 / (shape - 0.5))
        } else {
            Halves::Ratio(shape)
        }
    }

    /// A symmetric Beta draw.
    fn sample(self, words: &mut Words) -> f64 {
        match self {
            // Ulrich 1984: (1 + sqrt(1 - U^(1/(s - 1/2))) cos(2 pi V)) / 2; the direction and the radius of a point in
            // the unit disc, which are independent, give the cosine and U.
            Halves::Polar(power) => loop {
                let x = 2.0 * words.uniform() - 1.0;
                let y = 2.0 * words.uniform() - 1.0;
                let square = x * x + y * y;
                if square < 1.0 {
                    let rest = 1.0 - (square.ln() * power).exp();
                    break 0.5 + 0.5 * x * (rest / square).sqrt();
                }
            },
            Halves::Ratio(shape) => {
                let left = log_gamma_draw(shape, words);
                let right = log_gamma_draw(shape, words);
                1.0 / (1.0 + (right - left).exp())
            }
        }
    }
}

/// The logarithm of a Gamma draw: those of tiny shapes are too small for a float.
fn log_gamma_draw(shape: f64, words: &mut Words) -> f64 {
    let larger = Gamma::new(shape + 1.0, 1.0).map_or(1.0, |gamma| gamma.sample(words));
    larger.ln() + words.uniform().ln() / shape
}
