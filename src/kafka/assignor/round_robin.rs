//! The round-robin assignor: one card each, in member order, until none is left (`RoundRobinAssignor`).

use std::collections::BTreeMap;

use crate::kafka::MemberId;
use crate::units::PartitionId;

use super::place::{ids, places_of, subscribers};
use super::{Subscription, TopicPartitions};

/// One circular deal over all topics; who does not subscribe is passed over and has lost the turn.
pub(super) fn assign(
    sorted: &[Subscription],
    topics: &[TopicPartitions],
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let mut hands = vec![Vec::new(); sorted.len()];
    let mut next = 0;
    for (topic, subscribers) in subscribers(sorted, topics).iter().enumerate() {
        for place in places_of(topic, topics) {
            // The first subscriber from `next` on, around the table.
            let ahead = subscribers.iter().find(|member| **member >= next);
            let Some(member) = ahead.or(subscribers.first()) else {
                break;
            };
            hands[*member].push(place);
            next = (member + 1) % sorted.len();
        }
    }
    ids(sorted.iter().map(|member| member.member), hands, topics)
}
