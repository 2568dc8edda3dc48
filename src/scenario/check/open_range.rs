//! Ranges that samples lie in: `1ms..100ms`, or `1ms..100ms*` where ratios count and not differences.

use super::quantity::{Form, Quantity};
use super::range::Fault;

/// Samples are told apart to this share of the range, or of themselves where ratios count.
const GRAIN: f64 = 1e-4;

/// A range that makes sense.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OpenRange {
    from: f64,
    to: f64,
    geometric: bool,
    form: Form,
}

impl OpenRange {
    /// The range that `text` stands for; `None` if it is none, or one with steps.
    pub(super) fn parse(text: &str) -> Option<Result<Self, Fault>> {
        let (from, rest) = text.split_once("..")?;
        if !from.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let rest = rest.trim();
        let (to, geometric) = match rest.strip_suffix('*') {
            Some(to) => (to, true),
            None => (rest, false),
        };
        (!to.contains(['+', '*'])).then(|| Self::judged(text, from, to, geometric))
    }

    fn judged(text: &str, from: &str, to: &str, geometric: bool) -> Result<Self, Fault> {
        let fault = |problem: String, remedy: &str| Fault {
            problem,
            remedy: remedy.to_owned(),
        };
        if to.trim().is_empty() {
            let problem = format!("the range `{text}` does not say where it ends");
            return Err(fault(problem, "write its end, as in \"50..500\""));
        }
        let number = |end: &str| {
            Quantity::read(end).ok_or_else(|| {
                let problem = format!("`{}` in the range `{text}` is no number", end.trim());
                fault(
                    problem,
                    "write numbers, each with its unit if it has one, as in \"50..500\" or \"10ms..80ms\"",
                )
            })
        };
        let (low, high) = (number(from)?, number(to)?);
        // 1 and 4.5 are numbers of a kind; 1ms and 1s are written alike so that samples are too.
        let form = match low.form.is_whole() {
            true => high.form.clone(),
            false => low.form.clone(),
        };
        if low.form.unit() != high.form.unit() {
            let problem = format!("the ends of the range `{text}` have different units");
            return Err(fault(
                problem,
                "write both with the same unit, as in \"10ms..80ms\"",
            ));
        }
        if low.value >= high.value {
            let problem = format!("the range `{text}` is empty: it does not begin below its end");
            return Err(fault(problem, "write the lower end first"));
        }
        if geometric && low.value <= 0.0 {
            let problem = format!("the range `{text}` has no equal ratios from zero on");
            return Err(fault(problem, "begin above zero, or leave out the `*`"));
        }
        Ok(OpenRange {
            from: low.value,
            to: high.value,
            geometric,
            form,
        })
    }

    /// The number at a coordinate from 0 to 1. Of whole numbers each has its share of them.
    pub(super) fn at(&self, coordinate: f64) -> f64 {
        let half = if self.form.is_whole() { 0.5 } else { 0.0 };
        let (from, to) = (self.from - half, self.to + half);
        let value = match self.geometric {
            true => {
                from.max(f64::MIN_POSITIVE) * (to / from.max(f64::MIN_POSITIVE)).powf(coordinate)
            }
            false => from + coordinate * (to - from),
        };
        value.clamp(self.from, self.to)
    }

    /// A number of the range as the model takes it.
    pub(super) fn write(&self, value: f64) -> String {
        let grain = match self.geometric {
            true => value * GRAIN,
            false => (self.to - self.from) * GRAIN,
        };
        self.form.write(value, grain)
    }

    /// The range as people read it.
    pub(super) fn label(&self) -> String {
        format!("{} to {}", self.write(self.from), self.write(self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_lie_between_the_ends_by_differences_or_by_ratios_and_keep_the_unit() {
        let cases = [
            ("1ms..100ms", 0.5, "50.5ms"),
            ("1ms..100ms*", 0.5, "10ms"),
            ("1ms..100ms*", 0.123_4, "1.7652ms"),
            ("100/s..300/s", 0.25, "150/s"),
            ("0.5..1.5", 0.333_33, "0.8333"),
            ("1..4.5", 0.1, "1.35"),
            ("1KiB..64KiB*", 0.5, "8190B"),
            ("1M..2M", 0.123_456_7, "1.1235M"),
        ];
        for (text, coordinate, written) in cases {
            let range = OpenRange::parse(text).unwrap().unwrap();
            assert_eq!(range.write(range.at(coordinate)), written, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_rounded_and_each_has_its_share_of_the_samples() {
        let range = OpenRange::parse("1..4").unwrap().unwrap();
        let share = |wanted: &str| {
            let all = 0..1_000;
            let own =
                all.filter(|n| range.write(range.at((f64::from(*n) + 0.5) / 1_000.0)) == wanted);
            own.count()
        };
        assert_eq!(["1", "2", "3", "4"].map(share), [250; 4]);
        // By ratios as the logarithm has it: of 0.5 to 64.5 there are 22.6 % below 1.5.
        let range = OpenRange::parse("1..64*").unwrap().unwrap();
        let ones =
            (0..1_000).filter(|n| range.write(range.at((f64::from(*n) + 0.5) / 1_000.0)) == "1");
        assert_eq!(ones.count(), 226);
    }

    #[test]
    fn what_is_no_range_is_said_with_a_remedy() {
        for other in ["12", "50..500+50", "50..500*2", "../lag.csv"] {
            assert_eq!(OpenRange::parse(other), None, "{other}");
        }
        let cases = [
            ("500..50", "does not begin below its end"),
            ("5..5", "does not begin below its end"),
            ("0..500*", "no equal ratios"),
            ("10ms..1s", "different units"),
            ("50..many", "no number"),
            ("50..", "does not say where it ends"),
        ];
        for (text, problem) in cases {
            let fault = OpenRange::parse(text).unwrap().unwrap_err();
            assert!(fault.problem.contains(problem), "{text}: {fault:?}");
        }
    }
}
