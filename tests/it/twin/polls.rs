//! poll() of the twin: fetches that are sent and answered, records that are handed out.

use std::collections::VecDeque;

use lagsim::kafka::Fetches;
use lagsim::scenario::CommitPolicy;
use lagsim::units::SimTime;

use super::broker::{Chunk, Limits, Request};
use super::member::{App, Owned};
use super::world::{Event, World};

impl World<'_> {
    pub(super) fn poll(&mut self, who: usize) {
        self.polls_in_time(who);
        if self.members[who].stopping {
            return self.close(who);
        }
        self.members[who].out = false;
        let owns = !self.members[who].owned.is_empty();
        self.members[who].app = if owns { App::Polling } else { App::Idle };
        self.members[who].polls_from = self.now;
        self.push(self.now, Event::Look(who));
    }

    pub(super) fn limits(&self) -> Limits {
        let size = self.scenario.topic.record_bytes;
        let properties = &self.scenario.settings[0].properties;
        Limits {
            min: properties.fetch_min_bytes.div_ceil(size).max(1),
            per_partition: (properties.max_partition_fetch_bytes / size).max(1),
            per_response: (properties.fetch_max_bytes / size).max(1),
        }
    }

    pub(super) fn reach(&mut self, request: Request) {
        let max_wait = self.scenario.settings[0].properties.fetch_max_wait;
        if max_wait.is_zero() || self.brokers.enough(&request, self.limits()) {
            return self.respond(request);
        }
        self.push(self.now + max_wait, Event::MaxWait(request.id));
        self.brokers.parked.insert(request.id, request);
    }

    pub(super) fn respond(&mut self, request: Request) {
        let chunks = self.brokers.read(&request, self.limits());
        let trip = self.scenario.cluster.round_trip;
        let back = trip.saturating_sub(trip.half());
        self.push(self.now + back, Event::Answer(request, chunks));
    }

    pub(super) fn answer(&mut self, request: Request, chunks: Vec<Chunk>) {
        let member = &mut self.members[request.member];
        if member.in_flight[request.broker] != Some(request.id) {
            return; // Of an assignment that is gone.
        }
        if self.now < member.frozen_until {
            let thaws = member.frozen_until;
            return self.push(thaws, Event::AnswerWaits(request, chunks));
        }
        member.receive(request.broker, &chunks);
        let client = &self.scenario.settings[0].client;
        if matches!(client.fetches, Fetches::Ahead { .. }) {
            self.send_fetches(request.member); // From a thread of its own.
        }
        if self.members[request.member].app == App::Polling {
            self.push(self.now, Event::Look(request.member));
        }
    }

    /// One iteration inside poll().
    pub(super) fn look(&mut self, who: usize) {
        let (now, timer) = (self.now, self.timer_commits());
        let member = &mut self.members[who];
        if member.app != App::Polling {
            return;
        }
        if now < member.frozen_until {
            let thaws = member.frozen_until;
            return self.push(thaws, Event::Look(who));
        }
        if self.poll_loop_pauses(who) {
            return;
        }
        let member = &mut self.members[who];
        let settings = &self.scenario.settings[0];
        let client = &settings.client;
        let between = client.fetches == Fetches::BetweenBatches;
        let auto =
            settings.processing.commit == CommitPolicy::Auto && !timer && member.pool.is_none();
        if auto && now >= member.auto_commit_due {
            member.auto_commit_due = now + settings.properties.auto_commit_interval;
            self.commit_positions(who);
        }
        let open = self.members[who].open_until(now);
        let open = open.filter(|_| !self.blocks());
        let member = &mut self.members[who];
        let most = settings.properties.max_poll_records;
        let kept = (most as usize).min(member.kept.len());
        if let Some(until) = open.filter(|_| kept > 0) {
            return self.push(until, Event::Look(who));
        }
        let mut records: VecDeque<_> = member.kept.drain(..kept).collect();
        if records.is_empty() && self.waits_for_more(who) {
            return self.send_fetches(who);
        }
        let member = &mut self.members[who];
        if records.is_empty() {
            if between && !member.completed.is_empty() {
                self.send_fetches(who);
            }
            records = self.members[who].drain(most, client.returns_one_partition);
            if !between || records.is_empty() {
                self.send_fetches(who);
            }
        }
        if let Some(until) = open.filter(|_| !records.is_empty()) {
            // Whoever has nothing finds out by a poll that its breaker is open.
            self.members[who].kept = records;
            return self.push(until, Event::Look(who));
        }
        let member = &mut self.members[who];
        if records.is_empty() {
            let pauses = member.owned.values().map(|owned| owned.paused_until);
            let mut looks: Vec<SimTime> = pauses.filter(|until| *until > now).collect();
            if auto {
                looks.push(member.auto_commit_due);
            }
            looks
                .into_iter()
                .for_each(|at| self.push(at, Event::Look(who)));
            return;
        }
        if member.pool.is_some() {
            return self.hand_over(who, records);
        }
        member.app = App::Working;
        member.polled_at = now;
        member.begun.clear();
        for &(partition, offset) in &records {
            member.begun.entry(partition).or_insert(offset);
        }
        member.to_do = records;
        member.epoch += 1;
        member.lanes = vec![None; settings.processing.concurrency as usize];
        for lane in 0..self.members[who].lanes.len() {
            self.next_record(who, lane);
        }
    }

    /// Whether a poll() waits until it is full, or its time is over.
    fn waits_for_more(&mut self, who: usize) -> bool {
        let settings = &self.scenario.settings[0];
        let fills = settings.client.fills;
        let member = &mut self.members[who];
        let waiting: u64 = member.owned.values().map(Owned::waiting).sum();
        if fills.is_zero() || waiting == 0 || waiting >= settings.properties.max_poll_records {
            return false;
        }
        let passed = self.now.since(member.polls_from).as_nanos();
        let calls = passed.div_ceil(fills.as_nanos()).max(1);
        let until = member.polls_from + fills * calls;
        if until > member.fills_until {
            member.fills_until = until;
            self.push(until, Event::Look(who));
        }
        until > self.now
    }

    fn send_fetches(&mut self, who: usize) {
        let half = self.scenario.cluster.round_trip.half();
        for broker in 0..self.members[who].in_flight.len() {
            let settings = &self.scenario.settings[0];
            let between = settings.client.fetches == Fetches::BetweenBatches;
            let member = &mut self.members[who];
            if member.in_flight[broker].is_none() {
                let added = std::mem::take(&mut member.added[broker]);
                member.session[broker].extend(added);
            }
            if between && self.members[who].buffers(broker) {
                continue;
            }
            let fewer = match settings.client.fetches {
                Fetches::Ahead { records, .. } => records,
                Fetches::OnceDrained | Fetches::BetweenBatches => 1,
            };
            let wants = self.members[who].wants(broker, self.now, fewer);
            if self.members[who].in_flight[broker].is_some() || wants.is_empty() {
                continue;
            }
            self.requests += 1;
            let id = self.requests;
            self.members[who].in_flight[broker] = Some(id);
            let request = Request {
                id,
                member: who,
                broker,
                wants,
            };
            self.push(self.now + half, Event::Reach(request));
        }
    }
}
