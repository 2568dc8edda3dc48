//! Lag that a few partitions have alone, because most records go there: hot keys.

use super::super::summary::{PartitionSummary, Summary};
use super::super::words::{capital, percent};
use super::cause::named;

/// The hot partitions have at least this share of the lag.
const MOST_OF_THE_LAG: f64 = 0.8;
/// And get at least this many times the records of an even spread.
const UNEVEN: f64 = 1.5;
/// And are at most one partition out of this many.
const FEW: usize = 3;

/// Partitions that have most of the lag because they get more records than others; none if there is no such.
pub fn hot(summary: &Summary) -> Vec<&PartitionSummary> {
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
    fn lag_that_is_spread_has_no_hot_partition() {
        assert!(hot(&lags(&|_, second| second)).is_empty());
        assert!(hot(&lags(&|_, _| 0)).is_empty());
    }
}
