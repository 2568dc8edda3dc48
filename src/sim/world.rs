//! The state of a run, and how time passes in it.

use super::dependency::{self, Dependency};
use super::event::Event;
use super::identity::Coordinator;
use super::member::{Accounts, App, Ground, Member};
use super::sampling::Look;
use super::scaling::Deployment;
use super::topic::Topic;
use super::{Fact, Observer, PartitionState};
use crate::engine::{Agenda, Patience, Ties};
use crate::kafka::{GroupState, PollClock};
use crate::scenario::Scenario;
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
    pub deployment: Deployment,
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
                .map(|index| Member::new(ProcessId(index), scenario, replication))
                .collect(),
            group: Coordinator::new(scenario, replication),
            dependency: Dependency::new(scenario, replication),
            deployment: Deployment::new(scenario),
            accounts: Accounts::default(),
            facts: Vec::new(),
        };
        for index in 0..world.topic.partitions.len() {
            let id = PartitionId(index as u32);
            if let Some(offset) = world.topic.stuck_from_the_start(id, scenario) {
                world.topic.partitions[index].stuck_at = Some(offset);
                world.note(Fact::PoisonMet {
                    process: None,
                    partition: id,
                    offset,
                });
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
                world.start_at(ProcessId(index as u32), start);
            }
        }
        world.agenda.schedule(SimTime::ZERO, Event::LookAhead);
        world.start_autoscaler();
        world
    }

    /// Runs to the horizon; `observer` sees every fact and every point of the sample grid, which increases. Returns the topic
    /// as it is then.
    pub fn run(
        mut self,
        grid: &mut dyn Iterator<Item = Look>,
        observer: &mut dyn Observer,
    ) -> Topic {
        let horizon = SimTime::ZERO + self.scenario.horizon;
        let mut point = grid.next();
        let mut patience = Patience::default();
        loop {
            let next = self.agenda.peek().filter(|at| *at <= horizon);
            // A point of the grid shows all of its instant, so it is taken once nothing else happens at it.
            let due = |at: SimTime| at <= horizon && next.is_none_or(|next| next > at);
            if let Some(look) = point.filter(|look| due(look.at())) {
                if self.advance(look.at()) {
                    self.look(look, observer);
                    point = grid.next();
                }
                continue;
            }
            let Some(at) = next else { break };
            patience.step(at);
            if self.coupled() && !self.advance(at) {
                continue;
            }
            if let Some(event) = self.agenda.pop() {
                self.handle(event);
            }
        }
        self.advance(horizon);
        self.account_in_hand(horizon);
        self.lose_what_is_left(horizon);
        self.tell(horizon, observer);
        let totals = self.totals(horizon);
        observer.finish(horizon, &totals, &self.view());
        self.topic
    }

    /// Whether members take their steps in the order of time: they are in each other's way at the dependency, or what one
    /// does in a step of its own, to exit, concerns the group.
    pub fn coupled(&self) -> bool {
        self.deployment.supervisor.of_records
            || self.dependency.as_ref().is_some_and(Dependency::couples)
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
        let (members, mut ground) = self.ground();
        for member in members.iter_mut() {
            member.run(until, &mut ground);
        }
        true
    }

    /// The members, and what a running one may touch.
    pub fn ground(&mut self) -> (&mut [Member], Ground<'_>) {
        let World {
            scenario,
            topic,
            accounts,
            facts,
            members,
            group,
            ..
        } = self;
        let nobody = group.classic.state() == GroupState::Empty;
        (
            members,
            Ground {
                scenario,
                nobody,
                topic,
                accounts,
                facts,
                asked: None,
            },
        )
    }

    /// Brings one member to `until`.
    pub fn catch_up(&mut self, process: ProcessId, until: SimTime) {
        if self.coupled() {
            return; // All of them are there already.
        }
        let (members, mut ground) = self.ground();
        members[process.ix()].run(until, &mut ground);
    }

    /// Members that share a dependency take their steps in the order of time.
    fn advance_together(&mut self, until: SimTime) -> bool {
        let mut patience = Patience::default();
        let mut turns = self.turns();
        loop {
            let (index, at) = first_of(&turns);
            let dry = self
                .dependency
                .as_ref()
                .map_or(SimTime::NEVER, Dependency::runs_dry_at);
            if dry.min(at) > until {
                break;
            }
            patience.step(dry.min(at));
            if self.part(at, until) {
                self.pass_turns(&mut turns);
                continue;
            }
            if dry < at {
                self.pace(dry);
                self.pass_turns(&mut turns);
                continue;
            }
            if turns[index].attended && !turns[index].threads {
                // Its step belongs on the agenda, and whatever comes after it has to wait.
                if at < until {
                    self.attend(self.members[index].process);
                }
                return at >= until;
            }
            let paced = self.step_together(index, at, turns[index].threads);
            if !turns[index].threads {
                turns[index].attended = self.members[index].batch.crashes;
            }
            if paced {
                self.members[index].pass_turn(&mut turns[index]);
            } else {
                self.pace(at);
                self.pass_turns(&mut turns);
                // An attempt that is to fail may open a breaker before anything else happens.
                let minded = self.dependency.as_ref().is_some_and(|one| one.minded);
                if minded && self.agenda.peek().is_some_and(|event| event < until) {
                    return false;
                }
            }
        }
        let (members, mut ground) = self.ground();
        for member in members {
            member.settle(until, &mut ground);
        }
        true
    }

    /// Whose turn it is when. A member's own steps do not change what its timer does, nor whether it is attended but for a
    /// batch at whose end the process exits.
    fn turns(&self) -> Vec<Turn> {
        let turn = |member: &Member| {
            let mut turn = Turn {
                at: SimTime::ZERO,
                attended: member.attended(),
                timer: member.timer_commits(self.scenario),
                pool: member.workers.is_some(),
                threads: false,
            };
            member.pass_turn(&mut turn);
            turn
        };
        self.members.iter().map(turn).collect()
    }

    /// Everyone was paced: their turns come at other times.
    fn pass_turns(&self, turns: &mut [Turn]) {
        for (turn, member) in turns.iter_mut().zip(&self.members) {
            member.pass_turn(turn);
        }
    }

    /// One member takes its step; false if everyone has to be paced for it.
    fn step_together(&mut self, index: usize, at: SimTime, threads: bool) -> bool {
        let member = &self.members[index];
        let (called, callers) = (dependency::calls(member), dependency::callers_of(member));
        let (members, mut ground) = self.ground();
        if threads {
            members[index].run_workers(at, &mut ground);
        } else {
            members[index].step(at, &mut ground);
        }
        let member = &self.members[index];
        if !called && !dependency::calls(member) && dependency::callers_of(member) == callers {
            return true;
        }
        match &mut self.dependency {
            Some(dependency) => dependency.pace_alone(at, index, &mut self.members[index]),
            None => true,
        }
    }

    /// Callers have come or gone: everyone's batch gets its new speed.
    pub fn pace(&mut self, at: SimTime) {
        if self.dependency.as_ref().is_some_and(Dependency::holds_up) {
            self.hold_records(at);
        }
        self.mind_outage(at);
        let (members, mut ground) = self.ground();
        for member in members {
            member.run_workers(at, &mut ground);
        }
        let Some(dependency) = &mut self.dependency else {
            return;
        };
        dependency.pace(at, &mut self.members);
        self.put_beats_off(at);
        for index in 0..self.members.len() {
            let member = &self.members[index];
            let calls = || dependency::calls(member) || dependency::callers_of(member) > 0;
            if member.attended() && calls() && member.frozen_until.is_none() {
                let (wake, process) = (member.wake, member.process);
                self.agenda.schedule(wake, Event::Wake(process));
            }
        }
    }

    /// Somebody stands still, or no longer does: everyone is paced anew.
    pub fn pace_anew(&mut self, at: SimTime) {
        if !self.coupled() {
            self.advance(at); // A batch that is through must not be given another end.
        }
        if let Some(dependency) = &mut self.dependency {
            dependency.disturb();
        }
        self.pace(at);
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
        if member.batch.crashes && member.app == App::Processing {
            return self.crash_on_record(process);
        }
        let called = dependency::calls(member);
        let (members, mut ground) = self.ground();
        let member = &mut members[process.ix()];
        member.commit_before_exit(now, &mut ground);
        let polls = member.work(now, &mut ground);
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
        let (members, mut ground) = self.ground();
        members[process.ix()].poll(now, &mut ground);
        if self.coupled() {
            self.pace(now);
        }
    }

    /// Notes that a partition is in `state` from `since` on. One whose next record is a poison record that nobody
    /// gives up is blocked, whatever its group is at; one whose group has no process left is orphaned.
    pub fn tell_state(&mut self, id: PartitionId, state: PartitionState, since: SimTime) {
        let nobody = self.members.iter().all(|member| member.app == App::Down);
        let partition = &mut self.topic.partitions[id.ix()];
        let blocked = partition.stuck_at.is_some() && partition.stuck_at == partition.committed;
        let state = match state {
            _ if blocked => PartitionState::Blocked,
            // A group of nobody has no rebalance that could come to an end.
            PartitionState::Rebalancing if nobody => PartitionState::Orphaned,
            other => other,
        };
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
        let settings = self.scenario.settings.iter();
        let patience = settings.map(|one| one.client.patience(&one.properties));
        let step = patience
            .min()
            .unwrap_or(SimDuration::FOREVER)
            .min(SimDuration::from_secs(86_400))
            .half()
            .max(SimDuration::from_millis(1));
        let next = now + step;
        for index in 0..self.members.len() {
            let member = &self.members[index];
            if !member.has_batch() {
                continue;
            }
            self.watch_silence(self.members[index].process, next);
            let member = &self.members[index];
            let settings = &self.scenario.settings[member.settings];
            let deadline = member.batch.polled_at + settings.properties.max_poll_interval;
            let watched = settings.client.poll_clock != PollClock::Never;
            if watched && deadline > now && deadline <= next {
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
            Event::Answer(serial) if self.speaks_consumer() => self.answer_remotely(serial),
            Event::Answer(serial) => self.answer(serial),
            Event::Heartbeat(serial) if self.speaks_consumer() => self.beat(serial),
            Event::Heartbeat(serial) => self.heartbeat_answered(serial),
            Event::Done(serial, step) => self.done(serial, step),
            Event::Session(serial) => self.session(serial),
            Event::Stored(generation) => self.stored(generation),
            Event::MemberStored(serial) => self.member_stored(serial),
            Event::Timer(index) => self.timer(index),
            Event::Resume(serial) => self.resume(serial),
            Event::PollDeadline(process, batch) => self.poll_deadline(process, batch),
            Event::Silence(process, batch) => self.silence(process, batch),
            Event::Attempt(process, number) => self.attempt(process, number),
            Event::Thaw(process) => self.thaw(process),
            Event::Kill(process, incarnation) => self.kill_late(process, incarnation),
            Event::Gone(process, incarnation) => self.gone(process, incarnation),
            Event::Autoscaler => self.autoscaler_looks(),
            Event::Refresh(process, incarnation) => self.refresh(process, incarnation),
        }
    }
}

/// When a member does something next, among others.
#[derive(Clone, Copy)]
struct Turn {
    at: SimTime,
    /// It is the agenda's to let it do that.
    attended: bool,
    /// A background timer commits for it.
    timer: bool,
    /// It has a pool of threads.
    pool: bool,
    /// It is one of its threads that does it, whoever attends to the rest.
    threads: bool,
}

impl Member {
    #[inline]
    fn pass_turn(&self, turn: &mut Turn) {
        turn.at = self.next_step_with(turn.timer);
        if turn.pool {
            let thread = self.next_of_callers();
            turn.threads = thread < turn.at;
            turn.at = turn.at.min(thread);
        }
    }
}

/// The first of the earliest.
fn first_of(turns: &[Turn]) -> (usize, SimTime) {
    let mut first = (usize::MAX, SimTime::NEVER);
    for (index, turn) in turns.iter().enumerate() {
        if turn.at < first.1 {
            first = (index, turn.at);
        }
    }
    first
}
