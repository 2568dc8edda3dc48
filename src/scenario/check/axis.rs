//! Axes of an experiment: keys of the model, and the values they take in turn.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::design::Design;
use super::super::document::{self, list};
use super::super::experiment::{Axis, AxisValue, Setting};
use super::super::raw::{self, OneOrMany, Spot};
use super::Source;
use super::judge::{Judge, Place};
use super::open_range::OpenRange;
use super::range::{self, Range as Steps};
use super::samples;

/// Most values of an axis.
const MOST_VALUES: usize = 100_000;

/// An axis before its values are known.
pub(super) struct Draft {
    pub(super) name: String,
    /// The paths of its keys, and where they stand.
    pub(super) keys: Vec<(String, Place)>,
    pub(super) spread: Spread,
    /// What its values are called.
    labels: Option<Spot<Vec<raw::Text>>>,
}

/// What an axis takes its values from.
pub(super) enum Spread {
    /// These.
    Listed(Vec<Value>),
    /// Samples of a range, and where that stands.
    Open(OpenRange, Place),
}

impl Judge<'_> {
    /// Every axis of an experiment, and which combinations of their values are cases.
    pub(super) fn axes(
        &mut self,
        source: &Source,
        tree: &DeTable<'_>,
        file: &raw::Experiment,
    ) -> Option<(Vec<Axis>, Design)> {
        let samples = self.samples(file);
        let mut drafts: Vec<Option<Draft>> = Vec::new();
        let mut varied: Vec<(String, Place)> = Vec::new();
        for (index, entry) in file.axis.iter().flatten().enumerate() {
            let values = entry.value.values.as_ref();
            let values = values.and_then(|_| document::find(tree, "axis", index, "values"));
            let open = file.samples.is_some();
            drafts.push(self.draft_of_axis(source, (entry, values), open, &mut varied));
        }
        let Some(samples) = samples? else {
            let axes = drafts.into_iter().map(|draft| self.listed_axis(draft?));
            // All of them, for each has mistakes of its own.
            let axes: Vec<Option<Axis>> = axes.collect();
            return Some((axes.into_iter().collect::<Option<_>>()?, Design::Grid));
        };
        let drafts = drafts.into_iter().enumerate();
        let sampled: Vec<Option<(Axis, Vec<usize>)>> = drafts
            .map(|(number, draft)| self.sampled(draft?, number, &samples))
            .collect();
        let sampled: Vec<(Axis, Vec<usize>)> = sampled.into_iter().collect::<Option<_>>()?;
        let (axes, taken): (Vec<Axis>, Vec<Vec<usize>>) = sampled.into_iter().unzip();
        Some((axes, samples::design(&samples, &taken)))
    }

    /// `open` says whether its values may be samples of a range.
    fn draft_of_axis(
        &mut self,
        source: &Source,
        (entry, values): (&Spot<raw::Axis>, Option<&Spanned<DeValue<'_>>>),
        open: bool,
        varied: &mut Vec<(String, Place)>,
    ) -> Option<Draft> {
        let keys = self.axis_keys(source, entry, varied);
        let name = entry.value.name.as_ref().map(|name| self.text(name));
        let Some(values) = values else {
            let help = r#"list what it is in turn: values = [4, 8, 12], or values = "50..500*2""#;
            return self.missing(&entry.span, "values", help);
        };
        let range = match values.get_ref() {
            DeValue::String(text) if open => OpenRange::parse(text),
            _ => None,
        };
        let spread = match range {
            Some(Ok(range)) => Spread::Open(range, values.span()),
            Some(Err(range::Fault { problem, remedy })) => {
                return self.error(&values.span(), problem, remedy);
            }
            None => Spread::Listed(self.written_values(source, values)?),
        };
        let keys = keys?;
        let name = match name {
            Some(name) => name?,
            None => {
                let names: Vec<&str> = keys.iter().map(|(key, _)| short(key)).collect();
                names.join(" and ")
            }
        };
        let labels = entry.value.labels.clone();
        if let (Spread::Open(..), Some(labels)) = (&spread, &labels) {
            let message = "samples of a range have no names";
            let help = "leave `labels` out, or list the values";
            return self.error(&labels.span, message, help);
        }
        Some(Draft {
            name,
            keys,
            spread,
            labels,
        })
    }

    /// An axis with the values that are listed.
    pub(super) fn listed_axis(&mut self, draft: Draft) -> Option<Axis> {
        let Spread::Listed(written) = draft.spread else {
            return None;
        };
        let values: Vec<Option<AxisValue>> = written
            .into_iter()
            .map(|value| self.axis_value(&draft.keys, value))
            .collect();
        let mut values: Vec<AxisValue> = values.into_iter().collect::<Option<_>>()?;
        let mut known = BTreeSet::new();
        for value in &values {
            if !known.insert(&value.labels) {
                let place = value
                    .settings
                    .first()
                    .map_or(0..0, |one| one.value.1.clone());
                let message = format!("the value {} is there twice", value.label);
                return self.error(&place, message, "list each value once");
            }
        }
        self.name_values(draft.labels.as_ref(), &mut values)?;
        Some(Axis {
            name: draft.name,
            keys: draft.keys.into_iter().map(|(key, _)| key).collect(),
            values,
            range: None,
        })
    }

    /// Gives the values the names that the file has for them.
    fn name_values(
        &mut self,
        names: Option<&Spot<Vec<raw::Text>>>,
        values: &mut [AxisValue],
    ) -> Option<()> {
        let Some(Spot { value: names, span }) = names else {
            return Some(());
        };
        if names.len() != values.len() {
            let message = format!("{} labels for {} values", names.len(), values.len());
            return self.error(
                span,
                message,
                "write one label for each value, in their order",
            );
        }
        let mut known = BTreeSet::new();
        for (name, value) in names.iter().zip(values) {
            value.label = self.text(name)?;
            if !known.insert(value.label.clone()) {
                let message = format!("the label {} is there twice", value.label);
                return self.error(&name.0.span, message, "give each value a label of its own");
            }
        }
        Some(())
    }

    /// The paths of an axis with their places; a path is varied once.
    fn axis_keys(
        &mut self,
        source: &Source,
        entry: &Spot<raw::Axis>,
        varied: &mut Vec<(String, Place)>,
    ) -> Option<Vec<(String, Place)>> {
        let words = match &entry.value.key {
            None => {
                let help = r#"name the key of the model that it varies: key = "topic.partitions""#;
                return self.missing(&entry.span, "key", help);
            }
            Some(OneOrMany::One(word)) => vec![word],
            Some(OneOrMany::Many(words)) if words.value.is_empty() => {
                let help = r#"name at least one: key = ["topic.partitions", "group.members"]"#;
                return self.error(&words.span, "no key is varied", help);
            }
            Some(OneOrMany::Many(words)) => words.value.iter().collect(),
        };
        let mut keys = Vec::new();
        for word in words {
            let path = self.text(word)?;
            let place = inside(&source.text, &path, &word.0.span);
            if let Err(fault) = document::split_path(&path, 0) {
                return self.error(&place, fault.message, fault.help);
            }
            if let Some((_, other)) = varied.iter().find(|(known, _)| *known == path) {
                let message = format!("`{path}` is varied twice");
                let other = other.clone();
                return self.clash(
                    &place,
                    message,
                    (&other, "here first"),
                    "keep one of the two",
                );
            }
            varied.push((path.clone(), place.clone()));
            keys.push((path, place));
        }
        Some(keys)
    }

    /// The values as they are written, ranges spelt out.
    fn written_values(
        &mut self,
        source: &Source,
        values: &Spanned<DeValue<'_>>,
    ) -> Option<Vec<Value>> {
        let mut written = Vec::new();
        match values.get_ref() {
            DeValue::String(text) => {
                for part in parts(text) {
                    written.extend(self.range_or_value(part, values.span())?);
                }
            }
            DeValue::Array(items) => {
                for item in items.iter() {
                    if let DeValue::String(text) = item.get_ref()
                        && Steps::parse(text).is_some()
                    {
                        written.extend(self.range_or_value(text, item.span())?);
                        continue;
                    }
                    let text = text_of(&source.text, item);
                    let rows = match item.get_ref() {
                        DeValue::Array(row) => Some(
                            row.iter()
                                .map(|one| (text_of(&source.text, one).to_owned(), one.span()))
                                .collect(),
                        ),
                        _ => None,
                    };
                    written.push(Value {
                        text: text.to_owned(),
                        place: item.span(),
                        row: rows,
                    });
                }
            }
            _ => {
                let help =
                    r#"write a list, values = [4, 8, 12], or a range, values = "50..500+50""#;
                return self.error(&values.span(), "an axis has several values", help);
            }
        }
        if written.is_empty() {
            return self.error(&values.span(), "there is no value", "list at least one");
        }
        Some(written)
    }

    fn range_or_value(&mut self, text: &str, place: Place) -> Option<Vec<Value>> {
        let value = |text: String| Value::of_range(text, &place);
        if text.is_empty() {
            return self.error(
                &place,
                "a value is empty",
                "write a value between two commas",
            );
        }
        match Steps::parse(text) {
            None => Some(vec![value(text.to_owned())]),
            Some(Ok(steps)) if steps.count() > MOST_VALUES => self.error(
                &place,
                format!("the range `{text}` has more than {MOST_VALUES} values"),
                "take larger steps",
            ),
            Some(Ok(steps)) => Some(steps.values().into_iter().map(value).collect()),
            Some(Err(range::Fault { problem, remedy })) => self.error(&place, problem, remedy),
        }
    }

    /// What an axis with these keys changes in the model by a value.
    pub(super) fn axis_value(
        &mut self,
        keys: &[(String, Place)],
        value: Value,
    ) -> Option<AxisValue> {
        let several = keys.len() > 1;
        let own: Vec<(String, Place)> = match value.row {
            Some(row) if several => {
                if row.len() != keys.len() {
                    let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
                    let message = format!("{} values for {} keys", row.len(), keys.len());
                    let help = format!("write one for each of {}", list(&names));
                    return self.error(&value.place, message, help);
                }
                row
            }
            _ => vec![(value.text, value.place); keys.len()],
        };
        let labels: Vec<String> = own.iter().map(|(text, _)| label(text)).collect();
        let same = labels.iter().all(|label| *label == labels[0]);
        let settings = keys.iter().zip(own);
        Some(AxisValue {
            label: if same {
                labels[0].clone()
            } else {
                labels.join(", ")
            },
            labels,
            settings: settings
                .map(|(key, value)| Setting {
                    typed: None,
                    path: key.clone(),
                    value,
                })
                .collect(),
        })
    }
}

/// A value as it is written: TOML, its place, and its parts if it is a list.
pub(super) struct Value {
    text: String,
    place: Place,
    row: Option<Vec<(String, Place)>>,
}

impl Value {
    /// One of those that a text at this place stands for.
    pub(super) fn of_range(text: String, place: &Place) -> Self {
        Value {
            row: row_of(&text, place),
            text,
            place: place.clone(),
        }
    }
}

/// Where a text stands without its quotes, if there is nothing else around it.
fn inside(file: &str, text: &str, place: &Place) -> Place {
    let inner = place.start + 1..place.end.saturating_sub(1);
    match file.get(inner.clone()) == Some(text) {
        true => inner,
        false => place.clone(),
    }
}

/// A property by its own name, any other key by its path.
pub(super) fn short(path: &str) -> &str {
    let property = path.split_once(".properties.");
    property.map_or(path, |(_, name)| name)
}

/// The text of a value in the file.
pub(super) fn text_of<'s>(text: &'s str, value: &Spanned<DeValue<'_>>) -> &'s str {
    text.get(value.span()).unwrap_or("")
}

/// A value as people read it: text without its quotes, anything else on one line.
pub(super) fn label(written: &str) -> String {
    match document::parse_value(written, 0).get_ref() {
        DeValue::String(text) => text.to_string(),
        _ => written.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The parts of a list in text, which all stand at one place.
fn row_of(text: &str, place: &Place) -> Option<Vec<(String, Place)>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    Some(
        parts(inner)
            .map(|part| (part.to_owned(), place.clone()))
            .collect(),
    )
}

/// What stands between the commas of a text, without those inside brackets and quotes.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quote) = (0_i32, None);
    text.split(move |c: char| {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            (None, ',') => return depth <= 0,
            _ => {}
        }
        false
    })
    .map(str::trim)
}

/// Is told the path of a key, where it stands, and its value.
type Tell<'f> = &'f mut dyn FnMut(&str, Range<usize>, &Spanned<DeValue<'_>>);

/// Tells every value of a table with its path; a table that is written as a value, in braces, is one.
pub(super) fn flatten(text: &str, above: &str, table: &DeTable<'_>, tell: Tell<'_>) {
    for (key, value) in table {
        let path = match above {
            "" => key.get_ref().to_string(),
            _ => format!("{above}.{}", key.get_ref()),
        };
        match value.get_ref() {
            DeValue::Table(below) if !text_of(text, value).starts_with('{') => {
                flatten(text, &path, below, tell);
            }
            _ => tell(&path, key.span(), value),
        }
    }
}
