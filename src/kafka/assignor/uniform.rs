//! The uniform assignor of KIP-848 for members of one subscription (`UniformHomogeneousAssignmentBuilder`).

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::MemberId;
use crate::units::PartitionId;

use super::place::{Place, ids, places, places_of};
use super::{Subscription, TopicPartitions};

/// The first members get the remainder of an even split, whatever they have. Each keeps its first partitions up to its
/// quota; who has room takes a run of those that are free, then of those that others have too many of.
pub(super) fn assign(
    members: &[Subscription],
    topics: &[TopicPartitions],
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let mut subscribed: Vec<usize> = members.first().map_or(&[][..], |one| one.topics).to_vec();
    subscribed.sort_unstable();
    let places = places(topics);
    let owned = |member: &Subscription| -> BTreeSet<Place> {
        let owned = member.owned.iter().filter_map(|id| places.get(id));
        owned
            .filter(|place| subscribed.contains(&place.topic))
            .copied()
            .collect()
    };
    let taken: BTreeSet<Place> = members.iter().flat_map(owned).collect();
    let all = || {
        subscribed
            .iter()
            .flat_map(|topic| places_of(*topic, topics))
    };
    let total = all().count();
    let mut free: Vec<Place> = all().filter(|place| !taken.contains(place)).collect();
    let quota = |rank| total / members.len() + usize::from(rank < total % members.len());
    let mut hands = Vec::new();
    for (rank, member) in members.iter().enumerate() {
        let mut kept: Vec<Place> = owned(member).into_iter().collect();
        free.extend(kept.drain(quota(rank).min(kept.len())..));
        hands.push(kept);
    }
    let mut free = free.into_iter();
    for (rank, hand) in hands.iter_mut().enumerate() {
        let room = quota(rank) - hand.len();
        hand.extend(free.by_ref().take(room));
    }
    ids(members.iter().map(|member| member.member), hands, topics)
}
