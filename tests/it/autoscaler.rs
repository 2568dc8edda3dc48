//! The autoscaler in a run: what it sees, what becomes of its decisions, and what they cost the group.

use std::sync::Arc;

use lagsim::kafka::RebalanceReason;
use lagsim::platform::{Behavior, ScaleReason, ScaledObject};
use lagsim::scenario::{Action, CommitPolicy, Scenario};
use lagsim::sim::{Fact, StopReason};
use lagsim::units::{ProcessId, SimTime};
use lagsim::workload::{Knot, Law, Pattern, RateCurve};

use crate::systems::{self, Told, at_ms, autoscaled, lag_records, ms, run, secs, system, with};

/// From each time (ms) on, that rate (records/s).
fn steps(steps: &[(u64, f64)]) -> Arc<RateCurve> {
    let knot = |at, rate| Knot {
        at: at_ms(at),
        rate,
    };
    let mut knots = vec![knot(0, steps[0].1)];
    for pair in steps.windows(2) {
        knots.extend([knot(pair[1].0, pair[0].1), knot(pair[1].0, pair[1].1)]);
    }
    Arc::new(RateCurve::from_knots(knots))
}

/// 12 partitions, 10 ms a record, one member at the start, a burst of five minutes, then 50/s for ever. One replica
/// can do 100/s.
fn burst(lag_threshold: u64) -> Scenario {
    let mut scenario = system(12, 1, 0.0, Law::Constant(0.01));
    scenario.production.curve = steps(&[(0, 50.0), (60_000, 600.0), (360_000, 50.0)]);
    scenario.production.pattern = Pattern::Constant;
    scenario.horizon = secs(3_600);
    scenario.settings[0].properties.session_timeout = secs(10);
    let mut spec = ScaledObject {
        min_replica_count: 1,
        sync_offset: ms(0),
        ..ScaledObject::default()
    };
    spec.trigger.lag_threshold = lag_threshold;
    autoscaled(scenario, spec, secs(30))
}

fn killing(mut scenario: Scenario) -> Scenario {
    scenario.deployment.as_mut().unwrap().graceful = false;
    scenario
}

/// When, from how many, to how many.
fn scalings(told: &Told) -> Vec<(SimTime, u32, u32)> {
    let scaled = told.find(|fact| match fact {
        Fact::Scaled { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    scaled
        .into_iter()
        .map(|(at, (from, to))| (at, from, to))
        .collect()
}

fn downs(told: &Told) -> Vec<SimTime> {
    let scaled = scalings(told).into_iter();
    scaled
        .filter(|(_, from, to)| from > to)
        .map(|(at, ..)| at)
        .collect()
}

fn started(told: &Told) -> Vec<(SimTime, ProcessId)> {
    told.find(|fact| match fact {
        Fact::ProcessStarted { process } => Some(*process),
        _ => None,
    })
}

fn stopped(told: &Told) -> Vec<(SimTime, ProcessId)> {
    told.find(|fact| match fact {
        Fact::ProcessStopped { process, .. } => Some(*process),
        _ => None,
    })
}

#[test]
fn partitions_orphaned_by_a_scale_down_bring_the_pods_back_every_330_s_for_ever() {
    let told = run(&killing(burst(100)));
    let downs = downs(&told);
    assert!(downs.len() >= 10, "{downs:?}");
    // The twelve pods of the burst go in two steps.
    for pair in downs[1..].windows(2) {
        assert_eq!(pair[1].since(pair[0]), secs(330), "{downs:?}");
    }
    let last = scalings(&told);
    assert!(last.last().unwrap().0 > at_ms(3_200_000), "{last:?}");
}

#[test]
fn with_pods_that_close_their_consumer_or_a_threshold_above_what_is_left_it_rests() {
    for scenario in [burst(100), killing(burst(700))] {
        let told = run(&scenario);
        let changes = scalings(&told);
        let (last, _, to) = *changes.last().unwrap();
        assert_eq!(to, 1, "{changes:?}");
        assert!(last < at_ms(800_000), "{changes:?}");
    }
}

#[test]
fn a_pod_counts_at_once_and_subscribes_after_its_start_up() {
    let told = run(&burst(100));
    let (first, from, to) = scalings(&told)[0];
    assert_eq!((from, to), (1, 4));
    let second = scalings(&told)[1];
    assert_eq!((second.0.since(first), second.1), (secs(15), 4));
    let started = started(&told);
    assert_eq!(started[0], (SimTime::ZERO, ProcessId(0)));
    for (index, pod) in started[1..4].iter().enumerate() {
        assert_eq!(*pod, (first + secs(30), ProcessId(index as u32 + 1)));
    }
}

#[test]
fn each_pod_that_comes_or_goes_costs_the_group_a_rebalance() {
    let told = run(&burst(100));
    let rebalances = told.find(|fact| match fact {
        Fact::RebalanceStarted { reason, .. } => Some(*reason),
        _ => None,
    });
    let caused_by = |at: SimTime, joined: bool| {
        let near = |from: &SimTime| *from >= at && from.since(at) < secs(1);
        let mut causes = rebalances.iter().filter(|(from, _)| near(from));
        causes.any(|(_, reason)| match reason {
            RebalanceReason::MemberJoined(_) => joined,
            RebalanceReason::MemberLeft(_) => !joined,
            _ => false,
        })
    };
    for (at, from, to) in scalings(&told) {
        let acts = if to > from { at + secs(30) } else { at };
        assert!(caused_by(acts, to > from), "{from} to {to} at {at}");
    }
}

#[test]
fn it_sees_the_committed_lag_of_that_instant() {
    for commit in [
        CommitPolicy::Auto,
        CommitPolicy::AfterBatch,
        CommitPolicy::PerRecord,
    ] {
        let mut scenario = burst(100);
        let spec = &mut scenario.deployment.as_mut().unwrap().scaled_object;
        spec.trigger.allow_idle_consumers = true; // The metric is the lag itself.
        spec.max_replica_count = 12;
        let settings = &mut scenario.settings[0];
        settings.properties.enable_auto_commit = commit == CommitPolicy::Auto;
        settings.processing.commit = commit;
        let told = run(&scenario);
        let seen = told.find(|fact| match fact {
            Fact::Scaled { lag, .. } => *lag,
            _ => None,
        });
        assert!(seen.len() > 3, "{commit:?}");
        // A sample shows all of its instant; a stop at that very instant may commit on its way out.
        for (at, lag) in seen.into_iter().take(3) {
            let sample = told.samples.iter().find(|(when, _)| *when == at);
            let (_, partitions) = sample.expect("syncs lie on the grid");
            let truth: u64 = partitions.iter().map(lag_records).sum();
            assert_eq!(lag, truth as i64, "{commit:?} at {at}");
        }
    }
}

#[test]
fn a_scale_down_takes_pods_that_are_not_up_first_and_then_the_youngest() {
    let scenario = burst(100);
    let crash = Action::Crash {
        processes: vec![ProcessId(2)],
        restart_after: Some(secs(400)),
    };
    let down = downs(&run(&scenario))[0];
    let told = run(&with(scenario, down - secs(20), crash));
    let changes = scalings(&told);
    let (at, from, to) = *changes.iter().find(|(_, from, to)| from > to).unwrap();
    assert_eq!((at, from), (down, 12));
    // 1 to 3 came first, then 4 to 7, then 8 to 11; 2 has died and is not back.
    let taken = u64::from(from - to);
    assert!((2..9).contains(&taken), "{changes:?}");
    let youngest: Vec<ProcessId> = (3..12)
        .rev()
        .map(ProcessId)
        .take(taken as usize - 1)
        .collect();
    let stops = stopped(&told).into_iter().filter(|(when, _)| *when >= at);
    let mut gone: Vec<ProcessId> = stops
        .take_while(|(when, _)| when.since(at) < secs(15))
        .map(|(_, who)| who)
        .collect();
    gone.sort_by(|one, other| other.cmp(one));
    assert_eq!(gone, youngest);
    let back = started(&told)
        .into_iter()
        .filter(|(_, who)| *who == ProcessId(2));
    assert_eq!(
        back.count(),
        1,
        "one that was taken away does not come back from its crash"
    );
}

#[test]
fn pods_that_die_are_missed_after_their_session_and_those_that_close_at_once() {
    let evicted = |scenario: &Scenario| {
        let told = run(scenario);
        let down = downs(&told)[0];
        let first = told
            .find(|fact| matches!(fact, Fact::MemberEvicted { .. }).then_some(()))
            .first()
            .map(|(at, ())| at.since(down));
        let how = told.find(|fact| match fact {
            Fact::ProcessStopped { reason, .. } => Some(*reason),
            _ => None,
        });
        (first, how[0].1)
    };
    assert_eq!(evicted(&burst(100)), (None, StopReason::Closed));
    let (missed, how) = evicted(&killing(burst(100)));
    assert_eq!(how, StopReason::Killed);
    let missed = missed.expect("an eviction");
    assert!(missed > secs(6) && missed <= secs(10), "{missed}");
}

/// Traffic for two minutes, nothing for ten, then traffic again.
fn quiet() -> Scenario {
    let mut scenario = system(4, 1, 0.0, Law::Constant(0.018));
    scenario.production.curve = steps(&[(0, 50.0), (120_000, 0.0), (720_500, 50.0)]);
    scenario.horizon = secs(900);
    autoscaled(scenario, ScaledObject::default(), secs(5))
}

#[test]
fn it_steps_to_zero_after_the_cooldown_and_back_at_the_poll_that_sees_lag() {
    let told = run(&quiet());
    let changes = told.find(|fact| match fact {
        Fact::Scaled {
            from, to, reason, ..
        } => Some((*from, *to, *reason)),
        _ => None,
    });
    let step = |reason| {
        let found = changes.iter().find(|(_, change)| change.2 == reason);
        found.map(|(at, (from, to, _))| (*at, *from, *to))
    };
    // The poll of 120 s may see the last records; 300 s later it is not yet strictly longer ago.
    let (down, _, to) = step(ScaleReason::CooledDown).expect("a step to zero");
    assert_eq!(to, 0);
    assert!([420, 450].map(SimTime::from_secs).contains(&down), "{down}");
    let (up, from, to) = step(ScaleReason::Activated).expect("a step from zero");
    assert_eq!((up, from, to), (SimTime::from_secs(750), 0, 1));
    let empty = told.find(|fact| matches!(fact, Fact::GroupEmpty).then_some(()));
    assert!(empty.iter().any(|(at, ())| at.since(down) < secs(1)));
    let mut again = started(&told).into_iter().filter(|(at, _)| *at > down);
    assert_eq!(again.next().map(|(at, _)| at), Some(up + secs(5)));
}

#[test]
fn a_trigger_below_its_activation_threshold_stays_at_zero() {
    let mut scenario = quiet();
    let spec = &mut scenario.deployment.as_mut().unwrap().scaled_object;
    spec.trigger.activation_lag_threshold = 1_000_000;
    let changes = scalings(&run(&scenario));
    // Never active, so nothing but the initial cooldown of no time is waited for: strictly longer than that.
    let (at, _, to) = *changes.last().expect("a step to zero");
    assert_eq!((at, to), (SimTime::from_secs(30), 0));
}

#[test]
fn new_pods_run_what_the_last_deploy_brought() {
    let mut scenario = burst(100);
    let mut slow = scenario.settings[0].clone();
    slow.processing.time = Law::Constant(0.02);
    scenario.settings.push(slow);
    let everyone = (0..scenario.group.processes.len() as u32).map(ProcessId);
    let deploy = Action::Restart {
        processes: everyone.collect(),
        gap: secs(1),
        start_up: secs(1),
        graceful: true,
        rolling: true,
        settings: Some(1),
    };
    let before = run(&scenario);
    let after = run(&with(scenario, SimTime::from_secs(30), deploy));
    let restarted = stopped(&after);
    assert_eq!(restarted[0].1, ProcessId(0));
    // Twelve pods at 50/s each do not keep up with 600/s and a backlog; at 100/s they do.
    let drained = |told: &Told| {
        let lags = told.total_lags();
        lags[400..].iter().position(|lag| *lag < 100)
    };
    assert!(drained(&after) > drained(&before));
}

#[test]
fn the_order_of_simultaneous_events_does_not_move_its_decisions() {
    let scenario = killing(burst(100));
    let (first, last) = (run(&scenario), systems::run_last_scheduled_first(&scenario));
    assert_eq!(scalings(&first), scalings(&last));
}

#[test]
fn partitions_that_nobody_ever_committed_start_a_second_pod_although_nothing_is_produced() {
    let mut scenario = system(12, 1, 0.0, Law::Constant(0.001));
    scenario.horizon = secs(120);
    for partition in &mut scenario.topic.partitions {
        partition.committed = None;
    }
    let spec = ScaledObject {
        min_replica_count: 1,
        ..ScaledObject::default()
    };
    let told = run(&autoscaled(scenario, spec, secs(5)));
    assert_eq!(scalings(&told), [(at_ms(7_500), 1, 2)]);
    assert_eq!(
        told.totals
            .partitions
            .iter()
            .map(|own| own.produced)
            .sum::<u64>(),
        0
    );
}

/// Everything on one of eight partitions, more than its owner can do.
fn hot() -> Scenario {
    let mut scenario = system(8, 1, 150.0, Law::Constant(0.01));
    scenario.production.shares[0].of = vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    scenario.horizon = secs(300);
    let mut spec = ScaledObject {
        min_replica_count: 1,
        ..ScaledObject::default()
    };
    spec.trigger.lag_threshold = 100;
    autoscaled(scenario, spec, secs(5))
}

#[test]
fn a_hot_partition_buys_pods_that_have_nothing_to_do_unless_only_partitions_with_lag_count() {
    let most = |scenario: &Scenario| {
        let told = run(scenario);
        let busy = told
            .totals
            .partitions
            .iter()
            .filter(|own| own.processed > 0);
        assert_eq!(busy.count(), 1);
        scalings(&told).iter().map(|change| change.2).max()
    };
    let mut scenario = hot();
    assert_eq!(most(&scenario), Some(8));
    let spec = &mut scenario.deployment.as_mut().unwrap().scaled_object;
    spec.trigger.limit_to_partitions_with_lag = true;
    assert_eq!(most(&scenario), None);
}

#[test]
fn one_pod_more_than_partitions_stays_without_a_partition() {
    let mut scenario = system(10, 1, 0.0, Law::Constant(0.01));
    scenario.horizon = secs(120);
    scenario.topic.partitions[0].log_end = 109; // 10.9 times the threshold: the cap rounds down, the HPA up.
    let mut spec = ScaledObject {
        min_replica_count: 1,
        sync_offset: ms(0),
        ..ScaledObject::default()
    };
    spec.behavior = Some(Behavior::default());
    spec.behavior.as_mut().unwrap().scale_up.policies[0].value = 50;
    let told = run(&autoscaled(scenario, spec, secs(5)));
    assert_eq!(scalings(&told), [(SimTime::ZERO, 1, 11)]);
    let members = told.group.expect("a group").members;
    let idle = members.iter().filter(|member| member.partitions.is_empty());
    assert_eq!((members.len(), idle.count()), (11, 1));
}
