//! How a member goes from what it has to its target (`CurrentAssignmentBuilder`).

use std::collections::BTreeSet;

use crate::units::PartitionId;

/// State of a member at the coordinator (`modern.MemberState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It has what the target of its epoch gives it.
    Stable,
    /// It has to give partitions up and stays in its epoch until a heartbeat says that it owns them no more.
    UnrevokedPartitions,
    /// It is in the target's epoch, but others still have some of its partitions. Each heartbeat gets what is free by then.
    UnreleasedPartitions,
}

/// What a member has: its current assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Current {
    pub epoch: i32,
    /// The epoch before: a heartbeat may still say it if the answer with the new one was lost.
    pub previous_epoch: i32,
    pub state: MemberState,
    pub assigned: BTreeSet<PartitionId>,
    pub pending_revocation: BTreeSet<PartitionId>,
}

impl Current {
    /// Of a member that has just joined.
    pub fn joining() -> Self {
        Current {
            epoch: 0,
            previous_epoch: 0,
            state: MemberState::Stable,
            assigned: BTreeSet::new(),
            pending_revocation: BTreeSet::new(),
        }
    }

    /// Whatever nobody else can get.
    pub fn held(&self) -> impl Iterator<Item = PartitionId> + '_ {
        self.assigned.union(&self.pending_revocation).copied()
    }

    /// Whether it is where the target of `target_epoch` wants it (`ConsumerGroupMember#isReconciledTo`).
    pub fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    /// The next step towards `target` of `target_epoch`, if there is one. `owned` is what the member says it owns, if it
    /// says so; `held` is what anybody holds.
    pub fn next(
        &self,
        target_epoch: i32,
        target: &[PartitionId],
        owned: Option<&[PartitionId]>,
        held: &BTreeSet<PartitionId>,
    ) -> Current {
        let owns_any = |revoked: &BTreeSet<PartitionId>| {
            owned.is_none_or(|owned| owned.iter().any(|id| revoked.contains(id)))
        };
        let epoch = match self.state {
            MemberState::Stable if self.epoch == target_epoch => return self.clone(),
            MemberState::UnrevokedPartitions if owns_any(&self.pending_revocation) => {
                return self.clone();
            }
            MemberState::UnrevokedPartitions => self.epoch + 1,
            MemberState::Stable | MemberState::UnreleasedPartitions => self.epoch,
        };
        let target: BTreeSet<PartitionId> = target.iter().copied().collect();
        let kept: BTreeSet<PartitionId> = self.assigned.intersection(&target).copied().collect();
        let revoked: BTreeSet<PartitionId> = self.assigned.difference(&target).copied().collect();
        if !revoked.is_empty() && owns_any(&revoked) {
            return Current {
                epoch,
                previous_epoch: self.epoch,
                state: MemberState::UnrevokedPartitions,
                assigned: kept,
                pending_revocation: revoked,
            };
        }
        let new = || target.difference(&kept).copied();
        let free = new().filter(|id| !held.contains(id));
        let unreleased = new().any(|id| held.contains(&id));
        Current {
            epoch: target_epoch,
            previous_epoch: self.epoch,
            state: match unreleased {
                true => MemberState::UnreleasedPartitions,
                false => MemberState::Stable,
            },
            assigned: kept.iter().copied().chain(free).collect(),
            pending_revocation: BTreeSet::new(),
        }
    }
}
