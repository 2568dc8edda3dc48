//! Costs that have been worked out, kept for whoever asks for the same records again. Not for a single run, which hardly
//! ever does.

use std::mem::size_of;

/// Stands for a leaf that is not known.
const UNKNOWN: u64 = u64::MAX;

/// What stands before each of `N` neighbouring records, and behind the last [ns].
#[derive(Clone, Copy, Debug)]
struct Leaf<const N: usize> {
    /// Before the first.
    base: u64,
    /// From there to the end of each.
    ends: [u32; N],
}

/// The leaves of one measure, from the first that was asked for on.
#[derive(Clone, Debug)]
pub(super) struct Known<const N: usize> {
    /// The number of the first.
    first: u64,
    leaves: Vec<Leaf<N>>,
    /// Most of them.
    most: usize,
}

impl<const N: usize> Known<N> {
    /// Nothing yet, and never more than `bytes`.
    pub fn within(bytes: usize) -> Self {
        Known {
            first: 0,
            leaves: Vec::new(),
            most: bytes / size_of::<Leaf<N>>(),
        }
    }

    /// Whether it keeps anything.
    #[inline]
    pub fn keeps(&self) -> bool {
        self.most > 0
    }

    /// How much it keeps (B).
    pub fn bytes(&self) -> usize {
        self.leaves.len() * size_of::<Leaf<N>>()
    }

    /// What stands before record `inside` of the leaf, up to `N` for all of it [ns].
    #[inline]
    pub fn before(&self, leaf: u64, inside: usize) -> Option<u64> {
        let place = leaf.checked_sub(self.first)?;
        let known = self.leaves.get(place as usize)?;
        let past = inside.checked_sub(1).map_or(0, |last| known.ends[last]);
        (known.base != UNKNOWN).then(|| known.base + u64::from(past))
    }

    /// Keeps a leaf, if there is room and it takes less than 2^32 ns (4.3 s): what stands before its first record, and at the
    /// end of each.
    pub fn learn(&mut self, leaf: u64, base: u64, ends: &[u64]) {
        if self.leaves.is_empty() {
            self.first = leaf;
        }
        let Some(place) = leaf.checked_sub(self.first).map(|place| place as usize) else {
            return;
        };
        let long = ends
            .last()
            .is_none_or(|end| end - base > u64::from(u32::MAX));
        if place >= self.most || long {
            return;
        }
        if place >= self.leaves.len() {
            let unknown = Leaf {
                base: UNKNOWN,
                ends: [0; N],
            };
            self.leaves.resize(place + 1, unknown);
        }
        let known = &mut self.leaves[place];
        known.base = base;
        for (slot, end) in known.ends.iter_mut().zip(ends) {
            *slot = (end - base) as u32;
        }
    }
}
