//! Keys of the cluster, the group and its processing.

use super::{API, BACKLOG, BATCH, Case, SLOW};

pub const CASES: &[Case] = &[
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
        "Cluster.commit-latency",
        &[BACKLOG],
        [
            "cluster.commit-latency='20ms'",
            "cluster.commit-latency={ exponential = '20ms' }",
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
        "Group.start-up",
        &[],
        [
            "group.start-up='5s'",
            "group.start-up={ exponential = '5s' }",
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
        "Member.client-id",
        &[],
        [
            "group={ name = 'g', member = [{ client-id = 'a' }, { client-id = 'b' }] }",
            "group={ name = 'g', member = [{ client-id = 'b' }, { client-id = 'a' }] }",
        ],
    ),
    (
        "Member.instance-id",
        &["at.0={ time = '5m', restart = { members = [0], gap = '5s' } }"],
        [
            "group={ name = 'g', member = [{ name = 'blue', instance-id = 'a' }] }",
            "group={ name = 'g', member = [{ name = 'blue' }] }",
        ],
    ),
    (
        "Group.static",
        &["at.0={ time = '5m', restart = { members = [0], gap = '5s' } }"],
        ["group.static=true", "group.static=false"],
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
        "Processing.order",
        &[
            "group.client='parallel-consumer'",
            "processing={ time = '15ms' }",
            "produce.keys={ hot = [{ share = 0.5 }] }",
        ],
        ["processing.order='key'", "processing.order='unordered'"],
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
        "CommitEvery.every",
        &[],
        [
            "processing.commit={ every = '3s' }",
            "processing.commit={ every = '4s' }",
        ],
    ),
    (
        "CommitEvery.every-records",
        &[],
        [
            "processing.commit={ every-records = 100 }",
            "processing.commit={ every-records = 900 }",
        ],
    ),
    (
        "Processing.commit-on-revoke",
        &[
            BATCH,
            BACKLOG,
            "group.client='aiokafka'",
            "at.0={ time = '5m', scale = { to = 3 } }",
        ],
        [
            "processing.commit-on-revoke=true",
            "processing.commit-on-revoke=false",
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
