//! What a member knows of its membership. Not what it does about it.

use std::collections::VecDeque;

use crate::kafka::{KafkaError, MemberId, Owned, Response};
use crate::units::{PartitionId, SimTime};

/// What the client knows of its membership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// No member.
    #[default]
    Unjoined,
    /// JoinGroup in flight or parked.
    Joining,
    /// SyncGroup in flight or parked.
    Syncing,
    /// Assigned; its committed offsets are on their way.
    Fetching,
    /// Assigned and reading.
    Stable,
}

/// Whether a member hears from a commit that it is none any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hears {
    /// It does not, or there is nothing to hear.
    #[default]
    Nothing,
    /// With the answer to its next commit: its steps belong on the agenda, because it then joins.
    ByCommit,
    /// The answer is, or will be, there at this instant.
    At(SimTime),
}

/// A member's side of its membership.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Index into the coordinator's directory of identities.
    pub serial: Option<u32>,
    pub phase: Phase,
    pub generation: u32,
    /// The coordinator has removed it, has gone on without it, or has moved it on to another epoch, which it does not know
    /// yet: what it commits is refused so.
    pub void: Option<KafkaError>,
    /// Whether it hears of that by a commit.
    pub hears: Hears,
    /// Told to rejoin, and not done so yet.
    pub rejoin: bool,
    /// Its next JoinGroup is because of new partitions.
    pub metadata_changed: bool,
    /// Heartbeats go out one interval after this instant, and so on.
    pub heartbeat_from: SimTime,
    /// The last one before it gave its generation up; none yet in this process.
    pub last_heartbeat: Option<SimTime>,
    /// A heartbeat that waited for a record goes out then.
    pub beats_at: Option<SimTime>,
    /// Since when it has had nothing to read because of the group.
    pub standing_since: SimTime,
    /// Members to assign partitions to, while it is to send the assignment.
    pub leads: Vec<(MemberId, Owned)>,
    /// Whether it leads its generation.
    pub leading: bool,
    /// How many partitions it knew of when it made the assignment.
    pub covers: u32,
    /// What it has been assigned and did not have before, until the offsets are fetched.
    pub added: Vec<PartitionId>,
    /// Its last assignment.
    pub last: Owned,
    /// It is about to rejoin and awaits the answer to its commit, then.
    pub prepared: Option<SimTime>,
    /// A commit was refused because it was joining: the next one brings what that would have.
    pub owes_commit: bool,
    /// Answers on their way, in order.
    pub inbox: VecDeque<Response>,
    /// How many of them are there and not read.
    pub arrived: usize,
}

impl Link {
    /// Whether the coordinator still counts it in.
    pub fn counts(&self) -> bool {
        matches!(self.void, None | Some(KafkaError::StaleMemberEpoch))
    }

    /// What the answer to a commit has told it by now.
    pub fn heard(&self, now: SimTime) -> Option<KafkaError> {
        match self.hears {
            Hears::At(answered) if answered <= now => self.void,
            _ => None,
        }
    }

    /// Whatever is on its way, or there, is not read any more.
    pub fn forget_answers(&mut self) {
        self.inbox.clear();
        self.arrived = 0;
    }
}
