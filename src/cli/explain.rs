//! `lagsim explain`.

use super::args::{ExplainArgs, Format};
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::{load, run, terminal};
use crate::measure::{Keep, Outcome, explain as why};
use crate::report::explain as page;
use crate::units::SimTime;

/// Prints why a partition is where it is at a time of the run.
pub fn explain(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let scenario = load::scenario(&args.model, false)?;
    if let Some(at) = args.at {
        super::describe::refuse_after_the_end(at, &scenario)?;
    }
    let partitions = scenario.partitions_at_the_end() as u64;
    run::refuse_too_many(&scenario, partitions, &format!("{partitions} partitions"))?;
    let progress = Progress::of(scenario.horizon, 1, false);
    let outcomes = run::simulate(&scenario, 1, Keep::EVERY, &progress);
    drop(progress);
    let Some(outcome) = outcomes.first() else {
        return Ok(Exit::Internal);
    };
    let at = args
        .at
        .map_or_else(|| highest(outcome), |at| SimTime::ZERO + at);
    let Some(told) = why(&scenario, outcome, at, args.partition) else {
        return Err(nowhere(outcome, args).into());
    };
    match args.format {
        Format::Text => terminal::print(&page::explain(
            &scenario.topic.name,
            &told,
            terminal::style(),
        ))?,
        Format::Json => terminal::print(&format!("{}\n", serde_json::to_string_pretty(&told)?))?,
    }
    Ok(Exit::Success)
}

/// When the lag of all partitions was highest.
fn highest(outcome: &Outcome) -> SimTime {
    let curves = &outcome.curves;
    let instants = 0..curves.times().len();
    let highest = instants.max_by_key(|ix| (curves.total_lag(*ix), std::cmp::Reverse(*ix)));
    highest.map_or(SimTime::ZERO, |ix| curves.times()[ix])
}

fn nowhere(outcome: &Outcome, args: &ExplainArgs) -> Usage {
    let partition = args.partition.unwrap_or(0);
    let all = outcome.last.len();
    if (partition as usize) < all {
        return Usage::new(
            format!("partition {partition} does not exist yet at that time"),
            "choose a later time",
        );
    }
    Usage::new(
        format!("there is no partition {partition}"),
        format!("the topic has {all}: choose one from 0 to {}", all - 1),
    )
}
