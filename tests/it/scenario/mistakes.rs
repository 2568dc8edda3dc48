//! What is answered to a file that is wrong.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{AUTOSCALED, COMPLETE, RETRIED, SMALL, judged_as};

/// Walks tests/bad_models/: each file beside what is answered to it. `BLESS=1` writes the answers anew, to be read.
#[test]
fn every_bad_model_is_answered_as_written_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_models");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of bad models")
        .map(|entry| entry.expect("its entries").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 60, "only {} bad models", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a bad model");
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let answer = match judged_as(&name, &text, &overrides_in(&text)) {
            Ok(checked) => format!("accepted\n{}", checked.warnings),
            Err(found) => found.to_string(),
        };
        let expected = file.with_extension("stderr");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected, &answer).expect("writing the answer");
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != answer {
            wrong.push(format!("--- {name}\n{answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Overrides that a bad model asks for in its first lines: `#--set path=value`.
fn overrides_in(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("#--set "))
        .collect()
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let text = r#"
horizon = 3
[topic]
name = "orders"
partitons = 4
[group]
name = "g"
members = 2
[group.properties]
max.pol.records = 3
heartbeat.interval.ms = 60000
[processing]
time = "4"
[[at]]
time = "1h"
explode = true
"#;
    let found = judged_as("model.toml", text, &["seed=x"]).expect_err("refused");
    let messages: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`3` has no unit of time",
            "unknown key `partitons`",
            "Kafka has no property `max.pol.records`",
            "heartbeat.interval.ms must be shorter than session.timeout.ms",
            "`4` has no unit of time",
            "the action is missing",
            "unknown key `explode`",
            "`x` does not start with a number",
        ]
    );
    for one in found.iter() {
        assert!(!one.help.is_empty(), "{} has no remedy", one.message);
    }
    let first = found
        .iter()
        .next()
        .and_then(|one| found.position(one))
        .expect("a place");
    assert_eq!(
        (first.source.as_str(), first.line, first.column),
        ("model.toml", 2, 11)
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let found = judged_as("model.toml", "horizon = 3", &[]).expect_err("refused");
    let coloured = found.render(true);
    assert!(coloured.contains('\u{1b}'));
    assert!(!found.render(false).contains('\u{1b}'));
}

#[test]
fn hostile_shapes_are_refused_and_do_not_exhaust_the_stack() {
    let deep = format!("{}x = 1", "a.".repeat(100_000));
    assert!(judged_as("m", &deep, &[]).is_err());
    let brackets = format!("x = {}", "[".repeat(100_000));
    assert!(judged_as("m", &brackets, &[]).is_err());
    let braces = format!("x = {}", "{a=".repeat(100_000));
    assert!(judged_as("m", &braces, &[]).is_err());
    let header = format!("[{}x]", "a.".repeat(100_000));
    assert!(judged_as("m", &header, &[]).is_err());
    let path = format!("{}x=1", "a.".repeat(100_000));
    assert!(judged_as("m", SMALL, &[&path]).is_err());
    let quoted = format!("{}x = 1", "\"a\".".repeat(100_000));
    assert!(judged_as("m", &quoted, &[]).is_err());
    for text in [
        "",
        "\u{feff}",
        "\r\n\t",
        "=",
        "[[",
        "a = \"\\u",
        "é = 'ü",
        "[at]\n[[at]]",
    ] {
        assert!(judged_as("m", text, &[text, "=", "a.b", "at.0=1"]).is_err());
    }
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written over a good model, the answer is a scenario or diagnostics that can be shown.
    #[test]
    fn no_mutation_of_a_good_model_panics(
        good in prop::sample::select(vec![COMPLETE, AUTOSCALED, RETRIED]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[ -~\n\"'\\[\\]{}=.,é0-9]{0,4}"), 1..6)
    ) {
        let mut text = good.to_owned();
        for (from, length, new) in edits {
            let from = boundary(&text, from.index(text.len()));
            let to = boundary(&text, (from + length.index(12)).min(text.len()));
            text.replace_range(from..to.max(from), &new);
        }
        if let Err(found) = judged_as("model.toml", &text, &[]) {
            prop_assert!(!found.is_empty());
            prop_assert!(!found.render(true).is_empty());
        }
    }

    /// Any text as an override.
    #[test]
    fn no_override_panics(path in "[a-z.0-9\"-]{0,24}", value in "[ -~]{0,12}") {
        let text = format!("{path}={value}");
        if let Err(found) = judged_as("model.toml", SMALL, &[&text]) {
            prop_assert!(!found.render(false).is_empty());
        }
    }

    /// Any text as a model.
    #[test]
    fn no_text_panics(text in any::<String>()) {
        if let Err(found) = judged_as("model.toml", &text, &[]) {
            prop_assert!(!found.render(false).is_empty());
        }
    }
}
