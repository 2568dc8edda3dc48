//! The timeline's changes of dependencies.

use super::super::super::document::{list, nearest};
use super::super::super::downstream::{Downstream, DownstreamChange};
use super::super::super::model::Action;
use super::super::super::raw::{self, Either, Scalar, Spot};
use super::super::judge::{Judge, Place};
use super::Walk;

impl Judge<'_> {
    /// What changes of which dependency; none where they could not be read.
    pub(super) fn downstream_change(
        &mut self,
        change: &Either<raw::Text, raw::DownstreamChanges>,
        walk: &Walk<'_, '_>,
    ) -> Option<Vec<Action>> {
        let all = walk.start.downstreams?;
        let place = change.place();
        if all.is_empty() {
            return self.error(
                place,
                "there is no dependency to change",
                "describe it in a section [downstream.NAME]",
            );
        }
        let table = match change {
            Either::Plain(word) if all.len() == 1 => return Some(vec![self.turns(0, word)?]),
            Either::Plain(word) => {
                let word = format!("\"{}\"", word.0.value.plain());
                return self.of_which(place, all, &word);
            }
            Either::Table(table) => table,
        };
        let raw::DownstreamChanges { own, named } = &table.value;
        let mut actions = match (own.is_empty(), named.is_empty()) {
            (true, true) => return self.nothing_changes(place),
            (true, false) => Some(Vec::new()),
            (false, _) if all.len() == 1 => self.changes(0, own, place),
            (false, _) => self.of_which(place, all, "{ latency = \"1s\" }"),
        };
        for (name, change) in named {
            let more = self.named_change(name, change, all);
            actions = actions
                .zip(more)
                .map(|(before, more)| [before, more].concat());
        }
        actions
    }

    fn of_which<T>(&mut self, place: &Place, all: &[Downstream], change: &str) -> Option<T> {
        self.error(
            place,
            "there are several dependencies: this does not say which of them changes",
            format!(
                "write its name: downstream = {{ {} = {change} }}",
                all[0].name
            ),
        )
    }

    fn nothing_changes<T>(&mut self, place: &Place) -> Option<T> {
        let help = r#"write "stop", "fail", "resume", or a table with latency, failure-rate or rate-limit"#;
        self.error(place, "nothing changes here", help)
    }

    fn named_change(
        &mut self,
        name: &Spot<String>,
        change: &Either<raw::Text, raw::DownstreamChange>,
        all: &[Downstream],
    ) -> Option<Vec<Action>> {
        let which = match all {
            [only] if only.name != name.value => self.unknown_key(name),
            _ => self.called_so(name, all),
        };
        match change {
            Either::Plain(word) => Some(vec![self.turns(which?, word)?]),
            Either::Table(table) => self.changes(which?, &table.value, &table.span),
        }
    }

    /// What is said of the only dependency needs no name.
    fn unknown_key<T>(&mut self, key: &Spot<String>) -> Option<T> {
        let keys = raw::DownstreamChange::KEYS;
        let help = match nearest(&key.value, keys) {
            Some(name) => format!("write `{name}`"),
            None => format!("the keys here are {}", list(&keys)),
        };
        self.error(&key.span, format!("unknown key `{}`", key.value), help)
    }

    /// An outage begins or ends.
    fn turns(&mut self, which: usize, word: &raw::Text) -> Option<Action> {
        let choices = [
            ("stop", &DownstreamChange::Stop),
            ("fail", &DownstreamChange::Fail),
            ("resume", &DownstreamChange::Resume),
        ];
        let change = self.choice(word, &choices)?.clone();
        Some(Action::Downstream(which, change))
    }

    fn changes(
        &mut self,
        which: usize,
        table: &raw::DownstreamChange,
        place: &Place,
    ) -> Option<Vec<Action>> {
        let mut changes = Vec::new();
        if let Some(law) = &table.latency {
            changes.push(DownstreamChange::Latency(self.law(law)?));
        }
        if let Some(rate) = &table.failure_rate {
            changes.push(DownstreamChange::FailureRate(self.failure_rate(rate)?));
        }
        let none = |rate: &raw::Limit| rate.0.value == Scalar::Text("none".to_owned());
        match &table.rate_limit {
            Some(rate) if none(rate) => changes.push(DownstreamChange::Limit(None)),
            limit => {
                let rate = limit.as_ref().map(|limit| raw::Rate(limit.0.clone()));
                if let Some(limit) = self.limit(rate.as_ref(), table.burst.as_ref()) {
                    changes.push(DownstreamChange::Limit(Some(limit)));
                } else if limit.is_some() {
                    return None;
                }
            }
        }
        if changes.is_empty() {
            return self.nothing_changes(place);
        }
        let actions = changes.into_iter();
        Some(
            actions
                .map(|change| Action::Downstream(which, change))
                .collect(),
        )
    }
}
