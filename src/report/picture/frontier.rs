//! The picture of a search for the cheapest case: what each case that was run costs, and the figure of its first
//! requirement, on a scale of powers of ten; the frontier, the bound and the plan.

use super::SIZE;
use super::axis;
use super::scene::{Anchor, Point, Scene, fitted, palette, text_width};
use crate::measure::in_words;
use crate::report::planning::{Search, plain};
use crate::scenario::Hold;

/// Left and right end of the panel.
const X: (f64, f64) = (160.0, 1540.0);
/// Its upper and lower end.
const Y: (f64, f64) = (170.0, 800.0);
const FONT: f64 = 18.0;

/// A case of the picture.
struct Dot {
    case: usize,
    cost: f64,
    figure: f64,
    holds: bool,
}

/// Costs from left to right, figures upwards.
struct Scale {
    cost: (f64, f64),
    /// Powers of ten at the lower and the upper end; what is lower or never stands at the ends.
    power: (i32, i32),
}

impl Scale {
    fn of(dots: &[Dot], bound: Option<f64>) -> Self {
        let costs = dots.iter().map(|dot| dot.cost);
        let figures = dots.iter().map(|dot| dot.figure).chain(bound);
        let positive: Vec<f64> = figures.filter(|f| f.is_finite() && *f > 0.0).collect();
        let low = positive.iter().copied().fold(f64::INFINITY, f64::min);
        let high = positive.iter().copied().fold(1.0, f64::max);
        let low = if low.is_finite() { low } else { 1.0 };
        let first = low.log10().floor().max(-3.0) as i32;
        let ticks = axis::difference_ticks(0.0, costs.fold(0.0, f64::max));
        Scale {
            cost: (0.0, ticks.last().map_or(1.0, |(end, _)| *end)),
            power: (first, (high.log10().ceil() as i32).max(first + 1)),
        }
    }

    fn x(&self, cost: f64) -> f64 {
        X.0 + (cost / self.cost.1).clamp(0.0, 1.0) * (X.1 - X.0)
    }

    fn y(&self, figure: f64) -> f64 {
        let (low, high) = (f64::from(self.power.0), f64::from(self.power.1));
        let place = if figure > 0.0 { figure.log10() } else { low };
        let share = ((place - low) / (high - low)).clamp(0.0, 1.0);
        Y.1 - share * (Y.1 - Y.0)
    }
}

/// The picture.
pub fn compose(search: &Search) -> Scene {
    let mut scene = Scene::new(SIZE.0, SIZE.1);
    draw_heading(&mut scene, search);
    let Some(hold) = search.planning.holds.first() else {
        return scene;
    };
    let judged = search.planned.judged.values();
    let dots: Vec<Dot> = judged
        .map(|own| Dot {
            case: own.case,
            cost: search.cost(own.case),
            figure: own.held[0].decisive(hold),
            holds: own.holds,
        })
        .collect();
    let bound = hold.expectation.below.or(hold.expectation.above);
    let scale = Scale::of(&dots, bound);
    draw_axes(&mut scene, &scale, hold, &dots);
    if let Some(bound) = bound {
        let y = scale.y(bound);
        let line = vec![(X.0, y), (X.1, y)];
        scene.line(line, palette::GREEN, 2.0, Some((6.0, 6.0)));
    }
    draw_frontier(&mut scene, &scale, search, &dots);
    draw_dots(&mut scene, &scale, search, &dots);
    draw_legend(&mut scene, hold);
    scene
}

fn draw_heading(scene: &mut Scene, search: &Search) {
    let width = f64::from(SIZE.0) - 50.0;
    let title = fitted(&search.experiment.title, 34.0, width);
    scene.text((25.0, 36.0), Anchor::Left, 34.0, palette::BLACK, &title);
    let told = match search.planned.plan {
        Some(plan) => format!(
            "Cheapest that holds: {}, cost {}",
            search.experiment.told(plan),
            plain(search.cost(plan))
        ),
        None => "No case holds".to_owned(),
    };
    let told = fitted(&told, 22.0, width);
    scene.text((25.0, 74.0), Anchor::Left, 22.0, palette::GREY, &told);
}

fn draw_axes(scene: &mut Scene, scale: &Scale, hold: &Hold, dots: &[Dot]) {
    let metric = &hold.expectation.metric;
    let title = format!("{} of a case, and what it costs", metric.name());
    scene.text(
        (X.0, Y.0 - 18.0),
        Anchor::Left,
        20.0,
        palette::BLACK,
        &title,
    );
    for power in scale.power.0..=scale.power.1 {
        let value = 10_f64.powi(power);
        let y = scale.y(value);
        scene.line(vec![(X.0, y), (X.1, y)], palette::PALE, 1.0, None);
        let label = in_words(metric, value);
        scene.text((X.0 - 10.0, y), Anchor::Right, FONT, palette::BLACK, &label);
    }
    let most = dots.iter().map(|dot| dot.cost).fold(0.0, f64::max);
    for (cost, label) in axis::difference_ticks(0.0, most) {
        let x = scale.x(cost);
        scene.line(vec![(x, Y.0), (x, Y.1)], palette::PALE, 1.0, None);
        scene.text(
            (x, Y.1 + 22.0),
            Anchor::Middle,
            FONT,
            palette::BLACK,
            &label,
        );
    }
    let corner = vec![(X.0, Y.0), (X.0, Y.1), (X.1, Y.1)];
    scene.line(corner, palette::GREY, 1.5, None);
    let middle = (X.0 + X.1) / 2.0;
    scene.text(
        (middle, Y.1 + 56.0),
        Anchor::Middle,
        20.0,
        palette::BLACK,
        "cost",
    );
}

/// Steps along the cases of which none that is cheaper is as good.
fn draw_frontier(scene: &mut Scene, scale: &Scale, search: &Search, dots: &[Dot]) {
    let mut steps: Vec<Point> = Vec::new();
    for case in search.planned.frontier(search.planning) {
        let Some(dot) = dots.iter().find(|dot| dot.case == case) else {
            continue;
        };
        let (x, y) = (scale.x(dot.cost), scale.y(dot.figure));
        if let Some(last) = steps.last().copied() {
            steps.push((x, last.1));
        }
        steps.push((x, y));
    }
    scene.line(steps, palette::BLUE, 2.5, None);
}

fn draw_dots(scene: &mut Scene, scale: &Scale, search: &Search, dots: &[Dot]) {
    for dot in dots {
        let (x, y) = (scale.x(dot.cost), scale.y(dot.figure));
        let ink = if dot.holds {
            palette::GREEN
        } else {
            palette::VERMILLION
        };
        scene.rect((x - 6.0, y - 6.0), (x + 6.0, y + 6.0), ink);
        if search.planned.plan == Some(dot.case) {
            let (left, right) = (x - 14.0, x + 14.0);
            let (upper, lower) = (y - 14.0, y + 14.0);
            let frame = vec![
                (left, upper),
                (right, upper),
                (right, lower),
                (left, lower),
                (left, upper),
            ];
            scene.line(frame, palette::BLACK, 3.0, None);
        }
    }
}

fn draw_legend(scene: &mut Scene, hold: &Hold) {
    let y = 112.0;
    let marks = [
        (palette::GREEN, "holds".to_owned()),
        (palette::VERMILLION, "fails".to_owned()),
        (palette::BLUE, "no cheaper case is as good".to_owned()),
    ];
    let mut left = X.0;
    for (ink, text) in marks {
        scene.rect((left, y - 6.0), (left + 12.0, y + 6.0), ink);
        scene.text((left + 22.0, y), Anchor::Left, FONT, palette::BLACK, &text);
        left += 22.0 + text_width(&text, FONT) + 34.0;
    }
    let text = format!("dashed: {}; framed: the plan", hold.expectation.text);
    scene.text((left, y), Anchor::Left, FONT, palette::BLACK, &text);
}
