//! Retry topics of the twin: what one topic gives up comes to the next, where its partition's members read it after the delay.

use lagsim::engine::{Address, Purpose};
use lagsim::scenario::Scenario;
use lagsim::units::{PartitionId, SimTime};
use lagsim::workload::Failures;

use super::world::{Event, Ownership, World};

/// A record that was produced to the next topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedOn {
    pub at: SimTime,
    pub from: PartitionId,
    pub offset: u64,
    /// The entry that makes it a poison record.
    pub poison: Option<usize>,
}

impl<'s> World<'s> {
    /// The world of a retry topic, to which came what the topic before it has `passed_on`.
    pub fn after(
        scenario: &'s Scenario,
        ownership: Vec<(SimTime, Ownership)>,
        passed_on: &[PassedOn],
    ) -> Self {
        let mut world = World::new(scenario, ownership);
        let count = world.partitions.len();
        for index in 0..count {
            // They keep their partition, modulo how many there are.
            let comes = |record: &&PassedOn| record.from.ix() % count == index;
            let mut own: Vec<_> = passed_on.iter().filter(comes).collect();
            own.sort_by_key(|record| (record.at, record.from));
            let of_entry = |entry: usize| {
                let poison = own.iter().enumerate();
                let poison = poison.filter(|(_, record)| record.poison == Some(entry));
                let offsets: Vec<_> = poison.map(|(offset, _)| offset as u64).collect();
                let name = format!("{}-{index}", scenario.topic.name);
                let address = Address::new(scenario.seed, 0, Purpose::Poison, &name);
                Failures::new(address, &offsets, 0.0)
            };
            let poison = (0..scenario.poison.len()).map(of_entry).collect();
            let instants: Vec<_> = own.iter().map(|record| record.at).collect();
            let first = instants.first().copied();
            let partition = &mut world.partitions[index];
            (partition.poison, partition.incoming) = (poison, Some(instants));
            if let Some(first) = first {
                world.push(first, Event::Append(PartitionId(index as u32)));
            }
        }
        world
    }

    /// A record is produced to the next topic.
    pub(super) fn pass_on(&mut self, from: PartitionId, offset: u64) {
        let poison = self.partitions[from.ix()].poison.iter_mut();
        let mut poison = poison.map(|own| own.first_in(offset, offset + 1).is_some());
        let poison = poison.position(|own| own);
        self.passed_on.push(PassedOn {
            at: self.now,
            from,
            offset,
            poison,
        });
    }

    /// One more record may be read.
    pub(super) fn readable(&mut self, id: PartitionId) {
        self.brokers.readable[id.ix()] += 1;
        for request in self.brokers.parked_for(id) {
            if self
                .brokers
                .enough(&self.brokers.parked[&request], self.limits())
            {
                let request = self.brokers.parked.remove(&request).expect("just seen");
                self.respond(request);
            }
        }
    }

    /// Records of a partition that were given up, as often as they were.
    pub fn given_up(&self, id: PartitionId) -> u64 {
        let own = self.given_up.range((id, 0)..=(id, u64::MAX));
        own.map(|(_, times)| *times).sum()
    }
}
