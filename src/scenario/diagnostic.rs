//! What is wrong with a model, where, and what to do about it. Not for deciding that: the check does.

use std::fmt;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The model is refused.
    Error,
    /// The model runs, but probably does not say what was meant.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where: a range of the joint text of all sources.
    pub span: Range<usize>,
    /// What stands at [`Diagnostic::span`], if that says more than the message.
    pub label: Option<String>,
    /// Other places that matter, and why.
    pub labels: Vec<(Range<usize>, String)>,
    /// What to do.
    pub help: String,
}

impl Diagnostic {
    /// A mistake at `span`, without other places that matter.
    pub fn error(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            span,
            label: None,
            labels: Vec::new(),
            help: help.into(),
        }
    }
}

/// Where something is, for people: counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Name of the source.
    pub source: String,
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// The texts a model is made of, as one long text, so that a range alone says where something stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    name: String,
    base: usize,
    text: String,
}

impl Sources {
    /// Where a text begins, which is appended unless it is there.
    pub(super) fn of(&mut self, name: &str, text: &str) -> usize {
        let known = self
            .parts
            .iter()
            .find(|part| part.name == name && part.text == text);
        match known.map(|part| part.base) {
            Some(base) => base,
            None => self.add(name, text),
        }
    }

    /// Appends a text and returns where it begins.
    pub(super) fn add(&mut self, name: &str, text: &str) -> usize {
        let base = self
            .parts
            .last()
            .map_or(0, |last| last.base + last.text.len() + 1);
        self.parts.push(Part {
            name: name.to_owned(),
            base,
            text: text.to_owned(),
        });
        base
    }

    fn part_of(&self, at: usize) -> Option<(usize, &Part)> {
        let index = self
            .parts
            .partition_point(|part| part.base <= at)
            .checked_sub(1)?;
        self.parts.get(index).map(|part| (index, part))
    }

    fn position(&self, at: usize) -> Option<Position> {
        let (_, part) = self.part_of(at)?;
        let before = &part.text[..part.local(&(at..at)).start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some(Position {
            source: part.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        })
    }
}

impl Part {
    /// The range within this text, moved to character boundaries.
    fn local(&self, span: &Range<usize>) -> Range<usize> {
        let clamp = |at: usize| {
            let mut local = at.saturating_sub(self.base).min(self.text.len());
            while !self.text.is_char_boundary(local) {
                local -= 1;
            }
            local
        };
        let start = clamp(span.start);
        start..clamp(span.end).max(start)
    }
}

/// Everything that was found, with the texts it is about.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    /// What the texts are, as in `the model is invalid`.
    subject: Subject,
    sources: Sources,
    found: Vec<Found>,
}

/// A finding, and when it is so, if not always.
#[derive(Clone, Debug)]
struct Found {
    one: Diagnostic,
    note: Option<String>,
}

/// What is wrong, if something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// A model with its files.
    #[default]
    Model,
    /// An experiment, or a model in one of its cases.
    Experiment,
    /// A recorded curve.
    Trace,
    /// What a tool or a monitor shows of a group.
    Listing,
}

impl Diagnostics {
    /// In order of place; the same finding twice counts once.
    pub(super) fn new(sources: Sources, found: Vec<Diagnostic>) -> Self {
        let found = found.into_iter().map(|one| Found { one, note: None });
        Diagnostics::sorted(Subject::default(), sources, found.collect())
    }

    fn sorted(subject: Subject, sources: Sources, mut found: Vec<Found>) -> Self {
        found.sort_by_key(|Found { one, .. }| (one.span.start, one.span.end, one.severity));
        let mut kept: Vec<Found> = Vec::with_capacity(found.len());
        for next in found {
            let again = |other: &&Found| {
                other.one.message == next.one.message && other.one.span == next.one.span
            };
            if kept.iter().rev().take(16).find(again).is_none() {
                kept.push(next);
            }
        }
        Diagnostics {
            subject,
            sources,
            found: kept,
        }
    }

    /// The same, of an experiment.
    pub fn of_experiment(mut self) -> Self {
        self.subject = Subject::Experiment;
        self
    }

    /// Takes in what was found about some of the same texts; a finding that is there already is not told again. `note`
    /// says when it is so.
    pub fn join(mut self, other: &Diagnostics, note: Option<&str>) -> Self {
        let bases: Vec<(usize, usize)> = other
            .sources
            .parts
            .iter()
            .map(|part| (part.base, self.sources.of(&part.name, &part.text)))
            .collect();
        let moved = |span: &Range<usize>| {
            let after = bases.partition_point(|(base, _)| *base <= span.start);
            let (from, to) = bases
                .get(after.saturating_sub(1))
                .copied()
                .unwrap_or((0, 0));
            span.start - from + to..span.end - from + to
        };
        let taken = other.found.iter().map(|found| Found {
            one: Diagnostic {
                span: moved(&found.one.span),
                labels: found
                    .one
                    .labels
                    .iter()
                    .map(|(span, why)| (moved(span), why.clone()))
                    .collect(),
                ..found.one.clone()
            },
            note: found.note.clone().or_else(|| note.map(str::to_owned)),
        });
        self.found.extend(taken);
        Diagnostics::sorted(self.subject, self.sources, self.found)
    }

    /// What was found in a text that is not of a model; spans count from its beginning.
    pub fn of_text(subject: Subject, name: &str, text: &str, found: Vec<Diagnostic>) -> Self {
        let mut sources = Sources::default();
        sources.add(name, text);
        Diagnostics {
            subject,
            ..Diagnostics::new(sources, found)
        }
    }

    /// What the findings are about.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// Each finding, in order of place.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter().map(|found| &found.one)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Where a finding is.
    pub fn position(&self, diagnostic: &Diagnostic) -> Option<Position> {
        self.sources.position(diagnostic.span.start)
    }

    /// For people: file, line, column, caret and remedy of each finding, an empty line between two.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut text = String::new();
        for found in &self.found {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&self.render_one(found, &renderer));
            text.push('\n');
        }
        text
    }

    fn render_one(&self, found: &Found, renderer: &Renderer) -> String {
        let Found { one, note } = found;
        let level = match one.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(one.message.as_str()));
        if let Some((index, part)) = self.sources.part_of(one.span.start) {
            group = group.element(part.snippet(one, |at| {
                self.sources
                    .part_of(at)
                    .is_some_and(|(other, _)| other == index)
            }));
            for (span, label) in &one.labels {
                match self.sources.part_of(span.start) {
                    Some((other, elsewhere)) if other != index => {
                        let note = AnnotationKind::Primary.span(elsewhere.local(span));
                        let snippet = Snippet::source(elsewhere.text.as_str())
                            .path(elsewhere.name.as_str())
                            .annotation(note.label(label.as_str()));
                        group = group.element(snippet);
                    }
                    _ => {}
                }
            }
        }
        group = group.element(Level::HELP.message(one.help.as_str()));
        if let Some(note) = note {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        renderer.render(&[group])
    }
}

impl Part {
    fn snippet<'a>(
        &'a self,
        one: &'a Diagnostic,
        is_here: impl Fn(usize) -> bool,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let primary = AnnotationKind::Primary.span(self.local(&one.span));
        let primary = match &one.label {
            Some(label) => primary.label(label.as_str()),
            None => primary,
        };
        let others = one.labels.iter().filter(|(span, _)| is_here(span.start));
        Snippet::source(self.text.as_str())
            .path(self.name.as_str())
            .annotation(primary)
            .annotations(others.map(|(span, label)| {
                AnnotationKind::Context
                    .span(self.local(span))
                    .label(label.as_str())
            }))
    }
}

/// As [`Diagnostics::render`] without colour.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}
