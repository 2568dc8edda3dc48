//! How the lag went, whether it drains, and who is told.

use super::super::alert::AlertRule;
use super::super::summary::Summary;
use super::super::words::{counted, grouped, signed, span};

/// One line: how the lag went.
pub fn headline(summary: &Summary) -> String {
    let lag = &summary.lag;
    let (first, last) = (grouped(lag.initial), grouped(lag.last));
    let within = span(summary.horizon_s);
    if lag.max == 0 {
        return format!("There is no lag in {within}.");
    }
    if super::keeps_up(summary) {
        return format!(
            "The group keeps up: at most {} behind in {within}.",
            counted(lag.max, "record", "records")
        );
    }
    match summary.drained_at_s {
        Some(drained) => format!(
            "Lag peaks at {} records after {} and is drained at {}.",
            grouped(lag.max),
            span(lag.max_at_s),
            span(drained)
        ),
        _ if lag.last > lag.initial => {
            format!("Lag grows from {first} to {last} records in {within} and does not drain.")
        }
        _ => {
            format!("Lag falls from {first} to {last} records in {within} and is not yet drained.")
        }
    }
}

/// Whether and when the lag drains, and which alert fires when.
pub fn sentences(summary: &Summary) -> Vec<String> {
    let mut told = vec![drain(summary)];
    let given_up = summary.accounts.dead_lettered + summary.accounts.skipped;
    if given_up > 0 {
        told.push(format!(
            "{} given up: {} to the dead-letter topic, {} skipped.",
            counted(given_up, "poison record is", "poison records are"),
            grouped(summary.accounts.dead_lettered),
            grouped(summary.accounts.skipped)
        ));
    }
    if summary.alert_rules.is_empty() {
        if !super::keeps_up(summary) {
            told.push(format!(
                "No alert is configured: nobody is told, although the lag reaches {} records.",
                grouped(summary.lag.max)
            ));
        }
    } else {
        told.extend(summary.alert_rules.iter().map(|rule| alert(rule, summary)));
    }
    told
}

fn drain(summary: &Summary) -> String {
    let lag = &summary.lag;
    if super::keeps_up(summary) {
        return "There is nothing to drain.".to_owned();
    }
    if let Some(drained) = summary.drained_at_s {
        return format!(
            "It drains: {} after its peak of {} records, at {}, no partition is behind any more.",
            span(drained - lag.max_at_s),
            grouped(lag.max),
            span(drained)
        );
    }
    let since_peak = summary.horizon_s - lag.max_at_s;
    let fallen = lag.max.saturating_sub(lag.last);
    // A tenth off the peak over a tenth of the run is a trend; less is a ripple of commits.
    if fallen * 10 >= lag.max && since_peak * 10.0 >= summary.horizon_s {
        let blocked: u64 = summary
            .partitions
            .iter()
            .filter(|p| p.poison.is_some())
            .map(|p| p.lag.last)
            .sum();
        let rest = (lag.last - blocked.min(lag.last)) as f64 * since_peak / fallen as f64;
        let but = if blocked > 0 {
            " the partitions that are not blocked need"
        } else {
            " it needs"
        };
        return format!(
            "It falls since {} and is not drained within the run: at the mean pace since then{but} about {} more.",
            span(lag.max_at_s),
            span(rest)
        );
    }
    let growth = lag.last as f64 - lag.initial as f64;
    let per_minute = growth * 60.0 / summary.horizon_s.max(1e-9);
    format!(
        "It does not drain: {} records over the run, {} a minute on average.",
        signed(growth as i64),
        signed(per_minute.round() as i64)
    )
}

fn alert(rule: &AlertRule, summary: &Summary) -> String {
    let name = format!("{} ({})", rule.name, rule.severity);
    let Some(first) = rule.first_firing_at_s else {
        let nearly = match rule.pending_only {
            0 => String::new(),
            times => format!(
                ", although it is pending {}",
                counted(times, "time", "times")
            ),
        };
        return format!("Alert {name} never fires{nearly}.");
    };
    let partition = summary
        .alerts
        .iter()
        .find(|episode| episode.name == rule.name && episode.firing_at_s == Some(first))
        .and_then(|episode| episode.partition)
        .map_or_else(String::new, |partition| {
            format!(", on partition {partition}")
        });
    match rule.fired {
        1 => format!("Alert {name} fires at {}{partition}.", span(first)),
        fired => format!(
            "Alert {name} fires first at {}{partition}; {} in all.",
            span(first),
            counted(fired, "time", "times")
        ),
    }
}
