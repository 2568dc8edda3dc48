//! A scrape in Prometheus' text format: `name{label="value",...} figure [timestamp]`.

use std::collections::BTreeSet;

use super::{Page, metric};
use crate::scenario::lines_of;

/// Whether a line that is no comment is one of a scrape.
pub(super) fn is_one(line: &str) -> bool {
    let name = name_of(line);
    let rest = line[name.len()..].trim_start();
    let figure = |rest: &str| {
        let word = rest.split_whitespace().next().unwrap_or("");
        super::figure(word).is_some()
    };
    !name.is_empty() && (rest.starts_with('{') || figure(rest))
}

/// The metric's name at the beginning of a line: letters, digits, `_` and `:`, no digit first.
fn name_of(line: &str) -> &str {
    let line = line.trim_start();
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = line.find(|c| !letter(c)).unwrap_or(line.len());
    let name = &line[..end];
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        ""
    } else {
        name
    }
}

/// Reads a scrape; metrics of other things than lag are left out. Time stamps are, too: a scrape is one moment.
pub(super) fn read(page: &mut Page) {
    let mut seen = BTreeSet::new();
    for (place, line) in lines_of(page.text) {
        if page.is_hopeless(&place) {
            return;
        }
        if let Err((message, help)) = sample(page, &mut seen, line) {
            page.error(place, message, help);
        }
    }
}

type Wrong = (String, &'static str);
type Key = (super::Quantity, Option<String>, Option<String>, Option<u32>);

fn sample(page: &mut Page, seen: &mut BTreeSet<Key>, line: &str) -> Result<(), Wrong> {
    const SHAPE: &str = r#"write name{label="value"} figure, as exporters do"#;
    let malformed = |what: &str| (what.to_owned(), SHAPE);
    let line = line.trim();
    let name = name_of(line);
    if name.is_empty() {
        return Err(malformed("this is no sample of a metric"));
    }
    let rest = line[name.len()..].trim_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => {
            labels(rest).ok_or_else(|| malformed("the labels are not closed or not quoted"))?
        }
        None => (Vec::new(), rest),
    };
    let Some(figure) = rest.split_whitespace().next() else {
        return Err(malformed("there is no figure"));
    };
    let label = |key: &str| {
        let found = labels.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value.as_str())
    };
    let series = metric::series(name, &label).map_err(|message| {
        (
            message,
            "give the exporter's own labels, without relabelling",
        )
    })?;
    let Some(mut series) = series else {
        // Another metric: whether its figure is one is not our affair.
        return Ok(());
    };
    let value = metric::value(series.quantity, figure).map_err(|message| (message, SHAPE))?;
    let key = (
        series.quantity,
        series.topic.clone(),
        series.group.clone(),
        series.partition,
    );
    if !seen.insert(key) {
        let message = format!("{name} stands twice for the same partition");
        return Err((message, "keep one scrape, of one cluster"));
    }
    series.points.push((None, value));
    page.series.push(series);
    Ok(())
}

/// The labels up to the closing brace, and what follows it.
fn labels(text: &str) -> Option<(Vec<(&str, String)>, &str)> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
        labels.push((name.trim(), value));
        let after = after.trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
}

/// A value up to its closing quote, with `\\`, `\"` and `\n` read, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}
