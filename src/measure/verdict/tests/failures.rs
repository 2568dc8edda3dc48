//! What is said of calls, records and processes that fail.

use super::super::super::fixture::{incident, mark, outcome, poison, scenario};
use super::super::super::summary::CallsGivenUp;
use crate::kafka::RemovalReason;
use crate::scenario::{
    Action, BackOff, DeadLetterTopic, Downstream, DownstreamChange, GiveUp, GivesUp, OnError,
    OnFailure, Produce, Scenario, TimelineEntry, WhileOpen,
};
use crate::sim::Fact;
use crate::sim::PartitionState::{Evicted, KeepingUp, Orphaned, Saturated};
use crate::units::{ProcessId, SimDuration, SimTime};
use crate::workload::{BreakerConfig, BreakerState, Law};

/// The dependency is away for ten minutes: it is named, and the breaker answers the evictions too.
#[test]
fn an_outage_is_named_and_its_evictions_have_no_remedy_of_their_own() {
    let mut model = scenario(2, 2, 7_200, 10);
    model.downstreams = vec![Downstream::new("bank-api", Law::Constant(0.01))];
    let change = |at: u64, change: DownstreamChange| TimelineEntry {
        action: Action::Downstream(0, change),
        ..mark(at, "bank-api")
    };
    model.timeline = vec![
        change(1_800, DownstreamChange::Stop),
        change(2_400, DownstreamChange::Resume),
    ];
    let curve = |_: usize, second: u64| match second {
        0..1_800 => (0, KeepingUp),
        1_800..2_400 => ((second - 1_800) * 10, Evicted),
        2_400..3_000 => (6_000 - (second - 2_400) * 10, Saturated),
        _ => (0, KeepingUp),
    };
    let evicted = Fact::MemberEvicted {
        process: ProcessId(0),
        removal: None,
    };
    let verdict = outcome(&model, &curve, &[(2_110, evicted.clone())])
        .summary
        .verdict;
    assert_eq!(
        verdict.causes[0],
        "bank-api answers nothing from 30m to 40m: members wait in their calls and do not poll."
    );
    let heads: Vec<_> = verdict
        .remedies
        .iter()
        .filter_map(|text| text.split(':').next())
        .collect();
    assert_eq!(heads, ["bank-api"]);

    // What refuses at once is not said to be silent.
    model.timeline[0] = change(1_800, DownstreamChange::Fail);
    let verdict = outcome(&model, &curve, &[]).summary.verdict;
    assert_eq!(
        verdict.causes[0],
        "bank-api refuses every call from 30m to 40m: members make the same calls again and again and do not poll."
    );
    model.timeline[0] = change(1_800, DownstreamChange::Stop);

    // A breaker that keeps the loop from polling is not what would help.
    let turned = Fact::BreakerTurned {
        process: ProcessId(0),
        state: BreakerState::Open {
            until: SimTime::from_secs(1_900),
        },
    };
    let breaker = Some((BreakerConfig::default(), WhileOpen::Block));
    model.downstreams[0].on_outage.breaker = breaker;
    let verdict = outcome(&model, &curve, &[(1_840, turned), (2_110, evicted.clone())])
        .summary
        .verdict;
    assert_eq!(
        verdict.causes[0],
        "bank-api answers nothing from 30m to 40m: circuit breakers open, and members wait for them and do not poll."
    );
    assert!(
        verdict.remedies[0].contains("instead of one that blocks"),
        "{verdict:?}"
    );
    model.downstreams[0].on_outage.breaker = None;

    // Who gives up what fails polls on without a breaker, and cannot have one.
    if let Some(downstream) = model.downstreams.first_mut() {
        downstream.on_outage.gives_up = Some(GivesUp {
            attempts: 1,
            back_off: BackOff::NONE,
            then: GiveUp::Skip,
        });
    }
    let verdict = outcome(&model, &curve, &[(2_110, evicted)]).summary.verdict;
    let advises = |text: &String| text.starts_with("bank-api");
    assert!(!verdict.remedies.iter().any(advises), "{verdict:?}");
}

/// Members that wait for their next attempts are not told to work faster.
#[test]
fn calls_that_fail_are_told_with_what_their_pauses_cost() {
    let (mut scenario, mut outcome) = incident();
    scenario.downstreams = vec![Downstream::new("bank-api", Law::Constant(0.01))];
    scenario.settings[0].processing.time = Law::Constant(0.02);
    scenario.settings[0].processing.calls = vec![2];
    let told = |calls_failed: u64, outcome: &mut crate::measure::Outcome| {
        outcome.summary.accounts.processed = 10_000;
        outcome.summary.calls_failed = calls_failed;
        let causes = super::super::cause::sentences(
            super::super::Culprit::Saturated,
            &[],
            &scenario,
            &outcome.summary,
        );
        let remedy = super::super::remedy::of(
            super::super::Culprit::Saturated,
            &scenario,
            &outcome.summary,
        );
        (causes, remedy)
    };
    // A tenth of a call more per record, of 510 ms beside 40 ms of a record.
    let (causes, remedy) = told(1_000, &mut outcome);
    assert_eq!(
        causes[1..],
        [
            "1,000 calls fail by chance at bank-api, 500ms before the next attempt: a record takes 2.3 times as long as without."
        ]
    );
    assert_eq!(
        remedy.as_deref(),
        Some(
            "Failing calls: a shorter pause than 500ms before the next attempt, or process several records of a batch at \
             the same time, so that others go on meanwhile."
        )
    );
    let (causes, remedy) = told(100, &mut outcome);
    assert_eq!(causes.len(), 1);
    assert!(remedy.is_some_and(|text| text.starts_with("No parallelism left")));
}

/// Whoever gives records up is not told to.
#[test]
fn a_dead_letter_topic_that_is_down_is_told_with_what_its_absence_makes_of_records() {
    let (mut scenario, mut outcome) = incident();
    let turns = [
        (600, DeadLetterTopic::Stopped),
        (900, DeadLetterTopic::Failing),
        (1_800, DeadLetterTopic::Up),
    ];
    scenario.timeline = turns
        .map(|(at, answers)| TimelineEntry {
            at: SimTime::from_secs(at),
            action: Action::DeadLetter(answers),
            label: String::new(),
        })
        .into();
    let mut told = |on_failure, crashes| {
        let then = GiveUp::DeadLetter(Produce {
            on_failure,
            ..Produce::taking(SimDuration::from_millis(10))
        });
        scenario.settings[0].on_error = vec![OnError::once(then)];
        outcome.summary.dead_letters_failed = 43;
        outcome.summary.crashes = crashes;
        let verdict = super::super::verdict(&scenario, &outcome.summary);
        (verdict.causes[0].clone(), verdict.remedies[0].clone())
    };
    let (cause, remedy) = told(OnFailure::Retry, 0);
    assert_eq!(
        cause,
        "The dead-letter topic is down from 10m to 30m: 43 produces to it fail, and a record that it did not take starts anew \
         with all its attempts."
    );
    assert_eq!(
        remedy,
        "Dead-letter topic: another place for what it does not take (a topic of another cluster, a file), so that a record that \
         fails is neither lost nor in the way of those behind it."
    );
    let (cause, remedy) = told(OnFailure::Skip, 0);
    assert!(cause.ends_with("is skipped and lost."), "{cause}");
    assert!(
        remedy.ends_with("below 2m lets those behind go on sooner."),
        "{remedy}"
    );
    let (cause, _) = told(OnFailure::Crash, 7);
    assert!(
        cause.ends_with("makes its process exit, 7 times in all."),
        "{cause}"
    );
}

/// How many exits there are is up to the pauses before the restarts, and no share of the calls.
#[test]
fn processes_that_exit_because_of_calls_are_not_foretold_how_many_times_less() {
    let mut model = scenario(2, 2, 3_600, 10);
    let mut downstream = Downstream::new("api", Law::Constant(0.01));
    downstream.failure_rate = 0.3;
    downstream.on_outage.gives_up = Some(GivesUp {
        attempts: 1,
        back_off: BackOff::NONE,
        then: GiveUp::Crash { closes: false },
    });
    model.downstreams = vec![downstream];
    let curve = |_: usize, second: u64| (second * 5, Orphaned);
    let mut summary = outcome(&model, &curve, &[]).summary;
    summary.calls_given_up = vec![CallsGivenUp {
        which: 0,
        dependency: "api".into(),
        calls: 68,
    }];
    let remedy = super::super::remedy::of(super::super::Culprit::GivenUp, &model, &summary);
    assert_eq!(
        remedy.as_deref(),
        Some(
            "Calls given up at api: a dead-letter topic instead of the exit lets the process go on with what comes behind; \
             with an attempt more, 2 in all, 9 % of the calls end so instead of 30 %."
        )
    );
}

#[test]
fn who_closes_its_consumer_as_it_exits_is_not_said_to_be_noticed_late() {
    let mut model = scenario(1, 1, 600, 10);
    let curve = |_: usize, second: u64| (second * 100, Orphaned);
    let mut summary = outcome(&model, &curve, &[poison(0, 0)]).summary;
    summary.crashes = 14;
    let mut told = |closes: bool| {
        model.settings[0].on_error = vec![OnError::once(GiveUp::Crash { closes })];
        super::super::verdict(&model, &summary).causes.join(" ")
    };
    assert!(told(true).contains("while nobody runs: 60,000 records"));
    assert!(!told(true).contains("noticed"));
    assert!(told(false).contains("until a crash is noticed: 60,000 records"));
}

/// A crash is noticed sooner with a shorter session, a restart is not noticed with a longer one.
#[test]
fn a_session_is_advised_by_what_ends_it() {
    let mut model = scenario(2, 2, 3_600, 10);
    let evicted = Fact::MemberEvicted {
        process: ProcessId(0),
        removal: Some(RemovalReason::SessionExpired),
    };
    let curve = |_: usize, _: u64| (3, KeepingUp);
    let summary = outcome(&model, &curve, &[(700, evicted)]).summary;
    let remedy = |model: &Scenario| super::super::verdict(model, &summary).remedies.join(" ");
    assert!(
        remedy(&model).contains("session.timeout.ms (45s) above the longest pause that is normal")
    );
    let entry = |action: Action| TimelineEntry {
        action,
        ..mark(600, "deploy")
    };
    model.timeline = vec![entry(Action::Crash {
        processes: vec![ProcessId(0)],
        restart_after: None,
    })];
    let told = remedy(&model);
    assert!(
        told.contains("a shorter session.timeout.ms (45s)"),
        "{told}"
    );
    assert!(!told.contains("above"), "{told}");
    model.timeline = vec![entry(Action::Restart {
        processes: vec![ProcessId(0)],
        graceful: true,
        gap: SimDuration::from_secs(60),
        start_up: SimDuration::ZERO,
        rolling: false,
        settings: None,
    })];
    for process in &mut model.group.processes {
        process.instance_id = Some(process.name.clone());
    }
    let told = remedy(&model);
    assert!(
        told.contains("above the time that a member is away when it restarts"),
        "{told}"
    );
    assert!(!told.contains("close"), "{told}");
}
