//! `lagsim run`.

use std::cell::OnceCell;

use super::args::RunArgs;
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::results::Results;
use super::{load, terminal};
use crate::experiment::run_replications_watched;
use crate::measure::words::grouped;
use crate::measure::{Keep, MOST_DRAWN, Outcome};
use crate::report::{self, LagTable};
use crate::scenario::Scenario;

/// Most points of all curves that are kept: more would fill memory.
const MOST_POINTS: u64 = 10_000_000;
/// Most rows of a `lag.csv`: some 50 GB.
const MOST_ROWS: u64 = 1_000_000_000;

/// Simulates a model, writes its results and prints the verdict.
pub fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let mut scenario = load::scenario(&args.model, args.results.quiet)?;
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    scenario.leaps = !args.no_leaps;
    refuse_too_large(&scenario, args.replications)?;
    let results = Results::of(&args.results, &scenario.name, report::NAMES)?
        .with_folders(report::RETRY_TOPICS, report::NAMES)?;
    let topics = 1 + scenario.retry_topics.len() as u32;
    let runs = args.replications.saturating_mul(topics);
    let progress = Progress::of(scenario.horizon, runs, args.results.quiet);
    let outcomes = OnceCell::new();
    results.deliver_while(
        &report::lag_tables(&scenario),
        |files| {
            let mut tables: Vec<_> = files.into_iter().map(LagTable::new).collect();
            let witnesses = tables.iter_mut().map(|table| table as _).collect();
            let n = args.replications;
            let done = run_replications_watched(&scenario, n, Keep::ALL, witnesses, &|by| {
                progress.advance(by);
            });
            drop(progress);
            for table in tables {
                table.complete()?;
            }
            let outcomes = outcomes.get_or_init(|| done);
            Ok(report::files(&scenario, outcomes, !args.results.no_plot)?)
        },
        || {
            let outcomes = outcomes.get().map_or(&[][..], Vec::as_slice);
            report::terminal::run(outcomes, terminal::style())
        },
    )?;
    Ok(judge(outcomes.get().map_or(&[][..], Vec::as_slice)))
}

/// Refuses a `lag.csv` that would fill a disk and pictures that would fill memory.
fn refuse_too_large(scenario: &Scenario, replications: u32) -> Result<(), Usage> {
    let retries = scenario.retry_topics.iter();
    let retries: u64 = retries.map(|topic| u64::from(topic.partitions)).sum();
    let partitions = scenario.partitions_at_the_end() as u64 + retries;
    let what = format!("{partitions} partitions");
    Grid::of(scenario, partitions).refuse("lag.csv would have", "rows", MOST_ROWS, &what)?;
    let drawn = Grid {
        instants: Grid::of(scenario, 1).instants.min(MOST_DRAWN as u64),
        curves: partitions.saturating_mul(u64::from(replications)),
        scenario,
    };
    let what = format!("{what} in {replications} runs");
    drawn.refuse("the curves drawn would have", "points", MOST_POINTS, &what)
}

/// Refuses to keep so many whole curves that they would not fit into memory.
///
/// # Errors
/// [`Usage`], with a distance of samples that would do.
pub fn refuse_too_many(scenario: &Scenario, curves: u64, what: &str) -> Result<(), Usage> {
    let grid = Grid::of(scenario, curves);
    grid.refuse("the curves would have", "points", MOST_POINTS, what)
}

/// Curves over the instants of one grid.
struct Grid<'a> {
    scenario: &'a Scenario,
    instants: u64,
    curves: u64,
}

impl<'a> Grid<'a> {
    /// Of every sample.
    fn of(scenario: &'a Scenario, curves: u64) -> Self {
        Grid {
            scenario,
            instants: scenario.horizon.as_nanos() / scenario.sample.as_nanos() + 1,
            curves,
        }
    }

    fn refuse(&self, subject: &str, unit: &str, most: u64, what: &str) -> Result<(), Usage> {
        let points = self.instants.saturating_mul(self.curves);
        if points <= most {
            return Ok(());
        }
        let seconds = self.scenario.horizon.as_secs_f64() * self.curves as f64 / most as f64;
        Err(Usage::new(
            format!(
                "{subject} {} {unit}: a sample every {} of {what}",
                grouped(points),
                self.scenario.sample
            ),
            format!(
                "sample less often, with --set sample={}s",
                seconds.ceil() + 1.0
            ),
        ))
    }
}

/// Runs replications of the topic alone, without its retry topics, and tells `progress` how far they are.
pub fn simulate(scenario: &Scenario, n: u32, keep: Keep, progress: &Progress) -> Vec<Outcome> {
    let alone = Scenario {
        retry_topics: Vec::new(),
        ..scenario.clone()
    };
    run_replications_watched(&alone, n, keep, Vec::new(), &|by| progress.advance(by))
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
