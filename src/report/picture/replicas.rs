//! The strip below the panels that shows how many replicas the autoscaler wanted when.

use super::frame::Panel;
use super::scene::{Anchor, Point, Scene, Shape, palette};
use crate::measure::Replicas;

/// Height of the strip with its gap (px).
pub const HEIGHT: f64 = 62.0;
const FONT: f64 = 15.0;

/// Draws the strip from `top` downwards.
pub fn draw(scene: &mut Scene, panel: &Panel, top: f64, replicas: &Replicas) {
    let (from, to) = (top + 3.0, top + HEIGHT - 9.0);
    scene.rect(
        (panel.x.0, from),
        (panel.x.1, to),
        palette::PALE.faint(0.35),
    );
    let most = f64::from(replicas.max.max(1));
    let height = |count: u32| to - (to - from - 2.0) * f64::from(count) / most;
    let mut steps: Vec<Point> = vec![(panel.x.0, height(replicas.initial))];
    for change in &replicas.changes {
        let x = panel.at(change.time_s);
        steps.push((x, height(change.from)));
        steps.push((x, height(change.to)));
    }
    steps.push((panel.x.1, height(replicas.last)));
    let mut area = steps.clone();
    area.extend([(panel.x.1, to), (panel.x.0, to)]);
    scene.shapes.push(Shape::Area {
        points: area,
        ink: palette::SKY.faint(0.45),
    });
    scene.line(steps, palette::BLACK, 2.0, None);
    let tick = panel.x.0 - 10.0;
    for (count, y) in [(replicas.max.max(1), from + 6.0), (0, to - 6.0)] {
        let text = count.to_string();
        scene.text((tick, y), Anchor::Right, FONT, palette::GREY, &text);
    }
    let name = (tick - 34.0, (from + to) / 2.0);
    scene.text(name, Anchor::Right, FONT, palette::BLACK, "replicas");
}
