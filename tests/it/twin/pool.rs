//! A pool of threads of the twin (Confluent's parallel-consumer): a plain list of threads, each with the record it is at, and
//! one of all the records that wait.

use std::collections::{BTreeMap, BTreeSet};

use lagsim::engine::{Address, Purpose};
use lagsim::kafka::parallel::ProcessingOrder;
use lagsim::scenario::{OnError, OnStop, Processing, RetryBy};
use lagsim::units::{PartitionId, SimDuration, SimTime};
use lagsim::workload::RecordKeys;

use super::member::App;
use super::records::pauses;
use super::world::{Event, World};

/// With more records than so many per thread, waiting or in hand, the poll loop pauses.
const ENOUGH: usize = 3;
/// From one pause of the poll loop to the next.
const BETWEEN_PAUSES: SimDuration = SimDuration::from_secs(1);
/// How long a poll() lasts that returns nothing.
const LONG_POLL: SimDuration = SimDuration::from_secs(2);

/// A record that was polled and is not done.
#[derive(Clone, Copy, Debug)]
struct Polled {
    partition: PartitionId,
    offset: u64,
    /// It waits for all before it that are of the same.
    shard: Option<(PartitionId, u32)>,
    /// How often it has failed.
    failed: u32,
    /// It is not tried before.
    due: SimTime,
    /// Since when nothing before it is of its shard: a number of the pool's.
    free_since: Option<u64>,
    /// Its partition has been given up since.
    stale: bool,
}

/// What an attempt comes to.
#[derive(Clone, Copy, Debug)]
enum Comes {
    Done,
    GivenUp,
    Again(SimDuration),
}

/// A thread's record.
#[derive(Clone, Copy, Debug)]
struct AtWork {
    record: Polled,
    ends: SimTime,
    comes: Comes,
}

#[derive(Debug)]
pub struct Pool {
    order: ProcessingOrder,
    threads: Vec<Option<AtWork>>,
    waiting: Vec<Polled>,
    /// What is done of the partitions it reads.
    done: BTreeMap<PartitionId, BTreeSet<u64>>,
    /// Where it began to read them.
    began: BTreeMap<PartitionId, u64>,
    /// Those of which something was done since they were last committed.
    news: BTreeSet<PartitionId>,
    number: u64,
    paused: bool,
    pauses_from: SimTime,
    /// The poll() under way returns by then.
    returns_by: SimTime,
    /// Threads take no more records.
    shut: bool,
    /// It closes whatever is in hand then.
    closes_by: Option<SimTime>,
    /// When it last committed what there was.
    committed_at: Option<SimTime>,
    /// When its control loop last came round because something had happened.
    came_round: SimTime,
}

impl Pool {
    pub fn new(processing: &Processing) -> Option<Self> {
        Some(Pool {
            order: processing.order?,
            threads: vec![None; processing.concurrency as usize],
            waiting: Vec::new(),
            done: BTreeMap::new(),
            began: BTreeMap::new(),
            news: BTreeSet::new(),
            number: 0,
            paused: false,
            pauses_from: SimTime::ZERO,
            returns_by: SimTime::ZERO,
            shut: false,
            closes_by: None,
            committed_at: None,
            came_round: SimTime::ZERO,
        })
    }

    /// It reads a partition from here on, of which the commit found there says what else is done.
    pub fn reads(&mut self, id: PartitionId, position: u64, beyond: &BTreeSet<u64>) {
        self.began.insert(id, position);
        self.done.insert(id, beyond.clone());
        self.news.remove(&id);
    }

    pub fn gives_up(&mut self, id: PartitionId) {
        self.done.remove(&id);
        self.news.remove(&id);
        self.waiting.retain(|record| record.partition != id);
        for at_work in self.threads.iter_mut().flatten() {
            at_work.record.stale |= at_work.record.partition == id;
        }
    }

    fn at_work(&self) -> usize {
        self.threads.iter().flatten().count()
    }

    /// Records that wait for another attempt do not count.
    fn has_enough(&self, now: SimTime) -> bool {
        let waiting = self.waiting.iter().filter(|record| record.due <= now);
        waiting.count() + self.at_work() > ENOUGH * self.threads.len()
    }

    /// A record waits for a thread, and for all before it of its shard.
    fn enters(&mut self, record: Polled) {
        let at_work = self.threads.iter().flatten().map(|one| one.record);
        let mut others = at_work.chain(self.waiting.iter().copied());
        let waits = record.shard.is_some()
            && others.any(|other| !other.stale && other.shard == record.shard);
        self.waiting.push(record);
        if !waits {
            self.set_free(self.waiting.len() - 1);
        }
    }

    /// A record is done: the next of its shard waits for nothing any more.
    fn leaves(&mut self, record: Polled) {
        let of_shard = self.waiting.iter().enumerate();
        let of_shard = of_shard.filter(|(_, own)| own.shard == record.shard);
        let next = of_shard.min_by_key(|(_, own)| own.offset);
        if let Some((index, _)) = next.filter(|_| record.shard.is_some()) {
            self.set_free(index);
        }
    }

    fn set_free(&mut self, index: usize) {
        self.number += 1;
        self.waiting[index].free_since = Some(self.number);
    }

    /// Which of the records a free thread takes: what is tried again, by its offset, and then what has been free longest.
    fn next(&self, now: SimTime) -> Option<usize> {
        let free = self.waiting.iter().enumerate();
        let free = free.filter(|(_, own)| own.free_since.is_some() && own.due <= now);
        let first = free.min_by_key(|(_, own)| match own.failed {
            0 => (true, PartitionId(0), 0, own.free_since),
            _ => (false, own.partition, own.offset, None),
        });
        first.map(|(index, _)| index)
    }

    /// Whether the poll loop leaves records where they are.
    fn leaves_records(&mut self, now: SimTime) -> bool {
        if !self.paused && now < self.returns_by {
            return false;
        }
        if !self.has_enough(now) {
            self.paused = false;
        } else if now >= self.pauses_from && !self.paused {
            self.paused = true;
            self.pauses_from = now + BETWEEN_PAUSES;
        }
        self.paused
    }

    /// The first record of a partition that is not done, and what is done beyond it.
    fn commit_of(&mut self, id: PartitionId) -> (u64, BTreeSet<u64>) {
        let done = &self.done[&id];
        let mut first = self.began[&id];
        while done.contains(&first) {
            first += 1;
        }
        let beyond: BTreeSet<_> = done.range(first..).copied().collect();
        let reaches = beyond.last().map_or(0, |last| last - first);
        assert!(reaches < 16_000, "the twin knows no end of the metadata");
        (first, beyond)
    }

    /// Whatever is at work stands still so long.
    pub fn freeze(&mut self, length: SimDuration) -> Vec<(SimTime, usize)> {
        let mut moved = Vec::new();
        for (thread, at_work) in self.threads.iter_mut().enumerate() {
            if let Some(at_work) = at_work {
                at_work.ends += length;
                moved.push((at_work.ends, thread));
            }
        }
        moved
    }
}

impl World<'_> {
    /// Whether the loop of a member with a pool is not to take records from its fetches now.
    pub(super) fn poll_loop_pauses(&mut self, who: usize) -> bool {
        let now = self.now;
        let Some(pool) = &mut self.members[who].pool else {
            return false;
        };
        if pool.leaves_records(now) {
            return true;
        }
        if now >= pool.returns_by {
            pool.returns_by = now + LONG_POLL;
            let returns = pool.returns_by;
            self.push(returns, Event::Look(who));
        }
        false
    }

    /// poll() has returned records: the pool has them, and the loop comes round.
    pub(super) fn hand_over(
        &mut self,
        who: usize,
        records: impl IntoIterator<Item = (PartitionId, u64)>,
    ) {
        let (now, scenario) = (self.now, self.scenario);
        let Some(pool) = &mut self.members[who].pool else {
            return;
        };
        let partitions = scenario.topic.partitions.len() as u32;
        let keys = scenario.production.keys.within(partitions);
        for (partition, offset) in records {
            if pool.done[&partition].contains(&offset) {
                continue; // By an earlier owner.
            }
            let key = || {
                let name = format!("{}-{}", scenario.topic.name, partition.0);
                let address = Address::new(scenario.seed, 0, Purpose::Key, &name);
                RecordKeys::new(address, keys[partition.ix()].clone()).key_of(offset)
            };
            let shard = match pool.order {
                ProcessingOrder::Unordered => None,
                ProcessingOrder::Partition => Some(0),
                ProcessingOrder::Key => key(),
            };
            pool.enters(Polled {
                partition,
                offset,
                shard: shard.map(|key| (partition, key)),
                failed: 0,
                due: SimTime::ZERO,
                free_since: None,
                stale: false,
            });
        }
        pool.returns_by = now;
        self.threads_take(who);
        self.comes_round(who);
        self.push(now, Event::Look(who));
    }

    /// Free threads take records.
    pub(super) fn threads_take(&mut self, who: usize) {
        loop {
            let now = self.now;
            let member = &mut self.members[who];
            let Some(pool) = member.pool.as_mut().filter(|pool| !pool.shut) else {
                return;
            };
            if now < member.frozen_until {
                return;
            }
            let free = pool.threads.iter().position(Option::is_none);
            let (Some(thread), Some(next)) = (free, pool.next(now)) else {
                return;
            };
            let record = pool.waiting.remove(next);
            let (takes, comes) = self.attempt(record);
            let ends = now + takes;
            let member = &mut self.members[who];
            if let Some(pool) = &mut member.pool {
                pool.threads[thread] = Some(AtWork {
                    record,
                    ends,
                    comes,
                });
            }
            let incarnation = member.incarnation;
            self.push(ends, Event::Thread(who, thread, incarnation));
        }
    }

    /// How long an attempt at a record takes, and what it comes to.
    fn attempt(&mut self, record: Polled) -> (SimDuration, Comes) {
        let (offset, log) = (record.offset, &mut self.partitions[record.partition.ix()]);
        let own = log.work.record(offset);
        let failing = (0..log.poison.len())
            .find(|entry| log.poison[*entry].first_in(offset, offset + 1).is_some());
        let Some(entry) = failing else {
            return (own, Comes::Done);
        };
        let attempt = self.scenario.poison[entry].attempt.unwrap_or(own);
        match &self.scenario.settings[0].on_error[entry] {
            OnError::RetryForever(RetryBy::InPlace) => (SimDuration::FOREVER, Comes::Done),
            OnError::RetryForever(RetryBy::Seek { back_off }) => (attempt, Comes::Again(*back_off)),
            OnError::Retry {
                attempts,
                back_off,
                then,
                seeks: false,
            } => {
                let all = attempt * u64::from(*attempts);
                let between = pauses(back_off).take(*attempts as usize - 1);
                let between = between.fold(SimDuration::ZERO, |all, pause| all + pause);
                (all + between + then.takes(), Comes::GivenUp)
            }
            OnError::Retry {
                attempts,
                back_off,
                then,
                seeks: true,
            } => {
                let failed = record.failed + 1;
                if failed == *attempts {
                    return (attempt + then.takes(), Comes::GivenUp);
                }
                let pause = pauses(back_off).nth(failed as usize - 1);
                (attempt, Comes::Again(pause.expect("endless")))
            }
        }
    }

    /// A thread may be through with its record.
    pub(super) fn thread_ends(&mut self, who: usize, thread: usize, incarnation: u32) {
        let now = self.now;
        let member = &mut self.members[who];
        if member.incarnation != incarnation {
            return;
        }
        let Some(pool) = &mut member.pool else { return };
        let Some(at_work) = pool.threads[thread].filter(|own| own.ends == now) else {
            return; // A freeze has moved it.
        };
        pool.threads[thread] = None;
        let mut record = at_work.record;
        let own = (record.partition, record.offset);
        match at_work.comes {
            Comes::Done => *self.done.entry(own).or_insert(0) += 1,
            Comes::GivenUp => {
                *self.given_up.entry(own).or_insert(0) += 1;
            }
            Comes::Again(pause) => {
                (record.failed, record.due) = (record.failed + 1, now + pause);
                if !record.stale {
                    pool.waiting.push(record);
                }
                let due = record.due;
                if !record.stale {
                    self.push(due, Event::Due(who, incarnation));
                }
            }
        }
        let done = !record.stale && !matches!(at_work.comes, Comes::Again(_));
        if let Some(pool) = self.members[who].pool.as_mut().filter(|_| done) {
            pool.news.insert(record.partition);
            let done = pool.done.get_mut(&record.partition);
            done.expect("not stale").insert(record.offset);
            pool.leaves(record);
        }
        self.threads_take(who);
        self.comes_round(who);
        self.pool_moves(who);
    }

    /// A record is tried again.
    pub(super) fn due(&mut self, who: usize, incarnation: u32) {
        let (now, member) = (self.now, &self.members[who]);
        let waits = |pool: &Pool| {
            let mut waiting = pool.waiting.iter();
            let due = |own: &Polled| own.due.max(member.frozen_until) == now;
            waiting.any(|own| own.failed > 0 && due(own))
        };
        if member.incarnation == incarnation && member.pool.as_ref().is_some_and(waits) {
            self.threads_take(who);
            self.comes_round(who);
            self.pool_moves(who);
        }
    }

    /// Something has happened: the control loop looks whether it is time to commit, and an interval later if nothing else
    /// happens before.
    fn comes_round(&mut self, who: usize) {
        let interval = self.scenario.settings[0].properties.auto_commit_interval;
        let now = self.now;
        let member = &mut self.members[who];
        let incarnation = member.incarnation;
        if let Some(pool) = &mut member.pool {
            pool.came_round = now;
            self.push(now, Event::Control(who, incarnation));
            self.push(now + interval, Event::Control(who, incarnation));
        }
    }

    /// It commits if something is done and the last commit is longer ago than the interval.
    pub(super) fn control(&mut self, who: usize, incarnation: u32) {
        let now = self.now;
        let interval = self.scenario.settings[0].properties.auto_commit_interval;
        let member = &self.members[who];
        if now < member.frozen_until {
            let thaws = member.frozen_until;
            return self.push(thaws, Event::Control(who, incarnation));
        }
        let Some(pool) = &member.pool else { return };
        let comes_round = pool.came_round == now || pool.came_round + interval <= now;
        let due = pool.committed_at.is_none_or(|at| at + interval <= now);
        let closes = pool.shut || member.incarnation != incarnation;
        if comes_round && due && !pool.news.is_empty() && !closes {
            self.commit_completed(who, None);
        }
    }

    /// The poll loop looks at its pool, or the client that waits for it closes.
    fn pool_moves(&mut self, who: usize) {
        if self.members[who].stopping {
            return self.closes_in_time(who);
        }
        let paused = self.members[who]
            .pool
            .as_ref()
            .is_some_and(|own| own.paused);
        if paused {
            self.push(self.now, Event::Look(who));
        }
    }

    /// Whether a client that is to close waits for its threads.
    pub(super) fn waits_for_threads(&mut self, who: usize) -> bool {
        let (now, on_stop) = (self.now, self.scenario.settings[0].processing.on_stop);
        let member = &mut self.members[who];
        let Some(pool) = &mut member.pool else {
            return false;
        };
        let drains = on_stop == OnStop::FinishBatch;
        let length = SimDuration::from_secs(if drains { 30 } else { 10 });
        pool.shut = !drains;
        let closes_by = pool.closes_by;
        let until = *pool.closes_by.get_or_insert(now + length);
        let busy = pool.at_work() > 0 || drains && !pool.waiting.is_empty();
        let waits = busy && now < until;
        if waits {
            member.app = App::Working; // It polls nothing.
            let incarnation = member.incarnation;
            if closes_by.is_none() {
                self.push(until, Event::ClosesBy(who, incarnation));
            }
        }
        waits
    }

    /// A client that waits for its threads closes once it does not any more.
    pub(super) fn closes_in_time(&mut self, who: usize) {
        let member = &self.members[who];
        if member.stopping && member.app == App::Working && member.pool.is_some() {
            self.close(who);
        }
    }

    /// Commits what is done of partitions that it reads, of which something is new; whether there are any.
    pub(super) fn commit_completed(
        &mut self,
        who: usize,
        partitions: Option<&[PartitionId]>,
    ) -> bool {
        let asked = |id: &PartitionId| partitions.is_none_or(|some| some.contains(id));
        let cluster = &self.scenario.cluster;
        let stored = self.now + cluster.round_trip.half() + cluster.commit_latency;
        let refused = self.refused_now(who).is_some();
        let Some(pool) = &mut self.members[who].pool else {
            return false;
        };
        pool.committed_at = Some(self.now);
        let news: Vec<_> = pool.news.iter().copied().filter(asked).collect();
        let commits: Vec<_> = news.iter().map(|id| pool.commit_of(*id)).collect();
        pool.news.retain(|id| !news.contains(id));
        let sent = !news.is_empty() && !refused;
        if !sent {
            return false;
        }
        for (id, (offset, beyond)) in news.into_iter().zip(commits) {
            self.push(stored, Event::Stored(id, offset, beyond));
        }
        sent
    }
}
