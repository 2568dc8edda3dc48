//! Retry topics: what is given up goes from one to the next, each read after a delay by a group of its own in the same
//! processes (Spring's `@RetryableTopic`). Each is simulated as a scenario of its own, whose production is what the one
//! before it gave up.

use std::sync::Arc;

use super::model::{Action, PartitionStart, Scenario};
use super::on_error::{BackOff, GiveUp, OnError};
use crate::units::{SimDuration, SimTime};
use crate::workload::{Keys, Pattern, Production, RateCurve, Shares};

/// A topic that records wait in before they are tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryTopic {
    /// Its name; a group of its own reads it, named by both.
    pub name: String,
    /// From its append until a record may be read.
    pub delay: SimDuration,
    /// How many partitions it has, all the time.
    pub partitions: u32,
}

/// A record that was given up and produced to the next topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedOn {
    /// When it was appended there.
    pub at: SimTime,
    /// Offset in the partition that it was read from.
    pub offset: u64,
    /// The entry of [`Scenario::poison`] that makes it a poison record, wherever it goes.
    pub poison: Option<usize>,
}

/// What makes a scenario that of a retry topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// From its append until a record may be read.
    pub delay: SimDuration,
    /// By partition, what comes.
    pub incoming: Vec<Incoming>,
}

/// What comes to a partition of a retry topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incoming {
    /// When each record is appended; instants do not decrease.
    pub instants: Arc<[SimTime]>,
    /// Which of them are poison records, by entry of [`Scenario::poison`], ascending.
    pub poison: Vec<(u64, usize)>,
}

impl Scenario {
    /// The scenario of retry topic `index`, to which was produced what is `passed_on`, by partition of the topic before it.
    /// Processes, their settings and what happens to them are the same; alerts and expectations speak of the main topic.
    pub fn retry_stage(&self, index: usize, passed_on: &[Vec<PassedOn>]) -> Scenario {
        let own = &self.retry_topics[index];
        let last = index + 1 == self.retry_topics.len();
        let mut stage = self.clone();
        stage.title = format!("{}: {}", self.title, own.name);
        stage.topic.name.clone_from(&own.name);
        let empty = PartitionStart {
            committed: Some(0),
            log_end: 0,
        };
        stage.topic.partitions = vec![empty; own.partitions as usize];
        stage.production = nothing(own.partitions);
        stage.group.name = format!("{}-{}", self.group.name, own.name);
        for settings in &mut stage.settings {
            for handling in &mut settings.on_error {
                if let Some(then @ GiveUp::RetryTopic { .. }) = handling.then() {
                    *handling = OnError::once(then.after(last));
                }
            }
        }
        let downstreams = stage.downstreams.iter_mut();
        let gives_up = downstreams.filter_map(|own| own.on_outage.gives_up.as_mut());
        for gives_up in gives_up.filter(|own| own.then.passes_on()) {
            gives_up.attempts = 1;
            gives_up.then = gives_up.then.after(last);
        }
        (stage.timeline).retain(|entry| !matches!(entry.action, Action::AddPartitions { .. }));
        stage.alerts.clear();
        stage.expectations.clear();
        stage.retry_topics.clear();
        stage.stage = Some(Stage {
            delay: own.delay,
            incoming: incoming(own.partitions as usize, passed_on),
        });
        stage
    }
}

impl GiveUp {
    /// Whether it sends the record to a retry topic.
    pub fn passes_on(self) -> bool {
        matches!(self, GiveUp::RetryTopic { .. })
    }

    /// What becomes of a record that fails in a retry topic: it goes to the next one, and after the `last` to the dead-letter
    /// topic.
    fn after(self, last: bool) -> GiveUp {
        match self {
            GiveUp::RetryTopic(produce) if last => GiveUp::DeadLetter(produce),
            other => other,
        }
    }
}

impl OnError {
    /// One attempt.
    pub fn once(then: GiveUp) -> OnError {
        OnError::Retry {
            seeks: false,
            attempts: 1,
            back_off: BackOff::NONE,
            then,
        }
    }
}

/// No producer but the topic before.
fn nothing(partitions: u32) -> Production {
    Production {
        curve: Arc::new(RateCurve::constant(0.0)),
        pattern: Pattern::Constant,
        shares: vec![Shares {
            from: SimTime::ZERO,
            of: Keys::Even.shares(partitions),
        }],
        keys: Keys::Even,
    }
}

/// Records keep their partition, modulo how many there are: which is where the producer's hash of the key sends those whose
/// partition does not exist, if the smaller number divides the larger.
fn incoming(partitions: usize, passed_on: &[Vec<PassedOn>]) -> Vec<Incoming> {
    let mut records: Vec<Vec<(SimTime, usize, &PassedOn)>> = vec![Vec::new(); partitions];
    for (from, passed) in passed_on.iter().enumerate() {
        let to = &mut records[from % partitions];
        to.extend(passed.iter().map(|record| (record.at, from, record)));
    }
    let sorted = records.into_iter().map(|mut records| {
        records.sort_by_key(|(at, from, record)| (*at, *from, record.offset));
        let poison = records.iter().enumerate();
        let poison = poison.filter_map(|(offset, (_, _, record))| {
            record.poison.map(|entry| (offset as u64, entry))
        });
        Incoming {
            poison: poison.collect(),
            instants: records.iter().map(|(at, _, _)| *at).collect(),
        }
    });
    sorted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64, offset: u64, poison: Option<usize>) -> PassedOn {
        PassedOn {
            at: SimTime::from_millis(ms),
            offset,
            poison,
        }
    }

    #[test]
    fn records_keep_their_partition_modulo_how_many_there_are_and_the_order_of_their_produces() {
        let first = vec![at(5, 7, None), at(9, 8, Some(1))];
        let third = vec![at(2, 0, Some(0)), at(5, 1, None), at(9, 2, None)];
        let found = incoming(2, &[first, vec![at(1, 3, None)], third]);
        let ms: Vec<Vec<u64>> = found
            .iter()
            .map(|own| {
                own.instants
                    .iter()
                    .map(|at| at.as_nanos() / 1_000_000)
                    .collect()
            })
            .collect();
        assert_eq!(ms, [vec![2, 5, 5, 9, 9], vec![1]]);
        // Of one instant, first what comes from the lower partition.
        assert_eq!(found[0].poison, [(0, 0), (3, 1)]);
        assert_eq!(found[1].poison, []);
    }
}
