//! A sweep around a model: which of its numbers matter, and the same bytes however it is run.

use std::fs;

use super::cli::Desk;

/// A member that gets through 200/s of 300/s, in a closed form: 100/s are left behind.
const MODEL: &str = r#"
horizon = "10m"
sample = "5s"
topic = { name = "orders", partitions = 2, record-size = "1KiB" }
produce = { rate = "300/s", arrivals = "constant" }
cluster = { round-trip = "1us", commit-latency = "1us" }
group = { name = "order-processor", members = 1 }
processing = { time = { gamma = { mean = "5ms", shape = 4.0 } }, commit = "after-batch" }
alert = [{ name = "behind", when = "lag > 1000" }]
at = [{ time = "5m", rate = { factor = 1.0 } }]
"#;

fn desk() -> Desk {
    Desk::with(MODEL)
}

/// The rows of a key in `sensitivity.csv`, by column.
fn rows(table: &str, key: &str) -> Vec<Vec<String>> {
    let cells = |row: &str| row.split(',').map(str::to_owned).collect::<Vec<_>>();
    let rows = table.lines().skip(1).map(cells);
    rows.filter(|row| row[1] == key).collect()
}

#[test]
fn the_elasticities_of_a_saturated_member_are_those_of_the_closed_form() {
    let desk = desk();
    let args = [
        "sweep",
        "--around",
        "small.toml",
        "--metric",
        "final-lag",
        "--replications",
        "4",
        "--step",
        "5%",
    ];
    let told = desk.lagsim(&args).ends_with(0);
    let table = fs::read_to_string(desk.path("output/small-around/sensitivity.csv")).unwrap();
    // final-lag = (rate - 1 / time) x horizon: rate / (rate - 1 / time) = 3, and half as much of the time.
    let slope = |key: &str| -> f64 { rows(&table, key)[0][14].parse().unwrap() };
    let rate = slope("produce.rate");
    assert!((2.9..3.1).contains(&rate), "{rate}\n{}", told.out);
    let time = slope("processing.time.gamma.mean");
    assert!((1.9..2.1).contains(&time), "{time}\n{}", told.out);
    let order: Vec<&str> = table
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(1).unwrap())
        .collect();
    assert_eq!(
        (order[0], order[2]),
        ("produce.rate", "processing.time.gamma.mean")
    );
    // The rate rises and the time falls by a tenth and a bit; both steps of both are told in every run.
    for row in rows(&table, "produce.rate") {
        let (moved, change): (f64, f64) = (row[4].parse().unwrap(), row[8].parse().unwrap());
        assert!(
            (change / moved - rate).abs() < 0.01,
            "a straight line: {row:?}"
        );
    }
    // The session of a member that never dies changes nothing.
    let session = rows(&table, "group.properties.session.timeout.ms");
    assert!(
        session.iter().all(|row| row[17] == "nothing"),
        "{session:?}"
    );
    assert!(
        told.out.contains("In no run do these change final-lag: "),
        "{}",
        told.out
    );
    let heading = "small-around: What is final-lag most sensitive to?\nThe model, and ";
    assert!(told.out.starts_with(heading), "{}", told.out);
    for name in ["journal.txt", "results.csv", "cases.csv", "sweep.png"] {
        assert!(
            desk.path("output/small-around").join(name).exists(),
            "{name}"
        );
    }
}

#[test]
fn what_does_not_move_is_told_and_what_says_which_or_when_is_not_moved() {
    let desk = desk();
    let args = [
        "sweep",
        "--around",
        "small.toml",
        "--replications",
        "2",
        "--set",
        "group.properties.heartbeat.interval.ms=40000",
        "--set",
        "horizon=20s",
        "--set",
        "at.0.time=10s",
        "--set",
        "at.0.rate.factor=2",
    ];
    let told = desk.lagsim(&args).ends_with(0);
    let left = "  - group.members by -20 %, -10 %, +10 %, +20 %: of 1 that is no whole number of its own\n";
    assert!(told.out.contains(left), "{}", told.out);
    // 48 s between heartbeats of a session of 45 s.
    assert!(
        told.out
            .contains("  - heartbeat.interval.ms = 48000: refused: "),
        "{}",
        told.out
    );
    let table = fs::read_to_string(desk.path("output/small-around/sensitivity.csv")).unwrap();
    assert_eq!(
        rows(&table, "group.properties.heartbeat.interval.ms").len(),
        3
    );
    // A key that takes fractions has them although its number is written without a point.
    let factors = rows(&table, "at.0.rate.factor");
    let factors: Vec<[&str; 2]> = factors.iter().map(|row| [&row[2][..], &row[3]]).collect();
    assert_eq!(
        factors,
        ["1.6", "1.8", "2.2", "2.4"].map(|moved| ["2", moved])
    );
    let moved: Vec<&str> = table
        .lines()
        .map(|row| row.split(',').nth(1).unwrap())
        .collect();
    for kept in ["horizon", "sample", "seed", "at.0.time"] {
        assert!(!moved.contains(&kept), "{kept} is moved");
    }
    assert!(!table.contains("alert"), "{table}");
}

/// Half of what is left at the end was there at the start, so the final lag goes half as far as the backlog does.
#[test]
fn the_backlog_at_the_start_is_one_number_however_many_offsets_say_it() {
    let desk = desk();
    let start = "topic={ name = 'orders', record-size = '1KiB', start = [{ committed = 1_000, log-end = 41_000 }, \
                 { committed = 500, log-end = 20_500 }] }";
    let args = ["sweep", "--around", "small.toml", "--metric", "final-lag"];
    let more = ["--replications", "2", "--step", "5%", "--set", start];
    let told = desk.lagsim(&[&args[..], &more].concat()).ends_with(0);
    let table = fs::read_to_string(desk.path("output/small-around/sensitivity.csv")).unwrap();
    let rows = rows(&table, "topic.start");
    let values: Vec<&str> = rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(
        (rows[0][2].as_str(), values),
        ("60000", vec!["57000", "63000"])
    );
    let slope: f64 = rows[0][14].parse().unwrap();
    assert!((0.49..0.51).contains(&slope), "{slope}");
    assert!(told.out.contains("topic.start's backlog"), "{}", told.out);
    assert!(!table.contains("topic.start."), "{table}");
}

#[test]
fn a_law_that_the_model_states_is_not_moved_again_as_the_default_of_its_key() {
    let desk = desk();
    let law = "cluster.commit-latency={ lognormal = { mean = '5ms', p99 = '20ms' } }";
    let args = ["sweep", "--around", "small.toml", "--set", law];
    let more = [
        "--replications",
        "2",
        "--set",
        "horizon=20s",
        "--set",
        "at=[]",
    ];
    desk.lagsim(&[&args[..], &more].concat()).ends_with(0);
    let table = fs::read_to_string(desk.path("output/small-around/sensitivity.csv")).unwrap();
    assert_eq!(rows(&table, "cluster.commit-latency").len(), 0);
    for number in ["mean", "p99"] {
        let key = format!("cluster.commit-latency.lognormal.{number}");
        assert_eq!(rows(&table, &key).len(), 4, "{table}");
    }
    // The other latency is moved where it is stated, once, as is every default.
    assert_eq!(rows(&table, "cluster.round-trip").len(), 4);
    assert_eq!(rows(&table, "group.properties.max.poll.records").len(), 4);
}

#[test]
fn threads_parts_and_interruptions_change_no_byte() {
    let desk = desk();
    let sweep = |more: &[&str]| {
        let args = [
            "sweep",
            "--around",
            "small.toml",
            "--set",
            "horizon=20s",
            "--set",
            "at.0.time=10s",
            "--replications",
            "2",
            "--metric",
            "max-lag",
            "--metric",
            "max-age",
            "--step",
            "10%",
        ];
        desk.lagsim(&[&args[..], more].concat()).ends_with(0)
    };
    sweep(&["--out", "one", "--jobs", "1"]);
    sweep(&["--out", "seven", "--jobs", "7"]);
    sweep(&["--out", "part-1", "--shard", "1/2"]);
    sweep(&["--out", "part-2", "--shard", "2/2"]);
    desk.lagsim(&["merge", "part-2", "part-1", "--out", "merged"])
        .ends_with(0);
    let whole = fs::read(desk.path("one/journal.txt")).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
    fs::create_dir(desk.path("cut")).unwrap();
    fs::write(
        desk.path("cut/journal.txt"),
        &whole[..(header + whole.len()) / 2],
    )
    .unwrap();
    sweep(&["--out", "cut", "--resume"]);
    for name in [
        "journal.txt",
        "results.csv",
        "cases.csv",
        "sensitivity.csv",
        "sweep.png",
    ] {
        let of = |folder: &str| fs::read(desk.path(folder).join(name)).unwrap();
        for folder in ["seven", "merged", "cut"] {
            assert!(of("one") == of(folder), "{name} of {folder} differs");
        }
    }
}

#[test]
fn what_cannot_be_done_is_refused_before_a_run() {
    let desk = desk();
    let told = desk
        .lagsim(&["sweep", "--around", "small.toml", "--replications", "1"])
        .ends_with(2);
    assert!(
        told.err
            .contains("one replication does not tell an effect from chance"),
        "{}",
        told.err
    );
    for step in ["0%", "100%", "some"] {
        let told = desk
            .lagsim(&["sweep", "--around", "small.toml", "--step", step])
            .ends_with(2);
        assert!(
            told.err.contains("write percent from 0.1 to 90"),
            "{}",
            told.err
        );
    }
    desk.lagsim(&[
        "sweep",
        "--around",
        "small.toml",
        "--vary",
        "group.members=1,2",
    ])
    .ends_with(2);
    desk.lagsim(&["sweep", "--around", "small.toml", "--model", "small.toml"])
        .ends_with(2);
    desk.lagsim(&["sweep", "--model", "small.toml", "--step", "5%"])
        .ends_with(2);
    let told = desk
        .lagsim(&["sweep", "--around", "small.toml", "--metric", "max-lagg"])
        .ends_with(104);
    assert!(told.err.contains("max-lag"), "{}", told.err);
    assert!(!desk.path("output").exists());
}
