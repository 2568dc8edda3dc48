//! An experiment that moves each number of a model by itself: which numbers, and by how much. Whatever says how much or
//! how long is moved, the backlog that offsets at the start add up to among it; what says which one, where or when
//! (identities, offsets, points of time), what is watched, and how the run is cut (seed, horizon, sample) stays.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::design::{Around, Design, LeftOut, Move, percent_of};
use super::super::experiment::{Axis, AxisValue, Experiment, Setting};
use super::super::model::{PartitionStart, Scenario};
use super::axis::short;
use super::judge::{Judge, ReadFile};
use super::quantity::Quantity;
use super::{Change, check_case};
use crate::kafka::{ConsumerProperties, UNLIMITED_RECORDS};

/// Top-level keys below which nothing is moved.
const KEPT: [&str; 7] = [
    "alert",
    "expect",
    "horizon",
    "monitoring",
    "sample",
    "seed",
    "title",
];
/// Keys that say which one, where or when.
const POSITIONS: [&str; 10] = [
    "at",
    "committed",
    "crash",
    "log-end",
    "offset",
    "partition",
    "peak-at",
    "start",
    "start-times",
    "until",
];
/// Keys of the timeline that do, and mean something else elsewhere.
const POSITIONS_OF_TIMELINE: [&str; 3] = ["members", "restart", "time"];
/// A moved number is told from its neighbours to this share of the step.
const GRAIN: f64 = 1e-3;

/// A number of the model.
struct Numbered {
    path: String,
    /// As it is written, or as it is by default.
    text: String,
    quantity: Quantity,
    /// The partitions that share it, where it is the backlog that `topic.start` adds up to.
    shared_by: Vec<PartitionStart>,
}

/// What is found in a model.
#[derive(Default)]
struct Stated {
    /// Its numbers, and where they stand.
    numbers: Vec<(usize, Numbered)>,
    /// The paths of all its keys.
    paths: BTreeSet<String>,
    /// Where `topic.start` stands.
    start: Option<usize>,
}

impl Numbered {
    /// The number that `text` writes, if it has a share of itself: what is zero, or without a limit, has none.
    fn of(path: String, text: String) -> Option<Numbered> {
        let quantity = Quantity::of_model(&text).filter(|own| own.value > 0.0)?;
        Some(Numbered {
            path,
            text,
            quantity,
            shared_by: Vec::new(),
        })
    }

    /// The backlog of partitions that the group has committed to, as one number.
    fn backlog(partitions: &[PartitionStart]) -> Option<Numbered> {
        let unread = partitions.iter().filter_map(backlog_of).sum::<u64>();
        let number = Numbered::of("topic.start".to_owned(), unread.to_string())?;
        Some(Numbered {
            shared_by: partitions.to_vec(),
            ..number
        })
    }

    /// Whole numbers are moved by whole ones, but not those of keys that take others, as in `factor = 4`.
    fn with_fractions(self, experiment: &Experiment, read: ReadFile<'_>) -> Numbered {
        let form = &self.quantity.form;
        if !(form.is_whole() && form.unit().is_empty() && self.shared_by.is_empty()) {
            return self;
        }
        // Towards zero and away from it: one of them may be out of the key's range.
        let takes = |half: f64| {
            let other = decimal(&(self.quantity.value + half).to_string());
            let values = vec![value(&self, &other, true)];
            refused(experiment, &self.axis(values), read).is_ok()
        };
        let quantity = (takes(-0.5) || takes(0.5))
            .then(|| Quantity::of_model(&decimal(&self.text)))
            .flatten();
        match quantity {
            Some(quantity) => Numbered { quantity, ..self },
            None => self,
        }
    }

    fn axis(&self, values: Vec<AxisValue>) -> Axis {
        Axis {
            name: self.name(),
            keys: vec![self.path.clone()],
            values,
            range: None,
        }
    }

    /// What tables and pictures call it.
    fn name(&self) -> String {
        match self.shared_by.is_empty() {
            true => short(&self.path).to_owned(),
            false => "topic.start's backlog".to_owned(),
        }
    }

    /// The value of the key by which the number becomes the one that `text` writes.
    fn written(&self, text: &str) -> String {
        if self.shared_by.is_empty() {
            return text.to_owned();
        }
        let factor = Quantity::read(text).map_or(1.0, |own| own.value / self.quantity.value);
        let entries = self.shared_by.iter().map(|partition| {
            let Some((unread, committed)) = backlog_of(partition).zip(partition.committed) else {
                return format!("{{ log-end = {} }}", partition.log_end);
            };
            let log_end = committed + (unread as f64 * factor).round() as u64;
            format!("{{ committed = {committed}, log-end = {log_end} }}")
        });
        format!("[{}]", entries.collect::<Vec<_>>().join(", "))
    }
}

/// What waits in a partition; not known of one that the group has committed nothing of.
fn backlog_of(partition: &PartitionStart) -> Option<u64> {
    Some(partition.log_end.saturating_sub(partition.committed?))
}

/// Moves each number of the model that `experiment`, which varies nothing, asks by each of `steps` (shares, as -0.1): those
/// that the model's file states and, of what it leaves to defaults, the consumer's properties, the record size and the
/// latencies of the cluster. What a step does not change, and what the model's check refuses, is left out.
pub fn around(experiment: Experiment, steps: &[f64], read: ReadFile<'_>) -> Experiment {
    let mut around = Around {
        steps: steps.to_vec(),
        ..Around::default()
    };
    let mut axes = Vec::new();
    for own in numbers(&experiment, read) {
        let own = own.with_fractions(&experiment, read);
        let mut axis = own.axis(vec![value(&own, &own.text, false)]);
        let mut moves = vec![Move::default()];
        let mut unchanged = Vec::new();
        for (step, share) in steps.iter().enumerate() {
            let wanted = own.quantity.value * (1.0 + share);
            let text = own
                .quantity
                .form
                .write(wanted, own.quantity.value * share.abs() * GRAIN);
            let moved =
                Quantity::read(&text).map_or(0.0, |moved| moved.value / own.quantity.value - 1.0);
            // Few enough digits to be the same number after it has been written and read.
            let moved = (moved * 1e9).round() / 1e9;
            let there = axis.values.iter().any(|other| other.label == text);
            if there || moved == 0.0 {
                unchanged.push(percent_of(*share));
                continue;
            }
            axis.values.push(value(&own, &text, true));
            if let Err(why) = refused(&experiment, &axis, read) {
                axis.values.pop();
                around.left_out.push(LeftOut {
                    what: format!("{} = {text}", axis.name),
                    why: format!("refused: {why}"),
                });
                continue;
            }
            moves.push(Move { step, moved });
        }
        if !unchanged.is_empty() {
            around.left_out.push(LeftOut {
                what: format!("{} by {}", axis.name, unchanged.join(", ")),
                why: format!("of {} that is no whole number of its own", own.text),
            });
        }
        if axis.values.len() > 1 {
            axes.push(axis);
            around.moves.push(moves);
        }
    }
    Experiment {
        axes,
        design: Design::Around(around),
        ..experiment
    }
}

fn value(own: &Numbered, text: &str, moved: bool) -> AxisValue {
    let (path, written) = (&own.path, own.written(text));
    let place = path.len() + 1..path.len() + 1 + written.len();
    let setting = Setting {
        typed: Some(format!("{path}={written}")),
        path: (path.clone(), 0..path.len()),
        value: (written, place),
    };
    AxisValue {
        label: text.to_owned(),
        labels: vec![text.to_owned()],
        settings: if moved { vec![setting] } else { Vec::new() },
    }
}

/// Why the model takes the last value of an axis not.
fn refused(experiment: &Experiment, axis: &Axis, read: ReadFile<'_>) -> Result<(), String> {
    let mut own = axis.clone();
    own.values.drain(..own.values.len() - 1);
    let case = Experiment {
        axes: vec![own],
        ..experiment.clone()
    };
    match check_case(&case, 0, read) {
        Ok(_) => Ok(()),
        Err(found) => Err(found
            .iter()
            .next()
            .map_or_else(String::new, |one| one.message.clone())),
    }
}

/// The numbers of the model as the experiment changes it in all cases: those that are written in their order, then those
/// that are left to defaults.
fn numbers(experiment: &Experiment, read: ReadFile<'_>) -> Vec<Numbered> {
    let mut judge = Judge::new(read);
    let changes: Vec<Change<'_>> = experiment.changes(0);
    let mut stated = Stated::default();
    if let Some(tree) = judge.tree(&experiment.model, &changes) {
        for (key, value) in &tree {
            let name = key.get_ref().as_ref();
            if !KEPT.contains(&name) {
                walk(&step_of("", name), name == "at", value, &mut stated);
            }
        }
    }
    let mut left = Vec::new();
    if let Ok(checked) = check_case(experiment, 0, read) {
        let scenario = &checked.scenario;
        let backlog = stated
            .start
            .zip(Numbered::backlog(&scenario.topic.partitions));
        stated.numbers.extend(backlog);
        let missing = defaults(scenario).into_iter();
        let missing = missing.filter(|(path, _)| !stated.paths.contains(path));
        left.extend(missing.filter_map(|(path, text)| Numbered::of(path, text)));
    }
    stated.numbers.sort_by_key(|(at, _)| *at);
    let stated = stated.numbers.into_iter().map(|(_, own)| own);
    stated.chain(left).collect()
}

/// What a model leaves to defaults and may well matter, with the values in effect.
fn defaults(scenario: &Scenario) -> Vec<(String, String)> {
    let cluster = &scenario.cluster;
    let mut defaults = vec![
        (
            "topic.record-size".to_owned(),
            format!("{}B", scenario.topic.record_bytes),
        ),
        (
            "cluster.round-trip".to_owned(),
            cluster.round_trip.to_string(),
        ),
        (
            "cluster.commit-latency".to_owned(),
            cluster.commit_latency.to_string(),
        ),
    ];
    if let Some(first) = scenario.settings.first() {
        let properties = ConsumerProperties::table().filter_map(|property| {
            let text = property.get(&first.properties);
            let number = text.parse::<u64>().ok()?;
            // No limit is no number.
            (number < UNLIMITED_RECORDS)
                .then(|| (format!("group.properties.{}", property.name), text))
        });
        defaults.extend(properties);
    }
    defaults
}

/// A path with one more key.
fn step_of(above: &str, key: &str) -> String {
    let joins = above.is_empty()
        || above.starts_with("group.properties")
        || above.starts_with("cluster.properties");
    let key = match key.contains('.') && !joins {
        true => format!("\"{key}\""),
        false => key.to_owned(),
    };
    match above {
        "" => key,
        _ => format!("{above}.{key}"),
    }
}

/// Finds the numbers at or below a value.
fn walk(path: &str, timeline: bool, value: &Spanned<DeValue<'_>>, stated: &mut Stated) {
    stated.paths.insert(path.to_owned());
    let text = match value.get_ref() {
        DeValue::Table(table) => return walk_table(path, timeline, table, stated),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(&format!("{path}.{index}"), timeline, item, stated);
            }
            return;
        }
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => decimal(&number.to_string()),
        _ => return,
    };
    let number = Numbered::of(path.to_owned(), text);
    let at = value.span().start;
    stated.numbers.extend(number.map(|own| (at, own)));
}

fn walk_table(path: &str, timeline: bool, table: &DeTable<'_>, stated: &mut Stated) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let position =
            POSITIONS.contains(&name) || (timeline && POSITIONS_OF_TIMELINE.contains(&name));
        let position = position && !matches!(value.get_ref(), DeValue::Table(_));
        if (path, name) == ("topic", "start") {
            stated.start = Some(value.span().start);
        }
        if !position {
            walk(&step_of(path, name), timeline, value, stated);
        }
    }
}

/// A decimal number keeps its point, so that numbers beside it may have one.
fn decimal(text: &str) -> String {
    match text.contains('.') {
        true => text.to_owned(),
        false => format!("{text}.0"),
    }
}
