//! `lagsim describe` and `lagsim explain`, `lagsim quick` and `lagsim init`: answers without a folder of results.

use std::fs;

use super::{Desk, MODEL};

#[test]
fn describe_prints_the_table_at_a_time_of_the_run() {
    let desk = Desk::with(MODEL);
    let told = desk
        .lagsim(&["describe", "small.toml", "--at", "1s"])
        .ends_with(0);
    // group.initial.rebalance.delay.ms: nobody owns anything yet.
    let nobodys = |row: &str| row.ends_with(" -               -               -");
    assert_eq!(
        told.out.lines().filter(|row| nobodys(row)).count(),
        4,
        "{}",
        told.out
    );
    assert_eq!(
        told.err,
        "\nWarning: Consumer group 'order-processor' is rebalancing.\n"
    );
    let told = desk
        .lagsim(&["describe", "small.toml", "--at", "5m"])
        .ends_with(0);
    let lines: Vec<&str> = told.out.lines().collect();
    let header = "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG";
    assert!(
        lines[0].is_empty() && lines[1].starts_with(header),
        "{}",
        told.out
    );
    assert_eq!(lines.len(), 2 + 4, "{}", told.out);
    assert_eq!(told.err, "");
    let told = desk
        .lagsim(&["describe", "small.toml", "--at", "1h30m"])
        .ends_with(2);
    assert!(told.err.contains("--set horizon=1h30m"), "{}", told.err);
    assert_eq!(desk.names("."), ["small.toml"]);
}

#[test]
fn explain_tells_of_the_worst_partition_or_of_the_one_asked_for() {
    let desk = Desk::with(MODEL);
    let slow = ["--set", "processing.time=30ms"];
    let told = desk
        .lagsim(&[&["explain", "small.toml"][..], &slow].concat())
        .ends_with(0);
    assert!(told.out.starts_with("orders, partition "), "{}", told.out);
    assert!(told.out.contains(" at 9m 55s: "), "{}", told.out);
    let asked = ["explain", "small.toml", "--at", "5m", "--partition", "3"];
    let json = desk
        .lagsim(&[&asked[..], &slow, &["--format", "json"]].concat())
        .ends_with(0);
    let told: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (&told["partition"], &told["time_s"]),
        (&3.into(), &300.0.into())
    );
    assert_eq!(told["state"], "saturated");
    let none = desk
        .lagsim(&["explain", "small.toml", "--partition", "4"])
        .ends_with(2);
    assert!(none.err.contains("choose one from 0 to 3"), "{}", none.err);
    let late = desk
        .lagsim(&["explain", "small.toml", "--at", "1h30m"])
        .ends_with(2);
    assert!(late.err.contains("--set horizon=1h30m"), "{}", late.err);
    assert_eq!(desk.names("."), ["small.toml"]);
}

/// What a run shows at a time, the table shows too.
#[test]
fn describe_agrees_with_the_curves_of_a_run() {
    let desk = Desk::with(MODEL);
    desk.lagsim(&["run", "small.toml"]).ends_with(0);
    let curves = fs::read_to_string(desk.path("output/small/lag.csv")).unwrap();
    let told = desk
        .lagsim(&["describe", "small.toml", "--at", "301s"])
        .ends_with(0);
    for row in told.out.lines().skip(2) {
        let cells: Vec<&str> = row.split_whitespace().collect();
        let (partition, committed, end) = (cells[2], cells[3], cells[4]);
        let sample = curves
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>());
        let at = |cells: &Vec<&str>| cells[0].parse::<f64>() == Ok(301.0) && cells[1] == partition;
        let sample = sample.into_iter().skip(1).find(at).unwrap();
        assert_eq!((sample[2], sample[3]), (end, committed), "{row}");
    }
}

#[test]
fn what_quick_saves_gives_the_answer_of_quick() {
    let desk = Desk::with(MODEL);
    let figures = [
        "--rate",
        "36k/min",
        "--partitions",
        "4",
        "--members",
        "4",
        "--per-record",
        "8ms",
    ];
    let quick = |more: &[&str]| desk.lagsim(&[&["quick"], &figures[..], more].concat());
    let told = quick(&["--save", "saved.toml"]).ends_with(0);
    let told_again = quick(&[]).ends_with(0);
    assert_eq!(told.out, told_again.out);
    desk.lagsim(&["check", "saved.toml"]).ends_with(0);
    let ran = desk
        .lagsim(&["run", "saved.toml", "--format", "json", "-q"])
        .ends_with(0);
    let summary: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    // The chart's scale is the highest lag of the curve.
    let top = summary["lag"]["max"].as_u64().unwrap();
    let chart = told.out.split("Total lag (records)\n").nth(1).unwrap();
    let scale = chart.split_whitespace().next().unwrap().replace(',', "");
    assert_eq!(scale, top.to_string());
    // Members do 499.25/s of 600/s: within two hundredths of the closed form over an hour.
    let last = summary["lag"]["final"].as_f64().unwrap();
    assert!((last / 3_600.0 / 100.75 - 1.0).abs() < 0.02, "{last}");
    let refused = quick(&["--save", "saved.toml"]).ends_with(2);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    quick(&["--save", "saved.toml", "--force"]).ends_with(0);
}

#[test]
fn init_writes_a_model_that_runs_and_never_replaces_one_unasked() {
    let desk = Desk::with(MODEL);
    desk.lagsim(&["init", "mine.toml"]).ends_with(0);
    let told = desk.lagsim(&["check", "mine.toml"]).ends_with(0);
    assert_eq!(told.err, "");
    let refused = desk.lagsim(&["init", "small.toml"]).ends_with(2);
    assert!(refused.err.contains("it exists already"), "{}", refused.err);
    assert_eq!(fs::read_to_string(desk.path("small.toml")).unwrap(), MODEL);
    desk.lagsim(&["init", "small.toml", "--force"]).ends_with(0);
    assert_ne!(fs::read_to_string(desk.path("small.toml")).unwrap(), MODEL);
    let told = desk.lagsim(&["init", "none/mine.toml"]).ends_with(2);
    assert!(told.err.contains("create its folder first"), "{}", told.err);
}
