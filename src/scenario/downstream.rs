//! The dependencies of a validated model: what each lets through, and what its callers make of an outage.

use super::on_error::{BackOff, GiveUp};
use crate::units::SimDuration;
use crate::workload::{BreakerConfig, CallLaw, Law, LoadCurve, Retries};

/// A dependency that processing calls, blocking.
#[derive(Clone, Debug, PartialEq)]
pub struct Downstream {
    /// Its name.
    pub name: String,
    /// Token bucket shared by all callers.
    pub limit: Option<RateLimit>,
    /// What becomes of a call that finds no token.
    pub when_limited: WhenLimited,
    /// Latency of a call once it has its token and its place, while no other is in flight.
    pub latency: Law,
    /// How much longer calls take the more of them are in flight.
    pub load: LoadCurve,
    /// Most calls in flight at once, over all callers.
    pub concurrency: Option<u32>,
    /// Share of the attempts that fail by chance, from 0 to below 1.
    pub failure_rate: f64,
    /// What a caller makes of an outage.
    pub on_outage: OnOutage,
}

impl Downstream {
    /// One that takes its time and has no limits.
    pub fn new(name: &str, latency: Law) -> Self {
        Downstream {
            name: name.to_owned(),
            limit: None,
            when_limited: WhenLimited::default(),
            latency,
            load: LoadCurve::default(),
            concurrency: None,
            failure_rate: 0.0,
            on_outage: OnOutage::default(),
        }
    }

    /// What a call takes while nothing holds it back.
    pub fn call(&self) -> CallLaw {
        CallLaw {
            latency: self.latency.clone(),
            retries: (self.failure_rate > 0.0).then_some(match self.on_outage.gives_up {
                None => Retries {
                    failure_rate: self.failure_rate,
                    back_off: BackOff::constant(self.on_outage.back_off),
                    attempts: None,
                },
                Some(gives_up) => Retries {
                    failure_rate: self.failure_rate,
                    back_off: gives_up.back_off,
                    attempts: Some(gives_up.attempts),
                },
            }),
        }
    }

    /// Whether its callers are in each other's way, or a breaker is before it.
    pub fn is_shared(&self) -> bool {
        self.limit.is_some()
            || self.concurrency.is_some()
            || !self.load.is_flat()
            || self.on_outage.breaker.is_some()
    }
}

/// What a record comes to at one of the dependencies that it calls one after another, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Called {
    /// Calls that it makes of it.
    pub calls: f64,
    /// Share of the records that are given up there, because attempts fail by chance.
    pub given_up: f64,
    /// What giving up takes (s).
    pub giving_up_s: f64,
}

impl Called {
    /// Of records that make so many `calls` of each of `downstreams` until they are given up.
    pub fn all(downstreams: &[Downstream], calls: &[u32]) -> Vec<Called> {
        let mut reached = 1.0;
        let each = downstreams.iter().zip(calls).map(|(own, calls)| {
            let (calls, lost) = (f64::from(*calls), own.call().given_up());
            let given_up = -(calls * (-lost).ln_1p()).exp_m1();
            let takes = own.on_outage.gives_up.map(|gives_up| gives_up.then.takes());
            let called = Called {
                calls: reached * if lost > 0.0 { given_up / lost } else { calls },
                given_up: reached * given_up,
                giving_up_s: takes.unwrap_or_default().as_secs_f64(),
            };
            reached *= 1.0 - given_up;
            called
        });
        each.collect()
    }
}

/// What becomes of a call above the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenLimited {
    /// It waits for its turn.
    #[default]
    Block,
    /// It is refused at once (HTTP 429, gRPC's RESOURCE_EXHAUSTED) and made again after [`OnOutage::back_off`]; whoever
    /// asks first once there is a token gets it.
    Reject,
}

/// What a caller makes of a dependency that answers nothing, or refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnOutage {
    /// A call that gets no answer fails after this long; without, it hangs until the dependency is back.
    pub timeout: Option<SimDuration>,
    /// From a failed or refused call to the next attempt. Resilience4j's Retry waits 500 ms by default.
    pub back_off: SimDuration,
    /// When it gives a record up whose call fails; without, it tries again until the call succeeds.
    pub gives_up: Option<GivesUp>,
    /// Each process has one of its own.
    pub breaker: Option<(BreakerConfig, WhileOpen)>,
}

/// After how many failed attempts a record is given up, inside the handler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GivesUp {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Pauses between them.
    pub back_off: BackOff,
    /// What giving up means.
    pub then: GiveUp,
}

impl Default for OnOutage {
    /// Calls hang, and those that are refused are made again.
    fn default() -> Self {
        OnOutage {
            timeout: None,
            back_off: SimDuration::from_millis(500),
            gives_up: None,
            breaker: None,
        }
    }
}

/// What the application does while its circuit breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileOpen {
    /// It waits with its batch in hand and does not poll.
    Block,
    /// It keeps what it has, polls on, and takes up to so many records into a buffer; then its partitions are paused.
    Buffer {
        /// Most records in the buffer; with none its partitions are paused at once.
        records: u64,
    },
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Tokens per second [calls/s].
    pub rate: f64,
    /// Most tokens saved (calls), at least 1; full at the start.
    pub burst: f64,
}

/// A change of the dependency.
#[derive(Clone, Debug, PartialEq)]
pub enum DownstreamChange {
    /// Calls hang until it resumes.
    Stop,
    /// Calls are refused at once until it resumes.
    Fail,
    /// Calls go on.
    Resume,
    /// Another latency law.
    Latency(Law),
    /// Another share of attempts that fail by chance.
    FailureRate(f64),
    /// Another limit, or none.
    Limit(Option<RateLimit>),
}
