//! A retry topic whose records are read when their delay is over: its lag is what waits, and nothing to be worked off.

use super::super::summary::Summary;
use super::super::words::{counted, grouped, span};
use super::{SHORTEST_S, Verdict, outlook};
use crate::scenario::Scenario;

/// What is said of a retry topic, if that is all that there is to say.
pub(super) fn verdict(scenario: &Scenario, summary: &Summary) -> Option<Verdict> {
    let delay = scenario.stage.as_ref()?.delay.as_secs_f64();
    let in_time = summary.age_s.max <= delay + SHORTEST_S;
    let calm = summary.eviction_count == 0 && summary.crashes == 0;
    if !in_time || !calm || summary.accounts.lost > 0 {
        return None;
    }
    let most = counted(summary.lag.max, "record waits", "records wait");
    Some(Verdict {
        headline: format!(
            "At most {most} at a time in {}; {} at the end.",
            span(summary.horizon_s),
            grouped(summary.lag.last)
        ),
        causes: vec![format!(
            "Each record waits {} before it may be read, and is through at most {} after it came: the lag is what waits.",
            span(delay),
            span(summary.age_s.max)
        )],
        outlook: outlook::alerts(summary),
        remedies: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{outcome, scenario};
    use crate::scenario::Stage;
    use crate::sim::PartitionState::KeepingUp;
    use crate::units::SimDuration;

    #[test]
    fn what_waits_for_its_delay_is_no_backlog() {
        let mut model = scenario(1, 1, 3_600, 10);
        // 100/s for 300 s: the fixture's records are 0.01 s old for each that is behind.
        let curve = |_: usize, second: u64| (100 * second.min(300), KeepingUp);
        model.stage = Some(Stage {
            delay: SimDuration::from_secs(300),
            incoming: Vec::new(),
        });
        let told = outcome(&model, &curve, &[]).summary.verdict;
        assert_eq!(
            told.headline,
            "At most 30,000 records wait at a time in 1h; 30,000 at the end."
        );
        assert_eq!(
            told.causes,
            [
                "Each record waits 5m before it may be read, and is through at most 5m after it came: the lag is what waits."
            ]
        );
        assert!(told.outlook.is_empty(), "{told:?}");
        // Members that come too late are told of as anywhere.
        model.stage = Some(Stage {
            delay: SimDuration::from_secs(60),
            incoming: Vec::new(),
        });
        let late = outcome(&model, &curve, &[]).summary.verdict;
        assert!(!late.causes[0].starts_with("Each record"), "{late:?}");
    }
}
