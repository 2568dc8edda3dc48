//! Sessions at the coordinator. A heartbeat without news is no event, so only that of a silent member has an end that is
//! looked at: when it falls silent, and whenever the coordinator starts it anew.

use super::batch::Workshop;
use super::event::Event;
use super::link::Phase;
use super::member::{App, Member};
use super::world::World;
use crate::kafka::{Heartbeats, HeartbeatsFrom, Input, consumer};
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
        let Some(serial) = self.members[process.ix()].link.serial else {
            return;
        };
        let remote = self.speaks_consumer();
        let last = if remote {
            let interval = self.scenario.cluster.properties.consumer_heartbeat_interval;
            let from = self.members[process.ix()].link.heartbeat_from;
            let beats = now.since(from).as_nanos() / interval.as_nanos().max(1);
            from + interval * beats
        } else {
            self.last_beat(process)
        };
        let member = &self.members[process.ix()];
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

    /// When a member sent its last heartbeat, if it sends any.
    fn last_beat(&mut self, process: ProcessId) -> SimTime {
        let now = self.now();
        let Some((begun, _)) = self.record_of(process, now) else {
            return self.due_by(process, now);
        };
        let due = self.due_by(process, begun);
        match self.record_of(process, due) {
            Some((begins, ends)) if begins < due => ends,
            _ => due,
        }
    }

    /// A member is about to give its generation up, and no heartbeat goes out until it has joined again.
    pub fn stop_heartbeats(&mut self, process: ProcessId) {
        let link = &self.members[process.ix()].link;
        if matches!(link.phase, Phase::Stable | Phase::Fetching) {
            let last = self.last_beat(process);
            self.members[process.ix()].link.last_heartbeat = Some(last);
        }
    }

    /// A member has joined: from where its heartbeats count now.
    pub fn begin_heartbeats(&mut self, process: ProcessId) {
        let now = self.now();
        let settings = self.settings_of(process);
        let client = &settings.client;
        let interval = settings.properties.heartbeat_interval;
        let member = &self.members[process.ix()];
        let last = match client.heartbeats_from {
            HeartbeatsFrom::Join => Some(now),
            HeartbeatsFrom::FirstJoin => member.link.last_heartbeat,
            HeartbeatsFrom::Start => member.link.last_heartbeat.or(Some(member.started_at)),
        };
        // One that is overdue goes out now, and so does the first where nothing was counted yet.
        let overdue = SimTime::ZERO + now.since(SimTime::ZERO + interval);
        self.members[process.ix()].link.heartbeat_from = last.unwrap_or(overdue).max(overdue);
    }

    /// The last instant up to `at` at which a heartbeat was due.
    fn due_by(&self, process: ProcessId, at: SimTime) -> SimTime {
        let member = &self.members[process.ix()];
        let settings = &self.scenario.settings[member.settings];
        let interval = settings.properties.heartbeat_interval;
        let beats = at.since(member.link.heartbeat_from).as_nanos() / interval.as_nanos().max(1);
        member.link.heartbeat_from + interval * beats
    }

    /// The record that keeps a member from sending heartbeats at `at`: when it was begun, and when it is finished.
    pub fn record_of(&mut self, process: ProcessId, at: SimTime) -> Option<(SimTime, SimTime)> {
        let member = &self.members[process.ix()];
        let (scenario, settings) = (self.scenario, member.settings);
        let client = &scenario.settings[settings].client;
        let waits = client.heartbeats == Heartbeats::BetweenRecords;
        if !waits || member.app != App::Processing || at <= member.batch.polled_at {
            return None;
        }
        let topic = &mut self.topic;
        let shop = &mut Workshop::new(scenario, settings, topic);
        Some(member.batch.record_at(at, shop))
    }

    /// Members are about to stand still, or do: the record in hand keeps the heartbeats waiting that are due from its beginning
    /// on.
    pub fn hold_records(&mut self, now: SimTime) {
        for member in &mut self.members {
            let (scenario, settings) = (self.scenario, member.settings);
            let client = &scenario.settings[settings].client;
            if client.heartbeats != Heartbeats::BetweenRecords || member.app != App::Processing {
                continue;
            }
            let shop = &mut Workshop::new(scenario, settings, &mut self.topic);
            member.batch.hold_record(now, shop);
        }
    }

    /// Whether a record keeps heartbeats waiting is known once the member has caught up.
    pub fn catch_up_beats(&mut self, process: ProcessId) {
        let settings = self.members[process.ix()].settings;
        let client = &self.scenario.settings[settings].client;
        if client.heartbeats == Heartbeats::BetweenRecords {
            self.catch_up(process, self.now());
        }
    }

    /// When the heartbeat goes out that was due at `at`, if a record keeps it waiting.
    pub fn beat_waits(&mut self, process: ProcessId, at: SimTime) -> Option<SimTime> {
        if self.members[process.ix()].link.beats_at.take() == Some(at) {
            return None;
        }
        let (begun, ends) = self.record_of(process, at)?;
        let waits = begun < at && ends > at;
        if waits {
            self.members[process.ix()].link.beats_at = Some(ends);
        }
        waits.then_some(ends)
    }

    /// Records end at other times than was thought: so do the heartbeats go out that wait for one.
    pub fn put_beats_off(&mut self, at: SimTime) {
        let trip = self.scenario.cluster.round_trip;
        let waits = |member: &Member| member.link.beats_at.is_some();
        if !self.members.iter().any(waits) {
            return; // As with every client that sends them while a record is worked on.
        }
        for index in 0..self.members.len() {
            let link = &self.members[index].link;
            let (Some(_), Some(serial)) = (link.beats_at, link.serial) else {
                continue;
            };
            let process = self.members[index].process;
            // A record that was set aside keeps no heartbeat waiting.
            let record = self.record_of(process, at);
            let ends = record.map_or(at, |(_, ends)| ends.max(at));
            self.members[index].link.beats_at = Some(ends);
            self.agenda.schedule(ends + trip, Event::Heartbeat(serial));
        }
    }

    /// When the session ends of a member that is at a record too long for it.
    fn silence_ends(&mut self, process: ProcessId) -> Option<SimTime> {
        let now = self.now();
        let member = &self.members[process.ix()];
        let serial = member.link.serial?;
        if member.link.void.is_some() || member.frozen_until.is_some() {
            return None;
        }
        let identity = &self.group.identities[serial as usize];
        let (session, seen) = (identity.session_timeout, identity.seen);
        let seen = seen.max(member.last_stored);
        let interval = self.scenario.settings[member.settings]
            .properties
            .heartbeat_interval;
        if member.batch.length < session.saturating_sub(interval) {
            return None; // As are almost all: no record is looked at.
        }
        let (_, ends) = self.record_of(process, now)?;
        let silent_to = self.last_beat(process).max(seen) + session;
        (ends > silent_to).then_some(silent_to)
    }

    /// Looks whether the session of a member ends during the record in hand, until `until`.
    pub fn watch_silence(&mut self, process: ProcessId, until: SimTime) {
        if let Some(ends) = self.silence_ends(process)
            && ends <= until
        {
            let number = self.members[process.ix()].batch.number;
            let at = ends.max(self.now());
            self.agenda.schedule(at, Event::Silence(process, number));
        }
    }

    /// The session of a member may have ended during a record of batch `number`.
    pub fn silence(&mut self, process: ProcessId, number: u32) {
        let now = self.now();
        self.catch_up(process, now);
        let member = &self.members[process.ix()];
        if member.batch.number != number {
            return;
        }
        match (
            self.silence_ends(process),
            self.members[process.ix()].link.serial,
        ) {
            (Some(ends), _) if ends > now => self.watch_silence(process, ends),
            (Some(_), Some(serial)) => {
                let id = self.group.identities[serial as usize].id;
                if self.group.classic.contains(id) {
                    self.tell_evicted(process, now);
                    self.coordinate(Input::SessionExpired { member: id });
                }
            }
            _ => {}
        }
    }
}
