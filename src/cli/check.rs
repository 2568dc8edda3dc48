//! `lagsim check`.

use super::args::CheckArgs;
use super::exit::Exit;
use super::{load, terminal};
use crate::measure::words::counted;

/// Checks a model and says what it describes.
pub fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    let scenario = load::scenario(&args.model, false)?;
    let running = scenario.group.processes.iter().filter(|one| one.start.is_some());
    terminal::print(&format!(
        "{} is valid: {} over {}, {} of group {} at first\n",
        args.model.model.display(),
        counted(scenario.topic.partitions.len() as u64, "partition", "partitions"),
        scenario.horizon,
        counted(running.count() as u64, "member", "members"),
        scenario.group.name,
    ))?;
    Ok(Exit::Success)
}
