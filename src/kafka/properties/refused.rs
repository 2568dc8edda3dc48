//! Properties Kafka has and the model does not, each with why and what to do.

/// Properties that share a reason.
pub(super) struct Refused {
    /// Which.
    pub name: Match,
    /// The value the model happens to follow, if one.
    pub modelled: Option<&'static str>,
    /// Why it is not modelled, and what to do.
    pub why: &'static str,
}

/// A name, or all that begin alike.
pub(super) enum Match {
    Name(&'static str),
    Prefix(&'static str),
}

impl Refused {
    pub fn matches(&self, name: &str) -> bool {
        match self.name {
            Match::Name(own) => name == own,
            Match::Prefix(prefix) => name.starts_with(prefix),
        }
    }

    pub fn is_modelled_value(&self, value: &str) -> bool {
        self.modelled
            .is_some_and(|modelled| modelled.eq_ignore_ascii_case(value))
    }
}

const fn name(name: &'static str, why: &'static str) -> Refused {
    Refused {
        name: Match::Name(name),
        modelled: None,
        why,
    }
}

const fn prefix(prefix: &'static str, why: &'static str) -> Refused {
    Refused {
        name: Match::Prefix(prefix),
        modelled: None,
        why,
    }
}

const fn only(own: &'static str, value: &'static str, why: &'static str) -> Refused {
    Refused {
        name: Match::Name(own),
        modelled: Some(value),
        why,
    }
}

const NO_EFFECT: &str = "it has no effect on lag: leave it out";
const SECURITY: &str = "security has no effect on lag: leave it out";
const TOPIC_S: &str = "set the topic's own under [topic.properties]: retention.ms, retention.bytes, segment.ms, segment.bytes";
const BYTES: &str = "the model counts records and does not look into them: leave it out";
const METRICS: &str = "a client's own metrics have no effect on lag: leave it out";
const NETWORK: &str = "connections of the model do not fail and requests do not time out: leave it out; \
                       the round trip is a setting of the cluster";
const GROUP_NAME: &str = "the model names the group and its members itself: leave it out";
const OF_THE_BROKERS: &str = "it is a property of the brokers: move it there";
const OF_ALL_GROUPS: &str = "what one group has otherwise than the others is not modelled: set the brokers' own, \
                             group.consumer.session.timeout.ms and group.consumer.heartbeat.interval.ms, under \
                             [cluster.properties]";

pub(super) const CONSUMER: &[Refused] = &[
    name(
        "group.instance.id",
        "each member has its own: write static = true under [group], and each has its name as group.instance.id, \
         or instance-id in its [[group.member]]",
    ),
    only(
        "isolation.level",
        "read_uncommitted",
        "transactions are not modelled, so every record can be read at once: leave it out",
    ),
    only(
        "internal.leave.group.on.close",
        "true",
        "a member that stops cleanly always leaves: leave it out, or crash the member instead",
    ),
    name("group.id", GROUP_NAME),
    name("client.id", GROUP_NAME),
    name("client.rack", "racks are not modelled: leave it out"),
    name(
        "bootstrap.servers",
        "the model brings its own brokers: leave it out",
    ),
    name("client.dns.lookup", NETWORK),
    name("key.deserializer", BYTES),
    name("value.deserializer", BYTES),
    name("interceptor.classes", BYTES),
    name("check.crcs", BYTES),
    name(
        "exclude.internal.topics",
        "the model has one topic: leave it out",
    ),
    name(
        "allow.auto.create.topics",
        "the model's topic is there from the start: leave it out",
    ),
    name("request.timeout.ms", NETWORK),
    name("default.api.timeout.ms", NETWORK),
    name("retry.backoff.max.ms", NETWORK),
    name("reconnect.backoff.ms", NETWORK),
    name("reconnect.backoff.max.ms", NETWORK),
    name("connections.max.idle.ms", NETWORK),
    name("socket.connection.setup.timeout.ms", NETWORK),
    name("socket.connection.setup.timeout.max.ms", NETWORK),
    name("send.buffer.bytes", NETWORK),
    name("receive.buffer.bytes", NETWORK),
    name("metadata.recovery.strategy", NETWORK),
    name("metric.reporters", METRICS),
    name("auto.include.jmx.reporter", METRICS),
    name("enable.metrics.push", METRICS),
    prefix("metrics.", METRICS),
    prefix("security.", SECURITY),
    prefix("ssl.", SECURITY),
    prefix("sasl.", SECURITY),
    name("group.initial.rebalance.delay.ms", OF_THE_BROKERS),
    name("group.min.session.timeout.ms", OF_THE_BROKERS),
    name("group.max.session.timeout.ms", OF_THE_BROKERS),
    prefix("group.consumer.", OF_THE_BROKERS),
    name("consumer.session.timeout.ms", OF_ALL_GROUPS),
    name("consumer.heartbeat.interval.ms", OF_ALL_GROUPS),
];

pub(super) const BROKER: &[Refused] = &[
    name(
        "group.max.size",
        "the model does not limit the size of a group: leave it out",
    ),
    name(
        "group.coordinator.append.linger.ms",
        "the coordinator's writes take the cluster's commit latency: set that instead",
    ),
    prefix("group.coordinator.", NO_EFFECT),
    name(
        "group.consumer.max.size",
        "the model does not limit the size of a group: leave it out",
    ),
    name(
        "group.consumer.migration.policy",
        "a group of the model speaks one protocol all the time: leave it out",
    ),
    name(
        "group.consumer.regex.refresh.interval.ms",
        "the group subscribes to its topic by name: leave it out",
    ),
    name(
        "group.consumer.assignment.interval.ms",
        "the coordinator of the model is that of Kafka 4.0, which makes a new assignment at once: leave it out",
    ),
    prefix(
        "group.share.",
        "share groups (KIP-932) are not modelled: leave it out",
    ),
    prefix(
        "offsets.",
        "committed offsets do not expire in the model: leave it out",
    ),
    name("log.retention.ms", TOPIC_S),
    name("log.retention.minutes", TOPIC_S),
    name("log.retention.hours", TOPIC_S),
    name("log.retention.bytes", TOPIC_S),
    name("log.roll.ms", TOPIC_S),
    name("log.roll.hours", TOPIC_S),
    name("log.segment.bytes", TOPIC_S),
    prefix("log.dir", NO_EFFECT),
    prefix("log.flush.", NO_EFFECT),
    prefix("log.index.", NO_EFFECT),
    prefix("log.message.", NO_EFFECT),
    prefix("log.cleaner.", "compaction is not modelled: leave it out"),
    name(
        "log.cleanup.policy",
        "compaction is not modelled: leave it out",
    ),
    prefix("log.local.", "tiered storage is not modelled: leave it out"),
    prefix("quota.", "byte quotas are not modelled: leave it out"),
    prefix("replica.", "replication is not modelled: leave it out"),
    prefix("security.", SECURITY),
    prefix("ssl.", SECURITY),
    prefix("sasl.", SECURITY),
    name(
        "fetch.max.bytes",
        "the brokers' own limit is not modelled: set the consumers' fetch.max.bytes",
    ),
    name("max.incremental.fetch.session.cache.slots", NO_EFFECT),
    name(
        "num.partitions",
        "the model's topic says how many partitions it has: set them there",
    ),
    name(
        "broker.session.timeout.ms",
        "the model's brokers do not fail: leave it out",
    ),
    name(
        "broker.heartbeat.interval.ms",
        "the model's brokers do not fail: leave it out",
    ),
    name("consumer.session.timeout.ms", OF_ALL_GROUPS),
    name("consumer.heartbeat.interval.ms", OF_ALL_GROUPS),
    name(
        "session.timeout.ms",
        "it is a property of the consumers: move it to the group",
    ),
    name(
        "heartbeat.interval.ms",
        "it is a property of the consumers: move it to the group",
    ),
    name(
        "max.poll.interval.ms",
        "it is a property of the consumers: move it to the group",
    ),
    name(
        "max.poll.records",
        "it is a property of the consumers: move it to the group",
    ),
];

pub(super) const TOPIC: &[Refused] = &[
    only(
        "cleanup.policy",
        "delete",
        "compaction is not modelled: leave it out",
    ),
    name(
        "min.cleanable.dirty.ratio",
        "compaction is not modelled: leave it out",
    ),
    name(
        "delete.retention.ms",
        "compaction is not modelled: leave it out",
    ),
    name(
        "segment.jitter.ms",
        "segments are closed without jitter here: leave it out",
    ),
    prefix(
        "local.retention.",
        "tiered storage is not modelled: leave it out",
    ),
    name(
        "remote.storage.enable",
        "tiered storage is not modelled: leave it out",
    ),
    name("compression.type", BYTES),
    name("max.message.bytes", BYTES),
    name(
        "min.insync.replicas",
        "replication is not modelled: leave it out",
    ),
    name("file.delete.delay.ms", NO_EFFECT),
    prefix("message.", NO_EFFECT),
    prefix("flush.", NO_EFFECT),
];
