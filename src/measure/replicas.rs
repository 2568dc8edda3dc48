//! What the autoscaler did: how many replicas there were when, and which changes it took back at once.

use serde::Serialize;

use crate::platform::DOWNSCALE_STABILISATION;
use crate::scenario::Scenario;
use crate::sim::Fact;
use crate::units::SimTime;

/// The replicas of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replicas {
    /// At the start.
    pub initial: u32,
    /// Most.
    pub max: u32,
    /// Fewest.
    pub min: u32,
    /// Mean over the time of the run.
    pub mean: f64,
    /// At the end.
    #[serde(rename = "final")]
    pub last: u32,
    /// How often their number changed.
    pub change_count: u64,
    /// How often a scale-down was taken back: the next change came within 300 s, Kubernetes' default window of
    /// stabilisation, and was a scale-up.
    pub taken_back_count: u64,
    /// Every change.
    pub changes: Vec<Scaling>,
}

/// A change of the number of replicas.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scaling {
    /// When (s).
    pub time_s: f64,
    /// How many there were.
    pub from: u32,
    /// How many there were to be.
    pub to: u32,
    /// Why: `activated`, `cooled-down`, `below-minimum`, `above-maximum`, `above-target`,
    /// `was-above-target`, `below-target`.
    pub reason: &'static str,
    /// What the autoscaler made of the lag (records); none if it did not look.
    pub lag: Option<i64>,
}

/// Folds the changes of replicas.
#[derive(Clone, Debug)]
pub struct ReplicaHistory {
    initial: u32,
    changes: Vec<(SimTime, Scaling)>,
}

impl ReplicaHistory {
    /// Nothing changed yet; none if nothing could.
    pub fn new(scenario: &Scenario) -> Option<Self> {
        scenario.deployment.as_ref()?;
        let processes = scenario.group.processes.iter();
        Some(ReplicaHistory {
            initial: processes.filter(|one| one.start.is_some()).count() as u32,
            changes: Vec::new(),
        })
    }

    /// Takes a fact.
    pub fn observe(&mut self, at: SimTime, fact: &Fact) {
        if let Fact::Scaled {
            from,
            to,
            reason,
            lag,
        } = fact
        {
            let change = Scaling {
                time_s: at.as_secs_f64(),
                from: *from,
                to: *to,
                reason: reason.name(),
                lag: *lag,
            };
            self.changes.push((at, change));
        }
    }

    /// The figures of a run that ends at `end`.
    pub fn finish(self, end: SimTime) -> Replicas {
        let counts = || {
            let first = std::iter::once((SimTime::ZERO, self.initial));
            first.chain(self.changes.iter().map(|(at, change)| (*at, change.to)))
        };
        let ends = counts().skip(1).map(|(at, _)| at).chain([end]);
        let pod_seconds: f64 = counts()
            .zip(ends)
            .map(|((from, count), to)| f64::from(count) * to.since(from).as_secs_f64())
            .sum();
        let length = end.since(SimTime::ZERO).as_secs_f64();
        let mut replicas = Replicas {
            initial: self.initial,
            max: counts().map(|(_, count)| count).max().unwrap_or(0),
            min: counts().map(|(_, count)| count).min().unwrap_or(0),
            mean: if length > 0.0 {
                pod_seconds / length
            } else {
                f64::from(self.initial)
            },
            last: self
                .changes
                .last()
                .map_or(self.initial, |(_, change)| change.to),
            change_count: self.changes.len() as u64,
            taken_back_count: 0,
            changes: self
                .changes
                .iter()
                .map(|(_, change)| change.clone())
                .collect(),
        };
        replicas.taken_back_count = replicas.taken_back().count() as u64;
        replicas
    }
}

impl Replicas {
    /// Scale-downs that were taken back, each with the scale-up that did it.
    pub fn taken_back(&self) -> impl Iterator<Item = (&Scaling, &Scaling)> {
        let window = DOWNSCALE_STABILISATION.as_secs_f64();
        let pairs = self.changes.iter().zip(self.changes.iter().skip(1));
        pairs.filter(move |(down, up)| {
            down.to < down.from && up.to > up.from && up.time_s - down.time_s <= window
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ScaleReason;

    /// 2 at the start, then at each time so many.
    fn history(changes: &[(u64, u32)]) -> Replicas {
        let mut history = ReplicaHistory {
            initial: 2,
            changes: Vec::new(),
        };
        let mut from = 2;
        for (at, to) in changes {
            let fact = Fact::Scaled {
                from,
                to: *to,
                reason: ScaleReason::AboveTarget,
                lag: Some(7),
            };
            history.observe(SimTime::from_secs(*at), &fact);
            from = *to;
        }
        history.finish(SimTime::from_secs(1_000))
    }

    #[test]
    fn figures_are_over_the_time_of_the_run() {
        let replicas = history(&[(100, 6), (500, 1)]);
        let Replicas {
            initial,
            max,
            min,
            last,
            ..
        } = replicas;
        assert_eq!((initial, max, min, last), (2, 6, 1, 1));
        // 2 x 100 s + 6 x 400 s + 1 x 500 s.
        assert_eq!(replicas.mean, 3.1);
        assert_eq!(history(&[]).mean, 2.0);
    }

    #[test]
    fn a_scale_down_is_taken_back_by_a_scale_up_within_the_window() {
        let taken_back = |changes| history(changes).taken_back_count;
        assert_eq!(taken_back(&[(100, 1), (400, 2), (430, 1), (445, 2)]), 2);
        assert_eq!(taken_back(&[(100, 1), (401, 2)]), 0);
        assert_eq!(taken_back(&[(100, 3), (120, 2), (140, 1)]), 0);
        assert_eq!(taken_back(&[(100, 3), (120, 2)]), 0);
    }
}
