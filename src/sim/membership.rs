//! A member's side of a rebalance: when it notices, when it joins, and what it makes of the coordinator's answers.

use super::batch::Workshop;
use super::event::{Event, Request};
use super::link::{Hears, Phase};
use super::member::App;
use super::world::World;
use super::{Cause, Fact};
use crate::kafka::{KafkaError, RebalanceProtocol, RejoinFrom, Response};
use crate::scenario::{CommitPolicy, Settings};
use crate::units::{PartitionId, ProcessId, SimTime};

impl World<'_> {
    pub fn settings_of(&self, process: ProcessId) -> &Settings {
        &self.scenario.settings[self.members[process.ix()].settings]
    }

    /// Whether a member goes on with its partitions while it rejoins (KIP-429).
    pub fn cooperative(&self, process: ProcessId) -> bool {
        let assignor = self.settings_of(process).properties.assignor;
        self.speaks_consumer() || assignor.protocol() == RebalanceProtocol::Cooperative
    }

    /// An attended member calls poll(): what the group wants of it comes first.
    pub fn at_poll(&mut self, process: ProcessId) {
        let member = &mut self.members[process.ix()];
        member.app = App::Polling;
        member.wake = SimTime::NEVER;
        member.calls_poll(self.agenda.now(), self.scenario);
        if member.stopping {
            if !self.waits_for_threads(process) {
                self.close(process);
            }
            return;
        }
        if self.speaks_consumer() {
            return self.poll_remotely(process);
        }
        if let Some(error) = self.members[process.ix()].link.heard(self.now()) {
            return self.fenced(process, error);
        }
        while self.members[process.ix()].link.arrived > 0 {
            self.members[process.ix()].link.arrived -= 1;
            self.take_answer(process);
        }
        let member = &self.members[process.ix()];
        if member.app != App::Polling || member.wake != SimTime::NEVER {
            return; // What it was answered has led it on.
        }
        match member.link.phase {
            Phase::Unjoined => self.join(process),
            Phase::Stable if member.link.rejoin => self.rejoin(process),
            Phase::Stable => {
                self.poll_now(process);
                if self.members[process.ix()].link.hears != Hears::Nothing {
                    self.listen(process);
                }
                return;
            }
            // The answer of the coordinator wakes it.
            Phase::Joining | Phase::Syncing | Phase::Fetching => {}
        }
        self.read_on(process);
    }

    /// Attends to a member that is none any more, which it hears by a commit: a wait in poll() ends with the answer, after which
    /// poll() looks at its membership again (`ClassicKafkaConsumer#poll`).
    pub fn listen(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        if member.frozen_until.is_some() {
            return; // Whoever stands still sends no commit, and is attended to as it goes on.
        }
        if member.app == App::Polling {
            member.wake = member.wake.min(member.hears_next(self.scenario)).max(now);
        }
        self.attend(process);
    }

    /// A cooperative member that joins, or is about to, reads what it has (`ClassicKafkaConsumer#poll` fetches whatever the
    /// coordinator is waiting for).
    fn read_on(&mut self, process: ProcessId) {
        let member = &self.members[process.ix()];
        if member.link.phase == Phase::Fetching || member.fetcher.slots().is_empty() {
            return;
        }
        self.poll_now(process);
        let member = &mut self.members[process.ix()];
        if let (App::Polling, Some(answered)) = (member.app, member.link.prepared) {
            member.wake = member.wake.min(answered);
        }
        if member.wake != SimTime::NEVER {
            self.attend(process);
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
            // poll() does its own network work, so it acts at once; and a background task goes on with what is read there.
            (_, App::Polling) => self.at_poll(process),
            (RejoinFrom::Background, _) => self.rejoin(process),
            (RejoinFrom::NextPoll, _) => self.attend(process),
            (RejoinFrom::Heartbeat, _) => self.break_batch_off(process),
        }
    }

    /// The heartbeat that the application sent between two records says that it is to rejoin: it leaves the rest.
    fn break_batch_off(&mut self, process: ProcessId) {
        let now = self.now();
        if self.members[process.ix()].app == App::Processing {
            let (members, mut ground) = self.ground();
            members[process.ix()].see_calls_made(now, &mut ground);
            let member = &mut self.members[process.ix()];
            let (scenario, topic) = (self.scenario, &mut self.topic);
            let settings = member.settings;
            let shop = &mut Workshop::new(scenario, settings, topic);
            let left = member.batch.break_off(now, shop);
            member.wake = now;
            for run in left {
                member.caller.drop_kept(&[run.partition]);
                member.fetcher.seek(run.partition, run.from, now);
                if member.fetcher.slot(run.partition).is_none() {
                    self.topic.leave(now, run, Cause::Eviction);
                }
            }
            if self.coupled() {
                self.pace(now);
            }
        }
        self.attend(process);
    }

    /// onJoinPrepare and JoinGroup: the client commits if it does that. An eager one gives all partitions up and joins once
    /// the commit is answered; a cooperative one looks for the answer in poll(), which may return a batch before, unless a
    /// background task waits for it.
    pub fn rejoin(&mut self, process: ProcessId) {
        let now = self.now();
        let committed_at = match self.members[process.ix()].link.prepared {
            Some(answered) => answered,
            None => self.commit_before_joining(process),
        };
        let cooperative = self.cooperative(process);
        let waits = self.settings_of(process).client.rejoin_from != RejoinFrom::Background;
        if cooperative && waits && committed_at > now {
            self.members[process.ix()].link.prepared = Some(committed_at);
            return;
        }
        self.stop_heartbeats(process);
        if !cooperative {
            self.revoke_all(process, false, true);
        }
        let owned = self.owned(process);
        let member = &mut self.members[process.ix()];
        let metadata_changed = std::mem::take(&mut member.link.metadata_changed);
        member.link.prepared = None;
        member.link.rejoin = false;
        member.link.phase = Phase::Joining;
        let serial = member.link.serial;
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
        if let Some(serial) = serial {
            self.group.identities[serial as usize].owned = owned;
            self.send(request, serial, committed_at.max(now));
        }
    }

    /// onJoinPrepare: an eager member is to give all partitions up. Returns when the commit is answered, if there is one.
    pub fn commit_before_joining(&mut self, process: ProcessId) -> SimTime {
        let processing = &self.settings_of(process).processing;
        let member = &self.members[process.ix()];
        let listens = processing.commit_on_revoke || member.workers.is_some();
        let auto = processing.commit == CommitPolicy::Auto && member.workers.is_none();
        let revokes = listens && !self.cooperative(process);
        let answered = self.commit_now(process, None, auto || revokes);
        self.commit_awaited(process, answered)
    }

    /// The consumer closes: onPartitionsRevoked is called too, and who commits every so often does it once more
    /// (`ListenerConsumer#wrapUp`).
    pub fn commit_before_closing(&mut self, process: ProcessId) -> SimTime {
        let processing = &self.settings_of(process).processing;
        let commits = matches!(
            processing.commit,
            CommitPolicy::Auto | CommitPolicy::Every { .. }
        );
        let listens = processing.commit_on_revoke;
        self.commit_now(process, None, commits || listens)
    }

    /// `partitions` are given up by a member that reads on with others. Returns when the commit is answered, if there is one.
    pub fn commit_before_revoking(
        &mut self,
        process: ProcessId,
        partitions: &[PartitionId],
    ) -> SimTime {
        let settings = self.settings_of(process);
        let auto = settings.processing.commit == CommitPolicy::Auto;
        let listens = settings.processing.commit_on_revoke;
        let commits = listens || auto && settings.client.commits_revoked;
        let answered = self.commit_now(process, Some(partitions), commits);
        self.commit_awaited(process, answered)
    }

    /// Until when a member waits for a commit that it has sent before it gives partitions up. That of a pool is a
    /// commitAsync() (`ParallelConsumerOptions`: PERIODIC_CONSUMER_ASYNCHRONOUS).
    fn commit_awaited(&self, process: ProcessId, answered: SimTime) -> SimTime {
        match self.members[process.ix()].workers {
            Some(_) => self.now(),
            None => answered,
        }
    }

    fn commit_now(
        &mut self,
        process: ProcessId,
        partitions: Option<&[PartitionId]>,
        commits: bool,
    ) -> SimTime {
        let now = self.now();
        if !commits {
            return now;
        }
        let auto = self.settings_of(process).processing.commit == CommitPolicy::Auto;
        let (members, mut ground) = self.ground();
        let member = &mut members[process.ix()];
        if auto {
            member.commit_positions(now, partitions, &mut ground)
        } else {
            member.commit_done(now, partitions, &mut ground)
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
            (RejoinFrom::Heartbeat, _) => self.break_batch_off(process),
        }
    }

    /// Joins, under the id that it has if it has one.
    fn join(&mut self, process: ProcessId) {
        let now = self.now();
        let owned = self.owned(process);
        let link = &mut self.members[process.ix()].link;
        let Some(serial) = link.serial else {
            return self.join_anew(process, now);
        };
        link.phase = Phase::Joining;
        let identity = &mut self.group.identities[serial as usize];
        identity.silent_from = None;
        identity.owned = owned;
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
        self.stop_heartbeats(process);
        self.revoke_all(process, true, known);
        let link = &mut self.members[process.ix()].link;
        link.phase = Phase::Unjoined;
        link.hears = Hears::Nothing;
        link.generation = 0;
        link.rejoin = false;
        link.prepared = None;
        link.forget_answers();
    }

    /// An answer of the coordinator arrives. Java reads it in poll(), so one that has a batch in hand does so later; until
    /// it has read that to JoinGroup no heartbeat goes out either (`AbstractCoordinator#initiateJoinGroup`).
    pub fn answer(&mut self, serial: u32) {
        let process = self.group.identities[serial as usize].process;
        let reads_in_poll = self.settings_of(process).client.rejoin_from == RejoinFrom::NextPoll;
        let member = &mut self.members[process.ix()];
        if member.link.serial != Some(serial) {
            return;
        }
        if member.frozen_until.is_some() {
            member.deferred.push(Event::Answer(serial));
        } else if reads_in_poll && member.has_batch() {
            member.link.arrived += 1;
            self.fall_silent_unread(process);
        } else {
            self.take_answer(process);
        }
    }

    /// A member that has not read the answer to its JoinGroup sends no heartbeats.
    pub fn fall_silent_unread(&mut self, process: ProcessId) {
        let link = &self.members[process.ix()].link;
        if link.phase == Phase::Joining && link.arrived > 0 {
            self.fall_silent(process);
        }
    }

    /// A member acts on the first answer in its inbox.
    fn take_answer(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        let Some(serial) = member.link.serial else {
            return;
        };
        let Some(response) = member.link.inbox.pop_front() else {
            return;
        };
        match response {
            Response::MemberIdRequired => {
                let member_id = self.group.identities[serial as usize].member_name();
                self.note(Fact::MemberJoined { process, member_id });
                self.send(Request::Join, serial, now);
            }
            Response::JoinGroup {
                generation,
                members,
                skip_assignment,
            } => {
                let known = self.known_partitions(process);
                self.begin_heartbeats(process);
                let link = &mut self.members[process.ix()].link;
                link.generation = generation;
                if link.void == Some(KafkaError::IllegalGeneration) {
                    (link.void, link.hears) = (None, Hears::Nothing);
                }
                link.phase = Phase::Syncing;
                link.leading = !members.is_empty();
                if skip_assignment {
                    // Whatever partitions it knows of now it takes for assigned (`ConsumerCoordinator#onLeaderElected`).
                    link.covers = known;
                } else {
                    link.leads = members;
                }
                self.group.identities[serial as usize].silent_from = None;
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
            // No request of a classic member is answered so.
            KafkaError::StaleMemberEpoch => {}
            KafkaError::RebalanceInProgress => {
                let owned = self.owned(process);
                let link = &mut self.members[process.ix()].link;
                if link.phase == Phase::Syncing {
                    link.phase = Phase::Joining;
                    self.group.identities[serial as usize].owned = owned;
                    self.send(Request::Join, serial, now);
                }
            }
        }
    }
}
