//! Series of figures, of one topic and one group, as a model needs them: where partitions start, and what was produced.

use std::collections::{BTreeMap, BTreeSet};

use super::{Quantity, Series};
use crate::measure::Seen;

/// A topic as a group finds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The topic; none if no text names one.
    pub topic: Option<String>,
    /// The group; none if no text names one.
    pub group: Option<String>,
    /// Its partitions, from 0.
    pub partitions: Vec<Start>,
    /// Members that own a partition.
    pub members: Option<u64>,
    /// Brokers.
    pub brokers: Option<u64>,
    /// What was produced over time.
    pub history: Option<History>,
}

/// A partition at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// Committed offset, if there is one.
    pub committed: Option<u64>,
    /// Log-end offset, if it is known.
    pub log_end: Option<u64>,
    /// Records that the log end was seen behind the committed offset, which it is taken to be at: the two were asked for at
    /// different moments.
    pub behind: u64,
}

/// What happened over a stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Its beginning (s, from the source's origin: 1970 for Prometheus).
    pub origin: f64,
    /// Its length (s).
    pub length: f64,
    /// From each time (s since the beginning) on, the rate of production (1/s) until the next.
    pub rates: Vec<(f64, f64)>,
    /// Records by partition; empty if only their sum is known.
    pub records: Vec<u64>,
    /// By time (s since the beginning), every partition; empty if nothing tells what the group had committed.
    pub lag: Vec<(f64, Vec<Seen>)>,
}

/// Several topics or groups, of which one is to be chosen, or none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Ambiguous {
    /// What there is instead of one.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

/// Points of a partition in order of time.
type Points = Vec<(f64, Option<f64>)>;

/// Topics of Kafka itself.
const INTERNAL: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

impl Observed {
    /// What `series` say of a topic and a group: those of these names, or the only ones there are.
    ///
    /// # Errors
    /// [`Ambiguous`], if there are several, or none of that name; or if a log goes back.
    pub fn of(
        series: &[Series],
        topic: Option<&str>,
        group: Option<&str>,
    ) -> Result<Self, Ambiguous> {
        let groups = series.iter().filter_map(|one| one.group.as_deref());
        let group = choose("group", groups.collect(), group)?;
        let of_group = |one: &&Series| one.group.is_some() && one.group.as_deref() == group;
        let topics = |chosen: &dyn Fn(&&Series) -> bool| -> BTreeSet<&str> {
            let all = series.iter().filter(chosen);
            let named = all.filter_map(|one| one.topic.as_deref());
            named
                .filter(|name| topic == Some(name) || !INTERNAL.contains(name))
                .collect()
        };
        let mut names = topics(&of_group);
        if names.is_empty() {
            names = topics(&|_| true);
        }
        let topic = choose("topic", names, topic)?;
        let facts = Facts::of(series, topic, group);
        let history = facts.history()?;
        let mut partitions = vec![Start::default(); facts.partitions()];
        for (ix, start) in partitions.iter_mut().enumerate() {
            *start = facts.start(ix as u32, history.as_ref());
        }
        Ok(Observed {
            topic: topic.map(str::to_owned),
            group: group.map(str::to_owned),
            partitions,
            members: facts.single(Quantity::Members),
            brokers: facts.single(Quantity::Brokers),
            history,
        })
    }
}

fn choose<'a>(
    what: &str,
    names: BTreeSet<&'a str>,
    wanted: Option<&str>,
) -> Result<Option<&'a str>, Ambiguous> {
    let all = || {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (wanted, names.len()) {
        (None, 0) => Ok(None),
        (None, 1) => Ok(names.first().copied()),
        (None, n) => Err(Ambiguous {
            problem: format!("there are {n} {what}s: {}", all()),
            remedy: format!("choose one with --{what} NAME"),
        }),
        (Some(wanted), _) => match names.get(wanted) {
            Some(name) => Ok(Some(name)),
            None if names.is_empty() => Err(Ambiguous {
                problem: format!("no {what} is named, so `{wanted}` cannot be found"),
                remedy: format!("leave --{what} out"),
            }),
            None => Err(Ambiguous {
                problem: format!("there is no {what} `{wanted}`"),
                remedy: format!("choose one of {}", all()),
            }),
        },
    }
}

/// The series of one topic and one group.
struct Facts<'a> {
    series: Vec<&'a Series>,
    /// By quantity and partition, what has a time.
    timed: BTreeMap<(Quantity, u32), Points>,
    /// By quantity and partition, what has none.
    now: BTreeMap<(Quantity, u32), Option<f64>>,
}

impl<'a> Facts<'a> {
    fn of(series: &'a [Series], topic: Option<&str>, group: Option<&str>) -> Self {
        let matches = |named: &Option<String>, chosen: Option<&str>| {
            named.is_none() || named.as_deref() == chosen
        };
        let ours = series
            .iter()
            .filter(|one| matches(&one.topic, topic) && matches(&one.group, group));
        let series: Vec<&Series> = ours.collect();
        let mut timed: BTreeMap<(Quantity, u32), Points> = BTreeMap::new();
        let mut now = BTreeMap::new();
        for one in &series {
            let Some(partition) = one.partition else {
                continue;
            };
            for (at, value) in &one.points {
                match at {
                    Some(at) => timed
                        .entry((one.quantity, partition))
                        .or_default()
                        .push((*at, *value)),
                    None => {
                        now.insert((one.quantity, partition), *value);
                    }
                }
            }
        }
        for points in timed.values_mut() {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points.dedup_by_key(|point| point.0);
        }
        for ((quantity, _), points) in &mut timed {
            if *quantity == Quantity::Lag {
                fill(points);
            }
        }
        Facts { series, timed, now }
    }

    /// The figure that is not of a partition, as far as there is one: the latest.
    fn single(&self, quantity: Quantity) -> Option<u64> {
        let of = self.series.iter().filter(|one| one.quantity == quantity);
        let values = of.filter_map(|one| one.points.last()?.1);
        values.map(|value| value as u64).max()
    }

    fn partitions(&self) -> usize {
        let known = self.timed.keys().chain(self.now.keys());
        let highest = known.map(|(_, partition)| partition + 1).max().unwrap_or(0);
        let told = self.single(Quantity::Partitions).unwrap_or(0);
        told.max(u64::from(highest)) as usize
    }

    /// Where a partition starts: as a listing of one instant has it, or else as at the beginning of the history.
    fn start(&self, partition: u32, history: Option<&History>) -> Start {
        let of = |quantity| self.now.get(&(quantity, partition)).copied().flatten();
        // Of a history that tells nothing of what was produced, the end.
        let time = history.map_or(f64::INFINITY, |own| own.origin);
        let then = |quantity| self.at(quantity, partition, time);
        let seen = |of: &dyn Fn(Quantity) -> Option<f64>| {
            completed(
                of(Quantity::LogEnd),
                of(Quantity::Committed),
                of(Quantity::Lag),
            )
        };
        let start = seen(&of);
        if self.now.is_empty() {
            seen(&then)
        } else {
            start
        }
    }

    /// The latest figure at a time.
    fn at(&self, quantity: Quantity, partition: u32, at: f64) -> Option<f64> {
        let points = self.timed.get(&(quantity, partition))?;
        let later = points.partition_point(|point| point.0 <= at);
        points.get(later.checked_sub(1)?)?.1
    }

    fn of_quantity(&self, wanted: Quantity) -> impl Iterator<Item = (u32, &Points)> {
        let all = self.timed.iter();
        all.filter(move |((quantity, _), _)| *quantity == wanted)
            .map(|((_, partition), points)| (*partition, points))
    }

    fn history(&self) -> Result<Option<History>, Ambiguous> {
        if let Some(history) = self.recorded_rate()? {
            return Ok(Some(history));
        }
        let ends: Vec<(u32, Points)> = self.log_ends();
        let first = |points: &Points| points.first().map_or(f64::INFINITY, |point| point.0);
        // When all of it is there.
        let begins = self
            .timed
            .values()
            .map(first)
            .fold(f64::NEG_INFINITY, f64::max);
        let mut times: Vec<f64> = ends
            .iter()
            .flat_map(|(_, points)| points.iter().map(|point| point.0))
            .filter(|at| *at >= begins)
            .collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let (Some(origin), Some(last)) = (times.first().copied(), times.last().copied()) else {
            return Ok(None);
        };
        if times.len() < 2 {
            return Ok(None);
        }
        refuse_going_back(&ends)?;
        let totals: Vec<f64> = times
            .iter()
            .map(|at| ends.iter().map(|(_, points)| between(points, *at)).sum())
            .collect();
        let rates = times.windows(2).zip(totals.windows(2));
        let rates = rates.map(|(at, of)| (at[0] - origin, (of[1] - of[0]) / (at[1] - at[0])));
        let mut records = vec![0; self.partitions()];
        for (partition, points) in &ends {
            records[*partition as usize] = (between(points, last) - between(points, origin)) as u64;
        }
        Ok(Some(History {
            origin,
            length: last - origin,
            rates: rates.collect(),
            records,
            lag: self.lag(&ends, &times),
        }))
    }

    /// A rate that the source itself gives.
    fn recorded_rate(&self) -> Result<Option<History>, Ambiguous> {
        let rated = self
            .series
            .iter()
            .filter(|one| one.quantity == Quantity::Rate);
        let mut points: Vec<(f64, f64)> = rated
            .flat_map(|one| {
                one.points
                    .iter()
                    .filter_map(|(at, rate)| Some((*at.as_ref()?, (*rate)?)))
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let Some(twice) = points.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Ambiguous {
                problem: format!("there are two rates at time {}", twice[0].0),
                remedy: "leave one of them out".to_owned(),
            });
        }
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return Ok(None);
        };
        let (origin, length) = (first.0, last.0 - first.0);
        Ok((length > 0.0).then(|| History {
            origin,
            length,
            rates: points
                .iter()
                .map(|(at, rate)| (at - origin, *rate))
                .collect(),
            ..History::default()
        }))
    }

    /// Log ends by partition; where only offset and lag of the group are known, they are their sum.
    fn log_ends(&self) -> Vec<(u32, Points)> {
        let known: BTreeMap<u32, Points> = self
            .of_quantity(Quantity::LogEnd)
            .map(|(partition, points)| (partition, points.clone()))
            .collect();
        let mut ends = known;
        for (partition, points) in self.of_quantity(Quantity::Committed) {
            ends.entry(partition).or_insert_with(|| {
                let sums = points.iter().filter_map(|(at, committed)| {
                    let lag = self.at(Quantity::Lag, partition, *at)?;
                    Some((*at, Some((*committed)? + lag)))
                });
                sums.collect()
            });
        }
        ends.into_iter()
            .filter(|(_, points)| !points.is_empty())
            .collect()
    }

    fn lag(&self, ends: &[(u32, Points)], times: &[f64]) -> Vec<(f64, Vec<Seen>)> {
        let of_group = [Quantity::Committed, Quantity::Lag];
        let told = self
            .timed
            .keys()
            .any(|(quantity, _)| of_group.contains(quantity));
        if !told || ends.len() < self.partitions() {
            return Vec::new();
        }
        let seen = |(partition, points): &(u32, Points), at: f64| {
            let end = latest(points, at);
            let committed = self.at(Quantity::Committed, *partition, at);
            let lag = self.at(Quantity::Lag, *partition, at);
            let start = completed(end, committed, lag);
            let log_end = start.log_end.unwrap_or(0);
            Seen {
                log_end,
                committed: start.committed,
                lag: log_end - start.committed.unwrap_or(0),
            }
        };
        let origin = times.first().copied().unwrap_or(0.0);
        let rows = times.iter();
        rows.map(|at| (at - origin, ends.iter().map(|end| seen(end, *at)).collect()))
            .collect()
    }
}

/// Two of the three say the third. Requests for them are not sent at the same moment: a commit may be ahead of the log end.
fn completed(log_end: Option<f64>, committed: Option<f64>, lag: Option<f64>) -> Start {
    let committed = committed.or_else(|| match (log_end, lag) {
        (Some(end), Some(lag)) => Some((end - lag).max(0.0)),
        // How far it is behind is known, and where is not: counted from what it has committed.
        (None, Some(_)) => Some(0.0),
        (_, None) => None,
    });
    let log_end = log_end.or_else(|| Some(committed? + lag?));
    let whole = |value: f64| value.max(0.0) as u64;
    let least = committed.unwrap_or(0.0);
    Start {
        committed: committed.map(whole),
        log_end: log_end.map(|end| whole(end.max(least))),
        behind: log_end.map_or(0, |end| whole(least - end)),
    }
}

/// The figure at a time, on a straight line between two; that of the nearest end outside of them.
fn between(points: &Points, at: f64) -> f64 {
    let value = |ix: usize| {
        points
            .get(ix)
            .map_or((at, 0.0), |point| (point.0, point.1.unwrap_or(0.0)))
    };
    match points.partition_point(|point| point.0 <= at) {
        0 => value(0).1,
        later if later == points.len() => value(later - 1).1,
        later => {
            let ((from, low), (to, high)) = (value(later - 1), value(later));
            low + (high - low) * (at - from) / (to - from)
        }
    }
}

/// A lag that is missing at an instant (NaN) is the one before: it is not that nothing was committed.
fn fill(points: &mut Points) {
    let mut before = None;
    for (_, value) in points {
        *value = value.or(before);
        before = *value;
    }
}

fn latest(points: &Points, at: f64) -> Option<f64> {
    let later = points.partition_point(|point| point.0 <= at);
    points.get(later.checked_sub(1)?)?.1
}

fn refuse_going_back(ends: &[(u32, Points)]) -> Result<(), Ambiguous> {
    for (partition, points) in ends {
        let back = points.windows(2).find(|pair| pair[1].1 < pair[0].1);
        if let Some(pair) = back {
            let offset = |ix: usize| pair[ix].1.unwrap_or(0.0);
            return Err(Ambiguous {
                problem: format!(
                    "the log of partition {partition} goes back at time {}, from {} to {}: the topic was made anew",
                    pair[1].0,
                    offset(0),
                    offset(1)
                ),
                remedy: "give only what was recorded after it, or only before it".to_owned(),
            });
        }
    }
    Ok(())
}
