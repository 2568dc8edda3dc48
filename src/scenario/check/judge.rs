//! Reads single values and collects what is wrong with them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::diagnostic::{Diagnostic, Severity, Sources};
use super::super::document::{error, list, nearest};
use super::super::raw::{Count, Flag, Number, Rate, Scalar, Size, Spot, Text, Time};
use crate::units::{ParseError, SimDuration, parse_bytes, parse_count, parse_duration, parse_rate};

/// A place in the joint text.
pub(super) type Place = Range<usize>;

/// Loads a file that the model names.
pub(super) type ReadFile<'r> = &'r dyn Fn(&str) -> Result<String, String>;

/// What the parts of the check share: where to report, and how to load files.
pub(super) struct Judge<'r> {
    pub(super) sources: Sources,
    pub(super) found: Vec<Diagnostic>,
    pub(super) excused: BTreeSet<String>,
    pub(super) read: ReadFile<'r>,
}

impl<'r> Judge<'r> {
    /// One that has found nothing yet.
    pub(super) fn new(read: ReadFile<'r>) -> Self {
        Judge {
            sources: Sources::default(),
            found: Vec::new(),
            excused: BTreeSet::new(),
            read,
        }
    }
}

impl Judge<'_> {
    /// Reports a mistake; `None`, so that a reader can end with it.
    pub(super) fn error<T>(
        &mut self,
        at: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.found.push(error(at.clone(), message, help));
        None
    }

    /// Reports two things that do not go together.
    pub(super) fn clash<T>(
        &mut self,
        at: &Place,
        message: impl Into<String>,
        other: (&Place, &str),
        help: impl Into<String>,
    ) -> Option<T> {
        let mut one = error(at.clone(), message, help);
        one.labels.push((other.0.clone(), other.1.to_owned()));
        self.found.push(one);
        None
    }

    /// Reports something doubtful.
    pub(super) fn warn(&mut self, at: &Place, message: impl Into<String>, help: impl Into<String>) {
        let mut one = error(at.clone(), message, help);
        one.severity = Severity::Warning;
        self.found.push(one);
    }

    /// Reports that `key` is missing in what stands at `at`, unless a misspelling of it has been reported.
    pub(super) fn missing<T>(
        &mut self,
        at: &Place,
        key: &str,
        help: impl Into<String>,
    ) -> Option<T> {
        if !self.excused.contains(key) {
            self.found
                .push(error(at.clone(), format!("`{key}` is missing"), help));
        }
        None
    }

    fn parsed<T>(
        &mut self,
        value: &Spot<Scalar>,
        parse: impl Fn(&str) -> Result<T, ParseError>,
    ) -> Option<T> {
        match parse(&value.value.plain()) {
            Ok(parsed) => Some(parsed),
            Err(fault) => self.error(&value.span, fault.problem, fault.remedy),
        }
    }

    /// A length of time.
    pub(super) fn duration(&mut self, value: &Time) -> Option<SimDuration> {
        if let Scalar::Boolean(_) = value.0.value {
            return self.error(
                &value.0.span,
                "a time is wanted here",
                r#"write, say, "30s""#,
            );
        }
        self.parsed(&value.0, parse_duration)
    }

    /// A length of time that is more than none.
    pub(super) fn positive(&mut self, value: &Time, what: &str) -> Option<SimDuration> {
        let length = self.duration(value)?;
        if length.is_zero() {
            let message = format!("{what} cannot be zero");
            return self.error(
                &value.0.span,
                message,
                r#"write a time above zero, as in "1s""#,
            );
        }
        Some(length)
    }

    /// A length of time, or what to take without.
    pub(super) fn duration_or(
        &mut self,
        value: &Option<Time>,
        default: SimDuration,
    ) -> SimDuration {
        match value {
            Some(value) => self.duration(value).unwrap_or(default),
            None => default,
        }
    }

    /// A length of time in seconds.
    pub(super) fn seconds(&mut self, value: &Time) -> Option<f64> {
        self.duration(value).map(SimDuration::as_secs_f64)
    }

    /// A rate [1/s], at most 1e9.
    pub(super) fn rate(&mut self, value: &Rate) -> Option<f64> {
        let rate = self.parsed(&value.0, parse_rate)?;
        if rate > 1e9 {
            let message = "this rate is above a thousand million per second";
            return self.error(
                &value.0.span,
                message,
                "check the unit: \"600/s\" is 36k/min",
            );
        }
        Some(rate)
    }

    /// A number of bytes.
    pub(super) fn bytes(&mut self, value: &Size) -> Option<u64> {
        self.parsed(&value.0, parse_bytes)
    }

    /// A whole number.
    pub(super) fn count(&mut self, value: &Count) -> Option<u64> {
        match &value.0.value {
            Scalar::Boolean(_) => self.error(
                &value.0.span,
                "a whole number is wanted here",
                "write, say, 4",
            ),
            Scalar::Float(number) if number.fract() == 0.0 && (0.0..1e15).contains(number) => {
                Some(*number as u64)
            }
            _ => self.parsed(&value.0, parse_count),
        }
    }

    /// A whole number between two bounds.
    pub(super) fn count_within(
        &mut self,
        value: &Count,
        what: &str,
        least: u64,
        most: u64,
    ) -> Option<u64> {
        let count = self.count(value)?;
        if count < least {
            let message = format!("{what} cannot be {count}");
            return self.error(&value.0.span, message, format!("write at least {least}"));
        }
        if count > most {
            let message = format!("{count} is too many for {what}");
            return self.error(&value.0.span, message, format!("write at most {most}"));
        }
        Some(count)
    }

    /// A finite number.
    pub(super) fn number(&mut self, value: &Number) -> Option<f64> {
        let number = match &value.0.value {
            Scalar::Integer(number) => Some(*number as f64),
            Scalar::Float(number) => Some(*number),
            Scalar::Text(_) | Scalar::Boolean(_) => None,
        };
        match number {
            Some(number) if number.is_finite() => Some(number),
            Some(_) => self.error(
                &value.0.span,
                "an infinite number or none at all fits nowhere",
                "write a plain number, as in 1.5",
            ),
            None => self.error(
                &value.0.span,
                "a number is wanted here",
                "write it without quotes, as in 1.5",
            ),
        }
    }

    /// A number of at least `least`.
    pub(super) fn number_from(&mut self, value: &Number, what: &str, least: f64) -> Option<f64> {
        let number = self.number(value)?;
        if number < least {
            let message = format!("{what} cannot be {number}");
            return self.error(&value.0.span, message, format!("write at least {least}"));
        }
        Some(number)
    }

    /// A share, from 0 to 1.
    pub(super) fn share(&mut self, value: &Number, what: &str) -> Option<f64> {
        let share = self.number(value)?;
        if !(0.0..=1.0).contains(&share) {
            let message = format!("{what} is {share}, and a share is between 0 and 1");
            let help = if share > 1.0 && share <= 100.0 {
                format!("for {share} % write {}", share / 100.0)
            } else {
                "write 0.01 for one in a hundred".to_owned()
            };
            return self.error(&value.0.span, message, help);
        }
        Some(share)
    }

    /// Text that is not empty.
    pub(super) fn text(&mut self, value: &Text) -> Option<String> {
        match &value.0.value {
            Scalar::Text(text) if text.trim().is_empty() => {
                self.error(&value.0.span, "the text is empty", "write a name")
            }
            Scalar::Text(text) if text.chars().any(char::is_control) => self.error(
                &value.0.span,
                "the text has a line break or another control character in it",
                "write it on one line",
            ),
            Scalar::Text(text) => Some(text.clone()),
            other => {
                let help = format!(r#"put it between quotes: "{}""#, other.plain());
                self.error(&value.0.span, "text is wanted here", help)
            }
        }
    }

    /// true or false.
    pub(super) fn flag(&mut self, value: &Flag) -> Option<bool> {
        match value.0.value {
            Scalar::Boolean(flag) => Some(flag),
            _ => self.error(
                &value.0.span,
                "true or false is wanted here",
                "write true or false, without quotes",
            ),
        }
    }

    /// True or false, or the default.
    pub(super) fn flag_or(&mut self, value: &Option<Flag>, default: bool) -> Option<bool> {
        match value {
            Some(flag) => self.flag(flag),
            None => Some(default),
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&mut self, value: &Text, choices: &[(&str, T)]) -> Option<T> {
        let typed = value.0.value.plain();
        let hit = choices.iter().find(|(name, _)| *name == typed);
        if let Some((_, meaning)) = hit {
            return Some(*meaning);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let help = match nearest(&typed, names.iter().copied()) {
            Some(name) if names.len() > 6 => format!("write \"{name}\""),
            Some(name) => format!("write \"{name}\"; the choices are {}", list(&names)),
            None => format!("the choices are {}", list(&names)),
        };
        self.error(&value.0.span, format!("`{typed}` is no choice here"), help)
    }

    /// Loads a file that the model names: where its text begins, and the text.
    pub(super) fn file(&mut self, value: &Text) -> Option<(usize, String)> {
        let path = self.text(value)?;
        match (self.read)(&path) {
            Ok(text) => Some((self.sources.add(&path, &text), text)),
            Err(why) => self.error(
                &value.0.span,
                format!("`{path}` cannot be read: {why}"),
                "the path is taken from the folder of the model",
            ),
        }
    }
}
