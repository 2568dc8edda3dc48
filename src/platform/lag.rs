//! What KEDA makes of the offsets of a topic: the metric for the HPA, and whether the trigger is active
//! (`kafkaScaler.getTotalLag`). Not for when it looks.
#![deny(clippy::float_arithmetic)]

use std::collections::BTreeMap;

use super::spec::{KafkaTrigger, OffsetResetPolicy};
use crate::units::PartitionId;

/// Offsets of a partition as the brokers tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionOffsets {
    /// Which.
    pub partition: PartitionId,
    /// Committed offset of the group, if there is one.
    pub committed: Option<u64>,
    /// Log-end offset.
    pub log_end: u64,
}

/// What one look at the brokers says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// What the HPA gets (records).
    pub metric: i64,
    /// Whether the lag is above activationLagThreshold.
    pub active: bool,
}

/// A Kafka scaler, which remembers the offsets it saw.
#[derive(Clone, Debug)]
pub(super) struct KafkaScaler {
    trigger: KafkaTrigger,
    /// Committed offsets of earlier readings, for excludePersistentLag: those of polls and of the HPA alike.
    previous: BTreeMap<PartitionId, u64>,
}

impl KafkaScaler {
    pub fn new(trigger: &KafkaTrigger) -> Self {
        KafkaScaler {
            trigger: trigger.clone(),
            previous: BTreeMap::new(),
        }
    }

    /// Adds the partitions' lag up and caps it.
    pub fn read(&mut self, offsets: &[PartitionOffsets]) -> Reading {
        let (mut scaling, mut activation) = (0, 0);
        let (mut partitions, mut with_lag) = (0, 0);
        for one in offsets {
            let limited = &self.trigger.partition_limitation;
            if !limited.is_empty() && !limited.contains(&one.partition) {
                continue;
            }
            let (scales, activates) = self.lag_of(one);
            scaling += scales;
            activation += activates;
            partitions += 1;
            with_lag += i64::from(scales > 0);
        }
        Reading {
            metric: self.capped(scaling, partitions, with_lag),
            active: activation > self.trigger.activation_lag_threshold as i64,
        }
    }

    /// Lag of a partition (records): what counts for scaling, and what counts for activation
    /// (`kafkaScaler.getLagForPartition`).
    fn lag_of(&mut self, one: &PartitionOffsets) -> (i64, i64) {
        let Some(committed) = one.committed else {
            let counts = match self.trigger.offset_reset_policy {
                _ if self.trigger.scale_to_zero_on_invalid_offset => 0,
                OffsetResetPolicy::Latest => 1,
                OffsetResetPolicy::Earliest => one.log_end as i64,
            };
            return (counts, counts);
        };
        let lag = one.log_end as i64 - committed as i64;
        if self.trigger.exclude_persistent_lag
            && self.previous.insert(one.partition, committed) == Some(committed)
        {
            return (0, lag);
        }
        (lag, lag)
    }

    /// No more than the partitions can use, times the threshold.
    fn capped(&self, lag: i64, partitions: i64, with_lag: i64) -> i64 {
        let trigger = &self.trigger;
        let (even, limit) = (
            trigger.ensure_even_distribution_of_partitions,
            trigger.limit_to_partitions_with_lag,
        );
        if trigger.allow_idle_consumers && !limit && !even {
            return lag;
        }
        let threshold = trigger.lag_threshold as i64;
        let bound = if limit { with_lag } else { partitions };
        let lag = if even {
            let factor = (1..=partitions)
                .find(|factor| partitions % factor == 0 && factor * threshold >= lag);
            factor.unwrap_or(partitions) * threshold
        } else {
            lag
        };
        if lag / threshold > bound {
            bound * threshold
        } else {
            lag
        }
    }
}
