//! The reference workload as a plain heap with an event per record, nothing else: what speed is measured against, and
//! an independent answer. Its poll takes what the log has at that moment.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;

use lagsim::engine::{Address, Purpose, Words};

const PARTITIONS: usize = 12;
const MEMBERS: usize = 6;
const MOST: usize = 500;
const SECOND: u64 = 1_000_000_000;
const COMMIT: u64 = 2_000_000;
const HOUR: u64 = 3_600 * SECOND;
/// When nobody does anything.
const PAUSE: Range<u64> = 1_800 * SECOND..1_810 * SECOND;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Append,
    Done(usize),
    Committed(usize),
    Sample,
}

struct Member {
    /// Records of the batch in hand that are not finished.
    left: usize,
    batch: usize,
    idle: bool,
    first: usize,
}

struct World {
    now: u64,
    pause: Range<u64>,
    heap: BinaryHeap<Reverse<(u64, u64, Event)>>,
    scheduled: u64,
    unread: Vec<VecDeque<u64>>,
    members: Vec<Member>,
    draws: Words,
    lag: u64,
    polls: u64,
    lag_sum: u64,
    lag_most: u64,
}

impl World {
    fn at(&mut self, time: u64, event: Event) {
        // During the freeze work stands still.
        let frozen = !matches!(event, Event::Append | Event::Sample);
        let crosses = frozen && self.now < self.pause.start && time >= self.pause.start;
        let time = if crosses { time + 10 * SECOND } else { time };
        self.scheduled += 1;
        self.heap.push(Reverse((time, self.scheduled, event)));
    }

    fn exponential(&mut self, mean: f64) -> u64 {
        (-self.draws.uniform().ln() * mean) as u64
    }

    fn poll(&mut self, member: usize) {
        if self.pause.contains(&self.now) {
            self.at(self.pause.end, Event::Committed(member));
            self.members[member].batch = 0;
            return;
        }
        let first = self.members[member].first;
        let mut taken = 0;
        for partition in [2 * member + first, 2 * member + 1 - first] {
            let count = self.unread[partition].len().min(MOST - taken);
            self.unread[partition].drain(..count);
            taken += count;
        }
        self.members[member].idle = taken == 0;
        if taken > 0 {
            self.polls += 1;
            self.members[member].first = 1 - first;
            (self.members[member].left, self.members[member].batch) = (taken, taken);
            self.work(member);
        }
    }

    fn work(&mut self, member: usize) {
        let length = self.exponential(4_000_000.0);
        self.at(self.now + length, Event::Done(member));
    }

    fn handle(&mut self, event: Event, gap: f64) {
        match event {
            Event::Append => {
                let partition = (self.draws.word() % PARTITIONS as u64) as usize;
                self.unread[partition].push_back(self.now);
                self.lag += 1;
                let next = self.exponential(gap);
                self.at(self.now + next, Event::Append);
                if self.members[partition / 2].idle {
                    self.members[partition / 2].idle = false;
                    self.poll(partition / 2);
                }
            }
            Event::Done(member) => {
                self.members[member].left -= 1;
                if self.members[member].left > 0 {
                    self.work(member);
                } else {
                    self.at(self.now + COMMIT, Event::Committed(member));
                }
            }
            Event::Committed(member) => {
                self.lag -= self.members[member].batch as u64;
                self.poll(member);
            }
            Event::Sample => {
                self.lag_sum += self.lag;
                self.lag_most = self.lag_most.max(self.lag);
                self.at(self.now + SECOND, Event::Sample);
            }
        }
    }
}

/// One simulated hour at `rate` records/s, with the pause in its middle or without; returns the polls that found something, and
/// the highest, mean and last lag of the samples at each second.
pub fn hour(rate: f64, seed: u64, paused: bool) -> [f64; 4] {
    let member = || Member {
        left: 0,
        batch: 0,
        idle: true,
        first: 0,
    };
    let mut world = World {
        now: 0,
        pause: if paused { PAUSE } else { HOUR + 1..HOUR + 1 },
        heap: BinaryHeap::new(),
        scheduled: 0,
        unread: vec![VecDeque::new(); PARTITIONS],
        members: (0..MEMBERS).map(|_| member()).collect(),
        draws: Address::new(seed, 0, Purpose::Phase, "per-record").words(0, 0),
        lag: 0,
        polls: 0,
        lag_sum: 0,
        lag_most: 0,
    };
    let gap = 1e9 / rate;
    world.at(0, Event::Append);
    world.at(SECOND, Event::Sample);
    while let Some(Reverse((time, _, event))) = world.heap.pop() {
        if time > HOUR {
            break;
        }
        world.now = time;
        world.handle(event, gap);
    }
    let mean = world.lag_sum as f64 / (HOUR / SECOND) as f64;
    [
        world.polls as f64,
        world.lag_most as f64,
        mean,
        world.lag as f64,
    ]
}
