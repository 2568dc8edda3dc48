//! What each client library does when: one test per mechanism, on models as a user writes them. Not the keys of a
//! profile one by one: those are with the keys of the language.

use lagsim::kafka::RemovalReason;
use lagsim::scenario::{CommitPolicy, OnStop, Override, Scenario, Source, check};
use lagsim::sim::{Causes, Fact, Sample};
use lagsim::units::SimTime;

use crate::systems::{Told, at_ms, ms, run, secs};

/// One partition with a backlog, one member, nothing produced, and no time lost at the first join.
const ALONE: &str = r#"
horizon = "10m"
sample = "1s"
topic = { name = "orders", partitions = 1, backlog = 100_000 }
produce = { rate = "0/s" }
group = { name = "order-processor", members = 1 }
processing = { time = "4ms" }
[cluster.properties]
group.initial.rebalance.delay.ms = 0
"#;

fn no_file(_: &str) -> Result<String, String> {
    Err("there is no such file".to_owned())
}

/// `model` with a client and settings.
pub fn with_client(model: &str, client: &str, settings: &[&str]) -> Scenario {
    let source = Source {
        name: "model.toml".to_owned(),
        stem: "model".to_owned(),
        text: model.to_owned(),
    };
    let named = format!("group.client={client}");
    let settings = settings.iter().copied().chain([named.as_str()]);
    let overrides: Vec<Override> = settings
        .map(|text| Override {
            text: text.to_owned(),
        })
        .collect();
    let checked = check(&source, &overrides, &no_file);
    checked.unwrap_or_else(|found| panic!("{found}")).scenario
}

fn runs(model: &str, client: &str, settings: &[&str]) -> Told {
    run(&with_client(model, client, settings))
}

/// When members were evicted, and by whom: `None` is by themselves.
pub fn evictions(told: &Told) -> Vec<(SimTime, Option<RemovalReason>)> {
    told.find(|fact| match fact {
        Fact::MemberEvicted { removal, .. } => Some(*removal),
        _ => None,
    })
}

fn committed(told: &Told) -> u64 {
    told.totals.partitions.iter().map(|own| own.committed).sum()
}

pub fn duplicates(told: &Told) -> Causes {
    let all = told.totals.partitions.iter();
    all.fold(Causes::default(), |sum, own| sum.plus(own.duplicates_by))
}

fn lost(told: &Told) -> Causes {
    let all = told.totals.partitions.iter();
    all.fold(Causes::default(), |sum, own| sum.plus(own.lost_by))
}

/// `Consumer.poll()` of confluent-kafka-python returns one message, so the limit holds for one.
#[test]
fn a_loop_of_poll_is_evicted_only_if_one_record_takes_longer_than_the_poll_interval() {
    let limit = "group.properties.max.poll.interval.ms=10000";
    let slow = |client, time: &str| {
        let time = format!("processing.time={time}");
        evictions(&runs(ALONE, client, &[limit, &time])).len()
    };
    assert!(slow("java", "9s") > 0);
    assert_eq!(slow("librdkafka", "9s"), 0);
    assert!(slow("librdkafka", "11s") > 0);
}

/// Of three members the second starts at 10 s and the third at 31.1 s, and a record takes 0.9 s: when the first two revoke
/// their partitions for the third.
fn revoked_for_the_third(client: &str) -> Vec<SimTime> {
    let settings = [
        "topic={ name = 'orders', partitions = 6, backlog = 100_000 }",
        "group={ name = 'order-processor', members = 3, start-times = ['0s', '10s', '31100ms'] }",
        "group.properties.max.poll.records=1",
        "group.properties.partition.assignment.strategy='range'",
        "cluster.round-trip='0ms'",
        "cluster.commit-latency='0ms'",
        "processing.time='900ms'",
    ];
    let told = runs(ALONE, client, &settings);
    let revoked = told.find(|fact| matches!(fact, Fact::PartitionsRevoked { .. }).then_some(()));
    let at = revoked.into_iter().map(|(at, ())| at);
    at.filter(|at| *at > at_ms(30_000)).collect()
}

/// The first member beats at 0, 3, ..., 12 s and hears of the second, polls at 12.6 s and rejoins. In Java both count anew
/// from there (`HeartbeatThread#enable`), hear of the third at 33.6 s, and poll at 34.2 s. In librdkafka the first counts on from
/// 12 s, as `rkcg_heartbeat_intvl` does, hears at 33 s and polls at 33.3 s.
#[test]
fn heartbeats_count_from_a_join_in_java_and_through_it_in_librdkafka() {
    assert_eq!(revoked_for_the_third("java"), [at_ms(34_200); 2]);
    assert_eq!(
        revoked_for_the_third("librdkafka"),
        [at_ms(33_300), at_ms(34_200)]
    );
}

/// A background task that commits before it joins goes on by itself: franz-go's own assignor is cooperative.
#[test]
fn a_cooperative_rebalance_of_franz_go_comes_to_an_end() {
    let grows = [
        "topic={ name = 'orders', partitions = 6, backlog = 100_000 }",
        "group.members=2",
        "at.0={ time = '3m', scale = { to = 3 } }",
    ];
    let told = runs(ALONE, "franz-go", &grows);
    let group = told.group.as_ref().expect("a group");
    let shares: Vec<usize> = group
        .members
        .iter()
        .map(|own| own.partitions.len())
        .collect();
    assert_eq!(shares, [2, 2, 2]);
}

/// A handler that an outage holds up sends no heartbeat; once it goes on, the member finds out that it was removed.
#[test]
fn a_blocking_handler_is_told_after_an_outage_that_it_was_removed() {
    let outage = [
        "downstream.api={ latency = '5ms' }",
        "at.0={ time = '2m', downstream = 'stop' }",
        "at.1={ time = '3m', downstream = 'resume' }",
    ];
    let told = runs(ALONE, "aiokafka-blocking", &outage);
    assert_eq!(evictions(&told).len(), 1);
    assert_eq!(told.group.as_ref().expect("a group").members.len(), 1);
}

/// `rd_kafka_cgrp_max_poll_interval_check_tmr_cb` runs every 500 ms from the start of the consumer.
#[test]
fn librdkafka_looks_at_the_poll_clock_twice_a_second() {
    let limit = "group.properties.max.poll.interval.ms=10300";
    let told = runs(ALONE, "librdkafka", &[limit, "processing.time='20s'"]);
    let evicted = evictions(&told);
    assert!(evicted.len() > 10);
    for (at, removal) in evicted {
        assert_eq!(removal, None);
        assert_eq!(at.since(SimTime::ZERO).as_nanos() % 500_000_000, 0, "{at}");
    }
}

#[test]
fn consume_returns_what_there_is_by_its_timeout() {
    let live = [
        "topic={ name = 'orders', partitions = 1 }",
        "produce.rate='200/s'",
        "processing={ time = '1ms', commit = 'after-batch' }",
        "horizon='1m'",
    ];
    let consume = [&live[..], &["group.properties.max.poll.records=500"]].concat();
    let (one, many) = (
        runs(ALONE, "librdkafka", &live),
        runs(ALONE, "librdkafka", &consume),
    );
    let processed = one.totals.partitions[0].processed;
    assert_eq!(one.totals.polls, processed, "poll() returns one");
    // A call lasts 100 ms, and 20 records keep the application for 20 ms before the next.
    let calls = many.totals.polls;
    assert!((430..=530).contains(&calls), "{calls}");
    let mean = |told: &Told| {
        let lags = told.total_lags();
        lags.iter().sum::<u64>() as f64 / lags.len() as f64
    };
    // On average a record waits for half a call, and for its batch.
    let (java, many) = (mean(&runs(ALONE, "java", &live)), mean(&many));
    assert!(java < 5.0, "{java}");
    assert!((10.0..30.0).contains(&many), "{many}");
}

/// The queue of the consumer holds what came first first, whosever it is; Java hands out what it fetched of one
/// partition before it turns to the next.
#[test]
fn what_is_fetched_ahead_is_handed_out_in_the_order_it_came() {
    let overload = [
        "topic={ name = 'orders', partitions = 2 }",
        "cluster.brokers=1",
        "produce={ rate = '200/s', arrivals = 'constant' }",
        "processing.time='10ms'",
        "horizon='3m'",
    ];
    let apart = |client| {
        let told = runs(ALONE, client, &overload);
        let later = told.samples.iter().skip(30);
        let apart = later.map(|(_, of)| of[0].position.abs_diff(of[1].position));
        apart.max().expect("samples")
    };
    let (java, librdkafka) = (apart("java"), apart("librdkafka"));
    assert!(librdkafka < 10, "{librdkafka}");
    assert!(java > 100, "{java}");
}

/// config.go has no max.poll.interval, and the heartbeats are a goroutine's.
#[test]
fn a_stuck_handler_of_franz_go_keeps_its_partitions_for_ever() {
    let stuck = [
        "horizon='2h'",
        "poison.0={ partition = 0, offset = 10, on-error = { retry-forever = { by = 'in-place' } } }",
        "group.members=2",
    ];
    let told = runs(ALONE, "franz-go", &stuck);
    assert_eq!(evictions(&told), []);
    assert!(told.stable_at().last().expect("a group") < &at_ms(60_000));
    assert!(!evictions(&runs(ALONE, "java", &stuck)).is_empty());
}

/// The rule of thumb of a crash with auto-commit: who commits what polls before the last one returned repeats, who commits
/// what was returned loses too.
#[test]
fn a_crash_loses_what_was_committed_and_not_finished_and_repeats_what_was_not_committed() {
    let crash = [
        "processing={ time = '100ms', commit = 'auto' }",
        "group.properties.max.poll.records=100",
        // One that falls into a batch of 10 s whose first half a timer has committed already.
        "at.0={ time = '57s', crash = { members = [0], restart-after = '2m' } }",
    ];
    for client in ["java", "spring-kafka", "franz-go"] {
        let told = runs(ALONE, client, &crash);
        assert_eq!(lost(&told), Causes::default(), "{client}");
        let again = duplicates(&told);
        assert_eq!(again.sum(), again.crash, "{client}");
        // What was processed and not committed: not more than a batch and what the interval leaves of the one before.
        assert!((1..=200).contains(&again.crash), "{client}: {again:?}");
    }
    for client in ["librdkafka", "aiokafka"] {
        let told = runs(ALONE, client, &crash);
        let gone = lost(&told);
        assert!((1..=100).contains(&gone.crash), "{client}: {gone:?}");
        assert_eq!(gone.sum(), gone.crash, "{client}");
    }
}

/// `Consumer.poll()` has one message in hand when its process dies.
#[test]
fn a_loop_of_poll_loses_one_record_at_most() {
    let crash = [
        "processing={ time = '100ms', commit = 'auto' }",
        "group.properties.auto.commit.interval.ms=10",
        "at.0={ time = '57050ms', crash = { members = [0], restart-after = '2m' } }",
    ];
    assert_eq!(lost(&runs(ALONE, "librdkafka", &crash)).crash, 1);
}

#[test]
fn an_evicted_member_repeats_because_of_the_eviction_and_a_rebalance_because_of_the_revocation() {
    let slow = [
        "group.properties.max.poll.interval.ms=10000",
        "processing={ time = '30ms', commit = 'after-batch' }",
    ];
    let again = duplicates(&runs(ALONE, "java", &slow));
    assert!(again.eviction > 500, "{again:?}");
    assert_eq!(again.sum(), again.eviction);
    let late = [
        "topic={ name = 'orders', partitions = 2, backlog = 100_000 }",
        "processing={ time = '20ms', commit = 'after-batch' }",
        "group={ name = 'g', member = [{ name = 'a' }, { name = 'b', start = '1m' }] }",
        "group.properties.max.poll.records=1000",
    ];
    // aiokafka gives its partitions up in the middle of a batch.
    let again = duplicates(&runs(ALONE, "aiokafka", &late));
    assert!(again.revocation > 0, "{again:?}");
    assert_eq!(again.sum(), again.revocation);
    assert_eq!(duplicates(&runs(ALONE, "java", &late)), Causes::default());
}

/// `runner.processEachMessage` beats between messages: one longer than sessionTimeout (30 s) goes without.
#[test]
fn kafkajs_loses_its_membership_in_a_message_longer_than_its_session() {
    let takes = |time: &str| runs(ALONE, "kafkajs", &[&format!("processing.time={time}")]);
    let short = takes("29s");
    assert_eq!(evictions(&short), []);
    let long = takes("35s");
    let evicted = evictions(&long);
    assert!(evicted.len() >= 10, "{evicted:?}");
    for (_, removal) in &evicted {
        assert_eq!(*removal, Some(RemovalReason::SessionExpired));
    }
    // The first beat of a batch is at its start or within an interval before.
    let first = evicted[0].0.since(SimTime::ZERO);
    assert!(first > secs(27) && first < secs(31), "{first}");
    assert_eq!(committed(&long), 0, "whatever it finishes is refused");
    // A batch is as long as a fetch; a member that beats in between keeps it whole.
    assert_eq!(evictions(&takes("1s")), []);
}

#[test]
fn a_blocking_handler_keeps_the_event_loop_from_sending_heartbeats() {
    let slow = [
        "processing.time='15s'",
        "group.properties.max.poll.records=1",
    ];
    assert_eq!(evictions(&runs(ALONE, "aiokafka", &slow)), []);
    let evicted = evictions(&runs(ALONE, "aiokafka-blocking", &slow));
    assert!(!evicted.is_empty());
    assert!(
        evicted
            .iter()
            .all(|(_, removal)| *removal == Some(RemovalReason::SessionExpired))
    );
    let quick = [
        "processing.time='5s'",
        "group.properties.max.poll.records=50",
    ];
    assert_eq!(evictions(&runs(ALONE, "aiokafka-blocking", &quick)), []);
}

/// REBALANCE_IN_PROGRESS comes with a heartbeat between two messages: the rest of the batch is left, and what was
/// finished is committed.
#[test]
fn kafkajs_leaves_the_rest_of_its_batch_for_a_rebalance() {
    let late = [
        "topic={ name = 'orders', partitions = 2, backlog = 100_000 }",
        "processing.time='500ms'",
        "group={ name = 'g', member = [{ name = 'a' }, { name = 'b', start = '1m' }] }",
    ];
    let told = runs(ALONE, "kafkajs", &late);
    let started = told.find(|fact| match fact {
        Fact::RebalanceStarted { .. } => Some(()),
        _ => None,
    });
    let joins = started
        .iter()
        .find(|(at, ())| *at > at_ms(60_000))
        .expect("a rebalance");
    let stable = told.stable_at().into_iter().find(|at| *at > joins.0);
    let takes = stable.expect("a group").since(joins.0);
    // A heartbeat is due within 3 s and waits for a message of 0.5 s; a batch takes 500 s.
    assert!(takes < ms(3_700), "{takes}");
    assert_eq!(duplicates(&told), Causes::default());
    let totals = &told.totals.partitions;
    assert!(totals.iter().all(|own| own.lost == 0));
    assert_eq!(evictions(&told), []);
}

/// fetcher.js asks again once everything is processed, so the network is part of the work.
#[test]
fn kafkajs_does_not_overlap_network_and_processing() {
    let far = [
        "cluster.round-trip='200ms'",
        "processing.time='1ms'",
        "topic.record-size='10KiB'",
        "horizon='1m'",
        "topic.backlog=1000000",
    ];
    let done = |client| runs(ALONE, client, &far).totals.partitions[0].processed;
    // 102 records of a chunk of 1 MiB: 102 ms of work, then 200 ms of fetch and 205 ms of commit.
    let (kafkajs, spring) = (done("kafkajs"), done("spring-kafka"));
    let cycle = 102.0 + 200.0 + 205.0;
    let expected = 102.0 * 60_000.0 / cycle;
    assert!(
        (kafkajs as f64 - expected).abs() < 0.1 * expected,
        "{kafkajs}"
    );
    assert!(
        spring as f64 > 1.3 * kafkajs as f64,
        "{spring} and {kafkajs}"
    );
}

/// `SeekUtils.DEFAULT_BACK_OFF`: FixedBackOff(0, 9).
#[test]
fn spring_tries_a_record_ten_times_and_skips_it() {
    let poison = ["poison.0={ partition = 0, offset = 700, attempt = '50ms' }"];
    let told = runs(ALONE, "spring-kafka", &poison);
    assert_eq!(told.totals.poison_attempts, 10);
    assert_eq!(told.totals.partitions[0].skipped, 1);
    assert_eq!(duplicates(&told), Causes::default());
    let settings = &with_client(ALONE, "spring-kafka", &[]).settings[0];
    assert_eq!(settings.processing.commit, CommitPolicy::AfterBatch);
    assert_eq!(settings.processing.on_stop, OnStop::FinishBatch);
    assert!(!settings.properties.enable_auto_commit);
}

/// retry/defaults.js and onCrash of consumer/index.js: 9.3 s of pauses between six attempts, then it leaves and starts again
/// after another 9.6 s.
#[test]
fn kafkajs_tries_a_message_six_times_and_starts_again() {
    let settings = [
        "poison.0={ partition = 0, offset = 700, attempt = '50ms' }",
        "processing.restart={ back-off = '1ms', max-back-off = '1ms', start-up = '9.6s' }",
    ];
    let told = runs(ALONE, "kafkajs", &settings);
    let crashes = told.totals.crashes;
    assert!((29..=32).contains(&crashes), "{crashes}");
    let attempts = told.totals.poison_attempts;
    assert!(
        (6 * crashes..6 * crashes + 6).contains(&attempts),
        "{attempts} of {crashes}"
    );
    assert_eq!((committed(&told), evictions(&told)), (700, vec![]));
    assert_eq!(duplicates(&told), Causes::default());
}

/// There is a poll between two attempts, so max.poll.interval.ms has to hold one pause and not their sum.
#[test]
fn attempts_that_seek_back_are_polls_of_their_own() {
    let tries = |by: &str| {
        let poison = format!(
            "poison.0={{ partition = 0, offset = 700, attempt = '1s', on-error = {{ retry = {{ attempts = 6, back-off = '4s', by = '{by}', then = 'skip' }} }} }}"
        );
        let limit = "group.properties.max.poll.interval.ms=12000";
        runs(ALONE, "spring-kafka", &[&poison, limit])
    };
    let (seeking, in_place) = (tries("seek"), tries("in-place"));
    assert_eq!(evictions(&seeking), []);
    assert_eq!(seeking.totals.poison_attempts, 6);
    assert!(!evictions(&in_place).is_empty());
    // What was good before the failing record is committed before the pause, and the rest is not skipped.
    let at = |told: &Told, second: usize| told.samples[second].1[0];
    let (pausing, later): (Sample, Sample) = (at(&seeking, 8), at(&seeking, 590));
    assert_eq!(pausing.committed, Some(700));
    assert!(later.committed > Some(100_000 - 1_000));
    assert_eq!(
        seeking.totals.partitions[0].processed,
        committed(&seeking) - 1
    );
}

#[test]
fn clients_bring_their_own_defaults() {
    let set = |client, property: &str| {
        let settings = &with_client(ALONE, client, &[]).settings[0];
        settings.properties.get(property).expect("a property")
    };
    assert_eq!(set("franz-go", "auto.offset.reset"), "earliest");
    assert_eq!(
        set("franz-go", "partition.assignment.strategy"),
        "cooperative-sticky"
    );
    assert_eq!(set("kafkajs", "session.timeout.ms"), "30000");
    assert_eq!(set("kafkajs", "fetch.max.bytes"), "10485760");
    assert_eq!(set("librdkafka", "max.poll.records"), "1");
    assert_eq!(set("spring-kafka", "max.poll.records"), "500");
}

/// Whatever client and trouble: what is committed was processed or is lost, and causes add up.
#[test]
fn accounts_of_every_client_add_up_in_trouble() {
    let trouble = [
        "topic={ name = 'orders', partitions = 5, backlog = 5_000 }",
        "produce.rate='60/s'",
        "group.members=3",
        "processing.time={ lognormal = { mean = '20ms', p99 = '150ms' } }",
        "at.0={ time = '1m', crash = { members = [0], restart-after = '70s' } }",
        "at.1={ time = '4m', deploy = { gap = '5s', start-up = '2s' } }",
        "at.2={ time = '6m', freeze = { members = [1], length = '50s' } }",
    ];
    for client in lagsim::scenario::Client::names() {
        let pool = lagsim::scenario::Client::by_name(client).is_some_and(|own| own.order.is_some());
        // Nobody but a pool can say what it has done.
        let commits = ["auto", "after-batch", "async"];
        for commit in &commits[..if pool { 1 } else { 3 }] {
            let commit = format!("processing.commit={commit}");
            let told = runs(ALONE, client, &[&trouble[..], &[&commit]].concat());
            for own in &told.totals.partitions {
                let once = own.processed - own.duplicates + own.lost;
                assert!(own.committed <= once, "{client} {commit}: {own:?}");
                assert_eq!(own.duplicates, own.duplicates_by.sum(), "{client}");
                assert_eq!(own.lost, own.lost_by.sum(), "{client}");
            }
            let lags = told.total_lags();
            let last = *lags.last().expect("samples");
            assert!(last < 3_000, "{client} {commit}: {last} behind");
            let twice = run(&with_client(
                ALONE,
                client,
                &[&trouble[..], &[&commit]].concat(),
            ));
            assert_eq!(told, twice, "{client}");
        }
    }
}
