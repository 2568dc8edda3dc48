//! `lagsim plan`.

use super::args::PlanArgs;
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::results::Results;
use super::{load, terminal};
use crate::experiment::{self, Plan, Sweep};
use crate::report::planning as report;

/// Looks for the cheapest case of an experiment that holds, writes what was found and prints it.
pub fn plan(args: &PlanArgs) -> anyhow::Result<Exit> {
    let (experiment, files) =
        load::experiment(&args.experiment, &load::seeded(&args.overrides, args.seed))?;
    let Some(planning) = &experiment.planning else {
        return Err(Usage::new(
            format!("`{}` does not say what is looked for", args.experiment.display()),
            "add a section [plan] with cost = { group.members = 1 }, and [[plan.hold]] with what must hold",
        )
        .into());
    };
    let read = |name: &str| files.read(name);
    let columns = Plan::of(&experiment, 0);
    let cases: Vec<usize> = (0..experiment.cases()).collect();
    let sweep = Sweep::new(&experiment, &columns, &read);
    sweep.check(&cases).map_err(|wrong| *wrong)?;
    let results = Results::of(&args.results, &experiment.name, report::NAMES)?;
    let progress = Progress::of_runs(columns.runs() as u64, args.results.quiet);
    let planned = experiment::plan(&experiment, planning, &read, &|| progress.count());
    drop(progress);
    let planned = planned.map_err(|wrong| *wrong)?;
    let search = report::Search {
        experiment: &experiment,
        planning,
        planned: &planned,
    };
    let files = report::files(search, !args.results.no_plot)?;
    results.deliver(&files, || report::terminal::text(&search))?;
    if planned.plan.is_some() {
        return Ok(Exit::Success);
    }
    terminal::note("error: no case holds what the plan asks for\n");
    Ok(Exit::ExpectationFailed)
}
