//! Which processes run, as far as the timeline knows. Not what becomes of them in the run.

use std::collections::BTreeSet;

use super::super::super::model::Group;
use super::super::group::add_process;
use crate::units::{ProcessId, SimTime};

/// The processes and which of them are meant to run.
pub(super) struct Fleet {
    group: Group,
    running: BTreeSet<u32>,
    /// Processes that start by themselves, latest first.
    waiting: Vec<(SimTime, u32)>,
    most: usize,
}

impl Fleet {
    pub(super) fn new(group: Group) -> Self {
        let mut waiting: Vec<(SimTime, u32)> = group
            .processes
            .iter()
            .enumerate()
            .filter_map(|(index, process)| Some((process.start?, index as u32)))
            .collect();
        waiting.sort_by(|one, other| other.cmp(one));
        let mut fleet = Fleet {
            group,
            running: BTreeSet::new(),
            waiting,
            most: 0,
        };
        fleet.advance(SimTime::ZERO);
        fleet
    }

    /// An autoscaler decides who runs when, so all may be meant.
    pub(super) fn run_all(&mut self) {
        self.waiting.clear();
        self.running = (0..self.group.processes.len() as u32).collect();
    }

    /// Starts what starts by itself until `at`.
    pub(super) fn advance(&mut self, at: SimTime) {
        while let Some((start, process)) = self.waiting.last().copied()
            && start <= at
        {
            self.waiting.pop();
            self.running.insert(process);
        }
        self.most = self.most.max(self.running.len());
    }

    /// Most that ever ran at once, those included that have yet to start.
    pub(super) fn most(&self) -> usize {
        self.most.max(self.running.len() + self.waiting.len())
    }

    pub(super) fn into_group(self) -> Group {
        self.group
    }

    pub(super) fn len(&self) -> usize {
        self.group.processes.len()
    }

    pub(super) fn running(&self) -> Vec<ProcessId> {
        self.running.iter().copied().map(ProcessId).collect()
    }

    pub(super) fn is_running(&self, process: ProcessId) -> bool {
        self.running.contains(&process.0)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.group
            .processes
            .iter()
            .map(|process| process.name.as_str())
    }

    /// Takes processes away for good.
    pub(super) fn lose(&mut self, processes: &[ProcessId]) {
        for process in processes {
            self.running.remove(&process.0);
        }
    }

    /// Brings the number that run to `count`: which start, and which stop (the last first).
    pub(super) fn scale(&mut self, count: usize) -> (Vec<ProcessId>, Vec<ProcessId>) {
        let mut stopped = Vec::new();
        while self.running.len() > count
            && let Some(last) = self.running.pop_last()
        {
            stopped.push(ProcessId(last));
        }
        let mut started = Vec::new();
        let mut next = 0;
        while self.running.len() < count {
            let waits = self.waiting.iter().any(|(_, process)| *process == next);
            if !waits && self.running.insert(next) {
                if next as usize == self.group.processes.len() {
                    add_process(&mut self.group);
                }
                started.push(ProcessId(next));
            }
            next += 1;
        }
        self.most = self.most.max(self.running.len());
        (started, stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::model::Process;
    use super::*;

    fn fleet(starts: &[u64]) -> Fleet {
        let processes = starts.iter().enumerate().map(|(index, start)| Process {
            name: format!("g-{index}"),
            start: Some(SimTime::from_secs(*start)),
            client_id: None,
            instance_id: None,
        });
        Fleet::new(Group {
            name: "g".to_owned(),
            static_members: false,
            start_up: None,
            processes: processes.collect(),
        })
    }

    #[test]
    fn scaling_up_starts_the_lowest_that_do_not_run_and_then_new_ones() {
        let mut fleet = fleet(&[0, 0, 0]);
        fleet.lose(&[ProcessId(1)]);
        let (started, stopped) = fleet.scale(4);
        assert_eq!(started, [ProcessId(1), ProcessId(3)]);
        assert!(stopped.is_empty());
        assert_eq!(fleet.names().last(), Some("g-3"));
    }

    #[test]
    fn scaling_down_stops_the_last_first() {
        let mut fleet = fleet(&[0, 0, 0]);
        assert_eq!(fleet.scale(1).1, [ProcessId(2), ProcessId(1)]);
        assert_eq!(fleet.running(), [ProcessId(0)]);
    }

    #[test]
    fn an_autoscaler_may_mean_every_process_that_it_may_run() {
        let mut fleet = fleet(&[0, 100]);
        fleet.run_all();
        assert_eq!(fleet.running().len(), 2);
    }

    #[test]
    fn who_starts_later_does_not_run_yet_and_is_not_started_twice() {
        let mut fleet = fleet(&[0, 100]);
        assert_eq!(fleet.running(), [ProcessId(0)]);
        assert_eq!(fleet.scale(2).0, [ProcessId(2)]);
        fleet.advance(SimTime::from_secs(100));
        assert_eq!(fleet.running().len(), 3);
    }
}
