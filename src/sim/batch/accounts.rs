//! How far a batch is, and what is accounted for of it: records done with, attempts that were made, offsets that may be committed.

use super::super::Fate;
use super::{Batch, Kind, Stage, Workshop};
use crate::kafka::Run;
use crate::units::{PartitionId, SimDuration, SimTime};

impl Batch {
    /// Accounts for everything up to the instant `now`.
    pub fn account_until(&mut self, now: SimTime, shop: &mut Workshop) {
        self.advance(now);
        self.note_encounters(now);
        let worked = self.worked(now);
        while let Some(stage) = self.stages.get(self.accounted.0) {
            if stage.ends <= worked {
                self.account_stage(now, shop);
                continue;
            }
            if stage.is_stretch() && self.callers == 1 {
                let to = self.reached(stage, worked, shop);
                self.account_to(to, now, shop);
            }
            return;
        }
    }

    /// How far its work is, as work from the start of the batch; `now` is the instant it was last advanced to.
    pub(super) fn worked(&self, now: SimTime) -> SimDuration {
        if self.alone == SimDuration::FOREVER {
            now.since(self.polled_at)
        } else {
            SimDuration::from_nanos((self.done * self.alone.as_nanos() as f64) as u64)
        }
    }

    /// With a commit per record: how far those of each stage are settled by now that were not before, from where on, and when the
    /// last of them was. One is `ahead` of its answer by then.
    pub fn settle(
        &mut self,
        now: SimTime,
        ahead: SimDuration,
        shop: &mut Workshop,
    ) -> Vec<(Run, SimTime)> {
        let worked = self.worked(now) + ahead;
        let (whole, part) = self.accounted;
        let mut settled = Vec::new();
        for index in 0..self.stages.len().min(whole + 1) {
            let stage = self.stages[index];
            let (partition, before) = (stage.partition, self.settled.get(&stage.partition));
            let from = before.copied().unwrap_or(0).max(stage.from);
            if !stage.kind.is_done_with() || from >= stage.to {
                continue;
            }
            let to = if index < whole || stage.ends <= worked {
                stage.to
            } else if stage.is_stretch() && self.callers == 1 {
                self.reached(&stage, worked, shop).max(stage.from + part)
            } else {
                stage.from + part
            };
            if to > from {
                // What was there before it was planned anew is older than that.
                let answered = match index < self.planned_from {
                    true => SimDuration::ZERO,
                    false => self.answered(&stage, to, shop),
                };
                let passed = worked.saturating_sub(answered);
                self.settled.insert(partition, to);
                let run = Run {
                    partition,
                    from,
                    to,
                };
                settled.push((run, now - passed));
            }
        }
        settled
    }

    /// The commit of records up to `to` is taken care of elsewhere, unless it was before.
    pub fn settle_to(&mut self, partition: PartitionId, to: u64) -> bool {
        let settled = self.settled.entry(partition).or_default();
        let news = *settled < to;
        *settled = to.max(*settled);
        news
    }

    /// When the commit of a stage's records up to `to` is answered, as work from the start of the batch.
    fn answered(&self, stage: &Stage, to: u64, shop: &mut Workshop) -> SimDuration {
        if to == stage.to || !stage.is_stretch() || self.callers > 1 {
            return stage.ends;
        }
        let rest = self.work_of(stage, to, stage.to, shop);
        let each = self.each_commit(shop.scenario);
        stage.ends.saturating_sub(rest + each * (stage.to - to))
    }

    /// With a commit per record: the record that is done and whose commit is not answered yet, and how long that takes from
    /// `now` on, to which the batch has been accounted for. Of several worked on at the same time nobody keeps which it is.
    pub fn commit_under_way(
        &self,
        now: SimTime,
        shop: &mut Workshop,
    ) -> Option<(PartitionId, u64, SimDuration)> {
        let each = self.each_commit(shop.scenario);
        if each.is_zero() || self.callers > 1 {
            return None;
        }
        let stage = self.stages.get(self.accounted.0)?;
        let worked = self.worked(now);
        if !stage.is_stretch() {
            let done = stage.kind.is_done_with() && stage.ends <= worked + each;
            return done.then_some((stage.partition, stage.to, stage.ends.saturating_sub(worked)));
        }
        let to = self.reached(stage, worked + each, shop);
        if to <= stage.from + self.accounted.1 {
            return None;
        }
        let answered = self.answered(stage, to, shop);
        Some((stage.partition, to, answered.saturating_sub(worked)))
    }

    /// Accounts for a record whose commit is not answered yet: it is done all the same.
    pub fn account_unanswered(&mut self, now: SimTime, shop: &mut Workshop) {
        if let Some((_, to, _)) = self.commit_under_way(now, shop) {
            if self.stages[self.accounted.0].is_stretch() {
                self.account_to(to, now, shop);
            } else {
                self.account_stage(now, shop);
            }
        }
    }

    /// Accounts for the whole batch, which is through at `now`.
    #[inline]
    pub fn account_all(&mut self, now: SimTime, shop: &mut Workshop) {
        while self.accounted.0 < self.stages.len() {
            self.account_stage(now, shop);
        }
    }

    #[inline]
    pub(super) fn account_stage(&mut self, now: SimTime, shop: &mut Workshop) {
        let stage = self.stages[self.accounted.0];
        self.account_to(stage.to, now, shop);
        self.accounted = (self.accounted.0 + 1, 0);
        match stage.kind {
            Kind::SoughtBack { .. } => shop.topic.poison_attempts += 1,
            Kind::GivenUp { attempts, .. } => shop.topic.poison_attempts += u64::from(attempts),
            Kind::Anew { attempts, .. } => {
                shop.topic.poison_attempts += u64::from(attempts);
                shop.topic.dead_letters_failed += 1;
            }
            Kind::Records | Kind::Failing { .. } | Kind::Stuck => {}
            Kind::Crash { .. } | Kind::Exit { .. } => {} // Its process exits, and tells.
            Kind::Opens(_) | Kind::Stands { .. } => {}
        }
    }

    /// Accounts at `now` for the records of the first stage that is not accounted for, up to an offset.
    pub(super) fn account_to(&mut self, to: u64, now: SimTime, shop: &mut Workshop) {
        let stage = &self.stages[self.accounted.0];
        let from = stage.from + self.accounted.1;
        if to <= from {
            return;
        }
        match stage.kind {
            Kind::Records => shop
                .topic
                .processed(stage.partition, from, to, self.settings),
            Kind::Failing { fate } | Kind::GivenUp { fate, .. } => {
                shop.topic.given_up(stage.partition, from, to, fate);
                if let Some(lost) = stage.lost_by_chance() {
                    (shop.topic).calls_of_lost_failed(stage.partition, lost, self.settings);
                }
                if fate == Fate::PassedOn {
                    self.pass_on(stage, to, now, shop);
                }
            }
            Kind::SoughtBack { .. } | Kind::Anew { .. } | Kind::Stuck => {}
            Kind::Crash { .. } | Kind::Exit { .. } => {}
            Kind::Opens(_) | Kind::Stands { .. } => {}
        }
        self.accounted.1 = to - stage.from;
    }

    /// Several records at a time: the share of them is accounted for that is done, the first ones.
    pub(super) fn account_share(&mut self, now: SimTime, shop: &mut Workshop) {
        let (whole, part) = self.share();
        while self.accounted.0 < whole {
            self.account_stage(now, shop);
        }
        if part > 0 {
            self.account_to(self.stages[whole].from + part, now, shop);
        }
    }

    /// Where that share ends: so many stages, and records of the next.
    pub(super) fn share(&self) -> (usize, u64) {
        let size = |stage: &Stage| (stage.to - stage.from).max(1);
        let records: u64 = self.planned().iter().map(size).sum();
        let mut left = (self.done * records as f64) as u64;
        for (index, stage) in self.planned().iter().enumerate() {
            if size(stage) > left {
                return self.accounted.max((self.planned_from + index, left));
            }
            left -= size(stage);
        }
        (self.stages.len(), 0)
    }

    /// Records that it is done with, once it is through.
    pub fn acknowledged(&self) -> u64 {
        let stages = self.stages.iter().filter(|stage| stage.kind.is_done_with());
        stages.map(|stage| stage.to - stage.from).sum()
    }

    /// The first record of a run that it is not done with.
    pub fn unfinished(&self, run: &Run) -> u64 {
        let done = self.finished_offsets();
        let own = done.filter(|(partition, offset)| {
            *partition == run.partition && (run.from..=run.to).contains(offset)
        });
        own.map(|(_, offset)| offset).max().unwrap_or(run.from)
    }

    /// Records of a run that it is not done with and comes to: nothing behind one that it is stuck at.
    pub fn to_come(&self, run: &Run) -> Run {
        let own = |stage: &&Stage| {
            stage.partition == run.partition && (run.from..run.to).contains(&stage.from)
        };
        let done_with = self.stages.iter().filter(|stage| stage.kind.is_done_with());
        let to = match self.stages.iter().any(|stage| stage.kind == Kind::Stuck) {
            true => done_with.filter(own).map(|stage| stage.to).max(),
            false => Some(run.to),
        };
        Run {
            from: self.unfinished(run),
            to: to.unwrap_or(run.from),
            ..*run
        }
    }

    /// Offset up to which each stage has been accounted for, in the order of the stages.
    pub fn finished_offsets(&self) -> impl Iterator<Item = (PartitionId, u64)> + '_ {
        let (whole, part) = self.accounted;
        self.stages
            .iter()
            .enumerate()
            .filter_map(move |(index, stage)| {
                if index < whole {
                    Some((stage.partition, stage.to))
                } else if index == whole && part > 0 {
                    Some((stage.partition, stage.from + part))
                } else {
                    None
                }
            })
    }
}
