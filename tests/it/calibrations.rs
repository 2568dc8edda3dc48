//! What a trace tells of a model: intervals that hold the truth as often as they claim, and nothing where it tells nothing.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use lagsim::experiment::{Calibration, Estimate, Learnt, calibrate, run_replications};
use lagsim::measure::{Keep, Outcome, Trace};
use lagsim::report::calibration::changes;
use lagsim::scenario::{Scenario, Source, check, rewrite};
use lagsim::units::SimTime;
use lagsim::workload::Pattern;

/// Simulated recordings of each kind.
const RECORDINGS: u32 = 60;
/// Fewest of them whose 95 % interval holds the truth: fewer come about less than once in 500 times if it does.
const FEWEST: usize = 51;

/// Three members fall behind for five minutes and catch up for five.
const BEHIND: &str = r#"
horizon = "10m"
sample = "1s"
[topic]
name = "t"
partitions = 6
[produce]
rate = { steps = [{ at = "0s", rate = "500/s" }, { at = "5m", rate = "200/s" }] }
[cluster]
commit-latency = "4ms"
[group]
name = "g"
members = 3
[group.properties]
max.poll.records = 40
[processing]
time = { exponential = "8ms" }
"#;

/// Two members before a dependency that lets 60 calls a second through.
const LIMITED: &str = r#"
horizon = "10m"
sample = "1s"
[topic]
name = "t"
partitions = 2
[produce]
rate = "90/s"
[group]
name = "g"
members = 2
[group.properties]
max.poll.records = 20
[processing]
time = "2ms"
[downstream.bank]
rate-limit = "60/s"
latency = "5ms"
"#;

fn scenario(text: &str) -> Scenario {
    let source = Source {
        name: "model.toml".to_owned(),
        stem: "model".to_owned(),
        text: text.to_owned(),
    };
    let checked = check(&source, &[], &|_| Err("no file".to_owned()));
    checked.unwrap_or_else(|found| panic!("{found}")).scenario
}

/// What a monitor records of a run.
fn recorded(outcome: &Outcome) -> Trace {
    let mut text = "t_s,partition,log_end_offset,committed_offset,lag\n".to_owned();
    for (n, at) in outcome.curves.times().iter().enumerate() {
        for partition in 0..outcome.curves.partitions() {
            let one = outcome.curves.point(partition, n).unwrap();
            let committed = one.committed.map_or(-1, |offset| offset as i64);
            let lag = outcome.curves.lag(partition, n);
            let time = at.as_secs_f64();
            writeln!(text, "{time},{partition},{},{committed},{lag}", one.log_end).unwrap();
        }
    }
    Trace::parse("trace.csv", &text).unwrap()
}

/// `model` fitted to recordings of what is simulated by `truth`.
fn fitted(model: &str, truth: &str) -> Vec<Calibration> {
    let model = scenario(model);
    let outcomes = run_replications(&scenario(truth), RECORDINGS, Keep::ALL);
    let each = outcomes.iter().map(|one| calibrate(&model, &recorded(one)));
    each.collect()
}

/// The intervals hold `truth` as often as they claim, and are no wider than `width` of it.
fn assert_holds<'a>(name: &str, truth: f64, width: f64, found: impl Iterator<Item = &'a Estimate>) {
    let found: Vec<&Estimate> = found.collect();
    assert_eq!(found.len(), RECORDINGS as usize, "{name}");
    let hold = found
        .iter()
        .filter(|one| (one.low..=one.high).contains(&truth))
        .count();
    assert!(
        hold >= FEWEST,
        "{name}: {hold} of {RECORDINGS} hold {truth}: {found:?}"
    );
    let widest = found
        .iter()
        .map(|one| one.high - one.low)
        .fold(0.0, f64::max);
    assert!(
        widest < width * truth,
        "{name}: an interval of {widest} around {truth}"
    );
}

fn told<T>(told: &Learnt<T>) -> &T {
    told.as_ref().unwrap_or_else(|why| panic!("{why}"))
}

/// The model of a run, with other figures than it was made with.
fn mistaken(text: &str, changes: &[(&str, &str)]) -> String {
    let mut model = text.to_owned();
    for (right, wrong) in changes {
        assert!(model.contains(right), "{right}");
        model = model.replace(right, wrong);
    }
    model
}

#[test]
fn intervals_of_rates_and_of_the_time_of_a_record_hold_the_truth() {
    let model = mistaken(
        BEHIND,
        &[
            ("500/s", "100/s"),
            ("200/s", "300/s"),
            ("\"8ms\"", "\"20ms\""),
        ],
    );
    let found = fitted(&model, BEHIND);
    for one in &found {
        let phases = told(&one.rate);
        assert_eq!(phases.len(), 2, "{phases:?}");
        let change = phases[1].from.as_secs_f64();
        assert!(
            (change - 300.0).abs() <= 2.0,
            "the rate changes at {change} s"
        );
        assert_eq!(phases[0].from, SimTime::ZERO);
    }
    let spacings = found.iter().filter_map(|one| one.arrivals.as_ref().ok());
    let poisson = spacings
        .filter(|one| one.pattern == Pattern::Poisson)
        .count();
    assert!(poisson >= RECORDINGS as usize - 4, "{poisson} are Poisson");
    assert_holds(
        "500/s",
        500.0,
        0.02,
        found.iter().map(|one| &told(&one.rate)[0].rate),
    );
    assert_holds(
        "200/s",
        200.0,
        0.03,
        found.iter().map(|one| &told(&one.rate)[1].rate),
    );
    assert_holds(
        "8ms",
        0.008,
        0.05,
        found.iter().map(|one| &told(&one.service).time),
    );
}

#[test]
fn evenly_spaced_records_are_told_from_poissons() {
    let even = mistaken(
        BEHIND,
        &[("[cluster]", "arrivals = \"constant\"\n[cluster]")],
    );
    for one in fitted(BEHIND, &even) {
        assert_eq!(told(&one.arrivals).pattern, Pattern::Constant);
        let rate = told(&one.rate)[0].rate;
        assert!(
            rate.high - rate.low < 0.05 && (rate.value - 500.0).abs() < 0.05,
            "{rate:?}"
        );
    }
}

/// A ledger is called twice for each call of the bank: it takes no token of its limit, but its part of a record's time.
#[test]
fn with_several_dependencies_the_limit_is_that_of_the_shared_one() {
    let ledger = "calls = { ledger = 2, bank = 1 }\n[downstream.ledger]\nlatency = \"10ms\"\n";
    let bank = "[downstream.bank]\n";
    let truth = mistaken(LIMITED, &[(bank, &format!("{ledger}{bank}"))]);
    let found = fitted(&mistaken(&truth, &[("\"60/s\"", "\"45/s\"")]), &truth);
    let limits = found.iter().map(|one| told(one.limit.as_ref().unwrap()));
    assert_holds("60/s", 60.0, 0.06, limits);
    let truth = format!("{BEHIND}{ledger}{bank}latency = \"2ms\"\n");
    let slower = [("500/s", "150/s"), ("200/s", "40/s")];
    let truth = mistaken(&truth, &slower);
    let found = fitted(&mistaken(&truth, &[("\"8ms\"", "\"20ms\"")]), &truth);
    let times = found.iter().map(|one| &told(&one.service).time);
    assert_holds("8ms", 0.008, 0.15, times);
}

#[test]
fn a_limit_that_binds_is_fitted_and_the_members_speed_is_not() {
    let model = mistaken(LIMITED, &[("\"60/s\"", "\"45/s\"")]);
    let found = fitted(&model, LIMITED);
    assert_holds(
        "60/s",
        60.0,
        0.06,
        found.iter().map(|one| told(one.limit.as_ref().unwrap())),
    );
    for one in &found {
        let why = one.service.as_ref().unwrap_err();
        assert!(why.contains("no speed of their own"), "{why}");
    }
    // Where the members are what is slow, the limit is only told to be above that.
    let slow = mistaken(LIMITED, &[("\"2ms\"", "\"40ms\"")]);
    let found = fitted(&mistaken(&slow, &[("\"40ms\"", "\"33ms\"")]), &slow);
    assert_holds(
        "40ms",
        0.04,
        0.06,
        found.iter().map(|one| &told(&one.service).time),
    );
    let why = found[0].limit.as_ref().unwrap().as_ref().unwrap_err();
    assert!(why.starts_with("it is not reached: it is above 4"), "{why}");
}

#[test]
fn members_that_come_tell_a_shared_limit_from_their_own_speed() {
    let late = |text: &str| {
        let text = mistaken(
            text,
            &[(
                "members = 2",
                "member = [{ name = \"a\" }, { name = \"b\", start = \"5m\" }]",
            )],
        );
        mistaken(&text, &[("\"90/s\"", "\"400/s\"")])
    };
    // The model takes the members for slow; that two do no more than one says otherwise.
    let model = mistaken(&late(LIMITED), &[("\"2ms\"", "\"200ms\"")]);
    for one in fitted(&model, &late(LIMITED)) {
        let limit = told(one.limit.as_ref().unwrap());
        assert!((limit.value - 60.0).abs() < 2.0, "{limit:?}");
    }
    // And it takes the dependency for slow, but two do twice as much as one.
    let own = late(&mistaken(LIMITED, &[("\"2ms\"", "\"40ms\"")]));
    let model = mistaken(&own, &[("\"60/s\"", "\"5/s\"")]);
    for one in fitted(&model, &own) {
        let time = told(&one.service).time;
        assert!((time.value - 0.04).abs() < 0.002, "{time:?}");
    }
}

#[test]
fn a_group_that_keeps_up_tells_no_speed() {
    let calm = mistaken(BEHIND, &[("500/s", "150/s"), ("200/s", "150/s")]);
    for one in fitted(&calm, &calm) {
        let why = one.service.as_ref().unwrap_err();
        assert!(why.contains("never in backlog"), "{why}");
        assert_eq!(told(&one.rate).len(), 1);
    }
}

#[test]
fn what_no_lag_curve_tells_is_said_not_invented() {
    let cases = [
        (
            "time = { exponential = \"8ms\" }",
            "concurrency = 4\ntime = { exponential = \"40ms\" }",
            "at the same time",
        ),
        (
            "name = \"g\"",
            "name = \"g\"\nclient = \"kafkajs\"",
            "what a fetch brings",
        ),
        (
            "[processing]",
            "[[poison]]\npartition = 0\noffset = 5\non-error = \"skip\"\n[processing]",
            "poison",
        ),
    ];
    for (right, wrong, why) in cases {
        let text = mistaken(BEHIND, &[(right, wrong)]);
        let outcomes = run_replications(&scenario(&text), 1, Keep::ALL);
        let found = calibrate(&scenario(&text), &recorded(&outcomes[0]));
        let told = found.service.unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_fitted_model_is_a_model_with_what_was_found() {
    let model = mistaken(
        BEHIND,
        &[("500/s", "100/s"), ("{ exponential", "  { exponential")],
    );
    let model = format!("# the orders of last week\n{model}# the end\n");
    let outcomes = run_replications(&scenario(BEHIND), 1, Keep::ALL);
    let found = calibrate(&scenario(&model), &recorded(&outcomes[0]));
    let text = rewrite(&model, &changes(&scenario(&model), &found, &model)).unwrap();
    assert!(
        text.starts_with("# the orders of last week\n") && text.ends_with("# the end\n"),
        "{text}"
    );
    let refitted = scenario(&text);
    let rate = refitted.production.curve.rate_at(SimTime::from_secs(10));
    assert!((rate - 500.0).abs() < 5.0, "{text}");
    let time = refitted.settings[0].processing.time.mean();
    assert!(
        (time - told(&found.service).time.value).abs() < 1e-6,
        "{text}"
    );
}

#[test]
fn recordings_of_real_clients_tell_what_they_were_made_with() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fit = |name: &str| {
        let path = root.join(format!("models/truth/{name}.toml"));
        let source = Source {
            name: path.display().to_string(),
            stem: name.to_owned(),
            text: fs::read_to_string(&path).unwrap(),
        };
        let beside = |name: &str| {
            fs::read_to_string(path.with_file_name(name)).map_err(|why| why.to_string())
        };
        let scenario = check(&source, &[], &beside).unwrap().scenario;
        let trace = fs::read_to_string(root.join(format!("tests/truth/{name}/trace.csv"))).unwrap();
        calibrate(&scenario, &Trace::parse("trace.csv", &trace).unwrap())
    };
    for client in ["aiokafka", "java", "librdkafka"] {
        // 300 records a second from 6 s to 46 s, 20 ms each.
        let found = fit(&format!("overload_drain-{client}"));
        let phases = told(&found.rate);
        let rates: Vec<f64> = phases.iter().map(|one| one.rate.value.round()).collect();
        assert_eq!(rates, [0.0, 300.0, 0.0], "{client}");
        for (phase, expected) in phases.iter().zip([0.0, 6.0, 46.0]) {
            let from = phase.from.as_secs_f64();
            assert!((from - expected).abs() < 0.1, "{client}: {from} s");
        }
        let time = told(&found.service).time;
        assert!(
            (time.low..=time.high).contains(&0.02) && time.high - time.low < 0.001,
            "{client}: {time:?}"
        );
        // A limit of 40 calls a second, one per record.
        let limit = fit(&format!("downstream_limit-{client}")).limit.unwrap();
        let limit = told(&limit);
        assert!(
            (limit.low..=limit.high).contains(&40.0) && limit.high - limit.low < 2.0,
            "{client}: {limit:?}"
        );
    }
}
