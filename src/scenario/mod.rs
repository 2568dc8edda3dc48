//! From the text of a model file to a [`Scenario`] in which nothing is optional or stringly.
//! Not for acting on it: the floors above do that.

mod check;
mod diagnostic;
mod document;
mod downstream;
mod model;
mod raw;

pub use check::{Checked, Override, Source, check};
pub use diagnostic::{Diagnostic, Diagnostics, Position, Severity};
pub use downstream::*;
pub use model::*;
pub use raw::schema;
