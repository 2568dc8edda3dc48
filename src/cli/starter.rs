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
        let unread = "records nobody has read yet at the start";
        let backlog = match &self.backlog {
            Some(backlog) => format!("backlog = \"{backlog}\"            # {unread}"),
            None => format!("#backlog = \"2M\"            # {unread}"),
        };
        let text = include_str!("starter.toml")
            .replace("@rate@", &self.rate)
            .replace("@partitions@", &self.partitions.to_string())
            .replace("@members@", &self.members.to_string())
            .replace("@per_record@", &self.per_record)
            .replace("@horizon@", &self.horizon)
            .replace("@sample@", &self.sample)
            .replace("@backlog@", &backlog)
            .replace("@downstream@", &self.downstream());
        text.lines().map(aligned).collect()
    }

    fn downstream(&self) -> String {
        let (switch, limit, latency) = match &self.limit {
            Some(limit) => ("", limit.as_str(), "0ms"),
            None => ("#", "200/s", "15ms"),
        };
        format!(
            "# A dependency that is called once per record and blocks its caller.\n\
             {switch}[downstream.dependency]\n\
             {switch}rate-limit = \"{limit}\"      # calls it accepts from all members together\n\
             {switch}latency = \"{latency}\"          # of an accepted call; comes on top of processing.time"
        )
    }
}

/// A line with its remark where the others have theirs.
fn aligned(line: &str) -> String {
    match line.split_once("  # ") {
        Some((setting, remark)) => {
            format!("{:<27} # {}\n", setting.trim_end(), remark.trim_start())
        }
        None => format!("{line}\n"),
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
        let unread = model
            .topic
            .partitions
            .iter()
            .map(|p| p.log_end - p.committed.unwrap_or(0));
        assert_eq!(unread.sum::<u64>(), 2_000_000);
        let limit = model.downstreams.iter().find_map(|own| own.limit);
        assert_eq!(limit.map(|limit| limit.rate), Some(200.0));
        assert!(
            assert_clean(Starter::default().text())
                .scenario
                .downstreams
                .is_empty()
        );
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
        assert_eq!(model.downstreams.len(), 1);
    }
}
