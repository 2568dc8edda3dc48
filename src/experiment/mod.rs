//! Runs that belong together: replications of one scenario, variants of it beside each other, and what they say with
//! which certainty. Not for a single run's figures, and not for files.

mod band;
mod binomial;
mod compare;
mod interval;
mod paired;
mod replicate;

pub use band::{Band, band};
pub use compare::{CauseLine, Comparison, Line, Side, Variant, align, compare};
pub use interval::{Interval, t_quantile_975};
pub use paired::{Finding, MOST_REPLICATIONS, Paired};
pub use replicate::{
    HEADLINES, headline_intervals, run_once, run_replications, run_replications_watched,
};
