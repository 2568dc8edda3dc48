//! The state of a run, and how time passes in it.

use super::dependency::{self, Dependency};
use super::event::Event;
use super::group::Coordinator;
use super::member::{Accounts, App, Ground, Member};
use super::rollout::Rollout;
use super::topic::Topic;
use super::{Fact, GroupView, Observer, PartitionState, Sample, Totals};
use crate::engine::{Agenda, Ties};
use crate::kafka::Logs;
use crate::scenario::{CommitPolicy, Scenario};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

/// Everything that exists during a run.
pub(super) struct World<'s> {
    pub scenario: &'s Scenario,
    pub replication: u32,
    pub agenda: Agenda<Event>,
    pub topic: Topic,
    pub members: Vec<Member>,
    pub group: Coordinator,
    pub dependency: Option<Dependency>,
    pub rollouts: Vec<Rollout>,
    pub accounts: Accounts,
    /// Facts not yet told, since members run ahead of each other.
    pub facts: Vec<(SimTime, Fact)>,
}

impl<'s> World<'s> {
    /// The world of `scenario` at its start.
    pub fn new(scenario: &'s Scenario, replication: u32, ties: Ties) -> Self {
        let processes = 0..scenario.group.processes.len() as u32;
        let mut world = World {
            scenario,
            replication,
            agenda: Agenda::new(ties),
            topic: Topic::new(scenario, replication),
            members: processes
                .map(|index| Member::new(ProcessId(index)))
                .collect(),
            group: Coordinator::new(scenario),
            dependency: scenario
                .downstream
                .as_ref()
                .map(|spec| Dependency::new(scenario, spec, replication)),
            rollouts: Vec::new(),
            accounts: Accounts::default(),
            facts: Vec::new(),
        };
        for index in 0..world.topic.partitions.len() {
            let id = PartitionId(index as u32);
            if let Some(offset) = world.topic.stuck_from_the_start(id, scenario) {
                world.topic.partitions[index].stuck_at = Some(offset);
                world.note(Fact::PoisonMet { process: None, partition: id, offset });
            }
            world.tell_state(id, PartitionState::Starting, SimTime::ZERO);
        }
        for (index, entry) in scenario.timeline.iter().enumerate() {
            world
                .agenda
                .schedule(entry.at, Event::Timeline(index as u32));
        }
        for (index, process) in scenario.group.processes.iter().enumerate() {
            if let Some(start) = process.start {
                world
                    .agenda
                    .schedule(start, Event::Subscribe(ProcessId(index as u32)));
            }
        }
        world.agenda.schedule(SimTime::ZERO, Event::LookAhead);
        world
    }

    /// Runs to the horizon; `observer` sees every fact and every point of the sample grid.
    pub fn run(mut self, observer: &mut dyn Observer) {
        let horizon = SimTime::ZERO + self.scenario.horizon;
        let mut grid = SimTime::ZERO;
        loop {
            let next = self.agenda.peek().filter(|at| *at <= horizon);
            // A point of the grid shows all of its instant, so it is taken once nothing else happens at it.
            if grid <= horizon && next.is_none_or(|at| at > grid) {
                if self.advance(grid) {
                    self.sample(grid, observer);
                    grid += self.scenario.sample;
                }
                continue;
            }
            let Some(at) = next else { break };
            if self.coupled() && !self.advance(at) {
                continue;
            }
            if let Some(event) = self.agenda.pop() {
                self.handle(event);
            }
        }
        self.advance(horizon);
        self.tell(horizon, observer);
        let totals = self.totals(horizon);
        observer.finish(horizon, &totals, &self.view());
    }

    /// Whether members are in each other's way at the dependency.
    pub fn coupled(&self) -> bool {
        self.dependency.as_ref().is_some_and(Dependency::couples)
    }

    /// The now of the agenda.
    pub fn now(&self) -> SimTime {
        self.agenda.now()
    }

    /// Brings every member to `until`; false if an event has come up before `until` on the way.
    pub fn advance(&mut self, until: SimTime) -> bool {
        if self.coupled() {
            return self.advance_together(until);
        }
        let World {
            scenario,
            topic,
            accounts,
            facts,
            members,
            ..
        } = self;
        for member in members.iter_mut() {
            member.run(
                until,
                &mut Ground {
                    scenario,
                    topic,
                    accounts,
                    facts,
                },
            );
        }
        true
    }

    /// Brings one member to `until`.
    pub fn catch_up(&mut self, process: ProcessId, until: SimTime) {
        if self.coupled() {
            return; // All of them are there already.
        }
        let World {
            scenario,
            topic,
            accounts,
            facts,
            members,
            ..
        } = self;
        members[process.ix()].run(
            until,
            &mut Ground {
                scenario,
                topic,
                accounts,
                facts,
            },
        );
    }

    /// Members that share a dependency take their steps in the order of time.
    fn advance_together(&mut self, until: SimTime) -> bool {
        loop {
            let mut next = (SimTime::NEVER, usize::MAX);
            for (index, member) in self.members.iter().enumerate() {
                let at = member.next_step(self.scenario);
                if at < next.0 {
                    next = (at, index);
                }
            }
            let dry = self
                .dependency
                .as_ref()
                .map_or(SimTime::NEVER, Dependency::runs_dry_at);
            if dry.min(next.0) > until {
                break;
            }
            if dry < next.0 {
                self.pace(dry);
                continue;
            }
            if self.members[next.1].attended() {
                // Its step belongs on the agenda, and whatever comes after it has to wait.
                if next.0 < until {
                    self.attend(self.members[next.1].process);
                }
                return next.0 >= until;
            }
            let called = dependency::calls(&self.members[next.1]);
            let World {
                scenario,
                topic,
                accounts,
                facts,
                members,
                ..
            } = self;
            members[next.1].step(&mut Ground {
                scenario,
                topic,
                accounts,
                facts,
            });
            if called || dependency::calls(&self.members[next.1]) {
                self.pace(next.0);
            }
        }
        for member in &mut self.members {
            member.store_commits(until, &mut self.topic);
        }
        true
    }

    /// Callers have come or gone: everyone's batch gets its new speed.
    pub fn pace(&mut self, at: SimTime) {
        let Some(dependency) = &mut self.dependency else {
            return;
        };
        dependency.pace(at, &mut self.members);
        for index in 0..self.members.len() {
            let member = &self.members[index];
            if member.attended() && dependency::calls(member) && member.frozen_until.is_none() {
                let (wake, process) = (member.wake, member.process);
                self.agenda.schedule(wake, Event::Wake(process));
            }
        }
    }

    /// Puts the next step of an attended application thread on the agenda.
    pub fn attend(&mut self, process: ProcessId) {
        let member = &self.members[process.ix()];
        if member.frozen_until.is_none() && member.app != App::Down {
            let wake = member.wake.max(self.now());
            self.agenda.schedule(wake, Event::Wake(process));
        }
    }

    /// An attended application thread takes its step.
    pub fn wake(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        if !member.attended() || member.wake > now || member.frozen_until.is_some() {
            return; // It was moved, or runs by itself again.
        }
        let called = dependency::calls(member);
        let World {
            scenario,
            topic,
            accounts,
            facts,
            ..
        } = self;
        let polls = member.work(
            now,
            &mut Ground {
                scenario,
                topic,
                accounts,
                facts,
            },
        );
        if called && self.coupled() {
            self.pace(now);
        }
        if polls {
            self.at_poll(process);
        } else {
            self.attend(process);
        }
    }

    /// One poll of a member that is Stable, at the now of the agenda.
    pub fn poll_now(&mut self, process: ProcessId) {
        let now = self.now();
        let World {
            scenario,
            topic,
            accounts,
            facts,
            members,
            ..
        } = self;
        members[process.ix()].poll(
            now,
            &mut Ground {
                scenario,
                topic,
                accounts,
                facts,
            },
        );
        if self.coupled() {
            self.pace(now);
        }
    }

    /// Notes that a partition is in `state` from `since` on. One whose next record is a poison record that nobody
    /// gives up is blocked, whatever its group is at.
    pub fn tell_state(&mut self, id: PartitionId, state: PartitionState, since: SimTime) {
        let partition = &mut self.topic.partitions[id.ix()];
        let blocked = partition.stuck_at.is_some() && partition.stuck_at == partition.committed;
        let state = if blocked { PartitionState::Blocked } else { state };
        partition.state = state;
        let fact = self.topic.state_fact(id, state, since);
        let now = self.now().max(since);
        self.facts.push((now, fact));
    }

    /// Notes a fact of now.
    pub fn note(&mut self, fact: Fact) {
        let now = self.now();
        self.facts.push((now, fact));
    }

    fn look_ahead(&mut self) {
        let now = self.now();
        if !self.advance(now) {
            self.agenda.schedule(now, Event::LookAhead);
            return;
        }
        let longest = self
            .scenario
            .settings
            .iter()
            .map(|settings| settings.properties.max_poll_interval);
        let step = longest
            .min()
            .unwrap_or(SimDuration::from_secs(60))
            .half()
            .max(SimDuration::from_millis(1));
        let next = now + step;
        for index in 0..self.members.len() {
            let member = &self.members[index];
            if member.app != App::Processing {
                continue;
            }
            let interval = self.scenario.settings[member.settings]
                .properties
                .max_poll_interval;
            let deadline = member.batch.polled_at + interval;
            if deadline > now && deadline <= next {
                let (process, number) = (member.process, member.batch.number);
                self.agenda
                    .schedule(deadline, Event::PollDeadline(process, number));
            }
        }
        self.agenda.schedule(next, Event::LookAhead);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::LookAhead => self.look_ahead(),
            Event::Timeline(entry) => self.timeline(entry as usize),
            Event::Subscribe(process) => self.subscribe(process),
            Event::Wake(process) => self.wake(process),
            Event::Request(request, serial) => self.request(request, serial),
            Event::Answer(serial) => self.answer(serial),
            Event::Heartbeat(serial) => self.heartbeat_answered(serial),
            Event::Session(serial) => self.session(serial),
            Event::Stored(generation) => self.stored(generation),
            Event::Timer(index) => self.timer(index),
            Event::Resume(serial) => self.resume(serial),
            Event::PollDeadline(process, batch) => self.poll_deadline(process, batch),
            Event::Thaw(process) => self.thaw(process),
            Event::Kill(process, incarnation) => self.kill_late(process, incarnation),
            Event::Gone(process, incarnation) => self.gone(process, incarnation),
            Event::Refresh(process, incarnation) => self.refresh(process, incarnation),
        }
    }

    fn sample(&mut self, at: SimTime, observer: &mut dyn Observer) {
        for index in 0..self.members.len() {
            // Only a commit per record moves anything that is sampled while a batch is in hand.
            let member = &mut self.members[index];
            let processing = &self.scenario.settings[member.settings].processing;
            if processing.commit == CommitPolicy::PerRecord {
                member.account_until(at, self.scenario, &mut self.topic);
            }
        }
        self.classify(at);
        self.tell(at, observer);
        let mut samples = Vec::with_capacity(self.topic.partitions.len());
        for index in 0..self.topic.partitions.len() {
            let id = PartitionId(index as u32);
            let (log_end, age_s) = (self.topic.log_end(id, at), self.topic.age_s(id, at));
            let partition = &self.topic.partitions[index];
            let owner = partition.owner.map(|process| &self.members[process.ix()]);
            let slot = owner.and_then(|member| member.fetcher.slot(id));
            let position = slot.map_or(partition.committed.unwrap_or(0), |slot| slot.position);
            let (committed, state) = (partition.committed, partition.state);
            samples.push(Sample {
                log_end,
                committed,
                position,
                age_s,
                state,
            });
        }
        observer.sample(at, &samples);
    }

    /// Tells what has become true by `until`, in the order of time.
    fn tell(&mut self, until: SimTime, observer: &mut dyn Observer) {
        self.facts.sort_by_key(|(at, _)| *at);
        let told = self.facts.partition_point(|(at, _)| *at <= until);
        for (at, fact) in self.facts.drain(..told) {
            observer.observe(at, &fact);
        }
    }

    /// What an owner's work looks like at `at`, partition by partition.
    fn classify(&mut self, at: SimTime) {
        let waiting = self
            .dependency
            .as_ref()
            .is_some_and(|dependency| dependency.saturated);
        for index in 0..self.topic.partitions.len() {
            let id = PartitionId(index as u32);
            let Some(process) = self.topic.partitions[index].owner else {
                continue;
            };
            let member = &self.members[process.ix()];
            let Some(slot) = member.fetcher.slot(id) else {
                continue;
            };
            let properties = &self.scenario.settings[member.settings].properties;
            let size = self.scenario.topic.record_bytes.max(1);
            let a_poll = properties
                .max_poll_records
                .min(properties.max_partition_fetch_bytes / size)
                .max(1);
            let position = slot.position;
            let behind = self.topic.log_end(id, at).saturating_sub(position);
            let partition = &self.topic.partitions[index];
            let state = if member.frozen_until.is_some() {
                PartitionState::Frozen
            } else if member.blocked.contains(&id) || member.batch.stuck_on().is_some() {
                PartitionState::Blocked
            } else if behind <= a_poll && !self.dependency.as_ref().is_some_and(Dependency::stopped)
            {
                PartitionState::KeepingUp
            } else if position < partition.evicted_to {
                PartitionState::Evicted
            } else if waiting {
                PartitionState::Throttled
            } else {
                PartitionState::Saturated
            };
            if state != partition.state {
                self.tell_state(id, state, at);
            }
        }
    }

    fn totals(&mut self, at: SimTime) -> Totals {
        let mut partitions = Vec::new();
        for index in 0..self.topic.partitions.len() {
            let log_end = self.topic.log_end(PartitionId(index as u32), at);
            let start = self.scenario.topic.partitions.get(index);
            let partition = &self.topic.partitions[index];
            let mut totals = partition.totals;
            totals.produced = log_end - start.map_or(0, |start| start.log_end);
            let before = start.and_then(|start| start.committed).unwrap_or(0);
            totals.committed = partition.committed.unwrap_or(0).saturating_sub(before);
            partitions.push(totals);
        }
        let Accounts {
            polls,
            commits,
            commits_failed,
            poison_attempts,
        } = self.accounts;
        Totals {
            partitions,
            polls,
            commits,
            commits_failed,
            poison_attempts,
        }
    }

    fn view(&self) -> GroupView {
        self.group.view(&self.members, &self.scenario.group.name)
    }
}
