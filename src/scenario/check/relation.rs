//! Bounds that are relative to another case: so many times as much, so much less or more.

use super::super::answer::Relation;
use super::super::figure::{Figure, FigureKind, Unit};
use super::super::metric::LagMetric;
use super::super::raw::{self, Scalar, Spot};
use super::judge::Judge;

/// The words that make a bound relative.
const WORDS: [&str; 3] = ["times", "less", "more"];

impl Judge<'_> {
    /// A bound by what the figure is in another case.
    pub(super) fn relation(&mut self, bound: &raw::Bound, figure: Figure) -> Option<Relation> {
        let Spot { span, value } = &bound.0;
        let text = value.plain();
        let Some((amount, word)) = relative(&text) else {
            let amount = match figure.unit {
                Unit::Seconds => "20s",
                Unit::Share => "0.1",
                Unit::Records | Unit::Count => "50",
            };
            let message = format!("`{text}` does not say how it depends on the other case");
            let help = format!(r#"write "0.5 times", "{amount} less" or "{amount} more""#);
            return self.error(span, message, help);
        };
        let number = amount.parse::<f64>().ok().filter(|own| own.is_finite());
        match (word, number) {
            ("times", _) if figure.kind == FigureKind::Lag(LagMetric::LagGrowth) => {
                let message = "a growth may be below zero, and then no number of times is a bound";
                self.error(span, message, r#"write a difference: "50000 less""#)
            }
            ("times", Some(factor)) if factor > 0.0 => Some(Relation::Times(factor)),
            ("times", _) => {
                let message = format!("`{amount}` is no number of times");
                let help = r#"write a number above zero: "0.5 times" for half as much"#;
                self.error(span, message, help)
            }
            (_, Some(number)) if number < 0.0 => {
                let other = if word == "less" { "more" } else { "less" };
                let amount = amount.trim_start_matches('-');
                let message = format!("`{text}` turns around twice");
                self.error(span, message, format!(r#"write "{amount} {other}""#))
            }
            (_, number) => {
                let value = match number {
                    Some(number) if figure.unit != Unit::Seconds => Scalar::Float(number),
                    _ => Scalar::Text(amount.to_owned()),
                };
                let span = span.clone();
                let amount = self.bound(&raw::Bound(Spot { span, value }), figure)?;
                let sign = if word == "less" { -1.0 } else { 1.0 };
                Some(Relation::Plus(sign * amount))
            }
        }
    }
}

/// The amount and the word of a bound that is relative.
pub(super) fn relative(text: &str) -> Option<(&str, &str)> {
    let (amount, word) = text.trim().rsplit_once(char::is_whitespace)?;
    WORDS.contains(&word).then_some((amount.trim(), word))
}
