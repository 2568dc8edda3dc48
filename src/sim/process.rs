//! Processes: they start, stop, are killed, and stand still.

use super::commit::Acknowledged;
use super::event::Event;
use super::link::Phase;
use super::member::App;
use super::workers::Workers;
use super::world::World;
use super::{Cause, Fact, PartitionState, StopReason};
use crate::kafka::Owned;
use crate::scenario::OnStop;
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

/// Round trips from subscribe to the first JoinGroup: ApiVersions, Metadata, FindCoordinator.
const BOOTSTRAP_ROUND_TRIPS: u64 = 3;

impl World<'_> {
    /// A process is up: it finds its coordinator and joins.
    pub fn subscribe(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        if member.starts != now {
            return; // Put off, or called off.
        }
        member.starts = SimTime::NEVER;
        if member.app != App::Down {
            member.starts_again = member.stopping;
            return;
        }
        member.incarnation += 1;
        member.take_up(member.next_settings, self.scenario);
        let processing = &self.scenario.settings[member.settings].processing;
        member.workers = Workers::start(now, processing);
        member.caller.start(&self.scenario.downstreams);
        member.app = App::Polling;
        member.wake = SimTime::NEVER;
        member.started_at = now;
        member.log_starts.clear();
        member.stopping = false;
        member.link.phase = Phase::Unjoined;
        member.link.rejoin = false;
        member.link.generation = 0;
        member.link.leading = false;
        member.link.last_heartbeat = None;
        member.link.standing_since = now;
        member.link.last = Owned::default();
        member.link.owes_commit = false;
        member.acknowledged = Acknowledged::nothing(now);
        member.fills_until = SimTime::ZERO;
        member.calls_poll(now, self.scenario);
        let (rollout, settings) = (member.rollout, member.settings);
        self.serve(settings);
        self.note(Fact::ProcessStarted { process });
        self.somebody_runs_again();
        let found = now + self.scenario.cluster.round_trip * BOOTSTRAP_ROUND_TRIPS;
        if self.speaks_consumer() {
            self.subscribe_remote(process, found);
        } else {
            self.join_anew(process, found);
        }
        if let Some(rollout) = rollout {
            self.rollout_went_on(process, rollout);
        }
    }

    /// Partitions that were orphaned because nobody ran have a rebalance to wait for again. Those of a crashed member
    /// that nobody misses yet stay orphaned.
    fn somebody_runs_again(&mut self) {
        let now = self.now();
        for index in 0..self.topic.partitions.len() {
            let partition = &self.topic.partitions[index];
            if partition.owner.is_none() && partition.state == PartitionState::Orphaned {
                self.tell_state(PartitionId(index as u32), PartitionState::Rebalancing, now);
            }
        }
    }

    /// The partitions a process reads, or would if it did not stand still.
    fn tell_state_of_all(&mut self, process: ProcessId, state: PartitionState) {
        let now = self.now();
        for index in 0..self.topic.partitions.len() {
            let id = PartitionId(index as u32);
            // A crashed process may still count as the owner of what its successor does not read.
            let reads = self.members[process.ix()].fetcher.slot(id).is_some();
            if reads && self.topic.partitions[index].owner == Some(process) {
                self.tell_state(id, state, now);
            }
        }
    }

    /// A process is told to stop (SIGTERM): it finishes what its settings say and closes its consumer.
    pub fn stop(&mut self, process: ProcessId) {
        let now = self.now();
        self.catch_up(process, now);
        let member = &mut self.members[process.ix()];
        if member.stopping || matches!(member.app, App::Down | App::Closing) {
            return;
        }
        member.stopping = true;
        let processing = &self.scenario.settings[member.settings].processing;
        let incarnation = member.incarnation;
        self.agenda
            .schedule(now + processing.grace, Event::Kill(process, incarnation));
        if member.frozen_until.is_none() {
            self.heed_stop(process);
        }
    }

    /// A process learns that it is to stop; one that is frozen does so when it goes on.
    fn heed_stop(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        let processing = &self.scenario.settings[member.settings].processing;
        match member.app {
            App::Polling => {
                if !self.waits_for_threads(process) {
                    self.close(process);
                }
            }
            App::Processing if processing.on_stop == OnStop::FinishRecord => {
                let settings = member.settings;
                let (scenario, topic) = (self.scenario, &mut self.topic);
                let shop = &mut super::batch::Workshop::new(scenario, settings, topic);
                member.wake = member.batch.cut_after_record(now, shop);
                if self.coupled() {
                    self.pace(now);
                }
                self.attend(process);
            }
            _ => self.attend(process),
        }
    }

    /// A process dies without a word.
    pub fn kill(&mut self, process: ProcessId) {
        self.die(process, StopReason::Killed);
    }

    /// A process is no more, and its group was not told.
    pub fn die(&mut self, process: ProcessId, reason: StopReason) {
        let now = self.now();
        self.catch_up(process, now);
        if self.members[process.ix()].app == App::Down {
            return;
        }
        let member = &mut self.members[process.ix()];
        member.account_until(now, self.scenario, &mut self.topic);
        member.meet_poison(now, &mut self.topic, &mut self.facts);
        let member = &mut self.members[process.ix()];
        member.leave_commit_under_way(now, self.scenario, &mut self.topic);
        member.account_unanswered(now, self.scenario, &mut self.topic);
        self.run_workers(process);
        self.fall_silent(process);
        self.leave_batch(process, Cause::Crash);
        self.tell_orphaned(process);
        let slots = self.members[process.ix()].fetcher.slots();
        let read: Vec<_> = slots.iter().map(|slot| slot.partition).collect();
        self.forget_kept(process, &read, Cause::Crash);
        self.leave_partitions(&read, Cause::Crash);
        let member = &mut self.members[process.ix()];
        member.fetcher.clear();
        member.blocked.clear();
        self.end(process, reason);
    }

    /// Nobody reads what counts as this process' own, and the group does not know.
    pub fn tell_orphaned(&mut self, process: ProcessId) {
        let now = self.now();
        for index in 0..self.topic.partitions.len() {
            if self.topic.partitions[index].owner == Some(process) {
                self.tell_state(PartitionId(index as u32), PartitionState::Orphaned, now);
            }
        }
    }

    fn end(&mut self, process: ProcessId, reason: StopReason) {
        let now = self.now();
        self.give_identity_up(process);
        self.members[process.ix()].remote = None;
        self.members[process.ix()].workers = None;
        let member = &mut self.members[process.ix()];
        member.app = App::Down;
        member.wake = SimTime::NEVER;
        member.link.phase = Phase::Unjoined;
        member.link.rejoin = false;
        member.link.forget_answers();
        member.stopping = false;
        member.frozen_until = None;
        member.deferred.clear();
        member.batch.clear();
        member.batch.forget_failures();
        self.note(Fact::ProcessStopped { process, reason });
        let nobody = self.members.iter().all(|member| member.app == App::Down);
        for index in 0..self.topic.partitions.len() {
            if nobody && self.topic.partitions[index].state == PartitionState::Rebalancing {
                self.tell_state(PartitionId(index as u32), PartitionState::Orphaned, now);
            }
        }
        if self.coupled() {
            self.pace(now);
        }
        self.restart_in_turn(process);
        if std::mem::take(&mut self.members[process.ix()].starts_again) {
            self.start_at(process, now);
        }
    }

    /// A process has closed its consumer.
    pub fn gone(&mut self, process: ProcessId, incarnation: u32) {
        let member = &self.members[process.ix()];
        if member.incarnation == incarnation && member.app == App::Closing {
            self.end(process, StopReason::Closed);
        }
    }

    /// The grace of a stopping process is over.
    pub fn kill_late(&mut self, process: ProcessId, incarnation: u32) {
        let member = &self.members[process.ix()];
        if member.incarnation == incarnation && member.stopping {
            self.kill(process);
        }
    }

    /// A whole process stands still.
    pub fn freeze(&mut self, process: ProcessId, length: SimDuration) {
        let now = self.now();
        self.catch_up(process, now);
        let member = &mut self.members[process.ix()];
        if matches!(member.app, App::Down | App::Closing) {
            return;
        }
        member.account_given_up(now, self.scenario, &mut self.topic);
        if let Some(thaws) = member.frozen_until {
            if thaws < now + length {
                // It stands still already, and longer than was thought.
                member.freeze(now, now + length);
                self.agenda.schedule(now + length, Event::Thaw(process));
            }
            return;
        }
        self.fall_silent(process);
        let coupled = self.coupled();
        self.run_workers(process);
        let (members, mut ground) = self.ground();
        let member = &mut members[process.ix()];
        member.frozen_since = now;
        if member.app == App::Processing {
            member.see_calls_made(now, &mut ground); // What is left of them may be others when it goes on.
        }
        member.freeze(now, now + length);
        self.agenda.schedule(now + length, Event::Thaw(process));
        self.note(Fact::Frozen { process });
        self.tell_state_of_all(process, PartitionState::Frozen);
        if coupled {
            self.pace_anew(now);
        }
    }

    /// A frozen process goes on: its overdue heartbeat goes out at once.
    pub fn thaw(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        if member.frozen_until != Some(now) {
            return;
        }
        member.frozen_until = None;
        for event in std::mem::take(&mut member.deferred) {
            self.agenda.schedule(now, event);
        }
        member.batch.advance(now);
        member.link.heartbeat_from = now;
        let serial = member.link.serial;
        self.note(Fact::Thawed { process });
        self.tell_state_of_all(process, PartitionState::KeepingUp);
        self.watch_anew(process, now);
        // Also if nothing couples the members any more: its batch was given no end while it stood still.
        self.pace_anew(now);
        if let Some(serial) = serial
            && self.speaks_consumer()
        {
            self.group.identities[serial as usize].silent_from = None;
            self.beat_late(process);
        } else if let Some(serial) = serial {
            let identity = &mut self.group.identities[serial as usize];
            identity.silent_from = None;
            self.fall_silent_unread(process);
            self.agenda.schedule(
                now + self.scenario.cluster.round_trip,
                Event::Heartbeat(serial),
            );
        }
        if self.members[process.ix()].stopping {
            return self.heed_stop(process);
        }
        if self.members[process.ix()].attended() {
            self.attend(process);
        }
        self.watch_metadata(process);
    }
}
