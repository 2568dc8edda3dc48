//! Every key of the language does something: for each there are two values with which a run differs, not only the
//! model. A key that is accepted and ignored would be a lie.

mod autoscaler;
mod client;
mod dependencies;
mod errors;
mod group;
mod load;
mod retry;
mod timeline;
mod trouble;

use std::collections::BTreeSet;

use lagsim::experiment;
use lagsim::kafka::{BrokerProperties, ConsumerProperties, TopicProperties};
use lagsim::measure::Keep;
use lagsim::scenario::{Override, Source, check, schema};

const BASE: &str = r#"
horizon = "20m"
sample = "5s"
topic = { name = "orders", partitions = 4 }
produce = { rate = "200/s" }
group = { name = "order-processor", members = 2 }
processing = { time = "4ms", commit = "after-batch" }
"#;

/// A key, what the model must say besides, and the key with two values.
type Case = (&'static str, &'static [&'static str], [&'static str; 2]);

/// Keys that only name what figures are told of; names of topics and groups address draws besides.
const NAMES: [&str; 5] = [
    "title",
    "At.label",
    "Topic.name",
    "Group.name",
    "RetryTopic.name",
];

const API: &str = "downstream.api={ latency = '5ms' }";
const LIMITED: &str = "downstream.api={ latency = '5ms', rate-limit = '150/s' }";
const OUTAGE: &str = "at.0={ time = '5m', downstream = 'fail' }";
const BACK: &str = "at.1={ time = '8m', downstream = 'resume' }";
const BREAKER: &str =
    "downstream.api={ latency = '5ms', circuit-breaker = { while-open = 'buffer', buffer = 500 } }";
const BATCH: &str =
    "processing={ time = '100ms', commit = 'after-batch', on-stop = 'finish-batch' }";
const BACKLOG: &str = "topic={ name = 'orders', partitions = 4, backlog = 20_000 }";
const ALERT: &str = "alert.0={ name = 'a', when = 'lag > 100', for = '1m' }";
const LATE: &str = "group={ name = 'g', member = [{ name = 'late', start = '8m' }], properties = { auto.offset.reset = 'earliest' } }";
const SEGMENTS: &str = "topic={ name = 't', partitions = 4, properties = { retention.ms = 60000, segment.bytes = 20480 } }";
const HUMP: &str = "produce.bursts.0={ at = '1m', length = '3m', factor = 4 }";
const SLOW: &str = "processing={ time = '11ms', commit = 'after-batch' }";
const POISON: &str = "poison.0={ share = 0.01, on-error = 'skip' }";
const CRASHES: &str = "poison.0={ partition = 1, offset = 100, on-error = 'crash' }";
const DOWN: &str = "at.0={ time = '5m', dead-letter = 'stop' }";
const SET: &str = "at.0={ time = '5m', set = { processing.time = '20ms' }, takes-effect = 'now' }";

const RETRY: &str =
    "poison.0.on-error={ retry = { attempts = 3, back-off = '1s', then = 'skip' } }";
const MORE: &str = "at.0={ time = '5m', scale = { to = 3 } }";
const CONSUMER: &str = "group.properties.group.protocol='consumer'";
const CRASH: &str = "at.0={ time = '5m', crash = { members = [0], restart-after = '1m' } }";
const RESTART: &str =
    "at.0={ time = '5m', restart = { members = [0, 1], gap = '20s', start-up = '5s' } }";
const DEPLOY: &str = "at.0={ time = '5m', deploy = { gap = '20s', start-up = '5s' } }";

fn cases() -> impl Iterator<Item = &'static Case> {
    [
        load::CASES,
        group::CASES,
        autoscaler::CASES,
        trouble::CASES,
        dependencies::CASES,
        errors::CASES,
        retry::CASES,
        timeline::CASES,
    ]
    .into_iter()
    .flatten()
}

fn files(path: &str) -> Result<String, String> {
    match path {
        "a.csv" => Ok("time_s,rate_per_s\n0,200\n600,400\n".to_owned()),
        "b.csv" => Ok("time_s,rate_per_s\n0,200\n700,400\n".to_owned()),
        "a-times.csv" => Ok("time_ms\n4\n5\n20\n".to_owned()),
        "b-times.csv" => Ok("time_ms\n4\n5\n21\n".to_owned()),
        "a.properties" => Ok("max.poll.records=10\n".to_owned()),
        "b.properties" => Ok("max.poll.records=1000\n".to_owned()),
        _ => Err("there is no such file".to_owned()),
    }
}

/// Everything that a run of the base model with `settings` shows, names apart.
fn shown(settings: &[&str]) -> Result<String, String> {
    shown_with(settings, "")
}

/// The same, with a profile in the file `mine.toml`.
fn shown_with(settings: &[&str], profile: &str) -> Result<String, String> {
    let source = Source {
        name: "base.toml".to_owned(),
        stem: "base".to_owned(),
        text: BASE.to_owned(),
    };
    let overrides: Vec<Override> = settings
        .iter()
        .map(|setting| Override {
            text: (*setting).to_owned(),
        })
        .collect();
    let beside = |path: &str| match path {
        "mine.toml" => Ok(profile.to_owned()),
        other => files(other),
    };
    let checked =
        check(&source, &overrides, &beside).map_err(|found| format!("{settings:?}:\n{found}"))?;
    let outcome = experiment::run_once(&checked.scenario, 0, Keep::ALL);
    let summary = &outcome.summary;
    let retries = outcome.retries.iter();
    let retries = retries.map(|own| (&own.summary.accounts, &own.curves));
    Ok(format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        summary.accounts,
        outcome.events,
        summary.alerts,
        summary.expectations,
        summary.attribution,
        outcome.curves,
        retries.collect::<Vec<_>>()
    ))
}

fn with<'a>(common: &[&'a str], one: &'a str) -> Vec<&'a str> {
    let mut settings = common.to_vec();
    settings.push(one);
    settings
}

#[test]
fn every_key_changes_what_a_run_shows() {
    let mut wrong = Vec::new();
    for (key, common, [one, other]) in cases() {
        match (shown(&with(common, one)), shown(&with(common, other))) {
            (Ok(a), Ok(b)) if a != b => {}
            (Ok(_), Ok(_)) => wrong.push(format!("{key} is ignored: {one} runs as {other}")),
            (a, b) => wrong.extend([a, b].into_iter().filter_map(Result::err)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_key_of_the_language_is_left_out() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let known: BTreeSet<&str> = cases().map(|(key, ..)| *key).chain(NAMES).collect();
    let mut language = BTreeSet::new();
    for key in schema["properties"].as_object().unwrap().keys() {
        language.insert(key.clone());
    }
    for (kind, definition) in schema["$defs"].as_object().unwrap() {
        let keys = definition["properties"].as_object();
        language.extend(
            keys.into_iter()
                .flat_map(|keys| keys.keys())
                .map(|key| format!("{kind}.{key}")),
        );
    }
    let missing: Vec<&String> = language
        .iter()
        .filter(|key| !known.contains(key.as_str()))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

/// Kafka's properties, each with two values and what the model must say besides.
const PROPERTIES: &[Case] = &[
    ("group.protocol", &[RESTART], ["'classic'", "'consumer'"]),
    (
        "group.remote.assignor",
        &[CONSUMER, MORE, "topic.partitions=7"],
        ["'uniform'", "'range'"],
    ),
    ("max.poll.records", &[BACKLOG], ["10", "1000"]),
    (
        "max.poll.interval.ms",
        &["processing.time='600ms'", BACKLOG],
        ["60000", "400000"],
    ),
    ("session.timeout.ms", &[CRASH], ["10000", "50000"]),
    ("heartbeat.interval.ms", &[CRASH], ["1000", "9000"]),
    ("fetch.min.bytes", &[], ["1", "50000"]),
    (
        "fetch.max.wait.ms",
        &["group.properties.fetch.min.bytes=5000000"],
        ["100", "5000"],
    ),
    (
        "fetch.max.bytes",
        &[BACKLOG, "topic.record-size='10KiB'"],
        ["20000", "52428800"],
    ),
    (
        "max.partition.fetch.bytes",
        &[BACKLOG, "topic.record-size='10KiB'"],
        ["20000", "1048576"],
    ),
    (
        "auto.commit.interval.ms",
        &["processing.commit='auto'"],
        ["1000", "9000"],
    ),
    (
        "partition.assignment.strategy",
        &["topic.partitions=5"],
        ["'range'", "'roundrobin'"],
    ),
    (
        "partition.assignment.strategy",
        &["at.0={ time = '5m', scale = { to = 3 } }"],
        ["'sticky'", "'cooperative-sticky'"],
    ),
    (
        "partition.assignment.strategy",
        &["at.0={ time = '5m', scale = { to = 3 } }"],
        ["'range'", "'sticky'"],
    ),
    (
        "auto.offset.reset",
        &["topic={ name = 't', partitions = 1, start = [{ log-end = 99 }] }"],
        ["'latest'", "'earliest'"],
    ),
    (
        "retry.backoff.ms",
        &[
            "processing.time='600ms'",
            BACKLOG,
            "group.properties.max.poll.interval.ms=60000",
        ],
        ["100", "2000"],
    ),
    (
        "metadata.max.age.ms",
        &["at.0={ time = '6m', add-partitions = 6 }"],
        ["10000", "300000"],
    ),
];

/// Properties of topics and brokers, by section.
const OTHERS: &[(&str, &str, &[&str], [&str; 2])] = &[
    (
        "cluster",
        "group.consumer.session.timeout.ms",
        &[CONSUMER, CRASH],
        ["45000", "60000"],
    ),
    (
        "cluster",
        "group.consumer.heartbeat.interval.ms",
        &[CONSUMER],
        ["5000", "15000"],
    ),
    (
        "cluster",
        "group.consumer.assignors",
        &[CONSUMER, MORE, "topic.partitions=7"],
        ["'uniform'", "'range'"],
    ),
    (
        "cluster",
        "group.initial.rebalance.delay.ms",
        &[],
        ["0", "9000"],
    ),
    (
        "cluster",
        "group.coordinator.new.enable",
        &[RESTART],
        ["true", "false"],
    ),
    (
        "cluster",
        "log.retention.check.interval.ms",
        &[LATE, SEGMENTS],
        ["10000", "400000"],
    ),
    ("topic", "retention.ms", &[LATE, SEGMENTS], ["60000", "-1"]),
    (
        "topic",
        "retention.bytes",
        &[LATE, SEGMENTS],
        ["1000000", "-1"],
    ),
    (
        "topic",
        "segment.ms",
        &[LATE, "topic.properties.retention.ms=60000"],
        ["10000", "100000"],
    ),
    (
        "topic",
        "segment.bytes",
        &[LATE, "topic.properties.retention.ms=60000"],
        ["20000", "2000000"],
    ),
];

/// Properties by which a model or a member is refused, so that no two runs are left to compare: the check has its
/// own tests.
const REFUSING: [&str; 7] = [
    "enable.auto.commit",
    "group.min.session.timeout.ms",
    "group.max.session.timeout.ms",
    "group.consumer.min.session.timeout.ms",
    "group.consumer.max.session.timeout.ms",
    "group.consumer.min.heartbeat.interval.ms",
    "group.consumer.max.heartbeat.interval.ms",
];

#[test]
fn every_property_changes_what_a_run_shows() {
    let mut wrong = Vec::new();
    let consumer = PROPERTIES
        .iter()
        .map(|(name, common, values)| ("group", *name, *common, *values));
    for (section, name, common, values) in consumer.chain(OTHERS.iter().copied()) {
        let [one, other] = values.map(|value| format!("{section}.properties.{name}={value}"));
        match (shown(&with(common, &one)), shown(&with(common, &other))) {
            (Ok(a), Ok(b)) if a != b => {}
            (Ok(_), Ok(_)) => wrong.push(format!("{one} runs as {other}")),
            (a, b) => wrong.extend([a, b].into_iter().filter_map(Result::err)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let known: Vec<&str> = PROPERTIES.iter().map(|(name, ..)| *name).collect();
    for property in ConsumerProperties::table() {
        assert!(
            known.contains(&property.name) || REFUSING.contains(&property.name),
            "no case for {}",
            property.name
        );
    }
    let brokers = BrokerProperties::table().map(|property| property.name);
    for name in brokers.chain(TopicProperties::table().map(|property| property.name)) {
        let shown = OTHERS.iter().any(|(_, known, ..)| *known == name);
        assert!(shown || REFUSING.contains(&name), "no case for {name}");
    }
}
