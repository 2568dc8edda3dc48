//! The language of experiments: what each key does, and what is answered to a file that is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use lagsim::experiment::{Plan, Sweep};
use lagsim::scenario::experiment_schema;

use super::{EXPERIMENT, desk, files, judged};

#[test]
fn a_bad_experiment_ends_with_104_and_writes_nothing() {
    let desk = desk();
    fs::write(
        desk.path("bad.toml"),
        EXPERIMENT.replace("max.poll.records", "max.pol.records"),
    )
    .unwrap();
    let told = desk.lagsim(&["sweep", "bad.toml"]).ends_with(104);
    assert!(
        told.err.contains("Kafka has no property `max.pol.records`"),
        "{}",
        told.err
    );
    assert!(
        told.err
            .contains("the experiment is invalid: 1 mistake; nothing was run"),
        "{}",
        told.err
    );
    assert!(!desk.path("output").exists());
}

/// Walks tests/bad_experiments/: each file beside what is answered to it. `BLESS=1` writes the answers anew.
#[test]
fn every_bad_experiment_is_answered_as_written_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_experiments");
    let entries = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 20, "only {} bad experiments", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let answer = match judged(&name, &fs::read_to_string(&path).unwrap()) {
            Ok(_) => "accepted\n".to_owned(),
            Err(found) => found.to_string(),
        };
        let expected = path.with_extension("stderr");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &answer).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != answer {
            wrong.push(format!("--- {name}\n{answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an experiment comes to: its cases with their models, and what is looked at.
fn shown(text: &str) -> String {
    let experiment =
        judged("experiment.toml", text).unwrap_or_else(|found| panic!("{text}\n{found}"));
    let plan = Plan::of(&experiment, 0);
    let sweep = Sweep::new(&experiment, &plan, &files);
    let cases = (0..experiment.cases()).map(|case| format!("{:?}", sweep.scenario(case).unwrap()));
    let cases = cases.collect::<Vec<_>>().join("\n");
    format!("{cases}\n{plan:?}\n{:?}", experiment.planning)
}

/// Every key of an experiment does something: two texts that differ by it come to different things.
#[test]
fn every_key_of_an_experiment_changes_what_is_run_or_looked_at() {
    let axis = "model = 'small.toml'\n[[axis]]\nkey = 'group.members'\nvalues = [1, 2]\n";
    let expect = |rest: &str| format!("{axis}[[expect]]\nmetric = 'max-lag'\n{rest}");
    let against =
        |members: &str| format!("below = '2 times'\nagainst = {{ group.members = {members} }}");
    let slo = |rest: &str| format!("{axis}[slo]\nmetric = 'max-lag'\nbelow = 5\n{rest}");
    let top = |rest: &str| format!("{rest}\n{axis}");
    let hold = |held: &str| {
        format!("{axis}[plan]\ncost = {{ group.members = 3 }}\nhold = [{{ {held} }}]\n")
    };
    let spread = |samples: &str| {
        format!(
            "model = 'small.toml'\nsamples = {{ {samples} }}\n\
             [[axis]]\nkey = 'processing.time'\nvalues = '1ms..9ms'\n"
        )
    };
    let cases: &[(&str, String, String)] = &[
        ("title", top("title = 'a'"), top("title = 'b'")),
        ("model", top(""), top("").replace("small.toml", "slow.toml")),
        ("horizon", top("horizon = '1m'"), top("horizon = '2m'")),
        ("seed", top("seed = 1"), top("seed = 2")),
        (
            "replications",
            top("replications = 1"),
            top("replications = 2"),
        ),
        (
            "set",
            top("set.processing.time = '1ms'"),
            top("set.processing.time = '2ms'"),
        ),
        ("axis", "model = 'small.toml'".to_owned(), top("")),
        ("samples", top(""), top("samples = { random = 1 }")),
        (
            "Samples.latin-hypercube",
            spread("latin-hypercube = 8"),
            spread("latin-hypercube = 16"),
        ),
        (
            "Samples.random",
            spread("random = 8"),
            spread("random = 16"),
        ),
        ("Samples.sobol", spread("sobol = 8"), spread("sobol = 16")),
        (
            "Samples.latin-hypercube",
            spread("latin-hypercube = 8"),
            spread("random = 8"),
        ),
        (
            "seed",
            format!("seed = 1\n{}", spread("random = 8")),
            format!("seed = 2\n{}", spread("random = 8")),
        ),
        (
            "Axis.values",
            spread("sobol = 8"),
            spread("sobol = 8").replace("9ms", "9ms*"),
        ),
        (
            "metrics",
            top("metrics = ['max-lag']"),
            top("metrics = ['drain']"),
        ),
        ("slo", axis.to_owned(), slo("")),
        ("expect", axis.to_owned(), expect("below = 5")),
        ("Axis.name", top(""), format!("{axis}name = 'crew'")),
        (
            "Axis.key",
            top(""),
            top("").replace("group.members", "topic.partitions"),
        ),
        (
            "Axis.values",
            top(""),
            top("").replace("[1, 2]", "'1..3+1'"),
        ),
        (
            "Axis.labels",
            top(""),
            format!("{axis}labels = ['one', 'two']"),
        ),
        (
            "Answer.metric",
            expect("below = 5"),
            expect("below = 5").replace("max-lag", "mean-lag"),
        ),
        (
            "Answer.partition",
            expect("below = 5\npartition = 0"),
            expect("below = 5\npartition = 1"),
        ),
        (
            "Answer.alert",
            expect("below = '5s'").replace("max-lag'", "alert-firing'\nalert = 'behind'"),
            expect("below = '5s'").replace("max-lag'", "drain'"),
        ),
        (
            "Answer.cause",
            expect("below = 0.5\ncause = 'saturated'").replace("max-lag", "cause"),
            expect("below = 0.5\ncause = 'throttled'").replace("max-lag", "cause"),
        ),
        (
            "Answer.where",
            expect("below = 5"),
            expect("below = 5\nwhere = { group.members = 2 }"),
        ),
        (
            "Answer.against",
            format!("replications = 2\n{}", expect(&against("1"))),
            format!("replications = 2\n{}", expect(&against("2"))),
        ),
        ("Answer.below", expect("below = 5"), expect("below = 6")),
        ("Answer.above", expect("above = 5"), expect("above = 6")),
        (
            "Expect.metric",
            slo(""),
            slo("").replace("max-lag", "mean-lag"),
        ),
        (
            "Expect.partition",
            slo("partition = 0"),
            slo("partition = 1"),
        ),
        (
            "Expect.alert",
            slo("").replace(
                "max-lag'\nbelow = 5",
                "alert-firing'\nalert = 'behind'\nbelow = '5s'",
            ),
            slo("").replace("max-lag'\nbelow = 5", "drain'\nbelow = '5s'"),
        ),
        (
            "Expect.cause",
            slo("cause = 'saturated'").replace("max-lag'\nbelow = 5", "cause'\nbelow = 0.5"),
            slo("cause = 'throttled'").replace("max-lag'\nbelow = 5", "cause'\nbelow = 0.5"),
        ),
        (
            "Expect.below",
            slo(""),
            slo("").replace("below = 5", "below = 6"),
        ),
        ("Expect.above", slo(""), slo("above = 2")),
        (
            "plan",
            axis.to_owned(),
            hold("metric = 'drain', below = '5s'"),
        ),
        (
            "Planning.cost",
            hold("metric = 'drain', below = '5s'"),
            hold("metric = 'drain', below = '5s'").replace("members = 3", "members = 4"),
        ),
        (
            "Planning.monotone",
            hold("metric = 'drain', below = '5s'"),
            hold("metric = 'drain', below = '5s'") + "monotone = ['group.members']",
        ),
        (
            "Planning.hold",
            hold("metric = 'drain', below = '5s'"),
            hold("metric = 'drain', below = '5s' }, { metric = 'polls', above = 1"),
        ),
        (
            "Hold.metric",
            hold("metric = 'max-lag', below = 5"),
            hold("metric = 'mean-lag', below = 5"),
        ),
        (
            "Hold.partition",
            hold("metric = 'max-lag', below = 5, partition = 0"),
            hold("metric = 'max-lag', below = 5, partition = 1"),
        ),
        (
            "Hold.alert",
            hold("metric = 'alert-firing', alert = 'behind', below = '5s'"),
            hold("metric = 'drain', below = '5s'"),
        ),
        (
            "Hold.cause",
            hold("metric = 'cause', cause = 'saturated', below = 0.5"),
            hold("metric = 'cause', cause = 'throttled', below = 0.5"),
        ),
        (
            "Hold.below",
            hold("metric = 'max-lag', below = 5"),
            hold("metric = 'max-lag', below = 6"),
        ),
        (
            "Hold.above",
            hold("metric = 'max-lag', above = 5"),
            hold("metric = 'max-lag', above = 6"),
        ),
        (
            "Hold.share",
            hold("metric = 'max-lag', below = 5"),
            hold("metric = 'max-lag', below = 5, share = 0.9"),
        ),
    ];
    for (key, one, other) in cases {
        assert_ne!(shown(one), shown(other), "{key} is ignored");
    }
    let schema: serde_json::Value = serde_json::from_str(&experiment_schema()).unwrap();
    let mut keys: Vec<String> = schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for (kind, definition) in schema["$defs"].as_object().unwrap() {
        let own = definition["properties"].as_object().into_iter().flatten();
        keys.extend(own.map(|(key, _)| format!("{kind}.{key}")));
    }
    let known: Vec<&str> = cases.iter().map(|(key, ..)| *key).collect();
    let missing: Vec<&String> = keys
        .iter()
        .filter(|key| !known.contains(&key.as_str()))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
