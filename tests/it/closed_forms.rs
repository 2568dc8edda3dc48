//! Formulas: queueing theory inside the 95 % interval of replications, and the arithmetic of planners. One partition and
//! one member that polls one record at a time, without latencies, is a queue with a single server.

use lagsim::engine::Address;
use lagsim::scenario::{
    BackOff, CommitPolicy, Downstream, GiveUp, OnError, PoisonRecords, Produce, RateLimit, Scenario,
};
use lagsim::units::SimDuration;
use lagsim::workload::{CallCosts, Law, Pattern};

use crate::systems::{
    ms, run, run_replication, secs, system, with_backlog, with_poison, without_latencies,
};

const REPLICATIONS: u32 = 24;
/// Student's t for 95 % with 23 degrees of freedom.
const T: f64 = 2.069;

/// Mean and half of the 95 % interval.
fn interval(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, T * (squares / (n - 1.0) / n).sqrt())
}

/// Runs the replications and asks whether `expected` lies inside the interval of what `measure` finds in each, and
/// whether the interval is short enough to say something.
fn assert_inside(name: &str, expected: f64, measure: impl Fn(u32) -> f64) {
    let values: Vec<f64> = (0..REPLICATIONS).map(measure).collect();
    let (mean, half) = interval(&values);
    assert!(
        half < 0.05 * expected,
        "{name}: {mean} +- {half} says nothing"
    );
    assert!(
        (mean - expected).abs() <= half,
        "{name}: {expected} expected, {mean} +- {half} found"
    );
}

/// A single server: arrivals at `load` of what records of `law` (mean 10 ms) let through.
fn queue(load: f64, law: Law) -> Scenario {
    let mut scenario = without_latencies(system(1, 1, load / 0.010, law));
    scenario.settings[0].properties.max_poll_records = 1;
    scenario.horizon = secs(4_000);
    scenario.sample = ms(250);
    scenario
}

/// Mean number in the system and mean wait until the end of service, of one replication without its first tenth.
fn number_and_wait(scenario: &Scenario, replication: u32) -> (f64, f64) {
    let told = run_replication(scenario, replication);
    let lags = told.total_lags();
    let from = lags.len() / 10;
    let number = lags[from..].iter().sum::<u64>() as f64 / (lags.len() - from) as f64;
    let (start, end) = (&told.samples[from], &told.samples[lags.len() - 1]);
    let arrived = (end.1[0].log_end - start.1[0].log_end) as f64;
    let rate = arrived / end.0.since(start.0).as_secs_f64();
    (number, number / rate)
}

/// Pollaczek and Khinchine: mean number in an M/G/1 queue.
fn pollaczek_khinchine(load: f64, scv: f64) -> f64 {
    load + load * load * (1.0 + scv) / (2.0 * (1.0 - load))
}

fn assert_queue(name: &str, law: Law) {
    for load in [0.3, 0.6, 0.85] {
        let scenario = queue(load, law.clone());
        let found: Vec<(f64, f64)> = (0..REPLICATIONS)
            .map(|replication| number_and_wait(&scenario, replication))
            .collect();
        let number = pollaczek_khinchine(load, law.scv());
        let numbers = |replication: u32| found[replication as usize].0;
        assert_inside(&format!("number in {name} at {load}"), number, numbers);
        let wait = number / (load / 0.010);
        let waits = |replication: u32| found[replication as usize].1;
        assert_inside(&format!("wait in {name} at {load}"), wait, waits);
    }
}

#[test]
fn exponential_work_is_an_m_m_1_queue() {
    let law = Law::Exponential { mean: 0.010 };
    assert_eq!(pollaczek_khinchine(0.5, 1.0), 0.5 / (1.0 - 0.5));
    assert_queue("M/M/1", law);
}

#[test]
fn constant_work_is_an_m_d_1_queue() {
    assert_queue("M/D/1", Law::Constant(0.010));
}

#[test]
fn lognormal_work_is_an_m_g_1_queue() {
    let law = Law::Lognormal {
        mean: 0.010,
        p99: 0.040,
    };
    assert_queue("M/G/1, lognormal", law);
}

#[test]
fn gamma_work_is_an_m_g_1_queue() {
    let law = Law::Gamma {
        mean: 0.010,
        shape: 0.5,
    };
    assert_queue("M/G/1, gamma", law);
}

/// lag(t) = backlog - (capacity - rate) t.
#[test]
fn a_backlog_drains_like_a_fluid() {
    let mut scenario = without_latencies(system(1, 1, 100.0, Law::Constant(0.004)));
    scenario.production.pattern = Pattern::Constant;
    scenario.horizon = secs(800);
    let told = run(&with_backlog(scenario, 100_000));
    for (second, lag) in told.total_lags().into_iter().enumerate() {
        let fluid = (100_000.0 - (250.0 - 100.0) * second as f64).max(0.0);
        // A batch of 500 counts until it is committed.
        let ahead = lag as f64 - fluid;
        assert!((-1.0..=501.0).contains(&ahead), "{lag} at {second} s");
    }
}

/// Saved tokens first, then the rate, whatever the callers could do.
#[test]
fn a_token_bucket_lets_its_burst_and_its_rate_through() {
    let mut scenario = system(8, 8, 0.0, Law::Constant(0.0));
    scenario.horizon = secs(300);
    scenario.settings[0].processing.calls = vec![1];
    scenario.settings[0].properties.max_poll_records = 10;
    scenario.downstreams = vec![Downstream {
        limit: Some(RateLimit {
            rate: 200.0,
            burst: 1_000.0,
        }),
        ..Downstream::new("bank-api", Law::Constant(0.010))
    }];
    let told = run(&with_backlog(scenario, 100_000));
    for (second, lag) in told.total_lags().into_iter().enumerate().skip(1) {
        let committed = 800_000.0 - lag as f64;
        let bucket = 1_000.0 + 200.0 * second as f64;
        let callers = 800.0 * second as f64;
        let missing = bucket.min(callers) - committed;
        // A batch of 10 of each of the 8 members counts until it is committed, 4 ms late.
        assert!((-1.0..=100.0).contains(&missing), "{missing} at {second} s");
    }
}

/// 1 / (s + L + W).
#[test]
fn a_commit_per_record_has_a_ceiling() {
    let mut scenario = system(1, 1, 0.0, Law::Constant(0.001));
    scenario.cluster.commit_latency = ms(5);
    scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
    scenario.horizon = secs(100);
    let told = run(&with_backlog(scenario, 100_000));
    let committed = 100_000 - told.total_lags()[100];
    let ceiling = 100.0 / (0.001 + 0.002 + 0.005);
    // Less the first fetch.
    assert!(
        (committed as f64 - ceiling).abs() <= 4.0,
        "{committed} of {ceiling}"
    );
}

/// A batch of 500 with a commitSync of L + W after it.
#[test]
fn a_commit_after_each_batch_costs_a_round_trip_per_batch() {
    let scenario = system(1, 1, 0.0, Law::Constant(0.001));
    let told = run(&with_backlog(scenario, 1_000_000));
    let committed = 1_000_000 - told.total_lags()[60];
    // The next chunk of 1,024 is fetched while the last records of the one before are processed: 2 ms of every third
    // batch at most.
    let ceiling = 60.0 * 500.0 / (0.500 + 0.004);
    assert!(
        committed as f64 <= ceiling + 1.0,
        "{committed} of {ceiling}"
    );
    assert!(
        committed as f64 >= 0.95 * ceiling,
        "{committed} of {ceiling}"
    );
}

/// s = 5 ms, 1 % poison, 4 attempts, 3 x 1 s of back-off, 10 ms to the dead-letter topic: 200/s become 28/s.
#[test]
fn one_poison_record_in_a_hundred_takes_six_sevenths_of_the_capacity() {
    let dead_letter = OnError::Retry {
        seeks: false,
        attempts: 4,
        back_off: BackOff {
            first: secs(1),
            multiplier: 1.0,
            max: secs(1),
        },
        then: GiveUp::DeadLetter(Produce::taking(ms(10))),
    };
    let mut scenario = without_latencies(system(1, 1, 0.0, Law::Constant(0.005)));
    scenario.horizon = secs(20_000);
    scenario.sample = secs(100);
    let scenario = with_backlog(scenario, 4_000_000);
    let healthy = 4_000_000 - run(&scenario).total_lags()[200];
    assert!(healthy.abs_diff(200 * 20_000) <= 500);
    let scenario = with_poison(scenario, PoisonRecords::Share(0.01), None, dead_letter);
    let each: f64 = 0.99 * 0.005 + 0.01 * (4.0 * 0.005 + 3.0 + 0.010);
    assert!((1.0 / each - 28.0).abs() < 0.5);
    assert_inside("capacity with poison", 1.0 / each, |replication| {
        let lags = run_replication(&scenario, replication).total_lags();
        (4_000_000 - lags[200]) as f64 / 20_000.0
    });
}

/// What a record waits for is never less than its work: the sum of the phases of a lone record.
#[test]
fn a_lone_record_takes_its_fetch_its_work_and_its_commit() {
    let mut scenario = system(1, 1, 0.1, Law::Constant(0.030));
    scenario.production.pattern = Pattern::Constant;
    scenario.sample = SimDuration::from_millis(1);
    scenario.horizon = secs(20);
    let told = run(&scenario);
    let lags = told.total_lags();
    // Appended at 10 s: half a round trip back to the member, 30 ms of work, half a round trip and 2 ms to be stored.
    assert_eq!(lags[9_999], 0);
    assert_eq!(lags[10_000], 1);
    assert_eq!(lags[10_000 + 1 + 30 + 1 + 2 - 1], 1);
    assert_eq!(lags[10_000 + 1 + 30 + 1 + 2], 0);
}

/// Mean and variance of the time until an attempt succeeds, as the warnings and `lagsim calibrate` count with them.
#[test]
fn the_time_until_a_call_succeeds_is_that_of_its_draws() {
    for rate in [0.0, 0.05, 0.5] {
        let mut bank = Downstream::new("bank-api", Law::Exponential { mean: 0.010 });
        (bank.failure_rate, bank.on_outage.back_off) = (rate, ms(30));
        let address = |purpose| Address::new(5, 0, purpose, "orders-0");
        let mut costs = CallCosts::new(address, &bank.call());
        let calls = 400_000;
        let times: Vec<f64> = (0..calls)
            .map(|call| costs.work(call, call + 1).as_secs_f64())
            .collect();
        let mean = times.iter().sum::<f64>() / calls as f64;
        let squares = times.iter().map(|time| (time - mean).powi(2));
        let variance = squares.sum::<f64>() / calls as f64;
        let (expected, of_variance) = (bank.call().mean(), bank.call().variance());
        assert!(
            (mean / expected - 1.0).abs() < 0.01,
            "{rate}: {mean} for {expected}"
        );
        assert!(
            (variance / of_variance - 1.0).abs() < 0.03,
            "{rate}: {variance} for {of_variance}"
        );
    }
}

/// A call takes latency / (1 - p) + back-off p / (1 - p) on average, and 1 / (1 - p) tokens.
#[test]
fn calls_that_fail_by_chance_take_their_attempts_their_pauses_and_their_tokens() {
    let per_second = |rate: f64, limit: Option<f64>| {
        let mut scenario = system(8, 8, 0.0, Law::Constant(0.002));
        scenario.horizon = secs(600);
        scenario.settings[0].processing.calls = vec![2];
        scenario.settings[0].properties.max_poll_records = 10;
        let mut bank = Downstream::new("bank-api", Law::Exponential { mean: 0.010 });
        bank.limit = limit.map(|rate| RateLimit { rate, burst: 1.0 });
        (bank.failure_rate, bank.on_outage.back_off) = (rate, ms(200));
        scenario.downstreams = vec![bank];
        let told = run(&with_backlog(scenario, 1_000_000));
        let lags = told.total_lags();
        let records = (lags[100] - lags[500]) as f64 / 400.0;
        let processed: u64 = told.totals.partitions.iter().map(|own| own.processed).sum();
        let failed = told.totals.calls_failed as f64 / processed as f64;
        let expected = 2.0 * rate / (1.0 - rate);
        let deviation = (2.0 * rate / processed as f64).sqrt() / (1.0 - rate);
        assert!(
            (failed - expected).abs() <= 4.0 * deviation,
            "{rate}: {failed} for {expected}"
        );
        records
    };
    for rate in [0.0, 0.01, 0.1, 0.5] {
        let record = 0.002 + 2.0 * (0.010 + 0.2 * rate) / (1.0 - rate);
        let free = per_second(rate, None);
        // The commit of a batch of 10 takes 4 ms.
        let expected = 8.0 * 10.0 / (10.0 * record + 0.004);
        assert!(
            (free / expected - 1.0).abs() < 0.015,
            "{rate}: {free} for {expected}"
        );
        let limited = per_second(rate, Some(40.0));
        let expected = 40.0 * (1.0 - rate) / 2.0;
        assert!(
            (limited / expected - 1.0).abs() < 0.015,
            "{rate}: {limited} for {expected}"
        );
    }
}
