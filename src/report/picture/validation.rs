//! The picture of a validation: measured and predicted lag of all partitions above, of the one that is furthest off below.

use super::curve;
use super::frame::Panel;
use super::scene::{Anchor, Ink, Scene, Shape, fitted, palette};
use super::{SIZE, TIMES, X};
use crate::experiment::{ActionFit, Band, Fit, Validation};
use crate::scenario::Scenario;

/// Upper end of the first panel.
const TOP: f64 = 172.0;
/// Between the panels, for the second one's title.
const GAP: f64 = 46.0;
/// The measured line.
const MEASURED: Ink = palette::VERMILLION;

/// The picture of a validation.
pub fn compose(scenario: &Scenario, validation: &Validation) -> Scene {
    let mut scene = Scene::new(SIZE.0, SIZE.1);
    draw_heading(&mut scene, scenario, validation);
    let bottom = f64::from(SIZE.1) - TIMES - 16.0;
    let end = validation.times.last().map_or(1.0, |at| at.as_secs_f64());
    let worst = worst(&validation.partitions);
    let middle = if worst.is_some() {
        TOP + (bottom - TOP - GAP) * 0.6
    } else {
        bottom
    };
    let upper = Panel::new(X, (TOP, middle), end, highest(&validation.bands[0]));
    let title = format!(
        "Lag of all partitions (records): {}",
        figures(&validation.total)
    );
    draw(&mut scene, &upper, validation, 0, &title);
    let mut last = upper;
    if let Some(ix) = worst {
        let band = &validation.bands[ix + 1];
        let lower = Panel::new(X, (middle + GAP, bottom), end, highest(band));
        let title = format!(
            "Lag of partition {ix}, the one furthest off (records): {}",
            figures(&validation.partitions[ix])
        );
        draw(&mut scene, &lower, validation, ix + 1, &title);
        last = lower;
    }
    last.draw_times(&mut scene, bottom + 20.0);
    scene
}

fn draw_heading(scene: &mut Scene, scenario: &Scenario, validation: &Validation) {
    let width = f64::from(SIZE.0) - 50.0;
    let title = fitted(&scenario.title, 34.0, width);
    scene.text((25.0, 36.0), Anchor::Left, 34.0, palette::BLACK, &title);
    let mut x = X.0;
    let y = 92.0;
    let median = format!(
        "predicted: median of {} replications",
        validation.replications
    );
    let entries = [
        (MEASURED, 3.0, "measured".to_owned()),
        (palette::BLUE, 3.0, median),
        (
            palette::BLUE.faint(0.25),
            16.0,
            "5 to 95 % of them".to_owned(),
        ),
    ];
    for (ink, width, name) in entries {
        scene.line(vec![(x, y), (x + 34.0, y)], ink, width, None);
        scene.text((x + 44.0, y), Anchor::Left, 18.0, palette::BLACK, &name);
        x += 84.0 + super::scene::text_width(&name, 18.0);
    }
}

/// The partition with the largest error, if there is more than one.
fn worst(partitions: &[Fit]) -> Option<usize> {
    if partitions.len() < 2 {
        return None;
    }
    let order = |a: &&Fit, b: &&Fit| {
        a.error
            .total_cmp(&b.error)
            .then(b.partition.cmp(&a.partition))
    };
    let worst = partitions.iter().max_by(order)?;
    worst.partition.map(|partition| partition as usize)
}

fn figures(fit: &Fit) -> String {
    format!(
        "error {:.3}, {:.0} % of the samples inside the band",
        fit.error,
        fit.inside * 100.0
    )
}

fn highest(band: &Band) -> u64 {
    let all = band.measured.iter().chain(&band.high);
    all.fold(0.0_f64, |most, lag| most.max(*lag)).ceil() as u64
}

fn draw(scene: &mut Scene, panel: &Panel, validation: &Validation, which: usize, title: &str) {
    let band = &validation.bands[which];
    let times = &validation.times;
    panel.draw_frame(scene, title, highest(band));
    draw_actions(scene, panel, &validation.actions, which == 0);
    let line = |lags: &[f64]| curve::line(panel, times, |n| lags.get(n).copied().unwrap_or(0.0));
    scene.shapes.push(Shape::Area {
        points: curve::between(&line(&band.high), &line(&band.low)),
        ink: palette::BLUE.faint(0.25),
    });
    scene.line(line(&band.median), palette::BLUE, 3.0, None);
    scene.line(line(&band.measured), MEASURED, 2.5, None);
    panel.draw_axes(scene);
}

/// What happened by plan, as dashed lines, with a name where there is room for it.
fn draw_actions(scene: &mut Scene, panel: &Panel, actions: &[ActionFit], named: bool) {
    let mut free_from = panel.x.0;
    for action in actions {
        let x = panel.at(action.at_s);
        let line = vec![(x, panel.y.0), (x, panel.y.1)];
        scene.line(line, palette::GREY, 1.5, Some((5.0, 5.0)));
        let room = panel.x.1 - x - 10.0;
        let label = fitted(&action.label, 15.0, room.min(260.0));
        if named && x >= free_from && room > 40.0 {
            let at = (x + 6.0, panel.y.0 + 12.0);
            scene.text(at, Anchor::Left, 15.0, palette::GREY, &label);
            free_from = x + 12.0 + super::scene::text_width(&label, 15.0);
        }
    }
}
