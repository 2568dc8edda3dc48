//! What a circuit breaker sees of a batch whose calls fail by chance, where it opens, and how the batch stands meanwhile. Not
//! outages, in which it is the time that decides.

use super::in_hand::InHand;
use super::{Batch, Kind, Stage, Workshop};
use crate::sim::topic::Topic;
use crate::units::{PartitionId, SimDuration, SimTime};
use crate::workload::{Breaker, BreakerState};

/// Where the circuit breaker opens in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Opening {
    /// The call that is to be made next, by its number in the partition.
    pub call: u64,
    /// How many attempts at it have failed.
    pub failed: u64,
    /// From when the record is begun until then.
    pub after: SimDuration,
}

/// An attempt by which a breaker opens.
#[derive(Clone, Copy, Debug)]
struct Opened {
    /// Its stage, among the planned ones.
    stage: usize,
    /// Its call, by its number in the partition.
    call: u64,
    /// It is so manieth of its call that fails; `None` if it succeeds.
    failure: Option<u64>,
}

impl Batch {
    /// Shows the attempts of the plan to a breaker, one after another, from a number of them to another; returns the states
    /// that it takes by them.
    pub fn show(
        &self,
        (from, to): (u64, u64),
        breaker: &mut Breaker,
        now: SimTime,
        topic: &mut Topic,
    ) -> Vec<BreakerState> {
        let mut states = Vec::new();
        self.each_attempt((from, to), topic, |failure, _| {
            if breaker.record(now, failure.is_some(), 1) {
                states.push(breaker.state());
            }
            !matches!(breaker.state(), BreakerState::Open { .. })
        });
        states
    }

    /// Hands out the attempts of the plan with these numbers as long as they are wanted: of one that fails the so manieth of its call
    /// it is, and where it stands. Attempts of records that are worked on at the same time come in the order of the records: as each
    /// fails by the same chance whatever became of others, any order is as likely.
    fn each_attempt(
        &self,
        (from, to): (u64, u64),
        topic: &mut Topic,
        mut want: impl FnMut(Option<u64>, (usize, u64)) -> bool,
    ) {
        let (shared, calls) = (topic.shared, topic.shared_calls(self.settings));
        let mut number = 0;
        for (index, stage) in self.planned().iter().enumerate() {
            let (first, last, failed) = match (stage.kind, self.calling(stage)) {
                (Kind::Opens(own), _) => (stage.from * calls, own.call, own.failed),
                (_, Some((from, to, before))) if shared < before => (from * calls, to * calls, 0),
                _ => continue,
            };
            for call in first..=last {
                let failures = if call < last {
                    topic.failures(stage.partition, call)
                } else {
                    failed
                };
                let success = (call < last).then_some(None);
                for failure in (1..=failures).map(Some).chain(success) {
                    if number >= to || number >= from && !want(failure, (index, call)) {
                        return;
                    }
                    number += 1;
                }
            }
        }
    }

    /// Failed attempts of the plan.
    fn failures(&self, topic: &mut Topic) -> u64 {
        let (shared, calls) = (topic.shared, topic.shared_calls(self.settings));
        let calling = self.planned().iter().filter_map(|stage| {
            let (from, to, before) = self.calling(stage)?;
            (shared < before).then_some((stage.partition, from, to))
        });
        calling
            .map(|(id, from, to)| topic.attempts(id, from, to, self.settings) - (to - from) * calls)
            .sum()
    }

    /// Attempts of the plan that are over at `now`. Of records that are worked on at the same time those of the share that is
    /// done, as it is accounted for if the batch is planned anew.
    pub fn attempts_made(&mut self, now: SimTime, shop: &mut Workshop) -> u64 {
        self.account_until(now, shop);
        let (whole, part) = match self.callers {
            1 => self.accounted,
            _ => self.share(),
        };
        let mut made = 0;
        for index in self.planned_from..whole {
            let stage = self.stages[index];
            made += self.attempts_in(&stage, stage.to, shop);
        }
        let Some(stage) = self.stages.get(whole).copied() else {
            return made;
        };
        if part > 0 {
            made += self.attempts_in(&stage, stage.from + part, shop);
        }
        if self.callers == 1 {
            let elapsed = self.elapsed(&stage, self.worked(now), shop);
            made += self.attempts_within(&stage, stage.from + part, elapsed, shop);
        }
        made
    }

    /// Attempts of the record in hand that the plan makes and that were made before it is gone on with.
    pub(super) fn made_by(&self, in_hand: &InHand, shop: &mut Workshop) -> u64 {
        let Some(stage) = self.planned().first().copied() else {
            return 0;
        };
        if shop.breaker.is_none() || self.callers > 1 {
            return 0;
        }
        match in_hand.kept {
            Some(_) => self.attempts_in(&stage, stage.to, shop),
            None => self.attempts_within(&stage, stage.from, in_hand.head, shop),
        }
    }

    /// Attempts that a record of a stage makes in so long after it is begun.
    fn attempts_within(
        &self,
        stage: &Stage,
        offset: u64,
        elapsed: SimDuration,
        shop: &mut Workshop,
    ) -> u64 {
        let (id, settings, topic) = (stage.partition, self.settings, &mut *shop.topic);
        let opens = matches!(stage.kind, Kind::Opens(_));
        let makes = |own: (u64, u64, usize)| topic.shared < own.2;
        if elapsed.is_zero() || !opens && !self.calling(stage).is_some_and(makes) {
            return 0;
        }
        let calls = topic.shared_calls(settings);
        let mut made = 0;
        for call in offset * calls..(offset + 1) * calls {
            let begins = topic.work_until_call(id, (offset, call), settings);
            for failed in 1..=topic.failures(id, call) {
                if begins + topic.failing(id, call, failed) > elapsed {
                    return made;
                }
                made += 1;
            }
            if topic.work_until_call(id, (offset, call + 1), settings) > elapsed {
                return made;
            }
            made += 1;
        }
        made
    }

    /// Cuts the plan, whose work ends at `ends`, where its attempts open the breaker; returns where it ends then.
    pub(super) fn cut_at_opening(
        &mut self,
        mut breaker: Breaker,
        ends: SimDuration,
        shop: &mut Workshop,
    ) -> SimDuration {
        if let BreakerState::Open { until } = breaker.state() {
            breaker.let_through(until); // Nothing is done before.
        }
        if !breaker.may_open(self.failures(shop.topic)) {
            return ends;
        }
        let mut opened = None;
        self.each_attempt(
            (self.seen, u64::MAX),
            shop.topic,
            |failure, (stage, call)| {
                breaker.record(SimTime::ZERO, failure.is_some(), 1);
                if matches!(breaker.state(), BreakerState::Open { .. }) {
                    opened = Some(Opened {
                        stage,
                        call,
                        failure,
                    });
                }
                opened.is_none()
            },
        );
        opened.map_or(ends, |opened| self.cut_at(opened, ends, shop))
    }

    fn cut_at(&mut self, opened: Opened, ends: SimDuration, shop: &mut Workshop) -> SimDuration {
        let index = self.planned_from + opened.stage;
        let stage = self.stages[index];
        let (id, settings) = (stage.partition, self.settings);
        let calls = shop.topic.shared_calls(settings);
        let offset = opened.call / calls;
        let before = index.checked_sub(1).filter(|_| opened.stage > 0);
        let begins = before.map_or(SimDuration::ZERO, |before| self.stages[before].ends);
        let next = opened.call + u64::from(opened.failure.is_none());
        if next == (offset + 1) * calls {
            // All its calls are made: the record is finished, and the next one's are not.
            let last = index + 1 == self.stages.len() && offset + 1 >= stage.to;
            if last {
                return ends;
            }
            if stage.is_stretch() {
                let whole = self.work_of(&stage, stage.from, offset + 1, shop);
                (self.stages[index].to, self.stages[index].ends) = (offset + 1, begins + whole);
            }
            self.stages.truncate(index + 1);
            let ends = self.stages[index].ends;
            return self.open(
                (id, self.stages[index].to),
                (next, 0),
                (ends, SimDuration::ZERO),
            );
        }
        let mut starts = begins;
        let mut whole = index;
        if stage.is_stretch() && offset > stage.from {
            starts += self.work_of(&stage, stage.from, offset, shop);
            (self.stages[index].to, self.stages[index].ends) = (offset, starts);
            whole += 1;
        }
        self.stages.truncate(whole);
        let failed = opened.failure.unwrap_or(0);
        let after = shop.topic.work_until_call(id, (offset, next), settings)
            + shop.topic.failing(id, next, failed);
        self.open((id, offset), (next, failed), (starts + after, after))
    }

    /// The plan ends here: the breaker opens.
    fn open(
        &mut self,
        (partition, offset): (PartitionId, u64),
        (call, failed): (u64, u64),
        (ends, after): (SimDuration, SimDuration),
    ) -> SimDuration {
        let kind = Kind::Opens(Opening {
            call,
            failed,
            after,
        });
        self.stages
            .push(Stage::without_records(partition, offset, kind, ends));
        ends
    }

    /// Where the breaker opens at its end.
    pub fn opening(&self) -> Option<(PartitionId, u64, Opening)> {
        let last = self.stages.last()?;
        match last.kind {
            Kind::Opens(opening) => Some((last.partition, last.from, opening)),
            _ => None,
        }
    }

    /// What has been worked on the record in hand, if nothing more is until the breaker lets calls through again.
    pub fn stands(&self) -> Option<SimDuration> {
        match self.stages.last()?.kind {
            Kind::Stands { head } => Some(head),
            _ => None,
        }
    }

    /// Nothing is done from `now` until then: of the record at an offset `head` has been worked on.
    pub fn stand(
        &mut self,
        (now, until): (SimTime, SimTime),
        (partition, offset): (PartitionId, u64),
        head: SimDuration,
        shop: &mut Workshop,
    ) {
        let kind = Kind::Stands { head };
        let waits = Stage::without_records(partition, offset, kind, until.since(now));
        self.go_on(now, InHand::kept(waits), shop);
    }

    /// Calls are let through again.
    pub fn stand_no_more(&mut self, now: SimTime, shop: &mut Workshop) {
        let head = self.stands().unwrap_or_default();
        self.drop_last(now, shop);
        self.go_on(now, InHand::begun(head), shop);
    }
}

impl Stage {
    fn without_records(
        partition: PartitionId,
        offset: u64,
        kind: Kind,
        ends: SimDuration,
    ) -> Stage {
        Stage {
            partition,
            from: offset,
            to: offset,
            kind,
            letter: None,
            chance: None,
            ends,
        }
    }
}
