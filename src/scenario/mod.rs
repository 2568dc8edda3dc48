//! From the text of a model file to a [`Scenario`] in which nothing is optional or stringly.
//! Not for acting on it: the floors above do that.

mod answer;
mod cells;
mod check;
mod design;
mod diagnostic;
mod document;
mod downstream;
mod experiment;
mod figure;
mod metric;
mod model;
mod on_error;
mod planning;
mod raw;
mod retry;
mod rewrite;
mod samples;

pub use answer::{Answer, Claim, Relation};
pub use cells::{Cell, cells_of, lines_of};
pub use check::{
    Checked, Client, Override, Source, around, case_note, check, check_case, check_experiment,
    is_experiment,
};
pub use design::{Around, Design, LeftOut, Move, Sampled, grid_number, grid_point, percent_of};
pub use diagnostic::{Diagnostic, Diagnostics, Position, Severity, Subject};
pub use downstream::*;
pub use experiment::{Axis, AxisValue, Experiment, MOST_REPLICATIONS, MOST_RUNS, Setting};
pub use figure::{Better, FIGURES, Figure, FigureKind, Unit};
pub use metric::*;
pub use model::*;
pub use on_error::*;
pub use planning::{Hold, Planning};
pub use raw::{client_schema, experiment_schema, schema};
pub use retry::{Incoming, PassedOn, RetryTopic, Stage};
pub use rewrite::{Change, keys_at, rewrite};
pub use samples::Method;
