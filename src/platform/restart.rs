//! When a process that has exited is started again: the kubelet's CrashLoopBackOff. Not for who exits, or why.

use crate::units::{SimDuration, SimTime};

/// How a supervisor starts a process again: at once the first time, then after a pause that doubles from exit to exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Pause before the second restart.
    pub back_off: SimDuration,
    /// No pause is longer.
    pub max_back_off: SimDuration,
    /// A process that exits more than this after its restart starts over with the pauses.
    pub reset_after: SimDuration,
    /// From a restart until its consumer subscribes.
    pub start_up: SimDuration,
}

impl Default for RestartPolicy {
    /// The kubelet's: 10 s (`containerBackOffPeriod`), 5 min (`MaxContainerBackOff`), and stable after twice that
    /// (`hasExpired` of client-go's `flowcontrol.Backoff`).
    fn default() -> Self {
        let max_back_off = SimDuration::from_secs(300);
        RestartPolicy {
            back_off: SimDuration::from_secs(10),
            max_back_off,
            reset_after: max_back_off * 2,
            start_up: SimDuration::ZERO,
        }
    }
}

/// What a supervisor remembers of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrashLoop {
    /// When it was restarted last, and the pause before the next restart.
    last: Option<(SimTime, SimDuration)>,
}

impl CrashLoop {
    /// The process exits at `now`; when it is started again.
    pub fn exited(&mut self, now: SimTime, policy: &RestartPolicy) -> SimTime {
        let known = self
            .last
            .filter(|(at, _)| now.since(*at) <= policy.reset_after);
        // The pause is worked out as a container is started, and counts from its exit (`kuberuntime#doBackOff`).
        let (starts, next) = match known {
            None => (now, policy.back_off),
            Some((_, pause)) => (now + pause, (pause * 2).min(policy.max_back_off)),
        };
        self.last = Some((starts, next));
        starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses of a process that exits `lives` seconds after each start.
    fn pauses(lives: u64, exits: usize, policy: &RestartPolicy) -> Vec<u64> {
        let (mut supervisor, mut now) = (CrashLoop::default(), SimTime::ZERO);
        let pause = |_| {
            now += SimDuration::from_secs(lives);
            let starts = supervisor.exited(now, policy);
            let pause = starts.since(now).as_nanos() / 1_000_000_000;
            now = starts;
            pause
        };
        (0..exits).map(pause).collect()
    }

    #[test]
    fn the_first_restart_is_at_once_and_the_pauses_double_to_five_minutes() {
        let policy = RestartPolicy::default();
        let found = pauses(30, 9, &policy);
        assert_eq!(found, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn who_ran_for_more_than_twice_the_longest_pause_starts_over() {
        let policy = RestartPolicy::default();
        assert_eq!(pauses(600, 4, &policy), [0, 10, 20, 40]);
        assert_eq!(pauses(601, 4, &policy), [0, 0, 0, 0]);
        let sooner = RestartPolicy {
            reset_after: SimDuration::from_secs(20),
            ..policy
        };
        assert_eq!(pauses(21, 4, &sooner), [0, 0, 0, 0]);
    }
}
