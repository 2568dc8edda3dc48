//! The cheapest case of an experiment that holds its service level: cases are run as far as it takes to judge them, all
//! on the same draws. Not for which cases are asked: the search decides.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::binomial::{at_least, share_interval};
use super::replicate::run_once;
use super::search::{Assumption, Grid, search};
use super::sweep::ReadFile;
use crate::measure::{Keep, Summary, measure};
use crate::scenario::{Diagnostics, Experiment, Hold, Planning, check_case};
use crate::sim::PartitionState;

/// A case is judged early where the true share would make what was seen less likely than this, over all looks together.
const RISK: f64 = 1e-4;
/// Replications before the first look.
const FIRST_LOOK: u32 = 4;
/// Replications between two later looks.
const LOOK: u32 = 8;

/// A case as far as it was run.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseJudged {
    /// Its number.
    pub case: usize,
    /// Whether it holds.
    pub holds: bool,
    /// Replications that were run.
    pub runs: u32,
    /// Each of what it has to hold.
    pub held: Vec<Held>,
    /// Lag gained by cause, `keeping-up` left out: mean of a run (records), the largest first.
    pub causes: Vec<(PartitionState, f64)>,
}

/// A requirement in a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Replications that met it.
    pub passed: u32,
    /// Its figure in each replication.
    pub figures: Vec<f64>,
}

/// What a plan search came to.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The cheapest case that holds.
    pub plan: Option<usize>,
    /// Every case that was run, by number.
    pub judged: BTreeMap<usize, CaseJudged>,
    /// The grid.
    pub grid: Grid,
    /// What became of the assumption that axes are monotone.
    pub assumption: Assumption,
    /// Runs that were made.
    pub runs: u64,
}

impl Planned {
    /// Whether a case holds, as far as is known: it was run, or the monotone axes imply it.
    pub fn holds(&self, case: usize) -> Option<bool> {
        if let Some(judged) = self.judged.get(&case) {
            return Some(judged.holds);
        }
        let outcomes = self.judged.iter().map(|(case, own)| (*case, own.holds));
        match self.assumption {
            Assumption::Kept => self.grid.implied(&outcomes.collect(), case),
            _ => None,
        }
    }

    /// The dearest of the cases that fail one step beside the plan and cost no more.
    pub fn binding(&self) -> Option<&CaseJudged> {
        let plan = self.plan?;
        let costs = &self.grid.costs;
        let beside = self.grid.neighbours(plan).into_iter();
        beside
            .filter_map(|case| self.judged.get(&case))
            .filter(|own| !own.holds && costs[own.case] <= costs[plan])
            .max_by(|a, b| {
                costs[a.case]
                    .total_cmp(&costs[b.case])
                    .then(b.case.cmp(&a.case))
            })
    }

    /// Without a plan: the case that comes nearest, by how far its worst figure is beyond its bound.
    pub fn nearest_miss(&self, planning: &Planning) -> Option<&CaseJudged> {
        let beyond = |own: &CaseJudged| -> f64 {
            let each = planning.holds.iter().zip(&own.held);
            each.map(|(hold, held)| held.beyond(hold))
                .fold(0.0, f64::max)
        };
        let costs = &self.grid.costs;
        self.judged.values().min_by(|a, b| {
            let order = beyond(a).total_cmp(&beyond(b));
            order.then(costs[a.case].total_cmp(&costs[b.case]))
        })
    }

    /// Cases on the frontier: none that was run costs less and has as low a figure of the first requirement. Cheapest
    /// first.
    pub fn frontier(&self, planning: &Planning) -> Vec<usize> {
        let Some(hold) = planning.holds.first() else {
            return Vec::new();
        };
        let costs = &self.grid.costs;
        let mut order: Vec<&CaseJudged> = self.judged.values().collect();
        order.sort_by(|a, b| {
            costs[a.case]
                .total_cmp(&costs[b.case])
                .then(a.case.cmp(&b.case))
        });
        let mut frontier: Vec<usize> = Vec::new();
        let mut best = f64::INFINITY;
        for own in order {
            let figure = own.held[0].decisive(hold) * hold.sign();
            if figure < best || frontier.is_empty() {
                best = figure;
                frontier.push(own.case);
            }
        }
        frontier
    }
}

impl Held {
    /// The figure that decides: the share of the replications that is asked for is no worse.
    pub fn decisive(&self, hold: &Hold) -> f64 {
        let mut sorted: Vec<f64> = self
            .figures
            .iter()
            .map(|value| value * hold.sign())
            .collect();
        sorted.sort_by(f64::total_cmp);
        let needed = needed(hold.share, sorted.len() as u32) as usize;
        let place = needed.clamp(1, sorted.len().max(1)) - 1;
        sorted
            .get(place)
            .map_or(f64::NAN, |value| value * hold.sign())
    }

    /// How far the decisive figure is beyond its bound, as a share of it; 0 if it is not.
    fn beyond(&self, hold: &Hold) -> f64 {
        let (figure, bounds) = (self.decisive(hold), &hold.expectation);
        let above = bounds
            .above
            .map_or(0.0, |bound| (bound - figure) / bound.abs().max(1e-9));
        let below = bounds
            .below
            .map_or(0.0, |bound| (figure - bound) / bound.abs().max(1e-9));
        above.max(below).max(0.0)
    }

    /// The exact 95 % interval of the share of replications that meet the requirement.
    pub fn share(&self) -> (f64, f64) {
        share_interval(self.passed, self.figures.len() as u32)
    }
}

/// How many of `n` replications have to pass.
fn needed(share: f64, n: u32) -> u32 {
    (share * f64::from(n) - 1e-9).ceil().max(0.0) as u32
}

/// Whether a requirement is met, after `n` of `all` replications of which `passed` met it; none if that is still open.
fn decided(share: f64, passed: u32, n: u32, all: u32) -> Option<bool> {
    let needed = needed(share, all);
    if passed >= needed {
        return Some(true);
    }
    if n - passed > all - needed {
        return Some(false);
    }
    let level = RISK / f64::from(looks(all).count() as u32);
    if at_least(n - passed, n, 1.0 - share) < level {
        return Some(false);
    }
    (at_least(passed, n, share) < level).then_some(true)
}

/// After how many replications a case is looked at.
fn looks(all: u32) -> impl Iterator<Item = u32> {
    let later = (1..).map(|n| n * LOOK).take_while(move |n| *n < all);
    std::iter::once(FIRST_LOOK.min(all))
        .chain(later)
        .chain(std::iter::once(all))
        .filter(move |n| *n > 0)
        .scan(0, |before, n| {
            let new = n > *before;
            *before = n.max(*before);
            Some(new.then_some(n))
        })
        .flatten()
}

/// Finds the cheapest case of `experiment`, whose cases have been checked, that holds. `progress` is told of each run.
/// The same result for any number of threads.
///
/// # Errors
/// What is wrong with a case that was not checked.
pub fn plan(
    experiment: &Experiment,
    planning: &Planning,
    read: ReadFile<'_>,
    progress: &(dyn Fn() + Sync),
) -> Result<Planned, Box<Diagnostics>> {
    let grid = Grid {
        sizes: experiment
            .axes
            .iter()
            .map(|axis| axis.values.len())
            .collect(),
        costs: (0..experiment.cases())
            .map(|case| planning.cost(&experiment.point(case)))
            .collect(),
        monotone: planning.monotone.clone(),
    };
    let (mut judged, mut wrong) = (BTreeMap::new(), None);
    let found = search(
        &grid,
        &mut |case| match judge(experiment, planning, case, read, progress) {
            Ok(own) => {
                let holds = own.holds;
                judged.insert(case, own);
                holds
            }
            Err(found) => {
                wrong.get_or_insert(found);
                false
            }
        },
    );
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    Ok(Planned {
        plan: found.plan,
        runs: judged.values().map(|own| u64::from(own.runs)).sum(),
        judged,
        grid,
        assumption: found.assumption,
    })
}

/// What is kept of a run.
struct Run {
    figures: Vec<f64>,
    gained: Vec<u64>,
}

impl Run {
    fn of(summary: &Summary, holds: &[Hold]) -> Run {
        let gained = |state: PartitionState| {
            let own = summary
                .attribution
                .iter()
                .find(|cause| cause.state == state.name());
            own.map_or(0, |cause| cause.lag_gained)
        };
        Run {
            figures: holds
                .iter()
                .map(|hold| measure(&hold.expectation.metric, summary))
                .collect(),
            gained: PartitionState::ALL.into_iter().map(gained).collect(),
        }
    }
}

/// Runs a case until it is clear whether it holds.
fn judge(
    experiment: &Experiment,
    planning: &Planning,
    case: usize,
    read: ReadFile<'_>,
    progress: &(dyn Fn() + Sync),
) -> Result<CaseJudged, Box<Diagnostics>> {
    let scenario = check_case(experiment, case, &|path| read(path))?.scenario;
    let all = experiment.replications;
    let mut runs: Vec<Run> = Vec::new();
    let mut holds = false;
    for look in looks(all) {
        let more: Vec<Run> = (runs.len() as u32..look)
            .into_par_iter()
            .map(|replication| {
                let outcome = run_once(&scenario, replication, Keep::SUMMARY);
                progress();
                Run::of(&outcome.summary, &planning.holds)
            })
            .collect();
        runs.extend(more);
        let each = planning.holds.iter().enumerate().map(|(ix, hold)| {
            let passed = runs
                .iter()
                .filter(|run| hold.expectation.holds(run.figures[ix]));
            decided(hold.share, passed.count() as u32, look, all)
        });
        let each: Vec<Option<bool>> = each.collect();
        holds = each.iter().all(|one| *one == Some(true));
        if holds || each.contains(&Some(false)) {
            break;
        }
    }
    Ok(told(case, holds, &runs, &planning.holds))
}

fn told(case: usize, holds: bool, runs: &[Run], requirements: &[Hold]) -> CaseJudged {
    let held = requirements.iter().enumerate().map(|(ix, hold)| {
        let figures: Vec<f64> = runs.iter().map(|run| run.figures[ix]).collect();
        let passed = figures
            .iter()
            .filter(|figure| hold.expectation.holds(**figure));
        Held {
            passed: passed.count() as u32,
            figures,
        }
    });
    let states = PartitionState::ALL.into_iter().enumerate();
    let mut causes: Vec<(PartitionState, f64)> = states
        .filter(|(_, state)| *state != PartitionState::KeepingUp)
        .map(|(ix, state)| {
            let sum: u64 = runs.iter().map(|run| run.gained[ix]).sum();
            (state, sum as f64 / runs.len().max(1) as f64)
        })
        .collect();
    causes.sort_by(|a, b| b.1.total_cmp(&a.1));
    CaseJudged {
        case,
        holds,
        runs: runs.len() as u32,
        held: held.collect(),
        causes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_looked_at_early_and_at_its_end() {
        assert_eq!(
            looks(60).collect::<Vec<_>>(),
            [4, 8, 16, 24, 32, 40, 48, 56, 60]
        );
        assert_eq!(looks(3).collect::<Vec<_>>(), [3]);
        assert_eq!(looks(4).collect::<Vec<_>>(), [4]);
        assert_eq!(looks(1).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn hopeless_and_certain_cases_are_decided_early_and_others_at_the_end() {
        // In 95 % of 60: three may fail.
        assert_eq!(decided(0.95, 0, 4, 60), Some(false));
        assert_eq!(decided(0.95, 4, 4, 60), None);
        assert_eq!(decided(0.95, 57, 59, 60), Some(true));
        assert_eq!(decided(0.95, 56, 60, 60), Some(false));
        assert_eq!(decided(1.0, 59, 60, 60), Some(false));
        assert_eq!(decided(1.0, 3, 4, 60), Some(false));
        // In half of 100: neither can still be reversed, but chance does not do that.
        assert_eq!(decided(0.5, 24, 24, 100), Some(true));
        assert_eq!(decided(0.5, 0, 24, 100), Some(false));
        assert_eq!(decided(0.5, 14, 24, 100), None);
    }

    /// Over all looks a case that just holds is refused by chance in at most one of 10,000.
    #[test]
    fn the_risk_of_an_early_decision_is_what_it_is_said_to_be() {
        let (share, all) = (0.8, 100);
        let risk: f64 = looks(all)
            .map(|n| {
                // The fewest failures that refuse it at this look, by the bound and not by the count.
                let refused = (0..=n).find(|failed| {
                    *failed <= all - needed(share, all)
                        && decided(share, n - failed, n, all) == Some(false)
                });
                refused.map_or(0.0, |failed| at_least(failed, n, 1.0 - share))
            })
            .sum();
        assert!(risk > 0.0 && risk <= RISK, "{risk}");
    }

    #[test]
    fn the_interval_of_a_share_is_exact() {
        // Clopper and Pearson: n of n leave the 2.5 % quantile of Beta(n, 1), 0.025^(1/n).
        let (low, high) = share_interval(60, 60);
        assert!((low - 0.025_f64.powf(1.0 / 60.0)).abs() < 1e-9 && high == 1.0);
        let (low, high) = share_interval(5, 10);
        assert!((low - 0.187_086).abs() < 1e-5 && (high - 0.812_914).abs() < 1e-5);
        assert_eq!(share_interval(0, 10).0, 0.0);
    }
}
