//! What a trace tells of a model: as changes of the model's text, and in words.

use crate::experiment::{Calibration, Estimate, Learnt, Phase};
use crate::measure::words::{counted, grouped, span};
use crate::scenario::{Change, Scenario, keys_at};
use crate::workload::{Law, Pattern};

/// Something the trace could tell.
struct Line {
    /// Its key.
    key: String,
    /// What was found, in words; or why nothing was.
    told: Learnt<String>,
    /// What that makes of the model.
    change: Option<Change>,
}

/// The changes that a calibration makes to the model whose text is `model`.
pub fn changes(scenario: &Scenario, calibration: &Calibration, model: &str) -> Vec<Change> {
    let lines = lines(scenario, calibration, model);
    lines.into_iter().filter_map(|line| line.change).collect()
}

/// What was found, and what this trace does not tell.
pub fn text(scenario: &Scenario, calibration: &Calibration, model: &str, trace: &str) -> String {
    let lines = lines(scenario, calibration, model);
    let mut text = format!(
        "{} fitted to {trace}: {}, {} of them in {} of backlog\n",
        scenario.name,
        counted(calibration.records, "record", "records"),
        grouped(calibration.in_backlog),
        span(calibration.backlog_s)
    );
    text.push_str("\nFitted, with 95 % intervals\n");
    let told = lines
        .iter()
        .filter_map(|line| Some((&line.key, line.told.as_ref().ok()?)));
    let mut none = true;
    for (key, found) in told {
        text.push_str(&format!("  {key}: {found}\n"));
        none = false;
    }
    if none {
        text.push_str("  nothing\n");
    }
    text.push_str("\nNot told by this trace\n");
    let untold = lines
        .iter()
        .filter_map(|line| Some((line.key.as_str(), line.told.as_ref().err()?)));
    let always = [
        ("the law of processing.time", &calibration.law),
        ("cluster.commit-latency", &calibration.overhead),
    ];
    for (key, why) in untold.chain(always) {
        text.push_str(&format!("  {key}: {why}\n"));
    }
    text
}

fn lines(scenario: &Scenario, calibration: &Calibration, model: &str) -> Vec<Line> {
    let mut lines = vec![
        rate(calibration, model),
        arrivals(calibration),
        service(calibration),
    ];
    if let Some(limit) = &calibration.limit {
        let shared = scenario.downstreams.get(scenario.shared());
        let name = shared.map_or("<name>", |one| one.name.as_str());
        lines.push(limited(name, limit));
    }
    lines
}

fn path(steps: &[&str]) -> Vec<String> {
    steps.iter().map(|step| (*step).to_owned()).collect()
}

fn rate(calibration: &Calibration, model: &str) -> Line {
    let key = "produce.rate".to_owned();
    let other = keys_at(model, &["produce", "rate"])
        .into_iter()
        .find(|key| key != "steps");
    let bursts = keys_at(model, &["produce"])
        .into_iter()
        .find(|key| key == "bursts");
    let phases = match (&calibration.rate, other.or(bursts)) {
        (Err(why), _) => {
            return Line {
                key,
                told: Err(why.clone()),
                change: None,
            };
        }
        (Ok(phases), None) => phases,
        (Ok(phases), Some(other)) => {
            let told = format!(
                "{}; kept as it is: the model has `{other}`, which steps cannot stand for",
                phases_in_words(phases)
            );
            return Line {
                key,
                told: Ok(told),
                change: None,
            };
        }
    };
    let (value, comment) = match phases.as_slice() {
        [only] => (
            quoted(&per_second(only.rate.value)),
            interval(&only.rate, per_second),
        ),
        several => {
            let steps: String = several
                .iter()
                .map(|phase| {
                    let (at, rate) = (phase.from.as_secs_f64(), per_second(phase.rate.value));
                    let range = interval(&phase.rate, per_second);
                    format!("    {{ at = \"{at}s\", rate = \"{rate}\" }},  # {range}\n")
                })
                .collect();
            (
                format!("{{ steps = [\n{steps}] }}"),
                "fitted, 95 % intervals".to_owned(),
            )
        }
    };
    Line {
        key,
        told: Ok(phases_in_words(phases)),
        change: Some(Change {
            path: path(&["produce", "rate"]),
            value,
            comment,
        }),
    }
}

fn phases_in_words(phases: &[Phase]) -> String {
    let each = phases.iter().map(|phase| {
        let rate = in_words(&phase.rate, per_second);
        match phases.len() {
            1 => rate,
            _ => format!("from {}s {rate}", phase.from.as_secs_f64()),
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

fn arrivals(calibration: &Calibration) -> Line {
    let key = "produce.arrivals".to_owned();
    let spacing = match &calibration.arrivals {
        Ok(spacing) => spacing,
        Err(why) => {
            return Line {
                key,
                told: Err(why.clone()),
                change: None,
            };
        }
    };
    let name = match spacing.pattern {
        Pattern::Constant => "constant",
        Pattern::Poisson => "poisson",
    };
    let comment = format!(
        "counts spread {:.2} times as much as Poisson's",
        spacing.dispersion
    );
    Line {
        key,
        told: Ok(format!("{name} ({comment})")),
        change: Some(Change {
            path: path(&["produce", "arrivals"]),
            value: quoted(name),
            comment,
        }),
    }
}

fn service(calibration: &Calibration) -> Line {
    let key = "processing.time".to_owned();
    let backlog = match &calibration.service {
        Ok(backlog) => backlog,
        Err(why) => {
            return Line {
                key,
                told: Err(why.clone()),
                change: None,
            };
        }
    };
    let told = in_words(&backlog.time, time);
    let change = law(&backlog.law).map(|value| Change {
        path: path(&["processing", "time"]),
        value,
        comment: interval(&backlog.time, time),
    });
    let told = match change {
        Some(_) => told,
        None => {
            format!("{told}; kept as it is: the times of a file, of which it would be the mean")
        }
    };
    Line {
        key,
        told: Ok(told),
        change,
    }
}

fn limited(name: &str, limit: &Learnt<Estimate>) -> Line {
    let key = format!("downstream.{name}.rate-limit");
    Line {
        key,
        told: limit
            .as_ref()
            .map(|rate| in_words(rate, per_second))
            .map_err(Clone::clone),
        change: limit.as_ref().ok().map(|rate| Change {
            path: path(&["downstream", name, "rate-limit"]),
            value: quoted(&per_second(rate.value)),
            comment: interval(rate, per_second),
        }),
    }
}

/// A law as a model has it; none for the times of a file.
fn law(law: &Law) -> Option<String> {
    let time = |seconds: &f64| quoted(&time(*seconds));
    Some(match law {
        Law::Constant(mean) => time(mean),
        Law::Exponential { mean } => format!("{{ exponential = {} }}", time(mean)),
        Law::Gamma { mean, shape } => {
            format!("{{ gamma = {{ mean = {}, shape = {shape} }} }}", time(mean))
        }
        Law::Lognormal { mean, p99 } => {
            format!(
                "{{ lognormal = {{ mean = {}, p99 = {} }} }}",
                time(mean),
                time(p99)
            )
        }
        Law::Bimodal { fast, slow, share } => format!(
            "{{ bimodal = {{ fast = {}, slow = {}, slow-share = {share} }} }}",
            time(fast),
            time(slow)
        ),
        Law::Empirical(_) => return None,
    })
}

fn in_words(estimate: &Estimate, unit: fn(f64) -> String) -> String {
    format!(
        "{} ({} to {})",
        unit(estimate.value),
        unit(estimate.low),
        unit(estimate.high)
    )
}

fn interval(estimate: &Estimate, unit: fn(f64) -> String) -> String {
    format!("{} to {} (95 %)", unit(estimate.low), unit(estimate.high))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn per_second(rate: f64) -> String {
    format!("{}/s", digits(rate))
}

/// A time in the unit in which it has digits before the point.
fn time(seconds: f64) -> String {
    let (unit, name) = match seconds {
        _ if seconds >= 1.0 => (1.0, "s"),
        _ if seconds >= 1e-3 => (1e-3, "ms"),
        _ => (1e-6, "us"),
    };
    format!("{}{name}", digits(seconds / unit))
}

/// Five digits that count, none behind the point for nothing.
fn digits(number: f64) -> String {
    if number <= 0.0 {
        return "0".to_owned();
    }
    let before = number.log10().floor() as i32 + 1;
    let decimals = (5 - before).clamp(0, 6) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_count() {
        let shown = [
            digits(0.0),
            digits(119.9),
            digits(40.0),
            digits(1_234_567.8),
            digits(0.012_345_6),
        ];
        assert_eq!(shown, ["0", "119.9", "40", "1234568", "0.012346"]);
        assert_eq!(
            [time(0.02), time(2.5), time(0.000_25)],
            ["20ms", "2.5s", "250us"]
        );
    }
}
