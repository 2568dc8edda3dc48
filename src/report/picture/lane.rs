//! Lanes below the panels, and what the panels themselves show of them.

use super::frame::Panel;
use super::history::{Lane, Shown};
use super::scene::{Anchor, Point, Scene, fitted, palette, text_width};

/// Height of a lane with its gap (px).
pub const HEIGHT: f64 = 24.0;
/// More marks of a kind than this are a wall: the lane shows them, the panels do not.
const MOST_MARKS: usize = 12;
/// More bands than this likewise, unless they are wide.
const MOST_BANDS: usize = 40;
/// A band this wide (px) is shown however many there are.
const WIDE: f64 = 4.0;
const FONT: f64 = 15.0;

/// Shades the bands of every lane behind the curves of a panel.
pub fn draw_bands(scene: &mut Scene, panel: &Panel, lanes: &[Lane]) {
    for lane in lanes {
        for (from, to) in bands(panel, lane) {
            scene.rect((from, panel.y.0), (to, panel.y.1), lane.ink.faint(0.22));
        }
    }
}

/// Left and right end of the bands that a panel shows of a lane.
fn bands(panel: &Panel, lane: &Lane) -> Vec<(f64, f64)> {
    let few = lane.spans.len() <= MOST_BANDS;
    let ends = lane
        .spans
        .iter()
        .map(|span| (panel.at(span.from), panel.at(span.to)));
    ends.filter(|(from, to)| lane.shown == Shown::Bands && (few || to - from >= WIDE))
        .map(|(from, to)| (from, to.max(from + 1.5)))
        .collect()
}

/// Whether the panels show anything of a lane.
fn explained(panel: &Panel, lane: &Lane) -> bool {
    marked(lane) || !bands(panel, lane).is_empty()
}

/// Whether the panels show anything that wants a legend.
pub fn any_explained(panel: &Panel, lanes: &[Lane]) -> bool {
    lanes.iter().any(|lane| explained(panel, lane))
}

/// Draws the vertical marks of every lane that has few, over the curves.
pub fn draw_marks(scene: &mut Scene, panel: &Panel, lanes: &[Lane]) {
    for lane in lanes.iter().filter(|lane| marked(lane)) {
        for span in &lane.spans {
            let x = panel.at(span.from);
            let line: Vec<Point> = vec![(x, panel.y.0), (x, panel.y.1)];
            scene.line(line, lane.ink, 1.5, lane.dash);
        }
    }
}

fn marked(lane: &Lane) -> bool {
    lane.shown == Shown::Marks && lane.spans.len() <= MOST_MARKS
}

/// Draws the lanes from `y` downwards, each with its name to the left.
pub fn draw_lanes(scene: &mut Scene, panel: &Panel, y: f64, lanes: &[Lane]) {
    for (row, lane) in lanes.iter().enumerate() {
        let top = y + row as f64 * HEIGHT;
        let (from, to) = (top + 3.0, top + HEIGHT - 3.0);
        let middle = top + HEIGHT / 2.0;
        let name = fitted(&lane.label, FONT, panel.x.0 - 20.0);
        scene.text(
            (panel.x.0 - 10.0, middle),
            Anchor::Right,
            FONT,
            palette::BLACK,
            &name,
        );
        scene.rect(
            (panel.x.0, from),
            (panel.x.1, to),
            palette::PALE.faint(0.35),
        );
        for span in &lane.spans {
            let left = panel.at(span.from);
            let right = panel.at(span.to).max(left + 2.0).min(panel.x.1 + 2.0);
            scene.rect((left, from), (right, to), lane.ink.faint(0.85));
        }
        draw_labels(scene, panel, middle, lane);
    }
}

/// Names what happened beside its tick, as far as there is room before the next.
fn draw_labels(scene: &mut Scene, panel: &Panel, middle: f64, lane: &Lane) {
    for (ix, span) in lane.spans.iter().enumerate() {
        if span.label.is_empty() {
            continue;
        }
        let left = panel.at(span.to) + 6.0;
        let limit = lane
            .spans
            .get(ix + 1)
            .map_or(panel.x.1, |next| panel.at(next.from))
            - 6.0;
        if text_width(&span.label, FONT) <= limit - left {
            scene.text(
                (left, middle),
                Anchor::Left,
                FONT,
                palette::BLACK,
                &span.label,
            );
        }
    }
}

/// Explains in one row what bands and vertical lines in the panels mean.
pub fn draw_legend(scene: &mut Scene, panel: &Panel, y: f64, lanes: &[Lane]) {
    let right = f64::from(scene.size.0) - 20.0;
    let mut left = panel.x.0;
    let is_alert = |lane: &&Lane| lane.ink == palette::GREEN && explained(panel, lane);
    let alerts = lanes.iter().filter(is_alert).count();
    let mut told = 0;
    for lane in lanes.iter().filter(|lane| explained(panel, lane)) {
        // Several alerts look alike: which one it is stands beside its lane.
        if is_alert(&lane) {
            told += 1;
            if told > 1 {
                continue;
            }
        }
        let name = lane.label.split(" (").next().unwrap_or_default();
        let text = match lane.shown {
            Shown::Bands => name.to_owned(),
            _ if is_alert(&lane) && alerts > 1 => "an alert fires".to_owned(),
            _ if is_alert(&lane) => format!("alert {name} fires"),
            _ => name.to_owned(),
        };
        let width = 34.0 + text_width(&text, 17.0) + 26.0;
        if left + width > right {
            return;
        }
        if lane.shown == Shown::Bands {
            scene.rect((left, y - 8.0), (left + 24.0, y + 8.0), lane.ink.faint(0.4));
        } else {
            let line: Vec<Point> = vec![(left + 12.0, y - 10.0), (left + 12.0, y + 10.0)];
            scene.line(line, lane.ink, 2.0, lane.dash);
        }
        scene.text((left + 34.0, y), Anchor::Left, 17.0, palette::BLACK, &text);
        left += width;
    }
}
