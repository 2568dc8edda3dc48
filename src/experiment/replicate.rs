//! A scenario, once and many times over.

use rayon::prelude::*;

use super::Interval;
use crate::measure::{Keep, KeptCurves, Outcome, Recorder, Summary, measure};
use crate::scenario::{CountMetric, LagMetric, Metric, Scenario};
use crate::sim::{self, Fact, GroupView, Observer, Sample, Totals};
use crate::units::{SimDuration, SimTime};

/// Who else watches a run, if anybody.
pub type Witness<'w> = Option<&'w mut (dyn Observer + Send + 'w)>;

/// Runs `scenario` once; `replication` addresses its draws.
pub fn run_once(scenario: &Scenario, replication: u32, keep: Keep) -> Outcome {
    let mut recorder = Recorder::new(scenario, replication, keep);
    sim::run(scenario, replication, &mut recorder);
    recorder.into_outcome()
}

/// Runs replications 0 to `n` - 1 on all cores; the outcomes come in index order, whatever finished first.
/// Only replication 0 keeps what `keep` says; of the others curves are kept for a plot's band, if at all.
pub fn run_replications(scenario: &Scenario, n: u32, keep: Keep) -> Vec<Outcome> {
    run_replications_watched(scenario, n, keep, None, &|_| {})
}

/// As [`run_replications`]; `witness` watches replication 0, and `progress` is told again and again how much more time has
/// been simulated, by any thread.
pub fn run_replications_watched(
    scenario: &Scenario,
    n: u32,
    keep: Keep,
    witness: Witness,
    progress: &(dyn Fn(SimDuration) + Sync),
) -> Vec<Outcome> {
    let others = Keep {
        events: false,
        ..keep
    };
    let (first, rest) = rayon::join(
        || (n > 0).then(|| run_watched(scenario, 0, keep, witness, progress)),
        || -> Vec<Outcome> {
            (1..n)
                .into_par_iter()
                .map(|replication| run_watched(scenario, replication, others, None, progress))
                .collect()
        },
    );
    first.into_iter().chain(rest).collect()
}

/// As [`run_once`], before the eyes of `witness`; `progress` is told how much more time has been simulated.
pub(super) fn run_watched(
    scenario: &Scenario,
    replication: u32,
    keep: Keep,
    witness: Witness,
    progress: &(dyn Fn(SimDuration) + Sync),
) -> Outcome {
    let mut watched = Watched {
        recorder: Recorder::new(scenario, replication, keep),
        witness,
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
        curves: KeptCurves::Every,
        events: false,
    };
    (0..n)
        .into_par_iter()
        .map(|replication| {
            let mut watched = Watched {
                recorder: Recorder::new(scenario, replication, keep),
                witness: None,
                reached: SimTime::ZERO,
                progress,
            };
            sim::run_at(scenario, replication, instants, &mut watched);
            watched.recorder.into_outcome()
        })
        .collect()
}

/// A recorder that also tells how far the run is.
struct Watched<'a, 'w> {
    recorder: Recorder<'a>,
    witness: Witness<'w>,
    reached: SimTime,
    progress: &'a (dyn Fn(SimDuration) + Sync),
}

impl Observer for Watched<'_, '_> {
    fn observe(&mut self, at: SimTime, fact: &Fact) {
        self.recorder.observe(at, fact);
        if let Some(witness) = &mut self.witness {
            witness.observe(at, fact);
        }
    }

    fn sample(&mut self, at: SimTime, partitions: &[Sample]) {
        self.recorder.sample(at, partitions);
        if let Some(witness) = &mut self.witness {
            witness.sample(at, partitions);
        }
        (self.progress)(at.since(self.reached));
        self.reached = at;
    }

    fn finish(&mut self, at: SimTime, totals: &Totals, group: &GroupView) {
        self.recorder.finish(at, totals, group);
        if let Some(witness) = &mut self.witness {
            witness.finish(at, totals, group);
        }
    }
}

/// The figures told with an interval when nothing else is asked for.
pub const HEADLINES: [Metric; 10] = [
    Metric::Lag(LagMetric::MaxLag, None),
    Metric::Lag(LagMetric::MeanLag, None),
    Metric::Lag(LagMetric::FinalLag, None),
    Metric::Lag(LagMetric::MaxAge, None),
    Metric::Drain,
    Metric::Count(CountMetric::Produced),
    Metric::Count(CountMetric::Processed),
    Metric::Count(CountMetric::Duplicates),
    Metric::Count(CountMetric::Rebalances),
    Metric::Count(CountMetric::Evictions),
];

/// Mean and 95 % interval of every headline figure over `summaries`.
pub fn headline_intervals(summaries: &[&Summary]) -> Vec<(&'static str, Interval)> {
    HEADLINES
        .iter()
        .map(|metric| {
            let values: Vec<f64> = summaries
                .iter()
                .map(|summary| measure(metric, summary))
                .collect();
            (metric.figure().name, Interval::of(&values))
        })
        .collect()
}
