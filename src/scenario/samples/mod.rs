//! Where the samples of an experiment lie: coordinates from 0 to 1 on each of its axes, a function of the experiment's
//! seed, the axis and the sample, and of nothing else. Not for what a coordinate means: the check of axes knows.

mod sobol;

use serde::{Deserialize, Serialize};

use crate::engine::{Address, Purpose};

/// Most axes of a Sobol sequence.
pub const MOST_SOBOL_AXES: usize = sobol::MOST_AXES;

/// How samples are spread over the ranges of the axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Each axis is cut into as many equal parts as there are samples, and each part has one of them (McKay, Beckman
    /// and Conover 1979).
    LatinHypercube,
    /// Each by itself.
    Random,
    /// Sobol's sequence, moved as a whole by a random digital shift (Cranley and Patterson's idea in base 2).
    Sobol,
}

/// So many samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// How they are spread.
    pub method: Method,
    /// How many there are.
    pub count: usize,
    /// Seed of their draws.
    pub seed: u64,
}

impl Method {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Method::LatinHypercube => "Latin hypercube",
            Method::Random => "random",
            Method::Sobol => "Sobol",
        }
    }
}

impl Samples {
    /// By sample, the coordinate on the axis of this number that varies `key`, from 0 up to below 1; none for an axis
    /// beyond [`MOST_SOBOL_AXES`] of a Sobol sequence.
    pub fn coordinates(&self, axis: usize, key: &str) -> Option<Vec<f64>> {
        let draws = Address::new(self.seed, 0, Purpose::Sample, key);
        let numbers = 0..self.count as u64;
        match self.method {
            Method::Random => Some(numbers.map(|n| draws.uniform(0, n)).collect()),
            Method::LatinHypercube => {
                let parts = shuffled(self.count, draws);
                let place = |(n, part): (u64, usize)| {
                    let inside = draws.uniform(0, n);
                    // The sum of a large part and a place close to 1 rounds to the next part.
                    let end = (part as f64 + 1.0).next_down();
                    (part as f64 + inside).min(end) / self.count as f64
                };
                Some(numbers.zip(parts).map(place).collect())
            }
            Method::Sobol => {
                let shift = draws.bits(2, 0) as u32;
                let own = sobol::coordinates(axis, self.count)?;
                let unit = 2_f64.powi(-32);
                // In the middle of the smallest part, so that none is at an end.
                let place = |own: u32| (f64::from(own ^ shift) + 0.5) * unit;
                Some(own.into_iter().map(place).collect())
            }
        }
    }
}

/// The numbers below `count` in a random order (Fisher and Yates).
fn shuffled(count: usize, draws: Address) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let bits = u128::from(draws.bits(1, last as u64));
        let other = ((bits * (last as u128 + 1)) >> 64) as usize;
        order.swap(last, other);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(method: Method, count: usize) -> Samples {
        Samples {
            method,
            count,
            seed: 7,
        }
    }

    fn parts_hit(coordinates: &[f64], parts: usize) -> Vec<usize> {
        let mut hit = vec![0; parts];
        for own in coordinates {
            assert!((0.0..1.0).contains(own), "{own}");
            hit[(own * parts as f64) as usize] += 1;
        }
        hit
    }

    #[test]
    fn a_latin_hypercube_hits_each_part_of_each_axis_once() {
        for count in [1, 2, 7, 200, 4_096] {
            for key in ["group.members", "topic.partitions", "processing.time"] {
                let own = samples(Method::LatinHypercube, count).coordinates(0, key);
                let hit = parts_hit(&own.unwrap(), count);
                assert!(hit.iter().all(|n| *n == 1), "{count} of {key}: {hit:?}");
            }
        }
    }

    #[test]
    fn a_shifted_sobol_sequence_hits_each_part_of_each_axis_once() {
        for axis in 0..MOST_SOBOL_AXES {
            let own = samples(Method::Sobol, 256).coordinates(axis, "key");
            let hit = parts_hit(&own.unwrap(), 256);
            assert!(hit.iter().all(|n| *n == 1), "axis {axis}: {hit:?}");
        }
        let beyond = samples(Method::Sobol, 256).coordinates(MOST_SOBOL_AXES, "key");
        assert_eq!(beyond, None);
    }

    #[test]
    fn random_samples_are_even_in_the_long_run_and_more_of_them_begin_with_the_same() {
        let few = samples(Method::Random, 100).coordinates(0, "key").unwrap();
        let many = samples(Method::Random, 10_000)
            .coordinates(3, "key")
            .unwrap();
        assert_eq!(few, many[..100]);
        // 1,000 expected in each of ten parts, with a deviation of 30.
        let hit = parts_hit(&many, 10);
        assert!(hit.iter().all(|n| (880..1_120).contains(n)), "{hit:?}");
    }

    #[test]
    fn axes_and_seeds_have_draws_of_their_own() {
        for method in [Method::LatinHypercube, Method::Random, Method::Sobol] {
            let own = samples(method, 16);
            let other = Samples { seed: 8, ..own };
            assert_ne!(own.coordinates(0, "a"), own.coordinates(0, "b"));
            assert_ne!(own.coordinates(0, "a"), other.coordinates(0, "a"));
            assert_eq!(own.coordinates(0, "a"), own.coordinates(0, "a"));
        }
    }

    #[test]
    fn two_axes_of_a_latin_hypercube_are_not_in_step() {
        let own = samples(Method::LatinHypercube, 400);
        let (a, b) = (own.coordinates(0, "a"), own.coordinates(1, "b"));
        let (a, b) = (a.unwrap(), b.unwrap());
        let product: f64 = a.iter().zip(&b).map(|(a, b)| (a - 0.5) * (b - 0.5)).sum();
        // Three deviations of a correlation of 400 independent pairs.
        let correlation = product * 12.0 / 400.0;
        assert!(correlation.abs() < 0.15, "{correlation}");
    }
}
