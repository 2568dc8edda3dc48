//! A scenario, once and many times over.

use rayon::prelude::*;

use super::Interval;
use crate::measure::{Keep, Outcome, Recorder, Summary, measure};
use crate::scenario::{CountMetric, LagMetric, Metric, Scenario};
use crate::sim::{self, Fact, GroupView, Observer, Sample, Totals};
use crate::units::{SimDuration, SimTime};

/// Runs `scenario` once; `replication` addresses its draws.
pub fn run_once(scenario: &Scenario, replication: u32, keep: Keep) -> Outcome {
    let mut recorder = Recorder::new(scenario, replication, keep);
    sim::run(scenario, replication, &mut recorder);
    recorder.into_outcome()
}

/// Runs replications 0 to `n` - 1 on all cores; the outcomes come in index order, whatever finished first.
/// Only replication 0 keeps what `keep` says; of the others curves are kept for a plot's band, if at all.
pub fn run_replications(scenario: &Scenario, n: u32, keep: Keep) -> Vec<Outcome> {
    run_replications_watched(scenario, n, keep, &|_| {})
}

/// As [`run_replications`]; `progress` is told again and again how much more time has been simulated, by any thread.
pub fn run_replications_watched(
    scenario: &Scenario,
    n: u32,
    keep: Keep,
    progress: &(dyn Fn(SimDuration) + Sync),
) -> Vec<Outcome> {
    (0..n)
        .into_par_iter()
        .map(|replication| {
            let own = Keep {
                events: keep.events && replication == 0,
                ..keep
            };
            run_watched(scenario, replication, own, progress)
        })
        .collect()
}

/// As [`run_once`]; `progress` is told how much more time has been simulated.
pub(super) fn run_watched(
    scenario: &Scenario,
    replication: u32,
    keep: Keep,
    progress: &(dyn Fn(SimDuration) + Sync),
) -> Outcome {
    let mut watched = Watched {
        recorder: Recorder::new(scenario, replication, keep),
        reached: SimTime::ZERO,
        progress,
    };
    sim::run(scenario, replication, &mut watched);
    watched.recorder.into_outcome()
}

/// Runs replications 0 to `n` - 1 as [`run_replications_watched`] does, with the curves of each at `instants`, which
/// increase; no events are kept.
pub fn run_replications_at(
    scenario: &Scenario,
    n: u32,
    instants: &[SimTime],
    progress: &(dyn Fn(SimDuration) + Sync),
) -> Vec<Outcome> {
    let keep = Keep {
        curves: true,
        events: false,
    };
    (0..n)
        .into_par_iter()
        .map(|replication| {
            let mut watched = Watched {
                recorder: Recorder::new(scenario, replication, keep),
                reached: SimTime::ZERO,
                progress,
            };
            sim::run_at(scenario, replication, instants, &mut watched);
            watched.recorder.into_outcome()
        })
        .collect()
}

/// A recorder that also tells how far the run is.
struct Watched<'a> {
    recorder: Recorder<'a>,
    reached: SimTime,
    progress: &'a (dyn Fn(SimDuration) + Sync),
}

impl Observer for Watched<'_> {
    fn observe(&mut self, at: SimTime, fact: &Fact) {
        self.recorder.observe(at, fact);
    }

    fn sample(&mut self, at: SimTime, partitions: &[Sample]) {
        self.recorder.sample(at, partitions);
        (self.progress)(at.since(self.reached));
        self.reached = at;
    }

    fn finish(&mut self, at: SimTime, totals: &Totals, group: &GroupView) {
        self.recorder.finish(at, totals, group);
    }
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
