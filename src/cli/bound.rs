//! What a group can do at best, in closed form: the fluid limit of a model without faults. A simulated group can come
//! close to it and cannot beat it; where the two differ, rebalances, round trips and chance are at work.

use crate::scenario::{CommitPolicy, Scenario};

/// The fluid limit of a model: even traffic, every batch full, no pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Records that arrive [1/s].
    pub rate: f64,
    /// Records nobody has read at the start.
    pub backlog: f64,
    /// Records a batch holds at most: max.poll.records.
    pub batch: f64,
    /// Time of a full batch, its commit included [s].
    pub batch_s: f64,
    /// Partitions.
    pub partitions: u32,
    /// Members.
    pub members: u32,
    /// Records per second that a dependency lets pass, over all members.
    pub limit: Option<f64>,
}

impl Bound {
    /// The bound of `scenario`, where `rate` records arrive per second and one takes `per_record_s` seconds.
    pub fn of(scenario: &Scenario, rate: f64, per_record_s: f64) -> Self {
        let settings = &scenario.settings[0];
        let batch = settings.properties.max_poll_records as f64;
        let commit = scenario.cluster.round_trip + scenario.cluster.commit_latency;
        let commits = match settings.processing.commit {
            CommitPolicy::AfterBatch => 1.0,
            CommitPolicy::PerRecord => batch,
            CommitPolicy::Auto | CommitPolicy::Async => 0.0,
            CommitPolicy::Every { records, time } => {
                let by_time = batch * per_record_s / time.as_secs_f64();
                (batch / records as f64 + by_time).min(1.0)
            }
        };
        let unread =
            |p: &crate::scenario::PartitionStart| (p.log_end - p.committed.unwrap_or(0)) as f64;
        let limit = scenario.downstreams.iter().find_map(|own| own.limit);
        Bound {
            rate,
            backlog: scenario.topic.partitions.iter().map(unread).sum(),
            batch,
            batch_s: batch * per_record_s + commits * commit.as_secs_f64(),
            partitions: scenario.topic.partitions.len() as u32,
            members: scenario.group.processes.len() as u32,
            limit: limit.map(|limit| limit.rate),
        }
    }

    /// Members that get a partition.
    pub fn active(&self) -> u32 {
        self.members.min(self.partitions)
    }

    /// Records per second that one member finishes at most.
    pub fn member(&self) -> f64 {
        self.batch / self.batch_s
    }

    /// Records per second that the group finishes at most.
    pub fn capacity(&self) -> f64 {
        let group = self.member() * f64::from(self.active());
        self.limit.map_or(group, |limit| group.min(limit))
    }

    /// Partitions that a member has: as even as range and roundrobin make it, the most and the fewest, and how many
    /// members have the most.
    fn shares(&self) -> [(f64, f64); 2] {
        let (few, more) = (
            self.partitions / self.active(),
            self.partitions % self.active(),
        );
        let share = |count: u32| f64::from(count) / f64::from(self.partitions);
        [
            (f64::from(more), share(few + 1)),
            (f64::from(self.active() - more), share(few)),
        ]
    }

    /// Records per second by which lag grows at least, for as long as it goes on.
    pub fn growth(&self) -> f64 {
        let over =
            |(members, share): (f64, f64)| members * (self.rate * share - self.member()).max(0.0);
        let by_member: f64 = self.shares().into_iter().map(over).sum();
        by_member.max(self.rate - self.capacity()).max(0.0)
    }

    /// Time until the backlog is gone [s], at least; infinite if it never is.
    pub fn drain_s(&self) -> f64 {
        if self.backlog == 0.0 {
            return 0.0;
        }
        let by_member = self
            .shares()
            .into_iter()
            .filter(|(members, _)| *members > 0.0)
            .map(|(_, share)| emptied(self.backlog * share, self.member() - self.rate * share))
            .fold(0.0, f64::max);
        by_member.max(emptied(self.backlog, self.capacity() - self.rate))
    }

    /// The smallest group, and the topic for it, that would keep up: (members, partitions). None if the dependency is
    /// what is too slow.
    pub fn enough(&self) -> Option<(u32, u32)> {
        if self.limit.is_some_and(|limit| limit <= self.rate) {
            return None;
        }
        let keeps_up = |members: u32| {
            let most = f64::from(self.partitions.div_ceil(members)) / f64::from(self.partitions);
            self.rate * most < self.member()
        };
        if let Some(members) = (1..=self.partitions).find(|members| keeps_up(*members)) {
            return Some((members, self.partitions));
        }
        let needed = (self.rate / self.member()).floor() as u32 + 1;
        Some((needed, needed))
    }
}

/// Time to work `records` off at a net `rate` [s].
fn emptied(records: f64, rate: f64) -> f64 {
    if rate > 0.0 {
        records / rate
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound() -> Bound {
        Bound {
            rate: 600.0,
            backlog: 0.0,
            batch: 500.0,
            batch_s: 4.006,
            partitions: 4,
            members: 4,
            limit: None,
        }
    }

    #[test]
    fn a_full_batch_and_its_commit_bound_a_member() {
        assert!((bound().member() - 124.81).abs() < 0.01);
        assert!((bound().capacity() - 499.25).abs() < 0.01);
        assert!((bound().growth() - 100.75).abs() < 0.01);
        assert_eq!(bound().enough(), Some((5, 5)));
    }

    #[test]
    fn members_beyond_the_partitions_do_nothing() {
        let crowded = Bound {
            members: 9,
            ..bound()
        };
        assert_eq!(crowded.capacity(), bound().capacity());
    }

    #[test]
    fn a_member_with_one_partition_more_falls_behind_alone() {
        let uneven = Bound {
            rate: 300.0,
            members: 3,
            ..bound()
        };
        assert!(uneven.capacity() > uneven.rate);
        assert!((uneven.growth() - (150.0 - uneven.member())).abs() < 1e-9);
        assert_eq!(uneven.enough(), Some((4, 4)));
    }

    #[test]
    fn a_dependency_caps_the_group_and_no_member_helps() {
        let limited = Bound {
            limit: Some(200.0),
            ..bound()
        };
        assert_eq!(limited.capacity(), 200.0);
        assert_eq!(limited.growth(), 400.0);
        assert_eq!(limited.enough(), None);
    }

    #[test]
    fn a_backlog_drains_at_what_is_left_of_the_capacity() {
        let behind = Bound {
            rate: 100.0,
            backlog: 40_000.0,
            ..bound()
        };
        let expected = 40_000.0 / (behind.capacity() - 100.0);
        assert!((behind.drain_s() - expected).abs() < 1e-6);
        let hopeless = Bound {
            backlog: 1.0,
            ..bound()
        };
        assert_eq!(hopeless.drain_s(), f64::INFINITY);
    }
}
