//! The dependencies that a record calls, one after another: what each is now, and which of them answers nothing. Not who
//! waits for the one that is shared.

use super::{Part, callers_of, calls, shares};
use crate::scenario::{Called, Downstream, DownstreamChange, Processing, Scenario};
use crate::sim::member::{App, Member};
use crate::sim::outage::CallFailure;
use crate::units::{SimDuration, SimTime};
use crate::workload::{CallLaw, Elsewhere, Law};

/// Fewer calls of the shared dependency per record than this count as so many: hardly a record gets as far as that.
const FEWEST: f64 = 1e-9;

/// What a dependency that works for nobody does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    /// It does not answer.
    Hangs,
    /// It refuses at once.
    Refuses,
}

/// The dependencies in the order of the calls.
#[derive(Debug)]
pub(super) struct Chain {
    specs: Vec<Downstream>,
    outages: Vec<Option<Outage>>,
    /// Whether one of them answers nothing.
    any_out: bool,
    /// Whether attempts fail anywhere that are made again until one succeeds.
    retries: bool,
    /// The one whose callers may be in each other's way.
    shared: usize,
    /// Calls of each, by settings.
    processing: Vec<Processing>,
    /// The first that answers nothing of those that records call, by settings.
    first_out: Vec<Option<usize>>,
}

impl Chain {
    /// Those of `scenario` at its start; it has some.
    pub fn new(scenario: &Scenario) -> Self {
        let processing = scenario.settings.iter().map(|own| own.processing.clone());
        Chain {
            specs: scenario.downstreams.clone(),
            outages: vec![None; scenario.downstreams.len()],
            any_out: false,
            retries: false,
            shared: scenario.shared(),
            processing: processing.collect(),
            first_out: vec![None; scenario.settings.len()],
        }
    }

    /// What one of them is now.
    pub fn spec(&self, which: usize) -> &Downstream {
        &self.specs[which]
    }

    /// What the shared one is now.
    pub fn shared(&self) -> &Downstream {
        &self.specs[self.shared]
    }

    /// Which one that is.
    pub fn shared_index(&self) -> usize {
        self.shared
    }

    /// Calls of the shared one that a record makes.
    pub fn shared_calls(&self, settings: usize) -> u32 {
        self.processing[settings].calls_of(self.shared)
    }

    /// Local work of a record for each of its calls of the shared one.
    pub fn local(&self, settings: usize) -> Law {
        let calls = self.calls_made(&self.called(settings));
        self.processing[settings].time.scaled(1.0 / calls)
    }

    /// What records come to at each of them.
    fn called(&self, settings: usize) -> Vec<Called> {
        Called::all(&self.specs, &self.processing[settings].calls)
    }

    /// Calls of the shared one that a record makes on average; 1 of those that make none.
    fn calls_made(&self, called: &[Called]) -> f64 {
        let calls = called.get(self.shared).map_or(0.0, |own| own.calls);
        if calls == 0.0 { 1.0 } else { calls.max(FEWEST) }
    }

    /// What callers of the shared one do at the others. Where they give up what fails that is all of its attempts, and nothing
    /// after it.
    pub fn elsewhere(&self, settings: usize) -> Vec<Elsewhere> {
        let per = self.shared_calls(settings).max(1);
        let called = self.called(settings);
        let made = self.calls_made(&called);
        let failure = self.failure(settings);
        let last = failure.map_or(self.specs.len(), |failure| failure.which);
        let mut all = Vec::new();
        let mut add = |law: CallLaw, calls: u32, each: f64| {
            let share = each / made;
            all.push(Elsewhere {
                law,
                calls,
                per,
                share,
            });
        };
        let once = |secs| CallLaw {
            latency: Law::Constant(secs),
            retries: None,
        };
        for (which, (own, called)) in self.specs.iter().zip(&called).enumerate().take(last) {
            let calls = self.processing[settings].calls_of(which);
            if which != self.shared && calls > 0 {
                add(own.call(), calls, called.calls);
            }
            if called.given_up > 0.0 && called.giving_up_s > 0.0 {
                add(once(called.giving_up_s), 1, called.given_up);
            }
        }
        if let Some(failure) = failure {
            let given_up: f64 = called[..last].iter().map(|own| own.given_up).sum();
            add(once(failure.length().as_secs_f64()), 1, 1.0 - given_up);
        }
        all
    }

    /// Mean time of a record while nothing holds it back, by settings (s).
    pub fn records_s(&self) -> Vec<f64> {
        let processing = self.processing.iter();
        processing.map(|own| own.record_s(&self.specs)).collect()
    }

    /// Whether one of them answers nothing.
    pub fn any_out(&self) -> bool {
        self.any_out
    }

    /// The first that answers nothing of those that records call: there they stand, or are given up.
    pub fn out(&self, settings: usize) -> Option<usize> {
        self.first_out[settings]
    }

    /// Whether a member makes no calls now although it has some to make.
    #[inline]
    pub fn stands(&self, member: &Member, now: SimTime) -> bool {
        let settings = match member.app {
            App::Processing => member.batch.settings,
            _ => member.settings,
        };
        member.frozen_until.is_some()
            || member.caller.stands_until > now
            || self.any_out && self.out(settings).is_some() && self.failure(settings).is_none()
    }

    /// What a member is to the shared one at `now`.
    #[inline(always)]
    pub fn part(&self, member: &Member, now: SimTime) -> Part {
        let calls = calls(member);
        if !calls && member.workers.is_none() {
            return Part::default();
        }
        let (shares, stands) = (shares(member), self.stands(member, now));
        let asks = match calls {
            true => shares,
            false => self.shared_calls(member.settings) > 0,
        };
        Part {
            calls,
            shares,
            stands,
            callers: if asks && !stands {
                callers_of(member)
            } else {
                0
            },
        }
    }

    /// One of them changes.
    pub fn change(&mut self, which: usize, change: &DownstreamChange) {
        let (spec, outage) = (&mut self.specs[which], &mut self.outages[which]);
        match change {
            DownstreamChange::Stop => *outage = Some(Outage::Hangs),
            DownstreamChange::Fail => *outage = Some(Outage::Refuses),
            DownstreamChange::Resume => *outage = None,
            DownstreamChange::Latency(law) => spec.latency = law.clone(),
            DownstreamChange::FailureRate(rate) => spec.failure_rate = *rate,
            DownstreamChange::Limit(limit) => spec.limit = *limit,
        }
        for (first, own) in self.first_out.iter_mut().zip(&self.processing) {
            let mut outages = self.outages.iter().enumerate();
            let out = outages.find(|(which, out)| out.is_some() && own.calls_of(*which) > 0);
            *first = out.map(|(which, _)| which);
        }
        self.any_out = self.outages.iter().any(Option::is_some);
        let fails = |which| self.gives_nothing_up(which) && self.fails_in(which).is_some();
        self.retries = (0..self.specs.len()).any(fails);
    }

    /// Whether attempts fail anywhere that are made again until one succeeds.
    pub fn retries(&self) -> bool {
        self.retries
    }

    /// Where a record stands whose attempts fail and are made again until one succeeds, and after how long an attempt fails.
    pub fn retried(&self, settings: usize) -> Option<(usize, SimDuration)> {
        let which = self
            .out(settings)
            .filter(|which| self.gives_nothing_up(*which))?;
        Some((which, self.fails_in(which)?))
    }

    /// What a record comes to now whose call fails, if it is given up.
    pub fn failure(&self, settings: usize) -> Option<CallFailure> {
        let which = self.out(settings)?;
        Some(CallFailure {
            which,
            gives_up: self.specs[which].on_outage.gives_up?,
            after: self.fails_in(which)?,
        })
    }

    fn gives_nothing_up(&self, which: usize) -> bool {
        self.specs[which].on_outage.gives_up.is_none()
    }

    /// After how long an attempt at a call of one of them fails, if attempts do; those that hang without a timeout do not.
    fn fails_in(&self, which: usize) -> Option<SimDuration> {
        match self.outages[which]? {
            Outage::Hangs => self.specs[which].on_outage.timeout,
            Outage::Refuses => Some(SimDuration::ZERO),
        }
    }
}
