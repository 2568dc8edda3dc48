//! The plan of a batch: which stretches it has, and how long each takes. Made when a poll returns it, and anew for what is
//! left of it when its calls begin to fail, or fail no longer.

use super::super::giving_up::End;
use super::in_hand::InHand;
use super::letter::Tried;
use super::{Batch, Kind, Stage, Workshop};
use crate::kafka::Run;
use crate::scenario::PoisonRecords;
use crate::units::{PartitionId, SimDuration, SimTime};

impl Batch {
    /// Plans the runs that a poll at `now` returned, as one that has been [cleared](Self::clear).
    pub fn begin(&mut self, now: SimTime, generation: u32, shop: &mut Workshop) {
        self.pass(now, generation);
        self.since = now;
        self.done = 0.0;
        self.set_out();
        self.settings = shop.settings;
        self.failure = shop.topic.failure_of(self.settings);
        self.dead_letter = shop.topic.dead_letter;
        self.plan_rest(&InHand::default(), shop);
    }

    /// Its calls fail from `now` on, or fail no longer, or otherwise than before, or the dead-letter topic answers otherwise:
    /// what is left of it is planned anew. The record in hand is tried again at the instant that is returned. Expects the
    /// settings it was begun under.
    pub fn replan(&mut self, now: SimTime, shop: &mut Workshop) -> SimTime {
        let in_hand = self.stop(now, shop);
        let again = now + in_hand.wait;
        self.go_on(now, in_hand, shop);
        again
    }

    /// What becomes of the record in hand at `now`, by the plan that there is; everything before it is accounted for.
    pub fn stop(&mut self, now: SimTime, shop: &mut Workshop) -> InHand {
        self.account_until(now, shop);
        if self.callers > 1 {
            self.account_share(now, shop);
        }
        self.in_hand(now, shop)
    }

    /// Goes on at `now` with the record in hand, everything before it being accounted for, and plans what comes after it.
    pub fn go_on(&mut self, now: SimTime, in_hand: InHand, shop: &mut Workshop) {
        self.failure = shop.topic.failure_of(self.settings);
        self.dead_letter = shop.topic.dead_letter;
        self.cut_off_rest();
        self.stages.extend(in_hand.kept);
        self.plan_rest(&in_hand, shop);
        self.since = self.since.max(now); // One that stands still goes on later.
        let alone = self.alone.as_nanos().max(1) as f64;
        self.done = (in_hand.head.as_nanos() as f64 / alone).min(1.0);
        self.set_out();
        if self.alone == SimDuration::FOREVER {
            // The work of a batch that never ends counts from its poll.
            let before = now.since(self.polled_at).saturating_sub(in_hand.head);
            for stage in &mut self.stages[self.planned_from..] {
                stage.ends += before;
            }
        }
    }

    /// Plans what is not accounted for, after the stage that is gone on with.
    fn plan_rest(&mut self, in_hand: &InHand, shop: &mut Workshop) {
        let kept = in_hand.kept.as_ref();
        let mut ends = kept.map_or(SimDuration::ZERO, |stage| stage.ends);
        let fresh = self.stages.len();
        if let Some(kept) = kept.filter(|_| self.leaves_the_rest()) {
            let own = |run: &Run| {
                run.partition == kept.partition && (run.from..run.to).contains(&kept.from)
            };
            let index = self.runs.iter().position(own);
            self.left_from = index.map_or(self.left_from, |index| index + 1);
        } else {
            self.left_from = self.runs.len();
            for index in 0..self.runs.len() {
                if let Some(run) = self.rest_of(self.runs[index], kept) {
                    ends = self.plan_run(run, ends, shop);
                }
                if self.leaves_the_rest() {
                    self.left_from = index + 1;
                    break;
                }
            }
        }
        self.seen = self.made_by(in_hand, shop);
        if let Some(breaker) = shop.breaker {
            ends = self.cut_at_opening(breaker.clone(), ends, shop);
        }
        self.plan_times(ends, fresh, shop);
    }

    /// Forgets the plan of what is not accounted for; the work of a new one counts from here.
    fn cut_off_rest(&mut self) {
        let (whole, part) = self.accounted;
        self.stages.truncate(whole + usize::from(part > 0));
        if part > 0
            && let Some(last) = self.stages.last_mut()
        {
            last.to = last.from + part;
            self.accounted = (whole + 1, 0);
        }
        for stage in &mut self.stages {
            stage.ends = SimDuration::ZERO;
        }
        self.planned_from = self.accounted.0;
        self.encounters.stand(self.planned_from);
    }

    /// What is to be planned anew of a run, after the stage that is gone on with.
    #[inline]
    fn rest_of(&self, run: Run, kept: Option<&Stage>) -> Option<Run> {
        if self.planned_from == 0 && kept.is_none() {
            return Some(run);
        }
        let own = |stage: &&Stage| {
            stage.partition == run.partition && (run.from..run.to).contains(&stage.from)
        };
        let left = |stage: &Stage| stage.from == stage.to;
        let mut sought_back = self.stages[..self.planned_from].iter().filter(own);
        let kept = kept.filter(own);
        if sought_back.any(left) || kept.is_some_and(left) {
            return None;
        }
        let from = kept.map_or(self.unfinished(&run), |stage| stage.to);
        (from < run.to).then_some(Run { from, ..run })
    }

    /// The plan stands, its work ending at `ends`: what it makes of calls, concurrency and commits. Stages before `fresh` have
    /// their commits in their time.
    fn plan_times(&mut self, ends: SimDuration, fresh: usize, shop: &mut Workshop) {
        self.crashes = self.crash().is_some();
        self.count_calls(shop);
        self.alone = ends;
        self.callers = 1;
        let concurrency = shop.scenario.settings[self.settings].processing.concurrency;
        if concurrency > 1 {
            self.overlap(concurrency, shop);
        }
        let each = self.each_commit(shop.scenario);
        if !each.is_zero() {
            self.add_commits(each, fresh);
        }
        self.length = self.alone;
        self.expect_calls(self.calls);
    }

    /// The stages of the plan.
    pub fn planned(&self) -> &[Stage] {
        &self.stages[self.planned_from..]
    }

    /// The records of a stage that make calls, and before which dependency they end: of a record whose call fails those before
    /// it count.
    pub(super) fn calling(&self, stage: &Stage) -> Option<(u64, u64, usize)> {
        let failing = self.failure.map_or(0, |failure| failure.which);
        match stage.kind {
            _ if stage.chance.is_some() => {
                let lost = stage.lost_by_chance().filter(|_| stage.makes_its_calls());
                lost.map(|lost| (stage.from, stage.from + 1, lost.which))
            }
            Kind::Records => Some((stage.from, stage.to, usize::MAX)),
            Kind::Failing { .. } => Some((stage.from, stage.to, failing)),
            _ if stage.stands_at_its_calls() => Some((stage.from, stage.from + 1, failing)),
            _ => None,
        }
    }

    pub(super) fn count_calls(&mut self, shop: &mut Workshop) {
        // A batch that is stuck at a poison record for ever is nobody's competitor for the dependency.
        let competes = !self.poison || !self.stages.iter().any(|stage| stage.kind == Kind::Stuck);
        let (mut calls, mut depends) = (0, false);
        for stage in self.planned().iter().filter(|_| competes) {
            depends = depends || self.depends_in(stage, shop);
            calls += self.attempts_in(stage, stage.to, shop);
        }
        (self.calls, self.depends) = (calls, depends);
    }

    /// Whether a stage makes calls.
    fn depends_in(&self, stage: &Stage, shop: &Workshop) -> bool {
        let whole = matches!(stage.kind, Kind::Opens(_)) || stage.lost_by_chance().is_some();
        let calling = || self.calling(stage);
        whole || calling().is_some_and(|(_, _, before)| shop.topic.depends(self.settings, before))
    }

    /// Attempts at calls of the shared dependency that a stage makes, if it is one of records of those before an offset.
    pub(super) fn attempts_in(&self, stage: &Stage, to: u64, shop: &mut Workshop) -> u64 {
        let (id, topic) = (stage.partition, &mut *shop.topic);
        if let Kind::Opens(opening) = stage.kind {
            let at = (stage.from, opening.call);
            return topic.attempts_until(id, at, opening.failed, self.settings);
        }
        let Some((from, last, before)) = self.calling(stage) else {
            return 0;
        };
        match stage.lost_by_chance() {
            Some(lost) => topic.attempts_of_lost(id, lost, self.settings),
            None if topic.shared >= before => 0,
            None if stage.is_stretch() => topic.attempts(id, from, to, self.settings),
            None => topic.attempts(id, from, last, self.settings),
        }
    }

    #[inline]
    fn plan_run(&mut self, run: Run, mut ends: SimDuration, shop: &mut Workshop) -> SimDuration {
        let (partition, mut from) = (run.partition, run.from);
        if shop.scenario.poison.is_empty() {
            return self.plan_good(run, ends, shop);
        }
        while from < run.to {
            let poison = shop.topic.poison_in(partition, from, run.to);
            let good_to = poison.map_or(run.to, |(offset, _)| offset);
            if good_to > from {
                let to = good_to;
                ends = self.plan_good(Run { from, to, ..run }, ends, shop);
                if self.leaves_the_rest() {
                    break;
                }
            }
            let Some((offset, entry)) = poison else { break };
            ends = self.plan_poison((partition, offset), entry, ends, shop);
            match self.stages.last() {
                Some(stage) if stage.to > offset => from = stage.to,
                _ => break,
            }
        }
        ends
    }

    /// A poison record comes next; returns when the batch is done with it.
    fn plan_poison(
        &mut self,
        (partition, offset): (PartitionId, u64),
        entry: usize,
        before: SimDuration,
        shop: &mut Workshop,
    ) -> SimDuration {
        self.poison = true;
        let scenario = shop.scenario;
        let own = shop
            .topic
            .work(partition, offset, offset + 1, self.settings);
        let attempt = scenario.poison[entry].attempt.unwrap_or(own);
        let on_error = &scenario.settings[self.settings].on_error[entry];
        let named = matches!(scenario.poison[entry].which, PoisonRecords::At { .. });
        let (length, kind, letter) = self.fate((partition, offset), on_error, attempt, named);
        let ends = before + length;
        self.stages.push(Stage {
            partition,
            from: offset,
            to: offset + u64::from(kind.is_done_with()),
            kind,
            letter,
            chance: None,
            ends,
        });
        ends
    }

    /// Records that are no poison come next; returns when they are through, or the rest is left.
    #[inline]
    fn plan_good(&mut self, run: Run, before: SimDuration, shop: &mut Workshop) -> SimDuration {
        let (mut rest, mut ends) = (run, before);
        while let Some(lost) = self.lost_in(rest, shop) {
            if lost.offset > rest.from {
                let to = lost.offset;
                ends = self.plan_stretch(Run { to, ..rest }, ends, shop);
                if self.leaves_the_rest() {
                    return ends;
                }
            }
            ends = self.plan_lost(rest.partition, lost, ends, shop);
            rest.from = lost.offset + 1;
            if self.leaves_the_rest() || rest.from == rest.to {
                return ends;
            }
        }
        self.plan_stretch(rest, ends, shop)
    }

    /// Records come next whose calls all succeed, or all fail; returns when they are through.
    fn plan_stretch(&mut self, run: Run, before: SimDuration, shop: &mut Workshop) -> SimDuration {
        let Run {
            partition,
            from,
            to,
        } = run;
        let records = |kind, ends| Stage {
            partition,
            from,
            to,
            kind,
            letter: None,
            chance: None,
            ends,
        };
        let Some(failure) = self.failure else {
            let ends = before + shop.topic.work(partition, from, to, self.settings);
            self.stages.push(records(Kind::Records, ends));
            return ends;
        };
        let mut stage = records(Kind::Records, before);
        let mut worked_on = to;
        match self.end_of_calls(failure).1 {
            End::Done(fate) => stage.kind = Kind::Failing { fate },
            end => {
                (stage.kind, stage.to) = (Tried::IN_CALLS.kind(end), from);
                stage.letter = self.letter_of_calls(partition, from, shop);
                worked_on = from + 1;
            }
        }
        stage.ends = before + self.work_of(&stage, from, worked_on, shop);
        self.stages.push(stage);
        stage.ends
    }

    /// Work of records of a stretch, without their commits.
    #[inline]
    pub(super) fn work_of(
        &self,
        stage: &Stage,
        from: u64,
        to: u64,
        shop: &mut Workshop,
    ) -> SimDuration {
        match (stage.kind, self.failure) {
            (kind, Some(failure))
                if matches!(kind, Kind::Failing { .. }) || stage.stands_at_its_calls() =>
            {
                let (id, which) = (stage.partition, failure.which);
                let before = (shop.topic).work_before(id, from, to, self.settings, which);
                let giving_up = self.end_of_calls(failure).0;
                before + (failure.length() + giving_up) * (to - from)
            }
            _ => shop.topic.work(stage.partition, from, to, self.settings),
        }
    }

    /// commitSync after each record: its round trip is part of every record's time.
    fn add_commits(&mut self, each: SimDuration, fresh: usize) {
        let mut commits = SimDuration::ZERO;
        for stage in &mut self.stages[fresh..] {
            commits += each * (stage.to - stage.from);
            stage.ends += commits;
        }
        self.alone += commits;
    }
}
