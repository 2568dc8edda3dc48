//! Workloads whose answers other simulators agree on: `models/reference/`. Not for speed, which benches/run.rs measures.

use std::fs;
use std::path::Path;

use lagsim::scenario::{Override, Scenario, Source, check};
use lagsim::sim::{Fact, StopReason};
use lagsim::units::ProcessId;

use crate::systems::{Told, run, run_replication, secs};

#[path = "../../benches/per_record/mod.rs"]
mod per_record;

/// A model file of `models/reference`.
fn model(stem: &str) -> Scenario {
    model_with(stem, &[])
}

/// The same, changed as `--set` does.
fn model_with(stem: &str, changes: &[&str]) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/reference");
    let path = folder.join(format!("{stem}.toml"));
    let text = fs::read_to_string(&path).expect("a reference model");
    let source = Source {
        name: path.display().to_string(),
        stem: stem.to_owned(),
        text,
    };
    let read = |name: &str| Err(format!("{name}: no model here names a file"));
    let changes = changes.iter().map(|text| Override {
        text: (*text).to_owned(),
    });
    match check(&source, &changes.collect::<Vec<_>>(), &read) {
        Ok(checked) => checked.scenario,
        Err(found) => panic!("{found}"),
    }
}

/// Polls, and maximum, mean and last of the total lag over the samples after zero.
fn figures(told: &Told) -> [f64; 4] {
    let lags = &told.total_lags()[1..];
    let most = lags.iter().max().copied().unwrap_or(0);
    let mean = lags.iter().sum::<u64>() as f64 / lags.len() as f64;
    let last = lags.last().copied().unwrap_or(0);
    [told.totals.polls as f64, most as f64, mean, last as f64]
}

/// Each figure's mean over the replications is within four standard errors of what is known: (mean, standard deviation
/// of one run, rounding of the known mean).
fn assert_known(stem: &str, replications: u32, known: [(f64, f64, f64); 4]) {
    let scenario = model(stem);
    let mut sums = [0.0; 4];
    for replication in 0..replications {
        let found = figures(&run_replication(&scenario, replication));
        sums.iter_mut()
            .zip(found)
            .for_each(|(sum, value)| *sum += value);
    }
    let names = ["polls", "max lag", "mean lag", "final lag"];
    for ((name, sum), (mean, deviation, rounding)) in names.iter().zip(sums).zip(known) {
        let found = sum / f64::from(replications);
        let error = deviation / f64::from(replications).sqrt();
        let z = ((found - mean).abs() - rounding).max(0.0) / error;
        assert!(
            z < 4.0,
            "{stem}: {name} {found}, known {mean} +- {error}, |z| = {z:.1}"
        );
    }
}

const ORDERS_HOUR: [(f64, f64, f64); 4] = [
    (1_808_000.0, 1_850.0, 500.0),
    (11_095.0, 240.0, 0.5),
    (72.8, 1.5, 0.05),
    (23.0, 10.0, 0.5),
];

const ORDERS_HOUR_X2: [(f64, f64, f64); 4] = [
    (10_866.0, 13.0, 0.5),
    (1_822_000.0, 3_500.0, 500.0),
    (912_000.0, 2_000.0, 500.0),
    (1_822_000.0, 3_500.0, 500.0),
];

#[test]
fn orders_hour_has_the_known_answers() {
    assert_known("orders-hour", 5, ORDERS_HOUR);
}

#[test]
fn orders_hour_x2_has_the_known_answers() {
    assert_known("orders-hour-x2", 20, ORDERS_HOUR_X2);
}

/// Mean and standard error.
fn estimate(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0) / n).sqrt())
}

/// Without the pause the rule of the reference and Kafka's are the same in effect: a poll takes what there is. (With it
/// they are not: while the backlog drains, a Kafka poll takes what was fetched at the end of the one before, so batches
/// are smaller and committed earlier; the mean lag is 71.8 against 73.0 of the plain program, standard errors 0.13.)
#[test]
#[ignore = "eighty hours of simulated time take half a minute"]
fn orders_hour_without_its_pause_is_what_a_plain_program_makes_of_it() {
    let mut scenario = model("orders-hour");
    scenario.timeline.clear();
    let ours: Vec<[f64; 4]> = (0..40)
        .map(|replication| figures(&run_replication(&scenario, replication)))
        .collect();
    let plain: Vec<[f64; 4]> = (0..40)
        .map(|seed| per_record::hour(1_000.0, seed, false))
        .collect();
    for (figure, name) in ["polls", "highest lag", "mean lag", "final lag"]
        .into_iter()
        .enumerate()
    {
        let plain: Vec<f64> = plain.iter().map(|figures| figures[figure]).collect();
        let (theirs, their_error) = estimate(&plain);
        let found: Vec<f64> = ours.iter().map(|figures| figures[figure]).collect();
        let (found, error) = estimate(&found);
        let z = (found - theirs).abs() / error.hypot(their_error);
        assert!(z < 4.0, "{name}: {found}, plain {theirs}, |z| = {z:.1}");
    }
}

/// While more comes than the limit takes, the rate of commits is the limit's; before and after, that of the records.
#[test]
fn limited_day_is_held_to_its_limit_at_noon_and_catches_up() {
    let told = run(&model("limited-day"));
    let committed = |hour: usize| -> f64 {
        let (_, samples) = &told.samples[hour * 360];
        samples
            .iter()
            .map(|s| s.committed.unwrap_or(0) as f64)
            .sum()
    };
    let rate =
        |from: usize, to: usize| (committed(to) - committed(from)) / ((to - from) as f64 * 3600.0);
    assert!((rate(9, 17) - 200.0).abs() < 2.0, "{}", rate(9, 17));
    // Mean 170/s with an amplitude of 70/s: little before dawn.
    let dawn = 170.0 - 70.0 * (3.0_f64 / std::f64::consts::PI);
    assert!((rate(0, 3) - dawn).abs() < 20.0, "{}", rate(0, 3));
    let lags = told.total_lags();
    assert!(lags[7 * 360] < 2_000, "{}", lags[7 * 360]);
}

/// A hundred times the calls: the limit holds here too, for any number of calls in flight.
#[test]
fn limited_hour_is_held_to_its_limit() {
    let scenario = model("limited-hour");
    let told = run(&scenario);
    let lags = told.total_lags();
    let grown = (lags[3_600] - lags[600]) as f64 / 3_000.0;
    assert!((grown - 1_000.0).abs() < 100.0, "{grown}/s");
    assert_eq!(scenario.horizon, secs(3_600));
}

/// At the peak more comes than a hundred members of 1 / 80 us can do: they do just that, a fetch under way meanwhile.
#[test]
fn big_day_is_held_to_the_capacity_of_its_members_at_the_peak() {
    let changes = [
        "horizon=12s",
        "sample=3s",
        "at=[]",
        "produce.rate.daily.peak-at=0h",
    ];
    let told = run(&model_with("big-day", &changes));
    let sum = |value: fn(&lagsim::sim::Sample) -> u64| -> Vec<f64> {
        let sums = (told.samples.iter()).map(|(_, own)| own.iter().map(value).sum::<u64>());
        sums.map(|sum| sum as f64).collect()
    };
    // 1.5 million/s to a standard deviation of a thousandth of that in one second.
    let produced = sum(|sample| sample.log_end)[4];
    assert!((produced / 18e6 - 1.0).abs() < 1e-3, "{produced}");
    let positions = sum(|sample| sample.position);
    let rate = (positions[4] - positions[2]) / 6.0;
    assert!((rate / 1.25e6 - 1.0).abs() < 0.01, "{rate}/s");
    let (processed, duplicates) = (told.totals.partitions.iter())
        .map(|own| (own.processed, own.duplicates))
        .fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
    assert!(processed as f64 <= positions[4] && duplicates == 0);
}

/// A ten-thousandth of the records, each ten thousand times the work, over two of its deploys: each restarts every member
/// once, one after the other, and the group takes over what each has left without doing anything twice.
#[test]
fn big_day_restarts_each_member_once_a_deploy() {
    let changes = [
        "horizon=44m",
        "at.0.time=5m",
        "at.0.every=20m",
        "produce.rate.daily={ mean = '100/s', peak = '150/s' }",
        "processing.time.lognormal={ mean = '0.8s', p99 = '4s' }",
    ];
    let told = run(&model_with("big-day", &changes));
    let stopped = told.find(|fact| match fact {
        Fact::ProcessStopped { process, reason } => Some((*process, *reason)),
        _ => None,
    });
    assert_eq!(stopped.len(), 200);
    for index in 0..100 {
        let own = (stopped.iter()).filter(|(_, (process, _))| *process == ProcessId(index));
        let ends: Vec<_> = own.map(|(at, (_, reason))| (at, *reason)).collect();
        assert_eq!(ends.len(), 2, "{ends:?}");
        assert!(ends.iter().all(|(_, reason)| *reason == StopReason::Closed));
        let apart = ends[1].0.since(*ends[0].0).as_secs_f64();
        assert!((apart / 1_200.0 - 1.0).abs() < 0.05, "{apart} s");
    }
    let most_at_once = (stopped.windows(2)).map(|two| two[1].0.since(two[0].0));
    assert!(most_at_once.min() >= Some(secs(5)), "one process at a time");
    assert!(told.totals.partitions.iter().all(|own| own.lost == 0));
}
