//! The consumer protocol (KIP-848) as two pure machines: the group at its coordinator and the membership of a client.
//! Not the clocks: heartbeats without news are arithmetic at the caller, so sessions and polls that come too late come
//! in as inputs, and the group says whether a heartbeat would bring news.

mod group;
pub mod membership;
mod message;
mod reconcile;

#[cfg(test)]
mod tests;

pub use group::{ConsumerGroup, ConsumerGroupSettings, ConsumerGroupState};
pub use membership::{ConsumerMembership, MembershipState};
pub use message::{
    CommitError, Effect, Heartbeat, HeartbeatError, Input, JOIN_EPOCH, LEAVE_EPOCH, Response,
    RevocationTimer, STATIC_LEAVE_EPOCH, Subscribed,
};
pub use reconcile::MemberState;
