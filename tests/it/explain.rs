//! Why a partition is where it is: what is told in each state, and that the figures add up.

use lagsim::experiment::run_once;
use lagsim::measure::{Explanation, Keep, Outcome, explain};
use lagsim::scenario::{Override, Scenario, Source, check};
use lagsim::units::SimTime;

/// Four partitions with 1,000 records each in front of two members.
const MODEL: &str = r#"
seed = 7
horizon = "20m"
[topic]
name = "orders"
partitions = 4
backlog = 4000
[produce]
rate = "100/s"
[group]
name = "group"
members = 2
properties = { max.poll.records = 100, session.timeout.ms = 10000, max.poll.interval.ms = 60000 }
[processing]
time = "5ms"
commit = "after-batch"
"#;

fn ran(changes: &[&str]) -> (Scenario, Outcome) {
    let source = Source {
        name: "model.toml".into(),
        stem: "model".into(),
        text: MODEL.into(),
    };
    let overrides: Vec<Override> = changes
        .iter()
        .map(|change| Override {
            text: (*change).into(),
        })
        .collect();
    let checked = check(&source, &overrides, &|_| Err("no files here".into()));
    let scenario = checked.expect("a model").scenario;
    let outcome = run_once(&scenario, 0, Keep::EVERY);
    (scenario, outcome)
}

fn told(changes: &[&str], at: u64, partition: Option<u32>) -> Explanation {
    let (scenario, outcome) = ran(changes);
    explain(&scenario, &outcome, SimTime::from_secs(at), partition).expect("an explanation")
}

/// The state is `state`, and the words hold all of `words`.
fn says(told: &Explanation, state: &str, words: &[&str]) {
    let why = told.why.join(" ");
    assert_eq!(told.state, state, "{told:#?}");
    for word in words {
        assert!(why.contains(word), "`{word}` is missing: {told:#?}");
    }
}

#[test]
fn a_group_that_starts_waits_for_its_first_join() {
    let told = told(&[], 1, None);
    says(
        &told,
        "starting",
        &[
            "group-0 was the first to start, at 0s",
            "group.initial.rebalance.delay.ms (3s)",
        ],
    );
    assert_eq!(told.owner, None);
    let later = ["group={ name = \"group\", member = [{ name = \"a\", start = \"10m\" }] }"];
    says(
        &self::told(&later, 1, None),
        "starting",
        &["No member has started yet"],
    );
}

#[test]
fn saturated_members_are_told_with_rates_and_with_how_many_partitions_they_share_their_time_among()
{
    let told = told(&["processing.time=\"30ms\""], 600, Some(1));
    says(
        &told,
        "saturated",
        &["in the last 5m 2", "/s were committed", "1 other partition"],
    );
    assert!(told.owner.is_some());
    assert_eq!(
        (told.partition, told.time_s, told.lag_then),
        (1, 600.0, 1_000)
    );
}

#[test]
fn a_partition_that_keeps_up_has_nothing_to_explain() {
    let told = told(&[], 1_000, Some(2));
    says(&told, "keeping-up", &["max.poll.records = 100"]);
    assert_eq!(told.states.len(), 1);
}

#[test]
fn a_throttled_partition_names_the_dependency_and_an_outage_since_when() {
    let limit = "downstream={ bank = { rate-limit = \"50/s\", burst = 1, latency = \"1ms\" } }";
    let calls = "processing.calls=1";
    says(
        &told(&[limit, calls], 600, None),
        "throttled",
        &["waits for bank (limit 50/s)", "arrived here"],
    );
    let patient = "group.properties.max.poll.interval.ms=6000000";
    let stop = "at.0={ time = \"5m\", downstream = \"stop\" }";
    let limit = "downstream={ bank = { latency = \"1ms\" } }";
    says(
        &told(&[limit, calls, stop, patient], 350, None),
        "throttled",
        &["answered nothing since 5m"],
    );
}

/// At the bank's limit all the time, and the ledger is away for a minute: each is named while it holds the group up.
#[test]
fn of_several_dependencies_the_one_is_named_that_is_waited_for() {
    let changes = [
        "downstream={ bank = { rate-limit = \"50/s\", burst = 1, latency = \"1ms\" }, ledger = { latency = \"2ms\" } }",
        "group.properties.max.poll.interval.ms=6000000",
        "at.0={ time = \"5m\", downstream = { ledger = \"stop\" } }",
        "at.1={ time = \"6m\", downstream = { ledger = \"resume\" } }",
    ];
    says(
        &told(&changes, 250, None),
        "throttled",
        &["waits for bank (limit 50/s)"],
    );
    let away = told(&changes, 350, None);
    says(
        &away,
        "throttled",
        &["waits for ledger, which has answered nothing since 5m"],
    );
    says(
        &told(&changes, 600, None),
        "throttled",
        &["waits for bank (limit 50/s)"],
    );

    let (_, outcome) = ran(&changes);
    let mut causes = outcome.summary.attribution.iter();
    let throttled = causes.find(|own| own.state == "throttled").expect("one");
    let waits = &throttled.dependencies;
    let names: Vec<&str> = waits.iter().map(|own| own.dependency.as_str()).collect();
    assert_eq!(names, ["bank", "ledger"]);
    assert_eq!(
        waits.iter().map(|own| own.lag_gained).sum::<u64>(),
        throttled.lag_gained
    );
    // Four partitions for a minute, at 100/s in all.
    assert!((waits[1].seconds - 240.0).abs() <= 8.0, "{waits:?}");
    assert!((5_500..6_700).contains(&waits[1].lag_gained), "{waits:?}");
    let own = outcome.summary.partitions[0].attribution.iter();
    let own: Vec<u64> = own
        .flat_map(|cause| &cause.dependencies)
        .map(|own| own.lag_gained)
        .collect();
    assert!((1_200..1_800).contains(&own[1]), "{own:?}");
    let causes = outcome.summary.verdict.causes.join(" ");
    assert!(
        causes.contains("ledger answers nothing from 5m to 6m"),
        "{causes}"
    );
    assert!(
        causes.contains("Members wait for bank (") && causes.contains(" and ledger ("),
        "{causes}"
    );
    let remedies = outcome.summary.verdict.remedies.join(" ");
    assert!(remedies.contains("ledger: records given up"), "{remedies}");
    assert!(
        remedies.contains("bank: a higher limit (50/s now)"),
        "{remedies}"
    );
}

/// What is given up at the ledger has waited for the bank before: the outage of the one is not what holds the group up.
#[test]
fn where_records_are_given_up_the_limit_before_is_what_is_waited_for() {
    let changes = [
        "downstream={ bank = { rate-limit = \"50/s\", burst = 1, latency = \"1ms\" }, ledger = { latency = \"2ms\", on-error = \"skip\" } }",
        "at.0={ time = \"5m\", downstream = { ledger = \"fail\" } }",
        "at.1={ time = \"8m\", downstream = { ledger = \"resume\" } }",
    ];
    says(
        &told(&changes, 400, None),
        "throttled",
        &["waits for bank (limit 50/s), which all members share"],
    );
}

/// Nothing is shared: what is waited for is the outage, and it is enough to name that.
#[test]
fn an_outage_of_the_second_is_told_as_one_of_the_only() {
    let (_, outcome) = ran(&[
        "downstream={ bank = { latency = \"1ms\" }, ledger = { latency = \"1ms\" } }",
        "group.properties.max.poll.interval.ms=6000000",
        "at.0={ time = \"5m\", downstream = { ledger = \"stop\" } }",
        "at.1={ time = \"10m\", downstream = { ledger = \"resume\" } }",
    ]);
    let verdict = &outcome.summary.verdict;
    let causes = verdict.causes.join(" ");
    assert!(
        causes.contains("ledger answers nothing from 5m to 10m: members wait"),
        "{causes}"
    );
    assert!(causes.contains("Members wait for ledger; "), "{causes}");
    assert!(!causes.contains("bank"), "{causes}");
    let remedies = verdict.remedies.join(" ");
    assert!(remedies.contains("ledger: a circuit breaker"), "{remedies}");
    assert!(!remedies.contains("bank"), "{remedies}");
}

#[test]
fn a_poison_record_blocks_its_partition_and_those_of_the_same_poll_loop() {
    let by = |by: &str| {
        format!(
            "poison.0={{ partition = 0, offset = 10, attempt = \"1s\", on-error = {{ retry-forever = {{ by = \"{by}\" }} }} }}"
        )
    };
    says(
        &told(&[&by("seek")], 100, Some(0)),
        "blocked",
        &[
            "offset 10 is in the way since",
            "whoever reads the partition",
        ],
    );
    let (scenario, outcome) = ran(&[
        &by("in-place"),
        "group.properties.max.poll.interval.ms=6000000",
    ]);
    let at = SimTime::from_secs(100);
    let all = (0..4).filter_map(|own| explain(&scenario, &outcome, at, Some(own)));
    let beside: Vec<_> = all
        .filter(|own| own.partition != 0 && own.state == "blocked")
        .collect();
    assert_eq!(beside.len(), 1);
    says(
        &beside[0],
        "blocked",
        &["(partition 0, offset 10)", "one poll loop"],
    );
}

#[test]
fn a_rebalance_is_told_with_its_cause_and_with_whom_its_barrier_waits_for() {
    // Batches of half a minute: the member that stays rejoins late.
    let changes = [
        "processing.time=\"300ms\"",
        "at.0={ time = \"5m\", restart = { members = [\"group-1\"], gap = \"1s\" } }",
    ];
    let (scenario, outcome) = ran(&changes);
    let rebalance = &outcome.summary.rebalances[1];
    assert!(rebalance.duration_s > 2.0, "{rebalance:?}");
    let within = SimTime::from_secs(rebalance.started_at_s as u64 + 1);
    let told = explain(&scenario, &outcome, within, None).expect("an explanation");
    let leaver = (0..4)
        .filter_map(|own| explain(&scenario, &outcome, within, Some(own)))
        .find(|own| own.state == "rebalancing")
        .expect("a partition without a reader");
    says(
        &leaver,
        "rebalancing",
        &[
            "group-1 leaves",
            "at most max.poll.interval.ms (1m)",
            "group-0 has not yet done so",
        ],
    );
    assert!(told.event_count > 0);
    assert!(leaver.until_s.is_some());
}

#[test]
fn a_crash_orphans_what_the_dead_member_had_until_its_session_is_over() {
    let crash = "at.0={ time = \"5m\", crash = { members = [0] } }";
    let told = told(&[crash], 303, None);
    says(
        &told,
        "orphaned",
        &["group-0 is gone since 5m", "session.timeout.ms (10s)"],
    );
    let last = told.events.last().expect("an event");
    assert!(last.what.contains("group-0 is dead"), "{last:?}");
    assert_eq!(told.owner, None);
    assert!(!told.why.join(" ").contains("No member"), "{told:#?}");
    let all = "at.0={ time = \"5m\", crash = { members = [0, 1] } }";
    says(
        &self::told(&["group.static=true", all], 303, None),
        "orphaned",
        &[
            "static member",
            "10s",
            "No member of the group runs since 5m",
        ],
    );
}

#[test]
fn a_group_that_is_scaled_to_nobody_is_empty_and_says_what_made_it_so() {
    let none = "at.0={ time = \"5m\", scale = 0 }";
    let told = told(&[none], 600, None);
    assert_eq!(told.state, "orphaned");
    assert_eq!(
        told.why,
        [
            "The group has no members since 5m (\"stop of 2 members\" at 5m): what is produced waits until one starts."
        ]
    );
}

#[test]
fn rebalances_of_one_instant_are_told_with_a_member_each() {
    let group = "group={ name = \"group\", members = 4, static = true, properties = { group.protocol = \"consumer\" } }";
    let scale = "at.0={ time = \"5m\", scale = 1 }";
    // Little enough that the one who stays keeps up with what the others have left behind.
    let rate = "produce.rate=\"40/s\"";
    let (scenario, outcome) = ran(&[group, scale, rate]);
    let told = |at, own| explain(&scenario, &outcome, SimTime::from_secs(at), Some(own));
    // One that its reader keeps throughout.
    let mut kept = (0..4).filter_map(|own| told(299, own));
    let kept = kept.find(|told| told.owner.as_deref() == Some("group-0"));
    let kept = kept.expect("one of four").partition;
    let told = told(352, kept).expect("an explanation");
    let missed = told
        .events
        .iter()
        .filter(|event| event.what.contains("is missed"));
    let who: Vec<&str> = missed
        .filter_map(|event| event.what.split_whitespace().nth(3))
        .collect();
    let mut all = who.clone();
    all.sort_unstable();
    assert_eq!(all, ["group-1", "group-2", "group-3"], "{told:#?}");
}

#[test]
fn a_time_between_two_samples_is_told_with_the_sample_before_it() {
    let told = told(&["sample=\"5s\""], 604, None);
    assert_eq!((told.asked_s, told.time_s), (604.0, 600.0));
}

#[test]
fn an_eviction_is_known_from_the_batch_on_that_makes_it() {
    let slow = [
        "processing.time=\"700ms\"",
        "group.properties.max.poll.interval.ms=60000",
    ];
    let told = told(&slow, 30, Some(0));
    says(
        &told,
        "evicted",
        &[
            "max.poll.interval.ms (1m)",
            "drops out of the group at 1m",
            "counts",
        ],
    );
}

#[test]
fn a_frozen_member_is_told() {
    let freeze = "at.0={ time = \"5m\", freeze = { members = [0, 1], length = \"8s\" } }";
    let told = told(&[freeze], 305, None);
    says(
        &told,
        "frozen",
        &["stands still", "session.timeout.ms (10s)"],
    );
}

#[test]
fn alerts_that_fire_are_told() {
    let alert =
        "alert.0={ name = \"lag\", severity = \"warning\", when = \"sum > 100\", for = \"1m\" }";
    let told = told(&["processing.time=\"30ms\"", alert], 600, None);
    says(&told, "saturated", &["lag (warning) fires since 1m"]);
}

/// Whatever the partition and the time: what the states did adds up from the lag of then to the lag of now, their times
/// to the time between, and what is told of now is what the curves show.
#[test]
fn the_parts_add_up() {
    let changes = [
        "processing.time=\"18ms\"",
        "at.0={ time = \"5m\", deploy = { gap = \"5s\", start-up = \"5s\" } }",
        "at.1={ time = \"10m\", crash = { members = [0], restart-after = \"20s\" } }",
        "at.2={ time = \"12m\", add-partitions = 6 }",
        "sample=\"2s\"",
    ];
    let (scenario, outcome) = ran(&changes);
    let mut seen = 0;
    for (instant, at) in outcome.curves.times().iter().enumerate() {
        for partition in 0..6 {
            let Some(told) = explain(&scenario, &outcome, *at, Some(partition)) else {
                assert!(at.as_secs_f64() < 721.0 && partition > 3, "{at:?}");
                continue;
            };
            let net: i64 = told.states.iter().map(|part| part.lag_net).sum();
            assert_eq!(told.lag_then as i64 + net, told.lag as i64, "{told:#?}");
            let time: f64 = told.states.iter().map(|part| part.seconds).sum();
            assert!((told.behind_since_s + time - told.time_s).abs() < 1e-6);
            assert_eq!(told.lag, outcome.curves.lag(partition as usize, instant));
            assert!(!told.why.is_empty());
            seen += 1;
        }
    }
    assert!(seen > 2_500);
    assert_eq!(
        explain(&scenario, &outcome, SimTime::from_secs(60), Some(4)),
        None
    );
}

#[test]
fn a_record_that_cannot_be_dead_lettered_is_told_with_the_topic_that_is_down() {
    let changes = [
        "poison.0={ partition = 0, offset = 500, on-error = { retry = { attempts = 2, back-off = \"1s\", then = \"dead-letter\" } } }",
        "at.0={ time = \"1s\", dead-letter = \"stop\" }",
        "at.1={ time = \"10m\", dead-letter = \"resume\" }",
    ];
    says(
        &told(&changes, 300, Some(0)),
        "blocked",
        &[
            "The record at offset 500 is in the way",
            "The dead-letter topic takes nothing since 1s",
        ],
    );
    let why = told(&changes, 1_199, Some(0)).why.join(" ");
    assert!(!why.contains("dead-letter topic"), "{why}");
}

/// Both members are evicted at once, and each comes back to what the other had: one stretch in which it is `evicted`, of two readers.
#[test]
fn whoever_is_evicted_next_is_told_and_not_who_was_before() {
    let changes = [
        "seed=5",
        "processing.time=\"700ms\"",
        "group.properties={max.poll.records=500}",
        "produce.rate=\"10/s\"",
        "topic.backlog=100000",
    ];
    let told = told(&changes, 390, Some(2));
    let owner = told.owner.as_deref().expect("one");
    let first = self::told(&changes, 200, Some(2));
    assert_ne!(first.owner.as_deref(), Some(owner), "{told:#?}");
    assert_eq!(
        told.states
            .iter()
            .filter(|own| own.state == "evicted")
            .count(),
        1
    );
    says(&told, "evicted", &[&format!("{owner} does not poll again")]);
    // It has had the partition since 6m, and not since the one before was evicted at 5m.
    assert!(told.since_s < 310.0, "{told:#?}");
    says(
        &told,
        "evicted",
        &["done here since 6m", "drops out of the group at 11m"],
    );
}

/// There is no poison in this model.
#[test]
fn who_exits_because_of_a_call_is_not_said_to_have_met_a_poison_record() {
    let changes = [
        "processing.calls=1",
        "downstream.api={latency=\"1ms\",failure-rate=0.3,on-error=\"crash\"}",
    ];
    let told = told(&changes, 600, None);
    says(&told, "orphaned", &["a call that failed made it exit"]);
}
