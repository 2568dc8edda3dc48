//! The dependency as a model file describes it. A doc comment here is what an editor shows for the key.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use super::on_error::OnError;
use super::sections::TimeLaw;
use super::value::{Count, Either, Number, Rate, Spot, Text, Time};

/// A dependency that processing calls, blocking.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [downstream.NAME]"
)]
pub struct Downstream {
    /// Calls it accepts, all members together; default: no limit.
    pub rate_limit: Option<Rate>,
    /// Most calls at once after a quiet time, for `rate-limit`; default 1.
    pub burst: Option<Number>,
    /// A call above `rate-limit`: `block` (default: it waits for its turn) or `reject` (it is refused at once, as by HTTP 429,
    /// and made again after `retry-back-off`; whoever asks first once there is a token gets it).
    pub when_limited: Option<Text>,
    /// Latency of a call once it is accepted: a time, or a law.
    pub latency: Option<Either<Time, TimeLaw>>,
    /// How much longer calls take the more of them are in flight, all members together, as `[{ calls = 20, factor = 1 },
    /// { calls = 80, factor = 4 }]`: the factor on `latency`, linear between points and flat outside; default: they do not
    /// feel each other. Calls share the dependency: each gets done at a pace divided by the factor of that moment.
    pub latency_under_load: Option<Spot<Vec<Spot<LoadPoint>>>>,
    /// Most calls in flight at once, all members together; default: no limit.
    pub concurrency: Option<Count>,
    /// Share of the attempts at calls that fail by chance, each for itself, from 0 to 0.999; default 0. A failed attempt takes
    /// the latency of a call and is made again after `retry-back-off`, until one succeeds, or as `on-error` says until the record
    /// is given up; each of them takes its token of `rate-limit` and its place of `concurrency`.
    pub failure_rate: Option<Number>,
    /// A call that gets no answer because the dependency has stopped fails after this long; default: never. A slow answer
    /// is not cut.
    pub timeout: Option<Time>,
    /// From a call that failed or was refused to its next attempt; default "500ms" (resilience4j's Retry). Attempts go on
    /// until one succeeds, unless `on-error` says otherwise of those that fail.
    pub retry_back_off: Option<Time>,
    /// What the application does with a record whose call fails, in an outage or by chance: `skip`, `dead-letter`, `retry-topic`, `crash`, or a table
    /// with attempts, which are made inside the handler; default: it tries until the call succeeds.
    pub on_error: Option<Either<Text, OnError>>,
    /// A circuit breaker around the calls, one in each member.
    pub circuit_breaker: Option<Spot<CircuitBreaker>>,
}

impl Downstream {
    /// What puts its callers into each other's way, and its breaker.
    pub fn shared(&self) -> impl Iterator<Item = &Range<usize>> {
        let limit = self.rate_limit.as_ref().map(|rate| &rate.0.span);
        let places = self.concurrency.as_ref().map(|count| &count.0.span);
        let load = self.latency_under_load.as_ref().map(|curve| &curve.span);
        let breaker = self.circuit_breaker.as_ref().map(|table| &table.span);
        [limit, places, load, breaker].into_iter().flatten()
    }
}

/// A point of `latency-under-load`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, { calls = 80, factor = 4 }"
)]
pub struct LoadPoint {
    /// Calls in flight, all members together.
    pub calls: Option<Count>,
    /// How many times as long as alone a call takes then: 1 at the first point, and never less than at the one before.
    pub factor: Option<Number>,
}

/// A circuit breaker around the calls, count-based, by resilience4j's names and with its defaults.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, [downstream.NAME.circuit-breaker]"
)]
pub struct CircuitBreaker {
    /// Share of failed calls, from 0 to 1, at which it opens; default 0.5.
    pub failure_rate_threshold: Option<Number>,
    /// Of how many calls, the last ones; default 100.
    pub sliding_window_size: Option<Count>,
    /// It does not open before so many calls; default 100, and never more than the window.
    pub minimum_number_of_calls: Option<Count>,
    /// How long it stays open; default "60s".
    pub wait_duration_in_open_state: Option<Time>,
    /// Calls by which it decides, once that is over, whether it closes or opens again; default 10.
    pub permitted_number_of_calls_in_half_open_state: Option<Count>,
    /// What the application does meanwhile: `block` (wait with its batch, without a poll), `pause` (pause its partitions
    /// and poll on) or `buffer` (take records into a buffer, then pause).
    pub while_open: Option<Text>,
    /// Most records in that buffer.
    pub buffer: Option<Count>,
}
