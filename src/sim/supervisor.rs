//! Processes that exit because they cannot process a record, or because the group will not have them, and the supervisor
//! that starts them again.

use super::batch::Kind;
use super::world::World;
use super::{Fact, StopReason};
use crate::platform::CrashLoop;
use crate::scenario::{GiveUp, OnError, Scenario};
use crate::units::ProcessId;

/// What restarts processes that have exited.
#[derive(Debug, Default)]
pub(super) struct Supervisor {
    processes: Vec<CrashLoop>,
    /// Whether processes may exit because of a record.
    pub of_records: bool,
}

impl Supervisor {
    /// That of `scenario`.
    pub fn new(scenario: &Scenario) -> Self {
        let handlings = scenario.settings.iter().flat_map(|own| &own.on_error);
        let of_poison = handlings.filter_map(OnError::then);
        let of_calls = scenario.gives_up().map(|gives_up| gives_up.then);
        let down = scenario.loses_dead_letter_topic();
        let crashes = |then: GiveUp| then.crashes() || down && then.may_crash();
        Supervisor {
            processes: vec![CrashLoop::default(); scenario.group.processes.len()],
            of_records: of_poison.chain(of_calls).any(crashes),
        }
    }
}

impl World<'_> {
    /// The attempts at a record are over, and the process exits: without a word, or closing its consumer. What was
    /// committed stays where it is.
    pub fn crash_on_record(&mut self, process: ProcessId) {
        let now = self.now();
        let (members, ground) = self.ground();
        let member = &mut members[process.ix()];
        let Some(stage) = member.batch.crash() else {
            return;
        };
        let closes = match stage.kind {
            Kind::Crash { closes, attempts } => {
                ground.topic.poison_attempts += u64::from(attempts);
                closes
            }
            Kind::Exit { closes } => closes,
            _ => return,
        };
        ground.accounts.crashes += 1;
        ground.topic.dead_letters_failed += u64::from(stage.exits_undelivered());
        if let Some(lost) = stage.lost_by_chance() {
            ground
                .topic
                .start_anew(stage.partition, lost, member.batch.settings);
        }
        let policy = member.settings_of(ground.scenario).processing.restart;
        // A pod that is being deleted is not restarted.
        let again = !member.stopping;
        let supervisor = &mut self.deployment.supervisor.processes[process.ix()];
        let restarts_at = again.then(|| supervisor.exited(now, &policy));
        self.note(Fact::Crashed {
            process,
            partition: stage.partition,
            offset: stage.from,
            restarts_at,
        });
        if closes {
            let member = &mut self.members[process.ix()];
            member.account_until(now, self.scenario, &mut self.topic);
            member.meet_poison(now, &mut self.topic, &mut self.facts);
            // Whatever starts it meanwhile waits until it is gone.
            member.stopping = true;
            self.close(process);
        } else {
            self.kill(process);
        }
        if let Some(at) = restarts_at {
            self.start_at(process, at + policy.start_up);
        }
    }

    /// The coordinator will not have a process' consumer (UNRELEASED_INSTANCE_ID): poll() throws, and the process exits.
    pub fn exit_refused(&mut self, process: ProcessId) {
        let now = self.now();
        let member = &self.members[process.ix()];
        let policy = member.settings_of(self.scenario).processing.restart;
        let again = !member.stopping;
        self.die(process, StopReason::Refused);
        if again {
            let supervisor = &mut self.deployment.supervisor.processes[process.ix()];
            let starts = supervisor.exited(now, &policy);
            self.start_at(process, starts + policy.start_up);
        }
    }
}
