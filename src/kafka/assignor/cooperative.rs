//! The cooperative-sticky assignor: the sticky target, less what has to be given up first (`CooperativeStickyAssignor`).

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::MemberId;
use crate::units::PartitionId;

use super::place::{Place, places};
use super::sticky::{self, Target};
use super::{Subscription, TopicPartitions};

/// Whatever goes from one live member to another is nobody's this time; the next rebalance gives it out (`#adjustAssignment`).
pub(super) fn assign(
    members: &[Subscription],
    topics: &[TopicPartitions],
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let mut target = sticky::assign(members, topics);
    let withheld = match target.transferred.take() {
        Some(transferred) => transferred,
        None => transferred(&target, topics),
    };
    for hand in &mut target.hands {
        hand.retain(|place| !withheld.contains(place));
    }
    target.ids(topics)
}

/// What is new to one member and taken from another (`#computePartitionsTransferringOwnership`).
fn transferred(target: &Target, topics: &[TopicPartitions]) -> BTreeSet<Place> {
    let places = places(topics);
    let (mut added, mut revoked) = (BTreeSet::new(), BTreeSet::new());
    for (member, hand) in target.members.iter().zip(&target.hands) {
        let owned = member.owned.iter().filter_map(|id| places.get(id));
        let owned: BTreeSet<Place> = owned.copied().collect();
        let hand: BTreeSet<Place> = hand.iter().copied().collect();
        added.extend(hand.difference(&owned).copied());
        revoked.extend(owned.difference(&hand).copied());
    }
    added.intersection(&revoked).copied().collect()
}
