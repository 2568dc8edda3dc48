//! Variants beside each other as files, a picture and words. Not for what is compared: the experiment decides.

mod csv;
mod finding;
mod json;
pub mod terminal;

use super::{RenderError, plot};
use crate::experiment::Comparison;

pub(super) use finding::{headline, sentences};

/// Turns a comparison into a file's bytes. Pure; the caller writes.
pub type Render = fn(&Comparison) -> Result<Vec<u8>, RenderError>;

/// Every file of a comparison's folder, by name.
pub const FILES: [(&str, Render); 4] = [
    ("compare.csv", csv::figures),
    ("curves.csv", csv::curves),
    ("compare.json", json::document),
    ("compare.png", plot::comparison),
];

/// The names of [`FILES`].
pub const NAMES: &[&str] = &[FILES[0].0, FILES[1].0, FILES[2].0, FILES[3].0];

/// The files of a comparison's folder, by name; without `compare.png` if no `plot` is wanted.
///
/// # Errors
/// A file could not be made.
pub fn files(
    comparison: &Comparison,
    plot: bool,
) -> Result<Vec<(&'static str, Vec<u8>)>, RenderError> {
    FILES
        .iter()
        .filter(|(name, _)| plot || !name.ends_with(".png"))
        .map(|(name, render)| Ok((*name, render(comparison)?)))
        .collect()
}

#[cfg(test)]
pub(super) mod tests;
