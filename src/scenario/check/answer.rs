//! The answers of an experiment, `[[expect]]`: what must come out, and in which cases.

use toml::de::DeValue;

use super::super::document::{self, list, nearest};
use super::super::experiment::{Answer, Axis, AxisValue, Experiment};
use super::super::raw::{self, Spot};
use super::axis::{flatten, label, text_of};
use super::expect::System;
use super::experiment::Written;
use super::judge::Judge;

impl Judge<'_> {
    /// Every answer; `known` says whether the alerts of the model are.
    pub(super) fn answers(
        &mut self,
        written: &Written<'_>,
        experiment: Option<&Experiment>,
        system: &System<'_>,
        known: bool,
    ) -> Option<Vec<Answer>> {
        let answers = written.file.expect.iter().flatten().enumerate();
        let answers: Vec<Option<Answer>> = answers
            .map(|(index, entry)| {
                let expectation = self.known_expectation(&as_expect(entry), system, known);
                let cases = self.cases_of((index, &entry.value), written, experiment?);
                Some(Answer {
                    expectation: expectation?,
                    cases: cases?,
                })
            })
            .collect();
        answers.into_iter().collect()
    }

    /// The `where` of an answer: which value of which axis.
    fn cases_of(
        &mut self,
        (index, entry): (usize, &raw::Answer),
        written: &Written<'_>,
        experiment: &Experiment,
    ) -> Option<Vec<Option<usize>>> {
        let mut cases = vec![None; experiment.axes.len()];
        if entry.cases.is_none() {
            return Some(cases);
        }
        let mut wrong = false;
        let Some(DeValue::Table(table)) =
            document::find(&written.tree, "expect", index, "where").map(|found| found.get_ref())
        else {
            return Some(cases);
        };
        let text = &experiment.source.text;
        let keys = |axis: &Axis| axis.keys.contains(&axis.name);
        let names: Vec<&str> = experiment
            .axes
            .iter()
            .flat_map(|axis| {
                let name = (!keys(axis)).then_some(&axis.name);
                axis.keys.iter().chain(name).map(String::as_str)
            })
            .collect();
        flatten(text, "", table, &mut |path, place, value| {
            let axis = experiment
                .axes
                .iter()
                .position(|axis| axis.name == path || axis.keys.iter().any(|key| key == path));
            let Some(axis) = axis else {
                let help = match nearest(path, names.iter().copied()) {
                    Some(near) => format!("write {near}"),
                    None => format!("the axes are {}", list(&names)),
                };
                self.error::<()>(&place, format!("no axis varies `{path}`"), help);
                wrong = true;
                return;
            };
            let wanted = label(text_of(text, value));
            let own = &experiment.axes[axis];
            let key = own.keys.iter().position(|key| key == path);
            let labelled = |value: &AxisValue| match key {
                Some(key) => value.labels.get(key) == Some(&wanted),
                None => value.label == wanted,
            };
            match (own.values.iter().position(labelled), &own.range) {
                (Some(found), None) => cases[axis] = Some(found),
                (_, Some(range)) => {
                    let message = format!(
                        "`{path}` is anywhere from {range}, so no value of it tells cases apart"
                    );
                    let help = "leave it out, or give the axis a list of values";
                    self.error::<()>(&value.span(), message, help);
                    wrong = true;
                }
                (None, None) => {
                    let labels: Vec<&str> =
                        own.values.iter().map(|one| one.label.as_str()).collect();
                    let message = format!("`{path}` is never {wanted}");
                    let help = format!("its values are {}", list(&labels));
                    self.error::<()>(&value.span(), message, help);
                    wrong = true;
                }
            }
        });
        (!wrong).then_some(cases)
    }
}

/// An answer's figure and bounds.
fn as_expect(entry: &Spot<raw::Answer>) -> Spot<raw::Expect> {
    let answer = entry.value.clone();
    Spot {
        span: entry.span.clone(),
        value: raw::Expect {
            metric: answer.metric,
            partition: answer.partition,
            alert: answer.alert,
            cause: answer.cause,
            below: answer.below,
            above: answer.above,
        },
    }
}
