//! The group: the coordinator's state machine, who is behind each member id, and when heartbeats carry news.

use super::Fact;
use super::event::{Event, Request};
use super::member::{App, Link, Member, Phase};
use super::world::World;
use super::{GroupView, MemberView, PartitionState};
use crate::engine::{Address, Purpose};
use crate::kafka::{
    ClassicGroup, Effect, GroupState, Input, JoinGroup, KafkaError, MemberId, RebalanceReason,
    RemovalReason, Timer,
};
use crate::scenario::Scenario;
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

/// Who is behind a member id.
#[derive(Debug)]
pub(super) struct Identity {
    pub id: MemberId,
    pub process: ProcessId,
    /// Last sign of life at the coordinator that was not a periodic heartbeat.
    pub seen: SimTime,
    /// Last instant at which it sent heartbeats, once it has stopped.
    pub silent_from: Option<SimTime>,
    /// When its process died, closed its consumer or gave the identity up: it sends nothing after.
    pub ended: Option<SimTime>,
    /// session.timeout.ms as its JoinGroup said.
    pub session_timeout: SimDuration,
    /// As `<client.id>-<uuid>`.
    name: String,
}

impl Identity {
    /// As `<client.id>-<uuid>`.
    pub fn member_name(&self) -> String {
        self.name.clone()
    }
}

/// The coordinator's side of the group.
#[derive(Debug)]
pub(super) struct Coordinator {
    pub classic: ClassicGroup,
    pub identities: Vec<Identity>,
    timers: Vec<Timer>,
}

impl Coordinator {
    pub fn new(scenario: &Scenario) -> Self {
        let delay = scenario.cluster.properties.initial_rebalance_delay;
        Coordinator {
            classic: ClassicGroup::new(delay),
            identities: Vec::new(),
            timers: Vec::new(),
        }
    }

    fn serial_of(&self, id: MemberId) -> u32 {
        id.serial
    }

    /// A member id for a process that joins anew.
    pub fn identify(&mut self, scenario: &Scenario, replication: u32, member: &Member) -> u32 {
        let serial = self.identities.len() as u32;
        let name = &scenario.group.processes[member.process.ix()].name;
        let address = Address::new(scenario.seed, replication, Purpose::MemberId, name);
        // A process has few ids in a run, so they are numbered by its own count: nobody else moves them.
        let count = self
            .identities
            .iter()
            .filter(|other| other.process == member.process)
            .count() as u64;
        let (random, low) = (address.bits(0, count), address.bits(1, count));
        let client_id = client_id(&scenario.group.name);
        let name = format!("{client_id}-{}", uuid(random, low));
        let id = MemberId { random, serial };
        self.identities.push(Identity {
            id,
            process: member.process,
            seen: SimTime::ZERO,
            silent_from: None,
            ended: None,
            session_timeout: scenario.settings[member.settings]
                .properties
                .session_timeout,
            name,
        });
        serial
    }

    /// The group as an admin client sees it.
    pub fn view(&self, members: &[Member], group: &str) -> GroupView {
        let mut known: Vec<&Identity> = self
            .identities
            .iter()
            .filter(|identity| self.classic.contains(identity.id))
            .collect();
        known.sort_by_key(|identity| identity.id);
        let view = |identity: &&Identity| MemberView {
            process: identity.process,
            member_id: identity.name.clone(),
            client_id: client_id(group),
            host: host(members[identity.process.ix()].process),
            partitions: if self.classic.state() == GroupState::Stable {
                self.classic.assignment(identity.id).to_vec()
            } else {
                Vec::new()
            },
        };
        GroupView {
            state: self.classic.state(),
            generation: self.classic.generation(),
            members: known.iter().map(view).collect(),
        }
    }
}

/// The Java client's default client.id in a process with one consumer (`ConsumerConfig#maybeOverrideClientId`).
fn client_id(group: &str) -> String {
    format!("consumer-{group}-1")
}

/// Addresses count up from 10.0.0.1.
fn host(process: ProcessId) -> String {
    let n = process.0 + 1;
    format!("/10.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255)
}

/// A random (version 4) UUID whose text sorts as its first bits do.
fn uuid(high: u64, low: u64) -> String {
    let high = (high & !0xF000) | 0x4000;
    let low = (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}

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

    /// A process joins as a new member, `delay` from now.
    pub fn join_anew(&mut self, process: ProcessId, at: SimTime) {
        let serial =
            self.group
                .identify(self.scenario, self.replication, &self.members[process.ix()]);
        self.give_identity_up(process);
        let link = &mut self.members[process.ix()].link;
        link.serial = Some(serial);
        link.phase = Phase::Joining;
        link.rejoin = false;
        link.void = false;
        link.metadata_changed = false;
        link.inbox.clear();
        self.send(Request::JoinAnew, serial, at);
    }

    /// From now on a process sends nothing under the identity that it has had.
    pub fn give_identity_up(&mut self, process: ProcessId) -> Option<u32> {
        let now = self.now();
        let serial = self.members[process.ix()].link.serial.take()?;
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
            let later = later.unwrap_or(SimTime::NEVER);
            self.agenda.schedule(later, Event::Request(request, serial));
            return;
        }
        let Identity { id, process, .. } = self.group.identities[serial as usize];
        let member = &self.members[process.ix()];
        let settings = &self.scenario.settings[member.settings];
        let properties = &settings.properties;
        let session_timeout = properties.session_timeout;
        let rebalance_timeout = if settings.client.rebalance_timeout_is_session {
            session_timeout
        } else {
            properties.max_poll_interval
        };
        let join = |knows_its_id, metadata_changed| {
            Input::JoinGroup(JoinGroup {
                member: id,
                knows_its_id,
                session_timeout,
                rebalance_timeout,
                metadata_changed,
            })
        };
        let input = match request {
            Request::JoinAnew => join(false, false),
            Request::Join => join(true, false),
            Request::JoinForMetadata => join(true, true),
            Request::Leave => Input::LeaveGroup { member: id },
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
                let trip = self.scenario.cluster.round_trip;
                if let Some(link) = self.link(serial) {
                    link.inbox.push_back(response);
                    let arrives = now + trip.saturating_sub(trip.half());
                    self.agenda.schedule(arrives, Event::Answer(serial));
                }
            }
            Effect::Arm { at, timer } => {
                let index = self.group.timers.len() as u32;
                self.group.timers.push(timer);
                self.agenda.schedule(at, Event::Timer(index));
            }
            Effect::StoreAssignment { generation } => {
                let stored = now + self.scenario.cluster.commit_latency;
                self.agenda.schedule(stored, Event::Stored(generation));
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
            }
            Effect::Stabilised { generation } => {
                self.note(Fact::GroupStable { generation });
                self.restart_sessions();
            }
            Effect::MemberRemoved { member, reason } => {
                self.member_removed(self.group.serial_of(member), reason)
            }
            Effect::BecameEmpty => self.became_empty(),
        }
    }

    /// The last member is gone: nobody rebalances. A process that still works does so for nothing.
    fn became_empty(&mut self) {
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

    fn rebalance_started(&mut self, generation: u32, reason: RebalanceReason) {
        let process = match reason {
            RebalanceReason::MemberJoined(id)
            | RebalanceReason::MemberLeft(id)
            | RebalanceReason::SessionExpired(id)
            | RebalanceReason::MemberRejoined(id) => {
                Some(self.group.identities[self.group.serial_of(id) as usize].process)
            }
            RebalanceReason::MetadataChanged => None,
        };
        self.note(Fact::RebalanceStarted {
            generation,
            reason,
            process,
        });
        for index in 0..self.members.len() {
            if let Some(serial) = self.members[index].link.serial
                && self
                    .group
                    .classic
                    .contains(self.group.identities[serial as usize].id)
            {
                self.news(serial);
            }
        }
    }

    /// There is news for a member: its next heartbeat brings it.
    fn news(&mut self, serial: u32) {
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
        // The first heartbeat that reaches the coordinator now or later.
        let now = self.now();
        let passed = now
            .since(member.link.heartbeat_from + trip.half())
            .as_nanos();
        let beats = passed.div_ceil(interval.as_nanos().max(1)).max(1);
        let answered = member.link.heartbeat_from + interval * beats + trip;
        self.agenda
            .schedule(answered.max(now), Event::Heartbeat(serial));
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
        let Some(link) = self.link(serial) else {
            return;
        };
        let (generation, phase) = (link.generation, link.phase);
        match self.group.classic.heartbeat(id, generation) {
            Ok(()) => {}
            Err(KafkaError::RebalanceInProgress) => {
                if matches!(phase, Phase::Stable | Phase::Fetching) {
                    self.told_to_rejoin(process);
                }
            }
            Err(KafkaError::UnknownMemberId | KafkaError::IllegalGeneration) => {
                if !matches!(phase, Phase::Joining | Phase::Unjoined) {
                    self.fenced(process);
                }
            }
        }
    }

    /// The coordinator removed a member.
    fn member_removed(&mut self, serial: u32, reason: RemovalReason) {
        let process = self.group.identities[serial as usize].process;
        if reason == RemovalReason::Left {
            return;
        }
        self.note(Fact::MemberEvicted {
            process,
            removal: Some(reason),
        });
        if let Some(link) = self.link(serial) {
            link.void = true;
        }
        let silent = self.group.identities[serial as usize].silent_from.is_some();
        for index in 0..self.topic.partitions.len() {
            // From now on somebody knows that the partition has no reader.
            let partition = &self.topic.partitions[index];
            if partition.owner == Some(process) && silent {
                self.topic.partitions[index].owner = None;
                self.tell_state(
                    PartitionId(index as u32),
                    PartitionState::Rebalancing,
                    self.now(),
                );
            } else if partition.owner.is_none() && partition.state == PartitionState::Orphaned {
                self.tell_state(
                    PartitionId(index as u32),
                    PartitionState::Rebalancing,
                    self.now(),
                );
            }
        }
        self.news(serial);
    }

    /// A timer of the coordinator.
    pub fn timer(&mut self, index: u32) {
        let timer = self.group.timers[index as usize];
        self.coordinate(Input::Timer(timer));
    }

    /// The leader's assignment has been stored.
    pub fn stored(&mut self, generation: u32) {
        self.coordinate(Input::AssignmentStored { generation });
    }
}
