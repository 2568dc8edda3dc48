//! Keys of retry topics.

use super::{Case, POISON};

const PASSED_ON: &str = "poison.0={ share = 0.01, on-error = 'retry-topic' }";
const TOPIC: &str = "retry-topic.0={ delay = '1m' }";

pub const CASES: &[Case] = &[
    (
        "retry-topic",
        &[PASSED_ON],
        [
            "retry-topic=[{ delay = '1m' }]",
            "retry-topic=[{ delay = '1m' }, { delay = '1m' }]",
        ],
    ),
    (
        "RetryTopic.delay",
        &[PASSED_ON, TOPIC],
        ["retry-topic.0.delay='1m'", "retry-topic.0.delay='65s'"],
    ),
    (
        "RetryTopic.partitions",
        &[PASSED_ON, TOPIC],
        ["retry-topic.0.partitions=4", "retry-topic.0.partitions=1"],
    ),
    (
        "OnError.retry-topic",
        &[POISON, TOPIC],
        [
            "poison.0.on-error='retry-topic'",
            "poison.0.on-error={ retry-topic = { produce = '900ms' } }",
        ],
    ),
    (
        "GiveUp.retry-topic",
        &[POISON, TOPIC],
        [
            "poison.0.on-error={ retry = { attempts = 2, then = 'retry-topic' } }",
            "poison.0.on-error={ retry = { attempts = 2, then = { retry-topic = { produce = '900ms' } } } }",
        ],
    ),
];
