//! Which of its limits a dependency's callers run into first.

use crate::scenario::{Action, Downstream, DownstreamChange, Scenario, WhenLimited};

/// What holds callers up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Its rate limit.
    Limit,
    /// How many calls may be in flight.
    InFlight(u32),
    /// That calls take longer the more of them are in flight.
    Load,
    /// How long a call takes.
    Latency,
}

/// What holds up the callers of dependency number `which`. A rate limit that is never reached does not.
pub fn holds(scenario: &Scenario, which: usize) -> Option<Holds> {
    let own = scenario.downstreams.get(which)?;
    let other = match own.concurrency {
        _ if !own.load.is_flat() => Holds::Load,
        Some(calls) => Holds::InFlight(calls),
        None => Holds::Latency,
    };
    Some(match own.limit {
        None => other,
        Some(_) if other == Holds::Latency || own.when_limited == WhenLimited::Reject => {
            Holds::Limit
        }
        // What changes on the way is not told apart.
        Some(_) if changes(scenario, which) => Holds::Limit,
        Some(limit) if limit.rate <= most_per_s(scenario, own) => Holds::Limit,
        Some(_) => other,
    })
}

fn changes(scenario: &Scenario, which: usize) -> bool {
    use DownstreamChange::{Latency, Limit};
    scenario.timeline.iter().any(|entry| match &entry.action {
        Action::Downstream(of, change) => *of == which && matches!(change, Latency(_) | Limit(_)),
        _ => false,
    })
}

/// Calls that all callers get through at most, but for the rate limit [1/s].
fn most_per_s(scenario: &Scenario, own: &Downstream) -> f64 {
    let threads = scenario
        .settings
        .iter()
        .map(|own| own.processing.concurrency);
    let members = scenario.group.processes.len().min(u32::MAX as usize) as u32;
    let callers = members.saturating_mul(threads.max().unwrap_or(1));
    let most = own.concurrency.map_or(callers, |most| most.min(callers));
    let latency = own.latency.mean();
    let rate = |calls: u32| f64::from(calls) / (latency * own.load.factor(calls));
    // More calls in flight may be slower.
    (1..=most.min(1_000))
        .map(rate)
        .fold(rate(most.max(1)), f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::scenario;
    use super::*;
    use crate::scenario::RateLimit;
    use crate::workload::{Law, LoadCurve};

    #[test]
    fn the_limit_that_is_reached_first_holds() {
        let mut model = scenario(8, 4, 3_600, 10);
        let limited = |rate: f64, concurrency: Option<u32>| Downstream {
            limit: Some(RateLimit { rate, burst: 1.0 }),
            concurrency,
            ..Downstream::new("api", Law::Constant(0.015))
        };
        let mut of = |own: Downstream| {
            model.downstreams = vec![own];
            holds(&model, 0)
        };
        // One call at a time: 66.7/s.
        assert_eq!(of(limited(1_000.0, Some(1))), Some(Holds::InFlight(1)));
        assert_eq!(of(limited(60.0, Some(1))), Some(Holds::Limit));
        assert_eq!(of(limited(100.0, None)), Some(Holds::Limit));
        // Four callers, and a call takes four times as long with them.
        let loaded = |rate: f64| Downstream {
            load: LoadCurve::from_knots(vec![(1, 1.0), (4, 4.0)]),
            ..limited(rate, None)
        };
        assert_eq!(of(loaded(1_000.0)), Some(Holds::Load));
        assert_eq!(of(loaded(60.0)), Some(Holds::Limit));
    }
}
