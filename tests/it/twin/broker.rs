//! The logs and the brokers of the twin: records come one by one, fetches are answered or parked.

use std::collections::BTreeMap;

use lagsim::units::{PartitionId, SimTime};

/// A fetch request as it was sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: u64,
    pub member: usize,
    pub broker: usize,
    /// Partitions asked for with the offset wanted, in the order of the session.
    pub wants: Vec<(PartitionId, u64)>,
}

/// The limits of a fetch, in records.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub min: u64,
    pub per_partition: u64,
    pub per_response: u64,
}

/// Offsets [from, to) of a partition.
pub type Chunk = (PartitionId, u64, u64);

/// All logs and all parked requests.
#[derive(Debug, Default)]
pub struct Brokers {
    pub log_end: Vec<u64>,
    /// Up to where records may be read: of a retry topic those whose delay is over.
    pub readable: Vec<u64>,
    pub parked: BTreeMap<u64, Request>,
}

impl Brokers {
    /// What the broker would send now: each partition its share while there is room (`ReplicaManager#readFromLog`).
    pub fn read(&self, request: &Request, limits: Limits) -> Vec<Chunk> {
        let mut room = limits.per_response;
        let mut chunks = Vec::new();
        for &(partition, from) in &request.wants {
            let there = self.readable[partition.ix()].saturating_sub(from);
            let count = there.min(limits.per_partition).min(room);
            if count > 0 {
                chunks.push((partition, from, from + count));
                room -= count;
            }
        }
        chunks
    }

    /// Whether what it would send is at least fetch.min.bytes (`DelayedFetch#tryComplete`).
    pub fn enough(&self, request: &Request, limits: Limits) -> bool {
        let chunks = self.read(request, limits);
        chunks.iter().map(|(_, from, to)| to - from).sum::<u64>() >= limits.min
    }

    /// Ids of the parked requests that ask for a partition.
    pub fn parked_for(&self, partition: PartitionId) -> Vec<u64> {
        let asks = |request: &&Request| request.wants.iter().any(|(asked, _)| *asked == partition);
        let waiting = self.parked.values().filter(asks);
        waiting.map(|request| request.id).collect()
    }
}

/// A FIFO token bucket, one call at a time, and places that calls hold for their latency.
#[derive(Debug)]
pub struct Limiter {
    pub rate: Option<(f64, f64)>,
    pub places: Option<u32>,
    /// Tokens at `counted_at`; those promised to callers in the queue are already taken off.
    tokens: f64,
    counted_at: SimTime,
    pub in_flight: u32,
    /// Calls that find no token are refused.
    pub refuses: bool,
    pub refused: u64,
}

impl Limiter {
    pub fn new(rate: Option<(f64, f64)>, places: Option<u32>) -> Self {
        let tokens = rate.map_or(0.0, |(_, burst)| burst);
        Limiter {
            rate,
            places,
            tokens,
            counted_at: SimTime::ZERO,
            in_flight: 0,
            refuses: false,
            refused: 0,
        }
    }

    /// When the caller that asks now gets its token, if it is not refused; callers are served in the order they ask.
    pub fn take(&mut self, now: SimTime) -> Option<SimTime> {
        let Some((rate, burst)) = self.rate else {
            return Some(now);
        };
        let gained = now.since(self.counted_at).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(burst);
        self.counted_at = now;
        if self.refuses && self.tokens < 1.0 {
            self.refused += 1;
            return None;
        }
        self.tokens -= 1.0;
        if self.tokens >= 0.0 {
            return Some(now);
        }
        Some(now + lagsim::units::SimDuration::from_secs_f64(-self.tokens / rate))
    }
}
