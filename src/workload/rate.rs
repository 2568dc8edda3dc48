//! The rate of production over time and its integral.

/// A production rate over time, piecewise linear, in records/s over seconds; constant after its last knot.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {}
