//! What a figure is most sensitive to: every number of a model moved by itself, replication by replication on the same
//! draws. Not for which numbers are moved, and not for words.

use super::Plan;
use super::interval::{Interval, Moments};
use super::paired::{Finding, Paired};
use super::tally::Findings;
use crate::scenario::{Around, Design};

/// The model's own figure, and each key by what moving it does, the strongest first.
#[derive(Clone, Debug)]
pub struct Sensitivities {
    /// The figure of the model as it is.
    pub base: Interval,
    /// Whether effects are shares of it; otherwise, where it cannot be told from zero, differences in its own unit.
    pub relative: bool,
    /// The keys.
    pub keys: Vec<Sensitivity>,
}

/// What moving a key does.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// Its axis.
    pub axis: usize,
    /// Each step, from the lowest value to the highest.
    pub steps: Vec<StepEffect>,
    /// Percent per percent (elasticity), or units of the figure per percent, with its 95 % interval: the slope of the line
    /// through the model's own figure that is nearest to the steps. None where the figure does not exist in every run.
    pub slope: Option<Interval>,
    /// What can be told from chance.
    pub told: Told,
}

/// A step of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEffect {
    /// The index of its value.
    pub value: usize,
    /// The index of the step that was asked for.
    pub step: usize,
    /// How far the key is moved, as a share of its value.
    pub moved: f64,
    /// The difference that it makes.
    pub paired: Paired,
}

/// What can be told of a key, at the 95 % level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// More of it means more, or less, of the figure.
    Slope,
    /// Less of it and more of it both move the figure the same way.
    Both,
    /// The runs do not tell.
    Chance,
    /// It changes the figure in no run.
    Nothing,
}

impl StepEffect {
    /// The effect as the others are told: a share of the model's figure, or a difference.
    pub fn effect(&self, relative: bool) -> Option<Interval> {
        match relative {
            true => self.paired.change,
            false => self.paired.difference.mean.map(|_| self.paired.difference),
        }
    }
}

impl Sensitivities {
    /// Of a sweep around a model all of whose cases have been tallied; none of any other.
    pub fn of(plan: &Plan, findings: &Findings) -> Option<Sensitivities> {
        let Design::Around(around) = &plan.design else {
            return None;
        };
        let base = findings.runs.first()?;
        let own = Interval::of(base);
        let finite = base.iter().all(|figure| figure.is_finite());
        let relative = finite && own.low.is_some_and(|low| low > 0.0);
        let keys = (0..plan.axes.len()).map(|axis| key(around, axis, findings, base, relative));
        let mut keys: Vec<Sensitivity> = keys.collect();
        // Stable: equal ones stay in the order of the model.
        keys.sort_by(|a, b| {
            let told = |own: &Sensitivity| own.told.order();
            told(a)
                .cmp(&told(b))
                .then(b.strength(relative).total_cmp(&a.strength(relative)))
        });
        Some(Sensitivities {
            base: own,
            relative,
            keys,
        })
    }
}

impl Told {
    fn order(self) -> u8 {
        match self {
            Told::Slope | Told::Both => 0,
            Told::Chance => 1,
            Told::Nothing => 2,
        }
    }
}

impl Sensitivity {
    /// How much a percent does: by the slope, or where both ways are alike by the step that does most.
    fn strength(&self, relative: bool) -> f64 {
        let slope = self.slope.and_then(|slope| slope.mean).map(f64::abs);
        let steps = self.steps.iter().filter_map(|step| {
            let effect = step.effect(relative)?.mean?;
            Some((effect / step.moved).abs() * per_percent(relative))
        });
        match self.told {
            Told::Both => steps.fold(slope.unwrap_or(0.0), f64::max),
            // What makes the figure appear or vanish comes first.
            _ => slope.unwrap_or(f64::INFINITY),
        }
    }
}

/// From an effect per share to one per percent; of shares that is the same number.
fn per_percent(relative: bool) -> f64 {
    if relative { 1.0 } else { 0.01 }
}

fn key(
    around: &Around,
    axis: usize,
    findings: &Findings,
    base: &[f64],
    relative: bool,
) -> Sensitivity {
    let first = around.first_case(axis);
    let moves = around.moves.get(axis).map_or(&[][..], Vec::as_slice);
    let runs = |value: usize| {
        findings
            .runs
            .get(first + value - 1)
            .map_or(&[][..], Vec::as_slice)
    };
    let mut steps: Vec<StepEffect> = (1..moves.len())
        .map(|value| StepEffect {
            value,
            step: moves[value].step,
            moved: moves[value].moved,
            paired: Paired::of(base, runs(value)),
        })
        .collect();
    steps.sort_by(|a, b| a.moved.total_cmp(&b.moved));
    let lines: Vec<(f64, &[f64])> = steps
        .iter()
        .map(|step| (step.moved, runs(step.value)))
        .collect();
    let slope = slope(base, &lines, relative);
    let told = told(&steps, slope);
    Sensitivity {
        axis,
        steps,
        slope,
        told,
    }
}

fn told(steps: &[StepEffect], slope: Option<Interval>) -> Told {
    if steps
        .iter()
        .all(|step| step.paired.finding == Finding::Same)
    {
        return Told::Nothing;
    }
    let clear = |interval: Interval| {
        let above = interval.low.is_some_and(|low| low > 0.0);
        above || interval.high.is_some_and(|high| high < 0.0)
    };
    let ends = match (steps.first(), steps.last()) {
        (Some(low), Some(high)) if low.moved < 0.0 && high.moved > 0.0 => {
            Some((low.paired.finding, high.paired.finding))
        }
        _ => None,
    };
    if let Some((Finding::Less, Finding::Less) | (Finding::More, Finding::More)) = ends {
        return Told::Both;
    }
    let by_sign = slope.is_none() && steps.iter().any(|step| step.paired.is_told());
    match slope.is_some_and(clear) || by_sign {
        true => Told::Slope,
        false => Told::Chance,
    }
}

/// The slope of the line through the model's own figure that is nearest to the steps: of each replication, then the mean
/// with its interval. As a share of the model's mean figure by the ratio estimator, whose residuals carry the variance.
fn slope(base: &[f64], steps: &[(f64, &[f64])], relative: bool) -> Option<Interval> {
    let runs = || steps.iter().flat_map(|(_, own)| own.iter());
    if steps.is_empty() || !base.iter().chain(runs()).all(|figure| figure.is_finite()) {
        return None;
    }
    let squares: f64 = steps.iter().map(|(moved, _)| moved * moved).sum();
    let of = |replication: usize| {
        let each = steps.iter().map(|(moved, own)| {
            let figure = own.get(replication).copied().unwrap_or(f64::NAN);
            moved * (figure - base[replication])
        });
        each.sum::<f64>() / squares
    };
    let slopes: Vec<f64> = (0..base.len()).map(of).collect();
    if !relative {
        let scaled: Vec<f64> = slopes
            .iter()
            .map(|slope| slope * per_percent(false))
            .collect();
        return Some(Interval::of(&scaled));
    }
    let mean = Moments::of(base).mean;
    let ratio = Moments::of(&slopes).mean / mean;
    let shares: Vec<f64> = slopes
        .iter()
        .zip(base)
        .map(|(slope, own)| ratio + (slope - ratio * own) / mean)
        .collect();
    Some(Interval::of(&shares))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: [f64; 4] = [100.0, 110.0, 90.0, 100.0];

    fn steps(law: impl Fn(f64, f64) -> f64) -> Vec<(f64, Vec<f64>)> {
        let moves = [-0.2, -0.1, 0.1, 0.2];
        moves
            .map(|moved| (moved, BASE.iter().map(|own| law(*own, moved)).collect()))
            .to_vec()
    }

    fn judged(law: impl Fn(f64, f64) -> f64) -> (Option<Interval>, Told) {
        let steps = steps(law);
        let lines: Vec<(f64, &[f64])> = steps
            .iter()
            .map(|(moved, own)| (*moved, own.as_slice()))
            .collect();
        let effects: Vec<StepEffect> = lines
            .iter()
            .enumerate()
            .map(|(step, (moved, own))| StepEffect {
                value: step + 1,
                step,
                moved: *moved,
                paired: Paired::of(&BASE, own),
            })
            .collect();
        let slope = slope(&BASE, &lines, true);
        (slope, told(&effects, slope))
    }

    #[test]
    fn a_power_law_has_its_exponent_as_elasticity_however_the_replications_differ() {
        let (slope, told) = judged(|own, moved| own * (1.0 + 2.0 * moved));
        let slope = slope.unwrap();
        for end in [slope.low, slope.mean, slope.high] {
            assert!((end.unwrap() - 2.0).abs() < 1e-9, "{slope:?}");
        }
        assert_eq!(told, Told::Slope);
        let (slope, _) = judged(|own, moved| own / (1.0 + moved));
        // Of 1/x, steps to -20 % weigh more than those to +20 %.
        let mean = slope.and_then(|own| own.mean).unwrap();
        assert!((-1.05..-1.0).contains(&mean), "{mean}");
    }

    #[test]
    fn what_chance_explains_changes_nothing_or_bends_is_told_apart() {
        // The sign of the effect differs from replication to replication.
        let (slope, told) = judged(|own, moved| own + moved * (own - 100.0));
        assert_eq!(told, Told::Chance, "{slope:?}");
        let (slope, told) = judged(|own, _| own);
        assert_eq!(
            (slope.and_then(|own| own.mean), told),
            (Some(0.0), Told::Nothing)
        );
        let (slope, told) = judged(|own, moved| own + own * moved.abs());
        assert!(slope.and_then(|own| own.mean).unwrap().abs() < 1e-9);
        assert_eq!(told, Told::Both);
    }

    #[test]
    fn a_figure_that_stops_to_exist_is_told_by_its_sign_alone() {
        let (slope, told) = judged(|own, moved| if moved > 0.15 { f64::INFINITY } else { own });
        // Four of four are one in eight by chance.
        assert_eq!((slope, told), (None, Told::Chance));
    }
}
