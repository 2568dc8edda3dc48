//! Fetch requests: what is asked of a broker, when it answers, and with what.

use super::{FetchLimits, Fetcher, InFlight, Logs, Slot};
use crate::units::{SimDuration, SimTime};

impl Fetcher {
    /// Sends a fetch to every broker without one in flight, for its partitions with nothing buffered.
    /// In a poll an empty answer is followed by the next request, so the wait is for data; outside, the first
    /// answer counts, empty or not. Returns when to look next.
    pub(super) fn send(
        &mut self,
        now: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        in_poll: bool,
    ) -> SimTime {
        for index in 0..self.brokers.len() {
            if self.brokers[index].in_flight.is_none() {
                self.request(index, now, limits, logs, in_poll);
            }
        }
        if self.paused_to <= now {
            return self.next_answer;
        }
        let paused = self.slots.iter().map(|slot| slot.paused_until);
        let resumed = paused.filter(|until| *until > now).min();
        resumed.unwrap_or(SimTime::NEVER).min(self.next_answer)
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
        let (asked, there) = self.there(broker, now, reached, limits, logs);
        if asked == 0 {
            return;
        }
        let cycle = limits.cycle();
        let mut available = if there >= limits.min_records {
            reached
        } else if limits.min_records > 1 {
            self.enough(broker, now, reached, limits, logs)
        } else if !in_poll && cycle.is_zero() {
            return; // Answered at once and empty: as if nothing had been asked.
        } else {
            self.first_append(broker, now, logs)
        };
        let deadline = reached + limits.max_wait;
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
        self.next_answer = self.next_answer.min(answered);
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

    /// For how many partitions a request to `broker` asks, and how many records of them are there when it is `reached`,
    /// as far as the answer may hold them (`DelayedFetch#tryComplete`).
    fn there(
        &mut self,
        broker: usize,
        now: SimTime,
        reached: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
    ) -> (usize, u64) {
        let (mut asked, mut there) = (0, 0);
        for &index in &self.brokers[broker].slots {
            let slot = &mut self.slots[index];
            if Self::fetchable(slot, now) {
                asked += 1;
                let behind = Self::end(slot, reached, limits, logs).saturating_sub(slot.position);
                there += behind.min(limits.per_partition);
            }
        }
        (asked, there)
    }

    /// When the next record comes of the partitions that a request asks for, and that have none.
    fn first_append(&mut self, broker: usize, now: SimTime, logs: &mut impl Logs) -> SimTime {
        let mut first = SimTime::NEVER;
        for &index in &self.brokers[broker].slots {
            let slot = &mut self.slots[index];
            if Self::fetchable(slot, now) {
                first = first.min(Self::next(slot, logs));
            }
        }
        first
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
    pub(super) fn settle(&mut self, now: SimTime, limits: &FetchLimits, in_poll: bool) {
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
            self.next_answer = self.earliest_answer();
        }
    }

    /// When the first answer of those in flight arrives.
    pub(super) fn earliest_answer(&self) -> SimTime {
        let in_flight = self.brokers.iter().filter_map(|broker| broker.in_flight);
        let answered = in_flight.map(|in_flight| in_flight.answered);
        answered.min().unwrap_or(SimTime::NEVER)
    }
}
