//! The range assignor, per topic: consecutive runs, the remainder to the first members (`RangeAssignor`).

use std::collections::BTreeMap;

use crate::kafka::MemberId;
use crate::units::PartitionId;

/// With q = partitions / members and e = partitions % members, the first e members get q + 1, the others q.
pub(super) fn assign(sorted: &[MemberId], partitions: u32) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let Ok(members @ 1..) = u32::try_from(sorted.len()) else {
        return BTreeMap::new();
    };
    let (quota, remainder) = (partitions / members, partitions % members);
    let mut next = 0;
    let run = |(rank, member): (u32, &MemberId)| {
        let first = next;
        next += quota + u32::from(rank < remainder);
        (*member, (first..next).map(PartitionId).collect())
    };
    (0..).zip(sorted).map(run).collect()
}
