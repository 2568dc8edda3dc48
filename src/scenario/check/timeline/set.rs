//! Settings that change on the timeline: the document with the change is read again.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::super::document::{self, Step, error};
use super::super::super::raw::{Model, Text};
use super::super::judge::Judge;
use super::Walk;
use crate::kafka::GroupProtocol;

/// What may change, and how many steps its path has before the value.
const CHANGEABLE: [(&[&str], usize); 4] = [
    (&["group", "client"], 2),
    (&["group", "properties"], 3),
    (&["processing"], 2),
    (&["poison"], 3),
];

impl Judge<'_> {
    /// Applies the `set` found at `path` inside entry `index` of the timeline; the number of the settings that result.
    pub(super) fn set(
        &mut self,
        index: usize,
        inside: &[&str],
        walk: &mut Walk<'_, '_>,
    ) -> Option<usize> {
        if let Some((entry, settings)) = walk.last_set
            && entry == index
        {
            return Some(settings);
        }
        let assignments = find(&walk.tree, index, inside)?;
        let mut tree = walk.tree.clone();
        let mut flat = Vec::new();
        let before = self.found.len();
        self.flatten(Vec::new(), assignments, &mut flat);
        if flat.is_empty() && self.found.len() == before {
            let help =
                r#"name at least one setting: set = { "group.properties.max.poll.records" = 100 }"#;
            return self.error(&assignments_span(&walk.tree, index), "`set` is empty", help);
        }
        for (steps, value) in flat {
            if let Err(fault) = document::put(&mut tree, &steps, value) {
                self.found.push(fault);
            }
        }
        if self.found.len() > before {
            return None;
        }
        let written = self.mirror(tree)?;
        let model: &Model = &written.model;
        let settings = self.settings(model, walk.start.brokers, walk.start.downstreams);
        let place = assignments_span(&walk.tree, index);
        walk.tree = written.tree;
        let settings = settings?;
        let first = walk.start.settings;
        let before = first.map(|first| first.properties.group_protocol);
        if before.is_some_and(|protocol| protocol != settings.properties.group_protocol) {
            return self.error(
                &place,
                "the protocol of a group cannot change on the timeline",
                "members of both would be in one group for a while (group.consumer.migration.policy), and that is not modelled: \
                 compare two runs, one with --set group.properties.group.protocol=consumer",
            );
        }
        let classic = settings.properties.group_protocol == GroupProtocol::Classic;
        let before = walk.start.settings.map(|first| first.properties.assignor);
        if classic && before.is_some_and(|assignor| assignor != settings.properties.assignor) {
            return self.error(
                &place,
                "the assignor of a group cannot change on the timeline",
                "a member with an assignor that others lack is refused (INCONSISTENT_GROUP_PROTOCOL), and the way over a list of \
                 both is not modelled: compare two runs, one with --set group.properties.partition.assignment.strategy",
            );
        }
        let known = walk
            .walked
            .settings
            .iter()
            .position(|other| *other == settings);
        // The first settings are those of the model itself, number 0.
        let number = 1 + known.unwrap_or_else(|| {
            walk.walked.settings.push(settings);
            walk.walked.set_at.push(place);
            walk.walked.settings.len() - 1
        });
        walk.last_set = Some((index, number));
        Some(number)
    }

    /// A running process cannot be given a pool of threads, nor lose the one it has.
    pub(super) fn refuse_another_pool(
        &mut self,
        word: &Text,
        settings: usize,
        walk: &Walk<'_, '_>,
    ) -> Option<()> {
        let all = walk.start.settings.into_iter().chain(&walk.walked.settings);
        let pools: Vec<bool> = all.map(|own| own.processing.order.is_some()).collect();
        let (before, now) = (pools.get(..settings)?, pools.get(settings)?);
        if before.iter().all(|pool| pool == now) {
            return Some(());
        }
        let help =
            r#"leave `takes-effect` out: a process takes another client up as it is restarted"#;
        self.error(
            &word.0.span,
            "a pool of threads comes and goes with its process",
            help,
        )
    }

    /// Paths and values of a `set` table, whichever way its dots are written.
    fn flatten<'t>(
        &mut self,
        above: Vec<Step<'t>>,
        table: DeTable<'t>,
        flat: &mut Vec<(Vec<Step<'t>>, Spanned<DeValue<'t>>)>,
    ) {
        for (key, value) in table {
            let mut steps = above.clone();
            for part in key.get_ref().split('.') {
                steps.push(Spanned::new(key.span(), Cow::Owned(part.to_owned())));
            }
            let names: Vec<&str> = steps.iter().map(|step| step.get_ref().as_ref()).collect();
            let Some(depth) = depth_of(&names) else {
                let path = names.join(".");
                self.found.push(error(
                    key.span(),
                    format!("`{path}` cannot change on the timeline"),
                    "settings under group.client, group.properties, processing and poison.N.on-error can; the rate, the downstream and the topic have actions of their own",
                ));
                continue;
            };
            match value.get_ref() {
                DeValue::Table(_)
                    if steps.len() < depth || names[..2] == ["group", "properties"] =>
                {
                    let DeValue::Table(below) = value.into_inner() else {
                        continue;
                    };
                    self.flatten(steps, below, flat);
                }
                _ => flat.push((steps, value)),
            }
        }
    }
}

/// How many steps a changeable path has before its value; `None` if it cannot change.
fn depth_of(names: &[&str]) -> Option<usize> {
    if names.len() >= 3 && names[0] == "poison" && names[2] != "on-error" {
        return None;
    }
    CHANGEABLE
        .iter()
        .find(|(path, _)| {
            let common = path.len().min(names.len());
            path[..common] == names[..common]
        })
        .map(|(_, depth)| *depth)
}

fn entry<'d, 't>(tree: &'d DeTable<'t>, index: usize) -> Option<&'d Spanned<DeValue<'t>>> {
    tree.get("at")?.get_ref().as_array()?.get(index)
}

fn find<'t>(tree: &DeTable<'t>, index: usize, inside: &[&str]) -> Option<DeTable<'t>> {
    let mut table = entry(tree, index)?.get_ref().as_table()?;
    for key in inside {
        table = table.get(*key)?.get_ref().as_table()?;
    }
    Some(table.clone())
}

fn assignments_span(tree: &DeTable<'_>, index: usize) -> std::ops::Range<usize> {
    entry(tree, index).map_or(0..0, Spanned::span)
}
