//! The two group protocols: who speaks the consumer protocol (KIP-848), and which properties belong to which.

use super::super::document::list;
use super::super::model::Cluster;
use super::client::Client;
use super::judge::{Judge, Place};
use super::properties::{AllGiven, place_of};
use crate::kafka::{
    BrokerProperties, ConsumerProperties, GroupProtocol, Heartbeats, PollClock, RebalanceTimeout,
    ServerAssignor,
};
use crate::units::SimDuration;

/// The cluster, and where its properties were given.
pub(super) struct Brokers {
    pub(super) cluster: Cluster,
    pub(super) given: AllGiven,
}

/// What Kafka's client refuses in the consumer protocol, and what to do
/// (`ConsumerConfig.CONSUMER_PROTOCOL_UNSUPPORTED_CONFIGS`).
const CLASSIC_ONLY: [(&str, &str); 3] = [
    (
        "session.timeout.ms",
        "leave it out: the brokers say it, as group.consumer.session.timeout.ms under [cluster.properties]",
    ),
    (
        "heartbeat.interval.ms",
        "leave it out: the brokers say it, as group.consumer.heartbeat.interval.ms under [cluster.properties]",
    ),
    (
        "partition.assignment.strategy",
        "leave it out: the coordinator assigns; group.remote.assignor says how",
    ),
];

/// What may stand there and does nothing in the consumer protocol, and why.
const IDLE_IN_CONSUMER: [(&str, &str); 2] = [
    (
        "metadata.max.age.ms",
        "the coordinator notices new partitions, and members learn of them with their next heartbeats",
    ),
    (
        "retry.backoff.ms",
        "no thread sleeps that long before it looks at max.poll.interval.ms again",
    ),
];

/// What brokers use for one protocol only: the beginnings of the names.
const BROKERS_CLASSIC: [&str; 3] = [
    "group.initial.rebalance.delay.ms",
    "group.min.session.timeout.ms",
    "group.max.session.timeout.ms",
];
const BROKERS_CONSUMER: &str = "group.consumer.";

impl Judge<'_> {
    /// What does not go together with the group's protocol.
    pub(super) fn protocol(
        &mut self,
        (client, client_at): (&Client, &Place),
        (properties, given): (&ConsumerProperties, &AllGiven),
        brokers: &Brokers,
    ) {
        let protocol = properties.group_protocol;
        let at = place_of(given, "group.protocol").unwrap_or(client_at);
        match protocol {
            GroupProtocol::Classic => {
                self.consistent(
                    properties,
                    given,
                    &brokers.cluster.properties,
                    &client_at.clone(),
                );
                if let Some(own) = asked(given) {
                    let help = "leave it out, or write group.protocol = \"consumer\"; in the classic protocol \
                                partition.assignment.strategy says who gets what";
                    self.foreign(own, (protocol, place_of(given, "group.protocol")), help);
                }
            }
            GroupProtocol::Consumer => {
                self.speaks(client, at);
                for (name, help) in CLASSIC_ONLY {
                    if let Some(one) = given.iter().rev().find(|one| one.name == name) {
                        let own = (name, &one.name_at);
                        self.foreign(own, (protocol, place_of(given, "group.protocol")), help);
                    }
                }
                if let Some(assignor) = properties.remote_assignor {
                    let place = place_of(given, "group.remote.assignor").unwrap_or(at);
                    self.known_to(assignor, place, brokers);
                }
                for (name, why) in IDLE_IN_CONSUMER {
                    if let Some(at) = place_of(given, name) {
                        self.idle(name, at, protocol, why);
                    }
                }
            }
        }
        let other = |name: &str| match protocol {
            GroupProtocol::Classic => name.starts_with(BROKERS_CONSUMER),
            GroupProtocol::Consumer => BROKERS_CLASSIC.contains(&name),
        };
        for one in brokers.given.iter().filter(|one| other(&one.name)) {
            let why = "brokers use it for groups of the other protocol";
            self.idle(&one.name, &one.value_at, protocol, why);
        }
    }

    fn foreign(
        &mut self,
        (name, at): (&str, &Place),
        (protocol, said): (GroupProtocol, Option<&Place>),
        help: &str,
    ) {
        let message = format!(
            "{name} cannot be set with group.protocol = {}: the client does not start",
            protocol.name()
        );
        match said {
            Some(said) => self.clash::<()>(at, message, (said, "said here"), help),
            None => self.error::<()>(at, message, help),
        };
    }

    fn idle(&mut self, name: &str, at: &Place, protocol: GroupProtocol, why: &str) {
        let message = format!("{name} does nothing in the {} protocol", protocol.name());
        self.warn(at, message, why);
    }

    /// Whether the client speaks the consumer protocol, as this one does what it does there.
    fn speaks(&mut self, client: &Client, at: &Place) {
        if client.profile.consumer_protocol.is_none() {
            let speaks = |name: &&str| {
                let other = Client::by_name(name);
                other.is_some_and(|other| other.profile.consumer_protocol.is_some())
            };
            let others: Vec<&str> = Client::names().filter(speaks).collect();
            self.error::<()>(
                at,
                format!(
                    "{} does not speak the consumer protocol (KIP-848)",
                    client.name
                ),
                format!(
                    "write group.protocol = \"classic\", or a client that does: {}",
                    list(&others)
                ),
            );
            return;
        }
        let profile = &client.profile;
        let classic = [
            (
                "heartbeats",
                profile.heartbeats == Heartbeats::BetweenRecords,
                "thread",
            ),
            (
                "poll-clock",
                profile.poll_clock == PollClock::EveryHeartbeat,
                "500ms",
            ),
            (
                "rebalance-timeout",
                profile.rebalance_timeout == RebalanceTimeout::SessionTimeout,
                "max.poll.interval.ms",
            ),
        ];
        for (key, is_so, instead) in classic {
            if is_so {
                self.error::<()>(
                    at,
                    format!(
                        "`{key}` of {} goes with the classic protocol only",
                        client.name
                    ),
                    format!(
                        "write {key} = \"{instead}\" or consumer-protocol = \"none\" in the profile"
                    ),
                );
            }
        }
    }

    /// The coordinator must have the assignor that a member asks for.
    fn known_to(&mut self, assignor: ServerAssignor, at: &Place, brokers: &Brokers) {
        let has = &brokers.cluster.properties.consumer_assignors;
        if has.contains(&assignor) {
            return;
        }
        let names: Vec<&str> = has.iter().map(|one| one.name()).collect();
        let message = format!(
            "the brokers have no {} assignor (UNSUPPORTED_ASSIGNOR)",
            assignor.name()
        );
        let help = format!(
            "write {}, or add it to group.consumer.assignors under [cluster.properties]",
            list(&names)
        );
        match place_of(&brokers.given, "group.consumer.assignors") {
            Some(said) => self.clash::<()>(at, message, (said, "these are all"), help),
            None => self.error::<()>(at, message, help),
        };
    }

    /// What lets no broker start (`GroupCoordinatorConfig`, constructor).
    pub(super) fn consumer_brokers(&mut self, own: &BrokerProperties, given: &AllGiven) {
        const SESSION: &str = "group.consumer.session.timeout.ms";
        const HEARTBEAT: &str = "group.consumer.heartbeat.interval.ms";
        let (session, heartbeat) = (
            own.consumer_session_timeout,
            own.consumer_heartbeat_interval,
        );
        let rules = [
            (
                (SESSION, session),
                (
                    "group.consumer.min.session.timeout.ms",
                    own.consumer_min_session_timeout,
                ),
                (
                    "group.consumer.max.session.timeout.ms",
                    own.consumer_max_session_timeout,
                ),
            ),
            (
                (HEARTBEAT, heartbeat),
                (
                    "group.consumer.min.heartbeat.interval.ms",
                    own.consumer_min_heartbeat_interval,
                ),
                (
                    "group.consumer.max.heartbeat.interval.ms",
                    own.consumer_max_heartbeat_interval,
                ),
            ),
        ];
        for ((name, value), (least_name, least), (most_name, most)) in rules {
            let of = |name: &str| place_of(given, name);
            let Some(at) = of(name).or(of(least_name)).or(of(most_name)).cloned() else {
                continue;
            };
            if least > most {
                let message =
                    format!("{least_name} is above {most_name}: the brokers do not start");
                self.error::<()>(&at, message, "make the minimum at most the maximum");
            } else if value < least || value > most {
                let (least, most) = (millis(least), millis(most));
                self.error::<()>(
                    &at,
                    format!(
                        "{name} is {}, outside of {least} to {most}: the brokers do not start",
                        millis(value)
                    ),
                    format!("write {least} to {most}, or change {least_name} or {most_name} too"),
                );
            }
        }
        let at = place_of(given, HEARTBEAT).or(place_of(given, SESSION));
        if let (Some(at), true) = (at, heartbeat >= session) {
            let message = format!("{HEARTBEAT} must be shorter than {SESSION}");
            let help = format!("write less than {}", millis(session));
            self.error::<()>(at, message, help);
        }
    }
}

/// Where the classic protocol is asked for an assignor of the coordinator: none, written as such, is none.
fn asked(given: &AllGiven) -> Option<(&str, &Place)> {
    let one = given
        .iter()
        .rev()
        .find(|one| one.name == "group.remote.assignor")?;
    (!one.value.trim().is_empty()).then_some((one.name.as_str(), &one.name_at))
}

fn millis(length: SimDuration) -> u64 {
    length.as_nanos() / 1_000_000
}
