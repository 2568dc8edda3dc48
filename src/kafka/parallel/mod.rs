//! A consumer that hands the records of its polls to a pool of threads: who works on what, what is done out of order, and
//! what a commit says of it (Confluent's parallel-consumer: `ShardManager`, `WorkManager`, `PartitionState`). Not aware of
//! what a record costs or comes to: a [`Handler`] says so.

mod commits;
mod handler;
mod offsets;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

pub use self::handler::{Handler, Outcome};
pub use self::offsets::{Completed, Offsets};
use super::Run;
use crate::units::{PartitionId, SimDuration, SimTime};

/// The speed of work that nothing slows down: all others are parts of it.
pub const FULL_SPEED: u64 = 1_000_000_000;

/// Which records of a pool wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessingOrder {
    /// None do.
    Unordered,
    /// Those of one key.
    Key,
    /// Those of one partition.
    Partition,
}

/// Records of one key or partition that wait for each other.
type ShardKey = (PartitionId, u32);

/// Something a free thread can take.
#[derive(Clone, Copy, Debug)]
enum Ready {
    /// Records that wait for nothing.
    Records(Run),
    /// The next record of a shard.
    Shard(ShardKey),
    /// A record that has failed before.
    Again(Attempted),
}

/// A record, as often as it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attempted {
    partition: PartitionId,
    offset: u64,
    failed: u32,
    shard: Option<u32>,
    /// Assignment in which it was polled.
    epoch: u32,
}

/// A record in the hands of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct InFlight {
    /// When it ends, on the clock of the work.
    ends: SimDuration,
    /// Among those that end together: as they were begun.
    number: u64,
    record: Attempted,
    outcome: Outcome,
}

/// An assigned partition.
#[derive(Clone, Debug)]
struct Tracked {
    epoch: u32,
    offsets: Offsets,
    /// Something was done since the last commit (`PartitionState#isDirty`).
    dirty: bool,
}

/// The pool of one process.
#[derive(Clone, Debug)]
pub struct Pool {
    threads: usize,
    order: ProcessingOrder,
    /// Records that are queued or in flight beyond which nothing is polled.
    enough: u64,
    partitions: BTreeMap<PartitionId, Tracked>,
    epochs: u32,
    ready: VecDeque<Ready>,
    shards: BTreeMap<ShardKey, VecDeque<Run>>,
    /// Of partitions that are not to take more records for now.
    held: Vec<Ready>,
    /// Records that no thread has taken; not those that wait for their next attempt.
    queued: u64,
    in_flight: BinaryHeap<Reverse<InFlight>>,
    number: u64,
    /// When a record that has failed is tried again.
    retries: BinaryHeap<Reverse<(SimTime, Attempted)>>,
    /// Records that have failed and are not done with.
    failing: BTreeSet<(PartitionId, u64)>,
    /// No thread takes another record.
    closing: bool,
    /// How far it is.
    now: SimTime,
    /// When records were last registered, or an attempt or a pause before one was over.
    moved_at: SimTime,
    /// How much work each thread would have done by `now`.
    clock: SimDuration,
    /// How fast that goes, up to [`FULL_SPEED`].
    speed: u64,
}

impl Pool {
    /// A pool of `threads` that has nothing to do, and of which `factor` records per thread are enough.
    pub fn new(now: SimTime, threads: u32, factor: u32, order: ProcessingOrder) -> Self {
        let mut pool = Pool {
            threads: 0,
            order,
            enough: 0,
            partitions: BTreeMap::new(),
            epochs: 0,
            ready: VecDeque::new(),
            shards: BTreeMap::new(),
            held: Vec::new(),
            queued: 0,
            in_flight: BinaryHeap::new(),
            number: 0,
            retries: BinaryHeap::new(),
            failing: BTreeSet::new(),
            closing: false,
            now,
            moved_at: now,
            clock: SimDuration::ZERO,
            speed: FULL_SPEED,
        };
        pool.resize(threads, factor, order);
        pool
    }

    /// So many threads from now on; records polled from now on wait for each other like this.
    pub fn resize(&mut self, threads: u32, factor: u32, order: ProcessingOrder) {
        self.threads = threads.max(1) as usize;
        self.enough = u64::from(threads.max(1)) * u64::from(factor.max(1));
        self.order = order;
    }

    /// A partition is assigned: it is read from `position` on, and the commit found there says what else is done.
    pub fn assign(&mut self, partition: PartitionId, position: u64, completed: &Completed) {
        self.epochs += 1;
        let tracked = Tracked {
            epoch: self.epochs,
            offsets: Offsets::new(position, completed),
            dirty: false,
        };
        self.partitions.insert(partition, tracked);
    }

    /// A partition is given up. What a thread has in hand of it goes on, and counts for nothing.
    pub fn give_up(&mut self, partition: PartitionId) {
        if self.partitions.remove(&partition).is_none() {
            return;
        }
        let mut gone = 0;
        let mut stays = |ready: &Ready| match ready {
            Ready::Records(run) if run.partition == partition => {
                gone += run.to - run.from;
                false
            }
            Ready::Again(record) if record.partition == partition => {
                gone += 1;
                false
            }
            Ready::Shard(shard) => shard.0 != partition,
            Ready::Records(_) | Ready::Again(_) => true,
        };
        self.ready.retain(&mut stays);
        self.held.retain(&mut stays);
        self.shards.retain(|shard, runs| {
            let stays = shard.0 != partition;
            if !stays {
                gone += runs.iter().map(|run| run.to - run.from).sum::<u64>();
            }
            stays
        });
        self.queued -= gone;
        self.retries
            .retain(|Reverse((_, record))| record.partition != partition);
        self.failing.retain(|(failing, _)| *failing != partition);
    }

    /// Records of the partition below `to` do not come any more.
    pub fn skip(&mut self, partition: PartitionId, from: u64, to: u64) {
        if let Some(tracked) = self.partitions.get_mut(&partition) {
            tracked.offsets.complete(from, to);
            tracked.dirty = true;
        }
    }

    /// poll() has returned records, by the instant that the pool has been [run](Self::run) to. Those that an earlier owner
    /// has completed are dropped (`PartitionState#isRecordPreviouslyCompleted`).
    pub fn register(&mut self, run: Run, handler: &mut impl Handler) {
        let Some(tracked) = self.partitions.get(&run.partition) else {
            return;
        };
        for (from, to) in tracked.offsets.missing(run.from, run.to) {
            self.queued += to - from;
            match self.order {
                ProcessingOrder::Unordered => {
                    self.ready
                        .push_back(Ready::Records(Run { from, to, ..run }))
                }
                ProcessingOrder::Partition => {
                    self.enqueue((run.partition, 0), Run { from, to, ..run })
                }
                ProcessingOrder::Key => {
                    for offset in from..to {
                        let one = Run {
                            from: offset,
                            to: offset + 1,
                            ..run
                        };
                        match handler.key(run.partition, offset) {
                            Some(key) => self.enqueue((run.partition, key), one),
                            None => self.ready.push_back(Ready::Records(one)),
                        }
                    }
                }
            }
        }
        self.moved_at = self.now;
        self.fill(handler);
    }

    fn enqueue(&mut self, shard: ShardKey, run: Run) {
        match self.shards.get_mut(&shard) {
            Some(waiting) => waiting.push_back(run),
            None => {
                self.shards.insert(shard, VecDeque::from([run]));
                self.ready.push_back(Ready::Shard(shard));
            }
        }
    }

    /// Threads work until `until`.
    pub fn run(&mut self, until: SimTime, handler: &mut impl Handler) {
        loop {
            let at = self.next_event();
            if at > until || at == SimTime::NEVER {
                break;
            }
            self.move_to(at);
            self.moved_at = at;
            // Whoever is free now, or becomes so, finds all that is due by now (`WorkContainer#isDelayPassed`).
            while self.next_retry() <= at {
                self.retry();
            }
            if self.next_end() <= at {
                self.end(handler);
            }
            self.fill(handler);
        }
        self.move_to(until);
    }

    /// When an attempt ends, or a pause before one.
    pub fn next_event(&self) -> SimTime {
        self.next_end().min(self.next_retry())
    }

    fn next_end(&self) -> SimTime {
        let ends = self.in_flight.peek();
        ends.map_or(SimTime::NEVER, |Reverse(first)| self.instant_of(first.ends))
    }

    fn next_retry(&self) -> SimTime {
        let retries = self.retries.peek().filter(|_| !self.closing);
        retries.map_or(SimTime::NEVER, |Reverse((due, _))| (*due).max(self.now))
    }

    fn instant_of(&self, work: SimDuration) -> SimTime {
        let left = work.saturating_sub(self.clock);
        if work == SimDuration::FOREVER || self.speed == 0 {
            return SimTime::NEVER;
        }
        if self.speed == FULL_SPEED {
            return self.now + left;
        }
        let left = u128::from(left.as_nanos());
        let nanos = (left * u128::from(FULL_SPEED)).div_ceil(u128::from(self.speed));
        self.now + SimDuration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn move_to(&mut self, at: SimTime) {
        if at <= self.now {
            return;
        }
        let passed = at.since(self.now);
        self.now = at;
        if self.speed == FULL_SPEED {
            self.clock += passed;
            return;
        }
        let done = u128::from(passed.as_nanos()) * u128::from(self.speed) / u128::from(FULL_SPEED);
        self.clock += SimDuration::from_nanos(done as u64);
        // What ends now has ended, however its speed was rounded.
        if let Some(Reverse(first)) = self.in_flight.peek() {
            self.clock = self.clock.min(first.ends);
        }
    }

    fn end(&mut self, handler: &mut impl Handler) {
        let Some(Reverse(InFlight {
            record,
            outcome,
            ends,
            ..
        })) = self.in_flight.pop()
        else {
            return;
        };
        self.clock = self.clock.max(ends);
        let Attempted {
            partition,
            offset,
            shard,
            ..
        } = record;
        let tracked = self.partitions.get_mut(&partition);
        let tracked = tracked.filter(|tracked| tracked.epoch == record.epoch);
        let live = tracked.is_some();
        handler.ended(self.now, partition, offset, outcome, live);
        let Some(tracked) = tracked else { return };
        if let Outcome::Failed { back_off } = outcome {
            self.failing.insert((partition, offset));
            let failed = record.failed + 1;
            self.retries.push(Reverse((
                self.now + back_off,
                Attempted { failed, ..record },
            )));
            return; // Its shard waits for it.
        }
        tracked.offsets.complete(offset, offset + 1);
        tracked.dirty = true;
        if record.failed > 0 {
            self.failing.remove(&(partition, offset));
        }
        if let Some(key) = shard {
            let shard = (partition, key);
            match self.shards.get(&shard) {
                Some(waiting) if waiting.is_empty() => {
                    self.shards.remove(&shard);
                }
                Some(_) => self.ready.push_back(Ready::Shard(shard)),
                None => {}
            }
        }
    }

    fn retry(&mut self) {
        if let Some(Reverse((_, record))) = self.retries.pop() {
            self.queued += 1;
            // The lowest offset of a shard comes first (`ProcessingShard#getWorkIfAvailable`).
            let own = (record.partition, record.offset);
            let before = |ready: &&Ready| match ready {
                Ready::Again(other) => (other.partition, other.offset) < own,
                Ready::Records(_) | Ready::Shard(_) => false,
            };
            let place = self.ready.iter().take_while(before).count();
            self.ready.insert(place, Ready::Again(record));
        }
    }

    /// Free threads take what is ready.
    fn fill(&mut self, handler: &mut impl Handler) {
        while !self.closing && self.in_flight.len() < self.threads {
            let Some(record) = self.take() else { return };
            self.queued -= 1;
            let Attempted {
                partition,
                offset,
                failed,
                ..
            } = record;
            let (length, outcome) = handler.attempt(self.now, partition, offset, failed);
            if length == SimDuration::FOREVER {
                self.failing.insert((partition, offset));
            }
            let ends = if length == SimDuration::FOREVER {
                length
            } else {
                self.clock + length
            };
            self.number += 1;
            let number = self.number;
            self.in_flight.push(Reverse(InFlight {
                ends,
                number,
                record,
                outcome,
            }));
        }
    }

    fn take(&mut self) -> Option<Attempted> {
        loop {
            let ready = self.ready.pop_front()?;
            let (partition, offset) = match ready {
                Ready::Records(run) => (run.partition, run.from),
                Ready::Again(record) => (record.partition, record.offset),
                Ready::Shard(shard) => {
                    let first = self.shards.get(&shard).and_then(VecDeque::front);
                    let Some(first) = first else { continue };
                    (shard.0, first.from)
                }
            };
            let Some(tracked) = self.partitions.get(&partition) else {
                continue;
            };
            if !tracked.offsets.takes(offset) {
                self.held.push(ready);
                continue;
            }
            let epoch = tracked.epoch;
            let (failed, shard) = match ready {
                Ready::Again(record) => return Some(record),
                Ready::Records(run) => {
                    if run.to - run.from > 1 {
                        let from = run.from + 1;
                        self.ready.push_front(Ready::Records(Run { from, ..run }));
                    }
                    (0, None)
                }
                Ready::Shard(shard) => {
                    if let Some(waiting) = self.shards.get_mut(&shard)
                        && let Some(first) = waiting.front_mut()
                    {
                        first.from += 1;
                        if first.from == first.to {
                            waiting.pop_front();
                        }
                    }
                    (0, Some(shard.1))
                }
            };
            return Some(Attempted {
                partition,
                offset,
                failed,
                shard,
                epoch,
            });
        }
    }

    /// Whether so much is queued or in flight that the poll loop pauses its partitions (`WorkManager#isSufficientlyLoaded`).
    pub fn is_loaded(&self) -> bool {
        self.queued + self.in_flight.len() as u64 > self.enough
    }

    /// Threads at work.
    pub fn busy(&self) -> u32 {
        self.in_flight.len() as u32
    }

    /// Whether nothing is left to do without another poll.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && (self.closing || (self.queued == 0 && self.retries.is_empty()))
    }

    /// Threads finish what they have in hand and take nothing more.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Nothing is worked on until `at`; the pool has been [run](Self::run) to now.
    pub fn stand_still(&mut self, at: SimTime) {
        self.now = self.now.max(at);
    }

    /// Work goes on at this speed, up to [`FULL_SPEED`], from `at` on, to which the pool has been [run](Self::run); nothing before.
    pub fn set_speed(&mut self, at: SimTime, speed: u64) {
        self.now = self.now.max(at);
        self.speed = speed;
    }
}

#[cfg(test)]
mod tests;
