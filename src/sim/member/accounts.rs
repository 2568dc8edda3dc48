//! What a member has done of the batch in its hands, and what becomes of a commit that it has sent of it.

use super::super::batch::Workshop;
use super::super::commit::{PendingCommit, put_under_way};
use super::super::link::Phase;
use super::super::topic::Topic;
use super::{App, Member};
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
        let settings = self.settings;
        let mut shop = Workshop::new(scenario, settings, topic);
        self.batch.account_until(now, &mut shop);
        let back = scenario.cluster.way_back();
        let ahead = self.batch.stored_ahead(now, back, &mut shop);
        let per_record = self.batch.policy(scenario) == CommitPolicy::PerRecord;
        if per_record && self.commits_each_record() {
            for (partition, offset) in self.batch.finished_offsets().chain(ahead) {
                // Never back: how far a batch is gets estimated anew when its calls take another time.
                let committed = &mut topic.partitions[partition.ix()].committed;
                *committed = Some(offset).max(*committed);
            }
        }
    }

    /// Its batch counts for nothing from `now` on, to which it has been accounted for: a commit of a record that is on its way
    /// reaches the coordinator all the same.
    pub fn leave_commit_under_way(&mut self, now: SimTime, scenario: &Scenario, topic: &mut Topic) {
        let per_record = self.batch.policy(scenario) == CommitPolicy::PerRecord;
        if self.app != App::Processing || !per_record || !self.commits_each_record() {
            return;
        }
        let mut shop = Workshop::new(scenario, self.settings, topic);
        let back = scenario.cluster.way_back();
        if let Some((partition, offset, left)) = self.batch.commit_under_way(now, &mut shop)
            && left > back
        {
            let stored_at = now + left.saturating_sub(back);
            let commit = PendingCommit::new(stored_at, partition, offset);
            put_under_way(commit, &mut self.fetcher, &mut self.pending);
        }
    }

    /// Whether commits of its batch are taken.
    pub fn commits_each_record(&self) -> bool {
        self.batch.generation == self.link.generation
            && self.link.phase == Phase::Stable
            && self.link.void.is_none()
    }
}
