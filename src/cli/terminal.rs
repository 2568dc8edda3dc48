//! The three things a program says: results on stdout, everything else on stderr, and how it may look there.

use std::io::{self, IsTerminal, Write};

use super::load::in_words;
use crate::report::terminal::Style;

/// Writes results to stdout. A reader that has gone away (`| head`) is no error: it has seen what it wanted.
///
/// # Errors
/// stdout cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(fault) if fault.kind() != io::ErrorKind::BrokenPipe => {
            anyhow::bail!("cannot write the results to stdout: {}", in_words(&fault))
        }
        _ => Ok(()),
    }
}

/// Writes remarks to stderr. If nobody can read them, nothing can be said about it either.
pub fn note(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether stderr is a terminal.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// How results may look: colours and charts are for people.
pub fn style() -> Style {
    let terminal = io::stdout().is_terminal();
    Style {
        colour: terminal && colour_wanted(),
        chart: terminal,
    }
}

/// Whether remarks may be coloured.
pub fn stderr_colour() -> bool {
    stderr_is_terminal() && colour_wanted()
}

/// <https://no-color.org>, and terminals that have no colours.
fn colour_wanted() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !no_color && !dumb
}
