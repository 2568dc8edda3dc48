//! A run: the world's state and the events that change it.

mod assignment;
mod backlog;
mod batch;
mod caller;
mod commit;
mod consumer;
mod coverage;
mod departure;
mod dependency;
mod event;
mod fact;
mod giving_up;
mod group;
mod identity;
mod latency;
mod leap;
mod limits;
mod link;
mod loss;
mod member;
mod membership;
mod observer;
mod outage;
mod process;
mod rollout;
mod sampling;
mod scaling;
mod session;
mod supervisor;
mod topic;
mod workers;
mod world;

pub use backlog::BACKLOG_POLLS;
pub use fact::{Fact, Fate, PartitionState, StopReason};
pub use observer::{
    Cause, Causes, GroupView, MemberView, Observer, PartitionTotals, Sample, Totals,
};

use self::sampling::Look;
use crate::engine::Ties;
use crate::scenario::{PassedOn, Scenario};
use crate::units::SimTime;
use crate::workload::Stock;

/// Runs `scenario` once; `replication` addresses its draws. Returns what it produced to its first retry topic (that of a
/// retry topic: to the next), by partition.
pub fn run(
    scenario: &Scenario,
    replication: u32,
    observer: &mut dyn Observer,
) -> Vec<Vec<PassedOn>> {
    run_with_ties(scenario, replication, Ties::FirstScheduled, observer)
}

/// As [`run`], with events of one instant in an order of choice: no headline figure may depend on it.
pub fn run_with_ties(
    scenario: &Scenario,
    replication: u32,
    ties: Ties,
    observer: &mut dyn Observer,
) -> Vec<Vec<PassedOn>> {
    let world = world::World::new(scenario, replication, ties);
    world.run(&mut grid(scenario), observer).into_passed_on()
}

/// As [`run`], among others of the same draws: what costs of records one has worked out is in `stock` for the next.
pub fn run_among(
    stock: &Stock,
    scenario: &Scenario,
    replication: u32,
    observer: &mut dyn Observer,
) -> Vec<Vec<PassedOn>> {
    let mut world = world::World::new(scenario, replication, Ties::FirstScheduled);
    world.topic.draw_on(stock, scenario, replication);
    let mut topic = world.run(&mut grid(scenario), observer);
    topic.give_back(stock, scenario, replication);
    topic.into_passed_on()
}

/// When the run is looked at: at the points of the model's curves, the last of which is its horizon, and at the scrapes between
/// them if it has alerts.
fn grid(scenario: &Scenario) -> impl Iterator<Item = Look> {
    let horizon = SimTime::ZERO + scenario.horizon;
    let mut point = SimTime::ZERO;
    let mut scrape = match scenario.alerts.is_empty() {
        true => SimTime::NEVER,
        false => SimTime::ZERO,
    };
    std::iter::from_fn(move || {
        let look = match scrape < point {
            true => Look::Scrape(scrape),
            false => Look::Sample(point),
        };
        if scrape <= point && scrape < SimTime::NEVER {
            scrape += scenario.monitoring.scrape_interval;
        }
        if look == Look::Sample(point) {
            point = match point < horizon {
                true => horizon.min(point + scenario.sample),
                false => SimTime::NEVER,
            };
        }
        Some(look)
    })
}

/// As [`run`], with the curves at these instants, which increase, instead of the model's own.
pub fn run_at(
    scenario: &Scenario,
    replication: u32,
    instants: &[SimTime],
    observer: &mut dyn Observer,
) {
    let world = world::World::new(scenario, replication, Ties::FirstScheduled);
    let mut points = instants.iter().map(|at| Look::Sample(*at));
    world.run(&mut points, observer);
}
