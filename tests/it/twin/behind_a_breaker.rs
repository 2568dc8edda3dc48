//! Calls that fail by chance behind a circuit breaker, beside the engine: what a plan of the whole batch says of it must be what
//! comes of one call after another.

use lagsim::scenario::{CommitPolicy, OnOutage, RateLimit, Scenario, WhileOpen};
use lagsim::sim::Fact;
use lagsim::workload::{BreakerConfig, BreakerState, Law};

use super::exact::{assert_twins, closely};
use super::limiter::{assert_near, batches, calling};
use super::{World, ownership};
use crate::systems::{self, ms, with_backlog};

const PAUSE: WhileOpen = WhileOpen::Buffer { records: 0 };

/// Calls of 9 ms, of which this share fails and is made again after 20 ms.
fn watched(rate: f64, config: BreakerConfig, while_open: WhileOpen) -> Scenario {
    let mut scenario = closely(calling(2, 20.0, None));
    scenario.settings[0].processing.time = Law::Exponential { mean: 0.002 };
    scenario.settings[0].processing.calls = vec![2];
    let own = &mut scenario.downstreams[0];
    own.latency = Law::Constant(0.009);
    own.failure_rate = rate;
    own.on_outage = OnOutage {
        back_off: ms(20),
        breaker: Some((config, while_open)),
        ..OnOutage::default()
    };
    scenario
}

fn config(window: u32, threshold: f64, wait: u64) -> BreakerConfig {
    BreakerConfig {
        failure_rate_threshold: threshold,
        sliding_window_size: window,
        minimum_number_of_calls: window / 2,
        wait_duration_in_open_state: ms(wait),
        permitted_number_of_calls_in_half_open_state: 5,
    }
}

/// How often breakers open in a run of the engine, and in one of the twin.
fn opened(scenario: &Scenario) -> (u64, u64) {
    let told = systems::run(scenario);
    let opens = told.find(|fact| match fact {
        Fact::BreakerTurned {
            state: BreakerState::Open { .. },
            ..
        } => Some(()),
        _ => None,
    });
    let mut twin = World::new(scenario, ownership(scenario, &told));
    twin.run();
    (opens.len() as u64, twin.opened())
}

/// Far below its threshold, near it, at it and above it; while it opens and while it does not.
#[test]
fn it_opens_at_the_same_calls_whether_members_wait_or_poll_on() {
    for while_open in [WhileOpen::Block, PAUSE] {
        let mut most = 0;
        for (rate, window, threshold, wait) in [
            (0.01, 100, 0.5, 1_000),
            (0.3, 100, 0.5, 1_000),
            (0.4, 20, 0.5, 700),
            (0.5, 50, 0.5, 300),
            (0.6, 20, 0.5, 1_501),
            (0.9, 10, 1.0, 20),
        ] {
            let name = format!("{while_open:?}: {rate} at {threshold} of {window}");
            let mut scenario = watched(rate, config(window, threshold, wait), while_open);
            assert_twins(&name, &scenario);
            scenario.settings[0].processing.commit = CommitPolicy::Async;
            let scenario = with_backlog(scenario, 2_000);
            assert_twins(&format!("{name}, backlog"), &scenario);
            let (engine, twin) = opened(&scenario);
            assert_eq!(engine, twin, "{name}");
            most = most.max(engine);
            assert_eq!(rate >= 0.4, engine > 0, "{name}: opens {engine} times");
        }
        assert!(most > 50, "{most}");
    }
}

/// Who stands before an open breaker leaves the limit to the others.
#[test]
fn at_a_limit_members_behind_open_breakers_leave_it_to_the_others() {
    for while_open in [WhileOpen::Block, PAUSE] {
        let mut scenario = calling(8, 300.0, Some((200.0, 1.0)));
        let own = &mut scenario.downstreams[0];
        own.failure_rate = 0.4;
        own.limit = Some(RateLimit {
            rate: 200.0,
            burst: 1.0,
        });
        own.on_outage = OnOutage {
            back_off: ms(20),
            breaker: Some((config(20, 0.5, 5_000), while_open)),
            ..OnOutage::default()
        };
        let name = format!("{while_open:?}");
        assert_near(&name, &scenario, 0.03, batches(&scenario) + 0.03 * 40_000.0);
        let (engine, twin) = opened(&scenario);
        let off = (engine as f64 / twin as f64 - 1.0).abs();
        assert!(engine > 100 && off < 0.1, "{name}: {engine} and {twin}");
    }
}
