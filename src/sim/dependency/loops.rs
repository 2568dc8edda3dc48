//! How fast calls go, by how many callers there are: that of the closed loop of so many callers (the flow-equivalent server
//! of Chandy, Herzog and Woo 1975), so what depends on the law of the latency near the knee is not lost.

use super::chain::Chain;
use crate::engine::Address;
use crate::scenario::{Downstream, RateLimit, WhenLimited};
use crate::workload::{ClosedLoop, Elsewhere, Flow, Law, TokenBucket};

/// So many paces are remembered.
const ASKED: usize = 32;

/// How calls go, of so many callers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pace {
    /// Relative to being alone, from above 0 to 1.
    pub speed: f64,
    /// How many times as long as alone callers are busy for a call, because calls in flight make each other slower; what
    /// is missing to the inverse of `speed` they wait.
    pub stretch: f64,
    /// Refused calls (calls/s).
    pub refused: f64,
}

impl Pace {
    /// That of a caller who is alone.
    pub const ALONE: Pace = Pace {
        speed: 1.0,
        stretch: 1.0,
        refused: 0.0,
    };
}

/// What callers do between two calls: local work, and calls of other dependencies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Away {
    local: Law,
    elsewhere: Vec<Elsewhere>,
}

impl Away {
    /// That of callers with these settings.
    pub fn of(chain: &Chain, settings: usize) -> Self {
        Away {
            local: chain.local(settings),
            elsewhere: chain.elsewhere(settings),
        }
    }
}

/// What its callers make of a dependency, as it is now.
#[derive(Debug)]
pub(super) struct Loops {
    /// Callers under the limit, and under the concurrency alone (while saved tokens last).
    limited: ClosedLoop,
    unlimited: ClosedLoop,
    /// An attempt at a call, and what its caller does before the next: latency, and what it does elsewhere or a back-off, on
    /// average (s).
    pub each: f64,
    /// The latency in it (s).
    latency: f64,
    /// Whether calls in flight make each other slower.
    shares: bool,
    /// Whether the limit held those back whose pace was asked for last.
    limits: bool,
    /// Paces that were asked for, of so many callers, held back or not: numbers of callers come again and again.
    asked: [((u32, bool), Pace); ASKED],
}

impl Loops {
    /// Those of callers that are `away` between two calls.
    pub fn new(address: Address, spec: &Downstream, away: &Away) -> Self {
        let unlimited = loop_of(address, spec, None, away);
        Loops {
            limited: loop_of(address, spec, spec.limit, away),
            each: unlimited.cycle(),
            latency: spec.latency.mean(),
            shares: !spec.load.is_flat(),
            limits: false,
            asked: [((0, false), Pace::default()); ASKED],
            unlimited,
        }
    }

    /// How the calls of so many callers go, at least one, whom the limit holds back or does not.
    pub fn pace(&mut self, callers: u32, limited: bool) -> Pace {
        self.limits = limited;
        let place = (2 * callers as usize + usize::from(limited)) % ASKED;
        let (asked, pace) = self.asked[place];
        if asked == (callers, limited) {
            return pace;
        }
        let flow = self.flow(callers, limited);
        let speed = flow.calls * self.each / f64::from(callers);
        let speed = if speed > 1.0 - 1e-6 {
            1.0
        } else {
            speed.max(1e-9)
        };
        let pace = Pace {
            speed,
            stretch: self.stretch(flow),
            refused: flow.refused,
        };
        self.asked[place] = ((callers, limited), pace);
        pace
    }

    /// By Little's law calls in flight stay so for as long as there are of them for each that comes.
    fn stretch(&self, flow: Flow) -> f64 {
        if !self.shares || flow.calls <= 0.0 || self.each <= 0.0 {
            return 1.0;
        }
        let taken = flow.in_flight / flow.calls;
        ((self.each - self.latency + taken) / self.each).max(1.0)
    }

    /// The flow of so many callers on average, held back as those whose pace was asked for last.
    pub fn flow_between(&mut self, callers: f64) -> Flow {
        let low = self.flow(callers as u32, self.limits);
        let high = self.flow(callers as u32 + 1, self.limits);
        low.toward(high, callers.fract())
    }

    /// The flow of so many callers.
    pub fn flow(&mut self, callers: u32, limited: bool) -> Flow {
        match limited {
            true => self.limited.flow(callers),
            false => self.unlimited.flow(callers),
        }
    }
}

fn loop_of(
    address: Address,
    spec: &Downstream,
    limit: Option<RateLimit>,
    away: &Away,
) -> ClosedLoop {
    let back_off = match spec.when_limited {
        WhenLimited::Block => None,
        WhenLimited::Reject => Some(spec.on_outage.back_off.as_secs_f64()),
    };
    let bucket = limit.map(|RateLimit { rate, burst }| TokenBucket {
        rate,
        burst,
        back_off,
    });
    ClosedLoop::new(
        address,
        bucket,
        spec.concurrency,
        &spec.latency,
        &away.local,
    )
    .calling(&away.elsewhere)
    .under_load(&spec.load)
    .retrying(spec.call().retries)
}
