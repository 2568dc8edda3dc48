//! Lag as it would be had retention deleted nothing that was not read yet: what falls of it, members have worked off.

use super::curves::lag_of;
use crate::sim::{Fact, Sample};
use crate::units::SimTime;

/// The lag of all partitions together, with what offset resets jumped over (records).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unread {
    /// The highest.
    pub max: u64,
    /// When it was first that high (s).
    pub max_at_s: f64,
    /// At the end.
    pub last: u64,
    /// The highest of any one partition.
    pub partition_max: u64,
}

impl Unread {
    /// How much of it members have worked off since it was highest (records).
    pub fn fallen(&self) -> u64 {
        self.max - self.last
    }
}

/// A jump that no commit has followed yet.
#[derive(Clone, Copy, Debug)]
struct Jump {
    partition: usize,
    to: u64,
    records: u64,
}

/// Folds the samples and the jumps of a run.
#[derive(Clone, Debug, Default)]
pub struct Jumps {
    open: Vec<Jump>,
    /// Records jumped over, of each partition that ever was.
    over: Vec<u64>,
    unread: Unread,
}

impl Jumps {
    /// Takes a fact.
    pub fn observe(&mut self, fact: &Fact) {
        if let Fact::OffsetReset {
            partition,
            from,
            to,
            ..
        } = fact
        {
            // Of one that nobody committed the next reader begins in front of it again.
            let ix = partition.ix();
            (self.open).retain(|jump| jump.partition != ix || jump.to <= *from);
            self.open.push(Jump {
                partition: ix,
                to: *to,
                records: to.saturating_sub(*from),
            });
        }
    }

    /// Takes the samples of an instant. Lag falls by a jump once a commit has followed it.
    pub fn push(&mut self, at: SimTime, samples: &[Sample]) {
        self.over.resize(samples.len().max(self.over.len()), 0);
        let over = &mut self.over;
        self.open.retain(|jump| {
            let committed = samples.get(jump.partition).and_then(|own| own.committed);
            let followed = committed.is_some_and(|committed| committed >= jump.to);
            if followed {
                over[jump.partition] += jump.records;
            }
            !followed
        });
        let each = samples.iter().zip(&self.over);
        let (mut total, mut most) = (0, 0);
        for (sample, over) in each {
            let unread = lag_of(sample) + over;
            (total, most) = (total + unread, most.max(unread));
        }
        self.unread.last = total;
        self.unread.partition_max = self.unread.partition_max.max(most);
        if total > self.unread.max {
            (self.unread.max, self.unread.max_at_s) = (total, at.as_secs_f64());
        }
    }

    /// What came of it.
    pub fn unread(&self) -> Unread {
        self.unread.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::PartitionState;
    use crate::units::{PartitionId, ProcessId};

    #[test]
    fn lag_that_a_reset_takes_away_is_not_worked_off() {
        let mut jumps = Jumps::default();
        let sample = |second: u64, log_end: u64, committed: u64, jumps: &mut Jumps| {
            let one = Sample {
                log_end,
                committed: Some(committed),
                position: committed,
                age_s: None,
                state: PartitionState::Saturated,
            };
            jumps.push(SimTime::from_secs(second), &[one]);
            let own = jumps.unread();
            (own.max, own.max_at_s, own.last)
        };
        assert_eq!(sample(0, 0, 0, &mut jumps), (0, 0.0, 0));
        assert_eq!(
            sample(100, 10_000, 5_000, &mut jumps),
            (5_000, 100.0, 5_000)
        );
        jumps.observe(&Fact::OffsetReset {
            process: ProcessId(0),
            partition: PartitionId(0),
            from: 5_100,
            to: 9_100,
        });
        // Its reader is there, and its commit is not.
        assert_eq!(
            sample(101, 10_100, 5_100, &mut jumps),
            (5_000, 100.0, 5_000)
        );
        assert_eq!(
            sample(200, 20_000, 14_000, &mut jumps),
            (10_000, 200.0, 10_000)
        );
        assert_eq!(
            sample(300, 22_000, 21_500, &mut jumps),
            (10_000, 200.0, 4_500)
        );
        assert_eq!(jumps.unread().fallen(), 5_500);
        assert_eq!(jumps.unread().partition_max, 10_000);
    }
}
