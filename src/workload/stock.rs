//! What runs that have draws in common leave to each other. Asking never changes an answer, so neither does who asked before.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Counted, Law, Production, RecordCosts};
use crate::engine::Address;
use crate::units::SimDuration;

/// Most that is kept between runs (B): thirty replications of a million records each, which take some 4 B a record.
const ROOM: usize = 128 << 20;
/// Most that the costs of one run keep, all partitions together (B): four million records. What comes after them is drawn anew.
/// Its counts keep as much: two million.
const ROOM_OF_A_RUN: usize = 16 << 20;

/// What runs have worked out of the costs of records, and of their numbers: cases of an experiment differ in their settings, and
/// seldom in these.
#[derive(Debug, Default)]
pub struct Stock {
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    /// As many as runs have needed at the same time.
    costs: BTreeMap<Address, Vec<(Law, RecordCosts)>>,
    counts: BTreeMap<Address, Vec<Counted>>,
    /// What they keep (B).
    bytes: usize,
}

impl Stock {
    /// The costs of `law` at `address`, for a run of so many partitions.
    pub fn take(&self, address: Address, law: &Law, partitions: usize) -> RecordCosts {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = shelves.costs.get_mut(&address);
        let found = shelf.and_then(|shelf| {
            let place = shelf.iter().position(|(own, _)| own == law)?;
            Some(shelf.swap_remove(place).1)
        });
        match found {
            Some(costs) => {
                shelves.bytes -= costs.bytes_known();
                costs
            }
            None => RecordCosts::learning(address, law, ROOM_OF_A_RUN / partitions.max(1)),
        }
    }

    /// Keeps the costs of `law` at `address` for later runs, if there is room.
    pub fn put(&self, address: Address, law: &Law, costs: RecordCosts) {
        let bytes = costs.bytes_known();
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > 0 && shelves.bytes + bytes <= ROOM {
            shelves.bytes += bytes;
            let shelf = shelves.costs.entry(address).or_default();
            shelf.push((law.clone(), costs));
        }
    }

    /// The counts of a `production` on a grid of steps `every`, for a run of so many partitions whose arrivals are drawn within
    /// `address`.
    pub fn take_counts(
        &self,
        address: Address,
        production: &Production,
        every: SimDuration,
        partitions: usize,
    ) -> Counted {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = shelves.counts.get_mut(&address);
        let found = shelf.and_then(|shelf| {
            let place = shelf.iter().position(|own| own.is_of(production, every))?;
            Some(shelf.swap_remove(place))
        });
        match found {
            Some(counted) => {
                shelves.bytes -= counted.bytes();
                counted
            }
            None => Counted::within(ROOM_OF_A_RUN, production, every, partitions),
        }
    }

    /// Keeps them for later runs, if there is room.
    pub fn put_counts(&self, address: Address, counted: Counted) {
        let bytes = counted.bytes();
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.bytes + bytes <= ROOM {
            shelves.bytes += bytes;
            shelves.counts.entry(address).or_default().push(counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::Purpose;
    use crate::units::{PartitionId, SimTime};
    use crate::workload::{Keys, Pattern, RateCurve};

    const LAW: Law = Law::Exponential { mean: 0.004 };

    fn address(replication: u32) -> Address {
        Address::new(1, replication, Purpose::Work, "orders-0")
    }

    #[test]
    fn what_was_put_there_is_taken_once() {
        let stock = Stock::default();
        let mut costs = stock.take(address(0), &LAW, 1);
        let work = costs.work(100, 900);
        let known = costs.bytes_known();
        assert!(known > 0);
        stock.put(address(0), &LAW, costs);
        for (own, law, knows) in [
            (address(1), LAW, 0),
            (address(0), Law::Exponential { mean: 0.005 }, 0),
            (address(0), LAW, known),
            (address(0), LAW, 0),
        ] {
            let mut costs = stock.take(own, &law, 1);
            assert_eq!(costs.bytes_known(), knows, "{own:?} {law:?}");
            let same = (own, &law) == (address(0), &LAW);
            assert_eq!(costs.work(100, 900) == work, same);
        }
    }

    #[test]
    fn counts_are_those_of_their_production_and_grid() {
        let stock = Stock::default();
        let of_rate = |rate| Production {
            curve: Arc::new(RateCurve::constant(rate)),
            pattern: Pattern::Poisson,
            shares: Vec::new(),
            keys: Keys::Even,
        };
        let second = SimDuration::from_secs(1);
        let mut counted = stock.take_counts(address(0), &of_rate(5.0), second, 1);
        counted.by(PartitionId(0), SimTime::ZERO, || 42);
        stock.put_counts(address(0), counted);
        for (own, rate, every, knows) in [
            (address(1), 5.0, second, false),
            (address(0), 6.0, second, false),
            (address(0), 5.0, second * 2, false),
            (address(0), 5.0, second, true),
            (address(0), 5.0, second, false),
        ] {
            let counted = stock.take_counts(own, &of_rate(rate), every, 1);
            assert_eq!(counted.bytes() > 0, knows, "{own:?} {rate} {every}");
        }
    }

    #[test]
    fn no_more_is_kept_than_there_is_room() {
        let stock = Stock::default();
        for replication in 0..20 {
            let mut costs = stock.take(address(replication), &LAW, 1);
            for leaf in 0..250_000 {
                costs.work(leaf * 16 + 1, leaf * 16 + 2);
            }
            assert!((ROOM_OF_A_RUN / 2..=ROOM_OF_A_RUN).contains(&costs.bytes_known()));
            stock.put(address(replication), &LAW, costs);
        }
        let shelves = stock.shelves.lock().unwrap();
        assert!((ROOM / 2..=ROOM).contains(&shelves.bytes));
    }
}
