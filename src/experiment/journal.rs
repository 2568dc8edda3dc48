//! The lines of a sweep's journal: a header, then one line per run that finished, in whatever order. A line says of
//! itself whether it is whole, so that a torn one is found. Not for the file: the command line reads and writes it.

use serde::{Deserialize, Serialize};

use super::{Plan, RunFigures};
use crate::engine::fingerprint;

/// What a header begins with; the number changes when the lines do.
const MAGIC: &str = "lagsim-sweep-1";

/// Which part of the cases a sweep runs: those whose number leaves `number` - 1 when divided by `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// From 1 to `of`.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
}

impl Shard {
    /// All cases.
    pub const WHOLE: Shard = Shard { number: 1, of: 1 };

    /// Whether a case belongs to it.
    pub fn has(self, case: usize) -> bool {
        case % self.of + 1 == self.number
    }
}

/// The first line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The sweep.
    pub plan: Plan,
    /// Its part.
    pub shard: Shard,
}

/// A run as its line tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// [`Plan::key`] of its case.
    pub key: u64,
    /// Its replication.
    pub replication: u32,
    /// Its figures, by column.
    pub figures: Vec<f64>,
    /// Its curve, if it has one.
    pub curve: Option<Vec<u64>>,
}

impl Header {
    /// The header's line.
    ///
    /// # Errors
    /// The plan cannot be written as JSON.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        Ok(sealed(format!("{MAGIC} {}", serde_json::to_string(self)?)))
    }

    /// Reads a header's line, with or without its line feed; `None` if it is none, or not whole.
    pub fn read(line: &str) -> Option<Self> {
        let json = opened(line)?.strip_prefix(MAGIC)?;
        serde_json::from_str(json).ok()
    }
}

impl Entry {
    /// What a run's line tells; `key` is its case's.
    pub fn of(run: RunFigures, key: u64) -> Self {
        Entry {
            key,
            replication: run.replication,
            figures: run.figures,
            curve: run.curve,
        }
    }

    /// The run's line.
    pub fn line(&self) -> String {
        let mut text = format!("{:016x} {}", self.key, self.replication);
        for figure in &self.figures {
            // The shortest text that reads as the same number.
            text.push_str(&format!(" {figure}"));
        }
        if let Some(curve) = &self.curve {
            text.push_str(" curve");
            for point in curve {
                text.push_str(&format!(" {point}"));
            }
        }
        sealed(text)
    }

    /// Reads a run's line, with or without its line feed; `None` if it is none, or not whole.
    pub fn read(line: &str) -> Option<Self> {
        let mut words = opened(line)?.split(' ');
        let key = u64::from_str_radix(words.next()?, 16).ok()?;
        let replication = words.next()?.parse().ok()?;
        let mut figures = Vec::new();
        let mut curve = None;
        for word in words {
            match &mut curve {
                None if word == "curve" => curve = Some(Vec::new()),
                None => figures.push(word.parse().ok()?),
                Some(points) => points.push(word.parse().ok()?),
            }
        }
        Some(Entry {
            key,
            replication,
            figures,
            curve,
        })
    }
}

/// A line: the text, its fingerprint, a line feed.
fn sealed(text: String) -> String {
    let seal = fingerprint(&text);
    format!("{text} {seal:016x}\n")
}

/// The text of a line that is whole.
fn opened(line: &str) -> Option<&str> {
    let (text, seal) = line.trim_end_matches('\n').rsplit_once(' ')?;
    (seal.len() == 16 && u64::from_str_radix(seal, 16).ok()? == fingerprint(text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            key: 0x00c0_ffee,
            replication: 3,
            figures: vec![0.1 + 0.2, 2_473_550.0, f64::INFINITY, -4.0],
            curve: Some(vec![0, 18_446_744_073_709_551_615]),
        }
    }

    #[test]
    fn a_line_reads_as_what_was_written() {
        assert_eq!(Entry::read(&entry().line()), Some(entry()));
        let bare = Entry {
            curve: None,
            ..entry()
        };
        assert_eq!(Entry::read(&bare.line()), Some(bare));
    }

    #[test]
    fn a_line_that_is_cut_or_changed_anywhere_is_none() {
        let line = entry().line();
        let text = line.trim_end();
        for end in 0..text.len() {
            assert_eq!(Entry::read(&text[..end]), None, "cut at {end}");
        }
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Entry::read(&changed), None, "changed at {at}");
        }
    }

    #[test]
    fn shards_share_out_every_case_once() {
        for case in 0..100 {
            let owners = (1..=7).filter(|number| {
                let shard = Shard {
                    number: *number,
                    of: 7,
                };
                shard.has(case)
            });
            assert_eq!(owners.count(), 1);
            assert!(Shard::WHOLE.has(case));
        }
    }
}
