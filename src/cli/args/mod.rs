//! The command line, declared once: parsing, help and error messages come from here.

mod sweep;
mod value;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::scenario::{MOST_REPLICATIONS, Override};
use crate::units::{SimDuration, parse_count, parse_duration, parse_rate};
use value::{VariantArg, parse_override, parse_share, parse_variant, typed};

pub use sweep::{MergeArgs, SweepArgs, SweepResultArgs};
pub use value::{SamplesArg, Typed, Vary};

/// Predicts Kafka consumer lag before production does.
///
/// A model file describes a topic, its producers, a consumer group and what goes wrong;
/// lagsim simulates it and says how far the group falls behind, why, and what would help.
#[derive(Debug, Parser)]
#[command(name = "lagsim", version, verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done, and every expectation and bound was met
  1    internal error
  2    the command line asks for something that cannot be done
  99   an expectation of the model or the experiment, or a bound, was not met
  104  the model, the experiment, the trace or the listing is invalid";

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Simulate a model: verdict on the terminal, curves and figures into a folder
    Run(RunArgs),
    /// Run models or variants of one on the same draws, and tell what differs and how certainly
    Compare(CompareArgs),
    /// Find the cheapest case of an experiment that holds its service level
    Plan(PlanArgs),
    /// Check a model or an experiment without running it: every mistake, with its place and a remedy
    Check(CheckArgs),
    /// Print what kafka-consumer-groups.sh --describe would print at a time of the run
    Describe(DescribeArgs),
    /// Say why a partition is where it is at a time of the run
    Explain(ExplainArgs),
    /// Hold a model against a recorded lag curve: how far it is off, and a picture of both
    Validate(ValidateArgs),
    /// Fit what a recorded lag curve can tell of a model, and print the model with it
    Calibrate(CalibrateArgs),
    /// Answer from a few figures, without a model file
    Quick(QuickArgs),
    /// Run a model with many settings: which are best, and what each of them does
    Sweep(SweepArgs),
    /// Join the parts that `sweep --shard` has written
    Merge(MergeArgs),
    /// Begin a model with what tools and monitors show of a group: offsets, rates, a lag history
    Import(ImportArgs),
    /// Write a commented model to start from
    Init(InitArgs),
    /// Print the JSON Schema of model files, for editors
    Schema(SchemaArgs),
}

/// `lagsim schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// That of client profiles instead
    #[arg(long)]
    pub client: bool,
    /// That of experiments instead
    #[arg(long, conflicts_with = "client")]
    pub experiment: bool,
}

/// A model and changes to it.
#[derive(Args, Debug)]
pub struct ModelArgs {
    /// The model file (TOML)
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Change a key of the model by its path, as in group.properties.max.poll.records=100; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    pub overrides: Vec<Override>,
}

/// What becomes of results.
#[derive(Args, Debug)]
pub struct ResultArgs {
    /// The folder that gets the results [default: output/<name>, of the model, the experiment or what is compared]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What stdout gets: the report in words, or the results' JSON file
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Draw no picture
    #[arg(long)]
    pub no_plot: bool,
    /// Print nothing but errors (and what --format json asks for); the files and the exit code tell
    #[arg(long, short)]
    pub quiet: bool,
}

/// `lagsim run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Which model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Seed of every draw, instead of the model's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Go poll by poll where whole rounds of a member could be taken at once: slower, and with the same results
    #[arg(long)]
    pub no_leaps: bool,
    /// Run that many times with different draws, on all cores, and print means with 95 % intervals
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_REPLICATIONS)))]
    pub replications: u32,
    /// Where the results go.
    #[command(flatten)]
    pub results: ResultArgs,
}

/// `lagsim compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// The model files (TOML); the first is the base, the others are told by their difference to it. Or one experiment file:
    /// its cases are compared, the first of them is the base, and what it expects is judged
    #[arg(value_name = "MODEL", required = true)]
    pub models: Vec<PathBuf>,
    /// A variant of the first model: a name and a key that differs, as in 'small batches: group.properties.max.poll.records=100';
    /// given again with the same name it changes another key of that variant, and without a name the change is the name
    #[arg(long = "variant", value_name = "[NAME:] PATH=VALUE", value_parser = parse_variant)]
    pub variants: Vec<VariantArg>,
    /// Change a key of every model by its path, as in horizon=1h; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    pub overrides: Vec<Override>,
    /// Seed of every draw, instead of the first model's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Run each that many times with different draws, the same for all, on all cores [default: 32, or as an experiment says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=i64::from(MOST_REPLICATIONS)))]
    pub replications: Option<u32>,
    /// Where the results go.
    #[command(flatten)]
    pub results: ResultArgs,
}

/// `lagsim plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// The experiment file (TOML): axes, and in [plan] prices and what must hold
    #[arg(value_name = "EXPERIMENT")]
    pub experiment: PathBuf,
    /// Change a key of the model in every case by its path, as in horizon=1h; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    pub overrides: Vec<Override>,
    /// Seed of every draw, instead of the model's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where the results go.
    #[command(flatten)]
    pub results: ResultArgs,
}

/// What stdout gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Words
    Text,
    /// JSON
    Json,
}

/// `lagsim check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Which model.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// `lagsim describe`.
#[derive(Args, Debug)]
pub struct DescribeArgs {
    /// Which model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The time since the start of the run, as in 20m [default: the end of the run]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub at: Option<SimDuration>,
}

/// `lagsim explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Which model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The time since the start of the run, as in 20m [default: when the lag of all partitions is highest]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub at: Option<SimDuration>,
    /// Which partition [default: the one with the most lag then]
    #[arg(long, value_name = "N")]
    pub partition: Option<u32>,
    /// What stdout gets: words, or one JSON object
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `lagsim validate`.
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// Which model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The recorded curve: CSV with t_s, partition, log_end_offset, committed_offset and lag; a lag.csv is one
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// Take what is produced from the trace's log-end offsets, not from the model
    #[arg(long)]
    pub recorded_production: bool,
    /// Compare from this time of the run on, as in 12s [default: its start]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub from: Option<SimDuration>,
    /// Compare until this time of the run [default: its end]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub to: Option<SimDuration>,
    /// Runs with different draws, on all cores; the prediction is their median
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_REPLICATIONS)))]
    pub replications: u32,
    /// Seed of every draw, instead of the model's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// End with code 99 if the mean absolute error of the total lag is more than this share of its mean
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub max_error: Option<f64>,
    /// End with code 99 if less than this share of the samples is inside the 5 to 95 % band of the replications
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub min_inside: Option<f64>,
    /// Where the results go.
    #[command(flatten)]
    pub results: ResultArgs,
}

/// `lagsim calibrate`.
#[derive(Args, Debug)]
pub struct CalibrateArgs {
    /// The model file (TOML)
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The recorded curve: CSV with t_s, partition, log_end_offset, committed_offset and lag; a lag.csv is one
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// Write the fitted model there; stdout then gets what was found
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Let --save replace a file
    #[arg(long, requires = "save")]
    pub force: bool,
}

/// `lagsim quick`.
#[derive(Args, Debug)]
pub struct QuickArgs {
    /// Records produced, as in 600/s, 36k/min or 2M/h
    #[arg(long, value_name = "RATE", value_parser = typed(parse_rate))]
    pub rate: Typed<f64>,
    /// Partitions of the topic
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub partitions: u32,
    /// Members of the consumer group
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub members: u32,
    /// Time a record takes to process, one after another, as in 8ms
    #[arg(long, value_name = "TIME", value_parser = typed(parse_duration))]
    pub per_record: Typed<SimDuration>,
    /// Records nobody has read yet at the start, as in 2M
    #[arg(long, value_name = "COUNT", value_parser = typed(parse_count), default_value = "0")]
    pub backlog: Typed<u64>,
    /// Calls that a dependency accepts from all members together, one per record, as in 200/s
    #[arg(long, value_name = "RATE", value_parser = typed(parse_rate))]
    pub limit: Option<Typed<f64>>,
    /// Also write the commented model that this stands for
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Let --save replace a file
    #[arg(long, requires = "save")]
    pub force: bool,
}

/// `lagsim import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// What kafka-consumer-groups --describe or kcat -L -J prints, a scrape of an exporter of lag, Prometheus' answer to a
    /// query (JSON) or a CSV file; `-` is stdin. Of several, each adds what it tells
    #[arg(value_name = "FILE", required = true)]
    pub listings: Vec<PathBuf>,
    /// The topic, if there are several
    #[arg(long, value_name = "NAME")]
    pub topic: Option<String>,
    /// The group, if there are several
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Write the model into this file, and a history into FILE's .rate.csv and .trace.csv [default: stdout gets the model]
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Let --save replace files
    #[arg(long, requires = "save")]
    pub force: bool,
}

/// `lagsim init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn set_may_be_given_several_times_and_needs_a_path_and_a_value() {
        let parsed =
            Cli::try_parse_from(["lagsim", "run", "m.toml", "--set", "a=1", "--set", "b=x=2"]);
        let Ok(Cli {
            command: Command::Run(run),
        }) = parsed
        else {
            panic!("{parsed:?}");
        };
        let texts: Vec<_> = run
            .model
            .overrides
            .iter()
            .map(|one| one.text.as_str())
            .collect();
        assert_eq!(texts, ["a=1", "b=x=2"]);
        for wrong in ["a", "=1", ""] {
            let refused = Cli::try_parse_from(["lagsim", "check", "m.toml", "--set", wrong]);
            assert!(refused.is_err(), "{wrong}");
        }
    }
}
