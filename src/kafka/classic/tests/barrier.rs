//! When PreparingRebalance ends, and with whom.

use super::*;

#[test]
fn a_lone_member_waits_one_window_of_the_initial_delay() {
    let mut group = new_group();
    run(
        &mut group,
        &[
            (
                0,
                ask(A),
                &["until 45s: first join of A", "A: MEMBER_ID_REQUIRED"],
            ),
            (
                0,
                join(A),
                &[
                    "until 5m: first join of A",
                    "0 ends, A joined",
                    "until 3s: window 1",
                ],
            ),
            (
                3,
                initial_delay(1),
                &[
                    "1 begins with 1",
                    "A: generation 1 of A",
                    "until 5m 3s: syncs of 1",
                ],
            ),
        ],
    );
    assert_eq!(group.state(), GroupState::CompletingRebalance);
}

/// A first join at `secs`, which at that time only starts the clock of its answer.
fn parked(group: &mut ClassicGroup, secs: u64, member: MemberId) {
    feed(group, at(secs), ask(member));
    let mut effects = Vec::new();
    group.step(at(secs), join(member), &mut effects);
    let until = at(secs) + SimDuration::from_secs(300);
    assert_eq!(
        effects,
        [Effect::Arm {
            at: until,
            timer: Timer::Pending { member }
        }]
    );
}

#[test]
fn joins_at_0_1_4_and_8_s_complete_at_12_s() {
    let mut group = new_group();
    feed(&mut group, at(0), ask(A));
    feed(&mut group, at(0), join(A));
    parked(&mut group, 1, B);
    run(
        &mut group,
        &[(3, initial_delay(1), &["until 6s: window 1"])],
    );
    parked(&mut group, 4, C);
    run(
        &mut group,
        &[(6, initial_delay(1), &["until 9s: window 1"])],
    );
    parked(&mut group, 8, D);
    run(
        &mut group,
        &[(9, initial_delay(1), &["until 12s: window 1"])],
    );
    run(
        &mut group,
        &[(
            12,
            initial_delay(1),
            &[
                "1 begins with 4",
                "A: generation 1 of ABCD",
                "B: generation 1",
                "C: generation 1",
                "D: generation 1",
                "until 5m 12s: syncs of 1",
            ],
        )],
    );
}

#[test]
fn windows_of_the_initial_delay_fit_into_the_rebalance_timeout() {
    let rebalance_timeout = SimDuration::from_secs(10);
    let mut group = new_group();
    let mut ends = Vec::new();
    for (secs, member) in (0..12).zip([A, B, C, D].iter().cycle()) {
        let id = MemberId {
            serial: u32::try_from(secs).unwrap(),
            ..*member
        };
        feed(&mut group, at(secs), ask(id));
        feed(&mut group, at(secs), join_within(id, rebalance_timeout));
        let mut effects = Vec::new();
        group.step(at(secs), initial_delay(1), &mut effects);
        ends.extend(
            effects
                .iter()
                .map(told)
                .filter(|told| told.ends_with("window 1")),
        );
        if group.state() != GroupState::PreparingRebalance {
            assert_eq!(secs, 10);
            assert_eq!(
                ends,
                [
                    "until 6s: window 1",
                    "until 9s: window 1",
                    "until 10s: window 1"
                ]
            );
            return;
        }
    }
    panic!("new members put off the first generation for ever");
}

#[test]
fn a_leave_does_not_cut_the_initial_delay_short() {
    let mut group = new_group();
    for member in [A, B] {
        feed(&mut group, at(0), ask(member));
        feed(&mut group, at(0), join(member));
    }
    run(
        &mut group,
        &[
            (1, leave(A), &["A: UnknownMemberId", "-A Left", "A: left"]),
            (2, leave(B), &["B: UnknownMemberId", "-B Left", "B: left"]),
            (3, initial_delay(1), &["until 6s: window 1"]),
            (6, initial_delay(1), &["empty"]),
        ],
    );
    assert_eq!((group.state(), group.generation()), (GroupState::Empty, 1));
}

#[test]
fn the_initial_delay_applies_whenever_the_group_was_empty() {
    let mut group = stable(&[A]);
    group.initial_rebalance_delay = SimDuration::from_secs(3);
    run(
        &mut group,
        &[
            (
                5,
                leave(A),
                &["-A Left", "A: left", "1 ends, A left", "empty"],
            ),
            (
                6,
                ask(B),
                &["until 51s: first join of B", "B: MEMBER_ID_REQUIRED"],
            ),
            (
                6,
                join(B),
                &[
                    "until 5m 6s: first join of B",
                    "2 ends, B joined",
                    "until 9s: window 3",
                ],
            ),
        ],
    );
}

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
fn an_expiring_id_cuts_the_initial_delay_short() {
    let mut group = new_group();
    feed(&mut group, at(0), ask(A));
    feed(&mut group, at(44), ask(B));
    feed(&mut group, at(44), join(B));
    run(
        &mut group,
        &[(
            45,
            pending(A),
            &[
                "1 begins with 1",
                "B: generation 1 of B",
                "until 5m 45s: syncs of 1",
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
    let mut group = ClassicGroup::new(SimDuration::ZERO);
    for (member, secs) in [(A, 10), (B, 60)] {
        feed(&mut group, at(0), ask(member));
        feed(
            &mut group,
            at(0),
            join_within(member, SimDuration::from_secs(secs)),
        );
    }
    feed(&mut group, at(0), initial_delay(1));
    feed(&mut group, at(0), initial_delay(1));
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
            (900, initial_delay(1), &[]),
            (900, join_timeout(2), &[]),
            (900, sync_timeout(1), &[]),
            (900, sync_timeout(2), &[]),
            (900, stored(2), &[]),
        ],
    );
}
