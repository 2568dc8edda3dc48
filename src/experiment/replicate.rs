//! A scenario, once and many times over.

use rayon::prelude::*;

use super::Interval;
use crate::measure::{Keep, Outcome, Recorder, Summary, measure};
use crate::scenario::{CountMetric, LagMetric, Metric, Scenario};
use crate::sim;

/// Runs `scenario` once; `replication` addresses its draws.
pub fn run_once(scenario: &Scenario, replication: u32, keep: Keep) -> Outcome {
    let mut recorder = Recorder::new(scenario, replication, keep);
    sim::run(scenario, replication, &mut recorder);
    recorder.into_outcome()
}

/// Runs replications 0 to `n` - 1 on all cores; the outcomes come in index order, whatever finished first.
/// Only replication 0 keeps what `keep` says; of the others curves are kept for a plot's band, if at all.
pub fn run_replications(scenario: &Scenario, n: u32, keep: Keep) -> Vec<Outcome> {
    (0..n)
        .into_par_iter()
        .map(|replication| {
            let own = Keep {
                events: keep.events && replication == 0,
                ..keep
            };
            run_once(scenario, replication, own)
        })
        .collect()
}

/// The figures told with an interval, by the name an expectation gives them.
pub const HEADLINES: [(&str, Metric); 10] = [
    ("max-lag", Metric::Lag(LagMetric::MaxLag, None)),
    ("mean-lag", Metric::Lag(LagMetric::MeanLag, None)),
    ("final-lag", Metric::Lag(LagMetric::FinalLag, None)),
    ("max-age", Metric::Lag(LagMetric::MaxAge, None)),
    ("drain", Metric::Drain),
    ("produced", Metric::Count(CountMetric::Produced)),
    ("processed", Metric::Count(CountMetric::Processed)),
    ("duplicates", Metric::Count(CountMetric::Duplicates)),
    ("rebalances", Metric::Count(CountMetric::Rebalances)),
    ("evictions", Metric::Count(CountMetric::Evictions)),
];

/// Mean and 95 % interval of every headline figure over `summaries`.
pub fn headline_intervals(summaries: &[&Summary]) -> Vec<(&'static str, Interval)> {
    HEADLINES
        .iter()
        .map(|(name, metric)| {
            let values: Vec<f64> = summaries
                .iter()
                .map(|summary| measure(metric, summary))
                .collect();
            (*name, Interval::of(&values))
        })
        .collect()
}
