//! The picture of a search for the cheapest case: what each case that was run costs, and the figure of its first
//! requirement, on a logarithmic scale; the frontier, the bound and the plan.

use super::SIZE;
use super::axis;
use super::scene::{Anchor, Point, Scene, fitted, palette, text_width};
use crate::measure::in_words;
use crate::report::planning::{Search, plain};
use crate::scenario::{Hold, Unit};

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
    /// Ticks of the costs, at least two.
    costs: Vec<f64>,
    /// Ticks of the figures, at least two; what is lower or never stands at the ends.
    figures: Vec<f64>,
}

impl Scale {
    fn of(dots: &[Dot], bound: Option<f64>, seconds: bool) -> Self {
        let (low, high) = range(dots.iter().map(|dot| dot.cost)).unwrap_or((0.0, 1.0));
        let room = 0.04 * (high - low);
        let figures = dots.iter().map(|dot| dot.figure).chain(bound);
        let (least, most) = range(figures.filter(|figure| *figure > 0.0)).unwrap_or((1.0, 1.0));
        Scale {
            costs: axis::round_ticks(low - room, high + room),
            figures: axis::log_ticks(least / 1.1, most * 1.1, seconds),
        }
    }

    fn x(&self, cost: f64) -> f64 {
        let (low, high) = ends(&self.costs);
        X.0 + ((cost - low) / (high - low)).clamp(0.0, 1.0) * (X.1 - X.0)
    }

    fn y(&self, figure: f64) -> f64 {
        let (low, high) = ends(&self.figures);
        let share = if figure > low {
            ((figure / low).ln() / (high / low).ln()).min(1.0)
        } else {
            0.0
        };
        Y.1 - share * (Y.1 - Y.0)
    }
}

/// The lowest and the highest of the numbers that are finite.
fn range(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    numbers
        .filter(|number| number.is_finite())
        .map(|number| (number, number))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn ends(ticks: &[f64]) -> (f64, f64) {
    (ticks[0], ticks[ticks.len() - 1])
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
    let seconds = hold.expectation.metric.figure().unit == Unit::Seconds;
    let scale = Scale::of(&dots, bound, seconds);
    draw_axes(&mut scene, &scale, hold);
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

fn draw_axes(scene: &mut Scene, scale: &Scale, hold: &Hold) {
    let metric = &hold.expectation.metric;
    let title = format!(
        "{} of a case (logarithmic), and what it costs",
        metric.name()
    );
    scene.text(
        (X.0, Y.0 - 18.0),
        Anchor::Left,
        20.0,
        palette::BLACK,
        &title,
    );
    for &value in &scale.figures {
        let y = scale.y(value);
        scene.line(vec![(X.0, y), (X.1, y)], palette::PALE, 1.0, None);
        let label = in_words(metric, value);
        scene.text((X.0 - 10.0, y), Anchor::Right, FONT, palette::BLACK, &label);
    }
    for &cost in &scale.costs {
        let (x, label) = (scale.x(cost), plain(cost));
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

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::experiment;
    use crate::report::picture::tests::{MODEL, asked};

    /// What is looked for, by name: a time, a count that may be zero, records with a price of almost nothing, and what never comes.
    const ASKED: [(&str, &str, &str); 5] = [
        ("plan by age", "10", "metric = \"max-age\"\nbelow = \"20s\""),
        (
            "plan by evictions",
            "1000000",
            "metric = \"evictions\"\nbelow = 1",
        ),
        (
            "plan by lag",
            "0.001",
            "metric = \"max-lag\"\nbelow = 100000",
        ),
        ("plan by drain", "1", "metric = \"drain\"\nbelow = \"10s\""),
        (
            "a plan that nothing holds",
            "1",
            "metric = \"max-lag\"\nbelow = 1",
        ),
    ];

    /// Pictures of very different searches, by name.
    pub fn gallery() -> Vec<(&'static str, Scene)> {
        let read = |_: &str| Ok(MODEL.to_owned());
        let drawn = ASKED.map(|(name, price, hold)| {
            let keys = format!(
                "replications = 3\n\
                 [[axis]]\nkey = \"group.members\"\nvalues = [1, 2, 3, 4]\n\
                 [[axis]]\nkey = \"topic.partitions\"\nvalues = [2, 4]\n\
                 [plan]\ncost = {{ group.members = {price}, topic.partitions = 0.5 }}\n\
                 [[plan.hold]]\n{hold}"
            );
            let experiment = asked(&keys, &read);
            let planning = experiment.planning.as_ref().unwrap();
            let planned = experiment::plan(&experiment, planning, &read, &|| {}).unwrap();
            let search = Search {
                experiment: &experiment,
                planning,
                planned: &planned,
            };
            (name, compose(&search))
        });
        drawn.into()
    }

    fn dot(cost: f64, figure: f64) -> Dot {
        Dot {
            case: 0,
            cost,
            figure,
            holds: true,
        }
    }

    /// The panel shows the costs there are, not those from nothing on; figures of zero and never stand at its ends.
    #[test]
    fn the_axes_hold_what_is_drawn_and_little_else() {
        let dots = [
            dot(126.0, 230.0),
            dot(153.0, 44.0),
            dot(140.0, 0.0),
            dot(140.0, f64::INFINITY),
        ];
        let scale = Scale::of(&dots, Some(60.0), true);
        assert_eq!(scale.costs, [120.0, 130.0, 140.0, 150.0, 160.0]);
        assert_eq!(scale.figures, [20.0, 60.0, 120.0, 300.0]);
        assert_eq!((scale.y(0.0), scale.y(f64::INFINITY)), (Y.1, Y.0));
        let many = [dot(1.0, 1.0), dot(1.0, 1e9)];
        let figures = Scale::of(&many, None, false).figures;
        assert!(figures.len() <= 10, "{figures:?}");
        assert_eq!(ends(&figures), (0.5, 2e9));
    }
}
