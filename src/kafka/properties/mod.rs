//! Kafka's property names, defaults, ranges and sources: one table per kind. Not a parser of files.
//!
//! Numbers come from Kafka's own `ConfigDef`s (`ConsumerConfig`, `GroupCoordinatorConfig`, `LogConfig`), 4.0.

mod broker;
mod consumer;
mod refused;
mod row;
mod topic;

#[cfg(test)]
mod tests;

use crate::units::SimDuration;

pub use row::{Property, PropertyError};

/// Kafka's largest INT: what a client without a limit uses for `max.poll.records`.
pub const UNLIMITED_RECORDS: u64 = i32::MAX as u64;

/// An entry of `partition.assignment.strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// `range` / `org.apache.kafka.clients.consumer.RangeAssignor`.
    Range,
    /// `roundrobin` / `org.apache.kafka.clients.consumer.RoundRobinAssignor`.
    RoundRobin,
    /// `sticky` / `org.apache.kafka.clients.consumer.StickyAssignor`.
    Sticky,
    /// `cooperative-sticky` / `org.apache.kafka.clients.consumer.CooperativeStickyAssignor`.
    CooperativeSticky,
}

impl Assignor {
    /// The name the group protocol uses (`ConsumerPartitionAssignor#name`).
    pub const fn name(self) -> &'static str {
        match self {
            Assignor::Range => "range",
            Assignor::RoundRobin => "roundrobin",
            Assignor::Sticky => "sticky",
            Assignor::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// What a consumer speaks that has this assignor alone (`ConsumerPartitionAssignor#supportedProtocols`: the highest).
    pub const fn protocol(self) -> RebalanceProtocol {
        match self {
            Assignor::Range | Assignor::RoundRobin | Assignor::Sticky => RebalanceProtocol::Eager,
            Assignor::CooperativeSticky => RebalanceProtocol::Cooperative,
        }
    }
}

/// What a member of a classic group does with its partitions when it rejoins (`ConsumerPartitionAssignor.RebalanceProtocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebalanceProtocol {
    /// It gives all of them up first.
    Eager,
    /// It goes on with them and gives up what the assignment takes from it (KIP-429).
    Cooperative,
}

/// An entry of `group.consumer.assignors`: who makes the target assignment of a consumer group (KIP-848).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAssignor {
    /// `uniform` / `org.apache.kafka.coordinator.group.assignor.UniformAssignor`.
    Uniform,
    /// `range` / `org.apache.kafka.coordinator.group.assignor.RangeAssignor`.
    Range,
}

impl ServerAssignor {
    /// The one of that name.
    pub fn by_name(name: &str) -> Option<ServerAssignor> {
        let all = [ServerAssignor::Uniform, ServerAssignor::Range];
        all.into_iter().find(|one| one.name() == name)
    }

    /// Its name (`PartitionAssignor#name`).
    pub const fn name(self) -> &'static str {
        match self {
            ServerAssignor::Uniform => "uniform",
            ServerAssignor::Range => "range",
        }
    }
}

/// `group.protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// JoinGroup and SyncGroup, with a barrier.
    Classic,
    /// ConsumerGroupHeartbeat: the coordinator assigns, and each member goes its own way there (KIP-848).
    Consumer,
}

impl GroupProtocol {
    /// Its value in a properties file (`GroupProtocol#name`).
    pub const fn name(self) -> &'static str {
        match self {
            GroupProtocol::Classic => "classic",
            GroupProtocol::Consumer => "consumer",
        }
    }
}

/// `auto.offset.reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// From the log start.
    Earliest,
    /// From the log end.
    Latest,
}

impl OffsetReset {
    /// Its value in a properties file (`OffsetResetStrategy#toString`).
    pub const fn name(self) -> &'static str {
        match self {
            OffsetReset::Earliest => "earliest",
            OffsetReset::Latest => "latest",
        }
    }
}

/// The consumer properties a member runs with.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerProperties {
    /// `group.protocol`.
    pub group_protocol: GroupProtocol,
    /// `group.remote.assignor`: what the members of a consumer group ask for; `None` leaves it to the brokers.
    pub remote_assignor: Option<ServerAssignor>,
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

impl ConsumerProperties {
    /// `max.poll.records` by default.
    pub const USUAL_POLL: u64 = 500;
}

/// The Java client's defaults (`ConsumerConfig`, static block; Kafka 4.0).
impl Default for ConsumerProperties {
    fn default() -> Self {
        ConsumerProperties {
            group_protocol: GroupProtocol::Classic,
            remote_assignor: None,
            max_poll_records: Self::USUAL_POLL,
            max_poll_interval: SimDuration::from_millis(300_000),
            session_timeout: SimDuration::from_millis(45_000),
            heartbeat_interval: SimDuration::from_millis(3_000),
            fetch_min_bytes: 1,
            fetch_max_wait: SimDuration::from_millis(500),
            fetch_max_bytes: 52_428_800,
            max_partition_fetch_bytes: 1_048_576,
            enable_auto_commit: true,
            auto_commit_interval: SimDuration::from_millis(5_000),
            // The default list [RangeAssignor, CooperativeStickyAssignor] votes for its first entry
            // and speaks the highest protocol common to both, which is EAGER (`ConsumerCoordinator`).
            assignor: Assignor::Range,
            auto_offset_reset: OffsetReset::Latest,
            retry_backoff: SimDuration::from_millis(100),
            metadata_max_age: SimDuration::from_millis(300_000),
        }
    }
}

impl ConsumerProperties {
    /// Every modelled consumer property, in the order a reader wants them.
    pub fn table() -> impl Iterator<Item = &'static Property<ConsumerProperties>> {
        consumer::TABLE.iter()
    }

    /// Sets the property `name` to `value`, written as in a `consumer.properties` file.
    ///
    /// # Errors
    /// An unknown name, one that has no meaning in the model, or a value Kafka would not take.
    /// The properties are unchanged then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), PropertyError> {
        row::set(self, consumer::TABLE, refused::CONSUMER, name, value)
    }

    /// The value of the property `name` as a properties file writes it; `None` if it is not modelled.
    pub fn get(&self, name: &str) -> Option<String> {
        row::get(self, consumer::TABLE, name)
    }
}

/// The broker properties that matter to a group.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerProperties {
    /// `group.coordinator.new.enable`: the coordinator of Kafka 4.0 instead of the one before.
    pub new_coordinator: bool,
    /// `group.initial.rebalance.delay.ms`.
    pub initial_rebalance_delay: SimDuration,
    /// `group.min.session.timeout.ms`.
    pub min_session_timeout: SimDuration,
    /// `group.max.session.timeout.ms`.
    pub max_session_timeout: SimDuration,
    /// `group.consumer.session.timeout.ms`: silence after which a member of a consumer group is removed.
    pub consumer_session_timeout: SimDuration,
    /// `group.consumer.heartbeat.interval.ms`: what the coordinator tells members of a consumer group.
    pub consumer_heartbeat_interval: SimDuration,
    /// `group.consumer.min.session.timeout.ms`.
    pub consumer_min_session_timeout: SimDuration,
    /// `group.consumer.max.session.timeout.ms`.
    pub consumer_max_session_timeout: SimDuration,
    /// `group.consumer.min.heartbeat.interval.ms`.
    pub consumer_min_heartbeat_interval: SimDuration,
    /// `group.consumer.max.heartbeat.interval.ms`.
    pub consumer_max_heartbeat_interval: SimDuration,
    /// `group.consumer.assignors`: at least one, none twice. Members can ask for these, and the first is used if they do not.
    pub consumer_assignors: Vec<ServerAssignor>,
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval: SimDuration,
}

/// Kafka's defaults (`GroupCoordinatorConfig`; Kafka 4.0).
impl Default for BrokerProperties {
    fn default() -> Self {
        BrokerProperties {
            new_coordinator: true,
            initial_rebalance_delay: SimDuration::from_millis(3_000),
            min_session_timeout: SimDuration::from_millis(6_000),
            max_session_timeout: SimDuration::from_millis(1_800_000),
            consumer_session_timeout: SimDuration::from_millis(45_000),
            consumer_heartbeat_interval: SimDuration::from_millis(5_000),
            consumer_min_session_timeout: SimDuration::from_millis(45_000),
            consumer_max_session_timeout: SimDuration::from_millis(60_000),
            consumer_min_heartbeat_interval: SimDuration::from_millis(5_000),
            consumer_max_heartbeat_interval: SimDuration::from_millis(15_000),
            consumer_assignors: vec![ServerAssignor::Uniform, ServerAssignor::Range],
            retention_check_interval: SimDuration::from_millis(300_000),
        }
    }
}

impl BrokerProperties {
    /// Every modelled broker property.
    pub fn table() -> impl Iterator<Item = &'static Property<BrokerProperties>> {
        broker::TABLE.iter()
    }

    /// Sets the property `name` to `value`, written as in a `server.properties` file.
    ///
    /// # Errors
    /// As [`ConsumerProperties::set`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), PropertyError> {
        row::set(self, broker::TABLE, refused::BROKER, name, value)
    }

    /// The value of the property `name` as a properties file writes it; `None` if it is not modelled.
    pub fn get(&self, name: &str) -> Option<String> {
        row::get(self, broker::TABLE, name)
    }
}

/// The topic properties that decide how long records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicProperties {
    /// `retention.ms`; `None` (-1) keeps for ever.
    pub retention_ms: Option<u64>,
    /// `retention.bytes`, of one partition; `None` (-1) keeps any size.
    pub retention_bytes: Option<u64>,
    /// `segment.ms`.
    pub segment_ms: u64,
    /// `segment.bytes`.
    pub segment_bytes: u64,
}

/// Kafka's defaults (`LogConfig`; Kafka 4.0).
impl Default for TopicProperties {
    fn default() -> Self {
        TopicProperties {
            retention_ms: Some(604_800_000),
            retention_bytes: None,
            segment_ms: 604_800_000,
            segment_bytes: 1_073_741_824,
        }
    }
}

impl TopicProperties {
    /// Every modelled topic property.
    pub fn table() -> impl Iterator<Item = &'static Property<TopicProperties>> {
        topic::TABLE.iter()
    }

    /// Sets the property `name` to `value`, written as `kafka-topics.sh --config` takes it.
    ///
    /// # Errors
    /// As [`ConsumerProperties::set`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), PropertyError> {
        row::set(self, topic::TABLE, refused::TOPIC, name, value)
    }

    /// The value of the property `name` as a properties file writes it; `None` if it is not modelled.
    pub fn get(&self, name: &str) -> Option<String> {
        row::get(self, topic::TABLE, name)
    }
}
