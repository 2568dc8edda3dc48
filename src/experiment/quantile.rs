//! Quantiles of a few values, and of curves instant by instant.

/// The 5 %, 50 % and 95 % quantiles over curves, by instant.
pub type Spread = Vec<[f64; 3]>;

/// The spread of `curves`, as far as all of them go: `value` tells the n-th curve at an instant.
pub fn spread(curves: usize, instants: usize, value: impl Fn(usize, usize) -> f64) -> Spread {
    (0..instants)
        .map(|instant| {
            let mut values: Vec<f64> = (0..curves).map(|curve| value(curve, instant)).collect();
            values.sort_by(f64::total_cmp);
            [0.05, 0.5, 0.95].map(|share| quantile(&values, share))
        })
        .collect()
}

/// The quantile of sorted values, linear between them; 0 of none.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len().saturating_sub(1)) as f64;
    let low = sorted.get(place.floor() as usize).copied().unwrap_or(0.0);
    let high = sorted.get(place.ceil() as usize).copied().unwrap_or(low);
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_values() {
        let sorted = [0.0, 10.0, 20.0, 30.0, 40.0];
        assert_eq!(
            [0.0, 0.05, 0.5, 1.0].map(|share| quantile(&sorted, share)),
            [0.0, 2.0, 20.0, 40.0]
        );
        assert_eq!(quantile(&[7.0], 0.95), 7.0);
    }
}
