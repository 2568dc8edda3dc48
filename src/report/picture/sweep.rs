//! The picture of a sweep: curves of lag for one axis, a heat map for two, a row of them for three, the mean along each axis
//! for more. A service level is a line: what lies on its good side holds it.

use super::scene::{Anchor, Ink, Point, Scene, fitted, palette, text_width};
use super::{SIZE, axis};
use crate::experiment::{Findings, Plan, PlanAxis};
use crate::measure::in_words;
use crate::scenario::Metric;

/// Left and right end of the panels.
const X: (f64, f64) = (210.0, 1_380.0);
/// Upper and lower end.
const Y: (f64, f64) = (150.0, 790.0);
/// Most panels of a row, and most cells along a side of a heat map.
const MOST_PANELS: usize = 6;
/// From good to bad: viridis' ends are light and dark, so that they differ in print and for every eye.
const RAMP: [(f64, f64, f64); 5] = [
    (253.0, 231.0, 37.0),
    (94.0, 201.0, 98.0),
    (33.0, 145.0, 140.0),
    (59.0, 82.0, 139.0),
    (68.0, 1.0, 84.0),
];

/// The picture of a sweep; none if it varies nothing.
pub fn compose(plan: &Plan, findings: &Findings) -> Option<Scene> {
    let metric = plan.columns.get(plan.objective())?;
    let mut scene = Scene::new(SIZE.0, SIZE.1);
    let drawn = Drawn {
        plan,
        findings,
        metric,
    };
    let sizes: Vec<usize> = plan.axes.iter().map(|axis| axis.values.len()).collect();
    drawn.heading(&mut scene);
    match sizes.as_slice() {
        [] => return None,
        [_] if findings.curves.len() == plan.cases() => drawn.curves(&mut scene),
        [_] => drawn.effects(&mut scene),
        [_, _] => drawn.heat_maps(&mut scene, 1),
        [panels, _, _] if *panels <= MOST_PANELS => drawn.heat_maps(&mut scene, *panels),
        _ => drawn.effects(&mut scene),
    }
    Some(scene)
}

struct Drawn<'a> {
    plan: &'a Plan,
    findings: &'a Findings,
    metric: &'a Metric,
}

/// A rectangle of the sheet: left and right, upper and lower end.
#[derive(Clone, Copy)]
struct Place {
    x: (f64, f64),
    y: (f64, f64),
}

impl Drawn<'_> {
    fn heading(&self, scene: &mut Scene) {
        let width = f64::from(SIZE.0) - 50.0;
        let title = fitted(&self.plan.title, 34.0, width);
        scene.text((25.0, 36.0), Anchor::Left, 34.0, palette::BLACK, &title);
        let cases = self.plan.cases();
        let mut text = match self.plan.replications {
            1 => format!("{cases} cases"),
            n => format!("{cases} cases, means of {n} replications"),
        };
        if let Some(slo) = &self.plan.slo {
            text.push_str(&format!(
                "; {} of them hold the service level {}",
                self.findings.holding, slo.text
            ));
        }
        let text = fitted(&text, 22.0, width);
        scene.text((25.0, 74.0), Anchor::Left, 22.0, palette::GREY, &text);
    }

    /// Curves of total lag over each other, named at the right by the value of the axis.
    fn curves(&self, scene: &mut Scene) {
        let end = self.plan.horizon_s.max(1e-9);
        let curves = &self.findings.curves;
        let most = curves.iter().flatten().copied().max().unwrap_or(0);
        let panel = super::frame::Panel::new(X, Y, end, most);
        panel.draw_frame(scene, "Total lag (records) of the first replication", most);
        let values = &self.plan.axes[0].values;
        let mut names: Vec<(f64, String, Ink)> = Vec::new();
        for (at, (curve, value)) in curves.iter().zip(values).enumerate() {
            // The lightest colours are no lines on white.
            let ink = ramp(0.25 + 0.75 * at as f64 / (curves.len() - 1).max(1) as f64);
            let step = end / curve.len().max(1) as f64;
            let points: Vec<Point> = curve
                .iter()
                .enumerate()
                .map(|(n, lag)| (panel.at((n as f64 + 0.5) * step), panel.height(*lag as f64)))
                .collect();
            if let Some(last) = points.last() {
                names.push((last.1, value.label.clone(), ink));
            }
            scene.line(points, ink, 2.5, None);
        }
        panel.draw_axes(scene);
        panel.draw_times(scene, Y.1 + 24.0);
        // From below, each name clear of the one before.
        names.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut free = Y.1;
        for (y, name, ink) in names {
            let place = y.min(free);
            free = place - 20.0;
            scene.line(
                vec![(X.1 + 8.0, place), (X.1 + 30.0, place)],
                ink,
                4.0,
                None,
            );
            let name = fitted(&name, 17.0, f64::from(SIZE.0) - X.1 - 44.0);
            scene.text(
                (X.1 + 36.0, place),
                Anchor::Left,
                17.0,
                palette::BLACK,
                &name,
            );
        }
        let name = fitted(&self.plan.axes[0].name, 17.0, f64::from(SIZE.0) - X.1);
        scene.text(
            (X.1 + 8.0, Y.0 - 18.0),
            Anchor::Left,
            17.0,
            palette::GREY,
            &name,
        );
    }

    /// One heat map per value of the first of three axes, or one of both axes.
    fn heat_maps(&self, scene: &mut Scene, panels: usize) {
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

    /// The mean along each axis, over the cases that share a value.
    fn effects(&self, scene: &mut Scene) {
        let axes: Vec<usize> = (0..self.plan.axes.len())
            .filter(|at| self.plan.axes[*at].values.len() > 1)
            .take(MOST_PANELS)
            .collect();
        let means = |at: usize| self.findings.effects[at].iter().map(|effect| effect.mean());
        let most = axes
            .iter()
            .flat_map(|at| means(*at))
            .flatten()
            .fold(0.0, f64::max);
        let top = axis::record_ticks(most.ceil() as u64);
        let end = top.last().map_or(1.0, |(value, _)| *value);
        let height = |value: f64| Y.1 - (value / end).clamp(0.0, 1.0) * (Y.1 - Y.0);
        let title = format!(
            "{} along each axis, mean over the others",
            self.metric.name()
        );
        scene.text((X.0, 108.0), Anchor::Left, 20.0, palette::BLACK, &title);
        for (value, _) in &top {
            let y = height(*value);
            let label = in_words(self.metric, *value);
            scene.line(vec![(X.0, y), (X.1, y)], palette::PALE, 1.0, None);
            scene.text((X.0 - 10.0, y), Anchor::Right, 18.0, palette::BLACK, &label);
        }
        let gap = 26.0;
        let width =
            (X.1 - X.0 - gap * axes.len().saturating_sub(1) as f64) / axes.len().max(1) as f64;
        for (panel, at) in axes.iter().enumerate() {
            let left = X.0 + panel as f64 * (width + gap);
            let values = &self.plan.axes[*at].values;
            let x = |n: usize| left + (n as f64 + 0.5) * width / values.len() as f64;
            let points: Vec<Point> = means(*at)
                .enumerate()
                .filter_map(|(n, mean)| Some((x(n), height(mean?))))
                .collect();
            for (px, py) in &points {
                scene.rect((px - 5.0, py - 5.0), (px + 5.0, py + 5.0), palette::BLUE);
            }
            scene.line(points, palette::BLUE, 2.5, None);
            let widest = values.iter().map(|value| text_width(&value.label, 16.0));
            let least = widest.fold(0.0, f64::max).min(120.0) + 10.0;
            let step = every(values.len(), width / values.len() as f64, least);
            for (n, value) in values.iter().enumerate().step_by(step) {
                scene.text(
                    (x(n), Y.1 + 20.0),
                    Anchor::Middle,
                    16.0,
                    palette::BLACK,
                    &value.label,
                );
            }
            let name = fitted(&self.plan.axes[*at].name, 18.0, width);
            scene.text(
                (left + width / 2.0, Y.1 + 52.0),
                Anchor::Middle,
                18.0,
                palette::GREY,
                &name,
            );
            scene.line(
                vec![(left, Y.1), (left + width, Y.1)],
                palette::GREY,
                1.5,
                None,
            );
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

/// Every how many of `count` labels have the room of `least` that they need, if each has `room`.
fn every(count: usize, room: f64, least: f64) -> usize {
    let enough = (1..=count).find(|n| room * *n as f64 >= least);
    enough.unwrap_or(count).max(1)
}

/// A colour of the ramp, from 0 (best) to 1 (worst).
fn ramp(share: f64) -> Ink {
    let place = share.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let at = (place.floor() as usize).min(RAMP.len() - 2);
    let (from, to, part) = (RAMP[at], RAMP[at + 1], place - at as f64);
    let mix = |a: f64, b: f64| (a + (b - a) * part).round() as u8;
    Ink::solid(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::experiment::{Entry, Sweep};
    use crate::scenario::{Source, check_experiment};

    const MODEL: &str = r#"
        horizon = "2m"
        topic = { name = "orders", partitions = 4 }
        produce = { rate = "300/s" }
        group = { name = "order-processor", members = 2 }
        processing = { time = "8ms", commit = "after-batch" }
    "#;

    /// Axes of experiments, by name: one to four, few and many values, with and without a service level.
    const ASKED: [(&str, &str); 5] = [
        (
            "one axis",
            "[[axis]]\nkey = \"group.members\"\nvalues = [1, 2, 3, 4]",
        ),
        (
            "two axes",
            "[slo]\nmetric = \"final-lag\"\nbelow = 1000\n\
             [[axis]]\nkey = \"topic.partitions\"\nvalues = [1, 2, 4]\n\
             [[axis]]\nkey = \"group.members\"\nvalues = [1, 2, 4]",
        ),
        (
            "long values",
            "[[axis]]\nname = \"how many records a member takes at a time, at most\"\n\
             key = \"group.properties.max.poll.records\"\nvalues = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]\n\
             [[axis]]\nkey = \"produce.rate\"\nvalues = [\"100/s\", \"2000000/h\"]",
        ),
        (
            "three axes",
            "[[axis]]\nkey = \"group.members\"\nvalues = [1, 2, 4]\n\
             [[axis]]\nkey = \"topic.partitions\"\nvalues = [2, 4]\n\
             [[axis]]\nkey = \"produce.rate\"\nvalues = [\"100/s\", \"300/s\"]",
        ),
        (
            "four axes",
            "[[axis]]\nkey = \"group.members\"\nvalues = [1, 2]\n\
             [[axis]]\nkey = \"topic.partitions\"\nvalues = [2, 4]\n\
             [[axis]]\nkey = \"processing.time\"\nvalues = [\"2ms\", \"8ms\"]\n\
             [[axis]]\nkey = \"produce.rate\"\nvalues = [\"100/s\", \"300/s\"]",
        ),
    ];

    /// Pictures of very different sweeps, by name.
    pub fn gallery() -> Vec<(&'static str, Scene)> {
        let read = |_: &str| Ok(MODEL.to_owned());
        let drawn = ASKED.iter().map(|(name, axes)| {
            let source = Source {
                name: "asked.toml".into(),
                stem: "asked".into(),
                text: format!("title = \"what if\"\nmodel = \"model.toml\"\n{axes}\n"),
            };
            let asked = check_experiment(&source, &[], &read).unwrap_or_else(|why| panic!("{why}"));
            let plan = Plan::of(&asked, 0);
            let sweep = Sweep {
                experiment: &asked,
                plan: &plan,
                read: &read,
            };
            let mut findings = Findings::new(&plan);
            for case in 0..plan.cases() {
                let scenario = sweep.scenario(case).unwrap_or_else(|why| panic!("{why}"));
                let run = sweep.run_one(&scenario, case, 0);
                findings.case(&plan, &[Entry::of(run, 0)]);
            }
            (*name, compose(&plan, &findings).expect(name))
        });
        drawn.collect()
    }
}
