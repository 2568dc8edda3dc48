//! The table of `kafka-consumer-groups.sh --describe` (`ConsumerGroupCommand#printOffsets`): of Kafka 2 to 4, of one group or
//! of several.

use std::collections::{BTreeMap, BTreeSet};

use super::{Page, Quantity, Series, figure};
use crate::scenario::{Cell, lines_of};

/// Stands for a value that is not there.
const MISSING: &str = "-";

/// Whether a text is such a table, or what the tool says instead of one.
pub(super) fn is_one(text: &str) -> bool {
    let begins = |line: &str| {
        [
            "Consumer group '",
            "Error: Consumer group",
            "Warning: Consumer group",
        ]
        .iter()
        .any(|start| line.trim_start().starts_with(start))
    };
    text.lines().any(|line| is_header(line) || begins(line))
}

fn is_header(line: &str) -> bool {
    line.contains("CURRENT-OFFSET") && line.contains("LOG-END-OFFSET")
}

/// Which word of a line is what; a table from before Kafka 2.4 has no GROUP.
struct Columns {
    words: usize,
    group: Option<usize>,
    topic: usize,
    partition: usize,
    committed: usize,
    log_end: usize,
    lag: Option<usize>,
    consumer: Option<usize>,
}

#[derive(Default)]
struct Table {
    /// By group, the consumers that own something.
    consumers: BTreeMap<Option<String>, BTreeSet<String>>,
    /// Group, topic and partition of each row.
    rows: BTreeSet<(Option<String>, String, u32)>,
}

pub(super) fn read(page: &mut Page) {
    let mut columns = None;
    let mut table = Table::default();
    for (place, line) in lines_of(page.text) {
        if page.is_hopeless(&place) {
            return;
        }
        let said = line.trim_start();
        if is_header(line) {
            columns = columns_of(page, (place, line));
        } else if said.starts_with("Error:") {
            let message = said.trim_start_matches("Error:").trim().to_owned();
            page.error(
                place,
                message,
                "describe a group that exists: kafka-consumer-groups --list",
            );
        } else if said.starts_with("Consumer group '") || said.starts_with("Warning:") {
            // Without members, or in a rebalance: the offsets are there all the same.
        } else if let Some(columns) = &columns {
            row(page, (place, line), columns, &mut table);
        } else {
            let help = "give the tool's whole answer, from its header GROUP TOPIC PARTITION ... on";
            page.error(place, "a line before the header of the table", help);
        }
    }
    for (group, consumers) in table.consumers {
        page.series.push(Series {
            quantity: Quantity::Members,
            topic: None,
            group,
            partition: None,
            points: vec![(None, Some(consumers.len() as f64))],
        });
    }
}

fn columns_of(page: &mut Page, (place, line): Cell) -> Option<Columns> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let find = |name: &str| words.iter().position(|word| *word == name);
    let (topic, partition) = (find("TOPIC"), find("PARTITION"));
    let (committed, log_end) = (find("CURRENT-OFFSET"), find("LOG-END-OFFSET"));
    let columns = (|| {
        Some(Columns {
            words: words.len(),
            group: find("GROUP"),
            topic: topic?,
            partition: partition?,
            committed: committed?,
            log_end: log_end?,
            lag: find("LAG"),
            consumer: find("CONSUMER-ID"),
        })
    })();
    if columns.is_none() {
        let message = "the header has no column TOPIC, PARTITION, CURRENT-OFFSET or LOG-END-OFFSET";
        page.error(
            place,
            message,
            "give the offsets view: --describe without --members or --state",
        );
    }
    columns
}

fn row(page: &mut Page, (place, line): Cell, columns: &Columns, table: &mut Table) {
    let words = words_of(place.start, line);
    if words.len() != columns.words {
        let message = format!(
            "{} words in a table of {} columns",
            words.len(),
            columns.words
        );
        page.error(
            place,
            message,
            "give the table as the tool prints it, one line per partition",
        );
        return;
    }
    let word = |ix: usize| words[ix].clone();
    let optional = |ix: Option<usize>| {
        ix.map(|ix| words[ix].1)
            .filter(|text| *text != MISSING)
            .map(str::to_owned)
    };
    let partition = page.partition(word(columns.partition));
    let committed = offset(page, word(columns.committed), 0.0);
    let log_end = offset(page, word(columns.log_end), 0.0);
    // Not clamped: the offsets come from two requests, and a commit in between makes it negative.
    let lag = columns.lag.map(|ix| offset(page, word(ix), -f64::INFINITY));
    let (Some(partition), Some(committed), Some(log_end)) = (partition, committed, log_end) else {
        return;
    };
    if lag == Some(None) {
        return;
    }
    let (group, topic) = (optional(columns.group), word(columns.topic).1.to_owned());
    if !table.rows.insert((group.clone(), topic.clone(), partition)) {
        let message = format!("partition {partition} stands twice");
        page.error(place, message, "keep the table of one moment only");
        return;
    }
    if let Some(consumer) = optional(columns.consumer) {
        table
            .consumers
            .entry(group.clone())
            .or_default()
            .insert(consumer);
    }
    for (quantity, group, value) in [
        (Quantity::Committed, group, committed),
        (Quantity::LogEnd, None, log_end),
    ] {
        page.series.push(Series {
            quantity,
            topic: Some(topic.clone()),
            group,
            partition: Some(partition),
            points: vec![(None, value)],
        });
    }
}

/// An offset or `-`; none if it is neither.
fn offset(page: &mut Page, (place, text): Cell, least: f64) -> Option<Option<f64>> {
    if text == MISSING {
        return Some(None);
    }
    let value = figure(text).filter(|value| value.fract() == 0.0 && *value >= least);
    if value.is_none() {
        let message = format!("`{text}` is neither an offset nor -");
        page.error(place, message, "give the table as the tool prints it");
    }
    value.map(Some)
}

/// The words of a line that begins at `start`.
fn words_of(start: usize, line: &str) -> Vec<Cell<'_>> {
    let words = line.split_whitespace();
    words
        .map(|word| {
            let at = start + (word.as_ptr() as usize - line.as_ptr() as usize);
            (at..at + word.len(), word)
        })
        .collect()
}
