//! A model held against a recorded curve: how far the prediction is off, and whether the recording lies in the band of
//! the replications. Not for judging how far is too far.

mod after;
mod figures;

use serde::Serialize;

use self::after::After;
use self::figures::Figures;
use super::quantile::quantile;
use crate::measure::{Curves, Outcome, Trace};
use crate::scenario::Scenario;
use crate::units::{SimDuration, SimTime};

/// The part of a trace that is compared, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From then on.
    pub from: SimTime,
    /// Until then.
    pub to: SimTime,
}

/// A figure of the recording and of the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Of the recording.
    pub measured: f64,
    /// Of the prediction: the median over the replications.
    pub predicted: f64,
}

/// How far the replications spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Chance {
    /// Median over the replications.
    pub median: f64,
    /// Their 5 % quantile.
    pub low: f64,
    /// Their 95 % quantile.
    pub high: f64,
}

/// As [`Pair`], with how far the replications spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// Of the recording.
    pub measured: f64,
    /// Median over the replications.
    pub predicted: f64,
    /// Their 5 % quantile.
    pub low: f64,
    /// Their 95 % quantile.
    pub high: f64,
}

/// The instant at which prediction and recording are furthest apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// When (s).
    pub at_s: f64,
    /// Lag then (records).
    #[serde(flatten)]
    pub lag: Pair,
}

/// How the lag of a partition, or of all together, compares. Records unless a name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// Which partition; none for all together.
    pub partition: Option<u32>,
    /// Mean of |predicted - measured| over the samples, divided by the mean measured lag or 1, whatever is more.
    pub error: f64,
    /// The error of a replication in the place of the recording: what chance alone brings, by this model.
    pub by_chance: Chance,
    /// Share of the samples at which the measured lag lies within the 5 and 95 % quantiles of the replications.
    pub inside: f64,
    /// Mean over the samples.
    pub mean: Pair,
    /// The highest.
    pub max: Pair,
    /// When it is that high (s).
    pub max_at_s: Pair,
    /// At the end.
    #[serde(rename = "final")]
    pub last: Pair,
    /// Slope from 10 to 90 % of the highest, on the way up (records/s); none if that takes fewer than three samples.
    pub growth_per_s: Option<Pair>,
    /// Slope from 90 to 10 % of the highest, on the way down, or as far as it gets (records/s); none as above.
    pub drain_per_s: Option<Pair>,
    /// Where the two are furthest apart.
    pub largest: Deviation,
}

/// What the group did after an entry of the timeline, until the next one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionFit {
    /// When (s).
    pub at_s: f64,
    /// The entry's label, or which member started.
    pub label: String,
    /// From then until each partition that has lag has been committed to again (s), those apart that never are.
    pub committed_after_s: Option<Range>,
    /// Longest time that a partition with lag was not committed to (s).
    pub standstill_s: Range,
}

/// The lag of a partition, or of all together, at each sample (records).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    /// As recorded.
    pub measured: Vec<f64>,
    /// 5 % quantile of the replications.
    pub low: Vec<f64>,
    /// Their median: the prediction.
    pub median: Vec<f64>,
    /// Their 95 % quantile.
    pub high: Vec<f64>,
}

/// How far the total lag may be off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bounds {
    /// The largest [`Fit::error`] that is accepted.
    pub max_error: Option<f64>,
    /// The smallest [`Fit::inside`] that is accepted.
    pub min_inside: Option<f64>,
}

impl Bounds {
    /// What of them does not hold, each in words.
    pub fn broken(&self, total: &Fit) -> Vec<String> {
        let mut broken = Vec::new();
        if let Some(most) = self.max_error.filter(|most| total.error > *most) {
            broken.push(format!(
                "the error of the total lag is {:.3}, above {most}",
                total.error
            ));
        }
        if let Some(least) = self.min_inside.filter(|least| total.inside < *least) {
            broken.push(format!(
                "{:.3} of the samples of the total lag are inside the band, below {least}",
                total.inside
            ));
        }
        broken
    }
}

/// A model held against a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Validation {
    /// The samples compared.
    pub times: Vec<SimTime>,
    /// Replications behind the prediction.
    pub replications: usize,
    /// All partitions together.
    pub total: Fit,
    /// Each partition.
    pub partitions: Vec<Fit>,
    /// After each entry of the timeline.
    pub actions: Vec<ActionFit>,
    /// The curves: all partitions together, then each.
    pub bands: Vec<Band>,
}

/// Holds `outcomes`, whose curves were taken at the instants of `trace`, against it. None if the window holds no sample
/// of both.
pub fn validate(
    scenario: &Scenario,
    trace: &Trace,
    outcomes: &[Outcome],
    window: Window,
) -> Option<Validation> {
    let reached = outcomes
        .iter()
        .map(|one| one.curves.times().len())
        .min()
        .unwrap_or(0);
    let times = &trace.times()[..reached];
    let first = times.partition_point(|at| *at < window.from);
    let end = times.partition_point(|at| *at <= window.to);
    if first >= end {
        return None;
    }
    let grid = Grid {
        times: &times[first..end],
        first,
        trace,
        outcomes,
    };
    let partitions = trace.partitions();
    let all: Vec<Option<usize>> = std::iter::once(None)
        .chain((0..partitions).map(Some))
        .collect();
    let (mut fits, bands): (Vec<Fit>, Vec<Band>) = all.iter().map(|which| grid.fit(*which)).unzip();
    let total = fits.remove(0);
    Some(Validation {
        times: grid.times.to_vec(),
        replications: outcomes.len(),
        total,
        partitions: fits,
        actions: grid.actions(scenario),
        bands,
    })
}

/// The samples that are compared.
struct Grid<'a> {
    times: &'a [SimTime],
    /// Index of the first one in the trace and the curves.
    first: usize,
    trace: &'a Trace,
    outcomes: &'a [Outcome],
}

impl Grid<'_> {
    /// Lag as recorded of a partition, or of all, at the `n`-th sample.
    fn measured(&self, which: Option<usize>, n: usize) -> f64 {
        let lag = |partition| self.trace.seen(partition, self.first + n).lag;
        let lag = match which {
            Some(partition) => lag(partition),
            None => (0..self.trace.partitions()).map(lag).sum(),
        };
        lag as f64
    }

    /// Lag of a replication.
    fn predicted(&self, curves: &Curves, which: Option<usize>, n: usize) -> f64 {
        let lag = match which {
            Some(partition) => curves.lag(partition, self.first + n),
            None => curves.total_lag(self.first + n),
        };
        lag as f64
    }

    fn fit(&self, which: Option<usize>) -> (Fit, Band) {
        let count = self.times.len();
        let measured: Vec<f64> = (0..count).map(|n| self.measured(which, n)).collect();
        let runs: Vec<Vec<f64>> = self
            .outcomes
            .iter()
            .map(|one| {
                (0..count)
                    .map(|n| self.predicted(&one.curves, which, n))
                    .collect()
            })
            .collect();
        let mut band = Band {
            measured,
            ..Band::default()
        };
        for n in 0..count {
            let [low, median, high] = spread(runs.iter().map(|run| run[n]));
            band.low.push(low);
            band.median.push(median);
            band.high.push(high);
        }
        let figures = |lags: &[f64]| Figures::of(self.times, lags);
        let own = figures(&band.measured);
        let theirs: Vec<Figures> = runs.iter().map(|run| figures(run)).collect();
        let pair = |figure: fn(&Figures) -> f64| Pair {
            measured: figure(&own),
            predicted: spread(theirs.iter().map(figure))[1],
        };
        let slopes = |slope: fn(&Figures) -> Option<f64>| {
            let known: Vec<f64> = theirs.iter().filter_map(slope).collect();
            let measured = slope(&own)?;
            let enough = known.len() * 2 > theirs.len();
            enough.then(|| Pair {
                measured,
                predicted: spread(known.into_iter())[1],
            })
        };
        let fit = Fit {
            partition: which.map(|partition| partition as u32),
            error: error(&band.median, &band.measured),
            by_chance: by_chance(&band.median, &runs),
            inside: inside(&band),
            mean: pair(|figures| figures.mean),
            max: pair(|figures| figures.max),
            max_at_s: pair(|figures| figures.max_at_s),
            last: pair(|figures| figures.last),
            growth_per_s: slopes(|figures| figures.growth),
            drain_per_s: slopes(|figures| figures.drain),
            largest: self.largest(&band),
        };
        (fit, band)
    }

    fn largest(&self, band: &Band) -> Deviation {
        let off = |n: &usize| (band.median[*n] - band.measured[*n]).abs();
        // The first of the largest.
        let mut at = 0;
        for n in 1..self.times.len() {
            if off(&n) > off(&at) {
                at = n;
            }
        }
        Deviation {
            at_s: self.times[at].as_secs_f64(),
            lag: Pair {
                measured: band.measured[at],
                predicted: band.median[at],
            },
        }
    }

    /// After each thing that happens by plan within the window: entries of the timeline, and members that start later
    /// than the run.
    fn actions(&self, scenario: &Scenario) -> Vec<ActionFit> {
        let entries = scenario.timeline.iter();
        let mut planned: Vec<(SimTime, String)> = entries
            .map(|entry| (entry.at, entry.label.clone()))
            .collect();
        let starts = scenario.group.processes.iter().filter_map(|process| {
            let at = process.start.filter(|at| *at > SimTime::ZERO)?;
            Some((at, format!("start of {}", process.name)))
        });
        planned.extend(starts);
        planned.sort();
        let ends: Vec<SimTime> = planned
            .iter()
            .skip(1)
            .map(|(at, _)| *at)
            .chain([SimTime::NEVER])
            .collect();
        let told = planned.into_iter().zip(ends);
        told.filter_map(|((at, label), until)| self.action(at, until, label))
            .collect()
    }

    fn action(&self, at: SimTime, until: SimTime, label: String) -> Option<ActionFit> {
        let from = self.times.partition_point(|sample| *sample < at);
        let to = self.times.partition_point(|sample| *sample < until);
        if from == 0 || from >= to {
            return None;
        }
        // From the sample before it, so that what it stops shows.
        let part = from - 1..to;
        let look = |committed: &dyn Fn(usize, usize) -> (u64, u64)| {
            let mut after = After::default();
            for partition in 0..self.trace.partitions() {
                let seen = part.clone().map(|n| {
                    let (committed, lag) = committed(partition, self.first + n);
                    (self.times[n], committed, lag)
                });
                after.take(at, seen);
            }
            after
        };
        let own = look(&|partition, n| {
            let seen = self.trace.seen(partition, n);
            (seen.committed.unwrap_or(0), seen.lag)
        });
        let theirs: Vec<After> = self
            .outcomes
            .iter()
            .map(|one| {
                look(&|partition, n| {
                    let seen = one.curves.point(partition, n);
                    let committed = seen.and_then(|seen| seen.committed);
                    (committed.unwrap_or(0), one.curves.lag(partition, n))
                })
            })
            .collect();
        let range = |figure: fn(&After) -> Option<SimDuration>| {
            let known = theirs.iter().filter_map(figure);
            let known: Vec<f64> = known.map(SimDuration::as_secs_f64).collect();
            let measured = figure(&own)?.as_secs_f64();
            let [low, predicted, high] = spread(known.into_iter());
            Some(Range {
                measured,
                predicted,
                low,
                high,
            })
        };
        Some(ActionFit {
            at_s: at.as_secs_f64(),
            label,
            committed_after_s: range(|after| after.committed),
            standstill_s: range(|after| Some(after.standstill))?,
        })
    }
}

/// 5, 50 and 95 % quantile.
fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    [0.05, 0.5, 0.95].map(|share| quantile(&sorted, share))
}

/// Normalised mean absolute error.
fn error(median: &[f64], measured: &[f64]) -> f64 {
    let pairs = median.iter().zip(measured);
    let off: f64 = pairs
        .map(|(predicted, measured)| (predicted - measured).abs())
        .sum();
    let count = measured.len().max(1) as f64;
    let mean = measured.iter().sum::<f64>() / count;
    off / count / mean.max(1.0)
}

fn by_chance(median: &[f64], runs: &[Vec<f64>]) -> Chance {
    let [low, median, high] = spread(runs.iter().map(|run| error(median, run)));
    Chance { median, low, high }
}

fn inside(band: &Band) -> f64 {
    let within = |n: &usize| (band.low[*n]..=band.high[*n]).contains(&band.measured[*n]);
    let count = band.measured.len();
    (0..count).filter(within).count() as f64 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_what_replications_are_off_themselves() {
        let runs = [vec![4.0, 4.0], vec![2.0, 2.0], vec![3.0, 1.0]];
        let chance = by_chance(&[3.0, 2.0], &runs);
        assert_eq!(
            (chance.low, chance.median, chance.high),
            (0.25, 0.25, 0.362_5)
        );
    }

    #[test]
    fn the_error_of_a_group_that_keeps_up_is_counted_in_records() {
        let band = Band {
            measured: vec![0.0, 1.0, 0.0, 1.0],
            median: vec![1.0, 1.0, 1.0, 1.0],
            low: vec![0.0, 1.0, 1.0, 0.0],
            high: vec![1.0; 4],
        };
        assert_eq!(error(&band.median, &band.measured), 0.5);
        assert_eq!(inside(&band), 0.75);
    }
}
