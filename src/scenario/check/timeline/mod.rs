//! The timeline, walked in order of time: who runs when, how many partitions there are, which settings apply.

mod action;
mod downstream;
mod fleet;
mod set;

use toml::de::DeTable;

use super::super::downstream::{Downstream, DownstreamChange};
use super::super::model::{Action, Group, Settings, TimelineEntry, Topic};
use super::super::on_error::DeadLetterTopic;
use super::super::raw::{At, Spot};
use super::curve::Turn;
use super::group::instant;
use super::judge::{Judge, Place};
use super::protocol::Brokers;
use super::{Written, one_of};
use crate::units::{SimDuration, SimTime};
use fleet::Fleet;

/// Most entries of the timeline, repetitions included.
const MOST_ENTRIES: u64 = 5_000;

const ACTIONS: &str = "write one of crash, restart, deploy, scale, add-partitions, freeze, rate, downstream, dead-letter and set";

/// What the walk along the timeline found.
pub(super) struct Walked {
    /// Every process that may run, those of later scale-ups included.
    pub(super) group: Option<Group>,
    /// What happens when.
    pub(super) timeline: Vec<TimelineEntry>,
    /// Changes of the production rate [s].
    pub(super) turns: Vec<(f64, Turn)>,
    /// Partition increases: from when, and how many there are then.
    pub(super) growth: Vec<(SimTime, u32)>,
    /// Settings beyond the first.
    pub(super) settings: Vec<Settings>,
    /// The entry that first sets each of them.
    pub(super) set_at: Vec<Place>,
    /// Most partitions there ever are.
    pub(super) partitions: u32,
    /// Length of the run.
    pub(super) horizon: Option<SimDuration>,
    /// Most members that ever run at once.
    pub(super) members: usize,
    /// The number of the entry that scales up to them, if one does.
    pub(super) members_at: Option<Place>,
}

/// What the timeline starts from, as far as its settings are judged by it.
#[derive(Clone, Copy)]
pub(super) struct Start<'w> {
    pub(super) brokers: &'w Brokers,
    /// None where they could not be read.
    pub(super) downstreams: Option<&'w [Downstream]>,
    pub(super) settings: Option<&'w Settings>,
}

/// The walk on its way.
struct Walk<'w, 't> {
    fleet: Fleet,
    start: Start<'w>,
    /// Whether an autoscaler decides how many run.
    autoscaled: bool,
    /// Whether the group could be read: who its members are is not judged otherwise.
    known: bool,
    /// The document with every `set` so far.
    tree: DeTable<'t>,
    /// The entry whose `set` came last, and the settings it made: a repetition changes nothing more.
    last_set: Option<(usize, usize)>,
    walked: Walked,
}

/// An entry at one of its times.
struct Turnout {
    at: SimTime,
    entry: usize,
}

impl Judge<'_> {
    pub(super) fn walk(
        &mut self,
        written: &Written<'_>,
        horizon: Option<SimDuration>,
        topic: Option<&Topic>,
        group: Option<Group>,
        start: Start<'_>,
    ) -> Walked {
        let entries = written.model.at.as_deref().unwrap_or(&[]);
        let known = group.is_some();
        let mut fleet = Fleet::new(group.unwrap_or_default());
        let autoscaled = written.model.autoscaler.is_some();
        if autoscaled {
            fleet.run_all();
        }
        let mut walk = Walk {
            fleet,
            autoscaled,
            start,
            known,
            tree: written.tree.clone(),
            last_set: None,
            walked: Walked {
                group: None,
                timeline: Vec::new(),
                turns: Vec::new(),
                growth: Vec::new(),
                settings: Vec::new(),
                set_at: Vec::new(),
                partitions: topic.map_or(0, |topic| topic.partitions.len() as u32),
                horizon,
                members: 0,
                members_at: None,
            },
        };
        let times = self.times(entries, horizon);
        for turnout in times {
            walk.fleet.advance(turnout.at);
            let entry = &entries[turnout.entry];
            let actions = self.actions(entry, turnout.entry, turnout.at, &mut walk);
            let label = self.label(entry);
            for action in actions.unwrap_or_default() {
                let all = walk.autoscaled.then(|| walk.fleet.len());
                let label = label.clone().unwrap_or_else(|| {
                    describe(&action, all, walk.start.downstreams.unwrap_or(&[]))
                });
                let at = turnout.at;
                walk.walked
                    .timeline
                    .push(TimelineEntry { at, action, label });
            }
        }
        let Walk {
            fleet, mut walked, ..
        } = walk;
        walked.members = fleet.most();
        walked.group = known.then(|| fleet.into_group());
        walked
    }

    /// When each entry happens, in order of time; entries of one instant in the order of the file.
    fn times(&mut self, entries: &[Spot<At>], horizon: Option<SimDuration>) -> Vec<Turnout> {
        let mut all = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let Some(first) = self.time_of(entry) else {
                // When it happens is not known, so that it cannot be walked.
                self.exactly_one(entry);
                continue;
            };
            let end = horizon.unwrap_or(SimDuration::FOREVER);
            if first > end {
                self.refuse_after(end, entry, first);
                // It is walked, so that what else is wrong with it is told too.
                all.push(Turnout {
                    at: instant(first),
                    entry: index,
                });
                continue;
            }
            let until = self.until(entry, first, end);
            let every = entry
                .value
                .every
                .as_ref()
                .and_then(|every| self.positive(every, "a period"));
            let repeats = every.map_or(0, |every| {
                until.saturating_sub(first).as_nanos() / every.as_nanos()
            });
            if horizon.is_none() {
                all.push(Turnout {
                    at: instant(first),
                    entry: index,
                });
                continue;
            }
            if all.len() as u64 + repeats >= MOST_ENTRIES {
                let place = entry
                    .value
                    .every
                    .as_ref()
                    .map_or(&entry.span, |every| &every.0.span);
                let message = format!("the timeline gets more than {MOST_ENTRIES} entries");
                self.error::<()>(
                    place,
                    message,
                    "write a longer period, or end it with `until`",
                );
                continue;
            }
            for turn in 0..=repeats {
                let after = first + every.unwrap_or(SimDuration::ZERO) * turn;
                all.push(Turnout {
                    at: instant(after),
                    entry: index,
                });
            }
        }
        all.sort_by_key(|turnout| (turnout.at, turnout.entry));
        all
    }

    /// When an entry happens first.
    fn time_of(&mut self, entry: &Spot<At>) -> Option<SimDuration> {
        let Some(time) = &entry.value.time else {
            let help = r#"write when it happens: time = "20m""#;
            return self.missing(&entry.span, "time", help);
        };
        self.duration(time)
    }

    fn refuse_after(&mut self, end: SimDuration, entry: &Spot<At>, first: SimDuration) {
        let time = entry.value.time.as_ref();
        self.error::<()>(
            time.map_or(&entry.span, |time| &time.0.span),
            format!("this happens at {first}, after the horizon of {end}"),
            "write an earlier time, or a longer horizon",
        );
    }

    fn until(&mut self, entry: &Spot<At>, first: SimDuration, end: SimDuration) -> SimDuration {
        let Some(value) = &entry.value.until else {
            return end;
        };
        let until = self.duration(value).unwrap_or(end);
        if entry.value.every.is_none() {
            let help = r#"write the period as well: every = "1d""#;
            self.error::<()>(&value.0.span, "`until` says nothing without `every`", help);
        } else if until < first {
            self.error::<()>(
                &value.0.span,
                "it ends before it begins",
                "write an `until` after `time`",
            );
        }
        until.min(end)
    }

    fn label(&mut self, entry: &Spot<At>) -> Option<String> {
        entry
            .value
            .label
            .as_ref()
            .and_then(|label| self.text(label))
    }

    fn exactly_one(&mut self, entry: &Spot<At>) -> Option<()> {
        let at = &entry.value;
        let given = [
            ("crash", at.crash.is_some()),
            ("restart", at.restart.is_some()),
            ("deploy", at.deploy.is_some()),
            ("scale", at.scale.is_some()),
            ("add-partitions", at.add_partitions.is_some()),
            ("freeze", at.freeze.is_some()),
            ("rate", at.rate.is_some()),
            ("downstream", at.downstream.is_some()),
            ("dead-letter", at.dead_letter.is_some()),
            ("set", at.set.is_some()),
        ];
        one_of(self, &entry.span, &given, "the action", ACTIONS)?;
        if let (Some(when), None) = (&at.takes_effect, &at.set) {
            let help = "leave it out; settings inside a deploy or restart take effect with it";
            self.error::<()>(&when.0.span, "`takes-effect` goes with `set` only", help);
        }
        Some(())
    }
}

/// What people call an action when the file does not say; of `all` that an autoscaler may run only some do.
fn describe(action: &Action, all: Option<usize>, downstreams: &[Downstream]) -> String {
    let members = |count: usize| match count {
        count if Some(count) == all => "all members".to_owned(),
        1 => "1 member".to_owned(),
        count => format!("{count} members"),
    };
    match action {
        Action::Crash { processes, .. } => format!("crash of {}", members(processes.len())),
        Action::Restart {
            processes,
            rolling: true,
            ..
        } => {
            format!("rolling restart of {}", members(processes.len()))
        }
        Action::Restart { processes, .. } => format!("restart of {}", members(processes.len())),
        Action::Start { processes, .. } => format!("start of {}", members(processes.len())),
        Action::Stop { processes, .. } => format!("stop of {}", members(processes.len())),
        Action::AddPartitions { to } => format!("{to} partitions from now on"),
        Action::Freeze { processes, length } if processes.is_empty() => {
            format!("freeze of all members for {length}")
        }
        Action::Freeze { processes, length } => {
            format!("freeze of {} for {length}", members(processes.len()))
        }
        Action::RateChange => "other production rate".to_owned(),
        Action::Downstream(which, change) => {
            let name = match downstreams {
                [] | [_] => "downstream",
                all => &all[*which].name,
            };
            let does = match change {
                DownstreamChange::Stop => "stops",
                DownstreamChange::Fail => "fails",
                DownstreamChange::Resume => "resumes",
                _ => "changes",
            };
            format!("{name} {does}")
        }
        Action::DeadLetter(answers) => {
            let does = match answers {
                DeadLetterTopic::Stopped => "stops",
                DeadLetterTopic::Failing => "fails",
                DeadLetterTopic::Up => "resumes",
            };
            format!("dead-letter topic {does}")
        }
        Action::Adopt { .. } => "other settings at once".to_owned(),
        Action::AdoptAtRestart { .. } => "other settings at restart".to_owned(),
    }
}
