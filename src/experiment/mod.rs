//! Runs that belong together: replications of one scenario, variants of it beside each other, and what they say with
//! which certainty. Not for a single run's figures, and not for files.

mod binomial;
mod compare;
mod interval;
mod paired;
mod quantile;
mod replicate;
mod validation;

pub use compare::{CauseLine, Comparison, Line, Side, Variant, align, compare};
pub use interval::{Interval, t_quantile_975};
pub use paired::{Finding, MOST_REPLICATIONS, Paired};
pub use quantile::{Spread, spread};
pub use replicate::{
    HEADLINES, headline_intervals, run_once, run_replications, run_replications_at,
    run_replications_watched,
};
pub use validation::{
    ActionFit, Band, Bounds, Deviation, Fit, Pair, Range, Validation, Window, validate,
};
