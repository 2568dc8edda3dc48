//! Keys of a client profile.

use std::collections::BTreeSet;

use lagsim::scenario::client_schema;

use super::{BACKLOG, CONSUMER, CRASH, Case, RESTART, SLOW, shown_with, with};

const LONG: &str = "processing={ time = '600ms', commit = 'after-batch' }";
const REJOINS: &str = "processing={ time = '300ms', commit = 'after-batch' }";
const ONE_BY_ONE: &str = "group.properties.max.poll.records=1";
const THREE: &str = "group={ name = 'g', members = 3, start-times = ['0s', '10s', '33200ms'] }";
const HOT: &str = "produce.keys={ hot = [{ share = 0.5 }] }";
const FAR: &str = "cluster.round-trip='100ms'";

/// A key, what the model must say besides, and the profile with two values of the key.
const CASES: &[Case] = &[
    (
        "heartbeats",
        &[
            BACKLOG,
            "processing={ time = '50s', commit = 'after-batch' }",
            "group.properties.max.poll.records=1",
        ],
        ["heartbeats = 'thread'", "heartbeats = 'between-records'"],
    ),
    (
        "heartbeats-from",
        &[BACKLOG, THREE, REJOINS, ONE_BY_ONE],
        ["heartbeats-from = 'join'", "heartbeats-from = 'first-join'"],
    ),
    (
        "heartbeats-from",
        &[BACKLOG, THREE, REJOINS, ONE_BY_ONE],
        [
            "heartbeats-from = 'first-join'",
            "heartbeats-from = 'start'",
        ],
    ),
    (
        "rejoin",
        &[BACKLOG, REJOINS, CRASH],
        ["rejoin = 'next-poll'", "rejoin = 'background'"],
    ),
    (
        "rejoin",
        &[BACKLOG, REJOINS, CRASH],
        ["rejoin = 'next-poll'", "rejoin = 'heartbeat'"],
    ),
    (
        "consumer-protocol",
        &[BACKLOG, REJOINS, CONSUMER, RESTART],
        [
            "consumer-protocol = 'background'",
            "consumer-protocol = 'next-poll'",
        ],
    ),
    (
        "poll-clock",
        &[BACKLOG, LONG, "group.properties.max.poll.interval.ms=60000"],
        ["poll-clock = 'never'", "poll-clock = '500ms'"],
    ),
    (
        "poll-clock",
        &[BACKLOG, LONG, "group.properties.max.poll.interval.ms=60000"],
        ["poll-clock = 'when-due'", "poll-clock = '7s'"],
    ),
    (
        "rebalance-timeout",
        &[BACKLOG, LONG, RESTART],
        ["rebalance-timeout = '200s'", "rebalance-timeout = '5s'"],
    ),
    (
        "auto-commit",
        &["processing.commit='auto'"],
        ["auto-commit = 'in-poll'", "auto-commit = 'timer'"],
    ),
    (
        "auto-commit",
        &["processing.commit='auto'"],
        [
            "auto-commit = 'timer'",
            "auto-commit = 'timer-of-previous-polls'",
        ],
    ),
    (
        "auto-commit",
        &[
            "processing.commit='auto'",
            "produce.rate='0.1/s'",
            FAR,
            RESTART,
        ],
        ["auto-commit = 'timer'", "auto-commit = 'timer-of-stored'"],
    ),
    (
        "auto-commit",
        &["processing.commit='auto'"],
        ["auto-commit = 'timer'", "auto-commit = 'after-batch'"],
    ),
    (
        "late-commit",
        &[
            BACKLOG,
            LONG,
            "group={ name = 'g', members = 1, properties = { max.poll.interval.ms = 60000 } }",
            "group.client='mine.toml'",
        ],
        ["late-commit = 'refused'", "late-commit = 'sent'"],
    ),
    (
        "refused-commit",
        &[
            "topic={ name = 'orders', partitions = 4, backlog = 100_000 }",
            "group.members=3",
            "processing={ time = '40ms', commit = 'after-batch' }",
            RESTART,
            "group.properties.heartbeat.interval.ms=40000",
        ],
        [
            "rebalance-timeout = '5s'\nrefused-commit = 'rejoin'",
            "rebalance-timeout = '5s'\nrefused-commit = 'log'",
        ],
    ),
    (
        "commit",
        &["processing={ time = '4ms' }"],
        ["commit = 'auto'", "commit = 'per-record'"],
    ),
    (
        "auto-commit-before",
        &[
            "processing.commit='auto'",
            "group.properties={ partition.assignment.strategy = 'cooperative-sticky', auto.commit.interval.ms = 600000 }",
            "at.0={ time = '5m', scale = { to = 3 } }",
        ],
        [
            "auto-commit-before = 'joining'",
            "auto-commit-before = 'revoking'",
        ],
    ),
    (
        "commit",
        &["processing={ time = '4ms' }"],
        [
            "commit = { every = '3s' }",
            "commit = { every-records = 900 }",
        ],
    ),
    (
        "order",
        &[HOT, "processing={ time = '4ms' }"],
        [
            "auto-commit = 'completed'\norder = 'partition'",
            "auto-commit = 'completed'\norder = 'unordered'",
        ],
    ),
    (
        "concurrency",
        &[SLOW],
        ["concurrency = 2", "concurrency = 3"],
    ),
    (
        "commit-on-revoke",
        &[
            "processing={ time = '4ms', commit = { every = '1h' } }",
            "at.0={ time = '5m', scale = { to = 3 } }",
        ],
        ["commit-on-revoke = false", "commit-on-revoke = true"],
    ),
    (
        "poll-timeout",
        &[
            "processing={ time = '4ms', commit = { every = '7s' } }",
            "produce.rate='0.1/s'",
        ],
        ["poll-timeout = '100ms'", "poll-timeout = '3s'"],
    ),
    (
        "on-stop",
        &[
            BACKLOG,
            "processing={ time = '100ms', commit = 'after-batch' }",
            RESTART,
        ],
        ["on-stop = 'finish-record'", "on-stop = 'finish-batch'"],
    ),
    (
        "on-error",
        &["poison.0={ share = 0.01 }"],
        ["on-error = 'skip'", "on-error = 'dead-letter'"],
    ),
    (
        "returns",
        &[BACKLOG],
        ["returns = 'max.poll.records'", "returns = 'one-partition'"],
    ),
    (
        "reset-delay",
        &[
            "topic={ name = 'orders', partitions = 4, start = [{ log-end = 90 }, { log-end = 90 }, { log-end = 90 }, { log-end = 90 }] }",
            "group.properties.auto.offset.reset='earliest'",
        ],
        ["reset-delay = '0ms'", "reset-delay = '3s'"],
    ),
    ("fills", &[], ["fills = '0ms'", "fills = '1s'"]),
    (
        "fetches",
        &[BACKLOG, FAR],
        ["fetches = 'once-drained'", "fetches = 'between-batches'"],
    ),
    (
        "queue",
        &[BACKLOG, FAR],
        [
            "fetches = 'ahead'\nqueue = 10\nqueue-size = '64MiB'",
            "fetches = 'ahead'\nqueue = 9000\nqueue-size = '64MiB'",
        ],
    ),
    (
        "queue-size",
        &[BACKLOG, FAR],
        [
            "fetches = 'ahead'\nqueue = 9000\nqueue-size = '20KiB'",
            "fetches = 'ahead'\nqueue = 9000\nqueue-size = '64MiB'",
        ],
    ),
    (
        "properties",
        &[CRASH],
        [
            "properties = { session.timeout.ms = 10000 }",
            "properties = { session.timeout.ms = 50000 }",
        ],
    ),
];

/// By which a model is refused, so that no two runs are left to compare: the check has its own tests.
const REFUSING: [&str; 1] = ["assignors"];

#[test]
fn every_key_of_a_profile_changes_what_a_run_shows() {
    let mut wrong = Vec::new();
    for (key, common, [one, other]) in CASES {
        let settings = with(common, "group.client='mine.toml'");
        match (shown_with(&settings, one), shown_with(&settings, other)) {
            (Ok(a), Ok(b)) if a != b => {}
            (Ok(_), Ok(_)) => wrong.push(format!("{key} is ignored: {one} runs as {other}")),
            (a, b) => wrong.extend([a, b].into_iter().filter_map(Result::err)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_key_of_a_profile_is_left_out() {
    let schema: serde_json::Value = serde_json::from_str(&client_schema()).unwrap();
    let known: BTreeSet<&str> = CASES.iter().map(|(key, ..)| *key).chain(REFUSING).collect();
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(known.contains(key.as_str()), "no case for {key}");
    }
}
