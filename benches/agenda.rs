//! The agenda under the hold model: an event leaves, and one is scheduled a random time later.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lagsim::engine::{Address, Agenda, Purpose};
use lagsim::units::{SimDuration, SimTime};

fn hold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("agenda");
    let draws = Address::new(1, 0, Purpose::Phase, "hold");
    let later = |n: u64| SimDuration::from_nanos(draws.bits(0, n) % 2_000_000_000);
    for pending in [100, 1_000, 10_000] {
        let mut agenda = Agenda::default();
        for n in 0..pending {
            agenda.schedule(SimTime::ZERO + later(n), n);
        }
        let mut n = pending;
        group.bench_function(format!("hold {pending}"), |bencher| {
            bencher.iter(|| {
                let event = agenda.pop();
                n += 1;
                agenda.schedule(agenda.now() + later(n), n);
                black_box(event)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hold);
criterion_main!(benches);
