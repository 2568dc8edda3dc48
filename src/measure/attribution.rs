//! Which state of a partition made which part of its lag. Every partition-second is in exactly one state, and what
//! the states gained and lost adds up to the lag there is, in whole records.

use serde::Serialize;

use super::curves::lag_of;
use crate::scenario::Downstream;
use crate::sim::{PartitionState, Sample};
use crate::units::{PartitionId, SimDuration, SimTime};

/// A stretch of time in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// From here until the next segment, or the end of the run.
    pub since: SimTime,
    /// The state.
    pub state: PartitionState,
    /// Of a throttled partition, the dependency that its member waits for: an index into those of the scenario.
    pub waits_for: Option<usize>,
    /// Lag when it began (records).
    pub lag: u64,
    /// Highest lag sampled in it, at least the one it began with (records).
    peak: u64,
    /// When that was.
    peak_at: SimTime,
}

impl Segment {
    /// A stretch that begins at `since` with `lag` records.
    pub fn new(since: SimTime, state: PartitionState, lag: u64) -> Self {
        Segment {
            since,
            state,
            waits_for: None,
            lag,
            peak: lag,
            peak_at: since,
        }
    }

    /// The same of a member that waits for a dependency.
    #[must_use]
    pub fn waiting_for(mut self, dependency: Option<usize>) -> Self {
        self.waits_for = dependency;
        self
    }

    /// Whether it is of the same state, for the same dependency.
    pub fn is_like(&self, other: &Segment) -> bool {
        (self.state, self.waits_for) == (other.state, other.waits_for)
    }

    fn rise_to(&mut self, at: SimTime, lag: u64) {
        if lag > self.peak {
            (self.peak, self.peak_at) = (lag, at);
        }
    }
}

/// What one state did to the lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The state.
    pub state: PartitionState,
    /// Time spent in it.
    pub time: SimDuration,
    /// Sum over its stretches of the rise from their start to their peak (records).
    pub gained: u64,
    /// Sum over its stretches of the fall from their peak to their end (records).
    pub lost: u64,
}

impl Account {
    fn new(state: PartitionState) -> Self {
        Account {
            state,
            time: SimDuration::ZERO,
            gained: 0,
            lost: 0,
        }
    }

    fn add(&mut self, other: &Account) {
        self.time += other.time;
        self.gained += other.gained;
        self.lost += other.lost;
    }
}

/// The stretches of every partition, as told so far.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    partitions: Vec<Vec<Segment>>,
}

impl Segments {
    /// From `segment.since` on the partition is in that state; what was told for later instants is void.
    pub fn tell(&mut self, partition: PartitionId, mut segment: Segment) {
        let ix = partition.ix();
        if self.partitions.len() <= ix {
            self.partitions.resize_with(ix + 1, Vec::new);
        }
        let told = &mut self.partitions[ix];
        while let Some(void) = told.pop_if(|later| later.since > segment.since) {
            segment.rise_to(void.peak_at, void.peak);
        }
        // A peak of the stretch before that came after its new end belongs to the new one.
        if let Some(before) = told.last_mut()
            && before.peak_at > segment.since
        {
            segment.rise_to(before.peak_at, before.peak);
            (before.peak, before.peak_at) = (before.lag, before.since);
        }
        match told.last_mut() {
            // The same state again is no new stretch.
            Some(last) if last.is_like(&segment) => last.rise_to(segment.peak_at, segment.peak),
            _ => told.push(segment),
        }
    }

    /// Takes the samples of an instant.
    pub fn push(&mut self, at: SimTime, samples: &[Sample]) {
        self.begin(at, samples);
        for (told, sample) in self.partitions.iter_mut().zip(samples) {
            if let Some(last) = told.last_mut() {
                last.rise_to(at, lag_of(sample));
            }
        }
    }

    /// A partition whose state nobody told is in the state of its first sample.
    fn begin(&mut self, at: SimTime, samples: &[Sample]) {
        for (ix, sample) in samples.iter().enumerate().skip(self.partitions.len()) {
            let segment = Segment::new(at, sample.state, lag_of(sample));
            self.tell(PartitionId(ix as u32), segment);
        }
    }

    /// The stretches of each partition, in order of time.
    pub fn partitions(&self) -> &[Vec<Segment>] {
        &self.partitions
    }

    /// The longest time that a partition had no reader because of its group, until `end`.
    pub fn down_longest(&self, end: SimTime) -> SimDuration {
        let mut longest = SimDuration::ZERO;
        for told in &self.partitions {
            let mut down_since = None;
            for (ix, segment) in told.iter().enumerate() {
                if !matches!(
                    segment.state,
                    PartitionState::Rebalancing | PartitionState::Orphaned
                ) {
                    down_since = None;
                    continue;
                }
                let since = *down_since.get_or_insert(segment.since);
                let until = told.get(ix + 1).map_or(end, |next| next.since);
                longest = longest.max(until.since(since));
            }
        }
        longest
    }

    /// What each state did to the lag of `partition` until `end`, when its lag was `last`.
    /// States that never were do not appear.
    pub fn accounts(&self, partition: usize, end: SimTime, last: u64) -> Vec<Account> {
        let stretches = self.stretches(partition, end, last);
        let each: Vec<Account> = stretches.map(|(_, account)| account).collect();
        add_up(&each)
    }

    /// What the lag of `partition` gained in the state in which it ends, since it is in it (records).
    pub fn gained_last(&self, partition: usize, end: SimTime, last: u64) -> u64 {
        let stretch = self.stretches(partition, end, last).last();
        stretch.map_or(0, |(_, account)| account.gained)
    }

    /// What waiting for each of so many dependencies did to the lag of some partitions until `end`, each with its lag then.
    pub fn waits(
        &self,
        partitions: impl Iterator<Item = (usize, u64)>,
        end: SimTime,
        of: usize,
    ) -> Vec<Account> {
        let mut waits = vec![Account::new(PartitionState::Throttled); of];
        let stretches = partitions.flat_map(|(ix, last)| self.stretches(ix, end, last));
        for (segment, account) in stretches {
            if let Some(sum) = segment.waits_for.and_then(|which| waits.get_mut(which)) {
                sum.add(&account);
            }
        }
        waits
    }

    /// What each stretch did.
    fn stretches(
        &self,
        partition: usize,
        end: SimTime,
        last: u64,
    ) -> impl Iterator<Item = (&Segment, Account)> {
        let told = self
            .partitions
            .get(partition)
            .map_or(&[][..], Vec::as_slice);
        told.iter().enumerate().map(move |(ix, segment)| {
            let (until, lag) = told
                .get(ix + 1)
                .map_or((end, last), |next| (next.since, next.lag));
            let peak = segment.peak.max(lag);
            let account = Account {
                state: segment.state,
                time: until.since(segment.since),
                gained: peak - segment.lag,
                lost: peak - lag,
            };
            (segment, account)
        })
    }
}

/// Adds up the accounts of partitions, state by state, in the order of [`PartitionState::ALL`].
pub fn add_up<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Vec<Account> {
    let mut sums = PartitionState::ALL.map(Account::new);
    let mut seen = [false; PartitionState::ALL.len()];
    for account in accounts {
        let ix = place(account.state);
        seen[ix] = true;
        sums[ix].add(account);
    }
    sums.into_iter()
        .zip(seen)
        .filter_map(|(sum, seen)| seen.then_some(sum))
        .collect()
}

/// The place of a state in [`PartitionState::ALL`].
fn place(state: PartitionState) -> usize {
    PartitionState::ALL
        .iter()
        .position(|&other| other == state)
        .unwrap_or(0)
}

/// What waiting for one of several dependencies did to the lag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wait {
    /// Index of the dependency into those of the scenario.
    #[serde(skip)]
    pub which: usize,
    /// Its name.
    pub dependency: String,
    /// Time for which members waited for it, partitions added up (s).
    pub seconds: f64,
    /// Lag gained meanwhile (records).
    pub lag_gained: u64,
    /// Lag worked off meanwhile (records).
    pub lag_lost: u64,
}

/// An account in the summary.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// Name of the state: `keeping-up`, `saturated`, `throttled`, `blocked`, ...
    pub state: &'static str,
    /// Time in this state, partitions added up (s).
    pub seconds: f64,
    /// Lag gained in this state: what its stretches rose from their start to their peak (records).
    pub lag_gained: u64,
    /// Lag worked off in this state: what its stretches fell from their peak to their end (records).
    pub lag_lost: u64,
    /// Gained less lost; the states of a partition add up to its final less its initial lag (records).
    pub lag_net: i64,
    /// Share of the lag gained in all states but `keeping-up`, from 0 to 1; `keeping-up` is no cause and has 0.
    pub share_of_gained: f64,
    /// Of `throttled`, where a model has several dependencies: what of it waiting for each of them did, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Wait>,
}

/// Waits for each of `downstreams` as the summary shows them: of several.
pub fn waits(waits: &[Account], downstreams: &[Downstream]) -> Vec<Wait> {
    let each = waits.iter().zip(downstreams).enumerate();
    let each = each.filter(|(_, (account, _))| downstreams.len() > 1 && !account.time.is_zero());
    each.map(|(which, (account, own))| Wait {
        which,
        dependency: own.name.clone(),
        seconds: account.time.as_secs_f64(),
        lag_gained: account.gained,
        lag_lost: account.lost,
    })
    .collect()
}

/// The accounts as the summary shows them, `throttled` with what members waited for.
pub fn causes(accounts: &[Account], waits: &[Wait]) -> Vec<Cause> {
    let is_cause = |state| state != PartitionState::KeepingUp;
    let all: u64 = accounts
        .iter()
        .filter(|a| is_cause(a.state))
        .map(|a| a.gained)
        .sum();
    accounts
        .iter()
        .map(|account| Cause {
            state: account.state.name(),
            seconds: account.time.as_secs_f64(),
            lag_gained: account.gained,
            lag_lost: account.lost,
            lag_net: account.gained as i64 - account.lost as i64,
            share_of_gained: if all > 0 && is_cause(account.state) {
                account.gained as f64 / all as f64
            } else {
                0.0
            },
            dependencies: match account.state {
                PartitionState::Throttled => waits.to_vec(),
                _ => Vec::new(),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(since: u64, state: PartitionState, lag: u64) -> Segment {
        Segment::new(SimTime::from_secs(since), state, lag)
    }

    fn sample(lag: u64) -> Sample {
        Sample {
            log_end: lag,
            committed: Some(0),
            position: 0,
            age_s: None,
            state: PartitionState::Saturated,
        }
    }

    #[test]
    fn a_partition_is_down_from_the_first_instant_without_a_reader_to_the_next_one() {
        use PartitionState::*;
        let stretches = [
            told(0, Starting, 0),
            told(50, KeepingUp, 0),
            told(60, Orphaned, 0),
            told(64, Rebalancing, 0),
            told(69, KeepingUp, 0),
            told(80, Rebalancing, 0),
            told(85, Saturated, 0),
        ];
        let mut segments = Segments::default();
        for segment in stretches {
            segments.tell(PartitionId(0), segment);
        }
        let down = |segments: &Segments| segments.down_longest(SimTime::from_secs(100));
        assert_eq!(down(&segments), SimDuration::from_secs(9));
        segments.tell(PartitionId(1), told(90, Orphaned, 0));
        assert_eq!(down(&segments), SimDuration::from_secs(10));
    }

    #[test]
    fn a_hump_within_one_stretch_is_gained_and_lost() {
        let mut segments = Segments::default();
        segments.tell(PartitionId(0), told(0, PartitionState::Saturated, 100));
        for (second, lag) in [(10, 900), (20, 5_000), (30, 300)] {
            segments.push(SimTime::from_secs(second), &[sample(lag)]);
        }
        let accounts = segments.accounts(0, SimTime::from_secs(40), 50);
        assert_eq!((accounts[0].gained, accounts[0].lost), (4_900, 4_950));
        // The hump belongs to what it is told to have been afterwards.
        segments.tell(PartitionId(0), told(15, PartitionState::Evicted, 1_000));
        let accounts = segments.accounts(0, SimTime::from_secs(40), 50);
        let lines: Vec<_> = accounts
            .iter()
            .map(|a| (a.state.name(), a.gained, a.lost))
            .collect();
        assert_eq!(lines, [("saturated", 900, 0), ("evicted", 4_000, 4_950)]);
    }

    #[test]
    fn an_eviction_takes_back_what_was_told_since_the_batch_began() {
        let mut segments = Segments::default();
        let partition = PartitionId(0);
        segments.tell(partition, told(0, PartitionState::Starting, 100));
        segments.tell(partition, told(3, PartitionState::Saturated, 130));
        segments.tell(partition, told(10, PartitionState::Throttled, 200));
        segments.tell(partition, told(5, PartitionState::Evicted, 150));
        segments.tell(partition, told(310, PartitionState::Rebalancing, 3_200));
        let accounts = segments.accounts(0, SimTime::from_secs(320), 3_300);
        let lines: Vec<_> = accounts
            .iter()
            .map(|a| (a.state.name(), a.time, a.gained, a.lost))
            .collect();
        let secs = SimDuration::from_secs;
        assert_eq!(
            lines,
            [
                ("starting", secs(3), 30, 0),
                ("saturated", secs(2), 20, 0),
                ("rebalancing", secs(10), 100, 0),
                ("evicted", secs(305), 3_050, 0),
            ]
        );
    }

    #[test]
    fn keeping_up_is_no_cause() {
        let mut segments = Segments::default();
        segments.tell(PartitionId(0), told(0, PartitionState::KeepingUp, 0));
        segments.tell(PartitionId(0), told(10, PartitionState::Blocked, 50));
        let causes = causes(&segments.accounts(0, SimTime::from_secs(20), 150), &[]);
        let shares: Vec<_> = causes
            .iter()
            .map(|c| (c.state, c.share_of_gained))
            .collect();
        assert_eq!(shares, [("keeping-up", 0.0), ("blocked", 1.0)]);
    }

    proptest! {
        /// Whatever is told, retroactively or not: net = final - initial, and the seconds fill the run.
        #[test]
        fn gained_and_lost_add_up_to_the_lag(
            first in (0usize..9, 0u64..1_000_000),
            stories in prop::collection::vec((0u64..900, 0usize..9, 0u64..1_000_000, 0u64..50), 0..80),
            last in 0u64..1_000_000,
        ) {
            let mut segments = Segments::default();
            segments.tell(PartitionId(0), told(0, PartitionState::ALL[first.0], first.1));
            let mut now = 0;
            for (step, state, lag, back) in stories {
                now += step;
                let since = SimTime::from_secs(now) - SimDuration::from_secs(back);
                if since == SimTime::ZERO {
                    continue; // the lag at the start is known and does not change
                }
                let segment = Segment::new(since, PartitionState::ALL[state], lag);
                segments.tell(PartitionId(0), segment);
                segments.push(SimTime::from_secs(now), &[sample(lag / 2 + 3 * back)]);
            }
            let end = SimTime::from_secs(now + 10);
            let accounts = segments.accounts(0, end, last);
            let net: i64 = accounts.iter().map(|a| a.gained as i64 - a.lost as i64).sum();
            prop_assert_eq!(net, last as i64 - first.1 as i64);
            let time: u64 = accounts.iter().map(|a| a.time.as_nanos()).sum();
            prop_assert_eq!(time, end.as_nanos());
        }
    }
}
