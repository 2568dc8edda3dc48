//! Variants beside each other on common random numbers: the first is the base, the others are told by their
//! differences to it, replication by replication.

use rayon::prelude::*;

use super::quantile::{Spread, spread};
use super::replicate::run_watched;
use super::{Entry, Findings, HEADLINES, Interval, Paired, Plan};
use crate::measure::{Keep, KeptCurves, Outcome, measure, words};
use crate::scenario::{Metric, Scenario};
use crate::sim::PartitionState;
use crate::units::{SimDuration, SimTime};

/// A scenario with a name of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name among the others.
    pub name: String,
    /// What is run.
    pub scenario: Scenario,
}

/// What came out, side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Seed of every draw.
    pub seed: u64,
    /// Replications of each variant, and so pairs.
    pub replications: u32,
    /// Length of a run.
    pub horizon: SimDuration,
    /// Distance of the samples.
    pub sample: SimDuration,
    /// What a reader should know before trusting a difference.
    pub notes: Vec<String>,
    /// The instants of the bands.
    pub times: Vec<SimTime>,
    /// The variants, the base first.
    pub sides: Vec<Side>,
    /// The experiment that the variants are the cases of, if they are.
    pub asked: Option<Asked>,
}

/// A variant and how it differs from the base.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// Its name.
    pub name: String,
    /// The model's title.
    pub title: String,
    /// Its figures, in the order of [`HEADLINES`].
    pub figures: Vec<Line>,
    /// The lag it gained by cause, in the order of [`PartitionState::ALL`]: causes that some variant has.
    pub causes: Vec<CauseLine>,
    /// Total lag by instant.
    pub lag: Spread,
    /// Total lag less that of the base, pair by pair; the base has none.
    pub difference: Spread,
}

/// An experiment whose cases are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What it asks, and which answers it states.
    pub plan: Plan,
    /// What its cases say of them.
    pub findings: Findings,
}

impl Asked {
    /// What the traces of each case of `plan` say.
    fn of<'t>(plan: Plan, cases: impl Iterator<Item = Vec<&'t Trace>>) -> Asked {
        let mut findings = Findings::new(&plan);
        for (case, traces) in cases.enumerate() {
            let key = plan.key(case);
            let runs = traces.iter().zip(0..).map(|(trace, replication)| Entry {
                key,
                replication,
                figures: trace.asked.clone(),
                curve: None,
            });
            findings.case(&plan, &runs.collect::<Vec<_>>());
        }
        Asked { plan, findings }
    }
}

/// A figure of a variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name, as an expectation says it.
    pub name: &'static str,
    /// What it is.
    pub metric: Metric,
    /// Its mean over the replications.
    pub own: Interval,
    /// Against the base; the base has none.
    pub against: Option<Paired>,
}

/// A cause of lag in a variant.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseLine {
    /// The state of partitions.
    pub state: PartitionState,
    /// Mean time in it, partitions added up (s).
    pub seconds: f64,
    /// Lag gained in it (records).
    pub gained: Interval,
    /// Against the base; the base has none.
    pub against: Option<Paired>,
}

/// What is kept of a run: a comparison needs no more.
struct Trace {
    /// Of the first replication alone: those of the others are the same.
    times: Vec<SimTime>,
    figures: Vec<f64>,
    causes: Vec<(f64, f64)>,
    lag: Vec<u64>,
    asked: Vec<f64>,
}

impl Trace {
    fn of(outcome: &Outcome, asked: &[Metric]) -> Trace {
        let summary = &outcome.summary;
        let cause = |state: PartitionState| {
            let own = summary.attribution.iter().find(|c| c.state == state.name());
            own.map_or((0.0, 0.0), |c| (c.seconds, c.lag_gained as f64))
        };
        Trace {
            times: if summary.replication == 0 {
                outcome.curves.times().to_vec()
            } else {
                Vec::new()
            },
            figures: HEADLINES
                .iter()
                .map(|metric| measure(metric, summary))
                .collect(),
            causes: PartitionState::ALL.into_iter().map(cause).collect(),
            lag: (0..outcome.curves.times().len())
                .map(|instant| outcome.curves.total_lag(instant))
                .collect(),
            asked: asked.iter().map(|one| measure(one, summary)).collect(),
        }
    }
}

/// Makes variants comparable and says what was done for it, and what still sets them apart: all run with the seed of
/// the first, for the shortest of their horizons, sampled as finely as the finest.
pub fn align(mut variants: Vec<Variant>) -> (Vec<Variant>, Vec<String>) {
    let mut notes = Vec::new();
    let Some(base) = variants.first().cloned() else {
        return (variants, notes);
    };
    let seed = base.scenario.seed;
    let horizon = variants.iter().map(|v| v.scenario.horizon).min();
    let horizon = horizon.unwrap_or(base.scenario.horizon);
    let sample = variants.iter().map(|v| v.scenario.sample).min();
    let sample = sample.unwrap_or(base.scenario.sample);
    for variant in &mut variants {
        let (name, own) = (&variant.name, &mut variant.scenario);
        if own.seed != seed {
            notes.push(format!(
                "{name} has the seed {}; it runs with that of {}, {seed}",
                own.seed, base.name
            ));
        }
        if own.horizon != horizon {
            notes.push(format!(
                "{name} is {} long; all run for {horizon}, the shortest",
                own.horizon
            ));
        }
        if own.sample != sample {
            notes.push(format!(
                "{name} is sampled every {}; all are every {sample}, the finest",
                own.sample
            ));
        }
        (own.seed, own.horizon, own.sample) = (seed, horizon, sample);
    }
    notes.extend(variants[1..].iter().flat_map(|other| apart(&base, other)));
    (variants, notes)
}

/// What makes a difference between two variants one of more than the group.
fn apart(base: &Variant, other: &Variant) -> Vec<String> {
    let mut notes = Vec::new();
    let (name, own, base_own) = (&other.name, &other.scenario, &base.scenario);
    if own.production != base_own.production {
        notes.push(format!(
            "{name} has another [produce] than {}: a part of the difference is one of traffic",
            base.name
        ));
    } else if own.topic.name != base_own.topic.name {
        notes.push(format!(
            "{name} names its topic {}, and names address the draws: its arrivals are not those of {}",
            own.topic.name, base.name
        ));
    }
    let unread = |scenario: &Scenario| -> u64 {
        let partitions = scenario.topic.partitions.iter();
        partitions
            .map(|p| p.log_end.saturating_sub(p.committed.unwrap_or(0)))
            .sum()
    };
    let (mine, base_mine) = (unread(own), unread(base_own));
    if mine != base_mine {
        notes.push(format!(
            "{name} starts {} behind and {} {}: a part of the difference was there before",
            words::grouped(mine),
            base.name,
            words::grouped(base_mine)
        ));
    }
    notes
}

/// Runs `replications` of each of `variants`, which [`align`] has made comparable, on all cores. If they are the cases of
/// an experiment, they are judged by its `plan` too; `progress` is told how much more time has been simulated.
/// The same result for any number of threads.
pub fn compare(
    variants: &[Variant],
    notes: Vec<String>,
    replications: u32,
    plan: Option<Plan>,
    progress: &(dyn Fn(SimDuration) + Sync),
) -> Comparison {
    let columns = plan.as_ref().map_or(&[][..], |plan| &plan.columns);
    let keep = Keep {
        curves: KeptCurves::Every,
        events: false,
    };
    let runs: Vec<(usize, u32)> = (0..replications)
        .flat_map(|replication| (0..variants.len()).map(move |variant| (variant, replication)))
        .collect();
    let traces: Vec<Trace> = runs
        .into_par_iter()
        .map(|(variant, replication)| {
            let scenario = &variants[variant].scenario;
            Trace::of(
                &run_watched(scenario, replication, keep, Vec::new(), progress),
                columns,
            )
        })
        .collect();
    let of = |variant: usize| -> Vec<&Trace> {
        traces
            .iter()
            .skip(variant)
            .step_by(variants.len())
            .collect()
    };
    let base = of(0);
    let seen: Vec<bool> = (0..PartitionState::ALL.len())
        .map(|ix| traces.iter().any(|trace| trace.causes[ix].0 > 0.0))
        .collect();
    let sides = variants.iter().enumerate().map(|(ix, variant)| {
        let against = (ix > 0).then_some(base.as_slice());
        side(variant, &of(ix), against, &seen)
    });
    let sides = sides.collect();
    let first = variants.first().map(|variant| &variant.scenario);
    Comparison {
        seed: first.map_or(0, |scenario| scenario.seed),
        replications,
        horizon: first.map_or(SimDuration::ZERO, |scenario| scenario.horizon),
        sample: first.map_or(SimDuration::ZERO, |scenario| scenario.sample),
        notes,
        times: base
            .first()
            .map_or_else(Vec::new, |trace| trace.times.clone()),
        sides,
        asked: plan.map(|plan| Asked::of(plan, (0..variants.len()).map(of))),
    }
}

fn side(variant: &Variant, own: &[&Trace], base: Option<&[&Trace]>, seen: &[bool]) -> Side {
    let values = |traces: &[&Trace], value: &dyn Fn(&Trace) -> f64| -> Vec<f64> {
        traces.iter().map(|trace| value(trace)).collect()
    };
    let told = |value: &dyn Fn(&Trace) -> f64| {
        let mine = values(own, value);
        let against = base.map(|base| Paired::of(&values(base, value), &mine));
        (Interval::of(&mine), against)
    };
    let figures = HEADLINES.iter().enumerate().map(|(ix, metric)| {
        let (own, against) = told(&|trace| trace.figures[ix]);
        Line {
            name: metric.figure().name,
            metric: metric.clone(),
            own,
            against,
        }
    });
    let states = PartitionState::ALL.into_iter().enumerate();
    let causes = states
        .filter(|(ix, state)| seen[*ix] && *state != PartitionState::KeepingUp)
        .map(|(ix, state)| {
            let (gained, against) = told(&|trace| trace.causes[ix].1);
            let seconds = Interval::of(&values(own, &|trace| trace.causes[ix].0));
            CauseLine {
                state,
                seconds: seconds.mean.unwrap_or(0.0),
                gained,
                against,
            }
        });
    let length = own.iter().map(|trace| trace.lag.len()).min().unwrap_or(0);
    let lag = |traces: &[&Trace], run: usize, instant: usize| {
        traces[run].lag.get(instant).copied().unwrap_or(0) as f64
    };
    Side {
        name: variant.name.clone(),
        title: variant.scenario.title.clone(),
        figures: figures.collect(),
        causes: causes.collect(),
        lag: spread(own.len(), length, |run, instant| lag(own, run, instant)),
        difference: base.map_or_else(Vec::new, |base| {
            spread(own.len(), length, |run, instant| {
                lag(own, run, instant) - lag(base, run, instant)
            })
        }),
    }
}
