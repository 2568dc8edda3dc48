//! When PreparingRebalance ends, and with whom.

use super::*;

#[test]
fn a_given_out_id_holds_the_barrier_until_it_joins() {
    let mut group = stable(&[A, B]);
    run(
        &mut group,
        &[
            (
                10,
                ask(C),
                &["until 55s: first join of C", "C: MEMBER_ID_REQUIRED"],
            ),
            (
                11,
                join_changed(A),
                &["1 ends, metadata", "until 5m 11s: barrier 2"],
            ),
            (12, join(B), &[]),
            (
                13,
                join(C),
                &[
                    "until 5m 13s: first join of C",
                    "2 begins with 3",
                    "A: generation 2 of ABC",
                    "B: generation 2",
                    "C: generation 2",
                    "until 5m 13s: syncs of 2",
                ],
            ),
        ],
    );
}

#[test]
fn a_given_out_id_holds_the_barrier_until_it_expires() {
    let mut group = stable(&[A, B]);
    feed(&mut group, at(10), ask(C));
    feed(&mut group, at(11), join_changed(A));
    feed(&mut group, at(12), join(B));
    run(
        &mut group,
        &[
            (54, pending(C), &[]),
            (
                55,
                pending(C),
                &[
                    "2 begins with 2",
                    "A: generation 2 of AB",
                    "B: generation 2",
                    "until 5m 55s: syncs of 2",
                ],
            ),
            (56, join(C), &["C: UnknownMemberId"]),
        ],
    );
}

#[test]
fn a_given_out_id_that_leaves_frees_the_barrier() {
    let mut group = stable(&[A]);
    feed(&mut group, at(10), ask(C));
    feed(&mut group, at(11), join(A));
    run(
        &mut group,
        &[(
            12,
            leave(C),
            &[
                "C: left",
                "2 begins with 1",
                "A: generation 2 of A",
                "until 5m 12s: syncs of 2",
            ],
        )],
    );
}

#[test]
fn the_barrier_completes_when_the_last_member_joins() {
    let mut group = stable(&[A, B]);
    feed(&mut group, at(10), ask(C));
    run(
        &mut group,
        &[
            (
                10,
                join(C),
                &[
                    "until 5m 10s: first join of C",
                    "1 ends, C joined",
                    "until 5m 10s: barrier 2",
                ],
            ),
            (11, join(B), &[]),
            (
                70,
                join(A),
                &[
                    "2 begins with 3",
                    "A: generation 2 of ABC",
                    "B: generation 2",
                    "C: generation 2",
                    "until 6m 10s: syncs of 2",
                ],
            ),
        ],
    );
}

#[test]
fn a_laggard_that_leaves_completes_the_barrier() {
    let mut group = stable(&[A, B]);
    feed(&mut group, at(10), join(A));
    run(
        &mut group,
        &[(
            40,
            leave(B),
            &[
                "-B Left",
                "B: left",
                "2 begins with 1",
                "A: generation 2 of A",
                "until 5m 40s: syncs of 2",
            ],
        )],
    );
}

/// A fast restart after a crash: the new process waits for the session of the old one.
#[test]
fn a_zombie_holds_the_barrier_until_its_session_expires() {
    let mut group = stable(&[A, B]);
    feed(&mut group, at(5), ask(C));
    feed(&mut group, at(5), join(C));
    feed(&mut group, at(6), join(A));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    run(
        &mut group,
        &[(
            44,
            expire(B),
            &[
                "-B SessionExpired",
                "2 begins with 2",
                "A: generation 2 of AC",
                "C: generation 2",
                "until 5m 44s: syncs of 2",
            ],
        )],
    );
}

#[test]
fn who_has_not_rejoined_by_the_rebalance_timeout_is_out() {
    let mut group = stable(&[A, B, C]);
    feed(&mut group, at(10), join(A));
    feed(&mut group, at(20), join(C));
    run(
        &mut group,
        &[
            (309, join_timeout(2), &[]),
            (
                310,
                join_timeout(2),
                &[
                    "-B RebalanceTimeout",
                    "2 begins with 2",
                    "A: generation 2 of AC",
                    "C: generation 2",
                    "until 10m 10s: syncs of 2",
                ],
            ),
            (311, join(B), &["B: UnknownMemberId"]),
        ],
    );
}

#[test]
fn the_rebalance_timeout_is_the_longest_of_the_members_when_the_barrier_opens() {
    let mut group = ClassicGroup::new(SimDuration::ZERO, true);
    for (member, secs) in [(A, 10), (B, 60)] {
        feed(&mut group, at(0), ask(member));
        feed(
            &mut group,
            at(0),
            join_within(member, SimDuration::from_secs(secs)),
        );
    }
    feed(&mut group, at(0), window_over(1));
    feed(&mut group, at(0), window_over(1));
    feed(&mut group, at(1), ask(C));
    run(
        &mut group,
        &[(
            1,
            join_within(C, SimDuration::from_secs(20)),
            &[
                "until 5m 1s: first join of C",
                "1 ends, C joined",
                "until 1m 1s: barrier 2",
            ],
        )],
    );
    // A longer one that comes while it is open does not move it.
    feed(&mut group, at(2), ask(D));
    run(
        &mut group,
        &[(2, join(D), &["until 5m 2s: first join of D"])],
    );
    run(
        &mut group,
        &[(
            61,
            join_timeout(2),
            &[
                "-A RebalanceTimeout",
                "-B RebalanceTimeout",
                "2 begins with 2",
                "C: generation 2 of CD",
                "D: generation 2",
                "until 6m 1s: syncs of 2",
            ],
        )],
    );
}

#[test]
fn a_group_of_which_nobody_rejoins_becomes_empty() {
    let mut group = stable(&[A, B, C]);
    feed(&mut group, at(10), leave(C));
    run(
        &mut group,
        &[(
            310,
            join_timeout(2),
            &["-A RebalanceTimeout", "-B RebalanceTimeout", "empty"],
        )],
    );
    assert_eq!((group.state(), group.generation()), (GroupState::Empty, 2));
}

#[test]
fn the_first_to_join_leads_until_it_is_gone() {
    let mut group = stable(&[B, C]);
    feed(&mut group, at(10), ask(A));
    feed(&mut group, at(10), join(A));
    feed(&mut group, at(11), join(B));
    let mut effects = Vec::new();
    group.step(at(12), join(C), &mut effects);
    assert_eq!(told(&effects[2]), "B: generation 2 of ABC");

    // Now B goes, and the lowest id that has joined leads.
    feed(&mut group, at(13), leave(B));
    feed(&mut group, at(14), join(C));
    let mut effects = Vec::new();
    group.step(at(15), join(A), &mut effects);
    assert_eq!(told(&effects[1]), "A: generation 3 of AC");
}

#[test]
fn a_leader_that_does_not_rejoin_is_replaced_by_one_that_did() {
    let mut group = stable(&[A, B, C]);
    feed(&mut group, at(10), leave(B));
    feed(&mut group, at(11), join(C));
    run(
        &mut group,
        &[(
            310,
            join_timeout(2),
            &[
                "-A RebalanceTimeout",
                "2 begins with 1",
                "C: generation 2 of C",
                "until 10m 10s: syncs of 2",
            ],
        )],
    );
}

#[test]
fn a_first_join_is_given_up_after_five_minutes() {
    let long = SimDuration::from_secs(600);
    let mut group = stable(&[A, B]);
    feed(&mut group, at(10), join_within(A, long));
    feed(&mut group, at(20), ask(C));
    feed(&mut group, at(20), join(C));
    run(
        &mut group,
        &[
            (319, pending(C), &[]),
            (
                320,
                pending(C),
                &["C: UnknownMemberId", "-C SessionExpired"],
            ),
            (
                330,
                join(B),
                &[
                    "2 begins with 2",
                    "A: generation 2 of AB",
                    "B: generation 2",
                    "until 15m 30s: syncs of 2",
                ],
            ),
        ],
    );
}

#[test]
fn once_answered_a_first_join_has_no_deadline() {
    let mut group = stable(&[A]);
    run(
        &mut group,
        &[(300, pending(A), &[]), (999, pending(A), &[])],
    );
    assert!(group.contains(A));
}

#[test]
fn timers_of_an_earlier_rebalance_do_nothing() {
    let mut group = stable(&[A, B]);
    feed(&mut group, at(10), join(A));
    feed(&mut group, at(11), join(B));
    feed(&mut group, at(12), join_changed(B));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    run(
        &mut group,
        &[
            (900, window_over(1), &[]),
            (900, join_timeout(2), &[]),
            (900, sync_timeout(1), &[]),
            (900, sync_timeout(2), &[]),
            (900, stored(2), &[]),
        ],
    );
}
