//! The cheapest point of a grid that holds: which points have to be asked, and what may be concluded about the others.
//! Not for what holding means: a function of the caller judges a point.

use std::collections::BTreeMap;

/// A grid of points that have costs. Points are numbered with the last axis running fastest.
#[derive(Clone, Debug)]
pub struct Grid {
    /// How many values each axis has.
    pub sizes: Vec<usize>,
    /// What each point costs; along a monotone axis it never falls.
    pub costs: Vec<f64>,
    /// Axes of which it is assumed that a later value holds whatever an earlier one does.
    pub monotone: Vec<bool>,
}

/// What became of the assumption that axes are monotone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assumption {
    /// Nothing was assumed.
    None,
    /// No point that was judged speaks against it, and the neighbours of the answer were.
    Kept,
    /// A point held and one beyond it did not: every cheaper point was judged instead.
    Broken,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The cheapest point that holds; the lowest number among equals.
    pub plan: Option<usize>,
    /// Points that were judged, and whether they hold.
    pub judged: BTreeMap<usize, bool>,
    /// What became of the assumption.
    pub assumption: Assumption,
}

impl Grid {
    /// The value that each axis has at a point.
    pub fn place(&self, point: usize) -> Vec<usize> {
        let mut rest = point;
        let mut place = vec![0; self.sizes.len()];
        for (size, at) in self.sizes.iter().zip(&mut place).rev() {
            (*at, rest) = (rest % size, rest / size);
        }
        place
    }

    /// Points one step along one axis.
    pub fn neighbours(&self, point: usize) -> Vec<usize> {
        let place = self.place(point);
        let mut found = Vec::new();
        for (axis, at) in place.iter().enumerate() {
            let stride = self.stride(axis);
            if *at > 0 {
                found.push(point - stride);
            }
            if at + 1 < self.sizes[axis] {
                found.push(point + stride);
            }
        }
        found
    }

    fn stride(&self, axis: usize) -> usize {
        self.sizes[axis + 1..].iter().product()
    }

    /// Whether one point comes before another: it is cheaper, or costs the same and has the lower number.
    fn before(&self, one: usize, other: usize) -> bool {
        let order = self.costs[one].total_cmp(&self.costs[other]);
        order.then(one.cmp(&other)).is_lt()
    }

    /// Whether `more` is as far as `less` on every monotone axis, and the same on the others.
    fn covers(&self, more: usize, less: usize) -> bool {
        let (more, less) = (self.place(more), self.place(less));
        let ends = more.iter().zip(&less).zip(&self.monotone);
        ends.into_iter()
            .all(|((more, less), monotone)| more == less || (*monotone && more > less))
    }

    /// What judged points say about another, if the monotone axes are.
    pub fn implied(&self, judged: &BTreeMap<usize, bool>, point: usize) -> Option<bool> {
        judged.iter().find_map(|(other, holds)| match holds {
            true => self.covers(point, *other).then_some(true),
            false => self.covers(*other, point).then_some(false),
        })
    }

    /// Whether a judged point speaks against the monotone axes.
    fn contradicted(&self, judged: &BTreeMap<usize, bool>) -> bool {
        judged.iter().filter(|(_, holds)| **holds).any(|(less, _)| {
            let mut failing = judged.iter().filter(|(_, holds)| !**holds);
            failing.any(|(more, _)| self.covers(*more, *less))
        })
    }

    /// The longest monotone axis.
    fn bisected(&self) -> Option<usize> {
        let axes = (0..self.sizes.len()).filter(|axis| self.monotone[*axis]);
        axes.max_by_key(|axis| (self.sizes[*axis], std::cmp::Reverse(*axis)))
    }
}

/// Finds the cheapest point that holds. `judge` is asked at most once about each point.
pub fn search(grid: &Grid, judge: &mut dyn FnMut(usize) -> bool) -> Found {
    let mut search = Search {
        grid,
        judge,
        judged: BTreeMap::new(),
        plan: None,
    };
    let mut assumption = Assumption::None;
    if let Some(axis) = grid.bisected() {
        assumption = Assumption::Kept;
        search.bisect_lines(axis);
        search.ask_neighbours();
        if grid.contradicted(&search.judged) {
            assumption = Assumption::Broken;
        }
    }
    if assumption != Assumption::Kept {
        search.ask_in_order();
    }
    Found {
        plan: search.plan,
        judged: search.judged,
        assumption,
    }
}

struct Search<'a> {
    grid: &'a Grid,
    judge: &'a mut dyn FnMut(usize) -> bool,
    judged: BTreeMap<usize, bool>,
    plan: Option<usize>,
}

impl Search<'_> {
    fn ask(&mut self, point: usize) -> bool {
        if let Some(holds) = self.judged.get(&point) {
            return *holds;
        }
        let holds = (self.judge)(point);
        self.judged.insert(point, holds);
        if holds && self.plan.is_none_or(|plan| self.grid.before(point, plan)) {
            self.plan = Some(point);
        }
        holds
    }

    /// Bisects each line along `axis`, the line with the cheapest point first, among points before the best known.
    fn bisect_lines(&mut self, axis: usize) {
        let (grid, stride) = (self.grid, self.grid.stride(axis));
        let mut lines: Vec<usize> = (0..grid.costs.len())
            .filter(|point| grid.place(*point)[axis] == 0)
            .collect();
        lines.sort_by(|a, b| grid.costs[*a].total_cmp(&grid.costs[*b]).then(a.cmp(b)));
        for line in lines {
            let point = |at: usize| line + at * stride;
            // Costs never fall along the line: what comes before the best known is its beginning.
            let open = (0..grid.sizes[axis])
                .take_while(|at| self.plan.is_none_or(|plan| grid.before(point(*at), plan)))
                .count();
            let (mut low, mut high) = (0, open);
            while low < high {
                let middle = low + (high - low) / 2;
                let known = grid.implied(&self.judged, point(middle));
                let holds = known.unwrap_or_else(|| self.ask(point(middle)));
                if holds {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
        }
    }

    /// Judges the points around the answer; without one, around the dearest that fails.
    fn ask_neighbours(&mut self) {
        let dearest = || {
            let points = self.judged.keys().copied();
            points.max_by(|a, b| self.grid.costs[*a].total_cmp(&self.grid.costs[*b]))
        };
        let Some(around) = self.plan.or_else(dearest) else {
            return;
        };
        for point in self.grid.neighbours(around) {
            self.ask(point);
        }
    }

    /// Judges every point that comes before the best known, the cheapest first.
    fn ask_in_order(&mut self) {
        let grid = self.grid;
        let mut order: Vec<usize> = (0..grid.costs.len()).collect();
        order.sort_by(|a, b| grid.costs[*a].total_cmp(&grid.costs[*b]).then(a.cmp(b)));
        for point in order {
            if self.plan.is_some_and(|plan| !grid.before(point, plan)) {
                return;
            }
            self.ask(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The answer of asking every point.
    fn enumerated(grid: &Grid, holds: &dyn Fn(usize) -> bool) -> Option<usize> {
        let points = (0..grid.costs.len()).filter(|point| holds(*point));
        points.min_by(|a, b| grid.costs[*a].total_cmp(&grid.costs[*b]).then(a.cmp(b)))
    }

    fn grid(sizes: Vec<usize>, prices: &[u32], monotone: Vec<bool>) -> Grid {
        let points = sizes.iter().product();
        let mut grid = Grid {
            sizes,
            costs: Vec::new(),
            monotone,
        };
        let cost = |point: usize| -> f64 {
            let place = grid.place(point);
            let parts = place.iter().zip(prices);
            parts
                .map(|(at, price)| *at as f64 * f64::from(*price))
                .sum()
        };
        grid.costs = (0..points).map(cost).collect();
        grid
    }

    fn searched(grid: &Grid, holds: &dyn Fn(usize) -> bool) -> (Found, usize) {
        let mut asked = Vec::new();
        let found = search(grid, &mut |point| {
            assert!(!asked.contains(&point), "{point} is asked twice");
            asked.push(point);
            holds(point)
        });
        (found, asked.len())
    }

    proptest! {
        /// Where nothing is assumed the answer is that of asking every point, whatever holds.
        #[test]
        fn without_assumptions_the_answer_is_the_enumerations(
            sizes in prop::collection::vec(1_usize..5, 1..4),
            prices in prop::collection::vec(0_u32..9, 3),
            bits in any::<u64>(),
        ) {
            let axes = sizes.len();
            let grid = grid(sizes, &prices, vec![false; axes]);
            let holds = |point: usize| bits >> (point % 64) & 1 == 1;
            let (found, _) = searched(&grid, &holds);
            prop_assert_eq!(found.plan, enumerated(&grid, &holds));
        }

        /// Where the assumption is true the answer is the same, and it is kept.
        #[test]
        fn of_monotone_axes_the_answer_is_the_enumerations_too(
            sizes in prop::collection::vec(1_usize..6, 3),
            prices in prop::collection::vec(0_u32..9, 3),
            weights in prop::collection::vec(0_usize..4, 3),
            threshold in 0_usize..24,
            other in prop::collection::vec(0_usize..6, 6),
        ) {
            // The last axis is not monotone: each of its values shifts the threshold as it likes.
            let grid = grid(sizes, &prices, vec![true, true, false]);
            let holds = |point: usize| {
                let place = grid.place(point);
                let sum: usize = place[..2].iter().zip(&weights).map(|(at, w)| at * w).sum();
                sum + other[place[2]] >= threshold
            };
            let (found, _) = searched(&grid, &holds);
            prop_assert_eq!(found.plan, enumerated(&grid, &holds));
            prop_assert_eq!(found.assumption, Assumption::Kept);
        }

        /// Where it is false and that comes to light, every cheaper point has been judged.
        #[test]
        fn a_broken_assumption_that_comes_to_light_changes_no_answer(
            bits in any::<u64>(),
            prices in prop::collection::vec(1_u32..9, 2),
        ) {
            let grid = grid(vec![5, 6], &prices, vec![true, true]);
            let holds = |point: usize| bits >> point & 1 == 1;
            let (found, _) = searched(&grid, &holds);
            if found.assumption == Assumption::Broken {
                prop_assert_eq!(found.plan, enumerated(&grid, &holds));
            }
            // What comes out holds in any case.
            prop_assert!(found.plan.is_none_or(holds));
        }
    }

    #[test]
    fn bisection_asks_few_points_of_a_large_grid() {
        let grid = grid(vec![40, 60], &[3, 2], vec![true, true]);
        let holds = |point: usize| {
            let place = grid.place(point);
            place[0] * 2 + place[1] >= 50
        };
        let (found, asked) = searched(&grid, &holds);
        assert_eq!(found.plan, enumerated(&grid, &holds));
        assert!(asked < 120, "{asked} of 2,400");
    }
}
