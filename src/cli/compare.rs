//! `lagsim compare`.

use std::path::Path;

use super::args::CompareArgs;
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::results::Results;
use super::run::refuse_too_many;
use super::{load, terminal};
use crate::experiment::{self, Variant};
use crate::report::comparison as report;
use crate::scenario::{Diagnostics, Override};

/// Longest name of the folder made of the variants' names [characters].
const LONGEST_NAME: usize = 80;

/// Runs variants on the same draws, writes their differences and prints them.
pub fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let mut variants = variants(args)?;
    if let (Some(seed), [base, ..]) = (args.seed, variants.as_mut_slice()) {
        base.scenario.seed = seed;
    }
    let (variants, notes) = experiment::align(variants);
    let runs = args.replications.saturating_mul(variants.len() as u32);
    let base = &variants[0].scenario;
    // A run keeps its total lag alone.
    let what = format!("the total lag in {runs} runs");
    refuse_too_many(base, u64::from(runs), &what)?;
    let results = Results::of(&args.results, &folder_name(&variants), report::NAMES)?;
    let progress = Progress::of(base.horizon, runs, args.results.quiet);
    let advance = |by| progress.advance(by);
    let comparison = experiment::compare(&variants, notes, args.replications, &advance);
    drop(progress);
    let files = report::files(&comparison, !args.results.no_plot)?;
    results.deliver(&files, || report::terminal::text(&comparison))?;
    Ok(Exit::Success)
}

/// Every model and variant, the base first. All mistakes of all of them are told.
fn variants(args: &CompareArgs) -> anyhow::Result<Vec<Variant>> {
    let named = named(args)?;
    let (mut variants, mut found) = (Vec::new(), None::<Diagnostics>);
    for one in named {
        match load::checked(one.model, &one.changes) {
            Ok(checked) => {
                // What is doubtful in a variant of a model was doubtful in the model, or was meant.
                if !args.results.quiet && !one.is_variant && !checked.warnings.is_empty() {
                    terminal::note(&checked.warnings.render(terminal::stderr_colour()));
                }
                variants.push(Variant {
                    name: one.name,
                    scenario: checked.scenario,
                });
            }
            Err(error) => match error.downcast::<Diagnostics>() {
                Ok(more) => {
                    found = Some(match found {
                        Some(found) => found.join(&more, None),
                        None => more,
                    });
                }
                Err(error) => return Err(error),
            },
        }
    }
    match found {
        Some(found) => Err(found.into()),
        None => Ok(variants),
    }
}

/// A model with changes, to be loaded.
struct Named<'a> {
    name: String,
    model: &'a Path,
    changes: Vec<Override>,
    is_variant: bool,
}

fn named(args: &CompareArgs) -> Result<Vec<Named<'_>>, Usage> {
    let stem = |path: &Path| load::stem(path, "model");
    let mut all: Vec<Named> = Vec::new();
    for model in &args.models {
        let alike = args
            .models
            .iter()
            .filter(|other| stem(other) == stem(model));
        let name = if alike.count() > 1 {
            model.display().to_string()
        } else {
            stem(model)
        };
        if all.iter().any(|other| other.name == name) {
            return Err(Usage::new(
                format!("`{name}` would be compared with itself"),
                "name each model once; compare it with changes of it by --variant",
            ));
        }
        all.push(Named {
            name,
            model,
            changes: args.overrides.clone(),
            is_variant: false,
        });
    }
    for variant in &args.variants {
        let same = all.iter_mut().find(|other| other.name == variant.name);
        match same {
            Some(one) if one.is_variant => one.changes.push(variant.change.clone()),
            Some(_) => {
                return Err(Usage::new(
                    format!("the variant `{}` has the name of a model", variant.name),
                    "give it another name",
                ));
            }
            None => {
                let mut changes = args.overrides.clone();
                changes.push(variant.change.clone());
                all.push(Named {
                    name: variant.name.clone(),
                    model: &args.models[0],
                    changes,
                    is_variant: true,
                });
            }
        }
    }
    if all.len() < 2 {
        return Err(Usage::new(
            format!("there is nothing to compare `{}` with", all[0].name),
            "name a second model, or a change: --variant 'small batches: group.properties.max.poll.records=100'",
        ));
    }
    Ok(all)
}

/// `orders-vs-orders-fixed`: letters, digits, dots, dashes and underscores of the names.
fn folder_name(variants: &[Variant]) -> String {
    let plain = |name: &str| {
        let mut plain = String::new();
        for letter in name.chars() {
            if letter.is_alphanumeric() || "._".contains(letter) {
                plain.push(letter);
            } else if !plain.is_empty() && !plain.ends_with('-') {
                plain.push('-');
            }
        }
        plain.trim_matches(['-', '.']).to_owned()
    };
    let names: Vec<String> = variants
        .iter()
        .map(|variant| plain(&variant.name))
        .collect();
    let joined = names.join("-vs-");
    if joined.chars().count() <= LONGEST_NAME {
        return joined;
    }
    let base: String = names[0].chars().take(LONGEST_NAME / 2).collect();
    match names.len() - 1 {
        1 => format!("{base}-vs-variant"),
        others => format!("{base}-vs-{others}-variants"),
    }
}
