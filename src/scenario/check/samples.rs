//! The `samples` of an experiment: cases that lie in the ranges and lists of its axes. Not for where: that is drawn.

use std::collections::BTreeSet;

use super::super::design::{Design, Sampled};
use super::super::experiment::{Axis, AxisValue};
use super::super::raw;
use super::super::samples::{MOST_SOBOL_AXES, Method, Samples};
use super::axis::{Draft, Spread, Value};
use super::judge::Judge;
use super::one_of;

/// Most samples.
const MOST_SAMPLES: u64 = 16_384;

impl Judge<'_> {
    /// What `samples` says, if it is there; the outer `None` if it is wrong.
    pub(super) fn samples(&mut self, file: &raw::Experiment) -> Option<Option<Samples>> {
        let Some(section) = &file.samples else {
            return Some(None);
        };
        let seed = match &file.seed {
            Some(seed) => self.count(seed),
            None => Some(0),
        };
        let own = &section.value;
        let given = [
            (
                Method::LatinHypercube,
                "latin-hypercube",
                &own.latin_hypercube,
            ),
            (Method::Random, "random", &own.random),
            (Method::Sobol, "sobol", &own.sobol),
        ];
        let names = given.map(|(_, name, count)| (name, count.is_some()));
        let help = "write how many, as in samples = { latin-hypercube = 200 }";
        one_of(self, &section.span, &names, "how samples are spread", help)?;
        let axes = file.axis.as_ref().map_or(0, Vec::len);
        if axes == 0 {
            let message = "there is no axis that samples could be spread over";
            let help = r#"vary something: [[axis]], key = "processing.time", values = "1ms..20ms""#;
            return self.error(&section.span, message, help);
        }
        if let Some(plan) = &file.plan {
            let message = "the cheapest case is looked for in a grid, and samples are none";
            let help = "leave out one of them: sweep samples first, then plan with lists of values";
            let other = (&plan.span, "the plan");
            return self.clash(&section.span, message, other, help);
        }
        let there = given
            .into_iter()
            .find_map(|(method, _, count)| Some((method, count.as_ref()?)));
        let (method, count) = there?;
        let number = self.count_within(count, "samples", 1, MOST_SAMPLES)?;
        if method == Method::Sobol && !number.is_power_of_two() {
            let (below, above) = (number.next_power_of_two() / 2, number.next_power_of_two());
            let message = format!("{number} points of a Sobol sequence are not spread evenly");
            let help = format!("take a power of two of them: {below} or {above}");
            return self.error(&count.0.span, message, help);
        }
        if method == Method::Sobol && axes > MOST_SOBOL_AXES {
            let message = format!("{axes} axes are more than a Sobol sequence has here");
            let help =
                format!("vary at most {MOST_SOBOL_AXES}, or take latin-hypercube = {number}");
            return self.error(&count.0.span, message, help);
        }
        Some(Some(Samples {
            method,
            count: number as usize,
            seed: seed?,
        }))
    }

    /// The axis of this number with the values that its samples take, and which of them each takes.
    pub(super) fn sampled(
        &mut self,
        draft: Draft,
        number: usize,
        samples: &Samples,
    ) -> Option<(Axis, Vec<usize>)> {
        let coordinates = samples.coordinates(number, &draft.keys.first()?.0)?;
        let (range, place) = match draft.spread {
            Spread::Listed(_) => {
                let axis = self.listed_axis(draft)?;
                let count = axis.values.len();
                let nearest = |own: &f64| ((own * count as f64) as usize).min(count - 1);
                let taken = coordinates.iter().map(nearest).collect();
                return Some((axis, taken));
            }
            Spread::Open(ref range, ref place) => (range.clone(), place.clone()),
        };
        let numbers: Vec<f64> = coordinates.iter().map(|own| range.at(*own)).collect();
        let mut rising = numbers.clone();
        rising.sort_by(f64::total_cmp);
        let mut texts: Vec<String> = rising.into_iter().map(|own| range.write(own)).collect();
        texts.dedup();
        let taken = numbers.iter().map(|own| {
            let own = range.write(*own);
            texts.iter().position(|text| *text == own).unwrap_or(0)
        });
        let taken = taken.collect();
        let values: Vec<Option<AxisValue>> = texts
            .iter()
            .map(|text| self.axis_value(&draft.keys, Value::of_range(text.clone(), &place)))
            .collect();
        let axis = Axis {
            name: draft.name,
            keys: draft.keys.into_iter().map(|(key, _)| key).collect(),
            values: values.into_iter().collect::<Option<_>>()?,
            range: Some(range.label()),
        };
        Some((axis, taken))
    }
}

/// The cases of samples that take these values, by axis and sample; one case of those that take the same.
pub(super) fn design(samples: &Samples, taken: &[Vec<usize>]) -> Design {
    let mut seen = BTreeSet::new();
    let mut points = Vec::new();
    for sample in 0..samples.count {
        let point: Vec<usize> = taken.iter().map(|axis| axis[sample]).collect();
        if seen.insert(point.clone()) {
            points.push(point);
        }
    }
    Design::Samples(Sampled {
        method: samples.method,
        count: samples.count,
        points,
    })
}
