//! What log-end offsets tell of production: the steps of its rate, and how records are spaced.

use super::super::interval::t_quantile_975;
use super::{Estimate, Learnt, Phase, Spacing};
use crate::measure::Trace;
use crate::scenario::{Action, Scenario};
use crate::units::{SimDuration, SimTime};
use crate::workload::Pattern;

/// Fewest intervals of the trace in a step.
const LEAST: usize = 8;
/// Most steps that are still called steps.
const MOST_STEPS: usize = 24;
/// Blocks of intervals that are counted together to see how records are spaced; and fewest that say it.
const BLOCK: usize = 2;
const FEWEST_BLOCKS: usize = 20;

/// Records in the log by instant, since the first one.
pub(super) struct Counts {
    /// The instants (s).
    times: Vec<f64>,
    /// Records, all partitions together.
    records: Vec<f64>,
    partitions: usize,
    /// A log end that goes back.
    shrinks: bool,
}

/// What was found.
pub(super) struct Produced {
    pub rate: Learnt<Vec<Phase>>,
    pub arrivals: Learnt<Spacing>,
}

impl Counts {
    pub fn of(trace: &Trace) -> Counts {
        let instants = trace.times().len();
        let all = |n| -> u64 {
            let seen = (0..trace.partitions()).map(|partition| trace.seen(partition, n).log_end);
            seen.sum()
        };
        let totals: Vec<u64> = (0..instants).map(all).collect();
        let first = totals.first().copied().unwrap_or(0);
        Counts {
            times: trace.times().iter().map(|at| at.as_secs_f64()).collect(),
            records: totals
                .iter()
                .map(|n| n.saturating_sub(first) as f64)
                .collect(),
            partitions: trace.partitions(),
            shrinks: totals.windows(2).any(|pair| pair[1] < pair[0]),
        }
    }

    pub fn total(&self) -> u64 {
        self.records.last().map_or(0, |records| *records as u64)
    }

    fn between(&self, from: usize, to: usize) -> (f64, f64) {
        (
            self.records[to] - self.records[from],
            self.times[to] - self.times[from],
        )
    }
}

/// Fits rate and spacing.
pub(super) fn fit(scenario: &Scenario, counts: &Counts) -> Produced {
    let refused = |why: &str| Produced {
        rate: Err(why.to_owned()),
        arrivals: Err(why.to_owned()),
    };
    if counts.times.len() <= 2 * LEAST {
        return refused("the trace has too few samples");
    }
    if counts.shrinks {
        return refused("log-end offsets go back: that is more than one topic");
    }
    let mut bounds = vec![0];
    split(
        counts,
        (0, counts.times.len() - 1),
        threshold(counts),
        &mut bounds,
    );
    bounds.push(counts.times.len() - 1);
    bounds.sort_unstable();
    let spread = Spread::of(counts, &bounds);
    let arrivals = spread.spacing();
    let dispersion = match &arrivals {
        Ok(spacing) if spacing.pattern == Pattern::Poisson => 1.0,
        _ => spread.dispersion,
    };
    let rate = if scenario
        .timeline
        .iter()
        .any(|one| one.action == Action::RateChange)
    {
        Err(
            "the model changes its rate in its timeline: take those entries out to have it fitted"
                .to_owned(),
        )
    } else if bounds.len() - 1 > MOST_STEPS {
        Err("it changes all the time: `lagsim import` makes a recorded rate of it, produce.rate = { csv = ... }".to_owned())
    } else {
        Ok(phases(counts, &bounds, dispersion, spread.degrees))
    };
    Produced { rate, arrivals }
}

/// Poisson log-likelihood of a part with one rate, as far as it depends on where the part ends.
fn likelihood((records, seconds): (f64, f64)) -> f64 {
    if records > 0.0 {
        records * (records / seconds).ln()
    } else {
        0.0
    }
}

/// How much likelier two rates have to be than one: what noise of this trace does not bring about, whatever the place.
fn threshold(counts: &Counts) -> f64 {
    let last = counts.times.len() - 1;
    let differences = (1..last).map(|n| {
        let ((a, s), (b, t)) = (counts.between(n - 1, n), counts.between(n, n + 1));
        (a - b * s / t).powi(2)
    });
    // Of a Poisson process a difference is expected to be twice a count. The median is not that of its steps.
    let mut differences: Vec<f64> = differences.collect();
    differences.sort_by(f64::total_cmp);
    let median = differences[differences.len() / 2] / 0.455;
    let mean = 2.0 * counts.total() as f64 / last as f64;
    let dispersion = if mean > 0.0 { median / mean } else { 1.0 };
    dispersion.max(1.0) * (3.0 * (last as f64).ln() + 2.0)
}

/// Cuts a part where its rate changes most, and what is left and right of that.
fn split(counts: &Counts, (from, to): (usize, usize), threshold: f64, bounds: &mut Vec<usize>) {
    if to - from < 2 * LEAST || bounds.len() > MOST_STEPS {
        return;
    }
    let whole = likelihood(counts.between(from, to));
    let gain = |at: usize| {
        likelihood(counts.between(from, at)) + likelihood(counts.between(at, to)) - whole
    };
    let places = from + LEAST..=to - LEAST;
    let Some(best) = places.max_by(|a, b| gain(*a).total_cmp(&gain(*b)).then(b.cmp(a))) else {
        return;
    };
    if gain(best) > threshold {
        bounds.push(best);
        split(counts, (from, best), threshold, bounds);
        split(counts, (best, to), threshold, bounds);
    }
}

/// How counts spread within the parts.
struct Spread {
    dispersion: f64,
    degrees: usize,
}

impl Spread {
    fn of(counts: &Counts, bounds: &[usize]) -> Spread {
        let (mut squares, mut degrees) = (0.0, 0);
        for part in bounds.windows(2) {
            let (from, to) = inner(part);
            let rate = rate_of(counts.between(from, to));
            let blocks = (from..to).step_by(BLOCK);
            let whole = blocks.filter(|at| at + BLOCK <= to && rate > 0.0);
            let mut used = 0;
            for at in whole {
                let (records, seconds) = counts.between(at, at + BLOCK);
                squares += (records - rate * seconds).powi(2) / (rate * seconds);
                used += 1;
            }
            degrees += usize::saturating_sub(used, 1);
        }
        Spread {
            dispersion: if degrees == 0 {
                1.0
            } else {
                squares / degrees as f64
            },
            degrees,
        }
    }

    /// Evenly spaced if counts spread by less than half of what chance brings, Poisson if by just that.
    fn spacing(&self) -> Learnt<Spacing> {
        let Spread {
            dispersion,
            degrees,
        } = *self;
        if degrees < FEWEST_BLOCKS {
            return Err("the trace is too short for it".to_owned());
        }
        let squares = dispersion * degrees as f64;
        let (low, high) = (
            squares / chi_square(degrees, 2.576),
            squares / chi_square(degrees, -2.576),
        );
        let pattern = if high < 0.5 {
            Pattern::Constant
        } else if low <= 1.0 && high >= 1.0 {
            Pattern::Poisson
        } else {
            return Err(format!(
                "counts spread {dispersion:.2} times as much as those of a Poisson process: neither that nor evenly spaced"
            ));
        };
        Ok(Spacing {
            pattern,
            dispersion,
        })
    }
}

/// A quantile of the chi-square law, by that of the normal law (Wilson and Hilferty).
fn chi_square(degrees: usize, normal: f64) -> f64 {
    let part = 2.0 / (9.0 * degrees as f64);
    degrees as f64 * (1.0 - part + normal * part.sqrt()).max(0.01).powi(3)
}

/// A part without the intervals in which its rate may change.
fn inner(part: &[usize]) -> (usize, usize) {
    let (from, to) = (part[0], part[1]);
    if to - from > 4 {
        (from + 1, to - 1)
    } else {
        (from, to)
    }
}

fn rate_of((records, seconds): (f64, f64)) -> f64 {
    if seconds > 0.0 {
        records / seconds
    } else {
        0.0
    }
}

fn phases(counts: &Counts, bounds: &[usize], dispersion: f64, degrees: usize) -> Vec<Phase> {
    let rates: Vec<f64> = bounds
        .windows(2)
        .map(|part| {
            let (from, to) = inner(part);
            rate_of(counts.between(from, to))
        })
        .collect();
    let mut phases = Vec::with_capacity(rates.len());
    for (n, part) in bounds.windows(2).enumerate() {
        let from = match n {
            0 => SimTime::ZERO,
            _ => change(counts, part[0], rates[n - 1], rates[n]),
        };
        let (records, seconds) = counts.between(inner(part).0, inner(part).1);
        // A log end is a whole number, whose fraction at both ends is unknown.
        let rounding = (counts.partitions as f64).max(1.0) / 6.0;
        let spread = (dispersion * records).max(rounding).sqrt();
        let mut rate = Estimate::within(
            records / seconds,
            t_quantile_975(degrees.max(1)) * spread / seconds,
        );
        if records == 0.0 {
            // The most that brings nothing one time in twenty.
            rate.high = 3.0 / seconds;
        }
        phases.push(Phase { from, rate });
    }
    phases
}

/// When one rate became the other, around the `at`-th instant: as the records of the two intervals there have it.
fn change(counts: &Counts, at: usize, before: f64, after: f64) -> SimTime {
    let (records, seconds) = counts.between(at - 1, at + 1);
    let part = (records - after * seconds) / (before - after);
    let part = if part.is_finite() {
        part.clamp(0.0, seconds)
    } else {
        seconds / 2.0
    };
    let millis = ((counts.times[at - 1] + part) * 1e3).round();
    SimTime::ZERO + SimDuration::from_millis(millis as u64)
}
