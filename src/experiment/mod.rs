//! Runs that belong together: replications of one scenario, variants of it beside each other, the cases of a sweep, and
//! what they say with which certainty. Not for a single run's figures, and not for files.

mod answers;
mod binomial;
mod calibration;
mod chain;
mod compare;
mod interval;
mod journal;
mod paired;
mod plan;
mod planning;
mod quantile;
mod replicate;
mod search;
mod sensitivity;
mod slices;
mod sweep;
mod tally;
mod validation;

pub use answers::{AnswerJudged, CaseOutcome, Measured, Verdict};
pub use calibration::{Backlog, Calibration, Estimate, Learnt, Phase, Spacing, calibrate};
pub use compare::{Asked, CauseLine, Comparison, Line, Side, Variant, align, compare};
pub use interval::{Interval, t_quantile_975};
pub use journal::{Entry, Header, Shard};
pub use paired::{Finding, Paired};
pub use plan::{Plan, PlanAxis, PlanValue};
pub use planning::{CaseJudged, Held, Planned, plan};
pub use quantile::{Spread, spread};
pub use replicate::{
    HEADLINES, Witnesses, headline_intervals, run_once, run_replications, run_replications_at,
    run_replications_watched,
};
pub use search::{Assumption, Found, Grid, search};
pub use sensitivity::{Sensitivities, Sensitivity, StepEffect, Told};
pub use slices::{Slice, explained, slices};
pub use sweep::{CURVE_POINTS, ReadFile, RunFigures, Sweep};
pub use tally::{CaseFigure, CaseFigures, Effect, Findings};
pub use validation::{
    ActionFit, Band, Bounds, Chance, Deviation, Fit, Pair, Range, Validation, Window, validate,
};
