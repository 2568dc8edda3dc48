//! The directory of the coordinator: who is behind each member id, and the group as an admin client sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::latency::WriteLatency;
use super::member::Member;
use super::{GroupView, MemberView};
use crate::engine::{Address, Purpose};
use crate::kafka::assignor::TopicPartitions;
use crate::kafka::consumer::{
    ConsumerGroup, ConsumerGroupSettings, ConsumerGroupState, Heartbeat, RevocationTimer,
};
use crate::kafka::{ClassicGroup, GroupState, MemberId, Owned, ServerAssignor, Timer};
use crate::scenario::{Group, Process, Scenario};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

/// Bits of a member id's random part that are kept behind its client.id: what is above them holds any group's.
const RANDOM_BITS: u32 = 48;

/// Who is behind a member id.
#[derive(Debug)]
pub(super) struct Identity {
    pub id: MemberId,
    pub process: ProcessId,
    /// Last sign of life at the coordinator that was not a periodic heartbeat.
    pub seen: SimTime,
    /// Last instant at which it sent heartbeats, once it has stopped.
    pub silent_from: Option<SimTime>,
    /// What its JoinGroup says it owns.
    pub owned: Owned,
    /// When its process died, closed its consumer or gave the identity up: it sends nothing after.
    pub ended: Option<SimTime>,
    /// That it is out was told, and is told once: the process of a static member exceeded max.poll.interval.ms, whose session
    /// ends later, or the coordinator removed it, and its process stood still and exceeds max.poll.interval.ms later.
    pub dropped_out: bool,
    /// session.timeout.ms as its JoinGroup said.
    pub session_timeout: SimDuration,
    /// As `<client.id>-<uuid>`, or `<group.instance.id>-<uuid>`.
    name: String,
}

impl Identity {
    /// As `<client.id>-<uuid>`.
    pub fn member_name(&self) -> String {
        self.name.clone()
    }
}

/// Heartbeats that reach a consumer group at one instant.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// From which identity, and what; in the order in which they were sent.
    pub heartbeats: Vec<(u32, Heartbeat)>,
    /// How many of them are there.
    pub arrived: usize,
}

/// The coordinator's side of the group.
#[derive(Debug)]
pub(super) struct Coordinator {
    pub classic: ClassicGroup,
    /// The group if it speaks the consumer protocol.
    pub consumer: ConsumerGroup,
    pub revocation_timers: Vec<RevocationTimer>,
    /// Heartbeats on their way to the consumer group, by when they get there.
    pub arrivals: BTreeMap<SimTime, Arrivals>,
    pub identities: Vec<Identity>,
    pub timers: Vec<Timer>,
    /// How long what it decides by itself takes to be stored.
    pub writes: WriteLatency,
}

impl Coordinator {
    pub fn new(scenario: &Scenario, replication: u32) -> Self {
        let broker = &scenario.cluster.properties;
        let delay = broker.initial_rebalance_delay;
        let settings = ConsumerGroupSettings {
            heartbeat_interval: broker.consumer_heartbeat_interval,
            assignor: broker
                .consumer_assignors
                .first()
                .copied()
                .unwrap_or(ServerAssignor::Uniform),
        };
        let count = scenario.topic.partitions.len() as u32;
        let topic = TopicPartitions {
            partitions: (0..count).map(PartitionId).collect(),
        };
        Coordinator {
            classic: ClassicGroup::new(delay, broker.new_coordinator),
            consumer: ConsumerGroup::new(settings, vec![topic]),
            revocation_timers: Vec::new(),
            arrivals: BTreeMap::new(),
            identities: Vec::new(),
            timers: Vec::new(),
            writes: WriteLatency::new(scenario, replication, &scenario.group.name),
        }
    }

    pub fn serial_of(&self, id: MemberId) -> u32 {
        id.serial
    }

    /// A member id for a process that joins anew.
    pub fn identify(&mut self, scenario: &Scenario, replication: u32, member: &Member) -> u32 {
        let serial = self.identities.len() as u32;
        let process = &scenario.group.processes[member.process.ix()];
        let address = Address::new(scenario.seed, replication, Purpose::MemberId, &process.name);
        // A process has few ids in a run, so they are numbered by its own count: nobody else moves them.
        let count = self
            .identities
            .iter()
            .filter(|other| other.process == member.process)
            .count() as u64;
        let (random, low) = (address.bits(0, count), address.bits(1, count));
        // `ClassicGroup#generateMemberId`
        let instance = process.instance_id.clone();
        let prefix = instance.unwrap_or_else(|| client_id(process, &scenario.group.name));
        let name = format!("{prefix}-{}", uuid(random, low));
        let random = ordered(scenario, process, random);
        let id = MemberId { random, serial };
        self.identities.push(Identity {
            id,
            process: member.process,
            seen: SimTime::ZERO,
            silent_from: None,
            owned: Owned::default(),
            ended: None,
            dropped_out: false,
            session_timeout: scenario.settings[member.settings]
                .properties
                .session_timeout,
            name,
        });
        serial
    }

    /// The group as an admin client sees it.
    pub fn view(&self, members: &[Member], group: &Group) -> GroupView {
        let mut known: Vec<&Identity> = self
            .identities
            .iter()
            .filter(|identity| {
                self.classic.contains(identity.id) || self.consumer.contains(identity.id)
            })
            .collect();
        known.sort_by_key(|identity| identity.id);
        let view = |identity: &&Identity| MemberView {
            process: identity.process,
            member_id: identity.name.clone(),
            client_id: client_id(&group.processes[identity.process.ix()], &group.name),
            host: host(members[identity.process.ix()].process),
            partitions: if self.consumer.contains(identity.id) {
                self.consumer.assignment(identity.id).collect()
            } else if self.classic.state() == GroupState::Stable {
                self.classic.assignment(identity.id).to_vec()
            } else {
                Vec::new()
            },
        };
        GroupView {
            // A group speaks one of the two, and what it does not speak is empty.
            state: match self.consumer.state() {
                ConsumerGroupState::Empty => self.classic.state(),
                ConsumerGroupState::Assigning => GroupState::PreparingRebalance,
                ConsumerGroupState::Reconciling => GroupState::CompletingRebalance,
                ConsumerGroupState::Stable => GroupState::Stable,
            },
            generation: self.classic.generation().max(self.consumer.epoch() as u32),
            members: known.iter().map(view).collect(),
        }
    }
}

/// A process's client.id; the Java client's default in a process with one consumer, which ends with its group.instance.id or
/// with the consumer's number (`ConsumerConfig#maybeOverrideClientId`).
fn client_id(process: &Process, group: &str) -> String {
    let own = process.client_id.clone();
    let instance = process.instance_id.as_deref();
    own.unwrap_or_else(|| format!("consumer-{group}-{}", instance.unwrap_or("1")))
}

/// Member ids sort by the client.id that they begin with, and only then by their random part.
fn ordered(scenario: &Scenario, process: &Process, random: u64) -> u64 {
    let group = &scenario.group;
    if group.processes.iter().all(|one| one.client_id.is_none()) {
        return random;
    }
    let own = client_id(process, &group.name);
    let others = group
        .processes
        .iter()
        .map(|one| client_id(one, &group.name));
    let smaller: BTreeSet<String> = others.filter(|other| *other < own).collect();
    ((smaller.len() as u64) << RANDOM_BITS) | (random >> (u64::BITS - RANDOM_BITS))
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
