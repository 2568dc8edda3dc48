//! lagsim predicts Kafka consumer lag before production does.

pub mod engine;
pub mod kafka;
pub mod scenario;
pub mod sim;
pub mod units;
pub mod workload;
