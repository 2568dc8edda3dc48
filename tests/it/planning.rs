//! The cheapest case that holds: the answer is that of running everything, at a fraction of the runs.

use std::fs;
use std::path::Path;

use lagsim::experiment::{Assumption, Planned, plan, run_once};
use lagsim::measure::{Keep, measure};
use lagsim::scenario::{Experiment, Source, check_case, check_experiment};

use super::cli::Desk;

fn read_from(folder: &'static str) -> impl Fn(&str) -> Result<String, String> + Sync {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    move |name: &str| fs::read_to_string(folder.join(name)).map_err(|why| why.to_string())
}

fn experiment(name: &str, text: &str, read: &dyn Fn(&str) -> Result<String, String>) -> Experiment {
    let source = Source {
        name: format!("{name}.toml"),
        stem: name.to_owned(),
        text: text.to_owned(),
    };
    check_experiment(&source, &[], &|path| read(path)).unwrap_or_else(|found| panic!("{found}"))
}

fn planned(
    experiment: &Experiment,
    read: &(dyn Fn(&str) -> Result<String, String> + Sync),
) -> Planned {
    let planning = experiment.planning.as_ref().unwrap();
    plan(experiment, planning, read, &|| {}).unwrap_or_else(|found| panic!("{found}"))
}

const MODEL: &str = r#"
seed = @seed@
horizon = "2m"
topic = { name = "orders", partitions = 3 }
produce = { rate = "@rate@/s" }
group = { name = "order-processor", members = 2 }
processing = { time = { exponential = "@time@ms" }, commit = "after-batch" }
at = [{ time = "40s", deploy = { gap = "5s", start-up = "1s" } }]
"#;

const QUESTION: &str = r#"
model = "small.toml"
replications = 12
axis = [
    { key = "group.members", values = "1..4+1" },
    { key = "topic.partitions", values = [2, 3, 6] },
    { key = "group.properties.max.poll.records", values = [20, 500] },
]

[plan]
cost = { group.members = @member@, topic.partitions = @partition@ }
@monotone@
hold = [
    { metric = "max-age", below = "@age@s", share = 0.75 },
    { metric = "final-lag", below = 300 },
]
"#;

/// Every case in every replication: the cheapest that holds.
fn enumerated(
    experiment: &Experiment,
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Option<usize> {
    let planning = experiment.planning.as_ref().unwrap();
    let n = experiment.replications;
    let holds = |case: usize| {
        let checked = check_case(experiment, case, &|path| read(path));
        let scenario = checked.unwrap_or_else(|found| panic!("{found}")).scenario;
        let summaries: Vec<_> = (0..n)
            .map(|replication| run_once(&scenario, replication, Keep::SUMMARY).summary)
            .collect();
        planning.holds.iter().all(|hold| {
            let value = |summary| measure(&hold.expectation.metric, summary);
            let met = summaries
                .iter()
                .filter(|own| hold.expectation.holds(value(own)));
            met.count() as f64 >= hold.share * f64::from(n)
        })
    };
    let cost = |case: usize| planning.cost(&experiment.point(case));
    let cases = (0..experiment.cases()).filter(|case| holds(*case));
    cases.min_by(|a, b| cost(*a).total_cmp(&cost(*b)).then(a.cmp(b)))
}

/// Models that keep up easily, barely and not at all, at several prices and bounds.
#[test]
fn the_answer_is_that_of_running_every_case_in_every_replication() {
    let (mut found, mut runs, mut all) = (0, 0, 0);
    for (seed, rate, time, age) in [
        (1, 150, 8, 9),
        (2, 300, 8, 12),
        (3, 240, 9, 7),
        (4, 900, 9, 5),
    ] {
        for (member, partition) in [(10, 1), (1, 4)] {
            let number = |text: &str, key: &str, value: u64| text.replace(key, &value.to_string());
            let model = number(MODEL, "@seed@", seed);
            let model = number(&number(&model, "@rate@", rate), "@time@", time);
            let read = move |_: &str| Ok(model.clone());
            let text = number(QUESTION, "@member@", member);
            let text = number(&number(&text, "@partition@", partition), "@age@", age);
            let plain = experiment("plain", &text.replace("@monotone@", ""), &read);
            let answer = enumerated(&plain, &read);
            let own = planned(&plain, &read);
            assert_eq!(own.plan, answer, "seed {seed}");
            let monotone = r#"monotone = ["group.members"]"#;
            let assuming = experiment("assuming", &text.replace("@monotone@", monotone), &read);
            let assumed = planned(&assuming, &read);
            assert_eq!(
                assumed.plan, answer,
                "seed {seed}, {:?}",
                assumed.assumption
            );
            found += usize::from(answer.is_some());
            runs += own.runs + assumed.runs;
            all += 2 * plain.cases() as u64 * u64::from(plain.replications);
        }
    }
    assert!((1..8).contains(&found), "{found} of 8 have an answer");
    assert!(runs * 3 < all, "{runs} of {all} runs");
}

#[test]
fn a_search_is_the_same_for_any_number_of_threads() {
    let model = MODEL
        .replace("@seed@", "5")
        .replace("@rate@", "200")
        .replace("@time@", "8");
    let read = move |_: &str| Ok(model.clone());
    let text = QUESTION
        .replace("@member@", "3")
        .replace("@partition@", "1");
    let text = text.replace("@age@", "9").replace("@monotone@", "");
    let asked = experiment("threads", &text, &read);
    let judged = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build()
            .unwrap()
            .install(|| planned(&asked, &read).judged)
    };
    let one = judged(1);
    assert!(judged(2) == one && judged(7) == one);
}

/// The answer that stands at the head of the file.
#[test]
fn the_reconciliation_needs_a_higher_limit_of_the_bank_and_nothing_else() {
    let read = read_from("experiments");
    let text = include_str!("../../experiments/reconciliation-slo.toml");
    let asked = experiment("reconciliation-slo", text, &read);
    let found = planned(&asked, &read);
    let told = asked.told(found.plan.unwrap());
    let answer = "bank limit = 240/s, group.members = 2, topic.partitions = 3";
    assert_eq!(told, answer);
    assert_eq!(found.assumption, Assumption::Kept);
    let binding = found.binding().unwrap();
    assert!(asked.told(binding.case).starts_with("bank limit = 220/s"));
    assert_eq!(binding.causes[0].0.name(), "throttled");
    let all = asked.cases() as u64 * u64::from(asked.replications);
    assert!(found.runs * 5 < all, "{} of {all} runs", found.runs);
}

#[test]
fn a_plan_is_written_and_a_question_without_an_answer_ends_with_99_and_the_nearest_miss() {
    let model = MODEL
        .replace("@seed@", "5")
        .replace("@rate@", "200")
        .replace("@time@", "8");
    let desk = Desk::with(&model);
    let text = QUESTION
        .replace("@member@", "3")
        .replace("@partition@", "1")
        .replace("@monotone@", "");
    fs::write(desk.path("slo.toml"), text.replace("@age@", "9")).unwrap();
    let told = desk.lagsim(&["plan", "slo.toml"]).ends_with(0);
    assert!(told.out.contains("Cheapest that holds: "), "{}", told.out);
    assert!(told.out.contains("What binds"), "{}", told.out);
    assert_eq!(
        desk.names("output/slo"),
        ["plan.csv", "plan.json", "plan.png"]
    );
    let table = fs::read_to_string(desk.path("output/slo/plan.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + 24);
    assert_eq!(table.matches(",holds,true,").count(), 1);

    for (out, more) in [("other", ["--seed", "6"]), ("set", ["--set", "seed=6"])] {
        let args = ["plan", "slo.toml", "--no-plot", "--out", out];
        desk.lagsim(&[&args[..], &more].concat()).ends_with(0);
    }
    let of = |out: &str| fs::read_to_string(desk.path(out).join("plan.csv")).unwrap();
    assert_eq!(of("other"), of("set"));
    assert_ne!(of("other"), table);

    fs::write(desk.path("slo.toml"), text.replace("@age@s", "1ms")).unwrap();
    let told = desk
        .lagsim(&["plan", "slo.toml", "--format", "json"])
        .ends_with(99);
    let document: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(document["plan"], serde_json::Value::Null);
    assert!(document["nearest_miss"]["case"].is_u64());
    assert!(told.err.contains("no case holds"), "{}", told.err);
    // Hopeless cases are given up after four runs.
    assert_eq!(document["runs"], 24 * 4);

    fs::write(desk.path("no.toml"), "model = \"small.toml\"\n").unwrap();
    let told = desk.lagsim(&["plan", "no.toml"]).ends_with(2);
    assert!(told.err.contains("add a section [plan]"), "{}", told.err);
}
