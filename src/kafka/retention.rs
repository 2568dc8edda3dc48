//! Where a log starts: what retention has deleted by an instant. Whole segments go, at checks that are far apart
//! (`LogManager#cleanupLogs`, `UnifiedLog#deleteOldSegments`), so this is a function of time as the log's end is.

use crate::units::{SimDuration, SimTime};

/// The topic properties that decide about it, bytes in whole records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionLimits {
    /// `retention.ms`; `None` keeps for ever.
    pub age: Option<SimDuration>,
    /// `retention.bytes`, of one partition; `None` keeps any number.
    pub records: Option<u64>,
    /// `segment.ms`: a segment that began so long ago is closed by the next record.
    pub segment_age: SimDuration,
    /// `segment.bytes`, at least 1.
    pub segment_records: u64,
    /// `log.retention.check.interval.ms`; the first check is one interval after the run begins.
    pub check_interval: SimDuration,
}

/// When the records of a partition are appended.
pub trait Appends {
    /// Log-end offset at an instant.
    fn end(&mut self, at: SimTime) -> u64;
    /// When the record at an offset is appended; the start of the run for those that were there before.
    fn at(&mut self, offset: u64) -> SimTime;
}

/// The log start offset of one partition. Asking never changes an answer; `&mut` only moves a cache.
#[derive(Clone, Debug)]
pub struct LogStart {
    /// Records that were there before the run.
    before: u64,
    /// Checks gone through.
    checked: u64,
    /// The log start after each check that moved it, the one at the start of the run first.
    moves: Vec<(SimTime, u64)>,
    /// When the first record after the last move is appended, once asked.
    oldest: Option<SimTime>,
    /// The last answer, and for which instants it holds: from `since` on, before `until`.
    answer: u64,
    since: SimTime,
    until: SimTime,
}

impl LogStart {
    /// Of a log with `before` records in it when the run begins, from offset 0 on, as far as retention.bytes left them.
    pub fn new(limits: &RetentionLimits, before: u64) -> Self {
        let surplus = limits.records.map_or(0, |most| before.saturating_sub(most));
        let start = surplus - surplus % limits.segment_records;
        LogStart {
            before,
            checked: 0,
            moves: vec![(SimTime::ZERO, start)],
            oldest: None,
            answer: start,
            since: SimTime::ZERO,
            until: SimTime::ZERO,
        }
    }

    /// The log start offset at `at`.
    #[inline]
    pub fn at(&mut self, at: SimTime, limits: &RetentionLimits, log: &mut impl Appends) -> u64 {
        if !(self.since <= at && at < self.until) {
            self.look_up(at, limits, log);
        }
        self.answer
    }

    #[cold]
    fn look_up(&mut self, at: SimTime, limits: &RetentionLimits, log: &mut impl Appends) {
        let interval = limits.check_interval;
        let mut unchecked = self.next_check(limits, log);
        while unchecked <= at {
            self.checked = unchecked.as_nanos() / interval.as_nanos();
            self.check(unchecked, limits, log);
            unchecked = self.next_check(limits, log);
        }
        let after = self.moves.partition_point(|(since, _)| *since <= at);
        (self.since, self.answer) = self.moves[after - 1];
        self.until = self.moves.get(after).map_or(unchecked, |(next, _)| *next);
    }

    /// The next check that may delete something: none does as long as no record is too old, if only age counts.
    fn next_check(&mut self, limits: &RetentionLimits, log: &mut impl Appends) -> SimTime {
        let interval = limits.check_interval;
        let mut next = self.checked + 1;
        if limits.records.is_none() {
            let Some(age) = limits.age else {
                return SimTime::NEVER;
            };
            let start = self.moves[self.moves.len() - 1].1;
            let oldest = *self.oldest.get_or_insert_with(|| log.at(start));
            next = next.max((oldest + age).as_nanos() / interval.as_nanos());
        }
        SimTime::ZERO + interval * next
    }

    /// Deletes the oldest segments as long as they are too old or too much.
    fn check(&mut self, now: SimTime, limits: &RetentionLimits, log: &mut impl Appends) {
        let (_, before) = self.moves[self.moves.len() - 1];
        let mut start = before;
        let end = log.end(now);
        let expired = |newest: SimTime| limits.age.is_some_and(|age| now.since(newest) > age);
        while start < end {
            let surplus = limits
                .records
                .map_or(0, |most| (end - start).saturating_sub(most));
            let whole = self.before.saturating_sub(start) / limits.segment_records;
            if whole > 0 {
                // Segments of before the run are all of one age.
                let gone = surplus / limits.segment_records;
                let gone = if expired(SimTime::ZERO) {
                    whole
                } else {
                    gone.min(whole)
                };
                start += gone * limits.segment_records;
                if gone < whole {
                    break;
                }
                continue;
            }
            let first = log.at(start);
            if !expired(first) && surplus == 0 {
                break; // No record of the segment is older than its first.
            }
            // The record that comes later than segment.ms after the first, or finds no room, opens the next.
            let aged = log.end(first + limits.segment_age).max(start + 1);
            let next = aged.min(start + limits.segment_records).min(end);
            if !expired(log.at(next - 1)) && surplus < next - start {
                break;
            }
            start = next;
        }
        if start > before {
            self.moves.push((now, start));
            self.oldest = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One record at each of these seconds; what was there before the run is not listed.
    struct Listed {
        before: u64,
        seconds: Vec<u64>,
    }

    impl Appends for Listed {
        fn end(&mut self, at: SimTime) -> u64 {
            let there = |&&secs: &&u64| SimTime::from_secs(secs) <= at;
            self.before + self.seconds.iter().filter(there).count() as u64
        }

        fn at(&mut self, offset: u64) -> SimTime {
            match offset.checked_sub(self.before) {
                None => SimTime::ZERO,
                Some(n) => (self.seconds.get(n as usize))
                    .map_or(SimTime::NEVER, |&secs| SimTime::from_secs(secs)),
            }
        }
    }

    const LIMITS: RetentionLimits = RetentionLimits {
        age: Some(SimDuration::from_secs(100)),
        records: None,
        segment_age: SimDuration::from_secs(1_000_000),
        segment_records: 10,
        check_interval: SimDuration::from_secs(30),
    };

    /// A record a second for `secs` seconds, from the first on.
    fn every_second(before: u64, secs: u64) -> Listed {
        let seconds = (1..=secs).collect();
        Listed { before, seconds }
    }

    fn starts(limits: &RetentionLimits, log: &mut Listed, instants: &[u64]) -> Vec<u64> {
        let mut start = LogStart::new(limits, log.before);
        let at = |&secs: &u64| start.at(SimTime::from_secs(secs), limits, log);
        instants.iter().map(at).collect()
    }

    #[test]
    fn a_segment_goes_at_the_check_after_its_newest_record_is_too_old() {
        // Records 0 to 9 come at 1 to 10 s: the newest is more than 100 s old after 110 s, the next check is at 120 s.
        let mut log = every_second(0, 1_000);
        assert_eq!(
            starts(&LIMITS, &mut log, &[0, 110, 119, 120, 149, 150, 180]),
            [0, 0, 0, 10, 10, 40, 70]
        );
    }

    #[test]
    fn asking_about_the_past_gives_the_past() {
        let mut log = every_second(0, 1_000);
        assert_eq!(
            starts(&LIMITS, &mut log, &[180, 149, 0, 150, 120]),
            [70, 10, 0, 40, 10]
        );
    }

    #[test]
    fn the_active_segment_goes_too_once_nothing_has_come_for_retention_ms() {
        // 25 records, the last at 25 s: the active segment of five is expired after 125 s, at the check of 150 s.
        let mut log = every_second(0, 25);
        assert_eq!(
            starts(&LIMITS, &mut log, &[120, 149, 150, 900]),
            [10, 10, 25, 25]
        );
    }

    #[test]
    fn segment_ms_closes_a_segment_that_is_not_full() {
        let limits = RetentionLimits {
            segment_age: SimDuration::from_secs(3),
            segment_records: 1_000,
            ..LIMITS
        };
        // Records at 1, 2, 3, 4 s are one segment: the one at 5 s comes later than 3 s after the first.
        let mut log = every_second(0, 1_000);
        assert_eq!(starts(&limits, &mut log, &[119, 120]), [0, 16]);
    }

    #[test]
    fn retention_bytes_keeps_at_least_what_it_says() {
        let limits = RetentionLimits {
            age: None,
            records: Some(25),
            ..LIMITS
        };
        // At 60 s there are 60 records, 35 too many: three segments of ten go, the fourth would be too much.
        let mut log = every_second(0, 1_000);
        assert_eq!(starts(&limits, &mut log, &[29, 30, 60, 90]), [0, 0, 30, 60]);
    }

    #[test]
    fn what_was_there_before_is_as_old_as_the_run() {
        let mut log = every_second(1 << 60, 0);
        let limits = RetentionLimits {
            segment_records: 1_000,
            ..LIMITS
        };
        assert_eq!(starts(&limits, &mut log, &[119, 120]), [0, 1 << 60]);
        let limits = RetentionLimits {
            age: None,
            records: Some(5_000),
            ..limits
        };
        assert_eq!(
            starts(&limits, &mut log, &[0]),
            [((1_u64 << 60) - 5_000) / 1_000 * 1_000]
        );
    }

    #[test]
    fn without_limits_everything_stays() {
        let limits = RetentionLimits {
            age: None,
            ..LIMITS
        };
        assert_eq!(
            starts(&limits, &mut every_second(0, 1_000), &[1_000_000]),
            [0]
        );
    }
}
