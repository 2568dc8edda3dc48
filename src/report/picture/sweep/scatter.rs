//! Samples: along each axis a dot per case, and the means of its parts. What explains most comes first.

use super::super::axis;
use super::super::scene::{Anchor, Ink, Point, Scene, fitted, palette, text_width};
use super::effects::height;
use super::{Drawn, MOST_PANELS, X, Y};
use crate::experiment::{explained, slices};
use crate::measure::words::percent;

/// Dots of cases in which the figure is finite.
const DOT: Ink = palette::SKY;
/// Room between two panels of a row.
const GAP: f64 = 26.0;
/// Room between two rows, for what stands below the panels of the first.
const BETWEEN: f64 = 110.0;

impl Drawn<'_> {
    pub(super) fn scatter(&self, scene: &mut Scene) {
        let shown = self.strongest();
        let finite = || self.findings.objective.iter().filter(|own| own.is_finite());
        let (low, high) = finite().fold((0.0_f64, 0.0_f64), |(low, high), own| {
            (low.min(*own), high.max(*own))
        });
        let ticks = axis::figure_ticks(low, high);
        let title = match shown.len() < self.plan.axes.len() {
            true => format!(
                "{} along the axes that explain most of it",
                self.metric.name()
            ),
            false => format!("{} along each axis", self.metric.name()),
        };
        scene.text((X.0, 108.0), Anchor::Left, 20.0, palette::BLACK, &title);
        self.legend(scene);
        let rows = if shown.len() > MOST_PANELS.min(4) {
            2
        } else {
            1
        };
        let columns = shown.len().div_ceil(rows).max(1);
        // The highest dot keeps clear of what stands above its panel.
        let tall = (Y.1 - Y.0 - BETWEEN * (rows - 1) as f64) / rows as f64;
        let right = 1_560.0;
        let wide = (right - X.0 - GAP * (columns - 1) as f64) / columns as f64;
        for (n, at) in shown.iter().enumerate() {
            let (row, column) = (n / columns, n % columns);
            let top = Y.0 + row as f64 * (tall + BETWEEN);
            let left = X.0 + column as f64 * (wide + GAP);
            let y = (top, top + tall);
            if column == 0 {
                let last = X.0 + columns.min(shown.len() - n) as f64 * (wide + GAP) - GAP;
                self.figure_axis(scene, &ticks, (X.0, last), y);
                self.level(scene, &ticks, (X.0, last), y);
            }
            self.cloud(scene, *at, &ticks, (left, left + wide), y);
        }
    }

    /// Axes with several values, the one that explains most first.
    fn strongest(&self) -> Vec<usize> {
        let axes = (0..self.plan.axes.len()).filter(|at| self.plan.axes[*at].values.len() > 1);
        let mut shares: Vec<(usize, f64)> = axes
            .map(|at| (at, explained(self.plan, self.findings, at).unwrap_or(0.0)))
            .collect();
        // Stable: those that explain as much stay in their order.
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares.truncate(2 * MOST_PANELS);
        shares.into_iter().map(|(at, _)| at).collect()
    }

    fn legend(&self, scene: &mut Scene) {
        let mut left = 830.0;
        let mut mark = |ink: Ink, text: &str, size: f64| {
            scene.rect((left, 108.0 - size), (left + 14.0, 108.0 + size), ink);
            let at = (left + 22.0, 108.0);
            scene.text(at, Anchor::Left, 17.0, palette::BLACK, text);
            left += 22.0 + text_width(text, 17.0) + 30.0;
        };
        mark(DOT, "a case", 6.0);
        mark(palette::BLUE, "mean of a part of the axis", 2.5);
        if self.findings.objective.iter().any(|own| !own.is_finite()) {
            mark(palette::ORANGE, "never", 6.0);
        }
        if self.plan.slo.is_some() {
            mark(palette::VERMILLION, "service level", 2.0);
        }
    }

    /// The bounds of the service level, where they can be told from the ends.
    fn level(&self, scene: &mut Scene, ticks: &[f64], x: (f64, f64), y: (f64, f64)) {
        let slo = self.plan.slo.iter();
        let bounds = slo.flat_map(|slo| [slo.above, slo.below]).flatten();
        let inside = |bound: &f64| match ticks {
            [low, .., high] => (*low..=*high).contains(bound),
            _ => false,
        };
        for bound in bounds.filter(inside) {
            let at = height(ticks, y, bound);
            scene.line(vec![(x.0, at), (x.1, at)], palette::VERMILLION, 2.5, None);
        }
    }

    /// One axis: its cases in the order of their values, which samples spread evenly.
    fn cloud(&self, scene: &mut Scene, at: usize, ticks: &[f64], x: (f64, f64), y: (f64, f64)) {
        let axis = &self.plan.axes[at];
        let count = axis.values.len() as f64;
        let place = |value: f64| x.0 + (value + 0.5) / count * (x.1 - x.0);
        for (case, own) in self.findings.objective.iter().enumerate() {
            if own.is_nan() {
                continue;
            }
            let value = self.plan.point(case).get(at).copied().unwrap_or(0);
            let (ink, up) = match own.is_finite() {
                true => (DOT.faint(0.55), height(ticks, y, *own)),
                false => (palette::ORANGE, y.0),
            };
            let across = place(value as f64);
            scene.rect((across - 3.0, up - 3.0), (across + 3.0, up + 3.0), ink);
        }
        let parts = slices(self.plan, self.findings, at);
        let mut means: Vec<Point> = Vec::new();
        for part in &parts {
            let Some(mean) = part.effect.mean() else {
                continue;
            };
            let up = height(ticks, y, mean);
            let (first, last) = (part.values.start as f64, part.values.end as f64);
            let ends = (place(first - 0.5) + 1.0, place(last - 0.5) - 1.0);
            scene.rect((ends.0, up - 2.5), (ends.1, up + 2.5), palette::BLUE);
            means.push(((ends.0 + ends.1) / 2.0, up));
        }
        scene.line(means, palette::BLUE.faint(0.6), 1.5, None);
        scene.line(vec![(x.0, y.1), (x.1, y.1)], palette::GREY, 1.5, None);
        self.name_values(scene, at, x, y.1 + 20.0);
        let middle = (x.0 + x.1) / 2.0;
        let name = fitted(&axis.name, 18.0, x.1 - x.0);
        scene.text(
            (middle, y.1 + 46.0),
            Anchor::Middle,
            18.0,
            palette::BLACK,
            &name,
        );
        if let Some(share) = explained(self.plan, self.findings, at) {
            let text = fitted(&format!("explains {}", percent(share)), 16.0, x.1 - x.0);
            scene.text(
                (middle, y.1 + 70.0),
                Anchor::Middle,
                16.0,
                palette::GREY,
                &text,
            );
        }
    }
    /// The values of an axis, if there is room for each; otherwise its ends.
    fn name_values(&self, scene: &mut Scene, at: usize, x: (f64, f64), y: f64) {
        let labels: Vec<&str> = self.plan.axes[at]
            .values
            .iter()
            .map(|value| value.label.as_str())
            .collect();
        let room = (x.1 - x.0) / labels.len() as f64;
        if labels
            .iter()
            .all(|label| text_width(label, 16.0) + 10.0 < room)
        {
            for (n, label) in labels.iter().enumerate() {
                let place = (x.0 + (n as f64 + 0.5) * room, y);
                scene.text(place, Anchor::Middle, 16.0, palette::BLACK, label);
            }
            return;
        }
        let half = (x.1 - x.0) / 2.0 - 8.0;
        let first = fitted(labels[0], 16.0, half);
        scene.text((x.0, y), Anchor::Left, 16.0, palette::BLACK, &first);
        let last = fitted(labels[labels.len() - 1], 16.0, half);
        scene.text((x.1, y), Anchor::Right, 16.0, palette::BLACK, &last);
    }
}
