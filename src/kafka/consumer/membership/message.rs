//! What happens to a member and what it does; its states.

use crate::kafka::consumer::{Heartbeat, HeartbeatError, Response, Subscribed};
use crate::units::PartitionId;

/// Something that happens to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The application calls poll(): the first one joins, and one after [`Input::PollTimeout`] joins again. With
    /// auto-commit a reconciliation begins in poll() only, before it returns anything (KAFKA-18641).
    Poll,
    /// The interval that the last response told has passed since the last request was sent.
    HeartbeatDue,
    /// The answer to a request. Each request has one, and they come in order.
    Response(Response),
    /// What an effect with this step asked for is done.
    Done {
        /// The step.
        step: u32,
    },
    /// No poll for max.poll.interval.ms.
    PollTimeout,
    /// The consumer goes on otherwise: the next heartbeat says so if the coordinator has to know.
    Configured {
        /// What it tells the coordinator of itself.
        subscribed: Subscribed,
        /// `enable.auto.commit`.
        auto_commit: bool,
        /// Whether it has a ConsumerRebalanceListener.
        listens: bool,
    },
    /// The application closes the consumer.
    Close,
}

/// What a member does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this to the coordinator. The next heartbeat is due an interval after it.
    Send(Heartbeat),
    /// Fetch no more from what is revoked, and commit the positions of everything that is owned; done when that is
    /// answered, whatever the answer.
    Commit {
        /// For [`Input::Done`].
        step: u32,
        /// What will be given up, in ascending order; maybe nothing.
        revoked: Vec<PartitionId>,
    },
    /// Fetch no more from these, and call onPartitionsRevoked. Without a listener that is done at once, otherwise in the
    /// application's next poll().
    Revoke {
        /// For [`Input::Done`].
        step: u32,
        /// Which, in ascending order.
        partitions: Vec<PartitionId>,
    },
    /// Own just what [`ConsumerMembership::partitions`](super::ConsumerMembership::partitions) says now, and call onPartitionsAssigned; what is new is fetched
    /// from when that is done.
    Assign {
        /// For [`Input::Done`].
        step: u32,
        /// What is new, in ascending order; maybe nothing.
        added: Vec<PartitionId>,
    },
    /// They are somebody else's by now: call onPartitionsLost, then forget them.
    Lose {
        /// For [`Input::Done`].
        step: u32,
        /// Which, in ascending order.
        partitions: Vec<PartitionId>,
    },
    /// The application gets an exception, and the consumer is of no use any more.
    Fail(HeartbeatError),
}

/// State of a member at the client (`consumer.internals.MemberState`). LEAVING, in which a heartbeat says so, does not
/// last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipState {
    /// Not in the group.
    Unsubscribed,
    /// It has asked to join, or does when the answer to an earlier request is there.
    Joining,
    /// It is on its way to an assignment: commit, revoke, assign.
    Reconciling,
    /// It has what it was assigned, and says so as soon as the answer to an earlier request is there.
    Acknowledging,
    /// It has what it was assigned.
    Stable,
    /// It is out of the group, and joins again when it has forgotten its partitions.
    Fenced,
    /// It is giving its partitions up, to leave.
    PrepareLeaving,
    /// It has left because no poll came; it joins again with the next one.
    Stale,
    /// It failed for good.
    Fatal,
}
