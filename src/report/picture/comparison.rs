//! The picture of a comparison: total lag of each variant above, its difference to the base below, and which cause
//! made how much lag in each under both.

use super::axis;
use super::curve;
use super::frame::Panel;
use super::scene::{Anchor, Ink, Scene, Shape, fitted, palette, text_width};
use super::{GAP, SIZE, TIMES, TOP, X};
use crate::experiment::{Comparison, Side, Spread};
use crate::report::comparison::headline;
use crate::sim::PartitionState;
use crate::units::SimTime;

/// Variants that have a line and a bar; the files have them all.
const MOST: usize = 7;
/// Height of a bar of causes with its gap (px).
const BAR: f64 = 26.0;
/// Above the bars, for their title and the colours of the causes (px).
const BARS_TITLE: f64 = 34.0;
const FONT: f64 = 17.0;

/// The picture.
pub fn compose(comparison: &Comparison) -> Scene {
    let sides = &comparison.sides[..comparison.sides.len().min(MOST)];
    let mut scene = Scene::new(SIZE.0, SIZE.1);
    draw_heading(&mut scene, comparison);
    draw_legend(&mut scene, sides);

    let bars_from = f64::from(SIZE.1) - 16.0 - sides.len() as f64 * BAR;
    let bottom = bars_from - BARS_TITLE - TIMES - 8.0;
    let end = comparison.horizon.as_secs_f64();
    let top = TOP + 24.0;
    let middle = top + (bottom - top - GAP) * 0.55;
    let runs = comparison.replications;
    let spread = if runs > 1 {
        format!("median and 5 to 95 % of {runs} replications")
    } else {
        "one replication".to_owned()
    };

    let ticks = axis::difference_ticks(0.0, highest(sides));
    let upper = Panel::new(X, (top, middle), end, 0).with_ticks(&ticks);
    upper.draw_grid(
        &mut scene,
        &format!("Total lag (records): {spread}"),
        &ticks,
    );
    let lags = sides.iter().map(|side| &side.lag);
    draw_bands(&mut scene, &upper, &comparison.times, lags.enumerate());
    upper.draw_axes(&mut scene);

    let (low, high) = extent(&sides[1.min(sides.len())..]);
    let ticks = axis::difference_ticks(low, high);
    let lower = Panel::new(X, (middle + GAP, bottom), end, 0).with_ticks(&ticks);
    let base = sides.first().map_or("", |side| side.name.as_str());
    let base = fitted(base, 20.0, 500.0);
    let title = format!("Difference to {base}, pair by pair (records)");
    lower.draw_grid(&mut scene, &title, &ticks);
    let zero = lower.height(0.0);
    let line = vec![(lower.x.0, zero), (lower.x.1, zero)];
    scene.line(line, palette::GREY, 1.5, None);
    let differences = sides.iter().map(|side| &side.difference);
    let differences = differences.enumerate().skip(1);
    draw_bands(&mut scene, &lower, &comparison.times, differences);
    lower.draw_axes(&mut scene);
    lower.draw_times(&mut scene, bottom + 20.0);

    draw_causes(&mut scene, bars_from, sides);
    scene
}

fn draw_heading(scene: &mut Scene, comparison: &Comparison) {
    let width = f64::from(SIZE.0) - 50.0;
    let names: Vec<&str> = comparison.sides.iter().map(|s| s.name.as_str()).collect();
    let [base, others @ ..] = names.as_slice() else {
        return;
    };
    let title = match &comparison.asked {
        Some(asked) => asked.plan.title.clone(),
        None => format!("{} against {base}", others.join(", ")),
    };
    let title = fitted(&title, 34.0, width);
    scene.text((25.0, 36.0), Anchor::Left, 34.0, palette::BLACK, &title);
    let first = &comparison.sides[0];
    let told = match &comparison.sides[1..] {
        [one] => headline(first, one),
        several => {
            let clause = |side: &Side| format!("{}: {}", side.name, headline(first, side));
            let clauses: Vec<String> = several.iter().map(clause).collect();
            whole_clauses(&clauses, width)
        }
    };
    let told = fitted(&told, 22.0, width);
    scene.text((25.0, 74.0), Anchor::Left, 22.0, palette::GREY, &told);
}

/// As many of the clauses, one at least, as fit into `width`, and how many are left out.
fn whole_clauses(clauses: &[String], width: f64) -> String {
    let told = |kept: usize| match clauses.len() - kept {
        0 => clauses.join("; "),
        left => format!("{}; and {left} more", clauses[..kept].join("; ")),
    };
    let mut all = (1..=clauses.len()).rev().map(told);
    let fits = all.find(|told| text_width(told, 22.0) <= width);
    fits.unwrap_or_else(|| told(1))
}

fn draw_legend(scene: &mut Scene, sides: &[Side]) {
    let right = f64::from(SIZE.0) - 20.0;
    let mut left = X.0;
    for (place, side) in sides.iter().enumerate() {
        let text = fitted(&side.name, FONT, 420.0);
        let width = 34.0 + text_width(&text, FONT) + 30.0;
        if left + width > right {
            return;
        }
        let (y, line) = (108.0, vec![(left, 108.0), (left + 24.0, 108.0)]);
        scene.line(line, palette::LINES[place], 3.0, None);
        scene.text((left + 34.0, y), Anchor::Left, FONT, palette::BLACK, &text);
        left += width;
    }
}

/// The highest point of the bands of lag (records).
fn highest(sides: &[Side]) -> f64 {
    let all = sides.iter().flat_map(|side| &side.lag);
    all.map(|[_, _, high]| *high).fold(0.0, f64::max)
}

/// The lowest and the highest point of the bands of differences (records).
fn extent(sides: &[Side]) -> (f64, f64) {
    let all = sides.iter().flat_map(|side| &side.difference);
    all.fold((0.0, 0.0), |(low, high), [least, _, most]| {
        (f64::min(low, *least), f64::max(high, *most))
    })
}

/// The medians in their bands, each with its last value at the right end.
fn draw_bands<'a>(
    scene: &mut Scene,
    panel: &Panel,
    times: &[SimTime],
    bands: impl Iterator<Item = (usize, &'a Spread)>,
) {
    let (mut ends, mut medians) = (Vec::new(), Vec::new());
    for (place, band) in bands {
        let times = &times[..times.len().min(band.len())];
        let line = |which: usize| curve::line(panel, times, |instant| band[instant][which]);
        scene.shapes.push(Shape::Area {
            points: curve::between(&line(2), &line(0)),
            ink: palette::LINES[place].faint(0.25),
        });
        medians.push((place, line(1)));
        let last = band.last().map_or(0.0, |[_, median, _]| *median);
        ends.push((place, last));
    }
    for (place, median) in medians {
        scene.line(median, palette::LINES[place], 2.5, None);
    }
    let wanted: Vec<f64> = ends.iter().map(|(_, last)| panel.height(*last)).collect();
    let placed = curve::apart(panel, &wanted, FONT + 3.0);
    for ((place, last), (from, to)) in ends.iter().zip(wanted.iter().zip(placed)) {
        let right = panel.x.1;
        let corner = vec![(right, *from), (right + 18.0, to), (right + 40.0, to)];
        scene.line(corner, palette::LINES[*place], 2.5, None);
        let label = axis::records(*last);
        let at = (right + 46.0, to);
        scene.text(at, Anchor::Left, FONT, palette::BLACK, &label);
    }
}

/// The colour of a cause.
fn ink(state: PartitionState) -> Ink {
    match state {
        PartitionState::Starting => Ink::solid(0xBB, 0xBB, 0xBB),
        PartitionState::KeepingUp => palette::PALE,
        PartitionState::Saturated => palette::BLUE,
        PartitionState::Throttled => palette::ORANGE,
        PartitionState::Blocked => palette::VERMILLION,
        PartitionState::Rebalancing => palette::GREY,
        PartitionState::Orphaned => Ink::solid(0x33, 0x33, 0x33),
        PartitionState::Evicted => palette::PURPLE,
        PartitionState::Frozen => palette::SKY,
    }
}

/// A bar per variant: lag gained by cause, mean of a run, on one scale.
fn draw_causes(scene: &mut Scene, from: f64, sides: &[Side]) {
    let gained = |side: &Side| -> f64 { side.causes.iter().filter_map(|c| c.gained.mean).sum() };
    let most = sides.iter().map(gained).fold(1.0, f64::max);
    draw_cause_names(scene, from - BARS_TITLE / 2.0, sides);
    let whole = X.1 - X.0;
    for (row, side) in sides.iter().enumerate() {
        let (upper, lower) = (
            from + row as f64 * BAR + 3.0,
            from + (row + 1) as f64 * BAR - 3.0,
        );
        let y = (upper + lower) / 2.0;
        let name = fitted(&side.name, 15.0, X.0 - 20.0);
        scene.text((X.0 - 10.0, y), Anchor::Right, 15.0, palette::BLACK, &name);
        let mut left = X.0;
        for cause in &side.causes {
            let width = cause.gained.mean.unwrap_or(0.0) / most * whole;
            scene.rect(
                (left, upper),
                (left + width, lower),
                ink(cause.state).faint(0.85),
            );
            left += width;
        }
        let label = axis::records(gained(side));
        scene.text((left + 8.0, y), Anchor::Left, 15.0, palette::BLACK, &label);
    }
}

/// The title of the bars and what their colours mean: causes that made any lag.
fn draw_cause_names(scene: &mut Scene, y: f64, sides: &[Side]) {
    let title = "Lag gained by cause (records, mean of a run)";
    scene.text((X.0, y), Anchor::Left, FONT, palette::BLACK, title);
    let mut left = X.0 + text_width(title, FONT) + 40.0;
    let right = f64::from(SIZE.0) - 20.0;
    for state in PartitionState::ALL {
        let made = |side: &Side| {
            let mut causes = side.causes.iter();
            causes.any(|c| c.state == state && c.gained.mean > Some(0.0))
        };
        let width = 28.0 + text_width(state.name(), FONT) + 24.0;
        if !sides.iter().any(made) || left + width > right {
            continue;
        }
        scene.rect(
            (left, y - 8.0),
            (left + 20.0, y + 8.0),
            ink(state).faint(0.85),
        );
        scene.text(
            (left + 28.0, y),
            Anchor::Left,
            FONT,
            palette::BLACK,
            state.name(),
        );
        left += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_that_does_not_fit_ends_with_a_whole_clause() {
        let clauses = ["one side: this", "another: that", "a third: the other"].map(str::to_owned);
        let of = |told: &str| whole_clauses(&clauses, text_width(told, 22.0));
        let all = "one side: this; another: that; a third: the other";
        assert_eq!(of(all), all);
        for told in [
            "one side: this; another: that; and 1 more",
            "one side: this; and 2 more",
        ] {
            assert_eq!(of(told), told);
        }
        assert_eq!(whole_clauses(&clauses, 1.0), "one side: this; and 2 more");
    }
}
