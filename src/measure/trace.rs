//! A recorded lag curve: what a monitor saw of a group. Not for comparing it with anything.

mod production;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::scenario::{Cell, Diagnostic, Diagnostics, Subject, cells_of, lines_of};
use crate::units::{SimDuration, SimTime};

/// Longest recording that is taken [rows].
const MOST_ROWS: usize = 2_000_000;
/// Highest partition number that is taken: a topic has no more partitions than this.
const MOST_PARTITIONS: u64 = 100_000;
/// Mistakes told at most: the rest are most likely of the same kind.
const MOST_MISTAKES: usize = 20;
/// Log-end and committed offset come from two requests: a commit in between makes a lag this far below zero.
const RACE: i64 = 5;

/// A partition as a monitor saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Log-end offset.
    pub log_end: u64,
    /// Committed offset, if there was one.
    pub committed: Option<u64>,
    /// Lag (records), never negative.
    pub lag: u64,
}

/// A recorded lag curve: per instant every partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The instants, increasing.
    times: Vec<SimTime>,
    /// By instant, then partition; a partition that does not exist yet has a log end of 0.
    seen: Vec<Vec<Seen>>,
    /// How many partitions there are at the end.
    partitions: usize,
}

impl Trace {
    /// Reads a CSV file with the columns `t_s` or `time_s` (seconds since the start of the run), `partition`,
    /// `log_end_offset`, `committed_offset` (empty or -1: none) and `lag` (records; -1 to -5 mean 0), in any order and
    /// among others: the `lag.csv` of a run is one. Rows stand in order of time, one per partition and instant; those of
    /// negative time are left out.
    ///
    /// # Errors
    /// Every row that says something else, with its place and a remedy.
    pub fn parse(name: &str, text: &str) -> Result<Trace, Diagnostics> {
        let mut reader = Reader::default();
        reader.read(text);
        if reader.found.is_empty() {
            Ok(reader.trace)
        } else {
            Err(Diagnostics::of_text(
                Subject::Trace,
                name,
                text,
                reader.found,
            ))
        }
    }

    /// The instants, increasing.
    pub fn times(&self) -> &[SimTime] {
        &self.times
    }

    /// How many partitions there are at the end.
    pub fn partitions(&self) -> usize {
        self.partitions
    }

    /// `partition` at the `instant`-th time; nothing before it existed.
    pub fn seen(&self, partition: usize, instant: usize) -> Seen {
        let row = self.seen.get(instant);
        row.and_then(|row| row.get(partition))
            .copied()
            .unwrap_or_default()
    }
}

/// The five columns, by their index.
struct Columns {
    time: usize,
    partition: usize,
    log_end: usize,
    committed: usize,
    lag: usize,
}

/// A row that says what it should.
struct Row {
    at: SimTime,
    partition: usize,
    seen: Seen,
}

#[derive(Default)]
struct Reader {
    trace: Trace,
    /// Partitions of the instant at hand.
    instant: BTreeMap<usize, Seen>,
    found: Vec<Diagnostic>,
}

impl Reader {
    fn read(&mut self, text: &str) {
        let mut lines = lines_of(text).into_iter();
        let header = lines.next();
        let Some(columns) = self.columns(header.unwrap_or((0..text.len(), ""))) else {
            return;
        };
        let mut last = 0..0;
        for (count, (place, line)) in lines.enumerate() {
            if self.found.len() == MOST_MISTAKES || count == MOST_ROWS {
                let message = format!("only what stands above this row was read, {count} rows");
                let help = "correct that first, or record less often (2,000,000 rows at most)";
                self.error(place, message, help);
                return;
            }
            last = place.clone();
            let cells: Vec<Cell> = cells_of((place.clone(), line)).collect();
            if let Some(row) = self.row(&place, &cells, &columns) {
                self.take(place, row);
            }
        }
        self.close(last.clone());
        if self.trace.times.is_empty() && self.found.is_empty() {
            let message = "the trace has no row at or after time 0";
            self.error(
                last,
                message,
                "count times from the start of the model's run",
            );
        }
    }

    fn columns(&mut self, (place, header): Cell) -> Option<Columns> {
        let cells: Vec<Cell> = cells_of((place.clone(), header)).collect();
        let mut missing = Vec::new();
        let mut find = |names: &[&str]| {
            let found = cells.iter().position(|(_, cell)| names.contains(cell));
            if found.is_none() {
                missing.push(names.join(" or "));
            }
            found.unwrap_or(0)
        };
        let columns = Columns {
            time: find(&["t_s", "time_s"]),
            partition: find(&["partition"]),
            log_end: find(&["log_end_offset"]),
            committed: find(&["committed_offset"]),
            lag: find(&["lag"]),
        };
        if missing.is_empty() {
            return Some(columns);
        }
        let message = format!("the header has no column {}", missing.join(", "));
        let help =
            "begin the file with t_s,partition,log_end_offset,committed_offset,lag, in any order";
        self.error(place, message, help);
        None
    }

    /// What a row says; none if it is of the time before the run, or wrong.
    fn row(&mut self, place: &Range<usize>, cells: &[Cell], columns: &Columns) -> Option<Row> {
        let empty = (place.end..place.end, "");
        let cell = |ix: usize| cells.get(ix).unwrap_or(&empty).clone();
        let time = self.number(cell(columns.time), "a time in seconds", |text| {
            let seconds = text.parse::<f64>().ok();
            seconds.filter(|seconds| seconds.abs() < 1e9)
        });
        let partition = self.number(cell(columns.partition), "a partition number", |text| {
            let number = text.parse::<u64>().ok();
            number.filter(|number| *number < MOST_PARTITIONS)
        });
        let log_end = self.number(cell(columns.log_end), "an offset", |text| {
            text.parse::<u64>().ok()
        });
        let committed = self.number(cell(columns.committed), "an offset", |text| match text {
            "" | "-1" => Some(None),
            other => other.parse::<u64>().ok().map(Some),
        });
        let least = format!("a number of records of at least -{RACE}");
        let lag = self.number(cell(columns.lag), &least, |text| {
            let records = text.parse::<i64>().ok();
            records.filter(|records| *records >= -RACE)
        });
        let (time, partition, lag) = (time?, partition?, lag?);
        let seen = Seen {
            log_end: log_end?,
            committed: committed?,
            lag: u64::try_from(lag).unwrap_or(0),
        };
        (time >= 0.0).then(|| Row {
            at: SimTime::ZERO + SimDuration::from_secs_f64(time),
            partition: partition as usize,
            seen,
        })
    }

    fn number<T>(
        &mut self,
        (place, text): Cell,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let parsed = parse(text);
        if parsed.is_none() {
            let message = format!("`{text}` is not {what}");
            self.error(
                place,
                message,
                format!("write {what} here, or leave the row out"),
            );
        }
        parsed
    }

    fn take(&mut self, place: Range<usize>, row: Row) {
        match self.trace.times.last() {
            Some(last) if row.at < *last => {
                let message = "the time goes back";
                self.error(place, message, "sort the rows by time");
                return;
            }
            Some(last) if row.at == *last => {}
            _ => {
                self.close(place.clone());
                self.trace.times.push(row.at);
            }
        }
        if self.instant.insert(row.partition, row.seen).is_some() {
            let message = format!("partition {} stands twice at this time", row.partition);
            self.error(
                place,
                message,
                "leave one of them out: a trace is of one topic and one group",
            );
        }
    }

    /// The rows of an instant are over: every partition that was there before has to be there.
    fn close(&mut self, place: Range<usize>) {
        if self.instant.is_empty() {
            return;
        }
        let known = self.trace.partitions;
        let highest = self.instant.keys().max().map_or(0, |highest| highest + 1);
        let partitions = known.max(highest);
        let row: Vec<Seen> = (0..partitions)
            .map(|ix| self.instant.get(&ix).copied().unwrap_or_default())
            .collect();
        let missing = (0..partitions).find(|ix| !self.instant.contains_key(ix));
        if let Some(missing) = missing {
            let message = format!("before this row, partition {missing} is missing");
            let help = "give one row for each partition and time; partitions count from 0";
            self.error(place, message, help);
        }
        self.trace.partitions = partitions;
        self.trace.seen.push(row);
        self.instant.clear();
    }

    fn error(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(Diagnostic::error(span, message, help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "t_s,partition,log_end_offset,committed_offset,lag\n";

    fn mistakes(rows: &str) -> Vec<String> {
        let refused = Trace::parse("trace.csv", &format!("{HEADER}{rows}")).unwrap_err();
        let told = refused.iter().map(|one| {
            let line = refused.position(one).unwrap().line;
            format!("{line}: {}", one.message)
        });
        told.collect()
    }

    #[test]
    fn a_trace_is_read_whatever_the_order_of_its_columns() {
        let text = "lag,state,partition,time_s,committed_offset,log_end_offset\n\
                    7,starting,0,-0.250,,7\n\
                    9,starting,0,0.017,,9\n\
                    2,keeping-up,1,0.017,3,5\n\
                    -2,keeping-up,0,0.267,12,10\n\
                    0,keeping-up,1,0.267,-1,0\n";
        let trace = Trace::parse("lag.csv", text).unwrap();
        assert_eq!(trace.partitions(), 2);
        assert_eq!(
            trace.times(),
            [SimTime::from_millis(17), SimTime::from_millis(267)]
        );
        let first = Seen {
            log_end: 9,
            committed: None,
            lag: 9,
        };
        assert_eq!(trace.seen(0, 0), first);
        assert_eq!(trace.seen(0, 1).lag, 0);
        assert_eq!(trace.seen(1, 1).committed, None);
    }

    #[test]
    fn every_malformed_row_is_told_with_its_line() {
        let rows = "0,0,5,2,3\n0.5,0,five,2,-6\n1,0,9\n2,0,9,9,0\n1.5,0,9,9,0\n2,0,9,9,0\n";
        let expected = [
            "3: `five` is not an offset",
            "3: `-6` is not a number of records of at least -5",
            "4: `` is not a number of records of at least -5",
            "6: the time goes back",
            "7: partition 0 stands twice at this time",
        ];
        assert_eq!(mistakes(rows), expected);
    }

    #[test]
    fn a_partition_that_goes_missing_is_told_and_a_new_one_is_welcome() {
        let grows = "0,0,5,2,3\n1,0,5,2,3\n1,1,4,0,4\n";
        let trace = Trace::parse("t.csv", &format!("{HEADER}{grows}")).unwrap();
        assert_eq!((trace.partitions(), trace.seen(1, 0).lag), (2, 0));
        let shrinks = "0,0,5,2,3\n0,1,5,2,3\n1,1,5,2,3\n2,0,5,2,3\n2,1,5,2,3\n";
        assert_eq!(
            mistakes(shrinks),
            ["5: before this row, partition 0 is missing"]
        );
    }

    #[test]
    fn a_file_without_a_column_or_a_row_is_refused() {
        for text in [
            "",
            "t_s,partition,lag\n0,0,1\n",
            HEADER,
            "t_s,partition,log_end_offset,committed_offset,lag\n-1,0,1,1,0\n",
        ] {
            let refused = Trace::parse("trace.csv", text).unwrap_err();
            assert_eq!(refused.len(), 1, "{refused}");
        }
    }

    #[test]
    fn a_file_of_nonsense_is_not_told_row_by_row() {
        let rows = "x,0,1,1,0\n".repeat(1_000);
        assert_eq!(mistakes(&rows).len(), MOST_MISTAKES + 1);
    }
}
