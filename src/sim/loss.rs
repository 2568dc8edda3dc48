//! Records that nobody will process any more: a commit has passed them, or their client did, and whoever had them in hand is
//! gone or has left them. As long as anybody else is at them they are not lost.

use super::member::{App, Member};
use super::topic::Topic;
use super::world::World;
use super::{Cause, Fact};
use crate::kafka::Run;
use crate::units::{PartitionId, ProcessId, SimTime};

/// Records that a member had in hand, kept or should have read, and leaves.
#[derive(Debug)]
pub(super) struct Left {
    at: SimTime,
    run: Run,
    by: Cause,
    /// No commit has passed them, but the one who reads the partition has.
    skipped: bool,
}

impl Topic {
    /// Records are left by who had them.
    pub fn leave(&mut self, at: SimTime, run: Run, by: Cause) {
        self.note_left(at, run, by, false);
    }

    /// Records are left since the partition is read from further on.
    pub fn skip(&mut self, at: SimTime, run: Run) {
        self.note_left(at, run, Cause::Other, true);
    }

    fn note_left(&mut self, at: SimTime, run: Run, by: Cause, skipped: bool) {
        let coverage = &self.partitions[run.partition.ix()].coverage;
        if !coverage.missing(run.from, run.to).is_empty() {
            self.left.push(Left {
                at,
                run,
                by,
                skipped,
            });
        }
    }
}

impl World<'_> {
    /// What a member has in hand and has not finished is left, with its process, or with its consumer if the application broke
    /// its batch off.
    pub fn leave_batch(&mut self, process: ProcessId, by: Cause) {
        self.finish_committed(process);
        let now = self.now();
        for run in &self.members[process.ix()].batch.runs {
            self.topic.leave(now, *run, by);
        }
    }

    /// Done, and committed: only the answer to the commit was still on its way. Of a member that the group has gone on without
    /// that is one record at most: others commit too.
    fn finish_committed(&mut self, process: ProcessId) {
        let member = &self.members[process.ix()];
        if !member.commits_each(self.scenario) || member.app != App::Processing {
            return;
        }
        let settings = member.batch.settings;
        let counts = member.batch.generation == member.link.generation && member.link.counts();
        let done: Vec<_> = member.batch.finished_offsets().collect();
        for run in &member.batch.runs {
            let partition = &self.topic.partitions[run.partition.ix()];
            let own = done.iter().rfind(|(id, _)| *id == run.partition);
            let last = own.map_or(run.from, |(_, offset)| *offset) + 1;
            let current = counts && member.fetcher.slot(run.partition).is_some();
            let last = if current { run.to } else { last.min(run.to) };
            let to = partition.committed.unwrap_or(0).min(last);
            for (from, to) in partition.coverage.missing(run.from, to) {
                self.topic.processed(run.partition, from, to, settings);
            }
        }
    }

    /// Partitions are left by who read them. What others have done of them by now is not done again because of that.
    pub fn leave_partitions(&mut self, partitions: &[PartitionId], by: Cause) {
        self.settle_records();
        for id in partitions {
            self.topic.partitions[id.ix()].left_by = by;
        }
    }

    /// What a member keeps of partitions that it does not read any more is forgotten: the next reader begins at the
    /// committed offset.
    pub fn forget_kept(&mut self, process: ProcessId, partitions: &[PartitionId], by: Cause) {
        let now = self.now();
        for run in self.members[process.ix()].caller.drop_kept(partitions) {
            self.topic.leave(now, run, by);
        }
    }

    /// Everyone has been brought to `at`: what has been left by then is lost if nobody has dealt with it, has it in hand or
    /// comes to it. It is who leaves records last that loses them.
    pub fn lose_what_is_left(&mut self, at: SimTime) {
        let left = std::mem::take(&mut self.topic.left);
        if left.is_empty() {
            return; // As nearly always.
        }
        for member in &mut self.members {
            member.account_until(at, self.scenario, &mut self.topic);
        }
        // What is held of a partition, once somebody asks: records that are left and nobody has done are rare, batches long.
        let mut held: Vec<Option<Vec<Run>>> = vec![None; self.topic.partitions.len()];
        for own in left.into_iter().rev() {
            let partition = own.run.partition;
            let to = match own.skipped {
                true => own.run.to,
                false => own.run.to.min(self.committed_to(partition)),
            };
            let coverage = &self.topic.partitions[partition.ix()].coverage;
            if !coverage.missing(own.run.from, to).is_empty() {
                let held = held[partition.ix()].get_or_insert_with(|| self.held(partition));
                self.lose(&own, to, held);
            }
        }
    }

    fn lose(&mut self, left: &Left, to: u64, held: &[Run]) {
        let mut from = left.run.from;
        for held in held {
            self.lose_part(left, from, held.from.min(to));
            from = from.max(held.to);
        }
        self.lose_part(left, from, to);
    }

    fn lose_part(&mut self, left: &Left, from: u64, to: u64) {
        let partition = left.run.partition;
        for lost in self.topic.lose(partition, from, to, left.by) {
            let fact = Fact::records_lost(partition, lost);
            self.facts.push((left.at, fact));
        }
    }

    /// Up to where a partition is committed once the commits that are under way are stored.
    fn committed_to(&self, partition: PartitionId) -> u64 {
        let sent = self.members.iter().flat_map(|member| &member.pending);
        let sent = sent.filter(|commit| commit.partition == partition);
        let last = sent.max_by_key(|commit| commit.stored_at);
        let stored = self.topic.partitions[partition.ix()].committed;
        last.map(|commit| commit.offset).or(stored).unwrap_or(0)
    }

    /// Records of a partition that members have in hand, or keep, or that whoever owns it comes to, in ascending order.
    fn held(&self, partition: PartitionId) -> Vec<Run> {
        let owner = self.topic.partitions[partition.ix()].owner;
        let ahead = owner.and_then(|owner| {
            let from = self.members[owner.ix()].fetcher.slot(partition)?.position;
            let to = u64::MAX;
            Some(Run {
                partition,
                from,
                to,
            })
        });
        let held = self.members.iter().flat_map(|one| one.holds(partition));
        let mut held: Vec<Run> = held.chain(ahead).collect();
        held.sort_unstable_by_key(|run| run.from);
        held
    }
}

impl Member {
    /// Records of a partition that its application has in hand and will finish, or keeps.
    fn holds(&self, partition: PartitionId) -> impl Iterator<Item = Run> {
        let own = move |run: &&Run| run.partition == partition;
        let at_work = self.app == App::Processing;
        let in_hand = self.batch.runs.iter().filter(move |_| at_work);
        let to_come = in_hand.filter(own).map(|run| self.batch.to_come(run));
        to_come.chain(self.caller.kept().filter(own).copied())
    }
}
