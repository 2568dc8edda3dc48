//! How the lag went, whether it drains, and who is told.

use super::super::alert::AlertRule;
use super::super::retry::RetryTopicFigures;
use super::super::summary::{PartitionSummary, Summary};
use super::super::words::{counted, grouped, listed, percent, short, signed, span};
use crate::kafka::OffsetReset;
use crate::scenario::Scenario;

/// What happened longer than this before the highest lag (s) is not mentioned beside it.
const LONGEST_AFTER_S: f64 = 1_800.0;
/// Firings told one by one.
const MOST_FIRINGS: u64 = 3;

/// One line: how the lag went.
pub fn headline(summary: &Summary) -> String {
    let lag = &summary.lag;
    let (first, last) = (grouped(lag.initial), grouped(lag.last));
    let within = span(summary.horizon_s);
    let lost = match summary.accounts.lost {
        0 => String::new(),
        lost => format!(", but {} lost", counted(lost, "record is", "records are")),
    };
    if lag.max == 0 && summary.accounts.produced > 0 {
        let every = span(summary.sample_s);
        return format!("No lag is seen in {within}, with a sample every {every}{lost}.");
    }
    if lag.max == 0 {
        return format!("There is no lag in {within}{lost}.");
    }
    if super::commits_nothing(summary) {
        return format!(
            "Nothing is committed in {within}: lag goes from {first} to {last} records."
        );
    }
    if super::keeps_up(summary) {
        return format!(
            "The group keeps up: at most {} behind in {within}{lost}.",
            counted(lag.max, "record", "records")
        );
    }
    match summary.drained_at_s {
        Some(drained) if behind_again(summary) => format!(
            "Lag peaks at {} records after {}, is drained at {}, and is {last} records again at the end.",
            grouped(lag.max),
            span(lag.max_at_s),
            span(drained)
        ),
        Some(drained) if from_the_start(summary) => format!(
            "A backlog of {} is drained at {}.",
            counted(lag.initial, "record", "records"),
            span(drained)
        ),
        Some(drained) if drained < lag.max_at_s => format!(
            "The group is behind until {}; lag is at most {} records, at {}.",
            span(drained),
            grouped(lag.max),
            span(lag.max_at_s)
        ),
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

/// Whether lag comes back after it was drained, and is there at the end.
fn behind_again(summary: &Summary) -> bool {
    let lagging = |state: &str| state != "keeping-up";
    summary.lag.last * 10 > summary.lag.max && summary.partitions.iter().any(|p| lagging(p.state))
}

/// Whether the highest lag is that of the start, but for a start-up.
fn from_the_start(summary: &Summary) -> bool {
    summary.lag.initial as f64 >= 0.95 * summary.lag.max as f64
}

/// Whether and when the lag drains, what went wrong besides, and which alert fires when.
pub fn sentences(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let mut told = Vec::new();
    if summary.lag.max > 0 {
        told.push(drain(summary));
    }
    told.extend(super::scaling::sentence(summary));
    told.extend(mark(scenario, summary));
    told.extend(loss(scenario, summary));
    told.extend(repetition(summary));
    told.extend(given_up(summary));
    told.extend(retried(summary));
    if summary.alert_rules.is_empty() && !super::keeps_up(summary) {
        told.push(format!(
            "No alert is configured: nobody is told while lag reaches {}.",
            counted(summary.lag.max, "record", "records")
        ));
    }
    told.extend(alerts(summary));
    told
}

/// What became of each alert rule.
pub(super) fn alerts(summary: &Summary) -> Vec<String> {
    let rules = summary.alert_rules.iter();
    rules.map(|rule| alert(rule, summary)).collect()
}

/// What happened last before the highest lag, if that was not long ago.
fn mark(scenario: &Scenario, summary: &Summary) -> Option<String> {
    if super::keeps_up(summary) || from_the_start(summary) {
        return None;
    }
    let peak = summary.lag.max_at_s;
    let entry = scenario
        .timeline
        .iter()
        .rfind(|entry| entry.at.as_secs_f64() <= peak && !entry.label.is_empty())?;
    let after = peak - entry.at.as_secs_f64();
    let at_once = format!("The peak comes with \"{}\".", entry.label);
    if after < 1.0 {
        return Some(at_once);
    }
    (after <= LONGEST_AFTER_S.min(summary.horizon_s / 10.0)).then(|| {
        format!(
            "The peak comes {} after \"{}\" at {}.",
            span(after),
            entry.label,
            span(entry.at.as_secs_f64())
        )
    })
}

/// Records lost, by why.
pub struct Losses {
    /// A partition that was there at the start without a committed offset was read from its end.
    pub uncommitted: u64,
    /// The same of a partition that was added.
    pub added: u64,
    /// Their commit came before their processing.
    pub ahead: u64,
    /// Retention deleted them before anybody read them.
    pub deleted: u64,
}

/// Why records were lost.
pub fn losses(scenario: &Scenario, summary: &Summary) -> Losses {
    let starts = &scenario.topic.partitions;
    let jumped = |of: &dyn Fn(&PartitionSummary) -> bool| -> u64 {
        let own = summary.partitions.iter().filter(|own| of(own));
        own.map(|own| own.accounts.lost - own.accounts.lost_to_retention)
            .sum()
    };
    let start = |own: &PartitionSummary| starts.get(own.partition as usize);
    let uncommitted = jumped(&|own| start(own).is_some_and(|start| start.committed.is_none()));
    let added = jumped(&|own| start(own).is_none());
    let deleted = summary.accounts.lost_to_retention;
    Losses {
        uncommitted,
        added,
        ahead: summary.accounts.lost - deleted - uncommitted - added,
        deleted,
    }
}

fn loss(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let Losses {
        uncommitted,
        added,
        ahead,
        deleted,
    } = losses(scenario, summary);
    let jumped = uncommitted + added;
    let are = |count: u64| counted(count, "record is", "records are");
    let mut told = Vec::new();
    if deleted > 0 {
        let (from, reset) = match scenario.settings[0].properties.auto_offset_reset {
            OffsetReset::Earliest => ("the first record that is left", "earliest"),
            OffsetReset::Latest => ("the end, past what was left", "latest"),
        };
        told.push(format!(
            "{} lost: retention deleted what the group had not read yet, and it went on from {from} \
             (auto.offset.reset = {reset}).",
            are(deleted)
        ));
    }
    if jumped > 0 {
        told.push(format!(
            "{} lost: a partition without a committed offset is read from its end (auto.offset.reset = latest), \
             what was produced before is skipped.",
            are(jumped)
        ));
    }
    if ahead > 0 {
        told.push(format!(
            "{} lost: they had been committed by auto-commit when the process ended, and nobody had processed them.",
            are(ahead)
        ));
    }
    told
}

fn repetition(summary: &Summary) -> Option<String> {
    let accounts = &summary.accounts;
    let share = accounts.duplicates as f64 / accounts.processed.max(1) as f64;
    (share >= 0.01).then(|| {
        format!(
            "{} processed again, {} of all work: whoever takes a partition over begins at its committed offset.",
            counted(accounts.duplicates, "record is", "records are"),
            percent(share)
        )
    })
}

fn given_up(summary: &Summary) -> Option<String> {
    let accounts = &summary.accounts;
    let records = |count: u64| counted(count, "record", "records");
    let later = summary.retry_topics.iter().map(|own| own.dead_lettered);
    let dead_lettered = accounts.dead_lettered - later.sum::<u64>();
    let told = match (dead_lettered, accounts.skipped) {
        (0, 0) => return None,
        (dead, 0) => format!("Dead-letter topic: {}", records(dead)),
        (0, skipped) => format!("Given up and skipped: {}", records(skipped)),
        (dead, skipped) => format!(
            "Given up: {} to the dead-letter topic, {} skipped",
            records(dead),
            grouped(skipped)
        ),
    };
    Some(match accounts.given_up_again {
        again if again > 0 && accounts.retried == 0 => format!(
            "{told}; {} of these had been dealt with before, and were read again.",
            grouped(again)
        ),
        _ => format!("{told}."),
    })
}

/// What became of records that were given up for a later time.
fn retried(summary: &Summary) -> Option<String> {
    let retried = summary.accounts.retried;
    if retried == 0 {
        return None;
    }
    let given = counted(retried, "record goes", "records go");
    if summary.retry_topics.is_empty() {
        return Some(format!("{given} on to the next retry topic."));
    }
    let sum = |figure: fn(&RetryTopicFigures) -> u64| -> u64 {
        summary.retry_topics.iter().map(figure).sum()
    };
    let (dead, left) = (sum(|own| own.dead_lettered), summary.retry_lag());
    let mut fates = vec![format!(
        "{} processed there",
        grouped(sum(|own| own.processed))
    )];
    if dead > 0 {
        fates.push(format!(
            "{} in the dead-letter topic in the end",
            grouped(dead)
        ));
    }
    if left > 0 {
        fates.push(format!("{} still there", grouped(left)));
    }
    let through = match summary.retries_through_at_s() {
        at if at.is_finite() => format!("; the last is through at {}", span(at)),
        _ => String::new(),
    };
    Some(format!(
        "{given} to retry topics: {}{through}.",
        listed(&fates)
    ))
}

fn drain(summary: &Summary) -> String {
    let lag = &summary.lag;
    if super::keeps_up(summary) {
        return "There is nothing to drain.".to_owned();
    }
    if let Some(drained) = summary.drained_at_s {
        if drained < lag.max_at_s {
            return format!(
                "It drains: from {} on no partition is behind any more.",
                span(drained)
            );
        }
        let took = (drained - lag.max_at_s).max(1e-9);
        let pace = if from_the_start(summary) {
            format!(
                "; it shrinks by {} records/s on average",
                short(lag.max as f64 / took)
            )
        } else {
            String::new()
        };
        let again = if behind_again(summary) {
            " It comes back afterwards."
        } else {
            ""
        };
        return format!(
            "It drains: {} after its peak of {} no partition is behind any more{pace}.{again}",
            span(took),
            counted(lag.max, "record", "records"),
        );
    }
    if falls(summary) {
        let (since_peak, fallen) = (
            summary.horizon_s - summary.unread.max_at_s,
            summary.unread.fallen(),
        );
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
            span(summary.unread.max_at_s),
            span(rest)
        );
    }
    stays(summary)
}

/// What comes and goes where lag does not fall.
fn stays(summary: &Summary) -> String {
    let lag = &summary.lag;
    let growth = lag.last as f64 - lag.initial as f64;
    let seconds = summary.horizon_s.max(1e-9);
    let accounts = &summary.accounts;
    let per_s = |records: u64| short(records as f64 / seconds);
    let done = match accounts.lost_to_retention {
        0 => format!(" and {} are committed", per_s(accounts.committed)),
        deleted => format!(
            ", {} are processed and {} deleted unread",
            per_s(accounts.committed.saturating_sub(deleted)),
            per_s(deleted)
        ),
    };
    format!(
        "It does not drain: on average {} records/s arrive{done}, {} a minute.",
        per_s(accounts.produced),
        signed((growth * 60.0 / seconds).round() as i64)
    )
}

/// Whether members have worked off a tenth of what was unread at most, and have been at it for a twentieth of the run: less is a
/// ripple of commits.
pub(super) fn falls(summary: &Summary) -> bool {
    let unread = &summary.unread;
    let since_peak = summary.horizon_s - unread.max_at_s;
    unread.fallen() * 10 >= unread.max && since_peak * 20.0 >= summary.horizon_s
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
    let firings: Vec<(f64, Option<u32>)> = summary
        .alerts
        .iter()
        .filter(|episode| episode.name == rule.name)
        .filter_map(|episode| Some((episode.firing_at_s?, episode.partition)))
        .collect();
    let told = |&(at, partition): &(f64, Option<u32>)| match partition {
        Some(partition) => format!("at {} on partition {partition}", span(at)),
        None => format!("at {}", span(at)),
    };
    if rule.fired <= MOST_FIRINGS && !firings.is_empty() {
        let texts: Vec<String> = firings.iter().map(told).collect();
        return format!("Alert {name} fires {}.", listed(&texts));
    }
    let first = firings
        .first()
        .map_or_else(|| format!("at {}", span(first)), told);
    let fired = counted(rule.fired, "time", "times");
    format!("Alert {name} fires {fired}, first {first}.")
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{outcome, scenario};
    use super::*;
    use crate::sim::PartitionState::KeepingUp;

    #[test]
    fn a_loss_stands_in_the_headline_and_is_of_new_partitions_only_if_there_are_any() {
        let mut model = scenario(2, 2, 600, 10);
        model.topic.partitions[1].committed = None;
        let mut summary = outcome(&model, &|_, _| (5, KeepingUp), &[]).summary;
        summary.accounts.lost = 40;
        summary.partitions[1].accounts.lost = 40;
        assert_eq!(
            headline(&summary),
            "The group keeps up: at most 10 records behind in 10m, but 40 records are lost."
        );
        let found = losses(&model, &summary);
        assert_eq!((found.uncommitted, found.added, found.ahead), (40, 0, 0));
        model.topic.partitions.pop();
        let found = losses(&model, &summary);
        assert_eq!((found.uncommitted, found.added, found.ahead), (0, 40, 0));
    }
}
