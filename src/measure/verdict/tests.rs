mod failures;

use super::super::attribution::Wait;
use super::super::fixture::{alert, flapping, incident, outcome, poison, scaled, scenario};
use super::super::summary::Summary;
use crate::kafka::Assignor;
use crate::scenario::{Downstream, RateLimit, Scenario};
use crate::sim::Fact;
use crate::sim::PartitionState::{
    self, Blocked, KeepingUp, Orphaned, Saturated, Starting, Throttled,
};
use crate::units::{PartitionId, ProcessId};
use crate::workload::{Law, LoadCurve};

#[test]
fn poison_comes_first_then_evictions_then_the_rest_by_share() {
    let verdict = incident().1.summary.verdict;
    assert_eq!(
        verdict.causes,
        [
            "Partition 2 is blocked by a poison record at offset 0 since 0s: 983,200 records, 27 % of the lag.",
            "Members exceed max.poll.interval.ms (5m), each about every 2m 58s: 180 evictions, 180 rebalances \
             (about 1 a minute); 1,269,400 records, 58 % of the lag gained.",
            "No parallelism is left: members work all the time and still fall behind; 252,060 records, 12 % of \
             the lag gained.",
            "Rebalances stop the group: 180 rebalances (about 1 a minute), a member stands still for up to 9s; \
             230,600 records, 11 % of the lag gained.",
        ]
    );
    assert_eq!(
        verdict.outlook,
        [
            "It does not drain: on average 400 records/s arrive and 400 are committed, +8,427 a minute.",
            "Alert lag-warning (warning) fires 4 times, first at 5m on partition 0.",
            "Alert lag-critical (critical) never fires.",
        ]
    );
    let heads: Vec<_> = verdict
        .remedies
        .iter()
        .filter_map(|text| text.split(':').next())
        .collect();
    assert_eq!(
        heads,
        [
            "Poison record",
            "Evictions",
            "No parallelism left",
            "Rebalances"
        ]
    );
}

#[test]
fn an_autoscaler_that_takes_its_scale_downs_back_is_said_to_flap_and_what_would_end_it() {
    let verdict = flapping().1.summary.verdict;
    assert_eq!(
        verdict.causes[0],
        "The autoscaler flaps: 10 of its 20 changes are scale-downs that it takes back, about every 5m 30s; \
         what each leaves behind while the group rebalances, up to 55 records, brings pods back; \
         2,000 records wait for an owner in 0 rebalances, 100 % of the lag gained."
    );
    let told = "The autoscaler runs 1 to 2 replicas, 2 on average, in 20 changes.";
    assert!(
        verdict.outlook.iter().any(|text| text == told),
        "{verdict:?}"
    );
    // 50 is the least threshold of which 55 are within the tolerance of 10 %.
    assert_eq!(
        verdict.remedies,
        [
            "Flapping: a lagThreshold of at least 50 (10 now), which the lag left by a scale-down does not \
             exceed; or pods that close their consumer on SIGTERM, so that nobody waits for \
             session.timeout.ms (45s); or a larger minReplicaCount, or a scaleDown policy that takes fewer pods \
             at once."
        ]
    );
}

#[test]
fn lag_that_waits_for_an_autoscaler_at_zero_asks_for_a_pod_that_stays() {
    let (model, _) = flapping();
    let facts = [scaled(600, 2, 0, 0), scaled(1_800, 0, 1, 40)];
    let curve = |_: usize, second: u64| match second {
        1_790..1_900 => ((second - 1_790) * 50, Orphaned),
        1_900..2_400 => (12 * (2_400 - second), Saturated),
        _ => (0, KeepingUp),
    };
    let verdict = outcome(&model, &curve, &facts).summary.verdict;
    let orphaned = verdict
        .remedies
        .iter()
        .find(|text| text.starts_with("Orphaned"));
    assert_eq!(
        orphaned.expect("a remedy"),
        "Orphaned partitions: minReplicaCount = 1 keeps a pod; from zero, lag waits for the next poll \
         (pollingInterval, 30s now) and for the start of the pod (30s)."
    );
}

#[test]
fn an_autoscaler_that_changes_nothing_is_told_in_one_sentence() {
    let (model, _) = flapping();
    let curve = |_: usize, _: u64| (3, KeepingUp);
    let verdict = outcome(&model, &curve, &[]).summary.verdict;
    let told = "The autoscaler leaves 2 replicas alone.";
    assert!(
        verdict.outlook.iter().any(|text| text == told),
        "{verdict:?}"
    );
}

#[test]
fn a_start_that_is_caught_up_at_once_is_no_incident() {
    let model = scenario(2, 2, 3_600, 1);
    let curve = |_: usize, second: u64| match second {
        0..=4 => (second * 400, Starting),
        5..=6 => (1_000, Saturated),
        _ => (30, KeepingUp),
    };
    let verdict = outcome(&model, &curve, &[]).summary.verdict;
    assert_eq!(
        verdict.headline,
        "The group keeps up: at most 3,200 records behind in 1h."
    );
    assert_eq!(
        verdict.causes,
        [
            "Nothing holds the group up: it is never further behind than 3,200 records (at 4s), the oldest 16s old."
        ]
    );
    assert_eq!(verdict.outlook, ["There is nothing to drain."]);
    let advises = |text: &String| text.starts_with("bank-api");
    assert!(!verdict.remedies.iter().any(advises), "{verdict:?}");
}

/// A limit that is too low for an hour, then traffic falls; nobody configured an alert.
#[test]
fn a_dependency_is_named_with_its_limit_and_the_drain_with_its_time() {
    let mut model = scenario(3, 2, 7_200, 10);
    model.downstreams = vec![Downstream {
        limit: Some(RateLimit {
            rate: 200.0,
            burst: 200.0,
        }),
        ..Downstream::new("bank-api", Law::Constant(0.01))
    }];
    let curve = |_: usize, second: u64| match second {
        0..3_600 => (second * 5, Throttled),
        3_600..5_400 => (18_000 - (second - 3_600) * 10, Throttled),
        _ => (0, KeepingUp),
    };
    let verdict = outcome(&model, &curve, &[]).summary.verdict;
    assert_eq!(
        verdict.headline,
        "Lag peaks at 54,000 records after 1h and is drained at 1h 29m."
    );
    assert_eq!(
        verdict.causes,
        [
            "bank-api (limit 200/s) is at times slower than the traffic: members wait for it; 54,000 records, 100 % of \
             the lag gained, and 54,000 worked off."
        ]
    );
    assert_eq!(
        verdict.outlook,
        [
            "It drains: 29m 10s after its peak of 54,000 records no partition is behind any more.",
            "No alert is configured: nobody is told while lag reaches 54,000 records.",
        ]
    );
}

/// More callers would make it worse: nobody is told to add any.
#[test]
fn a_dependency_that_slows_down_under_load_needs_fewer_calls_in_flight() {
    let mut model = scenario(3, 2, 7_200, 10);
    model.downstreams = vec![Downstream {
        load: LoadCurve::from_knots(vec![(2, 1.0), (8, 9.0)]),
        concurrency: Some(6),
        ..Downstream::new("bank-api", Law::Constant(0.01))
    }];
    let curve = |_: usize, second: u64| (second * 5, Throttled);
    let verdict = outcome(&model, &curve, &[]).summary.verdict;
    assert_eq!(
        verdict.remedies[0],
        "bank-api: fewer calls in flight if it slows down faster than they get more (concurrency), or a dependency that \
         bears more of them, batched, cached calls, or calls outside the poll loop behind a circuit breaker; more \
         partitions or members do not help."
    );
}

#[test]
fn neighbours_that_stand_still_with_a_blocked_partition_are_named() {
    let mut model = scenario(3, 1, 600, 10);
    model.alerts = vec![alert("lag", "page", 1e9, 5)];
    let curve = |_: usize, second: u64| (1_000 + second * 100, Blocked);
    let verdict = outcome(&model, &curve, &[poison(0, 1)]).summary.verdict;
    assert_eq!(
        verdict.causes,
        [
            "Partition 1 is blocked by a poison record at offset 0 since 0s: 61,000 records, 33 % of the lag.",
            "Partitions 0 and 2 stand still with it, because the same poll loop retries without polling: 122,000 \
             records, 67 % of the lag.",
        ]
    );
}

#[test]
fn a_backlog_that_shrinks_is_told_with_the_time_it_still_needs() {
    let model = scenario(1, 1, 3_600, 10);
    let curve = |_: usize, second: u64| (1_000_000 - second * 100, PartitionState::Saturated);
    let verdict = outcome(&model, &curve, &[]).summary.verdict;
    assert_eq!(
        verdict.causes,
        [
            "The lag was there at the start, 1,000,000 records; members work it off faster than new records come."
        ]
    );
    assert_eq!(
        verdict.outlook[0],
        "It falls since 0s and is not drained within the run: at the mean pace since then it needs about 1h 47m more."
    );
}

/// What is named first is what made most of the lag; what made next to nothing of it is not.
#[test]
fn of_several_dependencies_those_are_named_that_made_the_lag() {
    let mut model = scenario(1, 1, 3_600, 10);
    let limit = |rate| Some(RateLimit { rate, burst: 1.0 });
    model.downstreams = ["bank", "ledger", "audit"]
        .map(|name| Downstream::new(name, Law::Constant(0.01)))
        .to_vec();
    model.downstreams[0].limit = limit(100.0);
    let curve = |_: usize, second: u64| (second * 10, Throttled);
    let mut summary = outcome(&model, &curve, &[]).summary;
    let told = |gained: [u64; 3], summary: &mut crate::measure::Summary| {
        let wait = |which: usize| Wait {
            which,
            dependency: model.downstreams[which].name.clone(),
            seconds: 60.0,
            lag_gained: gained[which],
            lag_lost: 0,
        };
        let mut causes = summary.attribution.iter_mut();
        let throttled = causes.find(|own| own.state == "throttled").expect("one");
        throttled.dependencies = (0..3).map(wait).collect();
        let sentences = super::cause::sentences(super::Culprit::Throttled, &[], &model, summary);
        let remedy = super::remedy::of(super::Culprit::Throttled, &model, summary);
        (sentences[0].clone(), remedy.expect("one"))
    };
    let (cause, remedy) = told([10_000, 25_000, 1_000], &mut summary);
    assert!(
        cause.starts_with("Members wait for ledger (25,000 records) and bank (10,000 records); "),
        "{cause}"
    );
    assert!(
        remedy.starts_with("ledger: a faster dependency"),
        "{remedy}"
    );
    let (cause, remedy) = told([36_000, 0, 0], &mut summary);
    assert!(
        cause.starts_with("bank (limit 100/s) is slower than"),
        "{cause}"
    );
    assert!(remedy.starts_with("bank: a higher limit"), "{remedy}");
}

#[test]
fn lag_that_comes_back_after_it_was_drained_is_in_the_headline() {
    let model = scenario(1, 1, 3_600, 10);
    let curve = |_: usize, second: u64| match second {
        0..600 => (second * 100, Saturated),
        600..1_200 => (60_000 - (second - 600) * 100, Saturated),
        1_200..3_000 => (0, KeepingUp),
        _ => ((second - 3_000) * 90, Saturated),
    };
    let verdict = outcome(&model, &curve, &[]).summary.verdict;
    assert_eq!(
        verdict.headline,
        "Lag peaks at 60,000 records after 10m, is drained at 20m, and is 54,000 records again at the end."
    );
    assert!(verdict.outlook[0].ends_with("It comes back afterwards."));
}

#[test]
fn a_cooperative_group_is_not_said_to_stop() {
    let (mut scenario, outcome) = incident();
    scenario.settings[0].properties.assignor = Assignor::CooperativeSticky;
    let told = super::cause::sentences(
        super::Culprit::Rebalancing,
        &[],
        &scenario,
        &outcome.summary,
    );
    assert_eq!(
        told,
        [
            "Rebalances stop the partitions that move: 180 rebalances (about 1 a minute), a member waits for its first \
             one for up to 9s; 230,600 records, 11 % of the lag gained."
        ]
    );
}

/// 50/s of 100/s are done, and retention takes what is an hour old: nothing of that is worked off, and nothing falls.
#[test]
fn what_retention_deletes_is_neither_worked_off_nor_a_lag_that_falls() {
    let mut model = scenario(1, 1, 28_800, 60);
    let reset = Fact::OffsetReset {
        process: ProcessId(0),
        partition: PartitionId(0),
        from: 3_000_000 + 1_198_000,
        to: 3_000_000 + 2_398_000,
    };
    let lag = |second: u64| match second {
        0..24_000 => second * 50,
        _ => 2_000 + (second - 24_000) * 50,
    };
    let curve = |_: usize, second: u64| (lag(second), Saturated);
    let mut summary = outcome(&model, &curve, &[(23_990, reset)]).summary;
    summary.accounts.lost = 1_200_000;
    summary.accounts.lost_to_retention = 1_200_000;
    summary.partitions[0].accounts = summary.accounts;
    let verdict = super::verdict(&model, &summary);
    assert!(
        verdict.causes[0].ends_with("worked off or deleted by retention."),
        "{verdict:?}"
    );
    assert_eq!(
        verdict.outlook[0],
        "It does not drain: on average 100 records/s arrive, 58.3 are processed and 41.7 deleted unread, +504 a minute."
    );
    // 1,442,000 records are unread that 100/s bring, of 1 KiB.
    let remedy = |model: &Scenario, summary: &Summary| {
        let told = super::verdict(model, summary).remedies;
        told.last().cloned().expect("one")
    };
    model.topic.properties.retention_ms = Some(3_600_000);
    let too_slow = "Loss to retention: as long as members are slower than the traffic any retention is too short in the end";
    assert_eq!(
        remedy(&model, &summary),
        format!(
            "{too_slow}; so that this run loses nothing it would take a retention.ms of about 4h (1h now). Alert on the age of \
             the oldest record well before."
        )
    );
    model.topic.properties.retention_ms = None;
    model.topic.properties.retention_bytes = Some(50 << 20);
    let told = remedy(&model, &summary);
    assert!(
        told.contains("a retention.bytes of about 1.38 GiB a partition (50 MiB now)"),
        "{told}"
    );
    assert!(!told.contains("retention.ms"), "{told}");
    // A group that catches up is in need of room for a time.
    summary.drained_at_s = Some(28_000.0);
    assert!(remedy(&model, &summary).starts_with("Loss to retention: a retention.bytes of about"));
}

#[test]
fn lag_that_falls_for_a_twentieth_of_the_run_falls() {
    let model = scenario(1, 1, 5_400, 10);
    let drain = |turns: u64| {
        let curve = |_: usize, second: u64| {
            let risen = second.min(turns) * 25;
            (risen - second.saturating_sub(turns) * 27, Saturated)
        };
        outcome(&model, &curve, &[]).summary.verdict.outlook[0].clone()
    };
    let falls = "It falls since 1h 21m and is not drained within the run";
    assert!(drain(4_870).starts_with(falls), "{}", drain(4_870));
    let stays = "It does not drain: on average ";
    assert!(drain(5_300).starts_with(stays), "{}", drain(5_300));
}
