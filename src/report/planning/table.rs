//! `plan.csv` and `plan.json`.

use serde::Serialize;

use super::super::RenderError;
use super::Search;
use crate::experiment::Assumption;

/// Version of the document's shape. Adding a field keeps it.
const SCHEMA_VERSION: u32 = 1;

/// How a case stands.
fn standing(search: &Search, case: usize) -> &'static str {
    let planned = search.planned;
    match (planned.judged.get(&case), planned.holds(case)) {
        (Some(own), _) if own.holds => "holds",
        (Some(_), _) => "fails",
        (None, Some(true)) => "implied-holds",
        (None, Some(false)) => "implied-fails",
        (None, None) => "not-run",
    }
}

/// One row per case.
pub fn csv(search: &Search) -> Result<Vec<u8>, RenderError> {
    let (experiment, planned) = (search.experiment, search.planned);
    let frontier = planned.frontier(search.planning);
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["case".to_owned()];
    let keys = experiment.axes.iter().flat_map(|axis| &axis.keys);
    header.extend(keys.cloned());
    header.extend(["cost", "standing", "plan", "frontier", "runs"].map(str::to_owned));
    for hold in &search.planning.holds {
        let name = hold.expectation.metric.name();
        header.extend([format!("{name} passed"), format!("{name} decisive")]);
    }
    table.write_record(&header)?;
    for case in 0..experiment.cases() {
        let mut row = vec![case.to_string()];
        let labels = experiment.values(case).flat_map(|value| &value.labels);
        row.extend(labels.cloned());
        let own = planned.judged.get(&case);
        row.extend([
            search.cost(case).to_string(),
            standing(search, case).to_owned(),
            (planned.plan == Some(case)).to_string(),
            frontier.contains(&case).to_string(),
            own.map_or(0, |own| own.runs).to_string(),
        ]);
        for (ix, hold) in search.planning.holds.iter().enumerate() {
            match own.map(|own| &own.held[ix]) {
                Some(held) => {
                    row.extend([held.passed.to_string(), held.decisive(hold).to_string()]);
                }
                None => row.extend([String::new(), String::new()]),
            }
        }
        table.write_record(&row)?;
    }
    table
        .into_inner()
        .map_err(|error| RenderError::Csv(error.into_error().into()))
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    lagsim_version: &'static str,
    experiment: &'a str,
    title: &'a str,
    replications: u32,
    cases: usize,
    cases_run: usize,
    runs: u64,
    assumption: &'static str,
    plan: Option<Case>,
    binding: Option<Case>,
    nearest_miss: Option<Case>,
    frontier: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    case: usize,
    settings: Vec<String>,
    cost: f64,
    holds: bool,
    runs: u32,
    requirements: Vec<Requirement>,
    causes: Vec<Cause>,
}

#[derive(Serialize)]
struct Requirement {
    text: String,
    share: f64,
    passed: u32,
    /// The exact 95 % interval of the share of runs that meet it.
    share_low: f64,
    share_high: f64,
    /// The figure of which the share asked for is no worse; null for never.
    decisive: Option<f64>,
}

#[derive(Serialize)]
struct Cause {
    state: &'static str,
    lag_gained: f64,
}

/// Pretty, one key per line, a line feed at the end.
pub fn json(search: &Search) -> Result<Vec<u8>, RenderError> {
    let (experiment, planned) = (search.experiment, search.planned);
    let judged = |number: &usize| planned.judged.contains_key(number).then_some(*number);
    let told = |number: usize| case(search, number);
    let nearest = planned.nearest_miss(search.planning);
    let document = Document {
        schema_version: SCHEMA_VERSION,
        lagsim_version: env!("CARGO_PKG_VERSION"),
        experiment: &experiment.name,
        title: &experiment.title,
        replications: experiment.replications,
        cases: experiment.cases(),
        cases_run: planned.judged.len(),
        runs: planned.runs,
        assumption: match planned.assumption {
            Assumption::None => "none",
            Assumption::Kept => "kept",
            Assumption::Broken => "broken",
        },
        plan: planned.plan.and_then(told),
        binding: planned.binding().and_then(|own| told(own.case)),
        nearest_miss: nearest
            .filter(|_| planned.plan.is_none())
            .and_then(|own| told(own.case)),
        frontier: planned
            .frontier(search.planning)
            .iter()
            .filter_map(judged)
            .filter_map(told)
            .collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn case(search: &Search, number: usize) -> Option<Case> {
    let own = search.planned.judged.get(&number)?;
    let settings = search.experiment.values(number);
    let held = search.planning.holds.iter().zip(&own.held);
    Some(Case {
        case: number,
        settings: settings
            .flat_map(|value| value.settings.iter().map(|one| one.assignment()))
            .collect(),
        cost: search.cost(number),
        holds: own.holds,
        runs: own.runs,
        requirements: held
            .map(|(hold, held)| {
                let (share_low, share_high) = held.share();
                let decisive = held.decisive(hold);
                Requirement {
                    text: hold.expectation.text.clone(),
                    share: hold.share,
                    passed: held.passed,
                    share_low,
                    share_high,
                    decisive: decisive.is_finite().then_some(decisive),
                }
            })
            .collect(),
        causes: own
            .causes
            .iter()
            .filter(|(_, gained)| *gained > 0.0)
            .map(|(state, gained)| Cause {
                state: state.name(),
                lag_gained: *gained,
            })
            .collect(),
    })
}
