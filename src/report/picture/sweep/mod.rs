//! The picture of a sweep: curves of lag for one axis, a heat map for two, a row of them for three, the mean along each axis
//! for more; of samples a cloud along each axis with its means. A service level is a line: what lies on its good side
//! holds it.

mod effects;
mod heat;
mod scatter;

use super::SIZE;
use super::scene::{Anchor, Ink, Point, Scene, fitted, palette};
use crate::experiment::{Findings, Plan};
use crate::scenario::{Design, Metric};
use heat::ramp;

/// Left and right end of the panels.
const X: (f64, f64) = (210.0, 1_380.0);
/// Upper and lower end.
const Y: (f64, f64) = (150.0, 790.0);
/// Most panels of a row.
const MOST_PANELS: usize = 6;
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
        _ if plan.design != Design::Grid => drawn.scatter(&mut scene),
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
}

/// Every how many of `count` labels have the room of `least` that they need, if each has `room`.
fn every(count: usize, room: f64, least: f64) -> usize {
    let enough = (1..=count).find(|n| room * *n as f64 >= least);
    enough.unwrap_or(count).max(1)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::experiment::{Entry, Sweep};
    use crate::report::picture::tests::{MODEL, asked};

    /// Axes of experiments, by name: one to four, few and many values, with and without a service level.
    const ASKED: [(&str, &str); 8] = [
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
        (
            "samples of one axis",
            "samples = { sobol = 64 }\n[slo]\nmetric = \"drain\"\nbelow = \"20s\"\n\
             [[axis]]\nkey = \"processing.time\"\nvalues = \"1ms..9ms\"",
        ),
        (
            "samples of three axes",
            "samples = { latin-hypercube = 60 }\n[slo]\nmetric = \"final-lag\"\nbelow = 20_000\n\
             [[axis]]\nkey = \"processing.time\"\nvalues = \"1ms..20ms*\"\n\
             [[axis]]\nkey = \"group.members\"\nvalues = \"1..4\"\n\
             [[axis]]\nkey = \"produce.rate\"\nvalues = \"100/s..2000/s\"",
        ),
        (
            "samples of seven axes",
            "samples = { random = 48 }\nmetrics = [\"lag-growth\"]\n\
             [[axis]]\nname = \"how long it takes to process a single record, on average\"\n\
             key = \"processing.time\"\nvalues = \"1ms..20ms*\"\n\
             [[axis]]\nkey = \"group.members\"\nvalues = \"1..4\"\n\
             [[axis]]\nkey = \"topic.partitions\"\nvalues = [2, 4, 8]\n\
             [[axis]]\nkey = \"group.properties.max.poll.records\"\nvalues = \"1..2000*\"\n\
             [[axis]]\nkey = \"group.properties.max.partition.fetch.bytes\"\nvalues = \"10000..2000000*\"\n\
             [[axis]]\nkey = \"topic.record-size\"\nvalues = \"100B..64KiB*\"\n\
             [[axis]]\nkey = \"produce.rate\"\nvalues = \"100.5/s..2000/s\"",
        ),
    ];

    /// Pictures of very different sweeps, by name.
    pub fn gallery() -> Vec<(&'static str, Scene)> {
        let read = |_: &str| Ok(MODEL.to_owned());
        let drawn = ASKED.iter().map(|(name, axes)| {
            let asked = asked(axes, &read);
            let plan = Plan::of(&asked, 0);
            let sweep = Sweep::new(&asked, &plan, &read);
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
