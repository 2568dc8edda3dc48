//! Which poison record a partition cannot get past.

use super::summary::OpenPoison;
use crate::sim::Fact;
use crate::units::SimTime;

/// Folds the facts about poison records.
#[derive(Clone, Debug, Default)]
pub struct Poisons {
    open: Vec<Option<OpenPoison>>,
}

impl Poisons {
    /// Takes a fact.
    pub fn observe(&mut self, at: SimTime, fact: &Fact) {
        match fact {
            Fact::PoisonMet {
                partition, offset, ..
            } => {
                let place = self.place(partition.ix());
                // Another owner that meets the same record does not start the clock again.
                if place.is_none_or(|open| open.offset != *offset) {
                    *place = Some(OpenPoison {
                        offset: *offset,
                        met_at_s: at.as_secs_f64(),
                    });
                }
            }
            Fact::PoisonGivenUp { partition, .. } => *self.place(partition.ix()) = None,
            // It was committed as its process exited: the next one begins behind it.
            Fact::RecordsLost {
                partition,
                from,
                to,
            } => {
                let place = self.place(partition.ix());
                *place = place.filter(|open| !(*from..*to).contains(&open.offset));
            }
            _ => {}
        }
    }

    /// The record that is still in the way of `partition`.
    pub fn open(&self, partition: usize) -> Option<OpenPoison> {
        self.open.get(partition).copied().flatten()
    }

    fn place(&mut self, ix: usize) -> &mut Option<OpenPoison> {
        if self.open.len() <= ix {
            self.open.resize(ix + 1, None);
        }
        &mut self.open[ix]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Fate;
    use crate::units::{PartitionId, ProcessId};

    #[test]
    fn another_owner_that_meets_the_record_does_not_start_the_clock_again() {
        let met = |process| Fact::PoisonMet {
            process: Some(ProcessId(process)),
            partition: PartitionId(2),
            offset: 7,
        };
        let mut poisons = Poisons::default();
        poisons.observe(SimTime::from_secs(5), &met(0));
        poisons.observe(SimTime::from_secs(400), &met(1));
        assert_eq!(poisons.open(2).map(|open| open.met_at_s), Some(5.0));
        assert_eq!(poisons.open(1), None);
        let given_up = Fact::PoisonGivenUp {
            process: ProcessId(1),
            partition: PartitionId(2),
            offset: 7,
            fate: Fate::DeadLettered,
        };
        poisons.observe(SimTime::from_secs(500), &given_up);
        assert_eq!(poisons.open(2), None);
    }

    #[test]
    fn a_record_that_is_lost_is_in_nobodys_way() {
        let partition = PartitionId(0);
        let met = Fact::PoisonMet {
            process: None,
            partition,
            offset: 7,
        };
        for (lost, open) in [((4, 7), true), ((7, 9), false), ((8, 9), true)] {
            let mut poisons = Poisons::default();
            poisons.observe(SimTime::from_secs(5), &met);
            poisons.observe(
                SimTime::from_secs(9),
                &Fact::RecordsLost {
                    partition,
                    from: lost.0,
                    to: lost.1,
                },
            );
            assert_eq!(poisons.open(0).is_some(), open, "{lost:?}");
        }
    }
}
