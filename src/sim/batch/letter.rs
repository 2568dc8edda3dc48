//! A record of a batch that is produced to the dead-letter topic: what becomes of it if that answers otherwise meanwhile, and
//! how it starts anew.

use super::super::giving_up::{End, end_of, give_up, turned};
use super::super::outage::CallFailure;
use super::in_hand::InHand;
use super::{Batch, Kind, Stage, Workshop};
use crate::scenario::{GiveUp, Produce};
use crate::units::{PartitionId, SimDuration, SimTime};

/// How a record came to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    /// How often a poison record was tried in this batch; 0 of one whose calls fail.
    pub attempts: u32,
    /// Known by its offset, so worth a line in the list of events.
    pub named: bool,
    /// Each of its attempts is in a batch of its own.
    pub seeks: bool,
}

/// A record that is given up to the dead-letter topic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub tried: Tried,
    pub produce: Produce,
    /// From when the record is begun until its produce is.
    pub after: SimDuration,
    /// How long that takes, as the dead-letter topic answers.
    pub takes: SimDuration,
}

impl Tried {
    /// Of a record whose calls fail.
    pub const IN_CALLS: Tried = Tried {
        attempts: 0,
        named: false,
        seeks: false,
    };

    /// What a stage is whose record comes to this end.
    pub fn kind(self, end: End) -> Kind {
        let Tried {
            attempts,
            named,
            seeks,
        } = self;
        match end {
            End::Done(fate) => Kind::GivenUp {
                fate,
                attempts,
                named,
            },
            End::Anew => Kind::Anew { attempts, seeks },
            End::Exit { closes } if attempts == 0 => Kind::Exit { closes },
            End::Exit { closes } => Kind::Crash { closes, attempts },
        }
    }
}

impl Letter {
    /// Of a record whose produce is begun so long after it is begun itself, and takes so long; `None` if it goes elsewhere.
    pub fn of(
        then: GiveUp,
        tried: Tried,
        (after, takes): (SimDuration, SimDuration),
    ) -> Option<Self> {
        match then {
            GiveUp::DeadLetter(produce) => Some(Letter {
                tried,
                produce,
                after,
                takes,
            }),
            GiveUp::Skip | GiveUp::RetryTopic(_) | GiveUp::Crash { .. } => None,
        }
    }
}

impl Stage {
    /// Whether a process exits because its record could not be produced to the dead-letter topic.
    pub fn exits_undelivered(&self) -> bool {
        let exits = matches!(self.kind, Kind::Crash { .. } | Kind::Exit { .. });
        exits && self.letter.is_some()
    }
}

impl Batch {
    /// Whether some of it may go to the dead-letter topic.
    pub fn minds_dead_letters(&self) -> bool {
        let of_calls = self.failure.map(|failure| failure.gives_up.then);
        self.poison
            || of_calls.is_some_and(|then| then.dead_letter().is_some())
            || self.planned().iter().any(|stage| stage.letter.is_some())
    }

    /// What giving up a record comes to whose calls fail.
    pub(super) fn end_of_calls(&self, failure: CallFailure) -> (SimDuration, End) {
        give_up(self.dead_letter, failure.gives_up.then)
    }

    /// How such a record goes to the dead-letter topic, if it does.
    pub(super) fn letter_of_calls(
        &self,
        partition: PartitionId,
        offset: u64,
        shop: &mut Workshop,
    ) -> Option<Letter> {
        let failure = self.failure?;
        let (to, which) = (offset + 1, failure.which);
        let before = (shop.topic).work_before(partition, offset, to, self.settings, which);
        let times = (before + failure.length(), self.end_of_calls(failure).0);
        Letter::of(failure.gives_up.then, Tried::IN_CALLS, times)
    }

    /// What becomes of the record in hand whose stage, as far as it is left, this is.
    pub(super) fn letter_in_hand(
        &self,
        stage: Stage,
        letter: Letter,
        shop: &mut Workshop,
    ) -> InHand {
        let each = self.each_commit(shop.scenario);
        let rest = stage.ends.saturating_sub(each * (stage.to - stage.from));
        let elapsed = self.elapsed(&stage, SimDuration::ZERO, shop);
        let topic = shop.topic.dead_letter;
        let turns = self.dead_letter != topic;
        if elapsed < letter.after {
            let of_calls = letter.tried.attempts == 0;
            let tried = of_calls.then(|| self.tried_on(stage.partition, stage.from, elapsed, shop));
            return match tried.flatten() {
                Some(in_hand) => in_hand,
                None if turns => InHand::begun(elapsed),
                None => InHand::kept(stage),
            };
        }
        // Once it is over, what is left is the commit.
        if !turns || rest.is_zero() {
            return InHand::kept(stage);
        }
        let since = elapsed.saturating_sub(letter.after);
        let turn = (self.dead_letter, topic);
        let takes = turned(turn, letter.produce, (since, letter.takes));
        let kind = letter.tried.kind(end_of(topic, letter.produce, takes));
        let to = stage.from + u64::from(kind.is_done_with());
        InHand {
            kept: Some(Stage {
                kind,
                to,
                ends: letter.after + takes + each * (to - stage.from),
                letter: Some(Letter { takes, ..letter }),
                ..stage
            }),
            ..InHand::begun(elapsed)
        }
    }

    /// The record at its end that starts anew in its handler, and how often it was tried if it is poison.
    pub fn starts_anew(&self) -> Option<(Stage, u32)> {
        let last = self.stages.last().copied()?;
        match last.kind {
            Kind::Anew {
                seeks: false,
                attempts,
            } => Some((last, attempts)),
            _ => None,
        }
    }

    /// Everything before the record that [starts anew](Self::starts_anew) is done, and that one begins at `now`.
    pub fn start_anew(&mut self, now: SimTime, shop: &mut Workshop) {
        self.drop_last(now, shop);
        self.go_on(now, InHand::default(), shop);
    }

    /// The last stage is over, and everything before it is done.
    pub fn drop_last(&mut self, now: SimTime, shop: &mut Workshop) {
        self.account_all(now, shop);
        self.note_encounters(now);
        self.stages.pop();
        let before = self.stages.len();
        self.accounted = (before, 0);
        self.encounters.back_to(before);
    }
}
