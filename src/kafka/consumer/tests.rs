//! The two machines together, wound by hand: time stands still but between events, requests take no time.

mod client;
mod coordinator;
mod oracles;
mod random;

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::MemberId;
use crate::kafka::assignor::TopicPartitions;
use crate::kafka::classic::{RebalanceReason, RemovalReason};
use crate::kafka::properties::ServerAssignor;
use crate::units::{PartitionId, SimDuration, SimTime};

use super::membership;
use super::*;

const SESSION_TIMEOUT: SimDuration = SimDuration::from_secs(45);
const HEARTBEAT_INTERVAL: SimDuration = SimDuration::from_secs(5);

/// A is 0, B is 1 and so on.
fn id(name: char) -> MemberId {
    MemberId {
        random: u64::from(name) - u64::from('A'),
        serial: 0,
    }
}

fn topics(partitions: u32) -> Vec<TopicPartitions> {
    vec![TopicPartitions {
        partitions: (0..partitions).map(PartitionId).collect(),
    }]
}

fn subscribed() -> Subscribed {
    Subscribed {
        topics: vec![0],
        rebalance_timeout: SimDuration::from_secs(300),
        assignor: None,
    }
}

/// A heartbeat that says nothing new.
fn beat(name: char, epoch: i32) -> Heartbeat {
    Heartbeat {
        member: id(name),
        instance: None,
        epoch,
        subscribed: None,
        owned: None,
    }
}

fn join(name: char) -> Heartbeat {
    Heartbeat {
        subscribed: Some(subscribed()),
        owned: Some(Vec::new()),
        ..beat(name, JOIN_EPOCH)
    }
}

/// A heartbeat that acknowledges what it owns, written `012`.
fn acknowledge(name: char, epoch: i32, owned: &str) -> Heartbeat {
    Heartbeat {
        owned: Some(ids(owned)),
        ..beat(name, epoch)
    }
}

fn ids(digits: &str) -> Vec<PartitionId> {
    let digits = digits.chars().filter_map(|c| c.to_digit(10));
    digits.map(PartitionId).collect()
}

fn written(partitions: impl IntoIterator<Item = PartitionId>) -> String {
    partitions.into_iter().map(|id| id.0.to_string()).collect()
}

fn secs(secs: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs_f64(secs)
}

/// What will happen when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The heartbeat after so many requests of a client.
    Beat(char, u32),
    Poll(char),
    Done(char, u32),
    Timer(RevocationTimer),
    /// If there was no sign of life since.
    Session(MemberId, SimTime),
}

struct Client {
    id: MemberId,
    membership: ConsumerMembership,
    /// How long its commits and callbacks take.
    callbacks: SimDuration,
    /// Till when the application works on a batch; it polls all the time after that.
    busy_until: SimTime,
    requests: u32,
    /// What it does not read from any more, although it still owns it.
    giving_up: BTreeSet<PartitionId>,
}

/// A group and its clients.
struct World {
    now: SimTime,
    group: ConsumerGroup,
    clients: BTreeMap<char, Client>,
    due: BTreeSet<(SimTime, u32, Due)>,
    scheduled: u32,
    /// Last sign of life at the coordinator.
    seen: BTreeMap<MemberId, SimTime>,
    /// Who reads from a partition, over time.
    readers: BTreeMap<PartitionId, Vec<(SimTime, Option<char>)>>,
    /// Whether heartbeats without news are left out.
    lazy: bool,
    /// What the coordinator said of itself.
    told: Vec<(SimTime, Effect)>,
}

impl World {
    fn new(partitions: u32) -> Self {
        World {
            now: SimTime::ZERO,
            group: ConsumerGroup::new(ConsumerGroupSettings::default(), topics(partitions)),
            clients: BTreeMap::new(),
            due: BTreeSet::new(),
            scheduled: 0,
            seen: BTreeMap::new(),
            readers: BTreeMap::new(),
            lazy: false,
            told: Vec::new(),
        }
    }

    /// A012 B34 C56, with their next heartbeats at 1, 2 and 4 s from now: they were there before the partitions.
    fn stable() -> Self {
        let mut world = World::new(0);
        for name in ['A', 'B', 'C'] {
            world.start(name);
        }
        world.coordinate(Input::MetadataChanged { topics: topics(7) });
        world.run(60.0);
        assert_eq!(world.owned(), "A012 B34 C56");
        assert_eq!(world.group.state(), ConsumerGroupState::Stable);
        for (name, phase) in [('A', 1.0), ('B', 2.0), ('C', 4.0)] {
            world.next_beat(name, phase);
        }
        world.begin_again();
        world
    }

    /// It is 0 s, and nothing has happened before but what is.
    fn begin_again(&mut self) {
        let since = self.now;
        let shift = |at: SimTime| SimTime::ZERO + at.since(since);
        self.due = std::mem::take(&mut self.due)
            .into_iter()
            // Sessions are looked at again with the next heartbeat.
            .filter(|(_, _, due)| !matches!(due, Due::Session(..)))
            .map(|(at, number, due)| (shift(at), number, due))
            .collect();
        for changes in self.readers.values_mut() {
            *changes = changes
                .last()
                .map(|(_, reader)| (SimTime::ZERO, *reader))
                .into_iter()
                .collect();
        }
        self.told.clear();
        self.now = SimTime::ZERO;
    }

    fn schedule(&mut self, at: SimTime, due: Due) {
        self.scheduled += 1;
        self.due.insert((at, self.scheduled, due));
    }

    /// The next heartbeat of `name` is `after` from now, instead of when it would have been.
    fn next_beat(&mut self, name: char, after: f64) {
        let client = self.clients.get_mut(&name).unwrap();
        client.requests += 1;
        let number = client.requests;
        let at = self.now + secs(after).since(SimTime::ZERO);
        self.schedule(at, Due::Beat(name, number));
    }

    fn start(&mut self, name: char) {
        self.start_as(name, id(name), None, false);
    }

    fn start_as(&mut self, name: char, id: MemberId, instance: Option<&str>, auto_commit: bool) {
        let instance = instance.map(str::to_owned);
        let client = Client {
            id,
            membership: ConsumerMembership::new(id, instance, subscribed(), auto_commit),
            callbacks: SimDuration::ZERO,
            busy_until: SimTime::ZERO,
            requests: 0,
            giving_up: BTreeSet::new(),
        };
        self.clients.insert(name, client);
        self.input(name, membership::Input::Poll);
    }

    /// The process is gone, and says nothing.
    fn crash(&mut self, name: char) {
        self.clients.remove(&name);
        self.stop_reading(name);
    }

    fn stop_reading(&mut self, name: char) {
        for changes in self.readers.values_mut() {
            if changes
                .last()
                .is_some_and(|(_, reader)| *reader == Some(name))
            {
                changes.push((self.now, None));
            }
        }
    }

    fn input(&mut self, name: char, input: membership::Input) {
        let Some(client) = self.clients.get_mut(&name) else {
            return;
        };
        let mut effects = Vec::new();
        client.membership.step(input, &mut effects);
        for effect in effects {
            self.follow(name, effect);
        }
        self.read(name);
        let client = &self.clients[&name];
        let begins = client.membership.state() == MembershipState::Reconciling;
        if begins && client.membership.waits_for_poll() {
            let next = client.busy_until.max(self.now);
            self.schedule(next, Due::Poll(name));
        }
    }

    fn follow(&mut self, name: char, effect: membership::Effect) {
        let client = self.clients.get_mut(&name).unwrap();
        let later = self.now + client.callbacks;
        match effect {
            membership::Effect::Send(request) => {
                client.requests += 1;
                let number = client.requests;
                let next = self.now + HEARTBEAT_INTERVAL;
                self.schedule(next, Due::Beat(name, number));
                self.coordinate(Input::Heartbeat(request));
            }
            membership::Effect::Assign { step, .. } => {
                client.giving_up.clear();
                self.schedule(self.now, Due::Done(name, step));
            }
            membership::Effect::Commit {
                step,
                revoked: partitions,
            }
            | membership::Effect::Revoke { step, partitions }
            | membership::Effect::Lose { step, partitions } => {
                client.giving_up.extend(partitions);
                self.schedule(later, Due::Done(name, step));
            }
            membership::Effect::Fail(_) => {}
        }
    }

    /// Takes down who reads what.
    fn read(&mut self, name: char) {
        let Some(client) = self.clients.get(&name) else {
            return;
        };
        let owned = client.membership.partitions();
        let owned: BTreeSet<PartitionId> =
            owned.filter(|id| !client.giving_up.contains(id)).collect();
        let lost: Vec<PartitionId> = self
            .readers
            .iter()
            .filter(|(id, changes)| {
                changes
                    .last()
                    .is_some_and(|(_, reader)| *reader == Some(name))
                    && !owned.contains(id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            self.readers.entry(id).or_default().push((self.now, None));
        }
        for id in owned {
            let changes = self.readers.entry(id).or_default();
            if changes
                .last()
                .is_none_or(|(_, reader)| *reader != Some(name))
            {
                changes.push((self.now, Some(name)));
            }
        }
    }

    fn coordinate(&mut self, input: Input) {
        let leaves = |request: &Heartbeat| request.epoch < JOIN_EPOCH;
        let mut effects = Vec::new();
        let renews = matches!(&input, Input::Heartbeat(request) if !leaves(request));
        self.group.step(self.now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Respond {
                    member, response, ..
                } => {
                    if renews && matches!(response, Response::Heartbeat { .. }) {
                        self.seen.insert(member, self.now);
                        let ends = self.now + SESSION_TIMEOUT;
                        self.schedule(ends, Due::Session(member, self.now));
                    }
                    let clients = &self.clients;
                    let to = clients.iter().find(|(_, client)| client.id == member);
                    if let Some(name) = to.map(|(name, _)| *name) {
                        self.input(name, membership::Input::Response(response));
                    }
                }
                Effect::Arm { at, timer } => self.schedule(at, Due::Timer(timer)),
                effect => self.told.push((self.now, effect)),
            }
        }
    }

    /// Everything happens until `until` seconds, that included.
    fn run(&mut self, until: f64) {
        let until = secs(until);
        while let Some((at, number, due)) = self.due.first().copied() {
            if at > until {
                break;
            }
            self.due.remove(&(at, number, due));
            self.now = at;
            self.happen(due);
        }
        self.now = until;
    }

    /// All that is left of a heartbeat without news.
    fn leave_out(&mut self, name: char, id: MemberId, number: u32) {
        self.seen.insert(id, self.now);
        self.schedule(self.now + SESSION_TIMEOUT, Due::Session(id, self.now));
        self.schedule(self.now + HEARTBEAT_INTERVAL, Due::Beat(name, number));
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Beat(name, number) => match self.clients.get(&name) {
                Some(client) if client.requests == number => {
                    if self.lazy
                        && client.membership.heartbeats()
                        && !self.group.has_news(client.id)
                    {
                        self.leave_out(name, client.id, number);
                    } else {
                        self.input(name, membership::Input::HeartbeatDue);
                    }
                }
                _ => {}
            },
            Due::Poll(name) => self.input(name, membership::Input::Poll),
            Due::Done(name, step) => self.input(name, membership::Input::Done { step }),
            Due::Timer(timer) => self.coordinate(Input::Timer(timer)),
            Due::Session(member, seen) => {
                if self.seen.get(&member) == Some(&seen) {
                    self.coordinate(Input::SessionExpired { member });
                }
            }
        }
    }

    /// `A012 B34 C-`: who owns what.
    fn owned(&self) -> String {
        let word = |(name, client): (&char, &Client)| {
            let owned = written(client.membership.partitions());
            match owned.as_str() {
                "" => format!("{name}-"),
                some => format!("{name}{some}"),
            }
        };
        self.clients.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// `2 1s..5s D`: partition 2 had no reader from 1 s to 5 s and then D.
    fn pauses(&self) -> Vec<String> {
        let mut pauses = Vec::new();
        for (id, changes) in &self.readers {
            for pair in changes.windows(2) {
                let [(from, before), (to, after)] = [pair[0], pair[1]];
                let id = id.0;
                match (before, after) {
                    (None, Some(name)) => pauses.push(format!("{id} {from}..{to} {name}")),
                    (Some(_), Some(name)) => pauses.push(format!("{id} {to} {name}")),
                    _ => {}
                }
            }
            if let Some((from, None)) = changes.last() {
                pauses.push(format!("{} {from}..", id.0));
            }
        }
        pauses
    }

    fn membership(&self, name: char) -> &ConsumerMembership {
        &self.clients[&name].membership
    }

    /// When members were removed, and why.
    fn removals(&self) -> Vec<(SimTime, MemberId, RemovalReason)> {
        let removal = |(at, effect): &(SimTime, Effect)| match effect {
            Effect::MemberRemoved { member, reason } => Some((*at, *member, *reason)),
            _ => None,
        };
        self.told.iter().filter_map(removal).collect()
    }

    /// When the group epoch rose, and why.
    fn bumps(&self) -> Vec<(SimTime, RebalanceReason)> {
        let bump = |(at, effect): &(SimTime, Effect)| match effect {
            Effect::EpochBumped { reason, .. } => Some((*at, *reason)),
            _ => None,
        };
        self.told.iter().filter_map(bump).collect()
    }
}
