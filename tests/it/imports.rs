//! What tools and monitors show becomes a model that stands where they saw the group stand.

use std::fs;

use lagsim::scenario::{Override, Source, check};

use super::cli::Desk;

/// Three partitions, of which the last gets half of it all, and two members that fall behind by 200/s.
const MODEL: &str = r#"
seed = 3
horizon = "10m"
sample = "15s"

[topic]
name = "orders"
start = [{ committed = 900, log-end = 1000 }, { log-end = 50 }, { committed = 7, log-end = 7 }]

[produce]
rate = "400/s"
keys = { weights = [1, 1, 2] }

[group]
name = "order-processor"
members = 2
properties = { auto.offset.reset = "earliest" }

[processing]
time = "10ms"
commit = "after-batch"
"#;

fn start_of(desk: &Desk, model: &str) -> Vec<(Option<u64>, u64)> {
    let source = Source {
        name: model.into(),
        stem: "model".into(),
        text: fs::read_to_string(desk.path(model)).unwrap(),
    };
    let missing = [
        "processing.time=10ms",
        "produce.rate=400/s",
        "group.members=2",
    ];
    let overrides = missing.map(|text| Override { text: text.into() });
    let checked = check(&source, &overrides, &|_| Err("no files here".into())).unwrap();
    let partitions = checked.scenario.topic.partitions;
    partitions
        .iter()
        .map(|one| (one.committed, one.log_end))
        .collect()
}

#[test]
fn a_described_group_becomes_a_model_that_starts_there() {
    let desk = Desk::with(MODEL);
    let described = desk
        .lagsim(&["describe", "small.toml", "--at", "5m"])
        .ends_with(0);
    fs::write(desk.path("described.txt"), &described.out).unwrap();
    desk.lagsim(&["import", "described.txt", "--save", "then.toml"])
        .ends_with(0);
    let start = start_of(&desk, "then.toml");
    let rows = described
        .out
        .lines()
        .filter(|line| line.starts_with("order-processor"));
    let mut shown: Vec<(u32, Option<u64>, u64)> = rows
        .map(|row| {
            let words: Vec<&str> = row.split_whitespace().collect();
            (
                words[2].parse().unwrap(),
                words[3].parse().ok(),
                words[4].parse().unwrap(),
            )
        })
        .collect();
    shown.sort_unstable();
    let shown: Vec<_> = shown
        .into_iter()
        .map(|(_, committed, end)| (committed, end))
        .collect();
    assert_eq!(start, shown);
    let text = fs::read_to_string(desk.path("then.toml")).unwrap();
    assert!(
        text.contains("\nmembers = 2\n") && text.contains("name = \"order-processor\""),
        "{text}"
    );
}

#[test]
fn a_recorded_lag_becomes_a_model_that_is_produced_to_as_recorded_and_a_trace_to_hold_it_against() {
    let desk = Desk::with(MODEL);
    desk.lagsim(&["run", "small.toml", "--no-plot"])
        .ends_with(0);
    let import = ["import", "output/small/lag.csv", "--save", "again.toml"];
    let told = desk.lagsim(&import).ends_with(0);
    assert!(
        told.err
            .contains("wrote again.toml, again.rate.csv, again.trace.csv"),
        "{told:?}"
    );
    desk.lagsim(&import).ends_with(2);
    desk.lagsim(&[&import[..], &["--force"]].concat())
        .ends_with(0);

    let settings = [
        "--set",
        "processing.time=10ms",
        "--set",
        "group.members=2",
        "--set",
        "topic.name=orders",
        "--set",
        "group.name=g",
    ];
    let validate = [
        &[
            "validate",
            "again.toml",
            "--trace",
            "again.trace.csv",
            "--no-plot",
            "--max-error",
            "0.05",
        ],
        &settings[..],
    ]
    .concat();
    desk.lagsim(&validate).ends_with(0);
    // Another group would not pass for this one.
    desk.lagsim(&[&validate[..], &["--set", "processing.time=5ms"]].concat())
        .ends_with(99);

    let recorded = fs::read_to_string(desk.path("output/small/lag.csv")).unwrap();
    let last: u64 = recorded
        .lines()
        .filter(|row| row.starts_with("600.") || row.starts_with("600,"))
        .map(|row| row.split(',').nth(2).unwrap().parse::<u64>().unwrap())
        .sum();
    let rates = fs::read_to_string(desk.path("again.rate.csv")).unwrap();
    let produced: f64 = rates
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(1).unwrap().parse::<f64>().unwrap() * 15.0)
        .sum();
    assert!(
        (produced - (last as f64 - 1057.0)).abs() < 1e-6,
        "{produced} of {last}"
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_all_mistakes_of_all_files_and_nothing_is_written() {
    let desk = Desk::with(MODEL);
    fs::write(
        desk.path("a.txt"),
        "kafka_consumergroup_lag{} 1\nkafka_consumergroup_lag 2\n",
    )
    .unwrap();
    fs::write(desk.path("b.csv"), "partition,log_end_offset\nx,3\n").unwrap();
    let told = desk
        .lagsim(&["import", "a.txt", "b.csv", "--save", "new.toml"])
        .ends_with(104);
    for place in ["a.txt:1:1", "a.txt:2:1", "b.csv:2:1"] {
        assert!(told.err.contains(place), "{}", told.err);
    }
    assert!(
        told.err
            .contains("the listing is invalid: 3 mistakes; nothing was written"),
        "{}",
        told.err
    );
    assert_eq!(desk.names("."), ["a.txt", "b.csv", "small.toml"]);
    desk.lagsim(&["import", "missing.txt"]).ends_with(2);
}
