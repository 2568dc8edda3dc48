//! Sweeps: the same bytes however they are run and shared out.

mod interruptions;
mod language;
mod samples;

use std::fs;
use std::path::Path;

use lagsim::experiment::{Plan, Sweep, run_once};
use lagsim::measure::Keep;
use lagsim::scenario::{Diagnostics, Experiment, Source, check_experiment};

use super::cli::Desk;

/// Three partitions that two members just keep up with: 100/s, of which they do 250/s.
const MODEL: &str = r#"
seed = 7
horizon = "2m"
topic = { name = "orders", partitions = 3 }
produce = { rate = "100/s" }
group = { name = "order-processor", members = 2 }
processing = { time = { exponential = "8ms" }, commit = "after-batch" }
alert = [{ name = "behind", when = "lag > 1000" }, { name = "old", when = "max-age > 9s" }]
"#;

const EXPERIMENT: &str = r#"
title = "How many members keep up?"
model = "small.toml"
replications = 2
metrics = ["max-lag", "final-lag", "drain"]
set.produce.rate = "200/s"

[[axis]]
key = "group.members"
values = "1..3+1"

[[axis]]
name = "batch"
key = "group.properties.max.poll.records"
values = [5, 50, 500]

[[axis]]
key = ["topic.record-size", "cluster.round-trip"]
values = [["1KiB", "1ms"], ["2KiB", "20ms"]]

[slo]
metric = "max-lag"
below = 400

[[expect]]
metric = "final-lag"
where = { group.members = 1 }
above = 5_000
"#;

fn desk() -> Desk {
    let desk = Desk::with(MODEL);
    fs::write(desk.path("members.toml"), EXPERIMENT).unwrap();
    desk
}

/// Every file of a folder, by name.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[track_caller]
fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (contents(one), contents(other));
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&one), names(&other));
    for ((name, a), (_, b)) in one.iter().zip(&other) {
        assert!(a == b, "{name} differs");
    }
}

#[test]
fn a_sweep_writes_a_row_per_run_and_per_case_and_says_what_is_best() {
    let desk = desk();
    let told = desk.lagsim(&["sweep", "members.toml"]).ends_with(0);
    let start = "members: How many members keep up?\n18 cases (3 x 3 x 2), 2 replications of each: 36 runs.\n";
    assert!(told.out.starts_with(start), "{}", told.out);
    assert!(
        told.out.contains("Service level max-lag below 400: "),
        "{}",
        told.out
    );
    assert!(
        told.out
            .contains("✓ final-lag above 5000 where group.members = 1:"),
        "{}",
        told.out
    );
    let results = fs::read_to_string(desk.path("output/members/results.csv")).unwrap();
    let header = "case,replication,group.members,group.properties.max.poll.records,topic.record-size,\
                  cluster.round-trip,max-lag,final-lag,drain";
    assert_eq!(results.lines().next(), Some(header));
    assert_eq!(results.lines().count(), 1 + 36);
    assert!(results.contains("\n0,1,1,5,1KiB,1ms,"), "{results}");
    let cases = fs::read_to_string(desk.path("output/members/cases.csv")).unwrap();
    assert!(
        cases
            .lines()
            .next()
            .unwrap()
            .ends_with(",drain worst,drain n,holds")
    );
    assert_eq!(cases.lines().count(), 1 + 18);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let desk = desk();
    for jobs in ["1", "2", "7"] {
        let out = format!("jobs-{jobs}");
        desk.lagsim(&["sweep", "members.toml", "--jobs", jobs, "--out", &out])
            .ends_with(0);
    }
    assert_same(&desk.path("jobs-1"), &desk.path("jobs-2"));
    assert_same(&desk.path("jobs-1"), &desk.path("jobs-7"));
}

#[test]
fn a_seed_may_be_named_by_itself_and_the_picture_left_out() {
    let desk = desk();
    for (out, more) in [
        ("as-in-the-model", &["--seed", "7"][..]),
        ("other", &["--seed", "8", "--no-plot"]),
        ("set", &["--set", "seed=8"]),
    ] {
        let args = ["sweep", "members.toml", "--out", out];
        desk.lagsim(&[&args[..], more].concat()).ends_with(0);
    }
    let read = |out: &str, name: &str| fs::read(desk.path(out).join(name)).unwrap();
    let results = |out: &str| read(out, "results.csv");
    assert_ne!(results("as-in-the-model"), results("other"));
    assert_eq!(results("set"), results("other"));
    assert!(desk.path("set/sweep.png").exists());
    assert!(!desk.path("other/sweep.png").exists());
    let args = ["merge", "other", "--out", "again", "--no-plot"];
    let told = desk.lagsim(&args).ends_with(0);
    let wrote = "\nwrote journal.txt, results.csv, cases.csv to again\n";
    assert!(told.err.ends_with(wrote), "{}", told.err);
    assert_same(&desk.path("other"), &desk.path("again"));
}

#[test]
fn the_parts_of_a_sweep_join_to_the_whole() {
    let desk = desk();
    desk.lagsim(&["sweep", "members.toml", "--out", "whole"])
        .ends_with(0);
    let mut folders = Vec::new();
    for number in 1..=5 {
        let shard = format!("{number}/5");
        desk.lagsim(&["sweep", "members.toml", "--shard", &shard])
            .ends_with(0);
        folders.push(format!("output/members/shard-{number}-of-5"));
    }
    let merge = |folders: &[String]| {
        let mut args = vec!["merge", "--out", "merged"];
        args.extend(folders.iter().map(String::as_str));
        desk.lagsim(&args)
    };
    let missing = merge(&folders[..4]).ends_with(2);
    assert!(
        missing.err.contains("6 of 36 runs are missing"),
        "{}",
        missing.err
    );
    assert!(!desk.path("merged").exists());
    // In whatever order.
    folders.reverse();
    merge(&folders).ends_with(0);
    assert_same(&desk.path("whole"), &desk.path("merged"));
}

/// Three findings about a second member: one that is so, one that is not, and one that four pairs do not decide.
const FINDINGS: &str = r#"
title = "What does a second member do?"
model = "small.toml"
horizon = "1m"
replications = 4
set.produce.rate = "200/s"

[[axis]]
key = "group.members"
values = [1, 2]

[[expect]]
metric = "max-lag"
where = { group.members = 2 }
against = { group.members = 1 }
below = "0.9 times"

[[expect]]
metric = "rebalances"
against = { group.members = 1 }
above = "5 more"

[[expect]] # the first against the second, which comes later
metric = "polls"
where = { group.members = 1 }
against = { group.members = 2 }
above = "PIVOT less"
"#;

#[test]
fn findings_against_another_case_are_judged_by_pairs_and_an_undecided_one_is_not_met() {
    let desk = desk();
    // Between two pairs' differences in polls, so that some are above and some below.
    let run = |pivot: u64| {
        let text = FINDINGS.replace("PIVOT", &pivot.to_string());
        fs::write(desk.path("findings.toml"), text).unwrap();
        let args = ["compare", "findings.toml", "--no-plot", "--format", "json"];
        let told = desk.lagsim(&args).ends_with(99);
        let document: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        (document["expectations"].clone(), told.err)
    };
    let verdict = |all: &serde_json::Value, ix: usize| {
        let case = &all[ix]["cases"][0];
        (all[ix]["met"].clone(), case["verdict"].clone())
    };
    let (first, _) = run(1);
    let difference = first[2]["cases"][0]["difference"]["mean"].as_f64().unwrap();
    let (all, told) = run(difference.abs().round() as u64 + 1);
    assert_eq!(verdict(&all, 0), (true.into(), "met".into()), "{all}");
    assert_eq!(verdict(&all, 1), (false.into(), "not met".into()), "{all}");
    assert_eq!(
        verdict(&all, 2),
        (false.into(), "undecided".into()),
        "{all}"
    );
    assert_eq!(all[0]["cases"].as_array().unwrap().len(), 1);
    let case = &all[2]["cases"][0];
    assert_eq!(case["case"], "group.members = 1");
    assert_eq!(case["against"], "group.members = 2");
    assert!(case["needed"].as_u64().unwrap() > 4, "{case}");
    let text = "where group.members = 1, which 4 pairs do not decide (about ";
    assert!(told.contains(text), "{told}");
    // A sweep makes the same runs, and says the same of them.
    let swept = desk.lagsim(&["sweep", "findings.toml"]).ends_with(99);
    assert_eq!(swept.err.matches(text).count(), 1, "{}", swept.err);
    for line in [
        "  ✓ max-lag below",
        "  ✗ rebalances above",
        "  ? polls above",
    ] {
        assert!(swept.out.contains(line), "{}", swept.out);
    }
}

/// Cases leave to each other what they have worked out of the costs and numbers of records, of partitions that not all of them
/// have, by laws and on grids that not all of them share; and what no figure needs is not looked at.
#[test]
fn a_run_of_a_sweep_is_the_run_by_itself() {
    let axes = r#"
[[axis]]
key = "processing.time"
values = ["5ms", { lognormal = { mean = "5ms", p99 = "40ms" } }, { gamma = { mean = "5ms", shape = 0.5 } }]
[[axis]]
key = "group.properties.max.poll.records"
values = [7, 500]
[[axis]]
key = ["sample", "topic.partitions"]
values = [["1s", 2], ["3s", 2], ["1s", 5]]
"#;
    a_run_by_itself(r#"["max-lag", "mean-lag", "processed"]"#, axes);
    a_run_by_itself(r#"["max-lag", "max-age"]"#, axes);
    a_run_by_itself(r#"["mean-age"]"#, axes);
    let rates = r#"
[[axis]]
key = "group.properties.max.poll.records"
values = [7, 500]
[[axis]]
key = "produce.rate"
values = ["400/s", "40/s"]
"#;
    a_run_by_itself(r#"["max-lag", "final-lag"]"#, rates);
    a_run_by_itself(r#"[{ metric = "alert-firing", alert = "old" }]"#, rates);
}

fn a_run_by_itself(metrics: &str, axes: &str) {
    let head = "model = \"calls.toml\"\nreplications = 2\n";
    let text = format!("{head}metrics = {metrics}\n{axes}");
    let experiment = judged("experiment.toml", &text).unwrap_or_else(|found| panic!("{found}"));
    let plan = Plan::of(&experiment, 0);
    let sweep = Sweep::new(&experiment, &plan, &files);
    for case in 0..experiment.cases() {
        let scenario = sweep.scenario(case).unwrap();
        for replication in [0, 1, 1] {
            let alone = run_once(&scenario, replication, Keep::SUMMARY).summary;
            let figures = sweep.run_one(&scenario, case, replication).figures;
            assert_eq!(
                figures,
                plan.figures(&alone),
                "case {case}, replication {replication}"
            );
        }
    }
}

#[test]
fn cases_have_common_random_numbers() {
    let desk = desk();
    // An axis that changes nothing but a name that no draw is addressed by, and one that changes much.
    desk.lagsim(&[
        "sweep",
        "--model",
        "small.toml",
        "--vary",
        "title=one,two",
        "--vary",
        "group.members=1,2",
        "--metric",
        "produced",
        "--metric",
        "max-lag",
        "--replications",
        "3",
        "--out",
        "common",
    ])
    .ends_with(0);
    let results = fs::read_to_string(desk.path("common/results.csv")).unwrap();
    let rows: Vec<Vec<&str>> = results
        .lines()
        .skip(1)
        .map(|row| row.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 12);
    for (one, two) in rows[..6].iter().zip(&rows[6..]) {
        assert_eq!((one[2], two[2]), ("one", "two"));
        assert_eq!(one[3..], two[3..], "a title changes nothing");
    }
    for replication in 0..3 {
        let [small, large] = [&rows[replication], &rows[3 + replication]];
        assert_eq!(
            small[4], large[4],
            "the same records are produced for any group"
        );
        assert_ne!(small[5], large[5]);
    }
    assert_ne!(rows[0][4], rows[1][4], "replications differ");
}

#[test]
fn keys_that_move_together_are_one_axis() {
    let desk = desk();
    let vary = [
        "--vary",
        "topic.partitions,group.members=2,4",
        "--vary",
        "processing.time=4ms,8ms",
    ];
    let args = [
        &["sweep", "--model", "small.toml", "--out", "linked"],
        &vary[..],
    ]
    .concat();
    desk.lagsim(&args).ends_with(0);
    let results = fs::read_to_string(desk.path("linked/results.csv")).unwrap();
    let settings: Vec<String> = results
        .lines()
        .skip(1)
        .map(|row| row.split(',').take(5).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        settings,
        ["0 0 2 2 4ms", "1 0 2 2 8ms", "2 0 4 4 4ms", "3 0 4 4 8ms"]
    );
}

#[test]
fn a_dry_run_writes_nothing_and_says_how_many_runs_there_are() {
    let desk = desk();
    let told = desk
        .lagsim(&["sweep", "members.toml", "--dry-run", "--jobs", "1"])
        .ends_with(0);
    assert!(
        told.out.starts_with("36 runs of 18 cases: about "),
        "{}",
        told.out
    );
    assert!(
        told.out.ends_with(" on 1 core, by the time of 5 runs.\n"),
        "{}",
        told.out
    );
    assert!(!desk.path("output").exists());
}

#[test]
fn an_answer_that_is_otherwise_is_told_and_ends_with_its_own_code() {
    let desk = desk();
    let wrong = EXPERIMENT.replace("above = 5_000", "below = 5_000");
    fs::write(desk.path("wrong.toml"), wrong).unwrap();
    let told = desk.lagsim(&["sweep", "wrong.toml"]).ends_with(99);
    assert!(
        told.err
            .contains("error: expected final-lag below 5000 where group.members = 1, but it is "),
        "{}",
        told.err
    );
    assert!(
        desk.path("output/wrong/results.csv").exists(),
        "results are written all the same"
    );
}

fn files(path: &str) -> Result<String, String> {
    match path {
        "small.toml" => Ok(MODEL.to_owned()),
        "slow.toml" => Ok(MODEL.replace("8ms", "9ms")),
        "calls.toml" => Ok(format!(
            "{MODEL}downstream.bank.latency = {{ exponential = '4ms' }}\n\
             [[at]]\ntime = '1m'\ndownstream = {{ latency = {{ lognormal = {{ mean = '3ms', p99 = '9ms' }} }} }}\n"
        )),
        "broken.toml" => Ok("horizon = 5\n".to_owned()),
        _ => Err("there is no such file".to_owned()),
    }
}

fn judged(name: &str, text: &str) -> Result<Experiment, Diagnostics> {
    let source = Source {
        name: name.to_owned(),
        stem: "experiment".to_owned(),
        text: text.to_owned(),
    };
    let experiment = check_experiment(&source, &[], &files)?;
    let plan = Plan::of(&experiment, 0);
    let sweep = Sweep::new(&experiment, &plan, &files);
    let cases: Vec<usize> = (0..experiment.cases()).collect();
    sweep.check(&cases).map_err(|wrong| *wrong)?;
    Ok(experiment)
}
