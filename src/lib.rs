//! lagsim predicts Kafka consumer lag before production does.

pub mod engine;
pub mod experiment;
pub mod kafka;
pub mod measure;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod units;
pub mod workload;
