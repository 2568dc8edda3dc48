//! Every model in `models/` is valid without a doubt that it does not mean, and does what its own expectations say.

use std::fs;
use std::path::{Path, PathBuf};

use lagsim::experiment;
use lagsim::measure::Keep;
use lagsim::scenario::{Override, Scenario, Source, check};

/// The seed in the file, and two that its author did not choose.
const OTHER_SEEDS: [u64; 2] = [2, 20_261];

fn models() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder of models is readable") {
            let path = entry.expect("its entries are readable").path();
            if path.ends_with("clients") {
                continue; // Profiles: parts of models.
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Whether a model stands in that folder.
fn is_of(path: &Path, folder: &str) -> bool {
    path.components().any(|part| part.as_os_str() == folder)
}

fn scenario(path: &Path) -> Scenario {
    with(path, &[])
}

/// The model of a file, changed as `--set` does.
fn with(path: &Path, changes: &[&str]) -> Scenario {
    let source = Source {
        name: path.display().to_string(),
        stem: path.file_stem().unwrap().to_string_lossy().into_owned(),
        text: fs::read_to_string(path).expect("a model is readable"),
    };
    let folder = path.parent().expect("a model stands in a folder");
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|why| why.to_string());
    let changes = changes.iter().map(|text| Override {
        text: (*text).to_owned(),
    });
    match check(&source, &changes.collect::<Vec<_>>(), &read) {
        Ok(checked) => checked.scenario,
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn the_incidents_and_their_remedies_are_there() {
    let names: Vec<String> = models()
        .iter()
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    for name in [
        "orders",
        "orders-fixed",
        "reconciliation",
        "reconciliation-load-test",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
}

#[test]
fn every_model_meets_its_expectations_with_any_seed() {
    let mut unmet = Vec::new();
    for path in models() {
        let mut scenario = scenario(&path);
        if scenario.expectations.is_empty() {
            continue; // nothing to be judged by
        }
        let mut seeds = vec![scenario.seed];
        if !is_of(&path, "reference") {
            seeds.extend(OTHER_SEEDS); // hours and days of traffic: one seed takes long enough
        }
        for seed in seeds {
            scenario.seed = seed;
            let summary = experiment::run_once(&scenario, 0, Keep::SUMMARY).summary;
            for judged in summary.expectations.iter().filter(|judged| !judged.passed) {
                let (name, text) = (&scenario.name, &judged.text);
                unmet.push(format!("{name}, seed {seed}: {text}: {}", judged.measured));
            }
        }
    }
    assert!(unmet.is_empty(), "{}", unmet.join("\n"));
}

#[test]
fn every_incident_says_what_must_come_out() {
    for path in models() {
        // What those of `reference` and `truth` must give stands in tests of their own.
        let reference = is_of(&path, "reference") || is_of(&path, "truth");
        let scenario = scenario(&path);
        assert!(
            reference || !scenario.expectations.is_empty(),
            "{} expects nothing",
            path.display()
        );
    }
}

#[test]
fn what_the_flapping_autoscaler_is_said_to_need_is_enough() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/autoscaler-flapping.toml");
    let taken_back = |changes: &[&str]| {
        let mut scenario = with(&path, changes);
        let mut worst = 0;
        let mut seeds = vec![scenario.seed];
        if !is_of(&path, "reference") {
            seeds.extend(OTHER_SEEDS); // hours and days of traffic: one seed takes long enough
        }
        for seed in seeds {
            scenario.seed = seed;
            let replicas = experiment::run_once(&scenario, 0, Keep::SUMMARY)
                .summary
                .replicas;
            worst = worst.max(replicas.expect("an autoscaler").taken_back_count);
        }
        worst
    };
    assert!(taken_back(&[]) > 4);
    for change in ["autoscaler.graceful=true", "autoscaler.lagThreshold=700"] {
        assert_eq!(taken_back(&[change]), 0, "{change}");
    }
}
