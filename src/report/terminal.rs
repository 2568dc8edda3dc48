//! What a run prints: the verdict first, then expectations and alerts, totals, the worst partitions, a small chart.

use super::{chart, retry};
use crate::experiment::headline_intervals;
use crate::measure::words::{grouped, percent, short, signed, span};
use crate::measure::{Accounts, AlertEpisode, Outcome, PartitionSummary, Summary};
use crate::sim::Causes;

/// How to write for the terminal at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours; what they say is also said in words.
    pub colour: bool,
    /// A chart of total lag, if the curves were kept.
    pub chart: bool,
}

/// Partitions told one by one.
const WORST: usize = 5;
/// Longest line of prose.
const COLUMNS: usize = 100;
/// Size of the chart in characters.
const CHART: (usize, usize) = (60, 8);

/// The text of a run: the first replication, and what all of them say together.
pub fn run(outcomes: &[Outcome], style: Style) -> String {
    let Some(first) = outcomes.first() else {
        return String::new();
    };
    let page = Page { style };
    let summary = &first.summary;
    let mut text = page.verdict(summary);
    text.push_str(&page.expectations(outcomes));
    text.push_str(&page.alerts(summary));
    text.push_str(&totals(summary));
    text.push_str(&causes(summary));
    text.push_str(&partitions(summary));
    text.push_str(&retry::table(summary));
    if outcomes.len() > 1 {
        text.push_str(&replications(outcomes));
    }
    if style.chart && !first.curves.is_empty() {
        text.push_str(&total_lag(first));
    }
    text
}

impl Style {
    /// What stands out.
    pub fn bold(self, text: &str) -> String {
        self.painted("1", text)
    }

    fn painted(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Writes with or without colour.
struct Page {
    style: Style,
}

impl Page {
    fn tick(&self, good: bool) -> String {
        if good {
            self.style.painted("32", "✓")
        } else {
            self.style.painted("31", "✗")
        }
    }

    fn verdict(&self, summary: &Summary) -> String {
        let mut text = format!("{}\n", self.style.bold(&heading(summary)));
        let verdict = &summary.verdict;
        text.push_str(&self.style.bold(&verdict.headline));
        text.push_str("\n\n");
        for sentence in verdict.causes.iter().chain(&verdict.outlook) {
            text.push_str(&wrapped("  - ", sentence, "    "));
        }
        if !verdict.remedies.is_empty() {
            text.push_str("\nWhat would help\n");
        }
        for remedy in &verdict.remedies {
            text.push_str(&wrapped("  - ", remedy, "    "));
        }
        text
    }

    fn expectations(&self, outcomes: &[Outcome]) -> String {
        let judged = &outcomes[0].summary.expectations;
        if judged.is_empty() {
            return String::new();
        }
        let mut text = "\nExpectations\n".to_owned();
        for (ix, one) in judged.iter().enumerate() {
            let met = outcomes
                .iter()
                .filter(|o| {
                    o.summary
                        .expectations
                        .get(ix)
                        .is_some_and(|judged| judged.passed)
                })
                .count();
            let result = if outcomes.len() == 1 {
                (if one.passed { "met" } else { "not met" }).to_owned()
            } else {
                format!("met in {met} of {} replications", outcomes.len())
            };
            let tick = self.tick(met == outcomes.len());
            text.push_str(&format!(
                "  {tick} {}: {} ({result})\n",
                one.text, one.measured
            ));
        }
        text
    }

    fn alerts(&self, summary: &Summary) -> String {
        if summary.alert_rules.is_empty() {
            return String::new();
        }
        let mut text = "\nAlerts\n".to_owned();
        for rule in &summary.alert_rules {
            let name = format!("{} ({})", rule.name, rule.severity);
            let told = match rule.first_firing_at_s {
                Some(first) => {
                    let each = |e: &AlertEpisode| e.name == rule.name && e.partition.is_some();
                    let sum = if summary.alerts.iter().any(each) {
                        " (partitions added up)"
                    } else {
                        ""
                    };
                    let firing = span(rule.firing_s);
                    let when = match rule.fired {
                        0 | 1 => format!("fires at {}", span(first)),
                        fired => format!("fires {}, first at {}", times(fired), span(first)),
                    };
                    format!("{} {name}: {when}, for {firing}{sum}", self.tick(false))
                }
                None => format!("{} {name}: never fires", self.tick(true)),
            };
            text.push_str(&format!("  {told}\n"));
        }
        text
    }
}

/// The model and its title; once, if the title begins with the model's name.
fn heading(summary: &Summary) -> String {
    if summary.title.starts_with(&summary.model) {
        summary.title.clone()
    } else {
        format!("{}: {}", summary.model, summary.title)
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{} times", grouped(count)),
    }
}

fn totals(summary: &Summary) -> String {
    let rows: Vec<_> = records(summary)
        .into_iter()
        .chain(extremes(summary))
        .collect();
    let width = rows
        .iter()
        .map(|(_, figure, _)| figure.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = format!("\nTotals over {}\n", span(summary.horizon_s));
    for (name, figure, remark) in rows {
        let line = format!("  {name:<17}{figure:>width$}  {remark}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A line of the totals: name, figure, remark.
type Total = (&'static str, String, String);

/// What became of the records.
fn records(summary: &Summary) -> Vec<Total> {
    let accounts = &summary.accounts;
    let rate = |records: u64| short(records as f64 / summary.horizon_s.max(1e-9));
    let mut rows = vec![
        (
            "produced",
            grouped(accounts.produced),
            format!("{}/s", rate(accounts.produced)),
        ),
        (
            "processed",
            grouped(accounts.processed),
            format!("{}/s", rate(accounts.processed)),
        ),
        (
            "committed",
            grouped(accounts.committed),
            format!("{}/s", rate(accounts.committed)),
        ),
    ];
    let rare = [
        (
            "duplicates",
            accounts.duplicates,
            with_causes("processed again", accounts.duplicates_by),
        ),
        (
            "lost",
            accounts.lost,
            with_causes(
                "committed, jumped over or deleted, never processed",
                accounts.lost_by,
            ),
        ),
        ("skipped", accounts.skipped, given_up(accounts)),
        ("dead-lettered", accounts.dead_lettered, given_up(accounts)),
        (
            "retried",
            accounts.retried,
            "given up, to a retry topic".to_owned(),
        ),
    ];
    let seen = rare.into_iter().chain(failures(summary));
    let seen = seen.filter(|(_, count, _)| *count > 0);
    rows.extend(seen.map(|(name, count, what)| (name, grouped(count), what)));
    rows
}

/// What failed, and how often.
fn failures(summary: &Summary) -> [(&'static str, u64, String); 5] {
    let breakers = summary.breakers.unwrap_or_default();
    [
        (
            "produces failed",
            summary.dead_letters_failed,
            "to a dead-letter topic that was down".to_owned(),
        ),
        (
            "commits failed",
            summary.commits_failed,
            "refused".to_owned(),
        ),
        ("calls failed", summary.calls_failed, "by chance".to_owned()),
        (
            "breakers opened",
            breakers.opened_count,
            format!("open {} of the members' time", percent(breakers.open_share)),
        ),
        (
            "calls given up",
            summary.calls_given_up(),
            "failed by chance as often as they may".to_owned(),
        ),
    ]
}

/// What it means to be given up.
fn given_up(accounts: &Accounts) -> String {
    match accounts.given_up_again {
        0 => "given up: never processed".to_owned(),
        again => format!("given up; {} of all given up, again", grouped(again)),
    }
}

/// What became of records, and how the members dropped out that had them.
fn with_causes(what: &str, by: Causes) -> String {
    let causes = [
        ("crash", by.crash),
        ("eviction", by.eviction),
        ("revocation", by.revocation),
    ];
    let seen = causes.iter().filter(|(_, records)| *records > 0);
    let seen: Vec<String> = seen
        .map(|(cause, records)| format!("{cause} {}", grouped(*records)))
        .collect();
    if seen.is_empty() {
        what.to_owned()
    } else {
        format!("{what} ({})", seen.join(", "))
    }
}

/// How bad it was.
fn extremes(summary: &Summary) -> Vec<Total> {
    let lag = &summary.lag;
    let at = |seconds: f64| format!("at {}", span(seconds));
    vec![
        ("lag at the start", grouped(lag.initial), String::new()),
        ("lag at most", grouped(lag.max), at(lag.max_at_s)),
        (
            "lag on average",
            grouped(lag.mean.round() as u64),
            String::new(),
        ),
        (
            "lag at the end",
            grouped(lag.last),
            signed(lag.last as i64 - lag.initial as i64),
        ),
        (
            "oldest record",
            span(summary.age_s.max),
            at(summary.age_s.max_at_s),
        ),
        (
            "rebalances",
            grouped(summary.rebalance_count),
            format!(
                "longest pause of a member {}, of a partition {}",
                span(summary.pause_max_s),
                span(summary.down_max_s)
            ),
        ),
        ("evictions", grouped(summary.eviction_count), String::new()),
    ]
}

/// Lag by cause, the largest gain first.
fn causes(summary: &Summary) -> String {
    let mut rows: Vec<_> = summary
        .attribution
        .iter()
        .filter(|cause| cause.seconds > 0.0)
        .collect();
    rows.sort_by_key(|cause| std::cmp::Reverse(cause.lag_gained));
    let whole: f64 = rows.iter().map(|cause| cause.seconds).sum();
    let mut text = format!(
        "\n{:<14} {:>10} {:>10} {:>10} {:>10}  {:>15}\n",
        "Lag by cause", "time", "gained", "lost", "net", "share of gained"
    );
    for cause in rows {
        let share = if cause.state == "keeping-up" {
            "-".to_owned()
        } else {
            percent(cause.share_of_gained)
        };
        text.push_str(&format!(
            "  {:<12}{:>10} {:>10} {:>10} {:>10}  {:>15}\n",
            cause.state,
            percent(cause.seconds / whole),
            grouped(cause.lag_gained),
            grouped(cause.lag_lost),
            signed(cause.lag_net),
            share
        ));
        for wait in &cause.dependencies {
            text.push_str(&format!(
                "    {:<10}{:>10} {:>10} {:>10}\n",
                wait.dependency,
                percent(wait.seconds / whole),
                grouped(wait.lag_gained),
                grouped(wait.lag_lost)
            ));
        }
    }
    text
}

fn partitions(summary: &Summary) -> String {
    let mut worst: Vec<&PartitionSummary> = summary.partitions.iter().collect();
    worst.sort_by_key(|own| {
        (
            std::cmp::Reverse(own.lag.last.max(own.lag.max)),
            own.partition,
        )
    });
    let heading = if worst.len() > WORST {
        format!("Worst {WORST} of {} partitions", worst.len())
    } else {
        "Partitions".to_owned()
    };
    let mut text = format!(
        "\n{heading}\n  {:>9} {:>12} {:>12} {:>12} {:>12} {:>10}  {}\n",
        "partition", "lag at start", "at most", "at the end", "committed", "oldest", "state"
    );
    for own in worst.into_iter().take(WORST) {
        text.push_str(&format!(
            "  {:>9} {:>12} {:>12} {:>12} {:>12} {:>10}  {}\n",
            own.partition,
            grouped(own.lag.initial),
            grouped(own.lag.max),
            grouped(own.lag.last),
            grouped(own.accounts.committed),
            span(own.age_s.max),
            own.state
        ));
    }
    text
}

fn replications(outcomes: &[Outcome]) -> String {
    let summaries: Vec<&Summary> = outcomes.iter().map(|outcome| &outcome.summary).collect();
    let mut text = format!(
        "\nOver {} replications (mean, 95 % interval)\n",
        outcomes.len()
    );
    for (name, interval) in headline_intervals(&summaries) {
        let Some(mean) = interval.mean else {
            text.push_str(&format!("  {name:<12} never\n"));
            continue;
        };
        let range = match (interval.low, interval.high) {
            (Some(low), Some(high)) => format!("{} to {}", short(low), short(high)),
            _ => "no interval".to_owned(),
        };
        let some = if interval.n < outcomes.len() {
            format!("  (in {} of them)", interval.n)
        } else {
            String::new()
        };
        text.push_str(&format!(
            "  {name:<12} {:>12}  {range}{some}\n",
            short(mean)
        ));
    }
    text
}

/// The chart of total lag, with its scale and the length of the run.
fn total_lag(outcome: &Outcome) -> String {
    let curves = &outcome.curves;
    let values: Vec<u64> = (0..curves.times().len())
        .map(|instant| curves.total_lag(instant))
        .collect();
    let top = values.iter().copied().max().unwrap_or(0);
    lag_chart(&values, top, outcome.summary.horizon_s)
}

/// A chart of lag over a run of `horizon_s` seconds, scaled from zero to `top` records.
pub fn lag_chart(values: &[u64], top: u64, horizon_s: f64) -> String {
    let (width, height) = CHART;
    let label = grouped(top);
    let margin = label.chars().count().max(1);
    let mut text = "\nTotal lag (records)\n".to_owned();
    for (ix, row) in chart::filled(values, top, width, height).iter().enumerate() {
        let scale = match ix {
            0 => label.as_str(),
            last if last + 1 == height => "0",
            _ => "",
        };
        text.push_str(&format!("  {scale:>margin$} │{row}\n"));
    }
    let end = span(horizon_s);
    let axis = "─".repeat(width);
    text.push_str(&format!("  {:>margin$} └{axis}\n", ""));
    text.push_str(&format!(
        "  {:>margin$}  0{end:>rest$}\n",
        "",
        rest = width - 1
    ));
    text
}

/// `text` in lines of at most [`COLUMNS`] characters, the first after `first`, the others after `rest`.
pub(super) fn wrapped(first: &str, text: &str, rest: &str) -> String {
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    // A figure and its % sign stay together.
    let text = text.replace(" %", "\u{a0}%");
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push_str(&line);
            lines.push('\n');
            line = rest.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push_str(&line);
    lines.push('\n');
    lines.replace('\u{a0}', " ")
}
