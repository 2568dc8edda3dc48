//! The autoscaler: KEDA's own rules for a ScaledObject with a Kafka trigger, and Kubernetes' for a behavior.

use std::collections::BTreeSet;

use super::super::model::Group;
use super::super::raw::{self, Count, Model, Scalar, Spot};
use super::group::{MOST_MEMBERS, add_process};
use super::judge::Judge;
use super::topic::MOST_PARTITIONS;
use crate::platform::{
    Behavior, Deployment, KafkaTrigger, OffsetResetPolicy, PolicyType, ScaledObject, ScalingPolicy,
    ScalingRules, SelectPolicy,
};
use crate::units::{PartitionId, SimDuration, parse_count, parse_duration};

/// Largest threshold of a lag (records).
const MOST_RECORDS: u64 = 1_000_000_000_000;
/// Longest period of KEDA (s).
const LONGEST: u64 = 400 * 86_400;
/// Longest stabilizationWindowSeconds and periodSeconds (`pkg/apis/autoscaling/validation`).
const LONGEST_WINDOW: u64 = 3_600;
const LONGEST_PERIOD: u64 = 1_800;

impl Judge<'_> {
    pub(super) fn autoscaler(&mut self, model: &Model) -> Option<Deployment> {
        let Spot { span, value: own } = model.autoscaler.as_ref()?;
        let start_up = match &own.start_up {
            Some(time) => self.duration(time),
            None => self.missing(
                span,
                "start-up",
                r#"write how long a pod takes until its consumer subscribes: start-up = "30s""#,
            ),
        };
        let scaled_object = self.scaled_object(own, model);
        let graceful = self.flag_or(&own.graceful, true);
        Some(Deployment {
            scaled_object: scaled_object?,
            start_up: start_up?,
            graceful: graceful?,
        })
    }

    /// The HPA's clock: period and phase.
    fn sync_clock(&mut self, own: &raw::Autoscaler) -> Option<(SimDuration, SimDuration)> {
        let period = match &own.sync_period {
            Some(time) => self.positive(time, "the sync period")?,
            None => ScaledObject::default().sync_period,
        };
        let offset = self.duration_or(&own.sync_offset, period.half());
        if offset >= period
            && let Some(at) = &own.sync_offset
        {
            let message = format!("the phase {offset} is not within the period of {period}");
            let help = "write a phase shorter than sync-period";
            return self.error(&at.0.span, message, help);
        }
        Some((period, offset))
    }

    fn scaled_object(&mut self, own: &raw::Autoscaler, model: &Model) -> Option<ScaledObject> {
        let default = ScaledObject::default();
        let mut period = |value: &Option<Count>, default, least| match value {
            Some(value) => self.whole_seconds(value, least, LONGEST),
            None => Some(default),
        };
        let polling_interval = period(&own.polling_interval, default.polling_interval, 1);
        let cooldown_period = period(&own.cooldown_period, default.cooldown_period, 0);
        let initial = period(
            &own.initial_cooldown_period,
            default.initial_cooldown_period,
            0,
        );
        let replicas = self.replica_counts(own);
        let trigger = self.trigger(own, model);
        let use_cached_metrics = self.flag_or(&own.use_cached_metrics, false);
        let behavior = own.behavior.as_ref().map(|given| self.behavior(given));
        let clock = self.sync_clock(own);
        let (sync_period, sync_offset) = clock?;
        let (least, most, idle) = replicas?;
        let spec = ScaledObject {
            polling_interval: polling_interval?,
            cooldown_period: cooldown_period?,
            initial_cooldown_period: initial?,
            min_replica_count: least,
            max_replica_count: most,
            idle_replica_count: idle,
            trigger: trigger?,
            use_cached_metrics: use_cached_metrics?,
            behavior: match behavior {
                Some(behavior) => Some(behavior?),
                None => None,
            },
            sync_period,
            sync_offset,
        };
        self.doubt_idle(own, &spec);
        self.doubt_polls(own, &spec);
        Some(spec)
    }

    /// minReplicaCount, maxReplicaCount and idleReplicaCount, with the rules of KEDA's webhook.
    fn replica_counts(&mut self, own: &raw::Autoscaler) -> Option<(u32, u32, Option<u32>)> {
        let default = ScaledObject::default();
        let what = "the pods of a Deployment";
        let mut count = |value: &Option<Count>, least| match value {
            Some(value) => Some(self.count_within(value, what, least, MOST_MEMBERS)? as u32),
            None => None,
        };
        let least = count(&own.min_replica_count, 0);
        let most = count(&own.max_replica_count, 1);
        let idle = count(&own.idle_replica_count, 0);
        let read = |value: &Option<Count>, found: Option<u32>| value.is_none() || found.is_some();
        let all_read = read(&own.min_replica_count, least)
            && read(&own.max_replica_count, most)
            && read(&own.idle_replica_count, idle);
        let least = least.unwrap_or(default.min_replica_count);
        let most = most.unwrap_or(default.max_replica_count);
        if !all_read {
            return None;
        }
        if least > most
            && let Some(at) = own
                .min_replica_count
                .as_ref()
                .or(own.max_replica_count.as_ref())
        {
            let message = format!("minReplicaCount {least} is above maxReplicaCount {most}");
            return self.error(
                &at.0.span,
                message,
                "write a minimum of at most the maximum",
            );
        }
        if let (Some(few), Some(at)) = (idle, &own.idle_replica_count)
            && few >= least
        {
            let message = format!("idleReplicaCount {few} is not below minReplicaCount {least}");
            let help = "KEDA wants fewer idle pods than the minimum: write a smaller number, or a larger \
                        minReplicaCount";
            return self.error(&at.0.span, message, help);
        }
        Some((least, most, idle))
    }

    fn trigger(&mut self, own: &raw::Autoscaler, model: &Model) -> Option<KafkaTrigger> {
        let default = KafkaTrigger::default();
        let lag_threshold = match &own.lag_threshold {
            Some(value) => self.count_within(value, "the lag per pod", 1, MOST_RECORDS),
            None => Some(default.lag_threshold),
        };
        let activation_lag_threshold = match &own.activation_lag_threshold {
            Some(value) => self.count_within(value, "the lag of activation", 0, MOST_RECORDS),
            None => Some(default.activation_lag_threshold),
        };
        let offset_reset_policy = match &own.offset_reset_policy {
            Some(word) => self.choice(
                word,
                &[
                    ("latest", OffsetResetPolicy::Latest),
                    ("earliest", OffsetResetPolicy::Earliest),
                ],
            ),
            None => Some(default.offset_reset_policy),
        };
        let idle = self.flag_or(&own.allow_idle_consumers, false);
        let persistent = self.flag_or(&own.exclude_persistent_lag, false);
        let limit = self.flag_or(&own.limit_to_partitions_with_lag, false);
        let even = self.flag_or(&own.ensure_even_distribution_of_partitions, false);
        let invalid = self.flag_or(&own.scale_to_zero_on_invalid_offset, false);
        if let (Some(true), Some(limits)) = (limit, &own.limit_to_partitions_with_lag) {
            let others = [
                (idle, &own.allow_idle_consumers, "allowIdleConsumers"),
                (
                    even,
                    &own.ensure_even_distribution_of_partitions,
                    "ensureEvenDistributionOfPartitions",
                ),
            ];
            for (on, other, name) in others {
                if let (Some(true), Some(other)) = (on, other) {
                    let message = format!("KEDA refuses limitToPartitionsWithLag with {name}");
                    let other = (&other.0.span, "this one");
                    self.clash::<()>(&limits.0.span, message, other, "keep one of the two");
                }
            }
        }
        let partition_limitation = self.partition_limitation(own, model);
        Some(KafkaTrigger {
            lag_threshold: lag_threshold?,
            activation_lag_threshold: activation_lag_threshold?,
            offset_reset_policy: offset_reset_policy?,
            allow_idle_consumers: idle?,
            exclude_persistent_lag: persistent?,
            limit_to_partitions_with_lag: limit?,
            ensure_even_distribution_of_partitions: even?,
            scale_to_zero_on_invalid_offset: invalid?,
            partition_limitation: partition_limitation?,
        })
    }

    /// `0,2,10-20`: numbers and ranges of partitions.
    fn partition_limitation(
        &mut self,
        own: &raw::Autoscaler,
        model: &Model,
    ) -> Option<BTreeSet<PartitionId>> {
        let mut partitions = BTreeSet::new();
        let Some(value) = &own.partition_limitation else {
            return Some(partitions);
        };
        let count = partitions_ever(model);
        for part in value.0.value.plain().split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u32>().ok();
            let (Some(from), Some(to)) = (number(from), number(to)) else {
                let message = format!("`{}` names no partition", part.trim());
                let help = r#"write numbers and ranges: partitionLimitation = "0,2,10-20""#;
                return self.error(&value.0.span, message, help);
            };
            if from > to || u64::from(to) >= count {
                let message = format!("there are no partitions `{}`", part.trim());
                let help = format!("the partitions are numbered 0 to {}", count.max(1) - 1);
                return self.error(&value.0.span, message, help);
            }
            partitions.extend((from..=to).map(PartitionId));
        }
        Some(partitions)
    }

    fn behavior(&mut self, given: &Spot<raw::Behavior>) -> Option<Behavior> {
        let default = Behavior::default();
        let up = match &given.value.scale_up {
            Some(rules) => self.scaling_rules(&rules.value, default.scale_up),
            None => Some(default.scale_up),
        };
        let down = match &given.value.scale_down {
            Some(rules) => self.scaling_rules(&rules.value, default.scale_down),
            None => Some(default.scale_down),
        };
        Some(Behavior {
            scale_up: up?,
            scale_down: down?,
        })
    }

    fn scaling_rules(
        &mut self,
        given: &raw::ScalingRules,
        default: ScalingRules,
    ) -> Option<ScalingRules> {
        let window = match &given.stabilization_window_seconds {
            Some(value) => self.whole_seconds(value, 0, LONGEST_WINDOW),
            None => Some(default.stabilization_window),
        };
        let select_policy = match &given.select_policy {
            Some(word) => self.choice(
                word,
                &[
                    ("Max", SelectPolicy::Max),
                    ("Min", SelectPolicy::Min),
                    ("Disabled", SelectPolicy::Disabled),
                ],
            ),
            None => Some(default.select_policy),
        };
        let tolerance = match &given.tolerance {
            Some(share) => self.number_from(share, "the tolerance", 0.0),
            None => Some(default.tolerance),
        };
        let policies = match &given.policies {
            Some(list) if list.value.is_empty() => self.error(
                &list.span,
                "there is no policy in the list",
                r#"write at least one, selectPolicy = "Disabled", or leave the key out"#,
            ),
            Some(list) => {
                let judged: Vec<_> = list.value.iter().map(|one| self.policy(one)).collect();
                judged.into_iter().collect()
            }
            None => Some(default.policies),
        };
        Some(ScalingRules {
            stabilization_window: window?,
            select_policy: select_policy?,
            policies: policies?,
            tolerance: tolerance?,
        })
    }

    fn policy(&mut self, given: &Spot<raw::ScalingPolicy>) -> Option<ScalingPolicy> {
        const HELP: &str = r#"write all three: { type = "Pods", value = 4, periodSeconds = 15 }"#;
        let one = &given.value;
        let kinds = [("Pods", PolicyType::Pods), ("Percent", PolicyType::Percent)];
        let kind = match &one.kind {
            Some(word) => self.choice(word, &kinds),
            None => self.missing(&given.span, "type", HELP),
        };
        let most = u64::from(u32::MAX >> 1);
        let value = match &one.value {
            Some(value) => self.count_within(value, "what a policy allows", 1, most),
            None => self.missing(&given.span, "value", HELP),
        };
        let period = match &one.period_seconds {
            Some(value) => self.whole_seconds(value, 1, LONGEST_PERIOD),
            None => self.missing(&given.span, "periodSeconds", HELP),
        };
        Some(ScalingPolicy {
            kind: kind?,
            value: value? as u32,
            period: period?,
        })
    }

    /// A time that KEDA or Kubernetes writes as a number of seconds.
    fn whole_seconds(&mut self, value: &Count, least: u64, most: u64) -> Option<SimDuration> {
        if let Scalar::Text(text) = &value.0.value
            && parse_count(text).is_err()
            && let Ok(length) = parse_duration(text)
        {
            let message = format!("`{text}` has a unit, but this key counts seconds");
            let whole = length.as_nanos().div_ceil(1_000_000_000);
            return self.error(&value.0.span, message, format!("write {whole}"));
        }
        self.count_within(value, "a number of seconds", least, most)
            .map(SimDuration::from_secs)
    }

    /// An HPA knows no idle pods: fewer than its minimum, but for none, it takes back.
    fn doubt_idle(&mut self, own: &raw::Autoscaler, spec: &ScaledObject) {
        if let (Some(few @ 1..), Some(at)) = (spec.idle_replica_count, &own.idle_replica_count) {
            let least = spec.min_replica_count;
            let message = format!(
                "the HPA brings idleReplicaCount {few} back to minReplicaCount {least} at its next sync"
            );
            let help = "write idleReplicaCount = 0, the only number that KEDA supports";
            self.warn(&at.0.span, message, help);
        }
    }

    /// Keys that only matter for the step to zero or to idle pods, where there is none.
    fn doubt_polls(&mut self, own: &raw::Autoscaler, spec: &ScaledObject) {
        if spec.min_replica_count == 0 || spec.idle_replica_count.is_some() {
            return;
        }
        let polls = !spec.use_cached_metrics && !spec.trigger.exclude_persistent_lag;
        let keys = [
            (polls, &own.polling_interval, "pollingInterval"),
            (true, &own.cooldown_period, "cooldownPeriod"),
            (true, &own.initial_cooldown_period, "initialCooldownPeriod"),
            (
                true,
                &own.activation_lag_threshold,
                "activationLagThreshold",
            ),
        ];
        for (idle, value, name) in keys {
            if let (true, Some(value)) = (idle, value) {
                let least = spec.min_replica_count;
                let message = format!(
                    "{name} does nothing here: with minReplicaCount = {least} KEDA never steps to zero"
                );
                let help =
                    "leave it out, or write minReplicaCount = 0; the HPA has its own sync-period";
                self.warn(&value.0.span, message, help);
            }
        }
    }
}

/// The group with every pod that its autoscaler may ever create.
pub(super) fn with_pods(mut group: Group, deployment: Option<&Deployment>, model: &Model) -> Group {
    if let Some(deployment) = deployment {
        let running = group.processes.len() as u32;
        let partitions = partitions_ever(model) as u32;
        let most = deployment.scaled_object.most_replicas(partitions, running);
        for _ in running..most {
            add_process(&mut group);
        }
    }
    group
}

/// Most partitions the topic ever has, as far as can be read.
fn partitions_ever(model: &Model) -> u64 {
    let topic = model.topic.as_ref().map(|topic| &topic.value);
    let listed = topic
        .and_then(|topic| topic.start.as_ref())
        .map_or(0, |start| start.value.len() as u64);
    let written = topic.and_then(|topic| topic.partitions.as_ref());
    let added = model.at.iter().flatten();
    let added = added.filter_map(|entry| entry.value.add_partitions.as_ref());
    added
        .chain(written)
        .filter_map(|count| parse_count(&count.0.value.plain()).ok())
        .fold(listed, u64::max)
        .min(MOST_PARTITIONS)
}
