//! What bounds a member's fetches: bytes as whole records.

use crate::kafka::{FetchLimits, FetchWhen, Fetches};
use crate::scenario::{Scenario, Settings};

/// What bounds a fetch under these settings.
pub(super) fn limits(scenario: &Scenario, settings: &Settings) -> FetchLimits {
    let properties = &settings.properties;
    let size = scenario.topic.record_bytes.max(1);
    FetchLimits {
        round_trip: scenario.cluster.round_trip,
        max_wait: properties.fetch_max_wait,
        min_records: properties.fetch_min_bytes.div_ceil(size).max(1),
        per_partition: (properties.max_partition_fetch_bytes / size).max(1),
        per_response: (properties.fetch_max_bytes / size).max(1),
        when: match settings.client.fetches {
            Fetches::OnceDrained => FetchWhen::OnceDrained,
            Fetches::Ahead { records, bytes } => FetchWhen::Ahead {
                of_partition: records,
                of_all: (bytes / size).max(1),
            },
            Fetches::BetweenBatches => FetchWhen::BetweenBatches,
        },
        reset: properties.auto_offset_reset,
    }
}
