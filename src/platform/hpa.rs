//! The HorizontalPodAutoscaler on an external metric with an AverageValue target (`podautoscaler/horizontal.go`).
//! It computes in float64, and so does this, so that borders fall where its do. Not for where the metric comes from.

use super::spec::{Behavior, PolicyType, ScaledObject, ScalingRules, SelectPolicy, tolerances};
use super::{Decision, ScaleReason};
use crate::units::{SimDuration, SimTime};

/// The default of `--horizontal-pod-autoscaler-downscale-stabilization`, and of a behavior's scaleDown window.
pub const DOWNSCALE_STABILISATION: SimDuration = SimDuration::from_secs(300);
/// Without a behavior one sync at most doubles the replicas, or makes them four (`calculateScaleUpLimit`).
const UP_FACTOR: u32 = 2;
const UP_LEAST: u32 = 4;

/// An HPA and what it remembers.
#[derive(Clone, Debug)]
pub(super) struct HorizontalPodAutoscaler {
    least: u32,
    most: u32,
    target: u64,
    behavior: Option<Behavior>,
    /// What it wanted before stabilisation, by when.
    recommendations: Vec<(SimTime, u32)>,
    ups: Vec<(SimTime, u32)>,
    downs: Vec<(SimTime, u32)>,
}

impl HorizontalPodAutoscaler {
    pub fn new(spec: &ScaledObject) -> Self {
        HorizontalPodAutoscaler {
            least: spec.min_replica_count.max(1), // KEDA takes the step to zero itself.
            most: spec.max_replica_count,
            target: spec.trigger.lag_threshold,
            behavior: spec.behavior.clone(),
            recommendations: Vec::new(),
            ups: Vec::new(),
            downs: Vec::new(),
        }
    }

    /// One sync at `replicas`, which count as soon as they exist, ready or not; `metric` is read if it matters.
    pub fn sync(
        &mut self,
        now: SimTime,
        replicas: u32,
        metric: impl FnOnce() -> i64,
    ) -> Option<Decision> {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, replicas));
        }
        let (wanted, reason, lag) = if replicas == 0 {
            return None; // Scaling is disabled until somebody else starts a replica.
        } else if replicas > self.most {
            (self.most, ScaleReason::AboveMaximum, None)
        } else if replicas < self.least {
            (self.least, ScaleReason::BelowMinimum, None)
        } else {
            let lag = metric();
            let desired = self.desired(lag, replicas);
            let wanted = self.normalised(now, replicas, desired);
            let reason = match wanted > replicas {
                true if desired > replicas => ScaleReason::AboveTarget,
                true => ScaleReason::WasAboveTarget,
                false => ScaleReason::BelowTarget,
            };
            (wanted, reason, Some(lag))
        };
        if wanted == replicas {
            return None;
        }
        self.remember(now, replicas, wanted);
        Some(Decision {
            replicas: wanted,
            reason,
            lag,
        })
    }

    /// What the metric asks for (`ReplicaCalculator.GetExternalPerPodMetricReplicas`).
    fn desired(&self, lag: i64, replicas: u32) -> u32 {
        let ratio = lag as f64 / (self.target as f64 * f64::from(replicas));
        let (up, down) = tolerances(self.behavior.as_ref());
        if 1.0 - down <= ratio && ratio <= 1.0 + up {
            return replicas;
        }
        (lag as f64 / self.target as f64).ceil() as u32 // Below zero is zero.
    }

    fn normalised(&mut self, now: SimTime, replicas: u32, desired: u32) -> u32 {
        let Some(behavior) = self.behavior.take() else {
            return self.without_behavior(now, replicas, desired);
        };
        let wanted = self.with_behavior(now, replicas, desired, &behavior);
        self.behavior = Some(behavior);
        wanted
    }

    /// `normalizeDesiredReplicas`: the highest of the window, a recommendation of exactly its age included.
    fn without_behavior(&mut self, now: SimTime, replicas: u32, desired: u32) -> u32 {
        self.recommendations
            .retain(|(at, _)| now.since(*at) <= DOWNSCALE_STABILISATION);
        let past = self.recommendations.iter().map(|(_, past)| *past);
        let stable = past.max().unwrap_or(0).max(desired);
        self.recommendations.push((now, desired));
        let limit = UP_LEAST.max(replicas.saturating_mul(UP_FACTOR));
        stable.max(self.least).min(self.most.min(limit))
    }

    /// `normalizeDesiredReplicasWithBehaviors`: within the windows of both directions, then as fast as the policies
    /// allow. A recommendation of exactly the window's age does not count.
    fn with_behavior(
        &mut self,
        now: SimTime,
        replicas: u32,
        desired: u32,
        behavior: &Behavior,
    ) -> u32 {
        let (up, down) = (&behavior.scale_up, &behavior.scale_down);
        let past = |window| {
            let known = self.recommendations.iter();
            known
                .filter(move |(at, _)| now.since(*at) < window)
                .map(|(_, past)| *past)
        };
        let lowest = past(up.stabilization_window).fold(desired, u32::min);
        let highest = past(down.stabilization_window).fold(desired, u32::max);
        let stable = replicas.max(lowest).min(highest);
        let longest = up.stabilization_window.max(down.stabilization_window);
        self.recommendations
            .retain(|(at, _)| now.since(*at) < longest);
        self.recommendations.push((now, desired));
        if stable > replicas {
            let limit = self.limit(now, replicas, up, true).max(replicas);
            stable.min(self.most.min(limit))
        } else if stable < replicas {
            let limit = self.limit(now, replicas, down, false).min(replicas);
            stable.max(self.least.max(limit))
        } else {
            replicas
        }
    }

    /// How far the policies let the replicas go: up (`calculateScaleUpLimitWithScalingRules`) or down
    /// (`calculateScaleDownLimitWithBehaviors`).
    fn limit(&self, now: SimTime, replicas: u32, rules: &ScalingRules, up: bool) -> u32 {
        let within = |events: &[(SimTime, u32)], period: SimDuration| -> i64 {
            let recent = events.iter().filter(|(at, _)| now.since(*at) < period);
            recent.map(|(_, change)| i64::from(*change)).sum()
        };
        let limits = rules.policies.iter().map(|policy| {
            let added = within(&self.ups, policy.period);
            let deleted = within(&self.downs, policy.period);
            let before = i64::from(replicas) - added + deleted;
            let (value, share) = (i64::from(policy.value), f64::from(policy.value) / 100.0);
            let limit = match (policy.kind, up) {
                (PolicyType::Pods, true) => before + value,
                (PolicyType::Pods, false) => before - value,
                // Up it rounds up, so that a small share still moves; down it cuts off.
                (PolicyType::Percent, true) => (before as f64 * (1.0 + share)).ceil() as i64,
                (PolicyType::Percent, false) => (before as f64 * (1.0 - share)) as i64,
            };
            u32::try_from(limit.max(0)).unwrap_or(u32::MAX)
        });
        let limit = match (rules.select_policy, up) {
            (SelectPolicy::Disabled, _) => None,
            (SelectPolicy::Max, true) | (SelectPolicy::Min, false) => limits.max(),
            (SelectPolicy::Min, true) | (SelectPolicy::Max, false) => limits.min(),
        };
        limit.unwrap_or(replicas)
    }

    /// `storeScaleEvent`: an event that no policy of its own direction looks back to gives its place to the new one,
    /// even where a policy of the other direction would still count it.
    fn remember(&mut self, now: SimTime, from: u32, to: u32) {
        let Some(behavior) = &self.behavior else {
            return;
        };
        let (events, rules) = if to > from {
            (&mut self.ups, &behavior.scale_up)
        } else {
            (&mut self.downs, &behavior.scale_down)
        };
        let longest = rules.policies.iter().map(|policy| policy.period).max();
        let longest = longest.unwrap_or(SimDuration::ZERO);
        let event = (now, from.abs_diff(to));
        match events.iter().rposition(|(at, _)| now.since(*at) > longest) {
            Some(old) => events[old] = event,
            None => events.push(event),
        }
    }
}
