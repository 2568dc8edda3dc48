//! A row of a property table: how a value is named, checked, written and read. Not the values.

use std::ops::RangeInclusive;

use thiserror::Error;

use crate::units::SimDuration;

use super::refused::{Match, Refused};

/// Kafka's largest INT, and what bounds the LONG properties here too: 24 days in milliseconds.
const MAX_INT: u64 = i32::MAX as u64;

/// What bounds a limit: a thousand years in milliseconds, a petabyte.
const MAX_LIMIT: u64 = 1 << 50;

/// Why a property was not set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PropertyError {
    /// Kafka has no such property.
    #[error("Kafka has no property of this name")]
    Unknown {
        /// The property that was probably meant.
        nearest: Option<&'static str>,
    },
    /// Kafka has it, the model does not.
    #[error("{why}")]
    NotModelled {
        /// Why, and what to do.
        why: &'static str,
    },
    /// The value is none Kafka would take.
    #[error("{problem}")]
    Invalid {
        /// What is wrong with the value.
        problem: String,
        /// What to write instead.
        remedy: String,
    },
}

/// A modelled property of `P`.
pub struct Property<P> {
    /// Kafka's name, verbatim.
    pub name: &'static str,
    /// Where its default and range stand in Kafka's source.
    pub source: &'static str,
    /// One line: what it does to lag.
    pub meaning: &'static str,
    pub(super) kind: Kind<P>,
}

/// Reads and writes one field, with the type of its value.
pub(super) enum Kind<P> {
    /// Whole milliseconds, at least `min`.
    Millis {
        min: u64,
        get: fn(&P) -> SimDuration,
        set: fn(&mut P, SimDuration),
    },
    /// A number of `unit`, at least `min`.
    Count {
        unit: &'static str,
        min: u64,
        get: fn(&P) -> u64,
        set: fn(&mut P, u64),
    },
    /// A number of `unit`, or -1 for no limit.
    Limit {
        unit: &'static str,
        get: fn(&P) -> Option<u64>,
        set: fn(&mut P, Option<u64>),
    },
    /// `true` or `false`.
    Flag {
        get: fn(&P) -> bool,
        set: fn(&mut P, bool),
    },
    /// One of some words.
    Word {
        words: &'static str,
        get: fn(&P) -> &'static str,
        set: fn(&mut P, &str) -> Result<(), PropertyError>,
    },
}

impl<P: Default> Property<P> {
    /// Its default, as a properties file writes it.
    pub fn default_value(&self) -> String {
        self.get(&P::default())
    }
}

impl<P> Property<P> {
    /// Unit of its values: `ms`, `bytes`, `records`, or empty.
    pub fn unit(&self) -> &'static str {
        match &self.kind {
            Kind::Millis { .. } => "ms",
            Kind::Count { unit, .. } | Kind::Limit { unit, .. } => unit,
            Kind::Flag { .. } | Kind::Word { .. } => "",
        }
    }

    /// The values it takes.
    pub fn valid(&self) -> String {
        match &self.kind {
            Kind::Millis { min, .. } | Kind::Count { min, .. } => format!("{min} to {MAX_INT}"),
            Kind::Limit { .. } => format!("-1 for no limit, or 0 to {MAX_LIMIT}"),
            Kind::Flag { .. } => "true, false".to_owned(),
            Kind::Word { words, .. } => (*words).to_owned(),
        }
    }

    /// Its value in `properties`, as a properties file writes it.
    pub fn get(&self, properties: &P) -> String {
        match &self.kind {
            Kind::Millis { get, .. } => (get(properties).as_nanos() / 1_000_000).to_string(),
            Kind::Count { get, .. } => get(properties).to_string(),
            Kind::Limit { get, .. } => {
                get(properties).map_or_else(|| "-1".to_owned(), |limit| limit.to_string())
            }
            Kind::Flag { get, .. } => get(properties).to_string(),
            Kind::Word { get, .. } => get(properties).to_owned(),
        }
    }

    /// Sets it in `properties` to `value`, blanks around it ignored as Kafka does (`ConfigDef#parseType`).
    ///
    /// # Errors
    /// A value Kafka, or the model, does not take.
    pub fn set(&self, properties: &mut P, value: &str) -> Result<(), PropertyError> {
        let value = value.trim();
        match &self.kind {
            Kind::Millis { min, set, .. } => {
                let range = *min..=MAX_INT;
                let millis = self.whole_number(value, range, "milliseconds", "1m is 60000")?;
                set(properties, SimDuration::from_millis(millis));
                Ok(())
            }
            Kind::Count { unit, min, set, .. } => {
                let range = *min..=MAX_INT;
                let count = self.whole_number(value, range, unit, "1 MiB is 1048576")?;
                set(properties, count);
                Ok(())
            }
            Kind::Limit { set, .. } if value == "-1" => {
                set(properties, None);
                Ok(())
            }
            Kind::Limit { unit, set, .. } => {
                let limit = self.whole_number(value, 0..=MAX_LIMIT, unit, "-1 is no limit")?;
                set(properties, Some(limit));
                Ok(())
            }
            Kind::Flag { set, .. } => {
                set(properties, flag(value)?);
                Ok(())
            }
            Kind::Word { set, .. } => set(properties, value),
        }
    }

    fn whole_number(
        &self,
        value: &str,
        range: RangeInclusive<u64>,
        unit: &str,
        example: &str,
    ) -> Result<u64, PropertyError> {
        let Ok(number) = value.parse::<i128>() else {
            return Err(PropertyError::Invalid {
                problem: format!("`{value}` is not a whole number of {unit}"),
                remedy: format!("write {unit} as Kafka does, without a unit: {example}"),
            });
        };
        match u64::try_from(number) {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(PropertyError::Invalid {
                problem: format!("{number} is outside of {}", self.valid()),
                remedy: format!("{} takes {} [{unit}]", self.name, self.valid()),
            }),
        }
    }
}

fn flag(value: &str) -> Result<bool, PropertyError> {
    if value.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if value.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(PropertyError::Invalid {
            problem: format!("`{value}` is neither true nor false"),
            remedy: "write true or false".to_owned(),
        })
    }
}

pub(super) fn get<P>(properties: &P, table: &[Property<P>], name: &str) -> Option<String> {
    let row = table.iter().find(|row| row.name == name)?;
    Some(row.get(properties))
}

pub(super) fn set<P>(
    properties: &mut P,
    table: &'static [Property<P>],
    refused: &'static [Refused],
    name: &str,
    value: &str,
) -> Result<(), PropertyError> {
    if let Some(row) = table.iter().find(|row| row.name == name) {
        return row.set(properties, value);
    }
    if let Some(entry) = refused.iter().find(|entry| entry.matches(name)) {
        if entry.is_modelled_value(value.trim()) {
            return Ok(());
        }
        return Err(PropertyError::NotModelled { why: entry.why });
    }
    Err(PropertyError::Unknown {
        nearest: nearest(table, refused, name),
    })
}

/// The property of Kafka whose name is closest to `name`, if one is close: at most a third of the
/// letters wrong. Modelled ones win ties.
fn nearest<P>(
    table: &'static [Property<P>],
    refused: &'static [Refused],
    name: &str,
) -> Option<&'static str> {
    let modelled = table.iter().map(|row| row.name);
    let others = refused.iter().filter_map(|entry| match entry.name {
        Match::Name(name) => Some(name),
        Match::Prefix(_) => None,
    });
    let (distance, best) = modelled
        .chain(others)
        .map(|known| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), known),
                known,
            )
        })
        .min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= best.len()).then_some(best)
}

/// The names of a comma-separated list, with or without brackets and quotes around them.
pub(super) fn names_of(list: &str) -> impl Iterator<Item = &str> {
    let list = list.trim_start_matches('[').trim_end_matches(']');
    list.split(',')
        .map(|name| name.trim().trim_matches(['"', '\'']))
}
