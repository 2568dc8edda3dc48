//! The rate of production over time and its integral.

use crate::units::SimTime;

/// A corner of a rate curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knot {
    /// When.
    pub at: SimTime,
    /// Rate from here towards the next knot [records/s].
    pub rate: f64,
}

/// A production rate over time, piecewise linear, in records/s over seconds; constant after its last knot.
/// Two knots of one instant are a jump: the earlier is the limit from the left, the later holds at the instant.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// Never empty; the first is at zero, times never fall.
    knots: Vec<Knot>,
    /// Records expected before each knot.
    before: Vec<f64>,
}

impl RateCurve {
    /// Always `rate` [records/s].
    pub fn constant(rate: f64) -> Self {
        Self::from_knots(vec![Knot {
            at: SimTime::ZERO,
            rate,
        }])
    }

    /// Straight lines between `knots` (put in order of time; knots of one instant keep theirs), constant before the
    /// first and after the last. No knot is no production; what is no rate (negative, not finite) counts as zero.
    pub fn from_knots(mut knots: Vec<Knot>) -> Self {
        knots.sort_by_key(|knot| knot.at);
        for knot in &mut knots {
            if !(knot.rate.is_finite() && knot.rate > 0.0) {
                knot.rate = 0.0;
            }
        }
        let first_rate = knots.first().map_or(0.0, |knot| knot.rate);
        if knots.first().is_none_or(|knot| knot.at > SimTime::ZERO) {
            let start = Knot {
                at: SimTime::ZERO,
                rate: first_rate,
            };
            knots.insert(0, start);
        }
        let mut before = Vec::with_capacity(knots.len());
        let mut sum = 0.0;
        before.push(sum);
        for pair in knots.windows(2) {
            sum += (pair[0].rate + pair[1].rate) / 2.0 * seconds(pair[0].at, pair[1].at);
            before.push(sum);
        }
        RateCurve { knots, before }
    }

    /// Its corners, in order of time; the first is at zero.
    pub fn knots(&self) -> &[Knot] {
        &self.knots
    }

    /// The rate at `at` [records/s].
    pub fn rate_at(&self, at: SimTime) -> f64 {
        let segment = self.segment_at(at);
        let knot = self.knots[segment];
        knot.rate + self.slope(segment) * seconds(knot.at, at)
    }

    /// How many records are expected by `at`.
    pub fn integral(&self, at: SimTime) -> f64 {
        let segment = self.segment_at(at);
        let knot = self.knots[segment];
        let elapsed = seconds(knot.at, at);
        let inside = elapsed * (knot.rate + self.slope(segment) * elapsed / 2.0);
        let sum = self.before[segment] + inside.max(0.0);
        // Rounding must not carry an instant past the next knot: the clock of arrivals relies on order.
        self.before
            .get(segment + 1)
            .map_or(sum, |next| sum.min(*next))
    }

    /// Index of the line that holds at `at`.
    pub(super) fn segment_at(&self, at: SimTime) -> usize {
        self.knots.partition_point(|knot| knot.at <= at) - 1
    }

    /// Records expected before knot `index`.
    pub(super) fn before(&self, index: usize) -> f64 {
        self.before[index]
    }

    /// Change of the rate along line `segment` [records/s per s].
    pub(super) fn slope(&self, segment: usize) -> f64 {
        let Some(next) = self.knots.get(segment + 1) else {
            return 0.0;
        };
        let knot = self.knots[segment];
        if next.at == knot.at || next.rate == knot.rate {
            return 0.0;
        }
        (next.rate - knot.rate) / seconds(knot.at, next.at)
    }
}

fn seconds(from: SimTime, to: SimTime) -> f64 {
    to.since(from).as_secs_f64()
}

/// The smallest root of `rate * t + half_slope * t^2 = amount`, without cancellation; infinite or not a number if none.
pub(super) fn elapsed_for(amount: f64, rate: f64, half_slope: f64) -> f64 {
    if half_slope == 0.0 {
        return amount / rate;
    }
    let discriminant = rate * rate + 4.0 * half_slope * amount;
    2.0 * amount / (rate + discriminant.max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(corners: &[(u64, f64)]) -> RateCurve {
        let knot = |&(secs, rate): &(u64, f64)| Knot {
            at: SimTime::from_secs(secs),
            rate,
        };
        RateCurve::from_knots(corners.iter().map(knot).collect())
    }

    fn rates(curve: &RateCurve, instants: &[u64]) -> Vec<f64> {
        instants
            .iter()
            .map(|secs| curve.rate_at(SimTime::from_secs(*secs)))
            .collect()
    }

    #[test]
    fn a_curve_is_straight_between_knots_and_level_outside() {
        let curve = curve(&[(10, 100.0), (20, 200.0), (20, 50.0)]);
        assert_eq!(
            rates(&curve, &[0, 10, 15, 20, 99]),
            [100.0, 100.0, 150.0, 50.0, 50.0]
        );
        let integrals = [10, 20, 30].map(|secs| curve.integral(SimTime::from_secs(secs)));
        assert_eq!(integrals, [1000.0, 2500.0, 3000.0]);
        assert_eq!(
            rates(&RateCurve::from_knots(Vec::new()), &[0, 5]),
            [0.0, 0.0]
        );
    }
}
