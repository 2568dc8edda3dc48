//! The coordinator's side of the consumer protocol: what reaches it, what follows, and whose next heartbeat brings news.

use crate::kafka::consumer::{
    CommitError, ConsumerGroupState, Effect, Heartbeat, Input, JOIN_EPOCH, Response,
};
use crate::kafka::{KafkaError, RebalanceReason};
use crate::sim::Fact;
use crate::sim::event::{Event, Request};
use crate::sim::world::World;
use crate::units::{ProcessId, SimDuration, SimTime};

impl World<'_> {
    /// A heartbeat is under way.
    pub fn post(&mut self, serial: u32, heartbeat: Heartbeat, arrives: SimTime) {
        let arrivals = self.group.arrivals.entry(arrives).or_default();
        arrivals.heartbeats.push((serial, heartbeat));
        self.agenda
            .schedule(arrives, Event::Request(Request::Heartbeat, serial));
    }

    /// The heartbeat of an identity that was to arrive now does so later, or was never sent.
    pub fn delay_heartbeat(&mut self, serial: u32, later: Option<SimTime>) {
        let now = self.now();
        let Some(arrivals) = self.group.arrivals.get_mut(&now) else {
            return;
        };
        let mut sent = arrivals.heartbeats.iter();
        if let Some(index) = sent.position(|(from, _)| *from == serial) {
            let (_, heartbeat) = arrivals.heartbeats.remove(index);
            if let Some(later) = later {
                self.post(serial, heartbeat, later);
            }
        }
        self.take_arrivals();
    }

    /// A heartbeat reaches the coordinator.
    pub fn heartbeat_arrives(&mut self) {
        let now = self.now();
        if let Some(arrivals) = self.group.arrivals.get_mut(&now) {
            arrivals.arrived += 1;
        }
        self.take_arrivals();
    }

    /// Heartbeats of one instant are taken once all are there, in the order of member ids: as good as any, and the same
    /// whichever was sent first.
    fn take_arrivals(&mut self) {
        let now = self.now();
        let Some(arrivals) = self.group.arrivals.get(&now) else {
            return;
        };
        if arrivals.arrived < arrivals.heartbeats.len() {
            return;
        }
        let arrivals = self.group.arrivals.remove(&now).unwrap_or_default();
        let mut heartbeats = arrivals.heartbeats;
        heartbeats.sort_by_key(|(serial, _)| self.group.identities[*serial as usize].id);
        for (serial, heartbeat) in heartbeats {
            self.take_heartbeat(serial, heartbeat);
        }
    }

    fn take_heartbeat(&mut self, serial: u32, heartbeat: Heartbeat) {
        let now = self.now();
        let identity = &mut self.group.identities[serial as usize];
        let (process, member_id) = (identity.process, identity.member_name());
        if heartbeat.epoch >= 0 {
            identity.seen = now;
        }
        let joins = heartbeat.epoch == JOIN_EPOCH;
        let was_stable = self.is_stable();
        let mut effects = Vec::new();
        let input = Input::Heartbeat(heartbeat);
        self.group.consumer.step(now, input, &mut effects);
        let refusal = |effect: &Effect| match effect {
            Effect::Respond { response, .. } => matches!(response, Response::Error(_)),
            _ => false,
        };
        if joins && !effects.iter().any(refusal) {
            self.note(Fact::MemberJoined { process, member_id });
        }
        self.follow_all(effects, was_stable);
    }

    fn is_stable(&self) -> bool {
        self.group.consumer.state() == ConsumerGroupState::Stable
    }

    /// One input to the coordinator of a consumer group, and everything that follows from it.
    pub fn coordinate_remotely(&mut self, input: Input) {
        let now = self.now();
        let was_stable = self.is_stable();
        let mut effects = Vec::new();
        self.group.consumer.step(now, input, &mut effects);
        self.follow_all(effects, was_stable);
    }

    fn follow_all(&mut self, effects: Vec<Effect>, was_stable: bool) {
        let bumped = effects
            .iter()
            .any(|effect| matches!(effect, Effect::EpochBumped { .. }));
        for effect in effects {
            self.follow_remotely(effect);
        }
        if self.is_stable() && (bumped || !was_stable) {
            let generation = self.group.consumer.epoch() as u32;
            self.note(Fact::GroupStable { generation });
        }
        self.beats_with_news();
    }

    fn follow_remotely(&mut self, effect: Effect) {
        let now = self.now();
        let cluster = &self.scenario.cluster;
        match effect {
            Effect::Respond {
                member,
                response,
                written,
            } => {
                let serial = self.group.serial_of(member);
                let back = cluster.way_back();
                let stored = if written {
                    self.group.writes.next()
                } else {
                    SimDuration::ZERO
                };
                let process = self.group.identities[serial as usize].process;
                let member = &mut self.members[process.ix()];
                if let (true, Some(remote)) =
                    (member.link.serial == Some(serial), &mut member.remote)
                {
                    remote.answers.push_back(response);
                    let answered = now + stored + back;
                    self.agenda.schedule(answered, Event::Answer(serial));
                    if answered > now {
                        self.heed_epoch(process);
                    }
                }
            }
            Effect::Arm { at, timer } => {
                let index = self.group.revocation_timers.len() as u32;
                self.group.revocation_timers.push(timer);
                self.agenda.schedule(at, Event::Timer(index));
            }
            Effect::EpochBumped { epoch, reason } => self.epoch_bumped(epoch, reason),
            Effect::TargetAssigned { epoch } => {
                let (generation, members) =
                    (epoch as u32, self.group.consumer.members().count() as u32);
                self.note(Fact::GenerationStarted {
                    generation,
                    members,
                });
            }
            Effect::MemberReplaced { .. } => {}
            Effect::MemberRemoved { member, reason } => {
                self.member_removed(self.group.serial_of(member), reason);
            }
            Effect::BecameEmpty => self.became_empty(),
        }
    }

    /// What the coordinator would make of a commit with the epoch that a member is in
    /// (`ConsumerGroup#validateOffsetCommit`).
    pub fn heed_epoch(&mut self, process: ProcessId) {
        let now = self.now();
        self.catch_up(process, now);
        let member = &mut self.members[process.ix()];
        let (Some(serial), Some(remote)) = (member.link.serial, &member.remote) else {
            return;
        };
        let id = self.group.identities[serial as usize].id;
        let answer = self.group.consumer.commit(id, remote.membership.epoch());
        let error = answer.err().map(|error| match error {
            CommitError::UnknownMemberId => KafkaError::UnknownMemberId,
            CommitError::StaleMemberEpoch => KafkaError::StaleMemberEpoch,
        });
        let (members, mut ground) = self.ground();
        members[process.ix()].judge_anew(error, now, &mut ground);
    }

    fn epoch_bumped(&mut self, epoch: i32, reason: RebalanceReason) {
        let process = self.process_behind(reason);
        self.note(Fact::RebalanceStarted {
            generation: (epoch - 1) as u32,
            reason,
            process,
        });
    }

    /// What the first heartbeat sent at the beat can bring it is on the agenda for every member that has news.
    pub fn beats_with_news(&mut self) {
        let now = self.now();
        let interval = self.scenario.cluster.properties.consumer_heartbeat_interval;
        let half = self.scenario.cluster.round_trip.half();
        for member in &mut self.members {
            let (Some(serial), Some(remote)) = (member.link.serial, &mut member.remote) else {
                continue;
            };
            let identity = &self.group.identities[serial as usize];
            if remote.beat.is_some()
                || !remote.membership.heartbeats()
                || identity.silent_from.is_some()
            {
                continue;
            }
            // What the coordinator knows must have been sent late enough to get there after it knew.
            let from = member.link.heartbeat_from;
            let passed = match self.group.consumer.has_news(identity.id) {
                true => now.since(from + half),
                false if remote.membership.has_news() => now.since(from),
                false => continue,
            };
            let beats = passed.as_nanos().div_ceil(interval.as_nanos().max(1));
            let at = member.link.heartbeat_from + interval * beats.max(1);
            remote.beat = Some(at);
            self.agenda.schedule(at.max(now), Event::Heartbeat(serial));
        }
    }
}
