//! The group's members.

use std::collections::BTreeSet;

use super::super::model::{Group, Process};
use super::super::raw::{self, Spot};
use super::judge::{Judge, Place};
use crate::units::{SimDuration, SimTime};

/// Most members of a group, over the whole run.
pub(super) const MOST_MEMBERS: u64 = 10_000;

/// The instant a length of time after the start.
pub(super) fn instant(after: SimDuration) -> SimTime {
    SimTime::ZERO + after
}

/// Adds a process that nobody starts yet: `<group>-<n>`, unless a member is called so, or has that as its
/// group.instance.id.
pub(super) fn add_process(group: &mut Group) {
    let mut name = format!("{}-{}", group.name, group.processes.len());
    let taken = |process: &Process, name: &String| {
        process.name == *name || process.instance_id.as_ref() == Some(name)
    };
    while group.processes.iter().any(|process| taken(process, &name)) {
        name.push('x');
    }
    group.processes.push(Process {
        instance_id: group.static_members.then(|| name.clone()),
        name,
        start: None,
        client_id: None,
    });
}

impl Judge<'_> {
    pub(super) fn group(&mut self, section: Option<&Spot<raw::Group>>) -> Option<Group> {
        let Some(Spot { span, value: group }) = section else {
            return self.missing(
                &(0..0),
                "group",
                "add a section: [group] with name and members",
            );
        };
        let name = match &group.name {
            Some(name) => self.text(name),
            None => self.missing(
                span,
                "name",
                r#"write the group's id: name = "order-processor""#,
            ),
        };
        let prefix = name.clone().unwrap_or_default();
        let static_members = match &group.r#static {
            Some(flag) => self.flag(flag),
            None => Some(false),
        };
        let start_up = match &group.start_up {
            Some(law) => self.law(law).map(Some),
            None => Some(None),
        };
        let processes = match (&group.members, &group.member) {
            (Some(members), Some(listed)) => {
                let other = listed.first().map_or(span, |first| &first.span);
                self.clash(
                    &members.0.span,
                    "`members` and `[[group.member]]` both say who is there",
                    (other, "here too"),
                    "keep the number or the list",
                )
            }
            (Some(members), None) => {
                let count =
                    self.count_within(members, "the members of a group", 0, MOST_MEMBERS)?;
                self.counted(&prefix, count, group)
            }
            (None, Some(listed)) => self.listed(&prefix, listed, group),
            (None, None) => self.missing(span, "members", "write how many run: members = 4"),
        };
        let (static_members, mut processes) = (static_members?, processes?);
        if static_members {
            for process in &mut processes {
                process
                    .instance_id
                    .get_or_insert_with(|| process.name.clone());
            }
        }
        self.instances(&processes, group, span);
        Some(Group {
            name: name?,
            static_members,
            start_up: start_up?,
            processes,
        })
    }

    fn counted(&mut self, prefix: &str, count: u64, group: &raw::Group) -> Option<Vec<Process>> {
        let mut starts = vec![SimTime::ZERO; count as usize];
        if let Some(times) = &group.start_times {
            if times.value.len() != starts.len() {
                let message = format!(
                    "`start-times` lists {} times for {count} members",
                    times.value.len()
                );
                return self.error(
                    &times.span,
                    message,
                    format!("list {count} times, one per member"),
                );
            }
            for (start, time) in starts.iter_mut().zip(&times.value) {
                *start = instant(self.duration(time)?);
            }
        }
        let named = starts.into_iter().enumerate();
        Some(
            named
                .map(|(index, start)| Process {
                    name: format!("{prefix}-{index}"),
                    start: Some(start),
                    client_id: None,
                    instance_id: None,
                })
                .collect(),
        )
    }

    fn listed(
        &mut self,
        prefix: &str,
        listed: &[Spot<raw::Member>],
        group: &raw::Group,
    ) -> Option<Vec<Process>> {
        if let Some(times) = &group.start_times {
            let help = "write `start` in each [[group.member]] instead";
            self.error::<()>(
                &times.span,
                "`start-times` goes with `members`, not with a list",
                help,
            );
        }
        if listed.len() as u64 > MOST_MEMBERS {
            let help = format!("list at most {MOST_MEMBERS}");
            return self.error(&listed[0].span, "too many members", help);
        }
        let mut names = BTreeSet::new();
        let mut processes = Some(Vec::new());
        for (index, member) in listed.iter().enumerate() {
            let name = match &member.value.name {
                Some(name) => self.text(name),
                None => Some(format!("{prefix}-{index}")),
            };
            let start = match &member.value.start {
                Some(start) => self.duration(start),
                None => Some(SimDuration::ZERO),
            };
            if let Some(name) = &name
                && !names.insert(name.clone())
            {
                let at = member
                    .value
                    .name
                    .as_ref()
                    .map_or(&member.span, |name| &name.0.span);
                let help =
                    "give each member a name of its own: it addresses the member's random draws";
                self.error::<()>(at, format!("two members are called `{name}`"), help);
            }
            let mut id = |id: &Option<raw::Text>| match id {
                Some(id) => self.text(id).map(Some),
                None => Some(None),
            };
            let ids = id(&member.value.client_id).zip(id(&member.value.instance_id));
            match (name, start, ids, &mut processes) {
                (Some(name), Some(start), Some((client_id, instance_id)), Some(all)) => {
                    all.push(Process {
                        name,
                        start: Some(instant(start)),
                        client_id,
                        instance_id,
                    });
                }
                _ => processes = None,
            }
        }
        processes
    }

    /// Two processes of one group.instance.id would fence each other.
    fn instances(&mut self, processes: &[Process], group: &raw::Group, span: &Place) {
        let mut known = BTreeSet::new();
        for (index, process) in processes.iter().enumerate() {
            let Some(id) = process.instance_id.as_ref().filter(|id| !known.insert(*id)) else {
                continue;
            };
            let written = group.member.as_ref().and_then(|listed| listed.get(index));
            let at = written.map_or(span, |member| {
                let written = &member.value.instance_id;
                written.as_ref().map_or(&member.span, |id| &id.0.span)
            });
            self.error::<()>(
                at,
                format!("two members have the group.instance.id `{id}`: they would fence each other (FENCED_INSTANCE_ID)"),
                "give each its own; a process keeps its id when it starts again, so one member stands for all its restarts",
            );
        }
    }
}
