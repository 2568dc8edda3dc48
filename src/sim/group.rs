//! The group: the coordinator's state machine, and when heartbeats carry news.

use super::event::{Event, Request};
use super::identity::Identity;
use super::link::{Hears, Link, Phase};
use super::member::{App, Member};
use super::world::World;
use super::{Cause, Fact, PartitionState};
use crate::kafka::consumer;
use crate::kafka::{
    Effect, Input, InstanceId, JoinGroup, KafkaError, MemberId, RebalanceReason, RemovalReason,
    Response,
};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

impl World<'_> {
    fn link(&mut self, serial: u32) -> Option<&mut Link> {
        let process = self.group.identities[serial as usize].process;
        let link = &mut self.members[process.ix()].link;
        (link.serial == Some(serial)).then_some(link)
    }

    /// Sends a request to the coordinator.
    pub fn send(&mut self, request: Request, serial: u32, at: SimTime) {
        let arrives = at + self.scenario.cluster.round_trip.half();
        self.agenda
            .schedule(arrives, Event::Request(request, serial));
    }

    /// Whether a process has a group.instance.id.
    pub fn is_static(&self, process: ProcessId) -> bool {
        let process = &self.scenario.group.processes[process.ix()];
        process.instance_id.is_some()
    }

    /// The group.instance.id of a member.
    pub fn instance_id(&self, member: MemberId) -> Option<&str> {
        let identity = &self.group.identities[self.group.serial_of(member) as usize];
        let process = &self.scenario.group.processes[identity.process.ix()];
        process.instance_id.as_deref()
    }

    /// A process joins as a new member, `delay` from now.
    pub fn join_anew(&mut self, process: ProcessId, at: SimTime) {
        let serial =
            self.group
                .identify(self.scenario, self.replication, &self.members[process.ix()]);
        self.group.identities[serial as usize].owned = self.owned(process);
        self.give_identity_up(process);
        let link = &mut self.members[process.ix()].link;
        link.serial = Some(serial);
        link.phase = Phase::Joining;
        link.rejoin = false;
        link.void = None;
        link.metadata_changed = false;
        link.prepared = None;
        link.forget_answers();
        self.send(Request::JoinAnew, serial, at);
    }

    /// From now on a process sends nothing under the identity that it has had.
    pub fn give_identity_up(&mut self, process: ProcessId) -> Option<u32> {
        let now = self.now();
        let link = &mut self.members[process.ix()].link;
        link.hears = Hears::Nothing;
        let serial = link.serial.take()?;
        self.group.identities[serial as usize].ended = Some(now);
        Some(serial)
    }

    /// Whether a request that reaches the coordinator now was ever sent, and if later, when it gets there.
    fn sent(&self, request: Request, serial: u32) -> Result<(), Option<SimTime>> {
        let half = self.scenario.cluster.round_trip.half();
        let sent = SimTime::ZERO + self.now().since(SimTime::ZERO + half);
        let identity = &self.group.identities[serial as usize];
        if request != Request::Leave && identity.ended.is_some_and(|ended| ended < sent) {
            return Err(None);
        }
        let member = &self.members[identity.process.ix()];
        match member.frozen_until {
            Some(thaws)
                if member.link.serial == Some(serial)
                    && member.frozen_since < sent
                    && thaws > self.now() =>
            {
                Err(Some(thaws + half))
            }
            _ => Ok(()),
        }
    }

    /// A request reaches the coordinator.
    pub fn request(&mut self, request: Request, serial: u32) {
        let now = self.now();
        if let Err(later) = self.sent(request, serial) {
            if request == Request::Heartbeat {
                return self.delay_heartbeat(serial, later);
            }
            let later = later.unwrap_or(SimTime::NEVER);
            self.agenda.schedule(later, Event::Request(request, serial));
            return;
        }
        let Identity {
            id, process, owned, ..
        } = &self.group.identities[serial as usize];
        let (id, process, owned) = (*id, *process, owned.clone());
        let member = &self.members[process.ix()];
        let settings = &self.scenario.settings[member.settings];
        let properties = &settings.properties;
        let session_timeout = properties.session_timeout;
        let rebalance_timeout = settings.client.rebalance_timeout(properties);
        let instance = self.is_static(process).then_some(InstanceId(process.0));
        let join = move |knows_its_id, metadata_changed| {
            Input::JoinGroup(JoinGroup {
                member: id,
                knows_its_id,
                instance,
                session_timeout,
                rebalance_timeout,
                metadata_changed,
                owned,
            })
        };
        let input = match request {
            Request::JoinAnew => join(false, false),
            Request::Join => join(true, false),
            Request::JoinForMetadata => join(true, true),
            Request::Leave => Input::LeaveGroup { member: id },
            Request::Heartbeat => return self.heartbeat_arrives(),
            Request::Sync => {
                let generation = member.link.generation;
                let assignment = self.assignment_of_leader(serial);
                Input::SyncGroup {
                    member: id,
                    generation,
                    assignment,
                }
            }
        };
        let identity = &mut self.group.identities[serial as usize];
        identity.seen = now;
        if matches!(input, Input::JoinGroup(_)) {
            identity.session_timeout = session_timeout;
        }
        if request == Request::JoinAnew && instance.is_some() {
            let member_id = self.group.identities[serial as usize].member_name();
            self.note(Fact::MemberJoined { process, member_id });
        }
        self.coordinate(input);
    }

    /// One input to the coordinator, and everything that follows from it.
    pub fn coordinate(&mut self, input: Input) {
        let now = self.now();
        let mut effects = Vec::new();
        self.group.classic.step(now, input, &mut effects);
        for effect in effects {
            self.follow(effect);
        }
    }

    fn follow(&mut self, effect: Effect) {
        let now = self.now();
        match effect {
            Effect::Respond { member, response } => {
                let serial = self.group.serial_of(member);
                let back = self.scenario.cluster.way_back();
                if matches!(
                    response,
                    Response::JoinGroup { .. } | Response::SyncGroup { .. }
                ) {
                    self.renew_session(serial);
                }
                if let Some(link) = self.link(serial) {
                    link.inbox.push_back(response);
                    let arrives = now + back;
                    self.agenda.schedule(arrives, Event::Answer(serial));
                }
            }
            Effect::Arm { at, timer } => {
                let index = self.group.timers.len() as u32;
                self.group.timers.push(timer);
                self.agenda.schedule(at, Event::Timer(index));
            }
            Effect::StoreAssignment { generation } => {
                let stored = now + self.group.writes.next();
                self.agenda.schedule(stored, Event::Stored(generation));
            }
            Effect::StoreMember { member } => {
                let stored = now + self.group.writes.next();
                let serial = self.group.serial_of(member);
                self.agenda.schedule(stored, Event::MemberStored(serial));
            }
            Effect::RebalanceStarted { generation, reason } => {
                self.rebalance_started(generation, reason)
            }
            Effect::GenerationStarted {
                generation,
                members,
            } => {
                self.note(Fact::GenerationStarted {
                    generation,
                    members,
                });
                self.restart_sessions();
                self.go_on_without_the_absent();
            }
            Effect::Stabilised { generation } => {
                self.note(Fact::GroupStable { generation });
                self.orphan_what_the_dead_have();
            }
            Effect::MemberRemoved { member, reason } => {
                self.member_removed(self.group.serial_of(member), reason)
            }
            Effect::BecameEmpty => self.became_empty(),
        }
    }

    /// From now on what a member commits is refused, which it does not know yet.
    fn make_void(&mut self, serial: u32, error: KafkaError) {
        let process = self.group.identities[serial as usize].process;
        self.catch_up(process, self.now());
        let hears =
            !self.speaks_consumer() && self.members[process.ix()].hears_by_commit(self.scenario);
        let now = self.now();
        let (members, mut ground) = self.ground();
        let member = &mut members[process.ix()];
        member.judge_anew(Some(error), now, &mut ground);
        if hears {
            member.link.hears = Hears::ByCommit;
            self.listen(process);
        }
    }

    /// A static member that missed the barrier is in the new generation and does not know of it.
    fn go_on_without_the_absent(&mut self) {
        let members: Vec<MemberId> = self.group.classic.members().collect();
        for id in members {
            let serial = self.group.serial_of(id);
            if let Some(link) = self.link(serial)
                && matches!(link.phase, Phase::Stable | Phase::Fetching | Phase::Syncing)
            {
                self.make_void(serial, KafkaError::IllegalGeneration);
                self.news(serial, self.now());
            }
        }
    }

    /// A member that died since it joined, or a static one that is away, has partitions too: nobody reads them.
    fn orphan_what_the_dead_have(&mut self) {
        let members: Vec<MemberId> = self.group.classic.members().collect();
        for id in members {
            let identity = &self.group.identities[self.group.serial_of(id) as usize];
            if identity.silent_from.is_none() || identity.ended.is_none() {
                continue;
            }
            let process = identity.process;
            for id in self.group.classic.assignment(id).to_vec() {
                let partition = &mut self.topic.partitions[id.ix()];
                if partition.owner.is_none() {
                    partition.owner = Some(process);
                    self.tell_state(id, PartitionState::Orphaned, self.now());
                }
            }
        }
    }

    /// The last member is gone: nobody rebalances. A process that still works does so for nothing.
    pub fn became_empty(&mut self) {
        self.note(Fact::GroupEmpty);
        let hangs = |member: &Member| member.batch.stuck_on().is_some();
        let works = |member: &Member| member.app == App::Processing;
        let state = if self.members.iter().any(hangs) {
            PartitionState::Blocked
        } else if self.members.iter().any(works) {
            PartitionState::Evicted
        } else {
            PartitionState::Orphaned
        };
        for index in 0..self.topic.partitions.len() {
            if self.topic.partitions[index].state == PartitionState::Rebalancing {
                self.tell_state(PartitionId(index as u32), state, self.now());
            }
        }
    }

    /// Whose doing a rebalance is.
    pub fn process_behind(&self, reason: RebalanceReason) -> Option<ProcessId> {
        match reason {
            RebalanceReason::MemberJoined(id)
            | RebalanceReason::MemberLeft(id)
            | RebalanceReason::SessionExpired(id)
            | RebalanceReason::MemberRejoined(id) => {
                Some(self.group.identities[self.group.serial_of(id) as usize].process)
            }
            RebalanceReason::MetadataChanged => None,
        }
    }

    fn rebalance_started(&mut self, generation: u32, reason: RebalanceReason) {
        let process = self.process_behind(reason);
        self.note(Fact::RebalanceStarted {
            generation,
            reason,
            process,
        });
        let follows = matches!(reason, RebalanceReason::MemberRejoined(_));
        let now = self.now();
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            if !follows && member.link.phase == Phase::Stable && member.fetcher.slots().is_empty() {
                // It had nothing to read, and waits for the group from now on only.
                member.link.standing_since = now;
            }
            if let Some(serial) = self.members[index].link.serial
                && self
                    .group
                    .classic
                    .contains(self.group.identities[serial as usize].id)
            {
                self.news(serial, self.now());
            }
        }
    }

    /// There is news for a member: its first heartbeat that reaches the coordinator at `from` or later brings it.
    fn news(&mut self, serial: u32, from: SimTime) {
        let identity = &self.group.identities[serial as usize];
        let member = &self.members[identity.process.ix()];
        let beats = matches!(
            member.link.phase,
            Phase::Stable | Phase::Fetching | Phase::Syncing
        );
        if !beats || identity.silent_from.is_some() || member.link.serial != Some(serial) {
            return;
        }
        let trip = self.scenario.cluster.round_trip;
        let interval = self.scenario.settings[member.settings]
            .properties
            .heartbeat_interval;
        let passed = from
            .since(member.link.heartbeat_from + trip.half())
            .as_nanos();
        let beats = passed.div_ceil(interval.as_nanos().max(1)).max(1);
        let answered = member.link.heartbeat_from + interval * beats + trip;
        self.agenda
            .schedule(answered.max(self.now()), Event::Heartbeat(serial));
    }

    /// The answer to a heartbeat.
    pub fn heartbeat_answered(&mut self, serial: u32) {
        let (id, process) = {
            let identity = &self.group.identities[serial as usize];
            (identity.id, identity.process)
        };
        if self.members[process.ix()].frozen_until.is_some() {
            return; // A frozen process sends another heartbeat as it goes on.
        }
        let trip = self.scenario.cluster.round_trip;
        self.catch_up_beats(process);
        let sent = SimTime::ZERO + self.now().since(SimTime::ZERO + trip);
        if let Some(later) = self.beat_waits(process, sent) {
            // The application sends it, after the record.
            self.agenda.schedule(later + trip, Event::Heartbeat(serial));
            return;
        }
        let Some(link) = self.link(serial) else {
            return;
        };
        let (generation, phase, link_arrived) = (link.generation, link.phase, link.arrived > 0);
        match self.group.classic.heartbeat(id, generation) {
            Ok(()) => {}
            Err(KafkaError::RebalanceInProgress) => {
                // One that has its assignment and has not read it in poll() knows of that too.
                let assigned = phase == Phase::Syncing && link_arrived;
                if matches!(phase, Phase::Stable | Phase::Fetching) || assigned {
                    self.told_to_rejoin(process);
                } else {
                    // It is not what it waits for; the next one may be.
                    self.news(serial, self.now() + SimDuration::from_nanos(1));
                }
            }
            Err(KafkaError::FencedInstanceId) => self.kill(process),
            Err(KafkaError::StaleMemberEpoch) => {}
            Err(error @ (KafkaError::UnknownMemberId | KafkaError::IllegalGeneration)) => {
                if !matches!(phase, Phase::Joining | Phase::Unjoined) {
                    self.fenced(process, error);
                }
            }
        }
    }

    /// The coordinator removed a member.
    pub fn member_removed(&mut self, serial: u32, reason: RemovalReason) {
        let process = self.group.identities[serial as usize].process;
        if reason == RemovalReason::Left {
            return;
        }
        let consumer = self.speaks_consumer();
        let identity = &mut self.group.identities[serial as usize];
        let silent = identity.silent_from.is_some();
        if !identity.dropped_out {
            identity.dropped_out = !consumer; // There it stays who it is when it comes back.
            self.note(Fact::MemberEvicted {
                process,
                removal: Some(reason),
            });
        }
        // A process that died and runs again has another.
        let lives = self.link(serial).is_some();
        if lives {
            self.make_void(serial, KafkaError::UnknownMemberId);
        }
        for index in 0..self.topic.partitions.len() {
            // From now on somebody knows that the partition has no reader.
            let id = PartitionId(index as u32);
            let partition = &self.topic.partitions[index];
            // Unless the next process of that name reads it, as it may in a group without a barrier.
            let read = !lives && self.members[process.ix()].fetcher.slot(id).is_some();
            if partition.owner == Some(process) && silent && !read {
                if lives {
                    self.leave_partitions(&[id], Cause::Eviction);
                }
                self.topic.partitions[index].owner = None;
                self.tell_state(id, PartitionState::Rebalancing, self.now());
            } else if partition.owner.is_none() && partition.state == PartitionState::Orphaned {
                self.tell_state(id, PartitionState::Rebalancing, self.now());
            }
        }
        if !self.speaks_consumer() {
            self.news(serial, self.now());
        }
    }

    /// A timer of the coordinator.
    pub fn timer(&mut self, index: u32) {
        if self.speaks_consumer() {
            let timer = self.group.revocation_timers[index as usize];
            return self.coordinate_remotely(consumer::Input::Timer(timer));
        }
        let timer = self.group.timers[index as usize];
        self.coordinate(Input::Timer(timer));
    }

    /// The new id of a static member has been stored.
    pub fn member_stored(&mut self, serial: u32) {
        let member = self.group.identities[serial as usize].id;
        self.coordinate(Input::MemberStored { member });
    }

    /// The leader's assignment has been stored.
    pub fn stored(&mut self, generation: u32) {
        self.coordinate(Input::AssignmentStored { generation });
    }
}
