//! The sampled curves of a run, by column. Not the figures drawn from them: those are folded while the run goes.

use crate::sim::{PartitionState, Sample};
use crate::units::SimTime;

/// Stands for "no committed offset" in a column.
const NO_COMMIT: u64 = u64::MAX;

/// The curves of every partition on one grid of instants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    times: Vec<SimTime>,
    partitions: Vec<Columns>,
}

/// One partition's curves.
#[derive(Clone, Debug, Default, PartialEq)]
struct Columns {
    /// Index of the first instant at which the partition exists.
    first: usize,
    log_end: Vec<u64>,
    committed: Vec<u64>,
    position: Vec<u64>,
    /// Not a number where nothing is uncommitted (s).
    age_s: Vec<f64>,
    state: Vec<PartitionState>,
}

impl Curves {
    /// Appends one instant; partitions that were not there before begin here.
    pub fn push(&mut self, at: SimTime, samples: &[Sample]) {
        let instant = self.times.len();
        self.times.push(at);
        while self.partitions.len() < samples.len() {
            self.partitions.push(Columns {
                first: instant,
                ..Columns::default()
            });
        }
        for (columns, sample) in self.partitions.iter_mut().zip(samples) {
            columns.log_end.push(sample.log_end);
            columns
                .committed
                .push(sample.committed.unwrap_or(NO_COMMIT));
            columns.position.push(sample.position);
            columns.age_s.push(sample.age_s.unwrap_or(f64::NAN));
            columns.state.push(sample.state);
        }
    }

    /// The instants, increasing.
    pub fn times(&self) -> &[SimTime] {
        &self.times
    }

    /// How many partitions there were at the end.
    pub fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// Whether nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// `partition` at the `instant`-th time; `None` before it existed.
    pub fn sample(&self, partition: usize, instant: usize) -> Option<Sample> {
        let columns = self.partitions.get(partition)?;
        let row = instant.checked_sub(columns.first)?;
        let committed = *columns.committed.get(row)?;
        let age_s = columns.age_s[row];
        Some(Sample {
            log_end: columns.log_end[row],
            committed: (committed != NO_COMMIT).then_some(committed),
            position: columns.position[row],
            age_s: (!age_s.is_nan()).then_some(age_s),
            state: columns.state[row],
        })
    }

    /// Lag of `partition` at the `instant`-th time (records); 0 before it existed.
    pub fn lag(&self, partition: usize, instant: usize) -> u64 {
        self.sample(partition, instant)
            .map_or(0, |sample| lag_of(&sample))
    }

    /// Lag of all partitions together at the `instant`-th time (records).
    pub fn total_lag(&self, instant: usize) -> u64 {
        (0..self.partitions.len())
            .map(|partition| self.lag(partition, instant))
            .sum()
    }
}

/// Log-end offset less committed offset (records). Where nothing was ever committed it is all there is
/// in the log, which starts at 0.
pub fn lag_of(sample: &Sample) -> u64 {
    sample.log_end.saturating_sub(sample.committed.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_added_during_the_run_begins_at_its_own_instant() {
        let sample = Sample {
            log_end: 10,
            committed: None,
            position: 0,
            age_s: None,
            state: PartitionState::Starting,
        };
        let mut curves = Curves::default();
        curves.push(SimTime::ZERO, &[sample]);
        curves.push(
            SimTime::from_secs(1),
            &[
                sample,
                Sample {
                    log_end: 7,
                    ..sample
                },
            ],
        );
        assert_eq!(curves.sample(1, 0), None);
        assert_eq!(curves.lag(1, 0), 0);
        assert_eq!(curves.sample(0, 1), Some(sample));
        assert_eq!(curves.total_lag(1), 17);
    }
}
