//! Keys of what becomes of a process that exits because of a record.

use super::{CRASHES, Case, POISON};

pub const CASES: &[Case] = &[
    (
        "OnError.crash",
        &[POISON],
        [
            "poison.0.on-error='skip'",
            "poison.0.on-error={ crash = { close = true } }",
        ],
    ),
    (
        "Exit.close",
        &[CRASHES],
        [
            "poison.0.on-error={ crash = { close = true } }",
            "poison.0.on-error={ crash = { close = false } }",
        ],
    ),
    (
        "GiveUp.crash",
        &[POISON],
        [
            "poison.0.on-error={ retry = { attempts = 2, then = 'dead-letter' } }",
            "poison.0.on-error={ retry = { attempts = 2, then = { crash = { close = true } } } }",
        ],
    ),
    (
        "Processing.restart",
        &[CRASHES],
        ["seed=0", "processing.restart={ back-off = '1s' }"],
    ),
    (
        "Supervisor.back-off",
        &[CRASHES],
        [
            "processing.restart.back-off='10s'",
            "processing.restart.back-off='20s'",
        ],
    ),
    (
        "Supervisor.max-back-off",
        &[CRASHES],
        [
            "processing.restart.max-back-off='5m'",
            "processing.restart.max-back-off='1m'",
        ],
    ),
    (
        "Supervisor.reset-after",
        &[CRASHES],
        [
            "processing.restart.reset-after='10m'",
            "processing.restart.reset-after='1ms'",
        ],
    ),
    (
        "Supervisor.start-up",
        &[CRASHES],
        [
            "processing.restart.start-up='0s'",
            "processing.restart.start-up='4s'",
        ],
    ),
];
