//! `lagsim validate`.

use super::args::ValidateArgs;
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::results::Results;
use super::{load, terminal};
use crate::experiment::{self, Bounds, Window, run_replications_at};
use crate::measure::words::counted;
use crate::measure::{Seen, Trace};
use crate::report::validation::{FILES, Validated, files, text};
use crate::scenario::Scenario;
use crate::units::{SimDuration, SimTime};

/// Most partitions that a message names.
const MOST_NAMED: usize = 6;

/// So many times the highest rate of a trace is doubtful before it.
const FLOOD: f64 = 3.0;

/// Runs a model many times over, holds its curves against a recorded one, and writes and prints how far off it is.
pub fn validate(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let mut scenario = load::scenario(&args.model, args.results.quiet)?;
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    let trace = load::trace(&args.trace)?;
    refuse_other_partitions(&trace, scenario.partitions_at_the_end())?;
    if args.recorded_production {
        take_production(&mut scenario, &trace, args.results.quiet)?;
    }
    let results = Results::of(&args.results, &scenario.name, &FILES)?;
    let window = window(args, &scenario, &trace)?;
    let progress = Progress::of(scenario.horizon, args.replications, args.results.quiet);
    let outcomes = run_replications_at(&scenario, args.replications, trace.times(), &|by| {
        progress.advance(by);
    });
    drop(progress);
    let Some(validation) = experiment::validate(&scenario, &trace, &outcomes, window) else {
        return Ok(Exit::Internal);
    };
    let validated = Validated {
        scenario: &scenario,
        validation: &validation,
        recorded_production: args.recorded_production,
        bounds: Bounds {
            max_error: args.max_error,
            min_inside: args.min_inside,
        },
    };
    let written = files(&validated, !args.results.no_plot)?;
    results.deliver(&written, || text(&validated))?;
    let broken = validated.bounds.broken(&validation.total);
    for one in &broken {
        terminal::note(&format!("error: {one}\n"));
    }
    Ok(if broken.is_empty() {
        Exit::Success
    } else {
        Exit::ExpectationFailed
    })
}

/// What of the trace is compared.
fn window(args: &ValidateArgs, scenario: &Scenario, trace: &Trace) -> Result<Window, Usage> {
    let at = |length: SimDuration| SimTime::ZERO + length;
    let window = Window {
        from: at(args.from.unwrap_or(SimDuration::ZERO)),
        to: at(args.to.unwrap_or(scenario.horizon).min(scenario.horizon)),
    };
    let inside = |sample: &&SimTime| (window.from..=window.to).contains(*sample);
    if trace.times().iter().find(inside).is_some() {
        return Ok(window);
    }
    let (first, last) = (trace.times().first(), trace.times().last());
    let seconds = |at: Option<&SimTime>| at.map_or(0.0, |at| at.as_secs_f64());
    Err(Usage::new(
        format!(
            "the trace has no sample from {} to {}: it reaches from {:.3} s to {:.3} s, the model to {}",
            window.from,
            window.to,
            seconds(first),
            seconds(last),
            scenario.horizon
        ),
        "choose another part with --from and --to, or a longer --set horizon=...",
    ))
}

/// Puts what the trace says was produced in the place of what the model says.
fn take_production(scenario: &mut Scenario, trace: &Trace, quiet: bool) -> Result<(), Usage> {
    let partitions = scenario.topic.partitions.iter();
    let starts: Vec<u64> = partitions.map(|start| start.log_end).collect();
    let at_once = trace.times().first() == Some(&SimTime::ZERO);
    let others = starts.iter().enumerate().filter_map(|(partition, start)| {
        let first = trace.seen(partition, 0).log_end;
        let other = first < *start || (at_once && first > *start);
        other.then(|| format!("{first} instead of {start} in partition {partition}"))
    });
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        return Err(other_offsets(&others, trace));
    }
    if !quiet && let Some(note) = flood(&starts, trace) {
        terminal::note(&note);
    }
    scenario.production = trace.production(&starts, scenario.production.keys.clone());
    Ok(())
}

/// The trace begins with log-end offsets that the model's logs do not have.
fn other_offsets(others: &[String], trace: &Trace) -> Usage {
    let more = match others.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} others"),
    };
    let named = &others[..others.len().min(MOST_NAMED)];
    let starts = (0..trace.partitions()).map(|partition| {
        let Seen {
            committed, log_end, ..
        } = trace.seen(partition, 0);
        let committed = committed.map_or(String::new(), |own| format!("committed = {own}, "));
        format!("{{ {committed}log-end = {log_end} }}")
    });
    let starts: Vec<String> = starts.collect();
    let help = match trace.partitions() <= MOST_NAMED {
        true => format!(
            "begin as the trace does: --set 'topic.start=[{}]'",
            starts.join(", ")
        ),
        false => "give the model the offsets that the trace begins with, by topic.start".to_owned(),
    };
    let message = format!(
        "the trace begins with other log-end offsets than the model: {}{more}",
        named.join(", ")
    );
    Usage::new(message, &help)
}

/// What is doubtful about records that came before the trace begins: more of them, by far, than it has seen come ever after.
fn flood(starts: &[u64], trace: &Trace) -> Option<String> {
    let ends = |instant| -> u64 {
        let partitions = 0..trace.partitions();
        partitions
            .map(|partition| trace.seen(partition, instant).log_end)
            .sum()
    };
    let times = trace.times();
    let rate = |records: u64, length: SimDuration| records as f64 / length.as_secs_f64().max(1e-9);
    let before = ends(0).saturating_sub(starts.iter().sum());
    let begins = times.first()?.since(SimTime::ZERO);
    let later = (1..times.len()).map(|at| {
        let grown = ends(at).saturating_sub(ends(at - 1));
        rate(grown, times[at].since(times[at - 1]))
    });
    let most = later.fold(0.0, f64::max);
    (rate(before, begins) > FLOOD * most && before > 0).then(|| {
        format!(
            "note: {} were produced before the trace begins at {begins}, more than {FLOOD} times as fast as ever after; \
             if they were there before, say so by topic.start\n",
            counted(before, "record", "records")
        )
    })
}

fn refuse_other_partitions(trace: &Trace, simulated: usize) -> Result<(), Usage> {
    if simulated == trace.partitions() {
        return Ok(());
    }
    Err(Usage::new(
        format!(
            "the trace is of {} partitions, the model's topic has {simulated}",
            trace.partitions()
        ),
        "give the model as many, with --set topic.partitions=...",
    ))
}
