//! Every experiment in `experiments/` comes to the answer that it states.

use std::fs;
use std::path::{Path, PathBuf};

use lagsim::experiment::{Entry, Findings, Plan, Sweep};
use lagsim::report::answers::{told, told_otherwise};
use lagsim::scenario::{Override, Source, check_experiment};

/// Seeds that the authors of the experiments did not choose.
const OTHER_SEEDS: [u64; 2] = [2, 20_261];

fn experiments() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    paths
}

/// Replications of a case at most, where it need not be all of them: fewer pairs decide no difference by its sign.
const FEW: u32 = 6;

/// What of an experiment's answer is otherwise, with at most so many replications of each case.
fn wrong(path: &Path, seed: Option<u64>, most: u32) -> Vec<String> {
    let source = Source {
        name: path.display().to_string(),
        stem: path.file_stem().unwrap().to_string_lossy().into_owned(),
        text: fs::read_to_string(path).unwrap(),
    };
    let folder = path.parent().unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|why| why.to_string());
    let seed = seed.map(|seed| Override {
        text: format!("seed={seed}"),
    });
    let overrides: Vec<Override> = seed.into_iter().collect();
    let mut experiment =
        check_experiment(&source, &overrides, &read).unwrap_or_else(|why| panic!("{why}"));
    experiment.replications = experiment.replications.min(most);
    let plan = Plan::of(&experiment, 0);
    assert!(!plan.answers.is_empty(), "{} states no answer", source.stem);
    let sweep = Sweep::new(&experiment, &plan, &read);
    let cases: Vec<usize> = (0..plan.cases()).collect();
    sweep.check(&cases).unwrap_or_else(|why| panic!("{why}"));
    let mut findings = Findings::new(&plan);
    for case in cases {
        let scenario = sweep.scenario(case).unwrap();
        let runs: Vec<Entry> = (0..plan.replications)
            .map(|replication| Entry::of(sweep.run_one(&scenario, case, replication), 0))
            .collect();
        findings.case(&plan, &runs);
    }
    let judged = plan.answers.iter().zip(&findings.answers);
    let failed = judged.filter(|(_, judged)| !judged.is_met());
    failed
        .map(|(answer, judged)| {
            let otherwise = told_otherwise(&plan, answer, judged);
            format!("{}: {}, but {otherwise}", plan.name, told(&plan, answer))
        })
        .collect()
}

#[test]
fn each_experiment_comes_to_the_answer_that_it_states() {
    let paths = experiments();
    assert!(paths.len() >= 6, "only {} experiments", paths.len());
    let wrong: Vec<String> = paths
        .iter()
        .flat_map(|path| wrong(path, None, FEW))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "long: all experiments with other seeds"]
fn each_answer_holds_with_other_seeds() {
    let wrong: Vec<String> = experiments()
        .iter()
        .flat_map(|path| OTHER_SEEDS.map(|seed| wrong(path, Some(seed), u32::MAX)))
        .flatten()
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
