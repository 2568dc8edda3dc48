//! What partitions do after something has happened to their group.

use crate::units::{SimDuration, SimTime};

/// What partitions did after an action.
#[derive(Default)]
pub(super) struct After {
    /// From the action until the last of the partitions that are committed to again is.
    pub committed: Option<SimDuration>,
    /// Longest time that one with lag was not committed to.
    pub standstill: SimDuration,
}

impl After {
    /// Takes a partition's committed offset and lag at each sample, the first of which is the one before `action`.
    pub fn take(&mut self, action: SimTime, seen: impl Iterator<Item = (SimTime, u64, u64)>) {
        let mut before: Option<(SimTime, u64)> = None;
        let mut first = None;
        for (at, committed, lag) in seen {
            let (since, last) = *before.get_or_insert((at, committed));
            if committed != last || lag == 0 {
                self.standstill = self.standstill.max(at.since(since));
                before = Some((at, committed));
            }
            if committed != last {
                first.get_or_insert(at.since(action));
            }
            if lag > 0 {
                self.standstill = self.standstill.max(at.since(since));
            }
        }
        self.committed = self.committed.max(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_counts_only_while_there_is_lag() {
        let seconds = |n: u64| SimTime::from_secs(n);
        let mut after = After::default();
        let story = [
            (9, 5, 0),
            (10, 5, 0),
            (11, 5, 0),
            (12, 5, 3),
            (14, 5, 4),
            (15, 9, 0),
        ];
        after.take(
            seconds(10),
            story
                .map(|(at, committed, lag)| (seconds(at), committed, lag))
                .into_iter(),
        );
        assert_eq!(after.standstill, SimDuration::from_secs(4));
        assert_eq!(after.committed, Some(SimDuration::from_secs(5)));
    }
}
