//! The uniform assignor of KIP-848 for members of differing subscriptions (`UniformHeterogeneousAssignmentBuilder`).

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::MemberId;
use crate::units::PartitionId;

use super::place::{Place, ids, places, places_of, subscribers};
use super::{Subscription, TopicPartitions};

/// How often all topics are gone through in search of a better balance (`MAX_ITERATION_COUNT`).
const MOST_ROUNDS: usize = 16;

/// Everyone keeps what they have and still subscribe to; what is free goes, topic by topic, to the subscribers that have
/// least; then each topic in turn moves from the subscribers with most to those with least.
pub(super) fn assign(
    members: &[Subscription],
    topics: &[TopicPartitions],
) -> BTreeMap<MemberId, Vec<PartitionId>> {
    let places = places(topics);
    let subscribers = subscribers(members, topics);
    let mut hands = Hands(vec![BTreeSet::new(); members.len()]);
    for (rank, member) in members.iter().enumerate() {
        let owned = member.owned.iter().filter_map(|id| places.get(id));
        hands.0[rank].extend(owned.filter(|place| subscribers[place.topic].contains(&rank)));
    }
    let sorted = by_load(&subscribers, topics);
    let taken: BTreeSet<Place> = hands.0.iter().flatten().copied().collect();
    for topic in sorted.iter().copied() {
        let mut balancer = Balancer::new(&subscribers[topic], &hands);
        for place in places_of(topic, topics).filter(|place| !taken.contains(place)) {
            let rank = balancer.next_least(&hands);
            hands.0[rank].insert(place);
        }
    }
    balance(&mut hands, &sorted, &subscribers);
    let hands = hands.0.into_iter().map(|hand| hand.into_iter().collect());
    ids(members.iter().map(|member| member.member), hands, topics)
}

/// The topics somebody subscribes to: most partitions per subscriber first, then fewest subscribers, then in order.
fn by_load(subscribers: &[Vec<usize>], topics: &[TopicPartitions]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..topics.len())
        .filter(|topic| !subscribers[*topic].is_empty())
        .collect();
    // Quotients with the same divisors compare as these products do.
    sorted.sort_by(|one, other| {
        let load = |of: usize, by: usize| places_of(of, topics).count() * subscribers[by].len();
        let heavier = load(*other, *one).cmp(&load(*one, *other));
        heavier.then(subscribers[*one].len().cmp(&subscribers[*other].len()))
    });
    sorted
}

/// Goes through the topics until a whole round has moved nothing (`#balanceTopics`).
fn balance(hands: &mut Hands, sorted: &[usize], subscribers: &[Vec<usize>]) {
    let shared: Vec<usize> = sorted
        .iter()
        .copied()
        .filter(|topic| subscribers[*topic].len() >= 2)
        .collect();
    let mut last = None;
    for topic in shared.iter().cycle().take(shared.len() * MOST_ROUNDS) {
        if last == Some(topic) {
            return;
        }
        if balance_topic(hands, *topic, &subscribers[*topic]) || last.is_none() {
            last = Some(topic);
        }
    }
}

/// Moves partitions of one topic from those who have most to those who have least; whether any moved (`#balanceTopic`).
fn balance_topic(hands: &mut Hands, topic: usize, subscribers: &[usize]) -> bool {
    let mut balancer = Balancer::new(subscribers, hands);
    if balancer.spread(hands) <= 1 {
        return false;
    }
    // What each can give: what has just come does not go on.
    let of_topic = |place: &&Place| place.topic == topic;
    let gift = |hand: &BTreeSet<Place>| hand.iter().filter(of_topic).copied().collect();
    let mut gifts: Vec<Vec<Place>> = hands.0.iter().map(gift).collect();
    let mut moved = false;
    while let Some(from) = balancer.next_most(hands, &gifts) {
        let Some(place) = gifts[from].pop() else {
            break;
        };
        let to = balancer.next_least(hands);
        if balancer.is_level() {
            break;
        }
        hands.0[from].remove(&place);
        hands.0[to].insert(place);
        moved = true;
    }
    moved
}

/// What each member has.
struct Hands(Vec<BTreeSet<Place>>);

impl Hands {
    fn size(&self, rank: usize) -> usize {
        self.0[rank].len()
    }
}

/// The subscribers of a topic by how much they have, with a range at either end (`MemberAssignmentBalancer`). All of the
/// low range get one each, then it is one level higher and takes in who is at that level; the high range comes down
/// likewise. The ranges are level when they differ by one.
struct Balancer {
    sorted: Vec<usize>,
    /// The low range is what comes before.
    low_end: usize,
    /// One more than its members had before this turn of it. The level below them is one less than nothing at first.
    low_level: usize,
    /// Whose turn it is to get one.
    low_next: usize,
    high_start: usize,
    /// Behind it are those that have nothing to give.
    high_end: usize,
    /// One more than its members had before this turn of it.
    high_level: usize,
    /// Whose turn it is to give one: the one before.
    high_next: usize,
}

impl Balancer {
    fn new(subscribers: &[usize], hands: &Hands) -> Self {
        let mut sorted = subscribers.to_vec();
        sorted.sort_by_key(|rank| (hands.size(*rank), *rank));
        let size = |rank: Option<&usize>| rank.map_or(0, |rank| hands.size(*rank));
        let count = sorted.len();
        Balancer {
            low_end: 0,
            low_level: size(sorted.first()),
            low_next: 0,
            high_start: count,
            high_end: count,
            high_level: size(sorted.last()) + 2,
            high_next: count,
            sorted,
        }
    }

    /// The difference between the most and the least that one has.
    fn spread(&self, hands: &Hands) -> usize {
        let sizes = self.sorted.iter().map(|rank| hands.size(*rank));
        let least = sizes.clone().min().unwrap_or(0);
        sizes.max().unwrap_or(0) - least
    }

    /// Who gets one next; there is at least one subscriber.
    fn next_least(&mut self, hands: &Hands) -> usize {
        if self.low_next >= self.low_end {
            self.low_level += 1;
            let joins = |rank: &usize| hands.size(*rank) + 1 == self.low_level;
            while self.sorted.get(self.low_end).is_some_and(joins) {
                self.low_end += 1;
            }
            self.low_next = 0;
        }
        self.low_next += 1;
        self.sorted[self.low_next - 1]
    }

    /// Who gives one next. Whoever has no gift left is put behind the range.
    fn next_most(&mut self, hands: &Hands, gifts: &[Vec<Place>]) -> Option<usize> {
        loop {
            if self.high_next <= self.high_start {
                self.lower_high_range(hands);
            }
            let next = self.high_next.checked_sub(1)?;
            self.high_next = next;
            let rank = self.sorted[next];
            if !gifts[rank].is_empty() {
                return Some(rank);
            }
            self.high_end -= 1;
            self.sorted.swap(next, self.high_end);
        }
    }

    fn lower_high_range(&mut self, hands: &Hands) {
        let level = |rank: usize| hands.size(rank) + 1;
        self.high_level = match self.high_start.checked_sub(1) {
            // Nobody is in the range: it begins again with whoever comes next.
            Some(before) if self.high_end <= self.high_start => level(self.sorted[before]),
            _ => self.high_level - 1,
        };
        while self.high_start > 0 && level(self.sorted[self.high_start - 1]) == self.high_level {
            self.high_start -= 1;
        }
        self.high_next = self.high_end;
    }

    /// Whether moving one from the high range to the low one would help nobody.
    fn is_level(&self) -> bool {
        self.high_level <= self.low_level + 1
    }
}
