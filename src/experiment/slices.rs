//! Main effects of axes whose values are samples: each axis in a few parts with about as many cases, and what the parts
//! explain. Of a grid every value is a part by itself.

use std::ops::Range;

use super::tally::{Effect, Findings};
use super::{Plan, PlanAxis};
use crate::scenario::Design;

/// Most parts of an axis.
const MOST_PARTS: usize = 8;
/// Cases that a part has at least, if there are as many.
const CASES_OF_PART: usize = 5;

/// A part of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Its values, by their indices.
    pub values: Range<usize>,
    /// The objective over its cases.
    pub effect: Effect,
}

impl Slice {
    /// What it is called: its value, or its first and its last.
    pub fn label(&self, axis: &PlanAxis) -> String {
        let of = |at: usize| axis.values.get(at).map_or("", |value| value.label.as_str());
        let (first, last) = (self.values.start, self.values.end.saturating_sub(1));
        match first < last {
            true => format!("{} to {}", of(first), of(last)),
            false => of(first).to_owned(),
        }
    }
}

/// The parts of an axis.
pub fn slices(plan: &Plan, findings: &Findings, axis: usize) -> Vec<Slice> {
    let effects = &findings.effects[axis];
    let cases = plan.cases();
    let parts = (cases / CASES_OF_PART).clamp(2, MOST_PARTS);
    let whole = plan.design == Design::Grid || effects.len() <= parts;
    let mut slices: Vec<Slice> = Vec::new();
    let (mut before, mut open) = (0, None);
    for (at, effect) in effects.iter().enumerate() {
        let own = effect.cases + effect.never;
        // By the middle of the value's cases, so that a value is in one part.
        let part = match whole {
            true => at,
            false => (2 * before + own) * parts / (2 * cases.max(1)),
        };
        before += own;
        match slices.last_mut() {
            Some(slice) if open == Some(part) => {
                slice.values.end = at + 1;
                slice.effect = slice.effect.and(*effect);
            }
            _ => slices.push(Slice {
                values: at..at + 1,
                effect: *effect,
            }),
        }
        open = Some(part);
    }
    slices
}

/// The share of the differences of the objective between cases that an axis explains by itself: the correlation ratio
/// over its parts, less what chance would explain (epsilon squared, Kelley 1935), from 0 to 1. Over the cases in which
/// the objective is finite; none where they do not differ, or are too few.
pub fn explained(plan: &Plan, findings: &Findings, axis: usize) -> Option<f64> {
    let slices = slices(plan, findings, axis);
    let finite = findings
        .objective
        .iter()
        .copied()
        .filter(|own| own.is_finite());
    let finite: Vec<f64> = finite.collect();
    let parts = slices.iter().filter(|slice| slice.effect.cases > 0).count();
    if finite.len() <= parts {
        return None;
    }
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    let all: f64 = finite.iter().map(|own| (own - mean).powi(2)).sum();
    if all <= 0.0 {
        return None;
    }
    let between = slices.iter().filter_map(|slice| {
        let own = slice.effect.mean()? - mean;
        Some(own * own * slice.effect.cases as f64)
    });
    let within = all - between.sum::<f64>();
    let by_chance = (finite.len() - 1) as f64 / (finite.len() - parts) as f64;
    Some((1.0 - within / all * by_chance).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Entry, PlanValue};
    use crate::scenario::{LagMetric, Method, Metric, Sampled};

    /// Samples of two axes with 100 values each; the objective is told by the values' indices.
    fn sampled(objective: impl Fn(usize, usize) -> f64) -> (Plan, Findings) {
        let value = |n: usize| PlanValue {
            label: format!("{n}ms"),
            labels: vec![format!("{n}ms")],
            settings: Vec::new(),
        };
        let axis = |name: &str| PlanAxis {
            name: name.into(),
            keys: vec![name.into()],
            values: (0..100).map(value).collect(),
        };
        // 37 and 100 have no common divisor: each value of each axis has one case.
        let points: Vec<Vec<usize>> = (0..100).map(|n| vec![n, n * 37 % 100]).collect();
        let plan = Plan {
            lagsim_version: String::new(),
            model: String::new(),
            name: "asked".into(),
            title: "asked".into(),
            replications: 1,
            horizon_s: 60.0,
            settings: Vec::new(),
            axes: vec![axis("first"), axis("second")],
            design: Design::Samples(Sampled {
                method: Method::LatinHypercube,
                count: 100,
                points: points.clone(),
            }),
            columns: vec![Metric::Lag(LagMetric::MaxLag, None)],
            looked_at: 1,
            slo: None,
            answers: Vec::new(),
        };
        let mut findings = Findings::new(&plan);
        for point in &points {
            let figures = vec![objective(point[0], point[1])];
            findings.case(
                &plan,
                &[Entry {
                    key: 0,
                    replication: 0,
                    figures,
                    curve: None,
                }],
            );
        }
        (plan, findings)
    }

    #[test]
    fn an_axis_of_samples_is_cut_into_parts_with_about_as_many_cases() {
        let (plan, findings) = sampled(|first, _| first as f64);
        let parts = slices(&plan, &findings, 0);
        let sizes: Vec<usize> = parts.iter().map(|part| part.effect.cases).collect();
        assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (8, 100));
        assert!(sizes.iter().all(|n| (12..=13).contains(n)), "{sizes:?}");
        assert_eq!(parts[0].label(&plan.axes[0]), "0ms to 11ms");
        assert_eq!(parts[0].effect.mean(), Some(5.5));
        let joined: Vec<usize> = parts.into_iter().flat_map(|part| part.values).collect();
        assert!(joined.into_iter().eq(0..100));
    }

    #[test]
    fn what_an_axis_explains_is_told_from_what_chance_would() {
        let (plan, findings) = sampled(|first, _| first as f64);
        // Within a part of 12.5 of 100 values there is 1/64 of the variance.
        let own = explained(&plan, &findings, 0).unwrap();
        assert!((own - (1.0 - 1.0 / 64.0)).abs() < 0.005, "{own}");
        let other = explained(&plan, &findings, 1).unwrap();
        assert!(other < 0.1, "{other}");
        let (plan, findings) = sampled(|first, second| first as f64 + 2.0 * second as f64);
        // One part of variance to four.
        let shares = [0, 1].map(|axis| explained(&plan, &findings, axis).unwrap());
        assert!((0.1..0.3).contains(&shares[0]), "{shares:?}");
        assert!((0.7..0.9).contains(&shares[1]), "{shares:?}");
        let (plan, findings) = sampled(|_, _| 5.0);
        assert_eq!(explained(&plan, &findings, 0), None);
    }
}
