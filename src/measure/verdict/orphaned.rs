//! Partitions that nobody alive has, in words: their member is gone and the group does not know, or no member runs.

use super::super::summary::{PartitionSummary, Summary};
use super::super::words::{capital, counted, span};
use super::cause::{gained, lag_gained, named, partition_time, session_timeout};
use super::remedy::all_static;
use super::scaling;
use crate::kafka::GroupProtocol;
use crate::scenario::{Action, Scenario};
use crate::units::SimTime;

/// Partitions that nobody alive has: now, and over the whole run unless that is `told` already.
pub fn sentence(summary: &Summary, told: bool) -> Option<String> {
    let left = at_the_end(summary);
    let over_all = format!(
        "for {} in all (their member is gone and not yet missed, or none runs); {}.",
        partition_time(summary, "orphaned"),
        gained(summary, "orphaned")
    );
    if left.is_empty() {
        let sentence = format!("Partitions have no living owner {over_all}");
        return (!told).then_some(sentence);
    }
    let since = left
        .iter()
        .map(|partition| partition.state_since_s)
        .fold(f64::INFINITY, f64::min);
    let verb = if left.len() == 1 { "has" } else { "have" };
    let now = format!(
        "{} {verb} no living owner since {}",
        capital(&named(&left)),
        span(since)
    );
    let own: u64 = left.iter().map(|partition| partition.state_gained).sum();
    if !told && own == lag_gained(summary, "orphaned") {
        return Some(format!("{now}; {}.", gained(summary, "orphaned")));
    }
    let own = counted(own, "record", "records");
    let mut sentence = format!("{now}; {own} came since then.");
    if !told {
        sentence += &format!(" Over the whole run partitions have none {over_all}");
    }
    Some(sentence)
}

/// Partitions that nobody alive has at the end.
pub fn at_the_end(summary: &Summary) -> Vec<&PartitionSummary> {
    let all = summary.partitions.iter();
    all.filter(|partition| partition.state == "orphaned")
        .collect()
}

/// What would help.
pub fn remedy(scenario: &Scenario, summary: &Summary) -> String {
    let timeout = session_timeout(scenario);
    if let Some(told) = scaling::from_zero(scenario, summary) {
        return told;
    }
    if !at_the_end(summary).is_empty() {
        return "Orphaned partitions: start members again; whoever runs takes all partitions."
            .to_owned();
    }
    let nobody = nobody_runs(scenario);
    if let (Some((from, to)), 0) = (nobody, summary.eviction_count) {
        return format!(
            "Orphaned partitions: from {} to {} no member is meant to run, and what is produced waits: leave one running.",
            span(from),
            span(to)
        );
    }
    let killed = kills(scenario) || summary.crashes > 0;
    let stops = |action: &Action| matches!(action, Action::Stop { .. });
    if all_static(scenario) && !killed && happens(scenario, stops) {
        let sooner = match restarts(scenario) {
            true => ", and start those sooner that come back",
            false => "",
        };
        return format!(
            "Orphaned partitions: a static member that stops for good is missed only after {timeout}, although it closes its \
             consumer: make that shorter, or scale members that are not static{sooner}."
        );
    }
    if all_static(scenario) && killed && scenario.group_protocol() == GroupProtocol::Consumer {
        return format!(
            "Orphaned partitions: a static member that closes its consumer is back at once, but after a crash it is refused \
             until {timeout} have passed: close the consumer on stop, or make that shorter."
        );
    }
    if all_static(scenario) {
        return format!(
            "Orphaned partitions: static members are missed only after {timeout}: start them again sooner, or make it \
             shorter."
        );
    }
    format!(
        "Orphaned partitions: close the consumer on stop (it leaves at once), and a shorter {timeout} so that a crash is \
         noticed earlier."
    )
}

/// The first time in which no process is meant to run although one did before (s).
fn nobody_runs(scenario: &Scenario) -> Option<(f64, f64)> {
    let counts = scenario.meant_to_run();
    let none = counts.iter().position(|(_, count)| *count == 0)?;
    let until = counts.get(none + 1).map(|next| next.0);
    let until = until.unwrap_or(SimTime::ZERO + scenario.horizon);
    Some((counts[none].0.as_secs_f64(), until.as_secs_f64()))
}

/// Whether the timeline restarts processes.
pub fn restarts(scenario: &Scenario) -> bool {
    happens(scenario, |action| matches!(action, Action::Restart { .. }))
}

/// Whether processes end without a word, by the timeline or as pods that do not close their consumer.
pub fn kills(scenario: &Scenario) -> bool {
    let mut pods = scenario.deployment.iter();
    let dies = pods.any(|own| !own.graceful);
    dies || happens(scenario, |action| {
        matches!(
            action,
            Action::Crash { .. }
                | Action::Restart {
                    graceful: false,
                    ..
                }
                | Action::Stop {
                    graceful: false,
                    ..
                }
        )
    })
}

/// Whether there is such an entry on the timeline.
fn happens(scenario: &Scenario, what: impl Fn(&Action) -> bool) -> bool {
    let mut entries = scenario.timeline.iter();
    entries.any(|entry| what(&entry.action))
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{mark, outcome, scenario};
    use super::super::{Culprit, Verdict, remedy};
    use super::*;
    use crate::scenario::TimelineEntry;
    use crate::sim::PartitionState::{self, KeepingUp, Orphaned, Saturated};
    use crate::units::{ProcessId, SimDuration};

    fn entry(at: u64, action: Action) -> TimelineEntry {
        TimelineEntry {
            action,
            ..mark(at, "members")
        }
    }

    fn stop(at: u64, processes: &[u32]) -> TimelineEntry {
        let processes = processes.iter().copied().map(ProcessId).collect();
        entry(
            at,
            Action::Stop {
                processes,
                graceful: true,
            },
        )
    }

    fn start(at: u64, processes: &[u32]) -> TimelineEntry {
        let processes = processes.iter().copied().map(ProcessId).collect();
        entry(
            at,
            Action::Start {
                processes,
                start_up: SimDuration::ZERO,
            },
        )
    }

    /// Orphaned for ten minutes, and then worked off.
    fn away(_: usize, second: u64) -> (u64, PartitionState) {
        match second {
            600..1_200 => ((second - 600) * 10, Orphaned),
            1_200..1_800 => (6_000 - (second - 1_200) * 10, Saturated),
            _ => (0, KeepingUp),
        }
    }

    fn told(verdict: &Verdict, texts: &[String]) -> String {
        let own = texts
            .iter()
            .find(|text| text.contains("rphaned") || text.contains("owner"));
        own.cloned().unwrap_or_else(|| panic!("{verdict:?}"))
    }

    #[test]
    fn partitions_that_are_orphaned_at_the_end_have_the_lag_of_that_stretch_alone() {
        let model = scenario(2, 2, 3_600, 10);
        let curve = |partition: usize, second: u64| match second {
            3_300.. if partition == 1 => ((second - 3_300) * 10, Orphaned),
            _ => away(partition, second),
        };
        let verdict = outcome(&model, &curve, &[]).summary.verdict;
        assert_eq!(
            told(&verdict, &verdict.causes),
            "Partition 1 has no living owner since 55m; 3,000 records came since then. Over the whole run partitions have \
             none for 25m in all (their member is gone and not yet missed, or none runs); 15,000 records, 100 % of the lag \
             gained."
        );
        let only = |_: usize, second: u64| match second {
            3_300.. => ((second - 3_300) * 10, Orphaned),
            _ => (0, KeepingUp),
        };
        let verdict = outcome(&model, &only, &[]).summary.verdict;
        assert_eq!(
            told(&verdict, &verdict.causes),
            "Partitions 0 and 1 have no living owner since 55m; 6,000 records, 100 % of the lag gained."
        );
    }

    #[test]
    fn who_is_scaled_to_nobody_is_not_told_to_close_consumers() {
        let mut model = scenario(2, 2, 3_600, 10);
        model.timeline = vec![stop(600, &[0, 1]), start(1_200, &[0])];
        let verdict = outcome(&model, &away, &[]).summary.verdict;
        assert_eq!(
            told(&verdict, &verdict.remedies),
            "Orphaned partitions: from 10m to 20m no member is meant to run, and what is produced waits: leave one running."
        );
        let summary = outcome(&model, &away, &[]).summary;
        let more = remedy::of(Culprit::Saturated, &model, &summary).expect("a remedy");
        assert!(more.contains("(1 member for 2 partitions now)"), "{more}");
    }

    #[test]
    fn static_members_that_are_scaled_down_are_not_said_to_crash() {
        let mut model = scenario(2, 2, 3_600, 10);
        model.settings[0].properties.group_protocol = GroupProtocol::Consumer;
        for process in &mut model.group.processes {
            process.instance_id = Some(process.name.clone());
        }
        model.timeline = vec![stop(600, &[1])];
        let verdict = outcome(&model, &away, &[]).summary.verdict;
        assert_eq!(
            told(&verdict, &verdict.remedies),
            "Orphaned partitions: a static member that stops for good is missed only after \
             group.consumer.session.timeout.ms (45s), although it closes its consumer: make that shorter, or scale members \
             that are not static."
        );
        let crash = Action::Crash {
            processes: vec![ProcessId(0)],
            restart_after: Some(SimDuration::from_secs(60)),
        };
        model.timeline.push(entry(650, crash));
        let verdict = outcome(&model, &away, &[]).summary.verdict;
        let crashes = "after a crash it is refused";
        assert!(
            told(&verdict, &verdict.remedies).contains(crashes),
            "{verdict:?}"
        );
    }
}
