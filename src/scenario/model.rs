//! The validated model. The only way to one is the check.

use super::downstream::{Called, Downstream, DownstreamChange, GivesUp};
use super::metric::Expectation;
use super::on_error::{DeadLetterTopic, OnError};
use super::retry::{RetryTopic, Stage};
use crate::kafka::parallel::ProcessingOrder;
use crate::kafka::{
    BrokerProperties, ClientProfile, ConsumerProperties, GroupProtocol, TopicProperties,
};
use crate::platform::{Deployment, RestartPolicy};
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};
use crate::workload::{Law, Production};

/// A system to simulate, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Stem of the file's name; names the folder of the results.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Seed of every draw.
    pub seed: u64,
    /// Length of the run.
    pub horizon: SimDuration,
    /// Distance between two samples of the curves; the first is at zero, the last at the horizon.
    pub sample: SimDuration,
    /// The topic at the start.
    pub topic: Topic,
    /// What producers do.
    pub production: Production,
    /// Brokers and the network.
    pub cluster: Cluster,
    /// The consumer group.
    pub group: Group,
    /// The processes as pods whose number an autoscaler decides, if one does.
    pub deployment: Option<Deployment>,
    /// Settings a process runs with; processes start with the first, the timeline brings in others.
    pub settings: Vec<Settings>,
    /// The dependencies that records call, one after another in this order. One at most is shared ([`Scenario::shared`]).
    pub downstreams: Vec<Downstream>,
    /// Poison records; how they are handled stands in the settings.
    pub poison: Vec<Poison>,
    /// Where records go that are given up for a later time, in order.
    pub retry_topics: Vec<RetryTopic>,
    /// Of a retry topic, what comes to it; see [`Scenario::retry_stage`]. No model says so.
    pub stage: Option<Stage>,
    /// What happens when, in order of time.
    pub timeline: Vec<TimelineEntry>,
    /// How the lag is watched.
    pub monitoring: Monitoring,
    /// Alert rules.
    pub alerts: Vec<Alert>,
    /// What the file says must come out.
    pub expectations: Vec<Expectation>,
    /// Whether members in their common state go through whole rounds at once, and not poll by poll. No model says so, and
    /// no result depends on it: it is a matter of speed, and of proving that.
    pub leaps: bool,
}

impl Scenario {
    /// When records are given up whose calls fail, by dependency at which they are.
    pub fn gives_up(&self) -> impl Iterator<Item = GivesUp> {
        let all = self.downstreams.iter();
        all.filter_map(|own| own.on_outage.gives_up)
    }

    /// The dependency whose callers are in each other's way, now or later, or that has a breaker before it; the first if
    /// none is of that kind.
    pub fn shared(&self) -> usize {
        let limited_later = |index: usize| {
            self.timeline.iter().any(|entry| match &entry.action {
                Action::Downstream(which, change) => {
                    *which == index && matches!(change, DownstreamChange::Limit(_))
                }
                _ => false,
            })
        };
        let mut all = self.downstreams.iter().enumerate();
        let shared = all.find(|(index, own)| own.is_shared() || limited_later(*index));
        shared.map_or(0, |(index, _)| index)
    }

    /// Whether the dead-letter topic is ever down.
    pub fn loses_dead_letter_topic(&self) -> bool {
        let mut entries = self.timeline.iter();
        entries.any(|entry| matches!(entry.action, Action::DeadLetter(_)))
    }

    /// What the group speaks: no model changes that on the way.
    pub fn group_protocol(&self) -> GroupProtocol {
        let first = self.settings.first();
        first.map_or(GroupProtocol::Classic, |own| own.properties.group_protocol)
    }

    /// How many partitions the topic has at the end.
    pub fn partitions_at_the_end(&self) -> usize {
        let end = SimTime::ZERO + self.horizon;
        let added = self.timeline.iter().map(|entry| match entry.action {
            Action::AddPartitions { to } if entry.at <= end => to as usize,
            _ => 0,
        });
        added.fold(self.topic.partitions.len(), usize::max)
    }

    /// How many processes are meant to run from each time on, by the timeline alone: who is away only until it starts again
    /// counts. Nothing before the first entry.
    pub fn meant_to_run(&self) -> Vec<(SimTime, usize)> {
        let processes = self.group.processes.iter().enumerate();
        let starts = processes.filter_map(|(ix, own)| Some((own.start?, ix, true)));
        let turns = self.timeline.iter().flat_map(|entry| {
            let (processes, runs) = match &entry.action {
                Action::Start { processes, .. } => (processes.as_slice(), true),
                Action::Stop { processes, .. }
                | Action::Crash {
                    processes,
                    restart_after: None,
                } => (processes.as_slice(), false),
                _ => (&[][..], false),
            };
            let all = processes.iter();
            all.map(move |process| (entry.at, process.ix(), runs))
        });
        let end = SimTime::ZERO + self.horizon;
        let mut turns: Vec<_> = starts.chain(turns).filter(|turn| turn.0 <= end).collect();
        turns.sort_by_key(|turn| turn.0);
        let mut running = vec![false; self.group.processes.len()];
        let mut counts: Vec<(SimTime, usize)> = Vec::new();
        for (at, ix, runs) in turns {
            let before = counts.last().map_or(0, |last| last.1);
            let count = match (std::mem::replace(&mut running[ix], runs), runs) {
                (false, true) => before + 1,
                (true, false) => before - 1,
                _ => before,
            };
            match counts.last_mut().filter(|last| last.0 == at) {
                Some(last) => last.1 = count,
                None => counts.push((at, count)),
            }
        }
        counts
    }
}

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Each partition at the start.
    pub partitions: Vec<PartitionStart>,
    /// Size of a record, batch overhead included (bytes).
    pub record_bytes: u64,
    /// What retention deletes, and when.
    pub properties: TopicProperties,
}

/// A partition when the run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionStart {
    /// Committed offset of the group, if it ever committed.
    pub committed: Option<u64>,
    /// Log-end offset; the log starts at 0.
    pub log_end: u64,
}

/// Brokers and the network between them and the members.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// How many brokers lead partitions; partition p is led by broker p mod brokers.
    pub brokers: u32,
    /// A request and its answer on the wire.
    pub round_trip: SimDuration,
    /// What the coordinator's write of a commit or an assignment adds (append linger and replication), in the mean.
    pub commit_latency: SimDuration,
    /// Its law, if it is not always the same.
    pub commit_law: Option<Law>,
    /// Broker properties.
    pub properties: BrokerProperties,
}

impl Cluster {
    /// How long an answer is on the wire: what its request leaves of the round trip.
    pub fn way_back(&self) -> SimDuration {
        self.round_trip.saturating_sub(self.round_trip.half())
    }
}

/// A consumer group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// group.id.
    pub name: String,
    /// Whether processes that the timeline adds are static members, named by their process, as the others then are.
    pub static_members: bool,
    /// From the start of a process until its consumer subscribes, drawn for each start.
    pub start_up: Option<Law>,
    /// Every process that may run at some time; those that only the timeline or the autoscaler starts have no start.
    pub processes: Vec<Process>,
}

/// A consumer process: one member of the group while it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Its name, e.g. `order-processor-0`; addresses its draws.
    pub name: String,
    /// When it starts by itself.
    pub start: Option<SimTime>,
    /// Its `client.id`, if it is not the client's default.
    pub client_id: Option<String>,
    /// Its `group.instance.id`, the same whenever it starts again, if it is a static member (KIP-345).
    pub instance_id: Option<String>,
}

/// What a process runs with. It takes up new settings when it restarts, or at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The client library's mechanisms.
    pub client: ClientProfile,
    /// Kafka properties.
    pub properties: ConsumerProperties,
    /// What a record costs and when its offset is committed.
    pub processing: Processing,
    /// How each entry of [`Scenario::poison`] is handled.
    pub on_error: Vec<OnError>,
}

/// How records are processed.
#[derive(Clone, Debug, PartialEq)]
pub struct Processing {
    /// Local work per record.
    pub time: Law,
    /// Calls per record, one after another, of each of [`Scenario::downstreams`].
    pub calls: Vec<u32>,
    /// Records of one batch worked on at the same time; 1 is one after another.
    pub concurrency: u32,
    /// Which records wait for each other where a pool of `concurrency` threads works on what polls return; without, the
    /// application works on one batch after another.
    pub order: Option<ProcessingOrder>,
    /// When offsets are committed.
    pub commit: CommitPolicy,
    /// Whether the application commits what it has finished when partitions are taken from it.
    pub commit_on_revoke: bool,
    /// What a process does when told to stop.
    pub on_stop: OnStop,
    /// After this long a stopping process is killed.
    pub grace: SimDuration,
    /// How a process is started again that exits because of a record, or because the group will not have it.
    pub restart: RestartPolicy,
}

impl Processing {
    /// Calls per record of one of [`Scenario::downstreams`].
    pub fn calls_of(&self, which: usize) -> u32 {
        self.calls.get(which).copied().unwrap_or(0)
    }

    /// Whether a record makes calls.
    pub fn makes_calls(&self) -> bool {
        self.calls.iter().any(|calls| *calls > 0)
    }

    /// Those of `downstreams` that a record calls, and how often.
    pub fn called<'d>(
        &'d self,
        downstreams: &'d [Downstream],
    ) -> impl Iterator<Item = (&'d Downstream, u32)> {
        let calls = downstreams.iter().zip(self.calls.iter().copied());
        calls.filter(|(_, calls)| *calls > 0)
    }

    /// Mean time of a record while nothing holds it back, until it is processed or given up (s).
    pub fn record_s(&self, downstreams: &[Downstream]) -> f64 {
        let called = Called::all(downstreams, &self.calls);
        let each = downstreams.iter().zip(called);
        let each = each.map(|(own, called)| {
            own.call().mean() * called.calls + called.given_up * called.giving_up_s
        });
        self.time.mean() + each.sum::<f64>()
    }
}

/// When offsets are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitPolicy {
    /// enable.auto.commit: by the client.
    Auto,
    /// commitSync after each batch.
    AfterBatch,
    /// commitSync after each record.
    PerRecord,
    /// commitAsync after each batch.
    Async,
    /// commitSync after the batch by which so many records are done since the last one, or so much time has passed; and
    /// when the process stops (Spring: `AckMode` COUNT, TIME and COUNT_TIME).
    Every {
        /// Records; [`u64::MAX`] if it is the time alone.
        records: u64,
        /// Time; [`SimDuration::FOREVER`] if it is the records alone.
        time: SimDuration,
    },
}

/// What a process finishes before it closes its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStop {
    /// The record in hand.
    FinishRecord,
    /// The whole batch.
    FinishBatch,
}

/// Poison records.
#[derive(Clone, Debug, PartialEq)]
pub struct Poison {
    /// Which.
    pub which: PoisonRecords,
    /// How long a failing attempt takes; without, as long as the record's own work.
    pub attempt: Option<SimDuration>,
}

/// Which records are poison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PoisonRecords {
    /// The record at an offset.
    At {
        /// Partition.
        partition: PartitionId,
        /// Offset.
        offset: u64,
    },
    /// Each record with a probability.
    Share(f64),
}

/// Something that happens at a known time.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineEntry {
    /// When.
    pub at: SimTime,
    /// What.
    pub action: Action,
    /// What people call it, for plots and tables.
    pub label: String,
}

/// What the timeline can do. Changes of the production rate are already in [`Production`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Processes die without a word; each comes back after `restart_after`, if given.
    Crash {
        /// Who.
        processes: Vec<ProcessId>,
        /// From the crash until the new process starts.
        restart_after: Option<SimDuration>,
    },
    /// Processes are restarted one after another: told to stop, gone, `gap` later started; once one has started
    /// for `start_up`, the next one's turn comes. All at once if not `rolling`.
    Restart {
        /// In this order.
        processes: Vec<ProcessId>,
        /// From the end of the old process to the start of the new one.
        gap: SimDuration,
        /// From the start of a process until its consumer subscribes.
        start_up: SimDuration,
        /// Whether they close their consumer, or are killed.
        graceful: bool,
        /// One after another.
        rolling: bool,
        /// Settings the new processes run with.
        settings: Option<usize>,
    },
    /// Processes start.
    Start {
        /// Who.
        processes: Vec<ProcessId>,
        /// From the start of a process until its consumer subscribes.
        start_up: SimDuration,
    },
    /// Processes stop for good.
    Stop {
        /// Who.
        processes: Vec<ProcessId>,
        /// Whether they close their consumer, or are killed.
        graceful: bool,
    },
    /// The topic gets more partitions.
    AddPartitions {
        /// How many there are then.
        to: u32,
    },
    /// Whole processes stand still (a long GC pause, a stopped VM), then go on.
    Freeze {
        /// Who; empty means all that run.
        processes: Vec<ProcessId>,
        /// How long.
        length: SimDuration,
    },
    /// The production rate changes: already in the curve, here for marks only.
    RateChange,
    /// One of [`Scenario::downstreams`] changes.
    Downstream(usize, DownstreamChange),
    /// The dead-letter topic answers so from now on.
    DeadLetter(DeadLetterTopic),
    /// Running processes take up other settings at once.
    Adopt {
        /// Index into [`Scenario::settings`].
        settings: usize,
    },
    /// Processes take up other settings when they next start.
    AdoptAtRestart {
        /// Index into [`Scenario::settings`].
        settings: usize,
    },
}

/// Prometheus' clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitoring {
    /// scrape_interval, 1 ms at least.
    pub scrape_interval: SimDuration,
    /// evaluation_interval of the rule group, 1 ms at least.
    pub evaluation_interval: SimDuration,
    /// Phase of the rule group.
    pub evaluation_offset: SimDuration,
}

/// An alert rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// `warning`, `critical`, ...
    pub severity: String,
    /// The expression.
    pub when: Condition,
    /// `for`.
    pub pending_for: SimDuration,
    /// `keep_firing_for`.
    pub keep_firing_for: SimDuration,
}

/// An alert's expression: a gauge compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// What is watched.
    pub gauge: Gauge,
    /// How it is compared.
    pub compare: Compare,
    /// With what; records, or seconds for ages.
    pub threshold: f64,
}

/// What an alert can watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gauge {
    /// `lag`: kafka_consumergroup_lag, one alert per partition.
    Lag,
    /// `sum`: lag of all partitions.
    SumLag,
    /// `max`: the worst partition's lag.
    MaxLag,
    /// `age`: age of the oldest unread record, one alert per partition (s).
    Age,
    /// `max-age`: the worst partition's age (s).
    MaxAge,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}
