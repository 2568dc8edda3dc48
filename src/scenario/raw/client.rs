//! A client profile as it is written, in a file of its own.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CommitEvery, Count, Either, Flag, OnError, PropertyTable, Size, Spot, Text, Time};

/// A client profile: what a client library does when. What it does not say is as in `java`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a client profile"
)]
pub struct Client {
    /// Who sends heartbeats: a `thread` of the client's own, or the application `between-records`.
    pub heartbeats: Option<Text>,
    /// From where heartbeat.interval.ms counts: anew from each `join`; or on from the last heartbeat before it, the first of
    /// which follows the `first-join` at once, or the `start` of the process by one interval.
    pub heartbeats_from: Option<Text>,
    /// Where a rejoin starts: at the `next-poll`, in the `background`, or at the `heartbeat` that brings the news; who does
    /// that leaves its batch and gives all partitions up, so it has no cooperative assignor.
    pub rejoin: Option<Text>,
    /// Whether it speaks the consumer protocol (KIP-848), and where it takes an assignment up there: at once in the
    /// `background`, or at the `next-poll`, in which a rebalance callback runs; `none` if it does not speak it.
    pub consumer_protocol: Option<Text>,
    /// How often the clock of max.poll.interval.ms is looked at: every `retry.backoff.ms`, `when-due`, a
    /// time, or `never`.
    pub poll_clock: Option<Text>,
    /// How long a rebalance waits for members: `max.poll.interval.ms`, `session.timeout.ms`, or a time.
    pub rebalance_timeout: Option<Text>,
    /// Who commits with `commit = "auto"`: `in-poll`, a `timer`, a timer that commits what
    /// has moved since only (`timer-of-stored`, and `timer-of-previous-polls`, which leaves out what the last poll has
    /// returned), the end of each batch (`after-batch`), or a timer that commits what a pool has `completed`.
    pub auto_commit: Option<Text>,
    /// What becomes of a commit by a member that has left, or rejoins meanwhile: `refused` by the client, or `sent`, and
    /// the coordinator decides.
    pub late_commit: Option<Text>,
    /// What it does once the coordinator has answered a commit that it does not know the member, or has gone on without
    /// it: `rejoin`, or `log` it and wait for a heartbeat to say so.
    pub refused_commit: Option<Text>,
    /// With `commit = "auto"`, what is committed besides: everything before `joining` a rebalance, or also what a member
    /// gives up in one while it reads on, before `revoking` it.
    pub auto_commit_before: Option<Text>,
    /// `processing.order` of a model that does not say it. A client with this key hands the records of its polls to a pool
    /// of threads, and polls on; without, the application works on one batch after another.
    pub order: Option<Text>,
    /// `processing.concurrency` of a model that does not say it.
    pub concurrency: Option<Count>,
    /// `processing.commit` of a model that does not say it.
    pub commit: Option<Either<Text, CommitEvery>>,
    /// `processing.commit-on-revoke` of a model that does not say it, and in which the application commits.
    pub commit_on_revoke: Option<Flag>,
    /// `processing.on-stop` of a model that does not say it.
    pub on_stop: Option<Text>,
    /// `on-error` of a poison record for which the model does not say it; without, the model has to.
    pub on_error: Option<Either<Text, OnError>>,
    /// What a poll returns: up to `max.poll.records`, or what was fetched of `one-partition`.
    pub returns: Option<Text>,
    /// How long a poll that finds nothing waits until the application looks whether a commit is due, and polls again.
    pub poll_timeout: Option<Time>,
    /// How long a poll waits for max.poll.records before it returns fewer.
    pub fills: Option<Time>,
    /// How long it waits before it asks for the offset that `auto.offset.reset` names, of a partition of which it has
    /// learned that nothing was committed, and so reads nothing of it. `latest` is where the log ended before the wait.
    pub reset_delay: Option<Time>,
    /// When a partition is fetched again: `once-drained`, `ahead` into a queue, or `between-batches`.
    pub fetches: Option<Text>,
    /// Most records of a partition in the queue, for `ahead`.
    pub queue: Option<Count>,
    /// Most bytes in the queue, for `ahead`.
    pub queue_size: Option<Size>,
    /// Assignors that it has.
    pub assignors: Option<Spot<Vec<Text>>>,
    /// Consumer properties whose defaults are its own, under Kafka's names.
    pub properties: Option<Either<Text, PropertyTable>>,
}
