//! Topic and cluster.

use super::super::model::{Cluster, PartitionStart, Topic};
use super::super::raw::{self, OneOrMany, Spot};
use super::judge::{Judge, Place};
use super::protocol::Brokers;
use crate::units::SimDuration;
use crate::workload::Law;

/// Most partitions of a topic.
pub(super) const MOST_PARTITIONS: u64 = 100_000;
/// Largest offset at the start; leaves room for what the run appends.
const LARGEST_OFFSET: u64 = 1 << 60;

/// The default of `commit-latency`: group.coordinator.append.linger.ms of Kafka 4.0, and replication within the wire's time.
const COMMIT_LATENCY: SimDuration = SimDuration::from_millis(5);

impl Judge<'_> {
    pub(super) fn topic(&mut self, section: Option<&Spot<raw::Topic>>) -> Option<Topic> {
        let Some(Spot { span, value: topic }) = section else {
            return self.missing(
                &(0..0),
                "topic",
                "add a section: [topic] with name and partitions",
            );
        };
        let name = match &topic.name {
            Some(name) => self.text(name),
            None => self.missing(span, "name", r#"write the topic's name: name = "orders""#),
        };
        let record_bytes = match &topic.record_size {
            Some(size) => match self.bytes(size)? {
                0 => self.error(&size.0.span, "a record of no size", r#"write, say, "1KiB""#),
                bytes if bytes > 1 << 30 => self.error(
                    &size.0.span,
                    "a record of more than 1 GiB",
                    "Kafka refuses those: max.message.bytes is 1 MiB by default",
                ),
                bytes => Some(bytes),
            },
            None => Some(1024),
        };
        let given = self.properties(topic.properties.as_ref());
        let properties = self.topic_properties(&given);
        let partitions = self.starts(span, topic)?;
        Some(Topic {
            name: name?,
            partitions,
            record_bytes: record_bytes?,
            properties,
        })
    }

    fn starts(&mut self, at: &Place, topic: &raw::Topic) -> Option<Vec<PartitionStart>> {
        let count = match &topic.partitions {
            Some(count) => {
                Some(self.count_within(count, "the partitions of a topic", 1, MOST_PARTITIONS)?)
            }
            None => None,
        };
        if let (Some(start), Some(backlog)) = (&topic.start, &topic.backlog) {
            let other = match backlog {
                OneOrMany::One(one) => &one.0.span,
                OneOrMany::Many(many) => &many.span,
            };
            let help = "keep `start`, which says the backlog of each partition, or `backlog`";
            return self.clash(
                other,
                "`backlog` and `start` both say where the group stands",
                (&start.span, "here too"),
                help,
            );
        }
        if let Some(start) = &topic.start {
            return self.listed_starts(start, count, topic);
        }
        let Some(count) = count else {
            return self.missing(at, "partitions", "write how many there are: partitions = 4");
        };
        self.backlog(count, topic.backlog.as_ref())
    }

    fn listed_starts(
        &mut self,
        start: &Spot<Vec<Spot<raw::Start>>>,
        count: Option<u64>,
        topic: &raw::Topic,
    ) -> Option<Vec<PartitionStart>> {
        let listed = start.value.len() as u64;
        if listed == 0 {
            return self.error(
                &start.span,
                "`start` lists no partition",
                "list one entry per partition, or leave it out",
            );
        }
        if let (Some(count), Some(value)) = (count, &topic.partitions)
            && count != listed
        {
            let message = format!("`start` lists {listed} partitions, but there are {count}");
            let help = format!("list {count} entries, or write partitions = {listed}");
            return self.clash(
                &start.span,
                message,
                (&value.0.span, "so many partitions"),
                help,
            );
        }
        if listed > MOST_PARTITIONS {
            return self.error(
                &start.span,
                "too many partitions",
                format!("list at most {MOST_PARTITIONS}"),
            );
        }
        let mut partitions = Some(Vec::new());
        for entry in &start.value {
            match (self.start(entry), &mut partitions) {
                (Some(one), Some(all)) => all.push(one),
                _ => partitions = None,
            }
        }
        partitions
    }

    fn start(&mut self, entry: &Spot<raw::Start>) -> Option<PartitionStart> {
        let Some(end) = &entry.value.log_end else {
            return self.missing(
                &entry.span,
                "log-end",
                "write the partition's log-end offset: { committed = 0, log-end = 0 }",
            );
        };
        let log_end = self.offset(end)?;
        let Some(value) = &entry.value.committed else {
            return Some(PartitionStart {
                committed: None,
                log_end,
            });
        };
        let committed = self.offset(value)?;
        if committed > log_end {
            let message =
                format!("the committed offset {committed} is beyond the log-end offset {log_end}");
            return self.clash(
                &value.0.span,
                message,
                (&end.0.span, "the log ends here"),
                "exchange them, or correct one",
            );
        }
        Some(PartitionStart {
            committed: Some(committed),
            log_end,
        })
    }

    fn offset(&mut self, value: &raw::Count) -> Option<u64> {
        let offset = self.count(value)?;
        if offset > LARGEST_OFFSET {
            let message = format!("{offset} is too large for an offset here");
            return self.error(&value.0.span, message, "write an offset of at most 2^60");
        }
        Some(offset)
    }

    fn backlog(
        &mut self,
        count: u64,
        backlog: Option<&OneOrMany<raw::Count>>,
    ) -> Option<Vec<PartitionStart>> {
        let behind: Vec<u64> = match backlog {
            None => vec![0; count as usize],
            Some(OneOrMany::One(total)) => {
                let total = self.offset(total)?;
                (0..count)
                    .map(|index| total / count + u64::from(index < total % count))
                    .collect()
            }
            Some(OneOrMany::Many(listed)) => {
                if listed.value.len() as u64 != count {
                    let message = format!(
                        "`backlog` lists {} partitions, but there are {count}",
                        listed.value.len()
                    );
                    let help = format!("list {count} numbers, or write the total alone");
                    return self.error(&listed.span, message, help);
                }
                let each: Vec<Option<u64>> =
                    listed.value.iter().map(|one| self.offset(one)).collect();
                each.into_iter().collect::<Option<_>>()?
            }
        };
        let start = |log_end| PartitionStart {
            committed: Some(0),
            log_end,
        };
        Some(behind.into_iter().map(start).collect())
    }

    /// The cluster; a value that could not be read is replaced by its default, the mistake being reported.
    pub(super) fn cluster(&mut self, section: Option<&Spot<raw::Cluster>>) -> Brokers {
        let written = section.map(|section| &section.value);
        let brokers = written
            .and_then(|cluster| cluster.brokers.as_ref())
            .and_then(|brokers| self.count_within(brokers, "the brokers of a cluster", 1, 10_000))
            .unwrap_or(3);
        let given = self.properties(written.and_then(|cluster| cluster.properties.as_ref()));
        let properties = self.broker_properties(&given);
        let round_trip = written.map_or(&None, |cluster| &cluster.round_trip);
        let commits = written.and_then(|cluster| cluster.commit_latency.as_ref());
        let commits = commits.and_then(|law| self.law(law));
        let mean = commits
            .as_ref()
            .map_or(COMMIT_LATENCY, |law| SimDuration::from_secs_f64(law.mean()));
        let cluster = Cluster {
            brokers: brokers as u32,
            round_trip: self.duration_or(round_trip, SimDuration::from_millis(1)),
            commit_latency: mean,
            commit_law: commits.filter(|law| !matches!(law, Law::Constant(_))),
            properties,
        };
        Brokers { cluster, given }
    }
}
