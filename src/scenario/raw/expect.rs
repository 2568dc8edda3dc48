//! What must come out: of a model, in the cases of an experiment, of a plan.

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Bound, Count, Number, Paths, Spot, Text};

/// Tables that name a figure and its bounds. Their keys stand here once: serde can flatten tables or refuse unknown keys,
/// not both.
macro_rules! figure_tables {
    ($(
        $(#[$about:meta])*
        $name:ident, $written:literal { $($(#[$note:meta])* $key:ident: $kind:ty,)* }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = $written)]
        pub struct $name {
            /// What is judged: `max-lag`, `drain`, `rebalances`, `alert-firing`, ...
            pub metric: Option<Text>,
            /// Of this partition alone, for lag and age.
            pub partition: Option<Count>,
            /// Of this alert, for `alert-firing`.
            pub alert: Option<Text>,
            /// Of this cause, for `cause` and `cause-time`: a partition's state such as `blocked` or `throttled`.
            pub cause: Option<Text>,
            /// The figure must be less.
            pub below: Option<Bound>,
            /// The figure must be more.
            pub above: Option<Bound>,
            $($(#[$note])* pub $key: Option<$kind>,)*
        }

        impl FigureTable for $name {
            fn figure(&self) -> Expect {
                Expect {
                    metric: self.metric.clone(),
                    partition: self.partition.clone(),
                    alert: self.alert.clone(),
                    cause: self.cause.clone(),
                    below: self.below.clone(),
                    above: self.above.clone(),
                }
            }
        }
    )*};
}

/// A table that names a figure and its bounds, whatever else it says.
pub trait FigureTable {
    /// The figure and its bounds alone.
    fn figure(&self) -> Expect;
}

figure_tables! {
    /// What must come out.
    Expect, "a table, [[expect]]" {}

    /// What must come out in some of the cases: in each of them the mean over the replications, or, against another case,
    /// how much it differs from that, replication by replication.
    Answer, "a table, [[expect]]" {
        /// In which cases: values of axes by their keys. Without it in all.
        #[serde(rename = "where")]
        cases: Paths,
        /// Against which other case: the values of axes by which that one differs. The bounds are then relative to it:
        /// below = "0.5 times", "20s less", "3 more". What the replications do not decide is not met.
        against: Spot<Paths>,
    }

    /// What must hold in a share of the replications.
    Hold, "a table, [[plan.hold]]" {
        /// In this share of the replications, from 0 to 1; default 1: in all of them.
        share: Number,
    }
}

impl Expect {
    /// The figure called `metric`, without bounds.
    pub fn of(metric: Text) -> Self {
        Expect {
            metric: Some(metric),
            ..Expect::default()
        }
    }
}
