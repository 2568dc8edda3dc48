//! lagsim predicts Kafka consumer lag before production does: a deterministic simulator of a topic, its producers and
//! a consumer group, down to heartbeats, polls and commits. `README.md` says what the program does for its user.
//!
//! As a library: the text of a model is checked, run and summed up.
//!
//! ```
//! use lagsim::{experiment, measure::Keep, scenario};
//!
//! let source = scenario::Source {
//!     name: "orders.toml".to_owned(),
//!     stem: "orders".to_owned(),
//!     text: r#"
//!         horizon = "10m"
//!         topic = { name = "orders", partitions = 4 }
//!         produce = { rate = "600/s" }
//!         group = { name = "order-processor", members = 4 }
//!         processing = { time = "8ms", commit = "after-batch" }
//!     "#
//!     .to_owned(),
//! };
//! let checked = scenario::check(&source, &[], &|_| Err("no files here".to_owned()))?;
//! let outcome = experiment::run_once(&checked.scenario, 0, Keep::SUMMARY);
//! // Four members do 125 records per second each: 100 of the 600 per second are left over.
//! assert!((55_000..65_000).contains(&outcome.summary.lag.last));
//! # Ok::<(), scenario::Diagnostics>(())
//! ```
//!
//! # Floors
//! A module imports from those above it in this list only, and a test keeps it so.
//!
//! | module | what it is |
//! |---|---|
//! | [`units`] | integer time, quantities with units |
//! | [`engine`] | the agenda of events, draws by address |
//! | [`kafka`] | the protocol as pure state machines, properties and their defaults |
//! | [`workload`] | arrivals, keys, what a record costs, which records are poison |
//! | [`scenario`] | from a model file to a validated model |
//! | [`sim`] | a run: members, coordinator, dependency, faults |
//! | [`measure`] | lag, alerts, attribution, verdict: folds that only watch |
//! | [`experiment`] | replications, sweeps and their intervals |
//! | [`report`] | results as files, pictures and words |
//! | [`cli`] | the program; the only one that reads or writes anything |

pub mod cli;
pub mod engine;
pub mod experiment;
pub mod kafka;
pub mod measure;
pub mod platform;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod units;
pub mod workload;
