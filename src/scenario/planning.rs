//! What the cheapest case of an experiment is looked for by: prices and requirements. Not for looking.

use super::metric::Expectation;

/// A search for the cheapest case that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Planning {
    /// By axis and value: what it adds to the cost of a case.
    pub prices: Vec<Vec<f64>>,
    /// By axis: whether more of it never hurts.
    pub monotone: Vec<bool>,
    /// What must hold, the most important first; never empty.
    pub holds: Vec<Hold>,
}

/// A requirement.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// The figure and its bounds.
    pub expectation: Expectation,
    /// The share of the replications that meet it, above 0 and at most 1.
    pub share: f64,
}

impl Planning {
    /// What a case costs, by the value that each axis has in it.
    pub fn cost(&self, point: &[usize]) -> f64 {
        let parts = self.prices.iter().zip(point);
        parts
            .map(|(prices, at)| prices.get(*at).copied().unwrap_or(0.0))
            .sum()
    }
}

impl Hold {
    /// 1 where less is nearer to holding, -1 where more is.
    pub fn sign(&self) -> f64 {
        match self.expectation.below {
            Some(_) => 1.0,
            None => -1.0,
        }
    }
}
