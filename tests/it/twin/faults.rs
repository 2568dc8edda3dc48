//! Processes that die, are restarted, or are thrown out of their group, beside the engine: the same curves, the same records done
//! once, done twice and lost, and the same ends of processes.

use lagsim::kafka::GroupProtocol;
use lagsim::scenario::{Action, CommitPolicy, OnStop, Scenario};
use lagsim::sim::Fact;
use lagsim::units::{PartitionId, ProcessId};
use lagsim::workload::Law;

use super::exact::{assert_curves, closely};
use super::{ROUNDING, World, ownership};
use crate::systems::{Told, at_ms, ms, run, secs, system, with, with_backlog};

/// As many curves, accounts and ends of processes as the engine tells.
pub(super) fn assert_twins_in_trouble(name: &str, scenario: &Scenario) -> Told {
    let told = run(scenario);
    let mut twin = World::new(scenario, ownership(scenario, &told));
    let curves = twin.run();
    assert_curves(name, &told, &curves);
    assert_eq!(twin.doubts, [""; 0], "{name}");
    let mut ended = told.find(|fact| match fact {
        Fact::ProcessStopped { process, .. } => Some(process.ix()),
        _ => None,
    });
    assert_eq!(ended.len(), twin.ended.len(), "{name}: ends of processes");
    // Which of two that end in one instant comes first is nobody's to say.
    ended.sort_by_key(|(at, who)| (*who, *at));
    twin.ended.sort_by_key(|(at, who)| (*who, *at));
    for ((at, who), (twin_at, twin)) in ended.iter().zip(&twin.ended) {
        let apart = at.since(*twin_at).max(twin_at.since(*at));
        assert!(
            who == twin && apart < ROUNDING,
            "{name}: {who} ends at {at}, and {twin} at {twin_at} in the twin"
        );
    }
    for (index, own) in told.totals.partitions.iter().enumerate() {
        let accounts = [own.processed, own.duplicates, own.lost];
        let twin = twin.accounts(PartitionId(index as u32));
        assert_eq!(
            accounts, twin,
            "{name}: done, done again and lost of {index}, engine first"
        );
    }
    told
}

/// Six partitions on two brokers, three members whose sessions are short.
fn three(rate: f64, commit: CommitPolicy) -> Scenario {
    let law = Law::Exponential { mean: 0.004 };
    let mut scenario = closely(system(6, 3, rate, law));
    scenario.cluster.brokers = 2;
    let settings = &mut scenario.settings[0];
    settings.processing.commit = commit;
    let properties = &mut settings.properties;
    properties.enable_auto_commit = commit == CommitPolicy::Auto;
    properties.session_timeout = secs(6);
    properties.heartbeat_interval = secs(1);
    properties.auto_commit_interval = ms(1_300);
    scenario.cluster.properties.consumer_session_timeout = secs(6);
    scenario.cluster.properties.consumer_heartbeat_interval = secs(1);
    scenario
}

const POLICIES: [CommitPolicy; 4] = [
    CommitPolicy::Auto,
    CommitPolicy::AfterBatch,
    CommitPolicy::Async,
    CommitPolicy::PerRecord,
];

pub(super) fn crash(
    scenario: Scenario,
    at: u64,
    who: &[u32],
    restart_after: Option<u64>,
) -> Scenario {
    let processes = who.iter().copied().map(ProcessId).collect();
    let restart_after = restart_after.map(ms);
    let crash = Action::Crash {
        processes,
        restart_after,
    };
    with(scenario, at_ms(at), crash)
}

#[test]
fn processes_that_are_killed_come_back_or_do_not() {
    for commit in POLICIES {
        for rate in [6.0, 300.0, 900.0] {
            let scenario = crash(three(rate, commit), 7_003, &[1], None);
            let name = format!("{commit:?} at {rate}/s");
            assert_twins_in_trouble(&format!("{name}, one for good"), &scenario);
            let scenario = crash(three(rate, commit), 7_003, &[1], Some(2_500));
            let scenario = crash(scenario, 20_001, &[0, 1, 2], Some(4_000));
            assert_twins_in_trouble(&format!("{name}, one and then all"), &scenario);
        }
    }
}

/// `processes` are told to stop at 9 s and are back 1.5 s after they are gone.
pub(super) fn restart(
    scenario: Scenario,
    processes: &[u32],
    graceful: bool,
    rolling: bool,
) -> Scenario {
    let restart = Action::Restart {
        processes: processes.iter().copied().map(ProcessId).collect(),
        gap: ms(1_500),
        start_up: ms(700),
        graceful,
        rolling,
        settings: None,
    };
    with(scenario, at_ms(9_001), restart)
}

#[test]
fn processes_that_are_restarted_one_after_the_other_or_all_at_once() {
    for commit in POLICIES {
        for on_stop in [OnStop::FinishBatch, OnStop::FinishRecord] {
            for rate in [6.0, 300.0, 900.0] {
                let name = format!("{commit:?}, {on_stop:?}, at {rate}/s");
                let mut scenario = three(rate, commit);
                scenario.settings[0].processing.on_stop = on_stop;
                let rolling = restart(scenario.clone(), &[2, 0, 1], true, true);
                assert_twins_in_trouble(&format!("{name}, rolling"), &rolling);
                let at_once = restart(scenario.clone(), &[2, 1], true, false);
                assert_twins_in_trouble(&format!("{name}, two at once"), &at_once);
                let killed = restart(scenario, &[0, 1, 2], false, true);
                assert_twins_in_trouble(&format!("{name}, killed"), &killed);
            }
        }
    }
}

/// Batches take about 0.7 s, and a process gets 0.4 s to end.
#[test]
fn processes_whose_grace_is_over_are_killed() {
    for commit in POLICIES {
        let mut scenario = with_backlog(three(100.0, commit), 4_000);
        scenario.settings[0].properties.max_poll_records = 170;
        scenario.settings[0].processing.grace = ms(400);
        scenario.settings[0].processing.on_stop = OnStop::FinishBatch;
        let scenario = restart(scenario, &[1, 2, 0], true, true);
        assert_twins_in_trouble(&format!("{commit:?}"), &scenario);
    }
}

/// One record in fifty takes a second, and a batch may take three.
fn slow(commit: CommitPolicy) -> Scenario {
    let mut scenario = three(150.0, commit);
    scenario.settings[0].processing.time = Law::Bimodal {
        fast: 0.004_000_011,
        slow: 1.000_000_013,
        share: 0.02,
    };
    let properties = &mut scenario.settings[0].properties;
    properties.max_poll_interval = secs(3);
    properties.max_poll_records = 150;
    scenario
}

fn evictions(told: &Told) -> usize {
    let evicted = |fact: &Fact| match fact {
        Fact::MemberEvicted { removal: None, .. } => Some(()),
        _ => None,
    };
    told.find(evicted).len()
}

#[test]
fn members_that_take_too_long_are_thrown_out_and_do_it_again() {
    for commit in POLICIES {
        let told = assert_twins_in_trouble(&format!("{commit:?}"), &slow(commit));
        assert!(evictions(&told) > 5, "{} evictions", evictions(&told));
        let mut scenario = slow(commit);
        scenario.settings[0].properties.group_protocol = GroupProtocol::Consumer;
        let told = assert_twins_in_trouble(&format!("{commit:?}, consumer protocol"), &scenario);
        assert!(evictions(&told) > 5, "{} evictions", evictions(&told));
    }
}

/// Eight records of two seconds each. One member is thrown out with all of them in hand, the other gets them as well, and is told
/// to stop while it is at the first: as it closes it commits all that poll() has returned.
fn committed_past_a_member_that_was_thrown_out() -> Scenario {
    let mut scenario = system(1, 2, 0.0, Law::Constant(2.000_003));
    let settings = &mut scenario.settings[0];
    settings.processing.commit = CommitPolicy::Auto;
    settings.processing.on_stop = OnStop::FinishRecord;
    settings.properties.enable_auto_commit = true;
    settings.properties.max_poll_interval = secs(3);
    settings.properties.heartbeat_interval = ms(500);
    let stop = Action::Stop {
        processes: vec![ProcessId(1)],
        graceful: true,
    };
    with(with_backlog(closely(scenario), 8), at_ms(5_000), stop)
}

/// Nothing is lost as long as somebody is at it; what its process dies with is.
#[test]
fn what_a_member_that_was_thrown_out_has_in_hand_is_not_lost_before_it_dies() {
    let scenario = committed_past_a_member_that_was_thrown_out();
    let told = assert_twins_in_trouble("it lives", &scenario);
    let lost = |told: &Told| told.totals.partitions[0].lost;
    assert_eq!(evictions(&told), 1);
    assert_eq!((told.totals.partitions[0].processed, lost(&told)), (9, 0));
    let mut dies = crash(scenario, 11_000, &[0], None);
    let told = assert_twins_in_trouble("it dies", &dies);
    assert_eq!(lost(&told), 3);
    assert_eq!(told.totals.partitions[0].lost_by.crash, 3);
    dies.sample = dies.horizon;
    assert_eq!(run(&dies).totals, told.totals, "looked at once");
}
