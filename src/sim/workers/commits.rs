//! When the client of a pool commits, and what. Not how a commit goes out.

use super::Workers;
use crate::scenario::{OnStop, Scenario};
use crate::sim::commit::PendingCommit;
use crate::sim::member::{Ground, Member};
use crate::units::{PartitionId, SimDuration, SimTime};

impl Workers {
    /// From when on what is done may be committed.
    fn may_commit_from(&self, interval: SimDuration) -> SimTime {
        self.committed_at.map_or(SimTime::ZERO, |at| at + interval)
    }

    /// When it commits what is done if nothing happens before.
    fn commits_late_at(&self, interval: SimDuration) -> SimTime {
        match self.pool.is_dirty() {
            true => (self.pool.moved_at() + interval)
                .max(self.may_commit_from(interval))
                .max(self.stood_until),
            false => SimTime::NEVER,
        }
    }
}

impl Member {
    /// Its threads work until `until`.
    #[inline]
    pub fn run_workers(&mut self, until: SimTime, ground: &mut Ground) {
        if self.workers.is_none() {
            return;
        }
        let commits = self.is_in_control(ground.scenario);
        let interval = self.auto_commit_interval(ground.scenario);
        while let Some(workers) = self.workers.as_deref().filter(|_| commits) {
            let due = workers.may_commit_from(interval);
            let next = workers.pool.next_event();
            if next.max(due) > until || next == SimTime::NEVER {
                break;
            }
            // What ends before it is due is committed as what ends next is.
            let before = SimTime::ZERO + due.since(SimTime::ZERO + SimDuration::from_nanos(1));
            let to = if next < due { before } else { next };
            if let Some((pool, mut application)) = self.at_work(ground) {
                pool.run(to, &mut application);
            }
            if to >= due {
                self.commit_what_is_new(to, ground);
            }
        }
        if let Some((pool, mut application)) = self.at_work(ground) {
            pool.run(until, &mut application);
        }
        if let Some(workers) = self.workers.as_deref().filter(|_| commits) {
            self.auto_commit_due = workers.commits_late_at(interval);
        }
    }

    /// The control loop commits once something is done and the last time it did is longer ago than the interval: the first time
    /// at once. It comes round whenever records come or an attempt is over, or else an interval later
    /// (`AbstractParallelEoSStreamProcessor#isTimeToCommitNow`, `#getTimeToBlockFor`).
    pub fn commit_in_time(&mut self, at: SimTime, ground: &mut Ground) {
        let interval = self.auto_commit_interval(ground.scenario);
        self.run_workers(at, ground);
        let late = |workers: &Workers| workers.pool.moved_at() + interval <= at;
        if self.workers.as_deref().is_some_and(late) {
            self.commit_what_is_new(at, ground);
        }
    }

    /// The control loop comes round: it may be time to commit.
    pub(super) fn commit_what_is_new(&mut self, at: SimTime, ground: &mut Ground) {
        let interval = self.auto_commit_interval(ground.scenario);
        let Some(workers) = &self.workers else { return };
        // One that has drained its pool commits as it closes.
        let closes = workers.closes_by.is_some() && workers.pool.is_idle();
        if workers.pool.is_dirty() && at >= workers.may_commit_from(interval) && !closes {
            self.commit_completed(at, None, ground);
        }
        if let Some(workers) = &self.workers {
            self.auto_commit_due = workers.commits_late_at(interval);
        }
    }

    /// Whether its control loop goes on: not while it joins, or closes without draining (`#innerDoClose`).
    pub(super) fn is_in_control(&self, scenario: &Scenario) -> bool {
        let drains = self.settings_of(scenario).processing.on_stop == OnStop::FinishBatch;
        // One that drains takes no part in a rebalance.
        let goes_on = if self.stopping {
            drains
        } else {
            !self.link.rejoin
        };
        !self.is_apart() && goes_on
    }

    /// Commits what is done of `partitions`, or of all, if anything is since the last time; returns when the answer is back.
    pub fn commit_completed(
        &mut self,
        at: SimTime,
        partitions: Option<&[PartitionId]>,
        ground: &mut Ground,
    ) -> SimTime {
        self.run_workers(at, ground);
        let Some(workers) = &mut self.workers else {
            return at;
        };
        workers.committed_at = Some(at);
        let mut commits = Vec::new();
        for slot in self.fetcher.slots() {
            let partition = slot.partition;
            if partitions.is_some_and(|some| !some.contains(&partition)) {
                continue;
            }
            if let Some((offset, completed)) = workers.pool.commit_of(partition) {
                commits.push(PendingCommit {
                    stored_at: at,
                    partition,
                    offset,
                    completed,
                });
            }
        }
        self.send_commits(at, commits, ground)
    }
}
