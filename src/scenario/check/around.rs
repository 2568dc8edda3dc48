//! An experiment that moves each number of a model by itself: which numbers, and by how much. Whatever says how much or
//! how long is moved; what says which one, where or when (identities, offsets, points of time), what is watched, and how
//! the run is cut (seed, horizon, sample) stays.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::design::{Around, Design, LeftOut, Move, percent_of};
use super::super::experiment::{Axis, AxisValue, Experiment, Setting};
use super::super::model::Scenario;
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
        let mut axis = Axis {
            name: short(&own.path).to_owned(),
            keys: vec![own.path.clone()],
            values: vec![value(&own, &own.text, false)],
            range: None,
        };
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
    let setting = Setting {
        typed: Some(format!("{}={text}", own.path)),
        path: (own.path.clone(), 0..own.path.len()),
        value: (
            text.to_owned(),
            own.path.len() + 1..own.path.len() + 1 + text.len(),
        ),
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
    let mut found: Vec<(usize, Numbered)> = Vec::new();
    if let Some(tree) = judge.tree(&experiment.model, &changes) {
        for (key, value) in &tree {
            let name = key.get_ref().as_ref();
            if !KEPT.contains(&name) {
                walk(&step_of("", name), name == "at", value, &mut found);
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    let mut numbers: Vec<Numbered> = found.into_iter().map(|(_, own)| own).collect();
    if let Ok(checked) = check_case(experiment, 0, read) {
        for (path, text) in defaults(&checked.scenario) {
            let quantity = Quantity::of_model(&text).filter(|own| own.value > 0.0);
            let stated = numbers.iter().any(|own| own.path == path);
            if let (false, Some(quantity)) = (stated, quantity) {
                numbers.push(Numbered {
                    path,
                    text,
                    quantity,
                });
            }
        }
    }
    numbers
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
fn walk(
    path: &str,
    timeline: bool,
    value: &Spanned<DeValue<'_>>,
    found: &mut Vec<(usize, Numbered)>,
) {
    let text = match value.get_ref() {
        DeValue::Table(table) => return walk_table(path, timeline, table, found),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(&format!("{path}.{index}"), timeline, item, found);
            }
            return;
        }
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => decimal(&number.to_string()),
        _ => return,
    };
    // What is zero, or without a limit, has no share of itself.
    if let Some(quantity) = Quantity::of_model(&text).filter(|own| own.value > 0.0) {
        let path = path.to_owned();
        let own = Numbered {
            path,
            text,
            quantity,
        };
        found.push((value.span().start, own));
    }
}

fn walk_table(path: &str, timeline: bool, table: &DeTable<'_>, found: &mut Vec<(usize, Numbered)>) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let position = POSITIONS.contains(&name) && !matches!(value.get_ref(), DeValue::Table(_));
        let kept = position
            || (timeline
                && POSITIONS_OF_TIMELINE.contains(&name)
                && !matches!(value.get_ref(), DeValue::Table(_)));
        if !kept {
            walk(&step_of(path, name), timeline, value, found);
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
