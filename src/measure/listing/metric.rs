//! The metrics of exporters of lag: what each is of, and which of its labels says so.

use super::{Quantity, Series, figure};

/// A metric.
struct Metric {
    name: &'static str,
    quantity: Quantity,
    group: Option<&'static str>,
    topic: Option<&'static str>,
    partition: Option<&'static str>,
}

const fn of_group(
    name: &'static str,
    quantity: Quantity,
    [group, topic, partition]: [&'static str; 3],
) -> Metric {
    Metric {
        name,
        quantity,
        group: Some(group),
        topic: Some(topic),
        partition: Some(partition),
    }
}

const fn log_end(name: &'static str, [topic, partition]: [&'static str; 2]) -> Metric {
    Metric {
        name,
        quantity: Quantity::LogEnd,
        group: None,
        topic: Some(topic),
        partition: Some(partition),
    }
}

const fn members(name: &'static str, group: &'static str) -> Metric {
    Metric {
        name,
        quantity: Quantity::Members,
        group: Some(group),
        topic: None,
        partition: None,
    }
}

const EXPORTER: [&str; 3] = ["consumergroup", "topic", "partition"];
const LAG_EXPORTER: [&str; 3] = ["group", "topic", "partition"];
const KMINION: [&str; 3] = ["group_id", "topic_name", "partition_id"];
const BURROW: [&str; 3] = ["consumer_group", "topic", "partition"];

/// By exporter: kafka_exporter (`collect` in kafka_exporter.go), kafka-lag-exporter (Metrics.scala), kminion (docs/metrics.md),
/// Burrow (prometheus.go).
const METRICS: [Metric; 13] = [
    of_group(
        "kafka_consumergroup_current_offset",
        Quantity::Committed,
        EXPORTER,
    ),
    of_group("kafka_consumergroup_lag", Quantity::Lag, EXPORTER),
    log_end(
        "kafka_topic_partition_current_offset",
        ["topic", "partition"],
    ),
    members("kafka_consumergroup_members", "consumergroup"),
    Metric {
        name: "kafka_topic_partitions",
        quantity: Quantity::Partitions,
        group: None,
        topic: Some("topic"),
        partition: None,
    },
    Metric {
        name: "kafka_brokers",
        quantity: Quantity::Brokers,
        group: None,
        topic: None,
        partition: None,
    },
    of_group(
        "kafka_consumergroup_group_offset",
        Quantity::Committed,
        LAG_EXPORTER,
    ),
    of_group("kafka_consumergroup_group_lag", Quantity::Lag, LAG_EXPORTER),
    log_end("kafka_partition_latest_offset", ["topic", "partition"]),
    of_group(
        "kminion_kafka_consumer_group_topic_partition_lag",
        Quantity::Lag,
        KMINION,
    ),
    log_end(
        "kminion_kafka_topic_partition_high_water_mark",
        ["topic_name", "partition_id"],
    ),
    of_group(
        "burrow_kafka_consumer_current_offset",
        Quantity::Committed,
        BURROW,
    ),
    of_group("burrow_kafka_consumer_partition_lag", Quantity::Lag, BURROW),
];

/// The names that are known, for remedies.
pub(super) const EXAMPLES: &str = "kafka_topic_partition_current_offset, kafka_consumergroup_current_offset or kafka_consumergroup_lag";

/// A series without figures for a metric with these labels.
///
/// # Errors
/// What is wrong with the labels. `Ok(None)` if the metric is none of offsets, lag or members.
pub(super) fn series<'a>(
    name: &str,
    label: &dyn Fn(&str) -> Option<&'a str>,
) -> Result<Option<Series>, String> {
    let Some(metric) = METRICS.iter().find(|metric| metric.name == name) else {
        return Ok(None);
    };
    let read = |key: Option<&'static str>| match key {
        None => Ok(None),
        Some(key) => match label(key) {
            Some(value) => Ok(Some(value.to_owned())),
            None => Err(format!("{name} has no label {key}")),
        },
    };
    let partition = match read(metric.partition)? {
        None => None,
        Some(text) => {
            let number = text.parse::<u32>().ok();
            let number = number.filter(|number| f64::from(*number) < super::MOST_PARTITIONS);
            Some(number.ok_or_else(|| format!("`{text}` is not a partition number"))?)
        }
    };
    Ok(Some(Series {
        quantity: metric.quantity,
        topic: read(metric.topic)?,
        group: read(metric.group)?,
        partition,
        points: Vec::new(),
    }))
}

/// What exporters write for a figure: an offset of -1, a lag of -1 and NaN stand for none.
pub(super) fn value(quantity: Quantity, text: &str) -> Result<Option<f64>, String> {
    let Some(value) = figure(text) else {
        return Err(format!("`{text}` is not a figure"));
    };
    match quantity {
        _ if value.is_nan() => Ok(None),
        // kafka_exporter: no commit on this partition.
        Quantity::Committed | Quantity::Lag if value == -1.0 => Ok(None),
        // Offsets come from two requests: a commit in between makes a lag below zero.
        Quantity::Lag => Ok(Some(value.max(0.0))),
        _ if value < 0.0 => Err(format!("{text} is below zero")),
        _ => Ok(Some(value)),
    }
}
