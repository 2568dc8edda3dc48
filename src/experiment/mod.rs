//! Runs that belong together: replications of one scenario and what they say with which certainty.
//! Not for a single run's figures, and not for files.

mod interval;
mod quantile;
mod replicate;
mod validation;

pub use interval::{Interval, t_quantile_975};
pub use quantile::quantile;
pub use replicate::{
    HEADLINES, headline_intervals, run_once, run_replications, run_replications_at,
    run_replications_watched,
};
pub use validation::{
    ActionFit, Band, Bounds, Deviation, Fit, Pair, Range, Validation, Window, validate,
};
