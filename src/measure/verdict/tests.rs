use super::super::fixture::{alert, eviction, incident, outcome, poison, scenario};
use super::*;
use crate::scenario::{Downstream, RateLimit};
use crate::sim::PartitionState;
use crate::workload::Law;

#[test]
fn poison_comes_first_then_evictions_then_the_rest_by_share() {
    let (_, outcome) = incident();
    let verdict = outcome.summary.verdict;
    println!("{verdict:#?}");
    assert_eq!(verdict, Verdict::default());
}
