//! The record in hand: how long it has been worked on, and what becomes of it if the rest of its batch is planned anew.

use super::super::giving_up::End;
use super::super::outage::CallFailure;
use super::letter::Tried;
use super::{Batch, Kind, Stage, Workshop};
use crate::units::{PartitionId, SimDuration, SimTime};

/// The record in hand as a batch is planned anew.
#[derive(Default)]
pub(in crate::sim) struct InHand {
    /// It is gone on with as this stage.
    pub kept: Option<Stage>,
    /// What has been worked on it already, of that stage or of what is planned for it anew.
    pub head: SimDuration,
    /// Until its next attempt.
    pub wait: SimDuration,
}

impl InHand {
    /// It is gone on with as this stage, of which that is left.
    pub fn kept(stage: Stage) -> Self {
        InHand {
            kept: Some(stage),
            ..InHand::default()
        }
    }

    /// So much has been worked on it.
    pub fn begun(head: SimDuration) -> Self {
        InHand {
            head,
            ..InHand::default()
        }
    }
}

impl Batch {
    /// What becomes of the record in hand at `now`, everything before it being accounted for.
    pub(super) fn in_hand(&self, now: SimTime, shop: &mut Workshop) -> InHand {
        let Some(stage) = self.stages.get(self.accounted.0).copied() else {
            return InHand::default();
        };
        let worked = self.worked(now);
        let calls = stage.is_stretch() || stage.stands_at_its_calls();
        if self.callers > 1 {
            return match calls {
                true => InHand::default(),
                false => InHand::kept(stage.after(worked)),
            };
        }
        let elapsed = self.elapsed(&stage, worked, shop);
        if let Some(chance) = stage.chance {
            return self.chance_in_hand(stage.after(worked), chance, shop);
        }
        if let Kind::Opens(_) = stage.kind {
            let tried = self.tried_on(stage.partition, stage.from, elapsed, shop);
            return tried.unwrap_or(InHand::begun(elapsed));
        }
        if let Some(letter) = stage.letter {
            return self.letter_in_hand(stage.after(worked), letter, shop);
        }
        if !calls {
            return InHand::kept(stage.after(worked));
        }
        let from = stage.from + self.accounted.1;
        match (
            self.tried_on(stage.partition, from, elapsed, shop),
            stage.kind,
        ) {
            (Some(in_hand), _) => in_hand,
            // Its attempts are over: it is being produced to another topic, or committed.
            (None, Kind::Failing { fate }) => {
                let after = self.work_of(&stage, from + 1, stage.to, shop)
                    + self.each_commit(shop.scenario) * (stage.to - from - 1);
                let one = Stage {
                    from,
                    to: from + 1,
                    kind: Tried::IN_CALLS.kind(End::Done(fate)),
                    letter: self.letter_of_calls(stage.partition, from, shop),
                    ends: stage.ends.saturating_sub(after),
                    ..stage
                };
                let one = one.after(worked);
                match one.letter {
                    Some(letter) => self.letter_in_hand(one, letter, shop),
                    None => InHand::kept(one),
                }
            }
            (None, _) => InHand::kept(stage.after(worked)),
        }
    }

    /// How long the record in hand has been worked on after so much of the plan, whose stage this is.
    pub(super) fn elapsed(
        &self,
        stage: &Stage,
        worked: SimDuration,
        shop: &mut Workshop,
    ) -> SimDuration {
        let each = self.each_commit(shop.scenario);
        let length = match (stage.chance, stage.letter, stage.kind) {
            (Some(chance), ..) => self.length_of_lost(stage, chance, shop),
            (_, _, Kind::Opens(opening)) => opening.after,
            (_, Some(letter), _) => letter.after + letter.takes,
            _ if stage.is_stretch() || stage.stands_at_its_calls() => {
                let from = stage.from + self.accounted.1;
                let to = stage.to.max(from + u64::from(!stage.is_stretch()));
                let rest =
                    self.work_of(stage, from, to, shop) + each * stage.to.saturating_sub(from);
                return worked.saturating_sub(stage.ends.saturating_sub(rest));
            }
            _ => return SimDuration::ZERO,
        };
        let left = stage.after(worked).ends;
        length.saturating_sub(left.saturating_sub(each * (stage.to - stage.from)))
    }

    /// What becomes of a record that has been in hand for `elapsed`: its calls are made, or fail. `None` if its attempts are
    /// over.
    pub(super) fn tried_on(
        &self,
        partition: PartitionId,
        offset: u64,
        elapsed: SimDuration,
        shop: &mut Workshop,
    ) -> Option<InHand> {
        let fails = shop.topic.failure_of(self.settings);
        let which = |own: CallFailure| own.which;
        let (failing, failed) = (fails.map(which), self.failure.map(which));
        // Where two fail at once it counts as standing at the first.
        let at = failed.into_iter().chain(failing).min().unwrap_or(0);
        let before = (shop.topic).work_before(partition, offset, offset + 1, self.settings, at);
        let wait = match self.failure {
            Some(failure) if failure.which == at && elapsed >= before => {
                failure.next_attempt(elapsed.saturating_sub(before))?
            }
            _ => SimDuration::ZERO,
        };
        if self.failure == fails {
            return Some(InHand::begun(elapsed));
        }
        Some(InHand {
            wait,
            ..InHand::begun(elapsed.min(before))
        })
    }
}
