//! Keys of what happens when.

use super::{API, CRASH, Case, DEPLOY, DOWN, POISON, RESTART, SET};

pub const CASES: &[Case] = &[
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
        "At.dead-letter",
        &[
            POISON,
            "poison.0.on-error={ dead-letter = { on-failure = 'skip' } }",
            DOWN,
        ],
        ["at.0.dead-letter='stop'", "at.0.dead-letter='fail'"],
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
        "DownstreamChange.failure-rate",
        &[
            API,
            "at.0={ time = '5m', downstream = { failure-rate = 0.01 } }",
        ],
        [
            "at.0.downstream.failure-rate=0.01",
            "at.0.downstream.failure-rate=0.02",
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
        ["at.0.takes-effect='now'", "at.0.takes-effect='at-restart'"],
    ),
];
