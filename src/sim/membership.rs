//! A member's side of a rebalance: when it notices, when it gives its partitions up, when it reads again.

use std::collections::BTreeMap;

use super::event::{Event, Request};
use super::member::{App, Phase};
use super::world::World;
use super::{Fact, PartitionState};
use crate::kafka::assignor::{Subscription, TopicPartitions, assign};
use crate::kafka::{KafkaError, Logs, MemberId, OffsetReset, PollClockCheck, RejoinFrom, Response};
use crate::scenario::{CommitPolicy, Settings};
use crate::units::{PartitionId, ProcessId, SimTime};

impl World<'_> {
    fn settings_of(&self, process: ProcessId) -> &Settings {
        &self.scenario.settings[self.members[process.ix()].settings]
    }

    /// An attended member calls poll(): what the group wants of it comes first.
    pub fn at_poll(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        member.app = App::Polling;
        member.wake = SimTime::NEVER;
        if member.stopping {
            return self.close(process);
        }
        match member.link.phase {
            Phase::Unjoined => self.join_anew(process, now),
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
        self.revoke_all(process, false);
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

    fn commit_before_revocation(&mut self, process: ProcessId) -> SimTime {
        let now = self.now();
        if self.settings_of(process).processing.commit != CommitPolicy::Auto {
            return now;
        }
        let (members, mut ground) = self.ground();
        members[process.ix()].commit_positions(now, &mut ground)
    }

    /// The member reads nothing any more; its partitions are nobody's until the rebalance is through.
    fn revoke_all(&mut self, process: ProcessId, lost: bool) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        let partitions: Vec<PartitionId> = member
            .fetcher
            .slots()
            .iter()
            .map(|slot| slot.partition)
            .collect();
        member.fetcher.clear();
        member.blocked.clear();
        member.link.standing_since = now;
        let generation = member.link.generation;
        for &id in &partitions {
            if self.topic.partitions[id.ix()].owner == Some(process) {
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

    /// The coordinator does not know the member any more, and it has found out.
    pub fn fenced(&mut self, process: ProcessId) {
        let now = self.now();
        self.catch_up(process, now);
        self.forget_membership(process);
        let rejoin_from = self.settings_of(process).client.rejoin_from;
        let app = self.members[process.ix()].app;
        match (rejoin_from, app) {
            (_, App::Down | App::Closing) => {}
            (_, App::Polling) => self.at_poll(process),
            (RejoinFrom::Background, _) => {
                self.join_anew(process, now);
                self.attend(process);
            }
            (RejoinFrom::NextPoll, _) => self.attend(process),
        }
    }

    /// The member id is void; partitions are lost (`onPartitionsLost`).
    fn forget_membership(&mut self, process: ProcessId) {
        self.revoke_all(process, true);
        self.give_identity_up(process);
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
            } => {
                let link = &mut member.link;
                link.generation = generation;
                link.phase = Phase::Syncing;
                link.heartbeat_from = now;
                link.leading = !members.is_empty();
                link.leads = members;
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
            KafkaError::UnknownMemberId => self.fenced(process),
            KafkaError::IllegalGeneration | KafkaError::RebalanceInProgress => {
                let link = &mut self.members[process.ix()].link;
                if link.phase == Phase::Syncing {
                    link.phase = Phase::Joining;
                    // Subscription bytes carry the generation: after ILLEGAL_GENERATION they differ.
                    let anew = error == KafkaError::IllegalGeneration;
                    let request = if anew {
                        Request::JoinForMetadata
                    } else {
                        Request::Join
                    };
                    self.send(request, serial, now);
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
            instance: None,
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

    /// max.poll.interval.ms has passed since the poll that returned batch `number`, and no other came.
    pub fn poll_deadline(&mut self, process: ProcessId, number: u32) {
        let now = self.now();
        self.catch_up(process, now);
        let member = &self.members[process.ix()];
        if !member.has_batch() || member.batch.number != number || member.wake <= now {
            return;
        }
        let deadline = self.poll_deadline_of(process);
        if deadline > now {
            self.agenda
                .schedule(deadline, Event::PollDeadline(process, number));
            return;
        }
        if member.frozen_until.is_some() {
            let deferred = Event::PollDeadline(process, number);
            self.members[process.ix()].deferred.push(deferred);
            return;
        }
        let member = &self.members[process.ix()];
        if member.link.phase != Phase::Stable {
            return; // Looked at again when it is.
        }
        let settings = self.settings_of(process);
        let look = match settings.client.poll_clock_check {
            PollClockCheck::EveryRetryBackoff => settings.properties.retry_backoff,
            PollClockCheck::EveryHeartbeat => settings.properties.heartbeat_interval,
        };
        // The heartbeat thread (or task) looks only so often.
        if now == deadline && !look.is_zero() {
            let phase = now.since(member.link.heartbeat_from).as_nanos() % look.as_nanos();
            if phase > 0 {
                let later = now + crate::units::SimDuration::from_nanos(look.as_nanos() - phase);
                self.agenda
                    .schedule(later, Event::PollDeadline(process, number));
                return;
            }
        }
        self.leave_for_poll_timeout(process);
    }

    /// When max.poll.interval.ms has passed since the poll that returned the batch in hand.
    fn poll_deadline_of(&self, process: ProcessId) -> SimTime {
        let interval = self.settings_of(process).properties.max_poll_interval;
        self.members[process.ix()].batch.polled_at + interval
    }

    /// The clock of a batch in hand counts from now on, or counts otherwise: a background task rejoined meanwhile, or
    /// another max.poll.interval.ms was taken up.
    pub fn watch_poll_clock(&mut self, process: ProcessId) {
        let member = &self.members[process.ix()];
        if member.has_batch() {
            let number = member.batch.number;
            let deadline = self.poll_deadline_of(process).max(self.now());
            self.agenda
                .schedule(deadline, Event::PollDeadline(process, number));
        }
    }

    /// The heartbeat thread sends LeaveGroup; the application goes on with its batch and knows nothing.
    fn leave_for_poll_timeout(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        let polled_at = member.batch.polled_at;
        let partitions: Vec<PartitionId> = member
            .fetcher
            .slots()
            .iter()
            .map(|slot| slot.partition)
            .collect();
        let Some(serial) = member.link.serial else {
            return;
        };
        member.account_until(now, self.scenario, &mut self.topic);
        self.note(Fact::MemberEvicted {
            process,
            removal: None,
        });
        for id in partitions {
            let partition = &mut self.topic.partitions[id.ix()];
            if partition.owner == Some(process) && partition.state != PartitionState::Blocked {
                partition.evicted_to = partition.coverage.to();
                let fact = self
                    .topic
                    .state_fact(id, PartitionState::Evicted, polled_at);
                self.note(fact);
            }
        }
        self.send(Request::Leave, serial, now);
        self.forget_membership(process);
        self.attend(process);
    }

    /// Closes the consumer: commits what it may, leaves, and is gone.
    pub fn close(&mut self, process: ProcessId) {
        let now = self.now();
        let committed_at = if matches!(self.members[process.ix()].link.phase, Phase::Stable) {
            self.commit_before_revocation(process)
        } else {
            now
        };
        self.lose_batch(process);
        self.revoke_all(process, false);
        let member = &mut self.members[process.ix()];
        member.app = App::Closing;
        member.wake = SimTime::NEVER;
        member.link.phase = Phase::Unjoined;
        let incarnation = member.incarnation;
        let trip = self.scenario.cluster.round_trip;
        let gone = match self.give_identity_up(process) {
            Some(serial) => {
                self.send(Request::Leave, serial, committed_at);
                committed_at + trip
            }
            None => now,
        };
        self.agenda
            .schedule(gone, Event::Gone(process, incarnation));
    }
}
