//! `sensitivity.csv`: a row per key and step, in the order of the keys' strength.

use super::super::RenderError;
use super::moves;
use crate::experiment::{Finding, Interval, Plan, Sensitivities, Told};

const HEADER: [&str; 18] = [
    "rank",
    "key",
    "model",
    "value",
    "moved",
    "difference",
    "difference low95",
    "difference high95",
    "change",
    "change low95",
    "change high95",
    "less",
    "more",
    "finding",
    "slope",
    "slope low95",
    "slope high95",
    "told",
];

/// The table.
///
/// # Errors
/// It cannot be written.
pub fn table(plan: &Plan, found: &Sensitivities) -> Result<Vec<u8>, RenderError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(HEADER)?;
    if moves(plan).is_some() {
        for (rank, key) in found.keys.iter().enumerate() {
            let axis = &plan.axes[key.axis];
            for step in &key.steps {
                let mut row = vec![
                    (rank + 1).to_string(),
                    axis.keys.join(" "),
                    axis.values[0].label.clone(),
                    axis.values[step.value].label.clone(),
                    decimal(Some(step.moved)),
                ];
                row.extend(ends(Some(step.paired.difference)));
                row.extend(ends(step.paired.change));
                row.push(step.paired.less.to_string());
                row.push(step.paired.more.to_string());
                row.push(finding(step.paired.finding).to_owned());
                row.extend(ends(key.slope));
                row.push(told(key.told).to_owned());
                table.write_record(&row)?;
            }
        }
    }
    table
        .into_inner()
        .map_err(|error| RenderError::Csv(error.into_error().into()))
}

/// Mean, lower and upper end.
fn ends(interval: Option<Interval>) -> [String; 3] {
    let own = |end: fn(&Interval) -> Option<f64>| decimal(interval.as_ref().and_then(end));
    [own(|i| i.mean), own(|i| i.low), own(|i| i.high)]
}

/// At most six decimals; nothing for what does not exist.
fn decimal(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return String::new();
    };
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

fn finding(finding: Finding) -> &'static str {
    match finding {
        Finding::Less => "less",
        Finding::More => "more",
        Finding::Same => "same",
        Finding::Unclear { .. } => "chance",
    }
}

fn told(told: Told) -> &'static str {
    match told {
        Told::Slope => "slope",
        Told::Both => "both",
        Told::Chance => "chance",
        Told::Nothing => "nothing",
    }
}
