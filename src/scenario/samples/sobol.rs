//! Sobol's sequence: points of which any first 2^n fill every axis evenly, and pairs of axes nearly so.

/// Axes there are direction numbers for.
pub const MOST_AXES: usize = 21;

/// Bits of a coordinate; the sequence has 2^32 points.
const BITS: usize = 32;

/// By axis from the second on: the coefficients of its primitive polynomial over GF(2) without the first and the last,
/// as bits, and its first direction numbers. From S. Joe and F. Y. Kuo, Constructing Sobol sequences with better
/// two-dimensional projections, SIAM J. Sci. Comput. 30 (2008), the file new-joe-kuo-6.21201.
const DIRECTIONS: [(u32, &[u32]); MOST_AXES - 1] = [
    (0, &[1]),
    (1, &[1, 3]),
    (1, &[1, 3, 1]),
    (2, &[1, 1, 1]),
    (1, &[1, 1, 3, 3]),
    (4, &[1, 3, 5, 13]),
    (2, &[1, 1, 5, 5, 17]),
    (4, &[1, 1, 5, 5, 5]),
    (7, &[1, 1, 7, 11, 19]),
    (11, &[1, 1, 5, 1, 1]),
    (13, &[1, 1, 1, 3, 11]),
    (14, &[1, 3, 5, 5, 31]),
    (1, &[1, 3, 3, 9, 7, 49]),
    (13, &[1, 1, 1, 15, 21, 21]),
    (16, &[1, 3, 1, 13, 27, 49]),
    (19, &[1, 1, 1, 15, 7, 5]),
    (22, &[1, 3, 1, 15, 13, 25]),
    (25, &[1, 1, 5, 5, 19, 61]),
    (1, &[1, 3, 7, 11, 23, 15, 103]),
    (4, &[1, 3, 7, 13, 13, 15, 69]),
];

/// The first `count` coordinates of an axis, in units of 2^-32; none beyond [`MOST_AXES`]. Consecutive points differ in
/// one direction (Antonov and Saleev 1979).
pub fn coordinates(axis: usize, count: usize) -> Option<Vec<u32>> {
    let directions = directions(axis)?;
    let mut coordinates = Vec::with_capacity(count);
    let mut own = 0;
    for n in 0..count {
        coordinates.push(own);
        own ^= directions[n.trailing_ones() as usize % BITS];
    }
    Some(coordinates)
}

fn directions(axis: usize) -> Option<[u32; BITS]> {
    let mut directions = [0; BITS];
    if axis == 0 {
        for (bit, direction) in directions.iter_mut().enumerate() {
            *direction = 1 << (BITS - 1 - bit);
        }
        return Some(directions);
    }
    let (polynomial, first) = DIRECTIONS.get(axis - 1)?;
    let degree = first.len();
    for bit in 0..BITS {
        directions[bit] = match first.get(bit) {
            Some(number) => number << (BITS - 1 - bit),
            None => {
                let last = directions[bit - degree];
                let between = (1..degree).filter(|k| polynomial >> (degree - 1 - k) & 1 == 1);
                between.fold(last ^ (last >> degree), |sum, k| sum ^ directions[bit - k])
            }
        };
    }
    Some(directions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(n: usize, axes: usize) -> Vec<f64> {
        let unit = 2_f64.powi(-32);
        let own = |axis| f64::from(coordinates(axis, n + 1).unwrap()[n]) * unit;
        (0..axes).map(own).collect()
    }

    /// The first points as Joe and Kuo publish them beside their direction numbers.
    #[test]
    fn the_first_points_are_those_that_joe_and_kuo_publish() {
        let published = [
            [0.0, 0.0, 0.0],
            [0.5, 0.5, 0.5],
            [0.75, 0.25, 0.25],
            [0.25, 0.75, 0.75],
            [0.375, 0.375, 0.625],
            [0.875, 0.875, 0.125],
            [0.625, 0.125, 0.875],
            [0.125, 0.625, 0.375],
            [0.1875, 0.3125, 0.9375],
            [0.6875, 0.8125, 0.4375],
        ];
        for (n, own) in published.iter().enumerate() {
            assert_eq!(point(n, 3), own, "point {n}");
        }
    }

    #[test]
    fn every_axis_has_one_of_the_first_points_in_each_of_as_many_equal_parts() {
        for axis in 0..MOST_AXES {
            for power in [1, 4, 8, 12] {
                let mut parts: Vec<u32> = coordinates(axis, 1 << power)
                    .unwrap()
                    .iter()
                    .map(|own| own >> (32 - power))
                    .collect();
                parts.sort_unstable();
                assert!(parts.iter().copied().eq(0..1 << power), "axis {axis}");
            }
        }
        assert_eq!(coordinates(MOST_AXES, 4), None);
    }

    /// Any two axes are a (t, m, 2)-net with a small t: here every box of 1/8 by 1/8 has points among the first 4096.
    #[test]
    fn any_two_axes_leave_no_corner_empty() {
        for one in 0..MOST_AXES {
            for other in 0..one {
                let (a, b) = (coordinates(one, 4_096), coordinates(other, 4_096));
                let mut seen = [0_u32; 64];
                for (a, b) in a.unwrap().iter().zip(b.unwrap()) {
                    seen[(a >> 29 << 3 | b >> 29) as usize] += 1;
                }
                assert!(seen.iter().all(|n| *n == 64), "{one} {other}: {seen:?}");
            }
        }
    }
}
