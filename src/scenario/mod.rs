//! From the text of a model file to a [`Scenario`] in which nothing is optional or stringly.
//! Not for acting on it: the floors above do that.

mod model;

pub use model::*;
