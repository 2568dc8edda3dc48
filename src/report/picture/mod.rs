//! The picture of a run as a scene: total lag above, partitions below, what happened under both.
//! Not for pixels: `plot.rs` paints the scene.

mod axis;
pub mod comparison;
mod curve;
mod frame;
pub mod frontier;
mod history;
mod lane;
mod partitions;
mod replicas;
pub mod scene;
pub mod sweep;
pub mod tornado;
mod total;
pub mod validation;

use self::frame::Panel;
use self::scene::{Anchor, Scene, fitted, palette};
use super::{RenderError, Results};
use crate::measure::Outcome;
use crate::scenario::{Alert, Compare, Gauge};

/// Width and height of the picture (px).
pub const SIZE: (u32, u32) = (1600, 900);
/// Left and right end of the panels; the names of lines stand to the right.
const X: (f64, f64) = (160.0, 1410.0);
/// Upper end of the first panel, without a legend above it.
const TOP: f64 = 132.0;
/// Height of the legend.
const LEGEND: f64 = 30.0;
/// Between the panels, for the second one's title.
const GAP: f64 = 44.0;
/// Below the second panel, for the times.
const TIMES: f64 = 34.0;

/// The picture of the first outcome, with the spread of the others.
pub fn compose(results: &Results) -> Result<Scene, RenderError> {
    let outcome = results.first()?;
    let lanes = history::lanes(results, outcome);
    let mut scene = Scene::new(SIZE.0, SIZE.1);
    draw_heading(&mut scene, outcome);

    let lanes_from = f64::from(SIZE.1) - 12.0 - lanes.len() as f64 * lane::HEIGHT;
    let strip = outcome.summary.replicas.as_ref();
    let strip_from = lanes_from - strip.map_or(0.0, |_| replicas::HEIGHT);
    let bottom = strip_from - TIMES - 4.0;
    let end = outcome.summary.horizon_s;
    let whole = Panel::new(X, (TOP, bottom), end, 0);
    let legend = if lane::any_explained(&whole, &lanes) {
        LEGEND
    } else {
        0.0
    };
    lane::draw_legend(&mut scene, &whole, 106.0, &lanes);
    let top = TOP + legend;
    let middle = top + (bottom - top - GAP) * 0.46;
    let alerts = &results.scenario.alerts;

    let totals = total::Totals::of(results.outcomes);
    let upper = Panel::new(X, (top, middle), end, totals.max());
    upper.draw_frame(&mut scene, &totals.title(outcome), totals.max());
    lane::draw_bands(&mut scene, &upper, &lanes);
    totals.draw(&mut scene, &upper, outcome);
    draw_thresholds(&mut scene, &upper, alerts, Gauge::SumLag);
    lane::draw_marks(&mut scene, &upper, &lanes);
    upper.draw_axes(&mut scene);

    let most = partitions::max(outcome);
    let lower = Panel::new(X, (middle + GAP, bottom), end, most);
    lower.draw_frame(&mut scene, &partitions::title(&outcome.curves), most);
    lane::draw_bands(&mut scene, &lower, &lanes);
    partitions::draw(&mut scene, &lower, outcome);
    draw_thresholds(&mut scene, &lower, alerts, Gauge::Lag);
    lane::draw_marks(&mut scene, &lower, &lanes);
    lower.draw_axes(&mut scene);
    lower.draw_times(&mut scene, bottom + 20.0);
    if let Some(strip) = strip {
        replicas::draw(&mut scene, &lower, strip_from, strip);
    }
    lane::draw_lanes(&mut scene, &lower, lanes_from, &lanes);
    Ok(scene)
}

fn draw_heading(scene: &mut Scene, outcome: &Outcome) {
    let width = f64::from(SIZE.0) - 50.0;
    let summary = &outcome.summary;
    let title = if summary.title.is_empty() {
        &summary.model
    } else {
        &summary.title
    };
    let title = fitted(title, 34.0, width);
    scene.text((25.0, 36.0), Anchor::Left, 34.0, palette::BLACK, &title);
    let headline = fitted(&summary.verdict.headline, 22.0, width);
    scene.text((25.0, 74.0), Anchor::Left, 22.0, palette::GREY, &headline);
}

/// Draws the thresholds of alerts that watch what the panel shows, where they can be told from the axis.
fn draw_thresholds(scene: &mut Scene, panel: &Panel, alerts: &[Alert], gauge: Gauge) {
    let mut free_below = panel.y.1 - 8.0;
    let mut rules: Vec<&Alert> = alerts
        .iter()
        .filter(|alert| alert.when.gauge == gauge)
        .filter(|alert| matches!(alert.when.compare, Compare::Above | Compare::AtLeast))
        .filter(|alert| alert.when.threshold <= panel.top)
        .collect();
    rules.sort_by(|a, b| a.when.threshold.total_cmp(&b.when.threshold));
    for alert in rules {
        let y = panel.height(alert.when.threshold);
        if y > free_below {
            continue;
        }
        free_below = y - 22.0;
        scene.line(
            vec![(panel.x.0, y), (panel.x.1, y)],
            palette::GREEN,
            1.5,
            Some((3.0, 5.0)),
        );
        let label = format!("{} > {}", alert.name, axis::records(alert.when.threshold));
        scene.text(
            (panel.x.0 + 8.0, y - 10.0),
            Anchor::Left,
            15.0,
            palette::BLACK,
            &label,
        );
    }
}

#[cfg(test)]
pub mod tests;
