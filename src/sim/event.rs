//! What stands on the agenda: coupling instants only, ids only.

use crate::units::ProcessId;

/// Something that couples one party to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Every member catches up, so that deadlines of batches in hand become known in time.
    LookAhead,
    /// An entry of the timeline.
    Timeline(u32),
    /// A process is up and its consumer subscribes.
    Subscribe(ProcessId),
    /// An attended application thread does its next step.
    Wake(ProcessId),
    /// A request of an identity reaches the coordinator.
    Request(Request, u32),
    /// The first answer in the inbox of an identity's process reaches it.
    Answer(u32),
    /// The answer to a heartbeat that was sent after there was news.
    Heartbeat(u32),
    /// An identity may have been silent for its session timeout.
    Session(u32),
    /// The leader's assignment of a generation has been stored.
    Stored(u32),
    /// The new id of a static member has been stored: that of this identity.
    MemberStored(u32),
    /// A timer of the coordinator, by its index.
    Timer(u32),
    /// The committed offsets of a new assignment reach the member.
    Resume(u32),
    /// max.poll.interval.ms may have passed since the poll that returned this batch.
    PollDeadline(ProcessId, u32),
    /// What a step of a member's reconciliation waited for is done.
    Done(u32, u32),
    /// A record of this batch may have outlasted the session of a member whose heartbeats wait for it.
    Silence(ProcessId, u32),
    /// The attempts of a member's calls open its breaker, or its next attempt is due: what it waits for by this number.
    Attempt(ProcessId, u32),
    /// A frozen process goes on.
    Thaw(ProcessId),
    /// A process that was told to stop is killed if it still runs.
    Kill(ProcessId, u32),
    /// A process has closed its consumer and ends.
    Gone(ProcessId, u32),
    /// KEDA polls its trigger, or the HPA syncs.
    Autoscaler,
    /// A member refreshes its metadata and may see new partitions.
    Refresh(ProcessId, u32),
}

/// A request to the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// JoinGroup without a member id.
    JoinAnew,
    /// JoinGroup with one.
    Join,
    /// JoinGroup of a leader that saw new partitions.
    JoinForMetadata,
    /// SyncGroup.
    Sync,
    /// LeaveGroup.
    Leave,
    /// ConsumerGroupHeartbeat.
    Heartbeat,
}

const _: () = assert!(size_of::<Event>() <= 16);
