//! How many calls per second a shared dependency lets through. Not a simulation of single calls: the flow-equivalent
//! server method (Chandy, Herzog and Woo 1975) puts a rate that depends on the number of callers in their place.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;

use super::Law;
use super::RecordCosts;
use crate::engine::Address;

/// Calls of a measurement, at least, and how many per caller where callers are many.
const MEASURED: usize = 20_000;
const MEASURED_PER_CALLER: usize = 20;
/// Of these, one in so many is simulated before the measurement begins.
const WARM_UP: usize = 10;
/// A mean cycle of a caller in units of simulated time: fine enough for a million tokens within a cycle.
const CYCLE: f64 = 68_719_476_736.0;
/// More callers than this are measured on a grid of 1/64 of their number, and interpolated.
const EXACT_CALLERS: u32 = 128;
/// Where the costs of calls begin, so that they share no draw with those of local work.
const LATENCIES: u64 = 1 << 40;
/// An estimate of less than this relative loss is no loss.
const NEGLIGIBLE: f64 = 1e-3;
/// Standard deviations that count as never.
const NEVER_DEVIATIONS: f64 = 6.0;

/// Callers that loop for ever: local work, wait first-in-first-out for a token of a shared bucket, wait
/// first-in-first-out for one of a number of shared places, hold it for the latency of the call, repeat.
#[derive(Clone, Debug)]
pub struct ClosedLoop {
    /// (rate [calls/s], burst [calls])
    limit: Option<(f64, f64)>,
    concurrency: Option<u32>,
    latency: Law,
    local: Law,
    latencies: RecordCosts,
    locals: RecordCosts,
    /// Calls per second by number of callers.
    known: BTreeMap<u32, f64>,
}

impl ClosedLoop {
    /// The loop through a token bucket of `limit` = (rate in calls/s, burst in calls) and `concurrency` places, with
    /// `latency` per call and `local` work between two. Its draws stand at `address`.
    pub fn new(
        address: Address,
        limit: Option<(f64, f64)>,
        concurrency: Option<u32>,
        latency: &Law,
        local: &Law,
    ) -> Self {
        ClosedLoop {
            limit,
            concurrency,
            latency: latency.clone(),
            local: local.clone(),
            latencies: RecordCosts::new(address, latency),
            locals: RecordCosts::new(address, local),
            known: BTreeMap::new(),
        }
    }

    /// Long-run throughput of `callers` callers [calls/s]: exact where a closed form holds, else within about 1 %,
    /// from a simulation of fixed draws, which is remembered. Infinite if nothing takes any time.
    pub fn throughput(&mut self, callers: u32) -> f64 {
        if callers <= EXACT_CALLERS {
            return self.at(callers);
        }
        let step = 1 << (callers.ilog2() - 6);
        let below = callers - callers % step;
        if below == callers {
            return self.at(callers);
        }
        let weight = f64::from(callers % step) / f64::from(step);
        let low = self.at(below);
        let high = self.at(below.saturating_add(step));
        if low == high {
            return low;
        }
        low + (high - low) * weight
    }

    fn at(&mut self, callers: u32) -> f64 {
        if let Some(known) = self.known.get(&callers) {
            return *known;
        }
        let rate = self
            .closed_form(callers)
            .unwrap_or_else(|| self.measured(callers));
        self.known.insert(callers, rate);
        rate
    }

    fn cycle(&self) -> f64 {
        self.latency.mean() + self.local.mean()
    }

    /// What no schedule can exceed: tokens, callers, places [calls/s].
    fn bound(&self, callers: u32) -> f64 {
        let tokens = self.limit.map_or(f64::INFINITY, |(rate, _)| rate);
        let places = self.concurrency.map_or(f64::INFINITY, |places| {
            f64::from(places) / self.latency.mean()
        });
        tokens.min(places).min(f64::from(callers) / self.cycle())
    }

    /// The throughput where it is known without trying.
    fn closed_form(&self, callers: u32) -> Option<f64> {
        let bound = self.bound(callers);
        let sure = self.latency.scv() + self.local.scv() == 0.0;
        if callers == 0 || bound == 0.0 {
            return Some(0.0);
        }
        let places_matter = self.concurrency.is_some_and(|places| places < callers);
        if sure || self.cycle() == 0.0 {
            return Some(bound);
        }
        match self.limit {
            None if !places_matter => Some(bound),
            Some((rate, _)) if !places_matter => self.far_from_the_knee(f64::from(callers), rate),
            _ => None,
        }
    }

    /// With a bucket only: whether nobody waits, or somebody always does.
    fn far_from_the_knee(&self, callers: f64, rate: f64) -> Option<f64> {
        let free = callers / self.cycle();
        let load = free / rate;
        // The mean wait for a deterministic server under Poisson arrivals, against the cycle; a burst only shortens it.
        if load < 1.0 && load * load / (2.0 * callers * (1.0 - load)) < NEGLIGIBLE {
            return Some(free);
        }
        // If somebody always waits, so many callers are busy on average, with about this variance.
        let busy = rate * self.cycle();
        let spread = (busy * self.latency.scv().max(self.local.scv()).max(1.0)).sqrt();
        let waiting = callers - busy;
        (waiting > NEVER_DEVIATIONS * (spread + 1.0)).then_some(rate)
    }

    /// Simulates the loop. Draws are those of the n-th call, whoever makes it and however many callers there are,
    /// scaled to the means of their laws, which takes most of the noise out.
    fn measured(&mut self, callers: u32) -> f64 {
        let unit = CYCLE / self.cycle();
        let measured = MEASURED.max(callers as usize * MEASURED_PER_CALLER);
        let warm_up = measured / WARM_UP;
        let counts = [warm_up, measured];
        let work = scaled_draws(&mut self.locals, 0, counts, self.local.mean() * unit);
        let latency = self.latency.mean() * unit;
        let holds = scaled_draws(&mut self.latencies, LATENCIES, counts, latency);
        let mut bucket = self.limit.map(|limit| Bucket::new(limit, unit));
        let places = self.concurrency.filter(|places| *places < callers);
        let mut free: BinaryHeap<Reverse<u64>> =
            (0..places.unwrap_or(0)).map(|_| Reverse(0)).collect();
        // When each caller has done its local work and asks for a token. Callers begin spread over a cycle.
        let mut asking: BinaryHeap<Reverse<u64>> = (0..callers)
            .map(|caller| Reverse((CYCLE * f64::from(caller) / f64::from(callers)) as u64))
            .collect();
        let mut begun = 0;
        let mut granted = 0;
        for (call, (work, hold)) in work.iter().zip(&holds).enumerate() {
            let Some(mut next) = asking.peek_mut() else {
                break;
            };
            granted = match &mut bucket {
                Some(bucket) => bucket.grant(next.0),
                None => next.0,
            };
            if call == warm_up {
                begun = granted;
            }
            let end = occupy(&mut free, granted, *hold);
            next.0 = end + work;
        }
        let elapsed = (granted - begun) as f64 / unit;
        ((measured - 1) as f64 / elapsed).min(self.bound(callers))
    }
}

/// Draws of `counts` calls from `first` on, each group scaled to mean `mean`.
fn scaled_draws(costs: &mut RecordCosts, first: u64, counts: [usize; 2], mean: f64) -> Vec<u64> {
    let mut offset = first;
    let mut draws = Vec::with_capacity(counts[0] + counts[1]);
    for count in counts {
        let end = offset + count as u64;
        let sum = costs.work(offset, end).as_nanos();
        let scale = if sum > 0 {
            mean * count as f64 / sum as f64
        } else {
            0.0
        };
        draws.extend((offset..end).map(|call| {
            let nanos = costs.record(call).as_nanos();
            (nanos as f64 * scale) as u64
        }));
        offset = end;
    }
    draws
}

/// Takes the place that is free first, from `granted` on, for `hold`; when it is given back.
fn occupy(free: &mut BinaryHeap<Reverse<u64>>, granted: u64, hold: u64) -> u64 {
    let Some(mut place) = free.peek_mut() else {
        return granted + hold;
    };
    place.0 = place.0.max(granted) + hold;
    place.0
}

/// A token bucket by the time at which it would be full.
struct Bucket {
    gap: f64,
    /// How long before it is full there is one token.
    one_token: f64,
    full_at: f64,
}

impl Bucket {
    /// Rate and burst, in `unit`s per second. It begins half full, but with few tokens even if it holds many: they would
    /// outlast the warm-up.
    fn new((rate, burst): (f64, f64), unit: f64) -> Self {
        let gap = unit / rate;
        let burst = burst.max(1.0);
        Bucket {
            gap,
            one_token: (burst - 1.0) * gap,
            full_at: (burst - burst.min(32.0) / 2.0) * gap,
        }
    }

    /// When the caller that asks at `at` gets its token; callers ask in order of time.
    fn grant(&mut self, at: u64) -> u64 {
        let at = at as f64;
        let granted = at.max(self.full_at - self.one_token);
        self.full_at = self.full_at.max(granted) + self.gap;
        granted.ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::engine::Purpose;

    fn closed_loop(
        limit: Option<(f64, f64)>,
        concurrency: Option<u32>,
        latency: &Law,
        local: &Law,
    ) -> ClosedLoop {
        let address = Address::new(7, 0, Purpose::Limiter, "bank-api");
        ClosedLoop::new(address, limit, concurrency, latency, local)
    }

    #[test]
    fn without_a_limit_callers_do_not_feel_each_other() {
        let (latency, local) = (Law::Exponential { mean: 0.09 }, Law::Constant(0.01));
        assert_eq!(
            closed_loop(None, None, &latency, &local).throughput(7),
            70.0
        );
        assert_eq!(
            closed_loop(None, Some(7), &latency, &local).throughput(7),
            70.0
        );
        assert_eq!(closed_loop(None, None, &latency, &local).throughput(0), 0.0);
    }

    #[test]
    fn constant_times_give_the_smallest_bound() {
        let (latency, local) = (Law::Constant(0.25), Law::Constant(0.75));
        let mut limited = closed_loop(Some((20.0, 5.0)), Some(4), &latency, &local);
        assert_eq!(limited.throughput(10), 10.0);
        assert_eq!(limited.throughput(100), 16.0);
        let mut limited = closed_loop(Some((12.0, 5.0)), Some(4), &latency, &local);
        assert_eq!(limited.throughput(100), 12.0);
    }

    /// The machine repair model M/M/1//N: throughput is the service rate times the probability that anybody is there.
    #[test]
    fn one_place_and_exponential_times_are_the_machine_repair_model() {
        let (latency, local) = (
            Law::Exponential { mean: 0.1 },
            Law::Exponential { mean: 0.5 },
        );
        let mut limited = closed_loop(None, Some(1), &latency, &local);
        for callers in 1..=12_u32 {
            let (mut weight, mut sum) = (1.0, 1.0);
            for there in 0..callers {
                weight *= f64::from(callers - there) * 0.1 / 0.5;
                sum += weight;
            }
            let exact = (1.0 - 1.0 / sum) / 0.1;
            let found = limited.throughput(callers);
            assert!(
                (found / exact - 1.0).abs() < 0.01,
                "{callers}: {found} for {exact}"
            );
        }
    }

    /// One call after another in order of asking, with its own draws and a bucket counted in tokens.
    fn naive(callers: usize, limit: (f64, f64), places: usize, latency: f64, local: f64) -> f64 {
        let mut random = Address::new(11, 0, Purpose::Limiter, "naive").generator(0, 0);
        let mut exponential = move |mean: f64| {
            let uniform = (random.next_u64() >> 11) as f64 + 0.5;
            -mean * (uniform / 9_007_199_254_740_992.0).ln()
        };
        let mut asking: Vec<f64> = (0..callers).map(|_| exponential(local)).collect();
        let places = places.min(callers);
        let mut free = vec![0.0_f64; places];
        let (mut tokens, mut counted_at) = (1.0_f64, 0.0_f64);
        let (calls, skipped) = (200_000, 20_000);
        let mut begun = 0.0;
        for call in 0..calls {
            let first = (0..callers)
                .min_by(|a, b| asking[*a].total_cmp(&asking[*b]))
                .unwrap_or(0);
            let asked = asking[first].max(counted_at);
            tokens = (tokens + (asked - counted_at) * limit.0).min(limit.1);
            let wait = ((1.0 - tokens) / limit.0).max(0.0);
            counted_at = asked + wait;
            tokens += wait * limit.0 - 1.0;
            let place = (0..places)
                .min_by(|a, b| free[*a].total_cmp(&free[*b]))
                .unwrap_or(0);
            let end = free[place].max(counted_at) + exponential(latency);
            free[place] = end;
            asking[first] = end + exponential(local);
            if call == skipped {
                begun = counted_at;
            }
        }
        f64::from(calls - skipped - 1) / (counted_at - begun)
    }

    #[test]
    fn the_throughput_is_that_of_a_long_naive_simulation() {
        let (latency, local) = (0.05, 0.02);
        let laws = (
            Law::Exponential { mean: latency },
            Law::Exponential { mean: local },
        );
        for (limit, places) in [
            ((200.0, 1.0), 1000),
            ((200.0, 20.0), 1000),
            ((200.0, 5.0), 11),
        ] {
            let concurrency = Some(places).filter(|places| *places < 1000);
            let mut limited = closed_loop(Some(limit), concurrency, &laws.0, &laws.1);
            for callers in [1, 4, 10, 13, 14, 15, 18, 25, 60] {
                let expected = naive(callers as usize, limit, places as usize, latency, local);
                let found = limited.throughput(callers);
                let error = found / expected - 1.0;
                assert!(
                    error.abs() < 0.01,
                    "{limit:?} {places} {callers}: {found} for {expected}"
                );
            }
        }
    }

    #[test]
    fn many_callers_are_interpolated_between_measured_numbers() {
        let (latency, local) = (Law::Exponential { mean: 0.5 }, Law::Constant(0.0));
        let mut limited = closed_loop(Some((2000.0, 10.0)), None, &latency, &local);
        let mut direct = closed_loop(Some((2000.0, 10.0)), None, &latency, &local);
        for callers in [700, 963, 995, 1001, 1030, 1100, 3000] {
            let (found, exact) = (limited.throughput(callers), direct.at(callers));
            assert!(
                (found / exact - 1.0).abs() < 0.005,
                "{callers}: {found} for {exact}"
            );
        }
    }

    #[test]
    fn the_answer_does_not_depend_on_what_was_asked_before() {
        let (latency, local) = (Law::Exponential { mean: 0.5 }, Law::Constant(0.1));
        let mut one = closed_loop(Some((20.0, 3.0)), None, &latency, &local);
        let mut other = closed_loop(Some((20.0, 3.0)), None, &latency, &local);
        let up: Vec<f64> = (1..40).map(|callers| one.throughput(callers)).collect();
        let mut down: Vec<f64> = (1..40)
            .rev()
            .map(|callers| other.throughput(callers))
            .collect();
        down.reverse();
        assert_eq!(up, down);
    }
}
