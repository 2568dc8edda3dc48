//! How many records the partitions of a topic have at the points of a grid, kept for whoever asks at the same points again. Not
//! for a single run, which asks once.

use std::mem::size_of;

use super::Production;
use crate::units::{PartitionId, SimDuration, SimTime};

/// Stands for a count that is not known.
const UNKNOWN: u64 = u64::MAX;

/// The counts of one production on a grid that starts at zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    production: Production,
    every: SimDuration,
    /// Most points, of a partition.
    most: usize,
    /// By partition and point.
    counts: Vec<Vec<u64>>,
}

impl Counted {
    /// Nothing yet of `production`, on a grid of steps `every`; of each of so many `partitions` a part of so many `bytes`.
    pub(in crate::workload) fn within(
        bytes: usize,
        production: &Production,
        every: SimDuration,
        partitions: usize,
    ) -> Self {
        Counted {
            production: production.clone(),
            every,
            most: bytes / size_of::<u64>() / partitions.max(1),
            counts: Vec::new(),
        }
    }

    /// Whether it is of this production and on this grid.
    pub(in crate::workload) fn is_of(&self, production: &Production, every: SimDuration) -> bool {
        self.every == every && self.production == *production
    }

    /// How much it keeps (B).
    pub(in crate::workload) fn bytes(&self) -> usize {
        let points = self.counts.iter().map(|own| own.len());
        points.sum::<usize>() * size_of::<u64>()
    }

    /// How many records a partition has by `at`: as `count` says, which is asked once at a point of the grid.
    #[inline]
    pub fn by(&mut self, id: PartitionId, at: SimTime, count: impl FnOnce() -> u64) -> u64 {
        let every = self.every.as_nanos().max(1);
        if !at.as_nanos().is_multiple_of(every) {
            return count();
        }
        let point = (at.as_nanos() / every) as usize;
        if let Some(&known) = self.counts.get(id.ix()).and_then(|own| own.get(point))
            && known != UNKNOWN
        {
            return known;
        }
        let count = count();
        if point < self.most {
            if id.ix() >= self.counts.len() {
                self.counts.resize(id.ix() + 1, Vec::new());
            }
            let own = &mut self.counts[id.ix()];
            if point >= own.len() {
                own.resize(point + 1, UNKNOWN);
            }
            own[point] = count;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::workload::{Keys, Pattern, RateCurve};

    #[test]
    fn a_count_is_asked_for_once_where_there_is_room() {
        let production = Production {
            curve: Arc::new(RateCurve::constant(5.0)),
            pattern: Pattern::Constant,
            shares: Vec::new(),
            keys: Keys::Even,
        };
        let second = SimDuration::from_secs(1);
        let mut counted = Counted::within(64, &production, second, 2);
        assert!(counted.is_of(&production, second));
        assert!(!counted.is_of(&production, second * 2));
        let mut asked = 0;
        for (partition, at, expected) in [
            (1, 2, 1),
            (1, 2, 1),
            (1, 0, 2), // An earlier point.
            (0, 2, 3), // Another partition.
            (1, 2, 1),
            (1, 4, 4), // Eight counts have room, four of each.
            (1, 4, 5),
        ] {
            let mut count = || {
                asked += 1;
                asked
            };
            let count = counted.by(PartitionId(partition), SimTime::from_secs(at), &mut count);
            assert_eq!(count, expected, "{partition} at {at} s");
        }
        assert_eq!(counted.bytes(), 48);
        // A scrape, or the horizon, between two points.
        let between = SimTime::from_millis(1_500);
        for count in [7, 8] {
            assert_eq!(counted.by(PartitionId(1), between, || count), count);
        }
        assert_eq!(counted.bytes(), 48);
    }
}
