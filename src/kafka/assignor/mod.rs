//! Assignors: pure functions from members, what they own, and partitions to an assignment. They know no group: who the
//! members are and whose claim to a partition is old, the caller says.

mod cooperative;
mod general;
mod heterogeneous;
mod place;
mod range;
mod round_robin;
mod sticky;
mod uniform;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::units::PartitionId;

use super::MemberId;
use super::properties::{Assignor, ServerAssignor};

/// A member as an assignor sees it: what its subscription and, for sticky ones, its user data say.
#[derive(Clone, Copy, Debug)]
pub struct Subscription<'a> {
    /// The member.
    pub member: MemberId,
    /// `group.instance.id`, if it is a static member.
    pub instance: Option<&'a str>,
    /// The topics it subscribes to, each once: indexes into the topics given.
    pub topics: &'a [usize],
    /// What it says it owns; for a server-side assignor its present target. Range and roundrobin do not look at it.
    pub owned: &'a [PartitionId],
    /// Of what generation `owned` is: of two members that claim a partition the later one has it. `None`: it never had any.
    pub generation: Option<u32>,
}

/// The partitions of one topic, in order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPartitions {
    /// Partition n of the topic at index n.
    pub partitions: Vec<PartitionId>,
}

/// The assignment that the leader of a classic group makes. Neither the order of `members` nor that of `owned` matters;
/// that of `topics` is the order of their names. Every member has an entry, in ascending order of ids and empty
/// if it is idle. Every partition of a subscribed topic is in one of them; with cooperative-sticky, one that has to
/// be given up first is in none (`CooperativeStickyAssignor#adjustAssignment`).
pub fn assign(
    assignor: Assignor,
    members: &[Subscription],
    topics: &[TopicPartitions],
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    match assignor {
        Assignor::Range => range::assign(&static_first(members), topics),
        Assignor::RoundRobin => round_robin::assign(&static_first(members), topics),
        Assignor::Sticky => sticky::assign(members, topics).ids(topics),
        Assignor::CooperativeSticky => cooperative::assign(members, topics),
    }
}

/// The target assignment that the coordinator of a consumer group (KIP-848) makes. The result is as that of [`assign`].
///
/// Uniform keeps what members have and prefers those that come first in `members`, both for what is left over by an
/// even split and for what is free: Kafka takes the order of a hash map, so any order is one that Kafka might take,
/// and a caller that wants few moves keeps to one. Range has an order of its own and is not sticky.
pub fn target_assignment(
    assignor: ServerAssignor,
    members: &[Subscription],
    topics: &[TopicPartitions],
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    match assignor {
        // `group.assignor.RangeAssignor` deals as the client's does and in the same order (`#sortMemberIds`).
        ServerAssignor::Range => range::assign(&static_first(members), topics),
        ServerAssignor::Uniform if subscribe_alike(members) => uniform::assign(members, topics),
        ServerAssignor::Uniform => heterogeneous::assign(members, topics),
    }
}

/// Static members by instance id, then dynamic ones by member id (`AbstractPartitionAssignor.MemberInfo#compareTo`).
fn static_first<'a>(members: &[Subscription<'a>]) -> Vec<Subscription<'a>> {
    let mut sorted = members.to_vec();
    sorted.sort_by_key(|member| (member.instance.is_none(), member.instance, member.member));
    sorted
}

/// Whether all members subscribe to the same topics.
fn subscribe_alike(members: &[Subscription]) -> bool {
    let sorted = |member: &Subscription| {
        let mut topics = member.topics.to_vec();
        topics.sort_unstable();
        topics
    };
    members
        .windows(2)
        .all(|pair| sorted(&pair[0]) == sorted(&pair[1]))
}
