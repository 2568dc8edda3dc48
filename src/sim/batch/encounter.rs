//! When a batch comes to the poison records in it, and when it is over with each: whenever, and however often, it is looked at.

use super::{Batch, Stage};
use crate::units::{SimDuration, SimTime};

/// What has been noted of a batch's encounters with poison.
#[derive(Clone, Debug, Default)]
pub(super) struct Encounters {
    /// Stages before this one are over.
    over: usize,
    /// This one has begun.
    begun: bool,
    /// Up to when has been noted what there was to note.
    until: SimTime,
    /// Not told yet, in order of time.
    untold: Vec<Encounter>,
}

/// A batch comes to a poison record, or an attempt at it is over.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Encounter {
    pub at: SimTime,
    pub stage: Stage,
    pub over: bool,
}

impl Encounters {
    /// Of the batch's stages only the first, so many, stand; the one in hand goes on.
    pub fn stand(&mut self, stages: usize) {
        self.over = self.over.min(stages);
    }

    /// The same, and the next begins anew.
    pub fn back_to(&mut self, stages: usize) {
        if self.over >= stages {
            (self.over, self.begun) = (stages, false);
        }
    }
}

impl Batch {
    /// Notes which poison records it has come to, and is over with, by `at`: to be done before its speed or its plan changes.
    #[inline]
    pub(super) fn note_encounters(&mut self, at: SimTime) {
        if self.poison {
            self.note_encounters_with_poison(at); // As hardly ever.
        }
    }

    #[cold]
    fn note_encounters_with_poison(&mut self, at: SimTime) {
        let Encounters {
            mut over,
            mut begun,
            until,
            mut untold,
        } = std::mem::take(&mut self.encounters);
        while let Some(&stage) = self.stages.get(over) {
            let accounted = over < self.accounted.0;
            let comes = |work| {
                let comes = self.ended_at(work);
                // What a plan begins with counts from when it was made.
                (accounted || comes <= at).then_some(comes.max(until).min(at))
            };
            if !begun {
                let before = over.checked_sub(1).map(|before| self.stages[before].ends);
                let Some(at) = comes(before.unwrap_or_default()) else {
                    break;
                };
                begun = true;
                untold.extend(stage.is_poison().then_some(Encounter {
                    at,
                    stage,
                    over: false,
                }));
            }
            let ends = Some(stage.ends).filter(|ends| *ends != SimDuration::FOREVER);
            let Some(at) = ends.and_then(comes) else {
                break;
            };
            (over, begun) = (over + 1, false);
            untold.extend(stage.is_poison().then_some(Encounter {
                at,
                stage,
                over: true,
            }));
        }
        self.encounters = Encounters {
            over,
            begun,
            until: until.max(at),
            untold,
        };
    }

    /// What it has come to of poison by `at` and was not told yet, in order of time.
    pub fn encounters(&mut self, at: SimTime) -> Vec<Encounter> {
        self.note_encounters(at);
        std::mem::take(&mut self.encounters.untold)
    }
}
