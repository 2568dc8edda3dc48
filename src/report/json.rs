//! `summary.json`.

use serde::Serialize;

use super::{RenderError, Results};
use crate::experiment::{Interval, headline_intervals};
use crate::measure::Summary;

/// The summary of the first replication, and what all of them say together.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    replications: Option<Replications>,
}

/// Headline figures over replications.
#[derive(Serialize)]
struct Replications {
    /// How many runs.
    count: usize,
    /// In how many of them every expectation was met.
    passed: usize,
    /// Mean and 95 % interval by figure.
    figures: Vec<Figure>,
}

/// One figure.
#[derive(Serialize)]
struct Figure {
    name: &'static str,
    #[serde(flatten)]
    interval: Interval,
}

/// `summary.json`: pretty, one key per line, a line feed at the end.
pub fn summary(results: &Results) -> Result<Vec<u8>, RenderError> {
    let summaries: Vec<&Summary> = results.outcomes.iter().map(|o| &o.summary).collect();
    let replications = (summaries.len() > 1).then(|| Replications {
        count: summaries.len(),
        passed: summaries.iter().filter(|summary| summary.passed).count(),
        figures: headline_intervals(&summaries)
            .into_iter()
            .map(|(name, interval)| Figure { name, interval })
            .collect(),
    });
    let document = Document {
        summary: &results.first()?.summary,
        replications,
    };
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}
