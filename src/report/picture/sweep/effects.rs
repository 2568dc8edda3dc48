//! The mean of the objective along each axis, over the cases of a grid that share a value.

use super::super::axis;
use super::super::scene::{Anchor, Point, Scene, fitted, palette, text_width};
use super::{Drawn, MOST_PANELS, X, Y, every};
use crate::measure::in_words;

impl Drawn<'_> {
    /// The mean along each axis, over the cases that share a value.
    pub(super) fn effects(&self, scene: &mut Scene) {
        let axes: Vec<usize> = (0..self.plan.axes.len())
            .filter(|at| self.plan.axes[*at].values.len() > 1)
            .take(MOST_PANELS)
            .collect();
        let means = |at: usize| self.findings.effects[at].iter().map(|effect| effect.mean());
        let all = || axes.iter().flat_map(|at| means(*at)).flatten();
        let (low, high) = (all().fold(0.0, f64::min), all().fold(0.0, f64::max));
        let ticks = axis::figure_ticks(low, high);
        let height = |value: f64| height(&ticks, Y, value);
        let title = format!(
            "{} along each axis, mean over the others",
            self.metric.name()
        );
        scene.text((X.0, 108.0), Anchor::Left, 20.0, palette::BLACK, &title);
        self.figure_axis(scene, &ticks, X, Y);
        let gap = 26.0;
        let width =
            (X.1 - X.0 - gap * axes.len().saturating_sub(1) as f64) / axes.len().max(1) as f64;
        for (panel, at) in axes.iter().enumerate() {
            let left = X.0 + panel as f64 * (width + gap);
            let values = &self.plan.axes[*at].values;
            let x = |n: usize| left + (n as f64 + 0.5) * width / values.len() as f64;
            let points: Vec<Point> = means(*at)
                .enumerate()
                .filter_map(|(n, mean)| Some((x(n), height(mean?))))
                .collect();
            for (px, py) in &points {
                scene.rect((px - 5.0, py - 5.0), (px + 5.0, py + 5.0), palette::BLUE);
            }
            scene.line(points, palette::BLUE, 2.5, None);
            let widest = values.iter().map(|value| text_width(&value.label, 16.0));
            let least = widest.fold(0.0, f64::max).min(120.0) + 10.0;
            let step = every(values.len(), width / values.len() as f64, least);
            for (n, value) in values.iter().enumerate().step_by(step) {
                scene.text(
                    (x(n), Y.1 + 20.0),
                    Anchor::Middle,
                    16.0,
                    palette::BLACK,
                    &value.label,
                );
            }
            let name = fitted(&self.plan.axes[*at].name, 18.0, width);
            scene.text(
                (left + width / 2.0, Y.1 + 52.0),
                Anchor::Middle,
                18.0,
                palette::GREY,
                &name,
            );
            scene.line(
                vec![(left, Y.1), (left + width, Y.1)],
                palette::GREY,
                1.5,
                None,
            );
        }
    }

    /// Grid lines between `x`, with the objective's figures at their left.
    pub(super) fn figure_axis(
        &self,
        scene: &mut Scene,
        ticks: &[f64],
        x: (f64, f64),
        y: (f64, f64),
    ) {
        for value in ticks {
            let at = height(ticks, y, *value);
            let label = in_words(&crate::report::sweep::plain(self.metric), *value);
            let label = if *value == 0.0 { "0".to_owned() } else { label };
            scene.line(vec![(x.0, at), (x.1, at)], palette::PALE, 1.0, None);
            scene.text(
                (x.0 - 10.0, at),
                Anchor::Right,
                18.0,
                palette::BLACK,
                &label,
            );
        }
    }
}

/// Where a figure stands between `y`, on an axis from the first to the last of `ticks`.
pub(super) fn height(ticks: &[f64], y: (f64, f64), value: f64) -> f64 {
    let (low, high) = match ticks {
        [low, .., high] => (*low, *high),
        _ => (0.0, 1.0),
    };
    let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
    y.1 - share * (y.1 - y.0)
}
