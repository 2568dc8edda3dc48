//! The timeline, `[[at]]`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::named::Named;
use super::sections::TimeLaw;
use super::value::{
    Assignments, Count, Either, Flag, Limit, Number, OneOrMany, Rate, Spot, Text, Time, Who,
};

/// Something that happens at a known time: exactly one action.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [[at]]"
)]
pub struct At {
    /// When, from the start of the run.
    pub time: Option<Time>,
    /// What people call it, for plots and tables; default: what it does.
    pub label: Option<Text>,
    /// Repeat with this period, e.g. "1d".
    pub every: Option<Time>,
    /// Repeat no later than this.
    pub until: Option<Time>,
    /// Members die without a word.
    pub crash: Option<Either<Who, Crash>>,
    /// Members are restarted.
    pub restart: Option<Either<Who, Restart>>,
    /// All members are restarted, one after another.
    pub deploy: Option<Spot<Restart>>,
    /// How many members run from then on.
    pub scale: Option<Either<Count, Scale>>,
    /// How many partitions the topic has from then on.
    pub add_partitions: Option<Count>,
    /// Members stand still, then go on.
    pub freeze: Option<Spot<Freeze>>,
    /// The production rate from then on, or a table.
    pub rate: Option<Either<Rate, RateChange>>,
    /// The dependency: `stop` (calls hang), `fail` (calls are refused), `resume`, or a table. Of several, a table that says so
    /// by their names: `{ ledger = "stop" }`, `{ ledger = { latency = "1s" } }`.
    pub downstream: Option<Either<Text, DownstreamChanges>>,
    /// The dead-letter topic: `stop` (no answer comes), `fail` (it refuses what is produced to it) or `resume`.
    pub dead_letter: Option<Text>,
    /// Settings that change, by their paths.
    pub set: Option<Assignments>,
    /// For `set`: `at-restart` (default: when a member next starts) or `now`.
    pub takes_effect: Option<Text>,
}

/// Members die.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { members = [0] }"
)]
pub struct Crash {
    /// Who.
    pub members: Option<OneOrMany<Who>>,
    /// From the crash until the new process starts; without it they stay away.
    pub restart_after: Option<Time>,
}

/// Members are restarted: each is told to stop, is gone for `gap`, starts, and subscribes `start-up` later.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { gap = "15s" }"#
)]
pub struct Restart {
    /// Who, in this order; default of a deploy: all that run.
    pub members: Option<OneOrMany<Who>>,
    /// From the end of the old process to the start of the new one; default none.
    pub gap: Option<Time>,
    /// From the start of a process until its consumer subscribes; default none.
    pub start_up: Option<Time>,
    /// Whether they close their consumer (default true), or are killed.
    pub graceful: Option<Flag>,
    /// One after another; default true for a deploy, false for a restart.
    pub rolling: Option<Flag>,
    /// Settings the new processes run with, by their paths.
    pub set: Option<Assignments>,
}

/// More or fewer members.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { to = 4 }"
)]
pub struct Scale {
    /// How many members run from then on; the last ones stop first.
    pub to: Option<Count>,
    /// From the start of a process until its consumer subscribes; default none.
    pub start_up: Option<Time>,
    /// Whether those that stop close their consumer (default true), or are killed.
    pub graceful: Option<Flag>,
}

/// Members stand still (a long GC pause, a stopped VM).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { length = "10s" }"#
)]
pub struct Freeze {
    /// Who; default: all that run.
    pub members: Option<OneOrMany<Who>>,
    /// How long.
    pub length: Option<Time>,
}

/// The production rate changes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { factor = 1.5 }"
)]
pub struct RateChange {
    /// The rate from then on.
    pub to: Option<Rate>,
    /// Reached in a straight line over this time, for `to`; default at once.
    pub over: Option<Time>,
    /// The rate from then on, times this.
    pub factor: Option<Number>,
}

/// What changes of the only dependency, or of others by their names.
#[derive(Clone, Debug, Default)]
pub struct DownstreamChanges {
    /// Of the only one.
    pub own: DownstreamChange,
    /// Of those with these names.
    pub named: Vec<(Spot<String>, Either<Text, DownstreamChange>)>,
}

impl DownstreamChanges {
    /// The tables by which the dependency called `name` changes.
    pub fn of<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c DownstreamChange> {
        let named = self.named.iter().filter(move |(own, _)| own.value == name);
        let tables = named.filter_map(|(_, change)| match change {
            Either::Plain(_) => None,
            Either::Table(table) => Some(&table.value),
        });
        std::iter::once(&self.own).chain(tables)
    }
}

impl<'de> Deserialize<'de> for DownstreamChanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = DownstreamChanges;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a table, { latency = "1s" }"#)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
                let mut changes = DownstreamChanges::default();
                while let Some(key) = table.next_key::<Spot<String>>()? {
                    let own = &mut changes.own;
                    match key.value.as_str() {
                        "latency" => own.latency = Some(table.next_value()?),
                        "failure-rate" => own.failure_rate = Some(table.next_value()?),
                        "rate-limit" => own.rate_limit = Some(table.next_value()?),
                        "burst" => own.burst = Some(table.next_value()?),
                        _ => changes.named.push((key, table.next_value()?)),
                    }
                }
                changes.named.sort_by_key(|(name, _)| name.span.start);
                Ok(changes)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl JsonSchema for DownstreamChanges {
    fn schema_name() -> Cow<'static, str> {
        "DownstreamChanges".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let own = generator.subschema_for::<DownstreamChange>();
        let named = generator.subschema_for::<Named<Either<Text, DownstreamChange>>>();
        json_schema!({
            "description": "What changes of the only dependency, or of others by their names.",
            "anyOf": [own, named]
        })
    }
}

/// The dependency changes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = r#"a table, { latency = "1s" }"#
)]
pub struct DownstreamChange {
    /// Latency of a call from then on.
    pub latency: Option<Either<Time, TimeLaw>>,
    /// Share of the attempts at calls that fail by chance from then on, from 0 to 0.999.
    pub failure_rate: Option<Number>,
    /// Calls it accepts from then on, or `none` for no limit.
    pub rate_limit: Option<Limit>,
    /// Most calls at once after a quiet time, for `rate-limit`; default 1.
    pub burst: Option<Number>,
}

impl DownstreamChange {
    /// Its keys.
    pub const KEYS: [&str; 4] = ["latency", "failure-rate", "rate-limit", "burst"];

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        let other = self.rate_limit.is_some() || self.burst.is_some();
        self.latency.is_none() && self.failure_rate.is_none() && !other
    }
}
