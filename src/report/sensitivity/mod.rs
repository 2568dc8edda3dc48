//! What a sweep around a model leaves behind besides its runs: the keys by what moving them does, in words, as a table
//! and as a picture.

mod csv;
mod terminal;

pub use csv::table;
pub use terminal::text;

use super::RenderError;
use super::sweep::{JOURNAL, PICTURE, plain};
use crate::experiment::{Interval, Plan, Sensitivities, StepEffect, Told};
use crate::measure::in_words;
use crate::scenario::{Around, Design, Metric};

/// Every file of the folder. The first one is there from the start and grows with the runs.
pub const FILES: [&str; 5] = [JOURNAL, "results.csv", "cases.csv", TABLE, PICTURE];

/// The keys.
pub const TABLE: &str = "sensitivity.csv";

/// The picture.
///
/// # Errors
/// It cannot be drawn.
pub fn picture(plan: &Plan, found: &Sensitivities) -> Result<Vec<u8>, RenderError> {
    super::plot::png(&super::picture::tornado::compose(plan, found))
}

/// How the keys of a plan were moved.
fn moves(plan: &Plan) -> Option<&Around> {
    match &plan.design {
        Design::Around(around) => Some(around),
        _ => None,
    }
}

/// An effect as people read it: `+12 %`, or a difference in the figure's unit.
pub(super) fn effect_in_words(metric: &Metric, relative: bool, effect: f64) -> String {
    if relative {
        return share_in_words(effect);
    }
    let size = in_words(&plain(metric), effect.abs());
    match effect {
        0.0 => "0".to_owned(),
        effect if effect < 0.0 => format!("-{size}"),
        _ => format!("+{size}"),
    }
}

/// A share with its sign, in percent, with as many digits as help.
fn share_in_words(share: f64) -> String {
    let percent = share * 100.0;
    match percent.abs() {
        size if size < 0.005 => "0 %".to_owned(),
        size if size < 0.095 => format!("{percent:+.2} %"),
        size if size < 9.95 => format!("{percent:+.1} %"),
        size if size < 999.5 => format!("{percent:+.0} %"),
        size => {
            let sign = if percent < 0.0 { "-" } else { "+" };
            let whole = crate::measure::words::grouped(size.round() as u64);
            format!("{sign}{whole} %")
        }
    }
}

/// A slope with half of its interval: `+1.02 ± 0.03`.
pub(super) fn slope_in_words(slope: Option<Interval>) -> String {
    let Some((mean, high)) = slope.and_then(|own| own.mean.zip(own.high)) else {
        return "-".to_owned();
    };
    let digits = match mean.abs() {
        size if size >= 99.5 => 0,
        size if size >= 9.95 => 1,
        _ => 2,
    };
    let half = (high - mean).max(0.0);
    let half = match half {
        half if half == 0.0 || half >= 0.005 => format!("{half:.digits$}"),
        _ => "0.01".to_owned(),
    };
    // What rounds to zero has no sign.
    let mean = match format!("{mean:+.digits$}") {
        zero if zero.trim_start_matches(['+', '-', '0', '.']).is_empty() => zero[1..].to_owned(),
        other => other,
    };
    format!("{mean} ± {half}")
}

/// What a step does, or in how many runs there is no such figure.
fn step_in_words(metric: &Metric, relative: bool, step: &StepEffect, runs: usize) -> String {
    let effect = step.effect(relative);
    match effect.and_then(|own| own.mean) {
        Some(mean) if step.paired.difference.n == runs => effect_in_words(metric, relative, mean),
        _ => format!("never {}/{runs}", runs - step.paired.difference.n),
    }
}

/// What is said of a key beside its slope.
fn told_in_words(told: Told) -> &'static str {
    match told {
        Told::Slope => "",
        Told::Both => "both ways alike",
        Told::Chance => "within chance",
        Told::Nothing => "changes nothing",
    }
}
