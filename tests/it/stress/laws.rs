//! What no run may ever do.

use std::collections::{BTreeMap, BTreeSet};

use lagsim::kafka::{Assignor, AutoCommitFrom, GroupProtocol, GroupState, LateCommit};
use lagsim::scenario::{CommitPolicy, OnError, OnFailure, RetryBy, Scenario, WhileOpen};
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::{PartitionId, ProcessId, SimTime};

use super::draw::wanted;
use crate::systems::Told;

/// Facts in the order of time, generations that only rise, and at most one owner of a partition among the members
/// that the coordinator knows.
pub(super) fn check_facts(scenario: &Scenario, told: &Told) {
    let mut last = SimTime::ZERO;
    let mut assigned: BTreeMap<ProcessId, Vec<PartitionId>> = BTreeMap::new();
    let mut owners: BTreeMap<PartitionId, ProcessId> = BTreeMap::new();
    let mut generation = 0;
    // Members that read on have what they are assigned at once, as whoever had it before has given it up.
    let consumer = scenario.group_protocol() == GroupProtocol::Consumer;
    let cooperative =
        consumer || scenario.settings[0].properties.assignor == Assignor::CooperativeSticky;
    // Whom the coordinator of a consumer group has fenced: it may not know yet.
    let mut fenced: BTreeSet<ProcessId> = BTreeSet::new();
    let own = |process: ProcessId,
               partitions: &[PartitionId],
               at: SimTime,
               owners: &mut BTreeMap<PartitionId, ProcessId>| {
        for partition in partitions {
            let Some(owner) = owners.insert(*partition, process) else {
                continue;
            };
            // A static member that missed the barrier reads on until it knows.
            let is_static = scenario.group.processes[owner.ix()].instance_id.is_some();
            assert!(
                owner == process || is_static && !consumer,
                "{partition:?} has two owners at {at}"
            );
        }
    };
    for (at, fact) in &told.facts {
        assert!(*at >= last, "{fact:?} at {at} told after {last}");
        last = *at;
        match fact {
            Fact::GenerationStarted {
                generation: new, ..
            } => {
                assert!(*new > generation, "generation {new} after {generation}");
                generation = *new;
            }
            // One that stood still as its answer came takes it up when the coordinator knows it no longer.
            Fact::PartitionsAssigned {
                process,
                generation: of,
                ..
            } if !consumer && *of < generation => {
                assigned.remove(process);
            }
            Fact::PartitionsAssigned { process, .. } if fenced.contains(process) => {}
            Fact::MemberJoined { process, .. } => {
                fenced.remove(process);
            }
            Fact::PartitionsAssigned {
                process,
                partitions,
                ..
            } => {
                assigned.insert(*process, partitions.clone());
                if cooperative {
                    own(*process, partitions, *at, &mut owners);
                }
            }
            Fact::MemberResumed { process, .. } if !cooperative => {
                if let Some(partitions) = assigned.get(process) {
                    own(*process, partitions, *at, &mut owners);
                }
            }
            Fact::PartitionsRevoked {
                process,
                partitions,
                ..
            } => {
                owners.retain(|id, owner| owner != process || !partitions.contains(id));
            }
            Fact::MemberEvicted { process, .. } | Fact::ProcessStopped { process, .. } => {
                if consumer && matches!(fact, Fact::MemberEvicted { .. }) {
                    fenced.insert(*process);
                }
                // A crashed owner reads no more, though its partitions stay orphaned.
                owners.retain(|_, owner| owner != process);
            }
            _ => {}
        }
    }
}

pub(super) fn seeks(scenario: &Scenario) -> bool {
    let handlings = scenario.settings.iter().flat_map(|s| &s.on_error);
    let mut handlings = handlings;
    handlings.any(|on_error| {
        on_error.seeks() || matches!(on_error, OnError::RetryForever(RetryBy::Seek { .. }))
    })
}

/// A timer may have committed what its member only keeps behind an open breaker; by another policy it commits what it has
/// finished.
fn commits_less_later(scenario: &Scenario) -> bool {
    let mut policies = scenario.settings.iter().map(|own| own.processing.commit);
    let first = policies.next();
    let mut all = scenario.downstreams.iter();
    let breaker = all.find_map(|own| own.on_outage.breaker);
    policies.any(|policy| Some(policy) != first)
        && matches!(breaker, Some((_, WhileOpen::Buffer { .. })))
}

fn commits_late(scenario: &Scenario) -> bool {
    let mut settings = scenario.settings.iter();
    settings.any(|one| one.client.late_commit == LateCommit::Sent)
}

/// A static member that missed a barrier rejoins with partitions that are others' by now, and commits what it has done of
/// them as it is told to give them up: in the new generation, so it is heard.
fn revokes_what_others_have(scenario: &Scenario) -> bool {
    let mut processes = scenario.group.processes.iter();
    let mut settings = scenario.settings.iter();
    processes.any(|process| process.instance_id.is_some())
        && settings.any(|own| {
            own.properties.assignor == Assignor::CooperativeSticky
                && own.processing.commit_on_revoke
        })
}

/// The curves only rise, and none is above the one it may not pass.
pub(super) fn check_curves(scenario: &Scenario, told: &Told) {
    let mut before: Vec<(u64, u64)> = Vec::new();
    for (at, samples) in &told.samples {
        assert!(samples.len() >= before.len(), "partitions vanish at {at}");
        before.resize(samples.len(), (0, 0));
        for (sample, before) in samples.iter().zip(&mut before) {
            let committed = sample.committed.unwrap_or(0);
            assert!(
                committed <= sample.log_end,
                "committed beyond the log at {at}: {sample:?}"
            );
            assert!(
                sample.position <= sample.log_end,
                "read beyond the log at {at}"
            );
            assert!(sample.log_end >= before.0, "the log shrinks at {at}");
            // A timer commits beyond a poison record that is then sought back to; and the offsets of a batch that outlived a
            // rebalance are taken whatever others have committed since.
            let may = seeks(scenario)
                || commits_late(scenario)
                || commits_less_later(scenario)
                || revokes_what_others_have(scenario);
            if !may {
                assert!(
                    committed >= before.1,
                    "commits go back at {at}: {sample:?} after {before:?}"
                );
            }
            *before = (sample.log_end, committed);
        }
    }
    assert_eq!(told.samples[0].0, SimTime::ZERO);
}

/// Most records of a partition that polls commit and that are still kept behind a breaker at the end, which chance opens at
/// any time.
pub(super) fn kept_committed(scenario: &Scenario) -> u64 {
    let mut settings = scenario.settings.iter();
    let mut breakers = (scenario.downstreams.iter()).filter_map(|own| own.on_outage.breaker);
    let polls = settings.clone().map(|own| own.properties.max_poll_records);
    let commits = settings.any(|own| own.processing.commit == CommitPolicy::Auto);
    match breakers.next() {
        Some((_, WhileOpen::Buffer { records })) if commits => {
            polls.fold(records, |most, own| most.max(own))
        }
        _ => 0,
    }
}

/// Whatever is committed was processed, given up or lost.
pub(super) fn check_accounts(scenario: &Scenario, told: &Told) {
    let chance = scenario
        .downstreams
        .iter()
        .any(|own| own.failure_rate > 0.0);
    let kept = if chance { kept_committed(scenario) } else { 0 };
    for (index, totals) in told.totals.partitions.iter().enumerate() {
        assert!(totals.duplicates <= totals.processed, "{totals:?}");
        let done = totals.processed - totals.duplicates
            + totals.skipped
            + totals.dead_lettered
            + totals.retried
            - totals.given_up_again
            + totals.lost;
        let from = scenario.settings[0].client.auto_commit_from;
        if matches!(from, AutoCommitFrom::Poll | AutoCommitFrom::Completed) {
            // A commit per record is stored before its answer lets the record be done.
            assert!(
                totals.committed <= done + kept + 1,
                "partition {index}: {totals:?}"
            );
        }
    }
}

/// Whatever becomes of a batch, each poison record that is given up has cost its attempts.
pub(super) fn check_attempts(scenario: &Scenario, told: &Told) {
    let mut handlings = scenario.settings.iter().flat_map(|own| &own.on_error);
    let three = |handling: &OnError| matches!(handling, OnError::Retry { attempts: 3, .. });
    if !handlings.clone().all(three) || scenario.gives_up().next().is_some() {
        return;
    }
    let partitions = told.totals.partitions.iter();
    let given_up = partitions.map(|own| own.skipped + own.dead_lettered + own.retried);
    let (attempts, least) = (told.totals.poison_attempts, 3 * given_up.sum::<u64>());
    // More of a record that its process exits at, or that starts anew.
    let once = |handling: &OnError| {
        let then = handling.then();
        let letter = then.and_then(|then| then.dead_letter());
        let anew = letter.is_some_and(|own| own.on_failure != OnFailure::Skip);
        !(handling.crashes() || anew && scenario.loses_dead_letter_topic())
    };
    match handlings.all(|handling| !handling.seeks() && once(handling)) {
        true => assert_eq!(attempts, least),
        false => assert!(attempts >= least, "{attempts} of {least}"),
    }
}

/// The group is Stable with all who are meant to run, and nothing is left behind.
fn check_recovery(scenario: &Scenario, told: &Told) {
    let wanted = wanted(scenario);
    let group = told.group.as_ref().expect("a group");
    let members: Vec<ProcessId> = group.members.iter().map(|member| member.process).collect();
    let mut sorted = members.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, wanted, "who runs at the end");
    if wanted.is_empty() {
        assert_eq!(group.state, GroupState::Empty);
        return;
    }
    assert_eq!(group.state, GroupState::Stable);
    let (_, last) = told.samples.last().expect("samples");
    let mut owned: Vec<PartitionId> = group
        .members
        .iter()
        .flat_map(|m| m.partitions.clone())
        .collect();
    owned.sort_unstable();
    // A static leader that is back does not look for the partitions that came meanwhile.
    let mut processes = scenario.group.processes.iter();
    let leads_on = scenario.group_protocol() == GroupProtocol::Classic
        && processes.any(|process| process.instance_id.is_some());
    let all = if leads_on && owned.len() < last.len() {
        owned.len().max(scenario.topic.partitions.len())
    } else {
        last.len()
    };
    let all: Vec<PartitionId> = (0..all as u32).map(PartitionId).collect();
    assert_eq!(owned, all, "every partition has an owner");
    for id in &owned {
        let state = last[id.ix()].state;
        let without_a_reader = matches!(
            state,
            PartitionState::Starting
                | PartitionState::Rebalancing
                | PartitionState::Orphaned
                | PartitionState::Evicted
                | PartitionState::Frozen
        );
        assert!(
            !without_a_reader,
            "{id:?} is {state:?}, and somebody reads it"
        );
    }
    let behind = owned
        .iter()
        .map(|id| last[id.ix()].log_end - last[id.ix()].position);
    let behind: u64 = behind.sum();
    assert!(behind < 500, "still {behind} records behind");
}

pub(super) fn check(scenario: &Scenario, told: &Told, calm: bool) {
    check_facts(scenario, told);
    check_curves(scenario, told);
    check_accounts(scenario, told);
    check_attempts(scenario, told);
    if calm {
        check_recovery(scenario, told);
    }
}
