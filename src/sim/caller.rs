//! A member as a caller of the dependency: its failing attempts, its circuit breaker, and what it keeps while that is
//! open. Not how fast its calls go: that is the dependency's affair.

use std::collections::VecDeque;

use super::Fact;
use super::batch::{Batch, Opening, Workshop};
use super::link::Phase;
use super::member::{App, Ground, Member};
use super::outage::Attempts;
use super::topic::Topic;
use crate::kafka::{Call, Polled, Run};
use crate::scenario::{CommitPolicy, Downstream, OnStop, WhileOpen};
use crate::units::{PartitionId, SimDuration, SimTime};
use crate::workload::{Breaker, BreakerState};

/// Attempts that fail one after another, of all callers of a batch alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failing {
    /// When the first attempt began.
    since: SimTime,
    pub attempts: Attempts,
    callers: u64,
}

impl Failing {
    /// From one attempt to the next.
    fn period(&self) -> SimDuration {
        self.attempts.after + self.attempts.back_off
    }

    /// How many attempts of each caller have failed by `now`.
    fn rounds(&self, now: SimTime) -> u64 {
        let first = self.since + self.attempts.after;
        if now < first {
            return 0;
        }
        now.since(first).as_nanos() / self.period().as_nanos().max(1) + 1
    }

    /// When so many calls have failed.
    fn reaches(&self, failures: u64) -> SimTime {
        let rounds = failures.div_ceil(self.callers).max(1);
        self.since + self.attempts.after + self.period() * (rounds - 1)
    }
}

/// A member's side of the dependency.
#[derive(Debug, Default)]
pub(super) struct Caller {
    breaker: Option<Breaker>,
    /// Most records kept while the breaker is open; `None` if the application waits with its batch in hand.
    buffer: Option<u64>,
    pub failing: Option<Failing>,
    /// The dependency at which its attempts failed last.
    pub failed_at: usize,
    /// Its calls are not made before: it waits for its next attempt, or for its open breaker.
    pub stands_until: SimTime,
    /// Tells what it waits for from what it waited for before.
    pub number: u32,
    /// Records that poll has returned, and that wait for the breaker to close.
    kept: VecDeque<Run>,
    /// The batch in hand was kept so, and polls have come after those that returned it.
    pub hands_out_kept: bool,
}

impl Caller {
    /// That of a process as it starts: its breaker is closed.
    pub fn start(&mut self, downstreams: &[Downstream]) {
        let number = self.number.wrapping_add(1);
        *self = Caller::default();
        self.number = number;
        let mut breakers = downstreams.iter().filter_map(|own| own.on_outage.breaker);
        if let Some((config, while_open)) = breakers.next() {
            self.breaker = Some(Breaker::new(config));
            self.buffer = match while_open {
                WhileOpen::Block => None,
                WhileOpen::Buffer { records } => Some(records),
            };
        }
    }

    /// Its attempts fail from `now` on, and what it has made of the batch in hand [has been seen](Member::see_calls_made); returns when
    /// that opens its breaker.
    pub fn fail(&mut self, now: SimTime, attempts: Attempts, batch: &Batch) -> SimTime {
        self.number = self.number.wrapping_add(1);
        let failing = Failing {
            since: now,
            attempts,
            callers: u64::from(batch.callers.max(1)),
        };
        self.failing = Some(failing);
        self.failed_at = attempts.which;
        let Some(breaker) = self.breaker.as_mut().filter(|_| attempts.watched) else {
            return SimTime::NEVER;
        };
        failing.reaches(breaker.failures_to_open())
    }

    /// No attempt fails after `now`; returns whether its breaker has opened, and when its next attempt is due.
    pub fn recover(&mut self, now: SimTime) -> (bool, SimTime) {
        self.number = self.number.wrapping_add(1);
        let Some(failing) = self.failing.take() else {
            return (false, now);
        };
        let rounds = failing.rounds(now);
        let failed = rounds * failing.callers;
        let breaker = self.breaker.as_mut().filter(|_| failing.attempts.watched);
        let opened = breaker.is_some_and(|breaker| breaker.record(now, true, failed));
        (opened, failing.since + failing.period() * rounds)
    }

    /// Its calls are not made before `until`; returns the number of that wait.
    pub fn stand_until(&mut self, until: SimTime) -> u32 {
        self.number = self.number.wrapping_add(1);
        self.stands_until = until;
        self.number
    }

    /// So many attempts of the batch in hand are over; returns which states that makes its breaker take.
    fn see(
        &mut self,
        now: SimTime,
        calls: u64,
        batch: &mut Batch,
        topic: &mut Topic,
    ) -> Vec<BreakerState> {
        let Some(breaker) = &mut self.breaker else {
            return Vec::new();
        };
        let from = batch.seen;
        batch.seen = from.max(calls);
        if topic.is_flaky() {
            return batch.show((from, batch.seen), breaker, now, topic);
        }
        let turns = breaker.record(now, false, batch.seen - from);
        turns.then(|| breaker.state()).into_iter().collect()
    }

    /// The breaker before its calls.
    pub fn watching(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// A call is made; returns whether that makes its breaker half-open.
    pub fn let_through(&mut self, now: SimTime) -> bool {
        let breaker = self.breaker.as_mut();
        breaker.is_some_and(|breaker| breaker.let_through(now))
    }

    /// Until when its breaker is open.
    pub fn open_until(&self, now: SimTime) -> Option<SimTime> {
        self.breaker.as_ref()?.open_until(now)
    }

    /// What its breaker is at.
    pub fn breaker(&self) -> Option<BreakerState> {
        Some(self.breaker.as_ref()?.state())
    }

    /// Whether all it does is make calls that succeed.
    pub fn is_plain(&self) -> bool {
        self.breaker.is_none() && self.kept.is_empty() && self.failing.is_none()
    }

    /// Whether the application polls on while its breaker is open.
    pub fn polls_on(&self) -> bool {
        self.buffer.is_some()
    }

    /// Whether it waits for a dependency that has failed.
    pub fn waits(&self, now: SimTime) -> bool {
        self.failing.is_some() || self.stands_until > now || self.open_until(now).is_some()
    }

    /// What it keeps.
    pub fn kept(&self) -> impl Iterator<Item = &Run> {
        self.kept.iter()
    }

    /// The first record of a partition that it keeps.
    pub fn first_kept_of(&self, partition: PartitionId) -> Option<u64> {
        let runs = self.kept.iter().filter(|run| run.partition == partition);
        runs.map(|run| run.from).min()
    }

    /// Records of a partition that it keeps.
    pub fn kept_of(&self, partition: PartitionId) -> u64 {
        let runs = self.kept.iter().filter(|run| run.partition == partition);
        runs.map(|run| run.to - run.from).sum()
    }

    /// Forgets what it keeps of these partitions, and hands it out.
    pub fn drop_kept(&mut self, partitions: &[PartitionId]) -> Vec<Run> {
        let kept = std::mem::take(&mut self.kept).into_iter();
        let (gone, left): (Vec<_>, Vec<_>) =
            kept.partition(|run| partitions.contains(&run.partition));
        self.kept = left.into();
        gone
    }

    /// How many records a poll may still add to what it keeps. One that keeps nothing finds out by a poll that its
    /// breaker is open: an assignment starts unpaused.
    fn room(&self, poll: u64) -> u64 {
        let kept = self.kept.iter().map(|run| run.to - run.from).sum();
        let room = self.buffer.unwrap_or(0).saturating_sub(kept);
        if kept == 0 { room.max(poll) } else { room }.min(poll)
    }

    fn take_kept(&mut self, max: u64, runs: &mut Vec<Run>) -> u64 {
        let mut taken = 0;
        while taken < max {
            let Some(run) = self.kept.front_mut() else {
                break;
            };
            let part = Run {
                to: run.to.min(run.from + (max - taken)),
                ..*run
            };
            run.from = part.to;
            if run.from == run.to {
                self.kept.pop_front();
            }
            taken += part.to - part.from;
            runs.push(part);
        }
        taken
    }
}

impl Member {
    /// What a poll at `at` gives to the application to work on: what it has kept comes first. While its breaker is open
    /// that is nothing, and what comes is kept.
    pub fn fill(&mut self, at: SimTime, call: Call, ground: &mut Ground) -> Polled {
        let polls_on = self.caller.polls_on();
        let Some(until) = self.caller.open_until(at).filter(|_| polls_on) else {
            let runs = &mut self.batch.runs;
            let taken = self.caller.take_kept(call.max, runs);
            self.caller.hands_out_kept = taken > 0;
            let polled = match taken {
                0 if ground.scenario.leaps => {
                    (self.fetcher).poll_steady(at, call, &self.limits, ground.topic, runs)
                }
                0 => (self.fetcher).poll(at, call, &self.limits, ground.topic, runs),
                _ => Polled::Records(taken),
            };
            if matches!(polled, Polled::Records(_)) {
                self.handed_out(at, ground);
            }
            return polled;
        };
        loop {
            let room = self.caller.room(call.max);
            if room == 0 {
                return Polled::Wait(until);
            }
            let mut runs = Vec::new();
            let call = Call { max: room, ..call };
            match self
                .fetcher
                .poll(at, call, &self.limits, ground.topic, &mut runs)
            {
                Polled::Wait(look) => return Polled::Wait(look.min(until)),
                Polled::Records(_) => {
                    ground.accounts.polls += 1;
                    self.caller.kept.extend(runs);
                }
            }
        }
    }

    /// The application has the records of a batch.
    pub fn handed_out(&mut self, at: SimTime, ground: &mut Ground) {
        if self.caller.let_through(at) {
            self.tell_breaker(at, ground);
        }
    }

    /// The calls of its batch are all over.
    pub fn calls_over(&mut self, at: SimTime, ground: &mut Ground) {
        self.see_calls(at, self.batch.calls, ground);
    }

    /// Those that it has made of its batch by `at` are over.
    pub fn see_calls_made(&mut self, at: SimTime, ground: &mut Ground) {
        if self.caller.watching().is_none() || !self.batch.depends {
            return;
        }
        let mut shop = Workshop::new(ground.scenario, self.batch.settings, ground.topic);
        let made = self.batch.attempts_made(at, &mut shop);
        self.see_calls(at, made, ground);
    }

    fn see_calls(&mut self, at: SimTime, calls: u64, ground: &mut Ground) {
        let process = self.process;
        let states = (self.caller).see(at, calls, &mut self.batch, ground.topic);
        let turns = states
            .into_iter()
            .map(|state| (at, Fact::BreakerTurned { process, state }));
        ground.facts.extend(turns);
    }

    /// What ends is not the batch but what its breaker lets through of it, or its wait; returns whether it is.
    pub(super) fn turns_breaker(&mut self, at: SimTime, ground: &mut Ground) -> bool {
        if let Some(opening) = self.batch.opening() {
            self.breaker_opens(opening, at, ground);
        } else if self.batch.stands().is_some() {
            self.stand_no_more(at, ground);
        } else {
            return false;
        }
        true
    }

    /// The breaker opens at the end of its plan, by an attempt that fails by chance: what becomes of the batch is as in an
    /// outage. How often the call fails from then on is as open as it was before.
    fn breaker_opens(
        &mut self,
        (partition, offset, opening): (PartitionId, u64, Opening),
        at: SimTime,
        ground: &mut Ground,
    ) {
        if self.batch.calls > 0 {
            ground.asks(at, self.process, 0.0);
        }
        self.calls_over(at, ground);
        self.caller.failed_at = ground.topic.shared;
        let settings = self.batch.settings;
        let Opening {
            call,
            failed,
            after: mut head,
        } = opening;
        if failed > 0 {
            ground.topic.go_on_anew(partition, call, failed);
            head = (ground.topic).work_until_call(partition, (offset, call), settings);
        }
        let mut shop = Workshop::new(ground.scenario, settings, ground.topic);
        self.batch.drop_last(at, &mut shop);
        let until = self.caller.open_until(at).unwrap_or(at);
        if self.caller.polls_on() {
            return self.set_batch_aside(at, ground);
        }
        (self.batch).stand((at, until), (partition, offset), head, &mut shop);
        self.wake = self.batch.ends_at();
    }

    /// A batch that is begun while the breaker is open waits, if the application does not poll on.
    pub(super) fn stand_before_open_breaker(&mut self, at: SimTime, ground: &mut Ground) {
        let open = (self.caller.open_until(at)).filter(|_| self.batch.calls > 0);
        let (Some(until), Some(first)) = (open, self.batch.runs.first()) else {
            return;
        };
        let mut shop = Workshop::new(ground.scenario, self.batch.settings, ground.topic);
        let first = (first.partition, first.from);
        (self.batch).stand((at, until), first, SimDuration::ZERO, &mut shop);
    }

    /// The breaker lets calls through again: the batch that has stood before it goes on.
    fn stand_no_more(&mut self, at: SimTime, ground: &mut Ground) {
        if self.caller.let_through(at) {
            self.tell_breaker(at, ground);
        }
        let scenario = ground.scenario;
        let mut shop = Workshop {
            breaker: self.caller.watching(),
            ..Workshop::new(scenario, self.batch.settings, ground.topic)
        };
        self.batch.stand_no_more(at, &mut shop);
        let on_stop = scenario.settings[self.settings].processing.on_stop;
        if self.stopping && on_stop == OnStop::FinishRecord {
            self.batch.cut_after_record(at, &mut shop);
        }
        self.wake = self.batch.ends_at();
        self.ask_for_calls(at, ground);
    }

    fn tell_breaker(&self, at: SimTime, ground: &mut Ground) {
        if let Some(state) = self.caller.breaker() {
            let process = self.process;
            ground
                .facts
                .push((at, Fact::BreakerTurned { process, state }));
        }
    }

    /// The breaker has opened under a batch: what is done of it is committed, the rest is kept, and the application polls
    /// on. Records worked on at the same time are done again together.
    pub fn set_batch_aside(&mut self, at: SimTime, ground: &mut Ground) {
        self.account_until(at, ground.scenario, ground.topic);
        let current = self.batch.generation == self.link.generation && self.reads();
        if self.link.phase == Phase::Unjoined {
            self.worked_in_vain(ground);
        }
        let mut shop = Workshop::new(ground.scenario, self.batch.settings, ground.topic);
        let left = self.batch.break_off(at, &mut shop);
        self.meet_poison(at, ground.topic, ground.facts);
        let sleeps = self.leave_poison(at, current);
        if current {
            let policy = self.batch.policy(ground.scenario);
            let commits = matches!(policy, CommitPolicy::AfterBatch | CommitPolicy::Async);
            let some = self.batch.finished_offsets().next().is_some();
            if commits && some && self.may_commit(at, ground).is_ok() {
                let _ = self.send_batch_commit(at, ground);
            }
            for &run in left.iter().rev() {
                let slot = self.fetcher.slot(run.partition);
                let sought_back = slot.is_some_and(|slot| slot.position < run.to);
                if !sought_back {
                    self.caller.kept.push_front(run);
                }
            }
        } else {
            for run in left {
                let by = ground.topic.partitions[run.partition.ix()].left_by;
                ground.topic.leave(at, run, by);
            }
        }
        self.batch.clear();
        (self.app, self.wake) = (App::Polling, at);
        self.poll_after(sleeps, at);
    }
}
