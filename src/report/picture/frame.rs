//! A panel: its place on the sheet, its scales, its axes.

use super::axis;
use super::scene::{Anchor, Point, Scene, palette, text_width};

/// A rectangle with a time axis and an axis of records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Panel {
    /// Left and right (px).
    pub x: (f64, f64),
    /// Upper and lower end (px).
    pub y: (f64, f64),
    /// End of the time axis (s).
    pub end: f64,
    /// Lower end of the axis of records: zero, or less where it shows differences.
    pub low: f64,
    /// Upper end of the axis of records.
    pub top: f64,
}

impl Panel {
    /// A panel whose axis holds `max` records.
    pub fn new(x: (f64, f64), y: (f64, f64), end: f64, max: u64) -> Self {
        let top = axis::record_ticks(max)
            .last()
            .map_or(1.0, |(value, _)| *value);
        Panel {
            x,
            y,
            end: end.max(1e-9),
            low: 0.0,
            top,
        }
    }

    /// The same panel with an axis of these ticks.
    pub fn with_ticks(self, ticks: &[(f64, String)]) -> Self {
        let end = |tick: Option<&(f64, String)>, other| tick.map_or(other, |(value, _)| *value);
        Panel {
            low: end(ticks.first(), self.low),
            top: end(ticks.last(), self.top),
            ..self
        }
    }

    /// Where an instant (s) stands, kept inside the panel.
    pub fn at(&self, seconds: f64) -> f64 {
        let share = (seconds / self.end).clamp(0.0, 1.0);
        self.x.0 + share * (self.x.1 - self.x.0)
    }

    /// Where a number of records stands, kept inside the panel.
    pub fn height(&self, records: f64) -> f64 {
        let share = ((records - self.low) / (self.top - self.low)).clamp(0.0, 1.0);
        self.y.1 - share * (self.y.1 - self.y.0)
    }

    /// Draws the title, the grid and the labels of the axis of records.
    pub fn draw_frame(&self, scene: &mut Scene, title: &str, max: u64) {
        self.draw_grid(scene, title, &axis::record_ticks(max));
    }

    /// Draws the title, the grid and the labels of an axis of these ticks.
    pub fn draw_grid(&self, scene: &mut Scene, title: &str, ticks: &[(f64, String)]) {
        scene.text(
            (self.x.0, self.y.0 - 16.0),
            Anchor::Left,
            20.0,
            palette::BLACK,
            title,
        );
        for (value, label) in ticks {
            let y = self.height(*value);
            scene.line(vec![(self.x.0, y), (self.x.1, y)], palette::PALE, 1.0, None);
            scene.text(
                (self.x.0 - 10.0, y),
                Anchor::Right,
                18.0,
                palette::BLACK,
                label,
            );
        }
        for (at, _) in axis::time_ticks(self.end) {
            let x = self.at(at);
            scene.line(vec![(x, self.y.0), (x, self.y.1)], palette::PALE, 1.0, None);
        }
    }

    /// Draws the two axis lines, over what has been drawn inside.
    pub fn draw_axes(&self, scene: &mut Scene) {
        let corner: Vec<Point> = vec![
            (self.x.0, self.y.0),
            (self.x.0, self.y.1),
            (self.x.1, self.y.1),
        ];
        scene.line(corner, palette::GREY, 1.5, None);
    }

    /// Draws the labels of the time axis below the panel, leaving out those that would touch.
    pub fn draw_times(&self, scene: &mut Scene, y: f64) {
        let mut free_from = f64::NEG_INFINITY;
        for (at, label) in axis::time_ticks(self.end) {
            let x = self.at(at);
            let half = text_width(&label, 18.0) / 2.0;
            if x - half < free_from {
                continue;
            }
            free_from = x + half + 12.0;
            scene.line(
                vec![(x, self.y.1), (x, self.y.1 + 6.0)],
                palette::GREY,
                1.5,
                None,
            );
            scene.text((x, y), Anchor::Middle, 18.0, palette::BLACK, &label);
        }
        // Beside the last label, which may stand across the end of the axis.
        let x = (self.x.1 + 14.0).max(free_from);
        scene.text(
            (x, y),
            Anchor::Left,
            16.0,
            palette::GREY,
            "time since start",
        );
    }
}
