//! The sticky assignor (`AbstractStickyAssignor`): members keep what they own as far as an even split allows. Here the
//! rule for members of one subscription; [`super::general`] has the one for differing subscriptions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::kafka::MemberId;
use crate::units::PartitionId;

use super::place::{Place, ids, places, places_of, subscribers};
use super::{Subscription, TopicPartitions, general, subscribe_alike};

/// What a sticky assignor wants everyone to have.
pub(super) struct Target<'a> {
    /// The members in member id order.
    pub members: Vec<Subscription<'a>>,
    /// What each of them is to have.
    pub hands: Vec<Vec<Place>>,
    /// What goes from one live member to another, if the rule applied keeps account of it.
    pub transferred: Option<BTreeSet<Place>>,
}

impl Target<'_> {
    /// As an assignment.
    pub fn ids(self, topics: &[TopicPartitions]) -> BTreeMap<MemberId, Vec<PartitionId>> {
        let members = self.members.iter().map(|member| member.member);
        ids(members, self.hands, topics)
    }
}

/// Deals `topics` to `members`. Kafka visits owners in hash-map order, here in member id order.
pub(super) fn assign<'a>(members: &[Subscription<'a>], topics: &[TopicPartitions]) -> Target<'a> {
    let mut members = members.to_vec();
    members.sort_by_key(|member| member.member);
    let claims = Claims::judge(&members, topics);
    let (hands, transferred) = if subscribe_alike(&members) {
        let (hands, transferred) = constrained(claims, &members, topics);
        (hands, Some(transferred))
    } else {
        (general::assign(claims.owned, &members, topics), None)
    };
    Target {
        members,
        hands,
        transferred,
    }
}

/// Who owns what, as far as claims do not contradict each other (`#allSubscriptionsEqual`).
struct Claims {
    /// Per member, of topics that somebody subscribes to.
    owned: Vec<BTreeSet<Place>>,
    /// What several members of one generation claim: nobody has it.
    disputed: BTreeSet<Place>,
}

impl Claims {
    fn judge(members: &[Subscription], topics: &[TopicPartitions]) -> Self {
        let places = places(topics);
        let subscribers = subscribers(members, topics);
        let mut owned = vec![BTreeSet::new(); members.len()];
        let mut disputed = BTreeSet::new();
        let mut holder: BTreeMap<Place, usize> = BTreeMap::new();
        for (rank, member) in members.iter().enumerate() {
            let claimed = member.owned.iter().filter_map(|id| places.get(id));
            for place in claimed.filter(|place| !subscribers[place.topic].is_empty()) {
                let Some(other) = holder.get(place).copied() else {
                    owned[rank].insert(*place);
                    holder.insert(*place, rank);
                    continue;
                };
                let earlier = members[other].generation;
                if member.generation < earlier {
                    continue;
                }
                owned[other].remove(place);
                holder.insert(*place, rank);
                if member.generation == earlier {
                    disputed.insert(*place);
                } else {
                    owned[rank].insert(*place);
                }
            }
        }
        Claims { owned, disputed }
    }
}

/// Members keep up to the quota, lowest numbers first; the rest is dealt to those below it
/// (`ConstrainedAssignmentBuilder`). Also what goes from one live member to another.
fn constrained(
    claims: Claims,
    members: &[Subscription],
    topics: &[TopicPartitions],
) -> (Vec<Vec<Place>>, BTreeSet<Place>) {
    let mut subscribed: Vec<usize> = members.first().map_or(&[][..], |one| one.topics).to_vec();
    subscribed.sort_unstable();
    let all = || {
        subscribed
            .iter()
            .flat_map(|topic| places_of(*topic, topics))
    };
    let total = all().count();
    let least = total.checked_div(members.len()).unwrap_or(0);
    // How many more members may have one more than the least.
    let mut extra = total.checked_rem(members.len()).unwrap_or(0);
    let most = least + usize::from(extra > 0);
    let mut hands = Vec::new();
    let mut revoked = BTreeMap::new();
    let (mut below, mut at_least) = (VecDeque::new(), VecDeque::new());
    for (rank, owned) in claims.owned.iter().enumerate() {
        let mut kept: Vec<Place> = owned.difference(&claims.disputed).copied().collect();
        kept.sort_by_key(|place| (place.number, place.topic));
        let quota = if kept.len() < least {
            below.push_back(rank);
            kept.len()
        } else if kept.len() >= most && extra > 0 {
            extra -= 1;
            most
        } else {
            at_least.push_back(rank);
            least
        };
        revoked.extend(kept.drain(quota..).map(|place| (place, rank)));
        hands.push(kept);
    }
    if extra == 0 {
        at_least.clear();
    }
    let kept: BTreeSet<Place> = hands.iter().flatten().copied().collect();
    let mut transferred = BTreeSet::new();
    for place in all().filter(|place| !kept.contains(place)) {
        // In turns up to the least; then those that have the least get one more, who had it before first.
        let Some(rank) = below.pop_front().or_else(|| at_least.pop_front()) else {
            break;
        };
        hands[rank].push(place);
        match hands[rank].len() {
            few if few < least => below.push_back(rank),
            count if count == least => at_least.push_back(rank),
            _ => {}
        }
        let had_by_another = revoked.get(&place).is_some_and(|other| *other != rank);
        if had_by_another || claims.disputed.contains(&place) {
            transferred.insert(place);
        }
    }
    (hands, transferred)
}
