//! How much longer calls take the more of them are in flight. Not how many are: that is the affair of their callers.

/// How many times as long as alone a call takes, by the calls in flight: linear between knots, flat outside. Without knots
/// calls do not feel each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadCurve {
    knots: Vec<(u32, f64)>,
}

impl LoadCurve {
    /// The curve through `knots` of calls in flight (calls, ascending) and factors (from 1 on, dimensionless).
    pub fn from_knots(knots: Vec<(u32, f64)>) -> Self {
        LoadCurve { knots }
    }

    /// Whether calls do not feel each other.
    pub fn is_flat(&self) -> bool {
        self.knots.iter().all(|(_, factor)| *factor == 1.0)
    }

    /// How many times as long as alone a call takes while so many are in flight.
    pub fn factor(&self, calls: u32) -> f64 {
        let above = self.knots.partition_point(|(knot, _)| *knot < calls);
        match (above.checked_sub(1), self.knots.get(above)) {
            (None, first) => first.map_or(1.0, |(_, factor)| *factor),
            (Some(last), None) => self.knots[last].1,
            (Some(below), Some((right, high))) => {
                let (left, low) = self.knots[below];
                let weight = f64::from(calls - left) / f64::from(right - left);
                low + (high - low) * weight
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_linear_between_knots_and_flat_outside() {
        let curve = LoadCurve::from_knots(vec![(20, 1.0), (80, 4.0), (81, 10.0)]);
        for (calls, factor) in [
            (0, 1.0),
            (1, 1.0),
            (20, 1.0),
            (40, 2.0),
            (80, 4.0),
            (81, 10.0),
            (u32::MAX, 10.0),
        ] {
            assert_eq!(curve.factor(calls), factor, "{calls}");
        }
        assert!(!curve.is_flat() && LoadCurve::default().is_flat());
        assert_eq!(LoadCurve::default().factor(7), 1.0);
    }
}
