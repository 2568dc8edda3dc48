//! The fetcher of a Java-like consumer: what is asked of which broker, what is buffered, and what a poll drains.
//! Between two polls nothing happens here: an answer is fixed when its request is sent, since a log is a function of
//! time (`AbstractFetch`, `FetchBuffer`, `FetchCollector`; broker side `ReplicaManager`, `DelayedFetch`).

mod assignment;
mod request;
mod steady;

use std::collections::VecDeque;

pub use self::steady::HandedOut;
use super::OffsetReset;
use crate::units::{PartitionId, SimDuration, SimTime};

/// The logs as a broker answers a fetch from them.
pub trait Logs {
    /// Log start offset of a partition at an instant.
    fn log_start(&mut self, partition: PartitionId, at: SimTime) -> u64;
    /// Log-end offset of a partition at an instant, as ListOffsets tells it.
    fn listed_end(&mut self, partition: PartitionId, at: SimTime) -> u64;
    /// One after the last record of a partition that can be read at an instant: the log-end offset, unless readers leave
    /// records alone until they are due.
    fn readable_end(&mut self, partition: PartitionId, at: SimTime) -> u64;
    /// When the record at `offset` can be read first.
    fn readable_at(&mut self, partition: PartitionId, offset: u64) -> SimTime;
    /// [`Self::readable_end`], and when the record at that offset can be read.
    fn readable_end_and_next(&mut self, partition: PartitionId, at: SimTime) -> (u64, SimTime);
}

/// What bounds a fetch, in records where Kafka counts bytes: the model's records have one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// A request and its answer on the wire.
    pub round_trip: SimDuration,
    /// `fetch.max.wait.ms`.
    pub max_wait: SimDuration,
    /// `fetch.min.bytes`, in whole records, at least 1.
    pub min_records: u64,
    /// `max.partition.fetch.bytes`, in whole records, at least 1.
    pub per_partition: u64,
    /// `fetch.max.bytes`, in whole records, at least 1.
    pub per_response: u64,
    /// `auto.offset.reset`: where a position goes that the log does not hold any more.
    pub reset: OffsetReset,
    /// When a partition is fetched again.
    pub when: FetchWhen,
}

/// When a partition is fetched again: [`Fetches`](super::Fetches), in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchWhen {
    /// Once what was fetched of it has been handed out.
    OnceDrained,
    /// All the time, by a thread of its own, until so many records wait.
    Ahead {
        /// Of the partition.
        of_partition: u64,
        /// Of all partitions.
        of_all: u64,
    },
    /// Once all that its broker returned has been handed out and processed.
    BetweenBatches,
}

/// What a poll is to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Most records.
    pub max: u64,
    /// It waits for that many until then.
    pub until: SimTime,
    /// All of the partition that is next in line, and no other.
    pub one_partition: bool,
}

impl FetchLimits {
    /// A long poll that finds nothing, from its sending to the sending of the next.
    fn cycle(&self) -> SimDuration {
        self.round_trip + self.max_wait
    }

    /// When the long poll reaches its broker that finds what is there at `available`, of those that follow one another,
    /// the first having reached it at `reached`.
    #[inline]
    fn turn(&self, reached: SimTime, available: SimTime) -> SimTime {
        let (deadline, cycle) = (reached + self.max_wait, self.cycle());
        if available <= deadline || cycle.is_zero() || available == SimTime::NEVER {
            return reached;
        }
        let late = available.since(deadline).as_nanos();
        reached + cycle * late.div_ceil(cycle.as_nanos())
    }

    /// When the long poll of `turn` is answered, data being there at `available`; out of a poll, the first answer counts,
    /// empty or not.
    #[inline]
    fn answers_at(&self, turn: SimTime, available: SimTime, in_poll: bool) -> SimTime {
        let deadline = turn + self.max_wait;
        if in_poll || available <= deadline {
            available.max(turn)
        } else {
            deadline
        }
    }
}

/// Consecutive records of one partition that a poll hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whose.
    pub partition: PartitionId,
    /// First offset.
    pub from: u64,
    /// One after the last.
    pub to: u64,
}

/// A position that was out of range and went elsewhere: `auto.offset.reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Whose.
    pub partition: PartitionId,
    /// The position that the log does not hold any more.
    pub from: u64,
    /// The new one.
    pub to: u64,
}

/// What a poll comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// So many records were handed out.
    Records(u64),
    /// Nothing yet: look again then.
    Wait(SimTime),
}

/// An assigned partition.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Which.
    pub partition: PartitionId,
    /// Next offset to hand out.
    pub position: u64,
    /// What its client last committed; before that, where it began to read.
    pub committed: u64,
    /// Not fetched before (a pause by the application).
    pub paused_until: SimTime,
    /// One after the last record that is buffered.
    buffered_to: u64,
    /// First offset of what is on its way, and one after its last; the same if nothing is.
    incoming: (u64, u64),
    /// Instead, where the position goes, and until when ListOffsets is asked for that.
    reset: Option<(u64, SimTime)>,
    /// Came while a request to its broker was out: it is in no session before the next.
    unasked: bool,
    /// Log end at an instant, as asked last.
    known: (SimTime, u64),
    /// When the record at that log end is appended.
    next: SimTime,
    /// Its place in the order of its broker's session, while the fetcher is in its common state.
    rank: u64,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    /// When the first of these long polls reached the broker.
    reached: SimTime,
    /// When the data it waits for is there.
    available: SimTime,
    /// When the answer is at the member.
    answered: SimTime,
    /// How many partitions it asks for; none if one of them has been sought elsewhere since.
    asked: usize,
    /// Whether its data comes too late for the first long poll, so that more of them follow.
    repeats: bool,
}

#[derive(Clone, Debug)]
struct Broker {
    id: u32,
    /// Slots it leads, in the order of its fetch session: one that returned data goes to the end.
    slots: Vec<usize>,
    in_flight: Option<InFlight>,
    /// Which of them have news, in the common state.
    news: steady::News,
}

/// The fetcher of one member.
#[derive(Clone, Debug)]
pub struct Fetcher {
    slots: Vec<Slot>,
    /// Ascending.
    brokers: Vec<Broker>,
    /// Slots with buffered records, each up to an offset, in the order their fetches completed; the front is next in line.
    buffer: VecDeque<(usize, u64)>,
    /// When the first answer of those in flight arrives.
    next_answer: SimTime,
    /// Whether one of them is a long poll that would be repeated.
    repeats: bool,
    /// No slot is paused longer.
    paused_to: SimTime,
    /// Positions that ListOffsets is asked for, each with when the answer comes.
    listing: Vec<(Reset, SimTime)>,
    /// Positions that were reset and that nobody has taken note of.
    resets: Vec<Reset>,
    /// The rank behind all others, in its common state; the order of the sessions is in the ranks of the slots meanwhile.
    steady: Option<u64>,
}

impl Default for Fetcher {
    /// Nothing is assigned.
    fn default() -> Self {
        Fetcher {
            slots: Vec::new(),
            brokers: Vec::new(),
            buffer: VecDeque::new(),
            next_answer: SimTime::NEVER,
            repeats: false,
            paused_to: SimTime::ZERO,
            listing: Vec::new(),
            resets: Vec::new(),
            steady: None,
        }
    }
}

impl Fetcher {
    /// The assigned partitions, ascending.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The slot of a partition, if it is assigned.
    pub fn slot(&self, partition: PartitionId) -> Option<&Slot> {
        let found = self
            .slots
            .binary_search_by_key(&partition, |slot| slot.partition);
        found.ok().map(|index| &self.slots[index])
    }

    /// The client has committed a partition up to `offset`.
    pub fn committed(&mut self, partition: PartitionId, offset: u64) {
        let of = |slot: &Slot| slot.partition;
        if let Ok(index) = self.slots.binary_search_by_key(&partition, of) {
            self.slots[index].committed = offset;
        }
    }

    /// Moves a partition's position, drops what is buffered of it, and pauses it until `paused_until`.
    pub fn seek(&mut self, partition: PartitionId, position: u64, paused_until: SimTime) {
        self.leave_steady();
        let Ok(index) = self
            .slots
            .binary_search_by_key(&partition, |slot| slot.partition)
        else {
            return;
        };
        let slot = &mut self.slots[index];
        slot.position = position;
        slot.buffered_to = position;
        slot.incoming = (0, 0);
        slot.reset = None;
        slot.paused_until = paused_until;
        self.paused_to = self.paused_to.max(paused_until);
        self.buffer.retain(|&(buffered, _)| buffered != index);
        // A long poll that is out asks for another offset; the one after it asks for this.
        let leader = self.brokers.iter_mut();
        let leader = leader.filter(|broker| broker.slots.contains(&index));
        for in_flight in leader.filter_map(|broker| broker.in_flight.as_mut()) {
            in_flight.asked = 0;
        }
    }

    /// Positions that were out of range since this was asked last.
    pub fn resets(&mut self) -> Vec<Reset> {
        std::mem::take(&mut self.resets)
    }

    /// The member stands still from `now` on: no long poll is followed by another.
    pub fn stand_still(&mut self, now: SimTime, limits: &FetchLimits) {
        self.leave_steady();
        self.receive(now);
        self.settle(now, limits, false);
    }

    /// One poll at `now`: hands out what `call` asks for into `runs`, or says when to look again.
    pub fn poll(
        &mut self,
        now: SimTime,
        call: Call,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        runs: &mut Vec<Run>,
    ) -> Polled {
        self.leave_steady();
        let ahead = matches!(limits.when, FetchWhen::Ahead { .. });
        if ahead {
            self.go_on_fetching(now, limits, logs);
        } else {
            self.receive(now);
        }
        if limits.when == FetchWhen::BetweenBatches && !self.buffer.is_empty() {
            self.send(now, limits, logs, false);
        }
        if self.buffer.is_empty() {
            self.settle(now, limits, true);
            let wait = self.send(now, limits, logs, true);
            self.receive(now);
            if self.buffer.is_empty() {
                return Polled::Wait(wait);
            }
        }
        if now < call.until && self.buffered() < call.max {
            self.settle(now, limits, true);
            return Polled::Wait(self.send(now, limits, logs, true).min(call.until));
        }
        let taken = self.drain(call, runs);
        match limits.when {
            FetchWhen::OnceDrained => {
                self.settle(now, limits, false);
                self.send(now, limits, logs, false);
            }
            FetchWhen::Ahead { .. } => {
                self.settle(now, limits, true);
                self.send(now, limits, logs, true);
            }
            FetchWhen::BetweenBatches => {}
        }
        Polled::Records(taken)
    }

    /// Records that wait to be handed out.
    fn buffered(&self) -> u64 {
        let slots = self.slots.iter();
        slots.map(|slot| slot.buffered_to - slot.position).sum()
    }

    /// A thread of its own has answered each answer with the next request.
    fn go_on_fetching(&mut self, now: SimTime, limits: &FetchLimits, logs: &mut impl Logs) {
        while self.next_answer <= now {
            let answered = self.next_answer;
            self.receive(answered);
            self.send(answered, limits, logs, true);
        }
    }

    /// Takes answers that have arrived into the buffer, in the order of their arrival.
    fn receive(&mut self, now: SimTime) {
        while self.next_answer <= now {
            let first = |broker: &Broker| {
                broker
                    .in_flight
                    .is_some_and(|in_flight| in_flight.answered == self.next_answer)
            };
            if let Some(index) = self.brokers.iter().position(first) {
                self.complete(index);
                if self.brokers[index].slots.is_empty() {
                    self.brokers.remove(index);
                }
            }
            self.look_over();
        }
        if !self.listing.is_empty() {
            self.take_listed(now);
        }
    }

    /// Takes the positions that ListOffsets has answered with.
    fn take_listed(&mut self, now: SimTime) {
        for (reset, until) in std::mem::take(&mut self.listing) {
            let Some(slot) = (self.slots.iter_mut()).find(|slot| slot.partition == reset.partition)
            else {
                continue; // Given up meanwhile.
            };
            if slot.position != reset.from {
                continue; // Sought elsewhere meanwhile.
            }
            if until > now {
                self.listing.push((reset, until));
                continue;
            }
            *slot = Slot::new(reset.partition, reset.to);
            self.resets.push(reset);
        }
    }

    fn complete(&mut self, broker: usize) {
        let broker = &mut self.brokers[broker];
        broker.in_flight = None;
        let mut kept = 0;
        for place in 0..broker.slots.len() {
            let index = broker.slots[place];
            let slot = &mut self.slots[index];
            let (from, to) = std::mem::take(&mut slot.incoming);
            // Data at another offset than the next is stale (a seek came in between).
            if from == slot.buffered_to && to > from {
                slot.buffered_to = to;
                self.buffer.push_back((index, to));
            } else {
                broker.slots[kept] = index;
                kept += 1;
            }
            if let Some((to, until)) = slot.reset.take() {
                let (partition, from) = (slot.partition, slot.position);
                let reset = Reset {
                    partition,
                    from,
                    to,
                };
                self.listing.push((reset, until));
                slot.paused_until = until;
                self.paused_to = self.paused_to.max(until);
            }
        }
        // What returned data goes to the end of the session's order.
        let mut returned = self.buffer.len() - (broker.slots.len() - kept);
        while kept < broker.slots.len() {
            broker.slots[kept] = self.buffer[returned].0;
            (kept, returned) = (kept + 1, returned + 1);
        }
        if (broker.slots.iter()).any(|&index| self.slots[index].unasked) {
            (broker.slots).sort_by_key(|&index| self.slots[index].unasked);
            for &index in &broker.slots {
                self.slots[index].unasked = false;
            }
        }
    }

    fn drain(&mut self, call: Call, runs: &mut Vec<Run>) -> u64 {
        let max = if call.one_partition {
            u64::MAX
        } else {
            call.max
        };
        let mut taken = 0;
        while taken < max {
            let Some(&(index, end)) = self.buffer.front() else {
                break;
            };
            let slot = &mut self.slots[index];
            let count = (end - slot.position).min(max - taken);
            let (from, to) = (slot.position, slot.position + count);
            match runs.last_mut() {
                Some(run) if run.partition == slot.partition => run.to = to,
                _ => runs.push(Run {
                    partition: slot.partition,
                    from,
                    to,
                }),
            }
            slot.position = to;
            taken += count;
            if slot.position == end {
                self.buffer.pop_front();
                if call.one_partition {
                    break;
                }
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests;
