//! The shape of the tree. Every offence is listed with its place; an exception is argued for in the source, not here.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules from the bottom up. A module imports from the floors below its own only.
const FLOORS: &[&[&str]] = &[
    &["units"],
    &["engine", "kafka", "platform"],
    &["workload"],
    &["scenario"],
    &["sim"],
    &["measure"],
    &["experiment"],
    &["report"],
    &["cli"],
];

/// What stands at the top of the tree; the rest is made by tools and ignored by git.
const TOP_FOLDERS: &[&str] = &[
    ".ci",
    ".git",
    "benches",
    "docs",
    "experiments",
    "fuzz",
    "models",
    "output",
    "src",
    "target",
    "tests",
];

/// Longest source file, tests aside [lines].
const LONGEST_FILE: usize = 500;
/// Longest `main.rs` [lines].
const LONGEST_MAIN: usize = 40;
/// Longest function [lines].
const LONGEST_FUNCTION: usize = 70;
/// Most fields of the simulated world: more would be state that belongs to one of its machines.
const MOST_WORLD_FIELDS: usize = 10;

/// Not below the command line, tests aside: what panics on input, what prints, what touches the outside world.
const NOT_BELOW_CLI: &[&str] = &[
    ".unwrap()",
    ".expect(",
    "todo!",
    "unimplemented!",
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "dbg!",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "anyhow",
];

/// Nowhere: what iterates in random order, and what does not say what it is.
const NOWHERE: &[&str] = &[
    "HashMap",
    "HashSet",
    "thread_rng",
    "from_entropy",
    "from_os_rng",
];
const NAMES_THAT_SAY_NOTHING: &[&str] = &["utils", "util", "common", "helpers", "manager", "misc"];

/// A source file.
struct Source {
    /// Its path in the tree.
    path: String,
    /// Its module's path, floor first.
    module: Vec<String>,
    /// Its lines, and how many come before its inline tests.
    lines: Vec<String>,
    own: usize,
    /// Whether all of it is tests.
    is_test: bool,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let mut module: Vec<String> = path
            .trim_start_matches("src/")
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let tests = |pair: &[String]| pair[0] == "#[cfg(test)]" && pair[1].ends_with(" tests {");
        let own = lines.windows(2).position(tests).unwrap_or(lines.len());
        Source {
            path: path.to_owned(),
            is_test: module.iter().any(|name| name == "tests"),
            module,
            lines,
            own,
        }
    }

    fn floor(&self) -> Option<usize> {
        floor(&self.module[0])
    }

    /// Lines with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().enumerate().map(|(ix, line)| {
            let code = match line.trim_start().starts_with("//") {
                true => "",
                false => line.split(" // ").next().unwrap_or(line),
            };
            (ix + 1, code)
        })
    }

    /// As [`Source::code`], without tests.
    fn own_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let own = if self.is_test { 0 } else { self.own };
        self.code().take(own)
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join("src"), &mut paths);
    paths.sort();
    let sources: Vec<Source> = paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let path = path
                .strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            Source::new(&path, &text)
        })
        .collect();
    assert!(sources.len() > 20, "only {} sources found", sources.len());
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Runs a rule over every source and fails with all offences.
fn no_offence(rule: impl Fn(&Source) -> Vec<(usize, String)>) {
    let mut told = String::new();
    for source in sources() {
        for (line, offence) in rule(&source) {
            writeln!(told, "{}:{line}: {offence}", source.path).unwrap();
        }
    }
    assert!(told.is_empty(), "\n{told}");
}

#[test]
fn a_module_imports_from_floors_below_only() {
    no_offence(climbing);
}

fn climbing(source: &Source) -> Vec<(usize, String)> {
    let own = &source.module[0];
    if own == "lib" || own == "main" {
        return Vec::new();
    }
    let mut offences = Vec::new();
    if source.floor().is_none() {
        offences.push((
            1,
            format!("`{own}` is on no floor: give it one in tests/it/tidy.rs"),
        ));
    }
    for (line, code) in source.code() {
        for rest in code.split("crate::").skip(1) {
            let used = rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("");
            let offence = if used.is_empty() {
                "one `crate::` path per `use`".to_owned()
            } else if used == own {
                continue;
            } else {
                match (floor(used), source.floor()) {
                    (Some(below), Some(own)) if below < own => continue,
                    _ => format!("`{own}` may not import `{used}`: it is no floor below"),
                }
            };
            offences.push((line, offence));
        }
    }
    offences
}

#[test]
fn super_stays_inside_its_floor() {
    no_offence(|source| {
        // Inline tests are one module deeper.
        let depth = |line: usize| source.module.len() - 1 + usize::from(line > source.own);
        let up = |code: &str| {
            let path = code.find("super::").map_or("", |at| &code[at..]);
            (1..)
                .take_while(|n| path.starts_with(&"super::".repeat(*n)))
                .count()
        };
        source
            .code()
            .filter(|(line, code)| up(code) > depth(*line))
            .map(|(line, _)| {
                (
                    line,
                    "`super::` leaves the floor: write the `crate::` path".to_owned(),
                )
            })
            .collect()
    });
}

#[test]
fn files_are_short() {
    no_offence(|source| {
        let most = if source.path == "src/main.rs" {
            LONGEST_MAIN
        } else {
            LONGEST_FILE
        };
        let lines = source.own;
        if source.is_test || lines <= most {
            return Vec::new();
        }
        vec![(
            most,
            format!("{lines} lines, at most {most} without tests: split it into rooms"),
        )]
    });
}

#[test]
fn functions_are_short() {
    no_offence(|source| {
        let own: Vec<(usize, &str)> = source.own_code().collect();
        functions(&own)
            .into_iter()
            .filter(|(_, length)| *length > LONGEST_FUNCTION)
            .map(|(line, length)| {
                (
                    line,
                    format!("a function of {length} lines, at most {LONGEST_FUNCTION}"),
                )
            })
            .collect()
    });
}

/// First line and length of each function: rustfmt puts its last brace under its first letter.
fn functions(code: &[(usize, &str)]) -> Vec<(usize, usize)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let begins = |line: &str| {
        let words: Vec<&str> = line
            .split_whitespace()
            .take_while(|word| *word != "fn")
            .collect();
        let qualifiers = ["pub", "pub(super)", "pub(crate)", "const", "async"];
        line.contains("fn ") && words.iter().all(|word| qualifiers.contains(word))
    };
    let mut found = Vec::new();
    for (ix, (line, text)) in code.iter().enumerate() {
        if !begins(text) {
            continue;
        }
        let ends = |(_, last): &&(usize, &str)| {
            indent(last) == indent(text) && last.trim_start().starts_with('}')
        };
        // One that ends on its own line, or has no body, is short.
        let whole = text.ends_with(';') || text.ends_with('}');
        if let Some((end, _)) = code[ix..].iter().find(ends).filter(|_| !whole) {
            found.push((*line, end - line + 1));
        }
    }
    found
}

#[test]
fn nothing_below_the_command_line_panics_on_input_prints_or_touches_the_outside() {
    no_offence(|source| {
        if ["cli", "main", "lib"].contains(&source.module[0].as_str()) {
            return Vec::new();
        }
        forbidden(source.own_code(), NOT_BELOW_CLI)
    });
}

#[test]
fn nothing_iterates_in_random_order_or_draws_without_a_seed() {
    no_offence(|source| forbidden(source.code(), NOWHERE));
}

/// Lines that hold one of `words`, as a word of its own.
fn forbidden<'s>(
    code: impl Iterator<Item = (usize, &'s str)>,
    words: &[&str],
) -> Vec<(usize, String)> {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut offences = Vec::new();
    for (line, text) in code {
        for word in words {
            let hit = text.match_indices(word).any(|(at, _)| {
                let (before, after) = (
                    text[..at].chars().last(),
                    text[at + word.len()..].chars().next(),
                );
                !(part(word.chars().next()) && part(before)
                    || part(word.chars().last()) && part(after))
            });
            if hit {
                offences.push((line, format!("`{word}` has no place here")));
            }
        }
    }
    offences
}

#[test]
fn modules_are_called_by_what_they_are() {
    no_offence(|source| {
        let empty = |name: &&String| NAMES_THAT_SAY_NOTHING.contains(&name.as_str());
        let names = source.module.iter().filter(empty);
        names
            .map(|name| (1, format!("`{name}` says nothing")))
            .collect()
    });
}

#[test]
fn the_world_stays_small() {
    let world = fs::read_to_string(root().join("src/sim/world.rs")).unwrap();
    let body = world
        .split("struct World")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next())
        .unwrap();
    let fields = body
        .lines()
        .map(str::trim)
        .filter(|line| line.ends_with(',') && !line.starts_with("//") && line.contains(": "));
    let fields = fields.count();
    assert!(
        (1..=MOST_WORLD_FIELDS).contains(&fields),
        "World has {fields} fields"
    );
}

#[test]
fn the_top_of_the_tree_is_the_users() {
    let entries = fs::read_dir(root()).unwrap().map(Result::unwrap);
    let mut strangers: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !TOP_FOLDERS.contains(&name.as_str()))
        .collect();
    strangers.sort();
    assert!(
        strangers.is_empty(),
        "folders without a place: {strangers:?}"
    );
}

/// Each rule finds what it is there for.
#[test]
fn the_rules_find_offences() {
    let text = "\
//! Doc of [`crate::report`].
use crate::report::FILES;
use crate::{units, kafka};
use super::super::sim;
fn long() {
    x.unwrap();
    let y = z.unwrap_or(HashMap::new()); // .unwrap()
}
#[cfg(test)]
mod tests {
    use super::*;
    use super::super::super::units;
    fn test() {
        x.unwrap();
    }
}
";
    let source = Source::new("src/sim/world.rs", text);
    let lines =
        |offences: Vec<(usize, String)>| offences.iter().map(|(line, _)| *line).collect::<Vec<_>>();
    assert_eq!(lines(climbing(&source)), [2, 3]);
    assert_eq!(lines(forbidden(source.own_code(), NOT_BELOW_CLI)), [6]);
    assert_eq!(lines(forbidden(source.code(), NOWHERE)), [7]);
    assert_eq!(source.own, 8);
    let own: Vec<_> = source.own_code().collect();
    assert_eq!(functions(&own), [(5, 4)]);
    assert_eq!(
        Source::new("src/kafka/fetch/tests.rs", "").module,
        ["kafka", "fetch", "tests"]
    );
    assert_eq!(Source::new("src/kafka/mod.rs", "").module, ["kafka"]);
}
