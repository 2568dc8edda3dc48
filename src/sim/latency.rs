//! How long the coordinator takes to store what it is sent: a time, or a law with a draw for each request of one sender.

use crate::engine::{Address, Purpose};
use crate::scenario::Scenario;
use crate::units::SimDuration;
use crate::workload::RecordCosts;

/// The latencies of one sender's writes, in order.
#[derive(Debug)]
pub(super) struct WriteLatency {
    mean: SimDuration,
    /// The draws of a law, and how many were made.
    drawn: Option<(RecordCosts, u64)>,
}

impl WriteLatency {
    /// Those of the sender called `name`.
    pub fn new(scenario: &Scenario, replication: u32, name: &str) -> Self {
        let cluster = &scenario.cluster;
        let address = Address::new(scenario.seed, replication, Purpose::CommitLatency, name);
        let law = cluster.commit_law.as_ref();
        WriteLatency {
            mean: cluster.commit_latency,
            drawn: law.map(|law| (RecordCosts::new(address, law), 0)),
        }
    }

    /// That of the next one.
    pub fn next(&mut self) -> SimDuration {
        let Some((costs, count)) = &mut self.drawn else {
            return self.mean;
        };
        *count += 1;
        costs.work(*count - 1, *count)
    }
}
