//! `lagsim init`, and what `lagsim quick --save` shares with it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::args::InitArgs;
use super::exit::{Exit, Usage};
use super::load::in_words;
use super::starter::Starter;
use super::terminal;

/// Writes a commented model to start from.
pub fn init(args: &InitArgs) -> anyhow::Result<Exit> {
    save(&args.file, &Starter::default().text(), args.force)?;
    Ok(Exit::Success)
}

/// Writes a model file; replaces one only if told to.
///
/// # Errors
/// [`Usage`] if the file is there already or cannot be written.
pub fn save(file: &Path, text: &str, force: bool) -> Result<(), Usage> {
    let mut open = OpenOptions::new();
    open.write(true);
    if force {
        open.create(true).truncate(true);
    } else {
        open.create_new(true);
    }
    let written = open
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|fault| {
        let remedy = match fault.kind() {
            io::ErrorKind::AlreadyExists => "choose another name, or replace it with --force",
            io::ErrorKind::NotFound => "create its folder first",
            _ => "choose a file that can be written",
        };
        let why = match fault.kind() {
            io::ErrorKind::NotFound => "there is no such folder".to_owned(),
            _ => in_words(&fault),
        };
        Usage::new(format!("cannot write `{}`: {why}", file.display()), remedy)
    })?;
    let shown = file.display();
    terminal::note(&format!("wrote {shown}; run it with: lagsim run {shown}\n"));
    Ok(())
}
