//! What `lagsim plan` prints: the plan, its margin, what binds it, the frontier.

use super::super::terminal::wrapped;
use super::{Search, plain};
use crate::experiment::{Assumption, CaseJudged};
use crate::measure::in_words;
use crate::measure::words::{counted, grouped, percent};

/// The text of a search.
pub fn text(search: &Search) -> String {
    let mut text = format!("{}\n", search.experiment.title);
    let told = |own: &CaseJudged| {
        format!(
            "{}: cost {}",
            search.experiment.told(own.case),
            plain(search.cost(own.case))
        )
    };
    let judged = &search.planned.judged;
    match search.planned.plan.and_then(|plan| judged.get(&plan)) {
        Some(own) => {
            text.push_str(&format!("Cheapest that holds: {}.\n\n", told(own)));
            text.push_str(&margins(search, own));
            match search.planned.binding() {
                Some(beside) => {
                    let sentence = format!("{}: {}", told(beside), search.why(beside));
                    text.push_str("\nWhat binds\n");
                    text.push_str(&wrapped("  - ", &sentence, "    "));
                }
                None => text.push_str("\nNothing binds: no case beside it is cheaper.\n"),
            }
        }
        None => {
            text.push_str("No case holds.\n");
            if let Some(own) = search.planned.nearest_miss(search.planning) {
                text.push_str("\nNearest miss\n");
                let sentence = format!("{}: {}", told(own), search.why(own));
                text.push_str(&wrapped("  - ", &sentence, "    "));
            }
        }
    }
    text.push_str(&frontier(search));
    text.push_str(&effort(search));
    text
}

/// Each requirement and how far from its bound the plan is.
fn margins(search: &Search, own: &CaseJudged) -> String {
    let mut text = String::new();
    for (hold, held) in search.planning.holds.iter().zip(&own.held) {
        let metric = &hold.expectation.metric;
        let (least, _) = held.share();
        let sentence = format!(
            "{} in {} of {} runs ({} asked for; at least {} with 95 % confidence), at {}",
            hold.expectation.text,
            held.passed,
            held.figures.len(),
            percent(hold.share),
            percent(least),
            in_words(metric, held.decisive(hold)),
        );
        text.push_str(&wrapped("  ✓ ", &sentence, "    "));
    }
    text
}

/// Cases of which none that is cheaper is as good.
fn frontier(search: &Search) -> String {
    let Some(hold) = search.planning.holds.first() else {
        return String::new();
    };
    let name = hold.expectation.metric.name();
    let mut text = format!("\n{:>10}  {:>12}  {:<6} case\n", "cost", name, "");
    for case in search.planned.frontier(search.planning) {
        let Some(own) = search.planned.judged.get(&case) else {
            continue;
        };
        text.push_str(&format!(
            "{:>10}  {:>width$}  {:<6} {}\n",
            plain(search.cost(case)),
            in_words(&hold.expectation.metric, own.held[0].decisive(hold)),
            if own.holds { "holds" } else { "fails" },
            search.experiment.told(case),
            width = name.chars().count().max(12),
        ));
    }
    text
}

/// What it took, and what is assumed.
fn effort(search: &Search) -> String {
    let (planned, cases) = (search.planned, search.experiment.cases());
    let all = cases as u64 * u64::from(search.experiment.replications);
    let mut text = format!(
        "\n{} of {} were run, {} of {}.\n",
        grouped(planned.judged.len() as u64),
        counted(cases as u64, "case", "cases"),
        grouped(planned.runs),
        counted(all, "run", "runs"),
    );
    let axes = search.experiment.axes.iter().zip(&search.planning.monotone);
    let names: Vec<&str> = axes
        .filter(|(_, monotone)| **monotone)
        .map(|(axis, _)| axis.name.as_str())
        .collect();
    let names = names.join(" or ");
    text.push_str(&match planned.assumption {
        Assumption::None => String::new(),
        Assumption::Kept => {
            format!("Assumed: more {names} never hurts; the cases beside the answer were run and agree.\n")
        }
        Assumption::Broken => {
            format!("note: more {names} does hurt somewhere, so every cheaper case was run instead\n")
        }
    });
    text
}
