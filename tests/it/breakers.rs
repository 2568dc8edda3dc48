//! What a circuit breaker sees of its member's calls, and what its member makes of an open one: whatever else happens to the batch
//! in hand. Not when it opens.

use lagsim::kafka::RejoinFrom;
use lagsim::scenario::{
    Action, BackOff, CommitPolicy, Downstream, DownstreamChange, GiveUp, GivesUp, OnError, RetryBy,
    Scenario, WhileOpen,
};
use lagsim::sim::Fact;
use lagsim::workload::{BreakerConfig, BreakerState, Law};

use crate::systems::{
    self, Told, at_ms, at_offset, ms, run, secs, with, with_backlog, with_poison,
};

const BANK: usize = 0;
const LEDGER: usize = 1;

/// One member with a backlog whose records make a call of the bank, of 10 ms, and one of the ledger, of 7 ms. The bank's refused
/// calls are made again after 100 ms; those of the ledger are given up at once.
fn system(config: BreakerConfig, while_open: WhileOpen) -> Scenario {
    let mut scenario = systems::system(1, 1, 0.0, Law::Constant(0.003));
    scenario.horizon = secs(300);
    let settings = &mut scenario.settings[0];
    settings.processing.calls = vec![1, 1];
    settings.properties.max_poll_records = 100_000;
    settings.properties.max_partition_fetch_bytes = 100 << 20;
    settings.properties.fetch_max_bytes = 100 << 20;
    let mut bank = Downstream::new("bank", Law::Constant(0.010));
    bank.on_outage.back_off = ms(100);
    bank.on_outage.breaker = Some((config, while_open));
    let mut ledger = Downstream::new("ledger", Law::Constant(0.007));
    ledger.on_outage.gives_up = Some(GivesUp {
        attempts: 1,
        back_off: BackOff {
            first: ms(1),
            multiplier: 1.0,
            max: ms(1),
        },
        then: GiveUp::Skip,
    });
    scenario.downstreams = vec![bank, ledger];
    with_backlog(scenario, 50_000)
}

fn change(scenario: Scenario, at: u64, which: usize, change: DownstreamChange) -> Scenario {
    with(scenario, at_ms(at), Action::Downstream(which, change))
}

/// When a breaker took which state (s).
fn turns(told: &Told) -> Vec<(f64, BreakerState)> {
    let found = told.find(|fact| match fact {
        Fact::BreakerTurned { state, .. } => Some(*state),
        _ => None,
    });
    let timed = found.into_iter();
    timed.map(|(at, state)| (at.as_secs_f64(), state)).collect()
}

fn first_opening(told: &Told) -> f64 {
    let (at, state) = turns(told)[0];
    assert!(matches!(state, BreakerState::Open { .. }), "{state:?}");
    at
}

/// Whoever leaves its batch because it is to rejoin finds its breaker open: also before the calls of its next batch.
#[test]
fn a_member_that_leaves_its_batch_to_rejoin_waits_for_its_breaker_with_the_next_one() {
    let config = BreakerConfig {
        sliding_window_size: 10,
        minimum_number_of_calls: 10,
        permitted_number_of_calls_in_half_open_state: 1,
        ..BreakerConfig::default()
    };
    let mut scenario = system(config, WhileOpen::Block);
    scenario.settings[0].client.rejoin_from = RejoinFrom::Heartbeat;
    scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
    let start = Some(at_ms(30_000));
    scenario.group.processes.push(systems::process(1, start));
    for (process, id) in scenario.group.processes.iter_mut().zip(["first", "second"]) {
        process.client_id = Some(id.into()); // It has the partition, the other one none.
    }
    let scenario = change(scenario, 20_000, BANK, DownstreamChange::Fail);
    let scenario = change(scenario, 25_000, BANK, DownstreamChange::Resume);
    let told = run(&scenario);
    // Five refusals in ten calls, 100 ms apart.
    let opened = first_opening(&told);
    assert!((20.4..20.5).contains(&opened), "{opened}");
    assert!(told.stable_at().len() >= 2, "it rejoins");
    let half_open = turns(&told)[1];
    assert_eq!(half_open, (opened + 60.0, BreakerState::HalfOpen));
    let committed = |at: usize| told.samples[at].1[0].committed;
    assert!(
        committed(40) > Some(800),
        "what it has done: {:?}",
        committed(40)
    );
    assert_eq!(committed(40), committed(80), "it waits for its breaker");
    assert!(committed(90) > committed(80), "and then goes on");
}

/// A breaker whose window takes every call opens by the n-th refusal after n calls. Each outage of the ledger plans anew what is
/// left of the batch, and so does its end; whom it makes give up after its call of the bank has made that, and whom before has not.
#[test]
fn calls_are_counted_once_however_often_another_dependency_goes_down() {
    let config = BreakerConfig {
        sliding_window_size: 100_000,
        minimum_number_of_calls: 1,
        ..BreakerConfig::default()
    };
    for ledger_first in [false, true] {
        for (outages, concurrency) in [(0, 1), (1, 1), (7, 1), (40, 1), (7, 4)] {
            let mut scenario = system(config, WhileOpen::Block);
            let (mut bank, mut ledger) = (BANK, LEDGER);
            if ledger_first {
                scenario.downstreams.reverse();
                (bank, ledger) = (ledger, bank);
            }
            let processing = &mut scenario.settings[0].processing;
            processing.concurrency = concurrency;
            processing.commit = match concurrency {
                1 => CommitPolicy::PerRecord,
                _ => CommitPolicy::AfterBatch,
            };
            for outage in 0..outages {
                let at = 2_000 + outage * 103;
                scenario = change(scenario, at, ledger, DownstreamChange::Fail);
                scenario = change(scenario, at + 51, ledger, DownstreamChange::Resume);
            }
            let told = run(&change(scenario, 10_000, bank, DownstreamChange::Fail));
            let opened = first_opening(&told);
            let calls = (((opened - 10.0) / 0.1).round() as u64 + 1) * u64::from(concurrency);
            let name = format!("{outages} outages, {concurrency} at once, {ledger_first}: {calls}");
            // The ledger is out for 51 ms each time; 20 ms a record, without it 13 ms or, if it comes first, 3 ms.
            let out = outages as f64 * 0.051;
            if concurrency > 1 {
                let done = match ledger_first {
                    false => (9.98 - out) / 0.020 + out / 0.013,
                    true => (9.98 - out) / 0.020,
                };
                assert!(
                    (calls as f64 / (4.0 * done) - 1.0).abs() < 0.015,
                    "{name}, {done}"
                );
                continue;
            }
            let mut done = told.samples[10].1[0].committed.expect("records are done");
            if ledger_first {
                done -= told.totals.partitions[0].skipped;
            }
            // The record in hand may have made its call of the bank.
            assert!((done..=done + 1).contains(&calls), "{name}, {done} done");
        }
    }
}

/// Poison that is given up in its handler before the breaker opens under the batch, and poison that is sought back to.
#[test]
fn attempts_at_poison_are_counted_whether_or_not_their_batch_is_set_aside() {
    let config = BreakerConfig {
        sliding_window_size: 10,
        minimum_number_of_calls: 10,
        wait_duration_in_open_state: secs(5),
        ..BreakerConfig::default()
    };
    let in_place = |then| OnError::Retry {
        attempts: 3,
        back_off: BackOff {
            first: ms(10),
            multiplier: 1.0,
            max: ms(10),
        },
        then,
        seeks: false,
    };
    for while_open in [
        WhileOpen::Block,
        WhileOpen::Buffer { records: 0 },
        WhileOpen::Buffer { records: 500 },
    ] {
        let mut scenario = with_backlog(system(config, while_open), 2_000);
        scenario.horizon = secs(120);
        for offset in [7, 8, 90] {
            scenario = with_poison(scenario, at_offset(0, offset), None, in_place(GiveUp::Skip));
        }
        let scenario = change(scenario, 5_000, BANK, DownstreamChange::Fail);
        let scenario = change(scenario, 20_000, BANK, DownstreamChange::Resume);
        let told = run(&scenario);
        let name = format!("{while_open:?}");
        assert!(turns(&told).len() > 2, "{name}: it opens");
        assert_eq!(told.total_lags().pop(), Some(0), "{name}");
        assert_eq!(told.totals.partitions[0].skipped, 3, "{name}");
        assert_eq!(told.totals.poison_attempts, 9, "{name}");
    }
    // The other partition's poison is sought back to again and again, at every 4 s: also by a batch that is set aside.
    let mut scenario = system(config, WhileOpen::Buffer { records: 500 });
    let back_off = secs(4);
    scenario.topic.partitions.push(scenario.topic.partitions[0]);
    scenario.production.shares[0].of = vec![0.5, 0.5];
    let handling = OnError::RetryForever(RetryBy::Seek { back_off });
    let scenario = with_poison(scenario, at_offset(0, 0), None, handling);
    let once = run(&scenario).totals.poison_attempts;
    let scenario = change(scenario, 1_000, BANK, DownstreamChange::Fail);
    let told = run(&change(scenario, 2_500, BANK, DownstreamChange::Resume));
    let stuck = told.samples.last().expect("samples").1[0];
    assert_eq!(stuck.committed.unwrap_or(0), 0, "nobody gets past it");
    assert!(told.totals.poison_attempts >= once, "{:?}", told.totals);
}
