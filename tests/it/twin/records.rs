//! The records of a batch, one after another, or as many at a time as there are lanes.

use lagsim::engine::{Address, Purpose};
use lagsim::scenario::{
    Action, BackOff, CommitPolicy, DeadLetterTopic, Downstream, GiveUp, OnError, OnFailure,
    Produce, RetryBy, Scenario, WhileOpen,
};
use lagsim::units::{SimDuration, SimTime};
use lagsim::workload::CallCosts;

use super::member::{InHand, Outcome};
use super::world::{Event, World};

impl World<'_> {
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
        let mut outcome = Outcome::Passed;
        for (calls, which, costs) in &mut log.others {
            let side = usize::from(*which > shared);
            let work = if side == 0 { &mut own } else { &mut after };
            for call in offset * *calls..(offset + 1) * *calls {
                if lost[0] || lost[side] {
                    break;
                }
                let (takes, given_up) = called(&self.scenario.downstreams[*which], costs, call);
                *work += takes;
                lost[side] = given_up.is_some();
                outcome = given_up.map_or(outcome, Outcome::GivenUp);
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
            outcome,
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

    pub(super) fn step(&mut self, who: usize, lane: usize, epoch: u64) {
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
                if let Some(own) = gives_up.filter(|_| last) {
                    (in_hand.calls, in_hand.after) = (0, SimDuration::ZERO);
                    in_hand.outcome = Outcome::GivenUp(own.then);
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
            Outcome::Passed | Outcome::GivenUp(_) => {
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
        self.account(in_hand);
        let done = !matches!(in_hand.outcome, Outcome::SeekBack(_));
        if per_record && done {
            let member = &self.members[who];
            let counts = !member.evicted && !member.removed && !member.out;
            if counts && self.refused_now(who).is_none() {
                self.send_commit(&[(partition, offset + 1)]);
            }
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

    /// What becomes of a record that a lane is through with.
    fn account(&mut self, in_hand: InHand) {
        let own = (in_hand.partition, in_hand.offset);
        match in_hand.outcome {
            Outcome::Passed => *self.done.entry(own).or_insert(0) += 1,
            Outcome::GivenUp(then) => {
                *self.given_up.entry(own).or_insert(0) += 1;
                if then.passes_on() {
                    self.pass_on(in_hand.partition, in_hand.offset);
                }
            }
            Outcome::SeekBack(_) => {}
        }
    }

    /// Whether the application waits with its batch while its breaker is open.
    pub(super) fn blocks(&self) -> bool {
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
}

/// How long a call keeps its record, attempts that fail among it, and what giving it up then means, if it is. The attempts of a
/// dependency that gives records up all take the same time.
fn called(own: &Downstream, costs: &mut CallCosts, call: u64) -> (SimDuration, Option<GiveUp>) {
    let failures = costs.failed(call, call + 1);
    let Some(gives_up) = own.on_outage.gives_up else {
        return (costs.work(call, call + 1), None);
    };
    let attempt = SimDuration::from_secs_f64(own.latency.mean());
    let attempts = (failures + 1).min(u64::from(gives_up.attempts));
    let mut takes = attempt * attempts;
    for pause in pauses(&gives_up.back_off).take(attempts as usize - 1) {
        takes += pause;
    }
    match failures >= u64::from(gives_up.attempts) {
        true => (takes + gives_up.then.takes(), Some(gives_up.then)),
        false => (takes, None),
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
            if then.passes_on() {
                ends += then.takes();
            }
            if let GiveUp::DeadLetter(produce) = then {
                let mut taken;
                (ends, taken) = produced(*produce, scenario, ends);
                while !taken && produce.on_failure == OnFailure::Retry && ends < SimTime::NEVER {
                    (ends, taken) = produced(*produce, scenario, ends + length);
                }
            }
            (ends, Outcome::GivenUp(*then))
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

pub(super) fn pauses(back_off: &BackOff) -> impl Iterator<Item = SimDuration> + '_ {
    (0..).map(|turn| {
        let grown = back_off.first.as_secs_f64() * back_off.multiplier.powi(turn);
        SimDuration::from_secs_f64(grown).min(back_off.max)
    })
}
