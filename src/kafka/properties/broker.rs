//! The modelled broker properties.

use super::BrokerProperties;
use super::row::{Kind, Property};

pub(super) const TABLE: &[Property<BrokerProperties>] = &[
    Property {
        name: "group.initial.rebalance.delay.ms",
        source: "GroupCoordinatorConfig",
        meaning: "the first join of an empty group waits this long for others, and again while they keep coming",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.initial_rebalance_delay,
            set: |p, v| p.initial_rebalance_delay = v,
        },
    },
    Property {
        name: "group.coordinator.new.enable",
        source: "GroupCoordinatorConfig",
        meaning: "false: the coordinator of brokers before 4.0, which prolongs the initial delay before the first generation only",
        kind: Kind::Flag {
            get: |p| p.new_coordinator,
            set: |p, v| p.new_coordinator = v,
        },
    },
    Property {
        name: "group.min.session.timeout.ms",
        source: "GroupCoordinatorConfig",
        meaning: "a member asking for a shorter session.timeout.ms is refused (INVALID_SESSION_TIMEOUT)",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.min_session_timeout,
            set: |p, v| p.min_session_timeout = v,
        },
    },
    Property {
        name: "group.max.session.timeout.ms",
        source: "GroupCoordinatorConfig",
        meaning: "a member asking for a longer session.timeout.ms is refused (INVALID_SESSION_TIMEOUT)",
        kind: Kind::Millis {
            min: 0,
            get: |p| p.max_session_timeout,
            set: |p, v| p.max_session_timeout = v,
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
