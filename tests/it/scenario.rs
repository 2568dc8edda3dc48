//! The model language: what a file may say, what becomes of it, and what is answered to a file that is wrong.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lagsim::platform::{Behavior, SelectPolicy};
use lagsim::scenario::{
    Action, Checked, Diagnostics, DownstreamChange, Override, Scenario, Source, check, schema,
};
use lagsim::units::{ProcessId, SimDuration, SimTime};
use lagsim::workload::Law;
use proptest::prelude::*;

/// Every key of the language, with comments: what a reader can copy from.
const COMPLETE: &str = include_str!("models/complete.toml");
/// The same of the autoscaler, which decides what the timeline of the other says.
const AUTOSCALED: &str = include_str!("models/autoscaled.toml");

/// The same of retry topics, which go with no limit of the dependency.
const RETRIED: &str = include_str!("models/retried.toml");

/// The files that the tests' models may name.
fn read(path: &str) -> Result<String, String> {
    Ok(match path {
        "consumer.properties" => "# from production\nmax.poll.records=250\nfetch.min.bytes : 100\n",
        "bad.properties" => "max.poll.recods=250\nsession.timeout.ms=soon\n",
        "bad-client.toml" => {
            "heartbeat = \"thread\"\nrejoin = \"next-pol\"\npoll-clock = \"0s\"\nconsumer-protocol = \"yes\"\nrebalance-timeout = \"session\"\n\
             queue = 10\nassignors = [\"range\", \"roundrobbin\"]\nfills = 5\n\
             [properties]\nsession.timout.ms = 9000\n"
        }
        "bad-pool.toml" => "auto-commit = \"completed\"\ncommit = \"async\"\n",
        "no-pool.toml" => "order = \"key\"\n",
        "pool-without-order.toml" => "auto-commit = \"completed\"\n",
        "between.toml" => {
            "heartbeats = \"between-records\"\nrebalance-timeout = \"session.timeout.ms\"\n"
        }
        "leaves.toml" => {
            "rejoin = \"heartbeat\"\nassignors = [\"range\", \"cooperative-sticky\"]\n"
        }
        "rate.csv" => "time_s,rate_per_s\n0,100\n600,300\n",
        "bad-rate.csv" => "time_s,rate_per_s\n0,100\n600,many\n",
        "backwards.csv" => "time,rate\n10m,100/s\n5m,200/s\n",
        "times.csv" => "time_ms\n4\n2\n9\n",
        "no-header.csv" => "4\n2\n9\n",
        _ => return Err("there is no such file".to_owned()),
    }
    .to_owned())
}

fn judged_as(name: &str, text: &str, overrides: &[&str]) -> Result<Checked, Diagnostics> {
    let source = Source {
        name: name.to_owned(),
        stem: "model".to_owned(),
        text: text.to_owned(),
    };
    let overrides: Vec<Override> = overrides
        .iter()
        .map(|text| Override {
            text: (*text).to_owned(),
        })
        .collect();
    check(&source, &overrides, &read)
}

fn accepted(text: &str, overrides: &[&str]) -> Scenario {
    match judged_as("model.toml", text, overrides) {
        Ok(checked) => checked.scenario,
        Err(found) => panic!("{overrides:?} refused:\n{found}"),
    }
}

fn refused(text: &str, overrides: &[&str]) -> String {
    match judged_as("model.toml", text, overrides) {
        Ok(_) => panic!("accepted {overrides:?}"),
        Err(found) => found.to_string(),
    }
}

#[test]
fn a_model_that_uses_every_key_is_accepted_without_a_doubt() {
    let checked =
        judged_as("complete.toml", COMPLETE, &[]).unwrap_or_else(|found| panic!("{found}"));
    assert!(checked.warnings.is_empty(), "{}", checked.warnings);
    let scenario = checked.scenario;
    assert_eq!(
        scenario.settings.len(),
        3,
        "its own, the deploy's and the last"
    );
    assert_eq!(scenario.settings[1].properties.max_poll_records, 50);
    assert_eq!(
        scenario.settings[2].properties.max_poll_records, 50,
        "changes stay"
    );
    assert_eq!(scenario.settings[2].processing.concurrency, 32);
    assert_eq!(scenario.group.processes.len(), 5);
    assert_eq!(scenario.group.processes[4].name, "order-processor-4");
    assert_eq!(scenario.group.processes[4].start, None);
    assert_eq!(scenario.production.shares.len(), 2);
    assert_eq!(scenario.production.shares[1].of.len(), 6);
    assert!(!scenario.settings[0].properties.enable_auto_commit);
}

#[test]
fn an_autoscaler_reads_as_keda_and_kubernetes_write_it() {
    let checked = judged_as("autoscaled.toml", AUTOSCALED, &[]);
    let checked = checked.unwrap_or_else(|found| panic!("{found}"));
    assert!(checked.warnings.is_empty(), "{}", checked.warnings);
    // Pods that may run one day are known from the start, those of the start are the members.
    let processes = &checked.scenario.group.processes;
    let start = processes.iter().filter(|one| one.start.is_some());
    assert_eq!((processes.len(), start.count()), (24, 2));
    let deployment = checked.scenario.deployment.unwrap();
    assert_eq!(deployment.start_up, SimDuration::from_secs(30));
    assert!(!deployment.graceful);
    let spec = deployment.scaled_object;
    assert_eq!(spec.initial_cooldown_period, SimDuration::from_secs(60));
    assert_eq!(spec.trigger.lag_threshold, 1_000);
    let limitation = spec.trigger.partition_limitation;
    assert_eq!(
        limitation.iter().map(|one| one.0).collect::<Vec<_>>(),
        [0, 2, 4, 5, 6, 7, 8, 9, 10, 11]
    );
    let behavior = spec.behavior.unwrap();
    assert_eq!(behavior.scale_up.policies.len(), 2);
    // What is not said has Kubernetes' defaults.
    let default = Behavior::default().scale_down;
    assert_eq!(behavior.scale_down.policies, default.policies);
    assert_eq!(
        behavior.scale_down.stabilization_window,
        SimDuration::from_secs(300)
    );
    assert_eq!(behavior.scale_down.select_policy, SelectPolicy::Disabled);
}

#[test]
fn without_idle_consumers_an_autoscaler_needs_one_process_more_than_partitions_there_will_ever_be()
{
    let allow = "autoscaler.allowIdleConsumers=false";
    let grow = "at.0={ time = '10m', add-partitions = 16 }";
    assert_eq!(accepted(AUTOSCALED, &[allow]).group.processes.len(), 13);
    assert_eq!(
        accepted(AUTOSCALED, &[allow, grow]).group.processes.len(),
        17
    );
}

#[test]
fn a_deploy_under_an_autoscaler_means_whoever_runs_then() {
    let deploy = "at.0={ time = '10m', deploy = { gap = '5s' } }";
    let entry = accepted(AUTOSCALED, &[deploy]).timeline.remove(0);
    assert_eq!(entry.label, "rolling restart of all members");
    let Action::Restart { processes, .. } = entry.action else {
        panic!("no restart: {entry:?}");
    };
    assert_eq!(processes.len(), 24);
}

/// Walks tests/bad_models/: each file beside what is answered to it. `BLESS=1` writes the answers anew, to be read.
#[test]
fn every_bad_model_is_answered_as_written_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_models");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of bad models")
        .map(|entry| entry.expect("its entries").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 60, "only {} bad models", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a bad model");
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let answer = match judged_as(&name, &text, &overrides_in(&text)) {
            Ok(checked) => format!("accepted\n{}", checked.warnings),
            Err(found) => found.to_string(),
        };
        let expected = file.with_extension("stderr");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected, &answer).expect("writing the answer");
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != answer {
            wrong.push(format!("--- {name}\n{answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Overrides that a bad model asks for in its first lines: `#--set path=value`.
fn overrides_in(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("#--set "))
        .collect()
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let text = r#"
horizon = 3
[topic]
name = "orders"
partitons = 4
[group]
name = "g"
members = 2
[group.properties]
max.pol.records = 3
heartbeat.interval.ms = 60000
[processing]
time = "4"
[[at]]
time = "1h"
explode = true
"#;
    let found = judged_as("model.toml", text, &["seed=x"]).expect_err("refused");
    let messages: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`3` has no unit of time",
            "unknown key `partitons`",
            "Kafka has no property `max.pol.records`",
            "heartbeat.interval.ms must be shorter than session.timeout.ms",
            "`4` has no unit of time",
            "the action is missing",
            "unknown key `explode`",
            "`x` does not start with a number",
        ]
    );
    for one in found.iter() {
        assert!(!one.help.is_empty(), "{} has no remedy", one.message);
    }
    let first = found
        .iter()
        .next()
        .and_then(|one| found.position(one))
        .expect("a place");
    assert_eq!(
        (first.source.as_str(), first.line, first.column),
        ("model.toml", 2, 11)
    );
}

#[test]
fn both_spellings_of_a_property_mean_the_same() {
    let nested = accepted(COMPLETE, &[]);
    let quoted = COMPLETE.replace("max.poll.records = 100", "\"max.poll.records\" = 100");
    assert_eq!(accepted(&quoted, &[]), nested);
    let header = COMPLETE.replace(
        "[group.properties]",
        "[group.properties.auto.commit.interval]\nms = 5000\n[group.properties]",
    );
    assert_eq!(accepted(&header, &[]), nested);
    let twice = COMPLETE.replace(
        "max.poll.records = 100",
        "max.poll.records = 100\n\"max.poll.records\" = 200",
    );
    assert!(refused(&twice, &[]).contains("`max.poll.records` is given twice"));
}

#[test]
fn properties_may_come_from_a_file_and_what_stands_beside_it_wins() {
    let model = accepted(COMPLETE, &["group.properties=consumer.properties"]);
    assert_eq!(model.settings[0].properties.max_poll_records, 250);
    assert_eq!(model.settings[0].properties.fetch_min_bytes, 100);
    let beside = accepted(
        COMPLETE,
        &[
            "group.properties=consumer.properties",
            "group.properties.max.poll.records=7",
        ],
    );
    assert_eq!(beside.settings[0].properties.max_poll_records, 7);
    assert_eq!(beside.settings[0].properties.fetch_min_bytes, 100);
}

#[test]
fn an_override_replaces_whichever_spelling_the_file_has() {
    for (text, records) in [
        ("group.properties.max.poll.records=7", 7),
        ("group.properties.\"max.poll.records\"=8", 8),
    ] {
        assert_eq!(
            accepted(COMPLETE, &[text]).settings[0]
                .properties
                .max_poll_records,
            records
        );
        let quoted = COMPLETE.replace("max.poll.records = 100", "\"max.poll.records\" = 100");
        assert_eq!(
            accepted(&quoted, &[text]).settings[0]
                .properties
                .max_poll_records,
            records
        );
    }
}

#[test]
fn the_last_of_two_overrides_wins() {
    assert_eq!(accepted(COMPLETE, &["seed=1", "seed=2"]).seed, 2);
}

/// One change per key of the language: each must be accepted, and change what is simulated.
const CHANGES: &[&str] = &[
    "title=another",
    "seed=8",
    "group.static=true",
    "group.start-up={ exponential = '2s' }",
    "processing.commit-on-revoke=true",
    "horizon=4h",
    "sample=5s",
    "topic.name=payments",
    "topic.start.0.committed=18443202",
    "topic.start.0.log-end=18891003",
    "topic.record-size=2KiB",
    "produce.rate=600/s",
    "produce.rate.daily.mean=700/s",
    "produce.rate.daily.peak=901/s",
    "produce.rate.daily.peak-at=2h",
    "produce.bursts.0.at=31m",
    "produce.bursts.0.length=6m",
    "produce.bursts.0.factor=2",
    "produce.bursts.0.every=50m",
    "produce.bursts.1.rate=3k/s",
    "produce.arrivals=constant",
    "produce.keys=even",
    "produce.keys.zipf=1.2",
    "produce.keys.distinct=11k",
    "produce.keys={ hot = [{ share = 0.3 }] }",
    "produce.rate={ steps = [{ at = \"0s\", rate = \"5/s\" }, { at = \"1m\", rate = \"9/s\" }], repeat = \"2m\" }",
    "produce.rate={ ramps = [{ at = \"0s\", rate = \"5/s\" }, { at = \"1m\", rate = \"9/s\" }] }",
    "produce.rate={ csv = \"rate.csv\" }",
    "cluster.brokers=3",
    "cluster.round-trip=3ms",
    "cluster.commit-latency=9ms",
    "cluster.properties.group.initial.rebalance.delay.ms=3000",
    "group.start-times=[\"0s\", \"0s\", \"0s\", \"0s\"]",
    "group.client=aiokafka",
    "group.properties.fetch.min.bytes=1000",
    "processing.time=5ms",
    "processing.time.constant=5ms",
    "processing.time.exponential=5ms",
    "processing.time={ gamma = { mean = \"5ms\", shape = 3 } }",
    "processing.time.lognormal.mean=5ms",
    "processing.time.lognormal.p99=21ms",
    "processing.time={ bimodal = { fast = \"1ms\", slow = \"1s\", slow-share = 0.01 } }",
    "processing.time={ csv = \"times.csv\" }",
    "processing.calls=0",
    "processing.concurrency=8",
    "processing.commit=per-record",
    "processing.commit={ every = '5s' }",
    "processing.commit={ every-records = 100 }",
    "processing.on-stop=finish-record",
    "processing.grace=21s",
    "downstream.bank-api.rate-limit=900/s",
    "downstream.bank-api.burst=5",
    "downstream.bank-api.latency=16ms",
    "downstream.bank-api.latency-under-load=[{ calls = 20, factor = 1 }, { calls = 61, factor = 2.5 }]",
    "downstream.bank-api.latency-under-load=[{ calls = 20, factor = 1 }, { calls = 60, factor = 3 }]",
    "downstream.bank-api.concurrency=65",
    "downstream.bank-api.timeout=3s",
    "downstream.bank-api.retry-back-off=2s",
    "downstream.bank-api.circuit-breaker.failure-rate-threshold=0.5",
    "downstream.bank-api.circuit-breaker.sliding-window-size=51",
    "downstream.bank-api.circuit-breaker.minimum-number-of-calls=21",
    "downstream.bank-api.circuit-breaker.wait-duration-in-open-state=31s",
    "downstream.bank-api.circuit-breaker.permitted-number-of-calls-in-half-open-state=6",
    "downstream.bank-api.circuit-breaker.buffer=10_001",
    "poison.0.partition=1",
    "poison.0.offset=8",
    "poison.1.share=0.0002",
    "poison.0.attempt=51ms",
    "poison.0.on-error=skip",
    "poison.0.on-error={ dead-letter = { produce = \"13ms\" } }",
    "poison.0.on-error.retry.attempts=4",
    "poison.0.on-error.retry.back-off=101ms",
    "poison.0.on-error.retry.multiplier=3",
    "poison.0.on-error.retry.max-back-off=2s",
    "poison.0.on-error.retry.then=skip",
    "poison.0.on-error=crash",
    "poison.0.on-error={ crash = { close = true } }",
    "poison.0.on-error.retry.then=crash",
    "poison.0.on-error.retry.then={ crash = { close = true } }",
    "processing.restart={ back-off = \"1s\" }",
    "processing.restart={ max-back-off = \"1m\" }",
    "processing.restart={ reset-after = \"1m\" }",
    "processing.restart={ start-up = \"5s\" }",
    "poison.0.on-error.retry.then.dead-letter.produce=13ms",
    "poison.1.on-error.retry-forever={ by = \"in-place\" }",
    "poison.1.on-error.retry-forever.back-off=501ms",
    "at.0.time=11m",
    "at.0.crash.members=2",
    "at.0.crash.restart-after=21s",
    "at.1.label=release 43",
    "at.1.every=30m",
    "at.1.until=1h",
    "at.1.deploy.gap=16s",
    "at.1.deploy.start-up=6s",
    "at.1.deploy.graceful=false",
    "at.1.deploy.rolling=false",
    "at.1.deploy.members=[3, 2]",
    "at.1.deploy.set={ processing.concurrency = 9 }",
    "at.2.restart=2",
    "at.2.restart.members=2",
    "at.3.scale=6",
    "at.3.scale.to=6",
    "at.3.scale.start-up=11s",
    "at.3.scale={ to = 3, graceful = true }",
    "at.4.add-partitions=7",
    "at.5.freeze.members=1",
    "at.5.freeze.length=11s",
    "at.6.rate=800/s",
    "at.6.rate.to=901/s",
    "at.6.rate.over=11m",
    "at.7.rate.factor=1.3",
    "at.8.downstream.latency=41ms",
    "at.8.downstream.rate-limit=none",
    "at.8.downstream.burst=11",
    "at.9.downstream=resume",
    "at.9.downstream=fail",
    "at.11.set={ processing.concurrency = 33 }",
    "at.11.takes-effect=at-restart",
    "monitoring.scrape-interval=16s",
    "monitoring.evaluation-interval=31s",
    "monitoring.evaluation-offset=6s",
    "alert.0.severity=page",
    "alert.0.when=age > 5m",
    "alert.0.for=6m",
    "alert.0.keep-firing-for=3m",
    "alert.1={ name = \"another\", when = \"sum > 1\" }",
    "expect.0.metric=final-lag",
    "expect.0.partition=1",
    "expect.0.above=2",
    "expect.0.below=20M",
    "expect.1.alert=second",
    "expect.2.cause=throttled",
];

const SEVERAL: &str = r#"
horizon = "1h"
topic = { name = "orders", partitions = 4 }
produce = { rate = "100/s" }
group = { name = "billing", members = 2 }
processing = { time = "4ms", calls = { ledger = 1, bank-api = 7 } }
downstream.bank-api = { latency = "5ms", rate-limit = "200/s" }
downstream.ledger = { latency = "2ms" }
[[at]]
time = "10m"
downstream = { ledger = "stop", bank-api = { latency = "9ms", rate-limit = "none" } }
[[at]]
time = "20m"
downstream = { ledger = { failure-rate = 0.1 } }
"#;

/// Names and calls of the dependencies, in their order.
fn called(scenario: &Scenario) -> Vec<(&str, u32)> {
    let calls = &scenario.settings[0].processing.calls;
    let names = scenario.downstreams.iter().map(|own| own.name.as_str());
    names.zip(calls.iter().copied()).collect()
}

/// What changes of which.
fn changes(scenario: &Scenario) -> Vec<(usize, DownstreamChange)> {
    let actions = scenario.timeline.iter().map(|entry| &entry.action);
    let changes = actions.map(|action| match action {
        Action::Downstream(which, change) => (*which, change.clone()),
        other => panic!("{other:?}"),
    });
    changes.collect()
}

#[test]
fn several_dependencies_are_called_in_the_order_of_the_file() {
    let scenario = accepted(SEVERAL, &[]);
    assert_eq!(called(&scenario), [("bank-api", 7), ("ledger", 1)]);
    assert_eq!(scenario.shared(), 0);
    let slower = DownstreamChange::Latency(Law::Constant(0.009));
    let expected = [
        (1, DownstreamChange::Stop),
        (0, slower),
        (0, DownstreamChange::Limit(None)),
        (1, DownstreamChange::FailureRate(0.1)),
    ];
    let told = changes(&scenario);
    assert_eq!(told.len(), expected.len());
    assert!(
        expected.iter().all(|change| told.contains(change)),
        "{told:?}"
    );
    let labels: Vec<&str> = (scenario.timeline.iter())
        .map(|entry| entry.label.as_str())
        .collect();
    assert_eq!(labels[0], "ledger stops");

    // What is set anew stays where it was, what is new comes last.
    let moved = accepted(
        SEVERAL,
        &[
            "downstream.bank-api={ latency = '6ms' }",
            "downstream.audit={ latency = '1ms', concurrency = 3 }",
            "processing.calls.audit=2",
            "at.0.downstream={ audit = 'fail' }",
        ],
    );
    assert_eq!(
        called(&moved),
        [("bank-api", 7), ("ledger", 1), ("audit", 2)]
    );
    assert_eq!(moved.shared(), 2);
    assert_eq!(changes(&moved)[0], (2, DownstreamChange::Fail));
    let without = SEVERAL.replace("calls = { ledger = 1, bank-api = 7 }", "concurrency = 1");
    assert_eq!(accepted(&without, &[]).settings[0].processing.calls, [1, 1]);
}

/// What is said of the only dependency may name it, so that a second one is added without a change.
#[test]
fn an_only_dependency_may_be_named() {
    let one = SEVERAL.replace("downstream.ledger = { latency = \"2ms\" }", "");
    let one = one
        .replace("ledger = 1, ", "")
        .replace("ledger = \"stop\", ", "");
    let one = one.replace("ledger = {", "bank-api = {");
    let named = accepted(&one, &[]);
    assert_eq!(changes(&named).len(), 3);
    let short = [
        "processing.calls=7",
        "at.1.downstream={ failure-rate = 0.1 }",
    ];
    assert_eq!(named, accepted(&one, &short));
}

#[test]
fn each_key_changes_the_scenario() {
    // A second alert for expect.1.alert to name.
    let second = "alert.1={ name = \"second\", when = \"max > 5\" }";
    let base = accepted(COMPLETE, &[second]);
    let first = accepted(COMPLETE, &[]);
    let mut wrong = Vec::new();
    for change in CHANGES {
        let before = if change.starts_with("alert.1") {
            &first
        } else {
            &base
        };
        match judged_as("model.toml", COMPLETE, &[second, change]) {
            Err(found) => wrong.push(format!("{change} is refused:\n{found}")),
            Ok(changed) if changed.scenario == *before => {
                wrong.push(format!("{change} changes nothing"));
            }
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (text, other) in [
        ("partitions = 4\nbacklog = \"2M\"", "partitions = 5"),
        (
            "partitions = 2\nbacklog = [1, 2]",
            "partitions = 2\nbacklog = [1, 3]",
        ),
    ] {
        let with = |topic: &str| accepted(&SMALL.replace("partitions = 4", topic), &[]);
        assert_ne!(with(text), with(other));
    }
    for (text, other) in [
        (
            "[[group.member]]\nname = \"a\"",
            "[[group.member]]\nname = \"b\"",
        ),
        ("[[group.member]]\nstart = \"1s\"", "members = 1"),
    ] {
        let with = |group: &str| accepted(&SMALL.replace("members = 2", group), &[]);
        assert_ne!(with(text), with(other));
    }
    assert_ne!(accepted(SMALL, &["group.name=h"]), accepted(SMALL, &[]));
    let weights = "rate = \"9/s\"\nkeys = { weights = [1, 2, 3, 4] }";
    assert_ne!(
        accepted(&SMALL.replace("rate = \"9/s\"", weights), &[]),
        accepted(SMALL, &[])
    );
}

/// A model without the sections that have defaults.
const SMALL: &str = r#"
horizon = "1h"
[topic]
name = "orders"
partitions = 4
[produce]
rate = "9/s"
[group]
name = "g"
members = 2
[processing]
time = "4ms"
"#;

/// The actions of a timeline written after a group of three.
fn timeline(at: &str) -> Vec<Action> {
    let text = SMALL.replace("members = 2", "members = 3");
    let scenario = accepted(&format!("{text}{at}"), &[]);
    scenario
        .timeline
        .into_iter()
        .map(|entry| entry.action)
        .collect()
}

fn ids(members: &[u32]) -> Vec<ProcessId> {
    members.iter().copied().map(ProcessId).collect()
}

#[test]
fn a_deploy_restarts_those_that_run_at_its_time() {
    let actions = timeline(
        r#"
[[at]]
time = "1m"
crash = 1
[[at]]
time = "3m"
deploy = { gap = "5s" }
[[at]]
time = "2m"
scale = { to = 4, start-up = "7s" }
"#,
    );
    let Action::Start {
        processes,
        start_up,
    } = &actions[1]
    else {
        panic!("{actions:?}");
    };
    assert_eq!(
        (processes, *start_up),
        (&ids(&[1, 3]), SimDuration::from_secs(7))
    );
    let Action::Restart {
        processes,
        rolling,
        graceful,
        gap,
        ..
    } = &actions[2]
    else {
        panic!("{actions:?}");
    };
    assert_eq!(processes, &ids(&[0, 1, 2, 3]));
    assert_eq!(
        (*rolling, *graceful, *gap),
        (true, true, SimDuration::from_secs(5))
    );
}

#[test]
fn a_member_that_is_restarted_after_a_crash_still_counts_as_running() {
    let actions = timeline(
        "[[at]]\ntime = \"1m\"\ncrash = { members = \"all\", restart-after = \"5s\" }\n[[at]]\ntime = \"2m\"\nscale = 2\n",
    );
    assert_eq!(
        actions[1],
        Action::Stop {
            processes: ids(&[2]),
            graceful: true
        }
    );
}

#[test]
fn repetitions_end_with_until_and_with_the_horizon() {
    let freeze = "\nfreeze = { length = \"1s\" }\n[[at]]\ntime = \"50m\"\nevery = \"5m\"\nfreeze = { length = \"1s\" }\n";
    let actions = timeline(&format!(
        "[[at]]\ntime = \"10m\"\nevery = \"5m\"\nuntil = \"20m\"{freeze}"
    ));
    assert_eq!(actions.len(), 3 + 3, "10, 15, 20 and 50, 55, 60 minutes");
}

#[test]
fn settings_of_the_timeline_build_on_each_other_in_order_of_time() {
    let text = format!(
        "{SMALL}{}",
        r#"
[[at]]
time = "20m"
set = { processing.time = { exponential = "5ms" } }
[[at]]
time = "10m"
every = "15m"
set = { group.properties.max.poll.records = 9 }
takes-effect = "now"
"#
    );
    let scenario = accepted(&text, &[]);
    let settings = &scenario.settings;
    assert_eq!(settings.len(), 3);
    assert_eq!(settings[1].properties.max_poll_records, 9);
    assert_eq!(settings[1].processing, settings[0].processing);
    assert_eq!(settings[2].properties.max_poll_records, 9);
    assert_eq!(
        settings[2].processing.time,
        Law::Exponential { mean: 0.005 }
    );
    let actions: Vec<&Action> = scenario
        .timeline
        .iter()
        .map(|entry| &entry.action)
        .collect();
    assert_eq!(*actions[0], Action::Adopt { settings: 1 });
    assert_eq!(*actions[1], Action::AdoptAtRestart { settings: 2 });
    assert_eq!(
        *actions[2],
        Action::Adopt { settings: 2 },
        "nothing new the second time"
    );
}

#[test]
fn the_rate_follows_bursts_and_the_timeline() {
    let text = SMALL.replace(
        "rate = \"9/s\"",
        "rate = \"10/s\"\nbursts = [{ at = \"5m\", length = \"1m\", factor = 3, every = \"30m\" }]",
    );
    let text = format!("{text}[[at]]\ntime = \"30m\"\nrate = {{ to = \"20/s\", over = \"2m\" }}\n");
    let curve = accepted(&text, &[]).production.curve;
    for (minute, rate) in [
        (0, 10.0),
        (5, 30.0),
        (6, 10.0),
        (31, 15.0),
        (32, 20.0),
        (35, 60.0),
        (59, 20.0),
    ] {
        let at = SimTime::from_secs(minute * 60);
        assert!(
            (curve.rate_at(at) - rate).abs() < 1e-6,
            "{} at minute {minute}",
            curve.rate_at(at)
        );
    }
}

#[test]
fn a_static_group_names_every_process_and_a_member_may_bring_its_own_id() {
    let ids = |text: &str| -> Vec<Option<String>> {
        let processes = accepted(text, &[]).group.processes;
        processes.into_iter().map(|p| p.instance_id).collect()
    };
    let some = |id: &str| Some(id.to_owned());
    let scale = "[[at]]\ntime = \"10m\"\nscale = { to = 3 }\n";
    let members = "members = 2";
    assert!(SMALL.contains(members), "{SMALL}");
    let name = accepted(SMALL, &[]).group.name;
    let counted = SMALL.replace(members, "members = 2\nstatic = true") + scale;
    let named = [0, 1, 2].map(|index| Some(format!("{name}-{index}")));
    assert_eq!(ids(&counted), named);
    let listed = "member = [{ name = \"blue\", instance-id = \"pod-0\" }, { name = \"green\" }]";
    let own = SMALL.replace(members, listed) + scale;
    assert_eq!(ids(&own), [some("pod-0"), None, None]);
    let both = SMALL.replace(members, &format!("static = true\n{listed}")) + scale;
    assert_eq!(ids(&both), [some("pod-0"), some("green"), named[2].clone()]);
}

#[test]
fn a_backlog_is_spread_evenly_and_aiokafka_brings_its_own_defaults() {
    let text = SMALL.replace("partitions = 4", "partitions = 4\nbacklog = 10");
    let scenario = accepted(&text, &["group.client=aiokafka"]);
    let ends: Vec<u64> = scenario
        .topic
        .partitions
        .iter()
        .map(|start| start.log_end)
        .collect();
    assert_eq!(ends, [3, 3, 2, 2]);
    assert_eq!(
        scenario.settings[0].properties.session_timeout,
        SimDuration::from_secs(10)
    );
}

#[test]
fn the_schema_is_json_and_explains_every_key() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).expect("JSON");
    let mut keys = BTreeSet::new();
    keys_of(&schema, &mut keys);
    assert!(keys.len() > 90, "{keys:?}");
    let covered = format!("{}{COMPLETE}{AUTOSCALED}{RETRIED}", CHANGES.join("\n"));
    let elsewhere = [
        "limitToPartitionsWithLag",
        "backlog",
        "member",
        "weights",
        "instance-id",
        "client-id",
        "from-file",
        "start",
        "factor",
        "none",
    ];
    for key in &keys {
        assert!(
            covered.contains(key.as_str()) || elsewhere.contains(&key.as_str()),
            "no test changes `{key}`"
        );
    }
}

/// Every key of every table of a schema; panics at one without a description.
fn keys_of(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(object) => {
            for (word, value) in object {
                // What stands under `properties` are keys of the model; all else is the schema's own.
                match value {
                    serde_json::Value::Object(properties) if word == "properties" => {
                        for (key, value) in properties {
                            let explained = value.get("description").is_some();
                            assert!(explained, "`{key}` is not explained");
                            keys.insert(key.clone());
                            keys_of(value, keys);
                        }
                    }
                    _ => keys_of(value, keys),
                }
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| keys_of(value, keys)),
        _ => {}
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let found = judged_as("model.toml", "horizon = 3", &[]).expect_err("refused");
    let coloured = found.render(true);
    assert!(coloured.contains('\u{1b}'));
    assert!(!found.render(false).contains('\u{1b}'));
}

#[test]
fn hostile_shapes_are_refused_and_do_not_exhaust_the_stack() {
    let deep = format!("{}x = 1", "a.".repeat(100_000));
    assert!(judged_as("m", &deep, &[]).is_err());
    let brackets = format!("x = {}", "[".repeat(100_000));
    assert!(judged_as("m", &brackets, &[]).is_err());
    let braces = format!("x = {}", "{a=".repeat(100_000));
    assert!(judged_as("m", &braces, &[]).is_err());
    let header = format!("[{}x]", "a.".repeat(100_000));
    assert!(judged_as("m", &header, &[]).is_err());
    let path = format!("{}x=1", "a.".repeat(100_000));
    assert!(judged_as("m", SMALL, &[&path]).is_err());
    let quoted = format!("{}x = 1", "\"a\".".repeat(100_000));
    assert!(judged_as("m", &quoted, &[]).is_err());
    for text in [
        "",
        "\u{feff}",
        "\r\n\t",
        "=",
        "[[",
        "a = \"\\u",
        "é = 'ü",
        "[at]\n[[at]]",
    ] {
        assert!(judged_as("m", text, &[text, "=", "a.b", "at.0=1"]).is_err());
    }
}

#[test]
fn retry_topics_have_the_names_and_partitions_of_their_topic_unless_told_otherwise() {
    let checked = judged_as("retried.toml", RETRIED, &[]).unwrap_or_else(|why| panic!("{why}"));
    assert!(checked.warnings.is_empty(), "{}", checked.warnings);
    let topics = checked.scenario.retry_topics.iter();
    let told: Vec<(&str, u64, u32)> = topics
        .map(|own| {
            (
                own.name.as_str(),
                own.delay.as_nanos() / 1_000_000_000,
                own.partitions,
            )
        })
        .collect();
    assert_eq!(
        told,
        [("orders-retry-0", 60, 4), ("orders-last-try", 900, 1)]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written over a good model, the answer is a scenario or diagnostics that can be shown.
    #[test]
    fn no_mutation_of_a_good_model_panics(
        good in prop::sample::select(vec![COMPLETE, AUTOSCALED, RETRIED]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[ -~\n\"'\\[\\]{}=.,é0-9]{0,4}"), 1..6)
    ) {
        let mut text = good.to_owned();
        for (from, length, new) in edits {
            let from = boundary(&text, from.index(text.len()));
            let to = boundary(&text, (from + length.index(12)).min(text.len()));
            text.replace_range(from..to.max(from), &new);
        }
        if let Err(found) = judged_as("model.toml", &text, &[]) {
            prop_assert!(!found.is_empty());
            prop_assert!(!found.render(true).is_empty());
        }
    }

    /// Any text as an override.
    #[test]
    fn no_override_panics(path in "[a-z.0-9\"-]{0,24}", value in "[ -~]{0,12}") {
        let text = format!("{path}={value}");
        if let Err(found) = judged_as("model.toml", SMALL, &[&text]) {
            prop_assert!(!found.render(false).is_empty());
        }
    }

    /// Any text as a model.
    #[test]
    fn no_text_panics(text in any::<String>()) {
        if let Err(found) = judged_as("model.toml", &text, &[]) {
            prop_assert!(!found.render(false).is_empty());
        }
    }
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
