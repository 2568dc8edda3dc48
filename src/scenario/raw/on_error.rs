//! What applications do with records that fail, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Count, Either, Flag, Number, Spot, Text, Time};

/// What the application does with a record that fails: exactly one of its keys.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { retry = { attempts = 3 } }"
)]
pub struct OnError {
    /// Never give up.
    pub retry_forever: Option<Spot<RetryForever>>,
    /// Give up after some attempts.
    pub retry: Option<Spot<Retry>>,
    /// Give up at once and produce to a dead-letter topic.
    pub dead_letter: Option<Spot<PassOn>>,
    /// Give up at once and produce to the first retry topic.
    pub retry_topic: Option<Spot<PassOn>>,
    /// The process exits.
    pub crash: Option<Spot<Exit>>,
}

/// How a record is retried for ever.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { by = "seek" }"#
)]
pub struct RetryForever {
    /// `seek` (default: back to the record, others go on) or `in-place` (inside the handler: nothing else moves).
    pub by: Option<Text>,
    /// How long its partition is paused between two attempts, for `seek`; default "1s".
    pub back_off: Option<Time>,
}

/// Some attempts, then give up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { attempts = 3 }"
)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: Option<Count>,
    /// Pause before the second attempt; default none.
    pub back_off: Option<Time>,
    /// Each further pause is this many times the one before; default 1.
    pub multiplier: Option<Number>,
    /// No pause is longer; default "30s".
    pub max_back_off: Option<Time>,
    /// `in-place` (default: inside the handler) or `seek` (back to it and to the rest of the poll, each attempt in a poll
    /// of its own).
    pub by: Option<Text>,
    /// `skip`, `dead-letter`, `retry-topic` or `crash`.
    pub then: Option<Either<Text, GiveUp>>,
}

/// What giving up means: exactly one of its keys.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { dead-letter = { produce = "10ms" } }"#
)]
pub struct GiveUp {
    /// Produced to a dead-letter topic.
    pub dead_letter: Option<Spot<PassOn>>,
    /// Produced to the first retry topic.
    pub retry_topic: Option<Spot<PassOn>>,
    /// The process exits.
    pub crash: Option<Spot<Exit>>,
}

/// A produce to a dead-letter topic or a retry topic. `timeout` and `on-failure` are about the dead-letter topic, behind the
/// last retry topic too.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { produce = "10ms" }"#
)]
pub struct PassOn {
    /// How long the produce takes, acknowledged; default "10ms".
    pub produce: Option<Time>,
    /// How long the producer tries while the dead-letter topic is stopped; default "2m", delivery.timeout.ms of Kafka's
    /// producer.
    pub timeout: Option<Time>,
    /// What the application does about a record whose produce failed: `retry` (default: it starts anew with all its
    /// attempts), `skip` (logged and lost) or `crash`.
    pub on_failure: Option<Text>,
}

/// The process exits because it cannot process a record, and its supervisor starts it again (`processing.restart`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { close = true }"
)]
pub struct Exit {
    /// Whether it closes its consumer on the way out, which leaves the group and, with auto-commit, commits the record;
    /// default false.
    pub close: Option<Flag>,
}

/// How a supervisor starts a process again that has exited: at once the first time, then after a pause that doubles.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { back-off = "10s" }"#
)]
pub struct Supervisor {
    /// Pause before the second restart; default "10s", as the kubelet's (CrashLoopBackOff).
    pub back_off: Option<Time>,
    /// The pause doubles from exit to exit up to this; default "5m", as the kubelet's.
    pub max_back_off: Option<Time>,
    /// A process that has run for longer than this starts over with the pauses; default: twice `max-back-off`, as the
    /// kubelet's.
    pub reset_after: Option<Time>,
    /// From a restart until its consumer subscribes; default none.
    pub start_up: Option<Time>,
}
