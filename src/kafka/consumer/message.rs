//! What goes into a consumer group and what comes out of it. Not what it does in between.

use crate::kafka::MemberId;
use crate::kafka::classic::{RebalanceReason, RemovalReason};
use crate::kafka::properties::ServerAssignor;
use crate::units::{PartitionId, SimDuration, SimTime};

use crate::kafka::assignor::TopicPartitions;

/// The member epoch of a heartbeat that joins (`ConsumerGroupHeartbeatRequest.JOIN_GROUP_MEMBER_EPOCH`).
pub const JOIN_EPOCH: i32 = 0;
/// The member epoch of a heartbeat that leaves (`LEAVE_GROUP_MEMBER_EPOCH`).
pub const LEAVE_EPOCH: i32 = -1;
/// The member epoch of a static member that leaves and wants its partitions kept (`LEAVE_GROUP_STATIC_MEMBER_EPOCH`).
pub const STATIC_LEAVE_EPOCH: i32 = -2;

/// What a ConsumerGroupHeartbeat says of its sender when it joins, or has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Topics: indexes into those of the group, in ascending order.
    pub topics: Vec<usize>,
    /// How long it may take to give partitions up: max.poll.interval.ms.
    pub rebalance_timeout: SimDuration,
    /// `group.remote.assignor`; `None` leaves the choice to the coordinator.
    pub assignor: Option<ServerAssignor>,
}

/// A ConsumerGroupHeartbeat request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Sender.
    pub member: MemberId,
    /// `group.instance.id`, if it is a static member.
    pub instance: Option<String>,
    /// Its epoch; [`JOIN_EPOCH`], [`LEAVE_EPOCH`] and [`STATIC_LEAVE_EPOCH`] say what it wants.
    pub epoch: i32,
    /// Present when it joins, or has changed.
    pub subscribed: Option<Subscribed>,
    /// What it owns, when it joins (nothing) or has changed: the acknowledgement of what was revoked and assigned.
    pub owned: Option<Vec<PartitionId>>,
}

/// Something that reaches the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A request.
    Heartbeat(Heartbeat),
    /// No heartbeat from a member for group.consumer.session.timeout.ms. One that leaves with [`STATIC_LEAVE_EPOCH`]
    /// is no sign of life: the time goes on from the one before.
    SessionExpired {
        /// Who.
        member: MemberId,
    },
    /// There are other topics or partitions (`GroupMetadataManager#onNewMetadataImage`).
    MetadataChanged {
        /// All topics.
        topics: Vec<TopicPartitions>,
    },
    /// A deadline armed by [`Effect::Arm`] has come; one that has moved on since does nothing.
    Timer(RevocationTimer),
}

/// The time a member has to give partitions up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevocationTimer {
    /// Who.
    pub member: MemberId,
    /// The epoch it was to come out of.
    pub epoch: i32,
}

/// Why a heartbeat was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatError {
    /// UNKNOWN_MEMBER_ID.
    UnknownMemberId,
    /// FENCED_MEMBER_EPOCH.
    FencedMemberEpoch,
    /// UNRELEASED_INSTANCE_ID: another process holds the instance id and has not said that it leaves.
    UnreleasedInstanceId,
    /// FENCED_INSTANCE_ID: another process has taken the instance id over.
    FencedInstanceId,
    /// INVALID_REQUEST: a join that owns something or does not say what it subscribes to.
    InvalidRequest,
}

/// Why a commit was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// UNKNOWN_MEMBER_ID.
    UnknownMemberId,
    /// STALE_MEMBER_EPOCH: to be sent again with the epoch that the next heartbeat brings.
    StaleMemberEpoch,
}

/// What a heartbeat is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// It is a member, or has become one.
    Heartbeat {
        /// The epoch of the member.
        epoch: i32,
        /// How long until the next one: group.consumer.heartbeat.interval.ms.
        interval: SimDuration,
        /// All it shall own, when it joins or that has changed, in ascending order.
        assignment: Option<Vec<PartitionId>>,
    },
    /// It has left.
    Left,
    /// It was refused.
    Error(HeartbeatError),
}

/// What follows from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Answer a member's heartbeat.
    Respond {
        /// To whom.
        member: MemberId,
        /// What.
        response: Response,
        /// Whether something is written to __consumer_offsets first, for which the answer waits.
        written: bool,
    },
    /// Call back with the timer at `at`.
    Arm {
        /// When.
        at: SimTime,
        /// What.
        timer: RevocationTimer,
    },
    /// The group epoch was raised: there will be another target.
    EpochBumped {
        /// The new group epoch.
        epoch: i32,
        /// Why.
        reason: RebalanceReason,
    },
    /// A new target assignment was made.
    TargetAssigned {
        /// The group epoch it is for.
        epoch: i32,
    },
    /// A static member came back as another process: it has what the one before had.
    MemberReplaced {
        /// Who was.
        old: MemberId,
        /// Who is.
        new: MemberId,
    },
    /// A member is gone.
    MemberRemoved {
        /// Who.
        member: MemberId,
        /// Why.
        reason: RemovalReason,
    },
    /// The last member is gone.
    BecameEmpty,
}
