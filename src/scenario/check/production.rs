//! What producers do: the rate over time, the spacing, the keys.

use std::sync::Arc;

use super::super::model::Topic;
use super::super::raw::{self, Either, RatePoint, RateShape, Spot};
use super::curve::{self, Change, Piece, Window};
use super::judge::{Judge, Place};
use super::one_of;
use super::timeline::Walked;
use crate::units::{SimDuration, SimTime};
use crate::workload::{Keys, Pattern, Production, Shares};

/// Most points of a repeated shape, and most repetitions of a burst.
const MOST_POINTS: f64 = 1_000_000.0;
/// Most repetitions of a burst.
const MOST_BURSTS: f64 = 100_000.0;
/// Most records of a partition.
const MOST_RECORDS: f64 = (1_u64 << 44) as f64;

const SHAPES: &str = r#"write a rate such as "600/s", or one of { steps = [{ at = "0s", rate = "600/s" }, ...] }, { ramps = [...] }, { daily = { mean = "600/s", peak = "900/s" } }, { csv = "rate.csv" }"#;

/// Records expected in partition `index` by `end`, from the start.
pub(super) fn expected(production: &Production, index: usize, end: SimTime) -> f64 {
    let mut sum = 0.0;
    for (epoch, shares) in production.shares.iter().enumerate() {
        let until = production
            .shares
            .get(epoch + 1)
            .map_or(end, |next| next.from.min(end));
        let between =
            production.curve.integral(until) - production.curve.integral(shares.from.min(end));
        sum += between.max(0.0) * shares.of.get(index).copied().unwrap_or(0.0);
    }
    sum
}

impl Judge<'_> {
    pub(super) fn production(
        &mut self,
        section: Option<&Spot<raw::Produce>>,
        horizon: Option<SimDuration>,
        topic: Option<&Topic>,
        walked: &Walked,
    ) -> Option<Production> {
        let pattern = match section.and_then(|section| section.value.arrivals.as_ref()) {
            Some(word) => self.choice(
                word,
                &[
                    ("poisson", Pattern::Poisson),
                    ("constant", Pattern::Constant),
                ],
            ),
            None => Some(Pattern::Poisson),
        };
        let end = horizon.map_or(1.0, SimDuration::as_secs_f64);
        let pieces = match section {
            Some(section) => match &section.value.rate {
                Some(rate) => self.shape(rate, end),
                None => self.missing(
                    &section.span,
                    "rate",
                    r#"write how much is produced: rate = "600/s""#,
                ),
            },
            None => Some(curve::constant(0.0, end)),
        };
        let windows = self.bursts(
            section.and_then(|section| section.value.bursts.as_deref()),
            end,
        );
        let keys = match section.and_then(|section| section.value.keys.as_ref()) {
            Some(keys) => self.keys(keys, topic, walked),
            None => Some(Keys::Even),
        };
        let pieces = curve::burst(curve::turn(pieces?, &walked.turns), &windows?);
        let (keys, topic) = (keys?, topic?);
        let mut shares = vec![Shares {
            from: SimTime::ZERO,
            of: keys.shares(topic.partitions.len() as u32),
        }];
        for (from, count) in &walked.growth {
            let of = keys.shares(*count);
            match shares.last_mut() {
                Some(last) if last.from == *from => last.of = of,
                _ => shares.push(Shares { from: *from, of }),
            }
        }
        let production = Production {
            curve: Arc::new(curve::curve(&pieces)),
            pattern: pattern?,
            shares,
            keys,
        };
        self.refuse_floods(&production, section, SimTime::ZERO + horizon?)?;
        Some(production)
    }

    fn refuse_floods(
        &mut self,
        production: &Production,
        section: Option<&Spot<raw::Produce>>,
        end: SimTime,
    ) -> Option<()> {
        let most = production
            .shares
            .iter()
            .flat_map(|shares| &shares.of)
            .fold(0.0, |most: f64, of| most.max(*of));
        let records = production.curve.integral(end) * most;
        if records > MOST_RECORDS {
            let place = section.map_or(0..0, |section| section.span.clone());
            let message = format!("{records:.1e} records for one partition are too many");
            return self.error(&place, message, "lower the rate or the horizon: a partition gets at most 2^44 records (17 million million)");
        }
        Some(())
    }

    fn shape(&mut self, rate: &Either<raw::Rate, RateShape>, end: f64) -> Option<Vec<Piece>> {
        let table = match rate {
            Either::Plain(rate) => return Some(curve::constant(self.rate(rate)?, end)),
            Either::Table(table) => table,
        };
        let shape = &table.value;
        let given = [
            ("steps", shape.steps.is_some()),
            ("ramps", shape.ramps.is_some()),
            ("daily", shape.daily.is_some()),
            ("csv", shape.csv.is_some()),
        ];
        one_of(self, &table.span, &given, "the rate over time", SHAPES)?;
        if let Some(daily) = &shape.daily {
            if let Some(repeat) = &shape.repeat {
                self.error::<()>(
                    &repeat.0.span,
                    "a daily rate repeats by itself",
                    "leave `repeat` out",
                );
            }
            return self.daily(daily, end);
        }
        let straight = shape.ramps.is_some();
        let (points, place) = match (&shape.steps, &shape.ramps, &shape.csv) {
            (Some(list), ..) | (_, Some(list), _) => (self.points(list)?, &list.span),
            (_, _, Some(file)) => (self.recorded(file)?, &file.0.span),
            _ => return None,
        };
        let period = match &shape.repeat {
            Some(repeat) => Some(self.period(repeat, &points, place, end)?),
            None => None,
        };
        Some(curve::through(&points, straight, period, end))
    }

    fn period(
        &mut self,
        repeat: &raw::Time,
        points: &[(f64, f64)],
        place: &Place,
        end: f64,
    ) -> Option<f64> {
        let period = self.positive(repeat, "a period")?.as_secs_f64();
        let last = points.last().map_or(0.0, |point| point.0);
        if period <= last {
            let help = "make the period longer than the time of the last point";
            return self.clash(
                &repeat.0.span,
                "the shape begins again before it is through",
                (place, "the shape"),
                help,
            );
        }
        if end / period * points.len() as f64 > MOST_POINTS {
            return self.error(
                &repeat.0.span,
                "the shape repeats too often",
                "write a longer period",
            );
        }
        Some(period)
    }

    fn points(&mut self, list: &Spot<Vec<Spot<RatePoint>>>) -> Option<Vec<(f64, f64)>> {
        if list.value.is_empty() {
            return self.error(
                &list.span,
                "the list is empty",
                r#"write at least one point: { at = "0s", rate = "600/s" }"#,
            );
        }
        let mut points: Vec<(f64, f64)> = Vec::new();
        let mut fine = true;
        for entry in &list.value {
            let at = match &entry.value.at {
                Some(at) => self.seconds(at),
                None => self.missing(&entry.span, "at", r#"write when: at = "1h""#),
            };
            let rate = match &entry.value.rate {
                Some(rate) => self.rate(rate),
                None => self.missing(&entry.span, "rate", r#"write the rate: rate = "600/s""#),
            };
            let (Some(at), Some(rate)) = (at, rate) else {
                fine = false;
                continue;
            };
            if points.last().is_some_and(|last| at < last.0) {
                let place = entry.value.at.as_ref().map_or(&entry.span, |at| &at.0.span);
                let help = "put the points in order of time";
                self.error::<()>(place, "this point is earlier than the one before it", help);
                fine = false;
            }
            points.push((at, rate));
        }
        fine.then_some(points)
    }

    fn recorded(&mut self, file: &raw::Text) -> Option<Vec<(f64, f64)>> {
        use super::csv::Column;
        let (base, text) = self.file(file)?;
        let rows = self.csv(file, base, &text, &[Column::TIME, Column::RATE])?;
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(rows.len());
        for row in rows {
            let (at, rate) = (row.values[0], row.values[1]);
            if points.last().is_some_and(|last| at <= last.0) {
                let help = "put the rows in order of time, counted from the start of the run";
                return self.error(
                    &row.place,
                    "this row is not later than the one before it",
                    help,
                );
            }
            if rate > 1e9 {
                return self.error(
                    &row.place,
                    "this rate is above a thousand million per second",
                    "check the unit of the column",
                );
            }
            points.push((at, rate));
        }
        if points.is_empty() {
            return self.error(
                &file.0.span,
                "the file has no rate",
                "write one row per interval below the header",
            );
        }
        Some(points)
    }

    fn daily(&mut self, daily: &Spot<raw::Daily>, end: f64) -> Option<Vec<Piece>> {
        let written = &daily.value;
        let mean = match &written.mean {
            Some(rate) => self.rate(rate),
            None => self.missing(
                &daily.span,
                "mean",
                r#"write the mean of the day: mean = "600/s""#,
            ),
        };
        let Some(value) = &written.peak else {
            return self.missing(
                &daily.span,
                "peak",
                r#"write the highest rate of the day: peak = "900/s""#,
            );
        };
        let peak = self.rate(value);
        let peak_at = self.duration_or(&written.peak_at, SimDuration::from_secs(14 * 3600));
        if peak_at >= SimDuration::from_secs(86_400)
            && let Some(at) = &written.peak_at
        {
            return self.error(
                &at.0.span,
                "a day has 24 hours",
                r#"write the time of day, as in peak-at = "14h""#,
            );
        }
        let (mean, peak) = (mean?, peak?);
        if peak < mean {
            return self.error(
                &value.0.span,
                "the peak is below the mean",
                "exchange mean and peak",
            );
        }
        if peak > 2.0 * mean {
            let message = "a sine cannot peak above twice its mean: it would fall below zero";
            let help = r#"for traffic concentrated in some hours write { steps = [...], repeat = "1d" } or { ramps = [...], repeat = "1d" }"#;
            return self.error(&value.0.span, message, help);
        }
        Some(curve::daily(mean, peak, peak_at.as_secs_f64(), end))
    }

    fn bursts(&mut self, bursts: Option<&[Spot<raw::Burst>]>, end: f64) -> Option<Vec<Window>> {
        let mut windows = Some(Vec::new());
        for entry in bursts.unwrap_or(&[]) {
            match (self.one_burst(entry, end), &mut windows) {
                (Some(more), Some(all)) => all.extend(more),
                _ => windows = None,
            }
        }
        windows
    }

    fn one_burst(&mut self, entry: &Spot<raw::Burst>, end: f64) -> Option<Vec<Window>> {
        let burst = &entry.value;
        let from = match &burst.at {
            Some(at) => self.seconds(at),
            None => self.missing(&entry.span, "at", r#"write when it begins: at = "1h""#),
        };
        let length = match &burst.length {
            Some(length) => self.positive(length, "the length of a burst"),
            None => self.missing(
                &entry.span,
                "length",
                r#"write how long it lasts: length = "5m""#,
            ),
        };
        let given = [
            ("factor", burst.factor.is_some()),
            ("rate", burst.rate.is_some()),
        ];
        let help = r#"write how much more: factor = 3, or the rate itself: rate = "2k/s""#;
        one_of(self, &entry.span, &given, "the height of the burst", help)?;
        let change = match (&burst.factor, &burst.rate) {
            (Some(factor), _) => Change::Factor(self.factor(factor)?),
            (_, Some(rate)) => Change::Rate(self.rate(rate)?),
            _ => return None,
        };
        let (from, length) = (from?, length?.as_secs_f64());
        if from >= end
            && let Some(at) = &burst.at
        {
            return self.error(
                &at.0.span,
                "the burst begins after the horizon",
                "write an earlier time, or a longer horizon",
            );
        }
        let mut windows = vec![Window {
            from,
            to: from + length,
            change,
        }];
        if let Some(every) = &burst.every {
            let period = self.positive(every, "a period")?.as_secs_f64();
            if period < length {
                return self.error(
                    &every.0.span,
                    "the burst begins again before it ends",
                    "make `every` longer than `length`",
                );
            }
            if (end - from) / period > MOST_BURSTS {
                return self.error(
                    &every.0.span,
                    "the burst repeats too often",
                    "write a longer period, or `steps` with `repeat`",
                );
            }
            let mut start = from + period;
            while start < end {
                windows.push(Window {
                    from: start,
                    to: start + length,
                    change,
                });
                start += period;
            }
        }
        Some(windows)
    }

    /// A factor of a rate.
    pub(super) fn factor(&mut self, value: &raw::Number) -> Option<f64> {
        let factor = self.number_from(value, "a factor", 0.0)?;
        if factor > 1e6 {
            return self.error(
                &value.0.span,
                format!("a factor of {factor} is too large"),
                "write at most 1000000",
            );
        }
        Some(factor)
    }
}
