//! What the results of a sweep are made of besides its figures: axes, columns, what must come out. It goes with them,
//! so that they can be joined and shown where neither the experiment nor its model is at hand. Not for running.

use serde::{Deserialize, Serialize};

use crate::engine::fingerprint;
use crate::measure::{Summary, measure};
use crate::scenario::{Answer, Better, Design, Expectation, Experiment, Metric};

/// Most values of a single axis whose curves of lag are kept.
const MOST_CURVES: usize = 16;

/// A sweep without its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of the simulator: another one may come to other figures.
    pub lagsim_version: String,
    /// Fingerprint of the model and of the files that it names.
    pub model: String,
    /// The experiment's name.
    pub name: String,
    /// The question.
    pub title: String,
    /// Runs of each case.
    pub replications: u32,
    /// Simulated time of a run of the first case (s).
    pub horizon_s: f64,
    /// What all cases change in the model, as `--set` takes it.
    pub settings: Vec<String>,
    /// What is varied.
    pub axes: Vec<PlanAxis>,
    /// Which combinations of the axes' values are cases.
    #[serde(default)]
    pub design: Design,
    /// What is measured in each run: first what is looked at, then what only a bound asks for.
    pub columns: Vec<Metric>,
    /// How many of the columns are looked at.
    pub looked_at: usize,
    /// What a case is to hold.
    pub slo: Option<Expectation>,
    /// What must come out.
    pub answers: Vec<Answer>,
}

/// An axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanAxis {
    /// What tables and pictures call it.
    pub name: String,
    /// Paths of its keys.
    pub keys: Vec<String>,
    /// Its values.
    pub values: Vec<PlanValue>,
}

/// A value of an axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanValue {
    /// As people read it.
    pub label: String,
    /// The same of each key.
    pub labels: Vec<String>,
    /// What it changes in the model, as `--set` takes it.
    pub settings: Vec<String>,
}

impl Plan {
    /// The plan of an experiment whose model, with the files that it names, has this fingerprint.
    pub fn of(experiment: &Experiment, model: u64) -> Self {
        let mut columns = experiment.metrics.clone();
        let of_slo = experiment.slo.iter().map(|slo| &slo.metric);
        let asked = of_slo.chain(experiment.answers.iter().map(Answer::metric));
        for metric in asked {
            if !columns.contains(metric) {
                columns.push(metric.clone());
            }
        }
        let assignments = |settings: &[crate::scenario::Setting]| -> Vec<String> {
            settings.iter().map(|one| one.assignment()).collect()
        };
        Plan {
            lagsim_version: env!("CARGO_PKG_VERSION").to_owned(),
            model: format!("{model:016x}"),
            name: experiment.name.clone(),
            title: experiment.title.clone(),
            replications: experiment.replications,
            horizon_s: experiment.horizon.as_secs_f64(),
            settings: assignments(&experiment.settings),
            axes: experiment
                .axes
                .iter()
                .map(|axis| PlanAxis {
                    name: axis.name.clone(),
                    keys: axis.keys.clone(),
                    values: axis
                        .values
                        .iter()
                        .map(|value| PlanValue {
                            label: value.label.clone(),
                            labels: value.labels.clone(),
                            settings: assignments(&value.settings),
                        })
                        .collect(),
                })
                .collect(),
            design: experiment.design.clone(),
            looked_at: experiment.metrics.len(),
            columns,
            slo: experiment.slo.clone(),
            answers: experiment.answers.clone(),
        }
    }

    /// How many cases there are.
    pub fn cases(&self) -> usize {
        self.design
            .cases(self.axes.iter().map(|axis| axis.values.len()))
    }

    /// How many runs there are.
    pub fn runs(&self) -> usize {
        self.cases() * self.replications as usize
    }

    /// The value that each axis has in a case, by its index.
    pub fn point(&self, case: usize) -> Vec<usize> {
        let sizes: Vec<usize> = self.axes.iter().map(|axis| axis.values.len()).collect();
        self.design.point(&sizes, case)
    }

    /// The value that each axis has in a case.
    pub fn values(&self, case: usize) -> impl Iterator<Item = &PlanValue> {
        let point = self.point(case);
        self.axes
            .iter()
            .zip(point)
            .map(|(axis, at)| &axis.values[at])
    }

    /// What tells the results of a case from those of any other case of any model.
    pub fn key(&self, case: usize) -> u64 {
        let mut text = self.model.clone();
        let own = self.values(case).flat_map(|value| &value.settings);
        for setting in self.settings.iter().chain(own) {
            text.push('\n');
            text.push_str(setting);
        }
        fingerprint(&text)
    }

    /// Whether curves of lag are kept: where one picture can show them all.
    pub fn keeps_curves(&self) -> bool {
        self.design == Design::Grid && self.axes.len() == 1 && self.cases() <= MOST_CURVES
    }

    /// The figures of a run, by column.
    pub fn figures(&self, summary: &Summary) -> Vec<f64> {
        self.columns
            .iter()
            .map(|metric| measure(metric, summary))
            .collect()
    }

    /// By what cases are compared: the service level's figure, or else the first that is looked at.
    pub fn objective(&self) -> usize {
        let of_slo = self.slo.as_ref();
        let place = of_slo.and_then(|slo| self.column(&slo.metric));
        place.unwrap_or(0)
    }

    /// Whether more of the objective is better.
    pub fn more_is_better(&self) -> bool {
        let metric = self.columns.get(self.objective());
        metric.is_some_and(|metric| metric.figure().better == Better::More)
    }

    /// The column of a figure.
    pub fn column(&self, metric: &Metric) -> Option<usize> {
        self.columns.iter().position(|column| column == metric)
    }
}
