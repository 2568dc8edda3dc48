//! Several records of a batch worked on at the same time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Batch, Workshop};
use crate::units::SimDuration;

impl Batch {
    /// Several records at a time: the next record goes to whoever is free first.
    pub(super) fn overlap(&mut self, concurrency: u32, shop: &mut Workshop) {
        let records: u64 = self
            .planned()
            .iter()
            .map(|stage| (stage.to - stage.from).max(1))
            .sum();
        let lanes = u64::from(concurrency).min(records).max(1) as usize;
        let mut free = BinaryHeap::from(vec![Reverse(SimDuration::ZERO); lanes]);
        let mut before = SimDuration::ZERO;
        let mut last = SimDuration::ZERO;
        for index in self.planned_from..self.stages.len() {
            let stage = self.stages[index];
            let mut assign = |length: SimDuration| {
                let Some(Reverse(start)) = free.pop() else {
                    return;
                };
                last = last.max(start + length);
                free.push(Reverse(start + length));
            };
            if stage.is_stretch() {
                for offset in stage.from..stage.to {
                    assign(self.work_of(&stage, offset, offset + 1, shop));
                }
            } else {
                assign(stage.ends.saturating_sub(before));
            }
            before = stage.ends;
            self.stages[index].ends = last;
        }
        self.callers = lanes as u32;
        self.alone = last;
    }
}
