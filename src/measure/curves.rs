//! The sampled curves of a run, by column, for pictures and comparisons. Not the figures drawn from them: those are folded
//! while the run goes, and `lag.csv` is written while it goes.

use crate::sim::Sample;
use crate::units::SimTime;

/// Stands for "no committed offset" in a column.
const NO_COMMIT: u64 = u64::MAX;

/// What is kept of a [`Sample`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Log-end offset.
    pub log_end: u64,
    /// Committed offset, if there is one.
    pub committed: Option<u64>,
    /// Age of the oldest record that is not committed (s); `None` if there is none.
    pub age_s: Option<f64>,
}

impl Point {
    /// Its lag (records): see [`lag_of`].
    pub fn lag(self) -> u64 {
        lag(self.log_end, self.committed)
    }
}

/// The curves of every partition on one grid of instants: all samples, or of every so many in a row the one with the
/// highest total lag, so that a long run is drawn from as little as a short one and no peak of the total is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    times: Vec<SimTime>,
    partitions: Vec<Columns>,
    /// Of so many samples in a row one is kept.
    every: usize,
    /// Samples seen since the last instant was begun.
    seen: usize,
    /// Total lag at the last instant (records).
    highest: u64,
}

/// One partition's curves.
#[derive(Clone, Debug, Default, PartialEq)]
struct Columns {
    /// Index of the first instant at which the partition exists.
    first: usize,
    log_end: Vec<u64>,
    committed: Vec<u64>,
    /// Not a number where nothing is uncommitted (s).
    age_s: Vec<f64>,
}

impl Columns {
    /// What is known of `row`: the next one is added, an earlier one replaced.
    fn put(&mut self, row: usize, sample: &Sample) {
        self.log_end.truncate(row);
        self.log_end.push(sample.log_end);
        self.committed.truncate(row);
        self.committed.push(sample.committed.unwrap_or(NO_COMMIT));
        self.age_s.truncate(row);
        self.age_s.push(sample.age_s.unwrap_or(f64::NAN));
    }
}

impl Curves {
    /// Nothing seen yet; of `every` samples in a row one will be kept.
    pub fn of_every(every: usize) -> Self {
        Curves {
            times: Vec::new(),
            partitions: Vec::new(),
            every: every.max(1),
            seen: 0,
            highest: 0,
        }
    }

    /// Takes the samples of one instant in; partitions that were not there before begin here.
    pub fn push(&mut self, at: SimTime, samples: &[Sample]) {
        let total = samples.iter().map(lag_of).sum();
        if self.times.is_empty() || self.seen == self.every {
            self.seen = 0;
            self.put(self.times.len(), at, total, samples);
        } else if total > self.highest {
            self.put(self.times.len() - 1, at, total, samples);
        }
        self.seen += 1;
    }

    fn put(&mut self, instant: usize, at: SimTime, total: u64, samples: &[Sample]) {
        self.times.truncate(instant);
        self.times.push(at);
        self.highest = total;
        self.partitions.resize_with(samples.len(), || Columns {
            first: instant,
            ..Columns::default()
        });
        for (columns, sample) in self.partitions.iter_mut().zip(samples) {
            columns.put(instant - columns.first, sample);
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
    pub fn point(&self, partition: usize, instant: usize) -> Option<Point> {
        let columns = self.partitions.get(partition)?;
        let row = instant.checked_sub(columns.first)?;
        let committed = *columns.committed.get(row)?;
        let age_s = columns.age_s[row];
        Some(Point {
            log_end: columns.log_end[row],
            committed: (committed != NO_COMMIT).then_some(committed),
            age_s: (!age_s.is_nan()).then_some(age_s),
        })
    }

    /// Lag of `partition` at the `instant`-th time (records); 0 before it existed.
    pub fn lag(&self, partition: usize, instant: usize) -> u64 {
        self.point(partition, instant).map_or(0, Point::lag)
    }

    /// Lag of all partitions together at the `instant`-th time (records).
    pub fn total_lag(&self, instant: usize) -> u64 {
        (0..self.partitions.len())
            .map(|partition| self.lag(partition, instant))
            .sum()
    }
}

/// Lag of a partition at a sample (records).
pub fn lag_of(sample: &Sample) -> u64 {
    lag(sample.log_end, sample.committed)
}

/// Log-end offset less committed offset (records). Where nothing was ever committed it is all there is
/// in the log, which starts at 0.
fn lag(log_end: u64, committed: Option<u64>) -> u64 {
    log_end.saturating_sub(committed.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::PartitionState;

    fn sample(log_end: u64) -> Sample {
        Sample {
            log_end,
            committed: None,
            position: 0,
            age_s: None,
            state: PartitionState::Starting,
        }
    }

    #[test]
    fn a_partition_added_during_the_run_begins_at_its_own_instant() {
        let mut curves = Curves::of_every(1);
        curves.push(SimTime::ZERO, &[sample(10)]);
        curves.push(SimTime::from_secs(1), &[sample(10), sample(7)]);
        assert_eq!(curves.point(1, 0), None);
        assert_eq!(curves.lag(1, 0), 0);
        let first = curves.point(0, 1).unwrap();
        assert_eq!((first.log_end, first.committed), (10, None));
        assert_eq!(curves.total_lag(1), 17);
    }

    #[test]
    fn of_many_samples_in_a_row_the_one_with_the_highest_total_lag_is_kept() {
        let mut curves = Curves::of_every(3);
        for (at, log_ends) in [
            (0, &[5, 5][..]),
            (1, &[1, 9]),
            (2, &[9, 2]),
            // A partition is added within the next three.
            (3, &[4, 4]),
            (4, &[4, 4, 1]),
            (5, &[4, 3, 1]),
            (6, &[0, 0, 0]),
        ] {
            let samples: Vec<Sample> = log_ends.iter().map(|&end| sample(end)).collect();
            curves.push(SimTime::from_secs(at), &samples);
        }
        let at: Vec<f64> = curves.times().iter().map(|at| at.as_secs_f64()).collect();
        assert_eq!(at, [2.0, 4.0, 6.0]);
        let lags = |instant| [0, 1, 2].map(|partition| curves.lag(partition, instant));
        assert_eq!(lags(0), [9, 2, 0]);
        assert_eq!(curves.point(2, 0), None);
        assert_eq!(lags(1), [4, 4, 1]);
        assert_eq!(curves.total_lag(2), 0);
    }
}
