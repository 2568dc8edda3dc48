//! What a run shows its observer: the curves at the points of the grid, the states of partitions, the facts in order.

use super::backlog::Backlogs;
use super::member::{Accounts, Member};
use super::world::World;
use super::{GroupView, Observer, PartitionState, Sample, Totals};
use crate::units::{PartitionId, SimTime};

/// When and what for a run is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A point of the curves.
    Sample(SimTime),
    /// A scrape that is none.
    Scrape(SimTime),
}

impl Look {
    /// When it is.
    pub fn at(self) -> SimTime {
        let (Look::Sample(at) | Look::Scrape(at)) = self;
        at
    }
}

impl World<'_> {
    /// Brings commits per record up to `at`: nothing else that is told of offsets moves while a batch is in hand.
    pub fn commit_records_until(&mut self, at: SimTime) {
        let (members, mut ground) = self.ground();
        for member in members {
            if member.commits_each(ground.scenario) {
                member.account_until(at, ground.scenario, ground.topic);
                member.refuse_stale(at, &mut ground);
            }
        }
    }

    /// The same up to now, to which not all members have come.
    pub fn settle_records(&mut self) {
        let now = self.now();
        for index in 0..self.members.len() {
            let member = &self.members[index];
            if member.commits_each(self.scenario) {
                self.catch_up(member.process, now);
            }
        }
        self.commit_records_until(now);
    }

    /// What members have done of the batches in their hands when the run ends is done.
    pub fn account_in_hand(&mut self, at: SimTime) {
        for member in &mut self.members {
            member.account_unanswered(at, self.scenario, &mut self.topic);
        }
    }

    /// Shows what is there. A scrape sees offsets and ages only: it tells nothing that the next sample would not.
    pub fn look(&mut self, look: Look, observer: &mut dyn Observer) {
        let at = look.at();
        self.commit_records_until(at);
        let ages = observer.looks_at_ages();
        let log_ends = self.topic.log_ends(at);
        let mut backlogs = match look {
            Look::Sample(_) => {
                let met = |member: &&mut Member| member.batch.poison;
                for member in self.members.iter_mut().filter(met) {
                    member.meet_poison(at, &mut self.topic, &mut self.facts);
                }
                Some(Backlogs::new(at, &log_ends, &mut self.topic))
            }
            Look::Scrape(_) => None,
        };
        let mut samples = Vec::with_capacity(log_ends.len());
        for (index, &log_end) in log_ends.iter().enumerate() {
            let id = PartitionId(index as u32);
            let position = (backlogs.as_mut()).and_then(|own| self.classify(id, own, at));
            let age_s = (ages.then(|| self.topic.age_s(id, at, log_end))).flatten();
            let partition = &self.topic.partitions[index];
            let (committed, state) = (partition.committed, partition.state);
            samples.push(Sample {
                log_end,
                committed,
                position: position.or(committed).unwrap_or(0),
                age_s,
                state,
            });
        }
        if backlogs.is_none() {
            return observer.scrape(at, &samples);
        }
        self.lose_what_is_left(at);
        self.tell(at, observer);
        observer.sample(at, &samples);
    }

    /// Tells what has become true by `until`, in the order of time.
    pub fn tell(&mut self, until: SimTime, observer: &mut dyn Observer) {
        self.facts.sort_by_key(|(at, _)| *at);
        let told = self.facts.partition_point(|(at, _)| *at <= until);
        for (at, fact) in self.facts.drain(..told) {
            observer.observe(at, &fact);
        }
    }

    /// What the work of a partition's owner looks like at `at`; returns its position.
    fn classify(&mut self, id: PartitionId, backlogs: &mut Backlogs, at: SimTime) -> Option<u64> {
        let partition = &self.topic.partitions[id.ix()];
        let (owner, evicted_to) = (partition.owner?.ix(), partition.evicted_to);
        let member = &self.members[owner];
        let slot = member.fetcher.slot(id)?;
        let position = slot.position;
        let keeps_up = backlogs.keeps_up((owner, member), slot, self.scenario, &mut self.topic);
        let workers = member.workers.as_deref();
        let stuck = workers.is_some_and(|workers| workers.is_stuck(id));
        let held_up = member.batch.is_held_up(at, self.scenario.sample);
        let waits = member.caller.waits(at);
        let dependency = self.dependency.as_ref();
        let stopped = dependency.is_some_and(|own| own.stops(member.settings));
        let waits_for = dependency.and_then(|own| own.delays(member, at));
        let state = if member.frozen_until.is_some() {
            PartitionState::Frozen
        } else if stuck || member.is_blocked(id) || held_up {
            PartitionState::Blocked // One thread serves all of its partitions.
        } else if keeps_up && !stopped && !waits {
            PartitionState::KeepingUp
        } else if position < evicted_to {
            PartitionState::Evicted
        } else if waits_for.is_some() {
            PartitionState::Throttled
        } else {
            PartitionState::Saturated
        };
        let partition = &mut self.topic.partitions[id.ix()];
        let another = state == PartitionState::Throttled && waits_for != partition.waits_for;
        if state != partition.state || another {
            partition.waits_for = waits_for;
            self.tell_state(id, state, at);
        }
        Some(position)
    }

    pub fn totals(&mut self, at: SimTime) -> Totals {
        let mut partitions = Vec::new();
        for index in 0..self.topic.partitions.len() {
            let log_end = self.topic.log_end(PartitionId(index as u32), at);
            let start = self.scenario.topic.partitions.get(index);
            let partition = &self.topic.partitions[index];
            let mut totals = partition.totals;
            totals.produced = log_end - start.map_or(0, |start| start.log_end);
            let before = start.and_then(|start| start.committed).unwrap_or(0);
            totals.committed = partition.committed.unwrap_or(0).saturating_sub(before);
            partitions.push(totals);
        }
        let Accounts {
            polls,
            commits,
            commits_failed,
            crashes,
        } = self.accounts;
        let dependency = self.dependency.as_mut();
        let (calls_refused, most) = dependency.map_or((0, 0.0), |own| own.refused_by(at));
        Totals {
            partitions,
            polls,
            commits,
            commits_failed,
            poison_attempts: self.topic.poison_attempts,
            crashes,
            dead_letters_failed: self.topic.dead_letters_failed,
            calls_failed: self.topic.calls_failed,
            calls_given_up: self.topic.calls_given_up.clone(),
            calls_refused,
            calls_refused_per_s_max: most,
        }
    }

    pub fn view(&self) -> GroupView {
        self.group.view(&self.members, &self.scenario.group)
    }
}
