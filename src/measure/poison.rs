//! Which poison record a partition cannot get past.

use super::summary::OpenPoison;
use crate::sim::{Fact, PartitionState};
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
            _ => {}
        }
    }

    /// The record that is still in the way of `partition`.
    pub fn open(&self, partition: usize) -> Option<OpenPoison> {
        self.open.get(partition).copied().flatten()
    }

    /// The state of `partition` since an instant, given the `told` one. As long as it cannot get past a poison record
    /// it is blocked, whatever else befalls its owner: without evictions, rebalances or limits it would not move
    /// either, so none of them is the cause of its lag.
    pub fn state(&self, partition: usize, since: SimTime, told: PartitionState) -> PartitionState {
        match self.open(partition) {
            Some(open) if since.as_secs_f64() >= open.met_at_s => PartitionState::Blocked,
            _ => told,
        }
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
    use crate::units::{PartitionId, ProcessId};

    #[test]
    fn an_eviction_does_not_hide_the_poison_record_behind_it() {
        let met = |process| Fact::PoisonMet {
            process: ProcessId(process),
            partition: PartitionId(2),
            offset: 7,
        };
        let mut poisons = Poisons::default();
        poisons.observe(SimTime::from_secs(5), &met(0));
        poisons.observe(SimTime::from_secs(400), &met(1));
        assert_eq!(poisons.open(2).map(|open| open.met_at_s), Some(5.0));
        let state = |poisons: &Poisons, second| {
            poisons.state(2, SimTime::from_secs(second), PartitionState::Evicted)
        };
        assert_eq!(state(&poisons, 4), PartitionState::Evicted);
        assert_eq!(state(&poisons, 5), PartitionState::Blocked);
        assert_eq!(poisons.open(1), None);
        let given_up = Fact::PoisonGivenUp {
            process: ProcessId(1),
            partition: PartitionId(2),
            offset: 7,
            dead_lettered: true,
        };
        poisons.observe(SimTime::from_secs(500), &given_up);
        assert_eq!(state(&poisons, 600), PartitionState::Evicted);
    }
}
