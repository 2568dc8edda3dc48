//! Keys of a dependency that is not the only one.

use super::{API, Case};

const LEDGER: &str = "downstream.ledger={ latency = '3ms' }";
const BOTH: &str = "processing={ time = '4ms', calls = { api = 1, ledger = 1 } }";
const STOP: &str = "at.0={ time = '5m', downstream = { ledger = 'stop' } }";
const FAIL: &str = "at.0={ time = '5m', downstream = { ledger = 'fail' } }";
const RESUME: &str = "at.1={ time = '8m', downstream = { ledger = 'resume' } }";

pub const CASES: &[Case] = &[
    (
        "downstream",
        &[API],
        [
            "downstream.ledger={ latency = '0ms' }",
            "downstream.ledger={ latency = '3ms' }",
        ],
    ),
    (
        "Processing.calls",
        &[API, LEDGER, BOTH],
        ["processing.calls.ledger=0", "processing.calls.ledger=2"],
    ),
    (
        "Downstream.latency",
        &[API, LEDGER],
        [
            "downstream.ledger.latency='3ms'",
            "downstream.ledger.latency={ exponential = '3ms' }",
        ],
    ),
    (
        "Downstream.failure-rate",
        &[API, LEDGER],
        [
            "downstream.ledger.failure-rate=0.01",
            "downstream.ledger.failure-rate=0.02",
        ],
    ),
    (
        "Downstream.rate-limit",
        &[API, LEDGER],
        [
            "downstream.ledger.rate-limit='100/s'",
            "downstream.ledger.rate-limit='150/s'",
        ],
    ),
    (
        "Downstream.timeout",
        &[
            API,
            "downstream.ledger={ latency = '3ms', on-error = 'skip' }",
            STOP,
            RESUME,
        ],
        [
            "downstream.ledger.timeout='1s'",
            "downstream.ledger.timeout='50s'",
        ],
    ),
    (
        "Downstream.retry-back-off",
        &[API, LEDGER, FAIL, RESUME],
        [
            "downstream.ledger.retry-back-off='1s'",
            "downstream.ledger.retry-back-off='50s'",
        ],
    ),
    (
        "Downstream.on-error",
        &[API, LEDGER, FAIL, RESUME],
        [
            "downstream.ledger.on-error='skip'",
            "downstream.ledger.on-error='dead-letter'",
        ],
    ),
    (
        "At.downstream",
        &[API, LEDGER],
        [
            "at.0={ time = '5m', downstream = { ledger = 'stop' } }",
            "at.0={ time = '6m', downstream = { ledger = 'stop' } }",
        ],
    ),
    (
        "At.downstream",
        &[
            API,
            "downstream.ledger={ latency = '3ms', on-error = 'skip' }",
        ],
        [
            "at.0={ time = '5m', downstream = { api = 'fail' } }",
            "at.0={ time = '5m', downstream = { ledger = 'fail' } }",
        ],
    ),
    (
        "DownstreamChange.latency",
        &[
            API,
            LEDGER,
            "at.0={ time = '5m', downstream = { ledger = { latency = '9ms' } } }",
        ],
        ["seed=1", "at.0.downstream.ledger.latency='12ms'"],
    ),
    (
        "DownstreamChange.failure-rate",
        &[
            API,
            LEDGER,
            "at.0={ time = '5m', downstream = { ledger = { failure-rate = 0.01 } } }",
        ],
        ["seed=1", "at.0.downstream.ledger.failure-rate=0.02"],
    ),
    (
        "DownstreamChange.rate-limit",
        &[
            API,
            LEDGER,
            "at.0={ time = '5m', downstream = { ledger = { rate-limit = '50/s' } } }",
        ],
        ["seed=1", "at.0.downstream.ledger.rate-limit='60/s'"],
    ),
];
