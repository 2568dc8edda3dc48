//! Calls of the dependency whose calls are events of their own: tokens, places, latencies.

use lagsim::scenario::Downstream;
use lagsim::units::SimDuration;

use super::world::{Event, World};

impl<'s> World<'s> {
    /// The dependency whose calls are events of their own.
    pub(super) fn shared(&self) -> Option<&'s Downstream> {
        self.scenario.downstreams.get(self.scenario.shared())
    }

    pub(super) fn shared_calls(&self) -> u64 {
        let processing = &self.scenario.settings[0].processing;
        u64::from(processing.calls_of(self.scenario.shared()))
    }

    /// How many times as long as alone calls take while so many are in flight.
    fn factor(&self, calls: u32) -> f64 {
        let downstream = self.shared();
        downstream.map_or(1.0, |own| own.load.factor(calls))
    }

    /// What is left of each call takes as long as calls do now; so many were in flight before.
    pub(super) fn share_anew(&mut self, before: u32) {
        let now = self.now;
        let change = self.factor(self.limiter.in_flight) / self.factor(before);
        if change == 1.0 {
            return;
        }
        let mut moved = Vec::new();
        for (who, member) in self.members.iter_mut().enumerate() {
            let epoch = member.epoch;
            for (lane, in_hand) in member.lanes.iter_mut().enumerate() {
                if let Some(in_hand) = in_hand.as_mut().filter(|one| one.calling) {
                    let left = in_hand.ends.since(now).as_secs_f64() * change;
                    in_hand.ends = now + SimDuration::from_secs_f64(left);
                    moved.push((in_hand.ends, Event::Step(who, lane, epoch)));
                }
            }
        }
        for (ends, event) in moved {
            self.push(ends, event);
        }
    }

    pub(super) fn give_places(&mut self) {
        let calls = self.shared_calls();
        while self
            .limiter
            .places
            .is_none_or(|places| self.limiter.in_flight < places)
        {
            let Some((who, lane, epoch)) = self.queue.pop_front() else {
                return;
            };
            if self.members[who].lanes[lane].is_none() {
                continue;
            }
            self.limiter.in_flight += 1;
            self.share_anew(self.limiter.in_flight - 1);
            let factor = self.factor(self.limiter.in_flight);
            let Some(in_hand) = &mut self.members[who].lanes[lane] else {
                continue;
            };
            let call = (in_hand.offset + 1) * calls - in_hand.calls;
            let partition = &mut self.partitions[in_hand.partition.ix()];
            let (Some(latency), Some((costs, failed))) =
                (&mut partition.latency, &mut partition.failing)
            else {
                continue;
            };
            in_hand.calling = true;
            let failures = in_hand.failures.take();
            let failures = failures.unwrap_or_else(|| costs.failed(call, call + 1));
            let alone = if failures > 0 {
                (in_hand.failures, in_hand.fails) = (Some(failures - 1), true);
                self.failed += 1;
                failed.record(self.failed)
            } else {
                (in_hand.calls, in_hand.failed) = (in_hand.calls - 1, 0);
                latency.record(call)
            };
            let shared = SimDuration::from_secs_f64(alone.as_secs_f64() * factor);
            in_hand.ends = self.now + if factor == 1.0 { alone } else { shared };
            let ends = in_hand.ends;
            self.push(ends, Event::Step(who, lane, epoch));
        }
    }
}
