//! Runs every case of an experiment, on all cores. What finished is handed over at once, in whatever order; nothing is
//! kept, so that memory does not grow with the number of cases.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::Plan;
use super::chain::{chain, recorded};
use crate::measure::{Keep, Recorder};
use crate::scenario::{Diagnostics, Experiment, Metric, Scenario, case_note, check_case};
use crate::sim::{self, Fact, GroupView, Observer, Sample, Totals};
use crate::units::{SimDuration, SimTime};
use crate::workload::Stock;

/// Points of a curve that is kept for a picture.
pub const CURVE_POINTS: usize = 240;
/// Cases that are checked before what they said is looked at.
const CHUNK: usize = 1_024;
/// More findings than this are not told.
const MOST_FINDINGS: usize = 100;

/// Loads a file from the folder of the experiment.
pub type ReadFile<'r> = &'r (dyn Fn(&str) -> Result<String, String> + Sync);

/// The figures of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFigures {
    /// Its case.
    pub case: usize,
    /// Its replication.
    pub replication: u32,
    /// By column of the plan; infinite for what never happened, not a number for what does not exist.
    pub figures: Vec<f64>,
    /// Highest total lag in each of equal parts of the run, if curves are kept (records).
    pub curve: Option<Vec<u64>>,
}

/// Cases that can be run, with what is needed to run them.
pub struct Sweep<'a> {
    experiment: &'a Experiment,
    /// What is measured.
    pub plan: &'a Plan,
    read: ReadFile<'a>,
    /// What its runs have in common: cases run on the same draws.
    stock: Stock,
}

impl<'a> Sweep<'a> {
    /// Those of `experiment`, measured by `plan`; `read` loads its files.
    pub fn new(experiment: &'a Experiment, plan: &'a Plan, read: ReadFile<'a>) -> Self {
        Sweep {
            experiment,
            plan,
            read,
            stock: Stock::default(),
        }
    }

    /// The model of a case.
    ///
    /// # Errors
    /// What is wrong with it: nothing, once [`check`](Self::check) has gone through.
    pub fn scenario(&self, case: usize) -> Result<Scenario, Box<Diagnostics>> {
        match check_case(self.experiment, case, &|path| (self.read)(path)) {
            Ok(checked) => Ok(checked.scenario),
            Err(wrong) => Err(Box::new(wrong)),
        }
    }

    /// Checks each of `cases` and returns how long each will take, by a measure of its own: simulated time times what
    /// is in it.
    ///
    /// # Errors
    /// Everything that is wrong in any case, and in which first.
    pub fn check(&self, cases: &[usize]) -> Result<Vec<u64>, Box<Diagnostics>> {
        let mut sizes = Vec::with_capacity(cases.len());
        let mut wrong: Option<Diagnostics> = None;
        for chunk in cases.chunks(CHUNK) {
            let checked: Vec<_> = chunk
                .par_iter()
                .map(|case| self.scenario(*case).map(|scenario| size(&scenario)))
                .collect();
            for (case, checked) in chunk.iter().zip(checked) {
                match checked {
                    Ok(size) => sizes.push(size),
                    Err(found) => {
                        let note = case_note(self.experiment, *case);
                        let told = wrong.take().unwrap_or_default().of_experiment();
                        wrong = Some(told.join(&found, note.as_deref()));
                    }
                }
            }
            if wrong
                .as_ref()
                .is_some_and(|told| told.len() >= MOST_FINDINGS)
            {
                break;
            }
        }
        match wrong {
            None => Ok(sizes),
            Some(told) => Err(Box::new(told)),
        }
    }

    /// Runs those replications of `cases` that are `wanted`, the longest case first (`sizes` as [`check`](Self::check)
    /// gave them), and tells each as it finishes, from any thread; a break ends the sweep after the runs in flight.
    pub fn run(
        &self,
        cases: &[usize],
        sizes: &[u64],
        wanted: &(dyn Fn(usize, u32) -> bool + Sync),
        tell: &(dyn Fn(RunFigures) -> ControlFlow<()> + Sync),
    ) {
        let mut order: Vec<usize> = (0..cases.len()).collect();
        // Stable: cases of one size run in their order.
        order.sort_by_key(|at| std::cmp::Reverse(sizes.get(*at).copied().unwrap_or(0)));
        let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        rayon::broadcast(|_| {
            while let Some(at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let case = cases[*at];
                let replications: Vec<u32> = (0..self.plan.replications)
                    .filter(|replication| wanted(case, *replication))
                    .collect();
                // One that was checked is valid.
                let Some(scenario) = self.needed(case, &replications) else {
                    continue;
                };
                replications
                    .into_par_iter()
                    .with_max_len(1)
                    .for_each(|replication| {
                        if !over.load(Ordering::Relaxed)
                            && tell(self.run_one(&scenario, case, replication)).is_break()
                        {
                            over.store(true, Ordering::Relaxed);
                        }
                    });
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
    }

    fn needed(&self, case: usize, replications: &[u32]) -> Option<Scenario> {
        if replications.is_empty() {
            return None;
        }
        self.scenario(case).ok()
    }

    /// Runs a case once.
    pub fn run_one(&self, scenario: &Scenario, case: usize, replication: u32) -> RunFigures {
        let keeps = self.plan.keeps_curves() && replication == 0;
        let mut curve = keeps.then(|| vec![0; CURVE_POINTS]);
        let outcome = chain(scenario, |number, stage| {
            if number > 0 {
                return recorded(stage, replication, Keep::SUMMARY);
            }
            let mut sketched = Sketched {
                recorder: Recorder::new(stage, replication, Keep::SUMMARY),
                horizon: stage.horizon,
                curve: curve.as_mut(),
                ages: self.plan.columns.iter().any(Metric::needs_ages),
            };
            let passed_on = sim::run_among(&self.stock, stage, replication, &mut sketched);
            (sketched.recorder.into_outcome(), passed_on)
        });
        RunFigures {
            case,
            replication,
            figures: self.plan.figures(&outcome.summary),
            curve,
        }
    }
}

/// How long a run will take, roughly, in units of its own.
fn size(scenario: &Scenario) -> u64 {
    let partitions = scenario.topic.partitions.len();
    let retries = scenario.retry_topics.iter();
    let retries = retries.map(|own| own.partitions as usize);
    let parties = partitions
        + retries.sum::<usize>()
        + scenario.group.processes.len() * (1 + scenario.retry_topics.len());
    (scenario.horizon.as_nanos() / 1_000_000).saturating_mul(parties as u64)
}

/// A recorder that also sketches the curve of total lag.
struct Sketched<'a> {
    recorder: Recorder<'a>,
    horizon: SimDuration,
    curve: Option<&'a mut Vec<u64>>,
    /// Whether a figure needs the ages of records.
    ages: bool,
}

impl Observer for Sketched<'_> {
    fn observe(&mut self, at: SimTime, fact: &Fact) {
        self.recorder.observe(at, fact);
    }

    fn scrape(&mut self, at: SimTime, partitions: &[Sample]) {
        self.recorder.scrape(at, partitions);
    }

    fn sample(&mut self, at: SimTime, partitions: &[Sample]) {
        self.recorder.sample(at, partitions);
        if let Some(curve) = &mut self.curve {
            let lag = partitions.iter().map(crate::measure::lag_of).sum();
            let share = u128::from(at.as_nanos()) * CURVE_POINTS as u128;
            let part = (share / u128::from(self.horizon.as_nanos().max(1))) as usize;
            let point = &mut curve[part.min(CURVE_POINTS - 1)];
            *point = u64::max(*point, lag);
        }
    }

    fn looks_at_ages(&self) -> bool {
        self.ages
    }

    fn finish(&mut self, at: SimTime, totals: &Totals, group: &GroupView) {
        self.recorder.finish(at, totals, group);
    }
}
