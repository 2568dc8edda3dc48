//! What retention does to a group that is behind: when the log's start overtakes a position, and what is lost then.

use lagsim::kafka::OffsetReset;
use lagsim::scenario::{OnError, RetryBy, Scenario};
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::SimTime;
use lagsim::workload::{Law, Pattern};

use crate::systems::{self, Told, at_offset, lag_records, ms, run, secs, with_poison};

/// One partition with a record every 10 ms, 1 KiB each; whole segments of ten records go at checks 30 s apart, once
/// their newest record is older than a minute.
fn kept_a_minute(work: Law, reset: OffsetReset) -> Scenario {
    let mut scenario = systems::system(1, 1, 100.0, work);
    scenario.horizon = secs(600);
    scenario.production.pattern = Pattern::Constant;
    scenario.settings[0].properties.auto_offset_reset = reset;
    let topic = &mut scenario.topic.properties;
    topic.retention_ms = Some(60_000);
    topic.segment_bytes = 10 * 1_024;
    scenario.cluster.properties.retention_check_interval = secs(30);
    scenario
}

/// (when, from, to) of each reset.
fn resets(told: &Told) -> Vec<(SimTime, u64, u64)> {
    let found = told.find(|fact| match fact {
        Fact::OffsetReset { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    let flat = found.into_iter().map(|(at, (from, to))| (at, from, to));
    flat.collect()
}

/// Every record was processed, is still to be read, or was lost to retention.
fn nothing_is_unaccounted(told: &Told) {
    let totals = &told.totals.partitions[0];
    let (_, last) = &told.samples[told.samples.len() - 1];
    let unread = last[0].log_end - last[0].position;
    let in_hand = last[0].position - totals.processed - totals.lost;
    assert_eq!(totals.lost, totals.lost_to_retention);
    assert!(
        in_hand <= 500,
        "{in_hand} records are neither processed nor in hand"
    );
    assert_eq!(
        totals.produced,
        totals.processed + totals.lost + unread + in_hand
    );
}

#[test]
fn a_group_that_keeps_up_loses_nothing() {
    let told = run(&kept_a_minute(Law::Constant(0.001), OffsetReset::Earliest));
    assert_eq!(resets(&told), []);
    assert_eq!(told.totals.partitions[0].lost, 0);
}

/// 50 records/s against 100/s: the position falls behind by half a second a second, and after about two minutes the
/// log's start overtakes it at the checks.
#[test]
fn with_earliest_a_slow_group_loses_what_it_cannot_read_in_time() {
    let told = run(&kept_a_minute(Law::Constant(0.02), OffsetReset::Earliest));
    let resets = resets(&told);
    assert!(resets.len() > 10, "{resets:?}");
    for (at, from, to) in &resets {
        assert!(from < to);
        assert_eq!(to % 10, 0, "a log starts with a segment");
        // What is kept is between one minute and one minute, a check interval and a segment old.
        let end = at.as_nanos() / 10_000_000;
        assert!((6_000..9_100).contains(&(end - to)), "{at}: {}", end - to);
    }
    nothing_is_unaccounted(&told);
    // What is lost grows until it makes up for all that is too much: the lag stays where retention cuts it.
    let lags = told.total_lags();
    assert!(
        lags.iter().all(|lag| *lag < 10_100),
        "{:?}",
        lags.iter().max()
    );
    let (lost, processed) = (
        told.totals.partitions[0].lost,
        told.totals.partitions[0].processed,
    );
    assert!((24_000..30_500).contains(&processed), "{processed}");
    assert!(lost > 18_000, "{lost}");
}

#[test]
fn with_latest_all_that_is_behind_is_lost_at_once() {
    let told = run(&kept_a_minute(Law::Constant(0.02), OffsetReset::Latest));
    let resets = resets(&told);
    assert!((2..6).contains(&resets.len()), "{resets:?}");
    for (at, _, to) in &resets {
        // ListOffsets is answered on the way back: the log's end is that of a few milliseconds before.
        let end = at.as_nanos() / 10_000_000;
        assert!(end.abs_diff(*to) <= 210, "{at}: {to} of {end}");
    }
    nothing_is_unaccounted(&told);
    let lags = told.total_lags();
    let (most, last) = (lags.iter().max().unwrap(), lags[lags.len() - 1]);
    assert!(*most > 6_000 && last < *most, "{most} {last}");
}

/// A position that is overtaken while a fetch is out of the question, since nobody is there, is reset by the first fetch.
#[test]
fn a_group_that_comes_late_begins_at_the_first_record_that_is_left() {
    let mut scenario = kept_a_minute(Law::Constant(0.001), OffsetReset::Earliest);
    scenario.group.processes[0].start = Some(SimTime::from_secs(271));
    let told = run(&scenario);
    // At the check of 270 s the segment of records 20,990 to 20,999 stays: the last came at 210 s.
    assert_eq!(
        resets(&told)
            .iter()
            .map(|reset| (reset.1, reset.2))
            .collect::<Vec<_>>(),
        [(0, 20_990)]
    );
    assert_eq!(told.totals.partitions[0].lost_to_retention, 20_990);
    // What tools show until then is not cut to what is left to read.
    let (_, before) = &told.samples[270];
    assert_eq!(lag_records(&before[0]), 27_000);
    nothing_is_unaccounted(&told);
}

#[test]
fn a_group_without_a_commit_reads_from_where_the_log_starts() {
    let mut scenario = kept_a_minute(Law::Constant(0.001), OffsetReset::Earliest);
    scenario.group.processes[0].start = Some(SimTime::from_secs(271));
    scenario.topic.partitions[0].committed = None;
    let told = run(&scenario);
    assert_eq!(
        resets(&told),
        [],
        "there was no position to be out of range"
    );
    let first = told
        .samples
        .iter()
        .find(|(at, _)| *at >= SimTime::from_secs(273));
    assert!(first.unwrap().1[0].position > 20_990);
}

/// The one fault that heals by itself: the record that blocks a partition is deleted.
#[test]
fn a_partition_is_blocked_no_longer_than_its_poison_record_is_kept() {
    let seek = OnError::RetryForever(RetryBy::Seek { back_off: ms(500) });
    let scenario = kept_a_minute(Law::Constant(0.001), OffsetReset::Earliest);
    let told = run(&with_poison(scenario, at_offset(0, 1_000), None, seek));
    // Offset 1000 is the first of a segment whose last comes at 10.1 s: it goes at the check of 90 s, with all up to 30 s.
    let resets = resets(&told);
    let [(at, 1_000, 2_990)] = resets[..] else {
        panic!("{resets:?}");
    };
    assert!((SimTime::from_secs(90)..SimTime::from_secs(92)).contains(&at));
    assert_eq!(told.totals.partitions[0].lost_to_retention, 1_990);
    let state = |secs: usize| told.samples[secs].1[0].state;
    assert_eq!(state(80), PartitionState::Blocked);
    assert_eq!(state(300), PartitionState::KeepingUp);
    assert!(lag_records(&told.samples[300].1[0]) < 100);
}

/// Retention is a function of time: who reads what, and who asks when, changes nothing of it.
#[test]
fn what_is_kept_does_not_depend_on_who_reads() {
    let starts = |members: u32| {
        let mut scenario = kept_a_minute(Law::Constant(0.03), OffsetReset::Earliest);
        scenario.group.processes = (0..members)
            .map(|index| systems::process(index, Some(SimTime::ZERO)))
            .collect();
        let told = run(&scenario);
        let to = resets(&told)
            .into_iter()
            .map(|(at, _, to)| (at.as_nanos() / 30_000_000_000, to));
        to.collect::<std::collections::BTreeMap<_, _>>()
    };
    let (one, two) = (starts(1), starts(2));
    assert!(one.len() > 8);
    for (check, start) in &one {
        assert_eq!(two.get(check).unwrap_or(start), start);
    }
}
