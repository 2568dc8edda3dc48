//! The range assignor: each topic by itself, in consecutive runs, the remainder to the first members (`RangeAssignor`).

use std::collections::BTreeMap;

use crate::kafka::MemberId;
use crate::units::PartitionId;

use super::place::{ids, places_of, subscribers};
use super::{Subscription, TopicPartitions};

/// With q = partitions / subscribers and e = partitions % subscribers, the first e subscribers get q + 1, the others q.
pub(super) fn assign(
    sorted: &[Subscription],
    topics: &[TopicPartitions],
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let mut hands = vec![Vec::new(); sorted.len()];
    for (topic, subscribers) in subscribers(sorted, topics).iter().enumerate() {
        let mut rest = places_of(topic, topics);
        let count = places_of(topic, topics).count();
        for (turn, member) in subscribers.iter().enumerate() {
            let quota = count / subscribers.len() + usize::from(turn < count % subscribers.len());
            hands[*member].extend(rest.by_ref().take(quota));
        }
    }
    ids(sorted.iter().map(|member| member.member), hands, topics)
}
