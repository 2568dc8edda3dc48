//! What goes wrong in scenarios drawn at random: dependencies that limit, fail or stand still, and poison.

use lagsim::kafka::{Heartbeats, RebalanceProtocol, RejoinFrom};
use lagsim::scenario::{
    Action, BackOff, DeadLetterTopic, Downstream, DownstreamChange, GiveUp, GivesUp, OnError,
    OnFailure, OnOutage, PoisonRecords, Produce, RateLimit, RetryBy, Scenario, Settings,
    WhenLimited, WhileOpen,
};
use lagsim::units::{ProcessId, SimDuration, SimTime};
use lagsim::workload::{BreakerConfig, Law};

use super::draw::{DISTURBED, Dice};
use crate::systems::{self, at_offset, ms, secs, with, with_poison};

pub(super) fn limit(dice: &mut Dice, calm: bool) -> Option<RateLimit> {
    let rate = dice.of(&[if calm { 900.0 } else { 30.0 }, 2_000.0]);
    let burst = dice.of(&[1.0, 50.0]);
    dice.once_in(2).then_some(RateLimit { rate, burst })
}

pub(super) fn downstream(dice: &mut Dice, calm: bool) -> Downstream {
    let limit = limit(dice, calm);
    let latency = dice.of(&[Law::Constant(0.001), Law::Exponential { mean: 0.002 }]);
    Downstream {
        limit,
        concurrency: dice.of(&[None, Some(3)]),
        on_outage: on_outage(dice),
        ..Downstream::new("bank", latency)
    }
}

fn on_outage(dice: &mut Dice) -> OnOutage {
    let config = BreakerConfig {
        failure_rate_threshold: dice.of(&[0.1, 0.5, 1.0]),
        sliding_window_size: dice.of(&[1, 10, 100]),
        minimum_number_of_calls: dice.of(&[1, 10]),
        wait_duration_in_open_state: ms(dice.of(&[1, 2_000, 40_000])),
        permitted_number_of_calls_in_half_open_state: dice.of(&[1, 10]),
    };
    let while_open = dice.of(&[
        WhileOpen::Block,
        WhileOpen::Buffer { records: 0 },
        WhileOpen::Buffer { records: 500 },
    ]);
    OnOutage {
        timeout: dice.of(&[None, Some(ms(1)), Some(secs(3))]),
        back_off: ms(dice.of(&[1, 500, 30_000])),
        gives_up: None,
        breaker: dice.of(&[None, Some((config, while_open)), Some((config, while_open))]),
    }
}

/// Of half of those with breakers, with batches that are not worked off: members that poll on set them aside as their breakers open, with
/// poison records in them; and others leave them to rejoin while theirs are.
pub(super) fn breaking_off(mut scenario: Scenario, seed: u64) -> Scenario {
    let mut breakers = scenario.downstreams.iter_mut();
    let own = breakers.find(|own| own.on_outage.breaker.is_some());
    let Some(own) = own.filter(|_| seed.is_multiple_of(2)) else {
        return scenario;
    };
    let leaves = seed % 5 > 2;
    let mut dice = Dice(seed.rotate_left(17));
    // One that chance opens again and again is not to keep a group from catching up.
    let (least, longest) = match own.failure_rate > 0.0 {
        true => (10, 2_000),
        false => (1, 15_000),
    };
    let config = BreakerConfig {
        sliding_window_size: 10,
        minimum_number_of_calls: dice.of(&[least, 10]),
        wait_duration_in_open_state: ms(dice.of(&[2_000, longest])),
        ..BreakerConfig::default()
    };
    let while_open = match leaves {
        true => WhileOpen::Block,
        false => WhileOpen::Buffer {
            records: dice.of(&[0, 500]),
        },
    };
    own.on_outage.breaker = Some((config, while_open));
    own.on_outage.back_off = ms(if own.failure_rate > 0.0 { 1 } else { 20 });
    if !leaves {
        scenario.poison.clear();
        for settings in &mut scenario.settings {
            settings.on_error.clear();
        }
        let handling = OnError::Retry {
            seeks: false,
            attempts: 3,
            back_off: BackOff::NONE,
            then: GiveUp::Skip,
        };
        let which = PoisonRecords::Share(0.1);
        scenario = with_poison(scenario, which, Some(ms(1)), handling);
    }
    for settings in &mut scenario.settings {
        // No client that leaves its batch is cooperative.
        let eager = settings.properties.assignor.protocol() == RebalanceProtocol::Eager;
        if leaves && eager && settings.client.rejoin_from == RejoinFrom::NextPoll {
            settings.client.rejoin_from = RejoinFrom::Heartbeat;
        }
        settings.processing.calls = vec![1];
    }
    for _ in 0..6 {
        let at = dice.below(DISTURBED - 12_000);
        let (fail, resume) = (DownstreamChange::Fail, DownstreamChange::Resume);
        let restart = Action::Restart {
            processes: vec![ProcessId(0)],
            gap: ms(1_000),
            start_up: ms(0),
            graceful: true,
            rolling: false,
            settings: None,
        };
        let lasts = dice.of(&[500, 2_000]);
        for (after, action) in [
            (0, Action::Downstream(0, fail)),
            (lasts, Action::Downstream(0, resume)),
            (dice.below(3_000), restart),
        ] {
            scenario = with(scenario, SimTime::from_millis(at + after), action);
        }
    }
    scenario.timeline.sort_by_key(|entry| entry.at);
    scenario
}

/// With callers that give up, where no breaker keeps them from calling.
pub(super) fn giving_up(mut scenario: Scenario, seed: u64, calm: bool) -> Scenario {
    let mut dice = Dice(!seed);
    let Some(downstream) = scenario.downstreams.first_mut() else {
        return scenario;
    };
    let pool = scenario.settings[0].processing.order.is_some();
    let refuses = downstream.when_limited == WhenLimited::Reject;
    if pool || refuses || downstream.on_outage.breaker.is_some() {
        return scenario;
    }
    let closes = dice.once_in(2);
    let then = [
        GiveUp::Skip,
        GiveUp::DeadLetter(Produce::taking(ms(5))),
        GiveUp::Crash { closes },
    ];
    let first = ms(dice.of(&[0, 10, 2_000]));
    // Chance goes on failing: nobody catches up with pauses as long as a batch may take.
    let lasts = calm && downstream.failure_rate > 0.0;
    let first = if lasts { first.min(ms(1)) } else { first };
    downstream.on_outage.gives_up = Some(GivesUp {
        attempts: dice.of(&[1, 3]),
        back_off: BackOff {
            first,
            multiplier: 2.0,
            max: first * 2,
        },
        then: dice.of(&then[..if calm { 2 } else { 3 }]),
    });
    scenario
}

/// Of some seeds, with a second dependency before or after the other: its own draws, its own troubles.
pub(super) fn with_ledger(mut scenario: Scenario, seed: u64, calm: bool) -> Scenario {
    if seed % 7 > 2 || scenario.downstreams.is_empty() {
        return scenario;
    }
    let mut dice = Dice(seed.reverse_bits());
    let pool = scenario.settings[0].processing.order.is_some();
    let latency = dice.of(&[Law::Constant(0.001), Law::Exponential { mean: 0.001 }]);
    let mut ledger = Downstream::new("ledger", latency);
    ledger.on_outage.back_off = ms(if calm { 1 } else { dice.of(&[1, 500, 30_000]) });
    ledger.on_outage.timeout = dice.of(&[None, Some(ms(1)), Some(secs(3))]);
    let drawn = dice.below(3);
    if drawn == 1 {
        ledger.failure_rate = if calm { 0.1 } else { 0.3 };
    } else if drawn == 2 && !pool {
        let back_off = BackOff {
            first: ms(10),
            multiplier: 2.0,
            max: ms(50),
        };
        let closes = dice.once_in(2);
        let then = [
            GiveUp::Skip,
            GiveUp::DeadLetter(Produce::taking(ms(5))),
            GiveUp::Crash { closes },
        ];
        ledger.on_outage.gives_up = Some(GivesUp {
            attempts: dice.of(&[1, 3]),
            back_off,
            then: dice.of(&then[..if calm { 2 } else { 3 }]),
        });
    }
    let at = dice.below(2) as usize;
    scenario.downstreams.insert(at, ledger);
    for settings in &mut scenario.settings {
        settings.processing.calls.insert(at, dice.below(2) as u32);
    }
    for entry in &mut scenario.timeline {
        if let Action::Downstream(which, _) = &mut entry.action {
            *which = 1 - at;
        }
    }
    for _ in 0..dice.below(4) {
        let change = dice.of(&[
            DownstreamChange::Stop,
            DownstreamChange::Fail,
            DownstreamChange::Resume,
            DownstreamChange::Latency(Law::Constant(0.002)),
            DownstreamChange::FailureRate(if drawn == 1 { 0.5 } else { 0.0 }),
        ]);
        let when = SimTime::from_millis(dice.below(DISTURBED));
        scenario = with(scenario, when, Action::Downstream(at, change));
    }
    for change in [DownstreamChange::Resume, DownstreamChange::FailureRate(0.0)] {
        scenario = with(
            scenario,
            SimTime::from_millis(DISTURBED),
            Action::Downstream(at, change),
        );
    }
    scenario.timeline.sort_by_key(|entry| entry.at);
    scenario
}

pub(super) fn poisoned(scenario: Scenario, dice: &mut Dice, calm: bool) -> Scenario {
    let which = dice.of(&[
        PoisonRecords::Share(0.01),
        at_offset(0, 5),
        at_offset(0, 40),
    ]);
    let attempt = dice.of(&[None, Some(SimDuration::ZERO), Some(ms(30))]);
    let given_up = |then| OnError::Retry {
        seeks: false,
        attempts: 3,
        back_off: BackOff {
            first: ms(10),
            multiplier: 2.0,
            max: ms(50),
        },
        then,
    };
    let mut handlings = vec![
        given_up(GiveUp::Skip),
        given_up(GiveUp::DeadLetter(Produce::taking(ms(5)))),
    ];
    if !calm {
        let drawn = dice.of(&[1, 500]);
        // Each of a pool's failing records is tried again so often, however many there are.
        let pool = scenario.settings[0].processing.order.is_some();
        let back_off = ms(if pool { 500 } else { drawn });
        handlings.push(OnError::RetryForever(RetryBy::Seek { back_off }));
        handlings.push(OnError::RetryForever(RetryBy::InPlace));
        let closes = dice.once_in(2);
        if scenario.settings[0].processing.order.is_none() {
            handlings.push(given_up(GiveUp::Crash { closes }));
        }
    }
    let mut scenario = with_poison(scenario, which, attempt, handlings[0].clone());
    for settings in &mut scenario.settings {
        let last = settings.on_error.len() - 1;
        settings.on_error[last] = dice.of(&handlings);
    }
    scenario
}

/// The same with a dead-letter topic that is down now and then, if it has one.
pub(super) fn losing_dead_letters(
    mut scenario: Scenario,
    seed: u64,
    calm: bool,
) -> Option<Scenario> {
    let mut dice = Dice(seed ^ 0x00DE_AD1E_77E5);
    let between = |own: &Settings| own.client.heartbeats == Heartbeats::BetweenRecords;
    let between = scenario.settings.iter().any(between);
    let mut passes_on = false;
    let mut fail = |then: &mut GiveUp, seeks: bool, dice: &mut Dice| {
        if let GiveUp::DeadLetter(produce) = then {
            passes_on = true;
            let ways = [OnFailure::Skip, OnFailure::Retry, OnFailure::Crash];
            produce.on_failure = match dice.of(&ways[..if calm { 2 } else { 3 }]) {
                OnFailure::Retry if between && !seeks => OnFailure::Skip,
                other => other,
            };
            produce.timeout = ms(dice.of(&[6, 300, 9_000]));
        }
    };
    for settings in &mut scenario.settings {
        settings.processing.concurrency = 1;
        for handling in &mut settings.on_error {
            if let OnError::Retry { then, seeks, .. } = handling {
                *seeks = dice.once_in(2);
                fail(then, *seeks, &mut dice);
            }
        }
    }
    let downstreams = scenario.downstreams.iter_mut();
    for gives_up in downstreams.filter_map(|own| own.on_outage.gives_up.as_mut()) {
        fail(&mut gives_up.then, false, &mut dice);
    }
    if !passes_on || scenario.settings[0].processing.order.is_some() {
        return None;
    }
    let ways = [
        DeadLetterTopic::Stopped,
        DeadLetterTopic::Failing,
        DeadLetterTopic::Up,
    ];
    for _ in 0..1 + dice.below(6) {
        let at = SimTime::from_millis(dice.below(DISTURBED));
        let answers = dice.of(&ways);
        scenario = with(scenario, at, Action::DeadLetter(answers));
    }
    let resume = Action::DeadLetter(DeadLetterTopic::Up);
    scenario = with(scenario, SimTime::from_millis(DISTURBED), resume);
    scenario.timeline.sort_by_key(|entry| entry.at);
    Some(scenario)
}

/// The same with retry topics where it has a dead-letter topic.
pub(super) fn retrying(mut scenario: Scenario) -> Option<Scenario> {
    let mut passes_on = false;
    let mut pass_on = |then: &mut GiveUp| {
        if let GiveUp::DeadLetter(produce) = *then {
            *then = GiveUp::RetryTopic(produce);
            passes_on = true;
        }
    };
    for settings in &mut scenario.settings {
        for handling in &mut settings.on_error {
            if let OnError::Retry { then, .. } = handling {
                pass_on(then);
            }
        }
    }
    let downstreams = scenario.downstreams.iter_mut();
    for gives_up in downstreams.filter_map(|own| own.on_outage.gives_up.as_mut()) {
        pass_on(&mut gives_up.then);
    }
    let pool = scenario.settings[0].processing.order.is_some();
    let goes = passes_on && !pool && scenario.deployment.is_none();
    goes.then(|| systems::with_retry_topics(scenario, &[ms(1_500), secs(20)]))
}
