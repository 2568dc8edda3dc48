//! Laws of times: service times and latencies.

use std::ops::Range;

use super::super::raw::{Bimodal, Either, Gamma, Lognormal, Spot, Text, Time, TimeLaw};
use super::csv::{Cells, Column};
use super::judge::Judge;
use super::one_of;
use crate::units::SimDuration;
use crate::workload::Law;

const LAWS: &str = r#"write a time such as "4ms", or one of { exponential = "4ms" }, { gamma = { mean = "4ms", shape = 2 } }, { lognormal = { mean = "4ms", p99 = "20ms" } }, { bimodal = { fast = "4ms", slow = "1s", slow-share = 0.01 } }, { csv = "times.csv" }"#;

impl Judge<'_> {
    /// A law, in its short or long form.
    pub(super) fn law(&mut self, value: &Either<Time, TimeLaw>) -> Option<Law> {
        let table = match value {
            Either::Plain(time) => return self.seconds(time).map(Law::Constant),
            Either::Table(table) => table,
        };
        let law = &table.value;
        let given = [
            ("constant", law.constant.is_some()),
            ("exponential", law.exponential.is_some()),
            ("gamma", law.gamma.is_some()),
            ("lognormal", law.lognormal.is_some()),
            ("bimodal", law.bimodal.is_some()),
            ("csv", law.csv.is_some()),
        ];
        one_of(self, &table.span, &given, "the law of the time", LAWS)?;
        if let Some(time) = &law.constant {
            return self.seconds(time).map(Law::Constant);
        }
        if let Some(time) = &law.exponential {
            let mean = self.mean(time)?;
            return Some(Law::Exponential { mean });
        }
        if let Some(gamma) = &law.gamma {
            return self.gamma(gamma);
        }
        if let Some(lognormal) = &law.lognormal {
            return self.lognormal(lognormal);
        }
        if let Some(bimodal) = &law.bimodal {
            return self.bimodal(bimodal);
        }
        law.csv.as_ref().and_then(|file| self.empirical(file))
    }

    fn mean(&mut self, time: &Time) -> Option<f64> {
        let mean = self.positive(time, "the mean of a random time")?;
        Some(mean.as_secs_f64())
    }

    fn required_mean(&mut self, time: &Option<Time>, at: &Range<usize>) -> Option<f64> {
        match time {
            Some(time) => self.mean(time),
            None => self.missing(at, "mean", r#"write the mean of the times: mean = "4ms""#),
        }
    }

    fn gamma(&mut self, gamma: &Spot<Gamma>) -> Option<Law> {
        let mean = self.required_mean(&gamma.value.mean, &gamma.span);
        let shape = match &gamma.value.shape {
            Some(value) => {
                let shape = self.number(value)?;
                if !(0.01..=1e6).contains(&shape) {
                    let help = "write a number from 0.01 to 1000000; 1 is exponential, 4 has half its spread";
                    return self.error(
                        &value.0.span,
                        format!("{shape} is no shape of a gamma law"),
                        help,
                    );
                }
                Some(shape)
            }
            None => self.missing(
                &gamma.span,
                "shape",
                "write the shape: 1 is exponential, 4 has half its spread",
            ),
        };
        Some(Law::Gamma {
            mean: mean?,
            shape: shape?,
        })
    }

    fn lognormal(&mut self, lognormal: &Spot<Lognormal>) -> Option<Law> {
        let mean = self.required_mean(&lognormal.value.mean, &lognormal.span);
        let Some(value) = &lognormal.value.p99 else {
            return self.missing(
                &lognormal.span,
                "p99",
                r#"write the 99th percentile: p99 = "20ms""#,
            );
        };
        let p99 = self.seconds(value);
        let (mean, p99) = (mean?, p99?);
        if p99 <= mean {
            let message = "the 99th percentile must be above the mean";
            let help = "write a larger p99, or a constant time if there is no spread";
            return self.error(&value.0.span, message, help);
        }
        let law = Law::Lognormal { mean, p99 };
        if law.check().is_err() {
            let message = format!(
                "no lognormal law has a 99th percentile of {:.1} times its mean",
                p99 / mean
            );
            let ratio = Law::LOGNORMAL_P99_AT_MOST;
            let most = SimDuration::from_micros((mean * ratio * 1e6) as u64);
            let help = format!(
                "write a p99 of at most \"{most}\" ({ratio:.1} times the mean), or a bimodal law for rare long times"
            );
            return self.error(&value.0.span, message, help);
        }
        Some(law)
    }

    fn bimodal(&mut self, bimodal: &Spot<Bimodal>) -> Option<Law> {
        let at = &bimodal.span;
        let fast = match &bimodal.value.fast {
            Some(time) => self.seconds(time),
            None => self.missing(at, "fast", r#"write the usual time: fast = "4ms""#),
        };
        let slow = match &bimodal.value.slow {
            Some(time) => self.seconds(time),
            None => self.missing(at, "slow", r#"write the rare time: slow = "1s""#),
        };
        let share = match &bimodal.value.slow_share {
            Some(share) => self.share(share, "slow-share"),
            None => self.missing(
                at,
                "slow-share",
                "write how many are slow: slow-share = 0.01",
            ),
        };
        let (fast, slow, share) = (fast?, slow?, share?);
        if slow < fast {
            let place = bimodal.value.slow.as_ref().map_or(at, |time| &time.0.span);
            let message = "the slow time is shorter than the fast one";
            return self.error(place, message, "exchange fast and slow");
        }
        Some(Law::Bimodal { fast, slow, share })
    }

    fn empirical(&mut self, file: &Text) -> Option<Law> {
        let (base, text) = self.file(file)?;
        let columns = [Column::TIME];
        let rows: Cells = self.csv(file, base, &text, &columns)?;
        let mut times: Vec<f64> = rows.into_iter().map(|row| row.values[0]).collect();
        if times.is_empty() {
            let help = "write one measured time per line below the header";
            return self.error(&file.0.span, "the file has no measured time", help);
        }
        times.sort_by(f64::total_cmp);
        Some(Law::Empirical(times.into()))
    }
}
