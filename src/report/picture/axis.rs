//! Where ticks stand and what they are called.

use crate::measure::words::span;

/// Steps of a time axis (s).
const STEPS: [f64; 25] = [
    0.01,
    0.1,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    7_200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_592_000.0,
    31_536_000.0,
];

/// Ticks of a time axis from zero to `end` seconds: at most thirteen, at round human times.
pub fn time_ticks(end: f64) -> Vec<(f64, String)> {
    let step = STEPS
        .into_iter()
        .find(|step| end / step <= 13.0)
        .unwrap_or_else(|| (end / 12.0).ceil());
    let count = (end / step + 1e-9).floor() as u64;
    (0..=count)
        .map(|tick| {
            let at = tick as f64 * step;
            (at, if tick == 0 { "0".to_owned() } else { span(at) })
        })
        .collect()
}

/// Ticks of an axis of records from zero to at least `max`, on round numbers; the last one is the axis' end.
pub fn record_ticks(max: u64) -> Vec<(f64, String)> {
    difference_ticks(0.0, max as f64)
}

/// Ticks of an axis of differences that holds zero, `low` and `high` (records); the first and the last one are its ends.
pub fn difference_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let (low, high) = (low.min(0.0) * 1.04, high.max(0.0) * 1.04);
    let (low, high) = if high - low < 4.16 {
        (low, low + 4.16)
    } else {
        (low, high)
    };
    let rough = (high - low) / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|nice| (nice * power).max(1.0))
        // Half records do not exist.
        .find(|step| *step >= rough && step.fract() == 0.0)
        .unwrap_or(10.0 * power);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last)
        .map(|tick| {
            let value = tick as f64 * step;
            (value, records(value))
        })
        .collect()
}

/// Ticks of an axis of any figure that holds zero, `low` and `high`, on round numbers; the first and the last one are its
/// ends.
pub fn figure_ticks(low: f64, high: f64) -> Vec<f64> {
    round_ticks(low.min(0.0) * 1.04, high.max(0.0) * 1.04)
}

/// Ticks of an axis that holds `low` and `high`, on round numbers; the first and the last one are its ends.
pub fn round_ticks(low: f64, high: f64) -> Vec<f64> {
    let span = if high > low { high - low } else { 1.0 };
    let rough = span / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|nice| nice * power);
    let step = steps.into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last.max(first + 1))
        .map(|tick| tick as f64 * step)
        .collect()
}

/// Most ticks of a logarithmic axis.
const MOST_LOG_TICKS: usize = 9;

/// Ticks of a logarithmic axis that holds `low` and `high`, above 0, on round numbers, or round times if it is one of
/// `seconds`; the first and the last one are its ends.
pub fn log_ticks(low: f64, high: f64, seconds: bool) -> Vec<f64> {
    // From the last one that does not lie above `low` on.
    let mut ticks: Vec<f64> = Vec::new();
    for round in rounds(seconds) {
        if round <= low {
            ticks.clear();
        }
        ticks.push(round);
        if ticks.len() > 1 && round >= high {
            break;
        }
    }
    let step = ticks.len().div_ceil(MOST_LOG_TICKS);
    // Counted from the upper end, so that it stays; the lower one is put back.
    let last = ticks.len() - 1;
    let mut kept: Vec<f64> = (0..=last)
        .filter(|ix| (last - ix).is_multiple_of(step))
        .map(|ix| ticks[ix])
        .collect();
    if !last.is_multiple_of(step) {
        kept[0] = ticks[0];
    }
    kept
}

/// Round numbers from small to large; of seconds those that clocks and calendars count in.
fn rounds(seconds: bool) -> impl Iterator<Item = f64> {
    let decades = |from: i32, to: i32, unit: f64| {
        (from..=to)
            .flat_map(move |power| [1.0, 2.0, 5.0].map(|nice| nice * 10_f64.powi(power) * unit))
    };
    let below_a_minute = decades(-6, 1, 1.0).filter(|round| *round < 50.0);
    let minutes = decades(0, 1, 60.0).filter(|round| *round < 3_000.0);
    let hours = decades(0, 0, 3_600.0).chain([36_000.0]);
    let times = below_a_minute
        .chain(minutes)
        .chain(hours)
        .chain(decades(0, 9, 86_400.0));
    let numbers = decades(-6, 15, 1.0);
    times
        .filter(move |_| seconds)
        .chain(numbers.filter(move |_| !seconds))
}

/// `0`, `850`, `2.5k`, `1.25M`.
pub fn records(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 999_500_000.0 => (value / 1e9, "G"),
        size if size >= 999_500.0 => (value / 1e6, "M"),
        size if size >= 1_000.0 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = match scaled.abs() {
        size if size >= 100.0 => format!("{scaled:.0}"),
        size if size >= 10.0 => format!("{scaled:.1}"),
        _ => format!("{scaled:.2}"),
    };
    let text = match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => &text,
    };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_at_round_human_times() {
        let labels = |end| {
            time_ticks(end)
                .into_iter()
                .map(|(_, label)| label)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            labels(60.0),
            [
                "0", "5s", "10s", "15s", "20s", "25s", "30s", "35s", "40s", "45s", "50s", "55s",
                "1m"
            ]
        );
        let three_hours = labels(10_800.0);
        assert_eq!(three_hours[..4], ["0", "15m", "30m", "45m"]);
        assert_eq!(three_hours.last().map(String::as_str), Some("3h"));
        let fortnight = labels(14.0 * 86_400.0);
        assert_eq!(
            fortnight,
            ["0", "2d", "4d", "6d", "8d", "10d", "12d", "14d"]
        );
    }

    #[test]
    fn an_axis_of_records_holds_its_maximum_on_round_numbers() {
        for max in [0, 1, 3, 7, 99, 1_000, 551_200, 2_147_000, 3_000_000_000] {
            let ticks = record_ticks(max);
            let end = ticks.last().unwrap().0;
            assert!(
                end >= max as f64 && (3..=8).contains(&ticks.len()),
                "{max}: {ticks:?}"
            );
            assert!(
                ticks.iter().all(|(value, _)| value.fract() == 0.0),
                "{max}: {ticks:?}"
            );
        }
        let ends = |low, high| {
            let ticks = difference_ticks(low, high);
            (ticks[0].1.clone(), ticks.last().unwrap().1.clone())
        };
        assert_eq!(ends(-850.0, 90.0), ("-1k".to_owned(), "200".to_owned()));
        assert_eq!(ends(-3.0, -1.0), ("-4".to_owned(), "2".to_owned()));
        assert_eq!(record_ticks(2_147_000).last().unwrap().1, "2.5M");
        assert_eq!(records(999_999.0), "1M");
        assert_eq!(records(447_801.0), "448k");
    }
}
