use proptest::collection::btree_set;
use proptest::prelude::*;

use super::*;

/// `A012 B34 C-` as members and digits; a member's rank in the alphabet is its id, `AA` sorts between A and B.
fn written(assignment: &BTreeMap<MemberId, Vec<PartitionId>>) -> String {
    let words = assignment.iter().map(|(member, partitions)| {
        let digits = match partitions.as_slice() {
            [] => "-".to_owned(),
            some => some.iter().map(|p| p.0.to_string()).collect::<String>(),
        };
        format!("{}{digits}", name(*member))
    });
    words.collect::<Vec<_>>().join(" ")
}

const NAMES: [&str; 5] = ["A", "AA", "B", "C", "D"];

fn name(member: MemberId) -> &'static str {
    NAMES[usize::try_from(member.random).unwrap()]
}

fn member(random: u64) -> MemberId {
    MemberId { random, serial: 0 }
}

fn named(names: &str) -> Vec<MemberId> {
    let rank = |word| NAMES.iter().position(|name| *name == word).unwrap();
    names
        .split(' ')
        .map(|word| member(u64::try_from(rank(word)).unwrap()))
        .collect()
}

/// Worked examples run with Kafka's own classes: (event, members, partitions, range, roundrobin).
#[test]
fn worked_examples_of_kafkas_assignors() {
    let cases = [
        ("fresh", "A B C", 7, "A012 B34 C56", "A036 B14 C25"),
        ("B leaves", "A C", 7, "A0123 C456", "A0246 C135"),
        ("A leaves", "B C", 7, "B0123 C456", "B0246 C135"),
        ("D joins", "A B C D", 7, "A01 B23 C45 D6", "A04 B15 C26 D3"),
        (
            "AA joins",
            "A AA B C",
            7,
            "A01 AA23 B45 C6",
            "A04 AA15 B26 C3",
        ),
        ("7 to 9", "A B C", 9, "A012 B345 C678", "A036 B147 C258"),
        ("2 partitions", "A B C", 2, "A0 B1 C-", "A0 B1 C-"),
    ];
    for (event, members, partitions, range, roundrobin) in cases {
        let members = named(members);
        assert_eq!(
            written(&assign(Assignor::Range, &members, partitions)),
            range,
            "{event}"
        );
        assert_eq!(
            written(&assign(Assignor::RoundRobin, &members, partitions)),
            roundrobin,
            "{event}"
        );
    }
}

/// Partitions that have another owner, or one for the first time.
fn moved(assignor: Assignor, before: &[u64], after: &[u64]) -> usize {
    let owners = |members: &[u64]| {
        let members = members.iter().copied().map(member).collect::<Vec<_>>();
        let mut owner = BTreeMap::new();
        for (member, partitions) in assign(assignor, &members, 12) {
            owner.extend(partitions.into_iter().map(|partition| (partition, member)));
        }
        owner
    };
    let (before, after) = (owners(before), owners(after));
    after
        .iter()
        .filter(|(partition, owner)| before.get(partition) != Some(owner))
        .count()
}

/// 12 partitions, 4 members: Kafka's classes move 3, 9 and 4 (range), 8, 12 and 9 (roundrobin).
#[test]
fn a_new_member_that_sorts_first_shifts_everybody() {
    let group = [1, 2, 3, 4];
    let cases: [(&str, &[u64], usize, usize); 3] = [
        ("a fifth that sorts last", &[1, 2, 3, 4, 5], 3, 8),
        ("a fifth that sorts first", &[0, 1, 2, 3, 4], 9, 12),
        ("the second leaves", &[1, 3, 4], 4, 9),
    ];
    for (event, after, range, roundrobin) in cases {
        assert_eq!(moved(Assignor::Range, &group, after), range, "{event}");
        assert_eq!(
            moved(Assignor::RoundRobin, &group, after),
            roundrobin,
            "{event}"
        );
    }
}

#[test]
fn without_members_nobody_has_anything() {
    assert!(assign(Assignor::Range, &[], 7).is_empty());
    assert!(assign(Assignor::RoundRobin, &[], 7).is_empty());
}

proptest! {
    #[test]
    fn every_partition_has_one_owner_and_sizes_differ_by_at_most_one(
        ids in btree_set(any::<u64>(), 1..40),
        partitions in 0_u32..200,
        assignor in prop_oneof![Just(Assignor::Range), Just(Assignor::RoundRobin)],
    ) {
        let members = ids.iter().rev().copied().map(member).collect::<Vec<_>>();
        let assignment = assign(assignor, &members, partitions);
        let mut dealt = assignment.values().flatten().copied().collect::<Vec<_>>();
        dealt.sort_unstable();
        prop_assert_eq!(dealt, (0..partitions).map(PartitionId).collect::<Vec<_>>());
        prop_assert_eq!(assignment.len(), members.len());
        let sizes = assignment.values().map(Vec::len).collect::<Vec<_>>();
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        // The remainder goes to those who sort first.
        prop_assert!(sizes.is_sorted_by(|earlier, later| earlier >= later));
        prop_assert!(assignment.values().all(|partitions| partitions.is_sorted()));
    }

    #[test]
    fn range_gives_consecutive_runs_in_member_order(
        ids in btree_set(any::<u64>(), 1..40),
        partitions in 0_u32..200,
    ) {
        let members = ids.into_iter().map(member).collect::<Vec<_>>();
        let in_order = assign(Assignor::Range, &members, partitions).into_values().flatten();
        prop_assert!(in_order.eq((0..partitions).map(PartitionId)));
    }
}
