//! Polls of a fetcher in its common state: whatever was fetched has been handed out, every request asks for all partitions
//! of its broker, none is paused or sought. They come to what [`Fetcher::poll`] would, request by request; only what cannot
//! happen is not looked for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Broker, Call, FetchLimits, FetchWhen, Fetcher, InFlight, Logs, Polled, Run, Slot};
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
    /// Makes it ready for [`Self::hand_out`] if it is in its common state at `now`, and says whether it is; these polls leave it
    /// so, seeks and assignments may not.
    pub fn enter_steady(&mut self, now: SimTime, limits: &FetchLimits) -> bool {
        if limits.when != FetchWhen::OnceDrained || limits.min_records != 1 {
            return false;
        }
        if self.steady.is_some() {
            return true; // Nothing but such polls since it was looked at.
        }
        let asks_for_all = |broker: &Broker| {
            let (in_flight, all) = (broker.in_flight, broker.slots.len());
            in_flight.is_none_or(|in_flight| all > 0 && in_flight.asked == all)
        };
        let steady = self.buffer.is_empty()
            && self.listing.is_empty()
            && self.resets.is_empty()
            && self.paused_to <= now
            && self.slots.iter().all(|slot| slot.reset.is_none())
            && self.brokers.iter().all(asks_for_all);
        if steady {
            self.await_all(now);
        }
        steady
    }

    /// Whatever comes next is not a poll of the common state.
    pub(super) fn leave_steady(&mut self) {
        if self.steady.take().is_some() {
            self.order_sessions();
        }
    }

    /// The order of the sessions is that of the ranks.
    fn order_sessions(&mut self) {
        let slots = &self.slots;
        for broker in &mut self.brokers {
            broker.slots.sort_unstable_by_key(|&slot| slots[slot].rank);
        }
    }

    /// Every partition is awaited, or what is in flight brings something of it, or says that it is out of range.
    fn await_all(&mut self, now: SimTime) {
        let mut last = 0;
        for broker in &mut self.brokers {
            let Broker {
                slots,
                in_flight,
                news,
                ..
            } = broker;
            news.clear();
            for &index in &*slots {
                let slot = &mut self.slots[index];
                slot.rank = last;
                last += 1;
                let comes = slot.incoming != (0, 0) || slot.reset.is_some();
                if in_flight.is_some() && comes {
                    news.coming.push(index);
                } else {
                    // One that is known for later only has to be asked.
                    let known = in_flight.is_some() || slot.known.0 <= now;
                    let at = if known { slot.due_at() } else { SimTime::ZERO };
                    news.awaited.push(Reverse((at, index)));
                }
            }
        }
        self.steady = Some(last);
    }

    /// Polls that return what there is, `max` records at most, of a fetcher that [is steady](Self::enter_steady): the first
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
        if self.steady.is_none() {
            return HandedOut::Ask(now);
        }
        let mut at = now;
        loop {
            if self.next_answer <= at {
                match self.take(at, max, runs) {
                    None => return HandedOut::Ask(at),
                    Some(0) => {}
                    Some(_) => {
                        if self.repeats {
                            self.settle(at, limits, false);
                            self.order_sessions();
                            self.await_all(at);
                        }
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

    /// One poll at `now`, as [`Self::poll`]: without a look at partitions that have no news, if it is in its common state.
    pub fn poll_steady(
        &mut self,
        now: SimTime,
        call: Call,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        runs: &mut Vec<Run>,
    ) -> Polled {
        let plain = call.until <= now && !call.one_partition;
        if plain && self.enter_steady(now, limits) {
            let before = runs.len();
            match self.hand_out(now, now, call.max, limits, logs, runs) {
                HandedOut::Records(_) => {
                    let taken = runs[before..].iter().map(|run| run.to - run.from);
                    return Polled::Records(taken.sum());
                }
                HandedOut::Wait { look, .. } => return Polled::Wait(look),
                HandedOut::Ask(_) => {}
            }
        }
        self.poll(now, call, limits, logs, runs)
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
        for broker in &mut self.brokers {
            if broker.in_flight.is_some() {
                continue;
            }
            let news = &mut broker.news;
            let answer = news.answer(&mut self.slots, reached, limits, logs, in_poll);
            let Some((available, answers_at)) = answer else {
                continue;
            };
            let asked = broker.slots.len();
            let in_flight = InFlight::new(reached, available, answers_at, asked, limits);
            self.next_answer = self.next_answer.min(in_flight.answered);
            self.repeats |= in_flight.repeats;
            broker.in_flight = Some(in_flight);
        }
        self.next_answer
    }

    /// Hands out all answers that have arrived, in the order of their arrival; returns how many records that are. `None`,
    /// and it has taken nothing, if a poll does not return all of them or one of them is an error.
    #[inline(always)]
    fn take(&mut self, at: SimTime, max: u64, runs: &mut Vec<Run>) -> Option<u64> {
        let mut there = 0;
        for broker in &self.brokers {
            if broker.in_flight.is_some_and(|one| one.answered <= at) {
                for &index in &broker.news.coming {
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
        let mut last = self.steady?;
        while self.next_answer <= at {
            let (mut next, mut repeats, mut taken) = (SimTime::NEVER, false, false);
            for broker in &mut self.brokers {
                let Some(in_flight) = broker.in_flight else {
                    continue;
                };
                if in_flight.answered == self.next_answer && !taken {
                    taken = true;
                    broker.in_flight = None;
                    for &index in &broker.news.coming {
                        let slot = &mut self.slots[index];
                        if let Some(run) = hand_out_of(slot) {
                            runs.push(run);
                            // What returned data goes to the end of the session's order.
                            slot.rank = last;
                            last += 1;
                        }
                    }
                    broker.news.await_again(&self.slots);
                } else {
                    next = next.min(in_flight.answered);
                    repeats |= in_flight.repeats;
                }
            }
            (self.next_answer, self.repeats) = (next, repeats);
        }
        self.steady = Some(last);
        Some(there)
    }
}

/// Finds those partitions of a broker that have news, however many have none.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// When each is to be looked at, the first first.
    awaited: BinaryHeap<Reverse<(SimTime, usize)>>,
    /// Those that its next answer may bring something of, in the order of the session.
    coming: Vec<usize>,
}

impl News {
    fn clear(&mut self) {
        self.awaited.clear();
        self.coming.clear();
    }

    /// How a request that reaches the broker at `reached` is answered: when what it brings is there, and when the answer is
    /// given; not at all if that is at once and empty, which is as if nothing had been asked.
    #[inline(always)]
    fn answer(
        &mut self,
        slots: &mut [Slot],
        reached: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
        in_poll: bool,
    ) -> Option<(SimTime, SimTime)> {
        if self.due(slots, reached) {
            if self.bring(slots, reached, limits, logs) {
                return Some((reached, reached));
            }
            self.await_again(slots);
        }
        let next = self.next();
        let mut turn = reached;
        if in_poll {
            turn = limits.turn(reached, next);
        } else if limits.cycle().is_zero() {
            return None;
        }
        let answers_at = limits.answers_at(turn, next, in_poll);
        if next <= answers_at && answers_at != SimTime::NEVER {
            self.due(slots, answers_at);
            self.bring(slots, answers_at, limits, logs);
        }
        Some((next, answers_at))
    }

    /// As [`Fetcher::fill`], of the partitions that are due; whether that makes an answer.
    #[inline(always)]
    fn bring(
        &self,
        slots: &mut [Slot],
        at: SimTime,
        limits: &FetchLimits,
        logs: &mut impl Logs,
    ) -> bool {
        let (mut records, mut out_of_range) = (0, false);
        for &index in &self.coming {
            let slot = &mut slots[index];
            let (behind, gone) = Fetcher::behind(slot, at, limits, logs);
            if gone {
                Fetcher::reset(slot, at, limits, logs);
                out_of_range = true;
                continue;
            }
            let room = limits.per_response.saturating_sub(records);
            slot.incoming = (slot.buffered_to, slot.buffered_to + behind.min(room));
            records += behind;
        }
        records > 0 || out_of_range
    }

    /// Takes the partitions that are to be looked at by `at` into what is coming; whether there are any.
    #[inline(always)]
    fn due(&mut self, slots: &[Slot], at: SimTime) -> bool {
        while self.next() <= at
            && let Some(Reverse((_, index))) = self.awaited.pop()
        {
            self.coming.push(index);
        }
        if self.coming.len() > 1 {
            self.coming.sort_unstable_by_key(|&slot| slots[slot].rank);
        }
        !self.coming.is_empty()
    }

    /// What has come, or has not, is awaited again.
    #[inline(always)]
    fn await_again(&mut self, slots: &[Slot]) {
        for index in self.coming.drain(..) {
            self.awaited.push(Reverse((slots[index].due_at(), index)));
        }
    }

    /// When the first is to be looked at.
    #[inline(always)]
    fn next(&self) -> SimTime {
        let first = self.awaited.peek();
        first.map_or(SimTime::NEVER, |first| first.0.0)
    }
}

impl Slot {
    /// When a request for it brings something: at any time if not all that is known to be there has been handed out.
    #[inline]
    fn due_at(&self) -> SimTime {
        if self.known.1 > self.buffered_to {
            SimTime::ZERO
        } else {
            self.next
        }
    }
}

/// What its broker's answer has brought of a partition goes to the application, if that is anything.
#[inline(always)]
fn hand_out_of(slot: &mut Slot) -> Option<Run> {
    let count = arrived(slot);
    slot.incoming = (0, 0);
    if count == 0 {
        return None;
    }
    let (partition, from) = (slot.partition, slot.position);
    let to = from + count;
    (slot.position, slot.buffered_to) = (to, to);
    Some(Run {
        partition,
        from,
        to,
    })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{OffsetReset, Reset};
    use super::*;
    use crate::units::{PartitionId, SimDuration};

    /// A partition's log: when its records come, and when those before an offset go [ms].
    #[derive(Clone, Debug)]
    struct Log {
        come: Vec<u64>,
        go: Vec<(u64, u64)>,
    }

    #[derive(Clone, Debug)]
    struct Retained(Vec<Log>);

    impl Logs for Retained {
        fn log_start(&mut self, partition: PartitionId, at: SimTime) -> u64 {
            let end = self.readable_end(partition, at);
            let gone = self.0[partition.ix()].go.iter();
            let gone = gone.filter(|(ms, _)| SimTime::from_millis(*ms) <= at);
            gone.map(|(_, to)| *to).max().unwrap_or(0).min(end)
        }

        fn listed_end(&mut self, partition: PartitionId, at: SimTime) -> u64 {
            self.readable_end(partition, at)
        }

        fn readable_end(&mut self, partition: PartitionId, at: SimTime) -> u64 {
            let come = &self.0[partition.ix()].come;
            come.partition_point(|ms| SimTime::from_millis(*ms) <= at) as u64
        }

        fn readable_at(&mut self, partition: PartitionId, offset: u64) -> SimTime {
            let come = &self.0[partition.ix()].come;
            let at = come.get(offset as usize);
            at.map_or(SimTime::NEVER, |ms| SimTime::from_millis(*ms))
        }

        fn readable_end_and_next(&mut self, id: PartitionId, at: SimTime) -> (u64, SimTime) {
            let end = self.readable_end(id, at);
            (end, self.readable_at(id, end))
        }
    }

    fn log() -> impl Strategy<Value = Log> {
        let come = prop::collection::vec(0..6_000_u64, 0..60);
        let go = prop::collection::vec((0..6_000_u64, 0..60_u64), 0..4);
        (come, go).prop_map(|(mut come, go)| {
            come.sort_unstable();
            Log { come, go }
        })
    }

    /// A poll that returns so many records at most, after so much work [ms].
    #[derive(Clone, Debug)]
    struct Turn {
        max: u64,
        work: u64,
        /// What happens to a partition before it.
        change: Option<(PartitionId, Change)>,
    }

    #[derive(Clone, Copy, Debug)]
    enum Change {
        /// It is read again from so many records back on, after a pause [ms].
        Sought(u64, u64),
        /// It is given up, or comes back.
        Moved,
    }

    fn turn() -> impl Strategy<Value = Turn> {
        let sought = (0..9_u64, 0..300_u64).prop_map(|(back, pause)| Change::Sought(back, pause));
        let change = (0..6_u32, prop_oneof![sought, Just(Change::Moved)]);
        let change = prop::option::weighted(0.1, change);
        (1..40_u64, 0..300_u64, change).prop_map(|(max, work, change)| Turn {
            max,
            work,
            change: change.map(|(id, change)| (PartitionId(id), change)),
        })
    }

    fn make(fetcher: &mut Fetcher, at: SimTime, brokers: u32, id: PartitionId, change: Change) {
        match change {
            Change::Sought(back, pause) => {
                let position = fetcher.slot(id).map_or(0, |slot| slot.position);
                let until = at + SimDuration::from_millis(pause);
                fetcher.seek(id, position.saturating_sub(back), until);
            }
            Change::Moved if fetcher.slot(id).is_some() => fetcher.release(&[id]),
            Change::Moved => fetcher.assign(&[(id, 0)], brokers),
        }
    }

    /// What a member gets.
    fn read(
        logs: &Retained,
        brokers: u32,
        max_wait: u64,
        turns: &[Turn],
        steady: bool,
    ) -> (Vec<(SimTime, Vec<Run>)>, Vec<Reset>) {
        let limits = FetchLimits {
            round_trip: SimDuration::from_millis(2),
            max_wait: SimDuration::from_millis(max_wait),
            min_records: 1,
            per_partition: 20,
            per_response: 50,
            reset: OffsetReset::Earliest,
            when: FetchWhen::OnceDrained,
        };
        let mut logs = logs.clone();
        let mut fetcher = Fetcher::default();
        let ids = 0..logs.0.len() as u32;
        let positions: Vec<_> = ids.map(|id| (PartitionId(id), 0)).collect();
        fetcher.assign(&positions, brokers);
        let (mut at, mut got, mut resets) = (SimTime::ZERO, Vec::new(), Vec::new());
        for turn in turns {
            at += SimDuration::from_millis(turn.work);
            if let Some((id, change)) = turn.change
                && id.ix() < logs.0.len()
            {
                make(&mut fetcher, at, brokers, id, change);
            }
            let mut runs = Vec::new();
            while at < SimTime::from_secs(8) {
                let call = Call {
                    max: turn.max,
                    until: at,
                    one_partition: false,
                };
                let polled = if steady {
                    fetcher.poll_steady(at, call, &limits, &mut logs, &mut runs)
                } else {
                    fetcher.poll(at, call, &limits, &mut logs, &mut runs)
                };
                resets.append(&mut fetcher.resets());
                let Polled::Wait(look) = polled else { break };
                at = look.max(at + SimDuration::from_nanos(1));
            }
            got.push((at, runs));
        }
        (got, resets)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn polls_of_the_common_state_return_what_polls_return(
            logs in prop::collection::vec(log(), 1..6),
            brokers in 1..4_u32,
            max_wait in prop::sample::select(vec![0, 30, 500]),
            turns in prop::collection::vec(turn(), 1..60),
        ) {
            let logs = Retained(logs);
            let plain = read(&logs, brokers, max_wait, &turns, false);
            let steady = read(&logs, brokers, max_wait, &turns, true);
            prop_assert_eq!(plain, steady);
        }
    }
}
