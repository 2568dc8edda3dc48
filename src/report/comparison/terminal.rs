//! What `lagsim compare` prints: per variant what differs from the base, then the figures side by side.

use super::super::answers;
use super::super::sweep::title;
use super::super::terminal::{Style, wrapped};
use super::finding::percent;
use super::{headline, sentences};
use crate::experiment::{Comparison, Finding, Interval, Paired, Side};
use crate::measure::in_words;
use crate::measure::words::{counted, span};
use crate::scenario::{CountMetric, Metric};

/// The text of a comparison.
pub fn text(comparison: &Comparison, style: Style) -> String {
    let [base, others @ ..] = comparison.sides.as_slice() else {
        return String::new();
    };
    let mut text = match &comparison.asked {
        Some(asked) => format!("{}\n\n", title(&asked.plan, style)),
        None => String::new(),
    };
    for side in others {
        text.push_str(&format!("{} against {}\n", side.name, base.name));
        text.push_str(&format!("{}.\n\n", headline(base, side)));
        for sentence in sentences(base, side) {
            text.push_str(&wrapped("  - ", &sentence, "    "));
        }
        text.push_str(&table(base, side));
        text.push('\n');
    }
    let pairs = counted(u64::from(comparison.replications), "pair", "pairs");
    text.push_str(&format!(
        "{pairs} of runs over {} with the same draws, seed {}; intervals are 95 %, each by itself\n",
        span(comparison.horizon.as_secs_f64()),
        comparison.seed
    ));
    for note in &comparison.notes {
        text.push_str(&wrapped("note: ", note, "      "));
    }
    if let Some(asked) = &comparison.asked {
        text.push_str(&answers::text(&asked.plan, &asked.findings, style));
    }
    text
}

/// Figures, then lag gained by cause: base, variant, difference with its interval, change.
fn table(base: &Side, side: &Side) -> String {
    let mut rows = vec![[
        String::new(),
        base.name.clone(),
        side.name.clone(),
        "difference".to_owned(),
        "95 % interval".to_owned(),
        "change".to_owned(),
    ]];
    for (own, base) in side.figures.iter().zip(&base.figures) {
        if let Some(paired) = &own.against {
            rows.push(row(own.name, &own.metric, (&base.own, &own.own), paired));
        }
    }
    let gained = Metric::Count(CountMetric::Produced);
    let mut causes = Vec::new();
    for (own, base) in side.causes.iter().zip(&base.causes) {
        let none = base.gained.mean == Some(0.0) && own.gained.mean == Some(0.0);
        if let Some(paired) = own.against.as_ref().filter(|_| !none) {
            let pair = (&base.gained, &own.gained);
            causes.push(row(own.state.name(), &gained, pair, paired));
        }
    }
    let figures = rows.len();
    rows.extend(causes);
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = "\n".to_owned();
    for (ix, row) in rows.iter().enumerate() {
        if ix == figures {
            text.push_str("Lag gained by cause\n");
        }
        let mut line = format!("  {:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(
    name: &str,
    metric: &Metric,
    (base, own): (&Interval, &Interval),
    paired: &Paired,
) -> [String; 6] {
    let mean = |interval: &Interval| match interval.mean {
        Some(mean) => in_words(metric, mean),
        None => "never".to_owned(),
    };
    let difference = &paired.difference;
    let range = match (difference.low, difference.high) {
        (Some(low), Some(high)) => {
            format!("{} to {}", signed(metric, low), signed(metric, high))
        }
        _ => "-".to_owned(),
    };
    let change = match (paired.finding, &paired.change) {
        (Finding::Same, _) => "none".to_owned(),
        (Finding::Unclear { .. }, _) => "unclear".to_owned(),
        (_, Some(change)) => change.mean.map_or_else(String::new, |mean| {
            let decimals = [0.1, 0.01]
                .iter()
                .filter(|most| mean.abs() < **most)
                .count();
            format!("{} %", plus(percent(mean, decimals)))
        }),
        (Finding::Less, None) => "less".to_owned(),
        (Finding::More, None) => "more".to_owned(),
    };
    [
        name.to_owned(),
        mean(base),
        mean(own),
        difference
            .mean
            .map_or_else(|| "-".to_owned(), |mean| signed(metric, mean)),
        range,
        change,
    ]
}

/// A difference with its sign.
fn signed(metric: &Metric, value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let sign = if value > 0.0 { "+" } else { "-" };
    format!("{sign}{}", in_words(metric, value.abs()))
}

/// A figure with a plus sign unless it has a minus.
fn plus(text: String) -> String {
    if text.starts_with('-') {
        text
    } else {
        format!("+{text}")
    }
}
