//! What goes into a classic group and what comes out of it. Not what it does in between.

use std::collections::BTreeMap;

use crate::kafka::{InstanceId, MemberId};
use crate::units::{PartitionId, SimDuration, SimTime};

/// What a subscription says for sticky assignors (`ConsumerPartitionAssignor.Subscription`): the partitions that the
/// member has, and of which generation. Nothing for other assignors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// Which.
    pub partitions: Vec<PartitionId>,
    /// `None` outside any generation.
    pub generation: Option<u32>,
}

/// What a JoinGroup request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroup {
    /// The member; a client that has none yet is given this one (MEMBER_ID_REQUIRED, KIP-394).
    pub member: MemberId,
    /// Whether the request carries the id, or asks for it.
    pub knows_its_id: bool,
    /// `group.instance.id` of a static member: it is added, or takes its place again, without being asked to come back
    /// with an id.
    pub instance: Option<InstanceId>,
    /// `session.timeout.ms`.
    pub session_timeout: SimDuration,
    /// Rebalance timeout.
    pub rebalance_timeout: SimDuration,
    /// Whether the leader asks for a rebalance because of changed metadata (new partitions).
    pub metadata_changed: bool,
    /// What it owns; differs from one generation to the next, so that a member that rejoins always has a changed subscription.
    pub owned: Owned,
}

/// Something that reaches the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A JoinGroup request.
    JoinGroup(JoinGroup),
    /// A SyncGroup request; the leader's carries the assignment.
    SyncGroup {
        /// Sender.
        member: MemberId,
        /// Its generation.
        generation: u32,
        /// Partitions of every member, from the leader.
        assignment: Option<BTreeMap<MemberId, Vec<PartitionId>>>,
    },
    /// The leader's assignment has been appended to __consumer_offsets.
    AssignmentStored {
        /// Of which generation.
        generation: u32,
    },
    /// The new id of a static member has been appended to __consumer_offsets.
    MemberStored {
        /// Under its new id.
        member: MemberId,
    },
    /// A LeaveGroup request; static members send none.
    LeaveGroup {
        /// Sender.
        member: MemberId,
    },
    /// No sign of life from a member for its session timeout. Ignored while its JoinGroup or SyncGroup is
    /// parked; the session starts again with the answer (`ClassicGroupMember#hasSatisfiedHeartbeat`).
    SessionExpired {
        /// Who.
        member: MemberId,
    },
    /// A deadline armed by [`Effect::Arm`] has come; one that has moved on since does nothing.
    Timer(Timer),
}

/// A deadline of the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// End of a window of group.initial.rebalance.delay.ms.
    InitialDelay {
        /// The rebalance it belongs to.
        rebalance: u32,
    },
    /// Rebalance timeout of the join phase.
    Join {
        /// The rebalance it belongs to.
        rebalance: u32,
    },
    /// A member id that is not through its first join: given out but not used for a session timeout, or
    /// parked in its first JoinGroup for 5 minutes.
    Pending {
        /// Who.
        member: MemberId,
    },
    /// Members that did not sync in time.
    Sync {
        /// Of which generation.
        generation: u32,
    },
}

/// Kafka's error codes, as far as the model meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KafkaError {
    /// UNKNOWN_MEMBER_ID.
    UnknownMemberId,
    /// ILLEGAL_GENERATION.
    IllegalGeneration,
    /// REBALANCE_IN_PROGRESS.
    RebalanceInProgress,
    /// FENCED_INSTANCE_ID: another member has taken this one's group.instance.id. Fatal for a client.
    FencedInstanceId,
    /// STALE_MEMBER_EPOCH, of a commit in a consumer group: the coordinator has given the member another epoch, and the
    /// answer that says so is on its way.
    StaleMemberEpoch,
}

/// What the coordinator answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// MEMBER_ID_REQUIRED: join again with the id given in the request.
    MemberIdRequired,
    /// The join barrier is complete.
    JoinGroup {
        /// The new generation.
        generation: u32,
        /// For the leader: all members, in member id order, with what they say they own. Empty for followers.
        members: Vec<(MemberId, Owned)>,
        /// Whether the leader is to leave the assignment as it is: a static one that is back (KIP-814).
        skip_assignment: bool,
    },
    /// The assignment.
    SyncGroup {
        /// The generation.
        generation: u32,
        /// Partitions of this member.
        partitions: Vec<PartitionId>,
    },
    /// LeaveGroup accepted.
    Left,
    /// The request failed.
    Error(KafkaError),
}

/// Why a rebalance began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebalanceReason {
    /// A new member joined.
    MemberJoined(MemberId),
    /// A dynamic member left cleanly or at its max.poll.interval.ms.
    MemberLeft(MemberId),
    /// A member's session expired, or it did not sync within the rebalance timeout;
    /// [`Effect::MemberRemoved`] says which.
    SessionExpired(MemberId),
    /// The leader joined again because of changed metadata.
    MetadataChanged,
    /// A member rejoined in a state where that forces a rebalance, or a static one came back while the leader was at
    /// its assignment.
    MemberRejoined(MemberId),
}

/// Why a member was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalReason {
    /// LeaveGroup.
    Left,
    /// Session timeout, or 5 minutes in its first JoinGroup.
    SessionExpired,
    /// Did not rejoin within the rebalance timeout.
    RebalanceTimeout,
    /// Did not sync within the rebalance timeout.
    SyncTimeout,
}

/// What follows from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Answer a member's parked or present request.
    Respond {
        /// To whom.
        member: MemberId,
        /// What.
        response: Response,
    },
    /// Call back with `timer` at `at`.
    Arm {
        /// When.
        at: SimTime,
        /// What.
        timer: Timer,
    },
    /// The leader's assignment goes to __consumer_offsets: call back with [`Input::AssignmentStored`] after the write.
    StoreAssignment {
        /// Of which generation.
        generation: u32,
    },
    /// The new id of a static member goes to __consumer_offsets: call back with [`Input::MemberStored`] after the write.
    StoreMember {
        /// Under its new id.
        member: MemberId,
    },
    /// The group went to PreparingRebalance.
    RebalanceStarted {
        /// Generation that ends.
        generation: u32,
        /// Why.
        reason: RebalanceReason,
    },
    /// The join barrier completed with these members.
    GenerationStarted {
        /// The new generation.
        generation: u32,
        /// How many members.
        members: u32,
    },
    /// The group is Stable: everyone gets their assignment.
    Stabilised {
        /// The generation.
        generation: u32,
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
