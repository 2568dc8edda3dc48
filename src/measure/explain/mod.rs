//! Why a partition is where it is at an instant: the state it is in and what led there, what the states since it last
//! kept up did to its lag, and the events on the way. Rules over the facts of a run; not for what a whole run comes to:
//! that is the verdict's.

mod event;
mod orphaned;
mod tenure;
mod why;

use serde::Serialize;

use super::curves::Point;
use super::{Outcome, Segment};
use crate::scenario::Scenario;
use crate::sim::PartitionState;
use crate::units::SimTime;
use event::Event;
use tenure::Tenure;

/// Why a partition is where it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Which.
    pub partition: u32,
    /// The point of the sample grid that is explained (s).
    pub time_s: f64,
    /// The time that was asked for: not before that point, and before the next one (s).
    pub asked_s: f64,
    /// Its lag (records).
    pub lag: u64,
    /// Lag of all partitions together (records).
    pub group_lag: u64,
    /// Age of its oldest record that is not committed (s); none if there is none.
    pub age_s: Option<f64>,
    /// The state it is in, as the whole run tells it.
    pub state: &'static str,
    /// Since when (s).
    pub since_s: f64,
    /// Until when (s); none if that is the end of the run.
    pub until_s: Option<f64>,
    /// Who reads it, if somebody does.
    pub owner: Option<String>,
    /// Why it is in that state, and which rule makes it so: sentences.
    pub why: Vec<String>,
    /// The end of the last time it kept up (s): 0 if it never did.
    pub behind_since_s: f64,
    /// Its lag then (records).
    pub lag_then: u64,
    /// What the states since then did to the lag, the largest change first; they add up to the lag of now.
    pub states: Vec<Part>,
    /// How many events there were since then that have to do with it.
    pub event_count: u64,
    /// The last of them, in order of time.
    pub events: Vec<Event>,
}

/// What the stretches of one state did to the lag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The state.
    pub state: &'static str,
    /// How many stretches.
    pub stretches: u64,
    /// How long they were together (s).
    pub seconds: f64,
    /// Lag at their ends less lag at their starts (records).
    pub lag_net: i64,
}

/// Most events told.
const MOST_EVENTS: usize = 8;

/// Explains a partition at a time of a run that has kept its curves and events.
///
/// It explains the last point of the sample grid that is not later than `at`. Without a `partition` it takes the one with
/// the most lag then. `None` if the partition does not exist then.
pub fn explain(
    scenario: &Scenario,
    outcome: &Outcome,
    at: SimTime,
    partition: Option<u32>,
) -> Option<Explanation> {
    let curves = &outcome.curves;
    let instant = curves.times().partition_point(|time| *time <= at);
    let instant = instant.checked_sub(1)?;
    let asked_s = at.as_secs_f64();
    let at = curves.times()[instant];
    let partition = match partition {
        Some(partition) => partition as usize,
        None => (0..curves.partitions())
            .max_by_key(|own| (curves.lag(*own, instant), std::cmp::Reverse(*own)))?,
    };
    let point = curves.point(partition, instant)?;
    let story = Story::new(scenario, outcome, partition, at, point)?;
    let stretch = story.stretches.last()?;
    let events = event::all(&story);
    Some(Explanation {
        partition: partition as u32,
        time_s: at.as_secs_f64(),
        asked_s,
        lag: story.lag,
        group_lag: curves.total_lag(instant),
        age_s: story.point.age_s,
        state: stretch.state.name(),
        since_s: stretch.since.as_secs_f64(),
        until_s: story.until.map(SimTime::as_secs_f64),
        owner: story.owner().map(|owner| story.name(owner.process)),
        why: why::sentences(&story),
        behind_since_s: story.stretches[0].since.as_secs_f64(),
        lag_then: story.stretches[0].lag,
        states: parts(&story.stretches, at, story.lag),
        event_count: events.len() as u64,
        events: events[events.len().saturating_sub(MOST_EVENTS)..].to_vec(),
    })
}

/// What is known about a partition at an instant.
struct Story<'a> {
    scenario: &'a Scenario,
    outcome: &'a Outcome,
    partition: usize,
    at: SimTime,
    point: Point,
    lag: u64,
    /// The states since it last kept up, the last of which is the one it is in.
    stretches: Vec<Segment>,
    /// When that one ends, if the run does not before.
    until: Option<SimTime>,
    /// Who has read it so far, in order of time.
    tenures: Vec<Tenure>,
}

impl<'a> Story<'a> {
    fn new(
        scenario: &'a Scenario,
        outcome: &'a Outcome,
        partition: usize,
        at: SimTime,
        point: Point,
    ) -> Option<Self> {
        let told = told(scenario, outcome.segments.get(partition)?);
        let end = told.partition_point(|segment| segment.since <= at);
        let kept_up = told[..end]
            .iter()
            .rposition(|segment| segment.state == PartitionState::KeepingUp);
        let first = match kept_up {
            // It keeps up now.
            Some(kept_up) if kept_up + 1 == end => kept_up,
            Some(kept_up) => kept_up + 1,
            None => 0,
        };
        let stretches: Vec<Segment> = told.get(first..end)?.to_vec();
        if stretches.is_empty() {
            return None;
        }
        Some(Story {
            scenario,
            outcome,
            partition,
            at,
            point,
            lag: point.lag(),
            stretches,
            until: told.get(end).map(|next| next.since),
            tenures: tenure::all(&outcome.events, partition, at),
        })
    }

    /// Who reads it.
    fn owner(&self) -> Option<Tenure> {
        self.tenures
            .last()
            .copied()
            .filter(|last| last.until.is_none())
    }

    /// The name of a process.
    fn name(&self, process: crate::units::ProcessId) -> String {
        self.scenario.group.processes[process.ix()].name.clone()
    }
}

/// The stretches of a partition as one would tell them: what an owner's work looks like shows at the next point of the
/// sample grid, and until then it seems to keep up, however much lag there is.
fn told(scenario: &Scenario, segments: &[Segment]) -> Vec<Segment> {
    let polls = scenario.settings.iter();
    let poll = polls.map(|own| own.properties.max_poll_records).max();
    // A batch in hand, and what the next poll takes.
    let most = poll.unwrap_or(0).saturating_mul(2);
    let mut told: Vec<Segment> = Vec::new();
    for (ix, segment) in segments.iter().enumerate() {
        let unseen = segment.state == PartitionState::KeepingUp && segment.lag > most;
        let seen = match segments.get(ix + 1) {
            Some(next) if unseen => next,
            _ => segment,
        };
        if told.last().is_none_or(|last| !last.is_like(seen)) {
            let stretch = Segment::new(segment.since, seen.state, segment.lag);
            told.push(stretch.waiting_for(seen.waits_for));
        }
    }
    told
}

/// What the states of these stretches did to the lag, until it was `lag` at `at`.
fn parts(stretches: &[Segment], at: SimTime, lag: u64) -> Vec<Part> {
    let ends = stretches.iter().skip(1).map(|next| (next.since, next.lag));
    let ends = ends.chain([(at, lag)]);
    let mut parts: Vec<Part> = Vec::new();
    for (stretch, (until, lag)) in stretches.iter().zip(ends) {
        let state = stretch.state.name();
        let known = parts.iter().position(|part| part.state == state);
        let place = known.unwrap_or_else(|| {
            parts.push(Part {
                state,
                stretches: 0,
                seconds: 0.0,
                lag_net: 0,
            });
            parts.len() - 1
        });
        let part = &mut parts[place];
        part.stretches += 1;
        part.seconds += until.since(stretch.since).as_secs_f64();
        part.lag_net += lag as i64 - stretch.lag as i64;
    }
    // Stable: states that changed it alike stay in the order in which they came.
    parts.sort_by_key(|part| std::cmp::Reverse(part.lag_net.unsigned_abs()));
    parts
}
