//! From the outcomes of runs to bytes and text: files, the picture, what a terminal shows. Pure; the command line
//! writes. Not for figures: those stand in the summary.

pub mod answers;
pub mod calibration;
mod chart;
pub mod comparison;
mod csv;
pub mod describe;
pub mod explain;
pub mod imported;
mod json;
mod lag_table;
mod picture;
pub mod planning;
mod plot;
mod retry;
pub mod sensitivity;
pub mod sweep;
pub mod terminal;
pub mod validation;

pub use lag_table::LagTable;

use crate::measure::Outcome;
use crate::scenario::{RetryTopic, Scenario};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    /// What was run.
    pub scenario: &'a Scenario,
    /// Its replications; the first one's curves and events are shown.
    pub outcomes: &'a [&'a Outcome],
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// There is no outcome to show.
    #[error("nothing was run")]
    NoOutcome,
    /// The embedded font could not be read.
    #[error("the embedded font could not be registered")]
    Font,
    /// The picture could not be drawn.
    #[error("drawing failed: {0}")]
    Drawing(String),
    /// The picture could not be encoded.
    #[error("encoding the picture failed: {0}")]
    Encoding(String),
    /// A table could not be written.
    #[error("writing a table failed: {0}")]
    Csv(#[from] ::csv::Error),
    /// The summary could not be written.
    #[error("writing the summary failed: {0}")]
    Json(#[from] serde_json::Error),
}

/// Turns finished results into a file's bytes. Pure; the caller writes.
pub type Render = fn(&Results) -> Result<Vec<u8>, RenderError>;

/// Every file of a run's folder that is made at its end, by name. A new format is one file and one row.
pub const FILES: [(&str, Render); 3] = [
    ("events.csv", csv::events),
    ("summary.json", json::summary),
    ("lag.png", plot::lag),
];

/// The file that a [`LagTable`] writes while the run goes.
pub const LAG_TABLE: &str = "lag.csv";

/// The names of all files of a run's folder.
pub const NAMES: &[&str] = &[LAG_TABLE, FILES[0].0, FILES[1].0, FILES[2].0];

/// The folder in a run's folder that has one for each retry topic, with all of [`NAMES`] again.
pub const RETRY_TOPICS: &str = "retry-topics";

/// Where the [`LAG_TABLE`]s of a run's topic and of its retry topics are.
pub fn lag_tables(scenario: &Scenario) -> Vec<String> {
    let retries = scenario.retry_topics.iter();
    let retries = retries.map(|topic| folder_of(topic) + LAG_TABLE);
    std::iter::once(LAG_TABLE.to_owned())
        .chain(retries)
        .collect()
}

/// The [`FILES`] of a run and those of its retry topics, by their paths; without the pictures if no `plot` is wanted.
pub fn files(
    scenario: &Scenario,
    outcomes: &[Outcome],
    plot: bool,
) -> Result<Vec<(String, Vec<u8>)>, RenderError> {
    let own: Vec<&Outcome> = outcomes.iter().collect();
    let mut files = of_topic(scenario, &own, plot, "")?;
    for (index, topic) in scenario.retry_topics.iter().enumerate() {
        let own: Vec<&Outcome> = outcomes
            .iter()
            .filter_map(|outcome| outcome.retries.get(index))
            .collect();
        let stage = scenario.retry_stage(index, &[]);
        files.extend(of_topic(&stage, &own, plot, &folder_of(topic))?);
    }
    Ok(files)
}

fn folder_of(topic: &RetryTopic) -> String {
    format!("{RETRY_TOPICS}/{}/", topic.name)
}

fn of_topic(
    scenario: &Scenario,
    outcomes: &[&Outcome],
    plot: bool,
    folder: &str,
) -> Result<Vec<(String, Vec<u8>)>, RenderError> {
    let results = Results { scenario, outcomes };
    FILES
        .iter()
        .filter(|(name, _)| plot || !name.ends_with(".png"))
        .map(|(name, render)| Ok((format!("{folder}{name}"), render(&results)?)))
        .collect()
}

impl<'a> Results<'a> {
    /// The outcome whose curves are shown.
    fn first(&self) -> Result<&'a Outcome, RenderError> {
        self.outcomes.first().copied().ok_or(RenderError::NoOutcome)
    }

    /// A process's name.
    fn process(&self, process: crate::units::ProcessId) -> &str {
        self.scenario
            .group
            .processes
            .get(process.ix())
            .map_or("?", |process| &process.name)
    }
}

#[cfg(test)]
mod tests;
