//! Retry topics in figures, and what they add to those of the main topic.

use serde::Serialize;

use super::recorder::Outcome;
use crate::scenario::Scenario;

/// A retry topic over a run (records, unless a name ends in `_s`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetryTopicFigures {
    /// Its name.
    pub topic: String,
    /// From its produce until a record may be read (s).
    pub delay_s: f64,
    /// Produced to it, by the topic before.
    pub produced: u64,
    /// Processed, repetitions included.
    pub processed: u64,
    /// Failed again and produced to the next retry topic.
    pub retried: u64,
    /// Failed again and produced to the dead-letter topic.
    pub dead_lettered: u64,
    /// Failed again and skipped, by settings that say so.
    pub skipped: u64,
    /// Committed, jumped over or deleted without having been processed.
    pub lost: u64,
    /// Highest lag: records that wait for their delay count.
    pub lag_max: u64,
    /// Lag at the end.
    pub lag_final: u64,
    /// First sample from which on nothing is left in it (s); none if something is at the end, or nothing ever came.
    pub through_at_s: Option<f64>,
}

impl Outcome {
    /// The outcome of a main topic with those of its retry topics: expectations and words are about all of them.
    pub fn with_retries(mut self, scenario: &Scenario, retries: Vec<Outcome>) -> Outcome {
        let topics = scenario.retry_topics.iter().zip(&retries);
        let figures = topics.map(|(topic, outcome)| {
            let (summary, accounts) = (&outcome.summary, &outcome.summary.accounts);
            RetryTopicFigures {
                topic: topic.name.clone(),
                delay_s: topic.delay.as_secs_f64(),
                produced: accounts.produced,
                processed: accounts.processed,
                retried: accounts.retried,
                dead_lettered: accounts.dead_lettered,
                skipped: accounts.skipped,
                lost: accounts.lost,
                lag_max: summary.lag.max,
                lag_final: summary.lag.last,
                through_at_s: outcome.through_at.map(|at| at.as_secs_f64()),
            }
        });
        let figures: Vec<RetryTopicFigures> = figures.collect();
        let dead: u64 = figures.iter().map(|own| own.dead_lettered).sum();
        self.summary.accounts.dead_lettered += dead;
        let failed = retries.iter().map(|own| own.summary.dead_letters_failed);
        self.summary.dead_letters_failed += failed.sum::<u64>();
        self.summary.retry_topics = figures;
        self.retries = retries;
        self.summary.conclude(scenario);
        self
    }
}
