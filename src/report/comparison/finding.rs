//! What a comparison found, in sentences: what differs, by how much and how certainly, and what cannot be told.

use super::super::answers::direction;
use crate::experiment::{CauseLine, Finding, Interval, Line, Paired, Side};
use crate::measure::in_words;
use crate::measure::words::{counted, grouped, listed, short};
use crate::scenario::{CountMetric, Metric};

/// The figure that the headline is about, always the same one: the first of several that happens to differ would be
/// found by chance sooner or later.
const HEADLINE: &str = "mean-lag";
/// Most causes told of.
const MOST_CAUSES: usize = 3;

/// What became of the mean lag in `side`.
pub fn headline(base: &Side, side: &Side) -> String {
    let told = told(base, side);
    match told.iter().find(|(line, ..)| line.name == HEADLINE) {
        Some((line, base, paired)) if paired.is_told() => difference(line, base, paired),
        Some((.., paired)) if paired.finding == Finding::Same => {
            format!("{HEADLINE} is the same in every pair")
        }
        Some((.., paired)) => format!(
            "{HEADLINE}: no difference can be told from chance{}",
            match would_tell(paired) {
                Some(needed) => format!(" ({needed})"),
                None => String::new(),
            }
        ),
        None => String::new(),
    }
}

/// The figures of `side` with those of the base and what was found of them.
fn told<'a>(base: &'a Side, side: &'a Side) -> Vec<(&'a Line, &'a Line, &'a Paired)> {
    let lines = side.figures.iter().zip(&base.figures);
    lines
        .filter_map(|(line, base)| Some((line, base, line.against.as_ref()?)))
        .collect()
}

/// Everything found about `side` against the base.
pub fn sentences(base: &Side, side: &Side) -> Vec<String> {
    let lines = told(base, side);
    let mut told: Vec<String> = lines
        .iter()
        .filter(|(.., paired)| paired.is_told())
        .map(|(line, base, paired)| difference(line, base, paired))
        .collect();
    told.extend(causes(base, side));
    let unclear: Vec<String> = lines
        .iter()
        .filter(|(.., paired)| matches!(paired.finding, Finding::Unclear { .. }))
        .map(|(line, _, paired)| match would_tell(paired) {
            Some(needed) => format!("{} ({needed})", line.name),
            None => line.name.to_owned(),
        })
        .collect();
    if !unclear.is_empty() {
        told.push(format!(
            "no difference can be told from chance in {}",
            listed(&unclear)
        ));
    }
    let same: Vec<String> = lines
        .iter()
        .filter(|(.., paired)| paired.finding == Finding::Same)
        .map(|(line, ..)| line.name.to_owned())
        .collect();
    if !same.is_empty() {
        told.push(format!("the same in every pair: {}", listed(&same)));
    }
    told
}

/// `max-lag: 61 % less (58 to 64 %), 3,820 instead of 9,800`.
fn difference(line: &Line, base: &Line, paired: &Paired) -> String {
    let name = line.name;
    let (Some(from), Some(to)) = (base.own.mean, line.own.mean) else {
        return by_signs(line, paired);
    };
    if paired.difference.n < base.own.n.max(line.own.n) {
        return by_signs(line, paired);
    }
    let metric = &line.metric;
    let instead = format!(
        "{} instead of {}",
        in_words(metric, to),
        in_words(metric, from)
    );
    if to == 0.0 {
        return format!("{name}: {instead}");
    }
    if let Some(by) = paired.change.as_ref().and_then(by) {
        return format!("{name}: {by}, {instead}");
    }
    let ends = [paired.difference.low, paired.difference.high];
    let [Some(low), Some(high)] = ends.map(|end| end.map(f64::abs)) else {
        return format!("{name}: {instead}");
    };
    let word = if paired.finding == Finding::Less {
        "less"
    } else {
        "more"
    };
    format!(
        "{name}: {instead}, {} to {} {word}",
        in_words(metric, low.min(high)),
        in_words(metric, low.max(high))
    )
}

/// A figure that some run does not have: `drain: sooner in 32 of 32 pairs`.
fn by_signs(line: &Line, paired: &Paired) -> String {
    let word = direction(&line.metric, paired.less > paired.more);
    let own = match line.own.mean {
        Some(mean) => format!(
            "{} on average in the {} that have it",
            in_words(&line.metric, mean),
            counted(line.own.n as u64, "run", "runs")
        ),
        None => "never now".to_owned(),
    };
    let pairs = paired.less.max(paired.more) as u64;
    let pairs = counted(pairs, "pair", "pairs");
    format!("{}: {word} in {pairs}, {own}", line.name)
}

/// A change in words: `61 % less (58 to 64 %)`; none without an interval.
fn by(change: &Interval) -> Option<String> {
    let (mean, low, high) = (change.mean?, change.low?, change.high?);
    if mean >= 2.0 {
        let factor = |share: f64| short(1.0 + share);
        return Some(format!(
            "{} times as much ({} to {})",
            factor(mean),
            factor(low),
            factor(high)
        ));
    }
    let (word, near, far) = if mean < 0.0 {
        ("less", high, low)
    } else {
        ("more", low, high)
    };
    let decimals = decimals(near, far);
    let percent = |share: f64| percent(share.abs(), decimals);
    let (near, far) = (percent(near), percent(far));
    let range = if near == far {
        String::new()
    } else {
        format!(" ({near} to {far} %)")
    };
    Some(format!("{} % {word}{range}", percent(mean)))
}

/// As many decimals as tell two shares apart, at most two; a few percent have one anyway.
fn decimals(one: f64, other: f64) -> usize {
    let fewest = usize::from(one.abs().max(other.abs()) < 0.1);
    (fewest..2)
        .find(|decimals| percent(one, *decimals) != percent(other, *decimals))
        .unwrap_or(2)
}

/// A share in percent with so many decimals. What is not everything does not look like it.
pub fn percent(share: f64, decimals: usize) -> String {
    let rounded = |share: f64| format!("{:.decimals$}", share.abs() * 100.0);
    if share.abs() < 1.0 && rounded(share) == rounded(1.0) {
        return match decimals {
            0 | 1 => percent(share, decimals + 1),
            _ => format!("{}99.99", if share < 0.0 { "-" } else { "" }),
        };
    }
    let text = rounded(share);
    let sign = if share < 0.0 && text != rounded(0.0) {
        "-"
    } else {
        ""
    };
    let (integer, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let integer = integer.parse().map_or_else(|_| integer.to_owned(), grouped);
    format!("{sign}{integer}{rest}")
}

/// `about 130 pairs would tell`; none if no number would.
fn would_tell(paired: &Paired) -> Option<String> {
    let Finding::Unclear {
        needed: Some(needed),
    } = paired.finding
    else {
        return None;
    };
    Some(format!(
        "about {} pairs would tell",
        grouped(u64::from(needed))
    ))
}

/// The causes whose lag differs most.
fn causes(base: &Side, side: &Side) -> Vec<String> {
    let records = Metric::Count(CountMetric::Produced);
    let mut told: Vec<(f64, String)> = side
        .causes
        .iter()
        .zip(&base.causes)
        .filter_map(|(own, base)| told_cause(own, base, &records))
        .collect();
    told.sort_by(|a, b| b.0.total_cmp(&a.0));
    told.truncate(MOST_CAUSES);
    told.into_iter().map(|(_, sentence)| sentence).collect()
}

fn told_cause(own: &CauseLine, base: &CauseLine, records: &Metric) -> Option<(f64, String)> {
    let paired = own.against.as_ref()?;
    if !paired.is_told() {
        return None;
    }
    let (from, to) = (base.gained.mean?, own.gained.mean?);
    let state = own.state.name();
    let from_words = in_words(records, from);
    let to_words = in_words(records, to);
    let sentence = if to == 0.0 {
        format!("`{state}` goes away as a cause of lag: {from_words} records of lag came from it")
    } else if from == 0.0 {
        format!("`{state}` is a new cause of lag: {to_words} records of lag come from it")
    } else {
        let verb = if to < from { "falls" } else { "rises" };
        format!("lag gained while `{state}` {verb}: {to_words} records instead of {from_words}")
    };
    Some(((to - from).abs(), sentence))
}
