//! The lower panel: lag of each partition, or the spread of many and the worst few by name.

use super::axis;
use super::curve;
use super::frame::Panel;
use super::scene::{Anchor, Ink, Scene, Shape, palette};
use crate::measure::{Curves, Outcome, Point};

/// Up to here every partition has its own line.
const MOST_LINES: usize = 12;
/// Lines beside the spread of more partitions.
const WORST: usize = 5;
const FONT: f64 = 17.0;

/// The title of the panel.
pub fn title(curves: &Curves) -> String {
    match curves.partitions() {
        many if many > MOST_LINES => {
            format!(
                "Lag per partition (records): the {WORST} worst of {many}; shaded the range of all, dotted their median"
            )
        }
        1 => "Lag of the only partition (records)".to_owned(),
        _ => "Lag per partition (records)".to_owned(),
    }
}

/// The highest lag of a partition.
pub fn max(outcome: &Outcome) -> u64 {
    outcome
        .summary
        .partitions
        .iter()
        .map(|own| own.lag.max)
        .max()
        .unwrap_or(0)
}

/// Draws the lines and their names at the right end.
pub fn draw(scene: &mut Scene, panel: &Panel, outcome: &Outcome) {
    let curves = &outcome.curves;
    let named = named(outcome);
    if curves.partitions() > MOST_LINES {
        draw_spread(scene, panel, curves);
    }
    let mut ends = Vec::with_capacity(named.len());
    for (place, &partition) in named.iter().enumerate() {
        let first = (0..curves.times().len())
            .find(|&instant| curves.point(partition, instant).is_some())
            .unwrap_or(0);
        let points = curve::line(panel, &curves.times()[first..], |instant| {
            curves.lag(partition, first + instant) as f64
        });
        let lag = outcome
            .summary
            .partitions
            .get(partition)
            .map_or(0, |own| own.lag.last);
        ends.push(panel.height(lag as f64));
        scene.line(points, ink(place), 2.5, dash(place));
    }
    draw_names(scene, panel, outcome, &named, &ends);
}

/// The partitions that have a line: all, or the worst.
fn named(outcome: &Outcome) -> Vec<usize> {
    let all = outcome.curves.partitions();
    if all <= MOST_LINES {
        return (0..all).collect();
    }
    let mut order: Vec<usize> = (0..all).collect();
    let worst = |ix: &usize| {
        outcome
            .summary
            .partitions
            .get(*ix)
            .map_or(0, |own| own.lag.max)
    };
    order.sort_by_key(|ix| (std::cmp::Reverse(worst(ix)), *ix));
    order.truncate(WORST);
    order
}

/// The range from the lowest to the highest partition, and the median.
fn draw_spread(scene: &mut Scene, panel: &Panel, curves: &Curves) {
    let ranges: Vec<[f64; 3]> = (0..curves.times().len())
        .map(|instant| {
            let mut lags: Vec<u64> = (0..curves.partitions())
                .filter_map(|partition| curves.point(partition, instant))
                .map(Point::lag)
                .collect();
            lags.sort_unstable();
            let at = |ix: usize| lags.get(ix).copied().unwrap_or(0) as f64;
            [at(0), at(lags.len() / 2), at(lags.len().saturating_sub(1))]
        })
        .collect();
    let line = |which: usize| curve::line(panel, curves.times(), |instant| ranges[instant][which]);
    scene.shapes.push(Shape::Area {
        points: curve::between(&line(2), &line(0)),
        ink: palette::SKY.faint(0.3),
    });
    scene.line(line(1), palette::BLACK, 2.0, Some((2.0, 4.0)));
}

fn draw_names(scene: &mut Scene, panel: &Panel, outcome: &Outcome, named: &[usize], ends: &[f64]) {
    let placed = curve::apart(panel, ends, FONT + 3.0);
    for (place, &partition) in named.iter().enumerate() {
        let Some(own) = outcome.summary.partitions.get(partition) else {
            continue;
        };
        let from = (panel.x.1, ends[place]);
        let to = (panel.x.1 + 18.0, placed[place]);
        scene.line(
            vec![from, to, (to.0 + 22.0, to.1)],
            ink(place),
            2.5,
            dash(place),
        );
        let text = format!("p{partition}: {}", axis::records(own.lag.last as f64));
        let text = if own.poison.is_some() {
            format!("{text} blocked")
        } else {
            text
        };
        scene.text(
            (to.0 + 28.0, to.1),
            Anchor::Left,
            FONT,
            palette::BLACK,
            &text,
        );
    }
}

/// The colour of the n-th line.
fn ink(place: usize) -> Ink {
    palette::LINES[place % palette::LINES.len()]
}

/// Colours come back with dashes.
fn dash(place: usize) -> Option<(f64, f64)> {
    (place >= palette::LINES.len()).then_some((9.0, 5.0))
}
