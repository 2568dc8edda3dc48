//! Partitions as assignors sort them: by topic and number, which the dense ids of a run need not follow.

use std::collections::BTreeMap;

use crate::kafka::MemberId;
use crate::units::PartitionId;

use super::{Subscription, TopicPartitions};

/// A partition by topic and number, as Kafka's `TopicPartition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub topic: usize,
    pub number: usize,
}

/// All places of `topic`, ascending.
pub(super) fn places_of(
    topic: usize,
    topics: &[TopicPartitions],
) -> impl Iterator<Item = Place> + use<> {
    let count = topics.get(topic).map_or(0, |topic| topic.partitions.len());
    (0..count).map(move |number| Place { topic, number })
}

/// The place of every partition there is.
pub(super) fn places(topics: &[TopicPartitions]) -> BTreeMap<PartitionId, Place> {
    let all = (0..topics.len()).flat_map(|topic| places_of(topic, topics));
    all.map(|place| (topics[place.topic].partitions[place.number], place))
        .collect()
}

/// Per topic the ranks of its subscribers in `members`, ascending.
pub(super) fn subscribers(members: &[Subscription], topics: &[TopicPartitions]) -> Vec<Vec<usize>> {
    let of = |topic| {
        let subscribes = |rank: &usize| members[*rank].topics.contains(&topic);
        (0..members.len()).filter(subscribes).collect()
    };
    (0..topics.len()).map(of).collect()
}

/// What each member has got, by its rank in `members`, as ids in ascending order.
pub(super) fn ids(
    members: impl IntoIterator<Item = MemberId>,
    hands: impl IntoIterator<Item = Vec<Place>>,
    topics: &[TopicPartitions],
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let id = |place: Place| topics[place.topic].partitions[place.number];
    let hand = |hand: Vec<Place>| {
        let mut ids: Vec<PartitionId> = hand.into_iter().map(id).collect();
        ids.sort_unstable();
        ids
    };
    let hands = hands.into_iter().map(hand);
    members.into_iter().zip(hands).collect()
}
