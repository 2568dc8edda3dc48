//! Slow and obvious simulators that must agree with the engine: sample by sample where it is exact, within a stated
//! distance where it takes a shortcut (the shared dependency). They share the engine's addressed draws and nothing else.

mod behind_a_breaker;
mod breaker;
mod broker;
mod commits;
mod exact;
mod limiter;
mod member;
mod several;
mod world;

use lagsim::scenario::Scenario;
use lagsim::sim::Fact;
use lagsim::units::SimTime;

use crate::systems::{self, Told};
use world::{Curves, Ownership, World};

/// Who owned what from when until when, as the engine tells it.
fn ownership(told: &Told) -> Vec<(SimTime, Ownership)> {
    let mut assigned = std::collections::BTreeMap::new();
    let mut changes = Vec::new();
    for (at, fact) in &told.facts {
        match fact {
            Fact::PartitionsAssigned {
                process,
                partitions,
                ..
            } => {
                assigned.insert(*process, partitions.clone());
            }
            Fact::MemberResumed { process, .. } => {
                let partitions = assigned.get(process).cloned().unwrap_or_default();
                changes.push((*at, Ownership::Gets(*process, partitions)));
            }
            Fact::PartitionsRevoked {
                process,
                partitions,
                ..
            } => {
                changes.push((*at, Ownership::Loses(*process, partitions.clone())));
            }
            Fact::CommitFailed { process, error, .. } => {
                changes.push((*at, Ownership::MayNotCommit(*process, *error)));
            }
            _ => {}
        }
    }
    changes
}

/// The curves of the engine and of the twin.
fn both(scenario: &Scenario) -> (Told, Vec<(SimTime, Vec<Curves>)>) {
    let told = systems::run(scenario);
    let mut twin = World::new(scenario, ownership(&told));
    let curves = twin.run();
    (told, curves)
}
