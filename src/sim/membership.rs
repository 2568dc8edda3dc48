//! A member's side of a rebalance: when it notices, when it gives its partitions up, when it reads again.

use std::collections::BTreeMap;

use super::event::{Event, Request};
use super::member::{App, Phase};
use super::world::World;
use super::{Fact, PartitionState};
use crate::kafka::assignor::{Subscription, TopicPartitions, assign};
use crate::kafka::{KafkaError, Logs, MemberId, OffsetReset, RejoinFrom, Response};
use crate::scenario::{CommitPolicy, Settings};
use crate::units::{PartitionId, ProcessId, SimTime};

impl World<'_> {
    pub fn settings_of(&self, process: ProcessId) -> &Settings {
        &self.scenario.settings[self.members[process.ix()].settings]
    }

    /// An attended member calls poll(): what the group wants of it comes first.
    pub fn at_poll(&mut self, process: ProcessId) {
        let member = &mut self.members[process.ix()];
        member.app = App::Polling;
        member.wake = SimTime::NEVER;
        if member.stopping {
            return self.close(process);
        }
        match member.link.phase {
            Phase::Unjoined => self.join(process),
            Phase::Stable if member.link.rejoin => self.give_up_and_rejoin(process),
            Phase::Stable => self.poll_now(process),
            // The answer of the coordinator wakes it.
            Phase::Joining | Phase::Syncing | Phase::Fetching => {}
        }
    }

    /// A heartbeat brought REBALANCE_IN_PROGRESS.
    pub fn told_to_rejoin(&mut self, process: ProcessId) {
        let now = self.now();
        self.catch_up(process, now);
        let rejoin_from = self.settings_of(process).client.rejoin_from;
        let member = &mut self.members[process.ix()];
        if member.link.rejoin || member.frozen_until.is_some() || member.app == App::Closing {
            return;
        }
        member.link.rejoin = true;
        if member.link.phase == Phase::Fetching {
            return; // Acted on as soon as the assignment is in place.
        }
        match (rejoin_from, member.app) {
            (RejoinFrom::Background, _) => self.give_up_and_rejoin(process),
            // poll() does its own network work, so it acts at once.
            (RejoinFrom::NextPoll, App::Polling) => self.at_poll(process),
            (RejoinFrom::NextPoll, _) => self.attend(process),
        }
    }

    /// onJoinPrepare of the eager protocol: commit if the client does that, give all partitions up, join.
    fn give_up_and_rejoin(&mut self, process: ProcessId) {
        let now = self.now();
        let committed_at = self.commit_before_revocation(process);
        self.revoke_all(process, false, true);
        let member = &mut self.members[process.ix()];
        let metadata_changed = std::mem::take(&mut member.link.metadata_changed);
        member.link.rejoin = false;
        member.link.phase = Phase::Joining;
        if member.app == App::Polling {
            member.wake = SimTime::NEVER;
        } else {
            self.attend(process);
        }
        let request = if metadata_changed {
            Request::JoinForMetadata
        } else {
            Request::Join
        };
        if let Some(serial) = self.members[process.ix()].link.serial {
            self.send(request, serial, committed_at.max(now));
        }
    }

    pub fn commit_before_revocation(&mut self, process: ProcessId) -> SimTime {
        let now = self.now();
        if self.settings_of(process).processing.commit != CommitPolicy::Auto {
            return now;
        }
        let (members, mut ground) = self.ground();
        members[process.ix()].commit_positions(now, &mut ground)
    }

    /// The member reads nothing any more; its partitions are nobody's until the rebalance is through. If the group does
    /// not know, no rebalance is coming yet and they still count as the member's.
    pub fn revoke_all(&mut self, process: ProcessId, lost: bool, known: bool) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        if member.link.phase == Phase::Stable {
            member.link.standing_since = now;
        }
        let partitions: Vec<PartitionId> = member
            .fetcher
            .slots()
            .iter()
            .map(|slot| slot.partition)
            .collect();
        member.fetcher.clear();
        member.blocked.clear();
        let generation = member.link.generation;
        for &id in &partitions {
            if known && self.topic.partitions[id.ix()].owner == Some(process) {
                self.topic.partitions[id.ix()].owner = None;
                self.tell_state(id, PartitionState::Rebalancing, now);
            }
        }
        if !partitions.is_empty() {
            self.note(Fact::PartitionsRevoked {
                process,
                generation,
                partitions,
                lost,
            });
        }
    }

    /// The coordinator does not know the member any more, or (ILLEGAL_GENERATION) has gone on without it, and it has found
    /// out (`AbstractCoordinator#resetStateOnResponseError`).
    pub fn fenced(&mut self, process: ProcessId, error: KafkaError) {
        let now = self.now();
        self.catch_up(process, now);
        if error == KafkaError::IllegalGeneration {
            // The id may still be good, but without a generation no heartbeat goes out.
            self.fall_silent(process);
            self.lose_all(process, true);
        } else {
            self.forget_membership(process, true);
        }
        let rejoin_from = self.settings_of(process).client.rejoin_from;
        let app = self.members[process.ix()].app;
        match (rejoin_from, app) {
            (_, App::Down | App::Closing) => {}
            (_, App::Polling) => self.at_poll(process),
            (RejoinFrom::Background, _) => {
                self.join(process);
                self.attend(process);
            }
            (RejoinFrom::NextPoll, _) => self.attend(process),
        }
    }

    /// Joins, under the id that it has if it has one.
    fn join(&mut self, process: ProcessId) {
        let now = self.now();
        let link = &mut self.members[process.ix()].link;
        let Some(serial) = link.serial else {
            return self.join_anew(process, now);
        };
        link.phase = Phase::Joining;
        self.group.identities[serial as usize].silent_from = None;
        // The generation is part of the subscription, so it is another one.
        self.send(Request::JoinForMetadata, serial, now);
    }

    /// The member id is void; partitions are lost.
    pub fn forget_membership(&mut self, process: ProcessId, known: bool) {
        self.lose_all(process, known);
        self.give_identity_up(process);
    }

    /// Partitions are lost (`onPartitionsLost`), and the member is in no generation.
    fn lose_all(&mut self, process: ProcessId, known: bool) {
        self.revoke_all(process, true, known);
        let link = &mut self.members[process.ix()].link;
        link.phase = Phase::Unjoined;
        link.rejoin = false;
        link.inbox.clear();
    }

    /// An answer of the coordinator arrives.
    pub fn answer(&mut self, serial: u32) {
        let now = self.now();
        let identity = &self.group.identities[serial as usize];
        let (process, name) = (identity.process, identity.member_name());
        if self.members[process.ix()].link.serial != Some(serial) {
            return;
        }
        let member = &mut self.members[process.ix()];
        if member.frozen_until.is_some() {
            member.deferred.push(Event::Answer(serial));
            return;
        }
        let member = &mut self.members[process.ix()];
        let Some(response) = member.link.inbox.pop_front() else {
            return;
        };
        match response {
            Response::MemberIdRequired => {
                self.note(Fact::MemberJoined {
                    process,
                    member_id: name,
                });
                self.send(Request::Join, serial, now);
            }
            Response::JoinGroup {
                generation,
                members,
                skip_assignment,
            } => {
                let known = self.known_partitions(process);
                let link = &mut self.members[process.ix()].link;
                link.generation = generation;
                link.void = None;
                link.phase = Phase::Syncing;
                link.heartbeat_from = now;
                link.leading = !members.is_empty();
                if skip_assignment {
                    // Whatever partitions it knows of now it takes for assigned (`ConsumerCoordinator#onLeaderElected`).
                    link.covers = known;
                } else {
                    link.leads = members;
                }
                self.send(Request::Sync, serial, now);
            }
            Response::SyncGroup {
                generation,
                partitions,
            } => self.assigned(process, serial, generation, partitions),
            Response::Left => {}
            Response::Error(error) => self.refused(process, serial, error),
        }
    }

    fn refused(&mut self, process: ProcessId, serial: u32, error: KafkaError) {
        let now = self.now();
        match error {
            KafkaError::UnknownMemberId | KafkaError::IllegalGeneration => {
                self.fenced(process, error);
            }
            // No two processes of a model have one instance id, so nobody is fenced but the dead.
            KafkaError::FencedInstanceId => self.kill(process),
            KafkaError::RebalanceInProgress => {
                let link = &mut self.members[process.ix()].link;
                if link.phase == Phase::Syncing {
                    link.phase = Phase::Joining;
                    self.send(Request::Join, serial, now);
                }
            }
        }
    }

    /// The assignment that the leader sends with its SyncGroup; followers send none.
    pub fn assignment_of_leader(
        &mut self,
        serial: u32,
    ) -> Option<BTreeMap<MemberId, Vec<PartitionId>>> {
        let process = self.group.identities[serial as usize].process;
        let members = std::mem::take(&mut self.members[process.ix()].link.leads);
        if members.is_empty() {
            return None;
        }
        let assignor = self.settings_of(process).properties.assignor;
        let count = self.known_partitions(process);
        self.members[process.ix()].link.covers = count;
        // Eager members of one topic: nobody owns anything when the leader assigns.
        let subscription = |member: &MemberId| Subscription {
            member: *member,
            instance: self.instance_id(*member),
            topics: &[0],
            owned: &[],
            generation: None,
        };
        let members: Vec<Subscription> = members.iter().map(subscription).collect();
        let topic = TopicPartitions {
            partitions: (0..count).map(PartitionId).collect(),
        };
        Some(assign(assignor, &members, &[topic]))
    }

    fn assigned(
        &mut self,
        process: ProcessId,
        serial: u32,
        generation: u32,
        partitions: Vec<PartitionId>,
    ) {
        let now = self.now();
        let trip = self.scenario.cluster.round_trip;
        // OffsetFetch, and ListOffsets for partitions without a committed offset.
        let unknown = partitions
            .iter()
            .any(|id| self.topic.partitions[id.ix()].committed.is_none());
        let ready = match (partitions.is_empty(), unknown) {
            (true, _) => now,
            (false, false) => now + trip,
            (false, true) => now + trip * 2,
        };
        let link = &mut self.members[process.ix()].link;
        link.phase = Phase::Fetching;
        link.assigned = partitions.clone();
        self.note(Fact::PartitionsAssigned {
            process,
            generation,
            partitions,
        });
        self.agenda.schedule(ready, Event::Resume(serial));
    }

    /// The positions of a new assignment are known: the member reads again.
    pub fn resume(&mut self, serial: u32) {
        let now = self.now();
        let process = self.group.identities[serial as usize].process;
        let link = &mut self.members[process.ix()].link;
        if link.serial != Some(serial) || link.phase != Phase::Fetching {
            return;
        }
        let member = &mut self.members[process.ix()];
        if member.frozen_until.is_some() {
            member.deferred.push(Event::Resume(serial));
            return;
        }
        self.flush_commits(now);
        let link = &mut self.members[process.ix()].link;
        let mut assigned = std::mem::take(&mut link.assigned);
        assigned.sort_unstable();
        let since = link.standing_since;
        link.phase = Phase::Stable;
        let mut positions = Vec::with_capacity(assigned.len());
        for &id in &assigned {
            positions.push((id, self.initial_position(id, process)));
        }
        let brokers = self.scenario.cluster.brokers;
        let member = &mut self.members[process.ix()];
        let interval = member.auto_commit_interval(self.scenario);
        member.fetcher.assign(&positions, brokers);
        member.start_auto_commit(now, interval);
        for &id in &assigned {
            self.topic.partitions[id.ix()].owner = Some(process);
            self.tell_state(id, PartitionState::KeepingUp, now);
        }
        self.note(Fact::MemberResumed { process, since });
        let member = &mut self.members[process.ix()];
        if member.app == App::Polling {
            if member.link.rejoin || member.stopping {
                self.at_poll(process);
            } else {
                member.wake = now;
            }
        } else if member.link.rejoin
            && self.settings_of(process).client.rejoin_from == RejoinFrom::Background
        {
            self.give_up_and_rejoin(process);
        }
        self.watch_poll_clock(process);
        self.watch_metadata(process);
    }

    /// Where a new owner starts: the committed offset, or what auto.offset.reset says.
    fn initial_position(&mut self, id: PartitionId, process: ProcessId) -> u64 {
        let now = self.now();
        if let Some(committed) = self.topic.partitions[id.ix()].committed {
            return committed;
        }
        match self.settings_of(process).properties.auto_offset_reset {
            OffsetReset::Earliest => 0,
            OffsetReset::Latest => {
                let end = self.topic.log_end(id, now);
                self.lose(id, 0, end);
                end
            }
        }
    }

    /// Records that nobody will process any more.
    pub fn lose(&mut self, partition: PartitionId, from: u64, to: u64) {
        for (from, to) in self.topic.lose(partition, from, to) {
            self.note(Fact::RecordsLost {
                partition,
                from,
                to,
            });
        }
    }

    /// Whatever commits have been stored by now are read by OffsetFetch, whoever sent them.
    fn flush_commits(&mut self, now: SimTime) {
        for member in &mut self.members {
            member.store_commits(now, &mut self.topic);
        }
    }
}
