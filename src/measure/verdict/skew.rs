//! Lag that a few partitions have alone, because most records go there: hot keys.

use super::super::summary::{PartitionSummary, Summary};
use super::super::words::{capital, percent};
use super::cause::named;
use crate::kafka::parallel::ProcessingOrder;
use crate::scenario::Scenario;

/// The hot partitions have at least this share of the lag.
const MOST_OF_THE_LAG: f64 = 0.8;
/// And get at least this many times the records of an even spread.
const UNEVEN: f64 = 1.5;
/// And are at most one partition out of this many.
const FEW: usize = 3;

/// Partitions that have most of the lag because they get more records than others; none if there is no such.
fn hot(summary: &Summary) -> Vec<&PartitionSummary> {
    let lag = |own: &PartitionSummary| match summary.drained_at_s {
        Some(_) => own.lag.max,
        None => own.lag.last,
    };
    let mut worst: Vec<&PartitionSummary> = summary.partitions.iter().collect();
    worst.sort_by_key(|own| (std::cmp::Reverse(lag(own)), own.partition));
    let whole: u64 = worst.iter().map(|own| lag(own)).sum();
    let mut sum = 0;
    let mut few = 0;
    while few < worst.len() && (sum as f64) < MOST_OF_THE_LAG * whole as f64 {
        sum += lag(worst[few]);
        few += 1;
    }
    let even = few as f64 / worst.len().max(1) as f64;
    worst.truncate(few);
    let stuck = worst.iter().any(|own| own.poison.is_some());
    if few == 0
        || stuck
        || few * FEW > summary.partitions.len()
        || share_of_records(&worst, summary) < UNEVEN * even
    {
        worst.clear();
    }
    worst.sort_by_key(|own| own.partition);
    worst
}

/// What would help against a hot partition, if there is one: `more` members, if there can be any, to whom it fits by itself.
pub fn remedy(
    scenario: &Scenario,
    summary: &Summary,
    more: Option<&String>,
    several: &str,
) -> Option<String> {
    let hot = hot(summary);
    if hot.is_empty() {
        return None;
    }
    let beyond = "one member reads a partition, so more members or partitions do not help";
    let first = match more.filter(|_| fits(&hot, scenario, summary)) {
        Some(more) => format!(
            "{} would fit into a member that reads nothing else: {more}, or",
            named(&hot)
        ),
        None => format!("{beyond} {};", named(&hot)),
    };
    Some(format!(
        "Hot key: {first} spread the key (a finer key, or a salt where order allows), {several}, or make a record cheaper."
    ))
}

/// A member gets through this share of what its records alone would let it: polls and commits take time too.
const AT_WORK: f64 = 0.95;

/// Whether one member gets through the records of each of `hot` if it reads nothing else.
fn fits(hot: &[&PartitionSummary], scenario: &Scenario, summary: &Summary) -> bool {
    let Some(settings) = scenario.settings.first() else {
        return false;
    };
    let processing = &settings.processing;
    let at_once = match processing.order {
        // Records of a key, or of the partition, wait for each other.
        Some(ProcessingOrder::Partition | ProcessingOrder::Key) => 1,
        Some(ProcessingOrder::Unordered) | None => processing.concurrency,
    };
    let member = f64::from(at_once) / processing.record_s(&scenario.downstreams).max(1e-9);
    let seconds = summary.horizon_s.max(1e-9);
    let arrive = |own: &PartitionSummary| own.accounts.produced as f64 / seconds;
    hot.iter().all(|own| arrive(own) < AT_WORK * member)
}

/// `Partition 3 has 99 % of the lag, because it gets 58 % of the records.`
pub fn sentence(summary: &Summary) -> Option<String> {
    let hot = hot(summary);
    if hot.is_empty() {
        return None;
    }
    let (has, gets) = match hot.len() {
        1 => ("has", "it gets"),
        _ => ("have", "they get"),
    };
    let lag = |own: &PartitionSummary| match summary.drained_at_s {
        Some(_) => own.lag.max,
        None => own.lag.last,
    };
    let whole: u64 = summary.partitions.iter().map(lag).sum();
    let own: u64 = hot.iter().map(|own| lag(own)).sum();
    Some(format!(
        "{} {has} {} of the lag, because {gets} {} of the records.",
        capital(&named(&hot)),
        percent(own as f64 / whole.max(1) as f64),
        percent(share_of_records(&hot, summary))
    ))
}

fn share_of_records(partitions: &[&PartitionSummary], summary: &Summary) -> f64 {
    let own: u64 = partitions.iter().map(|own| own.accounts.produced).sum();
    own as f64 / summary.accounts.produced.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{outcome, scenario};
    use super::*;
    use crate::sim::PartitionState::{KeepingUp, Saturated};
    use crate::workload::Law;

    fn lags(of: &dyn Fn(usize, u64) -> u64) -> Summary {
        let curve = |partition: usize, second: u64| match of(partition, second) {
            0 => (0, KeepingUp),
            lag => (lag, Saturated),
        };
        outcome(&scenario(6, 6, 600, 10), &curve, &[]).summary
    }

    #[test]
    fn a_partition_is_hot_only_if_it_gets_more_records_than_others() {
        let mut summary = lags(&|partition, second| second * u64::from(partition == 3));
        assert_eq!(sentence(&summary), None, "all get the same");
        for own in &mut summary.partitions {
            own.accounts.produced = if own.partition == 3 { 500 } else { 100 };
        }
        summary.accounts.produced = 1_000;
        let told = "Partition 3 has 100 % of the lag, because it gets 50 % of the records.";
        assert_eq!(sentence(&summary).as_deref(), Some(told));
    }

    #[test]
    fn a_hot_partition_fits_into_a_member_that_gets_through_what_arrives_there() {
        let mut scenario = scenario(6, 6, 600, 10);
        let mut summary = lags(&|partition, second| second * u64::from(partition == 3));
        for own in &mut summary.partitions {
            own.accounts.produced = if own.partition == 3 { 60_000 } else { 100 };
        }
        summary.accounts.produced = 60_500;
        let fits = |scenario: &Scenario| super::fits(&hot(&summary), scenario, &summary);
        scenario.settings[0].processing.time = Law::Constant(0.009);
        assert!(fits(&scenario), "100/s arrive, 111/s can be done");
        scenario.settings[0].processing.time = Law::Constant(0.011);
        assert!(!fits(&scenario), "91/s can be done");
        scenario.settings[0].processing.concurrency = 2;
        assert!(fits(&scenario), "182/s can be done");
        scenario.settings[0].processing.order = Some(ProcessingOrder::Partition);
        assert!(!fits(&scenario), "one of a partition at a time");
    }

    #[test]
    fn lag_that_is_spread_has_no_hot_partition() {
        assert!(hot(&lags(&|_, second| second)).is_empty());
        assert!(hot(&lags(&|_, _| 0)).is_empty());
    }
}
