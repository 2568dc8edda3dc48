//! `lagsim import`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::args::ImportArgs;
use super::exit::{Exit, Usage};
use super::folder::Folder;
use super::{load, terminal};
use crate::measure::listing::{self, Observed};
use crate::report::imported;
use crate::scenario::Diagnostics;

/// Turns what tools and monitors show of a group into the beginning of a model.
pub fn import(args: &ImportArgs) -> anyhow::Result<Exit> {
    let mut series = Vec::new();
    let mut found = None::<Diagnostics>;
    for path in &args.listings {
        let text = load::listing(path)?;
        match listing::read(&path.display().to_string(), &text) {
            Ok(more) => series.extend(more),
            Err(more) => {
                found = Some(match found {
                    Some(found) => found.join(&more, None),
                    None => more,
                });
            }
        }
    }
    if let Some(found) = found {
        return Err(found.into());
    }
    let chosen = Observed::of(&series, args.topic.as_deref(), args.group.as_deref());
    let observed = chosen.map_err(|fault| Usage::new(fault.problem, fault.remedy))?;
    let from: Vec<String> = args.listings.iter().map(|path| name(path)).collect();
    let from = from.join(", ");
    let Some(save) = &args.save else {
        if observed.history.is_some() {
            return Err(Usage::new(
                "there is a history in it, which becomes files beside the model",
                "say where the model goes with --save FILE",
            )
            .into());
        }
        terminal::print(&imported::model(&observed, &from, ""))?;
        return Ok(Exit::Success);
    };
    save_all(save, args.force, &observed, &from)?;
    Ok(Exit::Success)
}

/// Writes the model and its recordings, all or none.
fn save_all(save: &Path, force: bool, observed: &Observed, from: &str) -> anyhow::Result<()> {
    let beside = |end: &str| {
        let mut name = OsString::from(load::stem(save, "model"));
        name.push(end);
        name.to_string_lossy().into_owned()
    };
    let (rate, trace) = (beside(".rate.csv"), beside(".trace.csv"));
    let mut files = vec![(
        name(save),
        imported::model(observed, from, &rate).into_bytes(),
    )];
    if let Some(history) = &observed.history {
        files.push((rate, imported::rate(history)?));
        files.extend(imported::trace(history)?.map(|bytes| (trace, bytes)));
    }
    let folder = save.parent().filter(|above| !above.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    refuse_to_replace(&folder, &files, force)?;
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    Folder::at(&folder, &names)?.write(&files)?;
    let shown = save.display();
    terminal::note(&format!(
        "wrote {}; see what is missing with: lagsim check {shown}\n",
        names.join(", ")
    ));
    Ok(())
}

fn refuse_to_replace(folder: &Path, files: &[(String, Vec<u8>)], force: bool) -> Result<(), Usage> {
    let there: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    match there.iter().find(|path| path.exists()) {
        Some(path) if !force => Err(Usage::new(
            format!("cannot write `{}`: it exists already", path.display()),
            "choose another name, or replace it with --force",
        )),
        _ => Ok(()),
    }
}

fn name(path: &Path) -> String {
    match path.file_name() {
        Some(_) if path == Path::new("-") => "standard input".to_owned(),
        Some(name) => name.to_string_lossy().into_owned(),
        None => path.display().to_string(),
    }
}
