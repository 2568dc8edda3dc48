//! From the runs of a sweep, case by case, to what they say together. Only what tables and pictures need is kept.

use super::{AnswerJudged, Entry, Interval, Plan};
use crate::scenario::Design;

/// Cases that are told one by one.
const MOST_BEST: usize = 10;

/// A figure over the replications of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaseFigure {
    /// Mean and 95 % interval of those replications in which it is finite.
    pub interval: Interval,
    /// The mean; infinite if it never happened in one of them.
    pub mean: f64,
    /// The worst replication: the highest value, or the lowest where more is better.
    pub worst: f64,
}

/// A case in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFigures {
    /// Its number.
    pub case: usize,
    /// By column.
    pub figures: Vec<CaseFigure>,
    /// Whether it holds the service level, if there is one.
    pub holds: Option<bool>,
}

/// The objective over all cases with one value of an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effect {
    sum: f64,
    /// Cases in which it is finite.
    pub cases: usize,
    /// Cases in which it never happened.
    pub never: usize,
}

impl Effect {
    /// The mean over cases in which it is finite.
    pub fn mean(&self) -> Option<f64> {
        (self.cases > 0).then(|| self.sum / self.cases as f64)
    }

    /// The objective over the cases of both.
    pub fn and(self, other: Effect) -> Effect {
        Effect {
            sum: self.sum + other.sum,
            cases: self.cases + other.cases,
            never: self.never + other.never,
        }
    }
}

/// What a sweep says.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// The best cases by the objective, best first.
    pub best: Vec<CaseFigures>,
    /// By axis and value.
    pub effects: Vec<Vec<Effect>>,
    /// The objective of each case.
    pub objective: Vec<f64>,
    /// Cases that hold the service level.
    pub holding: usize,
    /// By answer.
    pub answers: Vec<AnswerJudged>,
    /// The objective of each run, by case, of a sweep around a model.
    pub runs: Vec<Vec<f64>>,
    /// The curve of each case, if they are kept.
    pub curves: Vec<Vec<u64>>,
}

impl Findings {
    /// Nothing yet of `plan`.
    pub fn new(plan: &Plan) -> Self {
        let effects = plan
            .axes
            .iter()
            .map(|axis| vec![Effect::default(); axis.values.len()]);
        Findings {
            best: Vec::new(),
            effects: effects.collect(),
            objective: Vec::new(),
            holding: 0,
            answers: vec![AnswerJudged::default(); plan.answers.len()],
            runs: Vec::new(),
            curves: Vec::new(),
        }
    }

    /// Takes the runs of the next case, one per replication; the cases come in order.
    pub fn case(&mut self, plan: &Plan, runs: &[Entry]) -> CaseFigures {
        let case = self.objective.len();
        let figures: Vec<CaseFigure> = (0..plan.columns.len())
            .map(|column| {
                let values = runs.iter().map(|run| run.figures.get(column).copied());
                let values: Vec<f64> = values.map(|value| value.unwrap_or(f64::NAN)).collect();
                let more = plan.columns[column].figure().better == crate::scenario::Better::More;
                figure(&values, more)
            })
            .collect();
        let holds = plan.slo.as_ref().map(|slo| {
            let column = plan.column(&slo.metric);
            column.is_some_and(|column| slo.holds(figures[column].mean))
        });
        let told = CaseFigures {
            case,
            figures,
            holds,
        };
        self.holding += usize::from(holds == Some(true));
        for (answer, judged) in plan.answers.iter().zip(&mut self.answers) {
            judged.take(plan, answer, &told, runs);
        }
        self.rank(plan, &told);
        if let Design::Around(_) = plan.design {
            let objective = plan.objective();
            let own = runs.iter().map(|run| run.figures.get(objective).copied());
            self.runs
                .push(own.map(|own| own.unwrap_or(f64::NAN)).collect());
        }
        if let Some(curve) = runs.first().and_then(|run| run.curve.clone()) {
            self.curves.push(curve);
        }
        told
    }

    fn rank(&mut self, plan: &Plan, told: &CaseFigures) {
        let objective = plan.objective();
        let value = |case: &CaseFigures| case.figures[objective].mean;
        let own = value(told);
        self.objective.push(own);
        for (effects, at) in self.effects.iter_mut().zip(plan.point(told.case)) {
            let effect = &mut effects[at];
            if own.is_finite() {
                effect.sum += own;
                effect.cases += 1;
            } else {
                effect.never += 1;
            }
        }
        let more = plan.more_is_better();
        let better = |a: f64, b: f64| match more {
            true => a > b,
            false => a < b,
        };
        // Equal ones stay in their order.
        let place = self
            .best
            .iter()
            .position(|other| better(own, value(other)))
            .unwrap_or(self.best.len());
        if place < MOST_BEST {
            self.best.insert(place, told.clone());
            self.best.truncate(MOST_BEST);
        }
    }
}

/// A figure over replications.
fn figure(values: &[f64], more_is_better: bool) -> CaseFigure {
    let interval = Interval::of(values);
    let worst = match more_is_better {
        true => values.iter().copied().fold(f64::INFINITY, f64::min),
        false => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    let mean = match interval.mean {
        Some(mean) if interval.n == values.len() => mean,
        _ if values.iter().all(|value| value.is_nan()) => f64::NAN,
        _ => f64::INFINITY,
    };
    CaseFigure {
        interval,
        mean,
        worst: if mean.is_nan() { f64::NAN } else { worst },
    }
}
