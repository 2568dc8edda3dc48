//! The round-robin assignor: one card each, in member order, until none is left (`RoundRobinAssignor`).

use std::collections::BTreeMap;

use crate::kafka::MemberId;
use crate::units::PartitionId;

/// Partition p goes to member p mod members.
pub(super) fn assign(sorted: &[MemberId], partitions: u32) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let hand = |(rank, member): (u32, &MemberId)| {
        let cards = (rank..partitions)
            .step_by(sorted.len())
            .map(PartitionId)
            .collect();
        (*member, cards)
    };
    (0..).zip(sorted).map(hand).collect()
}
