//! A member whose client hands the records of its polls to a pool of threads: when its poll loop pauses, what its commits
//! say, and what its threads come to. Not which thread takes what: that is the pool's affair.
//!
//! A record is a step here, where it is none in a poll loop that works on whole batches: which is done when decides what
//! may be committed. The cost of a run grows with its records, by the logarithm of the threads each.

mod commits;

use std::collections::BTreeSet;

use super::commit::SHORTEST;
use super::giving_up::last_attempts;
use super::link::Phase;
use super::member::{App, Ground, Member};
use super::topic::Topic;
use super::world::World;
use super::{Fact, Fate};
use crate::kafka::parallel::{FULL_SPEED, Handler, Outcome, Pool};
use crate::kafka::{Reset, Slot};
use crate::scenario::{GiveUp, OnError, OnStop, PoisonRecords, Processing, RetryBy, Scenario};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

/// Records per thread that are enough: 2, and one step up as soon as one may be taken, since an executor in which a record
/// waits for each thread counts as low (`DynamicLoadFactor`, `AbstractParallelEoSStreamProcessor#checkPipelinePressure`).
const LOAD_FACTOR: u32 = 3;
/// From one pause of the poll loop to the next (`BrokerPollSystem`: pauseLimiter).
const BETWEEN_PAUSES: SimDuration = SimDuration::from_secs(1);
/// How long a poll() lasts that finds nothing (`BrokerPollSystem`: longPollTimeout).
const LONG_POLL: SimDuration = SimDuration::from_secs(2);
/// How long a client that closes waits for its threads (`ParallelConsumerOptions`: shutdownTimeout).
const SHUTDOWN: SimDuration = SimDuration::from_secs(10);
/// The same, if they finish what is queued (`ParallelConsumerOptions`: drainTimeout).
const DRAIN: SimDuration = SimDuration::from_secs(30);

/// The threads of a process, and what its poll loop knows of them.
#[derive(Debug)]
pub(super) struct Workers {
    pool: Pool,
    /// Whether its records call a dependency.
    calls: bool,
    /// Poison records that were met.
    met: BTreeSet<(PartitionId, u64)>,
    /// The poll loop leaves records where they are.
    paused: bool,
    /// It does not do so before.
    pauses_from: SimTime,
    /// The poll() under way returns by then.
    returns_by: SimTime,
    /// The client closes, and waits for its threads until then.
    closes_by: Option<SimTime>,
    /// When it last looked for something to commit because it was to.
    committed_at: Option<SimTime>,
    /// When it last went on after it had stood still.
    stood_until: SimTime,
}

impl Workers {
    /// Those of a process that starts, if its client has any.
    pub fn start(now: SimTime, processing: &Processing) -> Option<Box<Self>> {
        let order = processing.order?;
        Some(Box::new(Workers {
            pool: Pool::new(now, processing.concurrency, LOAD_FACTOR, order),
            calls: processing.makes_calls(),
            met: BTreeSet::new(),
            paused: false,
            pauses_from: SimTime::ZERO,
            returns_by: SimTime::ZERO,
            closes_by: None,
            committed_at: None,
            stood_until: SimTime::ZERO,
        }))
    }

    /// Other settings were taken up. A client that has a pool keeps it until it is started again.
    pub fn take_up(&mut self, processing: &Processing) {
        if let Some(order) = processing.order {
            self.pool.resize(processing.concurrency, LOAD_FACTOR, order);
            self.calls = processing.makes_calls();
        }
    }

    /// Threads that call a dependency.
    pub fn callers(&self) -> u32 {
        if self.calls { self.pool.busy() } else { 0 }
    }

    /// Nothing is worked on until `thaws`.
    pub fn stand_still(&mut self, thaws: SimTime) {
        self.pool.stand_still(thaws);
        self.stood_until = thaws;
    }

    /// Records of a partition that were polled and are not done.
    pub fn in_hand(&self, slot: &Slot) -> u64 {
        self.pool.in_hand(slot.partition, slot.position)
    }

    /// Whether a record that has failed is what keeps a partition's commits.
    pub fn is_stuck(&self, partition: PartitionId) -> bool {
        self.pool.is_stuck(partition)
    }
}

/// What the application does with a record.
struct Application<'a> {
    process: ProcessId,
    scenario: &'a Scenario,
    settings: usize,
    topic: &'a mut Topic,
    facts: &'a mut Vec<(SimTime, Fact)>,
    met: &'a mut BTreeSet<(PartitionId, u64)>,
}

impl Application<'_> {
    fn named(&mut self, partition: PartitionId, offset: u64) -> bool {
        let poison = self.topic.poison_in(partition, offset, offset + 1);
        poison.is_some_and(|(_, entry)| {
            matches!(self.scenario.poison[entry].which, PoisonRecords::At { .. })
        })
    }

    /// A record has failed: worth a line the first time if it is known by its offset, or keeps its partition for ever.
    fn meet(&mut self, at: SimTime, partition: PartitionId, offset: u64, stuck: bool) {
        if !self.met.insert((partition, offset)) {
            return;
        }
        if stuck {
            let stuck_at = &mut self.topic.partitions[partition.ix()].stuck_at;
            *stuck_at = Some(stuck_at.map_or(offset, |known| known.min(offset)));
        }
        if stuck || self.named(partition, offset) {
            let process = Some(self.process);
            let fact = Fact::PoisonMet {
                process,
                partition,
                offset,
            };
            self.facts.push((at, fact));
        }
    }
}

impl Handler for Application<'_> {
    fn attempt(
        &mut self,
        at: SimTime,
        partition: PartitionId,
        offset: u64,
        failed: u32,
    ) -> (SimDuration, Outcome) {
        let own = self
            .topic
            .work(partition, offset, offset + 1, self.settings);
        let Some((_, entry)) = self.topic.poison_in(partition, offset, offset + 1) else {
            return (own, Outcome::Done);
        };
        let attempt = self.scenario.poison[entry].attempt.unwrap_or(own);
        let on_error = &self.scenario.settings[self.settings].on_error[entry];
        if let Some((length, attempts, then)) = last_attempts(on_error, attempt, failed) {
            let dead_lettered = matches!(then, GiveUp::DeadLetter(_));
            let outcome = Outcome::GivenUp {
                dead_lettered,
                attempts,
            };
            return (length + then.takes(), outcome);
        }
        let back_off = match on_error {
            OnError::RetryForever(RetryBy::Seek { back_off }) => *back_off,
            OnError::Retry { back_off, .. } => back_off.after(failed + 1),
            OnError::RetryForever(RetryBy::InPlace) => {
                self.meet(at, partition, offset, true);
                return (SimDuration::FOREVER, Outcome::Done);
            }
        };
        (attempt, Outcome::Failed { back_off })
    }

    fn key(&mut self, partition: PartitionId, offset: u64) -> Option<u32> {
        self.topic.key_of(partition, offset)
    }

    fn ended(
        &mut self,
        at: SimTime,
        partition: PartitionId,
        offset: u64,
        outcome: Outcome,
        live: bool,
    ) {
        match outcome {
            Outcome::Done => self
                .topic
                .processed(partition, offset, offset + 1, self.settings),
            Outcome::GivenUp {
                dead_lettered,
                attempts,
            } => {
                self.topic.poison_attempts += u64::from(attempts);
                let fate = match dead_lettered {
                    true => Fate::DeadLettered,
                    false => Fate::Skipped,
                };
                self.topic.given_up(partition, offset, offset + 1, fate);
                if self.named(partition, offset) {
                    self.meet(at, partition, offset, false);
                    let fact = Fact::PoisonGivenUp {
                        process: self.process,
                        partition,
                        offset,
                        fate,
                    };
                    self.facts.push((at, fact));
                }
            }
            Outcome::Failed { .. } => {
                self.topic.poison_attempts += 1;
                let entry = self.topic.poison_in(partition, offset, offset + 1);
                let handlings = &self.scenario.settings[self.settings].on_error;
                let stuck = entry.is_some_and(|(_, entry)| handlings[entry].never_gives_up());
                if live {
                    self.meet(at, partition, offset, stuck);
                }
            }
        }
    }
}

impl Member {
    /// When one of its threads that call the dependency comes to an end of something.
    #[inline]
    pub fn next_of_callers(&self) -> SimTime {
        let workers = self.workers.as_ref().filter(|workers| workers.calls);
        workers.map_or(SimTime::NEVER, |workers| workers.pool.next_event())
    }

    /// Threads that call the dependency do so at this speed from `now` on, to which they have worked.
    pub fn pace_workers(&mut self, now: SimTime, speed: f64) {
        let Some(workers) = self.workers.as_mut().filter(|workers| workers.calls) else {
            return;
        };
        let parts = (speed * FULL_SPEED as f64).ceil() as u64;
        workers.pool.set_speed(now, parts);
        let polls = self.app == App::Polling && self.link.phase != Phase::Fetching;
        if workers.paused && polls && self.frozen_until.is_none() && !self.stopping {
            let next = workers.pool.next_event();
            // One that joins with nothing to read waits for an answer.
            if self.link.phase == Phase::Stable || !self.fetcher.slots().is_empty() {
                self.wake = next;
            }
        }
    }

    /// Its threads, and the application that they run.
    fn at_work<'a>(
        &'a mut self,
        ground: &'a mut Ground,
    ) -> Option<(&'a mut Pool, Application<'a>)> {
        let Workers { pool, met, .. } = &mut **self.workers.as_mut()?;
        let application = Application {
            process: self.process,
            scenario: ground.scenario,
            settings: self.settings,
            topic: ground.topic,
            facts: ground.facts,
            met,
        };
        Some((pool, application))
    }

    /// Whether the poll loop leaves records where they are: its pool has enough (`BrokerPollSystem#managePauseOfSubscription`).
    /// It is woken once that is no longer so.
    pub fn pauses(&mut self, at: SimTime, ground: &mut Ground) -> bool {
        self.run_workers(at, ground);
        let Some(workers) = &mut self.workers else {
            return false;
        };
        if !workers.paused && at < workers.returns_by {
            return false; // The poll() under way returns what comes.
        }
        let closes = workers.closes_by.is_some();
        let enough = closes || workers.pool.is_loaded();
        if enough && !workers.paused && (closes || at >= workers.pauses_from) {
            workers.pauses_from = at + BETWEEN_PAUSES;
            self.fetcher.stand_still(at, &self.limits);
            workers.paused = true;
        } else if !enough {
            workers.paused = false;
        }
        if workers.paused {
            (self.app, self.wake) = (App::Polling, workers.pool.next_event());
        } else {
            workers.returns_by = at + LONG_POLL;
        }
        workers.paused
    }

    /// When a poll() that waits has to return because the poll loop wants to pause.
    pub fn looks_again(&self) -> SimTime {
        let workers = self.workers.as_ref();
        let workers = workers.filter(|workers| workers.pool.is_loaded());
        workers.map_or(SimTime::NEVER, |workers| workers.returns_by)
    }

    /// poll() has returned: its records go to the pool, and the loop comes round.
    pub fn hand_out(&mut self, at: SimTime, ground: &mut Ground) {
        let mut runs = std::mem::take(&mut self.batch.runs);
        if let Some((pool, mut application)) = self.at_work(ground) {
            for run in runs.drain(..) {
                pool.register(run, &mut application);
            }
        }
        self.batch.runs = runs;
        if let Some(workers) = &mut self.workers {
            workers.returns_by = at;
        }
        (self.app, self.wake) = (App::Polling, at);
        if self.is_in_control(ground.scenario) {
            self.commit_what_is_new(at, ground);
        }
    }

    /// Records that retention has deleted come no more.
    pub fn skip(&mut self, reset: Reset) {
        let Reset {
            partition,
            from,
            to,
        } = reset;
        if let Some(workers) = &mut self.workers {
            workers.pool.skip(partition, from, to);
        }
    }

    /// It reads a partition from `position` on, of which the commit found there says what else is done.
    pub fn assign_work(&mut self, id: PartitionId, position: u64, topic: &Topic) {
        if let Some(workers) = &mut self.workers {
            let partition = &topic.partitions[id.ix()];
            let own = partition.committed == Some(position);
            let completed = own.then_some(&partition.completed);
            workers
                .pool
                .assign(id, position, completed.unwrap_or(&Vec::new()));
        }
    }

    /// It gives partitions up, at `now`, to which its threads have worked.
    pub fn give_work_up(&mut self, now: SimTime, partitions: &[PartitionId]) {
        let Some(workers) = &mut self.workers else {
            return;
        };
        for id in partitions {
            workers.pool.give_up(*id);
        }
        workers.met.retain(|(id, _)| !partitions.contains(id));
        // What is left may not be enough.
        if workers.paused && self.app == App::Polling && self.wake != SimTime::NEVER {
            self.wake = self.wake.min(now);
        }
    }

    /// Until when a client that closes waits for its threads (`AbstractParallelEoSStreamProcessor#innerDoClose`): they finish
    /// the records they have in hand, or all that are queued.
    fn threads_end(&mut self, now: SimTime, on_stop: OnStop) -> Option<SimTime> {
        let workers = self.workers.as_mut()?;
        let length = match on_stop {
            OnStop::FinishRecord => {
                workers.pool.close();
                SHUTDOWN
            }
            OnStop::FinishBatch => DRAIN,
        };
        let closes_by = *workers.closes_by.get_or_insert(now + length);
        let waits = !workers.pool.is_idle() && now < closes_by;
        waits.then(|| workers.pool.next_event().min(closes_by))
    }
}

impl World<'_> {
    /// Its threads work until now.
    pub fn run_workers(&mut self, process: ProcessId) {
        let now = self.now();
        if self.members[process.ix()].workers.is_some() {
            let (members, mut ground) = self.ground();
            members[process.ix()].run_workers(now, &mut ground);
        }
    }

    /// Whether a process that is to stop waits for its threads first. While it does it takes no part in rebalances.
    pub fn waits_for_threads(&mut self, process: ProcessId) -> bool {
        let now = self.now();
        self.run_workers(process);
        let on_stop = self.settings_of(process).processing.on_stop;
        let (members, mut ground) = self.ground();
        let member = &mut members[process.ix()];
        let Some(ends) = member.threads_end(now, on_stop) else {
            return false;
        };
        member.wake = ends;
        if member.is_in_control(ground.scenario) {
            member.commit_in_time(now, &mut ground);
            member.wake = ends.min(member.auto_commit_due.max(now + SHORTEST));
        }
        if self.coupled() {
            self.pace(now);
        }
        self.attend(process);
        true
    }
}
