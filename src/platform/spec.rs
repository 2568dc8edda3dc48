//! What an autoscaler runs with: a ScaledObject with one Kafka trigger, in KEDA's and Kubernetes' words and defaults.
//! Not for judging what somebody wrote: that is the check's affair.

use std::collections::BTreeSet;

use crate::units::{PartitionId, SimDuration};

/// A Deployment whose number of pods an autoscaler decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// What the autoscaler runs with.
    pub scaled_object: ScaledObject,
    /// From the creation of a pod until its consumer subscribes.
    pub start_up: SimDuration,
    /// Whether pods that are taken away close their consumer, or die at once.
    pub graceful: bool,
}

/// A ScaledObject (KEDA `apis/keda/v1alpha1`).
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledObject {
    /// pollingInterval: how often KEDA asks whether the trigger is active.
    pub polling_interval: SimDuration,
    /// cooldownPeriod: from the last time the trigger was active to the step to zero (or idleReplicaCount).
    pub cooldown_period: SimDuration,
    /// initialCooldownPeriod: the same from the creation, for a trigger that was never active.
    pub initial_cooldown_period: SimDuration,
    /// minReplicaCount.
    pub min_replica_count: u32,
    /// maxReplicaCount.
    pub max_replica_count: u32,
    /// idleReplicaCount: how many run while the trigger is not active, instead of minReplicaCount.
    pub idle_replica_count: Option<u32>,
    /// The trigger.
    pub trigger: KafkaTrigger,
    /// useCachedMetrics: the HPA gets what the last poll read.
    pub use_cached_metrics: bool,
    /// behavior of the HPA; without it the controller's older rules hold, as KEDA creates it.
    pub behavior: Option<Behavior>,
    /// `--horizontal-pod-autoscaler-sync-period` of kube-controller-manager.
    pub sync_period: SimDuration,
    /// Phase of the syncs against KEDA's polls, which begin with the run: the two clocks do not know of each other.
    pub sync_offset: SimDuration,
}

/// Metadata of a Kafka trigger (KEDA `pkg/scalers/kafka_scaler.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaTrigger {
    /// lagThreshold: lag per replica that the HPA aims at (records), at least 1.
    pub lag_threshold: u64,
    /// activationLagThreshold: the trigger is active above it (records).
    pub activation_lag_threshold: u64,
    /// offsetResetPolicy: what a partition without a committed offset counts for.
    pub offset_reset_policy: OffsetResetPolicy,
    /// allowIdleConsumers: more replicas than partitions.
    pub allow_idle_consumers: bool,
    /// excludePersistentLag: a partition whose committed offset has not moved since the last reading counts nothing.
    pub exclude_persistent_lag: bool,
    /// limitToPartitionsWithLag: no more replicas than partitions with lag.
    pub limit_to_partitions_with_lag: bool,
    /// ensureEvenDistributionOfPartitions: as many replicas as divide the partitions.
    pub ensure_even_distribution_of_partitions: bool,
    /// scaleToZeroOnInvalidOffset: a partition without a committed offset counts nothing.
    pub scale_to_zero_on_invalid_offset: bool,
    /// partitionLimitation: only these partitions are read; all if empty.
    pub partition_limitation: BTreeSet<PartitionId>,
}

/// offsetResetPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetResetPolicy {
    /// One record, so that somebody starts and commits.
    Latest,
    /// The whole log end offset.
    Earliest,
}

/// behavior of an HPA (`autoscaling/v2`).
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// scaleUp.
    pub scale_up: ScalingRules,
    /// scaleDown.
    pub scale_down: ScalingRules,
}

/// HPAScalingRules.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// stabilizationWindowSeconds.
    pub stabilization_window: SimDuration,
    /// selectPolicy.
    pub select_policy: SelectPolicy,
    /// policies.
    pub policies: Vec<ScalingPolicy>,
    /// tolerance: how far the lag per replica may be from lagThreshold before anything is done (share).
    pub tolerance: f64,
}

/// selectPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The policy that allows the largest change.
    Max,
    /// The policy that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// HPAScalingPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// type.
    pub kind: PolicyType,
    /// value: pods or percent.
    pub value: u32,
    /// periodSeconds: within any such time no more than `value` changes.
    pub period: SimDuration,
}

/// type of an HPAScalingPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyType {
    /// A number of pods.
    Pods,
    /// A percentage of the replicas.
    Percent,
}

/// The default of `--horizontal-pod-autoscaler-tolerance` (`podautoscaler/config/v1alpha1/defaults.go`).
const TOLERANCE: f64 = 0.1;

impl Default for ScaledObject {
    fn default() -> Self {
        ScaledObject {
            polling_interval: SimDuration::from_secs(30),
            cooldown_period: SimDuration::from_secs(300),
            initial_cooldown_period: SimDuration::ZERO,
            min_replica_count: 0,
            max_replica_count: 100,
            idle_replica_count: None,
            trigger: KafkaTrigger::default(),
            use_cached_metrics: false,
            behavior: None,
            sync_period: SimDuration::from_secs(15),
            sync_offset: SimDuration::from_secs(15).half(),
        }
    }
}

impl Default for KafkaTrigger {
    fn default() -> Self {
        KafkaTrigger {
            lag_threshold: 10,
            activation_lag_threshold: 0,
            offset_reset_policy: OffsetResetPolicy::Latest,
            allow_idle_consumers: false,
            exclude_persistent_lag: false,
            limit_to_partitions_with_lag: false,
            ensure_even_distribution_of_partitions: false,
            scale_to_zero_on_invalid_offset: false,
            partition_limitation: BTreeSet::new(),
        }
    }
}

/// What Kubernetes fills in where a behavior says nothing (`autoscaling/v2/defaults.go`).
impl Default for Behavior {
    fn default() -> Self {
        let policy = |kind, value| ScalingPolicy {
            kind,
            value,
            period: SimDuration::from_secs(15),
        };
        Behavior {
            scale_up: ScalingRules {
                stabilization_window: SimDuration::ZERO,
                select_policy: SelectPolicy::Max,
                policies: vec![
                    policy(PolicyType::Pods, 4),
                    policy(PolicyType::Percent, 100),
                ],
                tolerance: TOLERANCE,
            },
            scale_down: ScalingRules {
                stabilization_window: super::DOWNSCALE_STABILISATION,
                select_policy: SelectPolicy::Max,
                policies: vec![policy(PolicyType::Percent, 100)],
                tolerance: TOLERANCE,
            },
        }
    }
}

impl ScaledObject {
    /// How far the lag per replica may be above lagThreshold without a scale-up (share).
    pub fn up_tolerance(&self) -> f64 {
        tolerances(self.behavior.as_ref()).0
    }

    /// Most replicas that it can ask for with so many partitions, if it finds `running` of them.
    pub fn most_replicas(&self, partitions: u32, running: u32) -> u32 {
        let asked = if self.trigger.allow_idle_consumers {
            self.max_replica_count
        } else {
            // The cap rounds down, the HPA up: one more than partitions is possible.
            self.max_replica_count.min(partitions.saturating_add(1))
        };
        asked
            .max(self.min_replica_count)
            .max(self.idle_replica_count.unwrap_or(0))
            .max(running)
            .max(1)
    }
}

/// How far the lag per replica may be above and below lagThreshold (shares).
pub(super) fn tolerances(behavior: Option<&Behavior>) -> (f64, f64) {
    behavior.map_or((TOLERANCE, TOLERANCE), |own| {
        (own.scale_up.tolerance, own.scale_down.tolerance)
    })
}
