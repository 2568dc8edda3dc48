//! The shared dependency: who waits how long for its limit. Callers that block on a token bucket are served in turn, so
//! while it is saturated they advance together; one step of this machine is a batch that begins or ends, never a call.
//!
//! The rate at which `n` callers get through is that of the closed loop of `n` callers (the flow-equivalent server of
//! Chandy, Herzog and Woo 1975), so what depends on the law of the latency near the knee is not lost.

use super::member::{App, Member};
use crate::engine::{Address, Purpose};
use crate::scenario::{Downstream, DownstreamChange, RateLimit, Scenario};
use crate::units::SimTime;
use crate::workload::{ClosedLoop, Law};

/// The dependency during a run.
#[derive(Debug)]
pub(super) struct Dependency {
    spec: Downstream,
    address: Address,
    /// Local work between two calls: that of the first settings stands for all callers.
    local: Law,
    /// Callers under the limit, and under the concurrency alone (while saved tokens last).
    limited: ClosedLoop,
    unlimited: ClosedLoop,
    stopped: bool,
    /// Tokens saved beyond the one a call needs, at `updated`.
    saved: f64,
    /// Tokens gained (or, if negative, spent from the saved) per second since `updated`.
    gain: f64,
    updated: SimTime,
    /// Whether its callers wait for the limit.
    pub saturated: bool,
}

impl Dependency {
    /// The dependency of `scenario` at its start: a full bucket.
    pub fn new(scenario: &Scenario, spec: &Downstream, replication: u32) -> Self {
        let address = Address::new(scenario.seed, replication, Purpose::Limiter, &spec.name);
        let processing = &scenario.settings[0].processing;
        let local = processing
            .time
            .scaled(1.0 / f64::from(processing.calls.max(1)));
        let mut dependency = Dependency {
            spec: spec.clone(),
            address,
            limited: loop_of(address, spec, spec.limit, &local),
            unlimited: loop_of(address, spec, None, &local),
            local,
            stopped: false,
            saved: 0.0,
            gain: 0.0,
            updated: SimTime::ZERO,
            saturated: false,
        };
        dependency.saved = dependency.most_saved();
        dependency
    }

    /// Whether callers can be in each other's way at all; if not, every member runs by itself.
    pub fn couples(&self) -> bool {
        self.stopped || self.spec.limit.is_some() || self.spec.concurrency.is_some()
    }

    fn most_saved(&self) -> f64 {
        self.spec
            .limit
            .map_or(0.0, |limit| (limit.burst - 1.0).max(0.0))
    }

    /// Whether it stands still.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// Takes a change of the timeline and returns how many times as long a record takes now; the caller paces the
    /// members anew.
    pub fn change(&mut self, now: SimTime, change: &DownstreamChange) -> f64 {
        self.settle(now);
        let before = self.local.mean() + self.spec.latency.mean();
        match change {
            DownstreamChange::Stop => self.stopped = true,
            DownstreamChange::Resume => self.stopped = false,
            DownstreamChange::Latency(law) => self.spec.latency = law.clone(),
            DownstreamChange::Limit(limit) => self.spec.limit = *limit,
        }
        self.limited = loop_of(self.address, &self.spec, self.spec.limit, &self.local);
        self.unlimited = loop_of(self.address, &self.spec, None, &self.local);
        self.saved = self.saved.min(self.most_saved());
        let after = self.local.mean() + self.spec.latency.mean();
        if before > 0.0 { after / before } else { 1.0 }
    }

    /// Brings the saved tokens up to `now`.
    fn settle(&mut self, now: SimTime) {
        let passed = now.since(self.updated).as_secs_f64();
        self.saved = (self.saved + self.gain * passed).clamp(0.0, self.most_saved());
        self.updated = self.updated.max(now);
    }

    /// When the saved tokens are gone, if they are being spent.
    pub fn runs_dry_at(&self) -> SimTime {
        if self.gain >= 0.0 || self.saved <= 0.0 {
            return SimTime::NEVER;
        }
        let left = crate::units::SimDuration::from_secs_f64(self.saved / -self.gain);
        self.updated + left.max(crate::units::SimDuration::from_nanos(1))
    }

    /// Gives every batch in hand its speed from `now` on.
    pub fn pace(&mut self, now: SimTime, members: &mut [Member]) {
        self.settle(now);
        if self.saved * 1e9 < 1.0 {
            self.saved = 0.0;
        }
        let mut callers = 0;
        let mut demand = 0.0;
        for member in members.iter_mut().filter(|member| calls(member)) {
            member.batch.advance(now);
            if member.frozen_until.is_none() {
                callers += member.batch.callers;
                demand += member.batch.calls as f64 / member.batch.alone.as_secs_f64().max(1e-9);
            }
        }
        let (speed, limit_waits) = self.speed(callers, demand);
        let rate = self.spec.limit.map_or(f64::INFINITY, |limit| limit.rate);
        let used = (demand * speed).min(if limit_waits { rate } else { f64::INFINITY });
        self.gain = if rate.is_finite() { rate - used } else { 0.0 };
        if limit_waits {
            self.gain = 0.0;
        }
        self.saturated = self.stopped || speed < 0.95;
        let each = self.local.mean() + self.spec.latency.mean();
        for member in members.iter_mut().filter(|member| calls(member)) {
            let batch = &mut member.batch;
            if self.stopped || member.frozen_until.is_some() {
                batch.length = crate::units::SimDuration::FOREVER;
            } else {
                // Waiting for a turn absorbs what a call's own latency varies: the less the faster the callers are
                // than the limit.
                let alone = batch.alone.as_secs_f64();
                let even = batch.calls as f64 * each / f64::from(batch.callers.max(1));
                let blended = alone * speed + even * (1.0 - speed);
                batch.length = crate::units::SimDuration::from_secs_f64(blended / speed);
            }
        }
        if speed < 1.0 && !self.stopped {
            self.give_away(speed, callers, members);
        }
        for member in members.iter_mut().filter(|member| calls(member)) {
            member.wake = member.batch.ends_at();
        }
    }

    /// Towards the end of a batch with several calls in flight some of its callers have nothing left to ask for. What
    /// they leave goes to the other members' callers, so it is lost only while everybody's batch is at its end.
    fn give_away(&self, speed: f64, callers: u32, members: &mut [Member]) {
        let each = self.local.mean() + self.spec.latency.mean();
        let (mut asked, mut all_at_their_end, mut several) = (0.0, 1.0, false);
        let batches = || |member: &&mut Member| calls(member) && member.frozen_until.is_none();
        for member in members.iter_mut().filter(batches()) {
            let batch = &member.batch;
            let length = batch.length.as_secs_f64().max(1e-9);
            let asking = batch.calls as f64 * each / f64::from(batch.callers.max(1)) / speed;
            asked += batch.calls as f64 / length;
            all_at_their_end *= (1.0 - asking / length).clamp(0.0, 1.0);
            several |= batch.callers > 1;
        }
        let offered = speed * f64::from(callers) / each.max(1e-12) * (1.0 - all_at_their_end);
        if !several || asked >= offered {
            return;
        }
        for member in members.iter_mut().filter(batches()) {
            let batch = &mut member.batch;
            let length = batch.length.as_secs_f64() * asked / offered;
            let length = crate::units::SimDuration::from_secs_f64(length);
            batch.length = length.max(batch.alone);
        }
    }

    /// Speed of callers relative to being alone, and whether it is the limit they wait for.
    fn speed(&mut self, callers: u32, demand: f64) -> (f64, bool) {
        if callers == 0 {
            return (1.0, false);
        }
        let each = self.local.mean() + self.spec.latency.mean();
        let free = f64::from(callers) / each.max(1e-12);
        let within = (self.unlimited.throughput(callers) / free).min(1.0);
        let Some(RateLimit { rate, .. }) = self.spec.limit else {
            return (within, false);
        };
        if self.saved > 0.0 {
            return (within, false);
        }
        let limited = (self.limited.throughput(callers) / free).min(1.0);
        (limited.max(1e-9), demand * within > rate)
    }
}

/// Whether a member has a batch in hand that makes calls.
pub(super) fn calls(member: &Member) -> bool {
    member.app == App::Processing && member.batch.calls > 0 && member.batch.stuck_on().is_none()
}

fn loop_of(
    address: Address,
    spec: &Downstream,
    limit: Option<RateLimit>,
    local: &Law,
) -> ClosedLoop {
    let limit = limit.map(|limit| (limit.rate, limit.burst));
    ClosedLoop::new(address, limit, spec.concurrency, &spec.latency, local)
}
