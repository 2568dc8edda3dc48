//! Worked examples run with Kafka's own classes, then what holds of every assignment.

mod examples;
mod rules;

use std::collections::BTreeSet;

use super::*;

/// In the order of their ids.
const NAMES: [&str; 7] = ["A", "AA", "B", "B2", "C", "D", "E"];

fn member(name: &str) -> MemberId {
    let rank = NAMES.iter().position(|other| *other == name).unwrap();
    MemberId {
        random: u64::try_from(rank).unwrap(),
        serial: 0,
    }
}

/// A member of a test, by hand.
#[derive(Clone, Debug)]
struct Consumer {
    member: MemberId,
    instance: Option<String>,
    topics: Vec<usize>,
    owned: Vec<PartitionId>,
    generation: Option<u32>,
}

impl Consumer {
    fn subscription(&self) -> Subscription<'_> {
        Subscription {
            member: self.member,
            instance: self.instance.as_deref(),
            topics: &self.topics,
            owned: &self.owned,
            generation: self.generation,
        }
    }
}

/// Members, and topics whose partitions are numbered through.
#[derive(Clone, Debug)]
struct Group {
    consumers: Vec<Consumer>,
    topics: Vec<TopicPartitions>,
}

impl Group {
    /// `A036/25 B-`: A owns 0, 3 and 6 of the first topic and 2 and 5 of the second, B nothing; all subscribe to
    /// all of the topics with so many partitions.
    fn new(members: &str, counts: &[u32]) -> Self {
        let mut next = 0;
        let mut topic = |count: &u32| {
            let first = next;
            next += count;
            TopicPartitions {
                partitions: (first..next).map(PartitionId).collect(),
            }
        };
        let topics: Vec<TopicPartitions> = counts.iter().map(&mut topic).collect();
        let mut group = Group {
            consumers: Vec::new(),
            topics,
        };
        group.own(members);
        group
    }

    /// The members are these from now on, and own this as of one generation.
    fn own(&mut self, members: &str) {
        self.consumers = members.split(' ').map(|word| self.consumer(word)).collect();
    }

    fn consumer(&self, word: &str) -> Consumer {
        // `B2-` is a member called B2, `B25` is B with two partitions.
        let bare = word.trim_end_matches('-');
        let name = match NAMES.contains(&bare) {
            true => bare,
            false => bare.trim_end_matches(|c: char| c.is_ascii_digit() || c == '/'),
        };
        let hands = word[name.len()..].split('/').enumerate();
        let ids = |(topic, hand): (usize, &str)| {
            let digits = hand.chars().filter_map(|c| c.to_digit(10));
            let numbers = digits.map(|digit| usize::try_from(digit).unwrap());
            let partitions = &self.topics[topic].partitions;
            numbers.map(|number| partitions[number]).collect::<Vec<_>>()
        };
        let owned: Vec<PartitionId> = hands.flat_map(ids).collect();
        Consumer {
            member: member(name),
            instance: None,
            topics: (0..self.topics.len()).collect(),
            generation: (!owned.is_empty()).then_some(1),
            owned,
        }
    }

    fn subscriptions(&self) -> Vec<Subscription<'_>> {
        self.consumers.iter().map(Consumer::subscription).collect()
    }

    fn assign(&self, assignor: Assignor) -> BTreeMap<MemberId, Vec<PartitionId>> {
        assign(assignor, &self.subscriptions(), &self.topics)
    }

    fn target(&self, assignor: ServerAssignor) -> BTreeMap<MemberId, Vec<PartitionId>> {
        target_assignment(assignor, &self.subscriptions(), &self.topics)
    }

    /// An assignment as [`Group::new`] reads it.
    fn written(&self, assignment: &BTreeMap<MemberId, Vec<PartitionId>>) -> String {
        let places = place::places(&self.topics);
        let word = |(member, ids): (&MemberId, &Vec<PartitionId>)| {
            let held: BTreeSet<_> = ids.iter().map(|id| places[id]).collect();
            let digits = |topic| {
                let numbers = held.iter().filter(|place| place.topic == topic);
                numbers
                    .map(|place| place.number.to_string())
                    .collect::<String>()
            };
            let hands: Vec<String> = (0..self.topics.len()).map(digits).collect();
            let hands = match held.is_empty() {
                true => "-".to_owned(),
                false => hands.join("/"),
            };
            let name = NAMES[usize::try_from(member.random).unwrap()];
            format!("{name}{hands}")
        };
        assignment.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// Everyone takes what `assignment` says, in the generation after the latest.
    fn take(&mut self, assignment: &BTreeMap<MemberId, Vec<PartitionId>>) {
        let latest = self.consumers.iter().filter_map(|one| one.generation).max();
        let generation = Some(latest.unwrap_or(0) + 1);
        for consumer in &mut self.consumers {
            consumer.owned = assignment[&consumer.member].clone();
            consumer.generation = generation;
        }
    }
}
