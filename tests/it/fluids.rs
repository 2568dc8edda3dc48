//! Fluid limits: what a group that is held back gains and loses in the long run follows from rates alone, whatever its client and
//! its protocol do in between.

use lagsim::scenario::Client;

use crate::clients::with_client;
use crate::systems::{Told, lag_records, run};

/// Each client with what makes it speak one protocol or another, and no more than ten records in hand.
fn each_client(model: &str, settings: &[&str], check: impl Fn(&str, &Told)) {
    let cooperative = "group.properties.partition.assignment.strategy='cooperative-sticky'";
    let consumer = "group.properties.group.protocol='consumer'";
    let others = [
        ("java", cooperative),
        ("java", consumer),
        ("librdkafka", consumer),
    ];
    let plain = Client::names().map(|name| (name, "group.static=false"));
    for (client, protocol) in plain.chain(others) {
        let settings: Vec<&str> = settings
            .iter()
            .copied()
            .chain([protocol, "group.properties.max.poll.records=10"])
            .collect();
        check(
            &format!("{client}, {protocol}"),
            &run(&with_client(model, client, &settings)),
        );
    }
}

/// How fast the lag of all partitions, or of one, grows between two times [records/s].
fn slope(told: &Told, partition: Option<usize>, from: usize, to: usize) -> f64 {
    let lag = |second: usize| {
        let (_, samples) = &told.samples[second];
        let own = samples.iter().enumerate();
        let own = own.filter(|(index, _)| partition.is_none_or(|only| only == *index));
        own.map(|(_, sample)| lag_records(sample)).sum::<u64>() as f64
    };
    (lag(to) - lag(from)) / (to - from) as f64
}

/// 60/s come until 400 s, and 40/s is all that the dependency takes: 20/s are gained, then 40/s worked off.
#[test]
fn a_throttled_group_gains_what_is_beyond_the_limit_and_drains_at_it() {
    let model = r#"
horizon = "550s"
sample = "1s"
topic = { name = "payments", partitions = 4, record-size = "100KiB" }
produce = { rate = { steps = [{ at = "0s", rate = "60/s" }, { at = "400s", rate = "0/s" }] } }
group = { name = "payments", members = 2 }
processing = { time = "1ms", calls = 1 }
downstream.bank = { latency = "5ms", rate-limit = "40/s", burst = 1 }
"#;
    each_client(
        model,
        &["group.properties.auto.offset.reset='earliest'"],
        |name, told| {
            let (gained, drained) = (slope(told, None, 60, 400), slope(told, None, 420, 540));
            // A batch of each member, or five seconds of commits, come early or late.
            assert!((gained - 20.0).abs() < 1.0, "{name}: {gained}/s gained");
            assert!((drained + 40.0).abs() < 2.0, "{name}: {drained}/s drained");
        },
    );
}

/// Half of 240/s go to the first of four partitions, and a member does 100/s: that partition gains 20/s, and the others, which get 40/s
/// each, nothing.
#[test]
fn a_hot_partition_gains_what_its_member_cannot_do_and_no_other_gains_any() {
    let model = r#"
horizon = "400s"
sample = "1s"
topic = { name = "orders", partitions = 4, record-size = "100KiB" }
produce = { rate = "240/s", keys = { weights = [3, 1, 1, 1] } }
group = { name = "orders", members = 4 }
processing = { time = "10ms", concurrency = 1 }
[cluster]
round-trip = "0ms"
commit-latency = "0ms"
"#;
    each_client(
        model,
        &["group.properties.auto.offset.reset='earliest'"],
        |name, told| {
            let hot = slope(told, Some(0), 60, 400);
            assert!((hot - 20.0).abs() < 2.0, "{name}: {hot}/s gained");
            for other in 1..4 {
                let gained = slope(told, Some(other), 60, 400);
                assert!(
                    gained.abs() < 1.0,
                    "{name}: partition {other} gains {gained}/s"
                );
            }
        },
    );
}
