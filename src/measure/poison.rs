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
