//! Each key of the language, and each key of its schema.

use std::collections::BTreeSet;

use lagsim::scenario::schema;

use super::{AUTOSCALED, COMPLETE, RETRIED, SMALL, accepted, judged_as};

/// One change per key of the language: each must be accepted, and change what is simulated.
const CHANGES: &[&str] = &[
    "title=another",
    "seed=8",
    "group.static=true",
    "group.start-up={ exponential = '2s' }",
    "processing.commit-on-revoke=true",
    "horizon=4h",
    "sample=5s",
    "topic.name=payments",
    "topic.start.0.committed=18443202",
    "topic.start.0.log-end=18891003",
    "topic.record-size=2KiB",
    "produce.rate=600/s",
    "produce.rate.daily.mean=700/s",
    "produce.rate.daily.peak=901/s",
    "produce.rate.daily.peak-at=2h",
    "produce.bursts.0.at=31m",
    "produce.bursts.0.length=6m",
    "produce.bursts.0.factor=2",
    "produce.bursts.0.every=50m",
    "produce.bursts.1.rate=3k/s",
    "produce.arrivals=constant",
    "produce.keys=even",
    "produce.keys.zipf=1.2",
    "produce.keys.distinct=11k",
    "produce.keys={ hot = [{ share = 0.3 }] }",
    "produce.rate={ steps = [{ at = \"0s\", rate = \"5/s\" }, { at = \"1m\", rate = \"9/s\" }], repeat = \"2m\" }",
    "produce.rate={ ramps = [{ at = \"0s\", rate = \"5/s\" }, { at = \"1m\", rate = \"9/s\" }] }",
    "produce.rate={ csv = \"rate.csv\" }",
    "cluster.brokers=3",
    "cluster.round-trip=3ms",
    "cluster.commit-latency=9ms",
    "cluster.properties.group.initial.rebalance.delay.ms=3000",
    "group.start-times=[\"0s\", \"0s\", \"0s\", \"0s\"]",
    "group.client=aiokafka",
    "group.properties.fetch.min.bytes=1000",
    "processing.time=5ms",
    "processing.time.constant=5ms",
    "processing.time.exponential=5ms",
    "processing.time={ gamma = { mean = \"5ms\", shape = 3 } }",
    "processing.time.lognormal.mean=5ms",
    "processing.time.lognormal.p99=21ms",
    "processing.time={ bimodal = { fast = \"1ms\", slow = \"1s\", slow-share = 0.01 } }",
    "processing.time={ csv = \"times.csv\" }",
    "processing.calls=0",
    "processing.concurrency=8",
    "processing.commit=per-record",
    "processing.commit={ every = '5s' }",
    "processing.commit={ every-records = 100 }",
    "processing.on-stop=finish-record",
    "processing.grace=21s",
    "downstream.bank-api.rate-limit=900/s",
    "downstream.bank-api.burst=5",
    "downstream.bank-api.latency=16ms",
    "downstream.bank-api.latency-under-load=[{ calls = 20, factor = 1 }, { calls = 61, factor = 2.5 }]",
    "downstream.bank-api.latency-under-load=[{ calls = 20, factor = 1 }, { calls = 60, factor = 3 }]",
    "downstream.bank-api.concurrency=65",
    "downstream.bank-api.timeout=3s",
    "downstream.bank-api.retry-back-off=2s",
    "downstream.bank-api.circuit-breaker.failure-rate-threshold=0.5",
    "downstream.bank-api.circuit-breaker.sliding-window-size=51",
    "downstream.bank-api.circuit-breaker.minimum-number-of-calls=21",
    "downstream.bank-api.circuit-breaker.wait-duration-in-open-state=31s",
    "downstream.bank-api.circuit-breaker.permitted-number-of-calls-in-half-open-state=6",
    "downstream.bank-api.circuit-breaker.buffer=10_001",
    "poison.0.partition=1",
    "poison.0.offset=8",
    "poison.1.share=0.0002",
    "poison.0.attempt=51ms",
    "poison.0.on-error=skip",
    "poison.0.on-error={ dead-letter = { produce = \"13ms\" } }",
    "poison.0.on-error.retry.attempts=4",
    "poison.0.on-error.retry.back-off=101ms",
    "poison.0.on-error.retry.multiplier=3",
    "poison.0.on-error.retry.max-back-off=2s",
    "poison.0.on-error.retry.then=skip",
    "poison.0.on-error=crash",
    "poison.0.on-error={ crash = { close = true } }",
    "poison.0.on-error.retry.then=crash",
    "poison.0.on-error.retry.then={ crash = { close = true } }",
    "processing.restart={ back-off = \"1s\" }",
    "processing.restart={ max-back-off = \"1m\" }",
    "processing.restart={ reset-after = \"1m\" }",
    "processing.restart={ start-up = \"5s\" }",
    "poison.0.on-error.retry.then.dead-letter.produce=13ms",
    "poison.1.on-error.retry-forever={ by = \"in-place\" }",
    "poison.1.on-error.retry-forever.back-off=501ms",
    "at.0.time=11m",
    "at.0.crash.members=2",
    "at.0.crash.restart-after=21s",
    "at.1.label=release 43",
    "at.1.every=30m",
    "at.1.until=1h",
    "at.1.deploy.gap=16s",
    "at.1.deploy.start-up=6s",
    "at.1.deploy.graceful=false",
    "at.1.deploy.rolling=false",
    "at.1.deploy.members=[3, 2]",
    "at.1.deploy.set={ processing.concurrency = 9 }",
    "at.2.restart=2",
    "at.2.restart.members=2",
    "at.3.scale=6",
    "at.3.scale.to=6",
    "at.3.scale.start-up=11s",
    "at.3.scale={ to = 3, graceful = true }",
    "at.4.add-partitions=7",
    "at.5.freeze.members=1",
    "at.5.freeze.length=11s",
    "at.6.rate=800/s",
    "at.6.rate.to=901/s",
    "at.6.rate.over=11m",
    "at.7.rate.factor=1.3",
    "at.8.downstream.latency=41ms",
    "at.8.downstream.rate-limit=none",
    "at.8.downstream.burst=11",
    "at.9.downstream=resume",
    "at.9.downstream=fail",
    "at.11.set={ processing.concurrency = 33 }",
    "at.11.takes-effect=at-restart",
    "monitoring.scrape-interval=16s",
    "monitoring.evaluation-interval=31s",
    "monitoring.evaluation-offset=6s",
    "alert.0.severity=page",
    "alert.0.when=age > 5m",
    "alert.0.for=6m",
    "alert.0.keep-firing-for=3m",
    "alert.1={ name = \"another\", when = \"sum > 1\" }",
    "expect.0.metric=final-lag",
    "expect.0.partition=1",
    "expect.0.above=2",
    "expect.0.below=20M",
    "expect.1.alert=second",
    "expect.2.cause=throttled",
];

#[test]
fn each_key_changes_the_scenario() {
    // A second alert for expect.1.alert to name.
    let second = "alert.1={ name = \"second\", when = \"max > 5\" }";
    let base = accepted(COMPLETE, &[second]);
    let first = accepted(COMPLETE, &[]);
    let mut wrong = Vec::new();
    for change in CHANGES {
        let before = if change.starts_with("alert.1") {
            &first
        } else {
            &base
        };
        match judged_as("model.toml", COMPLETE, &[second, change]) {
            Err(found) => wrong.push(format!("{change} is refused:\n{found}")),
            Ok(changed) if changed.scenario == *before => {
                wrong.push(format!("{change} changes nothing"));
            }
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (text, other) in [
        ("partitions = 4\nbacklog = \"2M\"", "partitions = 5"),
        (
            "partitions = 2\nbacklog = [1, 2]",
            "partitions = 2\nbacklog = [1, 3]",
        ),
    ] {
        let with = |topic: &str| accepted(&SMALL.replace("partitions = 4", topic), &[]);
        assert_ne!(with(text), with(other));
    }
    for (text, other) in [
        (
            "[[group.member]]\nname = \"a\"",
            "[[group.member]]\nname = \"b\"",
        ),
        ("[[group.member]]\nstart = \"1s\"", "members = 1"),
    ] {
        let with = |group: &str| accepted(&SMALL.replace("members = 2", group), &[]);
        assert_ne!(with(text), with(other));
    }
    assert_ne!(accepted(SMALL, &["group.name=h"]), accepted(SMALL, &[]));
    let weights = "rate = \"9/s\"\nkeys = { weights = [1, 2, 3, 4] }";
    assert_ne!(
        accepted(&SMALL.replace("rate = \"9/s\"", weights), &[]),
        accepted(SMALL, &[])
    );
}

#[test]
fn the_schema_is_json_and_explains_every_key() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).expect("JSON");
    let mut keys = BTreeSet::new();
    keys_of(&schema, &mut keys);
    assert!(keys.len() > 90, "{keys:?}");
    let covered = format!("{}{COMPLETE}{AUTOSCALED}{RETRIED}", CHANGES.join("\n"));
    let elsewhere = [
        "limitToPartitionsWithLag",
        "backlog",
        "member",
        "weights",
        "instance-id",
        "client-id",
        "from-file",
        "start",
        "factor",
        "none",
    ];
    for key in &keys {
        assert!(
            covered.contains(key.as_str()) || elsewhere.contains(&key.as_str()),
            "no test changes `{key}`"
        );
    }
}

/// Every key of every table of a schema; panics at one without a description.
fn keys_of(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(object) => {
            for (word, value) in object {
                // What stands under `properties` are keys of the model; all else is the schema's own.
                match value {
                    serde_json::Value::Object(properties) if word == "properties" => {
                        for (key, value) in properties {
                            let explained = value.get("description").is_some();
                            assert!(explained, "`{key}` is not explained");
                            keys.insert(key.clone());
                            keys_of(value, keys);
                        }
                    }
                    _ => keys_of(value, keys),
                }
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| keys_of(value, keys)),
        _ => {}
    }
}
