//! Single actions of the timeline.

use super::super::super::document::nearest;
use super::super::super::model::Action;
use super::super::super::on_error::DeadLetterTopic;
use super::super::super::raw::{self, At, Count, Either, OneOrMany, Scalar, Spot, Who};
use super::super::curve::Turn;
use super::super::group::MOST_MEMBERS;
use super::super::judge::{Judge, Place};
use super::super::one_of;
use super::super::topic::MOST_PARTITIONS;
use super::Walk;
use crate::units::{ProcessId, SimDuration, SimTime};

/// How the dead-letter topic answers, by the word of its entry.
const DEAD_LETTER_TOPIC: [(&str, DeadLetterTopic); 3] = [
    ("stop", DeadLetterTopic::Stopped),
    ("fail", DeadLetterTopic::Failing),
    ("resume", DeadLetterTopic::Up),
];

impl Judge<'_> {
    /// What an entry does at `at`; several actions if it says several things at once.
    pub(super) fn actions(
        &mut self,
        entry: &Spot<At>,
        index: usize,
        at: SimTime,
        walk: &mut Walk<'_, '_>,
    ) -> Option<Vec<Action>> {
        self.exactly_one(entry)?;
        let written = &entry.value;
        if let Some(crash) = &written.crash {
            return self.crash(crash, walk).map(|action| vec![action]);
        }
        if let Some(restart) = &written.restart {
            return self
                .restart(restart, index, walk)
                .map(|action| vec![action]);
        }
        if let Some(deploy) = &written.deploy {
            let processes = self.several(deploy.value.members.as_ref(), &deploy.span, walk)?;
            return self
                .restarted(deploy, processes, true, &["deploy", "set"], index, walk)
                .map(|action| vec![action]);
        }
        if let Some(scale) = &written.scale {
            return self.scale(scale, walk);
        }
        if let Some(count) = &written.add_partitions {
            return self
                .add_partitions(count, at, walk)
                .map(|action| vec![action]);
        }
        if let Some(freeze) = &written.freeze {
            return self.freeze(freeze, walk).map(|action| vec![action]);
        }
        if let Some(rate) = &written.rate {
            let turn = self.rate_change(rate)?;
            walk.walked.turns.push((at.as_secs_f64(), turn));
            return Some(vec![Action::RateChange]);
        }
        if let Some(change) = &written.downstream {
            return self.downstream_change(change, walk);
        }
        if let Some(word) = &written.dead_letter {
            let answers = self.choice(word, &DEAD_LETTER_TOPIC)?;
            return Some(vec![Action::DeadLetter(answers)]);
        }
        let now = match &written.takes_effect {
            Some(word) => self.choice(word, &[("at-restart", false), ("now", true)])?,
            None => false,
        };
        let settings = self.set(index, &["set"], walk)?;
        if let (true, Some(word)) = (now, &written.takes_effect) {
            self.refuse_another_pool(word, settings, walk)?;
        }
        Some(vec![if now {
            Action::Adopt { settings }
        } else {
            Action::AdoptAtRestart { settings }
        }])
    }

    /// Members by index, name or `all`.
    fn who(&mut self, who: &Who, walk: &Walk<'_, '_>) -> Option<Vec<ProcessId>> {
        if !walk.known {
            return None;
        }
        let place = &who.0.span;
        let found = match &who.0.value {
            Scalar::Text(word) if word == "all" => return Some(walk.fleet.running()),
            Scalar::Text(name) => walk.fleet.names().position(|known| known == name),
            Scalar::Integer(index) => usize::try_from(*index)
                .ok()
                .filter(|index| *index < walk.fleet.len()),
            _ => None,
        };
        let Some(index) = found else {
            let typed = who.0.value.plain();
            let help = match (walk.fleet.len(), nearest(&typed, walk.fleet.names())) {
                (0, _) => "the group has no members: write members = 4 under [group]".to_owned(),
                (_, Some(name)) => format!("write \"{name}\""),
                (count, None) => format!(
                    "members are numbered 0 to {}; \"all\" means all that run",
                    count - 1
                ),
            };
            return self.error(place, format!("there is no member {typed}"), help);
        };
        let process = ProcessId(index as u32);
        if !walk.fleet.is_running(process) {
            let message = format!("member {} does not run at that time", who.0.value.plain());
            let help = "name one that has started and was not stopped, or change the time";
            return self.error(place, message, help);
        }
        Some(vec![process])
    }

    fn several(
        &mut self,
        members: Option<&OneOrMany<Who>>,
        at: &Place,
        walk: &Walk<'_, '_>,
    ) -> Option<Vec<ProcessId>> {
        let mut processes = Vec::new();
        match members {
            None => processes = walk.fleet.running(),
            Some(OneOrMany::One(who)) => processes = self.who(who, walk)?,
            Some(OneOrMany::Many(list)) => {
                for who in &list.value {
                    for process in self.who(who, walk)? {
                        if processes.contains(&process) {
                            return self.error(
                                &who.0.span,
                                "this member is named twice",
                                "name each member once",
                            );
                        }
                        processes.push(process);
                    }
                }
            }
        }
        if processes.is_empty() && walk.fleet.len() > 0 {
            return self.error(
                at,
                "nobody runs at that time",
                "choose a time at which members run, or start some with `scale`",
            );
        }
        Some(processes)
    }

    fn named(
        &mut self,
        members: Option<&OneOrMany<Who>>,
        at: &Place,
        walk: &Walk<'_, '_>,
    ) -> Option<Vec<ProcessId>> {
        match members {
            None => self.missing(
                at,
                "members",
                r#"say who: members = 0, members = [0, 2] or members = "all""#,
            ),
            some => self.several(some, at, walk),
        }
    }

    fn crash(
        &mut self,
        crash: &Either<Who, raw::Crash>,
        walk: &mut Walk<'_, '_>,
    ) -> Option<Action> {
        let (processes, restart_after) = match crash {
            Either::Plain(who) => (self.who(who, walk)?, None),
            Either::Table(table) => {
                let processes = self.named(table.value.members.as_ref(), &table.span, walk)?;
                let after = match &table.value.restart_after {
                    Some(time) => Some(self.duration(time)?),
                    None => None,
                };
                (processes, after)
            }
        };
        if restart_after.is_none() && walk.autoscaled {
            let place = match crash {
                Either::Plain(who) => &who.0.span,
                Either::Table(table) => &table.span,
            };
            return self.error(
                place,
                "a pod does not stay away: its Deployment starts it again",
                r#"write how long that takes: crash = { members = 0, restart-after = "30s" }"#,
            );
        }
        if restart_after.is_none() {
            walk.fleet.lose(&processes);
        }
        Some(Action::Crash {
            processes,
            restart_after,
        })
    }

    fn restart(
        &mut self,
        restart: &Either<Who, raw::Restart>,
        index: usize,
        walk: &mut Walk<'_, '_>,
    ) -> Option<Action> {
        match restart {
            Either::Plain(who) => Some(Action::Restart {
                processes: self.who(who, walk)?,
                gap: SimDuration::ZERO,
                start_up: SimDuration::ZERO,
                graceful: true,
                rolling: false,
                settings: None,
            }),
            Either::Table(table) => {
                let processes = self.named(table.value.members.as_ref(), &table.span, walk)?;
                self.restarted(table, processes, false, &["restart", "set"], index, walk)
            }
        }
    }

    fn restarted(
        &mut self,
        table: &Spot<raw::Restart>,
        processes: Vec<ProcessId>,
        rolls: bool,
        set: &[&str],
        index: usize,
        walk: &mut Walk<'_, '_>,
    ) -> Option<Action> {
        let value = &table.value;
        let gap = self.duration_or(&value.gap, SimDuration::ZERO);
        let start_up = self.duration_or(&value.start_up, SimDuration::ZERO);
        let graceful = self.flag_or(&value.graceful, true);
        let rolling = self.flag_or(&value.rolling, rolls);
        let settings = match &value.set {
            Some(_) => Some(self.set(index, set, walk)?),
            None => None,
        };
        Some(Action::Restart {
            processes,
            gap,
            start_up,
            graceful: graceful?,
            rolling: rolling?,
            settings,
        })
    }

    fn scale(
        &mut self,
        scale: &Either<Count, raw::Scale>,
        walk: &mut Walk<'_, '_>,
    ) -> Option<Vec<Action>> {
        if walk.autoscaled {
            let place = match scale {
                Either::Plain(count) => &count.0.span,
                Either::Table(table) => &table.span,
            };
            return self.error(
                place,
                "the autoscaler decides how many members run",
                "leave this entry out, or the section [autoscaler]",
            );
        }
        let (to, start_up, graceful) = match scale {
            Either::Plain(count) => (count, SimDuration::ZERO, true),
            Either::Table(table) => {
                let Some(to) = &table.value.to else {
                    return self.missing(
                        &table.span,
                        "to",
                        "write how many members run from then on: to = 4",
                    );
                };
                let graceful = self.flag_or(&table.value.graceful, true)?;
                (
                    to,
                    self.duration_or(&table.value.start_up, SimDuration::ZERO),
                    graceful,
                )
            }
        };
        let count = self.count_within(to, "the members of a group", 0, MOST_MEMBERS)?;
        let most = walk.fleet.most();
        let (started, stopped) = walk.fleet.scale(count as usize);
        if walk.fleet.most() > most {
            walk.walked.members_at = Some(to.0.span.clone());
        }
        if started.is_empty() && stopped.is_empty() {
            let message = format!("{count} members run at that time already");
            self.warn(
                &to.0.span,
                message,
                "leave this entry out, or write another number",
            );
        }
        let mut actions = Vec::new();
        if !started.is_empty() {
            actions.push(Action::Start {
                processes: started,
                start_up,
            });
        }
        if !stopped.is_empty() {
            actions.push(Action::Stop {
                processes: stopped,
                graceful,
            });
        }
        Some(actions)
    }

    fn add_partitions(
        &mut self,
        value: &Count,
        at: SimTime,
        walk: &mut Walk<'_, '_>,
    ) -> Option<Action> {
        let to = self.count_within(value, "the partitions of a topic", 1, MOST_PARTITIONS)? as u32;
        let now = walk.walked.partitions;
        if now > 0 && to <= now {
            let message =
                format!("the topic has {now} partitions at that time already, and cannot shrink");
            let help = format!("write how many there are in all from then on, more than {now}");
            return self.error(&value.0.span, message, help);
        }
        walk.walked.partitions = to;
        walk.walked.growth.push((at, to));
        Some(Action::AddPartitions { to })
    }

    fn freeze(&mut self, freeze: &Spot<raw::Freeze>, walk: &Walk<'_, '_>) -> Option<Action> {
        let processes = match &freeze.value.members {
            None => Vec::new(),
            Some(OneOrMany::One(who)) if who.0.value == Scalar::Text("all".to_owned()) => {
                Vec::new()
            }
            some => self.several(some.as_ref(), &freeze.span, walk)?,
        };
        let length = match &freeze.value.length {
            Some(time) => self.positive(time, "the length of a freeze")?,
            None => {
                return self.missing(
                    &freeze.span,
                    "length",
                    r#"write how long they stand still: length = "10s""#,
                );
            }
        };
        Some(Action::Freeze { processes, length })
    }

    fn rate_change(&mut self, change: &Either<raw::Rate, raw::RateChange>) -> Option<Turn> {
        let table = match change {
            Either::Plain(rate) => return Some(Turn::To(self.rate(rate)?, 0.0)),
            Either::Table(table) => table,
        };
        let value = &table.value;
        let given = [
            ("to", value.to.is_some()),
            ("factor", value.factor.is_some()),
        ];
        let help = r#"write the rate from then on: to = "900/s", or how much more: factor = 1.5"#;
        one_of(self, &table.span, &given, "the new rate", help)?;
        if let Some(factor) = &value.factor {
            if let Some(over) = &value.over {
                self.error::<()>(
                    &over.0.span,
                    "`over` goes with `to` only",
                    "leave it out, or write the rate with `to`",
                );
            }
            return Some(Turn::Factor(self.factor(factor)?));
        }
        let over = self.duration_or(&value.over, SimDuration::ZERO);
        Some(Turn::To(self.rate(value.to.as_ref()?)?, over.as_secs_f64()))
    }
}
