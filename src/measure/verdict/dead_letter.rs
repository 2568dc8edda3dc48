//! A dead-letter topic that is down, in words: what becomes of records that cannot be produced to it. Not what they hold up
//! meanwhile: that is the poison record's story, or the dependency's.

use super::super::summary::Summary;
use super::super::words::{counted, span};
use super::outage::{Stop, during};
use crate::scenario::{Action, DeadLetterTopic, OnError, OnFailure, Produce, Scenario};

/// From when to when it is down.
pub fn down(scenario: &Scenario) -> Vec<Stop> {
    let mut found: Vec<Stop> = Vec::new();
    for entry in &scenario.timeline {
        let Action::DeadLetter(answers) = entry.action else {
            continue;
        };
        let (which, from) = (0, entry.at.as_secs_f64());
        match found.last_mut().filter(|stop| stop.to.is_none()) {
            None if answers != DeadLetterTopic::Up => {
                found.push(Stop {
                    which,
                    from,
                    to: None,
                    refuses: answers == DeadLetterTopic::Failing,
                });
            }
            Some(stop) if answers == DeadLetterTopic::Up => stop.to = Some(from),
            _ => {}
        }
    }
    found
}

/// Every produce to it that the scenario speaks of.
fn letters(scenario: &Scenario) -> Vec<Produce> {
    let handlings = scenario.settings.iter().flat_map(|own| &own.on_error);
    let of_calls = scenario.gives_up().map(|own| own.then);
    let all = handlings.filter_map(OnError::then).chain(of_calls);
    all.filter_map(|then| then.dead_letter()).collect()
}

/// What failed produces did.
pub(super) fn sentence(scenario: &Scenario, summary: &Summary) -> String {
    let letters = letters(scenario);
    let does = |what: OnFailure| letters.iter().any(|own| own.on_failure == what);
    let exits = counted(summary.crashes, "time", "times");
    let meanwhile = [
        (
            OnFailure::Retry,
            "starts anew with all its attempts".to_owned(),
        ),
        (OnFailure::Skip, "is skipped and lost".to_owned()),
        (
            OnFailure::Crash,
            format!("makes its process exit, {exits} in all"),
        ),
    ];
    let meanwhile = meanwhile.into_iter().filter(|(what, _)| does(*what));
    let meanwhile: Vec<String> = meanwhile.map(|(_, does)| does).collect();
    format!(
        "The dead-letter topic is down {}: {}, and a record that it did not take {}.",
        during(&down(scenario)),
        counted(
            summary.dead_letters_failed,
            "produce to it fails",
            "produces to it fail"
        ),
        meanwhile.join(", or ")
    )
}

/// What would help.
pub(super) fn remedy(scenario: &Scenario) -> String {
    let letters = letters(scenario);
    let waits = letters
        .iter()
        .filter(|own| own.on_failure == OnFailure::Skip);
    let sooner = match waits.map(|own| own.timeout).max() {
        Some(timeout) => format!(
            "; a delivery.timeout.ms of its producer below {} lets those behind go on sooner",
            span(timeout.as_secs_f64())
        ),
        None => String::new(),
    };
    format!(
        "Dead-letter topic: another place for what it does not take (a topic of another cluster, a file), so that a record that \
         fails is neither lost nor in the way of those behind it{sooner}."
    )
}
