//! Keys that say when and where records come, and when the run looks.

use super::{BACKLOG, Case};

pub const CASES: &[Case] = &[
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
        "Topic.properties",
        &["group={ name = 'g', member = [{ name = 'late', start = '8m' }] }"],
        [
            "topic.properties.retention.ms=60000",
            "topic.properties={ retention.ms = 60000, segment.bytes = 102400 }",
        ],
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
