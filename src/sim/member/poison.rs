//! What a member does about poison records in its batch, and about a batch that counts for nothing any more.

use super::super::batch::{Kind, Stage, Workshop};
use super::super::topic::Topic;
use super::{Ground, Member};
use crate::units::{PartitionId, SimDuration, SimTime};

/// A partition is blocked by a record in its way; returns whether that is news, and the member does not get past it.
fn block(blocked: &mut Vec<PartitionId>, stage: &Stage, topic: &mut Topic) -> bool {
    let in_the_way = stage.is_in_the_way();
    if !(in_the_way || stage.waits_for_answer()) || blocked.contains(&stage.partition) {
        return false;
    }
    blocked.push(stage.partition);
    if in_the_way {
        topic.partitions[stage.partition.ix()].stuck_at = Some(stage.from);
    }
    in_the_way
}

impl Member {
    /// Notes poison records at the head of the batch's way, and when they are met.
    pub(super) fn meet_poison(&mut self, at: SimTime, ground: &mut Ground) {
        for stage in self.batch.stages() {
            let named = matches!(stage.kind, Kind::GivenUp { named: true, .. });
            let met = block(&mut self.blocked, stage, ground.topic);
            if named || met {
                ground.facts.push((at, stage.met_by(self.process)));
            }
        }
    }

    /// The dead-letter topic answers otherwise: what is left of the batch is in its partition's way where it was not, or no
    /// more.
    pub fn meet_poison_anew(&mut self, at: SimTime, ground: &mut Ground) {
        let before = self.blocked.clone();
        let batch = &self.batch;
        self.blocked
            .retain(|id| !batch.runs.iter().any(|run| run.partition == *id));
        for stage in batch.planned() {
            let told = stage.is_named() || before.contains(&stage.partition);
            if block(&mut self.blocked, stage, ground.topic) && !told {
                ground.facts.push((at, stage.met_by(self.process)));
            }
        }
    }

    /// It was evicted, and what it has done since counts for nothing either.
    pub fn worked_in_vain(&self, ground: &mut Ground) {
        for run in &self.batch.runs {
            let evicted_to = &mut ground.topic.partitions[run.partition.ix()].evicted_to;
            *evicted_to = run.to.max(*evicted_to);
        }
    }

    /// Attempts at poison records of a batch that is over are; the member seeks back to what it does not give up, if it has
    /// its partitions still. Returns how long its thread sleeps before it polls again.
    pub fn leave_poison(&mut self, at: SimTime, current: bool) -> SimDuration {
        let (mut sleeps, mut failed) = (SimDuration::ZERO, Vec::new());
        let stages = self.batch.stages().iter();
        for stage in stages.take_while(|_| self.batch.poison) {
            let (partition, offset) = (stage.partition, stage.from);
            let paused = match stage.kind {
                Kind::SoughtBack { back_off, rest_too } => {
                    if !rest_too {
                        back_off
                    } else {
                        sleeps = back_off;
                        let tried = self.batch.tried(partition, offset).unwrap_or(0);
                        failed.push((partition, offset, Some(tried + 1)));
                        SimDuration::ZERO
                    }
                }
                Kind::Anew { .. } => {
                    failed.push((partition, offset, Some(0)));
                    SimDuration::ZERO
                }
                Kind::GivenUp { .. } => {
                    failed.push((partition, offset, None));
                    continue;
                }
                Kind::Records | Kind::Failing { .. } => continue,
                Kind::Stuck | Kind::Crash { .. } | Kind::Exit { .. } => continue,
                Kind::Opens(_) | Kind::Stands { .. } => continue,
            };
            if current {
                // What is kept of the partition comes after it, and is fetched again.
                self.caller.drop_kept(&[partition]);
                for run in self.batch.left() {
                    self.caller.drop_kept(&[run.partition]);
                    self.fetcher.seek(run.partition, run.from, at);
                }
                self.fetcher.seek(partition, offset, at + paused);
            }
        }
        for (partition, offset, tried) in failed {
            self.batch.note_tried(partition, offset, tried);
        }
        if current {
            let batch = &self.batch;
            self.blocked.retain(|&partition| !batch.got_past(partition));
        }
        sleeps
    }

    /// A record could not be produced to the dead-letter topic, and its handler starts it anew: the batch goes on with it.
    pub(super) fn start_anew(
        &mut self,
        (stage, attempts): (Stage, u32),
        at: SimTime,
        ground: &mut Ground,
    ) {
        if self.batch.calls > 0 {
            ground.asks(at, self.process, 0.0);
        }
        self.calls_over(at, ground);
        if attempts > 0 {
            let (partition, offset) = (stage.partition, stage.from);
            self.batch.note_tried(partition, offset, Some(0));
        }
        let (scenario, settings) = (ground.scenario, self.batch.settings);
        if let Some(lost) = stage.lost_by_chance() {
            ground.topic.start_anew(stage.partition, lost, settings);
        }
        let mut shop = Workshop {
            breaker: self.caller.watching(),
            ..Workshop::new(scenario, settings, ground.topic)
        };
        self.batch.start_anew(at, &mut shop);
        self.wake = self.batch.ends_at();
        self.ask_for_calls(at, ground);
    }

    /// A batch that outlived its assignment cannot be sought back into: what it is not done with as it ends is left.
    pub fn leave_rest(&self, at: SimTime, current: bool, topic: &mut Topic) {
        for run in self.batch.runs.iter().filter(|_| self.batch.poison) {
            if !(current && self.fetcher.slot(run.partition).is_some()) {
                let by = topic.partitions[run.partition.ix()].left_by;
                topic.leave(at, *run, by);
            }
        }
    }
}
