//! The modelled topic properties.

use super::TopicProperties;
use super::row::{Kind, Property};

pub(super) const TABLE: &[Property<TopicProperties>] = &[
    Property {
        name: "retention.ms",
        source: "LogConfig",
        meaning: "segments whose newest record is older are deleted, read or not; -1 keeps for ever",
        kind: Kind::Limit {
            unit: "ms",
            get: |p| p.retention_ms,
            set: |p, v| p.retention_ms = v,
        },
    },
    Property {
        name: "retention.bytes",
        source: "LogConfig",
        meaning: "the oldest segments beyond this size of a partition are deleted; -1 keeps any size",
        kind: Kind::Limit {
            unit: "bytes",
            get: |p| p.retention_bytes,
            set: |p, v| p.retention_bytes = v,
        },
    },
    Property {
        name: "segment.ms",
        source: "LogConfig",
        meaning: "how old a segment may get before the next record opens another: retention deletes whole segments",
        kind: Kind::Count {
            unit: "ms",
            min: 1,
            get: |p| p.segment_ms,
            set: |p, v| p.segment_ms = v,
        },
    },
    Property {
        name: "segment.bytes",
        source: "LogConfig",
        meaning: "how large a segment may get before the next record opens another",
        kind: Kind::Count {
            unit: "bytes",
            min: 14,
            get: |p| p.segment_bytes,
            set: |p, v| p.segment_bytes = v,
        },
    },
];
