//! `lagsim check`.

use super::args::CheckArgs;
use super::exit::Exit;
use super::{load, terminal};
use crate::measure::words::counted;

/// Checks a model and says what it describes.
pub fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
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
