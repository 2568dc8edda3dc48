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
    /// The first value of each axis, then each other value by itself.
    Around(Around),
}

/// A model and its neighbours: one number moved at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Around {
    /// By which shares numbers are moved, the lowest first.
    pub steps: Vec<f64>,
    /// By axis and value, how far it is from the model's own, which comes first.
    pub moves: Vec<Vec<Move>>,
    /// What could not be moved.
    pub left_out: Vec<LeftOut>,
}

/// How far a value of an axis is from the model's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Which step was asked for, by its index.
    pub step: usize,
    /// The share by which it is more, or less: other than the step where whole numbers are.
    pub moved: f64,
}

/// A step that is not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Which one.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Around {
    /// The case of the first value of an axis that is not the model's own.
    pub fn first_case(&self, axis: usize) -> usize {
        let before = self.moves.iter().take(axis);
        1 + before.map(|moves| moves.len() - 1).sum::<usize>()
    }
}

/// A share as a step is written: `+10 %`.
pub fn percent_of(share: f64) -> String {
    let percent = format!("{:+.2}", share * 100.0);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
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
            Design::Around(_) => 1 + sizes.map(|size| size.saturating_sub(1)).sum::<usize>(),
        }
    }

    /// The value that each axis has in a case, by its index; `sizes` says how many values each has.
    pub fn point(&self, sizes: &[usize], case: usize) -> Vec<usize> {
        match self {
            Design::Grid => grid_point(sizes, case),
            Design::Samples(sampled) => sampled.points.get(case).cloned().unwrap_or_default(),
            Design::Around(_) => star_point(sizes, case),
        }
    }
}

/// The coordinates of point `number` of a star: the centre, then along each axis what lies beside it.
fn star_point(sizes: &[usize], number: usize) -> Vec<usize> {
    let mut point = vec![0; sizes.len()];
    let mut rest = number;
    for (size, at) in sizes.iter().zip(&mut point) {
        if rest < *size {
            *at = rest;
            break;
        }
        rest -= size - 1;
    }
    point
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

/// The number of the point of a grid of these sizes with such coordinates: the inverse of [`grid_point`].
pub fn grid_number(sizes: &[usize], point: &[usize]) -> usize {
    let steps = sizes.iter().zip(point);
    steps.fold(0, |number, (size, at)| number * size + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_its_centre_and_each_other_value_by_itself() {
        let sizes = [3, 1, 2];
        let moves = |size: usize| vec![Move::default(); size];
        let around = Around {
            moves: sizes.map(moves).to_vec(),
            ..Around::default()
        };
        let firsts = [0, 1, 2].map(|axis| around.first_case(axis));
        assert_eq!(firsts, [1, 3, 3]);
        let design = Design::Around(around);
        assert_eq!(design.cases(sizes.into_iter()), 4);
        let points = [0, 1, 2, 3].map(|case| design.point(&sizes, case));
        assert_eq!(points, [[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 0, 1]]);
    }

    #[test]
    fn a_point_of_a_grid_has_one_number() {
        let sizes = [3, 1, 4];
        for number in 0..12 {
            assert_eq!(grid_number(&sizes, &grid_point(&sizes, number)), number);
        }
    }

    #[test]
    fn steps_are_written_with_their_sign() {
        assert_eq!(percent_of(0.1), "+10 %");
        assert_eq!(percent_of(-0.125), "-12.5 %");
    }
}
