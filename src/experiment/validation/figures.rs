//! One curve in figures. Not for comparing two.

use crate::units::SimTime;

/// Figures of one curve.
pub(super) struct Figures {
    pub mean: f64,
    pub max: f64,
    pub max_at_s: f64,
    pub last: f64,
    pub growth: Option<f64>,
    pub drain: Option<f64>,
}

impl Figures {
    pub fn of(times: &[SimTime], lags: &[f64]) -> Figures {
        let seconds: Vec<f64> = times.iter().map(|at| at.as_secs_f64()).collect();
        let mut top = 0;
        for n in 1..lags.len() {
            if lags[n] > lags[top] {
                top = n;
            }
        }
        let max = lags[top];
        let first = |n: usize, low: f64| (n..lags.len()).find(|n| lags[*n] <= low * max);
        let up_from = lags[..=top].iter().rposition(|lag| *lag <= 0.1 * max);
        let up_from = up_from.unwrap_or(0);
        let up_to = (up_from..=top).find(|n| lags[*n] >= 0.9 * max);
        let down_from = first(top, 0.9).unwrap_or(lags.len());
        let down_to = first(down_from, 0.1).unwrap_or(lags.len().saturating_sub(1));
        let slope = |from: usize, to: usize| slope(seconds.get(from..=to)?, lags.get(from..=to)?);
        Figures {
            mean: lags.iter().sum::<f64>() / lags.len().max(1) as f64,
            max,
            max_at_s: seconds[top],
            last: lags[lags.len() - 1],
            growth: up_to.and_then(|to| slope(up_from, to)),
            drain: slope(down_from, down_to),
        }
    }
}

/// Slope of the line of least squares; none of fewer than three points.
fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() < 3 {
        return None;
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        above += (x - mean_x) * (y - mean_y);
        below += (x - mean_x) * (x - mean_x);
    }
    (below > 0.0).then_some(above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_between_a_tenth_and_nine_tenths_of_the_highest() {
        let times: Vec<SimTime> = (0..=60).map(SimTime::from_secs).collect();
        let lags: Vec<f64> = (0..=60)
            .map(|n: i32| match n {
                0..10 => 0.0,
                10..40 => f64::from(n - 10) * 20.0,
                _ => f64::from(60 - n) * 30.0,
            })
            .collect();
        let figures = Figures::of(&times, &lags);
        assert_eq!((figures.max, figures.max_at_s), (600.0, 40.0));
        assert!((figures.growth.unwrap() - 20.0).abs() < 0.3);
        assert!((figures.drain.unwrap() + 30.0).abs() < 1e-9);
        let flat = Figures::of(&times, &[1.0; 61]);
        assert_eq!((flat.growth, flat.drain), (None, None));
    }
}
