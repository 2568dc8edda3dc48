//! Giving a record up: after which attempts, how long it takes, and what becomes of the record, by how the dead-letter topic
//! answers. A producer whose produce gets no answer goes on trying until its timeout, so one that is under way when the topic comes back
//! is acknowledged then; what is answered is answered by how the topic is as the answer comes.

use super::Fate;
use super::member::Member;
use super::topic::Topic;
use super::world::World;
use crate::scenario::{DeadLetterTopic, GiveUp, OnError, OnFailure, Produce, Scenario};
use crate::units::{SimDuration, SimTime};

/// What becomes of a record that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The application is done with it.
    Done(Fate),
    /// It starts anew: it could not be produced to the dead-letter topic.
    Anew,
    /// The process exits.
    Exit {
        /// Whether it closes its consumer on the way out.
        closes: bool,
    },
}

/// What giving up comes to as long as the dead-letter topic answers so: how long it takes, and what becomes of the record.
pub(super) fn give_up(topic: DeadLetterTopic, then: GiveUp) -> (SimDuration, End) {
    let end = match then {
        GiveUp::DeadLetter(produce) => {
            let takes = match topic {
                DeadLetterTopic::Up | DeadLetterTopic::Failing => produce.takes,
                DeadLetterTopic::Stopped => produce.timeout,
            };
            return (takes, end_of(topic, produce, takes));
        }
        GiveUp::Skip => End::Done(Fate::Skipped),
        GiveUp::RetryTopic(_) => End::Done(Fate::PassedOn),
        GiveUp::Crash { closes } => End::Exit { closes },
    };
    (then.takes(), end)
}

/// How a produce to the dead-letter topic ends that `takes` so long in all.
pub(super) fn end_of(topic: DeadLetterTopic, produce: Produce, takes: SimDuration) -> End {
    if topic == DeadLetterTopic::Up && takes < produce.timeout {
        return End::Done(Fate::DeadLettered);
    }
    match produce.on_failure {
        OnFailure::Retry => End::Anew,
        OnFailure::Skip => End::Done(Fate::Undelivered),
        OnFailure::Crash => End::Exit { closes: false },
    }
}

/// How long a produce takes in all that has been under way for `since`, and would have taken `takes`, if the dead-letter topic
/// turns from answering as it did `before` to how it does `now`.
pub(super) fn turned(
    (before, now): (DeadLetterTopic, DeadLetterTopic),
    produce: Produce,
    (since, takes): (SimDuration, SimDuration),
) -> SimDuration {
    match (before, now) {
        (_, DeadLetterTopic::Stopped) => produce.timeout,
        (DeadLetterTopic::Stopped, _) => (since + produce.takes).min(produce.timeout),
        (DeadLetterTopic::Up | DeadLetterTopic::Failing, _) => takes,
    }
}

/// How long a poison record takes in a batch until the end of its attempts, how many the batch makes, and what comes then;
/// `None` if there is no end to them, or it does not come after it has failed `tried` times before.
pub(super) fn last_attempts(
    on_error: &OnError,
    attempt: SimDuration,
    tried: u32,
) -> Option<(SimDuration, u32, GiveUp)> {
    let OnError::Retry {
        attempts,
        back_off,
        then,
        seeks,
    } = on_error
    else {
        return None;
    };
    let (attempts, pauses) = match seeks {
        true if tried + 1 < *attempts => return None,
        true => (1, SimDuration::ZERO),
        false => (*attempts, back_off.all_between(*attempts)),
    };
    Some((attempt * u64::from(attempts) + pauses, attempts, *then))
}

impl Member {
    /// What is given up by `now` of a batch that takes another time from then on was given up at the pace it had before.
    pub fn account_given_up(&mut self, now: SimTime, scenario: &Scenario, topic: &mut Topic) {
        if self.batch.gives_up() {
            self.account_until(now, scenario, topic);
        }
    }
}

impl World<'_> {
    /// The dead-letter topic answers so from now on: also to what is under way.
    pub fn change_dead_letter_topic(&mut self, answers: DeadLetterTopic) {
        let now = self.now();
        self.advance(now);
        self.topic.dead_letter = answers;
        self.pace(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: DeadLetterTopic = DeadLetterTopic::Up;
    const STOPPED: DeadLetterTopic = DeadLetterTopic::Stopped;
    const FAILING: DeadLetterTopic = DeadLetterTopic::Failing;

    fn secs(secs: u64) -> SimDuration {
        SimDuration::from_secs(secs)
    }

    fn produce(on_failure: OnFailure) -> Produce {
        Produce {
            takes: secs(3),
            timeout: secs(20),
            on_failure,
        }
    }

    #[test]
    fn a_produce_is_given_up_after_its_timeout_and_refused_when_it_would_be_acknowledged() {
        let found = [UP, FAILING, STOPPED].map(|topic| {
            [OnFailure::Retry, OnFailure::Skip, OnFailure::Crash]
                .map(|then| give_up(topic, GiveUp::DeadLetter(produce(then))))
        });
        let failed = [
            End::Anew,
            End::Done(Fate::Undelivered),
            End::Exit { closes: false },
        ];
        assert_eq!(found[0], [(secs(3), End::Done(Fate::DeadLettered)); 3]);
        assert_eq!(found[1], failed.map(|end| (secs(3), end)));
        assert_eq!(found[2], failed.map(|end| (secs(20), end)));
        // A retry topic is another topic.
        let passed_on = give_up(STOPPED, GiveUp::RetryTopic(produce(OnFailure::Crash)));
        assert_eq!(passed_on, (secs(3), End::Done(Fate::PassedOn)));
    }

    #[test]
    fn a_produce_under_way_is_answered_by_how_the_topic_is_as_the_answer_comes() {
        let own = produce(OnFailure::Retry);
        let rows = [
            // It stops under one that would have been answered: it is tried until its timeout.
            ((UP, STOPPED), (2, 3), 20),
            ((FAILING, STOPPED), (2, 3), 20),
            // It comes back, or refuses: the next try is answered.
            ((STOPPED, UP), (10, 20), 13),
            ((STOPPED, FAILING), (10, 20), 13),
            // Too late for another try.
            ((STOPPED, UP), (18, 20), 20),
            // The answer that is due comes, and is another.
            ((UP, FAILING), (2, 3), 3),
            ((FAILING, UP), (2, 3), 3),
            ((FAILING, UP), (12, 13), 13),
        ];
        for (turn, (since, takes), expected) in rows {
            let found = turned(turn, own, (secs(since), secs(takes)));
            assert_eq!(found, secs(expected), "{turn:?} {since} of {takes}");
            let taken = turn.1 == UP && expected < 20;
            let end = end_of(turn.1, own, found);
            assert_eq!(end == End::Done(Fate::DeadLettered), taken, "{turn:?}");
        }
    }
}
