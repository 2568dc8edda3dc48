//! `lag.csv`, written while the run goes: a run of any length holds no more of it than one sample.

use std::io::{self, BufWriter, Write};

use super::RenderError;
use super::csv::{push_decimals, seconds};
use crate::measure::lag_of;
use crate::sim::{Fact, GroupView, Observer, Sample, Totals};
use crate::units::SimTime;

const HEAD: &str = "time_s,partition,log_end_offset,committed_offset,position,lag,age_s,state\n";

/// Writes one row per sample and partition.
#[derive(Debug)]
pub struct LagTable<W: Write> {
    to: BufWriter<W>,
    /// The rows of one sample.
    rows: String,
    /// Nothing more is written after the first fault.
    fault: Option<io::Error>,
}

impl<W: Write> LagTable<W> {
    /// A table with its head.
    pub fn new(to: W) -> Self {
        let mut to = BufWriter::new(to);
        let head = to.write_all(HEAD.as_bytes());
        LagTable {
            to,
            rows: String::new(),
            fault: head.err(),
        }
    }

    /// Writes out what is still held.
    ///
    /// # Errors
    /// The first fault of all that was written.
    pub fn complete(mut self) -> Result<(), RenderError> {
        let fault = self.fault.or_else(|| self.to.flush().err());
        fault.map_or(Ok(()), |fault| Err(RenderError::Csv(fault.into())))
    }

    fn write(&mut self, at: SimTime, partitions: &[Sample]) -> io::Result<()> {
        let mut number = itoa::Buffer::new();
        let (time, rows) = (seconds(at), &mut self.rows);
        rows.clear();
        // Numbers and names of states have nothing to quote.
        for (partition, sample) in partitions.iter().enumerate() {
            put(rows, &time);
            put(rows, number.format(partition));
            put(rows, number.format(sample.log_end));
            let committed = sample.committed.map(|offset| number.format(offset));
            put(rows, committed.unwrap_or(""));
            put(rows, number.format(sample.position));
            put(rows, number.format(lag_of(sample)));
            if let Some(age_s) = sample.age_s {
                push_decimals(rows, (age_s * 1000.0).round() as u64);
            }
            put(rows, "");
            rows.push_str(sample.state.name());
            rows.push('\n');
        }
        self.to.write_all(rows.as_bytes())
    }
}

/// A field that is not the last.
fn put(rows: &mut String, field: &str) {
    rows.push_str(field);
    rows.push(',');
}

impl<W: Write> Observer for LagTable<W> {
    fn observe(&mut self, _: SimTime, _: &Fact) {}

    fn sample(&mut self, at: SimTime, partitions: &[Sample]) {
        if self.fault.is_none() {
            self.fault = self.write(at, partitions).err();
        }
    }

    fn finish(&mut self, _: SimTime, _: &Totals, _: &GroupView) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::PartitionState;

    fn sample(log_end: u64, committed: Option<u64>, age_s: Option<f64>) -> Sample {
        Sample {
            log_end,
            committed,
            position: committed.unwrap_or(0),
            age_s,
            state: PartitionState::KeepingUp,
        }
    }

    #[test]
    fn a_row_per_sample_and_partition() {
        let mut bytes = Vec::new();
        let mut table = LagTable::new(&mut bytes);
        let caught_up = sample(3_000, Some(3_000), None);
        table.sample(SimTime::ZERO, &[caught_up]);
        let late = SimTime::from_millis(30_250);
        table.sample(late, &[caught_up, sample(120, None, Some(1.2))]);
        table.complete().unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r"
        time_s,partition,log_end_offset,committed_offset,position,lag,age_s,state
        0.000,0,3000,3000,3000,0,,keeping-up
        30.250,0,3000,3000,3000,0,,keeping-up
        30.250,1,120,,0,120,1.200,keeping-up
        ");
    }

    /// Takes so many bytes.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match self.0.checked_sub(bytes.len()) {
                Some(rest) => self.0 = rest,
                None => return Err(std::io::ErrorKind::StorageFull.into()),
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_up_is_told_at_the_end() {
        for room in [0, 10_000] {
            let mut table = LagTable::new(Full(room));
            for second in 0..1_000 {
                let at = SimTime::from_secs(second);
                table.sample(at, &[sample(second, Some(0), None)]);
            }
            let fault = table.complete().unwrap_err();
            assert!(matches!(fault, RenderError::Csv(_)), "{fault}");
        }
    }
}
