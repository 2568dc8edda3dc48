//! How many calls per second a shared dependency lets through, and how many it refuses. Not a simulation of single calls:
//! the flow-equivalent server method (Chandy, Herzog and Woo 1975) puts a rate that depends on the number of callers in
//! their place.

mod away;
mod sharing;

pub use self::away::Elsewhere;
use self::away::Errand;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;

use super::Law;
use super::LoadCurve;
use super::RecordCosts;
use super::Retries;
use crate::engine::Address;
use crate::units::SimDuration;

/// Calls of a measurement, at least, and how many per caller where callers are many.
const MEASURED: usize = 20_000;
const MEASURED_PER_CALLER: usize = 20;
/// Its length is at least so many back-offs of calls that fail by chance.
const BACK_OFFS_MEASURED: f64 = 20.0;
/// Of these, one in so many is simulated before the measurement begins.
const WARM_UP: usize = 10;
/// A mean cycle of a caller in units of simulated time: fine enough for a million tokens within a cycle.
const CYCLE: f64 = 68_719_476_736.0;
/// More callers than this are measured on a grid of 1/64 of their number, and interpolated.
const EXACT_CALLERS: u32 = 128;
/// A token interval is at most so many units of a mean cycle: more would not fit into the clock.
const LONGEST_GAP: f64 = 1024.0;
/// Where the costs of calls begin, so that they share no draw with those of local work.
const LATENCIES: u64 = 1 << 40;
/// An estimate of less than this relative loss is no loss.
const NEGLIGIBLE: f64 = 1e-3;
/// Standard deviations that count as never.
const NEVER_DEVIATIONS: f64 = 6.0;

/// Where the draws of back-offs begin.
const BACK_OFFS: u64 = 1 << 41;
/// How much of a back-off is left to chance, either way: gRPC's JITTER (connection-backoff.md). Callers that come back after
/// exactly the same time stay in herds for ever, which no network lets them.
const JITTER: f64 = 0.2;
/// After so many back-offs it is anybody's guess where in one a caller is.
const MIXED: u64 = 32;
/// Asked for so often in a token's interval, a token is taken as if by a Poisson stream of calls.
const OFTEN: f64 = 50.0;

/// A token bucket before the calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenBucket {
    /// Tokens per second (calls/s).
    pub rate: f64,
    /// Most tokens saved (calls).
    pub burst: f64,
    /// A call that finds no token is refused and made again after this long (s), give or take a fifth; without, it waits
    /// for its turn.
    pub back_off: Option<f64>,
}

/// What comes of a number of callers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// Calls that get through (calls/s).
    pub calls: f64,
    /// Calls that are refused besides (calls/s).
    pub refused: f64,
    /// Calls that are being answered, on average (calls): not those that wait.
    pub in_flight: f64,
}

impl Flow {
    /// `weight` of the way from this one to `other`.
    #[must_use]
    pub fn toward(self, other: Flow, weight: f64) -> Flow {
        Flow {
            calls: between(self.calls, other.calls, weight),
            refused: between(self.refused, other.refused, weight),
            in_flight: between(self.in_flight, other.in_flight, weight),
        }
    }
}

fn between(from: f64, to: f64, weight: f64) -> f64 {
    if from == to {
        return from; // Infinities have no difference.
    }
    from + (to - from) * weight
}

/// Callers that loop for ever: local work and calls elsewhere, a token of a shared bucket (first in, first out, or asked for
/// again and again), wait first-in-first-out for one of a number of shared places, hold it for the latency of the call, repeat.
#[derive(Clone, Debug)]
pub struct ClosedLoop {
    address: Address,
    bucket: Option<TokenBucket>,
    concurrency: Option<u32>,
    latency: Law,
    load: LoadCurve,
    local: Law,
    retries: Option<Retries>,
    latencies: RecordCosts,
    locals: RecordCosts,
    errands: Vec<Errand>,
    /// By number of callers.
    known: BTreeMap<u32, Flow>,
}

impl ClosedLoop {
    /// The loop through `bucket` and `concurrency` places, with `latency` per call and `local` work between two. Its draws
    /// stand at `address`.
    pub fn new(
        address: Address,
        bucket: Option<TokenBucket>,
        concurrency: Option<u32>,
        latency: &Law,
        local: &Law,
    ) -> Self {
        ClosedLoop {
            address,
            bucket,
            concurrency,
            latency: latency.clone(),
            load: LoadCurve::default(),
            local: local.clone(),
            retries: None,
            latencies: RecordCosts::new(address, latency),
            locals: RecordCosts::new(address, local),
            errands: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// The same, of calls that take longer the more of them are in flight. A bucket must let them wait.
    #[must_use]
    pub fn under_load(mut self, load: &LoadCurve) -> Self {
        self.load = load.clone();
        self
    }

    /// Long-run flow of `callers` callers: exact where a closed form holds, else from a simulation of fixed draws, which is
    /// remembered: calls within about 1 %, under load within 1.5 % (and calls in flight within 3 %, or 12 % behind a limit near
    /// the collapse). Infinite if nothing takes any time.
    pub fn flow(&mut self, callers: u32) -> Flow {
        if callers <= EXACT_CALLERS {
            return self.at(callers);
        }
        let step = 1 << (callers.ilog2() - 6);
        let below = callers - callers % step;
        if below == callers {
            return self.at(callers);
        }
        let weight = f64::from(callers % step) / f64::from(step);
        let (low, high) = (self.at(below), self.at(below.saturating_add(step)));
        low.toward(high, weight)
    }

    fn at(&mut self, callers: u32) -> Flow {
        if let Some(known) = self.known.get(&callers) {
            return *known;
        }
        let flow = match (self.closed_form(callers), self.shares()) {
            (Some(known), _) => known,
            (None, false) => self.measured(callers),
            (None, true) => self.measured_sharing(callers),
        };
        self.known.insert(callers, flow);
        flow
    }

    /// What no schedule can exceed: tokens, callers, places [calls/s].
    fn bound(&self, callers: u32) -> f64 {
        let tokens = self.bucket.map_or(f64::INFINITY, |bucket| bucket.rate);
        let places = self.concurrency.map_or(f64::INFINITY, |places| {
            f64::from(places) / self.latency.mean()
        });
        tokens.min(places).min(f64::from(callers) / self.cycle())
    }

    /// The flow where it is known without trying.
    fn closed_form(&self, callers: u32) -> Option<Flow> {
        let bound = self.bound(callers);
        let sure = self.latency.scv() + self.away_scv() == 0.0;
        if callers == 0 || bound == 0.0 {
            return Some(Flow::default());
        }
        if self.shares() {
            return self.shared_without_limit(callers);
        }
        let places_matter = self.concurrency.is_some_and(|places| places < callers);
        let callers = f64::from(callers);
        let back_off = self.bucket.and_then(|bucket| bucket.back_off);
        let calls = match (self.bucket, back_off) {
            (Some(bucket), Some(back_off)) => {
                return self.asked_for_often(callers, bucket, back_off);
            }
            _ if sure || self.cycle() == 0.0 => Some(bound),
            (None, _) if !places_matter => Some(bound),
            (Some(bucket), None) if !places_matter => self.far_from_the_knee(callers, bucket.rate),
            _ => None,
        };
        calls.map(|calls| self.flow_of(calls, 0.0))
    }

    /// The flow whose calls take as long as alone.
    fn flow_of(&self, calls: f64, refused: f64) -> Flow {
        let latency = self.latency.mean();
        let in_flight = if latency > 0.0 { calls * latency } else { 0.0 };
        Flow {
            calls,
            refused,
            in_flight,
        }
    }

    /// With a bucket that makes its callers wait, and nothing else: whether nobody waits, or somebody always does.
    fn far_from_the_knee(&self, callers: f64, rate: f64) -> Option<f64> {
        let free = callers / self.cycle();
        if self.hardly_waits(free, callers, rate) {
            return Some(free);
        }
        // If somebody always waits, so many callers are busy on average, with about this variance.
        let busy = rate * self.cycle();
        let waiting = callers - busy;
        (waiting > NEVER_DEVIATIONS * (self.spread(busy) + 1.0)).then_some(rate)
    }

    /// Whether `callers` of so many calls per second wait next to nothing for so many tokens: by the mean wait for a
    /// deterministic server under Poisson arrivals, against the cycle; a burst only shortens it.
    fn hardly_waits(&self, free: f64, callers: f64, rate: f64) -> bool {
        let load = free / rate;
        load < 1.0 && load * load / (2.0 * callers * (1.0 - load)) < NEGLIGIBLE
    }

    /// Standard deviation of the number of busy callers, if they are so many on average.
    fn spread(&self, busy: f64) -> f64 {
        (busy * self.latency.scv().max(self.away_scv()).max(1.0)).sqrt()
    }

    /// With a bucket that refuses: many callers come back so often that a token is hardly ever there for long. What is
    /// lost is what would have come while the bucket was full: with calls that ask as a Poisson stream of `asks` per
    /// token, it fills up before the next of them with chance exp(-asks (burst - 1)), and stays full for 1 / asks.
    fn asked_for_often(&self, callers: f64, bucket: TokenBucket, back_off: f64) -> Option<Flow> {
        let busy = bucket.rate * self.cycle();
        let spread = self.spread(busy) + 1.0;
        let in_flight = bucket.rate * self.latency.mean();
        let places = self.concurrency.map_or(f64::INFINITY, f64::from);
        let waiting = callers - busy;
        let asks = waiting / (back_off * bucket.rate);
        let always = waiting > NEVER_DEVIATIONS * spread && asks > OFTEN;
        let places_matter = places < callers && places < in_flight + NEVER_DEVIATIONS * spread;
        if !always || places_matter {
            return None;
        }
        let lost = (-asks * (bucket.burst.max(1.0) - 1.0)).exp() / asks;
        let calls = bucket.rate / (1.0 + lost);
        Some(self.flow_of(calls, (callers - calls * self.cycle()) / back_off))
    }

    /// Draws of a simulation: those of the n-th call, whoever makes it and however many callers there are, scaled to the
    /// means of their laws, which takes most of the noise out.
    fn draws(&mut self, callers: u32) -> Draws {
        let gap = self.bucket.map_or(0.0, |bucket| 1.0 / bucket.rate);
        let refused = self.bucket.and_then(|bucket| bucket.back_off);
        let longest = refused.into_iter().fold(self.cycle(), f64::max);
        let longest = longest.max(self.longest_pause());
        let unit = CYCLE / longest.max(gap / LONGEST_GAP);
        let measured = self.enough(callers);
        let warm_up = measured / WARM_UP;
        let counts = [warm_up, measured];
        let work = self.away_draws(counts, unit);
        let latency = self.latency.mean() * unit;
        let holds = scaled_draws(counts, latency, |from, to| {
            self.latencies.work(LATENCIES + from, LATENCIES + to)
        });
        Draws {
            unit,
            warm_up,
            work,
            holds,
        }
    }

    /// When each caller has done its local work and asks for a token. Callers begin spread over a cycle.
    fn begin(&self, callers: u32, unit: f64) -> BinaryHeap<Reverse<u64>> {
        let cycle = self.cycle() * unit;
        let spread = |caller| (cycle * f64::from(caller) / f64::from(callers)) as u64;
        (0..callers).map(|caller| Reverse(spread(caller))).collect()
    }

    /// Simulates the loop.
    fn measured(&mut self, callers: u32) -> Flow {
        let Draws {
            unit,
            warm_up,
            work,
            holds,
        } = self.draws(callers);
        let mut tokens = self.bucket.map(|bucket| Tokens::new(bucket, unit));
        let places = self.concurrency.filter(|places| *places < callers);
        let mut free: BinaryHeap<Reverse<u64>> =
            (0..places.unwrap_or(0)).map(|_| Reverse(0)).collect();
        let mut asking = self.begin(callers, unit);
        let (mut begun, mut granted, mut refused, mut refused_before) = (0, 0, 0, 0);
        for (call, (work, hold)) in work.iter().zip(&holds).enumerate() {
            if let Some(tokens) = &tokens {
                refused = tokens.refuse(&mut asking, refused, self.address);
            }
            let Some(mut next) = asking.peek_mut() else {
                break;
            };
            granted = match &mut tokens {
                Some(tokens) => tokens.grant(next.0),
                None => next.0,
            };
            if call == warm_up {
                (begun, refused_before) = (granted, refused);
            }
            let end = occupy(&mut free, granted, *hold);
            next.0 = end + work;
        }
        let elapsed = (granted - begun) as f64 / unit;
        let calls = (holds.len() - warm_up - 1) as f64 / elapsed;
        let refused = (refused - refused_before) as f64 / elapsed;
        self.flow_of(calls.min(self.bound(callers)), refused)
    }
}

/// What the calls of a simulation take, by their number.
struct Draws {
    /// Units of simulated time per second.
    unit: f64,
    /// Calls before the measurement begins.
    warm_up: usize,
    /// Local work, or a back-off, after each (units).
    work: Vec<u64>,
    /// Latency of each (units).
    holds: Vec<u64>,
}

/// What each of `counts` calls takes by `work`, that of the calls of a range; each group scaled to mean `mean`.
fn scaled_draws(
    counts: [usize; 2],
    mean: f64,
    mut work: impl FnMut(u64, u64) -> SimDuration,
) -> Vec<u64> {
    let mut offset = 0;
    let mut draws = Vec::with_capacity(counts[0] + counts[1]);
    for count in counts {
        let end = offset + count as u64;
        let sum = work(offset, end).as_nanos();
        let scale = if sum > 0 {
            mean * count as f64 / sum as f64
        } else {
            0.0
        };
        draws.extend((offset..end).map(|call| {
            let nanos = work(call, call + 1).as_nanos();
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
struct Tokens {
    gap: f64,
    /// How long before it is full there is one token.
    one_token: f64,
    full_at: f64,
    /// From a call that is refused to the next.
    back_off: Option<u64>,
}

impl Tokens {
    /// Those of `bucket`, with `unit`s per second. It begins half full, but with few tokens even if it holds many: they
    /// would outlast the warm-up.
    fn new(bucket: TokenBucket, unit: f64) -> Self {
        let gap = unit / bucket.rate;
        let burst = bucket.burst.max(1.0);
        Tokens {
            gap,
            one_token: (burst - 1.0) * gap,
            full_at: (burst - burst.min(32.0) / 2.0) * gap,
            back_off: bucket.back_off.map(|secs| ((secs * unit) as u64).max(1)),
        }
    }

    /// When there is a token again, or has been since.
    fn next(&self) -> f64 {
        self.full_at - self.one_token
    }

    /// Whoever asks before there is a token is refused, and asks again until there is one: then whoever comes first gets
    /// it. Takes how many calls were refused before, which numbers the draws, and returns how many are by then.
    fn refuse(
        &self,
        asking: &mut BinaryHeap<Reverse<u64>>,
        mut refused: u64,
        address: Address,
    ) -> u64 {
        let (Some(back_off), next) = (self.back_off, self.next().ceil() as u64) else {
            return refused;
        };
        while let Some(mut first) = asking.peek_mut()
            && first.0 < next
        {
            let times = ((next - first.0) / back_off).saturating_sub(MIXED);
            first.0 += times * back_off;
            refused += times;
            while first.0 < next {
                let share = 1.0 + JITTER * (2.0 * address.uniform(BACK_OFFS, refused) - 1.0);
                first.0 += ((back_off as f64 * share) as u64).max(1);
                refused += 1;
            }
        }
        refused
    }

    /// When the caller that asks at `at` gets its token; callers ask in order of time.
    fn grant(&mut self, at: u64) -> u64 {
        let at = at as f64;
        let granted = at.max(self.next());
        self.full_at = self.full_at.max(granted) + self.gap;
        granted.ceil() as u64
    }
}

#[cfg(test)]
mod tests;
