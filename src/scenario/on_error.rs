//! What becomes of a record that fails. Not of which records do.

use crate::units::SimDuration;
pub use crate::workload::BackOff;

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

/// What becomes of a record that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// Logged and skipped.
    Skip,
    /// Produced to a dead-letter topic.
    DeadLetter(Produce),
    /// Produced to the next retry topic ([`super::RetryTopic`]), where it is read again after a delay, and after the last
    /// of them to the dead-letter topic.
    RetryTopic(Produce),
    /// Not given up: the process exits, and is started again by its supervisor.
    Crash {
        /// Whether it closes its consumer on the way out.
        closes: bool,
    },
}

/// A produce of a record that is given up, and what comes of one to the dead-letter topic that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Produce {
    /// How long it takes, acknowledged or refused.
    pub takes: SimDuration,
    /// After this long without an answer the producer gives up (delivery.timeout.ms): longer than `takes`.
    pub timeout: SimDuration,
    /// What the application does about a record that could not be produced.
    pub on_failure: OnFailure,
}

/// What the application does about a record that it could not produce to the dead-letter topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The record starts anew with all its attempts: in its handler, or sought back to where its attempts are.
    Retry,
    /// Logged and skipped.
    Skip,
    /// The process exits, without closing its consumer.
    Crash,
}

/// How the dead-letter topic answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeadLetterTopic {
    /// It takes what is produced to it.
    #[default]
    Up,
    /// No answer comes.
    Stopped,
    /// It refuses what is produced to it.
    Failing,
}

impl Produce {
    /// One that takes so long. A failed one is given up after delivery.timeout.ms of Kafka's producer, 2 min, and the record
    /// starts anew, as Spring's `DefaultErrorHandler` has it (`resetStateOnRecoveryFailure`).
    pub const fn taking(takes: SimDuration) -> Self {
        Produce {
            takes,
            timeout: SimDuration::from_secs(120),
            on_failure: OnFailure::Retry,
        }
    }
}

impl OnError {
    /// Whether the process exits in the end.
    pub fn crashes(&self) -> bool {
        self.then().is_some_and(|then| then.crashes())
    }

    /// Whether the process exits in the end, or if the dead-letter topic is down then.
    pub fn may_crash(&self) -> bool {
        self.then().is_some_and(|then| then.may_crash())
    }

    /// Whether the process may exit without closing its consumer, so that the group does not know.
    pub fn dies_silently(&self) -> bool {
        let closes = Some(GiveUp::Crash { closes: true });
        self.may_crash() && self.then() != closes
    }

    /// What giving up means, if it ever does.
    pub fn then(&self) -> Option<GiveUp> {
        match self {
            OnError::Retry { then, .. } => Some(*then),
            OnError::RetryForever(_) => None,
        }
    }

    /// Whether each of its attempts is in a poll of its own, sought back to with the rest of the poll.
    pub fn seeks(&self) -> bool {
        matches!(self, OnError::Retry { seeks: true, .. })
    }

    /// Whether the record stays where it is, whatever is tried.
    pub fn never_gives_up(&self) -> bool {
        matches!(self, OnError::RetryForever(_)) || self.crashes()
    }
}

impl GiveUp {
    /// How long it takes if what is produced is taken.
    pub fn takes(&self) -> SimDuration {
        match self {
            GiveUp::DeadLetter(produce) | GiveUp::RetryTopic(produce) => produce.takes,
            GiveUp::Skip | GiveUp::Crash { .. } => SimDuration::ZERO,
        }
    }

    /// Whether the process exits.
    pub fn crashes(&self) -> bool {
        matches!(self, GiveUp::Crash { .. })
    }

    /// Whether the process exits, or does if the dead-letter topic is down.
    pub fn may_crash(&self) -> bool {
        let letter = self.dead_letter();
        self.crashes() || letter.is_some_and(|own| own.on_failure == OnFailure::Crash)
    }

    /// The produce to the dead-letter topic that it comes to, behind all retry topics if there are any.
    pub fn dead_letter(&self) -> Option<Produce> {
        match self {
            GiveUp::DeadLetter(produce) | GiveUp::RetryTopic(produce) => Some(*produce),
            GiveUp::Skip | GiveUp::Crash { .. } => None,
        }
    }
}
