//! What a sweep around a model prints: the keys, the strongest first, and what could not be moved.

use super::super::sweep::{aligned, plain};
use super::super::terminal::Style;
use super::{moves, slope_in_words, step_in_words, told_in_words};
use crate::experiment::{Plan, Sensitivities, Sensitivity, Told};
use crate::measure::in_words;
use crate::measure::words::{counted, listed};
use crate::scenario::{Around, Metric, percent_of};

/// The text.
pub fn text(plan: &Plan, found: &Sensitivities, style: Style) -> String {
    let (Some(around), Some(metric)) = (moves(plan), plan.columns.first()) else {
        return String::new();
    };
    let title = format!("{}: {}", plan.name, plan.title);
    let title = match style.colour {
        true => format!("\u{1b}[1m{title}\u{1b}[0m"),
        false => title,
    };
    let steps: Vec<String> = around.steps.iter().map(|step| percent_of(*step)).collect();
    let mut text = format!(
        "{title}\nThe model, and {} moved by {}: {} on the same draws, {} of each.\n",
        counted(plan.axes.len() as u64, "number", "numbers"),
        listed(&steps),
        counted(plan.cases() as u64, "case", "cases"),
        counted(u64::from(plan.replications), "replication", "replications"),
    );
    text.push_str(&base(plan, found, metric));
    text.push_str(&table(plan, found, metric, around));
    let nothing = found.keys.iter().filter(|key| key.told == Told::Nothing);
    let nothing: Vec<String> = nothing
        .map(|key| plan.axes[key.axis].name.clone())
        .collect();
    if !nothing.is_empty() {
        text.push_str(&format!(
            "\nIn no run do these change {}: {}.\n",
            metric.name(),
            listed(&nothing)
        ));
    }
    if !around.left_out.is_empty() {
        text.push_str("\nLeft out\n");
        for one in &around.left_out {
            text.push_str(&format!("  - {}: {}\n", one.what, one.why));
        }
    }
    text
}

/// The model's own figure.
fn base(plan: &Plan, found: &Sensitivities, metric: &Metric) -> String {
    let Some(mean) = found
        .base
        .mean
        .filter(|_| found.base.n == plan.replications as usize)
    else {
        let missing = plan.replications as usize - found.base.n;
        return format!(
            "{} of the model never comes in {missing} of {} runs: effects are told by their signs alone.\n",
            metric.name(),
            plan.replications
        );
    };
    let half = found.base.high.map_or(0.0, |high| high - mean);
    let unit = match found.relative {
        true => String::new(),
        false => format!(
            "; it may well be 0, so effects are differences, and slopes {} per percent",
            match metric.figure().unit {
                crate::scenario::Unit::Seconds => "seconds",
                crate::scenario::Unit::Records => "records",
                crate::scenario::Unit::Count | crate::scenario::Unit::Share => "units",
            }
        ),
    };
    format!(
        "{} of the model: {} ± {}{unit}.\n",
        metric.name(),
        in_words(metric, mean),
        in_words(&plain(metric), half)
    )
}

/// A row per key that changes something.
fn table(plan: &Plan, found: &Sensitivities, metric: &Metric, around: &Around) -> String {
    let mut header = vec!["key".to_owned(), "model".to_owned()];
    header.extend(around.steps.iter().map(|step| percent_of(*step)));
    header.push(if found.relative { "% per %" } else { "slope" }.to_owned());
    let mut rows = vec![header];
    for key in found.keys.iter().filter(|key| key.told != Told::Nothing) {
        rows.push(row(plan, found, metric, around, key));
    }
    if rows.len() == 1 {
        return String::new();
    }
    // Names stand at the left of their column.
    let widest = rows
        .iter()
        .map(|row| row[0].chars().count())
        .max()
        .unwrap_or(0);
    for row in &mut rows {
        row[0] = format!("{:<widest$}", row[0]);
    }
    let table = aligned(&rows);
    let lines: String = table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    format!("\n{lines}")
}

fn row(
    plan: &Plan,
    found: &Sensitivities,
    metric: &Metric,
    around: &Around,
    key: &Sensitivity,
) -> Vec<String> {
    let axis = &plan.axes[key.axis];
    let mut row = vec![axis.name.clone(), axis.values[0].label.clone()];
    for (number, share) in around.steps.iter().enumerate() {
        let step = key.steps.iter().find(|step| step.step == number);
        row.push(step.map_or_else(String::new, |step| {
            let told = step_in_words(metric, found.relative, step, plan.replications as usize);
            match (step.moved - share).abs() < 0.005 {
                true => told,
                // A whole number goes further, or less far.
                false => format!("{told} ({})", axis.values[step.value].label),
            }
        }));
    }
    row.push(slope_in_words(key.slope));
    let told = told_in_words(key.told);
    if !told.is_empty() {
        row.push(told.to_owned());
    }
    row
}
