//! Kafka's protocol as pure state machines and tables: input in, effects out. No clock, no dice, no file.
#![deny(clippy::float_arithmetic)]

pub mod assignor;
mod classic;
mod client;
pub mod consumer;
mod fetch;
pub mod parallel;
mod properties;
mod retention;

pub use classic::{
    ClassicGroup, Effect, GroupState, Input, JoinGroup, KafkaError, Owned, RebalanceReason,
    RemovalReason, Response, Timer,
};
pub use client::{
    AutoCommitFrom, ClientProfile, Fetches, Heartbeats, HeartbeatsFrom, LateCommit, PollClock,
    RebalanceTimeout, ReconcilesFrom, RejoinFrom,
};
pub use fetch::{Call, FetchLimits, FetchWhen, Fetcher, HandedOut, Logs, Polled, Reset, Run, Slot};
pub use properties::{
    Assignor, BrokerProperties, ConsumerProperties, GroupProtocol, OffsetReset, Property,
    PropertyError, RebalanceProtocol, ServerAssignor, TopicProperties, UNLIMITED_RECORDS,
};

pub use retention::{Appends, LogStart, RetentionLimits};

/// `group.instance.id` of a static member (KIP-345); the caller knows its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceId(pub u32);

/// Identity of a member at the coordinator: one per process incarnation and join as a new member.
/// Orders as Kafka orders member ids: by their random part, and by what stands before it where that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberId {
    /// The random part (the leading bits of the uuid), below the place of its client.id among those of its group.
    pub random: u64,
    /// Makes it unique.
    pub serial: u32,
}
