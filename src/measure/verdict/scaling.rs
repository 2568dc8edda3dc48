//! What the autoscaler did, in words.

use super::super::replicas::{Replicas, Scaling};
use super::super::summary::Summary;
use super::super::words::{counted, grouped, percent, short, span};
use super::{cause, orphaned};
use crate::kafka::GroupProtocol;
use crate::scenario::Scenario;

/// So many scale-downs taken back are no chance.
const FLAPS: u64 = 3;

/// Whether the autoscaler flaps.
pub fn flaps(summary: &Summary) -> bool {
    let replicas = summary.replicas.as_ref();
    replicas.is_some_and(|own| own.taken_back_count >= FLAPS)
}

/// How often it flaps, and what that costs.
pub fn flapping(summary: &Summary) -> Option<String> {
    let replicas = summary.replicas.as_ref()?;
    let left = taken_back_by_lag(replicas).map(|up| up.lag.unwrap_or(0));
    let left = left.max().map_or_else(String::new, |lag| {
        let lag = counted(lag.max(0) as u64, "record", "records");
        format!(
            "; what each leaves behind while the group rebalances, up to {lag}, brings pods back"
        )
    });
    Some(format!(
        "The autoscaler flaps: {} of its {} changes are scale-downs that it takes back{}{left}; {}.",
        grouped(replicas.taken_back_count),
        grouped(replicas.change_count),
        period(replicas),
        cost(summary)
    ))
}

/// `, about every 5m 30s`: the median time between two scale-downs that are taken back.
fn period(replicas: &Replicas) -> String {
    let times: Vec<f64> = replicas.taken_back().map(|(down, _)| down.time_s).collect();
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let gap = gaps.get(gaps.len() / 2);
    gap.map_or_else(String::new, |gap| format!(", about every {}", span(*gap)))
}

/// Lag gained while partitions waited for a rebalance or had no living owner.
fn cost(summary: &Summary) -> String {
    let states = ["rebalancing", "orphaned"];
    let causes = summary.attribution.iter();
    let gained: u64 = causes
        .filter(|cause| states.contains(&cause.state))
        .map(|cause| cause.lag_gained)
        .sum();
    let share = states.map(|state| summary.share_of(state)).iter().sum();
    format!(
        "{} wait for an owner in {}, {} of the lag gained",
        counted(gained, "record", "records"),
        counted(summary.rebalance_count, "rebalance", "rebalances"),
        percent(share)
    )
}

/// Scale-ups that the lag brought right after a scale-down.
fn taken_back_by_lag(replicas: &Replicas) -> impl Iterator<Item = &Scaling> {
    replicas
        .taken_back()
        .map(|(_, up)| up)
        .filter(|up| up.from > 0 && up.lag.is_some_and(|lag| lag > 0))
}

/// What would help against flapping.
pub fn remedy(scenario: &Scenario, summary: &Summary) -> Option<String> {
    let (replicas, deployment) = (summary.replicas.as_ref()?, scenario.deployment.as_ref()?);
    let spec = &deployment.scaled_object;
    let per_replica = taken_back_by_lag(replicas)
        .map(|up| up.lag.unwrap_or(0) as f64 / f64::from(up.from))
        .fold(0.0, f64::max);
    let enough = (per_replica / (1.0 + spec.up_tolerance())).ceil() as u64;
    let threshold = spec.trigger.lag_threshold;
    let mut ways = Vec::new();
    if enough > threshold {
        ways.push(format!(
            "a lagThreshold of at least {} ({} now), which the lag left by a scale-down does not exceed",
            grouped(enough),
            grouped(threshold)
        ));
    }
    ways.push(if deployment.graceful {
        match scenario.group_protocol() {
            GroupProtocol::Classic => {
                "shorter rebalances (smaller batches, cooperative rebalancing)"
            }
            GroupProtocol::Consumer => "shorter rebalances (group.consumer.heartbeat.interval.ms)",
        }
        .to_owned()
    } else {
        format!(
            "pods that close their consumer on SIGTERM, so that nobody waits for {}",
            cause::session_timeout(scenario)
        )
    });
    ways.push(
        "a larger minReplicaCount, or a scaleDown policy that takes fewer pods at once".into(),
    );
    Some(format!("Flapping: {}.", ways.join("; or ")))
}

/// What would help where nobody runs because the autoscaler wants nobody.
pub fn from_zero(scenario: &Scenario, summary: &Summary) -> Option<String> {
    let (replicas, deployment) = (summary.replicas.as_ref()?, scenario.deployment.as_ref()?);
    let left = orphaned::at_the_end(summary);
    let since = left.iter().map(|own| own.state_since_s);
    let since = since.fold(f64::INFINITY, f64::min);
    let mut before = replicas.changes.iter();
    let before = before.rfind(|change| change.time_s <= since);
    // Nobody was missed, or those that nobody has at the end were left as the last pod was taken away.
    let nobody = match summary.eviction_count {
        0 => replicas.min == 0,
        _ => !left.is_empty() && before.is_some_and(|change| change.to == 0),
    };
    let polls = deployment.scaled_object.polling_interval.as_secs_f64();
    let starts = deployment.start_up.as_secs_f64();
    nobody.then(|| {
        format!(
            "Orphaned partitions: minReplicaCount = 1 keeps a pod; from zero, lag waits for the next poll \
             (pollingInterval, {} now) and for the start of the pod ({}).",
            span(polls),
            span(starts)
        )
    })
}

/// How many replicas there were.
pub fn sentence(summary: &Summary) -> Option<String> {
    let replicas = summary.replicas.as_ref()?;
    if replicas.change_count == 0 {
        return Some(format!(
            "The autoscaler leaves {} alone.",
            counted(replicas.initial.into(), "replica", "replicas")
        ));
    }
    let mean = short((replicas.mean * 10.0).round() / 10.0);
    Some(format!(
        "The autoscaler runs {} to {} replicas, {mean} on average, in {}.",
        replicas.min,
        replicas.max,
        counted(replicas.change_count, "change", "changes")
    ))
}
