//! Scenarios built in Rust, and an observer that keeps what it sees. Not for scenarios that stand in files.

use std::sync::Arc;

use lagsim::engine::Ties;
use lagsim::kafka::{BrokerProperties, ClientProfile, ConsumerProperties};
use lagsim::platform::{Deployment, ScaledObject};
use lagsim::scenario::{
    Action, Client, Cluster, CommitPolicy, Group, Monitoring, OnError, OnStop, PartitionStart,
    PassedOn, Poison, PoisonRecords, Process, Processing, RetryTopic, Scenario, Settings,
    TimelineEntry, Topic,
};
use lagsim::sim::{self, Fact, Fate, GroupView, Observer, Sample, Totals};
use lagsim::units::{PartitionId, ProcessId, SimDuration, SimTime};
use lagsim::workload::{Keys, Law, Pattern, Production, RateCurve, Shares};

pub fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

pub fn secs(secs: u64) -> SimDuration {
    SimDuration::from_secs(secs)
}

pub fn at_ms(millis: u64) -> SimTime {
    SimTime::from_millis(millis)
}

/// The mechanisms of a client that comes along.
pub fn profile(name: &str) -> ClientProfile {
    client(name).profile
}

/// A client that comes along.
pub fn client(name: &str) -> Client {
    Client::by_name(name).expect(name)
}

/// `partitions` empty partitions that share `rate` evenly, `members` members that are all there at once,
/// 1 KiB records, 2 ms of round trip and of commit latency, and a commit after each batch.
pub fn system(partitions: usize, members: u32, rate: f64, law: Law) -> Scenario {
    let start = PartitionStart {
        committed: Some(0),
        log_end: 0,
    };
    Scenario {
        name: "system".into(),
        title: "a system under proof".into(),
        seed: 1,
        horizon: secs(60),
        sample: secs(1),
        topic: Topic {
            name: "orders".into(),
            partitions: vec![start; partitions],
            record_bytes: 1024,
            properties: Default::default(),
        },
        production: Production {
            curve: Arc::new(RateCurve::constant(rate)),
            pattern: Pattern::Poisson,
            shares: vec![Shares {
                from: SimTime::ZERO,
                of: vec![1.0 / partitions as f64; partitions],
            }],
            keys: Keys::Even,
        },
        cluster: Cluster {
            brokers: 1,
            round_trip: ms(2),
            commit_latency: ms(2),
            commit_law: None,
            properties: BrokerProperties {
                initial_rebalance_delay: SimDuration::ZERO,
                ..BrokerProperties::default()
            },
        },
        group: Group {
            name: "order-processor".into(),
            static_members: false,
            start_up: None,
            processes: (0..members)
                .map(|index| process(index, Some(SimTime::ZERO)))
                .collect(),
        },
        deployment: None,
        settings: vec![settings(law)],
        downstreams: Vec::new(),
        poison: Vec::new(),
        retry_topics: Vec::new(),
        stage: None,
        timeline: Vec::new(),
        monitoring: Monitoring {
            scrape_interval: secs(15),
            evaluation_interval: secs(15),
            evaluation_offset: SimDuration::ZERO,
        },
        alerts: Vec::new(),
        expectations: Vec::new(),
        leaps: true,
    }
}

pub fn process(index: u32, start: Option<SimTime>) -> Process {
    Process {
        name: format!("order-processor-{index}"),
        start,
        client_id: None,
        instance_id: None,
    }
}

/// Makes every process a static member, named by itself.
pub fn all_static(mut scenario: Scenario) -> Scenario {
    for process in &mut scenario.group.processes {
        process.instance_id = Some(process.name.clone());
    }
    scenario
}

pub fn settings(law: Law) -> Settings {
    Settings {
        client: profile("java"),
        properties: ConsumerProperties {
            enable_auto_commit: false,
            ..ConsumerProperties::default()
        },
        processing: Processing {
            time: law,
            calls: Vec::new(),
            concurrency: 1,
            order: None,
            commit: CommitPolicy::AfterBatch,
            commit_on_revoke: false,
            on_stop: OnStop::FinishBatch,
            grace: secs(30),
            restart: Default::default(),
        },
        on_error: Vec::new(),
    }
}

/// An autoscaler decides how many of the processes run; those that it may start are added.
pub fn autoscaled(
    mut scenario: Scenario,
    scaled_object: ScaledObject,
    start_up: SimDuration,
) -> Scenario {
    let growth = scenario.timeline.iter().map(|entry| match entry.action {
        Action::AddPartitions { to } => to,
        _ => 0,
    });
    let partitions = growth
        .max()
        .unwrap_or(0)
        .max(scenario.topic.partitions.len() as u32);
    let running = scenario.group.processes.len() as u32;
    for index in running..scaled_object.most_replicas(partitions, running) {
        scenario.group.processes.push(process(index, None));
    }
    scenario.deployment = Some(Deployment {
        scaled_object,
        start_up,
        graceful: true,
    });
    scenario
}

/// Takes every latency of the network and the coordinator away.
pub fn without_latencies(mut scenario: Scenario) -> Scenario {
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    for settings in &mut scenario.settings {
        settings.properties.fetch_max_wait = SimDuration::ZERO;
    }
    scenario
}

/// Every partition starts `backlog` records behind.
pub fn with_backlog(mut scenario: Scenario, backlog: u64) -> Scenario {
    for partition in &mut scenario.topic.partitions {
        partition.log_end = backlog;
    }
    scenario
}

/// Adds a poison record, handled as `on_error` says.
pub fn with_poison(
    mut scenario: Scenario,
    which: PoisonRecords,
    attempt: Option<SimDuration>,
    on_error: OnError,
) -> Scenario {
    scenario.poison.push(Poison { which, attempt });
    for settings in &mut scenario.settings {
        settings.on_error.push(on_error.clone());
    }
    scenario
}

pub fn at_offset(partition: u32, offset: u64) -> PoisonRecords {
    let partition = PartitionId(partition);
    PoisonRecords::At { partition, offset }
}

/// Adds an entry to the timeline.
pub fn with(mut scenario: Scenario, at: SimTime, action: Action) -> Scenario {
    let label = format!("{action:?}");
    scenario.timeline.push(TimelineEntry { at, action, label });
    scenario
}

/// Seven partitions without records, and three members without latencies that are restarted one after the other, each
/// back after 10 s. Everyone beats every 3 s from the last barrier on; each leave comes 1.5 s before a beat.
pub fn restarted_in_turn() -> Scenario {
    let mut scenario = system(7, 3, 0.0, Law::Constant(0.001));
    scenario.horizon = secs(120);
    scenario.cluster.round_trip = SimDuration::ZERO;
    scenario.cluster.commit_latency = SimDuration::ZERO;
    scenario.settings[0].properties.retry_backoff = SimDuration::ZERO;
    for (process, leaves) in [(0, 31_500), (1, 52_500), (2, 73_500)] {
        let restart = Action::Restart {
            processes: vec![ProcessId(process)],
            gap: secs(10),
            start_up: SimDuration::ZERO,
            graceful: true,
            rolling: true,
            settings: None,
        };
        scenario = with(scenario, at_ms(leaves), restart);
    }
    scenario
}

/// Everything a run told.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    pub samples: Vec<(SimTime, Vec<Sample>)>,
    pub facts: Vec<(SimTime, Fact)>,
    pub totals: Totals,
    pub group: Option<GroupView>,
}

impl Observer for Told {
    fn observe(&mut self, at: SimTime, fact: &Fact) {
        self.facts.push((at, fact.clone()));
    }

    fn sample(&mut self, at: SimTime, partitions: &[Sample]) {
        self.samples.push((at, partitions.to_vec()));
    }

    fn finish(&mut self, _at: SimTime, totals: &Totals, group: &GroupView) {
        self.totals = totals.clone();
        self.group = Some(group.clone());
    }
}

impl Told {
    /// Lag of all partitions at each sample [records].
    pub fn total_lags(&self) -> Vec<u64> {
        let lag = |samples: &Vec<Sample>| samples.iter().map(lag_records).sum();
        self.samples
            .iter()
            .map(|(_, samples)| lag(samples))
            .collect()
    }

    /// What `wanted` finds among the facts, with its time.
    pub fn find<T>(&self, wanted: impl Fn(&Fact) -> Option<T>) -> Vec<(SimTime, T)> {
        let found = self.facts.iter();
        found
            .filter_map(|(at, fact)| wanted(fact).map(|what| (*at, what)))
            .collect()
    }

    /// When the group became Stable, each time.
    pub fn stable_at(&self) -> Vec<SimTime> {
        let stable = self.find(|fact| matches!(fact, Fact::GroupStable { .. }).then_some(()));
        stable.into_iter().map(|(at, ())| at).collect()
    }

    /// When a process read again, and since when it had stood still.
    pub fn resumptions(&self, of: u32) -> Vec<(SimTime, SimTime)> {
        self.find(|fact| match fact {
            Fact::MemberResumed { process, since } if *process == ProcessId(of) => Some(*since),
            _ => None,
        })
    }
}

pub fn lag_records(sample: &Sample) -> u64 {
    sample.log_end - sample.committed.unwrap_or(0)
}

pub fn run(scenario: &Scenario) -> Told {
    run_replication(scenario, 0)
}

pub fn run_replication(scenario: &Scenario, replication: u32) -> Told {
    let mut told = Told::default();
    sim::run(scenario, replication, &mut told);
    told
}

pub fn run_last_scheduled_first(scenario: &Scenario) -> Told {
    let mut told = Told::default();
    sim::run_with_ties(scenario, 0, Ties::LastScheduled, &mut told);
    told
}

/// A topic, or one of its retry topics: its scenario, what its run told, and what that produced to the next.
pub struct Link {
    pub scenario: Scenario,
    pub told: Told,
    pub passed_on: Vec<Vec<PassedOn>>,
}

/// The runs of a topic and of its retry topics.
pub fn run_chain(scenario: &Scenario) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for number in 0..=scenario.retry_topics.len() {
        let own = match links.last() {
            Some(before) => scenario.retry_stage(number - 1, &before.passed_on),
            None => scenario.clone(),
        };
        let mut told = Told::default();
        let passed_on = sim::run(&own, 0, &mut told);
        links.push(Link {
            scenario: own,
            told,
            passed_on,
        });
    }
    links
}

/// As many retry topics as there are delays, each with the partitions of the topic.
pub fn with_retry_topics(mut scenario: Scenario, delays: &[SimDuration]) -> Scenario {
    let partitions = scenario.topic.partitions.len() as u32;
    let topics = delays.iter().enumerate().map(|(index, delay)| RetryTopic {
        name: format!("orders-retry-{index}"),
        delay: *delay,
        partitions,
    });
    scenario.retry_topics = topics.collect();
    scenario
}

/// The same facts, curves and accounts as with a dead-letter topic in the place of the retry topics.
pub fn as_dead_lettered(mut told: Told) -> Told {
    for (_, fact) in &mut told.facts {
        if let Fact::PoisonGivenUp { fate, .. } = fact
            && *fate == Fate::PassedOn
        {
            *fate = Fate::DeadLettered;
        }
    }
    for totals in &mut told.totals.partitions {
        totals.dead_lettered += std::mem::take(&mut totals.retried);
    }
    told
}
