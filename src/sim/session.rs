//! Sessions at the coordinator. A heartbeat without news is no event, so only that of a silent member has an end that is
//! looked at: when it falls silent, and whenever the coordinator starts it anew.

use super::event::Event;
use super::link::Phase;
use super::world::World;
use crate::kafka::{Input, consumer};
use crate::units::{ProcessId, SimTime};

impl World<'_> {
    /// The coordinator starts everyone's session anew; who is silent has that much left.
    pub fn restart_sessions(&mut self) {
        let serials: Vec<u32> = self.group.classic.members().map(|id| id.serial).collect();
        for serial in serials {
            self.renew_session(serial);
        }
    }

    /// The coordinator starts a member's session anew, as it answers its JoinGroup or SyncGroup.
    pub fn renew_session(&mut self, serial: u32) {
        let identity = &mut self.group.identities[serial as usize];
        identity.seen = self.agenda.now();
        if identity.silent_from.is_some() {
            self.await_session(serial);
        }
    }

    /// When the session of a silent member ends.
    pub fn await_session(&mut self, serial: u32) {
        let ends = self.session_ends(serial).max(self.now());
        self.agenda.schedule(ends, Event::Session(serial));
    }

    fn session_ends(&self, serial: u32) -> SimTime {
        let identity = &self.group.identities[serial as usize];
        match identity.silent_from {
            Some(silent) => identity.seen.max(silent) + identity.session_timeout,
            None => SimTime::NEVER,
        }
    }

    /// A member falls silent now: what was its last heartbeat?
    pub fn fall_silent(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &self.members[process.ix()];
        let Some(serial) = member.link.serial else {
            return;
        };
        let remote = self.speaks_consumer();
        let interval = if remote {
            self.scenario.cluster.properties.consumer_heartbeat_interval
        } else {
            self.settings_of(process).properties.heartbeat_interval
        };
        let beats = now.since(member.link.heartbeat_from).as_nanos() / interval.as_nanos().max(1);
        let last = member.link.heartbeat_from + interval * beats;
        let beating = matches!(
            member.link.phase,
            Phase::Stable | Phase::Fetching | Phase::Syncing
        );
        // Commits renew the session of a classic member only (`ConsumerGroup#validateOffsetCommit`).
        let commit = if remote {
            SimTime::ZERO
        } else {
            member.last_stored
        };
        let identity = &mut self.group.identities[serial as usize];
        if identity.silent_from.is_some() {
            return; // It was frozen already.
        }
        identity.silent_from = Some(if beating {
            last.min(now)
        } else {
            identity.seen
        });
        identity.seen = identity.seen.max(commit);
        self.await_session(serial);
    }

    /// A session may have ended.
    pub fn session(&mut self, serial: u32) {
        let id = self.group.identities[serial as usize].id;
        let ends = self.session_ends(serial);
        if ends == SimTime::NEVER {
            return;
        }
        if ends <= self.now() {
            if self.group.consumer.contains(id) {
                self.coordinate_remotely(consumer::Input::SessionExpired { member: id });
            } else if self.group.classic.contains(id) {
                self.coordinate(Input::SessionExpired { member: id });
            }
        }
    }
}
