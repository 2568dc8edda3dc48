//! The upper panel: lag of all partitions together, over replications if there are several.

use super::curve;
use super::frame::Panel;
use super::scene::{Scene, Shape, palette};
use crate::experiment::{Spread, spread};
use crate::measure::Outcome;
use crate::measure::words::{grouped, span};

/// Total lag of each outcome at each instant they share.
pub struct Totals {
    /// By instant: the 5 %, 50 % and 95 % quantiles over the outcomes; all the same for one outcome.
    quantiles: Spread,
    /// How many outcomes.
    outcomes: usize,
}

impl Totals {
    /// Of outcomes whose curves were kept.
    pub fn of(outcomes: &[&Outcome]) -> Totals {
        let kept: Vec<&Outcome> = (outcomes.iter().copied())
            .filter(|own| !own.curves.is_empty())
            .collect();
        let instants = kept
            .iter()
            .map(|o| o.curves.times().len())
            .min()
            .unwrap_or(0);
        let quantiles = spread(kept.len(), instants, |curve, instant| {
            kept[curve].curves.total_lag(instant) as f64
        });
        Totals {
            quantiles,
            outcomes: kept.len(),
        }
    }

    /// The highest point of the panel (records).
    pub fn max(&self) -> u64 {
        self.quantiles
            .iter()
            .map(|[_, _, high]| *high)
            .fold(0.0, f64::max)
            .ceil() as u64
    }

    /// The title of the panel.
    pub fn title(&self, outcome: &Outcome) -> String {
        let lag = &outcome.summary.lag;
        if self.outcomes > 1 {
            return format!(
                "Total lag (records): median and 5 to 95 % of {} replications",
                self.outcomes
            );
        }
        format!(
            "Total lag (records): {} at the start, at most {} at {}, {} at the end",
            grouped(lag.initial),
            grouped(lag.max),
            span(lag.max_at_s),
            grouped(lag.last)
        )
    }

    /// Draws the curve, filled down to zero, or the median in its band.
    pub fn draw(&self, scene: &mut Scene, panel: &Panel, outcome: &Outcome) {
        let times = &outcome.curves.times()[..self.quantiles.len()];
        let line =
            |which: usize| curve::line(panel, times, |instant| self.quantiles[instant][which]);
        let median = line(1);
        if self.outcomes > 1 {
            scene.shapes.push(Shape::Area {
                points: curve::between(&line(2), &line(0)),
                ink: palette::BLUE.faint(0.25),
            });
        } else if let (Some(first), Some(last)) = (median.first(), median.last()) {
            let floor = [(first.0, panel.y.1), (last.0, panel.y.1)];
            scene.shapes.push(Shape::Area {
                points: curve::between(&median, &floor),
                ink: palette::BLUE.faint(0.18),
            });
        }
        scene.line(median, palette::BLUE, 2.5, None);
    }
}
