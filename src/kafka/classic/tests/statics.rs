//! Static members (KIP-345). A second id of A's process is written E, one of B's F.

use super::*;

const E: MemberId = MemberId {
    random: 4,
    serial: 4,
};
const F: MemberId = MemberId {
    random: 5,
    serial: 5,
};
const OF_A: InstanceId = InstanceId(0);
const OF_B: InstanceId = InstanceId(1);

/// The JoinGroup of a static member that has no member id: a process that starts.
fn come(member: MemberId, instance: InstanceId) -> Input {
    Input::JoinGroup(JoinGroup {
        knows_its_id: false,
        instance: Some(instance),
        ..request(member)
    })
}

fn member_stored(member: MemberId) -> Input {
    Input::MemberStored { member }
}

/// The static members A and B and the dynamic C, in generation 1, which C does not lead.
fn statics(state: GroupState) -> ClassicGroup {
    let mut group = ClassicGroup::new(SimDuration::ZERO, true);
    feed(&mut group, SimTime::ZERO, come(A, OF_A));
    feed(&mut group, SimTime::ZERO, come(B, OF_B));
    feed(&mut group, SimTime::ZERO, ask(C));
    feed(&mut group, SimTime::ZERO, join(C));
    feed(&mut group, SimTime::ZERO, window_over(1));
    feed(&mut group, SimTime::ZERO, window_over(1));
    if state == GroupState::Stable {
        feed(&mut group, SimTime::ZERO, sync(B, 1));
        feed(&mut group, SimTime::ZERO, sync(C, 1));
        feed(&mut group, SimTime::ZERO, lead(A, 1, &[A, B, C]));
        feed(&mut group, SimTime::ZERO, stored(1));
    }
    assert_eq!(group.state(), state);
    group
}

#[test]
fn a_static_member_joins_without_being_asked_back_with_an_id() {
    let mut group = ClassicGroup::new(SimDuration::from_secs(3), true);
    run(
        &mut group,
        &[(
            0,
            come(A, OF_A),
            &[
                "until 5m: first join of A",
                "0 ends, A joined",
                "until 3s: window 1",
            ],
        )],
    );
}

#[test]
fn a_static_member_that_is_back_in_a_stable_group_gets_its_assignment_and_nobody_notices() {
    let mut group = statics(GroupState::Stable);
    run(
        &mut group,
        &[
            (9, come(F, OF_B), &["store F"]),
            (10, member_stored(F), &["F: generation 1"]),
            (10, sync(F, 1), &["F: 34"]),
        ],
    );
    assert_eq!(group.heartbeat(C, 1), Ok(()));
    assert_eq!(group.generation(), 1);
}

/// KIP-814: whatever it would assign now is not asked for.
#[test]
fn a_static_leader_that_is_back_leads_and_assigns_nothing() {
    let mut group = statics(GroupState::Stable);
    run(
        &mut group,
        &[
            (9, come(E, OF_A), &["store E"]),
            (10, member_stored(E), &["E: generation 1 of BCE, assigned"]),
            (10, sync(E, 1), &["E: 012"]),
        ],
    );
}

#[test]
fn the_old_id_of_a_static_member_is_fenced_as_long_as_the_new_one_is_there() {
    let mut group = statics(GroupState::Stable);
    feed(&mut group, at(9), come(F, OF_B));
    let fenced = Err(KafkaError::FencedInstanceId);
    assert_eq!(group.heartbeat(B, 1), fenced);
    assert_eq!(group.commit(B, 1), fenced);
    run(
        &mut group,
        &[
            (9, member_stored(F), &["F: generation 1"]),
            (10, sync(B, 1), &["B: FencedInstanceId"]),
            (10, join(B), &["B: FencedInstanceId"]),
            (
                60,
                expire(F),
                &[
                    "-F SessionExpired",
                    "1 ends, F expired",
                    "until 6m: barrier 2",
                ],
            ),
            (61, join(B), &["B: UnknownMemberId"]),
        ],
    );
}

#[test]
fn whoever_waits_under_the_old_id_is_fenced_at_once() {
    let mut group = statics(GroupState::CompletingRebalance);
    run(
        &mut group,
        &[
            (1, sync(B, 1), &[]),
            // The leader may be assigning partitions to B, so it is asked again.
            (
                2,
                come(F, OF_B),
                &[
                    "B: FencedInstanceId",
                    "1 ends, F rejoined",
                    "until 5m 2s: barrier 2",
                ],
            ),
            (3, join(A), &[]),
            (
                4,
                join(C),
                &[
                    "2 begins with 3",
                    "A: generation 2 of ACF",
                    "C: generation 2",
                    "F: generation 2",
                    "until 5m 4s: syncs of 2",
                ],
            ),
        ],
    );
}

#[test]
fn a_static_member_that_is_back_during_the_barrier_has_joined() {
    let mut group = statics(GroupState::Stable);
    feed(&mut group, at(1), leave(C));
    run(
        &mut group,
        &[
            (2, join(A), &[]),
            (
                3,
                come(F, OF_B),
                &[
                    "2 begins with 2",
                    "A: generation 2 of AF",
                    "F: generation 2",
                    "until 5m 3s: syncs of 2",
                ],
            ),
        ],
    );
}

/// Its new id was still being written when the barrier opened: it has joined with it.
#[test]
fn a_barrier_that_completes_before_the_new_id_is_stored_answers_for_it() {
    let mut group = statics(GroupState::Stable);
    run(
        &mut group,
        &[
            (1, come(F, OF_B), &["store F"]),
            (
                1,
                leave(C),
                &[
                    "-C Left",
                    "C: left",
                    "1 ends, C left",
                    "until 5m 1s: barrier 2",
                ],
            ),
            (
                1,
                join(A),
                &[
                    "2 begins with 2",
                    "A: generation 2 of AF",
                    "F: generation 2",
                    "until 5m 1s: syncs of 2",
                ],
            ),
            (2, member_stored(F), &[]),
        ],
    );
}

#[test]
fn other_triggers_wait_for_a_static_member_that_is_away() {
    let mut group = statics(GroupState::Stable);
    feed(&mut group, at(1), leave(C));
    run(
        &mut group,
        &[
            (2, join(A), &[]),
            // Its session ends before the rebalance timeout.
            (
                44,
                expire(B),
                &[
                    "-B SessionExpired",
                    "2 begins with 1",
                    "A: generation 2 of A",
                    "until 5m 44s: syncs of 2",
                ],
            ),
        ],
    );
}

#[test]
fn a_static_member_that_missed_the_barrier_stays_and_is_assigned_partitions() {
    let mut group = statics(GroupState::Stable);
    feed(&mut group, at(1), leave(C));
    feed(&mut group, at(2), join(B));
    run(
        &mut group,
        &[
            // A led; B does now.
            (
                301,
                join_timeout(2),
                &[
                    "2 begins with 2",
                    "B: generation 2 of AB",
                    "until 10m 1s: syncs of 2",
                ],
            ),
            (301, lead(B, 2, &[A, B]), &["store 2"]),
            (301, stored(2), &["2 stable", "B: 456"]),
        ],
    );
    assert_eq!(group.assignment(A), [0, 1, 2, 3].map(PartitionId));
    // Back at last, it finds them.
    run(
        &mut group,
        &[
            (400, come(E, OF_A), &["store E"]),
            (400, member_stored(E), &["E: generation 2"]),
            (400, sync(E, 2), &["E: 0123"]),
            // As in Kafka the sync of the old id is still missed.
            (
                601,
                sync_timeout(2),
                &["2 ends, A expired", "until 15m 1s: barrier 3"],
            ),
        ],
    );
}

#[test]
fn a_barrier_that_no_static_member_has_joined_waits_another_timeout() {
    let mut group = statics(GroupState::Stable);
    feed(&mut group, at(1), leave(C));
    run(
        &mut group,
        &[
            (301, join_timeout(2), &["until 10m 1s: barrier 2"]),
            (302, expire(A), &["-A SessionExpired"]),
            (303, expire(B), &["-B SessionExpired", "empty"]),
        ],
    );
}
