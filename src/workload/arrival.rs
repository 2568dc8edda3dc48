//! Production as a function of time: how many records a partition has by an instant, and when its n-th record came.
//! Nothing is stored per record, but for what another run has produced.

mod clock;
mod counted;
mod poisson;

use std::sync::Arc;

pub use self::counted::Counted;

use self::clock::{Clock, RECORD};
use self::poisson::PoissonMarks;
use super::{Keys, RateCurve};
use crate::engine::{Address, Purpose};
use crate::units::{PartitionId, SimTime};

/// How records are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Evenly: record n of the topic at the instant the integrated rate reaches n + 1.
    Constant,
    /// Poisson with the given rate.
    Poisson,
}

/// From an instant on, which share of the records each partition gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// First instant of these shares.
    pub from: SimTime,
    /// Share by partition; sums to 1. May grow with a partition increase, never shrink.
    pub of: Vec<f64>,
}

/// What producers do to the topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Production {
    /// Total rate of the topic.
    pub curve: Arc<RateCurve>,
    /// Spacing.
    pub pattern: Pattern,
    /// Shares in order of time; the first starts at zero.
    pub shares: Vec<Shares>,
    /// The keys from which they follow.
    pub keys: Keys,
}

impl Production {
    /// The production of one partition in one replication. Its draws are addressed by `<topic>-<partition>`: neither
    /// other partitions nor their number touch them.
    pub fn of_partition(
        &self,
        seed: u64,
        replication: u32,
        topic: &str,
        partition: PartitionId,
    ) -> Arrivals {
        let marks = match self.pattern {
            Pattern::Constant => Marks::Even {
                phase: self.phase_of(partition),
            },
            Pattern::Poisson => {
                let name = format!("{topic}-{}", partition.0);
                let address = Address::new(seed, replication, Purpose::Arrival, &name);
                Marks::Poisson(Box::new(PoissonMarks::new(address)))
            }
        };
        Arrivals(Kind::Marked {
            clock: Clock::new(Arc::clone(&self.curve), &self.shares, partition),
            marks,
        })
    }

    /// Where the first mark of an evenly spaced partition stands: record k of partition p of P is record k * P + p of
    /// the topic, which comes when the topic's integrated rate reaches k * P + p + 1.
    fn phase_of(&self, partition: PartitionId) -> u64 {
        let partitions = self
            .shares
            .iter()
            .map(|shares| shares.of.len() as u64)
            .find(|partitions| *partitions > u64::from(partition.0))
            .unwrap_or(1);
        ((u64::from(partition.0) + 1) * RECORD / partitions).max(1)
    }
}

/// The production of one partition. Asking never changes an answer; `&mut` only moves a cache.
#[derive(Clone, Debug)]
pub struct Arrivals(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// A function of time and nothing else: both answers come from one integer function of time, the operational time of its
    /// clock, and one increasing sequence of integer marks on it, one per record: a record is there once the clock has
    /// reached its mark.
    Marked { clock: Clock, marks: Marks },
    /// What another run produced, record by record.
    Listed(Arc<[SimTime]>),
}

#[derive(Clone, Debug)]
enum Marks {
    Even { phase: u64 },
    Poisson(Box<PoissonMarks>),
}

impl Arrivals {
    /// Records appended at these instants, which do not decrease.
    pub fn listed(instants: Arc<[SimTime]>) -> Self {
        Arrivals(Kind::Listed(instants))
    }

    /// How many records have been appended at or before `at`.
    pub fn count_by(&mut self, at: SimTime) -> u64 {
        match &mut self.0 {
            Kind::Marked { clock, marks } => marks.count_by(clock.at(at)),
            Kind::Listed(instants) => instants.partition_point(|instant| *instant <= at) as u64,
        }
    }

    /// How many records have been appended at or before `at`, and when the next one is: [`Self::count_by`] and
    /// [`Self::time_of`] in one question.
    pub fn count_and_next(&mut self, at: SimTime) -> (u64, SimTime) {
        let count = self.count_by(at);
        (count, self.time_of(count))
    }

    /// When record `n` (from 0) is appended; [`SimTime::NEVER`] if the rate ends before, or beyond 2^40 records.
    /// `count_by(time_of(n)) > n` and `count_by(time_of(n) - 1 ns) <= n`, exactly.
    pub fn time_of(&mut self, n: u64) -> SimTime {
        let known = match &mut self.0 {
            Kind::Marked { clock, marks } => marks.mark_of(n).map(|mark| clock.when(mark)),
            Kind::Listed(instants) => usize::try_from(n)
                .ok()
                .and_then(|n| instants.get(n).copied()),
        };
        known.unwrap_or(SimTime::NEVER)
    }
}

impl Marks {
    /// How many of them an operational time has reached.
    fn count_by(&mut self, reached: u64) -> u64 {
        match self {
            Marks::Even { phase } => reached
                .checked_sub(*phase)
                .map_or(0, |past| past / RECORD + 1),
            Marks::Poisson(marks) => marks.count_by(reached),
        }
    }

    /// That of record `n`, if there can be so many.
    fn mark_of(&mut self, n: u64) -> Option<u64> {
        match self {
            Marks::Even { phase } => n.checked_mul(RECORD).and_then(|at| at.checked_add(*phase)),
            Marks::Poisson(marks) => marks.mark_of(n),
        }
    }
}

#[cfg(test)]
mod tests;
