//! The modelled broker properties.

use super::row::{Kind, Property, PropertyError};
use super::{BrokerProperties, ServerAssignor};

pub(super) const TABLE: &[Property<BrokerProperties>] = &[
    Property {
        name: "group.initial.rebalance.delay.ms",
        source: "GroupCoordinatorConfig",
        meaning: "classic protocol: the first join of an empty group waits this long for others, and again while they keep coming",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.initial_rebalance_delay,
            set: |p, v| p.initial_rebalance_delay = v,
        },
    },
    Property {
        name: "group.min.session.timeout.ms",
        source: "GroupCoordinatorConfig",
        meaning: "classic protocol: a member asking for a shorter session.timeout.ms is refused (INVALID_SESSION_TIMEOUT)",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.min_session_timeout,
            set: |p, v| p.min_session_timeout = v,
        },
    },
    Property {
        name: "group.max.session.timeout.ms",
        source: "GroupCoordinatorConfig",
        meaning: "classic protocol: a member asking for a longer session.timeout.ms is refused (INVALID_SESSION_TIMEOUT)",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.max_session_timeout,
            set: |p, v| p.max_session_timeout = v,
        },
    },
    Property {
        name: "group.consumer.session.timeout.ms",
        source: "GroupCoordinatorConfig",
        meaning: "consumer protocol: silence after which the coordinator fences a member: how long a crash goes unnoticed",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.consumer_session_timeout,
            set: |p, v| p.consumer_session_timeout = v,
        },
    },
    Property {
        name: "group.consumer.min.session.timeout.ms",
        source: "GroupCoordinatorConfig",
        meaning: "a broker with a shorter group.consumer.session.timeout.ms does not start",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.consumer_min_session_timeout,
            set: |p, v| p.consumer_min_session_timeout = v,
        },
    },
    Property {
        name: "group.consumer.max.session.timeout.ms",
        source: "GroupCoordinatorConfig",
        meaning: "a broker with a longer group.consumer.session.timeout.ms does not start",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.consumer_max_session_timeout,
            set: |p, v| p.consumer_max_session_timeout = v,
        },
    },
    Property {
        name: "group.consumer.heartbeat.interval.ms",
        source: "GroupCoordinatorConfig",
        meaning: "consumer protocol: how late a member learns what to give up and what it gets",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.consumer_heartbeat_interval,
            set: |p, v| p.consumer_heartbeat_interval = v,
        },
    },
    Property {
        name: "group.consumer.min.heartbeat.interval.ms",
        source: "GroupCoordinatorConfig",
        meaning: "a broker with a shorter group.consumer.heartbeat.interval.ms does not start",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.consumer_min_heartbeat_interval,
            set: |p, v| p.consumer_min_heartbeat_interval = v,
        },
    },
    Property {
        name: "group.consumer.max.heartbeat.interval.ms",
        source: "GroupCoordinatorConfig",
        meaning: "a broker with a longer group.consumer.heartbeat.interval.ms does not start",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.consumer_max_heartbeat_interval,
            set: |p, v| p.consumer_max_heartbeat_interval = v,
        },
    },
    Property {
        name: "group.consumer.assignors",
        source: "GroupCoordinatorConfig; UniformAssignor; RangeAssignor",
        meaning: "consumer protocol: who gets which partitions; the first, unless members ask for another (group.remote.assignor)",
        kind: Kind::Word {
            words: "a list of uniform, range (or their class names)",
            get: |p| listed(&p.consumer_assignors),
            set: |p, v| {
                p.consumer_assignors = assignors(v)?;
                Ok(())
            },
        },
    },
    Property {
        name: "log.retention.check.interval.ms",
        source: "ServerLogConfigs",
        meaning: "how often a broker looks for segments to delete",
        kind: Kind::Millis {
            min: 1,
            get: |p| p.retention_check_interval,
            set: |p, v| p.retention_check_interval = v,
        },
    },
];

const PACKAGE: &str = "org.apache.kafka.coordinator.group.assignor.";

/// An assignor that Kafka ships, by its name or class (`GroupCoordinatorConfig#consumerGroupAssignors`).
fn shipped(name: &str) -> Option<ServerAssignor> {
    match name.strip_prefix(PACKAGE).unwrap_or(name) {
        "UniformAssignor" => Some(ServerAssignor::Uniform),
        "RangeAssignor" => Some(ServerAssignor::Range),
        short => ServerAssignor::by_name(short),
    }
}

fn assignors(list: &str) -> Result<Vec<ServerAssignor>, PropertyError> {
    let list = list.trim_start_matches('[').trim_end_matches(']');
    let names = list
        .split(',')
        .map(|name| name.trim().trim_matches(['"', '\'']));
    let mut listed = Vec::new();
    for name in names {
        let Some(found) = shipped(name) else {
            return Err(PropertyError::Invalid {
                problem: format!("`{name}` is no assignor of the coordinator that Kafka ships"),
                remedy: "write uniform, range or both".to_owned(),
            });
        };
        if listed.contains(&found) {
            return Err(PropertyError::Invalid {
                problem: format!("{} is listed twice", found.name()),
                remedy: "keep one of the two: the first of the list is the default".to_owned(),
            });
        }
        listed.push(found);
    }
    Ok(listed)
}

fn listed(assignors: &[ServerAssignor]) -> &'static str {
    match assignors {
        [ServerAssignor::Uniform] => "uniform",
        [ServerAssignor::Range] => "range",
        [ServerAssignor::Range, ..] => "range,uniform",
        _ => "uniform,range",
    }
}
