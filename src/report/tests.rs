use super::*;
use crate::measure::fixture::{alert, eviction, flapping, incident, mark, outcome, scenario};
use crate::sim::{Fact, PartitionState};

fn file(name: &str, scenario: &Scenario, outcomes: &[Outcome]) -> String {
    let files = files(scenario, outcomes, false).unwrap();
    let (_, bytes) = files.into_iter().find(|(other, _)| *other == name).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Two partitions over three samples, an eviction, a change and an alert.
fn small() -> (Scenario, Outcome) {
    let mut model = scenario(2, 2, 60, 30);
    model.alerts = vec![alert("lag", "page", 100.0, 0)];
    model.timeline = vec![mark(30, "deploy, again")];
    let mut facts = vec![(30, Fact::Timeline { entry: 0 })];
    facts.extend(eviction(31, 1, 4));
    let curve = |partition: usize, second: u64| {
        let state = if second < 60 {
            PartitionState::KeepingUp
        } else {
            PartitionState::Evicted
        };
        (partition as u64 * second * 4, state)
    };
    let run = outcome(&model, &curve, &facts);
    (model, run)
}

#[test]
fn events_csv_tells_facts_and_alerts_in_order_of_time() {
    let (model, run) = small();
    insta::assert_snapshot!(file("events.csv", &model, &[run]), @r#"
    time_s,event,member,partition,generation,detail
    30.000,timeline,,,,"deploy, again"
    30.000,alert-pending,,1,,lag (page)
    30.000,alert-firing,,1,,lag (page)
    31.000,member-evicted,order-processor-1,,,max.poll.interval.ms exceeded
    31.000,rebalance-started,order-processor-1,,1,member-left
    35.000,group-stable,,,2,
    35.000,member-resumed,order-processor-1,,,stood still since 31.000
    "#);
}

/// In Kafka's words: there are no generations, and the coordinator fences.
#[test]
fn events_of_a_consumer_group_are_told_in_its_terms() {
    let mut model = scenario(2, 2, 60, 30);
    model.settings[0].properties.group_protocol = crate::kafka::GroupProtocol::Consumer;
    let process = crate::units::ProcessId(1);
    let removal = Some(crate::kafka::RemovalReason::SessionExpired);
    let facts = [
        Fact::GenerationStarted {
            generation: 3,
            members: 2,
        },
        Fact::MemberEvicted { process, removal },
        Fact::ProcessStopped {
            process,
            reason: crate::sim::StopReason::Refused,
        },
        Fact::CommitFailed {
            process,
            error: Some(crate::kafka::KafkaError::StaleMemberEpoch),
            records: 7,
        },
    ];
    let run = outcome(
        &model,
        &|_, _| (0, PartitionState::KeepingUp),
        &facts.map(|fact| (10, fact)),
    );
    insta::assert_snapshot!(file("events.csv", &model, &[run]), @r#"
    time_s,event,member,partition,generation,detail
    10.000,target-assigned,,,3,2 members
    10.000,member-fenced,order-processor-1,,,session-expired
    10.000,process-stopped,order-processor-1,,,unreleased-instance-id
    10.000,commit-failed,order-processor-1,,,"stale-member-epoch, 7 records"
    "#);
}

#[test]
fn a_decision_of_the_autoscaler_is_an_event_with_its_reason_and_the_lag_it_saw() {
    let (model, run) = flapping();
    let document: serde_json::Value =
        serde_json::from_str(&file("summary.json", &model, std::slice::from_ref(&run))).unwrap();
    let events = file("events.csv", &model, &[run]);
    let rows: Vec<&str> = events.lines().skip(1).take(2).collect();
    assert_eq!(
        rows,
        [
            "300.000,scaled,,,,\"2 to 1: below-target, lag 0\"",
            "315.000,scaled,,,,\"1 to 2: above-target, lag 55\"",
        ]
    );
    let replicas = &document["replicas"];
    assert_eq!(replicas["change_count"], 20);
    assert_eq!(replicas["taken_back_count"], 10);
    assert_eq!(replicas["max"], 2);
    assert_eq!(replicas["final"], 2);
    assert_eq!(replicas["changes"][1]["reason"], "above-target");
    assert_eq!(replicas["changes"][1]["lag"], 55);
    let (_, plain) = incident();
    let summary = serde_json::to_value(&plain.summary).unwrap();
    assert_eq!(summary["replicas"], serde_json::Value::Null);
}

#[test]
fn summary_json_names_everything_a_program_looks_for() {
    let (model, run) = incident();
    let document: serde_json::Value =
        serde_json::from_str(&file("summary.json", &model, std::slice::from_ref(&run))).unwrap();
    let keys = [
        "schema_version",
        "lagsim_version",
        "model",
        "seed",
        "produced",
        "processed",
        "committed",
        "duplicates",
        "lost",
        "skipped",
        "dead_lettered",
        "retried",
        "given_up_again",
        "retry_topics",
        "lag",
        "age_s",
        "rebalances",
        "evictions",
        "alerts",
        "drained_at_s",
        "attribution",
        "expectations",
        "partitions",
        "polls",
        "commits",
    ];
    for key in keys {
        assert!(document.get(key).is_some(), "{key}");
    }
    assert_eq!(document["lag"]["final"], 3_605_456);
    assert_eq!(document["partitions"][2]["poison"]["offset"], 0);
    assert_eq!(document["rebalances"][0]["cause"], "max-poll-interval");
    assert_eq!(document["rebalances"][0]["pauses"][0]["pause_s"], 9.0);
    assert_eq!(document["drained_at_s"], serde_json::Value::Null);
    let alert = &document["alerts"][0];
    assert_eq!(
        (
            alert["pending_at_s"].as_f64(),
            alert["firing_at_s"].as_f64()
        ),
        (Some(0.0), Some(300.0))
    );
    assert_eq!(document.get("replications"), None);
}

/// Per partition and in total: what the states gained less what they lost is the final less the initial lag.
#[test]
fn the_attribution_of_the_summary_adds_up() {
    let (model, run) = incident();
    let text = file("summary.json", &model, &[run]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let wholes = document["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .chain([&document]);
    for whole in wholes {
        let causes = whole["attribution"].as_array().unwrap();
        let net: i64 = causes
            .iter()
            .map(|cause| cause["lag_net"].as_i64().unwrap())
            .sum();
        let lag = &whole["lag"];
        assert_eq!(
            net,
            lag["final"].as_i64().unwrap() - lag["initial"].as_i64().unwrap()
        );
    }
}

#[test]
fn replications_come_with_intervals() {
    let model = scenario(1, 1, 60, 30);
    let runs: Vec<Outcome> = [100, 200, 300]
        .map(|lag| outcome(&model, &|_, _| (lag, PartitionState::KeepingUp), &[]))
        .into();
    let document: serde_json::Value =
        serde_json::from_str(&file("summary.json", &model, &runs)).unwrap();
    let figure = &document["replications"]["figures"][0];
    assert_eq!(
        (figure["name"].as_str(), figure["mean"].as_f64()),
        (Some("max-lag"), Some(200.0))
    );
    assert!(
        (figure["high"].as_f64().unwrap() - 448.43).abs() < 0.1,
        "{figure}"
    );
    let plain = terminal::Style {
        colour: false,
        chart: false,
    };
    let text = terminal::run(&runs, plain);
    assert!(text.contains("Over 3 replications"), "{text}");
}

#[test]
fn nothing_that_was_run_is_an_error_and_no_panic() {
    let model = scenario(1, 1, 60, 30);
    assert!(matches!(
        files(&model, &[], true),
        Err(RenderError::NoOutcome)
    ));
}

#[test]
fn the_terminal_tells_the_verdict_first_and_needs_no_colour() {
    let (_, run) = incident();
    let style = |colour| terminal::Style {
        colour,
        chart: false,
    };
    let plain = terminal::run(std::slice::from_ref(&run), style(false));
    let coloured = terminal::run(std::slice::from_ref(&run), style(true));
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[31m✗"));
    assert!(
        plain.lines().all(|line| line.chars().count() <= 110),
        "{plain}"
    );
    let places: Vec<_> = [
        "Partition 2 is blocked",
        "What would help",
        "Alerts",
        "Totals",
        "Partitions",
    ]
    .map(|part| plain.find(part))
    .into();
    assert!(
        places.is_sorted() && places.iter().all(Option::is_some),
        "{places:?}\n{plain}"
    );
}
