//! `lagsim compare`, and `lagsim validate`: two curves side by side.

use std::fs;

use super::{Desk, MODEL};

#[test]
fn a_model_held_against_its_own_curve_is_not_off() {
    let desk = Desk::with(MODEL);
    desk.lagsim(&["run", "small.toml"]).ends_with(0);
    let trace = "output/small/lag.csv";
    let args = [
        "validate",
        "small.toml",
        "--trace",
        trace,
        "--replications",
        "1",
    ];
    let bounds = ["--max-error", "0", "--min-inside", "1", "--format", "json"];
    let told = desk.lagsim(&[&args[..], &bounds].concat()).ends_with(0);
    let document: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(document["samples"], 601);
    assert_eq!(document["total"]["error"], 0.0);
    assert_eq!(document["partitions"][3]["inside"], 1.0);
    assert_eq!(
        desk.names("output/small"),
        [
            "events.csv",
            "lag.csv",
            "lag.png",
            "summary.json",
            "validation.csv",
            "validation.json",
            "validation.png"
        ]
    );
    let curves = fs::read_to_string(desk.path("output/small/validation.csv")).unwrap();
    assert_eq!(curves.lines().count(), 1 + 601 * 5);
}

#[test]
fn a_curve_further_off_than_the_bound_ends_with_99_and_says_so() {
    let desk = Desk::with(MODEL);
    desk.lagsim(&["run", "small.toml"]).ends_with(0);
    let trace = ["--trace", "output/small/lag.csv", "--no-plot"];
    let slower = [
        "validate",
        "small.toml",
        "--set",
        "processing.time='30ms'",
        "--replications",
        "2",
    ];
    let bound = ["--max-error", "0.5"];
    let told = desk
        .lagsim(&[&slower[..], &trace, &bound].concat())
        .ends_with(99);
    assert!(told.err.contains("above 0.5"), "{}", told.err);
    assert!(told.out.starts_with("small: predicted and measured\n"));
    desk.lagsim(&[&slower[..], &trace].concat()).ends_with(0);
}

#[test]
fn more_records_than_can_have_come_before_a_trace_are_told() {
    let desk = Desk::with(MODEL);
    let rows = |first: u64| {
        let row = |at: u64, partition: u64| {
            let end = first + 10 * (at - 10);
            format!("{at},{partition},{end},{end},0\n")
        };
        let all = (10..20).flat_map(|at| (0..4).map(move |partition| row(at, partition)));
        let rows: String = all.collect();
        format!("t_s,partition,log_end_offset,committed_offset,lag\n{rows}")
    };
    let validated = |first: u64| {
        fs::write(desk.path("late.csv"), rows(first)).unwrap();
        let args = ["validate", "small.toml", "--trace", "late.csv", "--no-plot"];
        let more = ["--recorded-production", "--replications", "1"];
        desk.lagsim(&[&args[..], &more].concat()).ends_with(0).err
    };
    let told = validated(10_000);
    let note =
        "note: 40,000 records were produced before the trace begins at 10s, more than 3 times";
    assert!(told.starts_with(note), "{told}");
    let told = validated(100);
    assert!(!told.contains("note:"), "{told}");
}

#[test]
fn a_trace_that_does_not_fit_is_refused_and_nothing_written() {
    let desk = Desk::with(MODEL);
    let header = "t_s,partition,log_end_offset,committed_offset,lag\n";
    let row = |at: u64, partition: u64| format!("{at},{partition},9,9,0\n");
    let rows: String = (0..4).map(|partition| row(700, partition)).collect();
    let cases = [
        ("missing.csv", None, 2, "there is no such file"),
        (
            "late.csv",
            Some(rows),
            2,
            "choose another part with --from and --to",
        ),
        (
            "one.csv",
            Some(row(5, 0)),
            2,
            "the trace is of 1 partitions, the model's topic has 4",
        ),
        (
            "bad.csv",
            Some("5,x,9,9,-9\n".to_owned()),
            104,
            "the trace is invalid: 2 mistakes; nothing was run",
        ),
    ];
    for (name, rows, code, said) in cases {
        if let Some(rows) = rows {
            fs::write(desk.path(name), format!("{header}{rows}")).unwrap();
        }
        let told = desk
            .lagsim(&["validate", "small.toml", "--trace", name])
            .ends_with(code);
        assert!(told.err.contains(said), "{}", told.err);
        assert!(!desk.path("output").exists());
    }
}

#[test]
fn a_comparison_writes_its_files_and_json_on_stdout_is_one_of_them() {
    let desk = Desk::with(MODEL);
    let told = desk
        .lagsim(&[
            "compare",
            "small.toml",
            "--variant",
            "slow: processing.time=15ms",
            "--variant",
            "slow: processing.concurrency=2",
            "--variant",
            "group.members=1",
            "--replications",
            "3",
            "--format",
            "json",
        ])
        .ends_with(0);
    let document: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["replications"], 3);
    let names: Vec<&str> = document["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| variant["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["small", "slow", "group.members=1"]);
    let figure = &document["variants"][1]["figures"][1];
    assert_eq!(figure["name"], "mean-lag");
    // 15 ms by two at a time are slower than 5 ms.
    assert_eq!(figure["against"]["finding"], "more");
    assert_eq!(
        document["variants"][0]["figures"][1]["against"],
        serde_json::Value::Null
    );
    let folder = "output/small-vs-slow-vs-group.members-1";
    assert_eq!(
        desk.names(folder),
        ["compare.csv", "compare.json", "compare.png", "curves.csv"]
    );
    let file = fs::read_to_string(desk.path(folder).join("compare.json")).unwrap();
    assert_eq!(file, told.out);
}

#[test]
fn models_of_one_name_are_told_apart_by_their_folders() {
    let desk = Desk::with(MODEL);
    fs::create_dir(desk.path("new")).unwrap();
    fs::write(desk.path("new/small.toml"), MODEL).unwrap();
    let args = ["compare", "small.toml", "new/small.toml", "--no-plot"];
    let few = ["--replications", "2", "--set", "horizon=1m", "--seed", "5"];
    let told = desk.lagsim(&[&args[..], &few].concat()).ends_with(0);
    let first = told.out.lines().next().unwrap();
    assert_eq!(first, "new/small.toml against small.toml");
    assert!(told.out.contains("seed 5"), "{}", told.out);
    assert_eq!(
        desk.names("output/small.toml-vs-new-small.toml"),
        ["compare.csv", "compare.json", "curves.csv"]
    );
}

#[test]
fn a_comparison_tells_the_mistakes_of_all_its_variants_once_and_writes_nothing() {
    let desk = Desk::with(&MODEL.replace("[topic]", "[topc]"));
    fs::write(desk.path("other.toml"), MODEL.replace("5ms", "5")).unwrap();
    let variant = ["--variant", "big: group.memers=9"];
    let args = [&["compare", "small.toml", "other.toml"], &variant[..]].concat();
    let told = desk.lagsim(&args).ends_with(104);
    assert_eq!(
        told.err.matches("unknown key `topc`").count(),
        1,
        "{}",
        told.err
    );
    assert_eq!(
        told.err.matches("unknown key `memers`").count(),
        1,
        "{}",
        told.err
    );
    assert_eq!(
        told.err.matches("--> other.toml").count(),
        1,
        "{}",
        told.err
    );
    assert!(!desk.path("output").exists());
}

#[test]
fn a_comparison_without_a_second_side_is_refused_with_a_remedy() {
    let desk = Desk::with(MODEL);
    fs::write(desk.path("other.toml"), MODEL).unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["small.toml"], "nothing to compare `small` with"),
        (&["small.toml", "small.toml"], "compared with itself"),
        (
            &["small.toml", "--variant", "small: group.members=1"],
            "has the name of a model",
        ),
        (
            &[
                "small.toml",
                "other.toml",
                "--set",
                "sample=1ms",
                "--replications",
                "30",
            ],
            "a sample every 1ms of the total lag in 60 runs",
        ),
        (
            &["small.toml", "other.toml", "--replications", "1"],
            "1 is not in 2..=100000",
        ),
    ];
    for (args, said) in cases {
        let told = desk.lagsim(&[&["compare"], args].concat()).ends_with(2);
        assert!(told.err.contains(said), "{}", told.err);
        assert!(!desk.path("output").exists());
    }
}
