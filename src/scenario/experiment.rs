//! A question to a model: what is varied, what is looked at, and which answer is expected. Not for running it.

use std::ops::Range;

use super::answer::Answer;
use super::check::{Change, Source};
use super::design::Design;
use super::metric::{Expectation, Metric};
use super::planning::Planning;
use crate::units::SimDuration;

/// Most replications that are run, or asked for.
pub const MOST_REPLICATIONS: u32 = 100_000;

/// Most runs of an experiment.
pub const MOST_RUNS: u64 = 1_000_000;

/// Most cases that are tried one by one to find what is wrong with them.
const MOST_TRIED: usize = 1_000;

/// An experiment whose file has been judged. Its cases are numbered from 0.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Stem of the file's name; names the folder of the results.
    pub name: String,
    /// The question.
    pub title: String,
    /// The file.
    pub source: Source,
    /// The model that is asked.
    pub model: Source,
    /// Its folder, from the folder of the experiment.
    pub folder: String,
    /// Simulated time of a run of the first case.
    pub horizon: SimDuration,
    /// What all cases change in the model.
    pub settings: Vec<Setting>,
    /// What is varied.
    pub axes: Vec<Axis>,
    /// Which combinations of the axes' values are cases.
    pub design: Design,
    /// Runs of each case.
    pub replications: u32,
    /// The figures looked at, the most important first; never empty.
    pub metrics: Vec<Metric>,
    /// What a case is to hold.
    pub slo: Option<Expectation>,
    /// What the cheapest case is looked for by.
    pub planning: Option<Planning>,
    /// What must come out.
    pub answers: Vec<Answer>,
}

/// A key, or several that move together.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What tables and pictures call it.
    pub name: String,
    /// Paths of its keys.
    pub keys: Vec<String>,
    /// Its values, at least one; those that samples have found in a range rise.
    pub values: Vec<AxisValue>,
    /// The range, as people read it, that its values are samples of.
    pub range: Option<String>,
}

/// A value of an axis.
#[derive(Clone, Debug)]
pub struct AxisValue {
    /// As people read it: `12`, `4ms`.
    pub label: String,
    /// The same of each key.
    pub labels: Vec<String>,
    /// What it changes in the model.
    pub settings: Vec<Setting>,
}

/// A key of the model and its value, as the file of the experiment writes them.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The text that was typed on the command line, if it stands in no file.
    pub typed: Option<String>,
    /// The path of the key, and where it stands.
    pub path: (String, Range<usize>),
    /// The value as TOML, and where it stands.
    pub value: (String, Range<usize>),
}

impl Setting {
    /// As `--set` takes it: `path=value`.
    pub fn assignment(&self) -> String {
        format!("{}={}", self.path.0, self.value.0)
    }
}

impl Experiment {
    /// How many cases there are.
    pub fn cases(&self) -> usize {
        self.design
            .cases(self.axes.iter().map(|axis| axis.values.len()))
    }

    /// The value that each axis has in a case, by its index.
    pub fn point(&self, case: usize) -> Vec<usize> {
        let sizes: Vec<usize> = self.axes.iter().map(|axis| axis.values.len()).collect();
        self.design.point(&sizes, case)
    }

    /// The value that each axis has in a case.
    pub fn values(&self, case: usize) -> impl Iterator<Item = &AxisValue> {
        let point = self.point(case);
        self.axes
            .iter()
            .zip(point)
            .map(|(axis, at)| &axis.values[at])
    }

    /// Cases that say what is wrong with each value: the first one and those of a grid that differ from it by one axis.
    pub(super) fn one_at_a_time(&self) -> Vec<usize> {
        if self.design != Design::Grid {
            return (0..self.cases().min(MOST_TRIED)).collect();
        }
        let mut cases = vec![0];
        let mut stride = 1;
        for axis in self.axes.iter().rev() {
            cases.extend((1..axis.values.len()).map(|at| at * stride));
            stride *= axis.values.len();
        }
        cases.truncate(MOST_TRIED);
        cases
    }

    /// What a case is, for people: `topic.partitions = 12, group.members = 4`.
    pub fn told(&self, case: usize) -> String {
        let parts: Vec<String> = self
            .axes
            .iter()
            .zip(self.values(case))
            .map(|(axis, value)| format!("{} = {}", axis.name, value.label))
            .collect();
        parts.join(", ")
    }

    /// What a case changes in the model, in order.
    pub(super) fn changes(&self, case: usize) -> Vec<Change<'_>> {
        let own = self.values(case).flat_map(|value| &value.settings);
        self.settings
            .iter()
            .chain(own)
            .map(|setting| Change {
                source: match &setting.typed {
                    Some(text) => ("--set", text),
                    None => (&self.source.name, &self.source.text),
                },
                path: (&setting.path.0, setting.path.1.clone()),
                value: (&setting.value.0, setting.value.1.clone()),
            })
            .collect()
    }
}
