//! The check of an experiment: its own file, and the model in every case that it asks for.

use toml::de::{DeTable, DeValue};

use super::super::answer::Answer;
use super::super::design::Design;
use super::super::diagnostic::Diagnostics;
use super::super::document;
use super::super::experiment::{Axis, Experiment, MOST_REPLICATIONS, MOST_RUNS, Setting};
use super::super::metric::{CountMetric, Expectation, LagMetric, Metric};
use super::super::model::Scenario;
use super::super::planning::Planning;
use super::super::raw::{self, Either, FigureTable, Spot};
use super::axis::flatten;
use super::expect::System;
use super::judge::{Judge, ReadFile};
use super::{Checked, Override, Source, check_changed};
use crate::units::SimDuration;

/// Figures of an experiment that names none.
const METRICS: [Metric; 4] = [
    Metric::Lag(LagMetric::MaxLag, None),
    Metric::Lag(LagMetric::FinalLag, None),
    Metric::Lag(LagMetric::MaxAge, None),
    Metric::Count(CountMetric::Rebalances),
];

/// A file of an experiment as it is written.
pub(super) struct Written<'t> {
    pub(super) tree: DeTable<'t>,
    pub(super) file: raw::Experiment,
}

/// Judges an experiment: its own file and, with the values of its first case, the model that it names. `overrides`
/// change the model in every case; `read` loads a file from the folder of the experiment.
///
/// # Errors
/// Every mistake in the file, and in the model of the first case if the file has none.
pub fn check_experiment(
    source: &Source,
    overrides: &[Override],
    read: ReadFile<'_>,
) -> Result<Experiment, Diagnostics> {
    let mut judge = Judge::new(read);
    judge.sources.add(&source.name, &source.text);
    let Some(written) = judge.experiment_file(source) else {
        return Err(judge.told());
    };
    let draft = judge.draft(source, &written, overrides);
    let valid = draft.as_ref().filter(|_| judge.found.is_empty());
    let first = valid.map(|experiment| check_case(experiment, 0, read));
    let scenario = match &first {
        Some(Ok(checked)) => Some(&checked.scenario),
        _ => None,
    };
    let looked_at = judge.looked_at(&written, draft.as_ref(), scenario);
    let mut told = judge.told();
    if let (Some(experiment), Some(Err(_))) = (&draft, first) {
        for case in experiment.one_at_a_time() {
            if let Err(wrong) = check_case(experiment, case, read) {
                told = told.join(&wrong, case_note(experiment, case).as_deref());
            }
        }
    }
    match (draft, looked_at) {
        (Some(experiment), Some(looked_at)) if told.is_empty() => Ok(Experiment {
            horizon: looked_at.horizon,
            metrics: looked_at.metrics,
            slo: looked_at.slo,
            planning: looked_at.planning,
            answers: looked_at.answers,
            ..experiment
        }),
        _ => Err(told),
    }
}

/// What is looked at.
struct LookedAt {
    horizon: SimDuration,
    metrics: Vec<Metric>,
    slo: Option<Expectation>,
    planning: Option<Planning>,
    answers: Vec<Answer>,
}

/// Judges the model of one case.
///
/// # Errors
/// Every mistake, each at its place in the model or in the experiment.
pub fn check_case(
    experiment: &Experiment,
    case: usize,
    read: ReadFile<'_>,
) -> Result<Checked, Diagnostics> {
    let beside = |path: &str| match experiment.folder.as_str() {
        "" => read(path),
        _ if path.starts_with('/') => read(path),
        folder => read(&format!("{folder}/{path}")),
    };
    check_changed(&experiment.model, &experiment.changes(case), &beside)
}

/// In which case something is wrong, if there are several.
pub fn case_note(experiment: &Experiment, case: usize) -> Option<String> {
    (!experiment.axes.is_empty()).then(|| format!("in the case {}", experiment.told(case)))
}

impl Judge<'_> {
    /// Everything that was found.
    fn told(&mut self) -> Diagnostics {
        let (sources, found) = (self.sources.clone(), std::mem::take(&mut self.found));
        Diagnostics::new(sources, found).of_experiment()
    }

    fn experiment_file<'t>(&mut self, source: &'t Source) -> Option<Written<'t>> {
        self.refuse_absurd(source)?;
        let tree = match document::parse(&source.text, 0) {
            Ok(tree) => tree,
            Err(faults) => {
                self.found.extend(faults);
                return None;
            }
        };
        self.refuse_model(&tree)?;
        let mut shape = document::Shape::default();
        let mirror = document::read(tree, &mut shape);
        self.found.extend(shape.found);
        self.excused.extend(shape.excused);
        mirror.map(|(file, tree)| Written { tree, file })
    }

    /// The experiment without what is looked at.
    fn draft(
        &mut self,
        source: &Source,
        written: &Written<'_>,
        overrides: &[Override],
    ) -> Option<Experiment> {
        let file = &written.file;
        let title = match &file.title {
            Some(title) => self.text(title),
            None => Some(source.stem.clone()),
        };
        let replications = match &file.replications {
            Some(count) => {
                self.count_within(count, "replications", 1, u64::from(MOST_REPLICATIONS))
            }
            None => Some(1),
        };
        let model = self.model_file(source, file);
        let horizon = match &file.horizon {
            Some(horizon) => self.positive(horizon, "the horizon").is_some(),
            None => true,
        };
        let settings = self.common(source, written, overrides);
        let axes = self.axes(source, &written.tree, file);
        let replications = replications? as u32;
        let (axes, design) = self.refuse_too_many(file, axes?, replications)?;
        horizon.then_some(())?;
        Some(Experiment {
            name: source.stem.clone(),
            title: title?,
            source: source.clone(),
            folder: model
                .as_ref()
                .map_or_else(String::new, |(folder, _)| folder.clone()),
            model: model?.1,
            settings,
            axes,
            design,
            replications,
            horizon: SimDuration::ZERO,
            metrics: Vec::new(),
            slo: None,
            planning: None,
            answers: Vec::new(),
        })
    }

    /// The folder of the model, and the model.
    fn model_file(&mut self, source: &Source, file: &raw::Experiment) -> Option<(String, Source)> {
        let Some(word) = &file.model else {
            let help = r#"name the model that is asked, from the folder of this file: model = "../models/orders.toml""#;
            return self.missing(&(0..0), "model", help);
        };
        let path = self.text(word)?;
        let text = match (self.read)(&path) {
            Ok(text) => text,
            Err(why) => {
                let message = format!("the model `{path}` cannot be read: {why}");
                let help = "the path is taken from the folder of the experiment";
                return self.error(&word.0.span, message, help);
            }
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let stem = name.strip_suffix(".toml").unwrap_or(name).to_owned();
        let beside = source.name.rsplit_once('/').map(|(folder, _)| folder);
        let shown = match beside {
            Some(beside) if !path.starts_with('/') => shortened(&format!("{beside}/{path}")),
            _ => path.clone(),
        };
        let model = Source {
            name: shown,
            stem,
            text,
        };
        Some((folder.to_owned(), model))
    }

    /// What all cases have in common: `horizon`, `seed` and `set`, then what the caller changes.
    fn common(
        &mut self,
        source: &Source,
        written: &Written<'_>,
        overrides: &[Override],
    ) -> Vec<Setting> {
        let mut settings = Vec::new();
        let file = &written.file;
        let horizon = file.horizon.as_ref().map(|value| &value.0.span);
        let seed = file.seed.as_ref().map(|value| &value.0.span);
        for (key, place) in [("horizon", horizon), ("seed", seed)] {
            if let Some(place) = place {
                settings.push(Setting {
                    typed: None,
                    path: (key.to_owned(), place.clone()),
                    value: (source.text[place.clone()].to_owned(), place.clone()),
                });
            }
        }
        if let (Some(raw::Paths), Some(DeValue::Table(table))) =
            (&file.set, written.tree.get("set").map(|set| set.get_ref()))
        {
            flatten(&source.text, "", table, &mut |path, place, value| {
                settings.push(Setting {
                    typed: None,
                    path: (path.to_owned(), place),
                    value: (source.text[value.span()].to_owned(), value.span()),
                });
            });
        }
        for one in overrides {
            if let Some((path, value)) = one.text.split_once('=') {
                settings.push(Setting {
                    typed: Some(one.text.clone()),
                    path: (path.to_owned(), 0..path.len()),
                    value: (value.to_owned(), path.len() + 1..one.text.len()),
                });
            }
        }
        settings
    }

    fn refuse_too_many(
        &mut self,
        file: &raw::Experiment,
        (axes, design): (Vec<Axis>, Design),
        replications: u32,
    ) -> Option<(Vec<Axis>, Design)> {
        let counts = axes.iter().map(|axis| axis.values.len() as u64);
        let cases = match &design {
            Design::Grid => counts.fold(1_u64, u64::saturating_mul),
            Design::Samples(sampled) => sampled.points.len() as u64,
            Design::Around(_) => 1,
        };
        let runs = cases.saturating_mul(u64::from(replications));
        if runs <= MOST_RUNS {
            return Some((axes, design));
        }
        if let (Design::Samples(_), Some(section)) = (&design, &file.samples) {
            let message = format!(
                "{cases} samples are {runs} runs with {replications} of each: at most {MOST_RUNS} are made"
            );
            return self.error(
                &section.span,
                message,
                "take fewer samples, or fewer replications",
            );
        }
        let sizes: Vec<String> = axes
            .iter()
            .map(|axis| axis.values.len().to_string())
            .collect();
        let message = format!(
            "{} values are {cases} cases, and {runs} runs with {replications} of each: at most {MOST_RUNS} are made",
            sizes.join(" x ")
        );
        let first = file.axis.iter().flatten().next();
        let place = first.map_or(0..0, |axis| axis.span.clone());
        self.error(
            &place,
            message,
            "take samples of them, samples = { latin-hypercube = 200 }, or vary less or in larger steps",
        )
    }

    /// What is looked at; `first` is the model in its first case, if that is valid.
    fn looked_at(
        &mut self,
        written: &Written<'_>,
        draft: Option<&Experiment>,
        first: Option<&Scenario>,
    ) -> Option<LookedAt> {
        let file = &written.file;
        let alerts = first.map(|scenario| scenario.alerts.iter().map(|one| one.name.clone()));
        let alerts: Vec<String> = alerts.into_iter().flatten().collect();
        let system = System {
            // Any partition may be there in some of the cases.
            partitions: 0,
            alerts: alerts.iter().map(String::as_str).collect(),
            autoscaler: first.is_none_or(|scenario| scenario.deployment.is_some()),
            // So may they.
            retry_topics: true,
        };
        let known = first.is_some();
        let metrics = match &file.metrics {
            Some(metrics) => self.metrics(metrics, &system, known),
            None => Some(METRICS.to_vec()),
        };
        let slo = match &file.slo {
            Some(slo) => self.known_expectation(slo, &system, known).map(Some),
            None => Some(None),
        };
        let planning = match (&file.plan, draft) {
            (Some(plan), Some(draft)) => self
                .planning(plan, &written.tree, draft, &system, known)
                .map(Some),
            (Some(_), None) => None,
            (None, _) => Some(None),
        };
        let answers = self.answers(written, draft, &system, known);
        Some(LookedAt {
            horizon: first.map_or(SimDuration::ZERO, |scenario| scenario.horizon),
            metrics: metrics?,
            slo: slo?,
            planning: planning?,
            answers: answers?,
        })
    }

    /// An expectation; alerts are judged only when the model's are known.
    pub(super) fn known_expectation(
        &mut self,
        entry: &Spot<impl FigureTable>,
        system: &System<'_>,
        known: bool,
    ) -> Option<Expectation> {
        let judged = known || entry.value.figure().alert.is_none();
        judged.then(|| self.expectation(entry, system)).flatten()
    }

    fn metrics(
        &mut self,
        metrics: &Spot<Vec<Either<raw::Text, raw::Expect>>>,
        system: &System<'_>,
        known: bool,
    ) -> Option<Vec<Metric>> {
        if metrics.value.is_empty() {
            return self.error(
                &metrics.span,
                "no figure is looked at",
                r#"name at least one, as in metrics = ["max-lag"]"#,
            );
        }
        let judged: Vec<Option<Metric>> = metrics
            .value
            .iter()
            .map(|one| {
                let entry = match one {
                    Either::Plain(word) => Spot {
                        span: word.0.span.clone(),
                        value: raw::Expect::of(word.clone()),
                    },
                    Either::Table(table) => table.clone(),
                };
                for bound in [&entry.value.above, &entry.value.below]
                    .into_iter()
                    .flatten()
                {
                    self.error::<()>(
                        &bound.0.span,
                        "a figure that is looked at has no bound",
                        "leave it out; bounds stand in [slo] and [[expect]]",
                    );
                }
                let figure = self.figure(entry.value.metric.as_ref(), &entry.span)?;
                self.superfluous(&entry.value, figure.kind);
                if entry.value.alert.is_some() && !known {
                    return None;
                }
                self.metric(&entry.value, &entry.span, figure, system)
            })
            .collect();
        let judged: Vec<Metric> = judged.into_iter().collect::<Option<_>>()?;
        for (index, metric) in judged.iter().enumerate() {
            if judged[..index].contains(metric) {
                let message = format!("`{}` is there twice", metric.name());
                return self.error(&metrics.span, message, "name each figure once");
            }
        }
        Some(judged)
    }
}

/// A path without the folders that `..` leaves again, for people.
fn shortened(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            (".", _) => {}
            ("..", Some(last)) if !last.is_empty() && *last != ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
