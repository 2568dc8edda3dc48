//! Runs that belong together: replications of one scenario and what they say with which certainty.
//! Not for a single run's figures, and not for files.

mod interval;
mod replicate;

pub use interval::{Interval, t_quantile_975};
pub use replicate::{
    HEADLINES, headline_intervals, run_once, run_replications, run_replications_watched,
};
