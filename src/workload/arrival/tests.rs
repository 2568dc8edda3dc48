use proptest::prelude::*;

use super::*;
use crate::units::SimDuration;
use crate::workload::Knot;

const NANO: SimDuration = SimDuration::from_nanos(1);

fn even_shares(from: SimTime, partitions: usize) -> Shares {
    Shares {
        from,
        of: vec![1.0 / partitions as f64; partitions],
    }
}

fn production(pattern: Pattern, curve: RateCurve, partitions: usize) -> Production {
    Production {
        curve: Arc::new(curve),
        pattern,
        shares: vec![even_shares(SimTime::ZERO, partitions)],
        keys: Keys::Even,
    }
}

fn partition(production: &Production, index: u32) -> Arrivals {
    production.of_partition(7, 0, "orders", PartitionId(index))
}

fn knot(at_ms: u64, rate: f64) -> Knot {
    Knot {
        at: SimTime::from_millis(at_ms),
        rate,
    }
}

#[test]
fn an_even_topic_sends_its_records_round_robin_at_even_distances() {
    let production = production(Pattern::Constant, RateCurve::constant(1000.0), 4);
    for index in 0..4 {
        let mut arrivals = partition(&production, index);
        for record in [0, 1, 2, 99, 1_000_000] {
            let at = SimTime::from_millis(record * 4 + u64::from(index) + 1);
            assert_eq!(arrivals.time_of(record), at);
            assert_eq!(arrivals.count_by(at), record + 1);
            assert_eq!(arrivals.count_by(at - NANO), record);
        }
    }
}

#[test]
fn listed_records_come_at_their_instants_and_no_others() {
    let instants = [5, 5, 9].map(SimTime::from_millis);
    let mut arrivals = Arrivals::listed(instants.into());
    let counts = [4, 5, 8, 9, 99].map(|ms| arrivals.count_by(SimTime::from_millis(ms)));
    assert_eq!(counts, [0, 2, 2, 3, 3]);
    let times = [0, 1, 2, 3, u64::MAX].map(|n| arrivals.time_of(n));
    assert_eq!(times[..3], instants);
    assert_eq!(times[3..], [SimTime::NEVER; 2]);
    assert_eq!(arrivals.count_and_next(instants[0]), (2, instants[2]));
}

/// Counts per `seconds` of a process of 100 records/s, against the mean and variance of a Poisson law.
fn check_poisson_counts(seconds: u64, cells: u64) {
    let production = production(Pattern::Poisson, RateCurve::constant(400.0), 4);
    let mut arrivals = partition(&production, 3);
    let mean = 100.0 * seconds as f64;
    let (mut last, mut sum, mut squares) = (0, 0.0, 0.0);
    for cell in 1..=cells {
        let count = arrivals.count_by(SimTime::from_secs(cell * seconds));
        let new = (count - last) as f64;
        last = count;
        sum += new - mean;
        squares += (new - mean) * (new - mean);
    }
    let n = cells as f64;
    let z_mean = sum / (mean * n).sqrt();
    // The fourth central moment of Poisson(m) is m + 3 m^2.
    let z_variance = (squares / n - mean) / ((mean + 2.0 * mean * mean) / n).sqrt();
    assert!(z_mean.abs() < 4.0, "mean per {seconds} s: z = {z_mean}");
    assert!(
        z_variance.abs() < 4.0,
        "variance per {seconds} s: z = {z_variance}"
    );
}

#[test]
fn poisson_counts_have_the_variance_of_their_mean_on_every_scale() {
    check_poisson_counts(1, 40_000);
    check_poisson_counts(60, 10_000);
    check_poisson_counts(3600, 10_000);
}

#[test]
fn poisson_records_are_exponential_times_apart_and_independent() {
    let production = production(Pattern::Poisson, RateCurve::constant(400.0), 4);
    let mut arrivals = partition(&production, 2);
    let n = 100_000;
    let mut gaps = Vec::new();
    let mut last = SimTime::ZERO;
    for record in 0..n {
        let at = arrivals.time_of(record);
        gaps.push(at.since(last).as_secs_f64() * 100.0);
        last = at;
    }
    let n = n as f64;
    let neighbours: f64 = gaps
        .windows(2)
        .map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0))
        .sum();
    assert!((neighbours / n.sqrt()).abs() < 4.0, "{neighbours}");
    gaps.sort_by(f64::total_cmp);
    let distance = gaps
        .iter()
        .enumerate()
        .map(|(rank, gap)| ((1.0 - (-gap).exp()) - (rank as f64 + 0.5) / n).abs())
        .fold(0.0, f64::max);
    assert!(
        distance * n.sqrt() < 2.3,
        "Kolmogorov-Smirnov: {}",
        distance * n.sqrt()
    );
}

#[test]
fn a_question_in_any_order_has_the_same_answer() {
    let curve = RateCurve::from_knots(vec![
        knot(10_000, 50.0),
        knot(20_000, 5000.0),
        knot(30_000, 0.0),
        knot(40_000, 0.0),
        knot(40_000, 300.0),
    ]);
    let production = production(Pattern::Poisson, curve, 3);
    let mut sequential = partition(&production, 1);
    let times: Vec<SimTime> = (0..20_000).map(|n| sequential.time_of(n)).collect();
    let mut other = partition(&production, 1);
    for step in 0..20_000_u64 {
        let n = step * 7919 % 20_000;
        assert_eq!(other.time_of(n), times[n as usize]);
        let at = times[(step * 104_729 % 20_000) as usize];
        let expected = times.partition_point(|time| *time <= at) as u64;
        if expected < 20_000 {
            assert_eq!(other.count_by(at), expected);
        }
    }
}

#[test]
fn the_rate_of_a_ramp_is_that_of_its_integral() {
    for (first, last) in [(0.0, 2000.0), (2000.0, 0.0)] {
        let curve = RateCurve::from_knots(vec![knot(0, first), knot(100_000, last)]);
        let half = curve.integral(SimTime::from_secs(50));
        let mut even = partition(&production(Pattern::Constant, curve.clone(), 1), 0);
        assert_eq!(even.count_by(SimTime::from_secs(50)) as f64, half);
        let mut random = partition(&production(Pattern::Poisson, curve, 1), 0);
        let z = (random.count_by(SimTime::from_secs(50)) as f64 - half) / half.sqrt();
        assert!(z.abs() < 4.0, "{z}");
    }
}

#[test]
fn a_rate_that_ends_leaves_no_further_record() {
    for pattern in [Pattern::Constant, Pattern::Poisson] {
        let curve =
            RateCurve::from_knots(vec![knot(0, 10.0), knot(60_000, 10.0), knot(60_000, 0.0)]);
        let mut arrivals = partition(&production(pattern, curve, 1), 0);
        let all = arrivals.count_by(SimTime::NEVER);
        assert!((500..700).contains(&all));
        assert!(arrivals.time_of(all - 1) <= SimTime::from_secs(60));
        assert_eq!(arrivals.time_of(all), SimTime::NEVER);
        assert_eq!(arrivals.time_of(u64::MAX), SimTime::NEVER);
    }
    let mut silent = partition(
        &production(Pattern::Poisson, RateCurve::constant(0.0), 1),
        0,
    );
    assert_eq!(
        (silent.count_by(SimTime::NEVER), silent.time_of(0)),
        (0, SimTime::NEVER)
    );
}

#[test]
fn the_draws_of_a_partition_depend_on_nothing_but_its_name() {
    let of_three = |partitions: usize, seed: u64, topic: &str| {
        let mut production = production(Pattern::Poisson, RateCurve::constant(50.0), partitions);
        production.shares[0].of = vec![0.05; partitions];
        let mut arrivals = production.of_partition(seed, 0, topic, PartitionId(3));
        (0..1000).map(|n| arrivals.time_of(n)).collect::<Vec<_>>()
    };
    assert_eq!(of_three(4, 7, "orders"), of_three(12, 7, "orders"));
    assert_ne!(of_three(4, 7, "orders"), of_three(4, 8, "orders"));
    assert_ne!(of_three(4, 7, "orders"), of_three(4, 7, "payments"));
}

#[test]
fn added_partitions_begin_when_they_are_added_and_change_nothing_before() {
    for pattern in [Pattern::Constant, Pattern::Poisson] {
        let before = production(pattern, RateCurve::constant(1200.0), 4);
        let mut after = before.clone();
        let grown = SimTime::from_secs(100);
        after.shares.push(even_shares(grown, 6));
        let (mut old, mut new) = (partition(&before, 1), partition(&after, 1));
        let count = old.count_by(grown);
        assert_eq!(new.count_by(grown), count);
        assert!((0..count).all(|n| old.time_of(n) == new.time_of(n)));
        let later = new.count_by(SimTime::from_secs(200)) - count;
        assert!(later.abs_diff(20_000) < 600, "{later}");
        let mut added = partition(&after, 5);
        assert_eq!(added.count_by(grown), 0);
        assert!(added.time_of(0) > grown);
        assert!(added.count_by(SimTime::from_secs(200)).abs_diff(20_000) < 600);
    }
}

/// A dependency that changes its algorithm would move every result without a word.
#[test]
fn arrivals_stay_where_they_are() {
    let production = production(Pattern::Poisson, RateCurve::constant(1000.0), 12);
    let mut arrivals = partition(&production, 3);
    let times = [0, 1, 2, 1000, 1_000_000, 1_000_000_000].map(|n| arrivals.time_of(n).as_nanos());
    assert_eq!(
        times,
        [
            5_600_779,
            36_055_420,
            42_432_394,
            12_666_702_319,
            12_007_333_053_143,
            12_000_146_936_982_306
        ]
    );
    assert_eq!(arrivals.count_by(SimTime::from_secs(86_400)), 7_194_694);
}

fn curves() -> impl Strategy<Value = RateCurve> {
    let rate = prop_oneof![Just(0.0), 0.001..1.0, 1.0..1000.0, 1e5..1e8];
    let gap = prop_oneof![
        Just(0_u64),
        1_u64..5,
        1_u64..2_000_000_000,
        1_u64..90_000_000_000_000
    ];
    prop::collection::vec((gap, rate), 1..8).prop_map(|corners| {
        let mut at = 0;
        RateCurve::from_knots(
            corners
                .into_iter()
                .map(|(gap, rate)| {
                    at += gap;
                    Knot {
                        at: SimTime::from_nanos(at),
                        rate,
                    }
                })
                .collect(),
        )
    })
}

fn productions() -> impl Strategy<Value = Production> {
    let epoch = (
        1_u64..50_000_000_000_000,
        prop::collection::vec(0.0..1.0, 2),
    );
    let pattern = prop_oneof![Just(Pattern::Constant), Just(Pattern::Poisson)];
    (curves(), pattern, prop::collection::vec(epoch, 1..4)).prop_map(|(curve, pattern, epochs)| {
        let mut at = 0;
        let shares = epochs.into_iter().enumerate().map(|(index, (gap, of))| {
            at += if index == 0 { 0 } else { gap };
            let from = SimTime::from_nanos(at);
            Shares { from, of }
        });
        Production {
            curve: Arc::new(curve),
            pattern,
            shares: shares.collect(),
            keys: Keys::Even,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn counting_and_finding_are_inverse_to_the_nanosecond(
        production in productions(),
        instants in prop::collection::vec(0_u64..200_000_000_000_000, 30),
    ) {
        let mut arrivals = partition(&production, 1);
        let mut known: Vec<(u64, u64)> = Vec::new();
        for nanos in instants {
            let count = arrivals.count_by(SimTime::from_nanos(nanos));
            known.push((nanos, count));
            for n in [count.saturating_sub(1), count, count + 1] {
                let at = arrivals.time_of(n);
                prop_assert_eq!(n < count, at.as_nanos() <= nanos);
                if at < SimTime::NEVER {
                    prop_assert!(arrivals.count_by(at) > n);
                    prop_assert!(at == SimTime::ZERO || arrivals.count_by(at - NANO) <= n);
                }
            }
        }
        known.sort_unstable();
        prop_assert!(known.is_sorted_by_key(|(_, count)| *count));
    }
}
