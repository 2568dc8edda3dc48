//! How long the circuit breakers of a group's members are open. Not what members do meanwhile.

use serde::Serialize;

use crate::sim::Fact;
use crate::units::{ProcessId, SimDuration, SimTime};
use crate::workload::BreakerState;

/// Circuit breakers, one in each member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Breakers {
    /// How often one of them opened.
    pub opened_count: u64,
    /// For how long they were open, all of them added up (s).
    pub open_s: f64,
    /// The same as a share of the time that members ran, from 0 to 1.
    pub open_share: f64,
}

/// Folds the facts about breakers.
#[derive(Clone, Debug, Default)]
pub(super) struct BreakerHistory {
    processes: Vec<Process>,
    opened: u64,
    open: SimDuration,
    ran: SimDuration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Process {
    /// When it was started, if it runs.
    started: Option<SimTime>,
    /// From when until when its breaker lets no call through.
    open: Option<(SimTime, SimTime)>,
}

impl BreakerHistory {
    /// Takes a fact.
    pub fn observe(&mut self, at: SimTime, fact: &Fact) {
        match fact {
            Fact::ProcessStarted { process } => self.place(*process).started = Some(at),
            Fact::ProcessStopped { process, .. } => {
                self.close(*process, at);
                if let Some(started) = self.place(*process).started.take() {
                    self.ran += at.since(started);
                }
            }
            Fact::BreakerTurned { process, state } => {
                self.close(*process, at);
                if let BreakerState::Open { until } = state {
                    self.opened += 1;
                    self.place(*process).open = Some((at, *until));
                }
            }
            _ => {}
        }
    }

    /// The figures of a run that ends at `end`, if a breaker ever turned.
    pub fn finish(mut self, end: SimTime) -> Option<Breakers> {
        for index in 0..self.processes.len() {
            self.close(ProcessId(index as u32), end);
            if let Some(started) = self.processes[index].started {
                self.ran += end.since(started);
            }
        }
        let (open, ran) = (self.open.as_secs_f64(), self.ran.as_secs_f64());
        (self.opened > 0).then_some(Breakers {
            opened_count: self.opened,
            open_s: open,
            open_share: open / ran.max(1e-9),
        })
    }

    /// Its breaker is not open any more.
    fn close(&mut self, process: ProcessId, at: SimTime) {
        if let Some((from, until)) = self.place(process).open.take() {
            self.open += at.min(until).since(from);
        }
    }

    fn place(&mut self, process: ProcessId) -> &mut Process {
        if self.processes.len() <= process.ix() {
            self.processes.resize(process.ix() + 1, Process::default());
        }
        &mut self.processes[process.ix()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::StopReason;

    fn turned(state: BreakerState) -> Fact {
        Fact::BreakerTurned {
            process: ProcessId(1),
            state,
        }
    }

    fn open_until(secs: u64) -> Fact {
        let until = SimTime::from_secs(secs);
        turned(BreakerState::Open { until })
    }

    /// Ten seconds until it is half-open, five of an opening that ends with its process, the last ten of a wait that goes on
    /// beyond the end, and of one whose wait is over nothing more.
    #[test]
    fn a_breaker_is_open_until_its_wait_or_its_process_is_over() {
        let (process, reason) = (ProcessId(1), StopReason::Killed);
        let facts = [
            (0, Fact::ProcessStarted { process }),
            (
                0,
                Fact::ProcessStarted {
                    process: ProcessId(0),
                },
            ),
            (10, open_until(20)),
            (20, turned(BreakerState::HalfOpen)),
            (21, turned(BreakerState::Closed)),
            (30, open_until(40)),
            (35, Fact::ProcessStopped { process, reason }),
            (55, Fact::ProcessStarted { process }),
            (60, open_until(70)),
            (80, turned(BreakerState::HalfOpen)),
            (90, open_until(110)),
        ];
        let mut history = BreakerHistory::default();
        for (at, fact) in &facts {
            history.observe(SimTime::from_secs(*at), fact);
        }
        let found = history.finish(SimTime::from_secs(100)).expect("it opened");
        assert_eq!((found.opened_count, found.open_s), (4, 35.0));
        assert!((found.open_share - 35.0 / 180.0).abs() < 1e-12);
        assert_eq!(
            BreakerHistory::default().finish(SimTime::from_secs(9)),
            None
        );
    }
}
