//! Heat maps: the objective by colour over two axes, side by side over a third.

use super::super::SIZE;
use super::super::scene::{Anchor, Ink, Point, Scene, fitted, palette, text_width};
use super::{Drawn, X, Y, every};
use crate::experiment::PlanAxis;
use crate::measure::in_words;

/// From good to bad: viridis' ends are light and dark, so that they differ in print and for every eye.
const RAMP: [(f64, f64, f64); 5] = [
    (253.0, 231.0, 37.0),
    (94.0, 201.0, 98.0),
    (33.0, 145.0, 140.0),
    (59.0, 82.0, 139.0),
    (68.0, 1.0, 84.0),
];

/// A rectangle of the sheet: left and right, upper and lower end.
#[derive(Clone, Copy)]
struct Place {
    x: (f64, f64),
    y: (f64, f64),
}

impl Drawn<'_> {
    /// One heat map per value of the first of three axes, or one of both axes.
    pub(super) fn heat_maps(&self, scene: &mut Scene, panels: usize) {
        let (low, high) = self.range();
        let title = format!("{} by colour", self.metric.name());
        scene.text((X.0, 108.0), Anchor::Left, 20.0, palette::BLACK, &title);
        let gap = 26.0;
        let width = (X.1 - X.0 - gap * (panels - 1) as f64) / panels as f64;
        let rest = self.plan.axes.len() - 2;
        let cells = self.plan.axes[rest].values.len() * self.plan.axes[rest + 1].values.len();
        for panel in 0..panels {
            let left = X.0 + panel as f64 * (width + gap);
            let place = Place {
                x: (left, left + width),
                y: Y,
            };
            let cases = &self.findings.objective[panel * cells..(panel + 1) * cells];
            self.heat_map(scene, place, cases, (low, high), panel == 0);
            if rest == 1 {
                let axis = &self.plan.axes[0];
                let name = format!("{} = {}", axis.name, axis.values[panel].label);
                let name = fitted(&name, 18.0, width);
                let middle = (place.x.0 + place.x.1) / 2.0;
                scene.text(
                    (middle, Y.0 - 16.0),
                    Anchor::Middle,
                    18.0,
                    palette::BLACK,
                    &name,
                );
            }
        }
        self.scale(scene, low, high);
    }

    fn heat_map(
        &self,
        scene: &mut Scene,
        place: Place,
        cases: &[f64],
        (low, high): (f64, f64),
        first: bool,
    ) {
        let [.., down, across] = self.plan.axes.as_slice() else {
            return;
        };
        let (rows, columns) = (down.values.len(), across.values.len());
        let cell = (
            (place.x.1 - place.x.0) / columns as f64,
            (place.y.1 - place.y.0) / rows as f64,
        );
        // The first value stands at the bottom, as on any axis.
        let corner = |row: usize, column: usize| {
            let top = place.y.1 - (row + 1) as f64 * cell.1;
            (place.x.0 + column as f64 * cell.0, top)
        };
        for row in 0..rows {
            for column in 0..columns {
                let value = cases[row * columns + column];
                let (x, y) = corner(row, column);
                let share = self.badness(value, low, high);
                scene.rect((x, y), (x + cell.0, y + cell.1), ramp(share));
                let text = in_words(self.metric, value);
                if text_width(&text, 16.0) < cell.0 - 8.0 && cell.1 > 22.0 {
                    let ink = if share > 0.45 {
                        Ink::solid(255, 255, 255)
                    } else {
                        palette::BLACK
                    };
                    let middle = (x + cell.0 / 2.0, y + cell.1 / 2.0);
                    scene.text(middle, Anchor::Middle, 16.0, ink, &text);
                }
            }
        }
        self.contour(scene, cases, (rows, columns), &corner, cell);
        self.name_columns(scene, place, across, cell.0);
        if first {
            self.name_rows(scene, place, down, cell.1);
        }
    }

    /// The values of the axis below a heat map, and its name.
    fn name_columns(&self, scene: &mut Scene, place: Place, across: &PlanAxis, width: f64) {
        let labels = across.values.iter();
        let widest = labels.map(|value| text_width(&value.label, 17.0));
        let least = widest.fold(0.0, f64::max).min(150.0) + 10.0;
        let step = every(across.values.len(), width, least);
        for (column, value) in across.values.iter().enumerate().step_by(step) {
            let x = place.x.0 + (column as f64 + 0.5) * width;
            let label = fitted(&value.label, 17.0, width * step as f64 - 4.0);
            let below = (x, place.y.1 + 20.0);
            scene.text(below, Anchor::Middle, 17.0, palette::BLACK, &label);
        }
        let middle = ((place.x.0 + place.x.1) / 2.0, place.y.1 + 52.0);
        let name = fitted(&across.name, 18.0, place.x.1 - place.x.0);
        scene.text(middle, Anchor::Middle, 18.0, palette::GREY, &name);
    }

    /// The values of the axis beside a heat map, and its name.
    fn name_rows(&self, scene: &mut Scene, place: Place, down: &PlanAxis, height: f64) {
        let step = every(down.values.len(), height, 20.0);
        for (row, value) in down.values.iter().enumerate().step_by(step) {
            let y = place.y.1 - (row as f64 + 0.5) * height;
            let label = fitted(&value.label, 17.0, X.0 - 40.0);
            let beside = (place.x.0 - 10.0, y);
            scene.text(beside, Anchor::Right, 17.0, palette::BLACK, &label);
        }
        let name = fitted(&down.name, 18.0, X.0 + 200.0);
        scene.text((25.0, Y.1 + 52.0), Anchor::Left, 18.0, palette::GREY, &name);
    }

    /// A thick line between cells that hold the service level and cells that do not.
    fn contour(
        &self,
        scene: &mut Scene,
        cases: &[f64],
        (rows, columns): (usize, usize),
        corner: &dyn Fn(usize, usize) -> Point,
        cell: (f64, f64),
    ) {
        let Some(slo) = &self.plan.slo else {
            return;
        };
        let holds = |row: usize, column: usize| slo.holds(cases[row * columns + column]);
        let mut line = |from: Point, to: Point| {
            scene.line(vec![from, to], Ink::solid(255, 255, 255), 8.0, None);
            scene.line(vec![from, to], palette::VERMILLION, 5.0, None);
        };
        for row in 0..rows {
            for column in 0..columns {
                let (x, y) = corner(row, column);
                if column + 1 < columns && holds(row, column) != holds(row, column + 1) {
                    line((x + cell.0, y), (x + cell.0, y + cell.1));
                }
                if row + 1 < rows && holds(row, column) != holds(row + 1, column) {
                    line((x, y), (x + cell.0, y));
                }
            }
        }
    }

    /// Lowest and highest of the objective where it is finite.
    fn range(&self) -> (f64, f64) {
        let finite = || {
            self.findings
                .objective
                .iter()
                .copied()
                .filter(|value| value.is_finite())
        };
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        if low <= high { (low, high) } else { (0.0, 1.0) }
    }

    /// From 0, the best, to 1; what never happens is worst.
    fn badness(&self, value: f64, low: f64, high: f64) -> f64 {
        let share = (value - low) / (high - low).max(1e-12);
        match self.plan.more_is_better() {
            _ if !value.is_finite() => 1.0,
            true => 1.0 - share,
            false => share,
        }
    }

    /// What the colours mean, at the right.
    fn scale(&self, scene: &mut Scene, low: f64, high: f64) {
        let (left, right) = (X.1 + 40.0, X.1 + 70.0);
        let steps = 64;
        let step = (Y.1 - Y.0) / f64::from(steps);
        for n in 0..steps {
            let share = f64::from(n) / f64::from(steps - 1);
            let share = if self.plan.more_is_better() {
                1.0 - share
            } else {
                share
            };
            let y = Y.1 - f64::from(n + 1) * step;
            scene.rect((left, y), (right, y + step), ramp(share));
        }
        for (share, value) in [(0.0, low), (0.5, (low + high) / 2.0), (1.0, high)] {
            let y = Y.1 - share * (Y.1 - Y.0);
            let label = in_words(self.metric, value);
            let label = fitted(&label, 17.0, f64::from(SIZE.0) - right - 14.0);
            scene.text((right + 8.0, y), Anchor::Left, 17.0, palette::BLACK, &label);
        }
        if self.plan.slo.is_some() {
            scene.line(
                vec![(left, Y.1 + 52.0), (right, Y.1 + 52.0)],
                palette::VERMILLION,
                5.0,
                None,
            );
            scene.text(
                (right + 8.0, Y.1 + 52.0),
                Anchor::Left,
                17.0,
                palette::BLACK,
                "service level",
            );
        }
    }
}

/// A colour of the ramp, from 0 (best) to 1 (worst).
pub(super) fn ramp(share: f64) -> Ink {
    let place = share.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let at = (place.floor() as usize).min(RAMP.len() - 2);
    let (from, to, part) = (RAMP[at], RAMP[at + 1], place - at as f64);
    let mix = |a: f64, b: f64| (a + (b - a) * part).round() as u8;
    Ink::solid(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}
