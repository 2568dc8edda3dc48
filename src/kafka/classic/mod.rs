//! The classic group coordinator: join barrier, sync, generations (`GroupMetadataManager`, `ClassicGroup`).
//! Not the sessions: those of members that heartbeat without news are arithmetic at the caller, so expiry comes in
//! as [`Input::SessionExpired`]. Members are all of one metadata but where a JoinGroup says otherwise.

mod join;
mod leave;
mod message;
mod state;
mod statics;
mod sync;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::units::{PartitionId, SimDuration, SimTime};

use super::{InstanceId, MemberId};

pub use message::{
    Effect, Input, JoinGroup, KafkaError, Owned, RebalanceReason, RemovalReason, Response, Timer,
};
pub use state::GroupState;

use state::{JoinPhase, Member, Parked, SyncPhase};

/// A classic group at its coordinator.
#[derive(Clone, Debug)]
pub struct ClassicGroup {
    initial_rebalance_delay: SimDuration,
    new_coordinator: bool,
    state: GroupState,
    generation: u32,
    /// How many rebalances have begun; names the timers of the join phase.
    rebalance: u32,
    leader: Option<MemberId>,
    members: BTreeMap<MemberId, Member>,
    /// The member behind each group.instance.id.
    instances: BTreeMap<InstanceId, MemberId>,
    /// Ids that static members had before: with its group.instance.id a request under one is told from a stranger's.
    replaced: BTreeMap<MemberId, InstanceId>,
    /// Ids given out whose JoinGroup has not come back (KIP-394), each with its deadline.
    pending: BTreeMap<MemberId, SimTime>,
    /// Whether another member came since the initial delay's window opened. As in Kafka only a further
    /// window clears it, so one that completes the join for want of budget leaves it for the next start.
    new_member_added: bool,
    join: JoinPhase,
    sync: SyncPhase,
}

impl ClassicGroup {
    /// An empty group under `initial_rebalance_delay` (group.initial.rebalance.delay.ms) and group.coordinator.new.enable.
    pub fn new(initial_rebalance_delay: SimDuration, new_coordinator: bool) -> Self {
        ClassicGroup {
            initial_rebalance_delay,
            new_coordinator,
            state: GroupState::Empty,
            generation: 0,
            rebalance: 0,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            replaced: BTreeMap::new(),
            pending: BTreeMap::new(),
            new_member_added: false,
            join: JoinPhase {
                deadline: SimTime::NEVER,
                initial: None,
            },
            sync: SyncPhase {
                deadline: SimTime::NEVER,
                missing: BTreeSet::new(),
                assignment: None,
            },
        }
    }

    /// Takes one input at `now` and appends what follows to `effects`, in order.
    pub fn step(&mut self, now: SimTime, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::JoinGroup(request) => self.join_group(now, &request, effects),
            Input::SyncGroup {
                member,
                generation,
                assignment,
            } => {
                self.sync_group(member, generation, assignment, effects);
            }
            Input::AssignmentStored { generation } => self.assignment_stored(generation, effects),
            Input::MemberStored { member } => self.member_stored(member, effects),
            Input::LeaveGroup { member } => self.leave_group(now, member, effects),
            Input::SessionExpired { member } => self.session_expired(now, member, effects),
            Input::Timer(Timer::InitialDelay { rebalance }) => {
                if self.join_deadline_passed(now, rebalance) {
                    self.initial_window_over(now, effects);
                }
            }
            Input::Timer(Timer::Join { rebalance }) => {
                if self.join_deadline_passed(now, rebalance) {
                    self.complete_join(now, effects);
                }
            }
            Input::Timer(Timer::Pending { member }) => self.first_join_over(now, member, effects),
            Input::Timer(Timer::Sync { generation }) => self.sync_over(now, generation, effects),
        }
    }

    /// Its state.
    pub fn state(&self) -> GroupState {
        self.state
    }

    /// The generation; 0 before the first.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Its members (joined or joining; not merely pending), in member id order.
    pub fn members(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.members.keys().copied()
    }

    /// Whether `member` is a member (joined or joining; not merely pending).
    pub fn contains(&self, member: MemberId) -> bool {
        self.members.contains_key(&member)
    }

    /// What a heartbeat of `member` in `generation` is answered.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, or REBALANCE_IN_PROGRESS in PreparingRebalance; the
    /// last renews the session all the same.
    pub fn heartbeat(&self, member: MemberId, generation: u32) -> Result<(), KafkaError> {
        self.validate(member, generation)?;
        match self.state {
            GroupState::PreparingRebalance => Err(KafkaError::RebalanceInProgress),
            GroupState::Empty | GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
        }
    }

    /// Whether a commit of `member` in `generation` is accepted, whoever owns the partitions
    /// (`ClassicGroup#validateOffsetCommit`). One that is accepted renews the session.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, or REBALANCE_IN_PROGRESS in CompletingRebalance; in
    /// PreparingRebalance the old generation still commits.
    pub fn commit(&self, member: MemberId, generation: u32) -> Result<(), KafkaError> {
        self.validate(member, generation)?;
        match self.state {
            GroupState::CompletingRebalance => Err(KafkaError::RebalanceInProgress),
            GroupState::Empty | GroupState::PreparingRebalance | GroupState::Stable => Ok(()),
        }
    }

    /// The partitions `member` was assigned, while Stable; none otherwise.
    pub fn assignment(&self, member: MemberId) -> &[PartitionId] {
        match (self.state, self.members.get(&member)) {
            (GroupState::Stable, Some(member)) => &member.partitions,
            _ => &[],
        }
    }

    fn validate(&self, member: MemberId, generation: u32) -> Result<(), KafkaError> {
        if !self.members.contains_key(&member) {
            Err(self.stranger(member))
        } else if generation != self.generation {
            Err(KafkaError::IllegalGeneration)
        } else {
            Ok(())
        }
    }

    /// Goes to `next`.
    ///
    /// # Panics
    /// If `next` may not follow the present state: a mistake in this module.
    fn transition(&mut self, next: GroupState) {
        assert!(
            next.may_follow(self.state),
            "{next:?} may not follow {:?}",
            self.state
        );
        self.state = next;
    }

    /// The longest rebalance timeout of the members (`ClassicGroup#rebalanceTimeoutMs`); zero without any.
    fn rebalance_timeout(&self) -> SimDuration {
        let timeouts = self.members.values().map(|member| member.rebalance_timeout);
        timeouts.max().unwrap_or(SimDuration::ZERO)
    }

    /// Whether every member's JoinGroup is parked and no given-out id is still to come
    /// (`ClassicGroup#hasAllMembersJoined`).
    fn all_joined(&self) -> bool {
        self.pending.is_empty()
            && self
                .members
                .values()
                .all(|member| member.parked == Some(Parked::Join))
    }

    /// Takes `id` out of the members. If it led, the one with the lowest id leads; Kafka takes the first of a hash map.
    fn remove(&mut self, id: MemberId) -> Option<Member> {
        let removed = self.members.remove(&id)?;
        if let Some(instance) = removed.instance {
            self.instances.remove(&instance);
        }
        if self.leader == Some(id) {
            self.leader = self.members.keys().next().copied();
        }
        Some(removed)
    }
}

fn respond(effects: &mut Vec<Effect>, member: MemberId, response: Response) {
    effects.push(Effect::Respond { member, response });
}

fn refuse(effects: &mut Vec<Effect>, member: MemberId, error: KafkaError) {
    respond(effects, member, Response::Error(error));
}
