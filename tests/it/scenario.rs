//! The model language: what a file may say, and what becomes of it.

mod keys;
mod mistakes;
mod timeline;

use lagsim::platform::{Behavior, SelectPolicy};
use lagsim::scenario::{
    Action, Checked, Diagnostics, DownstreamChange, Override, Scenario, Source, check,
};
use lagsim::units::SimDuration;
use lagsim::workload::Law;

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
