//! The slow, obvious simulator: an event for each record appended, each fetch that reaches a broker, each answer, each
//! record worked on, each commit. Who owns what is told from outside; everything else follows facts of Kafka's client.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use lagsim::engine::{Address, Purpose};
use lagsim::kafka::{GroupProtocol, KafkaError, RejoinFrom};
use lagsim::scenario::{CommitPolicy, PoisonRecords, Scenario, WhenLimited};
use lagsim::units::{PartitionId, ProcessId, SimTime};
use lagsim::workload::{Arrivals, CallCosts, Failures, RecordCosts};

use super::broker::{Brokers, Chunk, Limiter, Request};
use super::member::{App, Member, Owned};
use super::retry::PassedOn;

/// What a partition looks like at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Curves {
    pub log_end: u64,
    pub committed: Option<u64>,
    pub position: u64,
}

/// Who gets or loses what, and whose commit of this instant is refused.
#[derive(Clone, Debug)]
pub enum Ownership {
    /// A process has started.
    Starts(ProcessId),
    Gets(ProcessId, Vec<PartitionId>),
    Loses(ProcessId, Vec<PartitionId>, Loss),
    /// In poll(), before it takes up another assignment.
    Commits(ProcessId),
    /// Its client left the group because of max.poll.interval.ms.
    Evicted(ProcessId),
    /// By the coordinator, and it does not know.
    Removed(ProcessId),
    MayNotCommit(ProcessId, Option<KafkaError>),
}

/// How a member gives partitions up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// In poll(), before it hands out more.
    InPoll,
    /// Beside its application.
    Behind,
    /// The group has gone on without it.
    Lost,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    Ownership(Ownership),
    Append(PartitionId),
    /// The delay of a record of a retry topic is over.
    Readable(PartitionId),
    Reach(Request),
    MaxWait(u64),
    Answer(Request, Vec<Chunk>),
    /// An answer that has come to a member that stood still.
    AnswerWaits(Request, Vec<Chunk>),
    /// A commit, with what its metadata says is done beyond it.
    Stored(PartitionId, u64, BTreeSet<u64>),
    /// A thread of a pool ends something.
    Thread(usize, usize, u32),
    /// A record of a pool is tried again.
    Due(usize, u32),
    /// The client of a pool looks whether it is time to commit.
    Control(usize, u32),
    /// A client waits no longer for its threads.
    ClosesBy(usize, u32),
    /// The step of a lane ends.
    Step(usize, usize, u64),
    /// A caller has its token and wants a place.
    Token(usize, usize, u64),
    CommitAnswer(usize, u64),
    /// A lane that waits for the breaker takes its next record.
    Next(usize, usize, u64),
    /// An iteration of the loop inside poll().
    Look(usize),
    /// A background timer commits.
    Timer(usize),
    /// An entry of the timeline.
    Timeline(usize),
    /// The turn of a process that an entry restarts.
    Restarts(usize, usize),
    GraceEnds(usize, u32),
    Gone(usize, u32),
    Sample,
}

impl Event {
    /// Within an instant: what has happened elsewhere is there before anyone looks.
    fn rank(&self) -> (u8, usize) {
        match self {
            // Who gives partitions up in poll() is through with its batch.
            Event::Ownership(Ownership::Loses(.., Loss::InPoll) | Ownership::Commits(_)) => (6, 1),
            Event::Ownership(Ownership::Loses(..)) => (8, 2),
            Event::Ownership(_) => (0, 0),
            Event::Append(_) | Event::Readable(_) => (1, 0),
            Event::Reach(_) => (2, 0),
            Event::MaxWait(_) => (3, 0),
            Event::AnswerWaits(..) => (3, 1),
            Event::Answer(request, _) => (4, request.broker),
            Event::Stored(..) => (5, 0),
            Event::Thread(..) => (5, 1),
            Event::Due(..) => (5, 2),
            Event::Step(..) | Event::CommitAnswer(..) | Event::Next(..) => (6, 0),
            Event::Token(..) => (7, 0),
            Event::Look(_) => (8, 0),
            Event::Timer(_) | Event::Control(..) | Event::ClosesBy(..) => (8, 1),
            Event::Timeline(_) | Event::Restarts(..) => (9, 0),
            Event::GraceEnds(..) | Event::Gone(..) => (9, 0),
            Event::Sample => (10, 0),
        }
    }
}

struct Entry {
    key: (SimTime, (u8, usize), u64),
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

pub(super) struct Partition {
    pub(super) arrivals: Arrivals,
    /// Of a retry topic: when records come from the topic before it.
    pub(super) incoming: Option<Vec<SimTime>>,
    pub(super) appended: u64,
    pub(super) committed: Option<u64>,
    /// What is done beyond, by that commit.
    pub(super) beyond: BTreeSet<u64>,
    pub(super) owner: Option<usize>,
    pub(super) work: RecordCosts,
    pub(super) latency: Option<RecordCosts>,
    /// How often each call fails, and the latencies of attempts that do, in the order in which they are made.
    pub(super) failing: Option<(CallCosts, RecordCosts)>,
    /// Calls of other dependencies than the shared one: how many per record, and which dependency.
    pub(super) others: Vec<(u64, usize, CallCosts)>,
    pub(super) poison: Vec<Failures>,
}

pub struct World<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) now: SimTime,
    sequence: u64,
    pub(super) requests: u64,
    heap: BinaryHeap<Reverse<Entry>>,
    pub(super) partitions: Vec<Partition>,
    pub(super) brokers: Brokers,
    pub(super) members: Vec<Member>,
    pub(super) limiter: Limiter,
    /// Callers with a token that wait for a place.
    pub(super) queue: VecDeque<(usize, usize, u64)>,
    /// Attempts at calls that failed by chance.
    pub(super) failed: u64,
    /// How often each record was done, by partition and offset.
    pub(super) done: BTreeMap<(PartitionId, u64), u64>,
    /// Records that were produced to the next topic, in that order.
    pub passed_on: Vec<PassedOn>,
    /// How often each record was given up.
    pub(super) given_up: BTreeMap<(PartitionId, u64), u64>,
    /// What it is told and cannot be.
    pub doubts: Vec<String>,
    /// Which process was gone when.
    pub ended: Vec<(SimTime, usize)>,
    samples: Vec<(SimTime, Vec<Curves>)>,
}

impl<'s> World<'s> {
    pub fn new(scenario: &'s Scenario, ownership: Vec<(SimTime, Ownership)>) -> Self {
        let mut world = World {
            scenario,
            now: SimTime::ZERO,
            sequence: 0,
            requests: 0,
            heap: BinaryHeap::new(),
            partitions: Vec::new(),
            brokers: Brokers::default(),
            members: Vec::new(),
            limiter: Limiter::new(None, None),
            queue: VecDeque::new(),
            failed: 0,
            done: BTreeMap::new(),
            passed_on: Vec::new(),
            given_up: BTreeMap::new(),
            doubts: Vec::new(),
            ended: Vec::new(),
            samples: Vec::new(),
        };
        if let Some(downstream) = scenario.downstreams.get(scenario.shared()) {
            let rate = downstream.limit.map(|limit| (limit.rate, limit.burst));
            world.limiter = Limiter::new(rate, downstream.concurrency);
            world.limiter.refuses = downstream.when_limited == WhenLimited::Reject;
        }
        for index in 0..scenario.topic.partitions.len() {
            world.add_partition(index);
        }
        for _ in &scenario.group.processes {
            world.members.push(world.member());
        }
        for (at, ownership) in ownership {
            world.push(at, Event::Ownership(ownership));
        }
        for (entry, own) in scenario.timeline.iter().enumerate() {
            world.push(own.at, Event::Timeline(entry));
        }
        world.push(SimTime::ZERO, Event::Sample);
        world
    }

    fn add_partition(&mut self, index: usize) {
        let scenario = self.scenario;
        let id = PartitionId(index as u32);
        let name = format!("{}-{index}", scenario.topic.name);
        let address = |purpose| Address::new(scenario.seed, 0, purpose, &name);
        let of_calls = |which: usize| {
            let name = match which {
                0 => name.clone(),
                _ => format!("{name}/{}", scenario.downstreams[which].name),
            };
            move |purpose| Address::new(scenario.seed, 0, purpose, &name)
        };
        let shared = scenario.shared();
        let own = scenario.downstreams.get(shared);
        let latency =
            own.map(|own| RecordCosts::new(of_calls(shared)(Purpose::Latency), &own.latency));
        let failing = own.map(|own| {
            let costs = CallCosts::new(of_calls(shared), &own.call());
            let failed = of_calls(shared)(Purpose::FailedLatency);
            (costs, RecordCosts::new(failed, &own.latency))
        });
        let others = scenario.downstreams.iter().enumerate();
        let others = others.filter(|(which, _)| *which != shared);
        let others = others.map(|(which, own)| {
            let calls = scenario.settings[0].processing.calls_of(which);
            let costs = CallCosts::new(of_calls(which), &own.call());
            (u64::from(calls), which, costs)
        });
        let poison = scenario.poison.iter().map(|poison| match poison.which {
            PoisonRecords::At { partition, offset } if partition == id => {
                Failures::new(address(Purpose::Poison), &[offset], 0.0)
            }
            PoisonRecords::At { .. } => Failures::new(address(Purpose::Poison), &[], 0.0),
            PoisonRecords::Share(share) => Failures::new(address(Purpose::Poison), &[], share),
        });
        let start = scenario.topic.partitions[index];
        let law = &scenario.settings[0].processing.time;
        let mut partition = Partition {
            incoming: None,
            arrivals: scenario
                .production
                .of_partition(scenario.seed, 0, &scenario.topic.name, id),
            appended: 0,
            committed: start.committed,
            beyond: BTreeSet::new(),
            owner: None,
            work: RecordCosts::new(address(Purpose::Work), law),
            latency,
            failing,
            others: others.collect(),
            poison: poison.collect(),
        };
        let first = partition.arrivals.time_of(0);
        self.partitions.push(partition);
        self.brokers.log_end.push(start.log_end);
        self.brokers.readable.push(start.log_end);
        self.push(first, Event::Append(id));
    }

    pub(super) fn push(&mut self, at: SimTime, event: Event) {
        if at > SimTime::ZERO + self.scenario.horizon {
            return;
        }
        self.sequence += 1;
        let key = (at.max(self.now), event.rank(), self.sequence);
        self.heap.push(Reverse(Entry { key, event }));
    }

    /// Runs to the horizon; the curves at every point of the sample grid, and there.
    pub fn run(&mut self) -> Vec<(SimTime, Vec<Curves>)> {
        while let Some(Reverse(entry)) = self.heap.pop() {
            self.now = entry.key.0;
            self.handle(entry.event);
        }
        std::mem::take(&mut self.samples)
    }

    pub(super) fn doubt(&mut self, what: String) {
        self.doubts.push(format!("at {}: {what}", self.now));
    }

    /// Records of a partition that were done, those that were done again, and those that are committed although nobody
    /// has done them or has them in hand.
    pub fn accounts(&self, id: PartitionId) -> [u64; 3] {
        let own = self.done.range((id, 0)..=(id, u64::MAX));
        let times = own.map(|(_, times)| *times).collect::<Vec<_>>();
        let done: u64 = times.iter().sum();
        let start = self.scenario.topic.partitions[id.ix()].committed;
        let committed = self.partitions[id.ix()].committed;
        let lost = (start.unwrap_or(0)..committed.unwrap_or(0)).filter(|offset| {
            let in_hand = self.members.iter().any(|own| own.has_in_hand(id, *offset));
            let own = (id, *offset);
            !self.done.contains_key(&own) && !self.given_up.contains_key(&own) && !in_hand
        });
        [done, done - times.len() as u64, lost.count() as u64]
    }

    /// Calls refused by the dependency.
    pub fn refused(&self) -> u64 {
        self.limiter.refused
    }

    /// How often breakers have opened.
    pub fn opened(&self) -> u64 {
        let breakers = self.members.iter().filter_map(|own| own.breaker.as_ref());
        breakers.map(|own| own.opened).sum()
    }

    /// Attempts at calls that failed by chance.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Ownership(Ownership::Gets(who, partitions)) => self.gets(who.ix(), &partitions),
            Event::Ownership(Ownership::Loses(who, partitions, loss)) => {
                self.told_to_lose(who.ix(), &partitions, loss);
            }
            Event::Ownership(Ownership::Commits(who)) => {
                // Who closes its consumer does so by itself.
                if !self.members[who.ix()].stopping {
                    self.commit_positions(who.ix());
                }
            }
            Event::Ownership(Ownership::Starts(who)) => self.starts(who.ix()),
            Event::Ownership(Ownership::Evicted(who)) => self.evicted(who.ix()),
            Event::Ownership(Ownership::Removed(who)) => self.members[who.ix()].removed = true,
            Event::Ownership(Ownership::MayNotCommit(who, error)) => {
                self.members[who.ix()].may_not_commit = Some((self.now, error));
            }
            Event::Append(partition) => self.append(partition),
            Event::Readable(partition) => self.readable(partition),
            Event::Reach(request) => self.reach(request),
            Event::MaxWait(id) => {
                if let Some(request) = self.brokers.parked.remove(&id) {
                    self.respond(request);
                }
            }
            Event::Answer(request, chunks) | Event::AnswerWaits(request, chunks) => {
                self.answer(request, chunks)
            }
            Event::Stored(partition, offset, beyond) => {
                let partition = &mut self.partitions[partition.ix()];
                (partition.committed, partition.beyond) = (Some(offset), beyond);
            }
            Event::Thread(member, thread, incarnation) => {
                self.thread_ends(member, thread, incarnation);
            }
            Event::Due(member, incarnation) => self.due(member, incarnation),
            Event::Control(member, incarnation) => self.control(member, incarnation),
            Event::ClosesBy(member, incarnation) => {
                if self.members[member].incarnation == incarnation {
                    self.closes_in_time(member);
                }
            }
            Event::Step(member, lane, epoch) => self.step(member, lane, epoch),
            Event::Token(member, lane, epoch) => {
                self.queue.push_back((member, lane, epoch));
                self.give_places();
            }
            Event::CommitAnswer(member, epoch) => self.commit_answered(member, epoch),
            Event::Next(member, lane, epoch) if self.members[member].epoch == epoch => {
                self.next_record(member, lane);
            }
            Event::Next(..) => {}
            Event::Look(member) => self.look(member),
            Event::Timer(member) => self.timer(member),
            Event::Timeline(entry) => self.timeline(entry),
            Event::Restarts(entry, turn) => self.restarts(entry, turn),
            Event::GraceEnds(who, incarnation) => self.grace_ends(who, incarnation),
            Event::Gone(who, incarnation) => self.gone(who, incarnation),
            Event::Sample => self.sample(),
        }
    }

    fn sample(&mut self) {
        let curves = |(index, partition): (usize, &Partition)| {
            let id = PartitionId(index as u32);
            let owned = partition
                .owner
                .and_then(|owner| self.members[owner].owned.get(&id));
            Curves {
                log_end: self.brokers.log_end[index],
                committed: partition.committed,
                position: owned.map_or(partition.committed.unwrap_or(0), |owned| owned.position),
            }
        };
        let curves = self.partitions.iter().enumerate().map(curves).collect();
        self.samples.push((self.now, curves));
        let horizon = SimTime::ZERO + self.scenario.horizon;
        if self.now < horizon {
            self.push(horizon.min(self.now + self.scenario.sample), Event::Sample);
        }
    }

    /// Who closes its consumer gives everything up by itself.
    fn told_to_lose(&mut self, who: usize, partitions: &[PartitionId], loss: Loss) {
        let foreseen = loss != Loss::Lost;
        if foreseen && self.members[who].stopping {
            return;
        }
        let auto = self.scenario.settings[0].processing.commit == CommitPolicy::Auto;
        let mut positions = self.positions(who);
        let sends = foreseen && auto && self.refused_now(who).is_none();
        positions.retain(|(id, _)| sends && partitions.contains(id));
        self.send_commit_of(who, &positions);
        let completed = sends && self.commit_completed(who, Some(partitions));
        let member = &mut self.members[who];
        member.evicted |= !foreseen;
        let at_work = matches!(member.app, App::Working | App::Committing);
        let settings = &self.scenario.settings[0];
        let classic = settings.properties.group_protocol == GroupProtocol::Classic;
        let in_poll = settings.client.rejoin_from == RejoinFrom::NextPoll && classic;
        member.out |= !foreseen && at_work && in_poll;
        member.gave_up_at = (completed || !positions.is_empty()).then_some(self.now);
        self.lose(who, Some(partitions));
        if self.members[who].pool.is_some() {
            self.push(self.now, Event::Look(who)); // What is left may not be enough.
        }
    }

    fn gets(&mut self, who: usize, partitions: &[PartitionId]) {
        let brokers = self.scenario.cluster.brokers;
        let member = &mut self.members[who];
        if member.owned.is_empty() {
            member.lose_all();
        }
        (member.evicted, member.removed) = (false, false);
        let mut added = partitions.to_vec();
        added.retain(|id| !member.owned.contains_key(id));
        added.sort_unstable();
        for id in added {
            let partition = &mut self.partitions[id.ix()];
            partition.owner = Some(who);
            let committed = partition.committed;
            let position = committed.expect("the twin needs committed offsets");
            let owned = Owned {
                position,
                fetched: position,
                committed: position,
                paused_until: SimTime::ZERO,
            };
            self.members[who].owned.insert(id, owned);
            let beyond = &self.partitions[id.ix()].beyond;
            if let Some(pool) = &mut self.members[who].pool {
                pool.reads(id, position, beyond);
            }
            self.members[who].added[(id.0 % brokers) as usize].push(id);
        }
        let interval = self.scenario.settings[0].properties.auto_commit_interval;
        self.members[who].auto_commit_due = self.now + interval;
        if self.timer_commits() {
            self.push(self.now + interval, Event::Timer(who));
        }
        if matches!(self.members[who].app, App::Idle | App::Polling) {
            self.members[who].app = App::Polling; // And has been all the time.
            self.push(self.now, Event::Look(who));
        }
    }

    fn append(&mut self, id: PartitionId) {
        self.brokers.log_end[id.ix()] += 1;
        let partition = &mut self.partitions[id.ix()];
        partition.appended += 1;
        let next = match &partition.incoming {
            Some(incoming) => incoming.get(partition.appended as usize).copied(),
            None => Some(partition.arrivals.time_of(partition.appended)),
        };
        if let Some(next) = next {
            self.push(next, Event::Append(id));
        }
        match &self.scenario.stage {
            Some(stage) => self.push(self.now + stage.delay, Event::Readable(id)),
            None => self.readable(id),
        }
    }
}
