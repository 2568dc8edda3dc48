//! What the group went through: rebalances with their cause, their length and each member's pause, and evictions.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::kafka::{RebalanceReason, RemovalReason};
use crate::scenario::Group;
use crate::sim::Fact;
use crate::units::{ProcessId, SimTime};

/// A rebalance: from PreparingRebalance until the group is Stable again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rebalance {
    /// When the group went to PreparingRebalance (s).
    pub started_at_s: f64,
    /// When it ended (s); none if the run did before.
    pub ended_at_s: Option<f64>,
    /// How long it took (s), until the end of the run if it had not ended.
    pub duration_s: f64,
    /// How it ended.
    pub ended: RebalanceEnd,
    /// The generation that ended with its start.
    pub generation: u32,
    /// Why: `member-joined`, `member-left`, `max-poll-interval`, `session-expired`, `metadata-changed`, `member-rejoined`.
    pub cause: &'static str,
    /// The process behind it.
    pub member: Option<String>,
    /// How long each member stood still for it (s), in the order in which they went on.
    pub pauses: Vec<Pause>,
}

/// How a rebalance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RebalanceEnd {
    /// The group became Stable.
    Stable,
    /// Another rebalance began before it was.
    Restarted,
    /// The last member was gone.
    Empty,
    /// The run ended before.
    Unfinished,
}

/// How long a member stood still for a rebalance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pause {
    /// Its process.
    pub member: String,
    /// From its revocation, or its start, until it fetches again (s).
    pub pause_s: f64,
}

/// The coordinator lost a member that did not want to leave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Eviction {
    /// When (s).
    pub time_s: f64,
    /// Its process.
    pub member: String,
    /// Why: `max-poll-interval`, `session-expired`, `rebalance-timeout`, `sync-timeout`, `left`.
    pub reason: &'static str,
}

/// Folds the facts of the group.
#[derive(Clone, Debug)]
pub struct GroupHistory {
    names: Vec<String>,
    rebalances: Vec<Rebalance>,
    open_since: Option<SimTime>,
    evictions: Vec<Eviction>,
    /// The process that breached max.poll.interval.ms last, until it is a member again.
    breached: Option<ProcessId>,
    /// How many partitions each member was last assigned.
    assigned: BTreeMap<ProcessId, usize>,
}

impl GroupHistory {
    /// Nothing happened yet to `group`.
    pub fn new(group: &Group) -> Self {
        GroupHistory {
            names: group
                .processes
                .iter()
                .map(|process| process.name.clone())
                .collect(),
            rebalances: Vec::new(),
            open_since: None,
            evictions: Vec::new(),
            breached: None,
            assigned: BTreeMap::new(),
        }
    }

    /// Takes a fact.
    pub fn observe(&mut self, at: SimTime, fact: &Fact) {
        match fact {
            Fact::RebalanceStarted {
                generation,
                reason,
                process,
            } => self.start(at, *generation, *reason, *process),
            Fact::GroupStable { .. } => self.end(at, RebalanceEnd::Stable),
            Fact::GroupEmpty => self.end(at, RebalanceEnd::Empty),
            Fact::MemberEvicted { process, removal } => self.evict(at, *process, *removal),
            Fact::MemberJoined { process, .. } if self.breached == Some(*process) => {
                self.breached = None;
            }
            Fact::PartitionsAssigned {
                process,
                partitions,
                ..
            } => {
                self.assigned.insert(*process, partitions.len());
            }
            Fact::ProcessStopped { process, .. } => {
                self.assigned.remove(process);
            }
            Fact::MemberResumed { process, since } => {
                let pause = Pause {
                    member: self.name(*process),
                    pause_s: at.since(*since).as_secs_f64(),
                };
                if let Some(rebalance) = self.last_stable() {
                    rebalance.pauses.push(pause);
                }
            }
            _ => {}
        }
    }

    /// Members that run and were last assigned nothing.
    pub fn idle_members(&self) -> u64 {
        self.assigned.values().filter(|count| **count == 0).count() as u64
    }

    /// Rebalances and evictions, in order of time.
    pub fn finish(mut self, end: SimTime) -> (Vec<Rebalance>, Vec<Eviction>) {
        if let (Some(since), Some(last)) = (self.open_since, self.rebalances.last_mut()) {
            last.duration_s = end.since(since).as_secs_f64();
        }
        (std::mem::take(&mut self.rebalances), self.evictions)
    }

    /// A process's name.
    pub fn name(&self, process: ProcessId) -> String {
        self.names
            .get(process.ix())
            .cloned()
            .unwrap_or_else(|| format!("process-{}", process.0))
    }

    fn start(
        &mut self,
        at: SimTime,
        generation: u32,
        reason: RebalanceReason,
        process: Option<ProcessId>,
    ) {
        self.end(at, RebalanceEnd::Restarted);
        let breach = process.is_some() && process == self.breached;
        let cause = match reason {
            RebalanceReason::MemberLeft(_) if breach => "max-poll-interval",
            RebalanceReason::MemberLeft(_) => "member-left",
            RebalanceReason::MemberJoined(_) => "member-joined",
            RebalanceReason::SessionExpired(_) => "session-expired",
            RebalanceReason::MetadataChanged => "metadata-changed",
            RebalanceReason::MemberRejoined(_) => "member-rejoined",
        };
        self.open_since = Some(at);
        self.rebalances.push(Rebalance {
            started_at_s: at.as_secs_f64(),
            ended_at_s: None,
            duration_s: 0.0,
            ended: RebalanceEnd::Unfinished,
            generation,
            cause,
            member: process.map(|process| self.name(process)),
            pauses: Vec::new(),
        });
    }

    fn end(&mut self, at: SimTime, ended: RebalanceEnd) {
        if let (Some(since), Some(last)) = (self.open_since.take(), self.rebalances.last_mut()) {
            last.ended_at_s = Some(at.as_secs_f64());
            last.duration_s = at.since(since).as_secs_f64();
            last.ended = ended;
        }
    }

    fn evict(&mut self, at: SimTime, process: ProcessId, removal: Option<RemovalReason>) {
        let member = self.name(process);
        let reason = match removal {
            None => "max-poll-interval",
            Some(RemovalReason::Left) => "left",
            Some(RemovalReason::SessionExpired) => "session-expired",
            Some(RemovalReason::RebalanceTimeout) => "rebalance-timeout",
            Some(RemovalReason::SyncTimeout) => "sync-timeout",
        };
        if removal.is_none() {
            self.breached = Some(process);
            // The rebalance it makes may have been told just before, at the same instant.
            if let Some(last) = self.rebalances.last_mut()
                && last.started_at_s == at.as_secs_f64()
                && last.cause == "member-left"
                && last.member.as_ref() == Some(&member)
            {
                last.cause = "max-poll-interval";
            }
        }
        self.evictions.push(Eviction {
            time_s: at.as_secs_f64(),
            member,
            reason,
        });
    }

    /// A pause belongs to the last rebalance that reached Stable: only then a member can go on.
    fn last_stable(&mut self) -> Option<&mut Rebalance> {
        let stable = |rebalance: &Rebalance| rebalance.ended == RebalanceEnd::Stable;
        let ix = self
            .rebalances
            .iter()
            .rposition(stable)
            .or(self.rebalances.len().checked_sub(1))?;
        self.rebalances.get_mut(ix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::MemberId;
    use crate::scenario::Process;

    const MEMBER: MemberId = MemberId {
        random: 1,
        serial: 0,
    };

    fn history(facts: &[(u64, Fact)]) -> (Vec<Rebalance>, Vec<Eviction>) {
        let processes = ["a", "b"].map(|name| Process {
            name: name.into(),
            start: None,
            client_id: None,
            instance_id: None,
        });
        let group = Group {
            name: "g".into(),
            static_members: false,
            start_up: None,
            processes: processes.to_vec(),
        };
        let mut history = GroupHistory::new(&group);
        for (second, fact) in facts {
            history.observe(SimTime::from_secs(*second), fact);
        }
        history.finish(SimTime::from_secs(100))
    }

    fn started(reason: RebalanceReason, process: u32) -> Fact {
        Fact::RebalanceStarted {
            generation: 1,
            reason,
            process: Some(ProcessId(process)),
        }
    }

    #[test]
    fn leaving_at_max_poll_interval_is_told_apart_from_leaving() {
        let left = || started(RebalanceReason::MemberLeft(MEMBER), 1);
        let evicted = Fact::MemberEvicted {
            process: ProcessId(1),
            removal: None,
        };
        let joined = Fact::MemberJoined {
            process: ProcessId(1),
            member_id: "b-1".into(),
        };
        let stable = || Fact::GroupStable { generation: 2 };
        let (rebalances, evictions) = history(&[
            (10, evicted.clone()),
            (10, left()),
            (12, stable()),
            (15, joined),
            (20, left()),
            (21, stable()),
            (30, left()),
            (30, evicted),
        ]);
        let causes: Vec<_> = rebalances.iter().map(|r| r.cause).collect();
        assert_eq!(
            causes,
            ["max-poll-interval", "member-left", "max-poll-interval"]
        );
        assert_eq!(rebalances[0].duration_s, 2.0);
        assert_eq!(
            (rebalances[2].ended, rebalances[2].duration_s),
            (RebalanceEnd::Unfinished, 70.0)
        );
        assert_eq!(evictions.len(), 2);
    }

    #[test]
    fn a_pause_belongs_to_the_rebalance_that_became_stable() {
        let joined = || started(RebalanceReason::MemberJoined(MEMBER), 0);
        let (rebalances, _) = history(&[
            (0, joined()),
            (2, joined()),
            (6, Fact::GroupStable { generation: 2 }),
            (7, joined()),
            (
                7,
                Fact::MemberResumed {
                    process: ProcessId(0),
                    since: SimTime::ZERO,
                },
            ),
        ]);
        assert_eq!(rebalances[0].ended, RebalanceEnd::Restarted);
        assert_eq!(
            rebalances[1].pauses,
            [Pause {
                member: "a".into(),
                pause_s: 7.0
            }]
        );
        assert_eq!(rebalances[2].pauses, []);
    }
}
