//! `lagsim validate`.

use super::args::ValidateArgs;
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::results::Results;
use super::{load, terminal};
use crate::experiment::{self, Bounds, Window, run_replications_at};
use crate::measure::Trace;
use crate::report::validation::{FILES, Validated, files, text};
use crate::scenario::Scenario;
use crate::units::{SimDuration, SimTime};

/// Runs a model many times over, holds its curves against a recorded one, and writes and prints how far off it is.
pub fn validate(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let mut scenario = load::scenario(&args.model, args.results.quiet)?;
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    let trace = load::trace(&args.trace)?;
    refuse_other_partitions(&trace, scenario.partitions_at_the_end())?;
    if args.recorded_production {
        take_production(&mut scenario, &trace)?;
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
fn take_production(scenario: &mut Scenario, trace: &Trace) -> Result<(), Usage> {
    let partitions = scenario.topic.partitions.iter();
    let starts: Vec<u64> = partitions.map(|start| start.log_end).collect();
    let at_once = trace.times().first() == Some(&SimTime::ZERO);
    for (partition, start) in starts.iter().enumerate() {
        let first = trace.seen(partition, 0).log_end;
        if first < *start || (at_once && first > *start) {
            return Err(Usage::new(
                format!(
                    "the trace begins with log-end offset {first} in partition {partition}, the model with {start}"
                ),
                "give the model the offsets that the trace begins with, by topic.start",
            ));
        }
    }
    scenario.production = trace.production(&starts, scenario.production.keys.clone());
    Ok(())
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
