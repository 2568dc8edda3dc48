//! The cheapest case that holds, as files, a picture and words. Not for looking for it.

mod table;
pub mod terminal;

use super::{RenderError, plot};
use crate::experiment::{CaseJudged, Planned};
use crate::measure::in_words;
use crate::scenario::{Experiment, Hold, Planning};

/// What the report of a search is made of.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// What was asked.
    pub experiment: &'a Experiment,
    /// What had to hold, and what cases cost.
    pub planning: &'a Planning,
    /// What was found.
    pub planned: &'a Planned,
}

/// Turns a search into a file's bytes. Pure; the caller writes.
pub type Render = fn(&Search) -> Result<Vec<u8>, RenderError>;

/// Every file of a search, by name.
pub const FILES: [(&str, Render); 3] = [
    ("plan.csv", table::csv),
    ("plan.json", table::json),
    ("plan.png", plot::frontier),
];

/// The names of [`FILES`].
pub const NAMES: &[&str] = &[FILES[0].0, FILES[1].0, FILES[2].0];

/// The files of a search, by name; without `plan.png` if no `plot` is wanted.
///
/// # Errors
/// A file could not be made.
pub fn files(search: Search, plot: bool) -> Result<Vec<(&'static str, Vec<u8>)>, RenderError> {
    FILES
        .iter()
        .filter(|(name, _)| plot || !name.ends_with(".png"))
        .map(|(name, render)| Ok((*name, render(&search)?)))
        .collect()
}

impl Search<'_> {
    /// What a case costs.
    pub fn cost(&self, case: usize) -> f64 {
        self.planned.grid.costs[case]
    }

    /// The requirement that a case misses most often, and its number; none if it misses none.
    pub fn missed<'s>(&'s self, own: &CaseJudged) -> Option<(usize, &'s Hold)> {
        let missed = |ix: &usize| own.held[*ix].figures.len() as u32 - own.held[*ix].passed;
        let worst = (0..own.held.len()).filter(|ix| missed(ix) > 0);
        let worst = worst.max_by_key(|ix| (missed(ix), std::cmp::Reverse(*ix)))?;
        Some((worst, &self.planning.holds[worst]))
    }

    /// `max-age below 60s missed in 4 of 4 runs, 95 % of them have 2m 3s; throttled makes 87 % of its lag`.
    pub fn why(&self, own: &CaseJudged) -> String {
        let Some((ix, hold)) = self.missed(own) else {
            return String::new();
        };
        let held = &own.held[ix];
        let runs = held.figures.len();
        let metric = &hold.expectation.metric;
        let figure = in_words(metric, held.decisive(hold));
        let mut text = format!(
            "{} is missed in {} of {runs} runs ({figure})",
            hold.expectation.text,
            runs as u32 - held.passed
        );
        let all: f64 = own.causes.iter().map(|(_, gained)| gained).sum();
        if let Some((state, gained)) = own.causes.first().filter(|_| all > 0.0) {
            let share = crate::measure::words::percent(gained / all);
            text.push_str(&format!("; `{}` makes {share} of its lag", state.name()));
        }
        text
    }
}

/// A number without needless decimals.
pub(super) fn plain(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
