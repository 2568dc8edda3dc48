//! The answers of an experiment, `[[expect]]`: what must come out, in which cases, and against which others.

use toml::de::{DeTable, DeValue};

use super::super::answer::{Answer, Claim};
use super::super::design::Design;
use super::super::document::{self, list, nearest};
use super::super::experiment::{Axis, AxisValue, Experiment};
use super::super::raw;
use super::axis::{flatten, label, text_of};
use super::expect::System;
use super::experiment::Written;
use super::judge::{Judge, Place};

impl Judge<'_> {
    /// Every answer; `known` says whether the alerts of the model are.
    pub(super) fn answers(
        &mut self,
        written: &Written<'_>,
        experiment: Option<&Experiment>,
        system: &System<'_>,
        known: bool,
    ) -> Option<Vec<Answer>> {
        let tree = &written.tree;
        let answers = written.file.expect.iter().flatten().enumerate();
        let answers: Vec<Option<Answer>> = answers
            .map(|(index, entry)| {
                let judged = known || entry.value.alert.is_none();
                let values = |judge: &mut Self, written: Option<&raw::Paths>, key| {
                    let experiment = experiment?;
                    match written {
                        Some(raw::Paths) => judge.values_in(tree, (index, key), experiment),
                        None => Some(vec![None; experiment.axes.len()]),
                    }
                };
                let cases = values(self, entry.value.cases.as_ref(), "where");
                let Some(against) = &entry.value.against else {
                    let expectation = judged.then(|| self.expectation(entry, system));
                    return Some(Answer {
                        cases: cases?,
                        claim: Claim::Mean(expectation.flatten()?),
                    });
                };
                let read = (r#""0.5 times""#, Judge::relation);
                let expectation = judged.then(|| self.bounded(entry, system, read));
                let base = values(self, Some(&against.value), "against");
                let (cases, base) = (cases?, base?);
                self.pairs(&against.span, &cases, &base, experiment?)?;
                let expectation = expectation.flatten()?;
                let claim = Claim::Against { base, expectation };
                Some(Answer { cases, claim })
            })
            .collect();
        answers.into_iter().collect()
    }

    /// Whether cases can be held against others that have the values `base`.
    fn pairs(
        &mut self,
        place: &Place,
        cases: &[Option<usize>],
        base: &[Option<usize>],
        experiment: &Experiment,
    ) -> Option<()> {
        if experiment.design != Design::Grid {
            let message = "a sample has no other that differs from it by this alone";
            return self.error(
                place,
                message,
                "leave `against` out, or leave `samples` out",
            );
        }
        if experiment.replications < 2 {
            let message = "a single run of each case tells no difference from chance";
            let help = "say how many pairs of runs are to: replications = 8";
            return self.error(place, message, help);
        }
        let named: Vec<usize> = (0..base.len()).filter(|ix| base[*ix].is_some()).collect();
        let Some(first) = named.first() else {
            let help = match experiment.axes.first() {
                Some(axis) => format!(
                    r#"name values of axes, as in against = {{ {} = "{}" }}"#,
                    axis.name, axis.values[0].label
                ),
                None => "vary something first: [[axis]]".to_owned(),
            };
            return self.error(place, "this names no other case", help);
        };
        let differs = |ix: &usize| match cases[*ix] {
            Some(_) => cases[*ix] != base[*ix],
            None => experiment.axes[*ix].values.len() > 1,
        };
        if named.iter().any(differs) {
            return Some(());
        }
        let help = format!(
            "name another {} here or in `where`",
            experiment.axes[*first].name
        );
        self.error(place, "the case is held against itself", help)
    }

    /// What the table `key` of an entry says: which value of which axis.
    fn values_in(
        &mut self,
        tree: &DeTable<'_>,
        (index, key): (usize, &str),
        experiment: &Experiment,
    ) -> Option<Vec<Option<usize>>> {
        let mut cases = vec![None; experiment.axes.len()];
        let mut wrong = false;
        let found = document::find(tree, "expect", index, key);
        let Some(DeValue::Table(table)) = found.map(|found| found.get_ref()) else {
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
