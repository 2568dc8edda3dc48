//! `lagsim compare`.

use std::path::Path;

use super::args::CompareArgs;
use super::exit::{Exit, Usage};
use super::progress::Progress;
use super::results::Results;
use super::run::refuse_too_many;
use super::{load, sweep, terminal};
use crate::experiment::{self, Plan, Sweep, Variant};
use crate::measure::words::counted;
use crate::report::comparison as report;
use crate::scenario::{Diagnostics, Override};

/// Longest name of the folder made of the variants' names [characters].
const LONGEST_NAME: usize = 80;

/// Pairs of runs, unless told otherwise.
const REPLICATIONS: u32 = 32;

/// Most cases of an experiment that stand beside each other.
const MOST_CASES: usize = 16;

/// What is compared.
struct Sides {
    variants: Vec<Variant>,
    replications: u32,
    /// Of an experiment: its cases, and what it expects of them.
    plan: Option<Plan>,
}

/// Runs variants on the same draws, writes their differences and prints them.
pub fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let Sides {
        variants,
        replications,
        plan,
    } = match args.models.iter().find(|path| load::is_experiment(path)) {
        Some(path) => cases(args, path)?,
        None => models(args)?,
    };
    let (variants, notes) = experiment::align(variants);
    let runs = replications.saturating_mul(variants.len() as u32);
    let base = &variants[0].scenario;
    // A run keeps its total lag alone.
    let what = format!("the total lag in {runs} runs");
    refuse_too_many(base, u64::from(runs), &what)?;
    let folder = match &plan {
        Some(plan) => format!("{}-compared", plan.name),
        None => folder_name(&variants),
    };
    let results = Results::of(&args.results, &folder, report::NAMES)?;
    let progress = Progress::of(base.horizon, runs, args.results.quiet);
    let advance = |by| progress.advance(by);
    let comparison = experiment::compare(&variants, notes, replications, plan, &advance);
    drop(progress);
    let files = report::files(&comparison, !args.results.no_plot)?;
    let text = || report::terminal::text(&comparison, terminal::style());
    results.deliver(&files, text)?;
    let asked = comparison.asked.as_ref();
    Ok(asked.map_or(Exit::Success, |asked| {
        sweep::judged(&asked.plan, &asked.findings)
    }))
}

/// Models and variants of the command line.
fn models(args: &CompareArgs) -> anyhow::Result<Sides> {
    let mut variants = variants(args)?;
    if let (Some(seed), [base, ..]) = (args.seed, variants.as_mut_slice()) {
        base.scenario.seed = seed;
    }
    Ok(Sides {
        variants,
        replications: args.replications.unwrap_or(REPLICATIONS),
        plan: None,
    })
}

/// The cases of an experiment.
fn cases(args: &CompareArgs, path: &Path) -> anyhow::Result<Sides> {
    let shown = path.display();
    if args.models.len() > 1 || !args.variants.is_empty() {
        return Err(Usage::new(
            format!("`{shown}` is an experiment: what is compared are its cases, and nothing else"),
            "name it alone, without --variant",
        )
        .into());
    }
    let overrides = load::seeded(&args.overrides, args.seed);
    let (asked, files) = load::experiment(path, &overrides)?;
    let all: Vec<usize> = (0..asked.cases()).collect();
    if !(2..=MOST_CASES).contains(&all.len()) {
        let remedy = format!(
            "2 to {MOST_CASES} cases stand beside each other; lagsim sweep runs any number"
        );
        let count = counted(all.len() as u64, "case", "cases");
        return Err(Usage::new(format!("`{shown}` has {count}"), remedy).into());
    }
    let plan = Plan::of(&asked, 0);
    let read = |name: &str| files.read(name);
    let sweep = Sweep::new(&asked, &plan, &read);
    sweep.check(&all).map_err(|wrong| *wrong)?;
    if !args.results.quiet {
        sweep::doubts(&asked, &files);
    }
    let mut variants = Vec::with_capacity(all.len());
    for case in all {
        variants.push(Variant {
            name: asked.told(case),
            scenario: sweep.scenario(case).map_err(|wrong| *wrong)?,
        });
    }
    let base = &variants[0].scenario;
    let same =
        |one: &Variant| (one.scenario.horizon, one.scenario.seed) == (base.horizon, base.seed);
    if !variants.iter().all(same) {
        return Err(Usage::new(
            format!("the cases of `{shown}` differ in horizon or seed: their runs make no pairs"),
            "take both out of its axes, or run it with lagsim sweep",
        )
        .into());
    }
    let own = Some(asked.replications).filter(|count| *count > 1);
    Ok(Sides {
        variants,
        replications: args.replications.or(own).unwrap_or(REPLICATIONS),
        plan: Some(plan),
    })
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
