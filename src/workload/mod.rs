//! What comes in and what it costs: specifications, and their samplers over addressed draws.
//! Not for anything that reacts: nothing here knows members, brokers or events.

mod arrival;
mod back_off;
mod breaker;
mod calls;
mod cost;
mod dependency;
mod failure;
mod key;
mod law;
mod load;
mod rate;
mod stock;

pub use arrival::{Arrivals, Counted, Pattern, Production, Shares};
pub use back_off::BackOff;
pub use breaker::{Breaker, BreakerConfig, BreakerState};
pub use calls::{CallCosts, CallLaw, Retries};
pub use cost::RecordCosts;
pub use dependency::{ClosedLoop, Elsewhere, Flow, TokenBucket};
pub use failure::Failures;
pub use key::{Keys, RecordKeys, murmur2, partition_for};
pub use law::{Law, LawError};
pub use load::LoadCurve;
pub use rate::{Knot, RateCurve};
pub use stock::Stock;
