//! Static members (KIP-345): a process that comes back under its group.instance.id takes its member's place.

use crate::kafka::{InstanceId, MemberId};
use crate::units::SimTime;

use super::message::{Effect, JoinGroup, KafkaError, RebalanceReason};
use super::state::{GroupState, Parked};
use super::{ClassicGroup, refuse, respond};

impl ClassicGroup {
    /// The member of `instance` goes on under another id, and the old one is fenced
    /// (`GroupMetadataManager#updateStaticMemberThenRebalanceOrCompleteJoin`). In Stable it gets its assignment back and
    /// nobody else notices; in PreparingRebalance it has joined; only while the leader may be assigning partitions to
    /// the old id a rebalance is forced. The groups of the model never change their assignor, which would force one too.
    pub(super) fn replace(
        &mut self,
        now: SimTime,
        instance: InstanceId,
        old: MemberId,
        request: &JoinGroup,
        effects: &mut Vec<Effect>,
    ) {
        let Some(mut member) = self.members.remove(&old) else {
            return;
        };
        if member.parked.is_some() {
            refuse(effects, old, KafkaError::FencedInstanceId);
        }
        member.new_until = None;
        member.rejoin(request);
        let id = request.member;
        self.members.insert(id, member);
        self.instances.insert(instance, id);
        self.replaced.insert(old, instance);
        if self.leader == Some(old) {
            self.leader = Some(id);
        }
        if self.state == GroupState::Stable {
            effects.push(Effect::StoreMember { member: id });
        } else {
            self.rebalance_or_complete(now, RebalanceReason::MemberRejoined(id), effects);
        }
    }

    /// The new id of a static member is durable: its JoinGroup is answered, unless a barrier has done so meanwhile. If it
    /// leads, the assignment stays as it is (KIP-814).
    pub(super) fn member_stored(&mut self, id: MemberId, effects: &mut Vec<Effect>) {
        if let Some(member) = self.members.get_mut(&id)
            && member.parked == Some(Parked::Join)
        {
            member.parked = None;
            let response = self.generation_for(id, true);
            respond(effects, id, response);
        }
    }

    /// What a request under an id is answered that no member has (`ClassicGroup#validateMember`).
    pub(super) fn stranger(&self, id: MemberId) -> KafkaError {
        let taken = |instance| self.instances.contains_key(instance);
        if self.replaced.get(&id).is_some_and(taken) {
            KafkaError::FencedInstanceId
        } else {
            KafkaError::UnknownMemberId
        }
    }
}
