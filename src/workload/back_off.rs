//! Pauses between attempts at something that fails. Not what is tried, nor how often.

use crate::units::SimDuration;

/// Pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackOff {
    /// Before the second attempt.
    pub first: SimDuration,
    /// Each further pause is this many times the one before.
    pub multiplier: f64,
    /// Never longer than this.
    pub max: SimDuration,
}

impl BackOff {
    /// The same pause every time.
    pub const fn constant(pause: SimDuration) -> Self {
        BackOff {
            first: pause,
            multiplier: 1.0,
            max: pause,
        }
    }

    /// No pauses.
    pub const NONE: BackOff = BackOff::constant(SimDuration::ZERO);

    /// The pause before the next attempt, after `failed` of them: at least one.
    pub fn after(&self, failed: u32) -> SimDuration {
        let mut pause = self.first.min(self.max);
        for _ in 1..failed {
            pause = self.longer(pause);
        }
        pause
    }

    /// All pauses between `attempts`.
    pub fn all_between(&self, attempts: u32) -> SimDuration {
        let (mut sum, mut pause) = (SimDuration::ZERO, self.first.min(self.max));
        for nth in 1..attempts {
            if self.multiplier == 1.0 || pause == self.max {
                return sum + pause * u64::from(attempts - nth);
            }
            sum += pause;
            pause = self.longer(pause);
        }
        sum
    }

    /// The pause that comes after another.
    pub fn longer(&self, pause: SimDuration) -> SimDuration {
        SimDuration::from_secs_f64(pause.as_secs_f64() * self.multiplier).min(self.max)
    }
}
