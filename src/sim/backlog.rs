//! Whether members keep up, as the states of their partitions ask at a sample.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::member::Member;
use super::topic::Topic;
use crate::kafka::{ConsumerProperties, Logs, Slot};
use crate::scenario::Scenario;
use crate::units::{PartitionId, SimTime};

/// So many polls that a member has unread are a backlog, however many partitions they are spread over. Fewer may be what one
/// fetch has brought at once, or what came during a batch: a choice of ours, for whoever keeps up too.
pub const BACKLOG_POLLS: u64 = 4;

/// What is before the members at a sample, looked up where it matters.
pub(super) struct Backlogs<'a> {
    /// Where what can be read of each partition ends.
    ends: Cow<'a, [u64]>,
    /// Records that members have unread, by their index.
    unread: BTreeMap<usize, u64>,
    /// Which members have taken a backlog in hand at once, and which have not.
    in_hand: BTreeMap<usize, bool>,
}

impl<'a> Backlogs<'a> {
    /// Those at `at`, when the logs end there.
    pub fn new(at: SimTime, log_ends: &'a [u64], topic: &mut Topic) -> Self {
        let ids = (0..log_ends.len() as u32).map(PartitionId);
        // What is not due yet keeps nobody waiting.
        let ends = match topic.delay.is_zero() {
            true => Cow::Borrowed(log_ends),
            false => Cow::Owned(ids.map(|id| topic.readable_end(id, at)).collect()),
        };
        Backlogs {
            ends,
            unread: BTreeMap::new(),
            in_hand: BTreeMap::new(),
        }
    }

    /// Whether a member, of this index, keeps up with a partition: one poll takes what is unread of it, or not even its share of
    /// one if the member has more unread than some polls take; and what is in hand has come since the poll before.
    pub fn keeps_up(
        &mut self,
        (index, member): (usize, &Member),
        slot: &Slot,
        scenario: &Scenario,
        topic: &mut Topic,
    ) -> bool {
        let a_poll = member.settings_of(scenario).properties.max_poll_records;
        let own = self.unread(member, slot);
        if own > a_poll.min(member.limits.per_partition).max(1) {
            return false;
        }
        let slots = member.fetcher.slots();
        if own.saturating_mul(slots.len() as u64) > a_poll {
            let all = || slots.iter().map(|slot| self.unread(member, slot)).sum();
            let all = self.unread.get(&index).copied().unwrap_or_else(all);
            self.unread.insert(index, all);
            if all > a_poll.saturating_mul(BACKLOG_POLLS) {
                return false;
            }
        }
        if !member.takes_much_at_once(scenario) {
            return true;
        }
        let in_hand = self.in_hand.entry(index);
        !*in_hand.or_insert_with(|| member.has_backlog_in_hand(topic))
    }

    /// Records of a partition that its owner has neither in hand nor done: what its threads have is not done.
    fn unread(&self, member: &Member, slot: &Slot) -> u64 {
        let id = slot.partition;
        let workers = member.workers.as_deref();
        let in_hand = workers.map_or(0, |workers| workers.in_hand(slot));
        let end = self.ends[id.ix()];
        end.saturating_sub(slot.position) + member.caller.kept_of(id) + in_hand
    }
}

impl Member {
    /// Whether its batch may be a backlog that a large poll has taken at once: more records than polls return by default. A client
    /// that hands out one partition after another polls for records that have waited their turn: there it tells nothing.
    #[inline]
    fn takes_much_at_once(&self, scenario: &Scenario) -> bool {
        self.has_batch()
            && !self.settings_of(scenario).client.returns_one_partition
            && self.batch.records() > ConsumerProperties::USUAL_POLL
    }

    /// Whether most of its batch was there to be read when it polled the one before, and has not come since.
    fn has_backlog_in_hand(&self, topic: &mut Topic) -> bool {
        let before = self.batch.polled_before.max(self.started_at);
        let waited = self.batch.runs.iter().map(|run| {
            let end = topic.readable_end(run.partition, before).min(run.to);
            end.saturating_sub(run.from)
        });
        waited.sum::<u64>() > self.batch.records() / 2
    }
}
