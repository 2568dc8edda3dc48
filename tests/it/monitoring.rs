//! When a run is looked at: alerts by their scrapes, curves by their grid and at the horizon.

use lagsim::experiment::run_once;
use lagsim::measure::{AlertEpisode, Keep, Outcome};
use lagsim::scenario::{Alert, Compare, Condition, Gauge, Scenario};
use lagsim::units::SimDuration;
use lagsim::workload::Law;

use crate::systems::{ms, run, secs, system};

/// A member that does four fifths of what comes, 100/s, and what is said of it after a minute and a half.
fn behind(sample: SimDuration) -> Scenario {
    let mut scenario = system(3, 1, 100.0, Law::Constant(0.012_5));
    scenario.horizon = ms(90_500);
    scenario.sample = sample;
    scenario
}

fn watched(mut scenario: Scenario) -> Scenario {
    scenario.alerts = vec![Alert {
        name: "behind".to_owned(),
        severity: "warning".to_owned(),
        when: Condition {
            gauge: Gauge::SumLag,
            compare: Compare::Above,
            threshold: 600.0,
        },
        pending_for: SimDuration::ZERO,
        keep_firing_for: SimDuration::ZERO,
    }];
    scenario
}

fn outcome(scenario: &Scenario) -> Outcome {
    run_once(scenario, 0, Keep::SUMMARY)
}

#[test]
fn an_alert_sees_what_is_there_at_its_scrape_however_fine_the_samples_are() {
    let fires = |sample| -> Vec<AlertEpisode> { outcome(&watched(behind(sample))).summary.alerts };
    let fine = fires(secs(1));
    assert_eq!(fine.len(), 1);
    assert!(fine[0].firing_at_s.is_some_and(|at| at % 15.0 == 0.0));
    for sample in [ms(700), secs(7), secs(40), secs(90)] {
        assert_eq!(fires(sample), fine, "a sample every {sample}");
    }
}

#[test]
fn alerts_change_no_curve_and_no_state() {
    let alone = run(&behind(secs(7)));
    assert_eq!(run(&watched(behind(secs(7)))), alone);
}

/// What was produced and not committed is the lag at the end, whether or not the horizon is a point of the grid.
#[test]
fn the_last_sample_is_at_the_horizon() {
    for sample in [ms(500), secs(1), secs(40), secs(90)] {
        let told = run(&behind(sample));
        let times: Vec<u64> = (told.samples.iter())
            .map(|(at, _)| at.as_nanos() / 1_000_000)
            .collect();
        assert_eq!(times.last(), Some(&90_500));
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        let summary = outcome(&behind(sample)).summary;
        let accounts = &summary.accounts;
        assert_eq!(summary.lag.last, accounts.produced - accounts.committed);
    }
}
