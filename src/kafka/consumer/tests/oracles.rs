//! Timelines that follow from heartbeat phases alone: H8 = 5 s between heartbeats, S8 = 45 s of silence; requests,
//! commits and callbacks take no time unless said otherwise. Two or three lines of arithmetic each.

use super::*;

/// D gets partition 2. A is told and acknowledges at 1 s, D is told by its next heartbeat, H8 after it joined.
#[test]
fn a_joining_member_gets_what_moves_one_interval_after_it_joined() {
    let mut world = World::stable();
    world.start('D');
    world.run(20.0);
    assert_eq!(world.owned(), "A01 B34 C56 D2");
    assert_eq!(world.pauses(), ["2 1s..5s D"]);
    assert_eq!(world.group.state(), ConsumerGroupState::Stable);
}

/// A is told at 4 s and takes 2 s: D's heartbeat at 5 s is too early.
#[test]
fn or_two_intervals_after_if_the_old_owner_is_not_ready_by_then() {
    let mut world = World::stable();
    world.next_beat('A', 4.0);
    world.clients.get_mut(&'A').unwrap().callbacks = SimDuration::from_secs(2);
    world.start('D');
    world.run(20.0);
    assert_eq!(world.pauses(), ["2 4s..10s D"]);
    // Ready at 4.9 s would have been in time.
    let mut world = World::stable();
    world.next_beat('A', 4.0);
    world.clients.get_mut(&'A').unwrap().callbacks = SimDuration::from_millis(900);
    world.start('D');
    world.run(20.0);
    assert_eq!(world.pauses(), ["2 4s..5s D"]);
}

#[test]
fn after_a_clean_leave_each_member_gains_at_its_own_heartbeat() {
    let mut world = World::stable();
    world.input('B', membership::Input::Close);
    world.run(20.0);
    assert_eq!(world.owned(), "A0123 B- C456");
    assert_eq!(world.pauses(), ["3 0s..1s A", "4 0s..4s C"]);
    assert_eq!(
        world.removals(),
        [(secs(0.0), id('B'), RemovalReason::Left)]
    );
}

/// The last heartbeat was at 2 s, and B died at 4 s.
#[test]
fn a_crash_is_noticed_a_session_timeout_after_the_last_heartbeat() {
    let mut world = World::stable();
    world.run(4.0);
    world.crash('B');
    world.run(60.0);
    assert_eq!(
        world.removals(),
        [(secs(47.0), id('B'), RemovalReason::SessionExpired)]
    );
    // A beats at 1, 6, .. 51 s and C at 4, .. 49 s.
    assert_eq!(world.pauses(), ["3 4s..51s A", "4 4s..49s C"]);
}

/// Removed at once, the partitions are still nobody's until somebody's heartbeat makes the target.
#[test]
fn nothing_is_assigned_anew_until_someone_beats() {
    let mut world = World::stable();
    world.input('B', membership::Input::Close);
    world.run(0.9);
    assert_eq!(world.group.state(), ConsumerGroupState::Assigning);
    assert_eq!(world.group.epoch(), world.group.target_epoch() + 1);
    assert!(
        !world
            .told
            .iter()
            .any(|(_, effect)| matches!(effect, Effect::TargetAssigned { .. }))
    );
    world.run(1.0);
    assert_eq!(world.group.epoch(), world.group.target_epoch());
    assert_eq!(world.group.state(), ConsumerGroupState::Reconciling);
}

/// A starts alone and owns everything; it gives the others' shares up at 5 s. B beats after that and C before.
#[test]
fn a_mass_start_waits_for_the_first_member_to_let_go() {
    let mut world = World::new(7);
    world.start('A');
    world.run(0.0);
    assert_eq!(world.owned(), "A0123456");
    world.run(0.1);
    world.start('B');
    world.start('C');
    world.run(0.2);
    assert_eq!(world.owned(), "A0123456 B- C-");
    world.next_beat('C', 4.7);
    world.run(5.0);
    assert_eq!(world.owned(), "A012 B- C-");
    world.run(5.1);
    assert_eq!(world.owned(), "A012 B45 C-");
    world.run(9.8);
    assert_eq!(world.owned(), "A012 B45 C-");
    world.run(9.9);
    assert_eq!(world.owned(), "A012 B45 C36");
}

#[test]
fn a_member_whose_poll_is_late_leaves_and_joins_again_with_its_next_poll() {
    let mut world = World::stable();
    world.input('A', membership::Input::PollTimeout);
    assert_eq!(world.membership('A').state(), MembershipState::Stale);
    assert_eq!(
        world.group.commit(id('A'), world.membership('A').epoch()),
        Err(CommitError::UnknownMemberId)
    );
    world.run(9.0);
    // B beats at 2 s and C at 4 s; nobody waits for A.
    assert_eq!(world.owned(), "A- B0134 C256");
    assert_eq!(world.pauses(), ["0 0s..2s B", "1 0s..2s B", "2 0s..4s C"]);
    assert_eq!(world.bumps().len(), 1);
    // B's next heartbeat is at 12 s, C's at 14 s.
    world.input('A', membership::Input::Poll);
    world.run(13.0);
    assert_eq!(world.owned(), "A- B01 C256");
    world.run(14.0);
    // What B gave up at 12 s is there for A's heartbeat at 14 s, H8 after it joined; C gives up just after it.
    assert_eq!(world.owned(), "A34 B01 C25");
    world.run(19.0);
    assert_eq!(world.owned(), "A346 B01 C25");
}

/// A member that leaves at its epoch -2 is expected back: nobody gets its partitions.
#[test]
fn a_static_member_that_comes_back_in_time_takes_up_what_it_had() {
    let mut world = static_world();
    let epoch = world.group.epoch();
    world.input('B', membership::Input::Close);
    world.run(10.0);
    assert_eq!(world.owned(), "A0123 B-");
    assert_eq!(world.group.member_epoch(id('B')), Some(STATIC_LEAVE_EPOCH));
    // Another process of the same instance id, here called C.
    world.start_as('C', id('C'), Some("b"), false);
    world.run(10.0);
    assert_eq!(world.owned(), "A0123 B- C456");
    assert_eq!(world.group.epoch(), epoch);
    assert!(world.removals().is_empty());
    assert!(world.told.contains(&(
        secs(10.0),
        Effect::MemberReplaced {
            old: id('B'),
            new: id('C')
        }
    )));
    world.run(100.0);
    assert_eq!(world.owned(), "A0123 B- C456");
}

/// A, and B with the instance id b: A0123 B456, with their next heartbeats at 1 and 2 s.
fn static_world() -> World {
    let mut world = World::new(0);
    world.start('A');
    world.start_as('B', id('B'), Some("b"), false);
    world.coordinate(Input::MetadataChanged { topics: topics(7) });
    world.run(60.0);
    world.next_beat('A', 1.0);
    world.next_beat('B', 2.0);
    world.begin_again();
    assert_eq!(world.owned(), "A0123 B456");
    world
}

/// The time goes on from the last heartbeat, which was at 2 s.
#[test]
fn a_static_member_that_stays_away_too_long_is_removed() {
    let mut world = static_world();
    world.run(6.0);
    world.input('B', membership::Input::Close);
    world.run(60.0);
    assert_eq!(
        world.removals(),
        [(secs(47.0), id('B'), RemovalReason::SessionExpired)]
    );
    assert_eq!(world.owned(), "A0123456 B-");
}

/// A crash does not say that it leaves, so the instance id is taken until the session expires.
#[test]
fn a_static_member_that_crashed_cannot_come_back_before_its_session_expired() {
    let mut world = static_world();
    world.run(6.0);
    world.crash('B');
    world.start_as('C', id('C'), Some("b"), false);
    assert_eq!(world.membership('C').state(), MembershipState::Fatal);
    world.run(46.9);
    world.start_as('D', id('D'), Some("b"), false);
    assert_eq!(world.membership('D').state(), MembershipState::Fatal);
    world.run(47.0);
    world.start_as('E', id('E'), Some("b"), false);
    world.run(60.0);
    assert_eq!(world.owned(), "A0123 C- D- E456");
}

#[test]
fn a_static_member_whose_poll_is_late_keeps_its_partitions_idle() {
    let mut world = static_world();
    world.run(6.0);
    world.input('B', membership::Input::PollTimeout);
    world.run(20.0);
    assert_eq!(world.owned(), "A0123 B-");
    world.input('B', membership::Input::Poll);
    world.run(20.0);
    assert_eq!(world.owned(), "A0123 B456");
    assert_eq!(
        world.pauses(),
        ["4 6s..20s B", "5 6s..20s B", "6 6s..20s B"]
    );
}

/// Who does not give up is fenced; only the partitions in question wait for it.
#[test]
fn the_rebalance_timeout_runs_while_a_member_has_to_give_up() {
    let mut world = World::stable();
    world.clients.get_mut(&'A').unwrap().callbacks = SimDuration::from_secs(1_000);
    world.start('D');
    world.run(300.9);
    assert_eq!(
        world.group.member_state(id('A')),
        Some(MemberState::UnrevokedPartitions)
    );
    assert_eq!(
        world.group.member_state(id('D')),
        Some(MemberState::UnreleasedPartitions)
    );
    assert_eq!(world.pauses(), ["2 1s.."]);
    assert!(world.removals().is_empty());
    world.run(301.0);
    assert_eq!(
        world.removals(),
        [(secs(301.0), id('A'), RemovalReason::RebalanceTimeout)]
    );
    // D's heartbeats are at 305 s and so on.
    world.run(305.0);
    assert_eq!(world.owned(), "A012 B034 C56 D12");
    // Fenced at 301 s, A learns it with its heartbeat at 301 s, and forgets its partitions 1000 s later.
    assert_eq!(world.membership('A').state(), MembershipState::Fenced);
}

/// D waits for A's partition 2; what B leaves behind it gets with its next heartbeat, and A's share of it waits for A.
#[test]
fn others_do_not_wait_for_one_that_does_not_let_go() {
    let mut world = World::stable();
    world.clients.get_mut(&'A').unwrap().callbacks = SimDuration::from_secs(200);
    world.start('D');
    world.run(10.0);
    world.input('B', membership::Input::Close);
    world.run(30.0);
    assert_eq!(
        world.group.member_state(id('A')),
        Some(MemberState::UnrevokedPartitions)
    );
    assert_eq!(world.owned(), "A012 B- C56 D4");
}

#[test]
fn new_partitions_are_found_by_the_next_heartbeat_of_any_member() {
    let mut world = World::stable();
    world.coordinate(Input::MetadataChanged { topics: topics(9) });
    world.run(0.9);
    assert!(world.bumps().is_empty());
    world.run(20.0);
    assert_eq!(
        world.bumps(),
        [(secs(1.0), RebalanceReason::MetadataChanged)]
    );
    assert_eq!(world.owned(), "A012 B347 C568");
    // Their owners read them from their own heartbeats on, and nothing else stops.
    assert_eq!(world.readers[&PartitionId(7)], [(secs(2.0), Some('B'))]);
    assert_eq!(world.readers[&PartitionId(8)], [(secs(4.0), Some('C'))]);
    assert!(world.pauses().is_empty());
}

/// It has given up nothing, so it stays at its epoch; only when it acknowledges it is in the new one.
#[test]
fn commits_go_on_while_a_member_gives_up() {
    let mut world = World::stable();
    world.clients.get_mut(&'A').unwrap().callbacks = SimDuration::from_secs(3);
    let before = world.membership('A').epoch();
    world.start('D');
    world.run(2.0);
    assert_eq!(world.membership('A').state(), MembershipState::Reconciling);
    assert_eq!(world.group.commit(id('A'), before), Ok(()));
    world.run(4.0);
    assert_eq!(world.membership('A').epoch(), before + 1);
    assert_eq!(
        world.group.commit(id('A'), before),
        Err(CommitError::StaleMemberEpoch)
    );
    assert_eq!(world.group.commit(id('A'), before + 1), Ok(()));
}

/// Told at 5 s in the middle of a batch, A reads on from what it will give up until its poll at 7 s; then it commits for
/// 1 s and revokes for 1 s, too late for B's heartbeat at 6 s and in time for that at 11 s.
#[test]
fn with_auto_commit_a_member_gives_up_when_its_batch_is_through() {
    let mut world = World::new(2);
    world.start_as('A', id('A'), None, true);
    world.run(1.0);
    assert_eq!(world.owned(), "A01");
    let client = world.clients.get_mut(&'A').unwrap();
    client.callbacks = SimDuration::from_secs(1);
    client.busy_until = secs(7.0);
    world.start('B');
    world.run(20.0);
    assert_eq!(world.pauses(), ["1 7s..11s B"]);
    // Without it the batch is nobody's concern.
    let mut world = World::new(2);
    world.start('A');
    world.run(1.0);
    let client = world.clients.get_mut(&'A').unwrap();
    client.callbacks = SimDuration::from_millis(900);
    client.busy_until = secs(7.0);
    world.start('B');
    world.run(20.0);
    assert_eq!(world.pauses(), ["1 5s..6s B"]);
}

/// A dead member holds nobody up but the heirs of its partitions.
#[test]
fn a_join_does_not_wait_for_a_dead_member() {
    let mut world = World::stable();
    world.crash('C');
    world.start('D');
    world.run(20.0);
    assert_eq!(world.owned(), "A01 B34 D2");
}

/// What happens is the same if heartbeats without news do not reach the group at all.
#[test]
fn heartbeats_without_news_may_be_left_out() {
    let scenarios: [fn(&mut World); 6] = [
        |world| world.start('D'),
        |world| world.input('B', membership::Input::Close),
        |world| world.crash('B'),
        |world| world.input('A', membership::Input::PollTimeout),
        |world| world.coordinate(Input::MetadataChanged { topics: topics(9) }),
        |world| {
            world.clients.get_mut(&'A').unwrap().callbacks = SimDuration::from_secs(400);
            world.start('D');
            world.start_as('E', id('E'), Some("e"), true);
            world.run(7.0);
            world.crash('C');
            world.input('E', membership::Input::Close);
            world.run(20.0);
            world.start_as('F', id('F'), Some("e"), true);
        },
    ];
    for scenario in scenarios {
        let run = |lazy| {
            let mut world = World::stable();
            world.lazy = lazy;
            scenario(&mut world);
            world.run(500.0);
            (world.owned(), world.pauses(), world.told)
        };
        assert_eq!(run(true), run(false));
    }
}
