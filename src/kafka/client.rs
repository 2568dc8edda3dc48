//! Client profiles: which mechanism a client library uses. Data, chosen by name once, never branched on by name.

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
}
