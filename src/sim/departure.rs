//! How a member drops out by itself: it closes its consumer, or exceeds max.poll.interval.ms.

use super::event::{Event, Request};
use super::link::Phase;
use super::member::App;
use super::world::World;
use super::{Cause, Fact, PartitionState};
use crate::kafka::PollClock;
use crate::units::{PartitionId, ProcessId, SimDuration, SimTime};

impl World<'_> {
    /// max.poll.interval.ms has passed since the poll that returned batch `number`, and no other came.
    pub fn poll_deadline(&mut self, process: ProcessId, number: u32) {
        let now = self.now();
        self.catch_up(process, now);
        let member = &self.members[process.ix()];
        if !member.has_batch() || member.batch.number != number || member.wake <= now {
            return;
        }
        let deadline = self.poll_deadline_of(process);
        if deadline > now {
            self.agenda
                .schedule(deadline, Event::PollDeadline(process, number));
            return;
        }
        if member.frozen_until.is_some() {
            let deferred = Event::PollDeadline(process, number);
            self.members[process.ix()].deferred.push(deferred);
            return;
        }
        let member = &self.members[process.ix()];
        // The heartbeat thread looks at the clock in these states; what a background task joins for is looked at again. With the
        // consumer protocol it does wherever it sends heartbeats: one that was fenced and joins again leaves at once.
        let looks = match &member.remote {
            Some(remote) => remote.membership.heartbeats(),
            None => {
                member.link.phase == Phase::Stable
                    || (member.link.phase == Phase::Syncing && member.reads())
            }
        };
        if !looks {
            return;
        }
        let settings = self.settings_of(process);
        let (look, from) = match settings.client.poll_clock {
            // Its background thread sleeps no longer than until then (`AbstractHeartbeatRequestManager#maximumTimeToWait`).
            PollClock::EveryRetryBackoff if self.speaks_consumer() => (SimDuration::ZERO, now),
            PollClock::EveryRetryBackoff => (
                settings.properties.retry_backoff,
                member.link.heartbeat_from,
            ),
            PollClock::WhenDue => (SimDuration::ZERO, now),
            PollClock::Every(look) => (look, member.started_at),
            PollClock::Never => return,
        };
        // The heartbeat thread (or task) looks only so often.
        if now == deadline && !look.is_zero() {
            let phase = now.since(from).as_nanos() % look.as_nanos();
            if phase > 0 {
                let later = now + SimDuration::from_nanos(look.as_nanos() - phase);
                self.agenda
                    .schedule(later, Event::PollDeadline(process, number));
                return;
            }
        }
        // Who does nothing else during a record looks after it.
        if let Some((begun, ends)) = self.record_of(process, now)
            && begun < now
            && ends > now
        {
            self.agenda
                .schedule(ends, Event::PollDeadline(process, number));
            return;
        }
        self.leave_for_poll_timeout(process);
    }

    /// When max.poll.interval.ms has passed since the poll that returned the batch in hand.
    fn poll_deadline_of(&self, process: ProcessId) -> SimTime {
        let interval = self.settings_of(process).properties.max_poll_interval;
        self.members[process.ix()].batch.polled_at + interval
    }

    /// The clock of a batch in hand counts from now on, or counts otherwise: a background task rejoined meanwhile, or
    /// another max.poll.interval.ms was taken up.
    pub fn watch_poll_clock(&mut self, process: ProcessId) {
        let member = &self.members[process.ix()];
        if member.has_batch() {
            let number = member.batch.number;
            let deadline = self.poll_deadline_of(process).max(self.now());
            self.agenda
                .schedule(deadline, Event::PollDeadline(process, number));
        }
    }

    /// The heartbeat thread sends LeaveGroup; the application goes on with its batch and knows nothing. That of a static
    /// member merely stops beating: the group learns by the end of its session, if poll() does not come before.
    fn leave_for_poll_timeout(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        let polled_at = member.batch.polled_at;
        let Some(serial) = member.link.serial else {
            return;
        };
        if self.group.identities[serial as usize].dropped_out {
            self.tell_evicted(process, now); // By the coordinator, long ago: it stood still and did not hear of it.
        } else {
            self.note(Fact::MemberEvicted {
                process,
                removal: None,
            });
            self.tell_evicted(process, polled_at);
        }
        if self.speaks_consumer() {
            return self.poll_timeout_remotely(process);
        }
        let known = !self.is_static(process);
        if known {
            self.send(Request::Leave, serial, now);
        } else {
            self.fall_silent(process);
            self.group.identities[serial as usize].dropped_out = true;
        }
        self.forget_membership(process, known);
        self.attend(process);
    }

    /// What a member does with its batch counts for nothing from `polled_at` on.
    pub fn tell_evicted(&mut self, process: ProcessId, polled_at: SimTime) {
        let now = self.now();
        let member = &mut self.members[process.ix()];
        let slots = member.fetcher.slots().iter();
        let partitions: Vec<PartitionId> = slots.map(|slot| slot.partition).collect();
        member.account_until(now, self.scenario, &mut self.topic);
        member.leave_commit_under_way(now, self.scenario, &mut self.topic);
        self.leave_partitions(&partitions, Cause::Eviction);
        for id in partitions {
            let partition = &mut self.topic.partitions[id.ix()];
            if partition.owner == Some(process) && partition.state != PartitionState::Blocked {
                partition.evicted_to = partition.coverage.to();
                // A batch may be older than the assignment: it says nothing of the time when somebody else read it.
                let since = partition
                    .reader
                    .map_or(polled_at, |(_, since)| since.max(polled_at));
                let fact = self.topic.state_fact(id, PartitionState::Evicted, since);
                self.note(fact);
            }
        }
    }

    /// Closes the consumer: commits what it may, leaves unless it is static, and is gone.
    pub fn close(&mut self, process: ProcessId) {
        if self.speaks_consumer() {
            return self.close_remotely(process);
        }
        let now = self.now();
        let phase = self.members[process.ix()].link.phase;
        let committed_at = if matches!(phase, Phase::Stable | Phase::Fetching) {
            self.commit_before_closing(process)
        } else {
            now
        };
        self.leave_batch(process, Cause::Revocation);
        let leaves = !self.is_static(process);
        self.revoke_all(process, false, leaves);
        if !leaves {
            self.fall_silent(process);
            self.tell_orphaned(process);
        }
        let member = &mut self.members[process.ix()];
        member.app = App::Closing;
        member.wake = SimTime::NEVER;
        member.link.phase = Phase::Unjoined;
        let incarnation = member.incarnation;
        let trip = self.scenario.cluster.round_trip;
        let gone = match self.give_identity_up(process) {
            Some(serial) if leaves => {
                self.send(Request::Leave, serial, committed_at);
                committed_at + trip
            }
            _ => committed_at,
        };
        self.agenda
            .schedule(gone, Event::Gone(process, incarnation));
    }
}
