//! What the timeline means: who is restarted when, what changes, what repeats.

use lagsim::scenario::Action;
use lagsim::units::{ProcessId, SimDuration, SimTime};
use lagsim::workload::Law;

use super::{SMALL, accepted};

/// The actions of a timeline written after a group of three.
fn timeline(at: &str) -> Vec<Action> {
    let text = SMALL.replace("members = 2", "members = 3");
    let scenario = accepted(&format!("{text}{at}"), &[]);
    scenario
        .timeline
        .into_iter()
        .map(|entry| entry.action)
        .collect()
}

fn ids(members: &[u32]) -> Vec<ProcessId> {
    members.iter().copied().map(ProcessId).collect()
}

#[test]
fn a_deploy_restarts_those_that_run_at_its_time() {
    let actions = timeline(
        r#"
[[at]]
time = "1m"
crash = 1
[[at]]
time = "3m"
deploy = { gap = "5s" }
[[at]]
time = "2m"
scale = { to = 4, start-up = "7s" }
"#,
    );
    let Action::Start {
        processes,
        start_up,
    } = &actions[1]
    else {
        panic!("{actions:?}");
    };
    assert_eq!(
        (processes, *start_up),
        (&ids(&[1, 3]), SimDuration::from_secs(7))
    );
    let Action::Restart {
        processes,
        rolling,
        graceful,
        gap,
        ..
    } = &actions[2]
    else {
        panic!("{actions:?}");
    };
    assert_eq!(processes, &ids(&[0, 1, 2, 3]));
    assert_eq!(
        (*rolling, *graceful, *gap),
        (true, true, SimDuration::from_secs(5))
    );
}

#[test]
fn a_member_that_is_restarted_after_a_crash_still_counts_as_running() {
    let actions = timeline(
        "[[at]]\ntime = \"1m\"\ncrash = { members = \"all\", restart-after = \"5s\" }\n[[at]]\ntime = \"2m\"\nscale = 2\n",
    );
    assert_eq!(
        actions[1],
        Action::Stop {
            processes: ids(&[2]),
            graceful: true
        }
    );
}

#[test]
fn repetitions_end_with_until_and_with_the_horizon() {
    let freeze = "\nfreeze = { length = \"1s\" }\n[[at]]\ntime = \"50m\"\nevery = \"5m\"\nfreeze = { length = \"1s\" }\n";
    let actions = timeline(&format!(
        "[[at]]\ntime = \"10m\"\nevery = \"5m\"\nuntil = \"20m\"{freeze}"
    ));
    assert_eq!(actions.len(), 3 + 3, "10, 15, 20 and 50, 55, 60 minutes");
}

#[test]
fn settings_of_the_timeline_build_on_each_other_in_order_of_time() {
    let text = format!(
        "{SMALL}{}",
        r#"
[[at]]
time = "20m"
set = { processing.time = { exponential = "5ms" } }
[[at]]
time = "10m"
every = "15m"
set = { group.properties.max.poll.records = 9 }
takes-effect = "now"
"#
    );
    let scenario = accepted(&text, &[]);
    let settings = &scenario.settings;
    assert_eq!(settings.len(), 3);
    assert_eq!(settings[1].properties.max_poll_records, 9);
    assert_eq!(settings[1].processing, settings[0].processing);
    assert_eq!(settings[2].properties.max_poll_records, 9);
    assert_eq!(
        settings[2].processing.time,
        Law::Exponential { mean: 0.005 }
    );
    let actions: Vec<&Action> = scenario
        .timeline
        .iter()
        .map(|entry| &entry.action)
        .collect();
    assert_eq!(*actions[0], Action::Adopt { settings: 1 });
    assert_eq!(*actions[1], Action::AdoptAtRestart { settings: 2 });
    assert_eq!(
        *actions[2],
        Action::Adopt { settings: 2 },
        "nothing new the second time"
    );
}

#[test]
fn the_rate_follows_bursts_and_the_timeline() {
    let text = SMALL.replace(
        "rate = \"9/s\"",
        "rate = \"10/s\"\nbursts = [{ at = \"5m\", length = \"1m\", factor = 3, every = \"30m\" }]",
    );
    let text = format!("{text}[[at]]\ntime = \"30m\"\nrate = {{ to = \"20/s\", over = \"2m\" }}\n");
    let curve = accepted(&text, &[]).production.curve;
    for (minute, rate) in [
        (0, 10.0),
        (5, 30.0),
        (6, 10.0),
        (31, 15.0),
        (32, 20.0),
        (35, 60.0),
        (59, 20.0),
    ] {
        let at = SimTime::from_secs(minute * 60);
        assert!(
            (curve.rate_at(at) - rate).abs() < 1e-6,
            "{} at minute {minute}",
            curve.rate_at(at)
        );
    }
}
