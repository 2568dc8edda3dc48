//! CSV files that a model names: columns by their header, a unit in the header or in each cell.

use super::super::cells::{cells_of, lines_of};
use super::super::raw::Text;
use super::judge::{Judge, Place};
use crate::units::{parse_duration, parse_rate};

/// Longest recording that is taken [rows].
const MOST_ROWS: usize = 1_000_000;

/// A column that a file must have.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// Header of plain numbers, and what a 1 there is in our unit.
    plain: &'static [(&'static str, f64)],
    /// Header of quantities with units.
    with_unit: &'static str,
    parse: fn(&str) -> Option<f64>,
}

impl Column {
    /// A time [s].
    pub(super) const TIME: Column = Column {
        plain: &[("time_s", 1.0), ("time_ms", 1e-3), ("time_us", 1e-6)],
        with_unit: "time",
        parse: |cell| parse_duration(cell).ok().map(|time| time.as_secs_f64()),
    };
    /// A rate [1/s].
    pub(super) const RATE: Column = Column {
        plain: &[("rate_per_s", 1.0), ("rate_per_min", 1.0 / 60.0)],
        with_unit: "rate",
        parse: |cell| parse_rate(cell).ok(),
    };

    fn headers(&self) -> String {
        let plain: Vec<&str> = self.plain.iter().map(|(name, _)| *name).collect();
        format!("{} or {} (with units)", plain.join(", "), self.with_unit)
    }
}

/// A row of a file.
pub(super) struct Row {
    /// Where it stands.
    pub(super) place: Place,
    /// Its values, in the order the columns were asked for.
    pub(super) values: Vec<f64>,
}

/// The rows of a file.
pub(super) type Cells = Vec<Row>;

/// A column found in a file: its index, and what a plain 1 in it is.
struct Found {
    index: usize,
    scale: Option<f64>,
}

impl Judge<'_> {
    /// The rows of the file `text`, which begins at `base`.
    pub(super) fn csv(
        &mut self,
        file: &Text,
        base: usize,
        text: &str,
        columns: &[Column],
    ) -> Option<Cells> {
        let mut lines = lines_of(text).into_iter();
        let Some(header) = lines.next() else {
            let help = format!("begin it with a header: {}", columns[0].headers());
            return self.error(&file.0.span, "the file is empty", help);
        };
        let moved = |place: &Place| base + place.start..base + place.end;
        let header_place = moved(&header.0);
        let names: Vec<&str> = cells_of(header).map(|(_, name)| name).collect();
        let mut found = Vec::with_capacity(columns.len());
        for column in columns {
            found.push(self.column(&header_place, &names, column)?);
        }
        let mut rows = Vec::new();
        for line in lines {
            if rows.len() == MOST_ROWS {
                let message = format!("the file has more than {MOST_ROWS} rows");
                return self.error(&file.0.span, message, "average it over longer intervals");
            }
            let cells: Vec<&str> = cells_of(line.clone()).map(|(_, cell)| cell).collect();
            rows.push(self.row(moved(&line.0), &cells, columns, &found)?);
        }
        Some(rows)
    }

    fn column(&mut self, at: &Place, names: &[&str], column: &Column) -> Option<Found> {
        for (index, name) in names.iter().enumerate() {
            if *name == column.with_unit {
                return Some(Found { index, scale: None });
            }
            if let Some((_, scale)) = column.plain.iter().find(|(plain, _)| plain == name) {
                let scale = Some(*scale);
                return Some(Found { index, scale });
            }
        }
        let message = format!("the header has no column `{}`", column.with_unit);
        self.error(at, message, format!("name the column {}", column.headers()))
    }

    fn row(
        &mut self,
        place: Place,
        cells: &[&str],
        columns: &[Column],
        found: &[Found],
    ) -> Option<Row> {
        let mut values = Vec::with_capacity(columns.len());
        for (column, found) in columns.iter().zip(found) {
            let cell = cells.get(found.index).copied().unwrap_or("");
            let value = match found.scale {
                Some(scale) => cell.parse::<f64>().ok().map(|number| number * scale),
                None => (column.parse)(cell),
            };
            match value.filter(|value| (0.0..=1e12).contains(value)) {
                Some(value) => values.push(value),
                None => {
                    let message = format!("`{cell}` is no {} here", column.with_unit);
                    let help = match found.scale {
                        Some(_) => "write a plain number that is not negative",
                        None => "write a quantity with its unit, or name the unit in the header",
                    };
                    return self.error(&place, message, help);
                }
            }
        }
        Some(Row { place, values })
    }
}
