//! How the lag is watched.

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Text, Time};

/// Prometheus' clocks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [monitoring]"
)]
pub struct Monitoring {
    /// scrape_interval; default "1m", as Prometheus'.
    pub scrape_interval: Option<Time>,
    /// evaluation_interval of the rules; default "1m", as Prometheus'.
    pub evaluation_interval: Option<Time>,
    /// Phase of the evaluations; default none.
    pub evaluation_offset: Option<Time>,
}

/// An alert rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [[alert]]"
)]
pub struct Alert {
    /// Its name.
    pub name: Option<Text>,
    /// Its label `severity`; default "warning".
    pub severity: Option<Text>,
    /// A gauge (`lag` or `age` per partition, `sum`, `max`, `max-age`), `>`, `>=`, `<` or `<=`, and a number of
    /// records or a time: "lag > 10000", "age > 5m".
    pub when: Option<Text>,
    /// `for`: how long it must hold before the alert fires; default none.
    #[serde(rename = "for")]
    pub pending_for: Option<Time>,
    /// `keep_firing_for`: how long it fires on afterwards; default none.
    pub keep_firing_for: Option<Time>,
}
