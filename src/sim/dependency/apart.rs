//! Members that share a limited dependency and go their own ways for a while: as long as the saved tokens last for whatever
//! they could ask for, none of them waits, and what the limit has left afterwards is the same in whatever order it is told.

use super::{DRY, Dependency, calls};
use crate::scenario::DeadLetterTopic;
use crate::sim::member::{Ground, Member};
use crate::sim::world::World;
use crate::units::{ProcessId, SimDuration, SimTime};

/// So often a shorter time is tried in which the tokens last. Like all numbers here it decides how often members part, and
/// nothing of what they do.
const TRIES: usize = 3;
/// For how long none is tried after that, and the first that is.
const A_WHILE: SimDuration = SimDuration::from_secs(1);

/// What a member asks of the dependency has changed.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Asked {
    at: SimTime,
    process: ProcessId,
    /// Calls per second from then on.
    rate: f64,
}

/// For how long members part at a time.
#[derive(Debug)]
pub(super) struct Parting {
    /// The next time, so long at most: about what the tokens will last for.
    length: SimDuration,
    /// They go together until then.
    not_before: SimTime,
    /// What they asked for meanwhile.
    asked: Vec<Asked>,
}

impl Default for Parting {
    fn default() -> Self {
        Parting {
            length: A_WHILE,
            not_before: SimTime::ZERO,
            asked: Vec::new(),
        }
    }
}

impl Ground<'_> {
    /// What `process` asks of the dependency is another rate from `at` on (calls/s).
    #[inline]
    pub fn asks(&mut self, at: SimTime, process: ProcessId, rate: f64) {
        if let Some(asked) = &mut self.asked {
            asked.push(Asked { at, process, rate });
        }
    }
}

impl Dependency {
    /// How many calls may be made from `now` on, at whatever instants, without one that waits.
    fn lasts_for(&self, now: SimTime) -> f64 {
        let plain = self.speed == 1.0
            && !self.chain.any_out()
            && self.limit().is_some()
            && !self.is_crowded();
        if !plain {
            return 0.0;
        }
        let passed = now.since(self.updated).as_secs_f64();
        // One is kept back for what rounding makes of the balance.
        (self.saved + self.gain.min(0.0) * passed - DRY - 1.0).max(0.0)
    }

    /// Keeps the balance of what was asked for while members were apart.
    fn settle_up(&mut self, asked: &mut Vec<Asked>) {
        if asked.is_empty() {
            return;
        }
        // Of one member and instant the last counts.
        asked.sort_by_key(|asked| asked.at);
        let limit = self.limit().map_or(f64::INFINITY, |limit| limit.rate);
        for Asked { at, process, rate } in asked.drain(..) {
            self.settle(at);
            self.rates[process.ix()] = rate;
            self.gain = limit - self.rates.iter().sum::<f64>();
        }
        self.balance();
    }
}

impl World<'_> {
    /// Runs every member by itself from `now` to a later instant, `until` at most, if none of them can come to wait for the
    /// dependency before; returns whether it has.
    #[inline]
    pub fn part(&mut self, now: SimTime, until: SimTime) -> bool {
        let Some(dependency) = &mut self.dependency else {
            return false;
        };
        // To ask more partitions than there are tokens costs more than it saves.
        let fewest = self.topic.partitions.len() as f64;
        if dependency.saved <= fewest || now < dependency.parting.not_before {
            return false; // As at nearly every step while the limit is short.
        }
        let tokens = dependency.lasts_for(now);
        if tokens <= fewest {
            return false;
        }
        let mut parting = std::mem::take(&mut dependency.parting);
        let parts = self.may_part() && self.part_for(&mut parting, tokens, now, until);
        if let Some(dependency) = &mut self.dependency {
            dependency.settle_up(&mut parting.asked);
            dependency.parting = parting;
        }
        parts
    }

    /// Runs every member by itself for as long as so many tokens certainly last.
    fn part_for(
        &mut self,
        parting: &mut Parting,
        tokens: f64,
        now: SimTime,
        until: SimTime,
    ) -> bool {
        for _ in 0..TRIES {
            let until = until.min(now + parting.length);
            let most = self.most_calls(until, tokens);
            parting.stretch(until.since(now), tokens / most);
            if most <= tokens {
                let (members, mut ground) = self.ground();
                ground.asked = Some(&mut parting.asked);
                for member in members.iter_mut() {
                    member.run(until, &mut ground);
                }
                return true;
            }
        }
        parting.not_before = now + A_WHILE;
        false
    }

    /// Whether nothing but the limit couples the members, and what each asks for follows from the log.
    fn may_part(&self) -> bool {
        let by_itself = |member: &Member| {
            !member.attended()
                && member.workers.is_none()
                && member.frozen_until.is_none()
                && member.caller.is_plain()
        };
        self.scenario.leaps
            && self.scenario.poison.is_empty()
            && self.topic.dead_letter == DeadLetterTopic::Up
            && !self.deployment.supervisor.of_records
            && self.members.iter().all(by_itself)
    }

    /// Attempts at calls that are made by `until` at most: those of the batches in hand, and of all that can be polled. Above
    /// so many `tokens` those that fail by chance may be left out.
    fn most_calls(&mut self, until: SimTime, tokens: f64) -> f64 {
        let mut most = 0;
        for member in &self.members {
            if calls(member) {
                most += member.batch.calls;
            }
            let each = self.topic.shared_calls(member.settings);
            for slot in member.fetcher.slots() {
                let end = self.topic.log_end(slot.partition, until);
                let calls = end.saturating_sub(slot.position) * each;
                most += match (most + calls) as f64 > tokens {
                    true => calls,
                    false => {
                        (self.topic).attempts(slot.partition, slot.position, end, member.settings)
                    }
                };
            }
        }
        most as f64
    }
}

impl Parting {
    /// The tokens would have lasted for `times` such a time, if it is like the next: that is a little less, from a millisecond
    /// to an hour, and not far from this one.
    fn stretch(&mut self, length: SimDuration, times: f64) {
        let next = length.as_secs_f64() * (0.9 * times).clamp(0.1, 10.0);
        self.length = SimDuration::from_secs_f64(next.clamp(1e-3, 3600.0));
    }
}
