//! What becomes of a record that fails. Not of which records do.

use crate::units::SimDuration;

/// What the application does with a record that fails.
#[derive(Clone, Debug, PartialEq)]
pub enum OnError {
    /// Never gives up.
    RetryForever(RetryBy),
    /// Attempts in all, with a pause between two, then gives up.
    Retry {
        /// Attempts in all, at least 1.
        attempts: u32,
        /// Pause before the next attempt.
        back_off: BackOff,
        /// What giving up means.
        then: GiveUp,
        /// Each attempt is in a poll of its own, sought back to with the rest of the poll (Spring: `seekAfterError`).
        seeks: bool,
    },
}

/// How a record is retried for ever.
#[derive(Clone, Debug, PartialEq)]
pub enum RetryBy {
    /// Seek back to it, pause its partition for a while, go on with the others.
    Seek {
        /// How long the partition is paused.
        back_off: SimDuration,
    },
    /// Again and again inside the handler: nothing else moves, and no poll.
    InPlace,
}

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

/// What becomes of a record that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// Logged and skipped.
    Skip,
    /// Produced to a dead-letter topic.
    DeadLetter {
        /// How long the produce takes, acknowledged.
        produce: SimDuration,
    },
    /// Produced to the next retry topic ([`super::RetryTopic`]), where it is read again after a delay.
    RetryTopic {
        /// How long the produce takes, acknowledged.
        produce: SimDuration,
    },
    /// Not given up: the process exits, and is started again by its supervisor.
    Crash {
        /// Whether it closes its consumer on the way out.
        closes: bool,
    },
}

impl OnError {
    /// Whether the process exits in the end.
    pub fn crashes(&self) -> bool {
        self.then().is_some_and(|then| then.crashes())
    }

    /// What giving up means, if it ever does.
    pub fn then(&self) -> Option<GiveUp> {
        match self {
            OnError::Retry { then, .. } => Some(*then),
            OnError::RetryForever(_) => None,
        }
    }

    /// Whether the record stays where it is, whatever is tried.
    pub fn never_gives_up(&self) -> bool {
        matches!(self, OnError::RetryForever(_)) || self.crashes()
    }
}

impl GiveUp {
    /// How long it takes.
    pub fn takes(&self) -> SimDuration {
        match self {
            GiveUp::DeadLetter { produce } | GiveUp::RetryTopic { produce } => *produce,
            GiveUp::Skip | GiveUp::Crash { .. } => SimDuration::ZERO,
        }
    }

    /// Whether the process exits.
    pub fn crashes(&self) -> bool {
        matches!(self, GiveUp::Crash { .. })
    }
}

impl BackOff {
    /// No pauses.
    pub const NONE: BackOff = BackOff {
        first: SimDuration::ZERO,
        multiplier: 1.0,
        max: SimDuration::ZERO,
    };

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
        let (mut sum, mut pause) = (SimDuration::ZERO, self.first);
        for _ in 1..attempts {
            sum += pause.min(self.max);
            pause = self.longer(pause);
        }
        sum
    }

    fn longer(&self, pause: SimDuration) -> SimDuration {
        SimDuration::from_secs_f64(pause.as_secs_f64() * self.multiplier).min(self.max)
    }
}
