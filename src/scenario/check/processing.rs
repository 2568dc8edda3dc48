//! How records are processed.

use super::super::downstream::Downstream;
use super::super::model::{OnStop, Processing};
use super::super::raw::{self, Either, Spot};
use super::client::Client;
use super::judge::Judge;
use super::properties::AllGiven;
use crate::kafka::ConsumerProperties;
use crate::units::SimDuration;
use crate::workload::Law;

pub(super) const ON_STOPS: [(&str, OnStop); 2] = [
    ("finish-record", OnStop::FinishRecord),
    ("finish-batch", OnStop::FinishBatch),
];

/// Most dependency calls of one record, one after another.
const MOST_CALLS: u64 = 10_000;

impl Judge<'_> {
    /// How records are processed; makes enable.auto.commit follow `commit` where it was not given.
    pub(super) fn processing(
        &mut self,
        section: Option<&Spot<raw::Processing>>,
        properties: &mut ConsumerProperties,
        given: &AllGiven,
        downstream: Option<&Downstream>,
        client: &Client,
    ) -> Option<Processing> {
        let Some(Spot { span, value }) = section else {
            return self.missing(
                &(0..0),
                "processing",
                r#"add a section: [processing] with time = "4ms""#,
            );
        };
        let time = match &value.time {
            Some(law) => self.law(law),
            None => self.missing(span, "time", r#"write what a record costs: time = "4ms""#),
        };
        let calls = match &value.calls {
            Some(calls) => self.calls(calls, downstream),
            None => Some(u32::from(downstream.is_some())),
        };
        if let (Some(time), Some(1..), Some(downstream)) = (&time, calls, downstream) {
            self.limit_of_nothing(value, time, downstream);
        }
        let concurrency = self.concurrency(value.concurrency.as_ref(), client.concurrency);
        let order = self.order(value, client);
        let commit = self.commit(value, properties, given, client);
        let commit_on_revoke = self.commit_on_revoke(value, commit, client);
        let on_stop = match &value.on_stop {
            Some(word) => self.choice(word, &ON_STOPS),
            None => Some(client.on_stop),
        };
        // Kubernetes: terminationGracePeriodSeconds is 30 by default.
        let grace = self.duration_or(&value.grace, SimDuration::from_secs(30));
        let restart = self.supervisor(value.restart.as_ref());
        Some(Processing {
            time: time?,
            calls: calls?,
            concurrency: concurrency?,
            order: order?,
            commit: commit?,
            commit_on_revoke: commit_on_revoke?,
            on_stop: on_stop?,
            grace,
            restart: restart?,
        })
    }

    /// How many records are worked on at once.
    pub(super) fn concurrency(&mut self, value: Option<&raw::Count>, default: u32) -> Option<u32> {
        let Some(count) = value else {
            return Some(default);
        };
        let count = self.count_within(count, "the records worked on at once", 1, 1_000_000);
        count.map(|count| count as u32)
    }

    /// What takes no time has no rate either that a limit could bring down.
    fn limit_of_nothing(&mut self, section: &raw::Processing, time: &Law, downstream: &Downstream) {
        let timeless = time.mean() == 0.0 && downstream.latency.mean() == 0.0;
        let Some(written) = section.time.as_ref().filter(|_| timeless) else {
            return;
        };
        let place = match written {
            Either::Plain(time) => &time.0.span,
            Either::Table(law) => &law.span,
        };
        if downstream.limit.is_some() {
            let help = format!(
                "write how long a call takes, under [downstream.{}]: latency = \"1ms\"",
                downstream.name
            );
            let message = "neither a record's work nor its call takes any time, so no limit would hold them back";
            self.error::<()>(place, message, help);
        }
    }

    fn calls(&mut self, value: &raw::Count, downstream: Option<&Downstream>) -> Option<u32> {
        let calls = self.count(value)?;
        if calls > MOST_CALLS {
            let help = "write fewer calls and a latency that stands for several of them";
            return self.error(
                &value.0.span,
                format!("{calls} dependency calls per record are more than {MOST_CALLS}"),
                help,
            );
        }
        if calls > 0 && downstream.is_none() && !self.excused.contains("downstream") {
            let help = "describe the dependency in a section [downstream.NAME], or write calls = 0";
            return self.error(&value.0.span, "there is no dependency to call", help);
        }
        Some(calls as u32)
    }
}
