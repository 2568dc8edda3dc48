//! What a recorded lag curve tells of the keys of a model: each with an interval, or why it tells nothing of it.
//! Not for writing it into the model.

mod production;
mod service;
mod stretch;

use crate::measure::Trace;
use crate::scenario::Scenario;
use crate::units::SimTime;
use crate::workload::{Law, Pattern};

/// A figure and the 95 % interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    /// `value`, as far off as `half`; no figure here is negative.
    fn within(value: f64, half: f64) -> Estimate {
        Estimate {
            value,
            low: (value - half).max(0.0),
            high: value + half,
        }
    }

    /// So many times as much.
    fn scaled(self, factor: f64) -> Estimate {
        Estimate {
            value: self.value * factor,
            low: self.low * factor,
            high: self.high * factor,
        }
    }
}

/// What a trace tells of something, or why it tells nothing.
pub type Learnt<T> = Result<T, String>;

/// From a time on, records are produced at this rate (records/s), all partitions together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Since when.
    pub from: SimTime,
    /// How many a second.
    pub rate: Estimate,
}

/// How the records are spaced: counts of equal times have a variance of so many times their mean, 1 in a Poisson process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    /// The pattern that is like that.
    pub pattern: Pattern,
    /// The ratio.
    pub dispersion: f64,
}

/// What the members do at most, in parts of the trace in which all of them always had something to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Backlog {
    /// The law of the time of a record, scaled to the mean that was found.
    pub law: Law,
    /// Its mean (s).
    pub time: Estimate,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Records that were produced.
    pub records: u64,
    /// Those that were committed in the backlog that tells the speed.
    pub in_backlog: u64,
    /// How long that was (s).
    pub backlog_s: f64,
    /// `produce.rate`.
    pub rate: Learnt<Vec<Phase>>,
    /// `produce.arrivals`.
    pub arrivals: Learnt<Spacing>,
    /// `processing.time`.
    pub service: Learnt<Backlog>,
    /// Its shape, which only scales with what is found.
    pub law: String,
    /// `cluster.commit-latency` and what else is between two batches.
    pub overhead: String,
    /// `downstream.<name>.rate-limit` (calls/s); none if the model has no dependency and nothing looks like one.
    pub limit: Option<Learnt<Estimate>>,
}

/// Fits what `trace` can tell of `scenario`.
pub fn calibrate(scenario: &Scenario, trace: &Trace) -> Calibration {
    let counts = production::Counts::of(trace);
    let produced = production::fit(scenario, &counts);
    let speed = service::fit(scenario, trace);
    Calibration {
        records: counts.total(),
        in_backlog: speed.used.iter().map(|one| one.records).sum(),
        backlog_s: speed.used.iter().map(|one| one.length_s).sum(),
        rate: produced.rate,
        arrivals: produced.arrivals,
        service: speed.service,
        law: speed.law,
        overhead: speed.overhead,
        limit: speed.limit,
    }
}
