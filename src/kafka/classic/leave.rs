//! Members that go: LeaveGroup, session expiry, and first joins that come to nothing.

use crate::kafka::MemberId;
use crate::units::SimTime;

use super::message::{Effect, KafkaError, RebalanceReason, RemovalReason, Response};
use super::state::{GroupState, Parked};
use super::{ClassicGroup, refuse, respond};

impl ClassicGroup {
    /// LeaveGroup of a member or of an id merely given out. As in Kafka the latter rebalances a Stable group
    /// too (`GroupMetadataManager#classicGroupLeaveToClassicGroup`).
    pub(super) fn leave_group(&mut self, now: SimTime, id: MemberId, effects: &mut Vec<Effect>) {
        if self.pending.remove(&id).is_some() {
            respond(effects, id, Response::Left);
        } else if self.contains(id) {
            self.take_out(id, RemovalReason::Left, effects);
            respond(effects, id, Response::Left);
        } else {
            return refuse(effects, id, self.stranger(id));
        }
        if self.state != GroupState::Empty {
            self.rebalance_or_complete(now, RebalanceReason::MemberLeft(id), effects);
        }
    }

    pub(super) fn session_expired(
        &mut self,
        now: SimTime,
        id: MemberId,
        effects: &mut Vec<Effect>,
    ) {
        if self
            .members
            .get(&id)
            .is_some_and(|member| member.parked.is_none())
        {
            self.expire(now, id, effects);
        }
    }

    /// The time of an id that was given out, or of a member's first JoinGroup, is up.
    pub(super) fn first_join_over(
        &mut self,
        now: SimTime,
        id: MemberId,
        effects: &mut Vec<Effect>,
    ) {
        let passed = |deadline: &SimTime| *deadline <= now;
        if self.pending.get(&id).is_some_and(passed) {
            self.pending.remove(&id);
            self.complete_if_all_joined(now, effects);
        } else if self
            .members
            .get(&id)
            .is_some_and(|member| member.new_until.is_some_and(|at| passed(&at)))
        {
            self.expire(now, id, effects);
        }
    }

    fn expire(&mut self, now: SimTime, id: MemberId, effects: &mut Vec<Effect>) {
        self.take_out(id, RemovalReason::SessionExpired, effects);
        match self.state {
            GroupState::Empty => {}
            GroupState::PreparingRebalance => self.complete_if_all_joined(now, effects),
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.prepare_rebalance(now, RebalanceReason::SessionExpired(id), effects);
            }
        }
    }

    /// As in Kafka an expiry completes the join even within the initial delay, unlike a LeaveGroup
    /// (`GroupMetadataManager#removePendingMemberAndUpdateClassicGroup`).
    fn complete_if_all_joined(&mut self, now: SimTime, effects: &mut Vec<Effect>) {
        if self.state == GroupState::PreparingRebalance && self.all_joined() {
            self.complete_join(now, effects);
        }
    }

    fn take_out(&mut self, member: MemberId, reason: RemovalReason, effects: &mut Vec<Effect>) {
        let removed = self.remove(member);
        if removed.is_some_and(|removed| removed.parked == Some(Parked::Join)) {
            refuse(effects, member, KafkaError::UnknownMemberId);
        }
        effects.push(Effect::MemberRemoved { member, reason });
    }
}
