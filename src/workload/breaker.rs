//! A circuit breaker around the calls of one process: resilience4j's state machine (`CircuitBreakerStateMachine`,
//! `CircuitBreakerMetrics`) with a count-based window. Not what the application does while it is open.

use std::collections::VecDeque;

use crate::units::{SimDuration, SimTime};

/// When a breaker opens and closes: resilience4j's `CircuitBreakerConfig`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    /// Share of failed calls at which it opens, above 0 and at most 1.
    pub failure_rate_threshold: f64,
    /// How many of the last calls it looks at while it is closed (calls).
    pub sliding_window_size: u32,
    /// How many there must have been (calls); more than the window count as the window.
    pub minimum_number_of_calls: u32,
    /// How long it stays open.
    pub wait_duration_in_open_state: SimDuration,
    /// How many calls it looks at while it is half-open (calls).
    pub permitted_number_of_calls_in_half_open_state: u32,
}

impl Default for BreakerConfig {
    /// The defaults of resilience4j's `CircuitBreakerConfig`.
    fn default() -> Self {
        BreakerConfig {
            failure_rate_threshold: 0.5,
            sliding_window_size: 100,
            minimum_number_of_calls: 100,
            wait_duration_in_open_state: SimDuration::from_secs(60),
            permitted_number_of_calls_in_half_open_state: 10,
        }
    }
}

/// What a breaker is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through; it opens when too many of the window failed.
    Closed,
    /// No call goes through until then; the first one afterwards makes it half-open.
    Open {
        /// The end of its wait.
        until: SimTime,
    },
    /// Some calls go through: by them it closes, or opens again.
    HalfOpen,
}

/// A circuit breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    config: BreakerConfig,
    state: BreakerState,
    /// The calls looked at, oldest first: runs of (failed, how many).
    window: VecDeque<(bool, u64)>,
    calls: u64,
    failures: u64,
}

impl Breaker {
    /// A closed breaker that has seen no call.
    pub fn new(config: BreakerConfig) -> Self {
        Breaker {
            config,
            state: BreakerState::Closed,
            window: VecDeque::new(),
            calls: 0,
            failures: 0,
        }
    }

    /// What it is at.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Until when no call of `now` goes through, if none does.
    pub fn open_until(&self, now: SimTime) -> Option<SimTime> {
        match self.state {
            BreakerState::Open { until } if until > now => Some(until),
            _ => None,
        }
    }

    /// A call is made at `now`: an open breaker whose wait is over becomes half-open. Returns whether it did.
    pub fn let_through(&mut self, now: SimTime) -> bool {
        let waited = matches!(self.state, BreakerState::Open { until } if until <= now);
        if waited {
            self.turn(BreakerState::HalfOpen);
        }
        waited
    }

    /// So many calls ended one after another by `now`; returns whether its state is another than before.
    pub fn record(&mut self, now: SimTime, failed: bool, calls: u64) -> bool {
        let before = self.state;
        let open = matches!(before, BreakerState::Open { .. });
        debug_assert!(!open || calls == 0, "{calls} calls of an open breaker");
        let mut left = calls;
        while left > 0 && !matches!(self.state, BreakerState::Open { .. }) {
            // Successes next to successes change nothing one by one: only their number counts.
            let sure = !failed && self.failures == 0;
            let step = match self.state {
                BreakerState::HalfOpen if sure => left.min(self.size() - self.calls),
                _ if sure => left,
                _ => 1,
            };
            self.push(failed, step);
            left -= step;
            self.judge(now);
        }
        self.state != before
    }

    /// How many calls in a row have to fail until it opens; at least one.
    pub fn failures_to_open(&self) -> u64 {
        let mut ahead = self.clone();
        let mut failures = 0;
        while !matches!(ahead.state, BreakerState::Open { .. }) {
            ahead.record(SimTime::ZERO, true, 1);
            failures += 1;
        }
        failures.max(1)
    }

    /// Whether so many failures among the calls to come could open it, whatever else they are.
    pub fn may_open(&self, failures: u64) -> bool {
        let least = u64::from(self.config.minimum_number_of_calls);
        let least = least.min(u64::from(self.config.sliding_window_size));
        let least = match self.state {
            BreakerState::HalfOpen => least.min(self.size()),
            _ => least,
        };
        let most = (self.failures + failures) as f64;
        most >= self.config.failure_rate_threshold * least as f64 * (1.0 - 1e-9)
    }

    fn turn(&mut self, state: BreakerState) {
        self.state = state;
        self.window.clear();
        (self.calls, self.failures) = (0, 0);
    }

    fn size(&self) -> u64 {
        u64::from(match self.state {
            BreakerState::HalfOpen => self.config.permitted_number_of_calls_in_half_open_state,
            _ => self.config.sliding_window_size,
        })
    }

    fn push(&mut self, failed: bool, calls: u64) {
        match self.window.back_mut() {
            Some((same, run)) if *same == failed => *run += calls,
            _ => self.window.push_back((failed, calls)),
        }
        self.calls += calls;
        self.failures += if failed { calls } else { 0 };
        while self.calls > self.size() {
            let excess = self.calls - self.size();
            let Some((failed, run)) = self.window.front_mut() else {
                return;
            };
            let gone = excess.min(*run);
            *run -= gone;
            self.calls -= gone;
            self.failures -= if *failed { gone } else { 0 };
            if *run == 0 {
                self.window.pop_front();
            }
        }
    }

    fn judge(&mut self, now: SimTime) {
        let least = match self.state {
            BreakerState::HalfOpen => self.size(),
            _ => u64::from(self.config.minimum_number_of_calls).min(self.size()),
        };
        if self.calls < least {
            return;
        }
        let rate = self.failures as f64 / self.calls.max(1) as f64;
        if rate >= self.config.failure_rate_threshold {
            let until = now + self.config.wait_duration_in_open_state;
            self.turn(BreakerState::Open { until });
        } else if self.state == BreakerState::HalfOpen {
            self.turn(BreakerState::Closed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(secs)
    }

    #[test]
    fn it_opens_at_half_of_the_last_hundred_calls() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        assert!(!breaker.record(at(1), false, 1_000_000));
        assert_eq!(breaker.failures_to_open(), 50);
        assert!(!breaker.record(at(2), true, 49));
        assert!(breaker.record(at(3), true, 7));
        assert_eq!(breaker.state(), BreakerState::Open { until: at(63) });
        assert_eq!(breaker.open_until(at(62)), Some(at(63)));
        assert_eq!(breaker.open_until(at(63)), None);
    }

    #[test]
    fn it_does_not_open_before_the_least_number_of_calls() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        assert_eq!(breaker.failures_to_open(), 100);
        breaker.record(at(1), true, 60);
        // The hundredth call is a success, and the one at which sixty failures are too many.
        assert!(!breaker.record(at(2), false, 39));
        assert!(breaker.record(at(3), false, 1));
        let config = BreakerConfig {
            sliding_window_size: 20,
            ..BreakerConfig::default()
        };
        assert_eq!(
            Breaker::new(config).failures_to_open(),
            20,
            "a window of less"
        );
    }

    #[test]
    fn the_window_forgets_what_is_older() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        breaker.record(at(1), false, 100);
        breaker.record(at(1), true, 30);
        breaker.record(at(1), false, 80);
        // Ten of the thirty have left it.
        assert_eq!(breaker.failures_to_open(), 50 - 20 + 20);
        breaker.record(at(1), false, 20);
        assert_eq!(breaker.failures_to_open(), 50);
    }

    #[test]
    fn half_open_it_decides_by_the_permitted_calls() {
        for (failed, closes) in [(0, true), (4, true), (5, false), (10, false)] {
            let mut breaker = Breaker::new(BreakerConfig::default());
            breaker.record(at(0), true, 100);
            assert!(!breaker.let_through(at(59)));
            assert!(breaker.let_through(at(60)));
            assert!(!breaker.record(at(61), false, 10 - failed) || failed == 0);
            let changed = breaker.record(at(61), true, failed);
            assert!(changed || failed == 0);
            let closed = breaker.state() == BreakerState::Closed;
            assert_eq!(closed, closes, "{failed} failed");
        }
    }

    #[test]
    fn closed_again_it_has_forgotten_everything() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        breaker.record(at(0), true, 100);
        breaker.let_through(at(60));
        assert!(breaker.record(at(61), false, 11));
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.failures_to_open(), 99, "one success, then failures");
    }
}
