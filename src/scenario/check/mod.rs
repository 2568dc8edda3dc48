//! The only way to a [`Scenario`]: every value judged, every mistake collected.
//! Not for loading files: what a model names comes through a function of the caller.

mod alert;
mod answer;
mod around;
mod autoscaler;
mod axis;
mod client;
mod commit;
mod csv;
mod curve;
mod dead_letter;
mod doubt;
mod downstream;
mod expect;
mod experiment;
mod group;
mod judge;
mod keys;
mod kind;
mod law;
mod on_error;
mod open_range;
mod planning;
mod poison;
mod pool;
mod processing;
mod production;
mod properties;
mod protocol;
mod quantity;
mod range;
mod relation;
mod retry;
mod samples;
mod settings;
mod timeline;
mod topic;

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use super::diagnostic::{Diagnostics, Severity};
use super::document::{self, Shape, Step, list};
use super::model::Scenario;
use super::raw::Model;
use crate::units::SimDuration;
pub use around::around;
use autoscaler::with_pods;
pub use client::Client;
pub use experiment::{case_note, check_case, check_experiment};
use judge::{Judge, Place};
pub use kind::is_experiment;

/// Most samples of a curve.
const MOST_SAMPLES: u64 = 10_000_000;
/// Longest run [days].
const LONGEST_DAYS: u64 = 400;
/// Largest model file [bytes].
const LARGEST_FILE: usize = 4 << 20;
/// Longest dotted key [parts]: deeper ones would only serve to exhaust the stack.
const MOST_DOTS: usize = 200;

/// The text of a model.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file as messages show it.
    pub name: String,
    /// Its name without folder and extension; names the folder of the results.
    pub stem: String,
    /// What is in it.
    pub text: String,
}

/// A key of the model changed from outside, as `--set path=value` does.
#[derive(Clone, Debug)]
pub struct Override {
    /// `path=value`: keys joined by dots, entries of lists by their number; the value as TOML, or bare text.
    pub text: String,
}

/// A model that can be run.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The model.
    pub scenario: Scenario,
    /// What in it is doubtful.
    pub warnings: Diagnostics,
}

/// Judges a model: `overrides` first change its text, later ones win; `read` loads a file that the model names, from
/// the model's folder, or says why it cannot.
///
/// # Errors
/// Every mistake that was found, each with its place and what to do.
pub fn check(
    source: &Source,
    overrides: &[Override],
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Checked, Diagnostics> {
    let changes: Vec<Change<'_>> = overrides.iter().map(Override::change).collect();
    check_changed(source, &changes, read)
}

/// A key of the model changed by what stands in another text.
#[derive(Clone, Debug)]
pub(super) struct Change<'t> {
    /// Name of that text, and the text.
    pub(super) source: (&'t str, &'t str),
    /// The path of the key, and where it stands.
    pub(super) path: (&'t str, Range<usize>),
    /// The value as TOML, or bare text, and where it stands.
    pub(super) value: (&'t str, Range<usize>),
}

impl Override {
    fn change(&self) -> Change<'_> {
        let text = self.text.as_str();
        // Without a value the path is all there is, and nothing is not a value.
        let (path, value) = text.split_once('=').unwrap_or((text, ""));
        Change {
            source: ("--set", text),
            path: (path, 0..path.len()),
            value: (value, text.len() - value.len()..text.len()),
        }
    }
}

/// As [`check`], with changes from anywhere.
pub(super) fn check_changed(
    source: &Source,
    changes: &[Change<'_>],
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Checked, Diagnostics> {
    let mut judge = Judge::new(read);
    judge.sources.add(&source.name, &source.text);
    let scenario = judge.model(source, changes);
    let Judge { sources, found, .. } = judge;
    let failed = found.iter().any(|one| one.severity == Severity::Error);
    let diagnostics = Diagnostics::new(sources, found);
    match scenario {
        Some(scenario) if !failed => Ok(Checked {
            scenario,
            warnings: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

/// A model as it is written, both as a document and as its mirror.
struct Written<'t> {
    tree: DeTable<'t>,
    model: Model,
}

impl Judge<'_> {
    fn model(&mut self, source: &Source, changes: &[Change<'_>]) -> Option<Scenario> {
        let tree = self.tree(source, changes)?;
        let written = self.mirror(tree)?;
        self.scenario(source, &written)
    }

    /// The document of a model with changes.
    fn tree<'t>(&mut self, source: &'t Source, changes: &[Change<'t>]) -> Option<DeTable<'t>> {
        self.refuse_absurd(source)?;
        let mut tree = match document::parse(&source.text, 0) {
            Ok(tree) => tree,
            Err(faults) => {
                self.found.extend(faults);
                return None;
            }
        };
        self.refuse_experiment(&tree)?;
        for change in changes {
            self.apply(change, &mut tree);
        }
        Some(tree)
    }

    fn refuse_absurd(&mut self, source: &Source) -> Option<()> {
        let text = &source.text;
        if text.len() > LARGEST_FILE {
            let message = format!("the file has {} bytes", text.len());
            return self.error(
                &(0..0),
                message,
                "a model has at most 4 MiB: put recorded rates and times into CSV files",
            );
        }
        self.refuse_long_keys(0, text)
    }

    /// Keys with very many dots: each dot is a level of the document, and levels cost stack.
    pub(super) fn refuse_long_keys(&mut self, base: usize, text: &str) -> Option<()> {
        let (mut dots, mut quote, mut comment) = (0, None, false);
        for (at, c) in text.char_indices() {
            match c {
                '\n' => (dots, quote, comment) = (0, None, false),
                _ if comment => {}
                '"' | '\'' if quote.is_none() => quote = Some(c),
                _ if quote == Some(c) => quote = None,
                _ if quote.is_some() => {}
                '#' => comment = true,
                ',' | '=' | '{' => dots = 0,
                '.' => dots += 1,
                _ => {}
            }
            if dots > MOST_DOTS {
                let message = format!("a key of more than {MOST_DOTS} parts");
                return self.error(&(base + at..base + at + 1), message, "write a shorter key");
            }
        }
        Some(())
    }

    fn apply<'t>(&mut self, change: &Change<'t>, tree: &mut DeTable<'t>) {
        let base = self.sources.of(change.source.0, change.source.1);
        let place = |at: &Range<usize>| base + at.start..base + at.end;
        let ((path, path_at), (value, value_at)) = (&change.path, &change.value);
        if self.refuse_long_keys(base + path_at.start, path).is_none()
            || self
                .refuse_long_keys(base + value_at.start, value)
                .is_none()
        {
            return;
        }
        if value.is_empty() {
            let help = "write the path of a key and its value, as in --set topic.partitions=12";
            self.error::<()>(&place(path_at), "there is no value in it", help);
            return;
        }
        let mut value = document::parse_value(value, base + value_at.start);
        if change.source.1.get(value_at.clone()) != Some(change.value.0) {
            // A value of a range, which stands there as the range.
            value = Spanned::new(place(value_at), value.into_inner());
        }
        let stands_there = change.source.1.get(path_at.clone()) == Some(*path);
        let put = document::split_path(path, base + path_at.start)
            .map(|steps| match stands_there {
                true => steps,
                // A path put together from several tables: all that is known is where its last key stands.
                false => placed(steps, &place(path_at)),
            })
            .and_then(|steps| document::put(tree, &steps, value));
        if let Err(fault) = put {
            self.found.push(fault);
        }
    }

    fn mirror<'t>(&mut self, tree: DeTable<'t>) -> Option<Written<'t>> {
        let mut shape = Shape::default();
        let read = document::read(tree, &mut shape);
        self.found.extend(shape.found);
        self.excused.extend(shape.excused);
        read.map(|(model, tree)| Written { tree, model })
    }

    fn scenario(&mut self, source: &Source, written: &Written<'_>) -> Option<Scenario> {
        let model = &written.model;
        let (title, seed) = self.heading(source, model);
        let clock = self.clock(model);
        let horizon = clock.map(|(horizon, _)| horizon);
        let topic = self.topic(model.topic.as_ref());
        let brokers = self.cluster(model.cluster.as_ref());
        let deployment = self.autoscaler(model);
        let group = self.group(model.group.as_ref());
        let group = group.map(|group| with_pods(group, deployment.as_ref(), model));
        let downstreams = self.downstreams(model);
        let first = self.settings(model, &brokers, downstreams.as_deref());
        let walked = self.walk(
            written,
            horizon,
            topic.as_ref(),
            group,
            timeline::Start {
                brokers: &brokers,
                downstreams: downstreams.as_deref(),
                settings: first.as_ref(),
            },
        );
        let production = self.production(model.produce.as_ref(), horizon, topic.as_ref(), &walked);
        let poison = self.poison(model, horizon, topic.as_ref(), production.as_ref());
        let monitoring = self.monitoring(model.monitoring.as_ref());
        let alerts = self.alerts(model.alert.as_deref().unwrap_or(&[]));
        let retry_topics = self.retry_topics(
            model,
            topic.as_ref(),
            (first.as_ref(), &walked),
            downstreams.as_deref(),
        );
        self.dead_letter_topic(model, (first.as_ref(), &walked), downstreams.as_deref());
        let partitions = walked.partitions;
        let expectations =
            self.expectations(model.expect.as_deref().unwrap_or(&[]), model, partitions);
        self.doubts(
            model,
            topic.as_ref(),
            &walked,
            first.as_ref(),
            downstreams.as_deref(),
        );
        let (horizon, sample) = clock?;
        let mut settings = vec![first?];
        settings.extend(walked.settings);
        Some(Scenario {
            name: source.stem.clone(),
            title: title?,
            seed: seed?,
            horizon,
            sample,
            topic: topic?,
            production: production?,
            cluster: brokers.cluster,
            group: walked.group?,
            deployment,
            settings,
            downstreams: downstreams?,
            poison: poison?,
            retry_topics: retry_topics?,
            stage: None,
            timeline: walked.timeline,
            monitoring,
            alerts,
            expectations,
            leaps: true,
        })
    }

    /// Title and seed.
    fn heading(&mut self, source: &Source, model: &Model) -> (Option<String>, Option<u64>) {
        let title = match &model.title {
            Some(title) => self.text(title),
            None => Some(source.stem.clone()),
        };
        let seed = match &model.seed {
            Some(seed) => self.count(seed),
            None => Some(1),
        };
        (title, seed)
    }

    /// Horizon and sample distance.
    fn clock(&mut self, model: &Model) -> Option<(SimDuration, SimDuration)> {
        let sample = match &model.sample {
            Some(sample) => self.positive(sample, "the distance between samples"),
            None => Some(SimDuration::from_secs(1)),
        };
        let Some(value) = &model.horizon else {
            return self.missing(
                &(0..0),
                "horizon",
                r#"write how long to simulate, at the top of the file: horizon = "3h""#,
            );
        };
        let horizon = self.positive(value, "the horizon")?;
        if horizon > SimDuration::from_secs(LONGEST_DAYS * 86_400) {
            let help = format!("simulate at most {LONGEST_DAYS} days; a typical week says as much");
            return self.error(
                &value.0.span,
                format!("{horizon} is too long to simulate"),
                help,
            );
        }
        let sample = sample?;
        if sample > horizon
            && let Some(at) = &model.sample
        {
            let message =
                format!("the samples are {sample} apart, but the run ends after {horizon}");
            return self.clash(
                &at.0.span,
                message,
                (&value.0.span, "the horizon"),
                "sample more often",
            );
        }
        let samples = horizon.as_nanos() / sample.as_nanos();
        if samples > MOST_SAMPLES {
            let at = model.sample.as_ref().map_or(&value.0.span, |at| &at.0.span);
            let least = horizon
                .as_nanos()
                .div_ceil(MOST_SAMPLES)
                .div_ceil(1_000_000_000);
            let message = format!("{samples} samples per partition are too many");
            return self.error(at, message, format!(r#"write sample = "{least}s" or more"#));
        }
        Some((horizon, sample))
    }
}

/// Steps of a path that all stand at one place.
fn placed<'t>(steps: Vec<Step<'t>>, place: &Place) -> Vec<Step<'t>> {
    let at = |step: Step<'t>| Spanned::new(place.clone(), step.into_inner());
    steps.into_iter().map(at).collect()
}

/// Reports unless exactly one of `given` is there.
fn one_of(
    judge: &mut Judge<'_>,
    at: &Place,
    given: &[(&str, bool)],
    what: &str,
    help: &str,
) -> Option<()> {
    let there: Vec<&str> = given
        .iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| *name)
        .collect();
    match there.as_slice() {
        [_] => Some(()),
        [] => {
            if given.iter().any(|(name, _)| judge.excused.contains(*name)) {
                return None;
            }
            judge.error(at, format!("{what} is missing"), help)
        }
        several => {
            let message = format!("{} exclude each other: {what} is said once", list(several));
            judge.error(at, message, format!("keep one of {}", list(several)))
        }
    }
}
