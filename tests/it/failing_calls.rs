//! Calls that fail by chance, and records given up because of them: their share, what they cost, and what becomes of them.

use lagsim::scenario::{
    Action, BackOff, CommitPolicy, DeadLetterTopic, Downstream, DownstreamChange, GiveUp, GivesUp,
    OnFailure, Produce, RateLimit, Scenario,
};
use lagsim::sim::Fact;
use lagsim::units::SimDuration;
use lagsim::workload::Law;

use crate::systems::{
    Told, at_ms, ms, run, run_chain, secs, system, with, with_backlog, with_retry_topics,
};

const PRODUCE: Produce = Produce::taking(SimDuration::from_millis(10));

/// So many attempts, with pauses of 20 ms and then 40 ms between them.
fn after(attempts: u32, then: GiveUp) -> GivesUp {
    GivesUp {
        attempts,
        back_off: BackOff {
            first: ms(20),
            multiplier: 2.0,
            max: ms(40),
        },
        then,
    }
}

/// Eight members with a backlog, whose records take 2 ms and `calls` calls of 10 ms, a share of which fails.
fn flaky(calls: u32, rate: f64, gives_up: GivesUp) -> Scenario {
    let mut scenario = system(8, 8, 0.0, Law::Constant(0.002));
    scenario.horizon = secs(600);
    scenario.settings[0].processing.calls = vec![calls];
    scenario.settings[0].properties.max_poll_records = 10;
    let mut bank = Downstream::new("bank-api", Law::Constant(0.010));
    bank.failure_rate = rate;
    bank.on_outage.gives_up = Some(gives_up);
    scenario.downstreams = vec![bank];
    with_backlog(scenario, 1_000_000)
}

fn sums(told: &Told) -> (u64, u64) {
    let all = told.totals.partitions.iter();
    let each = all.map(|own| (own.processed, own.skipped + own.dead_lettered + own.retried));
    each.fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1))
}

/// A count of so many tries with this chance each is not further off than chance explains.
fn assert_share(name: &str, found: u64, tries: u64, share: f64) {
    let (expected, deviation) = (
        tries as f64 * share,
        (tries as f64 * share * (1.0 - share)).sqrt(),
    );
    let off = (found as f64 - expected).abs();
    assert!(
        off <= 4.0 * deviation + 2.0,
        "{name}: {found} for {expected}"
    );
}

/// One of k calls fails n times: 1 - (1 - p^n)^k of the records. A record makes (1 - (1 - p^n)^k) / p^n calls, each of
/// (1 - p^n) / (1 - p) attempts and a pause after each failure but the last.
#[test]
fn the_share_given_up_and_the_speed_of_the_group_are_those_of_their_closed_forms() {
    for (calls, rate, attempts, then) in [
        (1, 0.3_f64, 3, GiveUp::DeadLetter(PRODUCE)),
        (1, 0.3, 1, GiveUp::Skip),
        (3, 0.5, 2, GiveUp::DeadLetter(PRODUCE)),
        (2, 0.05, 2, GiveUp::Skip),
    ] {
        let name = format!("{calls} calls, {rate}, {attempts} attempts");
        let lost_call = rate.powi(attempts as i32);
        let lost = 1.0 - (1.0 - lost_call).powi(calls as i32);
        let made = lost / lost_call;
        let tries = made * (1.0 - lost_call) / (1.0 - rate);
        let pauses = [0.020, 0.040]
            .iter()
            .enumerate()
            .take(attempts as usize - 1);
        let pauses: f64 = pauses
            .map(|(nth, pause)| rate.powi(nth as i32 + 1) * pause)
            .sum();
        let record = 0.002 + tries * 0.010 + made * pauses + lost * then.takes().as_secs_f64();
        let scenario = flaky(calls, rate, after(attempts, then));
        let by_the_model = scenario.settings[0]
            .processing
            .record_s(&scenario.downstreams);
        assert!(
            (by_the_model / record - 1.0).abs() < 1e-9,
            "{name}: {by_the_model}"
        );
        let told = run(&scenario);
        let (processed, given_up) = sums(&told);
        assert_share(&name, given_up, processed + given_up, lost);
        assert_eq!(told.totals.calls_given_up, [given_up], "{name}");
        let failed = (tries - made * (1.0 - lost_call)) * (processed + given_up) as f64;
        let found = told.totals.calls_failed as f64;
        assert!(
            (found / failed - 1.0).abs() < 0.03,
            "{name}: {found} for {failed}"
        );
        let lags = told.total_lags();
        let speed = (lags[100] - lags[500]) as f64 / 400.0;
        let expected = 8.0 * 10.0 / (10.0 * record + 0.004);
        assert!(
            (speed / expected - 1.0).abs() < 0.01,
            "{name}: {speed} for {expected}"
        );
        // Each attempt takes a token.
        let mut scenario = scenario;
        scenario.downstreams[0].limit = Some(RateLimit {
            rate: 40.0,
            burst: 1.0,
        });
        let lags = run(&scenario).total_lags();
        let speed = (lags[100] - lags[500]) as f64 / 400.0;
        assert!(
            (speed * tries / 40.0 - 1.0).abs() < 0.015,
            "{name}, limited: {speed}"
        );
    }
}

/// The example of the README: 30 % fail, three attempts.
#[test]
fn three_attempts_of_which_three_in_ten_fail_lose_27_records_in_a_thousand() {
    let scenario = flaky(1, 0.3, after(3, GiveUp::Skip));
    let call = scenario.downstreams[0].call();
    assert!((call.attempts() - 1.39).abs() < 1e-12);
    let (processed, given_up) = sums(&run(&scenario));
    assert_share("27 in a thousand", given_up, processed + given_up, 0.027);
}

/// One member with a backlog, committing after every record.
fn lone(rate: f64, gives_up: GivesUp) -> Scenario {
    let mut scenario = system(1, 1, 0.0, Law::Constant(0.002));
    scenario.horizon = secs(1_000);
    scenario.settings[0].processing.calls = vec![1];
    scenario.settings[0].processing.commit = CommitPolicy::PerRecord;
    scenario.settings[0].processing.restart.back_off = ms(1);
    scenario.settings[0].processing.restart.max_back_off = ms(1);
    let mut bank = Downstream::new("bank-api", Law::Constant(0.010));
    bank.failure_rate = rate;
    bank.on_outage.gives_up = Some(gives_up);
    scenario.downstreams = vec![bank];
    with_backlog(scenario, 1_000_000)
}

/// Whoever comes back to the record has luck of its own with it: of those who try a record, as many exit as of any other.
#[test]
fn a_process_that_exits_because_of_bad_luck_gets_past_its_record_when_it_comes_back() {
    for (rate, attempts, calls) in [(0.1_f64, 2, 1), (0.5, 3, 1), (0.3, 3, 2)] {
        let mut scenario = lone(rate, after(attempts, GiveUp::Crash { closes: true }));
        scenario.settings[0].processing.calls = vec![calls];
        let told = run(&scenario);
        let (processed, given_up) = sums(&told);
        assert_eq!(given_up, 0);
        assert!(told.totals.crashes > 20, "{rate}: {}", told.totals.crashes);
        assert_eq!(told.totals.calls_given_up, [told.totals.crashes]);
        let lost = 1.0 - (1.0 - rate.powi(attempts as i32)).powi(calls as i32);
        let tries = processed + told.totals.crashes;
        assert_share(&format!("{rate}"), told.totals.crashes, tries, lost);
        // The same record twice in a row is as rare as chance has it.
        let at = told.find(|fact| match fact {
            Fact::Crashed { offset, .. } => Some(*offset),
            _ => None,
        });
        let again = at.windows(2).filter(|two| two[0].1 == two[1].1).count() as u64;
        assert_share(&format!("{rate}, again"), again, told.totals.crashes, lost);
    }
}

/// In an outage every attempt fails, before and after it chance decides.
#[test]
fn an_outage_of_a_dependency_whose_calls_fail_by_chance_gives_up_all_meanwhile() {
    let scenario = lone(0.3, after(3, GiveUp::Skip));
    let fail = Action::Downstream(0, DownstreamChange::Fail);
    let resume = Action::Downstream(0, DownstreamChange::Resume);
    let scenario = with(scenario, at_ms(300_000), fail);
    let told = run(&with(scenario, at_ms(600_000), resume));
    let (processed, given_up) = sums(&told);
    // Refused at once: 2 ms, two pauses, and a commit of 4 ms.
    let in_the_outage = 300.0 / 0.066;
    let by_chance = told.totals.calls_given_up[0];
    assert!(
        ((given_up - by_chance) as f64 - in_the_outage).abs() < 3.0,
        "{given_up}, {by_chance}"
    );
    assert_share("outside", by_chance, processed + by_chance, 0.027);
}

/// A dependency that is out comes after one that fails by chance, or before it.
#[test]
fn whoever_is_given_up_by_chance_before_it_comes_to_what_is_out_does_not_feel_the_outage() {
    for out_first in [false, true] {
        let mut scenario = lone(0.3, after(1, GiveUp::Skip));
        let mut ledger = Downstream::new("ledger", Law::Constant(0.001));
        ledger.on_outage.gives_up = Some(after(2, GiveUp::DeadLetter(PRODUCE)));
        scenario.downstreams.insert(usize::from(!out_first), ledger);
        scenario.settings[0].processing.calls = vec![1, 1];
        let which = usize::from(!out_first);
        let fail = Action::Downstream(which, DownstreamChange::Fail);
        let told = run(&with(scenario, at_ms(100_000), fail));
        let totals = told.totals.partitions[0];
        let before = 100.0 / (0.002 + 0.010 + 0.7 * 0.001 + 0.004);
        let skipped = totals.skipped as f64 - 0.3 * before;
        match out_first {
            true => assert!(skipped.abs() < 200.0, "{skipped}"),
            false => assert_share(
                "lost before",
                totals.skipped,
                totals.skipped + totals.processed + totals.dead_lettered,
                0.3,
            ),
        }
        assert!(totals.dead_lettered > 5_000);
    }
}

/// While the dead-letter topic is down a record that chance would send there starts anew, and has another try.
#[test]
fn records_that_the_dead_letter_topic_does_not_take_have_their_calls_made_anew() {
    let produce = Produce {
        takes: ms(10),
        timeout: ms(300),
        on_failure: OnFailure::Retry,
    };
    let scenario = lone(0.3, after(2, GiveUp::DeadLetter(produce)));
    let stop = Action::DeadLetter(DeadLetterTopic::Stopped);
    let told = run(&with(scenario, at_ms(500_000), stop));
    let totals = told.totals.partitions[0];
    let failed = told.totals.dead_letters_failed;
    let before = 500.0 / (0.002 + 1.3 * 0.010 + 0.3 * 0.020 + 0.09 * 0.010 + 0.004);
    assert!((totals.dead_lettered as f64 / (0.09 * before) - 1.0).abs() < 0.1);
    // Each try takes its attempts; 9 % of the tries their timeout too.
    let each = 0.002 + 1.3 * 0.010 + 0.3 * 0.020 + 0.09 * 0.300 + 0.91 * 0.004;
    let tries = 500.0 / each;
    assert!(
        (failed as f64 / (0.09 * tries) - 1.0).abs() < 0.1,
        "{failed} of {tries}"
    );
    let processed = totals.processed as f64 - 0.91 * before;
    assert!(
        (processed / (0.91 * tries) - 1.0).abs() < 0.05,
        "{processed} of {tries}"
    );
}

/// With one attempt in each, a share of p of what was given up fails again.
#[test]
fn a_retry_topic_has_luck_of_its_own() {
    let mut scenario = flaky(1, 0.3, after(2, GiveUp::RetryTopic(PRODUCE)));
    scenario.horizon = secs(300);
    let chain = run_chain(&with_retry_topics(scenario, &[secs(10), secs(20)]));
    let sums: Vec<(u64, u64)> = chain.iter().map(|link| sums(&link.told)).collect();
    let came: Vec<u64> = sums.iter().map(|own| own.0 + own.1).collect();
    let failed: Vec<u64> = sums.iter().map(|own| own.1).collect();
    assert!(
        came[0] > 50_000 && came[1] > 4_000 && came[2] > 1_000,
        "{came:?}"
    );
    assert_share("the topic", failed[0], came[0], 0.09);
    assert_share("the first", failed[1], came[1], 0.3);
    assert_share("the second", failed[2], came[2], 0.3);
}

#[test]
fn rounds_at_once_come_to_the_same() {
    for commit in [CommitPolicy::Auto, CommitPolicy::AfterBatch] {
        for limit in [None, Some(30.0)] {
            let mut scenario = flaky(2, 0.05, after(2, GiveUp::Skip));
            scenario.settings[0].processing.commit = commit;
            scenario.settings[0].properties.enable_auto_commit = commit == CommitPolicy::Auto;
            scenario.downstreams[0].limit = limit.map(|rate| RateLimit {
                rate,
                burst: 4_000.0,
            });
            let by_leaps = run(&scenario);
            scenario.leaps = false;
            let by_steps = run(&scenario);
            assert_eq!(by_leaps.samples, by_steps.samples, "{commit:?} {limit:?}");
            assert_eq!(by_leaps.totals, by_steps.totals, "{commit:?} {limit:?}");
        }
    }
}

/// Nothing is left behind or lost, whenever offsets are committed and however many records are in hand.
#[test]
fn every_record_is_processed_or_given_up_once() {
    let policies = [
        CommitPolicy::Auto,
        CommitPolicy::AfterBatch,
        CommitPolicy::PerRecord,
        CommitPolicy::Async,
    ];
    for commit in policies {
        for concurrency in [1, 5] {
            let mut scenario = flaky(2, 0.4, after(2, GiveUp::Skip));
            for start in &mut scenario.topic.partitions {
                start.log_end = 1_000;
            }
            scenario.settings[0].processing.commit = commit;
            scenario.settings[0].processing.concurrency = concurrency;
            scenario.settings[0].properties.enable_auto_commit = commit == CommitPolicy::Auto;
            let told = run(&scenario);
            let (processed, given_up) = sums(&told);
            assert_eq!(processed + given_up, 8_000, "{commit:?} {concurrency}");
            assert_eq!(told.total_lags().pop(), Some(0), "{commit:?} {concurrency}");
        }
    }
}
