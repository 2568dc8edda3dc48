//! Which records are poison, as a function of their offset.

use crate::engine::Address;

/// The poison records of one partition, given by offset or by rate.
#[derive(Clone, Debug)]
pub struct Failures {}

impl Failures {
    /// Poison at each of `offsets` (any order), and besides with probability `share` at every other offset.
    pub fn new(_address: Address, _offsets: &[u64], _share: f64) -> Self {
        unimplemented!()
    }

    /// The first poison offset in [`from`, `to`).
    pub fn first_in(&mut self, _from: u64, _to: u64) -> Option<u64> {
        unimplemented!()
    }
}
