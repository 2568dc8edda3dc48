//! Lag and age as figures: maximum, time-weighted mean, final. Folds over the samples; nothing is stored per sample.

use serde::Serialize;

use super::curves::lag_of;
use crate::kafka::ConsumerProperties;
use crate::sim::{BACKLOG_POLLS, PartitionState, Sample};
use crate::units::SimTime;

/// Lag of a partition, or of all together, over a run (records). Seen at the instants of the sample grid.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LagFigures {
    /// At the start, or when the partition was added.
    pub initial: u64,
    /// The highest.
    pub max: u64,
    /// When it was first that high (s).
    pub max_at_s: f64,
    /// Time-weighted mean (linear between two samples).
    pub mean: f64,
    /// At the end.
    #[serde(rename = "final")]
    pub last: u64,
}

/// Age of the oldest record that is not committed, over a run (s); 0 while there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgeFigures {
    /// The highest.
    pub max: f64,
    /// When it was first that high (s).
    pub max_at_s: f64,
    /// Time-weighted mean (linear between two samples).
    pub mean: f64,
    /// At the end.
    #[serde(rename = "final")]
    pub last: f64,
}

/// Folds one curve of lag and one of age.
#[derive(Clone, Debug)]
struct Curve {
    from: SimTime,
    last_at: SimTime,
    lag: LagFigures,
    age: AgeFigures,
    /// Twice the area below the lag curve (records x ns): whole numbers, so the order of adding does not matter.
    lag_area: u128,
    age_area: f64,
}

impl Curve {
    fn new(at: SimTime, lag: u64, age: f64) -> Self {
        Curve {
            from: at,
            last_at: at,
            lag: LagFigures {
                initial: lag,
                max: lag,
                max_at_s: at.as_secs_f64(),
                mean: 0.0,
                last: lag,
            },
            age: AgeFigures {
                max: age,
                max_at_s: at.as_secs_f64(),
                mean: 0.0,
                last: age,
            },
            lag_area: 0,
            age_area: 0.0,
        }
    }

    fn push(&mut self, at: SimTime, lag: u64, age: f64) {
        let step = at.since(self.last_at);
        self.lag_area +=
            u128::from(step.as_nanos()) * (u128::from(self.lag.last) + u128::from(lag));
        self.age_area += step.as_secs_f64() * (self.age.last + age) / 2.0;
        self.last_at = at;
        self.lag.last = lag;
        self.age.last = age;
        if lag > self.lag.max {
            self.lag.max = lag;
            self.lag.max_at_s = at.as_secs_f64();
        }
        if age > self.age.max {
            self.age.max = age;
            self.age.max_at_s = at.as_secs_f64();
        }
    }

    fn figures(&self) -> (LagFigures, AgeFigures) {
        let (mut lag, mut age) = (self.lag.clone(), self.age.clone());
        let length = self.last_at.since(self.from);
        if length.is_zero() {
            (lag.mean, age.mean) = (lag.last as f64, age.last);
        } else {
            lag.mean = self.lag_area as f64 / 2.0 / length.as_nanos() as f64;
            age.mean = self.age_area / length.as_secs_f64();
        }
        (lag, age)
    }
}

/// When the group fell behind and when it had caught up again.
///
/// A partition is *behind* at a sample while it is not `keeping-up` and its lag exceeds what one poll takes (max.poll.records,
/// but not more than its default of 500: a poll may be larger than a backlog); one of a retry topic by its lag alone. A group of
/// few members is so too while the partitions that are not `keeping-up` have more lag together than four polls of each member
/// take. The run is *drained* at the first sample at which nothing is behind, and all is committed that the log held when the
/// total lag was at its highest in a time when something was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drain {
    /// First sample at which it was behind.
    pub behind_from: Option<SimTime>,
    /// First sample after the highest total lag at which it was drained.
    pub drained_at: Option<SimTime>,
}

/// Follows what is to be drained.
#[derive(Clone, Debug, Default)]
struct Backlog {
    drain: Drain,
    /// Highest total lag while something was behind.
    highest: u64,
    /// Where the logs ended then.
    ends: Vec<u64>,
}

impl Backlog {
    fn push(&mut self, at: SimTime, total: u64, behind: bool, samples: &[Sample]) {
        if behind {
            self.drain.behind_from.get_or_insert(at);
            if total > self.highest {
                self.highest = total;
                self.drain.drained_at = None;
                self.ends.clear();
                self.ends.extend(samples.iter().map(|own| own.log_end));
            }
        } else if self.drain.behind_from.is_some() && self.drain.drained_at.is_none() {
            let done = |(own, end): (&Sample, &u64)| own.committed.unwrap_or(0) >= *end;
            if samples.iter().zip(&self.ends).all(done) {
                self.drain.drained_at = Some(at);
            }
        }
    }
}

/// Folds the samples of every partition.
#[derive(Clone, Debug)]
pub struct Lags {
    poll: u64,
    members: u64,
    /// Whether records wait for their time, so that a member keeps up with more than a poll takes.
    waits: bool,
    partitions: Vec<Curve>,
    total: Option<Curve>,
    backlog: Backlog,
    /// First sample without lag after the last one with it.
    through_at: Option<SimTime>,
}

impl Lags {
    /// Nothing seen yet; `poll` is what one poll takes at most (records), of so many `members`. A topic whose records wait for
    /// their time is behind with more than that, whatever its members do.
    pub fn new(poll: u64, members: usize, waits: bool) -> Self {
        Lags {
            poll: poll.min(ConsumerProperties::USUAL_POLL),
            members: members.max(1) as u64,
            waits,
            partitions: Vec::new(),
            total: None,
            backlog: Backlog::default(),
            through_at: None,
        }
    }

    /// Takes the samples of an instant.
    pub fn push(&mut self, at: SimTime, samples: &[Sample]) {
        let (mut total, mut left, mut oldest, mut behind) = (0, 0, 0.0_f64, false);
        for (ix, sample) in samples.iter().enumerate() {
            let (lag, age) = (lag_of(sample), sample.age_s.unwrap_or(0.0));
            match self.partitions.get_mut(ix) {
                Some(curve) => curve.push(at, lag, age),
                None => self.partitions.push(Curve::new(at, lag, age)),
            }
            total += lag;
            oldest = oldest.max(age);
            let keeps_up = sample.state == PartitionState::KeepingUp && !self.waits;
            if !keeps_up {
                left += lag;
                behind |= lag > self.poll;
            }
        }
        let before = self.total.as_ref().map_or(0, |curve| curve.lag.last);
        if total > 0 {
            self.through_at = None;
        } else if before > 0 {
            self.through_at = Some(at);
        }
        match &mut self.total {
            Some(curve) => curve.push(at, total, oldest),
            None => self.total = Some(Curve::new(at, total, oldest)),
        }
        behind |= !self.waits && left > self.poll * BACKLOG_POLLS * self.members;
        self.backlog.push(at, total, behind, samples);
    }

    /// Figures of each partition.
    pub fn partitions(&self) -> Vec<(LagFigures, AgeFigures)> {
        self.partitions.iter().map(Curve::figures).collect()
    }

    /// Figures of the sum of all lags, and of the highest of all ages.
    pub fn total(&self) -> (LagFigures, AgeFigures) {
        self.total.as_ref().map(Curve::figures).unwrap_or_default()
    }

    /// First sample from which on there is no lag; none if there is some at the end, or never was.
    pub fn through_at(&self) -> Option<SimTime> {
        self.through_at
    }

    /// When the group fell behind, and caught up.
    pub fn drain(&self) -> Drain {
        self.backlog.drain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(lag: u64, age_s: f64, state: PartitionState) -> Sample {
        Sample {
            log_end: 100 + lag,
            committed: Some(100),
            position: 100,
            age_s: (lag > 0).then_some(age_s),
            state,
        }
    }

    #[test]
    fn a_topic_is_through_at_the_first_sample_without_lag_that_none_with_lag_follows() {
        let through = |samples: &[u64]| {
            let mut lags = Lags::new(500, 1, false);
            for (second, lag) in samples.iter().enumerate() {
                let one = sample(*lag, 4.0, PartitionState::KeepingUp);
                lags.push(SimTime::from_secs(second as u64), &[one]);
            }
            lags.through_at().map(SimTime::as_secs_f64)
        };
        assert_eq!(through(&[0, 3, 0, 2, 1, 0, 0]), Some(5.0));
        assert_eq!(through(&[0, 3, 0, 1]), None);
        assert_eq!(through(&[0, 0]), None, "there never was anything");
    }

    #[test]
    fn the_mean_weighs_by_time_and_not_by_sample() {
        let mut lags = Lags::new(500, 1, false);
        for (second, lag) in [(0, 0), (10, 100), (11, 100), (12, 100)] {
            let one = sample(lag, 4.0, PartitionState::Saturated);
            lags.push(SimTime::from_secs(second), &[one, one]);
        }
        let (lag, age) = lags.total();
        assert_eq!(
            (lag.initial, lag.max, lag.max_at_s, lag.last),
            (0, 200, 10.0, 200)
        );
        assert!((lag.mean - (10.0 * 100.0 + 2.0 * 200.0) / 12.0).abs() < 1e-9);
        assert!((age.mean - (10.0 * 2.0 + 2.0 * 4.0) / 12.0).abs() < 1e-9);
    }

    #[test]
    fn drained_means_after_the_highest_lag_and_not_after_the_first() {
        use PartitionState::{KeepingUp, Saturated};
        let mut lags = Lags::new(500, 1, false);
        let story = [
            (0, 900, 0, Saturated),
            (1, 910, 900, KeepingUp),
            (2, 6_000, 1_000, Saturated),
            (3, 10_000, 1_000, Saturated),
            (4, 10_400, 9_999, Saturated), // A poll takes what is left, but a record is of those that were there.
            (5, 10_500, 10_050, Saturated),
            (6, 10_500, 10_500, KeepingUp),
        ];
        let mut drains = Vec::new();
        for (second, log_end, committed, state) in story {
            let one = Sample {
                log_end,
                committed: Some(committed),
                ..sample(0, 1.0, state)
            };
            lags.push(SimTime::from_secs(second), &[one]);
            drains.push(lags.drain().drained_at.map(SimTime::as_secs_f64));
        }
        assert_eq!(lags.drain().behind_from, Some(SimTime::ZERO));
        let (first, last) = (Some(1.0), Some(5.0));
        assert_eq!(drains, [None, first, None, None, None, last, last]);
    }

    #[test]
    fn a_poll_larger_than_the_backlog_does_not_make_it_none() {
        use PartitionState::{KeepingUp, Rebalancing, Saturated};
        let mut lags = Lags::new(5_000, 4, false);
        let story = [(1_667, Rebalancing), (1_667, Saturated), (20, KeepingUp)];
        for (second, (left, state)) in (0..).zip(story) {
            let one = Sample {
                log_end: 1_667 + 20 * second,
                committed: Some(1_667 + 20 * second - left),
                ..sample(0, 1.0, state)
            };
            lags.push(SimTime::from_secs(second), &[one; 12]);
        }
        assert_eq!(lags.drain().behind_from, Some(SimTime::ZERO));
        assert_eq!(lags.drain().drained_at, Some(SimTime::from_secs(2)));
    }

    #[test]
    fn records_that_wait_for_their_time_are_behind_until_a_poll_takes_them() {
        let mut lags = Lags::new(20, 1, true);
        for (second, lag) in [(0, 0), (1, 40), (2, 90), (3, 5), (4, 0), (5, 1)] {
            let log_end = 100 + 45 * second;
            let one = Sample {
                log_end,
                committed: Some(log_end - lag),
                ..sample(0, 1.0, PartitionState::KeepingUp)
            };
            lags.push(SimTime::from_secs(second), &[one]);
        }
        assert_eq!(lags.drain().behind_from, Some(SimTime::from_secs(1)));
        assert_eq!(lags.drain().drained_at, Some(SimTime::from_secs(3)));
    }

    #[test]
    fn a_backlog_over_many_partitions_is_one_although_a_poll_takes_that_of_each() {
        let drain = |left: [u64; 3]| {
            let mut lags = Lags::new(500, 2, false);
            for (second, left) in (0..).zip(left) {
                let one = Sample {
                    log_end: 1_000 + second,
                    committed: Some(1_000 + second - left),
                    ..sample(0, 1.0, PartitionState::Saturated)
                };
                lags.push(SimTime::from_secs(second), &[one; 10]);
            }
            let Drain {
                behind_from,
                drained_at,
            } = lags.drain();
            [behind_from, drained_at].map(|at| at.map(SimTime::as_secs_f64))
        };
        assert_eq!(
            drain([400, 300, 0]),
            [None, None],
            "four polls of two members"
        );
        assert_eq!(drain([401, 300, 2]), [Some(0.0), Some(2.0)]);
    }

    #[test]
    fn less_than_a_poll_is_not_behind() {
        let mut lags = Lags::new(500, 1, false);
        lags.push(SimTime::ZERO, &[sample(500, 1.0, PartitionState::Starting)]);
        assert_eq!(lags.drain(), Drain::default());
    }
}
