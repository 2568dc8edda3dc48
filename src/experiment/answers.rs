//! What became of the answers that an experiment states, case by case as they come. Not for what they are.

use std::collections::BTreeMap;

use super::{CaseFigures, Entry, Finding, Paired, Plan};
use crate::scenario::{Answer, Claim, Expectation, Relation, grid_number};

/// Outcomes that are kept of those that are as expected, and of the others.
const MOST_OUTCOMES: usize = 16;

/// What became of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerJudged {
    /// Cases that it is about.
    pub cases: usize,
    /// In how many it is otherwise.
    pub otherwise: usize,
    /// In how many the replications do not decide.
    pub undecided: usize,
    /// What came out in the first of them, in their order.
    pub outcomes: Vec<CaseOutcome>,
    /// Lowest and highest of what came out.
    pub range: Option<(f64, f64)>,
    pairs: Pairs,
}

/// What came out in a case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseOutcome {
    /// The case.
    pub case: usize,
    /// What was measured.
    pub measured: Measured,
    /// Whether it is as expected.
    pub verdict: Verdict,
}

/// What an answer is judged by.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// The mean over the replications.
    Mean(f64),
    /// The figure against that of another case.
    Against {
        /// The other case.
        base: usize,
        /// What the pairs tell.
        paired: Paired,
    },
}

/// Whether something is as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Met,
    /// It is otherwise.
    Otherwise,
    /// The replications do not decide.
    Undecided {
        /// So many would, with four chances in five, if it is as it looks; none if no number would, or there are too few
        /// to say.
        needed: Option<u32>,
    },
}

/// Runs of cases that are held against others.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pairs {
    /// By case, its figure in each replication.
    runs: BTreeMap<usize, Vec<f64>>,
    /// By case that has not come yet, those that are to be held against it.
    waiting: BTreeMap<usize, Vec<usize>>,
}

impl AnswerJudged {
    /// Whether it is as expected wherever it is about.
    pub fn is_met(&self) -> bool {
        self.otherwise + self.undecided == 0
    }

    /// Judges what the next case says of `answer`.
    pub(super) fn take(
        &mut self,
        plan: &Plan,
        answer: &Answer,
        told: &CaseFigures,
        runs: &[Entry],
    ) {
        let column = plan.column(answer.metric());
        match &answer.claim {
            Claim::Mean(expectation) => {
                if answer.is_about(&plan.point(told.case)) {
                    let value = column.map_or(f64::NAN, |column| told.figures[column].mean);
                    let verdict = match expectation.holds(value) {
                        true => Verdict::Met,
                        false => Verdict::Otherwise,
                    };
                    self.add(told.case, Measured::Mean(value), value, verdict);
                }
            }
            Claim::Against { expectation, .. } => {
                let figures = runs
                    .iter()
                    .map(|run| column.and_then(|column| run.figures.get(column).copied()));
                let figures = figures.map(|value| value.unwrap_or(f64::NAN)).collect();
                self.pair(plan, (answer, expectation), told.case, figures);
            }
        }
    }

    /// Judges the pairs of cases of which `case` is the second to come.
    fn pair(
        &mut self,
        plan: &Plan,
        (answer, expectation): (&Answer, &Expectation<Relation>),
        case: usize,
        figures: Vec<f64>,
    ) {
        self.pairs.runs.insert(case, figures);
        let mut ready = self.pairs.waiting.remove(&case).unwrap_or_default();
        let point = plan.point(case);
        if answer.is_about(&point)
            && let Some(base) = plan.against(answer, case)
        {
            match self.pairs.runs.contains_key(&base) {
                true => ready.push(case),
                false => self.pairs.waiting.entry(base).or_default().push(case),
            }
        }
        for own in ready {
            let Some(base) = plan.against(answer, own) else {
                continue;
            };
            let (base_runs, own_runs) = (&self.pairs.runs[&base], &self.pairs.runs[&own]);
            let paired = Paired::of(base_runs, own_runs);
            let verdict = verdict(expectation, base_runs, own_runs);
            let shown = shown(expectation, &paired);
            self.add(own, Measured::Against { base, paired }, shown, verdict);
        }
    }

    fn add(&mut self, case: usize, measured: Measured, shown: f64, verdict: Verdict) {
        self.cases += 1;
        match verdict {
            Verdict::Met => {}
            Verdict::Otherwise => self.otherwise += 1,
            Verdict::Undecided { .. } => self.undecided += 1,
        }
        let (low, high) = self.range.unwrap_or((shown, shown));
        self.range = Some((low.min(shown), high.max(shown)));
        let met = verdict == Verdict::Met;
        let alike = |one: &&CaseOutcome| (one.verdict == Verdict::Met) == met;
        if self.outcomes.iter().filter(alike).count() < MOST_OUTCOMES {
            let at = self.outcomes.partition_point(|other| other.case < case);
            let outcome = CaseOutcome {
                case,
                measured,
                verdict,
            };
            self.outcomes.insert(at, outcome);
        }
    }
}

impl Plan {
    /// The case that an answer holds another one against, if it does; the cases are those of a grid.
    pub fn against(&self, answer: &Answer, case: usize) -> Option<usize> {
        let sizes: Vec<usize> = self.axes.iter().map(|axis| axis.values.len()).collect();
        let other = answer.other(&self.point(case))?;
        Some(grid_number(&sizes, &other))
    }
}

/// What the bounds are about, as one number: the ratio of the means, or the mean difference; infinite or not a number
/// where there is none.
fn shown(expectation: &Expectation<Relation>, paired: &Paired) -> f64 {
    let mean = match expectation.below.or(expectation.above) {
        Some(Relation::Times(_)) => paired
            .change
            .and_then(|change| change.mean)
            .map(|mean| 1.0 + mean),
        _ => paired.difference.mean,
    };
    mean.unwrap_or(f64::NAN)
}

/// The bounds as the base sets them, replication by replication, beside what came out: told like any other pair.
fn verdict(expectation: &Expectation<Relation>, base: &[f64], own: &[f64]) -> Verdict {
    let side = |bound: Option<Relation>, wanted: Finding| {
        let Some(bound) = bound else {
            return Verdict::Met;
        };
        let bounds: Vec<f64> = base.iter().map(|figure| bound.of(*figure)).collect();
        match Paired::of(&bounds, own).finding {
            Finding::Unclear { needed } => Verdict::Undecided { needed },
            finding if finding == wanted => Verdict::Met,
            _ => Verdict::Otherwise,
        }
    };
    let below = side(expectation.below, Finding::Less);
    let above = side(expectation.above, Finding::More);
    match (below, above) {
        (Verdict::Otherwise, _) | (_, Verdict::Otherwise) => Verdict::Otherwise,
        (Verdict::Undecided { needed: one }, Verdict::Undecided { needed: other }) => {
            let needed = one.zip(other).map(|(one, other)| one.max(other));
            Verdict::Undecided { needed }
        }
        (undecided @ Verdict::Undecided { .. }, _) | (_, undecided) => undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Findings, Interval, PlanAxis, PlanValue};
    use crate::scenario::{Design, LagMetric, Metric};

    const NEVER: f64 = f64::INFINITY;

    fn expectation(above: Option<Relation>, below: Option<Relation>) -> Expectation<Relation> {
        Expectation {
            metric: Metric::Lag(LagMetric::MaxLag, None),
            above,
            below,
            text: String::new(),
        }
    }

    fn below(bound: Relation) -> Expectation<Relation> {
        expectation(None, Some(bound))
    }

    #[test]
    fn a_bound_is_met_where_the_pairs_tell_that_it_is_and_otherwise_where_they_tell_the_opposite() {
        let base = [100.0, 140.0, 80.0, 120.0];
        let half = base.map(|figure| figure / 2.0 + (figure / 40.0) % 2.0);
        let judged = |bound| verdict(&below(bound), &base, &half);
        assert_eq!(judged(Relation::Times(0.6)), Verdict::Met);
        assert_eq!(judged(Relation::Times(0.4)), Verdict::Otherwise);
        assert_eq!(judged(Relation::Plus(0.0)), Verdict::Met);
        assert_eq!(judged(Relation::Plus(-200.0)), Verdict::Otherwise);
        let ratio = Paired::of(&base, &half).change.and_then(|one| one.mean);
        let near = 1.0 + ratio.unwrap() + 0.001;
        let Verdict::Undecided {
            needed: Some(needed),
        } = judged(Relation::Times(near))
        else {
            panic!("{:?}", judged(Relation::Times(near)));
        };
        assert!(needed > 4, "{needed}");
    }

    #[test]
    fn two_bounds_are_met_together_and_the_less_certain_one_says_how_many_pairs_it_takes() {
        let base = [10.0, 12.0, 9.0, 11.0];
        let own = [11.0, 11.5, 9.5, 10.5];
        let within = |low: f64, high: f64| {
            let bounds = [low, high].map(|bound| Some(Relation::Plus(bound)));
            verdict(&expectation(bounds[0], bounds[1]), &base, &own)
        };
        assert_eq!(within(-5.0, 5.0), Verdict::Met);
        assert_eq!(within(2.0, 5.0), Verdict::Otherwise);
        let needed = |verdict: Verdict| match verdict {
            Verdict::Undecided { needed } => needed.unwrap(),
            decided => panic!("{decided:?}"),
        };
        let (near, far) = (needed(within(-0.2, 5.0)), needed(within(-5.0, 1.0)));
        assert!(near > far);
        assert_eq!(needed(within(-0.2, 1.0)), near);
    }

    #[test]
    fn what_never_happens_is_more_than_any_number_of_times_and_one_pair_decides_nothing() {
        let never = [NEVER; 8];
        assert_eq!(
            verdict(&below(Relation::Times(0.5)), &never, &[60.0; 8]),
            Verdict::Met
        );
        assert_eq!(
            verdict(&below(Relation::Plus(5.0)), &[60.0; 8], &never),
            Verdict::Otherwise
        );
        // Both never: neither is sooner.
        assert_eq!(
            verdict(&below(Relation::Times(0.5)), &never, &never),
            Verdict::Otherwise
        );
        assert_eq!(
            verdict(&below(Relation::Times(0.5)), &[100.0], &[1.0]),
            Verdict::Undecided { needed: None }
        );
    }

    /// An axis of three values, all of which are held against the last one.
    fn plan() -> Plan {
        let value = |n: usize| PlanValue {
            label: n.to_string(),
            labels: vec![n.to_string()],
            settings: Vec::new(),
        };
        let metric = Metric::Lag(LagMetric::MaxLag, None);
        Plan {
            lagsim_version: String::new(),
            model: String::new(),
            name: "asked".into(),
            title: "asked".into(),
            replications: 3,
            horizon_s: 60.0,
            settings: Vec::new(),
            axes: vec![PlanAxis {
                name: "n".into(),
                keys: vec!["n".into()],
                values: (0..3).map(value).collect(),
            }],
            design: Design::Grid,
            columns: vec![metric],
            looked_at: 1,
            slo: None,
            answers: vec![Answer {
                cases: vec![None],
                claim: Claim::Against {
                    base: vec![Some(2)],
                    expectation: below(Relation::Times(0.5)),
                },
            }],
        }
    }

    #[test]
    fn each_case_is_judged_once_the_other_has_come_and_none_against_itself() {
        let plan = plan();
        let mut findings = Findings::new(&plan);
        for (case, figure) in [40.0, 60.0, 100.0].into_iter().enumerate() {
            let runs = (0..3).map(|replication| Entry {
                key: plan.key(case),
                replication,
                figures: vec![figure + f64::from(replication)],
                curve: None,
            });
            assert_eq!(findings.answers[0].cases, 0);
            findings.case(&plan, &runs.collect::<Vec<_>>());
        }
        let judged = &findings.answers[0];
        assert_eq!(
            (judged.cases, judged.otherwise, judged.undecided),
            (2, 1, 0)
        );
        assert!(!judged.is_met());
        let cases: Vec<usize> = judged.outcomes.iter().map(|one| one.case).collect();
        assert_eq!(cases, [0, 1]);
        let (low, high) = judged.range.unwrap();
        assert!((low - 41.0 / 101.0).abs() < 1e-12 && (high - 61.0 / 101.0).abs() < 1e-12);
        let Measured::Against { base, paired } = &judged.outcomes[1].measured else {
            panic!("{:?}", judged.outcomes[1]);
        };
        assert_eq!((*base, paired.difference), (2, Interval::of(&[-40.0; 3])));
    }
}
