//! Records of a batch that are given up because attempts at one of their calls fail by chance, as often as they may. Not
//! outages, in which all attempts do.

use super::super::giving_up::{End, give_up};
use super::in_hand::InHand;
use super::letter::{Letter, Tried};
use super::{Batch, Stage, Workshop};
use crate::kafka::Run;
use crate::scenario::GiveUp;
use crate::sim::topic::Lost;
use crate::units::{PartitionId, SimDuration};

/// How a record is given up by chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    lost: Lost,
    /// From when the record is begun until its last attempt has failed.
    pub after: SimDuration,
    /// That was before the batch was planned as it is now.
    over: bool,
}

impl Stage {
    /// The record that is given up by chance, if it is one.
    pub fn lost_by_chance(&self) -> Option<Lost> {
        self.chance.map(|chance| chance.lost)
    }

    /// Whether the calls of such a record are part of the plan.
    pub(super) fn makes_its_calls(&self) -> bool {
        self.chance.is_some_and(|chance| !chance.over)
    }
}

impl Batch {
    /// The first record of a run that is given up by chance; in an outage, before it comes to its first call of what is out.
    pub(super) fn lost_in(&self, run: Run, shop: &mut Workshop) -> Option<Lost> {
        let out = self.failure.map_or(usize::MAX, |failure| failure.which);
        let range = (run.from, run.to);
        (shop.topic).lost_in(run.partition, range, self.settings, out)
    }

    /// Such a record comes next; returns when the batch is done with it.
    pub(super) fn plan_lost(
        &mut self,
        partition: PartitionId,
        lost: Lost,
        before: SimDuration,
        shop: &mut Workshop,
    ) -> SimDuration {
        let after = shop.topic.work_of_lost(partition, lost, self.settings);
        let then = gives_up(lost, shop);
        let (takes, end) = give_up(self.dead_letter, then);
        let ends = before + after + takes;
        let over = false;
        self.stages.push(Stage {
            partition,
            from: lost.offset,
            to: lost.offset + u64::from(matches!(end, End::Done(_))),
            kind: Tried::IN_CALLS.kind(end),
            letter: Letter::of(then, Tried::IN_CALLS, (after, takes)),
            chance: Some(Chance { lost, after, over }),
            ends,
        });
        ends
    }

    /// How long such a record takes.
    pub(super) fn length_of_lost(
        &self,
        stage: &Stage,
        chance: Chance,
        shop: &Workshop,
    ) -> SimDuration {
        let takes = give_up(self.dead_letter, gives_up(chance.lost, shop)).0;
        chance.after + stage.letter.map_or(takes, |letter| letter.takes)
    }

    /// What becomes of such a record in hand whose stage, as far as it is left, this is.
    pub(super) fn chance_in_hand(
        &self,
        stage: Stage,
        chance: Chance,
        shop: &mut Workshop,
    ) -> InHand {
        let elapsed = self.elapsed(&stage, SimDuration::ZERO, shop);
        if elapsed >= chance.after {
            let over = true;
            let chance = Some(Chance { over, ..chance });
            let stage = Stage { chance, ..stage };
            return match stage.letter {
                Some(letter) => self.letter_in_hand(stage, letter, shop),
                None => InHand::kept(stage),
            };
        }
        let out = shop.topic.failure_of(self.settings);
        if out.is_none_or(|out| out.which > chance.lost.which) {
            return InHand::begun(elapsed); // It fails by chance all the same.
        }
        let tried = self.tried_on(stage.partition, stage.from, elapsed, shop);
        tried.unwrap_or(InHand::begun(elapsed))
    }
}

/// What giving it up means.
fn gives_up(lost: Lost, shop: &Workshop) -> GiveUp {
    let on_outage = &shop.scenario.downstreams[lost.which].on_outage;
    on_outage
        .gives_up
        .map_or(GiveUp::Skip, |gives_up| gives_up.then)
}
