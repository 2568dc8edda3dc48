//! What each state answers.

use super::*;

#[test]
fn syncs_are_parked_until_the_assignment_is_stored() {
    let mut group = completing(&[A, B, C]);
    run(
        &mut group,
        &[
            (1, sync(B, 1), &[]),
            (2, lead(A, 1, &[A, B, C]), &["store 1"]),
            (3, stored(1), &["1 stable", "A: 012", "B: 34"]),
            // A late one finds it ready.
            (4, sync(C, 1), &["C: 56"]),
            (5, stored(1), &[]),
        ],
    );
    assert_eq!(group.assignment(C), [PartitionId(5), PartitionId(6)]);
}

#[test]
fn only_the_leaders_assignment_counts_and_whom_it_leaves_out_is_idle() {
    let mut group = completing(&[A, B]);
    run(
        &mut group,
        &[
            (1, lead(B, 1, &[B]), &[]),
            (2, lead(A, 1, &[A]), &["store 1"]),
            (3, stored(1), &["1 stable", "A: 0123456", "B: idle"]),
        ],
    );
}

#[test]
fn an_assignment_stored_too_late_is_void() {
    let mut group = completing(&[A, B]);
    feed(&mut group, at(1), lead(A, 1, &[A, B]));
    run(
        &mut group,
        &[
            (
                2,
                leave(B),
                &[
                    "-B Left",
                    "B: left",
                    "1 ends, B left",
                    "A: RebalanceInProgress",
                    "until 5m 2s: barrier 2",
                ],
            ),
            (3, stored(1), &[]),
            (
                4,
                join(A),
                &[
                    "2 begins with 1",
                    "A: generation 2 of A",
                    "until 5m 4s: syncs of 2",
                ],
            ),
            (5, lead(A, 2, &[A]), &["store 2"]),
            (6, stored(1), &[]),
            (7, stored(2), &["2 stable", "A: 0123456"]),
        ],
    );
}

#[test]
fn a_join_with_the_same_metadata_gets_the_generation_again() {
    let mut group = completing(&[A, B]);
    run(
        &mut group,
        &[
            (1, join(A), &["A: generation 1 of AB"]),
            (1, join(B), &["B: generation 1"]),
            (1, sync(B, 1), &[]),
            (1, lead(A, 1, &[A, B]), &["store 1"]),
            (1, stored(1), &["1 stable", "A: 0123", "B: 456"]),
            // In Stable for followers only.
            (2, join(B), &["B: generation 1"]),
            (
                2,
                join(A),
                &["1 ends, A rejoined", "until 5m 2s: barrier 2"],
            ),
        ],
    );
}

#[test]
fn changed_metadata_rebalances() {
    let mut group = stable(&[A, B]);
    run(
        &mut group,
        &[(
            1,
            join_changed(B),
            &["1 ends, B rejoined", "until 5m 1s: barrier 2"],
        )],
    );

    let mut group = stable(&[A, B]);
    run(
        &mut group,
        &[(
            1,
            join_changed(A),
            &["1 ends, metadata", "until 5m 1s: barrier 2"],
        )],
    );

    let mut group = completing(&[A, B]);
    run(
        &mut group,
        &[
            (1, lead(A, 1, &[A, B]), &["store 1"]),
            (
                1,
                join_changed(B),
                &[
                    "1 ends, B rejoined",
                    "A: RebalanceInProgress",
                    "until 5m 1s: barrier 2",
                ],
            ),
        ],
    );
}

/// KIP-429, KIP-792: what it owns and the generation are part of the subscription.
#[test]
fn a_follower_that_owns_something_else_than_it_said_rebalances() {
    let joins = |generation| {
        Input::JoinGroup(JoinGroup {
            owned: Owned {
                partitions: vec![PartitionId(3)],
                generation: Some(generation),
            },
            ..request(B)
        })
    };
    let mut group = stable(&[A, B]);
    run(
        &mut group,
        &[
            (
                1,
                joins(1),
                &["1 ends, B rejoined", "until 5m 1s: barrier 2"],
            ),
            (
                2,
                join(A),
                &[
                    "2 begins with 2",
                    "A: generation 2 of AB",
                    "B: generation 2",
                    "until 5m 2s: syncs of 2",
                ],
            ),
            // The same once more, before anyone has synced.
            (2, joins(1), &["B: generation 2"]),
            (3, sync(B, 2), &[]),
            (3, lead(A, 2, &[A, B]), &["store 2"]),
            (3, stored(2), &["2 stable", "A: 0123", "B: 456"]),
            (
                4,
                joins(2),
                &["2 ends, B rejoined", "until 5m 4s: barrier 3"],
            ),
        ],
    );
}

#[test]
fn the_leader_learns_what_the_others_own() {
    let mut group = stable(&[A, B]);
    let owned = Owned {
        partitions: vec![PartitionId(3), PartitionId(4)],
        generation: Some(1),
    };
    feed(
        &mut group,
        at(1),
        Input::JoinGroup(JoinGroup {
            owned: owned.clone(),
            ..request(B)
        }),
    );
    let mut effects = Vec::new();
    group.step(at(1), join(A), &mut effects);
    let told = effects.into_iter().find_map(|effect| match effect {
        Effect::Respond {
            member: A,
            response: Response::JoinGroup { members, .. },
        } => Some(members),
        _ => None,
    });
    assert_eq!(told.unwrap(), [(A, Owned::default()), (B, owned)]);
}

#[test]
fn a_lone_member_that_rejoins_gets_its_generation_at_once() {
    let mut group = stable(&[A]);
    run(
        &mut group,
        &[(
            9,
            join(A),
            &[
                "1 ends, A rejoined",
                "2 begins with 1",
                "A: generation 2 of A",
                "until 5m 9s: syncs of 2",
            ],
        )],
    );
}

#[test]
fn a_leave_rebalances_whoever_remains() {
    for mut group in [stable(&[A, B]), completing(&[A, B])] {
        run(
            &mut group,
            &[(
                1,
                leave(A),
                &[
                    "-A Left",
                    "A: left",
                    "1 ends, A left",
                    "until 5m 1s: barrier 2",
                ],
            )],
        );
    }
}

#[test]
fn an_id_merely_given_out_rebalances_a_stable_group_by_leaving() {
    let mut group = stable(&[A]);
    feed(&mut group, at(1), ask(B));
    run(
        &mut group,
        &[(
            2,
            leave(B),
            &["B: left", "1 ends, B left", "until 5m 2s: barrier 2"],
        )],
    );
}

#[test]
fn the_last_member_leaving_empties_the_group() {
    let mut group = stable(&[A]);
    run(
        &mut group,
        &[
            (
                1,
                leave(A),
                &["-A Left", "A: left", "1 ends, A left", "empty"],
            ),
            (2, leave(A), &["A: UnknownMemberId"]),
            (2, join(A), &["A: UnknownMemberId"]),
            (2, sync(A, 1), &["A: UnknownMemberId"]),
        ],
    );
}

/// Without members the rebalance timeout is zero, so the id is not waited for.
#[test]
fn the_last_member_leaving_does_not_wait_for_a_given_out_id() {
    let mut group = stable(&[A]);
    feed(&mut group, at(1), ask(B));
    run(
        &mut group,
        &[
            (
                2,
                leave(A),
                &[
                    "-A Left",
                    "A: left",
                    "1 ends, A left",
                    "until 2s: barrier 2",
                ],
            ),
            (2, join_timeout(2), &["empty"]),
            (
                3,
                join(B),
                &[
                    "until 5m 3s: first join of B",
                    "2 ends, B joined",
                    "until 3s: window 3",
                ],
            ),
        ],
    );
}

#[test]
fn an_expired_session_rebalances_whoever_remains() {
    for mut group in [stable(&[A, B]), completing(&[A, B])] {
        run(
            &mut group,
            &[(
                44,
                expire(B),
                &[
                    "-B SessionExpired",
                    "1 ends, B expired",
                    "until 5m 44s: barrier 2",
                ],
            )],
        );
        assert_eq!(group.heartbeat(B, 1), Err(KafkaError::UnknownMemberId));
    }
}

#[test]
fn a_session_does_not_expire_while_a_request_is_parked() {
    let mut group = stable(&[A, B]);
    feed(&mut group, at(1), join(A));
    run(&mut group, &[(50, expire(A), &[]), (50, expire(C), &[])]);

    let mut group = completing(&[A, B]);
    feed(&mut group, at(1), sync(B, 1));
    run(&mut group, &[(50, expire(B), &[])]);
}

#[test]
fn who_has_not_synced_by_the_rebalance_timeout_is_out() {
    let mut group = completing(&[A, B]);
    feed(&mut group, at(1), sync(B, 1));
    run(
        &mut group,
        &[
            (299, sync_timeout(1), &[]),
            (
                300,
                sync_timeout(1),
                &[
                    "-A SyncTimeout",
                    "1 ends, A expired",
                    "B: RebalanceInProgress",
                    "until 10m: barrier 2",
                ],
            ),
        ],
    );
}

#[test]
fn who_has_not_synced_is_out_even_if_the_group_is_stable() {
    let mut group = completing(&[A, B]);
    feed(&mut group, at(1), lead(A, 1, &[A, B]));
    feed(&mut group, at(1), stored(1));
    run(
        &mut group,
        &[(
            300,
            sync_timeout(1),
            &[
                "-B SyncTimeout",
                "1 ends, B expired",
                "until 10m: barrier 2",
            ],
        )],
    );
}

#[test]
fn a_group_that_has_synced_outlives_the_sync_timeout() {
    let mut group = stable(&[A, B]);
    run(&mut group, &[(300, sync_timeout(1), &[])]);
}

#[test]
fn syncs_of_strangers_and_of_other_generations_are_refused() {
    let mut group = completing(&[A, B]);
    run(
        &mut group,
        &[
            (1, sync(C, 1), &["C: UnknownMemberId"]),
            (1, sync(B, 0), &["B: IllegalGeneration"]),
            (1, lead(A, 2, &[A, B]), &["A: IllegalGeneration"]),
        ],
    );
    let mut group = stable(&[A, B]);
    feed(&mut group, at(1), join(A));
    run(&mut group, &[(2, sync(B, 1), &["B: RebalanceInProgress"])]);
}

#[test]
fn heartbeats_and_commits_are_answered_by_state() {
    use KafkaError::{IllegalGeneration, RebalanceInProgress, UnknownMemberId};
    let mut preparing = stable(&[A, B]);
    feed(&mut preparing, at(1), leave(B));
    let mut empty = stable(&[A]);
    feed(&mut empty, at(1), leave(A));
    // (group, its generation, heartbeat, commit)
    let cases = [
        (stable(&[A, B]), 1, Ok(()), Ok(())),
        (preparing, 1, Err(RebalanceInProgress), Ok(())),
        (completing(&[A, B]), 1, Ok(()), Err(RebalanceInProgress)),
        (empty, 2, Err(UnknownMemberId), Err(UnknownMemberId)),
    ];
    for (group, generation, heartbeat, commit) in cases {
        let state = group.state();
        assert_eq!(group.heartbeat(A, generation), heartbeat, "{state:?}");
        assert_eq!(group.commit(A, generation), commit, "{state:?}");
        assert_eq!(
            group.heartbeat(D, generation),
            Err(UnknownMemberId),
            "{state:?}"
        );
        assert_eq!(
            group.commit(D, generation),
            Err(UnknownMemberId),
            "{state:?}"
        );
        if group.contains(A) {
            assert_eq!(
                group.heartbeat(A, generation + 1),
                Err(IllegalGeneration),
                "{state:?}"
            );
            assert_eq!(
                group.commit(A, generation - 1),
                Err(IllegalGeneration),
                "{state:?}"
            );
        }
    }
}

#[test]
fn an_assignment_shows_only_while_stable() {
    let mut group = stable(&[A, B]);
    assert_eq!(group.assignment(B), [4, 5, 6].map(PartitionId));
    feed(&mut group, at(1), join(A));
    assert_eq!(group.assignment(B), []);
}

#[test]
fn an_id_given_out_is_no_member_yet() {
    let mut group = stable(&[A]);
    feed(&mut group, at(1), ask(B));
    assert!(!group.contains(B));
    assert_eq!(group.heartbeat(B, 1), Err(KafkaError::UnknownMemberId));
    run(&mut group, &[(1, sync(B, 1), &["B: UnknownMemberId"])]);
    feed(&mut group, at(1), join(B));
    assert!(group.contains(B));
}
