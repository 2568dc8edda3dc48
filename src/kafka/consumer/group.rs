//! The coordinator's side: members, epochs, the target assignment (`GroupMetadataManager#consumerGroupHeartbeat`).

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::MemberId;
use crate::kafka::assignor::{Subscription, TopicPartitions, target_assignment};
use crate::kafka::classic::{RebalanceReason, RemovalReason};
use crate::kafka::properties::ServerAssignor;
use crate::units::{PartitionId, SimDuration, SimTime};

use super::message::{CommitError, Effect, Heartbeat, HeartbeatError, Input, JOIN_EPOCH};
use super::message::{LEAVE_EPOCH, Response, RevocationTimer, STATIC_LEAVE_EPOCH, Subscribed};
use super::reconcile::{Current, MemberState};

/// How a coordinator treats a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerGroupSettings {
    /// `group.consumer.heartbeat.interval.ms`.
    pub heartbeat_interval: SimDuration,
    /// The first of `group.consumer.assignors`: used unless members ask for another.
    pub assignor: ServerAssignor,
}

/// Kafka's defaults (`GroupCoordinatorConfig`, 4.0).
impl Default for ConsumerGroupSettings {
    fn default() -> Self {
        ConsumerGroupSettings {
            heartbeat_interval: SimDuration::from_millis(5_000),
            assignor: ServerAssignor::Uniform,
        }
    }
}

/// State of a consumer group (`ConsumerGroup.ConsumerGroupState`): it follows from that of its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerGroupState {
    /// No members.
    Empty,
    /// The next heartbeat makes a new target.
    Assigning,
    /// Members are on their way to the target.
    Reconciling,
    /// All have what the target gives them.
    Stable,
}

/// What the coordinator keeps of a member.
#[derive(Clone, Debug)]
struct Member {
    instance: Option<String>,
    subscribed: Subscribed,
    current: Current,
    /// In ascending order.
    target: Vec<PartitionId>,
    /// When it is fenced unless it has given up what it has to.
    revoke_by: Option<SimTime>,
}

/// A consumer group at its coordinator.
#[derive(Clone, Debug)]
pub struct ConsumerGroup {
    settings: ConsumerGroupSettings,
    topics: Vec<TopicPartitions>,
    /// Whether there are other topics or partitions since they were last looked at.
    metadata_changed: bool,
    /// How many partitions each subscribed topic had in this group epoch (its subscription metadata).
    sizes: BTreeMap<usize, usize>,
    epoch: i32,
    target_epoch: i32,
    members: BTreeMap<MemberId, Member>,
    /// What some member has or has yet to give up: nobody else can get it.
    held: BTreeSet<PartitionId>,
}

impl ConsumerGroup {
    /// An empty group over `topics`.
    pub fn new(settings: ConsumerGroupSettings, topics: Vec<TopicPartitions>) -> Self {
        ConsumerGroup {
            settings,
            topics,
            metadata_changed: false,
            sizes: BTreeMap::new(),
            epoch: 0,
            target_epoch: 0,
            members: BTreeMap::new(),
            held: BTreeSet::new(),
        }
    }

    /// Takes one input at `now` and appends what follows to `effects`, in order.
    pub fn step(&mut self, now: SimTime, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Heartbeat(request) => {
                let member = request.member;
                let answer = match request.epoch {
                    LEAVE_EPOCH | STATIC_LEAVE_EPOCH => self.leave(&request, effects),
                    _ => self.heartbeat(now, request, effects),
                };
                let refused = |error| (Response::Error(error), false);
                let (response, written) = answer.unwrap_or_else(refused);
                effects.push(Effect::Respond {
                    member,
                    response,
                    written,
                });
            }
            Input::SessionExpired { member } => {
                self.remove(member, RemovalReason::SessionExpired, effects);
            }
            Input::MetadataChanged { topics } => {
                self.topics = topics;
                self.metadata_changed = true;
            }
            Input::Timer(RevocationTimer { member, epoch }) => {
                let late = |known: &Member| {
                    known.current.epoch == epoch && known.revoke_by.is_some_and(|by| by <= now)
                };
                if self.members.get(&member).is_some_and(late) {
                    self.remove(member, RemovalReason::RebalanceTimeout, effects);
                }
            }
        }
    }

    /// The group epoch; 0 before the first member.
    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// The group epoch that the present target assignment is for.
    pub fn target_epoch(&self) -> i32 {
        self.target_epoch
    }

    /// Its state.
    pub fn state(&self) -> ConsumerGroupState {
        let reconciled = |member: &Member| member.current.is_reconciled_to(self.target_epoch);
        if self.members.is_empty() {
            ConsumerGroupState::Empty
        } else if self.epoch > self.target_epoch {
            ConsumerGroupState::Assigning
        } else if self.members.values().all(reconciled) {
            ConsumerGroupState::Stable
        } else {
            ConsumerGroupState::Reconciling
        }
    }

    /// Its members, static ones that have left for a while among them, in member id order.
    pub fn members(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.members.keys().copied()
    }

    /// Whether `member` is a member.
    pub fn contains(&self, member: MemberId) -> bool {
        self.members.contains_key(&member)
    }

    /// The epoch of `member`; [`STATIC_LEAVE_EPOCH`] while it has left for a while.
    pub fn member_epoch(&self, member: MemberId) -> Option<i32> {
        self.members.get(&member).map(|known| known.current.epoch)
    }

    /// How far `member` is with its assignment.
    pub fn member_state(&self, member: MemberId) -> Option<MemberState> {
        self.members.get(&member).map(|known| known.current.state)
    }

    /// What `member` may own, in ascending order; what it has yet to give up is not among it.
    pub fn assignment(&self, member: MemberId) -> impl Iterator<Item = PartitionId> + '_ {
        let known = self.members.get(&member);
        known
            .into_iter()
            .flat_map(|known| known.current.assigned.iter().copied())
    }

    /// Whether a heartbeat of `member` that says nothing new would have another answer than its epoch. If not, its
    /// heartbeats need not come in, but for the session they renew. Any input may change it, for any member.
    pub fn has_news(&self, member: MemberId) -> bool {
        let Some(known) = self.members.get(&member) else {
            return true;
        };
        let outdated = self.metadata_changed && self.sizes != self.subscribed_sizes();
        if outdated || self.epoch > self.target_epoch {
            return true;
        }
        match known.current.state {
            MemberState::UnrevokedPartitions => false,
            _ if known.current.epoch != self.target_epoch => true,
            MemberState::Stable => false,
            // What it has is held too, by itself.
            MemberState::UnreleasedPartitions => {
                known.target.iter().any(|id| !self.held.contains(id))
            }
        }
    }

    /// Whether a commit of `member` in `epoch` is accepted, whoever owns the partitions
    /// (`ConsumerGroup#validateOffsetCommit`). It does not renew the session.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, or STALE_MEMBER_EPOCH if the member is in another epoch.
    pub fn commit(&self, member: MemberId, epoch: i32) -> Result<(), CommitError> {
        match self.members.get(&member) {
            None => Err(CommitError::UnknownMemberId),
            Some(known) if known.current.epoch != epoch => Err(CommitError::StaleMemberEpoch),
            Some(_) => Ok(()),
        }
    }

    fn heartbeat(
        &mut self,
        now: SimTime,
        request: Heartbeat,
        effects: &mut Vec<Effect>,
    ) -> Result<(Response, bool), HeartbeatError> {
        let id = request.member;
        let changed = self.admit(&request, effects)?;
        let mut written = self.refresh(changed, effects);
        written |= request.subscribed.is_some();
        if self.epoch > self.target_epoch {
            self.make_target();
            let epoch = self.epoch;
            effects.push(Effect::TargetAssigned { epoch });
            written = true;
        }
        let Some(known) = self.members.get(&id) else {
            return Err(HeartbeatError::UnknownMemberId);
        };
        let owned = request.owned.as_deref();
        let next = known
            .current
            .next(self.target_epoch, &known.target, owned, &self.held);
        let moved = next != known.current;
        // Who says all there is to say is told all.
        let tells_all = request.subscribed.is_some() && request.owned.is_some();
        let reassigned = tells_all || next.assigned != known.current.assigned;
        let assigned = next.assigned.iter().copied().collect();
        let response = Response::Heartbeat {
            epoch: next.epoch,
            interval: self.settings.heartbeat_interval,
            assignment: reassigned.then_some(assigned),
        };
        if moved {
            self.enter(now, id, next, effects);
        }
        Ok((response, written || moved))
    }

    /// Lets the sender in, as a new member, the successor of a static one, or one that is known, and takes down what
    /// it says of itself. Why the group epoch has to rise for it, if it has to.
    fn admit(
        &mut self,
        request: &Heartbeat,
        effects: &mut Vec<Effect>,
    ) -> Result<Option<RebalanceReason>, HeartbeatError> {
        let (id, joins) = (request.member, request.epoch == JOIN_EPOCH);
        let owns_nothing = request.owned.as_ref().is_some_and(Vec::is_empty);
        if joins && (request.subscribed.is_none() || !owns_nothing) {
            return Err(HeartbeatError::InvalidRequest);
        }
        match (self.sender(request), &request.subscribed) {
            (None, Some(subscribed)) if joins => {
                let member = Member {
                    instance: request.instance.clone(),
                    subscribed: subscribed.clone(),
                    current: Current::joining(),
                    target: Vec::new(),
                    revoke_by: None,
                };
                self.members.insert(id, member);
                return Ok(Some(RebalanceReason::MemberJoined(id)));
            }
            (None, _) => return Err(HeartbeatError::UnknownMemberId),
            (Some(old), _) if joins && request.instance.is_some() => {
                self.replace(old, id, effects)?;
            }
            (Some(known), _) if known != id => return Err(HeartbeatError::FencedInstanceId),
            (Some(_), _) => self.validate_epoch(request)?,
        }
        let Some((known, subscribed)) = self.members.get_mut(&id).zip(request.subscribed.clone())
        else {
            return Ok(None);
        };
        let differs = known.subscribed.topics != subscribed.topics;
        known.subscribed = subscribed;
        Ok(differs.then_some(RebalanceReason::MemberRejoined(id)))
    }

    /// The member that a request is from: of its id, or of its instance id if it has one.
    fn sender(&self, request: &Heartbeat) -> Option<MemberId> {
        if request.instance.is_none() {
            return self.contains(request.member).then_some(request.member);
        }
        let holds = |(_, known): &(&MemberId, &Member)| known.instance == request.instance;
        self.members.iter().find(holds).map(|(id, _)| *id)
    }

    /// A static member that had left for a while is back, perhaps under another id, and gets what was kept for it
    /// (`GroupMetadataManager#replaceMember`).
    fn replace(
        &mut self,
        old: MemberId,
        new: MemberId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), HeartbeatError> {
        if self.member_epoch(old) != Some(STATIC_LEAVE_EPOCH) {
            return Err(HeartbeatError::UnreleasedInstanceId);
        }
        if let Some(mut member) = self.members.remove(&old) {
            member.current.epoch = JOIN_EPOCH;
            member.current.previous_epoch = JOIN_EPOCH;
            self.members.insert(new, member);
        }
        if old != new {
            effects.push(Effect::MemberReplaced { old, new });
        }
        Ok(())
    }

    /// The sender must be in its epoch, or in the one before if the answer that told it the new one may have been lost
    /// (`GroupMetadataManager#throwIfConsumerGroupMemberEpochIsInvalid`).
    fn validate_epoch(&self, request: &Heartbeat) -> Result<(), HeartbeatError> {
        let Some(known) = self.members.get(&request.member) else {
            return Err(HeartbeatError::UnknownMemberId);
        };
        let current = &known.current;
        let within =
            |owned: &Vec<PartitionId>| owned.iter().all(|id| current.assigned.contains(id));
        let missed_it = request.epoch < current.epoch
            && request.epoch == current.previous_epoch
            && request.owned.as_ref().is_some_and(within);
        if request.epoch == current.epoch || missed_it {
            Ok(())
        } else {
            Err(HeartbeatError::FencedMemberEpoch)
        }
    }

    /// Raises the group epoch for `changed`, or because subscribed topics have other partitions than they had in this
    /// epoch. Whether it has.
    fn refresh(&mut self, changed: Option<RebalanceReason>, effects: &mut Vec<Effect>) -> bool {
        if changed.is_none() && !self.metadata_changed {
            return false;
        }
        self.metadata_changed = false;
        let sizes = self.subscribed_sizes();
        let outdated = sizes != self.sizes;
        self.sizes = sizes;
        let reason = match changed {
            Some(reason) => reason,
            None if outdated => RebalanceReason::MetadataChanged,
            None => return false,
        };
        self.bump(reason, effects);
        true
    }

    fn bump(&mut self, reason: RebalanceReason, effects: &mut Vec<Effect>) {
        self.epoch += 1;
        let epoch = self.epoch;
        effects.push(Effect::EpochBumped { epoch, reason });
    }

    fn subscribed_sizes(&self) -> BTreeMap<usize, usize> {
        let topics = self
            .members
            .values()
            .flat_map(|known| &known.subscribed.topics);
        let size = |topic: &usize| {
            let known = self.topics.get(*topic)?;
            Some((*topic, known.partitions.len()))
        };
        topics.filter_map(size).collect()
    }

    /// What everyone shall have, by what everyone was to have so far (`TargetAssignmentBuilder`). Members in member id
    /// order, as a hash map has none.
    fn make_target(&mut self) {
        let subscriptions: Vec<Subscription> = self
            .members
            .iter()
            .map(|(id, known)| Subscription {
                member: *id,
                instance: known.instance.as_deref(),
                topics: &known.subscribed.topics,
                owned: &known.target,
                generation: None,
            })
            .collect();
        let mut target = target_assignment(self.assignor(), &subscriptions, &self.topics);
        for (id, known) in &mut self.members {
            known.target = target.remove(id).unwrap_or_default();
        }
        self.target_epoch = self.epoch;
    }

    /// The assignor that most members ask for, if any do (`ConsumerGroup#computePreferredServerAssignor`).
    fn assignor(&self) -> ServerAssignor {
        let votes = |assignor: ServerAssignor| {
            let asks = |known: &&Member| known.subscribed.assignor == Some(assignor);
            self.members.values().filter(asks).count()
        };
        let asked = [ServerAssignor::Uniform, ServerAssignor::Range].map(|one| (votes(one), one));
        match asked {
            [(uniform, assignor), (range, _)] if uniform > range => assignor,
            [(uniform, _), (range, assignor)] if range > uniform => assignor,
            _ => self.settings.assignor,
        }
    }

    /// A member's assignment moves on.
    fn enter(&mut self, now: SimTime, id: MemberId, next: Current, effects: &mut Vec<Effect>) {
        let Some(known) = self.members.get_mut(&id) else {
            return;
        };
        for given_up in known.current.held() {
            self.held.remove(&given_up);
        }
        self.held.extend(next.held());
        known.revoke_by = None;
        if next.state == MemberState::UnrevokedPartitions {
            let at = now + known.subscribed.rebalance_timeout;
            known.revoke_by = Some(at);
            let timer = RevocationTimer {
                member: id,
                epoch: next.epoch,
            };
            effects.push(Effect::Arm { at, timer });
        }
        known.current = next;
    }

    fn leave(
        &mut self,
        request: &Heartbeat,
        effects: &mut Vec<Effect>,
    ) -> Result<(Response, bool), HeartbeatError> {
        let id = self
            .sender(request)
            .ok_or(HeartbeatError::UnknownMemberId)?;
        if id != request.member {
            return Err(HeartbeatError::FencedInstanceId);
        }
        match self.members.get_mut(&id) {
            Some(known) if request.epoch == STATIC_LEAVE_EPOCH => {
                known.current.epoch = STATIC_LEAVE_EPOCH;
                for given_up in std::mem::take(&mut known.current.pending_revocation) {
                    self.held.remove(&given_up);
                }
            }
            _ => self.remove(id, RemovalReason::Left, effects),
        }
        Ok((Response::Left, true))
    }

    /// Takes a member out; what it held is free at once, and the next heartbeat of another one makes a new target
    /// (`GroupMetadataManager#consumerGroupFenceMember`).
    fn remove(&mut self, member: MemberId, reason: RemovalReason, effects: &mut Vec<Effect>) {
        let Some(removed) = self.members.remove(&member) else {
            return;
        };
        for id in removed.current.held() {
            self.held.remove(&id);
        }
        self.sizes = self.subscribed_sizes();
        effects.push(Effect::MemberRemoved { member, reason });
        let why = match reason {
            RemovalReason::Left => RebalanceReason::MemberLeft(member),
            _ => RebalanceReason::SessionExpired(member),
        };
        self.bump(why, effects);
        if self.members.is_empty() {
            effects.push(Effect::BecameEmpty);
        }
    }
}
