//! `lag.png`.
use super::{RenderError, Results};
pub fn lag(_results: &Results) -> Result<Vec<u8>, RenderError> {
    Err(RenderError::Font)
}
