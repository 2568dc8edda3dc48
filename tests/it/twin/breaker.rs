//! A circuit breaker of the twin: the last outcomes one by one, by resilience4j's rules.

use std::collections::VecDeque;

use lagsim::units::SimTime;
use lagsim::workload::BreakerConfig;

#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    /// Whether each of the last calls failed.
    failed: VecDeque<bool>,
    /// The end of the wait, if it is open.
    pub open_until: Option<SimTime>,
    half_open: bool,
    /// How often it has opened.
    pub opened: u64,
}

impl Breaker {
    pub fn new(config: BreakerConfig) -> Self {
        Breaker {
            config,
            failed: VecDeque::new(),
            open_until: None,
            half_open: false,
            opened: 0,
        }
    }

    /// A call ends; returns whether it opens by it.
    pub fn see(&mut self, now: SimTime, failed: bool) -> bool {
        if let Some(until) = self.open_until {
            assert!(now >= until, "nobody calls while it is open");
            (self.open_until, self.half_open) = (None, true);
        }
        self.failed.push_back(failed);
        let permitted = self.config.permitted_number_of_calls_in_half_open_state as usize;
        let window = self.config.sliding_window_size as usize;
        let least = match self.half_open {
            true => permitted,
            false => window.min(self.config.minimum_number_of_calls as usize),
        };
        if !self.half_open && self.failed.len() > window {
            self.failed.pop_front();
        }
        if self.failed.len() < least {
            return false;
        }
        let failures = self.failed.iter().filter(|failed| **failed).count();
        let opens =
            failures as f64 / self.failed.len() as f64 >= self.config.failure_rate_threshold;
        if opens || self.half_open {
            self.failed.clear();
            self.half_open = false;
        }
        if opens {
            self.open_until = Some(now + self.config.wait_duration_in_open_state);
            self.opened += 1;
        }
        opens
    }
}
