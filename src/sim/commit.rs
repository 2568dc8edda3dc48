//! How a member commits: which offsets go out when, and when the coordinator has stored them.

use std::collections::VecDeque;

use super::Fact;
use super::batch::Workshop;
use super::link::{Hears, Phase};
use super::member::{App, Ground, Member};
use super::topic::Topic;
use crate::kafka::parallel::Completed;
use crate::kafka::{AutoCommitFrom, Fetcher, Heartbeats, KafkaError, LateCommit, Slot};
use crate::scenario::{CommitPolicy, Scenario};
use crate::units::{PartitionId, SimDuration, SimTime};

/// A commit that the coordinator has not stored yet.
#[derive(Clone, Debug)]
pub(super) struct PendingCommit {
    pub stored_at: SimTime,
    pub partition: PartitionId,
    pub offset: u64,
    /// What its metadata says is done beyond the offset.
    pub completed: Completed,
}

impl PendingCommit {
    /// Without metadata.
    pub fn new(stored_at: SimTime, partition: PartitionId, offset: u64) -> Self {
        PendingCommit {
            stored_at,
            partition,
            offset,
            completed: Completed::new(),
        }
    }
}

/// What an application has done since its last commit, if it commits every so often.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Acknowledged {
    /// Records.
    pub records: u64,
    /// The last commit, or the start of the process.
    since: SimTime,
    /// When the application called the first poll() of those that have found nothing.
    pub polls_from: Option<SimTime>,
}

impl Acknowledged {
    /// Nothing, as of `now`.
    pub fn nothing(now: SimTime) -> Self {
        Acknowledged {
            since: now,
            ..Acknowledged::default()
        }
    }

    /// Whether a commit is due at `now` (`ListenerConsumer#processCommits`).
    pub fn due(&self, now: SimTime, records: u64, time: SimDuration) -> bool {
        self.records >= records || (self.records > 0 && now.since(self.since) > time)
    }
}

/// No interval of a client is shorter: one of zero, which Kafka accepts, would let no time pass.
pub(super) const SHORTEST: SimDuration = SimDuration::from_millis(1);

impl Member {
    /// auto.commit.interval.ms as it acts.
    pub fn auto_commit_interval(&self, scenario: &Scenario) -> SimDuration {
        let settings = self.settings_of(scenario);
        settings.properties.auto_commit_interval.max(SHORTEST)
    }

    /// Whether a background timer commits for it, as steps of its own.
    pub fn timer_commits(&self, scenario: &Scenario) -> bool {
        !self.leaves_or_rejoins() && self.timer_goes_on(scenario)
    }

    /// Whether a background timer commits for it: also while its application has yet to hear that it is to stop, or to rejoin.
    fn timer_goes_on(&self, scenario: &Scenario) -> bool {
        let settings = self.settings_of(scenario);
        !self.is_apart()
            && settings.processing.commit == CommitPolicy::Auto
            && settings.client.auto_commit_from != AutoCommitFrom::Poll
    }

    /// Whether the answer to a commit can tell it that it is no member any more. One of a pool of threads, or of a timer, is
    /// no step of the application: there a heartbeat has to.
    pub fn hears_by_commit(&self, scenario: &Scenario) -> bool {
        let settings = self.settings_of(scenario);
        let client = &settings.client;
        let steps = settings.processing.commit != CommitPolicy::Auto
            || client.auto_commit_from == AutoCommitFrom::Poll;
        client.refused_commit_rejoins && steps && self.workers.is_none()
    }

    /// When a poll() that finds nothing looks again because of what it may hear: as a commit of its own is answered, or due.
    pub fn hears_next(&self, scenario: &Scenario) -> SimTime {
        match self.link.hears {
            Hears::At(answered) => answered,
            Hears::ByCommit if self.hears_by_commit(scenario) && self.commits_in_poll(scenario) => {
                self.auto_commit_due
            }
            Hears::ByCommit | Hears::Nothing => SimTime::NEVER,
        }
    }

    /// Whether its poll() commits whenever the interval is over: not while it joins (`ConsumerCoordinator#poll`).
    pub fn commits_in_poll(&self, scenario: &Scenario) -> bool {
        let joins = self.link.rejoin || self.link.phase != Phase::Stable;
        let auto = self.settings_of(scenario).processing.commit == CommitPolicy::Auto;
        auto && !joins && self.workers.is_none()
    }

    /// Whether a commit of this batch succeeds; if not, when the application sees CommitFailedException, or
    /// RebalanceInProgressException if it may go on: at once, or with the coordinator's answer.
    #[inline]
    pub fn may_commit(&mut self, at: SimTime, ground: &mut Ground) -> Result<(), SimTime> {
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
            return Err(at);
        }
        self.judged(self.link.void, at, ground)
    }

    /// What the coordinator makes of a commit sent at `at`.
    #[inline]
    fn judged(
        &mut self,
        error: Option<KafkaError>,
        at: SimTime,
        ground: &mut Ground,
    ) -> Result<(), SimTime> {
        if error.is_none() {
            return Ok(());
        }
        self.commit_refused(error, at, ground);
        let answered = at + ground.scenario.cluster.round_trip;
        if self.link.hears == Hears::ByCommit {
            self.link.hears = Hears::At(answered);
        }
        Err(answered)
    }

    /// Whether a commit of the batch in hand goes out although the member has left, or has rejoined since it polled.
    #[inline]
    pub fn commits_late(&self, scenario: &Scenario) -> bool {
        let moved = self.batch.generation != self.link.generation
            || !matches!(self.link.phase, Phase::Stable | Phase::Fetching);
        moved && self.settings_of(scenario).client.late_commit == LateCommit::Sent
    }

    /// It goes out under whatever membership there is by now, and the coordinator decides (`ClassicGroup#validateOffsetCommit`).
    fn sends_late(&mut self, at: SimTime, ground: &mut Ground) -> Result<(), SimTime> {
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
                return Err(at);
            }
        };
        self.judged(error, at, ground)
    }

    /// A commit of the batch came to nothing.
    pub fn commit_refused(&mut self, error: Option<KafkaError>, at: SimTime, ground: &mut Ground) {
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
        if self.commits_each(ground.scenario) {
            return self.end_each(at, ground);
        }
        match self.may_commit(at, ground) {
            Err(answered) => self.await_commit(at, answered),
            Ok(()) => (self.app, self.wake) = (App::Committing, self.send_batch_commit(at, ground)),
        }
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
        (stored_at, stored_at + scenario.cluster.way_back())
    }

    pub fn store_batch(&mut self, stored_at: SimTime, ground: &mut Ground) {
        ground.accounts.commits += 1;
        let late = self.commits_late(ground.scenario);
        // commitSync() commits positions of what is owned (`SubscriptionState#allConsumed`).
        for (partition, offset) in self.batch.finished_offsets() {
            let slot = self.fetcher.slot(partition);
            if late || slot.is_some_and(|slot| slot.position >= offset) {
                let commit = PendingCommit::new(stored_at, partition, offset);
                put_under_way(commit, &mut self.fetcher, &mut self.pending);
            }
        }
        if std::mem::take(&mut self.link.owes_commit) {
            let runs = &self.batch.runs;
            let other = |slot: &&Slot| runs.iter().all(|run| run.partition != slot.partition);
            let others = self.fetcher.slots().iter().filter(other);
            let commit = |slot: &Slot| PendingCommit::new(stored_at, slot.partition, slot.position);
            for commit in others.map(commit).collect::<Vec<_>>() {
                put_under_way(commit, &mut self.fetcher, &mut self.pending);
            }
        }
    }

    /// A poll() that waits commits whenever the interval is over, which is no step of its own: nothing follows from it but
    /// what the coordinator stores (`ConsumerCoordinator#maybeAutoCommitOffsetsAsync`).
    #[inline]
    pub fn commit_waiting(&mut self, until: SimTime, ground: &mut Ground) {
        let waits = self.waits_in_poll && self.app == App::Polling;
        while waits && self.auto_commit_due <= until && self.commits_in_poll(ground.scenario) {
            let due = self.auto_commit_due;
            self.auto_commit(due, ground);
            self.store_commits(due, ground.topic);
        }
    }

    /// A background timer goes on committing during a batch at whose end the process exits, closes its consumer or rejoins,
    /// which is a step of the agenda's.
    pub fn commit_before_exit(&mut self, until: SimTime, ground: &mut Ground) {
        let exits = self.batch.crashes || self.attended() && self.has_batch();
        let exits = exits && self.timer_goes_on(ground.scenario);
        while exits && self.auto_commit_due <= until && self.auto_commit_due < self.wake {
            let due = self.auto_commit_due;
            self.auto_commit(due, ground);
            self.store_commits(due, ground.topic);
        }
    }

    /// Commits the positions: everything that polls have returned.
    pub fn auto_commit(&mut self, at: SimTime, ground: &mut Ground) {
        if self.workers.is_some() {
            return self.commit_in_time(at, ground);
        }
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
        self.commit_positions(at, None, ground);
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
        let mut shop = Workshop::new(ground.scenario, settings, ground.topic);
        let (begun, ends) = self.batch.record_at(at, &mut shop);
        self.timer_waits = begun < at && at < ends;
        self.timer_waits.then_some(ends)
    }

    /// When an application that finds nothing to read looks whether a commit is due, and one is: as a poll() returns.
    pub fn idle_commit_due(&mut self, at: SimTime, ground: &Ground) -> SimTime {
        let settings = self.settings_of(ground.scenario);
        let timeout = settings.client.poll_timeout;
        let CommitPolicy::Every { time, .. } = settings.processing.commit else {
            return SimTime::NEVER;
        };
        let from = *self.acknowledged.polls_from.get_or_insert(at);
        if self.acknowledged.records == 0 || self.attended() {
            return SimTime::NEVER;
        }
        let due = (self.acknowledged.since + time).max(at) + SimDuration::from_nanos(1);
        let calls = due.since(from).as_nanos().div_ceil(timeout.as_nanos());
        from + timeout * calls
    }

    /// A poll() has returned nothing, and a commit is due by its time: the application commits.
    pub fn commits_idle(&mut self, at: SimTime, ground: &mut Ground) -> bool {
        let settings = self.settings_of(ground.scenario);
        let timeout = settings.client.poll_timeout;
        let CommitPolicy::Every { records, time } = settings.processing.commit else {
            return false;
        };
        let Some(from) = self.acknowledged.polls_from else {
            return false;
        };
        let returns = at > from && at.since(from).as_nanos().is_multiple_of(timeout.as_nanos());
        if returns && !self.attended() && self.acknowledged.due(at, records, time) {
            self.commit_done_sync(at, ground);
        }
        self.app == App::Committing
    }

    /// commitSync() of everything that the application is done with.
    pub fn commit_done_sync(&mut self, at: SimTime, ground: &mut Ground) {
        let answered = self.commit_done(at, None, ground);
        self.await_commit(at, answered);
    }

    /// The application is in commitSync() until it is `answered`.
    pub fn await_commit(&mut self, at: SimTime, answered: SimTime) {
        if answered > at {
            (self.app, self.wake) = (App::Committing, answered);
        }
    }

    /// Commits how far the application is done with `partitions`, or all; returns when the answer is back.
    pub fn commit_done(
        &mut self,
        at: SimTime,
        partitions: Option<&[PartitionId]>,
        ground: &mut Ground,
    ) -> SimTime {
        if partitions.is_none() {
            self.acknowledged = Acknowledged::nothing(at);
        }
        self.account_until(at, ground.scenario, ground.topic);
        let asked = |slot: &&Slot| partitions.is_none_or(|some| some.contains(&slot.partition));
        let slots = self.fetcher.slots().iter().filter(asked);
        let done = slots.map(|slot| (slot, self.done_to(slot)));
        let news = done.filter(|(slot, offset)| slot.committed != *offset);
        let commits = news.map(|(slot, offset)| PendingCommit::new(at, slot.partition, offset));
        let commits = commits.collect();
        self.send_commits(at, commits, ground)
    }

    /// Up to where the application is done with a partition: what it has in hand, or keeps for later, it is not.
    fn done_to(&self, slot: &Slot) -> u64 {
        let own = self.batch.runs_of(slot.partition, slot.position);
        let unfinished = own.map(|run| (self.batch.unfinished(run), run.to));
        let unfinished = unfinished.filter(|(done, to)| done < to);
        let first = unfinished.map(|(done, _)| done).min();
        let kept = self.caller.first_kept_of(slot.partition);
        first.into_iter().chain(kept).min().unwrap_or(slot.position)
    }

    /// Sends these commits; returns when the answer is back, which is at once if there are none.
    pub fn send_commits(
        &mut self,
        at: SimTime,
        commits: Vec<PendingCommit>,
        ground: &mut Ground,
    ) -> SimTime {
        if commits.is_empty() {
            return at;
        }
        if let Err(answered) = self.judged(self.link.void, at, ground) {
            return answered;
        }
        let (stored_at, answered) = self.write(at, ground.scenario);
        ground.accounts.commits += 1;
        for commit in commits {
            let commit = PendingCommit {
                stored_at,
                ..commit
            };
            put_under_way(commit, &mut self.fetcher, &mut self.pending);
        }
        answered
    }

    /// Sends the positions of `partitions`, or all; returns when the answer is back.
    pub fn commit_positions(
        &mut self,
        at: SimTime,
        partitions: Option<&[PartitionId]>,
        ground: &mut Ground,
    ) -> SimTime {
        if self.workers.is_some() {
            return self.commit_completed(at, partitions, ground);
        }
        let in_hand = self.commits_less(ground.scenario);
        let from = self.settings_of(ground.scenario).client.auto_commit_from;
        let asked = |slot: &&Slot| partitions.is_none_or(|some| some.contains(&slot.partition));
        let slots = self.fetcher.slots().iter().filter(asked);
        let offsets = slots.map(|slot| (slot, self.committable(slot, in_hand)));
        let sent = offsets.filter(|(slot, offset)| from.repeats() || slot.committed != *offset);
        let commits = sent.map(|(slot, offset)| PendingCommit::new(at, slot.partition, offset));
        let commits = commits.collect();
        self.send_commits(at, commits, ground)
    }

    /// Whether the batch in hand is no part of what its client commits. One that was kept is: polls have come after it.
    pub fn commits_less(&self, scenario: &Scenario) -> bool {
        let client = &self.settings_of(scenario).client;
        let last = self.has_batch() && !self.caller.hands_out_kept;
        last && client.auto_commit_from == AutoCommitFrom::TimerOfPreviousPolls
    }

    /// What a client commits of a partition: its position, or where the batch in hand begins.
    fn committable(&self, slot: &Slot, in_hand: bool) -> u64 {
        let own = self.batch.runs_of(slot.partition, slot.position);
        let own = own.filter(|_| in_hand).map(|run| run.from);
        own.min().unwrap_or(slot.position)
    }

    /// The interval of auto-commit starts, as it does with each assignment; that of a pool counts from its last commit.
    pub fn start_auto_commit(&mut self, at: SimTime, interval: SimDuration) {
        self.auto_commit_due = match self.workers {
            Some(_) => at,
            None => at + interval,
        };
        self.waits_in_poll = false;
    }

    /// What the coordinator has stored by `until` becomes the committed offset.
    #[inline]
    pub fn store_commits(&mut self, until: SimTime, topic: &mut Topic) {
        while (self.pending.front()).is_some_and(|commit| commit.stored_at <= until) {
            let Some(commit) = self.pending.pop_front() else {
                return;
            };
            self.last_stored = commit.stored_at;
            topic.store(commit);
        }
    }
}

/// One that the coordinator will take: the client may think of its offset as committed.
pub(super) fn put_under_way(
    commit: PendingCommit,
    fetcher: &mut Fetcher,
    pending: &mut VecDeque<PendingCommit>,
) {
    fetcher.committed(commit.partition, commit.offset);
    pending.push_back(commit);
}
