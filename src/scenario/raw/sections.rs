//! The sections of a model file. A doc comment here is what an editor shows for the key.

use schemars::JsonSchema;
use serde::Deserialize;

use super::autoscaler::Autoscaler;
use super::downstream::Downstream;
use super::expect::Expect;
use super::named::Named;
use super::on_error::{OnError, Supervisor};
use super::timeline::{At, DownstreamChange};
use super::value::{
    Count, Either, Flag, Number, OneOrMany, PropertyTable, Rate, Size, Spot, Text, Time,
};
use super::watch::{Alert, Monitoring};

/// A system whose consumer lag is to be predicted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a model")]
pub struct Model {
    /// One line for people; default: the name of the file.
    pub title: Option<Text>,
    /// Seed of every draw; default 1.
    pub seed: Option<Count>,
    /// Length of the simulated time, which begins at midnight.
    pub horizon: Option<Time>,
    /// Distance between two samples of the curves; default "1s".
    pub sample: Option<Time>,
    /// The topic.
    pub topic: Option<Spot<Topic>>,
    /// What producers do; without it nothing is produced.
    pub produce: Option<Spot<Produce>>,
    /// Brokers and the network.
    pub cluster: Option<Spot<Cluster>>,
    /// The consumer group.
    pub group: Option<Spot<Group>>,
    /// What decides how many members run: KEDA and its HPA.
    pub autoscaler: Option<Spot<Autoscaler>>,
    /// What a record costs and when its offset is committed.
    pub processing: Option<Spot<Processing>>,
    /// The dependencies that processing calls, each under its name, [downstream.bank-api], one after another in the order of
    /// the file. One of them may have what makes callers wait for each other (`rate-limit`, `concurrency`,
    /// `latency-under-load`) or a circuit breaker.
    pub downstream: Option<Named<Spot<Downstream>>>,
    /// Records that cannot be processed, and what becomes of them.
    pub poison: Option<Vec<Spot<Poison>>>,
    /// Topics in which records that are given up wait before they are tried again, one after another.
    pub retry_topic: Option<Vec<Spot<RetryTopic>>>,
    /// What happens when.
    pub at: Option<Vec<Spot<At>>>,
    /// How the lag is watched.
    pub monitoring: Option<Spot<Monitoring>>,
    /// Alert rules, as Prometheus evaluates them.
    pub alert: Option<Vec<Spot<Alert>>>,
    /// What must come out; a run that fails one exits with 99.
    pub expect: Option<Vec<Spot<Expect>>>,
}

impl Model {
    /// The dependencies with their names, in the order of the file.
    pub fn downstreams(&self) -> impl Iterator<Item = &(Spot<String>, Spot<Downstream>)> {
        self.downstream.iter().flat_map(|all| &all.0)
    }

    /// The tables of the timeline by which the dependency called `name` changes.
    pub fn changes_of<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m DownstreamChange> {
        let entries = self.at.iter().flatten();
        entries
            .flat_map(|entry| match &entry.value.downstream {
                Some(Either::Table(changes)) => Some(changes.value.of(name)),
                _ => None,
            })
            .flatten()
    }
}

/// The topic at the start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [topic]"
)]
pub struct Topic {
    /// Its name.
    pub name: Option<Text>,
    /// How many partitions; default: as many as `start` lists.
    pub partitions: Option<Count>,
    /// Offsets of each partition at the start; default: all 0. Not together with `backlog`.
    pub start: Option<Spot<Vec<Spot<Start>>>>,
    /// Records nobody has read yet at the start: in total, spread evenly, or a list by partition.
    pub backlog: Option<OneOrMany<Count>>,
    /// Size of a record with its share of the batch overhead; default "1KiB".
    pub record_size: Option<Size>,
    /// Topic properties by Kafka's names: what retention deletes, and when. A file or a table.
    pub properties: Option<Either<Text, PropertyTable>>,
}

/// A partition at the start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { committed = 0, log-end = 0 }"
)]
pub struct Start {
    /// Committed offset of the group (CURRENT-OFFSET); without it the group never committed here.
    pub committed: Option<Count>,
    /// Log-end offset (LOG-END-OFFSET); the log starts at 0.
    pub log_end: Option<Count>,
}

/// What producers do.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [produce]"
)]
pub struct Produce {
    /// Records produced over time, all partitions together.
    pub rate: Option<Either<Rate, RateShape>>,
    /// Times in which the rate is another, on top of `rate` and of the timeline's changes.
    pub bursts: Option<Vec<Spot<Burst>>>,
    /// `poisson` (default) or `constant`.
    pub arrivals: Option<Text>,
    /// Which keys the records carry: `even` (default), or a table.
    pub keys: Option<Either<Text, KeyLaw>>,
}

/// A rate that changes: exactly one of steps, ramps, daily and csv.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { steps = ... }"
)]
pub struct RateShape {
    /// From each time on, that rate; before the first, its rate.
    pub steps: Option<Spot<Vec<Spot<RatePoint>>>>,
    /// Straight lines between these points; constant before the first and after the last.
    pub ramps: Option<Spot<Vec<Spot<RatePoint>>>>,
    /// A sine over each day.
    pub daily: Option<Spot<Daily>>,
    /// A CSV file of a recorded rate: columns `time_s` (or `time`, with units) and `rate_per_s` (or `rate`, with
    /// units). A row's rate holds until the next row.
    pub csv: Option<Text>,
    /// Repeat the steps, ramps or recording with this period, e.g. "1d".
    pub repeat: Option<Time>,
}

/// A rate at a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { at = "1h", rate = "600/s" }"#
)]
pub struct RatePoint {
    /// When, from the start (or from the start of a period).
    pub at: Option<Time>,
    /// The rate.
    pub rate: Option<Rate>,
}

/// A sine with a period of a day.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with mean and peak"
)]
pub struct Daily {
    /// Mean over the day.
    pub mean: Option<Rate>,
    /// Highest rate of the day, at most twice the mean.
    pub peak: Option<Rate>,
    /// Time of day of the peak, since midnight; default "14h".
    pub peak_at: Option<Time>,
}

/// A time with another rate: by a factor or in absolute terms.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { at = "1h", length = "5m", factor = 3 }"#
)]
pub struct Burst {
    /// When it begins.
    pub at: Option<Time>,
    /// How long it lasts.
    pub length: Option<Time>,
    /// The rate of that time, times this.
    pub factor: Option<Number>,
    /// The rate instead.
    pub rate: Option<Rate>,
    /// Repeat with this period, e.g. "1d".
    pub every: Option<Time>,
}

/// Which keys the records carry: exactly one of weights, hot and zipf.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { zipf = 1.1, distinct = 10_000 }"
)]
pub struct KeyLaw {
    /// A share per partition, in any unit.
    pub weights: Option<Spot<Vec<Number>>>,
    /// Keys with a share of all records of their own; the rest is even.
    pub hot: Option<Spot<Vec<Spot<HotKey>>>>,
    /// Zipf's law with this exponent over `distinct` keys.
    pub zipf: Option<Number>,
    /// How many keys there are, for `zipf`.
    pub distinct: Option<Count>,
}

/// A hot key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { share = 0.3 }"
)]
pub struct HotKey {
    /// Its share of all records, from 0 to 1.
    pub share: Option<Number>,
}

/// Brokers and the network.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [cluster]"
)]
pub struct Cluster {
    /// How many brokers lead partitions; default 3.
    pub brokers: Option<Count>,
    /// A request and its answer on the wire; default "1ms".
    pub round_trip: Option<Time>,
    /// What the coordinator's write of a commit or an assignment adds: a time or a law, drawn for each; default "5ms". A
    /// commit after each record takes the mean.
    pub commit_latency: Option<Either<Time, TimeLaw>>,
    /// Broker properties under Kafka's names, or a properties file.
    pub properties: Option<Either<Text, PropertyTable>>,
}

/// The consumer group.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [group]"
)]
pub struct Group {
    /// group.id.
    pub name: Option<Text>,
    /// How many members run from the start; not together with `[[group.member]]`.
    pub members: Option<Count>,
    /// When each member starts, one time per member; default: all at once at the start of the run.
    pub start_times: Option<Spot<Vec<Time>>>,
    /// How long a process takes from its start until its consumer subscribes: a time or a law, drawn for each start;
    /// default none. On top of a `start-up` that the timeline or the autoscaler says.
    pub start_up: Option<Either<Time, TimeLaw>>,
    /// The members by name.
    pub member: Option<Vec<Spot<Member>>>,
    /// Whether every member is static (KIP-345), its name being its `group.instance.id`; default false.
    pub r#static: Option<Flag>,
    /// Client library: `java` (default), `librdkafka`, `aiokafka`, `aiokafka-blocking`, `spring-kafka`, `franz-go`,
    /// `kafkajs`, or a file with a profile.
    pub client: Option<Text>,
    /// Consumer properties under Kafka's names, or a properties file.
    pub properties: Option<Either<Text, PropertyTable>>,
}

/// A member.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [[group.member]]"
)]
pub struct Member {
    /// Its name; default: the group's name and its index.
    pub name: Option<Text>,
    /// When it starts; default: at the start of the run.
    pub start: Option<Time>,
    /// Its `client.id`: its member id begins with it, and assignors take members in the order of their ids; default: the
    /// same for all, so that a random part decides.
    pub client_id: Option<Text>,
    /// Its `group.instance.id`: makes it a static member (KIP-345), the same one whenever it starts again.
    pub instance_id: Option<Text>,
}

/// How records are processed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [processing]"
)]
pub struct Processing {
    /// Local work per record: a time, or a law.
    pub time: Option<Either<Time, TimeLaw>>,
    /// Calls per record, one after another: of the only dependency, or a table that says it of each, as
    /// `{ bank-api = 7, ledger = 1 }`; default 1 of each.
    pub calls: Option<Either<Count, Named<Count>>>,
    /// Records of one batch worked on at the same time (an asynchronous call), or the threads of a client's pool; default:
    /// the client's, mostly 1.
    pub concurrency: Option<Count>,
    /// With a client that has a pool of threads: which records wait for each other, those of one `key`, of one
    /// `partition`, or none (`unordered`); default: the client's.
    pub order: Option<Text>,
    /// `auto` (enable.auto.commit), `after-batch`, `per-record`, `async`, or a table that says after how much; default: the
    /// client's, mostly `auto`.
    pub commit: Option<Either<Text, CommitEvery>>,
    /// Whether the application also commits what it has finished when partitions are taken from it (onPartitionsRevoked);
    /// default: the client's, mostly false. Not with `auto`.
    pub commit_on_revoke: Option<Flag>,
    /// `finish-record` or `finish-batch`; default: the client's, mostly `finish-record`. What a process does when told to stop.
    pub on_stop: Option<Text>,
    /// After this long a stopping process is killed; default "30s".
    pub grace: Option<Time>,
    /// How a process is started again that exits because of a record (`crash`), or because a consumer group refuses it: a
    /// static member that is back before its session has ended.
    pub restart: Option<Spot<Supervisor>>,
}

/// A commit after the batch by which enough has been done since the last one: whichever comes first.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { every = "5s" }"#
)]
pub struct CommitEvery {
    /// Time since the last commit.
    pub every: Option<Time>,
    /// Records done since the last commit.
    pub every_records: Option<Count>,
}

/// The law of a time: exactly one of its keys.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { exponential = "4ms" }"#
)]
pub struct TimeLaw {
    /// Always this time, as the short form says it.
    pub constant: Option<Time>,
    /// Exponential, by its mean.
    pub exponential: Option<Time>,
    /// Gamma, by mean and shape.
    pub gamma: Option<Spot<Gamma>>,
    /// Lognormal, by mean and 99th percentile.
    pub lognormal: Option<Spot<Lognormal>>,
    /// Usually fast, sometimes slow.
    pub bimodal: Option<Spot<Bimodal>>,
    /// A CSV file of measured times, each equally likely: one column `time_s`, `time_ms`, `time_us`, or `time` with
    /// units.
    pub csv: Option<Text>,
}

/// Parameters of a gamma law.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with mean and shape"
)]
pub struct Gamma {
    /// Mean.
    pub mean: Option<Time>,
    /// Shape; 1 is exponential, more is more regular.
    pub shape: Option<Number>,
}

/// Parameters of a lognormal law.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with mean and p99"
)]
pub struct Lognormal {
    /// Mean.
    pub mean: Option<Time>,
    /// 99th percentile.
    pub p99: Option<Time>,
}

/// Parameters of a bimodal law.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with fast, slow and slow-share"
)]
pub struct Bimodal {
    /// The usual time.
    pub fast: Option<Time>,
    /// The rare time.
    pub slow: Option<Time>,
    /// Share of records that take the rare time, from 0 to 1.
    pub slow_share: Option<Number>,
}

/// Records that cannot be processed: by partition and offset, or by share.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [[poison]]"
)]
pub struct Poison {
    /// Partition of the record.
    pub partition: Option<Count>,
    /// Offset of the record.
    pub offset: Option<Count>,
    /// Share of all records instead, from 0 to 1.
    pub share: Option<Number>,
    /// What the application does with them: `retry-forever`, `skip`, `dead-letter`, `retry-topic`, `crash`, or a table; default: the
    /// client's, if it has one.
    pub on_error: Option<Either<Text, OnError>>,
    /// How long a failing attempt takes; default: the record's own work.
    pub attempt: Option<Time>,
}

/// A topic in which records that were given up wait until they are tried once more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [[retry-topic]]"
)]
pub struct RetryTopic {
    /// From its produce until a record is tried again.
    pub delay: Option<Time>,
    /// Its name; default: the topic's with `-retry-` and a number from 0.
    pub name: Option<Text>,
    /// How many partitions it has; default: as many as the topic at the start.
    pub partitions: Option<Count>,
}
