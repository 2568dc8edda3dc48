//! The batch a member has in hand: how long it takes, how far it is, and what it has processed.

mod accounts;
mod boundary;
mod chance;
mod encounter;
mod failure;
mod in_hand;
mod letter;
mod overlap;
mod plan;
mod watch;

use std::collections::BTreeMap;

use self::chance::Chance;
pub(super) use self::encounter::Encounter;
use self::encounter::Encounters;
pub(super) use self::in_hand::InHand;
use self::letter::Letter;
pub(super) use self::watch::Opening;
use super::outage::CallFailure;
use super::topic::Topic;
use super::{Fact, Fate};
use crate::kafka::Run;
use crate::scenario::{CommitPolicy, DeadLetterTopic, Scenario};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};
use crate::workload::Breaker;

/// What one stretch of a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Good records.
    Records,
    /// Records whose calls fail until they are given up.
    Failing {
        /// What becomes of them.
        fate: Fate,
    },
    /// A record that is given up in the end.
    GivenUp {
        /// What becomes of it.
        fate: Fate,
        /// How often it was tried; 0 of one whose calls failed.
        attempts: u32,
        /// Known by its offset, so worth a line in the list of events.
        named: bool,
    },
    /// A record that could not be produced to the dead-letter topic, and starts anew.
    Anew {
        /// How often it was tried; 0 of one whose calls failed.
        attempts: u32,
        /// The member seeks back to it and to the rest of the batch, instead of trying it again in its handler.
        seeks: bool,
    },
    /// A poison record that the member seeks back to.
    SoughtBack {
        /// How long its partition is paused, or the member if the rest of the batch is left.
        back_off: SimDuration,
        /// The rest of the batch is left, and sought back to as well.
        rest_too: bool,
    },
    /// A poison record that is retried here for ever.
    Stuck,
    /// A poison record because of which the process exits.
    Crash {
        /// Whether it closes its consumer on the way out.
        closes: bool,
        /// How often it was tried.
        attempts: u32,
    },
    /// A record whose call fails until the process exits because of it.
    Exit {
        /// Whether it closes its consumer on the way out.
        closes: bool,
    },
    /// The circuit breaker opens by an attempt at a call of this record that fails by chance, or before it.
    Opens(Opening),
    /// Nothing is done until the circuit breaker lets calls through again.
    Stands {
        /// What has been worked on the record in hand.
        head: SimDuration,
    },
}

/// A stretch of a batch, in the order it is worked on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub partition: PartitionId,
    pub from: u64,
    pub to: u64,
    pub kind: Kind,
    /// Of a single record that goes to the dead-letter topic, if that can be: on its way there.
    letter: Option<Letter>,
    /// Of a single record whose calls fail by chance until it is given up: how they do.
    chance: Option<Chance>,
    /// End, as work from the start of the batch.
    ends: SimDuration,
}

impl Kind {
    /// Whether the member is done with its records afterwards.
    fn is_done_with(self) -> bool {
        matches!(
            self,
            Kind::Records | Kind::Failing { .. } | Kind::GivenUp { .. }
        )
    }
}

impl Stage {
    /// It, after so much work.
    fn after(self, worked: SimDuration) -> Stage {
        let ends = self.ends.saturating_sub(worked);
        Stage { ends, ..self }
    }

    /// Whether its record is known by its offset, so that it was told when it was met.
    pub fn is_named(&self) -> bool {
        let own = self.letter.map(|letter| letter.tried.named);
        own.unwrap_or(matches!(self.kind, Kind::GivenUp { named: true, .. }))
    }

    /// Whether it is of a poison record that the member does not get past.
    pub fn is_in_the_way(&self) -> bool {
        match self.kind {
            Kind::SoughtBack { .. } | Kind::Stuck | Kind::Crash { .. } => true,
            Kind::Anew { attempts, .. } => attempts > 0,
            Kind::Records | Kind::Failing { .. } => false,
            Kind::GivenUp { .. } | Kind::Exit { .. } => false,
            Kind::Opens(_) | Kind::Stands { .. } => false,
        }
    }

    /// Whether it is of a poison record.
    fn is_poison(&self) -> bool {
        match self.kind {
            Kind::SoughtBack { .. } | Kind::Stuck | Kind::Crash { .. } => true,
            Kind::GivenUp { attempts, .. } | Kind::Anew { attempts, .. } => attempts > 0,
            Kind::Records | Kind::Failing { .. } | Kind::Exit { .. } => false,
            Kind::Opens(_) | Kind::Stands { .. } => false,
        }
    }

    /// Whether its thread sleeps after it before it polls again.
    fn sleeps(&self) -> bool {
        matches!(self.kind, Kind::SoughtBack { rest_too: true, .. })
    }

    /// Whether it is of a record whose calls fail, and that the member does not get past.
    fn stands_at_its_calls(&self) -> bool {
        matches!(
            self.kind,
            Kind::Exit { .. } | Kind::Anew { attempts: 0, .. }
        )
    }

    /// The fact that a process has met its poison record.
    pub fn met_by(&self, process: ProcessId) -> Fact {
        Fact::PoisonMet {
            process: Some(process),
            partition: self.partition,
            offset: self.from,
        }
    }

    /// Whether it is of records one after another, each of which ends for itself.
    fn is_stretch(&self) -> bool {
        matches!(self.kind, Kind::Records | Kind::Failing { .. })
    }
}

/// A batch in hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    /// What poll returned.
    pub runs: Vec<Run>,
    stages: Vec<Stage>,
    /// Whether one of them may be of a poison record.
    pub poison: bool,
    /// Whether the process exits at its end.
    pub crashes: bool,
    /// Polled by a member that is joining: its client refuses to commit at once.
    pub refused: bool,
    /// Stages (and records of the next) already accounted for.
    accounted: (usize, u64),
    /// Its poison records as it comes to them.
    encounters: Encounters,
    /// With a commit per record: up to where the coordinator has stored or refused them, or will, by partition.
    settled: BTreeMap<PartitionId, u64>,
    /// When the poll began that returned it.
    pub polled_at: SimTime,
    /// When the poll began that returned the batch before.
    pub polled_before: SimTime,
    /// Numbers the batches of a process.
    pub number: u32,
    /// Generation it was polled in.
    pub generation: u32,
    /// How long it takes when nobody else is in the way.
    pub alone: SimDuration,
    /// The same (s).
    pub alone_s: f64,
    /// Whether it makes calls.
    pub depends: bool,
    /// Attempts at calls of the shared dependency that it makes.
    pub calls: u64,
    /// Of these, those that a breaker has seen.
    pub seen: u64,
    /// Records worked on at the same time.
    pub callers: u32,
    /// Calls per second when it is alone.
    pub demand: f64,
    /// Calls per second at the speed of `since`.
    pub rate: f64,
    /// Whether the dependency has given it its speed.
    pub paced: bool,
    /// Part of the work done at `since`, from 0 to 1.
    pub done: f64,
    /// When `done` was last brought up to date.
    pub since: SimTime,
    /// When it took up the speed that it has now, and what was done then.
    sped: (SimTime, f64),
    /// How long the whole batch would take at the speed of `since`.
    pub length: SimDuration,
    /// Settings it was planned under.
    pub settings: usize,
    /// What its calls were planned to come to, if they fail.
    pub failure: Option<CallFailure>,
    /// How the dead-letter topic answers, by which it was planned.
    pub dead_letter: DeadLetterTopic,
    /// Stages before this one were accounted for when it was planned anew.
    planned_from: usize,
    /// Poison records that failed before and are tried again in another batch, with how often they failed.
    failed: Vec<(PartitionId, u64, u32)>,
    /// A record that was in hand as it stood still, and when it was begun: its speed of now does not tell.
    held: Option<((PartitionId, u64), SimTime)>,
    /// Runs from this one on are left.
    left_from: usize,
    /// Partitions that were given up while it was in hand: if the member has them again, that is another assignment.
    outlived: Vec<PartitionId>,
}

/// What a batch is worked on with.
pub(super) struct Workshop<'a> {
    pub scenario: &'a Scenario,
    pub settings: usize,
    pub topic: &'a mut Topic,
    /// The circuit breaker before the calls that are planned.
    pub breaker: Option<&'a Breaker>,
}

impl<'a> Workshop<'a> {
    /// Without a breaker to be minded.
    pub fn new(scenario: &'a Scenario, settings: usize, topic: &'a mut Topic) -> Self {
        Workshop {
            scenario,
            settings,
            topic,
            breaker: None,
        }
    }
}

impl Batch {
    /// Records in it.
    pub fn records(&self) -> u64 {
        self.runs.iter().map(|run| run.to - run.from).sum()
    }

    /// It was begun at `now` and is through.
    #[inline]
    pub fn pass(&mut self, now: SimTime, generation: u32) {
        self.number = self.number.wrapping_add(1);
        (self.polled_before, self.polled_at) = (self.polled_at, now);
        self.generation = generation;
    }

    /// Brings `done` up to `now`.
    #[inline]
    pub fn advance(&mut self, now: SimTime) {
        if now > self.since && !self.length.is_zero() {
            let part = now.since(self.since).as_nanos() as f64 / self.length.as_nanos() as f64;
            self.done = (self.done + part).min(1.0);
        }
        self.since = self.since.max(now);
    }

    /// It was advanced to now, and may have another speed `from` then on, or from when it no longer stands still.
    pub fn change_speed(&mut self, from: SimTime) {
        self.note_encounters(self.since);
        self.since = self.since.max(from);
        self.set_out();
    }

    /// It goes on from the instant of `since` by another plan: what it came to by the one before [was
    /// noted](Self::note_encounters).
    fn set_out(&mut self) {
        self.sped = (self.since, self.done);
    }

    /// Whether it has records that are given up in the end.
    pub fn gives_up(&self) -> bool {
        let given_up = |kind| matches!(kind, Kind::GivenUp { .. } | Kind::Failing { .. });
        self.stages.iter().any(|stage| given_up(stage.kind))
    }

    /// Its calls are others from now on, and several are under way at the same time: nobody keeps how far each is, so what is
    /// left takes `factor` times as long. Expects the settings it was begun under.
    pub fn rescale(&mut self, factor: f64, shop: &mut Workshop) {
        self.note_encounters(self.since);
        let scaled = |length: SimDuration| {
            if length == SimDuration::FOREVER {
                length
            } else {
                SimDuration::from_secs_f64(length.as_secs_f64() * factor)
            }
        };
        for stage in &mut self.stages {
            stage.ends = scaled(stage.ends);
            if let Some(letter) = &mut stage.letter {
                (letter.after, letter.takes) = (scaled(letter.after), scaled(letter.takes));
            }
            if let Some(chance) = &mut stage.chance {
                chance.after = scaled(chance.after);
            }
            if let Kind::Opens(opening) = &mut stage.kind {
                opening.after = scaled(opening.after);
            }
        }
        self.alone = scaled(self.alone);
        self.length = self.alone;
        self.set_out();
        self.count_calls(shop);
        self.expect_calls(self.calls);
    }

    /// It makes so many calls; the dependency has to give it its speed.
    fn expect_calls(&mut self, calls: u64) {
        self.calls = calls;
        self.alone_s = self.alone.as_secs_f64();
        self.demand = Self::calls_per_second(calls, self.alone);
        self.rate = self.demand;
        self.paced = false;
    }

    /// At which rate so many calls are made in that time.
    pub fn calls_per_second(calls: u64, alone: SimDuration) -> f64 {
        calls as f64 / alone.as_secs_f64().max(1e-9)
    }

    /// When it ends at the speed of now.
    #[inline]
    pub fn ends_at(&self) -> SimTime {
        if self.length == SimDuration::FOREVER {
            return SimTime::NEVER;
        }
        if self.done == 0.0 {
            return self.since + self.length;
        }
        let rest = (1.0 - self.done) * self.length.as_nanos() as f64;
        self.since + SimDuration::from_nanos_f64(rest)
    }

    /// Whether the member will not get past a poison record in this batch, and whose partition it is.
    pub fn stuck_on(&self) -> Option<PartitionId> {
        if !self.poison {
            return None;
        }
        let stuck = self.stages.iter().find(|stage| match stage.kind {
            Kind::Anew { seeks, attempts } => !seeks && attempts > 0,
            kind => kind == Kind::Stuck,
        });
        stuck.map(|stage| stage.partition)
    }

    /// Whether it has something of a partition, and leaves the member nowhere stuck in it.
    pub fn got_past(&self, partition: PartitionId) -> bool {
        let mut stages = self.stages.iter().rev();
        let last = stages.find(|stage| stage.partition == partition);
        last.is_some_and(|stage| stage.kind.is_done_with())
    }

    /// When its offsets are committed: it ends under the settings that it began under.
    pub fn policy(&self, scenario: &Scenario) -> CommitPolicy {
        scenario.settings[self.settings].processing.commit
    }

    /// What commitSync after each record adds to it.
    fn each_commit(&self, scenario: &Scenario) -> SimDuration {
        if self.policy(scenario) != CommitPolicy::PerRecord || self.refused {
            return SimDuration::ZERO;
        }
        scenario.cluster.round_trip + scenario.cluster.commit_latency
    }

    /// The stages, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// These partitions are given up.
    pub fn outlive(&mut self, partitions: &[PartitionId]) {
        let runs = self.runs.iter().map(|run| run.partition);
        let gone = runs.filter(|id| partitions.contains(id));
        self.outlived.extend(gone);
    }

    /// Its runs of what has been the member's partition since they were polled, and is at `position`.
    pub fn runs_of(&self, partition: PartitionId, position: u64) -> impl Iterator<Item = &Run> {
        let own = move |run: &&Run| run.partition == partition && run.to <= position;
        let lives = !self.outlived.contains(&partition);
        self.runs.iter().filter(move |_| lives).filter(own)
    }

    /// Forgets it.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.outlived.clear();
        self.stages.clear();
        (self.poison, self.crashes) = (false, false);
        self.held = None;
        self.settled.clear();
        self.accounted = (0, 0);
        self.planned_from = 0;
        self.encounters = Encounters::default();
    }
}
