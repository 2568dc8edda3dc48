//! Each rule of KEDA's Kafka scaler and of the HPA, as a table.

use super::lag::KafkaScaler;
use super::*;
use crate::units::{PartitionId, SimDuration};

fn secs(secs: u64) -> SimDuration {
    SimDuration::from_secs(secs)
}

fn at(secs: u64) -> SimTime {
    SimTime::from_secs(secs)
}

/// A partition that is `lag` behind `committed`.
fn behind(partition: u32, committed: u64, lag: u64) -> PartitionOffsets {
    PartitionOffsets {
        partition: PartitionId(partition),
        committed: Some(committed),
        log_end: committed + lag,
    }
}

fn never_committed(partition: u32, log_end: u64) -> PartitionOffsets {
    PartitionOffsets {
        partition: PartitionId(partition),
        committed: None,
        log_end,
    }
}

/// `count` partitions, the whole lag on the first.
fn on_one_of(count: u32, lag: u64) -> Vec<PartitionOffsets> {
    (0..count)
        .map(|ix| behind(ix, 100, if ix == 0 { lag } else { 0 }))
        .collect()
}

fn trigger(lag_threshold: u64) -> KafkaTrigger {
    KafkaTrigger {
        lag_threshold,
        ..KafkaTrigger::default()
    }
}

fn metric(trigger: &KafkaTrigger, offsets: &[PartitionOffsets]) -> i64 {
    KafkaScaler::new(trigger).read(offsets).metric
}

fn scaled(trigger: KafkaTrigger) -> ScaledObject {
    ScaledObject {
        trigger,
        min_replica_count: 1,
        ..ScaledObject::default()
    }
}

/// How many there are after a sync at `replicas` and `offsets` of an HPA whose window holds nothing higher.
fn synced(spec: &ScaledObject, replicas: u32, offsets: &[PartitionOffsets]) -> u32 {
    let mut autoscaler = Autoscaler::new(spec);
    let decision = autoscaler.sync(at(0), replicas, offsets);
    decision.map_or(replicas, |decision| decision.replicas)
}

/// Replicas after each sync, every 15 s, while the lag stays as it is.
fn ladder(spec: &ScaledObject, offsets: &[PartitionOffsets]) -> Vec<u32> {
    let mut autoscaler = Autoscaler::new(spec);
    let (mut replicas, mut steps) = (1, vec![1]);
    for turn in 0..20 {
        if let Some(decision) = autoscaler.sync(at(15 * turn), replicas, offsets) {
            replicas = decision.replicas;
            steps.push(replicas);
        }
    }
    steps
}

#[test]
fn a_hot_partition_stays_one_replica_short_of_the_partitions_inside_the_tolerance() {
    let spec = scaled(trigger(3000));
    let offsets = on_one_of(64, 10_000_000);
    assert_eq!(metric(&spec.trigger, &offsets), 192_000);
    for (replicas, then) in [(32, 64), (58, 64), (59, 59), (63, 63), (64, 64)] {
        assert_eq!(synced(&spec, replicas, &offsets), then, "{replicas}");
    }
}

#[test]
fn the_cap_rounds_down_and_the_hpa_up_so_that_one_replica_more_than_partitions_is_possible() {
    let spec = scaled(trigger(10));
    let offsets = on_one_of(10, 109);
    assert_eq!(metric(&spec.trigger, &offsets), 109);
    assert_eq!(synced(&spec, 9, &offsets), 11);
    assert_eq!(synced(&spec, 10, &offsets), 10);
    assert_eq!(metric(&spec.trigger, &on_one_of(10, 110)), 100);
    assert_eq!(spec.most_replicas(10, 1), 11);
}

#[test]
fn an_even_distribution_takes_the_smallest_divisor_that_is_enough() {
    let mut trigger = trigger(10);
    trigger.ensure_even_distribution_of_partitions = true;
    let cases = [
        (1, 1),
        (10, 1),
        (11, 2),
        (20, 2),
        (21, 5),
        (50, 5),
        (51, 10),
        (900, 10),
    ];
    for (lag, replicas) in cases {
        assert_eq!(
            metric(&trigger, &on_one_of(10, lag)),
            replicas * 10,
            "{lag}"
        );
    }
}

#[test]
fn partitions_that_nobody_ever_committed_count_one_record_each() {
    let spec = scaled(trigger(10));
    let offsets: Vec<PartitionOffsets> = (0..12).map(|ix| never_committed(ix, 0)).collect();
    assert_eq!(metric(&spec.trigger, &offsets), 12);
    assert_eq!(synced(&spec, 1, &offsets), 2);
}

#[test]
fn without_a_behavior_replicas_double_per_sync_or_become_four() {
    let spec = scaled(trigger(100));
    let steps = ladder(&spec, &on_one_of(64, 1_000_000));
    assert_eq!(steps, [1, 4, 8, 16, 32, 64]);
}

#[test]
fn a_recommendation_that_the_doubling_held_back_is_followed_although_the_lag_has_gone() {
    let mut autoscaler = Autoscaler::new(&scaled(trigger(100)));
    let mut reason = |seconds, replicas, lag| {
        let decision = autoscaler.sync(at(seconds), replicas, &on_one_of(12, lag));
        decision.map(|one| (one.replicas, one.reason))
    };
    assert_eq!(reason(0, 1, 651), Some((4, ScaleReason::AboveTarget)));
    assert_eq!(reason(15, 4, 1), Some((7, ScaleReason::WasAboveTarget)));
    assert_eq!(reason(30, 7, 1), None);
}

#[test]
fn with_the_default_behavior_four_more_or_twice_as_many_come_per_sync() {
    let mut spec = scaled(trigger(100));
    spec.behavior = Some(Behavior::default());
    let steps = ladder(&spec, &on_one_of(64, 1_000_000));
    assert_eq!(steps, [1, 5, 10, 20, 40, 64]);
}

#[test]
fn an_invalid_offset_counts_by_the_reset_policy() {
    let mut trigger = trigger(1_000);
    let offsets = [never_committed(0, 700)];
    assert_eq!(metric(&trigger, &offsets), 1);
    trigger.offset_reset_policy = OffsetResetPolicy::Earliest;
    assert_eq!(metric(&trigger, &offsets), 700);
    trigger.scale_to_zero_on_invalid_offset = true;
    assert_eq!(metric(&trigger, &offsets), 0);
    trigger.offset_reset_policy = OffsetResetPolicy::Latest;
    assert_eq!(metric(&trigger, &offsets), 0);
    assert!(!KafkaScaler::new(&trigger).read(&offsets).active);
}

#[test]
fn lag_is_not_clamped_where_the_offsets_were_read_at_two_times() {
    let ahead = PartitionOffsets {
        partition: PartitionId(0),
        committed: Some(110),
        log_end: 100,
    };
    assert_eq!(metric(&trigger(10), &[ahead, behind(1, 0, 30)]), 20);
}

#[test]
fn persistent_lag_is_left_out_of_the_metric_but_keeps_the_trigger_active() {
    let mut trigger = trigger(1_000);
    trigger.exclude_persistent_lag = true;
    let mut scaler = KafkaScaler::new(&trigger);
    assert_eq!(scaler.read(&[behind(0, 5, 70)]).metric, 70);
    let second = scaler.read(&[behind(0, 5, 80)]);
    assert_eq!((second.metric, second.active), (0, true));
    assert_eq!(scaler.read(&[behind(0, 6, 80)]).metric, 80);
}

#[test]
fn a_poll_shortly_before_a_sync_makes_a_healthy_group_look_persistent() {
    let mut spec = scaled(trigger(10));
    spec.trigger.exclude_persistent_lag = true;
    assert!(spec.min_replica_count > 0 && Autoscaler::new(&spec).polls_matter(1));
    let offsets = on_one_of(10, 50);
    assert_eq!(synced(&spec, 1, &offsets), 4);
    let mut autoscaler = Autoscaler::new(&spec);
    assert_eq!(autoscaler.poll(at(29), 1, &offsets), None);
    assert_eq!(autoscaler.sync(at(30), 1, &offsets), None);
}

#[test]
fn only_partitions_with_lag_get_replicas_if_limited_to_them() {
    let mut trigger = trigger(10);
    trigger.limit_to_partitions_with_lag = true;
    let mut offsets = on_one_of(10, 1_000);
    assert_eq!(metric(&trigger, &offsets), 10);
    offsets[7].log_end += 1;
    assert_eq!(metric(&trigger, &offsets), 20);
}

#[test]
fn idle_consumers_lift_the_cap() {
    let mut trigger = trigger(10);
    assert_eq!(metric(&trigger, &on_one_of(4, 1_000)), 40);
    trigger.allow_idle_consumers = true;
    assert_eq!(metric(&trigger, &on_one_of(4, 1_000)), 1_000);
    let spec = scaled(trigger);
    assert_eq!(spec.most_replicas(4, 1), 100);
}

#[test]
fn a_limitation_reads_and_counts_its_partitions_only() {
    let mut trigger = trigger(10);
    trigger.partition_limitation = [PartitionId(1), PartitionId(2)].into();
    let offsets = [behind(0, 0, 500), behind(1, 0, 90), behind(2, 0, 7)];
    assert_eq!(metric(&trigger, &offsets), 20);
}

#[test]
fn the_trigger_is_active_strictly_above_the_activation_threshold_of_the_lag_before_the_cap() {
    let mut trigger = trigger(10);
    trigger.activation_lag_threshold = 50;
    let active = |lag| KafkaScaler::new(&trigger).read(&on_one_of(1, lag)).active;
    assert_eq!((active(50), active(51)), (false, true));
}

#[test]
fn a_poll_steps_from_zero_to_the_minimum_and_back_after_the_cooldown_strictly() {
    let spec = ScaledObject::default();
    let mut autoscaler = Autoscaler::new(&spec);
    let decision = autoscaler.poll(at(30), 0, &on_one_of(1, 7));
    let decided = decision.map(|one| (one.replicas, one.reason, one.lag));
    assert_eq!(decided, Some((1, ScaleReason::Activated, Some(7))));
    let still = on_one_of(1, 0);
    assert_eq!(autoscaler.poll(at(60), 1, &still), None);
    assert_eq!(autoscaler.poll(at(330), 1, &still), None);
    let decision = autoscaler.poll(at(331), 1, &still);
    let decided = decision.map(|one| (one.replicas, one.reason));
    assert_eq!(decided, Some((0, ScaleReason::CooledDown)));
    assert_eq!(autoscaler.sync(at(345), 0, &on_one_of(1, 7)), None);
}

#[test]
fn a_trigger_that_was_never_active_waits_for_the_initial_cooldown_instead() {
    let still = on_one_of(1, 0);
    let mut spec = ScaledObject::default();
    let first = |spec: &ScaledObject, seconds| {
        let decision = Autoscaler::new(spec).poll(at(seconds), 2, &still);
        decision.map(|one| one.replicas)
    };
    assert_eq!((first(&spec, 0), first(&spec, 30)), (None, Some(0)));
    spec.initial_cooldown_period = secs(60);
    assert_eq!((first(&spec, 60), first(&spec, 61)), (None, Some(0)));
}

#[test]
fn with_a_minimum_the_cooldown_never_matters_and_polls_need_not_be_made() {
    let spec = scaled(trigger(10));
    let mut autoscaler = Autoscaler::new(&spec);
    assert_eq!(autoscaler.poll(at(9_000), 3, &on_one_of(1, 0)), None);
    assert!(!autoscaler.polls_matter(1));
    assert!(autoscaler.polls_matter(0));
    let decision = autoscaler.poll(at(0), 0, &on_one_of(1, 0));
    let decided = decision.map(|one| (one.replicas, one.reason));
    assert_eq!(decided, Some((1, ScaleReason::BelowMinimum)));
}

#[test]
fn idle_replicas_stand_in_for_zero() {
    let mut spec = scaled(trigger(10));
    (spec.min_replica_count, spec.idle_replica_count) = (5, Some(2));
    let mut autoscaler = Autoscaler::new(&spec);
    let decision = autoscaler.poll(at(30), 6, &on_one_of(1, 0));
    assert_eq!(decision.map(|one| one.replicas), Some(2));
    assert_eq!(autoscaler.poll(at(60), 2, &on_one_of(1, 0)), None);
    let decision = autoscaler.poll(at(90), 2, &on_one_of(1, 1));
    let decided = decision.map(|one| (one.replicas, one.reason));
    assert_eq!(decided, Some((5, ScaleReason::Activated)));
    // The HPA knows nothing of them, but leaves none alone.
    let decision = autoscaler.sync(at(105), 2, &on_one_of(1, 0));
    let decided = decision.map(|one| (one.replicas, one.reason));
    assert_eq!(decided, Some((5, ScaleReason::BelowMinimum)));
    assert_eq!(autoscaler.sync(at(120), 0, &on_one_of(1, 0)), None);
}

#[test]
fn a_cached_metric_is_that_of_the_last_poll() {
    let mut spec = scaled(trigger(10));
    spec.use_cached_metrics = true;
    let mut autoscaler = Autoscaler::new(&spec);
    assert!(autoscaler.polls_matter(1));
    assert_eq!(autoscaler.poll(at(0), 1, &on_one_of(10, 3)), None);
    assert_eq!(autoscaler.sync(at(15), 1, &on_one_of(10, 90)), None);
    autoscaler.poll(at(30), 1, &on_one_of(10, 35));
    let decision = autoscaler.sync(at(45), 1, &on_one_of(10, 90));
    let decided = decision.map(|one| (one.replicas, one.lag));
    assert_eq!(decided, Some((4, Some(35))));
}

#[test]
fn a_ratio_on_the_edge_of_the_tolerance_is_inside_it() {
    let spec = scaled(trigger(100));
    for (lag, replicas) in [(110, 1), (111, 2), (90, 1)] {
        assert_eq!(synced(&spec, 1, &on_one_of(10, lag)), replicas, "{lag}");
    }
    let mut spec = spec;
    let mut behavior = Behavior::default();
    behavior.scale_up.tolerance = 0.5;
    spec.behavior = Some(behavior);
    for (lag, replicas) in [(150, 1), (151, 2)] {
        assert_eq!(synced(&spec, 1, &on_one_of(10, lag)), replicas, "{lag}");
    }
}

#[test]
fn outside_its_bounds_the_hpa_goes_to_the_next_one_at_once() {
    let mut spec = scaled(trigger(100));
    (spec.min_replica_count, spec.max_replica_count) = (3, 6);
    let mut autoscaler = Autoscaler::new(&spec);
    let reason = |decision: Option<Decision>| decision.map(|one| (one.replicas, one.reason));
    let calm = on_one_of(10, 0);
    let above = reason(autoscaler.sync(at(0), 9, &calm));
    assert_eq!(above, Some((6, ScaleReason::AboveMaximum)));
    let below = reason(autoscaler.sync(at(15), 2, &calm));
    assert_eq!(below, Some((3, ScaleReason::BelowMinimum)));
}

#[test]
fn a_scale_down_waits_until_no_higher_recommendation_is_left_in_the_window() {
    let down_at = |behavior: Option<Behavior>| {
        let mut spec = scaled(trigger(100));
        spec.behavior = behavior;
        let mut autoscaler = Autoscaler::new(&spec);
        let calm = on_one_of(10, 1);
        let down = (0..).find_map(|turn| Some((turn, autoscaler.sync(at(15 * turn), 5, &calm)?)));
        let (turn, decision) = down.unwrap();
        assert_eq!(decision.reason, ScaleReason::BelowTarget);
        (15 * turn, decision.replicas)
    };
    // The first sync notes the replicas that it finds. Of exactly 300 s it still counts only without a behavior;
    // then all may go at once.
    assert_eq!(down_at(None), (315, 1));
    assert_eq!(down_at(Some(Behavior::default())), (300, 1));
}

#[test]
fn a_scale_up_window_takes_the_lowest_recommendation() {
    let mut behavior = Behavior::default();
    behavior.scale_up.stabilization_window = secs(60);
    let mut spec = scaled(trigger(100));
    spec.behavior = Some(behavior);
    let mut autoscaler = Autoscaler::new(&spec);
    let busy = on_one_of(10, 400);
    let ups: Vec<bool> = (0..5)
        .map(|turn| autoscaler.sync(at(15 * turn), 1, &busy).is_some())
        .collect();
    assert_eq!(ups, [false, false, false, false, true]);
}

fn with_policies(up: &[(PolicyType, u32, u64)], down: &[(PolicyType, u32, u64)]) -> Behavior {
    let policies = |given: &[(PolicyType, u32, u64)]| {
        given
            .iter()
            .map(|(kind, value, period)| ScalingPolicy {
                kind: *kind,
                value: *value,
                period: secs(*period),
            })
            .collect()
    };
    let mut behavior = Behavior::default();
    behavior.scale_up.policies = policies(up);
    behavior.scale_down.policies = policies(down);
    behavior.scale_down.stabilization_window = SimDuration::ZERO;
    behavior
}

/// Replicas after each of `syncs` syncs from `replicas` on, at a lag of what `wanted` replicas may have.
fn under(behavior: &Behavior, replicas: u32, wanted: u64, syncs: u64) -> Vec<u32> {
    let mut spec = scaled(trigger(100));
    spec.behavior = Some(behavior.clone());
    spec.max_replica_count = 1_000;
    spec.trigger.allow_idle_consumers = true;
    let mut autoscaler = Autoscaler::new(&spec);
    let mut replicas = replicas;
    let sync = |turn| {
        let offsets = on_one_of(1, 100 * wanted);
        if let Some(decision) = autoscaler.sync(at(15 * turn), replicas, &offsets) {
            replicas = decision.replicas;
        }
        replicas
    };
    (0..syncs).map(sync).collect()
}

#[test]
fn a_policy_allows_its_value_within_any_of_its_periods() {
    use PolicyType::{Percent, Pods};
    let slow = with_policies(&[(Pods, 2, 30)], &[(Percent, 50, 60)]);
    assert_eq!(under(&slow, 1, 9, 6), [3, 3, 5, 5, 7, 7]);
    assert_eq!(under(&slow, 16, 1, 6), [8, 8, 8, 8, 4, 4]);
}

#[test]
fn the_policy_that_counts_is_selected() {
    use PolicyType::{Percent, Pods};
    let two = [(Pods, 1, 15), (Percent, 100, 15)];
    let mut behavior = with_policies(&two, &two);
    assert_eq!(under(&behavior, 4, 99, 1), [8]);
    assert_eq!(under(&behavior, 4, 1, 1), [1]);
    behavior.scale_up.select_policy = SelectPolicy::Min;
    behavior.scale_down.select_policy = SelectPolicy::Min;
    assert_eq!(under(&behavior, 4, 99, 1), [5]);
    assert_eq!(under(&behavior, 4, 1, 1), [3]);
    behavior.scale_up.select_policy = SelectPolicy::Disabled;
    behavior.scale_down.select_policy = SelectPolicy::Disabled;
    assert_eq!(under(&behavior, 4, 99, 2), [4, 4]);
    assert_eq!(under(&behavior, 4, 1, 2), [4, 4]);
}

#[test]
fn a_share_of_pods_rounds_as_the_controllers_float64_does() {
    use PolicyType::Percent;
    // 100 x 1.1 is a little above 110 in float64, and rounds up to 111.
    let tenth = with_policies(&[(Percent, 10, 15)], &[(Percent, 10, 15)]);
    assert_eq!(under(&tenth, 100, 900, 1), [111]);
    assert_eq!(under(&tenth, 1, 900, 1), [2]);
    assert_eq!(under(&tenth, 11, 1, 1), [9]);
}

#[test]
fn what_was_added_in_a_policys_period_may_be_taken_away_again() {
    use PolicyType::Pods;
    let mut spec = scaled(trigger(100));
    spec.behavior = Some(with_policies(&[(Pods, 9, 15)], &[(Pods, 1, 60)]));
    let mut autoscaler = Autoscaler::new(&spec);
    let up = autoscaler.sync(at(0), 3, &on_one_of(20, 800));
    assert_eq!(up.map(|one| one.replicas), Some(8));
    // Before the period there were 3, so 2 are allowed.
    let down = autoscaler.sync(at(15), 8, &on_one_of(20, 1));
    assert_eq!(down.map(|one| one.replicas), Some(2));
}

mod cycle;
