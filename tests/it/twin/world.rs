//! The slow, obvious simulator: an event for each record appended, each fetch that reaches a broker, each answer, each
//! record worked on, each commit. Who owns what is told from outside; everything else follows facts of Kafka's client.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use lagsim::engine::{Address, Purpose};
use lagsim::kafka::{Fetches, KafkaError};
use lagsim::scenario::{
    Action, BackOff, CommitPolicy, DeadLetterTopic, Downstream, GiveUp, OnError, OnFailure,
    PoisonRecords, Produce, RetryBy, Scenario, WhenLimited, WhileOpen,
};
use lagsim::units::{PartitionId, ProcessId, SimDuration, SimTime};
use lagsim::workload::{Arrivals, CallCosts, Failures, RecordCosts};

use super::breaker::Breaker;
use super::broker::{Brokers, Chunk, Limiter, Limits, Request};
use super::member::{App, InHand, Member, Outcome, Owned};

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
    Gets(ProcessId, Vec<PartitionId>),
    Loses(ProcessId, Vec<PartitionId>),
    MayNotCommit(ProcessId, Option<KafkaError>),
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    Ownership(Ownership),
    Append(PartitionId),
    Reach(Request),
    MaxWait(u64),
    Answer(Request, Vec<Chunk>),
    Stored(PartitionId, u64),
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
    Freeze(Vec<ProcessId>, SimDuration),
    Sample,
}

impl Event {
    /// Within an instant: what has happened elsewhere is there before anyone looks.
    fn rank(&self) -> (u8, usize) {
        match self {
            Event::Ownership(_) => (0, 0),
            Event::Append(_) => (1, 0),
            Event::Reach(_) => (2, 0),
            Event::MaxWait(_) => (3, 0),
            Event::Answer(request, _) => (4, request.broker),
            Event::Stored(..) => (5, 0),
            Event::Step(..) | Event::CommitAnswer(..) | Event::Next(..) => (6, 0),
            Event::Token(..) => (7, 0),
            Event::Look(_) => (8, 0),
            Event::Timer(_) => (8, 1),
            Event::Freeze(..) => (9, 0),
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

struct Partition {
    arrivals: Arrivals,
    appended: u64,
    committed: Option<u64>,
    owner: Option<usize>,
    work: RecordCosts,
    latency: Option<RecordCosts>,
    /// How often each call fails, and the latencies of attempts that do, in the order in which they are made.
    failing: Option<(CallCosts, RecordCosts)>,
    /// Calls of other dependencies than the shared one: how many per record, and which dependency.
    others: Vec<(u64, usize, CallCosts)>,
    poison: Vec<Failures>,
}

pub struct World<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) now: SimTime,
    sequence: u64,
    requests: u64,
    heap: BinaryHeap<Reverse<Entry>>,
    partitions: Vec<Partition>,
    brokers: Brokers,
    pub(super) members: Vec<Member>,
    limiter: Limiter,
    /// Callers with a token that wait for a place.
    queue: std::collections::VecDeque<(usize, usize, u64)>,
    /// Attempts at calls that failed by chance.
    failed: u64,
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
            queue: std::collections::VecDeque::new(),
            failed: 0,
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
            let brokers = scenario.cluster.brokers as usize;
            let mut member = Member::new(brokers);
            let watched = scenario.downstreams.get(scenario.shared());
            let breaker = watched.and_then(|own| own.on_outage.breaker);
            member.breaker = breaker.map(|(config, _)| Breaker::new(config));
            world.members.push(member);
        }
        for (at, ownership) in ownership {
            world.push(at, Event::Ownership(ownership));
        }
        for entry in &scenario.timeline {
            if let Action::Freeze { processes, length } = &entry.action {
                let all = (0..world.members.len() as u32).map(ProcessId);
                let who = if processes.is_empty() {
                    all.collect()
                } else {
                    processes.clone()
                };
                world.push(entry.at, Event::Freeze(who, *length));
            }
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
            arrivals: scenario
                .production
                .of_partition(scenario.seed, 0, &scenario.topic.name, id),
            appended: 0,
            committed: start.committed,
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

    /// Runs to the horizon; the curves at every point of the sample grid.
    pub fn run(&mut self) -> Vec<(SimTime, Vec<Curves>)> {
        while let Some(Reverse(entry)) = self.heap.pop() {
            self.now = entry.key.0;
            self.handle(entry.event);
        }
        std::mem::take(&mut self.samples)
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
            Event::Ownership(Ownership::Loses(who, partitions)) => {
                self.members[who.ix()].lose(&partitions);
                for id in partitions {
                    self.partitions[id.ix()].owner = None;
                }
            }
            Event::Ownership(Ownership::MayNotCommit(who, error)) => {
                self.members[who.ix()].may_not_commit = Some((self.now, error));
            }
            Event::Append(partition) => self.append(partition),
            Event::Reach(request) => self.reach(request),
            Event::MaxWait(id) => {
                if let Some(request) = self.brokers.parked.remove(&id) {
                    self.respond(request);
                }
            }
            Event::Answer(request, chunks) => self.answer(request, chunks),
            Event::Stored(partition, offset) => {
                self.partitions[partition.ix()].committed = Some(offset);
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
            Event::Freeze(who, length) => who.iter().for_each(|who| self.freeze(who.ix(), length)),
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
        self.push(self.now + self.scenario.sample, Event::Sample);
    }

    fn gets(&mut self, who: usize, partitions: &[PartitionId]) {
        let brokers = self.scenario.cluster.brokers;
        self.members[who].lose_all();
        let mut sorted = partitions.to_vec();
        sorted.sort_unstable();
        for id in sorted {
            let partition = &mut self.partitions[id.ix()];
            partition.owner = Some(who);
            let committed = partition.committed;
            let position = committed.expect("the twin needs committed offsets");
            let owned = Owned {
                position,
                fetched: position,
                paused_until: SimTime::ZERO,
            };
            self.members[who].owned.insert(id, owned);
            self.members[who].session[(id.0 % brokers) as usize].push(id);
        }
        let interval = self.scenario.settings[0].properties.auto_commit_interval;
        self.members[who].auto_commit_due = self.now + interval;
        if self.timer_commits() {
            self.push(self.now + interval, Event::Timer(who));
        }
        if self.members[who].app == App::Idle {
            self.poll(who);
        }
    }

    fn append(&mut self, id: PartitionId) {
        self.brokers.log_end[id.ix()] += 1;
        let partition = &mut self.partitions[id.ix()];
        partition.appended += 1;
        let next = partition.arrivals.time_of(partition.appended);
        self.push(next, Event::Append(id));
        for request in self.brokers.parked_for(id) {
            if self
                .brokers
                .enough(&self.brokers.parked[&request], self.limits())
            {
                let request = self.brokers.parked.remove(&request).expect("just seen");
                self.respond(request);
            }
        }
    }

    fn limits(&self) -> Limits {
        let size = self.scenario.topic.record_bytes;
        let properties = &self.scenario.settings[0].properties;
        Limits {
            min: properties.fetch_min_bytes.div_ceil(size).max(1),
            per_partition: (properties.max_partition_fetch_bytes / size).max(1),
            per_response: (properties.fetch_max_bytes / size).max(1),
        }
    }

    fn reach(&mut self, request: Request) {
        let max_wait = self.scenario.settings[0].properties.fetch_max_wait;
        if max_wait.is_zero() || self.brokers.enough(&request, self.limits()) {
            return self.respond(request);
        }
        self.push(self.now + max_wait, Event::MaxWait(request.id));
        self.brokers.parked.insert(request.id, request);
    }

    fn respond(&mut self, request: Request) {
        let chunks = self.brokers.read(&request, self.limits());
        let trip = self.scenario.cluster.round_trip;
        let back = trip.saturating_sub(trip.half());
        self.push(self.now + back, Event::Answer(request, chunks));
    }

    fn answer(&mut self, request: Request, chunks: Vec<Chunk>) {
        let member = &mut self.members[request.member];
        if member.in_flight[request.broker] != Some(request.id) {
            return; // Of an assignment that is gone.
        }
        if self.now < member.frozen_until {
            let thaws = member.frozen_until;
            return self.push(thaws, Event::Answer(request, chunks));
        }
        member.receive(request.broker, &chunks);
        let client = &self.scenario.settings[0].client;
        if matches!(client.fetches, Fetches::Ahead { .. }) {
            self.send_fetches(request.member); // From a thread of its own.
        }
        if self.members[request.member].app == App::Polling {
            self.push(self.now, Event::Look(request.member));
        }
    }

    /// One iteration inside poll().
    fn look(&mut self, who: usize) {
        let (now, timer) = (self.now, self.timer_commits());
        let member = &mut self.members[who];
        if member.app != App::Polling {
            return;
        }
        if now < member.frozen_until {
            let thaws = member.frozen_until;
            return self.push(thaws, Event::Look(who));
        }
        let settings = &self.scenario.settings[0];
        let client = &settings.client;
        let between = client.fetches == Fetches::BetweenBatches;
        let auto = settings.processing.commit == CommitPolicy::Auto && !timer;
        if auto && now >= member.auto_commit_due {
            member.auto_commit_due = now + settings.properties.auto_commit_interval;
            let positions: Vec<_> = member
                .owned
                .iter()
                .map(|(id, o)| (*id, o.position))
                .collect();
            self.send_commit(&positions);
        }
        let open = self.members[who].open_until(now);
        let open = open.filter(|_| !self.blocks());
        let member = &mut self.members[who];
        let most = settings.properties.max_poll_records;
        let kept = (most as usize).min(member.kept.len());
        if let Some(until) = open.filter(|_| kept > 0) {
            return self.push(until, Event::Look(who));
        }
        let mut records: VecDeque<_> = member.kept.drain(..kept).collect();
        if records.is_empty() && self.waits_for_more(who) {
            return self.send_fetches(who);
        }
        let member = &mut self.members[who];
        if records.is_empty() {
            if between && !member.completed.is_empty() {
                self.send_fetches(who);
            }
            records = self.members[who].drain(most, client.returns_one_partition);
            if !between || records.is_empty() {
                self.send_fetches(who);
            }
        }
        if let Some(until) = open.filter(|_| !records.is_empty()) {
            // Whoever has nothing finds out by a poll that its breaker is open.
            self.members[who].kept = records;
            return self.push(until, Event::Look(who));
        }
        let member = &mut self.members[who];
        if records.is_empty() {
            let pauses = member.owned.values().map(|owned| owned.paused_until);
            let mut looks: Vec<SimTime> = pauses.filter(|until| *until > now).collect();
            if auto {
                looks.push(member.auto_commit_due);
            }
            looks
                .into_iter()
                .for_each(|at| self.push(at, Event::Look(who)));
            return;
        }
        member.app = App::Working;
        member.begun.clear();
        for &(partition, offset) in &records {
            member.begun.entry(partition).or_insert(offset);
        }
        member.to_do = records;
        member.epoch += 1;
        member.lanes = vec![None; settings.processing.concurrency as usize];
        for lane in 0..self.members[who].lanes.len() {
            self.next_record(who, lane);
        }
    }

    /// Whether a poll() waits until it is full, or its time is over.
    fn waits_for_more(&mut self, who: usize) -> bool {
        let settings = &self.scenario.settings[0];
        let fills = settings.client.fills;
        let member = &mut self.members[who];
        let waiting: u64 = member.owned.values().map(Owned::waiting).sum();
        if fills.is_zero() || waiting == 0 || waiting >= settings.properties.max_poll_records {
            return false;
        }
        let passed = self.now.since(member.polls_from).as_nanos();
        let calls = passed.div_ceil(fills.as_nanos()).max(1);
        let until = member.polls_from + fills * calls;
        if until > member.fills_until {
            member.fills_until = until;
            self.push(until, Event::Look(who));
        }
        until > self.now
    }

    fn send_fetches(&mut self, who: usize) {
        let half = self.scenario.cluster.round_trip.half();
        for broker in 0..self.members[who].in_flight.len() {
            let settings = &self.scenario.settings[0];
            let between = settings.client.fetches == Fetches::BetweenBatches;
            if between && self.members[who].buffers(broker) {
                continue;
            }
            let fewer = match settings.client.fetches {
                Fetches::Ahead { records, .. } => records,
                Fetches::OnceDrained | Fetches::BetweenBatches => 1,
            };
            let wants = self.members[who].wants(broker, self.now, fewer);
            if self.members[who].in_flight[broker].is_some() || wants.is_empty() {
                continue;
            }
            self.requests += 1;
            let id = self.requests;
            self.members[who].in_flight[broker] = Some(id);
            let request = Request {
                id,
                member: who,
                broker,
                wants,
            };
            self.push(self.now + half, Event::Reach(request));
        }
    }

    /// Whether the application waits with its batch while its breaker is open.
    fn blocks(&self) -> bool {
        let watched = self.shared().and_then(|own| own.on_outage.breaker);
        watched.is_some_and(|(_, while_open)| while_open == WhileOpen::Block)
    }

    /// What is left of the batch is kept, what is done of it committed, and the application polls on.
    fn set_aside(&mut self, who: usize) {
        let member = &mut self.members[who];
        let mut left = std::mem::take(&mut member.to_do);
        left.append(&mut member.kept);
        member.kept = left;
        let finished: Vec<_> = std::mem::take(&mut member.finished).into_iter().collect();
        member.lanes.fill(None);
        member.epoch += 1;
        self.send_commit(&finished);
        self.poll(who);
    }

    /// The breaker opens by the attempt that is over: the call is made anew once it lets calls through again, with luck of its own.
    /// Whether the record is still in hand.
    fn breaker_opens(&mut self, who: usize, lane: usize) -> bool {
        let (calls, blocks) = (self.shared_calls(), self.blocks());
        let member = &mut self.members[who];
        let until = member.open_until(self.now).expect("it has opened");
        let Some(in_hand) = &mut member.lanes[lane] else {
            return false;
        };
        if in_hand.calls == 0 && !in_hand.fails {
            return false; // It was its last call.
        }
        if in_hand.fails {
            let call = (in_hand.offset + 1) * calls - in_hand.calls;
            let partition = &mut self.partitions[in_hand.partition.ix()];
            let (costs, _) = partition.failing.as_mut().expect("it calls");
            costs.draw_anew(call, call + 1);
        }
        (in_hand.fails, in_hand.failures, in_hand.ends) = (false, None, until);
        if blocks {
            let epoch = member.epoch;
            self.push(until, Event::Step(who, lane, epoch));
            return true;
        }
        let own = (in_hand.partition, in_hand.offset);
        member.to_do.push_front(own);
        self.set_aside(who);
        true
    }

    /// A free lane takes the next record, or the batch is through.
    pub(super) fn next_record(&mut self, who: usize, lane: usize) {
        let member = &self.members[who];
        if let Some(until) = member
            .open_until(self.now)
            .filter(|_| !member.to_do.is_empty())
        {
            let epoch = member.epoch;
            return match self.blocks() {
                true => self.push(until, Event::Next(who, lane, epoch)),
                false => self.set_aside(who),
            };
        }
        let Some((partition, offset)) = self.members[who].to_do.pop_front() else {
            if self.members[who].lanes.iter().all(Option::is_none) {
                self.end_batch(who);
            }
            return;
        };
        let calls = self.shared_calls();
        let log = &mut self.partitions[partition.ix()];
        let mut own = log.work.record(offset);
        let mut after = SimDuration::ZERO;
        let shared = self.scenario.shared();
        // Whether the record is given up before it comes to the shared one, or to the next after that.
        let mut lost = [false; 2];
        for (calls, which, costs) in &mut log.others {
            let side = usize::from(*which > shared);
            let work = if side == 0 { &mut own } else { &mut after };
            for call in offset * *calls..(offset + 1) * *calls {
                if lost[0] || lost[side] {
                    break;
                }
                let (takes, given_up) = called(&self.scenario.downstreams[*which], costs, call);
                *work += takes;
                lost[side] = given_up;
            }
        }
        let (calls, after) = if lost[0] {
            (0, SimDuration::ZERO)
        } else {
            (calls, after)
        };
        let latency = log.latency.as_mut().map_or(SimDuration::ZERO, |latency| {
            latency.work(offset * calls, (offset + 1) * calls)
        });
        let failing = (0..log.poison.len())
            .find(|entry| log.poison[*entry].first_in(offset, offset + 1).is_some());
        let mut in_hand = InHand {
            partition,
            offset,
            outcome: Outcome::Passed,
            ends: self.now + own,
            calls,
            after,
            failures: None,
            failed: 0,
            calling: false,
            fails: false,
        };
        if let Some(entry) = failing {
            let attempt = self.scenario.poison[entry].attempt;
            let attempt = attempt.unwrap_or(own + latency + after);
            let on_error = &self.scenario.settings[0].on_error[entry];
            (in_hand.calls, in_hand.after) = (0, SimDuration::ZERO);
            (in_hand.ends, in_hand.outcome) = fail(on_error, attempt, self.scenario, self.now);
        }
        let member = &mut self.members[who];
        member.lanes[lane] = Some(in_hand);
        let epoch = member.epoch;
        self.push(in_hand.ends, Event::Step(who, lane, epoch));
    }

    fn step(&mut self, who: usize, lane: usize, epoch: u64) {
        let now = self.now;
        let member = &mut self.members[who];
        let Some(in_hand) = member.lanes.get(lane).copied().flatten() else {
            return;
        };
        if member.epoch != epoch || in_hand.ends != now {
            return; // A freeze has moved it.
        }
        if in_hand.calling {
            if let Some(in_hand) = &mut member.lanes[lane] {
                in_hand.calling = false;
            }
            self.limiter.in_flight -= 1;
            self.share_anew(self.limiter.in_flight + 1);
            self.give_places();
            let breaker = self.members[who].breaker.as_mut();
            let opens = breaker.is_some_and(|breaker| breaker.see(now, in_hand.fails));
            if opens && self.breaker_opens(who, lane) {
                return;
            }
        }
        let downstream = self.shared();
        let back_off = downstream.map_or(SimDuration::ZERO, |own| own.on_outage.back_off);
        let member = &mut self.members[who];
        if in_hand.fails {
            let gives_up = downstream.and_then(|own| own.on_outage.gives_up);
            let failed = in_hand.failed + 1;
            let last = gives_up.is_some_and(|own| failed == own.attempts);
            let pause = match gives_up {
                Some(own) if last => own.then.takes(),
                Some(own) => pauses(&own.back_off)
                    .nth(failed as usize - 1)
                    .expect("endless"),
                None => back_off,
            };
            if let Some(in_hand) = &mut member.lanes[lane] {
                (in_hand.fails, in_hand.failed, in_hand.ends) = (false, failed, now + pause);
                if last {
                    (in_hand.calls, in_hand.after) = (0, SimDuration::ZERO);
                }
            }
            return self.push(now + pause, Event::Step(who, lane, epoch));
        }
        if in_hand.calls > 0 {
            if let Some(granted) = self.limiter.take(now) {
                if let Some(in_hand) = &mut member.lanes[lane] {
                    in_hand.ends = SimTime::NEVER; // It waits: a step of its call that was moved is none of this one.
                }
                return self.push(granted, Event::Token(who, lane, epoch));
            }
            let address = Address::new(self.scenario.seed, 0, Purpose::Limiter, "twin");
            let share = 0.8 + 0.4 * address.uniform(0, self.limiter.refused);
            let again = now + SimDuration::from_secs_f64(back_off.as_secs_f64() * share);
            if let Some(in_hand) = &mut member.lanes[lane] {
                in_hand.ends = again;
            }
            return self.push(again, Event::Step(who, lane, epoch));
        }
        if !in_hand.after.is_zero() {
            let ends = now + in_hand.after;
            if let Some(in_hand) = &mut member.lanes[lane] {
                (in_hand.after, in_hand.ends) = (SimDuration::ZERO, ends);
            }
            return self.push(ends, Event::Step(who, lane, epoch));
        }
        member.lanes[lane] = None;
        let InHand {
            partition, offset, ..
        } = in_hand;
        match in_hand.outcome {
            Outcome::Passed => {
                let finished = member.finished.entry(partition).or_insert(0);
                *finished = (*finished).max(offset + 1);
            }
            Outcome::SeekBack(pause) => {
                member.seeks.push((partition, offset, pause));
                member.finished.insert(partition, offset);
                member.to_do.retain(|(other, _)| *other != partition);
            }
        }
        let per_record = self.scenario.settings[0].processing.commit == CommitPolicy::PerRecord;
        if per_record && in_hand.outcome == Outcome::Passed {
            self.send_commit(&[(partition, offset + 1)]);
            let answered = self.now + self.commit_takes();
            // The lane is busy until the answer is there.
            self.members[who].lanes[lane] = Some(InHand {
                ends: SimTime::NEVER,
                ..in_hand
            });
            let epoch = self.members[who].epoch;
            return self.push(answered, Event::CommitAnswer(who, epoch));
        }
        self.next_record(who, lane);
    }

    /// The dependency whose calls are events of their own.
    fn shared(&self) -> Option<&'s Downstream> {
        self.scenario.downstreams.get(self.scenario.shared())
    }

    fn shared_calls(&self) -> u64 {
        let processing = &self.scenario.settings[0].processing;
        u64::from(processing.calls_of(self.scenario.shared()))
    }

    /// How many times as long as alone calls take while so many are in flight.
    fn factor(&self, calls: u32) -> f64 {
        let downstream = self.shared();
        downstream.map_or(1.0, |own| own.load.factor(calls))
    }

    /// What is left of each call takes as long as calls do now; so many were in flight before.
    fn share_anew(&mut self, before: u32) {
        let now = self.now;
        let change = self.factor(self.limiter.in_flight) / self.factor(before);
        if change == 1.0 {
            return;
        }
        let mut moved = Vec::new();
        for (who, member) in self.members.iter_mut().enumerate() {
            let epoch = member.epoch;
            for (lane, in_hand) in member.lanes.iter_mut().enumerate() {
                if let Some(in_hand) = in_hand.as_mut().filter(|one| one.calling) {
                    let left = in_hand.ends.since(now).as_secs_f64() * change;
                    in_hand.ends = now + SimDuration::from_secs_f64(left);
                    moved.push((in_hand.ends, Event::Step(who, lane, epoch)));
                }
            }
        }
        for (ends, event) in moved {
            self.push(ends, event);
        }
    }

    fn give_places(&mut self) {
        let calls = self.shared_calls();
        while self
            .limiter
            .places
            .is_none_or(|places| self.limiter.in_flight < places)
        {
            let Some((who, lane, epoch)) = self.queue.pop_front() else {
                return;
            };
            if self.members[who].lanes[lane].is_none() {
                continue;
            }
            self.limiter.in_flight += 1;
            self.share_anew(self.limiter.in_flight - 1);
            let factor = self.factor(self.limiter.in_flight);
            let Some(in_hand) = &mut self.members[who].lanes[lane] else {
                continue;
            };
            let call = (in_hand.offset + 1) * calls - in_hand.calls;
            let partition = &mut self.partitions[in_hand.partition.ix()];
            let (Some(latency), Some((costs, failed))) =
                (&mut partition.latency, &mut partition.failing)
            else {
                continue;
            };
            in_hand.calling = true;
            let failures = in_hand.failures.take();
            let failures = failures.unwrap_or_else(|| costs.failed(call, call + 1));
            let alone = if failures > 0 {
                (in_hand.failures, in_hand.fails) = (Some(failures - 1), true);
                self.failed += 1;
                failed.record(self.failed)
            } else {
                (in_hand.calls, in_hand.failed) = (in_hand.calls - 1, 0);
                latency.record(call)
            };
            let shared = SimDuration::from_secs_f64(alone.as_secs_f64() * factor);
            in_hand.ends = self.now + if factor == 1.0 { alone } else { shared };
            let ends = in_hand.ends;
            self.push(ends, Event::Step(who, lane, epoch));
        }
    }

    pub(super) fn poll(&mut self, who: usize) {
        let owns = !self.members[who].owned.is_empty();
        self.members[who].app = if owns { App::Polling } else { App::Idle };
        self.members[who].polls_from = self.now;
        self.push(self.now, Event::Look(who));
    }

    /// What is under way goes on after the freeze with what is left of it.
    fn freeze(&mut self, who: usize, length: SimDuration) {
        let now = self.now;
        let member = &mut self.members[who];
        member.frozen_until = now + length;
        if member.app != App::Working {
            return self.push(now + length, Event::Look(who));
        }
        let epoch = member.epoch;
        let mut moved = Vec::new();
        for (lane, in_hand) in member.lanes.iter_mut().enumerate() {
            if let Some(in_hand) = in_hand {
                in_hand.ends += length;
                moved.push((in_hand.ends, lane));
            }
        }
        for (ends, lane) in moved {
            self.push(ends, Event::Step(who, lane, epoch));
        }
    }
}

/// How long a call keeps its record, attempts that fail among it, and whether the record is given up then. The attempts of a
/// dependency that gives records up all take the same time.
fn called(own: &Downstream, costs: &mut CallCosts, call: u64) -> (SimDuration, bool) {
    let failures = costs.failed(call, call + 1);
    let Some(gives_up) = own.on_outage.gives_up else {
        return (costs.work(call, call + 1), false);
    };
    let attempt = SimDuration::from_secs_f64(own.latency.mean());
    let attempts = (failures + 1).min(u64::from(gives_up.attempts));
    let mut takes = attempt * attempts;
    for pause in pauses(&gives_up.back_off).take(attempts as usize - 1) {
        takes += pause;
    }
    match failures >= u64::from(gives_up.attempts) {
        true => (takes + gives_up.then.takes(), true),
        false => (takes, false),
    }
}

/// Until when a failing record keeps its lane that it gets at `now`, and what becomes of it.
fn fail(
    on_error: &OnError,
    attempt: SimDuration,
    scenario: &Scenario,
    now: SimTime,
) -> (SimTime, Outcome) {
    match on_error {
        OnError::RetryForever(RetryBy::Seek { back_off }) => {
            (now + attempt, Outcome::SeekBack(*back_off))
        }
        OnError::RetryForever(RetryBy::InPlace) => (SimTime::NEVER, Outcome::Passed),
        OnError::Retry {
            attempts,
            back_off,
            then,
            seeks: false,
        } => {
            let mut length = attempt;
            for pause in pauses(back_off).take(*attempts as usize - 1) {
                length += pause + attempt;
            }
            let mut ends = now + length;
            if let GiveUp::DeadLetter(produce) = then {
                let mut taken;
                (ends, taken) = produced(*produce, scenario, ends);
                while !taken && produce.on_failure == OnFailure::Retry && ends < SimTime::NEVER {
                    (ends, taken) = produced(*produce, scenario, ends + length);
                }
            }
            (ends, Outcome::Passed)
        }
        OnError::Retry { seeks: true, .. } => unreachable!("a retry by seek has tests of its own"),
    }
}

/// When a produce that is begun at `begun` is answered or given up, and whether the dead-letter topic has taken it.
fn produced(produce: Produce, scenario: &Scenario, begun: SimTime) -> (SimTime, bool) {
    let deadline = begun + produce.timeout;
    let (mut answers, mut tried) = (DeadLetterTopic::Up, begun);
    for entry in &scenario.timeline {
        let Action::DeadLetter(next) = entry.action else {
            continue;
        };
        let answered = match answers {
            DeadLetterTopic::Stopped => deadline,
            _ => deadline.min(tried + produce.takes),
        };
        if entry.at > begun && entry.at >= answered {
            break;
        }
        if answers == DeadLetterTopic::Stopped {
            tried = entry.at.max(begun);
        }
        answers = next;
    }
    match answers {
        DeadLetterTopic::Stopped => (deadline, false),
        _ if tried + produce.takes >= deadline => (deadline, false),
        _ => (tried + produce.takes, answers == DeadLetterTopic::Up),
    }
}

fn pauses(back_off: &BackOff) -> impl Iterator<Item = SimDuration> + '_ {
    (0..).map(|turn| {
        let grown = back_off.first.as_secs_f64() * back_off.multiplier.powi(turn);
        SimDuration::from_secs_f64(grown).min(back_off.max)
    })
}
