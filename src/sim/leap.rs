//! Whole rounds of a member at once: poll, wait, work, commit, and back to the next poll. Exactly what its steps one by one
//! come to, for a member in its common state, whom nothing but the log and its own work concern. Members that share a limited
//! dependency are by themselves only while it has tokens enough for all ([`super::dependency`]): without, each call decides
//! when the others' are served.

use super::batch::Batch;
use super::link::Phase;
use super::member::{App, Ground, Member};
use crate::kafka::{HandedOut, Run};
use crate::scenario::{CommitPolicy, Scenario};
use crate::units::{SimDuration, SimTime};

/// How rounds end.
#[derive(Clone, Copy)]
enum Ends {
    /// commitSync(): the offsets are stored after one of these, and the answer is back after the other.
    Committed {
        stored: SimDuration,
        answered: SimDuration,
    },
    /// With the batch: poll() commits now and then.
    Worked,
}

/// What polls come to, the first of them being the one that was due.
enum Polls {
    /// One at this instant has records for the application.
    Records(SimTime),
    /// They find nothing that soon.
    Wait,
    /// The next has to be taken by itself.
    Step,
}

impl Member {
    /// Goes through rounds from the poll() that is due, as far as they end by `until`; false if the next step has to be
    /// taken by itself.
    pub fn leap(&mut self, until: SimTime, ground: &mut Ground) -> bool {
        let Some(ends) = self.round_ends(ground.scenario) else {
            return false;
        };
        let begun = self.wake;
        if !self.fetcher.enter_steady(begun, &self.limits) {
            return false;
        }
        self.batch.clear();
        let max = (self.settings_of(ground.scenario).properties).max_poll_records;
        loop {
            match self.polls(until, max, ends, ground) {
                Polls::Wait => return true,
                Polls::Step => return self.wake > begun,
                Polls::Records(at) => {
                    if !self.round(at, until, ends, ground) {
                        self.handed_out(at, ground);
                        self.begin_batch(at, ground);
                        return true;
                    }
                }
            }
        }
    }

    /// How its rounds end, if it is in its common state.
    fn round_ends(&self, scenario: &Scenario) -> Option<Ends> {
        let settings = self.settings_of(scenario);
        let (processing, client) = (&settings.processing, &settings.client);
        let ends = match processing.commit {
            // A law has another draw for each commit.
            CommitPolicy::AfterBatch if scenario.cluster.commit_law.is_none() => {
                let (trip, latency) =
                    (scenario.cluster.round_trip, scenario.cluster.commit_latency);
                Ends::Committed {
                    stored: trip.half() + latency,
                    answered: trip + latency,
                }
            }
            CommitPolicy::Auto if !self.timer_commits(scenario) => Ends::Worked,
            _ => return None,
        };
        let common = scenario.leaps
            && scenario.poison.is_empty()
            && processing.concurrency == 1
            && self.workers.is_none()
            && !client.returns_one_partition
            && client.fills.is_zero()
            && self.link.phase == Phase::Stable
            && self.link.void.is_none()
            && !self.attended()
            && !self.link.owes_commit
            && self.frozen_until.is_none()
            && self.blocked.is_empty()
            && self.caller.is_plain();
        common.then_some(ends)
    }

    /// Polls for `max` records at most until one has some for the application, but for what comes after `until`.
    #[inline]
    fn polls(&mut self, until: SimTime, max: u64, ends: Ends, ground: &mut Ground) -> Polls {
        let (at, mut last) = (self.wake, until);
        self.store_commits(at, ground.topic);
        match ends {
            Ends::Committed { .. } if !self.pending.is_empty() => return Polls::Step,
            Ends::Committed { .. } => {}
            Ends::Worked => {
                self.commit_waiting(at, ground);
                self.waits_in_poll = false;
                if at >= self.auto_commit_due {
                    return Polls::Step;
                }
                last = until.min(self.auto_commit_due - SimDuration::from_nanos(1));
            }
        }
        let (limits, runs) = (&self.limits, &mut self.batch.runs);
        match (self.fetcher).hand_out(at, last, max, limits, ground.topic, runs) {
            HandedOut::Records(at) => Polls::Records(at),
            HandedOut::Ask(at) => {
                (self.app, self.wake) = (App::Polling, at);
                Polls::Step
            }
            HandedOut::Wait { at, look } => {
                self.fills_until = at;
                self.wait_in_poll(at, look, ground);
                Polls::Wait
            }
        }
    }

    /// The round of a batch that is handed out at `at`; false, and nothing is done, if it does not end by `until`, or not all
    /// of its records are processed.
    #[inline]
    fn round(&mut self, at: SimTime, until: SimTime, ends: Ends, ground: &mut Ground) -> bool {
        let mut work = SimDuration::ZERO;
        for run in &self.batch.runs {
            let (id, topic) = (run.partition, &mut *ground.topic);
            let lost = topic.lost_in(id, (run.from, run.to), self.settings, usize::MAX);
            if lost.is_some() {
                return false;
            }
            work += topic.work(id, run.from, run.to, self.settings);
        }
        let worked = at + work;
        if ends.next(worked) > until {
            return false;
        }
        ground.accounts.polls += 1;
        self.batch.pass(at, self.link.generation);
        self.acknowledged.polls_from = None;
        let (topic, mut calls) = (&mut *ground.topic, 0);
        for &Run {
            partition,
            from,
            to,
        } in &self.batch.runs
        {
            if ground.asked.is_some() {
                calls += topic.attempts(partition, from, to, self.settings);
            }
            topic.processed(partition, from, to, self.settings);
            if matches!(ends, Ends::Committed { .. }) {
                topic.partitions[partition.ix()].committed = Some(to);
                self.fetcher.committed(partition, to);
            }
        }
        if calls > 0 {
            let rate = Batch::calls_per_second(calls, work);
            ground.asks(at, self.process, rate);
            ground.asks(worked, self.process, 0.0);
        }
        self.batch.runs.clear();
        if let Ends::Committed { stored, .. } = ends {
            self.last_stored = worked + stored;
            ground.accounts.commits += 1;
        }
        self.fills_until = SimTime::ZERO;
        (self.app, self.wake) = (App::Polling, ends.next(worked));
        true
    }
}

impl Ends {
    /// When the next poll() is called after a batch that is worked on until `worked`.
    #[inline]
    fn next(self, worked: SimTime) -> SimTime {
        match self {
            Ends::Committed { answered, .. } => worked + answered,
            Ends::Worked => worked,
        }
    }
}
