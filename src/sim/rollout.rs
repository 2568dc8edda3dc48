//! The timeline: deploys, scaling, more partitions, changes of settings and of the dependency.

use std::collections::VecDeque;

use super::Fact;
use super::commit::SHORTEST;
use super::event::Event;
use super::link::Phase;
use super::member::App;
use super::world::World;
use crate::engine::{Address, Purpose};
use crate::scenario::{Action, DownstreamChange};
use crate::units::{ProcessId, SimDuration, SimTime};
use crate::workload::RecordCosts;

/// A restart of several processes that is under way.
#[derive(Debug)]
pub(super) struct Rollout {
    waiting: VecDeque<ProcessId>,
    gap: SimDuration,
    start_up: SimDuration,
    graceful: bool,
    rolling: bool,
    settings: Option<usize>,
}

impl World<'_> {
    /// An entry of the timeline takes effect.
    pub fn timeline(&mut self, entry: usize) {
        self.note(Fact::Timeline { entry });
        let scenario = self.scenario;
        match &scenario.timeline[entry].action {
            Action::Crash { .. }
            | Action::Restart { .. }
            | Action::Start { .. }
            | Action::Stop { .. } => self.processes_change(&scenario.timeline[entry].action),
            Action::AddPartitions { to } => self.add_partitions(*to),
            Action::Freeze { processes, length } => self.freeze_all(processes, *length),
            Action::RateChange => {}
            Action::Downstream(which, change) => self.change_dependency(*which, change),
            Action::DeadLetter(answers) => self.change_dead_letter_topic(*answers),
            Action::Adopt { settings } => self.adopt(*settings),
            Action::AdoptAtRestart { settings } => {
                self.members
                    .iter_mut()
                    .for_each(|member| member.next_settings = *settings);
            }
        }
    }

    /// Processes come and go.
    fn processes_change(&mut self, action: &Action) {
        let now = self.now();
        match action {
            Action::Crash {
                processes,
                restart_after,
            } => self.crash(processes, *restart_after),
            Action::Restart {
                processes,
                gap,
                start_up,
                graceful,
                rolling,
                settings,
            } => {
                self.deployment.rollouts.push(Rollout {
                    waiting: processes.iter().copied().collect(),
                    gap: *gap,
                    start_up: *start_up,
                    graceful: *graceful,
                    rolling: *rolling,
                    settings: *settings,
                });
                let index = self.deployment.rollouts.len() - 1;
                let turns = if *rolling { 1 } else { processes.len() };
                for _ in 0..turns {
                    self.next_turn(index);
                }
            }
            Action::Start {
                processes,
                start_up,
            } => {
                for &process in processes {
                    self.start_at(process, now + *start_up);
                }
            }
            Action::Stop {
                processes,
                graceful,
            } => {
                for &process in processes {
                    self.dismiss(process);
                    if *graceful {
                        self.stop(process)
                    } else {
                        self.kill(process)
                    }
                }
            }
            _ => {}
        }
    }

    /// Processes die, those in their start-up too; without `restart_after` for good.
    fn crash(&mut self, processes: &[ProcessId], restart_after: Option<SimDuration>) {
        let now = self.now();
        for &process in processes {
            let member = &mut self.members[process.ix()];
            // One that was told to stop for good is not brought back by dying first.
            let goes = member.stopping && member.rollout.is_none() && !member.starts_again;
            let runs = member.app != App::Down && !goes || member.starts != SimTime::NEVER;
            match restart_after {
                None => self.dismiss(process),
                Some(_) => member.starts = SimTime::NEVER,
            }
            self.kill(process);
            if let Some(after) = restart_after
                && runs
            {
                self.start_at(process, now + after);
            }
        }
    }

    /// A process starts at `at` and subscribes when it is up, unless it does so earlier anyway.
    pub fn start_at(&mut self, process: ProcessId, at: SimTime) {
        let at = at + self.start_up(process);
        let member = &mut self.members[process.ix()];
        if at < member.starts {
            member.starts = at;
            self.agenda.schedule(at, Event::Subscribe(process));
        }
    }

    /// How long the next start of a process takes.
    fn start_up(&self, process: ProcessId) -> SimDuration {
        let group = &self.scenario.group;
        let Some(law) = &group.start_up else {
            return SimDuration::ZERO;
        };
        let (seed, name) = (self.scenario.seed, &group.processes[process.ix()].name);
        let address = Address::new(seed, self.replication, Purpose::StartUp, name);
        let start = u64::from(self.members[process.ix()].incarnation);
        RecordCosts::new(address, law).work(start, start + 1)
    }

    /// A process is not wanted any more: whatever would have started it again does not, and a rolling restart that
    /// waits for it goes on with the next.
    pub fn dismiss(&mut self, process: ProcessId) {
        let member = &mut self.members[process.ix()];
        member.starts = SimTime::NEVER;
        member.starts_again = false;
        if let Some(index) = member.rollout {
            self.rollout_went_on(process, index);
        }
    }

    fn freeze_all(&mut self, processes: &[ProcessId], length: SimDuration) {
        if processes.is_empty() {
            for index in 0..self.members.len() {
                self.freeze(self.members[index].process, length);
            }
        }
        for &process in processes {
            self.freeze(process, length);
        }
    }

    /// The next process of a rollout is restarted.
    fn next_turn(&mut self, index: usize) {
        let rollout = &mut self.deployment.rollouts[index];
        let Some(process) = rollout.waiting.pop_front() else {
            return;
        };
        let (graceful, settings) = (rollout.graceful, rollout.settings);
        let member = &mut self.members[process.ix()];
        if let Some(settings) = settings {
            member.next_settings = settings;
        }
        if member.app == App::Down || member.stopping || member.rollout.is_some() {
            return self.next_turn(index); // Not running, about to go, or restarting anyway.
        }
        member.rollout = Some(index);
        if graceful {
            self.stop(process)
        } else {
            self.kill(process)
        }
    }

    /// A process of a rollout has ended: its successor starts after the gap.
    pub fn restart_in_turn(&mut self, process: ProcessId) {
        let Some(index) = self.members[process.ix()].rollout else {
            return;
        };
        let rollout = &self.deployment.rollouts[index];
        let starts = self.now() + rollout.gap + rollout.start_up;
        self.start_at(process, starts);
    }

    /// A process of a rollout has subscribed: the next one's turn.
    pub fn rollout_went_on(&mut self, process: ProcessId, index: usize) {
        self.members[process.ix()].rollout = None;
        if self.deployment.rollouts[index].rolling {
            self.next_turn(index);
        }
    }

    fn adopt(&mut self, settings: usize) {
        let now = self.now();
        self.advance(now);
        for member in &mut self.members {
            member.next_settings = settings;
            // The batch in hand was planned under the settings before; it ends under them.
            member.adopt(settings, now, self.scenario);
        }
        for index in 0..self.members.len() {
            let process = self.members[index].process;
            self.watch_poll_clock(process);
            self.configure_remotely(process);
        }
        self.serve(settings);
    }

    /// Callers of the dependency have taken up other settings.
    pub fn serve(&mut self, settings: usize) {
        let now = self.now();
        if let Some(dependency) = &mut self.dependency
            && dependency.serve(now, settings)
            && dependency.couples()
        {
            self.pace(now);
        }
    }

    fn change_dependency(&mut self, which: usize, change: &DownstreamChange) {
        let now = self.now();
        self.advance(now);
        let other_calls = matches!(
            change,
            DownstreamChange::Latency(_) | DownstreamChange::FailureRate(_)
        );
        let stopped = match other_calls {
            true => self.stop_calls(which, now),
            false => Vec::new(),
        };
        let Some(dependency) = &mut self.dependency else {
            return;
        };
        let slower = dependency.change(now, which, change);
        (self.topic).set_failures(|settings| dependency.failure(settings));
        if other_calls {
            let (scenario, topic) = (self.scenario, &mut self.topic);
            topic.set_calls(scenario, self.replication, which, dependency.call(which));
            for (index, stopped) in stopped {
                self.go_on_calling(index, stopped, &slower, now);
            }
        }
        self.pace(now);
    }

    fn add_partitions(&mut self, to: u32) {
        let now = self.now();
        self.advance(now);
        self.topic
            .grow(self.scenario, self.replication, to as usize);
        self.topic.spread_keys(self.scenario, self.replication, now);
        for index in 0..self.topic.partitions.len() {
            let id = crate::units::PartitionId(index as u32);
            if self.topic.partitions[index].state == super::PartitionState::Starting {
                self.tell_state(id, super::PartitionState::Starting, now);
            }
        }
        if self.speaks_consumer() {
            let partitions = (0..to).map(crate::units::PartitionId).collect();
            let topics = vec![crate::kafka::assignor::TopicPartitions { partitions }];
            self.coordinate_remotely(crate::kafka::consumer::Input::MetadataChanged { topics });
        }
        for index in 0..self.members.len() {
            self.watch_metadata(self.members[index].process);
        }
    }

    /// Partitions that a process knows of: those of its last metadata refresh.
    pub fn known_partitions(&self, process: ProcessId) -> u32 {
        let refreshed = self.last_refresh(process);
        let mut count = self.scenario.topic.partitions.len() as u32;
        for entry in &self.scenario.timeline {
            if let Action::AddPartitions { to } = entry.action
                && entry.at <= refreshed
            {
                count = count.max(to);
            }
        }
        count
    }

    /// Metadata is refreshed when the process starts and every metadata.max.age.ms after.
    fn last_refresh(&self, process: ProcessId) -> SimTime {
        let member = &self.members[process.ix()];
        let age = self.metadata_age(process);
        let passed = self.now().since(member.started_at).as_nanos() / age.as_nanos();
        member.started_at + age * passed
    }

    /// metadata.max.age.ms as it acts.
    fn metadata_age(&self, process: ProcessId) -> SimDuration {
        let settings = &self.scenario.settings[self.members[process.ix()].settings];
        settings.properties.metadata_max_age.max(SHORTEST)
    }

    /// A leader that knows of partitions nobody is assigned rejoins; one that will see some looks at its next refresh.
    pub fn watch_metadata(&mut self, process: ProcessId) {
        let member = &self.members[process.ix()];
        if member.app == App::Down || !member.link.leading || member.link.phase != Phase::Stable {
            return;
        }
        let known = self.known_partitions(process);
        if known > member.link.covers {
            self.members[process.ix()].link.metadata_changed = true;
            self.told_to_rejoin(process);
        } else if (known as usize) < self.topic.partitions.len() {
            let incarnation = member.incarnation;
            let next = self.last_refresh(process) + self.metadata_age(process);
            self.agenda
                .schedule(next, Event::Refresh(process, incarnation));
        }
    }

    /// The leader may have refreshed its metadata.
    pub fn refresh(&mut self, process: ProcessId, incarnation: u32) {
        if self.members[process.ix()].incarnation == incarnation {
            self.watch_metadata(process);
        }
    }
}
