//! Processes of the twin that die, are told to stop, are too slow for their group, or stand still.

use lagsim::kafka::{GroupProtocol, PollClock};
use lagsim::scenario::{Action, CommitPolicy, OnStop};
use lagsim::units::{PartitionId, SimDuration};

use super::breaker::Breaker;
use super::member::{App, Member};
use super::pool::Pool;
use super::world::{Event, World};

impl World<'_> {
    /// An entry of the timeline takes effect.
    pub(super) fn timeline(&mut self, entry: usize) {
        let scenario = self.scenario;
        match &scenario.timeline[entry].action {
            Action::Freeze { processes, length } => {
                let all = (0..self.members.len()).filter(|_| processes.is_empty());
                let all: Vec<_> = all.chain(processes.iter().map(|who| who.ix())).collect();
                all.into_iter().for_each(|who| self.freeze(who, *length));
            }
            Action::Crash { processes, .. } => {
                processes.iter().for_each(|who| self.die(who.ix()));
            }
            Action::Stop {
                processes,
                graceful,
            } => processes
                .iter()
                .for_each(|who| self.ends(who.ix(), *graceful)),
            Action::Restart {
                processes, rolling, ..
            } => {
                let turns = if *rolling { 1 } else { processes.len() };
                (0..turns).for_each(|turn| self.restarts(entry, turn));
            }
            _ => {} // Of the dependencies and the dead-letter topic, or told by what the group makes of it.
        }
    }

    /// The turn of a process that is restarted comes.
    pub(super) fn restarts(&mut self, entry: usize, turn: usize) {
        let scenario = self.scenario;
        if let Action::Restart {
            processes,
            graceful,
            ..
        } = &scenario.timeline[entry].action
            && let Some(who) = processes.get(turn)
        {
            let member = &self.members[who.ix()];
            if !member.runs || member.stopping {
                return self.restarts(entry, turn + 1);
            }
            self.members[who.ix()].restarted = Some((entry, turn));
            self.ends(who.ix(), *graceful);
        }
    }

    fn ends(&mut self, who: usize, graceful: bool) {
        match graceful {
            true if self.members[who].stopping || !self.members[who].runs => {}
            true => self.stop(who),
            false => self.die(who),
        }
    }

    /// SIGTERM: it finishes the record in hand, or all of its batch, commits as it does after each, and closes its consumer.
    fn stop(&mut self, who: usize) {
        let processing = &self.scenario.settings[0].processing;
        let member = &mut self.members[who];
        member.stopping = true;
        let (grace, incarnation) = (processing.grace, member.incarnation);
        match (member.app, processing.on_stop) {
            (App::Idle | App::Polling, _) => self.close(who),
            (App::Working, OnStop::FinishRecord) => member.to_do.clear(),
            _ => {}
        }
        self.push(self.now + grace, Event::GraceEnds(who, incarnation));
    }

    /// The grace of a process that was told to stop is over.
    pub(super) fn grace_ends(&mut self, who: usize, incarnation: u32) {
        if self.members[who].incarnation == incarnation {
            self.die(who);
        }
    }

    /// `KafkaConsumer#close`: it commits its positions if it commits by itself, and leaves the group.
    pub(super) fn close(&mut self, who: usize) {
        if self.waits_for_threads(who) {
            return;
        }
        let auto = self.scenario.settings[0].processing.commit == CommitPolicy::Auto;
        let (mut answered, trip) = (self.now, self.scenario.cluster.round_trip);
        let positions = self.positions(who);
        // What it is told to give up at this instant, it gives up because it closes.
        let told = self.members[who].gave_up_at == Some(self.now);
        if auto && self.refused_now(who).is_some() {
            answered += trip;
        } else if auto {
            self.send_commit_of(who, &positions);
            if self.commit_completed(who, None) || told || !positions.is_empty() {
                answered += self.commit_takes();
            }
        }
        self.lose(who, None);
        let member = &mut self.members[who];
        member.app = App::Closing;
        let leaves = !member.out;
        let gone = if leaves { answered + trip } else { answered };
        let incarnation = member.incarnation;
        self.push(gone, Event::Gone(who, incarnation));
    }

    /// LeaveGroup is answered.
    pub(super) fn gone(&mut self, who: usize, incarnation: u32) {
        if self.members[who].incarnation == incarnation {
            self.die(who);
        }
    }

    /// The process is no more, and what it had in hand is not done; what it has sent is on its way.
    fn die(&mut self, who: usize) {
        if !self.members[who].runs {
            return;
        }
        self.lose(who, None);
        let calls = self.members[who].lanes.iter().flatten();
        let calls = calls.filter(|in_hand| in_hand.calling).count() as u32;
        let before = self.limiter.in_flight;
        self.queue.retain(|(caller, ..)| *caller != who);
        let next = self.member();
        let gone = std::mem::replace(&mut self.members[who], next);
        self.members[who].incarnation = gone.incarnation + 1;
        self.members[who].epoch = gone.epoch + 1;
        self.ended.push((self.now, who));
        if calls > 0 {
            self.limiter.in_flight -= calls;
            self.share_anew(before);
            self.give_places();
        }
        self.members[who].restarted = gone.restarted;
    }

    /// A process is up: it is the turn of the next of those that are restarted one after the other.
    pub(super) fn starts(&mut self, who: usize) {
        let member = &mut self.members[who];
        (member.runs, member.polls_from) = (true, self.now);
        if let Some((entry, turn)) = member.restarted.take()
            && let Action::Restart { rolling: true, .. } = &self.scenario.timeline[entry].action
        {
            self.push(self.now, Event::Restarts(entry, turn + 1));
        }
    }

    /// A process that has just started.
    pub(super) fn member(&self) -> Member {
        let mut member = Member::new(self.scenario.cluster.brokers as usize);
        let watched = self.scenario.downstreams.get(self.scenario.shared());
        let breaker = watched.and_then(|own| own.on_outage.breaker);
        member.breaker = breaker.map(|(config, _)| Breaker::new(config));
        member.pool = Pool::new(&self.scenario.settings[0].processing);
        member
    }

    /// A member reads these partitions, or all of its own, no more.
    pub(super) fn lose(&mut self, who: usize, partitions: Option<&[PartitionId]>) {
        let own = self.members[who].owned.keys().copied();
        let gone: Vec<_> = match partitions {
            Some(partitions) => partitions.to_vec(),
            None => own.collect(),
        };
        for id in &gone {
            let owner = &mut self.partitions[id.ix()].owner;
            *owner = owner.filter(|other| *other != who);
        }
        let member = &mut self.members[who];
        member.lose(&gone);
        if let Some(pool) = &mut member.pool {
            gone.iter().for_each(|id| pool.gives_up(*id));
        }
    }

    /// Its client says that max.poll.interval.ms is over, and leaves the group: the next poll() joins again.
    pub(super) fn evicted(&mut self, who: usize) {
        let member = &mut self.members[who];
        member.out = true;
        let works = matches!(member.app, App::Working | App::Committing);
        let over = self.now.since(member.polled_at);
        let (interval, looks) = self.patience();
        let told = interval <= over && over <= interval + looks;
        if !(works && told) {
            self.doubt(format!("{who} is thrown out {over:?} after its poll"));
        }
    }

    /// Whoever polls again is thrown out, or has polled in time.
    pub(super) fn polls_in_time(&mut self, who: usize) {
        let member = &self.members[who];
        if !matches!(member.app, App::Working | App::Committing) {
            return;
        }
        let over = self.now.since(member.polled_at);
        let (interval, looks) = self.patience();
        let in_time = over <= interval + looks || member.frozen_until > member.polled_at;
        if !(in_time || member.evicted || member.out) {
            self.doubt(format!("{who} polls {over:?} after its last one"));
        }
    }

    /// How long polls may be apart, and how often a client looks.
    fn patience(&self) -> (SimDuration, SimDuration) {
        let settings = &self.scenario.settings[0];
        let remote = settings.properties.group_protocol == GroupProtocol::Consumer;
        let looks = match settings.client.poll_clock {
            PollClock::EveryRetryBackoff if !remote => settings.properties.retry_backoff,
            PollClock::EveryRetryBackoff | PollClock::WhenDue => SimDuration::ZERO,
            PollClock::Every(looks) => looks,
            PollClock::Never => SimDuration::FOREVER,
        };
        (settings.properties.max_poll_interval, looks)
    }

    /// What is under way goes on after the freeze with what is left of it.
    pub(super) fn freeze(&mut self, who: usize, length: SimDuration) {
        let now = self.now;
        let member = &mut self.members[who];
        member.frozen_until = now + length;
        if let Some(pool) = &mut member.pool {
            let (moved, incarnation) = (pool.freeze(length), member.incarnation);
            for (ends, thread) in moved {
                self.push(ends, Event::Thread(who, thread, incarnation));
            }
            self.push(now + length, Event::Due(who, incarnation));
            return self.push(now + length, Event::Look(who));
        }
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
