//! Fetch requests: what is asked of a broker, when it answers, and with what.

use super::{FetchLimits, FetchWhen, Fetcher, InFlight, Logs, OffsetReset, Slot};
use crate::units::{SimDuration, SimTime};

/// What a request asks for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// How many partitions.
    partitions: usize,
    /// Records that count for fetch.min.bytes: of a partition no more than the answer may hold
    /// (`DelayedFetch#tryComplete`).
    records: u64,
    /// When the next record comes, if there are none.
    next: SimTime,
    /// Whether a position is out of range, which is answered at once (`ReplicaManager#fetchMessages`).
    out_of_range: bool,
}

impl InFlight {
    /// A request for so many partitions that reaches its broker at `reached` and is answered at `answers_at`, what it waits
    /// for being there at `available`.
    #[inline]
    pub(super) fn new(
        reached: SimTime,
        available: SimTime,
        answers_at: SimTime,
        asked: usize,
        limits: &FetchLimits,
    ) -> Self {
        InFlight {
            reached,
            available,
            answered: answers_at + limits.round_trip.saturating_sub(limits.round_trip.half()),
            asked,
            repeats: available > reached + limits.max_wait,
        }
    }
}

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
            let asks = limits.when != FetchWhen::BetweenBatches || self.drained(index);
            if asks && self.brokers[index].in_flight.is_none() {
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

    /// Asks a broker for its partitions with nothing buffered.
    fn request(
        &mut self,
        broker: usize,
        now: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        in_poll: bool,
    ) {
        let reached = now + limits.round_trip.half();
        let asked = self.fill(broker, now, reached, limits, logs);
        if asked.partitions == 0 {
            return;
        }
        if asked.records >= limits.min_records || asked.out_of_range {
            return self.answer(broker, reached, reached, reached, asked.partitions, limits);
        }
        let mut available = asked.next;
        if limits.min_records > 1 {
            self.take_back(broker);
            available = self.enough(broker, now, reached, limits, logs);
        } else if !in_poll && limits.cycle().is_zero() {
            return; // Answered at once and empty: as if nothing had been asked.
        }
        let mut turn = reached;
        if in_poll {
            turn = limits.turn(reached, available);
            if turn > reached && limits.min_records > 1 {
                available = self.enough(broker, now, turn, limits, logs);
            }
        }
        let answers_at = limits.answers_at(turn, available, in_poll);
        if available <= answers_at && answers_at != SimTime::NEVER {
            self.fill(broker, now, answers_at, limits, logs);
        }
        self.answer(
            broker,
            reached,
            available,
            answers_at,
            asked.partitions,
            limits,
        );
    }

    /// A request is on its way, and when it is answered is known.
    fn answer(
        &mut self,
        broker: usize,
        reached: SimTime,
        available: SimTime,
        answers_at: SimTime,
        asked: usize,
        limits: &FetchLimits,
    ) {
        let in_flight = InFlight::new(reached, available, answers_at, asked, limits);
        self.next_answer = self.next_answer.min(in_flight.answered);
        self.repeats |= in_flight.repeats;
        self.brokers[broker].in_flight = Some(in_flight);
    }

    fn fetchable_of(&self, broker: usize, now: SimTime, limits: &FetchLimits) -> usize {
        let room = self.room(limits);
        let slots = self.brokers[broker].slots.iter();
        slots
            .filter(|&&index| Self::fetchable(&self.slots[index], now, room))
            .count()
    }

    /// Records of a partition that may wait when it is fetched; `None` if it is not.
    fn room(&self, limits: &FetchLimits) -> Option<u64> {
        match limits.when {
            FetchWhen::OnceDrained | FetchWhen::BetweenBatches => Some(0),
            FetchWhen::Ahead {
                of_partition,
                of_all,
            } => (self.buffered() < of_all).then_some(of_partition - 1),
        }
    }

    fn fetchable(slot: &Slot, now: SimTime, room: Option<u64>) -> bool {
        let waiting = slot.buffered_to - slot.position;
        room.is_some_and(|room| waiting <= room) && slot.paused_until <= now
    }

    /// Whether nothing is buffered of what a broker leads.
    fn drained(&self, broker: usize) -> bool {
        let mut slots = self.brokers[broker].slots.iter();
        slots.all(|&index| self.slots[index].position == self.slots[index].buffered_to)
    }

    /// Puts into the answer to a request what the broker has at `at`, in session order, within the byte limits.
    fn fill(
        &mut self,
        broker: usize,
        now: SimTime,
        at: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
    ) -> Asked {
        let mut asked = Asked {
            partitions: 0,
            records: 0,
            next: SimTime::NEVER,
            out_of_range: false,
        };
        let queue = self.room(limits);
        for &index in &self.brokers[broker].slots {
            let slot = &mut self.slots[index];
            if !Self::fetchable(slot, now, queue) {
                continue;
            }
            let (behind, gone) = Self::behind(slot, at, limits, logs);
            if gone && slot.buffered_to > slot.position {
                continue; // What waits is handed out before the position moves.
            }
            asked.partitions += 1;
            if gone {
                Self::reset(slot, at, limits, logs);
                asked.out_of_range = true;
                continue;
            }
            let room = limits.per_response.saturating_sub(asked.records);
            slot.incoming = (slot.buffered_to, slot.buffered_to + behind.min(room));
            asked.records += behind;
            asked.next = asked.next.min(slot.next);
        }
        asked
    }

    /// How many records an answer of `at` may bring of a partition at most, and whether the log does not hold the first any
    /// more.
    #[inline(always)]
    pub(super) fn behind(
        slot: &mut Slot,
        at: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
    ) -> (u64, bool) {
        let end = Self::end(slot, at, limits, logs);
        let behind = end.saturating_sub(slot.buffered_to);
        let gone = behind > 0 && slot.buffered_to < logs.log_start(slot.partition, at);
        (behind.min(limits.per_partition), gone)
    }

    /// The answer of `at` says OFFSET_OUT_OF_RANGE, and ListOffsets then where to go on
    /// (`FetchCollector#handleInitializeErrors`).
    #[cold]
    pub(super) fn reset(slot: &mut Slot, at: SimTime, limits: &FetchLimits, logs: &mut impl Logs) {
        let listed = at + limits.round_trip;
        let to = match limits.reset {
            OffsetReset::Earliest => logs.log_start(slot.partition, listed),
            OffsetReset::Latest => logs.listed_end(slot.partition, listed),
        };
        slot.reset = Some((to, listed + limits.round_trip - limits.round_trip.half()));
    }

    /// An answer that is not due takes nothing along.
    fn take_back(&mut self, broker: usize) {
        for &slot in &self.brokers[broker].slots {
            self.slots[slot].incoming = (0, 0);
            self.slots[slot].reset = None;
        }
    }

    /// Log end at `at`, or a lower bound of it that already fills the partition's share of an answer. Of a slot that has
    /// read all there is, `next` says when that changes.
    fn end(slot: &mut Slot, at: SimTime, limits: &FetchLimits, logs: &mut impl Logs) -> u64 {
        let (known_at, known) = slot.known;
        let plenty = known.saturating_sub(slot.buffered_to) >= limits.per_partition;
        if known_at <= at && (plenty || at < slot.next) {
            return known;
        }
        let mut end = known + 1;
        if at == slot.next {
            // One record has come at this very moment, and hardly ever a second.
            slot.next = logs.readable_at(slot.partition, end);
        }
        if at >= slot.next || known_at > at {
            (end, slot.next) = logs.readable_end_and_next(slot.partition, at);
        }
        slot.known = (at, end);
        end
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
        let room = self.room(limits);
        let mut there = |at: SimTime| {
            let asked = asked.iter().filter(|slot| Self::fetchable(slot, now, room));
            let counts = asked.map(|slot| {
                let behind = logs
                    .readable_end(slot.partition, at)
                    .saturating_sub(slot.buffered_to);
                // Only what the answer may hold counts (`DelayedFetch#tryComplete`).
                behind.min(limits.per_partition)
            });
            counts.sum::<u64>() >= limits.min_records
        };
        // The broker answers after fetch.max.wait.ms whatever there is, as soon as there is one record.
        let mut high = reached + limits.max_wait;
        if !there(high) {
            let first = asked.iter().filter(|slot| Self::fetchable(slot, now, room));
            let first = first
                .map(|slot| logs.readable_at(slot.partition, slot.buffered_to))
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

    /// Long polls that would be repeated until data came are cut down to the one in flight: when the poll returns,
    /// or (`in_poll`) when a partition can be fetched that they do not ask for.
    pub(super) fn settle(&mut self, now: SimTime, limits: &FetchLimits, in_poll: bool) {
        if !self.repeats {
            return;
        }
        let cycle = limits.cycle();
        for index in 0..self.brokers.len() {
            let Some(in_flight) = self.brokers[index].in_flight else {
                continue;
            };
            if !in_flight.repeats
                || in_poll && self.fetchable_of(index, now, limits) <= in_flight.asked
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
                    repeats: false,
                    ..in_flight
                });
            }
            self.take_back(index);
        }
        self.look_over();
    }

    /// What is in flight has changed.
    pub(super) fn look_over(&mut self) {
        (self.next_answer, self.repeats) = (SimTime::NEVER, false);
        for in_flight in self.brokers.iter().filter_map(|broker| broker.in_flight) {
            self.next_answer = self.next_answer.min(in_flight.answered);
            self.repeats |= in_flight.repeats;
        }
    }
}
