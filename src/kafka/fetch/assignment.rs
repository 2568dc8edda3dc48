//! What a fetcher is assigned, and how that changes: a partition that stays keeps its position and its buffer.

use super::steady::News;
use super::{Broker, Fetcher, Slot};
use crate::units::{PartitionId, SimTime};

impl Fetcher {
    /// Adds partitions to the assignment, each with its position.
    pub fn assign(&mut self, positions: &[(PartitionId, u64)], brokers: u32) {
        self.leave_steady();
        for &(partition, position) in positions {
            let place = self
                .slots
                .partition_point(|slot| slot.partition < partition);
            self.renumber(|index| Some(index + usize::from(index >= place)));
            self.slots.insert(place, Slot::new(partition, position));
            let broker = self.broker(partition.0 % brokers);
            broker.slots.push(place);
            self.slots[place].unasked = broker.in_flight.is_some();
        }
    }

    /// Gives partitions up; whatever is buffered of them, or on its way, is dropped.
    pub fn release(&mut self, partitions: &[PartitionId]) {
        self.leave_steady();
        let gone = |slot: &Slot| partitions.contains(&slot.partition);
        for broker in &mut self.brokers {
            let asked = |slot: &Slot| gone(slot) && slot.position == slot.buffered_to;
            let mut slots = broker.slots.iter();
            let fewer = slots.any(|&index| asked(&self.slots[index]));
            // A long poll that is out asks for them, and ends with their records; the one after it does not.
            if let Some(in_flight) = broker.in_flight.as_mut().filter(|_| fewer) {
                in_flight.asked = 0;
            }
        }
        let mut stay = 0;
        let places: Vec<Option<usize>> = self
            .slots
            .iter()
            .map(|slot| {
                let place = (!gone(slot)).then_some(stay);
                stay += usize::from(place.is_some());
                place
            })
            .collect();
        self.renumber(|index| places[index]);
        self.slots.retain(|slot| !gone(slot));
        // Whoever is still asked for something is not asked for more before it answers.
        let reads = !self.slots.is_empty();
        self.brokers
            .retain(|broker| !broker.slots.is_empty() || reads && broker.in_flight.is_some());
        self.look_over();
    }

    /// Gives everything up.
    pub fn clear(&mut self) {
        *self = Fetcher::default();
    }

    /// Slots change their places; `None` is for one that goes.
    fn renumber(&mut self, place: impl Fn(usize) -> Option<usize>) {
        for broker in &mut self.brokers {
            broker.slots = broker
                .slots
                .iter()
                .filter_map(|&index| place(index))
                .collect();
        }
        self.buffer = self
            .buffer
            .iter()
            .filter_map(|&(index, to)| Some((place(index)?, to)))
            .collect();
    }

    /// The broker `id`. Only those that lead an assigned partition are held.
    fn broker(&mut self, id: u32) -> &mut Broker {
        let place = self.brokers.partition_point(|broker| broker.id < id);
        if self.brokers.get(place).is_none_or(|broker| broker.id != id) {
            let broker = Broker {
                id,
                slots: Vec::new(),
                in_flight: None,
                news: News::default(),
            };
            self.brokers.insert(place, broker);
        }
        &mut self.brokers[place]
    }
}

impl Slot {
    pub(super) fn new(partition: PartitionId, position: u64) -> Self {
        Slot {
            partition,
            position,
            committed: position,
            paused_until: SimTime::ZERO,
            buffered_to: position,
            incoming: (0, 0),
            reset: None,
            unasked: false,
            // Nothing is known yet.
            known: (SimTime::NEVER, 0),
            next: SimTime::ZERO,
            rank: 0,
        }
    }
}
