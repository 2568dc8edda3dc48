//! The table of `kafka-consumer-groups.sh --describe` (`ConsumerGroupCommand#printOffsets`, Kafka 4.x), to the letter.

use crate::kafka::GroupState;
use crate::sim::{GroupView, MemberView, Sample};

/// Stands for a value that is not there.
const MISSING: &str = "-";
/// Least width of the columns GROUP, TOPIC, CONSUMER-ID and HOST.
const LEAST: usize = 15;

/// What the tool prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The table; every line is preceded by a line feed, and one more ends it.
    pub stdout: String,
    /// A remark about the state of the group, if it is not Stable.
    pub stderr: String,
}

/// A row, as printed; the last three columns may be missing together.
struct Row<'a> {
    partition: u32,
    sample: &'a Sample,
    owner: Option<&'a MemberView>,
}

/// Describes `group` on `topic` as an admin client sees them: members with most partitions first, then partitions that
/// nobody owns but that have a committed offset.
pub fn describe(group: &str, topic: &str, view: &GroupView, partitions: &[Sample]) -> Described {
    let rows = rows(view, partitions);
    let stderr = match view.state {
        GroupState::Stable => String::new(),
        GroupState::Empty => format!("\nConsumer group '{group}' has no active members.\n"),
        GroupState::PreparingRebalance | GroupState::CompletingRebalance => {
            format!("\nWarning: Consumer group '{group}' is rebalancing.\n")
        }
    };
    let stdout = if rows.is_empty() {
        String::new()
    } else {
        table(group, topic, &rows)
    };
    Described { stdout, stderr }
}

fn rows<'a>(view: &'a GroupView, partitions: &'a [Sample]) -> Vec<Row<'a>> {
    let mut owned = vec![false; partitions.len()];
    let mut members: Vec<&MemberView> = view.members.iter().collect();
    // Stable: members with equally many stay in member id order.
    members.sort_by_key(|member| std::cmp::Reverse(member.partitions.len()));
    let mut rows = Vec::with_capacity(partitions.len());
    for member in members {
        for partition in &member.partitions {
            let Some(sample) = partitions.get(partition.ix()) else {
                continue;
            };
            owned[partition.ix()] = true;
            rows.push(Row {
                partition: partition.0,
                sample,
                owner: Some(member),
            });
        }
    }
    for (ix, sample) in partitions.iter().enumerate() {
        if !owned[ix] && sample.committed.is_some() {
            rows.push(Row {
                partition: ix as u32,
                sample,
                owner: None,
            });
        }
    }
    rows
}

fn table(group: &str, topic: &str, rows: &[Row]) -> String {
    let widest = |of: fn(&MemberView) -> &str| {
        rows.iter()
            .map(|row| row.owner.map_or(MISSING, of).chars().count())
            .fold(LEAST, usize::max)
    };
    let groups = group.chars().count().max(LEAST);
    let topics = topic.chars().count().max(LEAST);
    let (ids, hosts) = (
        widest(|owner| &owner.member_id),
        widest(|owner| &owner.host),
    );
    let mut text = String::new();
    let mut line = |columns: [&str; 9]| {
        let [group, topic, partition, current, end, lag, id, host, client] = columns;
        text.push_str(&format!(
            "\n{group:<groups$} {topic:<topics$} {partition:<10} {current:<15} {end:<15} {lag:<15} {id:<ids$} \
             {host:<hosts$} {client}"
        ));
    };
    line([
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ]);
    for row in rows {
        let committed = row.sample.committed;
        // Not clamped: the tool shows a committed offset beyond the log's end as a negative lag.
        let lag = committed.map(|offset| i128::from(row.sample.log_end) - i128::from(offset));
        line([
            group,
            topic,
            &row.partition.to_string(),
            &committed.map_or_else(|| MISSING.to_owned(), |offset| offset.to_string()),
            &row.sample.log_end.to_string(),
            &lag.map_or_else(|| MISSING.to_owned(), |lag| lag.to_string()),
            row.owner.map_or(MISSING, |owner| &owner.member_id),
            row.owner.map_or(MISSING, |owner| &owner.host),
            row.owner.map_or(MISSING, |owner| &owner.client_id),
        ]);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::PartitionState;
    use crate::units::{PartitionId, ProcessId};

    fn sample(committed: Option<u64>, log_end: u64) -> Sample {
        Sample {
            log_end,
            committed,
            position: committed.unwrap_or(0),
            age_s: None,
            state: PartitionState::KeepingUp,
        }
    }

    fn member(number: u32, partitions: &[u32]) -> MemberView {
        MemberView {
            process: ProcessId(number),
            member_id: format!("order-processor-{number}-9f3c"),
            client_id: format!("order-processor-{number}"),
            host: format!("/10.0.0.{number}"),
            partitions: partitions
                .iter()
                .map(|&partition| PartitionId(partition))
                .collect(),
        }
    }

    fn view(state: GroupState, members: Vec<MemberView>) -> GroupView {
        GroupView {
            state,
            generation: 7,
            members,
        }
    }

    /// Two members, the one with more partitions first; partition 3 is nobody's, 4 is nobody's and never committed.
    #[test]
    fn a_stable_group_is_described_to_the_letter() {
        let members = vec![member(0, &[1]), member(1, &[0, 2]), member(2, &[])];
        let partitions = [
            sample(Some(18_443_201), 18_891_002),
            sample(Some(18_002_910), 18_550_003),
            sample(None, 551_200),
            sample(Some(12), 10),
            sample(None, 5),
        ];
        let described = describe(
            "order-processor",
            "orders",
            &view(GroupState::Stable, members),
            &partitions,
        );
        let expected = [
            "",
            "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID            HOST            CLIENT-ID",
            "order-processor orders          0          18443201        18891002        447801          order-processor-1-9f3c /10.0.0.1       order-processor-1",
            "order-processor orders          2          -               551200          -               order-processor-1-9f3c /10.0.0.1       order-processor-1",
            "order-processor orders          1          18002910        18550003        547093          order-processor-0-9f3c /10.0.0.0       order-processor-0",
            "order-processor orders          3          12              10              -2              -                      -               -",
            "",
        ];
        assert_eq!(described.stdout, expected.join("\n"));
        assert_eq!(described.stderr, "");
    }

    #[test]
    fn a_group_that_rebalances_or_is_empty_says_so_and_owns_nothing() {
        let partitions = [sample(Some(1), 3)];
        let rebalancing = view(GroupState::PreparingRebalance, vec![member(0, &[])]);
        let described = describe("a-rather-long-group-name", "t", &rebalancing, &partitions);
        assert_eq!(
            described.stderr,
            "\nWarning: Consumer group 'a-rather-long-group-name' is rebalancing.\n"
        );
        let expected = [
            "",
            "GROUP                    TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID",
            "a-rather-long-group-name t               0          1               3               2               -               -               -",
            "",
        ];
        assert_eq!(described.stdout, expected.join("\n"));
        let nothing = describe(
            "g",
            "t",
            &view(GroupState::Empty, Vec::new()),
            &[sample(None, 3)],
        );
        assert_eq!(nothing.stdout, "");
        assert_eq!(
            nothing.stderr,
            "\nConsumer group 'g' has no active members.\n"
        );
    }
}
