//! `lagsim schema`.

use super::exit::Exit;
use super::terminal;
use crate::scenario;

/// Prints the JSON Schema of model files.
pub fn schema() -> anyhow::Result<Exit> {
    terminal::print(&scenario::schema())?;
    Ok(Exit::Success)
}
