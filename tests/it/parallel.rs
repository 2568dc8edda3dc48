//! A client that hands its records to a pool of threads: what is done out of order, what is committed of it, and what a
//! crash, a rebalance or a stop costs. Not the pool by itself: that is proved beside its code.

use lagsim::scenario::{OnStop, Scenario};
use lagsim::sim::{Fact, PartitionState};

use crate::clients::{duplicates, evictions, with_client};
use crate::systems::{Told, at_ms, run};

/// Two partitions with a backlog, one member, nothing produced.
const ALONE: &str = r#"
horizon = "60s"
sample = "100ms"
topic = { name = "orders", partitions = 2, backlog = 80_000 }
produce = { rate = "0/s" }
group = { name = "order-processor", members = 1 }
processing = { time = "10ms" }
[cluster.properties]
group.initial.rebalance.delay.ms = 0
"#;

fn model(settings: &[&str]) -> Scenario {
    with_client(ALONE, "parallel-consumer", settings)
}

fn runs(settings: &[&str]) -> Told {
    run(&model(settings))
}

fn processed(told: &Told) -> u64 {
    told.totals.partitions.iter().map(|own| own.processed).sum()
}

fn committed(told: &Told) -> u64 {
    told.totals.partitions.iter().map(|own| own.committed).sum()
}

/// Records per second from the 10th second to the 50th, by what is committed in each.
fn committed_per_s(told: &Told, partitions: &[usize]) -> f64 {
    let at = |millis| {
        let sample = told.samples.iter().find(|(at, _)| *at == at_ms(millis));
        let (_, all) = sample.expect("a sample");
        let own = partitions
            .iter()
            .map(|index| all[*index].committed.unwrap_or(0));
        own.sum::<u64>() as f64
    };
    (at(50_000) - at(10_000)) / 40.0
}

/// 16 threads, or one per key, or one per partition that it has records of.
#[test]
fn what_waits_for_what_decides_how_many_threads_have_work() {
    let rate = |settings: &[&str]| committed_per_s(&runs(settings), &[0, 1]);
    let unordered = rate(&["processing.order=unordered"]);
    assert!((unordered - 1_600.0).abs() < 16.0, "{unordered}");
    let few = rate(&["processing.order=unordered", "processing.concurrency=3"]);
    assert!((few - 300.0).abs() < 3.0, "{few}");
    // Each record has a key of its own.
    assert_eq!(rate(&["processing.order=key"]), unordered);
    let by_partition = rate(&["processing.order=partition"]);
    assert!((100.0..=200.0).contains(&by_partition), "{by_partition}");
}

/// A hot key is serial: its thread sets the pace of what can be committed of its partition.
#[test]
fn a_hot_key_has_one_thread() {
    let hot = "produce.keys={ hot = [{ share = 0.5 }] }";
    let time = "processing.time=50ms";
    // The key is on two thirds of one partition's records, a third of what is read, and gets 20/s; while records of the
    // other partition are read, its thread has too few.
    let told = runs(&[hot, time, "processing.order=key"]);
    let rate = committed_per_s(&told, &[0, 1]);
    assert!((48.0..=60.0).contains(&rate), "{rate}");
    for settings in [
        [hot, "processing.order=unordered"],
        [time, "processing.order=key"],
    ] {
        let told = runs(&[settings[0], time, settings[1]]);
        let rate = committed_per_s(&told, &[0, 1]);
        assert!((rate - 320.0).abs() < 16.0, "{settings:?}: {rate}");
    }
}

/// When the committed offset of all partitions has moved, by the samples.
fn commits_seen(told: &Told) -> Vec<u64> {
    let committed = |samples: &[lagsim::sim::Sample]| -> u64 {
        samples.iter().map(|own| own.committed.unwrap_or(0)).sum()
    };
    let pairs = told.samples.windows(2);
    let moved = pairs.filter(|pair| committed(&pair[0].1) != committed(&pair[1].1));
    let ms = moved.map(|pair| pair[1].0.as_nanos() / 1_000_000);
    ms.collect()
}

/// The first record that is done is committed at once, and what is done within 5 s of a commit when they are over: if nothing
/// else ends then, 5 s after the last.
#[test]
fn the_interval_of_commits_counts_from_the_last_that_said_something() {
    let settings = |rate| {
        [
            "topic.backlog=0".to_owned(),
            format!("produce={{ rate = '{rate}', arrivals = 'constant' }}"),
            "topic.partitions=1".to_owned(),
        ]
    };
    let seen = |rate| {
        let settings = settings(rate);
        commits_seen(&runs(&settings.each_ref().map(String::as_str)))
    };
    // One record every ten seconds: each is committed as soon as it is done.
    let rare = seen("6/min");
    assert!(rare.len() >= 5, "{rare:?}");
    for pair in rare.windows(2) {
        assert_eq!(pair[1] - pair[0], 10_000, "{rare:?}");
    }
    // One every four: the second waits for the third, eight seconds after the first.
    let some = seen("15/min");
    assert!(some.len() >= 6, "{some:?}");
    for pair in some.windows(2) {
        assert_eq!(pair[1] - pair[0], 8_000, "{some:?}");
    }
    // Fifty a second: all the time.
    let all = seen("50/s");
    for pair in all.windows(2) {
        assert!((5_000..=5_100).contains(&(pair[1] - pair[0])), "{all:?}");
    }
}

/// A record that takes 20 s holds back the committed offset of its partition, and nothing else.
#[test]
fn a_slow_record_holds_back_the_commit_and_not_the_others() {
    let slow = "poison=[{ partition = 0, offset = 3000, attempt = '20s', on-error = 'skip' }]";
    let told = runs(&[slow, "processing.order=unordered", "horizon=40s"]);
    let committed = |millis| {
        let sample = told.samples.iter().find(|(at, _)| *at == at_ms(millis));
        sample.and_then(|(_, all)| all[0].committed)
    };
    assert_eq!(committed(15_000), Some(3_000));
    assert_eq!(committed(20_000), Some(3_000));
    assert!(committed(30_000) > Some(19_000));
    assert_eq!(told.totals.partitions[0].skipped, 1);
    let without = runs(&["processing.order=unordered", "horizon=40s"]);
    // One thread of sixteen is missing for 20 of 40 s.
    let (with, without) = (processed(&told) as f64, processed(&without) as f64);
    assert!(
        (0.965..0.975).contains(&(with / without)),
        "{with} {without}"
    );
    assert_eq!(evictions(&told), []);
}

/// Kafka's tools show lag from the record on, which is retried for ever; the records beyond it are done.
#[test]
fn a_record_that_fails_for_ever_is_lag_that_is_not_there() {
    let poison = "poison=[{ partition = 0, offset = 3000 }]";
    let told = runs(&[poison, "processing.order=unordered"]);
    let (_, last) = told.samples.last().expect("samples");
    assert_eq!(last[0].committed, Some(3_000));
    assert_eq!(last[0].state, PartitionState::Blocked);
    assert_eq!(told.totals.partitions[0].processed, 39_999);
    assert_eq!(told.totals.partitions[1].committed, 40_000);
    // It was met at about 3 s, and tried again after each second.
    let attempts = told.totals.poison_attempts;
    assert!((54..=59).contains(&attempts), "{attempts}");
    let met = told.find(|fact| match fact {
        Fact::PoisonMet { offset, .. } => Some(*offset),
        _ => None,
    });
    assert_eq!(
        met.iter().map(|(_, offset)| *offset).collect::<Vec<_>>(),
        [3_000]
    );
}

/// In the order of partitions it is the whole partition that waits; and what waits counts as load
/// (`ShardManager#getNumberOfWorkQueuedInShardsAwaitingSelection`), so with more than 48 records behind it nothing is
/// polled any more, of whichever partition.
#[test]
fn in_order_a_record_that_fails_stops_the_whole_member() {
    let poison = "poison=[{ partition = 0, offset = 1000 }]";
    let told = runs(&[poison, "processing.order=partition", "horizon=200s"]);
    let totals = &told.totals.partitions;
    assert_eq!((totals[0].processed, totals[0].committed), (1_000, 1_000));
    assert!(totals[1].processed < 3_000, "{}", totals[1].processed);
    let (_, last) = told.samples.last().expect("samples");
    assert_eq!(last[0].state, PartitionState::Blocked);
    assert_eq!(last[1].committed, Some(totals[1].processed));
    // By key the others go on: one key waits, with nothing behind it.
    let told = runs(&[poison, "processing.order=key", "horizon=200s"]);
    assert_eq!(told.totals.partitions[0].processed, 39_999);
}

/// A crash costs what was done since the last commit: what was done out of order before is in the commit's metadata.
#[test]
fn a_crash_does_not_repeat_what_the_metadata_says_is_done() {
    let settings = [
        "poison=[{ partition = 0, offset = 3000 }]",
        "processing.order=unordered",
        "at=[{ time = '30s', crash = { members = [0], restart-after = '1s' } }]",
        "group.properties.session.timeout.ms=6000",
    ];
    let told = runs(&settings);
    let again = duplicates(&told);
    // 1,600/s for at most 5 s; without the metadata it would be all of partition 0 beyond 3,000 as well.
    assert!(again.crash > 100, "{again:?}");
    assert!(again.crash < 8_100, "{again:?}");
    assert_eq!((again.eviction, again.revocation), (0, 0));
    let done = told.totals.partitions[0].processed - told.totals.partitions[0].duplicates;
    assert!(done > 25_000, "{done} of partition 0 were done");
    // A client that knows nothing of the metadata would begin at the committed offset.
    let mut scenario = model(&settings);
    scenario.settings[0].properties.auto_commit_interval = lagsim::units::SimDuration::FOREVER;
    assert!(duplicates(&run(&scenario)).crash > 30_000);
}

/// Its poll loop goes on whatever its threads are at.
#[test]
fn a_pool_is_never_evicted_for_slow_records() {
    let settings = [
        "processing.time=30s",
        "group.properties.max.poll.interval.ms=10000",
        "horizon=5m",
        "sample=1s",
    ];
    assert_eq!(evictions(&runs(&settings)), []);
    assert!(!evictions(&run(&with_client(ALONE, "java", &settings))).is_empty());
}

/// It pauses its partitions once it has enough, at most once a second, and polls on once it has not.
#[test]
fn the_poll_loop_pauses_while_there_is_enough_to_do() {
    let told = runs(&["processing.time=500ms", "processing.order=unordered"]);
    for (at, all) in &told.samples {
        let read: u64 = all.iter().map(|own| own.position).sum();
        // 32 records a second: 500 of a poll are left until 48 are.
        let most = 48 + 500 + 32 * (at.as_secs_f64() as u64 + 2);
        assert!(read <= most, "{read} at {at}");
    }
    assert!(told.totals.polls < 8, "{} polls", told.totals.polls);
    // Fast records: a second of pauses is not allowed yet when the next is due, so it reads on.
    let fast = runs(&["processing.time=1ms", "processing.order=unordered"]);
    let (_, early) = &fast.samples[12];
    let read: u64 = early.iter().map(|own| own.position).sum();
    assert_eq!(read, 80_000);
}

/// `close()` does not drain: threads finish what they have in hand, which is committed, and the rest is left.
#[test]
fn a_client_that_closes_finishes_what_is_in_hand_and_leaves_what_is_queued() {
    let stop = "at=[{ time = '20.005s', scale = { to = 0 } }]";
    let settings = [stop, "processing.time=50ms", "processing.order=unordered"];
    let told = runs(&settings);
    let (done, kept) = (processed(&told), committed(&told));
    assert_eq!(done, kept);
    let stopped = told.find(|fact| matches!(fact, Fact::ProcessStopped { .. }).then_some(()));
    let (at, ()) = stopped[0];
    assert!((at_ms(20_010)..at_ms(20_080)).contains(&at), "{at}");
    let mut drains = model(&settings);
    drains.settings[0].processing.on_stop = OnStop::FinishBatch;
    let drained = run(&drains);
    assert_eq!(processed(&drained), committed(&drained));
    assert!(processed(&drained) > done + 30, "{}", processed(&drained));
    // A record that outlasts the timeout is interrupted, and done again by whoever comes.
    let long = runs(&[stop, "processing.time=40s", "processing.grace=60s"]);
    let stopped = long.find(|fact| matches!(fact, Fact::ProcessStopped { .. }).then_some(()));
    assert!((at_ms(30_005)..at_ms(30_030)).contains(&stopped[0].0));
    assert_eq!((processed(&long), committed(&long)), (0, 0));
}

/// What its threads have in hand of a partition that moves counts for nothing.
#[test]
fn a_rebalance_repeats_what_is_in_hand_and_no_more() {
    let mut all = 0;
    for assignor in ["range", "cooperative-sticky"] {
        let told = runs(&[
            &format!("group.properties.partition.assignment.strategy={assignor}"),
            "processing.order=unordered",
            "at=[{ time = '20.003s', scale = { to = 2 } }]",
        ]);
        let again = duplicates(&told);
        assert_eq!((again.eviction, again.crash), (0, 0));
        assert!(again.revocation <= 16, "{assignor}: {again:?}");
        all += again.revocation;
        let settled = told.samples.last().expect("samples").1.clone();
        assert!(settled.iter().all(|own| own.committed > Some(25_000)));
    }
    assert!(all > 0);
}

/// Threads share a limit like everybody, and a pool at it is no faster for its threads.
#[test]
fn a_rate_limit_holds_for_the_threads_of_a_pool() {
    let bank = "downstream.bank={ latency = '20ms', rate-limit = '200/s' }";
    for threads in [8, 64] {
        let threads = format!("processing.concurrency={threads}");
        let told = runs(&[bank, &threads, "processing.time=0ms"]);
        let rate = committed_per_s(&told, &[0, 1]);
        // A commit comes as one of them is through: of 64 that go on in step, up to a third of a second later.
        assert!((rate - 200.0).abs() < 6.0, "{threads}: {rate}");
    }
    // Three calls in flight of 20 ms each.
    let places = "downstream.bank={ latency = '20ms', concurrency = 3 }";
    let rate = committed_per_s(&runs(&[places, "processing.time=0ms"]), &[0, 1]);
    assert!((rate - 150.0).abs() < 3.0, "{rate}");
    // No limit: 16 threads.
    let free = "downstream.bank={ latency = '20ms' }";
    let rate = committed_per_s(&runs(&[free, "processing.time=0ms"]), &[0, 1]);
    assert!((rate - 800.0).abs() < 8.0, "{rate}");
}

/// While the dependency is down its threads stand, and its poll loop does not.
#[test]
fn threads_wait_for_a_dependency_that_is_down() {
    let told = runs(&[
        "downstream.bank={ latency = '20ms' }",
        "processing.time=0ms",
        "group.properties.max.poll.interval.ms=5000",
        "at=[{ time = '20s', downstream = 'stop' }, { time = '40s', downstream = 'resume' }]",
    ]);
    assert_eq!(evictions(&told), []);
    let rate = processed(&told) as f64 / 40.0;
    assert!((rate - 800.0).abs() < 20.0, "{rate}");
}
