//! What becomes of results: files in a folder, and the report in words or as JSON on stdout.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::args::{Format, ResultArgs};
use super::exit::Usage;
use super::folder::{self, Folder};
use super::terminal;

/// The place that the results of a command go to.
#[derive(Debug)]
pub struct Results<'a> {
    args: &'a ResultArgs,
    folder: Folder,
}

impl<'a> Results<'a> {
    /// A folder for files of these `names`, that of `name` unless told otherwise; made sure of before anything is simulated.
    ///
    /// # Errors
    /// [`Usage`], if it cannot be written.
    pub fn of(
        args: &'a ResultArgs,
        name: &str,
        names: &'static [&'static str],
    ) -> Result<Self, Usage> {
        let path = match &args.out {
            Some(path) => path.clone(),
            None => PathBuf::from("output").join(name),
        };
        let folder = Folder::at(&path, names)?;
        Ok(Results { args, folder })
    }

    /// Writes the files, all or none, and says on stdout what was asked for: the report's `text`, or the JSON file among them.
    ///
    /// # Errors
    /// The folder or stdout cannot be written.
    pub fn deliver(
        &self,
        files: &[(&str, Vec<u8>)],
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        self.folder.write(files)?;
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        self.say(&names, files, text)
    }

    /// As [`deliver`](Self::deliver), with a file of the name `first` that is written while `make` makes the others.
    ///
    /// # Errors
    /// The folder or stdout cannot be written, or `make` fails.
    pub fn deliver_while(
        &self,
        first: &str,
        make: impl FnOnce(File) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>>,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let mut files = Vec::new();
        self.folder.fill(|staging| {
            files = make(File::create(staging.join(first))?)?;
            folder::put(staging, &files)
        })?;
        let others = files.iter().map(|(name, _)| *name);
        let names: Vec<&str> = std::iter::once(first).chain(others).collect();
        self.say(&names, &files, text)
    }

    fn say(
        &self,
        names: &[&str],
        files: &[(&str, Vec<u8>)],
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        match self.args.format {
            Format::Json => {
                let document = files.iter().find(|(name, _)| name.ends_with(".json"));
                let bytes = document.map_or(&[][..], |(_, bytes)| bytes);
                terminal::print(&String::from_utf8_lossy(bytes))?;
            }
            Format::Text if self.args.quiet => {}
            Format::Text => terminal::print(&text())?,
        }
        if !self.args.quiet {
            wrote(self.folder.path(), names);
        }
        Ok(())
    }
}

/// Says on stderr what was written where.
pub fn wrote(path: &Path, names: &[&str]) {
    terminal::note(&format!(
        "\nwrote {} to {}\n",
        names.join(", "),
        path.display()
    ));
}
