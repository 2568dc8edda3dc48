//! What a client does, input by input.

use super::membership::{Effect, Input};
use super::*;

/// One effect in a few words.
fn told(effect: &Effect) -> String {
    match effect {
        Effect::Send(request) => {
            let owned = request.owned.as_ref();
            let owned = owned.map_or(String::new(), |owned| {
                format!(" owns {}", written(owned.iter().copied()))
            });
            let subscribed = match request.subscribed {
                Some(_) => " subscribes",
                None => "",
            };
            format!("send {}{subscribed}{owned}", request.epoch)
        }
        Effect::Commit { step, revoked } => {
            format!("{step} commit before {}", written(revoked.iter().copied()))
        }
        Effect::Revoke { step, partitions } => {
            format!("{step} revoke {}", written(partitions.iter().copied()))
        }
        Effect::Assign { step, added } => {
            format!("{step} assign {}", written(added.iter().copied()))
        }
        Effect::Lose { step, partitions } => {
            format!("{step} lose {}", written(partitions.iter().copied()))
        }
        Effect::Fail(error) => format!("fail {error:?}"),
    }
}

fn run(client: &mut ConsumerMembership, table: &[(Input, &[&str])]) {
    for (row, (input, expected)) in table.iter().enumerate() {
        let mut effects = Vec::new();
        client.step(input.clone(), &mut effects);
        let told = effects.iter().map(told).collect::<Vec<_>>();
        assert_eq!(told, *expected, "row {row}: {input:?}");
    }
}

fn new_client(auto_commit: bool) -> ConsumerMembership {
    ConsumerMembership::new(id('A'), None, subscribed(), auto_commit)
}

fn answer(epoch: i32, assignment: Option<&str>) -> Input {
    Input::Response(Response::Heartbeat {
        epoch,
        interval: HEARTBEAT_INTERVAL,
        assignment: assignment.map(ids),
    })
}

fn refusal(error: HeartbeatError) -> Input {
    Input::Response(Response::Error(error))
}

fn done(step: u32) -> Input {
    Input::Done { step }
}

/// In epoch 1 with 0123, its first step done.
fn stable(auto_commit: bool) -> ConsumerMembership {
    let mut client = new_client(auto_commit);
    run(&mut client, &[(Input::Poll, &["send 0 subscribes owns "])]);
    client.step(answer(1, Some("0123")), &mut Vec::new());
    // With auto-commit that begins in the next poll, otherwise it has begun.
    assert_eq!(client.waits_for_poll(), auto_commit);
    client.step(Input::Poll, &mut Vec::new());
    run(
        &mut client,
        &[(done(1), &["send 1 owns 0123"]), (answer(1, None), &[])],
    );
    assert_eq!(client.state(), MembershipState::Stable);
    assert!(!client.waits_for_poll());
    client
}

#[test]
fn it_joins_with_its_first_poll_and_acknowledges_even_nothing() {
    let mut client = new_client(true);
    run(
        &mut client,
        &[
            (Input::HeartbeatDue, &[]),
            (Input::Poll, &["send 0 subscribes owns "]),
            (Input::Poll, &[]),
            (answer(1, Some("")), &[]),
            (Input::Poll, &["1 assign "]),
            (done(1), &["send 1 owns "]),
            (answer(1, None), &[]),
            (Input::HeartbeatDue, &["send 1"]),
            (answer(1, None), &[]),
            (Input::HeartbeatDue, &["send 1"]),
        ],
    );
}

#[test]
fn it_commits_then_revokes_then_assigns_then_says_so_at_once() {
    let mut client = stable(true);
    run(
        &mut client,
        &[
            (Input::HeartbeatDue, &["send 1"]),
            // The application works on a batch until its next poll.
            (answer(1, Some("014")), &[]),
            (Input::HeartbeatDue, &["send 1"]),
            (answer(1, None), &[]),
            (Input::Poll, &["2 commit before 23"]),
            (Input::Poll, &[]),
            // Heartbeats go on meanwhile, and say nothing of it.
            (Input::HeartbeatDue, &["send 1"]),
            (answer(1, None), &[]),
            (done(2), &["3 revoke 23"]),
            (done(3), &["4 assign 4"]),
        ],
    );
    assert_eq!(written(client.partitions()), "014");
    run(
        &mut client,
        &[(done(4), &["send 1 owns 014"]), (done(4), &[])],
    );
    // Without auto-commit, and with nothing to give up, it only assigns.
    let mut client = stable(false);
    run(
        &mut client,
        &[
            (Input::HeartbeatDue, &["send 1"]),
            (answer(2, Some("01234")), &["2 assign 4"]),
            (done(2), &["send 2 owns 01234"]),
        ],
    );
}

#[test]
fn one_request_is_in_flight_at_a_time() {
    let mut client = stable(false);
    run(
        &mut client,
        &[
            (Input::HeartbeatDue, &["send 1"]),
            (Input::HeartbeatDue, &[]),
            (answer(2, Some("01")), &["2 revoke 23", "send 2"]),
            (done(2), &["3 assign "]),
            // The acknowledgement waits for the answer.
            (done(3), &[]),
            (answer(2, None), &["send 2 owns 01"]),
        ],
    );
}

#[test]
fn another_target_meanwhile_is_next() {
    let mut client = stable(false);
    run(
        &mut client,
        &[
            (Input::HeartbeatDue, &["send 1"]),
            (answer(1, Some("01")), &["2 revoke 23"]),
            (Input::HeartbeatDue, &["send 1"]),
            (answer(1, Some("0")), &[]),
            (done(2), &["3 assign "]),
            (done(3), &["send 1 owns 01", "4 revoke 1"]),
            (answer(2, None), &[]),
            (done(4), &["5 assign "]),
            (done(5), &["send 2 owns 0"]),
        ],
    );
}

/// A target that is the present one again is one more to acknowledge.
#[test]
fn what_goes_and_comes_back_is_acknowledged_too() {
    let mut client = stable(false);
    run(
        &mut client,
        &[
            (Input::HeartbeatDue, &["send 1"]),
            (answer(2, Some("01")), &["2 revoke 23"]),
            (Input::HeartbeatDue, &["send 2"]),
            (answer(3, Some("0123")), &[]),
            (done(2), &["3 assign "]),
            (done(3), &["send 3 owns 01", "4 assign 23"]),
            (answer(3, None), &[]),
            (done(4), &["send 3 owns 0123"]),
        ],
    );
}

#[test]
fn fenced_it_forgets_its_partitions_and_joins_again() {
    for error in [
        HeartbeatError::FencedMemberEpoch,
        HeartbeatError::UnknownMemberId,
    ] {
        let mut client = stable(true);
        run(
            &mut client,
            &[
                (Input::HeartbeatDue, &["send 1"]),
                (refusal(error), &["2 lose 0123"]),
                (Input::HeartbeatDue, &[]),
                (Input::Poll, &[]),
                (done(2), &["send 0 subscribes owns "]),
                (answer(7, Some("0")), &[]),
                (Input::Poll, &["3 assign 0"]),
                (done(3), &["send 7 owns 0"]),
            ],
        );
        // Without anything to forget it joins at once.
        let mut client = new_client(true);
        run(
            &mut client,
            &[
                (Input::Poll, &["send 0 subscribes owns "]),
                (refusal(error), &["send 0 subscribes owns "]),
            ],
        );
    }
}

#[test]
fn a_reconciliation_from_before_it_joined_again_comes_to_nothing() {
    let mut client = stable(false);
    run(
        &mut client,
        &[
            (Input::HeartbeatDue, &["send 1"]),
            (answer(1, Some("01")), &["2 revoke 23"]),
            (Input::HeartbeatDue, &["send 1"]),
            (refusal(HeartbeatError::FencedMemberEpoch), &["3 lose 0123"]),
            (done(3), &["send 0 subscribes owns "]),
            // The application is still in the old callback.
            (answer(5, Some("0")), &[]),
            (done(2), &["4 assign 0"]),
            (done(4), &["send 5 owns 0"]),
        ],
    );
}

#[test]
fn an_instance_id_that_is_taken_is_fatal() {
    for error in [
        HeartbeatError::UnreleasedInstanceId,
        HeartbeatError::FencedInstanceId,
    ] {
        let mut client = stable(false);
        let told = format!("fail {error:?}");
        run(
            &mut client,
            &[
                (Input::HeartbeatDue, &["send 1"]),
                (refusal(error), &[told.as_str(), "2 lose 0123"]),
                (done(2), &[]),
                (Input::Poll, &[]),
                (Input::HeartbeatDue, &[]),
                (Input::PollTimeout, &[]),
                (Input::Close, &[]),
            ],
        );
        assert_eq!(client.state(), MembershipState::Fatal);
        assert_eq!(client.partitions().count(), 0);
    }
}

#[test]
fn a_late_poll_leaves_at_once_and_joins_with_the_next_one() {
    let mut client = stable(true);
    run(
        &mut client,
        &[
            // Whatever is in flight: nothing that comes of it is heeded.
            (Input::HeartbeatDue, &["send 1"]),
            (Input::PollTimeout, &["send -1", "2 lose 0123"]),
            (Input::PollTimeout, &[]),
            (Input::HeartbeatDue, &[]),
            (answer(2, Some("0")), &[]),
            (Input::Response(Response::Left), &[]),
            (done(2), &[]),
            (Input::Poll, &["send 0 subscribes owns "]),
        ],
    );
    // Its callback runs in that poll.
    let mut client = stable(true);
    run(
        &mut client,
        &[
            (Input::PollTimeout, &["send -1", "2 lose 0123"]),
            (Input::Poll, &[]),
            (done(2), &["send 0 subscribes owns "]),
            (Input::Response(Response::Left), &[]),
            (answer(9, Some("0")), &[]),
            (Input::Poll, &["3 assign 0"]),
        ],
    );
}

#[test]
fn it_closes_by_commit_revocation_and_leave() {
    let mut client = stable(true);
    run(
        &mut client,
        &[
            (Input::Close, &["2 commit before 0123"]),
            (Input::HeartbeatDue, &["send 1"]),
            // No new assignment any more.
            (answer(2, Some("0")), &[]),
            (done(2), &["3 revoke 0123"]),
            (done(3), &["send -1"]),
            (Input::HeartbeatDue, &[]),
            (Input::Response(Response::Left), &[]),
        ],
    );
    assert_eq!(client.state(), MembershipState::Unsubscribed);
    assert_eq!(client.partitions().count(), 0);
    let mut client = new_client(true);
    run(&mut client, &[(Input::Close, &[])]);
}

#[test]
fn fenced_while_it_closes_it_has_nothing_to_leave() {
    let mut client = stable(false);
    run(
        &mut client,
        &[
            (Input::HeartbeatDue, &["send 1"]),
            (Input::Close, &["2 revoke 0123"]),
            (refusal(HeartbeatError::UnknownMemberId), &[]),
            (done(2), &[]),
        ],
    );
    assert_eq!(client.state(), MembershipState::Unsubscribed);
}

#[test]
fn a_static_member_leaves_for_a_while() {
    let instance = Some("i".to_owned());
    let mut client = ConsumerMembership::new(id('A'), instance, subscribed(), false);
    run(
        &mut client,
        &[
            (Input::Poll, &["send 0 subscribes owns "]),
            (answer(1, Some("")), &["1 assign "]),
            (done(1), &["send 1 owns "]),
            (Input::PollTimeout, &["send -2"]),
            (Input::Poll, &["send 0 subscribes owns "]),
            (Input::Close, &["send -2"]),
        ],
    );
}

/// It would take what is being assigned for given up, and give it to another.
#[test]
fn an_overdue_heartbeat_does_not_deny_what_is_being_assigned() {
    let mut client = new_client(false);
    run(
        &mut client,
        &[
            (Input::Poll, &["send 0 subscribes owns "]),
            (Input::HeartbeatDue, &[]),
            (answer(1, Some("")), &["1 assign "]),
            (Input::HeartbeatDue, &["send 1"]),
            (done(1), &[]),
            (Input::HeartbeatDue, &[]),
            (answer(2, Some("0123")), &["2 assign 0123"]),
            (done(2), &["send 2 owns 0123"]),
        ],
    );
}

#[test]
fn with_a_listener_it_reconciles_in_poll_only() {
    let mut client = new_client(false).listening();
    run(
        &mut client,
        &[
            (Input::Poll, &["send 0 subscribes owns "]),
            (answer(1, Some("01")), &[]),
            (Input::Poll, &["1 assign 01"]),
            (done(1), &["send 1 owns 01"]),
        ],
    );
}

#[test]
fn what_the_coordinator_has_to_know_is_said_once() {
    let mut client = stable(false);
    let configured = Input::Configured {
        subscribed: Subscribed {
            rebalance_timeout: HEARTBEAT_INTERVAL,
            ..subscribed()
        },
        auto_commit: true,
        listens: false,
    };
    run(
        &mut client,
        &[
            (configured.clone(), &[]),
            (Input::HeartbeatDue, &["send 1 subscribes"]),
            (answer(1, None), &[]),
            (configured, &[]),
            (Input::HeartbeatDue, &["send 1"]),
            // And it commits by itself from now on.
            (answer(1, Some("01")), &[]),
            (Input::Poll, &["2 commit before 23"]),
        ],
    );
}
