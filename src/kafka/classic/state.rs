//! The states of a classic group and of its members.

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::{InstanceId, MemberId};
use crate::units::{PartitionId, SimDuration, SimTime};

use super::message::{JoinGroup, Owned};

/// State of a classic group (`ClassicGroupState`). Without failing coordinators there is no Dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// No members. JoinGroup of a given-out id is accepted and opens the initial delay; SyncGroup, Heartbeat,
    /// LeaveGroup and commits of members get UNKNOWN_MEMBER_ID. Goes to PreparingRebalance.
    Empty,
    /// Waiting for every member to join. JoinGroup is parked; Heartbeat and SyncGroup get
    /// REBALANCE_IN_PROGRESS; commits of the old generation are accepted. Goes to CompletingRebalance when
    /// all have joined or the time is up, or to Empty if nobody is left then.
    PreparingRebalance,
    /// All joined; waiting for the leader's assignment. SyncGroup is parked; Heartbeat is fine; commits get
    /// REBALANCE_IN_PROGRESS; JoinGroup with unchanged metadata gets the generation again. Goes to Stable when
    /// the assignment is stored, or back to PreparingRebalance when a member comes, goes or changes.
    CompletingRebalance,
    /// Assigned. SyncGroup gets the assignment; Heartbeat and commits are fine; JoinGroup of a follower with
    /// unchanged metadata gets the generation again. Goes to PreparingRebalance when a member comes, goes or
    /// changes, or the leader joins again.
    Stable,
}

impl GroupState {
    /// Whether a group in state `previous` may come to this one (`ClassicGroupState#validPreviousStates`).
    pub(super) fn may_follow(self, previous: GroupState) -> bool {
        match self {
            GroupState::Empty | GroupState::CompletingRebalance => {
                previous == GroupState::PreparingRebalance
            }
            GroupState::PreparingRebalance => previous != GroupState::PreparingRebalance,
            GroupState::Stable => previous == GroupState::CompletingRebalance,
        }
    }
}

/// A request of a member that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parked {
    Join,
    Sync,
}

/// What the coordinator keeps of a member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// `group.instance.id` of a static one.
    pub instance: Option<InstanceId>,
    pub rebalance_timeout: SimDuration,
    pub parked: Option<Parked>,
    /// As its last JoinGroup said.
    pub owned: Owned,
    /// While it waits for its first join to be answered: when it is given up.
    pub new_until: Option<SimTime>,
    /// Of the last generation that became Stable.
    pub partitions: Vec<PartitionId>,
}

impl Member {
    /// A member whose first JoinGroup is parked until `new_until` at most.
    pub fn joining(request: &JoinGroup, new_until: SimTime) -> Self {
        Member {
            instance: request.instance,
            rebalance_timeout: request.rebalance_timeout,
            parked: Some(Parked::Join),
            owned: request.owned.clone(),
            new_until: Some(new_until),
            partitions: Vec::new(),
        }
    }

    /// Parks a further JoinGroup; what it carries replaces what was known (`ClassicGroup#updateMember`).
    pub fn rejoin(&mut self, request: &JoinGroup) {
        self.rebalance_timeout = request.rebalance_timeout;
        self.parked = Some(Parked::Join);
        self.owned = request.owned.clone();
    }
}

/// The join barrier, in PreparingRebalance.
#[derive(Clone, Copy, Debug)]
pub(super) struct JoinPhase {
    /// When the running window or the rebalance timeout ends.
    pub deadline: SimTime,
    /// Present if the group was Empty before.
    pub initial: Option<InitialDelay>,
}

/// The running window of group.initial.rebalance.delay.ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct InitialDelay {
    pub window: SimDuration,
    /// What further windows may take.
    pub remaining: SimDuration,
}

/// Who has synced, from CompletingRebalance on.
#[derive(Clone, Debug)]
pub(super) struct SyncPhase {
    /// When those who are missing are removed.
    pub deadline: SimTime,
    /// Members of the generation that have not sent SyncGroup.
    pub missing: BTreeSet<MemberId>,
    /// The leader's assignment while it is being stored.
    pub assignment: Option<BTreeMap<MemberId, Vec<PartitionId>>>,
}
