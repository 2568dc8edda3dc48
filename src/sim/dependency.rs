//! The dependencies, and of the shared one: who waits how long for its limit. Callers that block on a token bucket are served in turn, so
//! while it is saturated they advance together; one step of this machine is a batch that begins or ends, never a call.

mod apart;
mod chain;
mod loops;

pub(super) use self::apart::Asked;
use self::apart::Parting;
use self::chain::Chain;
use self::loops::{Away, Loops, Pace};
use super::batch::Batch;
use super::member::{App, Member};
use super::outage::{Attempts, CallFailure};
use crate::engine::{Address, Purpose};
use crate::scenario::{DownstreamChange, RateLimit, Scenario, WhenLimited};
use crate::units::{SimDuration, SimTime};
use crate::workload::CallLaw;

/// Fewer saved tokens than this count as none.
const DRY: f64 = 1e-6;

/// Calls that are refused.
#[derive(Clone, Copy, Debug, Default)]
struct Refusals {
    /// Until the last pacing (calls).
    count: f64,
    /// Since then (calls/s).
    rate: f64,
    /// The highest rate (calls/s).
    most: f64,
}

/// What a member is to the shared dependency at an instant.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// It has a batch in hand that makes calls.
    calls: bool,
    /// Some of them of the shared one.
    shares: bool,
    /// It makes none now although it has some to make.
    stands: bool,
    /// Calls of the shared one that it has in flight, if it has nothing else to do.
    callers: u32,
}

/// The dependencies during a run: the balance of the shared one.
#[derive(Debug)]
pub(super) struct Dependency {
    chain: Chain,
    address: Address,
    /// Settings that were taken up last: what is done under them between two calls stands for all callers.
    served: usize,
    away: Away,
    loops: Loops,
    /// Whether attempts may be failing, or a caller be waiting for its next one.
    pub minded: bool,
    /// Speed of all callers since the last pacing.
    speed: f64,
    /// Most tokens saved beyond the one a call needs.
    most_saved: f64,
    /// Tokens saved at `updated`; below zero, what has been used in advance and is paid back first.
    saved: f64,
    /// Tokens gained (or, if negative, spent from the saved) per second since `updated`.
    gain: f64,
    updated: SimTime,
    /// When the saved tokens are gone, if they are being spent.
    dry_at: SimTime,
    /// What each member takes of the limit since then [calls/s].
    rates: Vec<f64>,
    /// What each member was as everybody was paced last.
    parts: Vec<Part>,
    /// Whether calls above the limit are refused.
    refuses: bool,
    /// Whether its callers wait for the limit.
    saturated: bool,
    /// Whether its callers ask for more than the limit, have used up what was saved, and are refused.
    overrun: bool,
    refusals: Refusals,
    parting: Parting,
}

impl Dependency {
    /// The dependencies of `scenario` at its start, if it has any: a full bucket.
    pub fn new(scenario: &Scenario, replication: u32) -> Option<Self> {
        if scenario.downstreams.is_empty() {
            return None;
        }
        let chain = Chain::new(scenario);
        let (seed, name) = (scenario.seed, &chain.shared().name);
        let address = Address::new(seed, replication, Purpose::Limiter, name);
        let away = Away::of(&chain, 0);
        let mut dependency = Dependency {
            address,
            served: 0,
            loops: Loops::new(address, chain.shared(), &away),
            away,
            chain,
            minded: false,
            speed: f64::NAN,
            most_saved: 0.0,
            saved: 0.0,
            gain: 0.0,
            updated: SimTime::ZERO,
            dry_at: SimTime::NEVER,
            rates: vec![0.0; scenario.group.processes.len()],
            parts: vec![Part::default(); scenario.group.processes.len()],
            refuses: false,
            saturated: false,
            overrun: false,
            refusals: Refusals::default(),
            parting: Parting::default(),
        };
        dependency.refit();
        dependency.saved = dependency.most_saved;
        Some(dependency)
    }

    fn limit(&self) -> Option<RateLimit> {
        self.chain.shared().limit
    }

    /// Whether callers can be in each other's way at all; if not, every member runs by itself.
    pub fn couples(&self) -> bool {
        self.chain.any_out()
            || self.limit().is_some()
            || self.chain.shared().concurrency.is_some()
            || self.shares()
    }

    /// Whether members may stand still at one of them.
    pub fn holds_up(&self) -> bool {
        self.minded || self.chain.any_out()
    }

    /// Works out anew what follows from the specification.
    fn refit(&mut self) {
        self.away = Away::of(&self.chain, self.served);
        self.loops = Loops::new(self.address, self.chain.shared(), &self.away);
        let (limit, when_limited) = (self.limit(), self.chain.shared().when_limited);
        self.refuses = limit.is_some() && when_limited == WhenLimited::Reject;
        let most_saved = |limit: RateLimit| (limit.burst - 1.0).max(0.0);
        self.most_saved = limit.map_or(0.0, most_saved);
        self.saved = self.saved.min(self.most_saved);
        self.disturb();
    }

    /// Whether records under these settings call one that stands still.
    pub fn stops(&self, settings: usize) -> bool {
        self.chain.out(settings).is_some()
    }

    /// Which of them a member waits for: the one that stands still, or does no longer and its next attempt is to come; or
    /// the shared one with its limit; or the one at which its records are given up.
    pub fn delays(&self, member: &Member, now: SimTime) -> Option<usize> {
        let settings = member.settings;
        let limited = self.saturated && self.chain.shared_calls(settings) > 0;
        let failed = member.caller.waits(now).then_some(member.caller.failed_at);
        let out = self.chain.out(settings);
        let stands = out.filter(|_| self.chain.failure(settings).is_none());
        let shared = limited.then_some(self.chain.shared_index());
        stands.or(failed).or(shared).or(out)
    }

    /// Whether attempts fail that are made again until one succeeds.
    pub fn fails(&self) -> bool {
        self.chain.retries()
    }

    /// The attempts that fail under these settings and are made again until one succeeds: at which dependency, after how
    /// long, with which pause before the next, and whether it is the one with the breaker.
    pub fn failing(&self, settings: usize) -> Option<Attempts> {
        let (which, after) = self.chain.retried(settings)?;
        let on_outage = &self.chain.spec(which).on_outage;
        Some(Attempts {
            which,
            after,
            back_off: on_outage.back_off,
            watched: on_outage.breaker.is_some(),
        })
    }

    /// What a record comes to now whose call fails, if it is given up.
    pub fn failure(&self, settings: usize) -> Option<CallFailure> {
        self.chain.failure(settings)
    }

    /// What calls of one of them take now.
    pub fn call(&self, which: usize) -> CallLaw {
        self.chain.spec(which).call()
    }

    /// Callers come with other settings; whether that changes anything. The caller paces the members anew.
    pub fn serve(&mut self, now: SimTime, settings: usize) -> bool {
        let away = Away::of(&self.chain, settings);
        let changes = away != self.away && self.chain.shared_calls(settings) > 0;
        if changes {
            self.settle(now);
            self.served = settings;
            self.refit();
        }
        changes
    }

    /// Takes a change of the timeline and returns how many times as long a record takes now, by settings; the caller
    /// paces the members anew.
    pub fn change(&mut self, now: SimTime, which: usize, change: &DownstreamChange) -> Vec<f64> {
        self.settle(now);
        let before = self.chain.records_s();
        self.chain.change(which, change);
        self.refit();
        let times = before.into_iter().zip(self.chain.records_s());
        times
            .map(|(before, now)| if before > 0.0 { now / before } else { 1.0 })
            .collect()
    }

    /// Brings the saved tokens up to `now`.
    #[inline]
    fn settle(&mut self, now: SimTime) {
        let passed = now.since(self.updated).as_secs_f64();
        self.saved = (self.saved + self.gain * passed).min(self.most_saved);
        self.updated = self.updated.max(now);
        self.refusals.count += self.refusals.rate * passed;
    }

    /// How many calls it has refused by `now` because of its limit, and how many a second at most.
    pub fn refused_by(&mut self, now: SimTime) -> (u64, f64) {
        self.settle(now);
        (self.refusals.count.round() as u64, self.refusals.most)
    }

    /// When the saved tokens are gone, if they are being spent.
    pub fn runs_dry_at(&self) -> SimTime {
        self.dry_at
    }

    /// What is taken from the limit has changed: the balance of the saved tokens from now on.
    fn balance(&mut self) {
        self.dry_at = SimTime::NEVER;
        let Some(limit) = self.limit() else { return };
        self.gain = match self.overrun {
            true => 0.0, // What refused callers leave while they back off is in their pace already.
            false => limit.rate - self.rates.iter().sum::<f64>(),
        };
        if self.gain < 0.0 && self.saved > DRY {
            let left = SimDuration::from_secs_f64(self.saved / -self.gain);
            self.dry_at = self.updated + left.max(SimDuration::from_nanos(1));
        }
    }

    /// Every batch in hand has to be paced anew: somebody stands still, or no longer does.
    pub fn disturb(&mut self) {
        self.speed = f64::NAN;
    }

    /// Gives every batch in hand its speed from `now` on. As long as the speed stays what it was, that concerns only
    /// the batch that has just begun.
    pub fn pace(&mut self, now: SimTime, members: &mut [Member]) {
        self.settle(now);
        let (mut callers, mut several) = (0, false);
        for (part, member) in self.parts.iter_mut().zip(members.iter()) {
            *part = self.chain.part(member, now);
            callers += part.callers;
            several |= part.calls && part.callers > 1;
        }
        let Pace {
            speed,
            stretch,
            refused,
        } = if callers == 0 && self.chain.any_out() {
            Pace::default()
        } else {
            self.pace_of(callers)
        };
        self.refusals.rate = refused;
        let again = speed != self.speed || several;
        self.speed = speed;
        self.saturated = callers > 0 && speed < 0.95;
        for (index, member) in members.iter_mut().enumerate() {
            let part = self.parts[index];
            if part.calls && (again || !member.batch.paced) {
                let speed = match part.stands {
                    true => 0.0,
                    false if part.shares => speed,
                    false => 1.0,
                };
                self.pace_batch(now, &mut member.batch, speed, stretch);
                member.wake = member.batch.ends_at();
            }
            if member.workers.is_some() {
                let speed = match self.stops(member.settings) {
                    true => 0.0,
                    false if self.chain.shared_calls(member.settings) > 0 => speed,
                    false => 1.0,
                };
                member.pace_workers(now, speed);
            }
            self.rates[index] = self.rate_of(part, &member.batch);
        }
        if several && speed < 1.0 && speed > 0.0 {
            self.give_away(now, speed, callers, members);
        }
        self.refusals.most = self.refusals.most.max(self.refusals.rate);
        self.balance();
    }

    /// A batch of one member has begun or ended. While tokens are left and everybody may call, that is nobody else's
    /// affair; returns false if it is, and everyone has to be paced.
    pub fn pace_alone(&mut self, now: SimTime, index: usize, member: &mut Member) -> bool {
        if self.speed != 1.0 || self.is_crowded() || self.chain.any_out() {
            return false;
        }
        self.settle(now);
        if self.limit().is_some() && self.saved <= DRY {
            return false;
        }
        // It has the length and the rate of its plan.
        member.batch.paced = true;
        self.rates[index] = self.rate_of(self.chain.part(member, now), &member.batch);
        self.balance();
        true
    }

    /// What a member takes of the limit, with its batch in hand if it has one [calls/s].
    #[inline]
    fn rate_of(&self, part: Part, batch: &Batch) -> f64 {
        match part {
            Part { calls: true, .. } => batch.rate,
            Part { callers: 0, .. } => 0.0,
            _ => f64::from(part.callers) * self.speed / self.loops.each.max(1e-9),
        }
    }

    /// One batch at `speed` relative to being alone, whose calls and work take `stretch` times as long as alone.
    fn pace_batch(&self, now: SimTime, batch: &mut Batch, speed: f64, stretch: f64) {
        batch.advance(now);
        batch.change_speed(now);
        batch.paced = true;
        if speed == 1.0 {
            (batch.length, batch.rate) = (batch.alone, batch.demand);
        } else if speed == 0.0 {
            (batch.length, batch.rate) = (SimDuration::FOREVER, 0.0);
        } else {
            // Waiting for a turn absorbs what a call's own latency varies: the less the faster the callers are than
            // the limit. What slows down under load takes longer call by call.
            let busy = speed * stretch;
            let alone = batch.alone_s;
            let even = batch.calls as f64 * self.loops.each / f64::from(batch.callers.max(1));
            let mut length = (alone * busy + even * (1.0 - busy)) / speed;
            if self.refuses() {
                length += self.loops.each * (1.0 - speed) / speed * straggling(batch.callers);
            }
            batch.length = SimDuration::from_secs_f64(length);
            batch.rate = batch.calls as f64 / length.max(1e-9);
        }
    }

    /// Towards the end of a batch with several calls in flight some of its callers have nothing left to ask for. What
    /// they leave goes to the other members' callers, so it is lost only while everybody's batch is at its end.
    fn give_away(&mut self, now: SimTime, speed: f64, callers: u32, members: &mut [Member]) {
        let each = self.loops.each;
        let (mut asked, mut all_at_their_end, mut several) = (0.0, 1.0, false);
        let batches = || |member: &&mut Member| shares(member) && !self.chain.stands(member, now);
        for member in members.iter_mut().filter(batches()) {
            let batch = &member.batch;
            let length = batch.length.as_secs_f64().max(1e-9);
            let asking = batch.calls as f64 * each / f64::from(batch.callers.max(1)) / speed;
            asked += batch.calls as f64 / length;
            all_at_their_end *= (1.0 - asking / length).clamp(0.0, 1.0);
            several |= batch.callers > 1;
        }
        let mut offered = speed * f64::from(callers) / each.max(1e-12);
        if self.refuses() || self.shares() {
            // So many ask on average, and that decides how many of them are refused, and how slow calls are.
            let flow = self.loops.flow_between(asked * each / speed);
            offered = flow.calls;
            self.refusals.rate = flow.refused;
        }
        if !self.shares() {
            offered *= 1.0 - all_at_their_end;
        }
        if !several || asked >= offered {
            return;
        }
        for member in members.iter_mut().filter(batches()) {
            let batch = &mut member.batch;
            let length = batch.length.as_secs_f64() * asked / offered;
            batch.length = SimDuration::from_secs_f64(length).max(batch.alone);
            batch.rate = batch.calls as f64 / batch.length.as_secs_f64().max(1e-9);
            self.rates[member.process.ix()] = batch.rate;
            member.wake = batch.ends_at();
        }
    }

    /// Whether callers may be in each other's way while there are tokens.
    fn is_crowded(&self) -> bool {
        self.chain.shared().concurrency.is_some() || self.refuses() || self.shares()
    }

    /// Whether calls in flight make each other slower.
    fn shares(&self) -> bool {
        !self.chain.shared().load.is_flat()
    }

    /// Whether calls above the limit are refused.
    fn refuses(&self) -> bool {
        self.refuses
    }

    /// How the calls of so many callers go.
    fn pace_of(&mut self, callers: u32) -> Pace {
        self.overrun = false;
        if callers == 0 {
            return Pace::ALONE;
        }
        let limited = self.is_limited(callers);
        self.loops.pace(callers, limited)
    }

    /// Whether the limit holds so many callers back: not while they live on saved tokens.
    fn is_limited(&mut self, callers: u32) -> bool {
        let Some(limit) = self.limit() else {
            return false;
        };
        let dry = self.saved <= DRY;
        if !self.refuses() {
            return dry;
        }
        // A call that is refused by chance costs a whole back-off: the loop knows how many are, the balance does not.
        let too_many = self.loops.flow(callers, false).calls > limit.rate;
        self.overrun = dry && too_many;
        dry || !too_many
    }
}

/// Whether a member has a batch in hand that makes calls.
#[inline]
pub(super) fn calls(member: &Member) -> bool {
    member.app == App::Processing && member.batch.depends
}

/// Whether it has one in hand that calls the shared dependency.
#[inline]
fn shares(member: &Member) -> bool {
    calls(member) && member.batch.calls > 0
}

/// Calls in flight of a member, if it has nothing else to do.
#[inline]
pub(super) fn callers_of(member: &Member) -> u32 {
    let workers = member.workers.as_ref();
    if calls(member) {
        member.batch.callers
    } else {
        workers.map_or(0, |workers| workers.callers())
    }
}

/// How many of their mean times the last of `callers` works on while the others have nothing left, on average over these:
/// of times without memory, as refused calls make them, the longest is the harmonic number: here by its expansion, too high by
/// less than 1 / 12 n^2.
fn straggling(callers: u32) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if callers < 2 {
        return 0.0;
    }
    let callers = f64::from(callers);
    callers.ln() + EULER + 0.5 / callers - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_many_callers_works_on_for_the_harmonic_number_of_them() {
        let mut harmonic = 0.0;
        for callers in 1..=500 {
            harmonic += 1.0 / f64::from(callers);
            let above = straggling(callers) - (harmonic - 1.0);
            let bound = 1.0 / (12.0 * f64::from(callers).powi(2));
            assert!((-1e-12..bound).contains(&above), "{callers}: {above}");
        }
    }
}
