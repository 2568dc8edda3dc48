//! What the records of a partition take: local work, then calls of one dependency after another.

use std::cmp::Ordering;

use super::Topic;
use crate::engine::{Address, Purpose};
use crate::scenario::Scenario;
use crate::sim::outage::CallFailure;
use crate::units::{PartitionId, SimDuration};
use crate::workload::{CallCosts, CallLaw, Law, RecordCosts, Stock};

/// A record that is given up because attempts at one of its calls fail by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Lost {
    pub offset: u64,
    /// The dependency that is called.
    pub which: usize,
    /// The call, by its number in the partition.
    call: u64,
}

impl Topic {
    /// What calls of each dependency take in partition `index`.
    pub(super) fn costs_of_calls(
        &self,
        scenario: &Scenario,
        replication: u32,
        index: usize,
    ) -> Vec<CallCosts> {
        let laws = self.call_laws.iter().enumerate();
        laws.map(|(which, law)| costs(scenario, replication, index, which, law))
            .collect()
    }

    /// What earlier runs have worked out of the costs and numbers of its records is taken from `stock`.
    pub fn draw_on(&mut self, stock: &Stock, scenario: &Scenario, replication: u32) {
        let count = self.partitions.len();
        let (production, every) = (&scenario.production, scenario.sample);
        let address = arrivals(scenario, replication);
        self.counted = Some(stock.take_counts(address, production, every, count));
        self.each_of_costs(scenario, replication, |address, law, costs| {
            *costs = stock.take(address, law, count);
        });
    }

    /// And put back there, with what has been worked out since.
    pub fn give_back(&mut self, stock: &Stock, scenario: &Scenario, replication: u32) {
        if let Some(counted) = self.counted.take() {
            stock.put_counts(arrivals(scenario, replication), counted);
        }
        self.each_of_costs(scenario, replication, |address, law, costs| {
            let nothing = RecordCosts::new(address, &Law::Constant(0.0));
            stock.put(address, law, std::mem::replace(costs, nothing));
        });
    }

    fn each_of_costs(
        &mut self,
        scenario: &Scenario,
        replication: u32,
        mut act: impl FnMut(Address, &Law, &mut RecordCosts),
    ) {
        for (index, partition) in self.partitions.iter_mut().enumerate() {
            let name = format!("{}-{index}", scenario.topic.name);
            let address = Address::new(scenario.seed, replication, Purpose::Work, &name);
            for (law, costs) in self.laws.iter().zip(&mut partition.work) {
                act(address, law, costs);
            }
            let calls = self.call_laws.iter().zip(&mut partition.calls);
            for (which, (law, costs)) in calls.enumerate() {
                let name = name_of_calls(scenario, index, which);
                let address = Address::new(scenario.seed, replication, Purpose::Latency, &name);
                act(address, &law.latency, costs.latencies());
            }
        }
    }

    /// From now on calls of a dependency take what `law` says.
    pub fn set_calls(&mut self, scenario: &Scenario, replication: u32, which: usize, law: CallLaw) {
        for (index, partition) in self.partitions.iter_mut().enumerate() {
            let costs = costs(scenario, replication, index, which, &law);
            partition.calls[which] = costs.succeeding(&partition.calls[which]);
        }
        self.call_laws[which] = law;
        self.by_chance = self.call_laws.iter().any(|law| law.retries.is_some());
    }

    /// From now on a record whose call fails comes to this, by settings.
    pub fn set_failures(&mut self, failure: impl Fn(usize) -> Option<CallFailure>) {
        for (settings, own) in self.failures.iter_mut().enumerate() {
            *own = failure(settings);
        }
    }

    /// What a record comes to under these settings if it makes calls and they fail.
    #[inline]
    pub fn failure_of(&self, settings: usize) -> Option<CallFailure> {
        self.failures[settings]
    }

    /// Whether records make calls under these settings, of dependencies before `which`.
    #[inline]
    pub fn depends(&self, settings: usize, which: usize) -> bool {
        let mut calls = self.calls_of[settings].iter().take(which);
        calls.any(|calls| *calls > 0)
    }

    /// Calls of the shared dependency that a record makes.
    #[inline]
    pub fn shared_calls(&self, settings: usize) -> u64 {
        let calls = self.calls_of[settings].get(self.shared);
        calls.copied().unwrap_or(0)
    }

    /// Work of records one after another: local work and their calls.
    #[inline]
    pub fn work(&mut self, id: PartitionId, from: u64, to: u64, settings: usize) -> SimDuration {
        self.work_before(id, from, to, settings, usize::MAX)
    }

    /// Their local work, and their calls of dependencies before `which`.
    #[inline]
    pub fn work_before(
        &mut self,
        id: PartitionId,
        from: u64,
        to: u64,
        settings: usize,
        which: usize,
    ) -> SimDuration {
        let (law, calls) = (self.law_of[settings], &self.calls_of[settings]);
        let partition = &mut self.partitions[id.ix()];
        let mut work = partition.work[law].work(from, to);
        for (costs, calls) in partition.calls.iter_mut().zip(calls).take(which) {
            if *calls > 0 {
                // Call c of a record is number offset x calls + c.
                work += costs.work(from * calls, to * calls);
            }
        }
        work
    }

    /// The first of the records [`from`, `to`) that is given up because a call of a dependency before `which` fails by chance
    /// as often as it may.
    #[inline]
    pub fn lost_in(
        &mut self,
        id: PartitionId,
        (from, mut to): (u64, u64),
        settings: usize,
        which: usize,
    ) -> Option<Lost> {
        if !self.by_chance {
            return None;
        }
        let calls = self.calls_of[settings].iter().enumerate().take(which);
        let costs = &mut self.partitions[id.ix()].calls;
        let mut first = None;
        for ((which, calls), costs) in calls.zip(costs) {
            // What stands later in a record does not come up if it is given up before.
            if let Some(call) = costs.given_up_in(from * calls, to * calls) {
                let offset = call / calls;
                first = Some(Lost {
                    offset,
                    which,
                    call,
                });
                to = offset;
            }
        }
        first
    }

    /// How long such a record takes until its last attempt has failed.
    pub fn work_of_lost(&mut self, id: PartitionId, lost: Lost, settings: usize) -> SimDuration {
        let Lost {
            offset,
            which,
            call,
        } = lost;
        let before = self.work_before(id, offset, offset + 1, settings, which);
        let calls = self.calls_of[settings][which];
        let costs = &mut self.partitions[id.ix()].calls[which];
        before + costs.work(offset * calls, call) + costs.giving_up(call).1
    }

    /// Attempts of such a record at calls of the shared dependency.
    pub fn attempts_of_lost(&mut self, id: PartitionId, lost: Lost, settings: usize) -> u64 {
        let (shared, calls) = (self.shared, self.shared_calls(settings));
        let failed = self.failed_of_lost(id, lost, settings, shared);
        match shared.cmp(&lost.which) {
            Ordering::Less => calls + failed,
            Ordering::Equal => lost.call - lost.offset * calls + failed,
            Ordering::Greater => 0,
        }
    }

    /// Accounts for the attempts of such a record that failed.
    pub fn calls_of_lost_failed(&mut self, id: PartitionId, lost: Lost, settings: usize) {
        self.calls_given_up[lost.which] += 1;
        for which in 0..=lost.which {
            self.calls_failed += self.failed_of_lost(id, lost, settings, which);
        }
    }

    /// Those at one dependency.
    fn failed_of_lost(
        &mut self,
        id: PartitionId,
        lost: Lost,
        settings: usize,
        which: usize,
    ) -> u64 {
        let Lost { offset, call, .. } = lost;
        match which.cmp(&lost.which) {
            Ordering::Less => self.failed_at(id, offset, offset + 1, settings, which),
            Ordering::Equal => {
                let calls = self.calls_of[settings][which];
                let costs = &mut self.partitions[id.ix()].calls[which];
                costs.failed(offset * calls, call) + costs.giving_up(call).0
            }
            Ordering::Greater => 0,
        }
    }

    /// How many attempts at a call of the shared dependency fail by chance before one succeeds.
    pub fn failures(&mut self, id: PartitionId, call: u64) -> u64 {
        self.partitions[id.ix()].calls[self.shared].failures(call)
    }

    /// What so many failed attempts at it take with the pauses between them.
    pub fn failing(&mut self, id: PartitionId, call: u64, failed: u64) -> SimDuration {
        self.partitions[id.ix()].calls[self.shared].failing(call, failed as u32)
    }

    /// Whether attempts at calls of the shared dependency may fail by chance.
    pub fn is_flaky(&self) -> bool {
        let law = self.call_laws.get(self.shared);
        law.is_some_and(|law| law.retries.is_some())
    }

    /// How long a record takes until it comes to a call of the shared dependency, which may be the end of the one before.
    pub fn work_until_call(
        &mut self,
        id: PartitionId,
        (offset, call): (u64, u64),
        settings: usize,
    ) -> SimDuration {
        let before = self.work_before(id, offset, offset + 1, settings, self.shared);
        let (shared, first) = (self.shared, offset * self.shared_calls(settings));
        before + self.partitions[id.ix()].calls[shared].work(first, call)
    }

    /// Attempts at calls of the shared dependency until a call, and so many at that one.
    pub fn attempts_until(
        &mut self,
        id: PartitionId,
        (offset, call): (u64, u64),
        failed: u64,
        settings: usize,
    ) -> u64 {
        let first = offset * self.shared_calls(settings);
        let before = self.partitions[id.ix()].calls[self.shared].failed(first, call);
        call - first + before + failed
    }

    /// Attempts at a call of the shared dependency have failed so often, and what comes of it then is anybody's guess.
    pub fn go_on_anew(&mut self, id: PartitionId, call: u64, failed: u64) {
        self.calls_failed += failed;
        self.partitions[id.ix()].calls[self.shared].draw_anew(call, call + 1);
    }

    /// Such a record is not done with: its attempts were in vain, and all its calls are made anew.
    pub fn start_anew(&mut self, id: PartitionId, lost: Lost, settings: usize) {
        self.calls_of_lost_failed(id, lost, settings);
        let calls = self.calls_of[settings].iter();
        let costs = &mut self.partitions[id.ix()].calls;
        for (calls, costs) in calls.zip(costs) {
            costs.draw_anew(lost.offset * calls, (lost.offset + 1) * calls);
        }
    }

    /// Attempts at their calls of the shared dependency.
    #[inline]
    pub fn attempts(&mut self, id: PartitionId, from: u64, to: u64, settings: usize) -> u64 {
        let calls = self.shared_calls(settings);
        let failed = self.failed_at(id, from, to, settings, self.shared);
        to.saturating_sub(from) * calls + failed
    }

    /// Attempts that fail by chance, of all calls.
    #[inline]
    pub(super) fn failed_attempts(
        &mut self,
        id: PartitionId,
        from: u64,
        to: u64,
        settings: usize,
    ) -> u64 {
        if !self.by_chance {
            return 0;
        }
        let all = 0..self.call_laws.len();
        all.map(|which| self.failed_at(id, from, to, settings, which))
            .sum()
    }

    /// Those of one dependency.
    #[inline]
    fn failed_at(
        &mut self,
        id: PartitionId,
        from: u64,
        to: u64,
        settings: usize,
        which: usize,
    ) -> u64 {
        if !self.by_chance || self.call_laws[which].retries.is_none() {
            return 0;
        }
        let calls = self.calls_of[settings][which];
        self.partitions[id.ix()].calls[which].failed(from * calls, to * calls)
    }
}

/// Where all draws of the topic's arrivals stand.
fn arrivals(scenario: &Scenario, replication: u32) -> Address {
    let topic = &scenario.topic.name;
    Address::new(scenario.seed, replication, Purpose::Arrival, topic)
}

/// Where the draws of a dependency's calls stand in a partition. Those of the first stand where those of the only one do, so
/// that it costs the same with others after it.
fn name_of_calls(scenario: &Scenario, index: usize, which: usize) -> String {
    let topic = &scenario.topic.name;
    match which {
        0 => format!("{topic}-{index}"),
        _ => format!("{topic}-{index}/{}", scenario.downstreams[which].name),
    }
}

/// What calls of a dependency take in a partition.
fn costs(
    scenario: &Scenario,
    replication: u32,
    index: usize,
    which: usize,
    law: &CallLaw,
) -> CallCosts {
    let name = name_of_calls(scenario, index, which);
    let address = |purpose| Address::new(scenario.seed, replication, purpose, &name);
    CallCosts::new(address, law)
}
