//! What the README says is true: its model is one, its table is the program's, and its transcripts are run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lagsim::kafka::{BrokerProperties, ConsumerProperties, TopicProperties};
use lagsim::scenario::{Override, Source, check, check_experiment, schema};

const README: &str = include_str!("../../README.md");

#[test]
fn its_transcripts_are_what_the_program_prints() {
    trycmd::TestCases::new().case("README.md").run();
}

/// The text of the fenced blocks that begin with `fence`, in order.
fn blocks(text: &str, fence: &str) -> Vec<String> {
    let opening = format!("\n```{fence}\n");
    text.split(&opening)
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap_or("").to_owned())
        .collect()
}

fn model() -> String {
    blocks(README, "toml").join("\n")
}

fn files(path: &str) -> Result<String, String> {
    match path {
        "recorded.csv" => Ok("time_s,rate_per_s\n0,200\n3600,400\n".to_owned()),
        "times.csv" => Ok("time_ms\n4\n5\n20\n".to_owned()),
        "consumer.properties" => Ok("session.timeout.ms=30000\n".to_owned()),
        _ => Err("there is no such file".to_owned()),
    }
}

/// Why the README's model, after a change, is none, or is doubtful as it stands.
fn judged(change: Option<&str>) -> String {
    let source = Source {
        name: "README.md".to_owned(),
        stem: "readme".to_owned(),
        text: model(),
    };
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
fn its_model_is_valid() {
    assert_eq!(judged(None), "");
}

#[test]
fn its_models_of_single_matters_are_valid() {
    for fence in ["toml retries", "toml dependencies", "toml dead-letter"] {
        let source = Source {
            name: "README.md".to_owned(),
            stem: "readme".to_owned(),
            text: blocks(README, fence).remove(0),
        };
        let checked = check(&source, &[], &files).unwrap_or_else(|why| panic!("{why}"));
        assert!(checked.warnings.is_empty(), "{}", checked.warnings);
    }
}

#[test]
fn its_experiments_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|why| why.to_string());
    let cases = blocks(README, "toml experiment").into_iter().map(|text| {
        let source = Source {
            name: "README.md".to_owned(),
            stem: "readme".to_owned(),
            text,
        };
        let checked = check_experiment(&source, &[], &read);
        checked.unwrap_or_else(|why| panic!("{why}")).cases()
    });
    assert_eq!(cases.collect::<Vec<_>>(), [10, 200]);
}

#[test]
fn each_line_of_its_list_of_settings_is_valid() {
    let after = README.split("tested as --set on the model above").nth(1);
    let settings = blocks(after.unwrap(), "text").remove(0);
    assert!(settings.lines().count() > 30);
    let told: String = settings.lines().map(|line| judged(Some(line))).collect();
    assert!(told.is_empty(), "{told}");
}

/// Words of a text that may be keys.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect()
}

#[test]
fn it_shows_every_key_of_the_language() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let language = README.split("## The model language").nth(1).unwrap();
    let shown = words(language.split("### Kafka properties").next().unwrap());
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
    assert!(missing.is_empty(), "the README does not show {missing:?}");
}

#[test]
fn its_table_of_properties_is_the_programs() {
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
        README.contains(&wanted),
        "the README wants these rows:\n{wanted}"
    );
}

/// `.ci/run` takes the test command from here.
#[test]
fn its_test_command_stands_on_a_line_of_its_own() {
    assert_eq!(
        README.lines().filter(|line| *line == "cargo test").count(),
        1
    );
}

#[test]
fn its_links_lead_to_files_of_the_tree() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets = README
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let missing: Vec<&str> = targets
        .filter(|target| !target.contains("://") && !root.join(target).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_table_of_clients_has_a_row_for_each_profile() {
    let rows = README.lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        lagsim::scenario::Client::names().find(|known| *known == name)
    });
    let names: Vec<&str> = lagsim::scenario::Client::names().collect();
    assert_eq!(rows.collect::<Vec<_>>(), names);
}
