//! What became true during a run, in Kafka's words.

use crate::kafka::{KafkaError, RebalanceReason, RemovalReason};
use crate::platform::ScaleReason;
use crate::units::{PartitionId, ProcessId, SimTime};
use crate::workload::BreakerState;

/// A fact of the protocol, the faults or a partition's state. Nothing per poll and nothing per record.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A process started (its consumer subscribes now).
    ProcessStarted {
        /// Who.
        process: ProcessId,
    },
    /// A process ended.
    ProcessStopped {
        /// Who.
        process: ProcessId,
        /// How.
        reason: StopReason,
    },
    /// The coordinator knows this process under a member id from now on.
    MemberJoined {
        /// Who.
        process: ProcessId,
        /// `<client.id>-<uuid>`, or `<group.instance.id>-<uuid>`.
        member_id: String,
    },
    /// The coordinator removed a member that did not leave by itself (that of a consumer group fenced it), or a member
    /// dropped out at its max.poll.interval.ms.
    MemberEvicted {
        /// Who.
        process: ProcessId,
        /// Why; `None` is max.poll.interval.ms exceeded (the member itself sent LeaveGroup; a static one sends nothing).
        removal: Option<RemovalReason>,
    },
    /// The group went to PreparingRebalance, or the epoch of a consumer group was raised.
    RebalanceStarted {
        /// Generation, or group epoch, that ends.
        generation: u32,
        /// Why, and who made it so.
        reason: RebalanceReason,
        /// The process behind it, if one is.
        process: Option<ProcessId>,
    },
    /// The join barrier completed, or the coordinator of a consumer group made a new target assignment.
    GenerationStarted {
        /// The new generation, or the group epoch that the target is for.
        generation: u32,
        /// How many members.
        members: u32,
    },
    /// The group is Stable again.
    GroupStable {
        /// The generation, or group epoch.
        generation: u32,
    },
    /// The last member is gone.
    GroupEmpty,
    /// A member got its assignment: all of it, what a cooperative one has already too.
    PartitionsAssigned {
        /// Who.
        process: ProcessId,
        /// The generation, or the member's epoch.
        generation: u32,
        /// What.
        partitions: Vec<PartitionId>,
    },
    /// A member gave partitions up (`onPartitionsRevoked`): an eager one all of them to rejoin, a cooperative one those that
    /// its assignment takes away. Or it found them lost (`onPartitionsLost`).
    PartitionsRevoked {
        /// Who.
        process: ProcessId,
        /// The generation that it leaves, or the member's epoch.
        generation: u32,
        /// What.
        partitions: Vec<PartitionId>,
        /// Lost instead of revoked.
        lost: bool,
    },
    /// A member that stood still for a rebalance has its positions again and fetches; a cooperative one stands still only
    /// while it has no partition.
    MemberResumed {
        /// Who.
        process: ProcessId,
        /// Since when it had stood still: its revocation, or its start.
        since: SimTime,
    },
    /// A commit was refused.
    CommitFailed {
        /// Who.
        process: ProcessId,
        /// The broker's, or RebalanceInProgressException of a client that is joining; otherwise CommitFailedException.
        error: Option<KafkaError>,
        /// Records processed whose commit was refused.
        records: u64,
    },
    /// A poison record was met for the first time (by this owner).
    PoisonMet {
        /// Who; nobody if the group was stuck at it before the run began.
        process: Option<ProcessId>,
        /// Where.
        partition: PartitionId,
        /// Which.
        offset: u64,
    },
    /// A poison record was given up.
    PoisonGivenUp {
        /// Who.
        process: ProcessId,
        /// Where.
        partition: PartitionId,
        /// Which.
        offset: u64,
        /// What became of it.
        fate: Fate,
    },
    /// A process exits because it cannot process a record.
    Crashed {
        /// Who.
        process: ProcessId,
        /// Where.
        partition: PartitionId,
        /// Which.
        offset: u64,
        /// When its supervisor starts it again, if it does: not one that was told to stop.
        restarts_at: Option<SimTime>,
    },
    /// Records were committed by nobody that processed them, or jumped over by a reset: lost.
    RecordsLost {
        /// Where.
        partition: PartitionId,
        /// First lost offset.
        from: u64,
        /// One after the last.
        to: u64,
    },
    /// A position was out of range, since retention had deleted the record: auto.offset.reset moved it.
    OffsetReset {
        /// Who.
        process: ProcessId,
        /// Where.
        partition: PartitionId,
        /// The position before.
        from: u64,
        /// The new one.
        to: u64,
    },
    /// A process stands still.
    Frozen {
        /// Who.
        process: ProcessId,
    },
    /// It goes on.
    Thawed {
        /// Who.
        process: ProcessId,
    },
    /// The circuit breaker of a member turned.
    BreakerTurned {
        /// Whose.
        process: ProcessId,
        /// What it is at now.
        state: BreakerState,
    },
    /// The autoscaler changed how many processes there are to be.
    Scaled {
        /// How many there were.
        from: u32,
        /// How many there are to be.
        to: u32,
        /// Why.
        reason: ScaleReason,
        /// What it made of the lag (records), if it looked.
        lag: Option<i64>,
    },
    /// An entry of the timeline took effect.
    Timeline {
        /// Index into [`crate::scenario::Scenario::timeline`].
        entry: usize,
    },
    /// From `since` on (an instant not later than now), a partition is in `state`; states that were told
    /// for later instants than `since` are void.
    State {
        /// Which.
        partition: PartitionId,
        /// Its state.
        state: PartitionState,
        /// Since when.
        since: SimTime,
        /// Log-end offset at `since`.
        log_end: u64,
        /// Committed offset at `since` (0 if none).
        committed: u64,
        /// Of a throttled one, the dependency that its member waits for: an index into those of the scenario.
        waits_for: Option<usize>,
    },
}

impl Fact {
    /// The records of a partition from one offset to before another are lost.
    pub(super) fn records_lost(partition: PartitionId, (from, to): (u64, u64)) -> Self {
        Fact::RecordsLost {
            partition,
            from,
            to,
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It closed its consumer.
    Closed,
    /// It was killed, or died.
    Killed,
    /// The coordinator refused it for good (UNRELEASED_INSTANCE_ID), and its application ended.
    Refused,
}

/// What happens to a partition at a time: exactly one of these. Lag gained or lost is attributed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartitionState {
    /// Never yet owned: the group is starting up.
    Starting,
    /// Owned, and its member has no backlog: a poll takes what is unread of it, and what is in hand has come since the poll before.
    KeepingUp,
    /// Owned, behind, and its member works all the time: no parallelism left.
    Saturated,
    /// Owned, behind, and its member waits for a dependency's limit, or for one that has stopped.
    Throttled,
    /// Its member cannot get past a poison record, here or on another partition of the same poll loop.
    Blocked,
    /// Nobody may read it until a rebalance is through.
    Rebalancing,
    /// Its owner is gone and the group does not know (it is dead, or a static member that is away), or nobody runs at all.
    Orphaned,
    /// Its owner was evicted, and what it worked on since its last poll does not count.
    Evicted,
    /// Its owner stands still (a long pause of the process).
    Frozen,
}

impl PartitionState {
    /// Every state, in the order of tables and legends.
    pub const ALL: [PartitionState; 9] = [
        PartitionState::Starting,
        PartitionState::KeepingUp,
        PartitionState::Saturated,
        PartitionState::Throttled,
        PartitionState::Blocked,
        PartitionState::Rebalancing,
        PartitionState::Orphaned,
        PartitionState::Evicted,
        PartitionState::Frozen,
    ];

    /// Its name in files: `keeping-up`.
    pub fn name(self) -> &'static str {
        match self {
            PartitionState::Starting => "starting",
            PartitionState::KeepingUp => "keeping-up",
            PartitionState::Saturated => "saturated",
            PartitionState::Throttled => "throttled",
            PartitionState::Blocked => "blocked",
            PartitionState::Rebalancing => "rebalancing",
            PartitionState::Orphaned => "orphaned",
            PartitionState::Evicted => "evicted",
            PartitionState::Frozen => "frozen",
        }
    }
}

/// What becomes of a record that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Logged and skipped.
    Skipped,
    /// The same, because it could not be produced to the dead-letter topic.
    Undelivered,
    /// Produced to the dead-letter topic.
    DeadLettered,
    /// Produced to the next retry topic.
    PassedOn,
}
