//! What a process runs with, read from the model as it is at some time of its timeline.

use super::super::downstream::Downstream;
use super::super::model::{Cluster, Settings};
use super::super::raw::Model;
use super::judge::Judge;
use super::properties::place_of;
use crate::kafka::{ClientProfile, RebalanceProtocol};

impl Judge<'_> {
    pub(super) fn settings(
        &mut self,
        model: &Model,
        cluster: &Cluster,
        downstream: Option<&Downstream>,
    ) -> Option<Settings> {
        let group = model.group.as_ref();
        let client = match group.and_then(|group| group.value.client.as_ref()) {
            Some(name) => {
                let known: Vec<(&str, ClientProfile)> = ClientProfile::NAMES
                    .iter()
                    .filter_map(|name| Some((*name, ClientProfile::by_name(name)?)))
                    .collect();
                self.choice(name, &known)
            }
            None => Some(ClientProfile::java()),
        };
        let given = self.properties(group.and_then(|group| group.value.properties.as_ref()));
        let own = client.unwrap_or(ClientProfile::java()).defaults();
        let mut properties = self.consumer_properties(own, &given);
        let place = group.map_or(0..0, |group| group.span.clone());
        let reads_on = properties.assignor.protocol() == RebalanceProtocol::Cooperative;
        if let Some(client) = client.filter(|client| reads_on && !client.cooperative) {
            let at = place_of(&given, "partition.assignment.strategy").unwrap_or(&place);
            self.error::<()>(
                at,
                format!("{} has no cooperative assignor", client.name()),
                r#"write range, roundrobin or sticky, or client = "java""#,
            );
        }
        self.consistent(&properties, &given, &cluster.properties, &place);
        let processing = self.processing(
            model.processing.as_ref(),
            &mut properties,
            &given,
            downstream,
        );
        let mut on_error = Vec::new();
        for poison in model.poison.as_deref().unwrap_or(&[]) {
            on_error.push(self.on_error(poison));
        }
        Some(Settings {
            client: client?,
            properties,
            processing: processing?,
            on_error: on_error.into_iter().collect::<Option<_>>()?,
        })
    }
}
