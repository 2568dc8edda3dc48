//! The fetcher of a Java-like consumer: what is asked of which broker, what is buffered, and what a poll drains.
//! Between two polls nothing happens here: an answer is fixed when its request is sent, since a log is a function of
//! time (`AbstractFetch`, `FetchBuffer`, `FetchCollector`; broker side `ReplicaManager`, `DelayedFetch`).

use std::collections::VecDeque;

use crate::units::{PartitionId, SimDuration, SimTime};

/// The logs as a broker answers a fetch from them.
pub trait Logs {
    /// Log-end offset of a partition at an instant.
    fn log_end(&mut self, partition: PartitionId, at: SimTime) -> u64;
    /// When the record at `offset` is appended.
    fn appended_at(&mut self, partition: PartitionId, offset: u64) -> SimTime;
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
}

impl FetchLimits {
    /// A long poll that finds nothing, from its sending to the sending of the next.
    fn cycle(&self) -> SimDuration {
        self.round_trip + self.max_wait
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
    /// Not fetched before (a pause by the application).
    pub paused_until: SimTime,
    buffered_to: u64,
    incoming: Option<(u64, u64)>,
    /// Log end at an instant, as asked last.
    known: (SimTime, u64),
    /// When the record at that log end is appended, once asked.
    next: Option<SimTime>,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    /// When the first of these long polls reached the broker.
    reached: SimTime,
    /// When the data it waits for is there.
    available: SimTime,
    /// When the answer is at the member.
    answered: SimTime,
    /// How many partitions it asks for.
    asked: usize,
}

#[derive(Clone, Debug, Default)]
struct Broker {
    /// Slots it leads, in the order of its fetch session: one that returned data goes to the end.
    slots: Vec<usize>,
    in_flight: Option<InFlight>,
}

/// The fetcher of one member.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    slots: Vec<Slot>,
    brokers: Vec<Broker>,
    /// Slots with buffered records, in the order their fetches completed; the front is next in line.
    buffer: VecDeque<usize>,
}

impl Fetcher {
    /// Takes up an assignment, partitions ascending, each with its position; whatever was buffered is dropped.
    pub fn assign(&mut self, positions: &[(PartitionId, u64)], brokers: u32) {
        self.buffer.clear();
        self.slots.clear();
        self.brokers.clear();
        self.brokers.resize_with(brokers as usize, Broker::default);
        for &(partition, position) in positions {
            let broker = (partition.0 % brokers) as usize;
            self.brokers[broker].slots.push(self.slots.len());
            self.slots.push(Slot {
                partition,
                position,
                paused_until: SimTime::ZERO,
                buffered_to: position,
                incoming: None,
                // Nothing is known yet.
                known: (SimTime::NEVER, 0),
                next: None,
            });
        }
    }

    /// Gives everything up.
    pub fn clear(&mut self) {
        self.assign(&[], 1);
    }

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

    /// Moves a partition's position, drops what is buffered of it, and pauses it until `paused_until`.
    pub fn seek(&mut self, partition: PartitionId, position: u64, paused_until: SimTime) {
        let Ok(index) = self
            .slots
            .binary_search_by_key(&partition, |slot| slot.partition)
        else {
            return;
        };
        let slot = &mut self.slots[index];
        slot.position = position;
        slot.buffered_to = position;
        slot.incoming = None;
        slot.paused_until = paused_until;
        self.buffer.retain(|&buffered| buffered != index);
    }

    /// The member stands still from `now` on: no long poll is followed by another.
    pub fn stand_still(&mut self, now: SimTime, limits: &FetchLimits) {
        self.receive(now);
        self.settle(now, limits, false);
    }

    /// One poll at `now`: hands out up to `max` records into `runs`, or says when to look again.
    pub fn poll(
        &mut self,
        now: SimTime,
        max: u64,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        runs: &mut Vec<Run>,
    ) -> Polled {
        self.receive(now);
        if self.buffer.is_empty() {
            self.settle(now, limits, true);
            let wait = self.send(now, limits, logs, true);
            self.receive(now);
            if self.buffer.is_empty() {
                return Polled::Wait(wait);
            }
        }
        let taken = self.drain(max, runs);
        self.settle(now, limits, false);
        self.send(now, limits, logs, false);
        Polled::Records(taken)
    }

    /// Takes answers that have arrived into the buffer, in the order of their arrival.
    fn receive(&mut self, now: SimTime) {
        loop {
            let mut first: Option<(SimTime, usize)> = None;
            for (index, broker) in self.brokers.iter().enumerate() {
                if let Some(in_flight) = broker.in_flight
                    && in_flight.answered <= now
                    && first.is_none_or(|(at, _)| in_flight.answered < at)
                {
                    first = Some((in_flight.answered, index));
                }
            }
            let Some((_, index)) = first else { return };
            self.complete(index);
        }
    }

    fn complete(&mut self, broker: usize) {
        let broker = &mut self.brokers[broker];
        broker.in_flight = None;
        let mut returned = 0;
        for place in 0..broker.slots.len() {
            let index = broker.slots[place - returned];
            let slot = &mut self.slots[index];
            // Data at another offset than the position is stale (a seek came in between).
            if let Some((from, to)) = slot.incoming.take()
                && from == slot.position
                && to > from
            {
                slot.buffered_to = to;
                self.buffer.push_back(index);
                broker.slots.remove(place - returned);
                broker.slots.push(index);
                returned += 1;
            }
        }
    }

    fn drain(&mut self, max: u64, runs: &mut Vec<Run>) -> u64 {
        let mut taken = 0;
        while taken < max {
            let Some(&index) = self.buffer.front() else {
                break;
            };
            let slot = &mut self.slots[index];
            let count = (slot.buffered_to - slot.position).min(max - taken);
            let (from, to) = (slot.position, slot.position + count);
            runs.push(Run {
                partition: slot.partition,
                from,
                to,
            });
            slot.position = to;
            taken += count;
            if slot.position == slot.buffered_to {
                self.buffer.pop_front();
            }
        }
        taken
    }

    /// Sends a fetch to every broker without one in flight, for its partitions with nothing buffered.
    /// In a poll an empty answer is followed by the next request, so the wait is for data; outside, the first
    /// answer counts, empty or not. Returns when to look next.
    fn send(
        &mut self,
        now: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        in_poll: bool,
    ) -> SimTime {
        let mut look = SimTime::NEVER;
        for index in 0..self.brokers.len() {
            if self.brokers[index].in_flight.is_none() {
                self.request(index, now, limits, logs, in_poll);
            }
            if let Some(in_flight) = self.brokers[index].in_flight {
                look = look.min(in_flight.answered);
            }
        }
        for slot in &self.slots {
            if slot.paused_until > now {
                look = look.min(slot.paused_until);
            }
        }
        look
    }

    fn request(
        &mut self,
        broker: usize,
        now: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        in_poll: bool,
    ) {
        let reached = now + limits.round_trip.half();
        let Some(mut available) = self.available(broker, now, reached, in_poll, limits, logs)
        else {
            return;
        };
        let deadline = reached + limits.max_wait;
        let cycle = limits.cycle();
        let answers_at = if available <= deadline {
            available.max(reached)
        } else if !in_poll {
            deadline
        } else if cycle.is_zero() || available == SimTime::NEVER {
            available
        } else {
            let late = available.since(deadline).as_nanos();
            let turn = reached + cycle * late.div_ceil(cycle.as_nanos());
            if limits.min_records > 1 {
                available = self.enough(broker, now, turn, limits, logs);
            }
            available.max(turn)
        };
        if available <= answers_at && answers_at != SimTime::NEVER {
            self.fill(broker, now, answers_at, limits, logs);
        }
        let answered = answers_at + limits.round_trip.saturating_sub(limits.round_trip.half());
        let asked = self.fetchable_of(broker, now);
        self.brokers[broker].in_flight = Some(InFlight {
            reached,
            available,
            answered,
            asked,
        });
    }

    fn fetchable_of(&self, broker: usize, now: SimTime) -> usize {
        let slots = self.brokers[broker].slots.iter();
        slots
            .filter(|&&index| Self::fetchable(&self.slots[index], now))
            .count()
    }

    fn fetchable(slot: &Slot, now: SimTime) -> bool {
        slot.position == slot.buffered_to && slot.paused_until <= now
    }

    /// When the broker has fetch.min.bytes for this request, at `reached` or later; `None` if nothing is asked for.
    fn available(
        &mut self,
        broker: usize,
        now: SimTime,
        reached: SimTime,
        in_poll: bool,
        limits: &FetchLimits,
        logs: &mut impl Logs,
    ) -> Option<SimTime> {
        let mut asked = false;
        let mut there = 0;
        for &index in &self.brokers[broker].slots {
            let slot = &mut self.slots[index];
            if Self::fetchable(slot, now) {
                asked = true;
                let behind = Self::end(slot, reached, limits, logs).saturating_sub(slot.position);
                there += behind.min(limits.per_partition);
                if there >= limits.min_records {
                    return Some(reached);
                }
            }
        }
        if !asked {
            return None;
        }
        if limits.min_records > 1 {
            return Some(self.enough(broker, now, reached, limits, logs));
        }
        if !in_poll && limits.cycle().is_zero() {
            return None; // Answered at once and empty: as if nothing had been asked.
        }
        let mut first = SimTime::NEVER;
        for &index in &self.brokers[broker].slots {
            let slot = &mut self.slots[index];
            if Self::fetchable(slot, now) {
                first = first.min(Self::next(slot, logs));
            }
        }
        Some(first)
    }

    /// Log end at `at`, or a lower bound of it that already fills the partition's share of an answer.
    fn end(slot: &mut Slot, at: SimTime, limits: &FetchLimits, logs: &mut impl Logs) -> u64 {
        let (known_at, known) = slot.known;
        let plenty = known.saturating_sub(slot.position) >= limits.per_partition;
        let same = known_at == at || slot.next.is_some_and(|next| at < next);
        if known_at <= at && (plenty || same) {
            return known;
        }
        let end = logs.log_end(slot.partition, at);
        slot.next = slot.next.filter(|_| end == known);
        slot.known = (at, end);
        end
    }

    /// When the record at the position of a slot is appended, for one that has read all there is.
    fn next(slot: &mut Slot, logs: &mut impl Logs) -> SimTime {
        if slot.known.1 != slot.position {
            return logs.appended_at(slot.partition, slot.position);
        }
        let (partition, position) = (slot.partition, slot.position);
        *slot
            .next
            .get_or_insert_with(|| logs.appended_at(partition, position))
    }

    /// When `min_records` are there over all partitions asked for: bisection, since every log only grows.
    fn enough(
        &self,
        broker: usize,
        now: SimTime,
        reached: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
    ) -> SimTime {
        let asked: Vec<&Slot> = self.brokers[broker]
            .slots
            .iter()
            .map(|&index| &self.slots[index])
            .collect();
        let mut there = |at: SimTime| {
            let asked = asked.iter().filter(|slot| Self::fetchable(slot, now));
            let counts = asked.map(|slot| {
                let behind = logs
                    .log_end(slot.partition, at)
                    .saturating_sub(slot.position);
                // Only what the answer may hold counts (`DelayedFetch#tryComplete`).
                behind.min(limits.per_partition)
            });
            counts.sum::<u64>() >= limits.min_records
        };
        // The broker answers after fetch.max.wait.ms whatever there is, as soon as there is one record.
        let mut high = reached + limits.max_wait;
        if !there(high) {
            let first = asked.iter().filter(|slot| Self::fetchable(slot, now));
            let first = first
                .map(|slot| logs.appended_at(slot.partition, slot.position))
                .min();
            return first.unwrap_or(SimTime::NEVER).max(high);
        }
        let mut low = reached;
        while high.since(low) > SimDuration::from_nanos(1) {
            let middle = low + high.since(low).half();
            if there(middle) {
                high = middle
            } else {
                low = middle
            }
        }
        high
    }

    /// Puts into the answer what the broker has at `at`, in session order, within the byte limits.
    fn fill(
        &mut self,
        broker: usize,
        now: SimTime,
        at: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
    ) {
        let mut room = limits.per_response;
        for &index in &self.brokers[broker].slots {
            let slot = &mut self.slots[index];
            if room == 0 || !Self::fetchable(slot, now) {
                continue;
            }
            let there = Self::end(slot, at, limits, logs).saturating_sub(slot.position);
            let count = there.min(limits.per_partition).min(room);
            if count > 0 {
                slot.incoming = Some((slot.position, slot.position + count));
                room -= count;
            }
        }
    }

    /// Long polls that would be repeated until data came are cut down to the one in flight: when the poll returns,
    /// or (`in_poll`) when a partition can be fetched that they do not ask for.
    fn settle(&mut self, now: SimTime, limits: &FetchLimits, in_poll: bool) {
        let cycle = limits.cycle();
        for index in 0..self.brokers.len() {
            let Some(in_flight) = self.brokers[index].in_flight else {
                continue;
            };
            let first_answer_counts = in_flight.available <= in_flight.reached + limits.max_wait;
            if first_answer_counts || (in_poll && self.fetchable_of(index, now) <= in_flight.asked)
            {
                continue;
            }
            let broker = &mut self.brokers[index];
            if cycle.is_zero() {
                broker.in_flight = None;
            } else {
                let sent = in_flight.reached - limits.round_trip.half();
                let turns = now.since(sent).as_nanos() / cycle.as_nanos();
                let reached = in_flight.reached + cycle * turns;
                let deadline = reached + limits.max_wait;
                if in_flight.available <= deadline {
                    continue;
                }
                let answered =
                    deadline + limits.round_trip.saturating_sub(limits.round_trip.half());
                broker.in_flight = Some(InFlight {
                    reached,
                    available: deadline,
                    answered,
                    ..in_flight
                });
            }
            for &slot in &broker.slots {
                self.slots[slot].incoming = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
