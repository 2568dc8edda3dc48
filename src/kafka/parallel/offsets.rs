//! Which records of a partition are done, and what a commit can say of them: the first that is not, and in its metadata
//! those beyond it that are. Not who processes them.

use std::collections::BTreeMap;

/// Records beyond a committed offset that are done all the same: ranges of offsets, ascending, none adjacent.
pub type Completed = Vec<(u64, u64)>;

/// Most characters of a commit's metadata: the broker's `offset.metadata.max.bytes`.
const MOST_METADATA: u64 = 4_096;
/// Beyond so many a partition takes no further records (`PartitionStateManager`: USED_PAYLOAD_THRESHOLD_MULTIPLIER is 0.75).
const MUCH_METADATA: u64 = MOST_METADATA / 4 * 3;

/// The largest number that an encoding holds in two bytes (Java's `Short.MAX_VALUE`).
const SHORT: u64 = 32_767;

/// What is done of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// Everything below is done.
    first: u64,
    /// Ranges beyond that are done, by their first offset: none adjacent to another or to `first`.
    done: BTreeMap<u64, u64>,
    takes_more: bool,
}

impl Offsets {
    /// Those of a partition read from `position` on, of which `completed` is done.
    pub fn new(position: u64, completed: &Completed) -> Self {
        let mut offsets = Offsets {
            first: position,
            done: BTreeMap::new(),
            takes_more: true,
        };
        for &(from, to) in completed {
            offsets.complete(from, to);
        }
        offsets
    }

    /// The first record that is not done.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// One after the last record that is done.
    fn end(&self) -> u64 {
        self.done.last_key_value().map_or(self.first, |(_, to)| *to)
    }

    /// Records [`from`, `to`) are done.
    pub fn complete(&mut self, from: u64, to: u64) {
        let (mut from, mut to) = (from.max(self.first), to);
        if from >= to {
            return;
        }
        if let Some((&start, &end)) = self.done.range(..=from).next_back()
            && end >= from
        {
            (from, to) = (start, to.max(end));
        }
        while let Some((&start, &end)) = self.done.range(from..=to).next() {
            self.done.remove(&start);
            to = to.max(end);
        }
        if from == self.first {
            self.first = to;
        } else {
            self.done.insert(from, to);
        }
    }

    /// The parts of [`from`, `to`) that are not done.
    pub fn missing(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut parts = Vec::new();
        let mut next = from.max(self.first);
        if next >= to {
            return parts;
        }
        let before = self.done.range(..next).next_back();
        let ranges = before.into_iter().chain(self.done.range(next..to));
        for (&start, &end) in ranges {
            if next < start.min(to) {
                parts.push((next, start.min(to)));
            }
            next = next.max(end);
        }
        if next < to {
            parts.push((next, to));
        }
        parts
    }

    /// How many below `end` are not done.
    pub fn incomplete_below(&self, end: u64) -> u64 {
        let parts = self.missing(self.first, end);
        parts.iter().map(|(from, to)| to - from).sum()
    }

    /// Whether a thread may take the record at `offset`: a partition whose metadata is nearly full takes only what makes it
    /// smaller (`PartitionState#couldBeTakenAsWork`).
    pub fn takes(&self, offset: u64) -> bool {
        self.takes_more || offset < self.end()
    }

    /// Whether it takes any.
    pub fn takes_more(&self) -> bool {
        self.takes_more
    }

    /// What a commit says; without metadata if that is too large.
    pub fn encode(&mut self) -> (u64, Completed) {
        let size = self.metadata_size();
        self.takes_more = size <= MUCH_METADATA;
        let completed = if size <= MOST_METADATA {
            self.done.iter().map(|(from, to)| (*from, *to)).collect()
        } else {
            Vec::new()
        };
        (self.first, completed)
    }

    /// Characters of the smaller of the two encodings, a bit set and run lengths, each with short or long numbers, in base
    /// 64 (`BitSetEncoder`, `RunLengthEncoder`; parallel-consumer may compress them further).
    fn metadata_size(&self) -> u64 {
        if self.done.is_empty() {
            return 0;
        }
        let length = self.end() - self.first;
        let width = if length <= SHORT { 2 } else { 4 };
        let bits = width + length.div_ceil(8) + 1;
        let runs = width * 2 * self.done.len() as u64;
        (1 + bits.min(runs)).div_ceil(3) * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_the_contiguous_prefix_and_its_metadata_is_what_is_done_beyond() {
        let mut offsets = Offsets::new(10, &Vec::new());
        for offset in [12, 11, 15, 16, 14] {
            offsets.complete(offset, offset + 1);
        }
        assert_eq!(offsets.encode(), (10, vec![(11, 13), (14, 17)]));
        offsets.complete(10, 11);
        assert_eq!(offsets.encode(), (13, vec![(14, 17)]));
        assert_eq!(offsets.missing(5, 20), [(13, 14), (17, 20)]);
        assert_eq!(offsets.incomplete_below(18), 2);
        offsets.complete(13, 14);
        assert_eq!(offsets.encode(), (17, vec![]));
    }

    #[test]
    fn the_next_owner_knows_from_the_metadata_what_is_done() {
        let offsets = Offsets::new(10, &vec![(11, 13), (14, 17)]);
        assert_eq!(offsets.missing(10, 30), [(10, 11), (13, 14), (17, 30)]);
        assert_eq!(offsets.missing(12, 16), [(13, 14)]);
    }

    /// 3,072 characters of base 64 are 2,304 bytes: one for the encoding, three for the length, a bit for each record.
    #[test]
    fn a_partition_whose_metadata_is_nearly_full_takes_only_what_makes_it_smaller() {
        let mut offsets = Offsets::new(0, &Vec::new());
        let every_second = |offsets: &mut Offsets, to: u64| {
            for offset in (1..to).step_by(2) {
                offsets.complete(offset, offset + 1);
            }
            offsets.encode().1.len()
        };
        assert!(every_second(&mut offsets, 2_300 * 8 - 1) > 9_000);
        assert!(offsets.takes_more() && offsets.takes(99_999));
        assert!(every_second(&mut offsets, 2_301 * 8) > 9_000);
        assert!(!offsets.takes_more());
        assert!(offsets.takes(0) && !offsets.takes(2_301 * 8));
        // 4,096 characters are 3,072 bytes.
        assert!(every_second(&mut offsets, 3_068 * 8 - 1) > 9_000);
        assert_eq!(every_second(&mut offsets, 3_069 * 8), 0);
        // One record that is not done is two runs.
        offsets.complete(1, 3_069 * 8);
        assert_eq!(offsets.encode(), (0, vec![(1, 3_069 * 8)]));
        assert!(offsets.takes_more());
    }

    /// Against a list of flags: the same whatever the order in which records are done.
    #[test]
    fn it_is_what_a_list_of_flags_says() {
        let mut offsets = Offsets::new(0, &Vec::new());
        let mut flags = [false; 97];
        for turn in 0..97_u64 {
            let from = turn * 41 % 97;
            let to = (from + 1 + turn % 3).min(97);
            offsets.complete(from, to);
            flags[from as usize..to as usize].fill(true);
            let first = flags.iter().position(|done| !done).unwrap_or(97) as u64;
            assert_eq!(offsets.first(), first);
            let missing = offsets.missing(0, 97);
            let listed = missing.iter().flat_map(|(from, to)| *from..*to);
            let left = (0..97).filter(|offset| !flags[*offset as usize]);
            assert!(listed.eq(left), "after {turn}: {missing:?}");
            let beyond = offsets.encode().1;
            assert!(beyond.windows(2).all(|pair| pair[0].1 < pair[1].0));
            assert!(beyond.first().is_none_or(|(from, _)| *from > first));
        }
        assert_eq!(offsets.encode(), (97, vec![]));
    }
}
