//! Every line was run with the classes of Kafka 4.0 that it names.

use super::*;

fn client(members: &str, counts: &[u32], assignor: Assignor) -> String {
    let group = Group::new(members, counts);
    group.written(&group.assign(assignor))
}

fn server(members: &str, counts: &[u32], assignor: ServerAssignor) -> String {
    let group = Group::new(members, counts);
    group.written(&group.target(assignor))
}

/// One topic; (event, members, partitions, assignment).
type Case = (&'static str, &'static str, u32, &'static str);

#[test]
fn range_gives_consecutive_runs() {
    let cases: [Case; 7] = [
        ("fresh", "A- B- C-", 7, "A012 B34 C56"),
        ("B leaves", "A012 C56", 7, "A0123 C456"),
        ("A leaves", "B34 C56", 7, "B0123 C456"),
        ("D joins", "A012 B34 C56 D-", 7, "A01 B23 C45 D6"),
        ("AA joins", "A012 B34 C56 AA-", 7, "A01 AA23 B45 C6"),
        ("7 to 9", "A012 B34 C56", 9, "A012 B345 C678"),
        ("2 partitions", "A- B- C-", 2, "A0 B1 C-"),
    ];
    for (event, members, count, expected) in cases {
        assert_eq!(
            client(members, &[count], Assignor::Range),
            expected,
            "{event}"
        );
        // The server's deals likewise.
        assert_eq!(
            server(members, &[count], ServerAssignor::Range),
            expected,
            "{event}"
        );
    }
}

#[test]
fn roundrobin_deals_one_by_one() {
    let cases: [Case; 7] = [
        ("fresh", "A- B- C-", 7, "A036 B14 C25"),
        ("B leaves", "A036 C25", 7, "A0246 C135"),
        ("A leaves", "B14 C25", 7, "B0246 C135"),
        ("D joins", "A036 B14 C25 D-", 7, "A04 B15 C26 D3"),
        ("AA joins", "A036 B14 C25 AA-", 7, "A04 AA15 B26 C3"),
        ("7 to 9", "A036 B14 C25", 9, "A036 B147 C258"),
        ("2 partitions", "A- B- C-", 2, "A0 B1 C-"),
    ];
    for (event, members, count, expected) in cases {
        assert_eq!(
            client(members, &[count], Assignor::RoundRobin),
            expected,
            "{event}"
        );
    }
}

#[test]
fn sticky_keeps_what_an_even_split_allows() {
    let cases: [Case; 7] = [
        ("fresh", "A- B- C-", 7, "A036 B14 C25"),
        ("B leaves", "A036 C25", 7, "A0346 C125"),
        ("A leaves", "B14 C25", 7, "B0146 C235"),
        ("D joins", "A036 B14 C25 D-", 7, "A03 B14 C25 D6"),
        ("AA joins", "A036 B14 C25 AA-", 7, "A03 AA6 B14 C25"),
        ("7 to 9", "A036 B14 C25", 9, "A036 B147 C258"),
        ("2 partitions", "A- B- C-", 2, "A0 B1 C-"),
    ];
    for (event, members, count, expected) in cases {
        assert_eq!(
            client(members, &[count], Assignor::Sticky),
            expected,
            "{event}"
        );
    }
}

/// KIP-848; members in the order A, B, C, D.
#[test]
fn uniform_keeps_a_quota_that_goes_by_order() {
    let cases: [Case; 6] = [
        ("fresh", "A- B- C-", 7, "A012 B34 C56"),
        ("B leaves", "A012 C56", 7, "A0123 C456"),
        ("A leaves", "B34 C56", 7, "B0134 C256"),
        ("D joins", "A012 B34 C56 D-", 7, "A01 B34 C56 D2"),
        ("7 to 9", "A012 B34 C56", 9, "A012 B347 C568"),
        ("2 partitions", "A- B- C-", 2, "A0 B1 C-"),
    ];
    for (event, members, count, expected) in cases {
        assert_eq!(
            server(members, &[count], ServerAssignor::Uniform),
            expected,
            "{event}"
        );
    }
}

#[test]
fn a_cooperative_join_takes_two_rounds() {
    let cooperative = |members| client(members, &[7], Assignor::CooperativeSticky);
    assert_eq!(cooperative("A036 B14 C25 D-"), "A03 B14 C25 D-");
    assert_eq!(cooperative("A03 B14 C25 D-"), "A03 B14 C25 D6");
    // B is gone: what nobody owns goes out at once.
    assert_eq!(cooperative("A036 C25"), "A0346 C125");
    // And comes back as B2.
    assert_eq!(cooperative("A0346 B2- C125"), "A034 B2- C12");
    assert_eq!(cooperative("A034 B2- C12"), "A034 B256 C12");
}

#[test]
fn a_consumer_group_that_grows_splits_under_uniform() {
    let (uniform, range) = (ServerAssignor::Uniform, ServerAssignor::Range);
    let grow = |assignor| ["A-", "A0123456 B-"].map(|members| server(members, &[7], assignor));
    assert_eq!(grow(uniform), ["A0123456", "A0123 B456"]);
    assert_eq!(server("A0123 B456 C-", &[7], uniform), "A012 B45 C36");
    assert_eq!(grow(range), ["A0123456", "A0123 B456"]);
    assert_eq!(server("A0123 B456 C-", &[7], range), "A012 B34 C56");
}

#[test]
fn uniform_in_another_order_of_members_moves_without_need() {
    assert_eq!(
        server("A012 B34 C56", &[7], ServerAssignor::Uniform),
        "A012 B34 C56"
    );
    assert_eq!(
        server("C56 B34 A012", &[7], ServerAssignor::Uniform),
        "A01 B34 C256"
    );
}

#[test]
fn two_topics_are_dealt_apart_by_range_and_together_by_the_others() {
    let fresh = "A- B- C-";
    let both = [7, 7];
    assert_eq!(
        client(fresh, &both, Assignor::Range),
        "A012/012 B34/34 C56/56"
    );
    let turns = "A036/25 B14/036 C25/14";
    assert_eq!(client(fresh, &both, Assignor::RoundRobin), turns);
    assert_eq!(client(fresh, &both, Assignor::Sticky), turns);
    assert_eq!(
        server(fresh, &both, ServerAssignor::Range),
        "A012/012 B34/34 C56/56"
    );
    assert_eq!(
        server(fresh, &both, ServerAssignor::Uniform),
        "A01234/ B56/012 C/3456"
    );
}

#[test]
fn topics_of_one_partition_pile_up_on_the_first_member_under_range() {
    let (fresh, three) = ("A- B- C-", [1, 1, 1]);
    assert_eq!(client(fresh, &three, Assignor::Range), "A0/0/0 B- C-");
    assert_eq!(
        client(fresh, &three, Assignor::RoundRobin),
        "A0// B/0/ C//0"
    );
    assert_eq!(client(fresh, &three, Assignor::Sticky), "A0// B/0/ C//0");
}

#[test]
fn members_that_subscribe_to_less_get_less() {
    let mut group = Group::new("A- B- C-", &[7, 7]);
    group.consumers[0].topics = vec![0];
    let written = |assignor| group.written(&group.assign(assignor));
    assert_eq!(written(Assignor::Range), "A012/ B34/0123 C56/456");
    assert_eq!(written(Assignor::RoundRobin), "A036/ B14/0246 C25/135");
    assert_eq!(written(Assignor::Sticky), "A01235/ B6/0246 C4/135");
    assert_eq!(
        group.written(&group.target(ServerAssignor::Range)),
        "A012/ B34/0123 C56/456"
    );
}

/// `01 1`: the first member subscribes to both topics, the second to the second one.
fn subscribing(members: &str, counts: &[u32], topics: &str) -> Group {
    let mut group = Group::new(members, counts);
    for (consumer, topics) in group.consumers.iter_mut().zip(topics.split(' ')) {
        let digits = topics.chars().filter_map(|c| c.to_digit(10));
        consumer.topics = digits
            .map(|digit| usize::try_from(digit).unwrap())
            .collect();
    }
    group
}

#[test]
fn differing_subscriptions_move_what_evens_out_and_no_more() {
    let sticky = [
        (
            "A/245 B012367/0 C4/6 D-",
            [8, 7],
            "0 0 01 0",
            "A145/ B367/ C/0123456 D02/",
        ),
        ("A123/2345 B/0 C/1", [4, 6], "01 01 1", "A3/345 B012/ C/012"),
        (
            "A24/13 B03/ C5/0 D/2",
            [6, 5],
            "1 01 1 1",
            "A/13 B012345/ C/04 D/2",
        ),
        (
            "A35/0 B0246/13 C1/",
            [7, 4],
            "01 1 01",
            "A345/0 B/123 C0126/",
        ),
    ];
    for (members, counts, topics, expected) in sticky {
        let group = subscribing(members, &counts, topics);
        assert_eq!(
            group.written(&group.assign(Assignor::Sticky)),
            expected,
            "{members}"
        );
    }
    let uniform = [
        (
            "A135/ B/023 C/1 D0/",
            [8, 4],
            "0 1 1 01",
            "A1357/ B/02 C/13 D0246/",
        ),
        (
            "A02356/ B4/1 C1/",
            [7, 6],
            "0 01 0",
            "A0235/ B/012345 C146/",
        ),
    ];
    for (members, counts, topics, expected) in uniform {
        let group = subscribing(members, &counts, topics);
        assert_eq!(
            group.written(&group.target(ServerAssignor::Uniform)),
            expected,
            "{members}"
        );
    }
}

#[test]
fn static_members_come_first_in_the_order_of_their_instance_ids() {
    let mut group = Group::new("A- B- C-", &[7]);
    group.consumers[0].instance = Some("z".to_owned());
    group.consumers[1].instance = Some("y".to_owned());
    assert_eq!(
        group.written(&group.assign(Assignor::Range)),
        "A34 B012 C56"
    );
    assert_eq!(
        group.written(&group.assign(Assignor::RoundRobin)),
        "A14 B036 C25"
    );
    assert_eq!(
        group.written(&group.target(ServerAssignor::Range)),
        "A34 B012 C56"
    );
    // Sticky assignors deal by member id.
    assert_eq!(
        group.written(&group.assign(Assignor::Sticky)),
        "A036 B14 C25"
    );
}

/// Partitions that have another owner than before.
fn moved(assignor: Assignor, before: &str, after: &str) -> usize {
    let mut group = Group::new(before, &[12]);
    group.take(&group.assign(assignor));
    let owned: Vec<Consumer> = group.consumers.clone();
    group.own(after);
    for consumer in &mut group.consumers {
        if let Some(known) = owned.iter().find(|known| known.member == consumer.member) {
            *consumer = known.clone();
        }
    }
    let had = |member: MemberId, id: &PartitionId| {
        let before = owned.iter().find(|known| known.member == member);
        before.is_some_and(|known| known.owned.contains(id))
    };
    let assignment = group.assign(assignor);
    let pairs = assignment
        .iter()
        .flat_map(|(member, ids)| ids.iter().map(|id| (*member, id)));
    pairs.filter(|(member, id)| !had(*member, id)).count()
}

/// 12 partitions, 4 members: what range, roundrobin and sticky move.
#[test]
fn a_new_member_that_sorts_first_shifts_everybody_but_the_sticky() {
    let cases = [
        ("a fifth that sorts last", "A- B- C- D- E-", [3, 8, 2]),
        ("a fifth that sorts first", "A- B- C- D- E-", [9, 12, 2]),
        ("the second leaves", "A- C- D-", [4, 9, 3]),
    ];
    for (event, after, expected) in cases {
        let before = match event {
            "a fifth that sorts first" => "B- C- D- E-",
            _ => "A- B- C- D-",
        };
        let moves = [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky]
            .map(|assignor| moved(assignor, before, after));
        assert_eq!(moves, expected, "{event}");
    }
}
