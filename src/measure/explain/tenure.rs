//! Who read a partition from when to when, by the facts of a run.

use crate::sim::Fact;
use crate::units::{PartitionId, ProcessId, SimTime};

/// A time in which one process had the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// Who.
    pub process: ProcessId,
    /// From its assignment.
    pub since: SimTime,
    /// Until it gave the partition up, or its process ended; `None` while it has it.
    pub until: Option<SimTime>,
    /// Its process ended with the partition in its hands.
    pub gone: bool,
}

/// Everyone who had `partition` up to and including `at`, in order of time.
pub fn all(events: &[(SimTime, Fact)], partition: usize, at: SimTime) -> Vec<Tenure> {
    let partition = PartitionId(partition as u32);
    let mut tenures: Vec<Tenure> = Vec::new();
    for (when, fact) in events.iter().take_while(|(when, _)| *when <= at) {
        let open = tenures.last_mut().filter(|last| last.until.is_none());
        match fact {
            Fact::PartitionsAssigned {
                process,
                partitions,
                ..
            } if partitions.contains(&partition) => {
                // A member that keeps it is assigned it again.
                if open.is_some_and(|own| own.process == *process) {
                    continue;
                }
                tenures.push(Tenure {
                    process: *process,
                    since: *when,
                    until: None,
                    gone: false,
                });
            }
            Fact::PartitionsRevoked {
                process,
                partitions,
                ..
            } if partitions.contains(&partition) => {
                if let Some(own) = open.filter(|own| own.process == *process) {
                    own.until = Some(*when);
                }
            }
            Fact::ProcessStopped { process, .. } => {
                if let Some(own) = open.filter(|own| own.process == *process) {
                    (own.until, own.gone) = (Some(*when), true);
                }
            }
            _ => {}
        }
    }
    tenures
}
