//! The sticky assignor's rule for members of differing subscriptions (`GeneralAssignmentBuilder`).

use std::collections::{BTreeMap, BTreeSet};

use super::place::{Place, places, places_of, subscribers};
use super::{Subscription, TopicPartitions};

/// Everyone keeps what they own and still subscribe to, the rest goes to whoever has least, and then partitions move
/// from those with more to those with less until no move helps, unless the result is no better than before.
pub(super) fn assign(
    owned: Vec<BTreeSet<Place>>,
    members: &[Subscription],
    topics: &[TopicPartitions],
) -> Vec<Vec<Place>> {
    let mut table = Table::new(members, topics);
    let mut unsubscribed = false;
    for (rank, owned) in owned.into_iter().enumerate() {
        for place in owned {
            if table.subscribes(rank, place) {
                table.give(place, rank);
            } else {
                unsubscribed = true;
            }
        }
    }
    let fresh = table.owner.is_empty();
    let mut all: Vec<Place> = table.all().collect();
    // Topics with few subscribers first: those partitions are the hardest to place.
    all.sort_by_key(|place| (table.subscribers[place.topic].len(), *place));
    let mut new = all.clone();
    new.retain(|place| !table.owner.contains_key(place));
    for place in &new {
        if let Some(rank) = table.least_loaded(*place) {
            table.give(*place, rank);
        }
    }
    let movable = |place: &Place| table.subscribers[place.topic].len() >= 2;
    all.retain(movable);
    new.retain(movable);
    table.fix();
    let before = (table.owner.clone(), table.score());
    let earlier = earlier_owners(members, topics);
    if !unsubscribed {
        table.rebalance(&new, &earlier);
    }
    let moved = table.rebalance(&all, &earlier);
    if !fresh && moved && table.score() >= before.1 {
        table.owner = before.0;
    }
    let mut hands = vec![Vec::new(); members.len()];
    for (place, rank) in table.owner {
        hands[rank].push(place);
    }
    hands
}

/// Who had a partition in the latest generation before the present one (`#prepopulateCurrentAssignments`).
fn earlier_owners(members: &[Subscription], topics: &[TopicPartitions]) -> BTreeMap<Place, usize> {
    let places = places(topics);
    let latest = members.iter().filter_map(|member| member.generation).max();
    let mut earlier: BTreeMap<Place, usize> = BTreeMap::new();
    let old = |(_, member): &(usize, &Subscription)| member.generation < latest;
    for (rank, member) in members.iter().enumerate().filter(old) {
        for place in member.owned.iter().filter_map(|id| places.get(id)) {
            let known = earlier.get(place).map(|other| members[*other].generation);
            if known.is_none_or(|known| known < member.generation) {
                earlier.insert(*place, rank);
            }
        }
    }
    earlier
}

/// Who has what while partitions are dealt and moved.
struct Table<'a> {
    members: &'a [Subscription<'a>],
    topics: &'a [TopicPartitions],
    /// Per topic, by rank.
    subscribers: Vec<Vec<usize>>,
    owner: BTreeMap<Place, usize>,
    /// How much each member has.
    sizes: Vec<usize>,
    /// Members that may give or take, by size and rank.
    by_size: BTreeSet<(usize, usize)>,
    /// Moves so far: from whom a partition came and who has it now (`PartitionMovements`).
    moves: BTreeMap<Place, (usize, usize)>,
}

impl<'a> Table<'a> {
    fn new(members: &'a [Subscription<'a>], topics: &'a [TopicPartitions]) -> Self {
        Table {
            members,
            topics,
            subscribers: subscribers(members, topics),
            owner: BTreeMap::new(),
            sizes: vec![0; members.len()],
            by_size: (0..members.len()).map(|rank| (0, rank)).collect(),
            moves: BTreeMap::new(),
        }
    }

    /// Every partition that has a subscriber.
    fn all(&self) -> impl Iterator<Item = Place> + '_ {
        let wanted = |topic: &usize| !self.subscribers[*topic].is_empty();
        let topics = (0..self.topics.len()).filter(wanted);
        topics.flat_map(|topic| places_of(topic, self.topics))
    }

    fn subscribes(&self, rank: usize, place: Place) -> bool {
        self.members[rank].topics.contains(&place.topic)
    }

    /// The size of the owner's hand and of `rank`'s.
    fn resize(&mut self, rank: usize, size: usize) {
        let moves = self.by_size.remove(&(self.sizes[rank], rank));
        self.sizes[rank] = size;
        if moves {
            self.by_size.insert((size, rank));
        }
    }

    fn give(&mut self, place: Place, rank: usize) {
        if let Some(owner) = self.owner.insert(place, rank) {
            self.resize(owner, self.sizes[owner] - 1);
        }
        self.resize(rank, self.sizes[rank] + 1);
    }

    fn least_loaded(&self, place: Place) -> Option<usize> {
        let mut ranks = self.by_size.iter().map(|(_, rank)| *rank);
        ranks.find(|rank| self.subscribes(*rank, place))
    }

    /// Most that `rank` can have.
    fn limit(&self, rank: usize) -> usize {
        let topics = self.members[rank].topics.iter();
        topics
            .map(|topic| places_of(*topic, self.topics).count())
            .sum()
    }

    /// Takes out the members that have all they can get and share it with nobody (`#canConsumerParticipateInReassignment`).
    fn fix(&mut self) {
        let shares = |rank: &usize| {
            let mut topics = self.members[*rank].topics.iter();
            let shared = |topic: &usize| {
                self.subscribers[*topic].len() >= 2
                    && places_of(*topic, self.topics).next().is_some()
            };
            self.sizes[*rank] < self.limit(*rank) || topics.any(shared)
        };
        let moving = (0..self.members.len()).filter(shares);
        self.by_size = moving.map(|rank| (self.sizes[rank], rank)).collect();
    }

    /// The sum of the differences in size of all pairs: 0 is perfect (`#getBalanceScore`).
    fn score(&self) -> usize {
        let sizes = self.by_size.iter().map(|(size, _)| *size);
        // In ascending order every size is subtracted from those after it.
        let differences = sizes
            .enumerate()
            .scan((0, 0), |(sum, score), (before, size)| {
                *score += size * before - *sum;
                *sum += size;
                Some(*score)
            });
        differences.last().unwrap_or(0)
    }

    /// Whether no partition could go to a member that has at least two less than its owner (`#isBalanced`).
    fn balanced(&self) -> bool {
        let (Some((least, _)), Some((most, _))) = (self.by_size.first(), self.by_size.last())
        else {
            return true;
        };
        if least + 1 >= *most {
            return true;
        }
        let envies = |rank: usize, place: Place| {
            let owner = self.owner.get(&place);
            owner.is_some_and(|owner| self.sizes[rank] + 1 < self.sizes[*owner])
        };
        self.by_size.iter().all(|(_, rank)| {
            let topics = self.members[*rank].topics.iter();
            let mut wanted = topics.flat_map(|topic| places_of(*topic, self.topics));
            !wanted.any(|place| envies(*rank, place))
        })
    }

    /// Moves what improves the balance, over and over; whether anything moved (`#performReassignments`).
    fn rebalance(&mut self, places: &[Place], earlier: &BTreeMap<Place, usize>) -> bool {
        let mut ever = false;
        loop {
            let mut moved = false;
            for place in places {
                if self.balanced() {
                    break;
                }
                if let Some(to) = self.better_owner(*place, earlier) {
                    self.shift(*place, to);
                    moved = true;
                }
            }
            if !moved {
                return ever;
            }
            ever = true;
        }
    }

    /// Who should rather have `place`: its owner in an earlier generation, or who has least of those subscribed. Kafka
    /// would also give it back to an earlier owner that does not subscribe to the topic any more.
    fn better_owner(&self, place: Place, earlier: &BTreeMap<Place, usize>) -> Option<usize> {
        let size = *self.owner.get(&place).map(|owner| &self.sizes[*owner])?;
        let better = |rank: &usize| size > self.sizes[*rank] + 1;
        let back = earlier
            .get(&place)
            .copied()
            .filter(|rank| self.subscribes(*rank, place));
        back.filter(better)
            .or_else(|| self.least_loaded(place).filter(better))
    }

    /// Moves `place` to `to`, or rather one of the same topic that had come the other way, so that two members never
    /// swap (`PartitionMovements#getTheActualPartitionToBeMoved`; Kafka takes any such partition, here the lowest).
    fn shift(&mut self, place: Place, to: usize) {
        let Some(owner) = self.owner.get(&place).copied() else {
            return;
        };
        let origin = self.moves.get(&place).map_or(owner, |(from, _)| *from);
        let reverse = |(other, pair): &(&Place, &(usize, usize))| {
            other.topic == place.topic && **pair == (to, origin)
        };
        let place = self
            .moves
            .iter()
            .find(reverse)
            .map_or(place, |(other, _)| *other);
        let Some(owner) = self.owner.get(&place).copied() else {
            return;
        };
        let origin = self.moves.remove(&place).map_or(owner, |(from, _)| from);
        if origin != to {
            self.moves.insert(place, (origin, to));
        }
        self.give(place, to);
    }
}
