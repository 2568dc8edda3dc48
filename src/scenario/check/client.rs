//! Client profiles: the files of models/clients, or one beside the model.

mod mechanisms;

use std::sync::OnceLock;

use super::super::document::{self, Shape, list, nearest};
use super::super::model::{CommitPolicy, OnStop};
use super::super::on_error::OnError;
use super::super::raw::{self, Spot, Text};
use super::judge::{Judge, Place};
use super::processing::ON_STOPS;
use super::properties::place_of;
use crate::kafka::parallel::ProcessingOrder;
use crate::kafka::{Assignor, ClientProfile, ConsumerProperties, RebalanceProtocol, RejoinFrom};

/// The profile that others are told apart from.
const JAVA: &str = "java";
/// The profiles that come with the program.
const BUILT_IN: &[(&str, &str)] = &[
    (JAVA, include_str!("../../../models/clients/java.toml")),
    (
        "librdkafka",
        include_str!("../../../models/clients/librdkafka.toml"),
    ),
    (
        "aiokafka",
        include_str!("../../../models/clients/aiokafka.toml"),
    ),
    (
        "aiokafka-blocking",
        include_str!("../../../models/clients/aiokafka-blocking.toml"),
    ),
    (
        "spring-kafka",
        include_str!("../../../models/clients/spring-kafka.toml"),
    ),
    (
        "parallel-consumer",
        include_str!("../../../models/clients/parallel-consumer.toml"),
    ),
    (
        "franz-go",
        include_str!("../../../models/clients/franz-go.toml"),
    ),
    (
        "kafkajs",
        include_str!("../../../models/clients/kafkajs.toml"),
    ),
];

/// What a profile says.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its name in a model.
    pub name: String,
    /// What it does when.
    pub profile: ClientProfile,
    /// What it sets where the application sets nothing.
    pub properties: ConsumerProperties,
    /// Assignors that it has.
    pub assignors: Vec<Assignor>,
    /// Which records wait for each other in its pool if the model does not say; `None` if it has none.
    pub order: Option<ProcessingOrder>,
    /// How many records are worked on at once if the model does not say.
    pub concurrency: u32,
    /// When offsets are committed if the model does not say.
    pub commit: CommitPolicy,
    /// Whether the application commits what it has finished when partitions are taken from it if the model does not say.
    pub commit_on_revoke: bool,
    /// What a process does when told to stop if the model does not say.
    pub on_stop: OnStop,
    /// What becomes of a record that fails if the model does not say.
    pub on_error: Option<OnError>,
}

impl Client {
    /// The names of the profiles that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The profile of that name that comes with the program; `None` for a name not among [`Client::names`].
    pub fn by_name(name: &str) -> Option<Client> {
        let place = BUILT_IN.iter().position(|(known, _)| *known == name)?;
        // Each is read once: a sweep asks for it in thousands of cases.
        static READ: [OnceLock<Option<Client>>; BUILT_IN.len()] =
            [const { OnceLock::new() }; BUILT_IN.len()];
        let client = READ[place].get_or_init(|| {
            let (name, text) = BUILT_IN[place];
            let read = |_: &str| Err("a profile names no file".to_owned());
            Judge::new(&read).client_file(name, 0, text)
        });
        client.clone()
    }
}

const ASSIGNORS: [(&str, Assignor); 4] = [
    ("range", Assignor::Range),
    ("roundrobin", Assignor::RoundRobin),
    ("sticky", Assignor::Sticky),
    ("cooperative-sticky", Assignor::CooperativeSticky),
];

impl Judge<'_> {
    /// The client that a model names.
    pub(super) fn client(&mut self, named: Option<&Text>) -> Option<Client> {
        let Some(value) = named else {
            return Client::by_name(JAVA);
        };
        let name = self.text(value)?;
        if name.ends_with(".toml") {
            let (base, text) = self.file(value)?;
            return self.client_file(&name, base, &text);
        }
        if let Some(client) = Client::by_name(&name) {
            return Some(client);
        }
        let names: Vec<&str> = Client::names().collect();
        let files = "or a profile beside the model, as in \"my-client.toml\"";
        let help = match nearest(&name, names.iter().copied()) {
            Some(near) => format!(
                "write \"{near}\"; the clients are {}, {files}",
                list(&names)
            ),
            None => format!("the clients are {}, {files}", list(&names)),
        };
        self.error(
            &value.0.span,
            format!("`{name}` is no client known here"),
            help,
        )
    }

    /// The profile in a file whose text begins at `base`.
    fn client_file(&mut self, name: &str, base: usize, text: &str) -> Option<Client> {
        self.refuse_long_keys(base, text)?;
        let tree = match document::parse(text, base) {
            Ok(tree) => tree,
            Err(faults) => {
                self.found.extend(faults);
                return None;
            }
        };
        let mut shape = Shape::default();
        let read = document::read::<raw::Client>(tree, &mut shape);
        self.found.extend(shape.found);
        let before = std::mem::take(&mut self.excused);
        self.excused = shape.excused;
        let java = if name == JAVA {
            None
        } else {
            Client::by_name(JAVA)
        };
        let client =
            read.and_then(|(written, _)| self.profile(name, base..base, &written, java.as_ref()));
        self.excused = before;
        client
    }

    fn profile(
        &mut self,
        name: &str,
        place: Place,
        written: &raw::Client,
        java: Option<&Client>,
    ) -> Option<Client> {
        let mechanisms = self.mechanisms(&place, written, java.map(|java| java.profile));
        let leaves = mechanisms.is_some_and(|own| own.rejoin_from == RejoinFrom::Heartbeat);
        let assignors = self.assignors(&place, written, java, leaves);
        let commit = match (&written.commit, java) {
            (Some(written), _) => self.commit_policy(written),
            (None, Some(java)) => Some(java.commit),
            (None, None) => self.missing(&place, "commit", r#"write commit = "auto""#),
        };
        let own = java.map_or(1, |java| java.concurrency);
        let concurrency = self.concurrency(written.concurrency.as_ref(), own);
        let order = mechanisms.and_then(|own| self.pool_of_profile(&place, written, own));
        let commit_on_revoke = match (&written.commit_on_revoke, java) {
            (Some(flag), _) => self.flag(flag),
            (None, java) => Some(java.is_some_and(|java| java.commit_on_revoke)),
        };
        let on_stop = self.word(
            (&place, "on-stop"),
            &written.on_stop,
            &ON_STOPS,
            java.map(|java| java.on_stop),
        );
        let on_error = match &written.on_error {
            Some(value) => Some(self.handling(value)?),
            None => None,
        };
        let given = self.properties(written.properties.as_ref());
        let own = java.map_or_else(ConsumerProperties::default, |java| java.properties.clone());
        let properties = self.consumer_properties(own, &given);
        let assignors = assignors?;
        if !assignors.contains(&properties.assignor) {
            let at = place_of(&given, "partition.assignment.strategy").unwrap_or(&place);
            let names: Vec<&str> = assignors.iter().map(|one| one.name()).collect();
            let message = format!("{} is not among its assignors", properties.assignor.name());
            let help = format!(
                "write partition.assignment.strategy = \"{}\" under [properties]",
                names.first().unwrap_or(&"range")
            );
            self.error::<()>(at, message, help);
        }
        let cooperative = assignors.iter().any(is_cooperative);
        Some(Client {
            name: name.to_owned(),
            profile: ClientProfile {
                cooperative,
                ..mechanisms?
            },
            properties,
            assignors,
            order: order?,
            concurrency: concurrency?,
            commit: commit?,
            commit_on_revoke: commit_on_revoke?,
            on_stop: on_stop?,
            on_error,
        })
    }

    /// The assignors of a client. Who leaves its batch to rejoin gives all partitions up: it has no cooperative one.
    fn assignors(
        &mut self,
        at: &Place,
        written: &raw::Client,
        java: Option<&Client>,
        leaves: bool,
    ) -> Option<Vec<Assignor>> {
        match (&written.assignors, java) {
            (Some(Spot { span, value }), _) if value.is_empty() => self.error(
                span,
                "a client without assignors joins no group",
                "list at least one",
            ),
            (Some(listed), _) => {
                let known = listed.value.iter().map(|name| {
                    let assignor = self.choice(name, &ASSIGNORS)?;
                    if leaves && is_cooperative(&assignor) {
                        return self.error(
                            &name.0.span,
                            "a client that leaves its batch to rejoin has no cooperative assignor",
                            "leave it out, or write rejoin = \"next-poll\" or \"background\"",
                        );
                    }
                    Some(assignor)
                });
                known.collect::<Vec<_>>().into_iter().collect()
            }
            (None, Some(java)) => {
                let all = java.assignors.iter().copied();
                Some(all.filter(|one| !(leaves && is_cooperative(one))).collect())
            }
            (None, None) => self.missing(at, "assignors", "list the assignors that it has"),
        }
    }
}

fn is_cooperative(assignor: &Assignor) -> bool {
    assignor.protocol() == RebalanceProtocol::Cooperative
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SimDuration;

    #[test]
    fn every_profile_that_comes_along_is_without_mistakes() {
        for (name, text) in BUILT_IN {
            let read = |_: &str| Err("a profile names no file".to_owned());
            let mut judge = Judge::new(&read);
            let client = judge.client_file(name, 0, text);
            assert!(judge.found.is_empty(), "{name}: {:?}", judge.found);
            assert_eq!(client.expect(name).name, *name);
        }
        assert_eq!(Client::by_name("Java"), None);
    }

    #[test]
    fn java_says_everything_and_its_numbers_are_those_of_the_table_of_properties() {
        let java = Client::by_name("java").expect("a profile");
        assert_eq!(java.properties, ConsumerProperties::default());
        for row in ConsumerProperties::table() {
            let said = BUILT_IN[0].1.contains(&format!("\n{} = ", row.name));
            assert!(said || row.name == "enable.auto.commit", "{}", row.name);
        }
    }

    #[test]
    fn aiokafka_differs_from_java_in_session_assignor_and_records_only() {
        let mut properties = Client::by_name("aiokafka").expect("a profile").properties;
        for (name, own, java) in [
            ("session.timeout.ms", "10000", "45000"),
            ("partition.assignment.strategy", "roundrobin", "range"),
            ("max.poll.records", "2147483647", "500"),
        ] {
            assert_eq!(properties.get(name).as_deref(), Some(own));
            properties.set(name, java).expect(name);
        }
        assert_eq!(properties, ConsumerProperties::default());
    }

    #[test]
    fn a_rebalance_waits_for_a_member_as_long_as_its_client_asks() {
        let waits = |name| {
            let client = Client::by_name(name).expect(name);
            client.profile.rebalance_timeout(&client.properties)
        };
        assert_eq!(waits("java"), SimDuration::from_secs(300));
        assert_eq!(waits("aiokafka"), SimDuration::from_secs(10));
        assert_eq!(waits("franz-go"), SimDuration::from_secs(60));
        assert_eq!(waits("kafkajs"), SimDuration::from_secs(60));
    }
}
