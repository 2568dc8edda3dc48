//! Keys of the dependency, of poison records, of alerts and expectations.

use super::{ALERT, API, BACK, BREAKER, Case, DOWN, HUMP, LIMITED, OUTAGE, POISON, RETRY, SLOW};

pub const CASES: &[Case] = &[
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
        "Downstream.when-limited",
        &[LIMITED],
        [
            "downstream.api.when-limited='block'",
            "downstream.api.when-limited='reject'",
        ],
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
        "Downstream.latency-under-load",
        &["downstream.api={ latency = '9ms' }"],
        [
            "downstream.api.latency-under-load=[{ calls = 1, factor = 1 }, { calls = 2, factor = 1 }]",
            "downstream.api.latency-under-load=[{ calls = 1, factor = 1 }, { calls = 2, factor = 2 }]",
        ],
    ),
    (
        "LoadPoint.calls",
        &["downstream.api={ latency = '9ms' }"],
        [
            "downstream.api.latency-under-load=[{ calls = 1, factor = 1 }, { calls = 2, factor = 3 }]",
            "downstream.api.latency-under-load=[{ calls = 1, factor = 1 }, { calls = 9, factor = 3 }]",
        ],
    ),
    (
        "LoadPoint.factor",
        &["downstream.api={ latency = '9ms' }"],
        [
            "downstream.api.latency-under-load=[{ calls = 1, factor = 1 }, { calls = 2, factor = 2 }]",
            "downstream.api.latency-under-load=[{ calls = 1, factor = 1 }, { calls = 2, factor = 3 }]",
        ],
    ),
    (
        "Downstream.failure-rate",
        &[API],
        [
            "downstream.api.failure-rate=0.01",
            "downstream.api.failure-rate=0.02",
        ],
    ),
    (
        "Downstream.timeout",
        &[
            API,
            "at.0={ time = '5m', downstream = 'stop' }",
            BACK,
            "downstream.api.retry-back-off='40s'",
        ],
        [
            "downstream.api.timeout='1s'",
            "downstream.api.timeout='50s'",
        ],
    ),
    (
        "Downstream.retry-back-off",
        &[API, OUTAGE, BACK],
        [
            "downstream.api.retry-back-off='1s'",
            "downstream.api.retry-back-off='50s'",
        ],
    ),
    (
        "Downstream.on-error",
        &[API, OUTAGE, BACK],
        [
            "downstream.api.on-error='skip'",
            "downstream.api.on-error={ retry = { attempts = 2, back-off = '2s', then = 'skip' } }",
        ],
    ),
    (
        "Downstream.on-error",
        &[API, "downstream.api.failure-rate=0.3"],
        [
            "downstream.api.on-error='skip'",
            "downstream.api.on-error={ retry = { attempts = 3, back-off = '20ms', then = 'skip' } }",
        ],
    ),
    (
        "Downstream.failure-rate",
        &[API, "downstream.api.on-error='dead-letter'"],
        [
            "downstream.api.failure-rate=0.01",
            "downstream.api.failure-rate=0.02",
        ],
    ),
    (
        "Downstream.circuit-breaker",
        &[API, OUTAGE, BACK],
        [
            "downstream.api.circuit-breaker={ while-open = 'pause' }",
            "downstream.api.circuit-breaker={ while-open = 'block' }",
        ],
    ),
    (
        "CircuitBreaker.failure-rate-threshold",
        &[BREAKER, OUTAGE, BACK],
        [
            "downstream.api.circuit-breaker.failure-rate-threshold=0.1",
            "downstream.api.circuit-breaker.failure-rate-threshold=0.9",
        ],
    ),
    (
        "CircuitBreaker.sliding-window-size",
        &[BREAKER, OUTAGE, BACK],
        [
            "downstream.api.circuit-breaker.sliding-window-size=10",
            "downstream.api.circuit-breaker.sliding-window-size=100",
        ],
    ),
    (
        "CircuitBreaker.minimum-number-of-calls",
        &[
            BREAKER,
            "at.0={ time = '5s', downstream = 'fail' }",
            BACK,
            "produce.rate='2/s'",
        ],
        [
            "downstream.api.circuit-breaker.minimum-number-of-calls=1",
            "downstream.api.circuit-breaker.minimum-number-of-calls=100",
        ],
    ),
    (
        "CircuitBreaker.wait-duration-in-open-state",
        &[BREAKER, OUTAGE, BACK],
        [
            "downstream.api.circuit-breaker.wait-duration-in-open-state='10s'",
            "downstream.api.circuit-breaker.wait-duration-in-open-state='50s'",
        ],
    ),
    (
        "CircuitBreaker.permitted-number-of-calls-in-half-open-state",
        &[BREAKER, OUTAGE, BACK],
        [
            "downstream.api.circuit-breaker.permitted-number-of-calls-in-half-open-state=2",
            "downstream.api.circuit-breaker.permitted-number-of-calls-in-half-open-state=20",
        ],
    ),
    (
        "CircuitBreaker.while-open",
        &[
            API,
            OUTAGE,
            BACK,
            "downstream.api.circuit-breaker={ while-open = 'pause' }",
        ],
        [
            "downstream.api.circuit-breaker.while-open='pause'",
            "downstream.api.circuit-breaker.while-open='block'",
        ],
    ),
    (
        "CircuitBreaker.buffer",
        &[BREAKER, OUTAGE, BACK],
        [
            "downstream.api.circuit-breaker.buffer=10",
            "downstream.api.circuit-breaker.buffer=400",
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
        "PassOn.produce",
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
        "PassOn.timeout",
        &[
            POISON,
            "poison.0.on-error={ dead-letter = { timeout = '2m', on-failure = 'skip' } }",
            DOWN,
        ],
        [
            "poison.0.on-error.dead-letter.timeout='2m'",
            "poison.0.on-error.dead-letter.timeout='1m'",
        ],
    ),
    (
        "PassOn.on-failure",
        &[
            POISON,
            "poison.0.on-error={ dead-letter = { timeout = '1m' } }",
            DOWN,
        ],
        [
            "poison.0.on-error.dead-letter.on-failure='retry'",
            "poison.0.on-error.dead-letter.on-failure='skip'",
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
        "Retry.by",
        &[
            POISON,
            RETRY,
            "group.properties.max.poll.records=50",
            "processing.commit='after-batch'",
        ],
        [
            "poison.0.on-error.retry.by='seek'",
            "poison.0.on-error.retry.by='in-place'",
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
        &[HUMP, ALERT, "alert.0.when='lag > 1000'"],
        [
            "monitoring={ scrape-interval = '5s', evaluation-interval = '5s' }",
            "monitoring={ scrape-interval = '60s', evaluation-interval = '5s' }",
        ],
    ),
    (
        "Monitoring.scrape-interval",
        &[
            HUMP,
            ALERT,
            "alert.0.when='lag > 1000'",
            "monitoring.evaluation-interval='5s'",
        ],
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
