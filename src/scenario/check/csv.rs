//! CSV files that a model names: columns by their header, a unit in the header or in each cell.

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
        let mut lines = lines_of(text, base).into_iter();
        let Some((header_place, header)) = lines.next() else {
            let help = format!("begin it with a header: {}", columns[0].headers());
            return self.error(&file.0.span, "the file is empty", help);
        };
        let names = cells_of(header);
        let mut found = Vec::with_capacity(columns.len());
        for column in columns {
            found.push(self.column(&header_place, &names, column)?);
        }
        let mut rows = Vec::new();
        for (place, line) in lines {
            if rows.len() == MOST_ROWS {
                let message = format!("the file has more than {MOST_ROWS} rows");
                return self.error(&file.0.span, message, "average it over longer intervals");
            }
            rows.push(self.row(place, line, columns, &found)?);
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
        line: &str,
        columns: &[Column],
        found: &[Found],
    ) -> Option<Row> {
        let cells = cells_of(line);
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

/// Lines that are neither empty nor comments, with their places.
fn lines_of(text: &str, base: usize) -> Vec<(Place, &str)> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        if !bare.trim().is_empty() && !bare.starts_with('#') {
            lines.push((base + start..base + start + bare.len(), bare));
        }
        start += line.len();
    }
    lines
}

fn cells_of(line: &str) -> Vec<&str> {
    let line = line.trim_start_matches('\u{feff}');
    line.split([',', ';'])
        .map(|cell| cell.trim().trim_matches('"').trim())
        .collect()
}
