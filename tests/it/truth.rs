//! Predicted beside measured: every recording of real clients at a real broker against the model that its scenario makes.
//! `BLESS=1` writes the models, and the table and the pictures of docs/validation.md.

mod convert;

use std::fs;
use std::path::{Path, PathBuf};

use lagsim::experiment::{Bounds, Validation, Window, run_replications_at, validate};
use lagsim::measure::{Outcome, RebalanceEnd, Trace};
use lagsim::report::validation::{Validated, files};
use lagsim::scenario::{Scenario, Source, check};
use lagsim::units::SimTime;
use rayon::prelude::*;
use serde_json::Value;

/// Replications behind each prediction, as `lagsim validate` has it.
const REPLICATIONS: u32 = 32;

/// Largest error and smallest share inside the band of the total lag, by recording. Bounds that hold, not goals.
const BOUNDS: [(&str, f64, f64); 25] = [
    ("crash-aiokafka", 0.03, 0.90),
    ("crash-java", 0.16, 0.88),
    ("crash-librdkafka", 0.07, 0.78),
    ("downstream_limit-aiokafka", 0.07, 0.91),
    ("downstream_limit-java", 0.08, 0.92),
    ("downstream_limit-librdkafka", 0.06, 0.92),
    ("late_join-aiokafka", 0.16, 0.42),
    ("late_join-java", 0.14, 0.77),
    ("late_join-librdkafka", 0.14, 0.44),
    ("maxpoll_evict_backlog-aiokafka", 0.05, 0.73),
    ("maxpoll_evict_backlog-java", 0.01, 0.92),
    ("maxpoll_evict_backlog-librdkafka", 0.01, 0.92),
    ("overload_drain-aiokafka", 0.02, 0.73),
    ("overload_drain-java", 0.07, 0.92),
    ("overload_drain-librdkafka", 0.03, 0.13),
    ("poison_block-aiokafka", 0.01, 0.75),
    ("poison_block-java", 0.01, 0.86),
    ("poison_block-librdkafka", 0.02, 0.80),
    ("rolling_coop-java", 1.32, 0.61),
    ("rolling_eager-aiokafka", 0.69, 0.65),
    ("rolling_eager-java", 0.99, 0.72),
    ("rolling_eager-librdkafka", 0.29, 0.70),
    ("steady-aiokafka", 0.62, 0.86),
    ("steady-java", 0.86, 0.78),
    ("steady-librdkafka", 0.33, 0.68),
];

/// Pictures that docs/validation.md shows.
const SHOWN: [&str; 4] = [
    "crash-aiokafka",
    "maxpoll_evict_backlog-aiokafka",
    "late_join-librdkafka",
    "rolling_coop-java",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blesses() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// A recording.
struct Recording {
    name: String,
    scenario: Value,
    facts: Value,
    trace: Trace,
}

fn recordings() -> Vec<Recording> {
    let folder = root().join("tests/truth");
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the recordings are readable")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    let read = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).expect(name);
    let json = |text: String| serde_json::from_str(&text).expect("JSON");
    folders
        .iter()
        .map(|folder| Recording {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            scenario: json(read(folder, "scenario.json")),
            facts: json(read(folder, "facts.json")),
            trace: Trace::parse("trace.csv", &read(folder, "trace.csv")).expect("a trace"),
        })
        .collect()
}

impl Recording {
    fn model(&self) -> PathBuf {
        root().join(format!("models/truth/{}.toml", self.name))
    }

    /// The model of its file, as a user would check it.
    fn checked(&self) -> Scenario {
        let path = self.model();
        let source = Source {
            name: path.display().to_string(),
            stem: self.name.clone(),
            text: fs::read_to_string(&path).expect("the model is readable"),
        };
        let beside = |name: &str| {
            fs::read_to_string(path.with_file_name(name)).map_err(|why| why.to_string())
        };
        check(&source, &[], &beside)
            .unwrap_or_else(|found| panic!("{found}"))
            .scenario
    }

    /// A JVM is cold: its first records come late, which is the machine's affair.
    fn from(&self) -> SimTime {
        let third = self.scenario["duration_s"].as_f64().expect("a number") / 3.0;
        SimTime::from_millis(if self.name.ends_with("-java") {
            (third * 1e3) as u64
        } else {
            8_000
        })
    }

    /// Lengths of the rebalances that came to an end with members while it was recorded [s].
    fn rebalances(&self) -> Vec<f64> {
        let number = |value: &Value| value.as_f64().expect("a number");
        let end = number(&self.scenario["duration_s"]);
        let all = self.facts["rebalances"].as_array().expect("rebalances");
        let ended = all
            .iter()
            .map(|one| (number(&one["prepare_t"]), number(&one["stable_s"])));
        ended
            .filter(|(from, length)| from + length <= end)
            .map(|(_, length)| length)
            .collect()
    }

    fn held_against(&self) -> Compared {
        let scenario = self.checked();
        let window = Window {
            from: self.from(),
            to: SimTime::ZERO + scenario.horizon,
        };
        let held = |scenario: &Scenario| {
            let times = self.trace.times();
            let outcomes = run_replications_at(scenario, REPLICATIONS, times, &|_| {});
            let validation = validate(scenario, &self.trace, &outcomes, window).expect("samples");
            (outcomes, validation)
        };
        let mut recorded = scenario.clone();
        recorded.production = self.trace.production(&[], scenario.production.keys.clone());
        let (outcomes, validation) = held(&scenario);
        Compared {
            known_production: held(&recorded).1.total.error,
            scenario,
            outcomes,
            validation,
        }
    }
}

/// A recording and its prediction.
struct Compared {
    /// Error of the total lag if what was produced is known.
    known_production: f64,
    scenario: Scenario,
    outcomes: Vec<Outcome>,
    validation: Validation,
}

impl Compared {
    /// The median of a figure over the replications.
    fn median(&self, figure: impl Fn(&Outcome) -> f64) -> f64 {
        let mut values: Vec<f64> = self.outcomes.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    /// How many rebalances came to an end with members.
    fn rebalances(&self) -> f64 {
        self.median(|one| {
            let all = one.summary.rebalances.iter();
            all.filter(|one| one.ended == RebalanceEnd::Stable).count() as f64
        })
    }

    /// Length of the `n`-th of them [s]; that of replications that have no such is left out.
    fn length(&self, n: usize) -> Option<f64> {
        let mut lengths: Vec<f64> = self
            .outcomes
            .iter()
            .filter_map(|one| {
                let all = one.summary.rebalances.iter();
                let mut stable = all.filter(|one| one.ended == RebalanceEnd::Stable);
                stable.nth(n).map(|one| one.duration_s)
            })
            .collect();
        lengths.sort_by(f64::total_cmp);
        lengths.get(lengths.len() / 2).copied()
    }
}

fn compared() -> Vec<(Recording, Compared)> {
    recordings()
        .into_par_iter()
        .map(|recording| {
            let compared = recording.held_against();
            (recording, compared)
        })
        .collect()
}

#[test]
fn each_model_is_what_the_rule_makes_of_its_scenario() {
    for recording in recordings() {
        let expected = convert::model(&recording.scenario);
        if blesses() {
            fs::write(recording.model(), &expected).expect("the model is writable");
        }
        let written = fs::read_to_string(recording.model()).expect("the model is readable");
        assert!(written == expected, "{} is another", recording.name);
    }
}

#[test]
fn predictions_are_as_near_to_what_was_measured_as_is_claimed() {
    let all = compared();
    let mut off = Vec::new();
    for (recording, compared) in &all {
        let name = recording.name.as_str();
        let bound = BOUNDS.iter().find(|(known, ..)| *known == name);
        let (_, error, inside) = bound.unwrap_or_else(|| panic!("{name} has no bound"));
        let bounds = Bounds {
            max_error: Some(*error),
            min_inside: Some(*inside),
        };
        let broken = bounds.broken(&compared.validation.total);
        off.extend(broken.iter().map(|broken| format!("{name}: {broken}")));
        off.extend(group(recording, compared));
    }
    tell(&all);
    assert!(off.is_empty(), "{}", off.join("\n"));
}

/// What differs in what the group went through: how many rebalances, each of them within a heartbeat of its length, and a
/// session that ends within half a second.
fn group(recording: &Recording, compared: &Compared) -> Vec<String> {
    let name = recording.name.as_str();
    let mut off = Vec::new();
    let predicted = compared.rebalances();
    let mut lengths: Vec<(f64, bool)> = recording
        .rebalances()
        .into_iter()
        .enumerate()
        .map(|(n, length)| (length, CHANCE.contains(&(name, n))))
        .collect();
    lengths.retain(|(length, chance)| !chance || *length > 1.0);
    if predicted != lengths.len() as f64 {
        off.push(format!(
            "{name}: {predicted} rebalances, not {}",
            lengths.len()
        ));
    }
    let heartbeat = recording.scenario["props"]["heartbeat.interval.ms"]
        .as_f64()
        .unwrap()
        / 1e3;
    for (n, (measured, chance)) in lengths.iter().enumerate() {
        let predicted = compared.length(n).unwrap_or(f64::INFINITY);
        if !chance && (measured - predicted).abs() > heartbeat {
            off.push(format!(
                "{name}: rebalance {n} takes {predicted:.3} s, not {measured} s"
            ));
        }
    }
    let expired = recording.facts["session_expired_t"]
        .as_array()
        .expect("sessions");
    for (n, measured) in expired.iter().enumerate() {
        let measured = measured.as_f64().unwrap();
        let predicted = compared.median(|one| {
            let evicted = one.summary.evictions.iter();
            let mut expired = evicted.filter(|one| one.reason == "session-expired");
            expired.nth(n).map_or(f64::INFINITY, |one| one.time_s)
        });
        if (measured - predicted).abs() > 0.5 {
            off.push(format!(
                "{name}: session {n} ends at {predicted:.3} s, not {measured} s"
            ));
        }
    }
    off
}

/// Rebalances that hang on what no scenario says. The broker looks every ten minutes, at a time of its own, for groups that
/// are empty and have no offsets, and forgets them: the next generation is the first again, with a longer initial delay. And
/// two members that leave within milliseconds leave one rebalance behind, or two.
const CHANCE: [(&str, usize); 3] = [
    ("maxpoll_evict_backlog-aiokafka", 1),
    ("maxpoll_evict_backlog-aiokafka", 5),
    ("maxpoll_evict_backlog-java", 6),
];

/// The table of docs/validation.md, and its pictures.
fn tell(all: &[(Recording, Compared)]) {
    let mut table = "| recording | error | by chance | production known | inside | mean lag | highest lag | rebalances |\n\
                     |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (recording, compared) in all {
        let total = &compared.validation.total;
        let measured = recording.rebalances().len();
        table.push_str(&format!(
            "| {} | {:.3} | {:.3} to {:.3} | {:.3} | {:.0} % | {:.1} / {:.1} | {:.0} / {:.0} | {} / {measured} |\n",
            recording.name,
            total.error,
            total.by_chance.low,
            total.by_chance.high,
            compared.known_production,
            total.inside * 100.0,
            total.mean.predicted,
            total.mean.measured,
            total.max.predicted,
            total.max.measured,
            compared.rebalances(),
        ));
    }
    let page = root().join("docs/validation.md");
    let text = fs::read_to_string(&page).expect("docs/validation.md");
    let (head, rest) = text.split_once("<!-- table -->\n").expect("a table");
    let (old, tail) = rest
        .split_once("<!-- end -->\n")
        .expect("the end of the table");
    if blesses() {
        let text = format!("{head}<!-- table -->\n{table}<!-- end -->\n{tail}");
        fs::write(&page, text).expect("the page is writable");
        pictures(all);
    } else {
        assert!(
            old == table,
            "docs/validation.md shows another table:\n{table}"
        );
    }
}

fn pictures(all: &[(Recording, Compared)]) {
    for (recording, compared) in all {
        if !SHOWN.contains(&recording.name.as_str()) {
            continue;
        }
        let validated = Validated {
            scenario: &compared.scenario,
            validation: &compared.validation,
            recorded_production: false,
            bounds: Bounds::default(),
        };
        let files = files(&validated, true).expect("a picture");
        let (_, png) = files.last().expect("a picture");
        let path = root().join(format!("docs/validation-{}.png", recording.name));
        fs::write(path, png).expect("the picture is writable");
    }
}

#[test]
fn the_page_shows_pictures_that_are_there() {
    let text = fs::read_to_string(root().join("docs/validation.md")).expect("the page");
    for name in SHOWN {
        let file = format!("validation-{name}.png");
        assert!(text.contains(&file), "{file} is not shown");
        assert!(
            root().join("docs").join(&file).exists(),
            "{file} is not there"
        );
    }
}
