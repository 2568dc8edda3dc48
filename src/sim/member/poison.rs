//! What a member does about poison records in its batch, and about a batch that counts for nothing any more.

use super::super::Fact;
use super::super::batch::{Encounter, Kind, Stage, Workshop};
use super::super::topic::Topic;
use super::{Ground, Member};
use crate::units::{PartitionId, SimDuration, SimTime};

impl Member {
    /// Tells which poison records it has come to by `at`, and which of them it has given up. From the one instant to the other
    /// they block their partitions.
    pub fn meet_poison(
        &mut self,
        at: SimTime,
        topic: &mut Topic,
        facts: &mut Vec<(SimTime, Fact)>,
    ) {
        for Encounter { at, stage, over } in self.batch.encounters(at) {
            let (partition, offset) = (stage.partition, stage.from);
            let record = (partition, offset);
            let known = self.blocked.contains(&record);
            let stuck_at = &mut topic.partitions[partition.ix()].stuck_at;
            match stage.kind {
                Kind::GivenUp { fate, .. } if over && known => {
                    self.blocked.retain(|own| *own != record);
                    let stuck = stuck_at.take_if(|stuck| *stuck == offset).is_some();
                    if stage.is_named() || stuck {
                        let given_up = Fact::PoisonGivenUp {
                            process: self.process,
                            partition,
                            offset,
                            fate,
                        };
                        facts.push((at, given_up));
                    }
                }
                _ if over || known => {}
                _ => {
                    self.blocked.push(record);
                    let in_the_way = stage.is_in_the_way();
                    if in_the_way {
                        *stuck_at = Some(offset);
                    }
                    if in_the_way || stage.is_named() {
                        facts.push((at, stage.met_by(self.process)));
                    }
                }
            }
        }
    }

    /// Whether a poison record is in the way of a partition, or of all that it reads since its thread hangs at one.
    pub fn is_blocked(&self, partition: PartitionId) -> bool {
        let blocks = |id| self.blocked.iter().any(|(blocked, _)| *blocked == id);
        blocks(partition) || self.batch.stuck_on().is_some_and(blocks)
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
            self.blocked
                .retain(|(partition, _)| !batch.got_past(*partition));
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
