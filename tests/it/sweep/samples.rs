//! Samples in the place of a grid.

use std::fs;

use super::{assert_same, desk, judged};

/// Samples of two ranges and a list: some come to the same values.
const SAMPLED: &str = r#"
title = "What matters?"
model = "small.toml"
seed = 3
samples = { latin-hypercube = 24 }
metrics = ["final-lag", "max-lag"]

[[axis]]
key = "processing.time"
values = "1ms..20ms*"

[[axis]]
key = "group.members"
values = "1..3"

[[axis]]
key = "group.properties.max.poll.records"
values = [5, 500]
"#;

#[test]
fn samples_are_the_same_bytes_for_any_number_of_threads_and_parts_and_after_any_interruption() {
    let desk = desk();
    fs::write(desk.path("sampled.toml"), SAMPLED).unwrap();
    let told = desk
        .lagsim(&["sweep", "sampled.toml", "--out", "whole", "--jobs", "1"])
        .ends_with(0);
    let heading =
        "sampled: What matters?\n24 cases (24 samples of 3 axes), Latin hypercube: 24 runs.\n";
    assert!(told.out.starts_with(heading), "{}", told.out);
    assert!(
        told.out.contains("processing.time (explains "),
        "{}",
        told.out
    );
    desk.lagsim(&["sweep", "sampled.toml", "--out", "seven", "--jobs", "7"])
        .ends_with(0);
    assert_same(&desk.path("whole"), &desk.path("seven"));
    let folders = [1, 2, 3].map(|number| {
        let (shard, folder) = (format!("{number}/3"), format!("part-{number}"));
        let args = ["sweep", "sampled.toml", "--shard", &shard, "--out", &folder];
        desk.lagsim(&args).ends_with(0);
        folder
    });
    let [one, two, three] = &folders;
    desk.lagsim(&["merge", "--out", "merged", three, one, two])
        .ends_with(0);
    assert_same(&desk.path("whole"), &desk.path("merged"));
    let whole = fs::read(desk.path("whole/journal.txt")).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    fs::create_dir(desk.path("cut")).unwrap();
    for end in [header, header + 1, header + (whole.len() - header) / 2] {
        fs::write(desk.path("cut/journal.txt"), &whole[..end]).unwrap();
        desk.lagsim(&["sweep", "sampled.toml", "--out", "cut", "--resume"])
            .ends_with(0);
        assert_same(&desk.path("whole"), &desk.path("cut"));
    }
}

#[test]
fn every_axis_of_a_latin_hypercube_has_a_sample_in_each_of_its_parts() {
    let experiment = judged("sampled.toml", &SAMPLED.replace("1ms..20ms*", "1ms..25ms"))
        .unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(experiment.cases(), 24);
    let column = |axis: usize| -> Vec<String> {
        let cases = 0..experiment.cases();
        let label = |case| experiment.values(case).nth(axis).unwrap().label.clone();
        cases.map(label).collect()
    };
    let mut times: Vec<usize> = column(0)
        .iter()
        .map(|time| time.strip_suffix("ms").unwrap().parse::<f64>().unwrap() as usize)
        .collect();
    times.sort_unstable();
    assert!(
        times.into_iter().eq(1..25),
        "one between each two milliseconds"
    );
    let count = |axis, value: &str| column(axis).iter().filter(|own| *own == value).count();
    assert_eq!(["1", "2", "3"].map(|value| count(1, value)), [8; 3]);
    assert_eq!(["5", "500"].map(|value| count(2, value)), [12; 2]);
}

#[test]
fn more_random_samples_keep_those_that_were_run_and_equal_samples_are_one_case() {
    let desk = desk();
    let sweep = |samples: &str, resume: &[&str]| {
        let args = [
            "sweep",
            "--model",
            "small.toml",
            "--vary",
            "processing.time=1ms..9ms",
            "--samples",
            samples,
            "--out",
            "random",
        ];
        desk.lagsim(&[&args[..], resume].concat()).ends_with(0)
    };
    sweep("random=8", &[]);
    let told = sweep("random=12", &["--resume"]);
    assert!(told.err.contains("8 of 12 runs are there"), "{}", told.err);
    let args = [
        "sweep",
        "--model",
        "small.toml",
        "--vary",
        "group.members=1,2",
    ];
    let told = desk
        .lagsim(&[&args[..], &["--samples", "random=40"]].concat())
        .ends_with(0);
    assert!(
        told.out
            .contains("2 cases (40 samples of 1 axis), random: 2 runs."),
        "{}",
        told.out
    );
}
