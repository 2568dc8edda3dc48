//! The commands that run a model many times over, with many settings.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::value::{
    SamplesArg, Vary, parse_override, parse_samples, parse_shard, parse_step, parse_vary,
};
use crate::experiment::Shard;
use crate::scenario::Override;

/// `lagsim sweep`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("asked").args(["model", "around"])))]
pub struct SweepArgs {
    /// The experiment file (TOML); or name a model and what to vary
    #[arg(value_name = "EXPERIMENT", conflicts_with_all = ["model", "vary", "samples", "around", "step", "metrics", "replications"])]
    pub experiment: Option<PathBuf>,
    /// The model, if there is no experiment file
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// A key of the model and its values, as in topic.partitions=4,8,12 or group.properties.max.poll.records=50..500*2;
    /// given several times for all combinations, with several paths and a comma between them for keys that move together
    #[arg(long, value_name = "PATH=VALUES", requires = "model", value_parser = parse_vary)]
    pub vary: Vec<Vary>,
    /// Samples instead of all combinations, as in latin-hypercube=200, random=200 or sobol=256; values may then be ranges
    /// without steps, as in processing.time=1ms..20ms, or 1ms..20ms* for equal ratios
    #[arg(long, value_name = "HOW=N", requires = "vary", value_parser = parse_samples)]
    pub samples: Option<SamplesArg>,
    /// Move each number of this model by itself and tell which one a figure is most sensitive to
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["model", "vary", "samples"])]
    pub around: Option<PathBuf>,
    /// By how much, down and up
    #[arg(long, value_name = "PERCENT", requires = "around", conflicts_with_all = ["model", "vary", "samples"], value_delimiter = ',', default_value = "10%,20%", value_parser = parse_step)]
    pub step: Vec<f64>,
    /// A figure to look at, the most important first [default: max-lag, final-lag, max-age and rebalances; with --around
    /// max-lag]
    #[arg(long = "metric", value_name = "NAME", requires = "asked")]
    pub metrics: Vec<String>,
    /// Runs of each case, with different draws [default: 1; with --around 8]
    #[arg(long, value_name = "N", requires = "asked")]
    pub replications: Option<u32>,
    /// Change a key of the model in all cases; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    pub overrides: Vec<Override>,
    /// Seed of every draw, instead of the model's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Runs at the same time [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_024))]
    pub jobs: Option<usize>,
    /// Go on with a sweep that was interrupted; what has been run is not run again
    #[arg(long)]
    pub resume: bool,
    /// Run one part of the cases only, as in 3/16; `lagsim merge` joins the parts
    #[arg(long, value_name = "PART/PARTS", value_parser = parse_shard)]
    pub shard: Option<Shard>,
    /// Say how many runs there are and about how long they take; run only a few
    #[arg(long)]
    pub dry_run: bool,
    /// What becomes of the results.
    #[command(flatten)]
    pub results: SweepResultArgs,
}

/// What becomes of the results of a sweep.
#[derive(Args, Debug)]
pub struct SweepResultArgs {
    /// The folder that gets the results [default: output/<experiment>]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Draw no picture
    #[arg(long)]
    pub no_plot: bool,
    /// Print nothing but errors; the files and the exit code tell
    #[arg(long, short)]
    pub quiet: bool,
}

/// `lagsim merge`.
#[derive(Args, Debug)]
pub struct MergeArgs {
    /// The folders of the parts
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// What becomes of the results.
    #[command(flatten)]
    pub results: SweepResultArgs,
}
