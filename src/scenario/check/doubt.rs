//! What runs, but probably does not say what was meant: warnings about the whole.

use std::iter;

use super::super::downstream::{Downstream, DownstreamChange};
use super::super::model::{Action, Process, Settings, Topic};
use super::super::on_error::OnError;
use super::super::raw::Model;
use super::judge::Judge;
use super::timeline::Walked;
use crate::kafka::{GroupProtocol, UNLIMITED_RECORDS};
use crate::units::{SimDuration, parse_duration};

impl Judge<'_> {
    /// What runs, but probably does not say what was meant.
    pub(super) fn doubts(
        &mut self,
        model: &Model,
        topic: Option<&Topic>,
        walked: &Walked,
        settings: Option<&Settings>,
        downstreams: Option<&[Downstream]>,
    ) {
        let (Some(topic), Some(group)) = (topic, &model.group) else {
            return;
        };
        let partitions = walked.partitions.max(topic.partitions.len() as u32) as usize;
        if walked.members > partitions && model.autoscaler.is_none() {
            let written = group.value.members.as_ref().map(|members| &members.0.span);
            let place = walked
                .members_at
                .as_ref()
                .or(written)
                .unwrap_or(&group.span);
            let message = format!(
                "{} members, but only {partitions} can have a partition: the topic has no more",
                walked.members
            );
            self.warn(
                place,
                message,
                "a partition is read by one member: more members than partitions do not help",
            );
        }
        self.doubt_starts(model, walked);
        let Some(settings) = settings else {
            return;
        };
        let downstreams = downstreams.unwrap_or(&[]);
        self.doubt_restart(model, settings, walked, downstreams);
        self.doubt_outages(model, walked, downstreams);
        self.doubt_adoptions(model, settings, walked, downstreams);
        let record = settings.processing.record_s(downstreams);
        let records = settings.properties.max_poll_records;
        let batch = record * records as f64 / f64::from(settings.processing.concurrency);
        let most = settings.properties.max_poll_interval.as_secs_f64();
        if records < UNLIMITED_RECORDS && batch >= most {
            let place = model
                .processing
                .as_ref()
                .map_or(&group.span, |section| &section.span);
            // To the second, or as fine as a shorter one is written.
            let takes = match batch {
                1.0.. => SimDuration::from_secs_f64(batch.round()),
                _ => SimDuration::from_secs_f64((batch * 1e3).round() / 1e3),
            };
            let message = format!(
                "a full batch of {records} records takes {takes} on average, longer than max.poll.interval.ms allows ({})",
                settings.properties.max_poll_interval
            );
            let fits = (most / record * f64::from(settings.processing.concurrency) / 2.0).floor();
            let fewer = match fits >= 1.0 {
                true => format!("max.poll.records = {fits:.0} leaves twice the time"),
                false => {
                    "raise max.poll.interval.ms: fewer records a poll do not make one of them fit"
                        .to_owned()
                }
            };
            let help = format!("if this is not the point of the model: {fewer}");
            self.warn(place, message, help);
        }
    }

    /// A supervisor that has nothing to do.
    fn doubt_restart(
        &mut self,
        model: &Model,
        first: &Settings,
        walked: &Walked,
        downstreams: &[Downstream],
    ) {
        let section = model.processing.as_ref();
        let Some(restart) = section.and_then(|section| section.value.restart.as_ref()) else {
            return;
        };
        let mut handlings = first.on_error.iter().chain(
            walked
                .settings
                .iter()
                .flat_map(|settings| &settings.on_error),
        );
        // A static member that comes back too early is refused, and exits.
        let refused = |process: &Process| process.instance_id.is_some();
        let may_be_refused = first.properties.group_protocol == GroupProtocol::Consumer
            && walked
                .group
                .as_ref()
                .is_some_and(|group| group.processes.iter().any(refused));
        let mut gives_up = downstreams.iter().filter_map(|own| own.on_outage.gives_up);
        let of_calls = gives_up.any(|gives_up| gives_up.then.may_crash());
        if !handlings.any(OnError::may_crash) && !of_calls && !may_be_refused {
            let help = "write on-error = \"crash\" where a record makes the process exit; crashes of the timeline have restart-after";
            self.warn(
                &restart.span,
                "no process exits by itself: nothing is restarted so",
                help,
            );
        }
    }

    /// Calls that are given up when they fail, and do not.
    fn doubt_outages(&mut self, model: &Model, walked: &Walked, downstreams: &[Downstream]) {
        for (which, ((_, section), own)) in model.downstreams().zip(downstreams).enumerate() {
            let Some(written) = &section.value.on_error else {
                continue;
            };
            let stop = Action::Downstream(which, DownstreamChange::Stop);
            let stops = walked.timeline.iter().any(|entry| entry.action == stop);
            let mut changes = walked.timeline.iter();
            let by_chance = own.failure_rate > 0.0
                || changes.any(|entry| {
                    matches!(entry.action,
                    Action::Downstream(whose, DownstreamChange::FailureRate(_)) if whose == which)
                });
            if own.on_outage.timeout.is_none() && stops && !by_chance {
                let help = "write after how long such a call fails, as in timeout = \"2s\"; or let the dependency refuse calls: downstream = \"fail\"";
                self.warn(
                    written.place(),
                    "calls hang while the dependency is stopped and never fail, so nothing is given up",
                    help,
                );
            }
        }
    }

    /// Settings that wait for a restart that never comes.
    fn doubt_adoptions(
        &mut self,
        model: &Model,
        first: &Settings,
        walked: &Walked,
        downstreams: &[Downstream],
    ) {
        let mut all = iter::once(first).chain(&walked.settings);
        let exits = all.any(|own| own.on_error.iter().any(OnError::may_crash));
        let mut gives_up = downstreams.iter().filter_map(|own| own.on_outage.gives_up);
        let by_itself = exits || gives_up.any(|own| own.then.may_crash());
        if by_itself || model.autoscaler.is_some() {
            return;
        }
        let starts = |action: &Action| match action {
            Action::Crash { restart_after, .. } => restart_after.is_some(),
            Action::Restart { .. } | Action::Start { .. } => true,
            _ => false,
        };
        for entry in &walked.timeline {
            let Action::AdoptAtRestart { settings } = entry.action else {
                continue;
            };
            let mut later = walked.timeline.iter().filter(|own| own.at >= entry.at);
            let place = walked.set_at.get(settings.wrapping_sub(1));
            if let (false, Some(place)) = (later.any(|own| starts(&own.action)), place) {
                let help = r#"write takes-effect = "now", or restart members later, as in deploy = { gap = "10s" }"#;
                self.warn(
                    place,
                    "no process starts after this: nobody takes these settings up",
                    help,
                );
            }
        }
    }

    /// Members that would start after the end.
    fn doubt_starts(&mut self, model: &Model, walked: &Walked) {
        let (Some(group), Some(horizon)) = (&model.group, &walked.horizon) else {
            return;
        };
        let listed = group.value.member.iter().flatten();
        let listed = listed.filter_map(|member| member.value.start.as_ref());
        let times = group
            .value
            .start_times
            .iter()
            .flat_map(|times| &times.value);
        for time in listed.chain(times) {
            if let Ok(start) = parse_duration(&time.0.value.plain())
                && start > *horizon
            {
                let help = "write an earlier start, or a longer horizon";
                self.warn(
                    &time.0.span,
                    "this member starts after the horizon: never",
                    help,
                );
            }
        }
    }
}
