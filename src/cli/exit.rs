//! How the program ends: exit codes, and the errors that choose them.

use std::process::ExitCode;

use crate::scenario::Diagnostics;

/// What the exit code says. The numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command did what was asked, and every expectation and bound was met.
    Success = 0,
    /// Something went wrong that is neither the model's nor the caller's doing: a full disk, or a bug.
    Internal = 1,
    /// The command line asks for something that cannot be done: an unknown option, a file that is not there, a
    /// folder that cannot be written.
    Usage = 2,
    /// The run went through, its results are written, and an expectation of the model, or a bound, was not met.
    ExpectationFailed = 99,
    /// The model, as the file and `--set` have it, or the trace is invalid; nothing was simulated.
    InvalidModel = 104,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The command line asks for something that cannot be done.
#[derive(Debug, thiserror::Error)]
#[error("{problem}\n  help: {remedy}")]
pub struct Usage {
    /// What cannot be done, and why.
    pub problem: String,
    /// What to do instead.
    pub remedy: String,
}

impl Usage {
    /// `problem`, and what to do instead.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Usage {
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

impl Exit {
    /// The code that an error ends the program with.
    pub fn of(error: &anyhow::Error) -> Exit {
        if error.is::<Usage>() {
            Exit::Usage
        } else if error.is::<Diagnostics>() {
            Exit::InvalidModel
        } else {
            Exit::Internal
        }
    }
}
