//! The program, end to end: exit codes, files, and what stands on stdout and stderr.

mod comparing;
mod questions;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A model of four partitions that runs in no time: 100/s, of which the group does 400/s.
const MODEL: &str = r#"
title = "a small group"
seed = 7
horizon = "10m"

[topic]
name = "orders"
partitions = 4

[produce]
rate = "100/s"

[group]
name = "order-processor"
members = 2

[processing]
time = "5ms"
commit = "after-batch"
"#;

/// A folder with a model in it, and the program run there.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    pub fn with(model: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("small.toml"), model).unwrap();
        Desk { folder }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn lagsim(&self, args: &[&str]) -> Told {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lagsim"));
        command.current_dir(self.folder.path()).args(args);
        Told::from(command.output().unwrap())
    }

    /// Names of what is in a folder, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// What the program said and how it ended.
#[derive(Debug)]
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Told {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Told {
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

#[test]
fn a_run_writes_its_results_and_prints_the_verdict() {
    let desk = Desk::with(MODEL);
    let told = desk.lagsim(&["run", "small.toml"]).ends_with(0);
    assert!(
        told.out.starts_with("small: a small group\n"),
        "{}",
        told.out
    );
    assert!(
        told.err
            .contains("wrote lag.csv, events.csv, summary.json, lag.png to output/small")
    );
    assert_eq!(
        desk.names("output/small"),
        ["events.csv", "lag.csv", "lag.png", "summary.json"]
    );
    let curves = fs::read_to_string(desk.path("output/small/lag.csv")).unwrap();
    let header = "time_s,partition,log_end_offset,committed_offset,position,lag,age_s,state";
    assert_eq!(curves.lines().next(), Some(header));
    // 601 points of 4 partitions.
    assert_eq!(curves.lines().count(), 1 + 601 * 4);
    let events = fs::read_to_string(desk.path("output/small/events.csv")).unwrap();
    let header = "time_s,event,member,partition,generation,detail";
    assert_eq!(events.lines().next(), Some(header));
}

#[test]
fn the_same_command_gives_the_same_bytes_and_another_seed_does_not() {
    let desk = Desk::with(MODEL);
    for (out, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
        desk.lagsim(&["run", "small.toml", "--seed", seed, "--out", out])
            .ends_with(0);
    }
    for name in desk.names("a") {
        let read = |folder: &str| fs::read(desk.path(folder).join(&name)).unwrap();
        assert!(read("a") == read("b"), "{name} differs between two runs");
    }
    let curves = |folder: &str| fs::read(desk.path(folder).join("lag.csv")).unwrap();
    assert!(curves("a") != curves("c"));
}

#[test]
fn json_on_stdout_is_the_summary_and_nothing_else() {
    let desk = Desk::with(MODEL);
    let told = desk
        .lagsim(&["run", "small.toml", "--format", "json", "--quiet"])
        .ends_with(0);
    assert_eq!(told.err, "");
    let summary: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(summary["schema_version"], 1);
    assert_eq!(summary["model"], "small");
    assert_eq!(
        told.out,
        fs::read_to_string(desk.path("output/small/summary.json")).unwrap()
    );
}

#[test]
fn quiet_says_nothing_and_no_plot_draws_nothing() {
    let desk = Desk::with(MODEL);
    let told = desk
        .lagsim(&["run", "small.toml", "--quiet", "--no-plot"])
        .ends_with(0);
    assert_eq!((told.out.as_str(), told.err.as_str()), ("", ""));
    assert_eq!(
        desk.names("output/small"),
        ["events.csv", "lag.csv", "summary.json"]
    );
}

/// A picture of an earlier run beside the figures of this one would lie.
#[test]
fn a_run_without_a_plot_takes_the_older_plot_away() {
    let desk = Desk::with(MODEL);
    desk.lagsim(&["run", "small.toml"]).ends_with(0);
    desk.lagsim(&["run", "small.toml", "--no-plot"])
        .ends_with(0);
    assert_eq!(
        desk.names("output/small"),
        ["events.csv", "lag.csv", "summary.json"]
    );
}

/// A tenth of the records are given up, to a retry topic, and fail there again.
const RETRIED: &str = r#"
[[poison]]
share = 0.1
on-error = "retry-topic"

[[retry-topic]]
delay = "1m"

[[retry-topic]]
delay = "2m"
name = "last"
"#;

#[test]
fn each_retry_topic_has_a_folder_with_the_same_files_and_all_go_with_the_next_run() {
    let desk = Desk::with(&format!("{MODEL}{RETRIED}"));
    let told = desk.lagsim(&["run", "small.toml"]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    let all = ["events.csv", "lag.csv", "lag.png", "summary.json"];
    assert_eq!(
        desk.names("output/small/retry-topics"),
        ["last", "orders-retry-0"]
    );
    for topic in ["last", "orders-retry-0"] {
        assert_eq!(
            desk.names(&format!("output/small/retry-topics/{topic}")),
            all
        );
    }
    let summary = |path: &str| -> serde_json::Value {
        let text = fs::read_to_string(desk.path(path)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let own = summary("output/small/summary.json");
    let last = summary("output/small/retry-topics/last/summary.json");
    assert_eq!(last["topic"], "last");
    assert_eq!(last["produced"], own["retry_topics"][1]["produced"]);
    assert_eq!(last["dead_lettered"], own["dead_lettered"]);
    let table = told
        .out
        .lines()
        .filter(|line| line.contains("orders-retry-0"));
    assert_eq!(table.count(), 1, "{}", told.out);
    fs::write(desk.path("small.toml"), MODEL).unwrap();
    assert_eq!(desk.lagsim(&["run", "small.toml"]).code, Some(0));
    assert_eq!(desk.names("output/small"), all);
}

#[test]
fn replications_come_with_intervals() {
    let desk = Desk::with(MODEL);
    let told = desk
        .lagsim(&["run", "small.toml", "--replications", "3"])
        .ends_with(0);
    assert!(
        told.out
            .contains("Over 3 replications (mean, 95 % interval)"),
        "{}",
        told.out
    );
    let json = fs::read_to_string(desk.path("output/small/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(summary["replications"]["count"], 3);
}

#[test]
fn set_changes_the_model() {
    let desk = Desk::with(MODEL);
    let lag = |set: &str| {
        let args = ["run", "small.toml", "--format", "json", "-q", "--set", set];
        let told = desk.lagsim(&args).ends_with(0);
        let summary: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        summary["lag"]["final"].as_u64().unwrap()
    };
    let (kept_up, behind) = (lag("produce.rate=150/s"), lag("produce.rate=1000/s"));
    // 600/s too much for ten minutes.
    assert!(kept_up < 1_000 && behind > 300_000, "{kept_up} {behind}");
}

#[test]
fn a_misspelt_path_of_set_gets_the_nearest_name() {
    let desk = Desk::with(MODEL);
    let args = [
        "check",
        "small.toml",
        "--set",
        "group.properties.max.poll.recods=100",
    ];
    let told = desk.lagsim(&args).ends_with(104);
    assert!(told.err.contains("max.poll.records"), "{}", told.err);
    assert!(told.err.contains("--> --set:1:"), "{}", told.err);
    assert_eq!(told.out, "");
    // Without a value it is the command line that is wrong.
    desk.lagsim(&["check", "small.toml", "--set", "group.members"])
        .ends_with(2);
}

#[test]
fn an_invalid_model_is_refused_with_every_mistake_and_nothing_is_written() {
    let wrong = MODEL
        .replace("members = 2", "membres = 2")
        .replace("\"100/s\"", "\"100\"");
    let desk = Desk::with(&wrong);
    for command in ["run", "check", "describe", "explain"] {
        let told = desk.lagsim(&[command, "small.toml"]).ends_with(104);
        assert!(told.err.contains("small.toml:15:1"), "{}", told.err);
        assert!(
            told.err.contains("`100` does not say per what time"),
            "{}",
            told.err
        );
        assert!(
            told.err
                .ends_with("error: the model is invalid: 2 mistakes; nothing was run\n")
        );
        assert_eq!(told.out, "");
    }
    assert_eq!(desk.names("."), ["small.toml"]);
}

#[test]
fn a_valid_model_is_described_in_a_line() {
    let desk = Desk::with(MODEL);
    let told = desk.lagsim(&["check", "small.toml"]).ends_with(0);
    let line =
        "small.toml is valid: orders on 4 partitions, 2 members in group order-processor, 10m\n";
    assert_eq!((told.out.as_str(), told.err.as_str()), (line, ""));
}

#[test]
fn a_model_that_cannot_be_read_is_a_mistake_of_the_command_line() {
    let desk = Desk::with(MODEL);
    fs::write(desk.path("latin.toml"), b"title = \"\xe9\"").unwrap();
    for (model, why) in [
        ("none.toml", "there is no such file"),
        (".", "it is a folder"),
        ("latin.toml", "it is not UTF-8 text"),
    ] {
        let told = desk.lagsim(&["run", model]).ends_with(2);
        assert!(
            told.err.contains(why) && told.err.contains("help: "),
            "{}",
            told.err
        );
    }
}

#[test]
fn files_that_a_model_names_are_taken_from_its_folder() {
    let desk = Desk::with("");
    fs::create_dir(desk.path("models")).unwrap();
    let model = MODEL.replace("rate = \"100/s\"", "rate = { csv = \"day.csv\" }");
    fs::write(desk.path("models/day.toml"), model).unwrap();
    let told = desk.lagsim(&["check", "models/day.toml"]).ends_with(104);
    assert!(
        told.err
            .contains("`day.csv` cannot be read: there is no such file"),
        "{}",
        told.err
    );
    fs::write(
        desk.path("models/day.csv"),
        "time_s,rate_per_s\n0,50\n300,100\n",
    )
    .unwrap();
    desk.lagsim(&["check", "models/day.toml"]).ends_with(0);
}

/// The horizon would take long to simulate: if the folder were looked at last, this test would not end in time.
#[test]
fn a_folder_that_cannot_be_written_is_refused_before_simulating() {
    let desk = Desk::with(MODEL);
    fs::write(desk.path("taken"), "mine").unwrap();
    for out in ["taken", "taken/below"] {
        let set = [
            "--set",
            "horizon=300d",
            "--set",
            "sample=1h",
            "--set",
            "produce.rate=1M/s",
        ];
        let args = [&["run", "small.toml", "--out", out], &set[..]].concat();
        let told = desk.lagsim(&args).ends_with(2);
        assert!(
            told.err
                .contains("choose a folder that can be written with --out DIR"),
            "{}",
            told.err
        );
        assert_eq!(told.out, "");
    }
    assert_eq!(desk.names("."), ["small.toml", "taken"]);
}

#[test]
fn a_failed_run_leaves_older_results_alone() {
    let desk = Desk::with(MODEL);
    desk.lagsim(&["run", "small.toml"]).ends_with(0);
    let read = || fs::read(desk.path("output/small/summary.json")).unwrap();
    let older = read();
    desk.lagsim(&["run", "small.toml", "--set", "group.members=none"])
        .ends_with(104);
    fs::create_dir(desk.path("output/small/notes")).unwrap();
    assert!(read() == older);
    // The second run replaces its own files only.
    desk.lagsim(&["run", "small.toml", "--seed", "8"])
        .ends_with(0);
    assert!(read() != older);
    let expected = ["events.csv", "lag.csv", "lag.png", "notes", "summary.json"];
    assert_eq!(desk.names("output/small"), expected);
}

#[test]
fn an_expectation_that_is_not_met_ends_with_99_and_the_results_are_there() {
    let expecting = format!("{MODEL}\n[[expect]]\nmetric = \"max-lag\"\nbelow = 10\n");
    let desk = Desk::with(&expecting);
    let told = desk.lagsim(&["run", "small.toml", "--quiet"]).ends_with(99);
    assert!(
        told.err
            .starts_with("error: expected max-lag below 10, but it is "),
        "{}",
        told.err
    );
    assert_eq!(told.out, "");
    assert!(desk.path("output/small/summary.json").exists());
    desk.lagsim(&["run", "small.toml", "--set", "expect.0.below=10000"])
        .ends_with(0);
}

/// Editors read the file in the repository; it comes from the program.
#[test]
fn the_schema_in_docs_is_the_one_the_program_prints() {
    let desk = Desk::with(MODEL);
    let told = desk.lagsim(&["schema"]).ends_with(0);
    let schema: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert!(schema["properties"]["topic"].is_object());
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/model.schema.json");
    let stale = "run: cargo run -- schema > docs/model.schema.json";
    assert!(fs::read_to_string(docs).unwrap() == told.out, "{stale}");
    let told = desk.lagsim(&["schema", "--experiment"]).ends_with(0);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/experiment.schema.json");
    let stale = "run: cargo run -- schema --experiment > docs/experiment.schema.json";
    assert!(fs::read_to_string(docs).unwrap() == told.out, "{stale}");
    let told = desk.lagsim(&["schema", "--client"]).ends_with(0);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/client.schema.json");
    let stale = "run: cargo run -- schema --client > docs/client.schema.json";
    assert!(fs::read_to_string(docs).unwrap() == told.out, "{stale}");
}

#[test]
fn nothing_is_coloured_and_no_chart_is_drawn_unless_stdout_is_a_terminal() {
    let desk = Desk::with(MODEL);
    let told = desk.lagsim(&["run", "small.toml"]).ends_with(0);
    assert!(!told.out.contains('\u{1b}') && !told.err.contains('\u{1b}'));
    assert!(!told.out.contains("Total lag"), "{}", told.out);
    let wrong = desk
        .lagsim(&["check", "small.toml", "--set", "horizon=1"])
        .ends_with(104);
    assert!(!wrong.err.contains('\u{1b}'), "{}", wrong.err);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::with(MODEL);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lagsim"));
    command
        .current_dir(desk.folder.path())
        .args(["schema"])
        .stdout(writer);
    let told = Told::from(command.output().unwrap()).ends_with(0);
    assert_eq!(told.err, "");
}

#[test]
#[cfg(target_os = "linux")]
fn results_that_cannot_be_printed_are_an_error_of_their_own() {
    let desk = Desk::with(MODEL);
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lagsim"));
    command
        .current_dir(desk.folder.path())
        .arg("schema")
        .stdout(full);
    let told = Told::from(command.output().unwrap()).ends_with(1);
    assert_eq!(
        told.err,
        "error: cannot write the results to stdout: the disk is full\n"
    );
}

/// More rows than a disk holds of a run, more curves than memory holds of `explain`.
#[test]
fn more_samples_than_there_is_room_for_are_refused_with_a_coarser_sample() {
    let desk = Desk::with(MODEL);
    fs::write(desk.path("taken"), "mine").unwrap();
    for (command, partitions, coarser) in [
        (
            &["run", "small.toml", "--out", "taken"][..],
            400,
            "sample=3s",
        ),
        (
            &["explain", "small.toml", "--partition", "999"],
            40,
            "sample=12s",
        ),
    ] {
        let partitions = format!("topic.partitions={partitions}");
        let sets = ["--set", "horizon=30d", "--set", &partitions];
        let told = desk.lagsim(&[command, &sets].concat()).ends_with(2);
        let remedy = told.err.split("--set ").nth(1).unwrap().trim();
        assert_eq!(remedy, coarser, "{}", told.err);
    }
    // With the remedy it is the folder's turn to be refused.
    let sets = "--out taken --set horizon=30d --set topic.partitions=400 --set sample=3s";
    let run: Vec<&str> = ["run", "small.toml"]
        .into_iter()
        .chain(sets.split(' '))
        .collect();
    let told = desk.lagsim(&run).ends_with(2);
    assert!(told.err.contains("--out DIR"), "{}", told.err);
    // Replications keep their curves, for the band of the picture.
    let many = desk
        .lagsim(&["run", "small.toml", "--replications", "100000"])
        .ends_with(2);
    assert!(many.err.contains("in 100000 runs"), "{}", many.err);
}

/// Every sample is in lag.csv, and the picture is drawn from fewer.
#[test]
fn a_long_run_is_written_whole() {
    let desk = Desk::with(MODEL);
    desk.lagsim(&["run", "small.toml", "--set", "horizon=4h", "--no-plot"])
        .ends_with(0);
    let table = fs::read_to_string(desk.path("output/small/lag.csv")).unwrap();
    let last = table.lines().last().unwrap();
    assert!(last.starts_with("14400.000,"), "{last}");
    let instants: BTreeSet<&str> = table
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').next())
        .collect();
    assert_eq!(instants.len(), 14_401);
    assert_eq!(
        desk.names("output/small"),
        ["events.csv", "lag.csv", "summary.json"]
    );
}

#[test]
fn what_the_command_line_cannot_mean_ends_with_2() {
    let desk = Desk::with(MODEL);
    for args in [
        &["run"][..],
        &["walk", "small.toml"],
        &["run", "small.toml", "--replications", "0"],
        &["run", "small.toml", "--format", "yaml"],
        &["describe", "small.toml", "--at", "20"],
        &["quick", "--rate", "1/s"],
    ] {
        let told = desk.lagsim(args).ends_with(2);
        assert!(told.err.starts_with("error: "), "{}", told.err);
    }
    assert_eq!(desk.names("."), ["small.toml"]);
}
