//! `compare.json`.

use serde::Serialize;

use super::super::RenderError;
use super::super::answers::{measured, told};
use super::csv::name;
use super::{headline, sentences};
use crate::experiment::{
    Asked, CaseOutcome, Comparison, Finding, Interval, Measured, Paired, Side, Verdict,
};
use crate::scenario::Answer;

/// Version of the document's shape. Adding a field keeps it.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    lagsim_version: &'static str,
    /// The experiment's question; none of models and variants.
    title: Option<&'a str>,
    seed: u64,
    replications: u32,
    horizon_s: f64,
    sample_s: f64,
    notes: &'a [String],
    variants: Vec<Variant<'a>>,
    /// What the experiment expects; none of models and variants.
    expectations: Option<Vec<Expected<'a>>>,
}

#[derive(Serialize)]
struct Variant<'a> {
    name: &'a str,
    title: &'a str,
    /// What differs from the base, in words; the base has none.
    headline: Option<String>,
    findings: Vec<String>,
    figures: Vec<Figure>,
    causes: Vec<Cause>,
}

#[derive(Serialize)]
struct Figure {
    name: &'static str,
    #[serde(flatten)]
    own: Interval,
    against: Option<Against>,
}

#[derive(Serialize)]
struct Cause {
    state: &'static str,
    seconds: f64,
    lag_gained: Interval,
    against: Option<Against>,
}

/// A figure against that of the base.
#[derive(Serialize)]
struct Against {
    difference: Interval,
    change: Option<Interval>,
    less: usize,
    more: usize,
    finding: &'static str,
    needed: Option<u32>,
}

/// Something that must come out.
#[derive(Serialize)]
struct Expected<'a> {
    text: String,
    /// Whether it is so in all cases.
    met: bool,
    cases: Vec<Case<'a>>,
}

/// What came out of it in a case.
#[derive(Serialize)]
struct Case<'a> {
    case: &'a str,
    against: Option<&'a str>,
    verdict: &'static str,
    /// Pairs that would decide.
    needed: Option<u32>,
    /// What came out, in words.
    measured: String,
    /// The mean; none where it is not finite, or where the pairs are judged.
    mean: Option<f64>,
    difference: Option<Interval>,
    change: Option<Interval>,
    less: Option<usize>,
    more: Option<usize>,
}

/// Pretty, one key per line, a line feed at the end.
pub fn document(comparison: &Comparison) -> Result<Vec<u8>, RenderError> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        lagsim_version: env!("CARGO_PKG_VERSION"),
        title: comparison
            .asked
            .as_ref()
            .map(|asked| asked.plan.title.as_str()),
        seed: comparison.seed,
        replications: comparison.replications,
        horizon_s: comparison.horizon.as_secs_f64(),
        sample_s: comparison.sample.as_secs_f64(),
        notes: &comparison.notes,
        variants: comparison
            .sides
            .iter()
            .enumerate()
            .map(|(ix, side)| variant(side, comparison.sides.first().filter(|_| ix > 0)))
            .collect(),
        expectations: comparison
            .asked
            .as_ref()
            .map(|asked| expected(&comparison.sides, asked)),
    };
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn variant<'a>(side: &'a Side, base: Option<&Side>) -> Variant<'a> {
    Variant {
        name: &side.name,
        title: &side.title,
        headline: base.map(|base| headline(base, side)),
        findings: base.map_or_else(Vec::new, |base| sentences(base, side)),
        figures: side
            .figures
            .iter()
            .map(|line| Figure {
                name: line.name,
                own: line.own,
                against: line.against.as_ref().map(against),
            })
            .collect(),
        causes: side
            .causes
            .iter()
            .map(|cause| Cause {
                state: cause.state.name(),
                seconds: cause.seconds,
                lag_gained: cause.gained,
                against: cause.against.as_ref().map(against),
            })
            .collect(),
    }
}

fn expected<'a>(sides: &'a [Side], asked: &Asked) -> Vec<Expected<'a>> {
    let plan = &asked.plan;
    let answers = plan.answers.iter().zip(&asked.findings.answers);
    answers
        .map(|(answer, judged)| Expected {
            text: told(plan, answer),
            met: judged.is_met(),
            cases: judged
                .outcomes
                .iter()
                .map(|outcome| case(sides, answer, outcome))
                .collect(),
        })
        .collect()
}

fn case<'a>(sides: &'a [Side], answer: &Answer, outcome: &CaseOutcome) -> Case<'a> {
    let (mean, pair) = match &outcome.measured {
        Measured::Mean(mean) => (Some(*mean).filter(|mean| mean.is_finite()), None),
        Measured::Against { base, paired } => (None, Some((*base, paired))),
    };
    let paired = pair.map(|(_, paired)| paired);
    let (verdict, needed) = match outcome.verdict {
        Verdict::Met => ("met", None),
        Verdict::Otherwise => ("not met", None),
        Verdict::Undecided { needed } => ("undecided", needed),
    };
    Case {
        case: &sides[outcome.case].name,
        against: pair.map(|(base, _)| sides[base].name.as_str()),
        verdict,
        needed,
        measured: measured(answer, outcome),
        mean,
        difference: paired.map(|paired| paired.difference),
        change: paired.and_then(|paired| paired.change),
        less: paired.map(|paired| paired.less),
        more: paired.map(|paired| paired.more),
    }
}

fn against(paired: &Paired) -> Against {
    Against {
        difference: paired.difference,
        change: paired.change,
        less: paired.less,
        more: paired.more,
        finding: name(paired.finding),
        needed: match paired.finding {
            Finding::Unclear { needed } => needed,
            _ => None,
        },
    }
}
