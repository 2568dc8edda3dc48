//! `results.csv` and `cases.csv`: one row per run, one row per case, in order; axes and figures as columns.

use std::io::Write;

use super::super::RenderError;
use crate::experiment::{CaseFigures, Entry, Plan};

/// The two tables, written case by case.
pub struct Tables<W: Write> {
    results: csv::Writer<W>,
    cases: csv::Writer<W>,
}

impl<W: Write> Tables<W> {
    /// Tables with their headers.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn new(plan: &Plan, results: W, cases: W) -> Result<Self, RenderError> {
        let mut tables = Tables {
            results: csv::Writer::from_writer(results),
            cases: csv::Writer::from_writer(cases),
        };
        let keys = || plan.axes.iter().flat_map(|axis| axis.keys.iter().cloned());
        let names: Vec<String> = plan.columns.iter().map(|metric| metric.name()).collect();
        let mut header = vec!["case".to_owned(), "replication".to_owned()];
        header.extend(keys());
        header.extend(names.iter().cloned());
        tables.results.write_record(&header)?;
        let mut header = vec!["case".to_owned()];
        header.extend(keys());
        for name in &names {
            let parts = ["mean", "low95", "high95", "worst", "n"];
            header.extend(parts.map(|part| format!("{name} {part}")));
        }
        header.extend(plan.slo.iter().map(|_| "holds".to_owned()));
        tables.cases.write_record(&header)?;
        Ok(tables)
    }

    /// A case with its runs.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn case(
        &mut self,
        plan: &Plan,
        case: &CaseFigures,
        runs: &[Entry],
    ) -> Result<(), RenderError> {
        let labels: Vec<&String> = plan
            .values(case.case)
            .flat_map(|value| &value.labels)
            .collect();
        let number = case.case.to_string();
        for run in runs {
            self.results.write_field(&number)?;
            self.results.write_field(run.replication.to_string())?;
            for label in &labels {
                self.results.write_field(label)?;
            }
            for figure in &run.figures {
                self.results.write_field(decimal(*figure))?;
            }
            self.results.write_record(None::<&[u8]>)?;
        }
        self.cases.write_field(&number)?;
        for label in &labels {
            self.cases.write_field(label)?;
        }
        for figure in &case.figures {
            let interval = figure.interval;
            for bound in [interval.mean, interval.low, interval.high] {
                self.cases
                    .write_field(bound.map(decimal).unwrap_or_default())?;
            }
            self.cases.write_field(decimal(figure.worst))?;
            self.cases.write_field(interval.n.to_string())?;
        }
        if let Some(holds) = case.holds {
            self.cases.write_field(holds.to_string())?;
        }
        self.cases.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Everything written.
    ///
    /// # Errors
    /// The rest cannot be written.
    pub fn finish(mut self) -> Result<(), RenderError> {
        self.results.flush().map_err(csv::Error::from)?;
        self.cases.flush().map_err(csv::Error::from)?;
        Ok(())
    }
}

/// At most six decimals; `inf` for what never happened, nothing for what does not exist.
fn decimal(value: f64) -> String {
    if value.is_nan() {
        return String::new();
    }
    let text = format!("{value:.6}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_decimals_they_need() {
        let cases = [
            (2_473_550.0, "2473550"),
            (0.1 + 0.2, "0.3"),
            (1.234_567_89, "1.234568"),
            (-5.0, "-5"),
            (100.0, "100"),
            (f64::INFINITY, "inf"),
            (f64::NAN, ""),
        ];
        for (value, text) in cases {
            assert_eq!(decimal(value), text);
        }
    }
}
