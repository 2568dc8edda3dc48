//! Who starts a process again that ends by itself: the kubelet with its back-off (CrashLoopBackOff). Not for processes that
//! the timeline or the autoscaler ends.

use crate::units::SimDuration;

/// The first pause that is one (kubelet: `backOffPeriod`).
const FIRST: SimDuration = SimDuration::from_secs(10);
/// The longest (kubelet: `MaxContainerBackOff`).
const LONGEST: SimDuration = SimDuration::from_secs(300);
/// Who has run so long starts without a history (client-go: `Backoff.hasExpired`, twice the longest).
const FORGIVEN: SimDuration = SimDuration::from_secs(600);

/// The restarts of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrashLoop {
    /// The pause before the next restart; none before the first.
    next: Option<SimDuration>,
}

impl CrashLoop {
    /// It has ended by itself after having run so long: how long until it is started again. At once the first time, then
    /// after 10 s, 20 s and so on up to 5 min (`kuberuntime_manager.go`, doBackOff).
    pub fn ended(&mut self, ran: SimDuration) -> SimDuration {
        let pause = self.next.filter(|_| ran < FORGIVEN);
        self.next = Some(pause.map_or(FIRST, |pause| (pause * 2).min(LONGEST)));
        pause.unwrap_or(SimDuration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_at_once_and_then_ever_later_up_to_five_minutes() {
        let mut own = CrashLoop::default();
        let pauses = [(); 8].map(|()| own.ended(SimDuration::ZERO));
        let seconds = [0, 10, 20, 40, 80, 160, 300, 300].map(SimDuration::from_secs);
        assert_eq!(pauses, seconds);
    }

    #[test]
    fn ten_minutes_without_an_end_are_a_new_start() {
        let mut own = CrashLoop::default();
        for _ in 0..4 {
            own.ended(SimDuration::from_secs(1));
        }
        assert_eq!(own.ended(SimDuration::from_secs(600)), SimDuration::ZERO);
        assert_eq!(own.ended(SimDuration::from_secs(599)), FIRST);
    }
}
