//! Outages of the dependency: whose attempts fail from when on, and what a breaker that opens makes its member do.

use super::Fact;
use super::batch::{InHand, Workshop};
use super::dependency;
use super::event::Event;
use super::member::App;
use super::world::World;
use crate::scenario::{GivesUp, OnStop};
use crate::units::{ProcessId, SimDuration, SimTime};

/// Attempts at a call that fail and are made again until one succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempts {
    /// Which dependency is called.
    pub which: usize,
    /// How long an attempt takes to fail.
    pub after: SimDuration,
    /// From its end to the next.
    pub back_off: SimDuration,
    /// Whether a breaker counts them.
    pub watched: bool,
}

/// What a record comes to whose call fails, if the application gives it up: so many attempts, one after another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CallFailure {
    /// Which dependency is called.
    pub which: usize,
    /// How long an attempt takes to fail.
    pub after: SimDuration,
    pub gives_up: GivesUp,
}

impl CallFailure {
    /// From the first attempt until the last one has failed.
    pub fn length(&self) -> SimDuration {
        let GivesUp {
            attempts, back_off, ..
        } = self.gives_up;
        self.after * u64::from(attempts) + back_off.all_between(attempts)
    }

    /// After `since` of them, how long it is until the first attempt that has not failed: none if it is under way. `None` if
    /// all have failed.
    pub fn next_attempt(&self, since: SimDuration) -> Option<SimDuration> {
        let mut begins = SimDuration::ZERO;
        for failed in 1..=self.gives_up.attempts {
            if begins + self.after > since {
                return Some(begins.saturating_sub(since));
            }
            begins += self.after + self.gives_up.back_off.after(failed);
        }
        None
    }
}

impl World<'_> {
    /// Brings the batches in hand into an outage, or out of one, whose callers give up what fails, or of the dead-letter topic.
    fn mind_giving_up(&mut self, now: SimTime) {
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            let settings = member.batch.settings;
            let fails = self.topic.failure_of(settings);
            let works = member.app == App::Processing && member.frozen_until.is_none();
            let turns = member.batch.dead_letter != self.topic.dead_letter
                && member.batch.minds_dead_letters();
            if !works || member.batch.failure == fails && !turns {
                continue;
            }
            let (members, mut ground) = self.ground();
            members[index].commit_before_exit(now, &mut ground);
            members[index].see_calls_made(now, &mut ground);
            let tried = self.replan(index, now);
            let member = &mut self.members[index];
            if tried > now && fails.is_none() && dependency::calls(member) {
                let number = member.caller.stand_until(tried);
                let process = ProcessId(index as u32);
                self.agenda.schedule(tried, Event::Attempt(process, number));
                if let Some(dependency) = &mut self.dependency {
                    dependency.minded = true;
                }
            }
            if turns {
                self.members[index].meet_poison(now, &mut self.topic, &mut self.facts);
            }
            let member = &self.members[index];
            if member.attended() {
                self.attend(member.process);
            }
        }
    }

    /// What is left of a member's batch in hand, whose calls have been seen, is planned anew; the record in hand is tried again
    /// at the instant that is returned.
    fn replan(&mut self, index: usize, now: SimTime) -> SimTime {
        let (scenario, member) = (self.scenario, &mut self.members[index]);
        let settings = member.batch.settings;
        let mut shop = Workshop {
            breaker: member.caller.watching(),
            ..Workshop::new(scenario, settings, &mut self.topic)
        };
        let tried = member.batch.replan(now, &mut shop);
        self.planned_anew(index, now);
        tried
    }

    /// What is left of a member's batch in hand has been planned anew at `now`.
    fn planned_anew(&mut self, index: usize, now: SimTime) {
        let (scenario, member) = (self.scenario, &mut self.members[index]);
        let processing = &scenario.settings[member.settings].processing;
        if member.stopping && processing.on_stop == OnStop::FinishRecord {
            let settings = member.batch.settings;
            let mut shop = Workshop {
                breaker: member.caller.watching(),
                ..Workshop::new(scenario, settings, &mut self.topic)
            };
            member.batch.cut_after_record(now, &mut shop);
        }
        member.wake = member.batch.ends_at();
        if let Some(thaws) = member.frozen_until {
            member.wake = member.wake.max(thaws);
        }
    }

    /// Calls of a dependency are about to take another time, or to fail by another chance: by what they were, where each member
    /// that makes them is in its batch, by index. `None` if it makes several at a time.
    pub fn stop_calls(&mut self, which: usize, now: SimTime) -> Vec<(usize, Option<InHand>)> {
        let mut stopped = Vec::new();
        let (members, mut ground) = self.ground();
        for (index, member) in members.iter_mut().enumerate() {
            member.account_given_up(now, ground.scenario, ground.topic);
            if !dependency::calls(member) {
                continue;
            }
            member.see_calls_made(now, &mut ground);
            let (scenario, settings) = (ground.scenario, member.batch.settings);
            if scenario.settings[settings].processing.calls_of(which) == 0 {
                continue;
            }
            let mut shop = Workshop::new(scenario, settings, &mut *ground.topic);
            let alone = member.batch.callers == 1;
            let in_hand = alone.then(|| member.batch.stop(now, &mut shop));
            stopped.push((index, in_hand));
        }
        stopped
    }

    /// And now they do: a member goes on from there, the record in hand being as long under way as it was. Where several calls
    /// are under way at a time what is left takes as many times as long as records do on average, by settings.
    pub fn go_on_calling(
        &mut self,
        index: usize,
        stopped: Option<InHand>,
        slower: &[f64],
        now: SimTime,
    ) {
        let (scenario, member) = (self.scenario, &mut self.members[index]);
        let settings = member.batch.settings;
        let mut shop = Workshop {
            breaker: member.caller.watching(),
            ..Workshop::new(scenario, settings, &mut self.topic)
        };
        let process = member.process;
        let Some(in_hand) = stopped else {
            member.batch.advance(now);
            member.batch.rescale(slower[settings], &mut shop);
            return self.watch_anew(process, now);
        };
        member.batch.go_on(now, in_hand, &mut shop);
        self.planned_anew(index, now);
        if self.members[index].attended() {
            self.attend(process);
        }
    }

    /// Something else than its own calls has changed what a member's breaker is at, or how often calls fail: where it opens
    /// by chance follows anew. What it has made of them has been seen.
    pub fn watch_anew(&mut self, process: ProcessId, now: SimTime) {
        let member = &mut self.members[process.ix()];
        let watches = member.caller.watching().is_some();
        if !watches || !dependency::calls(member) || member.frozen_until.is_some() {
            return;
        }
        member.batch.advance(now);
        self.replan(process.ix(), now);
        if self.members[process.ix()].attended() {
            self.attend(process);
        }
    }

    /// Brings callers into an outage, or out of one, as of `now`. Attempts are no events: when a breaker opens follows
    /// from their period.
    pub fn mind_outage(&mut self, now: SimTime) {
        if self.topic.may_fail {
            self.mind_giving_up(now);
        }
        let Some(dependency) = &mut self.dependency else {
            return;
        };
        let fails = dependency.fails();
        if !fails && !dependency.minded {
            return;
        }
        dependency.minded = true;
        let mut concerns = false;
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            let works = dependency::calls(member);
            let calling = works && member.frozen_until.is_none();
            let failing = member.caller.failing.map(|failing| failing.attempts);
            let settings = member.batch.settings;
            let fails = self
                .dependency
                .as_ref()
                .and_then(|own| own.failing(settings));
            if failing.is_some() && (!calling || failing != fails) {
                self.stop_failing(ProcessId(index as u32), now);
            }
            let member = &mut self.members[index];
            if !dependency::calls(member) {
                member.caller.stands_until = SimTime::ZERO;
            }
            let begins = calling
                && dependency::calls(member)
                && member.caller.failing.is_none()
                && member.caller.stands_until <= now;
            if let (Some(attempts), true) = (fails, begins) {
                self.start_failing(ProcessId(index as u32), now, attempts);
            }
            concerns |= self.members[index].caller.waits(now);
        }
        if let Some(dependency) = &mut self.dependency {
            dependency.minded = concerns || fails;
        }
    }

    fn start_failing(&mut self, process: ProcessId, now: SimTime, attempts: Attempts) {
        let member = &mut self.members[process.ix()];
        member.batch.advance(now);
        let (members, mut ground) = self.ground();
        members[process.ix()].see_calls_made(now, &mut ground);
        let member = &mut self.members[process.ix()];
        let half_open = attempts.watched && member.caller.let_through(now);
        if attempts.watched && member.caller.open_until(now).is_some() {
            return; // By what has been seen, which failed by chance: its batch ends at this instant.
        }
        let opens = member.caller.fail(now, attempts, &member.batch);
        let number = member.caller.number;
        if half_open {
            self.tell_breaker(process);
        }
        self.agenda.schedule(opens, Event::Attempt(process, number));
    }

    /// Attempts fail up to `now`: by them the breaker may open, and the next one waits for its turn.
    fn stop_failing(&mut self, process: ProcessId, now: SimTime) {
        let member = &mut self.members[process.ix()];
        let (opened, next) = member.caller.recover(now);
        let number = member.caller.number;
        if opened {
            return self.breaker_opened(process, now);
        }
        if next > now && dependency::calls(member) {
            member.caller.stands_until = next;
            self.agenda.schedule(next, Event::Attempt(process, number));
        }
        self.watch_anew(process, now);
    }

    /// So many attempts have failed that the breaker opens; or the wait for the next attempt is over.
    pub fn attempt(&mut self, process: ProcessId, number: u32) {
        let now = self.now();
        let caller = &mut self.members[process.ix()].caller;
        if caller.number != number {
            return; // It waits for something else by now.
        }
        if caller.failing.is_some() {
            self.stop_failing(process, now);
            self.mind_outage(now);
            return;
        }
        if caller.let_through(now) {
            self.tell_breaker(process);
        }
        self.watch_anew(process, now);
        self.pace_anew(now);
    }

    fn tell_breaker(&mut self, process: ProcessId) {
        if let Some(state) = self.members[process.ix()].caller.breaker() {
            self.note(Fact::BreakerTurned { process, state });
        }
    }

    fn breaker_opened(&mut self, process: ProcessId, now: SimTime) {
        self.tell_breaker(process);
        let (members, mut ground) = self.ground();
        let member = &mut members[process.ix()];
        let Some(until) = member.caller.open_until(now) else {
            return;
        };
        if !dependency::calls(member) {
            return;
        }
        if !member.caller.polls_on() {
            member.caller.stands_until = until;
            let number = member.caller.number;
            self.agenda.schedule(until, Event::Attempt(process, number));
            return;
        }
        member.set_batch_aside(now, &mut ground);
        match (member.attended(), member.app) {
            (true, App::Polling) => self.at_poll(process),
            (true, _) => self.attend(process),
            (false, _) => {}
        }
    }
}
