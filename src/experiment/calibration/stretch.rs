//! Parts of a trace in which every member always has something to do, whoever owns which partition.

use super::Learnt;
use crate::kafka::Fetches;
use crate::measure::Trace;
use crate::scenario::{Action, Scenario};
use crate::units::{SimDuration, SimTime};

/// Polls' worth of records that each partition has to be behind: one is in hand, the next one is full.
const POLLS: u64 = 2;
/// A standstill of the group this many times as long as its commits are apart, mostly, is a pause.
const PAUSE: f64 = 3.0;
/// Fewest samples of a part.
const LEAST: usize = 8;

/// What has to be behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// Every partition: then no member waits for records, whoever owns what.
    All,
    /// One partition at least: then the one that owns it does not wait.
    One,
}

/// A part of the trace.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    /// How many members work.
    pub members: u32,
    /// Records committed.
    pub records: u64,
    /// How long it is (s).
    pub length_s: f64,
    /// Records committed a second: the slope of a straight line through the samples.
    pub rate: f64,
}

/// A time in which the model says how many members there are.
struct Span {
    /// From here on all of them may be expected to work.
    from: SimTime,
    to: SimTime,
    members: u32,
}

/// All of them.
pub(super) fn find(scenario: &Scenario, trace: &Trace, which: Behind) -> Learnt<Vec<Stretch>> {
    let settings = scenario
        .settings
        .first()
        .ok_or("the model has no settings")?;
    let client = &settings.client;
    if client.returns_one_partition || client.fetches == Fetches::BetweenBatches {
        return Err(
            "this client's batches are what a fetch brings, which no offset shows".to_owned(),
        );
    }
    if scenario.deployment.is_some() {
        return Err(
            "an autoscaler decides how many members there are, and the trace does not say it"
                .to_owned(),
        );
    }
    if !scenario.poison.is_empty() {
        return Err("poison records take time too, and the trace does not say how much".to_owned());
    }
    let least = POLLS * settings.properties.max_poll_records;
    let mut found = Vec::new();
    for span in spans(scenario) {
        let mut work = backlogged(trace, &span, least, which);
        while let Some((part, rest)) = next_part(trace, work) {
            found.extend(measured(trace, part, span.members));
            work = rest;
        }
    }
    if found.is_empty() {
        return Err(format!(
            "the group is never in backlog for long: no time in which each partition is {least} records behind (two polls)"
        ));
    }
    Ok(found)
}

/// By the model: until something happens that is more than members that come or go.
fn spans(scenario: &Scenario) -> Vec<Span> {
    let settings = &scenario.settings[0];
    let properties = &settings.properties;
    let start_up = scenario
        .group
        .start_up
        .as_ref()
        .map_or(0.0, |law| 4.0 * law.mean());
    let batch = settings.processing.time.mean() * properties.max_poll_records as f64;
    let joins =
        properties.heartbeat_interval * 2 + SimDuration::from_secs_f64(start_up + batch.min(60.0));
    let leaves = joins + properties.session_timeout;
    let starts = scenario
        .group
        .processes
        .iter()
        .filter_map(|process| process.start);
    let mut changes: Vec<(SimTime, i64, SimDuration)> = starts.map(|at| (at, 1, joins)).collect();
    let mut end = SimTime::ZERO + scenario.horizon;
    for entry in &scenario.timeline {
        let (many, settle) = match &entry.action {
            Action::RateChange => continue,
            Action::Start {
                processes,
                start_up,
            } => (processes.len() as i64, joins + *start_up),
            Action::Stop { processes, .. } => (-(processes.len() as i64), leaves),
            Action::Crash {
                processes,
                restart_after: None,
            } => (-(processes.len() as i64), leaves),
            _ => {
                end = end.min(entry.at);
                continue;
            }
        };
        changes.push((entry.at, many, settle));
    }
    changes.sort_by_key(|change| change.0);
    let partitions = scenario.topic.partitions.len() as i64;
    let mut spans: Vec<Span> = Vec::new();
    let mut members = 0;
    for (n, (at, many, settle)) in changes.iter().enumerate() {
        members += many;
        let to = changes.get(n + 1).map_or(end, |next| next.0).min(end);
        let from = *at + *settle;
        // More members than partitions have nothing to do.
        let working = members.clamp(0, partitions) as u32;
        if from < to && working > 0 {
            spans.push(Span {
                from,
                to,
                members: working,
            });
        }
    }
    spans
}

/// Samples of a span at which partitions are far enough behind.
fn backlogged(trace: &Trace, span: &Span, least: u64, which: Behind) -> Vec<usize> {
    let behind = |n: &usize| {
        let mut each = (0..trace.partitions()).map(|one| trace.seen(one, *n).lag >= least);
        match which {
            Behind::All => each.all(|far| far),
            Behind::One => each.any(|far| far),
        }
    };
    let from = trace.times().partition_point(|at| *at < span.from);
    let to = trace.times().partition_point(|at| *at <= span.to);
    (from..to).filter(behind).collect()
}

/// The first part without a pause of these samples, in which each partition has been committed to before; and the rest.
fn next_part(trace: &Trace, work: Vec<usize>) -> Option<(Vec<usize>, Vec<usize>)> {
    let (first, mut end) = (*work.first()?, work.len());
    if let Some(gap) = work.windows(2).position(|pair| pair[1] > pair[0] + 1) {
        end = gap + 1;
    }
    let committed = |partition, n| trace.seen(partition, n).committed.unwrap_or(0);
    let moved = |n: usize| {
        (0..trace.partitions())
            .all(|partition| committed(partition, n) > committed(partition, first))
    };
    let Some(begin) = work[..end].iter().position(|n| moved(*n)) else {
        return Some((Vec::new(), work[end..].to_vec()));
    };
    let commits: Vec<usize> = (begin + 1..end)
        .filter(|place| total(trace, work[*place]) > total(trace, work[*place - 1]))
        .collect();
    let apart = |pair: &[usize]| seconds(trace, work[pair[0]], work[pair[1]]);
    let mut gaps: Vec<f64> = commits.windows(2).map(apart).collect();
    gaps.sort_by(f64::total_cmp);
    let usual = gaps
        .get(gaps.len() * 3 / 4)
        .copied()
        .unwrap_or(f64::INFINITY);
    let pause = commits.windows(2).find(|pair| apart(pair) > usual * PAUSE);
    let until = pause.map_or(end, |pair| pair[0] + 1);
    Some((work[begin..until].to_vec(), work[until..].to_vec()))
}

fn total(trace: &Trace, n: usize) -> u64 {
    (0..trace.partitions())
        .map(|partition| trace.seen(partition, n).committed.unwrap_or(0))
        .sum()
}

fn seconds(trace: &Trace, from: usize, to: usize) -> f64 {
    trace.times()[to].since(trace.times()[from]).as_secs_f64()
}

fn measured(trace: &Trace, part: Vec<usize>, members: u32) -> Option<Stretch> {
    let (first, last) = (*part.first()?, *part.last()?);
    let records = total(trace, last).saturating_sub(total(trace, first));
    if part.len() < LEAST || records == 0 {
        return None;
    }
    let points: Vec<(f64, f64)> = part
        .iter()
        .map(|n| {
            (
                seconds(trace, first, *n),
                (total(trace, *n).saturating_sub(total(trace, first))) as f64,
            )
        })
        .collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (time, done) = (mean(|point| point.0), mean(|point| point.1));
    let slope = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    let spread = slope(&|point| (point.0 - time).powi(2));
    let rate = slope(&|point| (point.0 - time) * (point.1 - done)) / spread;
    Some(Stretch {
        members,
        records,
        length_s: seconds(trace, first, last),
        rate,
    })
}
