//! Which records of a partition have been processed. Not by whom, and not how often.

/// Everything below a bound but some gaps.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// One after the highest offset ever processed.
    to: u64,
    /// Ranges below `to` that nobody has processed, ascending: a new owner started behind a batch that its committer
    /// still had in hand.
    gaps: Vec<(u64, u64)>,
}

impl Progress {
    /// Everything before `to`.
    pub fn up_to(to: u64) -> Self {
        let gaps = Vec::new();
        Progress { to, gaps }
    }

    /// One after the highest offset ever processed.
    pub fn to(&self) -> u64 {
        self.to
    }

    /// Records [`from`, `to`) have been processed; returns how many of them had been before.
    pub fn process(&mut self, from: u64, to: u64) -> u64 {
        if from >= to {
            return 0;
        }
        let new: u64 = self.missing(from, to).iter().map(|(a, b)| b - a).sum();
        let mut gaps = Vec::with_capacity(self.gaps.len() + 1);
        for &(a, b) in &self.gaps {
            gaps.extend(
                [(a, b.min(from)), (a.max(to), b)]
                    .iter()
                    .filter(|(a, b)| a < b),
            );
        }
        if from > self.to {
            gaps.push((self.to, from));
        }
        self.gaps = gaps;
        self.to = self.to.max(to);
        to - from - new
    }

    /// The ranges of [`from`, `to`) that nobody has processed.
    pub fn missing(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let gaps = self.gaps.iter().map(|&(a, b)| (a.max(from), b.min(to)));
        let gaps = gaps.chain([(self.to.max(from), to)]);
        gaps.filter(|(a, b)| a < b).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_as_a_duplicate_only_if_it_was_processed_before() {
        let mut progress = Progress::up_to(10);
        assert_eq!(progress.process(10, 20), 0);
        assert_eq!(progress.process(15, 25), 5);
        // The owner of 25 to 40 is slow; the next one starts behind it.
        assert_eq!(progress.process(40, 50), 0);
        assert_eq!(progress.missing(0, 60), [(25, 40), (50, 60)]);
        assert_eq!(progress.process(25, 40), 0);
        assert_eq!(progress.process(20, 50), 30);
    }

    #[test]
    fn a_gap_can_be_filled_from_its_middle() {
        let mut progress = Progress::up_to(0);
        assert_eq!(progress.process(10, 20), 0);
        assert_eq!(progress.process(3, 6), 0);
        assert_eq!(progress.missing(2, 12), [(2, 3), (6, 10)]);
        assert_eq!(progress.process(0, 20), 13);
        assert!(progress.missing(0, 20).is_empty());
    }

    #[test]
    fn nothing_is_no_progress() {
        let mut progress = Progress::up_to(5);
        assert_eq!(progress.process(9, 9), 0);
        assert_eq!(progress.to(), 5);
    }
}
