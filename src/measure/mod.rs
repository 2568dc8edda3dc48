//! From the facts and curves of a run to figures, alerts and words: folds that only watch. Not for files, pictures
//! or terminals: the floors above make those.

mod alert;
mod attribution;
mod breaker;
mod curves;
mod expect;
mod explain;
mod lag;
pub mod listing;
mod poison;
mod rebalance;
mod recorder;
mod replicas;
mod retry;
mod summary;
mod trace;
mod unread;
mod verdict;
pub mod words;

pub use alert::{AlertEpisode, AlertRule};
pub use attribution::{Cause, Segment, Wait};
pub use breaker::Breakers;
pub use curves::{Curves, Point, lag_of};
pub use expect::{Judged, in_words, measure};
pub use explain::{Explanation, explain};
pub use lag::{AgeFigures, LagFigures};
pub use rebalance::{Eviction, Pause, Rebalance, RebalanceEnd};
pub use recorder::{Keep, KeptCurves, MOST_DRAWN, Outcome, Recorder};
pub use replicas::{Replicas, Scaling};
pub use retry::RetryTopicFigures;
pub use summary::{Accounts, CallsGivenUp, OpenPoison, PartitionSummary, SCHEMA_VERSION, Summary};
pub use trace::{Seen, Trace};
pub use verdict::{Stop, Verdict, stops};

#[cfg(test)]
pub mod fixture;
