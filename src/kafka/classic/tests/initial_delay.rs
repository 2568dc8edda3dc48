//! How long a group that was empty waits for its members.

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
                window_over(1),
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
    run(&mut group, &[(3, window_over(1), &["until 6s: window 1"])]);
    parked(&mut group, 4, C);
    run(&mut group, &[(6, window_over(1), &["until 9s: window 1"])]);
    parked(&mut group, 8, D);
    run(&mut group, &[(9, window_over(1), &["until 12s: window 1"])]);
    run(
        &mut group,
        &[(
            12,
            window_over(1),
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
        group.step(at(secs), window_over(1), &mut effects);
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
            (3, window_over(1), &["until 6s: window 1"]),
            (6, window_over(1), &["empty"]),
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
