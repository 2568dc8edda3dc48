//! What was observed of a topic and a group, as the beginning of a model, with its recordings as CSV.

use std::fmt::Write;

use super::RenderError;
use crate::measure::listing::{History, Observed, Start};
use crate::measure::words::{counted, grouped};
use crate::units::SimDuration;

/// Samples of a run at most, unless the model says otherwise: what a picture shows.
const MOST_SAMPLES: f64 = 20_000.0;

/// The model, as far as it was observed: the rest stands in it as examples behind a `#`. `from` says where it comes from, `rate`
/// is the name of the file with the recorded rate.
pub fn model(observed: &Observed, from: &str, rate: &str) -> String {
    let topic = observed.topic.as_deref();
    let group = observed.group.as_deref();
    let subject = match (topic, group) {
        (Some(topic), Some(group)) => format!("{topic} as read by {group}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "an observed topic".to_owned(),
    };
    let mut text = format!(
        "#:schema ./lagsim.schema.json\n\
         # From {from}. What stands behind a # it does not tell:\n\
         # lagsim check FILE says what has to be written; lagsim run FILE --set processing.time=4ms tries a value.\n\n\
         title = {}\n",
        quoted(&subject)
    );
    // Writing into a String cannot fail.
    let _ = head(&mut text, observed.history.as_ref());
    let _ = topic_section(&mut text, observed);
    let _ = produce_section(&mut text, observed, rate);
    let _ = group_section(&mut text, observed);
    text
}

/// A recorded rate, for `produce.rate.csv`.
///
/// # Errors
/// Writing fails.
pub fn rate(history: &History) -> Result<Vec<u8>, RenderError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["time_s", "rate_per_s"])?;
    for (at, rate) in &history.rates {
        writer.write_record([at.to_string(), rate.to_string()])?;
    }
    finished(writer)
}

/// A recorded lag, for `lagsim validate --trace`; none if the group's offsets were not recorded.
///
/// # Errors
/// Writing fails.
pub fn trace(history: &History) -> Result<Option<Vec<u8>>, RenderError> {
    if history.lag.is_empty() {
        return Ok(None);
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "time_s",
        "partition",
        "log_end_offset",
        "committed_offset",
        "lag",
    ])?;
    for (at, partitions) in &history.lag {
        for (partition, seen) in partitions.iter().enumerate() {
            writer.write_record([
                at.to_string(),
                partition.to_string(),
                seen.log_end.to_string(),
                seen.committed
                    .map_or(String::new(), |offset| offset.to_string()),
                seen.lag.to_string(),
            ])?;
        }
    }
    finished(writer).map(Some)
}

fn finished(writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, RenderError> {
    writer
        .into_inner()
        .map_err(|fault| RenderError::Csv(fault.into_error().into()))
}

fn head(text: &mut String, history: Option<&History>) -> std::fmt::Result {
    let Some(history) = history else {
        return writeln!(text, "horizon = \"1h\"              # how long to simulate");
    };
    let horizon = SimDuration::from_secs_f64(history.length.ceil());
    writeln!(
        text,
        "horizon = \"{horizon}\"              # as long as the recording"
    )?;
    let distance = (history.length / MOST_SAMPLES).ceil();
    if distance > 1.0 {
        writeln!(text, "sample = \"{distance}s\"")?;
    }
    Ok(())
}

fn topic_section(text: &mut String, observed: &Observed) -> std::fmt::Result {
    if let Some(brokers) = observed.brokers.filter(|brokers| *brokers > 0) {
        writeln!(text, "\n[cluster]\nbrokers = {brokers}")?;
    }
    writeln!(text, "\n[topic]")?;
    match &observed.topic {
        Some(topic) => writeln!(text, "name = {}", quoted(topic))?,
        None => writeln!(text, "#name = \"orders\"")?,
    }
    let partitions = &observed.partitions;
    if partitions.is_empty() {
        return writeln!(text, "#partitions = 12");
    }
    if partitions.iter().all(|start| *start == Start::default()) {
        return writeln!(text, "partitions = {}", partitions.len());
    }
    writeln!(text, "start = [")?;
    for (ix, start) in partitions.iter().enumerate() {
        let end = start.log_end.unwrap_or(0);
        let offsets = match start.committed {
            Some(committed) => format!("{{ committed = {committed}, log-end = {end} }},"),
            None => format!("{{ log-end = {end} }},"),
        };
        let remark = match (start.log_end, start.committed) {
            (None, _) => "its log end is not known".to_owned(),
            (_, None) => "never committed".to_owned(),
            (Some(_), Some(_)) if start.behind > 0 => format!(
                "seen with a log end {} before it, a lag of -{}: begins with 0",
                grouped(start.behind),
                grouped(start.behind)
            ),
            (_, Some(committed)) => format!("lag {}", grouped(end - committed)),
        };
        writeln!(text, "    {offsets:48}# {ix}: {remark}")?;
    }
    writeln!(text, "]")
}

fn produce_section(text: &mut String, observed: &Observed, rate: &str) -> std::fmt::Result {
    writeln!(text, "\n[produce]")?;
    let Some(history) = &observed.history else {
        return writeln!(
            text,
            "#rate = \"600/s\"             # without one nothing is produced"
        );
    };
    writeln!(
        text,
        "rate = {{ csv = {} }}    # recorded from second {} on",
        quoted(rate),
        history.origin
    )?;
    if history.records.iter().any(|records| *records > 0) {
        let weights: Vec<String> = history.records.iter().map(u64::to_string).collect();
        let total = counted(history.records.iter().sum(), "record", "records");
        writeln!(
            text,
            "keys = {{ weights = [{}] }}    # {total} by partition",
            weights.join(", ")
        )?;
    }
    Ok(())
}

fn group_section(text: &mut String, observed: &Observed) -> std::fmt::Result {
    writeln!(text, "\n[group]")?;
    match &observed.group {
        Some(group) => writeln!(text, "name = {}", quoted(group))?,
        None => writeln!(text, "#name = \"order-processor\"")?,
    }
    match observed.members.filter(|members| *members > 0) {
        Some(members) => writeln!(text, "members = {members}")?,
        None => writeln!(text, "#members = 4")?,
    }
    writeln!(
        text,
        "#client = \"java\"            # or librdkafka, aiokafka, spring-kafka, franz-go, kafkajs\n\n\
         [processing]\n\
         #time = \"4ms\"               # of one record: no monitor tells it\n\
         commit = \"after-batch\"      # or \"auto\", \"per-record\", \"async\""
    )
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
