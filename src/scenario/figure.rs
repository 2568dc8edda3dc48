//! The figures that a run is summed up by: one table of their names, for expectations, sweeps and comparisons.
//! Not for their values: those are measured.

use super::metric::{CountMetric, LagMetric, Metric};

/// A figure by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// As model and experiment files write it.
    pub name: &'static str,
    /// What it is.
    pub kind: FigureKind,
    /// What it counts.
    pub unit: Unit,
    /// Whether more of it is better.
    pub better: Better,
}

/// What a figure is; some need to be told of which partition, alert or cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// [`Metric::Lag`], of all partitions or one.
    Lag(LagMetric),
    /// [`Metric::Count`].
    Count(CountMetric),
    /// [`Metric::Drain`].
    Drain,
    /// [`Metric::RetryDrain`].
    RetryDrain,
    /// [`Metric::PauseMax`].
    MaxPause,
    /// [`Metric::DownMax`].
    MaxDown,
    /// [`Metric::AlertFiring`], of one alert.
    AlertFiring,
    /// [`Metric::Cause`], of one cause.
    Cause,
    /// [`Metric::CauseTime`], of one cause.
    CauseTime,
    /// [`Metric::IdleMembers`].
    IdleMembers,
    /// [`Metric::RebalancesPerMinute`].
    RebalancesPerMinute,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Records.
    Records,
    /// Anything else that is counted, or counted per time.
    Count,
    /// Time (s).
    Seconds,
    /// A share from 0 to 1.
    Share,
}

/// In which direction a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less is better: lag, evictions.
    Less,
    /// More is better: what got done.
    More,
}

const fn row(name: &'static str, kind: FigureKind, unit: Unit, better: Better) -> Figure {
    Figure {
        name,
        kind,
        unit,
        better,
    }
}

/// Every figure, by name.
pub const FIGURES: [Figure; 36] = {
    use Better::{Less, More};
    use CountMetric as C;
    use FigureKind as F;
    use LagMetric as L;
    use Unit::{Count, Records, Seconds, Share};
    [
        row("max-lag", F::Lag(L::MaxLag), Records, Less),
        row("mean-lag", F::Lag(L::MeanLag), Records, Less),
        row("final-lag", F::Lag(L::FinalLag), Records, Less),
        row("max-age", F::Lag(L::MaxAge), Seconds, Less),
        row("mean-age", F::Lag(L::MeanAge), Seconds, Less),
        row("final-age", F::Lag(L::FinalAge), Seconds, Less),
        row("lag-growth", F::Lag(L::LagGrowth), Records, Less),
        row("committed", F::Lag(L::Committed), Records, More),
        row("produced", F::Count(C::Produced), Records, More),
        row("processed", F::Count(C::Processed), Records, More),
        row("duplicates", F::Count(C::Duplicates), Records, Less),
        row("lost", F::Count(C::Lost), Records, Less),
        row("skipped", F::Count(C::Skipped), Records, Less),
        row("dead-lettered", F::Count(C::DeadLettered), Records, Less),
        row("retried", F::Count(C::Retried), Records, Less),
        row("retry-lag", F::Count(C::RetryLag), Records, Less),
        row("retry-drain", F::RetryDrain, Seconds, Less),
        row("rebalances", F::Count(C::Rebalances), Count, Less),
        row("evictions", F::Count(C::Evictions), Count, Less),
        row("crashes", F::Count(C::Crashes), Count, Less),
        row(
            "dead-letters-failed",
            F::Count(C::DeadLettersFailed),
            Count,
            Less,
        ),
        row("calls-failed", F::Count(C::CallsFailed), Count, Less),
        row("calls-refused", F::Count(C::CallsRefused), Count, Less),
        row("commits-failed", F::Count(C::CommitsFailed), Count, Less),
        row("polls", F::Count(C::Polls), Count, Less),
        row("max-replicas", F::Count(C::MaxReplicas), Count, Less),
        row("replica-changes", F::Count(C::ReplicaChanges), Count, Less),
        row(
            "scale-downs-taken-back",
            F::Count(C::ScaleDownsTakenBack),
            Count,
            Less,
        ),
        row("drain", F::Drain, Seconds, Less),
        row("max-pause", F::MaxPause, Seconds, Less),
        row("max-down", F::MaxDown, Seconds, Less),
        row("alert-firing", F::AlertFiring, Seconds, Less),
        row("cause", F::Cause, Share, Less),
        row("cause-time", F::CauseTime, Seconds, Less),
        row("idle-members", F::IdleMembers, Count, Less),
        row("rebalances-per-minute", F::RebalancesPerMinute, Count, Less),
    ]
};

impl Metric {
    /// The row of [`FIGURES`] that this is an instance of.
    pub fn figure(&self) -> Figure {
        let kind = match self {
            Metric::Lag(which, _) => FigureKind::Lag(*which),
            Metric::Count(which) => FigureKind::Count(*which),
            Metric::Drain => FigureKind::Drain,
            Metric::RetryDrain => FigureKind::RetryDrain,
            Metric::PauseMax => FigureKind::MaxPause,
            Metric::DownMax => FigureKind::MaxDown,
            Metric::AlertFiring(_) => FigureKind::AlertFiring,
            Metric::Cause(_) => FigureKind::Cause,
            Metric::CauseTime(_) => FigureKind::CauseTime,
            Metric::IdleMembers => FigureKind::IdleMembers,
            Metric::RebalancesPerMinute => FigureKind::RebalancesPerMinute,
        };
        let row = FIGURES.into_iter().find(|figure| figure.kind == kind);
        // Every kind has a row: a test counts them.
        row.unwrap_or(FIGURES[0])
    }

    /// Its name, with what it is told of: `max-lag of partition 2`, `alert-firing of lag-critical`, `cause blocked`.
    pub fn name(&self) -> String {
        let name = self.figure().name;
        match self {
            Metric::Lag(_, Some(partition)) => format!("{name} of partition {}", partition.0),
            Metric::AlertFiring(of) => format!("{name} of {of}"),
            Metric::Cause(cause) | Metric::CauseTime(cause) => format!("{name} {cause}"),
            _ => name.to_owned(),
        }
    }
}
