//! Assignors: pure functions from members and partitions to an assignment. They know no group and no previous owner.

mod range;
mod round_robin;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::units::PartitionId;

use super::MemberId;
use super::properties::Assignor;

/// Deals the partitions 0 to `partitions` - 1 of one topic to `members`, whatever order they come in: assignors
/// sort by member id (`AbstractPartitionAssignor.MemberInfo#compareTo`). Every member has an entry, empty
/// if it is idle; without members nobody has anything.
pub fn assign(
    assignor: Assignor,
    members: &[MemberId],
    partitions: u32,
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    match assignor {
        Assignor::Range => range::assign(&sorted, partitions),
        Assignor::RoundRobin => round_robin::assign(&sorted, partitions),
    }
}
