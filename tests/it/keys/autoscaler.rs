//! Keys of the autoscaler.

use super::{BATCH, Case, HUMP};

/// Never at zero.
const AUTO: &str = "autoscaler={ start-up = '10s', minReplicaCount = 1, lagThreshold = 100 }";
/// From zero and to zero.
const ZERO: &str = "autoscaler={ start-up = '10s', lagThreshold = 100 }";
/// Nothing comes for ten minutes.
const QUIET: &str = "produce.rate={ steps = [{ at = '0s', rate = '200/s' }, { at = '5m', rate = '0/s' }, { at = '15m', rate = '200/s' }] }";
const NOTHING: &str = "produce.rate='0/s'";
const NEVER_COMMITTED: &str = "topic={ name = 't', partitions = 4, start = [{ log-end = 5000 }, { log-end = 5000 }, { log-end = 5000 }, { log-end = 5000 }] }";
const AT_ONCE: &str = "autoscaler.sync-offset='0s'";
const UP: &str =
    "autoscaler.behavior.scaleUp.policies=[{ type = 'Pods', value = 1, periodSeconds = 30 }]";

pub const CASES: &[Case] = &[
    (
        "autoscaler",
        &[HUMP],
        [AUTO, "autoscaler={ start-up = '10s', minReplicaCount = 3 }"],
    ),
    (
        "Autoscaler.start-up",
        &[HUMP, AUTO],
        ["autoscaler.start-up='10s'", "autoscaler.start-up='40s'"],
    ),
    (
        "Autoscaler.graceful",
        &[HUMP, AUTO],
        ["autoscaler.graceful=true", "autoscaler.graceful=false"],
    ),
    (
        "Autoscaler.sync-period",
        &[HUMP, AUTO],
        [
            "autoscaler.sync-period='15s'",
            "autoscaler.sync-period='40s'",
        ],
    ),
    (
        "Autoscaler.sync-offset",
        &[HUMP, AUTO],
        ["autoscaler.sync-offset='0s'", "autoscaler.sync-offset='5s'"],
    ),
    (
        "Autoscaler.pollingInterval",
        &[QUIET, ZERO],
        [
            "autoscaler.pollingInterval=30",
            "autoscaler.pollingInterval='70'",
        ],
    ),
    (
        "Autoscaler.cooldownPeriod",
        &[QUIET, ZERO],
        [
            "autoscaler.cooldownPeriod=100",
            "autoscaler.cooldownPeriod=200",
        ],
    ),
    (
        "Autoscaler.initialCooldownPeriod",
        &[NOTHING, ZERO],
        [
            "autoscaler.initialCooldownPeriod=0",
            "autoscaler.initialCooldownPeriod=100",
        ],
    ),
    (
        "Autoscaler.minReplicaCount",
        &[HUMP, AUTO],
        [
            "autoscaler.minReplicaCount=1",
            "autoscaler.minReplicaCount=3",
        ],
    ),
    (
        "Autoscaler.maxReplicaCount",
        &[HUMP, AUTO],
        [
            "autoscaler.maxReplicaCount=3",
            "autoscaler.maxReplicaCount=4",
        ],
    ),
    (
        "Autoscaler.idleReplicaCount",
        &[QUIET, AUTO, "autoscaler.minReplicaCount=3"],
        [
            "autoscaler.idleReplicaCount=0",
            "autoscaler.idleReplicaCount=1",
        ],
    ),
    (
        "Autoscaler.lagThreshold",
        &[HUMP, AUTO],
        [
            "autoscaler.lagThreshold=100",
            "autoscaler.lagThreshold=90_000",
        ],
    ),
    (
        "Autoscaler.activationLagThreshold",
        &[QUIET, ZERO],
        [
            "autoscaler.activationLagThreshold=0",
            "autoscaler.activationLagThreshold='90k'",
        ],
    ),
    (
        "Autoscaler.offsetResetPolicy",
        &[NEVER_COMMITTED, AUTO, AT_ONCE],
        [
            "autoscaler.offsetResetPolicy='latest'",
            "autoscaler.offsetResetPolicy='earliest'",
        ],
    ),
    (
        "Autoscaler.allowIdleConsumers",
        &[HUMP, AUTO, "autoscaler.maxReplicaCount=8"],
        [
            "autoscaler.allowIdleConsumers=false",
            "autoscaler.allowIdleConsumers=true",
        ],
    ),
    (
        "Autoscaler.excludePersistentLag",
        &[HUMP, BATCH, AUTO],
        [
            "autoscaler.excludePersistentLag=false",
            "autoscaler.excludePersistentLag=true",
        ],
    ),
    (
        "Autoscaler.limitToPartitionsWithLag",
        &[HUMP, AUTO, "produce.keys={ weights = [1, 0, 0, 0] }"],
        [
            "autoscaler.limitToPartitionsWithLag=false",
            "autoscaler.limitToPartitionsWithLag=true",
        ],
    ),
    (
        "Autoscaler.ensureEvenDistributionOfPartitions",
        &[
            "topic={ name = 't', partitions = 6, backlog = 350 }",
            AUTO,
            AT_ONCE,
        ],
        [
            "autoscaler.ensureEvenDistributionOfPartitions=false",
            "autoscaler.ensureEvenDistributionOfPartitions=true",
        ],
    ),
    (
        "Autoscaler.scaleToZeroOnInvalidOffset",
        &[NEVER_COMMITTED, NOTHING, ZERO],
        [
            "autoscaler.scaleToZeroOnInvalidOffset=false",
            "autoscaler.scaleToZeroOnInvalidOffset=true",
        ],
    ),
    (
        "Autoscaler.partitionLimitation",
        &[HUMP, AUTO],
        [
            "autoscaler.partitionLimitation='0'",
            "autoscaler.partitionLimitation='0,1-3'",
        ],
    ),
    (
        "Autoscaler.useCachedMetrics",
        &[HUMP, AUTO],
        [
            "autoscaler.useCachedMetrics=false",
            "autoscaler.useCachedMetrics=true",
        ],
    ),
    (
        "Autoscaler.behavior",
        &[HUMP, AUTO],
        [
            "autoscaler.behavior={}",
            "autoscaler.behavior={ scaleUp = { selectPolicy = 'Disabled' } }",
        ],
    ),
    (
        "Behavior.scaleUp",
        &[HUMP, AUTO],
        [
            "autoscaler.behavior.scaleUp={ stabilizationWindowSeconds = 0 }",
            "autoscaler.behavior.scaleUp={ stabilizationWindowSeconds = 60 }",
        ],
    ),
    (
        "Behavior.scaleDown",
        &[HUMP, AUTO],
        [
            "autoscaler.behavior.scaleDown={ selectPolicy = 'Max' }",
            "autoscaler.behavior.scaleDown={ selectPolicy = 'Disabled' }",
        ],
    ),
    (
        "ScalingRules.stabilizationWindowSeconds",
        &[HUMP, AUTO],
        [
            "autoscaler.behavior.scaleDown.stabilizationWindowSeconds=60",
            "autoscaler.behavior.scaleDown.stabilizationWindowSeconds=120",
        ],
    ),
    (
        "ScalingRules.selectPolicy",
        &[
            HUMP,
            AUTO,
            "autoscaler.behavior.scaleUp.policies=[{ type = 'Pods', value = 1, periodSeconds = 15 }, { type = 'Pods', value = 2, periodSeconds = 15 }]",
        ],
        [
            "autoscaler.behavior.scaleUp.selectPolicy='Max'",
            "autoscaler.behavior.scaleUp.selectPolicy='Min'",
        ],
    ),
    (
        "ScalingRules.policies",
        &[HUMP, AUTO],
        [
            UP,
            "autoscaler.behavior.scaleUp.policies=[{ type = 'Pods', value = 1, periodSeconds = 90 }]",
        ],
    ),
    (
        "ScalingRules.tolerance",
        &[HUMP, AUTO],
        [
            "autoscaler.behavior.scaleUp.tolerance=0.1",
            "autoscaler.behavior.scaleUp.tolerance=9",
        ],
    ),
    (
        "ScalingPolicy.type",
        &[HUMP, AUTO, UP],
        [
            "autoscaler.behavior.scaleUp.policies.0.type='Pods'",
            "autoscaler.behavior.scaleUp.policies.0={ type = 'Percent', value = 100, periodSeconds = 30 }",
        ],
    ),
    (
        "ScalingPolicy.value",
        &[HUMP, AUTO, UP],
        [
            "autoscaler.behavior.scaleUp.policies.0.value=1",
            "autoscaler.behavior.scaleUp.policies.0.value=2",
        ],
    ),
    (
        "ScalingPolicy.periodSeconds",
        &[HUMP, AUTO, UP],
        [
            "autoscaler.behavior.scaleUp.policies.0.periodSeconds=30",
            "autoscaler.behavior.scaleUp.policies.0.periodSeconds=120",
        ],
    ),
];
