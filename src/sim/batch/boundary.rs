//! Where one record of a batch ends and the next begins: how far work is, and where the batch can be cut.

use super::{Batch, Kind, Stage, Workshop};
use crate::kafka::Run;
use crate::units::{PartitionId, SimDuration, SimTime};

impl Batch {
    /// How far work reaches into a stage of good records: the first offset not finished.
    pub(super) fn reached(&self, stage: &Stage, worked: SimDuration, shop: &mut Workshop) -> u64 {
        let extra = self.each_commit(shop.scenario);
        let whole = self.work_of(stage, stage.from, stage.to, shop);
        let starts = stage
            .ends
            .saturating_sub(whole + extra * (stage.to - stage.from));
        let (mut low, mut high) = (stage.from, stage.to);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let work = self.work_of(stage, stage.from, middle, shop);
            if starts + work + extra * (middle - stage.from) <= worked {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// Produces the records of a stage to the next retry topic, from the first that is not accounted for up to an offset: each
    /// at the instant when its produce is acknowledged, at `now` at the latest. Of several worked on at the same time nobody
    /// keeps when each is done, so they are spread over the time of their stage.
    pub(super) fn pass_on(&self, stage: &Stage, to: u64, now: SimTime, shop: &mut Workshop) {
        let each = self.each_commit(shop.scenario);
        let records = stage.to - stage.from;
        let from = stage.from + self.accounted.1;
        let before = self
            .accounted
            .0
            .checked_sub(1)
            .map(|index| self.stages[index].ends);
        let begins = match before.unwrap_or_default() {
            _ if self.callers == 1 && stage.is_stretch() => {
                let whole = self.work_of(stage, stage.from, stage.to, shop);
                stage.ends.saturating_sub(whole + each * records)
            }
            before => before,
        };
        for offset in from..to {
            let nth = offset - stage.from;
            let ends = if !stage.is_stretch() {
                stage.ends.saturating_sub(each)
            } else if self.callers == 1 {
                begins + self.work_of(stage, stage.from, offset + 1, shop) + each * nth
            } else {
                let length = stage.ends.saturating_sub(begins).as_nanos();
                let share = u128::from(length) * u128::from(nth + 1) / u128::from(records);
                begins + SimDuration::from_nanos(share as u64)
            };
            let at = self.ended_at(ends).min(now);
            shop.topic.pass_on(stage.partition, offset, at);
        }
    }

    /// When so much of its work was done, at the speed that it has: whenever, and however often, it was looked at meanwhile.
    pub(super) fn ended_at(&self, work: SimDuration) -> SimTime {
        let (from, done) = self.sped;
        if self.alone == SimDuration::FOREVER {
            return self.polled_at + work;
        }
        if done == 0.0 && self.length == self.alone {
            return from + work;
        }
        let part = work.as_nanos() as f64 / self.alone.as_nanos().max(1) as f64;
        let rest = (part - done).max(0.0) * self.length.as_nanos() as f64;
        from + SimDuration::from_nanos_f64(rest)
    }

    /// Cuts the batch after the record that is in hand at `now`; returns when that one is finished. One worked on
    /// several records at a time ends whole.
    pub fn cut_after_record(&mut self, now: SimTime, shop: &mut Workshop) -> SimTime {
        self.account_until(now, shop);
        let Some(stage) = self.stages.get(self.accounted.0).copied() else {
            return now;
        };
        if self.callers > 1 || stage.kind == Kind::Stuck {
            return self.ends_at();
        }
        let (mut to, mut rest) = (stage.to, SimDuration::ZERO);
        if stage.is_stretch() {
            to = stage.to.min(stage.from + self.accounted.1 + 1);
            if to < stage.to {
                rest = self.work_of(&stage, to, stage.to, shop);
                rest += self.each_commit(shop.scenario) * (stage.to - to);
            }
        }
        let (worked, cut) = (self.worked(now), stage.ends.saturating_sub(rest));
        let speed = if self.alone == SimDuration::FOREVER {
            1.0
        } else {
            self.length.as_nanos() as f64 / self.alone.as_nanos().max(1) as f64
        };
        self.stages.truncate(self.accounted.0 + 1);
        if let Some(last) = self.stages.last_mut() {
            (last.to, last.ends) = (to, cut);
        }
        self.crashes = self.crash().is_some();
        self.count_calls(shop);
        self.alone = cut;
        self.length = SimDuration::from_nanos((cut.as_nanos() as f64 * speed) as u64);
        self.done = (worked.as_nanos() as f64 / cut.as_nanos().max(1) as f64).min(1.0);
        self.set_out();
        self.expect_calls(self.calls);
        self.ends_at()
    }

    /// Leaves the rest of the batch as it is at `now`, the record in hand included; returns from where on, by partition.
    pub fn break_off(&mut self, now: SimTime, shop: &mut Workshop) -> Vec<Run> {
        self.account_until(now, shop);
        let (whole, part) = self.accounted;
        let mut left = Vec::new();
        for run in &self.runs {
            let done = self.stages.iter().enumerate().filter_map(|(index, stage)| {
                let own = stage.partition == run.partition && stage.from >= run.from;
                let to = match index {
                    _ if index < whole => stage.to,
                    _ if index == whole => stage.from + part,
                    _ => return None,
                };
                (own && to <= run.to).then_some(to)
            });
            let from = done.max().unwrap_or(run.from);
            if from < run.to {
                left.push(Run { from, ..*run });
            }
        }
        self.stages.truncate(whole + usize::from(part > 0));
        if part > 0
            && let Some(last) = self.stages.last_mut()
        {
            last.to = last.from + part;
        }
        for cut in &left {
            let own = |run: &&mut Run| run.partition == cut.partition && run.to == cut.to;
            if let Some(run) = self.runs.iter_mut().find(own) {
                run.to = cut.from;
            }
        }
        self.crashes = false;
        self.count_calls(shop);
        self.alone = self.worked(now);
        (self.length, self.done) = (self.alone, 1.0);
        self.expect_calls(self.calls);
        left
    }

    /// When the record that is in hand at `at` was begun and when it is finished; twice the end of a batch that is through.
    pub fn record_at(&self, at: SimTime, shop: &mut Workshop) -> (SimTime, SimTime) {
        let Some((record, begun, ends)) = self.whose_at(at, shop) else {
            return (self.ends_at(), self.ends_at());
        };
        let held = self.held.filter(|held| held.0 == record);
        (held.map_or(begun, |held| held.1), ends)
    }

    /// Whether its thread has been at one poison record for so long at `at`, or asleep after an attempt at one.
    pub fn is_held_up(&self, at: SimTime, long: SimDuration) -> bool {
        if !self.poison {
            return false; // As nearly always.
        }
        let worked = self.work_by(at);
        let index = self.stages.partition_point(|stage| stage.ends <= worked);
        let before = index.checked_sub(1).map(|before| self.stages[before]);
        let begun = before.map_or(SimDuration::ZERO, |before| before.ends);
        let held_up = match self.stages.get(index) {
            Some(stage) => stage.is_poison(),
            None => before.is_some_and(|last| last.sleeps()),
        };
        held_up && self.instant_of(begun) + long <= at
    }

    /// It is about to stand still, or does: when the record in hand at `now` was begun is kept until it is finished.
    pub fn hold_record(&mut self, now: SimTime, shop: &mut Workshop) {
        if let Some((record, begun, _)) = self.whose_at(now, shop)
            && self.held.is_none_or(|held| held.0 != record)
        {
            self.held = Some((record, begun));
        }
    }

    /// The record in hand at `at`, and by the speed of now when it was begun and when it is finished.
    fn whose_at(
        &self,
        at: SimTime,
        shop: &mut Workshop,
    ) -> Option<((PartitionId, u64), SimTime, SimTime)> {
        let worked = self.work_by(at);
        let index = self.stages.partition_point(|stage| stage.ends <= worked);
        let stage = self.stages.get(index)?;
        if !stage.is_stretch() {
            let before = index.checked_sub(1).map(|before| self.stages[before].ends);
            let begins = before.unwrap_or(SimDuration::ZERO);
            let record = (stage.partition, stage.from);
            return Some((record, self.instant_of(begins), self.instant_of(stage.ends)));
        }
        let reached = self.reached(stage, worked, shop);
        let rest = |from, shop: &mut Workshop| {
            let work = self.work_of(stage, from, stage.to, shop);
            work + self.each_commit(shop.scenario) * (stage.to - from)
        };
        let begins = stage.ends.saturating_sub(rest(reached, shop));
        let ends = stage.ends.saturating_sub(rest(reached + 1, shop));
        let record = (stage.partition, reached);
        Some((record, self.instant_of(begins), self.instant_of(ends)))
    }

    /// How far its work is at `at`, before or after the instant it was last advanced to.
    fn work_by(&self, at: SimTime) -> SimDuration {
        if self.alone == SimDuration::FOREVER || (self.done == 0.0 && self.length == self.alone) {
            let from = if self.alone == SimDuration::FOREVER {
                self.polled_at
            } else {
                self.since
            };
            return at.since(from);
        }
        let speed = self.alone.as_nanos() as f64 / self.length.as_nanos().max(1) as f64;
        let away = |length: SimDuration| (length.as_nanos() as f64 * speed).round() as u64;
        let worked = self.worked(self.since);
        if at >= self.since {
            worked + SimDuration::from_nanos(away(at.since(self.since)))
        } else {
            worked.saturating_sub(SimDuration::from_nanos(away(self.since.since(at))))
        }
    }

    /// When so much of its work is done.
    fn instant_of(&self, work: SimDuration) -> SimTime {
        if work == SimDuration::FOREVER {
            return SimTime::NEVER;
        }
        if self.alone == SimDuration::FOREVER {
            return self.polled_at + work;
        }
        if self.done == 0.0 && self.length == self.alone {
            return self.since + work;
        }
        let speed = self.length.as_nanos() as f64 / self.alone.as_nanos().max(1) as f64;
        let away = |length: SimDuration| {
            SimDuration::from_nanos((length.as_nanos() as f64 * speed).round() as u64)
        };
        let worked = self.worked(self.since);
        if work >= worked {
            self.since + away(work.saturating_sub(worked))
        } else {
            SimTime::ZERO
                + self
                    .since
                    .since(SimTime::ZERO + away(worked.saturating_sub(work)))
        }
    }
}
