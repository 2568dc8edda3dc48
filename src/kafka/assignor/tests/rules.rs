//! What every assignment has to be, whoever the members are and whatever they own.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;

const CLIENTS: [Assignor; 4] = [
    Assignor::Range,
    Assignor::RoundRobin,
    Assignor::Sticky,
    Assignor::CooperativeSticky,
];
const SERVERS: [ServerAssignor; 2] = [ServerAssignor::Uniform, ServerAssignor::Range];

#[test]
fn without_members_nobody_has_anything() {
    let topics = [TopicPartitions {
        partitions: vec![PartitionId(0)],
    }];
    for assignor in CLIENTS {
        assert!(assign(assignor, &[], &topics).is_empty());
    }
    for assignor in SERVERS {
        assert!(target_assignment(assignor, &[], &topics).is_empty());
    }
}

#[test]
fn a_topic_nobody_subscribes_to_is_left_alone_even_if_somebody_owns_it() {
    let mut group = Group::new("A0/01 B1/2", &[4, 4]);
    for consumer in &mut group.consumers {
        consumer.topics = vec![0];
    }
    for assignor in CLIENTS {
        let dealt = group.assign(assignor);
        assert!(dealt.values().flatten().all(|id| id.0 < 4), "{assignor:?}");
        assert_eq!(dealt.values().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    }
    for assignor in SERVERS {
        let dealt = group.target(assignor);
        assert!(dealt.values().flatten().all(|id| id.0 < 4), "{assignor:?}");
        assert_eq!(dealt.values().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    }
}

/// Ids are numbered through as topics and partitions come to be, so those of a topic that grew are not in one run.
#[test]
fn numbers_count_and_not_ids() {
    let ids = |ids: &[u32]| TopicPartitions {
        partitions: ids.iter().copied().map(PartitionId).collect(),
    };
    let mut group = Group::new("A- B-", &[2, 2]);
    group.topics = vec![ids(&[0, 1, 5, 4]), ids(&[2, 3])];
    let written = |assignor| group.written(&group.assign(assignor));
    assert_eq!(written(Assignor::Range), "A01/0 B23/1");
    assert_eq!(written(Assignor::Sticky), "A02/0 B13/1");
    assert_eq!(
        group.assign(Assignor::Range)[&member("B")],
        [PartitionId(3), PartitionId(4), PartitionId(5)]
    );
}

#[test]
fn of_two_claims_the_later_generation_counts() {
    let mut group = Group::new("A012 B34 C2", &[6]);
    group.consumers[2].generation = Some(2);
    let sticky = |group: &Group| group.written(&group.assign(Assignor::Sticky));
    assert_eq!(sticky(&group), "A01 B34 C25");
    group.consumers[2].generation = None;
    assert_eq!(sticky(&group), "A01 B34 C25");
    group.consumers[2].owned.clear();
    assert_eq!(sticky(&group), "A01 B34 C25");
    group.consumers[0].generation = None;
    group.consumers[2].owned = group.consumers[0].owned.clone();
    group.consumers[2].generation = Some(1);
    assert_eq!(sticky(&group), "A25 B34 C01");
}

#[test]
fn what_two_members_of_one_generation_claim_is_nobodys_for_a_round() {
    let group = Group::new("A01 B12 C-", &[6]);
    let dealt = group.assign(Assignor::CooperativeSticky);
    assert!(!dealt.values().flatten().any(|id| *id == PartitionId(1)));
    assert_eq!(group.written(&dealt), "A0 B23 C45");
}

/// Members with any subscriptions and claims, over topics of any size.
fn groups(alike: bool) -> impl Strategy<Value = Group> {
    let sizes = vec(0_u32..9, 1..4);
    let members = btree_set(0_u64..1000, 1..7);
    (sizes, members, any::<[u64; 7]>(), any::<[u64; 7]>()).prop_map(
        move |(sizes, members, claims, wishes)| {
            let mut group = Group::new("A-", &sizes);
            let total: u32 = sizes.iter().sum();
            let every: Vec<usize> = (0..sizes.len()).collect();
            let consumer = |(ix, random): (usize, u64)| Consumer {
                member: MemberId { random, serial: 0 },
                instance: None,
                topics: match alike {
                    true => every.clone(),
                    false => {
                        let wished = |topic: &usize| wishes[ix] >> topic & 1 == 1;
                        every.iter().copied().filter(wished).collect()
                    }
                },
                owned: (0..total)
                    .filter(|id| claims[ix] >> (2 * id) & 3 == 3)
                    .map(PartitionId)
                    .collect(),
                generation: Some(u32::try_from(claims[ix] >> 60 & 1).unwrap()),
            };
            group.consumers = members.into_iter().enumerate().map(consumer).collect();
            group
        },
    )
}

impl Group {
    /// Nobody owns what another one owns.
    fn settle_claims(&mut self) {
        let mut taken = BTreeSet::new();
        for consumer in &mut self.consumers {
            consumer.owned.retain(|id| taken.insert(*id));
            consumer.generation = Some(1);
        }
    }

    fn subscribed(&self) -> BTreeSet<PartitionId> {
        let topics = self.consumers.iter().flat_map(|one| &one.topics);
        let partitions = topics.flat_map(|topic| &self.topics[*topic].partitions);
        partitions.copied().collect()
    }

    /// Everyone has an entry and gets only what they subscribe to, and nobody what another one gets; all that is dealt.
    fn check(&self, dealt: &BTreeMap<MemberId, Vec<PartitionId>>) -> BTreeSet<PartitionId> {
        assert_eq!(dealt.len(), self.consumers.len());
        let mut all = BTreeSet::new();
        for consumer in &self.consumers {
            let topics = consumer.topics.iter().map(|topic| &self.topics[*topic]);
            let may: BTreeSet<PartitionId> = topics
                .flat_map(|topic| topic.partitions.iter().copied())
                .collect();
            let hand = &dealt[&consumer.member];
            assert!(hand.is_sorted());
            for id in hand {
                assert!(may.contains(id), "{id:?} is not subscribed to");
                assert!(all.insert(*id), "{id:?} has two owners");
            }
        }
        all
    }

    fn sizes(dealt: &BTreeMap<MemberId, Vec<PartitionId>>) -> (usize, usize) {
        let sizes = || dealt.values().map(Vec::len);
        (sizes().min().unwrap(), sizes().max().unwrap())
    }

    /// How many partitions stay where they are.
    fn kept(&self, dealt: &BTreeMap<MemberId, Vec<PartitionId>>) -> usize {
        let kept = |one: &Consumer| {
            let hand = &dealt[&one.member];
            one.owned.iter().filter(|id| hand.contains(id)).count()
        };
        self.consumers.iter().map(kept).sum()
    }

    /// Most that could stay if nobody may have more than an even split gives them.
    fn most_kept(&self) -> usize {
        let (all, members) = (self.subscribed().len(), self.consumers.len());
        let (least, extra) = (all / members, all % members);
        let kept = self.consumers.iter().map(|one| one.owned.len().min(least));
        let over = self.consumers.iter().filter(|one| one.owned.len() > least);
        kept.sum::<usize>() + over.count().min(extra)
    }
}

proptest! {
    #[test]
    fn every_partition_has_one_owner(group in any::<bool>().prop_flat_map(groups)) {
        for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky] {
            prop_assert_eq!(group.check(&group.assign(assignor)), group.subscribed());
        }
    }

    #[test]
    fn every_partition_of_a_consumer_group_has_one_owner(
        mut group in any::<bool>().prop_flat_map(groups),
    ) {
        group.settle_claims();
        for assignor in SERVERS {
            prop_assert_eq!(group.check(&group.target(assignor)), group.subscribed());
        }
    }

    #[test]
    fn an_even_split_differs_by_one_at_most(mut group in groups(true)) {
        let topics = group.topics.len();
        for assignor in [Assignor::RoundRobin, Assignor::Sticky] {
            let (least, most) = Group::sizes(&group.assign(assignor));
            prop_assert!(most - least <= 1);
        }
        let (least, most) = Group::sizes(&group.assign(Assignor::Range));
        prop_assert!(most - least <= topics);
        group.settle_claims();
        let (least, most) = Group::sizes(&group.target(ServerAssignor::Uniform));
        prop_assert!(most - least <= 1);
    }

    #[test]
    fn no_move_would_improve_a_sticky_assignment_of_differing_subscriptions(group in groups(false)) {
        let dealt = group.assign(Assignor::Sticky);
        for giver in &group.consumers {
            for id in &dealt[&giver.member] {
                for taker in &group.consumers {
                    let topic = group.topics.iter().position(|one| one.partitions.contains(id));
                    let may = taker.topics.contains(&topic.unwrap());
                    let (has, gets) = (dealt[&giver.member].len(), dealt[&taker.member].len());
                    prop_assert!(!may || has <= gets + 1, "{:?}", group.written(&dealt));
                }
            }
        }
    }

    #[test]
    fn sticky_keeps_as_much_as_an_even_split_allows(mut group in groups(true)) {
        group.settle_claims();
        let dealt = group.assign(Assignor::Sticky);
        prop_assert_eq!(group.kept(&dealt), group.most_kept());
    }

    #[test]
    fn a_sticky_assignment_once_taken_stays(mut group in any::<bool>().prop_flat_map(groups)) {
        group.take(&group.assign(Assignor::Sticky));
        let dealt = group.assign(Assignor::Sticky);
        prop_assert_eq!(group.kept(&dealt), group.subscribed().len());
    }

    #[test]
    fn a_uniform_assignment_once_taken_stays(mut group in any::<bool>().prop_flat_map(groups)) {
        group.settle_claims();
        group.take(&group.target(ServerAssignor::Uniform));
        let dealt = group.target(ServerAssignor::Uniform);
        prop_assert_eq!(group.kept(&dealt), group.subscribed().len());
    }

    #[test]
    fn a_cooperative_round_moves_nothing_from_one_member_to_another(
        mut group in any::<bool>().prop_flat_map(groups),
    ) {
        group.settle_claims();
        let dealt = group.assign(Assignor::CooperativeSticky);
        group.check(&dealt);
        for owner in &group.consumers {
            for other in group.consumers.iter().filter(|other| other.member != owner.member) {
                prop_assert!(dealt[&other.member].iter().all(|id| !owner.owned.contains(id)));
            }
        }
    }

    #[test]
    fn cooperative_rounds_are_through_after_two(mut group in groups(true)) {
        group.settle_claims();
        group.take(&group.assign(Assignor::CooperativeSticky));
        let second = group.assign(Assignor::CooperativeSticky);
        prop_assert_eq!(group.check(&second), group.subscribed());
        group.take(&second);
        prop_assert_eq!(group.assign(Assignor::CooperativeSticky), second);
    }

    /// What was withheld goes to whoever has least, which may call for another move.
    #[test]
    fn cooperative_rounds_of_differing_subscriptions_come_to_an_end(mut group in groups(false)) {
        group.settle_claims();
        for _ in 0..4 {
            group.take(&group.assign(Assignor::CooperativeSticky));
        }
        let last = group.assign(Assignor::CooperativeSticky);
        prop_assert_eq!(group.check(&last), group.subscribed());
        prop_assert_eq!(group.kept(&last), group.subscribed().len());
    }

    #[test]
    fn the_order_of_members_matters_to_uniform_alone(
        mut group in any::<bool>().prop_flat_map(groups),
    ) {
        group.settle_claims();
        let dealt = |group: &Group| CLIENTS.map(|assignor| group.assign(assignor));
        let (before, range) = (dealt(&group), group.target(ServerAssignor::Range));
        group.consumers.reverse();
        prop_assert_eq!(dealt(&group), before);
        prop_assert_eq!(group.target(ServerAssignor::Range), range);
    }
}
