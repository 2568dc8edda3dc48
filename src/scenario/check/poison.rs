//! Which records are poison, and who says what becomes of them.

use super::super::model::{Poison, PoisonRecords, Topic};
use super::super::on_error::OnError;
use super::super::raw::{self, Spot};
use super::client::Client;
use super::group::instant;
use super::judge::Judge;
use super::on_error::ON_ERROR;
use crate::units::{PartitionId, SimDuration};
use crate::workload::Production;

impl Judge<'_> {
    /// Which records are poison; their handling is part of the settings.
    pub(super) fn poison(
        &mut self,
        model: &raw::Model,
        horizon: Option<SimDuration>,
        topic: Option<&Topic>,
        production: Option<&Production>,
    ) -> Option<Vec<Poison>> {
        let mut all = Vec::new();
        for entry in model.poison.as_deref().unwrap_or(&[]) {
            let which = self.which(entry, horizon, topic, production);
            let attempt = entry.value.attempt.as_ref();
            let attempt = attempt.map(|time| self.duration(time));
            all.push(match attempt {
                Some(None) => None,
                attempt => which.map(|which| Poison {
                    which,
                    attempt: attempt.flatten(),
                }),
            });
        }
        all.into_iter().collect()
    }

    fn which(
        &mut self,
        entry: &Spot<raw::Poison>,
        horizon: Option<SimDuration>,
        topic: Option<&Topic>,
        production: Option<&Production>,
    ) -> Option<PoisonRecords> {
        let poison = &entry.value;
        if let Some(share) = &poison.share {
            if let Some(other) = poison.partition.as_ref().or(poison.offset.as_ref()) {
                let help = "keep `share`, or `partition` and `offset`; two [[poison]] sections can say both";
                return self.clash(
                    &share.0.span,
                    "`share` speaks of all records, an offset of one",
                    (&other.0.span, "one record"),
                    help,
                );
            }
            return self
                .share(share, "the share of poison records")
                .map(PoisonRecords::Share);
        }
        let (Some(partition), Some(offset)) = (&poison.partition, &poison.offset) else {
            let missing = if poison.partition.is_some() {
                "offset"
            } else if poison.offset.is_some() {
                "partition"
            } else {
                "share"
            };
            return self.missing(
                &entry.span,
                missing,
                "say which records: partition = 2 and offset = 0, or share = 0.001",
            );
        };
        self.addressed(partition, offset, horizon?, topic?, production?)
    }

    /// A record that the run can get to.
    fn addressed(
        &mut self,
        partition: &raw::Count,
        offset: &raw::Count,
        horizon: SimDuration,
        topic: &Topic,
        production: &Production,
    ) -> Option<PoisonRecords> {
        let at = self.count(offset)?;
        let index = self.count(partition)?;
        let most = production
            .shares
            .last()
            .map_or(topic.partitions.len(), |last| last.of.len());
        if index >= most as u64 {
            let message = format!("there is no partition {index}");
            let help = format!("the partitions are numbered 0 to {}", most - 1);
            return self.error(&partition.0.span, message, help);
        }
        let end = instant(horizon);
        let log_end = topic
            .partitions
            .get(index as usize)
            .map_or(0, |start| start.log_end);
        let expected = super::production::expected(production, index as usize, end);
        // Ten standard deviations above what is expected: no run gets that far.
        let reach = log_end.saturating_add((expected + 10.0 * expected.sqrt()).ceil() as u64);
        if at >= reach {
            let message = format!("no run gets as far as offset {at} of partition {index}");
            let help = if reach == 0 {
                "it starts empty and nothing is produced to it: give it a backlog, or the topic a rate"
                    .to_owned()
            } else {
                format!(
                    "the log ends at {log_end} at the start and about {expected:.0} records later at the horizon: write an offset below {reach}"
                )
            };
            return self.error(&offset.0.span, message, help);
        }
        let committed = topic
            .partitions
            .get(index as usize)
            .and_then(|start| start.committed);
        if let Some(committed) = committed
            && at < committed
        {
            let message = format!("offset {at} of partition {index} is behind the group already");
            let help = format!("the group has committed {committed}: nobody reads what is before");
            self.warn(&offset.0.span, message, help);
        }
        Some(PoisonRecords::At {
            partition: PartitionId(index as u32),
            offset: at,
        })
    }

    /// How an entry is handled, which the `client` may know.
    pub(super) fn on_error(
        &mut self,
        entry: &Spot<raw::Poison>,
        client: &Client,
    ) -> Option<OnError> {
        match (&entry.value.on_error, &client.on_error) {
            (Some(value), _) => self.handling(value),
            (None, Some(own)) => Some(own.clone()),
            (None, None) => self.missing(
                &entry.span,
                "on-error",
                format!("say what the application does with it: {ON_ERROR}"),
            ),
        }
    }
}
