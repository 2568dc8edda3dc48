//! What tools and monitors show of a group, as text: tables, scrapes, queries. Reads them into series of figures; not
//! for making a model of those.

mod describe;
mod exposition;
mod metric;
mod observed;
mod query;
mod table;

pub use observed::{Ambiguous, History, Observed, Start};

use std::ops::Range;

use crate::scenario::{Cell, Diagnostic, Diagnostics, Subject, lines_of};

/// Mistakes told of one text at most: the rest are most likely of the same kind.
const MOST_MISTAKES: usize = 20;
/// Highest partition number that is taken: a topic has no more partitions than this.
const MOST_PARTITIONS: f64 = 100_000.0;
/// Largest offset that is taken: above it a text of decimals, as monitors write them, no longer tells neighbours apart.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// What a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Log-end offset of a partition.
    LogEnd,
    /// Offset that a group has committed of a partition.
    Committed,
    /// Log-end offset minus committed offset.
    Lag,
    /// Members of a group, at least.
    Members,
    /// Partitions of a topic.
    Partitions,
    /// Brokers of the cluster.
    Brokers,
    /// Records produced per second, all partitions together.
    Rate,
}

/// Figures of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What they are of.
    pub quantity: Quantity,
    /// Of which topic; none if the text names none.
    pub topic: Option<String>,
    /// Of which group; none if the text names none, or the quantity has none.
    pub group: Option<String>,
    /// Of which partition; none if the quantity is not of one.
    pub partition: Option<u32>,
    /// When (s, from an origin of the source) and how many; a time is missing in what shows one instant, a figure where
    /// there was none (a group that has not committed).
    pub points: Vec<(Option<f64>, Option<f64>)>,
}

/// Reads a text of one of these kinds, told apart by what stands in it:
/// the table of `kafka-consumer-groups --describe` (Kafka 2 to 4), the metadata of `kcat -L -J`, a scrape of kafka_exporter,
/// kafka-lag-exporter, kminion or Burrow in Prometheus' text format, the answer of Prometheus to a query of one of their
/// metrics, or a CSV file with a header.
///
/// # Errors
/// Everything in it that cannot be read, with its place and a remedy.
pub fn read(name: &str, text: &str) -> Result<Vec<Series>, Diagnostics> {
    let mut page = Page {
        text,
        series: Vec::new(),
        found: Vec::new(),
    };
    let first = text.trim_start_matches('\u{feff}').trim_start();
    let header = lines_of(text).first().map_or("", |(_, line)| *line);
    if first.starts_with('{') {
        query::read(&mut page);
    } else if describe::is_one(text) {
        describe::read(&mut page);
    } else if exposition::is_one(header) {
        exposition::read(&mut page);
    } else if header.contains([',', ';']) {
        table::read(&mut page);
    } else {
        let place = first.lines().next().map_or(0..0, |line| {
            let start = text.len() - first.len();
            start..start + line.len()
        });
        page.error(place, "this is no listing that lagsim knows", KINDS);
    }
    if page.series.is_empty() && page.found.is_empty() {
        page.error(0..0, "there is no offset, lag or rate in it", KINDS);
    }
    if page.found.is_empty() {
        Ok(page.series)
    } else {
        Err(Diagnostics::of_text(
            Subject::Listing,
            name,
            text,
            page.found,
        ))
    }
}

const KINDS: &str = "give what `kafka-consumer-groups --describe --group G` or `kcat -L -J` prints, a scrape of kafka_exporter, \
     kafka-lag-exporter, kminion or Burrow, Prometheus' answer to a query of their metrics (JSON), or a CSV file";

/// A text while it is read.
struct Page<'a> {
    text: &'a str,
    series: Vec<Series>,
    found: Vec<Diagnostic>,
}

impl Page<'_> {
    fn error(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(Diagnostic::error(span, message, help));
    }

    /// Whether so much is wrong already that the rest is not worth reading; says so.
    fn is_hopeless(&mut self, place: &Range<usize>) -> bool {
        let hopeless = self.found.len() >= MOST_MISTAKES;
        if hopeless {
            let message = "what follows was not read";
            self.error(place.clone(), message, "correct what stands above it first");
        }
        hopeless
    }

    /// A partition number.
    fn partition(&mut self, (place, text): Cell) -> Option<u32> {
        let number = text.parse::<u32>().ok();
        let number = number.filter(|number| f64::from(*number) < MOST_PARTITIONS);
        if number.is_none() {
            let message = format!("`{text}` is not a partition number");
            self.error(
                place,
                message,
                "write the partition's number, from 0 to 99999",
            );
        }
        number
    }
}

/// A figure as monitors write it: decimal, with exponent, or NaN.
fn figure(text: &str) -> Option<f64> {
    let value = text.parse::<f64>().ok()?;
    (value.is_nan() || value.abs() <= LARGEST).then_some(value)
}

#[cfg(test)]
mod tests;
