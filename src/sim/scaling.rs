//! The autoscaler in a run: when it looks, what it sees, and what becomes of its decisions. Not for the decisions.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Fact;
use super::event::Event;
use super::member::App;
use super::rollout::Rollout;
use super::supervisor::Supervisor;
use super::world::World;
use crate::platform::{self, Autoscaler, Decision, PartitionOffsets};
use crate::scenario::Scenario;
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

/// What starts and stops processes: restarts that are under way, the supervisor of those that exit by themselves, and
/// the autoscaler.
#[derive(Debug, Default)]
pub(super) struct Deployment {
    pub rollouts: Vec<Rollout>,
    pub supervisor: Supervisor,
    scaling: Option<Scaling>,
}

/// An autoscaler and the pods that it wants to be there.
#[derive(Debug)]
struct Scaling {
    autoscaler: Autoscaler,
    start_up: SimDuration,
    graceful: bool,
    replicas: BTreeSet<ProcessId>,
    /// When KEDA polls next; never if that can change nothing.
    poll_at: SimTime,
    /// When the HPA syncs next.
    sync_at: SimTime,
}

impl Scaling {
    fn new(spec: &platform::Deployment, scenario: &Scenario) -> Self {
        let processes = scenario.group.processes.iter().enumerate();
        let there = processes.filter(|(_, process)| process.start.is_some());
        let mut scaling = Scaling {
            autoscaler: Autoscaler::new(&spec.scaled_object),
            start_up: spec.start_up,
            graceful: spec.graceful,
            replicas: there.map(|(index, _)| ProcessId(index as u32)).collect(),
            poll_at: SimTime::NEVER,
            sync_at: SimTime::ZERO + spec.scaled_object.sync_offset,
        };
        scaling.poll_at = scaling.next_poll(SimTime::ZERO, scaling.replicas.len() as u32);
        scaling
    }

    /// The instant `at`, if a poll can change anything at `replicas`.
    fn next_poll(&self, at: SimTime, replicas: u32) -> SimTime {
        if self.autoscaler.polls_matter(replicas) {
            at
        } else {
            SimTime::NEVER
        }
    }

    /// What is decided now: by KEDA if it polls, then by the HPA if it syncs, whatever else happens at the instant.
    fn decide(&mut self, now: SimTime, offsets: &[PartitionOffsets]) -> Vec<Decision> {
        let mut decisions: Vec<Decision> = Vec::new();
        let mut replicas = self.replicas.len() as u32;
        let spec = self.autoscaler.spec();
        let (next_poll, next_sync) = (now + spec.polling_interval, now + spec.sync_period);
        let polls = self.poll_at == now;
        if polls && let Some(decision) = self.autoscaler.poll(now, replicas, offsets) {
            replicas = decision.replicas;
            decisions.push(decision);
        }
        if self.sync_at == now {
            self.sync_at = next_sync;
            if let Some(decision) = self.autoscaler.sync(now, replicas, offsets) {
                replicas = decision.replicas;
                decisions.push(decision);
            }
        }
        if polls {
            self.poll_at = self.next_poll(next_poll, replicas);
        }
        decisions
    }

    /// When anybody looks next.
    fn next(&self) -> SimTime {
        self.poll_at.min(self.sync_at)
    }
}

impl Deployment {
    /// The pods of the start.
    pub fn new(scenario: &Scenario) -> Self {
        let spec = scenario.deployment.as_ref();
        Deployment {
            rollouts: Vec::new(),
            supervisor: Supervisor::new(scenario),
            scaling: spec.map(|spec| Scaling::new(spec, scenario)),
        }
    }
}

impl World<'_> {
    /// KEDA's loop and the HPA's begin.
    pub fn start_autoscaler(&mut self) {
        if let Some(scaling) = &self.deployment.scaling {
            self.agenda.schedule(scaling.next(), Event::Autoscaler);
        }
    }

    /// KEDA polls its trigger, the HPA syncs, or both.
    pub fn autoscaler_looks(&mut self) {
        let now = self.now();
        let offsets = self.offsets_now();
        let Some(scaling) = &mut self.deployment.scaling else {
            return;
        };
        let decisions = scaling.decide(now, &offsets);
        self.agenda.schedule(scaling.next(), Event::Autoscaler);
        for decision in decisions {
            self.scale(decision);
        }
    }

    /// Offsets as the brokers tell them now.
    fn offsets_now(&mut self) -> Vec<PartitionOffsets> {
        let now = self.now();
        self.advance(now);
        self.commit_records_until(now);
        let partitions = 0..self.topic.partitions.len() as u32;
        partitions
            .map(PartitionId)
            .map(|partition| PartitionOffsets {
                partition,
                committed: self.topic.partitions[partition.ix()].committed,
                log_end: self.topic.log_end(partition, now),
            })
            .collect()
    }

    /// Pods are created, or taken away.
    fn scale(&mut self, decision: Decision) {
        let Some(scaling) = &self.deployment.scaling else {
            return;
        };
        let (from, to) = (scaling.replicas.len() as u32, decision.replicas);
        let (reason, lag) = (decision.reason, decision.lag);
        self.note(Fact::Scaled {
            from,
            to,
            reason,
            lag,
        });
        for _ in from..to {
            self.create_pod();
        }
        for _ in to..from {
            self.take_pod_away();
        }
    }

    /// One that is gone altogether comes before one that is still stopping and has to be waited for.
    fn create_pod(&mut self) {
        let now = self.now();
        let Some(scaling) = &mut self.deployment.scaling else {
            return;
        };
        let free = |process: &ProcessId| !scaling.replicas.contains(process);
        let processes = self.members.iter().map(|member| member.process);
        let stops = |process: &ProcessId| self.members[process.ix()].app != App::Down;
        let Some(process) = processes.filter(free).min_by_key(stops) else {
            return;
        };
        scaling.replicas.insert(process);
        let at = now + scaling.start_up;
        self.start_at(process, at);
    }

    /// Pods that are not up go first, then the youngest (ReplicaSet `ActivePodsWithRanks`).
    fn take_pod_away(&mut self) {
        let Some(scaling) = &mut self.deployment.scaling else {
            return;
        };
        let rank = |process: &ProcessId| {
            let member = &self.members[process.ix()];
            (
                member.app != App::Down,
                Reverse((member.started_at, *process)),
            )
        };
        let Some(process) = scaling.replicas.iter().copied().min_by_key(rank) else {
            return;
        };
        scaling.replicas.remove(&process);
        let graceful = scaling.graceful;
        self.dismiss(process);
        if graceful {
            self.stop(process);
        } else {
            self.kill(process);
        }
    }
}
