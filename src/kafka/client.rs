//! The mechanisms of a client library: what it does when. Data that a profile chooses; nothing asks for a library's name.
//! Not its numbers: those are properties.

use crate::units::{SimDuration, SimTime};

use super::properties::ConsumerProperties;

/// Who sends heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeats {
    /// A thread or task of the client's own, whatever the application is doing (Java: `AbstractCoordinator.HeartbeatThread`).
    Thread,
    /// The application, after a record and while it waits in poll() (kafkajs: `runner.processEachMessage`).
    BetweenRecords,
}

/// From where `heartbeat.interval.ms` counts. During a join no heartbeats go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatsFrom {
    /// Anew from the answer to each JoinGroup (Java: `HeartbeatThread#enable`).
    Join,
    /// On from the last heartbeat, whatever was joined since; the first goes out as the first join is through, as does one that is
    /// overdue then (librdkafka: `rkcg_heartbeat_intvl`, looked at in `rd_kafka_cgrp_join_state_serve`).
    FirstJoin,
    /// The same, and the first one interval after the start of the process (kafkajs: `ConsumerGroup.lastRequest`).
    Start,
}

/// From where a member rejoins when it learns of a rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejoinFrom {
    /// From the application's next poll() (Java: `ConsumerCoordinator#poll`).
    NextPoll,
    /// From a background task at once, whatever the application is doing (aiokafka: `GroupCoordinator`).
    Background,
    /// From the heartbeat that says so: the rest of the batch is left (kafkajs: `runner.processEachMessage`).
    Heartbeat,
}

/// Who commits when the client does it by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoCommitFrom {
    /// poll(), when the interval has passed: what earlier polls returned (Java: `ConsumerCoordinator#maybeAutoCommitOffsetsAsync`).
    Poll,
    /// A background timer: what polls have returned, finished or not (aiokafka: `GroupCoordinator._maybe_do_autocommit`).
    Timer,
    /// The same, of partitions of which that is not what it last committed (librdkafka:
    /// `rd_kafka_topic_partition_list_set_offsets`).
    TimerOfStored,
    /// A background timer: what polls before the last one returned, of partitions of which that is not what it last
    /// committed (franz-go: `uncommit`, `getUncommittedLocked`).
    TimerOfPreviousPolls,
    /// The end of each batch (kafkajs: `autoCommitOffsets`).
    AfterBatch,
    /// A background timer: what a pool of threads has done, up to the first record that is not, with what is done beyond
    /// that in the metadata (Confluent's parallel-consumer: `WorkManager#collectCommitDataForDirtyPartitions`).
    Completed,
}

impl AutoCommitFrom {
    /// Whether every commit says the positions of all partitions, those that have not moved since the last commit too
    /// (Java: `SubscriptionState#allConsumed`; aiokafka: `Assignment.all_consumed_offsets`).
    pub fn repeats(self) -> bool {
        matches!(self, AutoCommitFrom::Poll | AutoCommitFrom::Timer)
    }
}

/// How often the clock of `max.poll.interval.ms` is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollClock {
    /// Every `retry.backoff.ms` (Java: `HeartbeatThread#run` sleeps no longer).
    EveryRetryBackoff,
    /// When it is due: the client sleeps until then (aiokafka: `GroupCoordinator._heartbeat_routine`).
    WhenDue,
    /// By a timer of its own that runs from the start of the consumer
    /// (librdkafka: `rd_kafka_cgrp_max_poll_interval_check_tmr_cb`).
    Every(SimDuration),
    /// There is no such clock.
    Never,
}

/// How long a JoinGroup asks the coordinator to wait for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebalanceTimeout {
    /// `max.poll.interval.ms`.
    MaxPollInterval,
    /// `session.timeout.ms`.
    SessionTimeout,
    /// A time of its own.
    Fixed(SimDuration),
}

/// Who judges a commit of a member that has left, or rejoins while a batch is in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateCommit {
    /// The client refuses it (Java: `ConsumerCoordinator#sendOffsetCommitRequest`).
    Refused,
    /// It goes out as whoever the member is by then, and the coordinator decides: one that has left is nobody's, and is
    /// taken by an empty group (aiokafka: `GroupCoordinator._do_commit_offsets`).
    Sent,
}

/// When a partition is fetched again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetches {
    /// As soon as what was fetched of it has been handed out (Java: `AbstractFetch#fetchablePartitions`).
    OnceDrained,
    /// All the time, until as much waits in the queue (librdkafka: `rd_kafka_toppar_fetch_decide`).
    Ahead {
        /// Records of the partition.
        records: u64,
        /// Bytes of all partitions.
        bytes: u64,
    },
    /// Once everything that its broker had returned has been processed (kafkajs: `fetcher.js`).
    BetweenBatches,
}

/// Where a member of a consumer group (KIP-848) takes an assignment up: gives up what it loses and gets what it gains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconcilesFrom {
    /// From a thread of the client's own, at once; only what auto-commit commits before waits for poll() (Java without a
    /// ConsumerRebalanceListener: `AbstractMembershipManager#maybeReconcile`).
    Background,
    /// From the application's next poll(), in which its rebalance callback runs.
    NextPoll,
}

/// The mechanisms of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientProfile {
    /// Who sends heartbeats.
    pub heartbeats: Heartbeats,
    /// From where the interval between them counts.
    pub heartbeats_from: HeartbeatsFrom,
    /// Where a rejoin starts.
    pub rejoin_from: RejoinFrom,
    /// Where auto-commit runs.
    pub auto_commit_from: AutoCommitFrom,
    /// What JoinGroup carries as rebalance timeout.
    pub rebalance_timeout: RebalanceTimeout,
    /// How often the clock of max.poll.interval.ms is looked at.
    pub poll_clock: PollClock,
    /// Who judges a commit that comes late.
    pub late_commit: LateCommit,
    /// Whether it rejoins once a commit of its own was answered UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION (Java:
    /// `ConsumerCoordinator.OffsetCommitResponseHandler`); otherwise a heartbeat has to tell it.
    pub refused_commit_rejoins: bool,
    /// When a partition is fetched again.
    pub fetches: Fetches,
    /// A poll returns records of one partition only, all that were fetched of it.
    pub returns_one_partition: bool,
    /// How long a poll waits for max.poll.records before it returns fewer; zero if it returns what there is.
    pub fills: SimDuration,
    /// How long it waits before it asks for the offset that `auto.offset.reset` names, of a partition of which it has
    /// learned that nothing was committed, and so reads nothing of it. `latest` is where the log ended before the wait.
    pub reset_delay: SimDuration,
    /// With auto-commit, whether partitions that a member gives up while it reads on are committed once more as they go
    /// (librdkafka: `rd_kafka_assignment_serve_removals`); otherwise only before it joins (Java: `#onJoinPrepare`).
    pub commits_revoked: bool,
    /// How long a poll() that finds nothing waits before the application looks around and calls the next.
    pub poll_timeout: SimDuration,
    /// Whether its subscriptions carry what it owns and its generation (KIP-429, KIP-792): without, it has no cooperative
    /// assignor.
    pub cooperative: bool,
    /// Where it takes assignments up in a consumer group (KIP-848), if it speaks that protocol.
    pub consumer_protocol: Option<ReconcilesFrom>,
}

impl ClientProfile {
    /// Shortest time from the poll that returned a batch to something that happens to the member because it takes so long.
    pub fn patience(&self, properties: &ConsumerProperties) -> SimDuration {
        let clock = match self.poll_clock {
            PollClock::Never => SimDuration::FOREVER,
            _ => properties.max_poll_interval,
        };
        match self.heartbeats {
            Heartbeats::Thread => clock,
            // The last heartbeat may have gone out one interval before the record was begun.
            Heartbeats::BetweenRecords => clock.min(
                properties
                    .session_timeout
                    .saturating_sub(properties.heartbeat_interval),
            ),
        }
    }

    /// When the poll that is under way at `now` returns with less than it could: one that waits to be full was called
    /// `fills` before `until`, and if it comes to its end with nothing the application calls the next at once.
    pub fn fills_until(&self, until: SimTime, now: SimTime) -> SimTime {
        if until == SimTime::ZERO || self.fills.is_zero() {
            return now + self.fills;
        }
        let late = now.since(until).as_nanos().div_ceil(self.fills.as_nanos());
        until + self.fills * late
    }

    /// The rebalance timeout of this client's JoinGroup requests under `properties`.
    pub fn rebalance_timeout(&self, properties: &ConsumerProperties) -> SimDuration {
        match self.rebalance_timeout {
            RebalanceTimeout::MaxPollInterval => properties.max_poll_interval,
            RebalanceTimeout::SessionTimeout => properties.session_timeout,
            RebalanceTimeout::Fixed(length) => length,
        }
    }
}
