//! `compare.csv` and `curves.csv`: a row per variant and figure, a row per variant and instant.

use super::super::RenderError;
use crate::experiment::{Comparison, Finding, Interval, Paired, Side};

/// One row per variant and figure; lag gained by cause as `lag-gained:<state>`.
pub fn figures(comparison: &Comparison) -> Result<Vec<u8>, RenderError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "variant",
        "figure",
        "n",
        "mean",
        "low",
        "high",
        "pairs",
        "difference",
        "difference_low",
        "difference_high",
        "change",
        "change_low",
        "change_high",
        "less",
        "more",
        "finding",
        "needed",
    ])?;
    for side in &comparison.sides {
        for (figure, own, against) in rows(side) {
            let mut row = vec![side.name.clone(), figure];
            row.extend(interval(Some(own)));
            let difference = against.map(|paired| &paired.difference);
            row.extend(interval(difference));
            let change = against.and_then(|paired| paired.change.as_ref());
            row.extend(interval(change).into_iter().skip(1));
            row.extend(outcome(against));
            table.write_record(row)?;
        }
    }
    finish(table)
}

/// Figures and causes of a variant.
fn rows(side: &Side) -> impl Iterator<Item = (String, &Interval, Option<&Paired>)> {
    let figures = side
        .figures
        .iter()
        .map(|line| (line.name.to_owned(), &line.own, line.against.as_ref()));
    let causes = side.causes.iter().map(|cause| {
        let name = format!("lag-gained:{}", cause.state.name());
        (name, &cause.gained, cause.against.as_ref())
    });
    figures.chain(causes)
}

/// Count, mean, low, high; empty where there is none.
fn interval(of: Option<&Interval>) -> Vec<String> {
    let number = |number: Option<f64>| number.map_or_else(String::new, |n| n.to_string());
    match of {
        Some(own) => vec![
            own.n.to_string(),
            number(own.mean),
            number(own.low),
            number(own.high),
        ],
        None => vec![String::new(); 4],
    }
}

fn outcome(against: Option<&Paired>) -> Vec<String> {
    let Some(paired) = against else {
        return vec![String::new(); 4];
    };
    let needed = match paired.finding {
        Finding::Unclear { needed } => needed.map_or_else(String::new, |n| n.to_string()),
        _ => String::new(),
    };
    vec![
        paired.less.to_string(),
        paired.more.to_string(),
        name(paired.finding).to_owned(),
        needed,
    ]
}

/// The finding as files say it.
pub fn name(finding: Finding) -> &'static str {
    match finding {
        Finding::Less => "less",
        Finding::More => "more",
        Finding::Same => "same",
        Finding::Unclear { .. } => "unclear",
    }
}

/// One row per instant and variant: the 5 %, 50 % and 95 % quantiles.
pub fn curves(comparison: &Comparison) -> Result<Vec<u8>, RenderError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "time_s",
        "variant",
        "lag_p5",
        "lag_median",
        "lag_p95",
        "difference_p5",
        "difference_median",
        "difference_p95",
    ])?;
    for (instant, at) in comparison.times.iter().enumerate() {
        for side in &comparison.sides {
            let quantiles = |band: &[[f64; 3]]| match band.get(instant) {
                Some(values) => values.map(|value| format!("{value:.1}")),
                None => Default::default(),
            };
            let mut row = vec![format!("{:.3}", at.as_secs_f64()), side.name.clone()];
            row.extend(quantiles(&side.lag));
            row.extend(quantiles(&side.difference));
            table.write_record(row)?;
        }
    }
    finish(table)
}

fn finish(table: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, RenderError> {
    table
        .into_inner()
        .map_err(|error| RenderError::Csv(error.into_error().into()))
}
