//! Which combinations of the values of an experiment's axes are its cases. Not for the values.

use serde::{Deserialize, Serialize};

use super::samples::Method;

/// Which combinations of values are cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Design {
    /// All of them, numbered from 0 with the last axis running fastest.
    #[default]
    Grid,
    /// Samples of them.
    Samples(Sampled),
}

/// Samples of the space that the axes span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampled {
    /// How they were spread.
    pub method: Method,
    /// How many there were; those that came to the same values are one case.
    pub count: usize,
    /// By case, the value of each axis by its index.
    pub points: Vec<Vec<usize>>,
}

impl Design {
    /// How many cases there are of axes with so many values each.
    pub fn cases(&self, sizes: impl Iterator<Item = usize>) -> usize {
        match self {
            Design::Grid => sizes.product(),
            Design::Samples(sampled) => sampled.points.len(),
        }
    }

    /// The value that each axis has in a case, by its index; `sizes` says how many values each has.
    pub fn point(&self, sizes: &[usize], case: usize) -> Vec<usize> {
        match self {
            Design::Grid => grid_point(sizes, case),
            Design::Samples(sampled) => sampled.points.get(case).cloned().unwrap_or_default(),
        }
    }
}

/// The coordinates of point `number` of a grid of these sizes, the last one running fastest.
pub fn grid_point(sizes: &[usize], number: usize) -> Vec<usize> {
    let mut rest = number;
    let mut point = vec![0; sizes.len()];
    for (size, at) in sizes.iter().zip(&mut point).rev() {
        *at = rest % size;
        rest /= size;
    }
    point
}
