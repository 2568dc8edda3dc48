use super::*;

fn text_of(error: PropertyError) -> String {
    match error {
        PropertyError::Invalid { problem, remedy } => format!("invalid: {problem}; {remedy}"),
        PropertyError::NotModelled { why } => format!("not modelled: {why}"),
        PropertyError::Unknown { nearest } => format!("unknown, nearest {nearest:?}"),
    }
}

fn refusal(name: &str, value: &str) -> String {
    let mut properties = ConsumerProperties::default();
    let error = properties.set(name, value).expect_err("must be refused");
    assert_eq!(
        properties,
        ConsumerProperties::default(),
        "a refused value changes nothing"
    );
    text_of(error)
}

fn defaults<P: Default + 'static>(
    table: impl Iterator<Item = &'static Property<P>>,
) -> Vec<(&'static str, String)> {
    table.map(|row| (row.name, row.default_value())).collect()
}

fn owned(expected: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    expected
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

#[test]
fn defaults_are_those_of_consumer_config() {
    let expected = [
        ("group.protocol", "classic"),
        ("group.remote.assignor", ""),
        ("max.poll.records", "500"),
        ("max.poll.interval.ms", "300000"),
        ("session.timeout.ms", "45000"),
        ("heartbeat.interval.ms", "3000"),
        ("fetch.min.bytes", "1"),
        ("fetch.max.wait.ms", "500"),
        ("fetch.max.bytes", "52428800"),
        ("max.partition.fetch.bytes", "1048576"),
        ("enable.auto.commit", "true"),
        ("auto.commit.interval.ms", "5000"),
        ("partition.assignment.strategy", "range"),
        ("auto.offset.reset", "latest"),
        ("retry.backoff.ms", "100"),
        ("metadata.max.age.ms", "300000"),
    ];
    assert_eq!(defaults(ConsumerProperties::table()), owned(&expected));
}

#[test]
fn defaults_are_those_of_group_coordinator_config() {
    let expected = [
        ("group.initial.rebalance.delay.ms", "3000"),
        ("group.min.session.timeout.ms", "6000"),
        ("group.max.session.timeout.ms", "1800000"),
        ("group.consumer.session.timeout.ms", "45000"),
        ("group.consumer.min.session.timeout.ms", "45000"),
        ("group.consumer.max.session.timeout.ms", "60000"),
        ("group.consumer.heartbeat.interval.ms", "5000"),
        ("group.consumer.min.heartbeat.interval.ms", "5000"),
        ("group.consumer.max.heartbeat.interval.ms", "15000"),
        ("group.consumer.assignors", "uniform,range"),
        ("log.retention.check.interval.ms", "300000"),
    ];
    assert_eq!(defaults(BrokerProperties::table()), owned(&expected));
}

#[test]
fn defaults_are_those_of_log_config() {
    let expected = [
        ("retention.ms", "604800000"),
        ("retention.bytes", "-1"),
        ("segment.ms", "604800000"),
        ("segment.bytes", "1073741824"),
    ];
    assert_eq!(defaults(TopicProperties::table()), owned(&expected));
}

#[test]
fn a_limit_of_minus_one_is_none() {
    let mut properties = TopicProperties::default();
    properties.set("retention.ms", "-1").unwrap();
    assert_eq!(properties.retention_ms, None);
    properties.set("retention.bytes", "0").unwrap();
    assert_eq!(properties.retention_bytes, Some(0));
    let error = properties.set("retention.ms", "-2").expect_err("below -1");
    assert!(text_of(error).contains("-1 for no limit"));
    let error = properties.set("retention.hours", "1").expect_err("no such");
    assert!(text_of(error).contains("nearest"));
}

/// Another valid value for every property, so that a row writing the wrong field is caught.
#[test]
fn every_row_writes_its_own_field_and_reads_it_back() {
    for row in ConsumerProperties::table() {
        let value = match row.name {
            "group.protocol" => "consumer",
            "group.remote.assignor" => "range",
            "enable.auto.commit" => "false",
            "partition.assignment.strategy" => "roundrobin",
            "auto.offset.reset" => "earliest",
            _ => "7654",
        };
        let mut properties = ConsumerProperties::default();
        properties.set(row.name, value).unwrap();
        assert_eq!(
            properties.get(row.name).as_deref(),
            Some(value),
            "{}",
            row.name
        );
        for other in ConsumerProperties::table().filter(|other| other.name != row.name) {
            assert_eq!(
                other.get(&properties),
                other.default_value(),
                "{} wrote {}",
                row.name,
                other.name
            );
        }
    }
}

#[test]
fn every_broker_row_writes_its_own_field_and_reads_it_back() {
    for row in TopicProperties::table() {
        let mut properties = TopicProperties::default();
        properties.set(row.name, "7654").unwrap();
        assert_eq!(properties.get(row.name).as_deref(), Some("7654"));
        let mut others = TopicProperties::table().filter(|other| other.name != row.name);
        assert!(others.all(|other| properties.get(other.name).unwrap() == other.default_value()));
    }
    for row in BrokerProperties::table() {
        let value = match row.name {
            "group.consumer.assignors" => "range",
            _ => "7654",
        };
        let mut properties = BrokerProperties::default();
        properties.set(row.name, value).unwrap();
        assert_eq!(
            properties.get(row.name).as_deref(),
            Some(value),
            "{}",
            row.name
        );
        for other in BrokerProperties::table().filter(|other| other.name != row.name) {
            assert_eq!(other.get(&properties), other.default_value());
        }
    }
}

#[test]
fn every_default_can_be_set_again() {
    let mut properties = ConsumerProperties::default();
    for row in ConsumerProperties::table() {
        row.set(&mut properties, &row.default_value()).unwrap();
    }
    assert_eq!(properties, ConsumerProperties::default());
}

#[test]
fn times_are_whole_milliseconds_within_the_range_of_an_int() {
    assert_eq!(
        refusal("max.poll.interval.ms", "5m"),
        "invalid: `5m` is not a whole number of milliseconds; write milliseconds as Kafka does, without a unit: 1m is 60000"
    );
    assert_eq!(
        refusal("session.timeout.ms", "-1"),
        "invalid: -1 is outside of 1 to 2147483647; session.timeout.ms takes 1 to 2147483647 [milliseconds]"
    );
    assert_eq!(
        refusal("max.poll.interval.ms", "0"),
        "invalid: 0 is outside of 1 to 2147483647; max.poll.interval.ms takes 1 to 2147483647 [milliseconds]"
    );
    assert_eq!(
        refusal("auto.commit.interval.ms", "2147483648"),
        "invalid: 2147483648 is outside of 0 to 2147483647; auto.commit.interval.ms takes 0 to 2147483647 [milliseconds]"
    );
    assert_eq!(
        refusal("max.poll.records", "0"),
        "invalid: 0 is outside of 1 to 2147483647; max.poll.records takes 1 to 2147483647 [records]"
    );
    assert_eq!(
        refusal("enable.auto.commit", "yes"),
        "invalid: `yes` is neither true nor false; write true or false"
    );
    assert_eq!(
        ConsumerProperties::default().set("fetch.max.wait.ms", " 0 "),
        Ok(())
    );
}

#[test]
fn the_first_assignor_of_the_list_decides() {
    let cases = [
        ("range", Assignor::Range),
        ("roundrobin", Assignor::RoundRobin),
        (
            "org.apache.kafka.clients.consumer.RoundRobinAssignor",
            Assignor::RoundRobin,
        ),
        ("RangeAssignor, CooperativeStickyAssignor", Assignor::Range),
        (
            "[org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.\
             CooperativeStickyAssignor]",
            Assignor::Range,
        ),
        ("roundrobin,range", Assignor::RoundRobin),
    ];
    for (value, expected) in cases {
        let mut properties = ConsumerProperties::default();
        properties
            .set("partition.assignment.strategy", value)
            .unwrap();
        assert_eq!(properties.assignor, expected, "{value}");
    }
}

#[test]
fn a_list_is_cooperative_only_if_cooperative_sticky_is_all_of_it() {
    let cases = [
        ("cooperative-sticky", Assignor::CooperativeSticky),
        (
            "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
            Assignor::CooperativeSticky,
        ),
        ("sticky, cooperative-sticky", Assignor::Sticky),
        ("StickyAssignor", Assignor::Sticky),
        ("range,cooperative-sticky", Assignor::Range),
    ];
    for (list, expected) in cases {
        let mut properties = ConsumerProperties::default();
        properties
            .set("partition.assignment.strategy", list)
            .unwrap();
        assert_eq!(properties.assignor, expected, "{list}");
        let cooperative = expected == Assignor::CooperativeSticky;
        let speaks_it = expected.protocol() == RebalanceProtocol::Cooperative;
        assert_eq!(speaks_it, cooperative, "{list}");
    }
    assert_eq!(
        refusal("partition.assignment.strategy", "cooperative-sticky, range"),
        "not modelled: cooperative-sticky before others speaks the eager protocol, on the way from one to the other, \
         and that is not modelled: write it alone, or an eager one first"
    );
}

#[test]
fn assignors_that_kafka_does_not_ship_are_refused_with_their_name() {
    let strategy = "partition.assignment.strategy";
    assert_eq!(
        refusal(strategy, "range,com.example.Mine"),
        "invalid: `com.example.Mine` is no assignor that Kafka ships; write range, roundrobin, sticky or cooperative-sticky"
    );
}

#[test]
fn a_misspelt_name_gets_its_nearest() {
    let cases = [
        ("max.poll.record", "max.poll.records"),
        ("max_poll_records", "max.poll.records"),
        ("max.pol.interval.ms", "max.poll.interval.ms"),
        ("session.timeout", "session.timeout.ms"),
        ("Heartbeat.Interval.Ms", "heartbeat.interval.ms"),
        ("isolation.levle", "isolation.level"),
    ];
    for (typed, meant) in cases {
        assert_eq!(
            refusal(typed, "1"),
            format!("unknown, nearest {:?}", Some(meant)),
            "{typed}"
        );
    }
    assert_eq!(refusal("colour", "1"), "unknown, nearest None");
}

#[test]
fn what_kafka_has_and_the_model_lacks_says_what_to_do() {
    assert_eq!(
        refusal("group.instance.id", "pod-0"),
        "not modelled: each member has its own: write static = true under [group], and each has its name as \
         group.instance.id, or instance-id in its [[group.member]]"
    );
    assert_eq!(
        refusal("isolation.level", "read_committed"),
        "not modelled: transactions are not modelled, so every record can be read at once: leave it out"
    );
    assert_eq!(
        refusal("ssl.keystore.location", "/x"),
        "not modelled: security has no effect on lag: leave it out"
    );
    assert_eq!(
        refusal("auto.offset.reset", "none"),
        "not modelled: with none the application gets an exception, and the model has no application to handle it: use earliest or latest"
    );
    assert_eq!(
        refusal("group.initial.rebalance.delay.ms", "0"),
        "not modelled: it is a property of the brokers: move it there"
    );
}

#[test]
fn values_the_model_follows_anyway_are_accepted() {
    let mut properties = ConsumerProperties::default();
    assert_eq!(
        properties.set("isolation.level", "read_uncommitted"),
        Ok(())
    );
    assert_eq!(properties, ConsumerProperties::default());
}

#[test]
fn no_name_stands_in_two_tables() {
    for entry in refused::CONSUMER {
        assert!(ConsumerProperties::table().all(|row| !entry.matches(row.name)));
    }
    for entry in refused::BROKER {
        assert!(BrokerProperties::table().all(|row| !entry.matches(row.name)));
    }
    for entry in refused::TOPIC {
        assert!(TopicProperties::table().all(|row| !entry.matches(row.name)));
    }
}

#[test]
fn a_consumer_property_among_the_brokers_is_sent_home() {
    let mut properties = BrokerProperties::default();
    let error = properties
        .set("session.timeout.ms", "1")
        .expect_err("not a broker's");
    assert_eq!(
        text_of(error),
        "not modelled: it is a property of the consumers: move it to the group"
    );
}

#[test]
fn the_protocol_is_one_of_two_in_any_case() {
    let mut properties = ConsumerProperties::default();
    for (written, meant) in [
        ("CONSUMER", GroupProtocol::Consumer),
        ("Classic", GroupProtocol::Classic),
    ] {
        properties.set("group.protocol", written).unwrap();
        assert_eq!(properties.group_protocol, meant);
    }
    assert_eq!(
        refusal("group.protocol", "streams"),
        "invalid: `streams` is no group protocol of a consumer; write classic or consumer"
    );
    assert_eq!(
        refusal("group.remote.assignor", "sticky"),
        "invalid: `sticky` is no assignor of the coordinator; write uniform or range"
    );
}

#[test]
fn the_coordinators_assignors_have_names_and_classes_and_an_order() {
    let uniform = "org.apache.kafka.coordinator.group.assignor.UniformAssignor";
    let cases = [
        ("uniform", "uniform"),
        ("range, uniform", "range,uniform"),
        (uniform, "uniform"),
        ("[RangeAssignor]", "range"),
    ];
    let mut properties = BrokerProperties::default();
    for (written, list) in cases {
        properties.set("group.consumer.assignors", written).unwrap();
        assert_eq!(
            properties.get("group.consumer.assignors").as_deref(),
            Some(list)
        );
    }
    let mut refused = |list: &str| {
        let error = properties.set("group.consumer.assignors", list);
        text_of(error.expect_err("must be refused"))
    };
    assert!(refused("range,range").contains("listed twice"));
    assert!(refused("").contains("no assignor of the coordinator"));
    assert!(refused("com.example.Mine").contains("write uniform, range or both"));
}
