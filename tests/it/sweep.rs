//! Sweeps: the same bytes however they are run, interrupted and shared out; bad experiments are refused before a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lagsim::experiment::{Plan, Sweep, run_once};
use lagsim::measure::Keep;
use lagsim::scenario::{Diagnostics, Experiment, Source, check_experiment, experiment_schema};

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

#[test]
fn a_sweep_goes_on_after_a_kill_at_any_byte() {
    let desk = desk();
    desk.lagsim(&["sweep", "members.toml", "--out", "whole"])
        .ends_with(0);
    let whole = fs::read(desk.path("whole/journal.txt")).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    fs::create_dir(desk.path("cut")).unwrap();
    for draw in 0..20_u64 {
        // Anywhere behind the header, which is written at once and before the first run.
        let spread = draw.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
        let end = header + (spread as usize) % (whole.len() - header);
        fs::write(desk.path("cut/journal.txt"), &whole[..end]).unwrap();
        desk.lagsim(&["sweep", "members.toml", "--out", "cut", "--resume"])
            .ends_with(0);
        assert_same(&desk.path("whole"), &desk.path("cut"));
    }
}

#[test]
fn a_sweep_that_is_killed_goes_on_and_does_not_lose_a_run_that_was_done() {
    let desk = desk();
    // 200 runs of 20 minutes: long enough to be hit in the middle.
    let args = [
        "--vary",
        "group.properties.max.poll.records=1..100+1",
        "--set",
        "horizon=20m",
        "--replications",
        "2",
    ];
    let sweep = |out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lagsim"));
        command.current_dir(desk.path("")).args([
            "sweep",
            "--model",
            "small.toml",
            "--quiet",
            "--out",
            out,
        ]);
        command.args(args).stderr(Stdio::null());
        command
    };
    let journal = desk.path("killed/journal.txt");
    let lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    let mut running = sweep("killed").spawn().unwrap();
    while lines() < 5 && running.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    running.kill().unwrap();
    running.wait().unwrap();
    let done = lines();
    assert!((5..200).contains(&done), "{done} lines when it was killed");
    let told = desk.lagsim(
        &[
            &["sweep", "--model", "small.toml", "--out", "killed"],
            &args[..],
        ]
        .concat(),
    );
    let told = told.ends_with(2);
    assert!(told.err.contains("go on with --resume"), "{}", told.err);
    let resumed = [
        &[
            "sweep",
            "--model",
            "small.toml",
            "--out",
            "killed",
            "--resume",
        ],
        &args[..],
    ]
    .concat();
    let told = desk.lagsim(&resumed).ends_with(0);
    let there: usize = told
        .err
        .split(" of 200 runs are there")
        .next()
        .unwrap()
        .parse()
        .unwrap();
    // The header is a line, and the last one may be torn.
    assert!((done - 2..=done).contains(&there), "{there} of {done}");
    assert!(sweep("whole").status().unwrap().success());
    assert_same(&desk.path("whole"), &desk.path("killed"));
}

#[test]
fn a_sweep_does_not_go_on_with_another_model_and_reuses_what_still_holds() {
    let desk = desk();
    desk.lagsim(&["sweep", "members.toml"]).ends_with(0);
    // Another value of an axis: only its cases are run.
    fs::write(
        desk.path("members.toml"),
        EXPERIMENT.replace("1..3+1", "1..4+1"),
    )
    .unwrap();
    let told = desk
        .lagsim(&["sweep", "members.toml", "--resume"])
        .ends_with(0);
    assert!(told.err.contains("36 of 48 runs are there"), "{}", told.err);
    fs::write(desk.path("small.toml"), MODEL.replace("100/s", "101/s")).unwrap();
    let told = desk
        .lagsim(&["sweep", "members.toml", "--resume"])
        .ends_with(2);
    assert!(
        told.err
            .contains("the model, or a file that it names, has changed"),
        "{}",
        told.err
    );
    assert!(told.err.contains("leave out --resume"), "{}", told.err);
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

#[test]
fn a_bad_experiment_ends_with_104_and_writes_nothing() {
    let desk = desk();
    fs::write(
        desk.path("bad.toml"),
        EXPERIMENT.replace("max.poll.records", "max.pol.records"),
    )
    .unwrap();
    let told = desk.lagsim(&["sweep", "bad.toml"]).ends_with(104);
    assert!(
        told.err.contains("Kafka has no property `max.pol.records`"),
        "{}",
        told.err
    );
    assert!(
        told.err
            .contains("the experiment is invalid: 1 mistake; nothing was run"),
        "{}",
        told.err
    );
    assert!(!desk.path("output").exists());
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

/// Walks tests/bad_experiments/: each file beside what is answered to it. `BLESS=1` writes the answers anew.
#[test]
fn every_bad_experiment_is_answered_as_written_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_experiments");
    let entries = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 20, "only {} bad experiments", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let answer = match judged(&name, &fs::read_to_string(&path).unwrap()) {
            Ok(_) => "accepted\n".to_owned(),
            Err(found) => found.to_string(),
        };
        let expected = path.with_extension("stderr");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &answer).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != answer {
            wrong.push(format!("--- {name}\n{answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an experiment comes to: its cases with their models, and what is looked at.
fn shown(text: &str) -> String {
    let experiment =
        judged("experiment.toml", text).unwrap_or_else(|found| panic!("{text}\n{found}"));
    let plan = Plan::of(&experiment, 0);
    let sweep = Sweep::new(&experiment, &plan, &files);
    let cases = (0..experiment.cases()).map(|case| format!("{:?}", sweep.scenario(case).unwrap()));
    let cases = cases.collect::<Vec<_>>().join("\n");
    format!("{cases}\n{plan:?}\n{:?}", experiment.planning)
}

/// Every key of an experiment does something: two texts that differ by it come to different things.
#[test]
fn every_key_of_an_experiment_changes_what_is_run_or_looked_at() {
    let axis = "model = 'small.toml'\n[[axis]]\nkey = 'group.members'\nvalues = [1, 2]\n";
    let expect = |rest: &str| format!("{axis}[[expect]]\nmetric = 'max-lag'\n{rest}");
    let against =
        |members: &str| format!("below = '2 times'\nagainst = {{ group.members = {members} }}");
    let slo = |rest: &str| format!("{axis}[slo]\nmetric = 'max-lag'\nbelow = 5\n{rest}");
    let top = |rest: &str| format!("{rest}\n{axis}");
    let hold = |held: &str| {
        format!("{axis}[plan]\ncost = {{ group.members = 3 }}\nhold = [{{ {held} }}]\n")
    };
    let spread = |samples: &str| {
        format!(
            "model = 'small.toml'\nsamples = {{ {samples} }}\n\
             [[axis]]\nkey = 'processing.time'\nvalues = '1ms..9ms'\n"
        )
    };
    let cases: &[(&str, String, String)] = &[
        ("title", top("title = 'a'"), top("title = 'b'")),
        ("model", top(""), top("").replace("small.toml", "slow.toml")),
        ("horizon", top("horizon = '1m'"), top("horizon = '2m'")),
        ("seed", top("seed = 1"), top("seed = 2")),
        (
            "replications",
            top("replications = 1"),
            top("replications = 2"),
        ),
        (
            "set",
            top("set.processing.time = '1ms'"),
            top("set.processing.time = '2ms'"),
        ),
        ("axis", "model = 'small.toml'".to_owned(), top("")),
        ("samples", top(""), top("samples = { random = 1 }")),
        (
            "Samples.latin-hypercube",
            spread("latin-hypercube = 8"),
            spread("latin-hypercube = 16"),
        ),
        (
            "Samples.random",
            spread("random = 8"),
            spread("random = 16"),
        ),
        ("Samples.sobol", spread("sobol = 8"), spread("sobol = 16")),
        (
            "Samples.latin-hypercube",
            spread("latin-hypercube = 8"),
            spread("random = 8"),
        ),
        (
            "seed",
            format!("seed = 1\n{}", spread("random = 8")),
            format!("seed = 2\n{}", spread("random = 8")),
        ),
        (
            "Axis.values",
            spread("sobol = 8"),
            spread("sobol = 8").replace("9ms", "9ms*"),
        ),
        (
            "metrics",
            top("metrics = ['max-lag']"),
            top("metrics = ['drain']"),
        ),
        ("slo", axis.to_owned(), slo("")),
        ("expect", axis.to_owned(), expect("below = 5")),
        ("Axis.name", top(""), format!("{axis}name = 'crew'")),
        (
            "Axis.key",
            top(""),
            top("").replace("group.members", "topic.partitions"),
        ),
        (
            "Axis.values",
            top(""),
            top("").replace("[1, 2]", "'1..3+1'"),
        ),
        (
            "Axis.labels",
            top(""),
            format!("{axis}labels = ['one', 'two']"),
        ),
        (
            "Answer.metric",
            expect("below = 5"),
            expect("below = 5").replace("max-lag", "mean-lag"),
        ),
        (
            "Answer.partition",
            expect("below = 5\npartition = 0"),
            expect("below = 5\npartition = 1"),
        ),
        (
            "Answer.alert",
            expect("below = '5s'").replace("max-lag'", "alert-firing'\nalert = 'behind'"),
            expect("below = '5s'").replace("max-lag'", "drain'"),
        ),
        (
            "Answer.cause",
            expect("below = 0.5\ncause = 'saturated'").replace("max-lag", "cause"),
            expect("below = 0.5\ncause = 'throttled'").replace("max-lag", "cause"),
        ),
        (
            "Answer.where",
            expect("below = 5"),
            expect("below = 5\nwhere = { group.members = 2 }"),
        ),
        (
            "Answer.against",
            format!("replications = 2\n{}", expect(&against("1"))),
            format!("replications = 2\n{}", expect(&against("2"))),
        ),
        ("Answer.below", expect("below = 5"), expect("below = 6")),
        ("Answer.above", expect("above = 5"), expect("above = 6")),
        (
            "Expect.metric",
            slo(""),
            slo("").replace("max-lag", "mean-lag"),
        ),
        (
            "Expect.partition",
            slo("partition = 0"),
            slo("partition = 1"),
        ),
        (
            "Expect.alert",
            slo("").replace(
                "max-lag'\nbelow = 5",
                "alert-firing'\nalert = 'behind'\nbelow = '5s'",
            ),
            slo("").replace("max-lag'\nbelow = 5", "drain'\nbelow = '5s'"),
        ),
        (
            "Expect.cause",
            slo("cause = 'saturated'").replace("max-lag'\nbelow = 5", "cause'\nbelow = 0.5"),
            slo("cause = 'throttled'").replace("max-lag'\nbelow = 5", "cause'\nbelow = 0.5"),
        ),
        (
            "Expect.below",
            slo(""),
            slo("").replace("below = 5", "below = 6"),
        ),
        ("Expect.above", slo(""), slo("above = 2")),
        (
            "plan",
            axis.to_owned(),
            hold("metric = 'drain', below = '5s'"),
        ),
        (
            "Planning.cost",
            hold("metric = 'drain', below = '5s'"),
            hold("metric = 'drain', below = '5s'").replace("members = 3", "members = 4"),
        ),
        (
            "Planning.monotone",
            hold("metric = 'drain', below = '5s'"),
            hold("metric = 'drain', below = '5s'") + "monotone = ['group.members']",
        ),
        (
            "Planning.hold",
            hold("metric = 'drain', below = '5s'"),
            hold("metric = 'drain', below = '5s' }, { metric = 'polls', above = 1"),
        ),
        (
            "Hold.metric",
            hold("metric = 'max-lag', below = 5"),
            hold("metric = 'mean-lag', below = 5"),
        ),
        (
            "Hold.partition",
            hold("metric = 'max-lag', below = 5, partition = 0"),
            hold("metric = 'max-lag', below = 5, partition = 1"),
        ),
        (
            "Hold.alert",
            hold("metric = 'alert-firing', alert = 'behind', below = '5s'"),
            hold("metric = 'drain', below = '5s'"),
        ),
        (
            "Hold.cause",
            hold("metric = 'cause', cause = 'saturated', below = 0.5"),
            hold("metric = 'cause', cause = 'throttled', below = 0.5"),
        ),
        (
            "Hold.below",
            hold("metric = 'max-lag', below = 5"),
            hold("metric = 'max-lag', below = 6"),
        ),
        (
            "Hold.above",
            hold("metric = 'max-lag', above = 5"),
            hold("metric = 'max-lag', above = 6"),
        ),
        (
            "Hold.share",
            hold("metric = 'max-lag', below = 5"),
            hold("metric = 'max-lag', below = 5, share = 0.9"),
        ),
    ];
    for (key, one, other) in cases {
        assert_ne!(shown(one), shown(other), "{key} is ignored");
    }
    let schema: serde_json::Value = serde_json::from_str(&experiment_schema()).unwrap();
    let mut keys: Vec<String> = schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for (kind, definition) in schema["$defs"].as_object().unwrap() {
        let own = definition["properties"].as_object().into_iter().flatten();
        keys.extend(own.map(|(key, _)| format!("{kind}.{key}")));
    }
    let known: Vec<&str> = cases.iter().map(|(key, ..)| *key).collect();
    let missing: Vec<&String> = keys
        .iter()
        .filter(|key| !known.contains(&key.as_str()))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
