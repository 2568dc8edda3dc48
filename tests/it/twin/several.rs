//! Records that call several dependencies, beside the engine: equal where none is shared, near where one is.

use lagsim::scenario::{
    BackOff, CommitPolicy, Downstream, GiveUp, GivesUp, Produce, RateLimit, Scenario, WhenLimited,
};
use lagsim::workload::{Law, LoadCurve};

use super::exact::{assert_twins, closely};
use super::limiter::{assert_near, batches, calling};
use crate::systems::{ms, secs, with_backlog};

/// A fraud check before the bank, a ledger after it.
fn beside(mut scenario: Scenario, fraud: Law, ledger: Law, calls: [u32; 2]) -> Scenario {
    let bank = scenario.downstreams.remove(0);
    let of_bank = scenario.settings[0].processing.calls[0];
    scenario.downstreams = vec![
        Downstream::new("fraud", fraud),
        bank,
        Downstream::new("ledger", ledger),
    ];
    scenario.settings[0].processing.calls = vec![calls[0], of_bank, calls[1]];
    scenario
}

fn failing(downstream: &mut Downstream, rate: f64) {
    downstream.failure_rate = rate;
    downstream.on_outage.back_off = ms(40);
}

const LEDGER: Law = Law::Exponential { mean: 0.008 };
const FRAUD: Law = Law::Bimodal {
    fast: 0.001,
    slow: 0.06,
    share: 0.05,
};

#[test]
fn without_a_limit_every_sample_is_equal() {
    for (rate, calls) in [(10.0, [1, 1]), (30.0, [2, 3]), (100.0, [0, 1])] {
        let mut scenario = closely(beside(calling(2, rate, None), FRAUD, LEDGER, calls));
        assert_twins(&format!("{rate}/s, {calls:?}"), &scenario);
        failing(&mut scenario.downstreams[2], 0.2);
        assert_twins(&format!("{rate}/s, {calls:?}, failing"), &scenario);
        scenario.settings[0].processing.concurrency = 4;
        let scenario = with_backlog(scenario, 2_000);
        assert_twins(&format!("{rate}/s, {calls:?}, backlog"), &scenario);
    }
}

/// The ledger's calls fail until the record is given up, or the fraud check's, or both.
#[test]
fn records_that_are_given_up_by_chance() {
    for (first, last, attempts) in [(0.3, 0.0, 1), (0.0, 0.4, 2), (0.3, 0.4, 3)] {
        let own = [Law::Constant(0.003), Law::Constant(0.008)];
        let scenario = beside(
            calling(2, 20.0, None),
            own[0].clone(),
            own[1].clone(),
            [2, 3],
        );
        let mut scenario = closely(scenario);
        for (which, rate) in [(0, first), (2, last)] {
            let own = &mut scenario.downstreams[which];
            own.failure_rate = rate;
            own.on_outage.gives_up = Some(given_up_after(attempts));
        }
        assert_twins(&format!("{first}, {last}"), &scenario);
        scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
        assert_twins(&format!("{first}, {last}, one by one"), &scenario);
        scenario.settings[0].processing.commit = CommitPolicy::Async;
        scenario.settings[0].processing.concurrency = 4;
        let scenario = with_backlog(scenario, 2_000);
        assert_twins(&format!("{first}, {last}, backlog"), &scenario);
    }
}

fn given_up_after(attempts: u32) -> GivesUp {
    GivesUp {
        attempts,
        back_off: BackOff {
            first: ms(10),
            multiplier: 2.0,
            max: ms(30),
        },
        then: GiveUp::DeadLetter(Produce::taking(ms(7))),
    }
}

/// Members behind a limit whose calls are given up at it, and before it.
#[test]
fn a_limit_at_which_records_are_given_up_by_chance() {
    for (members, rates, attempts) in [(6, [0.3, 0.0], 3), (12, [0.5, 0.0], 2), (12, [0.2, 0.3], 2)]
    {
        let mut scenario = calling(members, 300.0, Some((200.0, 1.0)));
        scenario = beside(scenario, Law::Constant(0.006), LEDGER, [1, 0]);
        for (which, rate) in [(1, rates[0]), (0, rates[1])] {
            let own = &mut scenario.downstreams[which];
            own.failure_rate = rate;
            own.on_outage.gives_up = Some(given_up_after(attempts));
        }
        let name = format!("{members} members, {rates:?}");
        assert_near(&name, &scenario, 0.02, batches(&scenario) + 0.02 * 80_000.0);
        scenario.settings[0].processing.calls[1] = 3;
        let name = format!("{name}, three calls");
        assert_near(&name, &scenario, 0.02, batches(&scenario) + 0.02 * 80_000.0);
    }
}

/// Members behind a limit are away between two calls for what they do elsewhere.
#[test]
fn a_limit_lets_through_as_many_whatever_else_is_called() {
    for (members, calls) in [(6, [1, 1]), (12, [1, 1]), (12, [0, 2])] {
        let mut scenario = calling(members, 300.0, Some((200.0, 1.0)));
        scenario = beside(scenario, FRAUD, LEDGER, calls);
        let name = format!("{members} members, {calls:?}");
        assert_near(&name, &scenario, 0.02, batches(&scenario) + 0.02 * 80_000.0);
        failing(&mut scenario.downstreams[2], 0.1);
        let name = format!("{name}, failing");
        assert_near(&name, &scenario, 0.02, batches(&scenario) + 0.02 * 80_000.0);
    }
}

/// Where the limit just begins to bind, how what is done elsewhere varies shows too.
#[test]
fn near_the_knee_the_laws_of_all_calls_show() {
    let slow = Law::Bimodal {
        fast: 0.001,
        slow: 0.5,
        share: 0.02,
    };
    for ledger in [Law::Constant(0.011), LEDGER, slow] {
        let scenario = calling(6, 300.0, Some((200.0, 1.0)));
        let scenario = beside(scenario, Law::Constant(0.003), ledger.clone(), [1, 1]);
        assert_near(&format!("{ledger:?}"), &scenario, 0.03, 0.03 * 80_000.0);
    }
}

/// Seven calls at the limit and one of the ledger: the ledger's is spread over them.
#[test]
fn several_calls_at_the_limit_and_one_elsewhere() {
    let mut scenario = calling(6, 50.0, Some((200.0, 20.0)));
    scenario.settings[0].processing.calls = vec![7];
    scenario.settings[0].properties.max_poll_records = 10;
    let scenario = beside(scenario, FRAUD, Law::Constant(0.03), [0, 1]);
    assert_near("seven calls", &scenario, 0.01, 10.0 * 6.0 + 0.01 * 12_000.0);
}

#[test]
fn places_load_and_refusals_of_the_shared_one() {
    let spread = |scenario| beside(scenario, FRAUD, LEDGER, [1, 1]);
    let mut scenario = spread(calling(8, 300.0, None));
    scenario.downstreams[1].concurrency = Some(2);
    assert_near("two places", &scenario, 0.02, 0.02 * 80_000.0);
    let mut scenario = spread(calling(12, 500.0, None));
    scenario.downstreams[1].load = LoadCurve::from_knots(vec![(3, 1.0), (12, 4.0)]);
    assert_near("under load", &scenario, 0.02, 0.02 * 200_000.0);
    let mut scenario = spread(calling(12, 300.0, Some((200.0, 20.0))));
    scenario.downstreams[1].when_limited = WhenLimited::Reject;
    scenario.downstreams[1].on_outage.back_off = ms(20);
    assert_near("refused", &scenario, 0.02, batches(&scenario) + 300.0);
    let mut scenario = spread(calling(2, 300.0, Some((200.0, 1.0))));
    scenario.settings[0].processing.concurrency = 8;
    assert_near("eight each", &scenario, 0.02, 0.02 * 80_000.0);
}

/// A limit that is spent, and saved up again, while its callers are elsewhere.
#[test]
fn saved_tokens_are_those_of_the_shared_one() {
    let mut scenario = with_backlog(calling(4, 20.0, None), 6_000);
    scenario.horizon = secs(300);
    scenario = beside(scenario, FRAUD, LEDGER, [1, 1]);
    scenario.downstreams[1].limit = Some(RateLimit {
        rate: 60.0,
        burst: 3_000.0,
    });
    assert_near("a burst", &scenario, 0.01, batches(&scenario) + 200.0);
}
