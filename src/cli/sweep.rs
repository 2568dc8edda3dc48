//! `lagsim sweep` and `lagsim merge`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::args::{MergeArgs, SamplesArg, SweepArgs, SweepResultArgs, Vary};
use super::exit::{Exit, Usage};
use super::folder::Folder;
use super::journal::{self, Journal, Runs};
use super::load::{self, Files};
use super::progress::Progress;
use super::results::wrote;
use super::terminal;
use crate::experiment::{Entry, Findings, Header, Plan, Sensitivities, Shard, Sweep};
use crate::measure::words::{counted, grouped, span};
use crate::report::answers::{told, told_otherwise};
use crate::report::sensitivity;
use crate::report::sweep::{JOURNAL, PICTURE, SWEEP_FILES, Tables, picture, sweep as words};
use crate::scenario::{
    self, Design, Experiment, MOST_RUNS, Override, Source, case_note, check_case,
};

/// Replications of a sweep around a model, unless told otherwise.
const AROUND_REPLICATIONS: u32 = 8;
/// Runs that are timed for `--dry-run`.
const TIMED: usize = 5;

/// Runs all cases of an experiment and says what came out.
pub fn sweep(args: &SweepArgs) -> anyhow::Result<Exit> {
    let jobs = args.jobs.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build()?;
    pool.install(|| swept(args))
}

fn swept(args: &SweepArgs) -> anyhow::Result<Exit> {
    let (experiment, files) = experiment(args)?;
    let read = |name: &str| files.read(name);
    let cases: Vec<usize> = (0..experiment.cases()).collect();
    let unplanned = Plan::of(&experiment, 0);
    let sizes = Sweep::new(&experiment, &unplanned, &read)
        .check(&cases)
        .map_err(|wrong| *wrong)?;
    if !args.results.quiet {
        doubts(&experiment, &files);
    }
    // Every file that any case needs has been read by now.
    let header = Header {
        plan: Plan::of(&experiment, files.fingerprint()),
        shard: args.shard.unwrap_or(Shard::WHOLE),
    };
    let (plan, shard) = (&header.plan, header.shard);
    let sweep = Sweep::new(&experiment, plan, &read);
    let own: Vec<usize> = cases.into_iter().filter(|case| shard.has(*case)).collect();
    if args.dry_run {
        return dry_run(&sweep, &own);
    }
    let path = match (&args.results.out, shard) {
        (Some(path), _) => path.clone(),
        (None, Shard::WHOLE) => PathBuf::from("output").join(&plan.name),
        (None, Shard { number, of }) => PathBuf::from("output")
            .join(&plan.name)
            .join(format!("shard-{number}-of-{of}")),
    };
    let folder = Folder::at(&path, files_of(plan))?;
    simulate(args, &sweep, (&own, &sizes), &folder, &header)?;
    let mut runs = Runs::none(plan);
    runs.add(&path.join(JOURNAL))?;
    if shard != Shard::WHOLE {
        folder.fill(|staging| runs.write(&staging.join(JOURNAL), &header))?;
        if !args.results.quiet {
            let own = counted(own.len() as u64, "case", "cases");
            terminal::note(&format!(
                "wrote part {} of {}, {own}, to {}; lagsim merge joins the parts\n",
                shard.number,
                shard.of,
                path.display()
            ));
        }
        return Ok(Exit::Success);
    }
    finish(&header, &mut runs, &folder, &args.results)
}

/// The experiment of a file, or of the command line.
fn experiment(args: &SweepArgs) -> anyhow::Result<(Experiment, Files)> {
    let overrides = load::seeded(&args.overrides, args.seed);
    if let Some(path) = &args.experiment {
        return load::experiment(path, &overrides);
    }
    if let Some(model) = &args.around {
        return around(args, model, &overrides);
    }
    let Some(model) = &args.model else {
        return Err(Usage::new(
            "there is nothing to sweep",
            "name an experiment file, or a model and what to vary: --model MODEL --vary topic.partitions=4,8,12",
        )
        .into());
    };
    let source = Source {
        name: "command line".to_owned(),
        stem: format!("{}-sweep", load::stem(model, "model")),
        text: typed(args, model),
    };
    load::asked(&source, Path::new(""), &overrides)
}

/// The experiment that moves each number of a model by itself.
fn around(
    args: &SweepArgs,
    model: &Path,
    overrides: &[Override],
) -> anyhow::Result<(Experiment, Files)> {
    let replications = args.replications.unwrap_or(AROUND_REPLICATIONS);
    if replications < 2 {
        return Err(Usage::new(
            "one replication does not tell an effect from chance",
            "run each case at least twice: --replications 8",
        )
        .into());
    }
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let default = ["max-lag".to_owned()];
    let metrics = match args.metrics.as_slice() {
        [] => &default[..],
        named => named,
    };
    let title = format!("What is {} most sensitive to?", metrics[0]);
    let named: Vec<String> = metrics.iter().map(|name| quoted(name)).collect();
    let source = Source {
        name: "command line".to_owned(),
        stem: format!("{}-around", load::stem(model, "model")),
        text: format!(
            "title = {}\nmodel = {}\nreplications = {replications}\nmetrics = [{}]\n",
            quoted(&title),
            quoted(&model.display().to_string()),
            named.join(", ")
        ),
    };
    let (experiment, files) = load::asked(&source, Path::new(""), overrides)?;
    let mut sizes = args.step.clone();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let down = sizes.iter().rev().map(|size| -size);
    let steps: Vec<f64> = down.chain(sizes.iter().copied()).collect();
    let experiment = scenario::around(experiment, &steps, &|name| files.read(name));
    let runs = experiment.cases() as u64 * u64::from(replications);
    if runs > MOST_RUNS {
        return Err(Usage::new(
            format!("{runs} runs are too many: at most {MOST_RUNS} are made"),
            "take fewer replications or steps",
        )
        .into());
    }
    Ok((experiment, files))
}

/// The experiment that the command line stands for.
fn typed(args: &SweepArgs, model: &Path) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let listed = |texts: &[String]| {
        let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        format!("[{}]", quoted.join(", "))
    };
    let mut text = format!("model = {}\n", quoted(&model.display().to_string()));
    if let Some(replications) = args.replications {
        text.push_str(&format!("replications = {replications}\n"));
    }
    if !args.metrics.is_empty() {
        text.push_str(&format!("metrics = {}\n", listed(&args.metrics)));
    }
    if let Some(SamplesArg { method, count }) = &args.samples {
        let (method, count) = (quoted(method), quoted(count));
        text.push_str(&format!("samples = {{ {method} = {count} }}\n"));
    }
    for Vary { keys, values } in &args.vary {
        let key = match keys.as_slice() {
            [key] => quoted(key),
            keys => listed(keys),
        };
        text.push_str(&format!(
            "\n[[axis]]\nkey = {key}\nvalues = {}\n",
            quoted(values)
        ));
    }
    text
}

/// What is doubtful in the model of the first case goes to stderr.
pub(super) fn doubts(experiment: &Experiment, files: &Files) {
    let first = check_case(experiment, 0, &|name| files.read(name));
    if let Ok(checked) = first
        && !checked.warnings.is_empty()
    {
        terminal::note(&checked.warnings.render(terminal::stderr_colour()));
        if let Some(note) = case_note(experiment, 0) {
            terminal::note(&format!("{note}\n\n"));
        }
    }
}

/// Says how many runs there are and about how long they take: a few, spread over the cases, are timed.
fn dry_run(sweep: &Sweep<'_>, cases: &[usize]) -> anyhow::Result<Exit> {
    let count = cases.len().min(TIMED);
    let spread = (0..count).map(|n| n * (cases.len() - 1) / (count - 1).max(1));
    let mut spent = Duration::ZERO;
    for at in spread {
        let begun = now();
        let scenario = sweep.scenario(cases[at]).map_err(|wrong| *wrong)?;
        sweep.run_one(&scenario, cases[at], 0);
        spent += begun.elapsed();
    }
    let runs = cases.len() as u64 * u64::from(sweep.plan.replications);
    let threads = rayon::current_num_threads();
    let each = spent.as_secs_f64() / count.max(1) as f64;
    terminal::print(&format!(
        "{} of {}: about {} on {}, by the time of {}.\n",
        counted(runs, "run", "runs"),
        counted(cases.len() as u64, "case", "cases"),
        span(each * runs as f64 / threads as f64),
        counted(threads as u64, "core", "cores"),
        counted(count as u64, "run", "runs"),
    ))?;
    Ok(Exit::Success)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long runs take is what --dry-run tells"
)]
fn now() -> Instant {
    Instant::now()
}

/// Runs what is not in the journal yet.
fn simulate(
    args: &SweepArgs,
    sweep: &Sweep<'_>,
    (cases, sizes): (&[usize], &[u64]),
    folder: &Folder,
    header: &Header,
) -> anyhow::Result<()> {
    let plan = sweep.plan;
    let path = folder.path().join(JOURNAL);
    let mut there = there(args, &path, header, cases)?;
    std::fs::create_dir_all(folder.path())?;
    let journal = Journal::begin(&path, header, &mut there)?;
    let all = cases.len() * plan.replications as usize;
    let left = all.saturating_sub(there.count());
    if args.resume && !args.results.quiet {
        let dropped = match there.dropped {
            0 => String::new(),
            n => format!(" ({} dropped)", counted(n as u64, "line", "lines")),
        };
        terminal::note(&format!(
            "{} of {} are there{dropped}\n",
            grouped((all - left) as u64),
            counted(all as u64, "run", "runs")
        ));
    }
    let progress = Progress::of_runs(left as u64, args.results.quiet);
    let own: Vec<u64> = cases.iter().map(|case| sizes[*case]).collect();
    sweep.run(
        cases,
        &own,
        &|case, replication| !there.has(case, replication),
        &|run| {
            let key = plan.key(run.case);
            progress.count();
            match journal.append(run, key) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        },
    );
    drop(progress);
    journal.end()
}

/// The runs of an earlier sweep that can be used.
fn there(args: &SweepArgs, path: &Path, header: &Header, cases: &[usize]) -> anyhow::Result<Runs> {
    let mut runs = Runs::none(&header.plan);
    let Some(old) = journal::header(path)? else {
        return Ok(runs);
    };
    let refused = |why: String, remedy: &str| -> anyhow::Result<Runs> {
        let problem = format!("cannot go on with `{}`: {why}", path.display());
        Err(Usage::new(problem, remedy).into())
    };
    if let Some(why) = journal::differs(&old, header) {
        return match args.resume {
            true => refused(why, "leave out --resume to begin anew"),
            false => Ok(runs),
        };
    }
    if args.resume {
        runs.add(path)?;
        return Ok(runs);
    }
    let mut known = Runs::none(&header.plan);
    known.add(path)?;
    let all = cases.len() * header.plan.replications as usize;
    if (1..all).contains(&known.count()) {
        let why = format!(
            "it holds {} of {} of this very sweep",
            grouped(known.count() as u64),
            counted(all as u64, "run", "runs")
        );
        return refused(why, "go on with --resume, or remove the file to begin anew");
    }
    Ok(runs)
}

/// Joins the parts of a sweep.
pub fn merge(args: &MergeArgs) -> anyhow::Result<Exit> {
    let mut headers = Vec::new();
    for folder in &args.folders {
        let path = folder.join(JOURNAL);
        let Some(header) = journal::header(&path)? else {
            return Err(Usage::new(
                format!("there is no part of a sweep in `{}`", folder.display()),
                "name folders that lagsim sweep --shard has written",
            )
            .into());
        };
        headers.push((folder, header));
    }
    let Some(((first, Header { plan, .. }), others)) = headers.split_first() else {
        return Ok(Exit::Success);
    };
    if let Some((other, _)) = others.iter().find(|(_, header)| header.plan != *plan) {
        let message = format!(
            "`{}` and `{}` are parts of different sweeps: the experiment, its model or lagsim has changed between them",
            first.display(),
            other.display()
        );
        return Err(Usage::new(message, "run the parts again from the same files").into());
    }
    let mut runs = Runs::none(plan);
    for folder in &args.folders {
        runs.add(&folder.join(JOURNAL))?;
    }
    let missing = plan.runs() - runs.count();
    if missing > 0 {
        let there: Vec<String> = headers
            .iter()
            .map(|(_, header)| format!("{} of {}", header.shard.number, header.shard.of))
            .collect();
        return Err(Usage::new(
            format!(
                "{} of {} are missing: there is part {}",
                grouped(missing as u64),
                counted(plan.runs() as u64, "run", "runs"),
                there.join(", part ")
            ),
            "name the folders of all parts, and end those that were interrupted with --resume",
        )
        .into());
    }
    let path = match &args.results.out {
        Some(path) => path.clone(),
        None => PathBuf::from("output").join(&plan.name),
    };
    let folder = Folder::at(&path, files_of(plan))?;
    let header = Header {
        plan: plan.clone(),
        shard: Shard::WHOLE,
    };
    finish(&header, &mut runs, &folder, &args.results)
}

/// The files that come of a sweep.
fn files_of(plan: &Plan) -> &'static [&'static str] {
    match plan.design {
        Design::Around(_) => &sensitivity::FILES,
        Design::Grid | Design::Samples(_) => &SWEEP_FILES,
    }
}

/// Writes the results of all runs and says what they are.
fn finish(
    header: &Header,
    runs: &mut Runs,
    folder: &Folder,
    results: &SweepResultArgs,
) -> anyhow::Result<Exit> {
    let plan = &header.plan;
    let mut findings = Findings::new(plan);
    folder.fill(|staging| {
        let create = |name: &str| File::create(staging.join(name)).map(BufWriter::new);
        let mut journal = create(JOURNAL)?;
        journal.write_all(header.line()?.as_bytes())?;
        let mut tables = Tables::new(plan, create("results.csv")?, create("cases.csv")?)?;
        for case in 0..plan.cases() {
            let mut entries = Vec::new();
            for replication in 0..plan.replications {
                let line = runs.line(case, replication)?;
                journal.write_all(line.as_bytes())?;
                entries.extend(Entry::read(&line));
            }
            let figures = findings.case(plan, &entries);
            tables.case(plan, &figures, &entries)?;
        }
        journal.flush()?;
        tables.finish()?;
        let found = Sensitivities::of(plan, &findings);
        if let Some(found) = &found {
            let table = sensitivity::table(plan, found)?;
            std::fs::write(staging.join(sensitivity::TABLE), table)?;
        }
        let drawn = match &found {
            _ if results.no_plot => None,
            Some(found) => Some(sensitivity::picture(plan, found)?),
            None => picture(plan, &findings)?,
        };
        if let Some(bytes) = drawn {
            std::fs::write(staging.join(PICTURE), bytes)?;
        }
        Ok(())
    })?;
    if !results.quiet {
        let style = terminal::style();
        let text = match Sensitivities::of(plan, &findings) {
            Some(found) => sensitivity::text(plan, &found, style),
            None => words(plan, &findings, style),
        };
        terminal::print(&text)?;
        // Others of their names were an earlier sweep's, and are gone.
        let there = |name: &&str| folder.path().join(name).exists();
        let written: Vec<&str> = files_of(plan).iter().copied().filter(there).collect();
        wrote(folder.path(), &written);
    }
    Ok(judged(plan, &findings))
}

/// Tells what an experiment expected otherwise.
pub(super) fn judged(plan: &Plan, findings: &Findings) -> Exit {
    let mut exit = Exit::Success;
    for (answer, judged) in plan.answers.iter().zip(&findings.answers) {
        if !judged.is_met() {
            exit = Exit::ExpectationFailed;
            terminal::note(&format!(
                "error: expected {}, but it is {}\n",
                told(plan, answer),
                told_otherwise(plan, answer, judged)
            ));
        }
    }
    exit
}
