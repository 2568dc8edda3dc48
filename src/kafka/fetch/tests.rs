use super::*;

/// Logs whose records are listed: the instants [ms] at which each partition's records are appended.
struct Listed(Vec<Vec<u64>>);

impl Logs for Listed {
    fn log_start(&mut self, _: PartitionId, _: SimTime) -> u64 {
        0
    }

    fn listed_end(&mut self, partition: PartitionId, at: SimTime) -> u64 {
        self.readable_end(partition, at)
    }

    fn readable_end(&mut self, partition: PartitionId, at: SimTime) -> u64 {
        let log = &self.0[partition.ix()];
        log.iter()
            .filter(|&&ms| SimTime::from_millis(ms) <= at)
            .count() as u64
    }

    fn readable_at(&mut self, partition: PartitionId, offset: u64) -> SimTime {
        let log = &self.0[partition.ix()];
        log.get(offset as usize)
            .map_or(SimTime::NEVER, |&ms| SimTime::from_millis(ms))
    }

    fn readable_end_and_next(&mut self, partition: PartitionId, at: SimTime) -> (u64, SimTime) {
        let end = self.readable_end(partition, at);
        (end, self.readable_at(partition, end))
    }
}

const LIMITS: FetchLimits = FetchLimits {
    round_trip: SimDuration::from_millis(2),
    max_wait: SimDuration::from_millis(500),
    min_records: 1,
    per_partition: 1000,
    per_response: 50_000,
    when: FetchWhen::OnceDrained,
    reset: OffsetReset::Latest,
};

fn ms(millis: u64) -> SimTime {
    SimTime::from_millis(millis)
}

fn fetcher(partitions: u32, brokers: u32) -> Fetcher {
    let mut fetcher = Fetcher::default();
    let positions: Vec<_> = (0..partitions).map(|p| (PartitionId(p), 0)).collect();
    fetcher.assign(&positions, brokers);
    fetcher
}

fn run(partition: u32, from: u64, to: u64) -> Run {
    Run {
        partition: PartitionId(partition),
        from,
        to,
    }
}

/// Polls at `at`; what it returns.
fn poll(
    fetcher: &mut Fetcher,
    at: u64,
    max: u64,
    limits: &FetchLimits,
    logs: &mut Listed,
) -> (Polled, Vec<Run>) {
    let mut runs = Vec::new();
    let call = Call {
        max,
        until: ms(at),
        one_partition: false,
    };
    let polled = fetcher.poll(ms(at), call, limits, logs, &mut runs);
    (polled, runs)
}

#[test]
fn a_fetch_takes_a_round_trip() {
    let mut logs = Listed(vec![vec![0; 10]]);
    let mut fetcher = fetcher(1, 1);
    assert_eq!(
        poll(&mut fetcher, 0, 500, &LIMITS, &mut logs).0,
        Polled::Wait(ms(2))
    );
    let (polled, runs) = poll(&mut fetcher, 2, 500, &LIMITS, &mut logs);
    assert_eq!((polled, runs), (Polled::Records(10), vec![run(0, 0, 10)]));
}

#[test]
fn a_long_poll_is_answered_when_the_record_comes() {
    let mut logs = Listed(vec![vec![300]]);
    let mut fetcher = fetcher(1, 1);
    assert_eq!(
        poll(&mut fetcher, 0, 500, &LIMITS, &mut logs).0,
        Polled::Wait(ms(301))
    );
}

#[test]
fn a_record_that_comes_between_two_long_polls_waits_for_the_next() {
    // The first long poll is at the broker from 1 to 501, the second from 503 on.
    let mut logs = Listed(vec![vec![502]]);
    let mut fetcher = fetcher(1, 1);
    assert_eq!(
        poll(&mut fetcher, 0, 500, &LIMITS, &mut logs).0,
        Polled::Wait(ms(504))
    );
}

#[test]
fn a_batch_mixes_partitions_only_where_a_chunk_runs_out() {
    let mut logs = Listed(vec![vec![0; 30], vec![0; 30]]);
    let mut fetcher = fetcher(2, 1);
    poll(&mut fetcher, 0, 50, &LIMITS, &mut logs);
    assert_eq!(
        poll(&mut fetcher, 2, 20, &LIMITS, &mut logs).1,
        vec![run(0, 0, 20)]
    );
    assert_eq!(
        poll(&mut fetcher, 3, 20, &LIMITS, &mut logs).1,
        vec![run(0, 20, 30), run(1, 0, 10)]
    );
}

#[test]
fn a_chunk_holds_at_most_max_partition_fetch_bytes() {
    let limits = FetchLimits {
        per_partition: 100,
        ..LIMITS
    };
    let mut logs = Listed(vec![vec![0; 250]]);
    let mut fetcher = fetcher(1, 1);
    poll(&mut fetcher, 0, 500, &limits, &mut logs);
    assert_eq!(
        poll(&mut fetcher, 2, 500, &limits, &mut logs).1,
        vec![run(0, 0, 100)]
    );
    assert_eq!(
        poll(&mut fetcher, 4, 500, &limits, &mut logs).1,
        vec![run(0, 100, 200)]
    );
}

#[test]
fn the_next_fetch_goes_out_with_the_poll_that_drains_the_buffer() {
    let mut logs = Listed(vec![vec![0; 10].into_iter().chain([50; 5]).collect()]);
    let mut fetcher = fetcher(1, 1);
    poll(&mut fetcher, 0, 500, &LIMITS, &mut logs);
    poll(&mut fetcher, 2, 500, &LIMITS, &mut logs);
    // Processing takes until 100; the answer has been there since 51.
    assert_eq!(
        poll(&mut fetcher, 100, 500, &LIMITS, &mut logs).1,
        vec![run(0, 10, 15)]
    );
}

#[test]
fn a_prefetch_holds_what_was_there_when_it_was_answered() {
    let mut logs = Listed(vec![vec![0, 50, 60, 70]]);
    let mut fetcher = fetcher(1, 1);
    poll(&mut fetcher, 0, 500, &LIMITS, &mut logs);
    poll(&mut fetcher, 2, 500, &LIMITS, &mut logs);
    assert_eq!(
        poll(&mut fetcher, 100, 500, &LIMITS, &mut logs).1,
        vec![run(0, 1, 2)]
    );
    // The next prefetch went out at 100 and found both that had come since.
    assert_eq!(
        poll(&mut fetcher, 102, 500, &LIMITS, &mut logs).1,
        vec![run(0, 2, 4)]
    );
}

#[test]
fn an_idle_partition_stalls_its_busy_neighbour_on_the_same_broker() {
    // X drained while {Y} long-polls cannot be fetched until that poll returns.
    let limits = FetchLimits {
        per_partition: 10,
        ..LIMITS
    };
    let mut logs = Listed(vec![vec![0; 30], vec![]]);
    let mut on_one = fetcher(2, 1);
    poll(&mut on_one, 0, 5, &limits, &mut logs);
    assert_eq!(
        poll(&mut on_one, 2, 5, &limits, &mut logs).0,
        Polled::Records(5)
    );
    assert_eq!(
        poll(&mut on_one, 3, 5, &limits, &mut logs).0,
        Polled::Records(5)
    );
    // {Y} was asked for at 2 and is parked until 503; X is asked for again at 504.
    assert_eq!(
        poll(&mut on_one, 4, 5, &limits, &mut logs).0,
        Polled::Wait(ms(504))
    );
    assert_eq!(
        poll(&mut on_one, 504, 5, &limits, &mut logs).0,
        Polled::Wait(ms(506))
    );
    let mut on_two = fetcher(2, 2);
    poll(&mut on_two, 0, 5, &limits, &mut logs);
    poll(&mut on_two, 2, 5, &limits, &mut logs);
    poll(&mut on_two, 3, 5, &limits, &mut logs);
    assert_eq!(
        poll(&mut on_two, 5, 5, &limits, &mut logs).0,
        Polled::Records(5)
    );
}

#[test]
fn a_fetch_waits_for_fetch_min_bytes_or_fetch_max_wait() {
    let limits = FetchLimits {
        min_records: 3,
        ..LIMITS
    };
    let mut logs = Listed(vec![vec![100, 200], vec![300]]);
    assert_eq!(
        poll(&mut fetcher(2, 1), 0, 500, &limits, &mut logs).0,
        Polled::Wait(ms(301))
    );
    let mut logs = Listed(vec![vec![100, 200]]);
    assert_eq!(
        poll(&mut fetcher(1, 1), 0, 500, &limits, &mut logs).0,
        Polled::Wait(ms(502))
    );
}

#[test]
fn a_paused_partition_is_fetched_again_once_its_pause_is_over() {
    let limits = FetchLimits {
        per_partition: 10,
        ..LIMITS
    };
    let mut logs = Listed(vec![vec![0; 20], vec![]]);
    let mut fetcher = fetcher(2, 2);
    poll(&mut fetcher, 0, 500, &limits, &mut logs);
    poll(&mut fetcher, 2, 500, &limits, &mut logs);
    // The prefetch of 10 to 20 is stale once the application seeks back.
    fetcher.seek(PartitionId(0), 4, ms(200));
    assert_eq!(
        poll(&mut fetcher, 10, 500, &limits, &mut logs).0,
        Polled::Wait(ms(200))
    );
    assert_eq!(
        poll(&mut fetcher, 200, 500, &limits, &mut logs).0,
        Polled::Wait(ms(202))
    );
    assert_eq!(
        poll(&mut fetcher, 202, 500, &limits, &mut logs).1,
        vec![run(0, 4, 14)]
    );
}

#[test]
fn after_a_seek_a_parked_prefetch_still_holds_its_broker() {
    // At most one fetch in flight per node: the one for offset 10 was parked at 3 and comes back empty at 504.
    let mut logs = Listed(vec![vec![0; 10]]);
    let mut fetcher = fetcher(1, 1);
    poll(&mut fetcher, 0, 500, &LIMITS, &mut logs);
    poll(&mut fetcher, 2, 500, &LIMITS, &mut logs);
    fetcher.seek(PartitionId(0), 4, ms(100));
    assert_eq!(
        poll(&mut fetcher, 100, 500, &LIMITS, &mut logs).0,
        Polled::Wait(ms(504))
    );
    assert_eq!(
        poll(&mut fetcher, 504, 500, &LIMITS, &mut logs).0,
        Polled::Wait(ms(506))
    );
}

#[test]
fn without_latency_and_waits_an_idle_poll_takes_the_record_when_it_comes() {
    let limits = FetchLimits {
        round_trip: SimDuration::ZERO,
        max_wait: SimDuration::ZERO,
        ..LIMITS
    };
    let mut logs = Listed(vec![vec![7, 9], vec![8]]);
    let mut fetcher = fetcher(2, 1);
    assert_eq!(
        poll(&mut fetcher, 0, 500, &limits, &mut logs).0,
        Polled::Wait(ms(7))
    );
    assert_eq!(
        poll(&mut fetcher, 7, 500, &limits, &mut logs).1,
        vec![run(0, 0, 1)]
    );
    assert_eq!(poll(&mut fetcher, 20, 500, &limits, &mut logs).1.len(), 2);
}

fn position(fetcher: &Fetcher, partition: u32) -> Option<u64> {
    fetcher
        .slot(PartitionId(partition))
        .map(|slot| slot.position)
}

#[test]
fn a_partition_that_stays_keeps_its_position_and_its_buffer() {
    let mut logs = Listed(vec![vec![0; 30], vec![0; 30], vec![0; 30]]);
    let mut fetcher = Fetcher::default();
    fetcher.assign(&[(PartitionId(1), 0), (PartitionId(2), 0)], 1);
    poll(&mut fetcher, 0, 20, &LIMITS, &mut logs);
    assert_eq!(
        poll(&mut fetcher, 2, 20, &LIMITS, &mut logs).1,
        vec![run(1, 0, 20)]
    );
    fetcher.release(&[PartitionId(2)]);
    fetcher.assign(&[(PartitionId(0), 7)], 1);
    assert_eq!(position(&fetcher, 0), Some(7));
    assert_eq!(position(&fetcher, 1), Some(20));
    assert_eq!(position(&fetcher, 2), None);
    // What is left of partition 1 needs no fetch; of partition 2 nothing comes any more.
    assert_eq!(
        poll(&mut fetcher, 3, 50, &LIMITS, &mut logs).1,
        vec![run(1, 20, 30)]
    );
    assert_eq!(
        poll(&mut fetcher, 5, 50, &LIMITS, &mut logs).1,
        vec![run(0, 7, 30)]
    );
}

/// A broker adds a partition to the session with the next request, behind one whose data it has sent meanwhile
/// (`FetchSession#update`).
#[test]
fn a_partition_that_comes_stands_in_line_behind_what_was_answered_before() {
    let mut logs = Listed(vec![vec![5; 30], vec![0, 10, 12]]);
    let mut fetcher = Fetcher::default();
    fetcher.assign(&[(PartitionId(1), 0)], 1);
    poll(&mut fetcher, 0, 50, &LIMITS, &mut logs);
    let (_, first) = poll(&mut fetcher, 2, 50, &LIMITS, &mut logs);
    assert_eq!(first, [run(1, 0, 1)]);
    fetcher.assign(&[(PartitionId(0), 0)], 1);
    let (_, second) = poll(&mut fetcher, 15, 50, &LIMITS, &mut logs);
    assert_eq!(second, [run(1, 1, 2)]);
    let (_, third) = poll(&mut fetcher, 30, 50, &LIMITS, &mut logs);
    assert_eq!(third, [run(1, 2, 3), run(0, 0, 30)]);
}

#[test]
fn what_is_on_its_way_of_a_partition_given_up_is_dropped() {
    let mut logs = Listed(vec![vec![0; 30], vec![0; 30]]);
    let mut fetcher = fetcher(2, 1);
    poll(&mut fetcher, 0, 50, &LIMITS, &mut logs);
    fetcher.release(&[PartitionId(0)]);
    assert_eq!(
        poll(&mut fetcher, 2, 50, &LIMITS, &mut logs).1,
        vec![run(1, 0, 30)]
    );
    // Nor does anything come of a broker that leads nothing of its any more.
    fetcher.release(&[PartitionId(1)]);
    assert_eq!(
        poll(&mut fetcher, 4, 50, &LIMITS, &mut logs),
        (Polled::Wait(SimTime::NEVER), Vec::new())
    );
}

/// At most one fetch per broker is in flight, and it does not ask for a partition that comes later.
#[test]
fn a_partition_that_comes_waits_for_the_long_poll_in_flight() {
    let mut logs = Listed(vec![vec![], vec![0; 10], vec![0; 10]]);
    for gives_one_up in [false, true] {
        let mut fetcher = fetcher(1, 1);
        if gives_one_up {
            fetcher = Fetcher::default();
            fetcher.assign(&[(PartitionId(0), 0), (PartitionId(2), 10)], 1);
        }
        poll(&mut fetcher, 0, 50, &LIMITS, &mut logs);
        fetcher.release(&[PartitionId(2)]);
        fetcher.assign(&[(PartitionId(1), 0)], 1);
        assert_eq!(
            poll(&mut fetcher, 100, 50, &LIMITS, &mut logs).0,
            Polled::Wait(ms(502))
        );
        poll(&mut fetcher, 502, 50, &LIMITS, &mut logs);
        assert_eq!(
            poll(&mut fetcher, 504, 50, &LIMITS, &mut logs).1,
            vec![run(1, 0, 10)]
        );
    }
}

/// librdkafka: `rd_kafka_toppar_fetch_decide`.
#[test]
fn a_fetch_thread_goes_on_until_its_queue_is_full() {
    let limits = FetchLimits {
        per_partition: 10,
        when: FetchWhen::Ahead {
            of_partition: 25,
            of_all: 1_000,
        },
        ..LIMITS
    };
    let mut logs = Listed(vec![vec![0; 100]]);
    let mut fetcher = fetcher(1, 1);
    poll(&mut fetcher, 0, 1, &limits, &mut logs);
    // A round trip takes 2 ms and brings 10; at 30 the queue has had enough.
    assert_eq!(
        poll(&mut fetcher, 20, 100, &limits, &mut logs).1,
        [run(0, 0, 30)]
    );
    let small = FetchLimits {
        when: FetchWhen::Ahead {
            of_partition: 1_000,
            of_all: 15,
        },
        ..limits
    };
    assert_eq!(
        poll(&mut fetcher, 40, 100, &small, &mut logs).1,
        [run(0, 30, 50)],
        "10 are fewer than 15, 20 are not"
    );
}

/// Not the one after it, which asks for what was sought.
#[test]
fn after_a_seek_the_long_poll_that_is_out_holds_a_fetch_thread() {
    let limits = FetchLimits {
        when: FetchWhen::Ahead {
            of_partition: 1_000,
            of_all: 1_000,
        },
        ..LIMITS
    };
    let mut logs = Listed(vec![[vec![0; 10], vec![60_000]].concat()]);
    let mut fetcher = fetcher(1, 1);
    poll(&mut fetcher, 0, 500, &limits, &mut logs);
    poll(&mut fetcher, 2, 500, &limits, &mut logs);
    // Long polls for offset 10 reach the broker at 3 and at 505, and this one comes back at 1006.
    fetcher.seek(PartitionId(0), 4, ms(700));
    for (at, look) in [(700, 1_006), (1_006, 1_008)] {
        assert_eq!(
            poll(&mut fetcher, at, 500, &limits, &mut logs).0,
            Polled::Wait(ms(look))
        );
    }
    assert_eq!(
        poll(&mut fetcher, 1_008, 500, &limits, &mut logs).1,
        [run(0, 4, 10)]
    );
}

/// kafkajs: `fetcher.js`.
#[test]
fn who_does_not_overlap_asks_once_everything_of_a_broker_is_processed() {
    let limits = FetchLimits {
        when: FetchWhen::BetweenBatches,
        ..LIMITS
    };
    let mut logs = Listed(vec![vec![0, 0, 0, 0, 0, 30, 30, 30], vec![0; 5]]);
    let mut fetcher = fetcher(2, 1);
    let slice = |fetcher: &mut Fetcher, at, logs: &mut Listed| {
        let mut runs = Vec::new();
        let call = Call {
            max: 1,
            until: ms(at),
            one_partition: true,
        };
        let polled = fetcher.poll(ms(at), call, &limits, logs, &mut runs);
        (polled, runs)
    };
    assert_eq!(slice(&mut fetcher, 0, &mut logs).0, Polled::Wait(ms(2)));
    assert_eq!(slice(&mut fetcher, 2, &mut logs).1, [run(0, 0, 5)]);
    assert_eq!(slice(&mut fetcher, 50, &mut logs).1, [run(1, 0, 5)]);
    // The request goes out only now, though the records have been there for long.
    assert_eq!(slice(&mut fetcher, 90, &mut logs).0, Polled::Wait(ms(92)));
    assert_eq!(slice(&mut fetcher, 92, &mut logs).1, [run(0, 5, 8)]);
}
