//! Consumers whose records are worked on by a pool of threads, beside the engine: who takes what when, what a commit says of
//! it, and what a crash, a rebalance or a stop makes of it.

use lagsim::kafka::parallel::ProcessingOrder;
use lagsim::scenario::{CommitPolicy, Scenario};
use lagsim::workload::{Keys, Law};

use super::exact::{assert_twins, closely};
use super::faults::{assert_twins_in_trouble, crash, restart};
use crate::systems::{ms, profile, secs, system, with_backlog};

const ORDERS: [ProcessingOrder; 3] = [
    ProcessingOrder::Unordered,
    ProcessingOrder::Key,
    ProcessingOrder::Partition,
];

/// Four partitions on two brokers, two members with so many threads each, records that share eleven keys.
fn pooled(order: ProcessingOrder, threads: u32, rate: f64, law: Law) -> Scenario {
    let mut scenario = closely(system(4, 2, rate, law));
    scenario.cluster.brokers = 2;
    scenario.production.keys = Keys::Zipf {
        exponent: 0.9,
        distinct: 11,
    };
    let settings = &mut scenario.settings[0];
    settings.client = profile("parallel-consumer");
    let processing = &mut settings.processing;
    (processing.order, processing.concurrency) = (Some(order), threads);
    processing.commit = CommitPolicy::Auto;
    let properties = &mut settings.properties;
    properties.auto_commit_interval = ms(1_300);
    properties.session_timeout = secs(6);
    properties.heartbeat_interval = secs(1);
    scenario
}

const SLOW: Law = Law::Exponential { mean: 0.05 };

#[test]
fn idle_busy_and_overrun_in_every_order() {
    for order in ORDERS {
        for threads in [1, 3, 16] {
            for share in [0.02, 0.6, 2.0] {
                let rate = share * f64::from(threads) * 40.0;
                let scenario = pooled(order, threads, rate, SLOW);
                assert_twins(&format!("{order:?}, {threads}, at {rate}/s"), &scenario);
            }
            let scenario = with_backlog(pooled(order, threads, 10.0, SLOW), 900);
            assert_twins(&format!("{order:?}, {threads}, backlog"), &scenario);
        }
    }
}

#[test]
fn pools_of_processes_that_are_killed_and_restarted() {
    for order in ORDERS {
        let name = format!("{order:?}");
        let scenario = pooled(order, 4, 60.0, SLOW);
        let killed = crash(scenario.clone(), 7_003, &[1], Some(2_500));
        assert_twins_in_trouble(&format!("{name}, killed"), &killed);
        let restarted = restart(scenario, &[1, 0], true, true);
        assert_twins_in_trouble(&format!("{name}, restarted"), &restarted);
    }
}
