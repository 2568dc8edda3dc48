//! What a sweep leaves behind: tables for programs, words for people. Not for its figures: those are tallied.

mod csv;
mod terminal;

pub use csv::Tables;
pub use terminal::sweep;
pub(super) use terminal::{aligned, title};

use super::RenderError;
use crate::experiment::{Findings, Plan};
use crate::scenario::{Metric, Unit};

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

/// The figure without what only its own values mean: half an interval of a growth has no sign.
pub(super) fn plain(metric: &Metric) -> Metric {
    match metric.figure().unit {
        Unit::Seconds => Metric::PauseMax,
        Unit::Share => metric.clone(),
        _ => Metric::IdleMembers,
    }
}
