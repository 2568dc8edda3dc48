//! What a backlog is hangs neither on how large the polls are that take it, nor on how many partitions it is spread over.

use lagsim::experiment::run_once;
use lagsim::measure::{Keep, Summary};
use lagsim::scenario::Scenario;
use lagsim::workload::Law;

use crate::systems::{secs, system};

/// Four members in front of so many partitions and records, and of 100 records/s more, which take 10 ms each.
fn backlog(partitions: usize, records: u64, max_poll_records: u64) -> Scenario {
    let mut scenario = system(partitions, 4, 100.0, Law::Constant(0.010));
    for own in &mut scenario.topic.partitions {
        own.log_end += records / partitions as u64;
    }
    scenario.settings[0].properties.max_poll_records = max_poll_records;
    (scenario.horizon, scenario.sample) = (secs(400), secs(1));
    scenario
}

fn summary(scenario: &Scenario) -> Summary {
    run_once(scenario, 0, Keep::SUMMARY).summary
}

#[test]
fn a_backlog_is_one_although_one_poll_of_each_member_takes_it() {
    for records in [50, 500, 2_000, 10_000, 1_000_000] {
        let mut scenario = backlog(12, 20_000, records);
        let told = summary(&scenario);
        let drained = told.drained_at_s.expect("a drain");
        // 20,000 at 400/s, and what comes meanwhile at 100/s; a batch ends as a whole.
        assert!((45.0..90.0).contains(&drained), "{records}: {drained}");
        assert_eq!(told.behind_from_s, Some(0.0), "{records}");
        // But for start-up each partition is saturated until then.
        let saturated = told.time_in("saturated") / 12.0;
        assert!(
            saturated > 0.7 * drained && saturated < drained,
            "{records}: {saturated}"
        );
        scenario.leaps = false;
        assert_eq!(summary(&scenario), told, "{records}");
    }
}

#[test]
fn a_backlog_is_one_over_many_partitions() {
    let told = summary(&backlog(100, 40_000, 500));
    let drained = told.drained_at_s.expect("a drain");
    assert!((100.0..150.0).contains(&drained), "{drained}");
    let saturated = told.time_in("saturated") / 100.0;
    assert!(
        saturated > 0.7 * drained && saturated < drained,
        "{saturated}"
    );
}

#[test]
fn large_polls_of_what_has_come_since_the_last_are_none() {
    let mut scenario = system(12, 4, 40_000.0, Law::Constant(0.000_09));
    scenario.settings[0].properties.max_poll_records = 5_000;
    scenario.settings[0].properties.fetch_min_bytes = 1_000_000;
    (scenario.horizon, scenario.sample) = (secs(400), secs(1));
    let told = summary(&scenario);
    assert!(
        told.accounts.processed / told.polls > 500,
        "polls are large"
    );
    assert!(
        told.time_in("keeping-up") / 12.0 > 390.0,
        "{:?}",
        told.attribution
    );
}
