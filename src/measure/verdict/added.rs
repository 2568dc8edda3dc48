//! Partitions that nobody has read yet: of a group that starts, and those that are added to the topic later.

use super::super::summary::{PartitionSummary, Summary};
use super::super::words::{counted, percent};
use super::SMALLEST_SHARE;
use super::cause::{gained, lag_gained, lengths};
use crate::kafka::GroupProtocol;
use crate::scenario::Scenario;

/// Whether a partition was not there at the start.
fn is_added(own: &PartitionSummary, scenario: &Scenario) -> bool {
    own.partition as usize >= scenario.topic.partitions.len()
}

/// Lag that partitions gained that were added and that nobody had read yet (records).
fn gained_by_added(scenario: &Scenario, summary: &Summary) -> u64 {
    let added = summary.partitions.iter();
    let added = added.filter(|own| is_added(own, scenario));
    let causes = added.flat_map(|own| &own.attribution);
    let starting = causes.filter(|cause| cause.state == "starting");
    starting.map(|cause| cause.lag_gained).sum()
}

/// What came while nobody read yet: of the group's start, and of partitions that were added.
pub(super) fn sentences(scenario: &Scenario, summary: &Summary) -> Vec<String> {
    let (all, added) = (
        lag_gained(summary, "starting"),
        gained_by_added(scenario, summary),
    );
    let share = |records: u64| {
        let of_all = summary.share_of("starting") * records as f64 / all.max(1) as f64;
        format!(
            "{}, {} of the lag gained",
            counted(records, "record", "records"),
            percent(of_all)
        )
    };
    let start = "Until the group has started nobody reads";
    if added == 0 {
        return vec![format!("{start}; {}.", gained(summary, "starting"))];
    }
    let mut told = vec![format!(
        "Partitions that are added have no reader until the group notices them{}; {}.",
        noticed(scenario),
        share(added)
    )];
    let rest = all - added;
    if rest as f64 >= SMALLEST_SHARE * all as f64 {
        told.push(format!("{start}; {}.", share(rest)));
    }
    told
}

/// How the group comes to know of them. The coordinator of the consumer protocol knows the topic itself.
pub(in super::super) fn noticed(scenario: &Scenario) -> String {
    match scenario.group_protocol() {
        GroupProtocol::Classic => format!(
            ", which takes its leader up to metadata.max.age.ms ({})",
            lengths(scenario, |own| own.metadata_max_age)
        ),
        GroupProtocol::Consumer => String::new(),
    }
}

/// What would help if it is partitions that were added that most of it is of.
pub(super) fn remedy(scenario: &Scenario, summary: &Summary) -> Option<String> {
    let added = gained_by_added(scenario, summary);
    (2 * added > lag_gained(summary, "starting")).then(|| {
        let sooner = match scenario.group_protocol() {
            GroupProtocol::Classic => "a shorter metadata.max.age.ms, or ",
            GroupProtocol::Consumer => "",
        };
        format!(
            "New partitions: {sooner}no traffic to them before the group has them; a restart of the members finds them, too."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{outcome, scenario};
    use super::*;
    use crate::sim::PartitionState::{KeepingUp, Starting};

    #[test]
    fn partitions_that_are_added_wait_for_the_leader_to_look_and_not_for_the_group_to_start() {
        let mut model = scenario(4, 2, 3_600, 10);
        let curve = |partition: usize, second: u64| match second {
            0..300 if partition > 1 => (second * 12, Starting),
            0..10 => (second * 30, Starting),
            _ => (0, KeepingUp),
        };
        let mut summary = outcome(&model, &curve, &[]).summary;
        let told = |model: &Scenario, summary: &Summary| {
            let verdict = super::super::verdict(model, summary);
            (verdict.causes.join(" "), verdict.remedies.join(" "))
        };
        summary.behind_from_s = Some(60.0);
        let (cause, remedy) = told(&model, &summary);
        assert!(cause.contains("Until the group has started"), "{cause}");
        assert!(remedy.starts_with("Start-up"), "{remedy}");
        model.topic.partitions.truncate(2);
        let (cause, remedy) = told(&model, &summary);
        assert!(
            cause.contains(
                "no reader until the group notices them, which takes its leader up to metadata.max.age.ms (5m); 6,960 records, \
                 100 % of the lag gained"
            ),
            "{cause}"
        );
        assert!(
            remedy.starts_with("New partitions: a shorter metadata.max.age.ms"),
            "{remedy}"
        );
    }
}
