//! The file that a sweep writes each run into as it finishes: whatever ends the program, only runs in flight are lost.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use super::exit::Usage;
use super::load::in_words;
use crate::experiment::{Entry, Header, Plan, RunFigures, Shard};

/// Stands for a run that is not there.
const NOWHERE: (u32, u64) = (u32::MAX, u64::MAX);

/// Where each run of a sweep stands, in one file or several: all that is kept of it in memory.
pub struct Runs {
    files: Vec<BufReader<File>>,
    /// By run, case after case: the file, and the offset of the line.
    places: Vec<(u32, u64)>,
    keys: BTreeMap<u64, usize>,
    replications: usize,
    /// Lines that were not whole, or of no case.
    pub dropped: usize,
}

impl Runs {
    /// None yet of `plan`.
    pub fn none(plan: &Plan) -> Self {
        Runs {
            files: Vec::new(),
            places: vec![NOWHERE; plan.runs()],
            keys: (0..plan.cases())
                .map(|case| (plan.key(case), case))
                .collect(),
            replications: plan.replications as usize,
            dropped: 0,
        }
    }

    /// Takes in the runs of a journal, behind its header.
    pub fn add(&mut self, path: &Path) -> io::Result<()> {
        let number = self.files.len() as u32;
        let mut file = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        let mut offset = file.read_until(b'\n', &mut line)? as u64;
        loop {
            line.clear();
            let length = file.read_until(b'\n', &mut line)? as u64;
            if length == 0 {
                break;
            }
            let entry = str::from_utf8(&line)
                .ok()
                .filter(|line| line.ends_with('\n'));
            let run = entry
                .and_then(Entry::read)
                .and_then(|entry| self.run_of(&entry));
            match run {
                Some(run) => self.places[run] = (number, offset),
                None => self.dropped += 1,
            }
            offset += length;
        }
        self.files.push(file);
        Ok(())
    }

    fn run_of(&self, entry: &Entry) -> Option<usize> {
        let case = self.keys.get(&entry.key)?;
        let replication = entry.replication as usize;
        (replication < self.replications).then_some(case * self.replications + replication)
    }

    /// Whether a run is there.
    pub fn has(&self, case: usize, replication: u32) -> bool {
        self.places[case * self.replications + replication as usize] != NOWHERE
    }

    /// How many runs there are.
    pub fn count(&self) -> usize {
        self.places
            .iter()
            .filter(|place| **place != NOWHERE)
            .count()
    }

    /// The line of a run that is there.
    pub fn line(&mut self, case: usize, replication: u32) -> anyhow::Result<String> {
        let (file, offset) = self.places[case * self.replications + replication as usize];
        let missing = || format!("case {case}, replication {replication} is not in the journal");
        let file = self.files.get_mut(file as usize).with_context(missing)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut line = String::new();
        file.read_line(&mut line)?;
        Ok(line)
    }

    /// Writes a journal with these runs in order of their cases.
    pub fn write(&mut self, path: &Path, header: &Header) -> anyhow::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(header.line()?.as_bytes())?;
        for case in 0..header.plan.cases() {
            for replication in 0..header.plan.replications {
                if self.has(case, replication) {
                    file.write_all(self.line(case, replication)?.as_bytes())?;
                }
            }
        }
        file.flush()?;
        Ok(())
    }
}

/// A journal that grows.
pub struct Journal {
    file: Mutex<(File, Option<io::Error>)>,
}

impl Journal {
    /// Begins a journal with the runs that are there already, in the place of an earlier one.
    pub fn begin(path: &Path, header: &Header, runs: &mut Runs) -> anyhow::Result<Self> {
        let next = path.with_extension("new");
        let begun = runs
            .write(&next, header)
            .and_then(|()| Ok(fs::rename(&next, path)?))
            .and_then(|()| Ok(OpenOptions::new().append(true).open(path)?));
        if begun.is_err() {
            let _ = fs::remove_file(&next);
        }
        let file =
            begun.with_context(|| format!("cannot write the journal `{}`", path.display()))?;
        Ok(Journal {
            file: Mutex::new((file, None)),
        })
    }

    /// Adds a run; whether it could be written, as all before it.
    pub fn append(&self, run: RunFigures, key: u64) -> bool {
        let line = Entry::of(run, key).line();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.1.is_none() {
            // One call, no buffer: what the system has taken outlives the program.
            file.1 = file.0.write_all(line.as_bytes()).err();
        }
        file.1.is_none()
    }

    /// Everything written.
    ///
    /// # Errors
    /// What kept a line from being written.
    pub fn end(self) -> anyhow::Result<()> {
        let (_, fault) = self
            .file
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match fault {
            None => Ok(()),
            Some(fault) => anyhow::bail!(
                "the journal cannot be written: {}; what is in it is kept, continue with --resume",
                in_words(&fault)
            ),
        }
    }
}

/// The header of the journal at `path`; none if there is no such file.
///
/// # Errors
/// [`Usage`] if it cannot be read, or is the journal of no sweep.
pub fn header(path: &Path) -> anyhow::Result<Option<Header>> {
    let refused = |why: String| {
        Usage::new(
            format!("cannot go on with `{}`: {why}", path.display()),
            "remove the file to begin anew, or choose another folder with --out DIR",
        )
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(refused(in_words(&fault)).into()),
    };
    let mut line = String::new();
    let read = BufReader::new(file).read_line(&mut line);
    match read.ok().and_then(|_| Header::read(&line)) {
        Some(header) => Ok(Some(header)),
        None => Err(
            refused("it is not the journal of a sweep, or of another version".to_owned()).into(),
        ),
    }
}

/// Why the runs of a journal with the header `there` are of no use for `wanted`, if they are not.
pub fn differs(there: &Header, wanted: &Header) -> Option<String> {
    let (old, new) = (&there.plan, &wanted.plan);
    if old.lagsim_version != new.lagsim_version {
        return Some(format!(
            "it was begun by lagsim {}, and this is {}",
            old.lagsim_version, new.lagsim_version
        ));
    }
    if old.model != new.model {
        return Some("the model, or a file that it names, has changed since".to_owned());
    }
    if old.columns != new.columns {
        return Some("the figures that are looked at have changed since".to_owned());
    }
    if there.shard != wanted.shard {
        let of = |shard: Shard| format!("part {} of {}", shard.number, shard.of);
        return Some(format!(
            "it holds {}, and {} is asked for",
            of(there.shard),
            of(wanted.shard)
        ));
    }
    None
}
