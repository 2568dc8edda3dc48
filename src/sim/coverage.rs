//! Which records of a partition have been dealt with. Not in order: a client that commits ahead of its application lets
//! the next owner go on while the batch is still in hand.

/// Everything below an offset, but for some gaps.
#[derive(Debug)]
pub(super) struct Coverage {
    /// One after the highest record dealt with.
    to: u64,
    /// Ranges below `to` that nobody has dealt with, ascending.
    gaps: Vec<(u64, u64)>,
}

impl Coverage {
    /// Everything below `to`.
    pub fn below(to: u64) -> Self {
        let gaps = Vec::new();
        Coverage { to, gaps }
    }

    /// One after the highest record dealt with.
    pub fn to(&self) -> u64 {
        self.to
    }

    /// The parts of [`from`, `to`) that nobody has dealt with.
    pub fn missing(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let gaps = self.gaps.iter().copied();
        gaps.chain([(self.to, u64::MAX)])
            .map(|(start, end)| (start.max(from), end.min(to)))
            .filter(|(start, end)| start < end)
            .collect()
    }

    /// Deals with [`from`, `to`); returns for how many records that had been done before.
    #[inline]
    pub fn cover(&mut self, from: u64, to: u64) -> u64 {
        if from == self.to {
            self.to = self.to.max(to);
            return 0;
        }
        self.cover_again(from, to)
    }

    /// The same where it is not simply the next.
    #[cold]
    fn cover_again(&mut self, from: u64, to: u64) -> u64 {
        if to <= from {
            return 0;
        }
        let missing: u64 = self.missing(from, to).iter().map(|(a, b)| b - a).sum();
        if from > self.to {
            self.gaps.push((self.to, from));
        }
        self.to = self.to.max(to);
        let mut left = Vec::new();
        for &(start, end) in &self.gaps {
            let parts = [(start, end.min(from)), (start.max(to), end)];
            left.extend(parts.into_iter().filter(|(a, b)| a < b));
        }
        self.gaps = left;
        to - from - missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_ends_after_the_next_owner_began_is_no_repetition() {
        let mut coverage = Coverage::below(100);
        assert_eq!(coverage.cover(150, 200), 0);
        assert_eq!(coverage.missing(90, 300), [(100, 150), (200, 300)]);
        assert_eq!(coverage.cover(100, 120), 0);
        assert_eq!(coverage.cover(110, 160), 20);
        assert_eq!(coverage.missing(0, 200), []);
        assert_eq!(coverage.cover(0, 200), 200);
        assert_eq!(coverage.to(), 200);
    }

    #[test]
    fn a_gap_may_be_filled_from_its_middle() {
        let mut coverage = Coverage::below(0);
        coverage.cover(30, 40);
        assert_eq!(coverage.cover(10, 20), 0);
        assert_eq!(coverage.missing(0, 40), [(0, 10), (20, 30)]);
    }

    #[test]
    fn nothing_is_covered_by_no_record() {
        let mut coverage = Coverage::below(10);
        assert_eq!(coverage.cover(20, 20), 0);
        assert_eq!(coverage.cover(20, 15), 0);
        assert_eq!(coverage.missing(0, 30), [(10, 30)]);
    }
}
