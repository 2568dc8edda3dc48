//! The program: arguments, files, terminal and exit codes. The only place that reads or writes anything;
//! not for figures or words about them.

mod args;
mod bound;
mod calibrate;
mod check;
mod compare;
mod describe;
mod exit;
mod explain;
mod folder;
mod import;
mod init;
mod journal;
mod load;
mod plan;
mod progress;
mod quick;
mod results;
mod run;
mod schema;
mod starter;
mod sweep;
mod terminal;
mod validate;

use std::ffi::OsString;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use clap::Parser;

use crate::scenario::{Diagnostics, Subject};
use args::{Cli, Command};
pub use exit::{Exit, Usage};

/// Runs the program with these arguments, the first of which is its name.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    report_bugs_with(&args);
    match Cli::try_parse_from(&args) {
        Ok(cli) => run(cli.command).into(),
        Err(told) => {
            // Help and version come this way too, and go to stdout with code 0; a closed pipe is no error.
            let _ = told.print();
            ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(Exit::Usage as u8))
        }
    }
}

fn run(command: Command) -> Exit {
    let done = match command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Check(args) => check::check(&args),
        Command::Describe(args) => describe::describe(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Calibrate(args) => calibrate::calibrate(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Quick(args) => quick::quick(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Merge(args) => sweep::merge(&args),
        Command::Init(args) => init::init(&args),
        Command::Import(args) => import::import(&args),
        Command::Schema(args) => schema::schema(&args),
    };
    done.unwrap_or_else(|error| {
        tell(&error);
        Exit::of(&error)
    })
}

/// Says on stderr what went wrong.
fn tell(error: &anyhow::Error) {
    let Some(diagnostics) = error.downcast_ref::<Diagnostics>() else {
        terminal::note(&format!("error: {error:#}\n"));
        return;
    };
    terminal::note(&diagnostics.render(terminal::stderr_colour()));
    let mistakes = diagnostics
        .iter()
        .filter(|one| one.severity == crate::scenario::Severity::Error)
        .count();
    let mistakes = if mistakes == 1 {
        "1 mistake".to_owned()
    } else {
        format!("{mistakes} mistakes")
    };
    let subject = match diagnostics.subject() {
        Subject::Model => "model",
        Subject::Experiment => "experiment",
        Subject::Trace => "trace",
        Subject::Listing => "listing",
    };
    let nothing = match diagnostics.subject() {
        Subject::Listing => "nothing was written",
        _ => "nothing was run",
    };
    terminal::note(&format!(
        "\nerror: the {subject} is invalid: {mistakes}; {nothing}\n"
    ));
}

/// A panic is a bug of ours: says so, and gives what repeats it. A run is a function of its arguments and files.
fn report_bugs_with(args: &[OsString]) {
    let command: Vec<String> = args
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let command = command.join(" ");
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        terminal::note(&format!(
            "error: internal error: {panic}\n  help: this is a bug in lagsim {}; please report it with the model \
             file and the command: {command}\n",
            env!("CARGO_PKG_VERSION")
        ));
        std::process::exit(i32::from(Exit::Internal as u8));
    }));
}
