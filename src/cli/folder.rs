//! The folder that gets a run's results: all of them or none.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::exit::Usage;
use super::load::in_words;

/// A folder that can be written, as far as can be told before there is anything to write.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The files that a command writes into it.
    names: Vec<String>,
}

impl Folder {
    /// Makes sure, before anything is simulated, that results of these names can be written; leaves nothing behind.
    ///
    /// # Errors
    /// [`Usage`], saying why not.
    pub fn at(path: &Path, names: &[impl AsRef<str>]) -> Result<Self, Usage> {
        let names: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        let refused = |why: String| {
            Usage::new(
                format!("cannot write results to `{}`: {why}", path.display()),
                "choose a folder that can be written with --out DIR",
            )
        };
        if path.as_os_str().is_empty() {
            return Err(refused("the path is empty".to_owned()));
        }
        for name in &names {
            if path.join(name).is_dir() {
                return Err(refused(format!("`{name}` in it is a folder")));
            }
        }
        let existing = nearest_existing(path);
        let probe = staging(existing);
        fs::create_dir(&probe)
            .and_then(|()| fs::remove_dir(&probe))
            .map_err(|fault| refused(in_words(&fault)))?;
        Ok(Folder {
            path: path.to_owned(),
            names,
        })
    }

    /// The same with a folder of this `name` in it, which has folders for files of these `names`: it is replaced as a whole, so
    /// nothing else may be in its place.
    ///
    /// # Errors
    /// [`Usage`], if something else is.
    pub fn with_folders(mut self, name: &str, names: &[&str]) -> Result<Self, Usage> {
        let place = self.path.join(name);
        let known = |file: &Path| {
            let own = |name: &OsStr| names.iter().any(|known| name == *known);
            file.file_name().is_some_and(own) && !file.is_dir()
        };
        let ours = |entry: &Path| entry.is_dir() && entries(entry).iter().all(|file| known(file));
        if place.exists() && !(place.is_dir() && entries(&place).iter().all(|entry| ours(entry))) {
            return Err(Usage::new(
                format!(
                    "`{}` holds something else than results, and would be replaced",
                    place.display()
                ),
                "move it away, or choose another folder with --out DIR",
            ));
        }
        self.names.push(name.to_owned());
        Ok(self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `files` in the place of an earlier run's: see [`fill`](Self::fill).
    ///
    /// # Errors
    /// As there.
    pub fn write(&self, files: &[(impl AsRef<Path>, Vec<u8>)]) -> anyhow::Result<()> {
        self.fill(|staging| put(staging, files))
    }

    /// Puts the files that `write` makes in a folder of its own in the place of an earlier run's. All of them are complete before the first is moved to its
    /// place; an earlier run's file that has no successor goes, since it would show another run.
    ///
    /// # Errors
    /// Something cannot be written or moved: the folder is as it was.
    pub fn fill(&self, write: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let staging = staging(&self.path);
        let created = !self.path.exists();
        let mut held = None;
        let written = fs::create_dir_all(&self.path)
            .and_then(|()| fs::create_dir(&staging))
            .and_then(|()| hold(&staging))
            .map_err(anyhow::Error::from)
            .and_then(|own| {
                held = Some(own);
                remove_abandoned(&self.path);
                write(&staging)
            })
            .and_then(|()| Ok(self.replace(&staging)?));
        // Best effort: what is left over is a hidden folder of our own.
        let _ = fs::remove_dir_all(&staging);
        if written.is_err() && created {
            let _ = fs::remove_dir(&self.path);
        }
        written.with_context(|| {
            format!(
                "cannot write the results to `{}` (what was there is untouched)",
                self.path.display()
            )
        })
    }

    fn replace(&self, staging: &Path) -> io::Result<()> {
        let mut moved = Vec::new();
        for name in &self.names {
            let (place, older) = (self.path.join(name), staging.join(format!("{name}.older")));
            let mut moves = Vec::new();
            if place.exists() {
                moves.push((place.clone(), older));
            }
            if staging.join(name).exists() {
                moves.push((staging.join(name), place));
            }
            for (from, to) in moves {
                if let Err(fault) = fs::rename(&from, &to) {
                    take_back(&moved);
                    return Err(fault);
                }
                moved.push((from, to));
            }
        }
        Ok(())
    }
}

/// Writes `files` into `folder`.
///
/// # Errors
/// One of them cannot be written.
pub fn put(folder: &Path, files: &[(impl AsRef<Path>, Vec<u8>)]) -> anyhow::Result<()> {
    for (name, bytes) in files {
        create(folder, name)?.write_all(bytes)?;
    }
    Ok(())
}

/// Creates the file at `path` in `folder`, with the folders that it is in.
///
/// # Errors
/// It cannot be created.
pub fn create(folder: &Path, path: impl AsRef<Path>) -> io::Result<File> {
    let place = folder.join(path);
    if let Some(above) = place.parent() {
        fs::create_dir_all(above)?;
    }
    File::create(place)
}

/// What is in a folder; nothing of one that cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Undoes moves, the last one first.
fn take_back(moved: &[(PathBuf, PathBuf)]) {
    for (from, to) in moved.iter().rev() {
        let _ = fs::rename(to, from);
    }
}

/// How the name of a staging folder begins.
const STAGING: &str = ".lagsim-";
/// The file in a staging folder that its process has locked for as long as it lives.
const HELD: &str = "held";

/// A folder of this process inside `path`: on the same file system, so that a rename is all it takes.
fn staging(path: &Path) -> PathBuf {
    path.join(format!("{STAGING}{}", std::process::id()))
}

/// Takes the lock that tells a staging folder in use from what a process left that was killed.
fn hold(staging: &Path) -> io::Result<File> {
    let file = File::create(staging.join(HELD))?;
    file.lock()?;
    Ok(file)
}

/// Removes the staging folders in `path` that no living process holds. Best effort: what stays is hidden and harmless.
fn remove_abandoned(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let abandoned = entry.file_name().to_string_lossy().starts_with(STAGING)
            && File::open(entry.path().join(HELD)).is_ok_and(|file| file.try_lock().is_ok());
        if abandoned {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// `path`, or the folder above it that has to be there first.
fn nearest_existing(path: &Path) -> &Path {
    let mut above = path;
    while !above.exists() {
        match above.parent() {
            Some(parent) if parent.as_os_str().is_empty() => return Path::new("."),
            Some(parent) => above = parent,
            None => return Path::new("."),
        }
    }
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["lag.csv", "summary.json", "lag.png"];

    fn contents(folder: &Path) -> Vec<(String, String)> {
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap_or_default())
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn results_replace_those_of_an_earlier_run_and_nothing_else() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("output/orders");
        let target = Folder::at(&folder, NAMES).unwrap();
        assert!(
            !temp.path().join("output").exists(),
            "asking writes nothing"
        );
        let first = [("lag.csv", b"1".to_vec()), ("lag.png", b"2".to_vec())];
        target.write(&first).unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        target.write(&[("lag.csv", b"3".to_vec())]).unwrap();
        let expected = [("lag.csv", "3"), ("notes.txt", "mine")];
        assert_eq!(
            contents(&folder),
            expected.map(|(n, c)| (n.to_owned(), c.to_owned()))
        );
    }

    #[test]
    fn a_write_that_fails_half_way_leaves_the_older_results() {
        let temp = tempfile::tempdir().unwrap();
        let target = Folder::at(temp.path(), NAMES).unwrap();
        let first = [("lag.csv", b"1".to_vec()), ("summary.json", b"1".to_vec())];
        target.write(&first).unwrap();
        let older = contents(temp.path());
        // Where the older summary.json would go there is a folder; by then lag.csv has been replaced.
        let staging = temp.path().join("staging");
        fs::create_dir_all(staging.join("summary.json.older")).unwrap();
        for (name, _) in &first {
            fs::write(staging.join(name), "2").unwrap();
        }
        assert!(target.replace(&staging).is_err());
        fs::remove_dir_all(&staging).unwrap();
        assert_eq!(contents(temp.path()), older);
    }

    #[test]
    fn what_a_killed_run_left_goes_with_the_next_one_and_a_living_one_keeps_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let target = Folder::at(temp.path(), NAMES).unwrap();
        let [dead, alive] = ["1", "2"].map(|id| temp.path().join(format!("{STAGING}{id}")));
        for left in [&dead, &alive] {
            fs::create_dir(left).unwrap();
            fs::write(left.join("lag.csv"), "half").unwrap();
        }
        drop(hold(&dead).unwrap());
        let held = hold(&alive).unwrap();
        target.write(&[("lag.csv", b"1".to_vec())]).unwrap();
        assert!(!dead.exists());
        assert!(alive.join("lag.csv").exists());
        drop(held);
    }

    #[test]
    fn a_folder_of_folders_is_replaced_as_a_whole_and_only_if_all_in_it_is_ours() {
        let temp = tempfile::tempdir().unwrap();
        let target = || Folder::at(temp.path(), NAMES)?.with_folders("retry-topics", NAMES);
        let first = [
            ("lag.csv", b"1".to_vec()),
            ("retry-topics/a/lag.csv", b"2".to_vec()),
        ];
        target().unwrap().write(&first).unwrap();
        let second = [("retry-topics/b/lag.csv", b"3".to_vec())];
        target().unwrap().write(&second).unwrap();
        let [a, b] = ["a", "b"].map(|name| temp.path().join("retry-topics").join(name));
        assert!(!a.exists(), "it would show another run");
        assert_eq!(fs::read_to_string(b.join("lag.csv")).unwrap(), "3");
        fs::write(b.join("notes.txt"), "mine").unwrap();
        let refused = target().unwrap_err().to_string();
        assert!(refused.contains("retry-topics"), "{refused}");
        assert!(b.join("notes.txt").exists());
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_refused_with_a_remedy() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("taken");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let refused = Folder::at(&path, NAMES).unwrap_err();
            assert!(refused.to_string().contains("--out DIR"), "{refused}");
        }
    }
}
