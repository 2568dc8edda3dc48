//! An autoscaler on a group that stands still whenever it is scaled: the limit cycle, and what avoids it.

use super::*;

/// A fluid of records, second by second: a burst, pods that take 30 s to boot, and a group that stands still for
/// `stall` seconds after each change of its members. What the autoscaler did: (second, from, to).
fn fluid(lag_threshold: u64, stall: u64, horizon: u64) -> Vec<(u64, u32, u32)> {
    let mut autoscaler = Autoscaler::new(&scaled(trigger(lag_threshold)));
    let (mut replicas, mut running, mut lag, mut frozen_until) = (1, 1, 0_u64, 0);
    let mut boots: Vec<(u64, u32)> = Vec::new();
    let mut changes = Vec::new();
    for second in 1..=horizon {
        for (_, booted) in boots.iter().filter(|(at, _)| *at == second) {
            running = *booted;
            frozen_until = second + stall;
        }
        lag += if (60..360).contains(&second) {
            1000
        } else {
            50
        };
        if second >= frozen_until {
            lag = lag.saturating_sub(100 * u64::from(running));
        }
        if !second.is_multiple_of(15) {
            continue;
        }
        let decision = autoscaler.sync(at(second), replicas, &on_one_of(12, lag));
        if let Some(decision) = decision {
            changes.push((second, replicas, decision.replicas));
            if decision.replicas > replicas {
                boots.push((second + 30, decision.replicas));
            } else {
                running = decision.replicas;
                frozen_until = second + stall;
            }
            replicas = decision.replicas;
        }
    }
    changes
}

#[test]
fn a_scale_down_whose_own_stall_is_still_visible_at_the_next_sync_locks_into_a_cycle_of_330_s() {
    let changes = fluid(100, 10, 3_000);
    assert_eq!(
        changes[..4],
        [(60, 1, 4), (75, 4, 8), (90, 8, 12), (675, 12, 1)]
    );
    let cycle = &changes[4..];
    assert_eq!(cycle[0], (690, 1, 2));
    assert!(cycle.len() >= 13, "{cycle:?}");
    for three in cycle.windows(3) {
        assert_eq!(
            (three[2].0 - three[0].0, three[0].1),
            (330, three[1].2),
            "{three:?}"
        );
        assert_eq!(three[0].1.abs_diff(three[0].2), 1);
    }
}

#[test]
fn without_a_stall_or_with_a_threshold_that_bears_it_there_is_no_cycle() {
    assert_eq!(fluid(100, 0, 3_000).last(), Some(&(615, 12, 1)));
    let downs = fluid(140, 10, 3_000);
    let down = downs.iter().position(|(_, from, to)| from > to);
    assert_eq!(down, Some(downs.len() - 1), "{downs:?}");
}
