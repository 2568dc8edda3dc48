//! The [plan] of an experiment: prices of keys, monotone keys, and what must hold.

use toml::de::{DeTable, DeValue};

use super::super::document::{list, nearest};
use super::super::experiment::{Axis, Experiment};
use super::super::planning::{Hold, Planning};
use super::super::raw::{self, Spot};
use super::axis::flatten;
use super::expect::System;
use super::judge::Judge;
use crate::units::{parse_count, parse_rate};

impl Judge<'_> {
    /// Judges what is looked for; `known` says whether the alerts of the model are.
    pub(super) fn planning(
        &mut self,
        section: &Spot<raw::Planning>,
        tree: &DeTable<'_>,
        experiment: &Experiment,
        system: &System<'_>,
        known: bool,
    ) -> Option<Planning> {
        let prices = self.prices(section, tree, experiment);
        let monotone = self.monotone(section, experiment);
        let entries = section.value.hold.as_deref().unwrap_or(&[]);
        let holds: Vec<Option<Hold>> = entries
            .iter()
            .map(|entry| self.hold(entry, system, known))
            .collect();
        if entries.is_empty() {
            let help = r#"say what must hold: [[plan.hold]], metric = "max-age", below = "60s""#;
            return self.missing(&section.span, "hold", help);
        }
        let (prices, monotone) = (prices?, monotone?);
        let falls = |axis: &usize| monotone[*axis] && prices[*axis].windows(2).any(|p| p[0] > p[1]);
        if let Some(axis) = (0..prices.len()).find(falls) {
            let name = &experiment.axes[axis].name;
            let message =
                format!("more of {name} costs less, so the cheapest case is not at its beginning");
            let help = "leave the axis out of `monotone`, or let each of its keys rise";
            return self.error(&section.span, message, help);
        }
        Some(Planning {
            prices,
            monotone,
            holds: holds.into_iter().collect::<Option<_>>()?,
        })
    }

    fn prices(
        &mut self,
        section: &Spot<raw::Planning>,
        tree: &DeTable<'_>,
        experiment: &Experiment,
    ) -> Option<Vec<Vec<f64>>> {
        let cost = match tree.get("plan").map(|plan| plan.get_ref()) {
            Some(DeValue::Table(plan)) => plan.get("cost").map(|cost| cost.get_ref()),
            _ => None,
        };
        let (Some(raw::Paths), Some(DeValue::Table(table))) = (&section.value.cost, cost) else {
            let help = "say what a key costs: cost = { group.members = 10, topic.partitions = 1 }";
            return self.missing(&section.span, "cost", help);
        };
        let mut prices: Vec<Vec<f64>> = experiment
            .axes
            .iter()
            .map(|axis| vec![0.0; axis.values.len()])
            .collect();
        let mut wrong = false;
        flatten(
            &experiment.source.text,
            "",
            table,
            &mut |path, place, value| {
                let price = match value.get_ref() {
                    DeValue::Integer(number) => number.to_string().parse::<f64>().ok(),
                    DeValue::Float(number) => number.to_string().parse::<f64>().ok(),
                    _ => None,
                };
                let price = price.filter(|price| price.is_finite() && *price >= 0.0);
                if price.is_none() {
                    let help =
                        "write a number from 0: what one of it costs, as in group.members = 10";
                    self.error::<()>(&value.span(), format!("`{path}` has no such price"), help);
                }
                let numbers = self
                    .axis_of(path, &place, experiment)
                    .and_then(|(axis, key)| {
                        let numbers = numbers(&experiment.axes[axis], key);
                        if numbers.is_none() {
                            let message = format!(
                                "`{path}` takes values that are no numbers, so it has no price"
                            );
                            let help = "price keys whose values are counts or rates, such as group.members";
                            self.error::<()>(&place, message, help);
                        }
                        Some((axis, numbers?))
                    });
                match (price, numbers) {
                    (Some(price), Some((axis, numbers))) => {
                        for (sum, number) in prices[axis].iter_mut().zip(numbers) {
                            *sum += price * number;
                        }
                    }
                    _ => wrong = true,
                }
            },
        );
        (!wrong).then_some(prices)
    }

    /// The axis that varies a path, and which of its keys that is.
    fn axis_of(
        &mut self,
        path: &str,
        place: &super::judge::Place,
        experiment: &Experiment,
    ) -> Option<(usize, usize)> {
        let axes = experiment.axes.iter().enumerate();
        let mut keys = axes.flat_map(|(axis, own)| {
            let keys = own.keys.iter().enumerate();
            keys.map(move |(ix, key)| (key.as_str(), (axis, ix)))
        });
        if let Some((_, found)) = keys.find(|(key, _)| *key == path) {
            return Some(found);
        }
        let names: Vec<&str> = experiment
            .axes
            .iter()
            .flat_map(|axis| axis.keys.iter().map(String::as_str))
            .collect();
        let help = match (nearest(path, names.iter().copied()), names.is_empty()) {
            (Some(near), _) => format!("write {near}"),
            (None, true) => "vary something first: [[axis]], key = \"topic.partitions\"".to_owned(),
            (None, false) => format!("the axes vary {}", list(&names)),
        };
        self.error(place, format!("no axis varies `{path}`"), help)
    }

    fn monotone(
        &mut self,
        section: &Spot<raw::Planning>,
        experiment: &Experiment,
    ) -> Option<Vec<bool>> {
        let mut monotone = vec![false; experiment.axes.len()];
        let mut wrong = false;
        for word in section.value.monotone.iter().flatten() {
            let path = self.text(word);
            let place = &word.0.span;
            let found = path.and_then(|path| self.axis_of(&path, place, experiment));
            let Some((axis, key)) = found else {
                wrong = true;
                continue;
            };
            let rising = numbers(&experiment.axes[axis], key)
                .is_some_and(|numbers| numbers.windows(2).all(|pair| pair[0] < pair[1]));
            if !rising {
                let message = "more of it needs values that are numbers and rise";
                self.error::<()>(
                    place,
                    message,
                    "list the values of this axis from the lowest to the highest",
                );
                wrong = true;
            }
            monotone[axis] = true;
        }
        (!wrong).then_some(monotone)
    }

    fn hold(&mut self, entry: &Spot<raw::Hold>, system: &System<'_>, known: bool) -> Option<Hold> {
        let share = match &entry.value.share {
            None => Some(1.0),
            Some(share) => self
                .share(share, "the share of replications")
                .and_then(|value| {
                    if value > 0.0 {
                        return Some(value);
                    }
                    let help =
                        "write how many replications in a hundred have to meet it: share = 0.95";
                    self.error(&share.0.span, "what may fail always asks for nothing", help)
                }),
        };
        let expectation = self.known_expectation(entry, system, known);
        Some(Hold {
            expectation: expectation?,
            share: share?,
        })
    }
}

/// The values that a key of an axis takes, if all of them are numbers, counts or rates [1/s].
fn numbers(axis: &Axis, key: usize) -> Option<Vec<f64>> {
    let number = |label: &String| {
        let plain = label.parse::<f64>().ok();
        plain
            .or_else(|| parse_count(label).ok().map(|count| count as f64))
            .or_else(|| parse_rate(label).ok())
    };
    let values = axis.values.iter();
    values
        .map(|value| {
            let own = value.labels.get(key).and_then(number);
            own.filter(|own| own.is_finite())
        })
        .collect()
}
