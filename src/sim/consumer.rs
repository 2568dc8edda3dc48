//! The consumer protocol (KIP-848) in a run: heartbeats, reconciliations and what the coordinator makes of them.

mod coordinator;

use std::collections::VecDeque;

use super::event::Event;
use super::link::Phase;
use super::member::App;
use super::world::World;
use super::{Cause, Fact};
use crate::kafka::consumer::membership::{Effect as Act, Input as Turn};
use crate::kafka::consumer::{
    ConsumerMembership, Heartbeat, MembershipState, Response, STATIC_LEAVE_EPOCH, Subscribed,
};
use crate::kafka::{GroupProtocol, ReconcilesFrom};
use crate::scenario::CommitPolicy;
use crate::units::{PartitionId, ProcessId, SimTime};

/// A process' membership of a consumer group, with what is under way.
#[derive(Debug)]
pub(super) struct Remote {
    pub membership: ConsumerMembership,
    /// Answers on their way, in order.
    answers: VecDeque<Response>,
    /// When the heartbeat is sent that is on the agenda, if one is.
    beat: Option<SimTime>,
    /// Its callbacks run in poll().
    listens: bool,
    /// The step of an onPartitionsLost that the next poll() runs.
    lost: Option<u32>,
    /// The last epoch that it was in.
    last_epoch: u32,
}

impl Remote {
    /// The member's epoch; that before if it is in none.
    pub fn epoch(&self) -> u32 {
        u32::try_from(self.membership.epoch())
            .ok()
            .filter(|epoch| *epoch > 0)
            .unwrap_or(self.last_epoch)
    }
}

impl World<'_> {
    /// Whether the group speaks the consumer protocol.
    pub fn speaks_consumer(&self) -> bool {
        self.scenario.group_protocol() == GroupProtocol::Consumer
    }

    /// A process has subscribed: its first poll(), once it has found the coordinator, joins.
    pub fn subscribe_remote(&mut self, process: ProcessId, at: SimTime) {
        let serial =
            self.group
                .identify(self.scenario, self.replication, &self.members[process.ix()]);
        self.group.identities[serial as usize].session_timeout =
            self.scenario.cluster.properties.consumer_session_timeout;
        let (subscribed, commits, listens) = self.configuration(process);
        let instance = self.scenario.group.processes[process.ix()]
            .instance_id
            .clone();
        let id = self.group.identities[serial as usize].id;
        let membership = ConsumerMembership::new(id, instance, subscribed, commits);
        let member = &mut self.members[process.ix()];
        member.link.serial = Some(serial);
        member.link.void = None;
        member.remote = Some(Remote {
            membership: match listens {
                true => membership.listening(),
                false => membership,
            },
            answers: VecDeque::new(),
            beat: None,
            listens,
            lost: None,
            last_epoch: 0,
        });
        member.wake = at;
        self.attend(process);
    }

    /// What a process tells the coordinator of itself, whether it commits as it gives partitions up, and whether it has a listener.
    fn configuration(&self, process: ProcessId) -> (Subscribed, bool, bool) {
        let settings = self.settings_of(process);
        let subscribed = Subscribed {
            topics: vec![0],
            rebalance_timeout: settings.client.rebalance_timeout(&settings.properties),
            assignor: settings.properties.remote_assignor,
        };
        let on_revoke = settings.processing.commit_on_revoke;
        let commits = settings.processing.commit == CommitPolicy::Auto || on_revoke;
        let listens =
            on_revoke || settings.client.consumer_protocol == Some(ReconcilesFrom::NextPoll);
        (subscribed, commits, listens)
    }

    /// A member has taken up other settings.
    pub fn configure_remotely(&mut self, process: ProcessId) {
        let (subscribed, commits, listens) = self.configuration(process);
        if let Some(remote) = &mut self.members[process.ix()].remote {
            remote.listens = listens;
            let input = Turn::Configured {
                subscribed,
                auto_commit: commits,
                listens,
            };
            self.turn(process, input);
            self.beats_with_news();
        }
    }

    /// Something happens to a member, and everything that follows at once does.
    pub fn turn(&mut self, process: ProcessId, input: Turn) {
        let now = self.now();
        self.catch_up(process, now);
        let mut inputs = VecDeque::from([input]);
        let mut acts = Vec::new();
        while let Some(input) = inputs.pop_front() {
            let Some(remote) = &mut self.members[process.ix()].remote else {
                return;
            };
            let answered = matches!(input, Turn::Response(_));
            remote.membership.step(input, &mut acts);
            if answered {
                self.heed_epoch(process); // What it sends from now on carries the epoch that it has been told.
            }
            for act in acts.drain(..) {
                if let Some(step) = self.act(process, act) {
                    inputs.push_back(Turn::Done { step });
                }
            }
            self.follow_membership(process);
            let member = &self.members[process.ix()];
            if inputs.is_empty()
                && member.app == App::Polling
                && member.link.rejoin
                && member.frozen_until.is_none()
            {
                inputs.push_back(Turn::Poll); // The application waits in poll() already.
            }
        }
    }

    /// What the rest of the member sees of its membership.
    fn follow_membership(&mut self, process: ProcessId) {
        let member = &mut self.members[process.ix()];
        let attended = member.attended();
        let Some(remote) = &mut member.remote else {
            return;
        };
        remote.last_epoch = remote.epoch();
        member.link.phase = match remote.membership.epoch() {
            1.. => Phase::Stable,
            _ => Phase::Unjoined,
        };
        member.link.rejoin = remote.membership.waits_for_poll();
        if member.has_batch() && member.attended() && !attended {
            self.attend(process);
        }
    }

    /// Does what the membership asks for; the step if that is done at once.
    fn act(&mut self, process: ProcessId, act: Act) -> Option<u32> {
        let now = self.now();
        match act {
            Act::Send(heartbeat) => self.send_heartbeat(process, heartbeat),
            Act::Commit { step, revoked } => {
                let answered = self.commit_before_giving_up(process, &revoked);
                if self.members[process.ix()].app == App::Closing {
                    // What it has in hand is committed as well, and dies with the consumer.
                    self.leave_batch(process, Cause::Revocation);
                }
                self.give_up(process, revoked, false);
                if answered <= now {
                    return Some(step);
                }
                let serial = self.members[process.ix()].link.serial?;
                self.agenda.schedule(answered, Event::Done(serial, step));
            }
            Act::Revoke { step, partitions } => {
                self.give_up(process, partitions, false);
                return Some(step);
            }
            Act::Lose { step, partitions } => {
                self.give_up(process, partitions, true);
                let member = &mut self.members[process.ix()];
                // Whatever it has in hand is of the membership before.
                member.link.generation += 1;
                let busy = member.has_batch();
                if let Some(remote) = member.remote.as_mut().filter(|own| own.listens && busy) {
                    remote.lost = Some(step);
                    return None;
                }
                return Some(step);
            }
            Act::Assign { step, added } => {
                self.assigned_remotely(process, added);
                return Some(step);
            }
            Act::Fail(_) => self.exit_refused(process),
        }
        None
    }

    /// The step of a reconciliation, or of a leave, in which a member commits.
    fn commit_before_giving_up(&mut self, process: ProcessId, revoked: &[PartitionId]) -> SimTime {
        let auto = self.settings_of(process).processing.commit == CommitPolicy::Auto;
        if self.members[process.ix()].app == App::Closing {
            self.commit_before_closing(process)
        } else if auto {
            self.commit_before_joining(process)
        } else {
            self.commit_before_revoking(process, revoked)
        }
    }

    fn send_heartbeat(&mut self, process: ProcessId, heartbeat: Heartbeat) {
        let now = self.now();
        let trip = self.scenario.cluster.round_trip;
        let leaves = heartbeat.epoch < 0;
        if heartbeat.epoch == STATIC_LEAVE_EPOCH {
            self.fall_silent(process);
        }
        let member = &mut self.members[process.ix()];
        let (Some(serial), Some(remote)) = (member.link.serial, &mut member.remote) else {
            return;
        };
        let sent = remote.beat.take().filter(|at| *at <= now).unwrap_or(now);
        member.link.heartbeat_from = sent;
        let closes = (leaves && member.app == App::Closing).then_some(member.incarnation);
        self.post(serial, heartbeat, sent + trip.half());
        if let Some(incarnation) = closes {
            self.agenda
                .schedule(now + trip, Event::Gone(process, incarnation));
        }
    }

    /// A member reads partitions no more. Those of a static one that leaves for a while are kept for it.
    fn give_up(&mut self, process: ProcessId, partitions: Vec<PartitionId>, lost: bool) {
        let member = &self.members[process.ix()];
        // What a commit before has stopped it from reading already is not given up again.
        let owns =
            |id: &PartitionId| member.fetcher.slot(*id).is_some() || member.link.added.contains(id);
        let held = partitions.iter().copied().filter(owns).collect();
        let leaves = member.app == App::Closing || lost && member.link.counts();
        let kept = leaves && self.is_static(process);
        self.revoke(process, held, lost, !kept);
        if kept && !lost {
            self.tell_orphaned(process);
        }
        let member = &mut self.members[process.ix()];
        member.link.added.retain(|id| !partitions.contains(id));
        if member.app == App::Polling && member.wake != SimTime::NEVER {
            member.wake = member.wake.min(self.agenda.now());
        }
    }

    /// OffsetFetch for what is new; the acknowledgement does not wait for it.
    fn assigned_remotely(&mut self, process: ProcessId, added: Vec<PartitionId>) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        let (Some(serial), Some(remote)) = (member.link.serial, &member.remote) else {
            return;
        };
        let (generation, partitions) = (remote.epoch(), remote.membership.partitions().collect());
        member.link.added.extend(&added);
        self.note(Fact::PartitionsAssigned {
            process,
            generation,
            partitions,
        });
        if !added.is_empty() {
            let ready = now + self.offset_fetch(&added);
            self.agenda.schedule(ready, Event::Resume(serial));
        }
    }

    /// A heartbeat is due that brings news.
    pub fn beat(&mut self, serial: u32) {
        let now = self.now();
        let process = self.group.identities[serial as usize].process;
        let member = &self.members[process.ix()];
        let due = |remote: &Remote| remote.beat.is_some_and(|at| at <= now);
        if member.link.serial == Some(serial)
            && member.frozen_until.is_none()
            && member.remote.as_ref().is_some_and(due)
        {
            self.turn(process, Turn::HeartbeatDue);
            if let Some(remote) = &mut self.members[process.ix()].remote {
                remote.beat = remote.beat.filter(|at| *at > now);
            }
        }
    }

    /// A process that stood still sends its overdue heartbeat.
    pub fn beat_late(&mut self, process: ProcessId) {
        if let Some(remote) = &mut self.members[process.ix()].remote {
            remote.beat = None;
        }
        self.turn(process, Turn::HeartbeatDue);
    }

    /// The answer to a heartbeat arrives.
    pub fn answer_remotely(&mut self, serial: u32) {
        let process = self.group.identities[serial as usize].process;
        let member = &mut self.members[process.ix()];
        if member.link.serial != Some(serial) {
            return;
        }
        if member.frozen_until.is_some() {
            return member.deferred.push(Event::Answer(serial));
        }
        let Some(response) = member
            .remote
            .as_mut()
            .and_then(|remote| remote.answers.pop_front())
        else {
            return;
        };
        self.turn(process, Turn::Response(response));
        self.beats_with_news();
    }

    /// What an effect asked for is done.
    pub fn done(&mut self, serial: u32, step: u32) {
        let process = self.group.identities[serial as usize].process;
        let member = &mut self.members[process.ix()];
        if member.link.serial != Some(serial) {
            return;
        }
        if member.frozen_until.is_some() {
            return member.deferred.push(Event::Done(serial, step));
        }
        self.turn(process, Turn::Done { step });
    }

    /// An attended member calls poll().
    pub fn poll_remotely(&mut self, process: ProcessId) {
        self.turn(process, Turn::Poll);
        let remote = self.members[process.ix()].remote.as_mut();
        if let Some(step) = remote.and_then(|remote| remote.lost.take()) {
            self.turn(process, Turn::Done { step });
        }
        if self.members[process.ix()].app == App::Polling {
            self.poll_now(process);
            if self.members[process.ix()].attended() {
                self.attend(process);
            }
        }
    }

    /// Closes the consumer: commits what it may, gives everything up, and leaves, a static member for a while only.
    pub fn close_remotely(&mut self, process: ProcessId) {
        let now = self.now();
        let every = matches!(
            self.settings_of(process).processing.commit,
            CommitPolicy::Every { .. }
        );
        if every {
            let answered = self.commit_before_closing(process);
            if answered > now {
                // commitSync(): it comes back here.
                let member = &mut self.members[process.ix()];
                (member.app, member.wake) = (App::Committing, answered);
                return self.attend(process);
            }
        }
        self.leave_batch(process, Cause::Revocation);
        let member = &mut self.members[process.ix()];
        member.app = App::Closing;
        member.wake = SimTime::NEVER;
        let heartbeats = member
            .remote
            .as_ref()
            .is_some_and(|remote| remote.membership.heartbeats());
        let incarnation = member.incarnation;
        self.turn(process, Turn::Close);
        if !heartbeats {
            self.agenda.schedule(now, Event::Gone(process, incarnation));
        }
    }

    /// max.poll.interval.ms has passed: it leaves without waiting for the application.
    pub fn poll_timeout_remotely(&mut self, process: ProcessId) {
        if let Some(serial) = self.members[process.ix()].link.serial
            && self.is_static(process)
        {
            self.group.identities[serial as usize].dropped_out = true;
        }
        self.turn(process, Turn::PollTimeout);
        let member = &self.members[process.ix()];
        debug_assert!(
            member
                .remote
                .as_ref()
                .is_none_or(|remote| remote.membership.state() != MembershipState::Stable)
        );
        self.attend(process);
    }
}
