//! A run and those of its retry topics, one after another: each produces what the next one reads. They run in the same
//! processes, and yet the one before never waits for the next, so nothing is lost by taking them in turn.

use crate::measure::{Keep, Outcome, Recorder};
use crate::scenario::{PassedOn, Scenario};
use crate::sim;

/// What a run left behind, and what it produced to the next retry topic, by partition.
pub(super) type Passed = (Outcome, Vec<Vec<PassedOn>>);

/// The outcome of `scenario` with those of its retry topics; `run` makes each, the main topic's (number 0) first.
pub(super) fn chain(
    scenario: &Scenario,
    mut run: impl FnMut(usize, &Scenario) -> Passed,
) -> Outcome {
    let (outcome, mut passed_on) = run(0, scenario);
    if scenario.retry_topics.is_empty() {
        return outcome;
    }
    let mut retries = Vec::with_capacity(scenario.retry_topics.len());
    for index in 0..scenario.retry_topics.len() {
        let stage = scenario.retry_stage(index, &passed_on);
        let (retry, next) = run(index + 1, &stage);
        retries.push(retry);
        passed_on = next;
    }
    outcome.with_retries(scenario, retries)
}

/// A run that is recorded by itself.
pub(super) fn recorded(scenario: &Scenario, replication: u32, keep: Keep) -> Passed {
    let mut recorder = Recorder::new(scenario, replication, keep);
    let passed_on = sim::run(scenario, replication, &mut recorder);
    (recorder.into_outcome(), passed_on)
}
