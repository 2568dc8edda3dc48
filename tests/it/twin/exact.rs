//! Without a shared dependency the engine takes no shortcut: every sample must be equal.

use lagsim::kafka::{Assignor, GroupProtocol};
use lagsim::scenario::{
    Action, BackOff, CommitPolicy, DeadLetterTopic, GiveUp, OnError, OnFailure, PoisonRecords,
    Produce, RetryBy, Scenario,
};
use lagsim::sim::Sample;
use lagsim::units::SimTime;
use lagsim::workload::{Law, Pattern};

use super::both;
use super::world::Curves;
use crate::systems::{
    Told, at_ms, at_offset, ms, process, profile, secs, system, with, with_backlog, with_poison,
};

const EXPONENTIAL: Law = Law::Exponential { mean: 0.004 };

fn curves(samples: &[Sample]) -> Vec<Curves> {
    let curves = samples.iter().map(|sample| Curves {
        log_end: sample.log_end,
        committed: sample.committed,
        position: sample.position,
    });
    curves.collect()
}

/// No sample at which the two differ.
pub(super) fn assert_twins(name: &str, scenario: &Scenario) {
    let (told, twin) = both(scenario);
    assert_curves(name, &told, &twin);
    let moved = twin.last().is_some_and(|(_, curves)| {
        let start = scenario.topic.partitions.iter();
        curves
            .iter()
            .zip(start)
            .any(|(now, start)| now.committed != start.committed)
    });
    assert!(moved, "{name}: nothing was ever committed");
}

pub(super) fn assert_curves(name: &str, told: &Told, twin: &[(SimTime, Vec<Curves>)]) {
    assert_eq!(told.samples.len(), twin.len(), "{name}: as many samples");
    for ((at, engine), (twin_at, twin)) in told.samples.iter().zip(twin) {
        assert_eq!(at, twin_at);
        assert_eq!(&curves(engine), twin, "{name}: at {at}, engine first");
    }
}

/// Sampled so often that hardly a poll goes unseen.
pub(super) fn closely(mut scenario: Scenario) -> Scenario {
    scenario.horizon = secs(40);
    scenario.sample = ms(13);
    scenario
}

/// One partition and one member, at a share of what the member can do.
fn one(rate: f64) -> Scenario {
    closely(system(1, 1, rate, EXPONENTIAL))
}

/// Six partitions on three brokers, two members.
fn six(rate: f64) -> Scenario {
    let mut scenario = closely(system(6, 2, rate, EXPONENTIAL));
    scenario.cluster.brokers = 3;
    scenario
}

#[test]
fn one_partition_idle_busy_and_overrun() {
    assert_twins("hardly any", &one(0.7));
    assert_twins("idle", &one(20.0));
    assert_twins("busy", &one(200.0));
    assert_twins("overrun", &one(400.0));
    assert_twins("backlog", &with_backlog(one(100.0), 30_000));
}

#[test]
fn six_partitions_on_three_brokers_and_two_members() {
    assert_twins("hardly any", &six(2.0));
    assert_twins("idle", &six(40.0));
    assert_twins("busy", &six(400.0));
    assert_twins("overrun", &six(800.0));
    assert_twins("backlog", &with_backlog(six(100.0), 3_000));
}

#[test]
fn uneven_partitions_of_one_broker_stand_in_line_behind_a_long_poll() {
    let mut scenario = six(300.0);
    scenario.cluster.brokers = 1;
    scenario.production.shares[0].of = vec![0.9, 0.02, 0.02, 0.02, 0.02, 0.02];
    assert_twins("head of line", &scenario);
    scenario.topic.record_bytes = 100 * 1024;
    assert_twins("head of line, small chunks", &scenario);
}

#[test]
fn evenly_spaced_arrivals() {
    for (name, rate) in [("idle", 10.0), ("busy", 400.0), ("overrun", 700.0)] {
        let mut scenario = six(rate);
        scenario.production.pattern = Pattern::Constant;
        assert_twins(name, &scenario);
    }
}

#[test]
fn every_law_of_work() {
    let constant = Law::Constant(0.004);
    let lognormal = Law::Lognormal {
        mean: 0.004,
        p99: 0.03,
    };
    let bimodal = Law::Bimodal {
        fast: 0.001,
        slow: 0.2,
        share: 0.02,
    };
    let gamma = Law::Gamma {
        mean: 0.004,
        shape: 3.0,
    };
    for law in [constant, lognormal, bimodal, gamma] {
        let mut scenario = six(420.0);
        scenario.settings[0].processing.time = law.clone();
        assert_twins(&format!("{law:?}"), &scenario);
    }
}

#[test]
fn fetch_min_bytes_and_waits() {
    for (records, wait, round_trip) in [(5, 500, 2), (5, 30, 2), (40, 100, 0), (7, 3, 9), (3, 0, 2)]
    {
        for rate in [3.0, 60.0, 400.0] {
            let mut scenario = six(rate);
            scenario.cluster.round_trip = ms(round_trip);
            let properties = &mut scenario.settings[0].properties;
            properties.fetch_min_bytes = records * 1024 - 100;
            properties.fetch_max_wait = ms(wait);
            assert_twins(
                &format!("{records} records, {wait} ms, {rate}/s"),
                &scenario,
            );
        }
    }
}

/// What is in the log beyond max.partition.fetch.bytes does not count towards fetch.min.bytes.
#[test]
fn fetch_min_bytes_beyond_what_an_answer_may_hold() {
    for rate in [10.0, 600.0] {
        let mut scenario = six(rate);
        let properties = &mut scenario.settings[0].properties;
        properties.fetch_min_bytes = 9 * 1024;
        properties.max_partition_fetch_bytes = 4 * 1024;
        properties.fetch_max_wait = ms(60);
        assert_twins(&format!("at {rate}/s"), &scenario);
    }
}

#[test]
fn small_chunks_small_polls_and_small_answers() {
    for polled in [1, 7, 500] {
        for (chunk, answer) in [(1, 50_000), (10, 50_000), (10, 15), (1_024, 1_500)] {
            let mut scenario = with_backlog(six(200.0), 800);
            let properties = &mut scenario.settings[0].properties;
            properties.max_poll_records = polled;
            properties.max_partition_fetch_bytes = chunk * 1024;
            properties.fetch_max_bytes = answer * 1024;
            assert_twins(&format!("{polled} of chunks of {chunk}"), &scenario);
        }
    }
}

#[test]
fn every_way_to_commit() {
    for commit in [
        CommitPolicy::Auto,
        CommitPolicy::Async,
        CommitPolicy::PerRecord,
    ] {
        for rate in [0.3, 30.0, 250.0, 600.0] {
            let mut scenario = six(rate);
            scenario.settings[0].processing.commit = commit;
            scenario.settings[0].properties.enable_auto_commit = commit == CommitPolicy::Auto;
            assert_twins(&format!("{commit:?} at {rate}/s"), &scenario);
        }
    }
}

/// Who commits by a timer what polls have returned, who leaves out what the last one has, who takes one partition's share of
/// an answer at a time and asks its broker again when it is through with all of it, and who fetches all the time and waits for a
/// poll to be full.
#[test]
fn the_loops_of_other_clients() {
    for (client, commit) in [
        ("aiokafka", CommitPolicy::Auto),
        ("franz-go", CommitPolicy::Auto),
        ("kafkajs", CommitPolicy::AfterBatch),
        ("librdkafka", CommitPolicy::Auto),
        ("librdkafka", CommitPolicy::AfterBatch),
    ] {
        for (rate, brokers) in [(0.3, 3), (30.0, 1), (30.0, 3), (250.0, 1), (600.0, 3)] {
            let mut scenario = six(rate);
            scenario.cluster.brokers = brokers;
            let settings = &mut scenario.settings[0];
            settings.client = profile(client);
            settings.processing.commit = commit;
            settings.properties.enable_auto_commit = commit == CommitPolicy::Auto;
            settings.properties.max_poll_records = match client {
                "librdkafka" => 20,
                _ => i32::MAX as u64,
            };
            assert_twins(
                &format!("{client}, {commit:?}, at {rate}/s, {brokers} brokers"),
                &scenario,
            );
        }
    }
}

#[test]
fn several_records_at_a_time() {
    for concurrency in [2, 8, 700] {
        for rate in [100.0, 2_000.0, 5_000.0] {
            let mut scenario = six(rate);
            scenario.horizon = secs(10);
            scenario.settings[0].processing.concurrency = concurrency;
            assert_twins(&format!("{concurrency} at {rate}/s"), &scenario);
        }
    }
}

fn given_up(attempts: u32, then: GiveUp) -> OnError {
    OnError::Retry {
        seeks: false,
        attempts,
        back_off: BackOff {
            first: ms(100),
            multiplier: 2.0,
            max: ms(350),
        },
        then,
    }
}

#[test]
fn poison_that_is_given_up_in_the_end() {
    let skip = given_up(1, GiveUp::Skip);
    let retry = given_up(5, GiveUp::Skip);
    let dead_letter = given_up(3, GiveUp::DeadLetter(Produce::taking(ms(11))));
    for on_error in [skip, retry, dead_letter] {
        for attempt in [None, Some(ms(31))] {
            let share = PoisonRecords::Share(0.01);
            let scenario = with_poison(six(150.0), share, attempt, on_error.clone());
            let mut scenario = with_poison(scenario, at_offset(2, 40), attempt, on_error.clone());
            assert_twins(&format!("{on_error:?}"), &scenario);
            scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
            assert_twins(&format!("{on_error:?}, committed one by one"), &scenario);
            scenario.settings[0].processing.commit = CommitPolicy::Async;
            scenario.settings[0].processing.concurrency = 5;
            assert_twins(&format!("{on_error:?}, five at a time"), &scenario);
        }
    }
}

/// It stops, refuses and comes back, again and again.
#[test]
fn poison_whose_dead_letter_topic_is_down() {
    let turns = [
        (3_000, DeadLetterTopic::Stopped),
        (9_123, DeadLetterTopic::Failing),
        (11_000, DeadLetterTopic::Up),
        (14_007, DeadLetterTopic::Failing),
        (15_500, DeadLetterTopic::Stopped),
        (21_000, DeadLetterTopic::Up),
        (24_000, DeadLetterTopic::Stopped),
        (29_001, DeadLetterTopic::Up),
    ];
    for on_failure in [OnFailure::Retry, OnFailure::Skip] {
        for (takes, timeout) in [(11, 1_500), (400, 2_100)] {
            let on_error = given_up(
                3,
                GiveUp::DeadLetter(Produce {
                    takes: ms(takes),
                    timeout: ms(timeout),
                    on_failure,
                }),
            );
            let name = format!("{on_failure:?}, {takes} ms");
            for attempt in [None, Some(ms(31))] {
                let share = PoisonRecords::Share(0.01);
                let mut scenario = with_poison(six(60.0), share, attempt, on_error.clone());
                for (at, answers) in turns {
                    scenario = with(scenario, at_ms(at), Action::DeadLetter(answers));
                }
                assert_twins(&name, &scenario);
                for commit in [CommitPolicy::PerRecord, CommitPolicy::Async] {
                    scenario.settings[0].processing.commit = commit;
                    assert_twins(&format!("{name}, {commit:?}"), &scenario);
                }
            }
        }
    }
}

#[test]
fn poison_that_is_retried_for_ever() {
    for back_off in [0, 1, 700] {
        let seek = OnError::RetryForever(RetryBy::Seek {
            back_off: ms(back_off),
        });
        let scenario = with_poison(six(150.0), at_offset(2, 70), Some(ms(5)), seek.clone());
        assert_twins(&format!("seek, {back_off} ms"), &scenario);
        let scenario = with_poison(with_backlog(six(50.0), 900), at_offset(2, 70), None, seek);
        assert_twins(&format!("seek in a backlog, {back_off} ms"), &scenario);
    }
    let in_place = OnError::RetryForever(RetryBy::InPlace);
    let scenario = with_poison(six(150.0), at_offset(2, 70), None, in_place);
    assert_twins("in place", &scenario);
}

#[test]
fn a_freeze_of_one_and_of_all() {
    for rate in [2.0, 100.0, 450.0] {
        for commit in [CommitPolicy::AfterBatch, CommitPolicy::Auto] {
            let mut scenario = six(rate);
            scenario.settings[0].processing.commit = commit;
            let who = lagsim::units::ProcessId(1);
            for (at, processes, length) in [(9_000, vec![who], 2_500), (20_003, vec![], 4_000)] {
                let length = ms(length);
                scenario = with(scenario, at_ms(at), Action::Freeze { processes, length });
            }
            assert_twins(&format!("freeze at {rate}/s, {commit:?}"), &scenario);
        }
    }
}

#[test]
fn a_member_that_joins_late_takes_partitions_over() {
    for rate in [20.0, 450.0] {
        let mut scenario = six(rate);
        scenario
            .group
            .processes
            .push(process(2, Some(SimTime::from_millis(11_111))));
        scenario.settings[0].properties.max_poll_records = 30;
        assert_twins(&format!("a join at {rate}/s"), &scenario);
    }
}

/// A cooperative member, and one of the consumer protocol, goes on with what it keeps.
#[test]
fn a_member_that_joins_late_is_given_some_of_what_others_read() {
    for consumer in [false, true] {
        for rate in [20.0, 150.0, 450.0] {
            let mut scenario = closely(system(6, 1, rate, EXPONENTIAL));
            let late = process(1, Some(SimTime::from_millis(11_111)));
            scenario.group.processes.push(late);
            let properties = &mut scenario.settings[0].properties;
            properties.max_poll_records = 30;
            if consumer {
                properties.group_protocol = GroupProtocol::Consumer;
            } else {
                properties.assignor = Assignor::CooperativeSticky;
            }
            assert_twins(&format!("{rate}/s, consumer: {consumer}"), &scenario);
        }
    }
}
