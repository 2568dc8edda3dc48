//! Slow and obvious simulators that must agree with the engine: sample by sample where it is exact, within a stated
//! distance where it takes a shortcut (the shared dependency). They share the engine's addressed draws and nothing else.

mod behind_a_breaker;
mod breaker;
mod broker;
mod calls;
mod commits;
mod exact;
mod faults;
mod limiter;
mod member;
mod polls;
mod pool;
mod pools;
mod random;
mod records;
mod retries;
mod retry;
mod several;
mod troubles;
mod world;

use std::collections::BTreeMap;

use lagsim::kafka::{GroupProtocol, RejoinFrom};
use lagsim::scenario::{CommitPolicy, Scenario};
use lagsim::sim::Fact;
use lagsim::units::{PartitionId, ProcessId, SimDuration, SimTime};

use crate::systems::{self, Told};
use world::{Curves, Loss, Ownership, World};

/// What the engine's ends of records may be off: its batches are parts of a whole.
const ROUNDING: SimDuration = SimDuration::from_nanos(10);

/// In time for what the twin does a little earlier than the engine.
fn early(at: SimTime) -> SimTime {
    SimTime::ZERO + at.since(SimTime::ZERO + ROUNDING)
}

/// Who owned what from when until when, as the engine tells it.
fn ownership(scenario: &Scenario, told: &Told) -> Vec<(SimTime, Ownership)> {
    let mut assigned: BTreeMap<ProcessId, Vec<PartitionId>> = BTreeMap::new();
    let mut reads: BTreeMap<ProcessId, Vec<PartitionId>> = BTreeMap::new();
    let mut refused: BTreeMap<ProcessId, SimTime> = BTreeMap::new();
    let mut removed: BTreeMap<ProcessId, SimTime> = BTreeMap::new();
    let mut changes = Vec::new();
    let settings = &scenario.settings[0];
    let classic = settings.properties.group_protocol == GroupProtocol::Classic;
    // In a consumer group only what commits first waits for poll().
    let commits = !classic && settings.processing.commit == CommitPolicy::Auto;
    let pooled = settings.processing.order.is_some();
    let gives_up = match settings.client.rejoin_from {
        // What comes in the same instant its poll() has returned before (`ClassicKafkaConsumer#pollForFetches`).
        _ if pooled => Loss::Behind,
        RejoinFrom::NextPoll if classic || commits => Loss::InPoll,
        _ => Loss::Behind,
    };
    let commit_takes = scenario.cluster.round_trip + scenario.cluster.commit_latency;
    for (at, fact) in &told.facts {
        match fact {
            Fact::ProcessStarted { process } => changes.push((*at, Ownership::Starts(*process))),
            Fact::PartitionsAssigned {
                process,
                partitions,
                ..
            } => {
                assigned.insert(*process, partitions.clone());
                removed.remove(process);
                if commits {
                    let sent = SimTime::ZERO + at.since(SimTime::ZERO + commit_takes);
                    changes.push((sent, Ownership::Commits(*process)));
                }
                let has = reads.entry(*process).or_default();
                let more = partitions.iter().any(|id| !has.contains(id));
                if !has.is_empty() && more {
                    // It goes on, and reads what is new as OffsetFetch is answered.
                    let answered = *at + scenario.cluster.round_trip;
                    *has = partitions.clone();
                    changes.push((answered, Ownership::Gets(*process, partitions.clone())));
                }
            }
            Fact::MemberResumed { process, .. } => {
                let partitions = assigned.get(process).cloned().unwrap_or_default();
                reads.insert(*process, partitions.clone());
                changes.push((*at, Ownership::Gets(*process, partitions)));
            }
            Fact::PartitionsRevoked {
                process,
                partitions,
                lost,
                ..
            } => {
                // If that was its process, and not one before it, whose session it was.
                if let Some(since) = removed.remove(process).filter(|_| *lost) {
                    changes.push((since, Ownership::Removed(*process)));
                }
                let has = reads.entry(*process).or_default();
                has.retain(|id| !partitions.contains(id));
                gets_no_more(&mut changes, *at, *process, partitions);
                // What a refused commit is answered with is there before the poll() that follows.
                let answer = refused.get(process) == Some(at);
                let told = if *lost && answer { early(*at) } else { *at };
                let loss = if *lost { Loss::Lost } else { gives_up };
                changes.push((told, Ownership::Loses(*process, partitions.clone(), loss)));
            }
            Fact::MemberEvicted {
                process,
                removal: None,
            } => {
                removed.remove(process);
                changes.push((*at, Ownership::Evicted(*process)));
            }
            Fact::MemberEvicted {
                process,
                removal: Some(_),
            } if classic => {
                removed.insert(*process, *at);
            }
            Fact::CommitFailed { process, error, .. } => {
                // That of a batch whose records are committed one by one is known as it ends.
                let answered = match settings.processing.commit {
                    CommitPolicy::PerRecord => *at,
                    _ => *at + scenario.cluster.round_trip,
                };
                refused.insert(*process, answered);
                changes.push((early(*at), Ownership::MayNotCommit(*process, *error)));
            }
            Fact::ProcessStopped { process, .. } => {
                let has = reads.remove(process).unwrap_or_default();
                gets_no_more(&mut changes, *at, *process, &has);
            }
            _ => {}
        }
    }
    changes
}

/// What a member was to read later it has given up by now.
fn gets_no_more(
    changes: &mut [(SimTime, Ownership)],
    now: SimTime,
    process: ProcessId,
    partitions: &[PartitionId],
) {
    for (at, change) in changes {
        if let Ownership::Gets(who, added) = change
            && *who == process
            && *at > now
        {
            added.retain(|id| !partitions.contains(id));
        }
    }
}

/// The curves of the engine and of the twin.
fn both(scenario: &Scenario) -> (Told, Vec<(SimTime, Vec<Curves>)>) {
    let told = systems::run(scenario);
    let mut twin = World::new(scenario, ownership(scenario, &told));
    let curves = twin.run();
    (told, curves)
}
