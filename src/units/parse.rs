//! Quantities as a model file or the command line writes them: `30s`, `600/s`, `1KiB`, `2M`.

use super::SimDuration;

/// Why a quantity could not be read, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {remedy}")]
pub struct ParseError {
    /// What is wrong with the text.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

/// `30s`, `1h 30m`, `1.5s`; units ns, us, ms, s, m, h, d. A number without a unit is refused.
pub fn parse_duration(_text: &str) -> Result<SimDuration, ParseError> {
    unimplemented!()
}

/// Records or calls per second [1/s] from `600/s`, `36k/min`, `2M/h`, `5/d`.
pub fn parse_rate(_text: &str) -> Result<f64, ParseError> {
    unimplemented!()
}

/// Bytes from `512B`, `1KiB`, `1.5MiB`, `1kB`.
pub fn parse_bytes(_text: &str) -> Result<u64, ParseError> {
    unimplemented!()
}

/// A count from `2M`, `2_147_000`, `500`, `1.5k`.
pub fn parse_count(_text: &str) -> Result<u64, ParseError> {
    unimplemented!()
}
