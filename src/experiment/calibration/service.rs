//! What the group does at most, and whose doing that is: that of its members, or that of what they all call.

use super::stretch::{Behind, Stretch, find};
use super::{Backlog, Estimate, Learnt};
use crate::measure::Trace;
use crate::scenario::{Called, CommitPolicy, Scenario};
use crate::workload::Law;

/// Half the width of a 95 % interval in standard deviations.
const HALF: f64 = 1.96;
/// Two speeds differ, or do not, by so many standard deviations.
const CLEARLY: f64 = 3.0;

/// And if it is more than chance, by more than this share: models of what is between batches are not exact.
const SLIGHTLY: f64 = 0.02;

/// What was found.
pub(super) struct Speed {
    /// The parts of the trace that told it.
    pub used: Vec<Stretch>,
    pub service: Learnt<Backlog>,
    pub law: String,
    pub overhead: String,
    pub limit: Option<Learnt<Estimate>>,
}

/// A batch of a member that has enough to do, as the model has it.
struct Batch {
    /// Records.
    records: f64,
    /// What is between the work on two batches (s).
    overhead_s: f64,
    /// What a record's commit adds to the record (s).
    per_record_s: f64,
    /// Attempts at calls of the dependency that members share, per record, and what all calls take without waiting (s).
    calls: f64,
    calls_s: f64,
    /// Variance of the time of a record (s^2).
    variance: f64,
}

impl Batch {
    fn of(scenario: &Scenario) -> Batch {
        let settings = &scenario.settings[0];
        let processing = &settings.processing;
        let records = settings.properties.max_poll_records as f64;
        let commit = (scenario.cluster.round_trip + scenario.cluster.commit_latency).as_secs_f64();
        let (overhead_s, per_record_s) = match processing.commit {
            CommitPolicy::AfterBatch => (commit, 0.0),
            CommitPolicy::PerRecord => (0.0, commit),
            CommitPolicy::Auto | CommitPolicy::Async => (0.0, 0.0),
            CommitPolicy::Every { records: every, .. } => {
                (commit * (records / every as f64).min(1.0), 0.0)
            }
        };
        let called = Called::all(&scenario.downstreams, &processing.calls);
        let each = || scenario.downstreams.iter().zip(&called);
        let variance = |law: &Law| law.scv() * law.mean().powi(2);
        let shared = each().nth(scenario.shared());
        let of_calls = each().map(|(own, called)| called.calls * own.call().variance());
        Batch {
            records,
            overhead_s,
            per_record_s,
            calls: shared.map_or(0.0, |(own, called)| called.calls * own.call().attempts()),
            calls_s: processing.record_s(&scenario.downstreams) - processing.time.mean(),
            variance: variance(&processing.time) + of_calls.sum::<f64>(),
        }
    }

    /// Records a second of a member that is on its own, as the model has it.
    fn alone(&self, record_s: f64) -> f64 {
        let record = record_s + self.calls_s + self.per_record_s;
        self.records / (self.records * record + self.overhead_s)
    }

    /// Standard deviation of the speed of a stretch (records/s): batches of which a part is done at its ends, and the chance
    /// in what records cost. The slope of a straight line has 6/5 of the variance that its ends have, in a random walk.
    fn deviation(&self, one: &Stretch) -> f64 {
        let members = f64::from(one.members);
        let cycle = members * self.records / one.rate;
        let at_the_ends = (members * self.records / one.length_s).powi(2) / 6.0;
        let of_a_batch = self.records * self.variance;
        let chance =
            1.2 * members * self.records.powi(2) * of_a_batch / (cycle.powi(3) * one.length_s);
        (at_the_ends + chance).sqrt()
    }
}

/// Fits the time of a record, or the limit.
pub(super) fn fit(scenario: &Scenario, trace: &Trace) -> Speed {
    let batch = Batch::of(scenario);
    let mut speed = Speed {
        used: Vec::new(),
        service: Err(String::new()),
        law: "its shape is the model's: sums of whole batches do not show it".to_owned(),
        overhead: format!(
            "in backlog there is only the time of a batch with its commit; of that, {}ms a commit are the model's",
            scenario.cluster.round_trip.as_secs_f64() * 1e3
                + scenario.cluster.commit_latency.as_secs_f64() * 1e3
        ),
        limit: None,
    };
    let all = find(scenario, trace, Behind::All);
    let limit = scenario.downstreams.iter().find_map(|one| one.limit);
    let rate = limit.map(|limit| limit.rate);
    let rate = rate.filter(|_| batch.calls > 0.0);
    let alone = batch.alone(scenario.settings[0].processing.time.mean());
    let binds =
        |members: u32| rate.is_some_and(|rate| rate / batch.calls < f64::from(members) * alone);
    let by_members = all.as_ref().ok().and_then(|found| shared(&batch, found));
    let limited = by_members.unwrap_or_else(|| match &all {
        Ok(found) => found.iter().all(|one| binds(one.members)),
        Err(_) => binds(1),
    });
    if !limited {
        match all {
            Ok(found) => {
                speed.service = time(scenario, &batch, &found);
                let most = found
                    .iter()
                    .map(|one| one.rate * batch.calls)
                    .fold(0.0, f64::max);
                speed.limit =
                    rate.map(|_| Err(format!("it is not reached: it is above {most:.1}/s")));
                speed.used = found;
            }
            Err(why) => {
                speed.limit = rate.map(|_| Err(why.clone()));
                speed.service = Err(why);
            }
        }
        return speed;
    }
    // One member that always has records is enough to keep a limit busy that is below its own speed.
    let found = match all {
        Err(_) if binds(1) => find(scenario, trace, Behind::One),
        found => found,
    };
    let what = "what all members call holds them back, so that they show no speed of their own";
    speed.service = found
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|_| Err(what.to_owned()));
    let total = found.as_ref().map(|found| weighted(found, &batch, |_| 1.0));
    speed.limit = Some(match (total, rate) {
        (Err(why), _) => Err(why.clone()),
        (Ok(total), Some(_)) => Ok(total.scaled(batch.calls)),
        (Ok(total), None) => Err(format!(
            "{:.1} records/s whatever the number of members: they share a limit, for which the model has no [downstream.<name>]",
            total.value
        )),
    });
    speed.used = found.unwrap_or_default();
    speed
}

/// Whether members share a limit, as speeds with different numbers of them say it; none if they do not say it.
fn shared(batch: &Batch, found: &[Stretch]) -> Option<bool> {
    let few = found.iter().min_by_key(|one| one.members)?;
    let many = found.iter().max_by_key(|one| one.members)?;
    let apart = |part: fn(&Stretch) -> f64| {
        let (a, b) = (few.rate / part(few), many.rate / part(many));
        let (da, db) = (
            batch.deviation(few) / part(few),
            batch.deviation(many) / part(many),
        );
        (a - b).abs() > CLEARLY * da.hypot(db) + SLIGHTLY * a.max(b)
    };
    let (grows, each_differs) = (apart(|_| 1.0), apart(|one| f64::from(one.members)));
    (grows != each_differs).then_some(each_differs)
}

/// The speed of the stretches, each divided by `part` of it, the surer ones counting more.
fn weighted(found: &[Stretch], batch: &Batch, part: impl Fn(&Stretch) -> f64) -> Estimate {
    let (mut sum, mut weights) = (0.0, 0.0);
    for one in found {
        let weight = (part(one) / batch.deviation(one)).powi(2);
        sum += weight * one.rate / part(one);
        weights += weight;
    }
    Estimate::within(sum / weights, HALF / weights.sqrt())
}

fn time(scenario: &Scenario, batch: &Batch, found: &[Stretch]) -> Learnt<Backlog> {
    let processing = &scenario.settings[0].processing;
    if processing.concurrency > 1 {
        return Err(format!(
            "{} records of a batch are worked on at the same time: how many get done does not tell what one takes",
            processing.concurrency
        ));
    }
    let each = weighted(found, batch, |one| f64::from(one.members));
    let less = batch.overhead_s / batch.records + batch.per_record_s + batch.calls_s;
    // The slower the rate, the longer the time.
    let record = |rate: f64| (1.0 / rate - less).max(0.0);
    let time = Estimate {
        value: record(each.value),
        low: record(each.high),
        high: if each.low > 0.0 {
            record(each.low)
        } else {
            f64::INFINITY
        },
    };
    let known = processing.time.mean();
    if time.value <= 0.0 || known <= 0.0 || !time.high.is_finite() {
        return Err(format!(
            "members do {:.4} records/s each, faster than commits and calls of the model allow, or too few batches to tell",
            each.value
        ));
    }
    Ok(Backlog {
        law: processing.time.scaled(time.value / known),
        time,
    })
}
