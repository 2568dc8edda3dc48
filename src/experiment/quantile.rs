//! Quantiles of a few values.

/// The quantile of sorted values, linear between them; 0 of none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
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
