//! A scenario, once and many times over.

use rayon::prelude::*;

use super::Interval;
use super::chain::{Passed, chain, recorded};
use crate::measure::{Keep, KeptCurves, Outcome, Recorder, Summary, measure};
use crate::scenario::{CountMetric, LagMetric, Metric, Scenario};
use crate::sim::{self, Fact, GroupView, Observer, Sample, Totals};
use crate::units::{SimDuration, SimTime};

/// Who else watches the run of the topic, and of each of its retry topics: as many as care.
pub type Witnesses<'w> = Vec<&'w mut (dyn Observer + Send + 'w)>;

/// Runs `scenario` and its retry topics once; `replication` addresses its draws.
pub fn run_once(scenario: &Scenario, replication: u32, keep: Keep) -> Outcome {
    chain(scenario, |_, stage| recorded(stage, replication, keep))
}

/// Runs replications 0 to `n` - 1 on all cores; the outcomes come in index order, whatever finished first.
/// Only replication 0 keeps what `keep` says; of the others curves are kept for a plot's band, if at all.
pub fn run_replications(scenario: &Scenario, n: u32, keep: Keep) -> Vec<Outcome> {
    run_replications_watched(scenario, n, keep, Vec::new(), &|_| {})
}

/// As [`run_replications`]; `witnesses` watch replication 0, and `progress` is told again and again how much more time has
/// been simulated, by any thread.
pub fn run_replications_watched(
    scenario: &Scenario,
    n: u32,
    keep: Keep,
    witnesses: Witnesses,
    progress: &(dyn Fn(SimDuration) + Sync),
) -> Vec<Outcome> {
    let others = Keep {
        events: false,
        ..keep
    };
    let (first, rest) = rayon::join(
        || (n > 0).then(|| run_watched(scenario, 0, keep, witnesses, progress)),
        || -> Vec<Outcome> {
            (1..n)
                .into_par_iter()
                .map(|own| run_watched(scenario, own, others, Vec::new(), progress))
                .collect()
        },
    );
    first.into_iter().chain(rest).collect()
}

/// As [`run_once`], before the eyes of `witnesses`; `progress` is told how much more time has been simulated.
pub(super) fn run_watched(
    scenario: &Scenario,
    replication: u32,
    keep: Keep,
    witnesses: Witnesses,
    progress: &(dyn Fn(SimDuration) + Sync),
) -> Outcome {
    let mut witnesses = witnesses.into_iter();
    chain(scenario, |_, stage| -> Passed {
        let mut watched = Watched {
            recorder: Recorder::new(stage, replication, keep),
            witness: witnesses.next(),
            reached: SimTime::ZERO,
            progress,
        };
        let passed_on = sim::run(stage, replication, &mut watched);
        (watched.recorder.into_outcome(), passed_on)
    })
}

/// Runs replications 0 to `n` - 1 as [`run_replications_watched`] does, with the curves of each at `instants`, which
/// increase; no events are kept. Of the topic alone: traces are of one.
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
    witness: Option<&'w mut (dyn Observer + Send + 'w)>,
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

    fn scrape(&mut self, at: SimTime, partitions: &[Sample]) {
        self.recorder.scrape(at, partitions);
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
