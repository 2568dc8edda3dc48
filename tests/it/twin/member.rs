//! A member of the twin: what its application thread holds in its hands.

use std::collections::{BTreeMap, VecDeque};

use lagsim::kafka::KafkaError;
use lagsim::scenario::GiveUp;
use lagsim::units::{PartitionId, SimDuration, SimTime};

use super::breaker::Breaker;
use super::pool::Pool;

/// A partition that a member owns.
#[derive(Debug)]
pub struct Owned {
    /// Handed out up to here.
    pub position: u64,
    /// Fetched up to here.
    pub fetched: u64,
    /// Committed up to here, as far as its client knows.
    pub committed: u64,
    pub paused_until: SimTime,
}

impl Owned {
    /// Records fetched and not handed out.
    pub fn waiting(&self) -> u64 {
        self.fetched - self.position
    }
}

/// What the application thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum App {
    /// Owns nothing.
    Idle,
    /// In poll().
    Polling,
    /// At work on records.
    Working,
    /// Waits for commitSync.
    Committing,
    /// Leaves the group.
    Closing,
}

/// What becomes of a record in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done with.
    Passed,
    /// Done with, and not processed.
    GivenUp(GiveUp),
    /// Fails: back to it after a pause.
    SeekBack(SimDuration),
}

/// A record that a lane works on.
#[derive(Clone, Copy, Debug)]
pub struct InHand {
    pub partition: PartitionId,
    pub offset: u64,
    pub outcome: Outcome,
    /// When its present step ends.
    pub ends: SimTime,
    /// Calls still to be made, one after another.
    pub calls: u64,
    /// What the calls of other dependencies take that come after those.
    pub after: SimDuration,
    /// Attempts at the present call that will still fail, once it has begun.
    pub failures: Option<u64>,
    /// Those that have failed.
    pub failed: u32,
    /// Whether the present step is an attempt at a call.
    pub calling: bool,
    /// Whether it is one that fails.
    pub fails: bool,
}

#[derive(Debug)]
pub struct Member {
    /// Counts its processes.
    pub incarnation: u32,
    pub app: App,
    /// There is one.
    pub runs: bool,
    /// Told to stop.
    pub stopping: bool,
    /// The entry of the timeline that restarts it, and which of its processes it is.
    pub restarted: Option<(usize, usize)>,
    /// It knows that the group has gone on without it, and is not back.
    pub evicted: bool,
    /// The group has gone on without it, whether it knows or not.
    pub removed: bool,
    /// It is no member, and does not ask to be one before its next poll().
    pub out: bool,
    /// When it last gave partitions up and committed what it had of them.
    pub gave_up_at: Option<SimTime>,
    /// When poll() returned its last batch.
    pub polled_at: SimTime,
    pub owned: BTreeMap<PartitionId, Owned>,
    /// By broker: its partitions in the order of the fetch session.
    pub session: Vec<Vec<PartitionId>>,
    /// By broker: what the next request adds to the session.
    pub added: Vec<Vec<PartitionId>>,
    /// By broker: the request in flight.
    pub in_flight: Vec<Option<u64>>,
    /// What answers brought and is not all handed out, in the order they came: where it ends.
    pub completed: VecDeque<(PartitionId, u64)>,
    /// Records of the batch not yet begun.
    pub to_do: VecDeque<(PartitionId, u64)>,
    /// When the application began to call poll() and has got nothing since.
    pub polls_from: SimTime,
    /// When a poll() ends with what there is, as far as that is on the agenda.
    pub fills_until: SimTime,
    /// The first records of the batch.
    pub begun: BTreeMap<PartitionId, u64>,
    pub lanes: Vec<Option<InHand>>,
    /// Offsets to commit after the batch.
    pub finished: BTreeMap<PartitionId, u64>,
    /// Partitions to seek back at the end of the batch.
    pub seeks: Vec<(PartitionId, u64, SimDuration)>,
    /// Records that it keeps while its breaker is open.
    pub kept: VecDeque<(PartitionId, u64)>,
    pub breaker: Option<Breaker>,
    /// The threads that work on what it polls, if it does not do so itself.
    pub pool: Option<Pool>,
    pub auto_commit_due: SimTime,
    pub frozen_until: SimTime,
    /// A commit of this instant is refused, and why.
    pub may_not_commit: Option<(SimTime, Option<KafkaError>)>,
    /// A commit was refused because it was joining: the next one brings what that would have.
    pub owes_commit: bool,
    /// Voids events of the past.
    pub epoch: u64,
}

impl Member {
    pub fn new(brokers: usize) -> Self {
        Member {
            incarnation: 0,
            app: App::Idle,
            runs: false,
            stopping: false,
            restarted: None,
            evicted: false,
            removed: false,
            out: false,
            gave_up_at: None,
            polled_at: SimTime::ZERO,
            owned: BTreeMap::new(),
            session: vec![Vec::new(); brokers],
            added: vec![Vec::new(); brokers],
            in_flight: vec![None; brokers],
            completed: VecDeque::new(),
            to_do: VecDeque::new(),
            polls_from: SimTime::ZERO,
            fills_until: SimTime::ZERO,
            begun: BTreeMap::new(),
            lanes: Vec::new(),
            finished: BTreeMap::new(),
            seeks: Vec::new(),
            kept: VecDeque::new(),
            breaker: None,
            pool: None,
            auto_commit_due: SimTime::NEVER,
            frozen_until: SimTime::ZERO,
            may_not_commit: None,
            owes_commit: false,
            epoch: 0,
        }
    }

    /// Whether it is at work on a record, or will be.
    pub fn has_in_hand(&self, partition: PartitionId, offset: u64) -> bool {
        let lanes = self.lanes.iter().flatten();
        let mut at_work = lanes.map(|one| (one.partition, one.offset));
        at_work.any(|one| one == (partition, offset)) || self.to_do.contains(&(partition, offset))
    }

    /// Until when its breaker lets no call through.
    pub fn open_until(&self, now: SimTime) -> Option<SimTime> {
        let until = self.breaker.as_ref()?.open_until;
        until.filter(|until| *until > now)
    }

    /// Gives partitions up, but not what it has of them in the batch in hand.
    pub fn lose(&mut self, partitions: &[PartitionId]) {
        self.owned.retain(|id, _| !partitions.contains(id));
        if self.owned.is_empty() {
            return self.lose_all();
        }
        for session in self.session.iter_mut().chain(&mut self.added) {
            session.retain(|id| !partitions.contains(id));
        }
        self.completed.retain(|(id, _)| !partitions.contains(id));
    }

    /// Gives everything up but the batch in hand.
    pub fn lose_all(&mut self) {
        self.owned.clear();
        self.session.iter_mut().for_each(Vec::clear);
        self.added.iter_mut().for_each(Vec::clear);
        self.in_flight.fill(None);
        self.completed.clear();
        self.auto_commit_due = SimTime::NEVER;
        if self.app == App::Polling {
            self.app = App::Idle;
        }
    }

    /// Takes an answer into the buffer; what is not at the position any more is stale.
    pub fn receive(&mut self, broker: usize, chunks: &[(PartitionId, u64, u64)]) {
        self.in_flight[broker] = None;
        for &(partition, from, to) in chunks {
            let Some(owned) = self.owned.get_mut(&partition) else {
                continue;
            };
            if owned.fetched != from {
                continue;
            }
            owned.fetched = to;
            self.completed.push_back((partition, to));
            self.session[broker].retain(|other| *other != partition);
            self.session[broker].push(partition);
        }
    }

    /// Whether records of a broker's partitions wait to be handed out.
    pub fn buffers(&self, broker: usize) -> bool {
        let led = self.session[broker].iter();
        led.into_iter().any(|id| self.owned[id].waiting() > 0)
    }

    /// Hands out up to `max` records, chunk by chunk in the order of arrival (`FetchCollector#collectFetch`); or one chunk,
    /// whatever its size.
    pub fn drain(&mut self, max: u64, one_chunk: bool) -> VecDeque<(PartitionId, u64)> {
        let mut records = VecDeque::new();
        let first = self.completed.front().copied();
        while one_chunk || (records.len() as u64) < max {
            let Some(&(partition, end)) = self.completed.front() else {
                break;
            };
            if one_chunk && Some((partition, end)) != first {
                break;
            }
            let owned = self
                .owned
                .get_mut(&partition)
                .expect("owned while buffered");
            records.push_back((partition, owned.position));
            owned.position += 1;
            if owned.position == end {
                self.completed.pop_front();
            }
        }
        records
    }

    /// The next fetch for a broker: what it leads that is owned, not paused, and of which less than so many records wait
    /// (`AbstractFetch#prepareFetchRequests`: none).
    pub fn wants(&self, broker: usize, now: SimTime, fewer: u64) -> Vec<(PartitionId, u64)> {
        let fetchable = |partition: &PartitionId| {
            let owned = &self.owned[partition];
            (owned.waiting() < fewer && owned.paused_until <= now)
                .then_some((*partition, owned.fetched))
        };
        self.session[broker].iter().filter_map(fetchable).collect()
    }
}
