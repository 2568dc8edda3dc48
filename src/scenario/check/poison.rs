//! Poison records and what becomes of them.

use super::super::model::{Poison, PoisonRecords, Topic};
use super::super::on_error::{BackOff, GiveUp, OnError, RetryBy};
use super::super::raw::{self, Either, Spot};
use super::client::Client;
use super::group::instant;
use super::judge::Judge;
use super::one_of;
use crate::units::{PartitionId, SimDuration};
use crate::workload::Production;

const ON_ERROR: &str = r#"write "retry-forever", "skip", "dead-letter", or a table such as { retry = { attempts = 3, back-off = "1s", then = "dead-letter" } }"#;

/// A produce to a dead-letter topic, acknowledged, where the model does not say.
const PRODUCE: SimDuration = SimDuration::from_millis(10);
/// Pause of a retry for ever by seek, where the model does not say.
const SEEK_BACK_OFF: SimDuration = SimDuration::from_secs(1);
/// The shortest such pause: without latencies nothing else lets time pass between two attempts.
const SHORTEST_SEEK_BACK_OFF: SimDuration = SimDuration::from_millis(1);

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
            let help = format!(
                "the log ends at {log_end} at the start and about {:.0} records later at the horizon: write an offset below {reach}",
                expected
            );
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

    /// How a record that fails is handled.
    pub(super) fn handling(&mut self, value: &Either<raw::Text, raw::OnError>) -> Option<OnError> {
        let table = match value {
            Either::Plain(word) => return self.on_error_word(word),
            Either::Table(table) => table,
        };
        let given = [
            ("retry-forever", table.value.retry_forever.is_some()),
            ("retry", table.value.retry.is_some()),
            ("dead-letter", table.value.dead_letter.is_some()),
        ];
        one_of(
            self,
            &table.span,
            &given,
            "what happens to a record that fails",
            ON_ERROR,
        )?;
        if let Some(forever) = &table.value.retry_forever {
            return self.retry_forever(forever);
        }
        if let Some(retry) = &table.value.retry {
            return self.retry(retry);
        }
        let produce = table.value.dead_letter.as_ref()?.value.produce.clone();
        let produce = self.duration_or(&produce, PRODUCE);
        Some(once(GiveUp::DeadLetter { produce }))
    }

    fn on_error_word(&mut self, word: &raw::Text) -> Option<OnError> {
        let choices = [("retry-forever", 0), ("skip", 1), ("dead-letter", 2)];
        Some(match self.choice(word, &choices)? {
            0 => OnError::RetryForever(RetryBy::Seek {
                back_off: SEEK_BACK_OFF,
            }),
            1 => once(GiveUp::Skip),
            _ => once(GiveUp::DeadLetter { produce: PRODUCE }),
        })
    }

    fn retry_forever(&mut self, forever: &Spot<raw::RetryForever>) -> Option<OnError> {
        let in_place = match &forever.value.by {
            Some(word) => self.choice(word, &[("seek", false), ("in-place", true)])?,
            None => false,
        };
        if !in_place {
            let back_off = self.duration_or(&forever.value.back_off, SEEK_BACK_OFF);
            if let Some(written) = &forever.value.back_off
                && back_off < SHORTEST_SEEK_BACK_OFF
            {
                let help = "write at least back-off = \"1ms\"; a real consumer has at least its own loop between two attempts";
                return self.error(
                    &written.0.span,
                    "a seek back without a pause would poll for ever at one instant",
                    help,
                );
            }
            return Some(OnError::RetryForever(RetryBy::Seek { back_off }));
        }
        if let Some(back_off) = &forever.value.back_off {
            let help = "leave `back-off` out, or write by = \"seek\"";
            return self.error(
                &back_off.0.span,
                "a retry in place for ever has no pause that matters: it never polls again",
                help,
            );
        }
        let help = "if the application polls between two attempts write by = \"seek\"";
        self.warn(&forever.span, "a member that retries in place never polls again and is evicted at max.poll.interval.ms", help);
        Some(OnError::RetryForever(RetryBy::InPlace))
    }

    fn retry(&mut self, retry: &Spot<raw::Retry>) -> Option<OnError> {
        let value = &retry.value;
        let attempts = match &value.attempts {
            Some(count) => self.count_within(count, "the attempts", 1, 1_000_000),
            None => self.missing(
                &retry.span,
                "attempts",
                "write how many attempts in all: attempts = 3",
            ),
        };
        let first = self.duration_or(&value.back_off, SimDuration::ZERO);
        let max = self.duration_or(&value.max_back_off, SimDuration::from_secs(30).max(first));
        if let Some(at) = &value.max_back_off
            && max < first
        {
            let help = "make max-back-off at least as long as back-off";
            self.error::<()>(
                &at.0.span,
                "the longest pause is shorter than the first",
                help,
            );
        }
        let multiplier = match &value.multiplier {
            Some(number) => self.number_from(number, "the multiplier of a pause", 1.0),
            None => Some(1.0),
        };
        let then = match &value.then {
            Some(Either::Plain(word)) => {
                let choices = [
                    ("skip", GiveUp::Skip),
                    ("dead-letter", GiveUp::DeadLetter { produce: PRODUCE }),
                ];
                self.choice(word, &choices)
            }
            Some(Either::Table(table)) => match &table.value.dead_letter {
                Some(letter) => {
                    let produce = self.duration_or(&letter.value.produce, PRODUCE);
                    Some(GiveUp::DeadLetter { produce })
                }
                None => self.missing(
                    &table.span,
                    "dead-letter",
                    r#"write "skip", "dead-letter" or { dead-letter = { produce = "10ms" } }"#,
                ),
            },
            None => self.missing(
                &retry.span,
                "then",
                r#"say what giving up means: then = "skip" or "dead-letter""#,
            ),
        };
        let seeks = match &value.by {
            Some(word) => self.choice(word, &[("seek", true), ("in-place", false)])?,
            None => false,
        };
        Some(OnError::Retry {
            seeks,
            attempts: attempts? as u32,
            back_off: BackOff {
                first,
                multiplier: multiplier?,
                max,
            },
            then: then?,
        })
    }
}

fn once(then: GiveUp) -> OnError {
    OnError::Retry {
        seeks: false,
        attempts: 1,
        back_off: BackOff {
            first: SimDuration::ZERO,
            multiplier: 1.0,
            max: SimDuration::ZERO,
        },
        then,
    }
}
