//! Recorded production: what the log-end offsets of a trace say was produced. Not what the group did with it.

use std::sync::Arc;

use super::Trace;
use crate::units::SimTime;
use crate::workload::{Keys, Knot, Pattern, Production, RateCurve, Shares};

impl Trace {
    /// Production as the log-end offsets show it: from one sample to the next at an even rate, after the last one none.
    /// `starts` are the log-end offsets when the run begins (partitions that come later: 0), `keys` those of the records,
    /// which no trace shows.
    pub fn production(&self, starts: &[u64], keys: Keys) -> Production {
        let mut knots = Vec::with_capacity(2 * self.times.len() + 1);
        let mut shares: Vec<Shares> = Vec::with_capacity(self.times.len());
        let mut before: Vec<u64> = starts.to_vec();
        before.resize(self.partitions, 0);
        let mut from = SimTime::ZERO;
        for (instant, at) in self.times.iter().enumerate() {
            let length = at.since(from).as_secs_f64();
            if length <= 0.0 {
                continue;
            }
            let grown: Vec<f64> = (before.iter_mut().enumerate())
                .map(|(partition, before)| {
                    let log_end = self.seen(partition, instant).log_end.max(*before);
                    (log_end - std::mem::replace(before, log_end)) as f64
                })
                .collect();
            let all: f64 = grown.iter().sum();
            let rate = all / length;
            knots.extend([Knot { at: from, rate }, Knot { at: *at, rate }]);
            if all > 0.0 {
                let of = grown.iter().map(|records| records / all).collect();
                shares.push(Shares { from, of });
            }
            from = *at;
        }
        knots.push(Knot {
            at: from,
            rate: 0.0,
        });
        match shares.first_mut() {
            Some(first) => first.from = SimTime::ZERO,
            None => shares.push(Shares {
                from: SimTime::ZERO,
                of: keys.shares(self.partitions as u32),
            }),
        }
        Production {
            curve: Arc::new(RateCurve::from_knots(knots)),
            pattern: Pattern::Constant,
            shares,
            keys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PartitionId;

    fn trace(rows: &str) -> Trace {
        let header = "t_s,partition,log_end_offset,committed_offset,lag\n";
        Trace::parse("t.csv", &format!("{header}{rows}")).unwrap()
    }

    #[test]
    fn recorded_production_has_the_log_ends_of_the_samples() {
        let rows = "0.5,0,10,,10\n0.5,1,0,,0\n1,0,10,,10\n1,1,0,,0\n1.5,0,20,,20\n1.5,1,7,,7\n3,0,21,,21\n3,1,30,,30\n";
        let trace = trace(rows);
        let production = trace.production(&[4, 0], Keys::Even);
        for partition in 0..2 {
            let mut arrivals = production.of_partition(1, 0, "t", PartitionId(partition as u32));
            let start = [4, 0][partition];
            for (instant, at) in trace.times().iter().enumerate() {
                let log_end = start + arrivals.count_by(*at);
                let expected = trace.seen(partition, instant).log_end;
                assert!(
                    log_end.abs_diff(expected) <= 1,
                    "{partition} at {at}: {log_end}"
                );
            }
            assert_eq!(arrivals.time_of(100), SimTime::NEVER);
        }
    }

    #[test]
    fn a_partition_that_comes_later_is_produced_to_from_then_on() {
        let rows = "1,0,10,,10\n2,0,15,,15\n2,1,5,,5\n";
        let production = trace(rows).production(&[0], Keys::Even);
        let mut late = production.of_partition(1, 0, "t", PartitionId(1));
        assert_eq!(late.count_by(SimTime::from_secs(1)), 0);
        assert!(late.count_by(SimTime::from_secs(2)) >= 4);
    }

    #[test]
    fn a_trace_in_which_nothing_comes_produces_nothing() {
        let production = trace("0,0,7,,0\n9,0,7,,0\n").production(&[7], Keys::Even);
        assert_eq!(production.curve.integral(SimTime::from_secs(99)), 0.0);
        assert_eq!(production.shares.len(), 1);
    }
}
