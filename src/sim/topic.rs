//! The partitions of the topic: their logs, committed offsets, what their records cost, and the accounts kept of them.

mod work;

pub(super) use self::work::Lost;

use std::sync::Arc;

use super::commit::PendingCommit;
use super::coverage::Coverage;
use super::loss::Left;
use super::outage::CallFailure;
use super::{Cause, Fact, Fate, PartitionState, PartitionTotals};
use crate::engine::{Address, Purpose};
use crate::kafka::parallel::{Completed, ProcessingOrder};
use crate::kafka::{Appends, LogStart, Logs, RetentionLimits};
use crate::scenario::{DeadLetterTopic, Downstream, PassedOn, PoisonRecords, Scenario};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};
use crate::workload::{
    Arrivals, CallCosts, CallLaw, Counted, Failures, Law, RecordCosts, RecordKeys,
};

/// A partition during a run.
#[derive(Debug)]
pub(super) struct Partition {
    /// Log-end offset at the start of the run.
    base: u64,
    /// Records per second at the start: tells how old the backlog is that was already there.
    initial_rate: f64,
    arrivals: Arrivals,
    /// The same, asked at the other end of the lag: how old the oldest record is.
    oldest: Arrivals,
    /// What retention has deleted.
    log_start: LogStart,
    /// Committed offset at the coordinator.
    pub committed: Option<u64>,
    /// When that was stored.
    stored_at: SimTime,
    /// What the metadata of that commit says is done beyond it.
    pub completed: Completed,
    /// Which keys its records carry, from an offset on; none where nobody asks.
    keys: Vec<(u64, RecordKeys)>,
    /// Work of its records, by law (see [`Topic::law_of`]).
    work: Vec<RecordCosts>,
    /// What its records' calls of each dependency take.
    calls: Vec<CallCosts>,
    /// Poison by entry of the scenario.
    poison: Vec<(usize, Failures)>,
    /// What has been processed, given up or lost.
    pub coverage: Coverage,
    /// Up to here records were processed by a member that was evicted before it could commit them.
    pub evicted_to: u64,
    /// A poison record that stopped its last owner.
    pub stuck_at: Option<u64>,
    /// How the last member dropped out that read it.
    pub left_by: Cause,
    /// Whose it is, from the assignment until the revocation.
    pub owner: Option<ProcessId>,
    /// Who has read it last, and since when nobody else has.
    pub reader: Option<(ProcessId, SimTime)>,
    /// Its state, as told last.
    pub state: PartitionState,
    /// The dependency that its owner waits for, if that is its state.
    pub waits_for: Option<usize>,
    /// Accounts.
    pub totals: PartitionTotals,
    /// What was produced of it to the next retry topic.
    passed_on: Vec<PassedOn>,
}

/// The topic during a run.
#[derive(Debug)]
pub(super) struct Topic {
    pub partitions: Vec<Partition>,
    /// How many records they have at the points of the grid, in a run among others.
    counted: Option<Counted>,
    /// Law of the local work by settings index; several settings may share one.
    law_of: Vec<usize>,
    /// Calls of each dependency per record, by settings index.
    calls_of: Vec<Vec<u64>>,
    laws: Vec<Law>,
    /// What calls of each dependency take now.
    call_laws: Vec<CallLaw>,
    /// Whether attempts at calls of one of them fail by chance.
    by_chance: bool,
    /// The dependency whose callers may be in each other's way.
    pub shared: usize,
    /// Attempts at calls that failed by chance, of records that were processed.
    pub calls_failed: u64,
    /// Calls that failed by chance as often as they may, by dependency.
    pub calls_given_up: Vec<u64>,
    /// What a record comes to whose dependency call fails, while calls do, by settings index.
    failures: Vec<Option<CallFailure>>,
    /// How the dead-letter topic answers.
    pub dead_letter: DeadLetterTopic,
    /// Whether one of the two can change what becomes of a batch in hand.
    pub may_fail: bool,
    /// Attempts at poison records that are over.
    pub poison_attempts: u64,
    /// Produces to the dead-letter topic that failed.
    pub dead_letters_failed: u64,
    retention: RetentionLimits,
    /// Records that were left by who had them: whether they are lost is yet to be seen.
    pub left: Vec<Left>,
    /// From its append until a record may be read: in a retry topic.
    pub delay: SimDuration,
}

/// The records of a partition, as retention asks for them.
struct Records<'p> {
    base: u64,
    arrivals: &'p mut Arrivals,
}

impl Appends for Records<'_> {
    fn end(&mut self, at: SimTime) -> u64 {
        self.base + self.arrivals.count_by(at)
    }

    fn at(&mut self, offset: u64) -> SimTime {
        match offset.checked_sub(self.base) {
            Some(n) => self.arrivals.time_of(n),
            None => SimTime::ZERO,
        }
    }
}

impl Topic {
    /// The topic of `scenario` at its start.
    pub fn new(scenario: &Scenario, replication: u32) -> Self {
        let mut laws: Vec<Law> = Vec::new();
        let mut law_of = Vec::new();
        for settings in &scenario.settings {
            let law = &settings.processing.time;
            let known = laws.iter().position(|other| other == law);
            law_of.push(known.unwrap_or(laws.len()));
            if known.is_none() {
                laws.push(law.clone());
            }
        }
        let downstreams = || scenario.downstreams.iter();
        let calls = scenario.settings.iter().map(|settings| {
            let each = (0..downstreams().len()).map(|which| settings.processing.calls_of(which));
            each.map(u64::from).collect()
        });
        let mut topic = Topic {
            partitions: Vec::new(),
            counted: None,
            law_of,
            calls_of: calls.collect(),
            laws,
            call_laws: downstreams().map(Downstream::call).collect(),
            by_chance: downstreams().any(|own| own.call().retries.is_some()),
            shared: scenario.shared(),
            calls_failed: 0,
            calls_given_up: vec![0; downstreams().len()],
            failures: vec![None; scenario.settings.len()],
            dead_letter: DeadLetterTopic::Up,
            may_fail: scenario.gives_up().next().is_some() || scenario.loses_dead_letter_topic(),
            poison_attempts: 0,
            dead_letters_failed: 0,
            retention: retention(scenario),
            left: Vec::new(),
            delay: (scenario.stage.as_ref()).map_or(SimDuration::ZERO, |stage| stage.delay),
        };
        topic.grow(scenario, replication, scenario.topic.partitions.len());
        topic.spread_keys(scenario, replication, SimTime::ZERO);
        topic
    }

    /// Adds partitions until there are `count`; new ones are empty.
    pub fn grow(&mut self, scenario: &Scenario, replication: u32, count: usize) {
        for index in self.partitions.len()..count {
            let id = PartitionId(index as u32);
            let name = format!("{}-{index}", scenario.topic.name);
            let address = |purpose| Address::new(scenario.seed, replication, purpose, &name);
            let start = scenario.topic.partitions.get(index).copied();
            let start = start.unwrap_or(crate::scenario::PartitionStart {
                committed: None,
                log_end: 0,
            });
            let shares = scenario.production.shares.first().map(|shares| &shares.of);
            let share = shares.and_then(|of| of.get(index)).copied().unwrap_or(0.0);
            let poison = poison_of(scenario, id, address(Purpose::Poison));
            let arrivals = match &scenario.stage {
                Some(stage) => Arrivals::listed(Arc::clone(&stage.incoming[index].instants)),
                None => {
                    let (production, topic) = (&scenario.production, &scenario.topic.name);
                    production.of_partition(scenario.seed, replication, topic, id)
                }
            };
            self.partitions.push(Partition {
                base: start.log_end,
                initial_rate: scenario.production.curve.rate_at(SimTime::ZERO) * share,
                oldest: arrivals.clone(),
                log_start: LogStart::new(&self.retention, start.log_end),
                arrivals,
                committed: start.committed,
                stored_at: SimTime::ZERO,
                completed: Completed::new(),
                keys: Vec::new(),
                work: self
                    .laws
                    .iter()
                    .map(|law| RecordCosts::new(address(Purpose::Work), law))
                    .collect(),
                calls: self.costs_of_calls(scenario, replication, index),
                poison,
                coverage: Coverage::below(start.committed.unwrap_or(0)),
                evicted_to: 0,
                stuck_at: None,
                left_by: Cause::Other,
                owner: None,
                reader: None,
                state: PartitionState::Starting,
                waits_for: None,
                totals: PartitionTotals::default(),
                passed_on: Vec::new(),
            });
        }
    }

    /// From now on keys go to as many partitions as there are by now: some elsewhere than before.
    pub fn spread_keys(&mut self, scenario: &Scenario, replication: u32, now: SimTime) {
        let mut settings = scenario.settings.iter();
        if !settings.any(|own| own.processing.order == Some(ProcessingOrder::Key)) {
            return;
        }
        let within = scenario
            .production
            .keys
            .within(self.partitions.len() as u32);
        for (index, shares) in within.into_iter().enumerate() {
            let name = format!("{}-{index}", scenario.topic.name);
            let address = Address::new(scenario.seed, replication, Purpose::Key, &name);
            let from = match now {
                SimTime::ZERO => 0,
                _ => self.log_end(PartitionId(index as u32), now),
            };
            let keys = &mut self.partitions[index].keys;
            keys.push((from, RecordKeys::new(address, shares)));
        }
    }

    /// The key of a record among those of its partition; `None` if no other record has the same.
    pub fn key_of(&self, id: PartitionId, offset: u64) -> Option<u32> {
        let keys = self.partitions[id.ix()].keys.iter().rev();
        let mut keys = keys.skip_while(|(from, _)| *from > offset);
        keys.next().and_then(|(_, keys)| keys.key_of(offset))
    }

    /// The first poison record in [`from`, `to`) and the entry of the scenario that makes it one.
    pub fn poison_in(&mut self, id: PartitionId, from: u64, to: u64) -> Option<(u64, usize)> {
        let poison = self.partitions[id.ix()].poison.iter_mut();
        poison
            .filter_map(|(entry, failures)| failures.first_in(from, to).map(|at| (at, *entry)))
            .min()
    }

    /// The poison record at which the group has been stuck before the run began: the next one after its committed
    /// offset, if the settings of the start never give it up.
    pub fn stuck_from_the_start(&mut self, id: PartitionId, scenario: &Scenario) -> Option<u64> {
        let committed = self.partitions[id.ix()].committed?;
        let log_end = self.partitions[id.ix()].base;
        let (offset, entry) = self.poison_in(id, committed, log_end.min(committed + 1))?;
        let on_error = &scenario.settings[0].on_error[entry];
        on_error.never_gives_up().then_some(offset)
    }

    /// Accounts for records [`from`, `to`) processed under these settings.
    #[inline]
    pub fn processed(&mut self, id: PartitionId, from: u64, to: u64, settings: usize) {
        self.calls_failed += self.failed_attempts(id, from, to, settings);
        let partition = &mut self.partitions[id.ix()];
        partition.totals.processed += to - from;
        let again = partition.coverage.cover(from, to);
        if again > 0 {
            partition.totals.duplicates += again;
            partition.totals.duplicates_by.add(partition.left_by, again);
        }
    }

    /// Records [`from`, `to`) will be read by nobody: those not dealt with are lost. Returns which.
    pub fn lose(&mut self, id: PartitionId, from: u64, to: u64, by: Cause) -> Vec<(u64, u64)> {
        let partition = &mut self.partitions[id.ix()];
        let lost = partition.coverage.missing(from, to);
        let records = lost.iter().map(|(from, to)| to - from).sum::<u64>();
        partition.totals.lost += records;
        partition.totals.lost_by.add(by, records);
        partition.coverage.cover(from, to);
        lost
    }

    /// As [`Self::lose`], of records that retention deleted.
    pub fn lose_to_retention(&mut self, id: PartitionId, from: u64, to: u64) -> Vec<(u64, u64)> {
        let lost = self.lose(id, from, to, Cause::Other);
        let records = lost.iter().map(|(from, to)| to - from).sum::<u64>();
        self.partitions[id.ix()].totals.lost_to_retention += records;
        lost
    }

    /// Accounts for records [`from`, `to`) given up.
    pub fn given_up(&mut self, id: PartitionId, from: u64, to: u64, fate: Fate) {
        let partition = &mut self.partitions[id.ix()];
        let account = &mut partition.totals;
        if fate == Fate::Undelivered {
            self.dead_letters_failed += to - from;
        }
        *(match fate {
            Fate::Skipped | Fate::Undelivered => &mut account.skipped,
            Fate::DeadLettered => &mut account.dead_lettered,
            Fate::PassedOn => &mut account.retried,
        }) += to - from;
        account.given_up_again += partition.coverage.cover(from, to);
    }

    /// A record is appended to the next retry topic at `at`.
    pub fn pass_on(&mut self, id: PartitionId, offset: u64, at: SimTime) {
        let poison = self.poison_in(id, offset, offset + 1);
        let poison = poison.map(|(_, entry)| entry);
        let record = PassedOn { at, offset, poison };
        self.partitions[id.ix()].passed_on.push(record);
    }

    /// All that was, by partition.
    pub fn into_passed_on(self) -> Vec<Vec<PassedOn>> {
        let partitions = self.partitions.into_iter();
        partitions.map(|partition| partition.passed_on).collect()
    }

    /// Age of the oldest record that is not committed [s], where `log_end` is that of `now`. What was there at the start is taken to have come at the
    /// rate the run starts with; without such a rate it counts from the start.
    pub fn age_s(&mut self, id: PartitionId, now: SimTime, log_end: u64) -> Option<f64> {
        let partition = &mut self.partitions[id.ix()];
        let committed = partition.committed.unwrap_or(0);
        if committed >= log_end {
            return None;
        }
        if committed >= partition.base {
            let came = partition.oldest.time_of(committed - partition.base);
            return Some(now.since(came).as_secs_f64());
        }
        let before = (partition.base - committed) as f64;
        let before = if partition.initial_rate > 0.0 {
            before / partition.initial_rate
        } else {
            0.0
        };
        Some(now.as_secs_f64() + before)
    }

    /// Log-end offset of a partition at an instant.
    pub fn log_end(&mut self, id: PartitionId, at: SimTime) -> u64 {
        let partition = &mut self.partitions[id.ix()];
        partition.base + partition.arrivals.count_by(at)
    }

    /// Log-end offsets of all partitions at a point of the grid.
    pub fn log_ends(&mut self, at: SimTime) -> Vec<u64> {
        let counted = &mut self.counted;
        let partitions = (0..).map(PartitionId).zip(&mut self.partitions);
        let ends = partitions.map(|(id, own)| {
            let mut count = || own.arrivals.count_by(at);
            own.base
                + match counted {
                    Some(counted) => counted.by(id, at, count),
                    None => count(),
                }
        });
        ends.collect()
    }

    /// The coordinator stores a commit, whoever owns its partition. Members come to an instant one after another, so another may
    /// have committed since.
    pub fn store(&mut self, commit: PendingCommit) {
        let partition = &mut self.partitions[commit.partition.ix()];
        if commit.stored_at >= partition.stored_at {
            partition.stored_at = commit.stored_at;
            partition.committed = Some(commit.offset);
            partition.completed = commit.completed;
        }
    }

    /// The fact that a partition is in `state` from `since` on.
    pub fn state_fact(&mut self, id: PartitionId, state: PartitionState, since: SimTime) -> Fact {
        let log_end = self.log_end(id, since);
        let partition = &self.partitions[id.ix()];
        let committed = partition.committed.unwrap_or(0);
        let waits_for = (partition.waits_for).filter(|_| state == PartitionState::Throttled);
        Fact::State {
            partition: id,
            state,
            since,
            log_end,
            committed,
            waits_for,
        }
    }
}

impl Logs for Topic {
    #[inline]
    fn log_start(&mut self, id: PartitionId, at: SimTime) -> u64 {
        let partition = &mut self.partitions[id.ix()];
        let mut records = Records {
            base: partition.base,
            arrivals: &mut partition.oldest,
        };
        partition.log_start.at(at, &self.retention, &mut records)
    }

    fn listed_end(&mut self, id: PartitionId, at: SimTime) -> u64 {
        self.log_end(id, at)
    }

    fn readable_end(&mut self, id: PartitionId, at: SimTime) -> u64 {
        match at.checked_sub(self.delay) {
            Some(appended) => self.log_end(id, appended),
            None => self.partitions[id.ix()].base,
        }
    }

    fn readable_at(&mut self, id: PartitionId, offset: u64) -> SimTime {
        let partition = &mut self.partitions[id.ix()];
        match offset.checked_sub(partition.base) {
            Some(n) => partition.arrivals.time_of(n) + self.delay,
            None => SimTime::ZERO,
        }
    }

    #[inline]
    fn readable_end_and_next(&mut self, id: PartitionId, at: SimTime) -> (u64, SimTime) {
        let partition = &mut self.partitions[id.ix()];
        let Some(appended) = at.checked_sub(self.delay) else {
            return (partition.base, partition.arrivals.time_of(0) + self.delay);
        };
        let (count, next) = partition.arrivals.count_and_next(appended);
        (partition.base + count, next + self.delay)
    }
}

/// Which records of a partition are poison, by entry of the scenario.
fn poison_of(scenario: &Scenario, id: PartitionId, address: Address) -> Vec<(usize, Failures)> {
    let mut poison = Vec::new();
    for (entry, records) in scenario.poison.iter().enumerate() {
        let (offsets, share) = match (&scenario.stage, records.which) {
            (Some(stage), _) => {
                let own = stage.incoming[id.ix()].poison.iter();
                let own = own.filter(|(_, other)| *other == entry);
                (own.map(|(offset, _)| *offset).collect(), 0.0)
            }
            (None, PoisonRecords::At { partition, offset }) if partition == id => {
                (vec![offset], 0.0)
            }
            (None, PoisonRecords::At { .. }) => continue,
            (None, PoisonRecords::Share(share)) => (Vec::new(), share),
        };
        poison.push((entry, Failures::new(address, &offsets, share)));
    }
    poison
}

/// What bounds the logs, bytes as whole records.
fn retention(scenario: &Scenario) -> RetentionLimits {
    let properties = &scenario.topic.properties;
    let size = scenario.topic.record_bytes.max(1);
    RetentionLimits {
        age: properties
            .retention_ms
            .map(|ms| SimDuration::from_millis(1) * ms),
        records: properties.retention_bytes.map(|bytes| bytes / size),
        segment_age: SimDuration::from_millis(properties.segment_ms),
        segment_records: (properties.segment_bytes / size).max(1),
        check_interval: scenario.cluster.properties.retention_check_interval,
    }
}
