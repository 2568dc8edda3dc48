//! The TOML document: parsed with places, changed by overrides, turned into the serde mirror with every mistake
//! of shape reported. Not for judging values.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::diagnostic::Diagnostic;
use super::raw::Autoscaler;

/// More mistakes of shape than this are not listed: the file is something else.
const MOST_MISTAKES: usize = 100;

/// Keys whose tables hold one of several keys: an override that names another replaces it.
const ONE_OF: [&str; 4] = ["time", "latency", "on-error", "then"];

/// Parses a whole file, whose text begins at `base`.
///
/// # Errors
/// Every mistake of syntax.
pub(super) fn parse(text: &str, base: usize) -> Result<DeTable<'_>, Vec<Diagnostic>> {
    let (tree, faults) = DeTable::parse_recoverable(text);
    if faults.is_empty() {
        return Ok(moved_table(tree.into_inner(), base));
    }
    let listed = faults.iter().take(MOST_MISTAKES);
    let place = |span: Range<usize>| span.start + base..span.end + base;
    Err(listed
        .map(|fault| syntax(place(fault.span().unwrap_or(0..0)), fault.message()))
        .collect())
}

fn syntax(span: Range<usize>, message: &str) -> Diagnostic {
    let help = if message.contains("duplicate key") {
        "keep one of the two"
    } else if message.contains("extend") || message.contains("redefine") {
        "write each table once, with all its keys below its header"
    } else if message.contains("invalid basic string") || message.contains("quote") {
        "write text between double quotes on one line, as in \"30s\""
    } else if message.contains("newline") || message.contains("key with no value") {
        "write one `key = value` per line"
    } else if message.contains("expected") && message.contains("string values must be quoted") {
        "put the text between double quotes"
    } else {
        "write the file as TOML: `key = value` lines under [section] headers, text in double quotes"
    };
    error(span, format!("not valid TOML: {message}"), help)
}

pub(super) fn error(
    span: Range<usize>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic::error(span, message, help)
}

/// A value as one place may hold it: TOML if it reads as such, else bare text. `base` is where the text begins.
pub(super) fn parse_value(text: &str, base: usize) -> Spanned<DeValue<'_>> {
    let trimmed = text.trim();
    let base = base + (text.len() - text.trim_start().len());
    let value = match DeValue::parse(trimmed) {
        // A bare date is no value any key takes; what looks like one is text.
        Ok(value) if !value.get_ref().is_datetime() => value,
        _ => Spanned::new(0..trimmed.len(), DeValue::String(Cow::Borrowed(trimmed))),
    };
    moved(value, base)
}

fn moved(value: Spanned<DeValue<'_>>, by: usize) -> Spanned<DeValue<'_>> {
    let place = value.span();
    let place = place.start + by..place.end + by;
    let value = match value.into_inner() {
        DeValue::Array(items) => {
            let mut list = DeArray::new();
            for item in items {
                list.push(moved(item, by));
            }
            DeValue::Array(list)
        }
        DeValue::Table(table) => DeValue::Table(moved_table(table, by)),
        other => other,
    };
    Spanned::new(place, value)
}

fn moved_table(table: DeTable<'_>, by: usize) -> DeTable<'_> {
    if by == 0 {
        return table;
    }
    let entries = table.into_iter().map(|(key, value)| {
        let place = key.span();
        let place = place.start + by..place.end + by;
        (Spanned::new(place, key.into_inner()), moved(value, by))
    });
    entries.collect()
}

/// A step of a path, with its place.
pub(super) type Step<'t> = Spanned<Cow<'t, str>>;

/// The steps of a path such as `group.properties."max.poll.records"`.
///
/// # Errors
/// What is wrong with the path.
pub(super) fn split_path(path: &str, base: usize) -> Result<Vec<Step<'_>>, Diagnostic> {
    let mut steps = Vec::new();
    let mut start = 0;
    while start <= path.len() {
        let rest = &path[start..];
        let (step, length) = match rest.strip_prefix(['"', '\'']) {
            Some(quoted) => {
                let quote = rest.chars().next().unwrap_or('"');
                let end = quoted.find(quote).unwrap_or(quoted.len());
                (&quoted[..end], (end + 2).min(rest.len()))
            }
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].trim(), end)
            }
        };
        let place = base + start..base + start + length;
        let after = &path[start + length..];
        if step.is_empty() || !(after.is_empty() || after.starts_with('.')) {
            return Err(error(
                place,
                format!("`{path}` is no path of a key"),
                "join the keys by dots, as in group.properties.max.poll.records or at.1.time",
            ));
        }
        steps.push(Spanned::new(place, Cow::Borrowed(step)));
        start += length + 1;
    }
    Ok(steps)
}

/// The value of `key` in entry `index` of the list of tables called `name`.
pub(super) fn find<'d, 't>(
    tree: &'d DeTable<'t>,
    name: &str,
    index: usize,
    key: &str,
) -> Option<&'d Spanned<DeValue<'t>>> {
    match tree.get(name)?.get_ref() {
        DeValue::Array(entries) => match entries.get(index)?.get_ref() {
            DeValue::Table(entry) => entry.get(key),
            _ => None,
        },
        _ => None,
    }
}

/// Puts `value` at the path `steps`, creating what is missing on the way.
///
/// # Errors
/// Why the path cannot be followed.
pub(super) fn put<'t>(
    tree: &mut DeTable<'t>,
    steps: &[Step<'t>],
    value: Spanned<DeValue<'t>>,
) -> Result<(), Diagnostic> {
    let names: Vec<&str> = steps.iter().map(|step| step.get_ref().as_ref()).collect();
    match names.as_slice() {
        ["group" | "cluster", "properties", _, ..] => put_property(tree, steps, value),
        [] => Ok(()),
        _ => put_below(tree, steps, value),
    }
}

fn put_below<'t>(
    table: &mut DeTable<'t>,
    steps: &[Step<'t>],
    value: Spanned<DeValue<'t>>,
) -> Result<(), Diagnostic> {
    let [step, rest @ ..] = steps else {
        return Ok(());
    };
    if rest.is_empty() {
        // Its key stays where it was: the order of dependencies is that of their keys.
        let before = table.remove_entry(step.get_ref().as_ref());
        let key = before.map_or(step.clone(), |(key, _)| key);
        table.insert(key, value);
        return Ok(());
    }
    if !table.contains_key(step.get_ref().as_ref()) {
        // Only entries of lists are numbered.
        let empty = match rest[0].get_ref().parse::<usize>() {
            Ok(_) => DeValue::Array(DeArray::new()),
            Err(_) => DeValue::Table(DeTable::new()),
        };
        table.insert(step.clone(), Spanned::new(step.span(), empty));
    }
    match table.get_mut(step.get_ref().as_ref()) {
        Some(below) => put_in(below, step, rest, value),
        None => Ok(()),
    }
}

fn put_in<'t>(
    below: &mut Spanned<DeValue<'t>>,
    above: &Step<'t>,
    rest: &[Step<'t>],
    value: Spanned<DeValue<'t>>,
) -> Result<(), Diagnostic> {
    match below.get_mut() {
        DeValue::Table(table) => {
            let alternative = ONE_OF.contains(&above.get_ref().as_ref());
            if alternative && !table.contains_key(rest[0].get_ref().as_ref()) {
                *table = DeTable::new();
            }
            put_below(table, rest, value)
        }
        DeValue::Array(items) => put_item(items, above, rest, value),
        short => {
            // A short form such as time = "4ms" gives way to the long form.
            *short = DeValue::Table(DeTable::new());
            match short {
                DeValue::Table(table) => put_below(table, rest, value),
                _ => Ok(()),
            }
        }
    }
}

fn put_item<'t>(
    items: &mut DeArray<'t>,
    above: &Step<'t>,
    rest: &[Step<'t>],
    value: Spanned<DeValue<'t>>,
) -> Result<(), Diagnostic> {
    let [step, rest @ ..] = rest else {
        return Ok(());
    };
    let index = step.get_ref().parse::<usize>().ok();
    // A whole entry may be added at the end, but not a part of one.
    let end = items.len() + usize::from(rest.is_empty());
    let Some(index) = index.filter(|index| *index < end) else {
        let help = match items.len() {
            0 => "the list is empty: its first entry is number 0".to_owned(),
            1 => "it has one entry, number 0".to_owned(),
            count => format!("its entries are numbered 0 to {}", count - 1),
        };
        let message = format!("`{}` has no entry `{}`", above.get_ref(), step.get_ref());
        return Err(error(step.span(), message, help));
    };
    if index == items.len() {
        items.push(Spanned::new(step.span(), DeValue::Table(DeTable::new())));
    }
    match items.get_mut(index) {
        Some(item) if rest.is_empty() => {
            *item = value;
            Ok(())
        }
        Some(item) => put_in(item, step, rest, value),
        None => Ok(()),
    }
}

/// A Kafka property, whose name has dots of its own: any other spelling of it gives way.
fn put_property<'t>(
    tree: &mut DeTable<'t>,
    steps: &[Step<'t>],
    value: Spanned<DeValue<'t>>,
) -> Result<(), Diagnostic> {
    let (above, name) = steps.split_at(2);
    let nested = matches!(value.get_ref(), DeValue::Table(_));
    let place = name[0].span().start..name[name.len() - 1].span().end;
    let parts: Vec<&str> = name.iter().map(|step| step.get_ref().as_ref()).collect();
    let joined = parts.join(".");
    let empty = || DeValue::Table(DeTable::new());
    let section = tree
        .entry(above[0].clone())
        .or_insert_with(|| Spanned::new(above[0].span(), empty()));
    let DeValue::Table(section) = section.get_mut() else {
        return Ok(());
    };
    let properties = section
        .entry(above[1].clone())
        .or_insert_with(|| Spanned::new(above[1].span(), empty()));
    if let DeValue::String(_) = properties.get_ref() {
        let file = std::mem::replace(properties, Spanned::new(above[1].span(), empty()));
        if let DeValue::Table(table) = properties.get_mut() {
            table.insert(Spanned::new(file.span(), Cow::Borrowed("from-file")), file);
        }
    }
    if let DeValue::Table(table) = properties.get_mut() {
        if !nested {
            remove_property(table, &joined);
        }
        table.insert(Spanned::new(place, Cow::Owned(joined)), value);
    }
    Ok(())
}

fn remove_property(table: &mut DeTable<'_>, name: &str) {
    table.remove(name);
    for (at, _) in name.match_indices('.') {
        if let Some(below) = table.get_mut(&name[..at])
            && let DeValue::Table(below) = below.get_mut()
        {
            remove_property(below, &name[at + 1..]);
        }
    }
}

/// What reading the tree into the mirror left behind.
#[derive(Default)]
pub(super) struct Shape {
    /// Mistakes of shape.
    pub(super) found: Vec<Diagnostic>,
    /// Keys that were misspelt or had to be left out: their absence is no mistake of its own.
    pub(super) excused: BTreeSet<String>,
}

/// Reads the tree into a mirror whose keys are all optional. Each value that does not fit is reported, taken out, and
/// the rest read again, so that one mistake does not hide the next.
pub(super) fn read<'t, T: DeserializeOwned>(
    mut tree: DeTable<'t>,
    shape: &mut Shape,
) -> Option<(T, DeTable<'t>)> {
    while shape.found.len() < MOST_MISTAKES {
        let attempt = Deserializer::from(Spanned::new(0..0, tree.clone()));
        let fault = match T::deserialize(attempt) {
            Ok(mirror) => return Some((mirror, tree)),
            Err(fault) => fault,
        };
        let span = fault.span().unwrap_or(0..0);
        let explained = explain(&span, fault.message(), shape);
        shape.found.push(explained);
        let mut removed = None;
        if !remove(&mut tree, &span, &mut removed) {
            return None;
        }
        shape.excused.extend(removed);
    }
    None
}

/// Takes out the entry whose key or value stands at `span`.
fn remove(table: &mut DeTable<'_>, span: &Range<usize>, removed: &mut Option<String>) -> bool {
    let hit = table
        .iter()
        .find(|(key, value)| key.span() == *span || value.span() == *span)
        .map(|(key, _)| key.get_ref().to_string());
    if let Some(key) = hit {
        table.remove(key.as_str());
        *removed = Some(key);
        return true;
    }
    table
        .iter_mut()
        .any(|(_, value)| remove_within(value.get_mut(), span, removed))
}

fn remove_within<'t>(
    value: &mut DeValue<'t>,
    span: &Range<usize>,
    removed: &mut Option<String>,
) -> bool {
    match value {
        DeValue::Table(table) => remove(table, span, removed),
        DeValue::Array(items) => {
            if let Some(at) = items.iter().position(|item| item.span() == *span) {
                let mut rest = DeArray::new();
                for (index, item) in std::mem::replace(items, DeArray::new())
                    .into_iter()
                    .enumerate()
                {
                    if index != at {
                        rest.push(item);
                    }
                }
                *items = rest;
                return true;
            }
            items
                .iter_mut()
                .any(|item| remove_within(item.get_mut(), span, removed))
        }
        _ => false,
    }
}

/// serde's message in the file's words, with what to do.
fn explain(span: &Range<usize>, message: &str, shape: &mut Shape) -> Diagnostic {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field")
        && let [unknown, known @ ..] = names.as_slice()
    {
        if let Some(help) = Autoscaler::elsewhere(unknown, known) {
            let message = format!("`{unknown}` is a key of KEDA's that has no place here");
            return error(span.clone(), message, help);
        }
        let nearest = nearest(unknown, known.iter().copied());
        let help = match nearest {
            Some(name) => {
                shape.excused.insert(name.to_owned());
                format!("write `{name}`")
            }
            None => format!("the keys here are {}", list(known)),
        };
        return error(span.clone(), format!("unknown key `{unknown}`"), help);
    }
    if let Some((got, wanted)) = message
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        let got = match got.split(' ').next() {
            Some("map" | "table") => "a table".to_owned(),
            Some("sequence" | "list") => "a list".to_owned(),
            Some("date") => "a date".to_owned(),
            Some("string") => got.replacen("string", "the text", 1),
            _ => got
                .replace("integer", "the number")
                .replace("floating point", "the number"),
        };
        let wanted = wanted
            .replace("a sequence", "a list")
            .replace("a map", "a table");
        return error(
            span.clone(),
            format!("{got} does not fit here"),
            format!("write {wanted}"),
        );
    }
    error(
        span.clone(),
        message,
        "see `lagsim schema` for what may stand here",
    )
}

/// `a, b and c`.
pub(super) fn list(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The name that was probably meant: at most a third of its letters differ.
pub(super) fn nearest<'n>(
    typed: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let typed = typed.to_lowercase().replace('_', "-");
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| distance * 3 <= name.chars().count().max(3))
        .map(|(_, name)| name)
}
