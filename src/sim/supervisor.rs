//! Processes that exit because they cannot process a record, and the supervisor that starts them again.

use super::Fact;
use super::batch::Kind;
use super::world::World;
use crate::platform::CrashLoop;
use crate::scenario::{OnError, Scenario};
use crate::units::ProcessId;

/// What restarts processes that have exited.
#[derive(Debug)]
pub(super) struct Supervisor {
    processes: Vec<CrashLoop>,
}

impl Supervisor {
    /// That of `scenario`, if processes of it may exit.
    pub fn new(scenario: &Scenario) -> Option<Self> {
        let mut handlings = scenario.settings.iter().flat_map(|own| &own.on_error);
        handlings.any(OnError::crashes).then(|| Supervisor {
            processes: vec![CrashLoop::default(); scenario.group.processes.len()],
        })
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
        let Kind::Crash { closes, attempts } = stage.kind else {
            return;
        };
        ground.accounts.poison_attempts += u64::from(attempts);
        ground.accounts.crashes += 1;
        let policy = member.settings_of(ground.scenario).processing.restart;
        // A pod that is being deleted is not restarted.
        let again = !member.stopping;
        let supervisor = self.deployment.supervisor.as_mut().filter(|_| again);
        let restarts_at = supervisor.map(|own| own.processes[process.ix()].exited(now, &policy));
        self.note(Fact::Crashed {
            process,
            partition: stage.partition,
            offset: stage.from,
            restarts_at,
        });
        if closes {
            let member = &mut self.members[process.ix()];
            member.account_until(now, self.scenario, &mut self.topic);
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
}
