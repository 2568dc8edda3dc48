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

    /// The same with a folder of this `name` in it, which has folders for files of these `names`.
    ///
    /// # Errors
    /// [`Usage`], if something else is in its place.
    pub fn with_folders(self, name: &str, names: &[&str]) -> Result<Self, Usage> {
        let folder = self.folder.with_folders(name, names)?;
        Ok(Results { folder, ..self })
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

    /// As [`deliver`](Self::deliver), with files at the paths `first` that are written while `make` makes the others.
    ///
    /// # Errors
    /// The folder or stdout cannot be written, or `make` fails.
    pub fn deliver_while(
        &self,
        first: &[String],
        make: impl FnOnce(Vec<File>) -> anyhow::Result<Vec<(String, Vec<u8>)>>,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let mut files = Vec::new();
        self.folder.fill(|staging| {
            let places = first.iter().map(|name| folder::create(staging, name));
            files = make(places.collect::<std::io::Result<_>>()?)?;
            folder::put(staging, &files)
        })?;
        // Of a folder in the folder its name says enough.
        let all = first.iter().chain(files.iter().map(|(name, _)| name));
        let mut names: Vec<&str> = Vec::new();
        for name in all {
            let name = name
                .split_once('/')
                .map_or(name.as_str(), |(folder, _)| folder);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        self.say(&names, &files, text)
    }

    fn say(
        &self,
        names: &[&str],
        files: &[(impl AsRef<str>, Vec<u8>)],
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        match self.args.format {
            Format::Json => {
                let document = (files.iter()).find(|(name, _)| name.as_ref().ends_with(".json"));
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
