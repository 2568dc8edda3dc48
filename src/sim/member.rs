//! A consumer process: its application thread (poll, process, commit, poll again) and its side of the membership.
//! Between two coupling instants it runs by itself, whenever somebody needs to know ([`Member::run`]).

mod accounts;
mod poison;

use std::collections::{BTreeSet, VecDeque};

use super::Fact;
use super::batch::{Batch, Workshop};
use super::caller::Caller;
use super::commit::{Acknowledged, PendingCommit};
use super::consumer::Remote;
use super::dependency::Asked;
use super::event::Event;
use super::latency::WriteLatency;
use super::limits::limits;
use super::link::{Hears, Link, Phase};
use super::topic::Topic;
use super::workers::Workers;
use crate::engine::Patience;
use crate::kafka::{AutoCommitFrom, Call, FetchLimits, Fetcher, Polled, Reset};
use crate::scenario::{CommitPolicy, Scenario, Settings};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

/// What the application thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum App {
    /// No process, or one that is not up yet.
    Down,
    /// In poll(): waiting for records or for the group.
    Polling,
    /// At work on its batch.
    Processing,
    /// In commitSync(), or asleep after it.
    Committing,
    /// Closing its consumer.
    Closing,
}

/// A consumer process.
#[derive(Debug)]
pub(super) struct Member {
    pub process: ProcessId,
    /// Counts the times it was started.
    pub incarnation: u32,
    /// When its consumer subscribed.
    pub started_at: SimTime,
    pub settings: usize,
    /// What bounds its fetches under them.
    pub limits: FetchLimits,
    /// Settings for its next start.
    pub next_settings: usize,
    pub app: App,
    /// When its application thread does something next.
    pub wake: SimTime,
    pub link: Link,
    /// Its membership if the group speaks the consumer protocol.
    pub remote: Option<Remote>,
    pub fetcher: Fetcher,
    pub batch: Batch,
    pub caller: Caller,
    /// The threads that work on what it polls, if it does not do so itself.
    pub workers: Option<Box<Workers>>,
    /// Stands still until then.
    pub frozen_until: Option<SimTime>,
    /// Since when it has stood still, if it does.
    pub frozen_since: SimTime,
    /// What came while it stood still: for the moment it goes on.
    pub deferred: Vec<Event>,
    /// Told to stop.
    pub stopping: bool,
    /// When its next process subscribes.
    pub starts: SimTime,
    /// It was to start while the process before it was still stopping: it does once that one is gone.
    pub starts_again: bool,
    /// Rolling restart it is part of.
    pub rollout: Option<usize>,
    /// Partitions that its process has fetched: of them it knows where the log starts.
    pub log_starts: BTreeSet<PartitionId>,
    /// When its poll() returns with less than it could.
    pub fills_until: SimTime,
    pub auto_commit_due: SimTime,
    /// The timer has waited for a record until then.
    pub timer_waits: bool,
    /// It waits in a poll() that commits meanwhile.
    pub waits_in_poll: bool,
    pub pending: VecDeque<PendingCommit>,
    /// How long its commits take to be stored.
    pub writes: WriteLatency,
    pub acknowledged: Acknowledged,
    /// When the coordinator last stored a commit of it: that renews its session.
    pub last_stored: SimTime,
    /// Poison records that it has come to and has not got past.
    pub blocked: Vec<(PartitionId, u64)>,
}

/// What a running member may touch.
pub(super) struct Ground<'a> {
    /// The group has no member.
    pub nobody: bool,
    pub scenario: &'a Scenario,
    pub topic: &'a mut Topic,
    pub accounts: &'a mut Accounts,
    pub facts: &'a mut Vec<(SimTime, Fact)>,
    /// What members ask of a shared dependency is noted, since they run ahead of it.
    pub asked: Option<&'a mut Vec<Asked>>,
}

/// Counts over all members.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub polls: u64,
    pub commits: u64,
    pub commits_failed: u64,
    pub crashes: u64,
}

impl Member {
    pub fn new(process: ProcessId, scenario: &Scenario, replication: u32) -> Self {
        let name = &scenario.group.processes[process.ix()].name;
        // A retry topic has a consumer of its own in the same process.
        let consumer = match &scenario.stage {
            Some(_) => &format!("{name}-{}", scenario.topic.name),
            None => name,
        };
        Member {
            process,
            incarnation: 0,
            started_at: SimTime::ZERO,
            settings: 0,
            limits: limits(scenario, &scenario.settings[0]),
            next_settings: 0,
            app: App::Down,
            wake: SimTime::NEVER,
            link: Link::default(),
            remote: None,
            fetcher: Fetcher::default(),
            batch: Batch::default(),
            caller: Caller::default(),
            workers: None,
            frozen_until: None,
            frozen_since: SimTime::ZERO,
            deferred: Vec::new(),
            stopping: false,
            starts: SimTime::NEVER,
            starts_again: false,
            rollout: None,
            log_starts: BTreeSet::new(),
            fills_until: SimTime::ZERO,
            auto_commit_due: SimTime::NEVER,
            timer_waits: false,
            waits_in_poll: false,
            pending: VecDeque::new(),
            writes: WriteLatency::new(scenario, replication, consumer),
            acknowledged: Acknowledged::default(),
            last_stored: SimTime::ZERO,
            blocked: Vec::new(),
        }
    }

    /// Whether its next step may touch others, and so belongs on the agenda.
    #[inline]
    pub fn attended(&self) -> bool {
        self.batch.crashes || self.leaves_or_rejoins()
    }

    /// Whether it is not a member that goes on as one.
    #[inline]
    pub fn leaves_or_rejoins(&self) -> bool {
        self.stopping || self.link.rejoin || self.is_apart()
    }

    /// Whether it is no member of its group, as far as it knows, or is about to find that out.
    #[inline]
    pub fn is_apart(&self) -> bool {
        self.link.phase != Phase::Stable
            || self.link.hears != Hears::Nothing
            || self.app == App::Closing
    }

    /// Whether it has not called poll() since the one that returned its batch.
    pub fn has_batch(&self) -> bool {
        matches!(self.app, App::Processing | App::Committing)
    }

    /// Whether it has partitions, or would if there were enough: a cooperative one while it joins too.
    pub fn reads(&self) -> bool {
        self.link.phase == Phase::Stable || !self.fetcher.slots().is_empty()
    }

    pub fn settings_of<'s>(&self, scenario: &'s Scenario) -> &'s Settings {
        &scenario.settings[self.settings]
    }

    /// When it does something next by itself, with the commits of a background timer if it has one
    /// ([`Self::timer_commits`]) and they are steps of its own.
    #[inline]
    pub fn next_step_with(&self, timer: bool) -> SimTime {
        if timer && !self.batch.crashes {
            self.wake.min(self.auto_commit_due)
        } else {
            self.wake
        }
    }

    /// Runs it up to and including `until`, unless its next step belongs on the agenda.
    pub fn run(&mut self, until: SimTime, ground: &mut Ground) {
        if !self.attended() {
            // Its own steps leave its membership as it is, so this holds for all of them.
            let timer = self.timer_commits(ground.scenario);
            let mut patience = Patience::default();
            loop {
                let at = self.next_step_with(timer);
                if at > until || at == SimTime::NEVER {
                    break;
                }
                patience.step(at);
                if self.app == App::Processing || !self.leap(until, ground) {
                    self.step(at, ground);
                }
            }
        }
        self.settle(until, ground);
    }

    /// What goes on beside its steps, the last of which was taken, is brought to `until`.
    pub fn settle(&mut self, until: SimTime, ground: &mut Ground) {
        self.run_workers(until, ground);
        self.commit_waiting(until, ground);
        self.commit_before_exit(until, ground);
        self.store_commits(until, ground.topic);
    }

    /// Its next step, which is at `at`: not for one that is attended.
    pub fn step(&mut self, at: SimTime, ground: &mut Ground) {
        debug_assert!(!self.attended(), "its next step belongs on the agenda");
        if at < self.wake {
            self.auto_commit(at, ground);
        } else if self.work(at, ground) {
            self.poll(at, ground);
        }
    }

    /// Ends what the application thread was at; true if it now calls poll().
    pub fn work(&mut self, at: SimTime, ground: &mut Ground) -> bool {
        match self.app {
            App::Processing => {
                self.finish(at, ground);
                self.app == App::Polling
            }
            App::Committing => {
                (self.app, self.wake) = (App::Polling, at);
                true
            }
            App::Polling => true,
            App::Down | App::Closing => false,
        }
    }

    /// One poll() of a member that is Stable.
    pub fn poll(&mut self, at: SimTime, ground: &mut Ground) {
        self.store_commits(at, ground.topic);
        let settings = self.settings_of(ground.scenario);
        self.commit_waiting(at, ground);
        self.waits_in_poll = false;
        if at >= self.auto_commit_due && self.commits_in_poll(ground.scenario) {
            self.auto_commit(at, ground);
        }
        if self.commits_idle(at, ground) || self.pauses(at, ground) {
            return;
        }
        self.batch.clear();
        let max = settings.properties.max_poll_records;
        self.calls_poll(at, ground.scenario);
        let call = Call {
            max,
            until: self.fills_until,
            one_partition: settings.client.returns_one_partition,
        };
        let polled = self.fill(at, call, ground);
        self.note_resets(at, ground);
        match polled {
            Polled::Wait(look) => self.wait_in_poll(at, look, ground),
            Polled::Records(_) => self.begin_batch(at, ground),
        }
    }

    /// A poll at `at` has found nothing, and looks again at `look`.
    pub fn wait_in_poll(&mut self, at: SimTime, look: SimTime, ground: &mut Ground) {
        self.app = App::Polling;
        self.wake = look.min(self.idle_commit_due(at, ground));
        self.wake = self.wake.min(self.looks_again());
        let client = &self.settings_of(ground.scenario).client;
        self.waits_in_poll = client.auto_commit_from == AutoCommitFrom::Poll;
    }

    /// Its application has records in hand and begins to work on them.
    pub fn begin_batch(&mut self, at: SimTime, ground: &mut Ground) {
        self.fills_until = SimTime::ZERO;
        self.acknowledged.polls_from = None;
        ground.accounts.polls += 1;
        if self.workers.is_some() {
            return self.hand_out(at, ground);
        }
        let (scenario, settings) = (ground.scenario, self.settings);
        let mut shop = Workshop {
            breaker: self.caller.watching(),
            ..Workshop::new(scenario, settings, ground.topic)
        };
        self.batch.refused = self.link.phase != Phase::Stable;
        self.batch.begin(at, self.link.generation, &mut shop);
        self.app = App::Processing;
        self.stand_before_open_breaker(at, ground);
        self.wake = self.batch.ends_at();
        self.ask_for_calls(at, ground);
        self.meet_poison(at, ground.topic, ground.facts);
    }

    /// The calls of what has been planned are asked for.
    pub(super) fn ask_for_calls(&mut self, at: SimTime, ground: &mut Ground) {
        if self.batch.calls > 0 {
            self.batch.paced |= ground.asked.is_some();
            ground.asks(at, self.process, self.batch.demand);
        }
    }

    /// Positions that the log does not hold any more went where auto.offset.reset says: what lay between is lost.
    #[inline]
    fn note_resets(&mut self, at: SimTime, ground: &mut Ground) {
        let process = self.process;
        for reset in self.fetcher.resets() {
            self.skip(reset);
            let Reset {
                partition,
                from,
                to,
            } = reset;
            let reset = Fact::OffsetReset {
                process,
                partition,
                from,
                to,
            };
            ground.facts.push((at, reset));
            for lost in ground.topic.lose_to_retention(partition, from, to) {
                ground.facts.push((at, Fact::records_lost(partition, lost)));
            }
        }
    }

    /// The batch is through: accounts, seeks back to poison, commits.
    fn finish(&mut self, at: SimTime, ground: &mut Ground) {
        if let Some(record) = self.batch.starts_anew() {
            return self.start_anew(record, at, ground);
        }
        if self.turns_breaker(at, ground) {
            return;
        }
        let (scenario, settings) = (ground.scenario, self.settings);
        let mut shop = Workshop::new(scenario, settings, ground.topic);
        self.batch.account_all(at, &mut shop);
        if self.batch.calls > 0 {
            ground.asks(at, self.process, 0.0);
        }
        self.meet_poison(at, ground.topic, ground.facts);
        self.calls_over(at, ground);
        let current = self.batch.generation == self.link.generation && self.reads();
        let sleeps = self.leave_poison(at, current);
        self.leave_rest(at, current, ground.topic);
        let unjoined = self.link.phase == Phase::Unjoined;
        if unjoined && !(ground.nobody && self.commits_late(scenario)) {
            self.worked_in_vain(ground);
        }
        (self.app, self.wake) = (App::Polling, at);
        match self.batch.policy(scenario) {
            CommitPolicy::Auto => {}
            CommitPolicy::AfterBatch | CommitPolicy::PerRecord => self.commit_sync(at, ground),
            CommitPolicy::Async => {
                if self.may_commit(at, ground).is_ok() {
                    let _ = self.send_batch_commit(at, ground);
                }
            }
            CommitPolicy::Every { records, time } => {
                self.acknowledged.records += self.batch.acknowledged();
                let due = self.acknowledged.due(at, records, time);
                if due {
                    match self.may_commit(at, ground) {
                        Ok(()) => self.commit_done_sync(at, ground),
                        Err(answered) => self.await_commit(at, answered),
                    }
                }
            }
        }
        self.poll_after(sleeps, self.wake);
    }

    /// Its thread sleeps so long from then on before it polls again.
    pub fn poll_after(&mut self, sleeps: SimDuration, from: SimTime) {
        if !sleeps.is_zero() {
            (self.app, self.wake) = (App::Committing, from + sleeps);
        }
    }

    /// Its application calls poll(), whatever its group is at: from then on its polls come to an end one after another.
    pub fn calls_poll(&mut self, at: SimTime, scenario: &Scenario) {
        let client = &self.settings_of(scenario).client;
        self.fills_until = client.fills_until(self.fills_until, at);
    }

    /// Stands still from `now` until `thaws`: what is under way goes on with what is left of it.
    pub fn freeze(&mut self, now: SimTime, thaws: SimTime) {
        self.frozen_until = Some(thaws);
        if self.app == App::Processing && self.batch.stands().is_some() {
            self.wake = self.wake.max(thaws); // What it waits for does not wait for it.
        } else if self.app == App::Processing {
            self.batch.advance(now);
            self.batch.change_speed(thaws);
            self.wake = self.batch.ends_at();
        } else if self.app == App::Polling && self.reads() {
            // The wait in poll() ends with the freeze: only then another fetch can be sent.
            self.fetcher.stand_still(now, &self.limits);
            self.wake = thaws;
        } else {
            self.wake = self.wake.max(thaws);
        }
        self.auto_commit_due = self.auto_commit_due.max(thaws);
        if let Some(workers) = &mut self.workers {
            workers.stand_still(thaws);
        }
    }

    /// Runs with these settings from now on.
    pub fn take_up(&mut self, settings: usize, scenario: &Scenario) {
        self.settings = settings;
        self.limits = limits(scenario, &scenario.settings[settings]);
        if let Some(workers) = &mut self.workers {
            workers.take_up(&scenario.settings[settings].processing);
        }
    }

    /// Takes up other settings; a batch in hand ends as it was planned. A wait in poll() is begun anew, and so is the
    /// interval of an auto-commit that was not due by these settings.
    pub fn adopt(&mut self, settings: usize, now: SimTime, scenario: &Scenario) {
        let before = self.settings_of(scenario);
        let (policy, interval) = (
            before.processing.commit,
            self.auto_commit_interval(scenario),
        );
        self.take_up(settings, scenario);
        if policy != CommitPolicy::Auto || interval != self.auto_commit_interval(scenario) {
            self.start_auto_commit(now, self.auto_commit_interval(scenario));
        }
        if self.app == App::Polling
            && self.link.phase == Phase::Stable
            && self.frozen_until.is_none()
        {
            self.wake = now;
        }
    }
}
