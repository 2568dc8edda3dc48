//! `lagsim calibrate`.

use std::path::Path;

use anyhow::Context;

use super::args::CalibrateArgs;
use super::exit::{Exit, Usage};
use super::{init, load, terminal};
use crate::experiment;
use crate::report::calibration::{changes, text};
use crate::scenario::rewrite;

/// Fits what a trace can tell of a model, and writes the model with it.
pub fn calibrate(args: &CalibrateArgs) -> anyhow::Result<Exit> {
    let (model, checked, trace) = load::model_and_trace(&args.model, &args.trace)?;
    let scenario = &checked.scenario;
    let partitions = scenario.topic.partitions.len();
    if trace.partitions() != partitions {
        return Err(Usage::new(
            format!(
                "the trace is of {} partitions, the model's topic has {partitions}",
                trace.partitions()
            ),
            "give the model as many partitions as there are",
        )
        .into());
    }
    let found = experiment::calibrate(scenario, &trace);
    let fitted = changes(scenario, &found, &model);
    let fitted = rewrite(&model, &fitted)
        .map_err(anyhow::Error::msg)
        .context("the fitted model cannot be written")?;
    let name = args.trace.file_name().map(Path::new).unwrap_or(&args.trace);
    let told = text(scenario, &found, &model, &name.display().to_string());
    match &args.out {
        Some(file) => {
            init::save(file, &fitted, args.force)?;
            terminal::print(&told)?;
        }
        None => {
            terminal::print(&fitted)?;
            terminal::note(&format!("\n{told}"));
        }
    }
    Ok(Exit::Success)
}
