//! The coordinator's side of the consumer protocol: what reaches it, what follows, and whose next heartbeat brings news.

use crate::kafka::RebalanceReason;
use crate::kafka::consumer::{ConsumerGroupState, Effect, Input};
use crate::sim::Fact;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::units::SimDuration;

impl World<'_> {
    /// A heartbeat reaches the coordinator.
    pub fn heartbeat_arrives(&mut self, serial: u32) {
        let now = self.now();
        let identity = &self.group.identities[serial as usize];
        let process = identity.process;
        let member = &mut self.members[process.ix()];
        let Some(remote) = member
            .remote
            .as_mut()
            .filter(|_| member.link.serial == Some(serial))
        else {
            return;
        };
        let Some(heartbeat) = remote.requests.pop_front() else {
            return;
        };
        if heartbeat.epoch == 0 {
            let member_id = identity.member_name();
            self.note(Fact::MemberJoined { process, member_id });
        }
        if heartbeat.epoch >= 0 {
            self.group.identities[serial as usize].seen = now;
        }
        self.coordinate_remotely(Input::Heartbeat(heartbeat));
    }

    /// One input to the coordinator of a consumer group, and everything that follows from it.
    pub fn coordinate_remotely(&mut self, input: Input) {
        let now = self.now();
        let was_stable = self.group.consumer.state() == ConsumerGroupState::Stable;
        let mut effects = Vec::new();
        self.group.consumer.step(now, input, &mut effects);
        let bumped = effects
            .iter()
            .any(|effect| matches!(effect, Effect::EpochBumped { .. }));
        for effect in effects {
            self.follow_remotely(effect);
        }
        if self.group.consumer.state() == ConsumerGroupState::Stable && (bumped || !was_stable) {
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
                let back = cluster.round_trip.saturating_sub(cluster.round_trip.half());
                let stored = if written {
                    cluster.commit_latency
                } else {
                    SimDuration::ZERO
                };
                let process = self.group.identities[serial as usize].process;
                let member = &mut self.members[process.ix()];
                if let (true, Some(remote)) =
                    (member.link.serial == Some(serial), &mut member.remote)
                {
                    remote.answers.push_back(response);
                    self.agenda
                        .schedule(now + stored + back, Event::Answer(serial));
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
                || !self.group.consumer.has_news(identity.id)
            {
                continue;
            }
            let passed = now.since(member.link.heartbeat_from + half);
            let beats = passed.as_nanos().div_ceil(interval.as_nanos().max(1));
            let at = member.link.heartbeat_from + interval * beats.max(1);
            remote.beat = Some(at);
            self.agenda.schedule(at.max(now), Event::Heartbeat(serial));
        }
    }
}
