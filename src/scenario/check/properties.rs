//! Kafka properties: collected from a table or a properties file, set one by one, then judged together.

use super::super::document::list;
use super::super::raw::{Either, PropertyTable, PropertyValue, Scalar, Spot, Text};
use super::judge::{Judge, Place};
use crate::kafka::{BrokerProperties, ConsumerProperties, PropertyError, TopicProperties};
use crate::units::SimDuration;

/// A property as it was given.
pub(super) struct Given {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) name_at: Place,
    pub(super) value_at: Place,
}

/// Every property given, in the order in which they apply.
pub(super) type AllGiven = Vec<Given>;

/// Where a property was given, if it was.
pub(super) fn place_of<'g>(given: &'g AllGiven, name: &str) -> Option<&'g Place> {
    given
        .iter()
        .rev()
        .find(|one| one.name == name)
        .map(|one| &one.value_at)
}

impl Judge<'_> {
    /// Every property of `properties = "file"` or of a table, `from-file` first.
    pub(super) fn properties(&mut self, from: Option<&Either<Text, PropertyTable>>) -> AllGiven {
        let mut given = Vec::new();
        match from {
            None => {}
            Some(Either::Plain(file)) => self.property_file(file, &mut given),
            Some(Either::Table(table)) => {
                for (name, value) in &table.value.0 {
                    if name.value == "from-file"
                        && let PropertyValue::Scalar(path) = &value.value
                    {
                        let file = Text(Spot {
                            span: value.span.clone(),
                            value: path.clone(),
                        });
                        self.property_file(&file, &mut given);
                    }
                }
                let from = given.len();
                collect("", None, &table.value, &mut given);
                self.twice(&given[from..]);
            }
        }
        given
    }

    /// Both spellings of one property in one table.
    fn twice(&mut self, given: &[Given]) {
        for (index, one) in given.iter().enumerate() {
            if let Some(first) = given[..index].iter().find(|first| first.name == one.name) {
                let message = format!("`{}` is given twice", one.name);
                self.clash::<()>(
                    &one.name_at,
                    message,
                    (&first.name_at, "first here"),
                    "keep one of the two",
                );
            }
        }
    }

    fn property_file(&mut self, file: &Text, given: &mut AllGiven) {
        let Some((base, text)) = self.file(file) else {
            return;
        };
        let mut start = base;
        for line in text.split_inclusive('\n') {
            let bare = line.trim_end();
            let here = start + (bare.len() - bare.trim_start().len())..start + bare.len();
            start += line.len();
            let bare = bare.trim_start();
            if bare.is_empty() || bare.starts_with(['#', '!']) {
                continue;
            }
            if bare.ends_with('\\') {
                let help = "write the whole property on one line";
                self.error::<()>(
                    &here,
                    "properties over several lines are not understood",
                    help,
                );
                continue;
            }
            // java.util.Properties: the name ends at the first =, : or white space.
            let end = bare.find(['=', ':', ' ', '\t']).unwrap_or(bare.len());
            let rest = bare[end..].trim_start();
            let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim();
            given.push(Given {
                name: bare[..end].to_owned(),
                value: value.to_owned(),
                name_at: here.start..here.start + end,
                value_at: here.end - value.len()..here.end,
            });
        }
    }

    /// The consumer properties, starting from the client's own.
    pub(super) fn consumer_properties(
        &mut self,
        mut properties: ConsumerProperties,
        given: &AllGiven,
    ) -> ConsumerProperties {
        for one in given {
            if let Err(fault) = properties.set(&one.name, &one.value) {
                let elsewhere = broker_has(&one.name).or(topic_has(&one.name));
                self.property_fault(one, fault, elsewhere);
            }
        }
        properties
    }

    /// The broker properties.
    pub(super) fn broker_properties(&mut self, given: &AllGiven) -> BrokerProperties {
        let mut properties = BrokerProperties::default();
        for one in given {
            if let Err(fault) = properties.set(&one.name, &one.value) {
                let elsewhere = consumer_has(&one.name).or(topic_has(&one.name));
                self.property_fault(one, fault, elsewhere);
            }
        }
        if properties.min_session_timeout > properties.max_session_timeout
            && let Some(at) = place_of(given, "group.min.session.timeout.ms")
                .or(place_of(given, "group.max.session.timeout.ms"))
        {
            let message = "group.min.session.timeout.ms is above group.max.session.timeout.ms";
            self.error::<()>(at, message, "make the minimum at most the maximum");
        }
        self.consumer_brokers(&properties, given);
        properties
    }

    /// The topic properties.
    pub(super) fn topic_properties(&mut self, given: &AllGiven) -> TopicProperties {
        let mut properties = TopicProperties::default();
        for one in given {
            if let Err(fault) = properties.set(&one.name, &one.value) {
                let elsewhere = consumer_has(&one.name).or(broker_has(&one.name));
                self.property_fault(one, fault, elsewhere);
            }
        }
        properties
    }

    /// What is wrong with a property; `elsewhere` is the section where it belongs.
    fn property_fault(&mut self, one: &Given, fault: PropertyError, elsewhere: Option<&str>) {
        let name = &one.name;
        match fault {
            PropertyError::Unknown { .. } if elsewhere.is_some() => {
                let help = elsewhere.map_or_else(String::new, |to| format!("move it under [{to}]"));
                let message = format!("`{name}` does not belong into this section");
                self.error::<()>(&one.name_at, message, help);
            }
            PropertyError::Unknown { nearest } => {
                let help = match nearest {
                    Some(nearest) => format!("write `{nearest}`"),
                    None => {
                        let names: Vec<&str> =
                            ConsumerProperties::table().map(|row| row.name).collect();
                        format!(
                            "the properties of a consumer that matter here are {}",
                            list(&names)
                        )
                    }
                };
                self.error::<()>(
                    &one.name_at,
                    format!("Kafka has no property `{name}`"),
                    help,
                );
            }
            PropertyError::NotModelled { why } => {
                let help = match elsewhere {
                    Some(section) => format!("move it under [{section}]"),
                    None => why.to_owned(),
                };
                let message = format!("`{name}` = {} is not modelled here", one.value);
                self.error::<()>(&one.name_at, message, help);
            }
            PropertyError::Invalid { problem, remedy } => {
                self.error::<()>(&one.value_at, format!("{name}: {problem}"), remedy);
            }
        }
    }

    /// What Kafka refuses only when it sees the properties together, in the classic protocol.
    pub(super) fn consistent(
        &mut self,
        properties: &ConsumerProperties,
        given: &AllGiven,
        broker: &BrokerProperties,
        fallback: &Place,
    ) {
        let session_at = place_of(given, "session.timeout.ms")
            .unwrap_or(fallback)
            .clone();
        let heartbeat_at = place_of(given, "heartbeat.interval.ms")
            .unwrap_or(&session_at)
            .clone();
        let session = properties.session_timeout;
        let heartbeat = properties.heartbeat_interval;
        let ms = |length: SimDuration| length.as_nanos() / 1_000_000;
        let help = format!(
            "Kafka advises at most a third of session.timeout.ms: write {}",
            ms(session) / 3
        );
        if heartbeat >= session {
            let message = "heartbeat.interval.ms must be shorter than session.timeout.ms";
            let silence = format!("a member is removed after {session} of silence");
            if session_at == heartbeat_at {
                self.error::<()>(&heartbeat_at, message, help);
            } else {
                self.clash::<()>(&heartbeat_at, message, (&session_at, &silence), help);
            }
        } else if heartbeat * 3 > session {
            let message = format!(
                "heartbeat.interval.ms ({heartbeat}) is more than a third of session.timeout.ms ({session}): two lost heartbeats remove a member"
            );
            self.warn(&heartbeat_at, message, help);
        }
        let (least, most) = (broker.min_session_timeout, broker.max_session_timeout);
        if session < least || session > most {
            let message = format!(
                "the broker refuses a session.timeout.ms of {} (INVALID_SESSION_TIMEOUT)",
                ms(session)
            );
            let help = format!(
                "write {} to {}, or change group.min.session.timeout.ms or group.max.session.timeout.ms under [cluster.properties]",
                ms(least),
                ms(most)
            );
            self.error::<()>(&session_at, message, help);
        }
    }
}

/// Joins nested names by dots.
fn collect(above: &str, from: Option<usize>, table: &PropertyTable, given: &mut AllGiven) {
    for (key, value) in &table.0 {
        if above.is_empty() && key.value == "from-file" {
            continue;
        }
        let name = if above.is_empty() {
            key.value.clone()
        } else {
            format!("{above}.{}", key.value)
        };
        let starts = from.unwrap_or(key.span.start);
        // Parts of one dotted key stand on one line; of a [table] header they do not.
        let near =
            key.span.end.saturating_sub(starts) <= name.len() + 8 && starts <= key.span.start;
        let name_at = if near {
            starts..key.span.end
        } else {
            key.span.clone()
        };
        let text = match &value.value {
            PropertyValue::Table(below) => {
                collect(&name, Some(name_at.start), below, given);
                continue;
            }
            PropertyValue::Scalar(scalar) => scalar.plain(),
            PropertyValue::List(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|item| Scalar::plain(&item.value))
                    .collect();
                items.join(",")
            }
        };
        given.push(Given {
            name,
            value: text,
            name_at,
            value_at: value.span.clone(),
        });
    }
}

/// The section of a property, if it is a broker's.
fn broker_has(name: &str) -> Option<&'static str> {
    let has = BrokerProperties::table().any(|row| row.name == name);
    has.then_some("cluster.properties")
}

fn consumer_has(name: &str) -> Option<&'static str> {
    let has = ConsumerProperties::table().any(|row| row.name == name);
    has.then_some("group.properties")
}

fn topic_has(name: &str) -> Option<&'static str> {
    let has = TopicProperties::table().any(|row| row.name == name);
    has.then_some("topic.properties")
}
