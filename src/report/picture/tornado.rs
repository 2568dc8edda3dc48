//! The picture of a sweep around a model: a bar per key from what its lowest to what its highest step makes of the figure,
//! the strongest key on top; thin lines are 95 % intervals.

use super::SIZE;
use super::axis;
use super::scene::{Anchor, Ink, Scene, fitted, palette, text_width};
use crate::experiment::{Plan, Sensitivities, Sensitivity, StepEffect, Told};
use crate::measure::in_words;
use crate::report::sensitivity::{effect_in_words, slope_in_words};
use crate::scenario::{Design, Metric, percent_of};

/// Left and right end of the bars.
const X: (f64, f64) = (470.0, 1_330.0);
/// Upper and lower end.
const Y: (f64, f64) = (170.0, 830.0);
/// Most keys that are drawn.
const MOST_KEYS: usize = 22;
/// Effects beyond this share are drawn on a scale that shrinks large ones.
const LINEAR_TO: f64 = 1.5;
/// Where that scale turns from differences to ratios.
const BEND: f64 = 0.1;

/// The picture.
pub fn compose(plan: &Plan, found: &Sensitivities) -> Scene {
    let mut scene = Scene::new(SIZE.0, SIZE.1);
    let Some(metric) = plan.columns.first() else {
        return scene;
    };
    let keys: Vec<&Sensitivity> = found
        .keys
        .iter()
        .filter(|key| key.told != Told::Nothing)
        .take(MOST_KEYS)
        .collect();
    let drawn = Drawn {
        plan,
        found,
        metric,
        scale: Scale::of(&keys, found.relative),
    };
    drawn.heading(&mut scene, keys.len());
    drawn.axis(&mut scene);
    let height = ((Y.1 - Y.0) / keys.len().max(8) as f64).min(48.0);
    for (row, key) in keys.iter().enumerate() {
        drawn.key(&mut scene, key, Y.0 + (row as f64 + 0.5) * height, height);
    }
    let zero = drawn.scale.at(0.0);
    scene.line(
        vec![(zero, Y.0 - 6.0), (zero, Y.1)],
        palette::BLACK,
        2.0,
        None,
    );
    scene
}

/// From effects to places.
struct Scale {
    /// Lowest and highest effect.
    ends: (f64, f64),
    bent: bool,
    /// Ticks where it is not bent.
    even: Vec<f64>,
}

impl Scale {
    fn of(keys: &[&Sensitivity], relative: bool) -> Self {
        let steps = keys.iter().flat_map(|key| &key.steps);
        let ends = steps
            .filter_map(|step| step.effect(relative))
            .flat_map(|own| [own.low, own.mean, own.high]);
        let (low, high) = ends
            .flatten()
            .filter(|own| own.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), own| {
                (low.min(own), high.max(own))
            });
        let bent = relative && high > LINEAR_TO;
        let even = axis::figure_ticks(low, high);
        let ends = match even.as_slice() {
            _ if bent => (low.min(-BEND), high),
            [first, .., last] => (*first, *last),
            _ => (-1.0, 1.0),
        };
        Scale { ends, bent, even }
    }

    fn bend(&self, effect: f64) -> f64 {
        if self.bent {
            (effect / BEND).asinh()
        } else {
            effect
        }
    }

    fn at(&self, effect: f64) -> f64 {
        let (low, high) = (self.bend(self.ends.0), self.bend(self.ends.1));
        let share = (self.bend(effect) - low) / (high - low).max(1e-12);
        X.0 + share.clamp(0.0, 1.0) * (X.1 - X.0)
    }

    fn ticks(&self) -> Vec<f64> {
        if !self.bent {
            return self.even.clone();
        }
        let powers = (0..12).map(|power| BEND * 10_f64.powi(power));
        let up: Vec<f64> = powers.take_while(|tick| *tick <= self.ends.1).collect();
        let down = [-1.0, -0.5, -0.2, -BEND]
            .into_iter()
            .filter(|tick| *tick >= self.ends.0);
        down.chain([0.0]).chain(up).collect()
    }
}

struct Drawn<'a> {
    plan: &'a Plan,
    found: &'a Sensitivities,
    metric: &'a Metric,
    scale: Scale,
}

impl Drawn<'_> {
    fn heading(&self, scene: &mut Scene, keys: usize) {
        let width = f64::from(SIZE.0) - 50.0;
        let title = fitted(&self.plan.title, 34.0, width);
        scene.text((25.0, 36.0), Anchor::Left, 34.0, palette::BLACK, &title);
        let base = self
            .found
            .base
            .mean
            .map_or_else(|| "never".to_owned(), |mean| in_words(self.metric, mean));
        let text = format!(
            "{} of the model: {base}; {} numbers moved one at a time, {keys} of them shown, {} replications on the same draws",
            self.metric.name(),
            self.plan.axes.len(),
            self.plan.replications
        );
        let text = fitted(&text, 22.0, width);
        scene.text((25.0, 74.0), Anchor::Left, 22.0, palette::GREY, &text);
        let Design::Around(around) = &self.plan.design else {
            return;
        };
        let ends = |sign: f64| {
            let steps = around.steps.iter().filter(|step| **step * sign > 0.0);
            let steps: Vec<String> = steps.map(|step| percent_of(*step)).collect();
            format!("key {}", steps.join(", "))
        };
        let mut left = X.0;
        for (ink, text) in [(LOWER, ends(-1.0)), (HIGHER, ends(1.0))] {
            scene.rect((left, 104.0), (left + 22.0, 118.0), ink);
            scene.text(
                (left + 30.0, 111.0),
                Anchor::Left,
                17.0,
                palette::BLACK,
                &text,
            );
            left += 30.0 + text_width(&text, 17.0) + 40.0;
        }
        let note = "thin line: 95 %; pale: within chance";
        scene.text((left, 111.0), Anchor::Left, 17.0, palette::GREY, note);
        let unit = if self.found.relative {
            "% per %"
        } else {
            "per %"
        };
        scene.text(
            (X.1 + 70.0, Y.0 - 30.0),
            Anchor::Left,
            17.0,
            palette::GREY,
            unit,
        );
    }

    fn axis(&self, scene: &mut Scene) {
        let mut free = f64::NEG_INFINITY;
        for tick in self.scale.ticks() {
            let x = self.scale.at(tick);
            let label = effect_in_words(self.metric, self.found.relative, tick);
            let half = text_width(&label, 17.0) / 2.0;
            scene.line(vec![(x, Y.0 - 6.0), (x, Y.1)], palette::PALE, 1.0, None);
            if x - half > free {
                scene.text(
                    (x, Y.0 - 22.0),
                    Anchor::Middle,
                    17.0,
                    palette::BLACK,
                    &label,
                );
                free = x + half + 14.0;
            }
        }
        let scale = match self.scale.bent {
            true => " (large changes are drawn shorter)",
            false => "",
        };
        let name = format!("change of {}{scale}", self.metric.name());
        let middle = ((X.0 + X.1) / 2.0, Y.1 + 30.0);
        scene.text(middle, Anchor::Middle, 18.0, palette::GREY, &name);
    }

    fn key(&self, scene: &mut Scene, key: &Sensitivity, middle: f64, height: f64) {
        let axis = &self.plan.axes[key.axis];
        let size = (height * 0.62).clamp(14.0, 18.0);
        let name = ending(&axis.name, size, 300.0);
        scene.text((25.0, middle), Anchor::Left, size, palette::BLACK, &name);
        let value = fitted(&axis.values[0].label, size, 105.0);
        scene.text(
            (X.0 - 14.0, middle),
            Anchor::Right,
            size,
            palette::GREY,
            &value,
        );
        let half = height * 0.34;
        let pale = if key.told == Told::Chance { 0.35 } else { 1.0 };
        let outward = |sign: f64| {
            let mut steps: Vec<&StepEffect> = key
                .steps
                .iter()
                .filter(|step| step.moved * sign > 0.0)
                .collect();
            steps.sort_by(|a, b| b.moved.abs().total_cmp(&a.moved.abs()));
            steps
        };
        let sides = [(outward(-1.0), LOWER, -1.0), (outward(1.0), HIGHER, 1.0)];
        // Where both sides go the same way each has half of the height.
        let mean = |steps: &[&StepEffect]| {
            steps
                .first()
                .and_then(|step| step.effect(self.found.relative)?.mean)
        };
        let alike =
            matches!((mean(&sides[0].0), mean(&sides[1].0)), (Some(a), Some(b)) if a * b > 0.0);
        for (steps, ink, sign) in &sides {
            let (up, down) = match (alike, *sign < 0.0) {
                (false, _) => (middle - half, middle + half),
                (true, true) => (middle - half, middle),
                (true, false) => (middle, middle + half),
            };
            for (n, step) in steps.iter().enumerate() {
                self.bar(scene, step, (up, down), ink.faint(pale), n > 0);
            }
        }
        let told = match key.told {
            Told::Chance => "within chance".to_owned(),
            _ => slope_in_words(key.slope),
        };
        scene.text(
            (X.1 + 20.0, middle),
            Anchor::Left,
            size,
            palette::BLACK,
            &told,
        );
    }

    /// A bar from no change to what a step does; of a smaller step a mark on it.
    fn bar(
        &self,
        scene: &mut Scene,
        step: &StepEffect,
        (up, down): (f64, f64),
        ink: Ink,
        smaller: bool,
    ) {
        let Some(effect) = step.effect(self.found.relative) else {
            return;
        };
        let Some(mean) = effect.mean else {
            return;
        };
        let (zero, end) = (self.scale.at(0.0), self.scale.at(mean));
        if smaller {
            scene.line(
                vec![(end, up), (end, down)],
                Ink::solid(255, 255, 255),
                3.0,
                None,
            );
            return;
        }
        scene.rect((zero.min(end), up), (zero.max(end), down), ink);
        if let (Some(low), Some(high)) = (effect.low, effect.high) {
            let middle = (up + down) / 2.0;
            let ends = (self.scale.at(low), self.scale.at(high));
            scene.line(
                vec![(ends.0, middle), (ends.1, middle)],
                palette::BLACK,
                1.5,
                None,
            );
        }
    }
}

/// `path`, or as much of its end as fits into `width` and an ellipsis: the last keys of a path tell it from others.
fn ending(path: &str, size: f64, width: f64) -> String {
    let fits = |text: &str| text_width(text, size) + text_width("…", size) <= width;
    if text_width(path, size) <= width {
        return path.to_owned();
    }
    let rest = path.char_indices().map(|(at, _)| &path[at..]);
    let rest = rest.into_iter().find(|rest| fits(rest));
    format!("…{}", rest.unwrap_or_default())
}

/// What a lower value does.
const LOWER: Ink = palette::BLUE;
/// What a higher value does.
const HIGHER: Ink = palette::ORANGE;

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::experiment::{Entry, Findings, Sweep};
    use crate::report::picture::tests::asked;
    use crate::scenario::around;

    const MODEL: &str = r#"
        horizon = "1m"
        topic = { name = "orders", partitions = 4 }
        produce = { rate = "300/s" }
        group = { name = "order-processor", members = 2 }
        processing = { time = { bimodal = { fast = "4ms", slow = "40ms", slow-share = 0.1 } }, commit = "after-batch" }
        downstream.a-dependency-with-a-name-that-is-longer-than-there-is-room = { latency = "1ms", rate-limit = "250/s" }
    "#;

    /// Figures that grow, that may well be zero, that cannot be told from chance, and that never come.
    const METRICS: [&str; 5] = ["final-lag", "lag-growth", "evictions", "max-age", "drain"];

    /// Pictures of the sensitivity of very different figures, by name.
    pub fn gallery() -> Vec<(&'static str, Scene)> {
        let read = |_: &str| Ok(MODEL.to_owned());
        let drawn = METRICS.map(|metric| {
            let keys = format!("replications = 3\nmetrics = [\"{metric}\"]");
            let asked = around(asked(&keys, &read), &[-0.2, -0.1, 0.1, 0.2], &read);
            let plan = Plan::of(&asked, 0);
            let sweep = Sweep::new(&asked, &plan, &read);
            let mut findings = Findings::new(&plan);
            for case in 0..plan.cases() {
                let scenario = sweep.scenario(case).unwrap_or_else(|why| panic!("{why}"));
                let runs: Vec<Entry> = (0..plan.replications)
                    .map(|replication| Entry::of(sweep.run_one(&scenario, case, replication), 0))
                    .collect();
                findings.case(&plan, &runs);
            }
            let found = Sensitivities::of(&plan, &findings).expect(metric);
            (metric, compose(&plan, &found))
        });
        drawn.to_vec()
    }
}
