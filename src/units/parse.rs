//! Quantities as a model file or the command line writes them: `30s`, `600/s`, `1KiB`, `2M`.

use super::SimDuration;

/// Why a quantity could not be read, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {remedy}")]
pub struct ParseError {
    /// What is wrong with the text.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

/// Units of time [ns].
const TIME_UNITS: [(&str, u128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Units a rate may be given per [s].
const RATE_UNITS: [(&str, f64); 11] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("sec", 1.0),
    ("second", 1.0),
    ("m", 60.0),
    ("min", 60.0),
    ("minute", 60.0),
    ("h", 3_600.0),
    ("hour", 3_600.0),
    ("d", 86_400.0),
    ("day", 86_400.0),
];

/// Units of size [bytes].
const SIZE_UNITS: [(&str, u128); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Multiples of a count.
const MULTIPLES: [(&str, u128); 5] = [
    ("", 1),
    ("k", 1_000),
    ("K", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
];

/// `30s`, `1h 30m`, `1.5s`; units ns, us, ms, s, m, h, d. A number without a unit is refused.
///
/// # Errors
/// No unit or an unknown one, a sign, more digits than a nanosecond holds, or more than 584 years.
pub fn parse_duration(text: &str) -> Result<SimDuration, ParseError> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(error(
            "a length of time is missing",
            r#"write a number with its unit, as in "30s" or "1h 30m""#,
        ));
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let (number, after) = decimal(text, rest, "30s")?;
        let unit = leading(after, |c| c.is_alphabetic() || c == 'µ');
        let size = time_unit(text, number.text, unit)?;
        nanos = number
            .times(size)
            .map_err(|fault| fault.explain(text, Some("nanoseconds")))?
            .saturating_add(nanos);
        rest = after[unit.len()..].trim_start();
    }
    match u64::try_from(nanos) {
        Ok(nanos) if nanos < u64::MAX => Ok(SimDuration::from_nanos(nanos)),
        _ => Err(error(
            format!("`{text}` is longer than the 584 years that simulated time can hold"),
            r#"write a shorter time, as in "7d""#,
        )),
    }
}

fn time_unit(text: &str, number: &str, unit: &str) -> Result<u128, ParseError> {
    if unit.is_empty() {
        return Err(error(
            format!("`{text}` has no unit of time"),
            format!(r#"say what the number counts: "{number}ms", "{number}s", "{number}m""#),
        ));
    }
    let known = TIME_UNITS.iter().find(|(name, _)| *name == unit);
    known.map(|(_, size)| *size).ok_or_else(|| {
        let meant = match unit.to_lowercase().as_str() {
            "min" | "mins" | "minute" | "minutes" => "m",
            "sec" | "secs" | "second" | "seconds" => "s",
            "hr" | "hrs" | "hour" | "hours" => "h",
            "day" | "days" => "d",
            "µs" | "usec" => "us",
            "msec" | "millis" => "ms",
            _ => "",
        };
        let remedy = if meant.is_empty() {
            "the units of time are ns, us, ms, s, m (minutes), h and d".to_owned()
        } else {
            format!(r#"write "{number}{meant}""#)
        };
        error(
            format!("`{unit}` in `{text}` is no unit of time here"),
            remedy,
        )
    })
}

/// Records or calls per second [1/s] from `600/s`, `36k/min`, `2M/h`, `5/d`.
///
/// # Errors
/// No `/` with a unit of time after it, an unknown unit, or a sign.
pub fn parse_rate(text: &str) -> Result<f64, ParseError> {
    let trimmed = text.trim();
    let (number, after) = decimal(text, trimmed, "600/s")?;
    let Some((multiple, per)) = after.split_once('/') else {
        return Err(error(
            format!("`{text}` does not say per what time"),
            format!(r#"write a rate with its unit of time, as in "{trimmed}/s" or "36k/min""#),
        ));
    };
    let multiple = multiple_of(text, multiple.trim())?;
    let per = per.trim();
    let Some((_, seconds)) = RATE_UNITS.iter().find(|(name, _)| *name == per) else {
        return Err(error(
            format!("`{per}` in `{text}` is no unit of time for a rate"),
            "write the rate per s, min, h or d, as in \"600/s\"",
        ));
    };
    Ok(number.as_f64() * multiple as f64 / seconds)
}

/// Bytes from `512B`, `1KiB`, `1.5MiB`, `1kB`.
///
/// # Errors
/// No unit or an unknown one, a sign, a fraction of a byte, or more than 64 bits hold.
pub fn parse_bytes(text: &str) -> Result<u64, ParseError> {
    let (number, after) = decimal(text, text.trim(), "1KiB")?;
    let unit = after.trim();
    if unit.is_empty() {
        return Err(error(
            format!("`{text}` has no unit of size"),
            format!(
                r#"say what the number counts: "{0}B" or "{0}KiB""#,
                number.text
            ),
        ));
    }
    let Some((_, size)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(error(
            format!("`{unit}` in `{text}` is no unit of size"),
            "the units of size are B, kB, MB, GB (powers of 1000) and KiB, MiB, GiB (powers of 1024)",
        ));
    };
    whole(text, number, *size, Some("bytes"))
}

/// A count from `2M`, `2_147_000`, `500`, `1.5k`.
///
/// # Errors
/// A sign, an unknown multiple, a fraction of one, or more than 64 bits hold.
pub fn parse_count(text: &str) -> Result<u64, ParseError> {
    let (number, after) = decimal(text, text.trim(), "2M")?;
    let multiple = multiple_of(text, after.trim())?;
    whole(text, number, multiple, None)
}

/// The number times `size` as a whole number `of` something that it counts.
fn whole(text: &str, number: Decimal<'_>, size: u128, of: Option<&str>) -> Result<u64, ParseError> {
    let count = number
        .times(size)
        .map_err(|fault| fault.explain(text, of))?;
    u64::try_from(count).map_err(|_| Fault::TooLarge.explain(text, of))
}

fn multiple_of(text: &str, name: &str) -> Result<u128, ParseError> {
    let known = MULTIPLES.iter().find(|(multiple, _)| *multiple == name);
    known.map(|(_, size)| *size).ok_or_else(|| {
        error(
            format!("`{name}` in `{text}` is no multiple"),
            "the multiples are k (1000), M (a million) and G (a thousand million)",
        )
    })
}

/// A decimal number exactly as written: `digits` x 10^-`scale`.
#[derive(Clone, Copy)]
struct Decimal<'t> {
    text: &'t str,
    digits: u128,
    scale: u32,
}

/// Why an exact product does not exist.
enum Fault {
    TooFine,
    TooLarge,
}

impl Fault {
    fn explain(&self, text: &str, of: Option<&str>) -> ParseError {
        let of = |word: &str| of.map_or(String::new(), |what| format!(" {word} {what}"));
        match self {
            Fault::TooFine => error(
                format!("`{text}` is no whole number{}", of("of")),
                "write it with fewer decimals",
            ),
            Fault::TooLarge => error(
                format!("`{text}` is too large to count{}", of("in")),
                "write a smaller number, or a larger unit with fewer digits",
            ),
        }
    }
}

impl Decimal<'_> {
    fn times(&self, size: u128) -> Result<u128, Fault> {
        let product = self.digits.checked_mul(size).ok_or(Fault::TooLarge)?;
        let divisor = 10_u128.pow(self.scale);
        if product % divisor == 0 {
            Ok(product / divisor)
        } else {
            Err(Fault::TooFine)
        }
    }

    fn as_f64(&self) -> f64 {
        self.digits as f64 / 10_f64.powi(self.scale as i32)
    }
}

/// The number at the start of `rest`, and what follows it. At most 24 digits, so that no product with a unit
/// of time overflows.
fn decimal<'t>(
    text: &str,
    rest: &'t str,
    example: &str,
) -> Result<(Decimal<'t>, &'t str), ParseError> {
    if rest.starts_with(['-', '+']) {
        return Err(error(
            format!("`{text}` carries a sign"),
            format!(r#"write a number that is not negative, without a sign, as in "{example}""#),
        ));
    }
    let written = leading(rest, |c| c.is_ascii_digit() || c == '_' || c == '.');
    let plain: String = written.chars().filter(|c| *c != '_').collect();
    let (units, decimals) = plain.split_once('.').unwrap_or((&plain, ""));
    let well_formed = written.starts_with(|c: char| c.is_ascii_digit())
        && !decimals.contains('.')
        && plain.contains('.') != decimals.is_empty()
        && !written.ends_with('_');
    if !well_formed {
        return Err(error(
            format!("`{text}` does not start with a number"),
            format!(r#"begin with a number, as in "{example}""#),
        ));
    }
    let digits = format!("{units}{decimals}");
    if digits.len() > 24 {
        return Err(error(
            format!("`{text}` has more than 24 digits"),
            "write fewer digits",
        ));
    }
    let decimal = Decimal {
        text: written,
        digits: digits.parse().unwrap_or(0),
        scale: decimals.len() as u32,
    };
    Ok((decimal, rest[written.len()..].trim_start()))
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c: char| !belongs(c)).unwrap_or(text.len());
    &text[..end]
}

fn error(problem: impl Into<String>, remedy: impl Into<String>) -> ParseError {
    ParseError {
        problem: problem.into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_nanoseconds() {
        for (text, nanos) in [
            ("0s", 0),
            ("1ns", 1),
            ("250us", 250_000),
            ("4ms", 4_000_000),
            ("1.5s", 1_500_000_000),
            ("1h 30m", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("2d", 172_800_000_000_000),
            ("1_000ms", 1_000_000_000),
            (" 30 s ", 30_000_000_000),
            ("0.000000001s", 1),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(SimDuration::from_nanos(nanos)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_duration_without_a_unit_is_refused_with_the_unit_to_add() {
        let refused = parse_duration("30").unwrap_err();
        assert_eq!(refused.problem, "`30` has no unit of time");
        assert!(refused.remedy.contains(r#""30s""#), "{refused}");
    }

    #[test]
    fn bad_durations_are_refused() {
        for text in [
            "",
            "s",
            "-1s",
            "+1s",
            "1M",
            "1min",
            "1.5ns",
            ".5s",
            "1.s",
            "1..5s",
            "_1s",
            "1_s",
            "1e3s",
            "600y",
            "1s-",
            "99999999999999999999999999s",
            "1h x",
            "۱s",
            "5 µs",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(parse_duration("5min").unwrap_err().remedy, r#"write "5m""#);
        assert!(
            parse_duration("213504d").is_err(),
            "2^64 ns are 213503.98 days"
        );
    }

    #[test]
    fn rates_are_per_second() {
        for (text, per_second) in [
            ("600/s", 600.0),
            ("36k/min", 600.0),
            ("2.16M/h", 600.0),
            ("86_400/d", 1.0),
            ("0/s", 0.0),
            ("1.5 / ms", 1500.0),
        ] {
            assert_eq!(parse_rate(text), Ok(per_second), "{text}");
        }
        for text in [
            "600", "600/", "/s", "-1/s", "600/y", "600x/s", "s", "", "1/2s",
        ] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
        assert!(parse_rate("600").unwrap_err().remedy.contains("600/s"));
    }

    #[test]
    fn sizes_know_powers_of_1000_and_of_1024() {
        for (text, bytes) in [
            ("512B", 512),
            ("1kB", 1_000),
            ("1KiB", 1_024),
            ("1.5MiB", 1_572_864),
            ("2 GB", 2_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in [
            "512",
            "1KB",
            "0.5B",
            "-1B",
            "1b",
            "99999999999999999GiB",
            "",
        ] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_whole() {
        for (text, count) in [
            ("500", 500),
            ("2M", 2_000_000),
            ("2_147_000", 2_147_000),
            ("1.5k", 1_500),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
        for text in ["1.5", "-1", "2m", "18446744073709551616", "", "x"] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }
}
