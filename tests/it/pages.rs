//! What the README and the pages in `docs/` say is true: their models are some, their tables are the program's, and their
//! transcripts are run.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use lagsim::kafka::{BrokerProperties, ConsumerProperties, TopicProperties};
use lagsim::scenario::{FIGURES, Override, Source, Unit, check, check_experiment, schema};

const README: &str = include_str!("../../README.md");
const MODELS: &str = include_str!("../../docs/models.md");
const KAFKA: &str = include_str!("../../docs/kafka.md");
const EXPERIMENTS: &str = include_str!("../../docs/experiments.md");

/// Each command of these pages runs in a folder of its own, so that results of the project's user are neither in the way nor
/// overwritten.
fn run_transcripts(pages: &[&str]) {
    let desk = tempfile::tempdir().unwrap();
    let desk = desk.path();
    for name in ["README.md", "docs", "experiments", "models", "tests"] {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        symlink(own, desk.join(name)).unwrap();
    }
    let (program, there) = (env!("CARGO_BIN_EXE_lagsim"), desk.join("lagsim"));
    let (place, text) = (desk.display(), desk.join("lagsim.sh"));
    let script = format!("#!/bin/sh\ncd '{place}' && exec '{program}' \"$@\"\n");
    fs::write(&text, script).unwrap();
    // Written by another process: what is open for writing in one that other tests fork is no program.
    let installed = Command::new("install").args([&text, &there]).status();
    assert!(installed.unwrap().success());
    let cases = trycmd::TestCases::new();
    cases.register_bin("lagsim", there);
    for page in pages {
        cases.case(page);
    }
    cases.run();
}

#[test]
fn transcripts_are_what_the_program_prints() {
    run_transcripts(&["README.md", "docs/*.md"]);
}

#[test]
fn pages_in_tests_cli_show_what_the_program_prints() {
    run_transcripts(&["tests/cli/*.md"]);
}

/// The text of the fenced blocks that begin with `fence`, in order.
fn blocks(text: &str, fence: &str) -> Vec<String> {
    let opening = format!("\n```{fence}\n");
    text.split(&opening)
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap_or("").to_owned())
        .collect()
}

/// The model of a page: its blocks together.
fn model(page: &str) -> String {
    blocks(page, "toml").join("\n")
}

fn files(path: &str) -> Result<String, String> {
    match path {
        "recorded.csv" => Ok("time_s,rate_per_s\n0,200\n3600,400\n".to_owned()),
        "times.csv" => Ok("time_ms\n4\n5\n20\n".to_owned()),
        "consumer.properties" => Ok("session.timeout.ms=30000\n".to_owned()),
        _ => Err("there is no such file".to_owned()),
    }
}

/// A text of a page as a file.
fn source(text: String) -> Source {
    Source {
        name: "a page".to_owned(),
        stem: "page".to_owned(),
        text,
    }
}

/// Why a page's model, after a change, is none, or is doubtful as it stands.
fn judged(page: &str, change: Option<&str>) -> String {
    let source = source(model(page));
    let overrides: Vec<Override> = change
        .into_iter()
        .map(|text| Override {
            text: text.to_owned(),
        })
        .collect();
    match check(&source, &overrides, &files) {
        // A change may deserve a warning.
        Ok(_) if change.is_some() => String::new(),
        Ok(checked) => checked.warnings.to_string(),
        Err(found) => found.to_string(),
    }
}

#[test]
fn their_models_are_valid() {
    assert_eq!(judged(README, None), "");
    assert_eq!(judged(MODELS, None), "");
}

#[test]
fn models_of_single_matters_are_valid() {
    for fence in ["toml retries", "toml dependencies", "toml dead-letter"] {
        let source = source(blocks(MODELS, fence).remove(0));
        let checked = check(&source, &[], &files).unwrap_or_else(|why| panic!("{why}"));
        assert!(checked.warnings.is_empty(), "{}", checked.warnings);
    }
}

#[test]
fn experiments_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|why| why.to_string());
    let blocks = blocks(EXPERIMENTS, "toml experiment").into_iter();
    let cases = blocks.map(|text| {
        let checked = check_experiment(&source(text), &[], &read);
        checked.unwrap_or_else(|why| panic!("{why}")).cases()
    });
    assert_eq!(cases.collect::<Vec<_>>(), [10, 200]);
}

#[test]
fn each_line_of_the_list_of_settings_is_valid() {
    let after = MODELS.split("tested as --set on the model above").nth(1);
    let settings = blocks(after.unwrap(), "text").remove(0);
    assert!(settings.lines().count() > 30);
    let told: String = settings
        .lines()
        .map(|line| judged(MODELS, Some(line)))
        .collect();
    assert!(told.is_empty(), "{told}");
}

/// Words of a text that may be keys.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect()
}

#[test]
fn every_key_of_the_language_is_shown() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let shown = words(MODELS);
    let definitions = schema["$defs"].as_object().unwrap().values();
    let mut missing = Vec::new();
    for definition in definitions.chain([&schema]) {
        let keys = definition["properties"].as_object();
        for key in keys.into_iter().flat_map(|keys| keys.keys()) {
            if !shown.contains(key.as_str()) {
                missing.push(key.clone());
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/models.md does not show {missing:?}"
    );
}

#[test]
fn the_table_of_properties_is_the_programs() {
    let (consumer, broker) = (ConsumerProperties::default(), BrokerProperties::default());
    let topic = TopicProperties::default();
    let row = |name: &str, default: Option<String>, meaning: &str| {
        let default = default.filter(|value| !value.is_empty());
        let default = default.as_deref().unwrap_or("none");
        format!("| `{name}` | {default} | {meaning} |\n")
    };
    let mut wanted = String::new();
    for property in ConsumerProperties::table() {
        wanted.push_str(&row(
            property.name,
            consumer.get(property.name),
            property.meaning,
        ));
    }
    for property in BrokerProperties::table() {
        wanted.push_str(&row(
            property.name,
            broker.get(property.name),
            property.meaning,
        ));
    }
    for property in TopicProperties::table() {
        wanted.push_str(&row(
            property.name,
            topic.get(property.name),
            property.meaning,
        ));
    }
    assert!(
        KAFKA.contains(&wanted),
        "docs/kafka.md wants these rows:\n{wanted}"
    );
}

/// `.ci/run` takes the test command from the README.
#[test]
fn the_test_command_stands_on_a_line_of_its_own() {
    assert_eq!(
        README.lines().filter(|line| *line == "cargo test").count(),
        1
    );
}

#[test]
fn links_lead_to_files_of_the_tree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for folder in [root.to_owned(), root.join("docs")] {
        for page in fs::read_dir(&folder)
            .unwrap()
            .map(|page| page.unwrap().path())
        {
            if page.extension().is_none_or(|ending| ending != "md") {
                continue;
            }
            let text = fs::read_to_string(&page).unwrap();
            let targets = text.split("](").skip(1);
            let targets = targets.filter_map(|rest| rest.split(')').next());
            let astray = targets.filter(|to| !to.contains("://") && !folder.join(to).exists());
            missing.extend(astray.map(|to| format!("{}: {to}", page.display())));
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_table_of_metrics_has_each_with_its_unit() {
    let after = MODELS.split("One row per metric").nth(1).unwrap();
    let rows = after
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let mut shown = Vec::new();
    for row in rows.filter(|row| row.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let names: Vec<&str> = cells[1]
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .collect();
        let units: Vec<&str> = cells[2].split(", ").collect();
        let units = units.into_iter().cycle();
        shown.extend(names.into_iter().zip(units));
    }
    let mut known = FIGURES.map(|figure| {
        let unit = match figure.unit {
            Unit::Records => "records",
            Unit::Seconds => "s",
            Unit::Share => "share",
            Unit::Count => "",
        };
        (figure.name, unit)
    });
    shown.sort_unstable();
    known.sort_unstable();
    assert_eq!(shown, known);
}

#[test]
fn the_table_of_clients_has_a_row_for_each_profile() {
    let rows = KAFKA.lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        lagsim::scenario::Client::names().find(|known| *known == name)
    });
    let names: Vec<&str> = lagsim::scenario::Client::names().collect();
    assert_eq!(rows.collect::<Vec<_>>(), names);
}
