//! The file as it is written: serde structs that mirror it key by key, and its JSON Schema from the same structs.
//! Not for judging: every value is kept with its place until the check has looked at it.

mod autoscaler;
mod client;
mod downstream;
mod expect;
mod experiment;
mod named;
mod on_error;
mod sections;
mod timeline;
mod value;
mod watch;

pub use autoscaler::*;
pub use client::*;
pub use downstream::*;
pub use expect::*;
pub use experiment::*;
pub use named::*;
pub use on_error::*;
pub use sections::*;
pub use timeline::*;
pub use value::*;
pub use watch::*;

/// The JSON Schema of a model file, for editors.
pub fn schema() -> String {
    text(&schemars::schema_for!(Model))
}

/// The JSON Schema of a client profile, for editors.
pub fn client_schema() -> String {
    text(&schemars::schema_for!(Client))
}

/// The JSON Schema of an experiment, for editors.
pub fn experiment_schema() -> String {
    text(&schemars::schema_for!(Experiment))
}

fn text(schema: &schemars::Schema) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}
