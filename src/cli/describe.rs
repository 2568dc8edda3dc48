//! `lagsim describe`.

use super::args::DescribeArgs;
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::{load, run, terminal};
use crate::measure::Keep;
use crate::report::describe as table;
use crate::scenario::Scenario;
use crate::units::SimDuration;

/// Prints the table of `kafka-consumer-groups.sh --describe` at a time of the run.
pub fn describe(args: &DescribeArgs) -> anyhow::Result<Exit> {
    let mut scenario = load::scenario(&args.model, false)?;
    let at = args.at.unwrap_or(scenario.horizon);
    refuse_after_the_end(at, &scenario)?;
    // What comes after that time cannot change it, so the run ends there, with a sample at its very end.
    scenario.horizon = at;
    if !at.is_zero() {
        scenario.sample = at;
    }
    let progress = Progress::of(scenario.horizon, 1, false);
    let outcomes = run::simulate(&scenario, 1, Keep::SUMMARY, &progress);
    drop(progress);
    let Some(outcome) = outcomes.first() else {
        return Ok(Exit::Internal);
    };
    let described = table::describe(
        &scenario.group.name,
        &scenario.topic.name,
        &outcome.group,
        &outcome.last,
    );
    terminal::note(&described.stderr);
    terminal::print(&described.stdout)?;
    Ok(Exit::Success)
}

/// Refuses a time that no run of `scenario` reaches.
pub fn refuse_after_the_end(at: SimDuration, scenario: &Scenario) -> Result<(), Usage> {
    if at <= scenario.horizon {
        return Ok(());
    }
    Err(Usage::new(
        format!(
            "{at} is after the end of the run, which is {} long",
            scenario.horizon
        ),
        format!(
            "choose an earlier time, or run for longer with --set horizon={}",
            compact(at)
        ),
    ))
}

/// A length of time as a shell takes it without quotes: `1h30m`.
fn compact(length: SimDuration) -> String {
    length.to_string().replace(' ', "")
}
