//! `lagsim schema`.

use super::args::SchemaArgs;
use super::exit::Exit;
use super::terminal;
use crate::scenario;

/// Prints the JSON Schema of model files, of client profiles, or of experiments.
pub fn schema(args: &SchemaArgs) -> anyhow::Result<Exit> {
    let schema = if args.client {
        scenario::client_schema()
    } else if args.experiment {
        scenario::experiment_schema()
    } else {
        scenario::schema()
    };
    terminal::print(&schema)?;
    Ok(Exit::Success)
}
