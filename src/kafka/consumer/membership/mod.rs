//! The client's side of the consumer protocol: join, reconcile, leave, rejoin (`ConsumerMembershipManager`,
//! `ConsumerHeartbeatRequestManager`). When a heartbeat is due and when the application is there to run a callback, the
//! caller knows.

mod message;

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::MemberId;
use crate::units::PartitionId;

use super::{Heartbeat, HeartbeatError, JOIN_EPOCH, LEAVE_EPOCH, Response};
use super::{STATIC_LEAVE_EPOCH, Subscribed};

pub use message::{Effect, Input, MembershipState};

/// An assignment at the client. Two of different epochs are different, whatever is in them
/// (`AbstractMembershipManager.LocalAssignment`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Local {
    /// How many assignments there have been since it joined; 0 is none.
    epoch: u64,
    partitions: BTreeSet<PartitionId>,
}

/// What has been asked for and not been done yet.
#[derive(Clone, Debug)]
enum Task {
    Commit(Local),
    Revoke(Local),
    Assign(Local),
    CommitToLeave,
    RevokeToLeave,
    Lose,
}

/// A reconciliation that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reconciliation {
    None,
    Running,
    /// The member has joined anew meanwhile: it comes to nothing, and then the next one begins.
    Void,
}

/// A client's membership of a consumer group.
#[derive(Clone, Debug)]
pub struct ConsumerMembership {
    id: MemberId,
    instance: Option<String>,
    subscribed: Subscribed,
    auto_commit: bool,
    /// Its callbacks run in poll(), so it reconciles there only.
    listens: bool,
    state: MembershipState,
    epoch: i32,
    partitions: BTreeSet<PartitionId>,
    current: Local,
    target: Local,
    /// What the last request said it owns, or need not have said because it had been said.
    told: Local,
    in_flight: bool,
    /// A heartbeat was due while another one was in flight.
    overdue: bool,
    /// How many answers are to requests that it has left behind.
    unheeded: u32,
    reconciliation: Reconciliation,
    tasks: BTreeMap<u32, Task>,
    steps: u32,
}

impl ConsumerMembership {
    /// A consumer that has not polled yet. It keeps its id for good (KIP-1082). With `auto_commit`
    /// (`enable.auto.commit`) it commits before it gives anything up.
    pub fn new(
        id: MemberId,
        instance: Option<String>,
        subscribed: Subscribed,
        auto_commit: bool,
    ) -> Self {
        ConsumerMembership {
            id,
            instance,
            subscribed,
            auto_commit,
            listens: false,
            state: MembershipState::Unsubscribed,
            epoch: JOIN_EPOCH,
            partitions: BTreeSet::new(),
            current: Local::default(),
            target: Local::default(),
            told: Local::default(),
            in_flight: false,
            overdue: false,
            unheeded: 0,
            reconciliation: Reconciliation::None,
            tasks: BTreeMap::new(),
            steps: 0,
        }
    }

    /// The same consumer with a ConsumerRebalanceListener, whose callbacks run in poll(): it reconciles there only.
    #[must_use]
    pub fn listening(self) -> Self {
        ConsumerMembership {
            listens: true,
            ..self
        }
    }

    /// Takes one input and appends what follows to `effects`, in order.
    pub fn step(&mut self, input: Input, effects: &mut Vec<Effect>) {
        let polls = input == Input::Poll;
        match input {
            Input::Poll => match self.state {
                MembershipState::Unsubscribed => self.join(),
                MembershipState::Stale if !self.is_losing() => self.join(),
                // The callback runs in this very poll(), and it joins after it.
                MembershipState::Stale => self.state = MembershipState::Fenced,
                _ => {}
            },
            Input::HeartbeatDue if !self.heartbeats() => {}
            Input::HeartbeatDue if self.in_flight => self.overdue = true,
            Input::HeartbeatDue => self.send(effects),
            Input::Response(_) if self.unheeded > 0 => self.unheeded -= 1,
            Input::Response(response) => self.answered(response, effects),
            Input::Done { step } => {
                if let Some(task) = self.tasks.remove(&step) {
                    self.done(task, effects);
                }
            }
            Input::PollTimeout => self.leave_for_poll_timeout(effects),
            Input::Close => self.close(effects),
        }
        self.reconcile(polls, effects);
        self.send_what_cannot_wait(effects);
    }

    /// Its state.
    pub fn state(&self) -> MembershipState {
        self.state
    }

    /// The epoch that its commits carry; 0 or less: it is not in the group and cannot commit.
    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// What the application owns, in ascending order.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionId> + '_ {
        self.partitions.iter().copied()
    }

    /// Whether it sends heartbeats.
    pub fn heartbeats(&self) -> bool {
        !matches!(
            self.state,
            MembershipState::Unsubscribed
                | MembershipState::Fenced
                | MembershipState::Stale
                | MembershipState::Fatal
        )
    }

    /// Whether a poll() would join, or begin to reconcile. If not, polls need not come in.
    pub fn waits_for_poll(&self) -> bool {
        match self.state {
            MembershipState::Unsubscribed | MembershipState::Stale => true,
            MembershipState::Reconciling => self.reconciliation == Reconciliation::None,
            _ => false,
        }
    }

    fn is_losing(&self) -> bool {
        self.tasks.values().any(|task| matches!(task, Task::Lose))
    }

    /// Asks for something that takes its time.
    fn ask(&mut self, task: Task) -> u32 {
        self.steps += 1;
        self.tasks.insert(self.steps, task);
        self.steps
    }

    fn join(&mut self) {
        if self.reconciliation == Reconciliation::Running {
            self.reconciliation = Reconciliation::Void;
        }
        self.state = MembershipState::Joining;
        self.epoch = JOIN_EPOCH;
        self.target = Local::default();
    }

    fn send_what_cannot_wait(&mut self, effects: &mut Vec<Effect>) {
        let urgent = match self.state {
            MembershipState::Joining | MembershipState::Acknowledging => true,
            _ => self.overdue && self.heartbeats(),
        };
        if urgent && !self.in_flight {
            self.send(effects);
            self.reconcile(false, effects);
        }
    }

    /// Sends a heartbeat: all there is to say when it joins, what it owns when that has changed
    /// (`ConsumerHeartbeatRequestManager.HeartbeatState#buildRequestData`).
    fn send(&mut self, effects: &mut Vec<Effect>) {
        let joins = self.state == MembershipState::Joining;
        let changed = joins || self.told != self.current;
        let owned = || self.current.partitions.iter().copied().collect();
        effects.push(Effect::Send(Heartbeat {
            member: self.id,
            instance: self.instance.clone(),
            epoch: self.epoch,
            subscribed: joins.then(|| self.subscribed.clone()),
            owned: changed.then(owned),
        }));
        self.told = self.current.clone();
        self.in_flight = true;
        self.overdue = false;
        if self.state == MembershipState::Acknowledging {
            self.state = match self.current == self.target {
                true => MembershipState::Stable,
                false => MembershipState::Reconciling,
            };
        }
    }

    fn answered(&mut self, response: Response, effects: &mut Vec<Effect>) {
        self.in_flight = false;
        match response {
            Response::Heartbeat {
                epoch, assignment, ..
            } if self.heartbeats() => {
                self.epoch = epoch;
                if let Some(assignment) = assignment
                    && self.state != MembershipState::PrepareLeaving
                {
                    self.take_target(assignment);
                }
            }
            Response::Heartbeat { .. } | Response::Left => {}
            Response::Error(
                HeartbeatError::FencedMemberEpoch | HeartbeatError::UnknownMemberId,
            ) => {
                self.fenced(effects);
            }
            Response::Error(error) => self.fail(error, effects),
        }
    }

    fn take_target(&mut self, assignment: Vec<PartitionId>) {
        let partitions: BTreeSet<PartitionId> = assignment.into_iter().collect();
        if self.target.epoch == 0 || self.target.partitions != partitions {
            self.target = Local {
                epoch: self.target.epoch + 1,
                partitions,
            };
        }
        if self.current != self.target {
            self.state = MembershipState::Reconciling;
        } else if self.state == MembershipState::Reconciling {
            self.state = MembershipState::Stable;
        }
    }

    /// Begins to make the target the current assignment: commit, revoke, assign (`#maybeReconcile`).
    fn reconcile(&mut self, polls: bool, effects: &mut Vec<Effect>) {
        let idle = self.reconciliation == Reconciliation::None;
        if self.state != MembershipState::Reconciling || !idle {
            return;
        }
        let goal = self.target.clone();
        if self.current.epoch > 0 && self.current.partitions == goal.partitions {
            // It went and came back: there is nothing to do but to say so.
            self.current = goal;
            self.state = MembershipState::Acknowledging;
            return;
        }
        if (self.auto_commit || self.listens) && !polls {
            // The application may hold records whose positions are not to be committed yet, or has a callback to run.
            return;
        }
        self.reconciliation = Reconciliation::Running;
        if self.auto_commit && !self.partitions.is_empty() {
            let revoked = self.beyond(&goal);
            let step = self.ask(Task::Commit(goal));
            effects.push(Effect::Commit { step, revoked });
        } else {
            self.revoke(goal, effects);
        }
    }

    /// What is owned and not in `goal`.
    fn beyond(&self, goal: &Local) -> Vec<PartitionId> {
        let revoked = self.partitions.difference(&goal.partitions);
        revoked.copied().collect()
    }

    fn revoke(&mut self, goal: Local, effects: &mut Vec<Effect>) {
        let partitions = self.beyond(&goal);
        if partitions.is_empty() {
            return self.assign(goal, effects);
        }
        let step = self.ask(Task::Revoke(goal));
        effects.push(Effect::Revoke { step, partitions });
    }

    fn assign(&mut self, goal: Local, effects: &mut Vec<Effect>) {
        let added = goal.partitions.difference(&self.partitions);
        let added = added.copied().collect();
        self.partitions = goal.partitions.clone();
        let step = self.ask(Task::Assign(goal));
        effects.push(Effect::Assign { step, added });
    }

    fn done(&mut self, task: Task, effects: &mut Vec<Effect>) {
        match task {
            Task::Commit(_) | Task::Revoke(_) | Task::Assign(_) if self.is_void() => {
                self.reconciliation = Reconciliation::None;
            }
            Task::Commit(goal) => self.revoke(goal, effects),
            Task::Revoke(goal) => self.assign(goal, effects),
            Task::Assign(goal) => {
                self.current = goal;
                self.reconciliation = Reconciliation::None;
                self.state = MembershipState::Acknowledging;
            }
            Task::CommitToLeave => self.revoke_to_leave(effects),
            Task::RevokeToLeave => self.leave(MembershipState::Unsubscribed, effects),
            Task::Lose => {
                self.partitions.clear();
                if self.state == MembershipState::Fenced {
                    self.join();
                }
            }
        }
    }

    /// Whether what the running reconciliation is for is no more (`#maybeAbortReconciliation`).
    fn is_void(&self) -> bool {
        self.state != MembershipState::Reconciling || self.reconciliation == Reconciliation::Void
    }

    /// FENCED_MEMBER_EPOCH or UNKNOWN_MEMBER_ID: onPartitionsLost, then it joins anew (`#transitionToFenced`).
    fn fenced(&mut self, effects: &mut Vec<Effect>) {
        if self.state == MembershipState::PrepareLeaving {
            self.state = MembershipState::Unsubscribed;
            self.epoch = JOIN_EPOCH;
        }
        if !self.heartbeats() {
            return;
        }
        self.state = MembershipState::Fenced;
        self.epoch = JOIN_EPOCH;
        self.lose(effects);
        if !self.is_losing() {
            self.join();
        }
    }

    fn fail(&mut self, error: HeartbeatError, effects: &mut Vec<Effect>) {
        if self.heartbeats() {
            self.state = MembershipState::Fatal;
            self.epoch = JOIN_EPOCH;
            effects.push(Effect::Fail(error));
            self.lose(effects);
        }
    }

    fn lose(&mut self, effects: &mut Vec<Effect>) {
        self.current = Local::default();
        let partitions: Vec<PartitionId> = self.partitions().collect();
        if !partitions.is_empty() {
            let step = self.ask(Task::Lose);
            effects.push(Effect::Lose { step, partitions });
        }
    }

    /// It leaves without waiting for the application, which finds out with its next poll()
    /// (`AbstractHeartbeatRequestManager#poll`, `#transitionToStale`).
    fn leave_for_poll_timeout(&mut self, effects: &mut Vec<Effect>) {
        if self.heartbeats() && self.state != MembershipState::PrepareLeaving {
            self.leave(MembershipState::Stale, effects);
            self.lose(effects);
        }
    }

    fn close(&mut self, effects: &mut Vec<Effect>) {
        match self.state {
            MembershipState::Fatal | MembershipState::PrepareLeaving => {}
            _ if !self.heartbeats() => {
                self.partitions.clear();
                self.state = MembershipState::Unsubscribed;
            }
            _ => {
                self.state = MembershipState::PrepareLeaving;
                if self.auto_commit && !self.partitions.is_empty() {
                    let step = self.ask(Task::CommitToLeave);
                    let revoked = self.partitions().collect();
                    effects.push(Effect::Commit { step, revoked });
                } else {
                    self.revoke_to_leave(effects);
                }
            }
        }
    }

    fn revoke_to_leave(&mut self, effects: &mut Vec<Effect>) {
        let partitions: Vec<PartitionId> = self.partitions().collect();
        if partitions.is_empty() {
            return self.leave(MembershipState::Unsubscribed, effects);
        }
        let step = self.ask(Task::RevokeToLeave);
        effects.push(match self.epoch > 0 {
            true => Effect::Revoke { step, partitions },
            false => Effect::Lose { step, partitions },
        });
    }

    /// Says that it leaves, a static member for a while only, and heeds no answer.
    fn leave(&mut self, next: MembershipState, effects: &mut Vec<Effect>) {
        let was_member = self.heartbeats();
        self.state = next;
        self.current = Local::default();
        if next == MembershipState::Unsubscribed {
            self.partitions.clear();
        }
        if !was_member {
            return;
        }
        self.epoch = match self.instance {
            Some(_) => STATIC_LEAVE_EPOCH,
            None => LEAVE_EPOCH,
        };
        effects.push(Effect::Send(Heartbeat {
            member: self.id,
            instance: self.instance.clone(),
            epoch: self.epoch,
            subscribed: None,
            owned: None,
        }));
        self.unheeded += 1 + u32::from(self.in_flight);
        self.in_flight = false;
        self.overdue = false;
    }
}
