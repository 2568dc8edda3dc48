//! SyncGroup: from the new generation to Stable.

use std::collections::BTreeMap;

use crate::kafka::MemberId;
use crate::units::{PartitionId, SimTime};

use super::message::{Effect, KafkaError, RebalanceReason, RemovalReason, Response, Timer};
use super::state::{GroupState, Parked};
use super::{ClassicGroup, refuse, respond};

impl ClassicGroup {
    /// All of `members` are to sync within the rebalance timeout.
    pub(super) fn await_syncs(
        &mut self,
        now: SimTime,
        members: Vec<MemberId>,
        effects: &mut Vec<Effect>,
    ) {
        self.sync.missing = members.into_iter().collect();
        self.sync.assignment = None;
        self.sync.deadline = now + self.rebalance_timeout();
        let timer = Timer::Sync {
            generation: self.generation,
        };
        effects.push(Effect::Arm {
            at: self.sync.deadline,
            timer,
        });
    }

    pub(super) fn sync_group(
        &mut self,
        id: MemberId,
        generation: u32,
        assignment: Option<BTreeMap<MemberId, Vec<PartitionId>>>,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(error) = self.validate(id, generation) {
            return refuse(effects, id, error);
        }
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        match self.state {
            // There are no members in Empty, so nobody got past the check.
            GroupState::Empty | GroupState::PreparingRebalance => {
                refuse(effects, id, KafkaError::RebalanceInProgress);
            }
            GroupState::CompletingRebalance => {
                member.parked = Some(Parked::Sync);
                self.sync.missing.remove(&id);
                if self.leader == Some(id) {
                    self.sync.assignment = Some(assignment.unwrap_or_default());
                    effects.push(Effect::StoreAssignment { generation });
                }
            }
            GroupState::Stable => {
                self.sync.missing.remove(&id);
                let partitions = member.partitions.clone();
                respond(
                    effects,
                    id,
                    Response::SyncGroup {
                        generation,
                        partitions,
                    },
                );
            }
        }
    }

    /// The leader's assignment is durable: everyone who waits for theirs gets it. A member the leader left
    /// out gets nothing to do. If the group has moved on meanwhile, the assignment is void.
    pub(super) fn assignment_stored(&mut self, generation: u32, effects: &mut Vec<Effect>) {
        if self.state != GroupState::CompletingRebalance || generation != self.generation {
            return;
        }
        let Some(mut assignment) = self.sync.assignment.take() else {
            return;
        };
        self.transition(GroupState::Stable);
        effects.push(Effect::Stabilised { generation });
        for (id, member) in &mut self.members {
            member.partitions = assignment.remove(id).unwrap_or_default();
            if member.parked == Some(Parked::Sync) {
                member.parked = None;
                let partitions = member.partitions.clone();
                respond(
                    effects,
                    *id,
                    Response::SyncGroup {
                        generation,
                        partitions,
                    },
                );
            }
        }
    }

    /// A rebalance begins: whoever waits for an assignment has to rejoin, and nobody is waited for any more.
    pub(super) fn abandon_sync(&mut self, effects: &mut Vec<Effect>) {
        self.sync.missing.clear();
        self.sync.assignment = None;
        for (id, member) in &mut self.members {
            if member.parked == Some(Parked::Sync) {
                member.parked = None;
                refuse(effects, *id, KafkaError::RebalanceInProgress);
            }
        }
    }

    /// Those who have not synced within the rebalance timeout are out, even from a Stable group
    /// (`GroupMetadataManager#expirePendingSync`).
    pub(super) fn sync_over(&mut self, now: SimTime, generation: u32, effects: &mut Vec<Effect>) {
        if generation != self.generation || now < self.sync.deadline {
            return;
        }
        let missing = std::mem::take(&mut self.sync.missing);
        for member in &missing {
            // As in Kafka an id that its static member has replaced since is still waited for
            // (`ClassicGroup#replaceStaticMember`).
            if self.remove(*member).is_some() {
                let reason = RemovalReason::SyncTimeout;
                effects.push(Effect::MemberRemoved {
                    member: *member,
                    reason,
                });
            }
        }
        if let Some(first) = missing.first() {
            self.prepare_rebalance(now, RebalanceReason::SessionExpired(*first), effects);
        }
    }
}
