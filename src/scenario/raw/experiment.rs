//! The experiment file: a question to a model, as what is varied and what is looked at.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::expect::{Answer, Expect, Hold};
use super::value::{Count, Either, OneOrMany, Paths, Spot, Text, Time};

/// An experiment.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
#[schemars(title = "lagsim experiment")]
pub struct Experiment {
    /// The question in one line; default: the file's name.
    pub title: Option<Text>,
    /// The model file; its path is taken from the folder of the experiment.
    pub model: Option<Text>,
    /// Simulated time of every run, instead of the model's.
    pub horizon: Option<Time>,
    /// Seed of every draw, instead of the model's. All cases have the same, so that they differ by what is varied alone.
    pub seed: Option<Count>,
    /// Runs of every case, each with other draws; default 1.
    pub replications: Option<Count>,
    /// Keys of the model that are the same in all cases, by their paths.
    pub set: Option<Paths>,
    /// Where there are too many combinations of the axes' values: so many samples of them instead.
    pub samples: Option<Spot<Samples>>,
    /// What is varied. The cases are all combinations of the axes' values, or samples of them.
    pub axis: Option<Vec<Spot<Axis>>>,
    /// The figures looked at, the most important first: names of metrics, or tables with `metric` and what it is of.
    pub metrics: Option<Spot<Vec<Either<Text, Expect>>>>,
    /// The service level: a metric with its bound, that a case holds or not.
    pub slo: Option<Spot<Expect>>,
    /// What `lagsim plan` looks for: the cheapest case that holds.
    pub plan: Option<Spot<Planning>>,
    /// The answer: what must come out in some of the cases.
    pub expect: Option<Vec<Spot<Answer>>>,
}

/// An axis: a key of the model, or several that move together.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [[axis]]"
)]
pub struct Axis {
    /// What tables and pictures call it; default: the path of its key.
    pub name: Option<Text>,
    /// The path of a key of the model, or a list of paths that move together.
    pub key: Option<OneOrMany<Text>>,
    /// Its values: a list, or a range such as "50..500+50" (linear) or "50..500*2" (geometric). Where several keys move
    /// together an entry of the list is one value for all of them, or a list with one for each. With `samples` also a
    /// range without steps, "1ms..100ms", or "1ms..100ms*" for equal ratios, in which they lie anywhere.
    pub values: Option<Spot<Values>>,
    /// What tables and pictures call each of the values, and `where` too; default: as they are written.
    pub labels: Option<Spot<Vec<Text>>>,
}

/// So many samples, spread over the ranges of the axes and over their lists by index: exactly one of its keys. Where they
/// lie follows from the experiment's `seed` (default 0), not from the model's.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { latin-hypercube = 200 }"
)]
pub struct Samples {
    /// So many, one in each of as many equal parts of every axis.
    pub latin_hypercube: Option<Count>,
    /// So many, each by itself.
    pub random: Option<Count>,
    /// So many of a Sobol sequence, a power of two: even on every axis and nearly so on every two of them. At most 21 axes.
    pub sobol: Option<Count>,
}

/// What `lagsim plan` looks for: the cheapest case that holds.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [plan]"
)]
pub struct Planning {
    /// Prices, by the paths of keys that axes vary: { group.members = 10, topic.partitions = 0.5 }. A case costs the sum
    /// of its values times their prices.
    pub cost: Option<Paths>,
    /// Keys of which more never hurts, so that cases beyond one that holds need not be run: paths that axes vary, whose
    /// values rise. The cases around the answer are run anyway, and where one contradicts, all cheaper ones.
    pub monotone: Option<Vec<Text>>,
    /// What must hold.
    pub hold: Option<Vec<Spot<Hold>>>,
}

/// Values of an axis: read from the document itself, not from here.
#[derive(Clone, Debug)]
pub struct Values;

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Values)
    }
}

impl JsonSchema for Values {
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of values, or a range in text: \"50..500+50\", \"50..500*2\"; with samples also \"50..500\", \"50..500*\".",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": true }]
        })
    }
}
