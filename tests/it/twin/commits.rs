//! The twin's commits: after a batch, and by a timer. What the coordinator refuses is told from outside.

use std::collections::BTreeSet;

use lagsim::kafka::{AutoCommitFrom, KafkaError};
use lagsim::scenario::CommitPolicy;
use lagsim::units::{PartitionId, SimDuration, SimTime};

use super::ROUNDING;
use super::member::App;
use super::world::{Event, World};

impl World<'_> {
    pub(super) fn commit_takes(&self) -> SimDuration {
        self.scenario.cluster.round_trip + self.scenario.cluster.commit_latency
    }

    pub(super) fn timer_commits(&self) -> bool {
        let settings = &self.scenario.settings[0];
        let from = settings.client.auto_commit_from;
        // A pool has a clock of its own.
        settings.processing.commit == CommitPolicy::Auto
            && !matches!(from, AutoCommitFrom::Poll | AutoCommitFrom::Completed)
    }

    /// Commits what polls have returned, or have returned before the batch in hand.
    pub(super) fn timer(&mut self, who: usize) {
        let settings = &self.scenario.settings[0];
        let member = &mut self.members[who];
        if self.now != member.auto_commit_due {
            return; // Of an assignment that is gone.
        }
        member.auto_commit_due = self.now + settings.properties.auto_commit_interval;
        let due = member.auto_commit_due;
        if self.refused_now(who).is_none() {
            self.commit_positions(who);
        }
        self.push(due, Event::Timer(who));
    }

    /// What auto-commit commits: all that polls have returned, or have returned before the batch in hand. Of some clients only
    /// what is new.
    pub(super) fn positions(&self, who: usize) -> Vec<(PartitionId, u64)> {
        let from = self.scenario.settings[0].client.auto_commit_from;
        let previous = from == AutoCommitFrom::TimerOfPreviousPolls;
        let member = &self.members[who];
        if member.pool.is_some() {
            return Vec::new(); // It commits what is done.
        }
        let in_hand = previous && member.app == App::Working;
        let offsets = member.owned.iter().map(|(id, owned)| {
            let begun = member.begun.get(id).filter(|_| in_hand);
            (*id, begun.copied().unwrap_or(owned.position))
        });
        let all = matches!(from, AutoCommitFrom::Poll | AutoCommitFrom::Timer);
        let offsets = offsets.filter(|(id, offset)| all || member.owned[id].committed != *offset);
        offsets.collect()
    }

    /// Commits all that polls have returned, if that is not refused.
    pub(super) fn commit_positions(&mut self, who: usize) {
        if self.refused_now(who).is_none() {
            let offsets = self.positions(who);
            self.send_commit_of(who, &offsets);
        }
    }

    pub(super) fn send_commit_of(&mut self, who: usize, offsets: &[(PartitionId, u64)]) {
        for (id, offset) in offsets {
            if let Some(owned) = self.members[who].owned.get_mut(id) {
                owned.committed = *offset;
            }
        }
        self.send_commit(offsets);
    }

    pub(super) fn send_commit(&mut self, offsets: &[(PartitionId, u64)]) {
        let cluster = &self.scenario.cluster;
        let stored = self.now + cluster.round_trip.half() + cluster.commit_latency;
        for &(partition, offset) in offsets {
            self.push(stored, Event::Stored(partition, offset, BTreeSet::new()));
        }
    }

    pub(super) fn end_batch(&mut self, who: usize) {
        let now = self.now;
        let member = &mut self.members[who];
        for (partition, offset, pause) in std::mem::take(&mut member.seeks) {
            if let Some(owned) = member.owned.get_mut(&partition) {
                owned.position = offset;
                owned.fetched = offset;
                owned.paused_until = now + pause;
                member.completed.retain(|(other, _)| *other != partition);
            }
        }
        let finished: Vec<_> = std::mem::take(&mut member.finished).into_iter().collect();
        match self.scenario.settings[0].processing.commit {
            CommitPolicy::AfterBatch => self.commit_sync(who, finished),
            CommitPolicy::Async => {
                if self.refusal(who).is_none() {
                    self.commit_owned(who, finished);
                }
                self.poll(who);
            }
            CommitPolicy::Auto | CommitPolicy::PerRecord => self.poll(who),
            CommitPolicy::Every { .. } => unreachable!("no scenario of the twin asks for it"),
        }
    }

    /// What is wrong with a commit of this instant, if it is refused.
    pub(super) fn refused_now(&self, who: usize) -> Option<Option<KafkaError>> {
        let (told, error) = self.members[who].may_not_commit?;
        (self.now.since(told) <= ROUNDING * 2).then_some(error)
    }

    /// When a commit is answered that is refused, by the client, which knows that it may not, or by the coordinator.
    fn refusal(&mut self, who: usize) -> Option<SimTime> {
        let (now, trip) = (self.now, self.scenario.cluster.round_trip);
        let Some(error) = self.refused_now(who) else {
            if self.members[who].evicted {
                self.doubt(format!("{who} commits as a member, and is none"));
            }
            return None;
        };
        let joins = error == Some(KafkaError::RebalanceInProgress);
        self.members[who].owes_commit |= joins;
        let knows = joins || error.is_none();
        Some(if knows { now } else { now + trip })
    }

    /// commitSync() of what is owned.
    pub(super) fn commit_sync(&mut self, who: usize, offsets: Vec<(PartitionId, u64)>) {
        let now = self.now;
        let refused = self.refusal(who);
        let member = &mut self.members[who];
        member.app = App::Committing;
        let epoch = member.epoch;
        if let Some(answered) = refused {
            return self.push(answered, Event::CommitAnswer(who, epoch));
        }
        self.commit_owned(who, offsets);
        self.push(now + self.commit_takes(), Event::CommitAnswer(who, epoch));
    }

    fn commit_owned(&mut self, who: usize, mut offsets: Vec<(PartitionId, u64)>) {
        let member = &mut self.members[who];
        if std::mem::take(&mut member.owes_commit) {
            let all = member.owned.iter();
            offsets.extend(all.map(|(id, owned)| (*id, owned.position)));
        }
        offsets.retain(|(id, _)| member.owned.contains_key(id));
        self.send_commit_of(who, &offsets);
    }

    pub(super) fn commit_answered(&mut self, who: usize, epoch: u64) {
        let member = &mut self.members[who];
        if self.now < member.frozen_until {
            let thaws = member.frozen_until;
            return self.push(thaws, Event::CommitAnswer(who, epoch));
        }
        if member.app == App::Committing && member.epoch == epoch {
            return self.poll(who);
        }
        if member.app == App::Working && member.epoch == epoch {
            member.lanes[0] = None;
            self.next_record(who, 0);
        }
    }
}
