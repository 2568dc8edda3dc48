//! Curves with thousands of samples as lines of a panel: no peak is lost, and nothing is drawn twice per pixel.

use super::frame::Panel;
use super::scene::Point;
use crate::units::SimTime;

/// A line through the samples: per column of pixels its lowest and highest value, in the order they came.
pub fn line(panel: &Panel, times: &[SimTime], value: impl Fn(usize) -> f64) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut column: Option<Column> = None;
    for (instant, at) in times.iter().enumerate() {
        let x = panel.at(at.as_secs_f64());
        let value = value(instant);
        match &mut column {
            Some(open) if x.floor() == open.x.floor() => open.push(value),
            other => {
                if let Some(done) = other.replace(Column::new(x, value)) {
                    done.emit(panel, &mut points);
                }
            }
        }
    }
    if let Some(done) = column {
        done.emit(panel, &mut points);
    }
    points
}

/// The samples that fall into one column of pixels.
struct Column {
    x: f64,
    first: f64,
    low: f64,
    high: f64,
    /// Whether the low came before the high.
    rising: bool,
    last: f64,
}

impl Column {
    fn new(x: f64, value: f64) -> Self {
        Column {
            x,
            first: value,
            low: value,
            high: value,
            rising: true,
            last: value,
        }
    }

    fn push(&mut self, value: f64) {
        if value > self.high {
            (self.high, self.rising) = (value, true);
        }
        if value < self.low {
            (self.low, self.rising) = (value, false);
        }
        self.last = value;
    }

    fn emit(&self, panel: &Panel, points: &mut Vec<Point>) {
        let (a, b) = if self.rising {
            (self.low, self.high)
        } else {
            (self.high, self.low)
        };
        for value in [self.first, a, b, self.last] {
            let point = (self.x, panel.height(value));
            if points.last() != Some(&point) {
                points.push(point);
            }
        }
    }
}

/// The area between two lines over the same instants: along `upper`, then back along `lower`.
pub fn between(upper: &[Point], lower: &[Point]) -> Vec<Point> {
    upper
        .iter()
        .copied()
        .chain(lower.iter().rev().copied())
        .collect()
}

/// One end label per line: the heights they would like, moved apart by at least `gap` inside the panel.
pub fn apart(panel: &Panel, wanted: &[f64], gap: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    let mut placed = wanted.to_vec();
    let mut free = panel.y.0;
    for &ix in &order {
        placed[ix] = placed[ix].max(free);
        free = placed[ix] + gap;
    }
    let mut limit = panel.y.1;
    for &ix in order.iter().rev() {
        placed[ix] = placed[ix].min(limit);
        limit = placed[ix] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANEL: Panel = Panel {
        x: (0.0, 100.0),
        y: (0.0, 100.0),
        end: 1_000.0,
        low: 0.0,
        top: 100.0,
    };

    #[test]
    fn a_single_peak_among_thousands_of_samples_is_drawn() {
        let times: Vec<SimTime> = (0..=100_000)
            .map(|n| SimTime::from_millis(n * 10))
            .collect();
        let points = line(&PANEL, &times, |n| if n == 54_321 { 100.0 } else { 10.0 });
        assert!(points.iter().any(|point| point.1 == 0.0));
        assert!(points.len() < 500, "{}", points.len());
    }

    #[test]
    fn labels_keep_their_distance_and_stay_inside() {
        let placed = apart(&PANEL, &[99.0, 98.0, 97.0, 5.0], 20.0);
        assert_eq!(placed, [100.0, 80.0, 60.0, 5.0]);
    }
}
