//! Kafka's property names, defaults, ranges and sources: one table.

use crate::units::SimDuration;

/// `partition.assignment.strategy`, as far as modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// `range` / `org.apache.kafka.clients.consumer.RangeAssignor`.
    Range,
    /// `roundrobin` / `org.apache.kafka.clients.consumer.RoundRobinAssignor`.
    RoundRobin,
}

/// `auto.offset.reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// From the log start.
    Earliest,
    /// From the log end.
    Latest,
}

/// The consumer properties a member runs with.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerProperties {
    /// `max.poll.records`: most records one poll() returns.
    pub max_poll_records: u64,
    /// `max.poll.interval.ms`: longest time between two polls before the member leaves.
    pub max_poll_interval: SimDuration,
    /// `session.timeout.ms`: silence after which the coordinator removes a member.
    pub session_timeout: SimDuration,
    /// `heartbeat.interval.ms`.
    pub heartbeat_interval: SimDuration,
    /// `fetch.min.bytes`.
    pub fetch_min_bytes: u64,
    /// `fetch.max.wait.ms`.
    pub fetch_max_wait: SimDuration,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: u64,
    /// `max.partition.fetch.bytes`.
    pub max_partition_fetch_bytes: u64,
    /// `enable.auto.commit`.
    pub enable_auto_commit: bool,
    /// `auto.commit.interval.ms`.
    pub auto_commit_interval: SimDuration,
    /// `partition.assignment.strategy`: the first one all members support is used.
    pub assignor: Assignor,
    /// `auto.offset.reset`.
    pub auto_offset_reset: OffsetReset,
    /// `retry.backoff.ms`: also the longest sleep of the heartbeat thread between two looks.
    pub retry_backoff: SimDuration,
    /// `metadata.max.age.ms`: how late the leader notices new partitions.
    pub metadata_max_age: SimDuration,
}

/// The broker properties that matter to a group.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerProperties {
    /// `group.initial.rebalance.delay.ms`.
    pub initial_rebalance_delay: SimDuration,
    /// `group.min.session.timeout.ms`.
    pub min_session_timeout: SimDuration,
    /// `group.max.session.timeout.ms`.
    pub max_session_timeout: SimDuration,
}
