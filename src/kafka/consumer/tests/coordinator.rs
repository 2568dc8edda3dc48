//! What the coordinator answers, request by request.

use super::*;

fn new_group() -> ConsumerGroup {
    ConsumerGroup::new(ConsumerGroupSettings::default(), topics(7))
}

fn send(group: &mut ConsumerGroup, request: Heartbeat) -> Response {
    send_at(group, 0, request).0
}

/// The answer, and what was armed.
fn send_at(
    group: &mut ConsumerGroup,
    at: u64,
    request: Heartbeat,
) -> (Response, Option<(SimTime, RevocationTimer)>) {
    let mut effects = Vec::new();
    group.step(
        SimTime::from_secs(at),
        Input::Heartbeat(request),
        &mut effects,
    );
    let armed = effects.iter().find_map(|effect| match effect {
        Effect::Arm { at, timer } => Some((*at, *timer)),
        _ => None,
    });
    match effects.pop() {
        Some(Effect::Respond { response, .. }) => (response, armed),
        other => panic!("the answer comes last, not {other:?}"),
    }
}

/// Epoch and assignment: `3 012`, `3 -` for none at all, `3` if it is not told.
fn told(response: &Response) -> String {
    match response {
        Response::Heartbeat {
            epoch, assignment, ..
        } => match assignment {
            None => epoch.to_string(),
            Some(none) if none.is_empty() => format!("{epoch} -"),
            Some(some) => format!("{epoch} {}", written(some.iter().copied())),
        },
        Response::Left => "left".to_owned(),
        Response::Error(error) => format!("{error:?}"),
    }
}

fn table(group: &mut ConsumerGroup, rows: &[(Heartbeat, &str)]) {
    for (row, (request, expected)) in rows.iter().enumerate() {
        let response = send(group, request.clone());
        assert_eq!(told(&response), *expected, "row {row}: {request:?}");
    }
}

#[test]
fn a_partition_goes_over_when_its_owner_says_that_it_owns_it_no_more() {
    let mut group = new_group();
    table(
        &mut group,
        &[
            (join('A'), "1 0123456"),
            (acknowledge('A', 1, "0123456"), "1"),
            (join('B'), "2 -"),
            (acknowledge('B', 2, ""), "2"),
            // It stays in its epoch until it has given up.
            (beat('A', 1), "1 0123"),
            (beat('B', 2), "2"),
            // Neither silence nor a list with one of them will do.
            (beat('A', 1), "1"),
            (acknowledge('A', 1, "01236"), "1"),
            (beat('B', 2), "2"),
            (acknowledge('A', 1, "0123"), "2"),
            (beat('B', 2), "2 456"),
            (acknowledge('B', 2, "456"), "2"),
        ],
    );
    assert_eq!(group.state(), ConsumerGroupState::Stable);
}

#[test]
fn what_is_free_is_given_at_once_and_the_rest_as_it_comes() {
    let mut group = new_group();
    table(
        &mut group,
        &[
            (join('A'), "1 0123456"),
            (join('B'), "2 -"),
            (join('C'), "3 -"),
            (beat('A', 1), "1 012"),
            (acknowledge('A', 1, "012"), "3"),
            (beat('C', 3), "3 36"),
            (beat('B', 2), "3 45"),
        ],
    );
    // B leaves before C has taken anything of it: C's share of the new target is free.
    let leave = beat('B', LEAVE_EPOCH);
    table(
        &mut group,
        &[
            (leave, "left"),
            (beat('C', 3), "4 356"),
            (beat('A', 3), "4 0124"),
        ],
    );
}

#[test]
fn a_target_that_changes_meanwhile_is_followed_from_where_one_is() {
    let mut group = new_group();
    table(
        &mut group,
        &[
            (join('A'), "1 0123456"),
            (join('B'), "2 -"),
            (beat('A', 1), "1 0123"),
            (join('C'), "3 -"),
            // Through with the first revocation, it has to give up more.
            (acknowledge('A', 1, "0123"), "2 012"),
            (acknowledge('A', 2, "012"), "3"),
        ],
    );
    assert_eq!(group.member_state(id('A')), Some(MemberState::Stable));
}

#[test]
fn strangers_and_wrong_epochs_are_refused() {
    let mut group = new_group();
    let bare_join = Heartbeat {
        subscribed: None,
        ..join('A')
    };
    let join_with_something = Heartbeat {
        owned: Some(ids("0")),
        ..join('A')
    };
    table(
        &mut group,
        &[
            (beat('A', 1), "UnknownMemberId"),
            (beat('A', LEAVE_EPOCH), "UnknownMemberId"),
            (bare_join, "InvalidRequest"),
            (join_with_something, "InvalidRequest"),
            (join('A'), "1 0123456"),
            (beat('A', 2), "FencedMemberEpoch"),
            (beat('A', 1), "1"),
            (join('B'), "2 -"),
            (beat('A', 1), "1 0123"),
            (acknowledge('A', 1, "0123"), "2"),
            (beat('A', 1), "FencedMemberEpoch"),
            // The answer that told the new epoch may have been lost.
            (acknowledge('A', 1, "012"), "2"),
            (acknowledge('A', 1, "4"), "FencedMemberEpoch"),
            (acknowledge('A', 2, "0123"), "2"),
        ],
    );
}

#[test]
fn two_processes_of_one_instance_id_are_told_apart() {
    let mut group = new_group();
    let of = |request: Heartbeat| Heartbeat {
        instance: Some("i".to_owned()),
        ..request
    };
    table(
        &mut group,
        &[
            (of(beat('A', 1)), "UnknownMemberId"),
            (of(join('A')), "1 0123456"),
            (of(join('B')), "UnreleasedInstanceId"),
            (of(join('A')), "UnreleasedInstanceId"),
            (of(beat('A', STATIC_LEAVE_EPOCH)), "left"),
            (of(join('B')), "1 0123456"),
            (of(beat('A', 1)), "FencedInstanceId"),
            (of(beat('A', LEAVE_EPOCH)), "FencedInstanceId"),
            (of(beat('B', 1)), "1"),
            (of(beat('B', STATIC_LEAVE_EPOCH)), "left"),
            (of(beat('B', 1)), "FencedMemberEpoch"),
            // The same process again, after a poll that came too late.
            (of(join('B')), "1 0123456"),
            (of(beat('B', LEAVE_EPOCH)), "left"),
            (of(beat('B', 1)), "UnknownMemberId"),
        ],
    );
    assert_eq!(group.state(), ConsumerGroupState::Empty);
}

#[test]
fn who_leaves_for_a_while_lets_go_what_it_was_giving_up() {
    let mut group = new_group();
    let of = |request: Heartbeat| Heartbeat {
        instance: Some("i".to_owned()),
        ..request
    };
    table(
        &mut group,
        &[
            (of(join('A')), "1 0123456"),
            (join('B'), "2 -"),
            (of(beat('A', 1)), "1 0123"),
            (beat('B', 2), "2"),
            (of(beat('A', STATIC_LEAVE_EPOCH)), "left"),
            (beat('B', 2), "2 456"),
            (of(join('A')), "2 0123"),
        ],
    );
}

#[test]
fn the_time_to_give_up_begins_when_a_member_is_told_and_ends_with_its_epoch() {
    let mut group = new_group();
    let at = |group: &mut ConsumerGroup, at, request| send_at(group, at, request).1;
    assert_eq!(at(&mut group, 0, join('A')), None);
    assert_eq!(at(&mut group, 1, join('B')), None);
    let timer = RevocationTimer {
        member: id('A'),
        epoch: 1,
    };
    let armed = at(&mut group, 5, beat('A', 1));
    assert_eq!(armed, Some((SimTime::from_secs(305), timer)));
    // Heartbeats in between do not prolong it.
    assert_eq!(at(&mut group, 10, beat('A', 1)), None);
    let fire = |group: &mut ConsumerGroup, secs| {
        let mut effects = Vec::new();
        group.step(SimTime::from_secs(secs), Input::Timer(timer), &mut effects);
        effects.len()
    };
    assert_eq!(fire(&mut group.clone(), 304), 0);
    assert_eq!(fire(&mut group.clone(), 305), 2);
    assert_eq!(at(&mut group, 20, acknowledge('A', 1, "0123")), None);
    assert_eq!(fire(&mut group, 305), 0);
    assert!(group.contains(id('A')));
}

#[test]
fn the_group_epoch_rises_with_members_subscriptions_and_subscribed_topics_only() {
    let two = |sizes: [u32; 2]| {
        let topic = |first: u32, size: u32| TopicPartitions {
            partitions: (first..first + size).map(PartitionId).collect(),
        };
        vec![topic(0, sizes[0]), topic(100, sizes[1])]
    };
    let mut group = ConsumerGroup::new(ConsumerGroupSettings::default(), two([2, 2]));
    let to = |topics: &[usize], request: Heartbeat| Heartbeat {
        subscribed: Some(Subscribed {
            topics: topics.to_vec(),
            ..subscribed()
        }),
        ..request
    };
    send(&mut group, to(&[0], join('A')));
    assert_eq!(group.epoch(), 1);
    let metadata = |group: &mut ConsumerGroup, sizes| {
        let topics = two(sizes);
        group.step(
            SimTime::ZERO,
            Input::MetadataChanged { topics },
            &mut Vec::new(),
        );
    };
    metadata(&mut group, [2, 3]);
    assert!(!group.has_news(id('A')));
    send(&mut group, beat('A', 1));
    assert_eq!(group.epoch(), 1);
    metadata(&mut group, [3, 3]);
    assert!(group.has_news(id('A')));
    assert_eq!(told(&send(&mut group, beat('A', 1))), "2 012");
    // The same subscription again is none.
    send(&mut group, to(&[0], beat('A', 2)));
    assert_eq!(group.epoch(), 2);
    let response = send(&mut group, to(&[0, 1], beat('A', 2)));
    assert_eq!(told(&response), "3 012100101102");
    group.step(
        SimTime::ZERO,
        Input::SessionExpired { member: id('A') },
        &mut Vec::new(),
    );
    assert_eq!(
        (group.epoch(), group.state()),
        (4, ConsumerGroupState::Empty)
    );
}

#[test]
fn the_assignor_is_the_coordinators_unless_most_members_ask_for_another() {
    let asking = |assignor, name| {
        let request = join(name);
        let subscribed = Subscribed {
            assignor,
            ..subscribed()
        };
        Heartbeat {
            subscribed: Some(subscribed),
            ..request
        }
    };
    let range = Some(ServerAssignor::Range);
    let share = |settings, assignors: [Option<ServerAssignor>; 3]| {
        let mut group = ConsumerGroup::new(settings, topics(0));
        for (name, assignor) in "ABC".chars().zip(assignors) {
            send(&mut group, asking(assignor, name));
        }
        let grow = |group: &mut ConsumerGroup, partitions| {
            let topics = topics(partitions);
            group.step(
                SimTime::ZERO,
                Input::MetadataChanged { topics },
                &mut Vec::new(),
            );
            let epoch = group.member_epoch(id('A')).unwrap();
            send(group, beat('A', epoch))
        };
        grow(&mut group, 4);
        told(&grow(&mut group, 7))
    };
    let settings = ConsumerGroupSettings::default();
    // Four partitions are 01 2 3: range starts from scratch with seven, uniform goes on.
    assert_eq!(share(settings, [None, None, None]), "5 014");
    assert_eq!(share(settings, [range, None, None]), "5 012");
    assert_eq!(
        share(settings, [range, Some(ServerAssignor::Uniform), None]),
        "5 014"
    );
    let settings = ConsumerGroupSettings {
        assignor: ServerAssignor::Range,
        ..settings
    };
    assert_eq!(share(settings, [None, None, None]), "5 012");
}

#[test]
fn a_commit_needs_the_epoch_and_no_ownership() {
    let mut group = new_group();
    assert_eq!(group.commit(id('A'), 1), Err(CommitError::UnknownMemberId));
    send(&mut group, join('A'));
    send(&mut group, join('B'));
    assert_eq!(group.commit(id('A'), 1), Ok(()));
    // B owns nothing.
    assert_eq!(group.commit(id('B'), 2), Ok(()));
    assert_eq!(group.commit(id('A'), 2), Err(CommitError::StaleMemberEpoch));
    assert_eq!(group.commit(id('B'), 1), Err(CommitError::StaleMemberEpoch));
}

/// The answer to a heartbeat that changes nothing need not wait for the log.
#[test]
fn only_what_changes_something_is_written() {
    let mut group = new_group();
    let written = |group: &mut ConsumerGroup, request| {
        let mut effects = Vec::new();
        group.step(SimTime::ZERO, Input::Heartbeat(request), &mut effects);
        match effects.pop() {
            Some(Effect::Respond { written, .. }) => written,
            other => panic!("{other:?}"),
        }
    };
    assert!(written(&mut group, join('A')));
    assert!(!written(&mut group, acknowledge('A', 1, "0123456")));
    assert!(!written(&mut group, beat('A', 1)));
    assert!(written(&mut group, join('B')));
    assert!(written(&mut group, beat('A', 1)));
    assert!(!written(&mut group, beat('A', 1)));
    assert!(written(&mut group, acknowledge('A', 1, "0123")));
    assert!(!written(&mut group, beat('A', 7)));
    assert!(written(&mut group, beat('A', LEAVE_EPOCH)));
}
