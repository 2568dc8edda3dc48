//! What the workload costs per record and per poll, where the simulator spends its time.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lagsim::engine::{Address, Purpose};
use lagsim::units::{PartitionId, SimDuration, SimTime};
use lagsim::workload::{Arrivals, Keys, Law, Pattern, Production, RateCurve, RecordCosts, Shares};

/// One of 12 partitions of a topic with 1,000 records/s.
fn arrivals() -> Arrivals {
    let production = Production {
        curve: Arc::new(RateCurve::constant(1000.0)),
        pattern: Pattern::Poisson,
        shares: vec![Shares {
            from: SimTime::ZERO,
            of: vec![1.0 / 12.0; 12],
        }],
        keys: Keys::Even,
    };
    production.of_partition(7, 0, "orders", PartitionId(3))
}

fn every_record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arrivals");
    let records = 300_000;
    group.throughput(Throughput::Elements(records));
    group.bench_function("time_of, each record in turn", |bencher| {
        bencher.iter(|| {
            let mut arrivals = arrivals();
            (0..records).fold(0, |sum, n| sum ^ arrivals.time_of(n).as_nanos())
        });
    });
    for per_poll in [2_u64, 170] {
        let polls = 300_000 / per_poll;
        let pause = SimDuration::from_millis(12 * per_poll);
        group.throughput(Throughput::Elements(polls));
        group.bench_function(format!("count_by, {per_poll} records later"), |bencher| {
            bencher.iter(|| {
                let mut arrivals = arrivals();
                (0..polls).fold(0, |sum, poll| {
                    sum ^ arrivals.count_by(SimTime::ZERO + pause * poll)
                })
            });
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("count_by, anywhere in a day", |bencher| {
        let mut arrivals = arrivals();
        let mut second = 0;
        bencher.iter(|| {
            second = (second + 54_321) % 86_400;
            arrivals.count_by(black_box(SimTime::from_secs(second)))
        });
    });
    group.finish();
}

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("costs");
    let laws = [
        ("exponential", Law::Exponential { mean: 0.004 }),
        (
            "lognormal",
            Law::Lognormal {
                mean: 0.004,
                p99: 0.02,
            },
        ),
    ];
    for (name, law) in laws {
        for batch in [2_u64, 500] {
            let batches = 300_000 / batch;
            group.throughput(Throughput::Elements(batches));
            group.bench_function(format!("{name}, batches of {batch}"), |bencher| {
                let address = Address::new(7, 0, Purpose::Work, "orders-3");
                bencher.iter(|| {
                    let mut costs = RecordCosts::new(address, &law);
                    (0..batches).fold(0, |sum, index| {
                        let from = index * batch;
                        sum ^ costs.work(from, from + batch).as_nanos()
                    })
                });
            });
        }
    }
    group.finish();
}

criterion_group!(workload, every_record, batches);
criterion_main!(workload);
