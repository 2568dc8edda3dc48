//! What a process runs with, read from the model as it is at some time of its timeline.

use super::super::document::list;
use super::super::downstream::Downstream;
use super::super::model::Settings;
use super::super::raw::Model;
use super::client::Client;
use super::judge::Judge;
use super::properties::place_of;
use super::protocol::Brokers;
use crate::kafka::Heartbeats;

impl Judge<'_> {
    pub(super) fn settings(
        &mut self,
        model: &Model,
        brokers: &Brokers,
        downstreams: Option<&[Downstream]>,
    ) -> Option<Settings> {
        let group = model.group.as_ref();
        let named = group.and_then(|group| group.value.client.as_ref());
        let known = self.client(named);
        // Without a client the rest is still looked at.
        let client = known.clone().or_else(|| Client::by_name("java"))?;
        let given = self.properties(group.and_then(|group| group.value.properties.as_ref()));
        let mut properties = self.consumer_properties(client.properties.clone(), &given);
        let place = group.map_or(0..0, |group| group.span.clone());
        if !client.assignors.contains(&properties.assignor) {
            let at = place_of(&given, "partition.assignment.strategy").unwrap_or(&place);
            let names: Vec<&str> = client.assignors.iter().map(|one| one.name()).collect();
            self.error::<()>(
                at,
                format!(
                    "{} has no {} assignor",
                    client.name,
                    properties.assignor.name()
                ),
                format!("it has {}", list(&names)),
            );
        }
        let client_at = named.map_or(&place, |named| &named.0.span);
        self.protocol((&client, client_at), (&properties, &given), brokers);
        let processing = self.processing(
            model.processing.as_ref(),
            &mut properties,
            &given,
            downstreams,
            &client,
        );
        let mut on_error = Vec::new();
        for poison in model.poison.as_deref().unwrap_or(&[]) {
            on_error.push(self.on_error(poison, &client));
        }
        if client.order.is_some() {
            self.beside_a_pool(model, &client, &on_error);
            self.retry_topics_beside_a_pool(model, &client.name);
        }
        let processing = processing?;
        if client.profile.heartbeats == Heartbeats::BetweenRecords && processing.concurrency > 1 {
            let concurrency = model
                .processing
                .as_ref()
                .and_then(|section| section.value.concurrency.as_ref());
            let at = concurrency.map_or(&place, |count| &count.0.span);
            let message = format!(
                "{} takes one record after another, or it could not beat between them",
                client.name
            );
            self.error::<()>(
                at,
                message,
                "write concurrency = 1, or a client whose heartbeats have a thread of their own",
            );
        }
        known?;
        Some(Settings {
            client: client.profile,
            properties,
            processing,
            on_error: on_error.into_iter().collect::<Option<_>>()?,
        })
    }
}
