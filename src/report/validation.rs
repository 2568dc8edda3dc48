//! A model held against a recorded curve, as files and in words.

use serde::Serialize;

use super::picture::validation as picture;
use super::{RenderError, plot};
use crate::experiment::{ActionFit, Band, Bounds, Fit, Pair, Range, Validation};
use crate::measure::words::{counted, grouped, short, span};
use crate::scenario::Scenario;

/// Version of the shape of `validation.json`. Adding a field keeps it.
const SCHEMA_VERSION: u32 = 1;

/// What a report of a validation is made of.
#[derive(Clone, Copy, Debug)]
pub struct Validated<'a> {
    /// The model.
    pub scenario: &'a Scenario,
    /// How it compares.
    pub validation: &'a Validation,
    /// Whether what is produced was taken from the recording.
    pub recorded_production: bool,
    /// What was asked of it.
    pub bounds: Bounds,
}

/// Every file of a validation, by name.
pub const FILES: [&str; 3] = ["validation.json", "validation.csv", "validation.png"];

/// The files of a validation, by name; without the picture if no `plot` is wanted.
pub fn files(
    validated: &Validated,
    plot: bool,
) -> Result<Vec<(&'static str, Vec<u8>)>, RenderError> {
    let [document, table, drawing] = FILES;
    let mut files = vec![(document, json(validated)?), (table, csv(validated)?)];
    if plot {
        let scene = picture::compose(validated.scenario, validated.validation);
        files.push((drawing, plot::png(&scene)?));
    }
    Ok(files)
}

/// `validation.json`.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    lagsim_version: &'static str,
    model: &'a str,
    title: &'a str,
    seed: u64,
    replications: usize,
    /// First and last sample compared (s), and how many there are.
    from_s: f64,
    to_s: f64,
    samples: usize,
    recorded_production: bool,
    bounds: Bounds,
    passed: bool,
    total: &'a Fit,
    partitions: &'a [Fit],
    actions: &'a [ActionFit],
}

fn json(validated: &Validated) -> Result<Vec<u8>, RenderError> {
    let Validated {
        scenario,
        validation,
        recorded_production,
        bounds,
    } = validated;
    let second = |at: Option<&crate::units::SimTime>| at.map_or(0.0, |at| at.as_secs_f64());
    let document = Document {
        schema_version: SCHEMA_VERSION,
        lagsim_version: env!("CARGO_PKG_VERSION"),
        model: &scenario.name,
        title: &scenario.title,
        seed: scenario.seed,
        replications: validation.replications,
        from_s: second(validation.times.first()),
        to_s: second(validation.times.last()),
        samples: validation.times.len(),
        recorded_production: *recorded_production,
        bounds: *bounds,
        passed: bounds.broken(&validation.total).is_empty(),
        total: &validation.total,
        partitions: &validation.partitions,
        actions: &validation.actions,
    };
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// One row per sample and partition, and one for all together.
fn csv(validated: &Validated) -> Result<Vec<u8>, RenderError> {
    let validation = validated.validation;
    let mut table = ::csv::Writer::from_writer(Vec::new());
    table.write_record([
        "time_s",
        "partition",
        "measured",
        "predicted",
        "low",
        "high",
    ])?;
    for (n, at) in validation.times.iter().enumerate() {
        let time = format!("{:.3}", at.as_secs_f64());
        for (place, band) in validation.bands.iter().enumerate() {
            let which = place
                .checked_sub(1)
                .map_or_else(|| "all".to_owned(), |p| p.to_string());
            let value = |curve: &[f64]| format!("{:.1}", curve.get(n).copied().unwrap_or(0.0));
            let Band {
                measured,
                low,
                median,
                high,
            } = band;
            table.write_record([
                &time,
                &which,
                &value(measured),
                &value(median),
                &value(low),
                &value(high),
            ])?;
        }
    }
    super::csv::finish(table)
}

/// What a validation prints.
pub fn text(validated: &Validated) -> String {
    let validation = validated.validation;
    let total = &validation.total;
    let mut text = format!("{}: predicted and measured\n", validated.scenario.name);
    text.push_str(&format!(
        "{} from {} to {}; predicted is the median of {}{}\n\n",
        counted(validation.times.len() as u64, "sample", "samples"),
        moment(validation.times.first()),
        moment(validation.times.last()),
        counted(
            validation.replications as u64,
            "replication",
            "replications"
        ),
        if validated.recorded_production {
            ", production as recorded"
        } else {
            ""
        },
    ));
    text.push_str(&format!(
        "  {:<12}{:>8}{:>16}{:>9}{:>20}{:>20}{:>20}\n",
        "lag", "error", "by chance", "inside", "mean", "max", "final"
    ));
    text.push_str(&row("total", total));
    for fit in &validation.partitions {
        let name = format!("partition {}", fit.partition.unwrap_or(0));
        text.push_str(&row(&name, fit));
    }
    text.push('\n');
    let deviation = &total.largest;
    text.push_str(&format!(
        "  furthest apart at {}: {} predicted, {} measured\n",
        exactly(deviation.at_s),
        records(deviation.lag.predicted),
        records(deviation.lag.measured)
    ));
    for (name, slope) in [("grows", total.growth_per_s), ("drains", total.drain_per_s)] {
        if let Some(Pair {
            measured,
            predicted,
        }) = slope
        {
            text.push_str(&format!(
                "  {name} by {} records/s as predicted, {} as measured\n",
                short(predicted.abs()),
                short(measured.abs())
            ));
        }
    }
    for action in &validation.actions {
        text.push_str(&told(action));
    }
    text
}

fn row(name: &str, fit: &Fit) -> String {
    let pair = |pair: &Pair| {
        format!(
            "{:>20}",
            format!("{} / {}", records(pair.predicted), records(pair.measured))
        )
    };
    format!(
        "  {name:<12}{:>8.3}{:>16}{:>9.2}{}{}{}\n",
        fit.error,
        format!("{:.3} to {:.3}", fit.by_chance.low, fit.by_chance.high),
        fit.inside,
        pair(&fit.mean),
        pair(&fit.max),
        pair(&fit.last)
    )
}

fn told(action: &ActionFit) -> String {
    let range = |range: &Range| {
        format!(
            "{} ({} to {}) / {}",
            exactly(range.predicted),
            exactly(range.low),
            exactly(range.high),
            exactly(range.measured)
        )
    };
    let mut text = format!("\n  {} at {}\n", action.label, exactly(action.at_s));
    if let Some(committed) = &action.committed_after_s {
        text.push_str(&format!(
            "    every partition committed to after {}\n",
            range(committed)
        ));
    }
    text.push_str(&format!(
        "    longest without a commit       {}\n",
        range(&action.standstill_s)
    ));
    text
}

fn moment(at: Option<&crate::units::SimTime>) -> String {
    exactly(at.map_or(0.0, |at| at.as_secs_f64()))
}

/// A time with tenths of a second where they matter.
fn exactly(seconds: f64) -> String {
    if (0.0..600.0).contains(&seconds) {
        format!("{seconds:.2}s")
    } else {
        span(seconds)
    }
}

/// A number of records: with a digit after the point where a whole one says little.
fn records(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 {
        format!("{value:.1}")
    } else {
        grouped(value.round().max(0.0) as u64)
    }
}
