//! Callers of a dependency that slows down under load. Its calls share it: each gets done at the pace of a lone one, divided
//! by the factor of as many as are in flight at that moment (processor sharing, Kleinrock 1967, with a load-dependent pace).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{ClosedLoop, Draws, Flow, Tokens};

/// A weight above this is made small again, together with all it is added to.
const HEAVY: f64 = 1e200;

impl ClosedLoop {
    /// Whether the calls in flight make each other slower.
    pub(super) fn shares(&self) -> bool {
        !self.load.is_flat() && self.latency.mean() > 0.0
    }

    /// The flow under load, where it is known without trying: without a limit that matters. Then the product form holds
    /// (Baskett, Chandy, Muntz and Palacios 1975), in which of local work and of calls that are all in flight only the
    /// means count; calls that wait for a place first have to be exponential.
    pub(super) fn shared_without_limit(&self, callers: u32) -> Option<Flow> {
        let waits = self.concurrency.is_some_and(|places| places < callers);
        if waits && !self.latency.is_exponential() && self.away() > 0.0 {
            return None;
        }
        let free = self.product_form(callers);
        match self.bucket {
            None => Some(free),
            Some(bucket) => self
                .hardly_waits(free.calls, f64::from(callers), bucket.rate)
                .then_some(free),
        }
    }

    /// Means over the number of calls that are there, each number weighted by how long it lasts.
    fn product_form(&self, callers: u32) -> Flow {
        let (away, latency) = (self.away(), self.latency.mean());
        let in_flight = |there: u32| there.min(self.concurrency.unwrap_or(there));
        let calls = |there: u32| {
            let own = in_flight(there);
            f64::from(own) / (latency * self.load.factor(own))
        };
        if away == 0.0 {
            return Flow {
                calls: calls(callers),
                refused: 0.0,
                in_flight: f64::from(in_flight(callers)),
            };
        }
        let (mut weight, mut sum, mut through, mut held) = (1.0, 1.0, 0.0, 0.0);
        for there in 1..=callers {
            let arrive = f64::from(callers - there + 1) / away;
            weight *= arrive / calls(there);
            sum += weight;
            through += weight * calls(there);
            held += weight * f64::from(in_flight(there));
            if weight > HEAVY {
                (sum, through, held) = (sum / weight, through / weight, held / weight);
                weight = 1.0;
            }
        }
        Flow {
            calls: through / sum,
            refused: 0.0,
            in_flight: held / sum,
        }
    }

    /// Simulates the loop under load, on the same draws as [without](Self::measured).
    pub(super) fn measured_sharing(&mut self, callers: u32) -> Flow {
        let Draws {
            unit,
            warm_up,
            work,
            holds,
        } = self.draws(callers);
        let mut tokens = self.bucket.map(|bucket| Tokens::new(bucket, unit));
        let places = self.concurrency.unwrap_or(callers).min(callers) as usize;
        let mut asking = self.begin(callers, unit);
        // Who has a token from when on, and waits for that, or for a place.
        let mut granted: VecDeque<u64> = VecDeque::new();
        let mut shared = Shared::default();
        let (mut entered, mut left, mut begun) = (0, 0, (0, 0.0));
        while entered < holds.len() {
            let asks = asking.peek().map_or(u64::MAX, |at| at.0);
            let ends = shared.next_end(self);
            let free = shared.ends.len() < places;
            let enters = granted.front().filter(|_| free);
            let enters = enters.map_or(u64::MAX, |at| shared.now.max(*at));
            if asks.min(enters).min(ends) == u64::MAX {
                break;
            }
            if asks <= enters && asks <= ends {
                asking.pop();
                granted.push_back(tokens.as_mut().map_or(asks, |own| own.grant(asks)));
            } else if enters <= ends {
                granted.pop_front();
                shared.advance(enters, self);
                if entered == warm_up {
                    begun = (enters, shared.held);
                }
                shared.enter(holds[entered]);
                entered += 1;
            } else {
                shared.advance(ends, self);
                shared.leave();
                asking.push(Reverse(ends + work[left]));
                left += 1;
            }
        }
        let elapsed = (shared.now - begun.0) as f64;
        let measured = holds.len() - warm_up;
        Flow {
            calls: ((measured - 1) as f64 * unit / elapsed).min(self.bound(callers)),
            refused: 0.0,
            in_flight: (shared.held - begun.1) / elapsed,
        }
    }
}

/// Calls in flight.
#[derive(Default)]
struct Shared {
    now: u64,
    /// What a call has got done that has been in flight all the time, as time alone.
    attained: f64,
    /// What `attained` is as each call ends.
    ends: BinaryHeap<Reverse<u64>>,
    /// Calls in flight, added up over time.
    held: f64,
}

impl Shared {
    fn factor(&self, own: &ClosedLoop) -> f64 {
        own.load.factor(self.ends.len() as u32)
    }

    /// When the first of them ends, if none comes before.
    fn next_end(&self, own: &ClosedLoop) -> u64 {
        let Some(Reverse(end)) = self.ends.peek() else {
            return u64::MAX;
        };
        let left = (*end as f64 - self.attained).max(0.0);
        self.now + (left * self.factor(own)).ceil() as u64
    }

    fn advance(&mut self, to: u64, own: &ClosedLoop) {
        let passed = (to - self.now) as f64;
        self.attained += passed / self.factor(own);
        self.held += passed * self.ends.len() as f64;
        self.now = to;
    }

    /// A call comes that takes `hold` alone.
    fn enter(&mut self, hold: u64) {
        self.ends
            .push(Reverse((self.attained + hold as f64) as u64));
    }

    /// The first of them ends.
    fn leave(&mut self) {
        self.ends.pop();
    }
}

#[cfg(test)]
mod tests;
