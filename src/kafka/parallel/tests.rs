//! The pool, rule by rule, and against an obvious one that looks at all its threads.

use super::*;

const P: PartitionId = PartitionId(0);
const Q: PartitionId = PartitionId(1);

fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

fn at(millis: u64) -> SimTime {
    SimTime::from_millis(millis)
}

fn run(partition: PartitionId, from: u64, to: u64) -> Run {
    Run {
        partition,
        from,
        to,
    }
}

/// What records take [ms], and what becomes of them.
#[derive(Default)]
struct App {
    lengths: BTreeMap<(PartitionId, u64), u64>,
    keys: BTreeMap<u64, u32>,
    /// So many attempts fail, each 1 s before the next.
    fails: BTreeMap<u64, u32>,
    ended: Vec<(u64, PartitionId, u64, bool)>,
}

impl Handler for App {
    fn attempt(
        &mut self,
        _: SimTime,
        partition: PartitionId,
        offset: u64,
        failed: u32,
    ) -> (SimDuration, Outcome) {
        let length = self
            .lengths
            .get(&(partition, offset))
            .copied()
            .unwrap_or(10);
        let fails = self.fails.get(&offset).is_some_and(|fails| failed < *fails);
        let back_off = ms(1_000);
        let outcome = if fails {
            Outcome::Failed { back_off }
        } else {
            Outcome::Done
        };
        (ms(length), outcome)
    }

    fn key(&mut self, _: PartitionId, offset: u64) -> Option<u32> {
        self.keys.get(&offset).copied()
    }

    fn ended(
        &mut self,
        at: SimTime,
        partition: PartitionId,
        offset: u64,
        outcome: Outcome,
        live: bool,
    ) {
        if outcome == Outcome::Done {
            let millis = at.since(SimTime::ZERO).as_nanos() / 1_000_000;
            self.ended.push((millis, partition, offset, live));
        }
    }
}

impl App {
    fn with_lengths(lengths: &[u64]) -> Self {
        let lengths = lengths.iter().enumerate();
        let lengths = lengths.map(|(offset, length)| ((P, offset as u64), *length));
        App {
            lengths: lengths.collect(),
            ..App::default()
        }
    }

    fn failing(fails: &[(u64, u32)]) -> Self {
        App {
            fails: fails.iter().copied().collect(),
            ..App::default()
        }
    }

    /// Offsets of records, with when they were done.
    fn done(&self) -> Vec<(u64, u64)> {
        self.ended
            .iter()
            .map(|(at, _, offset, _)| (*at, *offset))
            .collect()
    }
}

fn pool(threads: u32, order: ProcessingOrder) -> Pool {
    let mut pool = Pool::new(SimTime::ZERO, threads, 2, order);
    pool.assign(P, 0, &Vec::new());
    pool.assign(Q, 0, &Vec::new());
    pool
}

#[test]
fn a_slow_record_keeps_the_commit_back_and_nobody_else() {
    let mut app = App::with_lengths(&[10, 500, 10, 10, 10]);
    let mut pool = pool(2, ProcessingOrder::Unordered);
    pool.register(run(P, 0, 5), &mut app);
    pool.run(at(40), &mut app);
    assert_eq!(app.done(), [(10, 0), (20, 2), (30, 3), (40, 4)]);
    assert_eq!(pool.commit_of(P), Some((1, vec![(2, 5)])));
    assert_eq!((pool.in_hand(P, 5), pool.busy()), (1, 1));
    pool.run(at(600), &mut app);
    assert_eq!(pool.commit_of(P), Some((5, vec![])));
    assert!(pool.is_idle());
}

#[test]
fn records_of_a_partition_or_of_a_key_wait_for_each_other() {
    let mut app = App::default();
    let mut by_partition = pool(8, ProcessingOrder::Partition);
    by_partition.register(run(P, 0, 3), &mut app);
    by_partition.register(run(Q, 0, 2), &mut app);
    by_partition.run(at(100), &mut app);
    let times: Vec<u64> = app.ended.iter().map(|(at, ..)| *at).collect();
    assert_eq!(times, [10, 10, 20, 20, 30]);
    let keys = BTreeMap::from([(0, 7), (2, 7), (3, 7), (4, 8)]);
    let mut app = App {
        keys,
        ..App::default()
    };
    let mut by_key = pool(8, ProcessingOrder::Key);
    by_key.register(run(P, 0, 5), &mut app);
    by_key.run(at(100), &mut app);
    assert_eq!(app.done(), [(10, 0), (10, 1), (10, 4), (20, 2), (30, 3)]);
}

/// Any exception is retried after the delay; other keys go on, a partition in order does not.
#[test]
fn a_failing_record_is_tried_again_after_a_pause_and_frees_its_thread() {
    let mut app = App::failing(&[(0, 2)]);
    let mut unordered = pool(1, ProcessingOrder::Unordered);
    unordered.register(run(P, 0, 3), &mut app);
    unordered.run(at(500), &mut app);
    assert!(unordered.is_stuck(P));
    assert_eq!(unordered.commit_of(P), Some((0, vec![(1, 3)])));
    unordered.run(at(5_000), &mut app);
    assert_eq!(app.done(), [(20, 1), (30, 2), (2_030, 0)]);
    assert!(!unordered.is_stuck(P));
    let mut app = App::failing(&[(0, 1)]);
    let mut ordered = pool(4, ProcessingOrder::Partition);
    ordered.register(run(P, 0, 2), &mut app);
    ordered.run(at(5_000), &mut app);
    assert_eq!(app.done(), [(1_020, 0), (1_030, 1)]);
}

/// All of them were due while the only thread was at work.
#[test]
fn of_records_to_be_tried_again_the_lowest_comes_first() {
    let mut app = App::with_lengths(&[10, 20, 30, 4_000]);
    app.fails = BTreeMap::from([(0, 1), (1, 1), (2, 1)]);
    let mut pool = pool(1, ProcessingOrder::Unordered);
    pool.register(run(P, 0, 4), &mut app);
    pool.run(at(6_000), &mut app);
    assert_eq!(app.done(), [(4_060, 3), (4_070, 0), (4_090, 1), (4_120, 2)]);
}

/// 0 is due again in the instant in which 1 is done, and 2 has waited all the time.
#[test]
fn a_thread_that_becomes_free_takes_what_is_due_in_that_instant() {
    let mut app = App::with_lengths(&[10, 1_000, 10]);
    app.fails = BTreeMap::from([(0, 1)]);
    let mut pool = pool(1, ProcessingOrder::Unordered);
    pool.register(run(P, 0, 3), &mut app);
    pool.run(at(2_000), &mut app);
    assert_eq!(app.done(), [(1_010, 1), (1_020, 0), (1_030, 2)]);
}

/// 1 and 2 were due before 0 was, but it stood still, and has threads for two of them.
#[test]
fn of_records_due_while_it_stood_still_the_lowest_come_first() {
    let mut app = App::with_lengths(&[30, 10, 10]);
    app.fails = BTreeMap::from([(0, 1), (1, 1), (2, 1)]);
    let mut pool = pool(2, ProcessingOrder::Unordered);
    pool.register(run(P, 0, 3), &mut app);
    pool.run(at(500), &mut app);
    pool.stand_still(at(3_000));
    pool.run(at(4_000), &mut app);
    assert_eq!(app.done(), [(3_010, 1), (3_020, 2), (3_030, 0)]);
}

/// The next owner finds in the commit what is done beyond it, and does the rest.
#[test]
fn what_the_metadata_says_is_done_is_not_done_again() {
    let mut app = App::default();
    let mut pool = Pool::new(SimTime::ZERO, 4, 2, ProcessingOrder::Unordered);
    pool.assign(P, 1, &vec![(2, 4), (5, 6)]);
    pool.register(run(P, 1, 8), &mut app);
    pool.run(at(100), &mut app);
    let offsets: Vec<u64> = app.done().iter().map(|(_, offset)| *offset).collect();
    assert_eq!(offsets, [1, 4, 6, 7]);
    assert_eq!(pool.commit_of(P), Some((8, vec![])));
}

#[test]
fn what_threads_have_in_hand_of_a_revoked_partition_counts_for_nothing() {
    let mut app = App::default();
    let mut pool = pool(2, ProcessingOrder::Unordered);
    pool.register(run(P, 0, 6), &mut app);
    pool.run(at(5), &mut app);
    pool.give_up(P);
    pool.assign(P, 0, &Vec::new());
    pool.register(run(P, 0, 1), &mut app);
    pool.run(at(100), &mut app);
    assert_eq!(
        app.ended,
        [(10, P, 0, false), (10, P, 1, false), (20, P, 0, true)]
    );
    assert_eq!(pool.commit_of(P), Some((1, vec![])));
}

#[test]
fn a_pool_that_closes_finishes_what_is_in_hand() {
    let mut app = App::default();
    let mut pool = pool(2, ProcessingOrder::Unordered);
    pool.register(run(P, 0, 6), &mut app);
    assert!(pool.is_loaded());
    pool.run(at(5), &mut app);
    pool.close();
    pool.run(at(100), &mut app);
    assert_eq!(app.done(), [(10, 0), (10, 1)]);
    assert!(pool.is_idle());
}

/// What is in hand takes as much longer as work is slower, and stands while it stands.
#[test]
fn work_goes_at_its_speed() {
    let mut app = App::with_lengths(&[100]);
    let mut pool = pool(1, ProcessingOrder::Unordered);
    pool.register(run(P, 0, 1), &mut app);
    pool.run(at(20), &mut app);
    pool.set_speed(at(20), FULL_SPEED / 2);
    pool.run(at(60), &mut app);
    pool.set_speed(at(60), 0);
    pool.run(at(1_000), &mut app);
    pool.set_speed(at(1_000), FULL_SPEED);
    assert_eq!(pool.next_event(), at(1_060));
    pool.run(at(2_000), &mut app);
    assert_eq!(app.done(), [(1_060, 0)]);
}

/// However time is cut into pieces, the same ends at the same instants; nothing is done twice, nothing is left.
#[test]
fn the_pieces_in_which_it_is_run_change_nothing() {
    for order in [
        ProcessingOrder::Unordered,
        ProcessingOrder::Key,
        ProcessingOrder::Partition,
    ] {
        let mut ends = Vec::new();
        for step in [1, 7, 10_000] {
            let lengths: Vec<u64> = (0..200).map(|n: u64| 1 + n * 7_919 % 37).collect();
            let mut app = App::with_lengths(&lengths);
            app.keys = (0..200)
                .filter(|n| n % 3 == 0)
                .map(|n| (n, (n % 5) as u32))
                .collect();
            app.fails = BTreeMap::from([(17, 1), (40, 2)]);
            let mut pool = pool(5, order);
            pool.register(run(P, 0, 200), &mut app);
            let mut now = 0;
            while now < 20_000 {
                now += step;
                pool.run(at(now), &mut app);
            }
            assert!(pool.is_idle(), "{order:?}");
            assert_eq!(pool.commit_of(P), Some((200, vec![])));
            assert_eq!(app.ended.len(), 200);
            ends.push(app.done());
        }
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{order:?}");
    }
}

/// Without an order, the next record goes to the thread that is free first.
#[test]
fn without_an_order_it_is_list_scheduling() {
    let lengths: Vec<u64> = (0..300).map(|n: u64| 1 + n * 7_919 % 53).collect();
    let mut app = App::with_lengths(&lengths);
    let mut pool = pool(4, ProcessingOrder::Unordered);
    pool.register(run(P, 0, 300), &mut app);
    pool.run(at(100_000), &mut app);
    let mut free = [0_u64; 4];
    let mut expected: Vec<(u64, u64)> = Vec::new();
    for (offset, length) in lengths.iter().enumerate() {
        let first = free.iter_mut().min();
        if let Some(first) = first {
            *first += length;
            expected.push((*first, offset as u64));
        }
    }
    expected.sort_unstable();
    let mut done = app.done();
    done.sort_unstable();
    assert_eq!(done, expected);
}
