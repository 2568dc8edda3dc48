//! The autoscaler as it is written: KEDA's and Kubernetes' keys by their own names, numbers of seconds as theirs are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Count, Flag, Number, Spot, Text, Time};

/// KEDA with one Kafka trigger on the model's topic and group, and the HPA that it creates. Its keys are KEDA's, in
/// whole seconds where they are times; keys of our own are kebab-case. The members are the pods that run at the start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    expecting = "a table, [autoscaler]"
)]
pub struct Autoscaler {
    /// From the creation of a pod until its consumer subscribes: scheduling, image, boot.
    #[serde(rename = "start-up")]
    pub start_up: Option<Time>,
    /// Whether pods that are taken away close their consumer (default true), or die at once on SIGTERM.
    pub graceful: Option<Flag>,
    /// How often the HPA syncs (--horizontal-pod-autoscaler-sync-period); default "15s".
    #[serde(rename = "sync-period")]
    pub sync_period: Option<Time>,
    /// Phase of the HPA's syncs against KEDA's polls, which begin with the run; default half a sync period.
    #[serde(rename = "sync-offset")]
    pub sync_offset: Option<Time>,
    /// Seconds between two polls, which only step to and from zero (or idleReplicaCount); default 30.
    pub polling_interval: Option<Count>,
    /// Seconds without activity before the step to zero (or idleReplicaCount); default 300.
    pub cooldown_period: Option<Count>,
    /// The same from the start on, for a trigger that was never active; default 0.
    pub initial_cooldown_period: Option<Count>,
    /// Fewest pods while there is lag; 0 (default) lets KEDA step to zero.
    pub min_replica_count: Option<Count>,
    /// Most pods; default 100.
    pub max_replica_count: Option<Count>,
    /// Pods without activity, instead of minReplicaCount.
    pub idle_replica_count: Option<Count>,
    /// Lag per pod that the HPA aims at (records); default 10.
    pub lag_threshold: Option<Count>,
    /// The trigger is active above this lag (records); default 0.
    pub activation_lag_threshold: Option<Count>,
    /// What a partition without a committed offset counts for: `latest` (default; one record) or `earliest` (its
    /// whole log end offset).
    pub offset_reset_policy: Option<Text>,
    /// More pods than partitions; default false.
    pub allow_idle_consumers: Option<Flag>,
    /// Leave out partitions whose committed offset has not moved since the last look; default false.
    pub exclude_persistent_lag: Option<Flag>,
    /// No more pods than partitions with lag; default false.
    pub limit_to_partitions_with_lag: Option<Flag>,
    /// As many pods as divide the partitions; default false.
    pub ensure_even_distribution_of_partitions: Option<Flag>,
    /// A partition without a committed offset counts nothing; default false.
    pub scale_to_zero_on_invalid_offset: Option<Flag>,
    /// Read these partitions only: "0,2,10-20".
    pub partition_limitation: Option<Text>,
    /// The HPA gets what the last poll read, instead of a reading of its own; default false.
    pub use_cached_metrics: Option<Flag>,
    /// behavior of the HPA; without it, as KEDA creates it, the controller's older rules hold.
    pub behavior: Option<Spot<Behavior>>,
}

/// How fast an HPA may go; what is not said has Kubernetes' defaults.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    expecting = "a table, [autoscaler.behavior]"
)]
pub struct Behavior {
    /// Upwards; default 4 pods or 100 % every 15 s, whichever is more.
    pub scale_up: Option<Spot<ScalingRules>>,
    /// Downwards; default all that a window of 300 s has not needed.
    pub scale_down: Option<Spot<ScalingRules>>,
}

/// How fast an HPA may go in one direction.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    expecting = "a table, [autoscaler.behavior.scaleDown]"
)]
pub struct ScalingRules {
    /// Seconds whose recommendations all count: the most careful one wins; default 0 up and 300 down.
    pub stabilization_window_seconds: Option<Count>,
    /// Which policy decides: `Max` (default; the largest change), `Min` or `Disabled`.
    pub select_policy: Option<Text>,
    /// How much may change within how long.
    pub policies: Option<Spot<Vec<Spot<ScalingPolicy>>>>,
    /// How far the lag per pod may be from lagThreshold (share); default 0.1.
    pub tolerance: Option<Number>,
}

/// How much may change within how long.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    expecting = r#"a table, { type = "Pods", value = 4, periodSeconds = 15 }"#
)]
pub struct ScalingPolicy {
    /// `Pods` or `Percent`.
    #[serde(rename = "type")]
    pub kind: Option<Text>,
    /// How many of them.
    pub value: Option<Count>,
    /// Within how many seconds, at most 1800.
    pub period_seconds: Option<Count>,
}

const WATCHES: &str = "leave it out: the trigger watches the model's topic and group";
const FLAT: &str =
    "leave the nesting out: keys of a ScaledObject and of its trigger stand side by side here";

/// Keys of a ScaledObject and of its trigger that the model has no use for, and what to do instead.
const ELSEWHERE: [(&str, &str); 12] = [
    ("bootstrapServers", WATCHES),
    ("consumerGroup", WATCHES),
    ("topic", WATCHES),
    ("scaleTargetRef", WATCHES),
    ("spec", FLAT),
    ("triggers", FLAT),
    ("metadata", FLAT),
    ("advanced", FLAT),
    ("horizontalPodAutoscalerConfig", FLAT),
    ("fallback", "leave it out: brokers always answer here"),
    (
        "metricType",
        "leave it out: the target is an AverageValue, KEDA's default",
    ),
    (
        "restoreToOriginalReplicaCount",
        "leave it out: nobody deletes the ScaledObject",
    ),
];

impl Autoscaler {
    /// What to do with a key that KEDA has and [autoscaler] does not, if it is one; `known` are the keys of the table
    /// it stands in.
    pub fn elsewhere(key: &str, known: &[&str]) -> Option<&'static str> {
        let row = ELSEWHERE.iter().find(|(name, _)| *name == key);
        row.filter(|_| known.contains(&"lagThreshold"))
            .map(|(_, help)| *help)
    }
}
