use super::*;

fn mistakes(text: &str) -> Vec<String> {
    let refused = read("listing", text).unwrap_err();
    let told = refused.iter().map(|one| {
        let at = refused.position(one).unwrap();
        format!("{}:{}: {}", at.line, at.column, one.message)
    });
    told.collect()
}

fn observed(text: &str) -> Observed {
    Observed::of(&read("listing", text).unwrap(), None, None).unwrap()
}

fn start(committed: Option<u64>, log_end: Option<u64>) -> Start {
    Start {
        committed,
        log_end,
        behind: 0,
    }
}

/// As Kafka 4 prints it, with a partition that nobody owns and one that was never committed.
const DESCRIBED: &str = "
GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID
order-processor orders          0          1204            1300            96              c-1-aa          /10.0.0.7       c-1
order-processor orders          1          5               3               -2              c-1-aa          /10.0.0.7       c-1
order-processor orders          2          -               70              -               c-2-bb          /10.0.0.8       c-2
order-processor orders          4          10              10              0               -               -               -
";

#[test]
fn a_described_group_says_where_each_partition_starts_and_who_reads_it() {
    let seen = observed(DESCRIBED);
    assert_eq!(seen.topic.as_deref(), Some("orders"));
    assert_eq!(seen.group.as_deref(), Some("order-processor"));
    assert_eq!(seen.members, Some(2));
    let expected = [
        start(Some(1204), Some(1300)),
        Start {
            behind: 2,
            ..start(Some(5), Some(5))
        },
        start(None, Some(70)),
        start(None, None),
        start(Some(10), Some(10)),
    ];
    assert_eq!(seen.partitions, expected);
    assert_eq!(seen.history, None);
}

#[test]
fn a_table_without_the_column_group_is_read_too() {
    let seen = observed(
        "TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID\n\
         orders 0 1 2 1 - - -\n",
    );
    assert_eq!((seen.group, seen.members), (None, None));
    assert_eq!(seen.partitions, [start(Some(1), Some(2))]);
}

#[test]
fn of_several_groups_one_is_chosen() {
    let two = format!(
        "{DESCRIBED}\n{}",
        DESCRIBED
            .replace("order-processor", "audit")
            .replace(" orders", " events")
    );
    let series = read("listing", &two).unwrap();
    let refused = Observed::of(&series, None, None).unwrap_err();
    assert_eq!(
        refused.problem,
        "there are 2 groups: `audit`, `order-processor`"
    );
    assert_eq!(refused.remedy, "choose one with --group NAME");
    let chosen = Observed::of(&series, None, Some("audit")).unwrap();
    assert_eq!(chosen.topic.as_deref(), Some("events"));
    let refused = Observed::of(&series, None, Some("audits")).unwrap_err();
    assert_eq!(refused.remedy, "choose one of `audit`, `order-processor`");
}

#[test]
fn every_wrong_word_of_a_table_is_told() {
    let text = "\nConsumer group 'g' has no active members.\n\n\
                GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID\n\
                g orders 0 twelve 13 1 - - -\n\
                g orders x 1 13 1.5 - - -\n\
                g orders 1 1 13 12 -\n\
                g orders 2 1 13 12 - - -\n\
                g orders 2 1 13 12 - - -\n";
    let expected = [
        "5:12: `twelve` is neither an offset nor -",
        "6:10: `x` is not a partition number",
        "6:17: `1.5` is neither an offset nor -",
        "7:1: 7 words in a table of 9 columns",
        "9:1: partition 2 stands twice",
    ];
    assert_eq!(mistakes(text), expected);
    let missing = "Error: Consumer group 'g' does not exist.\n";
    assert_eq!(
        mistakes(missing),
        ["1:1: Consumer group 'g' does not exist."]
    );
}

#[test]
fn scrapes_of_all_exporters_say_the_same() {
    let exporter = r#"# HELP kafka_consumergroup_lag Current Approximate Lag of a ConsumerGroup at Topic/Partition
# TYPE kafka_consumergroup_lag gauge
kafka_consumergroup_current_offset{consumergroup="g",partition="0",topic="orders"} 1.204e+03
kafka_consumergroup_current_offset{consumergroup="g",partition="1",topic="orders"} -1
kafka_consumergroup_lag{consumergroup="g",partition="0",topic="orders"} 96 1700000000000
kafka_consumergroup_lag{consumergroup="g",partition="1",topic="orders"} -1
kafka_consumergroup_members{consumergroup="g"} 3
kafka_topic_partition_current_offset{partition="0",topic="orders"} 1300
kafka_topic_partition_current_offset{partition="1",topic="orders"} 70
kafka_topic_partition_current_offset{partition="0",topic="__consumer_offsets"} 70
kafka_brokers 3
go_goroutines 17
"#;
    let seen = observed(exporter);
    let expected = [start(Some(1204), Some(1300)), start(None, Some(70))];
    assert_eq!(seen.partitions, expected);
    assert_eq!((seen.members, seen.brokers), (Some(3), Some(3)));

    let lag_exporter = r#"
kafka_consumergroup_group_offset{cluster_name="c",group="g",topic="orders",partition="0",member_host="/a \"b\", c",client_id="x",} 1204
kafka_consumergroup_group_offset{cluster_name="c",group="g",topic="orders",partition="1"} NaN
kafka_partition_latest_offset { cluster_name="c", topic="orders", partition="0" } 1300
kafka_partition_latest_offset{cluster_name="c",topic="orders",partition="1"} 70
"#;
    assert_eq!(observed(lag_exporter).partitions, expected);

    let kminion = r#"kminion_kafka_consumer_group_topic_partition_lag{group_id="g",topic_name="orders",partition_id="0"} 96
kminion_kafka_topic_partition_high_water_mark{topic_name="orders",partition_id="0"} 1300
kminion_kafka_topic_partition_high_water_mark{topic_name="orders",partition_id="1"} 70
"#;
    assert_eq!(observed(kminion).partitions, expected);

    let burrow = r#"burrow_kafka_consumer_current_offset{cluster="c",consumer_group="g",topic="orders",partition="0"} 1204
burrow_kafka_consumer_partition_lag{cluster="c",consumer_group="g",topic="orders",partition="0"} 96
"#;
    assert_eq!(observed(burrow).partitions, expected[..1]);
}

#[test]
fn every_wrong_line_of_a_scrape_is_told() {
    let text = r#"kafka_consumergroup_lag{consumergroup="g",topic="orders"} 1
kafka_consumergroup_lag{consumergroup="g",topic="orders",partition="0"} many
kafka_consumergroup_lag{consumergroup="g",topic="orders",partition="p"} 1
kafka_consumergroup_lag{consumergroup="g" 1
kafka_consumergroup_lag{consumergroup="g",topic="orders",partition="1"} 1
kafka_consumergroup_lag{consumergroup="g",topic="orders",partition="1"} 1
kafka_topic_partition_current_offset{topic="orders",partition="1"} -3
<html>
"#;
    let expected = [
        "1:1: kafka_consumergroup_lag has no label partition",
        "2:1: `many` is not a figure",
        "3:1: `p` is not a partition number",
        "4:1: the labels are not closed or not quoted",
        "6:1: kafka_consumergroup_lag stands twice for the same partition",
        "7:1: -3 is below zero",
        "8:1: this is no sample of a metric",
    ];
    assert_eq!(mistakes(text), expected);
}

/// Two partitions over two minutes: 60 and 30 records in the first, 0 and 30 in the second.
const RANGE: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[
{"metric":{"__name__":"kafka_topic_partition_current_offset","topic":"orders","partition":"0"},"values":[[1000,"100"],[1060,"160"],[1120,"160"]]},
{"metric":{"__name__":"kafka_topic_partition_current_offset","topic":"orders","partition":"1"},"values":[[1000,"10"],[1060,"40"],[1120,"70"]]},
{"metric":{"__name__":"kafka_consumergroup_lag","consumergroup":"g","topic":"orders","partition":"0"},"values":[[1000,"20"],[1060,"30"],[1120,"0"]]},
{"metric":{"__name__":"kafka_consumergroup_lag","consumergroup":"g","topic":"orders","partition":"1"},"values":[[1000,"-1"],[1060,"40"],[1120,"5"]]}
]}}"#;

#[test]
fn a_range_query_is_a_rate_a_share_of_each_partition_and_a_lag() {
    let seen = observed(RANGE);
    assert_eq!(
        seen.partitions,
        [start(Some(80), Some(100)), start(None, Some(10))]
    );
    let history = seen.history.unwrap();
    assert_eq!((history.origin, history.length), (1000.0, 120.0));
    assert_eq!(history.rates, [(0.0, 1.5), (60.0, 0.5)]);
    assert_eq!(history.records, [60, 60]);
    let lag: Vec<(f64, Vec<u64>)> = history
        .lag
        .iter()
        .map(|(at, seen)| (*at, seen.iter().map(|one| one.lag).collect()))
        .collect();
    let expected = [
        (0.0, vec![20, 10]),
        (60.0, vec![30, 40]),
        (120.0, vec![0, 5]),
    ];
    assert_eq!(lag, expected);
}

#[test]
fn a_listing_beside_a_history_says_where_the_model_starts() {
    let series = [
        read("now", DESCRIBED).unwrap(),
        read("week", &RANGE.replace("\"g\"", "\"order-processor\"")).unwrap(),
    ]
    .concat();
    let seen = Observed::of(&series, None, None).unwrap();
    assert_eq!(seen.partitions[0], start(Some(1204), Some(1300)));
    assert_eq!(seen.history.unwrap().rates.len(), 2);
}

#[test]
fn samples_of_different_times_meet_on_straight_lines() {
    let text = RANGE.replace(
        "[[1000,\"10\"],[1060,\"40\"],[1120,\"70\"]]",
        "[[990,\"5\"],[1030,\"25\"],[1120,\"70\"]]",
    );
    let history = observed(&text).history.unwrap();
    // From the first moment at which everything has been seen.
    assert_eq!((history.origin, history.length), (1000.0, 120.0));
    assert_eq!(history.rates, [(0.0, 1.5), (30.0, 1.5), (60.0, 0.5)]);
}

#[test]
fn what_is_no_answer_to_a_query_is_told_with_its_line() {
    let failed = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    assert_eq!(mistakes(failed), ["1:1: the query failed: parse error"]);
    let broken = "{\"status\":\"success\",\n\"data\":{\"resultType\":\"matrix\",\n\"result\":[}}";
    assert_eq!(
        mistakes(broken),
        ["3:11: this is not the JSON it should be: expected value"]
    );
    let text = RANGE
        .replace("\"160\"],[1120", "\"16o\"],[1120")
        .replace("\"values\":[[1000,\"10\"]", "\"values\":[[1000,10]")
        .replace("{\"__name__\":\"kafka_consumergroup_lag\",\"consumergroup\":\"g\",\"topic\":\"orders\",\"partition\":\"0\"}", "{}");
    let expected = [
        "2:126: `16o` is not a figure",
        "3:113: this is not the JSON it should be: invalid type: integer `10`, expected a string",
        "4:1: a series without a name: the query computes something",
    ];
    assert_eq!(mistakes(&text), expected);
    let other = RANGE.replace("kafka_topic_partition_current_offset", "up");
    assert_eq!(mistakes(&other).len(), 2);
    let back = RANGE.replace("[1120,\"160\"]", "[1120,\"3\"]");
    let refused = Observed::of(&read("range", &back).unwrap(), None, None).unwrap_err();
    assert!(
        refused
            .problem
            .contains("goes back at time 1120, from 160 to 3"),
        "{refused}"
    );
}

#[test]
fn the_metadata_of_kcat_counts_partitions_and_brokers() {
    let text = r#"{"originating_broker":{"id":1,"name":"b:9092/1"},"query":{"topic":"orders"},"controllerid":1,
"brokers":[{"id":1,"name":"a:9092"},{"id":2,"name":"b:9092"}],
"topics":[{"topic":"orders","partitions":[{"partition":0,"leader":1,"replicas":[{"id":1}],"isrs":[{"id":1}]},{"partition":1,"leader":2,"replicas":[],"isrs":[]}]}]}"#;
    let seen = observed(text);
    assert_eq!(seen.topic.as_deref(), Some("orders"));
    assert_eq!((seen.partitions.len(), seen.brokers), (2, Some(2)));
}

#[test]
fn a_csv_file_holds_offsets_of_now_a_history_or_a_rate() {
    let now = observed("Partition;Current-Offset;Log-End-Offset\n0;5;9\n1;;4\n");
    assert_eq!(
        now.partitions,
        [start(Some(5), Some(9)), start(None, Some(4))]
    );
    let history =
        observed("time_s,partition,log_end_offset,committed_offset\n0,0,10,5\n10,0,30,30\n");
    assert_eq!(history.partitions, [start(Some(5), Some(10))]);
    assert_eq!(history.history.unwrap().rates, [(0.0, 2.0)]);
    let rate = observed("timestamp,rate_per_s\n1700000000,5\n1700000060,7.5\n")
        .history
        .unwrap();
    assert_eq!((rate.origin, rate.length), (1_700_000_000.0, 60.0));
    assert_eq!(rate.rates, [(0.0, 5.0), (60.0, 7.5)]);
    let wrong = "partition,log_end_offset\n0,5\n0,6\nx,7\n1,-4\n";
    let expected = [
        "3:3: this partition stands twice, without a time",
        "4:1: `x` is not a partition number",
        "5:3: `-4` is not an offset",
    ];
    assert_eq!(mistakes(wrong), expected);
    assert_eq!(mistakes("a,b\n1,2\n").len(), 1);
}

#[test]
fn other_texts_are_refused_whatever_they_are() {
    for text in [
        "",
        "\n",
        "hello",
        "{",
        "[]",
        "{}",
        "{\"topics\":3}",
        "\u{feff}",
        "é,ü\n",
        "# c\n",
        "kafka_up 1\n",
    ] {
        assert_eq!(mistakes(text).len(), 1, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        picks in proptest::collection::vec(0..PIECES.len(), 0..40),
        noise in ".{0,6}",
    ) {
        let text: String = picks.iter().map(|ix| PIECES[*ix]).collect();
        for text in [&text, &format!("{noise}{text}"), &format!("{text}{noise}")] {
            if let Ok(series) = read("listing", text) {
                let _ = Observed::of(&series, None, None);
            }
        }
    }
}

const PIECES: [&str; 22] = [
    "GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG\n",
    "g t 0 1 2 1\n",
    "g t 1 - 2 -\n",
    " ",
    "\n",
    "-",
    "\"",
    "{",
    "}",
    ",",
    "kafka_consumergroup_lag{consumergroup=\"g\",topic=\"t\",partition=\"0\"} 3\n",
    "=\"\\",
    "NaN\n",
    "1e400",
    "é",
    "partition,log_end_offset,time_s\n",
    "0,5,1\n",
    "0,9,2\n",
    "#",
    "[",
    "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[",
    "{\"metric\":{\"__name__\":\"kafka_brokers\"},\"values\":[[1,\"2\"]]}",
];

/// As Prometheus has it where a sample is missing: the figure before stands, and nothing is taken to be committed at offset 0.
#[test]
fn a_figure_that_is_missing_at_an_instant_is_the_one_before() {
    let text = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"kafka_consumergroup_lag","consumergroup":"pay","topic":"orders","partition":"0"},
         "values":[[1700000000,"10"],[1700000060,"20"],[1700000120,"NaN"],[1700000180,"5"]]},
        {"metric":{"__name__":"kafka_topic_partition_current_offset","topic":"orders","partition":"0"},
         "values":[[1700000000,"1000"],[1700000060,"1060"],[1700000120,"1120"],[1700000180,"1180"]]}]}}"#;
    let history = observed(text).history.unwrap();
    let lags: Vec<u64> = history.lag.iter().map(|(_, all)| all[0].lag).collect();
    assert_eq!(lags, [10, 20, 20, 5]);
}

/// How far a group is behind is known, and where is not.
#[test]
fn lag_alone_is_a_backlog() {
    let of = |result: &str, values: &str| {
        let metric = r#""metric":{"__name__":"kafka_consumergroup_lag","consumergroup":"pay","topic":"orders","partition":"0"}"#;
        observed(&format!(
            r#"{{"status":"success","data":{{"resultType":"{result}","result":[{{{metric},{values}}}]}}}}"#
        ))
        .partitions
    };
    let vector = of("vector", r#""value":[1700000000,"1000000"]"#);
    assert_eq!(vector, [start(Some(0), Some(1_000_000))]);
    // Of a history that tells nothing of what was produced, the end.
    let matrix = of(
        "matrix",
        r#""values":[[1700000000,"7"],[1700000060,"900"]]"#,
    );
    assert_eq!(matrix, [start(Some(0), Some(900))]);
}
