//! A guard against loops in which no time passes. Not a limit on how much may happen.

use crate::units::SimTime;

/// More than anything sane does within one instant.
const STEPS: u32 = 10_000_000;

/// Counts steps of one instant; where debug assertions are on, a loop without end is a panic.
#[derive(Debug, Default)]
pub struct Patience {
    at: SimTime,
    steps: u32,
}

impl Patience {
    /// Something happens at `at`.
    ///
    /// # Panics
    /// Where debug assertions are on, if time stands still: always a fault of the simulator.
    pub fn step(&mut self, at: SimTime) {
        self.steps = if at == self.at { self.steps + 1 } else { 0 };
        self.at = at;
        debug_assert!(self.steps < STEPS, "time stands still at {at}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "time stands still")]
    fn steps_without_end_at_one_instant_are_a_fault() {
        let mut patience = Patience::default();
        for _ in 0..=STEPS {
            patience.step(SimTime::from_secs(1));
        }
    }

    #[test]
    fn steps_without_end_are_none_if_time_passes() {
        let mut patience = Patience::default();
        for nanos in 0..2 * u64::from(STEPS) {
            patience.step(SimTime::from_nanos(nanos));
        }
    }
}
