//! Members that are behind and yet not at work: what they wait for instead.

use super::super::summary::Summary;
use super::super::words::{counted, grouped};
use crate::scenario::{Action, CommitPolicy, Scenario};

/// Below this share of a member's time its records and commits, one after the other, do not keep it from more.
const AT_WORK: f64 = 0.5;

/// What members that are behind wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// For records: fetches bring too few.
    Fetches,
    /// A pool of threads, for room: what waits behind a record that fails fills it.
    Queue,
}

/// What members wait for while the model has them `saturated`, if it is not their records that take the time.
pub fn idle(scenario: &Scenario, summary: &Summary) -> Option<Idle> {
    let pool = |own: &crate::scenario::Settings| own.processing.order.is_some();
    let stuck = summary.partitions.iter().any(|own| own.poison.is_some());
    if at_work(scenario, summary)? >= AT_WORK {
        return None;
    }
    match (scenario.settings.iter().all(pool), stuck) {
        (true, true) => Some(Idle::Queue),
        (false, false) if summary.poison_attempts == 0 => Some(Idle::Fetches),
        _ => None,
    }
}

/// At most which share of the time in which they are `saturated` the members work, if that can be told: records of a batch may be
/// worked on at the same time, and are taken here as if they were not.
fn at_work(scenario: &Scenario, summary: &Summary) -> Option<f64> {
    let changes = |action: &Action| matches!(action, Action::Downstream(..));
    let mut entries = scenario.timeline.iter();
    if summary.calls_failed > 0 || entries.any(|entry| changes(&entry.action)) {
        return None;
    }
    let records = scenario.settings.iter().map(|own| &own.processing);
    let record_s = records.map(|own| own.record_s(&scenario.downstreams));
    let commit = scenario.cluster.round_trip + scenario.cluster.commit_latency;
    // A commit after each of many small polls is the fetches' doing.
    let small = |own: &crate::scenario::Settings| {
        2 * summary.accounts.processed
            < own
                .properties
                .max_poll_records
                .saturating_mul(summary.polls)
    };
    let waits = |own: &crate::scenario::Settings| match own.processing.commit {
        CommitPolicy::Auto | CommitPolicy::Async => false,
        CommitPolicy::PerRecord => true,
        CommitPolicy::AfterBatch | CommitPolicy::Every { .. } => !small(own),
    };
    let commits = match scenario.settings.iter().any(waits) {
        true => summary.commits as f64 * commit.as_secs_f64(),
        false => 0.0,
    };
    let work = summary.accounts.processed as f64 * record_s.fold(0.0, f64::max) + commits;
    let counts = scenario.meant_to_run().into_iter().map(|(_, count)| count);
    let fewest = counts.filter(|count| *count > 0).min()?;
    let partitions = summary.partitions.len();
    let share = fewest.min(partitions) as f64 / partitions.max(1) as f64;
    let time = summary.time_in("saturated") * share;
    (time > 0.0).then(|| work / time)
}

/// How members stand that wait so, and are said to be behind.
pub fn sentence(idle: Idle) -> &'static str {
    match idle {
        Idle::Fetches => {
            "Fetches bring too few records at a time: members wait for them and hardly work"
        }
        Idle::Queue => {
            "What waits behind the record that fails fills its member, which takes no other records meanwhile"
        }
    }
}

/// What would help against slow fetches.
pub fn remedy(scenario: &Scenario) -> String {
    let properties = &scenario.settings[0].properties;
    let bytes = scenario.topic.record_bytes.max(1);
    let fits = |limit: u64| counted((limit / bytes).max(1), "record", "records");
    let mut told = format!(
        "Fetches: a larger max.partition.fetch.bytes ({} bytes now: {} of a partition in a response)",
        grouped(properties.max_partition_fetch_bytes),
        fits(properties.max_partition_fetch_bytes)
    );
    if properties.fetch_max_bytes < 4 * properties.max_partition_fetch_bytes {
        told.push_str(&format!(
            ", and of fetch.max.bytes ({} bytes now)",
            grouped(properties.fetch_max_bytes)
        ));
    }
    told + ", smaller records, or brokers that are nearer; a record that takes less time does not help."
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{outcome, poison, scenario};
    use super::*;
    use crate::kafka::parallel::ProcessingOrder;
    use crate::sim::PartitionState::Saturated;
    use crate::workload::Law;

    #[test]
    fn members_that_are_behind_and_hardly_work_wait_for_fetches() {
        let mut model = scenario(4, 2, 600, 10);
        model.topic.record_bytes = 1 << 20;
        model.settings[0].processing.time = Law::Constant(0.000_1);
        let curve = |_: usize, second: u64| (second * 60, Saturated);
        let mut summary = outcome(&model, &curve, &[]).summary;
        summary.accounts.processed = 94_260;
        // 9.4 s of 1,200 s.
        assert_eq!(idle(&model, &summary), Some(Idle::Fetches));
        let verdict = super::super::verdict(&model, &summary);
        assert!(
            verdict.causes[0].starts_with("Fetches bring too few records at a time: members wait"),
            "{verdict:?}"
        );
        assert!(
            verdict.remedies[0].starts_with(
                "Fetches: a larger max.partition.fetch.bytes (1,048,576 bytes now: 1 record of a partition in a response), "
            ),
            "{verdict:?}"
        );
        // 589 s of it.
        model.settings[0].processing.time = Law::Constant(0.006_25);
        assert_eq!(idle(&model, &summary), Some(Idle::Fetches));
        model.settings[0].processing.time = Law::Constant(0.006_5);
        assert_eq!(idle(&model, &summary), None);
        let verdict = super::super::verdict(&model, &summary);
        assert!(verdict.causes[0].starts_with("No parallelism is left"));
        // Commits take the time.
        model.settings[0].processing.time = Law::Constant(0.000_1);
        (summary.commits, summary.polls) = (110_000, 300);
        assert_eq!(idle(&model, &summary), None);
        summary.polls = 47_130;
        assert_eq!(
            idle(&model, &summary),
            Some(Idle::Fetches),
            "two records a poll"
        );
    }

    #[test]
    fn a_pool_that_is_full_of_what_waits_behind_a_poison_record_is_not_short_of_threads() {
        let mut model = scenario(4, 1, 1_200, 10);
        let processing = &mut model.settings[0].processing;
        (processing.time, processing.concurrency) = (Law::Constant(0.05), 16);
        processing.order = Some(ProcessingOrder::Key);
        let curve = |_: usize, second: u64| (second * 24, Saturated);
        let mut summary = outcome(&model, &curve, &[poison(40, 1)]).summary;
        summary.accounts.processed = 5_499;
        assert_eq!(idle(&model, &summary), Some(Idle::Queue));
        let verdict = super::super::verdict(&model, &summary);
        let told = verdict.causes.join(" ");
        assert!(told.contains("takes no other records meanwhile"), "{told}");
        assert!(!told.contains("parallelism"), "{told}");
        assert_eq!(verdict.remedies.len(), 1, "{verdict:?}");
        summary.accounts.processed = 30_000;
        let told = super::super::verdict(&model, &summary).causes.join(" ");
        assert!(told.contains("No parallelism is left"), "{told}");
    }
}
