//! Polls of a fetcher in its common state: whatever was fetched has been handed out, every request asks for all partitions
//! of its broker, none is paused or sought. They come to what [`Fetcher::poll`] would, request by request; only what cannot
//! happen is not looked for.

use super::{FetchLimits, FetchWhen, Fetcher, Logs, Run, Slot};
use crate::units::SimTime;

/// What polls one after another come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedOut {
    /// One at this instant returns all that has arrived, and nothing is buffered any more.
    Records(SimTime),
    /// One at this instant returns something that takes [`Fetcher::poll`]; it has not been called.
    Ask(SimTime),
    /// The one `at` this instant found nothing: look again at the other.
    Wait {
        /// When it was called.
        at: SimTime,
        /// When the next is due.
        look: SimTime,
    },
}

impl Fetcher {
    /// Whether it is in its common state at `now`; polls by [`Self::hand_out`] leave it so, seeks and assignments may not.
    pub fn is_steady(&self, now: SimTime, limits: &FetchLimits) -> bool {
        let asks_for_all = |broker: &super::Broker| {
            let in_flight = broker.in_flight;
            in_flight.is_none_or(|in_flight| in_flight.asked == broker.slots.len())
        };
        limits.when == FetchWhen::OnceDrained
            && limits.min_records == 1
            && self.buffer.is_empty()
            && self.listing.is_empty()
            && self.resets.is_empty()
            && self.paused_to <= now
            && self.slots.iter().all(|slot| slot.reset.is_none())
            && self.brokers.iter().all(asks_for_all)
    }

    /// Polls that return what there is, `max` records at most, of a fetcher that [is steady](Self::is_steady): the first
    /// at `now`, and another whenever one before has found nothing and is to look again, but none after `until`.
    pub fn hand_out(
        &mut self,
        now: SimTime,
        until: SimTime,
        max: u64,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        runs: &mut Vec<Run>,
    ) -> HandedOut {
        let mut at = now;
        loop {
            if self.next_answer <= at {
                match self.take(at, max, runs) {
                    None => return HandedOut::Ask(at),
                    Some(0) => {}
                    Some(_) => {
                        self.settle(at, limits, false);
                        self.ask(at, limits, logs, false);
                        return HandedOut::Records(at);
                    }
                }
            }
            let look = self.ask(at, limits, logs, true);
            if look > until {
                return HandedOut::Wait { at, look };
            }
            at = at.max(look);
        }
    }

    /// As [`Self::send`], by which every partition of a broker is asked for. Mostly nothing is there yet, and when that
    /// changes is known.
    #[inline(always)]
    fn ask(
        &mut self,
        now: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        in_poll: bool,
    ) -> SimTime {
        let reached = now + limits.round_trip.half();
        for index in 0..self.brokers.len() {
            let broker = &self.brokers[index];
            if broker.in_flight.is_some() {
                continue;
            }
            let (mut quiet, mut next) = (true, SimTime::NEVER);
            for &slot in &broker.slots {
                let slot = &self.slots[slot];
                quiet &= slot.is_quiet(reached);
                next = next.min(slot.next);
            }
            if !quiet {
                self.request::<true>(index, now, limits, logs, in_poll);
                continue;
            }
            let mut turn = reached;
            if in_poll {
                turn = limits.turn(reached, next);
            } else if limits.cycle().is_zero() {
                continue;
            }
            let (asked, answers_at) = (broker.slots.len(), limits.answers_at(turn, next, in_poll));
            if next <= answers_at && answers_at != SimTime::NEVER {
                self.bring(index, answers_at, limits, logs);
            }
            self.answer(index, reached, next, answers_at, asked, limits);
        }
        self.next_answer
    }

    /// As [`Self::fill`], of partitions with nothing but what comes by `at`.
    #[inline(always)]
    fn bring(&mut self, broker: usize, at: SimTime, limits: &FetchLimits, logs: &mut impl Logs) {
        let mut room = limits.per_response;
        for &index in &self.brokers[broker].slots {
            let slot = &mut self.slots[index];
            if at < slot.next {
                continue;
            }
            let (behind, gone) = Self::behind(slot, at, limits, logs);
            if gone {
                Self::reset(slot, at, limits, logs);
                continue;
            }
            slot.incoming = (slot.buffered_to, slot.buffered_to + behind.min(room));
            room = room.saturating_sub(behind);
        }
    }

    /// Hands out all answers that have arrived, in the order of their arrival; returns how many records that are. `None`,
    /// and it has taken nothing, if a poll does not return all of them or one of them is an error.
    #[inline(always)]
    fn take(&mut self, at: SimTime, max: u64, runs: &mut Vec<Run>) -> Option<u64> {
        let mut there = 0;
        for broker in &self.brokers {
            if broker.in_flight.is_some_and(|one| one.answered <= at) {
                for &index in &broker.slots {
                    let slot = &self.slots[index];
                    if slot.reset.is_some() {
                        return None;
                    }
                    there += arrived(slot);
                }
            }
        }
        if there > max {
            return None;
        }
        while self.next_answer <= at {
            let mut next = SimTime::NEVER;
            let mut repeats = false;
            let mut taken = false;
            for index in 0..self.brokers.len() {
                let Some(in_flight) = self.brokers[index].in_flight else {
                    continue;
                };
                if in_flight.answered == self.next_answer && !taken {
                    taken = true;
                    self.take_from(index, runs);
                } else {
                    next = next.min(in_flight.answered);
                    repeats |= in_flight.repeats;
                }
            }
            (self.next_answer, self.repeats) = (next, repeats);
        }
        Some(there)
    }

    /// What a broker has answered goes to the application.
    #[inline(always)]
    fn take_from(&mut self, broker: usize, runs: &mut Vec<Run>) {
        let broker = &mut self.brokers[broker];
        broker.in_flight = None;
        let mut place = 0;
        for _ in 0..broker.slots.len() {
            let index = broker.slots[place];
            let slot = &mut self.slots[index];
            let count = arrived(slot);
            slot.incoming = (0, 0);
            if count == 0 {
                place += 1;
                continue;
            }
            let (partition, from) = (slot.partition, slot.position);
            let to = from + count;
            (slot.position, slot.buffered_to) = (to, to);
            runs.push(Run {
                partition,
                from,
                to,
            });
            // What returned data goes to the end of the session's order.
            for next in place + 1..broker.slots.len() {
                broker.slots.swap(next - 1, next);
            }
        }
    }
}

impl Slot {
    /// Whether all that is there at `at` has been handed out, as far as it has been asked.
    #[inline]
    pub(super) fn is_quiet(&self, at: SimTime) -> bool {
        let (known_at, end) = self.known;
        end == self.buffered_to && known_at <= at && at < self.next
    }
}

/// Records that its broker's answer brings of a partition: none at another offset than the next (a seek came in between).
#[inline]
fn arrived(slot: &Slot) -> u64 {
    let (from, to) = slot.incoming;
    if from == slot.buffered_to {
        to.saturating_sub(from)
    } else {
        0
    }
}
