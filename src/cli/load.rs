//! Models and the files they name, from disk to a checked scenario.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::args::ModelArgs;
use super::exit::Usage;
use super::terminal;
use crate::measure::Trace;
use crate::scenario::{Checked, Override, Scenario, Source, check};

/// Most that is read of a file that a model names [bytes].
const LARGEST_FILE: u64 = 256 << 20;
/// Most that is read of a model [bytes]; the check refuses less than this with a remedy.
const LARGEST_MODEL: u64 = 8 << 20;

/// Reads and checks a model; what is doubtful in it goes to stderr unless `quiet`.
///
/// # Errors
/// [`Usage`] if the file cannot be read, [`Diagnostics`](crate::scenario::Diagnostics) if the model is invalid.
pub fn scenario(args: &ModelArgs, quiet: bool) -> anyhow::Result<Scenario> {
    let Checked { scenario, warnings } = checked(&args.model, &args.overrides)?;
    if !quiet && !warnings.is_empty() {
        terminal::note(&warnings.render(terminal::stderr_colour()));
    }
    Ok(scenario)
}

/// Reads and checks a model with changes.
///
/// # Errors
/// As [`scenario`].
pub fn checked(path: &Path, overrides: &[Override]) -> anyhow::Result<Checked> {
    let text = read(path, LARGEST_MODEL).map_err(|fault| {
        Usage::new(
            format!(
                "cannot read the model `{}`: {}",
                path.display(),
                in_words(&fault)
            ),
            "name a model file, or write one to start from with `lagsim init FILE`",
        )
    })?;
    let source = Source {
        name: path.display().to_string(),
        stem: path.file_stem().map_or_else(
            || "model".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        ),
        text,
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside =
        |name: &str| read(&folder.join(name), LARGEST_FILE).map_err(|fault| in_words(&fault));
    Ok(check(&source, overrides, &beside)?)
}

/// Reads and checks a trace.
///
/// # Errors
/// [`Usage`] if the file cannot be read, [`Diagnostics`](crate::scenario::Diagnostics) if it is no trace.
pub fn trace(path: &Path) -> anyhow::Result<Trace> {
    let text = read(path, LARGEST_FILE).map_err(|fault| {
        Usage::new(
            format!(
                "cannot read the trace `{}`: {}",
                path.display(),
                in_words(&fault)
            ),
            "name a CSV file with --trace FILE; lagsim run writes one, lag.csv",
        )
    })?;
    Ok(Trace::parse(&path.display().to_string(), &text)?)
}

/// The text of a file of at most `most` bytes.
fn read(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if length as u64 > most {
        let message = format!("it has more than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// An input or output error as one says it, without the system's number.
pub fn in_words(fault: &io::Error) -> String {
    match fault.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is a file, not a folder".to_owned(),
        io::ErrorKind::AlreadyExists => "it exists already".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => fault.to_string(),
    }
}
