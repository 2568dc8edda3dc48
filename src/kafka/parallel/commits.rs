//! What a client asks of its pool as it commits: whether anything is new, and what there is to say. Not when it does.

use super::{Completed, Pool};
use crate::units::{PartitionId, SimTime};

impl Pool {
    /// Whether something was done since the last commit (`WorkManager#isDirty`).
    pub fn is_dirty(&self) -> bool {
        self.partitions.values().any(|tracked| tracked.dirty)
    }

    /// When records were last registered, or an attempt or a pause before one was over.
    pub fn moved_at(&self) -> SimTime {
        self.moved_at
    }

    /// What a commit of a partition says now, unless nothing was done of it since the last; it also decides whether the
    /// partition takes more records (`PartitionState#tryToEncodeOffsets`).
    pub fn commit_of(&mut self, partition: PartitionId) -> Option<(u64, Completed)> {
        let tracked = self.partitions.get_mut(&partition)?;
        if !std::mem::take(&mut tracked.dirty) {
            return None;
        }
        let (held, commit) = (!tracked.offsets.takes_more(), tracked.offsets.encode());
        if held && tracked.offsets.takes_more() {
            self.ready.extend(self.held.drain(..));
        }
        Some(commit)
    }

    /// Whether a record that has failed is what keeps a partition's commits.
    pub fn is_stuck(&self, partition: PartitionId) -> bool {
        let tracked = self.partitions.get(&partition);
        tracked.is_some_and(|own| self.failing.contains(&(partition, own.offsets.first())))
    }

    /// Records of a partition that were polled and are not done.
    pub fn in_hand(&self, partition: PartitionId, position: u64) -> u64 {
        let tracked = self.partitions.get(&partition);
        tracked.map_or(0, |tracked| tracked.offsets.incomplete_below(position))
    }
}
