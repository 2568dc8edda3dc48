//! Numbers with a unit as a file writes them, and how other numbers of the same kind are written: a share of a byte or of
//! a record is none.

use crate::units::{parse_bytes, parse_count, parse_duration, parse_rate};

/// A number with its unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantity {
    /// The number.
    pub(super) value: f64,
    /// How numbers beside it are written.
    pub(super) form: Form,
}

/// How numbers of a kind are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    unit: String,
    /// Digits that its numbers may have behind the point.
    most_decimals: usize,
}

/// Units that are no number of whole ones of the next below: numbers in them are written in that one.
const IN_BYTES: [(&str, f64); 3] = [
    ("KiB", 1_024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

impl Quantity {
    /// A number and whatever stands behind it as its unit; none if there is no number.
    pub(super) fn read(text: &str) -> Option<Quantity> {
        let text = text.trim();
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .unwrap_or(text.len());
        let digits = text[..end].replace('_', "");
        let value = digits.parse::<f64>().ok().filter(|own| own.is_finite())?;
        let unit = text[end..].trim();
        if let Some((_, bytes)) = IN_BYTES.iter().find(|(name, _)| *name == unit) {
            return Some(Quantity {
                value: value * bytes,
                form: Form::of("B", false),
            });
        }
        let form = Form::of(unit, digits.contains('.'));
        Some(Quantity { value, form })
    }

    /// A text that some key of a model takes as a length of time, a rate, a size or a count; none of any other.
    pub(super) fn of_model(text: &str) -> Option<Quantity> {
        if let Some(quantity) = Quantity::read(text)
            && quantity.form.is_known()
        {
            return Some(quantity);
        }
        // As in 1h 30m.
        let time = parse_duration(text).ok()?;
        Some(Quantity {
            value: time.as_secs_f64(),
            form: Form::of("s", false),
        })
    }
}

impl Form {
    fn of(unit: &str, decimals: bool) -> Form {
        let most_decimals = match unit {
            "" if !decimals => 0,
            "ns" | "B" => 0,
            "us" | "k" | "K" | "kB" => 3,
            "ms" | "M" | "MB" => 6,
            _ => 9,
        };
        Form {
            unit: unit.to_owned(),
            most_decimals,
        }
    }

    fn is_known(&self) -> bool {
        // A unit with a number in it is a second part, as in 1h 30m.
        if self.unit.contains(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let one = format!("1{}", self.unit);
        parse_count(&one).is_ok()
            || parse_rate(&one).is_ok()
            || parse_bytes(&one).is_ok()
            || parse_duration(&one).is_ok()
    }

    /// The unit.
    pub(super) fn unit(&self) -> &str {
        &self.unit
    }

    /// Whether numbers are whole ones.
    pub(super) fn is_whole(&self) -> bool {
        self.most_decimals == 0
    }

    /// A number with its unit, with as many digits as it takes to tell it from another one `grain` beside it.
    pub(super) fn write(&self, value: f64, grain: f64) -> String {
        let fine = |decimals: &usize| 10_f64.powi(-(*decimals as i32)) <= grain;
        let decimals = (0..self.most_decimals)
            .find(fine)
            .unwrap_or(self.most_decimals);
        let digits = format!("{value:.decimals$}");
        let digits = match digits.contains('.') {
            true => digits.trim_end_matches('0').trim_end_matches('.'),
            false => &digits,
        };
        format!("{digits}{}", self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_finely_as_asked_and_as_their_unit_allows() {
        let cases = [
            ("8ms", 8.8, 0.001, "8.8ms"),
            ("8ms", 8.123_456_789, 1e-9, "8.123457ms"),
            ("4", 4.4, 0.001, "4"),
            ("4.0", 4.4, 0.001, "4.4"),
            ("1KiB", 1_126.4, 0.001, "1126B"),
            ("2M", 2.2, 0.001, "2.2M"),
            ("1k", 1.234_56, 1e-9, "1.235k"),
            ("600/s", 660.0, 0.001, "660/s"),
            ("36k/min", 39.6, 0.001, "39.6k/min"),
            ("100", 90.0, 0.001, "90"),
        ];
        for (like, value, grain, text) in cases {
            let form = Quantity::read(like).unwrap().form;
            assert_eq!(form.write(value, grain), text, "{like}");
        }
    }

    #[test]
    fn what_no_key_takes_is_no_quantity_of_a_model() {
        let value = |text| Quantity::of_model(text).map(|own| own.value);
        assert_eq!(value("1h 30m"), Some(5_400.0));
        assert_eq!(value("2_000"), Some(2_000.0));
        assert_eq!(value("200/s"), Some(200.0));
        assert_eq!(value("1KiB"), Some(1_024.0));
        for other in ["retry-forever", "3 pods", "1..4", "2026-11-24", "", "-1"] {
            assert_eq!(value(other), None, "{other}");
        }
    }
}
