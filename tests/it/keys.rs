//! Every key of the language does something: for each there are two values with which a run differs, not only the
//! model. A key that is accepted and ignored would be a lie.

use std::collections::BTreeSet;

use lagsim::experiment;
use lagsim::kafka::{BrokerProperties, ConsumerProperties};
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

/// Keys that name things, or hold others: what they may not do is change a figure.
const NAMES: [&str; 4] = ["title", "At.label", "Topic.name", "Group.name"];

const API: &str = "downstream.api={ latency = '5ms' }";
const LIMITED: &str = "downstream.api={ latency = '5ms', rate-limit = '150/s' }";
const BATCH: &str =
    "processing={ time = '100ms', commit = 'after-batch', on-stop = 'finish-batch' }";
const BACKLOG: &str = "topic={ name = 'orders', partitions = 4, backlog = 20_000 }";
const ALERT: &str = "alert.0={ name = 'a', when = 'lag > 100', for = '1m' }";
const SLOW: &str = "processing={ time = '11ms', commit = 'after-batch' }";
const POISON: &str = "poison.0={ share = 0.01, on-error = 'skip' }";
const SET: &str = "at.0={ time = '5m', set = { processing.time = '20ms' }, takes-effect = 'now' }";

const OF_THE_LOAD: &[Case] = &[
    ("seed", &[], ["seed=1", "seed=2"]),
    ("horizon", &[], ["horizon='10m'", "horizon='20m'"]),
    ("sample", &[], ["sample='5s'", "sample='10s'"]),
    (
        "topic",
        &[],
        [
            "topic={ name = 't', partitions = 4 }",
            "topic={ name = 't', partitions = 5 }",
        ],
    ),
    (
        "produce",
        &[],
        ["produce={ rate = '1/s' }", "produce={ rate = '2/s' }"],
    ),
    (
        "Topic.partitions",
        &[],
        ["topic.partitions=4", "topic.partitions=5"],
    ),
    (
        "Topic.backlog",
        &[],
        ["topic.backlog=100", "topic.backlog=[0, 0, 0, 100]"],
    ),
    (
        "Topic.record-size",
        &[BACKLOG],
        ["topic.record-size='100B'", "topic.record-size='900KiB'"],
    ),
    (
        "Topic.start",
        &["topic.partitions=1"],
        [
            "topic.start=[{ log-end = 9 }]",
            "topic.start=[{ committed = 3, log-end = 9 }]",
        ],
    ),
    (
        "Start.committed",
        &["topic={ name = 't', partitions = 1, start = [{ log-end = 9 }] }"],
        ["topic.start.0.committed=1", "topic.start.0.committed=2"],
    ),
    (
        "Start.log-end",
        &["topic={ name = 't', partitions = 1, start = [{ committed = 1, log-end = 9 }] }"],
        ["topic.start.0.log-end=10", "topic.start.0.log-end=20"],
    ),
    (
        "Produce.rate",
        &[],
        ["produce.rate='100/s'", "produce.rate='101/s'"],
    ),
    (
        "Produce.arrivals",
        &[],
        ["produce.arrivals='poisson'", "produce.arrivals='constant'"],
    ),
    (
        "Produce.keys",
        &[],
        [
            "produce.keys='even'",
            "produce.keys={ weights = [1, 2, 3, 4] }",
        ],
    ),
    (
        "Produce.bursts",
        &[],
        [
            "produce.rate='200/s'",
            "produce.bursts=[{ at = '1m', length = '1m', factor = 2 }]",
        ],
    ),
    (
        "Burst.at",
        &["produce.bursts.0={ at = '1m', length = '1m', factor = 2 }"],
        ["produce.bursts.0.at='2m'", "produce.bursts.0.at='3m'"],
    ),
    (
        "Burst.length",
        &["produce.bursts.0={ at = '1m', length = '1m', factor = 2 }"],
        [
            "produce.bursts.0.length='2m'",
            "produce.bursts.0.length='3m'",
        ],
    ),
    (
        "Burst.factor",
        &["produce.bursts.0={ at = '1m', length = '1m', factor = 2 }"],
        ["produce.bursts.0.factor=2", "produce.bursts.0.factor=3"],
    ),
    (
        "Burst.rate",
        &["produce.bursts.0={ at = '1m', length = '1m', rate = '1/s' }"],
        [
            "produce.bursts.0.rate='300/s'",
            "produce.bursts.0.rate='400/s'",
        ],
    ),
    (
        "Burst.every",
        &["produce.bursts.0={ at = '1m', length = '1m', factor = 2 }"],
        ["produce.bursts.0.every='5m'", "produce.bursts.0.every='8m'"],
    ),
    (
        "RateShape.steps",
        &[],
        [
            "produce.rate={ steps = [{ at = '0s', rate = '9/s' }, { at = '5m', rate = '90/s' }] }",
            "produce.rate={ steps = [{ at = '0s', rate = '9/s' }, { at = '6m', rate = '90/s' }] }",
        ],
    ),
    (
        "RatePoint.rate",
        &[],
        [
            "produce.rate={ steps = [{ at = '0s', rate = '9/s' }, { at = '5m', rate = '90/s' }] }",
            "produce.rate={ steps = [{ at = '0s', rate = '9/s' }, { at = '5m', rate = '99/s' }] }",
        ],
    ),
    (
        "RatePoint.at",
        &[],
        [
            "produce.rate={ ramps = [{ at = '0s', rate = '9/s' }, { at = '5m', rate = '90/s' }] }",
            "produce.rate={ ramps = [{ at = '0s', rate = '9/s' }, { at = '6m', rate = '90/s' }] }",
        ],
    ),
    (
        "RateShape.ramps",
        &[],
        [
            "produce.rate={ steps = [{ at = '0s', rate = '9/s' }, { at = '5m', rate = '90/s' }] }",
            "produce.rate={ ramps = [{ at = '0s', rate = '9/s' }, { at = '5m', rate = '90/s' }] }",
        ],
    ),
    (
        "RateShape.repeat",
        &["produce.rate={ ramps = [{ at = '0s', rate = '9/s' }, { at = '5m', rate = '90/s' }] }"],
        ["produce.rate.repeat='6m'", "produce.rate.repeat='7m'"],
    ),
    (
        "RateShape.csv",
        &[],
        [
            "produce.rate={ csv = 'a.csv' }",
            "produce.rate={ csv = 'b.csv' }",
        ],
    ),
    (
        "RateShape.daily",
        &[],
        [
            "produce.rate='200/s'",
            "produce.rate={ daily = { mean = '200/s', peak = '300/s', peak-at = '12h' } }",
        ],
    ),
    (
        "Daily.mean",
        &["produce.rate={ daily = { mean = '200/s', peak = '300/s', peak-at = '12h' } }"],
        [
            "produce.rate.daily.mean='200/s'",
            "produce.rate.daily.mean='210/s'",
        ],
    ),
    (
        "Daily.peak",
        &["produce.rate={ daily = { mean = '200/s', peak = '300/s', peak-at = '12h' } }"],
        [
            "produce.rate.daily.peak='300/s'",
            "produce.rate.daily.peak='310/s'",
        ],
    ),
    (
        "Daily.peak-at",
        &["produce.rate={ daily = { mean = '200/s', peak = '300/s', peak-at = '12h' } }"],
        [
            "produce.rate.daily.peak-at='12h'",
            "produce.rate.daily.peak-at='1h'",
        ],
    ),
    (
        "KeyLaw.weights",
        &[],
        [
            "produce.keys={ weights = [1, 1, 1, 2] }",
            "produce.keys={ weights = [1, 1, 1, 3] }",
        ],
    ),
    (
        "KeyLaw.hot",
        &[],
        [
            "produce.keys='even'",
            "produce.keys={ hot = [{ share = 0.3 }] }",
        ],
    ),
    (
        "HotKey.share",
        &[],
        [
            "produce.keys={ hot = [{ share = 0.3 }] }",
            "produce.keys={ hot = [{ share = 0.4 }] }",
        ],
    ),
    (
        "KeyLaw.zipf",
        &["produce.keys={ zipf = 1.1, distinct = 1000 }"],
        ["produce.keys.zipf=1.1", "produce.keys.zipf=1.2"],
    ),
    (
        "KeyLaw.distinct",
        &["produce.keys={ zipf = 1.1, distinct = 1000 }"],
        ["produce.keys.distinct=1000", "produce.keys.distinct=100"],
    ),
];

const OF_THE_GROUP: &[Case] = &[
    (
        "cluster",
        &[BACKLOG],
        [
            "cluster={ round-trip = '1ms' }",
            "cluster={ round-trip = '20ms' }",
        ],
    ),
    (
        "Cluster.brokers",
        &[BACKLOG],
        ["cluster.brokers=1", "cluster.brokers=4"],
    ),
    (
        "Cluster.round-trip",
        &[BACKLOG],
        ["cluster.round-trip='1ms'", "cluster.round-trip='20ms'"],
    ),
    (
        "Cluster.commit-latency",
        &[BACKLOG],
        [
            "cluster.commit-latency='1ms'",
            "cluster.commit-latency='90ms'",
        ],
    ),
    (
        "Cluster.properties",
        &[],
        [
            "cluster.properties.group.initial.rebalance.delay.ms=0",
            "cluster.properties.group.initial.rebalance.delay.ms=9000",
        ],
    ),
    (
        "group",
        &[],
        [
            "group={ name = 'g', members = 1 }",
            "group={ name = 'g', members = 3 }",
        ],
    ),
    ("Group.members", &[], ["group.members=1", "group.members=2"]),
    (
        "Group.start-times",
        &[],
        [
            "group.start-times=['0s', '0s']",
            "group.start-times=['0s', '5m']",
        ],
    ),
    (
        "Group.member",
        &[],
        [
            "group={ name = 'g', member = [{ name = 'blue' }] }",
            "group={ name = 'g', member = [{ name = 'blue' }, { name = 'green' }] }",
        ],
    ),
    (
        "Member.name",
        &[],
        [
            "group={ name = 'g', member = [{ name = 'blue' }, { name = 'red' }] }",
            "group={ name = 'g', member = [{ name = 'red' }, { name = 'blue' }] }",
        ],
    ),
    (
        "Member.start",
        &[],
        [
            "group={ name = 'g', member = [{ name = 'blue', start = '1m' }] }",
            "group={ name = 'g', member = [{ name = 'blue', start = '2m' }] }",
        ],
    ),
    (
        "Group.client",
        &[],
        ["group.client='java'", "group.client='aiokafka'"],
    ),
    (
        "Group.properties",
        &[BACKLOG],
        [
            "group.properties.max.poll.records=10",
            "group.properties.max.poll.records=1000",
        ],
    ),
    (
        "Properties.from-file",
        &[BACKLOG],
        [
            "group.properties={ from-file = 'a.properties' }",
            "group.properties={ from-file = 'b.properties' }",
        ],
    ),
    (
        "processing",
        &[],
        [
            "processing={ time = '4ms' }",
            "processing={ time = '40ms' }",
        ],
    ),
    (
        "Processing.time",
        &[],
        ["processing.time='4ms'", "processing.time='5ms'"],
    ),
    (
        "Processing.calls",
        &[API],
        ["processing.calls=1", "processing.calls=2"],
    ),
    (
        "Processing.concurrency",
        &[SLOW],
        ["processing.concurrency=1", "processing.concurrency=2"],
    ),
    (
        "Processing.commit",
        &[],
        [
            "processing.commit='after-batch'",
            "processing.commit='auto'",
        ],
    ),
    (
        "Processing.on-stop",
        &[
            BATCH,
            BACKLOG,
            "at.0={ time = '5m', restart = { members = [0], gap = '5s' } }",
        ],
        [
            "processing.on-stop='finish-record'",
            "processing.on-stop='finish-batch'",
        ],
    ),
    (
        "Processing.grace",
        &[
            BATCH,
            BACKLOG,
            "at.0={ time = '5m', restart = { members = [0], gap = '5s' } }",
        ],
        ["processing.grace='1s'", "processing.grace='50s'"],
    ),
    (
        "TimeLaw.constant",
        &[],
        [
            "processing.time={ constant = '4ms' }",
            "processing.time={ constant = '5ms' }",
        ],
    ),
    (
        "TimeLaw.exponential",
        &[],
        [
            "processing.time={ constant = '4ms' }",
            "processing.time={ exponential = '4ms' }",
        ],
    ),
    (
        "TimeLaw.gamma",
        &[],
        [
            "processing.time={ exponential = '4ms' }",
            "processing.time={ gamma = { mean = '4ms', shape = 2 } }",
        ],
    ),
    (
        "Gamma.mean",
        &["processing.time={ gamma = { mean = '4ms', shape = 2 } }"],
        [
            "processing.time.gamma.mean='4ms'",
            "processing.time.gamma.mean='5ms'",
        ],
    ),
    (
        "Gamma.shape",
        &["processing.time={ gamma = { mean = '4ms', shape = 2 } }"],
        [
            "processing.time.gamma.shape=2",
            "processing.time.gamma.shape=0.5",
        ],
    ),
    (
        "TimeLaw.lognormal",
        &[],
        [
            "processing.time='4ms'",
            "processing.time={ lognormal = { mean = '4ms', p99 = '20ms' } }",
        ],
    ),
    (
        "Lognormal.mean",
        &["processing.time={ lognormal = { mean = '4ms', p99 = '20ms' } }"],
        [
            "processing.time.lognormal.mean='4ms'",
            "processing.time.lognormal.mean='5ms'",
        ],
    ),
    (
        "Lognormal.p99",
        &["processing.time={ lognormal = { mean = '4ms', p99 = '20ms' } }"],
        [
            "processing.time.lognormal.p99='20ms'",
            "processing.time.lognormal.p99='25ms'",
        ],
    ),
    (
        "TimeLaw.bimodal",
        &[],
        [
            "processing.time='4ms'",
            "processing.time={ bimodal = { fast = '4ms', slow = '1s', slow-share = 0.01 } }",
        ],
    ),
    (
        "Bimodal.fast",
        &["processing.time={ bimodal = { fast = '4ms', slow = '1s', slow-share = 0.01 } }"],
        [
            "processing.time.bimodal.fast='4ms'",
            "processing.time.bimodal.fast='5ms'",
        ],
    ),
    (
        "Bimodal.slow",
        &["processing.time={ bimodal = { fast = '4ms', slow = '1s', slow-share = 0.01 } }"],
        [
            "processing.time.bimodal.slow='1s'",
            "processing.time.bimodal.slow='2s'",
        ],
    ),
    (
        "Bimodal.slow-share",
        &["processing.time={ bimodal = { fast = '4ms', slow = '1s', slow-share = 0.01 } }"],
        [
            "processing.time.bimodal.slow-share=0.01",
            "processing.time.bimodal.slow-share=0.02",
        ],
    ),
    (
        "TimeLaw.csv",
        &[],
        [
            "processing.time={ csv = 'a-times.csv' }",
            "processing.time={ csv = 'b-times.csv' }",
        ],
    ),
];

const OF_TROUBLE: &[Case] = &[
    (
        "downstream",
        &[],
        [
            "downstream.api={ latency = '5ms' }",
            "downstream.api={ latency = '50ms' }",
        ],
    ),
    (
        "Downstream.latency",
        &[API],
        [
            "downstream.api.latency='5ms'",
            "downstream.api.latency='6ms'",
        ],
    ),
    (
        "Downstream.rate-limit",
        &[API],
        [
            "downstream.api.rate-limit='150/s'",
            "downstream.api.rate-limit='160/s'",
        ],
    ),
    (
        "Downstream.burst",
        &[LIMITED],
        ["downstream.api.burst=1", "downstream.api.burst=5000"],
    ),
    (
        "Downstream.concurrency",
        &["downstream.api={ latency = '9ms' }"],
        [
            "downstream.api.concurrency=1",
            "downstream.api.concurrency=2",
        ],
    ),
    (
        "poison",
        &[],
        ["seed=0", "poison.0={ share = 0.01, on-error = 'skip' }"],
    ),
    (
        "Poison.share",
        &[POISON],
        ["poison.0.share=0.01", "poison.0.share=0.02"],
    ),
    (
        "Poison.partition",
        &["poison.0={ partition = 1, offset = 100, on-error = 'skip' }"],
        ["poison.0.partition=1", "poison.0.partition=2"],
    ),
    (
        "Poison.offset",
        &["poison.0={ partition = 1, offset = 100, on-error = 'skip' }"],
        ["poison.0.offset=100", "poison.0.offset=2000"],
    ),
    (
        "Poison.attempt",
        &[POISON],
        ["poison.0.attempt='1ms'", "poison.0.attempt='1s'"],
    ),
    (
        "Poison.on-error",
        &[POISON],
        [
            "poison.0.on-error='skip'",
            "poison.0.on-error='dead-letter'",
        ],
    ),
    (
        "OnError.dead-letter",
        &[POISON],
        [
            "poison.0.on-error='skip'",
            "poison.0.on-error={ dead-letter = { produce = '9ms' } }",
        ],
    ),
    (
        "DeadLetter.produce",
        &[
            POISON,
            "poison.0.on-error={ dead-letter = { produce = '9ms' } }",
        ],
        [
            "poison.0.on-error.dead-letter.produce='9ms'",
            "poison.0.on-error.dead-letter.produce='900ms'",
        ],
    ),
    (
        "OnError.retry-forever",
        &[POISON],
        [
            "poison.0.on-error='skip'",
            "poison.0.on-error={ retry-forever = { by = 'seek', back-off = '1s' } }",
        ],
    ),
    (
        "RetryForever.by",
        &["poison.0={ partition = 1, offset = 100, on-error = 'skip' }"],
        [
            "poison.0.on-error={ retry-forever = { by = 'seek' } }",
            "poison.0.on-error={ retry-forever = { by = 'in-place' } }",
        ],
    ),
    (
        "RetryForever.back-off",
        &[
            "poison.0={ partition = 1, offset = 100, attempt = '1s', on-error = 'skip' }",
            "poison.0.on-error={ retry-forever = { by = 'seek', back-off = '1s' } }",
        ],
        [
            "poison.0.on-error.retry-forever.back-off='1s'",
            "poison.0.on-error.retry-forever.back-off='20s'",
        ],
    ),
    (
        "OnError.retry",
        &[POISON],
        [
            "poison.0.on-error='skip'",
            "poison.0.on-error={ retry = { attempts = 3, back-off = '1s', then = 'skip' } }",
        ],
    ),
    (
        "Retry.attempts",
        &[POISON, RETRY],
        [
            "poison.0.on-error.retry.attempts=3",
            "poison.0.on-error.retry.attempts=4",
        ],
    ),
    (
        "Retry.back-off",
        &[POISON, RETRY],
        [
            "poison.0.on-error.retry.back-off='1s'",
            "poison.0.on-error.retry.back-off='2s'",
        ],
    ),
    (
        "Retry.multiplier",
        &[POISON, RETRY],
        [
            "poison.0.on-error.retry.multiplier=1",
            "poison.0.on-error.retry.multiplier=2",
        ],
    ),
    (
        "Retry.max-back-off",
        &[POISON, RETRY, "poison.0.on-error.retry.multiplier=4"],
        [
            "poison.0.on-error.retry.max-back-off='2s'",
            "poison.0.on-error.retry.max-back-off='3s'",
        ],
    ),
    (
        "Retry.then",
        &[POISON, RETRY],
        [
            "poison.0.on-error.retry.then='skip'",
            "poison.0.on-error.retry.then='dead-letter'",
        ],
    ),
    (
        "GiveUp.dead-letter",
        &[POISON, RETRY],
        [
            "poison.0.on-error.retry.then='skip'",
            "poison.0.on-error.retry.then={ dead-letter = { produce = '1s' } }",
        ],
    ),
    (
        "monitoring",
        &[SLOW, ALERT],
        [
            "monitoring={ scrape-interval = '5s' }",
            "monitoring={ scrape-interval = '60s' }",
        ],
    ),
    (
        "Monitoring.scrape-interval",
        &[SLOW, ALERT],
        [
            "monitoring.scrape-interval='5s'",
            "monitoring.scrape-interval='60s'",
        ],
    ),
    (
        "Monitoring.evaluation-interval",
        &[SLOW, ALERT],
        [
            "monitoring.evaluation-interval='5s'",
            "monitoring.evaluation-interval='70s'",
        ],
    ),
    (
        "Monitoring.evaluation-offset",
        &[SLOW, ALERT],
        [
            "monitoring.evaluation-offset='0s'",
            "monitoring.evaluation-offset='7s'",
        ],
    ),
    ("alert", &[SLOW], ["seed=0", ALERT]),
    (
        "Alert.name",
        &[SLOW, ALERT],
        ["alert.0.name='a'", "alert.0.name='b'"],
    ),
    (
        "Alert.severity",
        &[SLOW, ALERT],
        ["alert.0.severity='page'", "alert.0.severity='info'"],
    ),
    (
        "Alert.when",
        &[SLOW, ALERT],
        ["alert.0.when='lag > 100'", "alert.0.when='lag > 5000'"],
    ),
    (
        "Alert.for",
        &[SLOW, ALERT],
        ["alert.0.for='1m'", "alert.0.for='2m'"],
    ),
    (
        "Alert.keep-firing-for",
        &[
            ALERT,
            "alert.0.when='lag > 1000'",
            "produce.bursts.0={ at = '1m', length = '3m', factor = 4 }",
        ],
        [
            "alert.0.keep-firing-for='0s'",
            "alert.0.keep-firing-for='3m'",
        ],
    ),
    (
        "expect",
        &[],
        ["seed=0", "expect.0={ metric = 'produced', above = 1 }"],
    ),
    (
        "Expect.metric",
        &["expect.0={ metric = 'produced', above = 1 }"],
        ["expect.0.metric='produced'", "expect.0.metric='processed'"],
    ),
    (
        "Expect.above",
        &["expect.0={ metric = 'produced', above = 1 }"],
        ["expect.0.above=1", "expect.0.above=1_000_000"],
    ),
    (
        "Expect.below",
        &["expect.0={ metric = 'produced', below = 1 }"],
        ["expect.0.below=1", "expect.0.below=1_000_000"],
    ),
    (
        "Expect.partition",
        &["expect.0={ metric = 'max-lag', above = 1 }"],
        ["expect.0.partition=0", "expect.0.partition=1"],
    ),
    (
        "Expect.alert",
        &[
            SLOW,
            ALERT,
            "alert.1={ name = 'b', when = 'lag > 5000' }",
            "expect.0={ metric = 'alert-firing', alert = 'a', below = '9m' }",
        ],
        ["expect.0.alert='a'", "expect.0.alert='b'"],
    ),
    (
        "Expect.cause",
        &[
            SLOW,
            "expect.0={ metric = 'cause', cause = 'saturated', above = 0.5 }",
        ],
        ["expect.0.cause='saturated'", "expect.0.cause='throttled'"],
    ),
];

const RETRY: &str =
    "poison.0.on-error={ retry = { attempts = 3, back-off = '1s', then = 'skip' } }";
const CRASH: &str = "at.0={ time = '5m', crash = { members = [0], restart-after = '1m' } }";
const RESTART: &str =
    "at.0={ time = '5m', restart = { members = [0, 1], gap = '20s', start-up = '5s' } }";
const DEPLOY: &str = "at.0={ time = '5m', deploy = { gap = '20s', start-up = '5s' } }";

const OF_THE_TIMELINE: &[Case] = &[
    ("at", &[], ["seed=0", CRASH]),
    ("At.time", &[CRASH], ["at.0.time='5m'", "at.0.time='6m'"]),
    ("At.every", &[CRASH], ["at.0.every='5m'", "at.0.every='6m'"]),
    (
        "At.until",
        &[CRASH, "at.0.every='5m'"],
        ["at.0.until='11m'", "at.0.until='16m'"],
    ),
    ("At.crash", &[CRASH], ["at.0.crash=0", "at.0.crash=1"]),
    (
        "Crash.members",
        &[CRASH],
        ["at.0.crash.members=[0]", "at.0.crash.members=[0, 1]"],
    ),
    (
        "Crash.restart-after",
        &[CRASH],
        [
            "at.0.crash.restart-after='1m'",
            "at.0.crash.restart-after='2m'",
        ],
    ),
    ("At.restart", &[], [RESTART, CRASH]),
    (
        "Restart.members",
        &[RESTART],
        ["at.0.restart.members=[0]", "at.0.restart.members=[0, 1]"],
    ),
    (
        "Restart.gap",
        &[RESTART],
        ["at.0.restart.gap='20s'", "at.0.restart.gap='30s'"],
    ),
    (
        "Restart.start-up",
        &[RESTART],
        ["at.0.restart.start-up='5s'", "at.0.restart.start-up='9s'"],
    ),
    (
        "Restart.graceful",
        &[RESTART],
        ["at.0.restart.graceful=true", "at.0.restart.graceful=false"],
    ),
    (
        "Restart.rolling",
        &[RESTART],
        ["at.0.restart.rolling=true", "at.0.restart.rolling=false"],
    ),
    (
        "Restart.set",
        &[RESTART],
        [
            "at.0.restart.set={ processing.time = '9ms' }",
            "at.0.restart.set={ processing.time = '19ms' }",
        ],
    ),
    ("At.deploy", &[], [DEPLOY, CRASH]),
    (
        "Restart2.members",
        &[DEPLOY],
        ["at.0.deploy.members=[0]", "at.0.deploy.members=[0, 1]"],
    ),
    (
        "Restart2.gap",
        &[DEPLOY],
        ["at.0.deploy.gap='20s'", "at.0.deploy.gap='30s'"],
    ),
    (
        "Restart2.start-up",
        &[DEPLOY],
        ["at.0.deploy.start-up='5s'", "at.0.deploy.start-up='9s'"],
    ),
    (
        "Restart2.graceful",
        &[DEPLOY],
        ["at.0.deploy.graceful=true", "at.0.deploy.graceful=false"],
    ),
    (
        "Restart2.rolling",
        &[DEPLOY],
        ["at.0.deploy.rolling=true", "at.0.deploy.rolling=false"],
    ),
    (
        "Restart2.set",
        &[DEPLOY],
        [
            "at.0.deploy.set={ processing.time = '9ms' }",
            "at.0.deploy.set={ processing.time = '19ms' }",
        ],
    ),
    (
        "At.scale",
        &[],
        [
            "at.0={ time = '5m', scale = 3 }",
            "at.0={ time = '5m', scale = 1 }",
        ],
    ),
    (
        "Scale.to",
        &["at.0={ time = '5m', scale = { to = 3 } }"],
        ["at.0.scale.to=3", "at.0.scale.to=4"],
    ),
    (
        "Scale.start-up",
        &["at.0={ time = '5m', scale = { to = 3 } }"],
        ["at.0.scale.start-up='5s'", "at.0.scale.start-up='50s'"],
    ),
    (
        "Scale.graceful",
        &["at.0={ time = '5m', scale = { to = 1 } }"],
        ["at.0.scale.graceful=true", "at.0.scale.graceful=false"],
    ),
    (
        "At.add-partitions",
        &[],
        [
            "at.0={ time = '5m', add-partitions = 5 }",
            "at.0={ time = '5m', add-partitions = 6 }",
        ],
    ),
    (
        "At.freeze",
        &[],
        [
            "at.0={ time = '5m', freeze = { members = [0], length = '10s' } }",
            "at.0={ time = '5m', freeze = { members = 'all', length = '10s' } }",
        ],
    ),
    (
        "Freeze.members",
        &["at.0={ time = '5m', freeze = { members = [0], length = '10s' } }"],
        ["at.0.freeze.members=[0]", "at.0.freeze.members=[1]"],
    ),
    (
        "Freeze.length",
        &["at.0={ time = '5m', freeze = { members = [0], length = '10s' } }"],
        ["at.0.freeze.length='10s'", "at.0.freeze.length='60s'"],
    ),
    (
        "At.rate",
        &[],
        [
            "at.0={ time = '5m', rate = '300/s' }",
            "at.0={ time = '5m', rate = '400/s' }",
        ],
    ),
    (
        "RateChange.to",
        &["at.0={ time = '5m', rate = { to = '300/s', over = '1m' } }"],
        ["at.0.rate.to='300/s'", "at.0.rate.to='400/s'"],
    ),
    (
        "RateChange.over",
        &["at.0={ time = '5m', rate = { to = '300/s', over = '1m' } }"],
        ["at.0.rate.over='1m'", "at.0.rate.over='5m'"],
    ),
    (
        "RateChange.factor",
        &["at.0={ time = '5m', rate = { factor = 2 } }"],
        ["at.0.rate.factor=2", "at.0.rate.factor=3"],
    ),
    (
        "At.downstream",
        &[API],
        ["seed=0", "at.0={ time = '5m', downstream = 'stop' }"],
    ),
    (
        "DownstreamChange.latency",
        &[
            API,
            "at.0={ time = '5m', downstream = { latency = '50ms' } }",
        ],
        [
            "at.0.downstream.latency='50ms'",
            "at.0.downstream.latency='60ms'",
        ],
    ),
    (
        "DownstreamChange.rate-limit",
        &[
            API,
            "at.0={ time = '5m', downstream = { rate-limit = '50/s' } }",
        ],
        [
            "at.0.downstream.rate-limit='50/s'",
            "at.0.downstream.rate-limit='60/s'",
        ],
    ),
    (
        "DownstreamChange.burst",
        &[
            API,
            "at.0={ time = '5m', downstream = { rate-limit = '150/s', burst = 1 } }",
        ],
        ["at.0.downstream.burst=1", "at.0.downstream.burst=5000"],
    ),
    (
        "At.set",
        &[SET],
        [
            "at.0.set={ processing.time = '20ms' }",
            "at.0.set={ processing.time = '30ms' }",
        ],
    ),
    (
        "At.takes-effect",
        &[SET, "at.1={ time = '9m', restart = { members = [0] } }"],
        ["at.0.takes-effect='now'", "at.0.takes-effect='restart'"],
    ),
];

fn cases() -> impl Iterator<Item = &'static Case> {
    [OF_THE_LOAD, OF_THE_GROUP, OF_TROUBLE, OF_THE_TIMELINE]
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
    let checked =
        check(&source, &overrides, &files).map_err(|found| format!("{settings:?}:\n{found}"))?;
    let outcome = experiment::run_once(&checked.scenario, 0, Keep::ALL);
    let summary = &outcome.summary;
    Ok(format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        summary.accounts,
        outcome.events,
        summary.alerts,
        summary.expectations,
        summary.attribution,
        outcome.curves
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
        "enable.auto.commit",
        &["processing={ time = '4ms' }"],
        ["true", "false"],
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
        "auto.offset.reset",
        &["topic={ name = 't', partitions = 1, start = [{ log-end = 99 }] }"],
        ["'latest'", "'earliest'"],
    ),
    ("retry.backoff.ms", &[CRASH], ["100", "2000"]),
    (
        "metadata.max.age.ms",
        &["at.0={ time = '5m', add-partitions = 6 }"],
        ["10000", "300000"],
    ),
];

/// Broker properties that refuse a member, so that no run is left to compare: the check has its own tests.
const REFUSING: [&str; 2] = [
    "group.min.session.timeout.ms",
    "group.max.session.timeout.ms",
];

#[test]
fn every_property_changes_what_a_run_shows() {
    let mut wrong = Vec::new();
    for (name, common, values) in PROPERTIES {
        let [one, other] = values.map(|value| format!("group.properties.{name}={value}"));
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
            known.contains(&property.name),
            "no case for {}",
            property.name
        );
    }
    for property in BrokerProperties::table() {
        let delay = property.name == "group.initial.rebalance.delay.ms"; // Cluster.properties
        assert!(
            delay || REFUSING.contains(&property.name),
            "no case for {}",
            property.name
        );
    }
}
