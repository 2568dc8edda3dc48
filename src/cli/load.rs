//! Models and the files they name, from disk to a checked scenario.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::args::ModelArgs;
use super::exit::Usage;
use super::terminal;
use crate::engine;
use crate::measure::Trace;
use crate::scenario::{
    Checked, Diagnostics, Experiment, Override, Scenario, Source, check, check_experiment,
};

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
    Ok(check_beside(path, &model_source(path)?, overrides)?)
}

/// Changes of a model, and its seed if that is named by itself.
pub fn seeded(overrides: &[Override], seed: Option<u64>) -> Vec<Override> {
    let seed = seed.map(|seed| Override {
        text: format!("seed={seed}"),
    });
    overrides.iter().cloned().chain(seed).collect()
}

/// Reads and checks a model and a trace; returns the model's text too.
///
/// # Errors
/// As [`scenario`] and [`trace`]; if both are invalid, the mistakes of both.
pub fn model_and_trace(path: &Path, recorded: &Path) -> anyhow::Result<(String, Checked, Trace)> {
    let source = model_source(path)?;
    let text = trace_text(recorded)?;
    let checked = check_beside(path, &source, &[]);
    let trace = Trace::parse(&recorded.display().to_string(), &text);
    match (checked, trace) {
        (Ok(checked), Ok(trace)) => Ok((source.text, checked, trace)),
        (Err(model), Err(trace)) => Err(model.join(&trace, None).into()),
        (Err(found), Ok(_)) | (Ok(_), Err(found)) => Err(found.into()),
    }
}

fn model_source(path: &Path) -> Result<Source, Usage> {
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
    Ok(Source {
        name: path.display().to_string(),
        stem: stem(path, "model"),
        text,
    })
}

/// Checks a model with the files beside it.
fn check_beside(
    path: &Path,
    source: &Source,
    overrides: &[Override],
) -> Result<Checked, Diagnostics> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside =
        |name: &str| read(&folder.join(name), LARGEST_FILE).map_err(|fault| in_words(&fault));
    check(source, overrides, &beside)
}

/// Reads an experiment and checks it.
///
/// # Errors
/// [`Usage`] if the file cannot be read, [`Diagnostics`](crate::scenario::Diagnostics) if it is invalid.
pub fn experiment(path: &Path, overrides: &[Override]) -> anyhow::Result<(Experiment, Files)> {
    let text = read(path, LARGEST_MODEL).map_err(|fault| {
        let path = path.display();
        Usage::new(
            format!("cannot read the experiment `{path}`: {}", in_words(&fault)),
            "name an experiment file, or ask without one: lagsim sweep --model MODEL --vary PATH=VALUES",
        )
    })?;
    let source = Source {
        name: path.display().to_string(),
        stem: stem(path, "experiment"),
        text,
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    asked(&source, folder, overrides)
}

/// Whether a file is an experiment. One that cannot be read is none, nor is a pipe, which could be read only once.
pub fn is_experiment(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    read(path, LARGEST_MODEL).is_ok_and(|text| crate::scenario::is_experiment(&text))
}

/// Checks an experiment whose files stand in `folder`.
///
/// # Errors
/// [`Diagnostics`](crate::scenario::Diagnostics) if it is invalid.
pub fn asked(
    source: &Source,
    folder: &Path,
    overrides: &[Override],
) -> anyhow::Result<(Experiment, Files)> {
    let files = Files::of(folder);
    let experiment = check_experiment(source, overrides, &|name| files.read(name))?;
    Ok((experiment, files))
}

/// A file's name without folder and extension.
pub fn stem(path: &Path, default: &str) -> String {
    path.file_stem().map_or_else(
        || default.to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// The files that an experiment and its model name; each is read once.
pub struct Files {
    folder: PathBuf,
    seen: Mutex<BTreeMap<String, Result<String, String>>>,
}

impl Files {
    fn of(folder: &Path) -> Self {
        Files {
            folder: folder.to_owned(),
            seen: Mutex::default(),
        }
    }

    /// The text of a file in the folder, or why there is none.
    pub fn read(&self, name: &str) -> Result<String, String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let load = || read(&self.folder.join(name), LARGEST_FILE).map_err(|fault| in_words(&fault));
        seen.entry(name.to_owned()).or_insert_with(load).clone()
    }

    /// A fingerprint of everything that was read so far.
    pub fn fingerprint(&self) -> u64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let each = seen.iter().map(|(name, text)| {
            let text = text.as_deref().unwrap_or("");
            format!("{name} {:016x}\n", engine::fingerprint(text))
        });
        engine::fingerprint(&each.collect::<String>())
    }
}

/// Reads and checks a trace.
///
/// # Errors
/// [`Usage`] if the file cannot be read, [`Diagnostics`](crate::scenario::Diagnostics) if it is no trace.
pub fn trace(path: &Path) -> anyhow::Result<Trace> {
    let text = trace_text(path)?;
    Ok(Trace::parse(&path.display().to_string(), &text)?)
}

fn trace_text(path: &Path) -> Result<String, Usage> {
    read(path, LARGEST_FILE).map_err(|fault| {
        Usage::new(
            format!(
                "cannot read the trace `{}`: {}",
                path.display(),
                in_words(&fault)
            ),
            "name a CSV file with --trace FILE; lagsim run writes one, lag.csv",
        )
    })
}

/// Reads what a tool or a monitor shows; `-` is stdin.
///
/// # Errors
/// [`Usage`] if it cannot be read.
pub fn listing(path: &Path) -> Result<String, Usage> {
    let text = if path == Path::new("-") {
        limited(io::stdin().lock(), LARGEST_FILE)
    } else {
        read(path, LARGEST_FILE)
    };
    text.map_err(|fault| {
        let path = path.display();
        Usage::new(
            format!("cannot read `{path}`: {}", in_words(&fault)),
            "name a file, or `-` for stdin",
        )
    })
}

/// The text of a file of at most `most` bytes.
fn read(path: &Path, most: u64) -> io::Result<String> {
    limited(File::open(path)?, most)
}

fn limited(source: impl Read, most: u64) -> io::Result<String> {
    let mut text = String::new();
    let length = source.take(most + 1).read_to_string(&mut text)?;
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
