//! Topics with retry topics, beside the engine: what is given up comes to the next topic at the same time, is read there after
//! the delay, and every topic has the same curves and accounts.

use lagsim::scenario::{
    BackOff, CommitPolicy, Downstream, GiveUp, GivesUp, OnError, PoisonRecords, Produce, Scenario,
};
use lagsim::units::{PartitionId, SimDuration};
use lagsim::workload::Law;

use super::exact::{assert_curves, closely};
use super::faults::{crash, restart};
use super::{ROUNDING, World, ownership};
use crate::systems::{Link, at_offset, ms, run_chain, system, with_poison, with_retry_topics};

/// Every topic's curves, and what it gave up; how many records the last had.
fn assert_chains(name: &str, scenario: &Scenario) -> u64 {
    let mut passed_on = Vec::new();
    let mut came = 0;
    for link in run_chain(scenario) {
        let name = format!("{name}, {}", link.scenario.topic.name);
        let Link {
            scenario: own,
            told,
            passed_on: engine,
        } = &link;
        let changes = ownership(own, told);
        let mut twin = match own.stage {
            Some(_) => World::after(own, changes, &passed_on),
            None => World::new(own, changes),
        };
        let curves = twin.run();
        assert_curves(&name, told, &curves);
        assert_eq!(twin.doubts, [""; 0], "{name}");
        for (index, totals) in told.totals.partitions.iter().enumerate() {
            let id = PartitionId(index as u32);
            let accounts = [totals.processed, totals.duplicates, totals.lost];
            assert_eq!(accounts, twin.accounts(id), "{name}: done of {index}");
            let given_up = totals.dead_lettered + totals.skipped + totals.retried;
            assert_eq!(given_up, twin.given_up(id), "{name}: given up of {index}");
            let mut own: Vec<_> = twin.passed_on.iter().filter(|own| own.from == id).collect();
            own.sort_by_key(|own| own.at);
            assert_eq!(
                engine[index].len(),
                own.len(),
                "{name}: passed on of {index}"
            );
            for (engine, own) in engine[index].iter().zip(own) {
                let apart = engine.at.since(own.at).max(own.at.since(engine.at));
                let same = (engine.offset, engine.poison) == (own.offset, own.poison);
                assert!(same && apart < ROUNDING, "{name}: {engine:?} {own:?}");
            }
        }
        came = told.totals.partitions.iter().map(|own| own.produced).sum();
        passed_on = twin.passed_on;
    }
    came
}

const RETRY: GiveUp = GiveUp::RetryTopic(Produce::taking(SimDuration::from_millis(7)));

/// Four partitions on two brokers, two members, three retry topics.
fn retried(rate: f64, commit: CommitPolicy) -> Scenario {
    let mut scenario = closely(system(4, 2, rate, Law::Exponential { mean: 0.004 }));
    scenario.cluster.brokers = 2;
    let settings = &mut scenario.settings[0];
    settings.processing.commit = commit;
    settings.properties.enable_auto_commit = commit == CommitPolicy::Auto;
    settings.properties.auto_commit_interval = ms(1_300);
    settings.properties.session_timeout = ms(6_000);
    settings.properties.heartbeat_interval = ms(1_000);
    let mut scenario = with_retry_topics(scenario, &[ms(1_003), ms(3_001), ms(9_007)]);
    scenario.retry_topics[1].partitions = 3;
    scenario.retry_topics[2].partitions = 1;
    scenario
}

fn three_times(first: u64) -> OnError {
    OnError::Retry {
        seeks: false,
        attempts: 3,
        back_off: BackOff {
            first: ms(first),
            multiplier: 2.0,
            max: ms(150),
        },
        then: RETRY,
    }
}

const POLICIES: [CommitPolicy; 4] = [
    CommitPolicy::Auto,
    CommitPolicy::AfterBatch,
    CommitPolicy::Async,
    CommitPolicy::PerRecord,
];

fn poisoned(rate: f64, commit: CommitPolicy) -> Scenario {
    let share = PoisonRecords::Share(0.05);
    let scenario = with_poison(retried(rate, commit), share, None, three_times(20));
    with_poison(scenario, at_offset(2, 40), Some(ms(31)), three_times(60))
}

#[test]
fn poison_goes_from_topic_to_topic() {
    for commit in POLICIES {
        for rate in [3.0, 100.0, 300.0] {
            let came = assert_chains(&format!("{commit:?} at {rate}/s"), &poisoned(rate, commit));
            assert!(came > 0);
        }
    }
}

/// A call that fails three times in a row, one of the shared dependency or of one beside it.
#[test]
fn what_fails_by_chance_may_be_done_in_another_topic() {
    for commit in POLICIES {
        let mut scenario = retried(40.0, commit);
        let bank = Downstream::new("bank", Law::Exponential { mean: 0.008 });
        let ledger = Downstream::new("ledger", Law::Constant(0.003));
        scenario.downstreams = vec![bank, ledger];
        scenario.settings[0].processing.calls = vec![2, 1];
        for (own, rate) in scenario.downstreams.iter_mut().zip([0.0, 0.6]) {
            own.failure_rate = rate;
            own.on_outage.gives_up = Some(GivesUp {
                attempts: 2,
                back_off: BackOff::NONE,
                then: RETRY,
            });
        }
        let came = assert_chains(&format!("{commit:?}"), &scenario);
        assert!(came > 0);
    }
}

#[test]
fn members_of_every_topic_are_killed_and_restarted_together() {
    for commit in POLICIES {
        let scenario = crash(poisoned(100.0, commit), 7_003, &[1], Some(2_500));
        let scenario = restart(scenario, &[0, 1], true, true);
        let came = assert_chains(&format!("{commit:?}"), &scenario);
        assert!(came > 0);
    }
}
