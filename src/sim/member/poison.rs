//! What a member does about poison records in its batch, and about a batch that counts for nothing any more.

use super::super::Fact;
use super::super::batch::Kind;
use super::{Ground, Member};
use crate::kafka::Run;
use crate::units::{SimDuration, SimTime};

impl Member {
    /// Notes poison records at the head of the batch's way, and when they are met.
    pub(super) fn meet_poison(&mut self, at: SimTime, ground: &mut Ground) {
        for stage in self.batch.stages() {
            match stage.kind {
                Kind::Records | Kind::Failing { .. } | Kind::Exit { .. } => continue,
                Kind::GivenUp { named: false, .. } => continue,
                Kind::GivenUp { .. } => {}
                Kind::SoughtBack { .. } | Kind::Stuck | Kind::Crash { .. } => {
                    if self.blocked.contains(&stage.partition) {
                        continue;
                    }
                    self.blocked.push(stage.partition);
                    ground.topic.partitions[stage.partition.ix()].stuck_at = Some(stage.from);
                }
            }
            let (partition, offset) = (stage.partition, stage.from);
            let process = Some(self.process);
            ground.facts.push((
                at,
                Fact::PoisonMet {
                    process,
                    partition,
                    offset,
                },
            ));
        }
    }

    /// It was evicted, and what it has done since counts for nothing either.
    pub fn worked_in_vain(&self, ground: &mut Ground) {
        for run in &self.batch.runs {
            let evicted_to = &mut ground.topic.partitions[run.partition.ix()].evicted_to;
            *evicted_to = run.to.max(*evicted_to);
        }
    }

    /// Attempts at poison records are over; the member seeks back to what it does not give up.
    /// Returns how long its thread sleeps before it polls again.
    pub(super) fn leave_poison(
        &mut self,
        at: SimTime,
        current: bool,
        ground: &mut Ground,
    ) -> SimDuration {
        let (mut sleeps, mut failed) = (SimDuration::ZERO, Vec::new());
        for stage in self.batch.stages() {
            match stage.kind {
                Kind::SoughtBack { back_off, rest_too } => {
                    ground.accounts.poison_attempts += 1;
                    let paused = if rest_too {
                        SimDuration::ZERO
                    } else {
                        back_off
                    };
                    if rest_too {
                        sleeps = back_off;
                        failed.push((stage.partition, stage.from, false));
                    }
                    if current {
                        // What is kept of the partition comes after it, and is fetched again.
                        self.caller.drop_kept(&[stage.partition]);
                        for run in self.batch.left() {
                            self.caller.drop_kept(&[run.partition]);
                            self.fetcher.seek(run.partition, run.from, at);
                        }
                        self.fetcher.seek(stage.partition, stage.from, at + paused);
                    }
                }
                Kind::GivenUp { attempts, .. } => {
                    ground.accounts.poison_attempts += u64::from(attempts);
                    failed.push((stage.partition, stage.from, true));
                }
                Kind::Records | Kind::Failing { .. } => {}
                Kind::Stuck | Kind::Crash { .. } | Kind::Exit { .. } => {}
            }
        }
        for (partition, offset, done_with) in failed {
            self.batch.note_failure(partition, offset, done_with);
        }
        sleeps
    }

    /// A batch that outlived its assignment cannot be sought back into: what its client committed of it as it gave the
    /// partitions up, and it has not processed, nobody will.
    pub fn lose_what_is_committed(&mut self, at: SimTime, ground: &mut Ground) {
        for index in 0..self.batch.runs.len() {
            let Run {
                partition,
                from,
                to,
            } = self.batch.runs[index];
            if self.batch.committed {
                let by = ground.topic.partitions[partition.ix()].left_by;
                for lost in ground.topic.lose(partition, from, to, by) {
                    ground.facts.push((at, Fact::records_lost(partition, lost)));
                }
            }
        }
    }
}
