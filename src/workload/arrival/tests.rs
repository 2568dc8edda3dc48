use super::*;
use crate::workload::Knot;

fn production(pattern: Pattern, curve: RateCurve, partitions: usize) -> Production {
    Production {
        curve: Arc::new(curve),
        pattern,
        shares: vec![Shares {
            from: SimTime::ZERO,
            of: vec![1.0 / partitions as f64; partitions],
        }],
    }
}

fn partition(production: &Production, index: u32) -> Arrivals {
    production.of_partition(7, 0, "orders", PartitionId(index))
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
            assert_eq!(
                arrivals.count_by(at - crate::units::SimDuration::from_nanos(1)),
                record
            );
        }
    }
}

#[test]
fn poisson_counts_have_the_variance_of_their_mean() {
    let production = production(Pattern::Poisson, RateCurve::constant(400.0), 4);
    let mut arrivals = partition(&production, 3);
    let seconds = 40_000;
    let (mut last, mut sum, mut squares) = (0, 0.0, 0.0);
    for second in 1..=seconds {
        let count = arrivals.count_by(SimTime::from_secs(second));
        let new = (count - last) as f64;
        last = count;
        sum += new;
        squares += (new - 100.0) * (new - 100.0);
    }
    let n = seconds as f64;
    let z_mean = (sum / n - 100.0) / (100.0 / n).sqrt();
    // The fourth central moment of Poisson(m) is m + 3 m^2.
    let z_variance = (squares / n - 100.0) / ((100.0 + 2.0 * 100.0 * 100.0) / n).sqrt();
    assert!(z_mean.abs() < 4.0, "{z_mean}");
    assert!(z_variance.abs() < 4.0, "{z_variance}");
}

#[test]
fn a_question_in_any_order_has_the_same_answer() {
    let curve = RateCurve::from_knots(vec![
        Knot {
            at: SimTime::from_secs(10),
            rate: 50.0,
        },
        Knot {
            at: SimTime::from_secs(20),
            rate: 5000.0,
        },
        Knot {
            at: SimTime::from_secs(30),
            rate: 0.0,
        },
        Knot {
            at: SimTime::from_secs(40),
            rate: 0.0,
        },
        Knot {
            at: SimTime::from_secs(40),
            rate: 300.0,
        },
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
