//! Entries of the timeline that take the dead-letter topic down: what goes with them, and what does not.

use super::super::downstream::Downstream;
use super::super::model::Settings;
use super::super::on_error::{GiveUp, OnError, OnFailure, Produce};
use super::super::raw::{Model, Text};
use super::judge::Judge;
use super::retry::handlings;
use super::timeline::Walked;
use crate::kafka::Heartbeats;
use crate::units::SimDuration;

/// The shortest produce that may be refused and tried anew: nothing else need let time pass between two.
const SHORTEST_REFUSAL: SimDuration = SimDuration::from_millis(1);

impl Judge<'_> {
    /// Entries about a dead-letter topic need one, and applications of which it is known what they make of its absence.
    pub(super) fn dead_letter_topic(
        &mut self,
        model: &Model,
        (first, walked): (Option<&Settings>, &Walked),
        downstreams: Option<&[Downstream]>,
    ) {
        let entries = model.at.iter().flatten();
        let words: Vec<&Text> = entries
            .filter_map(|entry| entry.value.dead_letter.as_ref())
            .collect();
        let (Some(entry), Some(first)) = (words.first(), first) else {
            return;
        };
        let place = &entry.0.span;
        let all_called = downstreams.unwrap_or(&[]);
        let found = handlings(model, Some(first), walked, all_called);
        let letters = || {
            found
                .iter()
                .filter_map(|(at, then)| Some((*at, then.dead_letter()?)))
        };
        // What could not be read may be what is dead-lettered.
        let unread = downstreams.is_none()
            || self.excused.contains("poison")
            || self.excused.contains("downstream");
        if letters().next().is_none() && !unread {
            let help = r#"let a record go there: on-error = "dead-letter" of a [[poison]] or of the dependency; or leave this entry out"#;
            self.error::<()>(place, "nothing is produced to a dead-letter topic", help);
        }
        let all = || std::iter::once(first).chain(&walked.settings);
        if all().any(|own| own.processing.order.is_some()) {
            self.error::<()>(
                place,
                "what a pool of threads makes of a dead-letter topic that is down is not modelled",
                "leave this entry out, or write a client without a pool",
            );
        } else if all().any(|own| own.processing.concurrency > 1) {
            self.error::<()>(
                place,
                "a dead-letter topic that is down under records worked on at the same time is not modelled",
                "leave this entry out, or write concurrency = 1 under [processing]",
            );
        }
        let beats_between = |own: &Settings| own.client.heartbeats == Heartbeats::BetweenRecords;
        let waits = |own: &Settings| {
            let called = own.processing.calls.iter().zip(all_called);
            let called = called.filter(|(calls, _)| **calls > 0);
            let mut of_calls = called.filter_map(|(_, own)| own.on_outage.gives_up);
            own.on_error.iter().any(retries_in_place) || of_calls.any(|own| retries(own.then))
        };
        if all().any(|own| beats_between(own) && waits(own)) {
            self.error::<()>(
                place,
                "a client without heartbeats during a record, which is tried anew in its handler as long as the dead-letter topic is down, is not modelled",
                r#"write by = "seek" in `retry`, or on-failure = "skip" or "crash" in `dead-letter`"#,
            );
        }
        let refuses = words.iter().any(|word| word.0.value.plain() == "fail");
        let at_once =
            |own: &Produce| own.on_failure == OnFailure::Retry && own.takes < SHORTEST_REFUSAL;
        if refuses && let Some((at, _)) = letters().find(|(_, own)| at_once(own)) {
            self.error::<()>(
                at,
                "a produce that is refused in no time would be made for ever at one instant",
                r#"write at least produce = "1ms": a refusal takes a round trip, too"#,
            );
        }
    }
}

/// Whether a record starts anew if its produce to the dead-letter topic fails.
fn retries(then: GiveUp) -> bool {
    let letter = then.dead_letter();
    letter.is_some_and(|own| own.on_failure == OnFailure::Retry)
}

fn retries_in_place(on_error: &OnError) -> bool {
    matches!(on_error, OnError::Retry { seeks: false, then, .. } if retries(*then))
}
