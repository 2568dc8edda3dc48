//! What a member has done of the batch in its hands, and what becomes of a commit that it has sent of it.

use super::super::Fact;
use super::super::batch::Workshop;
use super::super::commit::{PendingCommit, put_under_way};
use super::super::link::{Hears, Phase};
use super::super::topic::Topic;
use super::{App, Ground, Member};
use crate::kafka::KafkaError;
use crate::scenario::{CommitPolicy, Scenario};
use crate::units::SimTime;

impl Member {
    /// What it has done of the batch in hand by `now` is done, whether or not its commit is answered.
    pub fn account_unanswered(&mut self, now: SimTime, scenario: &Scenario, topic: &mut Topic) {
        self.account_until(now, scenario, topic);
        if self.app == App::Processing {
            let settings = self.settings;
            let mut shop = Workshop::new(scenario, settings, topic);
            self.batch.account_unanswered(now, &mut shop);
        }
    }

    /// Brings the accounts of the batch in hand up to `now`; with a commit per record, the committed offsets too.
    pub fn account_until(&mut self, now: SimTime, scenario: &Scenario, topic: &mut Topic) {
        if self.app != App::Processing {
            return;
        }
        let mut shop = Workshop::new(scenario, self.settings, topic);
        self.batch.account_until(now, &mut shop);
        if self.commits_each(scenario) && self.commits_are_taken() {
            self.store_each(now, scenario, topic);
        }
    }

    /// Commits of single records that are stored by `now`, to which its batch has been accounted for, whoever owns their partition.
    fn store_each(&mut self, now: SimTime, scenario: &Scenario, topic: &mut Topic) {
        let mut shop = Workshop::new(scenario, self.settings, topic);
        let back = scenario.cluster.way_back();
        for (run, stored_at) in self.batch.settle(now, back, &mut shop) {
            topic.store(PendingCommit::new(stored_at, run.partition, run.to));
        }
    }

    /// Commits of single records that have been sent by `now` and were not settled before are refused.
    fn refuse_each(&mut self, now: SimTime, ground: &mut Ground) {
        let cluster = &ground.scenario.cluster;
        let takes = cluster.round_trip + cluster.commit_latency;
        let mut shop = Workshop::new(ground.scenario, self.settings, ground.topic);
        self.batch.account_until(now, &mut shop);
        for (run, sent_at) in self.batch.settle(now, takes, &mut shop) {
            let failed = Fact::CommitFailed {
                process: self.process,
                error: self.link.void,
                records: run.to - run.from,
            };
            ground.accounts.commits_failed += run.to - run.from;
            ground.facts.push((sent_at, failed));
        }
    }

    /// Those that are refused by an epoch that the coordinator has and the member has not heard of yet are known by `now`.
    pub fn refuse_stale(&mut self, now: SimTime, ground: &mut Ground) {
        let at_work = self.app == App::Processing && self.commits_each(ground.scenario);
        if at_work && self.link.void == Some(KafkaError::StaleMemberEpoch) {
            self.refuse_each(now, ground);
        }
    }

    /// From `now` on the coordinator judges its commits otherwise.
    pub fn judge_anew(&mut self, error: Option<KafkaError>, now: SimTime, ground: &mut Ground) {
        let at_work = self.app == App::Processing && self.commits_each(ground.scenario);
        match self.link.void {
            before if before == error || !at_work => {}
            None => {
                self.account_until(now, ground.scenario, ground.topic);
                self.leave_commit_under_way(now, ground.scenario, ground.topic);
            }
            // By another error it is out: that it hears once, at the end of its batch.
            Some(_) => self.refuse_stale(now, ground),
        }
        self.link.void = error;
    }

    /// The batch is through, of which each record has been committed.
    pub fn end_each(&mut self, at: SimTime, ground: &mut Ground) {
        let error = self.link.void.filter(|_| self.is_of_its_generation());
        if error == Some(KafkaError::StaleMemberEpoch) {
            self.refuse_each(at, ground);
        } else if error.is_some() {
            // The answer to that of the last record is there.
            self.commit_refused(error, at, ground);
            if self.link.hears == Hears::ByCommit {
                self.link.hears = Hears::At(at);
            }
        } else if let Err(answered) = self.may_commit(at, ground) {
            return self.await_commit(at, answered);
        } else if self.commits_late(ground.scenario) || self.link.owes_commit {
            self.store_batch(at, ground);
        } else {
            let mut shop = Workshop::new(ground.scenario, self.settings, ground.topic);
            self.batch.account_until(at, &mut shop);
            self.store_each(at, ground.scenario, ground.topic);
            for (partition, offset) in self.batch.finished_offsets() {
                self.fetcher.committed(partition, offset);
                self.last_stored = at;
            }
            ground.accounts.commits += 1;
        }
        (self.app, self.wake) = (App::Committing, at);
    }

    /// Its batch counts for nothing from `now` on, to which it has been accounted for: a commit of a record that is on its way
    /// reaches the coordinator all the same.
    pub fn leave_commit_under_way(&mut self, now: SimTime, scenario: &Scenario, topic: &mut Topic) {
        if self.app != App::Processing || !self.commits_each(scenario) || !self.commits_are_taken()
        {
            return;
        }
        let mut shop = Workshop::new(scenario, self.settings, topic);
        let back = scenario.cluster.way_back();
        if let Some((partition, offset, left)) = self.batch.commit_under_way(now, &mut shop)
            && left > back
            && self.batch.settle_to(partition, offset)
        {
            let stored_at = now + left.saturating_sub(back);
            let commit = PendingCommit::new(stored_at, partition, offset);
            put_under_way(commit, &mut self.fetcher, &mut self.pending);
        }
    }

    /// Whether it commits each record of its batch as it is done.
    pub fn commits_each(&self, scenario: &Scenario) -> bool {
        self.batch.policy(scenario) == CommitPolicy::PerRecord
    }

    /// Whether its batch was polled by the member that it still is.
    fn is_of_its_generation(&self) -> bool {
        self.batch.generation == self.link.generation && self.link.phase == Phase::Stable
    }

    /// Whether commits of its batch are taken.
    fn commits_are_taken(&self) -> bool {
        self.is_of_its_generation() && self.link.void.is_none()
    }
}
