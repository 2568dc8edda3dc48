//! What holds in every run, over generated scenarios. Not for single rules: those stand with their code.

use std::collections::{BTreeMap, BTreeSet};

use lagsim::kafka::{Assignor, AutoCommitFrom, GroupProtocol, LateCommit, ReconcilesFrom};
use lagsim::platform::{Behavior, ScaledObject};
use lagsim::scenario::{
    Action, BackOff, CommitPolicy, Downstream, GiveUp, OnError, OnStop, PoisonRecords, Produce,
    RateLimit, RetryBy, Scenario, Settings,
};
use lagsim::sim::{Fact, PartitionState};
use lagsim::units::{PartitionId, ProcessId, SimDuration, SimTime};
use lagsim::workload::{Law, Pattern};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::systems::{
    self, Told, at_ms, at_offset, autoscaled, ms, run, run_last_scheduled_first, secs, system,
    with, with_backlog, with_poison,
};

/// Runs `property` on so many generated scenarios, always the same ones.
fn for_all(cases: u32, property: impl Fn(Scenario) -> Result<(), TestCaseError>) {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 150,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    if let Err(found) = runner.run(&scenarios(), property) {
        panic!("{found}");
    }
}

fn laws() -> impl Strategy<Value = Law> {
    let mean = 0.0005..0.02;
    prop_oneof![
        mean.clone().prop_map(Law::Constant),
        mean.clone().prop_map(|mean| Law::Exponential { mean }),
        mean.clone().prop_map(|mean| Law::Lognormal {
            mean,
            p99: 5.0 * mean
        }),
        mean.prop_map(|fast| Law::Bimodal {
            fast,
            slow: 3.0,
            share: 0.002,
        }),
    ]
}

fn commits() -> impl Strategy<Value = CommitPolicy> {
    prop_oneof![
        Just(CommitPolicy::Auto),
        Just(CommitPolicy::AfterBatch),
        Just(CommitPolicy::PerRecord),
        Just(CommitPolicy::Async),
        (1_u64..900, 1_u64..4_000).prop_map(|(records, time)| CommitPolicy::Every {
            records,
            time: ms(time),
        }),
    ]
}

fn reactions() -> impl Strategy<Value = OnError> {
    let back_off = BackOff {
        first: ms(50),
        multiplier: 2.0,
        max: ms(400),
    };
    let retry = move |attempts, then| OnError::Retry {
        seeks: false,
        attempts,
        back_off,
        then,
    };
    prop_oneof![
        Just(retry(1, GiveUp::Skip)),
        Just(retry(4, GiveUp::DeadLetter(Produce::taking(ms(9))))),
        Just(OnError::RetryForever(RetryBy::InPlace)),
        Just(OnError::RetryForever(RetryBy::Seek { back_off: ms(300) })),
    ]
}

/// Something that happens to process `who` at some time.
fn actions() -> impl Strategy<Value = (u64, u32, u32)> {
    (500_u64..110_000, 0_u32..7, 0_u32..4)
}

fn action(kind: u32, who: u32) -> Action {
    let processes = vec![ProcessId(who)];
    match kind {
        0 => Action::Crash {
            processes,
            restart_after: Some(secs(4)),
        },
        1 => Action::Crash {
            processes,
            restart_after: None,
        },
        2 => Action::Restart {
            processes,
            gap: secs(3),
            start_up: ms(700),
            graceful: true,
            rolling: true,
            settings: None,
        },
        3 => Action::Stop {
            processes,
            graceful: true,
        },
        4 => Action::Freeze {
            processes,
            length: secs(17),
        },
        5 => Action::Freeze {
            processes: Vec::new(),
            length: secs(3),
        },
        _ => Action::AddPartitions { to: 9 },
    }
}

/// An autoscaler whose clocks fit into two minutes.
fn autoscalers() -> impl Strategy<Value = (ScaledObject, SimDuration, bool)> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let bounds = (0_u32..3, 0_u32..9, 1_u64..400);
    (flags, bounds, 0_u64..9_000).prop_map(|(flags, bounds, start_up)| {
        let (idle_consumers, persistent, behavior, graceful) = flags;
        let (least, more, lag_threshold) = bounds;
        let mut spec = ScaledObject {
            polling_interval: ms(4_100),
            cooldown_period: secs(20),
            min_replica_count: least,
            max_replica_count: least + more + 1,
            sync_period: ms(3_300),
            sync_offset: ms(700),
            ..ScaledObject::default()
        };
        spec.trigger.lag_threshold = lag_threshold;
        spec.trigger.allow_idle_consumers = idle_consumers;
        spec.trigger.exclude_persistent_lag = persistent;
        if behavior {
            let mut behavior = Behavior::default();
            behavior.scale_down.stabilization_window = secs(10);
            spec.behavior = Some(behavior);
        }
        (spec, ms(start_up), graceful)
    })
}

/// Small groups over two minutes with anything that can happen to them.
fn scenarios() -> impl Strategy<Value = Scenario> {
    let topic = (
        1_usize..7,
        1_u32..5,
        1.0..900.0_f64,
        any::<bool>(),
        0_u64..5_000,
    );
    let work = (laws(), commits(), 1_u32..9, any::<bool>());
    let client = (
        any::<bool>(),
        1_u64..800,
        1_u64..3_000,
        1_u32..4,
        any::<bool>(),
    );
    let poison = proptest::option::of((reactions(), 0_u64..300));
    let timeline = proptest::collection::vec(actions(), 0..5);
    let limit = proptest::option::of((50.0..600.0_f64, 1.0..300.0_f64));
    // Bit p: process p is a static member.
    let statics = prop_oneof![Just(0_u32), Just(u32::MAX), any::<u32>()];
    let assignor = prop_oneof![
        1 => Just(Assignor::Range),
        1 => Just(Assignor::RoundRobin),
        1 => Just(Assignor::Sticky),
        3 => Just(Assignor::CooperativeSticky),
    ];
    let protocol = prop_oneof![
        2 => Just(None),
        1 => Just(Some(ReconcilesFrom::Background)),
        1 => Just(Some(ReconcilesFrom::NextPoll)),
    ];
    let group = (statics, assignor, protocol);
    let autoscaler = proptest::option::of(autoscalers());
    (
        topic,
        work,
        client,
        poison,
        timeline,
        limit,
        autoscaler,
        0_u64..1_000,
        group,
    )
        .prop_map(
            |(
                topic,
                work,
                client,
                poison,
                timeline,
                limit,
                autoscaler,
                seed,
                (statics, assignor, protocol),
            )| {
                let (partitions, members, rate, constant, backlog) = topic;
                let (law, commit, concurrency, finish_record) = work;
                let (java, polled, chunk, brokers, all_at_once) = client;
                let mut scenario = with_backlog(system(partitions, members, rate, law), backlog);
                scenario.seed = seed;
                scenario.horizon = secs(120);
                scenario.sample = ms(730);
                if constant {
                    scenario.production.pattern = Pattern::Constant;
                }
                if all_at_once {
                    scenario.cluster.properties.initial_rebalance_delay = secs(3);
                } else {
                    for (index, process) in scenario.group.processes.iter_mut().enumerate() {
                        process.start = Some(at_ms(index as u64 * 4_321));
                    }
                }
                scenario.cluster.brokers = brokers;
                let settings = &mut scenario.settings[0];
                if !java {
                    settings.client = systems::profile("aiokafka");
                    settings.properties = systems::client("aiokafka").properties;
                }
                // There is no cooperative assignor for aiokafka.
                if java || assignor != Assignor::CooperativeSticky {
                    settings.properties.assignor = assignor;
                }
                if java && protocol.is_some() {
                    settings.properties.group_protocol = GroupProtocol::Consumer;
                    settings.client.consumer_protocol = protocol;
                }
                let brokers = &mut scenario.cluster.properties;
                brokers.consumer_session_timeout = secs(10);
                brokers.consumer_heartbeat_interval = secs(3);
                settings.properties.max_poll_interval = secs(20);
                settings.properties.session_timeout = secs(10);
                settings.properties.max_poll_records = polled;
                settings.properties.max_partition_fetch_bytes = chunk * 1024;
                settings.properties.enable_auto_commit = commit == CommitPolicy::Auto;
                settings.processing.commit = commit;
                settings.processing.concurrency = concurrency;
                if finish_record {
                    settings.processing.on_stop = OnStop::FinishRecord;
                }
                if let Some((rate, burst)) = limit {
                    settings.processing.calls = vec![1];
                    scenario.downstreams = vec![Downstream {
                        limit: Some(RateLimit { rate, burst }),
                        ..Downstream::new("bank-api", Law::Exponential { mean: 0.006 })
                    }];
                }
                if let Some((on_error, offset)) = poison {
                    let one = at_offset(0, offset);
                    scenario = with_poison(scenario, one, Some(ms(20)), on_error);
                    let skip = OnError::Retry {
                        seeks: false,
                        attempts: 1,
                        back_off: BackOff {
                            first: ms(1),
                            multiplier: 1.0,
                            max: ms(1),
                        },
                        then: GiveUp::Skip,
                    };
                    scenario = with_poison(scenario, PoisonRecords::Share(0.002), None, skip);
                }
                for (index, process) in scenario.group.processes.iter_mut().enumerate() {
                    if statics >> index & 1 == 1 {
                        process.instance_id = Some(process.name.clone());
                    }
                }
                for (at, kind, who) in timeline {
                    // A Deployment lets no pod stay away.
                    let goes = matches!(kind, 1 | 3) && autoscaler.is_some();
                    let kind = if goes { 0 } else { kind };
                    scenario = with(scenario, at_ms(at), action(kind, who % members));
                }
                if let Some((spec, start_up, graceful)) = autoscaler {
                    scenario = autoscaled(scenario, spec, start_up);
                    scenario.deployment.as_mut().expect("one").graceful = graceful;
                }
                scenario.timeline.sort_by_key(|entry| entry.at);
                scenario
            },
        )
}

/// Whether a timer commits what polls have returned, finished or not.
fn commits_what_is_in_hand(from: AutoCommitFrom) -> bool {
    matches!(from, AutoCommitFrom::Timer | AutoCommitFrom::TimerOfStored)
}

fn commits_ahead_of_seeks(scenario: &Scenario) -> bool {
    let settings = &scenario.settings[0];
    let mut handlings = settings.on_error.iter();
    commits_what_is_in_hand(settings.client.auto_commit_from)
        && settings.processing.commit == CommitPolicy::Auto
        && handlings.any(|on_error| matches!(on_error, OnError::RetryForever(RetryBy::Seek { .. })))
}

/// A batch that outlived a rebalance may be committed beyond what its partition was given out again from.
fn commits_late(scenario: &Scenario) -> bool {
    let mut settings = scenario.settings.iter();
    settings.any(|one| one.client.late_commit == LateCommit::Sent)
}

/// committed <= position of an owner <= log end, and no curve of a log ever falls.
#[test]
fn curves_stay_in_order_at_every_sample() {
    for_all(150, |scenario| {
        let told = run(&scenario);
        let mut before: BTreeMap<usize, u64> = BTreeMap::new();
        for (at, samples) in &told.samples {
            for (partition, sample) in samples.iter().enumerate() {
                let committed = sample.committed.unwrap_or(0);
                prop_assert!(
                    committed <= sample.log_end,
                    "{partition} at {at}: {sample:?}"
                );
                prop_assert!(
                    sample.position <= sample.log_end,
                    "{partition} at {at}: {sample:?}"
                );
                // A timer commits beyond a poison record that is then sought back to.
                prop_assert!(
                    committed <= sample.position
                        || commits_ahead_of_seeks(&scenario)
                        || commits_late(&scenario),
                    "{partition} at {at}: {sample:?}"
                );
                let last = before.insert(partition, sample.log_end).unwrap_or(0);
                prop_assert!(last <= sample.log_end, "{partition} at {at}");
            }
        }
        Ok(())
    });
}

/// produced = committed + lag, and what is committed was processed, given up or lost.
#[test]
fn accounts_balance() {
    for_all(150, |scenario| {
        let told = run(&scenario);
        let (_, last) = told.samples.last().expect("samples");
        let members = scenario.group.processes.len() as u64;
        for (partition, totals) in told.totals.partitions.iter().enumerate() {
            let start = scenario.topic.partitions.get(partition).copied();
            let (base, before) = start.map_or((0, 0), |s| (s.log_end, s.committed.unwrap_or(0)));
            if scenario.horizon.as_nanos() % scenario.sample.as_nanos() == 0 {
                let sample = &last[partition];
                let lag = sample.log_end - sample.committed.unwrap_or(0);
                prop_assert_eq!(base + totals.produced, before + totals.committed + lag);
            }
            let given_up = totals.skipped + totals.dead_lettered - totals.given_up_again;
            let done = totals.processed - totals.duplicates + given_up + totals.lost;
            // A client that commits from a timer is ahead of its application by the batch in hand.
            let settings = &scenario.settings[0];
            let ahead = commits_what_is_in_hand(settings.client.auto_commit_from)
                && settings.processing.commit == CommitPolicy::Auto;
            let batches = settings.properties.max_poll_records * members;
            let in_hand = if ahead { batches } else { 0 };
            prop_assert!(
                done + in_hand >= totals.committed,
                "{partition}: {totals:?}"
            );
            prop_assert!(totals.committed <= base - before + totals.produced);
            prop_assert!(totals.duplicates <= totals.processed);
        }
        Ok(())
    });
}

#[test]
fn facts_come_in_order_and_samples_on_their_grid() {
    for_all(80, |scenario| {
        let told = run(&scenario);
        prop_assert!(told.facts.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        let horizon = SimTime::ZERO + scenario.horizon;
        let mut grid = SimTime::ZERO;
        for (at, _) in &told.samples {
            prop_assert_eq!(*at, grid.min(horizon));
            grid += scenario.sample;
        }
        prop_assert_eq!(told.samples.last().map(|(at, _)| *at), Some(horizon));
        Ok(())
    });
}

/// Once a change of the replicas is through, as many processes run as the autoscaler wants.
#[test]
fn as_many_processes_run_as_the_autoscaler_wants() {
    for_all(150, |scenario| {
        let Some(deployment) = &scenario.deployment else {
            return Ok(());
        };
        let told = run(&scenario);
        let mut wanted = scenario
            .group
            .processes
            .iter()
            .filter(|one| one.start.is_some())
            .count();
        let mut running: BTreeSet<ProcessId> = BTreeSet::new();
        // A start-up, a grace of 30 s, and whatever the timeline does to a pod.
        let through = deployment.start_up + secs(50);
        let disturbances = scenario.timeline.iter().map(|entry| entry.at);
        let mut disturbed = disturbances.max().unwrap_or(SimTime::ZERO);
        for (at, fact) in &told.facts {
            match fact {
                Fact::Scaled { from, to, .. } => {
                    prop_assert_eq!(*from as usize, wanted, "{}", at);
                    wanted = *to as usize;
                    disturbed = disturbed.max(*at);
                }
                Fact::ProcessStarted { process } => {
                    prop_assert!(running.insert(*process), "{process:?} runs twice at {at}");
                }
                Fact::ProcessStopped { process, .. } => {
                    running.remove(process);
                }
                _ => {}
            }
            if at.since(disturbed) > through {
                prop_assert_eq!(running.len(), wanted, "{}: {:?}", at, fact);
            }
        }
        Ok(())
    });
}

/// A partition is assigned at most once in a generation, or in an epoch of a member, and generations only grow, as do
/// the epochs that targets are for.
#[test]
fn a_partition_has_one_owner_per_generation_and_epoch() {
    for_all(150, |scenario| {
        let told = run(&scenario);
        let mut owners: BTreeMap<(u32, PartitionId), ProcessId> = BTreeMap::new();
        let mut last = 0;
        for (at, fact) in &told.facts {
            if let Fact::GenerationStarted { generation, .. } = fact {
                prop_assert!(*generation > last, "generation {generation} at {at}");
                last = *generation;
            }
            let Fact::PartitionsAssigned {
                process,
                generation,
                partitions,
            } = fact
            else {
                continue;
            };
            for partition in partitions {
                let other = owners.insert((*generation, *partition), *process);
                // A static member that is back gets its own once more.
                prop_assert!(
                    other.is_none_or(|other| other == *process),
                    "{partition:?} in {generation} at {at}"
                );
            }
        }
        Ok(())
    });
}

/// Seconds of a partition by state, as the facts tell them: a later fact may start earlier and voids what it covers.
fn state_spans(told: &Told, partition: PartitionId) -> Vec<(SimTime, PartitionState)> {
    let mut spans: Vec<(SimTime, PartitionState)> = Vec::new();
    for (_, fact) in &told.facts {
        if let Fact::State {
            partition: which,
            state,
            since,
            ..
        } = fact
            && *which == partition
        {
            spans.retain(|(from, _)| from < since);
            spans.push((*since, *state));
        }
    }
    spans
}

#[test]
fn a_partition_is_in_one_state_from_its_start_to_the_horizon() {
    for_all(80, |scenario| {
        let told = run(&scenario);
        let horizon = SimTime::ZERO + scenario.horizon;
        for partition in 0..scenario.topic.partitions.len() as u32 {
            let mut spans = state_spans(&told, PartitionId(partition));
            prop_assert_eq!(spans[0].0, SimTime::ZERO);
            spans.push((horizon, PartitionState::Starting));
            let lengths = spans
                .windows(2)
                .map(|pair| pair[1].0.since(pair[0].0).as_nanos());
            prop_assert_eq!(lengths.sum::<u64>(), scenario.horizon.as_nanos());
            prop_assert!(
                spans
                    .windows(2)
                    .all(|pair| pair[0].0 < pair[1].0 || pair[1].0 == horizon)
            );
        }
        for (at, fact) in &told.facts {
            if let Fact::State {
                since,
                log_end,
                committed,
                ..
            } = fact
            {
                prop_assert!(since <= at && committed <= log_end, "{fact:?} at {at}");
            }
        }
        Ok(())
    });
}

/// KIP-429: nobody stands still for a rebalance but who gives something up, and only with that.
#[test]
fn a_partition_that_stays_with_its_cooperative_owner_is_never_rebalancing() {
    only_what_moves_stands_still(|settings| {
        settings.properties.group_protocol = GroupProtocol::Classic;
        settings.properties.assignor = Assignor::CooperativeSticky;
    });
}

/// KIP-848: the same without any barrier.
#[test]
fn a_partition_that_stays_with_its_owner_in_a_consumer_group_is_never_rebalancing() {
    only_what_moves_stands_still(|settings| {
        settings.properties.group_protocol = GroupProtocol::Consumer;
    });
}

fn only_what_moves_stands_still(speak: fn(&mut Settings)) {
    let moves = std::cell::Cell::new(0);
    for_all(150, |mut scenario| {
        if scenario.settings[0].client.consumer_protocol.is_none() {
            return Ok(());
        }
        speak(&mut scenario.settings[0]);
        let told = run(&scenario);
        let mut owners: BTreeMap<PartitionId, ProcessId> = BTreeMap::new();
        // Rebalancing since then, and not known to have been given up.
        let mut doubtful: BTreeMap<PartitionId, SimTime> = BTreeMap::new();
        for (at, fact) in &told.facts {
            if let Some((partition, since)) = doubtful.first_key_value() {
                prop_assert!(since == at, "{partition:?} at {since}");
            }
            match fact {
                Fact::State {
                    partition,
                    state: PartitionState::Rebalancing,
                    ..
                } if owners.contains_key(partition) => {
                    doubtful.insert(*partition, *at);
                }
                Fact::PartitionsAssigned {
                    process,
                    partitions,
                    ..
                } => owners.extend(partitions.iter().map(|id| (*id, *process))),
                Fact::PartitionsRevoked {
                    process,
                    partitions,
                    lost,
                    ..
                } => {
                    owners.retain(|id, owner| owner != process || !partitions.contains(id));
                    moves.set(moves.get() + if *lost { 0 } else { partitions.len() });
                }
                Fact::MemberEvicted { process, .. } | Fact::ProcessStopped { process, .. } => {
                    owners.retain(|_, owner| owner != process);
                }
                _ => {}
            }
            doubtful.retain(|id, _| owners.contains_key(id));
        }
        Ok(())
    });
    assert!(moves.get() > 50, "only {} partitions moved", moves.get());
}

#[test]
fn the_same_scenario_tells_the_same_story_twice() {
    for_all(40, |scenario| {
        prop_assert!(run(&scenario) == run(&scenario));
        Ok(())
    });
}

fn log_ends(told: &Told) -> Vec<Vec<u64>> {
    let ends = told.samples.iter();
    ends.map(|(_, samples)| samples.iter().map(|sample| sample.log_end).collect())
        .collect()
}

/// Common random numbers: whatever the consumers do, the same records come at the same instants.
#[test]
fn arrivals_do_not_depend_on_who_consumes_them() {
    for_all(40, |scenario| {
        let mut other = scenario.clone();
        other
            .group
            .processes
            .push(systems::process(9, Some(at_ms(12_345))));
        other.settings[0].properties.max_poll_records = 3;
        other.settings[0].processing.time = Law::Constant(0.1);
        other.settings[0].processing.commit = CommitPolicy::AfterBatch;
        other.cluster.round_trip = ms(40);
        prop_assert_eq!(log_ends(&run(&scenario)), log_ends(&run(&other)));
        Ok(())
    });
}

/// One more partition leaves the records of the others where they are, if their rates stay.
#[test]
fn a_partition_more_leaves_the_others_alone() {
    let mut few = system(3, 1, 300.0, Law::Constant(0.001));
    few.horizon = secs(60);
    let mut many = system(4, 1, 400.0, Law::Constant(0.001));
    many.horizon = secs(60);
    let (few, many) = (log_ends(&run(&few)), log_ends(&run(&many)));
    for (few, many) in few.iter().zip(&many) {
        assert_eq!(few[..], many[..3]);
    }
}

/// A record costs the same whoever works on it: one member or four need the same time for a partition's backlog.
#[test]
fn a_record_costs_the_same_whoever_processes_it() {
    let drained = |members: u32, polled: u64| {
        let law = Law::Lognormal {
            mean: 0.004,
            p99: 0.04,
        };
        let mut scenario = with_backlog(system(4, members, 0.0, law), 2_000);
        scenario = systems::without_latencies(scenario);
        scenario.settings[0].properties.max_poll_records = polled;
        scenario.sample = ms(1);
        let told = run(&scenario);
        let empty = |partition: usize| {
            let done = told.samples.iter().position(|(_, samples)| {
                samples[partition].committed == Some(samples[partition].log_end)
            });
            done.expect("drained") as i64
        };
        (0..4).map(empty).collect::<Vec<i64>>()
    };
    let apart: i64 = drained(4, 500).iter().sum();
    // Work of all four one after another, whatever the size of a poll.
    let together = [drained(1, 500), drained(1, 7)].map(|each| each.into_iter().max());
    assert_eq!(together[0], together[1]);
    assert!(
        together[0].is_some_and(|last| (last - apart).abs() <= 4),
        "{together:?}, {apart}"
    );
}

/// Which of two events of one instant comes first may not matter to any figure of the summary.
#[test]
fn the_order_of_simultaneous_events_moves_no_figure() {
    for_all(60, |scenario| {
        let (first, last) = (run(&scenario), run_last_scheduled_first(&scenario));
        prop_assert!(first.total_lags() == last.total_lags(), "lags");
        prop_assert_eq!(first.totals, last.totals);
        Ok(())
    });
}
