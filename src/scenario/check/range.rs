//! Ranges of an axis: `50..500+50` in equal steps, `50..500*2` in equal ratios; with a unit, `10ms..80ms*2`.

use super::open_range::OpenRange;

/// What to do about a range without steps.
const NO_STEP: &str = "add a step, as in \"50..500+50\", or a factor, as in \"50..500*2\"; or take samples of it, as in samples = { latin-hypercube = 200 }";

/// A range that makes sense.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Range {
    from: f64,
    to: f64,
    step: Step,
    /// Digits behind the point of what was written.
    decimals: usize,
    unit: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Add(f64),
    Multiply(f64),
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) problem: String,
    pub(super) remedy: String,
}

/// A number as it is written: its value, the digits behind its point, its unit.
struct Written<'t> {
    value: f64,
    decimals: usize,
    unit: &'t str,
}

impl Range {
    /// The range that `text` stands for; `None` if it is no range at all.
    pub(super) fn parse(text: &str) -> Option<Result<Self, Fault>> {
        let (from, rest) = text.split_once("..")?;
        from.starts_with(|c: char| c.is_ascii_digit())
            .then(|| Self::judged(text, from, rest))
    }

    fn judged(text: &str, from: &str, rest: &str) -> Result<Self, Fault> {
        let fault = |problem: String, remedy: &str| Fault {
            problem,
            remedy: remedy.to_owned(),
        };
        let stepped = |at: &usize| !rest[at + 1..].trim().is_empty();
        let Some(at) = rest.find(['+', '*']).filter(stepped) else {
            return Err(without_step(text));
        };
        let (to, step) = (&rest[..at], &rest[at + 1..]);
        let (from, to) = (number(text, from)?, number(text, to)?);
        let step_is = number(text, step)?;
        if from.unit != to.unit {
            let problem = format!("the ends of the range `{text}` have different units");
            return Err(fault(
                problem,
                "write both with the same unit, as in \"10ms..80ms*2\"",
            ));
        }
        if from.value > to.value {
            let problem = format!("the range `{text}` is empty: it begins above its end");
            return Err(fault(problem, "write the lower end first"));
        }
        let adds = rest[at..].starts_with('+');
        let step = match adds {
            true if step_is.unit != from.unit => {
                let problem =
                    format!("the step of the range `{text}` has another unit than its ends");
                return Err(fault(
                    problem,
                    "write it with the same unit, as in \"10m..60m+10m\"",
                ));
            }
            true if step_is.value <= 0.0 => {
                let problem = format!("the range `{text}` never gets to its end");
                return Err(fault(problem, "write a step above zero"));
            }
            true => Step::Add(step_is.value),
            false if !step_is.unit.is_empty() => {
                let problem = format!("the factor of the range `{text}` has a unit");
                return Err(fault(
                    problem,
                    "write a plain number, as in \"10ms..80ms*2\"",
                ));
            }
            false if step_is.value <= 1.0 || from.value <= 0.0 => {
                let problem = format!("the range `{text}` never gets to its end");
                return Err(fault(
                    problem,
                    "write a factor above 1, and begin above zero",
                ));
            }
            false => Step::Multiply(step_is.value),
        };
        let decimals = from.decimals.max(to.decimals);
        Ok(Range {
            from: from.value,
            to: to.value,
            step,
            decimals: if adds {
                decimals.max(step_is.decimals)
            } else {
                decimals
            },
            unit: from.unit.to_owned(),
        })
    }

    /// How many values it has, before those are merged that round to the same.
    pub(super) fn count(&self) -> usize {
        // What rounding errors take from the end is given back.
        let steps = match self.step {
            Step::Add(step) => (self.to - self.from) / step,
            Step::Multiply(factor) => (self.to / self.from).ln() / factor.ln(),
        };
        (steps + 1e-9).floor() as usize + 1
    }

    /// Its values as text, with the digits that its ends are written with.
    pub(super) fn values(&self) -> Vec<String> {
        let mut values: Vec<String> = (0..self.count())
            .map(|n| {
                let value = match self.step {
                    Step::Add(step) => self.from + step * n as f64,
                    Step::Multiply(factor) => self.from * factor.powi(n as i32),
                };
                format!("{value:.*}{}", self.decimals, self.unit)
            })
            .collect();
        values.dedup();
        values
    }
}

/// What is wrong with a range without steps: its ends, which no step mends, or else that.
fn without_step(text: &str) -> Fault {
    match OpenRange::parse(text) {
        Some(Err(fault)) => fault,
        _ => Fault {
            problem: format!("the range `{text}` does not say how large its steps are"),
            remedy: NO_STEP.to_owned(),
        },
    }
}

fn number<'t>(range: &str, text: &'t str) -> Result<Written<'t>, Fault> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let digits = text[..end].replace('_', "");
    let value = digits.parse::<f64>().ok().filter(|value| value.is_finite());
    let Some(value) = value else {
        return Err(Fault {
            problem: format!("`{text}` in the range `{range}` is no number"),
            remedy: "write numbers, each with its unit if it has one, as in \"50..500+50\" or \"10ms..80ms*2\"".to_owned(),
        });
    };
    Ok(Written {
        value,
        decimals: digits
            .split_once('.')
            .map_or(0, |(_, decimals)| decimals.len()),
        unit: text[end..].trim(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_spelt_out_with_the_digits_of_their_ends() {
        let cases = [
            ("50..500*2", "50 100 200 400"),
            ("50..400*2", "50 100 200 400"),
            ("4..12+4", "4 8 12"),
            ("4..13+4", "4 8 12"),
            ("0..0.3+0.1", "0.0 0.1 0.2 0.3"),
            ("10ms..80ms*2", "10ms 20ms 40ms 80ms"),
            ("100/s..300/s+100/s", "100/s 200/s 300/s"),
            ("1..10*1.5", "1 2 3 5 8"),
            ("7..7+1", "7"),
            ("1_000..3_000+1_000", "1000 2000 3000"),
        ];
        for (text, values) in cases {
            let range = Range::parse(text).unwrap().unwrap();
            assert_eq!(range.values().join(" "), values, "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_said_with_a_remedy() {
        assert_eq!(Range::parse("12"), None);
        assert_eq!(Range::parse("../lag.csv"), None);
        let cases = [
            ("50..500", "how large its steps are"),
            ("50..500*", "how large its steps are"),
            ("50..", "does not say where it ends"),
            ("500..50", "does not begin below its end"),
            ("500..50+50", "begins above its end"),
            ("50..500+0", "never gets to its end"),
            ("50..500*1", "never gets to its end"),
            ("0..500*2", "never gets to its end"),
            ("10ms..1s*2", "different units"),
            ("10ms..80ms+10", "another unit"),
            ("10ms..80ms*2ms", "has a unit"),
            ("50..many+1", "no number"),
            ("1..2+1.2.3", "no number"),
        ];
        for (text, problem) in cases {
            let fault = Range::parse(text).unwrap().unwrap_err();
            assert!(fault.problem.contains(problem), "{text}: {fault:?}");
        }
    }
}
