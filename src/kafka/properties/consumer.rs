//! The modelled consumer properties. Lower bounds are those of `ConsumerConfig`'s validators; where Kafka
//! has none (session.timeout.ms, heartbeat.interval.ms) 0 and less would never work and 1 is the bound.

use super::row::{Kind, Property, PropertyError};
use super::{
    Assignor, ConsumerProperties, GroupProtocol, OffsetReset, RebalanceProtocol, ServerAssignor,
};

const SOURCE: &str = "ConsumerConfig";

pub(super) const TABLE: &[Property<ConsumerProperties>] = &[
    Property {
        name: "group.protocol",
        source: "ConsumerConfig; GroupProtocol",
        meaning: "classic: a barrier for the whole group; consumer (KIP-848): the coordinator assigns, and only what moves stands still",
        kind: Kind::Word {
            words: "classic, consumer",
            get: |p| p.group_protocol.name(),
            set: |p, v| {
                p.group_protocol = group_protocol(v)?;
                Ok(())
            },
        },
    },
    Property {
        name: "group.remote.assignor",
        source: "ConsumerConfig; ConsumerGroup#computePreferredServerAssignor",
        meaning: "consumer protocol: the assignor that a member asks for; the one that most ask for is used, none leaves it to the brokers",
        kind: Kind::Word {
            words: "uniform, range",
            get: |p| p.remote_assignor.map_or("", ServerAssignor::name),
            set: |p, v| {
                p.remote_assignor = remote_assignor(v)?;
                Ok(())
            },
        },
    },
    Property {
        name: "max.poll.records",
        source: SOURCE,
        meaning: "most records one poll() returns; does not change what is fetched",
        kind: Kind::Count {
            unit: "records",
            min: 1,
            get: |p| p.max_poll_records,
            set: |p, v| p.max_poll_records = v,
        },
    },
    Property {
        name: "max.poll.interval.ms",
        source: SOURCE,
        meaning: "longest time between two polls before the member leaves; also its rebalance timeout",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.max_poll_interval,
            set: |p, v| p.max_poll_interval = v,
        },
    },
    Property {
        name: "session.timeout.ms",
        source: "ConsumerConfig; Heartbeat",
        meaning: "classic protocol: silence after which the coordinator removes a member: how long a crash goes unnoticed",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.session_timeout,
            set: |p, v| p.session_timeout = v,
        },
    },
    Property {
        name: "heartbeat.interval.ms",
        source: "ConsumerConfig; Heartbeat",
        meaning: "classic protocol: how late a member learns of a rebalance; must be below session.timeout.ms",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.heartbeat_interval,
            set: |p, v| p.heartbeat_interval = v,
        },
    },
    Property {
        name: "fetch.min.bytes",
        source: SOURCE,
        meaning: "the broker holds a fetch until it has this much, over all partitions asked for",
        kind: Kind::Count {
            unit: "bytes",
            min: 0,
            get: |p| p.fetch_min_bytes,
            set: |p, v| p.fetch_min_bytes = v,
        },
    },
    Property {
        name: "fetch.max.wait.ms",
        source: SOURCE,
        meaning: "but no longer than this",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.fetch_max_wait,
            set: |p, v| p.fetch_max_wait = v,
        },
    },
    Property {
        name: "fetch.max.bytes",
        source: SOURCE,
        meaning: "most bytes of one fetch response",
        kind: Kind::Count {
            unit: "bytes",
            min: 0,
            get: |p| p.fetch_max_bytes,
            set: |p, v| p.fetch_max_bytes = v,
        },
    },
    Property {
        name: "max.partition.fetch.bytes",
        source: SOURCE,
        meaning: "most bytes of one partition in a fetch response: the size of a prefetched chunk",
        kind: Kind::Count {
            unit: "bytes",
            min: 0,
            get: |p| p.max_partition_fetch_bytes,
            set: |p, v| p.max_partition_fetch_bytes = v,
        },
    },
    Property {
        name: "enable.auto.commit",
        source: SOURCE,
        meaning: "whether the client commits by itself",
        kind: Kind::Flag {
            get: |p| p.enable_auto_commit,
            set: |p, v| p.enable_auto_commit = v,
        },
    },
    Property {
        name: "auto.commit.interval.ms",
        source: SOURCE,
        meaning: "shortest time between two automatic commits",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.auto_commit_interval,
            set: |p, v| p.auto_commit_interval = v,
        },
    },
    Property {
        name: "partition.assignment.strategy",
        source: "ConsumerConfig; ConsumerCoordinator",
        meaning: "classic protocol: who gets which partitions; only cooperative-sticky, alone, lets members read on in a rebalance: Kafka's default list [range, cooperative-sticky] acts as range",
        kind: Kind::Word {
            words: "range, roundrobin, sticky, cooperative-sticky (or their class names)",
            get: |p| p.assignor.name(),
            set: |p, v| {
                p.assignor = assignor(v)?;
                Ok(())
            },
        },
    },
    Property {
        name: "auto.offset.reset",
        source: "ConsumerConfig; OffsetResetStrategy",
        meaning: "where a partition without a committed offset is read from",
        kind: Kind::Word {
            words: "earliest, latest",
            get: |p| p.auto_offset_reset.name(),
            set: |p, v| {
                p.auto_offset_reset = offset_reset(v)?;
                Ok(())
            },
        },
    },
    Property {
        name: "retry.backoff.ms",
        source: "ConsumerConfig; CommonClientConfigs",
        meaning: "pause before a failed request is sent again; also the heartbeat thread's longest sleep",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.retry_backoff,
            set: |p, v| p.retry_backoff = v,
        },
    },
    Property {
        name: "metadata.max.age.ms",
        source: SOURCE,
        meaning: "classic protocol: how late the group's leader notices new partitions",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.metadata_max_age,
            set: |p, v| p.metadata_max_age = v,
        },
    },
];

/// `ConfigDef.CaseInsensitiveValidString`: any case will do.
fn group_protocol(value: &str) -> Result<GroupProtocol, PropertyError> {
    let protocols = [GroupProtocol::Classic, GroupProtocol::Consumer];
    let named = |protocol: &GroupProtocol| protocol.name().eq_ignore_ascii_case(value);
    protocols
        .into_iter()
        .find(named)
        .ok_or_else(|| PropertyError::Invalid {
            problem: format!("`{value}` is no group protocol of a consumer"),
            remedy: "write classic or consumer".to_owned(),
        })
}

/// An empty one is none (`ConsumerConfig#checkUnsupportedConfigsPostProcess`); the coordinator knows its assignors by
/// their names (`PartitionAssignor#name`).
fn remote_assignor(value: &str) -> Result<Option<ServerAssignor>, PropertyError> {
    if value.is_empty() {
        return Ok(None);
    }
    match ServerAssignor::by_name(value) {
        Some(assignor) => Ok(Some(assignor)),
        None => Err(PropertyError::Invalid {
            problem: format!("`{value}` is no assignor of the coordinator"),
            remedy: "write uniform or range".to_owned(),
        }),
    }
}

const PACKAGE: &str = "org.apache.kafka.clients.consumer.";

/// An assignor that Kafka ships, by its name or class.
fn shipped(name: &str) -> Option<Assignor> {
    match name.strip_prefix(PACKAGE).unwrap_or(name) {
        "range" | "RangeAssignor" => Some(Assignor::Range),
        "roundrobin" | "RoundRobinAssignor" => Some(Assignor::RoundRobin),
        "sticky" | "StickyAssignor" => Some(Assignor::Sticky),
        "cooperative-sticky" | "CooperativeStickyAssignor" => Some(Assignor::CooperativeSticky),
        _ => None,
    }
}

/// The first of a comma-separated list decides, as all members of a modelled group carry the same list. With range,
/// roundrobin or sticky anywhere in it the protocol is EAGER (`ConsumerCoordinator`, constructor).
fn assignor(list: &str) -> Result<Assignor, PropertyError> {
    let list = list.trim_start_matches('[').trim_end_matches(']');
    let names = list
        .split(',')
        .map(|name| name.trim().trim_matches(['"', '\'']));
    let mut listed = Vec::new();
    for name in names {
        let Some(found) = shipped(name) else {
            return Err(PropertyError::Invalid {
                problem: format!("`{name}` is no assignor that Kafka ships"),
                remedy: "write range, roundrobin, sticky or cooperative-sticky".to_owned(),
            });
        };
        listed.push(found);
    }
    let eager = |assignor: &Assignor| assignor.protocol() == RebalanceProtocol::Eager;
    match listed[..] {
        // What is owned has been given up when the assignor asks: it would deal from scratch each time.
        [Assignor::CooperativeSticky, ..] if listed.iter().any(eager) => {
            Err(PropertyError::NotModelled {
                why: "cooperative-sticky before others speaks the eager protocol, on the way from one to \
                      the other, and that is not modelled: write it alone, or an eager one first",
            })
        }
        [first, ..] => Ok(first),
        // `split` yields at least one name.
        [] => Ok(ConsumerProperties::default().assignor),
    }
}

fn offset_reset(value: &str) -> Result<OffsetReset, PropertyError> {
    match value {
        "earliest" => Ok(OffsetReset::Earliest),
        "latest" => Ok(OffsetReset::Latest),
        "none" => Err(PropertyError::NotModelled {
            why: "with none the application gets an exception, and the model has no application to \
                  handle it: use earliest or latest",
        }),
        _ if value.starts_with("by_duration:") => Err(PropertyError::NotModelled {
            why: "by_duration (KIP-1106) is not modelled: use earliest or latest",
        }),
        _ => Err(PropertyError::Invalid {
            problem: format!("`{value}` is no offset reset"),
            remedy: "write earliest or latest".to_owned(),
        }),
    }
}
