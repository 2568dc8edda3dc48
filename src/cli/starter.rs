//! The commented model that `lagsim init` and `lagsim quick --save` write, and that `lagsim quick` runs.

/// What stands in the model's text, as a person typed it: with units.
#[derive(Clone, Debug)]
pub struct Starter {
    /// Records produced, `600/s`.
    pub rate: String,
    /// Partitions.
    pub partitions: u32,
    /// Members.
    pub members: u32,
    /// Time of a record, `8ms`.
    pub per_record: String,
    /// Records nobody has read at the start, `2M`; none if there are none.
    pub backlog: Option<String>,
    /// Calls per second that the dependency accepts; none if there is no dependency.
    pub limit: Option<String>,
    /// Length of the run, `1h`.
    pub horizon: String,
    /// Distance of two samples, `1s`.
    pub sample: String,
}

impl Default for Starter {
    /// A group that keeps up, with a quarter of its time to spare.
    fn default() -> Self {
        Starter {
            rate: "600/s".to_owned(),
            partitions: 4,
            members: 4,
            per_record: "5ms".to_owned(),
            backlog: None,
            limit: None,
            horizon: "1h".to_owned(),
            sample: "1s".to_owned(),
        }
    }
}

impl Starter {
    /// The text of the model file.
    pub fn text(&self) -> String {
        let Starter {
            rate,
            partitions,
            members,
            per_record,
            horizon,
            sample,
            ..
        } = self;
        let backlog = match &self.backlog {
            Some(backlog) => format!("backlog = \"{backlog}\"           # records nobody has read yet at the start"),
            None => "#backlog = \"2M\"            # records nobody has read yet at the start".to_owned(),
        };
        let downstream = self.downstream();
        format!(
            r##"#:schema ./lagsim.schema.json
# A topic, its producers and one consumer group, for lagsim.
#   lagsim check FILE    every mistake in this file, with its place and a remedy
#   lagsim run FILE      the verdict; curves and figures go to output/
# Times carry a unit (ms, s, m, h, d) and so do rates (600/s, 36k/min). What is left out has Kafka's own default.
# A setting behind a # without a space is an example to switch on. The schema for editors: lagsim schema.

title = "{rate} on {partitions} partitions, {members} members, {per_record} per record"
seed = 1                    # the same seed gives the same results, to the byte
horizon = "{horizon}"              # how long to simulate
sample = "{sample}"               # distance of two points of the curves

[topic]
name = "orders"
partitions = {partitions}
{backlog}
#record-size = "1KiB"       # decides how many records a fetch brings

[produce]
rate = "{rate}"            # over all partitions; or a table with steps, ramps, a daily shape or a CSV file
arrivals = "poisson"        # or "constant": evenly spaced
#keys = {{ zipf = 1.1, distinct = 10_000 }}    # default: every partition gets the same

[group]
name = "order-processor"
members = {members}
client = "java"             # or "aiokafka": when it polls, commits, heartbeats and rejoins

# Consumer properties, by Kafka's names. These are Kafka's defaults.
[group.properties]
max.poll.records = 500
max.poll.interval.ms = 300000
session.timeout.ms = 45000
heartbeat.interval.ms = 3000

[processing]
time = "{per_record}"                # of one record; or a law: {{ lognormal = {{ mean = "4ms", p99 = "20ms" }} }}
concurrency = 1             # records of one batch worked on at the same time
commit = "after-batch"      # or "per-record", "async", "auto" (enable.auto.commit)

{downstream}

# A record that cannot be processed, and what the application does about it.
#[[poison]]
#partition = 0
#offset = 50_000
#on-error = {{ retry = {{ attempts = 3, back-off = "1s", then = "dead-letter" }} }}    # or "retry-forever", "skip"

# What happens when: deploy, restart, crash, scale, add-partitions, freeze, rate, downstream, set.
#[[at]]
#time = "5m"
#deploy = {{ gap = "15s", start-up = "10s" }}

# Alerts, as Prometheus evaluates them.
#[[alert]]
#name = "lag-high"
#when = "lag > 10000"       # of each partition; or sum, max, age, max-age
#for = "5m"

# What must come out: otherwise lagsim run ends with exit code 99.
#[[expect]]
#metric = "max-lag"
#below = 50_000_000
"##
        )
    }

    fn downstream(&self) -> String {
        let (switch, limit) = match &self.limit {
            Some(limit) => ("", limit.as_str()),
            None => ("#", "200/s"),
        };
        format!(
            "# A dependency that is called once per record and blocks its caller.\n\
             {switch}[downstream.dependency]\n\
             {switch}rate-limit = \"{limit}\"      # calls it accepts from all members together\n\
             #latency = {{ exponential = \"15ms\" }}    # of a call it has accepted; comes on top of processing.time"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Checked, Diagnostics, Source, check};

    fn checked(text: String) -> Result<Checked, Diagnostics> {
        let source = Source {
            name: "starter.toml".to_owned(),
            stem: "starter".to_owned(),
            text,
        };
        check(&source, &[], &|_| Err("a starter names no file".to_owned()))
    }

    fn assert_clean(text: String) -> Checked {
        let checked = checked(text).unwrap_or_else(|found| panic!("{found}"));
        assert!(checked.warnings.is_empty(), "{}", checked.warnings);
        checked
    }

    #[test]
    fn the_starter_is_a_valid_model_that_says_what_it_was_told() {
        let starter = Starter {
            backlog: Some("2M".to_owned()),
            limit: Some("200/s".to_owned()),
            ..Starter::default()
        };
        let model = assert_clean(starter.text()).scenario;
        assert_eq!(model.group.processes.len(), 4);
        let unread = model.topic.partitions.iter().map(|p| p.log_end - p.committed.unwrap_or(0));
        assert_eq!(unread.sum::<u64>(), 2_000_000);
        let limit = model.downstream.and_then(|downstream| downstream.limit);
        assert_eq!(limit.map(|limit| limit.rate), Some(200.0));
        assert!(assert_clean(Starter::default().text()).scenario.downstream.is_none());
    }

    /// A line that begins with # and no space is a setting: all of them together are a valid model too.
    #[test]
    fn every_example_in_the_starter_can_be_switched_on() {
        let switched = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with([' ', ':']) => rest.to_owned(),
            _ => line.to_owned(),
        };
        let text = Starter::default().text();
        let lines: Vec<String> = text.lines().map(switched).collect();
        let model = assert_clean(lines.join("\n")).scenario;
        assert_eq!((model.poison.len(), model.timeline.len()), (1, 1));
        assert_eq!((model.alerts.len(), model.expectations.len()), (1, 1));
        assert!(model.downstream.is_some());
    }
}
