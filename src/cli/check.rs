//! `lagsim check`.

use super::args::{CheckArgs, ModelArgs};
use super::exit::Exit;
use super::{load, sweep, terminal};
use crate::experiment::{Plan, Sweep};
use crate::measure::words::counted;

/// Checks a model, or an experiment with all its cases, and says what it describes.
pub fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    if load::is_experiment(&args.model.model) {
        return experiment(&args.model);
    }
    let scenario = load::scenario(&args.model, false)?;
    let running = scenario
        .group
        .processes
        .iter()
        .filter(|one| one.start.is_some());
    terminal::print(&format!(
        "{} is valid: {} on {}, {} in group {}, {}\n",
        args.model.model.display(),
        scenario.topic.name,
        counted(
            scenario.topic.partitions.len() as u64,
            "partition",
            "partitions"
        ),
        counted(running.count() as u64, "member", "members"),
        scenario.group.name,
        scenario.horizon,
    ))?;
    Ok(Exit::Success)
}

fn experiment(args: &ModelArgs) -> anyhow::Result<Exit> {
    let (asked, files) = load::experiment(&args.model, &args.overrides)?;
    let read = |name: &str| files.read(name);
    let plan = Plan::of(&asked, 0);
    let all: Vec<usize> = (0..asked.cases()).collect();
    let sizes = Sweep::new(&asked, &plan, &read).check(&all);
    sizes.map_err(|wrong| *wrong)?;
    sweep::doubts(&asked, &files);
    terminal::print(&format!(
        "{} is valid: {}, {} of each\n",
        args.model.display(),
        counted(all.len() as u64, "case", "cases"),
        counted(u64::from(plan.replications), "replication", "replications"),
    ))?;
    Ok(Exit::Success)
}
