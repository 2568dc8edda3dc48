//! Client profiles: which mechanism a client library uses. Data, chosen by name once, never branched on by name.

use crate::units::SimDuration;

use super::properties::{Assignor, ConsumerProperties, UNLIMITED_RECORDS};

/// The client libraries a model may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Apache's Java client, classic protocol.
    Java,
    /// aiokafka 0.14.
    Aiokafka,
}

/// From where a member rejoins when it learns of a rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejoinFrom {
    /// From the application's next poll() (Java: `ConsumerCoordinator#poll`).
    NextPoll,
    /// From a background task at once, whatever the application is doing (aiokafka: `GroupCoordinator`).
    Background,
}

/// Who commits when `enable.auto.commit` is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoCommitFrom {
    /// poll(), when the interval has passed: what earlier polls returned (Java).
    Poll,
    /// A background timer: what polls have returned, finished or not (aiokafka).
    Timer,
}

/// How often the clock of `max.poll.interval.ms` is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollClockCheck {
    /// Every `retry.backoff.ms` (Java: `HeartbeatThread#run` sleeps no longer).
    EveryRetryBackoff,
    /// At each heartbeat (aiokafka: `GroupCoordinator._heartbeat_routine`).
    EveryHeartbeat,
}

/// The mechanisms of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientProfile {
    /// Its name in a model file.
    pub client: Client,
    /// Where a rejoin starts.
    pub rejoin_from: RejoinFrom,
    /// Where auto-commit runs.
    pub auto_commit_from: AutoCommitFrom,
    /// Whether JoinGroup carries the session timeout as rebalance timeout (aiokafka) instead of max.poll.interval.ms.
    pub rebalance_timeout_is_session: bool,
    /// How often that clock is looked at.
    pub poll_clock_check: PollClockCheck,
    /// Whether its subscriptions carry what it owns and its generation (KIP-429, KIP-792): without, it has no cooperative
    /// assignor.
    pub cooperative: bool,
}

impl ClientProfile {
    /// The names [`ClientProfile::by_name`] knows.
    pub const NAMES: &'static [&'static str] = &["java", "aiokafka"];

    /// Apache's Java client, classic protocol (`ClassicKafkaConsumer`, Kafka 4.0).
    pub const fn java() -> Self {
        ClientProfile {
            client: Client::Java,
            rejoin_from: RejoinFrom::NextPoll,
            auto_commit_from: AutoCommitFrom::Poll,
            rebalance_timeout_is_session: false,
            poll_clock_check: PollClockCheck::EveryRetryBackoff,
            cooperative: true,
        }
    }

    /// aiokafka 0.14 (`AIOKafkaConsumer`, `GroupCoordinator`).
    pub const fn aiokafka() -> Self {
        ClientProfile {
            client: Client::Aiokafka,
            rejoin_from: RejoinFrom::Background,
            auto_commit_from: AutoCommitFrom::Timer,
            rebalance_timeout_is_session: true,
            poll_clock_check: PollClockCheck::EveryHeartbeat,
            // Its subscriptions are of version 0, and a rejoin always revokes all.
            cooperative: false,
        }
    }

    /// The profile a model file names; `None` for a name not among [`ClientProfile::NAMES`].
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "java" => Some(Self::java()),
            "aiokafka" => Some(Self::aiokafka()),
            _ => None,
        }
    }

    /// Its name in a model file.
    pub const fn name(&self) -> &'static str {
        match self.client {
            Client::Java => "java",
            Client::Aiokafka => "aiokafka",
        }
    }

    /// What the library sets where the application sets nothing, under Java's names.
    pub fn defaults(&self) -> ConsumerProperties {
        let java = ConsumerProperties::default();
        match self.client {
            Client::Java => java,
            // `AIOKafkaConsumer.__init__`, 0.14: what is not named here equals Java's default.
            Client::Aiokafka => ConsumerProperties {
                // max_poll_records=None: a getmany returns all that is buffered.
                max_poll_records: UNLIMITED_RECORDS,
                // session_timeout_ms=10000; rebalance_timeout_ms follows it.
                session_timeout: SimDuration::from_millis(10_000),
                // partition_assignment_strategy=(RoundRobinPartitionAssignor,).
                assignor: Assignor::RoundRobin,
                ..java
            },
        }
    }

    /// The rebalance timeout of this client's JoinGroup requests under `properties`.
    pub fn rebalance_timeout(&self, properties: &ConsumerProperties) -> SimDuration {
        if self.rebalance_timeout_is_session {
            properties.session_timeout
        } else {
            properties.max_poll_interval
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_the_profile_of_that_name() {
        for name in ClientProfile::NAMES {
            assert_eq!(ClientProfile::by_name(name).unwrap().name(), *name);
        }
        assert_eq!(ClientProfile::by_name("Java"), None);
    }

    #[test]
    fn aiokafka_differs_from_java_in_session_assignor_and_records_only() {
        let mut properties = ClientProfile::aiokafka().defaults();
        assert_eq!(
            properties.get("session.timeout.ms").as_deref(),
            Some("10000")
        );
        assert_eq!(
            properties.get("partition.assignment.strategy").as_deref(),
            Some("roundrobin")
        );
        assert_eq!(
            properties.get("max.poll.records").as_deref(),
            Some("2147483647")
        );
        properties.set("session.timeout.ms", "45000").unwrap();
        properties
            .set("partition.assignment.strategy", "range")
            .unwrap();
        properties.set("max.poll.records", "500").unwrap();
        assert_eq!(properties, ClientProfile::java().defaults());
    }

    #[test]
    fn aiokafka_waits_for_a_rebalance_only_as_long_as_its_session() {
        let java = ClientProfile::java();
        let aiokafka = ClientProfile::aiokafka();
        assert_eq!(
            java.rebalance_timeout(&java.defaults()),
            SimDuration::from_secs(300)
        );
        assert_eq!(
            aiokafka.rebalance_timeout(&aiokafka.defaults()),
            SimDuration::from_secs(10)
        );
    }
}
