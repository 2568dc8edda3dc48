//! A CSV file with a header: offsets of partitions, with or without a time, or a rate over time.

use std::collections::BTreeMap;

use super::{Page, Quantity, Series, figure};
use crate::scenario::{Cell, cells_of, lines_of};

/// Columns and the headers that are understood, in lower case with `_` between words.
const COLUMNS: [(Column, &[&str]); 7] = [
    (Column::Time, &["t_s", "time_s", "timestamp", "time"]),
    (Column::Partition, &["partition", "partition_id"]),
    (
        Column::LogEnd,
        &["log_end_offset", "end_offset", "high_water_mark"],
    ),
    (
        Column::Committed,
        &["committed_offset", "current_offset", "group_offset"],
    ),
    (Column::Topic, &["topic", "topic_name"]),
    (
        Column::Group,
        &["group", "group_id", "consumergroup", "consumer_group"],
    ),
    (Column::Rate, &["rate_per_s"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Time,
    Partition,
    LogEnd,
    Committed,
    Topic,
    Group,
    Rate,
}

/// Of what a column's figures of a row are.
type Key = (Quantity, Option<String>, Option<String>, Option<u32>);
type Points = Vec<(Option<f64>, Option<f64>)>;

pub(super) fn read(page: &mut Page) {
    let mut lines = lines_of(page.text).into_iter();
    let Some((place, header)) = lines.next() else {
        return;
    };
    let columns = columns_of(cells_of((place.clone(), header)));
    let has = |column| columns.contains_key(&column);
    let offsets = has(Column::Partition) && (has(Column::LogEnd) || has(Column::Committed));
    if !(offsets || has(Column::Time) && has(Column::Rate)) {
        let message = "the header names neither offsets of partitions nor a rate over time";
        let help = "name the columns partition, log_end_offset and committed_offset, with time_s for a history; or time_s and rate_per_s";
        return page.error(place, message, help);
    }
    let mut found: BTreeMap<Key, Points> = BTreeMap::new();
    for (place, line) in lines {
        if page.is_hopeless(&place) {
            return;
        }
        let row = Row {
            end: place.end,
            cells: cells_of((place, line)).collect(),
            columns: &columns,
        };
        take(page, &row, &mut found);
    }
    let series = found
        .into_iter()
        .map(|((quantity, topic, group, partition), points)| Series {
            quantity,
            topic,
            group,
            partition,
            points,
        });
    page.series.extend(series);
}

/// A row and its columns.
struct Row<'a> {
    cells: Vec<Cell<'a>>,
    /// Where it ends: missing cells stand there.
    end: usize,
    columns: &'a BTreeMap<Column, usize>,
}

impl<'a> Row<'a> {
    fn cell(&self, column: Column) -> Option<Cell<'a>> {
        let ix = self.columns.get(&column)?;
        let missing = (self.end..self.end, "");
        Some(self.cells.get(*ix).cloned().unwrap_or(missing))
    }

    fn name(&self, column: Column) -> Option<String> {
        let (_, text) = self.cell(column)?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Its time, if there is such a column; none if it is not one.
    fn time(&self, page: &mut Page) -> Option<Option<f64>> {
        let Some((place, text)) = self.cell(Column::Time) else {
            return Some(None);
        };
        let at = figure(text).filter(|at| at.is_finite());
        if at.is_none() {
            let message = format!("`{text}` is not a time in seconds");
            page.error(
                place,
                message,
                "write seconds, since the start or since 1970",
            );
        }
        at.map(Some)
    }

    /// Its partition, if there is such a column; none if it is not one.
    fn partition(&self, page: &mut Page) -> Option<Option<u32>> {
        match self.cell(Column::Partition) {
            None => Some(None),
            Some(cell) => page.partition(cell).map(Some),
        }
    }

    /// The figure in a column, if there is one; none if it is not a figure.
    fn figure(&self, page: &mut Page, column: Column) -> Option<Option<f64>> {
        let (place, text) = self.cell(column)?;
        if column == Column::Committed && ["", "-", "-1"].contains(&text) {
            return Some(None);
        }
        let value = figure(text).filter(|value| *value >= 0.0);
        if value.is_none() {
            let what = if column == Column::Rate {
                "a rate"
            } else {
                "an offset"
            };
            let message = format!("`{text}` is not {what}");
            page.error(
                place,
                message,
                format!("write {what} here, or leave the row out"),
            );
        }
        value.map(Some)
    }
}

fn take(page: &mut Page, row: &Row, found: &mut BTreeMap<Key, Points>) {
    let (Some(at), Some(partition)) = (row.time(page), row.partition(page)) else {
        return;
    };
    for (column, quantity) in [
        (Column::LogEnd, Quantity::LogEnd),
        (Column::Committed, Quantity::Committed),
        (Column::Rate, Quantity::Rate),
    ] {
        let Some(value) = row.figure(page, column) else {
            continue;
        };
        let group = row
            .name(Column::Group)
            .filter(|_| quantity == Quantity::Committed);
        let partition = partition.filter(|_| quantity != Quantity::Rate);
        let key = (quantity, row.name(Column::Topic), group, partition);
        let points = found.entry(key).or_default();
        if at.is_none() && !points.is_empty() {
            let place = row.cell(column).map_or(0..0, |(place, _)| place);
            let message = "this partition stands twice, without a time";
            let help = "keep one row per partition, or add a column time_s";
            return page.error(place, message, help);
        }
        points.push((at, value));
    }
}

fn columns_of<'a>(header: impl Iterator<Item = Cell<'a>>) -> BTreeMap<Column, usize> {
    let plain: Vec<String> = header
        .map(|(_, name)| name.to_lowercase().replace([' ', '-'], "_"))
        .collect();
    let find = |names: &[&str]| plain.iter().position(|name| names.contains(&name.as_str()));
    let found = COLUMNS.iter();
    found
        .filter_map(|(column, names)| Some((*column, find(names)?)))
        .collect()
}
