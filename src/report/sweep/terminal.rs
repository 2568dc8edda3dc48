//! What a sweep prints: the best cases, what each axis does, and whether the answer is as expected.

use super::super::answers;
use super::super::terminal::Style;
use super::plain;
use crate::experiment::{CaseFigures, Effect, Findings, Plan, explained, slices};
use crate::measure::in_words;
use crate::measure::words::{counted, grouped, percent, signed};
use crate::scenario::{Design, Metric};

/// Figures in the table of cases; all of them stand in the files.
const MOST_FIGURES: usize = 5;

/// The text of a sweep.
pub fn sweep(plan: &Plan, findings: &Findings, style: Style) -> String {
    let mut text = heading(plan, style);
    text.push_str(&best(plan, findings));
    if let Some(slo) = &plan.slo {
        text.push_str(&format!(
            "\nService level {}: {} of {} hold it.\n",
            slo.text,
            grouped(findings.holding as u64),
            counted(plan.cases() as u64, "case", "cases")
        ));
    }
    text.push_str(&effects(plan, findings));
    text.push_str(&answers::text(plan, findings, style));
    text
}

/// The experiment's name and question.
pub fn title(plan: &Plan, style: Style) -> String {
    let title = match plan.title.starts_with(&plan.name) {
        true => plan.title.clone(),
        false => format!("{}: {}", plan.name, plan.title),
    };
    match style.colour {
        true => format!("\u{1b}[1m{title}\u{1b}[0m"),
        false => title,
    }
}

fn heading(plan: &Plan, style: Style) -> String {
    let title = title(plan, style);
    let sizes: Vec<String> = plan
        .axes
        .iter()
        .map(|axis| axis.values.len().to_string())
        .collect();
    let of = match &plan.design {
        Design::Around(_) => String::new(),
        Design::Grid if sizes.len() < 2 => String::new(),
        Design::Grid => format!(" ({})", sizes.join(" x ")),
        Design::Samples(sampled) => format!(
            " ({} of {})",
            counted(sampled.count as u64, "sample", "samples"),
            counted(sizes.len() as u64, "axis", "axes")
        ),
    };
    let each = match plan.replications {
        1 => String::new(),
        n => format!(", {n} replications of each"),
    };
    let cases = counted(plan.cases() as u64, "case", "cases");
    let runs = counted(plan.runs() as u64, "run", "runs");
    let how = match &plan.design {
        Design::Samples(sampled) => format!(", {}", sampled.method.name()),
        Design::Grid | Design::Around(_) => String::new(),
    };
    format!("{title}\n{cases}{of}{how}{each}: {runs}.\n")
}

/// The table of the best cases.
fn best(plan: &Plan, findings: &Findings) -> String {
    let Some(objective) = plan.columns.get(plan.objective()) else {
        return String::new();
    };
    let which = match plan.more_is_better() {
        true => "highest",
        false => "lowest",
    };
    let of = match findings.best.len() < plan.cases() {
        true => format!("The {} cases with the", findings.best.len()),
        false => "All cases, from the".to_owned(),
    };
    let spread = match plan.replications {
        1 => "",
        _ => " (mean and half of its 95 % interval)",
    };
    let mut text = format!("\n{of} {which} {}{spread}\n", objective.name());
    let shown = plan.looked_at.min(MOST_FIGURES);
    let mut rows = vec![Vec::new()];
    rows[0].extend(plan.axes.iter().map(|axis| axis.name.clone()));
    rows[0].extend(plan.columns[..shown].iter().map(Metric::name));
    if plan.slo.is_some() {
        rows[0].push("holds".to_owned());
    }
    for case in &findings.best {
        rows.push(row(plan, case, shown));
    }
    text.push_str(&aligned(&rows));
    text
}

fn row(plan: &Plan, case: &CaseFigures, shown: usize) -> Vec<String> {
    let mut row: Vec<String> = plan
        .values(case.case)
        .map(|value| value.label.clone())
        .collect();
    for (metric, figure) in plan.columns.iter().zip(&case.figures).take(shown) {
        let mean = in_words(metric, figure.mean);
        let half = figure.interval.high.zip(figure.interval.mean);
        row.push(match half {
            Some((high, mean_of)) if figure.mean.is_finite() => {
                format!("{mean} ± {}", in_words(&plain(metric), high - mean_of))
            }
            _ => mean,
        });
    }
    row.extend(
        case.holds
            .map(|holds| if holds { "yes" } else { "no" }.to_owned()),
    );
    row
}

/// Columns of texts, to the right but for two blanks between them.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("  {cell:>width$}"));
        }
        text.push('\n');
    }
    text
}

/// What the objective does along each axis that has several values.
fn effects(plan: &Plan, findings: &Findings) -> String {
    let Some(objective) = plan.columns.get(plan.objective()) else {
        return String::new();
    };
    let mut axes: Vec<usize> = (0..plan.axes.len())
        .filter(|axis| plan.axes[*axis].values.len() > 1)
        .collect();
    // With one axis the table of cases says it all, unless it is cut.
    if axes.is_empty() || (axes.len() == 1 && findings.best.len() == plan.cases()) {
        return String::new();
    }
    let others = match axes.len() {
        1 => "",
        _ => ", mean over the other axes",
    };
    let mut text = format!("\nWhat {} is along each axis{others}\n", objective.name());
    let sampled = plan.design != Design::Grid;
    if sampled {
        let share = |axis: usize| explained(plan, findings, axis).unwrap_or(0.0);
        // Stable: those that explain as much stay in their order.
        axes.sort_by(|a, b| share(*b).total_cmp(&share(*a)));
    }
    for axis in axes {
        let share = explained(plan, findings, axis).filter(|_| sampled);
        let share = share.map(|share| format!(" (explains {})", percent(share)));
        let name = &plan.axes[axis].name;
        text.push_str(&format!("  {name}{}\n", share.unwrap_or_default()));
        text.push_str(&along(plan, findings, axis, objective));
    }
    if sampled {
        text.push_str(
            "  An axis explains what of the differences between cases its parts alone tell.\n",
        );
    }
    text
}

/// The means of the objective over the parts of an axis.
fn along(plan: &Plan, findings: &Findings, axis: usize, objective: &Metric) -> String {
    let mut rows = Vec::new();
    let mut before: Option<f64> = None;
    // A mean over some of the cases only cannot be compared.
    let whole = |effect: &Effect| effect.mean().filter(|_| effect.never == 0);
    for part in slices(plan, findings, axis) {
        let effect = part.effect;
        let change = match (before, whole(&effect)) {
            (Some(before), Some(mean)) => change(before, mean),
            _ => String::new(),
        };
        let never = match effect.never {
            0 => String::new(),
            n => format!("(never in {n} of {})", n + effect.cases),
        };
        before = whole(&effect);
        let mean = effect.mean();
        let mean = mean.map_or_else(|| "never".to_owned(), |mean| in_words(objective, mean));
        let label = part.label(&plan.axes[axis]);
        rows.push(vec![String::new(), label, mean, change, never]);
    }
    let table = aligned(&rows);
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// From one mean to the next, in percent.
fn change(before: f64, after: f64) -> String {
    let share = (after - before) / before.abs() * 100.0;
    match share {
        _ if !share.is_finite() => String::new(),
        _ if share.abs() >= 9.95 || share == 0.0 => format!("{} %", signed(share.round() as i64)),
        _ => format!("{share:+.1} %"),
    }
}
