//! `lagsim run`.

use super::args::RunArgs;
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::results::Results;
use super::{load, terminal};
use crate::experiment::run_replications_watched;
use crate::measure::words::grouped;
use crate::measure::{Keep, Outcome};
use crate::report;
use crate::scenario::Scenario;

/// Most points of all curves: more would fill memory, and no program opens a `lag.csv` of that size.
const MOST_POINTS: u64 = 10_000_000;

/// Simulates a model, writes its results and prints the verdict.
pub fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let mut scenario = load::scenario(&args.model, args.results.quiet)?;
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    scenario.leaps = args.leaps;
    refuse_too_many_points(&scenario, args.replications)?;
    let results = Results::of(&args.results, &scenario.name, report::NAMES)?;
    let progress = Progress::of(scenario.horizon, args.replications, args.results.quiet);
    let outcomes = simulate(&scenario, args.replications, Keep::ALL, &progress);
    drop(progress);
    let files = report::files(&scenario, &outcomes, !args.results.no_plot)?;
    results.deliver(&files, || {
        report::terminal::run(&outcomes, terminal::style())
    })?;
    Ok(judge(&outcomes))
}

/// Refuses curves that nothing could hold or open.
pub fn refuse_too_many_points(scenario: &Scenario, replications: u32) -> Result<(), Usage> {
    let partitions = scenario.partitions_at_the_end() as u64;
    let runs = match replications {
        1 => String::new(),
        n => format!(" in {n} runs"),
    };
    let what = format!("{partitions} partitions{runs}");
    let curves = partitions.saturating_mul(u64::from(replications));
    refuse_too_many(scenario, curves, &what)
}

/// Refuses to keep so many curves that they would not fit into memory.
///
/// # Errors
/// [`Usage`], with a distance of samples that would do.
pub fn refuse_too_many(scenario: &Scenario, curves: u64, what: &str) -> Result<(), Usage> {
    let (horizon, sample) = (scenario.horizon.as_nanos(), scenario.sample.as_nanos());
    let points = (horizon / sample + 1).saturating_mul(curves);
    if points <= MOST_POINTS {
        return Ok(());
    }
    let seconds = scenario.horizon.as_secs_f64() * curves as f64 / MOST_POINTS as f64;
    Err(Usage::new(
        format!(
            "the curves would have {} points: a sample every {} of {what}",
            grouped(points),
            scenario.sample
        ),
        format!(
            "sample less often, with --set sample={}s",
            seconds.ceil() + 1.0
        ),
    ))
}

/// Runs replications and tells `progress` how far they are.
pub fn simulate(scenario: &Scenario, n: u32, keep: Keep, progress: &Progress) -> Vec<Outcome> {
    run_replications_watched(scenario, n, keep, &|by| progress.advance(by))
}

/// Every expectation has to be met in every replication; the others are told on stderr.
fn judge(outcomes: &[Outcome]) -> Exit {
    let Some(first) = outcomes.first() else {
        return Exit::Internal;
    };
    let mut exit = Exit::Success;
    for (ix, expectation) in first.summary.expectations.iter().enumerate() {
        let judged = outcomes
            .iter()
            .filter_map(|outcome| outcome.summary.expectations.get(ix));
        let missed: Vec<_> = judged.filter(|judged| !judged.passed).collect();
        let Some(example) = missed.first() else {
            continue;
        };
        exit = Exit::ExpectationFailed;
        let often = if outcomes.len() > 1 {
            format!(" in {} of {} replications", missed.len(), outcomes.len())
        } else {
            String::new()
        };
        terminal::note(&format!(
            "error: expected {}, but it is {}{often}\n",
            expectation.text, example.measured
        ));
    }
    exit
}
