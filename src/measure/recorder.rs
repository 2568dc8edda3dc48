//! The observer behind every report: one pass over a run, out comes an [`Outcome`].

use super::alert::Alerts;
use super::attribution::{self, Account, Segment, Segments, Wait};
use super::breaker::BreakerHistory;
use super::curves::Curves;
use super::lag::Lags;
use super::poison::Poisons;
use super::rebalance::GroupHistory;
use super::replicas::ReplicaHistory;
use super::summary::{Accounts, CallsGivenUp, PartitionSummary, SCHEMA_VERSION, Summary};
use super::unread::Jumps;
use super::verdict::Verdict;
use crate::kafka::GroupState;
use crate::scenario::Scenario;
use crate::sim::{Fact, GroupView, Observer, PartitionTotals, Sample, Totals};
use crate::units::SimTime;

/// Most instants of curves that are only drawn: a picture is some 1,200 pixels wide.
pub const MOST_DRAWN: usize = 6_000;

/// Which samples are kept as curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptCurves {
    /// None of them.
    None,
    /// At most [`MOST_DRAWN`] instants, for a picture: see [`Curves`].
    Drawn,
    /// All of them.
    Every,
}

/// What a run keeps besides its summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The sampled curves.
    pub curves: KeptCurves,
    /// Every fact, for `events.csv` and the marks of plots.
    pub events: bool,
}

impl Keep {
    /// Curves to be drawn, and events.
    pub const ALL: Keep = Keep {
        curves: KeptCurves::Drawn,
        events: true,
    };
    /// Every sample, and events: what can be asked about any time of the run.
    pub const EVERY: Keep = Keep {
        curves: KeptCurves::Every,
        events: true,
    };
    /// The summary alone, as a sweep needs it.
    pub const SUMMARY: Keep = Keep {
        curves: KeptCurves::None,
        events: false,
    };
}

/// Everything that is left of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The figures.
    pub summary: Summary,
    /// The curves; empty unless kept.
    pub curves: Curves,
    /// Facts in order of time, without the states of partitions; empty unless kept.
    pub events: Vec<(SimTime, Fact)>,
    /// States of each partition in order of time; empty unless events are kept.
    pub segments: Vec<Vec<Segment>>,
    /// Each partition at the end.
    pub last: Vec<Sample>,
    /// The group at the end.
    pub group: GroupView,
    /// First sample from which on there is no lag; none if there is at the end, or never was.
    pub through_at: Option<SimTime>,
    /// Its retry topics, in order.
    pub retries: Vec<Outcome>,
}

/// Records a run of a scenario.
#[derive(Clone, Debug)]
pub struct Recorder<'a> {
    scenario: &'a Scenario,
    replication: u32,
    keep: Keep,
    curves: Curves,
    events: Vec<(SimTime, Fact)>,
    lags: Lags,
    jumps: Jumps,
    segments: Segments,
    history: GroupHistory,
    poisons: Poisons,
    breakers: BreakerHistory,
    replicas: Option<ReplicaHistory>,
    alerts: Alerts,
    last: Vec<Sample>,
    end: SimTime,
    totals: Totals,
    group: GroupView,
}

impl<'a> Recorder<'a> {
    /// Nothing seen yet of `scenario`'s `replication`.
    pub fn new(scenario: &'a Scenario, replication: u32, keep: Keep) -> Self {
        let polls = scenario.settings.iter();
        let polls = polls.map(|settings| settings.properties.max_poll_records);
        let poll = polls.max().unwrap_or(0);
        let members = (scenario.group.processes.len()).min(scenario.topic.partitions.len());
        let instants = scenario.horizon.as_nanos() / scenario.sample.as_nanos() + 1;
        Recorder {
            scenario,
            replication,
            keep,
            curves: Curves::of_every(match keep.curves {
                KeptCurves::Drawn => instants.div_ceil(MOST_DRAWN as u64) as usize,
                KeptCurves::None | KeptCurves::Every => 1,
            }),
            events: Vec::new(),
            lags: Lags::new(poll, members, scenario.stage.is_some()),
            jumps: Jumps::default(),
            segments: Segments::default(),
            history: GroupHistory::new(&scenario.group),
            poisons: Poisons::default(),
            breakers: BreakerHistory::default(),
            replicas: ReplicaHistory::new(scenario),
            alerts: Alerts::new(&scenario.alerts, &scenario.monitoring),
            last: Vec::new(),
            end: SimTime::ZERO,
            totals: Totals::default(),
            group: GroupView {
                state: GroupState::Empty,
                generation: 0,
                members: Vec::new(),
            },
        }
    }

    /// Folds what was seen into the outcome.
    pub fn into_outcome(self) -> Outcome {
        let summary = self.summarise();
        Outcome {
            summary,
            through_at: self.lags.through_at(),
            retries: Vec::new(),
            curves: self.curves,
            events: self.events,
            segments: if self.keep.events {
                self.segments.partitions().to_vec()
            } else {
                Vec::new()
            },
            last: self.last,
            group: self.group,
        }
    }

    fn summarise(&self) -> Summary {
        let scenario = self.scenario;
        let partitions = self.partitions();
        let (lag, age_s) = self.lags.total();
        let (rebalances, evictions) = self.history.clone().finish(self.end);
        let (alerts, alert_rules) = self.alerts.clone().finish(self.end);
        let pauses = rebalances.iter().flat_map(|rebalance| &rebalance.pauses);
        let pause_max_s = pauses.map(|pause| pause.pause_s).fold(0.0, f64::max);
        let mut summary = Summary {
            schema_version: SCHEMA_VERSION,
            lagsim_version: env!("CARGO_PKG_VERSION"),
            model: scenario.name.clone(),
            title: scenario.title.clone(),
            topic: scenario.topic.name.clone(),
            group: scenario.group.name.clone(),
            seed: scenario.seed,
            replication: self.replication,
            horizon_s: self.end.as_secs_f64(),
            sample_s: scenario.sample.as_secs_f64(),
            verdict: Verdict::default(),
            passed: true,
            expectations: Vec::new(),
            accounts: sum(self.totals.partitions.iter()),
            polls: self.totals.polls,
            commits: self.totals.commits,
            commits_failed: self.totals.commits_failed,
            poison_attempts: self.totals.poison_attempts,
            crashes: self.totals.crashes,
            dead_letters_failed: self.totals.dead_letters_failed,
            calls_failed: self.totals.calls_failed,
            calls_given_up: self.calls_given_up(),
            breakers: self.breakers.clone().finish(self.end),
            calls_refused: self.totals.calls_refused,
            calls_refused_per_s_max: self.totals.calls_refused_per_s_max,
            lag,
            unread: self.jumps.unread(),
            age_s,
            behind_from_s: self.lags.drain().behind_from.map(SimTime::as_secs_f64),
            drained_at_s: self.lags.drain().drained_at.map(SimTime::as_secs_f64),
            attribution: attribution::causes(
                &attribution::add_up(self.accounts().iter().flatten()),
                &self.waits(partitions.iter().map(|own| own.lag.last).enumerate()),
            ),
            partitions,
            rebalance_count: rebalances.len() as u64,
            pause_max_s,
            down_max_s: self.segments.down_longest(self.end).as_secs_f64(),
            idle_members: self.history.idle_members(),
            rebalances,
            replicas: self.replicas.clone().map(|own| own.finish(self.end)),
            eviction_count: evictions.len() as u64,
            evictions,
            alerts,
            alert_rules,
            retry_topics: Vec::new(),
        };
        summary.conclude(scenario);
        summary
    }

    fn calls_given_up(&self) -> Vec<CallsGivenUp> {
        let calls = self.totals.calls_given_up.iter().copied().enumerate();
        let given_up = calls.filter(|(_, calls)| *calls > 0);
        given_up
            .map(|(which, calls)| CallsGivenUp {
                which,
                dependency: self.scenario.downstreams[which].name.clone(),
                calls,
            })
            .collect()
    }

    /// What each state did to the lag of each partition.
    fn accounts(&self) -> Vec<Vec<Account>> {
        let figures = self.lags.partitions();
        figures
            .iter()
            .enumerate()
            .map(|(ix, (lag, _))| self.segments.accounts(ix, self.end, lag.last))
            .collect()
    }

    /// What waiting for each of several dependencies did to the lag of some partitions, each with its last.
    fn waits(&self, partitions: impl Iterator<Item = (usize, u64)>) -> Vec<Wait> {
        let downstreams = &self.scenario.downstreams;
        let waits = (self.segments).waits(partitions, self.end, downstreams.len());
        attribution::waits(&waits, downstreams)
    }

    fn partitions(&self) -> Vec<PartitionSummary> {
        let told = self
            .lags
            .partitions()
            .into_iter()
            .zip(self.accounts())
            .enumerate();
        told.map(|(ix, ((lag, age_s), accounts))| {
            let state = self
                .segments
                .partitions()
                .get(ix)
                .and_then(|told| told.last());
            let waits = self.waits(std::iter::once((ix, lag.last)));
            PartitionSummary {
                partition: ix as u32,
                accounts: sum(self.totals.partitions.get(ix)),
                state_gained: self.segments.gained_last(ix, self.end, lag.last),
                lag,
                age_s,
                state: state.map_or("starting", |segment| segment.state.name()),
                state_since_s: state.map_or(0.0, |segment| segment.since.as_secs_f64()),
                poison: self.poisons.open(ix),
                attribution: attribution::causes(&accounts, &waits),
            }
        })
        .collect()
    }
}

impl Observer for Recorder<'_> {
    fn observe(&mut self, at: SimTime, fact: &Fact) {
        if let Fact::State {
            partition,
            state,
            since,
            log_end,
            committed,
            waits_for,
        } = fact
        {
            let segment = Segment::new(*since, *state, log_end.saturating_sub(*committed));
            let segment = segment.waiting_for(*waits_for);
            self.segments.tell(*partition, segment);
            return;
        }
        self.history.observe(at, fact);
        self.poisons.observe(at, fact);
        self.jumps.observe(fact);
        self.breakers.observe(at, fact);
        if let Some(replicas) = &mut self.replicas {
            replicas.observe(at, fact);
        }
        if self.keep.events {
            self.events.push((at, fact.clone()));
        }
    }

    fn sample(&mut self, at: SimTime, partitions: &[Sample]) {
        self.last.clear();
        self.last.extend_from_slice(partitions);
        self.segments.push(at, &self.last);
        self.lags.push(at, &self.last);
        self.jumps.push(at, &self.last);
        self.alerts.push(at, &self.last);
        self.end = at;
        if self.keep.curves != KeptCurves::None {
            self.curves.push(at, &self.last);
        }
    }

    fn scrape(&mut self, at: SimTime, partitions: &[Sample]) {
        self.alerts.push(at, partitions);
    }

    fn finish(&mut self, at: SimTime, totals: &Totals, group: &GroupView) {
        self.end = at;
        self.totals = totals.clone();
        self.group = group.clone();
    }
}

/// Adds up accounts.
fn sum<'a>(totals: impl IntoIterator<Item = &'a PartitionTotals>) -> Accounts {
    totals
        .into_iter()
        .fold(Accounts::default(), |sum, own| Accounts {
            produced: sum.produced + own.produced,
            processed: sum.processed + own.processed,
            committed: sum.committed + own.committed,
            duplicates: sum.duplicates + own.duplicates,
            lost: sum.lost + own.lost,
            duplicates_by: sum.duplicates_by.plus(own.duplicates_by),
            lost_by: sum.lost_by.plus(own.lost_by),
            lost_to_retention: sum.lost_to_retention + own.lost_to_retention,
            skipped: sum.skipped + own.skipped,
            dead_lettered: sum.dead_lettered + own.dead_lettered,
            retried: sum.retried + own.retried,
            given_up_again: sum.given_up_again + own.given_up_again,
        })
}
