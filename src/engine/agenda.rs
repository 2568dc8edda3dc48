//! The future event list. Not a clock for members: they run lazily between its entries.
#![deny(clippy::float_arithmetic)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::units::SimTime;

/// Pending events, earliest first; events for the same instant leave in the order they were scheduled.
#[derive(Debug)]
pub struct Agenda<E> {
    now: SimTime,
    scheduled: u64,
    ties: Ties,
    pending: BinaryHeap<Reverse<Entry<E>>>,
}

/// In which order events of one instant leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// First scheduled, first out.
    #[default]
    FirstScheduled,
    /// Last scheduled, first out: what a test uses to find a hidden dependence on order.
    LastScheduled,
}

#[derive(Debug)]
struct Entry<E> {
    at: SimTime,
    order: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self::new(Ties::FirstScheduled)
    }
}

impl<E> Agenda<E> {
    /// An empty agenda at the start of the run.
    pub fn new(ties: Ties) -> Self {
        Agenda {
            now: SimTime::ZERO,
            scheduled: 0,
            ties,
            pending: BinaryHeap::new(),
        }
    }

    /// The instant of the event that left last.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// When the next event leaves.
    pub fn peek(&self) -> Option<SimTime> {
        self.pending.peek().map(|entry| entry.0.at)
    }

    /// Puts `event` on the agenda; one for [`SimTime::NEVER`] is dropped.
    ///
    /// # Panics
    /// If `at` is in the past, which is always a fault of the simulator.
    pub fn schedule(&mut self, at: SimTime, event: E) {
        assert!(at >= self.now, "event for {at} scheduled at {}", self.now);
        if at == SimTime::NEVER {
            return;
        }
        let order = match self.ties {
            Ties::FirstScheduled => self.scheduled,
            Ties::LastScheduled => u64::MAX - self.scheduled,
        };
        self.scheduled += 1;
        self.pending.push(Reverse(Entry { at, order, event }));
    }

    /// Takes the next event and moves the clock to it.
    pub fn pop(&mut self) -> Option<E> {
        let Reverse(entry) = self.pending.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}
