//! What would have kept records that retention deleted before anybody read them.

use super::super::summary::Summary;
use super::super::words::{listed, short, span};
use super::outlook;
use crate::scenario::Scenario;

/// What would help: enough room for what is unread, if there is such a thing.
pub(super) fn remedy(scenario: &Scenario, summary: &Summary) -> String {
    let enough = listed(&enough(scenario, summary));
    if summary.drained_at_s.is_none() && !outlook::falls(summary) {
        return format!(
            "Loss to retention: as long as members are slower than the traffic any retention is too short in the end; so that \
             this run loses nothing it would take {enough}. Alert on the age of the oldest record well before."
        );
    }
    format!(
        "Loss to retention: {enough}, and an alert on the age of the oldest record well before."
    )
}

/// Of each limit that is set, what would have held all that was unread had nothing been deleted.
fn enough(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let properties = &scenario.topic.properties;
    let unread = &summary.unread;
    let per_s = summary.accounts.produced as f64 / summary.horizon_s.max(1e-9);
    // So long it takes to produce that much, at the mean rate.
    let age_s = (unread.max as f64 / per_s.max(1e-9)).max(summary.age_s.max);
    let bytes = unread.partition_max as f64 * scenario.topic.record_bytes as f64;
    let now_s = |ms: u64| span(ms as f64 / 1_000.0);
    let age = properties.retention_ms.map(|now| {
        format!(
            "a retention.ms of about {} ({} now)",
            span(age_s),
            now_s(now)
        )
    });
    let size = properties.retention_bytes.map(|now| {
        format!(
            "a retention.bytes of about {} a partition ({} now)",
            binary(bytes),
            binary(now as f64)
        )
    });
    age.into_iter().chain(size).collect()
}

/// `1.4 GiB`.
fn binary(bytes: f64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes;
    let mut unit = 0;
    while size >= 1_024.0 && unit + 1 < units.len() {
        size /= 1_024.0;
        unit += 1;
    }
    format!("{} {}", short(size), units[unit])
}
