//! What became of the answers that an experiment states, in words. Not for judging them: the experiment does.

use super::terminal::{Style, wrapped};
use crate::experiment::{
    AnswerJudged, CaseOutcome, Findings, Interval, Measured, Paired, Plan, Verdict,
};
use crate::measure::in_words;
use crate::measure::words::{counted, grouped};
use crate::scenario::{Answer, Claim, Metric, Relation};

/// Cases that an answer is not met in, told one by one.
const MOST_TOLD: usize = 3;

/// An answer as people read it: `max-lag below 500 where topic.partitions = 12`.
pub fn told(plan: &Plan, answer: &Answer) -> String {
    let mut text = answer.text().to_owned();
    if let Some(cases) = axes_in_words(plan, &answer.cases) {
        text.push_str(&format!(" where {cases}"));
    }
    if let Claim::Against { base, .. } = &answer.claim
        && let Some(base) = axes_in_words(plan, base)
    {
        text.push_str(&format!(" against {base}"));
    }
    text
}

/// Values of axes: `topic.partitions = 12, group.members = 4`; none of all cases.
fn axes_in_words(plan: &Plan, values: &[Option<usize>]) -> Option<String> {
    let parts: Vec<String> = plan
        .axes
        .iter()
        .zip(values)
        .filter_map(|(axis, at)| {
            let value = axis.values.get((*at)?)?;
            Some(format!("{} = {}", axis.name, value.label))
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What came out of an answer that is not met, in its first cases.
pub fn told_otherwise(plan: &Plan, answer: &Answer, judged: &AnswerJudged) -> String {
    let outcomes = judged.outcomes.iter();
    let otherwise = outcomes.filter(|outcome| outcome.verdict != Verdict::Met);
    let told: Vec<String> = otherwise
        .take(MOST_TOLD)
        .map(|outcome| {
            let mut text = measured(answer, outcome);
            let values: Vec<Option<usize>> =
                plan.point(outcome.case).into_iter().map(Some).collect();
            if let Some(case) = axes_in_words(plan, &values) {
                text.push_str(&format!(" where {case}"));
            }
            if let Some(doubt) = doubt(outcome) {
                text.push_str(&format!(", {doubt}"));
            }
            text
        })
        .collect();
    let more = judged.otherwise + judged.undecided - told.len();
    let rest = match more {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{rest}", told.join("; "))
}

/// `which 8 pairs do not decide (about 40 would)`; none of what is decided.
fn doubt(outcome: &CaseOutcome) -> Option<String> {
    let (Verdict::Undecided { needed }, Measured::Against { paired, .. }) =
        (outcome.verdict, &outcome.measured)
    else {
        return None;
    };
    let would = match needed {
        Some(needed) => format!("about {} would", grouped(u64::from(needed))),
        None if paired.pairs < 2 => "2 are the least".to_owned(),
        None => "nor would any number of them that can be run".to_owned(),
    };
    let (pairs, verb) = match paired.pairs {
        1 => ("1 pair".to_owned(), "does"),
        many => (counted(many as u64, "pair", "pairs"), "do"),
    };
    Some(format!("which {pairs} {verb} not decide ({would})"))
}

/// What came out in a case: `14,000`, `0.48 times (0.41 to 0.55)`, `20s less (18s to 22s less)`.
pub(super) fn measured(answer: &Answer, outcome: &CaseOutcome) -> String {
    let metric = answer.metric();
    match &outcome.measured {
        Measured::Mean(value) => in_words(metric, *value),
        Measured::Against { paired, .. } => match (relation(answer), &paired.change) {
            _ if paired.difference.n < paired.pairs => signs(metric, paired),
            (Some(Relation::Times(_)), Some(change)) => ratio(change),
            (Some(Relation::Times(_)), None) => signs(metric, paired),
            _ => difference(metric, &paired.difference),
        },
    }
}

/// How the bounds of an answer depend on another case; none if they do not.
fn relation(answer: &Answer) -> Option<Relation> {
    match &answer.claim {
        Claim::Mean(_) => None,
        Claim::Against { expectation, .. } => expectation.below.or(expectation.above),
    }
}

/// A change as a ratio.
fn ratio(change: &Interval) -> String {
    let Some(mean) = change.mean else {
        return "no figure".to_owned();
    };
    let (Some(low), Some(high)) = (change.low, change.high) else {
        return format!("{} times", times(mean, 2));
    };
    let differ = |decimals: &usize| times(low, *decimals) != times(high, *decimals);
    let decimals = (2..4).find(differ).unwrap_or(2);
    let range = match differ(&decimals) {
        true => format!(" ({} to {})", times(low, decimals), times(high, decimals)),
        false => String::new(),
    };
    format!("{} times{range}", times(mean, decimals))
}

/// How many times as much a change makes of something. What is not nothing does not look like it.
fn times(change: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", 1.0 + change);
    match text.trim_end_matches('0').trim_end_matches('.') {
        "0" if change > -1.0 && decimals < 4 => times(change, decimals + 1),
        "0" if change > -1.0 => "under 0.0001".to_owned(),
        digits => digits.to_owned(),
    }
}

fn difference(metric: &Metric, difference: &Interval) -> String {
    let Some(mean) = difference.mean else {
        return "no figure".to_owned();
    };
    let range = match (difference.low, difference.high) {
        (Some(low), Some(high)) if low < high && low * high > 0.0 => {
            let [near, far] = [low.abs().min(high.abs()), low.abs().max(high.abs())];
            format!(" ({} to {})", size(metric, near), size(metric, far))
        }
        (Some(low), Some(high)) if low < high => {
            format!(" ({} to {})", by(metric, low), by(metric, high))
        }
        _ => String::new(),
    };
    format!("{}{range}", by(metric, mean))
}

/// `20s less`.
fn by(metric: &Metric, difference: f64) -> String {
    let word = match difference {
        0.0 => return "no difference".to_owned(),
        _ if difference < 0.0 => "less",
        _ => "more",
    };
    format!("{} {word}", size(metric, difference.abs()))
}

/// The size of a difference.
fn size(metric: &Metric, size: f64) -> String {
    in_words(&super::sweep::plain(metric), size)
}

/// A figure that some run does not have, or no share can be told of: `less in 8 of 8 pairs`.
fn signs(metric: &Metric, paired: &Paired) -> String {
    let less = paired.less > paired.more;
    let word = direction(metric, less);
    let count = if less { paired.less } else { paired.more };
    format!(
        "{word} in {count} of {}",
        counted(paired.pairs as u64, "pair", "pairs")
    )
}

/// What less of a figure is called, or more of it.
pub(super) fn direction(metric: &Metric, less: bool) -> &'static str {
    match (metric, less) {
        (Metric::Drain | Metric::AlertFiring(_), true) => "sooner",
        (Metric::Drain | Metric::AlertFiring(_), false) => "later",
        (_, true) => "less",
        (_, false) => "more",
    }
}

/// What became of what the experiment expects, each in a line; nothing if it expects nothing.
pub fn text(plan: &Plan, findings: &Findings, style: Style) -> String {
    if plan.answers.is_empty() {
        return String::new();
    }
    let mut text = "\nExpectations\n".to_owned();
    for (answer, judged) in plan.answers.iter().zip(&findings.answers) {
        let (sign, code) = match (judged.otherwise, judged.undecided) {
            (0, 0) => ("✓", "32"),
            (0, _) => ("?", "33"),
            _ => ("✗", "31"),
        };
        let sign = match style.colour {
            true => format!("\u{1b}[{code}m{sign}\u{1b}[0m"),
            false => sign.to_owned(),
        };
        let result = match judged.is_met() {
            true => met(answer, judged),
            false => format!(
                "{} ({} of {})",
                told_otherwise(plan, answer, judged),
                in_how_many(judged),
                counted(judged.cases as u64, "case", "cases")
            ),
        };
        let line = format!("{}: {result}", told(plan, answer));
        text.push_str(&wrapped(&format!("  {sign} "), &line, "    "));
    }
    text
}

/// What came out of an answer that is met: `14 to 30 (met in all 4 cases)`.
fn met(answer: &Answer, judged: &AnswerJudged) -> String {
    if let [outcome] = judged.outcomes.as_slice() {
        return format!("{} (met)", measured(answer, outcome));
    }
    let range = judged.range.filter(|(low, _)| !low.is_nan());
    let range = range.map_or_else(String::new, |(low, high)| {
        let shown = |value: f64| match relation(answer) {
            None => in_words(answer.metric(), value),
            Some(Relation::Times(_)) => times(value - 1.0, 2),
            Some(Relation::Plus(_)) => by(answer.metric(), value),
        };
        let unit = match relation(answer) {
            Some(Relation::Times(_)) => "times ",
            _ => "",
        };
        let (low, high) = (shown(low), shown(high));
        match low == high {
            true => format!("{low} {unit}"),
            false => format!("{low} to {high} {unit}"),
        }
    });
    format!("{range}(met in all {} cases)", judged.cases)
}

/// `not met in 1, undecided in 2`.
fn in_how_many(judged: &AnswerJudged) -> String {
    let parts = [
        ("not met", judged.otherwise),
        ("undecided", judged.undecided),
    ];
    let parts = parts.iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(what, count)| format!("{what} in {count}"))
        .collect();
    parts.join(", ")
}
