//! JoinGroup and the join barrier: from the trigger of a rebalance to the new generation.

use crate::kafka::MemberId;
use crate::units::{SimDuration, SimTime};

use super::message::{Effect, JoinGroup, RebalanceReason, RemovalReason};
use super::message::{Response, Timer};
use super::state::{GroupState, InitialDelay, JoinPhase, Member, Parked};
use super::{ClassicGroup, refuse, respond};

/// How long a member may be parked in its first JoinGroup
/// (`GroupCoordinatorConfig.CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS`).
const NEW_MEMBER_JOIN_TIMEOUT: SimDuration = SimDuration::from_secs(5 * 60);

impl ClassicGroup {
    pub(super) fn join_group(
        &mut self,
        now: SimTime,
        request: &JoinGroup,
        effects: &mut Vec<Effect>,
    ) {
        if let (false, Some(instance)) = (request.knows_its_id, request.instance) {
            match self.instances.get(&instance) {
                Some(&old) => self.replace(now, instance, old, request, effects),
                None => self.add_member(now, request, effects),
            }
        } else if !request.knows_its_id {
            self.give_id(now, request, effects);
        } else if self.pending.contains_key(&request.member) {
            self.add_member(now, request, effects);
        } else if self.contains(request.member) {
            self.join_again(now, request, effects);
        } else {
            refuse(effects, request.member, self.stranger(request.member));
        }
    }

    /// KIP-394: a new dynamic member gets its id first and counts for the barrier from now on.
    fn give_id(&mut self, now: SimTime, request: &JoinGroup, effects: &mut Vec<Effect>) {
        let member = request.member;
        if !self.contains(member) {
            let deadline = now + request.session_timeout;
            self.pending.insert(member, deadline);
            effects.push(Effect::Arm {
                at: deadline,
                timer: Timer::Pending { member },
            });
        }
        respond(effects, member, Response::MemberIdRequired);
    }

    fn add_member(&mut self, now: SimTime, request: &JoinGroup, effects: &mut Vec<Effect>) {
        let member = request.member;
        // The old one prolongs the delay before the first generation only (`GroupCoordinator#addMemberAndRebalance`).
        let prolongs = self.new_coordinator || self.generation == 0;
        if self.state == GroupState::PreparingRebalance && self.join.initial.is_some() && prolongs {
            self.new_member_added = true;
        }
        let new_until = now + NEW_MEMBER_JOIN_TIMEOUT;
        self.pending.remove(&member);
        self.members
            .insert(member, Member::joining(request, new_until));
        if let Some(instance) = request.instance {
            self.instances.insert(instance, member);
        }
        self.leader.get_or_insert(member);
        effects.push(Effect::Arm {
            at: new_until,
            timer: Timer::Pending { member },
        });
        self.rebalance_or_complete(now, RebalanceReason::MemberJoined(member), effects);
    }

    fn join_again(&mut self, now: SimTime, request: &JoinGroup, effects: &mut Vec<Effect>) {
        let member = request.member;
        let leads = self.leader == Some(member);
        let known = self.members.get(&member).map(|member| &member.owned);
        let changed = request.metadata_changed || known != Some(&request.owned);
        let rebalances = match self.state {
            GroupState::Empty | GroupState::PreparingRebalance => true,
            GroupState::CompletingRebalance => changed,
            // A leader rejoins for what its metadata does not show: new partitions.
            GroupState::Stable => leads || changed,
        };
        if !rebalances {
            let response = self.generation_for(member, false);
            return respond(effects, member, response);
        }
        if let Some(member) = self.members.get_mut(&member) {
            member.rejoin(request);
        }
        let reason = if leads && request.metadata_changed {
            RebalanceReason::MetadataChanged
        } else {
            RebalanceReason::MemberRejoined(member)
        };
        self.rebalance_or_complete(now, reason, effects);
    }

    /// The present generation as JoinGroup answers it: the leader learns who the members are. One that is merely `back`
    /// assigns nothing.
    pub(super) fn generation_for(&self, member: MemberId, back: bool) -> Response {
        let members = if self.leader == Some(member) {
            let members = self.members.iter();
            members
                .map(|(id, member)| (*id, member.owned.clone()))
                .collect()
        } else {
            Vec::new()
        };
        Response::JoinGroup {
            generation: self.generation,
            skip_assignment: back && !members.is_empty(),
            members,
        }
    }

    /// Begins a rebalance for `reason`, or sees whether the one that runs can complete. A group within its
    /// initial delay waits for the end of the window.
    pub(super) fn rebalance_or_complete(
        &mut self,
        now: SimTime,
        reason: RebalanceReason,
        effects: &mut Vec<Effect>,
    ) {
        if self.state != GroupState::PreparingRebalance {
            self.prepare_rebalance(now, reason, effects);
        } else if self.join.initial.is_none() && self.all_joined() {
            self.complete_join(now, effects);
        }
    }

    /// Opens the barrier.
    pub(super) fn prepare_rebalance(
        &mut self,
        now: SimTime,
        reason: RebalanceReason,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::RebalanceStarted {
            generation: self.generation,
            reason,
        });
        let was_empty = self.state == GroupState::Empty;
        self.abandon_sync(effects);
        self.transition(GroupState::PreparingRebalance);
        self.rebalance += 1;
        if was_empty {
            let delay = self.initial_rebalance_delay;
            let remaining = self.rebalance_timeout().saturating_sub(delay);
            self.open_window(
                now,
                InitialDelay {
                    window: delay,
                    remaining,
                },
                effects,
            );
        } else if self.all_joined() {
            self.complete_join(now, effects);
        } else {
            self.await_joins(now, effects);
        }
    }

    /// The barrier stays open for the rebalance timeout.
    fn await_joins(&mut self, now: SimTime, effects: &mut Vec<Effect>) {
        let deadline = now + self.rebalance_timeout();
        self.join = JoinPhase {
            deadline,
            initial: None,
        };
        let timer = Timer::Join {
            rebalance: self.rebalance,
        };
        effects.push(Effect::Arm {
            at: deadline,
            timer,
        });
    }

    /// Makes sure that a member leads that has joined; false if none has (`ClassicGroup#maybeElectNewJoinedLeader`).
    fn elect_joined_leader(&mut self) -> bool {
        let joined = |member: &Member| member.parked == Some(Parked::Join);
        let leads = self.leader.and_then(|leader| self.members.get(&leader));
        if !leads.is_some_and(joined) {
            let mut others = self.members.iter();
            let Some((first, _)) = others.find(|(_, member)| joined(member)) else {
                return false;
            };
            self.leader = Some(*first);
        }
        true
    }

    fn open_window(&mut self, now: SimTime, initial: InitialDelay, effects: &mut Vec<Effect>) {
        let deadline = now + initial.window;
        self.join = JoinPhase {
            deadline,
            initial: Some(initial),
        };
        let timer = Timer::InitialDelay {
            rebalance: self.rebalance,
        };
        effects.push(Effect::Arm {
            at: deadline,
            timer,
        });
    }

    /// A further window if a further member came and the budget is not used up
    /// (`GroupMetadataManager#tryCompleteInitialRebalanceElseSchedule`).
    pub(super) fn initial_window_over(&mut self, now: SimTime, effects: &mut Vec<Effect>) {
        match self.join.initial {
            Some(initial) if self.new_member_added && !initial.remaining.is_zero() => {
                self.new_member_added = false;
                let next = InitialDelay {
                    window: self.initial_rebalance_delay.min(initial.remaining),
                    remaining: initial.remaining.saturating_sub(initial.window),
                };
                self.open_window(now, next, effects);
            }
            _ => self.complete_join(now, effects),
        }
    }

    /// Whether `rebalance` is the one that runs, and its time is up.
    pub(super) fn join_deadline_passed(&self, now: SimTime, rebalance: u32) -> bool {
        self.state == GroupState::PreparingRebalance
            && self.rebalance == rebalance
            && self.join.deadline <= now
    }

    /// Closes the barrier: dynamic members that have not joined are out, static ones stay and get partitions all the same,
    /// all that remain are the new generation (`GroupMetadataManager#completeClassicGroupJoin`). If none of them has
    /// joined, another timeout is given.
    pub(super) fn complete_join(&mut self, now: SimTime, effects: &mut Vec<Effect>) {
        let out =
            |member: &Member| member.parked != Some(Parked::Join) && member.instance.is_none();
        let absent = self.members.iter().filter(|(_, member)| out(member));
        for member in absent.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove(member);
            let reason = RemovalReason::RebalanceTimeout;
            effects.push(Effect::MemberRemoved { member, reason });
        }
        if !self.members.is_empty() && !self.elect_joined_leader() {
            return self.await_joins(now, effects);
        }
        self.join = JoinPhase {
            deadline: SimTime::NEVER,
            initial: None,
        };
        self.generation += 1;
        if self.members.is_empty() {
            self.transition(GroupState::Empty);
            effects.push(Effect::BecameEmpty);
        } else {
            self.transition(GroupState::CompletingRebalance);
            self.start_generation(now, effects);
        }
    }

    fn start_generation(&mut self, now: SimTime, effects: &mut Vec<Effect>) {
        let generation = self.generation;
        let ids = self.members.keys().copied().collect::<Vec<_>>();
        let members = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        effects.push(Effect::GenerationStarted {
            generation,
            members,
        });
        for id in &ids {
            let response = self.generation_for(*id, false);
            if let Some(member) = self.members.get_mut(id) {
                member.new_until = None;
                if member.parked.take() == Some(Parked::Join) {
                    respond(effects, *id, response);
                }
            }
        }
        self.await_syncs(now, ids, effects);
    }
}
