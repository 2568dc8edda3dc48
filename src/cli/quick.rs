//! `lagsim quick`: an answer from a few figures. It writes the model they stand for, runs that, and puts the closed
//! form beside what came out.

use anyhow::Context;

use super::args::QuickArgs;
use super::bound::Bound;
use super::exit::Exit;
use super::progress::Progress;
use super::starter::Starter;
use super::{init, run, terminal};
use crate::measure::words::{counted, grouped, percent, short, span};
use crate::measure::{Keep, Outcome};
use crate::report::terminal::lag_chart;
use crate::scenario::{Scenario, Source, check};
use crate::units::SimDuration;

/// Horizons to choose from [min]: the shortest that shows the answer is taken.
const HORIZONS: [(u64, &str); 13] = [
    (30, "30m"),
    (60, "1h"),
    (90, "90m"),
    (120, "2h"),
    (180, "3h"),
    (360, "6h"),
    (720, "12h"),
    (1_440, "1d"),
    (2_880, "2d"),
    (5_760, "4d"),
    (10_080, "7d"),
    (20_160, "14d"),
    (43_200, "30d"),
];
/// Points of the curve at most; samples are whole seconds apart.
const SAMPLES: u64 = 7_200;
/// Points of all partitions together, at most.
const ALL_SAMPLES: u64 = 2_000_000;

/// Runs the model that the figures stand for.
pub fn quick(args: &QuickArgs) -> anyhow::Result<Exit> {
    let mut starter = Starter {
        rate: args.rate.text.clone(),
        partitions: args.partitions,
        members: args.members,
        per_record: args.per_record.text.clone(),
        backlog: (args.backlog.value > 0).then(|| args.backlog.text.clone()),
        limit: args.limit.as_ref().map(|limit| limit.text.clone()),
        ..Starter::default()
    };
    // The horizon follows from the bound, and the bound from the model: of which the horizon is no part.
    let bound = bound_of(&checked(&starter)?, args);
    let (minutes, horizon) = horizon(&bound);
    starter.horizon = horizon.to_owned();
    let samples = (ALL_SAMPLES / u64::from(args.partitions)).clamp(60, SAMPLES);
    starter.sample = format!("{}s", (minutes * 60).div_ceil(samples));
    let scenario = checked(&starter)?;
    if let Some(file) = &args.save {
        init::save(file, &starter.text(), args.force)?;
    }
    let progress = Progress::of(scenario.horizon, 1, false);
    let outcomes = run::simulate(&scenario, 1, Keep::ALL, &progress);
    drop(progress);
    let outcome = outcomes.first().context("nothing was run")?;
    terminal::print(&answer(&bound, outcome))?;
    Ok(Exit::Success)
}

fn bound_of(scenario: &Scenario, args: &QuickArgs) -> Bound {
    Bound::of(
        scenario,
        args.rate.value,
        args.per_record.value.as_secs_f64(),
    )
}

/// The model of `starter`, by way of its text: what is run is what `--save` writes.
fn checked(starter: &Starter) -> anyhow::Result<Scenario> {
    let source = Source {
        name: "the model of these figures".to_owned(),
        stem: "quick".to_owned(),
        text: starter.text(),
    };
    let checked = check(&source, &[], &|_| Err("it names no file".to_owned()))?;
    Ok(checked.scenario)
}

/// Long enough to see a backlog drain; an hour if lag only grows.
fn horizon(bound: &Bound) -> (u64, &'static str) {
    let drain = bound.drain_s();
    let wanted_min = match drain.is_finite() {
        true if bound.growth() == 0.0 => drain * 1.2 / 60.0,
        _ => 60.0,
    };
    let long_enough = |(minutes, _): &&(u64, &str)| *minutes as f64 >= wanted_min;
    *HORIZONS
        .iter()
        .find(long_enough)
        .unwrap_or(&HORIZONS[HORIZONS.len() - 1])
}

fn answer(bound: &Bound, outcome: &Outcome) -> String {
    let half = Growth::of(outcome);
    let mut text = format!("{}\n\n", headline(bound, outcome, &half));
    text.push_str(&table(bound, outcome, &half));
    text.push_str(&remarks(bound));
    text.push_str(&evicted(bound, outcome));
    let curves = &outcome.curves;
    let lags: Vec<u64> = (0..curves.times().len())
        .map(|instant| curves.total_lag(instant))
        .collect();
    let top = lags.iter().copied().max().unwrap_or(0);
    text.push_str(&lag_chart(&lags, top, outcome.summary.horizon_s));
    text
}

/// What happened in the second half of the run, when the start is over.
struct Growth {
    /// Records by which lag grew [1/s]; negative if it shrank.
    lag_per_s: f64,
    /// Records finished [1/s].
    finished_per_s: f64,
}

impl Growth {
    fn of(outcome: &Outcome) -> Self {
        let curves = &outcome.curves;
        let last = curves.times().len().saturating_sub(1);
        let half = last / 2;
        let committed = |instant: usize| -> f64 {
            let of = |p: usize| curves.point(p, instant).and_then(|point| point.committed);
            (0..curves.partitions())
                .map(|p| of(p).unwrap_or(0) as f64)
                .sum()
        };
        let seconds: SimDuration = match (curves.times().get(last), curves.times().get(half)) {
            (Some(end), Some(middle)) => end.since(*middle),
            _ => SimDuration::ZERO,
        };
        let per_s = |records: f64| records / seconds.as_secs_f64().max(1e-9);
        Growth {
            lag_per_s: per_s(curves.total_lag(last) as f64 - curves.total_lag(half) as f64),
            finished_per_s: per_s(committed(last) - committed(half)),
        }
    }
}

/// The answer in one line.
fn headline(bound: &Bound, outcome: &Outcome, half: &Growth) -> String {
    let summary = &outcome.summary;
    if bound.growth() > 0.0 && half.lag_per_s <= 0.0 {
        return format!(
            "At its limit: {}/s arrive, {}/s can be done at best; in the long run lag grows by {} an hour.",
            short(bound.rate),
            short(bound.rate - bound.growth()),
            grouped((bound.growth() * 3600.0).round() as u64),
        );
    }
    if bound.growth() > 0.0 {
        return format!(
            "Falls behind: {}/s arrive, {}/s get done; lag grows by {} an hour.",
            short(bound.rate),
            short(half.finished_per_s),
            grouped((half.lag_per_s * 3600.0).max(0.0).round() as u64),
        );
    }
    let busy = percent(bound.rate / bound.capacity());
    if bound.backlog > 0.0 {
        let backlog = counted(bound.backlog as u64, "record", "records");
        return match summary.drained_at_s {
            Some(at) => format!(
                "Drains {backlog} in {}, then keeps up ({busy} of its capacity).",
                span(at)
            ),
            None => format!(
                "Does not drain {backlog} within {}; {} are left.",
                span(summary.horizon_s),
                grouped(summary.lag.last)
            ),
        };
    }
    format!(
        "Keeps up: {}/s arrive, {busy} of what the group can do; lag is {} on average.",
        short(bound.rate),
        counted(summary.lag.mean.round() as u64, "record", "records"),
    )
}

/// The closed form beside the simulation.
fn table(bound: &Bound, outcome: &Outcome, half: &Growth) -> String {
    let summary = &outcome.summary;
    let per_s = |rate: f64| format!("{}/s", short(rate));
    let mut rows = vec![("", "closed form".to_owned(), "simulated".to_owned())];
    rows.push(("one member can do", per_s(bound.member()), "-".to_owned()));
    rows.push(("the group can do", per_s(bound.capacity()), "-".to_owned()));
    if bound.growth() > 0.0 {
        let done = per_s(bound.rate - bound.growth());
        rows.push(("gets done", done, per_s(half.finished_per_s)));
        rows.push(("lag grows by", per_s(bound.growth()), per_s(half.lag_per_s)));
    } else if bound.backlog > 0.0 {
        let simulated = span(summary.drained_at_s.unwrap_or(f64::INFINITY));
        rows.push(("drained after", span(bound.drain_s()), simulated));
    } else {
        rows.push(("gets done", per_s(bound.rate), per_s(half.finished_per_s)));
    }
    let mut text = String::new();
    for (name, closed, simulated) in rows {
        text.push_str(&format!("  {name:<18}{closed:>14}{simulated:>14}\n"));
    }
    text
}

/// That members are thrown out because a batch takes too long, which the closed form knows nothing of.
fn evicted(bound: &Bound, outcome: &Outcome) -> String {
    let evictions = outcome.summary.evictions.iter();
    let breaches = evictions.filter(|own| own.reason == "max-poll-interval");
    match breaches.count() {
        0 => String::new(),
        many => format!(
            "{}: a batch takes longer than max.poll.interval.ms, and its commit is refused. Lower max.poll.records ({} now), or \
             raise the interval.\n",
            counted(many as u64, "eviction", "evictions"),
            short(bound.batch)
        ),
    }
}

/// What the closed form is made of, and what would be enough.
fn remarks(bound: &Bound) -> String {
    let idle = bound.members - bound.active();
    let mut text = format!(
        "\nThe closed form: {} records in {} per member ({} and a commit), {}",
        short(bound.batch),
        SimDuration::from_secs_f64(bound.batch_s),
        "max.poll.records",
        counted(u64::from(bound.active()), "member", "members"),
    );
    if idle > 0 {
        text.push_str(&format!(" ({idle} more have no partition)"));
    }
    if let Some(limit) = bound.limit {
        text.push_str(&format!(
            ", at most {}/s through the dependency",
            short(limit)
        ));
    }
    text.push_str(".\n");
    if bound.growth() > 0.0 {
        text.push_str(&match bound.enough() {
            Some((members, partitions)) if partitions > bound.partitions => {
                format!("To keep up it needs at least {members} members and as many partitions.\n")
            }
            Some((members, _)) => format!("To keep up it needs at least {members} members.\n"),
            None => "More members would not help: the dependency is what is too slow.\n".to_owned(),
        });
    }
    text
}
