//! The answer of an experiment: what must come out, in which cases, and against which others. Not for judging it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::metric::{Expectation, Metric};

/// What must come out in some of the cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// By axis, the index of the value that it is about; all values where none.
    pub cases: Vec<Option<usize>>,
    /// What must be so in each of them.
    pub claim: Claim,
}

/// What must be so in a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Claim {
    /// The mean over the replications is within bounds.
    Mean(Expectation),
    /// The figure is within bounds that another case sets, by what the pairs of replications tell of both.
    Against {
        /// By axis, the index of the value that the other case has; the same value where none.
        base: Vec<Option<usize>>,
        /// The figure and its bounds.
        expectation: Expectation<Relation>,
    },
}

/// A bound by what the figure is in another case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Relation {
    /// So many times as much, more than 0.
    Times(f64),
    /// So much more; less where it is below 0.
    Plus(f64),
}

impl Relation {
    /// The bound where the other case has `figure`.
    pub fn of(self, figure: f64) -> f64 {
        match self {
            Relation::Times(factor) => factor * figure,
            Relation::Plus(more) => figure + more,
        }
    }
}

/// Only relations of the same kind have an order.
impl PartialOrd for Relation {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Relation::Times(one), Relation::Times(two))
            | (Relation::Plus(one), Relation::Plus(two)) => one.partial_cmp(two),
            _ => None,
        }
    }
}

impl Answer {
    /// The figure.
    pub fn metric(&self) -> &Metric {
        match &self.claim {
            Claim::Mean(expectation) => &expectation.metric,
            Claim::Against { expectation, .. } => &expectation.metric,
        }
    }

    /// The figure and its bounds as the file writes them: `max-lag below 0.5 times`.
    pub fn text(&self) -> &str {
        match &self.claim {
            Claim::Mean(expectation) => &expectation.text,
            Claim::Against { expectation, .. } => &expectation.text,
        }
    }

    /// Whether it is about the case in which the axes have these values, by their index. A case is never against itself.
    pub fn is_about(&self, point: &[usize]) -> bool {
        let wanted = self.cases.iter().zip(point);
        let meant = |(wanted, at): (&Option<usize>, &usize)| wanted.is_none_or(|one| one == *at);
        wanted.clone().all(meant) && self.other(point).is_none_or(|other| other != point)
    }

    /// The values of the case that the one with these values is held against, if any.
    pub fn other(&self, point: &[usize]) -> Option<Vec<usize>> {
        match &self.claim {
            Claim::Mean(_) => None,
            Claim::Against { base, .. } => {
                let values = base.iter().zip(point);
                Some(values.map(|(own, at)| own.unwrap_or(*at)).collect())
            }
        }
    }
}
