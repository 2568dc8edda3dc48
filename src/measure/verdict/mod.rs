//! A run in words: what made the lag, how it goes on, what would help. Rules over the summary, the same for every
//! model. Not a place for figures that the summary does not hold.

mod cause;
mod dead_letter;
mod failing;
mod orphaned;
mod outage;
mod outlook;
mod poison;
mod remedy;
mod retention;
mod scaling;
mod skew;

pub(super) use cause::{dependency, lengths, session_timeout};
pub(super) use dead_letter::down;
pub(super) use failing::sentence as failing_calls;
pub use outage::{Stop, stops};
use serde::Serialize;

use super::summary::Summary;
use crate::scenario::Scenario;

/// What happened, in words; each entry is a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// One line: how the lag went.
    pub headline: String,
    /// What made the lag: a dead-letter topic that is down and poison records first, then evictions, then the rest by its share.
    pub causes: Vec<String>,
    /// Whether and when it drains, and which alert fires when.
    pub outlook: Vec<String>,
    /// What would help, one remedy per cause, in Kafka's terms.
    pub remedies: Vec<String>,
}

/// A cause that the verdict names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Culprit {
    DeadLetterTopic,
    Poison,
    Outage,
    GivenUp,
    Breakers,
    Flapping,
    Evictions,
    Saturated,
    Throttled,
    Rebalancing,
    Orphaned,
    Frozen,
    Starting,
}

/// A cause below this share of the lag gained, or of the highest lag, is not worth a sentence.
const SMALLEST_SHARE: f64 = 0.03;
/// A start-up shorter than this (s, mean over partitions) is how every group starts.
const SHORTEST_START_S: f64 = 30.0;

/// The verdict on a run of `scenario`.
pub fn verdict(scenario: &Scenario, summary: &Summary) -> Verdict {
    let culprits = culprits(scenario, summary);
    let sentence = |culprit: &Culprit| cause::sentences(*culprit, &culprits, scenario, summary);
    let mut causes: Vec<String> = culprits.iter().flat_map(sentence).collect();
    if causes.is_empty() {
        causes.push(cause::none(summary));
    }
    Verdict {
        headline: outlook::headline(summary),
        causes,
        outlook: outlook::sentences(scenario, summary),
        remedies: remedy::all(&culprits, scenario, summary),
    }
}

/// Catching up within this time (s) is how a group starts, or goes on after a rebalance: not worth a cause.
const SHORTEST_S: f64 = 60.0;

/// Whether the group was never behind, or only for a moment.
fn keeps_up(summary: &Summary) -> bool {
    if commits_nothing(summary) {
        return false;
    }
    match (summary.behind_from_s, summary.drained_at_s) {
        (None, _) => true,
        (Some(from), Some(to)) => to - from <= SHORTEST_S.min(summary.horizon_s / 20.0),
        (Some(_), None) => false,
    }
}

/// Whether the run ends before anything is committed, although there is something to commit.
fn commits_nothing(summary: &Summary) -> bool {
    summary.lag.last > 0 && summary.accounts.committed == 0
}

/// A dead-letter topic that is down, poison, outages, calls given up, breakers, a flapping autoscaler, evictions, then the rest by share; the rest only if the group was behind for more than a moment.
fn culprits(scenario: &Scenario, summary: &Summary) -> Vec<Culprit> {
    let mut found = Vec::new();
    if summary.dead_letters_failed > 0 {
        found.push(Culprit::DeadLetterTopic);
    }
    if poison::matters(scenario, summary) {
        found.push(Culprit::Poison);
    }
    let behind = !keeps_up(summary);
    let outage = !stops(scenario).is_empty();
    if outage && (behind || outage::cost(scenario, summary)) {
        found.push(Culprit::Outage);
    }
    if summary.calls_given_up() > 0 {
        found.push(Culprit::GivenUp);
    }
    if failing::open(summary).is_some() {
        found.push(Culprit::Breakers);
    }
    if scaling::flaps(summary) {
        found.push(Culprit::Flapping);
    }
    if summary.eviction_count > 0 || summary.share_of("evicted") >= SMALLEST_SHARE {
        found.push(Culprit::Evictions);
    }
    if !behind {
        return found;
    }
    let mut rest: Vec<(f64, Culprit)> = [
        ("saturated", Culprit::Saturated),
        ("throttled", Culprit::Throttled),
        ("rebalancing", Culprit::Rebalancing),
        ("orphaned", Culprit::Orphaned),
        ("frozen", Culprit::Frozen),
        ("starting", Culprit::Starting),
    ]
    .into_iter()
    .filter_map(|(state, culprit)| Some((share_that_matters(summary, state)?, culprit)))
    .collect();
    // Stable: equal shares stay in the order of the table above.
    rest.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.extend(rest.into_iter().map(|(_, culprit)| culprit));
    found
}

/// The share of the lag gained in `state`, if that is worth a sentence.
fn share_that_matters(summary: &Summary, state: &str) -> Option<f64> {
    let cause = summary
        .attribution
        .iter()
        .find(|cause| cause.state == state)?;
    let least = SMALLEST_SHARE * summary.lag.max as f64;
    let moment = SHORTEST_START_S * summary.partitions.len() as f64;
    let at_once = state == "starting" && cause.seconds < moment;
    let enough = cause.share_of_gained >= SMALLEST_SHARE && cause.lag_gained as f64 >= least;
    (enough && !at_once).then_some(cause.share_of_gained)
}

#[cfg(test)]
mod tests;
