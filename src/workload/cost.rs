//! The work of records as an additive random measure over offsets.

use super::Law;
use crate::engine::Address;
use crate::units::SimDuration;

/// The work of one partition's records. Asking never changes an answer; `&mut` only moves a cache.
#[derive(Clone, Debug)]
pub struct RecordCosts {}

impl RecordCosts {
    /// The measure of `law` at `address` (one per partition and purpose).
    pub fn new(_address: Address, _law: &Law) -> Self {
        unimplemented!()
    }

    /// Work of the records with offsets in [`from`, `to`), one after another: the same however the range is cut,
    /// up to a nanosecond per cut.
    pub fn work(&mut self, _from: u64, _to: u64) -> SimDuration {
        unimplemented!()
    }
}
