//! What a member does with an assignment: it makes one if it leads, gives up what it loses, and reads what it gets once
//! the committed offsets are there.

use std::collections::BTreeMap;

use super::consumer::Remote;
use super::event::Event;
use super::link::Phase;
use super::member::App;
use super::world::World;
use super::{Cause, Fact, PartitionState};
use crate::kafka::assignor::{Subscription, TopicPartitions, assign};
use crate::kafka::{Assignor, Logs, MemberId, OffsetReset, Owned, RejoinFrom, Run};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

impl World<'_> {
    /// What the subscription of a member that joins now says it owns (`ConsumerCoordinator#metadata`): what it has not given
    /// up, as of its generation if it is in one. An eager sticky assignor remembers its last assignment whatever became
    /// of it (`StickyAssignor#subscriptionUserData`).
    pub fn owned(&self, process: ProcessId) -> Owned {
        let settings = self.settings_of(process);
        let member = &self.members[process.ix()];
        if settings.properties.assignor == Assignor::Sticky {
            return member.link.last.clone();
        }
        if !settings.client.cooperative {
            return Owned::default();
        }
        let slots = member.fetcher.slots().iter();
        Owned {
            partitions: slots.map(|slot| slot.partition).collect(),
            generation: (member.link.phase != Phase::Unjoined).then_some(member.link.generation),
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
        let subscriptions = members.iter().map(|(member, owned)| Subscription {
            member: *member,
            instance: self.instance_id(*member),
            topics: &[0],
            owned: &owned.partitions,
            generation: owned.generation,
        });
        let topic = TopicPartitions {
            partitions: (0..count).map(PartitionId).collect(),
        };
        Some(assign(
            assignor,
            &subscriptions.collect::<Vec<_>>(),
            &[topic],
        ))
    }

    /// The member reads nothing any more; its partitions are nobody's until the rebalance is through. If the group does
    /// not know, no rebalance is coming yet and they still count as the member's.
    pub fn revoke_all(&mut self, process: ProcessId, lost: bool, known: bool) {
        let slots = self.members[process.ix()].fetcher.slots();
        let all = slots.iter().map(|slot| slot.partition).collect();
        self.revoke(process, all, lost, known);
        self.members[process.ix()].fetcher.clear();
    }

    /// As [`Self::revoke_all`], for some of its partitions; it may own some whose positions it did not know yet.
    pub fn revoke(
        &mut self,
        process: ProcessId,
        partitions: Vec<PartitionId>,
        lost: bool,
        known: bool,
    ) {
        let now = self.now();
        self.run_workers(process);
        let member = &mut self.members[process.ix()];
        let reads = |id: &&PartitionId| member.fetcher.slot(**id).is_some();
        let read: Vec<PartitionId> = partitions.iter().filter(reads).copied().collect();
        member.fetcher.release(&read);
        member.batch.outlive(&read);
        member.give_work_up(now, &read);
        let by = if lost {
            Cause::Eviction
        } else {
            Cause::Revocation
        };
        self.forget_kept(process, &read, by);
        let member = &mut self.members[process.ix()];
        member.blocked.retain(|(id, _)| !read.contains(id));
        // A member that joins stands already, unless it went on with what it has now lost.
        let waits = member.link.phase == Phase::Stable && member.remote.is_none();
        let stops = waits || !read.is_empty();
        if stops && member.fetcher.slots().is_empty() {
            member.link.standing_since = now;
            member.acknowledged.records = 0;
        }
        let remote = member.remote.as_ref();
        let generation = remote.map_or(member.link.generation, Remote::epoch);
        self.leave_partitions(&read, by);
        for id in read {
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

    /// The answer to SyncGroup (`ConsumerCoordinator#onJoinComplete`). What a cooperative member has and is not assigned
    /// any more it gives up now and rejoins, so that somebody else can have it; with what stays it goes on.
    pub fn assigned(
        &mut self,
        process: ProcessId,
        serial: u32,
        generation: u32,
        mut partitions: Vec<PartitionId>,
    ) {
        let now = self.now();
        partitions.sort_unstable();
        let fetcher = &self.members[process.ix()].fetcher;
        let added = partitions.iter().copied();
        let added: Vec<_> = added.filter(|id| fetcher.slot(*id).is_none()).collect();
        let owned = fetcher.slots().iter().map(|slot| slot.partition);
        let revoked: Vec<_> = owned.filter(|id| !partitions.contains(id)).collect();
        let mut committed_at = now;
        if !revoked.is_empty() {
            committed_at = self.commit_before_revoking(process, &revoked);
            self.revoke(process, revoked, false, true);
            self.members[process.ix()].link.rejoin = true;
        }
        let ready = committed_at + self.offset_fetch(&added);
        let member = &mut self.members[process.ix()];
        if member.app == App::Polling {
            member.wake = SimTime::NEVER;
        }
        let link = &mut member.link;
        link.phase = Phase::Fetching;
        link.added = added;
        link.last = Owned {
            partitions: partitions.clone(),
            generation: Some(generation),
        };
        self.note(Fact::PartitionsAssigned {
            process,
            generation,
            partitions,
        });
        self.agenda.schedule(ready, Event::Resume(serial));
    }

    /// How long OffsetFetch takes, and ListOffsets for partitions without a committed offset.
    pub fn offset_fetch(&self, added: &[PartitionId]) -> SimDuration {
        let trip = self.scenario.cluster.round_trip;
        let unknown = |id: &PartitionId| self.topic.partitions[id.ix()].committed.is_none();
        match (added.is_empty(), added.iter().any(unknown)) {
            (true, _) => SimDuration::ZERO,
            (false, false) => trip,
            (false, true) => trip * 2,
        }
    }

    /// The positions of a new assignment are known: the member reads.
    pub fn resume(&mut self, serial: u32) {
        let now = self.now();
        let process = self.group.identities[serial as usize].process;
        let member_remote = self.speaks_consumer();
        let link = &mut self.members[process.ix()].link;
        let fetches = link.phase == Phase::Fetching || member_remote && link.phase == Phase::Stable;
        if link.serial != Some(serial) || !fetches {
            return;
        }
        self.catch_up(process, now); // What it has asked for by now, it has without them.
        let member = &mut self.members[process.ix()];
        if member.frozen_until.is_some() {
            member.deferred.push(Event::Resume(serial));
            return;
        }
        self.flush_commits(now);
        let link = &mut self.members[process.ix()].link;
        let added = std::mem::take(&mut link.added);
        let since = link.standing_since;
        link.phase = Phase::Stable;
        let mut positions = Vec::with_capacity(added.len());
        let mut listed = Vec::with_capacity(added.len());
        for &id in &added {
            listed.push(now + self.reset_delay(id, process));
            positions.push((id, self.initial_position(id, process)));
        }
        let cooperative = self.cooperative(process);
        let brokers = self.scenario.cluster.brokers;
        let member = &mut self.members[process.ix()];
        let interval = member.auto_commit_interval(self.scenario);
        // One that goes on with what it had has not stood, and one that is still to get something does.
        let stood = !cooperative || (member.fetcher.slots().is_empty() && !positions.is_empty());
        member.fetcher.assign(&positions, brokers);
        for (&(id, position), &at) in positions.iter().zip(&listed) {
            if at > now {
                member.fetcher.seek(id, position, at);
            }
            member.log_starts.insert(id);
            member.assign_work(id, position, &self.topic);
        }
        member.start_auto_commit(now, interval);
        for &id in &added {
            let partition = &mut self.topic.partitions[id.ix()];
            partition.owner = Some(process);
            if partition.reader.is_none_or(|(reader, _)| reader != process) {
                partition.reader = Some((process, now));
            }
            self.tell_state(id, PartitionState::KeepingUp, now);
        }
        if stood {
            self.note(Fact::MemberResumed { process, since });
        }
        let member = &mut self.members[process.ix()];
        if member.app == App::Polling {
            if member.link.rejoin || member.stopping {
                self.at_poll(process);
            } else {
                member.wake = now;
            }
        } else if member.link.rejoin
            && !member_remote
            && self.settings_of(process).client.rejoin_from == RejoinFrom::Background
        {
            self.rejoin(process);
        }
        self.watch_poll_clock(process);
        self.watch_metadata(process);
    }

    /// How long a member waits before it asks where a partition's log is: not at all if it need not ask, because something
    /// was committed or `earliest` is what an answer to a fetch has told it before.
    fn reset_delay(&self, id: PartitionId, process: ProcessId) -> SimDuration {
        let member = &self.members[process.ix()];
        let settings = self.settings_of(process);
        let told = settings.properties.auto_offset_reset == OffsetReset::Earliest
            && member.log_starts.contains(&id);
        if told || self.topic.partitions[id.ix()].committed.is_some() {
            SimDuration::ZERO
        } else {
            settings.client.reset_delay
        }
    }

    /// Where a new owner starts: the committed offset, or what auto.offset.reset says of the log as it is now.
    fn initial_position(&mut self, id: PartitionId, process: ProcessId) -> u64 {
        let now = self.now();
        if let Some(committed) = self.topic.partitions[id.ix()].committed {
            return committed;
        }
        match self.settings_of(process).properties.auto_offset_reset {
            OffsetReset::Earliest => {
                let start = self.topic.log_start(id, now);
                for lost in self.topic.lose_to_retention(id, 0, start) {
                    self.note(Fact::records_lost(id, lost));
                }
                start
            }
            OffsetReset::Latest => {
                let end = self.topic.log_end(id, now);
                let skipped = Run {
                    partition: id,
                    from: 0,
                    to: end,
                };
                self.topic.skip(now, skipped);
                end
            }
        }
    }

    /// Whatever commits have been stored by now are read by OffsetFetch, whoever sent them.
    fn flush_commits(&mut self, now: SimTime) {
        self.settle_records();
        for member in &mut self.members {
            member.store_commits(now, &mut self.topic);
        }
    }
}
