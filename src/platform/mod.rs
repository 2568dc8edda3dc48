//! What decides how many processes run, as pure machines: KEDA's Kafka scaler and the HorizontalPodAutoscaler that it
//! drives. Offsets and replicas in, decisions out. And when a process that has exited runs again: the kubelet's
//! CrashLoopBackOff. Not for the processes: who starts and who stops is the run's affair.

mod hpa;
mod lag;
mod restart;
mod spec;

#[cfg(test)]
mod tests;

pub use hpa::DOWNSCALE_STABILISATION;
pub use lag::PartitionOffsets;
pub use restart::{CrashLoop, RestartPolicy};
pub use spec::{
    Behavior, Deployment, KafkaTrigger, OffsetResetPolicy, PolicyType, ScaledObject, ScalingPolicy,
    ScalingRules, SelectPolicy,
};

use crate::units::SimTime;
use hpa::HorizontalPodAutoscaler;
use lag::KafkaScaler;

/// A change of the number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How many there are to be.
    pub replicas: u32,
    /// Why.
    pub reason: ScaleReason,
    /// What the scaler made of the lag (records); none where nobody asked.
    pub lag: Option<i64>,
}

/// Why the number of replicas changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScaleReason {
    /// KEDA: the trigger is active, and nothing or only the idle replicas run.
    Activated,
    /// KEDA: the trigger has not been active for the cooldown period.
    CooledDown,
    /// Fewer than minReplicaCount.
    BelowMinimum,
    /// More than maxReplicaCount.
    AboveMaximum,
    /// HPA: the lag per replica is above lagThreshold.
    AboveTarget,
    /// HPA: the lag per replica was above lagThreshold within the stabilisation window, and could not be followed at
    /// once.
    WasAboveTarget,
    /// HPA: the lag per replica has been below lagThreshold for the stabilisation window.
    BelowTarget,
}

impl ScaleReason {
    /// Its name in files: `above-target`.
    pub fn name(self) -> &'static str {
        match self {
            ScaleReason::Activated => "activated",
            ScaleReason::CooledDown => "cooled-down",
            ScaleReason::BelowMinimum => "below-minimum",
            ScaleReason::AboveMaximum => "above-maximum",
            ScaleReason::AboveTarget => "above-target",
            ScaleReason::WasAboveTarget => "was-above-target",
            ScaleReason::BelowTarget => "below-target",
        }
    }
}

/// KEDA and its HPA at work on one Deployment.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    spec: ScaledObject,
    scaler: KafkaScaler,
    /// The metric of the last poll, for useCachedMetrics.
    cached: Option<i64>,
    last_active: Option<SimTime>,
    hpa: HorizontalPodAutoscaler,
}

impl Autoscaler {
    /// Created at the start of the run.
    pub fn new(spec: &ScaledObject) -> Self {
        Autoscaler {
            spec: spec.clone(),
            scaler: KafkaScaler::new(&spec.trigger),
            cached: None,
            last_active: None,
            hpa: HorizontalPodAutoscaler::new(spec),
        }
    }

    /// What it runs with.
    pub fn spec(&self) -> &ScaledObject {
        &self.spec
    }

    /// Whether a poll of KEDA can still change anything: it only steps to and from zero (or idleReplicaCount), but
    /// what it reads is also what the HPA compares with (excludePersistentLag) or gets (useCachedMetrics).
    pub fn polls_matter(&self, replicas: u32) -> bool {
        let spec = &self.spec;
        spec.min_replica_count == 0
            || spec.idle_replica_count.is_some()
            || spec.use_cached_metrics
            || spec.trigger.exclude_persistent_lag
            || replicas < spec.min_replica_count
    }

    /// KEDA polls its trigger (`scaleExecutor.RequestScale`).
    pub fn poll(
        &mut self,
        now: SimTime,
        replicas: u32,
        offsets: &[PartitionOffsets],
    ) -> Option<Decision> {
        let reading = self.scaler.read(offsets);
        self.cached = Some(reading.metric);
        let decide = |replicas, reason| {
            Some(Decision {
                replicas,
                reason,
                lag: Some(reading.metric),
            })
        };
        let (least, idle) = (self.spec.min_replica_count, self.spec.idle_replica_count);
        if reading.active {
            self.last_active = Some(now);
            let wakes = replicas == 0 || idle.is_some() && replicas < least;
            return wakes
                .then_some(())
                .and_then(|()| decide(least.max(1), ScaleReason::Activated));
        }
        let rests = match idle {
            Some(idle) => replicas > idle,
            None => replicas > 0 && least == 0,
        };
        if rests && self.cooled_down(now) {
            return decide(idle.unwrap_or(0), ScaleReason::CooledDown);
        }
        if !rests && replicas < least && idle.is_none() {
            return decide(least, ScaleReason::BelowMinimum);
        }
        None
    }

    /// Strictly longer ago than the period, as KEDA compares.
    fn cooled_down(&self, now: SimTime) -> bool {
        match self.last_active {
            Some(active) => now.since(active) > self.spec.cooldown_period,
            None => now.since(SimTime::ZERO) > self.spec.initial_cooldown_period,
        }
    }

    /// The HPA syncs: it reads the metric through KEDA, which asks the brokers anew unless useCachedMetrics.
    pub fn sync(
        &mut self,
        now: SimTime,
        replicas: u32,
        offsets: &[PartitionOffsets],
    ) -> Option<Decision> {
        let cached = self.cached.filter(|_| self.spec.use_cached_metrics);
        let scaler = &mut self.scaler;
        self.hpa.sync(now, replicas, || {
            cached.unwrap_or_else(|| scaler.read(offsets).metric)
        })
    }
}
