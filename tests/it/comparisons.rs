//! Variants beside each other: pairs share their draws, intervals keep what they claim, and chance is called chance.

use lagsim::experiment::{Comparison, Finding, Interval, Paired, Variant, align, compare};
use lagsim::report::comparison;
use lagsim::scenario::Scenario;
use lagsim::workload::Law;

use crate::systems::{ms, secs, system, without_latencies};

fn variant(name: &str, scenario: Scenario) -> Variant {
    Variant {
        name: name.to_owned(),
        scenario,
    }
}

fn compared(variants: Vec<Variant>, replications: u32) -> Comparison {
    let (variants, notes) = align(variants);
    compare(&variants, notes, replications, None, &|_| {})
}

/// What was found of `figure` in the second variant.
fn found(comparison: &Comparison, figure: &str) -> (Interval, Paired) {
    let lines = &comparison.sides[1].figures;
    let line = lines.iter().find(|line| line.name == figure).unwrap();
    (line.own, line.against.unwrap())
}

/// Four partitions that two members read, who keep up but are busy.
fn busy() -> Scenario {
    let mut scenario = system(4, 2, 300.0, Law::Exponential { mean: 0.006 });
    scenario.horizon = secs(300);
    scenario
}

fn with_batches(mut scenario: Scenario, records: u64) -> Scenario {
    scenario.settings[0].properties.max_poll_records = records;
    scenario
}

fn half(interval: &Interval) -> f64 {
    (interval.high.unwrap() - interval.low.unwrap()) / 2.0
}

#[test]
fn pairs_share_their_arrivals_and_their_costs_so_a_difference_is_surer_than_of_separate_runs() {
    let smaller = with_batches(busy(), 20);
    let paired = compared(
        vec![variant("500", busy()), variant("20", smaller.clone())],
        16,
    );
    let (_, produced) = found(&paired, "produced");
    assert_eq!(produced.finding, Finding::Same);
    // Separate runs: the variance of the difference is the sum of both.
    for figure in ["mean-lag", "max-lag"] {
        let (own, against) = found(&paired, figure);
        let base = &paired.sides[0].figures;
        let base = base.iter().find(|line| line.name == figure).unwrap().own;
        let separate = half(&own).hypot(half(&base));
        assert!(
            half(&against.difference) < 0.5 * separate,
            "{figure}: {} paired, {separate} separate",
            half(&against.difference)
        );
    }
}

/// A queue with a single server that takes `mean_ms` a record.
fn queue(seed: u64, mean_ms: f64) -> Scenario {
    let law = Law::Exponential {
        mean: mean_ms / 1_000.0,
    };
    let mut scenario = without_latencies(system(1, 1, 50.0, law));
    scenario.settings[0].properties.max_poll_records = 1;
    scenario.horizon = secs(100);
    scenario.sample = ms(50);
    scenario.seed = seed;
    scenario
}

/// The number in an M/M/1 queue is load / (1 - load), so the difference of two loads, and their ratio, are known.
#[test]
fn intervals_cover_the_true_difference_as_often_as_they_claim() {
    const EXPERIMENTS: u64 = 200;
    let number = |load: f64| load / (1.0 - load);
    let difference = number(0.4) - number(0.5);
    let change = number(0.4) / number(0.5) - 1.0;
    let inside = |interval: &Interval, truth: f64| {
        (interval.low.unwrap()..=interval.high.unwrap()).contains(&truth)
    };
    let (mut covered, mut covered_change) = (0, 0);
    for seed in 0..EXPERIMENTS {
        let pair = vec![
            variant("10 ms", queue(seed, 10.0)),
            variant("8 ms", queue(seed, 8.0)),
        ];
        let (_, paired) = found(&compared(pair, 8), "mean-lag");
        covered += u64::from(inside(&paired.difference, difference));
        covered_change += u64::from(inside(&paired.change.unwrap(), change));
    }
    // 190 of 200 are claimed; outside of 180 to 199 are 4 standard deviations of that.
    for covered in [covered, covered_change] {
        assert!((180..200).contains(&covered), "{covered} of {EXPERIMENTS}");
    }
}

#[test]
fn a_change_that_changes_nothing_is_told_as_the_same_and_chance_as_chance() {
    let mut idle = busy();
    idle.alerts.clear();
    idle.title = "another title".to_owned();
    let same = compared(vec![variant("a", busy()), variant("b", idle)], 4);
    for line in &same.sides[1].figures {
        assert_eq!(
            line.against.unwrap().finding,
            Finding::Same,
            "{}",
            line.name
        );
    }
    // Other names of the members address other draws of their heartbeats' phases, and nothing else.
    let mut renamed = busy();
    for process in &mut renamed.group.processes {
        process.name.push_str("-blue");
    }
    let chance = compared(vec![variant("a", busy()), variant("b", renamed)], 8);
    let (_, lag) = found(&chance, "mean-lag");
    assert!(
        matches!(lag.finding, Finding::Unclear { .. } | Finding::Same),
        "{lag:?}"
    );
}

#[test]
fn variants_run_with_one_seed_for_one_time_on_one_grid_and_what_else_differs_is_noted() {
    let mut longer = busy();
    (longer.seed, longer.horizon, longer.sample) = (99, secs(600), ms(500));
    longer.topic.partitions[0].log_end += 70;
    let (aligned, notes) = align(vec![variant("a", busy()), variant("b", longer)]);
    let (a, b) = (&aligned[0].scenario, &aligned[1].scenario);
    assert_eq!(a.seed, b.seed);
    assert_eq!((b.horizon, a.sample), (secs(300), ms(500)));
    assert_eq!(notes.len(), 4, "{notes:?}");
    assert!(notes[3].contains("starts 70 behind"), "{notes:?}");
    let faster = system(4, 2, 400.0, Law::Constant(0.001));
    let (_, notes) = align(vec![variant("a", busy()), variant("b", faster)]);
    assert!(
        notes.iter().any(|note| note.contains("[produce]")),
        "{notes:?}"
    );
}

#[test]
fn the_files_are_the_same_bytes_for_any_number_of_threads() {
    let files = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        let variants = vec![variant("a", busy()), variant("b", with_batches(busy(), 20))];
        let comparison = pool.install(|| compared(variants, 5));
        comparison::files(&comparison, true).unwrap()
    };
    let one = files(1);
    for threads in [2, 7] {
        for ((name, bytes), (_, expected)) in files(threads).iter().zip(&one) {
            assert!(bytes == expected, "{name} differs with {threads} threads");
        }
    }
}
