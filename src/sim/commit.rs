//! How a member commits: which offsets go out when, and when the coordinator has stored them.

use super::Fact;
use super::batch::Workshop;
use super::link::Phase;
use super::member::{App, Ground, Member};
use super::topic::Topic;
use crate::kafka::{AutoCommitFrom, Heartbeats, KafkaError, LateCommit, Run, Slot};
use crate::scenario::{CommitPolicy, Scenario};
use crate::units::{PartitionId, SimDuration, SimTime};

/// A commit that the coordinator has not stored yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingCommit {
    pub stored_at: SimTime,
    pub partition: PartitionId,
    pub offset: u64,
}

/// No interval of a client is shorter: one of zero, which Kafka accepts, would let no time pass.
pub(super) const SHORTEST: SimDuration = SimDuration::from_millis(1);

impl Member {
    /// auto.commit.interval.ms as it acts.
    pub fn auto_commit_interval(&self, scenario: &Scenario) -> SimDuration {
        let settings = self.settings_of(scenario);
        settings.properties.auto_commit_interval.max(SHORTEST)
    }

    /// Whether a background timer commits for it, as a step of its own. One that is attended takes no step by itself:
    /// its positions are committed as it gives them up.
    pub fn timer_commits(&self, scenario: &Scenario) -> bool {
        let settings = self.settings_of(scenario);
        !self.attended()
            && settings.processing.commit == CommitPolicy::Auto
            && settings.client.auto_commit_from != AutoCommitFrom::Poll
            && self.link.phase == Phase::Stable
    }

    /// Whether a commit of this batch succeeds; if not, the application has seen CommitFailedException, or
    /// RebalanceInProgressException if it may go on.
    pub fn may_commit(&mut self, at: SimTime, ground: &mut Ground) -> bool {
        let current = self.batch.generation == self.link.generation;
        if self.commits_late(ground.scenario) {
            return self.sends_late(at, ground);
        }
        let member = match self.link.phase {
            Phase::Stable | Phase::Fetching => true,
            // The heartbeat thread has read the answer to SyncGroup (`SyncGroupResponseHandler`).
            Phase::Syncing => self.link.arrived > 0,
            Phase::Joining | Phase::Unjoined => false,
        };
        if !member || !current {
            // It goes on while it joins, and it is told that there is a rebalance (`#sendOffsetCommitRequest`).
            self.link.owes_commit = current && self.reads();
            let error = self
                .link
                .owes_commit
                .then_some(KafkaError::RebalanceInProgress);
            self.commit_refused(error, at, ground);
            return false;
        }
        if self.link.void.is_some() {
            self.commit_refused(self.link.void, at, ground);
        }
        self.link.void.is_none()
    }

    /// Whether a commit of the batch in hand goes out although the member has left, or has rejoined since it polled.
    pub fn commits_late(&self, scenario: &Scenario) -> bool {
        let moved = self.batch.generation != self.link.generation
            || !matches!(self.link.phase, Phase::Stable | Phase::Fetching);
        moved && self.settings_of(scenario).client.late_commit == LateCommit::Sent
    }

    /// It goes out under whatever membership there is by now, and the coordinator decides (`ClassicGroup#validateOffsetCommit`).
    fn sends_late(&mut self, at: SimTime, ground: &mut Ground) -> bool {
        let runs = &self.batch.runs;
        let owned = runs
            .iter()
            .all(|run| self.fetcher.slot(run.partition).is_some());
        let same = self.batch.generation == self.link.generation;
        let error = match self.link.phase {
            _ if self.link.void.is_some() => self.link.void,
            // Its JoinGroup is parked and its generation still the group's.
            Phase::Joining if same => None,
            Phase::Syncing => Some(KafkaError::RebalanceInProgress),
            // Of no generation and without an id: a group without members takes that.
            Phase::Unjoined if ground.nobody => None,
            Phase::Unjoined | Phase::Joining => Some(KafkaError::UnknownMemberId),
            Phase::Stable | Phase::Fetching if owned => None,
            Phase::Stable | Phase::Fetching => {
                // The client knows that it was not assigned all of it any more (`AIOKafkaConsumer.commit`).
                self.commit_refused(None, at, ground);
                return false;
            }
        };
        if error.is_some() {
            self.commit_refused(error, at, ground);
        }
        error.is_none()
    }

    /// A commit of the batch came to nothing; an `error` is the broker's.
    fn commit_refused(&mut self, error: Option<KafkaError>, at: SimTime, ground: &mut Ground) {
        let records = self.batch.records();
        ground.accounts.commits_failed += 1;
        ground.facts.push((
            at,
            Fact::CommitFailed {
                process: self.process,
                error,
                records,
            },
        ));
    }

    pub fn commit_sync(&mut self, at: SimTime, ground: &mut Ground) {
        if !self.may_commit(at, ground) {
            return;
        }
        self.app = App::Committing;
        if self.batch.policy(ground.scenario) == CommitPolicy::PerRecord {
            // Each record's commit is already part of the batch.
            self.wake = at;
            return self.store_batch(at, ground);
        }
        self.wake = self.send_batch_commit(at, ground);
    }

    /// The commit of the batch goes out; returns when the answer is back.
    pub fn send_batch_commit(&mut self, at: SimTime, ground: &mut Ground) -> SimTime {
        let (stored_at, answered) = self.write(at, ground.scenario);
        self.store_batch(stored_at, ground);
        answered
    }

    /// When a commit sent at `at` is stored, and when its answer is back. One connection: what goes out later is not stored
    /// earlier.
    fn write(&mut self, at: SimTime, scenario: &Scenario) -> (SimTime, SimTime) {
        let trip = scenario.cluster.round_trip;
        let stored_at = at + trip.half() + self.writes.next();
        let before = self.pending.back();
        let stored_at = before.map_or(stored_at, |before| stored_at.max(before.stored_at));
        (stored_at, stored_at + trip.saturating_sub(trip.half()))
    }

    fn store_batch(&mut self, stored_at: SimTime, ground: &mut Ground) {
        ground.accounts.commits += 1;
        let late = self.commits_late(ground.scenario);
        // commitSync() commits positions of what is owned (`SubscriptionState#allConsumed`).
        for (partition, offset) in self.batch.finished_offsets() {
            let slot = self.fetcher.slot(partition);
            if !late && slot.is_none_or(|slot| slot.position < offset) {
                continue;
            }
            self.pending.push_back(PendingCommit {
                stored_at,
                partition,
                offset,
            });
        }
        if std::mem::take(&mut self.link.owes_commit) {
            let runs = &self.batch.runs;
            let other = |slot: &&Slot| runs.iter().all(|run| run.partition != slot.partition);
            for slot in self.fetcher.slots().iter().filter(other) {
                self.pending.push_back(PendingCommit {
                    stored_at,
                    partition: slot.partition,
                    offset: slot.position,
                });
            }
        }
    }

    /// The application commits what it has finished of the batch in hand, before it is taken from it; returns when the
    /// answer is back.
    pub fn commit_finished(&mut self, at: SimTime, ground: &mut Ground) -> SimTime {
        let current = self.batch.generation == self.link.generation && self.link.void.is_none();
        if self.app != App::Processing || !current {
            return at;
        }
        self.account_until(at, ground.scenario, ground.topic);
        if self.batch.finished_offsets().next().is_none() {
            return at;
        }
        let (stored_at, answered) = self.write(at, ground.scenario);
        for (partition, offset) in self.batch.finished_offsets() {
            self.pending.push_back(PendingCommit {
                stored_at,
                partition,
                offset,
            });
        }
        ground.accounts.commits += 1;
        answered
    }

    /// The application commits its positions in partitions that a rebalance takes from it, as it learns of that.
    pub fn commit_taken(&mut self, at: SimTime, taken: &[PartitionId], ground: &mut Ground) {
        let (stored_at, _) = self.write(at, ground.scenario);
        let before = self.pending.len();
        for slot in self.fetcher.slots() {
            let committed = ground.topic.partitions[slot.partition.ix()].committed;
            if taken.contains(&slot.partition) && committed != Some(slot.position) {
                self.pending.push_back(PendingCommit {
                    stored_at,
                    partition: slot.partition,
                    offset: slot.position,
                });
            }
        }
        ground.accounts.commits += u64::from(self.pending.len() > before);
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

    /// A poll that waits commits whenever the interval is over. A commit of nothing new changes nothing but when the next
    /// is due, so it is no step of its own (`ConsumerCoordinator#maybeAutoCommitOffsetsAsync`).
    pub fn catch_up_auto_commit(&mut self, at: SimTime, interval: SimDuration) {
        if std::mem::take(&mut self.nothing_to_commit) && at > self.auto_commit_due {
            let late = at.since(self.auto_commit_due).as_nanos();
            self.auto_commit_due += interval * late.div_ceil(interval.as_nanos().max(1));
        }
    }

    /// Commits the positions: everything that polls have returned.
    pub fn auto_commit(&mut self, at: SimTime, ground: &mut Ground) {
        if let Some(ends) = self.commit_waits(at, ground) {
            self.auto_commit_due = ends;
            return;
        }
        let settings = self.settings_of(ground.scenario);
        let timer = settings.client.auto_commit_from != AutoCommitFrom::Poll;
        let interval = self.auto_commit_interval(ground.scenario);
        // A timer keeps its beat; poll() starts the interval anew.
        self.auto_commit_due = if timer {
            self.auto_commit_due + interval
        } else {
            at + interval
        };
        self.commit_positions(at, ground);
    }

    /// When the record in hand is finished, if it keeps the timer from committing: whoever sends no heartbeats during a
    /// record runs no timer either.
    fn commit_waits(&mut self, at: SimTime, ground: &mut Ground) -> Option<SimTime> {
        let settings = self.settings;
        let client = &ground.scenario.settings[settings].client;
        let waits = client.heartbeats == Heartbeats::BetweenRecords
            && self.app == App::Processing
            && at > self.batch.polled_at;
        if !waits || std::mem::take(&mut self.timer_waits) {
            return None;
        }
        let mut shop = Workshop {
            scenario: ground.scenario,
            settings,
            topic: ground.topic,
        };
        let (begun, ends) = self.batch.record_at(at, &mut shop);
        self.timer_waits = begun < at && at < ends;
        self.timer_waits.then_some(ends)
    }

    /// Sends the positions of all partitions; returns when the answer is back.
    pub fn commit_positions(&mut self, at: SimTime, ground: &mut Ground) -> SimTime {
        let in_hand = self.commits_less(ground.scenario);
        if !in_hand {
            // Of a batch in hand the positions say that it is done.
            self.batch.committed |=
                self.batch.generation == self.link.generation && self.link.counts();
        }
        if !self.uncommitted(ground.topic, in_hand) {
            return at;
        }
        if self.link.void.is_some() {
            self.commit_refused(self.link.void, at, ground);
            return at + ground.scenario.cluster.round_trip;
        }
        let (stored_at, answered) = self.write(at, ground.scenario);
        ground.accounts.commits += 1;
        for slot in self.fetcher.slots() {
            let (partition, offset) = (slot.partition, self.committable(slot, in_hand));
            self.pending.push_back(PendingCommit {
                stored_at,
                partition,
                offset,
            });
        }
        answered
    }

    /// Whether the batch in hand is no part of what its client commits.
    pub fn commits_less(&self, scenario: &Scenario) -> bool {
        let client = &self.settings_of(scenario).client;
        client.auto_commit_from == AutoCommitFrom::TimerOfPreviousPolls && self.has_batch()
    }

    /// What a client commits of a partition: its position, or where the batch in hand begins.
    fn committable(&self, slot: &Slot, in_hand: bool) -> u64 {
        let runs = self.batch.runs.iter().filter(|_| in_hand);
        let own = runs.filter(|run| run.partition == slot.partition && run.to <= slot.position);
        own.map(|run| run.from).min().unwrap_or(slot.position)
    }

    pub fn uncommitted(&self, topic: &Topic, in_hand: bool) -> bool {
        let mut slots = self.fetcher.slots().iter();
        slots.any(|slot| {
            let committed = topic.partitions[slot.partition.ix()].committed;
            committed != Some(self.committable(slot, in_hand))
        })
    }

    /// The interval of auto-commit starts, as it does with each assignment.
    pub fn start_auto_commit(&mut self, at: SimTime, interval: SimDuration) {
        self.auto_commit_due = at + interval;
        self.nothing_to_commit = false;
    }

    /// What the coordinator has stored by `until` becomes the committed offset.
    pub fn store_commits(&mut self, until: SimTime, topic: &mut Topic) {
        while let Some(commit) = self.pending.front()
            && commit.stored_at <= until
        {
            topic.partitions[commit.partition.ix()].committed = Some(commit.offset);
            self.last_stored = commit.stored_at;
            self.pending.pop_front();
        }
    }
}
