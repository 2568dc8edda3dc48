//! Why nobody alive has a partition: its member is gone and the group does not know, or there is none.

use super::why::at;
use super::{Story, Tenure};
use crate::measure::verdict::session_timeout;
use crate::scenario::{Action, OnError, Scenario};
use crate::sim::Fact;
use crate::units::SimTime;

/// Since when no process runs, if none does.
fn deserted(story: &Story) -> Option<SimTime> {
    let (mut running, mut since) = (0_usize, Some(SimTime::ZERO));
    let so_far = story.outcome.events.iter();
    for (when, fact) in so_far.take_while(|(when, _)| *when <= story.at) {
        match fact {
            Fact::ProcessStarted { .. } => (running, since) = (running + 1, None),
            Fact::ProcessStopped { .. } => {
                running = running.saturating_sub(1);
                since = (running == 0).then_some(*when);
            }
            _ => {}
        }
    }
    since
}

/// Since when the group has no members, if it has none.
fn empty(story: &Story) -> Option<SimTime> {
    let mut since = None;
    let so_far = story.outcome.events.iter();
    for (when, fact) in so_far.take_while(|(when, _)| *when <= story.at) {
        match fact {
            Fact::GroupEmpty => since = Some(*when),
            Fact::MemberJoined { .. } => since = None,
            _ => {}
        }
    }
    since
}

/// ` ("stop of 2 members" at 2m)`: what ended the processes, the last of which did at `since`.
fn ended_by(story: &Story, since: SimTime) -> String {
    let events = story.outcome.events.iter().rev();
    let mut so_far = events.skip_while(|(when, _)| *when > since);
    let ends = |action: &Action| {
        matches!(
            action,
            Action::Stop { .. } | Action::Crash { .. } | Action::Restart { .. }
        )
    };
    let last = so_far.find(|(_, fact)| match fact {
        Fact::Timeline { entry } => ends(&story.scenario.timeline[*entry].action),
        Fact::Scaled { from, to, .. } => to < from,
        Fact::Crashed { .. } => true,
        _ => false,
    });
    let what = match last {
        Some((_, Fact::Timeline { entry })) => {
            format!("\"{}\"", story.scenario.timeline[*entry].label)
        }
        Some((_, Fact::Scaled { from, to, .. })) => {
            format!("the autoscaler went from {from} to {to}")
        }
        Some((_, Fact::Crashed { .. })) => format!("{} made it exit", exited_by(story.scenario)),
        _ => return String::new(),
    };
    let when = last.map_or(since, |(when, _)| *when);
    format!(" ({what} at {})", at(when))
}

/// What makes processes exit.
fn exited_by(scenario: &Scenario) -> &'static str {
    let mut handlings = scenario.settings.iter().flat_map(|own| &own.on_error);
    let record = !scenario.poison.is_empty() && handlings.any(OnError::may_crash);
    let mut giving_up = scenario.gives_up();
    match (record, giving_up.any(|own| own.then.may_crash())) {
        (true, false) => "a poison record",
        (false, true) => "a call that failed",
        _ => "a record that failed",
    }
}

/// Why nobody alive has it.
pub fn sentences(story: &Story) -> Vec<String> {
    if let (Some(empty), Some(since)) = (empty(story), deserted(story)) {
        return vec![format!(
            "The group has no members since {}{}: what is produced waits until one starts.",
            at(empty),
            ended_by(story, since)
        )];
    }
    let mut told: Vec<String> = story
        .tenures
        .last()
        .map(|own| gone(story, own))
        .into_iter()
        .collect();
    if let Some(since) = deserted(story) {
        told.push(format!(
            "No member of the group runs since {}{}: nobody is there to take the partition over.",
            at(since),
            ended_by(story, since)
        ));
    } else if told.is_empty() {
        told.push("Nobody has read it yet, and the member that has it is gone.".to_owned());
    }
    told
}

/// Its last reader is gone, and the group does not know.
fn gone(story: &Story, last: &Tenure) -> String {
    let who = story.name(last.process);
    let session = session_timeout(story.scenario);
    let when = at(last.until.unwrap_or(story.at));
    let instance = &story.scenario.group.processes[last.process.ix()].instance_id;
    if instance.is_some() {
        return format!(
            "{who} is away since {when}, and as a static member it keeps its partitions until {session} of silence are over."
        );
    }
    format!(
        "{who} is gone since {when}, and the group does not know: its partitions stay its own until {session} of silence \
         are over."
    )
}
