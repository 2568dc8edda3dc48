//! Whole runs: the reference workloads beside a plain per-record simulator of the same hour, and a day of the
//! reconciliation incident. Quote ratios of figures of one invocation.

mod per_record;

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use lagsim::scenario::{Scenario, Source, check};
use lagsim::sim::{self, Fact, GroupView, Observer, Sample, Totals};
use lagsim::units::{SimDuration, SimTime};

/// A model file of `models/`.
fn model(path: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("models")
        .join(path);
    let text = fs::read_to_string(&path).expect("a model");
    let source = Source {
        name: path.display().to_string(),
        stem: "bench".to_owned(),
        text,
    };
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let read =
        |name: &str| fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    match check(&source, &[], &read) {
        Ok(checked) => checked.scenario,
        Err(found) => panic!("{found}"),
    }
}

/// Keeps the last total, so that nothing but the run is measured.
#[derive(Default)]
struct Last(u64);

impl Observer for Last {
    fn observe(&mut self, _at: SimTime, _fact: &Fact) {}

    fn sample(&mut self, _at: SimTime, partitions: &[Sample]) {
        self.0 = partitions.iter().map(|sample| sample.log_end).sum();
    }

    fn finish(&mut self, _at: SimTime, totals: &Totals, _group: &GroupView) {
        self.0 += totals.polls;
    }
}

fn runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("run");
    group.sample_size(10);
    let reference = [
        "orders-hour",
        "orders-hour-x2",
        "limited-day",
        "limited-hour",
    ];
    let mut models: Vec<(&str, Scenario)> = reference
        .map(|stem| (stem, model(&format!("reference/{stem}.toml"))))
        .into();
    let mut day = model("reconciliation.toml");
    day.horizon = SimDuration::from_secs(24 * 3_600);
    models.push(("24 h of reconciliation", day));
    for (name, scenario) in &models {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let mut last = Last::default();
                sim::run(black_box(scenario), 0, &mut last);
                last.0
            });
        });
    }
    for (name, rate) in [("orders-hour", 1_000.0), ("orders-hour-x2", 2_000.0)] {
        group.bench_function(format!("{name}, per record"), |bencher| {
            bencher.iter(|| per_record::hour(black_box(rate), 1, true));
        });
    }
    group.finish();
}

criterion_group!(benches, runs);
criterion_main!(benches);
