//! What a sweep leaves behind: tables for programs, words for people. Not for its figures: those are tallied.

mod csv;
mod terminal;

pub use csv::Tables;
pub(super) use terminal::aligned;
pub use terminal::{answers, sweep};

use super::RenderError;
use crate::experiment::{AnswerJudged, Findings, Plan};
use crate::scenario::{Answer, Metric, Unit};

/// Every file of a sweep's folder. The first one is there from the start and grows with the runs.
pub const SWEEP_FILES: [&str; 4] = [JOURNAL, "results.csv", "cases.csv", PICTURE];

/// The picture.
pub const PICTURE: &str = "sweep.png";

/// The file of runs that have finished.
pub const JOURNAL: &str = "journal.txt";

/// `sweep.png`; none of a sweep that varies nothing.
///
/// # Errors
/// It cannot be drawn.
pub fn picture(plan: &Plan, findings: &Findings) -> Result<Option<Vec<u8>>, RenderError> {
    let scene = super::picture::sweep::compose(plan, findings);
    scene.as_ref().map(super::plot::png).transpose()
}

/// An answer as people read it: `max-lag below 500 where topic.partitions = 12`.
pub fn told(plan: &Plan, answer: &Answer) -> String {
    let where_axes: Vec<String> = plan
        .axes
        .iter()
        .zip(&answer.cases)
        .filter_map(|(axis, at)| {
            Some(format!(
                "{} = {}",
                axis.name,
                axis.values.get((*at)?)?.label
            ))
        })
        .collect();
    let mut text = answer.expectation.text.clone();
    if !where_axes.is_empty() {
        text.push_str(&format!(" where {}", where_axes.join(", ")));
    }
    text
}

/// What came out instead of an answer that is wrong, in its first cases.
pub fn told_otherwise(plan: &Plan, answer: &Answer, judged: &AnswerJudged) -> String {
    let metric = &answer.expectation.metric;
    let examples: Vec<String> = judged
        .examples
        .iter()
        .map(|(case, value)| {
            let value = crate::measure::in_words(metric, *value);
            match plan.axes.is_empty() {
                true => value,
                false => format!("{value} where {}", case_in_words(plan, *case)),
            }
        })
        .collect();
    let more = judged.failed - judged.examples.len();
    let rest = match more {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{rest}", examples.join("; "))
}

/// The figure without what only its own values mean: half an interval of a growth has no sign.
pub(super) fn plain(metric: &Metric) -> Metric {
    match metric.figure().unit {
        Unit::Seconds => Metric::PauseMax,
        Unit::Share => metric.clone(),
        _ => Metric::IdleMembers,
    }
}

/// A case as people read it: `topic.partitions = 12, group.members = 4`.
fn case_in_words(plan: &Plan, case: usize) -> String {
    let parts: Vec<String> = plan
        .axes
        .iter()
        .zip(plan.values(case))
        .map(|(axis, value)| format!("{} = {}", axis.name, value.label))
        .collect();
    parts.join(", ")
}
